/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/ahead.c - a test that all packets come to is made before what is computed in front of it without it.
 *
 *   b0: switch %f: 8 -> b1, else -> b2              b0: switch %l: 0..60 -> accept, else -> b1
 *   b1: jump b3                                     b1: switch %f: 8 -> b2, else -> b3
 *   b2: jump b3                                     b2: jump b4
 *   b3: %h = phi b1: 24, b2: 0; jump b4             b3: jump b4
 *   b4: switch %l: 0..60 -> accept, else -> b5      b4: %h = phi b2: 24, b3: 0; jump b5
 *
 * Where a link header ends is computed at the start, whatever is asked first: `less 60 or udp` of an 802.11
 * frame.
 *
 * Refines: nothing is decided in front of the test, so that every packet that is accepted makes it, and the
 * load that it needs; those that it ends make no others.
 *
 * Cost: linear; each test that is moved, of TESTS_MAX, is found where the one before it was.
 */
#include "opt/order.h"

#define TESTS_MAX 4u

/* The first test that all ways from @first on come to before one of them ends; @first: there is none. */
static uint32_t all_come_to(const struct ir_func *f, uint32_t first)
{
    uint32_t furthest = first;

    for (uint32_t i = first; i < f->block.n; i++) {
        const struct ir_block *b = &f->block.at[i];
        if (i == furthest && i > first && b->phi.n == 0 && b->to.n > 1)
            return i;
        if (ir_returns(b))
            return first;
        for (uint32_t c = 0; c < b->to.n; c++) {
            if (is_return(b->to.at[c].target))
                return first;
            furthest = b->to.at[c].target > furthest ? b->to.at[c].target : furthest;
        }
    }
    return first;
}

/* Where the test @b leads unless it ends; a return: it always does, or there are several places. */
static uint32_t goes_on(const struct ir_func *f, const struct ir_block *b)
{
    uint32_t to = IR_REJECT;

    for (uint32_t c = 0; c < b->to.n; c++) {
        const uint32_t target = b->to.at[c].target;
        if (is_return(target) || target == to)
            continue;
        if (!is_return(to) || has_phis(f, target))
            return IR_REJECT;
        to = target;
    }
    return to;
}

/* Makes the test @test before @first, behind which there is no other way to it. */
static bool move(struct ir_func *f, uint32_t test, uint32_t first, uint32_t to)
{
    struct order o;

    if (!order_begin(&o, f))
        return false;
    for (uint32_t i = first; i < test; i++)
        order_redirect(&f->block.at[i], test, to);
    if (first > 0)
        order_redirect(&f->block.at[first - 1], first, test);
    order_redirect(&f->block.at[test], to, first);
    order_take_out(&o, test);
    order_put_in(&o, test, first);
    f->entry = first > 0 ? f->entry : test;
    return order_install(&o);
}

int pass_ahead(struct ir_func *f)
{
    const uint64_t *phis = NULL; /* by value */

    for (uint32_t first = 0; first < TESTS_MAX && !is_return(f->entry); first++) {
        const uint32_t test = all_come_to(f, first);
        if (test == first)
            break;
        if (!phis && !(phis = opt_phis(f, f->arena)))
            return WEIR_E_MEMORY;
        const uint32_t to = goes_on(f, &f->block.at[test]);
        if (is_return(to) || phis[f->block.at[test].on])
            break;
        if (!move(f, test, first, to))
            return WEIR_E_MEMORY;
    }
    return WEIR_OK;
}
