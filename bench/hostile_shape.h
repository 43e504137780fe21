/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/hostile_shape.h - filters of one shape in any size, for measuring how cost grows.
 *
 *     open{1} ... open{n} core term{1} ... term{n} close{n} ... close{1} tail
 *
 * Places in the pieces are filled by the repetition's number i; what is random is so by i alone, so that the
 * text of n repetitions begins as that of 4n:
 *
 *     {a} an address        {n} a /24 network   {p} a port            {v} 0 to 4095  {i} i        {x} 32 bits
 *     {b} the i-th address  {7} a /64 network   {q} the i-th port     {h} 16 bits    {j} i mod 7  {k} 0 to 15
 *     {6} an IPv6 address   {m} a MAC address   {r} a range of ports  {y} 8 bits
 */
#ifndef WEIR_BENCH_HOSTILE_SHAPE_H
#define WEIR_BENCH_HOSTILE_SHAPE_H
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/strbuf.h"
#include "tests/harness/rng.h"
#include "weir/weir.h"

#define PIECE 400u /* bytes of a piece, with its NUL */

struct shape {
    char open[PIECE], core[PIECE], term[PIECE], close[PIECE], tail[PIECE];
    uint32_t linktype, target, tune, plain, lint;
};

static inline struct weir_options shape_options(const struct shape *s)
{
    struct weir_options o = WEIR_OPTIONS_INIT;

    o.linktype = s->linktype;
    o.target = s->target;
    o.tune = s->tune;
    o.optimize = !s->plain;
    o.lint = s->lint;
    o.live = s->target == WEIR_TARGET_CBPF;
    o.netmask = 0xffffff00;
    o.protochain = 3; /* each costs as much as it walks headers; 128 would hide everything else */
    o.limits.memory_bytes = (size_t)4 << 30; /* to see growth, not where it is stopped */
    return o;
}

static inline void shape_place(struct strbuf *out, char kind, uint32_t i, struct rng *r)
{
    uint64_t x = rng_next(r);
    uint32_t p = x % 65535 & 0xffff, a = (uint32_t)x;

    switch (kind) {
    case 'a':
        strbuf_printf(out, "%u.%u.%u.%u", 1 + a % 220, a >> 8 & 255, a >> 16 & 255, a >> 24);
        break;
    case 'b':
        strbuf_printf(out, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
        break;
    case 'n':
        strbuf_printf(out, "%u.%u.%u.0/24", 1 + a % 220, a >> 8 & 255, a >> 16 & 255);
        break;
    case '6':
    case '7':
        strbuf_printf(out, "2001:%x:%x:%x:%s", a & 0xffff, a >> 16, (unsigned)(x >> 32 & 0xffff),
                      kind == '7' ? ":/64" : "");
        if (kind == '6')
            strbuf_printf(out, "%x:%x:%x:1", (unsigned)(x >> 48), p, a >> 7 & 0xffff);
        break;
    case 'm':
        strbuf_printf(out, "2:%x:%x:%x:%x:%x", a & 255, a >> 8 & 255, a >> 16 & 255, a >> 24,
                      (unsigned)(x >> 32 & 255));
        break;
    case 'p':
        strbuf_printf(out, "%u", p);
        break;
    case 'q':
        strbuf_printf(out, "%u", i & 0xffff);
        break;
    case 'r':
        strbuf_printf(out, "%u-%u", p, p + (uint32_t)(x >> 32) % (65536 - p));
        break;
    case 'v':
        strbuf_printf(out, "%u", a & 4095);
        break;
    case 'h':
        strbuf_printf(out, "%u", a & 0xffff);
        break;
    case 'i':
        strbuf_printf(out, "%u", i);
        break;
    case 'j':
        strbuf_printf(out, "%u", i % 7);
        break;
    case 'k':
        strbuf_printf(out, "%u", a & 15);
        break;
    case 'x':
        strbuf_printf(out, "%u", a);
        break;
    case 'y':
        strbuf_printf(out, "%u", a & 255);
        break;
    }
}

/* Repetition @i of @piece, which is number @which of the shape. */
static inline void shape_piece(struct strbuf *out, const char *piece, uint32_t i, unsigned which)
{
    struct rng r = {(uint64_t)i * 5 + which};

    for (const char *c = piece; *c; c++)
        if (c[0] == '{' && c[1] && c[2] == '}') {
            shape_place(out, c[1], i, &r);
            c += 2;
        } else {
            strbuf_put(out, c, 1);
        }
}

/** The filter of @n repetitions; released by the caller. */
static inline void shape_text(const struct shape *s, uint32_t n, struct strbuf *out)
{
    strbuf_init(out, &allocator_system);
    for (uint32_t i = 1; i <= n; i++)
        shape_piece(out, s->open, i, 0);
    shape_piece(out, s->core, 0, 1);
    for (uint32_t i = 1; i <= n; i++)
        shape_piece(out, s->term, i, 2);
    for (uint32_t i = n; i >= 1; i--)
        shape_piece(out, s->close, i, 3);
    shape_piece(out, s->tail, 0, 4);
}

/** Repetitions for a text of about @bytes; even, because `not` twice is nothing. 0: the shape does not grow.
 */
static inline uint32_t shape_repetitions(const struct shape *s, size_t bytes)
{
    struct strbuf none, some;

    shape_text(s, 0, &none);
    shape_text(s, 20, &some);
    size_t each = (some.len - none.len) / 20;
    strbuf_release(&none);
    strbuf_release(&some);
    return each ? (uint32_t)(bytes / each / 2 * 2 + 2) : 0;
}

/** As a row of filters/hostile.tsv, without its name: options, then the pieces. */
static inline void shape_print(const struct shape *s, FILE *to)
{
    fprintf(to, "%u,%u,%u,%u,%u\t%s\t%s\t%s\t%s\t%s\n", s->linktype, s->target, s->tune, s->plain, s->lint,
            s->open, s->core, s->term, s->close, s->tail);
}

/** The shape of such a row; false when it is none. */
static inline bool shape_read(const char *row, struct shape *s)
{
    char *const piece[] = {s->open, s->core, s->term, s->close, s->tail};

    *s = (struct shape){0};
    if (sscanf(row, "%u,%u,%u,%u,%u", &s->linktype, &s->target, &s->tune, &s->plain, &s->lint) != 5)
        return false;
    row += strcspn(row, "\t");
    for (size_t i = 0; i < sizeof piece / sizeof piece[0]; i++) {
        size_t n = *row == '\t' ? strcspn(++row, "\t") : PIECE;
        if (n >= PIECE)
            return false;
        memcpy(piece[i], row, n);
        row += n;
    }
    return true;
}
#endif
