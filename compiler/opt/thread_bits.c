/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_bits.c - what tests of some bits of a value say of others of its bits.
 *
 * Values that are a tested value or a constant's bits of one are kin: `tcp[13]`, `tcp[13] & 2`, `tcp[13] &
 * 0x12`. What is known of one of them, a set of numbers, holds some bits of what they are of to be 0 or 1,
 * and so narrows the others.
 */
#include "base/bits.h"
#include "opt/thread.h"

#define ALONE_MAX     3  /* unknown bits, of which all numbers are told apart */
#define INTERVALS_MAX 8u /* of a set whose bits are looked at: so many numbers are that */
#define ROUNDS        2u /* what one of them says may tell more of another one before it */

/* Bits that are known to be 0, and to be 1. */
struct bits {
    uint32_t zeros, ones;
};

static uint32_t bits_below(unsigned bit)
{
    return (UINT32_C(1) << bit) - 1;
}

static unsigned highest_bit(uint32_t k)
{
    return 31 - (unsigned)__builtin_clz(k);
}

/* The smallest number of bits of @mask that is not below @k. False: there is none. */
static bool round_up(uint32_t mask, uint32_t k, uint32_t *out)
{
    const uint32_t others = k & ~mask;

    *out = k;
    if (others == 0)
        return true;
    const unsigned top = highest_bit(others);
    const uint32_t free = mask & ~k & ~bits_below(top);
    if (free == 0)
        return false;
    const unsigned bit = (unsigned)__builtin_ctz(free);
    *out = (k & mask & ~bits_below(bit)) | UINT32_C(1) << bit;
    return true;
}

/* The largest number of bits of @mask that is not above @k. */
static uint32_t round_down(uint32_t mask, uint32_t k)
{
    const uint32_t others = k & ~mask;

    if (others == 0)
        return k;
    const uint32_t below = bits_below(highest_bit(others));
    return (k & mask & ~below) | (mask & below);
}

/*
 * The numbers in @s, which are bits of @mask, that @known allows: exactly where few of the bits are unknown,
 * else some more. Gives how many intervals they are; 0: they are not known, or there are none.
 */
static uint32_t allowed(const struct set *s, uint32_t mask, struct bits known,
                        struct ir_range in[INTERVALS_MAX])
{
    const uint32_t low = known.ones & mask, open = mask & ~(known.zeros | known.ones), high = low | open;
    const bool few = __builtin_popcount(open) <= ALONE_MAX;
    uint32_t n = 0, bits = 0;

    for (uint32_t i = 0; !few && i < s->n && s->n <= INTERVALS_MAX; i++) {
        uint32_t lo, hi = round_down(mask, s->at[i].hi < high ? s->at[i].hi : high);
        if (round_up(mask, s->at[i].lo > low ? s->at[i].lo : low, &lo) && lo <= hi)
            in[n++] = (struct ir_range){lo, hi};
    }
    if (!few)
        return n;
    do {
        if (ir_ranges_meet(s->at, s->n, low | bits, low | bits))
            in[n++] = (struct ir_range){low | bits, low | bits};
        bits = (bits - open) & open; /* the next number of open bits */
    } while (bits);
    return n;
}

/* Adds to @known what all numbers have in common that it allows in @s, which are bits of @mask. */
static void learn(struct bits *known, const struct set *s, uint32_t mask)
{
    struct ir_range in[INTERVALS_MAX];
    const uint32_t n = allowed(s, mask, *known, in);
    uint32_t zeros = n ? mask : 0, ones = zeros;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t differ = in[i].lo ^ in[i].hi;
        const uint32_t same = ~bits_filled(differ);
        zeros &= ~in[i].lo & same;
        ones &= in[i].lo & same;
    }
    known->zeros |= zeros;
    known->ones |= ones;
}

/* Bits that @v may have. */
static uint32_t mask_of(const struct thread *t, ir_value v)
{
    return t->kin[v] == v + 1 ? bits_filled(ir_range(t->f, v).hi) : t->f->value.at[t->f->value.at[v].b].imm;
}

uint32_t thread_narrowed(struct thread *t, uint32_t first, uint32_t n, ir_value v, uint32_t own)
{
    const uint32_t mask = mask_of(t, v);
    struct bits known = {0, 0};
    struct ir_range in[INTERVALS_MAX];

    for (uint32_t i = 0; i < ROUNDS * n; i++) {
        const struct fact fact = t->fact.at[first + i % n];
        const ir_value other = t->value_of[fact.value];
        if (other != v && t->kin[other] == t->kin[v])
            learn(&known, &t->set.at[fact.set], mask_of(t, other));
    }
    if (!(mask & (known.zeros | known.ones)))
        return own;
    uint32_t intervals = allowed(&t->set.at[own], mask, known, in), kept = 0;
    for (uint32_t i = 0; i < intervals; i++)
        if (kept && in[kept - 1].hi + 1 == in[i].lo)
            in[kept - 1].hi = in[i].hi;
        else
            in[kept++] = in[i];
    return kept ? thread_set_intern(t, in, kept) : own;
}

bool thread_find_kin(struct thread *t)
{
    const struct ir_func *f = t->f;
    ir_value *of =
        arena_array(t->a, ir_value, f->value.n); /* by whole: the first tested of its kin, plus one */

    if (!of)
        return false;
    for (uint32_t i = 0; i < f->block.n; i++) {
        const ir_value v = f->block.at[i].on;
        if (v == IR_NONE || ir_returns(&f->block.at[i]))
            continue;
        const ir_value w = ir_whole_of(f, v);
        if (of[w] == 0)
            of[w] = v + 1;
        if (of[w] == v + 1)
            continue;
        if (!t->kin && !(t->kin = arena_array(t->a, ir_value, f->value.n)))
            return false;
        t->kin[v] = t->kin[of[w] - 1] = w + 1;
    }
    return true;
}
