/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proto/fields.h - fields and keywords of single link types (ATM, SS7).
 *
 * A field is a load from the link header, masked, compared with a number. Rows live in fields.def.
 */
#ifndef WEIR_PROTO_FIELDS_H
#define WEIR_PROTO_FIELDS_H
#include <stdint.h>

/* Keywords of SunATM captures. ATM_LANE changes the link type for what follows. */
enum atm_keyword {
    ATM_LANE,
    ATM_METAC,
    ATM_BCC,
    ATM_OAM,
    ATM_OAMF4,
    ATM_OAMF4EC,
    ATM_OAMF4SC,
    ATM_SC,
    ATM_ILMIC,
    ATM_CONNECTMSG,
    ATM_METACONNECT,
};

/* MTP2 signal unit kinds; the H forms are of high-speed links. */
enum ss7_keyword { SS7_FISU, SS7_LSSU, SS7_MSU, SS7_HFISU, SS7_HLSSU, SS7_HMSU };

enum field_id {
#define FIELD(id, word, what, max, offset, width, mask, encoding) FIELD_##id,
#include "proto/fields.def"
#undef FIELD
    FIELD_COUNT
};

/* How a number of the language lies in the masked load. */
enum field_encoding {
    ENCODING_PLAIN, /* as it is */
    ENCODING_SLS,   /* shifted left by 4 */
    ENCODING_DPC,   /* 14 bits, little-endian in a 16-bit load */
    ENCODING_OPC,   /* 14 bits from bit 14 of a little-endian 32-bit word */
};

struct field {
    const char *word; /* the keyword */
    const char *what; /* its name in messages */
    uint32_t max;     /* largest value of the language */
    uint8_t offset;   /* from the link header (ATM), from MTP2 (SS7) */
    uint8_t width;    /* bytes */
    uint32_t mask;
    enum field_encoding encoding;
};

const struct field *field_row(enum field_id id);
#endif
