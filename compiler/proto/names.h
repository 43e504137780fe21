/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proto/names.h - tables of names and numbers that need no database.
 *
 * Rows live in the .def files beside this header. Constant data, safe from any thread.
 */
#ifndef WEIR_PROTO_NAMES_H
#define WEIR_PROTO_NAMES_H
#include <stdbool.h>
#include <stdint.h>

/* EtherTypes and SAPs that code names (IEEE 802 numbers; a value up to 1500 is an 802.2 SAP). */
enum {
    ETHERTYPE_IP = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_MOPDL = 0x6001,
    ETHERTYPE_MOPRC = 0x6002,
    ETHERTYPE_DECNET = 0x6003,
    ETHERTYPE_LAT = 0x6004,
    ETHERTYPE_SCA = 0x6007,
    ETHERTYPE_TEB = 0x6558, /* transparent Ethernet bridging */
    ETHERTYPE_RARP = 0x8035,
    ETHERTYPE_ATALK = 0x809b,
    ETHERTYPE_AARP = 0x80f3,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPX = 0x8137,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_PPPOED = 0x8863,
    ETHERTYPE_PPPOES = 0x8864,
    ETHERTYPE_QINQ = 0x88a8,
    ETHERTYPE_VLAN9100 = 0x9100,
    SAP_IP = 0x06,
    SAP_STP = 0x42,
    SAP_IPX = 0xe0,
    SAP_NETBEUI = 0xf0,
    SAP_ISO = 0xfe,
    SAP_MAX = 1500, /* the largest 802.3 length: larger type fields are EtherTypes */
};

/* IP protocols that code names (IANA protocol numbers). */
enum {
    IPPROTO_NUM_ICMP = 1,
    IPPROTO_NUM_IGMP = 2,
    IPPROTO_NUM_TCP = 6,
    IPPROTO_NUM_IGRP = 9,
    IPPROTO_NUM_UDP = 17,
    IPPROTO_NUM_HOPOPTS = 0,
    IPPROTO_NUM_ROUTING = 43,
    IPPROTO_NUM_FRAGMENT = 44,
    IPPROTO_NUM_ESP = 50,
    IPPROTO_NUM_AH = 51,
    IPPROTO_NUM_ICMP6 = 58,
    IPPROTO_NUM_NONE = 59,
    IPPROTO_NUM_DSTOPTS = 60,
    IPPROTO_NUM_PIM = 103,
    IPPROTO_NUM_VRRP = 112,
    IPPROTO_NUM_SCTP = 132,
};

/** `ether proto NAME` (EtherType or SAP names); false when unknown. Exact match. */
bool name_ethertype(const char *name, uint32_t *value);
/** `iso proto NAME`. Exact match. */
bool name_isoproto(const char *name, uint32_t *value);
/** Built-in protocols(5): used when no resolver has the name. Exact match. */
bool name_ipproto(const char *name, uint8_t *value);
/** Built-in services(5) for "tcp" or "udp": used when no resolver is given. */
bool name_service(const char *name, const char *protocol, uint16_t *port);
/** `llc NAME`, any case: control byte & *mask == *value. */
bool name_llc(const char *name, uint8_t *mask, uint8_t *value);
/** `type NAME`, any case: bits of the first frame-control byte. */
bool name_wlan_type(const char *name, uint8_t *bits);
/** `subtype NAME`, any case. @type is 0x00, 0x04 or 0x08, or WLAN_ANY_TYPE: then *type_bits is set too. */
#define WLAN_ANY_TYPE 0xff
bool name_wlan_subtype(const char *name, uint8_t type, uint8_t *type_bits, uint8_t *bits);
/** `dir NAME`, any case. */
bool name_wlan_dir(const char *name, uint8_t *value);
/** `reason NAME` and `action NAME`, any case. */
bool name_pf_reason(const char *name, uint8_t *value);
bool name_pf_action(const char *name, uint8_t *value);
#endif
