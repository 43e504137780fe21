/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/prove.c - the command's proving engines, for every test program.
 */
#include "tests/prove/prove.h"
#include "cli/prove_program.c"
#include "vm/vm.h"

static uint32_t run(void *user, const struct weir_cbpf_insn *code, uint32_t n,
                    const struct prove_result *packet, bool *faulted)
{
    const struct packet p = {packet->bytes, packet->caplen, packet->wirelen, packet->meta};
    struct vm_counts counts = {0};
    uint32_t verdict = cbpf_run(code, n, &p, &counts);

    (void)user;
    *faulted = counts.faults != 0;
    return verdict;
}

static struct prove_question question(const struct prove_options *o, bool refines)
{
    struct prove_question all = {.refines = refines, .run = run};

    if (o) {
        all.timeout_ms = o->timeout_ms;
        all.condition = o->condition;
        all.conditions = o->conditions;
        all.finish = o->finish;
        all.work = o->work;
    }
    return all;
}

int prove_equal(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                const struct prove_options *o, struct prove_result *out)
{
    const struct prove_question all = question(o, false);

    return prove_z3(p, np, q, nq, &all, out);
}

int prove_refines(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                  const struct prove_options *o, struct prove_result *out)
{
    const struct prove_question all = question(o, true);

    return prove_z3(p, np, q, nq, &all, out);
}

int walk_equal(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
               const struct prove_options *o, struct prove_result *out)
{
    const struct prove_question all = question(o, false);

    return prove_walk(p, np, q, nq, &all, out);
}

int walk_refines(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                 const struct prove_options *o, struct prove_result *out)
{
    const struct prove_question all = question(o, true);

    return prove_walk(p, np, q, nq, &all, out);
}
