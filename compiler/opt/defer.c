/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/defer.c - a test that few packets need is made behind the one that all of them make.
 *
 *   b0: switch %s: 1 -> b1, else -> b2              b0: switch %d: 2 -> b1, else -> reject
 *   b1: switch %d: 2 -> accept, else -> reject      b1: switch %s: 1 -> accept, else -> b2
 *   b2: switch %d: 2 -> b3, else -> reject          b2: ... (b3 before)
 *
 * Whatever b0 finds, a test of %d follows that tells the same numbers apart and leads most packets to the
 * same place: only the others need to know what %s is. Regrouping asks for one value all that the filter asks
 * of it at once, which is right unless what is asked for last takes all that is asked before it. Likewise
 * where b0 rejects few numbers and leads to one test, at a fixed place, that rejects most; or accepts them,
 * and whoever holds what it reads holds what that test reads:
 *
 *   b0: switch %s: 1 -> reject, else -> b1          b0: switch %p: 17 -> b1, else -> reject
 *   b1: switch %p: 17 -> b2, else -> reject         b1: switch %s: 1 -> reject, else -> b2
 *
 * Refines: who gets to the common place now does so after fewer loads, or is rejected, be it by a load past
 * the packet's end; who does not has passed the same tests as before, in another order, and made the same
 * loads.
 *
 * Cost: linear, as blocks have few cases. A block's test is deferred once; there are fewer blocks or as many.
 */
#include "opt/order.h"

#define ALIKE_MAX 4u /* tests that are the same but for where they lead */

/* A test that leads to two places. */
struct fork {
    uint32_t block, common, own; /* common: where most packets go on */
};

struct alike {
    struct fork fork[ALIKE_MAX];
    uint32_t n;
    bool direct; /* the test before them leads to the common place as well, and may do so behind them */
};

/* Is @block a test, entered from one place, with PHIs at neither of its ends? */
static bool read_fork(const struct order *o, uint32_t block, struct fork *fork)
{
    if (!order_is_plain(o->f, block) || o->ways[block] != 1)
        return false;
    const struct ir_block *b = &o->f->block.at[block];
    const uint32_t common = b->to.at[order_widest(b)].target;
    uint32_t places = 0;

    *fork = (struct fork){.block = block, .common = common};
    for (uint32_t c = 0; c < b->to.n; c++) {
        places += !order_led_before(b, c);
        fork->own = b->to.at[c].target == common ? fork->own : b->to.at[c].target;
    }
    return places == 2 && b->to.at[0].target == common && !has_phis(o->f, common) &&
           !has_phis(o->f, fork->own);
}

static bool is_alike(const struct ir_func *f, const struct fork *x, const struct fork *y)
{
    const struct ir_block *a = &f->block.at[x->block], *b = &f->block.at[y->block];
    bool same = a->on == b->on && a->to.n == b->to.n && x->common == y->common;

    for (uint32_t c = 0; c < a->to.n && same; c++)
        same = a->to.at[c].last == b->to.at[c].last &&
               (a->to.at[c].target == x->common) == (b->to.at[c].target == y->common);
    return same;
}

/* Is @v at a fixed place? */
static bool is_simple(const struct ir_func *f, ir_value v)
{
    const struct ir_node *n = &f->value.at[ir_whole_of(f, v)];

    return ir_read_bytes(n) && n->a == IR_NONE;
}

/* Has every packet that holds what @b reads the number that @inner tests? */
static bool is_held(const struct ir_func *f, const struct ir_block *b, uint32_t inner)
{
    const struct ir_node *outer = &f->value.at[ir_whole_of(f, b->on)],
                         *n = &f->value.at[ir_whole_of(f, f->block.at[inner].on)];

    return is_simple(f, b->on) && is_simple(f, f->block.at[inner].on) &&
           (uint64_t)n->imm + ir_read_bytes(n) <= (uint64_t)outer->imm + ir_read_bytes(outer);
}

/* Does @b lead few packets to @common and all others to the test @inner, of a value at a fixed place? */
static bool is_likely(const struct ir_func *f, const struct ir_block *b, uint32_t common, uint32_t inner)
{
    bool two = b->to.at[0].target == inner; /* fields and lengths are mostly small */

    for (uint32_t c = 0; c < b->to.n; c++)
        two &= b->to.at[c].target == inner || b->to.at[c].target == common;
    return two && b->to.at[order_widest(b)].target == inner && is_simple(f, f->block.at[inner].on);
}

/* Finds tests that @b leads to which are alike. */
static bool find(const struct order *o, const struct ir_block *b, struct alike *a)
{
    for (uint32_t c = 0; c < b->to.n; c++) {
        a->n = 1;
        if (order_led_before(b, c) || !read_fork(o, b->to.at[c].target, &a->fork[0]) ||
            o->f->block.at[a->fork[0].block].on == b->on)
            continue;
        for (uint32_t k = c + 1; k < b->to.n && a->n < ALIKE_MAX; k++)
            a->n += !order_led_before(b, k) && read_fork(o, b->to.at[k].target, &a->fork[a->n]) &&
                    is_alike(o->f, &a->fork[0], &a->fork[a->n]);
        const uint32_t common = a->fork[0].common, inner = a->fork[0].block;
        a->direct = order_leads_to(b, common) && (common == IR_REJECT || is_held(o->f, b, inner));
        if (a->n > 1 || (a->direct && is_likely(o->f, b, common, inner)))
            return true;
    }
    return false;
}

static const struct fork *fork_of(const struct alike *a, uint32_t block)
{
    uint32_t i = 0;

    while (i < a->n && a->fork[i].block != block)
        i++;
    return i < a->n ? &a->fork[i] : NULL;
}

/* Adds a case behind the @n of @to, or to the last of them. */
static uint32_t add_case(struct ir_case *to, uint32_t n, struct ir_case c)
{
    if (n == 0 || to[n - 1].target != c.target)
        to[n++] = c;
    else
        to[n - 1].last = c.last;
    return n;
}

/* Has case @c several numbers? */
static bool is_wide(const struct ir_case *to, uint32_t c)
{
    return to[c].last != (c ? to[c - 1].last + 1 : 0);
}

/* The test of @block is to be made behind those of @a, which become one. */
static bool defer(struct order *o, uint32_t block, const struct alike *a)
{
    struct ir_block *at = o->f->block.at, *b = &at[block];
    const uint32_t first = a->fork[0].block;
    struct ir_case *to = arena_array(o->f->arena, struct ir_case, b->to.n);
    struct ir_block deferred = *b, test = at[first];
    uint32_t n = 0, left = 0;

    if (!to)
        return false;
    for (uint32_t c = 0; c < b->to.n; c++) {
        const struct ir_case here = b->to.at[c];
        const struct fork *fork = fork_of(a, here.target);
        const bool comes = fork || (a->direct && here.target == a->fork[0].common);
        if (comes) /* numbers that do not come there go with those below them, or above */
            n = add_case(to, n, (struct ir_case){here.last, fork ? fork->own : here.target});
        else if (n && (c + 1 == b->to.n || is_wide(to, n - 1)))
            to[n - 1].last = here.last;
        left = add_case(b->to.at, left, (struct ir_case){here.last, comes ? first : here.target});
    }
    for (uint32_t i = 0; i < a->n; i++) {
        bool again = false; /* another one leads there as well */
        for (uint32_t k = 0; k < i; k++)
            again |= a->fork[k].own == a->fork[i].own;
        if (again && !is_return(a->fork[i].own))
            o->ways[a->fork[i].own]--;
        if (i > 0 && !is_return(a->fork[i].common))
            o->ways[a->fork[i].common]--;
        order_take_out(o, a->fork[i].block);
    }
    b->to.n = left;
    deferred.phi.n = 0;
    deferred.to.at = to;
    deferred.to.n = deferred.to.cap = n;
    deferred.on = n > 1 ? b->on : IR_NONE;
    const uint32_t behind = left > 1 ? a->fork[1].block : first;
    for (uint32_t c = 0; c < test.to.n; c++)
        if (test.to.at[c].target != a->fork[0].common)
            test.to.at[c].target = behind;
    order_put_in(o, behind, o->next[block]);
    if (left > 1) {
        at[first] = test;
        order_put_in(o, first, behind);
    } else { /* nothing else is left of it */
        b->on = test.on;
        b->to = test.to;
        b->at = test.at;
    }
    at[behind] = deferred;
    return true;
}

/* May @b lead to tests that are alike? In most filters no test does. */
static bool may_lead(const struct ir_func *f, const struct ir_block *b)
{
    const struct ir_block *before = NULL;

    if (b->to.n < 2 || b->to.n > ORDER_CASES_MAX)
        return false;
    for (uint32_t c = 0; c < b->to.n; c++) {
        if (is_return(b->to.at[c].target))
            continue;
        const struct ir_block *inner = &f->block.at[b->to.at[c].target];
        if (inner == before || inner->to.n < 2)
            continue;
        if (before ? inner->on == before->on && inner->to.n == before->to.n
                   : b->to.n > 2 && b->to.at[1].target == inner->to.at[inner->to.n - 1].target)
            return true;
        before = inner;
    }
    return false;
}

int pass_defer(struct ir_func *f)
{
    struct order o;
    struct alike a;
    uint32_t last = f->block.n;
    bool any = false;

    while (last > 0 && !may_lead(f, &f->block.at[last - 1]))
        last--;
    if (last == 0)
        return WEIR_OK;
    if (!order_begin(&o, f))
        return WEIR_E_MEMORY;
    for (uint32_t i = last - 1; i < f->block.n; i = o.before[i]) {
        if (!may_lead(f, &f->block.at[i]) || !find(&o, &f->block.at[i], &a))
            continue;
        if (!defer(&o, i, &a))
            return WEIR_E_MEMORY;
        any = true;
    }
    return !any || order_install(&o) ? WEIR_OK : WEIR_E_MEMORY;
}
