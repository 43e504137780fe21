/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_raw.c - any text through the reader of classic programs: what it takes is printed in every
 * form, which reads back as the same program, run on a packet, optimized and converted. Its IR says what it
 * says, and what the passes make of that refines it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "driver/pipeline.h"
#include "tests/fuzz/packets.h"
#include "weir/weir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t packet[64] = {[12] = 8, [14] = 0x45, [23] = 6};

static void check(int good)
{
    if (!good)
        abort();
}

static const struct weir_options as_it_is = {
    .size = sizeof as_it_is, .linktype = 1, .snaplen = 262144, .netmask = WEIR_NETMASK_UNKNOWN};

static void reads_back(struct weir *cx, const struct weir_program *p, enum weir_text form)
{
    const struct weir_cbpf_insn *a, *b;
    struct weir_program *again = NULL;
    size_t n, m, len = 0;
    char *text = NULL;

    a = weir_program_cbpf(p, &n);
    for (size_t i = 0; form == WEIR_TEXT_LISTING && i < n; i++)
        if (a[i].code == 0x81 || ((a[i].code & 7) == 5 && a[i].code != 5 && a[i].jt > 250))
            return; /* has no word, or labels beyond what a listing is sure to hold */
    check(weir_program_text(p, form, &text, &len) == WEIR_OK);
    check(weir_program_read(cx, text, len, &as_it_is, &again) == WEIR_OK);
    b = weir_program_cbpf(again, &m);
    check(n == m);
    for (size_t i = 0; i < n; i++) /* a listing has no place for what an instruction does not use */
        check(a[i].code == b[i].code && (form == WEIR_TEXT_LISTING || !memcmp(&a[i], &b[i], sizeof *a)));
    weir_text_free(p, text);
    weir_program_free(again);
}

/* Every target takes it or says why not. */
static void converts(struct weir *cx, const char *text, size_t len)
{
    for (uint32_t target = WEIR_TARGET_CBPF; target <= WEIR_TARGET_FUNC; target++)
        for (uint32_t optimize = target == WEIR_TARGET_CBPF; optimize < 2; optimize++) {
            struct weir_options o = as_it_is;
            struct weir_program *p = NULL;

            o.target = target;
            o.optimize = optimize;
            int status = weir_program_read(cx, text, len, &o, &p);
            check(status == WEIR_OK || status == WEIR_NEVER || status == WEIR_E_UNSUPPORTED ||
                  status == WEIR_E_LIMIT);
            check(status >= 0 || weir_diagnostic_count(cx) > 0);
            check(target != WEIR_TARGET_CBPF || status >= 0);
            weir_program_free(p);
        }
}

static void lifts(const char *text, size_t len)
{
    struct arena arena, scratch;
    struct diag_sink sink = {.arena = &arena};
    struct weir_options o = as_it_is;
    struct ir_func plain, optimized;

    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    arena_init(&scratch, &allocator_system, (size_t)1 << 28);
    struct cbpf_code code = {.arena = &arena};
    check(pipeline_read(&sink, text, len, &o, &code) == WEIR_OK && code.at.n == code.insn.n);
    int status = pipeline_lift(&arena, &sink, &code, &o, &plain);
    check(status == WEIR_OK || status == WEIR_E_UNSUPPORTED);
    if (status == WEIR_OK) {
        struct programs g = {.plain = &plain, .optimized = &optimized, .plain_code = &code};
        uint32_t where;

        o.optimize = 1;
        check(pipeline_lift(&arena, &sink, &code, &o, &optimized) == WEIR_OK);
        check(!ir_verify(&plain, &scratch, &where) && !ir_verify(&optimized, &scratch, &where));
        check(!programs_walk(&g, &scratch, packet, sizeof packet, len, 20));
    }
    arena_release(&scratch);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_program *p = NULL;
    struct weir *cx = NULL;

    if (weir_new(NULL, &cx) < 0)
        return 0;
    if (weir_program_read(cx, (const char *)data, size, &as_it_is, &p) == WEIR_OK) {
        reads_back(cx, p, WEIR_TEXT_LISTING);
        reads_back(cx, p, WEIR_TEXT_C);
        reads_back(cx, p, WEIR_TEXT_DECIMAL);
        (void)weir_match(p, packet, sizeof packet, 100, NULL);
        (void)weir_match(p, packet, 13, 100, NULL);
        (void)weir_program_kernel_refusal(p);
        converts(cx, (const char *)data, size);
        lifts((const char *)data, size);
    } else {
        for (size_t i = 0; i < weir_diagnostic_count(cx); i++) {
            const struct weir_diagnostic *d = weir_diagnostic(cx, i);
            check(d->begin <= d->end && d->end <= size && d->message);
        }
    }
    weir_program_free(p);
    weir_free(cx);
    return 0;
}
