/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/rng.c - random numbers that can be had again.
 */
#include "tests/harness/rng.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/tap.h"

uint64_t rng_seed(void)
{
    const char *text = getenv("WEIR_SEED");
    uint64_t seed = text && *text ? strtoull(text, NULL, 0) : UINT64_C(20240501);
    tap_diag("WEIR_SEED=%" PRIu64, seed);
    return seed;
}

void rng_bytes(struct rng *r, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t x = rng_next(r);
        memcpy(out + i, &x, n - i < 8 ? n - i : 8);
    }
}
