/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/shared.h - the shared test data beside the project: where it is and how it is read.
 *
 * The directory is $WEIR_SHARED, or ../shared. It is not part of the project, so a test that needs it calls
 * shared_dir() first and skips with SHARED_ABSENT when there is none.
 */
#ifndef WEIR_TESTS_HARNESS_SHARED_H
#define WEIR_TESTS_HARNESS_SHARED_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SHARED_ABSENT "shared data is absent (WEIR_SHARED names its directory)"

/** The directory, or NULL when there is none. */
const char *shared_dir(void);

/** Path of @name in the directory; free(3) it. NULL when there is no directory. */
char *shared_path(const char *name);

/** A file as NUL-terminated text; free(3) it. NULL when it cannot be read, which stderr says. @len may be
 * NULL. */
char *read_file(const char *path, size_t *len);

/* A file of JSON objects, one a line. */
struct json_lines {
    json_t **at;
    size_t n;
};

/** False when the file cannot be read or a line is not an object, which stderr says. */
bool json_lines_load(const char *path, struct json_lines *out);
void json_lines_free(struct json_lines *l);

/** Member @key when it is a string, else NULL. Borrowed. */
const char *json_text(const json_t *object, const char *key);

/** Member @key when it is a whole number, else @otherwise. */
long long json_number(const json_t *object, const char *key, long long otherwise);
#endif
