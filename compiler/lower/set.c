/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/set.c - sets of numbers.
 *
 * A union keeps the order of the text where asking in that order is no dearer: traffic often meets the first.
 * Cost: a union sorts; all else is linear.
 */
#include "lower/normal_form.h"
#include <string.h>

#define ORDERED_MAX 6 /* tests of one value that are made in the order of the text */

struct ir_range *intervals_new(struct normal_form *x, uint32_t n)
{
    x->left -= n < x->left ? n : x->left;
    struct ir_range *s = arena_array(x->t, struct ir_range, n ? n : 1);

    x->failed |= !s;
    return s;
}

bool sets_meet(struct set a, struct set b)
{
    for (uint32_t i = 0, k = 0; i < a.n && k < b.n;) {
        if (a.at[i].hi < b.at[k].lo)
            i++;
        else if (b.at[k].hi < a.at[i].lo)
            k++;
        else
            return true;
    }
    return false;
}

bool set_within(struct set inner, struct set outer)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < inner.n; i++) {
        while (k < outer.n && outer.at[k].hi < inner.at[i].lo)
            k++;
        if (k == outer.n || inner.at[i].lo < outer.at[k].lo || inner.at[i].hi > outer.at[k].hi)
            return false;
    }
    return true;
}

struct set set_common(struct normal_form *x, struct set a, struct set b)
{
    struct ir_range *both = intervals_new(x, a.n + b.n);
    uint32_t n = 0;

    for (uint32_t i = 0, k = 0; both && i < a.n && k < b.n;) {
        const struct ir_range one = {a.at[i].lo > b.at[k].lo ? a.at[i].lo : b.at[k].lo,
                                     a.at[i].hi < b.at[k].hi ? a.at[i].hi : b.at[k].hi};
        if (one.lo <= one.hi)
            both[n++] = one;
        if (a.at[i].hi < b.at[k].hi)
            i++;
        else
            k++;
    }
    return (struct set){both, n, 0, NULL};
}

/* What is in @a and not in @b. */
static struct set set_without(struct normal_form *x, struct set a, struct set b)
{
    struct ir_range *left = intervals_new(x, a.n + b.n);
    uint32_t n = 0, k = 0;

    for (uint32_t i = 0; left && i < a.n; i++) {
        uint32_t lo = a.at[i].lo, hi = a.at[i].hi;
        bool open = true; /* what lies from lo on is left, as far as is known */
        while (k < b.n && b.at[k].hi < lo)
            k++;
        for (; open && k < b.n && b.at[k].lo <= hi; k += open) {
            if (b.at[k].lo > lo)
                left[n++] = (struct ir_range){lo, b.at[k].lo - 1};
            open = b.at[k].hi < hi;
            lo = b.at[k].hi + 1;
        }
        if (open)
            left[n++] = (struct ir_range){lo, hi};
    }
    return (struct set){left, n, 0, NULL};
}

bool set_narrow(struct normal_form *x, struct set *a, struct set b)
{
    if (!sets_meet(*a, b))
        return false;
    const struct set left = set_without(x, *a, b);
    if (x->failed || left.n > a->n)
        return false;
    *a = left;
    return true;
}

uint32_t set_size(struct set s)
{
    return s.ordered ? s.ordered : s.n;
}

uint32_t set_put(struct set s, struct ir_range *to)
{
    uint32_t n = set_size(s);

    if (n)
        memcpy(to, s.ordered ? s.order : s.at, n * sizeof *to);
    return n;
}

/* Compares that asking for each interval takes. */
static uint32_t compares(const struct ir_range *in, uint32_t n)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += in[i].lo == in[i].hi || in[i].lo == 0 || in[i].hi == UINT32_MAX ? 1 : 2;
    return sum;
}

/* The same for what lies between sorted intervals. */
static uint32_t compares_between(const struct ir_range *in, uint32_t n)
{
    uint32_t sum = in[0].lo != 0;

    for (uint32_t i = 1; i < n; i++)
        sum += in[i].lo == in[i - 1].hi + 2 ? 1 : 2;
    return sum + (in[n - 1].hi != UINT32_MAX);
}

/*
 * Networks and ranges, the lowest of which is asked for first: a search finds that one as soon, and others
 * sooner than one after the other.
 */
static bool better_searched(const struct ir_range *order, uint32_t n)
{
    uint32_t wide = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (order[i].lo < order[0].lo)
            return false;
        wide += compares(&order[i], 1) > 1;
    }
    return wide > 1;
}

struct set set_united(struct normal_form *x, struct ir_range *in, uint32_t n)
{
    struct ir_range order[ORDERED_MAX], *kept;
    uint32_t ordered = 0;

    for (uint32_t i = 0; i < n && ordered <= ORDERED_MAX; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < ordered && !seen; k++)
            seen = order[k].lo <= in[i].lo && in[i].hi <= order[k].hi;
        if (seen)
            continue;
        if (ordered < ORDERED_MAX)
            order[ordered] = in[i];
        ordered++;
    }
    uint32_t m = intervals_unite(x->w, in, n);
    struct set s = {in, m, 0, NULL};
    bool cheap = ordered > 1 && ordered <= ORDERED_MAX && compares(order, ordered) <= compares(in, m) &&
                 compares(order, ordered) <= compares_between(in, m) && !better_searched(order, ordered);
    if (cheap && (kept = intervals_new(x, ordered))) {
        memcpy(kept, order, ordered * sizeof *kept);
        s.order = kept;
        s.ordered = ordered;
    }
    return s;
}
