/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/switch.c - tests: from a switch over a value to compares of A.
 *
 * First the cheapest value to look at is found: a mask, a shift or an addend in front of a constant compare
 * is moved into the constants, so that A keeps the plain field for the tests below. Then the cases become
 * a tree: points one after the other while they are few, halves of the cases above that.
 */
#include "backends/cbpf/emit.h"
#include <assert.h>
#include <string.h>

#define RUN_WHOLE 6u /* compares in a row when they are all there are */
#define RUN_LEAF  4u /* ... at the leaves of a tree */
#define RUN_SMALL 48u /* ... both, in small programs: halving costs a compare that finds nothing */
#define RUN_CASES (2 * RUN_SMALL + 2)
#define FEW_MIN   5u  /* cases from which intervals are searched rather than asked for one after the other ... */
#define FEW_MAX   16u /* ... and up to which the first is asked for first */

/* ---------------------------------------------------------------- what to look at */

static uint32_t target_thread(const struct cb_emit *e, uint32_t to)
{
    return to < e->f->block.n ? e->thread[to] : to;
}

static void case_add(struct cb_emit *e, uint32_t last, uint32_t target)
{
    uint32_t n = e->cases.n;

    if (n && e->cases.at[n - 1].target == target)
        e->cases.at[n - 1].last = last;
    else if (!n || e->cases.at[n - 1].last < last) {
        if (!vec_push(e->arena, &e->cases, ((struct ir_case){last, target})))
            cb_fail(e, WEIR_E_MEMORY);
    }
}

/* The cases of @b as far as its value goes, to @to; neighbours with one target are one. Returns how many. */
static uint32_t cases_read(const struct cb_emit *e, const struct ir_block *b, struct ir_case *to)
{
    struct ir_range r = b->on == IR_NONE ? (struct ir_range){0, UINT32_MAX} : ir_range(e->f, b->on);
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->to.n; i++) {
        struct ir_case c = b->to.at[i];
        bool end = c.last >= r.hi;
        if (c.last < r.lo)
            continue;
        c.last = end ? UINT32_MAX : c.last;
        c.target = target_thread(e, c.target);
        if (n && to[n - 1].target == c.target)
            to[n - 1].last = c.last;
        else
            to[n++] = c;
        if (end)
            break;
    }
    return n;
}

/* Compares a run of tests would take. */
static uint32_t compares(const struct ir_case *c, uint32_t n)
{
    uint32_t halves = 0;

    for (uint32_t i = 0; i + 1 < n; i++) {
        bool point_left = i > 0 && c[i].last == c[i - 1].last + 1 && c[i - 1].target == c[i + 1].target;
        bool point_right = i + 2 < n && c[i + 1].last == c[i].last + 1 && c[i].target == c[i + 2].target;
        halves += point_left || point_right ? 1 : 2;
    }
    return (halves + 1) / 2;
}

/* Replaces the cases by @to when that takes at most one compare more: an operator is saved. */
static bool cases_replace(struct cb_emit *e, const struct ir_case *to, uint32_t n)
{
    if (e->status || compares(to, n) > compares(e->cases.at, e->cases.n) + 1)
        return false;
    e->cases.n = 0;
    for (uint32_t i = 0; i < n; i++)
        case_add(e, to[i].last, to[i].target);
    return true;
}

/* on = (a op k) compared: the cases of a. */
static bool rewrite_compare(struct cb_emit *e, uint8_t op, uint32_t k)
{
    uint32_t zero = e->cases.at[0].target, one = e->cases.at[e->cases.n - 1].target;

    if (e->cases.n != 2 || e->cases.at[0].last != 0)
        return false;
    e->cases.n = 0;
    switch (op) {
    case IR_EQ:
        if (k)
            case_add(e, k - 1, zero);
        case_add(e, k, one);
        if (k < UINT32_MAX)
            case_add(e, UINT32_MAX, zero);
        break;
    case IR_UGT:
        case_add(e, k, zero);
        if (k < UINT32_MAX)
            case_add(e, UINT32_MAX, one);
        break;
    default:
        if (k)
            case_add(e, k - 1, zero);
        case_add(e, UINT32_MAX, one);
    }
    return true;
}

/* on = a & high bits: each case takes the low bits along. */
static bool rewrite_mask(struct cb_emit *e, ir_value a, uint32_t mask)
{
    uint32_t low = (mask & (0 - mask)) - 1;
    VEC(struct ir_case) to = {0};

    if (ir_possible_bits(e->f, a) & ~mask & ~low)
        return false;
    for (uint32_t i = 0; i < e->cases.n; i++) {
        struct ir_case c = e->cases.at[i];
        c.last |= low;
        if (to.n && to.at[to.n - 1].last == c.last)
            continue;
        if (to.n && to.at[to.n - 1].target == c.target)
            to.at[to.n - 1].last = c.last;
        else if (!vec_push(e->arena, &to, c))
            cb_fail(e, WEIR_E_MEMORY);
    }
    return cases_replace(e, to.at, to.n);
}

/* on = a >> k */
static bool rewrite_shift(struct cb_emit *e, uint32_t k)
{
    VEC(struct ir_case) to = {0};

    for (uint32_t i = 0; i < e->cases.n; i++) {
        struct ir_case c = e->cases.at[i];
        c.last = c.last > UINT32_MAX >> k ? UINT32_MAX : ~(~c.last << k);
        if (!vec_push(e->arena, &to, c))
            cb_fail(e, WEIR_E_MEMORY);
        if (c.last == UINT32_MAX)
            break;
    }
    return cases_replace(e, to.at, to.n);
}

/* on = a + k compared with one point: move the point. */
static bool rewrite_add(struct cb_emit *e, uint32_t k)
{
    struct ir_case *c = e->cases.at;
    uint32_t point, in, out;

    if (e->cases.n == 2 && c[0].last == 0) {
        point = 0;
        in = c[0].target;
        out = c[1].target;
    } else if (e->cases.n == 3 && c[1].last == c[0].last + 1 && c[0].target == c[2].target) {
        point = c[1].last;
        in = c[1].target;
        out = c[0].target;
    } else {
        return false;
    }
    point -= k;
    e->cases.n = 0;
    if (point)
        case_add(e, point - 1, out);
    case_add(e, point, in);
    if (point < UINT32_MAX)
        case_add(e, UINT32_MAX, out);
    return true;
}

/* (a & mask) that is 0 or at least a power of two that no lower bit of the mask reaches: one jset. */
static bool find_jset(struct cb_emit *e, struct cb_test *t, ir_value a, uint32_t mask)
{
    if (e->cases.n != 2)
        return false;
    uint32_t bound = e->cases.at[0].last; /* up to here, or above */
    uint32_t lowest = mask & (0 - mask);
    uint32_t high;

    if (bound < lowest)
        high = mask;
    else if (!(bound & (bound + 1)))
        high = mask & ~bound;
    else
        return false;
    if (!high)
        return false;
    t->a = a;
    t->jump = CB_JMP | CB_JSET;
    t->k = high;
    t->yes = e->cases.at[1].target;
    t->no = e->cases.at[0].target;
    return true;
}

/*
 * (a & mask) == point, where the point is one bit, or two that are the whole mask: they are set and the mask's others are
 * clear. At most two jumps, as many as a mask and a compare, and A keeps a.
 */
static bool find_jset_pair(struct cb_emit *e, struct cb_test *t, ir_value a, uint32_t mask)
{
    const struct ir_case *c = e->cases.at;
    bool is_point = e->cases.n == 3 && c[1].last == c[0].last + 1 && c[0].target == c[2].target;

    if (!is_point && (e->cases.n != 2 || c[0].last + 1 != mask))
        return false;
    uint32_t point = c[0].last + 1, first = point & (0 - point), rest = point & ~first;
    if (!point || point & ~mask || rest & (rest - 1) || (rest ? point != mask : point == mask))
        return false;
    t->a = a;
    t->jump = CB_JMP | CB_JSET;
    t->k = first;
    t->k_then = mask & ~first;
    t->then_set = rest != 0;
    t->yes = c[1].target;
    t->no = c[0].target;
    return true;
}

/* Two operands that a jump can compare directly. */
static bool find_pair(struct cb_emit *e, struct cb_test *t, const struct ir_node *n)
{
    uint32_t zero = e->cases.at[0].target, other = e->cases.at[e->cases.n - 1].target;

    if (e->cases.n != 2 || e->cases.at[0].last != 0)
        return false;
    t->yes = other;
    t->no = zero;
    switch (n->op) {
    case IR_EQ:
        t->jump = CB_JMP | CB_JEQ | CB_X;
        break;
    case IR_UGT:
        t->jump = CB_JMP | CB_JGT | CB_X;
        break;
    case IR_UGE:
        t->jump = CB_JMP | CB_JGE | CB_X;
        break;
    case IR_AND:
        t->jump = CB_JMP | CB_JSET | CB_X;
        break;
    case IR_SUB:
    case IR_XOR: /* zero when equal */
        t->jump = CB_JMP | CB_JEQ | CB_X;
        t->yes = zero;
        t->no = other;
        break;
    default:
        return false;
    }
    t->a = n->a;
    t->x = n->b;
    return true;
}

/* The test of a switch over @v, whose cases are at hand: perhaps over another value with other cases. */
static void test_find(struct cb_emit *e, ir_value v, struct cb_test *t)
{
    *t = (struct cb_test){.a = IR_NONE, .x = IR_NONE, .yes = TO_REJECT, .no = TO_REJECT};
    if (e->status || !e->cases.n)
        return;
    while (v != IR_NONE && e->cases.n > 1 && !e->status) {
        const struct ir_node *n = &e->f->value.at[v];
        uint32_t k;

        if (n->op == IR_CONST) {
            uint32_t i = 0;
            while (e->cases.at[i].last < n->imm)
                i++;
            e->cases.at[0] = e->cases.at[i];
            e->cases.n = 1;
            break;
        }
        if (n->b == IR_NONE)
            break;
        if (!ir_is_const(e->f, n->b, &k)) {
            if (find_pair(e, t, n))
                return;
            break;
        }
        if (n->op == IR_AND && find_jset(e, t, n->a, k))
            return;
        bool moved = false;
        if (n->op == IR_EQ || n->op == IR_UGT || n->op == IR_UGE)
            moved = rewrite_compare(e, n->op, k);
        else if (n->op == IR_AND)
            moved = rewrite_mask(e, n->a, k);
        else if (n->op == IR_SHR && k < 32)
            moved = rewrite_shift(e, k);
        else if (n->op == IR_ADD)
            moved = rewrite_add(e, k);
        if (!moved && n->op == IR_AND && find_jset_pair(e, t, n->a, k))
            return;
        if (!moved)
            break;
        v = n->a;
    }
    if (e->cases.n > 1)
        t->a = v;
    else
        t->yes = t->no = e->cases.at[0].target;
}

/* No operator of the value can be moved into the constants. */
static bool is_plain(const struct cb_emit *e, ir_value on)
{
    return on != IR_NONE && e->f->value.at[on].op != IR_CONST && e->f->value.at[on].b == IR_NONE;
}

/* The test of @b, whose value is plain: its cases are all there is to know. */
static void decide_plain(struct cb_emit *e, const struct ir_block *b, struct cb_test *t)
{
    *t = (struct cb_test){.a = b->on, .x = IR_NONE, .yes = TO_REJECT, .no = TO_REJECT};
    if (!vec_reserve(e->arena, &e->decided, b->to.n)) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    t->first = e->decided.n;
    t->n = cases_read(e, b, e->decided.at + t->first);
    if (t->n > 1) {
        e->decided.n += t->n;
        return;
    }
    t->a = IR_NONE;
    t->yes = t->no = e->decided.at[t->first].target;
    t->n = 0;
}

/* No test: the block returns @v, or a constant. */
static void decide_return(struct cb_emit *e, ir_value v, struct cb_test *t)
{
    uint32_t k;

    *t = (struct cb_test){.a = v, .x = IR_NONE, .returns = true};
    if (ir_is_const(e->f, v, &k)) {
        t->a = IR_NONE;
        t->yes = t->no = cb_return_add(e, CB_RET_K, k);
        return;
    }
    if (!e->return_a)
        e->return_a = cb_return_add(e, CB_RET_A, 0);
    t->yes = t->no = e->return_a;
}

void cb_test_decide(struct cb_emit *e, uint32_t b)
{
    const struct ir_block *ib = &e->f->block.at[b];
    struct cb_test *t = &e->test[b];

    if (ir_returns(ib)) {
        decide_return(e, ib->on, t);
        return;
    }
    if (is_plain(e, ib->on)) {
        decide_plain(e, ib, t);
        return;
    }
    e->cases.n = 0;
    if (vec_reserve(e->arena, &e->cases, ib->to.n))
        e->cases.n = cases_read(e, ib, e->cases.at);
    else
        cb_fail(e, WEIR_E_MEMORY);
    test_find(e, ib->on, t);
    if (e->status || t->a == IR_NONE || t->jump)
        return;
    if (!vec_reserve(e->arena, &e->decided, e->cases.n)) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    t->first = e->decided.n;
    t->n = e->cases.n;
    for (uint32_t i = 0; i < t->n; i++)
        e->decided.at[e->decided.n++] = e->cases.at[i];
}

/* ---------------------------------------------------------------- the tree */

/* A part of the cases that is still to be emitted, and the jump that leads there. */
struct part {
    uint32_t lo, hi; /* indices of cases */
    uint32_t low;    /* smallest value here */
    uint32_t insn;   /* the jump */
    bool on_yes;
};

struct tree {
    struct cb_emit *e;
    const struct ir_case *c; /* the cases, as far as the value's range goes */
    uint32_t n;
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
 * Should the numbers at the top go first? Among addresses, which lie everywhere, the end with more numbers; among ports
 * and types low numbers are as common as high ones, and so the low end is asked for first, unless that is one number.
 */
static bool top_first(const struct ir_case *c, uint32_t n, uint32_t low, uint32_t high)
{
    uint32_t top = high - c[n - 2].last, bottom = c[0].last - low;

    return high > UINT16_MAX ? top > bottom + 1 : high == UINT16_MAX && bottom == 0 && top > 1;
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

/* One compare after the other, points first. @c is used up. */
static void emit_run(struct cb_emit *e, struct ir_case *c, uint32_t n, uint32_t low, uint32_t high)
{
    while (n > 1 && !e->status) {
        uint32_t next = e->code.n + 1, i, first;
        bool found = false;

        if (n == 2) {
            emit_two(e, c, low, high);
            return;
        }
        for (i = 1, first = c[0].last + 1; i + 1 < n; first = c[i].last + 1, i++) {
            found = first == c[i].last && c[i - 1].target == c[i + 1].target;
            if (found)
                break;
        }
        if (!found && top_first(c, n, low, high)) {
            put_boundary(e, c[n - 2].last, target_ref(e, c[n - 1].target), next);
            high = c[n - 2].last;
            c[--n - 1].last = UINT32_MAX;
            continue;
        }
        if (!found && c[0].last == low) {
            i = 0;
            first = low;
            found = true;
        } else if (!found && c[n - 2].last + 1 == high) {
            i = n - 1;
            first = high;
            found = true;
        }
        if (!found) { /* from the low end */
            put_boundary(e, c[0].last, next, target_ref(e, c[0].target));
            low = c[0].last + 1;
            n--;
            for (i = 0; i < n; i++)
                c[i] = c[i + 1];
            continue;
        }
        bool decided = n == 3 && i == 1;
        cb_put_jump(e, CB_JMP | CB_JEQ, first, target_ref(e, c[i].target),
                    decided ? target_ref(e, c[0].target) : next);
        if (i == 0) {
            low = first + 1;
            n--;
            for (i = 0; i < n; i++)
                c[i] = c[i + 1];
        } else if (i + 1 == n) {
            high = first - 1;
            c[i - 1].last = UINT32_MAX;
            n--;
        } else { /* the neighbours become one */
            n -= 2;
            c[i - 1].last = c[i + 1].last;
            for (; i < n; i++)
                c[i] = c[i + 2];
        }
    }
}

/* The case behind which @p is halved; the left half fills its leaves. */
static uint32_t part_split(const struct tree *t, const struct part *p)
{
    uint32_t lo = p->lo, hi = p->hi - 1; /* the boundary behind case lo .. the one behind case hi */
    uint32_t from = t->weight[p->lo], half = (t->weight[p->hi] - from) / 2, leaf = 2 * (t->e->small ? RUN_SMALL : RUN_LEAF);

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
        if (c[i].last == c[i - 1].last + 1 && c[i - 1].target == c[i + 1].target)
            return true;
    return false;
}

/* Are these intervals, and enough to be searched? */
static bool is_searched(const struct cb_emit *e, const struct ir_case *c, uint32_t n)
{
    return !e->small && n >= FEW_MIN && !has_point(c, n);
}

/*
 * The case behind which few intervals are parted: the first two of all, so that the first interval takes no more compares
 * than asking for it alone; else so that both sides weigh the same, a case being the heavier the more numbers it has.
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

static void emit_part(struct tree *t, struct part p, uint32_t run_max, uint32_t highest)
{
    struct cb_emit *e = t->e;
    uint32_t n = p.hi - p.lo + 1;
    struct ir_case c[RUN_CASES];

    if (p.insn != NONE)
        bind(e, p.insn, p.on_yes, e->code.n);
    bool few = n <= RUN_CASES && (t->weight[p.hi] - t->weight[p.lo] + 1) / 2 <= run_max, searched = is_searched(e, t->c + p.lo, n);
    if (few && !searched) {
        for (uint32_t i = 0; i < n; i++)
            c[i] = t->c[p.lo + i];
        emit_run(e, c, n, p.low, p.hi + 1 == t->n ? highest : c[n - 1].last);
        return;
    }
    highest = p.hi + 1 == t->n ? highest : t->c[p.hi].last;
    uint32_t split = few || (searched && n <= FEW_MAX) ? part_balance(t, &p, highest) : part_split(t, &p), bound = t->c[split].last;
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
    if (n == 3 && c[1].last == c[0].last + 1 && c[0].target == c[2].target) { /* a point */
        cb_put_jump(e, CB_JMP | CB_JEQ, c[1].last, target_ref(e, c[1].target), target_ref(e, c[0].target));
        return;
    }
    const uint32_t run_max = e->small ? RUN_SMALL : RUN_WHOLE;
    if (n <= run_max + 1 && !is_searched(e, c, n)) { /* a compare for each case but the first at most */
        struct ir_case few[RUN_CASES];
        memcpy(few, c, n * sizeof *c);
        emit_run(e, few, n, r.lo, r.hi);
        return;
    }
    struct tree t = {.e = e, .c = c, .n = n};
    t.weight = arena_array(e->arena, uint32_t, n);
    if (!t.weight) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    for (uint32_t i = 0; i + 1 < n; i++) {
        bool left = i > 0 && c[i].last == c[i - 1].last + 1 && c[i - 1].target == c[i + 1].target;
        bool right = i + 2 < n && c[i + 1].last == c[i].last + 1 && c[i].target == c[i + 2].target;
        t.weight[i + 1] = t.weight[i] + (left || right ? 1 : 2);
    }
    emit_part(&t, (struct part){0, n - 1, r.lo, NONE, false}, run_max, r.hi);
    while (t.stack.n && !e->status) {
        struct part p = t.stack.at[--t.stack.n];
        emit_part(&t, p, e->small ? RUN_SMALL : RUN_LEAF, r.hi);
    }
}
