/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/say.c - text for people and programs: messages of the command itself, escaping, colour. */
#include "say.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Decodes one well-formed character; 0 when there is none. */
static size_t utf8_decode(const char *s, size_t left, uint32_t *out)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s[0];
    size_t n = first < 0x80                    ? 1
               : first >= 0xf0 && first < 0xf8 ? 4
               : first >= 0xe0 && first < 0xf0 ? 3
               : first >= 0xc0 && first < 0xe0 ? 2
                                               : 0;
    uint32_t c = n == 1 ? first : first & (0x7fu >> n);

    if (!n || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if ((n > 1 && c < smallest[n]) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *out = c;
    return n;
}

size_t say_character(const char *s, size_t left)
{
    uint32_t c = 0;
    size_t n = utf8_decode(s, left, &c);

    return c < 0x20 || (c >= 0x7f && c < 0xa0) ? 0 : n;
}

void say_text(FILE *f, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = say_character(s + i, len - i);

        if (n)
            fwrite(s + i, 1, n, f);
        else
            putc(s[i] == '\t' ? '\t' : '?', f);
        i += n ? n : 1;
    }
}

void say_json_string(FILE *f, const char *s)
{
    size_t len;

    if (!s) {
        fputs("null", f);
        return;
    }
    len = strlen(s);
    putc('"', f);
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(s + i, len - i, &c);

        if (!n)
            fputs("\\ufffd", f);
        else if (c == '"' || c == '\\')
            fprintf(f, "\\%c", (int)c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\u%04x", (unsigned)c);
        else
            fwrite(s + i, 1, n, f);
        i += n ? n : 1;
    }
    putc('"', f);
}

bool say_in_colour(FILE *f)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

    return isatty(fileno(f)) && (!no || !*no) && term && strcmp(term, "dumb") != 0;
}

/* The message, to be freed, or NULL: there is no memory for it. */
static char *message(const char *format, va_list ap)
{
    char *text;

    return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

int say_failed(bool json, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    char *text = message(format, ap);
    va_end(ap);
    const char *said = text ? text : "out of memory";
    if (json) {
        fputs("{\"severity\": \"error\", \"message\": ", stderr);
        say_json_string(stderr, said);
        fputs("}\n", stderr);
    } else {
        fputs("weir: ", stderr);
        say_text(stderr, said, strlen(said));
        putc('\n', stderr);
    }
    free(text);
    return EXIT_FAILED;
}

int say_usage(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    char *text = message(format, ap);
    va_end(ap);
    fputs("weir: ", stderr);
    if (text)
        say_text(stderr, text, strlen(text));
    fputs("\nTry 'weir --help'.\n", stderr);
    free(text);
    return EXIT_USAGE;
}
