/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/packets.h - Ethernet packets made to order, and a mix of them like everyday traffic.
 */
#ifndef WEIR_BENCH_PACKETS_H
#define WEIR_BENCH_PACKETS_H
#include <stdint.h>
#include <string.h>
#include "tests/harness/rng.h"
#include "vm/vm.h"

enum { FLOW_BYTES = 14 + 40 + 40, PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };

enum flow_kind { FLOW_IP, FLOW_IP6, FLOW_ARP };

/* What a packet says; ports are ignored where the protocol has none. */
struct flow {
    enum flow_kind kind;
    uint8_t protocol;
    uint8_t smac[6], dmac[6];
    uint32_t src, dst; /* IPv4 and ARP */
    uint8_t src6[16], dst6[16];
    uint16_t sport, dport;
    uint8_t tcp_flags;
    uint16_t fragment; /* flags and offset of the IPv4 header */
};

static inline void flow_put16(uint8_t *out, uint32_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static inline void flow_put32(uint8_t *out, uint32_t v)
{
    flow_put16(out, v >> 16);
    flow_put16(out + 2, v & 0xffff);
}

/** The packet as @bytes, FLOW_BYTES of them. */
static inline void flow_build(const struct flow *f, uint8_t *bytes)
{
    uint8_t *ip = bytes + 14, *transport = ip + (f->kind == FLOW_IP6 ? 40 : 20);
    static const uint16_t type[] = {0x0800, 0x86dd, 0x0806};
    memset(bytes, 0, FLOW_BYTES);
    memcpy(bytes, f->dmac, 6);
    memcpy(bytes + 6, f->smac, 6);
    flow_put16(bytes + 12, type[f->kind]);
    switch (f->kind) {
    case FLOW_ARP:
        flow_put16(ip, 1);
        flow_put16(ip + 2, 0x0800);
        ip[4] = 6;
        ip[5] = 4;
        ip[7] = 1;
        memcpy(ip + 8, f->smac, 6);
        flow_put32(ip + 14, f->src);
        flow_put32(ip + 24, f->dst);
        return;
    case FLOW_IP:
        ip[0] = 0x45;
        flow_put16(ip + 2, FLOW_BYTES - 14);
        flow_put16(ip + 6, f->fragment);
        ip[8] = 64;
        ip[9] = f->protocol;
        flow_put32(ip + 12, f->src);
        flow_put32(ip + 16, f->dst);
        break;
    case FLOW_IP6:
        ip[0] = 0x60;
        flow_put16(ip + 4, FLOW_BYTES - 54);
        ip[6] = f->protocol;
        ip[7] = 64;
        memcpy(ip + 8, f->src6, 16);
        memcpy(ip + 24, f->dst6, 16);
        break;
    }
    if (f->protocol == PROTO_TCP || f->protocol == PROTO_UDP) {
        flow_put16(transport, f->sport);
        flow_put16(transport + 2, f->dport);
    } else {
        transport[0] = f->kind == FLOW_IP6 ? 135 : 8;
    }
    if (f->protocol == PROTO_TCP) {
        transport[12] = 0x50;
        transport[13] = f->tcp_flags;
    }
}

/** A TCP packet over IPv4 with nothing chosen. */
static inline struct flow flow_random(struct rng *r)
{
    struct flow f = {.kind = FLOW_IP, .protocol = PROTO_TCP, .tcp_flags = 0x10};
    rng_bytes(r, f.smac, 6);
    rng_bytes(r, f.dmac, 6);
    f.smac[0] &= 0xfe;
    f.dmac[0] &= 0xfe;
    f.src = 0x01000000u + rng_below(r, 0xdeffffffu);
    f.dst = 0x01000000u + rng_below(r, 0xdeffffffu);
    rng_bytes(r, f.src6, 16);
    rng_bytes(r, f.dst6, 16);
    f.sport = (uint16_t)rng_below(r, 65536);
    f.dport = (uint16_t)rng_below(r, 65536);
    return f;
}

static inline uint32_t flow_mix_address(struct rng *r)
{
    uint32_t kind = rng_below(r, 10);
    if (kind < 4)
        return 0x0a000000u + rng_below(r, 4) * 0x10000u + rng_below(r, 64);
    return kind < 6 ? 0xc0a80100u + rng_below(r, 32) : 0x01000000u + rng_below(r, 0xdeffffffu);
}

/**
 * A packet of the mix: 84 % IPv4, 12 % IPv6, 4 % ARP; three quarters TCP, mostly 443 and 80, and a fifth UDP,
 * mostly 53 and 443; half of the addresses private; one IPv4 packet in a hundred a later fragment.
 */
static inline struct flow flow_mix(struct rng *r)
{
    static const uint16_t tcp_port[] = {443, 443, 443, 443, 80, 80, 22, 8080, 25, 993};
    static const uint16_t udp_port[] = {53, 53, 53, 443, 443, 123, 5353, 1900, 67, 161};
    struct flow f = flow_random(r);
    uint32_t kind = rng_below(r, 100), protocol = rng_below(r, 100);
    f.kind = kind < 84 ? FLOW_IP : kind < 96 ? FLOW_IP6 : FLOW_ARP;
    f.protocol = protocol < 75        ? PROTO_TCP
                 : protocol < 95      ? PROTO_UDP
                 : f.kind == FLOW_IP6 ? PROTO_ICMP6
                                      : PROTO_ICMP;
    f.src = flow_mix_address(r);
    f.dst = flow_mix_address(r);
    flow_put32(f.src6, 0x20010db8);
    flow_put32(f.dst6, rng_below(r, 2) ? 0x20010db8 : 0x2a000000 + rng_below(r, 65536));
    f.fragment = f.kind == FLOW_IP && rng_below(r, 100) == 0 ? 0x00b9 : 0x4000;
    f.tcp_flags = rng_below(r, 20) == 0 ? 0x02 : rng_below(r, 20) == 0 ? 0x11 : 0x10;
    uint16_t server = f.protocol == PROTO_UDP ? udp_port[rng_below(r, 10)] : tcp_port[rng_below(r, 10)];
    uint16_t client = (uint16_t)(32768 + rng_below(r, 28232));
    bool to_server = rng_below(r, 2) != 0;
    f.sport = to_server ? client : server;
    f.dport = to_server ? server : client;
    return f;
}
#endif
