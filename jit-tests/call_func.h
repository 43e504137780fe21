/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/call_func.h - a function over packet bytes as the subprogram of an XDP program that calls it.
 */
#ifndef WEIR_JIT_TESTS_CALL_FUNC_H
#define WEIR_JIT_TESTS_CALL_FUNC_H
#include <stdlib.h>
#include <string.h>
#include "backends/ebpf/ebpf.h"

/** data, data_end and the length to r1 to r3, then the function behind this. Relocations are not moved. */
static void call_func(struct ebpf_code *code)
{
    static const struct weir_ebpf_insn caller[] = {
        {0x61, 0x12, 4, 0}, /* r2 = *(u32 *)(r1 + 4) */
        {0x61, 0x11, 0, 0}, /* r1 = *(u32 *)(r1 + 0) */
        {0xbf, 0x23, 0, 0}, /* r3 = r2 */
        {0x1f, 0x13, 0, 0}, /* r3 -= r1 */
        {0x85, 0x10, 0, 1}, /* call the function */
        {0x95, 0, 0, 0},    /* exit */
    };
    uint32_t n = sizeof caller / sizeof caller[0];

    if (!vec_reserve(code->arena, &code->insn, n))
        abort();
    memmove(code->insn.at + n, code->insn.at, code->insn.n * sizeof *code->insn.at);
    memcpy(code->insn.at, caller, sizeof caller);
    code->insn.n += n;
}
#endif
