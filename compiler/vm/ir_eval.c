/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm/ir_eval.c - what an IR function says about a packet.
 *
 * Walks blocks; a value is computed when a guard or switch first asks for it and kept for the rest of the
 * run, PHIs excepted, which get theirs when their block is entered. A load outside of the packet rejects:
 * it can only belong to a guard's base, and then another guard of the same block fails as well
 * (docs/ir.md, "Guards").
 */
#include "vm/vm.h"

struct run {
    const struct ir_func *f;
    const struct packet *p;
    const struct packet_sets *sets; /* NULL: all are empty */
    uint32_t *value;
    bool *done; /* by value */
    ir_value *stack;
};

static bool in_range(const struct packet *p, uint32_t address, uint32_t size)
{
    return (uint64_t)address + size <= p->caplen;
}

/* Computes a value whose operands are done. False when it cannot be: the packet is rejected. */
static bool compute(struct run *r, ir_value v)
{
    const struct ir_node *n = &r->f->value.at[v];
    uint32_t b = n->b == IR_NONE ? 0 : r->value[n->b];

    if (n->op == IR_CONST) {
        r->value[v] = n->imm;
    } else if (n->op == IR_LEN) {
        r->value[v] = r->p->wirelen;
    } else if (n->op == IR_META) {
        if (!packet_meta(r->p, n->imm, &r->value[v]))
            return false; /* not in a verified function */
    } else if (ir_is_load(n)) {
        uint32_t address = (n->a == IR_NONE ? 0 : r->value[n->a]) + n->imm, k = 0;
        unsigned size = ir_load_size(n);
        if (!in_range(r->p, address, size))
            return false;
        for (unsigned i = 0; i < size; i++)
            k = k << 8 | r->p->bytes[address + i];
        r->value[v] = k;
    } else if (ir_is_lookup(n)) {
        uint32_t address = (n->a == IR_NONE ? 0 : r->value[n->a]) + n->imm;
        const struct packet_sets *s = r->sets;
        if (!in_range(r->p, address, ir_read_bytes(n)))
            return false;
        r->value[v] = s && s->has(s->user, &r->f->set.at[b], n->op, r->p->bytes + address);
    } else if (n->op == IR_PHI || ((n->op == IR_UDIV || n->op == IR_UMOD) && b == 0)) {
        return false; /* not in a verified function */
    } else {
        r->value[v] = ir_fold(n->op, r->value[n->a], b);
    }
    r->done[v] = true;
    return true;
}

/* The value of @v, its operands first. */
static bool demand(struct run *r, ir_value v)
{
    uint32_t top = 0;

    r->stack[top++] = v;
    while (top) {
        v = r->stack[top - 1];
        const struct ir_node *n = &r->f->value.at[v];
        if (r->done[v])
            top--;
        else if (n->a != IR_NONE && !r->done[n->a])
            r->stack[top++] = n->a; /* operands have smaller numbers: the stack descends */
        else if (n->b != IR_NONE && !r->done[n->b])
            r->stack[top++] = n->b;
        else if (!compute(r, v))
            return false;
    }
    return true;
}

/* The values of @b's PHIs, coming from block @from. One that cannot be computed rejects if it is asked for.
 */
static void enter(struct run *r, const struct ir_block *b, uint32_t from)
{
    for (uint32_t i = 0; i < b->phi.n; i++) {
        const struct ir_phi *phi = &b->phi.at[i];
        uint32_t k = 0;
        while (k < phi->arg.n && phi->arg.at[k].block != from)
            k++;
        if (k < phi->arg.n && demand(r, phi->arg.at[k].value)) {
            r->value[phi->value] = r->value[phi->arg.at[k].value];
            r->done[phi->value] = true;
        }
    }
}

static bool guards_pass(struct run *r, const struct ir_block *b)
{
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        if (g->base != IR_NONE && !demand(r, g->base))
            return false;
        uint32_t address = (g->base == IR_NONE ? 0 : r->value[g->base]) + g->offset;
        if (!in_range(r->p, address, g->size))
            return false;
    }
    return true;
}

static uint32_t run(struct run *r, bool *fault)
{
    const struct ir_func *f = r->f;
    uint32_t at = f->entry, from = IR_NONE;

    while (at < IR_ACCEPT) {
        const struct ir_block *b = &f->block.at[at];
        enter(r, b, from);
        if (!guards_pass(r, b) || (b->on != IR_NONE && !demand(r, b->on))) {
            *fault = true;
            return 0;
        }
        if (ir_returns(b))
            return r->value[b->on];
        from = at;
        at = ir_case_find(b, b->on == IR_NONE ? 0 : r->value[b->on]);
    }
    return at == IR_ACCEPT ? f->accept : 0;
}

uint32_t ir_eval(const struct ir_func *f, const struct packet *p, struct arena *scratch, bool *faulted)
{
    return ir_eval_sets(f, p, NULL, scratch, faulted);
}

uint32_t ir_eval_sets(const struct ir_func *f, const struct packet *p, const struct packet_sets *sets,
                      struct arena *scratch, bool *faulted)
{
    struct arena_mark m = arena_mark(scratch);
    struct run r = {.f = f, .p = p, .sets = sets};
    bool fault = false;
    uint32_t verdict = 0;

    r.value = arena_array(scratch, uint32_t, f->value.n);
    r.stack = arena_array(scratch, ir_value, f->value.n);
    r.done = arena_array(scratch, bool, f->value.n);
    if (r.value && r.stack && r.done)
        verdict = run(&r, &fault);
    arena_rewind(scratch, m);
    if (faulted)
        *faulted = fault;
    return verdict;
}
