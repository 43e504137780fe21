/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cost.h - what a classic program costs, and whether this machine's kernel takes it. */
#ifndef WEIR_CLI_COST_H
#define WEIR_CLI_COST_H
#include "options.h"
#include "weir/weir.h"

/** Prints it to stdout: remarks behind a listing, or one JSON object. Returns the exit status. */
int cost_print(const struct options *o, const struct weir_program *p);
#endif
