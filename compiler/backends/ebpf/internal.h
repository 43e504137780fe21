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
    CLASS_LD = 0x00,
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
    MODE_IMM = 0x00, /* size DW: a 64-bit immediate in two slots */
    MODE_ABS = 0x20, /* packet bytes, in host order, to r0; or the program returns 0 */
    MODE_IND = 0x40,
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

    JUMP_A = 0x00,
    JUMP_EQ = 0x10,
    JUMP_GT = 0x20,
    JUMP_GE = 0x30,
    JUMP_SET = 0x40,
    JUMP_NE = 0x50,
    JUMP_CALL = 0x80,
    JUMP_EXIT = 0x90,
    JUMP_LT = 0xa0,
    JUMP_LE = 0xb0,

    CALL_KFUNC = 2, /* as the source register of a call: of a function by its number in Linux's BTF */
};

/* Linux verifies at most this many instructions of a privileged program. */
#define EBPF_KERNEL_MAX 1000000u

/*
 * Linux proves no direct packet access behind this distance from the packet's start (MAX_PACKET_OFF). Bytes
 * there are read by helpers where the target has them, and are out of range elsewhere.
 */
#define EBPF_REACH_MAX 0xffffu

#define REG_FRAME   10
#define NO_REGISTER (-1)

/* ---- target.c: what differs between program types */

enum ebpf_helper {
    HELPER_MAP_LOOKUP = 1,
    HELPER_PROCESSOR_ID = 8,
    HELPER_SKB_LOAD_BYTES = 26,
    HELPER_XDP_FRAME_LEN = 188,
    HELPER_XDP_LOAD_BYTES = 189,
};

/* Where a program has the packet's first and last byte from. */
enum reads {
    READS_CONTEXT,   /* fields of the context */
    READS_ARGUMENTS, /* no context: data, data_end and length are r1, r2, r3 */
    READS_SKB,       /* fields of struct sk_buff, which the context stands for */
    READS_CALLS,     /* nowhere: each read is a call, of load_bytes, or LD_ABS and LD_IND */
};

/* Offsets are into the context; NOT_THERE where it has no such field. */
#define NOT_THERE (-1)

/* How a target gives metadata. */
struct ebpf_meta {
    uint8_t number;    /* enum ir_meta */
    bool packet_order; /* two bytes, as they are in a packet */
    int16_t field;     /* four bytes of the context; NOT_THERE: a call */
    uint16_t helper;   /* ... of this, without arguments */
};

struct ebpf_target {
    const char *article_name; /* "an XDP program" */
    enum reads reads;
    int16_t data, data_end; /* READS_CONTEXT */
    int16_t len;            /* NOT_THERE: end - start, or of a helper */
    const struct ebpf_meta *meta;
    uint32_t metas;
    uint16_t load_bytes; /* enum ebpf_helper, or 0 */
    uint32_t on_match, on_miss;
};

/** NULL for a target that is not eBPF. */
const struct ebpf_target *ebpf_target_of(const struct ebpf_target_options *o);

/** How @t gives metadata @m, or NULL. */
const struct ebpf_meta *ebpf_target_meta(const struct ebpf_target *t, uint32_t m);

/*
 * How a piece of the program reads the packet.
 *
 *   DIRECT   through packet pointers, bounded by comparisons with the packet's end
 *   COPY     from a copy of the packet's first bytes on the stack (the window), and what lies behind it by
 *            one call each; bounded by comparisons with the packet's length. Sockets, and the cold path of
 *            the targets whose packets may have bytes that DIRECT cannot reach
 *   LOADS    each by LD_ABS or LD_IND: sockets, where few loads are made
 */
enum access { ACCESS_DIRECT, ACCESS_COPY, ACCESS_LOADS };

/*
 * The first piece of a short direct program speculates: it checks at once for what a real packet with these
 * headers has, this many bytes more at most, and leaves packets that end in between to another piece.
 */
#define SPECULATION_MAX 16

/*
 * A home is where a value stays between blocks: the first ones are registers, the rest stack slots of eight
 * bytes. Spills of one block use the slots behind the homes.
 */
#define HOME_REGS_MAX 4
#define HOME_MAX      (HOME_REGS_MAX + 40)
#define HOME_NONE     (-1)
#define WORK_REGS_MIN 4  /* of the pool, for work inside a block */
#define STACK_SLOTS   64 /* 512 bytes */
#define WINDOW_MAX    192

/* A target that no block has: what follows the last block of a piece when that is not the match. */
#define NOWHERE 0xfffffffdu

/* The stack a lookup's key takes, at the end of the frame: struct weir_set_address, the largest. */
#define KEY_BYTES 24

/* The label of block 0, and where a match and a miss go; in front of a table, where NOWHERE is. */
struct labels {
    uint32_t block, accept, reject, nowhere;
};

/* ---- asm.c: instructions with symbolic jumps */

struct asm_item {
    struct weir_ebpf_insn insn;
    uint32_t label; /* where a jump goes, or IR_NONE */
    struct span at;
};

struct asm_reloc {
    uint32_t item, kind, addend;
};

/* A set of values in the read-only data (table.c). */
struct asm_table {
    const uint32_t *key; /* as they are compared */
    uint32_t n;
    uint32_t at; /* in the read-only data */
    uint32_t bucket_bits, slot_bits;
    uint32_t multiplier, addend;
};

struct asm_code {
    struct arena *arena;
    VEC(struct asm_item) item;
    VEC(uint32_t) label; /* item index, or IR_NONE until bound */
    VEC(struct asm_reloc) reloc;
    VEC(struct asm_table) table;
    VEC(uint8_t) rodata;
    bool tables;    /* there may be some */
    struct span at; /* of the items to come */
    uint32_t cold;  /* item, or 0 */
    uint32_t limit; /* instructions */
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
void asm_load_imm64(struct asm_code *c, int dst, uint64_t k);
void asm_load_reloc(struct asm_code *c, int dst, uint32_t kind, uint32_t addend);
void asm_packet_load(struct asm_code *c, unsigned bytes, int index,
                     uint32_t offset); /* index NO_REGISTER: ABS */
void asm_call(struct asm_code *c, int helper);
void asm_call_kfunc(struct asm_code *c, enum ebpf_kfunc f);
void asm_load_field(struct asm_code *c, int dst, int base, enum ebpf_skb_field f);
void asm_store(struct asm_code *c, int base, int offset, int src); /* eight bytes */
void asm_store_imm(struct asm_code *c, int base, int offset, int32_t imm);
void asm_store_part(struct asm_code *c, unsigned bytes, int base, int offset, int src);
void asm_store_word(struct asm_code *c, int base, int offset, uint32_t imm); /* four bytes */
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
 * in the code.
 */
void switch_emit(struct asm_code *c, const struct ir_block *b, struct ir_range value, int reg,
                 unsigned raw_bits, uint32_t next, struct labels labels);

/* ---- table.c */

/** Whether the switch of @b is worth a table: many values, few of them neighbours, go to one target. */
bool table_suits(struct ir_func *f, const struct ir_block *b);

/**
 * What switch_emit() does, by a table; @work are registers it may use. False, and nothing is emitted, when
 * the switch suits no table or none was found.
 */
bool table_emit(struct asm_code *c, struct ir_func *f, const struct ir_block *b, int reg, const int work[3],
                unsigned raw_bits, uint32_t next, struct labels labels);

static inline uint32_t label_of(uint32_t target, struct labels l)
{
    return target == IR_ACCEPT   ? l.accept
           : target == IR_REJECT ? l.reject
           : target == NOWHERE   ? l.nowhere
                                 : l.block + target;
}

/* ---- plan.c and the passes in plan.h: decisions made before the first instruction */

/*
 * DIRECT only. A packet pointer, data + base (+ add). The verifier remembers how far each may be read.
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

/*
 * Two tests of neighbouring bytes in one: whether the 8 bytes at `offset`, as this machine reads them, equal
 * `value` once `mask` or, where a shift leaves the same bits, `shift` is applied.
 */
struct wide_test {
    uint32_t block, absorbed; /* the second test's block, which is not emitted */
    uint32_t offset;
    uint64_t mask, value;
    int shift; /* to the left, or if negative to the right; 0: the mask */
    uint32_t yes, no;
};

/** Whether a 64-bit comparison takes @value as an immediate, which is sign-extended. */
static inline bool wide_immediate(uint64_t value)
{
    return value <= INT32_MAX || value >= (uint64_t)INT32_MIN;
}

/* Ids: IR values, then the pointers. */
struct plan {
    struct ir_func *f;
    struct arena *arena;
    const struct ebpf_target *target;
    enum access access;
    bool speculate;  /* checks may ask for more than a packet must have */
    bool calls;      /* r0 to r5 do not outlive every load */
    uint32_t window; /* COPY: bytes of the stack the copy takes, a multiple of 8; 0 if there is none */
    uint32_t window_max;
    uint32_t phase; /* its first byte lies this far behind their start, for aligned loads */
    uint32_t frame; /* bytes of the stack before the homes: the window, and what calls write to or read */
    uint8_t home_register[HOME_REGS_MAX];
    int home_regs, home_max;

    uint32_t values; /* ids from here on are pointers */
    uint32_t ids;
    VEC(struct ebpf_pointer) pointer;
    uint32_t *pointer_hash; /* id + 1 */
    uint32_t pointer_hash_mask;
    uint32_t *known_max; /* by value: bound the verifier knows */
    bool *shown;         /* by value: arithmetic that is masked with known_max, for the verifier to know it */
    uint8_t *zeros;      /* by value: low bits that are always 0 */
    uint8_t *need;       /* by id: registers its evaluation takes (Sethi and Ullman) */
    bool *wanted;        /* by value: evaluated somewhere */
    bool *raw;           /* by value: kept in packet byte order */
    struct ir_block *block; /* the function's, with switches merged */
    bool *reachable;        /* by block */
    bool *never;            /* by block: a guard that cannot pass */
    uint32_t *reach;        /* by block: bytes from the packet's start that it checks */
    uint32_t *wide;         /* by block: index into `wides` + 1 */
    VEC(struct wide_test) wides;
    uint32_t *copy; /* by block: first of `copies`, or IR_NONE */
    VEC(struct phi_copy) copies;
    int8_t *home;            /* by id */
    uint32_t *first, *last;  /* by id: the blocks between which the home is its own */
    uint32_t homes;          /* homes in use, counted as the largest index + 1 */
    uint32_t home_registers; /* mask */
    ir_value metadata;       /* a META the target does not have, or IR_NONE */
    struct span metadata_at;
    bool len_wanted, context_wanted;
    bool no_memory, no_stack;
};

/** What plan_make() is told. */
struct plan_request {
    const struct ebpf_target *target;
    enum access access;
    uint32_t reach_max;  /* largest reach a guard can have */
    uint32_t window_max; /* COPY: bytes */
    bool speculate;
    int home_regs; /* WORK_REGS_MIN of the pool are left */
    uint8_t home_register[HOME_REGS_MAX];
};

/** Returns 0, WEIR_E_MEMORY, WEIR_E_LIMIT (stack; not reported) or WEIR_E_UNSUPPORTED (see `metadata`). */
int plan_make(struct plan *p, struct ir_func *f, struct arena *arena, const struct plan_request *q);

/**
 * A reach that later checks behind pointer @pointer (IR_NONE: the packet's start) ask for as well, not much
 * farther than @exact; @exact itself if the plan does not speculate. Costs the size of the function.
 */
uint32_t plan_wider_reach(struct plan *p, uint32_t pointer, uint32_t exact);

/* Packet loads that a packet costs if each of them is a call. */
struct plan_loads {
    uint32_t most; /* on one path */
    uint32_t mean; /* in 65,536th, if a packet is as likely to go one way as another */
};

/** Both are UINT32_MAX where there is no memory to count, or too many of them. */
struct plan_loads plan_count_loads(struct plan *p);

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
static inline const struct wide_test *plan_wide(const struct plan *p, uint32_t block)
{
    return p->wide[block] ? &p->wides.at[p->wide[block] - 1] : NULL;
}

/** The number of blocks control can go to from @block, and the @i-th of them. */
static inline uint32_t plan_targets(const struct plan *p, uint32_t block)
{
    return p->wide[block] ? 2 : p->block[block].to.n;
}
static inline uint32_t plan_target(const struct plan *p, uint32_t block, uint32_t i)
{
    const struct wide_test *w = plan_wide(p, block);

    return !w ? p->block[block].to.at[i].target : i ? w->yes : w->no;
}

/** Whether what @n reads lies in the window, and by the verifier's knowledge (COPY). */
bool plan_in_window(const struct plan *p, const struct ir_node *n);

/** The widest part of what @n reads that is aligned on the stack: 1, 2, 4 or 8 bytes (COPY). */
unsigned plan_aligned_part(const struct plan *p, const struct ir_node *n);

/** The widest read of a power of two bytes, at most 8, that parts what @n reads evenly. */
static inline unsigned plan_even_part(const struct ir_node *n)
{
    unsigned bytes = ir_read_bytes(n);

    return bytes > 8 ? 8 : bytes & -bytes;
}

/**
 * A mask that changes no value of @v, and shows the verifier a bound that it does not know by itself;
 * UINT32_MAX where there is none to show.
 */
uint32_t plan_bounding_mask(const struct plan *p, ir_value v);

/** Whether @n is at the same place of every packet; *@address is set then. */
bool plan_is_absolute(const struct plan *p, const struct ir_node *n, uint32_t *address);

/** Whether @n is metadata that a call gives; the target has it. */
static inline bool plan_is_asked(const struct plan *p, const struct ir_node *n)
{
    return n->op == IR_META && ebpf_target_meta(p->target, n->imm)->helper;
}

/** Whether load @n is a call, or costs as much. */
static inline bool plan_is_dear(const struct plan *p, const struct ir_node *n)
{
    return p->access == ACCESS_LOADS || (p->access == ACCESS_COPY && !plan_in_window(p, n));
}

/** Whether the switch of @b is a comparison of two values that one jump can make. */
bool plan_is_compare(const struct plan *p, const struct ir_block *b);
#endif
