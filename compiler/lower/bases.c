/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/bases.c - what phases are counted from.
 *
 * What items of a mixed list need, and packets need not hold, are bytes from some bases: the packet's start,
 * where a header behind a variable one begins, or the transport header. From one base what ends further away
 * needs more. Phases of several bases have an order, too, where
 *
 *   - whatever is needed from one of them lies behind all that is needed from the other, as what is in a
 *     frame does behind its addresses;
 *   - or no packet passes the tests that items of both make before, as of IPv4 and of IPv6 packets: then
 *     neither reads what only the other needs.
 *
 * Bases for which neither is so with those before them are not used: their items have no place.
 *
 * Cost: linear in the list.
 */
#include "lower/phases.h"

#define PHASE_BYTES (1u << 20) /* phases of a base */

/* Takes @leaf, of @item, into account. Gives a bit for its base. */
static unsigned add_leaf(struct phases *p, uint32_t item, uint32_t leaf)
{
    const struct nf_need n = phases_need(p, leaf);
    unsigned i = 0;

    if (n.end == 0 || n.end >= PHASE_BYTES)
        return 0;
    while (i < p->bases && p->base[i].base != n.base)
        i++;
    if (i == BASES_MAX)
        return 0;
    if (i == p->bases)
        p->base[p->bases++] = (struct phase_base){.base = n.base, .least = n.end, .first = item};
    if (n.end < p->base[i].least)
        p->base[i].least = n.end;
    if (n.end > p->base[i].most)
        p->base[i].most = n.end;
    return 1u << i;
}

/* The bases that @i, in @item, which is small, needs bytes from. */
static unsigned bases_of(struct phases *p, uint32_t item, uint32_t i)
{
    const struct nf *n = &p->x->nf.at[i];
    unsigned all = 0;

    if (n->kind == NF_LEAF)
        return add_leaf(p, item, i);
    for (uint32_t c = n->first; c != NF_NONE; c = p->x->nf.at[c].next)
        all |= bases_of(p, item, c);
    return all;
}

static unsigned bases_of_item(struct phases *p, uint32_t item)
{
    if (p->x->nf.at[item].strict || !factor_is_small(p->x, item))
        return 0;
    phases_enter(p, item);
    return bases_of(p, item, item);
}

/* The first part of @item, or that behind @before, if it needs bytes from no base; or NF_NONE. */
static uint32_t next_near(struct phases *p, uint32_t item, uint32_t before)
{
    const struct nf *n = &p->x->nf.at[item];
    const uint32_t c = before != NF_NONE        ? p->x->nf.at[before].next
                       : n->kind == p->compound ? n->first
                                                : NF_NONE;

    return c == NF_NONE || bases_of(p, item, c) ? NF_NONE : c;
}

/* Does @i stay where it is, in front of what needs more, and is it a test? */
static bool is_near_test(struct phases *p, uint32_t i)
{
    return nf_is_test(p->x, i) && phases_need(p, i).end == 0 && !phases_is_comparison(p->x, i);
}

/* The test of @on that @item makes before it needs bytes from any base; NF_NONE: it makes none. */
static uint32_t tested_first(struct phases *p, uint32_t item, ir_value on)
{
    phases_enter(p, item);
    uint32_t c = next_near(p, item, NF_NONE);
    while (c != NF_NONE && !(is_near_test(p, c) && nf_test_value(p->x, c) == on))
        c = next_near(p, item, c);
    return c;
}

/* Do all items from @item on that need bytes from base @i first test what @test, of an item that does, asks
 * for, or part of it? */
static bool all_test(struct phases *p, uint32_t item, unsigned i, uint32_t test)
{
    struct normal_form *x = p->x;
    const struct set set = nf_test_set(x, test, p->kind == NF_OR);
    bool all = !x->failed;

    for (; item != NF_NONE && all && !x->failed; item = x->nf.at[item].next) {
        if (!(bases_of_item(p, item) >> i & 1))
            continue;
        const uint32_t own = tested_first(p, item, nf_test_value(x, test));
        all = own != NF_NONE && set_within(nf_test_set(x, own, p->kind == NF_OR), set);
    }
    return all;
}

/* Does no packet pass what items from @item on test first that need bytes from base @i, and those from @k? */
static bool bases_exclude(struct phases *p, uint32_t item, unsigned i, unsigned k)
{
    struct normal_form *x = p->x;
    const uint32_t a = p->base[i].first, b = p->base[k].first;
    uint32_t c = NF_NONE;
    bool exclude = false;

    do {
        phases_enter(p, a);
        c = next_near(p, a, c);
        const uint32_t other =
            c != NF_NONE && is_near_test(p, c) ? tested_first(p, b, nf_test_value(x, c)) : NF_NONE;
        exclude = other != NF_NONE && !nf_tests_meet(x, c, other, p->kind == NF_OR) &&
                  all_test(p, item, i, c) && all_test(p, item, k, other);
    } while (c != NF_NONE && !exclude && !x->failed);
    return exclude;
}

/* Does what holds anything that is needed from one base hold all that is needed from the other one? */
static bool bases_follow(const struct phases *p, const struct phase_base *a, const struct phase_base *b)
{
    const struct phase_base *front = a->rank < b->rank ? a : b, *behind = a->rank < b->rank ? b : a;

    return front->rank != behind->rank && behind->rank < REACH_ORIGINS &&
           reach_within(nf_reach_of(p->x, front->base, front->most),
                        reach_known(nf_reach_of(p->x, behind->base, behind->least)));
}

/* Origins have the order that they have in packets; other bases come last. */
static unsigned rank_of(const struct normal_form *x, ir_value base)
{
    unsigned i = 0;

    while (i < REACH_ORIGINS && x->origin[i].base != base)
        i++;
    return i;
}

void phases_find_bases(struct phases *p, uint32_t item)
{
    p->bases = 0;
    for (uint32_t i = item; i != NF_NONE; i = p->x->nf.at[i].next)
        bases_of_item(p, i);
    for (unsigned i = 0; i < p->bases; i++) {
        p->base[i].rank = rank_of(p->x, p->base[i].base);
        p->base[i].used = true;
        for (unsigned k = 0; k < i && p->base[i].used; k++)
            p->base[i].used =
                !p->base[k].used || bases_follow(p, &p->base[i], &p->base[k]) || bases_exclude(p, item, i, k);
    }
}

uint32_t phases_number(const struct phases *p, const struct nf_need *n)
{
    unsigned i = 0;

    while (i < p->bases && p->base[i].base != n->base)
        i++;
    return i < p->bases && p->base[i].used && n->end < PHASE_BYTES ? p->base[i].rank * PHASE_BYTES + n->end
                                                                   : PHASE_UNKNOWN;
}
