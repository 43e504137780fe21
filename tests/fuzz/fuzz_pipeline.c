/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_pipeline.c - fuzzer: a filter through the whole compiler, and its programs over packets.
 *
 * The input is the filter's text; behind a NUL come four bytes of options (link type, flags, snapshot length,
 * protochain bound) and a packet. It fails on crashes, on functions and programs that are not well formed, and on
 * verdicts that differ: plain program against plain IR, optimized IR and program as refinements of it.
 */
#include <stdlib.h>
#include "driver/pipeline.h"
#include "proto/linktype.h"
#include "tests/fuzz/backends.h"
#include "tests/fuzz/packets.h"

#define WALKS 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *stage, const char *what)
{
    fprintf(stderr, "fuzz_pipeline: %s: %s\n", stage, what);
    abort();
}

static void well_formed(const char *stage, const struct ir_func *f, struct arena *arena)
{
    uint32_t where = 0;
    const char *wrong = ir_verify(f, arena, &where);

    if (wrong) {
        fprintf(stderr, "block %u\n", where);
        broken(stage, wrong);
    }
}

/* Options of an input: the usual ones when it is text only. */
static struct weir_options options(const uint8_t *b, size_t n)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    size_t rows = 0;

    o.protochain = 3; /* the default makes every input with the word slow */
    if (n < 4)
        return o;
    while (linktype_at(rows))
        rows++;
    o.linktype = linktype_at(b[0] % rows)->number;
    o.live = b[1] & 1;
    o.savefile = (b[1] >> 1 & 3) % 3;
    o.lint = b[1] >> 3 & 1;
    o.netmask = b[1] & 0x10 ? 0xffffff00u : WEIR_NETMASK_UNKNOWN;
    o.snaplen = b[2] ? b[2] * 257u : WEIR_SNAPLEN_DEFAULT;
    o.protochain = 1 + b[3] % 8;
    return o;
}

/* What is known to be wrong only once constants are folded (docs/language.md, "Division and shifts"). */
static bool found_by_folding(const struct diag_sink *sink)
{
    for (uint32_t i = 0; i < sink->list.n; i++)
        if (sink->list.at[i].severity == DIAG_ERROR && sink->list.at[i].number != diag_number(DIAG_DIVIDE_BY_ZERO) &&
            sink->list.at[i].number != diag_number(DIAG_MODULUS_BY_ZERO) && sink->list.at[i].number != diag_number(DIAG_SHIFT_COUNT))
            return false;
    return sink->errors > 0;
}

static void compile(struct arena *arena, const char *text, size_t len, struct weir_options *o, const uint8_t *packet, size_t n)
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
    emit_xdp(&plain, arena);
    emit_xdp(&optimized, arena);

    uint64_t random = len;
    for (size_t i = 0; i < len; i++)
        random = random * 31 + (uint8_t)text[i];
    const char *wrong = programs_walk(&g, arena, packet, n, random, WALKS);
    if (wrong)
        broken("verdict", wrong);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t len = end ? (size_t)(end - data) : size, rest = end ? size - len - 1 : 0;
    struct weir_options o = options(end ? end + 1 : data, rest);
    struct arena arena;

    arena_init(&arena, &allocator_libc, (size_t)512 << 20);
    compile(&arena, (const char *)data, len, &o, rest > 4 ? end + 5 : NULL, rest > 4 ? rest - 4 : 0);
    arena_release(&arena);
    return 0;
}
