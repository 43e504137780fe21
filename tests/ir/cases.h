/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/ir/cases.h - files of cases: IR functions as text, each begun by a line `; case NAME`.
 */
#ifndef WEIR_TESTS_IR_CASES_H
#define WEIR_TESTS_IR_CASES_H
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/tap.h"

/* The rest of a line that begins with `; WORD`, or NULL. */
static inline const char *case_after(const char *line, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(line, "; ", 2) != 0 || strncmp(line + 2, word, n) != 0 || (line[2 + n] != ' ' && line[2 + n]))
        return NULL;
    return line + 2 + n + (line[2 + n] == ' ');
}

/* The text without comments, blank lines and blanks at the end of lines; @out has room for it. */
static inline void case_canonical(const char *text, char *out)
{
    while (*text) {
        size_t n = strcspn(text, "\n"), keep = strcspn(text, ";\n");
        while (keep && text[keep - 1] == ' ')
            keep--;
        memcpy(out, text, keep);
        out += keep;
        if (keep)
            *out++ = '\n';
        text += n + (text[n] == '\n');
    }
    *out = '\0';
}

static inline char *case_read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t n = 0, cap = 0, got = 0;

    if (!in)
        return NULL;
    do {
        n += got;
        if (cap - n < 4097 && !(text = realloc(text, cap = cap * 2 + 8192)))
            break;
        got = fread(text + n, 1, 4096, in);
    } while (got);
    fclose(in);
    if (text)
        text[n] = '\0';
    return text;
}

static inline int case_is_file(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return n > 3 && strcmp(d->d_name + n - 3, ".ir") == 0;
}

/* Calls @one for each case of each file *.ir in @folder; the text is its own and may be written to. */
static inline void case_each(const char *folder, void (*one)(const char *file, const char *name, char *text))
{
    struct dirent **list;
    int n = scandir(folder, &list, case_is_file, alphasort);

    if (n <= 0) {
        tap_ok(false, "there are cases in %s", folder);
        return;
    }
    for (int i = 0; i < n; i++) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        char *text = case_read_file(path);
        char *at = text ? strstr(text, "; case ") : NULL;
        if (!at)
            tap_ok(false, "%s has cases", path);
        while (at) {
            char *name = at + 7, *body = strchr(name, '\n');
            if (!body)
                break;
            *body++ = '\0';
            at = strstr(body, "; case ");
            if (at)
                at[-1] = '\0'; /* the line break in front of it */
            one(list[i]->d_name, name, body);
        }
        free(text);
        free(list[i]);
    }
    free(list);
}
#endif
