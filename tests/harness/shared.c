/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/shared.c - the shared test data beside the project.
 */
#include "tests/harness/shared.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *shared_dir(void)
{
    const char *dir = getenv("WEIR_SHARED");
    struct stat st;
    if (!dir || !*dir)
        dir = "../shared";
    return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) ? dir : NULL;
}

char *shared_path(const char *name)
{
    const char *dir = shared_dir();
    char *path;
    if (!dir || asprintf(&path, "%s/%s", dir, name) < 0)
        return NULL;
    return path;
}

char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t n = 0, cap = 0;
    while (f) {
        if (n + 1 >= cap) {
            cap = cap ? cap * 2 : 1 << 16;
            char *more = realloc(text, cap);
            if (!more)
                break;
            text = more;
        }
        size_t got = fread(text + n, 1, cap - n - 1, f);
        n += got;
        if (got == 0 && !ferror(f)) {
            fclose(f);
            text[n] = '\0';
            if (len)
                *len = n;
            return text;
        }
        if (got == 0)
            break;
    }
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    if (f)
        fclose(f);
    free(text);
    return NULL;
}

bool json_lines_load(const char *path, struct json_lines *out)
{
    struct json_lines l = {NULL, 0};
    char *text = read_file(path, NULL);
    unsigned number = 0;
    if (!text)
        return false;
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        if (!*line)
            continue;
        json_error_t error;
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        json_t **more = (l.n & (l.n - 1)) ? l.at : realloc(l.at, (l.n ? l.n * 2 : 1) * sizeof *l.at);
        if (more)
            l.at = more;
        if (!more || !json_is_object(object)) {
            fprintf(stderr, "%s:%u: %s\n", path, number, object ? "not an object" : error.text);
            json_decref(object);
            json_lines_free(&l);
            free(text);
            return false;
        }
        l.at[l.n++] = object;
    }
    free(text);
    *out = l;
    return true;
}

void json_lines_free(struct json_lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        json_decref(l->at[i]);
    free(l->at);
    *l = (struct json_lines){NULL, 0};
}

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

long long json_number(const json_t *object, const char *key, long long otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}
