/* SPDX-License-Identifier: BSD-2-Clause */
/* backends/cbpf/spelling.c - the words of listings: the table, and how it is searched. */
#include "backends/cbpf/spelling.h"
#include <string.h>
#include "backends/cbpf/opcode.h"

static const struct spelling spellings[] = {
    {CB_LD | CB_IMM, OPERAND_HEX, "ld"},
    {CB_LD | CB_LEN, OPERAND_LENGTH, "ld"},
    {CB_LD | CB_MEM, OPERAND_CELL, "ld"},
    {CB_LD | CB_W | CB_ABS, OPERAND_ABSOLUTE, "ld"},
    {CB_LD | CB_H | CB_ABS, OPERAND_ABSOLUTE, "ldh"},
    {CB_LD | CB_B | CB_ABS, OPERAND_ABSOLUTE, "ldb"},
    {CB_LD | CB_W | CB_IND, OPERAND_INDIRECT, "ld"},
    {CB_LD | CB_H | CB_IND, OPERAND_INDIRECT, "ldh"},
    {CB_LD | CB_B | CB_IND, OPERAND_INDIRECT, "ldb"},
    {CB_LDX | CB_IMM, OPERAND_HEX, "ldx"},
    {CB_LDX | CB_MEM, OPERAND_CELL, "ldx"},
    {CB_LDX_MSH, OPERAND_NIBBLE, "ldxb"},
    {CB_ST, OPERAND_CELL, "st"},
    {CB_STX, OPERAND_CELL, "stx"},
    {CB_ALU | CB_ADD, OPERAND_DECIMAL, "add"},
    {CB_ALU | CB_SUB, OPERAND_DECIMAL, "sub"},
    {CB_ALU | CB_MUL, OPERAND_DECIMAL, "mul"},
    {CB_ALU | CB_DIV, OPERAND_DECIMAL, "div"},
    {CB_ALU | CB_MOD, OPERAND_DECIMAL, "mod"},
    {CB_ALU | CB_LSH, OPERAND_DECIMAL, "lsh"},
    {CB_ALU | CB_RSH, OPERAND_DECIMAL, "rsh"},
    {CB_ALU | CB_AND, OPERAND_HEX, "and"},
    {CB_ALU | CB_OR, OPERAND_HEX, "or"},
    {CB_ALU | CB_XOR, OPERAND_HEX, "xor"},
    {CB_ALU | CB_ADD | CB_X, OPERAND_INDEX, "add"},
    {CB_ALU | CB_SUB | CB_X, OPERAND_INDEX, "sub"},
    {CB_ALU | CB_MUL | CB_X, OPERAND_INDEX, "mul"},
    {CB_ALU | CB_DIV | CB_X, OPERAND_INDEX, "div"},
    {CB_ALU | CB_MOD | CB_X, OPERAND_INDEX, "mod"},
    {CB_ALU | CB_LSH | CB_X, OPERAND_INDEX, "lsh"},
    {CB_ALU | CB_RSH | CB_X, OPERAND_INDEX, "rsh"},
    {CB_ALU | CB_AND | CB_X, OPERAND_INDEX, "and"},
    {CB_ALU | CB_OR | CB_X, OPERAND_INDEX, "or"},
    {CB_ALU | CB_XOR | CB_X, OPERAND_INDEX, "xor"},
    {CB_ALU | CB_NEG, OPERAND_NOTHING, "neg"},
    {CB_JMP | CB_JA, OPERAND_TARGET, "ja"},
    {CB_JMP | CB_JEQ, OPERAND_HEX, "jeq"},
    {CB_JMP | CB_JGT, OPERAND_HEX, "jgt"},
    {CB_JMP | CB_JGE, OPERAND_HEX, "jge"},
    {CB_JMP | CB_JSET, OPERAND_HEX, "jset"},
    {CB_JMP | CB_JEQ | CB_X, OPERAND_INDEX, "jeq"},
    {CB_JMP | CB_JGT | CB_X, OPERAND_INDEX, "jgt"},
    {CB_JMP | CB_JGE | CB_X, OPERAND_INDEX, "jge"},
    {CB_JMP | CB_JSET | CB_X, OPERAND_INDEX, "jset"},
    {CB_RET_K, OPERAND_DECIMAL, "ret"},
    {CB_RET_A, OPERAND_NOTHING, "ret"},
    {CB_TAX, OPERAND_NOTHING, "tax"},
    {CB_TXA, OPERAND_NOTHING, "txa"},
};

/* Names of metadata by (k - CB_META_BASE) / 4; linux/filter.h SKF_AD_*. */
static const char *const metadata[] = {
    "proto",  "type", "ifidx", "nla",      "nlan",  "mark", "queue",  "hatype",
    "rxhash", "cpu",  "xor_x", "vlan_tci", "vlanp", "poff", "random", "vlan_tpid",
};

const struct spelling *spelling_by_code(uint16_t code)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (spellings[i].code == code)
            return &spellings[i];
    return NULL;
}

const struct spelling *spelling_by_word(const char *word, size_t len, enum operand_form form)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (strlen(spellings[i].word) == len && !memcmp(spellings[i].word, word, len) &&
            (spellings[i].form == form || (form == OPERAND_HEX && spellings[i].form == OPERAND_DECIMAL)))
            return &spellings[i];
    return NULL;
}

const char *spelling_of_metadata(uint32_t k)
{
    uint32_t n = k - CB_META_BASE;

    if (k < CB_META_BASE || n % 4 || n / 4 >= sizeof metadata / sizeof metadata[0])
        return NULL;
    return metadata[n / 4];
}

bool spelling_metadata_by_name(const char *name, size_t len, uint32_t *k)
{
    for (uint32_t i = 0; i < sizeof metadata / sizeof metadata[0]; i++)
        if (strlen(metadata[i]) == len && !memcmp(metadata[i], name, len)) {
            *k = CB_META_BASE + 4 * i;
            return true;
        }
    return false;
}
