/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/nf_rebuild.c - from the normal form back to a formula.
 *
 * What is rebuilt of alternatives that exclude each other is remembered, for alternatives.c. Cost: linear, as
 * only few alternatives are compared with each other.
 */
#include "lower/normal_form.h"

#define EXCLUSIVE_MAX 8 /* alternatives of which it is found out whether they exclude each other */

/*
 * Do all parts of a list begin with tests of one value, of which no two leave their parts open? Where one of
 * OR holds, or one of AND does not, the others are decided.
 */
static bool is_exclusive(struct normal_form *x, uint32_t list)
{
    bool is_or = x->nf.at[list].kind == NF_OR;
    struct set set[EXCLUSIVE_MAX];
    uint32_t n = 0, first = NF_NONE;

    if (x->nf.at[list].strict)
        return false;
    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next, n++) {
        uint32_t head = x->nf.at[i].kind == (is_or ? NF_AND : NF_OR) ? x->nf.at[i].first : i;
        if (n == EXCLUSIVE_MAX || head == NF_NONE || !nf_is_test(x, head) ||
            x->nf.at[head].negated == is_or ||
            (first != NF_NONE && nf_test_value(x, head) != nf_test_value(x, first)))
            return false;
        first = first == NF_NONE ? head : first;
        set[n] = nf_test_set(x, head, is_or);
        for (uint32_t k = 0; k < n; k++)
            if (x->failed || sets_meet(set[k], set[n]))
                return false;
    }
    return n > 1;
}

static cond rebuild_one(struct normal_form *x, uint32_t i)
{
    struct lower *lw = x->lw;
    const struct nf *n = &x->nf.at[i];

    lw->at = n->at;
    switch ((enum nf_kind)n->kind) {
    case NF_LEAF: {
        cond leaf = n->leaf != COND_FALSE ? n->leaf : COND_FALSE;
        for (uint32_t k = 0; n->leaf == COND_FALSE && k < n->set.ordered; k++)
            leaf = cond_or(lw, leaf, cond_range(lw, n->on, n->set.order[k].lo, n->set.order[k].hi));
        if (n->leaf == COND_FALSE && n->set.ordered == 0)
            leaf = cond_in_set(lw, n->on, n->set.at, n->set.n);
        return n->negated ? cond_not(lw, leaf) : leaf;
    }
    case NF_SWITCH: {
        cond c = cond_switch(lw, n->on, n->to, n->cases, n->negated ? COND_TRUE : COND_FALSE);
        uint32_t which = 0;
        for (uint32_t child = n->first; child != NF_NONE; child = x->nf.at[child].next)
            cond_switch_child(lw, c, which++, x->nf.at[child].built);
        return c;
    }
    case NF_OR:
    case NF_AND: {
        cond all = n->kind == NF_AND ? COND_TRUE : COND_FALSE;
        bool exclusive = is_exclusive(x, i);
        for (uint32_t child = n->first; child != NF_NONE; child = x->nf.at[child].next) {
            cond c = x->nf.at[child].built;
            if (n->strict &&
                (c == COND_TRUE || c == COND_FALSE)) /* what stands before defines something: it must stay */
                c = cond_eq(lw, ir_const(lw->f, 0), c == COND_TRUE ? 0 : 1);
            cond both = n->kind == NF_AND ? cond_and(lw, all, c) : cond_or(lw, all, c);
            all = exclusive ? cond_exclusive(lw, both, all, c) : both;
            if (exclusive && !vec_push(x->a, &x->exclusive, all))
                x->failed = true;
        }
        return all;
    }
    }
    return COND_FALSE;
}

/* Children before parents, with a stack of (node, next child). */
cond nf_rebuild(struct normal_form *x, uint32_t root)
{
    struct visit {
        uint32_t node, next; /* the child to visit next */
    };
    VEC(struct visit) stack = {0};

    if (!vec_push(x->a, &stack,
                  ((struct visit){root, x->nf.at[root].kind == NF_LEAF ? NF_NONE : x->nf.at[root].first})))
        x->failed = true;
    while (stack.n && !x->failed && !x->lw->error) {
        struct visit *top = &stack.at[stack.n - 1];
        if (top->next == NF_NONE) {
            x->nf.at[top->node].built = rebuild_one(x, top->node);
            stack.n--;
            continue;
        }
        uint32_t child = top->next;
        top->next = x->nf.at[child].next;
        if (!vec_push(
                x->a, &stack,
                ((struct visit){child, x->nf.at[child].kind == NF_LEAF ? NF_NONE : x->nf.at[child].first})))
            x->failed = true;
    }
    return x->nf.at[root].built;
}
