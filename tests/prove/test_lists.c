/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_lists.c - long lists: the optimized program refines the plain one, by walking intervals.
 *
 * Each list is proved at two lengths, and with one constant of the optimized program changed, which must be
 * seen. No optimized program has a longer path than the plain one, and only one with a shorter path is
 * longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/strbuf.h"
#include "tests/golden/compile.h"
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

struct list {
    const char *name;
    void (*term)(struct rng *r, struct strbuf *s);
    const char *before, *between, *after;
    uint32_t few, many; /* terms: always, and where WEIR_LONG is set */
};

static void address(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "%u.%u.%u.%u", 1 + rng_below(r, 223), rng_below(r, 256), rng_below(r, 256),
                  rng_below(r, 256));
}

static void host(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "host ");
    address(r, s);
}

static void source(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "src ");
    host(r, s);
}

static void net(struct rng *r, struct strbuf *s)
{
    uint32_t bits = 8 + 8 * rng_below(r, 3);
    uint32_t a = rng_next(r) & UINT32_MAX << (32 - bits);

    strbuf_printf(s, "%snet %u.%u.%u.%u/%u", rng_below(r, 2) ? "src " : "", a >> 24, a >> 16 & 255,
                  a >> 8 & 255, a & 255, bits);
}

static void port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "port %u", rng_below(r, 65536));
}

static void pair(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(src host ");
    address(r, s);
    strbuf_printf(s, " and tcp dst port %u)", rng_below(r, 65536));
}

/* Each address twice or so, and some ports. */
static void host_port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.%u.1 and port %u)", rng_below(r, 64), rng_below(r, 40));
}

static void host_tcp_port(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(host ");
    address(r, s);
    strbuf_printf(s, " and tcp port %u)", rng_below(r, 65536));
}

static void net_port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(net 10.%u.%u.0/24 and port %u)", rng_below(r, 256), rng_below(r, 256),
                  rng_below(r, 65536));
}

/* A host, and something of a number below @limit. */
static void host_and(struct rng *r, struct strbuf *s, const char *before, uint32_t limit, const char *after)
{
    strbuf_puts(s, "(");
    host(r, s);
    strbuf_printf(s, " and %s%u%s)", before, rng_below(r, limit), after);
}

static void host_dst_port(struct rng *r, struct strbuf *s)
{
    host_and(r, s, "udp dst port ", 65536, "");
}

static void conversation(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(host ");
    address(r, s);
    strbuf_puts(s, " and host ");
    address(r, s);
    strbuf_puts(s, ")");
}

static void with_few_peers(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(host ");
    address(r, s);
    strbuf_printf(s, " and host 10.0.0.%u)", rng_below(r, 5));
}

/* Between few hosts, written in either order. */
static void conversation_ports(struct rng *r, struct strbuf *s)
{
    uint32_t a = rng_below(r, 8), b = (a + 1 + rng_below(r, 7)) % 8;

    strbuf_printf(s, "(host 10.0.0.%u and port %u and host 10.0.0.%u and tcp port %u)", a,
                  1 + rng_below(r, 3), b, 4 + rng_below(r, 3));
}

static void host6_port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip6 host 2001:db8::%x and port %u)", rng_below(r, 200), rng_below(r, 65536));
}

static void host6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "ip6 host 2001:db8:%x::%x", rng_below(r, 4), rng_below(r, 65536));
}

static void host6_unrelated(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "ip6 host ");
    for (uint32_t i = 0; i < 8; i++)
        strbuf_printf(s, "%s%x", i ? ":" : "", rng_below(r, 65536));
}

static void net6(struct rng *r, struct strbuf *s)
{
    uint32_t bits = 40 + 8 * rng_below(r, 4);

    strbuf_printf(s, "%snet 2001:db8:%x:%x::/%u", rng_below(r, 4) ? "src " : "",
                  bits == 40 ? rng_below(r, 4) << 8 : rng_below(r, 1024),
                  bits <= 48 ? 0 : rng_below(r, 200) << (64 - bits) & 0xffff, bits);
}

static void mac(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "ether host 02:00:%02x:%02x:%02x:%02x", rng_below(r, 2), rng_below(r, 256),
                  rng_below(r, 256), rng_below(r, 256));
}

static void arithmetic(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "ip[4:2] = %u", rng_below(r, 65536));
}

/* ---------------------------------------------------------------- items of one shape, enough of them to be
 * rows */

static void pair_of_few(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(src host 10.0.0.%u and dst host 10.0.1.%u)", rng_below(r, 20), rng_below(r, 20));
}

static void contradiction(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(src host 10.0.0.%u and src net 10.0.0.%u/31 and dst port %u)", rng_below(r, 16),
                  2 * rng_below(r, 8), rng_below(r, 9));
}

static void nets_meet(struct rng *r, struct strbuf *s)
{
    uint32_t bits = 12 + rng_below(r, 12);

    strbuf_printf(s, "(src net 10.%u.0.0/%u and tcp dst portrange %u-%u)",
                  rng_below(r, 64) & 0xffu << (bits < 16 ? 16 - bits : 0), bits < 16 ? bits : 16,
                  rng_below(r, 50), 50 + rng_below(r, 50));
}

static void many_ports(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(src host 10.0.0.%u and dst port %u)", rng_below(r, 3), rng_below(r, 65536));
}

/* What one item asks of one value twice is not the same for all. */
static void two_peers(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip src host 10.0.0.%u and (ip dst host 10.0.1.%u or ip dst host 10.0.1.%u))",
                  rng_below(r, 12), rng_below(r, 6), rng_below(r, 6));
}

static void not_to_peer(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip src host 10.0.%u.%u and not dst host 10.0.1.%u and greater 100)", rng_below(r, 256),
                  rng_below(r, 256), rng_below(r, 9));
}

static void pair6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(src host 2001:db8::%x and dst host 2001:db8:0:%x::1)", rng_below(r, 60),
                  rng_below(r, 60));
}

static void mac_and_host(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ether src 02:00:00:00:00:%02x and dst host 10.0.0.%u)", rng_below(r, 64),
                  rng_below(r, 64));
}

static void of_arp(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(arp and src host 10.0.0.%u and not broadcast)", rng_below(r, 256));
}

/* Runs of both families, which are tables of their own. */
static void either_family(struct rng *r, struct strbuf *s)
{
    if (s->len < 4500)
        pair_of_few(r, s);
    else
        pair6(r, s);
}

/* Now and then an item of another shape, which ends a table. */
static void with_others(struct rng *r, struct strbuf *s)
{
    if (s->len > 4500 && rng_below(r, 6) == 0)
        strbuf_printf(s, "dst host 10.0.1.%u", rng_below(r, 20));
    else
        pair_of_few(r, s);
}

static void tuple(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(tcp and src host 10.0.0.%u and src port %u and dst host 10.0.1.%u and dst port %u)",
                  rng_below(r, 30), rng_below(r, 5), rng_below(r, 9), rng_below(r, 5));
}

static void host_and_service(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and tcp port 80)", rng_below(r, 250));
}

static void few_hosts_port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and port %u)", rng_below(r, 4), rng_below(r, 65536));
}

static void with_arithmetic(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip[8] > %u and src host 10.0.0.%u)", rng_below(r, 3), rng_below(r, 250));
}

static void udp_port_and_length(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(udp port %u and len > %u)", rng_below(r, 65536), rng_below(r, 1500));
}

static void host_and_length(struct rng *r, struct strbuf *s)
{
    host_and(r, s, "len > ", 1500, "");
}

static void host_and_flags(struct rng *r, struct strbuf *s)
{
    host_and(r, s, "tcp[13] & ", 256, " != 0");
}

static void port_and_flags(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(tcp port %u and tcp[13] & %u != 0)", rng_below(r, 65536), 1 + rng_below(r, 255));
}

static void host_but_a_port(struct rng *r, struct strbuf *s)
{
    static const char *const word[] = {"tcp and ", "udp and ", "icmp and ", ""};

    strbuf_puts(s, "(");
    host(r, s);
    strbuf_printf(s, " and %snot port %u)", word[rng_below(r, 4)], rng_below(r, 65536));
}

static void host_range(struct rng *r, struct strbuf *s)
{
    uint32_t from = rng_below(r, 60000);

    strbuf_puts(s, "(");
    host(r, s);
    strbuf_printf(s, " and portrange %u-%u)", from, from + 1 + rng_below(r, 5000));
}

/* One of several kinds of item, which ask for different things behind an address, or for none. */
static void of_many_kinds(struct rng *r, struct strbuf *s)
{
    static const char *const after[] = {"tcp port",         "udp port",       "port",
                                        "tcp dst port",     "not port",       "tcp src port",
                                        "icmp[icmptype] =", "tcp[13] & 7 !=", "udp and not port"};
    enum { AFTER = sizeof after / sizeof *after };
    uint32_t kind = rng_below(r, AFTER + 5);

    if (kind < AFTER) {
        static const char *const before[] = {"host", "src host", "dst host"};
        strbuf_printf(s, "(%s ", before[rng_below(r, 4) % 3]);
        address(r, s);
        strbuf_printf(s, " and %s %u)", after[kind], rng_below(r, kind == 6 || kind == 7 ? 8 : 65536));
    } else if (kind == AFTER) {
        host(r, s);
    } else if (kind == AFTER + 1) {
        net(r, s);
    } else if (kind == AFTER + 2) {
        conversation(r, s);
    } else {
        strbuf_printf(s, "%s %u", kind == AFTER + 3 ? "port" : "udp dst port", rng_below(r, 65536));
    }
}

static void host_of_either(struct rng *r, struct strbuf *s)
{
    static const char *const after[] = {"", " and tcp port", " and udp port", " and port"};
    uint32_t kind = rng_below(r, 4);

    strbuf_puts(s, "(");
    host(r, s);
    strbuf_puts(s, after[kind]);
    if (kind)
        strbuf_printf(s, " %u", rng_below(r, 65536));
    strbuf_puts(s, ")");
}

static void of_kinds6(struct rng *r, struct strbuf *s)
{
    static const char *const after[] = {"", " and tcp port", " and udp port", " and udp dst port"};
    uint32_t kind = rng_below(r, 6);

    if (kind > 3) {
        strbuf_printf(s, kind == 4 ? "tcp port %u" : "src net 2001:db8:%x::/48", rng_below(r, 65536));
        return;
    }
    strbuf_printf(s, "(ip6 host 2001:db8:%x::%x%s", rng_below(r, 4), rng_below(r, 65536), after[kind]);
    if (kind)
        strbuf_printf(s, " %u", rng_below(r, 65536));
    strbuf_puts(s, ")");
}

/* 5-tuples of TCP begin like what else is asked of TCP. */
static void tuple_or_host(struct rng *r, struct strbuf *s)
{
    switch (rng_below(r, 4)) {
    case 0:
        host(r, s);
        break;
    case 1:
        host_tcp_port(r, s);
        break;
    case 2:
        strbuf_printf(s, "tcp port %u", rng_below(r, 65536));
        break;
    default:
        strbuf_puts(s, "(tcp and src host ");
        address(r, s);
        strbuf_printf(s, " and src port %u and dst host ", rng_below(r, 65536));
        address(r, s);
        strbuf_printf(s, " and dst port %u)", rng_below(r, 65536));
    }
}

#define FOUR_HOSTS(n)                                                                                        \
    "ip6 host 2001:db8::" n "1 or ip6 host 2001:db8::" n "2 or ip6 host 2001:db8::" n                        \
    "3 or ip6 host 2001:db8::" n "4"

static const struct list lists[] = {
    {"pairs of few hosts", pair_of_few, "", " or ", "", 90, 300},
    {"pairs, each negated", pair_of_few, "not ", " and not ", "", 90, 300},
    {"pairs in a negated list beside other tests", pair_of_few, "ip[8] = 1 and not (", " or ",
     " or tcp port 7)", 90, 300},
    {"pairs, and a second list of pairs", pair_of_few, "not src host 10.0.0.1 and (", " or ",
     " or dst host 10.0.1.3) or udp", 90, 300},
    {"items that contradict themselves", contradiction, "", " or ", "", 90, 200},
    {"networks that meet, with ranges of ports", nets_meet, "", " or ", "", 70, 100},
    {"many ports of few hosts", many_ports, "", " or ", "", 90, 300},
    {"two peers of a host", two_peers, "", " or ", "", 80, 200},
    {"hosts and what is not their peer", not_to_peer, "", " or ", "", 80, 200},
    {"pairs of IPv6 hosts", pair6, "", " or ", "", 80, 200},
    {"pairs of either family", either_family, "", " or ", "", 160, 300},
    {"pairs with other items between", with_others, "", " or ", "", 120, 300},
    {"MAC addresses with a host", mac_and_host, "", " or ", "", 80, 200},
    {"MAC addresses with a host, negated", mac_and_host, "not (", " or ", ")", 80, 200},
    {"conversations, negated", conversation, "not (", " or ", ") and not arp", 66, 100},
    {"hosts that ARP, not broadcasting", of_arp, "", " or ", "", 80, 200},
    {"5-tuples", tuple, "", " or ", "", 80, 200},
    {"hosts with one port", host_and_service, "", " or ", "", 70, 100},
    {"ports of few hosts on either side", few_hosts_port, "", " or ", "", 66, 80},
    {"hosts with a TCP port on either side", host_tcp_port, "", " or ", "", 66, 80},
    {"hosts beside arithmetic", with_arithmetic, "", " or ", "", 80, 200},

    {"hosts", host, "", " or ", "", 1000, 10000},
    {"hosts, negated", host, "not (", " or ", ")", 1000, 10000},
    {"sources", source, "", " or ", "", 10000, 20000},
    {"networks", net, "", " or ", "", 500, 1000},
    {"ports", port, "", " or ", "", 200, 1000},
    {"ports beside another test", port, "tcp and (", " or ", ") and not src net 10.0.0.0/8", 200, 400},
    {"hosts and ports", pair, "", " or ", "", 500, 1500},
    {"hosts with a port of either side", host_port, "", " or ", "", 16, 40},
    {"... unrelated", host_tcp_port, "", " or ", "", 24, 100},
    {"..., negated", host_tcp_port, "not (", " or ", ")", 24, 100},
    {"..., beside other tests", host_tcp_port, "len > 100 and (", " or ", " or src host 10.0.0.1) or arp", 16,
     40},
    {"networks with a port of either side", net_port, "", " or ", "", 24, 100},
    {"hosts with a destination port", host_dst_port, "", " or ", "", 24, 100},
    {"conversations", conversation, "", " or ", "", 70, 100},
    {"conversations with few peers", with_few_peers, "", " or ", "", 20, 60},
    {"conversations with ports", conversation_ports, "", " or ", "", 12, 24},
    {"IPv6 hosts with a port", host6_port, "", " or ", "", 12, 24},
    {"IPv6 hosts", host6, "", " or ", "", 200, 1000},
    {"IPv6 hosts without a common prefix", host6_unrelated, "", " or ", "", 170,
     240}, /* as many as need few loads */
    {"IPv6 networks", net6, "", " or ", "", 200, 400},
    {"MAC addresses", mac, "", " or ", "", 200, 400},
    {"MAC addresses, negated, beside other tests", mac, "tcp and not (", " or ", ") and not arp", 100, 200},
    {"ports and lengths behind a few IPv6 hosts, negated", udp_port_and_length,
     "not (" FOUR_HOSTS("1") " or " FOUR_HOSTS("2") " or " FOUR_HOSTS("3") " or " FOUR_HOSTS("4") ") or ",
     " or ", "", 70, 90},
    {"lengths of hosts", host_and_length, "", " or ", "", 100, 300},
    {"lengths of hosts, negated", host_and_length, "not (", " or ", ") and not arp", 100, 300},
    {"TCP flags of hosts", host_and_flags, "", " or ", "", 100, 300},
    {"TCP flags of ports", port_and_flags, "", " or ", "", 100, 300},
    {"hosts but a port", host_but_a_port, "", " or ", "", 40, 100},
    {"hosts with ranges of ports", host_range, "", " or ", "", 20, 60},
    {"hosts, and hosts with ports of two protocols", host_of_either, "", " or ", "", 24, 60},
    {"5-tuples among hosts, ports and hosts with ports", tuple_or_host,
     "host 10.255.0.1 or host 10.255.0.2 or ", " or ", "", 24, 60},
    {"IPv6 items of several kinds", of_kinds6, "", " or ", "", 24, 40},
    {"numbers", arithmetic, "", " or ", "", 1000, 10000},
};

/* Short ones of few addresses and ports, which meet each other: each form is proved for several. */
static void few_ports(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and port %u)", rng_below(r, 6), rng_below(r, 3));
}

static void few_nets(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(net 10.0.%u.0/24 and port (%u or %u))", rng_below(r, 6), rng_below(r, 3),
                  3 + rng_below(r, 3));
}

static void one_port_of_net(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(net 10.0.%u.0/24 and port %u)", rng_below(r, 6), rng_below(r, 8));
}

/* A network in which others lie, now and then all of them. */
static void meeting_net(struct rng *r, struct strbuf *s)
{
    static const uint32_t bits[] = {8, 16, 22, 23, 24, 24, 24};
    uint32_t length = bits[rng_below(r, 7)],
             address = 0x0a000000u | rng_below(r, 3) << 16 | rng_below(r, 6) << 8;

    address &= UINT32_MAX << (32 - length);
    strbuf_printf(s, "net %u.%u.%u.0/%u", address >> 24, address >> 16 & 255, address >> 8 & 255, length);
}

static void meeting_nets(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    meeting_net(r, s);
    strbuf_printf(s, " and port (%u or %u))", rng_below(r, 3), 3 + rng_below(r, 3));
}

static void meeting_nets_to(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    meeting_net(r, s);
    strbuf_printf(s, " and dst port %u)", rng_below(r, 4));
}

static void meeting_sources(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(src ");
    meeting_net(r, s);
    strbuf_printf(s, " and dst port %u)", rng_below(r, 4));
}

static void few_macs(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ether host 02:00:00:00:%02x:%02x and ip host 10.0.0.%u)", rng_below(r, 2),
                  rng_below(r, 3), rng_below(r, 4));
}

static void few_hosts6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip6 host 2001:db8:%u::%u and udp port %u)", rng_below(r, 2), rng_below(r, 3),
                  rng_below(r, 3));
}

/* Most share no word with another, so that of a packet that one of them sent no more than the first word of
 * the destination may be read. */
static const char *const unlike6[] = {"fe80::1", "2001:db8::1", "2001:db8::2", "ff02::1"};

static void few_unlike6(struct rng *r, struct strbuf *s)
{
    static const char *const after[] = {"tcp port", "udp port", "sctp and len > 60 and dst port", "port"};

    strbuf_printf(s, "(ip6 host %s and %s %u)", unlike6[rng_below(r, 4)], after[rng_below(r, 4)],
                  rng_below(r, 3));
}

/* What is asked of a host lies in the destination, behind its first word. */
static void few_words6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip6 host %s and ip6[30] = %u and udp port %u)", unlike6[rng_below(r, 4)],
                  rng_below(r, 3), rng_below(r, 3));
}

static void few_services6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip6 host %s and port %u)", unlike6[rng_below(r, 4)], rng_below(r, 3));
}

/* Words of addresses are 0 as often as not. */
static void few_pairs6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(src host 2001:db8::%u and dst host 2001:db8:%u:%u::%u)", rng_below(r, 2),
                  rng_below(r, 2), rng_below(r, 3), rng_below(r, 2));
}

/* Its source is found by all, so its destination is read by none. */
static void same_host6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(ip6 host 2001:db8::1 and %s dst port %u)", rng_below(r, 2) ? "tcp" : "udp",
                  rng_below(r, 9));
}

static void few_conversations(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and host 10.0.0.%u)", rng_below(r, 5), rng_below(r, 7));
}

static void few_tuples(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(tcp and host 10.0.0.%u and port %u and host 10.0.0.%u and port %u)", rng_below(r, 3),
                  rng_below(r, 2), 3 + rng_below(r, 2), rng_below(r, 3));
}

static void few_sides(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and %s port %u)", rng_below(r, 6), rng_below(r, 2) ? "src" : "dst",
                  rng_below(r, 3));
}

static void few_mixed(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 9) == 0)
        strbuf_printf(s, "src host 10.0.0.%u", rng_below(r, 6));
    else
        few_ports(r, s);
}

static void few_lengths(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and len > %u)", rng_below(r, 5), 30 + 8 * rng_below(r, 5));
}

static void few_flags(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(host 10.0.0.%u and tcp[13] & %u != 0)", rng_below(r, 5), 1 + rng_below(r, 7));
}

static void few_port_flags(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(tcp port %u and tcp[13] & %u != 0)", rng_below(r, 4), 1 + rng_below(r, 7));
}

static void few_without_port(struct rng *r, struct strbuf *s)
{
    static const char *const word[] = {"tcp and ", "udp and ", "icmp and ", "", "udp and len > 50 and "};

    strbuf_printf(s, "(host 10.0.0.%u and %snot port %u)", rng_below(r, 4), word[rng_below(r, 5)],
                  rng_below(r, 4));
}

static void few_without_one_port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(not port %u and host 10.0.0.%u)", rng_below(r, 3), rng_below(r, 4));
}

/* What one rest has read when it accepts, another may not have. */
static void few_rests(struct rng *r, struct strbuf *s)
{
    uint32_t n = rng_below(r, 7);

    strbuf_printf(s, "(host 10.0.0.%u and ", rng_below(r, 4));
    if (n < 3)
        strbuf_printf(s, "(len > %u or tcp[13] & %u != 0))", 40 + 8 * n, 1 + n);
    else if (n == 3)
        strbuf_puts(s, "tcp[20] = 1)");
    else
        strbuf_printf(s, "ip[8] = %u)", n);
}

/* It asks for IPv4 three times, of which two say the same. */
static void few_of_icmp(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(src host 10.0.0.%u and (len > %u or tcp[13] & %u != 0) and icmp)", rng_below(r, 4),
                  40 + 8 * rng_below(r, 3), 1 + rng_below(r, 7));
}

static void few_ends(struct rng *r, struct strbuf *s)
{
    uint32_t n = rng_below(r, 4);

    strbuf_printf(s, "(host 10.0.0.%u and (tcp[13] & %u != 0 or udp[20] = %u))", rng_below(r, 4), 1 + n, n);
}

/* Where the second alternative holds, the first may have read nothing. */
static void few_halves(struct rng *r, struct strbuf *s)
{
    uint32_t n = rng_below(r, 4);

    strbuf_printf(s, "(host 10.0.0.%u and ((ip[9] = %u and ip[60] = 1) or ip[8] = %u))", rng_below(r, 4), n,
                  rng_below(r, 2));
}

static void few_guarded(struct rng *r, struct strbuf *s)
{
    uint32_t n = rng_below(r, 4);

    strbuf_printf(s, "(host 10.0.0.%u and (ip[9] = %u or ip[60] = %u))", rng_below(r, 4), n, n);
}

/* What two of them ask for excludes the third one, what one asks for does not. */
static void few_near_or_far(struct rng *r, struct strbuf *s)
{
    uint32_t n = rng_below(r, 3);

    strbuf_printf(s, "(host 10.0.0.%u and ", rng_below(r, 4));
    if (n == 0)
        strbuf_puts(s, "icmp)");
    else
        strbuf_printf(s, n == 1 ? "len > %u)" : "udp port %u)", 40 + rng_below(r, 3));
}

/* Two words that may exclude each other, so that there may be nothing left of it. */
static void few_words(struct rng *r, struct strbuf *s)
{
    static const char *const word[] = {"tcp",    "arp",           "ip6",   "tcp port 1",
                                       "port 2", "host 10.0.0.1", "not ip"};
    enum { WORDS = sizeof word / sizeof *word };

    strbuf_printf(s, "(%s and %s)", word[rng_below(r, WORDS)], word[rng_below(r, WORDS)]);
}

/* Items of several kinds that ask for few addresses and numbers. */
static void few_kinds(struct rng *r, struct strbuf *s)
{
    static const char *const address[] = {"host", "src host", "dst host"};
    static const char *const after[] = {"",
                                        " and port",
                                        " and tcp port",
                                        " and not port",
                                        " and tcp dst port",
                                        " and udp and not port",
                                        " and tcp[13] &",
                                        " and icmp[0] ="};
    enum { AFTER = sizeof after / sizeof *after };
    uint32_t kind = rng_below(r, AFTER + 1), n = 1 + rng_below(r, 3);

    if (kind == AFTER) {
        strbuf_printf(s, "%sport %u", rng_below(r, 2) ? "tcp dst " : "", n);
        return;
    }
    strbuf_printf(s, "(%s 10.0.0.%u%s", address[rng_below(r, 3)], rng_below(r, 5), after[kind]);
    if (after[kind][0])
        strbuf_printf(s, kind == 6 ? " %u != 0" : " %u", n);
    strbuf_puts(s, ")");
}

/* The same of IPv6 hosts, whose ports are at one place, or of networks that meet, with ranges. */
static void few_kinds6(struct rng *r, struct strbuf *s)
{
    static const char *const after[] = {"", " and port", " and tcp port", " and udp dst port",
                                        " and not port"};
    uint32_t kind = rng_below(r, 6), n = 1 + rng_below(r, 3);

    if (kind == 5) {
        strbuf_printf(s, "port %u", n);
        return;
    }
    strbuf_printf(s, "(ip6 host 2001:db8::%u%s", rng_below(r, 5), after[kind]);
    if (kind)
        strbuf_printf(s, " %u", n);
    strbuf_puts(s, ")");
}

static void few_ranges(struct rng *r, struct strbuf *s)
{
    static const char *const net[] = {"10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.0.1/32",
                                      "10.0.1.0/24"};
    uint32_t from = 1 + rng_below(r, 4);

    strbuf_printf(s, "(net %s and %sportrange %u-%u)", net[rng_below(r, 5)], rng_below(r, 3) ? "" : "tcp ",
                  from, from + rng_below(r, 4));
}

static const struct list small[] = {
    {"items of many kinds", of_many_kinds, "", " or ", "", 9, 12},
    {"items of a few kinds", few_kinds, "", " or ", "", 9, 16},
    {"items of a few kinds, negated", few_kinds, "not (", " or ", ")", 9, 16},
    {"items of a few kinds, beside others", few_kinds, "len > 40 and (", " or ", " or ip[60] = 5) or arp", 9,
     16},
    {"items of a few kinds, IPv6", few_kinds6, "", " or ", "", 9, 16},
    {"items of a few kinds, IPv6, negated", few_kinds6, "not (", " or ", ") and not arp", 9, 16},
    {"networks with ranges of ports", few_ranges, "", " or ", "", 9, 14},
    {"networks with ranges of ports, negated", few_ranges, "not (", " or ", ")", 9, 14},
    {"pairs of words", few_words, "", " or ", "", 2, 3},
    {"pairs of words, negated", few_words, "not (", " or ", ")", 2, 3},
    {"pairs of words, beside another", few_words, "udp or (", " or ", ")", 2, 4},
    {"ports of hosts", few_ports, "", " or ", "", 10, 12},
    {"ports of hosts, negated", few_ports, "not (", " or ", ")", 9, 12},
    {"ports of hosts, among others", few_ports, "ip[8] = 1 and (", " or ", " or ip[60] = 5)", 9, 12},
    {"ports of networks", few_nets, "", " or ", "", 9, 12},
    {"ports of networks in networks", meeting_nets, "", " or ", "", 9, 14},
    {"ports of networks in networks, negated", meeting_nets, "not (", " or ", ")", 9, 12},
    {"ports of a network, of one around it, and others", one_port_of_net,
     "(net 10.0.0.0/24 and port 6) or (net 10.0.0.0/16 and port 7) or ", " or ", "", 9, 14},
    {"destination ports of networks in networks", meeting_nets_to, "", " or ", "", 9, 14},
    {"sources in networks in networks", meeting_sources, "", " or ", "", 9, 20},
    {"sources in networks in networks, negated", meeting_sources, "tcp and not (", " or ", ")", 9, 20},
    {"MAC and IPv4 addresses", few_macs, "", " or ", "", 9, 12},
    {"MAC and IPv4 addresses, negated", few_macs, "not (", " or ", ") or arp", 9, 12},
    {"ports of IPv6 hosts", few_hosts6, "", " or ", "", 9, 12},
    {"ports of unlike IPv6 hosts, negated", few_unlike6, "not (", " or ", ")", 9, 14},
    {"ports of unlike IPv6 hosts, before another test", few_unlike6, "", " or ", " or icmp6", 9, 14},
    {"ports of unlike IPv6 hosts of either side, before another test", few_services6, "", " or ", " or icmp6",
     9, 14},
    {"words of unlike IPv6 hosts, negated", few_words6, "not (", " or ", ")", 9, 14},
    {"pairs of IPv6 hosts", few_pairs6, "", " or ", "", 2, 6},
    {"pairs of IPv6 hosts, negated", few_pairs6, "not (", " or ", ")", 2, 6},
    {"ports of one IPv6 host", same_host6, "(", " or ", ") or ether[0] = 7", 9, 12},
    {"conversations", few_conversations, "", " or ", "", 10, 14},
    {"conversations, before others", few_conversations, "(", " or ", ") and tcp or ether[0] = 7", 9, 12},
    {"tuples", few_tuples, "", " or ", "", 9, 12},
    {"ports of either side", few_sides, "", " or ", "", 9, 12},
    {"ports of hosts, and hosts", few_mixed, "", " or ", "", 12, 20},
    {"lengths of hosts", few_lengths, "", " or ", "", 9, 14},
    {"lengths of hosts, negated", few_lengths, "not (", " or ", ") or arp", 9, 14},
    {"flags of hosts", few_flags, "", " or ", "", 9, 14},
    {"flags of hosts, among others", few_flags, "ip[8] = 1 and (", " or ", " or ip[60] = 5)", 9, 12},
    {"flags of ports, negated", few_port_flags, "not (", " or ", ")", 9, 14},
    {"hosts without a port", few_without_port, "", " or ", "", 3, 14},
    {"hosts without a port, negated", few_without_port, "not (", " or ", ") and not arp", 9, 14},
    {"hosts without a port, which is asked first", few_without_one_port, "", " or ", "", 3, 12},
    {"rests of several kinds", few_rests, "", " or ", "", 9, 14},
    {"rests that ask twice", few_of_icmp, "", " or ", "", 8, 14},
    {"rests with two ends", few_ends, "", " or ", "", 9, 14},
    {"rests in halves", few_halves, "", " or ", "", 9, 14},
    {"rests that are near, and one that is far", few_near_or_far, "ip and (", " or ", ")", 8, 14},
    {"rests that may end early", few_guarded, "", " or ", " or ether[0] = 7", 9, 14},
};

static const char *verdict_word(int rc, const struct prove_result *r)
{
    return rc                           ? "error"
           : r->verdict == PROVE_EQUAL  ? "proved"
           : r->verdict == PROVE_DIFFER ? "differs"
                                        : r->why;
}

/* Changes the constant of some compare; false when there is none. */
static bool break_program(struct program *p, struct rng *r)
{
    for (uint32_t attempt = 0; attempt < 1000; attempt++) {
        struct weir_cbpf_insn *i = &p->at[rng_below(r, p->n)];
        if (i->code != 0x15) /* jeq #k */
            continue;
        i->k ^= 4;
        return true;
    }
    return false;
}

/* The list, plain and optimized; false, having said why, when it does not compile. */
static bool compile_list(const struct list *l, uint32_t n, struct rng *r, struct program *plain,
                         struct program *optimized)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct strbuf text;
    char why[256] = "";

    strbuf_init(&text, &allocator_system);
    strbuf_puts(&text, l->before);
    for (uint32_t i = 0; i < n; i++) {
        strbuf_puts(&text, i ? l->between : "");
        l->term(r, &text);
    }
    strbuf_puts(&text, l->after);
    o.optimize = 0;
    int rc = text.failed ? WEIR_E_MEMORY : compile_program(text.text, &o, plain, why, sizeof why);
    o.optimize = 1;
    if (rc >= 0)
        rc = compile_program(text.text, &o, optimized, why, sizeof why);
    strbuf_release(&text);
    if (rc < 0)
        tap_diag("%s", why);
    return rc >= 0;
}

enum { CHANGES = 64 };

/* Is one of some changed constants seen? Some tests decide nothing, so that theirs may change. */
static bool change_is_seen(const struct program *plain, const struct program *optimized, struct rng *r)
{
    const struct prove_options patient = {.work = UINT64_C(1) << 34};
    struct prove_result result = {0};
    bool seen = false;

    for (unsigned tries = 0; tries < CHANGES && !seen; tries++) {
        struct program broken = {0};
        bool changed = program_copy(optimized->at, optimized->n, &broken) && break_program(&broken, r);
        int rc = changed ? walk_refines(plain->at, plain->n, broken.at, broken.n, &patient, &result) : -1;
        seen = rc == 0 && result.verdict == PROVE_DIFFER;
        if (rc == 0)
            prove_release(&result);
        program_free(&broken);
    }
    return seen;
}

/* Has the optimized program a shorter longest path, or is it as short in both? */
static bool is_better(const struct program *plain, const struct program *optimized)
{
    uint32_t before = program_longest_path(plain), now = program_longest_path(optimized);

    return now <= before && (now < before || optimized->n <= plain->n);
}

static void prove_list(const struct list *l, uint32_t n, uint64_t seed)
{
    struct rng r = {seed + n};
    struct program plain = {0}, optimized = {0};
    const struct prove_options patient = {.work = UINT64_C(1) << 34};
    struct prove_result result = {0};

    if (tap_ok(compile_list(l, n, &r, &plain, &optimized), "%u %s compile", n, l->name)) {
        int rc = walk_refines(plain.at, plain.n, optimized.at, optimized.n, &patient, &result);
        if (!tap_ok(rc == 0 && result.verdict == PROVE_EQUAL, "%u %s: %u instructions refine %u", n, l->name,
                    optimized.n, plain.n))
            tap_diag("%s", verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
        tap_ok(is_better(&plain, &optimized), "%u %s: shorter, or a shorter path", n, l->name);
        tap_ok(change_is_seen(&plain, &optimized, &r), "%u %s: a changed constant is seen", n, l->name);
    }
    program_free(&plain);
    program_free(&optimized);
}

static void prove_small(const struct list *l, uint64_t seed, unsigned times)
{
    unsigned proved = 0;

    for (unsigned i = 0; i < times; i++) {
        struct rng r = {seed + i};
        struct program plain = {0}, optimized = {0};
        struct prove_result result = {0};
        bool compiled = compile_list(l, l->few + rng_below(&r, l->many - l->few + 1), &r, &plain, &optimized);
        int rc = compiled ? walk_refines(plain.at, plain.n, optimized.at, optimized.n, NULL, &result) : -1;
        if (rc == 0 && result.verdict == PROVE_EQUAL && is_better(&plain, &optimized))
            proved++;
        else
            tap_pending("%u instructions for %u, seed %llu: %s", optimized.n, plain.n,
                        (unsigned long long)(seed + i), verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
        program_free(&plain);
        program_free(&optimized);
    }
    tap_ok(proved == times, "%s: %u of %u small lists proved and better", l->name, proved, times);
}

/* @times the @terms: is it still a search, whose longest path grows by no more than @most times? */
static void test_depth(const struct list *l, uint32_t terms, uint32_t times, uint32_t most, uint64_t seed)
{
    uint32_t path[2] = {0};

    for (unsigned i = 0; i < 2; i++) {
        struct rng r = {seed};
        struct program plain = {0}, optimized = {0};
        if (compile_list(l, i ? times * terms : terms, &r, &plain, &optimized))
            path[i] = program_longest_path(&optimized);
        program_free(&plain);
        program_free(&optimized);
    }
    tap_ok(path[0] > 0 && path[1] > 0 && path[1] <= most * path[0], "%u and %u %s: longest paths %u and %u",
           terms, times * terms, l->name, path[0], path[1]);
}

int main(void)
{
    bool all = getenv("WEIR_LONG") != NULL;
    uint64_t seed = rng_seed();

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        prove_list(&lists[i], lists[i].few, seed);
        if (all)
            prove_list(&lists[i], lists[i].many, seed);
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        test_depth(&lists[i], 500, 16, 2, seed);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        test_depth(&lists[i], 20, 3, 2, seed);
    prove_list(&lists[0], 10000, seed);
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
        prove_small(&small[i], seed, all ? 200 : 5);
    return tap_done();
}
