/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/test_socket.c - classic programs on a real socket: Linux's SO_ATTACH_FILTER against our
 * interpreter.
 *
 * A datagram socket of AF_UNIX runs its filter on what is sent to it, with no header of its own around it.
 * What a filter accepts arrives, cut to the filter's return value; the rest disappears without a word.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "jit-tests/packets.h"
#include "backends/cbpf/cbpf.h"
#include "tests/harness/random_cbpf.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"
#include "weir/weir.h"

_Static_assert(sizeof(struct weir_cbpf_insn) == sizeof(struct sock_filter), "one instruction layout");

static const struct {
    const char *filter;
    uint32_t snaplen;
} filters[] = {
    {"", 262144},
    {"", 40},
    {"ip", 262144},
    {"ip", 20},
    {"ip6", 1},
    {"arp or rarp", 262144},
    {"tcp", 262144},
    {"tcp port 80", 262144},
    {"tcp port 80", 96},
    {"udp port 53", 262144},
    {"port 80 or port 443 or port 22", 262144},
    {"portrange 1000-2000", 262144},
    {"src portrange 80-443 and tcp", 262144},
    {"host 10.0.0.1", 262144},
    {"src host 10.0.0.2 and not port 22", 262144},
    {"net 10.0.0.0/27", 262144},
    {"not net 10.0.0.0/28", 262144},
    {"ip host 10.0.0.1 or 10.0.0.2 or 10.0.0.3", 262144},
    {"ip6 host 2001:db8::1", 262144},
    {"ip6 net 2001:db8::/64", 262144},
    {"ip6 proto 17", 262144},
    {"ip6 and tcp port 80", 262144},
    {"icmp or icmp6", 262144},
    {"vlan", 262144},
    {"vlan 100 and ip", 262144},
    {"vlan and tcp port 80", 262144},
    {"vlan and vlan 100 and host 10.0.0.3", 262144},
    {"mpls", 262144},
    {"ether broadcast", 262144},
    {"ether multicast", 262144},
    {"ether src 01:01:01:01:01:01 or ether dst ff:ff:ff:ff:ff:ff", 262144},
    {"less 64", 262144},
    {"greater 80", 262144},
    {"len > 60 and len < 100", 262144},
    {"len - 14 = ip[2:2]", 262144},
    {"ip[0] & 0xf != 5", 262144},
    {"ip[6:2] & 0x1fff = 0 and ip[8] > 32", 262144},
    {"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", 262144},
    {"tcp[tcp[12] >> 2] = 71", 262144},
    {"tcp[(tcp[12] & 0xf0) >> 2 : 4] = 0x47455420", 262144},
    {"ether[ether[20]] = ether[ether[21] + 1]", 262144},
    {"ether[0 - 1 + ip[8]] != 0", 262144},
    {"ip[ip[12:4] - 0x0a000000] = 0", 262144},
    {"ether[ip[12:4]] = 0", 262144},
    {"ether[ip[12:4]] != 1 or ether[ip[12:4] + ip[2:2]] = 0 or ether[ip[12:4] + ip[16:4]] = 0", 262144},
    {"ip[1] + ip[9] * 2 - tcp[13] = 12", 262144},
    {"ip[2:2] / (ip[9] + 1) > 3 or ip[2:2] % 7 = 1", 262144},
    {"ip[2:2] / (ip[8] - 64) = 0", 262144},
    {"1 << (ip[0] & 0xf) > 64 and ip[4:4] >> (ip[8] & 31) = 0", 262144},
    {"ip proto 6 or 17 or 132 or 47", 262144},
};

static bool attach(int fd, const struct weir_cbpf_insn *code, size_t n)
{
    struct sock_fprog p = {(unsigned short)n, (struct sock_filter *)(uintptr_t)code};

    if (n > UINT16_MAX) {
        errno = EINVAL; /* struct sock_fprog cannot even say it */
        return false;
    }
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p) == 0;
}

static struct weir_program *compiled(struct weir *cx, const char *filter, uint32_t snaplen, uint32_t optimize)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;

    o.snaplen = snaplen;
    o.optimize = optimize;
    int r = weir_compile(cx, filter, strlen(filter), &o, &p);
    if (r >= 0)
        return p;
    const struct weir_diagnostic *d = weir_diagnostic(cx, 0);
    tap_ok(false, "'%.60s' compiles", filter);
    tap_diag("%s: %s", weir_strerror(r), d ? d->message : "no diagnostic");
    return NULL;
}

/* Bytes of @packet that arrive, or -1 when it does not, or -2 when they are not its first bytes. */
static long through(const int fd[2], const uint8_t *packet, uint32_t n)
{
    static uint8_t got[65536];

    if (send(fd[0], packet, n, 0) != (ssize_t)n)
        return -2;
    ssize_t r = recv(fd[1], got, sizeof got, MSG_DONTWAIT);
    if (r < 0)
        return errno == EAGAIN ? -1 : -2;
    return r <= (ssize_t)n && !memcmp(got, packet, (size_t)r) ? r : -2;
}

static bool packet_fits(const int fd[2], const struct weir_cbpf_insn *code, size_t n, const uint8_t *bytes,
                        uint32_t size, unsigned *accepted)
{
    struct packet p = {.bytes = bytes, .caplen = size, .wirelen = size};
    uint32_t verdict = cbpf_run(code, (uint32_t)n, &p, NULL);
    long want = verdict == 0 ? -1 : verdict < size ? (long)verdict : (long)size;
    long got = through(fd, bytes, size);

    *accepted += verdict != 0;
    if (got == want)
        return true;
    tap_diag("a packet of %u bytes: %ld should arrive, and %ld did (-1: none)", (unsigned)size, want, got);
    return false;
}

static void test_filter(struct weir *cx, const int fd[2], const char *filter, uint32_t snaplen,
                        uint32_t optimize, const struct packets *all)
{
    struct weir_program *p = compiled(cx, filter, snaplen, optimize);
    unsigned accepted = 0, bad = 0;
    size_t n = 0;

    if (!p)
        return;
    const struct weir_cbpf_insn *code = weir_program_cbpf(p, &n);
    const char *refusal = weir_program_kernel_refusal(p);
    if (refusal || !attach(fd[1], code, n)) {
        tap_ok(false, "'%s' on a socket", filter);
        tap_diag("predicted: %s; kernel: %s", refusal ? refusal : "accepted",
                 refusal ? "not tried" : strerror(errno));
    } else {
        for (size_t i = 0; i < all->n && bad < 3; i++)
            bad += !packet_fits(fd, code, n, all->byte[i], all->size[i], &accepted);
        tap_ok(!bad, "'%s' snaplen %u, %s: %u of %zu packets arrive", filter, (unsigned)snaplen,
               optimize ? "optimized" : "plain", accepted, all->n);
    }
    weir_program_free(p);
}

/* Random programs, as they are read and as the optimizer makes them: Linux runs them as our interpreter does.
 * Of a packet arrives as much as the number says that is returned. */
static void test_programs(struct weir *cx, const int fd[2], const struct packets *all)
{
    static const struct random_cbpf kinds[] = {{0}, {.return_a = true}};
    struct rng r = {rng_seed() ^ 0xbad};
    unsigned accepted = 0, bad = 0, ran = 0;

    for (unsigned i = 0; i < 300 && !bad; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct weir_cbpf_insn code[RANDOM_CBPF_MAX];
        struct weir_program *p = NULL;
        struct strbuf text;
        size_t n = 0;

        o.optimize = i % 2;
        strbuf_init(&text, &allocator_system);
        cbpf_print_decimal(code, random_cbpf(&kinds[i / 2 % 2], &r, code), &text);
        bool read = weir_program_read(cx, text.text, text.len, &o, &p) >= 0;
        const struct weir_cbpf_insn *at = read ? weir_program_cbpf(p, &n) : NULL;
        if (!read || weir_program_kernel_refusal(p) || !attach(fd[1], at, n)) {
            bad++;
            tap_diag("is not read or not taken: %s", strerror(errno));
        }
        for (size_t k = rng_below(&r, 40); k < all->n && !bad; k += 40)
            bad += !packet_fits(fd, at, n, all->byte[k], all->size[k], &accepted);
        if (bad)
            tap_diag("optimize %u:\n%s", o.optimize, text.text);
        ran++;
        strbuf_release(&text);
        weir_program_free(p);
    }
    tap_ok(!bad && accepted, "%u random programs that were read: %u packets arrive", ran, accepted);
}

/* Lists of growing length: the kernel takes exactly what weir_program_kernel_refusal() lets through. */
static void test_limits(struct weir *cx, const int fd[2])
{
    static const unsigned lengths[] = {10, 100, 300, 600, 1000, 1300, 1600, 2000, 2500, 4000, 6000};
    static char text[6000 * 24];
    unsigned taken = 0, refused = 0;

    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
        for (uint32_t optimize = 0; optimize < 2; optimize++) {
            size_t at = (size_t)snprintf(text, sizeof text, "ip host 10.0.0.3"), n = 0;
            for (unsigned i = 1; i < lengths[k]; i++)
                at += (size_t)snprintf(text + at, sizeof text - at, " or 10.%u.%u.%u", i / 251 % 256, i % 251,
                                       i % 97);
            struct weir_program *p = compiled(cx, text, 262144, optimize);
            if (!p)
                return;
            const struct weir_cbpf_insn *code = weir_program_cbpf(p, &n);
            const char *refusal = weir_program_kernel_refusal(p);
            bool attached = attach(fd[1], code, n);
            taken += attached;
            refused += !attached;
            if (attached != !refusal) {
                tap_ok(false, "a list of %u hosts, %s, %zu instructions", lengths[k],
                       optimize ? "optimized" : "plain", n);
                tap_diag("predicted: %s; kernel: %s", refusal ? refusal : "accepted",
                         attached ? "accepted" : strerror(errno));
            }
            weir_program_free(p);
        }
    tap_ok(taken && refused, "lists: %u programs taken and %u refused, as predicted", taken, refused);
}

/* The same of pairs of addresses, each of which is loads: around what memory there is, to a few bytes. */
static void test_memory(struct weir *cx, const int fd[2])
{
    enum { LEAST = 200, PLAIN = 300, MOST = 520, STEP = 5 };
    static char text[MOST * 64];
    struct rng r = {rng_seed()};
    unsigned taken = 0, refused = 0, bad = 0;
    size_t at = 0, n = 0;

    for (unsigned i = 0; i < MOST; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "%s(ip src host 10.%u.%u.%u and dst host 11.%u.%u.%u)", i ? " or " : "",
                               rng_below(&r, 256), rng_below(&r, 256), rng_below(&r, 256), rng_below(&r, 256),
                               rng_below(&r, 256), rng_below(&r, 256));
        if (i < LEAST || i % STEP)
            continue;
        for (uint32_t tune = WEIR_TUNE_SPEED; tune <= WEIR_TUNE_KERNEL; tune++) {
            struct weir_options o = WEIR_OPTIONS_INIT;
            struct weir_program *p = NULL;
            o.tune = tune;
            o.optimize = i >= PLAIN; /* those that are optimized fit all */
            if (weir_compile(cx, text, at, &o, &p) < 0) {
                bad++;
                continue;
            }
            const struct weir_cbpf_insn *code = weir_program_cbpf(p, &n);
            int none = 0;
            setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none); /* which takes memory, too */
            bool attached = attach(fd[1], code, n), predicted = !weir_program_kernel_refusal(p);
            taken += attached;
            refused += !attached;
            if (attached != predicted && bad++ < 3)
                tap_pending("%u pairs, tune %u: predicted %u", i + 1, tune, predicted);
            weir_program_free(p);
        }
    }
    tap_ok(!bad && taken && refused, "pairs: %u programs taken and %u refused, as predicted", taken, refused);
}

/* Ethernet and IPv6 or IPv4 with a transport header of @protocol; addresses are given as 32-bit words. */
struct sent {
    bool v6;
    uint32_t src[4], dst[4];
    uint16_t sport, dport;
};

static void put32(uint8_t *to, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(x >> (24 - 8 * i));
}

static uint32_t write_packet(const struct sent *s, uint8_t bytes[64])
{
    uint32_t net = 14, transport = s->v6 ? net + 40 : net + 20;

    memset(bytes, 0, 64);
    bytes[12] = s->v6 ? 0x86 : 0x08;
    bytes[13] = s->v6 ? 0xdd : 0;
    bytes[net] = s->v6 ? 0x60 : 0x45;
    bytes[net + (s->v6 ? 6 : 9)] = 6;
    for (uint32_t i = 0; i < (s->v6 ? 4u : 1u); i++) {
        put32(bytes + net + (s->v6 ? 8 + 4 * i : 12), s->src[i]);
        put32(bytes + net + (s->v6 ? 24 + 4 * i : 16), s->dst[i]);
    }
    put32(bytes + transport, (uint32_t)s->sport << 16 | s->dport);
    return transport + 4;
}

/* Two hundred hosts that share nothing, which are more loads than Linux takes unless they share those. */
static void test_ip6_hosts(struct weir *cx, const int fd[2])
{
    enum { HOSTS = 200 };
    static char text[HOSTS * 64];
    static uint32_t host[HOSTS][4];
    struct rng r = {rng_seed()};
    unsigned accepted = 0, bad = 0, sent = 0, wrong = 0;
    size_t at = 0, n = 0, plain_n = 0;

    for (unsigned i = 0; i < HOSTS; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%sip6 host ", i ? " or " : "");
        for (unsigned w = 0; w < 4; w++) {
            host[i][w] = rng_next(&r);
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%x:%x", w ? ":" : "", host[i][w] >> 16,
                                   host[i][w] & 0xffff);
        }
    }
    struct weir_program *p = compiled(cx, text, 262144, 1), *plain = compiled(cx, text, 262144, 0);
    if (!p || !plain)
        return;
    const struct weir_cbpf_insn *code = weir_program_cbpf(p, &n),
                                *plain_code = weir_program_cbpf(plain, &plain_n);
    if (!tap_ok(!weir_program_kernel_refusal(p) && attach(fd[1], code, n),
                "%d unrelated IPv6 hosts on a socket", HOSTS))
        tap_diag("%zu instructions: %s", n, strerror(errno));
    for (unsigned i = 0; i < 20 * HOSTS && bad < 3; i++) {
        struct sent s = {.v6 = true};
        uint8_t bytes[64];
        bool want = i % 5 < 2; /* 0: source, 1: destination, 2, 3: but for one bit, 4: neither */
        for (unsigned w = 0; w < 4; w++) {
            s.src[w] = i % 5 == 0 || i % 5 == 2 ? host[i % HOSTS][w] : rng_next(&r);
            s.dst[w] = i % 5 == 1 || i % 5 == 3 ? host[i % HOSTS][w] : rng_next(&r);
        }
        if (i % 5 == 2)
            s.src[rng_below(&r, 4)] ^= 1u << rng_below(&r, 32);
        if (i % 5 == 3)
            s.dst[rng_below(&r, 4)] ^= 1u << rng_below(&r, 32);
        uint32_t size = write_packet(&s, bytes), cut = i % 7 == 0 ? 1 + rng_below(&r, size) : size;
        struct packet whole = {.bytes = bytes, .caplen = cut, .wirelen = cut};
        uint32_t reference = cbpf_run(plain_code, (uint32_t)plain_n, &whole, NULL);
        wrong += (cut == size || reference) &&
                 (cbpf_run(code, (uint32_t)n, &whole, NULL) != 0) != (cut == size ? want : true);
        bad += !packet_fits(fd, code, n, bytes, cut, &accepted);
        sent++;
    }
    tap_ok(!bad && !wrong && accepted > sent / 4, "... %u of %u packets arrive, those from and to the hosts",
           accepted, sent);
    weir_program_free(p);
    weir_program_free(plain);
}

/* Addresses with a port of either side, and conversations: searched, and small enough for a socket. */
static void test_pairs(struct weir *cx, const int fd[2], bool conversations)
{
    enum { PAIRS_MAX = 500 };
    const unsigned pairs = conversations ? 340 : PAIRS_MAX; /* fit 4,096 if what compares lead to is near */
    static char text[PAIRS_MAX * 80];
    static uint32_t address[PAIRS_MAX][2];
    static uint16_t port[PAIRS_MAX];
    struct rng r = {rng_seed() + conversations};
    unsigned accepted = 0, bad = 0, wrong = 0;
    size_t at = 0, n = 0;

    for (unsigned i = 0; i < pairs; i++) {
        for (unsigned k = 0; k < 2; k++)
            address[i][k] = 0x0a000000 | rng_next(&r) >> 8;
        port[i] = (uint16_t)(1 + rng_below(&r, 65535));
        const uint32_t a = address[i][0], b = address[i][1];
        at += (size_t)snprintf(text + at, sizeof text - at, "%s(host %u.%u.%u.%u and ", i ? " or " : "",
                               a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
        if (conversations)
            at += (size_t)snprintf(text + at, sizeof text - at, "host %u.%u.%u.%u and ", b >> 24,
                                   b >> 16 & 255, b >> 8 & 255, b & 255);
        at += (size_t)snprintf(text + at, sizeof text - at, "tcp port %u)", port[i]);
    }
    struct weir_program *p = compiled(cx, text, 262144, 1);
    if (!p)
        return;
    const struct weir_cbpf_insn *code = weir_program_cbpf(p, &n);
    int none = 0;
    setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &none,
               sizeof none); /* the one before takes memory while this comes */
    const char *what = conversations ? "conversations" : "pairs of address and port";
    if (!tap_ok(!weir_program_kernel_refusal(p) && attach(fd[1], code, n), "%u %s on a socket", pairs, what))
        tap_diag("%zu instructions: %s", n, strerror(errno));
    for (unsigned i = 0; i < 40 * pairs && bad < 3; i++) {
        /* The pair from and to, with the port here and there; then with another port, and with another
         * address. */
        unsigned k = i / 40, other = (k + 1) % pairs, turn = i & 1;
        bool near_port = i % 10 == 8, near_address = i % 10 == 9;
        struct sent s = {.sport = (uint16_t)rng_next(&r), .dport = (uint16_t)rng_next(&r)};
        uint8_t bytes[64];
        s.src[0] = address[k][turn];
        s.dst[0] = near_address    ? address[other][conversations]
                   : conversations ? address[k][!turn]
                                   : rng_next(&r);
        if (!conversations && (turn || near_address)) {
            uint32_t its = near_address ? 0x0b000001 : address[k][0];
            s.src[0] = turn ? 0x0b000002 : its;
            s.dst[0] = turn ? its : 0x0b000003;
        }
        if (i & 2)
            s.sport = near_port ? port[other] : port[k];
        else
            s.dport = near_port ? port[other] : port[k];
        bool want = !near_address && (s.sport == port[k] || s.dport == port[k]);
        uint32_t size = write_packet(&s, bytes);
        struct packet whole = {.bytes = bytes, .caplen = size, .wirelen = size};
        struct vm_counts counts = {0, 0, 0};
        wrong += (cbpf_run(code, (uint32_t)n, &whole, &counts) != 0) != want || counts.instructions > 80;
        bad += !packet_fits(fd, code, n, bytes, size, &accepted);
    }
    tap_ok(!bad && !wrong && accepted,
           "... %u of %d packets arrive, those that should, after at most 80 instructions", accepted,
           40 * pairs);
    weir_program_free(p);
}

static void collect(struct packets *all)
{
    struct rng r = {rng_seed()};

    for (int i = 0; i < 300; i++)
        packets_generate(all, &r);
    size_t generated = all->n;
    for (size_t i = 0; i < generated; i += generated / 10)
        for (uint32_t n = 1; n < all->size[i]; n++)
            packets_add(all, all->byte[i], n);
    if (!shared_dir()) {
        tap_skip(SHARED_ABSENT, "real packets");
        return;
    }
    size_t before = all->n;
    unsigned files = packets_of_captures(all, "captures/tcpdump", 5, 60000);
    files += packets_of_captures(all, "captures/libpcap", 5, 60000);
    tap_ok(files > 20 && all->n > before, "%zu packets, %zu of them from %u captures", all->n,
           all->n - before, files);
}

int main(void)
{
    static const struct weir_cbpf_insn all_of_it = {0x06, 0, 0, 262144};
    static struct packets all;
    struct weir *cx = NULL;
    int fd[2], size = 1 << 20;

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) || !attach(fd[1], &all_of_it, 1))
        return tap_skip_all("the kernel does not let us attach a filter to a socket");
    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (!tap_ok(weir_new(NULL, &cx) == 0, "a context"))
        return tap_done();
    collect(&all);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        for (uint32_t optimize = 0; optimize < 2; optimize++)
            test_filter(cx, fd, filters[i].filter, filters[i].snaplen, optimize, &all);
    test_filter(cx, fd, "protochain 6", 262144, 1, &all); /* its plain program is too long */
    test_programs(cx, fd, &all);
    test_limits(cx, fd);
    test_memory(cx, fd);
    test_ip6_hosts(cx, fd);
    test_pairs(cx, fd, false);
    test_pairs(cx, fd, true);
    weir_free(cx);
    packets_free(&all);
    close(fd[0]);
    close(fd[1]);
    return tap_done();
}
