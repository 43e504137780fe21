/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/reach.h - how far in the packet something reads, or how much of it is known to be there.
 */
#ifndef WEIR_LOWER_REACH_H
#define WEIR_LOWER_REACH_H
#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes from each of some origins: the packet's start, and two variables of the cursor, which headers behind
 * a header of variable length are counted from. They are numbers of 12, 10 and 10 bits; those of a load that
 * is further away are unknown. A packet that holds one reach holds another if it does so from every origin.
 */
typedef uint32_t nf_reach;

#define REACH_UNKNOWN UINT32_MAX
#define REACH_ORIGINS 3

static inline unsigned reach_shift(unsigned origin)
{
    return origin == 0 ? 0 : 2 + 10 * origin;
}

static inline uint32_t reach_mask(unsigned origin)
{
    return origin == 0 ? 0xfff : UINT32_C(0x3ff) << reach_shift(origin);
}

/** Its bytes from @origin. */
static inline uint32_t reach_from(nf_reach a, unsigned origin)
{
    return (a & reach_mask(origin)) >> reach_shift(origin);
}

/** Does a packet that holds @b hold @a? Nothing is known of unknown ones: @b is none. */
static inline bool reach_within(nf_reach a, nf_reach b)
{
    bool within = true;

    if ((a | b) <= reach_mask(0))
        return a <= b;
    for (unsigned i = 0; i < REACH_ORIGINS; i++)
        within &= (a & reach_mask(i)) <= (b & reach_mask(i));
    return within;
}

/** What needs @a and @b needs, or holds. */
static inline nf_reach reach_both(nf_reach a, nf_reach b)
{
    nf_reach both = 0;

    if (a == REACH_UNKNOWN || b == REACH_UNKNOWN)
        return REACH_UNKNOWN;
    if ((a | b) <= reach_mask(0))
        return a > b ? a : b;
    for (unsigned i = 0; i < REACH_ORIGINS; i++)
        both |= (a & reach_mask(i)) > (b & reach_mask(i)) ? a & reach_mask(i) : b & reach_mask(i);
    return both;
}

/** What holds @a or @b holds in any case. */
static inline nf_reach reach_either(nf_reach a, nf_reach b)
{
    nf_reach either = 0;

    for (unsigned i = 0; i < REACH_ORIGINS; i++)
        either |= (a & reach_mask(i)) < (b & reach_mask(i)) ? a & reach_mask(i) : b & reach_mask(i);
    return either;
}

/** @a as something that is known to be there: nothing if it is unknown. */
static inline nf_reach reach_known(nf_reach a)
{
    return a == REACH_UNKNOWN ? 0 : a;
}
#endif
