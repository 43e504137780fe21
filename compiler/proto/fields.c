/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/fields.c - numeric fields of single link types: the rows of fields.def. */
#include "proto/fields.h"

static const struct field fields[] = {
#define FIELD(id, word, what, max, offset, width, mask, encoding)                                            \
    {word, what, max, offset, width, mask, ENCODING_##encoding},
#include "proto/fields.def"
#undef FIELD
};

const struct field *field_row(enum field_id id)
{
    return &fields[id];
}
