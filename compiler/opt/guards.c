/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/guards.c - guards only where a load needs one.
 *
 *   b0: guard 14; switch [12] ...        b0: guard 14; switch [12] ...
 *   b1: guard 14; guard 24; switch [23]  b1: guard 24; switch [23] ...
 *   b2: guard 34; jump b3                b2: jump b3
 *
 * Every guard is dropped and those that the remaining loads need are put back, in the block that uses the
 * load, unless a guard that reaches as far has passed on every path to it. Refines: a load that remains was
 * made at the same place before, so its guard was there; a guard that does not come back protected nothing
 * that is still needed. Costs O(values + blocks + edges), and for loads through variable addresses the size
 * of their expressions, as far as those were not looked at shortly before. Shrinks the number of guards; runs
 * once.
 */
#include "opt/pass.h"

#define STEPS_MAX 4u /* blocks that are gone back for a guard of a variable address */

/* A value that a PHI takes from a block. */
struct brought {
    ir_value value;
    uint32_t next; /* of the same block, plus one; 0 ends */
};

struct reach {
    uint32_t *absolute; /* per value: the furthest byte an absolute load in it needs */
    bool *indirect;     /* per value: there is a load through a variable address in it */
    uint32_t *guarded;  /* per value: the latest block, plus one, before which all loads in it are guarded */
    uint32_t *parent;   /* opt_parents() */
    VEC(ir_value) stack;
    VEC(struct brought) brought;
    uint32_t *brings; /* per block: index of the first in `brought`, plus one; NULL when there are no PHIs */
};

static bool measure_values(struct ir_func *f, struct reach *r)
{
    r->absolute = arena_array(f->arena, uint32_t, f->value.n);
    r->indirect = arena_array(f->arena, bool, f->value.n);
    r->guarded = arena_array(f->arena, uint32_t, f->value.n);
    r->parent = opt_parents(f);
    if (!r->absolute || !r->indirect || !r->guarded || !r->parent)
        return false;
    for (ir_value v = 0; v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        if (n->op == IR_CONST)
            continue;
        const ir_value operand[2] = {n->a, n->b};
        for (int i = 0; i < 2 && n->op != IR_PHI; i++) {
            if (operand[i] == IR_NONE)
                continue;
            if (r->absolute[operand[i]] > r->absolute[v])
                r->absolute[v] = r->absolute[operand[i]];
            r->indirect[v] |= r->indirect[operand[i]];
        }
        unsigned bytes = ir_read_bytes(n);
        if (bytes && n->a == IR_NONE) {
            uint32_t end = n->imm >= IR_ADDRESS_MAX ? IR_ADDRESS_MAX + 1 : n->imm + bytes;
            if (end > r->absolute[v])
                r->absolute[v] = end;
        } else if (bytes) {
            r->indirect[v] = true;
        }
    }
    return true;
}

/* A guard for what @n reads. Its base is the load's own, as the load has it (docs/ir.md): not ir_guard_add(),
 * which may choose another. */
static bool guard_load(struct ir_func *f, uint32_t block, const struct ir_node *n)
{
    struct ir_guard g = {n->a, n->imm, ir_read_bytes(n)};

    struct ir_block *b = &f->block.at[block];

    return (b->guard.cap || vec_sized(f->arena, &b->guard, 1)) && vec_push(f->arena, &b->guard, g);
}

/* Are all loads in @v guarded in @block, or shortly before it on the only way there? */
static bool is_guarded(const struct reach *r, uint32_t block, ir_value v)
{
    bool guarded = r->guarded[v] == block + 1;

    for (uint32_t steps = 0; r->guarded[v] && !guarded && steps < STEPS_MAX; steps++) {
        uint32_t parent = r->parent[block];
        if (parent == 0 || parent == PARENT_SEVERAL)
            break;
        block = parent - 1;
        guarded = r->guarded[v] == parent;
    }
    return guarded;
}

/* Guards for every load through a variable address in @v that has none. */
static bool guard_indirect(struct ir_func *f, struct reach *r, uint32_t block, ir_value v)
{
    r->stack.n = 0;
    if (!vec_push(f->arena, &r->stack, v))
        return false;
    while (r->stack.n) {
        ir_value x = r->stack.at[--r->stack.n];
        const struct ir_node n = f->value.at[x];
        bool guarded = !r->indirect[x] || is_guarded(r, block, x);
        r->guarded[x] = block + 1;
        if (guarded)
            continue;
        if (ir_read_bytes(&n) && n.a != IR_NONE && !guard_load(f, block, &n))
            return false;
        if ((n.a != IR_NONE && !vec_push(f->arena, &r->stack, n.a)) ||
            (n.b != IR_NONE && !vec_push(f->arena, &r->stack, n.b)))
            return false;
    }
    return true;
}

static bool guard_value(struct ir_func *f, struct reach *r, uint32_t block, ir_value v, uint32_t *available)
{
    if (r->absolute[v] > *available) {
        uint32_t end = r->absolute[v];
        ir_guard_add(f, block, IR_NONE, end - 1, 1);
        *available = end;
    }
    return !r->indirect[v] || guard_indirect(f, r, block, v);
}

/* Finds what each block brings to the PHIs of its target. */
static bool find_brought(struct ir_func *f, struct reach *r)
{
    for (uint32_t b = f->block.n; b-- > 0;)
        for (uint32_t p = f->block.at[b].phi.n; p-- > 0;)
            for (uint32_t a = 0; a < f->block.at[b].phi.at[p].arg.n; a++) {
                const struct ir_phi_arg *arg = &f->block.at[b].phi.at[p].arg.at[a];
                if (!r->brings && !(r->brings = arena_array(f->arena, uint32_t, f->block.n)))
                    return false;
                if (!vec_push(f->arena, &r->brought, ((struct brought){arg->value, r->brings[arg->block]})))
                    return false;
                r->brings[arg->block] = r->brought.n;
            }
    return true;
}

/* Guards for what @block brings to PHIs. */
static bool guard_phi_arguments(struct ir_func *f, struct reach *r, uint32_t block, uint32_t *available)
{
    bool ok = true;

    for (uint32_t i = r->brings ? r->brings[block] : 0; i && ok; i = r->brought.at[i - 1].next)
        ok = guard_value(f, r, block, r->brought.at[i - 1].value, available);
    return ok;
}

int pass_guards(struct ir_func *f)
{
    struct reach r = {0};
    uint32_t *entry = arena_array(f->arena, uint32_t, f->block.n + 1); /* available on every path, plus one */

    if (!entry || !measure_values(f, &r) || !find_brought(f, &r))
        return WEIR_E_MEMORY;
    for (uint32_t i = 0; i < f->block.n; i++)
        entry[i] = UINT32_MAX;
    if (f->entry < f->block.n)
        entry[f->entry] = 0;
    for (uint32_t i = 0; i < f->block.n; i++) {
        struct ir_block *b = &f->block.at[i];
        uint32_t available = entry[i] == UINT32_MAX ? 0 : entry[i];

        b->guard.n = 0;
        if ((b->on != IR_NONE && !guard_value(f, &r, i, b->on, &available)) ||
            !guard_phi_arguments(f, &r, i, &available))
            return WEIR_E_MEMORY;
        for (uint32_t c = 0; c < b->to.n; c++) {
            uint32_t to = b->to.at[c].target;
            if (is_return(to))
                continue;
            entry[to] = available < entry[to] ? available : entry[to];
        }
    }
    return WEIR_OK;
}
