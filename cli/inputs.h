/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/inputs.h - what a program looks at, in words or as JSON. */
#ifndef WEIR_CLI_INPUTS_H
#define WEIR_CLI_INPUTS_H
#include "options.h"
#include "weir/weir.h"

/** Is there anything to print? Returns an exit status, after saying that there is not. */
int inputs_check(const struct options *o, const struct weir_program *p);

/** Prints to stdout, once inputs_check() has passed. */
void inputs_print(const struct options *o, const struct weir_program *p);
#endif
