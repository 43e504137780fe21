/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/match/test_rows.c - rows.tsv: filters other compilers got wrong once, each with a packet and its
 * verdict.
 *
 * Every row is compiled plain and optimized. The classic programs run through weir_match(), the intermediate
 * representation through ir_eval(). rows.tsv says what its columns mean.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver/pipeline.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"
#include "weir/weir.h"

enum { PACKET_MAX = 4096, DEFINED_MAX = 256, COLUMNS = 7 };

struct bytes {
    uint8_t at[PACKET_MAX];
    uint32_t n;
};

/* `=NAME` rows of the file. */
struct defined {
    const char *name;
    struct bytes bytes;
};

struct table {
    struct defined *row;
    size_t n;
};

struct row {
    const char *filter, *linktype, *capture, *packet, *plain, *optimized, *reason;
};

/* ---------------------------------------------------------------- packets */

static const struct bytes *find(const struct table *t, const char *name)
{
    for (size_t i = t->n; i-- > 0;)
        if (strcmp(t->row[i].name, name) == 0)
            return &t->row[i].bytes;
    return NULL;
}

/* An even number of hexadecimal digits. */
static bool read_hex(const char *text, struct bytes *out)
{
    size_t digits = strlen(text);

    out->n = 0;
    if (digits == 0 || digits % 2 || digits / 2 > PACKET_MAX || text[strspn(text, "0123456789abcdef")])
        return false;
    for (; *text; text += 2) {
        char pair[] = {text[0], text[1], '\0'};
        out->at[out->n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

/* Hexadecimal digits and names, separated by blanks; `*N` behind a piece repeats it. NULL, or the piece that
 * is wrong. @pieces is changed. */
static const char *assemble(const struct table *t, char *pieces, struct bytes *out)
{
    static struct bytes hex;
    char *rest = NULL;

    out->n = 0;
    for (char *piece = strtok_r(pieces, " ", &rest); piece; piece = strtok_r(NULL, " ", &rest)) {
        char *star = strchr(piece, '*');
        unsigned long times = star ? strtoul(star + 1, NULL, 10) : 1;
        if (star)
            *star = '\0';
        const struct bytes *b = find(t, piece);
        if (!b && read_hex(piece, &hex))
            b = &hex;
        if (!b || times * b->n > PACKET_MAX - out->n)
            return piece;
        while (times--) {
            memcpy(out->at + out->n, b->at, b->n);
            out->n += b->n;
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- one row */

/* "live" "tag=N" "caplen=N" "wirelen=N", joined by commas; or "-". */
static bool read_capture(const char *text, struct packet *p, bool *live)
{
    *live = false;
    p->meta = (struct weir_metadata){.size = sizeof p->meta};
    if (strcmp(text, "-") == 0)
        return true;
    for (; *text; text += *text == ',') {
        size_t n = strcspn(text, "=,");
        bool number = text[n] == '=';
        uint32_t value = number ? (uint32_t)strtoul(text + n + 1, NULL, 0) : 0;

        if (n == 4 && strncmp(text, "live", n) == 0) {
            *live = true;
        } else if (n == 3 && number && strncmp(text, "tag", n) == 0) {
            p->meta.vlan_present = 1;
            p->meta.vlan_tci = value;
        } else if (n == 6 && number && strncmp(text, "caplen", n) == 0 && value <= p->caplen) {
            p->caplen = value;
        } else if (n == 7 && number && strncmp(text, "wirelen", n) == 0) {
            p->wirelen = value;
        } else {
            return false;
        }
        text += strcspn(text, ",");
    }
    return true;
}

/* The intermediate representation's verdict, as weir_match() gives it; @faulted when a guard failed. */
static bool eval(const struct weir_options *o, const char *filter, const struct packet *p, uint32_t *verdict,
                 bool *faulted)
{
    struct arena arena, scratch;
    struct ir_func f;

    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    arena_init(&scratch, &allocator_system, (size_t)1 << 28);
    struct diag_sink sink = {.arena = &arena, .limit = 10};
    bool good = pipeline_ir(&arena, &sink, filter, strlen(filter), o, NULL, &f) >= 0;
    if (good)
        *verdict = ir_eval(&f, p, &scratch, faulted);
    arena_release(&scratch);
    arena_release(&arena);
    return good;
}

/* What a verdict column means: the statuses and verdicts it allows. */
static bool allowed(const char *column, int status, uint32_t verdict, uint32_t snaplen)
{
    if (strcmp(column, "never") == 0)
        return status == WEIR_NEVER && verdict == 0;
    if (status != WEIR_OK)
        return false;
    if (strcmp(column, "either") == 0)
        return verdict == 0 || verdict == snaplen;
    return verdict == (strcmp(column, "1") == 0 ? snaplen : 0);
}

static bool known_column(const char *column, bool plain)
{
    if (strcmp(column, "0") == 0 || strcmp(column, "1") == 0 || strncmp(column, "error ", 6) == 0)
        return true;
    return !plain && (strcmp(column, "never") == 0 || strcmp(column, "either") == 0);
}

/* One optimization level of a row; what is wrong becomes a pending detail. */
static bool run_level(struct weir *cx, const struct row *r, const struct packet *p, struct weir_options *o)
{
    const char *column = o->optimize ? r->optimized : r->plain, *level = o->optimize ? "optimized" : "plain";
    struct weir_program *program = NULL;
    uint32_t verdict = 0, ir_verdict = 0;
    bool faulted = false;

    int status = weir_compile(cx, r->filter, strlen(r->filter), o, &program);
    const struct weir_diagnostic *d = weir_diagnostic(cx, 0);
    if (strncmp(column, "error ", 6) == 0) {
        bool good = status == WEIR_E_FILTER && d && d->code == (unsigned)atoi(column + 6);
        if (!good)
            tap_pending("%s: %s; %s", level, weir_strerror(status), d ? d->message : "no diagnostic");
        weir_program_free(program);
        return good;
    }
    if (status < 0) {
        tap_pending("%s: %s; %s", level, weir_strerror(status), d ? d->message : "no diagnostic");
        return false;
    }
    verdict = weir_match(program, p->bytes, p->caplen, p->wirelen, &p->meta);
    bool good = allowed(column, status, verdict, o->snaplen);
    if (!good)
        tap_pending("%s: status %d, verdict %u, expected %s", level, status, verdict, column);
    if (!eval(o, r->filter, p, &ir_verdict, &faulted) || !allowed(column, status, ir_verdict, o->snaplen)) {
        tap_pending("%s IR: verdict %u%s, expected %s", level, ir_verdict, faulted ? " (a guard failed)" : "",
                    column);
        good = false;
    }
    /* The row itself must be honest: a level may differ only where the plain program reads past the end. */
    if (!o->optimize && strcmp(r->optimized, "either") == 0 && !faulted) {
        tap_pending("the plain program reads nothing past the end, so 'either' is not allowed");
        good = false;
    }
    weir_program_free(program);
    return good;
}

static void run_row(struct weir *cx, const struct table *t, const struct row *r, unsigned line)
{
    static struct bytes packet;
    struct packet p = {0};
    struct weir_options o = WEIR_OPTIONS_INIT;
    char pieces[1024];
    bool live;

    snprintf(pieces, sizeof pieces, "%s", r->packet);
    const char *wrong = assemble(t, pieces, &packet);
    /* Its own block, so that a tool that watches memory sees a read past the end. */
    uint8_t *exact = malloc(packet.n ? packet.n : 1);
    p.bytes = exact;
    p.caplen = p.wirelen = packet.n;
    if (!wrong && !read_capture(r->capture, &p, &live))
        wrong = r->capture;
    int64_t linktype = weir_linktype_by_name(r->linktype);
    if (!wrong && linktype < 0)
        wrong = r->linktype;
    if (!wrong && !(known_column(r->plain, true) && known_column(r->optimized, false)))
        wrong = "a verdict";
    if (wrong || !exact) {
        tap_ok(false, "line %u: %s", line, r->filter);
        tap_diag("rows.tsv: cannot read %s", wrong ? wrong : "it: no memory");
        free(exact);
        return;
    }
    memcpy(exact, packet.at, packet.n);
    o.linktype = (uint32_t)linktype;
    o.live = live;
    o.optimize = 0;
    bool plain = run_level(cx, r, &p, &o);
    o.optimize = 1;
    bool optimized = run_level(cx, r, &p, &o);
    tap_ok(plain && optimized, "line %u: %s [%s %s]: %s", line, r->filter, r->packet, r->capture, r->reason);
    free(exact);
}

/* ---------------------------------------------------------------- the file */

/* The line's columns. False when there are not that many. */
static bool split(char *line, struct row *r)
{
    const char **column[COLUMNS] = {&r->filter, &r->linktype,  &r->capture, &r->packet,
                                    &r->plain,  &r->optimized, &r->reason};

    for (unsigned i = 0; i < COLUMNS; i++) {
        if (!line)
            return false;
        *column[i] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = '\0';
    }
    return !line;
}

static void define(struct table *t, char *line, unsigned number)
{
    char *pieces = strchr(line, '\t');
    struct defined *d = &t->row[t->n];
    const char *wrong = "the number of definitions";

    if (pieces)
        *pieces++ = '\0';
    if (pieces && t->n < DEFINED_MAX) {
        d->name = line + 1;
        wrong = assemble(t, pieces, &d->bytes);
    }
    if (wrong) {
        tap_ok(false, "line %u: %s", number, line);
        tap_diag("rows.tsv: cannot read %s", wrong);
        return;
    }
    t->n++;
}

int main(void)
{
    struct table t = {calloc(DEFINED_MAX, sizeof *t.row), 0};
    char *text = read_file("tests/match/rows.tsv", NULL), *rest = NULL;
    struct weir *cx = NULL;
    unsigned number = 0;

    if (!text || !t.row || weir_new(NULL, &cx) != WEIR_OK)
        return EXIT_FAILURE;
    for (char *line = text; line; line = rest) {
        struct row r;

        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        number++;
        if (*line == '=') {
            define(&t, line, number);
        } else if (*line && *line != '#' && split(line, &r)) {
            run_row(cx, &t, &r, number);
        } else if (*line && *line != '#') {
            tap_ok(false, "line %u has not %u columns", number, (unsigned)COLUMNS);
        }
    }
    weir_free(cx);
    free(t.row);
    free(text);
    return tap_done();
}
