/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/fold.c - arithmetic: what operators give, between which bounds, and which of them are needless.
 *
 * Folding is local: it looks at a node, its operands, and the operands' ranges. A rule holds for all
 * operands modulo 2^32, except that UDIV and UMOD may take their divisor for non-zero (ir/op.def). Dropping
 * a load is always right here, because what can fail is its guard and guards are not values.
 */
#include "ir/ir.h"
#include "base/bits.h"

uint32_t ir_fold(enum ir_op op, uint32_t a, uint32_t b)
{
    switch (op) {
    case IR_ADD:
        return a + b;
    case IR_SUB:
        return a - b;
    case IR_MUL:
        return a * b;
    case IR_UDIV:
        return b ? a / b : 0;
    case IR_UMOD:
        return b ? a % b : 0;
    case IR_AND:
        return a & b;
    case IR_OR:
        return a | b;
    case IR_XOR:
        return a ^ b;
    case IR_SHL:
        return b < 32 ? a << b : 0;
    case IR_SHR:
        return b < 32 ? a >> b : 0;
    case IR_EQ:
        return a == b;
    case IR_UGT:
        return a > b;
    case IR_UGE:
        return a >= b;
    default:
        return 0;
    }
}

/* ---------------------------------------------------------------- ranges */

static const struct ir_range full = {0, UINT32_MAX};

/* Exact bounds cut to 32 bits: still bounds when both wrap equally often. */
static struct ir_range wrapped(int64_t lo, int64_t hi)
{
    if (lo >> 32 != hi >> 32)
        return full;
    return (struct ir_range){(uint32_t)lo, (uint32_t)hi};
}

static struct ir_range range_shl(struct ir_range a, struct ir_range b)
{
    if (b.lo != b.hi)
        return full;
    if (b.lo >= 32)
        return (struct ir_range){0, 0};
    if ((uint64_t)a.hi << b.lo > UINT32_MAX)
        return (struct ir_range){0, UINT32_MAX << b.lo};
    return (struct ir_range){a.lo << b.lo, a.hi << b.lo};
}

static struct ir_range range_binary(enum ir_op op, struct ir_range a, struct ir_range b)
{
    switch (op) {
    case IR_ADD:
        return wrapped((int64_t)a.lo + b.lo, (int64_t)a.hi + b.hi);
    case IR_SUB:
        return wrapped((int64_t)a.lo - b.hi, (int64_t)a.hi - b.lo);
    case IR_MUL:
        if ((uint64_t)a.hi * b.hi > UINT32_MAX)
            return full;
        return (struct ir_range){a.lo * b.lo, a.hi * b.hi};
    case IR_UDIV:
        if (b.hi == 0)
            return full;
        return (struct ir_range){a.lo / b.hi, a.hi / (b.lo ? b.lo : 1)};
    case IR_UMOD:
        if (b.hi == 0)
            return full;
        if (a.hi < b.lo)
            return a;
        return (struct ir_range){0, a.hi < b.hi - 1 ? a.hi : b.hi - 1};
    case IR_AND:
        return (struct ir_range){0, a.hi < b.hi ? a.hi : b.hi};
    case IR_OR:
        return (struct ir_range){a.lo > b.lo ? a.lo : b.lo, bits_filled(a.hi | b.hi)};
    case IR_XOR:
        return (struct ir_range){0, bits_filled(a.hi | b.hi)};
    case IR_SHL:
        return range_shl(a, b);
    case IR_SHR:
        return (struct ir_range){ir_fold(IR_SHR, a.lo, b.hi), ir_fold(IR_SHR, a.hi, b.lo)};
    case IR_EQ:
        if (a.lo > b.hi || b.lo > a.hi)
            return (struct ir_range){0, 0};
        if (a.lo == a.hi && b.lo == b.hi)
            return (struct ir_range){1, 1};
        return (struct ir_range){0, 1};
    case IR_UGT:
        return (struct ir_range){a.lo > b.hi, a.hi > b.lo};
    case IR_UGE:
        return (struct ir_range){a.lo >= b.hi, a.hi >= b.lo};
    default:
        return full;
    }
}

struct ir_range ir_node_range(const struct ir_func *f, const struct ir_node *n)
{
    switch (n->op) {
    case IR_CONST:
        return (struct ir_range){n->imm, n->imm};
    case IR_LOAD8:
        return (struct ir_range){0, 0xff};
    case IR_LOAD16:
        return (struct ir_range){0, 0xffff};
    case IR_LOOKUP16:
    case IR_LOOKUP32:
    case IR_LOOKUP48:
    case IR_LOOKUP128:
        return (struct ir_range){0, 1};
    case IR_META:
        return ir_meta_range(n->imm);
    case IR_LEN:
    case IR_LOAD32:
    case IR_PHI:
        return full;
    default:
        return range_binary(n->op, f->range.at[n->a], f->range.at[n->b]);
    }
}

uint32_t ir_possible_bits(const struct ir_func *f, ir_value v)
{
    const struct ir_node *n = &f->value.at[v];
    uint32_t bits = bits_filled(f->range.at[v].hi);
    uint32_t k;

    if (n->op == IR_CONST)
        return n->imm;
    if (n->op == IR_AND && ir_is_const(f, n->b, &k))
        return bits & k;
    if (n->op == IR_SHL && ir_is_const(f, n->b, &k) && k < 32)
        return bits & UINT32_MAX << k;
    return bits;
}

/* ---------------------------------------------------------------- rules */

static bool commutative(enum ir_op op)
{
    return op == IR_ADD || op == IR_MUL || op == IR_AND || op == IR_OR || op == IR_XOR || op == IR_EQ;
}

/* Is @v = (*x op constant)? */
static bool with_const(const struct ir_func *f, ir_value v, enum ir_op op, ir_value *x, uint32_t *k)
{
    const struct ir_node *n = &f->value.at[v];

    if (n->op != op || !ir_is_const(f, n->b, k))
        return false;
    *x = n->a;
    return true;
}

static ir_value make(struct ir_func *f, enum ir_op op, ir_value a, ir_value b)
{
    struct ir_node n = {.op = op, .a = a, .b = b};
    struct ir_range r = ir_node_range(f, &n);

    if (r.lo == r.hi)
        return ir_const(f, r.lo);
    return ir_value_make(f, n);
}

static ir_value make_const(struct ir_func *f, enum ir_op op, ir_value a, uint32_t k)
{
    ir_value b = ir_const(f, k);

    return make(f, op, a, b);
}

/* a op a */
static bool fold_same(struct ir_func *f, enum ir_op op, ir_value a, ir_value *out)
{
    switch (op) {
    case IR_AND:
    case IR_OR:
        *out = a;
        return true;
    case IR_SUB:
    case IR_XOR:
    case IR_UMOD:
    case IR_UGT:
        *out = ir_const(f, 0);
        return true;
    case IR_UDIV:
    case IR_EQ:
    case IR_UGE:
        *out = ir_const(f, 1);
        return true;
    default:
        return false;
    }
}

/* x & k */
static ir_value fold_and(struct ir_func *f, ir_value x, uint32_t k)
{
    uint32_t inner;
    ir_value y;

    for (;;) {
        if (with_const(f, x, IR_AND, &y, &inner)) {
            k &= inner;
            x = y;
        } else if (with_const(f, x, IR_OR, &y, &inner) && !(inner & k)) {
            x = y;
        } else {
            break;
        }
    }
    uint32_t bits = ir_possible_bits(f, x);
    k &= bits;
    if (!k)
        return ir_const(f, 0);
    if (k == bits)
        return x;
    return make_const(f, IR_AND, x, k);
}

/* x << k and x >> k, 0 < k < 32 */
static ir_value fold_shift(struct ir_func *f, enum ir_op op, ir_value x, uint32_t k)
{
    enum ir_op back = op == IR_SHL ? IR_SHR : IR_SHL;
    uint32_t inner;
    ir_value y;

    while (with_const(f, x, op, &y, &inner)) {
        if (inner >= 32 || k + inner >= 32)
            return ir_const(f, 0);
        k += inner;
        x = y;
    }
    if (with_const(f, x, back, &y, &inner) && inner == k)
        return fold_and(f, y, ir_fold(op, UINT32_MAX, k));
    if (op == IR_SHL && with_const(f, x, IR_MUL, &y, &inner))
        return make_const(f, IR_MUL, y, inner << k);
    /* A mask whose cleared bits are shifted out anyway. */
    if (with_const(f, x, IR_AND, &y, &inner)) {
        uint32_t bits = ir_fold(op, ir_possible_bits(f, y), k);
        if (!(bits & ~ir_fold(op, inner, k)))
            return make_const(f, op, y, k);
    }
    return make_const(f, op, x, k);
}

/* x == k */
static ir_value fold_eq(struct ir_func *f, ir_value x, uint32_t k)
{
    uint32_t inner;
    ir_value y;

    for (;;) {
        if (with_const(f, x, IR_ADD, &y, &inner)) {
            k -= inner;
            x = y;
        } else if (with_const(f, x, IR_XOR, &y, &inner)) {
            k ^= inner;
            x = y;
        } else if (f->value.at[x].op == IR_SUB && ir_is_const(f, f->value.at[x].a, &inner)) {
            k = inner - k;
            x = f->value.at[x].b;
        } else {
            break;
        }
    }
    struct ir_node n = f->value.at[x];
    if (k == 0 && (n.op == IR_SUB || n.op == IR_XOR) && n.a != n.b)
        return n.a < n.b ? make(f, IR_EQ, n.a, n.b) : make(f, IR_EQ, n.b, n.a);
    if (k == 1 && f->range.at[x].hi <= 1)
        return x;
    return make_const(f, IR_EQ, x, k);
}

/* a op k, for constants on the right. */
static ir_value fold_right(struct ir_func *f, enum ir_op op, ir_value x, uint32_t k)
{
    uint32_t inner;
    ir_value y;

    switch (op) {
    case IR_SUB:
        k = -k;
        op = IR_ADD;
        break;
    case IR_MUL:
        if (k == 0)
            return ir_const(f, 0);
        for (;;) {
            if (with_const(f, x, IR_MUL, &y, &inner))
                k *= inner;
            else if (with_const(f, x, IR_SHL, &y, &inner))
                k = ir_fold(IR_SHL, k, inner);
            else
                break;
            x = y;
        }
        return k == 0 ? ir_const(f, 0) : k == 1 ? x : make_const(f, IR_MUL, x, k);
    case IR_UDIV:
        return k == 1 ? x : make_const(f, op, x, k);
    case IR_UMOD:
        if (k && f->range.at[x].hi < k)
            return x;
        return k == 1 ? ir_const(f, 0) : make_const(f, op, x, k);
    case IR_AND:
        return fold_and(f, x, k);
    case IR_OR:
    case IR_XOR:
        while (with_const(f, x, op, &y, &inner)) {
            k = ir_fold(op, k, inner);
            x = y;
        }
        return k == 0 ? x : make_const(f, op, x, k);
    case IR_SHL:
    case IR_SHR:
        return k == 0 ? x : k >= 32 ? ir_const(f, 0) : fold_shift(f, op, x, k);
    case IR_EQ:
        return fold_eq(f, x, k);
    case IR_UGT:
    case IR_UGE:
        if (k == (op == IR_UGE) && f->range.at[x].hi <= 1)
            return x;
        return make_const(f, op, x, k);
    default:
        break;
    }
    while (with_const(f, x, IR_ADD, &y, &inner)) {
        k += inner;
        x = y;
    }
    return k == 0 ? x : make_const(f, IR_ADD, x, k);
}

/* Sums and differences of two variables: their constants end up outside, so addresses keep theirs visible. */
static ir_value fold_sum(struct ir_func *f, enum ir_op op, ir_value a, ir_value b)
{
    uint32_t k = 0, inner;
    ir_value y;

    while (with_const(f, a, IR_ADD, &y, &inner)) {
        k += inner;
        a = y;
    }
    while (with_const(f, b, IR_ADD, &y, &inner)) {
        k = ir_fold(op, k, inner);
        b = y;
    }
    ir_value sum;
    if (op == IR_SUB && a == b)
        sum = ir_const(f, 0);
    else if (op == IR_ADD && a > b)
        sum = make(f, op, b, a);
    else
        sum = make(f, op, a, b);
    if (ir_is_const(f, sum, &inner))
        return ir_const(f, inner + k);
    return fold_right(f, IR_ADD, sum, k);
}

ir_value ir_binary(struct ir_func *f, enum ir_op op, ir_value a, ir_value b)
{
    uint32_t ka = 0, kb = 0;
    bool a_const = ir_is_const(f, a, &ka), b_const = ir_is_const(f, b, &kb);
    ir_value v;

    if ((op == IR_UDIV || op == IR_UMOD) && b_const && kb == 0)
        return ir_value_make(f, (struct ir_node){.op = op, .a = a, .b = b});
    if (a_const && b_const)
        return ir_const(f, ir_fold(op, ka, kb));
    if (a == b && fold_same(f, op, a, &v))
        return v;
    if (commutative(op) && (a_const || (!b_const && a > b))) {
        ir_value swap = a;
        a = b;
        b = swap;
        kb = ka;
        b_const = a_const;
        a_const = false;
    }
    if (b_const)
        return fold_right(f, op, a, kb);
    if (op == IR_ADD || op == IR_SUB)
        return fold_sum(f, op, a, b);
    if (a_const && ka == 0 && (op == IR_UDIV || op == IR_UMOD || op == IR_SHL || op == IR_SHR))
        return ir_const(f, 0);
    return make(f, op, a, b);
}
