/* SPDX-License-Identifier: BSD-2-Clause */
/* backends/cbpf/spelling.h - the words of listings: one row an instruction, for printing and for reading. */
#ifndef WEIR_BACKENDS_CBPF_SPELLING_H
#define WEIR_BACKENDS_CBPF_SPELLING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an operand is written. */
enum operand_form {
    OPERAND_NOTHING,
    OPERAND_HEX,      /* #0x800 */
    OPERAND_DECIMAL,  /* #2048 */
    OPERAND_ABSOLUTE, /* [k], or the name of metadata */
    OPERAND_INDIRECT, /* [x + k] */
    OPERAND_CELL,     /* M[k] */
    OPERAND_LENGTH,   /* #pktlen */
    OPERAND_NIBBLE,   /* 4*([k]&0xf) */
    OPERAND_INDEX,    /* x */
    OPERAND_TARGET,   /* of ja */
};

struct spelling {
    uint8_t code;
    uint8_t form; /* enum operand_form */
    const char *word;
};

/** NULL when there is no such instruction. */
const struct spelling *spelling_by_code(uint16_t code);

/** The instruction that is @len bytes of @word with such an operand; OPERAND_HEX finds OPERAND_DECIMAL, too.
 */
const struct spelling *spelling_by_word(const char *word, size_t len, enum operand_form form);

/** Name of the metadata that an absolute load from @k reads; NULL when it reads packet bytes. */
const char *spelling_of_metadata(uint32_t k);

/** The address of metadata by its name. */
bool spelling_metadata_by_name(const char *name, size_t len, uint32_t *k);
#endif
