/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/asm.c - assembler: instructions with symbolic jumps.
 *
 *   code 8 | dst 4, src 4 | offset 16 | imm 32
 *
 * A jump's distance is counted from the instruction behind it and has 16 bits. One that may be farther
 * becomes its opposite over a 32-bit jump.
 */
#include "backends/ebpf/internal.h"

void asm_init(struct asm_code *c, struct arena *arena, uint32_t labels, uint32_t limit)
{
    *c = (struct asm_code){.arena = arena, .limit = limit < EBPF_KERNEL_MAX ? limit : EBPF_KERNEL_MAX};
    if (!vec_reserve(arena, &c->label, labels)) {
        c->no_memory = true;
        return;
    }
    while (c->label.n < labels)
        c->label.at[c->label.n++] = IR_NONE;
}

uint32_t asm_label(struct asm_code *c)
{
    if (!vec_push(c->arena, &c->label, IR_NONE)) {
        c->no_memory = true;
        return 0;
    }
    return c->label.n - 1;
}

void asm_bind(struct asm_code *c, uint32_t label)
{
    if (!asm_failed(c))
        c->label.at[label] = c->item.n;
}

static void put(struct asm_code *c, int code, int dst, int src, int offset, uint32_t imm, uint32_t label)
{
    struct asm_item it = {
        {(uint8_t)code, (uint8_t)(dst | src << 4), (int16_t)offset, (int32_t)imm},
        label,
    };

    if (asm_failed(c))
        return;
    if (c->item.n >= c->limit)
        c->too_long = true;
    else if (!vec_push(c->arena, &c->item, it))
        c->no_memory = true;
}

void asm_alu(struct asm_code *c, int cls, int op, int dst, int src)
{
    put(c, cls | FROM_X | op, dst, src, 0, 0, IR_NONE);
}

void asm_alu_imm(struct asm_code *c, int cls, int op, int dst, uint32_t imm)
{
    put(c, cls | FROM_K | op, dst, 0, 0, imm, IR_NONE);
}

void asm_swap(struct asm_code *c, int dst, unsigned bits)
{
    put(c, CLASS_ALU32 | FROM_X | ALU_END, dst, 0, 0, bits, IR_NONE);
}

void asm_load(struct asm_code *c, unsigned bytes, int dst, int base, int offset)
{
    int size = bytes == 1 ? SIZE_B : bytes == 2 ? SIZE_H : bytes == 4 ? SIZE_W : SIZE_DW;

    put(c, CLASS_LDX | MODE_MEM | size, dst, base, offset, 0, IR_NONE);
}

void asm_store(struct asm_code *c, int base, int offset, int src)
{
    put(c, CLASS_STX | MODE_MEM | SIZE_DW, base, src, offset, 0, IR_NONE);
}

void asm_store_imm(struct asm_code *c, int base, int offset, int32_t imm)
{
    put(c, CLASS_ST | MODE_MEM | SIZE_DW, base, 0, offset, (uint32_t)imm, IR_NONE);
}

void asm_jump(struct asm_code *c, uint32_t label)
{
    put(c, CLASS_JMP | JUMP_A, 0, 0, 0, 0, label);
}

void asm_branch(struct asm_code *c, int cls, int op, int dst, int src, uint32_t label)
{
    put(c, cls | FROM_X | op, dst, src, 0, 0, label);
}

void asm_branch_imm(struct asm_code *c, int cls, int op, int dst, uint32_t imm, uint32_t label)
{
    put(c, cls | FROM_K | op, dst, 0, 0, imm, label);
}

void asm_exit(struct asm_code *c)
{
    put(c, CLASS_JMP | JUMP_EXIT, 0, 0, 0, 0, IR_NONE);
}

int asm_invert(int op)
{
    static const uint8_t opposite[16] = {
        [JUMP_EQ >> 4] = JUMP_NE, [JUMP_NE >> 4] = JUMP_EQ, [JUMP_GT >> 4] = JUMP_LE,
        [JUMP_LE >> 4] = JUMP_GT, [JUMP_GE >> 4] = JUMP_LT, [JUMP_LT >> 4] = JUMP_GE,
    };
    return opposite[op >> 4];
}

static bool is_conditional(const struct asm_item *it)
{
    return it->label != IR_NONE && (it->insn.code & 0xf0) != JUMP_A;
}

/* at[i]: position of item i when the conditional jumps that `wide` marks (all, if NULL) take two places. */
static void place(const struct asm_code *c, const bool *wide, uint32_t *at)
{
    uint32_t pc = 0;

    for (uint32_t i = 0; i < c->item.n; i++) {
        at[i] = pc;
        pc += 1 + (is_conditional(&c->item.at[i]) && (!wide || wide[i]));
    }
    at[c->item.n] = pc;
}

int asm_finish(struct asm_code *c, struct ebpf_code *out)
{
    if (c->too_long)
        return WEIR_E_LIMIT;
    uint32_t *at = arena_array(c->arena, uint32_t, (size_t)c->item.n + 1);
    bool *wide = arena_array(c->arena, bool, (size_t)c->item.n + 1);
    if (c->no_memory || !at || !wide)
        return WEIR_E_MEMORY;

    /* Distances only shrink from the widest placement to the final one, so one look decides. */
    place(c, NULL, at);
    for (uint32_t i = 0; i < c->item.n; i++) {
        const struct asm_item *it = &c->item.at[i];
        if (it->label != IR_NONE)
            wide[i] = at[c->label.at[it->label]] - at[i] > INT16_MAX; /* all jumps go forward */
    }
    place(c, wide, at);
    if (at[c->item.n] > c->limit)
        return WEIR_E_LIMIT;
    if (!vec_reserve(out->arena, &out->insn, at[c->item.n]))
        return WEIR_E_MEMORY;

    for (uint32_t i = 0; i < c->item.n; i++) {
        struct weir_ebpf_insn in = c->item.at[i].insn;
        if (c->item.at[i].label != IR_NONE) {
            uint32_t pc = at[i];
            uint32_t to = at[c->label.at[c->item.at[i].label]];
            if (wide[i]) {
                if (is_conditional(&c->item.at[i])) {
                    in.code = (uint8_t)((in.code & 0x0f) | asm_invert(in.code & 0xf0));
                    in.offset = 1;
                    out->insn.at[out->insn.n++] = in;
                    pc++;
                }
                in = (struct weir_ebpf_insn){CLASS_JMP32 | JUMP_A, 0, 0, (int32_t)(to - pc - 1)};
            } else {
                in.offset = (int16_t)(to - pc - 1);
            }
        }
        out->insn.at[out->insn.n++] = in;
    }
    return 0;
}
