/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/ir.h - the intermediate representation: docs/ir.md is its reference.
 *
 * A function is an acyclic control-flow graph over pure 32-bit values.
 *
 *   values   hash-consed: two equal computations are one value, so common subexpressions do not exist. They
 *            float: a value has no place in the graph. Operands have smaller indices than their users, PHIs
 *            excepted.
 *   blocks   a list of guards, then one switch, or the return of a value. Every guard of a block must pass
 *            before that is evaluated; their order inside the block cannot be observed. Blocks are numbered
 *            in a topological order (every target is a later block, or one of the two returns).
 *   guards   the only thing that can fail: "the captured bytes reach this far". A failed guard rejects the
 *            packet. A load may be computed only where guards that cover it have passed.
 *   switch   maps the whole range of one value to targets: a branch is a switch of two targets, a set
 *            membership test one of two targets with many ranges, a jump one of one.
 *
 * It knows packets and values; registers begin in the backends.
 */
#ifndef WEIR_IR_IR_H
#define WEIR_IR_IR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/diag.h"
#include "base/strbuf.h"
#include "base/vec.h"

typedef uint32_t ir_value; /* index into ir_func.value */
#define IR_NONE UINT32_MAX
#define IR_ADDRESS_MAX                                                                                       \
    0x80000000u /* bytes that a packet can have: a load that ends behind them always fails */

enum ir_op {
#define OP(op, arity, imm, word) IR_##op,
#include "ir/op.def"
#undef OP
    IR_OP_COUNT
};

/* Linux packet metadata; the number is the SKF_AD_ offset (linux/filter.h). */
enum ir_meta {
#define META(name, number, bytes, highest, word, member) META_##name = number,
#include "ir/meta.def"
#undef META
};

/* A row of meta.def. */
struct ir_meta_row {
    uint32_t highest;
    uint8_t number, bytes;
    const char *word;   /* in the text form */
    const char *member; /* of struct weir_metadata, ... */
    size_t at;          /* ... and its offset there */
};

struct ir_node {
    uint8_t op;    /* enum ir_op */
    ir_value a, b; /* operands, or IR_NONE */
    uint32_t imm;
};

/* Passes iff address + size <= captured length, address being (base or 0) + offset modulo 2^32 and the
 * comparison exact (no wrap). */
struct ir_guard {
    ir_value base; /* IR_NONE: an absolute address */
    uint32_t offset;
    uint32_t size; /* bytes */
};

/* Block numbers of the two ways out. They are targets like any other and have no struct ir_block. */
#define IR_ACCEPT 0xfffffffeu
#define IR_REJECT 0xffffffffu

/* Values up to and including `last`, from behind the case before, go to `target`. */
struct ir_case {
    uint32_t last;
    uint32_t target;
};

struct ir_phi_arg {
    uint32_t block; /* predecessor */
    ir_value value;
};

struct ir_phi {
    ir_value value;             /* the IR_PHI node */
    VEC(struct ir_phi_arg) arg; /* one for each predecessor block */
};

struct ir_block {
    VEC(struct ir_guard) guard;
    VEC(struct ir_phi) phi;
    ir_value on; /* what the switch looks at, or is returned; IR_NONE for a jump (one case) */
    VEC(struct ir_case)
    to; /* ascending; the last one's `last` is UINT32_MAX; neighbours differ in target. None: a return */
    struct span at; /* the text it came from */
};

/* Numbers from lo to hi: of what a value can be, the smallest and the largest. */
struct ir_range {
    uint32_t lo, hi;
};

/** The first of the @n ranges, which are sorted and disjoint, that does not end below @k; @n when all do. */
uint32_t ir_ranges_find(const struct ir_range *at, uint32_t n, uint32_t k);
/** Is some number from @lo to @hi in one of the @n ranges, which are sorted and disjoint? */
bool ir_ranges_meet(const struct ir_range *at, uint32_t n, uint32_t lo, uint32_t hi);

#define IR_SETS_MAX 60 /* Linux takes 64 maps for a program */

/* A named set: who runs the function knows its members, which do not change during a run. */
struct ir_set {
    char name[16];
    uint8_t kind;   /* enum weir_set_kind */
    struct span at; /* where the filter names it first */
};

/* Advice on the order of tests: @test is hardly ever anything but 0 in packets where @given is @number. No
 * pass relies on it. */
struct ir_seldom {
    ir_value test, given;
    uint32_t number;
};

#define IR_SELDOM_MAX 2

/* Advice likewise: the filter asks whether @on is @number. */
struct ir_asked {
    ir_value on;
    uint32_t number;
};

struct ir_func {
    struct arena *arena;
    uint32_t accept; /* what IR_ACCEPT returns: the snapshot length, not 0 */
    VEC(struct ir_set) set;
    struct ir_seldom seldom[IR_SELDOM_MAX]; /* not part of the text */
    uint32_t seldoms;
    VEC(struct ir_asked) asked; /* in that order, the first ones; not part of the text */
    struct ir_asked usual;      /* ... and what most packets are; on: IR_NONE, nobody knows */
    VEC(struct ir_node) value;
    VEC(struct ir_block) block;
    bool small;     /* advice as well: blocks count for more than tests that a path saves */
    uint32_t entry; /* first block, or IR_ACCEPT / IR_REJECT */
    uint32_t *hash; /* value numbering table: open addressing, index + 1 */
    uint32_t hash_size;
    ir_value constant; /* the one asked for last: whoever folds asks again for what the caller asked for */
    bool failed;       /* memory ran out while building; checked once at the end */
    VEC(struct ir_range) range; /* beside value */
    /* What value 0 and block 0 are when there was no memory even for those. */
    struct ir_node spare_value;
    struct ir_range spare_range;
    struct ir_block spare_block;
};

/** Number of value operands (a PHI's are its block's); what the operator prints as, static text. */
unsigned ir_op_arity(enum ir_op op);
const char *ir_op_name(enum ir_op op);

/** The row of metadata @number, or NULL. */
const struct ir_meta_row *ir_meta_find(uint32_t number);
const struct ir_meta_row *ir_meta_by_word(const char *word, size_t len);
/** What metadata @number can be; everything when there is no such. */
struct ir_range ir_meta_range(uint32_t number);
/** The row behind @row, in ascending number; the first one of NULL; NULL behind the last. */
const struct ir_meta_row *ir_meta_next(const struct ir_meta_row *row);

/** "addresses", "ports", "macs"; "?" for another number. */
const char *ir_set_kind_name(unsigned kind);

/** The most members a set of @kind (enum weir_set_kind) has: about a million addresses; every port. */
uint32_t ir_set_members(unsigned kind);

/** Whether a set of @kind can be asked by lookups of @op. */
bool ir_set_takes(unsigned kind, enum ir_op op);

/* ---- build.c: values. All return a usable index even after failure (sticky in `failed`). */

void ir_init(struct ir_func *f, struct arena *arena, uint32_t accept);
ir_value ir_const(struct ir_func *f, uint32_t k);
ir_value ir_len(struct ir_func *f);
ir_value ir_meta(struct ir_func *f, enum ir_meta m);

/** Load of @size (1, 2, 4) bytes at @base (or IR_NONE) + @offset. The guard is the caller's. */
ir_value ir_load(struct ir_func *f, ir_value base, uint32_t offset, unsigned size);

/**
 * Whether the bytes at @base (or IR_NONE) + @offset are in set @set: 1 or 0. @op is one of IR_LOOKUP16 to
 * IR_LOOKUP128. The guard is the caller's.
 */
ir_value ir_lookup(struct ir_func *f, enum ir_op op, ir_value base, uint32_t offset, uint32_t set);

/** Binary operator; folds constants and identities. */
ir_value ir_binary(struct ir_func *f, enum ir_op op, ir_value a, ir_value b);

/** @v, no PHI, as it would be with the operands @a and @b. */
ir_value ir_with(struct ir_func *f, ir_value v, ir_value a, ir_value b);

/** A new PHI of @block; its arguments are pushed to the block by the caller. Never hash-consed. */
ir_value ir_phi(struct ir_func *f, uint32_t block);

/** Adds an argument to PHI @phi of @block; the same as pushing it, safe after a failure. */
void ir_phi_arg_add(struct ir_func *f, uint32_t block, ir_value phi, uint32_t predecessor, ir_value v);

/** Where its block has the PHI @v; NULL in a broken function. */
const struct ir_phi *ir_phi_of(const struct ir_func *f, ir_value v);

/** Promises that PHI @v is never outside @lo .. @hi. Values made from it afterwards profit. */
void ir_phi_range_set(struct ir_func *f, ir_value v, uint32_t lo, uint32_t hi);

/** The node hash-consed as it is: operands in range, nothing folded. For passes and the parser. */
ir_value ir_value_make(struct ir_func *f, struct ir_node n);

bool ir_is_const(const struct ir_func *f, ir_value v, uint32_t *k);
/** The value of which @v is some bits, by a constant mask; or @v. */
ir_value ir_whole_of(const struct ir_func *f, ir_value v);
static inline bool ir_is_load(const struct ir_node *n)
{
    return n->op >= IR_LOAD8 && n->op <= IR_LOAD32;
}
static inline unsigned ir_load_size(const struct ir_node *n)
{
    return 1u << (n->op - IR_LOAD8);
}

static inline bool ir_is_lookup(const struct ir_node *n)
{
    return n->op >= IR_LOOKUP16 && n->op <= IR_LOOKUP128;
}
/** Bytes of the packet that @n itself reads at `a` + imm: those of a load or lookup, else 0. */
static inline unsigned ir_read_bytes(const struct ir_node *n)
{
    static const uint8_t bytes[] = {1, 2, 4, 2, 4, 6, 16};

    return n->op >= IR_LOAD8 && n->op <= IR_LOOKUP128 ? bytes[n->op - IR_LOAD8] : 0;
}
/** The number of the set that lookup @n looks into. */
static inline uint32_t ir_lookup_set(const struct ir_func *f, const struct ir_node *n)
{
    return f->value.at[n->b].imm;
}

/** What an operator gives for constant operands; the definition every evaluator shares. */
uint32_t ir_fold(enum ir_op op, uint32_t a, uint32_t b);

/** Range of a node that need not be a value of @f yet. */
struct ir_range ir_node_range(const struct ir_func *f, const struct ir_node *n);

/** Range of @v from its operators alone, whatever the path. Constant time: kept per value. */
struct ir_range ir_range(struct ir_func *f, ir_value v);

/** Bits that @v may have set, as far as its operator tells. */
uint32_t ir_possible_bits(const struct ir_func *f, ir_value v);

/* ---- build.c: blocks */

/** Appends a block and gives its number. */
uint32_t ir_block_new(struct ir_func *f, struct span at);
void ir_guard_add(struct ir_func *f, uint32_t block, ir_value base, uint32_t offset, uint32_t size);

/** Ends @block: jump. */
void ir_jump(struct ir_func *f, uint32_t block, uint32_t target);
/** Ends @block: @in when lo <= @on <= hi, else @out. */
void ir_branch_range(struct ir_func *f, uint32_t block, ir_value on, uint32_t lo, uint32_t hi, uint32_t in,
                     uint32_t out);
/** Room for @n cases in @block, to be filled and given to ir_switch(); NULL when memory is out. */
struct ir_case *ir_cases_new(struct ir_func *f, uint32_t block, uint32_t n);
/** Ends @block with @n cases in the form struct ir_block asks for; neighbours with one target are merged. */
void ir_switch(struct ir_func *f, uint32_t block, ir_value on, const struct ir_case *to, uint32_t n);

/** Ends @block: @v is the verdict. */
void ir_return(struct ir_func *f, uint32_t block, ir_value v);
/** Makes every returned number but 0 a match: for whoever asks no more than that. */
void ir_only_match(struct ir_func *f);

/** Does @b, which has been ended, return a value? */
static inline bool ir_returns(const struct ir_block *b)
{
    return !b->to.n;
}

/** The target of value @k. */
uint32_t ir_case_find(const struct ir_block *b, uint32_t k);

/* ---- print.c, parse.c, dot.c, verify.c */

/** The function as text (docs/ir.md). Only reads. */
void ir_print(const struct ir_func *f, struct strbuf *out);
/** The function as a Graphviz digraph. Only reads. */
void ir_dot(const struct ir_func *f, struct strbuf *out);
/**
 * Text back to a function, so that printing it again gives the same text.
 * Returns 0, or WEIR_E_FILTER with a message and a line number (from 1), or WEIR_E_MEMORY.
 */
int ir_parse(struct arena *arena, const char *text, size_t len, struct ir_func *out, const char **message,
             uint32_t *line);
/**
 * Checks every rule of docs/ir.md, among them: operand and target order, case lists complete and canonical,
 * every load and PHI used only where its guards have passed on every path.
 * Returns NULL, or what is wrong (static text), with the block in *@where.
 */
const char *ir_verify(const struct ir_func *f, struct arena *scratch, uint32_t *where);
#endif
