/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/switch.c - the cases of a test as compares of A: points one after the other while they are
 * few, halves of the cases above that.
 */
#include "backends/cbpf/emit.h"
#include <string.h>

#define RUN_WHOLE 6u  /* compares in a row when they are all there are */
#define RUN_LEAF  4u  /* ... at the leaves of a tree */
#define RUN_SMALL 48u /* ... both, in small programs: halving costs a compare that finds nothing */
#define RUN_CASES (2 * RUN_SMALL + 2)
/* Cases from which intervals are searched rather than asked for one after the other ... */
#define FEW_MIN 5u
#define FEW_MAX 16u /* ... and up to which the first is asked for first */

/* A part of the cases that is still to be emitted, and the jump that leads there. */
struct part {
    uint32_t lo, hi; /* indices of cases */
    uint32_t low;    /* smallest value here */
    uint32_t insn;   /* the jump */
    bool on_yes;
};

/* Where the numbers of a test lie, as far as it has to tell. */
struct within {
    uint32_t low, high;
    bool spread; /* evenly, as addresses do */
};

struct tree {
    struct cb_emit *e;
    const struct ir_case *c; /* the cases, as far as the value's range goes */
    uint32_t n;
    struct within all;
    uint32_t *weight; /* by case: half compares before it */
    VEC(struct part) stack;
};

static uint32_t target_ref(const struct cb_emit *e, uint32_t to)
{
    return to < e->f->block.n ? TO_EDGE + e->slot[to] : to;
}

static void bind(struct cb_emit *e, uint32_t insn, bool on_yes, uint32_t ref)
{
    if (e->status)
        return;
    if (on_yes)
        e->code.at[insn].jt = ref;
    else
        e->code.at[insn].jf = ref;
}

static unsigned trailing_zeros(uint32_t k)
{
    return k ? (unsigned)__builtin_ctz(k) : 32;
}

/*
 * The jump between values up to @bound and those above. Above goes to @above, the rest to @below. Of the two
 * ways to write it the rounder constant wins.
 */
static uint32_t put_boundary(struct cb_emit *e, uint32_t bound, uint32_t above, uint32_t below)
{
    if (trailing_zeros(bound + 1) > trailing_zeros(bound))
        return cb_put_jump(e, CB_JMP | CB_JGE, bound + 1, above, below);
    return cb_put_jump(e, CB_JMP | CB_JGT, bound, above, below);
}

/*
 * Should the numbers at the top go first? Among addresses the end with more numbers; among ports, types and
 * lengths low numbers are as common as high ones, and so the low end is asked for first, unless that is one
 * number.
 */
static bool top_first(const struct ir_case *c, uint32_t n, struct within w)
{
    uint32_t top = w.high - c[n - 2].last, bottom = c[0].last - w.low;

    return w.spread ? top > bottom + 1 : w.high == UINT16_MAX && bottom == 0 && top > 1;
}

/* The compare of two cases. */
static void emit_two(struct cb_emit *e, const struct ir_case *c, uint32_t low, uint32_t high)
{
    uint32_t below = target_ref(e, c[0].target), above = target_ref(e, c[1].target);

    if (c[0].last == low)
        cb_put_jump(e, CB_JMP | CB_JEQ, low, below, above);
    else if (c[0].last + 1 == high)
        cb_put_jump(e, CB_JMP | CB_JEQ, high, above, below);
    else
        put_boundary(e, c[0].last, above, below);
}

/* Takes case @i away; its neighbours, which have one target, become one. */
static uint32_t case_drop(struct ir_case *c, uint32_t n, uint32_t i)
{
    bool inside = i > 0 && i + 1 < n;

    if (i + 1 == n)
        c[i - 1].last = UINT32_MAX;
    if (inside)
        c[i - 1].last = c[i + 1].last;
    n -= inside ? 2 : 1;
    for (; i < n; i++)
        c[i] = c[i + (inside ? 2 : 1)];
    return n;
}

/* The case that one compare with an equal number decides; @n: none does. */
static uint32_t point_of(const struct ir_case *c, uint32_t n, struct within w)
{
    for (uint32_t i = 1; i + 1 < n; i++)
        if (cb_is_point(c, n, i))
            return i;
    if (top_first(c, n, w))
        return n;
    return c[0].last == w.low ? 0 : c[n - 2].last + 1 == w.high ? n - 1 : n;
}

/* One compare after the other, points first. @c is used up. */
static void emit_run(struct cb_emit *e, struct ir_case *c, uint32_t n, struct within w)
{
    while (n > 2 && !e->status) {
        uint32_t next = e->code.n + 1, i = point_of(c, n, w);

        if (i < n) {
            bool decided = n == 3 && i == 1;
            cb_put_jump(e, CB_JMP | CB_JEQ, i + 1 < n ? c[i].last : w.high, target_ref(e, c[i].target),
                        decided ? target_ref(e, c[0].target) : next);
        } else if (top_first(c, n, w)) {
            i = n - 1;
            put_boundary(e, c[n - 2].last, target_ref(e, c[n - 1].target), next);
        } else { /* from the low end */
            i = 0;
            put_boundary(e, c[0].last, next, target_ref(e, c[0].target));
        }
        if (i == 0)
            w.low = c[0].last + 1;
        if (i + 1 == n)
            w.high = c[n - 2].last;
        n = case_drop(c, n, i);
    }
    if (n == 2 && !e->status)
        emit_two(e, c, w.low, w.high);
}

/* The case behind which @p is halved; the left half fills its leaves. */
static uint32_t part_split(const struct tree *t, const struct part *p)
{
    uint32_t lo = p->lo, hi = p->hi - 1; /* the boundary behind case lo .. the one behind case hi */
    uint32_t from = t->weight[p->lo], half = (t->weight[p->hi] - from) / 2,
             leaf = 2 * (t->e->small ? RUN_SMALL : RUN_LEAF);

    half = half > leaf ? (half + leaf / 2) / leaf * leaf : half;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->weight[mid + 1] - from < half)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Is one of these numbers alone, so that one compare finds it? */
static bool has_point(const struct ir_case *c, uint32_t n)
{
    for (uint32_t i = 1; i + 1 < n; i++)
        if (cb_is_point(c, n, i))
            return true;
    return false;
}

/* Are these intervals, and enough to be searched? */
static bool is_searched(const struct cb_emit *e, const struct ir_case *c, uint32_t n)
{
    return !e->small && n >= FEW_MIN && !has_point(c, n);
}

/*
 * The case behind which few intervals are parted: the first two of all, so that the first interval takes no
 * more compares than asking for it alone; else so that both sides weigh the same, a case being the heavier
 * the more numbers it has.
 */
static uint32_t part_balance(const struct tree *t, const struct part *p, uint32_t highest)
{
    uint32_t n = p->hi - p->lo + 1, low = p->low, best = p->lo;
    uint64_t span = (uint64_t)highest - low + 1, all = span + span / 2, sum = 0, least = UINT64_MAX;

    if (n == t->n && n <= FEW_MAX)
        return p->lo + 1;
    for (uint32_t i = p->lo; i < p->hi; low = t->c[i++].last + 1) {
        sum += (uint64_t)t->c[i].last - low + 1 + span / (2 * n);
        uint64_t off = 2 * sum > all ? 2 * sum - all : all - 2 * sum;
        if (off < least) {
            least = off;
            best = i;
        }
    }
    return best;
}

static void push_part(struct tree *t, struct part p)
{
    if (p.lo == p.hi) {
        bind(t->e, p.insn, p.on_yes, target_ref(t->e, t->c[p.lo].target));
        return;
    }
    if (!t->e->status && !vec_push(t->e->arena, &t->stack, p))
        cb_fail(t->e, WEIR_E_MEMORY);
}

static void emit_part(struct tree *t, struct part p, uint32_t run_max)
{
    struct cb_emit *e = t->e;
    uint32_t n = p.hi - p.lo + 1;
    const uint32_t highest = p.hi + 1 == t->n ? t->all.high : t->c[p.hi].last;
    struct ir_case c[RUN_CASES];

    if (p.insn != NONE)
        bind(e, p.insn, p.on_yes, e->code.n);
    bool few = n <= RUN_CASES && (t->weight[p.hi] - t->weight[p.lo] + 1) / 2 <= run_max,
         searched = is_searched(e, t->c + p.lo, n);
    if (few && !searched) {
        for (uint32_t i = 0; i < n; i++)
            c[i] = t->c[p.lo + i];
        emit_run(e, c, n, (struct within){p.low, highest, t->all.spread});
        return;
    }
    uint32_t split = few || (searched && n <= FEW_MAX) ? part_balance(t, &p, highest) : part_split(t, &p),
             bound = t->c[split].last;
    uint32_t insn = put_boundary(e, bound, NONE, NONE);
    push_part(t, (struct part){split + 1, p.hi, bound + 1, insn, true});
    push_part(t, (struct part){p.lo, split, p.low, insn, false});
}

void cb_switch_emit(struct cb_emit *e, const struct cb_test *test)
{
    struct ir_range r = ir_range(e->f, test->a);
    const struct ir_case *c = cb_cases(e, test);
    uint32_t n = test->n;

    /* what the range rules out is not tested for */
    while (n > 1 && c[n - 2].last >= r.hi)
        n--;
    for (; n > 1 && c->last < r.lo; n--)
        c++;
    if (n == 1) {
        cb_put_jump(e, GOTO, 0, target_ref(e, c->target), 0);
        return;
    }
    if (n == 2) {
        emit_two(e, c, r.lo, r.hi);
        return;
    }
    if (n == 3 && cb_is_point(c, n, 1)) {
        cb_put_jump(e, CB_JMP | CB_JEQ, c[1].last, target_ref(e, c[1].target), target_ref(e, c[0].target));
        return;
    }
    const struct within all = {r.lo, r.hi, r.hi > UINT16_MAX && e->f->value.at[test->a].op != IR_LEN};
    const uint32_t run_max = e->small ? RUN_SMALL : RUN_WHOLE;
    if (n <= run_max + 1 && !is_searched(e, c, n)) { /* a compare for each case but the first at most */
        struct ir_case few[RUN_CASES];
        memcpy(few, c, n * sizeof *c);
        emit_run(e, few, n, all);
        return;
    }
    struct tree t = {.e = e, .c = c, .n = n, .all = all};
    t.weight = arena_array(e->arena, uint32_t, n);
    if (!t.weight) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    for (uint32_t i = 0; i + 1 < n; i++) {
        t.weight[i + 1] = t.weight[i] + (cb_is_point(c, n, i) || cb_is_point(c, n, i + 1) ? 1 : 2);
    }
    emit_part(&t, (struct part){0, n - 1, r.lo, NONE, false}, run_max);
    while (t.stack.n && !e->status) {
        struct part p = t.stack.at[--t.stack.n];
        emit_part(&t, p, e->small ? RUN_SMALL : RUN_LEAF);
    }
}
