/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guess.h - what the guesses at a mistake share: the text around it, and words from elsewhere.
 *
 * Only mistakes.c and foreign.c include this. A guess writes a hint and returns true, or returns false.
 */
#ifndef WEIR_GRAMMAR_GUESS_H
#define WEIR_GRAMMAR_GUESS_H
#include <stdio.h>
#include "grammar/mistakes.h"

#define HINT(g, ...) (snprintf((g)->hint, sizeof(g)->hint, __VA_ARGS__), true)
#define TEXT(g, at)  shown(at), text_at((g)->px, (at)) /* for "%.*s" */

const char *text_at(const struct parse_ctx *px, struct span at);

/** How much of it a hint shows. */
int shown(struct span at);
bool says(const struct parse_ctx *px, struct span at, const char *word);

/** The next run of non-blanks from @from on, without a closing parenthesis. */
struct span next_word(const struct parse_ctx *px, uint32_t from);

/** Behind @from, blanks passed over: the next character, 0 at the end. */
char next_char(const struct parse_ctx *px, uint32_t from);

/** How many decimal digits @at begins with. */
uint32_t digits(const struct parse_ctx *px, struct span at);

/** A comparison in symbols or in Wireshark's words: what it means, and 0 when it is none. */
int comparison_at(const struct parse_ctx *px, uint32_t from, uint32_t *end);
const char *comparison_word(int token);

/** A word of mistakes.def. */
bool guess_mistake(struct guess *g, struct span at);

/** `ip ttl`, `tcp flags syn`: a protocol and words that make a field of mistakes.def with dots between them.
 */
bool guess_field_words(struct guess *g);

/** A word that is a keyword but for its case or one letter; @anywhere when its place does not matter. */
bool guess_keyword(struct guess *g, struct span at, bool anywhere);
#endif
