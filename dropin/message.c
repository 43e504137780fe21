/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/message.c - what is wrong with a filter, in one short line. */
#include "dropin/message.h"
#include <stdio.h>
#include "weir/weir.h"

void message_of_compile(const struct weir *cx, const char *text, int status, char to[static PCAP_ERRBUF_SIZE])
{
    const struct weir_diagnostic *d = NULL;
    unsigned line = 1, column = 1;

    for (size_t i = 0; (d = weir_diagnostic(cx, i)) != NULL && d->severity != WEIR_ERROR; i++)
        ;
    if (!d) {
        snprintf(to, PCAP_ERRBUF_SIZE, "%s", weir_strerror(status));
        return;
    }
    for (uint32_t i = 0; i < d->begin; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    snprintf(to, PCAP_ERRBUF_SIZE, "filter:%u:%u: error[E%04u]: %s%s%s", line, column, (unsigned)d->code,
             d->message, d->hint ? "; " : "", d->hint ? d->hint : "");
    /* The words may quote any byte of the filter. */
    for (char *c = to; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}
