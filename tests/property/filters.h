/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/filters.h - filters of every kind, for properties that hold for all of them.
 */
#ifndef WEIR_TESTS_PROPERTY_FILTERS_H
#define WEIR_TESTS_PROPERTY_FILTERS_H
#include <stdint.h>

static const struct {
    const char *text;
    uint32_t linktype; /* DLT_ number */
} property_filters[] = {
    {"", 1},
    {"ip", 1},
    {"arp or rarp or ip6", 1},
    {"host 10.0.0.1", 1},
    {"src host 10.0.0.1 and dst host 10.0.0.2", 1},
    {"net 10.0.0.0/8 or net 192.168.0.0/16 or net 172.16.0.0/12", 1},
    {"ip6 host 2001:db8::1 or src net fe80::/10", 1},
    {"tcp port 80 or 443 or 8080", 1},
    {"udp dst portrange 5000-6000 and not host 10.0.0.9", 1},
    {"port 53 and (host 10.0.0.1 or host 10.0.0.2 or host 10.0.0.3)", 1},
    {"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", 1},
    {"tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", 1},
    {"ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0", 1},
    {"len / ip[2] > 2 or len % ip[1] = 1", 1},
    {"icmp[icmptype] = icmp-echo or icmp6[icmp6type] = icmp6-echo", 1},
    {"ether host 1:2:3:4:5:6 or ether broadcast or ether multicast", 1},
    {"ip broadcast or ip multicast or ip6 multicast", 1},
    {"vlan 100 and vlan 200 and ip", 1},
    {"vlan or mpls 5 and host 1.2.3.4", 1},
    {"pppoes 0x27 and (ip or ip6)", 1},
    {"geneve 5 and ether host 1:2:3:4:5:6 and tcp port 80", 1},
    {"geneve and tcp port 80", 1},
    {"vxlan 7 and ip", 1},
    {"llc ui or stp or netbeui or ipx", 1},
    {"iso proto 0x83 or clnp or isis", 1},
    {"atalk or aarp or decnet host 10.123", 1},
    {"sctp or igmp or pim or vrrp or ah or esp", 1},
    {"less 100 or greater 1000", 1},
    {"ether[0] & 1 = 0 and ip[16] >= 224", 1},
    {"udp[8:4] ^ 0x12345678 = ip[12:4] * 3", 1},
    {"not (tcp and (port 1 or port 2)) and not arp", 1},
    {"(src host 1.2.3.4 and dst port 5) or (src host 1.2.3.5 and dst port 6) or (dst host 1.2.3.4 and src "
     "port 7)",
     1},
    {"ip proto 6 and tcp[13] = 2 or ip6 proto 17 and ip6[40:2] = 53", 1},
    {"host 1.2.3.4", 12},
    {"tcp port 80 and net 10.0.0.0/8", 12},
    {"ip6 and udp", 113},
    {"ip host 1.2.3.4 and tcp", 0},
    {"wlan host 1:2:3:4:5:6 and ip", 105},
    {"type mgt subtype beacon or dir tods", 105},
    {"type data and ip host 1.2.3.4", 127},
    {"wlan addr2 1:2:3:4:5:6 or tcp", 127},
    {"(ip[8] = 6 and ip6 and ip) or (host 10.0.0.0 and not host 10.0.1.1) or "
     "(host 10.0.0.0 and not host 10.0.1.1) or (host 10.0.0.1 and not host 10.0.1.2) or "
     "(host 10.0.0.2 and not host 10.0.1.3) or (host 10.0.0.3 and not host 10.0.1.4) or "
     "(host 10.0.0.4 and not host 10.0.1.5) or (host 10.0.0.5 and not host 10.0.1.6) or "
     "(host 10.0.0.6 and not host 10.0.1.7)",
     1},
    {"type data subtype qos-data or tcp", 105},
    {"arp and ip or not ip6 multicast", 105},
    {"type mgt or ip6", 105},
    {"not arp", 127},
    {"type mgt or len > 100 or not ip6", 127},
    {"type data subtype qos-data and ip or len > 100", 105},
    {"len > 100 and ip or not type mgt", 127},
    {"greater 1000 or ip[6:2] & 0x1fff != 0 or (len > 60 and not dst net 10.1.0.0/16)", 163},
    {"link[0:1] & 0xff000000 = 0", 163},
    {"byte 8 | 5 or len > 60", 119},
    {"ether dst host 1:2:3:4:5:6 or dst host 172.16.0.5", 105},
    {"on en0 and reason match or ip", 117},
    {"ip or ip6", 9},
    {"tcp", 50},
};
#define PROPERTY_FILTERS (sizeof property_filters / sizeof property_filters[0])
#endif
