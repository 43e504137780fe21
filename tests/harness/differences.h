/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/differences.h - docs/differences.tsv: where weir means to differ from the reference.
 *
 * Five columns: case name pattern, link type pattern (both as fnmatch(3) takes them), a filter expression
 * that says for which packets or `always`, the reason, an issue. The first line is the header.
 */
#ifndef WEIR_TESTS_HARNESS_DIFFERENCES_H
#define WEIR_TESTS_HARNESS_DIFFERENCES_H
#include <stdbool.h>
#include <stddef.h>

struct difference {
    const char *name, *linktype; /* patterns */
    const char *condition;       /* NULL: always */
    const char *reason, *issue;
};

struct differences {
    struct difference *row;
    size_t n;
    char *text;
};

/** False when the file cannot be read or a row has not five columns, which stderr says. */
bool differences_load(const char *path, struct differences *out);
void differences_free(struct differences *d);

/** Does @row speak of case @name on @linktype? */
bool difference_matches(const struct difference *row, const char *name, const char *linktype);
#endif
