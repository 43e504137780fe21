/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/names_file.c - a name database as a file: reading, sorting, finding. */
#include "names_file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int by_name_any_case(const void *a, const void *b)
{
    const struct name_entry *x = a, *y = b;
    int order = strcasecmp(x->name, y->name);

    return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static int by_name(const void *a, const void *b)
{
    const struct name_entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static int add(struct names_file *nf, size_t *cap, struct name_entry e)
{
    if (nf->count == *cap) {
        size_t more = *cap ? *cap * 2 : 64;
        struct name_entry *entries = realloc(nf->entries, more * sizeof *entries);

        if (!entries)
            return -1;
        nf->entries = entries;
        *cap = more;
    }
    nf->entries[nf->count++] = e;
    return 0;
}

static int split_line(struct names_file *nf, size_t *cap, char *line, size_t number, bool value_first)
{
    const char *first, *second, *word;
    char *rest = NULL;

    line[strcspn(line, "#\r")] = '\0';
    first = strtok_r(line, " \t", &rest);
    second = first ? strtok_r(NULL, " \t", &rest) : NULL;
    if (!second)
        return 0;
    if (add(nf, cap,
            (struct name_entry){value_first ? second : first, value_first ? first : second, number}) < 0)
        return -1;
    while ((word = strtok_r(NULL, " \t", &rest)))
        if (add(nf, cap, (struct name_entry){word, value_first ? first : second, number}) < 0)
            return -1;
    return 0;
}

static int read_text(const char *path, char **out, size_t *len)
{
    FILE *f = fopen(path, "rb"), *copy;
    char buf[8192];
    size_t n;
    int failed;

    if (!f)
        return -1;
    copy = open_memstream(out, len);
    if (!copy) {
        fclose(f);
        return -1;
    }
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        fwrite(buf, 1, n, copy);
    failed = ferror(f) ? errno : 0;
    fclose(f);
    if (fclose(copy) != 0 && !failed)
        failed = ENOMEM;
    if (!failed)
        return 0;
    free(*out);
    errno = failed;
    return -1;
}

int names_file_read(struct names_file *nf, const char *path, bool value_first, bool any_case)
{
    size_t len = 0, cap = 0, number = 0;
    char *next;

    *nf = (struct names_file){.any_case = any_case};
    if (read_text(path, &nf->text, &len) < 0) {
        nf->text = NULL;
        return -1;
    }
    for (char *line = nf->text; line && line < nf->text + len; line = next) {
        next = memchr(line, '\n', len - (size_t)(line - nf->text));
        if (next)
            *next++ = '\0';
        if (split_line(nf, &cap, line, number++, value_first) < 0) {
            names_file_free(nf);
            errno = ENOMEM;
            return -1;
        }
    }
    if (nf->count)
        qsort(nf->entries, nf->count, sizeof *nf->entries, any_case ? by_name_any_case : by_name);
    return 0;
}

const struct name_entry *names_file_find(const struct names_file *nf, const char *name)
{
    size_t low = 0, high = nf->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *here = nf->entries[middle].name;

        if ((nf->any_case ? strcasecmp(here, name) : strcmp(here, name)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < nf->count && names_file_more(nf, &nf->entries[low], name) ? &nf->entries[low] : NULL;
}

bool names_file_more(const struct names_file *nf, const struct name_entry *e, const char *name)
{
    return e < nf->entries + nf->count && !(nf->any_case ? strcasecmp(e->name, name) : strcmp(e->name, name));
}

void names_file_free(struct names_file *nf)
{
    free(nf->entries);
    free(nf->text);
    *nf = (struct names_file){.any_case = nf->any_case};
}
