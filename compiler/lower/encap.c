/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/encap.c - primitives that move the headers: vlan, mpls, pppoes, geneve, vxlan.
 *
 * How they move them is sema's (sema/cursor.h); here is what they test, and how the variables of a tunnel are
 * computed. Source: IEEE 802.1Q, RFC 3032, RFC 2516, RFC 8926, RFC 7348.
 */
#include "lower/cond.h"
#include "proto/names.h"

static cond vlan_type(struct lower *lw, const struct cursor *c)
{
    cond q = link_proto(lw, c, ETHERTYPE_VLAN);
    cond ad = link_proto(lw, c, ETHERTYPE_QINQ);
    cond old = link_proto(lw, c, ETHERTYPE_VLAN9100);

    return cond_or(lw, cond_or(lw, q, ad), old);
}

static cond vlan_id(struct lower *lw, ir_value tci, uint32_t id)
{
    return cond_eq(lw, ir_binary(lw->f, IR_AND, tci, ir_const(lw->f, 0x0fff)), id);
}

static cond tag_in_metadata(struct lower *lw)
{
    return cond_eq(lw, ir_meta(lw->f, META_VLAN_PRESENT), 1);
}

cond lower_vlan(struct lower *lw, const struct prim *p)
{
    const struct cursor *c = p->cursor;
    cond in_packet, is;

    if (p->var == CURSOR_VAR_NONE) {
        in_packet = vlan_type(lw, c);
        return p->has_number
                   ? cond_and(lw, in_packet, vlan_id(lw, load_anchor(lw, cursor_net(c), 0, 2), p->number))
                   : in_packet;
    }
    /* a live capture: the kernel may have moved the tag to metadata */
    is = tag_in_metadata(lw);
    in_packet = vlan_type(lw, c);
    is = cond_or(lw, is, in_packet);
    if (!p->has_number)
        return is;
    cond moved = tag_in_metadata(lw);
    cond moved_id = vlan_id(lw, ir_meta(lw->f, META_VLAN_TCI), p->number);
    cond stayed = cond_not(lw, tag_in_metadata(lw));
    cond stayed_id = vlan_id(lw, load_anchor(lw, cursor_net(c), 0, 2), p->number);
    return cond_and(lw, is, cond_or(lw, cond_and(lw, moved, moved_id), cond_and(lw, stayed, stayed_id)));
}

cond lower_mpls(struct lower *lw, const struct prim *p)
{
    const struct cursor *c = p->cursor;
    const uint32_t ppp_mpls = 0x0281; /* RFC 3032 section 4.3 */
    cond is;

    if (c->mpls)
        is = cond_not(lw, cond_any_bit(lw, load_anchor(lw, cursor_net(c), (uint32_t)-2, 1), 1));
    else
        is = link_proto(
            lw, c, c->lt->method == METHOD_PPP || c->lt->method == METHOD_PPP_VJ ? ppp_mpls : ETHERTYPE_MPLS);
    if (!p->has_number)
        return is;
    return cond_and(lw, is,
                    cond_masked(lw, load_anchor(lw, cursor_net(c), 0, 4), 4, 0xfffff000, p->number << 12));
}

cond lower_pppoes(struct lower *lw, const struct prim *p)
{
    cond is = link_proto(lw, p->cursor, ETHERTYPE_PPPOES);

    if (!p->has_number)
        return is;
    return cond_and(lw, is, cond_eq(lw, load_anchor(lw, cursor_net(p->cursor), 2, 2), p->number));
}

/* ---------------------------------------------------------------- geneve and vxlan */

#define UDP_HEADER_BYTES    8
#define TUNNEL_HEADER_BYTES 8

struct tunnel {
    const struct prim *p;
    bool geneve;
    uint32_t udp_var; /* start of the UDP header, less udp_offset */
    uint32_t udp_offset;
};

/* From the UDP header on: destination port, tunnel header, id; then the variable is set. */
static cond tunnel_behind(struct lower *lw, const struct tunnel *t, struct address udp)
{
    const uint32_t geneve_port = 6081, vxlan_port = 4789, vxlan_flags = 0x08;
    const struct prim *p = t->p;
    cond port = cond_eq(lw, load(lw, udp, 2, 2), t->geneve ? geneve_port : vxlan_port);
    ir_value first = load(lw, udp, UDP_HEADER_BYTES, 1);
    cond header = t->geneve ? cond_masked(lw, first, 1, 0xc0, 0) : cond_eq(lw, first, vxlan_flags);
    cond id = COND_TRUE;

    if (p->has_number)
        id = cond_masked(lw, load(lw, udp, UDP_HEADER_BYTES + 4, 4), 4, 0xffffff00, p->number << 8);
    ir_value start = ir_const(lw->f, udp.offset - t->udp_offset);
    if (udp.base != IR_NONE)
        start = ir_binary(lw->f, IR_ADD, udp.base, start);
    return cond_and(lw, port, cond_and(lw, header, cond_and(lw, id, cond_define(lw, t->udp_var, start))));
}

static cond tunnel_behind_ipv4(struct lower *lw, const void *what)
{
    const struct tunnel *t = what;

    return tunnel_behind(lw, t, address_tran4(lw, t->p->cursor));
}

static cond tunnel_over_ipv4(struct lower *lw, const struct tunnel *t)
{
    const struct cursor *c = t->p->cursor;
    cond is = link_proto(lw, c, ETHERTYPE_IP);
    cond udp = cond_eq(lw, load_anchor(lw, cursor_net(c), 9, 1), IPPROTO_NUM_UDP);
    cond first = not_later_fragment(lw, cursor_net(c), udp);

    return cond_and(lw, is,
                    cond_and(lw, udp, cond_and(lw, first, by_ipv4_header(lw, c, tunnel_behind_ipv4, t))));
}

static cond tunnel_over_ipv6(struct lower *lw, const struct tunnel *t)
{
    const struct cursor *c = t->p->cursor;
    cond is = link_proto(lw, c, ETHERTYPE_IPV6);
    cond udp = cond_eq(lw, load_anchor(lw, cursor_net(c), 6, 1), IPPROTO_NUM_UDP);
    struct address header = address_of(lw, anchor_add(cursor_net(c), 40));

    return cond_and(lw, is, cond_and(lw, udp, tunnel_behind(lw, t, header)));
}

static cond define_sum(struct lower *lw, uint32_t var, ir_value v, uint32_t k)
{
    return cond_define(lw, var, ir_binary(lw->f, IR_ADD, v, ir_const(lw->f, k)));
}

/* Where the inner headers are. Always true. */
static cond tunnel_inside(struct lower *lw, const struct tunnel *t)
{
    const uint32_t link = t->p->var, type = link + 1, payload = link + 2;
    struct ir_func *f = lw->f;
    ir_value udp = var_value(lw, t->udp_var);
    const uint32_t inside = t->udp_offset + UDP_HEADER_BYTES, behind = inside + TUNNEL_HEADER_BYTES;

    if (!t->geneve) {
        cond l = define_sum(lw, link, udp, behind);
        cond ty = define_sum(lw, type, udp, behind + 12);
        return cond_and(lw, l, cond_and(lw, ty, define_sum(lw, payload, udp, behind + 14)));
    }
    /* geneve: options in units of four bytes; the protocol field says whether Ethernet follows */
    struct address header = {udp, inside};
    ir_value words = ir_binary(f, IR_AND, load(lw, header, 0, 1), ir_const(f, 0x3f));
    ir_value options = ir_binary(f, IR_SHL, words, ir_const(f, 2));
    cond l = define_sum(lw, link, ir_binary(f, IR_ADD, udp, options), behind);
    ir_value inner = var_value(lw, link);
    cond bridged = cond_eq(lw, load(lw, header, 2, 2), ETHERTYPE_TEB);
    cond eth_type = define_sum(lw, type, inner, 12);
    cond ethernet = cond_and(lw, eth_type, define_sum(lw, payload, inner, 14));
    cond bare_type = define_sum(lw, type, udp, inside + 2);
    cond bare = cond_and(lw, bare_type, cond_define(lw, payload, inner));
    return cond_and(lw, l, cond_or(lw, cond_and(lw, bridged, ethernet), bare));
}

cond lower_tunnel(struct lower *lw, const struct prim *p)
{
    /* what is behind IPv4 then starts where its header's length says */
    const struct tunnel t = {p, p->kind == PRIM_GENEVE, var_new(lw), cursor_net(p->cursor).offset};

    if (lw->error)
        return COND_FALSE;
    cond v4 = tunnel_over_ipv4(lw, &t);
    cond v6 = tunnel_over_ipv6(lw, &t);

    return cond_and(lw, cond_or(lw, v4, v6), tunnel_inside(lw, &t));
}
