/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/inputs.h - what a function looks at, for weir_program_input() and weir_program_reach().
 */
#ifndef WEIR_DRIVER_INPUTS_H
#define WEIR_DRIVER_INPUTS_H
#include "ir/ir.h"
#include "weir/weir.h"

struct inputs {
    VEC(struct weir_input) input; /* in the order of the public list */
    uint32_t reach;
};

/** Fills @out, in f's arena. Returns 0 or WEIR_E_MEMORY. */
int inputs_find(const struct ir_func *f, struct inputs *out);
#endif
