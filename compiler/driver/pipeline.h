/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/pipeline.h - the stages of a compile, in order.
 */
#ifndef WEIR_DRIVER_PIPELINE_H
#define WEIR_DRIVER_PIPELINE_H
#include "backends/cbpf/cbpf.h"
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

/** A classic program from text, validated. Returns 0 or a negative enum weir_status; mistakes are in @sink.
 */
int pipeline_read(struct diag_sink *sink, const char *text, size_t len, const struct weir_options *o,
                  struct cbpf_code *out);

/**
 * Its IR, optimized if @o asks for it. Returns 0, a negative enum weir_status, or WEIR_E_UNSUPPORTED when it
 * has no IR:
 * @sink says why, as a mistake if the target is eBPF, else as a warning if @o asks for them.
 */
int pipeline_lift(struct arena *arena, struct diag_sink *sink, const struct cbpf_code *code,
                  const struct weir_options *o, struct ir_func *out);

/** The limits that hold: what stands for 0, and no more than this library can count. */
struct weir_limits pipeline_limits(const struct weir_options *o);

/** WEIR_E_LIMIT, and in @sink that more than @most @of ("bytes of text") are needed. */
int pipeline_too_big(struct diag_sink *sink, size_t most, const char *of);
#endif
