/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/link.c - "is this packet of protocol X?", one small function for each way link layers answer it.
 *
 * The way is a column of the link type (enum link_method). Source: docs/language.md, "Link layers"; RFC 1042
 * and IEEE 802.2 (LLC, SNAP), RFC 1661 (PPP), RFC 2427 (Frame Relay), RFC 1201 (ARCnet).
 */
#include "lower/cond.h"
#include "proto/names.h"

#define AF_INET_ANY    2
#define AF_INET6_LINUX 10

static ir_value type_field(struct lower *lw, const struct cursor *c)
{
    return load_anchor(lw, c->type, 0, 2);
}

/* @size bytes at LLC header + @k. */
static ir_value llc_field(struct lower *lw, const struct cursor *c, uint32_t k, unsigned size)
{
    return load_anchor(lw, c->payload, k, size);
}

/* All eight bytes of AA AA 03, organisation, type; the last four first. */
static cond snap(struct lower *lw, const struct cursor *c, uint32_t oui, uint32_t type)
{
    cond last = cond_eq(lw, llc_field(lw, c, 4, 4), (oui & 0xffff) << 16 | type);
    cond first = cond_eq(lw, llc_field(lw, c, 0, 4), 0xaaaa0300u | oui >> 16);

    return cond_and(lw, last, first);
}

static cond both_saps(struct lower *lw, const struct cursor *c, uint32_t sap)
{
    return cond_eq(lw, llc_field(lw, c, 0, 2), sap << 8 | sap);
}

static bool wants_both_saps(uint32_t proto)
{
    return proto == SAP_IP || proto == SAP_ISO || proto == SAP_NETBEUI;
}

static uint32_t snap_oui(uint32_t proto)
{
    return proto == ETHERTYPE_ATALK ? 0x080007 : 0;
}

static cond method_ether(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    if (proto > SAP_MAX) {
        cond type = cond_eq(lw, type_field(lw, c), proto);
        if (proto != ETHERTYPE_ATALK && proto != ETHERTYPE_AARP)
            return type;
        cond length = cond_range(lw, type_field(lw, c), 0, SAP_MAX);
        return cond_or(lw, type, cond_and(lw, length, snap(lw, c, snap_oui(proto), proto)));
    }
    if (proto == SAP_IPX) {
        cond type = cond_eq(lw, type_field(lw, c), ETHERTYPE_IPX);
        cond length = cond_range(lw, type_field(lw, c), 0, SAP_MAX);
        cond in_snap = snap(lw, c, 0, ETHERTYPE_IPX);
        cond sap = cond_eq(lw, llc_field(lw, c, 0, 1), SAP_IPX);
        cond raw = cond_eq(lw, llc_field(lw, c, 0, 2), 0xffff);
        return cond_or(lw, type, cond_and(lw, length, cond_or(lw, in_snap, cond_or(lw, sap, raw))));
    }
    cond length = cond_range(lw, type_field(lw, c), 0, SAP_MAX);
    if (wants_both_saps(proto))
        return cond_and(lw, length, both_saps(lw, c, proto));
    return cond_and(lw, length, cond_eq(lw, load_anchor(lw, c->type, 2, 1), proto));
}

/* Linux cooked: 802.2 frames have the pseudo-type 4, raw 802.3 IPX has 1 (linux/if_ether.h, ETH_P_802_2,
 * _802_3). */
static cond method_sll1(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    const uint32_t eth_p_802_3 = 1, eth_p_802_2 = 4;

    if (proto > SAP_MAX) {
        cond type = cond_eq(lw, type_field(lw, c), proto);
        if (proto != ETHERTYPE_ATALK && proto != ETHERTYPE_AARP)
            return type;
        cond is_llc = cond_eq(lw, type_field(lw, c), eth_p_802_2);
        return cond_or(lw, type, cond_and(lw, is_llc, snap(lw, c, snap_oui(proto), proto)));
    }
    if (proto == SAP_IPX) {
        cond type = cond_eq(lw, type_field(lw, c), ETHERTYPE_IPX);
        cond raw = cond_eq(lw, type_field(lw, c), eth_p_802_3);
        cond is_llc = cond_eq(lw, type_field(lw, c), eth_p_802_2);
        cond sap = cond_eq(lw, llc_field(lw, c, 0, 1), SAP_IPX);
        cond in_snap = snap(lw, c, 0, ETHERTYPE_IPX);
        return cond_or(lw, cond_or(lw, type, raw), cond_and(lw, is_llc, cond_or(lw, sap, in_snap)));
    }
    cond is_llc = cond_eq(lw, type_field(lw, c), eth_p_802_2);
    if (wants_both_saps(proto))
        return cond_and(lw, is_llc, both_saps(lw, c, proto));
    return cond_and(lw, is_llc, cond_eq(lw, llc_field(lw, c, 0, 1), proto));
}

static cond method_llc(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    if (wants_both_saps(proto))
        return both_saps(lw, c, proto);
    if (proto <= SAP_MAX)
        return cond_eq(lw, llc_field(lw, c, 0, 1), proto);
    if (proto == ETHERTYPE_ATALK)
        return snap(lw, c, snap_oui(proto), proto);
    return cond_eq(lw, llc_field(lw, c, 6, 2), proto);
}

static cond wlan_data_frame(struct lower *lw, const struct cursor *c)
{
    return cond_eq(lw, ir_binary(lw->f, IR_AND, load_anchor(lw, c->link, 0, 1), ir_const(lw->f, 0x0c)), 0x08);
}

static cond method_wlan(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    cond data = wlan_data_frame(lw, c);

    return cond_and(lw, data, method_llc(lw, c, proto));
}

/* Traffic type in the low four bits of the SunATM pseudo-header. */
static cond sunatm_traffic(struct lower *lw, struct anchor link, uint32_t type)
{
    return cond_eq(lw, ir_binary(lw->f, IR_AND, load_anchor(lw, link, 0, 1), ir_const(lw->f, 15)), type);
}

static cond method_sunatm(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    cond is_llc = sunatm_traffic(lw, c->link, 2);

    return cond_and(lw, is_llc, method_llc(lw, c, proto));
}

/* EtherTypes and SAPs with a PPP protocol number; all others are compared as they are. */
static uint32_t ppp_number(uint32_t proto)
{
    static const struct {
        uint16_t proto, ppp;
    } map[] = {
        {ETHERTYPE_IP, 0x21}, {ETHERTYPE_IPV6, 0x57}, {ETHERTYPE_DECNET, 0x27}, {ETHERTYPE_ATALK, 0x29},
        {0x0600, 0x25},       {SAP_ISO, 0x23},        {SAP_STP, 0x31},          {SAP_IPX, 0x2b},
    };

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if (map[i].proto == proto)
            return map[i].ppp;
    return proto;
}

static cond method_ppp(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    return cond_eq(lw, type_field(lw, c), ppp_number(proto));
}

static cond method_ppp_vj(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    cond plain = method_ppp(lw, c, proto);

    if (proto != ETHERTYPE_IP)
        return plain;
    cond compressed = cond_eq(lw, type_field(lw, c), 0x2f);
    cond uncompressed = cond_eq(lw, type_field(lw, c), 0x2d);
    return cond_or(lw, plain, cond_or(lw, compressed, uncompressed));
}

static cond method_chdlc(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    return cond_eq(lw, type_field(lw, c), proto == SAP_ISO ? SAP_ISO << 8 | SAP_ISO : proto);
}

static cond method_etype(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    return cond_eq(lw, type_field(lw, c), proto);
}

static cond method_juniper(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    (void)proto; /* only the magic number "MGC" says anything */
    return cond_masked(lw, load_anchor(lw, c->link, 0, 4), 4, 0xffffff00, 0x4d474300);
}

static uint32_t swap32(uint32_t x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x & 0xff00) << 8 | x << 24;
}

/* The bytes of a host-order field with value @k, read big-endian on this machine's captures. */
static uint32_t host_order_image(uint32_t k)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? swap32(k) : k;
}

/*
 * Address families: AF_INET is 2 everywhere; AF_INET6 is 24, 28 or 30 on the systems that write files, and 10
 * on Linux itself. @make builds the test for one number.
 */
static cond address_family(struct lower *lw, const struct cursor *c, uint32_t proto,
                           cond (*make)(struct lower *lw, const struct cursor *c, uint32_t family))
{
    if (proto == ETHERTYPE_IP)
        return make(lw, c, AF_INET_ANY);
    if (proto != ETHERTYPE_IPV6)
        return COND_FALSE;
    if (lw->o->savefile == WEIR_NOT_A_SAVEFILE)
        return make(lw, c, AF_INET6_LINUX);
    cond freebsd = make(lw, c, 28), darwin = make(lw, c, 30), netbsd = make(lw, c, 24);
    return cond_or(lw, cond_or(lw, darwin, netbsd), freebsd);
}

static cond family32_host(struct lower *lw, const struct cursor *c, uint32_t family)
{
    ir_value v = load_anchor(lw, c->link, 0, 4);

    if (lw->o->savefile == WEIR_NOT_A_SAVEFILE)
        return cond_eq(lw, v, host_order_image(family));
    cond same_order =
        cond_eq(lw, v, host_order_image(family)); /* most files come from machines like this one */
    cond other_order = cond_eq(lw, load_anchor(lw, c->link, 0, 4), swap32(host_order_image(family)));
    return cond_or(lw, same_order, other_order);
}

static cond family32_big(struct lower *lw, const struct cursor *c, uint32_t family)
{
    return cond_eq(lw, load_anchor(lw, c->link, 0, 4), family);
}

static cond family8(struct lower *lw, const struct cursor *c, uint32_t family)
{
    return cond_eq(lw, load_anchor(lw, c->link, 1, 1), family);
}

static cond method_ip_version(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    if (proto != ETHERTYPE_IP && proto != ETHERTYPE_IPV6)
        return COND_FALSE;
    return cond_masked(lw, load_anchor(lw, cursor_net(c), 0, 1), 1, 0xf0,
                       proto == ETHERTYPE_IP ? 0x40 : 0x60);
}

static cond method_ipnet(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    const uint32_t solaris_inet6 = 26;

    if (proto != ETHERTYPE_IP && proto != ETHERTYPE_IPV6)
        return COND_FALSE;
    return cond_eq(lw, load_anchor(lw, c->type, 0, 1), proto == ETHERTYPE_IP ? AF_INET_ANY : solaris_inet6);
}

static cond method_arcnet(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    static const struct {
        uint16_t proto;
        uint8_t code;
    } map[] = {
        {ETHERTYPE_IP, 212},   {ETHERTYPE_IPV6, 196},  {ETHERTYPE_ARP, 213},
        {ETHERTYPE_RARP, 214}, {ETHERTYPE_ATALK, 221},
    };

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if (map[i].proto == proto)
            return cond_eq(lw, load_anchor(lw, c->type, 0, 1), map[i].code);
    return COND_FALSE;
}

/* Control (UI, 3) and NLPID, read together. */
static cond frelay_nlpid(struct lower *lw, const struct cursor *c, uint32_t nlpid)
{
    return cond_eq(lw, load_anchor(lw, c->link, 2, 2), 0x0300 | nlpid);
}

static cond method_frelay(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    if (proto == ETHERTYPE_IP)
        return frelay_nlpid(lw, c, 0xcc);
    if (proto == ETHERTYPE_IPV6)
        return frelay_nlpid(lw, c, 0x8e);
    if (proto != SAP_ISO)
        return COND_FALSE;
    cond esis = frelay_nlpid(lw, c, 0x82), clnp = frelay_nlpid(lw, c, 0x81), isis = frelay_nlpid(lw, c, 0x83);
    return cond_or(lw, clnp, cond_or(lw, esis, isis));
}

static cond by_method(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    switch (c->lt->method) {
    case METHOD_ETHER:
        return method_ether(lw, c, proto);
    case METHOD_SLL1:
        return method_sll1(lw, c, proto);
    case METHOD_LLC:
        return method_llc(lw, c, proto);
    case METHOD_WLAN:
        return method_wlan(lw, c, proto);
    case METHOD_SUNATM:
        return method_sunatm(lw, c, proto);
    case METHOD_PPP:
        return method_ppp(lw, c, proto);
    case METHOD_PPP_VJ:
        return method_ppp_vj(lw, c, proto);
    case METHOD_CHDLC:
        return method_chdlc(lw, c, proto);
    case METHOD_ETYPE:
        return method_etype(lw, c, proto);
    case METHOD_JUNIPER:
        return method_juniper(lw, c, proto);
    case METHOD_AF32_HOST:
        return address_family(lw, c, proto, family32_host);
    case METHOD_AF32_BIG:
        return address_family(lw, c, proto, family32_big);
    case METHOD_AF8:
        return address_family(lw, c, proto, family8);
    case METHOD_IP_VERSION:
        return method_ip_version(lw, c, proto);
    case METHOD_IPV4:
        return proto == ETHERTYPE_IP ? COND_TRUE : COND_FALSE;
    case METHOD_IPV6:
        return proto == ETHERTYPE_IPV6 ? COND_TRUE : COND_FALSE;
    case METHOD_IPNET:
        return method_ipnet(lw, c, proto);
    case METHOD_ARCNET:
        return method_arcnet(lw, c, proto);
    case METHOD_LTALK:
        return proto == ETHERTYPE_ATALK ? COND_TRUE : COND_FALSE;
    case METHOD_FRELAY:
        return method_frelay(lw, c, proto);
    case METHOD_RAW_ONLY:
    case METHOD_NONE:
        break;
    }
    return COND_FALSE;
}

/* LAN emulation: Ethernet right behind SunATM, unless it is an LE control frame (ATM Forum af-lane-0021). */
static cond not_lane_control(struct lower *lw, const struct cursor *c)
{
    if (c->outer_lt->method != METHOD_SUNATM || c->lt->method != METHOD_ETHER || c->encap)
        return COND_TRUE;
    return cond_not(lw, cond_eq(lw, load_anchor(lw, c->outer_link, 4, 2), 0xff00));
}

/* Behind labels only the IP version nibble tells, once the label was the last. RFC 3032. */
static cond over_mpls(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    cond bottom = cond_any_bit(lw, load_anchor(lw, cursor_net(c), (uint32_t)-2, 1), 1);
    cond version =
        cond_masked(lw, load_anchor(lw, cursor_net(c), 0, 1), 1, 0xf0, proto == ETHERTYPE_IP ? 0x40 : 0x60);

    return cond_and(lw, bottom, version);
}

/* Most packets are those of which @is holds. */
static void usually(struct lower *lw, const struct cond_node *is)
{
    if (is->kind == COND_TEST && is->n == 0 && lw->f->usual.on == IR_NONE)
        lw->f->usual = (struct ir_asked){is->on, is->one.lo};
}

cond link_proto(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    if (c->mpls)
        return proto == ETHERTYPE_IP || proto == ETHERTYPE_IPV6 ? over_mpls(lw, c, proto) : COND_FALSE;
    cond lane = not_lane_control(lw, c), is = by_method(lw, c, proto);
    if (proto == ETHERTYPE_IP)
        usually(lw, &lw->node.at[is]);
    return cond_and(lw, lane, is);
}

/* Cisco HDLC puts a byte of its own in front of ISO headers. */
static uint32_t iso_header(const struct cursor *c)
{
    return c->lt->method == METHOD_CHDLC ? 1 : 0;
}

cond iso_proto(struct lower *lw, const struct cursor *c, uint32_t proto)
{
    if (c->lt->method == METHOD_FRELAY)
        return frelay_nlpid(lw, c, proto);
    cond iso = link_proto(lw, c, SAP_ISO);
    return cond_and(lw, iso, cond_eq(lw, load_anchor(lw, cursor_net8(c), iso_header(c), 1), proto));
}

cond isis_proto(struct lower *lw, const struct cursor *c, const uint32_t *pdu, uint32_t count)
{
    const uint32_t isis = 0x83;
    cond any = COND_FALSE;

    for (uint32_t i = 0; i < count; i++) {
        cond is_isis = iso_proto(lw, c, isis);
        ir_value type = load_anchor(lw, cursor_net8(c), iso_header(c) + 4, 1);
        cond is_type = cond_eq(lw, ir_binary(lw->f, IR_AND, type, ir_const(lw->f, 0x1f)), pdu[i]);
        any = cond_or(lw, any, cond_and(lw, is_isis, is_type));
    }
    return any;
}

/* @n bytes at @a + @k, in pieces of 4, 2 and 1 from the end. */
cond bytes_equal(struct lower *lw, struct address a, uint32_t k, const uint8_t *bytes, uint32_t n)
{
    cond all = COND_TRUE;

    while (n) {
        unsigned size = n >= 4 ? 4 : n >= 2 ? 2 : 1;
        uint32_t want = 0;
        n -= size;
        for (unsigned i = 0; i < size; i++)
            want = want << 8 | bytes[n + i];
        all = cond_and(lw, all, cond_eq(lw, load(lw, a, k + n, size), want));
    }
    return all;
}

/* Behind geneve and vxlan there may be no link header: then link and payload are one place. */
static cond has_link_header(struct lower *lw, const struct cursor *c)
{
    if (!c->encap)
        return COND_TRUE;
    struct address link = address_of(lw, c->link), payload = address_of(lw, c->payload);
    struct ir_func *f = lw->f;
    ir_value l = ir_binary(f, IR_ADD, link.base, ir_const(f, link.offset));
    ir_value p = ir_binary(f, IR_ADD, payload.base, ir_const(f, payload.offset));
    return cond_not(lw, cond_range(lw, ir_binary(f, IR_EQ, l, p), 1, 1));
}

cond mac48_at(struct lower *lw, struct address a, uint32_t k, struct mac_wanted mac)
{
    if (lw->list.words) /* in the order of bytes_equal() */
        return cond_in_list(lw, (const ir_value[]){load(lw, a, k + 2, 4), load(lw, a, k, 2)});
    return mac.set ? cond_eq(lw, lookup(lw, a, k, IR_LOOKUP48, mac.set), 1)
                   : bytes_equal(lw, a, k, mac.bytes, 6);
}

struct mac_test {
    const struct cursor *c;
    struct mac_wanted mac;
};

static cond mac48_side(struct lower *lw, const void *what, int dst)
{
    const struct mac_test *t = what;
    uint32_t offset = dst ? t->c->lt->dst_offset : t->c->lt->src_offset;

    return mac48_at(lw, address_of(lw, t->c->link), offset, t->mac);
}

cond mac48(struct lower *lw, const struct cursor *c, uint8_t dir, struct mac_wanted mac)
{
    const struct mac_test t = {c, mac};

    if (c->lt->address == ADDRESS_WLAN)
        return wlan_mac(lw, c, dir, mac);
    cond header = has_link_header(lw, c);
    cond lane = not_lane_control(lw, c);
    return cond_and(lw, header, cond_and(lw, lane, by_direction(lw, dir, mac48_side, &t)));
}

static cond mac8_side(struct lower *lw, const void *what, int dst)
{
    const struct prim *p = what;
    const struct linktype *lt = p->cursor->lt;

    return cond_eq(lw, load_anchor(lw, p->cursor->link, dst ? lt->dst_offset : lt->src_offset, 1), p->number);
}

cond lower_mac8(struct lower *lw, const struct prim *p)
{
    return by_direction(lw, p->dir, mac8_side, p);
}

cond lower_broadcast(struct lower *lw, const struct prim *p)
{
    static const uint8_t all_ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct linktype *lt = p->cursor->lt;

    if (lt->address == ADDRESS_MAC8)
        return cond_eq(lw, load_anchor(lw, p->cursor->link, lt->dst_offset, 1), lt->broadcast8);
    return mac48(lw, p->cursor, DIR_DST, (struct mac_wanted){all_ones, 0});
}

cond lower_multicast(struct lower *lw, const struct prim *p)
{
    const struct cursor *c = p->cursor;

    if (c->lt->address == ADDRESS_MAC8)
        return lower_broadcast(lw, p);
    if (c->lt->address == ADDRESS_WLAN)
        return wlan_multicast(lw, c);
    cond header = has_link_header(lw, c);
    cond lane = not_lane_control(lw, c);
    cond group = cond_any_bit(lw, load_anchor(lw, c->link, c->lt->dst_offset, 1), 1);
    return cond_and(lw, header, cond_and(lw, lane, group));
}

/* Is there an 802.2 header? */
static cond llc_present(struct lower *lw, const struct cursor *c)
{
    if (c->lt->method == METHOD_SUNATM)
        return sunatm_traffic(lw, c->link, 2);
    if (c->lt->method == METHOD_WLAN)
        return wlan_data_frame(lw, c);
    if (c->lt->method == METHOD_LLC)
        return COND_TRUE;
    cond length = cond_range(lw, type_field(lw, c), 0, SAP_MAX);
    cond raw_ipx = cond_eq(lw, llc_field(lw, c, 0, 2), 0xffff);
    return cond_and(lw, length, cond_not(lw, raw_ipx));
}

cond lower_llc(struct lower *lw, const struct prim *p)
{
    cond present = llc_present(lw, p->cursor);

    if (!p->has_number)
        return present;
    ir_value control = ir_binary(lw->f, IR_AND, llc_field(lw, p->cursor, 2, 1), ir_const(lw->f, p->lo));
    return cond_and(lw, present, cond_eq(lw, control, p->number));
}

cond lower_direction(struct lower *lw, const struct prim *p)
{
    const struct link_direction *d = &p->cursor->lt->direction;
    bool inbound = p->kind == PRIM_INBOUND;

    if (d->width == 0 && lw->o->hook != WEIR_HOOK_UNKNOWN)
        return inbound == (lw->o->hook == WEIR_HOOK_INGRESS) ? COND_TRUE : COND_FALSE;
    if (d->width == 0) {
        const uint32_t packet_outgoing = 4; /* linux/if_packet.h */
        cond outgoing = cond_eq(lw, ir_meta(lw->f, META_PKTTYPE), packet_outgoing);
        return inbound ? cond_not(lw, outgoing) : outgoing;
    }
    bool negate = inbound && d->inbound_is_not_outbound;
    uint32_t mask = inbound && !negate ? d->mask_in : d->mask_out;
    uint32_t want = inbound && !negate ? d->in : d->out;
    ir_value v = load_anchor(lw, p->cursor->link, d->offset, d->width);
    cond c = cond_eq(lw, ir_binary(lw->f, IR_AND, v, ir_const(lw->f, mask)), want);
    return negate ? cond_not(lw, c) : c;
}
