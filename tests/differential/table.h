/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/table.h - lines of columns separated by tabs.
 */
#ifndef WEIR_TESTS_DIFFERENTIAL_TABLE_H
#define WEIR_TESTS_DIFFERENTIAL_TABLE_H
#include <string.h>

/**
 * Splits the next line of *@rest in place. Empty lines and remarks (#) are passed over, and so is the first
 * other line, the header, if *@header is set. Returns how many of @max columns it has, 0 at the end.
 */
static inline unsigned table_next(char **rest, int *header, char **column, unsigned max)
{
    while (*rest && **rest) {
        char *line = *rest;
        unsigned n = 1;
        *rest = strchr(line, '\n');
        if (*rest)
            *(*rest)++ = '\0';
        if (!*line || *line == '#')
            continue;
        if (*header) {
            *header = 0;
            continue;
        }
        column[0] = line;
        for (char *tab = line; n < max && (tab = strchr(tab, '\t')); n++) {
            *tab++ = '\0';
            column[n] = tab;
        }
        return n;
    }
    return 0;
}
#endif
