/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/pull.c - a value that was tested is tested again before others are.
 *
 *   b0: switch %d: 8080 -> accept, else -> b1       b0: switch %d: 8080 -> accept, else -> b1
 *   b1: switch %s: 443 -> reject, else -> b2        b1: switch %d: 443 -> reject, else -> b2
 *   b2: switch %d: 443 -> reject, else -> accept    b2: switch %s: 443 -> reject, else -> accept
 *
 * The value is at hand in b1, and a load away in b2. What lies between, here one block, is any region that is
 * entered from the first test alone and left for the second test, which is entered from the region alone, or
 * for one other place, where the second test leads as well. Done where packets are likely to execute less;
 * for the shortest program always.
 *
 * Refines: who gets to that other place now does so after fewer loads or the same; who does not has passed
 * the same tests as before, in another order. The second test loads nothing that the first has not.
 *
 * Cost: linear, as regions are small. Each way out of a block is looked at once; a test that was pulled
 * stands behind one of its value, so that it is not pulled again.
 */
#include "opt/order.h"

#define REGION_MAX 8u /* blocks */
#define OPEN_MAX   4u /* places that a region leads to */

#define LOAD_AND_TEST 2u /* instructions of a test of a value that is not at hand */

struct pull {
    struct ir_func *f;
    struct order order;
    uint32_t *again; /* by value: the last block that tests it again; 0: none does */
    bool worth_it;   /* some value is */
};

/* Blocks that are entered through the first of them alone. */
struct region {
    uint32_t block[REGION_MAX], n;
    uint32_t open[OPEN_MAX], ways[OPEN_MAX], opens; /* where they lead, and how many of them do */
};

/* A test to pull, where it leads as the region does, and where else. */
struct pulled {
    uint32_t test, common, on;
};

/* The value that is at hand when @v was tested: for a bit, what it is a bit of. */
static ir_value at_hand(const struct ir_func *f, ir_value v)
{
    const ir_value whole = v == IR_NONE ? v : ir_whole_of(f, v);
    uint32_t bits = 0;

    if (whole != v)
        ir_is_const(f, f->value.at[v].b, &bits);
    return bits & (bits - 1) ? v : whole;
}

/* Adds @block to @r. False: it leads to too many places. */
static bool take_in(const struct pull *x, struct region *r, uint32_t block)
{
    const struct ir_block *b = &x->f->block.at[block];

    r->block[r->n++] = block;
    for (uint32_t c = 0; c < b->to.n; c++) {
        uint32_t i = 0;
        if (order_led_before(b, c))
            continue;
        while (i < r->opens && r->open[i] != b->to.at[c].target)
            i++;
        if (i == OPEN_MAX)
            return false;
        if (i == r->opens) {
            r->open[i] = b->to.at[c].target;
            r->ways[r->opens++] = 0;
        }
        r->ways[i]++;
    }
    return true;
}

/* Is the place @i that @r leads to a test that is entered from there alone? */
static bool is_inside(const struct pull *x, const struct region *r, uint32_t i)
{
    return order_is_plain(x->f, r->open[i]) && x->order.ways[r->open[i]] == r->ways[i];
}

/* The first block that may be taken in, of those that do not test @value but may lead to one that does;
 * OPEN_MAX: there is none. */
static uint32_t next_inside(const struct pull *x, const struct region *r, ir_value value)
{
    uint32_t best = OPEN_MAX;

    for (uint32_t i = 0; i < r->opens; i++)
        if (r->open[i] < x->again[value] && (best == OPEN_MAX || r->open[i] < r->open[best]) &&
            is_inside(x, r, i) && at_hand(x->f, x->f->block.at[r->open[i]].on) != value)
            best = i;
    return best;
}

/* Does the test of @value that @r leads to lead where @r does, and to one place besides? */
static bool find_test(const struct pull *x, const struct region *r, ir_value value, struct pulled *p)
{
    for (uint32_t i = 0; i < r->opens && r->opens == 2; i++) {
        if (!is_inside(x, r, i) || at_hand(x->f, x->f->block.at[r->open[i]].on) != value)
            continue;
        const struct ir_block *b = &x->f->block.at[r->open[i]];
        uint32_t places = 0, common = 0;
        *p = (struct pulled){.test = r->open[i], .common = r->open[1 - i]};
        for (uint32_t c = 0; c < b->to.n; c++) {
            const uint32_t target = b->to.at[c].target;
            places += !order_led_before(b, c);
            common += target == p->common;
            p->on = target == p->common ? p->on : target;
        }
        if (places == 2 && common && !has_phis(x->f, p->common) && !has_phis(x->f, p->on))
            return true;
    }
    return false;
}

/* The test to pull in front of @block, where a test of @value leads, over the blocks of @r. */
static bool find(const struct pull *x, uint32_t block, ir_value value, struct region *r, struct pulled *p)
{
    r->n = r->opens = 0;
    if (block >= x->again[value] || x->order.ways[block] != 1 || !order_is_plain(x->f, block) ||
        at_hand(x->f, x->f->block.at[block].on) == value)
        return false;
    while (take_in(x, r, block)) {
        if (find_test(x, r, value, p))
            return true;
        uint32_t i = next_inside(x, r, value);
        if (i == OPEN_MAX || r->n == REGION_MAX)
            return false;
        block = r->open[i];
        r->open[i] = r->open[--r->opens];
        r->ways[i] = r->ways[r->opens];
    }
    return false;
}

static uint32_t share(const struct pull *x, uint32_t block, uint32_t target)
{
    return order_share(x->f, &x->f->block.at[block], target);
}

/*
 * Do packets execute fewer instructions once the test @p is pulled? All make it then; but those that it leads
 * where @r does make no test of @r, and none loads the value again behind @r.
 */
static bool saves(const struct pull *x, const struct region *r, const struct pulled *p)
{
    uint32_t come[REGION_MAX] = {ORDER_ALL}, again = 0, tests = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        for (uint32_t k = i + 1; k < r->n; k++)
            come[k] += come[i] * share(x, r->block[i], r->block[k]) / ORDER_ALL;
        again += come[i] * share(x, r->block[i], p->test) / ORDER_ALL;
        tests += come[i];
    }
    return LOAD_AND_TEST * (tests * share(x, p->test, p->common) / ORDER_ALL + again) > ORDER_ALL;
}

/* Makes the test @p between @block and @r. */
static void pull(struct pull *x, uint32_t block, const struct region *r, const struct pulled *p)
{
    struct ir_block *at = x->f->block.at;
    uint32_t leading = 0;

    for (uint32_t k = 0; k < r->n; k++) {
        for (uint32_t c = 0; c < at[r->block[k]].to.n; c++)
            leading += at[r->block[k]].to.at[c].target == p->test && !order_led_before(&at[r->block[k]], c);
        order_redirect(&at[r->block[k]], p->test, p->on);
    }
    order_redirect(&at[p->test], p->on, r->block[0]);
    order_redirect(&at[block], r->block[0], p->test);
    x->order.ways[p->test] = 1;
    if (!is_return(p->on))
        x->order.ways[p->on] += leading - 1;
    order_take_out(&x->order, p->test);
    order_put_in(&x->order, p->test, r->block[0]);
}

/* Finds the values that are tested again, behind tests of others alone. In most filters none is. */
static bool find_again(struct pull *x)
{
    const struct ir_func *f = x->f;
    uint32_t *latest =
        arena_array(f->arena, uint32_t, f->value.n); /* by value: a block that tests it, plus 1 */

    x->again = arena_array(f->arena, uint32_t, f->value.n);
    if (!latest || !x->again)
        return false;
    for (uint32_t i = 0; i < f->block.n; i++) {
        const ir_value value = at_hand(f, f->block.at[i].on);
        if (value == IR_NONE)
            continue;
        if (latest[value] && !order_leads_to(&f->block.at[latest[value] - 1], i)) {
            x->again[value] = i;
            x->worth_it = true;
        }
        latest[value] = i + 1;
    }
    return true;
}

int pass_pull(struct ir_func *f)
{
    struct pull x = {.f = f};
    struct region r;
    struct pulled p;
    bool any = false;

    if (!find_again(&x) || (x.worth_it && !order_begin(&x.order, f)))
        return WEIR_E_MEMORY;
    if (!x.worth_it)
        return WEIR_OK;
    for (uint32_t i = x.order.next[f->block.n]; i < f->block.n; i = x.order.next[i]) {
        const struct ir_block *b = &f->block.at[i];
        const ir_value value = at_hand(f, b->on);
        for (uint32_t c = 0; value != IR_NONE && c < b->to.n; c++) {
            if (!find(&x, b->to.at[c].target, value, &r, &p) || !(f->small || saves(&x, &r, &p)))
                continue;
            pull(&x, i, &r, &p);
            any = true;
        }
    }
    return !any || order_install(&x.order) ? WEIR_OK : WEIR_E_MEMORY;
}
