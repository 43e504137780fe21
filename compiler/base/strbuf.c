/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/strbuf.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void strbuf_init(struct strbuf *s, const struct allocator *al)
{
    *s = (struct strbuf){.al = al};
}

void strbuf_release(struct strbuf *s)
{
    mem_free(s->al, s->text);
    s->text = NULL;
    s->len = s->cap = 0;
}

/* Room for @extra bytes and a NUL. */
static bool strbuf_reserve(struct strbuf *s, size_t extra)
{
    if (s->failed)
        return false;
    if (extra < s->cap - s->len)
        return true;
    size_t cap = s->cap ? s->cap : 128;
    while (cap - s->len <= extra) {
        if (cap > SIZE_MAX / 4) {
            s->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *text = mem_resize(s->al, s->text, cap);
    if (!text) {
        s->failed = true;
        return false;
    }
    s->text = text;
    s->cap = cap;
    return true;
}

void strbuf_put(struct strbuf *s, const char *text, size_t len)
{
    if (!strbuf_reserve(s, len))
        return;
    if (len)
        memcpy(s->text + s->len, text, len);
    s->len += len;
    s->text[s->len] = '\0';
}

void strbuf_puts(struct strbuf *s, const char *text)
{
    strbuf_put(s, text, strlen(text));
}

void strbuf_printf(struct strbuf *s, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0 || !strbuf_reserve(s, (size_t)n)) {
        s->failed = true;
        return;
    }
    va_start(ap, format);
    vsnprintf(s->text + s->len, (size_t)n + 1, format, ap);
    va_end(ap);
    s->len += (size_t)n;
}
