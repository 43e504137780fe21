/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/message.c - what is wrong with a filter, a line for each error. */
#include "dropin/message.h"
#include <stdio.h>
#include "weir/weir.h"

#define LINE_BYTES 1280 /* place, code, a message of at most 511 bytes, a hint */

/* The error, in one line without its end. */
static void line_of(const struct weir_diagnostic *d, const char *text, char to[static LINE_BYTES])
{
    unsigned line = 1, column = 1;

    for (uint32_t i = 0; i < d->begin; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    snprintf(to, LINE_BYTES, "filter:%u:%u: error[E%04u]: %s%s%s", line, column, (unsigned)d->code,
             d->message, d->hint ? "; " : "", d->hint ? d->hint : "");
    /* The words may quote any byte of the filter. */
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

void message_of_compile(const struct weir *cx, const char *text, int status, char to[static ERROR_BYTES])
{
    const struct weir_diagnostic *d;
    char line[LINE_BYTES];
    size_t used = 0;

    snprintf(to, ERROR_BYTES, "%s", weir_strerror(status)); /* for want of a diagnostic */
    for (size_t i = 0; (d = weir_diagnostic(cx, i)) != NULL; i++) {
        if (d->severity != WEIR_ERROR)
            continue;
        line_of(d, text, line);
        int more = snprintf(to + used, ERROR_BYTES - used, "%s%s", used ? "\n" : "", line);
        if (used + (size_t)more >= ERROR_BYTES) { /* whole lines only */
            to[used] = '\0';
            return;
        }
        used += (size_t)more;
    }
}
