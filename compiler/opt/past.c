/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/past.c - numbers that decide the next test of their value go past it.
 *
 *   b0: switch %a: 10..19 -> accept, else -> b1     b0: switch %a: 0..9 -> b1, 10..19 -> accept, else -> b2
 *   b1: switch %a: 4..7 -> reject, else -> b2       b1: switch %a: 4..7 -> reject, else -> b2
 *
 * A test for an interval takes two compares, and knows then on which side of it a number lies. What one
 * compare tells from its neighbours, a number alone, stays as it is: it says nothing of the others.
 *
 * Refines: each number leads where it led, past a test whose value was loaded.
 *
 * Cost: linear in the cases of blocks of no more than CASES_MAX that lead to another test of their value.
 */
#include "opt/pass.h"

#define CASES_MAX 32u

/* Is case @c of @b one number, which one compare tells from those around it? */
static bool is_alone(const struct ir_block *b, uint32_t c)
{
    const struct ir_case *to = b->to.at;

    return c > 0 && c + 1 < b->to.n && to[c].last == to[c - 1].last + 1 &&
           to[c - 1].target == to[c + 1].target;
}

/* Does case @c of @b, which leads to @in, decide that test, which others come to, and may it lead where it
 * leads, to *@past, without more compares to tell it from its neighbours? */
static bool leads_past(const struct ir_block *b, uint32_t c, const struct ir_block *in, uint32_t *past)
{
    const struct ir_case *to = b->to.at;
    const uint32_t n = b->to.n, low = c ? to[c - 1].last + 1 : 0;
    uint32_t k = 0, come = 0;

    for (uint32_t i = 0; i < n; i++)
        come += to[i].target == to[c].target;
    if (come < 2 || in->phi.n || ir_returns(in) || (c > 0 && is_alone(b, c - 1)) || is_alone(b, c + 1))
        return false;
    while (in->to.at[k].last < low)
        k++;
    *past = in->to.at[k].target;
    return in->to.at[k].last >= to[c].last && (c == 0 || to[c - 1].target != *past) &&
           (c + 1 == n || to[c + 1].target != *past);
}

int pass_past(struct ir_func *f)
{
    for (uint32_t i = 0; i < f->block.n; i++) {
        struct ir_block *b = &f->block.at[i];
        for (uint32_t c = 0; c < b->to.n && b->to.n <= CASES_MAX; c++) {
            uint32_t inner = b->to.at[c].target, past;
            if (!is_return(inner) && f->block.at[inner].on == b->on && b->on != IR_NONE &&
                leads_past(b, c, &f->block.at[inner], &past) && !has_phis(f, past))
                b->to.at[c].target = past;
        }
    }
    return WEIR_OK;
}
