/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/names_file.h - a name database as a file: hosts, ethers, networks, services or protocols.
 *
 * One line an entry, fields between blanks, # starts a comment; lines in any order. Read once, then searched
 * by halving, so a filter of thousands of names is cheap.
 */
#ifndef WEIR_CLI_NAMES_FILE_H
#define WEIR_CLI_NAMES_FILE_H
#include <stdbool.h>
#include <stddef.h>

struct name_entry {
    const char *name;
    const char *value; /* the line's other field: address, number or port/protocol */
    size_t line;
};

struct names_file {
    char *text;
    struct name_entry *entries; /* by name, then by line */
    size_t count;
    bool any_case; /* names match in any case */
};

/**
 * Reads @path. @value_first: the value stands before the name (hosts, ethers), else behind it; aliases
 * follow. Returns 0, or -1 with errno set. A file that does not exist is ENOENT.
 */
int names_file_read(struct names_file *nf, const char *path, bool value_first, bool any_case);

/** First entry of @name; the next ones follow while names_file_more() holds. NULL when there is none. */
const struct name_entry *names_file_find(const struct names_file *nf, const char *name);
bool names_file_more(const struct names_file *nf, const struct name_entry *e, const char *name);

void names_file_free(struct names_file *nf);
#endif
