/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/pipeline.c - the stages of a compile, in order.
 */
#include "driver/pipeline.h"
#include <stdio.h>
#include "grammar/parse.h"
#include "lower/lower.h"
#include "sema/sema.h"

#define TEXT_MAX   (UINT32_MAX / 2) /* places are 32 bits */
#define MEMORY_MAX (SIZE_MAX / 2)   /* sums with it do not wrap */

static size_t limit(size_t asked, size_t otherwise, size_t most)
{
    return !asked ? otherwise : asked < most ? asked : most;
}

struct weir_limits pipeline_limits(const struct weir_options *o)
{
    struct weir_limits l = o->limits;

    l.text_bytes = limit(l.text_bytes, (size_t)64 << 20, TEXT_MAX);
    l.memory_bytes = limit(l.memory_bytes, (size_t)1 << 30, MEMORY_MAX);
    l.nesting = l.nesting ? l.nesting : 100000;
    l.instructions = l.instructions ? l.instructions : 16777215;
    return l;
}

int pipeline_too_big(struct diag_sink *sink, size_t most, const char *of)
{
    char what[64];

    snprintf(what, sizeof what, "%zu %s", most, of);
    diag(sink, DIAG_TOO_BIG, (struct diag_at){.at = {0, 0}}, what);
    return WEIR_E_LIMIT;
}

int pipeline_plain_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                      const struct weir_options *o, struct ir_func *out)
{
    struct weir_limits limits = pipeline_limits(o);
    struct arena front; /* tree and formula: gone once there is IR */
    struct ast tree;
    struct checked checked;

    if (len > limits.text_bytes)
        return pipeline_too_big(sink, limits.text_bytes, "bytes of text");
    arena_init(&front, arena->al, arena->ceiling);
    int err = parse_filter(&front, sink, text, (uint32_t)len, limits.nesting, &tree);
    if (err == WEIR_OK)
        err = sema_check(&front, sink, &tree, o, &checked);
    if (err == WEIR_OK)
        err = lower_filter(&front, arena, sink, &checked, o, out);
    arena->over_ceiling |= front.over_ceiling;
    arena_release(&front); /* when there is a formula it is gone */
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
