/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/grouped_lists.h - the lists of test_lists.c whose items have alternatives in them, as rules of
 * firewalls have, or take turns with items of another kind.
 */
#ifndef WEIR_TESTS_PROVE_GROUPED_LISTS_H
#define WEIR_TESTS_PROVE_GROUPED_LISTS_H
#include "tests/prove/long_lists.h"

/* `(host A or host B ...)`, of @n. */
static void group(struct rng *r, struct strbuf *s, void (*one)(struct rng *r, struct strbuf *s), uint32_t n)
{
    strbuf_puts(s, "(");
    for (uint32_t i = 0; i < n; i++) {
        strbuf_puts(s, i ? " or " : "");
        one(r, s);
    }
    strbuf_puts(s, ")");
}

/* A group of @n, and something of a number below @limit. */
static void group_and(struct rng *r, struct strbuf *s, void (*one)(struct rng *r, struct strbuf *s),
                      uint32_t n, const char *before, uint32_t limit)
{
    strbuf_puts(s, "(");
    group(r, s, one, n);
    strbuf_printf(s, " and %s%u)", before, rng_below(r, limit));
}

static void host_of_few(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "host 10.0.0.%u", rng_below(r, 100));
}

static void network24(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "net 10.%u.%u.0/24", rng_below(r, 256), rng_below(r, 256));
}

/* Two hosts, and two of what @other draws. */
static void group_and_group(struct rng *r, struct strbuf *s, void (*other)(struct rng *r, struct strbuf *s))
{
    strbuf_puts(s, "(");
    group(r, s, host, 2);
    strbuf_puts(s, " and ");
    group(r, s, other, 2);
    strbuf_puts(s, ")");
}

static void group_port(struct rng *r, struct strbuf *s)
{
    group_and(r, s, host, 2 + rng_below(r, 3), "port ", 65536);
}

static void group_ports(struct rng *r, struct strbuf *s)
{
    group_and_group(r, s, port);
}

static void ports_of_one_group(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "((host 10.0.0.1 or host 10.0.0.2) and port %u)", rng_below(r, 65536));
}

static void shared_group_port(struct rng *r, struct strbuf *s)
{
    group_and(r, s, host_of_few, 3, "tcp port ", 65536);
}

static void group_length(struct rng *r, struct strbuf *s)
{
    group_and(r, s, host, 2, "len > ", 1500);
}

static void networks_port(struct rng *r, struct strbuf *s)
{
    group_and(r, s, network24, 2, "port ", 65536);
}

static void port_of_group(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "(port %u and ", rng_below(r, 65536));
    group(r, s, host, 2);
    strbuf_puts(s, ")");
}

static void groups_talk(struct rng *r, struct strbuf *s)
{
    group_and_group(r, s, host);
}

static void host_port_of_either(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    host(r, s);
    strbuf_printf(s, " and (tcp port %u or udp port %u))", rng_below(r, 65536), rng_below(r, 65536));
}

static void network_services(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    network24(r, s);
    strbuf_printf(s, " and (tcp port %u or (udp port %u and not ", rng_below(r, 65536), rng_below(r, 65536));
    host(r, s);
    strbuf_puts(s, ")))");
}

/* An IPv6 host, and more. */
static void host6_and(struct rng *r, struct strbuf *s, const char *more)
{
    strbuf_puts(s, "(");
    host6(r, s);
    strbuf_printf(s, " and %s)", more);
}

static void host6_icmp6(struct rng *r, struct strbuf *s)
{
    host6_and(r, s, "icmp6");
}

static void host6_but_tcp(struct rng *r, struct strbuf *s)
{
    host6_and(r, s, "not tcp");
}

static void host6_but_port(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    host6(r, s);
    strbuf_printf(s, " and not port %u)", rng_below(r, 65536));
}

static void group6_port(struct rng *r, struct strbuf *s)
{
    group_and(r, s, host6, 2, "port ", 65536);
}

static void conversation6_or_port(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 2)) {
        strbuf_printf(s, "udp dst port %u", rng_below(r, 65536));
        return;
    }
    strbuf_puts(s, "(");
    host6(r, s);
    strbuf_puts(s, " and ");
    host6(r, s);
    strbuf_puts(s, ")");
}

static void macs_with_ip(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    group(r, s, mac, 2);
    strbuf_puts(s, " and ip)");
}

static void mac_port_or_host(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 2))
        host(r, s);
    else
        strbuf_printf(s, "(ether src 02:00:00:00:%02x:%02x and tcp dst port %u)", rng_below(r, 256),
                      rng_below(r, 256), rng_below(r, 65536));
}

static void mac_host_or_tuple(struct rng *r, struct strbuf *s)
{
    switch (rng_below(r, 3)) {
    case 0:
        host_tcp_port(r, s);
        break;
    case 1:
        strbuf_printf(s, "(ether host 02:00:00:00:%02x:%02x and ip ", rng_below(r, 256), rng_below(r, 256));
        host(r, s);
        strbuf_puts(s, ")");
        break;
    default:
        host_range(r, s);
    }
}

static void port_or_payload(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 2))
        strbuf_printf(s, "port %u", rng_below(r, 65536));
    else
        strbuf_printf(s, "(udp port %u and udp[8:4] = %u)", rng_below(r, 65536), rng_below(r, UINT32_MAX));
}

static void port_or_pair(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 2)) {
        port(r, s);
        return;
    }
    strbuf_puts(s, "(src host ");
    address(r, s);
    strbuf_puts(s, " and dst host ");
    address(r, s);
    strbuf_puts(s, ")");
}

static void mac_or_host_length(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 2))
        mac(r, s);
    else
        host_and(r, s, "len > ", 1500, "");
}

static void flags_or_mac_of_net(struct rng *r, struct strbuf *s)
{
    if (rng_below(r, 2))
        strbuf_printf(s, "tcp[13] = %u", rng_below(r, 256));
    else
        group_and(r, s, mac, 1, "src net 10.", 256);
}

static void host6_length(struct rng *r, struct strbuf *s)
{
    group_and(r, s, host6, 1, "len > ", 1500);
}

static void mac_tcp_port(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(");
    mac(r, s);
    strbuf_printf(s, " and tcp port %u)", rng_below(r, 65536));
}

static const struct list grouped_lists[] = {
    {"groups of hosts with a port", group_port, "", " or ", "", 8, 10},
    {"groups of hosts with a port, negated", group_port, "not (", " or ", ") and not arp", 8, 10},
    {"groups of hosts with ports", group_ports, "", " or ", "", 8, 9},
    {"ports of one group", ports_of_one_group, "", " or ", "", 12, 20},
    {"groups that share hosts, with a TCP port", shared_group_port, "", " or ", "", 8, 9},
    {"lengths of groups of hosts", group_length, "", " or ", "", 12, 20},
    {"groups of networks with a port", networks_port, "", " or ", "", 8, 10},
    {"ports with a group of hosts", port_of_group, "", " or ", "", 8, 10},
    {"groups that talk to each other", groups_talk, "", " or ", "", 12, 20},
    {"hosts with a port of TCP or of UDP", host_port_of_either, "", " or ", "", 8, 10},
    {"services of networks, but one host", network_services, "", " or ", "", 8, 9},
    {"ICMPv6 of IPv6 hosts", host6_icmp6, "", " or ", "", 12, 20},
    {"ICMPv6 of IPv6 hosts, negated", host6_icmp6, "not (", " or ", ")", 12, 20},
    {"lengths of IPv6 hosts", host6_length, "", " or ", "", 12, 20},
    {"IPv6 hosts but TCP", host6_but_tcp, "", " or ", "", 12, 20},
    {"IPv6 hosts but a port", host6_but_port, "", " or ", "", 8, 10},
    {"groups of IPv6 hosts with a port", group6_port, "", " or ", "", 8, 9},
    {"conversations of IPv6 hosts among ports", conversation6_or_port, "", " or ", "", 10, 14},
    {"groups of MAC addresses with IPv4", macs_with_ip, "", " or ", "", 12, 20},
    {"hosts, and MAC addresses with a port", mac_port_or_host, "host 10.0.0.1 or ", " or ", "", 12, 16},
    {"hosts with ports or a MAC address", mac_host_or_tuple, "", " or ", "", 9, 12},
    {"ports and pairs of hosts", port_or_pair, "", " or ", "", 16, 30},
    {"ports and pairs of hosts, negated", port_or_pair, "not (", " or ", ") and not arp", 16, 30},
    {"MAC addresses, and lengths of hosts", mac_or_host_length, "", " or ", "", 12, 20},
    {"flags, and MAC addresses with a network", flags_or_mac_of_net, "", " or ", "", 12, 20},
    {"ports, and ports with a payload", port_or_payload, "", " or ", "", 10, 14},
    {"MAC addresses with a TCP port", mac_tcp_port, "", " or ", "", 10, 14},
    {"MAC addresses with a TCP port, or others", mac_tcp_port, "(len > 60 and (", " or ",
     ")) or ether[13] = 8", 10, 14},
    {"hosts with a TCP port in VXLAN", host_tcp_port, "vxlan and (", " or ", ")", 12, 20},
    {"hosts with a port in Geneve", host_port, "geneve and (", " or ", ")", 8, 12},
};

/* Of packets whose headers begin at a variable address. */
static const struct list header_lists[] = {
    {"hosts with a TCP port", host_tcp_port, "", " or ", "", 9, 16},
    {"hosts with a port, negated", host_port, "not (", " or ", ")", 8, 10},
};

/* Of 802.11 frames, which have addresses in several places: too much to walk. */
static const struct list mac_list = {"MAC addresses", mac, "", " or ", "", 0, 0};
#endif
