/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/test_traffic.c - attached programs and real packets, in a network namespace of the test's own.
 *
 *   tc        on the loopback device, whose large datagrams lie in pages that direct access does not reach,
 *             and on a pair of Ethernet devices, where the first VLAN tag arrives as metadata
 *   cgroup    the same datagrams
 *   socket    SO_ATTACH_BPF; direct ones also on a packet socket that sees those datagrams
 *   XDP       generic, on the pair
 *
 * That the cold path was taken is shown by breaking it: where it takes every packet for an empty one, the
 * packet that passed before no longer does.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "backends/ebpf/ebpf.h"
#include "driver/pipeline.h"
#include "jit-tests/kernel.h"
#include "tests/harness/tap.h"

#define PORT     4711
#define DATAGRAM 20000

static char verifier_log[1 << 18];

/* ---------------------------------------------------------------- programs */

/*
 * Loads the filter for @target; @broken: the cold path sees no bytes. @cold: whether it has one. @counters: a
 * map, or -1.
 */
static int load_filter(const struct kernel_type *kernel, uint32_t target, const char *filter, uint32_t match,
                       uint32_t miss, bool broken, int counters, bool *cold)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct diag_sink sink = {.limit = 1};
    struct ebpf_code code = {0};
    struct ir_func f;
    struct arena a;

    arena_init(&a, &allocator_system, (size_t)1 << 28);
    sink.arena = code.arena = &a;
    o.linktype = target == WEIR_TARGET_CGROUP ? 12 : 1;
    o.live = target == WEIR_TARGET_TC;
    struct ebpf_target_options t = ebpf_target_defaults(target, o.snaplen);
    t.on_match = match;
    t.on_miss = miss;
    t.count = counters >= 0;
    t.direct = kernel == &kernel_socket_direct;
    int fd = -EINVAL;
    if (pipeline_ir(&a, &sink, filter, strlen(filter), &o, NULL, &f) == 0 &&
        ebpf_emit(&f, &t, &sink, &code) == 0) {
        if (cold)
            *cold = code.cold != 0;
        uint32_t length = code.cold; /* r6 = context, unless it is there; r7 = its length: now 0 */
        while (broken && code.cold && code.insn.at[length].code != 0x61)
            length++;
        if (broken && code.cold)
            code.insn.at[length] = (struct weir_ebpf_insn){0xb4, 7, 0, 0};
        kernel_relocate(code.insn.at, code.reloc.at, code.reloc.n, counters, NULL);
        fd = kernel_load(kernel, code.insn.at, code.insn.n, verifier_log, sizeof verifier_log);
        if (fd < 0)
            tap_diag("%s", verifier_log);
    }
    arena_release(&a);
    return fd;
}

/* ---------------------------------------------------------------- datagrams over the loopback device */

static int receiver, sender;
static const struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = 0};

static bool open_sockets(void)
{
    struct sockaddr_in to = self;
    int size = 1 << 20;

    to.sin_port = htons(PORT);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver = socket(AF_INET, SOCK_DGRAM, 0);
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(sender, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return receiver >= 0 && sender >= 0 && bind(receiver, (struct sockaddr *)&to, sizeof to) == 0 &&
           connect(sender, (struct sockaddr *)&to, sizeof to) == 0;
}

/* Whether a datagram of @n bytes arrives; its last four bytes are @mark. */
static bool arrives(uint32_t n, uint32_t mark)
{
    static uint8_t out[DATAGRAM], in[DATAGRAM];
    struct pollfd wait = {.fd = receiver, .events = POLLIN};

    memset(out, 'x', n);
    mark = htonl(mark);
    memcpy(out + n - 4, &mark, 4);
    while (recv(receiver, in, sizeof in, MSG_DONTWAIT) >= 0)
        ;
    ssize_t sent = send(sender, out, n, 0); /* a dropped one is an error on some hooks */
    if (sent < 0 && errno != EPERM && errno != ENOBUFS)
        return false;
    return poll(&wait, 1, sent < 0 ? 0 : 60) == 1 && recv(receiver, in, sizeof in, 0) == (ssize_t)n &&
           !memcmp(in + n - 4, &mark, 4);
}

/* A datagram's tail, and one in front of which nothing is in reach of direct access. */
static const char tail_filter[] = "udp dst port 4711 and udp[20004:4] = 0x57454952 and len > 20000";

/* ---------------------------------------------------------------- tc */

static bool tc_swap(const char *device, enum bpf_tc_attach_point point, int fd)
{
    struct bpf_tc_hook hook = {
        .sz = sizeof hook, .ifindex = (int)if_nametoindex(device), .attach_point = point};
    struct bpf_tc_opts opts = {.sz = sizeof opts, .prog_fd = fd, .handle = 1, .priority = 1};

    if (fd < 0) {
        opts.prog_fd = 0;
        return bpf_tc_detach(&hook, &opts) == 0;
    }
    int err = bpf_tc_hook_create(&hook);
    if (err && err != -EEXIST)
        return false;
    opts.flags = BPF_TC_F_REPLACE;
    return bpf_tc_attach(&hook, &opts) == 0;
}

static void test_tc_tail(enum bpf_tc_attach_point point, const char *name)
{
    bool cold = false;
    int whole = load_filter(&kernel_tc, WEIR_TARGET_TC, tail_filter, 0, 2, false, -1, &cold);
    int broken = load_filter(&kernel_tc, WEIR_TARGET_TC, tail_filter, 0, 2, true, -1, NULL);

    if (!tap_ok(whole >= 0 && broken >= 0 && cold, "tc %s: the programs load", name))
        return;
    bool attached = tc_swap("lo", point, whole);
    tap_ok(attached && arrives(DATAGRAM, 0x57454952), "tc %s: a tail outside of the linear part matches",
           name);
    tap_ok(attached && !arrives(DATAGRAM, 0x57454953), "tc %s: another tail does not", name);
    tap_ok(attached && !arrives(1000, 0x57454952), "tc %s: a datagram without those bytes does not", name);
    tap_ok(tc_swap("lo", point, broken) && !arrives(DATAGRAM, 0x57454952),
           "tc %s: the cold path decided that", name);
    tc_swap("lo", point, -1);
    close(whole);
    close(broken);
}

/* ---------------------------------------------------------------- cgroup */

static void test_cgroup(void)
{
    char top[] = "/tmp/weir-cgroup-XXXXXX", directory[60];
    static const char filter[] = "udp dst port 4711 and udp[20004:4] = 0x57454952";
    int whole = load_filter(&kernel_cgroup, WEIR_TARGET_CGROUP, filter, 1, 0, false, -1, NULL);
    int broken = load_filter(&kernel_cgroup, WEIR_TARGET_CGROUP, filter, 1, 0, true, -1, NULL);

    tap_ok(whole >= 0 && broken >= 0, "cgroup: the programs load");
    /* A mount of its own, which ends with this process's namespace. */
    bool mounted = mkdtemp(top) && mount("none", top, "cgroup2", 0, NULL) == 0;
    snprintf(directory, sizeof directory, "%s/weir-jit-test-%d", top, (int)getpid());
    mkdir(directory, 0755);
    int group = open(directory, O_RDONLY | O_DIRECTORY);
    char path[200], pid[20];
    snprintf(path, sizeof path, "%s/cgroup.procs", directory);
    int procs = open(path, O_WRONLY);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (!mounted || group < 0 || procs < 0 || write(procs, pid, strlen(pid)) < 0) {
        tap_skip("no cgroup can be made here", "cgroup: attached");
    } else {
        close(receiver);
        close(sender);
        open_sockets(); /* sockets belong to the group they are made in */
        bool attached = bpf_prog_attach(whole, group, BPF_CGROUP_INET_INGRESS, 0) == 0;
        tap_ok(attached && arrives(DATAGRAM, 0x57454952) && !arrives(DATAGRAM, 1) &&
                   !arrives(500, 0x57454952),
               "cgroup: datagrams pass by their tails");
        tap_ok(attached && bpf_prog_attach(broken, group, BPF_CGROUP_INET_INGRESS, 0) == 0 &&
                   !arrives(DATAGRAM, 0x57454952),
               "cgroup: the cold path decided that");
        bpf_prog_detach2(broken, group, BPF_CGROUP_INET_INGRESS);
    }
    snprintf(path, sizeof path, "%s/cgroup.procs", top);
    int root = open(path, O_WRONLY);
    if (root >= 0 && write(root, pid, strlen(pid)) > 0)
        rmdir(directory);
    for (int fds[] = {root, procs, group, whole, broken}, *fd = fds; fd < fds + 5; fd++)
        if (*fd >= 0)
            close(*fd);
    if (mounted)
        umount2(top, MNT_DETACH);
    rmdir(top);
}

/* ---------------------------------------------------------------- sockets */

static void test_socket(const struct kernel_type *kernel)
{
    int pair[2], fd = load_filter(kernel, WEIR_TARGET_SOCKET, "ether[2] = 7 or ether[0:2] = 0x4142", 96, 0,
                                  false, -1, NULL);
    bool good = fd >= 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0;
    static const struct {
        const char *bytes;
        size_t n, arrives;
    } rows[] = {{"AB", 2, 0}, {"ABC", 3, 3}, {"xx\7", 3, 3}, {"xx", 2, 0}, {"A", 1, 0}, {"xyz", 3, 0}};

    good = good && setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof fd) == 0;
    for (size_t i = 0; good && i < sizeof rows / sizeof rows[0]; i++) {
        char in[100];
        ssize_t sent = send(pair[1], rows[i].bytes, rows[i].n, 0);
        ssize_t n = recv(pair[0], in, sizeof in, MSG_DONTWAIT);
        good = (sent >= 0 || errno == EPERM) && (rows[i].arrives ? n == (ssize_t)rows[i].arrives : n < 0);
        if (!good)
            tap_diag("row %zu: sent %zd, received %zd", i, sent, n);
    }
    tap_ok(good, "%s: packets of one to three bytes", kernel->name);
}

/* ---------------------------------------------------------------- a pair of Ethernet devices */

static int packet_socket(const char *device)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(device)};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Sends ten frames into weir0; what a program that counts saw and matched. False when it did not work. */
static bool send_and_count(int map, const uint8_t *frame, size_t n, struct ebpf_counters *sum)
{
    int out = packet_socket("weir0"), cpus = libbpf_num_possible_cpus();
    static struct ebpf_counters by_cpu[1024];
    uint32_t zero = 0;

    *sum = (struct ebpf_counters){0};
    if (out < 0 || cpus > 1024)
        return false;
    memset(by_cpu, 0, sizeof by_cpu);
    bpf_map_update_elem(map, &zero, by_cpu, BPF_ANY);
    for (int i = 0; i < 10; i++)
        if (send(out, frame, n, 0) < 0)
            tap_diag("send: %s", strerror(errno));
    close(out);
    usleep(20000); /* the other end's softirq */
    if (bpf_map_lookup_elem(map, &zero, by_cpu) < 0)
        return false;
    for (int i = 0; i < cpus; i++) {
        sum->seen_packets += by_cpu[i].seen_packets;
        sum->seen_bytes += by_cpu[i].seen_bytes;
        sum->matched_packets += by_cpu[i].matched_packets;
        sum->matched_bytes += by_cpu[i].matched_bytes;
    }
    return true;
}

static const uint8_t untagged[] = {2, 0,  0, 0, 0, 1, 2,  0,  0, 0, 0,  2, 0x08, 0x00, 0x45, 0,
                                   0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 9, 0,    2,    10,   9,
                                   0, 1,  0, 7, 0, 9, 0,  12, 0, 0, 1,  2, 3,    4};

/* With the IP checksum, and with a tag if @vlan is not 0; returns the length. */
static size_t make_frame(uint8_t *out, uint16_t vlan)
{
    size_t at = 12;
    uint32_t sum = 0;

    memcpy(out, untagged, 12);
    if (vlan) {
        out[at++] = 0x81;
        out[at++] = 0;
        out[at++] = (uint8_t)(vlan >> 8);
        out[at++] = (uint8_t)vlan;
    }
    memcpy(out + at, untagged + 12, sizeof untagged - 12);
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)out[at + 2 + (size_t)i] << 8 | out[at + 3 + (size_t)i];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    out[at + 12] = (uint8_t)(sum >> 8);
    out[at + 13] = (uint8_t)sum;
    return at + sizeof untagged - 12;
}

static bool make_pair(void)
{
    return system("ip link add weir0 address 02:00:00:00:00:02 type veth peer name weir1 address "
                  "02:00:00:00:00:01 &&"
                  "for i in 0 1; do echo 1 > /proc/sys/net/ipv6/conf/weir$i/disable_ipv6; done;"
                  "ip link set weir0 up && ip link set weir1 up") == 0;
}

static void test_vlan(void)
{
    static const struct {
        enum bpf_tc_attach_point point;
        const char *device, *filter;
        bool tagged, untagged;
    } rows[] = {
        {BPF_TC_INGRESS, "weir1", "vlan 100", true, false},
        {BPF_TC_INGRESS, "weir1", "vlan 101", false, false},
        {BPF_TC_INGRESS, "weir1", "vlan and udp dst port 9", true, false},
        {BPF_TC_INGRESS, "weir1", "udp dst port 9", true, true}, /* the tag is not in the packet */
        {BPF_TC_INGRESS, "weir1", "ip and not vlan", false, true},
        {BPF_TC_EGRESS, "weir0", "vlan 100 and ip and udp", true, false},
        {BPF_TC_EGRESS, "weir0", "udp dst port 9", false, true}, /* here it is */
        {BPF_TC_INGRESS, "weir1", "inbound and ip host 10.9.0.2", true, true},
        {BPF_TC_INGRESS, "weir1", "outbound", false, false},
        {BPF_TC_EGRESS, "weir0", "outbound", false, false}, /* Linux marks them so behind tc */
    };
    uint8_t frame[2][100];
    size_t n[2] = {make_frame(frame[0], 100), make_frame(frame[1], 0)};
    int map = kernel_counters();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ebpf_counters got[2] = {{0}, {0}};
        int fd =
            load_filter(&kernel_tc, WEIR_TARGET_TC, rows[i].filter, UINT32_MAX, UINT32_MAX, false, map, NULL);
        bool good = fd >= 0 && tc_swap(rows[i].device, rows[i].point, fd);
        bool ingress = rows[i].point == BPF_TC_INGRESS;
        for (int k = 0; k < 2 && good; k++) {
            uint64_t bytes = n[k] - (k == 0 && ingress ? 4 : 0); /* the tag does not count there */
            uint64_t want = (k ? rows[i].untagged : rows[i].tagged) ? 10 : 0;
            good = send_and_count(map, frame[k], n[k], &got[k]) && got[k].seen_packets == 10 &&
                   got[k].seen_bytes == 10 * bytes && got[k].matched_packets == want &&
                   got[k].matched_bytes == want * bytes;
        }
        tc_swap(rows[i].device, rows[i].point, -1);
        if (fd >= 0)
            close(fd);
        if (!tap_ok(good, "tc %s: '%s' matches %u of 10 tagged frames and %u of 10 others",
                    ingress ? "ingress" : "egress", rows[i].filter, (unsigned)got[0].matched_packets,
                    (unsigned)got[1].matched_packets))
            tap_diag("seen %u, %u bytes; and %u, %u bytes", (unsigned)got[0].seen_packets,
                     (unsigned)got[0].seen_bytes, (unsigned)got[1].seen_packets, (unsigned)got[1].seen_bytes);
    }
    close(map);
}

/* Whether a packet socket with the program on the loopback device sees a datagram that arrives; or -1. */
static int sees(int program, uint32_t n, uint32_t mark)
{
    int fd = packet_socket("lo"), seen = -1;
    uint8_t first[64];

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) < 0)
        return -1;
    while (recv(fd, first, sizeof first, MSG_DONTWAIT) >= 0) /* from before it had the program */
        ;
    if (arrives(n, mark))
        seen = recv(fd, first, sizeof first, MSG_DONTWAIT) > 0;
    close(fd);
    return seen;
}

static void test_socket_tail(void)
{
    bool cold = false;
    int whole = load_filter(&kernel_socket_direct, WEIR_TARGET_SOCKET, tail_filter, 96, 0, false, -1, &cold);
    int broken = load_filter(&kernel_socket_direct, WEIR_TARGET_SOCKET, tail_filter, 96, 0, true, -1, NULL);

    if (!tap_ok(whole >= 0 && broken >= 0 && cold, "direct socket: the programs load"))
        return;
    tap_ok(sees(whole, DATAGRAM, 0x57454952) == 1,
           "direct socket: a tail outside of the linear part matches");
    tap_ok(sees(whole, DATAGRAM, 0x57454953) == 0, "direct socket: another tail does not");
    tap_ok(sees(whole, 1000, 0x57454952) == 0, "direct socket: a datagram without those bytes does not");
    tap_ok(sees(broken, DATAGRAM, 0x57454952) == 0, "direct socket: the cold path decided that");
    close(whole);
    close(broken);
}

/* XDP in front of a tc program that counts what is left. */
static void test_xdp(void)
{
    uint8_t frame[100];
    size_t n = make_frame(frame, 0);
    int index = (int)if_nametoindex("weir1"), behind = kernel_counters(), map = kernel_counters();
    int tc = load_filter(&kernel_tc, WEIR_TARGET_TC, "", UINT32_MAX, UINT32_MAX, false, behind, NULL);
    struct ebpf_counters left = {0}, seen = {0};

    if (!tap_ok(tc >= 0 && tc_swap("weir1", BPF_TC_INGRESS, tc), "tc: an empty filter counts"))
        return;
    for (int drops = 0; drops < 2; drops++) {
        const char *filter = drops ? "udp dst port 9 and ip src 10.9.0.2" : "udp dst port 10";
        int fd = load_filter(&kernel_xdp, WEIR_TARGET_XDP, filter, 1, 2, false, map, NULL);
        bool good = fd >= 0 && bpf_xdp_attach(index, fd, XDP_FLAGS_SKB_MODE, NULL) == 0;
        good = good && send_and_count(behind, frame, n, &left);
        tap_ok(good && left.seen_packets == (drops ? 0 : 10), "XDP: '%s' leaves %u of 10", filter,
               (unsigned)left.seen_packets);
        good = good && send_and_count(map, frame, n, &seen);
        tap_ok(good && seen.seen_packets == 10 && seen.seen_bytes == 10 * n &&
                   seen.matched_packets == (drops ? 10 : 0),
               "XDP: and counts");
        bpf_xdp_detach(index, XDP_FLAGS_SKB_MODE, NULL);
        if (fd >= 0)
            close(fd);
    }
    tc_swap("weir1", BPF_TC_INGRESS, -1);
    close(tc);
    close(map);
    close(behind);
}

int main(void)
{
    const char *why = kernel_refuses(&kernel_tc);

    libbpf_set_print(NULL);
    if (!why && unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
        why = "no network namespace can be made here";
    if (why)
        return tap_skip_all(why);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (!tap_ok(system("ip link set lo up") == 0 && open_sockets(), "a loopback device and sockets"))
        return tap_done();
    tap_ok(arrives(DATAGRAM, 1) && arrives(1000, 2), "datagrams arrive");
    test_tc_tail(BPF_TC_INGRESS, "ingress");
    test_tc_tail(BPF_TC_EGRESS, "egress");
    test_cgroup();
    test_socket(&kernel_socket);
    why = kernel_refuses(&kernel_socket_direct);
    if (why) {
        tap_skip(why, "direct sockets");
    } else {
        test_socket(&kernel_socket_direct);
        test_socket_tail();
    }
    if (tap_ok(make_pair(), "a pair of Ethernet devices")) {
        test_vlan();
        test_xdp();
    }
    return tap_done();
}
