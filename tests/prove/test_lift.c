/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_lift.c - classic programs that are read: plain they are what was read, their IR says what
 * they say, and optimized they refine it.
 *
 * The reference compiler's programs of cases/accept.jsonl, and random ones: 1,500 of a kind, and 15,000 where
 * WEIR_LONG is set. The same seed gives the same programs: WEIR_SEED=N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lift/lift.h"
#include "opt/opt.h"
#include "tests/harness/random_cbpf.h"
#include "tests/harness/shared.h"
#include "tests/prove/refine.h"

enum { RANDOM = 1500, RANDOM_LONG = 15000, TIMEOUT_MS = 5000, PACKETS = 40, PACKET_BYTES = 160, SHOWN = 5 };

static const struct random_cbpf ordinary = {.metadata = RANDOM_CBPF_METADATA, .wild_shifts = true};
static const struct random_cbpf returning = {
    .metadata = RANDOM_CBPF_METADATA, .wild_shifts = true, .return_a = true};

struct totals {
    struct refine_counts counts;
    struct rng rng;
    uint32_t tune; /* enum weir_tune */
    unsigned programs, wrong, changed, unequal, refused, out_of_range;
    unsigned accepted, rejected, faulted; /* packets */
    uint64_t before[2], after[2];         /* instructions and loads executed on packets that were accepted */
};

static struct packet some_packet(struct rng *r, const struct program *p, uint8_t *bytes)
{
    struct packet packet = {.bytes = bytes,
                            .caplen = rng_below(r, 3) ? PACKET_BYTES : rng_below(r, PACKET_BYTES)};

    rng_bytes(r, bytes, PACKET_BYTES);
    if (rng_below(r, 2))
        memset(bytes, 0, PACKET_BYTES);
    program_steer(p, r, bytes, PACKET_BYTES);
    packet.wirelen = packet.caplen + (rng_below(r, 2) ? 0 : rng_below(r, 1500));
    packet.meta = random_cbpf_metadata(r);
    return packet;
}

/* The IR says what the program says on every packet, cut short or not, and the passes keep it well formed. */
static const char *ir_agrees(struct totals *t, const struct program *p, bool any_match)
{
    static const struct opt_options checked = {.verify = true, .pass_limit = UINT32_MAX};
    const struct cbpf_code code = {.insn = {p->at, p->n, p->n}};
    uint8_t bytes[PACKET_BYTES];
    struct arena arena;
    struct lift_refusal no;
    struct ir_func plain, better;
    uint32_t where;
    const char *why = NULL;

    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    if (lift_program(&arena, &code, &plain, &no) < 0 || lift_program(&arena, &code, &better, &no) < 0)
        why = no.why ? no.why : "no memory";
    if (!why && any_match) {
        ir_only_match(&plain);
        ir_only_match(&better);
    }
    if (!why)
        why = ir_verify(&plain, &arena, &where);
    if (!why && opt_run(&better, &checked) < 0)
        why = "the passes fail";
    for (int i = 0; !why && i < PACKETS; i++) {
        struct packet packet = some_packet(&t->rng, p, bytes);
        struct vm_counts counts = {0};
        bool fault, later;
        uint32_t want = cbpf_run(p->at, p->n, &packet, &counts),
                 got = ir_eval(&plain, &packet, &arena, &fault);
        uint32_t optimized = ir_eval(&better, &packet, &arena, &later);
        t->accepted += want != 0;
        t->faulted += counts.faults != 0;
        t->rejected += !want && !counts.faults;
        if (any_match) {
            want = want != 0;
            got = got != 0;
            optimized = optimized != 0;
        }
        if (got != want || (fault && !counts.faults)) /* loads from 2^31 on are returns in the IR */
            why = "the IR says something else";
        else if (optimized != want && !(counts.faults && optimized))
            why = "the optimized IR says something else";
    }
    arena_release(&arena);
    return why;
}

static int read_text(struct weir *cx, const char *text, uint32_t optimize, uint32_t tune,
                     struct weir_program **out)
{
    struct weir_options o = WEIR_OPTIONS_INIT;

    o.optimize = optimize;
    o.tune = tune;
    o.lint = 1;
    return weir_program_read(cx, text, strlen(text), &o, out);
}

/* Executed instructions and packet loads of both programs, on packets the first accepts. */
static void measure(struct totals *t, const struct program *p, const struct program *q)
{
    uint8_t bytes[PACKET_BYTES];

    for (int i = 0; i < PACKETS; i++) {
        struct packet packet = some_packet(&t->rng, p, bytes);
        struct vm_counts before = {0}, after = {0};
        if (!cbpf_run(p->at, p->n, &packet, &before))
            continue;
        cbpf_run(q->at, q->n, &packet, &after);
        t->before[0] += before.instructions;
        t->before[1] += before.loads;
        t->after[0] += after.instructions;
        t->after[1] += after.loads;
    }
}

/* Does a witness only show that addresses from 2^31 on, which are never emitted, are out of range? */
static bool faults_without_load(const struct program *p, const struct prove_result *w)
{
    const struct packet packet = {w->bytes, w->caplen, w->wirelen, w->meta};
    struct vm_counts counts = {0};

    return !cbpf_run(p->at, p->n, &packet, &counts) && counts.faults;
}

/* @text is a program that validates. */
static void check(struct totals *t, struct weir *cx, const char *name, const char *text)
{
    struct weir_program *as_read = NULL, *optimized = NULL;
    struct program p = {0}, q = {0};
    struct prove_result witness = {0};
    const char *why = NULL;
    char words[1200];
    size_t n = 0;
    int status = read_text(cx, text, 0, WEIR_TUNE_SPEED, &as_read), rc;

    if (status == 0) {
        const struct weir_cbpf_insn *code = weir_program_cbpf(as_read, &n);
        program_copy(code, (uint32_t)n, &p);
        status = read_text(cx, text, 1, t->tune, &optimized);
    }
    t->programs++;
    if (status < 0 || !p.at) {
        if (t->wrong++ < SHOWN)
            tap_diag("%s: status %d: %s", name, status,
                     weir_diagnostic_count(cx) ? weir_diagnostic(cx, 0)->message : "");
        goto end;
    }
    if (status == 0 && weir_diagnostic_count(cx)) {
        t->refused++;
        if (t->refused < SHOWN)
            tap_diag("%s: %s", name, weir_diagnostic(cx, 0)->message);
    }
    const struct weir_cbpf_insn *code = weir_program_cbpf(optimized, &n);
    program_copy(code, (uint32_t)n, &q);
    t->changed += p.n != q.n || memcmp(p.at, q.at, n * sizeof *q.at) != 0;
    why = ir_agrees(t, &p, false);
    if (why && t->unequal++ < SHOWN)
        tap_diag("%s: %s", name, why);
    rc = refine_check(&p, &q, TIMEOUT_MS, &t->counts, &witness);
    if (rc < 0 || witness.verdict == PROVE_DIFFER) {
        if (rc == 0 && faults_without_load(&p, &witness))
            t->out_of_range++;
        else if (t->wrong++ < SHOWN) {
            refine_describe(rc, &witness, words, sizeof words);
            tap_diag("%s: %s\n%s", name, words, text);
        }
    }
    if (rc == 0)
        prove_release(&witness);
    measure(t, &p, &q);
end:
    weir_program_free(as_read);
    weir_program_free(optimized);
    program_free(&p);
    program_free(&q);
}

static void report(const struct totals *t, const char *what)
{
    tap_ok(t->programs && !t->wrong, "%s: %u programs, optimized, refine what was read", what, t->programs);
    tap_ok(!t->unequal, "%s: the IR says what the program says", what);
    tap_ok(t->counts.unknown <= t->programs / 100, "%s: at most one in a hundred is undecided", what);
    tap_ok(t->accepted && t->rejected && t->faulted, "%s: packets are accepted, rejected and too short",
           what);
    tap_diag("%u by walking, %u by z3, %u unknown; %u changed, %u left as they are, %u with addresses from "
             "2^31 on",
             t->counts.walked, t->counts.asked, t->counts.unknown, t->changed, t->refused, t->out_of_range);
    tap_diag("%u packets accepted, %u rejected, %u too short; on accepted ones %.3f of the instructions, "
             "%.3f of the loads",
             t->accepted, t->rejected, t->faulted, (double)t->after[0] / (double)t->before[0],
             (double)t->after[1] / (double)t->before[1]);
}

static void reference_programs(struct weir *cx)
{
    static const char *const levels[] = {"unoptimized", "optimized"};
    struct json_lines cases;
    char *path = shared_path("cases/accept.jsonl");
    bool loaded = path && json_lines_load(path, &cases);

    free(path);
    if (!path) {
        tap_skip(SHARED_ABSENT, "the reference's programs");
        return;
    }
    if (!tap_ok(loaded, "cases can be read"))
        return;
    for (uint32_t level = 0; level < 2; level++) {
        struct totals t = {.rng = {rng_seed()}};
        unsigned invalid = 0;
        for (size_t i = 0; i < cases.n; i++) {
            const char *text = json_text(cases.at[i], levels[level]);
            struct program p = {0};
            t.tune = (uint32_t)i % 3;
            if (!text || listing_parse(text, &p) || program_has_loop(&p))
                continue;
            if (cbpf_validate(p.at,
                              p.n)) /* one reads a cell that it never stored to, which Linux refuses, too */
                invalid++;
            else
                check(&t, cx, json_text(cases.at[i], "name"), text);
            program_free(&p);
        }
        report(&t, levels[level]);
        tap_ok(invalid <= 1 && t.programs > 300 && t.changed > t.programs / 10,
               "the optimizer has an effect on %u", t.changed);
    }
    json_lines_free(&cases);
}

static void random_programs(struct weir *cx, const char *what, const struct random_cbpf *kind, uint64_t seed)
{
    unsigned wanted = getenv("WEIR_LONG") ? RANDOM_LONG : RANDOM;
    struct totals t = {.rng = {seed}};
    struct weir_cbpf_insn code[RANDOM_CBPF_MAX];

    for (unsigned i = 0; i < wanted; i++) {
        uint32_t n = random_cbpf(kind, &t.rng, code);
        char name[60];
        struct strbuf text;

        strbuf_init(&text, &allocator_system);
        cbpf_print_decimal(code, n, &text);
        snprintf(name, sizeof name, "%s %u", what, i);
        if (cbpf_validate(code, n)) {
            tap_ok(false, "%s is valid", name);
            return;
        }
        t.tune = i % 3;
        check(&t, cx, name, text.text);
        strbuf_release(&text);
    }
    report(&t, what);
    tap_ok(!t.refused, "%s: all have IR", what);
}

/* Where only a match is asked for, the IR says whether the number is 0. */
static void only_matches(void)
{
    unsigned other = 0;
    struct totals t = {.rng = {rng_seed() + 1}};
    struct weir_cbpf_insn code[RANDOM_CBPF_MAX];

    for (unsigned i = 0; i < RANDOM; i++) {
        struct program p = {code, random_cbpf(&returning, &t.rng, code)};
        const char *why = ir_agrees(&t, &p, true);
        if (why && other++ < SHOWN)
            tap_diag("random program %u: %s", i, why);
    }
    tap_ok(!other && t.accepted && t.rejected && t.faulted,
           "random programs that return A: match or no match is the same");
}

int main(void)
{
    struct weir *cx = NULL;

    if (!tap_ok(weir_new(NULL, &cx) == 0, "a context"))
        return tap_done();
    reference_programs(cx);
    random_programs(cx, "random", &ordinary, rng_seed());
    random_programs(cx, "random, with numbers returned", &returning, rng_seed());
    only_matches();
    weir_free(cx);
    return tap_done();
}
