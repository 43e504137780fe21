/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/tap.c - test results as TAP on stdout.
 */
#include "tests/harness/tap.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One test program is one sequence of results. */
static struct {
    unsigned run, failed;
    bool planned;
    unsigned plan;
    char *pending; /* lines, or NULL */
} tap;

void tap_plan(unsigned n)
{
    tap.planned = true;
    tap.plan = n;
    printf("1..%u\n", n);
}

/* A name on one line: what would break the protocol becomes a blank. */
static void print_name(const char *format, va_list args)
{
    char name[512];
    vsnprintf(name, sizeof name, format, args);
    for (char *c = name; *c; c++)
        if (*c == '\n' || *c == '\r' || *c == '#')
            *c = ' ';
    fputs(name, stdout);
}

/* @text, which is changed, as lines with "# " in front. */
static void print_details(char *text)
{
    size_t len = strlen(text);
    if (len && text[len - 1] == '\n')
        text[len - 1] = '\0';
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        printf("# %s\n", line);
    }
}

bool tap_ok(bool ok, const char *format, ...)
{
    va_list args;
    tap.run++;
    tap.failed += !ok;
    printf("%s %u - ", ok ? "ok" : "not ok", tap.run);
    va_start(args, format);
    print_name(format, args);
    va_end(args);
    putchar('\n');
    if (tap.pending && !ok)
        print_details(tap.pending);
    free(tap.pending);
    tap.pending = NULL;
    fflush(stdout);
    return ok;
}

void tap_skip(const char *reason, const char *format, ...)
{
    va_list args;
    printf("ok %u - ", ++tap.run);
    va_start(args, format);
    print_name(format, args);
    va_end(args);
    printf(" # SKIP %s\n", reason);
    free(tap.pending);
    tap.pending = NULL;
    fflush(stdout);
}

void tap_diag(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0) {
        print_details(text);
        free(text);
        fflush(stdout);
    }
    va_end(args);
}

void tap_pending(const char *format, ...)
{
    va_list args;
    char *text = NULL, *joined = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0) {
        size_t len = strlen(text);
        const char *end = len && text[len - 1] == '\n' ? "" : "\n";
        if (asprintf(&joined, "%s%s%s", tap.pending ? tap.pending : "", text, end) >= 0) {
            free(tap.pending);
            tap.pending = joined;
        }
        free(text);
    }
    va_end(args);
}

int tap_done(void)
{
    if (!tap.planned)
        printf("1..%u\n", tap.run);
    else if (tap.plan != tap.run)
        printf("# planned %u tests and ran %u\n", tap.plan, tap.run);
    fflush(stdout);
    return tap.failed || (tap.planned && tap.plan != tap.run) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int tap_skip_all(const char *reason)
{
    printf("1..0 # SKIP %s\n", reason);
    fflush(stdout);
    return EXIT_SUCCESS;
}
