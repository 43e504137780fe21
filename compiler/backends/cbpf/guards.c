/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/guards.c - guards that the loads of their block do not make.
 */
#include "backends/cbpf/emit.h"

/* A load that the block makes anyway. */
struct reach {
    ir_value base;
    uint32_t offset, size;
};

static bool reach_before(const struct reach *x, const struct reach *y)
{
    return x->base != y->base       ? x->base < y->base
           : x->offset != y->offset ? x->offset < y->offset
                                    : x->size < y->size;
}

/* Shell's sort: in place, no recursion. */
static void reach_sort(struct reach *r, uint32_t n)
{
    for (uint32_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (uint32_t i = gap; i < n; i++) {
            struct reach x = r[i];
            uint32_t at = i;
            for (; at >= gap && reach_before(&x, &r[at - gap]); at -= gap)
                r[at] = r[at - gap];
            r[at] = x;
        }
}

struct reaches {
    VEC(struct reach) load;
    uint64_t absolute; /* where the furthest absolute load ends */
};

static void reaches_find(struct cb_emit *e, struct reaches *r, ir_value root)
{
    e->visit.n = 0;
    if (root != IR_NONE && !vec_push(e->arena, &e->visit, root))
        cb_fail(e, WEIR_E_MEMORY);
    while (e->visit.n && !e->status) {
        ir_value v = e->visit.at[--e->visit.n];
        const struct ir_node *n = &e->f->value.at[v];

        if (e->seen[v] == e->epoch || n->op == IR_PHI)
            continue;
        e->seen[v] = e->epoch;
        if (ir_is_load(n)) {
            struct reach l = {n->a, n->imm, ir_load_size(n)};
            if (l.base == IR_NONE)
                r->absolute =
                    r->absolute > (uint64_t)l.offset + l.size ? r->absolute : (uint64_t)l.offset + l.size;
            else if (!vec_push(e->arena, &r->load, l))
                cb_fail(e, WEIR_E_MEMORY);
        }
        if ((n->a != IR_NONE && !vec_push(e->arena, &e->visit, n->a)) ||
            (n->b != IR_NONE && !vec_push(e->arena, &e->visit, n->b)))
            cb_fail(e, WEIR_E_MEMORY);
    }
}

/* Do all addresses from here stay below 2^32? */
static bool address_plain(struct cb_emit *e, ir_value base, uint32_t offset, uint32_t size)
{
    return (uint64_t)ir_range(e->f, base).hi + offset + size <= UINT64_C(1) << 32;
}

/* Is guard @g made by one of the sorted loads? */
static bool reaches_cover(struct cb_emit *e, const struct reaches *r, const struct ir_guard *g)
{
    struct reach key = {g->base, g->offset, g->size};
    uint32_t lo = 0, hi = r->load.n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (reach_before(&r->load.at[mid], &key))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < r->load.n && r->load.at[lo].base == g->base && r->load.at[lo].offset == g->offset)
        return true;
    if (!address_plain(e, g->base, g->offset, g->size))
        return false;
    /* where addresses do not wrap, a load further on will do; the last ones of the base are the furthest */
    for (hi = lo; hi < r->load.n && r->load.at[hi].base == g->base && hi < lo + 4; hi++) {
        const struct reach *l = &r->load.at[hi];
        if ((uint64_t)l->offset + l->size >= (uint64_t)g->offset + g->size &&
            address_plain(e, l->base, l->offset, l->size))
            return true;
    }
    return false;
}

void cb_guards_put(struct cb_emit *e, uint32_t b, const struct cb_test *t)
{
    const struct ir_block *ib = &e->f->block.at[b];
    struct reaches r = {.absolute = 0};
    uint64_t need = 0;

    if (!ib->guard.n)
        return;
    e->epoch++;
    reaches_find(e, &r, t->a);
    reaches_find(e, &r, t->x);
    reach_sort(r.load.at, r.load.n);
    for (uint32_t i = 0; i < ib->guard.n && !e->status; i++) {
        const struct ir_guard *g = &ib->guard.at[i];
        uint64_t end = (uint64_t)g->offset + g->size;
        if (!g->size && g->base == IR_NONE && !g->offset)
            continue;
        if (g->base == IR_NONE) {
            need = need > end ? need : end;
        } else if (!reaches_cover(e, &r, g)) {
            cb_eval_begin(e, g->base, IR_NONE);
            cb_eval_guard(e, g->base, g->offset, g->size ? g->size : 1);
        }
    }
    if (need > r.absolute) {
        cb_put(e, CB_LD | CB_ABS | CB_B, (uint32_t)(need - 1));
        e->regs.a = IR_NONE;
    }
}
