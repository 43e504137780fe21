/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/prove.h - decide whether two classic BPF programs give the same verdicts.
 *
 * Every packet is considered at once: any bytes, any captured length up to PROVE_CAPLEN_MAX, any wire length
 * from there up, any metadata that fit their width (vlan-present: 0 or 1). There are two engines. Both are
 * sound: PROVE_EQUAL is a proof, and PROVE_DIFFER comes with a packet that shows it, confirmed by running the
 * programs.
 *
 *   prove_walk.c  compares decision diagrams over intervals: near-linear, for long lists; gives up where
 *                 fields overlap or depend on each other
 *   prove_z3.c    asks z3 one question over bit vectors: complete, slow beyond a few hundred tests
 *
 * Programs have no loops. Needs weir.h only, and libz3 at run time; the tests use it as well.
 */
#ifndef WEIR_CLI_PROVE_H
#define WEIR_CLI_PROVE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "weir/weir.h"

#define PROVE_CAPLEN_MAX 262144u

enum prove_verdict {
    PROVE_EQUAL,   /* proved, for all packets considered */
    PROVE_DIFFER,  /* refuted by the witness */
    PROVE_UNKNOWN, /* the engine gave up; `why` says why */
};

/* Only packets that @code accepts (or rejects, truncated ones included) are considered. */
struct prove_condition {
    const struct weir_cbpf_insn *code;
    uint32_t n;
    bool accepts;
};

struct prove_result {
    enum prove_verdict verdict;
    const char *why; /* PROVE_UNKNOWN: static text */
    /* PROVE_DIFFER: a packet and what the programs say about it. */
    uint8_t *bytes; /* caplen bytes; freed by prove_release() */
    uint32_t caplen, wirelen;
    struct weir_metadata meta;
    uint32_t p, q;
};

/* Runs @code on the packet in @packet; *@faulted: it ended at an out-of-range load. */
typedef uint32_t prove_run(void *user, const struct weir_cbpf_insn *code, uint32_t n,
                           const struct prove_result *packet, bool *faulted);

struct prove_question {
    unsigned timeout_ms;                     /* z3: 0 is no limit */
    const struct prove_condition *condition; /* all must hold; z3 only */
    size_t conditions;
    bool finish;    /* only packets that both finish on are considered: no load is out of range */
    uint64_t work;  /* prove_walk: steps; 0 is a few seconds' worth */
    bool refines;   /* the question is whether @q refines @p, see prove_walk() */
    prove_run *run; /* confirms witnesses; not NULL */
    void *user;
};

/**
 * Do @p and @q give the same verdict on every packet considered? With o->refines: does @q refine @p, that is,
 * is the verdict the same wherever @p accepts, and wherever @p finishes without an out-of-range load?
 * Division by zero finishes, with 0.
 *
 * @out     written only on success; prove_release() it
 * Returns  0; WEIR_E_ARGUMENT when a program is not well formed or jumps backwards; WEIR_E_MEMORY;
 *          WEIR_E_BUG when running the programs does not confirm z3's witness; prove_z3():
 *          WEIR_E_UNSUPPORTED when there is no z3, see prove_z3_missing()
 */
int prove_walk(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
               const struct prove_question *o, struct prove_result *out);
int prove_z3(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
             const struct prove_question *o, struct prove_result *out);

/* A member of struct weir_metadata. */
struct prove_meta {
    uint32_t number; /* SKF_AD_ */
    uint32_t bytes;  /* that it has; 0: one bit */
    size_t member;   /* its offset */
    const char *name;
};

/** Row @i of those; NULL behind the last. */
const struct prove_meta *prove_meta_at(size_t i);
/** What a load from @k, which is no byte of a packet, gives; NULL when no packet says that. */
const struct prove_meta *prove_meta_find(uint32_t k);
uint32_t prove_meta_of(const struct weir_metadata *m, const struct prove_meta *which);
void prove_meta_set(struct weir_metadata *m, uint32_t k, uint32_t value);

/** NULL when z3 can be asked, else why not. Loads libz3. */
const char *prove_z3_missing(void);

void prove_release(struct prove_result *r);

/* ---- prove_program.c: what the engines share */

enum { PROVE_CELLS = 16 };
#define PROVE_UNDECIDED "what the programs read is not one thing for a packet"
#define PROVE_ANCILLARY 0xfffff000u
#define PROVE_XOR_X     (PROVE_ANCILLARY + 40) /* a load from here is A ^ X */
#define PROVE_LIVE_A    (1u << 16)
#define PROVE_LIVE_X    (1u << 17)

/** Is what the program reads one thing to all of its instructions? Not a random number, nor what A and X
 * choose. */
bool prove_is_decided(const struct weir_cbpf_insn *p, uint32_t n);
/** Known instructions, jumps forwards and inside, no running off the end. */
bool prove_is_straight(const struct weir_cbpf_insn *p, uint32_t n);
/** Registers and cells that are still read, before each instruction: bits of PROVE_LIVE_ and 1 << cell.
 * free(3) it. */
uint32_t *prove_live(const struct weir_cbpf_insn *p, uint32_t n);
/** Bytes of a packet load: 1, 2 or 4. */
unsigned prove_load_bytes(uint16_t code);
/** a OP s for BPF_ALU operators; by zero: 0. */
uint32_t prove_compute(unsigned op, uint32_t a, uint32_t s);
/** Does @code, @n valid instructions, end at an out-of-range load on the packet? */
bool prove_falls_short(const struct weir_cbpf_insn *code, uint32_t n, const struct prove_result *packet);
/** Runs both programs on the packet in @out and fills its verdicts. Does it show that the answer is no? */
bool prove_confirm(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                   const struct prove_question *o, struct prove_result *out);
#endif
