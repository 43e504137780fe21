/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/early.c - loads made once in front of a long switch, for all that lies behind it.
 *
 *   switch [22]: a -> b1, b -> b2, ...       M[0] = [26]; M[1] = [30]; switch [22]: a -> b1, b -> b2, ...
 *   b1: switch [26] ...                      b1: switch M[0] ...
 *   b2: switch [26] ...                      b2: switch M[0] ...
 *
 * Linux makes about fourteen instructions of a load and one of reading a cell, so a list whose leaves each
 * load the same words is taken this way and refused the other way. Packets that reach no leaf pay for it, so
 * this is done only to programs that Linux would refuse (emit.c).
 *
 * A value is placed at the innermost long switch that dominates all its uses. Refines, because it is placed
 * there only when its guard has passed on every path to the switch or is on every path from it to an accept:
 * then a packet too short for it is rejected anyway. The start of a header that many loads begin at is left
 * in X, the others get cells.
 *
 * Cost: O(values + edges), twice 64 bits of candidates for each block.
 */
#include "backends/cbpf/emit.h"

#define LONG_TARGETS 8u /* targets that make a switch a long one */
#define EARLY_USES   8u /* blocks that make a value worth it */

struct early {
    struct cb_emit *e;
    uint32_t *parent; /* by block: the innermost long switch that dominates it, or NONE */
    uint32_t *depth;  /* by long switch: how many dominate it */
    bool *floats;     /* by value: may be computed anywhere its guards allow */
    uint32_t *uses;   /* by value: blocks that load it */
    uint32_t *place;  /* by value: the long switch in front of all uses, or NONE */
    VEC(ir_value) candidate;
    uint64_t *covered, *before,
        *behind; /* by block: candidates whose guard it has; passed before; needed from it on */
};

static bool is_long(const struct cb_emit *e, uint32_t b)
{
    return e->out_n[b] >= LONG_TARGETS;
}

/* The innermost long switch that dominates what both dominate. */
static uint32_t meet(const struct early *y, uint32_t a, uint32_t b)
{
    while (a != b) {
        if (a == NONE || b == NONE)
            return NONE;
        if (y->depth[a] >= y->depth[b])
            a = y->parent[a];
        else
            b = y->parent[b];
    }
    return a;
}

static void find_parents(struct early *y)
{
    const struct cb_emit *e = y->e;

    for (uint32_t b = 0; b < e->f->block.n; b++) {
        uint32_t p = NONE;
        for (uint32_t i = e->in[b]; i != NONE; i = e->edge.at[i].next_in) {
            uint32_t from = e->edge.at[i].from, own = from == NONE       ? NONE
                                                      : is_long(e, from) ? from
                                                                         : y->parent[from];
            p = i == e->in[b] ? own : meet(y, p, own);
        }
        y->parent[b] = p;
        y->depth[b] = p == NONE ? 0 : y->depth[p] + 1;
    }
}

static void find_floating(struct early *y)
{
    struct cb_emit *e = y->e;

    for (ir_value v = 0; v < e->f->value.n; v++) {
        const struct ir_node *n = &e->f->value.at[v];
        y->floats[v] = n->op != IR_PHI && n->op != IR_UDIV && n->op != IR_UMOD &&
                       (n->a == IR_NONE || y->floats[n->a]) && (n->b == IR_NONE || y->floats[n->b]);
        if (ir_is_load(n))
            y->floats[v] &= n->a == IR_NONE ? n->imm < 0x80000000u - 4
                                            : !cb_address_unsafe(e, n->a, n->imm, ir_load_size(n));
    }
}

/* What a load instruction brings: a load, or the four times a nibble of ldxb. */
static bool is_loaded(const struct cb_emit *e, ir_value v)
{
    uint32_t k;

    return ir_is_load(&e->f->value.at[v]) || cb_is_nibble(e, v, &k);
}

static void use(struct early *y, ir_value v, uint32_t b)
{
    uint32_t k;

    if (y->uses[v] == 0 && !vec_push(y->e->arena, &y->candidate, v))
        cb_fail(y->e, WEIR_E_MEMORY);
    y->place[v] = y->uses[v] == 0 ? y->parent[b] : meet(y, y->place[v], y->parent[b]);
    y->uses[v]++;
    if (cb_is_nibble(y->e, v, &k)) /* its load is not one of its own */
        return;
    const struct ir_node *n = &y->e->f->value.at[v];
    if ((n->a != IR_NONE && !vec_push(y->e->arena, &y->e->visit, n->a)) ||
        (n->b != IR_NONE && !vec_push(y->e->arena, &y->e->visit, n->b)))
        cb_fail(y->e, WEIR_E_MEMORY);
}

static void find_uses(struct early *y)
{
    struct cb_emit *e = y->e;

    for (uint32_t b = 0; b < e->f->block.n && !e->status; b++) {
        const struct cb_test *t = &e->test[b];
        if (e->in[b] == NONE)
            continue;
        e->epoch++;
        e->visit.n = 0;
        if ((t->a != IR_NONE && !vec_push(e->arena, &e->visit, t->a)) ||
            (t->x != IR_NONE && !vec_push(e->arena, &e->visit, t->x)))
            cb_fail(e, WEIR_E_MEMORY);
        while (e->visit.n && !e->status) {
            ir_value v = e->visit.at[--e->visit.n];
            if (e->seen[v] != e->epoch) {
                e->seen[v] = e->epoch;
                use(y, v, b);
            }
        }
    }
}

/* Those worth it and possible, most used first; at most 64. */
static void choose(struct early *y)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < y->candidate.n; i++) {
        ir_value v = y->candidate.at[i];
        if (y->place[v] == NONE || y->uses[v] < EARLY_USES || !y->floats[v] || !is_loaded(y->e, v))
            continue;
        if (n == KEPT_MAX && y->uses[y->candidate.at[n - 1]] >= y->uses[v])
            continue;
        uint32_t at = n < KEPT_MAX ? n++ : n - 1;
        for (; at > 0 && y->uses[y->candidate.at[at - 1]] < y->uses[v]; at--)
            y->candidate.at[at] = y->candidate.at[at - 1];
        y->candidate.at[at] = v;
    }
    y->candidate.n = n;
}

/* Is a packet that passes @g long enough for the loaded value @v? */
static bool covers(const struct cb_emit *e, const struct ir_guard *g, ir_value v)
{
    const struct ir_node *n = &e->f->value.at[v];
    ir_value base = n->a;
    uint32_t from = n->imm, size = ir_is_load(n) ? ir_load_size(n) : 1;

    if (cb_is_nibble(e, v, &from))
        base = IR_NONE;
    if (g->base != base)
        return false;
    uint64_t end = (uint64_t)from + size, guarded = (uint64_t)g->offset + g->size;
    bool from_zero = base == IR_NONE || ir_range(e->f, base).hi + guarded <= UINT64_C(1) << 32;
    return end <= guarded && (from_zero || from >= g->offset);
}

static void find_legal(struct early *y)
{
    const struct cb_emit *e = y->e;
    uint32_t blocks = e->f->block.n;

    for (uint32_t b = 0; b < blocks; b++) {
        const struct ir_block *ib = &e->f->block.at[b];
        uint64_t passed = e->in[b] == NONE ? 0 : UINT64_MAX;
        for (uint32_t g = 0; g < ib->guard.n; g++)
            for (uint32_t i = 0; i < y->candidate.n; i++)
                y->covered[b] |= (uint64_t)covers(e, &ib->guard.at[g], y->candidate.at[i]) << i;
        for (uint32_t i = e->in[b]; i != NONE; i = e->edge.at[i].next_in) {
            uint32_t from = e->edge.at[i].from;
            passed &= from == NONE ? 0 : y->before[from] | y->covered[from];
        }
        y->before[b] = passed;
    }
    for (uint32_t b = blocks; b-- > 0;) {
        const struct ir_block *ib = &e->f->block.at[b];
        uint64_t all = ir_returns(ib) ? 0 : UINT64_MAX;
        for (uint32_t c = 0; c < ib->to.n; c++) {
            uint32_t to = ib->to.at[c].target;
            all &= to == IR_REJECT ? UINT64_MAX : to == IR_ACCEPT ? 0 : y->behind[to];
        }
        y->behind[b] = y->covered[b] | all;
    }
}

void cb_early_find(struct cb_emit *e)
{
    uint32_t blocks = e->f->block.n, values = e->f->value.n;
    struct early y = {.e = e};

    y.parent = arena_array(e->arena, uint32_t, blocks);
    y.depth = arena_array(e->arena, uint32_t, blocks);
    y.floats = arena_array(e->arena, bool, values);
    y.uses = arena_array(e->arena, uint32_t, values);
    y.place = arena_array(e->arena, uint32_t, values);
    y.covered = arena_array(e->arena, uint64_t, blocks);
    y.before = arena_array(e->arena, uint64_t, blocks);
    y.behind = arena_array(e->arena, uint64_t, blocks);
    if (!y.parent || !y.depth || !y.floats || !y.uses || !y.place || !y.covered || !y.before || !y.behind) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    find_parents(&y);
    find_floating(&y);
    find_uses(&y);
    if (e->status)
        return;
    choose(&y);
    find_legal(&y);
    for (uint32_t i = 0; i < y.candidate.n; i++) {
        ir_value v = y.candidate.at[i];
        uint32_t at = y.place[v], k;
        if (!((y.before[at] | y.behind[at]) >> i & 1))
            continue;
        if (!cb_is_nibble(e, v, &k))
            e->early_at[v] = at;
        else if (e->early_x[at] == IR_NONE)
            e->early_x[at] = v;
    }
}
