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

        if (at_home && e->home[v] == cell)
            continue;
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
    for (uint32_t g = 0; g < groups && !e->status; g++)
        emit_copies(e, b, phi, n, &group[g]);
}
