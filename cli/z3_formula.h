/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/z3_formula.h - what the formula of two programs is made of, and how it is made (z3_formula.c); for
 * prove_z3.c, which asks z3 about it.
 */
#ifndef WEIR_CLI_Z3_FORMULA_H
#define WEIR_CLI_Z3_FORMULA_H
#include <time.h>
#include "prove.h"
#include "prove_z3.h"

#ifdef PROVE_HAS_Z3

/* A 32-bit value: a constant, or a term. */
struct value {
    Z3_ast term; /* NULL: the constant */
    uint32_t constant;
};

/* A truth value. */
enum truth { TRUTH_TERM, TRUTH_NEVER, TRUTH_ALWAYS };
struct condition {
    enum truth truth;
    Z3_ast term;
};

/*
 * The condition of a path: `literal` and all literals above it; NULL is a path that cannot be taken. Kept as
 * a list so that where two paths meet again only what parted them is looked at: a value computed twice, in
 * different places, is then the same term twice.
 */
struct path {
    const struct path *up;
    Z3_ast literal;
    Z3_ast term; /* all of it */
    uint32_t depth;
};

enum { PATH_BLOCK = 512 };
struct path_block {
    struct path_block *older;
    size_t n;
    struct path path[PATH_BLOCK];
};

/* One byte of the packet: at `base` + `offset` modulo 2^32, or at `offset` when base is NULL. */
struct byte {
    Z3_ast base;
    uint32_t offset;
    Z3_ast value;
};

/* Metadata at ancillary address `k`. */
struct meta {
    uint32_t k;
    uint32_t highest;
    Z3_ast value;
};

/* What all programs of one question share. */
struct question {
    Z3_context z;
    Z3_sort bits8, bits32;
    Z3_ast caplen, wirelen;
    struct byte *byte;
    size_t bytes, byte_cap;
    struct meta meta[16];
    size_t metas;
    struct path_block *paths;
    const struct path *root;
    bool out_of_memory;
    struct timespec begin;
    unsigned timeout_ms; /* 0: no limit */
    bool late;
};

struct state {
    const struct path *when;
    uint32_t reach; /* bytes that are captured for sure */
    struct value a, x, cell[PROVE_CELLS];
};

struct ending {
    struct condition when;
    struct value verdict;
};

/* What a program does with the packet. */
struct outcome {
    struct ending *ending; /* its returns; at most one holds */
    size_t endings;
    struct condition fault; /* an out-of-range load ended it */
};

static const struct condition never = {TRUTH_NEVER, NULL};
static const struct condition always = {TRUTH_ALWAYS, NULL};

/** A number. */
struct value z3_constant(uint32_t k);
/** @v as a term. */
Z3_ast z3_term(const struct question *q, struct value v);
/** @c as a term. */
Z3_ast z3_truth_term(const struct question *q, struct condition c);
/** @c and @d. */
struct condition z3_both(const struct question *q, struct condition c, struct condition d);
/** Is @t an application of @kind? */
bool z3_is_app(const struct question *q, Z3_ast t, Z3_decl_kind kind);
/** Not @c. */
struct condition z3_negated(const struct question *q, struct condition c);
/** The path behind @up on which @literal holds as well; NULL when memory is out. */
const struct path *z3_new_path(struct question *q, const struct path *up, Z3_ast literal);
/** What @p does with the packet. False when memory or time is out. */
bool z3_execute(struct question *q, const struct weir_cbpf_insn *p, uint32_t n, struct outcome *out);
/** The packets that @o accepts. */
struct condition z3_accepts(const struct question *q, const struct outcome *o);
/** What a packet would have to do to show that the answer is no. */
struct condition z3_clash(const struct question *q, const struct outcome *p, const struct outcome *r,
                          const struct prove_question *o);
/** What is left of the time in milliseconds; 0 when nothing is. */
unsigned z3_time_left(const struct question *q);
#endif
#endif
