/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/spread.c - long lists of items that begin with alternatives which one value decides between, and then
 * ask for more, as `host A and len > N` does.
 *
 *   ((t = ip and x1) or (t = arp and y1)) and r1, ...        t = ip and x1 and r1, t = arp and y1 and r1, ...
 *
 * Then run.c makes one list of what stands behind each number of t. The rest is there once for each
 * alternative. The other way around, what run.c made one item of is taken apart for phases.c.
 *
 * Refines: no two alternatives hold together, and the value is the first thing that either asks for, so where
 * a rest fails nothing is evaluated but tests of that value. Lists of AND are lists of OR with the outcomes
 * swapped. Cost: linear, as alternatives are few and rests small.
 */
#include "lower/factor.h"

#define ITEMS_MIN        8 /* items that make it worth it */
#define ALTERNATIVES_MAX 4
#define BEGIN_MAX        4 /* tests that items begin with */

/* Do all parts of @choice begin with tests of one value, of which no two hold together? */
static bool is_decided_by_value(struct normal_form *x, uint32_t choice, uint8_t compound)
{
    struct set set[ALTERNATIVES_MAX];
    ir_value on = IR_NONE;
    uint32_t n = 0;

    for (uint32_t i = x->nf.at[choice].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next) {
        uint32_t head = factor_head(x, i, compound);
        if (n == ALTERNATIVES_MAX || head == NF_NONE || (n && nf_test_value(x, head) != on))
            return false;
        on = nf_test_value(x, head);
        set[n] = nf_test_set(x, head, compound == NF_AND);
        for (uint32_t k = 0; k < n && !x->failed; k++)
            if (sets_meet(set[k], set[n]))
                return false;
        n++;
    }
    return n > 1 && !x->failed;
}

static bool may_spread(struct normal_form *x, uint32_t item, uint8_t kind)
{
    const struct nf *n = &x->nf.at[item];
    uint8_t compound = kind == NF_OR ? NF_AND : NF_OR;

    return n->kind == compound && !n->strict && n->first != NF_NONE && n->first != n->last &&
           x->nf.at[n->first].kind == kind && factor_is_small(x, item) &&
           is_decided_by_value(x, n->first, compound);
}

/* The alternatives of @item, each with the rest, as items of @list. */
static void spread(struct normal_form *x, uint32_t list, uint32_t item)
{
    const uint32_t choice = x->nf.at[item].first, rest = x->nf.at[choice].next, held = nf_held(x, item);
    bool is_or = x->nf.at[list].kind == NF_OR;
    uint32_t next;

    for (uint32_t i = x->nf.at[choice].first; i != NF_NONE && !x->failed; i = next) {
        next = x->nf.at[i].next;
        uint32_t both = nf_list_new(x, is_or ? NF_AND : NF_OR);
        if (!x->failed)
            nf_list_add(x, both, i);
        for (uint32_t c = rest, after; c != NF_NONE && !x->failed; c = after) {
            after = x->nf.at[c].next;
            uint32_t part = next == NF_NONE ? c : factor_copy(x, c, is_or);
            if (!x->failed)
                nf_list_add(x, both, part);
        }
        if (x->failed)
            return;
        nf_use_tests(x, both);
        nf_set_held(x, both, held);
        nf_list_append(x, list, both);
    }
}

void factor_spread(struct normal_form *x, uint32_t list)
{
    uint8_t kind = x->nf.at[list].kind;
    uint32_t item = x->nf.at[list].first, n = 0, next;

    for (uint32_t i = item; i != NF_NONE && n < ITEMS_MIN && !x->failed; i = x->nf.at[i].next)
        n += may_spread(x, i, kind);
    if (n < ITEMS_MIN || x->failed)
        return;
    x->changed = true;
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    for (; item != NF_NONE && !x->failed; item = next) {
        next = x->nf.at[item].next;
        if (may_spread(x, item, kind))
            spread(x, list, item);
        else
            nf_list_append(x, list, item);
    }
}

/* ---------------------------------------------------------------- the other way around */

/* What stands behind the tests that @item begins with, if that is several items of a list of @kind; or
 * NF_NONE. */
static uint32_t find_several(const struct normal_form *x, uint32_t item, uint8_t kind)
{
    const struct nf *n = &x->nf.at[item];
    uint32_t parts = 0;

    if (n->kind != (kind == NF_OR ? NF_AND : NF_OR) || n->strict || n->first == n->last ||
        x->nf.at[n->last].kind != kind || x->nf.at[n->last].first == NF_NONE)
        return NF_NONE;
    for (uint32_t c = n->first; c != n->last; c = x->nf.at[c].next)
        if (!nf_is_test(x, c) || ++parts > BEGIN_MAX)
            return NF_NONE;
    return n->last;
}

uint32_t factor_take_apart(struct normal_form *x, uint32_t item, uint8_t kind)
{
    const bool is_or = kind == NF_OR;
    uint32_t several = find_several(x, item, kind), next;

    if (several == NF_NONE)
        return NF_NONE;
    uint32_t all = nf_list_new(x, kind);
    for (uint32_t i = x->nf.at[several].first; i != NF_NONE && !x->failed; i = next) {
        uint32_t one = nf_list_new(x, is_or ? NF_AND : NF_OR);
        next = x->nf.at[i].next;
        for (uint32_t c = x->nf.at[item].first; c != several && !x->failed; c = x->nf.at[c].next) {
            uint32_t part = factor_copy(x, c, is_or);
            if (!x->failed)
                nf_list_append(x, one, part);
        }
        if (x->failed)
            return NF_NONE;
        nf_list_add(x, one, i);
        nf_list_append(x, all, one);
    }
    if (x->failed)
        return NF_NONE;
    x->nf.at[x->nf.at[all].last].next = x->nf.at[item].next;
    return x->nf.at[all].first;
}
