/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/final.c - lists behind which nothing is accepted.
 *
 *   m = a and t = ip and s = b, m = c and t = ip and s = d, ...        packets hold m, t and s
 *
 * A packet for which a final list does not hold is rejected, as one is that lacks what all its items read
 * before they hold. So such packets do not matter, and all others hold that: its parts may be asked for in
 * another order, and what all items ask for is asked once, in front.
 *
 * The formula is final. So are, of a final list of AND, all its parts, and of one of OR the last one, and any
 * other whose first test leaves no other alternative.
 *
 * Refines: a packet that is rejected for a load that fails is rejected. Cost: linear in the list.
 */
#include "lower/factor.h"

#define ITEMS_MIN 8 /* that make it worth it */
#define ALONE_MAX 8 /* items that are looked at, whether one may hold instead of another */

nf_reach factor_must_read(const struct normal_form *x, uint32_t i, uint8_t compound)
{
    const struct nf *n = &x->nf.at[i];
    const uint32_t first = nf_first(x, i);
    nf_reach all = first == NF_NONE ? 0 : reach_known(x->nf.at[first].reach), any = REACH_UNKNOWN;

    for (uint32_t c = nf_is_list(x, i) ? n->first : NF_NONE; c != NF_NONE; c = x->nf.at[c].next) {
        const nf_reach own = factor_must_read(x, c, compound);
        if (n->kind == compound)
            all = reach_both(all, own);
        else
            any = reach_either(any, own);
    }
    return reach_both(all, reach_known(any));
}

void factor_hold_read(struct normal_form *x, uint32_t list)
{
    nf_reach all = REACH_UNKNOWN;
    uint32_t items = 0;

    if (x->nf.at[list].kind != NF_OR)
        return;
    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && items < ITEMS_MIN; i = x->nf.at[i].next)
        items++;
    if (items < ITEMS_MIN)
        return;
    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && all; i = x->nf.at[i].next)
        all = reach_either(all, factor_is_small(x, i) ? factor_must_read(x, i, NF_AND) : 0);
    nf_set_held(x, list, reach_both(nf_held(x, list), reach_known(all)));
}

/* Does no item of a list of OR behind @i, of few, hold where the first test of @i does? */
static bool is_alone(struct normal_form *x, uint32_t i)
{
    const uint32_t head = factor_head(x, i, NF_AND);
    uint32_t looked = 0;
    bool alone = true;

    for (uint32_t k = x->nf.at[i].next; k != NF_NONE && alone; k = x->nf.at[k].next) {
        const uint32_t other = factor_head(x, k, NF_AND);
        alone = head != NF_NONE && other != NF_NONE && nf_test_value(x, head) == nf_test_value(x, other) &&
                ++looked <= ALONE_MAX && !nf_tests_meet(x, head, other, true);
    }
    return alone;
}

static void make_final(struct normal_form *x, uint32_t i)
{
    x->nf.at[i].final = nf_is_list(x, i);
}

void factor_pass_final(struct normal_form *x, uint32_t list)
{
    const bool is_or = x->nf.at[list].kind == NF_OR;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next) {
        if (x->nf.at[i].kind == NF_LEAF || (is_or && !is_alone(x, i)))
            continue;
        make_final(x, i);
        for (uint32_t c = x->nf.at[i].first; c != NF_NONE; c = x->nf.at[c].next)
            if (x->nf.at[i].kind != NF_OR || x->nf.at[c].next == NF_NONE)
                make_final(x, c);
    }
}
