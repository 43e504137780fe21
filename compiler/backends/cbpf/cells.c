/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/cells.c - scratch cells: which values live in M[], where, and in which cell.
 *
 * PHIs always do. Optimized, so do values that take several instructions and are needed in several blocks:
 * one is stored where it is computed and read in blocks that it has been computed before on every path; other
 * blocks compute it again. A value with a place in front of a long switch (early.c) is computed there. Two
 * values share a cell when no block needs both. Blocks are in topological order and PHIs aside the graph has
 * no loops, so availability is one forward pass and a live range is a walk from its uses to its definitions.
 * Where uses are too many to be looked for, as of expressions thousands deep, only PHIs have cells.
 */
#include <string.h>
#include "backends/cbpf/emit.h"

#define KEEP_FROM   3u  /* instructions that make a value worth keeping */
#define EARLY_WORTH 64  /* ... and what one that is computed early is worth more than any of those */
#define WALK_MAX    256 /* values looked at in one block when counting what is worth it */
#define ROUNDS      4
#define STEPS_FREE  65536 /* values looked at in all blocks together ... */
#define STEPS_BLOCK 64    /* ... and for each; more are not worth the cells that would be found */
#define CELLS_SPARE 2u    /* left to evaluations beyond what they need at least */

struct use {
    ir_value value;
    uint32_t block;
    uint32_t into; /* read on the edge from `block` into this block, to fill its PHIs; NONE: in `block` */
    uint32_t next; /* use of the same value, or NONE */
};

struct cells {
    struct cb_emit *e;
    uint64_t *avail_out;
    uint64_t *computed; /* by block: kept values computed in it */
    VEC(struct use) use;
    uint32_t *first_use; /* by value */
    VEC(ir_value) order; /* values with uses */
    VEC(ir_value) phi;   /* PHIs whose arguments are still to be walked */
    uint32_t *in_seen, *out_seen;
    VEC(uint32_t) in_list, out_list, stack;
    uint64_t steps;    /* that may still be taken while values are kept */
    ir_value *phis_in; /* by value, once none is kept: its PHI, or a value in it that has several, or NONE */
};

static bool push_u32(struct cb_emit *e, void *vec, uint32_t x)
{
    VEC(uint32_t) *v = vec;

    if (!vec_push(e->arena, v, x)) {
        cb_fail(e, WEIR_E_MEMORY);
        return false;
    }
    return true;
}

static void use_add(struct cells *c, ir_value v, uint32_t block, uint32_t into)
{
    struct cb_emit *e = c->e;
    struct use u = {v, block, into, c->first_use[v]};

    if (u.next == NONE) {
        push_u32(e, &c->order, v);
        if (e->f->value.at[v].op == IR_PHI)
            push_u32(e, &c->phi, v);
    }
    if (!vec_push(e->arena, &c->use, u))
        cb_fail(e, WEIR_E_MEMORY);
    c->first_use[v] = c->use.n - 1;
}

/*
 * Records what computing @root in (or, @into given, at the end of) @block reads from cells, where the kept
 * values @avail are available. Returns the kept values computed on the way.
 */
static uint64_t walk(struct cells *c, ir_value root, uint32_t block, uint32_t into, uint64_t avail)
{
    struct cb_emit *e = c->e;
    uint64_t computed = 0;

    e->visit.n = 0;
    if (root != IR_NONE)
        push_u32(e, &e->visit, root);
    while (e->visit.n && !e->status) {
        ir_value v = e->visit.at[--e->visit.n];
        if (c->phis_in && (v = c->phis_in[v]) == IR_NONE)
            continue;
        const struct ir_node *n = &e->f->value.at[v];
        uint8_t bit = e->kept_index[v];

        if (e->seen[v] == e->epoch)
            continue;
        if (!c->phis_in && c->steps-- == 0) {
            c->steps = 0;
            break;
        }
        e->seen[v] = e->epoch;
        if (n->op == IR_PHI || (bit != NO_CELL && avail >> bit & 1)) {
            use_add(c, v, block, into);
            continue;
        }
        if (bit != NO_CELL)
            computed |= UINT64_C(1) << bit;
        if (n->a != IR_NONE)
            push_u32(e, &e->visit, n->a);
        if (n->b != IR_NONE)
            push_u32(e, &e->visit, n->b);
    }
    return computed;
}

static void walk_block(struct cells *c, uint32_t b)
{
    struct cb_emit *e = c->e;
    const struct ir_block *ib = &e->f->block.at[b];
    const struct cb_test *t = &e->test[b];
    uint64_t avail = UINT64_MAX, computed = 0;

    for (uint32_t i = e->in[b]; i != NONE; i = e->edge.at[i].next_in)
        avail &= e->edge.at[i].from == NONE ? 0 : c->avail_out[e->edge.at[i].from];
    e->epoch++;
    computed |= walk(c, t->a, b, NONE, avail);
    computed |= walk(c, t->x, b, NONE, avail);
    for (uint32_t i = 0; e->early && i < e->kept_n; i++)
        if (e->early_at[e->kept[i]] == b && e->kept_index[e->kept[i]] != NO_CELL)
            computed |= walk(c, e->kept[i], b, NONE, avail);
    for (uint32_t i = 0; e->plain && i < ib->guard.n; i++)
        computed |= walk(c, ib->guard.at[i].base, b, NONE, avail);
    c->computed[b] = computed;
    c->avail_out[b] = avail | computed;
}

static void walk_phi_args(struct cells *c, ir_value v)
{
    struct cb_emit *e = c->e;
    const struct ir_phi *p = ir_phi_of(e->f, v);

    for (uint32_t i = 0; p && i < p->arg.n && !e->status; i++) {
        uint32_t from = p->arg.at[i].block;
        if (e->in[from] == NONE) /* nothing gets there */
            continue;
        e->epoch++;
        walk(c, p->arg.at[i].value, from, e->f->value.at[v].imm, c->avail_out[from]);
    }
}

static void find_uses(struct cells *c)
{
    struct cb_emit *e = c->e;

    c->use.n = c->order.n = c->phi.n = 0;
    memset(c->first_use, 0xff, e->f->value.n * sizeof *c->first_use); /* NONE */
    for (uint32_t b = 0; b < e->f->block.n && !e->status; b++)
        if (e->in[b] != NONE)
            walk_block(c, b);
    while (c->phi.n && !e->status)
        walk_phi_args(c, c->phi.at[--c->phi.n]);
}

/* ---------------------------------------------------------------- candidates */

struct candidate {
    ir_value value;
    uint64_t worth;
};

/* Counts, for every value under the tests of every block, the blocks. */
static void count_values(struct cb_emit *e, uint32_t *blocks)
{
    for (uint32_t b = 0; b < e->f->block.n && !e->status; b++) {
        const struct cb_test *t = &e->test[b];
        unsigned left = WALK_MAX;

        if (e->in[b] == NONE)
            continue;
        e->epoch++;
        e->visit.n = 0;
        if (t->a != IR_NONE)
            push_u32(e, &e->visit, t->a);
        if (t->x != IR_NONE)
            push_u32(e, &e->visit, t->x);
        for (uint32_t i = 0; i < e->out_n[b]; i++) {
            const struct ir_block *to = &e->f->block.at[e->edge.at[e->out[b] + i].to];
            for (uint32_t p = 0; p < to->phi.n; p++)
                for (uint32_t a = 0; a < to->phi.at[p].arg.n && to->phi.at[p].arg.n < 16; a++)
                    if (to->phi.at[p].arg.at[a].block == b)
                        push_u32(e, &e->visit, to->phi.at[p].arg.at[a].value);
        }
        while (e->visit.n && left-- && !e->status) {
            ir_value v = e->visit.at[--e->visit.n];
            const struct ir_node *n = &e->f->value.at[v];
            if (e->seen[v] == e->epoch)
                continue;
            e->seen[v] = e->epoch;
            blocks[v]++;
            if (n->a != IR_NONE && e->cost[n->a].steps >= KEEP_FROM)
                push_u32(e, &e->visit, n->a);
            if (n->b != IR_NONE && e->cost[n->b].steps >= KEEP_FROM)
                push_u32(e, &e->visit, n->b);
        }
    }
}

static void choose_candidates(struct cb_emit *e)
{
    uint32_t *blocks = arena_array(e->arena, uint32_t, e->f->value.n);
    struct candidate best[KEPT_MAX];
    uint32_t n = 0;

    if (!blocks) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    count_values(e, blocks);
    for (ir_value v = 0; v < e->f->value.n; v++) {
        const struct cb_cost *cost = &e->cost[v];
        bool early = e->early && e->early_at[v] != NONE;
        if (!early && (blocks[v] < 2 || cost->steps < KEEP_FROM))
            continue;
        struct candidate k = {v, (uint64_t)blocks[v] *
                                     (early || cost->steps > EARLY_WORTH ? EARLY_WORTH : cost->steps)};
        if (n == KEPT_MAX && best[n - 1].worth >= k.worth)
            continue;
        uint32_t at = n < KEPT_MAX ? n++ : n - 1;
        for (; at > 0 && best[at - 1].worth < k.worth; at--)
            best[at] = best[at - 1];
        best[at] = k;
    }
    for (uint32_t i = 0; i < n; i++) {
        e->kept[i] = best[i].value;
        e->kept_index[best[i].value] = (uint8_t)i;
    }
    e->kept_n = n;
}

/* ---------------------------------------------------------------- live ranges and cells */

static bool is_phi(const struct cb_emit *e, ir_value v)
{
    return e->f->value.at[v].op == IR_PHI;
}

static void live_in(struct cells *c, uint32_t b, uint32_t mark)
{
    if (c->in_seen[b] == mark)
        return;
    c->in_seen[b] = mark;
    push_u32(c->e, &c->in_list, b);
    push_u32(c->e, &c->stack, b);
}

static void live_out(struct cells *c, ir_value v, uint32_t b, uint32_t mark)
{
    struct cb_emit *e = c->e;

    if (c->out_seen[b] == mark)
        return;
    c->out_seen[b] = mark;
    push_u32(e, &c->out_list, b);
    if (is_phi(e, v) || !(c->computed[b] >> e->kept_index[v] & 1)) {
        live_in(c, b, mark);
    } else if (c->in_seen[b] != mark) { /* stored in the middle of it: the cell is taken in all of it */
        c->in_seen[b] = mark;
        push_u32(e, &c->in_list, b);
    }
}

static void live_range(struct cells *c, ir_value v)
{
    struct cb_emit *e = c->e;
    uint32_t mark = v + 1;

    c->in_list.n = c->out_list.n = c->stack.n = 0;
    if (is_phi(e, v)) {
        uint32_t b = e->f->value.at[v].imm;
        c->in_seen[b] = mark;
        push_u32(e, &c->in_list, b);
    }
    for (uint32_t i = c->first_use[v]; i != NONE; i = c->use.at[i].next) {
        const struct use *u = &c->use.at[i];
        if (u->into == NONE)
            live_in(c, u->block, mark);
        else
            live_out(c, v, u->block, mark);
    }
    while (c->stack.n && !e->status) {
        uint32_t b = c->stack.at[--c->stack.n];
        for (uint32_t i = e->in[b]; i != NONE; i = e->edge.at[i].next_in)
            if (e->edge.at[i].from != NONE)
                live_out(c, v, e->edge.at[i].from, mark);
    }
}

static bool several_phis(const struct cb_emit *e, uint32_t b)
{
    return e->f->block.at[b].phi.n > 1;
}

/* Cells that @v, whose live range is at hand, cannot have. */
static uint16_t cells_forbidden(const struct cells *c, ir_value v)
{
    const struct cb_emit *e = c->e;
    uint16_t mask = 0;

    for (uint32_t i = 0; i < c->in_list.n; i++)
        mask |= e->cells_in[c->in_list.at[i]];
    for (uint32_t i = 0; i < c->out_list.n; i++)
        mask |= e->cells_out[c->out_list.at[i]];
    for (uint32_t i = c->first_use[v]; i != NONE; i = c->use.at[i].next)
        if (c->use.at[i].into != NONE && several_phis(e, c->use.at[i].into))
            mask |= e->cells_phi[c->use.at[i].into];
    if (is_phi(e, v) && several_phis(e, e->f->value.at[v].imm))
        mask |= e->cells_copy[e->f->value.at[v].imm];
    return mask;
}

/* A cell one of the PHI's arguments is already in saves a copy. */
static uint8_t cell_wanted(const struct cb_emit *e, ir_value v, uint16_t forbidden)
{
    const struct ir_phi *p = is_phi(e, v) ? ir_phi_of(e->f, v) : NULL;

    for (uint32_t i = 0; p && i < p->arg.n; i++) {
        uint8_t cell = e->home[p->arg.at[i].value];
        if (cell != NO_CELL && !(forbidden >> cell & 1))
            return cell;
    }
    for (uint8_t cell = 0; cell < CBPF_SCRATCH_CELLS; cell++)
        if (!(forbidden >> cell & 1))
            return cell;
    return NO_CELL;
}

/* Does every block of a kept value's range keep enough cells for its own evaluation? */
static bool cells_suffice(const struct cells *c, const uint8_t *need)
{
    const struct cb_emit *e = c->e;

    for (uint32_t i = 0; i < c->in_list.n; i++) {
        uint32_t b = c->in_list.at[i];
        unsigned taken = (unsigned)__builtin_popcount(e->cells_in[b] | e->cells_out[b]);
        if (taken + 1 + need[b] + CELLS_SPARE > CBPF_SCRATCH_CELLS)
            return false;
    }
    return true;
}

static void cell_give(struct cells *c, ir_value v, uint8_t cell)
{
    struct cb_emit *e = c->e;
    uint16_t bit = (uint16_t)(1u << cell);
    uint64_t kept = is_phi(e, v) ? 0 : UINT64_C(1) << e->kept_index[v];

    e->home[v] = cell;
    for (uint32_t i = 0; i < c->in_list.n; i++) {
        uint32_t b = c->in_list.at[i];
        e->cells_in[b] |= bit;
        if (c->computed[b] & kept)
            e->kept_store[b] |= kept;
        else
            e->kept_in[b] |= kept;
    }
    for (uint32_t i = 0; i < c->out_list.n; i++) {
        e->cells_out[c->out_list.at[i]] |= bit;
        e->kept_out[c->out_list.at[i]] |= kept;
    }
    for (uint32_t i = c->first_use[v]; i != NONE; i = c->use.at[i].next)
        if (c->use.at[i].into != NONE)
            e->cells_copy[c->use.at[i].into] |= bit;
    if (is_phi(e, v))
        e->cells_phi[e->f->value.at[v].imm] |= bit;
}

static void cells_clear(struct cells *c)
{
    struct cb_emit *e = c->e;

    for (uint32_t b = 0; b < e->f->block.n; b++) {
        e->cells_in[b] = e->cells_out[b] = e->cells_phi[b] = e->cells_copy[b] = 0;
        e->kept_in[b] = e->kept_out[b] = e->kept_store[b] = 0;
        c->in_seen[b] = c->out_seen[b] = 0;
    }
    for (ir_value v = 0; v < e->f->value.n; v++)
        e->home[v] = NO_CELL;
}

/* Are the PHIs of @of, which phis_in gave or NONE, seen to be among those of @in? */
static bool phis_among(const struct cells *c, ir_value in, ir_value of)
{
    const struct ir_node *n = in == IR_NONE ? NULL : &c->e->f->value.at[in];

    return of == IR_NONE || in == of ||
           (n && n->op != IR_PHI &&
            ((n->a != IR_NONE && c->phis_in[n->a] == of) || (n->b != IR_NONE && c->phis_in[n->b] == of)));
}

/* Finds out which PHIs values take: nothing else will be kept. */
static void find_phis(struct cells *c)
{
    const struct ir_func *f = c->e->f;

    c->phis_in = arena_array(c->e->arena, ir_value, f->value.n);
    if (!c->phis_in)
        cb_fail(c->e, WEIR_E_MEMORY);
    for (ir_value v = 0; c->phis_in && v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        ir_value a = n->op == IR_PHI || n->a == IR_NONE ? IR_NONE : c->phis_in[n->a],
                 b = n->op == IR_PHI || n->b == IR_NONE ? IR_NONE : c->phis_in[n->b];
        c->phis_in[v] = n->op == IR_PHI ? v : phis_among(c, a, b) ? a : phis_among(c, b, a) ? b : v;
    }
}

/* One attempt. Returns the kept values that found no cell; nothing is usable then. */
static uint64_t cells_try(struct cells *c, const uint8_t *need)
{
    struct cb_emit *e = c->e;
    uint64_t dropped = 0;

    cells_clear(c);
    c->steps = STEPS_FREE + (uint64_t)STEPS_BLOCK * e->f->block.n;
    find_uses(c);
    if (c->steps == 0)
        return UINT64_MAX;
    for (int phis = 1; phis >= 0; phis--) {
        for (uint32_t i = 0; i < c->order.n && !e->status; i++) {
            ir_value v = c->order.at[i];
            if (is_phi(e, v) != (phis == 1))
                continue;
            live_range(c, v);
            uint8_t cell = cell_wanted(e, v, cells_forbidden(c, v));
            if (phis && cell == NO_CELL)
                cb_fail(e, WEIR_E_UNSUPPORTED);
            else if (!phis && (cell == NO_CELL || !cells_suffice(c, need)))
                dropped |= UINT64_C(1) << e->kept_index[v];
            else
                cell_give(c, v, cell);
        }
    }
    return dropped;
}

static void drop_kept(struct cb_emit *e, uint64_t which)
{
    for (uint32_t i = 0; i < e->kept_n; i++)
        if (which >> i & 1)
            e->kept_index[e->kept[i]] = NO_CELL;
}

static unsigned test_cells(const struct cb_emit *e, uint32_t b)
{
    const struct cb_test *t = &e->test[b];
    unsigned a = t->a == IR_NONE ? 0 : e->cost[t->a].cells,
             x = t->x == IR_NONE ? 0 : e->cost[t->x].cells + 1u;

    return a > x ? a : x;
}

static bool has_phis(const struct ir_func *f)
{
    for (uint32_t b = 0; b < f->block.n; b++)
        if (f->block.at[b].phi.n)
            return true;
    return false;
}

/* Does some value take enough instructions to be worth a cell? */
static bool has_dear(const struct cb_emit *e)
{
    ir_value v = 0;

    while (v < e->f->value.n && e->cost[v].steps < KEEP_FROM)
        v++;
    return v < e->f->value.n;
}

void cb_cells_assign(struct cb_emit *e)
{
    if (!e->early && (e->plain || !has_dear(e)) && !has_phis(e->f)) /* as in most filters */
        return;
    uint32_t blocks = e->f->block.n, values = e->f->value.n;
    struct cells c = {.e = e};
    uint8_t *need = arena_array(e->arena, uint8_t, blocks);

    c.avail_out = arena_array(e->arena, uint64_t, blocks);
    c.computed = arena_array(e->arena, uint64_t, blocks);
    c.first_use = arena_array(e->arena, uint32_t, values);
    c.in_seen = arena_array(e->arena, uint32_t, blocks);
    c.out_seen = arena_array(e->arena, uint32_t, blocks);
    if (!need || !c.avail_out || !c.computed || !c.first_use || !c.in_seen || !c.out_seen) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    if (e->early)
        cb_early_find(e);
    if (!e->plain && !e->status)
        choose_candidates(e);
    if (e->kept_n == 0 && !has_phis(e->f))
        return;
    e->has_cells = true;
    for (uint32_t b = 0; b < blocks; b++)
        need[b] = (uint8_t)(e->in[b] == NONE ? 0 : test_cells(e, b));
    for (int round = 1; !e->status; round++) {
        uint64_t dropped = cells_try(&c, need);
        if (!dropped)
            break;
        dropped = round < ROUNDS ? dropped : UINT64_MAX;
        drop_kept(e, dropped);
        if (dropped == UINT64_MAX && !c.phis_in)
            find_phis(&c);
    }
}
