/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/bits.c - tests for bits of one value that follow each other are one test for all of them.
 *
 *   %1 = and %v, 2                                  %1 = and %v, 18
 *   b0: switch %1: 0 -> b1, else -> accept          b0: switch %1: 0 -> reject, else -> accept
 *   %2 = and %v, 16
 *   b1: switch %2: 0 -> reject, else -> accept
 *
 * Refines: a packet goes on where it went, with none of the bits, with some of the first or with some of the
 * second, and nothing else is computed. Cost: linear. Blocks get fewer.
 */
#include "opt/pass.h"

/* A test whether some bits of a value are set. */
struct bits {
    ir_value of;
    uint32_t mask;
    uint32_t none, some; /* where it leads */
};

static inline bool tests_for_none(const struct ir_block *b)
{
    return b->to.n == 2 && b->to.at[0].last == 0;
}

static bool read_bits(const struct ir_func *f, uint32_t block, struct bits *out)
{
    const struct ir_block *b = &f->block.at[block];

    if (!tests_for_none(b))
        return false;
    const struct ir_node *n = &f->value.at[b->on];
    if (n->op != IR_AND || !ir_is_const(f, n->b, &out->mask))
        return false;
    out->of = n->a;
    out->none = b->to.at[0].target;
    out->some = b->to.at[1].target;
    return true;
}

/* Are @block and the test without bits behind it tests for bits of one value, that lead to one place with
 * some? PHIs there would tell them apart. */
static bool goes_on(const struct ir_func *f, uint32_t block, struct bits *first, struct bits *second)
{
    return read_bits(f, block, first) && !is_return(first->none) && !has_phis(f, first->none) &&
           read_bits(f, first->none, second) && first->of == second->of && first->some == second->some &&
           !has_phis(f, first->some) && !has_phis(f, second->none);
}

/* Takes the blocks that are @gone from the function. */
static int drop_blocks(struct ir_func *f, const bool *gone)
{
    uint32_t *place = arena_array(f->arena, uint32_t, f->block.n), n = 0;

    if (!place)
        return WEIR_E_MEMORY;
    for (uint32_t i = 0; i < f->block.n; i++) {
        place[i] = n;
        if (!gone[i])
            f->block.at[n++] = f->block.at[i];
    }
    opt_renumber(f, place, n);
    return WEIR_OK;
}

int pass_bits(struct ir_func *f)
{
    const uint32_t *parent = NULL;
    bool *gone = NULL;
    struct bits first, second;

    for (uint32_t i = f->block.n; i-- > 0 && !f->failed;) {
        if (!tests_for_none(&f->block.at[i]) || !goes_on(f, i, &first, &second))
            continue;
        if (!parent && (!(parent = opt_parents(f)) || !(gone = arena_array(f->arena, bool, f->block.n))))
            return WEIR_E_MEMORY;
        if (parent[first.none] != i + 1)
            continue;
        gone[first.none] = true;
        f->block.at[i].on = ir_binary(f, IR_AND, first.of, ir_const(f, first.mask | second.mask));
        f->block.at[i].to.at[0].target = second.none;
    }
    return gone && !f->failed ? drop_blocks(f, gone) : WEIR_OK;
}
