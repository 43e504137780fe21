/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/output.h - a file that is written completely or, if this command created it, not at all.
 *
 * A file that was there before, a device or a pipe is never removed.
 */
#ifndef WEIR_CLI_OUTPUT_H
#define WEIR_CLI_OUTPUT_H
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct output {
    FILE *file;
    const char *path; /* borrowed */
    bool created;     /* by us: removed when writing fails */
};

/** Opens @path for writing, "-" being a duplicate of stdout. Returns 0, or -1 with errno set. */
int output_open(struct output *out, const char *path);

/** Writes out what is buffered. Returns 0, or -1 with errno set; the file stays open. */
int output_flush(struct output *out);

/** Closes the file unless @out->file is NULL already, and after a failure removes it if it is ours. */
void output_close(struct output *out, bool failed);
#endif
