/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_random.c - random filters: the optimized program refines the plain one, and both say what
 * the IR says.
 *
 * 1,000 filters, 10,000 where WEIR_LONG is set. The same seed gives the same filters: WEIR_SEED=N.
 */
#include <stdlib.h>
#include <string.h>
#include "driver/pipeline.h"
#include "tests/differential/generate.c"
#include "tests/golden/compile.h"
#include "tests/harness/cuts.h"
#include "tests/harness/names.h"
#include "tests/prove/refine.h"

enum {
    FILTERS = 1000,
    FILTERS_LONG = 10000,
    TIMEOUT_MS = 5000,
    PACKETS = 24,
    CUT_PACKETS = 100,
    PACKET_BYTES = 200,
    PROTOCHAIN = 4,
    SHOWN = 5
};

static const char *const linktypes[] = {
    "EN10MB",     "EN10MB", "EN10MB", "EN10MB",           "EN10MB", "RAW",   "LINUX_SLL",
    "LINUX_SLL2", "NULL",   "PPP",    "IEEE802_11_RADIO", "C_HDLC", "PFLOG",
};

struct totals {
    struct refine_counts counts;
    unsigned filters, wrong, unequal, refused;
    unsigned out_of_range; /* differ, but only where the IR fails a guard */
};

struct random_filter {
    const char *text;
    struct weir_options o;
};

/* The IR of @f, in @arena. */
static int filter_ir(struct arena *arena, const struct random_filter *f, bool optimize, struct ir_func *out)
{
    struct diag_sink sink = {.arena = arena, .limit = 1};
    struct weir_options o = f->o;

    o.optimize = optimize;
    return pipeline_ir(arena, &sink, f->text, strlen(f->text), &o, NULL, out);
}

/* Classic programs against the IR they come from, packet by packet. */
static bool says_what_ir_says(struct rng *r, const struct random_filter *f, const struct program *plain,
                              const struct program *optimized)
{
    struct arena arena;
    struct ir_func ir[2];
    uint8_t bytes[PACKET_BYTES];
    bool same = true;

    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    same = filter_ir(&arena, f, false, &ir[0]) == 0 && filter_ir(&arena, f, true, &ir[1]) == 0;
    for (int i = 0; same && i < PACKETS; i++) {
        struct packet p = {.bytes = bytes, .caplen = PACKET_BYTES};
        bool faulted[2];
        rng_bytes(r, bytes, PACKET_BYTES);
        if (rng_below(r, 2))
            memset(bytes, 0, PACKET_BYTES);
        program_steer(plain, r, bytes, PACKET_BYTES);
        if (rng_below(r, 3) == 0)
            p.caplen = rng_below(r, PACKET_BYTES);
        p.wirelen = p.caplen + (rng_below(r, 2) ? 0 : rng_below(r, 1500));
        p.meta = (struct weir_metadata){.size = sizeof p.meta,
                                        .packet_type = rng_below(r, 6),
                                        .ifindex = rng_below(r, 4),
                                        .vlan_tci = rng_below(r, 4096),
                                        .vlan_present = rng_below(r, 2)};
        uint32_t reference = ir_eval(&ir[0], &p, &arena, &faulted[0]),
                 better = ir_eval(&ir[1], &p, &arena, &faulted[1]);
        same = reference == cbpf_run(plain->at, plain->n, &p, NULL);
        uint32_t run = cbpf_run(optimized->at, optimized->n, &p, NULL);
        same = same && (run == better || (faulted[1] && !better));
        same = same && (better == reference || (faulted[0] && !reference));
    }
    arena_release(&arena);
    return same;
}

/*
 * Does the plain IR fail a guard on the packet? Loads at 2^31 and above are never emitted: the classic
 * program rejects there without a load, so the prover does not see that anything may be said instead.
 */
static bool ir_faults(const struct random_filter *f, const struct packet *p)
{
    struct arena arena;
    struct ir_func ir;
    bool faulted = false;

    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    bool made = filter_ir(&arena, f, false, &ir) == 0;
    if (made)
        ir_eval(&ir, p, &arena, &faulted);
    arena_release(&arena);
    return made && faulted;
}

static void check(struct rng *r, const struct random_filter *f, struct totals *t)
{
    struct program plain = {0}, optimized = {0};
    struct weir_options o = f->o;
    char why[1200];

    o.optimize = 0;
    int rc = compile_program(f->text, &o, &plain, why, sizeof why);
    o.optimize = 1;
    if (rc >= 0)
        rc = compile_program(f->text, &o, &optimized, why, sizeof why);
    if (rc < 0) {
        t->refused++; /* the generator draws some that are wrong, on purpose; division by a constant zero is
                         when optimizing */
        program_free(&plain);
        return;
    }
    t->filters++;
    struct prove_result witness = {0};
    rc = refine_check(&plain, &optimized, TIMEOUT_MS, &t->counts, &witness);
    bool differ = rc < 0 || witness.verdict == PROVE_DIFFER;
    struct packet p = {witness.bytes, witness.caplen, witness.wirelen, witness.meta};
    uint32_t verdict[2] = {witness.p, witness.q};
    struct cuts_witness cut;
    if (!differ && cuts_differ(&plain, &optimized, r, CUT_PACKETS, &cut)) {
        p = cut.packet;
        verdict[0] = cut.plain;
        verdict[1] = cut.other;
        differ = true;
    }
    if (rc == 0 && differ && ir_faults(f, &p)) {
        t->out_of_range++;
    } else if (differ && t->wrong++ < SHOWN) {
        if (rc < 0)
            refine_describe(rc, &witness, why, sizeof why);
        else
            packet_describe(&p, verdict[0], verdict[1], why, sizeof why);
        tap_diag("link type %u, live %u, tune %u: %s: %s", o.linktype, o.live, o.tune, f->text, why);
    }
    if (rc == 0)
        prove_release(&witness);
    if (o.tune != WEIR_TUNE_SIZE && !says_what_ir_says(r, f, &plain, &optimized) && t->unequal++ < SHOWN)
        tap_diag("link type %u, live %u, tune %u: %s: programs and IR disagree", o.linktype, o.live, o.tune,
                 f->text);
    program_free(&plain);
    program_free(&optimized);
}

int main(void)
{
    unsigned wanted = getenv("WEIR_LONG") ? FILTERS_LONG : FILTERS;
    struct rng r = {rng_seed()};
    struct grammar g;
    struct totals t = {0};
    struct names *names = names_load("tests/differential/names");

    if (!tap_ok(names && grammar_load("tests/differential/grammar.tsv", &g), "the grammar can be read"))
        return tap_done();
    while (t.filters < wanted && t.refused < 10 * wanted) {
        struct arena arena;
        int64_t number =
            weir_linktype_by_name(linktypes[rng_below(&r, sizeof linktypes / sizeof linktypes[0])]);
        struct random_filter f = {.o = WEIR_OPTIONS_INIT};
        const struct linktype *lt = linktype_by_number((uint32_t)number);
        arena_init(&arena, &allocator_system, (size_t)1 << 26);
        f.o.linktype = (uint32_t)number;
        f.o.live = rng_below(&r, 5) == 0;
        f.o.protochain = PROTOCHAIN;
        f.o.tune = rng_below(&r, 3);
        f.o.resolver = names_resolver(names);
        struct tree *tree = generate_filter(&g, &r, &arena, lt, &f.o, 1 + rng_below(&r, 6));
        f.text = tree ? tree_text(tree, &arena) : NULL;
        if (f.text)
            check(&r, &f, &t);
        arena_release(&arena);
    }
    tap_ok(t.filters == wanted && !t.wrong,
           "the optimized programs of %u random filters refine the plain ones", t.filters);
    tap_ok(t.counts.unknown + t.out_of_range <= t.filters / 100, "at most one in a hundred is undecided");
    tap_ok(!t.unequal, "classic programs say what the IR says");
    tap_diag("%u by walking, %u by z3, %u unknown, %u with addresses from 2^31 on; %u filters refused",
             t.counts.walked, t.counts.asked, t.counts.unknown, t.out_of_range, t.refused);
    grammar_free(&g);
    names_free(names);
    return tap_done();
}
