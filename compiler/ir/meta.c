/* SPDX-License-Identifier: BSD-2-Clause */
/* ir/meta.c - the rows of meta.def, by number and by name. */
#include <stddef.h>
#include <string.h>
#include "ir/ir.h"
#include "weir/weir.h"

#define NUMBERS 16 /* of SKF_AD_, which are four apart */

static const struct ir_meta_row rows[NUMBERS] = {
#define META(name, number, bytes, highest, word, member)                                                     \
    [(number) / 4] = {highest, number, bytes, word, #member, offsetof(struct weir_metadata, member)},
#include "ir/meta.def"
#undef META
};

const struct ir_meta_row *ir_meta_find(uint32_t number)
{
    return number % 4 == 0 && number / 4 < NUMBERS && rows[number / 4].word ? &rows[number / 4] : NULL;
}

struct ir_range ir_meta_range(uint32_t number)
{
    const struct ir_meta_row *row = ir_meta_find(number);

    return (struct ir_range){0, row ? row->highest : UINT32_MAX};
}

const struct ir_meta_row *ir_meta_by_word(const char *word, size_t len)
{
    for (uint32_t i = 0; i < NUMBERS; i++)
        if (rows[i].word && strlen(rows[i].word) == len && memcmp(rows[i].word, word, len) == 0)
            return &rows[i];
    return NULL;
}

const struct ir_meta_row *ir_meta_next(const struct ir_meta_row *row)
{
    uint32_t i = row ? row->number / 4 + 1 : 0;

    while (i < NUMBERS && !rows[i].word)
        i++;
    return i < NUMBERS ? &rows[i] : NULL;
}
