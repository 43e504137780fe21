/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/opt.h - IR to IR, each pass refining its input (docs/architecture.md, "Refinement").
 */
#ifndef WEIR_OPT_OPT_H
#define WEIR_OPT_OPT_H
#include "ir/ir.h"

struct opt_options {
    bool verify;         /* check the function after every pass */
    uint32_t pass_limit; /* run at most so many passes; UINT32_MAX for all */
    struct strbuf *dump; /* print the function after every pass here, or NULL */
};

/** Runs the passes of passes.def over @f. Returns 0, WEIR_E_MEMORY or WEIR_E_BUG. */
int opt_run(struct ir_func *f, const struct opt_options *o);

/** Would the passes leave anything that accepts a packet? @f stays as it is. Returns 0 or WEIR_E_MEMORY. */
int opt_accepts(struct ir_func *f, bool *out);
#endif
