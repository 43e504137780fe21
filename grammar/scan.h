/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.h - what the scanner and the grammar share.
 *
 * Only filter.l, filter.y and mistakes.h include this.
 */
#ifndef WEIR_GRAMMAR_SCAN_H
#define WEIR_GRAMMAR_SCAN_H
#include <stdalign.h>
#include <stddef.h>
#include "ast/ast.h"
#include "ast/build.h"

/* A row of keywords.def. */
struct keyword {
    const char *word;
    uint8_t len;
    uint16_t token;
    uint32_t value;
};

struct seen {
    int token;
    struct span at;
};

/* One run of the parser. */
#define RECENT_WORDS 64

/* The hint for `tcp contains "GET"` and `tcp[20:4] = "GET "`. */
#define TEXT_IS_BYTES "text is compared as bytes: 'tcp[20:4] = 0x47455420' is \"GET \" at that place"

struct parse_ctx {
    struct arena *arena;
    struct arena *scratch; /* for what goes when the tree is there */
    struct diag_sink *sink;
    struct ast_builder build;
    const char *text;
    uint32_t len;
    uint32_t pos; /* where the next token is looked for */
    uint32_t nesting;
    struct ast_quals force;                     /* the qualifiers a bare id would get here */
    VEC(struct ast_arg) list;                   /* numbers of the ATM or SS7 list being read */
    VEC(struct span) open;                      /* brackets not closed yet */
    struct seen seen[3];                        /* the last tokens, newest first */
    const struct keyword *recent[RECENT_WORDS]; /* keywords that were found, by what scan_word() makes of
                                                   their letters; or NULL */
    uint32_t bad_end;                           /* where the last token reported by the scanner ends */
    bool unopened;                              /* the last token closes nothing */
    bool no_memory;
    /* flex's own state: a few structs of known size (asserted in filter.l), so its allocations cannot fail.
     */
    alignas(max_align_t) unsigned char pool[512];
    size_t pool_used;
};

/** Prepares a scanner over the text of @px. False when memory is out. */
bool scan_begin(struct parse_ctx *px, void **scanner);

/** The row of a word, or NULL; and all rows in order, NULL past the end. */
const struct keyword *keyword_find(const char *word, size_t len);
const struct keyword *keyword_row(size_t i);
#endif
