/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mistakes.h - the words of a syntax error, and what was probably meant.
 *
 * expected.c has the words, mistakes.c the guesses. Only they, guess.h and filter.y include this.
 */
#ifndef WEIR_GRAMMAR_MISTAKES_H
#define WEIR_GRAMMAR_MISTAKES_H
#include "grammar/scan.h"

struct guess {
    struct parse_ctx *px;
    const bool *want;                   /* by token: would it have fitted? */
    struct seen found, before, earlier; /* the offending token and the two in front of it */
    char hint[200];
};

/** The text of one token for a message: 40 bytes at most, without bytes a terminal would act on. */
void mistake_quote(const struct parse_ctx *px, struct span at, char *out, size_t size);

/** What would have fitted, as a person would say it: groups of tokens, not tokens. @open: in brackets. */
void mistake_wanted(const bool *want, bool open, char *out, size_t size);

/** What to write instead, in @g->hint, or NULL when nothing comes to mind. */
const char *mistake_hint(struct guess *g);
#endif
