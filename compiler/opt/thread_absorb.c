/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_absorb.c - a test that leads to another one of its value, as one test.
 *
 *   b0: switch %t: 0x800 -> reject, else -> b1          b0: switch %t: 0..0x5dc -> b2, else -> reject
 *   b1: switch %t: 0..0x5dc -> b2, else -> reject
 *
 * Done where that takes no more compares than the first test did. Otherwise the two stay, in the order in
 * which the filter asks.
 *
 * Refines: each number leads where it led, and no load is added.
 * Cost: linear in the cases, of which ABSORB_CASES_MAX are looked at; a test takes in ABSORBED_MAX others.
 */
#include "opt/thread.h"
#include <string.h>

#define ABSORBED_MAX 4u

/* Compares that tell the @n cases apart: one for each end of an interval, and one for a number alone. */
static uint32_t compares(const struct ir_case *to, uint32_t n)
{
    uint32_t count = n - 1;

    for (uint32_t c = 1; c + 1 < n; c++)
        if (to[c].last == to[c - 1].last + 1) {
            count--;
            c++; /* its upper end was the next one's lower end */
        }
    return count;
}

/* The cases of @to, but what leads to @inner goes where that leads; at @out. Gives their number. */
static uint32_t splice(const struct ir_case *to, uint32_t n, uint32_t inner, const struct ir_block *in,
                       struct ir_case *out)
{
    uint32_t count = 0, low = 0, k = 0;

    for (uint32_t c = 0; c < n; low = to[c++].last + 1) {
        bool through = to[c].target == inner;
        while (through && in->to.at[k].last < low)
            k++;
        for (bool end = false; !end;) {
            end = !through || in->to.at[k].last >= to[c].last;
            struct ir_case one = {end ? to[c].last : in->to.at[k].last,
                                  through ? in->to.at[k].target : to[c].target};
            k += !end;
            if (count && out[count - 1].target == one.target)
                out[count - 1].last = one.last;
            else
                out[count++] = one;
        }
    }
    return count;
}

bool thread_may_absorb(const struct ir_case *to, uint32_t n, uint32_t inner, const struct ir_block *in,
                       struct absorbed *a)
{
    if (n + in->to.n > ABSORB_CASES_MAX || in->phi.n || ir_returns(in))
        return false;
    a->n = splice(to, n, inner, in, a->to);
    return compares(a->to, a->n) <= compares(to, n);
}

/* Of the first @n of t->to, cases of a test of @on, is there one that leads to a test it is to absorb? As
 * that it is at @a. */
static bool find_inner(const struct thread *t, ir_value on, uint32_t n, struct absorbed *a)
{
    for (uint32_t c = 0; c < n; c++) {
        uint32_t inner = t->to.at[c].target;
        if (!is_return(inner) && t->built.at[inner].on == on &&
            thread_may_absorb(t->to.at, n, inner, &t->built.at[inner], a))
            return true;
    }
    return false;
}

uint32_t thread_absorb(struct thread *t, ir_value on, uint32_t n)
{
    struct absorbed a;

    for (uint32_t some = 0; some < ABSORBED_MAX && find_inner(t, on, n, &a); some++) {
        t->to.n = 0;
        if (!vec_reserve(t->a, &t->to, a.n)) {
            t->failed = true;
            break;
        }
        memcpy(t->to.at, a.to, a.n * sizeof *a.to);
        n = a.n;
        t->absorbed = true;
    }
    return n;
}

bool thread_drop_absorbed(struct thread *t, uint32_t *root)
{
    uint32_t kept = 0,
             *place = arena_array(t->a, uint32_t, t->built.n); /* plus one; 0: nothing leads there */

    if (!place)
        return false;
    place[*root] = 1;
    for (uint32_t i = *root + 1; i-- > 0;)
        for (uint32_t c = 0; place[i] && c < t->built.at[i].to.n; c++)
            if (!is_return(t->built.at[i].to.at[c].target))
                place[t->built.at[i].to.at[c].target] = 1;
    for (uint32_t i = 0; i < t->built.n; i++) {
        if (!place[i])
            continue;
        struct ir_block b = t->built.at[i];
        for (uint32_t c = 0; c < b.to.n; c++)
            if (!is_return(b.to.at[c].target))
                b.to.at[c].target = place[b.to.at[c].target] - 1;
        t->built.at[kept] = b;
        t->built_of.at[kept] = t->built_of.at[i];
        place[i] = ++kept;
    }
    t->built.n = t->built_of.n = kept;
    *root = place[*root] - 1;
    return true;
}
