/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan.c - the plan: what is decided about a function before its first instruction.
 *
 *   - which blocks can run, how much of the packet each checks, and which values they need
 *   - which loads stay in packet byte order
 *   - the order of these and of the passes in plan_tests.c, plan_packet.c and plan_homes.c
 */
#include "backends/ebpf/plan.h"
#include <string.h>

const struct ir_phi *plan_phi_of(const struct plan *p, ir_value v)
{
    const struct ir_block *b = &p->block[plan_node(p, v)->imm];

    for (uint32_t i = 0; i < b->phi.n; i++)
        if (b->phi.at[i].value == v)
            return &b->phi.at[i];
    return NULL;
}

bool plan_is_compare(const struct plan *p, const struct ir_block *b)
{
    if (b->on == IR_NONE || b->to.n != 2 || b->to.at[0].last != 0)
        return false;
    uint8_t op = plan_node(p, b->on)->op;
    return op == IR_EQ || op == IR_UGT || op == IR_UGE;
}

/* ---------------------------------------------------------------- blocks */

static bool guard_fails(const struct ir_guard *g, uint32_t most)
{
    uint64_t reach = (uint64_t)g->size + (g->base == IR_NONE ? g->offset : 0);

    return reach > most;
}

/* Which blocks can run, and whose guards fail in any case. */
static void find_blocks(struct plan *p, uint32_t most)
{
    struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n; b++)
        p->reachable[b] = b == f->entry;
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        if (!p->reachable[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            p->never[b] |= guard_fails(&k->guard.at[i], most);
        for (uint32_t i = 0; i < k->to.n && !p->never[b]; i++)
            if (k->to.at[i].target < f->block.n)
                p->reachable[k->to.at[i].target] = true;
    }
}

/* ---------------------------------------------------------------- how far a block reaches */

uint32_t plan_own_reach(const struct plan *p, uint32_t b)
{
    const struct ir_block *k = &p->block[b];
    uint32_t own = 0;

    for (uint32_t i = 0; i < k->guard.n; i++) {
        const struct ir_guard *g = &k->guard.at[i];
        if (g->base == IR_NONE && g->offset + g->size > own)
            own = g->offset + g->size;
    }
    return own;
}

/*
 * What a block checks is what each of its accepting paths checks: a packet that fails would be rejected
 * further down. @need is scratch, by block; UINT32_MAX where nothing accepts.
 */
static void find_reach(struct plan *p, uint32_t *need)
{
    for (uint32_t b = p->f->block.n; b-- > 0;) {
        const struct ir_block *k = &p->block[b];
        uint32_t own, below = ir_returns(k) ? 0 : UINT32_MAX;
        need[b] = UINT32_MAX;
        if (!p->reachable[b] || p->never[b])
            continue;
        own = plan_own_reach(p, b);
        for (uint32_t i = 0; i < k->to.n; i++) {
            uint32_t t = k->to.at[i].target;
            uint32_t x = t == IR_ACCEPT ? 0 : t == IR_REJECT ? UINT32_MAX : need[t];
            below = x < below ? x : below;
        }
        p->reach[b] = below != UINT32_MAX && below > own ? below : own;
        need[b] = below == UINT32_MAX ? below : p->reach[b];
    }
}

uint32_t plan_wider_reach(struct plan *p, uint32_t pointer, uint32_t exact)
{
    uint32_t best = exact;

    for (uint32_t b = 0; p->speculate && b < p->f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        for (uint32_t i = 0; p->reachable[b] && !p->never[b] && i < k->guard.n; i++) {
            const struct ir_guard *g = &k->guard.at[i];
            uint32_t reach = g->offset + g->size, of = IR_NONE;
            if (g->base != IR_NONE)
                of = plan_pointer(p, g->base, g->offset, g->size);
            if (of == pointer && reach > best && reach <= exact + SPECULATION_MAX)
                best = reach;
        }
        uint32_t wide = p->wide[b] ? plan_wide(p, b)->offset + 8 : 0;
        if (pointer == IR_NONE && wide > best && wide <= exact + SPECULATION_MAX)
            best = wide;
    }
    return best;
}

/* ---------------------------------------------------------------- values that matter */

static void want(struct plan *p, struct id_stack *s, ir_value v)
{
    if (v == IR_NONE || p->wanted[v])
        return;
    p->wanted[v] = true;
    plan_push(p, s, v);
}

static void want_all(struct plan *p, struct id_stack *s, struct span at)
{
    while (s->at.n && !p->no_memory) {
        ir_value v = s->at.at[--s->at.n];
        const struct ir_node *n = plan_node(p, v);
        if (n->op == IR_META && !ebpf_target_meta(p->target, n->imm)) {
            p->metadata_at = p->metadata == IR_NONE ? at : p->metadata_at;
            p->metadata = p->metadata == IR_NONE ? v : p->metadata;
            continue;
        }
        p->calls |= plan_is_asked(p, n);
        p->len_wanted |= n->op == IR_LEN;
        p->context_wanted |= n->op == IR_META || (n->op == IR_LEN && p->target->len != NOT_THERE);
        want(p, s, n->a);
        want(p, s, n->b);
        const struct ir_phi *phi = n->op == IR_PHI ? plan_phi_of(p, v) : NULL;
        for (uint32_t i = 0; phi && i < phi->arg.n; i++)
            if (p->reachable[phi->arg.at[i].block] && !p->never[phi->arg.at[i].block])
                want(p, s, phi->arg.at[i].value);
    }
}

static void find_values(struct plan *p, struct id_stack *s)
{
    for (uint32_t b = 0; b < p->f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            want(p, s, k->guard.at[i].base);
        if (!p->wide[b])
            want(p, s, k->on);
        want_all(p, s, k->at);
    }
}

static void find_copies(struct plan *p)
{
    for (uint32_t b = 0; b < p->f->block.n; b++)
        p->copy[b] = IR_NONE;
    for (uint32_t b = p->f->block.n; b-- > 0;) {
        const struct ir_block *k = &p->block[b];
        for (uint32_t i = 0; i < k->phi.n; i++) {
            const struct ir_phi *phi = &k->phi.at[i];
            if (!p->wanted[phi->value])
                continue;
            for (uint32_t j = 0; j < phi->arg.n; j++) {
                uint32_t from = phi->arg.at[j].block;
                struct phi_copy c = {phi->value, phi->arg.at[j].value, p->copy[from]};
                if (!p->reachable[from] || p->never[from])
                    continue;
                if (!vec_push(p->arena, &p->copies, c)) {
                    p->no_memory = true;
                    return;
                }
                p->copy[from] = p->copies.n - 1;
                if (p->first[phi->value] > from)
                    p->first[phi->value] = from;
            }
        }
    }
}

/* ---------------------------------------------------------------- byte order */

/* A mask of a packet-order value is in packet order, if its constant is swapped. */
bool plan_is_mask(const struct plan *p, const struct ir_node *n)
{
    return n->op == IR_AND && plan_is_const(p, n->b) && !plan_is_const(p, n->a);
}

static void find_raw(struct plan *p)
{
    struct ir_func *f = p->f;

    for (ir_value v = 0; v < p->values; v++) {
        const struct ir_node *n = plan_node(p, v);
        p->raw[v] =
            p->access != ACCESS_LOADS && (n->op == IR_LOAD16 || n->op == IR_LOAD32 || plan_is_mask(p, n));
    }
    /* No: every use that looks at the number. Uses by later values come down from them. */
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        uint32_t otherwise;
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            if (k->guard.at[i].base != IR_NONE)
                p->raw[k->guard.at[i].base] = false;
        if (k->on != IR_NONE && !p->wide[b] && p->raw[k->on] &&
            (ir_returns(k) || !switch_is_points(k, ir_range(f, k->on), &otherwise)))
            p->raw[k->on] = false;
    }
    for (uint32_t i = 0; i < p->copies.n; i++)
        p->raw[p->copies.at[i].value] = false;
    for (ir_value v = p->values; v-- > 0;) {
        const struct ir_node *n = plan_node(p, v);
        if (!p->wanted[v] || (plan_is_mask(p, n) && p->raw[v]))
            continue;
        if (n->a != IR_NONE)
            p->raw[n->a] = false;
        if (n->b != IR_NONE)
            p->raw[n->b] = false;
    }
    /* And upwards: a mask of something else. */
    for (ir_value v = 0; v < p->values; v++)
        if (p->raw[v] && plan_is_mask(p, plan_node(p, v)) && !p->raw[plan_node(p, v)->a])
            p->raw[v] = false;
}

/* ---------------------------------------------------------------- all of it */

static bool plan_init(struct plan *p, size_t most)
{
    uint32_t blocks = p->f->block.n, n = p->values;

    p->known_max = arena_array(p->arena, uint32_t, n);
    p->shown = arena_array(p->arena, bool, n);
    p->zeros = arena_array(p->arena, uint8_t, n);
    p->need = arena_array(p->arena, uint8_t, most);
    p->wanted = arena_array(p->arena, bool, n);
    p->raw = arena_array(p->arena, bool, n);
    p->block = arena_array(p->arena, struct ir_block, blocks);
    p->reachable = arena_array(p->arena, bool, blocks);
    p->never = arena_array(p->arena, bool, blocks);
    p->reach = arena_array(p->arena, uint32_t, blocks);
    p->wide = arena_array(p->arena, uint32_t, blocks);
    p->copy = arena_array(p->arena, uint32_t, blocks);
    p->home = arena_array(p->arena, int8_t, most);
    p->first = arena_array(p->arena, uint32_t, most);
    p->last = arena_array(p->arena, uint32_t, most);
    if (!p->known_max || !p->shown || !p->zeros || !p->need || !p->wanted || !p->raw || !p->block ||
        !p->reachable || !p->never || !p->reach || !p->wide || !p->copy || !p->home || !p->first || !p->last)
        return false;
    for (uint32_t b = 0; b < blocks; b++)
        p->block[b] = p->f->block.at[b];
    memset(p->home, HOME_NONE, most);
    memset(p->first, 0xff, most * sizeof *p->first); /* IR_NONE */
    return true;
}

int plan_make(struct plan *p, struct ir_func *f, struct arena *arena, const struct plan_request *q)
{
    uint32_t blocks = f->block.n, n = f->value.n;
    struct id_stack s = {0};

    *p = (struct plan){
        .f = f, .arena = arena, .target = q->target, .access = q->access, .values = n, .metadata = IR_NONE};
    p->window_max = q->window_max;
    p->home_regs = q->home_regs;
    p->speculate = q->speculate;
    memcpy(p->home_register, q->home_register, sizeof p->home_register);
    /* Every pointer comes from a load or a guard. */
    size_t most = (size_t)n * 2;
    for (uint32_t b = 0; b < blocks; b++)
        most += f->block.at[b].guard.n;
    if (most > UINT32_MAX / 2 || !plan_init(p, most))
        return WEIR_E_MEMORY;
    uint32_t *by_block =
        arena_array(arena, uint32_t, blocks); /* tables of several passes, one after the other */
    uint32_t *by_block2 = arena_array(arena, uint32_t, blocks);
    uint32_t *def = arena_array(arena, uint32_t, most);
    uint32_t *stamp = arena_array(arena, uint32_t, most);
    if (!by_block || !by_block2 || !def || !stamp)
        return WEIR_E_MEMORY;
    memset(def, 0xff, most * sizeof *def);

    find_blocks(p, q->reach_max);
    plan_merge_switches(p, by_block);
    find_blocks(p, q->reach_max); /* again: what only impossible cases led to is gone */
    find_reach(p, by_block);
    if (q->access == ACCESS_COPY)
        plan_find_phase(p);
    plan_find_wides(p, by_block, by_block2);
    find_values(p, &s);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    if (p->metadata != IR_NONE)
        return WEIR_E_UNSUPPORTED;
    find_copies(p);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    find_raw(p);
    plan_find_bounds(p);
    plan_find_frame(p);
    if (q->access == ACCESS_DIRECT)
        plan_find_pointers(p);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    p->ids = n + p->pointer.n;
    plan_find_need(p);
    plan_find_dominators(p, by_block);
    plan_find_uses(p, &s, by_block, def, stamp);
    plan_find_homes(p, by_block, stamp); /* they become its lists */
    return p->no_memory ? WEIR_E_MEMORY : p->no_stack ? WEIR_E_LIMIT : 0;
}
