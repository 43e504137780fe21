/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf_packets.h - the packets that eBPF programs are timed on: for every filter some that match and
 * some that get far without, and for lists their members too.
 */
#ifndef WEIR_BENCH_EBPF_PACKETS_H
#define WEIR_BENCH_EBPF_PACKETS_H
#include "bench/packets.h"

enum { SHOTS_MAX = 16, SHOT_BYTES = FLOW_BYTES + 8, HOSTS_MAX = 1000 };

struct shot {
    const char *name;
    uint8_t bytes[SHOT_BYTES];
    uint32_t n;
};

struct shots {
    struct shot at[SHOTS_MAX];
    size_t n;
};

/* The hosts of the lists; every list begins with the first one. */
static inline uint32_t shots_host(uint32_t i)
{
    struct rng r = {i};
    return 0x0b000000u + rng_below(&r, 0x7000000u);
}

static inline struct shot *shots_add(struct shots *s, const char *name, const struct flow *f)
{
    struct shot *p = &s->at[s->n++];
    *p = (struct shot){.name = name, .n = FLOW_BYTES};
    flow_build(f, p->bytes);
    return p;
}

/* A TCP segment with data between two hosts no filter names. */
static inline struct flow shots_flow(void)
{
    struct flow f = {.kind = FLOW_IP, .protocol = PROTO_TCP, .tcp_flags = 0x10, .fragment = 0x4000};
    f.src = 0xac100505u;
    f.dst = 0xac100909u;
    f.sport = 40000;
    f.dport = 5555;
    f.smac[5] = 0x21;
    f.dmac[5] = 0x22;
    flow_put32(f.src6, 0x20010db8);
    flow_put32(f.dst6, 0x2a001450);
    f.src6[15] = 1;
    f.dst6[15] = 2;
    return f;
}

static inline void shots_insert(struct shot *p, uint32_t at, const uint8_t *bytes, uint32_t n)
{
    memmove(p->bytes + at + n, p->bytes + at, p->n - at);
    memcpy(p->bytes + at, bytes, n);
    p->n += n;
}

/** @hosts: 0, or how many hosts the filter lists. */
static inline struct shots shots_make(uint32_t hosts)
{
    static const uint8_t mac[6] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55}, tag[4] = {0x81, 0x00, 0x00, 0x64};
    static const uint8_t options[4] = {1, 1, 1, 0}, get[] = "GET / HTTP/1.1";
    struct shots s = {.n = 0};
    struct shot *p;
    struct flow f = shots_flow();

    shots_add(&s, "tcp", &f);
    memcpy(f.smac, mac, 6);
    f.src = 0xc0a80101u;
    f.dst = 0x0a000002u;
    f.dport = 80;
    f.tcp_flags = 0x02;
    shots_add(&s, "tcp 80 syn", &f);
    f = shots_flow();
    f.src = 0x0a000001u;
    f.dst = 0xc0a80101u;
    f.dport = 80;
    p = shots_add(&s, "tcp 80 get", &f);
    memcpy(p->bytes + 54, get, sizeof get - 1);
    f.dport = 443;
    p = shots_add(&s, "tcp 443, ip options", &f);
    shots_insert(p, 34, options, sizeof options);
    p->bytes[14] = 0x46;
    f = shots_flow();
    f.sport = 8080;
    p = shots_add(&s, "vlan 100, tcp", &f);
    shots_insert(p, 12, tag, sizeof tag);
    f.src = 0x0a000003u;
    f.dport = 22;
    f.sport = 8050;
    shots_add(&s, "tcp 22", &f);
    f = shots_flow();
    f.protocol = PROTO_UDP;
    f.dport = 53;
    shots_add(&s, "udp 53", &f);
    f.fragment = 0x00b9;
    shots_add(&s, "udp, later fragment", &f);
    f = shots_flow();
    f.protocol = PROTO_ICMP;
    shots_add(&s, "icmp", &f);
    f.kind = FLOW_ARP;
    shots_add(&s, "arp", &f);
    f.kind = FLOW_IP6;
    f.protocol = PROTO_TCP;
    f.dport = 443;
    shots_add(&s, "ip6 tcp 443", &f);
    f.protocol = PROTO_UDP;
    f.dport = 53;
    shots_add(&s, "ip6 udp 53", &f);
    if (hosts) {
        f = shots_flow();
        f.src = shots_host(0);
        shots_add(&s, "from the first host", &f);
        f.src = shots_host(hosts / 2);
        shots_add(&s, "from one in the middle", &f);
        f.src = 0xac100505u;
        f.dst = shots_host(hosts - 1);
        shots_add(&s, "to the last host", &f);
    }
    return s;
}
#endif
