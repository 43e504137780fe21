/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/select.c - instruction selection and register allocation.
 *
 *   r6       the packet's first byte          r7   behind its last captured byte
 *   r9 r8 r5 r4   values between blocks, as far as the plan uses them
 *   the rest and those not used   values inside a block
 *
 * Blocks are emitted in their topological order. What is known where a block begins is what is known at the
 * end of all its predecessors: how far the packet reaches, which homes hold their values, how far their
 * pointers reach. A block is first scheduled (its guards, stores to PHIs, then its switch, each behind the
 * values it needs, the needier operand first) and then emitted with registers given out as it goes; when they
 * run out, the oldest value goes to the stack, since in this order it is needed last.
 *
 * A guard is `pointer + reach > end`, once for each new reach. A load in front of which the verifier could
 * not know its reach gets a check of its own. It never fails: the IR has loads only behind their guards.
 */
#include "backends/ebpf/internal.h"
#include <string.h>

#define NO_REGISTER (-1)
#define TEMPORARY   (IR_NONE - 1) /* in_register: owned by the current step */

enum step_kind { STEP_COMPUTE, STEP_GUARD, STEP_COPY, STEP_SWITCH };

struct step {
    uint8_t kind;
    uint32_t id;   /* the value; of a copy: the PHI */
    uint32_t with; /* GUARD: reach; COPY: the value */
};

/* What is known at a place in the program. */
struct known {
    uint32_t reach;     /* bytes of the packet that were checked */
    struct known *next; /* in the free list */
    struct {
        uint32_t id;    /* what this home holds, or IR_NONE */
        uint32_t reach; /* of a pointer */
    } home[];
};

/* Where an id is within the current block. */
struct place {
    uint32_t block; /* of the block with this number + 1; else it is nowhere */
    uint32_t uses;  /* steps still to come that read it */
    uint32_t reach; /* of a pointer */
    int8_t reg;
    int8_t slot; /* of the stack, or -1 */
    bool opened, scheduled;
};

struct select {
    struct plan p;
    struct asm_code c;
    struct ir_func *f;
    struct known **in; /* by block; NULL until a predecessor was emitted */
    struct known *free_known;
    struct place *place; /* by id */
    uint32_t *edge_seen; /* by block: last block + 1 that was merged into it */
    VEC(struct step) step;
    VEC(uint32_t) stack;

    /* the current block */
    uint32_t block, next;
    struct known *now;
    uint32_t in_register[10], age[10], clock;
    uint32_t pinned; /* registers the current step reads or writes */
    uint32_t pool;   /* registers for values inside blocks */
    bool slot_used[STACK_SLOTS];
    uint32_t slots_from; /* spill slots begin behind the homes */
    bool no_stack, bug;
};

static bool stopped(const struct select *s)
{
    return asm_failed(&s->c) || s->no_stack || s->bug;
}

static const struct ir_node *node(const struct select *s, uint32_t id)
{
    return &s->f->value.at[id];
}

static bool is_pointer(const struct select *s, uint32_t id)
{
    return plan_is_pointer(&s->p, id);
}

static bool is_const(const struct select *s, uint32_t id)
{
    return !is_pointer(s, id) && node(s, id)->op == IR_CONST;
}

static uint32_t reject(const struct select *s)
{
    return label_of(IR_REJECT, s->f->block.n);
}

/* ---------------------------------------------------------------- where values are */

static int home_offset(int home)
{
    return -8 * (home - HOME_REGS + 1);
}

static int slot_offset(int slot)
{
    return -8 * (slot + 1);
}

static bool is_home(const struct select *s, uint32_t id)
{
    int h = s->p.home[id];

    return h >= 0 && s->now->home[h].id == id;
}

static struct place *place_of(struct select *s, uint32_t id)
{
    struct place *l = &s->place[id];

    if (l->block != s->block + 1) {
        *l = (struct place){.block = s->block + 1, .reg = NO_REGISTER, .slot = -1};
        if (is_home(s, id)) {
            l->scheduled = true;
            l->reach = s->now->home[s->p.home[id]].reach;
        }
    }
    return l;
}

/* Loads behind the packet's start are not worth a stack slot: they are made again. */
static bool is_remade(const struct select *s, uint32_t id)
{
    return !is_pointer(s, id) &&
           (node(s, id)->op == IR_LEN || (ir_is_load(node(s, id)) && node(s, id)->a == IR_NONE));
}

static int new_slot(struct select *s)
{
    for (uint32_t i = s->slots_from; i < STACK_SLOTS; i++)
        if (!s->slot_used[i]) {
            s->slot_used[i] = true;
            return (int)i;
        }
    s->no_stack = true;
    return (int)s->slots_from;
}

static void evict(struct select *s, int reg)
{
    uint32_t id = s->in_register[reg];
    struct place *l = place_of(s, id);

    if (l->uses && l->slot < 0 && !is_home(s, id) && !is_remade(s, id)) {
        l->slot = (int8_t)new_slot(s);
        asm_store(&s->c, REG_FRAME, slot_offset(l->slot), reg);
    }
    l->reg = NO_REGISTER;
    s->in_register[reg] = IR_NONE;
}

/* A register nobody else uses, for this step. */
static int take(struct select *s)
{
    int oldest = NO_REGISTER;

    for (int r = 0; r < 10; r++) {
        if (!(s->pool >> r & 1) || s->pinned >> r & 1)
            continue;
        if (s->in_register[r] == IR_NONE) {
            oldest = r;
            break;
        }
        if (oldest == NO_REGISTER || s->age[r] < s->age[oldest])
            oldest = r;
    }
    if (oldest == NO_REGISTER) {
        s->bug = true;
        return 0;
    }
    if (s->in_register[oldest] != IR_NONE)
        evict(s, oldest);
    s->in_register[oldest] = TEMPORARY;
    s->pinned |= 1u << oldest;
    return oldest;
}

static void keep(struct select *s, int reg, uint32_t id)
{
    s->in_register[reg] = id;
    s->age[reg] = s->clock++;
    place_of(s, id)->reg = (int8_t)reg;
}

static void release_temporaries(struct select *s)
{
    for (int r = 0; r < 10; r++)
        if (s->in_register[r] == TEMPORARY)
            s->in_register[r] = IR_NONE;
    s->pinned = 0;
}

/* One of the uses of @id is over. */
static void used(struct select *s, uint32_t id)
{
    if (is_const(s, id))
        return;
    struct place *l = place_of(s, id);
    if (l->uses && --l->uses)
        return;
    if (l->reg != NO_REGISTER) {
        s->in_register[l->reg] = IR_NONE;
        s->pinned &= ~(1u << l->reg);
        l->reg = NO_REGISTER;
    }
    if (l->slot >= 0) {
        s->slot_used[l->slot] = false;
        l->slot = -1;
    }
}

/* ---------------------------------------------------------------- packet access */

static void check(struct select *s, int pointer, uint32_t reach)
{
    int t = take(s);

    asm_alu(&s->c, CLASS_ALU64, ALU_MOV, t, pointer);
    asm_alu_imm(&s->c, CLASS_ALU64, ALU_ADD, t, reach);
    asm_branch(&s->c, CLASS_JMP, JUMP_GT, t, REG_END, reject(s));
    s->in_register[t] = IR_NONE;
    s->pinned &= ~(1u << t);
}

static void check_packet(struct select *s, uint32_t reach)
{
    if (reach <= s->now->reach)
        return;
    check(s, REG_DATA, reach);
    s->now->reach = reach;
}

static void check_pointer(struct select *s, uint32_t id, int reg, uint32_t reach)
{
    struct place *l = place_of(s, id);

    if (reach <= l->reach)
        return;
    check(s, reg, reach);
    l->reach = reach;
    if (is_home(s, id))
        s->now->home[s->p.home[id]].reach = reach;
}

static void load_absolute(struct select *s, uint32_t id, int dst)
{
    const struct ir_node *n = node(s, id);
    unsigned size = ir_load_size(n);

    if (n->imm > EBPF_REACH_MAX - size) { /* its guard has failed */
        asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, dst, 0);
        return;
    }
    check_packet(s, n->imm + size);
    if (n->imm <= INT16_MAX) {
        asm_load(&s->c, size, dst, REG_DATA, (int)n->imm);
    } else {
        asm_alu(&s->c, CLASS_ALU64, ALU_MOV, dst, REG_DATA);
        asm_alu_imm(&s->c, CLASS_ALU64, ALU_ADD, dst, n->imm);
        asm_load(&s->c, size, dst, dst, 0);
    }
    if (size > 1 && !s->p.raw[id])
        asm_swap(&s->c, dst, 8 * size);
}

static void compute_len(struct select *s, int dst)
{
    asm_alu(&s->c, CLASS_ALU64, ALU_MOV, dst, REG_END);
    asm_alu(&s->c, CLASS_ALU64, ALU_SUB, dst, REG_DATA);
}

static void remake(struct select *s, uint32_t id, int dst)
{
    if (node(s, id)->op == IR_LEN)
        compute_len(s, dst);
    else
        load_absolute(s, id, dst);
}

/* The register that holds @id; it stays until the step ends, or used(). */
static int get(struct select *s, uint32_t id)
{
    int r;

    if (is_const(s, id)) {
        r = take(s);
        asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, r, node(s, id)->imm);
        return r;
    }
    struct place *l = place_of(s, id);
    if (is_home(s, id) && s->p.home[id] < HOME_REGS)
        return home_register[s->p.home[id]];
    if (l->reg == NO_REGISTER) {
        r = take(s);
        if (is_home(s, id))
            asm_load(&s->c, 8, r, REG_FRAME, home_offset(s->p.home[id]));
        else if (l->slot >= 0)
            asm_load(&s->c, 8, r, REG_FRAME, slot_offset(l->slot));
        else if (is_remade(s, id))
            remake(s, id, r);
        else
            s->bug = true; /* a PHI without a store, or a value without a step */
        keep(s, r, id);
    }
    s->pinned |= 1u << l->reg;
    return l->reg;
}

/* ---------------------------------------------------------------- values */

/* Whether @id gets its home in this block: somebody later wants it. */
static bool goes_home(const struct select *s, uint32_t id)
{
    return s->p.home[id] >= 0 && s->block >= s->p.first[id] && s->block < s->p.last[id];
}

/* The register a result goes to: its home, or that of an operand no longer used, or a new one. */
static int result_register(struct select *s, uint32_t id, int operand)
{
    if (goes_home(s, id) && s->p.home[id] < HOME_REGS)
        return home_register[s->p.home[id]];
    if (operand != NO_REGISTER && s->pool >> operand & 1 &&
        (s->in_register[operand] == IR_NONE || s->in_register[operand] == TEMPORARY)) {
        s->in_register[operand] = TEMPORARY;
        s->pinned |= 1u << operand;
        return operand;
    }
    return take(s);
}

static void result(struct select *s, uint32_t id, int reg)
{
    int h = s->p.home[id];

    if (goes_home(s, id)) {
        s->now->home[h].id = id;
        s->now->home[h].reach = place_of(s, id)->reach;
        if (h < HOME_REGS)
            return;
        asm_store(&s->c, REG_FRAME, home_offset(h), reg);
    }
    if (place_of(s, id)->uses)
        keep(s, reg, id);
}

static const uint8_t alu_of[IR_OP_COUNT] = {
    [IR_ADD] = ALU_ADD, [IR_SUB] = ALU_SUB, [IR_MUL] = ALU_MUL, [IR_UDIV] = ALU_DIV, [IR_UMOD] = ALU_MOD,
    [IR_AND] = ALU_AND, [IR_OR] = ALU_OR,   [IR_XOR] = ALU_XOR, [IR_SHL] = ALU_LSH,  [IR_SHR] = ALU_RSH,
};

static const uint8_t jump_of[IR_OP_COUNT] = {[IR_EQ] = JUMP_EQ, [IR_UGT] = JUMP_GT, [IR_UGE] = JUMP_GE};

/* The condition with its operands exchanged. */
static int jump_mirror(int op)
{
    return op == JUMP_GT ? JUMP_LT : op == JUMP_GE ? JUMP_LE : op;
}

/* Jumps to @label when the comparison @n holds, or with @invert when it does not. */
static void branch_if(struct select *s, const struct ir_node *n, bool invert, uint32_t label)
{
    int op = jump_of[n->op];
    ir_value a = n->a, b = n->b;

    if (is_const(s, a) && !is_const(s, b)) {
        op = jump_mirror(op);
        a = n->b;
        b = n->a;
    }
    if (invert)
        op = asm_invert(op);
    int ra = get(s, a);
    if (is_const(s, b))
        asm_branch_imm(&s->c, CLASS_JMP32, op, ra, node(s, b)->imm, label);
    else
        asm_branch(&s->c, CLASS_JMP32, op, ra, get(s, b), label);
}

static void compute_compare(struct select *s, uint32_t id)
{
    const struct ir_node *n = node(s, id);
    uint32_t label = asm_label(&s->c);
    int d = result_register(s, id, NO_REGISTER);

    /* Operands are fetched by branch_if, so they must be in registers before the two paths part. */
    if (!is_const(s, n->a))
        get(s, n->a);
    if (!is_const(s, n->b))
        get(s, n->b);
    if (is_const(s, n->a) && is_const(s, n->b)) {
        asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, d, ir_fold(n->op, node(s, n->a)->imm, node(s, n->b)->imm));
    } else {
        asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, d, 1);
        branch_if(s, n, false, label);
        asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, d, 0);
    }
    asm_bind(&s->c, label);
    used(s, n->a);
    used(s, n->b);
    result(s, id, d);
}

/*
 * Adds (or subtracts) a constant. The verifier remembers a copy's distance from its original, and refuses a
 * pointer made from one that is 2^29 or more away, whatever its range is; after a second addition it forgets
 * the original.
 */
static void add_constant(struct select *s, int op, int dst, uint32_t k)
{
    uint32_t distance = k >> 31 ? -k : k;

    if (distance >= 1u << 29) {
        asm_alu_imm(&s->c, CLASS_ALU32, op, dst, 1);
        k--;
    }
    asm_alu_imm(&s->c, CLASS_ALU32, op, dst, k);
}

/* A packet-order mask: the constant in the load's width and order. */
static uint32_t mask_for(const struct select *s, uint32_t id, uint32_t k)
{
    if (!s->p.raw[id])
        return k;
    return plan_raw_bits(&s->p, id) == 16 ? __builtin_bswap16((uint16_t)k) : __builtin_bswap32(k);
}

static void compute_binary(struct select *s, uint32_t id)
{
    const struct ir_node *n = node(s, id);
    bool shift = n->op == IR_SHL || n->op == IR_SHR;
    bool divide = n->op == IR_UDIV || n->op == IR_UMOD;
    uint32_t k = is_const(s, n->b) ? mask_for(s, id, node(s, n->b)->imm) : 0;
    bool immediate = is_const(s, n->b) && !(shift && k > 31) && !(divide && k == 0);
    int ra = get(s, n->a);
    int rb = immediate ? NO_REGISTER : get(s, n->b);

    if (rb != ra)
        used(s, n->a);
    int d = result_register(s, id, ra);
    if (d != ra)
        asm_alu(&s->c, CLASS_ALU32, ALU_MOV, d, ra);
    if (immediate && (n->op == IR_ADD || n->op == IR_SUB))
        add_constant(s, alu_of[n->op], d, k);
    else if (immediate)
        asm_alu_imm(&s->c, CLASS_ALU32, alu_of[n->op], d, k);
    else
        asm_alu(&s->c, CLASS_ALU32, alu_of[n->op], d, rb);
    if (shift && !immediate && (is_const(s, n->b) || ir_range(s->f, n->b).hi > 31)) {
        uint32_t label = asm_label(&s->c);
        asm_branch_imm(&s->c, CLASS_JMP32, JUMP_LE, rb, 31, label);
        asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, d, 0);
        asm_bind(&s->c, label);
    }
    if (rb == ra)
        used(s, n->a);
    if (!is_const(s, n->b))
        used(s, n->b);
    result(s, id, d);
}

static void compute_pointer(struct select *s, uint32_t id)
{
    const struct ebpf_pointer *w = &s->p.pointer.at[id - s->p.values];
    int v = get(s, w->base);

    used(s, w->base);
    int d = result_register(s, id, v);
    if (d != v)
        asm_alu(&s->c, w->far ? CLASS_ALU32 : CLASS_ALU64, ALU_MOV, d, v);
    if (w->far) {
        if (w->add)
            add_constant(s, ALU_ADD, d, w->add);
        asm_branch_imm(&s->c, CLASS_JMP, JUMP_GT, d, EBPF_REACH_MAX - w->size, reject(s));
    }
    asm_alu(&s->c, CLASS_ALU64, ALU_ADD, d, REG_DATA);
    result(s, id, d);
}

static void compute_load(struct select *s, uint32_t id)
{
    const struct ir_node *n = node(s, id);
    unsigned size = ir_load_size(n);

    if (n->a == IR_NONE) {
        int d = result_register(s, id, NO_REGISTER);
        load_absolute(s, id, d);
        result(s, id, d);
        return;
    }
    uint32_t pointer = plan_pointer(&s->p, n->a, n->imm, size);
    uint32_t at = s->p.pointer.at[pointer - s->p.values].far ? 0 : n->imm;
    int r = get(s, pointer);
    check_pointer(s, pointer, r, at + size);
    used(s, pointer);
    int d = result_register(s, id, r);
    asm_load(&s->c, size, d, r, (int)at);
    if (size > 1 && !s->p.raw[id])
        asm_swap(&s->c, d, 8 * size);
    result(s, id, d);
}

static void compute(struct select *s, uint32_t id)
{
    if (is_pointer(s, id)) {
        compute_pointer(s, id);
        return;
    }
    switch (node(s, id)->op) {
    case IR_LEN: {
        int d = result_register(s, id, NO_REGISTER);
        compute_len(s, d);
        result(s, id, d);
        return;
    }
    case IR_LOAD8:
    case IR_LOAD16:
    case IR_LOAD32:
        compute_load(s, id);
        return;
    case IR_EQ:
    case IR_UGT:
    case IR_UGE:
        compute_compare(s, id);
        return;
    case IR_ADD:
    case IR_SUB:
    case IR_MUL:
    case IR_UDIV:
    case IR_UMOD:
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_SHL:
    case IR_SHR:
        compute_binary(s, id);
        return;
    default:
        s->bug = true; /* constants need no step, a PHI is in its home, metadata was refused */
    }
}

/* ---------------------------------------------------------------- schedule of a block */

static void push(struct select *s, uint32_t id)
{
    if (!vec_push(s->p.arena, &s->stack, id))
        s->c.no_memory = true;
}

static void add_step(struct select *s, enum step_kind kind, uint32_t id, uint32_t with)
{
    struct step t = {(uint8_t)kind, id, with};

    if (!vec_push(s->p.arena, &s->step, t))
        s->c.no_memory = true;
}

/* Schedules what @id needs, and counts a use of it. */
static void want(struct select *s, uint32_t id)
{
    if (is_const(s, id))
        return;
    place_of(s, id)->uses++;
    push(s, id);
    while (s->stack.n && !s->c.no_memory) {
        uint32_t top = s->stack.at[s->stack.n - 1], op[2];
        struct place *l = place_of(s, top);
        if (l->scheduled) {
            s->stack.n--;
        } else if (l->opened) {
            s->stack.n--;
            l->scheduled = true;
            add_step(s, STEP_COMPUTE, top, 0);
        } else {
            l->opened = true;
            unsigned n = plan_operands(&s->p, top, op);
            if (n == 2 && s->p.need[op[0]] > s->p.need[op[1]]) {
                uint32_t t = op[0];
                op[0] = op[1];
                op[1] = t;
            }
            for (unsigned i = 0; i < n; i++) { /* the last one pushed is evaluated first */
                place_of(s, op[i])->uses++;
                push(s, op[i]);
            }
        }
    }
}

static void schedule(struct select *s)
{
    const struct ir_block *b = &s->f->block.at[s->block];

    s->step.n = 0;
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        if (g->base == IR_NONE)
            continue;
        uint32_t id = plan_pointer(&s->p, g->base, g->offset, g->size);
        uint32_t reach = (s->p.pointer.at[id - s->p.values].far ? 0 : g->offset) + g->size;
        if (is_home(s, id) && place_of(s, id)->reach >= reach)
            continue;
        want(s, id);
        add_step(s, STEP_GUARD, id, reach);
    }
    for (uint32_t c = s->p.copy[s->block]; c != IR_NONE; c = s->p.copies.at[c].next) {
        want(s, s->p.copies.at[c].value);
        add_step(s, STEP_COPY, s->p.copies.at[c].phi, s->p.copies.at[c].value);
    }
    if (plan_is_compare(&s->p, b)) {
        want(s, node(s, b->on)->a);
        want(s, node(s, b->on)->b);
    } else if (b->on != IR_NONE) {
        want(s, b->on);
    }
    add_step(s, STEP_SWITCH, b->on, 0);
}

/* ---------------------------------------------------------------- emission of a block */

static void emit_copy(struct select *s, uint32_t phi, uint32_t value)
{
    int h = s->p.home[phi];
    uint32_t k = is_const(s, value) ? node(s, value)->imm : 0;

    if (h < 0) {
        s->bug = true;
        return;
    }
    if (h < HOME_REGS) {
        if (is_const(s, value))
            asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, home_register[h], k);
        else
            asm_alu(&s->c, CLASS_ALU64, ALU_MOV, home_register[h], get(s, value));
    } else if (is_const(s, value) && k <= INT32_MAX) {
        asm_store_imm(&s->c, REG_FRAME, home_offset(h), (int32_t)k);
    } else {
        asm_store(&s->c, REG_FRAME, home_offset(h), get(s, value));
    }
    used(s, value);
    s->now->home[h].id = phi;
    s->now->home[h].reach = 0;
}

static void emit_compare(struct select *s, const struct ir_block *b)
{
    const struct ir_node *n = node(s, b->on);
    uint32_t no = b->to.at[0].target, yes = b->to.at[1].target;

    if (yes == s->next) {
        branch_if(s, n, true, label_of(no, s->f->block.n));
        return;
    }
    branch_if(s, n, false, label_of(yes, s->f->block.n));
    if (no != s->next)
        asm_jump(&s->c, label_of(no, s->f->block.n));
}

static void emit_switch(struct select *s)
{
    const struct ir_block *b = &s->f->block.at[s->block];

    if (b->on == IR_NONE || b->to.n == 1) {
        if (b->to.at[0].target != s->next)
            asm_jump(&s->c, label_of(b->to.at[0].target, s->f->block.n));
    } else if (plan_is_compare(&s->p, b)) {
        emit_compare(s, b);
    } else {
        switch_emit(&s->c, b, ir_range(s->f, b->on), get(s, b->on),
                    s->p.raw[b->on] ? plan_raw_bits(&s->p, b->on) : 0, s->next, s->f->block.n);
    }
}

static struct known *known_new(struct select *s)
{
    struct known *k = s->free_known;
    size_t size = sizeof *k + s->p.homes * sizeof k->home[0];

    if (k)
        s->free_known = k->next;
    else
        k = arena_alloc(s->p.arena, 1, size, alignof(struct known));
    if (!k) {
        s->c.no_memory = true;
        return NULL;
    }
    k->reach = 0;
    for (uint32_t h = 0; h < s->p.homes; h++) {
        k->home[h].id = IR_NONE;
        k->home[h].reach = 0;
    }
    return k;
}

/* What block @to knows shrinks to what is known here too. */
static void merge_into(struct select *s, uint32_t to)
{
    struct known *k = s->in[to];

    if (!k) {
        k = s->in[to] = known_new(s);
        if (k)
            memcpy(k, s->now, sizeof *k + s->p.homes * sizeof k->home[0]);
        return;
    }
    if (s->now->reach < k->reach)
        k->reach = s->now->reach;
    for (uint32_t h = 0; h < s->p.homes; h++) {
        if (k->home[h].id != s->now->home[h].id)
            k->home[h].id = IR_NONE;
        if (s->now->home[h].reach < k->home[h].reach)
            k->home[h].reach = s->now->home[h].reach;
    }
}

static void leave_block(struct select *s)
{
    const struct ir_block *b = &s->f->block.at[s->block];

    for (uint32_t i = 0; i < b->to.n && !s->c.no_memory; i++) {
        uint32_t t = b->to.at[i].target;
        if (t >= s->f->block.n || s->edge_seen[t] == s->block + 1)
            continue;
        s->edge_seen[t] = s->block + 1;
        merge_into(s, t);
    }
    s->now->next = s->free_known;
    s->free_known = s->now;
    s->in[s->block] = s->now = NULL;
}

static void emit_block(struct select *s)
{
    const struct ir_block *b = &s->f->block.at[s->block];
    uint32_t reach = 0;

    asm_bind(&s->c, s->block);
    if (s->p.never[s->block]) {
        if (s->next != IR_REJECT)
            asm_jump(&s->c, reject(s));
        return;
    }
    if (!s->in[s->block])
        s->in[s->block] = known_new(s);
    s->now = s->in[s->block];
    if (!s->now)
        return;
    for (int r = 0; r < 10; r++)
        s->in_register[r] = IR_NONE;
    memset(s->slot_used, 0, sizeof s->slot_used);
    s->clock = 0;
    for (uint32_t i = 0; i < b->guard.n; i++)
        if (b->guard.at[i].base == IR_NONE && b->guard.at[i].offset + b->guard.at[i].size > reach)
            reach = b->guard.at[i].offset + b->guard.at[i].size;
    check_packet(s, reach);
    schedule(s);
    for (uint32_t i = 0; i < s->step.n && !stopped(s); i++) {
        const struct step t = s->step.at[i];
        switch ((enum step_kind)t.kind) {
        case STEP_COMPUTE:
            compute(s, t.id);
            break;
        case STEP_GUARD:
            if (place_of(s, t.id)->reach < t.with)
                check_pointer(s, t.id, get(s, t.id), t.with);
            used(s, t.id);
            break;
        case STEP_COPY:
            emit_copy(s, t.id, t.with);
            break;
        case STEP_SWITCH:
            emit_switch(s);
            break;
        }
        release_temporaries(s);
    }
    leave_block(s);
}

/* ---------------------------------------------------------------- the program */

static uint32_t next_block(const struct select *s, uint32_t b)
{
    while (b < s->f->block.n && !s->p.reachable[b])
        b++;
    return b < s->f->block.n ? b : IR_ACCEPT;
}

/* Whether anything arrives at @target, by a jump or from above. */
static bool is_target(const struct select *s, uint32_t target)
{
    for (uint32_t i = 0; i < s->c.item.n; i++)
        if (s->c.item.at[i].label == label_of(target, s->f->block.n))
            return true;
    return false;
}

static void emit_exit(struct select *s, uint32_t target, uint32_t verdict)
{
    asm_bind(&s->c, label_of(target, s->f->block.n));
    asm_alu_imm(&s->c, CLASS_ALU32, ALU_MOV, REG_VERDICT, verdict);
    asm_exit(&s->c);
}

/* Whether the code so far can run on behind its end: it does not end in a jump, or something ends there. */
static bool is_open(const struct select *s)
{
    uint32_t n = s->c.item.n;

    if (!n || s->c.item.at[n - 1].insn.code != (CLASS_JMP | JUMP_A))
        return true;
    for (uint32_t l = 0; l < s->c.label.n; l++)
        if (s->c.label.at[l] == n)
            return true;
    return false;
}

static void emit_all(struct select *s)
{
    uint32_t first = next_block(s, 0);

    if (first < s->f->block.n) {
        asm_load(&s->c, 4, REG_DATA, REG_CONTEXT, 0);
        asm_load(&s->c, 4, REG_END, REG_CONTEXT, 4);
    }
    for (uint32_t b = first; b < s->f->block.n && !stopped(s); b = s->next) {
        s->block = b;
        s->next = next_block(s, b + 1);
        emit_block(s);
    }
    bool accepts = s->f->entry == IR_ACCEPT || (first < s->f->block.n && is_open(s));
    if (accepts || is_target(s, IR_ACCEPT))
        emit_exit(s, IR_ACCEPT, XDP_VERDICT_PASS);
    if (s->f->entry == IR_REJECT || is_target(s, IR_REJECT))
        emit_exit(s, IR_REJECT, XDP_VERDICT_DROP);
}

static bool select_init(struct select *s, struct ir_func *f, struct arena *arena, uint32_t limit)
{
    s->f = f;
    s->in = arena_array(arena, struct known *, f->block.n);
    s->edge_seen = arena_array(arena, uint32_t, f->block.n);
    s->place = arena_array(arena, struct place, s->p.ids);
    s->pool = REG_POOL & ~s->p.home_registers;
    s->slots_from = s->p.homes > HOME_REGS ? s->p.homes - HOME_REGS : 0;
    asm_init(&s->c, arena, f->block.n + 2, limit);
    return s->in && s->edge_seen && s->place && !s->c.no_memory;
}

static void report_limit(struct diag_sink *sink, bool stack)
{
    diag(sink, DIAG_TOO_BIG, (struct diag_at){0},
         stack ? "the 512 bytes of stack an eBPF program has" : "the instructions an eBPF program may have");
}

int ebpf_emit_xdp(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct ebpf_code *out)
{
    struct select s = {0};
    int r = plan_make(&s.p, f, out->arena);

    if (r == WEIR_E_UNSUPPORTED)
        diag(sink, DIAG_XDP_METADATA, (struct diag_at){.at = s.p.metadata_at});
    if (r == WEIR_E_LIMIT)
        report_limit(sink, true);
    if (r < 0)
        return r;
    if (!select_init(&s, f, out->arena, limit))
        return WEIR_E_MEMORY;
    emit_all(&s);
    if (s.c.no_memory)
        return WEIR_E_MEMORY;
    if (s.bug)
        return WEIR_E_BUG;
    r = s.no_stack ? WEIR_E_LIMIT : asm_finish(&s.c, out);
    if (r == WEIR_E_LIMIT)
        report_limit(sink, s.no_stack);
    return r;
}
