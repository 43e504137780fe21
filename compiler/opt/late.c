/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/late.c - a test that nearly every packet passes is made last.
 *
 *   b0: switch %p: 6 -> b1, else -> reject          b0: switch %p: 6 -> b1, else -> reject
 *   b1: switch %f: 0 -> b2, else -> reject          b1: switch %s: 80 -> b3, else -> b2
 *   b2: switch %s: 80 -> accept, else -> b3         b2: switch %d: 80 -> b3, else -> reject
 *   b3: switch %d: 80 -> accept, else -> reject     b3: switch %f: 0 -> accept, else -> reject
 *
 * %f is a fragment's offset. What the function knows to hold seldom otherwise (struct ir_seldom) costs most
 * packets a load and a jump, and they fail later anyway: whether a TCP packet is a fragment is asked behind
 * its ports.
 *
 * Refines: the test's other outcome is reject, and what lies behind it leads to accept or reject alone, and
 * is entered through it alone. A packet that passes it meets the same tests as before; one that does not is
 * rejected by whichever fails first, or by a load past its end. No packet that is accepted is read otherwise
 * than before.
 *
 * Cost: linear, as few tests are moved. What lies behind one has to be numbered behind it in a row, as
 * opt/thread.c leaves it. Runs once; a test that was moved has nothing but returns behind it.
 */
#include "opt/pass.h"

#define TESTS_MAX 4u /* looked at */

/* What is said of a test that leads on for 0 and rejects otherwise, or NULL. */
static const struct ir_seldom *seldom_of(const struct ir_func *f, const struct ir_block *b)
{
    uint32_t i = 0;

    while (i < f->seldoms && f->seldom[i].test != b->on)
        i++;
    if (i == f->seldoms || b->to.n != 2 || b->to.at[0].last != 0 || is_return(b->to.at[0].target) ||
        b->to.at[1].target != IR_REJECT)
        return NULL;
    return &f->seldom[i];
}

/* The last of the blocks behind @block, if they are all up to there; IR_NONE when one of them returns a
 * number. */
static uint32_t last_behind(const struct ir_func *f, uint32_t block)
{
    uint32_t last = f->block.at[block].to.at[0].target;

    for (uint32_t i = block + 1; i <= last; i++) {
        if (ir_returns(&f->block.at[i])) /* past the test, if that was moved behind it */
            return IR_NONE;
        for (uint32_t c = 0; c < f->block.at[i].to.n; c++) {
            uint32_t to = f->block.at[i].to.at[c].target;
            last = !is_return(to) && to > last ? to : last;
        }
    }
    return last;
}

/*
 * The case that leads to @block: the only one, of the given value's being the given number, and none but
 * @block's own lead to the blocks up to @last. Or NULL.
 */
static struct ir_case *way_in(struct ir_func *f, uint32_t block, uint32_t last, const struct ir_seldom *s)
{
    struct ir_case *way = NULL;

    for (uint32_t i = 0; i < block; i++) {
        struct ir_block *b = &f->block.at[i];
        for (uint32_t c = 0; c < b->to.n; c++) {
            struct ir_case *to = &b->to.at[c];
            if (to->target < block || to->target > last) /* returns are */
                continue;
            if (way || to->target > block || b->on != s->given || to->last != s->number || c == 0 ||
                to[-1].last != s->number - 1)
                return NULL;
            way = to;
        }
    }
    return way;
}

/* Makes the test of @block, where @way leads, behind the blocks up to @last: what accepted in them asks it.
 */
static void move(struct ir_func *f, uint32_t block, uint32_t last, struct ir_case *way)
{
    struct ir_block test = f->block.at[block];

    way->target = test.to.at[0].target - 1;
    for (uint32_t i = block; i < last; i++) {
        struct ir_block *b = &f->block.at[i];
        *b = f->block.at[i + 1];
        for (uint32_t c = 0; c < b->to.n; c++) {
            uint32_t to = b->to.at[c].target;
            b->to.at[c].target = to == IR_ACCEPT ? last : to == IR_REJECT ? to : to - 1;
        }
    }
    test.to.at[0].target = IR_ACCEPT;
    f->block.at[last] = test;
}

int pass_late(struct ir_func *f)
{
    uint32_t tests = 0;

    for (uint32_t i = f->entry + 1; f->seldoms && i < f->block.n && tests < TESTS_MAX; i++) {
        const struct ir_seldom *s = seldom_of(f, &f->block.at[i]);
        if (!s)
            continue;
        uint32_t last = last_behind(f, i);
        struct ir_case *way = last == IR_NONE ? NULL : way_in(f, i, last, s);
        tests++;
        if (way)
            move(f, i, last, way);
    }
    return WEIR_OK;
}
