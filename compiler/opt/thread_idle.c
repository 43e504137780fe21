/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_idle.c - would threading leave the function as it is?
 *
 * Most short filters ask nothing twice, or only what no way has decided. One walk over the blocks finds that
 * out: what a block knows on entering it is the same on all ways into it, no target of its test is
 * impossible, no other block does the same, and the blocks stand in the order in which they would be left.
 * What cannot be told so is left to thread.c: facts that differ where ways meet, and more cases or tests of a
 * value than FEW. Long functions are not asked: they have something to do.
 *
 * Cost: linear; it ends at the first block that it cannot answer for.
 */
#include <string.h>
#include "opt/thread.h"

#define LONG 128u /* blocks */
#define FEW  8u   /* tests of one value, cases of a block, intervals of what is known of a value */

/* A value lies in these intervals. */
struct known {
    uint64_t values; /* tracked values that this and what is known besides are about, as a set */
    ir_value on;
    uint32_t besides; /* index of the next one, or 0 */
    uint32_t n;
    struct ir_range in[FEW];
};

struct idle {
    struct thread *t;
    VEC(struct known) known; /* the first is nothing */
    uint32_t *entry;  /* by block: what is known on entering it, plus one; 0: no way into it was found yet */
    uint32_t *before; /* by value: the latest block that tests it, plus one */
    uint32_t *same;   /* by block: the one before it that tests its value, plus one */
};

static uint64_t bit_of(const struct thread *t, ir_value v)
{
    return t->tracked[v] ? UINT64_C(1) << (t->tracked[v] - 1) : 0;
}

/* What is known of @v, as @known begins: in all that is there, or everything. */
static struct known known_of(const struct idle *w, uint32_t known, ir_value v)
{
    while (known && w->known.at[known].on != v)
        known = w->known.at[known].besides;
    return known ? w->known.at[known] : (struct known){.n = 1, .in = {{0, UINT32_MAX}}};
}

/* A way into @block, on which this is known, was found. False: less is known on another. */
static bool enter(struct idle *w, uint32_t block, uint32_t known)
{
    if (known && !(w->known.at[known].values & w->t->target[block].relevant))
        known = 0;
    if (!w->entry[block])
        w->entry[block] = known + 1;
    return w->entry[block] == known + 1;
}

/* Where the value of @b, which is in @all, lies when it leads to the target of its case @c. False: too many
 * intervals, or a case that cannot be met. */
static bool leads(const struct ir_block *b, uint32_t c, const struct known *all, struct known *out)
{
    out->n = 0;
    for (uint32_t i = c; i < b->to.n; i++) {
        uint32_t lo = i ? b->to.at[i - 1].last + 1 : 0, hi = b->to.at[i].last, before = out->n;
        if (b->to.at[i].target != b->to.at[c].target)
            continue;
        for (uint32_t k = 0; k < all->n; k++) {
            struct ir_range in = {lo > all->in[k].lo ? lo : all->in[k].lo,
                                  hi < all->in[k].hi ? hi : all->in[k].hi};
            if (in.lo > in.hi)
                continue;
            if (out->n == FEW)
                return false;
            out->in[out->n++] = in;
        }
        if (out->n == before)
            return false;
    }
    return true;
}

/* Can each target of @b be met, and is the same known on all ways to it? */
static bool all_lead_on(struct idle *w, uint32_t block, const struct ir_block *b)
{
    const uint32_t besides = w->entry[block] - 1;
    const uint64_t own = bit_of(w->t, b->on);
    struct known all = known_of(w, besides, b->on), some;
    struct absorbed absorbed;

    for (uint32_t c = 0; c < b->to.n; c++) {
        uint32_t target = b->to.at[c].target, first = 0;
        while (b->to.at[first].target != target)
            first++;
        if (first < c)
            continue;
        if (!leads(b, c, &all, &some))
            return false;
        if (is_return(target))
            continue;
        const struct ir_block *to = &w->t->f->block.at[target];
        if (to->on == b->on && thread_may_absorb(b->to.at, b->to.n, target, to, &absorbed))
            return false;
        if (!(w->t->target[target].relevant & own)) {
            if (!enter(w, target, besides))
                return false;
            continue;
        }
        some.values = w->known.at[besides].values | own;
        some.on = b->on;
        some.besides = besides;
        w->t->failed |= !vec_push(w->t->a, &w->known, some);
        if (w->t->failed || !enter(w, target, w->known.n - 1))
            return false;
    }
    return true;
}

/* The same of a test that nothing is known of. */
static bool all_lead_on_untracked(struct idle *w, uint32_t block, const struct ir_block *b)
{
    bool same = true;

    for (uint32_t c = 0; c < b->to.n && same; c++)
        same = is_return(b->to.at[c].target) || enter(w, b->to.at[c].target, w->entry[block] - 1);
    return same;
}

/* Is @block the only one of few that test its value to do what it does? */
static bool is_unique(struct idle *w, uint32_t block, const struct ir_block *b)
{
    const struct ir_block *at = w->t->f->block.at;
    uint32_t few = FEW;

    w->same[block] = w->before[b->on];
    w->before[b->on] = block + 1;
    for (uint32_t i = w->same[block]; i; i = w->same[i - 1])
        if (few-- == 0 ||
            (at[i - 1].to.n == b->to.n && memcmp(at[i - 1].to.at, b->to.at, b->to.n * sizeof *b->to.at) == 0))
            return false;
    return true;
}

/* Are the blocks numbered as a walk leaves them, the last one first, that follows the cases of each in order?
 */
static bool in_order(struct thread *t)
{
    const struct ir_block *at = t->f->block.at;
    uint32_t n = t->f->block.n, depth = 0, left = n;
    uint32_t *next = arena_array(t->a, uint32_t, n); /* by block: the case to go to next, plus one */
    uint32_t *stack = arena_array(t->a, uint32_t, n);

    t->failed |= !next || !stack;
    if (t->failed)
        return false;
    next[0] = 1;
    stack[depth++] = 0;
    while (depth) {
        uint32_t b = stack[depth - 1], to = IR_REJECT;
        while (next[b] <= at[b].to.n && is_return(to)) {
            to = at[b].to.at[next[b]++ - 1].target;
            to = is_return(to) || next[to] ? IR_REJECT : to;
        }
        if (!is_return(to)) {
            next[to] = 1;
            stack[depth++] = to;
            continue;
        }
        if (--left != b)
            return false;
        depth--;
    }
    return left == 0;
}

bool thread_is_idle(struct thread *t)
{
    const struct ir_func *f = t->f;
    struct idle w = {.t = t};

    if (f->block.n > LONG || f->entry != 0 || t->join || t->kin || t->hopeless)
        return false;
    w.entry = arena_array(t->a, uint32_t, f->block.n);
    w.before = arena_array(t->a, uint32_t, f->value.n);
    w.same = arena_array(t->a, uint32_t, f->block.n);
    t->failed |= !w.entry || !w.before || !w.same || !vec_push(t->a, &w.known, (struct known){.on = IR_NONE});
    if (t->failed)
        return false;
    w.entry[0] = 1;
    for (uint32_t i = 0; i < f->block.n; i++) {
        const struct ir_block *b = &f->block.at[i];
        if (!w.entry[i] || b->on == IR_NONE || b->to.n < 2 || (t->tests[b->on] > 1 && !is_unique(&w, i, b)))
            return false;
        if (t->tracked[b->on] ? b->to.n > FEW || !all_lead_on(&w, i, b) : !all_lead_on_untracked(&w, i, b))
            return false;
    }
    return in_order(t);
}
