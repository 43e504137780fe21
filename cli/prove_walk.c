/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/prove_walk.c - proving by decision diagrams over intervals.
 *
 * A filter compares fields of the packet with constants. Each program is executed over terms; a test becomes "does
 * this field lie in this set", a field being a term that is not taken apart further: a load, the captured length,
 * what is captured behind a variable address. The fields get an order, and each program becomes a diagram that
 * looks at them in that order, each node splitting one field's numbers into intervals, equal nodes being one node
 * (Bryant, "Graph-based algorithms for Boolean function manipulation", 1986; with intervals instead of bits). The
 * diagrams are then walked together. Fields are taken to be independent: where they are, the answer is exact;
 * where they are not, "equal" is still a proof, and a difference counts only when a packet shows it.
 *
 *   explore()   states (instruction, what A, X and M hold) and the tests between them
 *   thread()    tests that the path has decided are passed over; for fields with few distinct numbers
 *   draw()      states from last to first into diagrams; a run of tests with one outcome is united field by field
 *               before it is drawn, which keeps a list of n terms at n log n
 *   compare()   both diagrams together, to a packet
 *
 * Every loop pays from one purse of work; when it is empty the answer is "unknown".
 */
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include "prove.h"

#define NONE         UINT32_MAX
#define WORK         400000000u /* a few seconds */
#define FIELDS_MAX   2000u      /* depth of the recursion over fields */
#define CUTS_MAX     64u        /* classes of a field that thread() follows */
#define TRACKED_MAX  64u
#define EXPAND_MAX   1024u      /* intervals one test may become when a mask is moved into them */
#define ATTEMPTS_MAX 200u       /* packets tried */
#define SHORT_MAX    256u
#define GIVEN_MAX    64u        /* deferred states in a row */
#define COMMON_LENGTH 20u

/* ---------------------------------------------------------------- arrays */

#define LIST(T)        \
    struct {           \
        T *at;         \
        uint32_t n, cap; \
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
    ref yes, no;      /* threaded states */
    uint32_t next;    /* of the same state */
    ref drawn;        /* the diagram, or NONE */
    uint32_t before;  /* states that lead here */
    uint32_t depth;   /* deferred: states drawn together with it, along the longest way; else 0 */
    ref run[2];       /* the outcome if the test (or its opposite) holds; the rest is at the other end. NONE: not so */
};

struct node {
    uint32_t field, at, n; /* slice of walk.edge */
};

struct edge {
    uint32_t last; /* numbers up to here; the last edge's is UINT32_MAX */
    ref to;
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

    uint32_t *tracked;         /* by field: number among the tracked, or NONE */
    uint32_t *class_first;     /* by field: first of its classes in `class_last` */
    LIST(uint32_t) class_last;
    uint32_t tracked_n;

    LIST(struct fact) fact;
    LIST(struct threaded) threaded;

    LIST(struct node) node;
    LIST(struct edge) edge;
    uint32_t *node_hash, node_hash_size;
    struct memo *memo;
    uint32_t memo_size, memo_n, epoch;

    struct given {
        uint32_t field;
        struct set set;
        ref from, to; /* the last diagram that was simplified by it */
    } given[GIVEN_MAX]; /* what is known of the packets for which something is being drawn */
};

static bool stopped(const struct walk *w)
{
    return w->no_memory || w->why;
}

static void pay(struct walk *w, uint64_t steps)
{
    if (w->work < steps)
        w->why = "too much work for walking intervals";
    else
        w->work -= steps;
}

static bool list_room(struct walk *w, void **at, uint32_t *cap, uint32_t n, size_t size)
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
#define PUSH(w, list, ...)                                                                             \
    (list_room((w), (void **)&(list)->at, &(list)->cap, (list)->n, sizeof *(list)->at)                 \
         ? ((list)->at[(list)->n++] = __VA_ARGS__, true)                                               \
         : false)

static uint32_t mix(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* ---------------------------------------------------------------- terms */

static uint32_t ones(uint32_t x)
{
    for (unsigned s = 1; s < 32; s *= 2)
        x |= x >> s;
    return x;
}

static void term_range(const struct walk *w, struct term *t)
{
    const struct term *a = t->a != NONE ? &w->term.at[t->a] : NULL, *b = t->b != NONE ? &w->term.at[t->b] : NULL;

    t->lo = 0;
    t->hi = UINT32_MAX;
    switch ((enum term_op)t->op) {
    case T_CONST:
        t->lo = t->hi = t->k;
        break;
    case T_CAPLEN:
        t->lo = w->o->caplen_min;
        t->hi = PROVE_CAPLEN_MAX;
        break;
    case T_ROOM:
        t->hi = PROVE_CAPLEN_MAX;
        break;
    case T_OTHER:
        t->lo = a->lo;
        t->hi = a->hi;
        break;
    case T_WIRELEN:
        t->lo = w->o->caplen_min;
        break;
    case T_META:
    case T_LOAD:
        t->hi = t->size == 0 ? 1 : UINT32_MAX >> (32 - 8 * t->size);
        break;
    case T_CAPTURED:
    case T_EQ:
    case T_GT:
        t->hi = 1;
        break;
    case T_ALU:
        if (t->size == BPF_AND)
            t->hi = a->hi < b->hi ? a->hi : b->hi;
        else if (t->size == BPF_ADD && b->op == T_CONST && (uint64_t)a->hi + b->k <= UINT32_MAX)
            t->lo = a->lo + b->k, t->hi = a->hi + b->k;
        else if (t->size == BPF_LSH && b->op == T_CONST && b->k < 32 && a->hi <= UINT32_MAX >> b->k)
            t->hi = a->hi << b->k;
        else if (t->size == BPF_RSH && b->op == T_CONST)
            t->hi = b->k < 32 ? a->hi >> b->k : 0;
        else if (t->size == BPF_OR || t->size == BPF_XOR)
            t->hi = ones(a->hi | b->hi);
        else if (t->size == BPF_DIV)
            t->hi = a->hi;
        break;
    }
}

static uint32_t term_make(struct walk *w, struct term t)
{
    uint32_t h = mix(mix(mix(mix(mix(1, t.op), t.a), t.b), t.k), t.size);

    if (2 * w->term.n >= w->term_hash_size) {
        uint32_t size = w->term_hash_size ? 2 * w->term_hash_size : 1024;
        uint32_t *table = calloc(size, sizeof *table);
        if (!table) {
            w->no_memory = true;
            return 0;
        }
        for (uint32_t i = 0; i < w->term.n; i++) {
            const struct term *o = &w->term.at[i];
            uint32_t at = mix(mix(mix(mix(mix(1, o->op), o->a), o->b), o->k), o->size);
            while (table[at & (size - 1)])
                at++;
            table[at & (size - 1)] = i + 1;
        }
        free(w->term_hash);
        w->term_hash = table;
        w->term_hash_size = size;
    }
    for (; w->term_hash[h & (w->term_hash_size - 1)]; h++) {
        uint32_t i = w->term_hash[h & (w->term_hash_size - 1)] - 1;
        const struct term *o = &w->term.at[i];
        if (o->op == t.op && o->a == t.a && o->b == t.b && o->k == t.k && o->size == t.size)
            return i;
    }
    t.field = NONE;
    term_range(w, &t);
    if (!PUSH(w, &w->term, t))
        return 0;
    w->term_hash[h & (w->term_hash_size - 1)] = w->term.n;
    return w->term.n - 1;
}

static uint32_t term_const(struct walk *w, uint32_t k)
{
    return term_make(w, (struct term){.op = T_CONST, .a = NONE, .b = NONE, .k = k});
}

static bool is_const(const struct walk *w, uint32_t t)
{
    return w->term.at[t].op == T_CONST;
}

static uint32_t term_alu(struct walk *w, unsigned op, uint32_t a, uint32_t b)
{
    if (op == BPF_NEG) {
        op = BPF_SUB;
        b = a;
        a = term_const(w, 0);
    }
    if (stopped(w))
        return 0;
    bool ca = is_const(w, a), cb = is_const(w, b);
    uint32_t k = w->term.at[b].k;
    if (ca && cb)
        return term_const(w, prove_compute(op, w->term.at[a].k, k));
    if (ca && (op == BPF_ADD || op == BPF_AND || op == BPF_OR || op == BPF_XOR || op == BPF_MUL))
        return term_alu(w, op, b, a);
    if (cb && op == BPF_SUB)
        return term_alu(w, BPF_ADD, a, term_const(w, 0 - k));
    if (cb && (op == BPF_MUL || op == BPF_DIV) && k && !(k & (k - 1)))
        return term_alu(w, op == BPF_MUL ? BPF_LSH : BPF_RSH, a, term_const(w, (uint32_t)__builtin_ctz(k)));
    if (cb && op == BPF_AND) {
        k &= ones(w->term.at[a].hi);
        if (k == ones(w->term.at[a].hi))
            return a;
        if (k == 0)
            return term_const(w, 0);
        b = term_const(w, k);
    }
    if (cb && k == 0 && op != BPF_MUL && op != BPF_DIV && op != BPF_MOD)
        return a;
    const struct term inner = w->term.at[a];
    if (cb && (op == BPF_ADD || op == BPF_AND) && inner.op == T_ALU && inner.size == op && is_const(w, inner.b))
        return term_alu(w, op, inner.a, term_const(w, prove_compute(op, w->term.at[inner.b].k, k)));
    if (!cb && a > b && (op == BPF_ADD || op == BPF_AND || op == BPF_OR || op == BPF_XOR || op == BPF_MUL)) {
        uint32_t t = a;
        a = b;
        b = t;
    }
    return term_make(w, (struct term){.op = T_ALU, .a = a, .b = b, .size = op});
}

/*
 * 4 * (byte & 15). What lies behind such a header is at a constant place in most packets, and a program may use
 * that (--tune kernel). So the two cases are parted as soon as the length is computed, in every program.
 */
static bool is_header_length(const struct walk *w, uint32_t t)
{
    const struct term *shift = &w->term.at[t], *mask, *load;

    if (stopped(w) || shift->op != T_ALU || shift->size != BPF_LSH || !is_const(w, shift->b) || w->term.at[shift->b].k != 2)
        return false;
    mask = &w->term.at[shift->a];
    if (mask->op != T_ALU || mask->size != BPF_AND || !is_const(w, mask->b) || w->term.at[mask->b].k != 15)
        return false;
    load = &w->term.at[mask->a];
    return load->op == T_LOAD && load->a == NONE && load->size == 1;
}

static uint32_t field_of(struct walk *w, uint32_t term)
{
    if (w->term.at[term].field == NONE && !stopped(w)) {
        w->term.at[term].field = w->field.n;
        PUSH(w, &w->field, term);
        if (w->field.n > FIELDS_MAX)
            w->why = "too many fields for walking intervals";
    }
    return w->term.at[term].field;
}

/* ---------------------------------------------------------------- tests */

enum truth { NEVER, ALWAYS, DEPENDS };

struct test {
    enum truth truth;
    uint32_t field;
    struct set set;
};

static int interval_order(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorts and merges the scratch intervals. */
static void tidy(struct walk *w)
{
    struct interval *s = w->scratch.at;
    uint32_t m = 0;

    pay(w, w->scratch.n);
    if (w->scratch.n > 1)
        qsort(s, w->scratch.n, sizeof *s, interval_order);
    for (uint32_t i = 0; i < w->scratch.n; i++) {
        if (m && (s[i].lo <= s[m - 1].hi || s[i].lo == s[m - 1].hi + 1)) {
            if (s[i].hi > s[m - 1].hi)
                s[m - 1].hi = s[i].hi;
        } else {
            s[m++] = s[i];
        }
    }
    w->scratch.n = m;
}

static void put(struct walk *w, uint32_t lo, uint32_t hi)
{
    if (lo <= hi)
        PUSH(w, &w->scratch, (struct interval){lo, hi});
}

/* The scratch intervals hold numbers of `inner & mask`: afterwards, of `inner`. False when that is too many. */
static bool through_mask(struct walk *w, uint32_t inner, uint32_t mask)
{
    uint32_t all = ones(w->term.at[inner].hi), low = (mask & (0 - mask)) - 1, run = ones(mask) & ~low;
    uint32_t n = w->scratch.n;

    if (all <= 0xff) { /* number by number */
        w->other.n = 0;
        for (uint32_t v = 0; v <= all; v++)
            for (uint32_t i = 0; i < n; i++)
                if ((v & mask) >= w->scratch.at[i].lo && (v & mask) <= w->scratch.at[i].hi)
                    PUSH(w, &w->other, (struct interval){v, v});
    } else {
        uint32_t above = (all & ~ones(mask)) / (ones(mask) + 1u ? ones(mask) + 1u : 1); /* largest number above it */
        if (run != mask || above >= EXPAND_MAX || (uint64_t)(above + 1) * n > EXPAND_MAX)
            return false;
        w->other.n = 0;
        for (uint32_t high = 0; high <= above; high++)
            for (uint32_t i = 0; i < n; i++) {
                struct interval v = w->scratch.at[i];
                uint32_t base = above ? high * (ones(mask) + 1u) : 0;
                if (v.lo > mask)
                    continue;
                v.hi = v.hi > mask ? mask : v.hi;
                v.lo = (v.lo & low) ? (v.lo | low) + 1 : v.lo;
                v.hi = (v.hi & ~low) | low;
                if (v.lo <= v.hi && v.lo <= mask)
                    PUSH(w, &w->other, (struct interval){base + v.lo, base + v.hi});
            }
    }
    w->scratch.n = 0;
    for (uint32_t i = 0; i < w->other.n; i++)
        put(w, w->other.at[i].lo, w->other.at[i].hi);
    tidy(w);
    return true;
}

/* The scratch intervals hold numbers of a OP k: afterwards, of a. False when they cannot be moved. */
static bool through(struct walk *w, const struct term *t)
{
    uint32_t k = w->term.at[t->b].k, n = w->scratch.n;
    uint32_t hi = w->term.at[t->a].hi;

    if (t->op != T_ALU || !is_const(w, t->b))
        return false;
    switch (t->size) {
    case BPF_ADD:
        for (uint32_t i = 0; i < n; i++) {
            struct interval v = w->scratch.at[i];
            if (v.lo - k > v.hi - k) { /* around the end */
                put(w, v.lo - k, UINT32_MAX);
                w->scratch.at[i] = (struct interval){0, v.hi - k};
            } else {
                w->scratch.at[i] = (struct interval){v.lo - k, v.hi - k};
            }
        }
        tidy(w);
        return true;
    case BPF_AND:
        return through_mask(w, t->a, k);
    case BPF_RSH:
        if (k >= 32)
            return false;
        for (uint32_t i = 0; i < n; i++) {
            struct interval *v = &w->scratch.at[i];
            if (v->lo > UINT32_MAX >> k) {
                *v = (struct interval){UINT32_MAX, UINT32_MAX};
                if (hi == UINT32_MAX)
                    return false;
                continue;
            }
            v->lo <<= k;
            v->hi = v->hi > UINT32_MAX >> k ? UINT32_MAX : v->hi << k | ((1u << k) - 1);
        }
        tidy(w);
        return true;
    case BPF_LSH:
        if (k >= 32 || hi > UINT32_MAX >> k)
            return false;
        w->other.n = 0;
        for (uint32_t i = 0; i < n; i++) {
            struct interval v = w->scratch.at[i];
            uint32_t lo = (uint32_t)(((uint64_t)v.lo + (1u << k) - 1) >> k);
            if (lo <= v.hi >> k)
                PUSH(w, &w->other, (struct interval){lo, v.hi >> k});
        }
        w->scratch.n = 0;
        for (uint32_t i = 0; i < w->other.n; i++)
            put(w, w->other.at[i].lo, w->other.at[i].hi);
        tidy(w);
        return true;
    default:
        return false;
    }
}

/* Does @term lie in the scratch intervals, which are tidy? */
static struct test test_make(struct walk *w, uint32_t term)
{
    struct test t = {NEVER, NONE, {0, 0}};

    for (;;) {
        struct interval *s = w->scratch.at;
        uint32_t n = w->scratch.n, m = 0, lo = w->term.at[term].lo, hi = w->term.at[term].hi;
        if (stopped(w))
            return t;
        pay(w, n + 1);
        /* numbers that cannot be belong to their neighbours */
        for (uint32_t i = 0; i < n; i++) {
            if (s[i].hi < lo || s[i].lo > hi)
                continue;
            s[m] = s[i];
            if (s[m].lo <= lo)
                s[m].lo = 0;
            if (s[m].hi >= hi)
                s[m].hi = UINT32_MAX;
            m++;
        }
        w->scratch.n = m;
        if (m == 0)
            return t;
        if (m == 1 && s[0].lo == 0 && s[0].hi == UINT32_MAX) {
            t.truth = ALWAYS;
            return t;
        }
        const struct term inner = w->term.at[term];
        if (inner.op == T_OTHER) {
            term = inner.a;
            continue;
        }
        if (inner.op != T_ALU)
            break;
        for (uint32_t i = 0; i < m; i++) { /* only what can be, for moving it through the operator */
            s[i].lo = s[i].lo < lo ? lo : s[i].lo;
            s[i].hi = s[i].hi > hi ? hi : s[i].hi;
        }
        if (!through(w, &inner)) {
            if (w->scratch.at[0].lo <= lo)
                w->scratch.at[0].lo = 0;
            if (w->scratch.at[m - 1].hi >= hi)
                w->scratch.at[m - 1].hi = UINT32_MAX;
            break;
        }
        term = inner.a;
    }
    t.truth = DEPENDS;
    t.field = field_of(w, term);
    t.set = (struct set){w->pool.n, w->scratch.n};
    for (uint32_t i = 0; i < w->scratch.n; i++)
        PUSH(w, &w->pool, w->scratch.at[i]);
    return t;
}

static struct test test_range(struct walk *w, uint32_t term, uint32_t lo, uint32_t hi)
{
    w->scratch.n = 0;
    put(w, lo, hi);
    return test_make(w, term);
}

static struct test test_not(struct test t)
{
    t.truth = t.truth == NEVER ? ALWAYS : NEVER;
    return t;
}

/* ---------------------------------------------------------------- explore: a program over terms */

struct program_states {
    uint32_t *first; /* by instruction: its states */
    uint32_t *extra; /* ... and those inside it */
    const struct weir_cbpf_insn *code;
    uint32_t n;
    uint32_t begin; /* first state of this program */
    uint32_t *live;
    ref entry;
};

static const uint32_t *cells_at(const struct walk *w, uint32_t cells)
{
    return &w->cells.at[cells];
}

/* The state of these, made if need be. What is dead is forgotten. */
static ref state_at(struct walk *w, struct program_states *p, uint32_t pc, uint32_t a, uint32_t x,
                    const uint32_t cell[PROVE_CELLS], bool uses_cells)
{
    uint32_t live = p->live[pc], kept[PROVE_CELLS];

    a = live & PROVE_LIVE_A ? a : 0;
    x = live & PROVE_LIVE_X ? x : 0;
    for (uint32_t i = 0; uses_cells && i < PROVE_CELLS; i++)
        kept[i] = live & 1u << i ? cell[i] : 0;
    pay(w, 1);
    for (uint32_t s = p->first[pc]; s != NONE; s = w->state.at[s].next) {
        const struct state *o = &w->state.at[s];
        pay(w, 1);
        if (o->a == a && o->x == x && (!uses_cells || memcmp(cells_at(w, o->cells), kept, sizeof kept) == 0))
            return s + OUTCOMES;
    }
    struct state s = {.pc = pc, .a = a, .x = x, .cells = NONE, .field = NONE, .yes = REJECT, .no = REJECT};
    if (uses_cells) {
        s.cells = w->cells.n;
        for (uint32_t i = 0; i < PROVE_CELLS; i++)
            PUSH(w, &w->cells, kept[i]);
    }
    s.next = p->first[pc];
    if (stopped(w) || !PUSH(w, &w->state, s))
        return REJECT;
    p->first[pc] = w->state.n - 1;
    return w->state.n - 1 + OUTCOMES;
}

static ref outcome_of(struct walk *w, uint32_t verdict)
{
    if (verdict == 0)
        return REJECT;
    for (uint32_t i = REJECT + 1; i < w->outcome.n; i++)
        if (w->outcome.at[i] == verdict)
            return i;
    if (w->outcome.n == OUTCOMES) {
        w->why = "too many verdicts";
        return REJECT;
    }
    PUSH(w, &w->outcome, verdict);
    return w->outcome.n - 1;
}

/* Whether the load of @size bytes at @base + @k can be made. */
static struct test test_captured(struct walk *w, uint32_t base, uint32_t k, uint32_t size)
{
    if (base == NONE) {
        struct test never = {NEVER, NONE, {0, 0}};
        if (k > PROVE_CAPLEN_MAX - size)
            return never;
        uint32_t caplen = term_make(w, (struct term){.op = T_CAPLEN, .a = NONE, .b = NONE});
        return test_range(w, caplen, k + size, UINT32_MAX);
    }
    if (k <= INT32_MAX && (uint64_t)w->term.at[base].hi + k + size <= UINT32_MAX) {
        uint32_t room = term_make(w, (struct term){.op = T_ROOM, .a = base, .b = NONE});
        return test_range(w, room, k + size, UINT32_MAX);
    }
    uint32_t captured = term_make(w, (struct term){.op = T_CAPTURED, .a = base, .b = NONE, .k = k, .size = size});
    return test_range(w, captured, 1, 1);
}

static struct test test_jump(struct walk *w, const struct weir_cbpf_insn *i, uint32_t a, uint32_t x)
{
    uint32_t op = BPF_OP(i->code), b = BPF_SRC(i->code) == BPF_X ? x : term_const(w, i->k);
    struct test never = {NEVER, NONE, {0, 0}};

    if (stopped(w))
        return never;
    if (op == BPF_JSET)
        return test_range(w, term_alu(w, BPF_AND, a, b), 1, UINT32_MAX);
    bool ca = is_const(w, a), cb = is_const(w, b);
    uint32_t k = w->term.at[b].k, ka = w->term.at[a].k;
    if (cb) {
        if (op == BPF_JEQ)
            return test_range(w, a, k, k);
        if (op == BPF_JGE)
            return test_range(w, a, k, UINT32_MAX);
        return k == UINT32_MAX ? never : test_range(w, a, k + 1, UINT32_MAX);
    }
    if (ca) {
        if (op == BPF_JEQ)
            return test_range(w, b, ka, ka);
        if (op == BPF_JGE)
            return test_range(w, b, 0, ka);
        return ka == 0 ? never : test_range(w, b, 0, ka - 1);
    }
    if (a == b)
        return op == BPF_JGT ? never : test_not(never);
    uint32_t low = a < b ? a : b, high = a < b ? b : a;
    if (op == BPF_JEQ)
        return test_range(w, term_make(w, (struct term){.op = T_EQ, .a = low, .b = high}), 1, 1);
    if (op == BPF_JGT)
        return test_range(w, term_make(w, (struct term){.op = T_GT, .a = a, .b = b}), 1, 1);
    return test_range(w, term_make(w, (struct term){.op = T_GT, .a = b, .b = a}), 0, 0);
}

static uint32_t metadata_bytes(const struct weir_cbpf_insn *i)
{
    return i->k == PROVE_ANCILLARY + SKF_AD_VLAN_TAG_PRESENT ? 0 : prove_load_bytes(i->code);
}

/*
 * Ends state @s behind instruction @pc, which put a header's length, @v, into A or X: parts the packets where it is
 * COMMON_LENGTH from the others, after test @t, which may be ALWAYS.
 */
static void part_lengths(struct walk *w, struct program_states *p, uint32_t s, uint32_t pc, struct test t, uint32_t v, bool in_x,
                         const uint32_t reg[2], const uint32_t *cell, bool uses_cells)
{
    uint32_t common = term_const(w, COMMON_LENGTH), other = term_make(w, (struct term){.op = T_OTHER, .a = v, .b = NONE});
    struct test is = test_range(w, v, COMMON_LENGTH, COMMON_LENGTH);
    struct state *at;

    if (stopped(w))
        return;
    ref yes = state_at(w, p, pc + 1, in_x ? reg[0] : common, in_x ? common : reg[1], cell, uses_cells);
    ref no = state_at(w, p, pc + 1, in_x ? reg[0] : other, in_x ? other : reg[1], cell, uses_cells);
    if (t.truth == DEPENDS) {
        if (!PUSH(w, &w->state, (struct state){.pc = pc, .cells = NONE, .field = is.field, .set = is.set, .yes = yes, .no = no,
                                               .next = p->extra[pc]}))
            return;
        p->extra[pc] = w->state.n - 1;
        yes = w->state.n - 1 + OUTCOMES;
        no = FAULT;
        is = t;
    }
    at = &w->state.at[s];
    at->field = is.field;
    at->set = is.set;
    at->yes = yes;
    at->no = no;
}

/* Executes from state @s to the next test; straight code is passed over. */
static void execute_state(struct walk *w, struct program_states *p, uint32_t s, bool uses_cells)
{
    uint32_t pc = w->state.at[s].pc, a = w->state.at[s].a, x = w->state.at[s].x, cell[PROVE_CELLS] = {0};

    if (uses_cells)
        memcpy(cell, cells_at(w, w->state.at[s].cells), sizeof cell);
    for (; !stopped(w); pc++) {
        const struct weir_cbpf_insn *i = &p->code[pc];
        struct test t = {ALWAYS, NONE, {0, 0}};
        ref otherwise = REJECT;
        pay(w, 1);
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX: {
            uint32_t v = 0, base = NONE, k = i->k, size = 1;
            switch (BPF_MODE(i->code)) {
            case BPF_IMM:
                v = term_const(w, k);
                break;
            case BPF_LEN:
                v = term_make(w, (struct term){.op = T_WIRELEN, .a = NONE, .b = NONE});
                break;
            case BPF_MEM:
                v = cell[k];
                break;
            default:
                if (BPF_MODE(i->code) == BPF_ABS && k >= PROVE_ANCILLARY) {
                    v = term_make(w, (struct term){.op = T_META, .a = NONE, .b = NONE, .k = k, .size = metadata_bytes(i)});
                    break;
                }
                if (BPF_MODE(i->code) != BPF_MSH)
                    size = prove_load_bytes(i->code);
                if (BPF_MODE(i->code) == BPF_IND) {
                    const struct term *tx = &w->term.at[x];
                    if (tx->op == T_CONST) {
                        k += tx->k;
                    } else if (tx->op == T_ALU && tx->size == BPF_ADD && is_const(w, tx->b)) {
                        base = tx->a;
                        k += w->term.at[tx->b].k;
                    } else {
                        base = x;
                    }
                }
                t = test_captured(w, base, k, size);
                otherwise = FAULT;
                v = term_make(w, (struct term){.op = T_LOAD, .a = base, .b = NONE, .k = k, .size = size});
                if (BPF_MODE(i->code) == BPF_MSH)
                    v = term_alu(w, BPF_LSH, term_alu(w, BPF_AND, v, term_const(w, 15)), term_const(w, 2));
                break;
            }
            if (BPF_CLASS(i->code) == BPF_LD)
                a = v;
            else
                x = v;
            break;
        }
        case BPF_ST:
            cell[i->k] = a;
            continue;
        case BPF_STX:
            cell[i->k] = x;
            continue;
        case BPF_ALU: {
            uint32_t op = BPF_OP(i->code), b = BPF_SRC(i->code) == BPF_X ? x : term_const(w, i->k);
            if (stopped(w))
                return;
            if (op == BPF_DIV || op == BPF_MOD)
                t = test_range(w, b, 1, UINT32_MAX);
            a = term_alu(w, op, a, b);
            break;
        }
        case BPF_JMP: {
            if (BPF_OP(i->code) == BPF_JA) {
                ref to = state_at(w, p, pc + 1 + i->k, a, x, cell, uses_cells);
                w->state.at[s].yes = to;
                return;
            }
            t = i->jt == i->jf ? t : test_jump(w, i, a, x);
            if (stopped(w))
                return;
            ref yes = t.truth == NEVER ? REJECT : state_at(w, p, pc + 1 + i->jt, a, x, cell, uses_cells);
            ref no = t.truth == ALWAYS ? REJECT : state_at(w, p, pc + 1 + i->jf, a, x, cell, uses_cells);
            struct state *at = &w->state.at[s];
            at->field = t.truth == DEPENDS ? t.field : NONE;
            at->set = t.set;
            at->yes = t.truth == NEVER ? no : yes;
            at->no = no;
            return;
        }
        case BPF_RET:
            if (BPF_RVAL(i->code) == BPF_A && !is_const(w, a)) {
                w->why = "a verdict is computed from the packet";
                return;
            }
        {
            ref to = outcome_of(w, BPF_RVAL(i->code) == BPF_A ? w->term.at[a].k : i->k);
            w->state.at[s].yes = to;
            return;
        }
        default:
            if (BPF_MISCOP(i->code) == BPF_TAX)
                x = a;
            else
                a = x;
            continue;
        }
        if (stopped(w))
            return;
        bool in_x = BPF_CLASS(i->code) == BPF_LDX;
        uint32_t result = in_x ? x : a;
        if (t.truth != NEVER && BPF_MODE(i->code) != BPF_MEM && is_header_length(w, result)) {
            part_lengths(w, p, s, pc, t, result, in_x, (const uint32_t[2]){a, x}, cell, uses_cells);
            return;
        }
        if (t.truth == ALWAYS)
            continue;
        ref yes = t.truth == NEVER ? otherwise : state_at(w, p, pc + 1, a, x, cell, uses_cells);
        struct state *at = &w->state.at[s];
        at->field = t.truth == DEPENDS ? t.field : NONE;
        at->set = t.set;
        at->yes = yes;
        at->no = otherwise;
        return;
    }
}

/* All states of a program. They are made in the order of their instructions' first need, so they are sorted after. */
static void explore(struct walk *w, struct program_states *p)
{
    bool uses_cells = false;

    p->begin = w->state.n;
    p->first = malloc(p->n * sizeof *p->first);
    p->extra = malloc(p->n * sizeof *p->extra);
    p->live = prove_live(p->code, p->n);
    if (!p->first || !p->extra || !p->live) {
        w->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < p->n; i++) {
        p->first[i] = p->extra[i] = NONE;
        uses_cells |= BPF_CLASS(p->code[i].code) == BPF_ST || BPF_CLASS(p->code[i].code) == BPF_STX;
    }
    uint32_t zero = term_const(w, 0), cell[PROVE_CELLS];
    for (uint32_t i = 0; i < PROVE_CELLS; i++)
        cell[i] = zero;
    p->entry = state_at(w, p, 0, zero, zero, cell, uses_cells);
    for (uint32_t pc = 0; pc < p->n && !stopped(w); pc++)
        for (uint32_t s = p->first[pc]; s != NONE && !stopped(w); s = w->state.at[s].next)
            execute_state(w, p, s, uses_cells);
}

/* ---------------------------------------------------------------- thread: what the path has decided */

struct bound {
    uint32_t field, last;
};

static int bound_order(const void *a, const void *b)
{
    const struct bound *x = a, *y = b;

    return x->field != y->field ? (x->field < y->field ? -1 : 1) : x->last < y->last ? -1 : x->last > y->last;
}

/* Finds the fields with few distinct numbers, and the classes into which all tests divide them. */
static void find_classes(struct walk *w)
{
    LIST(struct bound) b = {0};

    w->tracked = malloc((w->field.n + 1) * sizeof *w->tracked);
    w->class_first = malloc((w->field.n + 1) * sizeof *w->class_first);
    if (!w->tracked || !w->class_first) {
        w->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < w->field.n; i++)
        w->tracked[i] = NONE;
    for (uint32_t i = 0; i < w->state.n && !stopped(w); i++) {
        const struct state *s = &w->state.at[i];
        for (uint32_t k = 0; s->field != NONE && k < s->set.n; k++) {
            const struct interval v = w->pool.at[s->set.at + k];
            pay(w, 1);
            if (v.lo)
                PUSH(w, &b, (struct bound){s->field, v.lo - 1});
            PUSH(w, &b, (struct bound){s->field, v.hi});
        }
    }
    if (!stopped(w) && b.n)
        qsort(b.at, b.n, sizeof *b.at, bound_order);
    for (uint32_t i = 0, next; i < b.n && !stopped(w); i = next) {
        uint32_t first = w->class_last.n, field = b.at[i].field;
        for (next = i; next < b.n && b.at[next].field == field; next++)
            if (w->class_last.n == first || w->class_last.at[w->class_last.n - 1] != b.at[next].last)
                PUSH(w, &w->class_last, b.at[next].last);
        if (w->class_last.n == first || w->class_last.at[w->class_last.n - 1] != UINT32_MAX)
            PUSH(w, &w->class_last, UINT32_MAX);
        if (w->class_last.n - first <= CUTS_MAX && w->tracked_n < TRACKED_MAX) {
            w->tracked[field] = w->tracked_n++;
            w->class_first[field] = first;
        } else {
            w->class_last.n = first;
        }
    }
    free(b.at);
}

static uint64_t classes_of(struct walk *w, const struct state *s)
{
    const uint32_t *last = &w->class_last.at[w->class_first[s->field]];
    uint64_t mask = 0;
    uint32_t c = 0;

    for (uint32_t k = 0; k < s->set.n; k++) {
        const struct interval v = w->pool.at[s->set.at + k];
        while (last[c] < v.lo)
            c++;
        for (;; c++) {
            mask |= UINT64_C(1) << c;
            if (last[c] >= v.hi)
                break;
        }
        pay(w, 1);
    }
    return mask;
}

static uint64_t all_classes(const struct walk *w, uint32_t field)
{
    const uint32_t *last = &w->class_last.at[w->class_first[field]];
    unsigned n = 0;

    while (last[n] != UINT32_MAX)
        n++;
    return UINT64_MAX >> (63 - n);
}

struct threading {
    uint32_t *first; /* by state: its threaded states */
};

/* The threaded state of @to with the last @n facts, which are used up. */
static ref thread_to(struct walk *w, struct threading *t, ref to, uint32_t n)
{
    uint32_t base = w->fact.n - n;

    for (;;) {
        if (to < OUTCOMES) {
            w->fact.n = base;
            return to;
        }
        const struct state *s = &w->state.at[to - OUTCOMES];
        pay(w, 1 + n);
        if (stopped(w))
            return REJECT;
        if (s->field == NONE) {
            to = s->yes;
            continue;
        }
        uint32_t kept = 0;
        for (uint32_t i = 0; i < n; i++)
            if (s->relevant >> w->fact.at[base + i].tracked & 1)
                w->fact.at[base + kept++] = w->fact.at[base + i];
        w->fact.n = base + kept;
        n = kept;
        if (w->tracked[s->field] != NONE) {
            uint64_t in = classes_of(w, s), known = 0;
            for (uint32_t i = 0; i < n; i++)
                if (w->fact.at[base + i].tracked == w->tracked[s->field])
                    known = w->fact.at[base + i].classes;
            if (known && !(known & ~in)) {
                to = s->yes;
                continue;
            }
            if (known && !(known & in)) {
                to = s->no;
                continue;
            }
        }
        break;
    }
    for (uint32_t i = t->first[to - OUTCOMES]; i != NONE; i = w->threaded.at[i].next) {
        const struct threaded *o = &w->threaded.at[i];
        pay(w, 1 + n);
        bool same = o->facts == n;
        for (uint32_t k = 0; same && k < n; k++)
            same = w->fact.at[o->fact + k].tracked == w->fact.at[base + k].tracked &&
                   w->fact.at[o->fact + k].classes == w->fact.at[base + k].classes;
        if (same) {
            w->fact.n = base;
            return i + OUTCOMES;
        }
    }
    if (!PUSH(w, &w->threaded, (struct threaded){.state = to - OUTCOMES, .field = w->state.at[to - OUTCOMES].field,
                                                 .set = w->state.at[to - OUTCOMES].set, .fact = base, .facts = n, .yes = REJECT, .no = REJECT,
                                                 .next = t->first[to - OUTCOMES], .drawn = NONE, .run = {NONE, NONE}}))
        return REJECT;
    t->first[to - OUTCOMES] = w->threaded.n - 1;
    return w->threaded.n - 1 + OUTCOMES;
}

/* Copies the facts of threaded state @from, with the one about @tracked replaced; sorted by field. Returns how many. */
static uint32_t push_facts(struct walk *w, uint32_t from, uint32_t tracked, uint64_t classes)
{
    const struct threaded f = w->threaded.at[from];
    uint32_t n = 0;
    bool done = tracked == NONE;

    for (uint32_t i = 0; i < f.facts; i++) {
        struct fact fact = w->fact.at[f.fact + i];
        if (!done && fact.tracked >= tracked) {
            n += PUSH(w, &w->fact, (struct fact){tracked, classes});
            done = true;
            if (fact.tracked == tracked)
                continue;
        }
        n += PUSH(w, &w->fact, fact);
    }
    if (!done)
        n += PUSH(w, &w->fact, (struct fact){tracked, classes});
    return n;
}

/*
 * Threads one program. @order lists its states, each before those it leads to. Returns the entry; threaded states
 * are made in an order of the same kind, read off @count.
 */
static ref thread(struct walk *w, struct program_states *p, uint32_t **order, uint32_t *count)
{
    struct threading t = {malloc((w->state.n + 1) * sizeof *t.first)};
    uint32_t states = w->state.n - p->begin, m = 0;
    uint32_t *sorted = malloc((states + 1) * sizeof *sorted);
    ref entry = REJECT;

    *order = NULL;
    *count = 0;
    if (!t.first || !sorted) {
        w->no_memory = true;
        goto out;
    }
    for (uint32_t pc = 0; pc < p->n; pc++) {
        for (uint32_t s = p->first[pc]; s != NONE; s = w->state.at[s].next)
            sorted[m++] = s;
        for (uint32_t s = p->extra[pc]; s != NONE; s = w->state.at[s].next)
            sorted[m++] = s;
    }
    for (uint32_t i = m; i-- > 0;) {
        struct state *s = &w->state.at[sorted[i]];
        t.first[sorted[i]] = NONE;
        s->relevant = s->field != NONE && w->tracked[s->field] != NONE ? UINT64_C(1) << w->tracked[s->field] : 0;
        if (s->yes >= OUTCOMES)
            s->relevant |= w->state.at[s->yes - OUTCOMES].relevant;
        if (s->field != NONE && s->no >= OUTCOMES)
            s->relevant |= w->state.at[s->no - OUTCOMES].relevant;
    }
    uint32_t from = w->threaded.n;
    entry = thread_to(w, &t, p->entry, 0);
    for (uint32_t i = 0; i < m && !stopped(w); i++)
        for (uint32_t k = t.first[sorted[i]]; k != NONE && !stopped(w); k = w->threaded.at[k].next) {
            const struct state s = w->state.at[sorted[i]];
            uint32_t tracked = w->tracked[s.field];
            uint64_t in = 0, known = 0;
            if (tracked != NONE) {
                in = classes_of(w, &s);
                known = all_classes(w, s.field);
                for (uint32_t f = 0; f < w->threaded.at[k].facts; f++)
                    if (w->fact.at[w->threaded.at[k].fact + f].tracked == tracked)
                        known = w->fact.at[w->threaded.at[k].fact + f].classes;
            }
            ref yes = thread_to(w, &t, s.yes, push_facts(w, k, tracked, known & in));
            ref no = thread_to(w, &t, s.no, push_facts(w, k, tracked, known & ~in));
            w->threaded.at[k].yes = yes;
            w->threaded.at[k].no = no;
            if (!stopped(w) && yes >= OUTCOMES)
                w->threaded.at[yes - OUTCOMES].before++;
            if (!stopped(w) && no >= OUTCOMES)
                w->threaded.at[no - OUTCOMES].before++;
        }
    *order = malloc((w->threaded.n - from + 1) * sizeof **order);
    if (!*order)
        w->no_memory = true;
    for (uint32_t i = 0; *order && i < m && !stopped(w); i++)
        for (uint32_t k = t.first[sorted[i]]; k != NONE; k = w->threaded.at[k].next)
            (*order)[(*count)++] = k;
out:
    free(t.first);
    free(sorted);
    return entry;
}

/* ---------------------------------------------------------------- draw: diagrams */

static uint32_t field_at(const struct walk *w, ref d)
{
    return d < OUTCOMES ? NONE : w->node.at[d - OUTCOMES].field;
}

static uint32_t node_hash_of(const struct walk *w, const struct node *n)
{
    uint32_t h = n->field;

    for (uint32_t i = 0; i < n->n; i++)
        h = mix(mix(h, w->edge.at[n->at + i].last), w->edge.at[n->at + i].to);
    return h;
}

/* The node whose edges are those from @at on; they are dropped when there is one already, or need of none. */
static ref node_make(struct walk *w, uint32_t field, uint32_t at)
{
    struct node n = {field, at, w->edge.n - at};

    pay(w, n.n);
    if (stopped(w))
        return REJECT;
    if (n.n == 1) {
        ref to = w->edge.at[at].to;
        w->edge.n = at;
        return to;
    }
    if (2 * w->node.n >= w->node_hash_size) {
        uint32_t size = w->node_hash_size ? 2 * w->node_hash_size : 1024;
        uint32_t *table = calloc(size, sizeof *table);
        if (!table) {
            w->no_memory = true;
            return REJECT;
        }
        for (uint32_t i = 0; i < w->node.n; i++) {
            uint32_t h = node_hash_of(w, &w->node.at[i]);
            pay(w, w->node.at[i].n);
            while (table[h & (size - 1)])
                h++;
            table[h & (size - 1)] = i + 1;
        }
        free(w->node_hash);
        w->node_hash = table;
        w->node_hash_size = size;
    }
    uint32_t h = node_hash_of(w, &n);
    for (; w->node_hash[h & (w->node_hash_size - 1)]; h++) {
        uint32_t i = w->node_hash[h & (w->node_hash_size - 1)] - 1;
        const struct node *o = &w->node.at[i];
        if (o->field == field && o->n == n.n && memcmp(&w->edge.at[o->at], &w->edge.at[at], n.n * sizeof(struct edge)) == 0) {
            w->edge.n = at;
            return i + OUTCOMES;
        }
    }
    if (!PUSH(w, &w->node, n))
        return REJECT;
    w->node_hash[h & (w->node_hash_size - 1)] = w->node.n;
    return w->node.n - 1 + OUTCOMES;
}

/* Appends an edge to the node in the making, which began at @at. */
static void edge_put(struct walk *w, uint32_t at, uint32_t last, ref to)
{
    if (w->edge.n > at && w->edge.at[w->edge.n - 1].to == to)
        w->edge.at[w->edge.n - 1].last = last;
    else
        PUSH(w, &w->edge, (struct edge){last, to});
}

/* ---- results of the operation at hand, by its two operands */

static ref *memo_find(struct walk *w, ref p, ref q)
{
    if (2 * w->memo_n >= w->memo_size) {
        uint32_t size = w->memo_size ? 2 * w->memo_size : 4096;
        struct memo *table = calloc(size, sizeof *table);
        if (!table) {
            w->no_memory = true;
            return NULL;
        }
        for (uint32_t i = 0; i < w->memo_size; i++)
            if (w->memo[i].epoch == w->epoch) {
                uint32_t h = mix(mix(7, w->memo[i].p), w->memo[i].q);
                while (table[h & (size - 1)].epoch)
                    h++;
                table[h & (size - 1)] = w->memo[i];
            }
        free(w->memo);
        w->memo = table;
        w->memo_size = size;
    }
    uint32_t h = mix(mix(7, p), q);
    for (;; h++) {
        struct memo *m = &w->memo[h & (w->memo_size - 1)];
        if (m->epoch != w->epoch) {
            *m = (struct memo){p, q, NONE, w->epoch};
            w->memo_n++;
            return &m->result;
        }
        if (m->p == p && m->q == q)
            return &m->result;
    }
}

static void memo_clear(struct walk *w)
{
    w->epoch++;
    w->memo_n = 0;
}

/* Where the edges of @d for field @field are; a node of another field is one edge to itself. */
static const struct edge *edges_of(const struct walk *w, ref d, uint32_t field, struct edge *self)
{
    if (field_at(w, d) == field)
        return &w->edge.at[w->node.at[d - OUTCOMES].at];
    *self = (struct edge){UINT32_MAX, d};
    return self;
}

/*
 * If the field @field lies in @set then @yes, else @no. Recurses once for each field before @field: FIELDS_MAX
 * deep at most.
 */
static ref choose(struct walk *w, uint32_t field, struct set set, ref yes, ref no)
{
    uint32_t fy = field_at(w, yes), fn = field_at(w, no), top = fy < fn ? fy : fn;

    if (yes == no || stopped(w))
        return yes;
    if (top >= field) { /* here */
        uint32_t at = w->edge.n, s = 0, begin = 0, i = 0, k = 0;
        for (;;) {
            struct edge self_y, self_n;
            const struct edge *y = edges_of(w, yes, field, &self_y) + i, *n = edges_of(w, no, field, &self_n) + k;
            const struct interval *v = s < set.n ? &w->pool.at[set.at + s] : NULL;
            bool in = v && v->lo <= begin;
            uint32_t last = in ? v->hi : v ? v->lo - 1 : UINT32_MAX;
            last = in ? (y->last < last ? y->last : last) : (n->last < last ? n->last : last);
            edge_put(w, at, last, in ? y->to : n->to);
            pay(w, 1);
            if (last == UINT32_MAX || stopped(w))
                break;
            begin = last + 1;
            while (s < set.n && w->pool.at[set.at + s].hi < begin)
                s++;
            if (field_at(w, yes) == field)
                while (w->edge.at[w->node.at[yes - OUTCOMES].at + i].last < begin) {
                    i++;
                    pay(w, 1);
                }
            if (field_at(w, no) == field)
                while (w->edge.at[w->node.at[no - OUTCOMES].at + k].last < begin) {
                    k++;
                    pay(w, 1);
                }
        }
        return node_make(w, field, at);
    }
    ref *known = memo_find(w, yes, no);
    if (!known || *known != NONE)
        return known ? *known : REJECT;

    /* an earlier field first: its edges are collected apart, as nodes are made meanwhile */
    LIST(struct edge) e = {0};
    uint32_t i = 0, k = 0;
    for (;;) {
        struct edge self_y, self_n;
        struct edge y = edges_of(w, yes, top, &self_y)[i], n = edges_of(w, no, top, &self_n)[k];
        uint32_t last = y.last < n.last ? y.last : n.last;
        ref to = choose(w, field, set, y.to, n.to);
        pay(w, 1);
        if (stopped(w))
            break;
        if (e.n && e.at[e.n - 1].to == to)
            e.at[e.n - 1].last = last;
        else
            PUSH(w, &e, (struct edge){last, to});
        if (last == UINT32_MAX)
            break;
        i += y.last == last;
        k += n.last == last;
    }
    uint32_t at = w->edge.n;
    for (uint32_t j = 0; j < e.n; j++)
        PUSH(w, &w->edge, e.at[j]);
    free(e.at);
    if (stopped(w))
        return REJECT;
    ref result = node_make(w, top, at);
    known = memo_find(w, yes, no);
    if (known)
        *known = result;
    return result;
}

static ref drawn(const struct walk *w, ref r)
{
    return r < OUTCOMES ? r : w->threaded.at[r - OUTCOMES].drawn;
}

struct member {
    uint32_t field;
    struct set set;
    bool opposite;
};

static int member_order(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return x->field != y->field ? (x->field > y->field ? -1 : 1) : 0;
}

/* @d where @field lies in @set; elsewhere it may be anything. Recurses over fields. */
static ref simplify(struct walk *w, ref d, uint32_t field, struct set set)
{
    uint32_t top = field_at(w, d), at;

    if (top == NONE || top > field || stopped(w))
        return d;
    const struct node n = w->node.at[d - OUTCOMES];
    if (top == field) {
        uint32_t lo = 0, hi = n.n - 1, first = w->pool.at[set.at].lo;
        while (lo < hi) {
            uint32_t middle = lo + (hi - lo) / 2;
            if (w->edge.at[n.at + middle].last < first)
                lo = middle + 1;
            else
                hi = middle;
        }
        at = w->edge.n;
        for (uint32_t s = 0; s < set.n && !stopped(w);) {
            const struct interval v = w->pool.at[set.at + s];
            const struct edge e = w->edge.at[n.at + lo];
            pay(w, 1);
            if (e.last >= v.lo)
                edge_put(w, at, e.last < v.hi ? e.last : v.hi, e.to);
            if (e.last >= v.hi)
                s++;
            else
                lo++;
        }
        if (stopped(w))
            return REJECT;
        w->edge.at[w->edge.n - 1].last = UINT32_MAX;
        return node_make(w, field, at);
    }
    ref *known = memo_find(w, d, d);
    if (!known || *known != NONE)
        return known ? *known : REJECT;
    LIST(struct edge) e = {0};
    for (uint32_t i = 0; i < n.n && !stopped(w); i++) {
        struct edge old = w->edge.at[n.at + i];
        ref to = simplify(w, old.to, field, set);
        pay(w, 1);
        if (e.n && e.at[e.n - 1].to == to)
            e.at[e.n - 1].last = old.last;
        else
            PUSH(w, &e, (struct edge){old.last, to});
    }
    at = w->edge.n;
    for (uint32_t j = 0; j < e.n; j++)
        PUSH(w, &w->edge, e.at[j]);
    free(e.at);
    if (stopped(w))
        return REJECT;
    ref result = node_make(w, top, at);
    known = memo_find(w, d, d);
    if (known)
        *known = result;
    return result;
}

/* @d for packets of which the first @n things are given. */
static ref simplify_all(struct walk *w, ref d, uint32_t n)
{
    for (uint32_t i = 0; i < n && d >= OUTCOMES && !stopped(w); i++) {
        struct given *g = &w->given[i];
        if (g->from != d) {
            memo_clear(w);
            g->to = simplify(w, d, g->field, g->set);
            g->from = d;
        }
        d = g->to;
    }
    return d;
}

static ref draw_run(struct walk *w, ref r, uint32_t n);

/*
 * Draws deferred state @r. What its test decides is given while the way behind it is drawn, so that a diagram which
 * both ways share shrinks to the part that matters. Recurses GIVEN_MAX deep.
 */
static ref draw_deferred(struct walk *w, ref r, uint32_t n)
{
    const struct threaded t = w->threaded.at[r - OUTCOMES];

    w->given[n] = (struct given){t.field, t.set, NONE, NONE};
    ref yes = draw_run(w, t.yes, n + 1), no = draw_run(w, t.no, n);
    if (stopped(w))
        return REJECT;
    memo_clear(w);
    return choose(w, t.field, t.set, yes, no);
}

/*
 * Draws threaded state @r for packets of which the first @n things are given: its run united field by field, the
 * last field of the order first.
 */
static ref draw_run(struct walk *w, ref r, uint32_t n)
{
    LIST(struct member) m = {0};
    ref target = NONE, at = r, result = drawn(w, r);

    if (result != NONE)
        return simplify_all(w, result, n);
    if (w->threaded.at[r - OUTCOMES].depth) {
        result = draw_deferred(w, r, n);
        if (n == 0 && !stopped(w))
            w->threaded.at[r - OUTCOMES].drawn = result;
        return result;
    }
    while (drawn(w, at) == NONE && !w->threaded.at[at - OUTCOMES].depth && !stopped(w)) {
        const struct threaded *t = &w->threaded.at[at - OUTCOMES];
        unsigned which = t->run[0] != NONE && (target == NONE || t->run[0] == target) ? 0 : 1;
        if (target == NONE)
            target = t->run[which];
        PUSH(w, &m, (struct member){t->field, t->set, which == 1});
        pay(w, 1);
        at = which ? t->yes : t->no;
    }
    result = stopped(w) ? REJECT : draw_run(w, at, n);
    if (!stopped(w))
        target = simplify_all(w, target, n);
    if (m.n > 1)
        qsort(m.at, m.n, sizeof *m.at, member_order);
    for (uint32_t i = 0, next; i < m.n && !stopped(w); i = next) {
        w->scratch.n = 0;
        for (next = i; next < m.n && m.at[next].field == m.at[i].field; next++) {
            const struct set s = m.at[next].set;
            uint32_t begin = 0;
            bool rest = true;
            pay(w, s.n);
            for (uint32_t k = 0; k < s.n; k++) {
                const struct interval v = w->pool.at[s.at + k];
                if (!m.at[next].opposite) {
                    put(w, v.lo, v.hi);
                    continue;
                }
                if (v.lo)
                    put(w, begin, v.lo - 1);
                rest = v.hi != UINT32_MAX;
                begin = v.hi + 1;
            }
            if (m.at[next].opposite && rest)
                put(w, begin, UINT32_MAX);
        }
        tidy(w);
        struct set all = {w->pool.n, w->scratch.n};
        for (uint32_t k = 0; k < w->scratch.n; k++)
            PUSH(w, &w->pool, w->scratch.at[k]);
        if (stopped(w))
            break;
        memo_clear(w);
        result = choose(w, m.at[i].field, all, target, result);
        w->pool.n = all.at;
    }
    free(m.at);
    if (n == 0 && !stopped(w))
        w->threaded.at[r - OUTCOMES].drawn = result;
    return result;
}

static bool has_run(const struct walk *w, ref r, ref target)
{
    if (r < OUTCOMES || target == NONE)
        return false;
    const struct threaded *t = &w->threaded.at[r - OUTCOMES];
    return t->run[0] == target || t->run[1] == target;
}

static uint32_t depth_of(const struct walk *w, ref r)
{
    return r < OUTCOMES || drawn(w, r) != NONE ? 0 : w->threaded.at[r - OUTCOMES].depth;
}

/* Appends to the pool where @a and @b both hold, or with @minus where a holds and b does not. */
static struct set set_of_both(struct walk *w, struct set a, struct set b, bool minus)
{
    struct set both = {w->pool.n, 0};

    for (uint32_t i = 0; i < a.n && !stopped(w); i++) {
        const struct interval v = w->pool.at[a.at + i];
        uint32_t begin = 0;
        bool rest = true; /* something of b's complement is left behind its last interval */
        for (uint32_t k = 0; k <= b.n && rest; k++) {
            const struct interval u = k < b.n ? w->pool.at[b.at + k] : (struct interval){UINT32_MAX, UINT32_MAX};
            uint32_t lo = minus ? begin : u.lo, hi = minus ? (k < b.n ? u.lo - 1 : UINT32_MAX) : u.hi;
            bool none = minus ? k < b.n && u.lo == 0 : k == b.n;
            lo = lo > v.lo ? lo : v.lo;
            hi = hi < v.hi ? hi : v.hi;
            if (!none && lo <= hi)
                PUSH(w, &w->pool, (struct interval){lo, hi});
            pay(w, 1);
            rest = u.hi != UINT32_MAX;
            begin = u.hi + 1;
        }
    }
    both.n = w->pool.n - both.at;
    return both;
}

/* A second test of one field whose failure leads to the same place is part of the first: a range is two compares. */
static void merge_tests(struct walk *w, struct threaded *t)
{
    while (t->yes >= OUTCOMES && !stopped(w)) {
        struct threaded *y = &w->threaded.at[t->yes - OUTCOMES];
        if (y->field != t->field || (y->yes != t->no && y->no != t->no) || y->yes == y->no)
            return;
        struct set both = set_of_both(w, t->set, y->set, y->yes == t->no);
        if (both.n == 0)
            return;
        t->set = both;
        y->before--;
        t->yes = y->yes == t->no ? y->no : y->yes;
    }
}

/*
 * Last to first: a test joins the run behind it where it can, and one that a single way leads to is left to be drawn
 * with the test before it.
 */
static ref draw(struct walk *w, ref entry, const uint32_t *order, uint32_t n)
{
    while (n-- > 0 && !stopped(w)) {
        struct threaded *t = &w->threaded.at[order[n]];
        merge_tests(w, t);
        ref yes = t->yes, no = t->no;
        uint32_t depth = 1 + (depth_of(w, yes) > depth_of(w, no) ? depth_of(w, yes) : depth_of(w, no));
        pay(w, 1);
        if (drawn(w, no) == NONE && has_run(w, no, drawn(w, yes))) {
            t->run[0] = drawn(w, yes);
        } else if (drawn(w, yes) == NONE && has_run(w, yes, drawn(w, no))) {
            t->run[1] = drawn(w, no);
        } else if (t->before == 1 && depth < GIVEN_MAX - 1 && (drawn(w, yes) == NONE || drawn(w, no) == NONE)) {
            t->depth = depth;
        } else {
            const struct given yes_side = {t->field, t->set, NONE, NONE};
            ref m = draw_run(w, no, 0);
            w->given[0] = yes_side;
            ref y = draw_run(w, yes, 1);
            t = &w->threaded.at[order[n]];
            t->run[0] = y;
            t->run[1] = drawn(w, yes) != NONE ? m : NONE;
        }
    }
    return stopped(w) ? REJECT : draw_run(w, entry, 0);
}

/* ---------------------------------------------------------------- compare */

struct comparison {
    struct walk *w;
    const struct weir_cbpf_insn *p, *q;
    uint32_t np, nq;
    uint32_t *choice; /* by field: a number, valid while `chosen` */
    bool *chosen;
    uint32_t attempts;
    bool suspicious; /* some difference was found that no packet showed */
    struct prove_result *out;
};

static bool outcomes_clash(const struct comparison *c, ref p, ref q)
{
    if (c->w->o->refines && p == FAULT)
        return false;
    return c->w->outcome.at[p] != c->w->outcome.at[q];
}

static uint32_t read_packet(const struct prove_result *r, uint32_t at, uint32_t size)
{
    uint32_t v = 0;

    for (uint32_t i = 0; i < size; i++)
        v = v << 8 | (at + i < r->caplen ? r->bytes[at + i] : 0);
    return v;
}

/* What @t is on the packet so far; terms are shallow or the recursion ends with 0. */
static uint32_t evaluate(const struct walk *w, const struct prove_result *r, uint32_t t, unsigned depth)
{
    const struct term *x = &w->term.at[t];

    if (depth == 0)
        return 0;
    switch ((enum term_op)x->op) {
    case T_CONST:
        return x->k;
    case T_WIRELEN:
        return r->wirelen;
    case T_LOAD:
        return read_packet(r, (x->a == NONE ? 0 : evaluate(w, r, x->a, depth - 1)) + x->k, x->size);
    case T_OTHER:
        return evaluate(w, r, x->a, depth - 1);
    case T_ALU:
        return prove_compute(x->size, evaluate(w, r, x->a, depth - 1), evaluate(w, r, x->b, depth - 1));
    default:
        return 0;
    }
}

static void write_metadata(struct prove_result *r, uint32_t k, uint32_t value)
{
    switch (k - PROVE_ANCILLARY) {
    case SKF_AD_PKTTYPE:
        r->meta.packet_type = value;
        break;
    case SKF_AD_IFINDEX:
        r->meta.ifindex = value;
        break;
    case SKF_AD_VLAN_TAG:
        r->meta.vlan_tci = value;
        break;
    case SKF_AD_VLAN_TAG_PRESENT:
        r->meta.vlan_present = value;
        break;
    default:
        break;
    }
}

static void write_bytes(struct prove_result *r, uint32_t at, uint32_t size, uint32_t mask, uint32_t value)
{
    for (uint32_t i = size; i-- > 0; value >>= 8, mask >>= 8)
        if (at + i < r->caplen)
            r->bytes[at + i] = (uint8_t)((r->bytes[at + i] & ~mask) | (value & mask));
}

/* Puts the chosen number of @t where it lies. */
static void realize(const struct walk *w, struct prove_result *r, uint32_t t, uint32_t value, bool indirect)
{
    const struct term *x = &w->term.at[t];
    uint32_t mask = UINT32_MAX;

    if (x->op == T_META)
        write_metadata(r, x->k, value);
    if (x->op == T_ALU && x->size == BPF_AND && is_const(w, x->b)) {
        mask = w->term.at[x->b].k;
        x = &w->term.at[x->a];
    }
    if (x->op == T_LOAD && (x->a != NONE) == indirect)
        write_bytes(r, (x->a == NONE ? 0 : evaluate(w, r, x->a, 20)) + x->k, x->size, mask, value);
}

/* A short packet is easier to read: the shortest beginning that shows the difference as well. */
static void shorten(const struct comparison *c, struct prove_result *r)
{
    struct prove_result shorter = *r;
    uint32_t most = r->caplen < SHORT_MAX ? r->caplen : SHORT_MAX;

    for (uint32_t n = c->w->o->caplen_min; n < most; n++) {
        shorter.caplen = shorter.wirelen = n;
        if (prove_confirm(c->p, c->np, c->q, c->nq, c->w->o, &shorter)) {
            *r = shorter;
            break;
        }
    }
    prove_confirm(c->p, c->np, c->q, c->nq, c->w->o, r);
    uint8_t *fits = realloc(r->bytes, r->caplen + 1u);
    r->bytes = fits ? fits : r->bytes;
}

/* A packet with the chosen numbers. True when it shows a difference. */
static bool attempt(struct comparison *c)
{
    const struct walk *w = c->w;
    struct prove_result r = {.verdict = PROVE_DIFFER, .meta = {.size = sizeof r.meta}};
    uint32_t wirelen = 0;
    const uint32_t guess = 2048;

    if (c->attempts++ >= ATTEMPTS_MAX)
        return false;
    r.bytes = calloc(PROVE_CAPLEN_MAX + 1u, 1);
    if (!r.bytes) {
        c->w->no_memory = true;
        return false;
    }
    r.caplen = guess > w->o->caplen_min ? guess : w->o->caplen_min;
    bool exact = false;
    for (uint32_t f = 0; f < w->field.n; f++) {
        const struct term *t = &w->term.at[w->field.at[f]];
        if (!c->chosen[f])
            continue;
        if (t->op == T_CAPLEN) {
            r.caplen = c->choice[f];
            exact = true;
        } else if (t->op == T_WIRELEN) {
            wirelen = c->choice[f];
        }
    }
    for (int indirect = 0; indirect < 2; indirect++)
        for (uint32_t f = w->field.n; f-- > 0;)
            if (c->chosen[f])
                realize(w, &r, w->field.at[f], c->choice[f], indirect);
    for (uint32_t f = 0; f < w->field.n; f++) {
        const struct term *t = &w->term.at[w->field.at[f]];
        if (!c->chosen[f] || t->op != T_ROOM)
            continue;
        uint64_t end = (uint64_t)evaluate(w, &r, t->a, 20) + c->choice[f];
        if (end <= PROVE_CAPLEN_MAX && (end > r.caplen || !exact)) {
            r.caplen = (uint32_t)end;
            exact = true;
            realize(w, &r, w->field.at[f], 0, true);
        }
    }
    for (uint32_t f = w->field.n; f-- > 0;)
        if (c->chosen[f])
            realize(w, &r, w->field.at[f], c->choice[f], true);
    r.wirelen = wirelen > r.caplen ? wirelen : r.caplen;
    pay(c->w, c->np / 4 + c->nq / 4);
    if (!prove_confirm(c->p, c->np, c->q, c->nq, w->o, &r)) {
        free(r.bytes);
        return false;
    }
    shorten(c, &r);
    *c->out = r;
    return true;
}

/* True when a packet was found. Recurses once for each field. */
static bool compare(struct comparison *c, ref p, ref q)
{
    struct walk *w = c->w;
    uint32_t fp = field_at(w, p), fq = field_at(w, q), top = fp < fq ? fp : fq;

    if (p == q || stopped(w))
        return false;
    if (top == NONE) {
        if (!outcomes_clash(c, p, q))
            return false;
        if (attempt(c))
            return true;
        c->suspicious = true;
        return false;
    }
    ref *seen = memo_find(w, p, q);
    if (!seen || *seen != NONE)
        return false;
    *seen = 0;
    uint32_t begin = 0, i = 0, k = 0;
    const uint32_t lo = w->term.at[w->field.at[top]].lo;
    c->chosen[top] = true;
    for (;;) {
        struct edge self_p, self_q;
        struct edge x = edges_of(w, p, top, &self_p)[i], y = edges_of(w, q, top, &self_q)[k];
        uint32_t last = x.last < y.last ? x.last : y.last;
        pay(w, 1);
        c->choice[top] = begin > lo ? begin : lo;
        if (compare(c, x.to, y.to))
            return true;
        if (last == UINT32_MAX || stopped(w))
            break;
        begin = last + 1;
        i += x.last == last;
        k += y.last == last;
    }
    c->chosen[top] = false;
    return false;
}

static void walk_release(struct walk *w)
{
    free(w->term.at);
    free(w->field.at);
    free(w->pool.at);
    free(w->term_hash);
    free(w->outcome.at);
    free(w->state.at);
    free(w->cells.at);
    free(w->scratch.at);
    free(w->other.at);
    free(w->tracked);
    free(w->class_first);
    free(w->class_last.at);
    free(w->fact.at);
    free(w->threaded.at);
    free(w->node.at);
    free(w->edge.at);
    free(w->node_hash);
    free(w->memo);
}

int prove_walk(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
               const struct prove_question *o, struct prove_result *out)
{
    struct walk w = {.o = o, .work = o->work ? o->work : WORK, .epoch = 1};
    struct program_states side[2] = {{.code = p, .n = np}, {.code = q, .n = nq}};
    struct prove_result result = {.verdict = PROVE_EQUAL};
    struct comparison c = {.w = &w, .p = p, .q = q, .np = np, .nq = nq, .out = &result};
    uint32_t *order[2] = {NULL, NULL}, count[2] = {0, 0};
    ref entry[2] = {REJECT, REJECT}, diagram[2] = {REJECT, REJECT};

    if (!prove_is_straight(p, np) || !prove_is_straight(q, nq))
        return WEIR_E_ARGUMENT;
    if (o->conditions)
        w.why = "conditions are not walked";
    PUSH(&w, &w.outcome, 0); /* FAULT */
    PUSH(&w, &w.outcome, 0); /* REJECT */
    if (!stopped(&w)) /* the captured length comes first in the order */
        field_of(&w, term_make(&w, (struct term){.op = T_CAPLEN, .a = NONE, .b = NONE}));
    for (int i = 0; i < 2 && !stopped(&w); i++)
        explore(&w, &side[i]);
    if (!stopped(&w))
        find_classes(&w);
    for (int i = 0; i < 2 && !stopped(&w); i++)
        entry[i] = thread(&w, &side[i], &order[i], &count[i]);
    for (int i = 0; i < 2 && !stopped(&w); i++)
        diagram[i] = draw(&w, entry[i], order[i], count[i]);
    c.choice = calloc(w.field.n + 1, sizeof *c.choice);
    c.chosen = calloc(w.field.n + 1, sizeof *c.chosen);
    if (!c.choice || !c.chosen)
        w.no_memory = true;
    memo_clear(&w);
    bool differ = !stopped(&w) && compare(&c, diagram[0], diagram[1]);
    if (!differ && !w.why && c.suspicious)
        w.why = "fields depend on each other";
    if (!differ && w.why) {
        result.verdict = PROVE_UNKNOWN;
        result.why = w.why;
    }
    for (int i = 0; i < 2; i++) {
        free(side[i].first);
        free(side[i].extra);
        free(side[i].live);
        free(order[i]);
    }
    free(c.choice);
    free(c.chosen);
    walk_release(&w);
    if (w.no_memory) {
        prove_release(&result);
        return WEIR_E_MEMORY;
    }
    *out = result;
    return 0;
}
