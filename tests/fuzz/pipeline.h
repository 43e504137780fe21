/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/pipeline.h - what fuzz targets ask of the whole compiler: functions and programs are well
 * formed, and verdicts agree: plain program with plain IR, optimized IR and program as refinements of it.
 */
#ifndef WEIR_TESTS_FUZZ_PIPELINE_H
#define WEIR_TESTS_FUZZ_PIPELINE_H
#include <stdlib.h>
#include "driver/pipeline.h"
#include "tests/fuzz/backends.h"
#include "tests/fuzz/packets.h"

#define WALKS 24

static inline void well_formed(const char *stage, const struct ir_func *f, struct arena *arena)
{
    uint32_t where = 0;
    const char *wrong = ir_verify(f, arena, &where);

    if (wrong) {
        fprintf(stderr, "block %u\n", where);
        broken(stage, wrong);
    }
}

/* What is known to be wrong only once constants are folded (docs/language.md, "Division and shifts"). */
static inline bool found_by_folding(const struct diag_sink *sink)
{
    for (uint32_t i = 0; i < sink->list.n; i++)
        if (sink->list.at[i].severity == DIAG_ERROR &&
            sink->list.at[i].number != diag_number(DIAG_DIVIDE_BY_ZERO) &&
            sink->list.at[i].number != diag_number(DIAG_MODULUS_BY_ZERO) &&
            sink->list.at[i].number != diag_number(DIAG_SHIFT_COUNT))
            return false;
    return sink->errors > 0;
}

/* Compiles @text for @o and runs it over packets made for it, and over @packet. */
static inline void compile(struct arena *arena, const char *text, size_t len, struct weir_options *o,
                           const uint8_t *packet, size_t n)
{
    struct diag_sink sink = {.arena = arena, .limit = 100};
    const struct opt_options careful = {.verify = true, .pass_limit = UINT32_MAX};
    struct ir_func plain, optimized;

    o->optimize = 0;
    int status = pipeline_plain_ir(arena, &sink, text, len, o, &plain);
    for (uint32_t i = 0; i < sink.list.n; i++)
        if (sink.list.at[i].at.begin > sink.list.at[i].at.end || sink.list.at[i].at.end > len)
            broken("diagnostics", "one points outside of the text");
    if (status < 0) {
        if (status == WEIR_E_BUG || (status != WEIR_E_MEMORY && !sink.errors))
            broken("front end", "refused without a diagnostic");
        return;
    }
    well_formed("plain IR", &plain, arena);
    o->optimize = 1;
    status = pipeline_ir(arena, &sink, text, len, o, &careful, &optimized);
    if (status == WEIR_E_MEMORY || (status == WEIR_E_FILTER && found_by_folding(&sink)))
        return;
    if (status < 0)
        broken("optimizer", weir_strerror(status));
    well_formed("optimized IR", &optimized, arena);

    struct cbpf_code plain_code, optimized_code;
    struct programs g = {.plain = &plain, .optimized = &optimized};
    g.plain_code = emit(&plain, true, &plain_code, arena);
    g.optimized_code = emit(&optimized, false, &optimized_code, arena);
    emit_ebpf(&plain, arena);
    emit_ebpf(&optimized, arena);

    uint64_t random = len;
    for (size_t i = 0; i < len; i++)
        random = random * 31 + (uint8_t)text[i];
    const char *wrong = programs_walk(&g, arena, packet, n, random, WALKS);
    if (wrong)
        broken("verdict", wrong);
}
#endif
