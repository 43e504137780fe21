/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/net.c - network and transport layer: hosts, networks, protocols, ports, DECnet, gateways.
 *
 * Source: RFC 791, 8200, 826, 903; RFC 768, 9293, 9260 for ports; DECnet DNA Routing Layer 2.0.0.
 */
#include "lower/cond.h"
#include "proto/names.h"

/* Addresses of one protocol: where they lie, and which are wanted. */
struct address_test {
    struct anchor net;
    uint32_t offset[2]; /* source, destination */
    const struct prim *p;
};

static cond address4_side(struct lower *lw, const void *what, int dst)
{
    const struct address_test *t = what;
    cond any = COND_FALSE;

    if (lw->list.words)
        return cond_in_list(lw, (const ir_value[]){load_anchor(lw, t->net, t->offset[dst], 4)});
    for (uint32_t i = 0; i < t->p->count; i++) {
        const struct addr4 *a = &t->p->u.v4[i];
        if (a->mask == 0)
            return COND_TRUE;
        any = cond_or(lw, any,
                      cond_masked(lw, load_anchor(lw, t->net, t->offset[dst], 4), 4, a->mask, a->addr));
    }
    return any;
}

/* Word by word, lowest offset first; words that the prefix does not reach are not read. */
static cond address6_side(struct lower *lw, const void *what, int dst)
{
    const struct address_test *t = what;
    cond any = COND_FALSE;

    if (lw->list.words) {
        ir_value v[4];
        for (uint32_t w = 0; w < lw->list.words; w++)
            v[w] = load_anchor(lw, t->net, t->offset[dst] + 4 * w, 4);
        return cond_in_list(lw, v);
    }
    for (uint32_t i = 0; i < t->p->count6; i++) {
        const struct addr6 *a = &t->p->v6[i];
        cond all = COND_TRUE;
        for (uint32_t w = 0; w < 4; w++)
            if (a->mask[w])
                all = cond_and(lw, all,
                               cond_masked(lw, load_anchor(lw, t->net, t->offset[dst] + 4 * w, 4), 4,
                                           a->mask[w], a->addr[w]));
        any = cond_or(lw, any, all);
    }
    return any;
}

static cond set4_side(struct lower *lw, const void *what, int dst)
{
    const struct address_test *t = what;

    return cond_eq(lw, lookup(lw, address_of(lw, t->net), t->offset[dst], IR_LOOKUP32, t->p->set), 1);
}

static cond set6_side(struct lower *lw, const void *what, int dst)
{
    const struct address_test *t = what;

    return cond_eq(lw, lookup(lw, address_of(lw, t->net), t->offset[dst], IR_LOOKUP128, t->p->set), 1);
}

/* `src and dst host NAME` asks that one address be both; the other directions distribute over the list
 * anyway. */
static cond by_direction_each(struct lower *lw, struct address_test *t, bool v6)
{
    const struct prim *list = t->p;
    uint32_t n = lw->list.words ? 1 : v6 ? list->count6 : list->count;
    cond any = COND_FALSE;

    if (list->set)
        return by_direction(lw, list->dir, v6 ? set6_side : set4_side, t);
    for (uint32_t i = 0; i < n; i++) {
        struct prim one = *list;
        if (v6) {
            one.v6 = list->v6 + i;
            one.count6 = 1;
        } else {
            one.u.v4 = list->u.v4 + i;
            one.count = 1;
        }
        t->p = &one;
        any = cond_or(lw, any, by_direction(lw, list->dir, v6 ? address6_side : address4_side, t));
    }
    t->p = list;
    return any;
}

static const struct {
    uint8_t family;
    uint16_t ethertype;
    uint8_t offset[2];
} families4[] = {
    {FAMILY_IP, ETHERTYPE_IP, {12, 16}},
    {FAMILY_ARP, ETHERTYPE_ARP, {14, 24}}, /* the fixed Ethernet and IPv4 layout of RFC 826 */
    {FAMILY_RARP, ETHERTYPE_RARP, {14, 24}},
};

/* An OR over the IPv4-like families of "is it that protocol, and address test" (or its negation). */
static cond over_families4(struct lower *lw, const struct prim *p, bool negate)
{
    cond any = COND_FALSE;

    for (size_t i = 0; i < sizeof families4 / sizeof families4[0]; i++) {
        if (!(p->families & families4[i].family))
            continue;
        struct address_test t = {cursor_net(p->cursor), {families4[i].offset[0], families4[i].offset[1]}, p};
        cond is = link_proto(lw, p->cursor, families4[i].ethertype);
        if (families4[i].family == FAMILY_ARP && lw->one_arp && p->families & FAMILY_RARP) /* the next row */
            is = cond_either(lw, is, link_proto(lw, p->cursor, families4[++i].ethertype));
        cond has = by_direction_each(lw, &t, false);
        any = cond_or(lw, any, cond_and(lw, is, negate ? cond_not(lw, has) : has));
    }
    return any;
}

cond lower_host(struct lower *lw, const struct prim *p)
{
    cond any = p->count || p->set ? over_families4(lw, p, false) : COND_FALSE;

    if (p->count6 || (p->set && p->families & FAMILY_IP6)) {
        struct address_test t = {cursor_net(p->cursor), {8, 24}, p};
        cond is6 = link_proto(lw, p->cursor, ETHERTYPE_IPV6);
        any = cond_or(lw, any, cond_and(lw, is6, by_direction_each(lw, &t, true)));
    }
    return any;
}

/* The MAC is the gateway's and the IP addresses are not. */
cond lower_gateway(struct lower *lw, const struct prim *p)
{
    cond mac = mac48(lw, p->cursor, DIR_SRC_OR_DST, (struct mac_wanted){p->mac, 0});

    return cond_and(lw, mac, over_families4(lw, p, true));
}

/* ---------------------------------------------------------------- DECnet */

/* Four layouts: long and short headers, each with or without a padding byte; two length bytes come first. */
static cond decnet_side(struct lower *lw, const void *what, int dst)
{
    static const struct {
        uint8_t padded;
        uint16_t flags;
        uint8_t at[2]; /* source, destination */
    } shape[] = {
        {0, 2, {5, 3}},
        {1, 0x8102, {6, 4}},
        {0, 6, {17, 9}},
        {1, 0x8106, {18, 10}},
    };
    const struct prim *p = what;
    struct ir_func *f = lw->f;
    struct anchor net = cursor_net(p->cursor);
    uint32_t swapped = (p->number & 0xff) << 8 | p->number >> 8;
    cond any = COND_FALSE;

    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++) {
        cond is;
        if (dst && i == 0) { /* flags and address of short headers fit one load */
            ir_value v = ir_binary(f, IR_AND, load_anchor(lw, net, 2, 4), ir_const(f, 0x07ffff00));
            any = cond_or(lw, any, cond_eq(lw, v, 0x02000000u | swapped << 8));
            continue;
        }
        if (dst && i == 1) {
            ir_value v = ir_binary(f, IR_AND, load_anchor(lw, net, 2, 4), ir_const(f, 0xff07ffff));
            any = cond_or(lw, any, cond_eq(lw, v, 0x81020000u | swapped));
            continue;
        }
        if (shape[i].padded)
            is = cond_eq(lw, ir_binary(f, IR_AND, load_anchor(lw, net, 2, 2), ir_const(f, 0xff07)),
                         shape[i].flags);
        else
            is =
                cond_eq(lw, ir_binary(f, IR_AND, load_anchor(lw, net, 2, 1), ir_const(f, 7)), shape[i].flags);
        any = cond_or(lw, any,
                      cond_and(lw, is, cond_eq(lw, load_anchor(lw, net, shape[i].at[dst], 2), swapped)));
    }
    return any;
}

cond lower_decnet_host(struct lower *lw, const struct prim *p)
{
    cond is = link_proto(lw, p->cursor, ETHERTYPE_DECNET);

    return cond_and(lw, is, by_direction(lw, p->dir, decnet_side, p));
}

/* ---------------------------------------------------------------- protocols and ports */

cond lower_ip_proto(struct lower *lw, const struct prim *p)
{
    const struct cursor *c = p->cursor;
    struct anchor net = cursor_net(c);
    cond v4 = COND_FALSE, v6 = COND_FALSE;

    if (p->families & FAMILY_IP) {
        cond is = link_proto(lw, c, ETHERTYPE_IP);
        v4 = cond_and(lw, is, cond_eq(lw, load_anchor(lw, net, 9, 1), p->number));
    }
    if (p->families & FAMILY_IP6) {
        cond is = link_proto(lw, c, ETHERTYPE_IPV6);
        cond direct = cond_eq(lw, load_anchor(lw, net, 6, 1), p->number);
        cond fragment = cond_eq(lw, load_anchor(lw, net, 6, 1), IPPROTO_NUM_FRAGMENT);
        cond behind = cond_eq(lw, load_anchor(lw, net, 40, 1), p->number);
        v6 = cond_and(lw, is, cond_or(lw, direct, cond_and(lw, fragment, behind)));
    }
    return cond_or(lw, v4, v6);
}

/* The byte at network header + @k is one of the primitive's protocols. */
static cond one_of_protocols(struct lower *lw, const struct prim *p, uint32_t k)
{
    cond any = COND_FALSE;

    for (uint32_t i = 0; i < p->count; i++)
        any = cond_or(lw, any, cond_eq(lw, load_anchor(lw, cursor_net(p->cursor), k, 1), p->u.numbers[i]));
    return any;
}

/* TCP keeps to what the path takes, so that its packets are hardly ever fragments. To ask later at a variable
 * place would have that kept for it. */
static void seldom_fragments(struct lower *lw, ir_value offset, const struct cond_node *proto)
{
    struct ir_func *f = lw->f;

    if (proto->kind == COND_OR) /* one of several protocols */
        proto = &lw->node.at[proto->right];
    if (proto->kind != COND_TEST)
        return;
    for (uint32_t i = 0; i < f->seldoms; i++)
        if (f->seldom[i].test == offset)
            return;
    if (f->seldoms < IR_SELDOM_MAX)
        f->seldom[f->seldoms++] = (struct ir_seldom){offset, proto->on, IPPROTO_NUM_TCP};
}

cond not_later_fragment(struct lower *lw, struct anchor net, cond proto)
{
    ir_value offset = ir_binary(lw->f, IR_AND, load_anchor(lw, net, 6, 2), ir_const(lw->f, 0x1fff));

    if (address_of(lw, net).base == IR_NONE)
        seldom_fragments(lw, offset, &lw->node.at[proto]);
    return cond_eq(lw, offset, 0);
}

static cond port_at(struct lower *lw, const struct prim *p, struct address a, uint32_t k)
{
    if (p->set)
        return cond_eq(lw, lookup(lw, a, k, IR_LOOKUP16, p->set), 1);
    ir_value port = load(lw, a, k, 2);
    return lw->list.words ? cond_in_list(lw, &port) : cond_range(lw, port, p->lo, p->hi);
}

static cond port_side6(struct lower *lw, const void *what, int dst)
{
    const struct prim *p = what;

    return port_at(lw, p, address_of(lw, cursor_net(p->cursor)), dst ? 42 : 40);
}

static cond port_side4(struct lower *lw, const void *what, int dst)
{
    const struct prim *p = what;

    return port_at(lw, p, address_tran4(lw, p->cursor), dst ? 2 : 0);
}

static cond ports4(struct lower *lw, const void *what)
{
    const struct prim *p = what;

    return by_direction(lw, p->dir, port_side4, p);
}

cond lower_port(struct lower *lw, const struct prim *p)
{
    cond is6 = link_proto(lw, p->cursor, ETHERTYPE_IPV6);
    cond proto6 = one_of_protocols(lw, p, 6);
    cond v6 = cond_and(lw, is6, cond_and(lw, proto6, by_direction(lw, p->dir, port_side6, p)));
    cond is4 = link_proto(lw, p->cursor, ETHERTYPE_IP);
    cond proto4 = one_of_protocols(lw, p, 9);
    cond first = not_later_fragment(lw, cursor_net(p->cursor), proto4);
    cond ports = lw->pairs ? ports4(lw, p) : by_ipv4_header(lw, p->cursor, ports4, p);
    cond v4 = cond_and(lw, is4, cond_and(lw, proto4, cond_and(lw, first, ports)));

    return cond_or(lw, v6, v4);
}
