/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/say.h - text for people and programs: messages of the command itself, escaping, colour.
 *
 * Everything that came from a filter, a file or the command line is made harmless before it reaches a
 * terminal.
 */
#ifndef WEIR_CLI_SAY_H
#define WEIR_CLI_SAY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit statuses of the command. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/** `weir: MESSAGE` on stderr, or one JSON object a line. Returns EXIT_FAILED. */
__attribute__((format(printf, 2, 3))) int say_failed(bool json, const char *format, ...);

/** The same with a pointer to --help; always plain text. Returns EXIT_USAGE. */
__attribute__((format(printf, 1, 2))) int say_usage(const char *format, ...);

/** Length of the UTF-8 character at @s (1 to 4) if it can be shown as it is, else 0. @left is at least 1. */
size_t say_character(const char *s, size_t left);

/** @s without control characters and broken UTF-8, each byte of which becomes a question mark. Tabs stay. */
void say_text(FILE *f, const char *s, size_t len);

/** A JSON string with its quotes; broken UTF-8 becomes U+FFFD. NULL is null. */
void say_json_string(FILE *f, const char *s);

/** True when @f is a terminal that takes colours (and NO_COLOR is not set). */
bool say_in_colour(FILE *f);
#endif
