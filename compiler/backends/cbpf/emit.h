/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/emit.h - what the stages of emission share; private to this room.
 *
 *   decide.c   how a block's switch is tested: which values must be in A and X, and the cases on A
 *   switch.c   cases as compares of A
 *   early.c    loads made in front of a long switch, for what lies behind it
 *   cells.c    which values live in scratch cells, and in which
 *   operands.c what a value costs, and how two operands get into A and X
 *   isel.c     instructions that bring a value into A or X
 *   emit.c     blocks, edges and what A and X hold along them
 *   guards.c   guards that the loads of their block do not make
 *   twins.c    blocks that share the compares of a long switch
 *   phis.c     the code on edges that fills the cells of PHIs
 *   dead.c     instructions that turn out to be for nothing
 *   order.c    what jumps lead to behind them, in long programs
 *   layout.c   positions, 8-bit jumps, trampolines
 *
 * Code is one flat array of instructions whose jumps name other instructions by index, edges of the
 * control-flow graph (bound when the target block is emitted), or one of the two returns.
 */
#ifndef WEIR_BACKENDS_CBPF_EMIT_H
#define WEIR_BACKENDS_CBPF_EMIT_H
#include "backends/cbpf/cbpf.h"
#include "backends/cbpf/opcode.h"

/*
 * Jump targets before layout; anything smaller than TO_EDGE is the index of an instruction, from TO_RETURN on
 * return number TO_REJECT - target: those of IR first, then those of struct cb_emit's `ret`.
 */
#define TO_ACCEPT IR_ACCEPT
#define TO_REJECT IR_REJECT
#define TO_RETURN 0xc0000000u
#define RETURNS   2u          /* of IR: TO_REJECT and TO_ACCEPT */
#define TO_EDGE   0x80000000u /* + index of an edge */

#define GOTO    0x100u /* pseudo instruction: continue at `jt` */
#define NO_CELL 0xffu
#define NONE    UINT32_MAX

#define KEPT_MAX 64 /* values considered for a scratch cell across blocks */

/* What is known at a point of the code: what the registers hold, or IR_NONE. */
struct cb_regs {
    ir_value a, x;
    ir_value safe; /* this value + safe_from, modulo 2^32, was found to be below 2^31; or IR_NONE */
    uint32_t safe_from;
};

/* An instruction before layout. */
struct cb_insn {
    uint16_t code;
    uint32_t k;
    uint32_t jt, jf;
};

/* A place in front of an instruction, where an edge may enter. */
struct cb_entry {
    struct cb_regs regs; /* what the registers hold there */
    bool closed;         /* but none may */
};

/* One for each pair of a block and a different target block. */
struct cb_edge {
    uint32_t from; /* block; NONE: the start of the program */
    uint32_t to;
    uint32_t next_in; /* next edge to the same block, or NONE */
    uint32_t entry;   /* the instruction it goes to, once known */
    struct cb_regs regs;
};

/* What a value costs when nothing of it is at hand. */
struct cb_cost {
    uint32_t steps; /* instructions, about */
    uint8_t cells;  /* scratch cells needed on the way */
    bool uses_x;    /* X does not survive */
    bool direct;    /* X can be loaded with it in one instruction */
};

/* How a block's switch is tested. */
struct cb_test {
    ir_value a;    /* to be in A; IR_NONE: nothing is tested, `yes` is where to go */
    ir_value x;    /* to be in X; IR_NONE: only constants are compared */
    uint16_t jump; /* of a test with X, or CB_JSET with `k`; 0: the cases decide */
    uint32_t k;
    uint32_t k_then; /* CB_JSET with `k`: what has to be clear then, or set, unless 0 */
    bool then_set;
    bool returns;      /* nothing is tested, but A is returned: `yes` is where to go */
    uint32_t yes, no;  /* targets of `jump` (blocks or returns) */
    uint32_t first, n; /* cases on A: a slice of struct cb_emit's `decided` */
};

/* One step of an evaluation; isel.c. */
struct cb_task {
    uint8_t what;
    uint16_t code;
    bool keep_x;
    ir_value v;
    uint32_t k;
};

/* A cell that bridges a part of an evaluation. */
struct cb_temp {
    uint8_t cell;
    ir_value shared; /* whose cell it is, or IR_NONE: freed after use */
};

struct cb_emit {
    struct ir_func *f;
    struct arena *arena;
    struct diag_sink *sink;
    bool plain;
    bool small; /* fewer instructions rather than shorter paths */
    bool early; /* fewer loads rather than shorter paths */
    uint32_t limit;
    int status; /* the first failure; sticky */

    /* graph */
    uint32_t *thread; /* by block: where a jump to it ends up: itself, a later block or a return */
    uint32_t *in;     /* by block: first edge into it, or NONE */
    uint32_t *out;    /* by block: first of its edges; they are neighbours */
    uint32_t *out_n;
    VEC(struct cb_edge) edge;
    uint32_t *twin;  /* by block: a later one whose compares do for it as well, or NONE */
    uint32_t *twins; /* by block: list of edges from such blocks to its compares, or NONE */
    uint32_t *slot;  /* by block: scratch for mapping targets to edges */

    /* values */
    struct cb_cost *cost;
    uint8_t *home;       /* by value: scratch cell of a PHI or kept value, or NO_CELL */
    uint8_t *kept_index; /* by value: bit in the kept masks, or NO_CELL */
    ir_value kept[KEPT_MAX];
    uint32_t kept_n;
    bool has_cells;       /* some value lives in a cell beyond an evaluation */
    uint32_t *early_at;   /* by value: the block that computes it in front of its own test, or NONE */
    ir_value *early_x;    /* by block: what it leaves in X for those behind it, or IR_NONE */
    uint64_t *kept_in;    /* by block: kept values whose cells may be read in it */
    uint64_t *kept_out;   /* ... at its end */
    uint64_t *kept_store; /* ... that it has to store */
    uint16_t *cells_in;   /* by block: cells in use at its start, its PHIs included */
    uint16_t *cells_out;  /* ... at its end */
    uint16_t *cells_phi;  /* by block: cells of its PHIs */
    uint16_t *cells_copy; /* by block: cells read when its PHIs are filled */

    VEC(struct weir_cbpf_insn) ret; /* what blocks return beside the two returns */
    uint32_t return_a;              /* the target that returns A, or 0 */
    struct cb_test *test;           /* by block, once there is an edge into it */
    VEC(struct ir_case) decided;    /* of all tests */
    VEC(struct ir_case) cases;      /* of the test being decided */

    /* the piece of code at hand */
    VEC(struct cb_insn) code;
    VEC(struct cb_entry) entry; /* of the instructions from entry_from on, as far as `enterable` was set */
    uint32_t entry_from;
    bool enterable;
    VEC(uint8_t) need; /* bind_entries(): by instruction, registers that have to be right before it */
    struct cb_regs regs;
    uint64_t kept_now;  /* kept values whose cells may be read */
    uint64_t kept_want; /* kept values to be stored when they come by */
    uint16_t cells;     /* in use */
    bool share;         /* values used twice in one evaluation may have cells */
    bool doomed;        /* the block cannot get past this point without failing */

    /* isel.c */
    uint8_t *temp;  /* by value: temporary cell, or NO_CELL */
    uint32_t *uses; /* by value: uses to come in the evaluation at hand */
    uint32_t *seen; /* by value: epoch of the last visit */
    uint32_t epoch;
    VEC(ir_value) visit; /* work list of walks */
    VEC(ir_value) found; /* values with entries in temp or uses */
    VEC(struct cb_task) task;
    VEC(struct cb_temp) spill;
};

/* ---- emit.c */

void cb_fail(struct cb_emit *e, int status);
/** A new target: an instruction that returns. */
uint32_t cb_return_add(struct cb_emit *e, uint16_t code, uint32_t k);
/** Appends an instruction and gives its index. The caller updates e->regs before it appends the next. */
uint32_t cb_put(struct cb_emit *e, uint16_t code, uint32_t k);
uint32_t cb_put_jump(struct cb_emit *e, uint16_t code, uint32_t k, uint32_t jt, uint32_t jf);
/** Instructions from here on may be entered: cb_entries_bind(). */
void cb_entries_begin(struct cb_emit *e);
/** A new edge from block @from to block @to; its index. */
uint32_t cb_edge_add(struct cb_emit *e, uint32_t from, uint32_t to);
/** What is known on all edges of a list. */
struct cb_regs cb_regs_meet(const struct cb_emit *e, uint32_t first);
enum { CB_NEEDS_A = 1, CB_NEEDS_X = 2 }; /* 1 << register, counted from A */
/**
 * Lets every edge of the list enter the code [begin, tests) as late as what it holds allows. At `tests`,
 * @needs has to be there; e->regs says what is promised to be in the registers from then on. Stores are never
 * jumped over.
 */
void cb_entries_bind(struct cb_emit *e, uint32_t first, uint32_t begin, uint32_t tests, unsigned needs);

static inline bool cb_is_branch(const struct cb_insn *in)
{
    return (in->code & CB_CLASS) == CB_JMP; /* which GOTO is not */
}

_Static_assert((GOTO & CB_CLASS) != CB_JMP, "cb_is_branch() counts on it");

/** The instruction, or the return, that jump target @to stands for once edges are bound. */
static inline uint32_t cb_target(const struct cb_emit *e, uint32_t to)
{
    return to >= TO_EDGE && to < TO_RETURN ? e->edge.at[to - TO_EDGE].entry : to;
}

/* ---- guards.c */

/** The guards of block @b that the loads of its test @t do not make. */
void cb_guards_put(struct cb_emit *e, uint32_t b, const struct cb_test *t);

/* ---- twins.c */

/** Finds blocks that ask the same long question about different values, as `src or dst` over a list does:
 * `twin`. */
void cb_twins_find(struct cb_emit *e);

/* ---- phis.c */

/** Puts code that fills the PHIs of @b on the edges into it, which are then replaced by the edges behind. */
void cb_phis_emit(struct cb_emit *e, uint32_t b);

/* ---- decide.c */

/** Decides how the switch of block @b is tested: e->test[b]. */
void cb_test_decide(struct cb_emit *e, uint32_t b);
/** The cases of a test on A. */
static inline const struct ir_case *cb_cases(const struct cb_emit *e, const struct cb_test *t)
{
    return e->decided.at + t->first;
}
/** Is case @i of @n one number, between others that share a target? */
static inline bool cb_is_point(const struct ir_case *c, uint32_t n, uint32_t i)
{
    return i > 0 && i + 1 < n && c[i].last == c[i - 1].last + 1 && c[i - 1].target == c[i + 1].target;
}

/* ---- switch.c */

/** The compares of a test by cases, given that A holds its value; targets are mapped to jump targets with
 * e->slot. */
void cb_switch_emit(struct cb_emit *e, const struct cb_test *t);

/* ---- early.c */

/** Fills `early_at` and `early_x`. */
void cb_early_find(struct cb_emit *e);

/* ---- cells.c */

/** Fills everything from `home` to `cells_copy`. */
void cb_cells_assign(struct cb_emit *e);

/* ---- dead.c */

/** Removes instructions whose results nobody reads; all jumps are bound. */
void cb_dead_remove(struct cb_emit *e);

/* ---- operands.c */

/** Costs of all values. */
void cb_costs(struct cb_emit *e);
/** Is @v (load8[k] & 15) * 4? */
bool cb_is_nibble(const struct cb_emit *e, ir_value v, uint32_t *k);
/** Must an address with this base and offset be tested before Linux may see it? */
bool cb_address_unsafe(struct cb_emit *e, ir_value base, uint32_t offset, uint32_t size);

/* ---- isel.c */

/** Starts an evaluation of up to two values: counts what they share. Ends the one before. */
void cb_eval_begin(struct cb_emit *e, ir_value v, ir_value w);
/** Brings @v into A without an evaluation, if that takes no more than a load. */
bool cb_eval_simple(struct cb_emit *e, ir_value v);
/** Brings @v into A. */
void cb_eval(struct cb_emit *e, ir_value v);
/** Brings @v, which X can be loaded with directly, into X. */
void cb_eval_x(struct cb_emit *e, ir_value v);
/** Brings @v into A and @w into X, or the other way round (true) when @may_swap. */
bool cb_eval_pair(struct cb_emit *e, ir_value v, ir_value w, bool may_swap);
/** Code that rejects unless the byte at @base (not IR_NONE) + @offset + @size - 1 is there. */
void cb_eval_guard(struct cb_emit *e, ir_value base, uint32_t offset, uint32_t size);
/** Ends the evaluation: temporary cells are free again. */
void cb_eval_end(struct cb_emit *e);

/* ---- validate.c */

/** Would the kernel's check of scratch cells, which is stricter than need be, refuse the valid program? */
bool cbpf_kernel_refuses_cells(const struct weir_cbpf_insn *code, uint32_t n);

/* ---- layout.c */

/* ---- order.c */

/** Puts the code in an order in which what a jump leads to is near, as it is worth where jumps do not reach
 * it. @start, an instruction, gets its new index. */
void cb_order(struct cb_emit *e, uint32_t *start);

/** Final positions of e->code, in @out. @near_returns: returns are repeated where a jump would be too long.
 */
void cb_layout(struct cb_emit *e, uint32_t start, bool near_returns, struct cbpf_code *out);
#endif
