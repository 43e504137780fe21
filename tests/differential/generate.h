/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/generate.h - random filters for a link type, drawn from grammar.tsv.
 *
 * A filter is a tree of primitives, so that it can be taken apart again; a primitive is text.
 */
#ifndef WEIR_TESTS_DIFFERENTIAL_GENERATE_H
#define WEIR_TESTS_DIFFERENTIAL_GENERATE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/strbuf.h"
#include "proto/linktype.h"
#include "tests/harness/rng.h"
#include "weir/weir.h"

struct production {
    const char *name; /* of the class it belongs to */
    uint32_t weight;
    const char *needs; /* words, see generate.c */
    const char *text;
    const char *inside; /* link type of what follows in the filter, or "-" */
};

struct grammar {
    struct production *row;
    uint32_t n;
    char *text;
};

/** False when the file cannot be read, which stderr says. */
bool grammar_load(const char *path, struct grammar *out);
void grammar_free(struct grammar *g);

enum tree_kind { TREE_PRIMITIVE, TREE_NOT, TREE_AND, TREE_OR };

struct tree {
    enum tree_kind kind;
    bool parens;               /* written in parentheses nobody needs */
    const char *text;          /* TREE_PRIMITIVE */
    struct tree *left, *right; /* TREE_NOT: left */
};

/** A filter of @primitives primitives, in @arena. NULL when memory is out. */
struct tree *generate_filter(const struct grammar *g, struct rng *r, struct arena *arena,
                             const struct linktype *lt, const struct weir_options *o, uint32_t primitives);

/** One primitive from row @row; NULL when the row does not suit @lt. */
struct tree *generate_primitive(const struct grammar *g, uint32_t row, struct rng *r, struct arena *arena,
                                const struct linktype *lt, const struct weir_options *o);

/** The tree as text, NUL-terminated, in @arena. */
const char *tree_text(const struct tree *t, struct arena *arena);
#endif
