/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/solve.h - packets that take chosen ways through a filter.
 */
#ifndef WEIR_TESTS_DIFFERENTIAL_SOLVE_H
#define WEIR_TESTS_DIFFERENTIAL_SOLVE_H
#include <stdbool.h>
#include <stdint.h>
#include "ir/ir.h"
#include "tests/harness/rng.h"
#include "vm/vm.h"

enum { SOLVE_BYTES = 1024 };

/**
 * Walks @f from its entry, choosing where each switch goes, and changes the packet so that it goes there:
 * constants are planted where the loads read them. What an earlier switch looked at is not changed any more;
 * a choice that would need that is dropped. So the packet is likely, not certain, to get the verdict wanted.
 *
 * @accept  the verdict wanted
 * @bytes   SOLVE_BYTES bytes, of which @p->caplen are the packet at first; guards make it longer
 * @p       p->bytes is set to @bytes; length and metadata change as well
 */
void solve_packet(const struct ir_func *f, struct rng *r, struct arena *scratch, bool accept, uint8_t *bytes,
                  struct packet *p);
#endif
