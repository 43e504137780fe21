/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/align.c - long switches over aligned blocks of values, such as lists of networks.
 *
 *   switch %a: 10.0.1.0..10.0.1.255 -> b1, ...       %m = and %a, 0xffffff00
 *                                                     switch %m: 10.0.1.0 -> b1, ...
 *
 * An interval costs a search two compares, a single value one. When every boundary of a long switch is a
 * multiple of 2^k, the low k bits decide nothing; without them intervals of 2^k values become single ones.
 * Refines, because the target of every value stays the same and no load is added. Linear in the cases; runs
 * once.
 */
#include "opt/pass.h"

#define CASES_MIN 24 /* shorter switches are not searched, and masking costs an instruction */

/* The lowest bit that some boundary has. */
static uint32_t alignment(const struct ir_block *b)
{
    uint32_t bits = 0;

    for (uint32_t c = 0; c + 1 < b->to.n; c++)
        bits |= b->to.at[c].last + 1;
    return bits & (0u - bits);
}

/* Cases for the masked value. Blocks between two others shrink to single values, the wider neighbour takes
 * the gap. */
static void mask_cases(struct ir_block *b, uint32_t unit)
{
    uint32_t first = 0; /* of the case */

    for (uint32_t c = 0; c + 1 < b->to.n; c++) {
        uint32_t next = b->to.at[c].last + 1;
        if (next - first == unit)
            b->to.at[c].last = first;
        first = next;
    }
}

int pass_align(struct ir_func *f)
{
    for (uint32_t i = 0; i < f->block.n && !f->failed; i++) {
        struct ir_block *b = &f->block.at[i];
        if (b->to.n < CASES_MIN)
            continue;
        uint32_t unit = alignment(b);
        if (unit < 2)
            continue;
        b->on = ir_binary(f, IR_AND, b->on, ir_const(f, ~(unit - 1)));
        mask_cases(b, unit);
    }
    return WEIR_OK;
}
