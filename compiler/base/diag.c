/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/diag.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define error   DIAG_ERROR
#define warning DIAG_WARNING
static const struct {
    uint16_t number;
    enum diag_severity severity;
    const char *format;
} table[] = {
#define DIAG(id, number, severity, format) {number, severity, format},
#include "base/diag.def"
#undef DIAG
};
#undef error
#undef warning

const char *diag_format(enum diag_id id)
{
    return table[id].format;
}

uint16_t diag_number(enum diag_id id)
{
    return table[id].number;
}

void diag(struct diag_sink *sink, enum diag_id id, struct diag_at where, ...)
{
    char text[512];
    va_list ap;

    if (table[id].severity == DIAG_ERROR)
        sink->errors++;
    if (sink->list.n >= sink->limit)
        return;
    va_start(ap, where);
    vsnprintf(text, sizeof text, table[id].format, ap);
    va_end(ap);

    struct diag d = {.number = table[id].number, .severity = table[id].severity, .at = where.at, .also = where.also};
    d.message = arena_copy(sink->arena, text, strlen(text));
    if (where.hint)
        d.hint = arena_copy(sink->arena, where.hint, strlen(where.hint));
    if (!d.message || (where.hint && !d.hint) || !vec_push(sink->arena, &sink->list, d))
        sink->failed = true;
}

struct span span_join(struct span a, struct span b)
{
    return (struct span){a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}
