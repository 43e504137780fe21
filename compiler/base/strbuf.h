/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/strbuf.h - text that grows.
 *
 * Errors are sticky: after the first failed allocation appends do nothing and `failed` says so, so a
 * printer checks once, at its end.
 */
#ifndef WEIR_BASE_STRBUF_H
#define WEIR_BASE_STRBUF_H
#include <stdbool.h>
#include <stddef.h>
#include "base/alloc.h"

struct strbuf {
    const struct allocator *al;
    char *text; /* always NUL-terminated once anything was appended */
    size_t len, cap;
    bool failed;
};

void strbuf_init(struct strbuf *s, const struct allocator *al);
void strbuf_release(struct strbuf *s);
void strbuf_put(struct strbuf *s, const char *text, size_t len);
void strbuf_puts(struct strbuf *s, const char *text);
void strbuf_printf(struct strbuf *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
