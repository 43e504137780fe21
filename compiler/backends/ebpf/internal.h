/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/internal.h - what the files of this room share: encodings, the assembler, the plan.
 *
 * Source: Documentation/bpf/standardization/instruction-set.rst
 */
#ifndef WEIR_BACKENDS_EBPF_INTERNAL_H
#define WEIR_BACKENDS_EBPF_INTERNAL_H
#include <stdbool.h>
#include <stdint.h>
#include "backends/ebpf/ebpf.h"

/* ---- encodings: code = class | source or size | operation or mode */
enum {
    CLASS_LDX = 0x01,
    CLASS_ST = 0x02,
    CLASS_STX = 0x03,
    CLASS_ALU32 = 0x04,
    CLASS_JMP = 0x05,
    CLASS_JMP32 = 0x06,
    CLASS_ALU64 = 0x07,

    FROM_K = 0x00, /* the second operand is the immediate */
    FROM_X = 0x08, /* or the source register */

    SIZE_W = 0x00,
    SIZE_H = 0x08,
    SIZE_B = 0x10,
    SIZE_DW = 0x18,
    MODE_MEM = 0x60,

    ALU_ADD = 0x00,
    ALU_SUB = 0x10,
    ALU_MUL = 0x20,
    ALU_DIV = 0x30,
    ALU_OR = 0x40,
    ALU_AND = 0x50,
    ALU_LSH = 0x60,
    ALU_RSH = 0x70,
    ALU_MOD = 0x90,
    ALU_XOR = 0xa0,
    ALU_MOV = 0xb0,
    ALU_END = 0xd0, /* FROM_X: to big-endian; the immediate is the width in bits */

    JUMP_A = 0x00, /* class JMP32: the distance is the immediate (Linux 6.6) */
    JUMP_EQ = 0x10,
    JUMP_GT = 0x20,
    JUMP_GE = 0x30,
    JUMP_SET = 0x40,
    JUMP_NE = 0x50,
    JUMP_EXIT = 0x90,
    JUMP_LT = 0xa0,
    JUMP_LE = 0xb0,
};

#define XDP_VERDICT_DROP 1
#define XDP_VERDICT_PASS 2

/* Linux verifies at most this many instructions of a privileged program. */
#define EBPF_KERNEL_MAX 1000000u

/*
 * Linux proves no packet access behind this distance from the packet's start (MAX_PACKET_OFF), so bytes
 * there are out of range on this target, as they are for the kernel's own packet-reading functions.
 */
#define EBPF_REACH_MAX 0xffffu

/* Registers with one job. */
#define REG_VERDICT 0
#define REG_CONTEXT 1
#define REG_DATA    6
#define REG_END     7
#define REG_FRAME   10

/* The others hold values. No helper is called, so all of them survive from block to block. */
#define REG_POOL                                                                                             \
    ((1u << 0) | (1u << 1) | (1u << 2) | (1u << 3) | (1u << 4) | (1u << 5) | (1u << 8) | (1u << 9))

/*
 * A home is where a value stays between blocks: 0..HOME_REGS-1 are registers, the rest stack slots of
 * eight bytes. Spills of one block use the slots behind the homes.
 */
#define HOME_REGS   4
#define HOME_MAX    (HOME_REGS + 40)
#define HOME_NONE   (-1)
#define STACK_SLOTS 64 /* 512 bytes */

/* ---- asm.c: instructions with symbolic jumps */

struct asm_item {
    struct weir_ebpf_insn insn;
    uint32_t label; /* where a jump goes, or IR_NONE */
};

struct asm_code {
    struct arena *arena;
    VEC(struct asm_item) item;
    VEC(uint32_t) label; /* item index, or IR_NONE until bound */
    uint32_t limit;      /* instructions */
    bool no_memory, too_long;
};

void asm_init(struct asm_code *c, struct arena *arena, uint32_t labels, uint32_t limit);
static inline bool asm_failed(const struct asm_code *c)
{
    return c->no_memory || c->too_long;
}
uint32_t asm_label(struct asm_code *c);
void asm_bind(struct asm_code *c, uint32_t label);

/** @op of class ALU32 or ALU64; from register @src, or from @imm. */
void asm_alu(struct asm_code *c, int cls, int op, int dst, int src);
void asm_alu_imm(struct asm_code *c, int cls, int op, int dst, uint32_t imm);
void asm_swap(struct asm_code *c, int dst, unsigned bits); /* big-endian <-> this machine's order */
void asm_load(struct asm_code *c, unsigned bytes, int dst, int base, int offset);
void asm_store(struct asm_code *c, int base, int offset, int src); /* eight bytes */
void asm_store_imm(struct asm_code *c, int base, int offset, int32_t imm);
void asm_jump(struct asm_code *c, uint32_t label);
void asm_branch(struct asm_code *c, int cls, int op, int dst, int src, uint32_t label);
void asm_branch_imm(struct asm_code *c, int cls, int op, int dst, uint32_t imm, uint32_t label);
void asm_exit(struct asm_code *c);

/** The opposite condition. */
int asm_invert(int op);

/** Resolves the jumps. Returns 0, WEIR_E_MEMORY, or WEIR_E_LIMIT (not reported). */
int asm_finish(struct asm_code *c, struct ebpf_code *out);

/* ---- switch.c */

/** Whether all ranges of @b but those of one target, *@otherwise, are single values of what @value allows. */
bool switch_is_points(const struct ir_block *b, struct ir_range value, uint32_t *otherwise);

/**
 * Compares register @reg, which holds something in @value, with the ranges of @b and jumps. @raw_bits is 0,
 * or the width of a value that is kept in packet order (its switch is one of points). Block @next follows
 * in the code; there are @blocks of them.
 */
void switch_emit(struct asm_code *c, const struct ir_block *b, struct ir_range value, int reg,
                 unsigned raw_bits, uint32_t next, uint32_t blocks);

/** The label of a target; labels of blocks are their numbers. */
static inline uint32_t label_of(uint32_t target, uint32_t blocks)
{
    return target == IR_ACCEPT ? blocks : target == IR_REJECT ? blocks + 1 : target;
}

/* ---- plan.c: decisions made before the first instruction */

/*
 * A packet pointer, data + base (+ add). The verifier remembers how far each may be read.
 *
 *   near    the base is known to the verifier to be at most 0x7fff: one pointer serves every offset
 *   far     anything else: one pointer for each offset and size, made behind an explicit range check
 */
struct ebpf_pointer {
    ir_value base;
    uint32_t add, size; /* 0 when near */
    bool far;
};

/* A store into a PHI's home at the end of a predecessor. */
struct phi_copy {
    ir_value phi, value;
    uint32_t next; /* of the same block, or IR_NONE */
};

/* Ids: IR values, then the pointers. */
struct plan {
    struct ir_func *f;
    struct arena *arena;
    uint32_t values; /* ids from here on are pointers */
    uint32_t ids;
    VEC(struct ebpf_pointer) pointer;
    uint32_t *pointer_hash; /* id + 1 */
    uint32_t pointer_hash_mask;
    uint32_t *known_max; /* by value: bound the verifier derives by itself */
    uint8_t *need;       /* by id: registers its evaluation takes (Sethi and Ullman) */
    bool *wanted;        /* by value: evaluated somewhere */
    bool *raw;           /* by value: kept in packet byte order */
    bool *reachable;     /* by block */
    bool *never;         /* by block: a guard that cannot pass */
    uint32_t *copy;      /* by block: first of `copies`, or IR_NONE */
    VEC(struct phi_copy) copies;
    int8_t *home;            /* by id */
    uint32_t *first, *last;  /* by id: the blocks between which the home is its own */
    uint32_t homes;          /* homes in use, counted as the largest index + 1 */
    uint32_t home_registers; /* mask */
    ir_value metadata;       /* a META that is evaluated, or IR_NONE */
    struct span metadata_at;
    bool no_memory, no_stack;
};

extern const uint8_t home_register[HOME_REGS];

/** Returns 0, WEIR_E_MEMORY, WEIR_E_LIMIT (stack; not reported) or WEIR_E_UNSUPPORTED (see `metadata`). */
int plan_make(struct plan *p, struct ir_func *f, struct arena *arena);

/** Id of the pointer for @size bytes at @base + @offset. Known after plan_make() for all that the IR uses. */
uint32_t plan_pointer(struct plan *p, ir_value base, uint32_t offset, uint32_t size);

/** What @id is computed from, constants left out. Returns how many. */
unsigned plan_operands(struct plan *p, uint32_t id, uint32_t out[2]);

static inline bool plan_is_pointer(const struct plan *p, uint32_t id)
{
    return id >= p->values;
}
static inline unsigned plan_raw_bits(const struct plan *p, ir_value v)
{
    while (!ir_is_load(&p->f->value.at[v]))
        v = p->f->value.at[v].a; /* only masks of a load are raw */
    return 8 * ir_load_size(&p->f->value.at[v]);
}

/** Whether the switch of @b is a comparison of two values that one jump can make. */
bool plan_is_compare(const struct plan *p, const struct ir_block *b);
#endif
