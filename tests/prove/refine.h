/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/refine.h - does one program refine another: by walking intervals, and by z3 where that gives
 * up.
 */
#ifndef WEIR_TESTS_PROVE_REFINE_H
#define WEIR_TESTS_PROVE_REFINE_H
#include <stdio.h>
#include "tests/harness/listing.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

struct refine_counts {
    unsigned walked, asked, unknown; /* proved by walking, by z3, not decided */
};

/** Returns what prove_refines() would; @out is written when that is 0. */
static inline int refine_check(const struct program *plain, const struct program *optimized,
                               unsigned timeout_ms, struct refine_counts *counts, struct prove_result *out)
{
    const struct prove_options o = {.timeout_ms = timeout_ms};
    int rc = walk_refines(plain->at, plain->n, optimized->at, optimized->n, NULL, out);
    bool walked = rc == 0 && out->verdict == PROVE_EQUAL;

    if (rc == 0 && out->verdict == PROVE_UNKNOWN)
        rc = prove_refines(plain->at, plain->n, optimized->at, optimized->n, &o, out);
    if (rc < 0)
        return rc;
    counts->walked += walked;
    counts->asked += !walked && out->verdict == PROVE_EQUAL;
    counts->unknown += out->verdict == PROVE_UNKNOWN;
    return rc;
}

/** The answer in words. */
static inline void refine_describe(int rc, const struct prove_result *r, char *text, size_t size)
{
    if (rc < 0) {
        snprintf(text, size, "the prover fails with %d", rc);
    } else if (r->verdict == PROVE_DIFFER) {
        const struct packet p = {.bytes = r->bytes, .caplen = r->caplen, .wirelen = r->wirelen};
        packet_describe(&p, r->p, r->q, text, size);
    } else {
        snprintf(text, size, "%s", r->verdict == PROVE_EQUAL ? "proved" : r->why);
    }
}
#endif
