/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.h - filter text to AST.
 *
 * The scanner (filter.l) and the grammar (filter.y) look nothing up and generate nothing: actions call
 * one constructor of ast/build.c each. Their mistakes are diagnostics 1xx and 2xx.
 */
#ifndef WEIR_GRAMMAR_PARSE_H
#define WEIR_GRAMMAR_PARSE_H
#include "ast/ast.h"

/**
 * Parses @len bytes of @text, which need not end in a NUL and may hold any byte.
 *
 * @nesting  deepest parser stack allowed
 * @out      initialised here; nodes live in @arena, spans index @text
 * Returns   0, or of weir.h: WEIR_E_FILTER (reported in @sink), WEIR_E_MEMORY, WEIR_E_LIMIT
 *           (reported)
 */
int parse_filter(struct arena *arena, struct diag_sink *sink, const char *text, uint32_t len,
                 uint32_t nesting, struct ast *out);
#endif
