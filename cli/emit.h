/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/emit.h - programs as text on standard output, also in the forms other tools read. */
#ifndef WEIR_CLI_EMIT_H
#define WEIR_CLI_EMIT_H
#include "options.h"
#include "weir/weir.h"

/** Prints @p in @form. Returns the exit status. */
int print_text(const struct options *o, const struct weir_program *p, enum weir_text form);

/** Prints @p as --emit asks. Returns the exit status. */
int emit_program(const struct options *o, const struct weir_program *p);
#endif
