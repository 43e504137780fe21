/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/test_lookups.c - filters that look into sets, optimized, against the plain program: random
 * formulas on packets of every kind, whole and cut short; and how many lookups both make.
 *
 * What is in a set is decided by a hash of the bytes, so that every packet's own are members half of the
 * time.
 */
#include "driver/pipeline.h"
#include "jit-tests/packets.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"

/* The members, and who asked. */
struct asked {
    uint64_t seed;
    unsigned lookups;
};

static bool has(const void *user, const struct ir_set *set, enum ir_op op, const uint8_t *key)
{
    struct asked *a = (struct asked *)(uintptr_t)user;
    uint64_t h = a->seed ^ (uint8_t)set->name[0];
    unsigned n = op == IR_LOOKUP16 ? 2 : op == IR_LOOKUP32 ? 4 : op == IR_LOOKUP48 ? 6 : 16;

    a->lookups++;
    for (unsigned i = 0; i < n; i++)
        h = (h ^ key[i]) * UINT64_C(0x100000001b3);
    return h >> 40 & 1;
}

struct compiled {
    struct arena arena;
    struct ir_func f;
    int status;
};

static void compile(struct compiled *c, const char *filter, bool optimize)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct diag_sink sink = {.arena = &c->arena, .limit = 1};

    arena_init(&c->arena, &allocator_system, (size_t)1 << 28);
    o.target = WEIR_TARGET_XDP;
    o.optimize = optimize;
    c->status = pipeline_ir(&c->arena, &sink, filter, strlen(filter), &o, NULL, &c->f);
}

/* The verdict, and how many lookups were made for it. */
static uint32_t verdict(struct compiled *c, const struct packets *all, size_t i, uint32_t n, uint64_t seed,
                        unsigned *lookups, bool *faulted)
{
    struct asked a = {seed, 0};
    const struct packet_sets sets = {has, &a};
    const struct packet p = {.bytes = all->byte[i], .caplen = n, .wirelen = all->size[i]};
    uint32_t v = ir_eval_sets(&c->f, &p, &sets, &c->arena, faulted);

    *lookups = a.lookups;
    return v;
}

/* ---------------------------------------------------------------- random formulas */

struct totals {
    unsigned accepted, rejected, faulted, before, after; /* lookups: plain, optimized */
};

static size_t random_formula(struct rng *r, char *to, size_t room, unsigned depth)
{
    static const char *const parts[] = {
        "host @a",
        "src @a",
        "dst host @a",
        "ip host @a",
        "port @p",
        "dst port @p",
        "ether src @m",
        "host @b",
        "tcp",
        "udp",
        "ip",
        "ip6",
        "arp",
        "tcp port 80",
        "port 53",
        "host 10.0.0.3",
        "len > 60",
        "ether[0] & 1 = 0",
        "ip[8] > 60",
        "icmp[0] = 8",
        "ip[ip[8] & 3] > 1",
        "src portrange 80-443",
        "1 / ip[1] = 0",
        "ip proto 47",
    };
    static const char *const words[] = {" and ", " or "};
    unsigned n = depth ? 2 + rng_below(r, 3) : 1;
    size_t at = 0;

    if (!depth || !rng_below(r, 4))
        return (size_t)snprintf(to, room, "%s%s", rng_below(r, 4) ? "" : "not ",
                                parts[rng_below(r, sizeof parts / sizeof parts[0])]);
    const char *word = words[rng_below(r, 2)];
    at += (size_t)snprintf(to, room, "%s(", rng_below(r, 5) ? "" : "not ");
    for (unsigned i = 0; i < n; i++) {
        at += (size_t)snprintf(to + at, room - at, "%s", i ? word : "");
        at += random_formula(r, to + at, room - at, depth - 1);
    }
    return at + (size_t)snprintf(to + at, room - at, ")");
}

/* Whether the optimized program refines the plain one on some packets, each cut at some place. */
static bool refines(const char *filter, const struct packets *all, struct rng *r, struct totals *t)
{
    struct compiled plain, fast;
    bool good = true;

    compile(&plain, filter, false);
    compile(&fast, filter, true);
    good = plain.status >= 0 && fast.status >= 0;
    for (unsigned k = 0; good && k < 120; k++) {
        size_t i = rng_below(r, (uint32_t)all->n);
        uint32_t n = rng_below(r, 3) ? rng_below(r, all->size[i] + 1) : all->size[i];
        uint64_t seed = rng_next(r);
        unsigned before, after;
        bool faulted = false, ignored;
        uint32_t want = verdict(&plain, all, i, n, seed, &before, &faulted);
        uint32_t got = verdict(&fast, all, i, n, seed, &after, &ignored);
        t->accepted += want != 0;
        t->rejected += want == 0;
        t->faulted += faulted;
        t->before += before;
        t->after += after;
        good = got == want || faulted;
        if (!good)
            tap_pending("%s: %u of %u bytes, plain %u, optimized %u", filter, n, all->size[i], want, got);
    }
    if (plain.status < 0 || fast.status < 0)
        tap_pending("%s: status %d, %d", filter, plain.status, fast.status);
    arena_release(&plain.arena);
    arena_release(&fast.arena);
    return good;
}

static void random_formulas(const struct packets *all)
{
    struct rng r = {rng_seed() ^ 0x100c};
    unsigned formulas = getenv("WEIR_LONG") ? 20000 : 1500;
    struct totals t = {0};
    char filter[2048];
    bool good = true;

    for (unsigned i = 0; good && i < formulas; i++) {
        random_formula(&r, filter, sizeof filter, 1 + rng_below(&r, 3));
        good = refines(filter, all, &r, &t);
    }
    tap_ok(good && t.accepted && t.rejected && t.faulted && t.after < t.before,
           "%u random formulas: %u accepted, %u rejected, %u out of range; %u lookups became %u", formulas,
           t.accepted, t.rejected, t.faulted, t.before, t.after);
}

/* ---------------------------------------------------------------- what is to be expected */

/* Filters that make as many lookups for every packet, whatever stands first in the text. */
static void same_order(const char *a, const char *b, const struct packets *all)
{
    struct compiled x, y;
    unsigned differ = 0, made = 0;

    compile(&x, a, true);
    compile(&y, b, true);
    for (size_t i = 0; i < all->n && x.status == 0 && y.status == 0; i++) {
        unsigned first, second;
        bool ignored;
        verdict(&x, all, i, all->size[i], i, &first, &ignored);
        verdict(&y, all, i, all->size[i], i, &second, &ignored);
        differ += first != second;
        made += second;
    }
    if (!tap_ok(x.status == 0 && y.status == 0 && !differ && made, "'%s' makes the %u lookups of '%s'", a,
                made, b))
        tap_diag("%u packets differ", differ);
    arena_release(&x.arena);
    arena_release(&y.arena);
}

int main(void)
{
    static struct packets all;
    struct rng r = {rng_seed()};

    while (all.n < 400)
        packets_generate(&all, &r);
    same_order("host @a and tcp", "tcp and host @a", &all);
    same_order("host @a and tcp port 80", "tcp port 80 and host @a", &all);
    same_order("not host @a and udp", "udp and not host @a", &all);
    same_order("src @a and port @p and tcp", "tcp and port @p and src @a", &all);
    same_order("ip host @a or arp", "arp or ip host @a", &all);
    same_order("(host @a and tcp) or (host @b and icmp)", "(tcp and host @a) or (icmp and host @b)", &all);
    random_formulas(&all);
    packets_free(&all);
    return tap_done();
}
