/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/short_lists.h - the short lists of test_lists.c, of few addresses and numbers, which meet each
 * other.
 */
#ifndef WEIR_TESTS_PROVE_SHORT_LISTS_H
#define WEIR_TESTS_PROVE_SHORT_LISTS_H
#include "tests/prove/long_lists.h"

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

/* Filters in which neighbours ask for the same, and the same filters with that written once. */
static const struct written {
    uint32_t linktype;
    const char *each, *once;
} written[] = {
    {1, "(ether host 2:0:0:0:0:1 and ip) or (ether host 2:0:0:0:0:5 and ip)",
     "(ether host 2:0:0:0:0:1 or ether host 2:0:0:0:0:5) and ip"},
    {1, "(ether host 2:0:0:0:0:1 and tcp) or (ether host 2:0:0:0:0:5 and tcp) or ether host 2:0:0:0:0:9",
     "((ether host 2:0:0:0:0:1 or ether host 2:0:0:0:0:5) and tcp) or ether host 2:0:0:0:0:9"},
    {1, "(port 22 and ip6 host 2001:db8::3) or (port 53 and ip6 host 2001:db8::3)",
     "(port 22 or port 53) and ip6 host 2001:db8::3"},
    {1, "(port 53 and ether host 2:0:0:0:0:1) or (port 22 and ether host 2:0:0:0:0:1) or arp",
     "((port 53 or port 22) and ether host 2:0:0:0:0:1) or arp"},
    {1, "(ether host 2:0:0:0:0:1 and host 10.0.0.1) or (ether host 2:0:0:0:0:1 and host 10.0.0.5)",
     "ether host 2:0:0:0:0:1 and (host 10.0.0.1 or host 10.0.0.5)"},
    {1, "not (net 10.1.0.0/16 and not port 70) and not (net 10.3.0.0/16 and not port 70)",
     "not ((net 10.1.0.0/16 or net 10.3.0.0/16) and not port 70)"},
    {1, "arp or (host 10.0.0.1 and not port 22) or (host 10.0.0.5 and not port 22)",
     "arp or ((host 10.0.0.1 or host 10.0.0.5) and not port 22)"},
    {113, "(ip6 host 2001:db8::1 and len > 70) or (ip6 host 2001:db8::5 and len > 70) or port 99",
     "((ip6 host 2001:db8::1 or ip6 host 2001:db8::5) and len > 70) or port 99"},
};
#endif
