/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/asm.c - assembler: instructions with symbolic jumps.
 *
 *   code 8 | dst 4, src 4 | offset 16 | imm 32
 *
 * A jump's distance is counted from the instruction behind it and has 16 bits.
 */
#include "backends/ebpf/internal.h"
#include <string.h>

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
        c->at,
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

void asm_load_imm64(struct asm_code *c, int dst, uint64_t k)
{
    put(c, CLASS_LD | MODE_IMM | SIZE_DW, dst, 0, 0, (uint32_t)k, IR_NONE);
    put(c, 0, 0, 0, 0, (uint32_t)(k >> 32), IR_NONE);
}

/* Of the next instruction. */
static void relocate(struct asm_code *c, uint32_t kind, uint32_t addend)
{
    struct asm_reloc r = {c->item.n, kind, addend};

    if (!asm_failed(c) && !vec_push(c->arena, &c->reloc, r))
        c->no_memory = true;
}

void asm_load_reloc(struct asm_code *c, int dst, uint32_t kind, uint32_t addend)
{
    relocate(c, kind, addend);
    asm_load_imm64(c, dst, 0);
}

void asm_load_field(struct asm_code *c, int dst, int base, enum ebpf_skb_field f)
{
    relocate(c, EBPF_RELOC_FIELD, f);
    asm_load(c, ebpf_skb_fields[f].bytes, dst, base, (int)ebpf_skb_fields[f].at);
}

void asm_packet_load(struct asm_code *c, unsigned bytes, int index, uint32_t offset)
{
    int size = bytes == 1 ? SIZE_B : bytes == 2 ? SIZE_H : SIZE_W;

    if (index == NO_REGISTER)
        put(c, CLASS_LD | MODE_ABS | size, 0, 0, 0, offset, IR_NONE);
    else
        put(c, CLASS_LD | MODE_IND | size, 0, index, 0, offset, IR_NONE);
}

void asm_call(struct asm_code *c, int helper)
{
    put(c, CLASS_JMP | JUMP_CALL, 0, 0, 0, (uint32_t)helper, IR_NONE);
}

void asm_call_kfunc(struct asm_code *c, enum ebpf_kfunc f)
{
    relocate(c, EBPF_RELOC_KFUNC, f);
    put(c, CLASS_JMP | JUMP_CALL, 0, CALL_KFUNC, 0, 0, IR_NONE);
}

void asm_store(struct asm_code *c, int base, int offset, int src)
{
    asm_store_part(c, 8, base, offset, src);
}

void asm_store_imm(struct asm_code *c, int base, int offset, int32_t imm)
{
    put(c, CLASS_ST | MODE_MEM | SIZE_DW, base, 0, offset, (uint32_t)imm, IR_NONE);
}

void asm_store_part(struct asm_code *c, unsigned bytes, int base, int offset, int src)
{
    int size = bytes == 1 ? SIZE_B : bytes == 2 ? SIZE_H : bytes == 4 ? SIZE_W : SIZE_DW;

    put(c, CLASS_STX | MODE_MEM | size, base, src, offset, 0, IR_NONE);
}

void asm_store_word(struct asm_code *c, int base, int offset, uint32_t imm)
{
    put(c, CLASS_ST | MODE_MEM | SIZE_W, base, 0, offset, imm, IR_NONE);
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

/* ---------------------------------------------------------------- layout */

#define ISLAND_AGE  16000 /* jumps this old are relayed when there is an island anyway */
#define OFFSET_ROOM 32000 /* of the 32,767 a jump reaches */

/* A jump in the output whose label is not there yet. */
struct pending_jump {
    uint32_t at, label;
    uint32_t next; /* of the same label: index + 1 */
    bool resolved;
};

struct layout {
    struct asm_code *c;
    struct ebpf_code *out;
    VEC(struct pending_jump) jump; /* in the order of `at` */
    uint32_t oldest;               /* none in front of it is unresolved */
    uint32_t *of_label;            /* by label: its jumps, index + 1 */
    uint32_t labels;               /* that have some */
    bool no_memory;
};

static void put_out(struct layout *l, struct weir_ebpf_insn in, struct span at)
{
    l->no_memory |= !vec_push(l->c->arena, &l->out->insn, in) || !vec_push(l->c->arena, &l->out->at, at);
}

static void put_jump(struct layout *l, struct weir_ebpf_insn in, struct span at, uint32_t label)
{
    struct pending_jump j = {l->out->insn.n, label, l->of_label[label], false};

    l->labels += j.next == 0;
    if (!vec_push(l->c->arena, &l->jump, j))
        l->no_memory = true;
    else
        l->of_label[label] = l->jump.n;
    put_out(l, in, at);
}

/* The label's place is the next instruction's. */
static void resolve(struct layout *l, uint32_t label)
{
    l->labels -= l->of_label[label] != 0;
    for (uint32_t i = l->of_label[label]; i && !l->no_memory; i = l->jump.at[i - 1].next) {
        struct pending_jump *j = &l->jump.at[i - 1];
        l->out->insn.at[j->at].offset = (int16_t)(l->out->insn.n - j->at - 1);
        j->resolved = true;
    }
    l->of_label[label] = 0;
}

static bool falls_through(const struct ebpf_code *out)
{
    uint8_t code = out->insn.at[out->insn.n - 1].code;

    return code != (CLASS_JMP | JUMP_A) && code != (CLASS_JMP | JUMP_EXIT);
}

/* Whether the oldest jump would be out of reach if the island came later. */
static bool island_is_due(struct layout *l)
{
    while (l->oldest < l->jump.n && l->jump.at[l->oldest].resolved)
        l->oldest++;
    return l->oldest < l->jump.n && l->out->insn.n - l->jump.at[l->oldest].at + l->labels > OFFSET_ROOM;
}

/* Jumps to the labels that old jumps wait for; those now go here. */
static void put_island(struct layout *l)
{
    const struct weir_ebpf_insn ja = {.code = CLASS_JMP | JUMP_A};
    uint32_t n = l->jump.n, over = l->out->insn.n;
    bool falls = falls_through(l->out);

    if (falls)
        put_out(l, ja, l->c->at);
    for (uint32_t i = l->oldest; i < n && !l->no_memory && l->jump.at[i].at + ISLAND_AGE < over; i++) {
        uint32_t label = l->jump.at[i].label;
        if (l->jump.at[i].resolved)
            continue;
        resolve(l, label);
        put_jump(l, ja, l->c->at, label);
    }
    if (falls && !l->no_memory)
        l->out->insn.at[over].offset = (int16_t)(l->out->insn.n - over - 1);
}

/* Lists of the labels at each item: *@first by item, the result by label, index + 1. */
static uint32_t *labels_by_item(const struct asm_code *c, uint32_t **first)
{
    uint32_t *next = arena_array(c->arena, uint32_t, c->label.n);

    *first = arena_array(c->arena, uint32_t, (size_t)c->item.n + 1);
    for (uint32_t i = 0; *first && next && i < c->label.n; i++)
        if (c->label.at[i] != IR_NONE) {
            next[i] = (*first)[c->label.at[i]];
            (*first)[c->label.at[i]] = i + 1;
        }
    return *first ? next : NULL;
}

/*
 * All jumps go forward and have 16 bits. Where one would not reach, an island of jumps is laid that relay it
 * (Linux before 6.6 has no longer ones).
 */
int asm_finish(struct asm_code *c, struct ebpf_code *out)
{
    struct layout l = {.c = c, .out = out};
    uint32_t *first = NULL, *next = labels_by_item(c, &first), relocs = 0;

    if (c->too_long)
        return WEIR_E_LIMIT;
    l.of_label = arena_array(c->arena, uint32_t, c->label.n);
    if (c->no_memory || !next || !l.of_label || !vec_reserve(out->arena, &out->insn, c->item.n) ||
        !vec_reserve(out->arena, &out->at, c->item.n) || !vec_reserve(out->arena, &out->rodata, c->rodata.n))
        return WEIR_E_MEMORY;
    if (c->rodata.n)
        memcpy(out->rodata.at, c->rodata.at, c->rodata.n);
    out->rodata.n = c->rodata.n;
    c->at = (struct span){0, 0};
    for (uint32_t i = 0; i < c->item.n && !l.no_memory; i++) {
        const struct asm_item *it = &c->item.at[i];
        if (it->insn.code && island_is_due(&l)) /* 0: the second half of a load */
            put_island(&l);
        for (uint32_t k = first[i]; k; k = next[k - 1])
            resolve(&l, k - 1);
        if (c->cold == i)
            out->cold = out->insn.n;
        if (relocs < c->reloc.n && c->reloc.at[relocs].item == i) {
            struct ebpf_reloc r = {out->insn.n, c->reloc.at[relocs].kind, c->reloc.at[relocs].addend};
            l.no_memory |= !vec_push(out->arena, &out->reloc, r);
            relocs++;
        }
        if (it->label == IR_NONE)
            put_out(&l, it->insn, it->at);
        else
            put_jump(&l, it->insn, it->at, it->label);
    }
    if (l.no_memory)
        return WEIR_E_MEMORY;
    return out->insn.n > c->limit || l.labels ? WEIR_E_LIMIT : 0;
}
