/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reject/test_mistakes.c - what a person gets to read: common mistakes and suspicious filters.
 *
 * mistakes.cases has filters that are refused, lints.cases valid ones that are warned about. A line is: link
 * type, options (`-`, or `live`), code, bytes of the culprit, a piece of the hint (`-`: none), filter; `"`
 * for the filter is one more diagnostic of the filter before. Code `none` in lints.cases: no warning.
 *
 * Where the piece of a hint begins with `write '`, what the hint says to write is a filter, not a part of
 * one, and it is compiled as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "weir/weir.h"

#define DIR "tests/reject/"

struct line {
    const char *linktype, *options, *code, *span, *hint, *filter;
};

/* The line's columns. False when there are not that many. */
static bool split(char *text, struct line *out)
{
    const char **column[] = {&out->linktype, &out->options, &out->code, &out->span, &out->hint, &out->filter};

    for (size_t i = 0; i < sizeof column / sizeof column[0]; i++) {
        if (!text)
            return false;
        *column[i] = text;
        text = strchr(text, '\t');
        if (text)
            *text++ = '\0';
    }
    return !text;
}

/* Lints do not depend on the optimizer, which would add that a filter never matches. */
static int compile(struct weir *cx, const struct line *l, bool lints)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    int64_t number = weir_linktype_by_name(l->linktype);

    if (number < 0)
        return WEIR_E_ARGUMENT;
    o.linktype = (uint32_t)number;
    o.live = strcmp(l->options, "live") == 0;
    o.lint = lints;
    o.optimize = !lints;
    int status = weir_compile(cx, l->filter, strlen(l->filter), &o, &p);
    if (status >= 0)
        weir_program_free(p);
    return status;
}

static bool matches(const struct line *l, const struct weir_diagnostic *d, unsigned severity)
{
    unsigned begin, end;

    if (!d || d->severity != severity || d->code != (unsigned)atoi(l->code) ||
        sscanf(l->span, "%u-%u", &begin, &end) != 2 || d->begin != begin || d->end != end)
        return false;
    if (strcmp(l->hint, "-") == 0)
        return !d->hint;
    return d->hint && strstr(d->hint, l->hint);
}

static enum weir_lookup any_host(void *user, const char *name, struct weir_address *out, size_t max,
                                 size_t *count)
{
    (void)user, (void)name;
    *count = 1;
    if (max > 0)
        out[0] = (struct weir_address){4, {10, 0, 0, 1}};
    return WEIR_FOUND;
}

/* Whether what is quoted behind "write" in @hint is a filter for the packets of @l. */
static bool is_filter(const struct line *l, const char *hint)
{
    static const struct weir_resolver names = {.size = sizeof names, .host = any_host};
    struct weir_options o = WEIR_OPTIONS_INIT;
    const char *begin = strstr(hint, "write '") + strlen("write '"), *end = strchr(begin, '\'');
    struct weir_program *p = NULL;
    struct weir *cx = NULL;
    int status = WEIR_E_MEMORY;

    o.linktype = (uint32_t)weir_linktype_by_name(l->linktype);
    o.live = 1;
    o.resolver = &names;
    if (end && weir_new(NULL, &cx) == WEIR_OK)
        status = weir_compile(cx, begin, (size_t)(end - begin), &o, &p);
    weir_program_free(p);
    weir_free(cx);
    return status >= 0;
}

static void show(const struct weir *cx, int status)
{
    tap_diag("status: %s", weir_strerror(status));
    for (size_t i = 0; i < weir_diagnostic_count(cx); i++) {
        const struct weir_diagnostic *d = weir_diagnostic(cx, i);
        tap_diag("E%04u at %u-%u: %s; hint: %s", d->code, d->begin, d->end, d->message,
                 d->hint ? d->hint : "-");
    }
}

/* Ends the lines of one filter: @used of its diagnostics were expected. */
static void no_more(const struct weir *cx, const char *filter, size_t used)
{
    if (filter && !tap_ok(used == weir_diagnostic_count(cx), "nothing else: %s", filter))
        for (size_t i = used; i < weir_diagnostic_count(cx); i++)
            tap_diag("E%04u: %s", weir_diagnostic(cx, i)->code, weir_diagnostic(cx, i)->message);
}

static void run_file(struct weir *cx, const char *path, bool lints)
{
    char *text = read_file(path, NULL), *rest = NULL;
    const char *filter = NULL;
    size_t used = 0;
    int status = 0;

    if (!text) {
        tap_ok(false, "%s", path);
        return;
    }
    for (char *next = text; next; next = rest) {
        struct line l;

        rest = strchr(next, '\n');
        if (rest)
            *rest++ = '\0';
        if (!*next || *next == '#')
            continue;
        if (!split(next, &l)) {
            tap_ok(false, "%s: not six columns: %s", path, next);
            continue;
        }
        if (strcmp(l.filter, "\"") != 0) {
            no_more(cx, filter, used);
            filter = l.filter;
            used = 0;
            status = compile(cx, &l, lints);
        }
        if (lints && strcmp(l.code, "none") == 0) {
            tap_ok(status >= 0, "no warning: %s", filter);
            continue;
        }
        bool good = lints ? status >= 0 : status == WEIR_E_FILTER;
        good = good && matches(&l, weir_diagnostic(cx, used++), lints ? WEIR_WARNING : WEIR_ERROR);
        if (!tap_ok(good, "E0%s %s: %s", l.code, l.linktype, filter))
            show(cx, status);
        else if (!lints && strncmp(l.hint, "write '", 7) == 0)
            tap_ok(is_filter(&l, weir_diagnostic(cx, used - 1)->hint), "and it is: %s", l.hint);
    }
    no_more(cx, filter, used);
    free(text);
}

int main(void)
{
    struct weir *cx = NULL;

    if (weir_new(NULL, &cx) != WEIR_OK)
        return EXIT_FAILURE;
    run_file(cx, DIR "mistakes.cases", false);
    run_file(cx, DIR "lints.cases", true);
    weir_free(cx);
    return tap_done();
}
