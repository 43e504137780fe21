/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/differences.c - docs/differences.tsv: where weir means to differ from the reference.
 */
#include "tests/harness/differences.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/shared.h"

enum { COLUMNS = 5 };

bool differences_load(const char *path, struct differences *out)
{
    struct differences d = {.text = read_file(path, NULL)};
    unsigned number = 0;
    if (!d.text)
        return false;
    for (char *line = d.text, *next; line && *line; line = next) {
        char *column[COLUMNS] = {line};
        unsigned n = 1;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        if (number == 1 || !*line || *line == '#')
            continue;
        for (char *tab = line; (tab = strchr(tab, '\t')); n++) {
            *tab++ = '\0';
            if (n < COLUMNS)
                column[n] = tab;
        }
        struct difference *more = realloc(d.row, (d.n + 1) * sizeof *more);
        if (more)
            d.row = more;
        if (n != COLUMNS || !more) {
            fprintf(stderr, "%s:%u: %u columns, not %d\n", path, number, n, COLUMNS);
            differences_free(&d);
            return false;
        }
        d.row[d.n++] = (struct difference){
            column[0], column[1], strcmp(column[2], "always") == 0 ? NULL : column[2], column[3], column[4],
        };
    }
    *out = d;
    return true;
}

void differences_free(struct differences *d)
{
    free(d->row);
    free(d->text);
    *d = (struct differences){0};
}

bool difference_matches(const struct difference *row, const char *name, const char *linktype)
{
    return fnmatch(row->name, name, 0) == 0 && fnmatch(row->linktype, linktype, 0) == 0;
}
