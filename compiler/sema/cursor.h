/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/cursor.h - where the headers lie for the primitives that follow.
 *
 * The filter language moves the headers while it is read, strictly in text order: `vlan`, `mpls`, `pppoes`,
 * `geneve`, `vxlan` and `lane` change what every later primitive means, whatever the boolean structure
 * around them. Sema threads this state and hands each primitive the cursor it sees. A cursor is constant
 * once made.
 *
 * Source: pcap-filter(7); the state table of the language reference (docs/language.md).
 */
#ifndef WEIR_SEMA_CURSOR_H
#define WEIR_SEMA_CURSOR_H
#include <stdbool.h>
#include <stdint.h>
#include "proto/linktype.h"

/* A quantity known only when the packet arrives. lower/ knows how each kind is computed. */
enum cursor_var_kind {
    VAR_RADIO_END,      /* length of the radio header: start of the 802.11 header */
    VAR_WLAN_PAYLOAD,   /* start of the payload behind the 802.11 header */
    VAR_PFLOG_END,      /* length of the pflog header */
    VAR_VLAN_SHIFT,     /* live `vlan`: 0 when the tag is in metadata, else 4 */
    VAR_TUNNEL_LINK,    /* geneve, vxlan: inner link header */
    VAR_TUNNEL_TYPE,    /* inner type field */
    VAR_TUNNEL_PAYLOAD, /* inner payload */
};

#define CURSOR_VAR_NONE 0 /* variables are numbered from 1 */

/* A byte address: the variable's value, if any, plus a constant, modulo 2^32. */
struct anchor {
    uint32_t var;
    uint32_t offset;
};

struct cursor {
    const struct linktype *lt;       /* what link-level primitives see */
    struct anchor link;              /* L: link-layer header */
    struct anchor type;              /* T: type field */
    struct anchor payload;           /* P: link-layer payload */
    uint32_t nl;                     /* network header, from the payload; may be OFFSET_UNSET */
    uint32_t ns;                     /* the same behind a bare 802.2 header */
    const struct linktype *outer_lt; /* the link type this one was found inside; lt itself at first */
    struct anchor outer_link;        /* and its link-layer header */
    uint32_t mpls;                   /* `mpls` seen */
    uint32_t vlans;                  /* `vlan` seen */
    bool encap;                      /* inside geneve or vxlan: an inner link header need not exist */
};

/* anchor + k */
static inline struct anchor anchor_add(struct anchor a, uint32_t k)
{
    return (struct anchor){a.var, a.offset + k};
}

/* Start of the network header. */
static inline struct anchor cursor_net(const struct cursor *c)
{
    return anchor_add(c->payload, c->nl);
}

/* Start of what follows a bare 802.2 header. */
static inline struct anchor cursor_net8(const struct cursor *c)
{
    return anchor_add(c->payload, c->ns);
}
#endif
