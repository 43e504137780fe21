/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/cond.c - conditions: building and folding them.
 */
#include "lower/cond.h"

#define NODES_FIRST 32 /* what most filters have at most */

static inline cond node_new(struct lower *lw, struct cond_node n)
{
    if (!vec_reserve(lw->arena, &lw->node, 1)) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    n.at = lw->at;
    lw->node.at[lw->node.n] = n;
    return lw->node.n++;
}

int cond_init(struct lower *lw)
{
    if (!vec_reserve(lw->arena, &lw->node, NODES_FIRST))
        return lw->error = WEIR_E_MEMORY;
    node_new(lw, (struct cond_node){.kind = COND_CONSTANT}); /* COND_FALSE */
    node_new(lw, (struct cond_node){.kind = COND_CONSTANT}); /* COND_TRUE */
    return lw->error;
}

cond cond_and(struct lower *lw, cond a, cond b)
{
    if (a == COND_FALSE || b == COND_FALSE)
        return COND_FALSE;
    if (a == COND_TRUE)
        return b;
    if (b == COND_TRUE)
        return a;
    return node_new(lw, (struct cond_node){.kind = COND_AND, .left = a, .right = b});
}

cond cond_or(struct lower *lw, cond a, cond b)
{
    if (a == COND_TRUE || b == COND_TRUE)
        return COND_TRUE;
    if (a == COND_FALSE)
        return b;
    if (b == COND_FALSE)
        return a;
    return node_new(lw, (struct cond_node){.kind = COND_OR, .left = a, .right = b});
}

cond cond_either(struct lower *lw, cond a, cond b)
{
    struct cond_node *l = &lw->node.at[a];
    const struct cond_node *r = &lw->node.at[b];

    if (l->kind != COND_TEST || r->kind != COND_TEST || l->on != r->on || l->n || r->n ||
        (uint64_t)l->one.hi + 1 >= r->one.lo)
        return cond_or(lw, a, b);
    struct ir_range *both = arena_array(lw->arena, struct ir_range, 2);
    if (!both) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    both[0] = l->one;
    both[1] = r->one;
    l->set = both;
    l->n = 2;
    return a;
}

cond cond_exclusive(struct lower *lw, cond c, cond a, cond b)
{
    if (c != COND_TRUE && c != COND_FALSE && c != a && c != b)
        lw->node.at[c].exclusive = true;
    return c;
}

cond cond_not(struct lower *lw, cond a)
{
    if (a == COND_TRUE || a == COND_FALSE)
        return a == COND_TRUE ? COND_FALSE : COND_TRUE;
    return node_new(lw, (struct cond_node){.kind = COND_NOT, .left = a});
}

cond cond_rows(struct lower *lw, cond item, uint32_t rows)
{
    return node_new(lw, (struct cond_node){.kind = COND_ROWS, .left = item, .right = rows});
}

/* A leaf with the guards its loads left behind. */
static cond leaf_new(struct lower *lw, struct cond_node n)
{
    n.guard = lw->guard.n;
    n.guards = lw->pending.n;
    if (!vec_reserve(lw->arena, &lw->guard, lw->pending.n)) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    for (uint32_t i = 0; i < lw->pending.n; i++)
        lw->guard.at[lw->guard.n++] = lw->pending.at[i];
    lw->pending.n = 0;
    return node_new(lw, n);
}

cond cond_range(struct lower *lw, ir_value v, uint32_t lo, uint32_t hi)
{
    return leaf_new(lw, (struct cond_node){.kind = COND_TEST, .on = v, .one = {lo, hi}});
}

cond cond_in_set(struct lower *lw, ir_value v, const struct ir_range *set, uint32_t n)
{
    if (n == 1)
        return cond_range(lw, v, set[0].lo, set[0].hi);
    if (n == 0)
        return COND_FALSE;
    return leaf_new(lw, (struct cond_node){.kind = COND_TEST, .on = v, .set = set, .n = n});
}

cond cond_switch(struct lower *lw, ir_value v, const struct ir_case *to, uint32_t n, cond otherwise)
{
    uint32_t children = 0;

    for (uint32_t i = 0; i < n; i++)
        if (to[i].target != UINT32_MAX && to[i].target >= children)
            children = to[i].target + 1;
    struct cond_switch *sw =
        arena_alloc(lw->arena, 1, sizeof *sw + children * sizeof sw->child[0], alignof(struct cond_switch));
    if (!sw) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    sw->to = to;
    sw->n = n;
    sw->otherwise = otherwise;
    sw->children = children;
    return leaf_new(lw, (struct cond_node){.kind = COND_SWITCH, .on = v, .sw = sw});
}

void cond_switch_child(struct lower *lw, cond c, uint32_t which, cond child)
{
    if (!lw->error)
        lw->node.at[c].sw->child[which] = child;
}

cond cond_masked(struct lower *lw, ir_value v, unsigned size, uint32_t mask, uint32_t k)
{
    uint32_t all = UINT32_MAX >> (32 - 8 * size);
    uint32_t rest = all & ~mask;

    if ((rest & (rest + 1)) == 0) /* what the mask clears is a run of low bits: a prefix */
        return cond_range(lw, v, k, k | rest);
    return cond_eq(lw, ir_binary(lw->f, IR_AND, v, ir_const(lw->f, mask)), k);
}

cond cond_any_bit(struct lower *lw, ir_value v, uint32_t mask)
{
    return cond_range(lw, ir_binary(lw->f, IR_AND, v, ir_const(lw->f, mask)), 1, UINT32_MAX);
}

cond cond_require_nonzero(struct lower *lw, ir_value v)
{
    return leaf_new(lw, (struct cond_node){.kind = COND_REQUIRE, .on = v, .one = {1, UINT32_MAX}});
}

cond cond_define(struct lower *lw, uint32_t var, ir_value v)
{
    return leaf_new(lw, (struct cond_node){.kind = COND_DEFINE, .on = v, .var = var});
}

cond cond_relop(struct lower *lw, uint8_t relop, ir_value v, uint32_t k)
{
    switch ((enum ast_relop)relop) {
    case REL_EQ:
        return cond_eq(lw, v, k);
    case REL_NE:
        return cond_not(lw, cond_eq(lw, v, k));
    case REL_GT:
        return cond_not(lw, cond_range(lw, v, 0, k));
    case REL_LE:
        return cond_range(lw, v, 0, k);
    case REL_LT:
        return cond_not(lw, cond_range(lw, v, k, UINT32_MAX));
    case REL_GE:
        return cond_range(lw, v, k, UINT32_MAX);
    }
    return COND_FALSE;
}

cond by_direction(struct lower *lw, uint8_t dir, cond (*side)(struct lower *lw, const void *what, int dst),
                  const void *what)
{
    cond src = COND_FALSE, dst = COND_FALSE;

    if (dir != DIR_DST)
        src = side(lw, what, 0);
    if (dir != DIR_SRC)
        dst = side(lw, what, 1);
    return dir == DIR_SRC           ? src
           : dir == DIR_DST         ? dst
           : dir == DIR_SRC_AND_DST ? cond_and(lw, src, dst)
                                    : cond_or(lw, src, dst);
}
