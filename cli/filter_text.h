/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/filter_text.h - the text of a filter and where it came from. */
#ifndef WEIR_CLI_FILTER_TEXT_H
#define WEIR_CLI_FILTER_TEXT_H
#include <stddef.h>

/*
 * What the compiler reads and what the user wrote have the same length, so a place in one is a place in the
 * other: comments of a file are blanked, not removed.
 */
struct filter_text {
    const char *name; /* in front of places: "filter", or the file's name; borrowed */
    char *original;   /* as written, for showing */
    char *text;       /* comments blanked; for the compiler */
    size_t len;
};

/** Joins @count words by single spaces. Returns 0, or -1 when memory ran out. */
int filter_text_from_words(struct filter_text *t, char **words, int count);

/**
 * Reads @path ("-" is stdin). Returns 0, or -1 with errno set.
 *
 * Reading stops a little beyond the longest filter that the library takes, so that the library refuses it.
 */
int filter_text_from_file(struct filter_text *t, const char *path);

void filter_text_free(struct filter_text *t);
#endif
