/* SPDX-License-Identifier: BSD-2-Clause */
#include "ast/build.h"
#include <string.h>

/* Appends @n, whose subtree begins at the first child's beginning. */
static uint32_t push(struct ast_builder *b, struct ast_node n)
{
    if (b->failed)
        return AST_NONE;
    struct ast *t = b->t;
    n.first = n.left == AST_NONE ? t->node.n : t->node.at[n.left].first;
    if (!vec_push(t->arena, &t->node, n)) {
        b->failed = true;
        return AST_NONE;
    }
    return t->node.n - 1;
}

static struct ast_node node(enum ast_kind kind, uint8_t op, struct span at, struct span op_at, uint32_t left,
                            uint32_t right)
{
    return (struct ast_node){
        .kind = (uint8_t)kind, .op = op, .at = at, .op_at = op_at, .left = left, .right = right};
}

uint32_t ast_leaf(struct ast_builder *b, enum ast_kind kind, uint8_t op, struct span at, struct span op_at)
{
    return push(b, node(kind, op, at, op_at, AST_NONE, AST_NONE));
}

unsigned ast_args(enum ast_kind kind)
{
    static const uint8_t count[] = {
#define AST(kind, args, fields) [AST_##kind] = args,
#include "ast/ast.def"
#undef AST
    };
    return count[kind];
}

/* A copy of @n arguments in the arena. */
static const struct ast_arg *keep(struct ast_builder *b, const struct ast_arg *arg, uint32_t n)
{
    struct ast_arg *copy = b->failed ? NULL : arena_array(b->t->arena, struct ast_arg, n);

    if (copy)
        memcpy(copy, arg, n * sizeof *arg);
    else
        b->failed = true;
    return copy;
}

uint32_t ast_keyword(struct ast_builder *b, enum ast_kind kind, struct span at, struct span op_at,
                     const struct ast_arg *arg, uint32_t n)
{
    struct ast_node x = node(kind, 0, at, op_at, AST_NONE, AST_NONE);

    x.u.arg = keep(b, arg, n);
    return push(b, x);
}

uint32_t ast_byte(struct ast_builder *b, char op, struct span at, struct span op_at, struct ast_arg offset,
                  struct ast_arg value)
{
    struct ast_node x = node(AST_BYTE, 0, at, op_at, AST_NONE, AST_NONE);

    x.size = (uint8_t)op;
    x.u.arg = keep(b, (struct ast_arg[]){offset, value}, 2);
    return push(b, x);
}

uint32_t ast_field(struct ast_builder *b, enum ast_kind kind, uint8_t field, enum ast_relop relop,
                   struct span at, struct span op_at, const struct ast_arg *value, uint32_t n)
{
    struct ast_node x = node(kind, field, at, op_at, AST_NONE, AST_NONE);
    struct ast_field *f = b->failed ? NULL : arena_new(b->t->arena, struct ast_field);

    if (!f) {
        b->failed = true;
        return AST_NONE;
    }
    *f = (struct ast_field){(uint8_t)relop, n, value};
    x.u.field = f;
    return push(b, x);
}

uint32_t ast_id(struct ast_builder *b, struct span at, struct ast_id id)
{
    struct ast_node x = node(AST_ID, 0, at, at, AST_NONE, AST_NONE);
    struct ast_id_node *n = b->failed ? NULL : arena_new(b->t->arena, struct ast_id_node);

    if (!n) {
        b->failed = true;
        return AST_NONE;
    }
    n->id = id;
    x.u.id = n;
    return push(b, x);
}

void ast_qualify(struct ast_builder *b, uint32_t root, struct ast_quals q, bool inherited)
{
    if (b->failed)
        return;
    const struct ast *t = b->t;
    for (uint32_t i = t->node.at[root].first; i <= root; i++)
        if (t->node.at[i].kind == AST_ID) {
            struct ast_id_node *n = (struct ast_id_node *)t->node.at[i].u.id; /* ast_id() made it */
            n->q = q;
            n->inherited = inherited;
        }
}

uint32_t ast_not(struct ast_builder *b, struct span at, struct span op_at, uint32_t x)
{
    return push(b, node(AST_NOT, 0, at, op_at, x, AST_NONE));
}

uint32_t ast_join(struct ast_builder *b, enum ast_kind kind, struct span at, struct span op_at, uint32_t left,
                  uint32_t right)
{
    return push(b, node(kind, 0, at, op_at, left, right));
}

uint32_t ast_relation(struct ast_builder *b, enum ast_relop op, struct span at, struct span op_at,
                      uint32_t left, uint32_t right)
{
    return push(b, node(AST_RELATION, (uint8_t)op, at, op_at, left, right));
}

uint32_t ast_number(struct ast_builder *b, struct span at, uint32_t number)
{
    struct ast_node x = node(AST_NUMBER, 0, at, at, AST_NONE, AST_NONE);

    x.u.number = number;
    return push(b, x);
}

uint32_t ast_arith(struct ast_builder *b, enum ast_op op, struct span at, struct span op_at, uint32_t left,
                   uint32_t right)
{
    return push(b, node(AST_ARITH, (uint8_t)op, at, op_at, left, right));
}

uint32_t ast_load(struct ast_builder *b, enum ast_proto proto, struct span at, struct span size_at,
                  uint32_t offset, uint32_t size)
{
    struct ast_node x = node(AST_LOAD, (uint8_t)proto, at, size_at, offset, AST_NONE);

    x.size = size > UINT8_MAX ? UINT8_MAX : (uint8_t)size;
    return push(b, x);
}
