/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lift/lift.h - a classic program as IR: the opposite of backends/cbpf.
 *
 * The IR says what the program says on every packet, whole or cut short, as cbpf_run() has it. What passes
 * and backends make of it then refines the program as they refine a filter.
 */
#ifndef WEIR_LIFT_LIFT_H
#define WEIR_LIFT_LIFT_H
#include "backends/cbpf/cbpf.h"
#include "ir/ir.h"

/* Why a program has no IR, and the instruction it is about. */
struct lift_refusal {
    struct span at;
    const char *why; /* static text, the end of a sentence: "it ..." */
};

/**
 * @code     has passed cbpf_validate(); its spans, if it has them, become those of blocks
 * @refusal  written when the program cannot be said in IR
 * Returns   0, WEIR_E_UNSUPPORTED (see @refusal) or WEIR_E_MEMORY
 */
int lift_program(struct arena *arena, const struct cbpf_code *code, struct ir_func *out,
                 struct lift_refusal *refusal);
#endif
