/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/assume.c - what the first tests of a list say about all that is behind them.
 *
 *   t = ip and (t != ip or x) and (t != ip6 or y)        t = ip and x
 *   p = 6 and ((s = a and p in {6, 17}) or z)            p = 6 and (s = a or z)
 *
 * Refines: tests whose outcome is known go, and what they decide; nothing is evaluated earlier than before.
 * Cost: linear in the list for each list around it, of which DEPTH_MAX look into it.
 */
#include "lower/normal_form.h"

#define USED_MAX  4 /* tests that others are decided by */
#define DEPTH_MAX 6 /* lists in lists that are looked into */

/* The first tests of a list, none of which has decided it where its later children are asked. */
struct assumed {
    struct normal_form *x;
    uint32_t test[USED_MAX], n;
    struct set known[USED_MAX]; /* where the value lies then, once it was asked for */
    bool looked[USED_MAX];
    bool outcome; /* that they have had */
    bool changed;
};

enum decided { OPEN, NO, YES };

/* What the tests say about the test @leaf. Numbers are not looked at unless one asks for the same value. */
static enum decided decide_leaf(struct assumed *w, uint32_t leaf)
{
    for (uint32_t i = 0; i < w->n && nf_is_test(w->x, leaf); i++) {
        if (nf_test_value(w->x, w->test[i]) != nf_test_value(w->x, leaf))
            continue;
        if (!w->looked[i])
            w->known[i] = nf_test_set(w->x, w->test[i], w->outcome);
        w->looked[i] = true;
        struct set known = w->known[i], s = nf_test_set(w->x, leaf, true);
        if (!w->x->failed && set_within(known, s))
            return YES;
        if (!w->x->failed && !sets_meet(known, s))
            return NO;
    }
    return OPEN;
}

/*
 * What the tests say about @i. Children that are decided go, unless none would be left; one that decides a
 * list is all that stays of it.
 */
static enum decided decide(struct assumed *w, uint32_t i, unsigned depth)
{
    struct normal_form *x = w->x;
    const bool is_and = x->nf.at[i].kind == NF_AND;
    uint32_t last = NF_NONE, next;
    bool lost = false;

    if (x->nf.at[i].kind == NF_LEAF)
        return decide_leaf(w, i);
    if (!nf_is_list(x, i) || x->nf.at[i].strict || depth == 0)
        return OPEN;
    enum decided left = OPEN;
    for (uint32_t c = x->nf.at[i].first; c != NF_NONE && !x->failed && x->left; c = next) {
        x->left--;
        enum decided d = decide(w, c, depth - 1);
        struct nf *n = &x->nf.at[i];
        next = x->nf.at[c].next;
        if (d != OPEN && (d == NO) == is_and) {
            n->first = n->last = c;
            x->nf.at[c].next = NF_NONE;
            w->changed = true;
            return d;
        }
        if (d == OPEN || (last == NF_NONE && next == NF_NONE)) {
            left = d;
            last = c;
            continue;
        }
        *(last == NF_NONE ? &n->first : &x->nf.at[last].next) = next;
        n->last = next == NF_NONE ? last : n->last;
        lost = true;
    }
    if (lost) {
        w->changed = true;
        x->nf.at[i].steady = false;
        nf_flatten(x, i);
        nf_collapse(x, i);
    }
    return left;
}

void nf_use_tests(struct normal_form *x, uint32_t list)
{
    const bool is_and = x->nf.at[list].kind == NF_AND;
    struct assumed w = {.x = x, .outcome = is_and};
    uint32_t before = NF_NONE, next;

    for (uint32_t c = x->nf.at[list].first; c != NF_NONE && !x->failed; c = next) {
        next = x->nf.at[c].next;
        if (w.n && decide(&w, c, DEPTH_MAX) == (is_and ? YES : NO)) {
            x->nf.at[before].next = next;
            x->nf.at[list].last = next == NF_NONE ? before : x->nf.at[list].last;
            w.changed = true;
            continue;
        }
        before = c;
        if (nf_is_test(x, c) && w.n < USED_MAX)
            w.test[w.n++] = c;
    }
    if (!w.changed)
        return;
    x->changed = true;
    nf_flatten(x, list);
}
