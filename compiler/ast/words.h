/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ast/words.h - words of the tree that only its printers need.
 */
#ifndef WEIR_AST_WORDS_H
#define WEIR_AST_WORDS_H
#include <stdbool.h>
#include <stddef.h>
#include "ast/ast.h"
#include "proto/fields.h"

const char *ast_op_word(enum ast_op op);
const char *ast_atm_word(enum atm_keyword k);
const char *ast_ss7_word(enum ss7_keyword k);

/** The keyword of a kind that has just one; NULL for the others. */
const char *ast_kind_word(enum ast_kind kind);

/**
 * Whether a name can be written without a backslash. May say no for a name that could.
 */
bool ast_name_is_plain(const char *name, size_t len);
#endif
