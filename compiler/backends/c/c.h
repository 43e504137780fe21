/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/c/c.h - IR to C source for clang's BPF target.
 *
 * For people who want to read a filter as C, change it, or build it with their own tools. The verdicts are
 * those of the IR; the code is what clang makes of it.
 */
#ifndef WEIR_BACKENDS_C_C_H
#define WEIR_BACKENDS_C_C_H
#include <stdbool.h>
#include "base/diag.h"
#include "base/strbuf.h"
#include "ir/ir.h"
#include "weir/weir.h"

struct c_options {
    uint32_t target;            /* enum weir_target, not CBPF */
    bool frags;                 /* XDP: frames of several buffers */
    uint32_t on_match, on_miss; /* what the function returns */
    bool numbers;     /* ... and other numbers that blocks return as they are; else all but 0 are matches */
    const char *what; /* it was made from, for a comment: "filter" or "program"; and its text */
    const char *filter;
    size_t filter_len;
};

/** Appends the source to @out. Returns 0, WEIR_E_UNSUPPORTED (reported in @sink), or WEIR_E_MEMORY. */
int c_source(const struct ir_func *f, const struct c_options *o, struct diag_sink *sink, struct strbuf *out);
#endif
