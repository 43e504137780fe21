/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/emit.h - programs in the forms other tools read. */
#ifndef WEIR_CLI_EMIT_H
#define WEIR_CLI_EMIT_H
#include "options.h"
#include "weir/weir.h"

/** Prints @p as --emit asks. Returns the exit status. */
int emit_program(const struct options *o, const struct weir_program *p);
#endif
