/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf_hand/hand.h - what the filters written by hand share: packet access, and the program around
 * them.
 *
 * A file is `FILTER { ... }`: whether the packet from `data` up to `end` matches. Compiled with
 * `clang -target bpf`, as an XDP program or, with -DHAND_TC, as one for tc. Numbers are compared in network
 * order, and every byte is checked for before it is read.
 */
#ifndef WEIR_BENCH_EBPF_HAND_HAND_H
#define WEIR_BENCH_EBPF_HAND_HAND_H
#include <linux/bpf.h>
#include <stdbool.h>

#ifdef HAND_TC
typedef struct __sk_buff context;
enum { MATCH = -1, MISS = 2 }; /* TC_ACT_UNSPEC, TC_ACT_SHOT */
#define SECTION "tc"
#else
typedef struct xdp_md context;
enum { MATCH = XDP_PASS, MISS = XDP_DROP };
#define SECTION "xdp"
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define FILTER                                                                                               \
    ALWAYS_INLINE bool filter(const context *ctx, const __u8 *data, const __u8 *end);                        \
    __attribute__((section(SECTION), used)) int hand(context *ctx)                                           \
    {                                                                                                        \
        return filter(ctx, (const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end) ? MATCH : MISS; \
    }                                                                                                        \
    ALWAYS_INLINE bool filter(const context *ctx, const __u8 *data, const __u8 *end)

#define HAS(p, n) ((p) + (n) <= end)
#define U16(p)    (*(const __u16 *)(p))
#define U32(p)    (*(const __u32 *)(p))
#define U64(p)    (*(const __u64 *)(p))
#define NET16(k)  ((__u16)__builtin_bswap16(k))
#define NET32(k)  ((__u32)__builtin_bswap32(k))
#define HOST16(p) __builtin_bswap16(U16(p))

#define ETHERTYPE(data) U16((data) + 12)
#define IP              NET16(0x0800)
#define IP6             NET16(0x86dd)
#define ARP             NET16(0x0806)
#define RARP            NET16(0x8035)
enum { ICMP = 1, TCP = 6, UDP = 17, SCTP = 132 };

/* Offsets from the packet's start: IPv4 without options in front of them, IPv6, ARP. */
enum {
    IP_END = 34,
    IP_FRAGMENT = 20,
    IP_PROTOCOL = 23,
    IP_SRC = 26,
    IP_DST = 30,
    IP6_NEXT = 20,
    IP6_SRC = 22,
    IP6_DST = 38,
    IP6_END = 54,
    ARP_SRC = 28,
    ARP_DST = 38,
    ARP_END = 42,
};

#define IS_LATER_FRAGMENT(data) (U16((data) + IP_FRAGMENT) & NET16(0x1fff))

/* What the IPv4 header is followed by. */
#define IP_PAYLOAD(data) ((data) + 14 + ((data)[14] & 15) * 4)

#define HAS_PORTS(protocol) ((protocol) == TCP || (protocol) == UDP || (protocol) == SCTP)
#endif
