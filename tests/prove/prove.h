/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/prove.h - the command's proving engines, for tests: witnesses are confirmed by cbpf_run().
 *
 * The engines themselves are cli/prove.h's. @o may be NULL: no limit, no condition.
 */
#ifndef WEIR_TESTS_PROVE_PROVE_H
#define WEIR_TESTS_PROVE_PROVE_H
#include "cli/prove.h"

struct prove_options {
    unsigned timeout_ms;                     /* z3: 0 is no limit */
    const struct prove_condition *condition; /* all must hold; z3 only */
    size_t conditions;
    bool finish;   /* only packets on which neither program's loads fail */
    uint64_t work; /* walking: steps; 0 is a few seconds' worth */
};

/** z3: do @p and @q give the same verdict on every packet considered? */
int prove_equal(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                const struct prove_options *o, struct prove_result *out);

/** z3: does @q refine @p? PROVE_EQUAL means that it does. */
int prove_refines(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                  const struct prove_options *o, struct prove_result *out);

/** The same questions to prove_walk() alone. */
int walk_equal(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
               const struct prove_options *o, struct prove_result *out);
int walk_refines(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                 const struct prove_options *o, struct prove_result *out);
#endif
