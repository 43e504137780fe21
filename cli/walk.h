/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/walk.h - what the parts of prove_walk.c share: the arrays, the types and the doors between them.
 *
 * Private to prove_walk.c, which has the overview, and walk_*.c. A function that fails says so in the walk,
 * see stopped(); what it returns then means nothing.
 */
#ifndef WEIR_CLI_WALK_H
#define WEIR_CLI_WALK_H
#include <stdlib.h>
#include "prove.h"

#define NONE          UINT32_MAX
#define GIVEN_MAX     64u   /* deferred states in a row */
#define FIELDS_MAX    2000u /* depth of the recursion over fields */
#define COMMON_LENGTH 20u

/* ---------------------------------------------------------------- arrays and types */

#define LIST(T)                                                                                              \
    struct {                                                                                                 \
        T *at;                                                                                               \
        uint32_t n, cap;                                                                                     \
    }

enum term_op { T_CONST, T_CAPLEN, T_WIRELEN, T_META, T_LOAD, T_ROOM, T_CAPTURED, T_EQ, T_GT, T_OTHER, T_ALU };

/*
 * T_LOAD      `size` bytes at a + k (a NONE: at k)
 * T_ROOM      captured bytes from address a on
 * T_CAPTURED  1 if `size` bytes at a + k are captured
 * T_EQ, T_GT  a compared with b
 * T_OTHER     a, which is an IPv4 header's length and not COMMON_LENGTH
 * T_ALU       a OP b, BPF operator `size`
 */
struct term {
    uint32_t op, a, b, k, size;
    uint32_t lo, hi; /* range */
    uint32_t field;  /* its number, or NONE */
};

struct interval {
    uint32_t lo, hi;
};

/* A slice of walk.pool: sorted, disjoint, not adjacent. */
struct set {
    uint32_t at, n;
};

/* Where a test or a diagram leads: an outcome below OUTCOMES, otherwise a state or a node + OUTCOMES. */
typedef uint32_t ref;
enum { FAULT, REJECT, OUTCOMES = 64 };

/* A point of a program: `field` is tested there, or NONE: goes on at `yes`. */
struct state {
    uint32_t pc, a, x, cells; /* cells: index of its sixteen terms, or NONE */
    uint32_t field;
    struct set set;
    ref yes, no;
    uint32_t next; /* of the same pc or the same hash chain */
    uint64_t relevant;
};

struct fact {
    uint32_t tracked;
    uint64_t classes; /* it is in one of these */
};

/* A state with what is known there. */
struct threaded {
    uint32_t state;
    uint32_t field;
    struct set set;
    uint32_t fact, facts;
    ref yes, no;     /* threaded states */
    uint32_t next;   /* of the same state */
    ref drawn;       /* the diagram, or NONE */
    uint32_t before; /* states that lead here */
    uint32_t depth;  /* deferred: states drawn together with it, along the longest way; else 0 */
    ref run[2]; /* the outcome if the test (or its opposite) holds; the rest is at the other end. NONE: not so
                 */
};

struct node {
    uint32_t field, at, n; /* slice of walk.edge */
};

struct edge {
    uint32_t last; /* numbers up to here; the last edge's is UINT32_MAX */
    ref to;
};

struct edges {
    struct edge *at;
    uint32_t n, cap;
};

struct memo {
    ref p, q, result;
    uint32_t epoch;
};

struct walk {
    const struct prove_question *o;
    uint64_t work;
    bool no_memory;
    const char *why; /* gave up */

    LIST(struct term) term;
    LIST(uint32_t) field; /* terms */
    LIST(struct interval) pool;
    uint32_t *term_hash, term_hash_size;
    LIST(uint32_t) outcome; /* verdicts of outcomes; FAULT and REJECT are 0 */

    LIST(struct state) state;
    LIST(uint32_t) cells;
    LIST(struct interval) scratch, other;

    uint32_t *tracked;     /* by field: number among the tracked, or NONE */
    uint32_t *class_first; /* by field: first of its classes in `class_last` */
    LIST(uint32_t) class_last;
    uint32_t tracked_n;

    LIST(struct fact) fact;
    LIST(struct threaded) threaded;

    LIST(struct node) node;
    struct edges edge;
    uint32_t *node_hash, node_hash_size;
    struct memo *memo;
    uint32_t memo_size, memo_n, epoch;

    struct given {
        uint32_t field;
        struct set set;
        ref from, to;   /* the last diagram that was simplified by it */
    } given[GIVEN_MAX]; /* what is known of the packets for which something is being drawn */
};

static inline bool stopped(const struct walk *w)
{
    return w->no_memory || w->why;
}

static inline void pay(struct walk *w, uint64_t steps)
{
    if (w->work < steps)
        w->why = "too much work for walking intervals";
    else
        w->work -= steps;
}

static inline bool list_room(struct walk *w, void **at, uint32_t *cap, uint32_t n, size_t size)
{
    if (n < *cap)
        return true;
    uint32_t more = *cap ? *cap * 2 : 256;
    void *moved = more > *cap ? realloc(*at, more * size) : NULL;
    if (!moved) {
        w->no_memory = true;
        return false;
    }
    *at = moved;
    *cap = more;
    return true;
}
#define PUSH(w, list, ...)                                                                                   \
    (list_room((w), (void **)&(list)->at, &(list)->cap, (list)->n, sizeof *(list)->at)                       \
         ? ((list)->at[(list)->n++] = __VA_ARGS__, true)                                                     \
         : false)

static inline uint32_t mix(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* ---------------------------------------------------------------- walk_terms.c */

/* All bits from the highest of @x down. */
uint32_t walk_ones(uint32_t x);

/* The number of term @t, made if need be. */
uint32_t walk_term_make(struct walk *w, struct term t);
uint32_t walk_term_const(struct walk *w, uint32_t k);
uint32_t walk_term_alu(struct walk *w, unsigned op, uint32_t a, uint32_t b);
bool walk_is_const(const struct walk *w, uint32_t t);
bool walk_is_header_length(const struct walk *w, uint32_t t);
bool walk_is_bit(const struct walk *w, uint32_t t);

/* The number of the field that term @term is, the next in the order if it was none. */
uint32_t walk_field_of(struct walk *w, uint32_t term);

/* ---------------------------------------------------------------- walk_tests.c */

enum truth { NEVER, ALWAYS, DEPENDS };

struct test {
    enum truth truth;
    uint32_t field;
    struct set set;
};

/* Adds to the scratch intervals, unless @lo is above @hi. */
void walk_put(struct walk *w, uint32_t lo, uint32_t hi);
void walk_tidy(struct walk *w);

/* Does @term lie between @lo and @hi? */
struct test walk_test_range(struct walk *w, uint32_t term, uint32_t lo, uint32_t hi);

/* The opposite of a test that is NEVER or ALWAYS. */
struct test walk_test_not(struct test t);

/* ---------------------------------------------------------------- walk_explore.c */

struct program_states {
    uint32_t *first; /* by instruction: its states */
    uint32_t *extra; /* ... and those inside it */
    const struct weir_cbpf_insn *code;
    uint32_t n;
    uint32_t begin; /* first state of this program */
    uint32_t *live;
    ref entry;
};

/* Finds all states of a program, whose code and n are set. */
void walk_explore(struct walk *w, struct program_states *p);

/* ---------------------------------------------------------------- walk_thread.c */

/* Once, when all programs are explored. */
void walk_find_classes(struct walk *w);
ref walk_thread(struct walk *w, struct program_states *p, uint32_t **order, uint32_t *count);

/* ---------------------------------------------------------------- walk_draw.c */

/* The diagram of the threaded program that begins at @entry; @order and @n are from walk_thread(). */
ref walk_draw(struct walk *w, ref entry, const uint32_t *order, uint32_t n);

/* The field that diagram @d looks at first; NONE: it is an outcome. */
uint32_t walk_field_at(const struct walk *w, ref d);
const struct edge *walk_edges_of(const struct walk *w, ref d, uint32_t field, struct edge *self);

/* The result for @p and @q of the operation at hand, NONE when it is new; NULL without memory. */
ref *walk_memo_find(struct walk *w, ref p, ref q);

/* Another operation begins. */
void walk_memo_clear(struct walk *w);

#endif
