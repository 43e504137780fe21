/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/golden/test_golden.c - runs the case files of tests/golden: filter in, program text out.
 *
 * A case is a text file of sections; a line "-- NAME [VALUE]   remark" starts one (the remark stands two
 * blanks off).
 *
 *   -- filter            the lines below: each must give the same output
 *   -- linktype NAME     default EN10MB
 *   -- snaplen N   -- netmask N   -- live   -- savefile swapped|unswapped   -- protochain N
 *   -- cbpf plain | optimized     what tcpdump -d prints
 *   -- ir plain | optimized       the intermediate representation
 *   -- xdp plain | optimized      the eBPF listing
 *   -- reference plain            another compiler's listing: proved equal to our plain program
 *   -- reference optimized        the same: it and our optimized program must both refine our plain one
 *
 * Lines before the first section are remarks. With WEIR_UPDATE=1 the output sections are rewritten from what
 * comes out, so that a diff of the tree can be read. Paths on the command line run those cases alone.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/golden/claim.h"
#include "tests/golden/compile.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"
#include "weir/weir.h"

enum { SECTIONS_MAX = 64, FILTERS_MAX = 256 };

struct section {
    const char *title; /* the whole "-- " line, without its end */
    char name[16], value[32];
    const char *body; /* up to the next section */
    size_t body_len;
    char *output; /* an output section's new text */
};

struct golden_case {
    char *text;
    const char *remarks; /* before the first section */
    size_t remarks_len;
    struct section section[SECTIONS_MAX];
    size_t sections;
    const char *filter[FILTERS_MAX];
    size_t filter_len[FILTERS_MAX];
    size_t filters;
    struct weir_options options;
};

static size_t line_length(const char *text)
{
    return strcspn(text, "\n");
}

/* The words of a "-- " line: a name and, unless two blanks part it, a value. */
static void read_title(struct section *s)
{
    size_t end = line_length(s->title);
    const char *at = s->title + 3, *last = s->title + end;
    size_t n = 0;
    while (at < last && *at != ' ' && n + 1 < sizeof s->name)
        s->name[n++] = *at++;
    n = 0;
    if (at < last && *at == ' ' && at[1] != ' ')
        for (at++; at < last && *at != ' ' && n + 1 < sizeof s->value; at++)
            s->value[n++] = *at;
}

static bool is_output(const struct section *s)
{
    return strcmp(s->name, "cbpf") == 0 || strcmp(s->name, "ir") == 0 || strcmp(s->name, "xdp") == 0;
}

/* NULL, or what is wrong with the section. */
static const char *apply_option(struct golden_case *c, const struct section *s)
{
    struct weir_options *o = &c->options;
    if (strcmp(s->name, "linktype") == 0) {
        int64_t number = weir_linktype_by_name(s->value);
        if (number < 0)
            return "an unknown link type";
        o->linktype = (uint32_t)number;
    } else if (strcmp(s->name, "snaplen") == 0) {
        o->snaplen = (uint32_t)strtoul(s->value, NULL, 0);
    } else if (strcmp(s->name, "netmask") == 0) {
        o->netmask = (uint32_t)strtoul(s->value, NULL, 0);
    } else if (strcmp(s->name, "protochain") == 0) {
        o->protochain = (uint32_t)strtoul(s->value, NULL, 0);
    } else if (strcmp(s->name, "live") == 0) {
        o->live = 1;
    } else if (strcmp(s->name, "savefile") == 0) {
        o->savefile = strcmp(s->value, "swapped") == 0 ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
    } else if (strcmp(s->name, "filter") == 0) {
        for (const char *line = s->body; line < s->body + s->body_len; line += line_length(line) + 1) {
            if (c->filters == FILTERS_MAX)
                return "too many filters";
            if (!line_length(line))
                continue;
            c->filter[c->filters] = line;
            c->filter_len[c->filters++] = line_length(line);
        }
    } else if (!is_output(s) && strcmp(s->name, "reference") != 0) {
        return "a section that does not exist";
    } else if (strcmp(s->value, "plain") != 0 && strcmp(s->value, "optimized") != 0) {
        return "a section is neither plain nor optimized";
    }
    return NULL;
}

static const char *read_case(struct golden_case *c)
{
    const char *wrong = NULL, *line = c->text;
    struct section *s = NULL;
    c->remarks = c->text;
    for (; *line; line += line_length(line), line += *line == '\n') {
        if (strncmp(line, "-- ", 3) != 0)
            continue;
        if (s)
            s->body_len = (size_t)(line - s->body);
        else
            c->remarks_len = (size_t)(line - c->text);
        if (c->sections == SECTIONS_MAX)
            return "too many sections";
        s = &c->section[c->sections++];
        s->title = line;
        s->body = line + line_length(line);
        s->body += *s->body == '\n';
        read_title(s);
    }
    if (!s)
        return "no sections";
    s->body_len = (size_t)(line - s->body);
    for (size_t i = 0; !wrong && i < c->sections; i++)
        wrong = apply_option(c, &c->section[i]);
    return wrong ? wrong : c->filters ? NULL : "no filter";
}

/* What section @s says of filter @i, from the heap; NULL with a TAP detail when there is nothing to say. */
static char *produce(const struct golden_case *c, const struct section *s, size_t i)
{
    struct weir_options o = c->options;
    struct weir_program *p;
    struct weir *cx;
    char *out = NULL, *text;
    o.optimize = strcmp(s->value, "optimized") == 0;
    o.target = strcmp(s->name, "xdp") == 0 ? WEIR_TARGET_XDP : WEIR_TARGET_CBPF;
    if (weir_new(NULL, &cx) < 0)
        return NULL;
    int rc = weir_compile(cx, c->filter[i], c->filter_len[i], &o, &p);
    if (rc < 0) {
        tap_pending("'%.*s': %s", (int)c->filter_len[i], c->filter[i], weir_strerror(rc));
        for (size_t k = 0; k < weir_diagnostic_count(cx); k++)
            tap_pending("%s", weir_diagnostic(cx, k)->message);
    } else {
        rc = weir_program_text(p, strcmp(s->name, "ir") == 0 ? WEIR_TEXT_IR : WEIR_TEXT_LISTING, &text, NULL);
        if (rc < 0) {
            tap_pending("'%.*s': text: %s", (int)c->filter_len[i], c->filter[i], weir_strerror(rc));
        } else {
            out = strdup(text);
            weir_text_free(p, text);
        }
        weir_program_free(p);
    }
    weir_free(cx);
    return out;
}

/* Both texts from the first line that differs on. */
static void show_difference(const char *expected, size_t expected_len, const char *got)
{
    const char *end = expected + expected_len;
    while (expected < end && *got) {
        size_t n = line_length(expected);
        if (n != line_length(got) || strncmp(expected, got, n) != 0)
            break;
        expected += n + (expected + n < end);
        got += n + (got[n] == '\n');
    }
    tap_pending("expected from there: ");
    if (expected < end)
        tap_pending("%.*s", (int)(end - expected), expected);
    tap_pending("got: ");
    if (*got)
        tap_pending("%s", got);
}

/* Trailing empty lines part sections and are not compared. */
static size_t without_blank_end(const char *text, size_t n)
{
    while (n && text[n - 1] == '\n')
        n--;
    return n;
}

static bool check_section(struct golden_case *c, struct section *s, const char *path, bool update)
{
    bool ok = true;
    for (size_t i = 0; i < c->filters; i++) {
        char *got = produce(c, s, i);
        if (!got) {
            ok = false;
            continue;
        }
        const char *expected = s->output ? s->output : s->body;
        size_t expected_len = without_blank_end(expected, s->output ? strlen(s->output) : s->body_len);
        size_t got_len = without_blank_end(got, strlen(got));
        bool same = got_len == expected_len && memcmp(got, expected, got_len) == 0;
        if (!same && !(update && i == 0)) {
            ok = false;
            tap_pending("%s: -- %s %s: '%.*s'", path, s->name, s->value, (int)c->filter_len[i], c->filter[i]);
            show_difference(expected, expected_len, got);
        }
        if (i == 0 && update)
            s->output = got;
        else
            free(got);
    }
    return ok;
}

/* Holds our programs against another compiler's listing. */
static bool check_reference(const struct golden_case *c, const struct section *s)
{
    struct program reference = {0}, plain = {0}, optimized = {0};
    struct weir_options o = c->options;
    char why[512] = "", *listing = strndup(s->body, s->body_len);
    char *filter = strndup(c->filter[0], c->filter_len[0]);
    bool ok = false;
    const char *wrong = listing && filter ? listing_parse(listing, &reference) : "out of memory";
    o.optimize = 0;
    if (!wrong && compile_program(filter, &o, &plain, why, sizeof why) < 0)
        wrong = why;
    o.optimize = 1;
    if (!wrong && compile_program(filter, &o, &optimized, why, sizeof why) < 0)
        wrong = why;
    if (wrong)
        tap_pending("%s", wrong);
    else if (strcmp(s->value, "plain") == 0)
        ok = claim_holds("plain equals the reference", prove_equal, &plain, &reference, NULL, 0);
    else
        ok = claim_holds("the reference refines plain", prove_refines, &plain, &reference, NULL, 0) &&
             claim_holds("optimized refines plain", prove_refines, &plain, &optimized, NULL, 0);
    program_free(&reference);
    program_free(&plain);
    program_free(&optimized);
    free(listing);
    free(filter);
    return ok;
}

/* Writes the case back with its new outputs. */
static bool write_case(const struct golden_case *c, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fprintf(f, "%.*s", (int)c->remarks_len, c->remarks);
    for (size_t i = 0; i < c->sections; i++) {
        const struct section *s = &c->section[i];
        const char *body = s->output ? s->output : s->body;
        size_t n = s->output ? strlen(body) : s->body_len;
        fprintf(f, "%.*s\n%.*s", (int)line_length(s->title), s->title, (int)n, body);
        if (n && body[n - 1] != '\n')
            fputc('\n', f);
        if (s->output && i + 1 < c->sections && s->body_len > 1 && s->body[s->body_len - 2] == '\n')
            fputc('\n', f);
    }
    return fclose(f) == 0;
}

static void run_file(const char *path, bool update)
{
    struct golden_case *c = calloc(1, sizeof *c);
    if (!c) {
        tap_ok(false, "%s: out of memory", path);
        return;
    }
    c->options = (struct weir_options)WEIR_OPTIONS_INIT;
    c->text = read_file(path, NULL);
    const char *wrong = c->text ? read_case(c) : "cannot be read";
    bool ok = !wrong;
    for (size_t i = 0; !wrong && i < c->sections; i++)
        if (is_output(&c->section[i]))
            ok = check_section(c, &c->section[i], path, update) && ok;
        else if (strcmp(c->section[i].name, "reference") == 0)
            ok = check_reference(c, &c->section[i]) && ok;
    if (!wrong && update && !write_case(c, path))
        wrong = "cannot be written";
    if (wrong)
        tap_pending("%s", wrong);
    tap_ok(ok && !wrong, "%s", path);
    for (size_t i = 0; i < c->sections; i++)
        free(c->section[i].output);
    free(c->text);
    free(c);
}

int main(int argc, char **argv)
{
    const char *update = getenv("WEIR_UPDATE");
    glob_t found = {0};
    if (argc < 2) {
        glob("tests/golden/*.case", 0, NULL, &found);
        glob("tests/golden/*/*.case", GLOB_APPEND, NULL, &found);
    }
    for (int i = 1; i < argc; i++)
        run_file(argv[i], update && *update == '1');
    for (size_t i = 0; i < found.gl_pathc; i++)
        run_file(found.gl_pathv[i], update && *update == '1');
    if (argc < 2) {
        tap_ok(found.gl_pathc > 0, "there are cases (run from the project root)");
        globfree(&found);
    }
    return tap_done();
}
