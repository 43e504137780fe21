/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/inputs.c - what a function looks at.
 *
 * A value counts when a block that can be reached tests it, guards with it, or hands it to a PHI that counts.
 * The reach is that of the furthest guard: with all of a packet's bytes up to there, every guard says what it
 * says of the whole packet.
 *
 * Cost: O(values + blocks + edges), and sorting the loads.
 */
#include "driver/inputs.h"
#include <stdlib.h>

/* A load that counts. */
struct load {
    ir_value base; /* IR_NONE sorts last; see load_order() */
    int64_t begin, end;
};

struct finder {
    const struct ir_func *f;
    struct inputs *out;
    bool *reached, *counts; /* per block; per value */
    VEC(ir_value) stack;
    VEC(struct load) load;
    bool length, failed;
    uint32_t metadata; /* bit m: SKF_AD_ offset 4 * m */
};

/* An offset from a base: from 2^31 on it is in front of it. */
static int64_t signed_offset(ir_value base, uint32_t offset)
{
    return base == IR_NONE ? (int64_t)offset : (int64_t)(int32_t)offset;
}

static void push(struct finder *d, ir_value v)
{
    if (v == IR_NONE || d->counts[v])
        return;
    d->counts[v] = true;
    if (!vec_push(d->f->arena, &d->stack, v))
        d->failed = true;
}

static void push_phi(struct finder *d, ir_value v)
{
    const struct ir_phi *phi = ir_phi_of(d->f, v);

    for (uint32_t a = 0; phi && a < phi->arg.n; a++)
        if (d->reached[phi->arg.at[a].block])
            push(d, phi->arg.at[a].value);
}

static void visit(struct finder *d, ir_value v)
{
    const struct ir_node *n = &d->f->value.at[v];

    if (n->op == IR_PHI) {
        push_phi(d, v);
        return;
    }
    push(d, n->a);
    push(d, n->b);
    d->length |= n->op == IR_LEN;
    if (n->op == IR_META)
        d->metadata |= UINT32_C(1) << n->imm / 4;
    unsigned bytes = ir_read_bytes(n);
    if (bytes) {
        struct load load = {.base = n->a, .begin = signed_offset(n->a, n->imm)};
        if (n->a != IR_NONE && d->f->range.at[n->a].lo == d->f->range.at[n->a].hi) { /* nothing varies */
            load.base = IR_NONE;
            load.begin += d->f->range.at[n->a].lo;
        }
        load.end = load.begin + bytes;
        if (!vec_push(d->f->arena, &d->load, load))
            d->failed = true;
    }
}

/* Bytes a guard asks for at most; what it asks for beyond 2^31 no packet has, however long. */
static void extend_reach(struct finder *d, const struct ir_guard *g)
{
    uint32_t furthest = g->base == IR_NONE ? 0 : d->f->range.at[g->base].hi;
    int64_t end = (int64_t)furthest + signed_offset(g->base, g->offset) + g->size;

    if (g->base == IR_NONE && g->offset > INT32_MAX)
        return;
    if (end > INT32_MAX)
        d->out->reach = WEIR_REACH_UNBOUNDED;
    else if (end > (int64_t)d->out->reach)
        d->out->reach = (uint32_t)end;
}

static void find_blocks(struct finder *d)
{
    const struct ir_func *f = d->f;

    if (f->entry < f->block.n)
        d->reached[f->entry] = true;
    for (uint32_t i = 0; i < f->block.n; i++) { /* targets are later blocks */
        const struct ir_block *b = &f->block.at[i];
        if (!d->reached[i])
            continue;
        push(d, b->on);
        for (uint32_t g = 0; g < b->guard.n; g++) {
            push(d, b->guard.at[g].base);
            extend_reach(d, &b->guard.at[g]);
        }
        for (uint32_t c = 0; c < b->to.n; c++)
            if (b->to.at[c].target < f->block.n)
                d->reached[b->to.at[c].target] = true;
    }
}

/* Constant places first, then by base and place. IR_NONE + 1 is 0. */
static int load_order(const void *a, const void *b)
{
    const struct load *x = a, *y = b;

    if (x->base != y->base)
        return x->base + 1 < y->base + 1 ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void add(struct finder *d, struct weir_input r)
{
    r.size = sizeof r;
    if (!vec_push(d->f->arena, &d->out->input, r))
        d->failed = true;
}

static void list_loads(struct finder *d)
{
    uint32_t place = 0;

    if (d->load.n > 1)
        qsort(d->load.at, d->load.n, sizeof *d->load.at, load_order);
    for (uint32_t i = 0, next; i < d->load.n && !d->failed; i = next) {
        struct load all = d->load.at[i];
        for (next = i + 1;
             next < d->load.n && d->load.at[next].base == all.base && d->load.at[next].begin <= all.end;
             next++)
            if (d->load.at[next].end > all.end)
                all.end = d->load.at[next].end;
        struct weir_input r = {.kind = WEIR_INPUT_BYTES, .begin = all.begin, .end = all.end};
        if (all.base != IR_NONE) {
            place += !i || d->load.at[i - 1].base != all.base;
            r.kind = WEIR_INPUT_RELATIVE;
            r.place = place;
            r.lowest = d->f->range.at[all.base].lo;
            r.highest = d->f->range.at[all.base].hi;
        }
        add(d, r);
    }
}

int inputs_find(const struct ir_func *f, struct inputs *out)
{
    struct finder d = {.f = f, .out = out};

    *out = (struct inputs){.reach = 0};
    d.reached = arena_array(f->arena, bool, f->block.n + 1);
    d.counts = arena_array(f->arena, bool, f->value.n);
    if (!d.reached || !d.counts)
        return WEIR_E_MEMORY;
    find_blocks(&d);
    while (d.stack.n && !d.failed)
        visit(&d, d.stack.at[--d.stack.n]);
    list_loads(&d);
    if (d.length)
        add(&d, (struct weir_input){.kind = WEIR_INPUT_LENGTH});
    for (const struct ir_meta_row *row = ir_meta_next(NULL); row; row = ir_meta_next(row))
        if (d.metadata >> row->number / 4 & 1)
            add(&d, (struct weir_input){.kind = WEIR_INPUT_METADATA, .name = row->member});
    return d.failed ? WEIR_E_MEMORY : WEIR_OK;
}
