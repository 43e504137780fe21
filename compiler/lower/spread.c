/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/spread.c - long lists of items with alternatives in them which one value decides between, as `host A
 * and len > N` and `host A and (tcp port P or udp port Q)` have.
 *
 *   ((t = ip and x1) or (t = arp and y1)) and r1, ...        t = ip and x1 and r1, t = arp and y1 and r1, ...
 *   b1 and (n = 6 and x1 or n = 17 and y1), ...              b1 and n = 6 and x1, b1 and n = 17 and y1, ...
 *
 * Then run.c makes one list of what stands behind each number of t, and rests are of few kinds. What stands
 * beside alternatives is there once for each. Behind addresses of several words, `n = 58 or n = 44 and f =
 * 58` is spread as well, with n = 58 denied in the other alternatives. Items that find no place in a search
 * become one again. The other way around, what run.c made one item of is taken apart for phases.c.
 *
 * Refines: no two alternatives hold together, and the value is the first thing that any of them asks for, so
 * where what follows fails nothing is evaluated again but what has been, and tests of that value. Lists of
 * AND are lists of OR with the outcomes swapped. Cost: linear, as alternatives are few and items small.
 */
#include "lower/factor.h"

#define ITEMS_MIN        16 /* items that make it worth it, of which ... */
#define BEGINS           2  /* ... one that begins with the alternatives counts as so many */
#define ALTERNATIVES_MAX 4
#define BEGIN_MAX        4 /* tests that items begin with */

/* How many numbers are in @s? */
static uint64_t set_numbers(struct set s)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < s.n; i++)
        sum += (uint64_t)s.at[i].hi - s.at[i].lo + 1;
    return sum;
}

/* Do all parts of @choice, two or more, begin with tests of one value? */
static bool is_of_one_value(const struct normal_form *x, uint32_t choice, uint8_t compound)
{
    ir_value on = IR_NONE;
    uint32_t n = 0, head;

    for (uint32_t i = x->nf.at[choice].first; i != NF_NONE; i = x->nf.at[i].next, n++) {
        head = factor_head(x, i, compound);
        if (n == ALTERNATIVES_MAX || head == NF_NONE || (n && nf_test_value(x, head) != on))
            return false;
        on = nf_test_value(x, head);
    }
    return n > 1;
}

/* For how many numbers of that value is there a part of @choice that begins with a test of it, if no two such
 * tests hold together? 0: they do, or they are of several values. */
static uint64_t numbers_decided(struct normal_form *x, uint32_t choice, uint8_t compound)
{
    struct set set[ALTERNATIVES_MAX];
    uint32_t n = 0;
    uint64_t numbers = 0;

    if (!is_of_one_value(x, choice, compound))
        return 0;
    for (uint32_t i = x->nf.at[choice].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next) {
        set[n] = nf_test_set(x, factor_head(x, i, compound), compound == NF_AND);
        for (uint32_t k = 0; k < n && !x->failed; k++)
            if (sets_meet(set[k], set[n]))
                return 0;
        numbers += set_numbers(set[n++]);
    }
    return x->failed ? 0 : numbers;
}

/*
 * Is the first alternative of @choice, the last part of @item, a lone test that packets which get there have
 * been asked before, as they are asked first for what lies behind it? So it is of addresses of several words
 * and what follows the header that they are in.
 */
static bool is_test_or_more(const struct normal_form *x, uint32_t choice, uint32_t item)
{
    const uint32_t first = x->nf.at[choice].first, begin = x->nf.at[item].first, head = nf_first(x, begin);

    if (choice == begin || first == NF_NONE || !nf_is_test(x, first) || x->nf.at[first].next == NF_NONE ||
        head == NF_NONE || !nf_is_test(x, head) || !nf_is_list(x, begin) ||
        !nf_is_list(x, x->nf.at[begin].first))
        return false;
    return x->nf.at[first].reach != x->nf.at[head].reach &&
           reach_within(x->nf.at[first].reach, reach_known(x->nf.at[head].reach));
}

/* What the other alternatives of such a @choice ask for is asked where its first one fails. */
static void tell_apart(struct normal_form *x, uint32_t choice, uint8_t kind)
{
    const bool is_or = kind == NF_OR;
    const uint32_t test = x->nf.at[choice].first, denied = nf_new(x, (struct nf){.kind = NF_LEAF}),
                   other = nf_list_new(x, is_or ? NF_AND : NF_OR), rest = nf_list_new(x, kind);

    if (x->failed)
        return;
    nf_become_leaf(x, denied, nf_test_value(x, test), nf_test_set(x, test, !is_or), is_or, x->nf.at[test].at);
    for (uint32_t c = x->nf.at[test].next, next; c != NF_NONE; c = next) {
        next = x->nf.at[c].next;
        nf_list_append(x, rest, c);
    }
    nf_list_append(x, other, denied);
    nf_list_append(x, other, rest);
    nf_flatten(x, other);
    x->nf.at[test].next = x->nf.at[choice].last = other;
}

/* The part of @item that may be spread: alternatives, and not all there is; or NF_NONE. Where they leave no
 * number out, items that begin alike all ask for the same, so the choice stays with it. */
static uint32_t find_choice(struct normal_form *x, uint32_t item, uint8_t kind)
{
    const struct nf *n = &x->nf.at[item];
    const uint8_t compound = kind == NF_OR ? NF_AND : NF_OR;
    uint32_t choice = NF_NONE;

    if (n->kind != compound || n->strict || n->first == n->last)
        return NF_NONE;
    for (uint32_t c = n->first; c != NF_NONE && choice == NF_NONE; c = x->nf.at[c].next) {
        const uint64_t numbers = x->nf.at[c].kind == kind ? numbers_decided(x, c, compound) : 0;
        if (numbers && (c == n->first || numbers <= UINT32_MAX))
            choice = c;
    }
    if (choice == NF_NONE && x->nf.at[n->last].kind == kind && is_test_or_more(x, n->last, item))
        choice = n->last;
    return choice != NF_NONE && factor_is_small(x, item) ? choice : NF_NONE;
}

/* The alternatives of @choice, a part of @item, each with the other parts, as items of @list. */
static void spread(struct normal_form *x, uint32_t list, uint32_t item, uint32_t choice)
{
    const nf_reach held = nf_held(x, item);
    const bool is_or = x->nf.at[list].kind == NF_OR;
    uint32_t next;

    for (uint32_t i = x->nf.at[choice].first; i != NF_NONE && !x->failed; i = next) {
        next = x->nf.at[i].next;
        uint32_t both = nf_list_new(x, is_or ? NF_AND : NF_OR);
        for (uint32_t c = x->nf.at[item].first, after; c != NF_NONE && !x->failed; c = after) {
            after = x->nf.at[c].next;
            uint32_t part = c == choice ? i : next == NF_NONE ? c : factor_copy(x, c, is_or);
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

    for (uint32_t i = item; i != NF_NONE && n < ITEMS_MIN && !x->failed; i = x->nf.at[i].next) {
        const uint32_t choice = find_choice(x, i, kind);
        n += choice == NF_NONE ? 0 : choice == x->nf.at[i].first ? BEGINS : 1;
    }
    if (n < ITEMS_MIN || x->failed)
        return;
    x->changed = true;
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    for (; item != NF_NONE && !x->failed; item = next) {
        next = x->nf.at[item].next;
        const uint32_t choice = find_choice(x, item, kind);
        if (choice == NF_NONE) {
            nf_list_append(x, list, item);
            continue;
        }
        if (!numbers_decided(x, choice, kind == NF_OR ? NF_AND : NF_OR))
            tell_apart(x, choice, kind);
        spread(x, list, item, choice);
    }
}

/* ---------------------------------------------------------------- the other way around */

/* What @item of a list of @kind tests behind a small choice that it begins with; IR_NONE: nothing, or it does
 * not. */
static ir_value tested_behind_choice(const struct normal_form *x, uint32_t item, uint8_t kind)
{
    const struct nf *n = &x->nf.at[item];

    if (!nf_is_list(x, item) || n->kind == kind || n->strict || n->first == n->last ||
        x->nf.at[n->first].kind != kind || !factor_is_small(x, n->first))
        return IR_NONE;
    const uint32_t second = x->nf.at[n->first].next;
    return nf_is_test(x, second) ? nf_test_value(x, second) : IR_NONE;
}

/* Takes what stands behind the first part of @item, as one part, from it. */
static uint32_t take_rest(struct normal_form *x, uint32_t item)
{
    const uint32_t first = x->nf.at[item].first, second = x->nf.at[first].next;
    uint32_t next;

    x->nf.at[first].next = NF_NONE;
    x->nf.at[item].last = first;
    if (x->nf.at[second].next == NF_NONE)
        return second;
    const uint32_t rest = nf_list_new(x, x->nf.at[item].kind);
    for (uint32_t c = second; c != NF_NONE && !x->failed; c = next) {
        next = x->nf.at[c].next;
        nf_list_append(x, rest, c);
    }
    return rest;
}

void factor_rejoin(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;
    uint32_t next;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = next) {
        const ir_value on = tested_behind_choice(x, i, kind);
        uint32_t rests = NF_NONE, after;
        next = x->nf.at[i].next;
        for (; on != IR_NONE && next != NF_NONE && tested_behind_choice(x, next, kind) == on &&
               factor_is_same(x, x->nf.at[i].first, x->nf.at[next].first) && !x->failed;
             next = after) {
            after = x->nf.at[next].next;
            if (rests == NF_NONE) {
                rests = nf_list_new(x, kind);
                nf_list_add(x, rests, take_rest(x, i));
            }
            nf_list_add(x, rests, take_rest(x, next));
        }
        if (rests == NF_NONE || x->failed)
            continue;
        nf_list_append(x, i, rests);
        x->nf.at[i].next = next;
        if (next == NF_NONE)
            x->nf.at[list].last = i;
        x->changed = true;
    }
}

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
