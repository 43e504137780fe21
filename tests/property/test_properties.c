/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/test_properties.c - what holds for every filter.
 *
 *   De Morgan      not (a or b) is not a and not b, and the other way round; not not a is a: proved for -O
 *   refinement     plain program = plain IR; optimized IR and program refine it, on packets made for the
 *                  filter
 *   verifier       plain IR verifies, and so it does after every pass
 *   threading      leaves a function as it is only where following every path makes the same of it
 *   same bytes     the same input gives the same program twice, whatever the allocator hands out
 *
 * The shared filters are checked for refinement, verifier and same bytes too, when they are there.
 */
#include <stdlib.h>
#include <string.h>
#include "driver/pipeline.h"
#include "tests/fuzz/packets.h"
#include "tests/harness/rng.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "tests/property/filters.h"
#include "tests/prove/prove.h"

#define LIMIT    200000u
#define WALKS    300
#define PROVE_MS 10000u

static struct weir_program *compile(const char *text, uint32_t linktype, unsigned optimize,
                                    const struct weir_allocator *al)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    struct weir *cx = NULL;

    o.linktype = linktype;
    o.optimize = optimize;
    o.protochain = 4;
    weir_new(al, &cx);
    int status = weir_compile(cx, text, strlen(text), &o, &p);
    if (status < 0)
        tap_pending("%s: %s", text,
                    weir_diagnostic_count(cx) ? weir_diagnostic(cx, 0)->message : weir_strerror(status));
    weir_free(cx);
    return status < 0 ? NULL : p;
}

/* ---------------------------------------------------------------- De Morgan */

static const char *compare(const char *left, const char *right)
{
    struct weir_program *p = compile(left, 1, 0, NULL), *q = compile(right, 1, 0, NULL);
    const char *wrong = "one does not compile";

    if (p && q) {
        struct prove_options o = {.timeout_ms = PROVE_MS};
        struct prove_result r = {0};
        size_t np, nq;
        const struct weir_cbpf_insn *a = weir_program_cbpf(p, &np), *b = weir_program_cbpf(q, &nq);
        int err = prove_equal(a, (uint32_t)np, b, (uint32_t)nq, &o, &r);
        wrong = err < 0 ? weir_strerror(err) : r.verdict == PROVE_DIFFER ? "they differ" : NULL;
        if (!err && r.verdict == PROVE_UNKNOWN)
            tap_diag("undecided: %s", r.why);
        if (!err)
            prove_release(&r);
    }
    weir_program_free(p);
    weir_program_free(q);
    return wrong;
}

static void same(const char *left, const char *right)
{
    const char *wrong = compare(left, right);

    if (!tap_ok(!wrong, "%s  =  %s", left, right))
        tap_diag("%s", wrong);
}

static void test_de_morgan(void)
{
    static const char *const pairs[][2] = {
        {"host 10.0.0.1", "port 80"},
        {"tcp[13] & 2 != 0", "ip6"},
        {"len / ip[2] > 2", "udp"},
        {"net 10.0.0.0/8", "ip6 net fe80::/10"},
        {"ether broadcast", "arp"},
        {"ip[ip[0]] = 1", "ether[20] = 5"},
        {"vlan 5", "ip"},
    };
    char left[400], right[400];

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const char *a = pairs[i][0], *b = pairs[i][1];
        snprintf(left, sizeof left, "not (%s or %s)", a, b);
        snprintf(right, sizeof right, "not %s and not %s", a, b);
        same(left, right);
        snprintf(left, sizeof left, "not (%s and %s)", a, b);
        snprintf(right, sizeof right, "not %s or not %s", a, b);
        same(left, right);
        snprintf(left, sizeof left, "not not (%s)", a);
        same(left, a);
        snprintf(left, sizeof left, "not (not %s or %s)", a, b);
        snprintf(right, sizeof right, "%s and not %s", a, b);
        same(left, right);
    }
}

/* ---------------------------------------------------------------- refinement, verifier */

static const struct cbpf_code *emit(struct ir_func *f, bool plain, struct cbpf_code *code,
                                    struct arena *arena, const char **wrong)
{
    struct diag_sink sink = {.arena = arena, .limit = 10};

    *code = (struct cbpf_code){.arena = arena};
    int status = cbpf_emit(f, plain, LIMIT, &sink, code);
    if (status == WEIR_E_LIMIT || status == WEIR_E_UNSUPPORTED)
        return NULL;
    *wrong = status < 0 ? weir_strerror(status) : cbpf_validate(code->insn.at, code->insn.n);
    return *wrong ? NULL : code;
}

/* NULL, or what is wrong with @text. */
static const char *check_filter(const char *text, uint32_t linktype, int walks)
{
    static const struct opt_options careful = {.verify = true, .pass_limit = UINT32_MAX};
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct cbpf_code plain_code, optimized_code;
    struct ir_func plain, optimized;
    const char *wrong = NULL;
    struct arena arena;
    uint32_t where;

    o.linktype = linktype;
    o.optimize = 0;
    o.protochain = 4;
    arena_init(&arena, &allocator_system, (size_t)1 << 30);
    struct diag_sink sink = {.arena = &arena, .limit = 10};
    if (pipeline_plain_ir(&arena, &sink, text, strlen(text), &o, &plain) < 0) {
        wrong =
            sink.list.n ? NULL : "refused without a diagnostic"; /* needs options this test does not give */
        goto out;
    }
    wrong = ir_verify(&plain, &arena, &where);
    if (wrong)
        goto out;
    o.optimize = 1;
    int status = pipeline_ir(&arena, &sink, text, strlen(text), &o, &careful, &optimized);
    wrong = status < 0 ? weir_strerror(status) : ir_verify(&optimized, &arena, &where);
    if (wrong)
        goto out;
    struct programs g = {.plain = &plain, .optimized = &optimized};
    g.plain_code = emit(&plain, true, &plain_code, &arena, &wrong);
    if (!wrong)
        g.optimized_code = emit(&optimized, false, &optimized_code, &arena, &wrong);
    if (!wrong)
        wrong = programs_walk(&g, &arena, NULL, 0, strlen(text) * 7919 + linktype, walks);
out:
    arena_release(&arena);
    return wrong;
}

static void test_filters(void)
{
    for (size_t i = 0; i < PROPERTY_FILTERS; i++) {
        const char *wrong = check_filter(property_filters[i].text, property_filters[i].linktype, WALKS);
        if (!tap_ok(!wrong, "verifies and refines, link type %u: %s", property_filters[i].linktype,
                    property_filters[i].text))
            tap_diag("%s", wrong);
    }
}

/* ---------------------------------------------------------------- threading */

/* What the first pass makes of the filter. @anyway: it has to follow the paths, for a block is there to which
 * none leads. */
static char *threaded(const char *text, uint32_t linktype, uint32_t tune, bool anyway)
{
    const struct opt_options none = {.pass_limit = 0}, thread = {.pass_limit = 1};
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct strbuf out;
    struct arena arena;
    struct ir_func f;

    o.linktype = linktype;
    o.tune = tune;
    o.protochain = 4;
    strbuf_init(&out, &allocator_system);
    arena_init(&arena, &allocator_system, (size_t)1 << 30);
    struct diag_sink sink = {.arena = &arena, .limit = 10};
    int status = pipeline_ir(&arena, &sink, text, strlen(text), &o, &none, &f);
    if (status == 0 && anyway && f.entry < f.block.n)
        ir_jump(&f, ir_block_new(&f, (struct span){0, 0}), IR_REJECT);
    if (status == 0)
        status = opt_run(&f, &thread);
    if (status == 0)
        ir_print(&f, &out);
    arena_release(&arena);
    return out.text;
}

/* Filters in which some way decides a test, two blocks do the same, or blocks stand in another order than
 * they are left. */
static const char *const asking[] = {
    "host 10.0.0.1 and not port 22",
    "ip or tcp",
    "tcp port 80 or tcp port 443",
    "ip6 net 2001:db8::/32 and not ip6 net 2001:db8:1::/48",
    "not host 10.0.0.1 and not host 10.0.0.2 and not host 10.0.0.3",
    "(tcp port 80 and host 10.0.0.1) or (tcp port 443 and host 10.0.0.1)",
    "ether host 00:11:22:33:44:55 or ether host 00:11:22:33:44:66 or ether host 00:11:22:33:44:77",
    "src net 10.0.0.0/8 and not dst net 10.0.0.0/8",
    "(src host 10.0.0.1 and dst host 10.0.0.2) or (src host 10.0.0.2 and dst host 10.0.0.1)",
    ("not arp and not stp and not (udp port 5353) and not (udp port 1900) and not (udp port 67 or udp port "
     "68)"),
    "(ether[0] = 1 and ether[1] = 1) or (ether[2] = 3 and (ether[0] = 1 or ether[1] = 2))",
    "(ether[0] < 5 and ether[1] = 1) or (ether[0] > 3 and ether[1] = 1) or ether[0] = 4",
    "len < 100 and (ether[0] = 1 or len > 200) and (len > 50 or ether[1] = 7)",
    "not ip and stp",
    "icmp6 or not (ip6 or ether proto 0x88cc or len >= 64)",
};

static bool threads_alike(const char *text, uint32_t linktype)
{
    bool all = true;

    for (uint32_t tune = WEIR_TUNE_SPEED; tune <= WEIR_TUNE_KERNEL; tune++) {
        char *a = threaded(text, linktype, tune, false), *b = threaded(text, linktype, tune, true);
        bool alike = !a == !b && (!a || strcmp(a, b) == 0);
        if (!alike)
            tap_pending("tune %u: %s", tune, text);
        all &= alike;
        mem_free(&allocator_system, a);
        mem_free(&allocator_system, b);
    }
    return all;
}

static void test_threading(void)
{
    bool alike = true;

    for (size_t i = 0; i < PROPERTY_FILTERS; i++)
        alike &= threads_alike(property_filters[i].text, property_filters[i].linktype);
    for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++)
        alike &= threads_alike(asking[i], 1);
    tap_ok(alike, "functions that are left as they are would become the same");
}

/* ---------------------------------------------------------------- same bytes */

/* Hands out memory from ever other places, full of ever other bytes. */
static void *shifty_reallocate(void *user, void *ptr, size_t size)
{
    struct rng *r = user;
    unsigned char *old = ptr, *raw = old ? *(unsigned char **)(void *)(old - 16) : NULL;
    size_t had = old ? *(size_t *)(void *)(old - 8) : 0;

    if (size == 0) {
        free(raw);
        return NULL;
    }
    size_t shift = 16 * (1 + rng_below(r, 8));
    unsigned char *p = malloc(size + shift + 16);
    if (!p)
        return NULL;
    memset(p, (int)rng_below(r, 256), size + shift + 16);
    unsigned char *at = p + shift;
    memcpy(at - 16, &p, sizeof p);
    memcpy(at - 8, &size, sizeof size);
    if (old)
        memcpy(at, old, had < size ? had : size);
    free(raw);
    return at;
}

static bool same_text(const struct weir_program *p, const struct weir_program *q)
{
    char *a = NULL, *b = NULL;
    size_t na = 0, nb = 1;
    bool fine = weir_program_text(p, WEIR_TEXT_LISTING, &a, &na) == WEIR_OK &&
                weir_program_text(q, WEIR_TEXT_LISTING, &b, &nb) == WEIR_OK && na == nb &&
                memcmp(a, b, na) == 0;

    weir_text_free(p, a);
    weir_text_free(q, b);
    return fine;
}

static bool same_twice(const char *text, uint32_t linktype, unsigned optimize)
{
    struct rng r = {5};
    const struct weir_allocator al = {shifty_reallocate, &r};
    struct weir_program *p = compile(text, linktype, optimize, NULL),
                        *q = compile(text, linktype, optimize, &al);
    bool fine = !p == !q && (!p || same_text(p, q));

    weir_program_free(p);
    weir_program_free(q);
    return fine;
}

static void test_same_bytes(void)
{
    for (unsigned optimize = 0; optimize < 2; optimize++) {
        bool fine = true;
        for (size_t i = 0; i < PROPERTY_FILTERS; i++)
            if (!same_twice(property_filters[i].text, property_filters[i].linktype, optimize)) {
                tap_pending("%s", property_filters[i].text);
                fine = false;
            }
        tap_ok(fine, "the same bytes twice, %s", optimize ? "optimized" : "plain");
    }
}

/* ---------------------------------------------------------------- shared filters */

static void test_shared(void)
{
    struct json_lines lines;
    unsigned checked = 0, walked_wrong = 0, bytes_wrong = 0;
    char *path = shared_path("cases/accept.jsonl");

    if (!path || !json_lines_load(path, &lines)) {
        tap_skip(SHARED_ABSENT, "shared filters verify and refine");
        tap_skip(SHARED_ABSENT, "shared filters give the same bytes twice");
        free(path);
        return;
    }
    for (size_t i = 0; i < lines.n; i++) {
        const json_t *spellings = json_object_get(lines.at[i], "spellings");
        const char *text = json_string_value(json_array_get(spellings, 0));
        const char *name = json_text(lines.at[i], "linktype");
        int64_t linktype = name ? weir_linktype_by_name(name) : 1;
        if (!text || linktype < 0)
            continue;
        checked++;
        const char *wrong = check_filter(text, (uint32_t)linktype, WALKS / 10);
        if (wrong && walked_wrong++ < 10)
            tap_pending("%s: %s: %s", name, text, wrong);
    }
    tap_ok(!walked_wrong, "%u shared filters verify and refine", checked);
    for (size_t i = 0; i < lines.n; i += 4) {
        const char *text = json_string_value(json_array_get(json_object_get(lines.at[i], "spellings"), 0));
        if (text && !same_twice(text, 1, i / 4 % 2) && bytes_wrong++ < 10)
            tap_pending("%s", text);
    }
    tap_ok(!bytes_wrong, "shared filters give the same bytes twice");
    json_lines_free(&lines);
    free(path);
}

int main(void)
{
    test_de_morgan();
    test_filters();
    test_threading();
    test_same_bytes();
    test_shared();
    return tap_done();
}
