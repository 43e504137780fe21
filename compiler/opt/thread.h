/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread.h - the threading pass, thread.c: its sets (thread_sets.c), its states (thread_states.c), and
 * what it builds of them.
 */
#ifndef WEIR_OPT_THREAD_H
#define WEIR_OPT_THREAD_H
#include "opt/pass.h"

#define TRACKED_MAX 64u /* values with facts; others are never tested twice, or rarely */
#define LONG_CASES  16u /* cases of a block that make a copy of it as dear as one more */
#define MANY_PIECES 64u /* intervals of a set that are not gone through to find what a test makes of it */

/* Sorted, disjoint, not adjacent; interned. Set 0 is everything. */
struct set {
    const struct ir_range *at;
    uint32_t n;
};

struct fact {
    uint32_t value; /* index among the tracked */
    uint32_t set;
};

/* A block with what is known on entering it, or the edge of a block into one with PHIs. */
struct state {
    uint32_t block;
    uint32_t via;             /* an edge: the block it comes from; IR_NONE otherwise */
    uint32_t fact, facts;     /* slice of thread.fact */
    uint32_t child, children; /* slice of thread.child: one for each case */
    uint32_t next_child;
    uint32_t result; /* once done: index of the built block, or a return */
    bool expanded, done;
    uint32_t becomes;   /* itself, or the state or return that is taken instead */
    uint32_t next_here; /* next state of the same block plus one, or 0 */
};

/* What several ways into a block have proved. */
struct join {
    uint32_t fact, facts; /* slice of thread.fact */
    bool entered;
};

/* Values of a switch that lead to one target. */
struct piece {
    uint32_t target;
    struct ir_range in;
};

/* What is kept for each block of the function, then for accept and reject. */
struct target {
    uint64_t relevant;     /* tracked values tested from here on */
    uint64_t phis;         /* blocks whose PHIs are used from here on, as a set of opt_phi_bit() */
    uint32_t plain;        /* the state of the block without facts, plus one; 0: there is none */
    uint32_t stamp, child; /* the child that leads here, while the stamp is that of the state being expanded;
                              or it was seen */
    struct {
        uint32_t set, leads;
        bool decided;
    } memo; /* of a long test: what it was last asked for (0: nothing), and the answer */
};

/* Open addressing; entries are indices plus one, 0 ends a search. */
struct slot {
    uint32_t hash, entry;
};
struct table {
    struct slot *at;
    uint32_t size, n; /* the size is a power of two */
};

struct thread {
    struct ir_func *f;
    struct arena *a, own;           /* own: for the pass alone, unless there are few blocks */
    const uint8_t *tests;           /* per value: how many blocks test it, up to two */
    uint32_t *tracked;              /* per value: index + 1 among the tracked, or 0 */
    ir_value value_of[TRACKED_MAX]; /* by that index */
    ir_value *kin; /* per value: what it and another tested one are bits of, plus one, or 0; NULL: none is */
    struct target *target;
    bool *hopeless;    /* per value: it takes a load from where no packet has bytes; NULL: none does */
    struct join *join; /* per block with PHIs: of the ways into it that were found; NULL: no block has any */
    uint32_t *here;    /* per block: its latest state plus one, or 0 */
    uint32_t extra;    /* further states of blocks that may be made with facts of their own */
    VEC(struct set) set;
    struct table set_table;
    VEC(struct fact) fact;
    VEC(struct state) state;
    struct table state_table;
    VEC(uint32_t) child; /* states, returns or CHILD_IMPOSSIBLE */
    VEC(struct ir_block) built;
    VEC(uint32_t) built_of; /* per built block: its state */
    struct table built_table;
    struct slot no_slot; /* of empty tables; stays zero */
    VEC(uint32_t) stack;
    VEC(struct ir_range) scratch;
    VEC(struct piece) piece;
    VEC(struct ir_case) to;          /* of the block being built */
    const struct ir_block *switched; /* whose pieces they are */
    uint32_t stamp;
    bool absorbed;      /* some built blocks may not be led to */
    bool one_is_enough; /* it is asked whether something is accepted: the first that is ends it */
    bool accepts;
    bool found;      /* the function becomes the built blocks, from the root on; else it stays as it is */
    uint32_t root;   /* a built block or a return */
    uint64_t budget; /* states and set elements still allowed to carry facts */
    bool failed;
};

/* A child is a return, a state, or impossible; a result is a return or a built block. */
#define CHILD_IMPOSSIBLE 0xfffffffdu /* no value that the facts allow leads here */

static inline uint32_t mix(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* The slot in which a search for @hash begins; the next one is table_next(). */
static inline const struct slot *table_first(const struct table *table, uint32_t hash)
{
    return &table->at[hash & (table->size - 1)];
}

static inline const struct slot *table_next(const struct table *table, const struct slot *s)
{
    return s + 1 == table->at + table->size ? table->at : s + 1;
}

/* ---- thread.c */
/** Finds what @f becomes, with at most @copies of its blocks more, in @t, which is empty but for what is
 * asked. 0 or a negative enum weir_status; in either case @t has to be released. */
int thread_find(struct thread *t, struct ir_func *f, uint32_t copies);
/** Makes the function what was found. False: no memory. */
bool thread_install(struct thread *t);
void thread_release(struct thread *t);

/* ---- thread_sets.c */
/** What every table is at first: a search ends at once, and what is put makes a real one. */
struct table thread_table_empty(struct thread *t);
void thread_table_add(struct thread *t, struct table *table, uint32_t hash, uint32_t index);

/** The set of @n ranges, which are sorted, disjoint and not adjacent, and copied. 0 and t->failed when memory
 * is out. */
uint32_t thread_set_intern(struct thread *t, const struct ir_range *ranges, uint32_t n);
/** The numbers in @a or @b. */
uint32_t thread_set_union(struct thread *t, uint32_t a, uint32_t b);
/** Walks the cases of @b and the ranges of @set together: calls for each overlap. Returns false when `each`
 * does. */
bool thread_overlaps(const struct ir_block *b, const struct set *set,
                     bool (*each)(void *user, uint32_t lo, uint32_t hi, uint32_t which), void *user);

/* Where the numbers that were looked at lead. */
struct thread_target {
    const struct ir_block *b;
    uint32_t target;
    bool any;
};

/** Do all numbers of @known lead to one target of @b, which is left in @one? */
bool thread_is_decided(const struct ir_block *b, const struct set *known, struct thread_target *one);

/* ---- thread_absorb.c */
#define ABSORB_CASES_MAX 32u

/* A test with another one in it. */
struct absorbed {
    struct ir_case to[ABSORB_CASES_MAX];
    uint32_t n;
};

/** Would the test with the @n cases @to better be one with @in, of the same value, to which its target @inner
 * leads? */
bool thread_may_absorb(const struct ir_case *to, uint32_t n, uint32_t inner, const struct ir_block *in,
                       struct absorbed *a);
/** The first @n of t->to, cases of a test of @on, with what they absorb. Gives their number. */
uint32_t thread_absorb(struct thread *t, ir_value on, uint32_t n);
/** Takes built blocks away to which nothing leads from *@root on, which keeps its number in what is left.
 * False: no memory. */
bool thread_drop_absorbed(struct thread *t, uint32_t *root);

/* ---- thread_bits.c */
/** Finds tested values that are bits of one. False: no memory. */
bool thread_find_kin(struct thread *t);
/** The set of what is known of @v, which has kin: @own, as far as the @n facts from @first on about its kin
 * allow.
 */
uint32_t thread_narrowed(struct thread *t, uint32_t first, uint32_t n, ir_value v, uint32_t own);

/* ---- thread_idle.c */
/** Would the pass leave the function as it is? `tests`, `tracked`, `target` and `hopeless` are known. False:
 * it may not, or t->failed: no memory. */
bool thread_is_idle(struct thread *t);

/* ---- thread_states.c */
/**
 * Where the path that leaves block @from for @block really goes: past blocks whose test is decided, to a
 * state or a return. The facts on the way are the last @n of t->fact; they are used up.
 */
uint32_t thread_resolve(struct thread *t, uint32_t from, uint32_t block, uint32_t n);
/** The set of what the state @s knows of @v: 0 when it is nothing. */
uint32_t thread_known(struct thread *t, const struct state *s, ir_value v);
/** The state of @block, or of the edge to it from block @via, that knows the last @n of t->fact, which are
 * used up; made if need be. */
uint32_t thread_state(struct thread *t, uint32_t block, uint32_t via, uint32_t n);
/** Finds the children of a state: one for each case of its block, equal targets sharing one. */
void thread_expand(struct thread *t, uint32_t id);

/* Is @s a block about which nothing is known, and which is the end of every way? Then it is built as it is.
 */
static inline bool thread_is_last(const struct thread *t, const struct state *s)
{
    const struct ir_block *b = &t->f->block.at[s->block];
    bool last = s->facts == 0 && s->via == IR_NONE && b->phi.n == 0 && b->to.n != 1 && b->to.n < LONG_CASES;

    for (uint32_t c = 0; c < b->to.n && last; c++)
        last = is_return(b->to.at[c].target);
    return last;
}

/* ---- thread_joins.c */
/** One more way into @block, which has PHIs, has proved the last @n of t->fact; they are used up. */
void thread_join_enter(struct thread *t, uint32_t block, uint32_t n);
/** Expands all states, so that all children are known, and decides which states of a block are one. */
bool thread_expand_all(struct thread *t);
#endif
