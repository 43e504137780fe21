/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/ebpf_alu.h - what eBPF's operators compute, for the small machines that run programs outside
 * of the kernel.
 *
 * Source: RFC 9669, sections 4.1 to 4.3. Operators are the high four bits of an opcode; the caller narrows
 * operands and results of 32-bit instructions.
 */
#ifndef WEIR_TESTS_HARNESS_EBPF_ALU_H
#define WEIR_TESTS_HARNESS_EBPF_ALU_H
#include <stdbool.h>
#include <stdint.h>

/** @a op @b. */
static inline uint64_t ebpf_alu(unsigned op, uint64_t a, uint64_t b, bool wide)
{
    unsigned bits = wide ? 63 : 31;
    switch (op) {
    case 0x00:
        return a + b;
    case 0x10:
        return a - b;
    case 0x20:
        return a * b;
    case 0x30:
        return b ? a / b : 0;
    case 0x40:
        return a | b;
    case 0x50:
        return a & b;
    case 0x60:
        return a << (b & bits);
    case 0x70:
        return a >> (b & bits);
    case 0x80:
        return 0 - a;
    case 0x90:
        return b ? a % b : a;
    case 0xa0:
        return a ^ b;
    case 0xc0:
        return wide ? (uint64_t)((int64_t)a >> (b & bits)) : (uint32_t)((int32_t)a >> (b & bits));
    default:
        return b;
    }
}

/** Is the jump on @a op @b taken? */
static inline bool ebpf_takes(unsigned op, uint64_t a, uint64_t b, bool wide)
{
    int64_t x = wide ? (int64_t)a : (int32_t)a, y = wide ? (int64_t)b : (int32_t)b;
    switch (op) {
    case 0x10:
        return a == b;
    case 0x20:
        return a > b;
    case 0x30:
        return a >= b;
    case 0x40:
        return (a & b) != 0;
    case 0x50:
        return a != b;
    case 0x60:
        return x > y;
    case 0x70:
        return x >= y;
    case 0xa0:
        return a < b;
    case 0xb0:
        return a <= b;
    case 0xc0:
        return x < y;
    case 0xd0:
        return x <= y;
    default:
        return true;
    }
}

/** The @bits low bits of @v with their bytes turned round. */
static inline uint64_t ebpf_swap(uint64_t v, int bits)
{
    return bits == 16   ? __builtin_bswap16((uint16_t)v)
           : bits == 32 ? __builtin_bswap32((uint32_t)v)
                        : __builtin_bswap64(v);
}
#endif
