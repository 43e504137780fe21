/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/phis.c - PHIs: the code on the edges into a block that fills their cells.
 */
#include "backends/cbpf/emit.h"

/* Edges into one block that bring the same values to its PHIs. */
struct copies {
    const ir_value *value; /* one for each PHI that is used */
    uint32_t edges;        /* list */
};

/* The PHI of @b that is the address of what is tested first, or IR_NONE: it had better be in X there. */
static ir_value phi_for_x(const struct cb_emit *e, uint32_t b)
{
    const struct cb_test *t = &e->test[b];
    const struct ir_node *n = NULL;

    if (t->a == IR_NONE && t->yes < e->f->block.n)
        t = &e->test[t->yes];
    for (ir_value v = t->a; v != IR_NONE && (!n || !ir_is_load(n)); v = n->a)
        n = &e->f->value.at[v];
    if (!n || !ir_is_load(n) || n->a == IR_NONE)
        return IR_NONE;
    return e->f->value.at[n->a].op == IR_PHI && e->f->value.at[n->a].imm == b ? n->a : IR_NONE;
}

/* Fills the cell of the PHI @phi from @v through X, which then holds the PHI. */
static void copy_through_x(struct cb_emit *e, ir_value phi, ir_value v, bool at_home)
{
    uint32_t k;

    if (ir_is_const(e->f, v, &k)) {
        cb_put(e, CB_LDX_IMM, k);
    } else if (at_home) {
        cb_put(e, CB_LDX_MEM, e->home[v]);
    } else {
        cb_eval_begin(e, v, IR_NONE);
        cb_eval(e, v);
        cb_put(e, CB_TAX, 0);
    }
    e->regs.x = phi;
    cb_put(e, CB_STX, e->home[phi]);
}

/* Fills the cells of the PHIs @phi from @value; e->regs holds what is known before. One that is wanted in X
 * is filled last. */
static bool copies_try(struct cb_emit *e, uint32_t b, const ir_value *phi, uint32_t n, const struct copies *c)
{
    const ir_value wanted = e->plain ? IR_NONE : phi_for_x(e, b);
    uint32_t last = n - 1;
    bool a_is_needed = e->regs.a != IR_NONE && e->regs.a == e->f->block.at[b].on;

    cb_eval_end(e);
    e->task.n = 0;
    e->doomed = false;
    e->cells = e->cells_in[b] | e->cells_phi[b] | e->cells_copy[b];
    e->kept_want = 0;
    e->kept_now = UINT64_MAX;
    for (uint32_t i = c->edges; i != NONE; i = e->edge.at[i].next_in)
        e->kept_now &= e->edge.at[i].from == NONE ? 0 : e->kept_out[e->edge.at[i].from];
    for (uint32_t i = 0; i < n; i++)
        last = phi[i] == wanted ? i : last;
    for (uint32_t step = 0; step < n && !e->status && !e->doomed; step++) {
        uint32_t i = step == n - 1 ? last : step < last ? step : step + 1;
        ir_value v = c->value[i];
        uint8_t cell = e->home[phi[i]], bit = e->kept_index[v];
        bool at_home = e->f->value.at[v].op == IR_PHI || (bit != NO_CELL && e->kept_now >> bit & 1);
        uint32_t k;

        if (at_home && e->home[v] == cell) {
            e->regs.x = phi[i] == wanted && e->regs.x == v ? wanted : e->regs.x;
            continue;
        }
        if (e->regs.x == v) {
            cb_put(e, CB_STX, cell);
            e->regs.x = phi[i] == wanted ? wanted : v;
        } else if (phi[i] == wanted) {
            copy_through_x(e, phi[i], v, at_home);
        } else if (a_is_needed && e->regs.a != v && (at_home || ir_is_const(e->f, v, &k))) {
            if (at_home)
                cb_put(e, CB_LDX_MEM, e->home[v]);
            else
                cb_put(e, CB_LDX_IMM, k);
            e->regs.x = v;
            cb_put(e, CB_STX, cell);
        } else {
            cb_eval_begin(e, v, IR_NONE);
            cb_eval(e, v);
            cb_put(e, CB_ST, cell);
        }
    }
    return !e->status;
}

/* Emits the copies and gives the edge from behind them to @b. */
static void emit_copies(struct cb_emit *e, uint32_t b, const ir_value *phi, uint32_t n,
                        const struct copies *c)
{
    uint32_t begin = e->code.n;

    e->share = true;
    cb_entries_begin(e);
    e->regs = cb_regs_meet(e, c->edges);
    if (!copies_try(e, b, phi, n, c) && e->status == WEIR_E_UNSUPPORTED) {
        e->status = 0;
        e->share = false;
        e->code.n = begin;
        e->regs = cb_regs_meet(e, c->edges);
        copies_try(e, b, phi, n, c);
    }
    cb_eval_end(e);
    if (e->status)
        return;
    uint32_t edge = cb_edge_add(e, NONE, b);
    if (e->status)
        return;
    if (e->doomed)
        cb_put_jump(e, GOTO, 0, TO_REJECT, 0);
    else
        cb_put_jump(e, GOTO, 0, TO_EDGE + edge, 0);
    if (!e->plain)
        e->edge.at[edge].regs = e->regs;
    cb_entries_bind(e, c->edges, begin, e->code.n - 1, 0);
}

/*
 * The constants that many edges bring to the only PHI of a block by way of A share a store.
 *
 *     ld #80; st M[0]; ja b       ld #80; ja s
 *     ld #22; st M[0]             ld #22
 *     b: ...                      s: st M[0]
 *                                 b: ...
 */
struct shared_store {
    uint32_t edges; /* list of all that come there */
    uint32_t jumps; /* the latest jump there, whose target is the one before it until the store has its place;
                       or NONE */
};

/* Does @c bring a constant to the PHI @phi of @b that had best go through A? */
static bool comes_by_a(const struct cb_emit *e, uint32_t b, ir_value phi, const struct copies *c)
{
    const struct cb_regs regs = cb_regs_meet(e, c->edges);
    uint32_t k;

    return !e->plain && ir_is_const(e->f, c->value[0], &k) && phi_for_x(e, b) != phi &&
           regs.x != c->value[0] && (regs.a == IR_NONE || regs.a != e->f->block.at[b].on);
}

/* Emits the load of what @c brings, and adds its edges to those of @s. */
static void emit_to_store(struct cb_emit *e, const struct copies *c, struct shared_store *s)
{
    const uint32_t begin = e->code.n;
    uint32_t last = c->edges;

    cb_entries_begin(e);
    e->regs = cb_regs_meet(e, c->edges);
    cb_put(e, CB_LD_IMM, e->f->value.at[c->value[0]].imm);
    e->regs.a = c->value[0];
    cb_put_jump(e, GOTO, 0, s->jumps, 0);
    if (e->status)
        return;
    s->jumps = e->code.n - 1;
    cb_entries_bind(e, c->edges, begin, s->jumps, CB_NEEDS_A);
    while (e->edge.at[last].next_in != NONE)
        last = e->edge.at[last].next_in;
    e->edge.at[last].next_in = s->edges;
    s->edges = c->edges;
}

/* Emits the store of @s to the cell of the PHI @phi of @b, which is behind it. */
static void emit_store(struct cb_emit *e, uint32_t b, ir_value phi, const struct shared_store *s)
{
    const uint32_t store = e->code.n;

    for (uint32_t i = s->jumps, before; i != NONE && !e->status; i = before) {
        before = e->code.at[i].jt;
        e->code.at[i].jt = store;
    }
    cb_entries_begin(e);
    e->regs = cb_regs_meet(e, s->edges);
    e->regs.a = phi;
    cb_put(e, CB_ST, e->home[phi]);
    const uint32_t edge = cb_edge_add(e, NONE, b);
    if (e->status)
        return;
    e->edge.at[edge].regs = e->regs;
    cb_put_jump(e, GOTO, 0, TO_EDGE + edge, 0);
}

/* Does @c come from where a test leads for its last numbers, as a search does that finds nothing? */
static bool comes_from_otherwise(const struct cb_emit *e, const struct copies *c)
{
    bool found = false;

    for (uint32_t i = c->edges; i != NONE && !found; i = e->edge.at[i].next_in) {
        const uint32_t from = e->edge.at[i].from, in = from == NONE ? NONE : e->in[from];
        const uint32_t test = in == NONE ? NONE : e->edge.at[in].from;
        const struct ir_block *b = test == NONE ? NULL : &e->f->block.at[test];
        found = b && b->to.n > 1 && b->to.at[b->to.n - 1].target == from;
    }
    return found;
}

/* Emits @n groups of constants for the PHI @phi of @b, and their store, behind the load that most packets
 * make. */
static void emit_shared(struct cb_emit *e, uint32_t b, ir_value phi, const struct copies *group, uint32_t n)
{
    struct shared_store s = {NONE, NONE};
    uint32_t last = n ? n - 1 : 0;

    for (uint32_t g = 0; g < n; g++)
        last = comes_from_otherwise(e, &group[g]) ? g : last;
    for (uint32_t g = 0; g < n && !e->status; g++)
        if (g != last)
            emit_to_store(e, &group[g], &s);
    if (n && !e->status)
        emit_to_store(e, &group[last], &s);
    if (n && !e->status)
        emit_store(e, b, phi, &s);
}

static uint32_t values_hash(const ir_value *v, uint32_t n)
{
    uint32_t h = 2166136261u;

    for (uint32_t i = 0; i < n; i++)
        h = (h ^ v[i]) * 16777619u;
    return h ^ h >> 15;
}

static bool values_equal(const ir_value *v, const ir_value *w, uint32_t n)
{
    uint32_t i = 0;

    while (i < n && v[i] == w[i])
        i++;
    return i == n;
}

void cb_phis_emit(struct cb_emit *e, uint32_t b)
{
    struct ir_block *ib = &e->f->block.at[b];
    uint32_t n = 0, edges = 0, groups = 0, at = 0;
    ir_value *phi = arena_array(e->arena, ir_value, ib->phi.n + 1);

    for (uint32_t i = 0; phi && i < ib->phi.n; i++)
        if (e->home[ib->phi.at[i].value] != NO_CELL)
            phi[n++] = ib->phi.at[i].value;
    if (phi && !n)
        return;
    for (uint32_t i = e->in[b]; i != NONE; i = e->edge.at[i].next_in)
        edges++;
    uint32_t size = 4;
    while (size / 2 < edges)
        size *= 2;
    ir_value *value = arena_array(e->arena, ir_value, (size_t)edges * n + 1);
    struct copies *group = arena_array(e->arena, struct copies, edges + 1);
    uint32_t *table = arena_array(e->arena, uint32_t, size);
    if (!phi || !value || !group || !table) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    for (uint32_t i = 0, j = 0; i < ib->phi.n; i++) {
        const struct ir_phi *p = &ib->phi.at[i];
        if (e->home[p->value] == NO_CELL)
            continue;
        for (uint32_t k = 0; k < p->arg.n; k++)
            e->slot[p->arg.at[k].block] = p->arg.at[k].value;
        at = 0;
        for (uint32_t k = e->in[b]; k != NONE; k = e->edge.at[k].next_in)
            value[n * at++ + j] = e->edge.at[k].from == NONE ? 0 : e->slot[e->edge.at[k].from];
        j++;
    }
    at = 0;
    for (uint32_t k = e->in[b], next; k != NONE; k = next, at++) {
        const ir_value *v = &value[n * at];
        uint32_t h = values_hash(v, n) & (size - 1);
        next = e->edge.at[k].next_in;
        while (table[h] && !values_equal(group[table[h] - 1].value, v, n))
            h = (h + 1) & (size - 1);
        if (!table[h]) {
            group[groups] = (struct copies){v, NONE};
            table[h] = ++groups;
        }
        e->edge.at[k].next_in = group[table[h] - 1].edges;
        group[table[h] - 1].edges = k;
    }
    e->in[b] = NONE;
    at = 0;
    for (uint32_t g = 0; g < groups && !e->status; g++) {
        if (n == 1 && comes_by_a(e, b, *phi, &group[g]))
            group[at++] = group[g]; /* behind the others, so that the store follows */
        else
            emit_copies(e, b, phi, n, &group[g]);
    }
    emit_shared(e, b, *phi, group, at);
}
