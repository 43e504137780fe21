/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/access.c - packet access: checks and loads, through pointers, a copy on the stack, or calls.
 *
 * DIRECT: a guard is `pointer + reach > end`, once for each new reach. A load in front of which the verifier
 * could not know its reach gets a check of its own. It never fails: the IR has loads only behind their
 * guards.
 *
 * COPY and LOADS: a guard compares numbers, an address with the packet's length, so what is loaded behind it
 * is there. A load that runs ahead of its guard (in the same block, which rejects then) may see zeros.
 *
 *   the window      fp - window + phase + address: the packet's first bytes, as far as it has them
 *   behind it       8 bytes that a single load's call writes to
 */
#include "backends/ebpf/select.h"

static void check(struct select *s, int pointer, uint32_t reach, uint32_t fail)
{
    bool by_length = s->target->reads == READS_SKB;

    if (by_length && pointer == s->data) {
        asm_branch_imm(s->c, CLASS_JMP32, JUMP_LT, s->end, reach, fail);
        return;
    }
    int t = take_register(s);
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, t, pointer);
    if (by_length)
        asm_alu(s->c, CLASS_ALU64, ALU_SUB, t, s->data);
    asm_alu_imm(s->c, CLASS_ALU64, ALU_ADD, t, reach);
    asm_branch(s->c, CLASS_JMP, JUMP_GT, t, s->end, fail);
    give_back(s, t);
}

void check_packet(struct select *s, uint32_t reach)
{
    if (reach <= s->now->reach)
        return;
    if (s->p.access == ACCESS_DIRECT) {
        uint32_t wider = plan_wider_reach(&s->p, IR_NONE, reach);
        check(s, s->data, wider, wider > reach ? s->doubt : s->fail);
        reach = wider;
    } else {
        asm_branch_imm(s->c, CLASS_JMP32, JUMP_LT, s->len, reach, s->fail);
    }
    s->now->reach = reach;
}

void check_likely(struct select *s, uint32_t reach)
{
    if (s->p.access != ACCESS_DIRECT || reach <= s->now->reach)
        return;
    check(s, s->data, reach, s->doubt);
    s->now->reach = reach;
}

static void reach_known(struct select *s, uint32_t id, uint32_t reach)
{
    place_of(s, id)->reach = reach;
    if (select_is_home(s, id))
        s->now->home[s->p.home[id]].reach = reach;
}

void check_pointer(struct select *s, uint32_t id, int reg, uint32_t reach)
{
    if (reach <= place_of(s, id)->reach)
        return;
    uint32_t wider = s->p.pointer.at[id - s->p.values].far ? reach : plan_wider_reach(&s->p, id, reach);
    check(s, reg, wider, wider > reach ? s->doubt : s->fail);
    reach_known(s, id, wider);
}

/* A jump that is always taken. Linux refuses code that cannot be reached by the look of its jumps. */
static void fail_always(struct select *s)
{
    asm_branch_imm(s->c, CLASS_JMP32, JUMP_GE, s->len, 0, s->fail);
}

void check_base(struct select *s, uint32_t base, uint32_t offset, uint32_t size)
{
    if (select_is_const(s, base)) {
        uint64_t reach = (uint64_t)(uint32_t)(select_node(s, base)->imm + offset) + size;
        if (reach > INT32_MAX)
            fail_always(s);
        else
            check_packet(s, (uint32_t)reach);
        return;
    }
    bool wraps = (uint64_t)ir_range(s->f, base).hi + offset + size > UINT32_MAX;
    if (size > INT32_MAX || (!wraps && offset + size > INT32_MAX)) {
        fail_always(s);
        return;
    }
    if (!wraps && offset + size <= place_of(s, base)->reach)
        return;
    int v = value_register(s, base), t = take_register(s);
    asm_alu(s->c, CLASS_ALU32, ALU_MOV, t, v);
    if (wraps && offset)
        asm_alu_imm(s->c, CLASS_ALU32, ALU_ADD, t, offset);
    asm_alu_imm(s->c, CLASS_ALU64, ALU_ADD, t, wraps ? size : offset + size);
    asm_branch(s->c, CLASS_JMP, JUMP_GT, t, s->len, s->fail);
    give_back(s, t);
    if (!wraps)
        reach_known(s, base, offset + size);
}

/* ---------------------------------------------------------------- what is not a load of packet bytes */

static void load_context(struct select *s, int field, int dst)
{
    asm_load(s->c, 4, dst, s->context, field);
}

static void load_len(struct select *s, int dst)
{
    if (s->target->len != NOT_THERE) {
        load_context(s, s->target->len, dst);
        return;
    }
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, dst, s->end);
    asm_alu(s->c, CLASS_ALU64, ALU_SUB, dst, s->data);
}

static void load_meta(struct select *s, const struct ir_node *n, int dst)
{
    const struct ebpf_meta *m = ebpf_target_meta(s->target, n->imm);

    load_context(s, m->field, dst);
    if (m->packet_order)
        asm_swap(s->c, dst, 16);
}

/* ---------------------------------------------------------------- direct */

static void load_direct(struct select *s, const struct ir_node *n, int dst)
{
    unsigned size = ir_load_size(n);

    if (n->imm > EBPF_REACH_MAX - size) { /* its guard has failed */
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, dst, 0);
        return;
    }
    check_packet(s, n->imm + size);
    if (n->imm <= INT16_MAX) {
        asm_load(s->c, size, dst, s->data, (int)n->imm);
        return;
    }
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, dst, s->data);
    asm_alu_imm(s->c, CLASS_ALU64, ALU_ADD, dst, n->imm);
    asm_load(s->c, size, dst, dst, 0);
}

/* Shows the verifier the range of @v, which was copied to @d to be part of an address. */
static void show_range(struct select *s, uint32_t v, int d)
{
    uint32_t mask = plan_bounding_mask(&s->p, v);

    if (mask != UINT32_MAX)
        asm_alu_imm(s->c, CLASS_ALU32, ALU_AND, d, mask);
}

/* What is added to data for far pointer @w, in range, to @d; the base is in @v. */
static void far_offset(struct select *s, const struct ebpf_pointer *w, int d, int v)
{
    if (d != v)
        asm_alu(s->c, CLASS_ALU32, ALU_MOV, d, v);
    if (w->add)
        add_constant(s, ALU_ADD, d, w->add);
    asm_branch_imm(s->c, CLASS_JMP, JUMP_GT, d, EBPF_REACH_MAX - w->size, s->fail);
}

/* Onto data, never the other way: of memory that is not a packet's, Linux takes a number + a pointer for a
 * number. */
static void compute_pointer_onto(struct select *s, uint32_t id)
{
    const struct ebpf_pointer *w = &s->p.pointer.at[id - s->p.values];
    int v = value_register(s, w->base), d = result_register(s, id, NO_REGISTER);
    int offset = w->far ? take_register(s) : v;

    if (w->far)
        far_offset(s, w, offset, v);
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, d, s->data);
    asm_alu(s->c, CLASS_ALU64, ALU_ADD, d, offset);
    if (w->far)
        give_back(s, offset);
    value_used(s, w->base);
    result_done(s, id, d);
}

void compute_pointer(struct select *s, uint32_t id)
{
    const struct ebpf_pointer *w = &s->p.pointer.at[id - s->p.values];

    if (s->target->reads == READS_SKB) {
        compute_pointer_onto(s, id);
        return;
    }
    int v = value_register(s, w->base);
    value_used(s, w->base);
    int d = result_register(s, id, v);
    if (w->far)
        far_offset(s, w, d, v);
    else if (d != v)
        asm_alu(s->c, CLASS_ALU64, ALU_MOV, d, v);
    if (!w->far)
        show_range(s, w->base, d);
    asm_alu(s->c, CLASS_ALU64, ALU_ADD, d, s->data);
    result_done(s, id, d);
}

static int compute_direct(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    unsigned size = ir_load_size(n);
    int d;

    if (n->a == IR_NONE) {
        d = result_register(s, id, NO_REGISTER);
        load_direct(s, n, d);
        return d;
    }
    uint32_t pointer = plan_pointer(&s->p, n->a, n->imm, size);
    uint32_t at = s->p.pointer.at[pointer - s->p.values].far ? 0 : n->imm;
    int r = value_register(s, pointer);
    check_pointer(s, pointer, r, at + size);
    value_used(s, pointer);
    d = result_register(s, id, r);
    asm_load(s->c, size, d, r, (int)at);
    return d;
}

/* ---------------------------------------------------------------- the window */

/* From @base + @offset, in parts that the verifier knows to be aligned, as it asks for on the stack. */
static void load_parts(struct select *s, unsigned size, unsigned part, int dst, int base, int offset)
{
    if (part == size) {
        asm_load(s->c, size, dst, base, offset);
        return;
    }
    int sum = dst == base ? take_register(s) : dst, t = take_register(s);
    asm_load(s->c, part, sum, base, offset);
    for (unsigned i = part; i < size; i += part) {
        asm_load(s->c, part, t, base, offset + (int)i);
        asm_alu_imm(s->c, CLASS_ALU32, ALU_LSH, t, 8 * i);
        asm_alu(s->c, CLASS_ALU32, ALU_OR, sum, t);
    }
    give_back(s, t);
    if (sum != dst) {
        asm_alu(s->c, CLASS_ALU32, ALU_MOV, dst, sum);
        give_back(s, sum);
    }
}

static int window_offset(const struct select *s, uint32_t address)
{
    return (int)address + (int)s->p.phase - (int)s->p.window;
}

static void load_copied(struct select *s, const struct ir_node *n, uint32_t address, int dst)
{
    load_parts(s, ir_load_size(n), plan_aligned_part(&s->p, n), dst, REG_FRAME, window_offset(s, address));
}

static int compute_copied(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    uint32_t address;

    if (plan_is_absolute(&s->p, n, &address)) {
        int d = result_register(s, id, NO_REGISTER);
        load_copied(s, n, address, d);
        return d;
    }
    int r = value_register(s, n->a);
    value_used(s, n->a);
    int d = result_register(s, id, r);
    if (d != r)
        asm_alu(s->c, CLASS_ALU64, ALU_MOV, d, r);
    show_range(s, n->a, d);
    asm_alu(s->c, CLASS_ALU64, ALU_ADD, d, REG_FRAME);
    load_parts(s, ir_load_size(n), plan_aligned_part(&s->p, n), d, d, window_offset(s, n->imm));
    return d;
}

void load_wide(struct select *s, uint32_t offset, int dst)
{
    if (s->p.access == ACCESS_DIRECT)
        asm_load(s->c, 8, dst, s->data, (int)offset);
    else
        asm_load(s->c, 8, dst, REG_FRAME, window_offset(s, offset));
}

/* Bytes from @from on to the stack; the length is in r4. */
static void call_load_bytes(struct select *s, int to)
{
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, 1, s->context);
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, 3, REG_FRAME);
    asm_alu_imm(s->c, CLASS_ALU64, ALU_ADD, 3, (uint32_t)to);
    asm_call(s->c, s->target->load_bytes);
}

void fill_window(struct select *s)
{
    uint32_t bytes = s->p.window - s->p.phase;
    uint32_t part = asm_label(s->c), done = asm_label(s->c);

    if (!s->p.window)
        return;
    asm_branch_imm(s->c, CLASS_JMP32, JUMP_LT, s->len, bytes, part);
    asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 2, 0);
    asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 4, bytes);
    call_load_bytes(s, window_offset(s, 0));
    asm_jump(s->c, done);
    /* A shorter packet: the verifier wants the rest of the copy written too. */
    asm_bind(s->c, part);
    for (uint32_t i = 0; i < s->p.window; i += 8)
        asm_store_imm(s->c, REG_FRAME, (int)i - (int)s->p.window, 0);
    asm_branch_imm(s->c, CLASS_JMP32, JUMP_EQ, s->len, 0, done);
    asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 2, 0);
    asm_alu(s->c, CLASS_ALU32, ALU_MOV, 4, s->len);
    call_load_bytes(s, window_offset(s, 0));
    asm_bind(s->c, done);
}

/* ---------------------------------------------------------------- calls */

/* The address of load @n to a register that may be r2; its base's use is over. */
static int load_address(struct select *s, const struct ir_node *n)
{
    uint32_t address;
    int r = NO_REGISTER;

    if (plan_is_absolute(&s->p, n, &address)) {
        save_registers(s);
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 2, address);
        return 2;
    }
    r = value_register(s, n->a);
    value_used(s, n->a);
    save_registers(s);
    if (r != 2)
        asm_alu(s->c, CLASS_ALU32, ALU_MOV, 2, r);
    if (n->imm)
        asm_alu_imm(s->c, CLASS_ALU32, ALU_ADD, 2, n->imm);
    return 2;
}

static int compute_called(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    unsigned size = ir_load_size(n);
    int to = -(int)s->p.frame;

    load_address(s, n);
    asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 4, size);
    call_load_bytes(s, to);
    int d = result_register(s, id, NO_REGISTER);
    asm_load(s->c, size, d, REG_FRAME, to);
    return d;
}

static int compute_packet_load(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    unsigned size = ir_load_size(n);
    uint32_t address;

    if (plan_is_absolute(&s->p, n, &address)) {
        save_registers(s);
        asm_packet_load(s->c, size, NO_REGISTER, address);
    } else if ((uint64_t)ir_range(s->f, n->a).hi + n->imm <= INT32_MAX) {
        int r = value_register(s, n->a);
        value_used(s, n->a);
        save_registers(s);
        asm_packet_load(s->c, size, r, n->imm);
    } else {
        asm_packet_load(s->c, size, load_address(s, n), 0);
    }
    int d = result_register(s, id, NO_REGISTER);
    if (d != 0)
        asm_alu(s->c, CLASS_ALU64, ALU_MOV, d, 0);
    return d;
}

/* ---------------------------------------------------------------- keys of lookups */

/* @bytes from @base + @offset to the frame at @to, at most @part at once. */
static void copy_bytes(struct select *s, unsigned bytes, unsigned part, int base, int offset, int to)
{
    int t = take_register(s);

    for (unsigned at = 0; at < bytes; at += part) {
        while (part > bytes - at)
            part /= 2;
        asm_load(s->c, part, t, base, offset + (int)at);
        asm_store_part(s->c, part, REG_FRAME, to + (int)at, t);
    }
    give_back(s, t);
}

static bool copy_direct(struct select *s, const struct ir_node *n, int to)
{
    unsigned bytes = ir_read_bytes(n);

    if (n->a != IR_NONE) {
        uint32_t pointer = plan_pointer(&s->p, n->a, n->imm, bytes);
        uint32_t at = s->p.pointer.at[pointer - s->p.values].far ? 0 : n->imm;
        int r = value_register(s, pointer);
        check_pointer(s, pointer, r, at + bytes);
        copy_bytes(s, bytes, 8, r, (int)at, to);
        value_used(s, pointer);
        return true;
    }
    if (n->imm > EBPF_REACH_MAX - bytes)
        return false;
    check_packet(s, n->imm + bytes);
    if (n->imm <= INT16_MAX - bytes) {
        copy_bytes(s, bytes, 8, s->data, (int)n->imm, to);
        return true;
    }
    int t = take_register(s);
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, t, s->data);
    asm_alu_imm(s->c, CLASS_ALU64, ALU_ADD, t, n->imm);
    copy_bytes(s, bytes, 8, t, 0, to);
    give_back(s, t);
    return true;
}

static void copy_from_window(struct select *s, const struct ir_node *n, int to)
{
    unsigned bytes = ir_read_bytes(n), part = plan_aligned_part(&s->p, n);
    uint32_t address;

    if (plan_is_absolute(&s->p, n, &address)) {
        copy_bytes(s, bytes, part, REG_FRAME, window_offset(s, address), to);
        return;
    }
    int r = value_register(s, n->a), t = take_register(s);
    value_used(s, n->a);
    asm_alu(s->c, CLASS_ALU64, ALU_MOV, t, r);
    show_range(s, n->a, t);
    asm_alu(s->c, CLASS_ALU64, ALU_ADD, t, REG_FRAME);
    copy_bytes(s, bytes, part, t, window_offset(s, n->imm), to);
    give_back(s, t);
}

bool copy_key(struct select *s, uint32_t id, int to)
{
    const struct ir_node *n = select_node(s, id);

    if (s->p.access == ACCESS_DIRECT)
        return copy_direct(s, n, to);
    if (plan_in_window(&s->p, n)) {
        copy_from_window(s, n, to);
        return true;
    }
    load_address(s, n);
    asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, 4, ir_read_bytes(n));
    call_load_bytes(s, to);
    return true;
}

/* ---------------------------------------------------------------- all of them */

void compute_load(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    int d;

    if (s->p.access == ACCESS_DIRECT)
        d = compute_direct(s, id);
    else if (s->p.access == ACCESS_LOADS)
        d = compute_packet_load(s, id);
    else if (plan_in_window(&s->p, n))
        d = compute_copied(s, id);
    else
        d = compute_called(s, id);
    if (ir_load_size(n) > 1 && !s->p.raw[id] && s->p.access != ACCESS_LOADS)
        asm_swap(s->c, d, 8 * ir_load_size(n));
    result_done(s, id, d);
}

void compute_meta(struct select *s, uint32_t id)
{
    const struct ir_node *n = select_node(s, id);
    bool asked = plan_is_asked(&s->p, n);

    if (asked) {
        save_registers(s);
        asm_call(s->c, ebpf_target_meta(s->target, n->imm)->helper);
    }
    int d = result_register(s, id, NO_REGISTER);
    if (!asked)
        load_meta(s, n, d);
    else if (d != 0)
        asm_alu(s->c, CLASS_ALU32, ALU_MOV, d, 0);
    result_done(s, id, d);
}

bool is_remade(const struct select *s, uint32_t id)
{
    uint32_t address;

    if (select_is_pointer(s, id))
        return false;
    const struct ir_node *n = select_node(s, id);
    if (n->op == IR_LEN || n->op == IR_META)
        return !plan_is_asked(&s->p, n);
    if (!ir_is_load(n) || plan_is_dear(&s->p, n))
        return false;
    return s->p.access == ACCESS_DIRECT ? n->a == IR_NONE : plan_is_absolute(&s->p, n, &address);
}

void remake(struct select *s, uint32_t id, int dst)
{
    const struct ir_node *n = select_node(s, id);
    uint32_t address;

    if (n->op == IR_LEN) {
        load_len(s, dst);
        return;
    }
    if (n->op == IR_META) {
        load_meta(s, n, dst);
        return;
    }
    if (s->p.access == ACCESS_DIRECT)
        load_direct(s, n, dst);
    else if (plan_is_absolute(&s->p, n, &address))
        load_copied(s, n, address, dst);
    if (ir_load_size(n) > 1 && !s->p.raw[id])
        asm_swap(s->c, dst, 8 * ir_load_size(n));
}
