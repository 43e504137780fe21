/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/golden/claim.h - what a test claims of two programs, put to the prover; why it does not hold is a
 * pending detail.
 */
#ifndef WEIR_TESTS_GOLDEN_CLAIM_H
#define WEIR_TESTS_GOLDEN_CLAIM_H
#include <stdio.h>
#include "tests/harness/listing.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

enum {
    CLAIM_TIMEOUT_MS = 240000,
    CLAIM_BYTES = 128
}; /* a busy machine needs the time; bytes of a packet that are shown */

/* prove_equal() or prove_refines(). */
typedef int claim(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                  const struct prove_options *o, struct prove_result *out);

/* Is it proved of @p and @q, for the packets of the conditions? */
static inline bool claim_holds(const char *what, claim *prove, const struct program *p,
                               const struct program *q, const struct prove_condition *condition,
                               size_t conditions)
{
    struct prove_options o = {
        .timeout_ms = CLAIM_TIMEOUT_MS, .condition = condition, .conditions = conditions};
    struct prove_result r = {0};
    int rc = prove(p->at, p->n, q->at, q->n, &o, &r);
    bool holds = rc == 0 && r.verdict == PROVE_EQUAL;

    if (rc < 0) {
        tap_pending("%s: the prover says: %s", what, weir_strerror(rc));
        return false;
    }
    if (r.verdict == PROVE_UNKNOWN) {
        tap_pending("%s: undecided, %s", what, r.why);
    } else if (!holds) {
        char hex[2 * CLAIM_BYTES + 1] = "";
        for (uint32_t i = 0; i < r.caplen && i < CLAIM_BYTES; i++)
            snprintf(hex + 2 * i, 3, "%02x", r.bytes[i]);
        tap_pending("%s: no, the verdicts are %u and %u; caplen %u wirelen %u bytes %s", what, r.p, r.q,
                    r.caplen, r.wirelen, hex);
    }
    prove_release(&r);
    return holds;
}
#endif
