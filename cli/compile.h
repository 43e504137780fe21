/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/compile.h - from the command line's filter to a program, with all that has to be said about it. */
#ifndef WEIR_CLI_COMPILE_H
#define WEIR_CLI_COMPILE_H
#include "options.h"
#include "weir/weir.h"

/**
 * Compiles the filter of @o. @wo brings what was found out about the packets (a savefile's link type, say);
 * what the command line says wins.
 *
 * Diagnostics go to stderr. Returns EXIT_DONE with *@out to be freed by weir_program_free(), or another
 * status.
 */
int compile_filter(const struct options *o, struct weir_options wo, struct weir_program **out);
#endif
