/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_lists.c - long lists: the optimized program refines the plain one, by walking intervals.
 *
 * Each list is proved at two lengths, and with one constant of the optimized program changed, which must be
 * seen. No optimized program has a longer path than the plain one, and only one with a shorter path is
 * longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/golden/compile.h"
#include "tests/harness/tap.h"
#include "tests/prove/grouped_lists.h"
#include "tests/prove/prove.h"
#include "tests/prove/short_lists.h"

static const char *verdict_word(int rc, const struct prove_result *r)
{
    return rc                           ? "error"
           : r->verdict == PROVE_EQUAL  ? "proved"
           : r->verdict == PROVE_DIFFER ? "differs"
                                        : r->why;
}

/* Changes the constant of some compare; false when there is none. */
static bool break_program(struct program *p, struct rng *r)
{
    for (uint32_t attempt = 0; attempt < 1000; attempt++) {
        struct weir_cbpf_insn *i = &p->at[rng_below(r, p->n)];
        if (i->code != 0x15) /* jeq #k */
            continue;
        i->k ^= 4;
        return true;
    }
    return false;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ETHERNET = 1, WLAN = 105, RADIOTAP = 127 }; /* DLT_ numbers */

/* @text, plain and optimized; false, having said why, when it does not compile. */
static bool compile_both(const char *text, uint32_t linktype, struct program *plain,
                         struct program *optimized)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    char why[256] = "";

    o.linktype = linktype;
    o.optimize = 0;
    int rc = compile_program(text, &o, plain, why, sizeof why);
    o.optimize = 1;
    if (rc >= 0)
        rc = compile_program(text, &o, optimized, why, sizeof why);
    if (rc < 0)
        tap_diag("%s", why);
    return rc >= 0;
}

static bool compile_list(const struct list *l, uint32_t linktype, uint32_t n, struct rng *r,
                         struct program *plain, struct program *optimized)
{
    struct strbuf text;

    strbuf_init(&text, &allocator_system);
    strbuf_puts(&text, l->before);
    for (uint32_t i = 0; i < n; i++) {
        strbuf_puts(&text, i ? l->between : "");
        l->term(r, &text);
    }
    strbuf_puts(&text, l->after);
    bool compiled = !text.failed && compile_both(text.text, linktype, plain, optimized);
    strbuf_release(&text);
    return compiled;
}

enum { CHANGES = 64 };

/* Is one of some changed constants seen? Some tests decide nothing, so that theirs may change. */
static bool change_is_seen(const struct program *plain, const struct program *optimized, struct rng *r)
{
    const struct prove_options patient = {.work = UINT64_C(1) << 34};
    struct prove_result result = {0};
    bool seen = false;

    for (unsigned tries = 0; tries < CHANGES && !seen; tries++) {
        struct program broken = {0};
        bool changed = program_copy(optimized->at, optimized->n, &broken) && break_program(&broken, r);
        int rc = changed ? walk_refines(plain->at, plain->n, broken.at, broken.n, &patient, &result) : -1;
        seen = rc == 0 && result.verdict == PROVE_DIFFER;
        if (rc == 0)
            prove_release(&result);
        program_free(&broken);
    }
    return seen;
}

/* Has the optimized program a shorter longest path, or is it as short in both? */
static bool is_better(const struct program *plain, const struct program *optimized)
{
    uint32_t before = program_longest_path(plain), now = program_longest_path(optimized);

    return now <= before && (now < before || optimized->n <= plain->n);
}

static void prove_list(const struct list *l, uint32_t linktype, uint32_t n, uint64_t seed)
{
    struct rng r = {seed + n};
    struct program plain = {0}, optimized = {0};
    const struct prove_options patient = {.work = UINT64_C(1) << 34};
    struct prove_result result = {0};

    if (tap_ok(compile_list(l, linktype, n, &r, &plain, &optimized), "%u %s compile", n, l->name)) {
        int rc = walk_refines(plain.at, plain.n, optimized.at, optimized.n, &patient, &result);
        if (!tap_ok(rc == 0 && result.verdict == PROVE_EQUAL, "%u %s: %u instructions refine %u", n, l->name,
                    optimized.n, plain.n))
            tap_diag("%s", verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
        tap_ok(is_better(&plain, &optimized), "%u %s: shorter, or a shorter path", n, l->name);
        tap_ok(change_is_seen(&plain, &optimized, &r), "%u %s: a changed constant is seen", n, l->name);
    }
    program_free(&plain);
    program_free(&optimized);
}

static void prove_small(const struct list *l, uint64_t seed, unsigned times)
{
    unsigned proved = 0;

    for (unsigned i = 0; i < times; i++) {
        struct rng r = {seed + i};
        struct program plain = {0}, optimized = {0};
        struct prove_result result = {0};
        bool compiled =
            compile_list(l, ETHERNET, l->few + rng_below(&r, l->many - l->few + 1), &r, &plain, &optimized);
        int rc = compiled ? walk_refines(plain.at, plain.n, optimized.at, optimized.n, NULL, &result) : -1;
        if (rc == 0 && result.verdict == PROVE_EQUAL && is_better(&plain, &optimized))
            proved++;
        else
            tap_pending("%u instructions for %u, seed %llu: %s", optimized.n, plain.n,
                        (unsigned long long)(seed + i), verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
        program_free(&plain);
        program_free(&optimized);
    }
    tap_ok(proved == times, "%s: %u of %u small lists proved and better", l->name, proved, times);
}

/* @times the @terms: is it still a search, whose longest path grows by no more than @most times? */
static void test_depth(const struct list *l, uint32_t linktype, uint32_t terms, uint32_t times, uint32_t most,
                       uint64_t seed)
{
    uint32_t path[2] = {0};

    for (unsigned i = 0; i < 2; i++) {
        struct rng r = {seed};
        struct program plain = {0}, optimized = {0};
        if (compile_list(l, linktype, i ? times * terms : terms, &r, &plain, &optimized))
            path[i] = program_longest_path(&optimized);
        program_free(&plain);
        program_free(&optimized);
    }
    tap_ok(path[0] > 0 && path[1] > 0 && path[1] <= most * path[0], "%u and %u %s: longest paths %u and %u",
           terms, times * terms, l->name, path[0], path[1]);
}

/* A filter that repeats what neighbours ask for is as good as one that does not. */
static void test_written(const struct written *w)
{
    struct program plain = {0}, each = {0}, plain_once = {0}, once = {0};
    struct prove_result result = {0};

    if (tap_ok(compile_both(w->each, w->linktype, &plain, &each) &&
                   compile_both(w->once, w->linktype, &plain_once, &once),
               "%s compiles", w->each)) {
        int rc = walk_refines(plain.at, plain.n, each.at, each.n, NULL, &result);
        tap_ok(rc == 0 && result.verdict == PROVE_EQUAL, "it is right: %s", verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
        uint32_t path = program_longest_path(&each), path_once = program_longest_path(&once);
        tap_ok(each.n <= once.n && path <= path_once, "%u instructions, longest path %u; written once %u, %u",
               each.n, path, once.n, path_once);
    }
    program_free(&plain);
    program_free(&each);
    program_free(&plain_once);
    program_free(&once);
}

static void test_kinds(const struct list *l, size_t n, uint32_t linktype, bool all, uint64_t seed)
{
    if (linktype != ETHERNET)
        tap_diag("link type %u:", linktype);
    for (size_t i = 0; i < n; i++) {
        prove_list(&l[i], linktype, l[i].few, seed);
        if (all)
            prove_list(&l[i], linktype, l[i].many, seed);
    }
    for (size_t i = 0; i < n; i++)
        test_depth(&l[i], linktype, 500, 16, 2, seed);
    for (size_t i = 0; i < n; i++)
        test_depth(&l[i], linktype, 20, 3, 2, seed);
}

int main(void)
{
    static const uint32_t elsewhere[] = {WLAN, RADIOTAP};
    bool all = getenv("WEIR_LONG") != NULL;
    uint64_t seed = rng_seed();

    test_kinds(lists, COUNT(lists), ETHERNET, all, seed);
    test_kinds(grouped_lists, COUNT(grouped_lists), ETHERNET, all, seed);
    for (size_t i = 0; i < COUNT(elsewhere); i++)
        test_kinds(header_lists, COUNT(header_lists), elsewhere[i], all, seed);
    for (size_t i = 0; i < COUNT(elsewhere); i++) {
        test_depth(&mac_list, elsewhere[i], 500, 16, 2, seed);
        test_depth(&mac_list, elsewhere[i], 1, 3, 2, seed); /* three are asked where one is */
        prove_list(&mac_list, elsewhere[i], 2, seed);
        prove_list(&mac_list, elsewhere[i], 4, seed);
    }
    for (size_t i = 0; i < COUNT(written); i++)
        test_written(&written[i]);
    prove_list(&lists[0], ETHERNET, 10000, seed);
    for (size_t i = 0; i < COUNT(small); i++)
        prove_small(&small[i], seed, all ? 200 : 5);
    return tap_done();
}
