/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/phis.c - PHIs that are one value are that value.
 *
 *   b1: jump b3                                         b1: jump b3
 *   b2: jump b3                                         b2: jump b3
 *   b3: %4 = phi b1: %1, b2: %1                         b3:
 *       switch %4 + 2: ...                                  switch %1 + 2: ...
 *
 * A variable has a PHI where its values meet. Where threading led the ways elsewhere on which it had another
 * value, as frames of 802.11 that hold no data, the ways that are left may bring the same one.
 *
 * Refines: the values are equal, and nothing is evaluated elsewhere. Cost: linear in values and arguments.
 * PHIs get fewer. Runs once.
 */
#include "opt/pass.h"

struct phis {
    struct ir_func *f;
    const uint64_t *of; /* opt_phis() */
    ir_value *is;       /* by value: the value that it is */
    uint32_t values;
};

/* What @phi is, if all its arguments are one value, which stays what it is or was made before; else @phi. */
static ir_value one_value(const struct phis *x, const struct ir_phi *phi)
{
    const ir_value one = phi->arg.n ? x->is[phi->arg.at[0].value] : phi->value;
    bool same = one < phi->value || x->of[one] == 0;

    for (uint32_t i = 1; i < phi->arg.n && same; i++)
        same = x->is[phi->arg.at[i].value] == one;
    return same ? one : phi->value;
}

/* Takes the PHIs that are one value from their blocks. False: there are none. */
static bool take_phis(struct phis *x)
{
    bool any = false;

    for (uint32_t i = 0; i < x->f->block.n; i++) {
        struct ir_block *b = &x->f->block.at[i];
        uint32_t n = 0;
        for (uint32_t p = 0; p < b->phi.n; p++) {
            const struct ir_phi phi = b->phi.at[p];
            x->is[phi.value] = one_value(x, &phi);
            if (x->is[phi.value] == phi.value)
                b->phi.at[n++] = phi;
        }
        any |= n < b->phi.n;
        b->phi.n = n;
    }
    return any;
}

/* What is computed from them is computed from those values: operands stand before what they are operands of.
 */
static void compute_again(struct phis *x)
{
    for (ir_value v = 0; v < x->values && !x->f->failed; v++) {
        const struct ir_node n = x->f->value.at[v];
        const ir_value a = n.a == IR_NONE ? IR_NONE : x->is[n.a], b = n.b == IR_NONE ? IR_NONE : x->is[n.b];
        if (x->is[v] != v)
            x->is[v] = x->is[x->is[v]];
        else if (a != n.a || b != n.b)
            x->is[v] = ir_with(x->f, v, a, b);
    }
}

/* Blocks use what the values are. */
static void use_values(struct phis *x, uint32_t block)
{
    struct ir_block *b = &x->f->block.at[block];
    const uint32_t guards = b->guard.n;

    b->guard.n = 0;
    for (uint32_t g = 0; g < guards; g++) {
        const struct ir_guard one = b->guard.at[g];
        ir_guard_add(x->f, block, one.base == IR_NONE ? IR_NONE : x->is[one.base], one.offset, one.size);
    }
    if (b->on != IR_NONE)
        b->on = x->is[b->on];
    for (uint32_t p = 0; p < b->phi.n; p++)
        for (uint32_t i = 0; i < b->phi.at[p].arg.n; i++)
            b->phi.at[p].arg.at[i].value = x->is[b->phi.at[p].arg.at[i].value];
}

int pass_phis(struct ir_func *f)
{
    struct phis x = {.f = f, .values = f->value.n};
    uint32_t first = 0;

    while (first < f->block.n && f->block.at[first].phi.n == 0)
        first++;
    if (first == f->block.n)
        return WEIR_OK;
    x.is = arena_array(f->arena, ir_value, x.values);
    x.of = opt_phis(f, f->arena);
    if (!x.is || !x.of)
        return WEIR_E_MEMORY;
    for (ir_value v = 0; v < x.values; v++)
        x.is[v] = v;
    if (!take_phis(&x))
        return WEIR_OK;
    compute_again(&x);
    for (uint32_t i = 0; i < f->block.n && !f->failed; i++)
        use_values(&x, i);
    return f->failed ? WEIR_E_MEMORY : WEIR_OK;
}
