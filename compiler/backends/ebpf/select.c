/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/select.c - instruction selection: the blocks of one piece of a program.
 *
 * Blocks are emitted in their topological order. What is known where a block begins is what is known at the
 * end of all its predecessors: how far the packet reaches, which homes hold their values, how far their
 * pointers reach. A block is first scheduled (its guards, stores to PHIs, then its switch or return, each
 * behind the values it needs, the needier operand first) and then emitted with registers given out as it
 * goes.
 */
#include "backends/ebpf/select.h"
#include <stdlib.h>
#include <string.h>

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

    if (select_is_const(s, a) && !select_is_const(s, b)) {
        op = jump_mirror(op);
        a = n->b;
        b = n->a;
    }
    if (invert)
        op = asm_invert(op);
    int ra = value_register(s, a);
    if (select_is_const(s, b))
        asm_branch_imm(s->c, CLASS_JMP32, op, ra, select_node(s, b)->imm, label);
    else
        asm_branch(s->c, CLASS_JMP32, op, ra, value_register(s, b), label);
}

static void compute_compare(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    uint32_t label = asm_label(s->c);
    int d = result_register(s, id, NO_REGISTER);

    /* Operands are fetched by branch_if, so they must be in registers before the two paths part. */
    if (!select_is_const(s, n->a))
        value_register(s, n->a);
    if (!select_is_const(s, n->b))
        value_register(s, n->b);
    if (select_is_const(s, n->a) && select_is_const(s, n->b)) {
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, d,
                    ir_fold(n->op, select_node(s, n->a)->imm, select_node(s, n->b)->imm));
    } else {
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, d, 1);
        branch_if(s, n, false, label);
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, d, 0);
    }
    asm_bind(s->c, label);
    value_used(s, n->a);
    value_used(s, n->b);
    result_done(s, id, d);
}

/*
 * Adds (or subtracts) a constant. The verifier remembers a copy's distance from its original, and refuses a
 * pointer made from one that is 2^29 or more away, whatever its range is; after a second addition it forgets
 * the original.
 */
void add_constant(struct select *s, int op, int dst, uint32_t k)
{
    uint32_t distance = k >> 31 ? -k : k;

    if (distance >= 1u << 29) {
        asm_alu_imm(s->c, CLASS_ALU32, op, dst, 1);
        k--;
    }
    asm_alu_imm(s->c, CLASS_ALU32, op, dst, k);
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
    const struct ir_node *n = select_node(s, id);
    bool shift = n->op == IR_SHL || n->op == IR_SHR;
    bool divide = n->op == IR_UDIV || n->op == IR_UMOD;
    uint32_t k = select_is_const(s, n->b) ? mask_for(s, id, select_node(s, n->b)->imm) : 0;
    bool immediate = select_is_const(s, n->b) && !(shift && k > 31) && !(divide && k == 0);
    int ra = value_register(s, n->a);
    int rb = immediate ? NO_REGISTER : value_register(s, n->b);

    if (rb != ra)
        value_used(s, n->a);
    int d = result_register(s, id, ra);
    if (d != ra)
        asm_alu(s->c, CLASS_ALU32, ALU_MOV, d, ra);
    if (immediate && (n->op == IR_ADD || n->op == IR_SUB))
        add_constant(s, alu_of[n->op], d, k);
    else if (immediate)
        asm_alu_imm(s->c, CLASS_ALU32, alu_of[n->op], d, k);
    else
        asm_alu(s->c, CLASS_ALU32, alu_of[n->op], d, rb);
    if (shift && !immediate && (select_is_const(s, n->b) || ir_range(s->f, n->b).hi > 31)) {
        uint32_t label = asm_label(s->c);
        asm_branch_imm(s->c, CLASS_JMP32, JUMP_LE, rb, 31, label);
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, d, 0);
        asm_bind(s->c, label);
    }
    if (s->p.shown[id])
        asm_alu_imm(s->c, CLASS_ALU32, ALU_AND, d, s->p.known_max[id]);
    if (rb == ra)
        value_used(s, n->a);
    if (!select_is_const(s, n->b))
        value_used(s, n->b);
    result_done(s, id, d);
}

static void compute(struct select *s, uint32_t id)
{
    if (select_is_pointer(s, id)) {
        compute_pointer(s, id);
        return;
    }
    switch (select_node(s, id)->op) {
    case IR_META:
        compute_meta(s, id);
        return;
    case IR_LEN: {
        int d = result_register(s, id, NO_REGISTER);
        remake(s, id, d);
        result_done(s, id, d);
        return;
    }
    case IR_LOAD8:
    case IR_LOAD16:
    case IR_LOAD32:
        compute_load(s, id);
        return;
    case IR_LOOKUP16:
    case IR_LOOKUP32:
    case IR_LOOKUP48:
    case IR_LOOKUP128:
        compute_lookup(s, id);
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
        s->bug = true; /* constants need no step, and a PHI is in its home */
    }
}

/* ---------------------------------------------------------------- schedule of a block */

static void push(struct select *s, uint32_t id)
{
    if (!vec_push(s->p.arena, &s->stack, id))
        s->c->no_memory = true;
}

static void add_step(struct select *s, enum step_kind kind, uint32_t id, uint32_t with)
{
    struct step t = {(uint8_t)kind, id, with};

    if (!vec_push(s->p.arena, &s->step, t))
        s->c->no_memory = true;
}

/* Schedules what @id needs, and counts a use of it. */
static void want(struct select *s, uint32_t id)
{
    if (select_is_const(s, id))
        return;
    place_of(s, id)->uses++;
    push(s, id);
    while (s->stack.n && !s->c->no_memory) {
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

/* How far a guard's pointer has to reach. */
static uint32_t pointer_reach(const struct select *s, uint32_t id, const struct ir_guard *g)
{
    return (s->p.pointer.at[id - s->p.values].far ? 0 : g->offset) + g->size;
}

static void schedule(struct select *s)
{
    const struct ir_block *b = &s->p.block[s->block];

    s->step.n = 0;
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        if (g->base == IR_NONE)
            continue;
        if (s->p.access != ACCESS_DIRECT) {
            want(s, g->base);
            add_step(s, STEP_GUARD, g->base, i);
            continue;
        }
        uint32_t id = plan_pointer(&s->p, g->base, g->offset, g->size);
        if (select_is_home(s, id) && place_of(s, id)->reach >= pointer_reach(s, id, g))
            continue;
        want(s, id);
        add_step(s, STEP_GUARD, id, i);
    }
    for (uint32_t c = s->p.copy[s->block]; c != IR_NONE; c = s->p.copies.at[c].next) {
        want(s, s->p.copies.at[c].value);
        add_step(s, STEP_COPY, s->p.copies.at[c].phi, s->p.copies.at[c].value);
    }
    if (plan_wide(&s->p, s->block)) {
        /* what it loads is its own */
    } else if (plan_is_compare(&s->p, b)) {
        want(s, select_node(s, b->on)->a);
        want(s, select_node(s, b->on)->b);
    } else if (b->on != IR_NONE) {
        want(s, b->on);
    }
    add_step(s, STEP_END, b->on, 0);
}

/* ---------------------------------------------------------------- emission of a block */

static void emit_copy(struct select *s, uint32_t phi, uint32_t value)
{
    int h = s->p.home[phi];
    uint32_t k = select_is_const(s, value) ? select_node(s, value)->imm : 0;

    if (h < 0) {
        s->bug = true;
        return;
    }
    if (h < s->p.home_regs) {
        if (select_is_const(s, value))
            asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, select_home_register(s, h), k);
        else
            asm_alu(s->c, CLASS_ALU64, ALU_MOV, select_home_register(s, h), value_register(s, value));
    } else if (select_is_const(s, value) && k <= INT32_MAX) {
        asm_store_imm(s->c, REG_FRAME, home_offset(s, h), (int32_t)k);
    } else {
        asm_store(s->c, REG_FRAME, home_offset(s, h), value_register(s, value));
    }
    value_used(s, value);
    s->now->home[h].id = phi;
    s->now->home[h].reach = 0;
}

static void emit_compare(struct select *s, const struct ir_block *b)
{
    const struct ir_node *n = select_node(s, b->on);
    uint32_t no = b->to.at[0].target, yes = b->to.at[1].target;

    if (yes == s->next) {
        branch_if(s, n, true, label_of(no, s->labels));
        return;
    }
    branch_if(s, n, false, label_of(yes, s->labels));
    if (no != s->next)
        asm_jump(s->c, label_of(no, s->labels));
}

/* Keeps in @reg the bits that @w compares. */
static void mask_wide(struct select *s, const struct wide_test *w, int reg)
{
    if (w->shift) {
        asm_alu_imm(s->c, CLASS_ALU64, w->shift > 0 ? ALU_LSH : ALU_RSH, reg, (uint32_t)abs(w->shift));
    } else if (w->mask != UINT64_MAX) {
        int t = take_register(s);
        asm_load_imm64(s->c, t, w->mask);
        asm_alu(s->c, CLASS_ALU64, ALU_AND, reg, t);
        give_back(s, t);
    }
}

static void emit_wide(struct select *s, const struct wide_test *w)
{
    int r = take_register(s), t = NO_REGISTER;
    bool falls = w->yes == s->next;
    int op = falls ? JUMP_NE : JUMP_EQ;
    uint32_t label = label_of(falls ? w->no : w->yes, s->labels);

    check_likely(s, w->offset + 8);
    load_wide(s, w->offset, r);
    mask_wide(s, w, r);
    if (wide_immediate(w->value)) {
        asm_branch_imm(s->c, CLASS_JMP, op, r, (uint32_t)w->value, label);
    } else {
        t = take_register(s);
        asm_load_imm64(s->c, t, w->value);
        asm_branch(s->c, CLASS_JMP, op, r, t, label);
    }
    if (!falls && w->no != s->next)
        asm_jump(s->c, label_of(w->no, s->labels));
}

bool select_is_only_tested(struct select *s, uint32_t id)
{
    const struct ir_block *b = &s->p.block[s->block];

    return b->on == id && b->to.n == 2 && b->to.at[0].last == 0 && s->p.home[id] == HOME_NONE &&
           place_of(s, id)->uses == 1;
}

/* What a lookup gave, before it is made 0 or 1. */
static void emit_found(struct select *s, const struct ir_block *b)
{
    uint32_t no = b->to.at[0].target, yes = b->to.at[1].target;
    int r = value_register(s, b->on);

    if (yes == s->next) {
        asm_branch_imm(s->c, CLASS_JMP, JUMP_EQ, r, 0, label_of(no, s->labels));
        return;
    }
    asm_branch_imm(s->c, CLASS_JMP, JUMP_NE, r, 0, label_of(yes, s->labels));
    if (no != s->next)
        asm_jump(s->c, label_of(no, s->labels));
}

/* A switch of many cases. */
static void emit_cases(struct select *s, const struct ir_block *b)
{
    struct ir_range value = ir_range(s->f, b->on);
    int reg = value_register(s, b->on), work[3];
    unsigned raw_bits = s->p.raw[b->on] ? plan_raw_bits(&s->p, b->on) : 0;

    if (s->c->tables && table_suits(s->f, b)) {
        for (int i = 0; i < 3; i++)
            work[i] = take_register(s);
        if (table_emit(s->c, s->f, b, reg, work, raw_bits, s->next, s->labels))
            return;
    }
    switch_emit(s->c, b, value, reg, raw_bits, s->next, s->labels);
}

static void emit_return(struct select *s, const struct ir_block *b)
{
    if (select_is_const(s, b->on)) {
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 0, select_node(s, b->on)->imm);
    } else {
        int r = value_register(s, b->on);
        if (r != 0)
            asm_alu(s->c, CLASS_ALU32, ALU_MOV, 0, r);
    }
    asm_exit(s->c);
}

/* What ends the block. */
static void emit_end(struct select *s)
{
    const struct ir_block *b = &s->p.block[s->block];

    if (ir_returns(b))
        emit_return(s, b);
    else if (plan_wide(&s->p, s->block))
        emit_wide(s, plan_wide(&s->p, s->block));
    else if (b->on == IR_NONE || b->to.n == 1) {
        if (b->to.at[0].target != s->next)
            asm_jump(s->c, label_of(b->to.at[0].target, s->labels));
    } else if (plan_is_compare(&s->p, b)) {
        emit_compare(s, b);
    } else if (ir_is_lookup(select_node(s, b->on)) && select_is_only_tested(s, b->on)) {
        emit_found(s, b);
    } else {
        emit_cases(s, b);
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
        s->c->no_memory = true;
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
    for (uint32_t i = 0; i < plan_targets(&s->p, s->block) && !s->c->no_memory; i++) {
        uint32_t t = plan_target(&s->p, s->block, i);
        if (t >= s->f->block.n || s->edge_seen[t] == s->block + 1)
            continue;
        s->edge_seen[t] = s->block + 1;
        merge_into(s, t);
    }
    s->now->next = s->free_known;
    s->free_known = s->now;
    s->in[s->block] = s->now = NULL;
}

static void emit_guard(struct select *s, uint32_t id, const struct ir_guard *g)
{
    if (s->p.access != ACCESS_DIRECT)
        check_base(s, id, g->offset, g->size);
    else if (place_of(s, id)->reach < pointer_reach(s, id, g))
        check_pointer(s, id, value_register(s, id), pointer_reach(s, id, g));
    value_used(s, id);
}

static void emit_block(struct select *s)
{
    const struct ir_block *b = &s->p.block[s->block];

    asm_bind(s->c, s->labels.block + s->block);
    s->c->at = b->at;
    if (s->p.never[s->block]) {
        asm_jump(s->c, s->fail);
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
    check_packet(s, s->p.reach[s->block]);
    schedule(s);
    for (uint32_t i = 0; i < s->step.n && !select_stopped(s); i++) {
        const struct step t = s->step.at[i];
        switch ((enum step_kind)t.kind) {
        case STEP_COMPUTE:
            compute(s, t.id);
            break;
        case STEP_GUARD:
            emit_guard(s, t.id, &b->guard.at[t.with]);
            break;
        case STEP_COPY:
            emit_copy(s, t.id, t.with);
            break;
        case STEP_END:
            emit_end(s);
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
    return b < s->f->block.n ? b : IR_ACCEPT; /* what follows the last block */
}

int select_init(struct select *s, struct ir_func *f, struct arena *arena, struct asm_code *c,
                const struct piece *q)
{
    s->f = f;
    s->c = c;
    s->target = q->plan.target;
    s->labels = q->labels;
    s->fail = q->fail;
    s->doubt = q->doubt;
    return plan_make(&s->p, f, arena, &q->plan);
}

int select_emit(struct select *s, const struct piece *q)
{
    struct arena *arena = s->p.arena;
    uint32_t blocks = s->f->block.n;

    s->data = q->data;
    s->end = q->end;
    s->context = q->context;
    s->len = q->len;
    s->in = arena_array(arena, struct known *, blocks);
    s->edge_seen = arena_array(arena, uint32_t, blocks);
    s->place = arena_array(arena, struct place, s->p.ids);
    s->pool = q->pool & ~s->p.home_registers & ~(q->miss == MISS_AT_END ? 0u : 1u);
    s->slots_from = s->p.homes > (uint32_t)s->p.home_regs ? s->p.homes - (uint32_t)s->p.home_regs : 0;
    if (!s->in || !s->edge_seen || !s->place)
        return WEIR_E_MEMORY;
    if (s->p.access == ACCESS_COPY)
        fill_window(s);
    if (q->miss == MISS_FIRST)
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 0, q->on_miss);
    for (uint32_t b = next_block(s, s->f->entry); b < blocks && !select_stopped(s); b = s->next) {
        s->block = b;
        s->next = next_block(s, b + 1);
        emit_block(s);
    }
    return s->c->no_memory ? WEIR_E_MEMORY : s->bug ? WEIR_E_BUG : s->no_stack ? WEIR_E_LIMIT : 0;
}
