/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_ir.c - fuzzer: any bytes through the IR's text parser, and what verifies through the rest.
 *
 * A function that parses prints, parses and prints the same. One that also verifies is drawn, optimized with
 * the verifier behind every pass, emitted for both targets and evaluated on packets made for it.
 */
#include <stdlib.h>
#include "opt/opt.h"
#include "tests/fuzz/backends.h"
#include "tests/fuzz/packets.h"

#define WALKS 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *stage, const char *what)
{
    fprintf(stderr, "fuzz_ir: %s: %s\n", stage, what);
    abort();
}

static bool parse(struct arena *arena, const char *text, size_t len, struct ir_func *out)
{
    const char *message = NULL;
    uint32_t line = 0;
    int status = ir_parse(arena, text, len, out, &message, &line);

    if (status < 0 && status != WEIR_E_MEMORY && (!message || line == 0))
        broken("parser", "refused without a message and a line");
    return status == WEIR_OK;
}

static void round_trip(struct arena *arena, const struct ir_func *f)
{
    struct strbuf first, second;
    struct ir_func again;

    strbuf_init(&first, &allocator_system);
    strbuf_init(&second, &allocator_system);
    ir_print(f, &first);
    if (!parse(arena, first.text, first.len, &again))
        broken("printer", "what was printed does not parse");
    ir_print(&again, &second);
    if (first.len != second.len || memcmp(first.text, second.text, first.len))
        broken("printer", "what was printed prints otherwise");
    strbuf_release(&first);
    strbuf_release(&second);
}

static void draw(const struct ir_func *f)
{
    struct strbuf dot;

    strbuf_init(&dot, &allocator_system);
    ir_dot(f, &dot);
    strbuf_release(&dot);
}

static void run(struct arena *arena, const uint8_t *data, size_t size, struct ir_func *plain)
{
    const struct opt_options careful = {.verify = true, .pass_limit = UINT32_MAX};
    struct cbpf_code plain_code, optimized_code;
    struct ir_func optimized;
    uint32_t where;

    if (ir_verify(plain, arena, &where))
        return;
    draw(plain);
    parse(arena, (const char *)data, size, &optimized);
    int status = opt_run(&optimized, &careful);
    if (status < 0)
        broken("optimizer", weir_strerror(status));
    struct programs g = {.plain = plain, .optimized = &optimized};
    g.plain_code = emit(plain, true, &plain_code, arena);
    g.optimized_code = emit(&optimized, false, &optimized_code, arena);
    emit_ebpf(plain, arena);

    uint64_t random = size;
    for (size_t i = 0; i < size; i++)
        random = random * 31 + data[i];
    const char *wrong = programs_walk(&g, arena, data, size, random, WALKS);
    if (wrong)
        broken("verdict", wrong);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct ir_func f;

    arena_init(&arena, &allocator_system, (size_t)512 << 20);
    if (parse(&arena, (const char *)data, size, &f)) {
        round_trip(&arena, &f);
        run(&arena, data, size, &f);
    }
    arena_release(&arena);
    return 0;
}
