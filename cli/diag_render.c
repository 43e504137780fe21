/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/diag_render.c - diagnostics as people see them, and as programs read them. */
#include "diag_render.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "filter_text.h"
#include "say.h"
#include "weir/weir.h"

/* Bytes of a source line that are shown. */
#define WINDOW 100

/* What this command has for a diagnostic, which the library, that knows no options, cannot say. */
static const struct {
    uint16_t code;
    const char *option;
} options[] = {
    {401, "give --resolve"},
    {704, "give --live when the filter is for a live capture"},
    {705, "give it with --netmask"},
    {714, "say where it will run: --ingress or --egress"},
};

/* The hint of @d and ours, in @buf; NULL when there is none. */
static const char *whole_hint(const struct weir_diagnostic *d, char *buf, size_t size)
{
    const char *option = NULL;

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].code == d->code)
            option = options[i].option;
    if (!option || !d->hint)
        return option ? option : d->hint;
    snprintf(buf, size, "%s, or %s", d->hint, option);
    return buf;
}

struct range {
    size_t begin, end;
};

struct place {
    size_t line, column; /* from 1 */
    struct range bytes;  /* of the line, without its end */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct place find_place(const struct filter_text *t, size_t at)
{
    struct place p = {.line = 1};
    const char *s = t->original, *end = s + at, *newline;

    while (s < end && (newline = memchr(s, '\n', (size_t)(end - s)))) {
        p.line++;
        s = newline + 1;
    }
    p.bytes.begin = (size_t)(s - t->original);
    p.column = at - p.bytes.begin + 1;
    newline = memchr(s, '\n', t->len - p.bytes.begin);
    p.bytes.end = newline ? (size_t)(newline - t->original) : t->len;
    if (p.bytes.end > p.bytes.begin && t->original[p.bytes.end - 1] == '\r' && at < p.bytes.end)
        p.bytes.end--;
    return p;
}

/* The span inside the text; what is missing at the end is shown behind the last word. */
static struct range settle(const struct filter_text *t, uint32_t begin, uint32_t end)
{
    struct range r = {begin, end};

    if (r.begin >= t->len) {
        r.begin = t->len;
        while (r.begin > 0 && is_blank(t->text[r.begin - 1]))
            r.begin--;
        r.end = r.begin;
    }
    if (r.end > t->len)
        r.end = t->len;
    return r;
}

static bool on_line(struct range r, struct range line)
{
    return r.begin >= line.begin && r.begin <= line.end;
}

/* Which bytes of a long line are shown: both ranges if they fit, else around the culprit. */
static struct range window(const struct filter_text *t, struct range line, struct range at, struct range also)
{
    struct range want = {at.begin, at.end < line.end ? at.end : line.end};
    size_t slack;

    if (line.end - line.begin <= WINDOW)
        return line;
    if (also.end > also.begin && on_line(also, line)) {
        struct range both = {also.begin < want.begin ? also.begin : want.begin,
                             also.end > want.end ? also.end : want.end};

        if (both.end <= line.end && both.end - both.begin <= WINDOW)
            want = both;
    }
    slack = want.end > want.begin && want.end - want.begin < WINDOW ? (WINDOW - (want.end - want.begin)) / 2
                                                                    : WINDOW / 2;
    if (want.end > want.begin && want.end - want.begin >= WINDOW)
        slack = 10;
    want.begin = want.begin - line.begin > slack ? want.begin - slack : line.begin;
    if (line.end - want.begin < WINDOW)
        want.begin = line.end - WINDOW;
    want.end = want.begin + WINDOW;
    /* Not inside a character, but what is no character is shown where it is wrong. */
    while (want.begin > line.begin && want.begin < at.begin &&
           ((unsigned char)t->original[want.begin] & 0xc0) == 0x80)
        want.begin++;
    while (want.end < line.end && want.end > at.begin + 1 &&
           ((unsigned char)t->original[want.end] & 0xc0) == 0x80)
        want.end--;
    return want;
}

static void show_line(FILE *f, const struct filter_text *t, struct range line, struct range at,
                      struct range also, bool colour)
{
    struct range shown = window(t, line, at.end > at.begin ? at : also, also);
    size_t last = 0;

    fputs(shown.begin > line.begin ? "  ..." : "  ", f);
    say_text(f, t->original + shown.begin, shown.end - shown.begin);
    fputs(shown.end < line.end ? "...\n" : "\n", f);

    if (at.end > last && on_line(at, line))
        last = at.end;
    if (also.end > last && on_line(also, line))
        last = also.end;
    if (last > shown.end)
        last = shown.end + (at.begin >= shown.end); /* what is missing lies one past the end */
    fputs(shown.begin > line.begin ? "     " : "  ", f);
    if (colour)
        fputs("\033[1;32m", f);
    for (size_t i = shown.begin; i < last;) {
        size_t n = i < shown.end ? say_character(t->original + i, shown.end - i) : 0;
        bool culprit = on_line(at, line) && i >= at.begin && i < at.end;
        bool partner = on_line(also, line) && i >= also.begin && i < also.end;

        putc(i < shown.end && t->original[i] == '\t' ? '\t' : culprit ? '^' : partner ? '~' : ' ', f);
        i += n ? n : 1;
    }
    if (colour)
        fputs("\033[0m", f);
    putc('\n', f);
}

static void show_json(FILE *f, const struct filter_text *t, const struct weir_diagnostic *d,
                      const char *severity, const char *hint, bool placed)
{
    fprintf(f, "{\"severity\": \"%s\", \"code\": \"E%04u\", \"message\": ", severity, d->code);
    say_json_string(f, d->message);
    fputs(", \"hint\": ", f);
    say_json_string(f, hint);
    if (placed) {
        struct range at = settle(t, d->begin, d->end);
        struct place p = find_place(t, at.begin);

        fputs(", \"file\": ", f);
        say_json_string(f, t->name);
        fprintf(f, ", \"line\": %zu, \"column\": %zu, \"begin\": %u, \"end\": %u", p.line, p.column, d->begin,
                d->end);
        if (d->also_end > d->also_begin)
            fprintf(f, ", \"also_begin\": %u, \"also_end\": %u", d->also_begin, d->also_end);
    }
    fputs("}\n", f);
}

void diag_render(FILE *f, const struct filter_text *t, const struct weir_diagnostic *d,
                 struct diag_style style)
{
    bool warning = d->severity == WEIR_WARNING || style.as_warning;
    const char *severity = warning ? "warning" : "error";
    const char *bold = style.colour ? "\033[1m" : "", *reset = style.colour ? "\033[0m" : "";
    const char *shade = style.colour ? warning ? "\033[1;35m" : "\033[1;31m" : "";
    struct range at = settle(t, d->begin, d->end), also = settle(t, d->also_begin, d->also_end);
    struct place p = find_place(t, at.begin);
    char buf[256];
    const char *hint = whole_hint(d, buf, sizeof buf);

    if (style.json) {
        show_json(f, t, d, severity, hint, style.placed);
        return;
    }
    fputs(bold, f);
    if (style.placed) {
        say_text(f, t->name, strlen(t->name));
        fprintf(f, ":%zu:%zu: ", p.line, p.column);
    } else {
        fputs("weir: ", f);
    }
    fprintf(f, "%s%s[E%04u]:%s %s", shade, severity, d->code, reset, bold);
    say_text(f, d->message, strlen(d->message));
    fprintf(f, "%s\n", reset);
    if (style.placed) {
        if (at.end <= at.begin)
            at.end = at.begin + 1;
        if (at.end > p.bytes.end && at.begin < p.bytes.end)
            at.end = p.bytes.end; /* the rest is on later lines */
        if (also.end > also.begin && !on_line(also, p.bytes)) {
            struct place q = find_place(t, also.begin);
            struct range none = {0, 0};

            if (also.end > q.bytes.end)
                also.end = q.bytes.end;
            if (also.begin < at.begin)
                show_line(f, t, q.bytes, none, also, style.colour);
            show_line(f, t, p.bytes, at, none, style.colour);
            if (also.begin > at.begin)
                show_line(f, t, q.bytes, none, also, style.colour);
        } else {
            show_line(f, t, p.bytes, at, also, style.colour);
        }
    }
    if (hint) {
        fputs("  hint: ", f);
        say_text(f, hint, strlen(hint));
        putc('\n', f);
    }
}
