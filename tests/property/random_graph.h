/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/random_graph.h - edges of random functions whose blocks lie in reverse postorder.
 */
#ifndef WEIR_TESTS_PROPERTY_RANDOM_GRAPH_H
#define WEIR_TESTS_PROPERTY_RANDOM_GRAPH_H
#include "ir/ir.h"
#include "tests/harness/rng.h"

/* Predecessors of @at among the blocks before it, each once; returns how many. @out has room for all of
 * those. */
static inline uint32_t graph_predecessors(const struct ir_func *f, uint32_t at, uint32_t *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < at; i++)
        for (uint32_t k = 0; k < f->block.at[i].to.n; k++)
            if (f->block.at[i].to.at[k].target == at) {
                out[n++] = i;
                break;
            }
    return n;
}

/* Where block @at of @n may lead: one time in seven, and from the last block, a return; half of the others
 * the next. */
static inline uint32_t graph_target(struct rng *r, uint32_t at, uint32_t n)
{
    uint32_t k = rng_below(r, 7);

    if (at + 1 == n || k == 0)
        return rng_below(r, 2) ? IR_ACCEPT : IR_REJECT;
    return k < 4 ? at + 1 : at + 1 + rng_below(r, n - at - 1);
}
#endif
