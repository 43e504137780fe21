/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lift/lift.c - a classic program as IR: the machine's registers become values, its loads guards.
 *
 *   (000) ldh  [12]                  %1 = load16 12
 *   (001) jeq  #0x800  jt 2 jf 5     b0: guard 12 + 2; switch %1: 0x800 -> b1, else -> reject
 *   (002) ldxb 4*([14]&0xf)          %4 = shl (and (load8 14), 15), 2
 *   (003) ldh  [x + 16]              %5 = load16 %4 + 16
 *   (004) jeq  #80     jt 6 jf 5     b1: guard 14 + 1; guard (%4 + 16) + 2;
 *                                        switch %5: 80 -> accept, else -> reject
 *
 * A, X and M[] are 18 registers, and what they hold is followed instruction by instruction. All jumps go
 * forward, so one pass in program order meets every way to an instruction before the instruction itself.
 * Where ways join with different values in a register that is still read, the register becomes a PHI; but
 * when the difference is over soon, such as where two headers' ports meet in one test of A, each value gets a
 * copy of these few instructions, because facts do not pass PHIs. No instruction is lifted more than
 * COPIES_MAX times. A division by a register that may be 0 is a test of it that rejects, then the division.
 *
 * The first number that is returned, other than 0, becomes what `accept` stands for; a block returns any
 * other one itself.
 *
 * Passes and backends walk through the expressions that a block needs, which in filters are short, and in a
 * program that was unrolled can be as long as the program. Where a register enters a block with a long one,
 * it becomes a PHI as well, which ends such walks.
 *
 * Cost: O(instructions + registers that are read at a join x ways that join there).
 */
#include "lift/lift.h"
#include <string.h>
#include "backends/cbpf/opcode.h"
#include "weir/weir.h"

enum { REG_A = CBPF_REGISTER_A, REG_X = CBPF_REGISTER_X, REGS = CBPF_REGISTERS };

enum {
    COPIES_MAX = 4,   /* of an instruction */
    COPIED_MAX = 8,   /* instructions that are copied behind a join */
    COPY_WINDOW = 16, /* and how far behind it they may lie */
    WEIGHT_MAX = 40,  /* operators of an expression that enters a block */
};

#define LATER 0xfffffffdu /* a target that is set when its block begins */

/* A way to an instruction: the block it leaves, by which target, and what the registers hold there. */
struct way {
    uint32_t block;
    bool out; /* by `out` of the ending, not `in` */
    const ir_value *reg;
    uint32_t next; /* index + 1 of another way to the same block; 0: none */
};

/* How a block ends; targets are blocks and returns, or LATER. */
struct ending {
    ir_value on; /* IR_NONE: always to `in` */
    uint32_t lo, hi, in, out;
    bool returns; /* `on`, instead of going anywhere */
};

struct lift {
    struct ir_func *f;
    const struct cbpf_code *code;
    struct lift_refusal *refusal;
    uint32_t *live; /* per instruction: registers that are read from it on, as bits */
    uint32_t *past; /* per instruction: where it leads past jumps that always jump */
    uint32_t *ways; /* per instruction: index + 1 of the first way to it */
    bool *joins;    /* per instruction: a jump leads to it, so it begins blocks */
    VEC(struct way) way;
    VEC(struct ending) ending; /* per block */
    VEC(uint8_t) weight;       /* per value, as far as asked for: its operators, up to 255 */
    uint32_t block;            /* being filled; IR_NONE: nothing leads here */
    ir_value reg[REGS];
    uint32_t accept; /* the first number but 0 that is returned, which IR_ACCEPT stands for; or 0 */
    int status;
};

static void refuse(struct lift *l, uint32_t at, const char *why)
{
    if (l->status)
        return;
    if (at < l->code->at.n)
        l->refusal->at = l->code->at.at[at];
    l->refusal->why = why;
    l->status = WEIR_E_UNSUPPORTED;
}

/* ---------------------------------------------------------------- what is read */

static uint32_t bit(uint32_t reg)
{
    return UINT32_C(1) << reg;
}

/* Where jump @in, instruction @at, leads. */
static void targets(const struct weir_cbpf_insn *in, uint32_t at, uint32_t *yes, uint32_t *no)
{
    bool always = in->code == (CB_JMP | CB_JA);

    *yes = at + 1 + (always ? in->k : in->jt);
    *no = at + 1 + (always ? in->k : in->jf);
}

/* Fills `live`, `past` and `joins`, backwards. */
static void look_ahead(struct lift *l)
{
    const struct weir_cbpf_insn *code = l->code->insn.at;
    uint32_t below = 0, reads, writes;

    for (uint32_t i = l->code->insn.n; i-- > 0;) {
        const struct weir_cbpf_insn *in = &code[i];
        l->past[i] = i;
        if ((in->code & CB_CLASS) == CB_RET)
            below = 0;
        if ((in->code & CB_CLASS) == CB_JMP) {
            uint32_t yes, no;
            targets(in, i, &yes, &no);
            l->joins[l->past[yes]] = l->joins[l->past[no]] = true;
            below = l->live[yes] | l->live[no];
            if (in->code == (CB_JMP | CB_JA))
                l->past[i] = l->past[yes];
        }
        cbpf_effects(in->code, in->k, &reads, &writes);
        l->live[i] = below = (below & ~writes) | reads;
    }
}

/* ---------------------------------------------------------------- blocks */

/* Notes that the number @k is returned: is there a target for that? */
static bool has_target(struct lift *l, uint32_t k)
{
    if (!l->accept)
        l->accept = k;
    return !k || k == l->accept;
}

/* Where a jump to instruction @at leads: to an instruction that does something, or a return that is a target.
 */
static uint32_t destination(struct lift *l, uint32_t at)
{
    at = l->past[at];
    uint32_t k = l->code->insn.at[at].k;

    if (l->code->insn.at[at].code != CB_RET_K || !has_target(l, k))
        return at;
    return k ? IR_ACCEPT : IR_REJECT;
}

/* What @to, an instruction or a return, is as a target of the block: a way to an instruction is noted. */
static uint32_t add_way(struct lift *l, uint32_t to, bool out, const ir_value *reg)
{
    if (to >= l->code->insn.n)
        return to;
    if (!vec_push(l->f->arena, &l->way, ((struct way){l->block, out, reg, l->ways[to]})))
        l->status = WEIR_E_MEMORY;
    else
        l->ways[to] = l->way.n;
    return LATER;
}

static void set_ending(struct lift *l, uint32_t at, struct ending e)
{
    l->ending.at[l->block] = e;
    if (at < l->code->at.n)
        l->f->block.at[l->block].at = l->code->at.at[at];
    l->block = IR_NONE;
}

/* Ends the block: @e.in when lo <= @e.on <= hi, else @e.out. What the range of @e.on decides is no test. */
static void end_block(struct lift *l, uint32_t at, struct ending e)
{
    struct ir_range r = e.on == IR_NONE ? (struct ir_range){0, 0} : ir_range(l->f, e.on);
    ir_value *reg = arena_array(l->f->arena, ir_value, REGS);

    if (!reg || l->f->failed) {
        l->status = WEIR_E_MEMORY;
        return;
    }
    memcpy(reg, l->reg, sizeof l->reg);
    if (e.on != IR_NONE && (r.hi < e.lo || r.lo > e.hi))
        e.in = e.out;
    if ((r.lo >= e.lo && r.hi <= e.hi) || e.in == e.out)
        e.on = IR_NONE;
    e.in = add_way(l, e.in, false, reg);
    if (e.on != IR_NONE)
        e.out = add_way(l, e.out, true, reg);
    set_ending(l, at, e);
}

static void jump(struct lift *l, uint32_t at, uint32_t to)
{
    end_block(l, at, (struct ending){.on = IR_NONE, .in = to, .out = to});
}

static void new_block(struct lift *l)
{
    l->block = ir_block_new(l->f, (struct span){0, 0});
    if (l->f->failed || !vec_push(l->f->arena, &l->ending, (struct ending){0}))
        l->status = WEIR_E_MEMORY;
}

/* ---------------------------------------------------------------- joins */

/* Registers that are read from instruction @at on, and in which two ways differ. */
static uint32_t difference(const struct lift *l, uint32_t at, uint32_t a, uint32_t b)
{
    const ir_value *x = l->way.at[a - 1].reg, *y = l->way.at[b - 1].reg;
    uint32_t differ = 0;

    for (uint32_t reg = 0; reg < REGS; reg++)
        differ |= x[reg] != y[reg] ? bit(reg) : 0;
    return differ & l->live[at];
}

/* Are few instructions from @at on all that can see the registers @differ, and what is made of them? */
static bool short_lived(const struct lift *l, uint32_t at, uint32_t differ)
{
    uint32_t seen[COPY_WINDOW] = {differ}, copied = 0;

    for (uint32_t i = 0; i < COPY_WINDOW && at + i < l->code->insn.n; i++) {
        const struct weir_cbpf_insn *in = &l->code->insn.at[at + i];
        uint32_t reads, writes, next[2] = {at + i + 1, at + i + 1};
        if (!seen[i])
            continue;
        if (++copied > COPIED_MAX)
            return false;
        if ((in->code & CB_CLASS) == CB_RET)
            continue;
        if ((in->code & CB_CLASS) == CB_JMP)
            targets(in, at + i, &next[0], &next[1]);
        cbpf_effects(in->code, in->k, &reads, &writes);
        uint32_t behind = (seen[i] & ~writes) | (reads & seen[i] ? writes : 0);
        for (int k = 0; k < 2; k++) {
            if (!(behind & l->live[next[k]]))
                continue;
            if (next[k] - at >= COPY_WINDOW)
                return false;
            seen[next[k] - at] |= behind & l->live[next[k]];
        }
    }
    return true;
}

/*
 * Divides the ways to @at into those that get a block together: all of them, or, for a few instructions,
 * those that bring the same values. Returns how many blocks, and the first way to each in @part.
 */
static uint32_t divide(struct lift *l, uint32_t at, uint32_t part[COPIES_MAX])
{
    uint32_t parts = 0, differ = 0;

    part[0] = l->ways[at];
    for (uint32_t i = part[0]; i; i = l->way.at[i - 1].next)
        differ |= difference(l, at, part[0], i);
    if (!differ || !short_lived(l, at, differ))
        return 1;
    for (uint32_t i = l->ways[at], k; i; i = l->way.at[i - 1].next) {
        for (k = 0; k < parts && difference(l, at, part[k], i); k++)
            ;
        if (k == COPIES_MAX)
            return part[0] = l->ways[at], 1;
        if (k == parts)
            part[parts++] = i;
    }
    uint32_t last[COPIES_MAX];
    memcpy(last, part, sizeof last);
    for (uint32_t i = l->ways[at], k, next; i; i = next) {
        next = l->way.at[i - 1].next;
        for (k = 0; difference(l, at, part[k], i); k++)
            ;
        l->way.at[last[k] - 1].next = i;
        l->way.at[i - 1].next = 0;
        last[k] = i;
    }
    return parts;
}

/* Operators of an expression, shared ones counted as often as they are used. */
static uint32_t weight(struct lift *l, ir_value v)
{
    for (ir_value i = l->weight.n; i <= v; i++) { /* operands have smaller numbers */
        const struct ir_node *n = &l->f->value.at[i];
        uint32_t w = ir_op_arity(n->op) != 0;
        w += n->a == IR_NONE ? 0 : l->weight.at[n->a];
        w += n->b == IR_NONE ? 0 : l->weight.at[n->b];
        if (!vec_push(l->f->arena, &l->weight, (uint8_t)(w < UINT8_MAX ? w : UINT8_MAX))) {
            l->status = WEIR_E_MEMORY;
            return 0;
        }
    }
    return l->weight.at[v];
}

/* What register @reg holds where the ways from @first on join: their value, or a PHI. */
static ir_value join(struct lift *l, uint32_t first, uint32_t reg)
{
    ir_value v = l->way.at[first - 1].reg[reg];
    struct ir_range r = ir_range(l->f, v);
    bool differ = false;

    for (uint32_t i = first; i; i = l->way.at[i - 1].next) {
        ir_value other = l->way.at[i - 1].reg[reg];
        struct ir_range s = ir_range(l->f, other);
        differ |= other != v;
        r.lo = s.lo < r.lo ? s.lo : r.lo;
        r.hi = s.hi > r.hi ? s.hi : r.hi;
    }
    if (!differ && weight(l, v) <= WEIGHT_MAX)
        return v;
    v = ir_phi(l->f, l->block);
    ir_phi_range_set(l->f, v, r.lo, r.hi);
    for (uint32_t i = first; i; i = l->way.at[i - 1].next)
        ir_phi_arg_add(l->f, l->block, v, l->way.at[i - 1].block, l->way.at[i - 1].reg[reg]);
    return v;
}

/* Begins a block at instruction @at for the ways from @first on. */
static void begin_block(struct lift *l, uint32_t at, uint32_t first)
{
    new_block(l);
    for (uint32_t i = first; i && !l->status; i = l->way.at[i - 1].next) {
        const struct way *w = &l->way.at[i - 1];
        *(w->out ? &l->ending.at[w->block].out : &l->ending.at[w->block].in) = l->block;
    }
    for (uint32_t reg = 0; reg < REGS && !l->status; reg++) /* what is not read is nobody's business */
        l->reg[reg] = l->live[at] & bit(reg) ? join(l, first, reg) : 0;
}

/* ---------------------------------------------------------------- instructions */

/* A load and its guard. No packet has bytes at 2^31 and above: a load from a constant place there is a
 * return. */
static ir_value packet_load(struct lift *l, uint32_t at, ir_value base, uint32_t offset, unsigned size)
{
    uint32_t k = 0;

    if ((base == IR_NONE || ir_is_const(l->f, base, &k)) && offset + k > INT32_MAX) {
        jump(l, at, IR_REJECT);
        return 0;
    }
    ir_guard_add(l->f, l->block, base, offset, size);
    return ir_load(l->f, base, offset, size);
}

/* Why IR has no value for what a load from CB_META_BASE + @number on gives. */
static const char *why_no_value(uint32_t number)
{
    switch (number) {
    case CB_NLATTR:
    case CB_NLATTR_NEST:
        return "it searches netlink attributes, which only Linux's classic programs can";
    case CB_PAY_OFFSET:
        return "it asks where the payload begins, which only Linux's classic programs can";
    default:
        return "it reads a random number, and what is read may be read again";
    }
}

/* What an absolute load behind the packet's addresses gives. Linux gives all of it, whatever the load's
 * width. */
static ir_value metadata(struct lift *l, uint32_t at, uint32_t k)
{
    if (k == CB_XOR_X)
        return ir_binary(l->f, IR_XOR, l->reg[REG_A], l->reg[REG_X]);
    if (ir_meta_find(k - CB_META_BASE))
        return ir_meta(l->f, (enum ir_meta)(k - CB_META_BASE));
    refuse(l, at, why_no_value(k - CB_META_BASE));
    return 0;
}

static ir_value loaded(struct lift *l, uint32_t at, const struct weir_cbpf_insn *in)
{
    unsigned size = (in->code & CB_SIZE) == CB_W ? 4 : (in->code & CB_SIZE) == CB_H ? 2 : 1;
    ir_value v;

    switch (in->code & CB_MODE) {
    case CB_IMM:
        return ir_const(l->f, in->k);
    case CB_LEN:
        return ir_len(l->f);
    case CB_MEM:
        return l->reg[in->k];
    case CB_IND:
        return packet_load(l, at, l->reg[REG_X], in->k, size);
    }
    if ((in->code & CB_MODE) == CB_ABS && in->k >= CB_META_BASE)
        return metadata(l, at, in->k);
    if (in->k >= CB_MAGIC_BASE)
        refuse(l, at,
               in->k >= CB_NET_BASE ? "it reads at an address that Linux counts from the network header"
                                    : "it reads at an address that Linux counts from the link header");
    if ((in->code & CB_MODE) == CB_ABS)
        return packet_load(l, at, IR_NONE, in->k, size);
    v = packet_load(l, at, IR_NONE, in->k, 1); /* 4*([k]&0xf) */
    v = ir_binary(l->f, IR_AND, v, ir_const(l->f, 15));
    return ir_binary(l->f, IR_SHL, v, ir_const(l->f, 2));
}

static void compute(struct lift *l, uint32_t at, const struct weir_cbpf_insn *in)
{
    static const uint8_t ops[] = {
        [CB_ADD >> 4] = IR_ADD, [CB_SUB >> 4] = IR_SUB,  [CB_MUL >> 4] = IR_MUL, [CB_DIV >> 4] = IR_UDIV,
        [CB_OR >> 4] = IR_OR,   [CB_AND >> 4] = IR_AND,  [CB_LSH >> 4] = IR_SHL, [CB_RSH >> 4] = IR_SHR,
        [CB_NEG >> 4] = IR_SUB, [CB_MOD >> 4] = IR_UMOD, [CB_XOR >> 4] = IR_XOR,
    };
    enum ir_op op = (enum ir_op)ops[(in->code & CB_OPERATOR) >> 4];
    ir_value a = l->reg[REG_A], s;

    if ((in->code & CB_OPERATOR) == CB_NEG) {
        l->reg[REG_A] = ir_binary(l->f, op, ir_const(l->f, 0), a);
        return;
    }
    s = in->code & CB_X ? l->reg[REG_X] : ir_const(l->f, in->k);
    if ((op == IR_UDIV || op == IR_UMOD) && ir_range(l->f, s).lo == 0) {
        uint32_t block = l->block;
        end_block(l, at, (struct ending){.on = s, .in = IR_REJECT, .out = LATER});
        if (ir_range(l->f, s).hi == 0 || l->status)
            return;
        new_block(l);
        l->ending.at[block].out = l->block;
    }
    l->reg[REG_A] = ir_binary(l->f, op, a, s);
}

/* A test of A: its range, the bits it has in common with something, or how it compares with X. */
static void test(struct lift *l, uint32_t at, const struct weir_cbpf_insn *in)
{
    uint32_t yes = destination(l, at + 1 + in->jt), no = destination(l, at + 1 + in->jf), k = in->k;
    uint16_t condition = in->code & CB_OPERATOR;
    ir_value a = l->reg[REG_A], s = in->code & CB_X ? l->reg[REG_X] : ir_const(l->f, k);
    enum ir_op op = condition == CB_JSET  ? IR_AND
                    : condition == CB_JEQ ? IR_EQ
                    : condition == CB_JGT ? IR_UGT
                                          : IR_UGE;

    if (op == IR_AND || !ir_is_const(l->f, s, &k))
        end_block(l, at, (struct ending){.on = ir_binary(l->f, op, a, s), .in = no, .out = yes});
    else if (op == IR_EQ)
        end_block(l, at, (struct ending){.on = a, .lo = k, .hi = k, .in = yes, .out = no});
    else if (op == IR_UGT)
        end_block(l, at, (struct ending){.on = a, .hi = k, .in = no, .out = yes});
    else
        end_block(l, at, (struct ending){.on = a, .lo = k, .hi = UINT32_MAX, .in = yes, .out = no});
}

static void leave(struct lift *l, uint32_t at, const struct weir_cbpf_insn *in)
{
    ir_value v = in->code == CB_RET_K ? ir_const(l->f, in->k) : l->reg[REG_A];
    uint32_t k;

    if (ir_is_const(l->f, v, &k))
        (void)has_target(l, k);
    set_ending(l, at, (struct ending){.on = v, .returns = true});
}

static void lift_instruction(struct lift *l, uint32_t at)
{
    const struct weir_cbpf_insn *in = &l->code->insn.at[at];

    switch (in->code & CB_CLASS) {
    case CB_LD:
        l->reg[REG_A] = loaded(l, at, in);
        break;
    case CB_LDX:
        l->reg[REG_X] = loaded(l, at, in);
        break;
    case CB_ST:
        l->reg[in->k] = l->reg[REG_A];
        break;
    case CB_STX:
        l->reg[in->k] = l->reg[REG_X];
        break;
    case CB_ALU:
        compute(l, at, in);
        break;
    case CB_JMP:
        if (in->code == (CB_JMP | CB_JA))
            jump(l, at, destination(l, at));
        else
            test(l, at, in);
        break;
    case CB_RET:
        leave(l, at, in);
        break;
    case CB_MISC:
        if (in->code == CB_TXA)
            l->reg[REG_A] = l->reg[REG_X];
        else
            l->reg[REG_X] = l->reg[REG_A];
        break;
    }
}

/* ---------------------------------------------------------------- all of it */

/* Fills the block that has begun with the instructions from @at on, up to its end. */
static void fill_block(struct lift *l, uint32_t at)
{
    for (; l->block != IR_NONE && !l->status; at++) {
        lift_instruction(l, at);
        if (l->block != IR_NONE && !l->status && l->joins[at + 1])
            jump(l, at, destination(l, at + 1));
    }
}

static void set_targets(struct lift *l)
{
    for (uint32_t b = 0; b < l->f->block.n; b++) {
        const struct ending *e = &l->ending.at[b];
        if (e->returns)
            ir_return(l->f, b, e->on);
        else if (e->on == IR_NONE)
            ir_jump(l->f, b, e->in);
        else
            ir_branch_range(l->f, b, e->on, e->lo, e->hi, e->in, e->out);
    }
}

int lift_program(struct arena *arena, const struct cbpf_code *code, struct ir_func *out,
                 struct lift_refusal *refusal)
{
    struct lift l = {.f = out, .code = code, .refusal = refusal, .block = IR_NONE};
    uint32_t n = code->insn.n;

    *refusal = (struct lift_refusal){0};
    ir_init(out, arena, 1);
    l.live = arena_array(arena, uint32_t, n);
    l.past = arena_array(arena, uint32_t, n);
    l.ways = arena_array(arena, uint32_t, n);
    l.joins = arena_array(arena, bool, n);
    if (!l.live || !l.past || !l.ways || !l.joins)
        return WEIR_E_MEMORY;
    look_ahead(&l);

    out->entry = destination(&l, 0);
    for (uint32_t at = 0; at < n && !l.status; at++) {
        uint32_t part[COPIES_MAX], parts = l.ways[at] ? divide(&l, at, part) : 0;
        if (at == out->entry) { /* the registers are all 0, as in Linux */
            new_block(&l);
            fill_block(&l, at);
        }
        for (uint32_t i = 0; i < parts && !l.status; i++) {
            begin_block(&l, at, part[i]);
            fill_block(&l, at);
        }
    }
    if (out->failed)
        return WEIR_E_MEMORY;
    if (l.status)
        return l.status;
    if (l.accept)
        out->accept = l.accept;
    set_targets(&l);
    if (out->entry < n)
        out->entry = 0;
    return out->failed ? WEIR_E_MEMORY : WEIR_OK;
}
