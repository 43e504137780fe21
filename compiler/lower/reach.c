/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/reach.c - how far in the packet does computing a value read?
 *
 * What moves tests asks whether a packet that holds what one test reads also holds what another reads. Loads
 * at constant addresses compare by the byte behind them. Headers may begin at a variable address, too: behind
 * radiotap, in a tunnel, behind an 802.11 header of several lengths. The two variables of the cursor that
 * most conditions are read from are origins as the packet's start is, and loads from one of them compare in
 * the same way.
 *
 * A load at variable + k needs variable + k bytes of the packet, so at least k; it needs what the variable
 * was computed from; and the payload of an 802.11 header lies at least 24 bytes behind that. Variables have
 * been computed before they are used, and nothing moves past that.
 *
 * Loads from other addresses, as from behind an IPv4 header, are not known here: place.c compares them.
 *
 * Cost: linear in the values, conditions and variables.
 */
#include "lower/normal_form.h"

static nf_reach from_origin(unsigned i, uint32_t end)
{
    const uint32_t most = (reach_mask(i) >> reach_shift(i)) - 1;

    return (end < most ? end : most) << reach_shift(i);
}

nf_reach nf_reach_of(const struct normal_form *x, ir_value base, uint32_t end)
{
    const struct reach_origin *o = x->origin;
    unsigned i = 1;

    if (base == IR_NONE)
        return end < reach_mask(0) ? end : REACH_UNKNOWN;
    while (i < REACH_ORIGINS && o[i].base != base)
        i++;
    if (i == REACH_ORIGINS || end >= reach_mask(i) >> reach_shift(i))
        return REACH_UNKNOWN;
    nf_reach all = from_origin(i, end);
    for (; i != 0; i = o[i].behind) {
        end += o[i].distance;
        all = reach_both(all, from_origin(o[i].behind, end));
        all = reach_both(all, reach_known(x->value_reach[o[i].base]));
    }
    return all;
}

static nf_reach reach_of_value(const struct normal_form *x, ir_value v)
{
    const struct ir_node *n = &x->lw->f->value.at[v];
    const uint32_t bytes = ir_read_bytes(n);

    if (n->op == IR_PHI)
        return v == x->origin[1].base || v == x->origin[2].base ? 0 : REACH_UNKNOWN;
    if (bytes)
        return n->imm > UINT32_MAX - bytes ? REACH_UNKNOWN : nf_reach_of(x, n->a, n->imm + bytes);
    return reach_both(n->a == IR_NONE ? 0 : x->value_reach[n->a], n->b == IR_NONE ? 0 : x->value_reach[n->b]);
}

/* ---------------------------------------------------------------- origins */

/* Per value, how many conditions of the formula @root are read from it. NULL without memory. */
static uint32_t *count_tests(struct normal_form *x, cond root)
{
    const struct lower *lw = x->lw;
    const struct ir_node *value = lw->f->value.at;
    ir_value *from = arena_array(x->a, ir_value, x->values);
    uint32_t *tests = arena_array(x->a, uint32_t, x->values);

    if (!from || !tests)
        return NULL;
    for (ir_value v = 0; v < x->values; v++) {
        const ir_value a = value[v].a, b = value[v].b;
        from[v] = ir_read_bytes(&value[v]) ? a : a != IR_NONE ? from[a] : IR_NONE;
        if (!ir_read_bytes(&value[v]) && from[v] == IR_NONE && b != IR_NONE)
            from[v] = from[b];
    }
    for (cond i = 0; i <= root; i++) {
        const struct cond_node *n = &lw->node.at[i];
        if ((n->kind == COND_TEST || n->kind == COND_SWITCH) && from[n->on] != IR_NONE)
            tests[from[n->on]]++;
    }
    return tests;
}

/* The variable that most conditions are read from, but for @other; or CURSOR_VAR_NONE. */
static uint32_t most_read(const struct lower *lw, const uint32_t *tests, uint32_t other)
{
    uint32_t most = CURSOR_VAR_NONE, n = 0;

    for (uint32_t var = 1; var < lw->var.n; var++) {
        const ir_value v = lw->var.at[var].value;
        if (v == IR_NONE || tests[v] <= n || (other != CURSOR_VAR_NONE && v == lw->var.at[other].value))
            continue;
        most = var;
        n = tests[v];
    }
    return most;
}

static void add_origin(struct normal_form *x, unsigned i, uint32_t var)
{
    const struct lower_var *v = &x->lw->var.at[var];
    unsigned behind = i;

    while (--behind > 0 && x->origin[behind].base != v->behind)
        ;
    x->origin[i] = (struct reach_origin){v->value, v->distance, behind};
}

/* Finds the origins besides the packet's start. */
static bool find_origins(struct normal_form *x, cond root)
{
    const struct lower *lw = x->lw;
    bool any = false;

    for (unsigned i = 0; i < REACH_ORIGINS; i++)
        x->origin[i] = (struct reach_origin){IR_NONE, 0, 0};
    for (uint32_t var = 1; var < lw->var.n && !any; var++)
        any = lw->var.at[var].value != IR_NONE;
    const uint32_t *tests = any ? count_tests(x, root) : NULL;
    if (!tests)
        return !any;
    const uint32_t most = most_read(lw, tests, CURSOR_VAR_NONE), next = most_read(lw, tests, most);
    unsigned i = 1;
    for (uint32_t var = 1; var < lw->var.n; var++)
        if (var == most || var == next)
            add_origin(x, i++, var);
    return true;
}

bool nf_measure(struct normal_form *x, cond root)
{
    x->values = x->lw->f->value.n;
    x->value_reach = arena_array(x->a, nf_reach, x->values);
    if (!x->value_reach || !find_origins(x, root))
        return false;
    for (ir_value v = 0; v < x->values; v++)
        x->value_reach[v] = reach_of_value(x, v);
    return true;
}
