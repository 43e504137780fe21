/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/print.c - libpcap's functions that show a program, answered by libweir's. */
#include <pcap/pcap.h>
#include <stdio.h>
#include "backends/cbpf/cbpf.h"
#include "weir/weir.h"

WEIR_API char *bpf_image(const struct bpf_insn *insn, int n)
{
    static _Thread_local char
        image[256]; /* the caller's until its next call, as in libpcap; here also per thread */
    struct strbuf line;

    strbuf_init(&line, &allocator_system);
    cbpf_print_instruction((const struct weir_cbpf_insn *)insn, (uint32_t)n, &line);
    snprintf(image, sizeof image, "%s", line.failed ? "(out of memory)" : line.text);
    strbuf_release(&line);
    return image;
}

WEIR_API void bpf_dump(const struct bpf_program *program, int option)
{
    const struct weir_cbpf_insn *code = (const struct weir_cbpf_insn *)program->bf_insns;
    struct strbuf text;

    strbuf_init(&text, &allocator_system);
    if (option > 2)
        cbpf_print_decimal(code, program->bf_len, &text);
    else if (option > 1)
        cbpf_print_c(code, program->bf_len, &text);
    else
        cbpf_print_listing(code, program->bf_len, &text);
    if (!text.failed && text.text)
        fwrite(text.text, 1, text.len, stdout);
    strbuf_release(&text);
}
