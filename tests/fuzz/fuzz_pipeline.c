/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_pipeline.c - fuzzer: a filter through the whole compiler, and its programs over packets.
 *
 * The input is the filter's text; behind a NUL come four bytes of options (link type, flags, snapshot length,
 * protochain bound) and a packet. It fails on crashes, on functions and programs that are not well formed,
 * and on verdicts that differ: plain program against plain IR, optimized IR and program as refinements of it.
 */
#include "proto/linktype.h"
#include "tests/fuzz/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *stage, const char *what)
{
    fprintf(stderr, "fuzz_pipeline: %s: %s\n", stage, what);
    abort();
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t len = end ? (size_t)(end - data) : size, rest = end ? size - len - 1 : 0;
    struct weir_options o = options(end ? end + 1 : data, rest);
    struct arena arena;

    arena_init(&arena, &allocator_system, (size_t)512 << 20);
    compile(&arena, (const char *)data, len, &o, rest > 4 ? end + 5 : NULL, rest > 4 ? rest - 4 : 0);
    arena_release(&arena);
    return 0;
}
