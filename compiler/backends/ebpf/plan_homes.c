/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan_homes.c - which values stay in a register or stack slot between blocks: a linear scan
 * over block numbers (Poletto and Sarkar 1999). A home belongs to one value from its first block to its last,
 * so two values of one home never meet.
 *
 * A home is an offer: emission uses it where the value was computed on every path and computes anew
 * elsewhere. Only PHIs have to have one.
 */
#include "backends/ebpf/plan.h"

#define CLIMB_MAX 64 /* dominators are looked for this many steps up; a miss costs code, not correctness */

/* ---------------------------------------------------------------- operands */

static bool is_binary(const struct ir_node *n)
{
    return n->op >= IR_ADD && n->op <= IR_UGE;
}

unsigned plan_operands(struct plan *p, uint32_t id, uint32_t out[2])
{
    unsigned n = 0;

    if (plan_is_pointer(p, id)) {
        out[0] = p->pointer.at[id - p->values].base;
        return plan_is_const(p, out[0]) ? 0 : 1;
    }
    const struct ir_node *x = plan_node(p, id);
    if (ir_read_bytes(x) && p->access != ACCESS_DIRECT) {
        if (x->a != IR_NONE && !plan_is_const(p, x->a))
            out[n++] = x->a;
    } else if (ir_read_bytes(x) && x->a != IR_NONE) {
        out[n++] = plan_pointer(p, x->a, x->imm, ir_read_bytes(x));
    } else if (is_binary(x)) {
        if (!plan_is_const(p, x->a))
            out[n++] = x->a;
        if (!plan_is_const(p, x->b))
            out[n++] = x->b;
    }
    return n;
}

void plan_find_need(struct plan *p)
{
    for (uint32_t id = 0; id < p->values; id++) {
        uint32_t op[2];
        unsigned n = p->wanted[id] ? plan_operands(p, id, op) : 0;
        uint8_t need = 1;
        if (n && plan_is_pointer(p, op[0])) {
            need = p->need[p->pointer.at[op[0] - p->values].base];
            p->need[op[0]] = need;
        } else if (n == 1) {
            need = p->need[op[0]];
        } else if (n == 2) {
            uint8_t a = p->need[op[0]], b = p->need[op[1]];
            need = a == b ? (uint8_t)(a + (a < UINT8_MAX)) : a > b ? a : b;
        }
        p->need[id] = need;
    }
}

/* ---------------------------------------------------------------- homes */

void plan_find_dominators(const struct plan *p, uint32_t *idom)
{
    const struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n; b++)
        idom[b] = IR_NONE;
    for (uint32_t b = 0; b < f->block.n; b++) {
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < plan_targets(p, b); i++) {
            uint32_t t = plan_target(p, b, i);
            if (t >= f->block.n)
                continue;
            uint32_t x = idom[t] == IR_NONE ? b : idom[t], y = b;
            for (int step = 0; x != y; step++) {
                if (step == CLIMB_MAX)
                    x = y = f->entry;
                else if (x > y)
                    x = x == f->entry ? y : idom[x];
                else
                    y = y == f->entry ? x : idom[y];
            }
            idom[t] = x;
        }
    }
}

static bool dominates(const uint32_t *idom, uint32_t d, uint32_t b)
{
    for (int step = 0; step < CLIMB_MAX && b != IR_NONE && b > d; step++)
        b = idom[b];
    return b == d;
}

/*
 * Which homes are worth having for @id: from *@first to before *@end; none if they are equal. A load is as
 * cheap to make again as to fetch from the stack, and one that needs no swap leaves registers to others.
 */
static void useful_homes(const struct plan *p, uint32_t id, int *first, int *end)
{
    *first = 0;
    *end = p->home_max;
    if (plan_is_pointer(p, id))
        return;
    const struct ir_node *n = plan_node(p, id);
    if (n->op == IR_CONST || n->op == IR_LEN)
        *end = 0;
    if (n->op == IR_META && !plan_is_asked(p, n)) { /* Linux makes three instructions of vlan_present */
        *first = p->home_regs / 2;
        *end = p->home_regs;
    }
    if (ir_is_load(n) && !plan_is_dear(p, n)) {
        *end = p->home_regs;
        *first = n->op == IR_LOAD8 || p->raw[id] ? p->home_regs / 2 : 0;
    }
}

static uint32_t guard_operand(struct plan *p, const struct ir_guard *g)
{
    return p->access == ACCESS_DIRECT ? plan_pointer(p, g->base, g->offset, g->size) : g->base;
}

/* Finds between which blocks each id is used, as emission will go about it. */
void plan_find_uses(struct plan *p, struct id_stack *s, const uint32_t *idom, uint32_t *def, uint32_t *stamp)
{
    struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n && !p->no_memory; b++) {
        const struct ir_block *k = &p->block[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            if (k->guard.at[i].base != IR_NONE)
                plan_push(p, s, guard_operand(p, &k->guard.at[i]));
        for (uint32_t c = p->copy[b]; c != IR_NONE; c = p->copies.at[c].next)
            plan_push(p, s, p->copies.at[c].value);
        if (!p->wide[b] && plan_is_compare(p, k)) {
            plan_push(p, s, plan_node(p, k->on)->a);
            plan_push(p, s, plan_node(p, k->on)->b);
        } else if (!p->wide[b] && k->on != IR_NONE) {
            plan_push(p, s, k->on);
        }
        while (s->at.n && !p->no_memory) {
            uint32_t id = s->at.at[--s->at.n];
            uint32_t op[2];
            if (stamp[id] == b + 1)
                continue;
            stamp[id] = b + 1;
            if (p->first[id] > b)
                p->first[id] = b;
            p->last[id] = b;
            bool load =
                !plan_is_pointer(p, id) && ir_is_load(plan_node(p, id)) && !plan_is_dear(p, plan_node(p, id));
            if (!load && def[id] != IR_NONE && dominates(idom, def[id], b))
                continue;
            def[id] = b;
            unsigned n = plan_operands(p, id, op);
            for (unsigned i = 0; i < n; i++)
                plan_push(p, s, op[i]);
        }
    }
}

static void give_home(struct plan *p, uint32_t *owner, uint32_t id)
{
    bool must = !plan_is_pointer(p, id) && plan_node(p, id)->op == IR_PHI;
    int first, end, h = HOME_NONE;

    useful_homes(p, id, &first, &end);
    for (int x = first; x < end && h == HOME_NONE; x++)
        if (owner[x] == IR_NONE)
            h = x;
    for (int x = 0; h == HOME_NONE && must && x < p->home_max; x++)
        if (plan_is_pointer(p, owner[x]) || plan_node(p, owner[x])->op != IR_PHI) {
            p->home[owner[x]] = HOME_NONE;
            h = x;
        }
    if (h == HOME_NONE) {
        p->no_stack |= must;
        return;
    }
    owner[h] = id;
    p->home[id] = (int8_t)h;
    if (p->homes <= (uint32_t)h)
        p->homes = (uint32_t)h + 1;
    if (h < p->home_regs)
        p->home_registers |= 1u << p->home_register[h];
}

void plan_find_homes(struct plan *p, uint32_t *head, uint32_t *next)
{
    uint32_t owner[HOME_MAX];

    for (int h = 0; h < HOME_MAX; h++)
        owner[h] = IR_NONE;
    for (uint32_t b = 0; b < p->f->block.n; b++)
        head[b] = IR_NONE;
    /* In front of a block's list, as it is built backwards: PHIs, then pointers, then the rest. */
    for (int round = 0; round < 3; round++)
        for (uint32_t id = p->ids; id-- > 0;) {
            bool phi = !plan_is_pointer(p, id) && plan_node(p, id)->op == IR_PHI;
            int turn = phi ? 2 : plan_is_pointer(p, id) ? 1 : 0;
            if (turn != round || p->first[id] == IR_NONE || p->first[id] == p->last[id] ||
                (phi && !p->wanted[id]))
                continue;
            next[id] = head[p->first[id]];
            head[p->first[id]] = id;
        }
    for (uint32_t b = 0; b < p->f->block.n; b++) {
        for (int h = 0; h < HOME_MAX; h++)
            if (owner[h] != IR_NONE && p->last[owner[h]] < b)
                owner[h] = IR_NONE;
        for (uint32_t id = head[b]; id != IR_NONE; id = next[id])
            give_home(p, owner, id);
    }
}
