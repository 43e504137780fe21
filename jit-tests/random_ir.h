/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/random_ir.h - random functions: correct IR of every shape a backend may be given.
 *
 * Blocks reuse values of the blocks that dominate them, join paths with PHIs, and address the packet through
 * every kind of base: small, masked, byte-sized, unbounded, negative. So bounds, homes, spills and switches
 * meet in ways no filter text would produce.
 */
#ifndef WEIR_JIT_TESTS_RANDOM_IR_H
#define WEIR_JIT_TESTS_RANDOM_IR_H
#include "ir/ir.h"
#include "tests/harness/rng.h"

#define RANDOM_BLOCKS 12
#define RANDOM_VALUES 200

struct random_ir {
    struct ir_func *f;
    struct rng *rng;
    uint32_t blocks;
    uint32_t dominators[RANDOM_BLOCKS]; /* masks */
    uint32_t predecessors[RANDOM_BLOCKS];
    struct {
        ir_value v;
        uint32_t block;
    } known[RANDOM_VALUES];
    uint32_t n;
};

static inline ir_value random_remember(struct random_ir *g, ir_value v, uint32_t block)
{
    if (g->n < RANDOM_VALUES) {
        g->known[g->n].v = v;
        g->known[g->n++].block = block;
    }
    return v;
}

/* A value that may be used in @block, or a constant. */
static inline ir_value random_known(struct random_ir *g, uint32_t block)
{
    for (int tries = 0; g->n && tries < 8; tries++) {
        uint32_t i = rng_below(g->rng, g->n);
        if (g->dominators[block] >> g->known[i].block & 1)
            return g->known[i].v;
    }
    return ir_const(g->f, rng_below(g->rng, 40));
}

static inline uint32_t random_number(struct rng *r)
{
    static const uint32_t odd[] = {0,          1,          2,          4,         15,     31,
                                   32,         0xff,       0xffff,     0x7fff,    0x8000, 0x1fff,
                                   0xfffffff0, 0xffffffff, 0x80000000, 0x0a000001};

    return rng_below(r, 2) ? odd[rng_below(r, sizeof odd / sizeof odd[0])] : rng_below(r, 64);
}

static inline ir_value random_load(struct random_ir *g, uint32_t block)
{
    struct rng *r = g->rng;
    unsigned size = 1u << rng_below(r, 3);
    uint32_t offset = rng_below(r, 24);
    ir_value base = IR_NONE;

    if (rng_below(r, 2)) {
        base = random_known(g, block);
        if (rng_below(r, 4)) {
            base = ir_binary(g->f, IR_AND, base, ir_const(g->f, rng_below(r, 2) ? 15 : 3));
            if (rng_below(r, 2))
                base = ir_binary(g->f, IR_SHL, base, ir_const(g->f, rng_below(r, 3)));
        }
        if (!rng_below(r, 8))
            offset = random_number(r);
    } else if (!rng_below(r, 100)) {
        offset = 0x7ff0 + rng_below(r, 0x8100);
    }
    ir_guard_add(g->f, block, base, offset, size + (rng_below(r, 4) ? 0 : rng_below(r, 8)));
    return random_remember(g, ir_load(g->f, base, offset, size), block);
}

/* A lookup, in a function that has sets. */
static inline ir_value random_lookup(struct random_ir *g, uint32_t block)
{
    enum ir_op op = (enum ir_op)(IR_LOOKUP16 + rng_below(g->rng, 4));
    ir_value load = random_load(g, block);
    struct ir_node at = {.op = (uint8_t)op, .a = IR_NONE, .imm = rng_below(g->rng, 24)};
    uint32_t set = 0;

    while (set < g->f->set.n && !ir_set_takes(g->f->set.at[set].kind, op))
        set++;
    if (set == g->f->set.n)
        return load;
    if (rng_below(g->rng, 2)) /* where that load is */
        at.a = g->f->value.at[load].a;
    if (at.a != IR_NONE && !ir_is_load(&g->f->value.at[load]))
        at.a = IR_NONE;
    ir_guard_add(g->f, block, at.a, at.imm, ir_read_bytes(&at));
    return random_remember(g, ir_lookup(g->f, op, at.a, at.imm, set), block);
}

static inline ir_value random_value(struct random_ir *g, uint32_t block)
{
    static const enum ir_op op[] = {IR_ADD, IR_SUB, IR_MUL, IR_AND, IR_OR,   IR_XOR, IR_SHL,
                                    IR_SHR, IR_EQ,  IR_UGT, IR_UGE, IR_UDIV, IR_UMOD};
    struct rng *r = g->rng;
    ir_value v = g->f->set.n && rng_below(r, 2) ? random_lookup(g, block) : random_load(g, block);

    for (uint32_t i = rng_below(r, 6); i > 0; i--) {
        enum ir_op o = op[rng_below(r, sizeof op / sizeof op[0])];
        ir_value b = rng_below(r, 3) == 0    ? ir_const(g->f, random_number(r))
                     : rng_below(r, 2) == 0  ? random_known(g, block)
                     : rng_below(r, 8) == 0  ? ir_len(g->f)
                     : rng_below(r, 12) == 0 ? ir_meta(g->f, META_CPU)
                                             : random_load(g, block);
        if (o == IR_UDIV || o == IR_UMOD)
            b = ir_binary(g->f, IR_OR, b, ir_const(g->f, 1));
        v = rng_below(r, 4) ? ir_binary(g->f, o, v, b) : ir_binary(g->f, o, b, v);
        if (o == IR_UDIV || o == IR_UMOD) /* the operands may have changed places: divide by something odd */
            v = ir_binary(g->f, o, random_known(g, block), b);
        random_remember(g, v, block);
    }
    return v;
}

static inline uint32_t random_target(struct random_ir *g, uint32_t block)
{
    uint32_t left = g->blocks - block - 1, k = rng_below(g->rng, left + 2);

    return k < left ? block + 1 + (rng_below(g->rng, 2) ? 0 : k) : k == left ? IR_ACCEPT : IR_REJECT;
}

static inline void random_switch(struct random_ir *g, uint32_t block)
{
    struct ir_case to[64];
    struct rng *r = g->rng;
    uint32_t n = 0, at = 0, otherwise = random_target(g, block), other = random_target(g, block);
    uint32_t points = rng_below(r, 3) ? 1 + rng_below(r, 3) : rng_below(r, 28);
    bool ranges = !rng_below(r, 3);

    if (!rng_below(r, 12)) {
        ir_return(g->f, block, rng_below(r, 4) ? random_value(g, block) : random_known(g, block));
        return;
    }
    for (uint32_t i = 0; i < points; i++) {
        uint32_t gap = rng_below(r, 5) ? rng_below(r, 12) : rng_below(r, 70000);
        uint32_t width = ranges ? 1 + rng_below(r, 9) : 1;
        if (gap)
            to[n++] = (struct ir_case){at += gap, otherwise};
        to[n++] = (struct ir_case){at += width, rng_below(r, 4) ? other : random_target(g, block)};
    }
    to[n++] = (struct ir_case){UINT32_MAX, rng_below(r, 8) ? otherwise : other};
    ir_switch(g->f, block, rng_below(r, 3) ? random_value(g, block) : random_known(g, block), to, n);
}

static inline void random_phi(struct random_ir *g, uint32_t block)
{
    ir_value p = ir_phi(g->f, block);

    for (uint32_t q = 0; q < block; q++)
        if (g->predecessors[block] >> q & 1) {
            ir_value v = rng_below(g->rng, 3) ? random_known(g, q) : ir_const(g->f, 4 * rng_below(g->rng, 5));
            ir_phi_arg_add(g->f, block, p, q, v);
        }
    random_remember(g, p, block);
}

/** Fills @f, which is initialised. */
static inline void random_function(struct ir_func *f, struct rng *rng)
{
    struct random_ir g = {.f = f, .rng = rng, .blocks = 1 + rng_below(rng, RANDOM_BLOCKS)};

    for (uint32_t b = 0; b < g.blocks; b++)
        ir_block_new(f, (struct span){0, 0});
    for (uint32_t b = 0; b < g.blocks; b++) {
        uint32_t dominators = UINT32_MAX;
        for (uint32_t q = 0; q < b; q++)
            if (g.predecessors[b] >> q & 1)
                dominators &= g.dominators[q];
        if (b && !g.predecessors[b])
            dominators = 0; /* never runs */
        g.dominators[b] = (b ? dominators : 0) | 1u << b;
        if (b && g.predecessors[b])
            for (uint32_t i = rng_below(rng, 3); i > 0; i--)
                random_phi(&g, b);
        random_switch(&g, b);
        for (uint32_t i = 0; i < f->block.at[b].to.n; i++)
            if (f->block.at[b].to.at[i].target < g.blocks)
                g.predecessors[f->block.at[b].to.at[i].target] |= 1u << b;
    }
    f->entry = 0;
}

/** A packet of @n bytes with many small numbers. */
static inline void random_packet(struct rng *r, uint8_t *out, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = (uint8_t)(rng_below(r, 3) ? rng_below(r, 20) : rng_next(r));
}
#endif
