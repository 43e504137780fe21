/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/rng.h - random numbers that can be had again.
 *
 * SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014). The seed
 * is $WEIR_SEED or a constant, so a run without it repeats the last one; rng_seed() prints it as a TAP
 * detail.
 */
#ifndef WEIR_TESTS_HARNESS_RNG_H
#define WEIR_TESTS_HARNESS_RNG_H
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/** The seed of this run, printed as "# WEIR_SEED=N". */
uint64_t rng_seed(void);

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/** A number below @n; 0 when @n is 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

void rng_bytes(struct rng *r, uint8_t *out, size_t n);
#endif
