/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/select.h - the state of instruction selection, shared by its files.
 */
#ifndef WEIR_BACKENDS_EBPF_SELECT_H
#define WEIR_BACKENDS_EBPF_SELECT_H
#include "backends/ebpf/internal.h"

#define TEMPORARY (IR_NONE - 1) /* in_register: owned by the current step */

enum step_kind { STEP_COMPUTE, STEP_GUARD, STEP_COPY, STEP_END };

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
    struct asm_code *c; /* of the whole program */
    struct ir_func *f;
    const struct ebpf_target *target;
    struct labels labels;
    uint32_t fail, doubt; /* labels: where a failed check goes, and one that asked for more than needed */
    int data, end, context, len; /* registers with one job, or NO_REGISTER (READS_SKB: end is a length) */
    struct known **in;           /* by block; NULL until a predecessor was emitted */
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

static inline bool select_stopped(const struct select *s)
{
    return asm_failed(s->c) || s->no_stack || s->bug;
}
static inline const struct ir_node *select_node(const struct select *s, uint32_t id)
{
    return &s->f->value.at[id];
}
static inline bool select_is_pointer(const struct select *s, uint32_t id)
{
    return plan_is_pointer(&s->p, id);
}
static inline bool select_is_const(const struct select *s, uint32_t id)
{
    return !select_is_pointer(s, id) && select_node(s, id)->op == IR_CONST;
}
static inline int select_home_register(const struct select *s, int home)
{
    return s->p.home_register[home];
}
static inline bool select_is_home(const struct select *s, uint32_t id)
{
    int h = s->p.home[id];

    return h >= 0 && s->now->home[h].id == id;
}

/* ---- select.c: one piece of the program, from plan to code */

/* When r0 gets what a miss returns. Then it is nobody else's, and a test that fails goes to the exit itself.
 */
enum miss {
    MISS_AT_END, /* behind a jump: r0 is needed, or what is returned depends on more */
    MISS_FIRST,  /* in front of the first block */
    MISS_HELD,   /* the piece in front of this one did */
};

/* What a piece is made with. */
struct piece {
    struct plan_request plan;
    struct labels labels;
    enum miss miss;
    uint32_t on_miss;
    uint32_t fail, doubt;
    int data, end, context, len;
    uint32_t pool; /* registers for values, homes included */
};

/** Plans the piece. Returns 0 or what plan_make() does. */
int select_init(struct select *s, struct ir_func *f, struct arena *arena, struct asm_code *c,
                const struct piece *q);

/** Gives it its registers, which may depend on the plan, and emits its blocks. */
int select_emit(struct select *s, const struct piece *q);

/* ---- registers.c: where values are */

struct place *place_of(struct select *s, uint32_t id);

/** A register nobody else uses, for this step. */
int take_register(struct select *s);
void give_back(struct select *s, int reg);
void keep_value(struct select *s, int reg, uint32_t id);
void release_temporaries(struct select *s);

/** Values in r0 to r5 that are needed again go to the stack: a call follows. */
void save_registers(struct select *s);

/** One of the uses of @id is over. */
void value_used(struct select *s, uint32_t id);

/** The register that holds @id; it stays until the step ends, or value_used(). */
int value_register(struct select *s, uint32_t id);

/** The register a result goes to: its home, or that of an operand no longer used, or a new one. */
int result_register(struct select *s, uint32_t id, int operand);
void result_done(struct select *s, uint32_t id, int reg);

int home_offset(const struct select *s, int home);

/* ---- access.c: reading the packet and the context */

/** Makes sure that @reach bytes from the packet's start are there. */
void check_packet(struct select *s, uint32_t reach);

/** The same, where a packet that has fewer need not be rejected. */
void check_likely(struct select *s, uint32_t reach);

/** Makes sure that @reach bytes behind pointer @id, which is in @reg, are there (DIRECT). */
void check_pointer(struct select *s, uint32_t id, int reg, uint32_t reach);

/** The guard @offset + @size behind the value @base (COPY and LOADS). */
void check_base(struct select *s, uint32_t base, uint32_t offset, uint32_t size);

void compute_pointer(struct select *s, uint32_t id);
void compute_load(struct select *s, uint32_t id);
void compute_meta(struct select *s, uint32_t id);

/** Loads that are as cheap to make again as to fetch from the stack, at fixed places; metadata of the
 * context; the length.
 */
bool is_remade(const struct select *s, uint32_t id);
void remake(struct select *s, uint32_t id, int dst);

/** Adds or subtracts a constant in a way the verifier's bounds survive. */
void add_constant(struct select *s, int op, int dst, uint32_t k);

/** Eight bytes at @offset from the packet's start to @dst. */
void load_wide(struct select *s, uint32_t offset, int dst);

/** The bytes that lookup @id reads to the frame at @to; false when its guard is known to have failed. */
bool copy_key(struct select *s, uint32_t id, int to);

/**
 * Whether lookup @id is used by nothing but a test at the end of this block whether it is 0: then it is left
 * as the call gives it, an address or 0.
 */
bool select_is_only_tested(struct select *s, uint32_t id);

/* ---- lookup.c */

void compute_lookup(struct select *s, uint32_t id);

/** Fills the window of a COPY piece, whose context and length are in their registers. */
void fill_window(struct select *s);
#endif
