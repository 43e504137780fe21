/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/pipeline.c - the stages of a compile, in order.
 */
#include "driver/pipeline.h"
#include <stdio.h>
#include "grammar/parse.h"
#include "lower/lower.h"
#include "sema/sema.h"

struct weir_limits pipeline_limits(const struct weir_options *o)
{
    struct weir_limits l = o->limits;

    l.text_bytes = l.text_bytes ? l.text_bytes : (size_t)64 << 20;
    l.memory_bytes = l.memory_bytes ? l.memory_bytes : (size_t)1 << 30;
    l.nesting = l.nesting ? l.nesting : 100000;
    l.instructions = l.instructions ? l.instructions : 16777215;
    return l;
}

int pipeline_plain_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                      const struct weir_options *o, struct ir_func *out)
{
    struct weir_limits limits = pipeline_limits(o);
    struct arena front; /* tree and formula: gone once there is IR */
    struct ast tree;
    struct checked checked;

    if (len > limits.text_bytes || len > UINT32_MAX / 2) {
        char what[64];
        snprintf(what, sizeof what, "%zu bytes of text", limits.text_bytes);
        diag(sink, DIAG_TOO_BIG, (struct diag_at){.at = {0, 0}}, what);
        return WEIR_E_LIMIT;
    }
    arena_init(&front, arena->al, arena->ceiling);
    int err = parse_filter(&front, sink, text, (uint32_t)len, limits.nesting, &tree);
    if (err == WEIR_OK)
        err = sema_check(&front, sink, &tree, o, &checked);
    if (err == WEIR_OK)
        err = lower_filter(&front, arena, sink, &checked, o, out);
    arena->over_ceiling |= front.over_ceiling;
    arena_release(&front);
    return err;
}

int pipeline_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                const struct weir_options *o, const struct opt_options *opt, struct ir_func *out)
{
    static const struct opt_options all_passes = {.pass_limit = UINT32_MAX};
    int err = pipeline_plain_ir(arena, sink, text, len, o, out);

    if (err < 0 || !o->optimize)
        return err;
    return opt_run(out, opt ? opt : &all_passes);
}
