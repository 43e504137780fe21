/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/decide.c - what a block tests: which values must be in A and X, and the cases on A.
 *
 * The cheapest value to look at is found: a mask, a shift or an addend in front of a constant compare is
 * moved into the constants, so that A keeps the plain field for the tests below. How the cases are compared
 * is switch.c's.
 */
#include "backends/cbpf/emit.h"

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
        halves += cb_is_point(c, n, i) || cb_is_point(c, n, i + 1) ? 1 : 2;
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
    } else if (e->cases.n == 3 && cb_is_point(c, 3, 1)) {
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
 * (a & mask) == point, where the point is one bit, or two that are the whole mask: they are set and the
 * mask's others are clear. At most two jumps, as many as a mask and a compare, and A keeps a.
 */
static bool find_jset_pair(struct cb_emit *e, struct cb_test *t, ir_value a, uint32_t mask)
{
    const struct ir_case *c = e->cases.at;
    bool is_point = e->cases.n == 3 && cb_is_point(c, 3, 1);

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

/* Have all that come to @b just compared what it tests? Then A holds that, whatever it is. */
static bool is_at_hand(const struct cb_emit *e, uint32_t b)
{
    const ir_value on = e->f->block.at[b].on;
    bool at_hand = on != IR_NONE && e->in[b] != NONE;

    for (uint32_t i = e->in[b]; i != NONE && at_hand; i = e->edge.at[i].next_in)
        at_hand = e->edge.at[i].from != NONE && e->test[e->edge.at[i].from].a == on;
    return at_hand;
}

/* The test of @b, whose value is plain or at hand: its cases are all there is to know. */
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
    if (is_plain(e, ib->on) || is_at_hand(e, b)) {
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
