/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/attach/test_traffic.c - weir attach, show and detach over real traffic.
 *
 * A pair of virtual interfaces in a network namespace of our own: frames go out of v1 and arrive at v0. After
 * each burst the counters that `weir show --json` prints must be exactly what was sent, in packets and in
 * bytes, and the frames that came through exactly those that were to. At the end nothing may be left.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include "tests/harness/tap.h"

struct counters {
    unsigned long long seen_packets, seen_bytes, matched_packets, matched_bytes;
};

static char weir[512];

/* ---------------------------------------------------------------- commands */

/* Runs a shell command; its status. */
__attribute__((format(printf, 1, 2))) static int sh(const char *format, ...)
{
    char command[2048];
    va_list ap;

    va_start(ap, format);
    vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    return system(command);
}

/* What weir prints, at most one buffer of it. */
static const char *output_of(const char *words)
{
    static char text[16384];
    char command[1024];
    snprintf(command, sizeof command, "'%s' %s", weir, words);
    FILE *f = popen(command, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = '\0';
    if (f)
        pclose(f);
    return text;
}

static int attach(const char *words)
{
    return sh("'%s' attach >/dev/null %s", weir, words);
}

/* The counters of the program on @interface and @hook; false when there is none. */
static bool counters_of(const char *interface, const char *hook, struct counters *out)
{
    char want[64];
    const char *line, *seen;

    snprintf(want, sizeof want, "{\"interface\": \"%s\", \"hook\": \"%s\"", interface, hook);
    line = strstr(output_of("show --json"), want);
    seen = line ? strstr(line, "\"seen\"") : NULL;
    return seen &&
           sscanf(seen,
                  "\"seen\": {\"packets\": %llu, \"bytes\": %llu}, \"matched\": {\"packets\": %llu, "
                  "\"bytes\": %llu}}",
                  &out->seen_packets, &out->seen_bytes, &out->matched_packets, &out->matched_bytes) == 4;
}

/* ---------------------------------------------------------------- frames */

static int tap(const char *interface)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(interface)};
    int s = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) < 0) {
        perror(interface);
        exit(1);
    }
    return s;
}

static size_t frame(uint8_t *f, uint16_t vlan, uint8_t protocol, uint16_t port, size_t length)
{
    size_t ip = 14;

    memset(f, 0, length);
    memset(f, 0xff, 6);
    f[6] = 2;
    if (vlan) {
        f[12] = 0x81;
        f[14] = (uint8_t)(vlan >> 8);
        f[15] = (uint8_t)vlan;
        ip = 18;
    }
    f[ip - 2] = 8;
    f[ip] = 0x45;
    f[ip + 2] = (uint8_t)((length - ip) >> 8);
    f[ip + 3] = (uint8_t)(length - ip);
    f[ip + 8] = 64;
    f[ip + 9] = protocol;
    f[ip + 12] = f[ip + 16] = 10;
    f[ip + 15] = 1;
    f[ip + 19] = 2;
    f[ip + 20] = 0x30;
    f[ip + 22] = (uint8_t)(port >> 8);
    f[ip + 23] = (uint8_t)port;
    return length;
}

#define TCP_80 5
#define UDP_53 7
#define TAGGED 3

/* One burst: TCP_80 frames of 64 bytes, UDP_53 of 200 and TAGGED of 100. */
static void burst(int s)
{
    uint8_t f[256];

    for (int i = 0; i < UDP_53; i++) {
        ssize_t sent = i < TCP_80 ? send(s, f, frame(f, 0, 6, 80, 64), 0) : 0;
        sent |= send(s, f, frame(f, 0, 17, 53, 200), 0);
        sent |= i < TAGGED ? send(s, f, frame(f, 100, 6, 80, 100), 0) : 0;
        if (sent < 0 && errno != ENOBUFS) /* which a program that drops on egress causes */
            perror("send");
    }
}

#define ALL_PACKETS (TCP_80 + UDP_53 + TAGGED)
#define ALL_BYTES   (TCP_80 * 64 + UDP_53 * 200 + TAGGED * 100)

/* On receive Linux keeps a tag beside the packet, and its length is without it. */
#define RECEIVED_BYTES (ALL_BYTES - 4 * TAGGED)

/* How many frames arrived at @s within a moment; ours only. */
static unsigned arrived(int s, unsigned want)
{
    uint8_t f[512];
    unsigned n = 0;
    struct timespec pause = {0, 1000000};

    for (int tries = 0; tries < 300; tries++) {
        while (recv(s, f, sizeof f, MSG_DONTWAIT) > 0)
            n += f[6] == 2 && f[7] == 0;
        if (n >= want && tries > 20)
            break;
        nanosleep(&pause, NULL);
    }
    return n;
}

/* ---------------------------------------------------------------- one case */

struct traffic {
    const char *name, *words, *interface, *hook;
    unsigned seen_bytes;             /* of the burst */
    unsigned matched, matched_bytes; /* of that */
    unsigned through;                /* frames that arrive */
};

static void check(const struct traffic *t, int out, int in)
{
    struct counters c = {0}, zero;

    arrived(in, 0);
    if (!tap_ok(attach(t->words) == 0, "%s: attached", t->name))
        return;
    tap_ok(counters_of(t->interface, t->hook, &zero) && zero.seen_packets == 0, "%s: the counters begin at 0",
           t->name);
    burst(out);
    unsigned came = arrived(in, t->through);
    bool found = counters_of(t->interface, t->hook, &c);
    if (!tap_ok(found && c.seen_packets == ALL_PACKETS && c.seen_bytes == t->seen_bytes, "%s: all were seen",
                t->name))
        tap_diag("seen %llu packets, %llu bytes; wanted %d, %u", c.seen_packets, c.seen_bytes, ALL_PACKETS,
                 ALL_BYTES);
    if (!tap_ok(c.matched_packets == t->matched && c.matched_bytes == t->matched_bytes, "%s: %u matched",
                t->name, t->matched))
        tap_diag("matched %llu packets, %llu bytes", c.matched_packets, c.matched_bytes);
    if (!tap_ok(came == t->through, "%s: %u came through", t->name, t->through))
        tap_diag("%u came", came);
    char place[32];
    snprintf(place, sizeof place, "%.3s %s", t->hook[0] == 'x' ? "xdp" : "tc", t->interface);
    tap_ok(sh("'%s' detach %s", weir, place) == 0, "%s: detached", t->name);
    tap_ok(!counters_of(t->interface, t->hook, &c), "%s: nothing is left", t->name);
}

static const struct traffic cases[] = {
    {"xdp counts", "xdp v0 'tcp port 80'", "v0", "xdp", ALL_BYTES, TCP_80, TCP_80 * 64, ALL_PACKETS},
    {"xdp native", "xdp v0 --mode native udp", "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"xdp generic", "xdp v0 --mode=generic udp", "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"xdp drops", "xdp v0 --on-match drop udp port 53", "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200,
     TCP_80 + TAGGED},
    {"xdp drops the others", "xdp v0 --on-miss=drop udp port 53", "v0", "xdp", ALL_BYTES, UDP_53,
     UDP_53 * 200, UDP_53},
    {"xdp with a tag in the frame", "xdp v0 vlan 100 and tcp port 80", "v0", "xdp", ALL_BYTES, TAGGED,
     TAGGED * 100, ALL_PACKETS},
    {"xdp with frags", "xdp v0 --frags udp", "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"xdp with every packet", "xdp v0", "v0", "xdp", ALL_BYTES, ALL_PACKETS, ALL_BYTES, ALL_PACKETS},
    {"xdp len", "xdp v0 len '>=' 200", "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"xdp with a classic program",
     "xdp v0 --from - <<'END'\nldh [12]\njne #0x800, no\nldb [23]\njeq #17, yes, no\nyes: ret #-1\nno: ret "
     "#0\nEND\n",
     "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"tc ingress counts", "tc v0 udp", "v0", "tc-ingress", RECEIVED_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"tc ingress takes tags off", "tc v0 'tcp port 80'", "v0", "tc-ingress", RECEIVED_BYTES, TCP_80 + TAGGED,
     TCP_80 * 64 + TAGGED * 96, ALL_PACKETS},
    {"tc ingress finds a tag", "tc v0 vlan 100 and tcp port 80", "v0", "tc-ingress", RECEIVED_BYTES, TAGGED,
     TAGGED * 96, ALL_PACKETS},
    {"tc egress counts", "tc v1 --egress udp", "v1", "tc-egress", ALL_BYTES, UDP_53, UDP_53 * 200,
     ALL_PACKETS},
    {"tc egress finds a tag", "tc v1 --egress vlan 100", "v1", "tc-egress", ALL_BYTES, TAGGED, TAGGED * 100,
     ALL_PACKETS},
    {"tc egress is outbound", "tc v1 --egress outbound and udp", "v1", "tc-egress", ALL_BYTES, UDP_53,
     UDP_53 * 200, ALL_PACKETS},
    {"tc ingress is inbound", "tc v0 inbound and udp", "v0", "tc-ingress", RECEIVED_BYTES, UDP_53,
     UDP_53 * 200, ALL_PACKETS},
    {"xdp is inbound", "xdp v0 inbound and udp", "v0", "xdp", ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"xdp knows the interface", "xdp v0 udp and ifindex $(ip -o link show v0 | cut -d: -f1)", "v0", "xdp",
     ALL_BYTES, UDP_53, UDP_53 * 200, ALL_PACKETS},
    {"xdp knows it is not another", "xdp v0 udp and not ifindex $(ip -o link show v0 | cut -d: -f1)", "v0",
     "xdp", ALL_BYTES, 0, 0, ALL_PACKETS},
    {"tc egress drops", "tc v1 --egress --on-match drop udp", "v1", "tc-egress", ALL_BYTES, UDP_53,
     UDP_53 * 200, TCP_80 + TAGGED},
};

static void check_nothing_left(void)
{
    tap_ok(sh("tc qdisc show | grep -q clsact") != 0, "no clsact discipline is left");
    tap_ok(sh("ip -d link show v0 | grep -q prog/xdp") != 0, "no XDP program is left");
    tap_ok(access("/sys/fs/bpf/weir", F_OK) < 0, "no pin is left");
}

static void check_pin(void)
{
    tap_ok(attach("xdp v0 --pin one ip") == 0, "pinned");
    tap_ok(access("/sys/fs/bpf/weir/one/program", F_OK) == 0 &&
               access("/sys/fs/bpf/weir/one/counters", F_OK) == 0,
           "program and counters are there");
    tap_ok(strstr(output_of("show"), "pin one") != NULL, "show names the pin");
    tap_ok(attach("tc v0 --pin one ip 2>/dev/null") != 0, "a pin of that name is refused");
    tap_ok(sh("test -z \"$(tc filter show dev v0 ingress)\"") == 0, "nothing was attached");
    tap_ok(sh("'%s' detach --pin one", weir) == 0 && access("/sys/fs/bpf/weir", F_OK) < 0,
           "detached by its pin");
}

static void check_several(void)
{
    struct counters c;

    tap_ok(attach("tc v0 tcp") == 0 && attach("tc v0 udp") == 0 && attach("tc v0 --egress ip") == 0,
           "three programs on one interface");
    tap_ok(sh("'%s' detach tc v0 --ingress", weir) == 0, "two go");
    tap_ok(!counters_of("v0", "tc-ingress", &c) && counters_of("v0", "tc-egress", &c), "the third stays");
    tap_ok(attach("xdp v0 ip") == 0 && attach("xdp v0 --replace ip6") == 0,
           "one of ours is replaced when asked");
    tap_ok(strstr(output_of("show v0 --json"), "\"filter\": \"ip6\"") != NULL, "by the other one");
    tap_ok(sh("'%s' detach --all", weir) == 0, "all go");
}

static const char *prepare(void)
{
    if (geteuid() != 0)
        return "root is needed for network namespaces";
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return "no network namespace can be made";
    if (mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
        return "the kernel has no bpf file system";
    if (sh("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; ip link add v0 type veth peer name v1 && "
           "ip link set v0 up && ip link set v1 up"))
        return "the kernel has no veth interfaces";
    return NULL;
}

int main(void)
{
    const char *b = getenv("B");

    snprintf(weir, sizeof weir, "%s/weir", b ? b : "build");
    const char *missing = prepare();
    if (missing)
        return tap_skip_all(missing);
    int out = tap("v1"), in = tap("v0");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i], out, in);
    check_pin();
    check_several();
    check_nothing_left();
    return tap_done();
}
