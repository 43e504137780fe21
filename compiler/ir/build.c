/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/build.c - construction: values by number, blocks in canonical form.
 *
 * Value numbering is an open-addressing table in the function's arena, doubled when half full; the table
 * left behind is the price of an arena. Running out of memory is sticky: `failed` is set, and whoever asked
 * gets value or block 0, which always exists, so builders check once at their end.
 */
#include "ir/ir.h"
#include <assert.h>
#include "weir/weir.h"

static const struct {
    const char *name;
    uint8_t arity;
} ops[IR_OP_COUNT] = {
#define OP(op, arity, imm, word) {word, arity},
#include "ir/op.def"
#undef OP
};

unsigned ir_op_arity(enum ir_op op)
{
    return ops[op].arity;
}

const char *ir_op_name(enum ir_op op)
{
    return ops[op].name;
}

uint32_t ir_ranges_find(const struct ir_range *at, uint32_t n, uint32_t k)
{
    uint32_t from = 0, to = n;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (at[middle].hi < k)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool ir_ranges_meet(const struct ir_range *at, uint32_t n, uint32_t lo, uint32_t hi)
{
    uint32_t first = ir_ranges_find(at, n, lo);

    return first < n && at[first].lo <= hi;
}

const char *ir_set_kind_name(unsigned kind)
{
    static const char *const names[] = {
        [WEIR_SET_ADDRESSES] = "addresses", [WEIR_SET_PORTS] = "ports", [WEIR_SET_MACS] = "macs"};

    return kind >= WEIR_SET_ADDRESSES && kind <= WEIR_SET_MACS ? names[kind] : "?";
}

uint32_t ir_set_members(unsigned kind)
{
    return kind == WEIR_SET_ADDRESSES ? 1u << 20 : 1u << 16;
}

bool ir_set_takes(unsigned kind, enum ir_op op)
{
    return op == IR_LOOKUP16   ? kind == WEIR_SET_PORTS
           : op == IR_LOOKUP48 ? kind == WEIR_SET_MACS
                               : kind == WEIR_SET_ADDRESSES;
}

/* ---------------------------------------------------------------- values */

#define VALUES_FIRST 24 /* what most filters have at most */

static uint32_t node_hash(const struct ir_node *n)
{
    uint64_t operands = (uint64_t)n->a << 32 | n->b, rest = (uint64_t)n->imm << 8 | n->op;
    uint64_t h = (operands * UINT64_C(0x9e3779b97f4a7c15)) ^ (rest * UINT64_C(0xbf58476d1ce4e5b9));

    return (uint32_t)((h ^ h >> 29) >> 16);
}

static bool node_equal(const struct ir_node *x, const struct ir_node *y)
{
    return x->op == y->op && x->a == y->a && x->b == y->b && x->imm == y->imm;
}

/* Where @n is in the table, or the free slot where it belongs. */
static uint32_t hash_slot(const struct ir_func *f, const struct ir_node *n)
{
    uint32_t mask = f->hash_size - 1;
    uint32_t at = node_hash(n) & mask;

    while (f->hash[at] && !node_equal(&f->value.at[f->hash[at] - 1], n))
        at = (at + 1) & mask;
    return at;
}

/* Keeps the table at most half full, counting one value to come. */
static bool hash_reserve(struct ir_func *f)
{
    if (f->hash_size && f->value.n < f->hash_size / 2)
        return true;
    if (f->hash_size > UINT32_MAX / 4)
        return false;
    uint32_t size = f->hash_size ? f->hash_size * 2 : 64;
    uint32_t *table = arena_array(f->arena, uint32_t, size);
    if (!table)
        return false;
    f->hash = table;
    f->hash_size = size;
    for (uint32_t v = 0; v < f->value.n; v++)
        if (f->value.at[v].op != IR_PHI)
            f->hash[hash_slot(f, &f->value.at[v])] = v + 1;
    return true;
}

/* False when memory is out. */
static bool value_append(struct ir_func *f, const struct ir_node *n)
{
    if (!vec_reserve(f->arena, &f->value, 1) || !vec_reserve(f->arena, &f->range, 1)) {
        f->failed = true;
        return false;
    }
    f->range.at[f->range.n++] = ir_node_range(f, n);
    f->value.at[f->value.n++] = *n;
    return true;
}

ir_value ir_value_make(struct ir_func *f, struct ir_node n)
{
    unsigned arity = ir_op_arity(n.op);

    if (arity < 1)
        n.a = IR_NONE;
    if (arity < 2)
        n.b = IR_NONE;
    else if (!ir_is_lookup(&n))
        n.imm = 0;
    if (n.op == IR_LEN)
        n.imm = 0;
    if (n.op == IR_PHI)
        return value_append(f, &n) ? f->value.n - 1 : 0;
    if (!hash_reserve(f)) {
        f->failed = true;
        return 0;
    }
    uint32_t at = hash_slot(f, &n);
    if (!f->hash[at]) {
        if (!value_append(f, &n))
            return 0;
        f->hash[at] = f->value.n;
    }
    return f->hash[at] - 1;
}

void ir_init(struct ir_func *f, struct arena *arena, uint32_t accept)
{
    *f = (struct ir_func){.arena = arena, .accept = accept, .usual.on = IR_NONE, .entry = IR_REJECT};
    if (vec_reserve(arena, &f->value, VALUES_FIRST) && vec_reserve(arena, &f->range, VALUES_FIRST))
        ir_const(f, 0);
    if (f->value.n)
        return;
    f->failed = true;
    f->spare_value = (struct ir_node){.op = IR_CONST, .a = IR_NONE, .b = IR_NONE};
    f->value.at = &f->spare_value;
    f->range.at = &f->spare_range;
    f->value.n = f->value.cap = f->range.n = f->range.cap = 1;
}

ir_value ir_const(struct ir_func *f, uint32_t k)
{
    if (f->constant < f->value.n && f->value.at[f->constant].imm == k &&
        f->value.at[f->constant].op == IR_CONST)
        return f->constant;
    return f->constant = ir_value_make(f, (struct ir_node){.op = IR_CONST, .imm = k});
}

ir_value ir_len(struct ir_func *f)
{
    return ir_value_make(f, (struct ir_node){.op = IR_LEN});
}

ir_value ir_meta(struct ir_func *f, enum ir_meta m)
{
    return ir_value_make(f, (struct ir_node){.op = IR_META, .imm = m});
}

bool ir_is_const(const struct ir_func *f, ir_value v, uint32_t *k)
{
    if (v == IR_NONE || f->value.at[v].op != IR_CONST)
        return false;
    if (k)
        *k = f->value.at[v].imm;
    return true;
}

ir_value ir_whole_of(const struct ir_func *f, ir_value v)
{
    const struct ir_node *n = &f->value.at[v];

    return n->op == IR_AND && ir_is_const(f, n->b, NULL) ? n->a : v;
}

/* Moves the constant part of an address out of its base. */
static void address_split(const struct ir_func *f, ir_value *base, uint32_t *offset)
{
    uint32_t k;

    while (*base != IR_NONE) {
        const struct ir_node *n = &f->value.at[*base];
        if (n->op == IR_CONST) {
            *offset += n->imm;
            *base = IR_NONE;
        } else if (n->op == IR_ADD && ir_is_const(f, n->b, &k)) {
            *offset += k;
            *base = n->a;
        } else {
            return;
        }
    }
}

ir_value ir_load(struct ir_func *f, ir_value base, uint32_t offset, unsigned size)
{
    enum ir_op op = size == 1 ? IR_LOAD8 : size == 2 ? IR_LOAD16 : IR_LOAD32;

    assert(size == 1 || size == 2 || size == 4);
    address_split(f, &base, &offset);
    return ir_value_make(f, (struct ir_node){.op = op, .a = base, .imm = offset});
}

ir_value ir_lookup(struct ir_func *f, enum ir_op op, ir_value base, uint32_t offset, uint32_t set)
{
    ir_value number = ir_const(f, set);

    address_split(f, &base, &offset);
    return ir_value_make(f, (struct ir_node){.op = (uint8_t)op, .a = base, .b = number, .imm = offset});
}

ir_value ir_with(struct ir_func *f, ir_value v, ir_value a, ir_value b)
{
    const struct ir_node n = f->value.at[v];

    if (ir_is_load(&n))
        return ir_load(f, a, n.imm, ir_load_size(&n));
    if (ir_is_lookup(&n))
        return ir_lookup(f, n.op, a, n.imm, ir_lookup_set(f, &n));
    return ir_op_arity(n.op) == 2 ? ir_binary(f, n.op, a, b) : v;
}

ir_value ir_phi(struct ir_func *f, uint32_t block)
{
    struct ir_phi p = {.value = ir_value_make(f, (struct ir_node){.op = IR_PHI, .imm = block})};

    if (f->failed || !vec_push(f->arena, &f->block.at[block].phi, p)) {
        f->failed = true;
        return 0;
    }
    return p.value;
}

void ir_phi_arg_add(struct ir_func *f, uint32_t block, ir_value phi, uint32_t predecessor, ir_value v)
{
    struct ir_phi_arg arg = {predecessor, v};

    if (f->failed) /* there may be no such block */
        return;
    struct ir_block *b = &f->block.at[block];
    for (uint32_t i = b->phi.n; i-- > 0;)
        if (b->phi.at[i].value == phi) {
            if (!vec_push(f->arena, &b->phi.at[i].arg, arg))
                f->failed = true;
            return;
        }
    assert(!"a PHI of this block");
}

const struct ir_phi *ir_phi_of(const struct ir_func *f, ir_value v)
{
    const uint32_t block = f->value.at[v].imm;
    const struct ir_block *b = block < f->block.n ? &f->block.at[block] : NULL;

    for (uint32_t i = 0; b && i < b->phi.n; i++)
        if (b->phi.at[i].value == v)
            return &b->phi.at[i];
    return NULL;
}

void ir_phi_range_set(struct ir_func *f, ir_value v, uint32_t lo, uint32_t hi)
{
    if (f->value.at[v].op == IR_PHI && lo <= hi)
        f->range.at[v] = (struct ir_range){lo, hi};
}

struct ir_range ir_range(struct ir_func *f, ir_value v)
{
    return f->range.at[v];
}

/* ---------------------------------------------------------------- blocks */

uint32_t ir_block_new(struct ir_func *f, struct span at)
{
    if (f->block.n < IR_ACCEPT - 1 && vec_reserve(f->arena, &f->block, 1)) {
        f->block.at[f->block.n] = (struct ir_block){.on = IR_NONE, .at = at};
        return f->block.n++;
    }
    f->failed = true;
    if (!f->block.n) {
        f->spare_block = (struct ir_block){.on = IR_NONE, .at = at};
        f->block.at = &f->spare_block;
        f->block.n = f->block.cap = 1;
    }
    return f->block.n - 1;
}

void ir_guard_add(struct ir_func *f, uint32_t block, ir_value base, uint32_t offset, uint32_t size)
{
    struct ir_block *b = &f->block.at[block];

    address_split(f, &base, &offset);
    if (b->guard.n) { /* lowering often asks twice in a row */
        const struct ir_guard *last = &b->guard.at[b->guard.n - 1];
        if (last->base == base && last->offset == offset && last->size == size)
            return;
    }
    struct ir_guard g = {base, offset, size};
    if ((!b->guard.cap && !vec_sized(f->arena, &b->guard, 1)) || !vec_push(f->arena, &b->guard, g))
        f->failed = true;
}

struct ir_case *ir_cases_new(struct ir_func *f, uint32_t block, uint32_t n)
{
    struct ir_block *b = &f->block.at[block];

    if (b->to.cap ? vec_reserve(f->arena, &b->to, n) : vec_sized(f->arena, &b->to, n))
        return b->to.at;
    f->failed = true;
    return NULL;
}

void ir_switch(struct ir_func *f, uint32_t block, ir_value on, const struct ir_case *to, uint32_t n)
{
    struct ir_block *b = &f->block.at[block];
    struct ir_range r = on == IR_NONE ? (struct ir_range){0, 0} : f->range.at[on];
    uint32_t old = b->to.n;

    assert(n > 0);
    b->to.n = 0;
    if (!(b->to.cap ? vec_reserve(f->arena, &b->to, n) : vec_sized(f->arena, &b->to, n))) {
        b->to.n = old;
        f->failed = true;
        return;
    }
    /* @to may be this block's own list: what is written never lies past what is read. */
    for (uint32_t i = 0; i < n; i++) {
        struct ir_case c = to[i];
        bool end = c.last >= r.hi || i + 1 == n;
        if (c.last < r.lo && !end)
            continue;
        if (end)
            c.last = UINT32_MAX;
        if (b->to.n && b->to.at[b->to.n - 1].target == c.target)
            b->to.at[b->to.n - 1].last = c.last;
        else
            b->to.at[b->to.n++] = c;
        if (end)
            break;
    }
    b->on = b->to.n == 1 ? IR_NONE : on;
}

void ir_jump(struct ir_func *f, uint32_t block, uint32_t target)
{
    ir_switch(f, block, IR_NONE, &(struct ir_case){UINT32_MAX, target}, 1);
}

void ir_branch_range(struct ir_func *f, uint32_t block, ir_value on, uint32_t lo, uint32_t hi, uint32_t in,
                     uint32_t out)
{
    struct ir_block *b = &f->block.at[block];
    const struct ir_range r = f->range.at[on];
    const bool below = lo > r.lo, above = hi < r.hi; /* there are such values */

    if (lo > hi || lo > r.hi || hi < r.lo || in == out) {
        ir_jump(f, block, out);
        return;
    }
    if (!below && !above) {
        ir_jump(f, block, in);
        return;
    }
    const uint32_t old = b->to.n, n = 1u + below + above;
    b->to.n = 0;
    if (!(b->to.cap ? vec_reserve(f->arena, &b->to, n) : vec_sized(f->arena, &b->to, n))) {
        b->to.n = old;
        f->failed = true;
        return;
    }
    if (below)
        b->to.at[b->to.n++] = (struct ir_case){lo - 1, out};
    b->to.at[b->to.n++] = (struct ir_case){above ? hi : UINT32_MAX, in};
    if (above)
        b->to.at[b->to.n++] = (struct ir_case){UINT32_MAX, out};
    b->on = on;
}

void ir_return(struct ir_func *f, uint32_t block, ir_value v)
{
    struct ir_block *b = &f->block.at[block];
    uint32_t k;

    if (ir_is_const(f, v, &k) && (!k || k == f->accept)) {
        ir_jump(f, block, k ? IR_ACCEPT : IR_REJECT);
        return;
    }
    b->on = v;
    b->to.n = 0;
}

void ir_only_match(struct ir_func *f)
{
    for (uint32_t b = 0; b < f->block.n; b++)
        if (ir_returns(&f->block.at[b]))
            ir_branch_range(f, b, f->block.at[b].on, 0, 0, IR_REJECT, IR_ACCEPT);
}

uint32_t ir_case_find(const struct ir_block *b, uint32_t k)
{
    uint32_t lo = 0, hi = b->to.n - 1;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (k <= b->to.at[mid].last)
            hi = mid;
        else
            lo = mid + 1;
    }
    return b->to.at[lo].target;
}
