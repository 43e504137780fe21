/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proto/linktype.h - what the compiler knows about each link layer.
 *
 * Rows live in linktype.def. All constant data: no state, no allocation, safe from any thread. The other
 * rooms ask these columns; none of them switches on a link type's number.
 *
 * Source: the LINKTYPE_ registry (tcpdump.org/linktypes.html) and pcap-filter(7).
 */
#ifndef WEIR_PROTO_LINKTYPE_H
#define WEIR_PROTO_LINKTYPE_H
#include <stddef.h>
#include <stdint.h>

/* An offset that this link type does not have. It takes part in 32-bit arithmetic as 2^32 - 1. */
#define OFFSET_UNSET 0xffffffffu

/* How a protocol is recognised in the link-layer header; one lowering function each. */
enum link_method {
    METHOD_RAW_ONLY,   /* nothing is known but bytes */
    METHOD_NONE,       /* keywords of its own, no protocols */
    METHOD_ETHER,      /* type/length field, split at 1500; LLC behind a length */
    METHOD_SLL1,       /* as ETHER with pseudo-types 1 and 4 for 802.3 */
    METHOD_LLC,        /* 802.2 LLC, SNAP */
    METHOD_WLAN,       /* 802.11 data frames, then LLC */
    METHOD_SUNATM,     /* traffic type LLC, then LLC */
    METHOD_PPP,        /* PPP protocol field */
    METHOD_PPP_VJ,     /* the same; ip includes VJ-compressed */
    METHOD_CHDLC,      /* Cisco HDLC */
    METHOD_ETYPE,      /* a 16-bit EtherType and nothing else */
    METHOD_JUNIPER,    /* the magic number only */
    METHOD_AF32_HOST,  /* 32-bit address family in host byte order */
    METHOD_AF32_BIG,   /* 32-bit address family, big-endian */
    METHOD_AF8,        /* 8-bit address family at link + 1 */
    METHOD_IP_VERSION, /* version nibble at the network header */
    METHOD_IPV4,       /* always IPv4 */
    METHOD_IPV6,       /* always IPv6 */
    METHOD_IPNET,      /* 8-bit Solaris family at the type field */
    METHOD_ARCNET,     /* 8-bit system code */
    METHOD_LTALK,      /* everything is AppleTalk */
    METHOD_FRELAY,     /* Q.922 address, control, NLPID */
};

/* How the variable part in front of the fixed header is measured. */
enum link_prefix {
    PREFIX_NONE,
    PREFIX_RADIOTAP, /* little-endian 16 bits at 2 */
    PREFIX_PPI,      /* the same, and the packet's own DLT at 4 must be 802.11 */
    PREFIX_AVS,      /* 32 bits at 4 */
    PREFIX_PRISM,    /* AVS if its magic is at 0, else 144 */
    PREFIX_PFLOG,    /* header length byte at 0, rounded up to 4: moves the payload only */
};

enum link_address {
    ADDRESS_NONE,
    ADDRESS_MAC48, /* six bytes at dst_offset and src_offset from the link header */
    ADDRESS_WLAN,  /* six bytes, which four fields they are in depends on the frame (802.11) */
    ADDRESS_MAC8,  /* one byte */
};

/* What else a link type can be asked. */
enum link_capability {
    LINK_BROADCAST = 1 << 0,
    LINK_MULTICAST = 1 << 1,
    LINK_LLC = 1 << 2,
    LINK_VLAN = 1 << 3,
    LINK_MPLS = 1 << 4,
    LINK_WLAN = 1 << 5,  /* type, subtype, dir, addr1..addr4, ra, ta */
    LINK_RADIO = 1 << 6, /* radio[...] */
    LINK_PFLOG = 1 << 7,
    LINK_ATM = 1 << 8,
    LINK_SS7 = 1 << 9,
    LINK_IFINDEX = 1 << 10,     /* ifindex from packet bytes: 32 bits at link + 4 */
    LINK_SAVEFILE_AF = 1 << 11, /* address families differ between savefiles and live captures */
    LINK_TYPE_FIELD = 1 << 12,  /* has a link-layer header with a 16-bit type (Ethernet-like) */
};

/* inbound and outbound from packet bytes: (load of width at offset & mask) compared with a value. */
struct link_direction {
    uint8_t width;                   /* bytes; 0 when the link type carries no direction */
    uint8_t offset;                  /* from the link header */
    uint16_t mask_in, in;            /* inbound: value & mask_in == in */
    uint16_t mask_out, out;          /* outbound: value & mask_out == out */
    uint8_t inbound_is_not_outbound; /* inbound is whatever is not outbound */
};

struct linktype {
    uint16_t number;      /* DLT_ */
    uint16_t file_number; /* LINKTYPE_ */
    const char *name;     /* without DLT_; NULL when it has none */
    const char *description;
    enum link_method method;
    enum link_prefix prefix;
    uint32_t link;    /* link-layer header, from the first byte */
    uint32_t type;    /* type field */
    uint32_t payload; /* link-layer payload */
    uint32_t nl;      /* network header, from the payload */
    uint32_t ns;      /* network header behind a bare 802.2 header, from the payload */
    enum link_address address;
    uint8_t dst_offset, src_offset; /* ADDRESS_MAC48, ADDRESS_MAC8 */
    uint8_t broadcast8;             /* ADDRESS_MAC8: the broadcast address */
    uint8_t ss7_offset;             /* LINK_SS7: where MTP2 starts */
    uint16_t capabilities;          /* enum link_capability */
    struct link_direction direction;
};

/** The row of DLT_ @number; NULL when it is not an accepted number. */
const struct linktype *linktype_by_number(uint32_t number);

/** The row called @name (any case, no DLT_ prefix); NULL when there is none. */
const struct linktype *linktype_by_name(const char *name);

/** Row @i in ascending number; NULL past the end. */
const struct linktype *linktype_at(size_t i);

/** True when protocols can be recognised on @lt. */
int linktype_has_protocols(const struct linktype *lt);
#endif
