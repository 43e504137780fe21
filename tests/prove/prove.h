/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/prove.h - decide whether two classic BPF programs give the same verdicts.
 *
 * Every packet is considered at once: any bytes, any captured length up to PROVE_CAPLEN_MAX, any wire length from
 * there up, any metadata of the load's width (vlan-present: 0 or 1). The question goes to z3 as one formula over
 * bit vectors. An answer of "differ" comes with a packet that shows it, and has been confirmed by cbpf_run().
 *
 * Needs vm/vm.h and z3 only. Programs have no loops; no global state.
 */
#ifndef WEIR_TESTS_PROVE_PROVE_H
#define WEIR_TESTS_PROVE_PROVE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vm/vm.h"

#define PROVE_CAPLEN_MAX 262144u

enum prove_verdict {
    PROVE_EQUAL,   /* proved, for all packets considered */
    PROVE_DIFFER,  /* refuted by the witness */
    PROVE_UNKNOWN, /* z3 gave up; `why` says why */
};

/* Only packets that @code accepts (or rejects, truncated ones included) are considered. */
struct prove_condition {
    const struct weir_cbpf_insn *code;
    uint32_t n;
    bool accepts;
};

struct prove_options {
    unsigned timeout_ms;                      /* 0: no limit */
    const struct prove_condition *condition;  /* all must hold */
    size_t conditions;
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

/**
 * Do @p and @q give the same verdict on every packet considered?
 *
 * @o       NULL: no limit, no condition
 * @out     written only on success; prove_release() it
 * Returns  0; WEIR_E_ARGUMENT when a program is not well formed or jumps backwards; WEIR_E_MEMORY;
 *          WEIR_E_BUG when cbpf_run() does not confirm the witness
 */
int prove_equal(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                const struct prove_options *o, struct prove_result *out);

/**
 * Does @q refine @p: same verdict wherever @p accepts, and wherever @p finishes without an out-of-range load?
 * Division by zero finishes, with 0. Otherwise as prove_equal(); PROVE_EQUAL means that it does.
 */
int prove_refines(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                  const struct prove_options *o, struct prove_result *out);

void prove_release(struct prove_result *r);
#endif
