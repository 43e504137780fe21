/* SPDX-License-Identifier: BSD-2-Clause */
/* base/bits.h - what is asked of the bits of a number in more than one room. */
#ifndef WEIR_BASE_BITS_H
#define WEIR_BASE_BITS_H
#include <stdint.h>

/** The smallest 2^n - 1 that is not below @x: all bits up to its highest one. */
static inline uint32_t bits_filled(uint32_t x)
{
    for (unsigned s = 1; s < 32; s *= 2)
        x |= x >> s;
    return x;
}
#endif
