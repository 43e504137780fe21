/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/run_target.h - programs of one target through Linux's verifier and JIT, against the trusted
 * evaluators.
 *
 * A plain program gives the verdict of the plain classic program on every packet. An optimized one refines
 * it: where the plain program accepts, or finishes without an out-of-range load, the verdicts are equal. The
 * same holds for classic programs that are read and converted: random ones, and the plain programs of
 * filters. Random IR follows, which asks more of the verifier's bounds than filters do. A program the
 * verifier refuses is a failure.
 */
#ifndef WEIR_JIT_TESTS_RUN_TARGET_H
#define WEIR_JIT_TESTS_RUN_TARGET_H
#include <sched.h>
#include "backends/ebpf/ebpf.h"
#include "driver/pipeline.h"
#include "jit-tests/filters.h"
#include "jit-tests/kernel.h"
#include "jit-tests/packets.h"
#include "jit-tests/random_ir.h"
#include "lift/lift.h"
#include "tests/harness/random_cbpf.h"
#include "jit-tests/sets.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"

struct target {
    const struct kernel_type *kernel;
    uint32_t target;
    uint32_t shortest;        /* packets a test run takes */
    int counters;             /* a map, or 0: the program does not count */
    struct filled_sets *sets; /* or NULL */
    bool frags, live, split;  /* split: packets whose tail cannot be reached directly */
    /* NULL, or makes the program that is loaded from the one that was emitted */
    void (*wrap)(struct ebpf_code *code);
};

static char verifier_log[1 << 20];

/* ---------------------------------------------------------------- compiling */

struct built {
    struct arena arena;
    struct diag_sink sink;
    struct ir_func f;
    struct ebpf_code code;
    struct ebpf_target_options o;
    int status;
};

static inline void built_init(struct built *b, const struct target *t)
{
    *b = (struct built){.status = 0};
    arena_init(&b->arena, &allocator_system, (size_t)1 << 30);
    b->sink.arena = b->code.arena = &b->arena;
    b->sink.limit = 10;
    b->o = ebpf_target_defaults(t->target, 262144);
    b->o.frags = t->frags;
    b->o.direct = t->kernel == &kernel_socket_direct;
    b->o.count = t->counters > 0;
}

static inline void built_emit(struct built *b, const struct target *t)
{
    b->status = ebpf_emit(&b->f, &b->o, &b->sink, &b->code);
    int maps[IR_SETS_MAX];
    for (uint32_t i = 0; i < b->f.set.n; i++)
        maps[i] = t->sets ? sets_map(t->sets, &b->f.set.at[i]) : -1;
    if (b->status == 0)
        kernel_relocate(b->code.insn.at, b->code.reloc.at, b->code.reloc.n, t->counters, maps);
    if (b->status == 0 && t->wrap)
        t->wrap(&b->code);
}

static inline bool built_filter(struct built *b, const struct target *t, const char *filter,
                                uint32_t optimize)
{
    struct weir_options o = WEIR_OPTIONS_INIT;

    built_init(b, t);
    o.optimize = optimize;
    o.live = t->live;
    b->status = pipeline_ir(&b->arena, &b->sink, filter, strlen(filter), &o, NULL, &b->f);
    if (b->status == 0)
        built_emit(b, t);
    return b->status == 0;
}

static inline void built_show(const struct built *b, bool ir)
{
    struct strbuf text;

    strbuf_init(&text, &allocator_system);
    if (ir)
        ir_print(&b->f, &text);
    ebpf_print_listing(b->code.insn.at, b->code.insn.n, NULL, NULL, NULL, &text);
    tap_diag("%s", text.text ? text.text : "");
    strbuf_release(&text);
}

static inline struct weir_program *classic_of(const struct target *t, struct weir *cx, const char *filter)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;

    o.optimize = 0;
    o.live = t->live;
    return weir_compile(cx, filter, strlen(filter), &o, &p) < 0 ? NULL : p;
}

/* ---------------------------------------------------------------- verdicts */

struct verdicts {
    unsigned accepted, rejected, faulted, split;
};

/* The EtherType by which Linux calls a packet, whose Ethernet header is 0 where it is stripped: 1 and 4 are
 * those of lengths. */
static inline uint32_t protocol_of(bool stripped, const uint8_t *bytes, uint32_t size)
{
    const uint8_t *behind = stripped ? bytes : bytes + 14;
    uint32_t type = stripped ? 0 : (uint32_t)bytes[12] << 8 | bytes[13];

    if (type >= 0x600)
        return type;
    return size >= (stripped ? 2 : 16) && behind[0] == 0xff && behind[1] == 0xff ? 1 : 4;
}

/* What a test run says of a packet: its device is the loopback device, with address 0 and no broadcast
 * address. */
static inline struct weir_metadata metadata_of(const struct target *t, const uint8_t *bytes, uint32_t size)
{
    static const uint8_t zeros[6] = {0};
    struct weir_metadata m = {.size = sizeof m, .ifindex = 1};
    bool stripped = t->kernel->prefix != 0;

    m.packet_type = stripped || !memcmp(bytes, zeros, 6) ? 0 : bytes[0] & 1 ? 2 : 3;
    m.protocol = protocol_of(stripped, bytes, size);
    m.cpu = (uint32_t)sched_getcpu(); /* where run_target() stays */
    return m;
}

/* This thread stays where it is. */
static inline bool stay(void)
{
    cpu_set_t here;

    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    return sched_setaffinity(0, sizeof here, &here) == 0;
}

/* Whether the target answers @verdict to what is @number to the evaluators. */
static inline bool returns(const struct built *b, uint32_t number, uint32_t verdict)
{
    return verdict == (!number ? b->o.on_miss : b->o.numbers ? number : b->o.on_match);
}

/* Whether the loaded program may answer as it does, next to the plain classic program. */
static inline bool verdict_fits(const struct target *t, const struct built *b, int fd,
                                const struct weir_cbpf_insn *plain, size_t n, bool exact,
                                const uint8_t *bytes, uint32_t size, uint32_t linear, struct verdicts *v)
{
    struct packet p = {.bytes = bytes, .caplen = size, .wirelen = size, .meta = metadata_of(t, bytes, size)};
    struct vm_counts counts = {0};
    uint32_t want = cbpf_run(plain, (uint32_t)n, &p, &counts);
    uint32_t got = 0;
    int err = kernel_run_split(t->kernel, fd, bytes, size, linear, &got);

    v->accepted += want != 0;
    v->rejected += !want;
    v->faulted += counts.faults != 0;
    v->split += linear != 0;
    if (err == 0 &&
        (returns(b, want, got) || (!exact && !want && counts.faults && (b->o.numbers || returns(b, 1, got)))))
        return true;
    tap_diag("a packet of %u bytes, %u of them linear: classic %u%s, %s %d, %s", (unsigned)size,
             (unsigned)(linear ? linear : size), (unsigned)want, counts.faults ? " (out of range)" : "",
             t->kernel->name, (int)got, strerror(-err));
    return false;
}

static inline void test_filter(const struct target *t, struct weir *cx, const char *filter, uint32_t optimize,
                               const struct packets *all)
{
    struct weir_program *plain = classic_of(t, cx, filter);
    struct rng r = {rng_seed() + optimize};
    struct verdicts v = {0};
    struct built b;
    size_t bad = 0, classic_n = 0;
    const char *level = optimize ? "optimized" : "plain";

    if (!built_filter(&b, t, filter, optimize) || !plain) {
        tap_ok(false, "%.60s, %s: compiles", filter, level);
        tap_diag("status %d: %s", b.status, b.sink.list.n ? b.sink.list.at[0].message : "no diagnostic");
        arena_release(&b.arena);
        weir_program_free(plain);
        return;
    }
    const struct weir_cbpf_insn *classic = weir_program_cbpf(plain, &classic_n);
    int fd = kernel_load(t->kernel, b.code.insn.at, b.code.insn.n, verifier_log, sizeof verifier_log);
    if (fd < 0) {
        tap_ok(false, "%.60s, %s: the verifier accepts it", filter, level);
        tap_diag("%s\n%s", strerror(-fd), verifier_log);
        built_show(&b, false);
    } else {
        for (size_t i = 0; i < all->n && bad < 3; i++) {
            uint32_t size = all->size[i], linear = t->split && i % 2 ? 1 + rng_below(&r, size) : 0;
            if (!kernel_takes(t->kernel, all->byte[i], size))
                continue;
            bad += !verdict_fits(t, &b, fd, classic, classic_n, !optimize, all->byte[i], size, linear, &v);
        }
        if (!tap_ok(!bad, "%.60s, %s: %u instructions, %u accepted, %u rejected, %u out of range, %u split",
                    filter, level, (unsigned)b.code.insn.n, v.accepted, v.rejected, v.faulted, v.split))
            built_show(&b, false);
        close(fd);
    }
    arena_release(&b.arena);
    weir_program_free(plain);
}

/* Lists of hosts; the longest needs more than 16-bit jumps reach. */
static inline void test_lists(const struct target *t, struct weir *cx, const struct packets *all)
{
    static const struct {
        unsigned hosts;
        uint32_t optimize;
    } lists[] = {{40, 0}, {40, 1}, {2000, 1}, {12000, 1}};
    static char text[12000 * 24];

    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        size_t at = (size_t)snprintf(text, sizeof text, "host 10.0.0.3");
        for (unsigned i = 1; i < lists[k].hosts; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, " or 10.%u.%u.%u", i / 2500, i / 50 % 50,
                                   i % 50 * 3);
        test_filter(t, cx, text, lists[k].optimize, all);
    }
}

/* ---------------------------------------------------------------- programs that are read */

/* The classic program @code converted, next to itself, on every @step-th packet. False ends the test. */
static inline bool converted_agrees(const struct target *t, const struct weir_cbpf_insn *code, uint32_t n,
                                    uint32_t optimize, const struct packets *all, size_t step, struct rng *r,
                                    struct verdicts *v)
{
    static const struct opt_options passes = {.pass_limit = UINT32_MAX};
    const struct cbpf_code program = {.insn = {(struct weir_cbpf_insn *)code, n, n}};
    struct lift_refusal no;
    struct built b;
    size_t bad = 0;

    built_init(&b, t);
    b.status = lift_program(&b.arena, &program, &b.f, &no);
    if (b.o.numbers)
        b.o.on_match = b.f.accept;
    if (b.status == 0 && optimize)
        b.status = opt_run(&b.f, &passes);
    if (b.status == 0)
        built_emit(&b, t);
    int fd = b.status
                 ? b.status
                 : kernel_load(t->kernel, b.code.insn.at, b.code.insn.n, verifier_log, sizeof verifier_log);
    for (size_t i = rng_below(r, (uint32_t)step); fd >= 0 && i < all->n && !bad; i += step) {
        uint32_t size = all->size[i], linear = t->split && i / step % 2 ? 1 + rng_below(r, size) : 0;
        if (kernel_takes(t->kernel, all->byte[i], size))
            bad = !verdict_fits(t, &b, fd, code, n, !optimize, all->byte[i], size, linear, v);
    }
    if (fd < 0 || bad) {
        struct strbuf text;
        strbuf_init(&text, &allocator_system);
        cbpf_print_decimal(code, n, &text);
        tap_diag("status %d%s, optimize %u:\n%s%s", b.status, no.why ? no.why : "", optimize, text.text,
                 fd < 0 ? verifier_log : "");
        strbuf_release(&text);
        built_show(&b, true);
    }
    if (fd >= 0)
        close(fd);
    arena_release(&b.arena);
    return fd >= 0 && !bad;
}

static inline void test_converted(const struct target *t, struct weir *cx, const struct packets *all)
{
    const struct random_cbpf kind = {
        .metadata = t->live ? RANDOM_CBPF_SKB : 0, .return_a = true, .wild_shifts = true};
    struct rng r = {rng_seed() ^ 0xcbf};
    struct weir_cbpf_insn code[RANDOM_CBPF_MAX];
    unsigned runs = getenv("WEIR_LONG") ? 5000 : 150;
    struct verdicts v = {0}, w = {0};
    bool good = true;

    for (unsigned i = 0; good && i < runs; i++) {
        uint32_t n = random_cbpf(&kind, &r, code);
        good = converted_agrees(t, code, n, i % 2, all, all->n / 60 + 1, &r, &v);
    }
    tap_ok(good && v.accepted && v.rejected && v.faulted,
           "%u random classic programs converted: %u accepted, %u rejected, %u out of range, %u split", runs,
           v.accepted, v.rejected, v.faulted, v.split);
    good = true;
    for (size_t i = 0; good && i < sizeof filters / sizeof filters[0]; i++) {
        struct weir_program *plain = classic_of(t, cx, filters[i]);
        size_t n = 0;
        const struct weir_cbpf_insn *at = plain ? weir_program_cbpf(plain, &n) : NULL;
        for (uint32_t optimize = 0; good && optimize < 2; optimize++)
            good = at && converted_agrees(t, at, (uint32_t)n, optimize, all, 3, &r, &w);
        weir_program_free(plain);
    }
    tap_ok(good && w.accepted && w.rejected && w.faulted,
           "the plain programs of filters converted: %u accepted, %u rejected, %u out of range, %u split",
           w.accepted, w.rejected, w.faulted, w.split);
}

static inline void collect_packets(const struct target *t, struct packets *all)
{
    struct rng r = {rng_seed()};

    for (int i = 0; i < 200; i++)
        packets_generate(all, &r);
    size_t generated = all->n;
    for (size_t i = 0; i < generated; i += generated / 10)
        for (uint32_t n = t->shortest; n < all->size[i]; n++)
            packets_add(all, all->byte[i], n);
    size_t before = all->n;
    if (!shared_dir()) {
        tap_skip(SHARED_ABSENT, "real packets");
        return;
    }
    unsigned files = packets_of_captures(all, "captures/tcpdump", 4, KERNEL_PACKET_MAX);
    files += packets_of_captures(all, "captures/libpcap", 4, KERNEL_PACKET_MAX);
    tap_ok(files > 20 && all->n > before, "%zu packets, %zu of them from %u captures", all->n,
           all->n - before, files);
}

/* ---------------------------------------------------------------- random IR */

static inline bool random_agrees(const struct target *t, struct built *b, int fd, struct rng *r,
                                 unsigned *accepted)
{
    for (int k = 0; k < 40; k++) {
        uint8_t bytes[110];
        uint32_t n = t->shortest + rng_below(r, (uint32_t)sizeof bytes - t->shortest), got = 0;
        uint32_t linear = t->split && k % 2 && n ? 1 + rng_below(r, n) : 0;
        random_packet(r, bytes, n);
        if (!kernel_takes(t->kernel, bytes, n))
            continue;
        struct packet p = {
            .bytes = bytes, .caplen = n, .wirelen = n, .meta = {.cpu = (uint32_t)sched_getcpu()}};
        struct packet_sets sets = {sets_have, t->sets};
        uint32_t want = ir_eval_sets(&b->f, &p, t->sets ? &sets : NULL, &b->arena, NULL);
        int err = kernel_run_split(t->kernel, fd, bytes, n, linear, &got);
        *accepted += want != 0;
        if (err == 0 && returns(b, want, got))
            continue;
        tap_diag("%u bytes, %u linear: IR says %u, the kernel %d, %s", (unsigned)n, (unsigned)linear,
                 (unsigned)want, (int)got, strerror(-err));
        return false;
    }
    return true;
}

/* One random function; false ends the test. */
static inline bool test_random_one(const struct target *t, uint64_t seed, unsigned *loaded,
                                   unsigned *accepted)
{
    struct rng r = {seed};
    struct built b;
    bool good = true;

    built_init(&b, t);
    ir_init(&b.f, &b.arena, 262144);
    for (int i = 0; t->sets && i < 3; i++) {
        struct ir_set s = {.kind = t->sets->of[i].kind};
        strcpy(s.name, t->sets->of[i].name);
        if (!vec_push(&b.arena, &b.f.set, s))
            abort();
    }
    random_function(&b.f, &r);
    built_emit(&b, t);
    int fd = b.status
                 ? 0
                 : kernel_load(t->kernel, b.code.insn.at, b.code.insn.n, verifier_log, sizeof verifier_log);
    if (b.status && b.status != WEIR_E_LIMIT) {
        good = tap_ok(false, "random IR compiles");
        tap_diag("status %d", b.status);
    } else if (!b.status && (fd < 0 || !random_agrees(t, &b, fd, &r, accepted))) {
        good = tap_ok(false, "random IR: %s", fd < 0 ? "the verifier refuses it" : "verdicts differ");
        tap_diag("seed %llu: %s", (unsigned long long)seed, fd < 0 ? verifier_log : "");
        built_show(&b, true);
    }
    *loaded += !b.status && fd >= 0;
    if (!b.status && fd >= 0)
        close(fd);
    arena_release(&b.arena);
    return good;
}

static inline void test_random(const struct target *t)
{
    struct rng r = {rng_seed() ^ 0x5eed};
    unsigned loaded = 0, accepted = 0;
    int runs = getenv("WEIR_LONG") ? 20000 : 500;

    for (int i = 0; i < runs; i++)
        if (!test_random_one(t, rng_next(&r), &loaded, &accepted))
            return;
    tap_ok(loaded > (unsigned)runs * 9 / 10,
           "%u random functions%s%s load and agree with the IR, %u packets accepted", loaded,
           t->counters ? " that count" : "", t->sets ? " with sets" : "", accepted);
}

/* ---------------------------------------------------------------- named sets */

/* Prefixes of random addresses of random packets, ports and Ethernet addresses; and some that are nobody's.
 */
static inline bool fill_sets(struct filled_sets *s, const struct packets *all, struct rng *r,
                             unsigned members)
{
    bool good = true;

    sets_clear(s);
    for (unsigned i = 0; i < members; i++) {
        const uint32_t at = rng_below(r, (uint32_t)all->n), n = all->size[at];
        const uint8_t *p = all->byte[at];
        if (n < 60)
            continue;
        unsigned type = (unsigned)p[12] << 8 | p[13];
        good &= set_add_bytes(&s->of[2], p + (rng_below(r, 2) ? 6 : 0));
        if (type == 0x0800) {
            uint32_t bits = rng_below(r, 4) ? 32 : rng_below(r, 6) ? 20 + rng_below(r, 12) : rng_below(r, 33);
            good &= set_add_address(&s->of[0], p + (rng_below(r, 2) ? 26 : 30), 4, bits);
            good &= set_add_bytes(&s->of[1], p + (rng_below(r, 2) ? 34 : 36));
        } else if (type == 0x86dd) {
            uint32_t bits = rng_below(r, 4) ? 128 : 100 + rng_below(r, 28);
            good &= set_add_address(&s->of[0], p + (rng_below(r, 2) ? 22 : 38), 6, bits);
            good &= set_add_bytes(&s->of[1], p + (rng_below(r, 2) ? 54 : 56));
        }
    }
    return good;
}

static const char *const set_filters[] = {
    "host @a",
    "src host @a",
    "not dst net @a",
    "src and dst host @a",
    "ip host @a and not ip6",
    "ip6 src host @a",
    "arp host @a or rarp",
    "port @p",
    "tcp dst port @p or udp src port @p",
    "ether host @m",
    "ether src @m and not ether dst @m",
    "host @a and port @p and ether host @m",
    "len > 70 and (src @a or dst net @a) and not (tcp src port @p or host 10.0.0.1)",
    "vlan and host @a or port @p",
    "host @a or 10.0.0.3 or @a or port @p or 80",
    "ip[ip[8] & 3] > 1 and src @a and greater 60",
    "host @a and tcp",
    "not host @a and udp port 53 or ip6",
    "(host @a and tcp) or (port @p and ether src @m and icmp or arp)",
};

/* One filter: the evaluator's plain verdict on every packet, with one filling of the sets after another. */
static inline void test_set_filter(const struct target *t, const char *filter, uint32_t optimize,
                                   const struct packets *all)
{
    struct rng r = {rng_seed() + optimize};
    struct verdicts v = {0};
    struct built b, plain;
    unsigned bad = 0;

    built_filter(&plain, t, filter, 0);
    if (!built_filter(&b, t, filter, optimize) || plain.status) {
        tap_ok(false, "%s: compiles", filter);
        tap_diag("status %d: %s", b.status, b.sink.list.n ? b.sink.list.at[0].message : "no diagnostic");
        return;
    }
    int fd = kernel_load(t->kernel, b.code.insn.at, b.code.insn.n, verifier_log, sizeof verifier_log);
    if (fd < 0) {
        tap_ok(false, "%s: the verifier accepts it", filter);
        tap_diag("%s\n%s", strerror(-fd), verifier_log);
        built_show(&b, false);
    }
    for (unsigned round = 0; fd >= 0 && round < 4 && !bad; round++) {
        const struct packet_sets sets = {sets_have, t->sets};
        bad += !fill_sets(t->sets, all, &r, round * 15);
        for (size_t i = round; i < all->n && bad < 3; i += 2) {
            uint32_t size = all->size[i], linear = t->split && i % 4 > 1 ? 1 + rng_below(&r, size) : 0,
                     got = 0;
            bool fault;
            if (!kernel_takes(t->kernel, all->byte[i], size))
                continue;
            struct packet p = {.bytes = all->byte[i],
                               .caplen = size,
                               .wirelen = size,
                               .meta = metadata_of(t, all->byte[i], size)};
            uint32_t want = ir_eval_sets(&plain.f, &p, &sets, &plain.arena, &fault);
            int err = kernel_run_split(t->kernel, fd, all->byte[i], size, linear, &got);
            v.accepted += want != 0;
            v.rejected += !want;
            v.faulted += fault;
            v.split += linear != 0;
            if (err == 0 &&
                (returns(&b, want, got) || (optimize && fault && returns(&b, plain.f.accept, got))))
                continue;
            bad++;
            tap_diag("a packet of %u bytes, %u of them linear: the evaluator %u%s, %s %d, %s", (unsigned)size,
                     (unsigned)(linear ? linear : size), (unsigned)want, fault ? " (out of range)" : "",
                     t->kernel->name, (int)got, strerror(-err));
        }
    }
    if (fd >= 0 && !tap_ok(!bad && v.accepted && v.rejected,
                           "%s, %s: %u instructions, %u accepted, %u rejected, %u out of range, %u split",
                           filter, optimize ? "optimized" : "plain", (unsigned)b.code.insn.n, v.accepted,
                           v.rejected, v.faulted, v.split))
        built_show(&b, false);
    if (fd >= 0)
        close(fd);
    arena_release(&b.arena);
    arena_release(&plain.arena);
}

static inline void test_sets(const struct target *without, const struct packets *all)
{
    static struct filled_sets sets;
    struct target t = *without;
    struct rng r = {rng_seed() ^ 0x5e75};

    t.sets = &sets;
    if (!tap_ok(sets_make(&sets), "maps for sets"))
        return;
    for (size_t i = 0; i < sizeof set_filters / sizeof set_filters[0]; i++)
        for (uint32_t optimize = 0; optimize < 2; optimize++)
            test_set_filter(&t, set_filters[i], optimize, all);
    /* random packets have small numbers: so do these */
    sets_clear(&sets);
    static const uint8_t zeros[16];
    bool good = set_add_address(&sets.of[0], zeros, 4, 5) && set_add_address(&sets.of[0], zeros, 6, 5);
    for (unsigned i = 0; i < SETS_MEMBERS; i++)
        good &= set_add_bytes(&sets.of[1],
                              (const uint8_t[]){(uint8_t)rng_below(&r, 20), (uint8_t)rng_below(&r, 20)});
    good &= set_add_bytes(&sets.of[2], zeros);
    tap_ok(good, "members are taken");
    test_random(&t);
    sets_free(&sets);
}

/* ---------------------------------------------------------------- all of it */

static inline int run_target(const struct target *t)
{
    static struct packets all;
    const char *why = kernel_refuses(t->kernel);
    struct weir *cx = NULL;

    if (why)
        return tap_skip_all(why);
    tap_ok(stay(), "all on one processor");
    test_random(t);
    if (t->target == WEIR_TARGET_XDP || t->target == WEIR_TARGET_TC) {
        struct target counting = *t;
        counting.counters = kernel_counters();
        if (tap_ok(counting.counters > 0, "a map of counters"))
            test_random(&counting);
        close(counting.counters);
    }
    collect_packets(t, &all);
    if (!tap_ok(weir_new(NULL, &cx) == 0, "a context"))
        return tap_done();
    for (uint32_t optimize = 0; optimize < 2; optimize++) {
        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
            test_filter(t, cx, filters[i], optimize, &all);
        for (size_t i = 0; t->live && i < sizeof live_filters / sizeof live_filters[0]; i++)
            test_filter(t, cx, live_filters[i], optimize, &all);
    }
    test_lists(t, cx, &all);
    test_converted(t, cx, &all);
    test_sets(t, &all);
    if (t->target == WEIR_TARGET_XDP || t->target == WEIR_TARGET_TC) {
        struct target counting = *t;
        counting.counters = kernel_counters();
        test_sets(&counting, &all);
        close(counting.counters);
    }
    weir_free(cx);
    packets_free(&all);
    return tap_done();
}
#endif
