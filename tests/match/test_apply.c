/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/match/test_apply.c - filters on real packets: the reference's verdict for each packet of a capture.
 *
 * Every case of cases/apply.jsonl, compiled plain and optimized with the file's link type and snapshot
 * length, which is the value of a match.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/capture.h"
#include "tests/harness/names.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "weir/weir.h"

static void diagnostics(const struct weir *cx, int status)
{
    tap_diag("%s", weir_strerror(status));
    for (size_t i = 0; i < weir_diagnostic_count(cx); i++) {
        const struct weir_diagnostic *d = weir_diagnostic(cx, i);
        tap_diag("E%04u at %u-%u: %s", d->code, d->begin, d->end, d->message);
    }
}

static void run_case(const json_t *c, const struct weir_resolver *resolver, bool optimize)
{
    const char *name = json_text(c, "name"), *filter = json_text(c, "filter");
    const json_t *verdicts = json_object_get(c, "verdicts");
    const char *level = optimize ? "optimized" : "plain";
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    struct capture file = {0};
    struct weir *cx;
    char *path = shared_path(json_text(c, "capture"));
    if (!path || !capture_load(path, &file)) {
        tap_ok(false, "%s, %s", name, level);
        tap_diag("cannot read %s", path ? path : json_text(c, "capture"));
        free(path);
        return;
    }
    free(path);
    o.linktype = file.linktype;
    o.snaplen = file.snaplen;
    o.optimize = optimize;
    o.resolver = resolver;
    o.savefile = file.swapped ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
    if (weir_new(NULL, &cx) < 0) {
        tap_ok(false, "%s, %s: out of memory", name, level);
        capture_free(&file);
        return;
    }
    int rc = weir_compile(cx, filter, strlen(filter), &o, &p);
    if (rc < 0) {
        tap_ok(false, "%s, %s", name, level);
        diagnostics(cx, rc);
    } else {
        size_t wrong = 0, first = 0;
        uint32_t got = 0;
        for (size_t i = 0; i < file.n; i++) {
            const struct packet *k = &file.packet[i];
            uint32_t verdict = weir_match(p, k->bytes, k->caplen, k->wirelen, NULL);
            if (verdict != (uint32_t)json_integer_value(json_array_get(verdicts, i)) && !wrong++) {
                first = i;
                got = verdict;
            }
        }
        if (!tap_ok(!wrong && file.n == json_array_size(verdicts), "%s, %s", name, level)) {
            tap_diag("'%s' on %s: %zu packets, %zu verdicts, %zu wrong", filter, json_text(c, "capture"),
                     file.n, json_array_size(verdicts), wrong);
            if (wrong)
                tap_diag("first: packet %zu (from 1): %u, not %lld", first + 1, got,
                         (long long)json_integer_value(json_array_get(verdicts, first)));
        }
        weir_program_free(p);
    }
    weir_free(cx);
    capture_free(&file);
}

int main(void)
{
    struct json_lines cases = {0};
    if (!shared_dir())
        return tap_skip_all(SHARED_ABSENT);
    char *path = shared_path("cases/apply.jsonl"), *dir = shared_path("cases");
    struct names *names = dir ? names_load(dir) : NULL;
    if (tap_ok(path && names && json_lines_load(path, &cases), "cases can be read"))
        for (size_t i = 0; i < cases.n; i++)
            for (int optimize = 0; optimize < 2; optimize++)
                run_case(cases.at[i], names_resolver(names), optimize);
    free(path);
    free(dir);
    json_lines_free(&cases);
    names_free(names);
    return tap_done();
}
