/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/filter_text.c - the text of a filter, from the command line or a file. */
#include "filter_text.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One byte more than the default of weir_limits.text_bytes. */
#define LONGEST_FILTER ((size_t)(64 << 20) + 1)

int filter_text_from_words(struct filter_text *t, char **words, int count)
{
    size_t len = 0, at = 0;

    *t = (struct filter_text){.name = "filter"};
    for (int i = 0; i < count; i++)
        len += strlen(words[i]) + 1;
    t->original = malloc(len + 1);
    if (!t->original)
        return -1;
    for (int i = 0; i < count; i++) {
        size_t n = strlen(words[i]);

        if (i)
            t->original[at++] = ' ';
        memcpy(t->original + at, words[i], n);
        at += n;
    }
    t->original[at] = '\0';
    t->len = at;
    t->text = t->original; /* there are no comments on the command line */
    return 0;
}

static int read_all(FILE *f, char **out, size_t *len)
{
    size_t cap = 0, n = 0;
    char *buf = NULL;

    for (;;) {
        size_t got;

        if (n == cap) {
            char *more;

            cap = cap ? cap * 2 : 4096;
            more = realloc(buf, cap + 1);
            if (!more) {
                free(buf);
                errno = ENOMEM;
                return -1;
            }
            buf = more;
        }
        got = fread(buf + n, 1, cap - n, f);
        n += got;
        if (!got || n >= LONGEST_FILTER)
            break;
    }
    if (ferror(f)) {
        int why = errno;

        free(buf);
        errno = why;
        return -1;
    }
    buf[n] = '\0';
    *out = buf;
    *len = n < LONGEST_FILTER ? n : LONGEST_FILTER;
    return 0;
}

static void blank_comments(char *text, size_t len)
{
    char *end = text + len, *at = text;

    while (at < end && (at = memchr(at, '#', (size_t)(end - at))))
        while (at < end && *at != '\n')
            *at++ = ' ';
}

int filter_text_from_file(struct filter_text *t, const char *path)
{
    bool is_stdin = !strcmp(path, "-");
    FILE *f = is_stdin ? stdin : fopen(path, "rb");
    int status;

    *t = (struct filter_text){.name = path};
    if (!f)
        return -1;
    status = read_all(f, &t->original, &t->len);
    if (!is_stdin) {
        int why = errno;

        fclose(f);
        errno = why;
    }
    if (status < 0)
        return -1;
    t->text = malloc(t->len + 1);
    if (!t->text) {
        filter_text_free(t);
        errno = ENOMEM;
        return -1;
    }
    memcpy(t->text, t->original, t->len);
    t->text[t->len] = '\0';
    blank_comments(t->text, t->len);
    return 0;
}

void filter_text_free(struct filter_text *t)
{
    if (t->text != t->original)
        free(t->text);
    free(t->original);
    *t = (struct filter_text){.name = t->name};
}
