/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/operands.h - how the two operands of an operator get into A and X, and what that costs.
 *
 * Nothing here makes an instruction. isel.c asks with what is at hand and follows the plan.
 */
#ifndef WEIR_BACKENDS_CBPF_OPERANDS_H
#define WEIR_BACKENDS_CBPF_OPERANDS_H
#include "backends/cbpf/emit.h"

/* How the two operands of an operator get into A and X. */
enum cb_how {
    HELD,   /* X has the right one: left */
    DIRECT, /* left; ldx right */
    VIA_A,  /* right; tax; left, which does not touch X */
    WAIT_X, /* right; st; left; ldx */
    WAIT_A, /* left; st; right; tax; ld */
};

struct cb_plan {
    enum cb_how how;
    bool swap;
    uint32_t steps;
    uint8_t cells;
};

/* An operand as a plan sees it. */
struct cb_view {
    uint32_t steps;
    uint8_t cells;
    bool uses_x;
    bool direct; /* X can be loaded with it in one instruction */
    bool in_x, in_a;
};

/** The cheaper way to have @a in A and @b in X, or the other way round when @may_swap. */
struct cb_plan cb_plan_make(const struct cb_view *a, const struct cb_view *b, bool may_swap);
/** @v as an operand when nothing of it is at hand. */
struct cb_view cb_view_static(const struct cb_emit *e, ir_value v);
/** 1 if a comparison holds, else 0: no single instruction gives that. */
bool cb_is_compare(enum ir_op op);
/** Can a op b be had as b op a? Comparisons turn their condition round. */
bool cb_can_swap(enum ir_op op);
#endif
