/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/commands.h - what the command can do; each function returns the exit status. */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H
struct options;

int cmd_compile(const struct options *o);   /* print or write a program */
int cmd_match(const struct options *o);     /* filter a savefile */
int cmd_linktypes(const struct options *o); /* list the link types */
#endif
