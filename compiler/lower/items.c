/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/items.c - items of a long list are written alike, so that those which ask for the same in other words
 * become one search.
 *
 *   (s = a or s = b or d = a or d = b) and r        (s in {a, b} or d in {a, b}) and r
 *   (w = x and (y1 or y2)) or ...                   (w = x and y1) or (w = x and y2) or ...
 *   m = e and t = ip and r                          t = ip and m = e and r, where others begin with t
 *
 * Refines: the first two ask for the same in the same order. A test is put in front of others only if all
 * items make a test of that value, and one begins with it: then the item that accepts a packet has asked it
 * for the value, and where none does, that one has.
 *
 * Lists of AND are lists of OR with the outcomes swapped. Cost: linear, as items are small.
 */
#include "lower/factor.h"

#define ITEMS_MIN 8 /* items that make it worth it */
#define DEPTH_MAX 4 /* of an item that is looked into */
#define HEADS_MAX 4 /* values that items begin with, of which it is looked whether all test them */

/* ---------------------------------------------------------------- alternatives of one item */

/* The test @i of a list of @kind also holds where those of its value do that follow it; gives the first that
 * does not. */
static uint32_t unite_with_next(struct normal_form *x, uint32_t i, uint8_t kind)
{
    const ir_value on = nf_test_value(x, i);
    uint32_t behind = x->nf.at[i].next, total = nf_test_room(x, i), n = 0;

    for (; behind != NF_NONE && nf_is_test(x, behind) && nf_test_value(x, behind) == on;
         behind = x->nf.at[behind].next)
        total += nf_test_room(x, behind);
    if (behind == x->nf.at[i].next)
        return behind;
    struct ir_range *all = intervals_new(x, total);
    for (uint32_t c = i; c != behind && !x->failed; c = x->nf.at[c].next)
        n += set_put(nf_test_set(x, c, kind == NF_OR), all + n);
    if (x->failed)
        return NF_NONE;
    nf_become_leaf(x, i, on, set_united(x, all, n), kind == NF_OR, x->nf.at[i].at);
    x->nf.at[i].next = behind;
    return behind;
}

/* Alternatives of one value that follow each other become one, in lists of @kind in @i, not too deep. */
static void unite_tests(struct normal_form *x, uint32_t i, uint8_t kind, int depth)
{
    uint32_t last = NF_NONE, next;

    if (!nf_is_list(x, i) || x->nf.at[i].strict || depth == 0)
        return;
    nf_flatten(x, i);
    for (uint32_t c = x->nf.at[i].first; c != NF_NONE && !x->failed; c = next) {
        last = c;
        next = x->nf.at[c].next;
        if (nf_is_list(x, c))
            unite_tests(x, c, kind, depth - 1);
        else if (x->nf.at[i].kind == kind && nf_is_test(x, c))
            next = unite_with_next(x, c, kind);
    }
    if (last != NF_NONE && !x->failed)
        x->nf.at[i].last = last;
}

/* The ways to begin @item that regrouping made one of, as it did of `ip6 host A or ip6 host B`, are several
 * again. */
static void take_choice_apart(struct normal_form *x, uint32_t item, uint8_t kind)
{
    const uint32_t choice = x->nf.at[item].first;
    struct choice c;

    if (x->nf.at[item].kind == kind || !nf_is_list(x, item) || x->nf.at[item].strict || choice == NF_NONE ||
        !factor_read_choice(x, choice, kind == NF_OR ? NF_AND : NF_OR, &c))
        return;
    const uint32_t second = factor_take_apart(x, c.side[1], kind);
    if (second != NF_NONE)
        x->nf.at[c.side[0]].next = second;
    const uint32_t first = x->failed ? NF_NONE : factor_take_apart(x, c.side[0], kind);
    if (first != NF_NONE)
        x->nf.at[choice].first = first;
    uint32_t last = x->nf.at[choice].first;
    while (x->nf.at[last].next != NF_NONE)
        last = x->nf.at[last].next;
    x->nf.at[choice].last = last;
}

static uint32_t count_items(const struct normal_form *x, uint32_t list)
{
    uint32_t n = 0;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next)
        n++;
    return n;
}

void factor_unite_tests(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;

    if (count_items(x, list) < ITEMS_MIN)
        return;
    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next) {
        unite_tests(x, i, kind, DEPTH_MAX);
        take_choice_apart(x, i, kind);
    }
}

/* ---------------------------------------------------------------- what items begin with */

/* The test of @on that @item makes, and the part in front of it, NF_NONE if there is none. */
static uint32_t find_test(const struct normal_form *x, uint32_t item, uint8_t compound, ir_value on,
                          uint32_t *before)
{
    uint32_t c = x->nf.at[item].kind == compound ? x->nf.at[item].first : item;

    *before = NF_NONE;
    while (c != NF_NONE && !(nf_is_test(x, c) && nf_test_value(x, c) == on)) {
        *before = c;
        c = c == item ? NF_NONE : x->nf.at[c].next;
    }
    return c;
}

/* Do all items of @list test @on, but not all of them first? */
static bool all_test(const struct normal_form *x, uint32_t list, uint8_t compound, ir_value on)
{
    uint32_t before;
    bool behind = false;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next) {
        if (x->nf.at[i].strict || find_test(x, i, compound, on, &before) == NF_NONE)
            return false;
        behind |= before != NF_NONE;
    }
    return behind;
}

/* Do they ask for sets that are equal or apart? */
static bool tests_apart(struct normal_form *x, uint32_t list, uint32_t items, uint8_t compound, ir_value on)
{
    struct entry *e = arena_array(x->w, struct entry, items);
    uint32_t n = 0, before;

    x->failed |= !e;
    for (uint32_t i = x->nf.at[list].first; e && i != NF_NONE; i = x->nf.at[i].next)
        e[n++].set = nf_test_set(x, find_test(x, i, compound, on, &before), compound == NF_AND);
    const uint32_t *number = x->failed ? NULL : factor_number_sets(x, e, n);
    return number && factor_sets_apart(x, e, number, n);
}

/* The value that all items of @list test, and that some begin with; IR_NONE: nothing is to be done. */
static ir_value find_lead(struct normal_form *x, uint32_t list, uint32_t items, uint8_t compound)
{
    ir_value tried[HEADS_MAX];
    uint32_t n = 0, head;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && n < HEADS_MAX && !x->failed;
         i = x->nf.at[i].next) {
        bool known = (head = factor_head(x, i, compound)) == NF_NONE;
        for (uint32_t k = 0; k < n && !known; k++)
            known = tried[k] == nf_test_value(x, head);
        if (known)
            continue;
        tried[n] = nf_test_value(x, head);
        if (all_test(x, list, compound, tried[n]) && tests_apart(x, list, items, compound, tried[n]))
            return tried[n];
        n++;
    }
    return IR_NONE;
}

void factor_lead(struct normal_form *x, uint32_t list)
{
    const uint8_t compound = x->nf.at[list].kind == NF_OR ? NF_AND : NF_OR;
    const uint32_t items = count_items(x, list);
    const ir_value on = items < ITEMS_MIN ? IR_NONE : find_lead(x, list, items, compound);
    uint32_t before;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && on != IR_NONE; i = x->nf.at[i].next) {
        const uint32_t test = find_test(x, i, compound, on, &before);
        if (before == NF_NONE)
            continue;
        x->nf.at[before].next = x->nf.at[test].next;
        x->nf.at[test].next = x->nf.at[i].first;
        x->nf.at[i].first = test;
        if (x->nf.at[i].last == test)
            x->nf.at[i].last = before;
        x->changed = true;
    }
}
