/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/tails.c - a test of what the ways to it bring is made on each of them.
 *
 *   b1: jump b3                                         b1: jump b3
 *   b2: jump b3                                         b2: jump b4
 *   b3: %4 = phi b1: 24, b2: 26                         b3: switch load16 [%1 + 30]: 0x800 -> accept, ...
 *       switch load16 [%1 + %4 + 6]: 0x800 -> accept,   b4: switch load16 [%1 + 32]: 0x800 -> accept, ...
 *                                    else -> reject
 *
 * Where the header of an 802.11 frame ends depends on what kind of frame it is. Where a filter asks for
 * little behind it, each kind can be asked for that at a place that is known: nothing is added up, kept and
 * gone to.
 *
 * Refines: each way makes the tests that it made, of the values that it brought. Only where nobody else uses
 * what it brought, each test takes as few instructions then, and all of them together about as many: a tail
 * of one test and its copies are shorter than what brings values to one place, longer ones are not.
 *
 * Cost: linear, as tails of more than TESTS_MAX tests, those with more than WAYS_MAX ways, and values of more
 * than NODES_MAX nodes, are left alone. PHIs get fewer. Runs once.
 */
#include "opt/pass.h"

#define WAYS_MAX   8u /* to a tail */
#define TESTS_MAX  3u /* of it */
#define BLOCKS_MAX (TESTS_MAX + 1)
#define AHEAD_MAX  32u /* blocks among which those are looked for */
#define CASES_MAX  3u  /* of each of its tests */
#define NODES_MAX  16u /* that a value is computed from, with what they are computed from */
#define NEW_MAX    2u  /* that it is computed from in a copy and nothing else is: a load and a mask */
#define BRINGING   6u  /* instructions that bring a value to a place where others come from elsewhere */

/* Blocks of which the first has PHIs and is what leads to the others, each after those that lead to it. */
struct tail {
    uint32_t block[BLOCKS_MAX], blocks;
    uint32_t from[WAYS_MAX], ways;
    ir_value on[WAYS_MAX][BLOCKS_MAX]; /* what they test for those that come from there */
    uint32_t nodes;                    /* looked at */
};

struct tails {
    struct ir_func *f;
    uint64_t *phis;             /* opt_phis() */
    uint32_t used[PHI_BITS];    /* by opt_phi_bit(): blocks that use what is computed from those PHIs */
    uint32_t *parent;           /* opt_parents() */
    bool *moved;                /* by block: there are copies of it */
    uint32_t *place;            /* by block: its new number */
    VEC(struct ir_block) block; /* the new ones; their targets are old numbers, or behind those new ones */
};

/* The PHIs that @b uses values computed from. */
static uint64_t uses_of(const struct tails *x, const struct ir_block *b)
{
    uint64_t uses = b->on == IR_NONE ? 0 : x->phis[b->on];

    for (uint32_t g = 0; g < b->guard.n; g++)
        uses |= b->guard.at[g].base == IR_NONE ? 0 : x->phis[b->guard.at[g].base];
    for (uint32_t p = 0; p < b->phi.n; p++)
        for (uint32_t k = 0; k < b->phi.at[p].arg.n; k++)
            uses |= x->phis[b->phi.at[p].arg.at[k].value];
    return uses;
}

static void count_uses(struct tails *x)
{
    for (uint32_t i = 0; i < x->f->block.n; i++)
        for (uint64_t uses = uses_of(x, &x->f->block.at[i]), bit = 0; uses; bit++, uses >>= 1)
            x->used[bit] += uses & 1;
}

/* Is @i a test of a tail: a plain one of few cases, behind which nothing tells the ways apart? */
static bool is_test(const struct tails *x, uint32_t i)
{
    const struct ir_block *b = &x->f->block.at[i];
    bool plain = b->to.n > 1 && b->to.n <= CASES_MAX && b->guard.n == 0;

    for (uint32_t c = 0; c < b->to.n && plain; c++)
        plain = !has_phis(x->f, b->to.at[c].target);
    return plain;
}

/* What brings values together may be a block of its own. */
static bool is_jump(const struct ir_block *b)
{
    return b->on == IR_NONE && b->to.n == 1 && b->guard.n == 0;
}

static bool is_in(const struct tail *t, uint32_t block)
{
    uint32_t i = 0;

    while (i < t->blocks && t->block[i] != block)
        i++;
    return i < t->blocks;
}

/* The blocks that use the PHIs of the block @i, which are all that do and are entered from each other. */
static bool find_blocks(const struct tails *x, uint32_t i, struct tail *t)
{
    const struct ir_block *first = &x->f->block.at[i];
    const uint64_t bit = opt_phi_bit(i);
    const uint32_t end = x->f->block.n - i < AHEAD_MAX ? x->f->block.n : i + AHEAD_MAX;
    uint32_t left = x->used[i % PHI_BITS]; /* blocks to be found */

    if (first->phi.n == 0 || first->phi.at[0].arg.n > WAYS_MAX || left == 0 || left > TESTS_MAX ||
        !(is_jump(first) || is_test(x, i)))
        return false;
    t->block[0] = i;
    t->blocks = 1;
    left -= (uses_of(x, first) & bit) != 0;
    for (uint32_t k = i + 1; k < end && left; k++) {
        const struct ir_block *b = &x->f->block.at[k];
        if (!(uses_of(x, b) & bit))
            continue;
        if (b->phi.n || x->parent[k] == PARENT_SEVERAL || !is_in(t, x->parent[k] - 1) || !is_test(x, k))
            return false;
        t->block[t->blocks++] = k;
        left--;
    }
    return left == 0;
}

/* What the PHI @v of the block @i is for those that come from @from; @v: it is another block's. */
static ir_value brought(const struct tails *x, uint32_t i, ir_value v, uint32_t from)
{
    const struct ir_block *b = &x->f->block.at[i];

    for (uint32_t p = 0; p < b->phi.n; p++)
        for (uint32_t k = 0; k < b->phi.at[p].arg.n; k++)
            if (b->phi.at[p].value == v && b->phi.at[p].arg.at[k].block == from)
                return b->phi.at[p].arg.at[k].value;
    return v;
}

/* What @v is for those that come from @from. No deeper than NODES_MAX. */
static ir_value on_way(struct tails *x, struct tail *t, ir_value v, uint32_t from)
{
    const struct ir_node n = x->f->value.at[v];

    if (!(x->phis[v] & opt_phi_bit(t->block[0])) || t->nodes == NODES_MAX)
        return v;
    t->nodes++;
    if (n.op == IR_PHI)
        return brought(x, t->block[0], v, from);
    const ir_value a = n.a == IR_NONE ? IR_NONE : on_way(x, t, n.a, from);
    return ir_with(x->f, v, a, n.b == IR_NONE ? IR_NONE : on_way(x, t, n.b, from));
}

/* What is tested on each way. False: one of the values takes more than before. */
static bool find_ways(struct tails *x, struct tail *t)
{
    const struct ir_phi phi = x->f->block.at[t->block[0]].phi.at[0];
    bool few = true;

    t->ways = phi.arg.n;
    for (uint32_t k = 0; k < t->ways && few; k++) {
        t->from[k] = phi.arg.at[k].block;
        for (uint32_t i = 0; i < t->blocks && few; i++) {
            const uint32_t before = x->f->value.n;
            uint32_t nodes = 0, constant;
            t->nodes = 0;
            t->on[k][i] = x->f->block.at[t->block[i]].on;
            if (t->on[k][i] == IR_NONE)
                continue;
            t->on[k][i] = on_way(x, t, t->on[k][i], t->from[k]);
            for (ir_value v = before; v < x->f->value.n; v++)
                nodes += x->f->value.at[v].op != IR_CONST;
            few = t->nodes < NODES_MAX && nodes <= NEW_MAX && !ir_is_const(x->f, t->on[k][i], &constant);
        }
    }
    return few;
}

/* The first way on which the same is tested as on @k. */
static uint32_t same_as(const struct tail *t, uint32_t k)
{
    uint32_t like = 0, i = 0;

    for (; like < k; like++) {
        for (i = 0; i < t->blocks && t->on[like][i] == t->on[k][i]; i++)
            ;
        if (i == t->blocks)
            break;
    }
    return like;
}

/* Do copies take about as many instructions as one tail and what brings its values there? */
static bool is_worth_it(const struct tails *x, const struct tail *t)
{
    uint32_t copies = 0, length = 0;

    for (uint32_t k = 0; k < t->ways; k++)
        copies += same_as(t, k) == k;
    for (uint32_t i = 0; i < t->blocks; i++)
        length += is_jump(&x->f->block.at[t->block[i]]) ? 0 : x->f->block.at[t->block[i]].to.n;
    return (copies - 1) * length <= BRINGING * copies;
}

/* Where a copy of the tail whose blocks stand from @at on goes for @target. */
static uint32_t target_of(const struct tails *x, const struct tail *t, uint32_t at, uint32_t target)
{
    for (uint32_t i = 0; i < t->blocks; i++)
        if (t->block[i] == target)
            return x->f->block.n + at + i;
    return target;
}

static void write_copy(struct tails *x, const struct tail *t, uint32_t k)
{
    const uint32_t at = x->block.n;

    for (uint32_t i = 0; i < t->blocks && !x->f->failed; i++) {
        struct ir_block b = x->f->block.at[t->block[i]];
        struct ir_case *to = arena_array(x->f->arena, struct ir_case, b.to.n);
        for (uint32_t c = 0; to && c < b.to.n; c++)
            to[c] = (struct ir_case){b.to.at[c].last, target_of(x, t, at, b.to.at[c].target)};
        b.on = t->on[k][i];
        b.phi.n = 0;
        b.to.at = to;
        b.to.cap = b.to.n;
        x->f->failed |= !to || !vec_push(x->f->arena, &x->block, b);
    }
}

/* Writes the tail for each way, for those that bring the same once. */
static void write_ways(struct tails *x, const struct tail *t)
{
    uint32_t copy[WAYS_MAX];

    for (uint32_t i = 0; i < t->blocks; i++)
        x->moved[t->block[i]] = true;
    for (uint32_t k = 0; k < t->ways && !x->f->failed; k++) {
        const uint32_t like = same_as(t, k);
        copy[k] = like < k ? copy[like] : x->block.n;
        if (like == k)
            write_copy(x, t, k);
        struct ir_block *from = &x->block.at[x->place[t->from[k]]];
        for (uint32_t c = 0; c < from->to.n; c++)
            if (from->to.at[c].target == t->block[0])
                from->to.at[c].target = x->f->block.n + copy[k];
    }
}

int pass_tails(struct ir_func *f)
{
    struct tails x = {.f = f};
    struct tail t;
    uint32_t i = 0;

    while (i < f->block.n && f->block.at[i].phi.n == 0)
        i++;
    if (i == f->block.n)
        return WEIR_OK;
    x.phis = opt_phis(f, f->arena);
    x.parent = opt_parents(f);
    x.place = arena_array(f->arena, uint32_t, f->block.n);
    x.moved = arena_array(f->arena, bool, f->block.n);
    if (!x.phis || !x.parent || !x.place || !x.moved)
        return WEIR_E_MEMORY;
    count_uses(&x);
    for (i = 0; i < f->block.n && !f->failed; i++) {
        x.place[i] = x.block.n;
        if (x.moved[i])
            continue;
        if (find_blocks(&x, i, &t) && find_ways(&x, &t) && is_worth_it(&x, &t))
            write_ways(&x, &t);
        else if (!vec_push(f->arena, &x.block, f->block.at[i]))
            f->failed = true;
    }
    if (f->failed)
        return WEIR_E_MEMORY;
    f->block.at = x.block.at;
    f->block.cap = x.block.cap;
    opt_renumber(f, x.place, x.block.n);
    return WEIR_OK;
}
