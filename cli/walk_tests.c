/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/walk_tests.c - tests: does a term lie in a set of numbers? Operators are moved into the set, down to a
 * field.
 */
#include <linux/filter.h>
#include <stdlib.h>
#include "walk.h"

#define EXPAND_MAX 1024u /* intervals one test may become when a mask is moved into them */

static int interval_order(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorts and merges the scratch intervals. */
void walk_tidy(struct walk *w)
{
    struct interval *s = w->scratch.at;
    uint32_t m = 0;

    pay(w, w->scratch.n);
    if (w->scratch.n > 1)
        qsort(s, w->scratch.n, sizeof *s, interval_order);
    for (uint32_t i = 0; i < w->scratch.n; i++) {
        if (m && (s[i].lo <= s[m - 1].hi || s[i].lo == s[m - 1].hi + 1)) {
            if (s[i].hi > s[m - 1].hi)
                s[m - 1].hi = s[i].hi;
        } else {
            s[m++] = s[i];
        }
    }
    w->scratch.n = m;
}

void walk_put(struct walk *w, uint32_t lo, uint32_t hi)
{
    if (lo <= hi)
        PUSH(w, &w->scratch, (struct interval){lo, hi});
}

/* The scratch intervals hold numbers of `inner & mask`: afterwards, of `inner`. False when that is too many.
 */
static bool through_mask(struct walk *w, uint32_t inner, uint32_t mask)
{
    uint32_t all = walk_ones(w->term.at[inner].hi), low = (mask & (0 - mask)) - 1,
             run = walk_ones(mask) & ~low;
    uint32_t n = w->scratch.n;

    if (all <= 0xff) { /* number by number */
        w->other.n = 0;
        for (uint32_t v = 0; v <= all; v++)
            for (uint32_t i = 0; i < n; i++)
                if ((v & mask) >= w->scratch.at[i].lo && (v & mask) <= w->scratch.at[i].hi)
                    PUSH(w, &w->other, (struct interval){v, v});
    } else {
        uint32_t above = (all & ~walk_ones(mask)) /
                         (walk_ones(mask) + 1u ? walk_ones(mask) + 1u : 1); /* largest number above it */
        if (run != mask || above >= EXPAND_MAX || (uint64_t)(above + 1) * n > EXPAND_MAX)
            return false;
        w->other.n = 0;
        for (uint32_t high = 0; high <= above; high++)
            for (uint32_t i = 0; i < n; i++) {
                struct interval v = w->scratch.at[i];
                uint32_t base = above ? high * (walk_ones(mask) + 1u) : 0;
                if (v.lo > mask)
                    continue;
                v.hi = v.hi > mask ? mask : v.hi;
                v.lo = (v.lo & low) ? (v.lo | low) + 1 : v.lo;
                v.hi = (v.hi & ~low) | low;
                if (v.lo <= v.hi && v.lo <= mask)
                    PUSH(w, &w->other, (struct interval){base + v.lo, base + v.hi});
            }
    }
    w->scratch.n = 0;
    for (uint32_t i = 0; i < w->other.n; i++)
        walk_put(w, w->other.at[i].lo, w->other.at[i].hi);
    walk_tidy(w);
    return true;
}

/* The scratch intervals hold numbers of a XOR k: afterwards, of a. False when they are too many to go
 * through. */
static bool through_xor(struct walk *w, uint32_t k)
{
    uint64_t numbers = 0;

    for (uint32_t i = 0; i < w->scratch.n; i++)
        numbers += (uint64_t)w->scratch.at[i].hi - w->scratch.at[i].lo + 1;
    if (numbers > EXPAND_MAX)
        return false;
    w->other.n = 0;
    for (uint32_t i = 0; i < w->scratch.n; i++)
        for (uint64_t v = w->scratch.at[i].lo; v <= w->scratch.at[i].hi; v++)
            PUSH(w, &w->other, (struct interval){(uint32_t)v ^ k, (uint32_t)v ^ k});
    w->scratch.n = 0;
    for (uint32_t i = 0; i < w->other.n; i++)
        walk_put(w, w->other.at[i].lo, w->other.at[i].hi);
    walk_tidy(w);
    return true;
}

/* The scratch intervals hold numbers of a OP k: afterwards, of a. False when they cannot be moved. */
static bool through(struct walk *w, const struct term *t)
{
    uint32_t k = w->term.at[t->b].k, n = w->scratch.n;
    uint32_t hi = w->term.at[t->a].hi;

    if (t->op != T_ALU || !walk_is_const(w, t->b))
        return false;
    switch (t->size) {
    case BPF_ADD:
        for (uint32_t i = 0; i < n; i++) {
            struct interval v = w->scratch.at[i];
            if (v.lo - k > v.hi - k) { /* around the end */
                walk_put(w, v.lo - k, UINT32_MAX);
                w->scratch.at[i] = (struct interval){0, v.hi - k};
            } else {
                w->scratch.at[i] = (struct interval){v.lo - k, v.hi - k};
            }
        }
        walk_tidy(w);
        return true;
    case BPF_AND:
        return through_mask(w, t->a, k);
    case BPF_XOR:
        return through_xor(w, k);
    case BPF_RSH:
        if (k >= 32)
            return false;
        for (uint32_t i = 0; i < n; i++) {
            struct interval *v = &w->scratch.at[i];
            if (v->lo > UINT32_MAX >> k) {
                *v = (struct interval){UINT32_MAX, UINT32_MAX};
                if (hi == UINT32_MAX)
                    return false;
                continue;
            }
            v->lo <<= k;
            v->hi = v->hi > UINT32_MAX >> k ? UINT32_MAX : v->hi << k | ((1u << k) - 1);
        }
        walk_tidy(w);
        return true;
    case BPF_LSH:
        if (k >= 32 || hi > UINT32_MAX >> k)
            return false;
        w->other.n = 0;
        for (uint32_t i = 0; i < n; i++) {
            struct interval v = w->scratch.at[i];
            uint32_t lo = (uint32_t)(((uint64_t)v.lo + (1u << k) - 1) >> k);
            if (lo <= v.hi >> k)
                PUSH(w, &w->other, (struct interval){lo, v.hi >> k});
        }
        w->scratch.n = 0;
        for (uint32_t i = 0; i < w->other.n; i++)
            walk_put(w, w->other.at[i].lo, w->other.at[i].hi);
        walk_tidy(w);
        return true;
    default:
        return false;
    }
}

/* Does @term lie in the scratch intervals, which are tidy? */
static struct test test_make(struct walk *w, uint32_t term)
{
    struct test t = {NEVER, NONE, {0, 0}};

    for (;;) {
        struct interval *s = w->scratch.at;
        uint32_t n = w->scratch.n, m = 0, lo = w->term.at[term].lo, hi = w->term.at[term].hi;
        if (stopped(w))
            return t;
        pay(w, n + 1);
        /* numbers that cannot be belong to their neighbours */
        for (uint32_t i = 0; i < n; i++) {
            if (s[i].hi < lo || s[i].lo > hi)
                continue;
            s[m] = s[i];
            if (s[m].lo <= lo)
                s[m].lo = 0;
            if (s[m].hi >= hi)
                s[m].hi = UINT32_MAX;
            m++;
        }
        w->scratch.n = m;
        if (m == 0)
            return t;
        if (m == 1 && s[0].lo == 0 && s[0].hi == UINT32_MAX) {
            t.truth = ALWAYS;
            return t;
        }
        const struct term inner = w->term.at[term];
        if (inner.op == T_OTHER) {
            term = inner.a;
            continue;
        }
        if (inner.op != T_ALU)
            break;
        for (uint32_t i = 0; i < m; i++) { /* only what can be, for moving it through the operator */
            s[i].lo = s[i].lo < lo ? lo : s[i].lo;
            s[i].hi = s[i].hi > hi ? hi : s[i].hi;
        }
        if (!through(w, &inner)) {
            if (w->scratch.at[0].lo <= lo)
                w->scratch.at[0].lo = 0;
            if (w->scratch.at[m - 1].hi >= hi)
                w->scratch.at[m - 1].hi = UINT32_MAX;
            break;
        }
        term = inner.a;
    }
    t.truth = DEPENDS;
    t.field = walk_field_of(w, term);
    t.set = (struct set){w->pool.n, w->scratch.n};
    for (uint32_t i = 0; i < w->scratch.n; i++)
        PUSH(w, &w->pool, w->scratch.at[i]);
    return t;
}

struct test walk_test_range(struct walk *w, uint32_t term, uint32_t lo, uint32_t hi)
{
    w->scratch.n = 0;
    walk_put(w, lo, hi);
    return test_make(w, term);
}

struct test walk_test_not(struct test t)
{
    t.truth = t.truth == NEVER ? ALWAYS : NEVER;
    return t;
}
