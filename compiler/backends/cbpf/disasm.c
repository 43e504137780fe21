/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/disasm.c - listings: the three texts tcpdump prints for -d, -dd and -ddd.
 *
 * The spelling of every operand is part of the format: masks and compared constants are hexadecimal,
 * offsets, addends and shifts signed decimal, jump targets absolute.
 */
#include "backends/cbpf/cbpf.h"
#include <inttypes.h>
#include <stdio.h>
#include "backends/cbpf/opcode.h"
#include "backends/cbpf/spelling.h"

static void print_operand(char *to, size_t size, enum operand_form form, const struct weir_cbpf_insn *in,
                          uint32_t at)
{
    int32_t k = (int32_t)in->k;

    *to = 0;
    switch (form) {
    case OPERAND_NOTHING:
        break;
    case OPERAND_HEX:
        snprintf(to, size, "#0x%" PRIx32, in->k);
        break;
    case OPERAND_DECIMAL:
        snprintf(to, size, "#%" PRId32, k);
        break;
    case OPERAND_ABSOLUTE:
        if (spelling_of_metadata(in->k))
            snprintf(to, size, "[%s]", spelling_of_metadata(in->k));
        else
            snprintf(to, size, "[%" PRId32 "]", k);
        break;
    case OPERAND_INDIRECT:
        snprintf(to, size, "[x + %" PRId32 "]", k);
        break;
    case OPERAND_CELL:
        snprintf(to, size, "M[%" PRId32 "]", k);
        break;
    case OPERAND_LENGTH:
        snprintf(to, size, "#pktlen");
        break;
    case OPERAND_NIBBLE:
        snprintf(to, size, "4*([%" PRId32 "]&0xf)", k);
        break;
    case OPERAND_INDEX:
        snprintf(to, size, "x");
        break;
    case OPERAND_TARGET:
        snprintf(to, size, "%" PRId32, (int32_t)(at + 1 + in->k));
        break;
    }
}

void cbpf_print_instruction(const struct weir_cbpf_insn *in, uint32_t at, struct strbuf *out)
{
    const struct spelling *s = spelling_by_code(in->code);
    const char *word = s ? s->word : "unimp";
    char operand[40];

    if (s)
        print_operand(operand, sizeof operand, s->form, in, at);
    else
        snprintf(operand, sizeof operand, "0x%x", (unsigned)in->code);

    /* Signed: a caller of libpcap's bpf_image() may number instructions as it likes. */
    int32_t number = (int32_t)at, jt = (int32_t)(at + 1 + in->jt), jf = (int32_t)(at + 1 + in->jf);

    if ((in->code & CB_CLASS) == CB_JMP && (in->code & CB_OPERATOR) != CB_JA)
        strbuf_printf(out, "(%03" PRId32 ") %-8s %-16s jt %" PRId32 "\tjf %" PRId32, number, word, operand,
                      jt, jf);
    else if (*operand)
        strbuf_printf(out, "(%03" PRId32 ") %-8s %s", number, word, operand);
    else
        strbuf_printf(out, "(%03" PRId32 ") %s", number, word);
}

void cbpf_print_listing(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out)
{
    for (uint32_t i = 0; i < n; i++) {
        cbpf_print_instruction(&code[i], i, out);
        strbuf_puts(out, "\n");
    }
}

void cbpf_print_c(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out)
{
    for (uint32_t i = 0; i < n; i++)
        strbuf_printf(out, "{ 0x%x, %u, %u, 0x%08" PRIx32 " },\n", (unsigned)code[i].code,
                      (unsigned)code[i].jt, (unsigned)code[i].jf, code[i].k);
}

void cbpf_print_decimal(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out)
{
    strbuf_printf(out, "%" PRIu32 "\n", n);
    for (uint32_t i = 0; i < n; i++)
        strbuf_printf(out, "%u %u %u %" PRIu32 "\n", (unsigned)code[i].code, (unsigned)code[i].jt,
                      (unsigned)code[i].jf, code[i].k);
}
