/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/members.c - members of a named set as they are written: words, or lines of a file. */
#include "members.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attached.h"
#include "filter_text.h"
#include "say.h"

#define LONGEST_FILE ((size_t)64 << 20) /* bytes; filter_text_from_file() reads one more */

static int add(struct members *m, bool json, uint32_t kind, const char *text, size_t len, const char *place)
{
    char said[sizeof((struct weir_bpf_error *)0)->message];
    struct weir_bpf_error e;

    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 64;
        struct weir_bpf_member *more = realloc(m->at, cap * sizeof *more);
        if (!more)
            return say_failed(json, "out of memory");
        m->at = more;
        m->cap = cap;
    }
    if (weir_bpf_member_read(kind, text, len, &m->at[m->n], &e) == 0) {
        m->n++;
        return EXIT_DONE;
    }
    snprintf(said, sizeof said, "%s%.*s", place, (int)(sizeof said - 200), e.message);
    memcpy(e.message, said, sizeof said);
    return attached_say(json, &e);
}

int members_add_word(struct members *m, bool json, uint32_t kind, const char *word)
{
    return add(m, json, kind, word, strlen(word), "");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int members_add_file(struct members *m, bool json, uint32_t kind, const char *path)
{
    struct filter_text t;
    size_t line = 1, line_at = 0;
    int status = EXIT_DONE;

    if (filter_text_from_file(&t, path) < 0)
        return say_failed(json, "%s: %s", path, strerror(errno));
    if (t.len > LONGEST_FILE)
        status = say_failed(json, "%s: it is longer than %zu bytes", path, LONGEST_FILE);
    for (size_t at = 0, end; !status && at < t.len; at = end) {
        char place[160];
        end = at + 1;
        if (is_blank(t.text[at])) {
            line += t.text[at] == '\n';
            line_at = t.text[at] == '\n' ? end : line_at;
            continue;
        }
        while (end < t.len && !is_blank(t.text[end]))
            end++;
        snprintf(place, sizeof place, "%.100s:%zu:%zu: ", path, line, at - line_at + 1);
        status = add(m, json, kind, t.text + at, end - at, place);
    }
    filter_text_free(&t);
    return status;
}

void members_free(struct members *m)
{
    free(m->at);
    *m = (struct members){0};
}
