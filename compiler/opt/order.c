/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/order.c - blocks in an order that a pass changes. Each step costs the same however many there are.
 */
#include "opt/order.h"

#define FEW 4u /* protocols that most packets are of */

bool order_begin(struct order *o, struct ir_func *f)
{
    const uint32_t n = f->block.n;
    uint32_t *latest = arena_array(f->arena, uint32_t, n); /* by block: one that leads there, plus 1 */

    *o = (struct order){.f = f,
                        .ways = arena_array(f->arena, uint32_t, n),
                        .next = arena_array(f->arena, uint32_t, n + 1),
                        .before = arena_array(f->arena, uint32_t, n + 1)};
    if (!latest || !o->ways || !o->next || !o->before)
        return false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < f->block.at[i].to.n; c++) {
            const uint32_t to = f->block.at[i].to.at[c].target;
            if (is_return(to) || latest[to] == i + 1)
                continue;
            latest[to] = i + 1;
            o->ways[to]++;
        }
    for (uint32_t i = 0; i <= n; i++) {
        o->next[i] = i < n ? i + 1 : 0;
        o->before[i] = i ? i - 1 : n;
    }
    return true;
}

void order_take_out(struct order *o, uint32_t block)
{
    o->next[o->before[block]] = o->next[block];
    o->before[o->next[block]] = o->before[block];
}

void order_put_in(struct order *o, uint32_t block, uint32_t other)
{
    o->next[block] = other;
    o->before[block] = o->before[other];
    o->next[o->before[other]] = block;
    o->before[other] = block;
}

bool order_install(struct order *o)
{
    struct ir_func *f = o->f;
    const uint32_t n = f->block.n;
    struct ir_block *block = arena_array(f->arena, struct ir_block, n);
    uint32_t *place = arena_array(f->arena, uint32_t, n), at = 0;

    if (!block || !place)
        return false;
    for (uint32_t i = o->next[n]; i < n; i = o->next[i]) {
        place[i] = at;
        block[at++] = f->block.at[i];
    }
    f->block.at = block;
    f->block.cap = n;
    opt_renumber(f, place, at);
    return true;
}

void order_redirect(struct ir_block *b, uint32_t from, uint32_t to)
{
    for (uint32_t c = 0; c < b->to.n; c++)
        if (b->to.at[c].target == from)
            b->to.at[c].target = to;
}

bool order_is_plain(const struct ir_func *f, uint32_t block)
{
    const struct ir_block *b = is_return(block) ? NULL : &f->block.at[block];

    return b && b->phi.n == 0 && b->to.n > 1 && b->to.n <= ORDER_CASES_MAX;
}

bool order_led_before(const struct ir_block *b, uint32_t c)
{
    uint32_t i = 0;

    while (b->to.at[i].target != b->to.at[c].target)
        i++;
    return i < c;
}

bool order_leads_to(const struct ir_block *b, uint32_t target)
{
    uint32_t c = b->to.n;

    while (c > 0 && b->to.at[c - 1].target != target)
        c--;
    return c > 0;
}

uint32_t order_widest(const struct ir_block *b)
{
    uint32_t widest = 0, width = 0;

    for (uint32_t c = 0, lo = 0; c < b->to.n; lo = b->to.at[c++].last + 1)
        if (b->to.at[c].last - lo >= width) {
            width = b->to.at[c].last - lo;
            widest = c;
        }
    return widest;
}

/* Of how many cases each but the widest is taken to be one: of few where the test asks for a protocol, which
 * is a byte or what tells IPv4 from others. */
static uint32_t shares_of(const struct ir_func *f, const struct ir_block *b)
{
    const bool few = b->on == f->usual.on || ir_node_range(f, &f->value.at[b->on]).hi <= UINT8_MAX;

    return few && b->to.n <= FEW ? FEW : b->to.n <= ORDER_CASES_MAX ? ORDER_CASES_MAX : b->to.n;
}

uint32_t order_share(const struct ir_func *f, const struct ir_block *b, uint32_t target)
{
    if (b->to.n < 2)
        return ORDER_ALL;
    const uint32_t widest = order_widest(b), n = shares_of(f, b);
    uint32_t others = 0;

    for (uint32_t c = 0; c < b->to.n; c++)
        others += b->to.at[c].target == target;
    if (b->to.at[widest].target == target)
        others += n - b->to.n;
    return others * ORDER_ALL / n;
}
