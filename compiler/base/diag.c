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

/* A copy of @text in which every byte is one that a line of a terminal shows: filters may hold any, and
 * messages quote them. */
static const char *copy_printable(struct arena *a, const char *text)
{
    char *copy = arena_copy(a, text, strlen(text));

    for (char *c = copy; c && *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return copy;
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

    struct diag d = {
        .number = table[id].number, .severity = table[id].severity, .at = where.at, .also = where.also};
    d.message = copy_printable(sink->arena, text);
    if (where.hint)
        d.hint = copy_printable(sink->arena, where.hint);
    if (!d.message || (where.hint && !d.hint) || !vec_push(sink->arena, &sink->list, d))
        sink->failed = true;
}

struct span span_join(struct span a, struct span b)
{
    return (struct span){a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}
