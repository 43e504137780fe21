/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ast/build.h - constructors of the tree, one per action of the grammar.
 *
 * Children are made before their parent, left before right; that is the whole recipe for post-order. Errors
 * are sticky: once memory is out `failed` is set, constructors do nothing and return AST_NONE, and the caller
 * looks at the end.
 */
#ifndef WEIR_AST_BUILD_H
#define WEIR_AST_BUILD_H
#include <stdbool.h>
#include "ast/ast.h"

struct ast_builder {
    struct ast *t;
    bool failed;
};

/** A node without children: a keyword that stands alone, or with @op what ast.def says. */
uint32_t ast_leaf(struct ast_builder *b, enum ast_kind kind, uint8_t op, struct span at, struct span op_at);

/** A keyword with @n arguments, which are copied. */
uint32_t ast_keyword(struct ast_builder *b, enum ast_kind kind, struct span at, struct span op_at,
                     const struct ast_arg *arg, uint32_t n);

/** AST_BYTE: `byte` offset @op value. */
uint32_t ast_byte(struct ast_builder *b, char op, struct span at, struct span op_at, struct ast_arg offset,
                  struct ast_arg value);

/** AST_ATM_FIELD or AST_SS7_FIELD; @value are @n numbers, kept. */
uint32_t ast_field(struct ast_builder *b, enum ast_kind kind, uint8_t field, enum ast_relop relop,
                   struct span at, struct span op_at, const struct ast_arg *value, uint32_t n);

/** AST_ID without qualifiers yet. */
uint32_t ast_id(struct ast_builder *b, struct span at, struct ast_id id);

/** Gives every id in the subtree of @root the qualifiers @q. */
void ast_qualify(struct ast_builder *b, uint32_t root, struct ast_quals q, bool inherited);

/** AST_NOT; AST_AND or AST_OR. */
uint32_t ast_not(struct ast_builder *b, struct span at, struct span op_at, uint32_t x);
uint32_t ast_join(struct ast_builder *b, enum ast_kind kind, struct span at, struct span op_at, uint32_t left,
                  uint32_t right);

uint32_t ast_relation(struct ast_builder *b, enum ast_relop op, struct span at, struct span op_at,
                      uint32_t left, uint32_t right);
uint32_t ast_number(struct ast_builder *b, struct span at, uint32_t number);
uint32_t ast_arith(struct ast_builder *b, enum ast_op op, struct span at, struct span op_at, uint32_t left,
                   uint32_t right);

/** AST_LOAD; a @size that no packet load has is kept as 255 at most, for sema to refuse. */
uint32_t ast_load(struct ast_builder *b, enum ast_proto proto, struct span at, struct span size_at,
                  uint32_t offset, uint32_t size);
#endif
