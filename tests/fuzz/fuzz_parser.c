/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_parser.c - fuzzer: any bytes through the scanner and the grammar.
 *
 * Whatever parses is printed and parsed again, and must print the same. Spans of nodes and diagnostics lie
 * inside the text, and a refusal has a diagnostic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "grammar/parse.h"
#include "weir/weir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *what)
{
    fprintf(stderr, "fuzz_parser: %s\n", what);
    abort();
}

static void check_spans(const struct diag_sink *sink, size_t size)
{
    for (uint32_t i = 0; i < sink->list.n; i++) {
        const struct diag *d = &sink->list.at[i];
        if (d->at.begin > d->at.end || d->at.end > size || d->also.begin > d->also.end || d->also.end > size)
            broken("a diagnostic points outside of the text");
    }
}

static void check_nodes(const struct ast *t, size_t size)
{
    for (uint32_t i = 0; i < t->node.n; i++)
        if (t->node.at[i].at.begin > t->node.at[i].at.end || t->node.at[i].at.end > size)
            broken("a node lies outside of the text");
}

/* An id for which nothing in force says what it is. No text but the first says so again: sema refuses it. */
static bool has_bare_id(const struct ast *t)
{
    bool first = true;

    for (uint32_t i = 0; i < t->node.n; i++) {
        const struct ast_node *n = &t->node.at[i];
        if (n->kind != AST_ID)
            continue;
        if (!first && !n->u.id->q.known)
            return true;
        first = false;
    }
    return false;
}

static void round_trip(struct arena *arena, const struct ast *t)
{
    struct diag_sink sink = {.arena = arena, .limit = 100};
    struct strbuf first, second;
    struct ast again;

    strbuf_init(&first, &allocator_system);
    strbuf_init(&second, &allocator_system);
    ast_print(t, &first);
    if (parse_filter(arena, &sink, first.text ? first.text : "", (uint32_t)first.len, 1000000, &again) < 0)
        broken("what was printed does not parse");
    ast_print(&again, &second);
    if (first.len != second.len || (first.len && memcmp(first.text, second.text, first.len)))
        broken("what was printed parses to something else");
    strbuf_release(&first);
    strbuf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct ast tree;

    arena_init(&arena, &allocator_system, (size_t)256 << 20);
    struct diag_sink sink = {.arena = &arena, .limit = 100};
    int status = parse_filter(&arena, &sink, (const char *)data, (uint32_t)size, 10000, &tree);
    check_spans(&sink, size);
    if (status == 0) {
        if (sink.errors)
            broken("accepted in spite of an error");
        check_nodes(&tree, size);
        if (!has_bare_id(&tree))
            round_trip(&arena, &tree);
    } else if ((status != WEIR_E_FILTER && status != WEIR_E_LIMIT) || !sink.errors) {
        broken("refused without a diagnostic");
    }
    arena_release(&arena);
    return 0;
}
