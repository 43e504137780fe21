/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/pipeline.h - the stages of a compile, in order.
 */
#ifndef WEIR_DRIVER_PIPELINE_H
#define WEIR_DRIVER_PIPELINE_H
#include "ir/ir.h"
#include "opt/opt.h"
#include "weir/weir.h"

/**
 * Text to plain IR: parse, check, lower.
 * Returns 0 or a negative enum weir_status; mistakes are in @sink.
 */
int pipeline_plain_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                      const struct weir_options *o, struct ir_func *out);

/** The same, then optimized if @o asks for it. @opt may be NULL. */
int pipeline_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                const struct weir_options *o, const struct opt_options *opt, struct ir_func *out);

/**
 * Says in @sink why the filter, which compiles to a program that rejects everything, can never match: which of its
 * terms contradict each other.
 */
int pipeline_explain_never(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                           const struct weir_options *o);

/** What stands for 0 in an option. */
struct weir_limits pipeline_limits(const struct weir_options *o);
#endif
