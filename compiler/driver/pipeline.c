/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/pipeline.c - the stages of a compile, in order.
 */
#include "driver/pipeline.h"
#include <stdio.h>
#include "driver/front.h"
#include "grammar/parse.h"
#include "lower/lower.h"

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

void front_release(struct front *front)
{
    arena_release(&front->arena);
}

/* Text to plain IR. */
static int front_run(struct front *front, struct arena *arena, struct diag_sink *sink, const char *text,
                     size_t len, const struct weir_options *o, struct ir_func *out)
{
    struct weir_limits limits = pipeline_limits(o);

    arena_init(&front->arena, arena->al, arena->ceiling);
    if (len > limits.text_bytes)
        return pipeline_too_big(sink, limits.text_bytes, "bytes of text");
    int err = parse_filter(&front->arena, sink, text, (uint32_t)len, limits.nesting, &front->tree);
    if (err == WEIR_OK)
        err = sema_check(&front->arena, sink, &front->tree, o, &front->checked);
    const bool kept = err == WEIR_OK && front->tree.node.n <= FRONT_NODES_KEPT;
    if (err == WEIR_OK)
        err = kept ? lower_terms(&front->arena, arena, sink, &front->checked, o, NULL, out)
                   : lower_filter(&front->arena, arena, sink, &front->checked, o, out);
    arena->over_ceiling |= front->arena.over_ceiling;
    if (err < 0 || !kept)
        front_release(front);
    return err;
}

int front_ir(struct front *front, struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
             const struct weir_options *o, const struct opt_options *opt, struct ir_func *out)
{
    static const struct opt_options all_passes = {.pass_limit = UINT32_MAX};
    int err = front_run(front, arena, sink, text, len, o, out);

    if (err < 0 || !o->optimize)
        return err;
    return opt_run(out, opt ? opt : &all_passes);
}

int pipeline_plain_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                      const struct weir_options *o, struct ir_func *out)
{
    struct front front;
    int err = front_run(&front, arena, sink, text, len, o, out);

    front_release(&front);
    return err;
}

int pipeline_ir(struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
                const struct weir_options *o, const struct opt_options *opt, struct ir_func *out)
{
    struct front front;
    int err = front_ir(&front, arena, sink, text, len, o, opt, out);

    front_release(&front);
    return err;
}
