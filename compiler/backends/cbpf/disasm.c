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

/* How an operand is written. */
enum form {
    NOTHING,
    HEX,
    DECIMAL,
    ABSOLUTE, /* [k], or the name of metadata */
    INDIRECT,
    CELL,
    LENGTH,
    NIBBLE, /* 4*([k]&0xf) */
    INDEX,  /* x */
    TARGET, /* of ja */
};

struct spelling {
    uint8_t code;
    uint8_t form; /* enum form */
    const char *word;
};

static const struct spelling spellings[] = {
    {CB_LD | CB_IMM, HEX, "ld"},
    {CB_LD | CB_LEN, LENGTH, "ld"},
    {CB_LD | CB_MEM, CELL, "ld"},
    {CB_LD | CB_W | CB_ABS, ABSOLUTE, "ld"},
    {CB_LD | CB_H | CB_ABS, ABSOLUTE, "ldh"},
    {CB_LD | CB_B | CB_ABS, ABSOLUTE, "ldb"},
    {CB_LD | CB_W | CB_IND, INDIRECT, "ld"},
    {CB_LD | CB_H | CB_IND, INDIRECT, "ldh"},
    {CB_LD | CB_B | CB_IND, INDIRECT, "ldb"},
    {CB_LDX | CB_IMM, HEX, "ldx"},
    {CB_LDX | CB_MEM, CELL, "ldx"},
    {CB_LDX_MSH, NIBBLE, "ldxb"},
    {CB_ST, CELL, "st"},
    {CB_STX, CELL, "stx"},
    {CB_ALU | CB_ADD, DECIMAL, "add"},
    {CB_ALU | CB_SUB, DECIMAL, "sub"},
    {CB_ALU | CB_MUL, DECIMAL, "mul"},
    {CB_ALU | CB_DIV, DECIMAL, "div"},
    {CB_ALU | CB_MOD, DECIMAL, "mod"},
    {CB_ALU | CB_LSH, DECIMAL, "lsh"},
    {CB_ALU | CB_RSH, DECIMAL, "rsh"},
    {CB_ALU | CB_AND, HEX, "and"},
    {CB_ALU | CB_OR, HEX, "or"},
    {CB_ALU | CB_XOR, HEX, "xor"},
    {CB_ALU | CB_ADD | CB_X, INDEX, "add"},
    {CB_ALU | CB_SUB | CB_X, INDEX, "sub"},
    {CB_ALU | CB_MUL | CB_X, INDEX, "mul"},
    {CB_ALU | CB_DIV | CB_X, INDEX, "div"},
    {CB_ALU | CB_MOD | CB_X, INDEX, "mod"},
    {CB_ALU | CB_LSH | CB_X, INDEX, "lsh"},
    {CB_ALU | CB_RSH | CB_X, INDEX, "rsh"},
    {CB_ALU | CB_AND | CB_X, INDEX, "and"},
    {CB_ALU | CB_OR | CB_X, INDEX, "or"},
    {CB_ALU | CB_XOR | CB_X, INDEX, "xor"},
    {CB_ALU | CB_NEG, NOTHING, "neg"},
    {CB_JMP | CB_JA, TARGET, "ja"},
    {CB_JMP | CB_JEQ, HEX, "jeq"},
    {CB_JMP | CB_JGT, HEX, "jgt"},
    {CB_JMP | CB_JGE, HEX, "jge"},
    {CB_JMP | CB_JSET, HEX, "jset"},
    {CB_JMP | CB_JEQ | CB_X, INDEX, "jeq"},
    {CB_JMP | CB_JGT | CB_X, INDEX, "jgt"},
    {CB_JMP | CB_JGE | CB_X, INDEX, "jge"},
    {CB_JMP | CB_JSET | CB_X, INDEX, "jset"},
    {CB_RET_K, DECIMAL, "ret"},
    {CB_RET_A, NOTHING, "ret"},
    {CB_TAX, NOTHING, "tax"},
    {CB_TXA, NOTHING, "txa"},
};

/* Names of metadata by (k - CB_META_BASE) / 4; linux/filter.h SKF_AD_*. */
static const char *const metadata[] = {
    "proto",  "type", "ifidx", "nla",      "nlan",  "mark", "queue",  "hatype",
    "rxhash", "cpu",  "xor_x", "vlan_tci", "vlanp", "poff", "random", "vlan_tpid",
};

static const struct spelling *spelling_find(uint16_t code)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (spellings[i].code == code)
            return &spellings[i];
    return NULL;
}

static const char *metadata_name(uint32_t k)
{
    uint32_t n = k - CB_META_BASE;

    if (k < CB_META_BASE || n % 4 || n / 4 >= sizeof metadata / sizeof metadata[0])
        return NULL;
    return metadata[n / 4];
}

static void print_operand(char *to, size_t size, enum form form, const struct weir_cbpf_insn *in, uint32_t at)
{
    int32_t k = (int32_t)in->k;

    *to = 0;
    switch (form) {
    case NOTHING:
        break;
    case HEX:
        snprintf(to, size, "#0x%" PRIx32, in->k);
        break;
    case DECIMAL:
        snprintf(to, size, "#%" PRId32, k);
        break;
    case ABSOLUTE:
        if (metadata_name(in->k))
            snprintf(to, size, "[%s]", metadata_name(in->k));
        else
            snprintf(to, size, "[%" PRId32 "]", k);
        break;
    case INDIRECT:
        snprintf(to, size, "[x + %" PRId32 "]", k);
        break;
    case CELL:
        snprintf(to, size, "M[%" PRId32 "]", k);
        break;
    case LENGTH:
        snprintf(to, size, "#pktlen");
        break;
    case NIBBLE:
        snprintf(to, size, "4*([%" PRId32 "]&0xf)", k);
        break;
    case INDEX:
        snprintf(to, size, "x");
        break;
    case TARGET:
        snprintf(to, size, "%" PRId32, (int32_t)(at + 1 + in->k));
        break;
    }
}

void cbpf_print_listing(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct spelling *s = spelling_find(code[i].code);
        const char *word = s ? s->word : "unimp";
        char operand[40];

        if (s)
            print_operand(operand, sizeof operand, s->form, &code[i], i);
        else
            snprintf(operand, sizeof operand, "0x%x", (unsigned)code[i].code);

        if ((code[i].code & CB_CLASS) == CB_JMP && (code[i].code & CB_OPERATOR) != CB_JA)
            strbuf_printf(out, "(%03" PRIu32 ") %-8s %-16s jt %" PRIu32 "\tjf %" PRIu32 "\n", i, word,
                          operand, i + 1 + code[i].jt, i + 1 + code[i].jf);
        else if (*operand)
            strbuf_printf(out, "(%03" PRIu32 ") %-8s %s\n", i, word, operand);
        else
            strbuf_printf(out, "(%03" PRIu32 ") %s\n", i, word);
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
