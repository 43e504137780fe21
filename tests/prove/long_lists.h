/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/long_lists.h - the long lists of test_lists.c: what their terms are, drawn at random.
 */
#ifndef WEIR_TESTS_PROVE_LONG_LISTS_H
#define WEIR_TESTS_PROVE_LONG_LISTS_H
#include "base/strbuf.h"
#include "tests/harness/rng.h"

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
#endif
