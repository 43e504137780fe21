/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/test_balance.c - programs whose number chooses a socket, in the kernel: SO_ATTACH_REUSEPORT_CBPF
 * and _EBPF on UDP sockets that share a port, PACKET_FANOUT_CBPF and _EBPF on packet sockets.
 *
 * Each program is attached as it is read, optimized, and converted, plain and optimized. The socket that gets
 * a packet is the one of the number that our interpreter says, modulo the sockets for PACKET_FANOUT. The
 * kernel shows UDP's payload to the former, and the packet from its network header on to the latter.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include "jit-tests/kernel.h"
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000 /* Linux 5.17 */
#endif

enum { SOCKETS = 4, PACKETS = 200, BYTES = 40, IP_AND_UDP = 28, WAIT_MS = 2000 };

/* Pn is byte n of the payload. */
static const char *const programs[] = {
    "ldb [P0]\nmod #4\nret a\n",
    "ldh [P8]\nldx #3\nand x\nret a\n",
    "ldb [P1]\njset #1, odd\njset #2, two\nret #0\nodd: jset #2, three\nret #1\ntwo: ret #2\nthree: ret #3\n",
    "ldb [P2]\nst M[1]\nldb [P3]\ntax\nld M[1]\nld xor_x\nmod #4\nret a\n",
    "ld cpu\nmod #4\nret a\n",
    "ld len\nmod #3\nret a\n",
};

enum { AS_IT_IS, OPTIMIZED, EBPF, EBPF_OPTIMIZED, FORMS };
static const char *const forms[FORMS] = {"as it is", "optimized", "as eBPF", "as eBPF, optimized"};

/* How sockets share what arrives. */
struct group {
    const char *name;
    int (*open)(struct group *g, int at, bool ebpf);
    int level, classic, ebpf; /* options that attach a program */
    uint32_t header;          /* bytes that the program sees in front of the payload */
    int port;                 /* where packets are sent; 0: none yet */
    int fd[SOCKETS];
};

/* ---------------------------------------------------------------- sockets */

static bool to_port(int fd, int port, int (*what)(int, const struct sockaddr *, socklen_t))
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};

    return what(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

/* A UDP socket of the group's port, or of a new one, which becomes that. */
static int open_udp(struct group *g, int at, bool ebpf)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in is;
    socklen_t n = sizeof is;

    (void)at, (void)ebpf;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        !to_port(fd, g->port, bind) || getsockname(fd, (struct sockaddr *)&is, &n) < 0)
        return -1;
    g->port = ntohs(is.sin_port);
    return fd;
}

/* A member of a fan-out group on the loopback device, for what arrives there, not for what leaves. */
static int open_packet(struct group *g, int at, bool ebpf)
{
    static int id;
    int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
    const struct sockaddr_ll lo = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex("lo")};

    (void)g;
    id += at == 0;
    int member = ((getpid() + id) & 0xffff) |
                 ((ebpf ? PACKET_FANOUT_EBPF : PACKET_FANOUT_CBPF) | PACKET_FANOUT_FLAG_IGNORE_OUTGOING)
                     << 16;
    if (fd < 0 || bind(fd, (const struct sockaddr *)&lo, sizeof lo) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &member, sizeof member) < 0)
        return -1;
    return fd;
}

/* The socket at which a packet with this payload arrives, which is taken away; -1: at none. */
static int arrives(const struct group *g, const uint8_t *payload, uint32_t n)
{
    uint8_t bytes[256];

    for (int tries = 0; tries < SOCKETS * 8; tries++) { /* others may use the device */
        struct pollfd wait[SOCKETS];
        for (int i = 0; i < SOCKETS; i++)
            wait[i] = (struct pollfd){.fd = g->fd[i], .events = POLLIN};
        if (poll(wait, SOCKETS, WAIT_MS) <= 0)
            return -1;
        for (int i = 0; i < SOCKETS; i++)
            if (wait[i].revents & POLLIN &&
                recv(g->fd[i], bytes, sizeof bytes, MSG_DONTWAIT) == (ssize_t)(g->header + n) &&
                memcmp(bytes + g->header, payload, n) == 0)
                return i;
    }
    return -1;
}

/* ---------------------------------------------------------------- programs */

static void write_program(const struct group *g, const char *text, struct strbuf *out)
{
    strbuf_init(out, &allocator_system);
    for (; *text; text++) {
        if (*text == 'P')
            strbuf_printf(out, "%u", (unsigned)(g->header + (uint32_t)(*++text - '0')));
        else
            strbuf_put(out, text, 1);
    }
}

static struct weir_program *read_program(struct weir *cx, const struct strbuf *text, int form)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;

    o.optimize = form == OPTIMIZED || form == EBPF_OPTIMIZED;
    o.target = form >= EBPF ? WEIR_TARGET_SOCKET : WEIR_TARGET_CBPF;
    return weir_program_read(cx, text->text, text->len, &o, &p) < 0 ? NULL : p;
}

static bool attach(const struct group *g, const struct weir_program *p)
{
    size_t n = 0;
    const struct weir_cbpf_insn *classic = weir_program_cbpf(p, &n);
    const struct sock_fprog all = {(unsigned short)n, (struct sock_filter *)(uintptr_t)classic};

    if (classic)
        return setsockopt(g->fd[0], g->level, g->classic, &all, sizeof all) == 0;
    const struct weir_ebpf_insn *code = weir_program_ebpf(p, &n);
    int fd = kernel_load(&kernel_socket, code, n, NULL, 0);
    bool ok = fd >= 0 && setsockopt(g->fd[0], g->level, g->ebpf, &fd, sizeof fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* What the program, as it was read, says of a payload; of the headers in front of it only their length
 * matters. */
static uint32_t number_of(const struct group *g, const struct weir_program *read, const uint8_t *payload,
                          uint32_t n)
{
    const struct weir_metadata meta = {.size = sizeof meta, .cpu = (uint32_t)sched_getcpu()};
    uint8_t bytes[IP_AND_UDP + BYTES] = {0};

    memcpy(bytes + g->header, payload, n);
    return weir_match(read, bytes, g->header + n, g->header + n, &meta);
}

static void test_program(struct weir *cx, struct group *g, const char *text, int form, struct rng *r)
{
    struct strbuf words;
    const bool several = !strstr(text, "cpu"); /* sockets get packets */
    unsigned used = 0, bad = 0;
    int out = socket(AF_INET, SOCK_DGRAM, 0), receiver = -1;

    write_program(g, text, &words);
    struct weir_program *read = read_program(cx, &words, AS_IT_IS), *p = read_program(cx, &words, form);
    g->port = 0;
    bool ok = read && p && out >= 0;
    for (int i = 0; i < SOCKETS; i++)
        ok &= (g->fd[i] = g->open(g, i, form >= EBPF)) >= 0;
    if (!g->port) { /* packet sockets: somebody has to be there, or the sender is told that nobody is */
        struct group receivers = {.port = 0};
        receiver = open_udp(&receivers, 0, false);
        g->port = receivers.port;
    }
    ok = ok && attach(g, p) && to_port(out, g->port, connect);
    for (int i = 0; ok && i < PACKETS && bad < 3; i++) {
        uint8_t payload[BYTES];
        uint32_t n = BYTES - rng_below(r, 20);
        rng_bytes(r, payload, n);
        int want = (int)(number_of(g, read, payload, n) % SOCKETS);
        int got = send(out, payload, n, 0) == (ssize_t)n ? arrives(g, payload, n) : -1;
        used |= 1u << want;
        bad += got != want;
        if (got != want)
            tap_pending("%u bytes: socket %d, not %d", (unsigned)n, got, want);
    }
    tap_ok(ok && !bad && several == (__builtin_popcount(used) > 1), "%s, %s: %s", g->name, forms[form],
           words.text);
    if (!ok)
        tap_diag("%s", strerror(errno));
    for (int i = 0; i < SOCKETS; i++)
        close(g->fd[i]);
    close(receiver);
    close(out);
    weir_program_free(read);
    weir_program_free(p);
    strbuf_release(&words);
}

int main(void)
{
    struct group groups[] = {
        {.name = "reuseport",
         .open = open_udp,
         .level = SOL_SOCKET,
         .classic = SO_ATTACH_REUSEPORT_CBPF,
         .ebpf = SO_ATTACH_REUSEPORT_EBPF},
        {.name = "fanout",
         .open = open_packet,
         .level = SOL_PACKET,
         .classic = PACKET_FANOUT_DATA,
         .ebpf = PACKET_FANOUT_DATA,
         .header = IP_AND_UDP},
    };
    const char *why = kernel_refuses(&kernel_socket);
    struct rng r = {rng_seed()};
    struct weir *cx = NULL;
    cpu_set_t here;

    if (why)
        return tap_skip_all(why);
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    tap_ok(sched_setaffinity(0, sizeof here, &here) == 0, "all on one processor");
    if (!tap_ok(weir_new(NULL, &cx) == 0, "a context"))
        return tap_done();
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
            for (int form = 0; form < FORMS; form++)
                test_program(cx, &groups[g], programs[i], form, &r);
    weir_free(cx);
    return tap_done();
}
