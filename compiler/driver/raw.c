/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/raw.c - the stages of a classic program that is read instead of compiled.
 */
#include "driver/pipeline.h"
#include "lift/lift.h"

int pipeline_read(struct diag_sink *sink, const char *text, size_t len, const struct weir_options *o,
                  struct cbpf_code *out)
{
    const struct weir_limits limits = pipeline_limits(o);
    const struct diag_at nowhere = {.at = {0, 0}};

    if (len > limits.text_bytes)
        return pipeline_too_big(sink, limits.text_bytes, "bytes of text");
    int err = cbpf_read(sink, text, (uint32_t)len, out);
    if (err < 0)
        return err;
    if (out->insn.n > limits.instructions)
        return pipeline_too_big(sink, limits.instructions, "instructions");
    const char *why = cbpf_validate(out->insn.at, out->insn.n);
    if (!why)
        return WEIR_OK;
    diag(sink, DIAG_RAW_INVALID, nowhere, why);
    return WEIR_E_FILTER;
}

/* Does the target return nothing but whether a packet matches? */
static bool any_match(const struct weir_options *o)
{
    return o->target != WEIR_TARGET_CBPF && (o->target != WEIR_TARGET_SOCKET || o->has_actions);
}

int pipeline_lift(struct arena *arena, struct diag_sink *sink, const struct cbpf_code *code,
                  const struct weir_options *o, struct ir_func *out)
{
    static const struct opt_options all_passes = {.pass_limit = UINT32_MAX};
    struct lift_refusal no;
    int err = lift_program(arena, code, out, &no);

    if (err == WEIR_E_UNSUPPORTED) {
        struct diag_at where = {.at = no.at};
        if (o->target != WEIR_TARGET_CBPF)
            diag(sink, DIAG_RAW_NO_EBPF, where, no.why);
        else if (o->lint || o->keep_inputs)
            diag(sink, DIAG_RAW_AS_IT_IS, where, no.why);
    }
    if (err == WEIR_OK && any_match(o))
        ir_only_match(out);
    out->small = o->tune == WEIR_TUNE_SIZE;
    return err < 0 || !o->optimize ? err : opt_run(out, &all_passes);
}
