/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_raw.c - any text through the reader of classic programs: what it takes is printed in every
 * form, which reads back as the same program, and run on a packet.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "weir/weir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t packet[64] = {[12] = 8, [14] = 0x45, [23] = 6};

static void check(int good)
{
    if (!good)
        abort();
}

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
    check(weir_program_read(cx, text, len, NULL, &again) == WEIR_OK);
    b = weir_program_cbpf(again, &m);
    check(n == m);
    for (size_t i = 0; i < n; i++) /* a listing has no place for what an instruction does not use */
        check(a[i].code == b[i].code && (form == WEIR_TEXT_LISTING || !memcmp(&a[i], &b[i], sizeof *a)));
    weir_text_free(p, text);
    weir_program_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_program *p = NULL;
    struct weir *cx = NULL;

    if (weir_new(NULL, &cx) < 0)
        return 0;
    if (weir_program_read(cx, (const char *)data, size, NULL, &p) == WEIR_OK) {
        reads_back(cx, p, WEIR_TEXT_LISTING);
        reads_back(cx, p, WEIR_TEXT_C);
        reads_back(cx, p, WEIR_TEXT_DECIMAL);
        (void)weir_match(p, packet, sizeof packet, 100, NULL);
        (void)weir_match(p, packet, 13, 100, NULL);
        (void)weir_program_kernel_refusal(p);
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
