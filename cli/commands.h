/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/commands.h - what the command can do; each function returns the exit status. */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H
struct options;

int cmd_compile(const struct options *o);   /* print or write a program */
int cmd_match(const struct options *o);     /* filter a savefile */
int cmd_linktypes(const struct options *o); /* list the link types */

/* With words of their own: argv[0] is the command's name. */
int cmd_attach(int argc, char **argv); /* load a filter and attach it to an interface */
int cmd_show(int argc, char **argv);   /* what is attached, and what it counted */
int cmd_detach(int argc, char **argv); /* detach it */
int cmd_set(int argc, char **argv);    /* change or list the named sets of what is attached */
int cmd_diff(int argc, char **argv);   /* do two filters mean the same? */
#endif
