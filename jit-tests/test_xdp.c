/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/test_xdp.c - XDP programs through Linux's verifier and JIT, against the trusted evaluators.
 *
 * A plain program gives the verdict of the plain classic program on every packet. An optimized one refines
 * it: where the plain program accepts, or finishes without an out-of-range load, the verdicts are equal.
 * Random IR follows, which asks more of the verifier's bounds than filters do. A program the verifier refuses
 * is a failure.
 */
#include "backends/ebpf/ebpf.h"
#include "jit-tests/kernel.h"
#include "jit-tests/packets.h"
#include "jit-tests/random_ir.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"

static char verifier_log[1 << 20];

static const char *const filters[] = {
    "",
    "ip",
    "ip6",
    "arp",
    "tcp",
    "udp port 53",
    "tcp port 80",
    "tcp dst port 443",
    "port 80 or port 443",
    "portrange 1000-2000",
    "tcp portrange 80-443",
    "host 10.0.0.1",
    "src host 10.0.0.2 and not port 22",
    "net 10.0.0.0/27",
    "src net 10.0.0.0/28 or dst net 10.0.0.48/28",
    "ip host 10.0.0.1 or 10.0.0.2 or 10.0.0.3",
    "ip6 host 2001:db8::1",
    "ip6 net 2001:db8::/64",
    "ip6 proto 17",
    "ip6 and tcp port 80",
    "icmp or icmp6",
    "vlan",
    "vlan 100",
    "vlan 100 and ip",
    "vlan and tcp port 80",
    "vlan and vlan 100 and host 10.0.0.3",
    "ether broadcast",
    "ether multicast",
    "ether proto 0x8847",
    "ether src 01:01:01:01:01:01 or ether dst ff:ff:ff:ff:ff:ff",
    "less 64",
    "greater 80",
    "len > 60 and len < 100",
    "len - 14 = ip[2:2]",
    "ip[0] & 0xf != 5",
    "ip[6:2] & 0x1fff = 0 and ip[8] > 32",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[tcp[12] >> 2] = 71",
    "tcp[(tcp[12] & 0xf0) >> 2 : 4] = 0x47455420",
    "udp[8 + (ip[0] & 1)] < 100",
    "ether[ether[20]] = ether[ether[21] + 1]",
    "ether[ip[2:2] : 2] > 5",
    "ether[0 - 1 + ip[8]] != 0",
    "ip[ip[12:4] - 0x0a000000] = 0",
    "ip[1] + ip[9] * 2 - tcp[13] = 12",
    "ip[2:2] / (ip[9] + 1) > 3 or ip[2:2] % 7 = 1",
    "1 << (ip[0] & 0xf) > 64 and ip[4:4] >> (ip[8] & 63) = 0",
    "ether[12:2] = 0x800 and ether[30:4] - ether[26:4] < 20",
    "not ip and not arp and not ip6",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
    "ip and ether[33] > 40 and ether[33] < 50 and not ether[33] = 45",
    "ip proto 6 or 17 or 132 or 47",
    "ip6 protochain 6",
    "ip protochain 17",
    "geneve",
    "geneve and tcp port 80",
    "vxlan and host 10.0.0.1",
    "mpls and ip",
    "mpls 100 and mpls and ip6",
    "pppoes",
    "pppoes and ip and udp",
    "sctp or igmp or esp or ah",
    "ip multicast or ip6 multicast or ether multicast",
    "llc or stp or isis",
    "ether[0:4] = 0xffffffff and ether[4:2] = 0xffff",
    "ether[12:2] & 0x00ff = 0 and ether[12:2] & 0xff00 = 0x0800",
    "ether[12:2] = 65535 or ether[13] = 255",
    "ip[ip[ip[ip[0] & 7] & 15] & 31] = ip[9]",
    "len > 0xffff or ip[70000] = 1",
    "not (vlan and ip) and tcp[2:2] = 80",
    "ip and (tcp[0:2] + tcp[2:2]) * (tcp[4:2] - tcp[6:2]) > (tcp[8:2] | tcp[10:2]) * (tcp[12:2] ^ tcp[14:2])",
};

/* ---------------------------------------------------------------- filters */

static struct weir_program *compiled(struct weir *cx, const char *filter, uint32_t target, uint32_t optimize)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;

    o.target = target;
    o.optimize = optimize;
    int r = weir_compile(cx, filter, strlen(filter), &o, &p);
    if (r >= 0)
        return p;
    const struct weir_diagnostic *d = weir_diagnostic(cx, 0);
    tap_ok(false, "'%s' compiles", filter);
    tap_diag("%s: %s", weir_strerror(r), d ? d->message : "no diagnostic");
    return NULL;
}

struct verdicts {
    unsigned accepted, rejected, faulted;
};

/* Whether the loaded program may answer as it does, next to the plain classic program. */
static bool verdict_fits(int fd, const struct weir_cbpf_insn *plain, size_t n, bool exact,
                         const uint8_t *bytes, uint32_t size, struct verdicts *v)
{
    struct packet p = {.bytes = bytes, .caplen = size, .wirelen = size};
    struct vm_counts counts = {0};
    uint32_t want = cbpf_run(plain, (uint32_t)n, &p, &counts);
    int got = kernel_run(fd, bytes, size);

    v->accepted += want != 0;
    v->rejected += want == 0;
    v->faulted += counts.faults != 0;
    if (got == (want ? 2 : 1) || (!exact && !want && counts.faults && (got == 1 || got == 2)))
        return true;
    tap_diag("a packet of %u bytes: classic %u%s, XDP %d", (unsigned)size, (unsigned)want,
             counts.faults ? " (out of range)" : "", got);
    return false;
}

static void show_program(const struct weir_program *x)
{
    char *text = NULL;

    if (weir_program_text(x, WEIR_TEXT_LISTING, &text, NULL) == 0) {
        tap_diag("%s", text);
        weir_text_free(x, text);
    }
}

static void test_filter(struct weir *cx, const char *filter, uint32_t optimize, const struct packets *all)
{
    struct weir_program *plain = compiled(cx, filter, WEIR_TARGET_CBPF, 0);
    struct weir_program *xdp = plain ? compiled(cx, filter, WEIR_TARGET_XDP, optimize) : NULL;
    size_t n = 0, classic_n = 0, bad = 0;
    struct verdicts v = {0, 0, 0};

    if (!xdp) {
        weir_program_free(plain);
        return;
    }
    const struct weir_cbpf_insn *classic = weir_program_cbpf(plain, &classic_n);
    const struct weir_ebpf_insn *code = weir_program_ebpf(xdp, &n);
    int fd = kernel_load(code, n, verifier_log, sizeof verifier_log);
    if (fd < 0) {
        tap_ok(false, "%.60s, %s: the verifier accepts it", filter, optimize ? "optimized" : "plain");
        tap_diag("%s\n%s", strerror(-fd), verifier_log);
        show_program(xdp);
    } else {
        for (size_t i = 0; i < all->n && bad < 3; i++)
            bad += !verdict_fits(fd, classic, classic_n, !optimize, all->byte[i], all->size[i], &v);
        if (!tap_ok(!bad, "%.60s, %s: %zu instructions, %u accepted, %u rejected, %u of them out of range",
                    filter, optimize ? "optimized" : "plain", n, v.accepted, v.rejected, v.faulted))
            show_program(xdp);
        close(fd);
    }
    weir_program_free(xdp);
    weir_program_free(plain);
}

/* Lists of hosts; the longest needs 32-bit jumps. */
static void test_lists(struct weir *cx, const struct packets *all)
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
        test_filter(cx, text, lists[k].optimize, all);
    }
}

static void collect(struct packets *all)
{
    struct rng r = {rng_seed()};

    for (int i = 0; i < 300; i++)
        packets_generate(all, &r);
    size_t generated = all->n;
    for (size_t i = 0; i < generated; i += generated / 12)
        for (uint32_t n = KERNEL_PACKET_MIN; n < all->size[i]; n++)
            packets_add(all, all->byte[i], n);
    size_t before = all->n;
    if (!shared_dir()) {
        tap_skip(SHARED_ABSENT, "real packets");
        return;
    }
    unsigned files = packets_of_captures(all, "captures/tcpdump", 6, KERNEL_PACKET_MAX);
    files += packets_of_captures(all, "captures/libpcap", 6, KERNEL_PACKET_MAX);
    /* What is too short for a test run goes. */
    size_t kept = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (all->size[i] < KERNEL_PACKET_MIN) {
            free(all->byte[i]);
            continue;
        }
        all->byte[kept] = all->byte[i];
        all->size[kept++] = all->size[i];
    }
    all->n = kept;
    tap_ok(files > 20 && kept > before, "%zu packets, %zu of them from %u captures", kept, kept - before,
           files);
}

/* ---------------------------------------------------------------- random IR */

static bool random_agrees(struct ir_func *f, struct arena *a, int fd, struct rng *r, unsigned *accepted)
{
    for (int k = 0; k < 40; k++) {
        uint8_t bytes[110];
        uint32_t n = KERNEL_PACKET_MIN + rng_below(r, sizeof bytes - KERNEL_PACKET_MIN);
        random_packet(r, bytes, n);
        struct packet p = {.bytes = bytes, .caplen = n, .wirelen = n};
        int want = ir_eval(f, &p, a, NULL) ? 2 : 1;
        int got = kernel_run(fd, bytes, n);
        *accepted += want == 2;
        if (got == want)
            continue;
        tap_diag("%u bytes: IR says %d, the kernel %d", (unsigned)n, want, got);
        return false;
    }
    return true;
}

/* One random function; false ends the test. */
static bool test_random_one(uint64_t seed, unsigned *loaded, unsigned *accepted)
{
    struct arena a;
    struct ir_func f;
    struct rng r = {seed};
    bool good = true;

    arena_init(&a, &allocator_libc, (size_t)1 << 28);
    ir_init(&f, &a, 1);
    random_function(&f, &r);
    struct diag_sink sink = {.arena = &a, .limit = 4};
    struct ebpf_code code = {.arena = &a};
    int status = ebpf_emit_xdp(&f, UINT32_MAX, &sink, &code);
    int fd = status ? 0 : kernel_load(code.insn.at, code.insn.n, verifier_log, sizeof verifier_log);
    if (status && status != WEIR_E_LIMIT) {
        good = tap_ok(false, "random IR compiles");
        tap_diag("status %d", status);
    } else if (!status && (fd < 0 || !random_agrees(&f, &a, fd, &r, accepted))) {
        struct strbuf text;
        good = tap_ok(false, "random IR: %s", fd < 0 ? "the verifier refuses it" : "verdicts differ");
        tap_diag("seed %llu", (unsigned long long)seed);
        strbuf_init(&text, &allocator_libc);
        ir_print(&f, &text);
        ebpf_print_listing(code.insn.at, code.insn.n, &text);
        tap_diag("%s\n%s", fd < 0 ? verifier_log : "", text.text ? text.text : "");
        strbuf_release(&text);
    }
    *loaded += !status && fd >= 0;
    if (!status && fd >= 0)
        close(fd);
    arena_release(&a);
    return good;
}

static void test_random(void)
{
    struct rng r = {rng_seed() ^ 0x5eed};
    unsigned loaded = 0, accepted = 0;
    int runs = getenv("WEIR_LONG") ? 20000 : 600;

    for (int i = 0; i < runs; i++)
        if (!test_random_one(rng_next(&r), &loaded, &accepted))
            return;
    tap_ok(loaded > (unsigned)runs * 9 / 10,
           "%u random functions load and agree with the IR, %u packets accepted", loaded, accepted);
}

int main(void)
{
    static struct packets all;
    const char *why = kernel_refuses_xdp();
    struct weir *cx = NULL;

    if (why)
        return tap_skip_all(why);
    test_random();
    collect(&all);
    if (!tap_ok(weir_new(NULL, &cx) == 0, "a context"))
        return tap_done();
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        for (uint32_t optimize = 0; optimize < 2; optimize++)
            test_filter(cx, filters[i], optimize, &all);
    test_lists(cx, &all);
    weir_free(cx);
    packets_free(&all);
    return tap_done();
}
