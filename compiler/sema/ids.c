/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/ids.c - ids: what a number, address or name means behind its qualifiers.
 *
 * Which of several mistakes in one primitive is told follows the language: the id's own form, then the type,
 * then names of hosts, networks and protocols, then the protocol word, then the direction, then the link
 * type. Ports and gateways are looked up behind the protocol word.
 */
#include <stdio.h>
#include <string.h>
#include "sema/checker.h"

#define DIRECTION_AT_WLAN(c, v) ((v)->dir < DIR_ADDR1 || (c)->cur->lt->capabilities & LINK_WLAN)

/* ---- hosts and networks */

/* Families of the protocol word; without one, all that an address of @any can be in. */
static bool families_fit(struct checker *c, const struct id_view *v, unsigned any, struct prim *p)
{
    switch (v->proto) {
    case PROTO_IP:
        p->families = FAMILY_IP;
        break;
    case PROTO_IP6:
        p->families = FAMILY_IP6;
        break;
    case PROTO_ARP:
        p->families = FAMILY_ARP;
        return link_proto_fits(c, v->at, ETHERTYPE_ARP);
    case PROTO_RARP:
        p->families = FAMILY_RARP;
        return link_proto_fits(c, v->at, ETHERTYPE_RARP);
    default:
        p->families = (uint8_t)any;
        if (c->cur->mpls > 0) /* a label stack carries no ARP */
            p->families &= FAMILY_IP | FAMILY_IP6;
        break;
    }
    return true;
}

bool host_fits(struct checker *c, const struct id_view *v, unsigned any, struct prim *p)
{
    p->kind = PRIM_HOST;
    p->dir = plain_dir(v);
    return dir_is_plain(c, v) && has_network(c, v->at) && families_fit(c, v, any, p);
}

static bool host4(struct checker *c, const struct id_view *v, enum shape shape, uint32_t addr, uint32_t mask,
                  struct prim *p)
{
    struct addr4 *a = arena_new(c->arena, struct addr4);

    if (!a) {
        c->failed = true;
        return false;
    }
    *a = (struct addr4){addr, mask};
    p->u.v4 = a;
    p->count = 1;
    return proto_fits(c, v, shape) && host_fits(c, v, FAMILIES4, p);
}

static bool host6(struct checker *c, const struct id_view *v, enum shape shape, const struct addr6 *from,
                  struct prim *p)
{
    struct addr6 *a = arena_new(c->arena, struct addr6);

    if (!a) {
        c->failed = true;
        return false;
    }
    *a = *from;
    p->v6 = a;
    p->count6 = 1;
    return proto_fits(c, v, shape) && host_fits(c, v, FAMILY_IP6, p);
}

/* "src " and the like, as it is written in front of an id; empty without one. */
static const char *dir_text(const struct id_view *v, char *buf, size_t size)
{
    return v->dir == DIR_NONE ? "" : hint_text(buf, size, "%s ", ast_dir_word(v->dir));
}

static bool not_link_address(struct checker *c, const struct id_view *v)
{
    bool address = v->x->id.kind == ID_IPV4 && v->dir < DIR_ADDR1;
    char buf[HINT_BYTES], dir[HINT_BYTES];
    struct diag_at where = {.at = v->at, .also = proto_word(c, v)};

    if (address)
        where.hint =
            hint_text(buf, sizeof buf, "for an IPv4 address write '%s%s %.*s'", dir_text(v, dir, sizeof dir),
                      v->type == TYPE_NET ? "net" : "host", SPAN_TEXT(c, v->at));
    else
        where.hint = "write it as six pairs of hexadecimal digits: 'ether host 02:00:00:00:00:01'";
    diag(c->sink, DIAG_LINK_ADDRESS, where, SPAN_TEXT(c, v->at));
    return false;
}

/* An address where a port or protocol number belongs. */
static bool port_is_address(struct checker *c, const struct id_view *v)
{
    bool prefix =
        v->x->id.kind == ID_IPV4_LEN || v->x->id.kind == ID_IPV4_MASK || v->x->id.kind == ID_IPV6_LEN;
    bool port = v->type == TYPE_PORT || v->type == TYPE_PORTRANGE;
    char buf[HINT_BYTES];
    struct diag_at where = {.at = v->at, .also = type_word(c, v)};

    where.hint = hint_text(buf, sizeof buf, "write '%s %.*s'", prefix ? "net" : "host", SPAN_TEXT(c, v->at));
    diag(c->sink, DIAG_PORT_IS_ADDRESS, where, ast_type_word(v->type),
         v->type == TYPE_PORTRANGE ? "a range of ports"
         : port                    ? "a port"
                                   : "a protocol");
    return false;
}

/* ---- DECnet */

static bool decnet_host(struct checker *c, const struct id_view *v, struct prim *p)
{
    const struct ast_id *id = &v->x->id;

    p->kind = PRIM_DECNET_HOST;
    p->dir = plain_dir(v);
    if (v->type != TYPE_HOST)
        return proto_fits(c, v, SHAPE_DECNET);
    if (id->kind != ID_IPV4 || !read_decnet(c->t->text + id->text, id->text_len, &p->number)) {
        diag(c->sink, DIAG_INVALID_DECNET,
             (struct diag_at){.at = v->at, .hint = "write AREA.NODE: up to 63 and up to 1023"},
             SPAN_TEXT(c, v->at));
        return false;
    }
    return dir_is_plain(c, v) && has_network(c, v->at) && link_proto_fits(c, v->at, ETHERTYPE_DECNET);
}

/* ---- protocols */

static bool proto_number(struct checker *c, const struct id_view *v, uint32_t number, struct prim *p)
{
    if (!proto_fits(c, v, SHAPE_PROTO))
        return false;
    p->number = number;
    switch (v->proto) {
    case PROTO_LINK:
        p->kind = PRIM_LINK_PROTO;
        return link_proto_fits(c, v->at, number);
    case PROTO_ISO:
        p->kind = PRIM_ISO_PROTO;
        return in_range(c, v->at, "ISO protocol", number, 255) && has_iso(c, v->at);
    case PROTO_ISIS: {
        uint32_t *numbers = arena_new(c->arena, uint32_t);

        if (!numbers) {
            c->failed = true;
            return false;
        }
        *numbers = number;
        p->kind = PRIM_ISIS_PROTO;
        p->u.numbers = numbers;
        p->count = 1;
        return in_range(c, v->at, "IS-IS PDU type", number, 31) && has_iso(c, v->at);
    }
    default:
        p->kind = PRIM_IP_PROTO;
        p->families = v->proto == PROTO_IP    ? FAMILY_IP
                      : v->proto == PROTO_IP6 ? FAMILY_IP6
                                              : FAMILY_IP | FAMILY_IP6;
        return in_range(c, v->at, "protocol number", number, 255) && has_network(c, v->at);
    }
}

static bool proto_chain(struct checker *c, const struct id_view *v, uint32_t number, struct prim *p)
{
    p->kind = PRIM_PROTOCHAIN;
    p->number = number;
    if (!proto_fits(c, v, SHAPE_PROTOCHAIN) || !in_range(c, v->at, "protocol number", number, 255) ||
        !has_network(c, v->at))
        return false;
    p->families = v->proto == PROTO_IP    ? FAMILY_IP
                  : v->proto == PROTO_IP6 ? FAMILY_IP6
                                          : FAMILY_IP | FAMILY_IP6;
    if (c->cur->payload.var == CURSOR_VAR_NONE)
        return true;
    diag(c->sink, DIAG_PROTOCHAIN_VARIABLE, (struct diag_at){.at = type_word(c, v), .also = v->at});
    return false;
}

/* ---- by token */

static bool number_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    uint32_t number = v->x->id.number, mask = UINT32_MAX;

    switch (v->type) {
    case TYPE_NET: /* left-justify: 10 is 10.0.0.0/8 */
        while (number && !(number >> 24)) {
            number <<= 8;
            mask <<= 8;
        }
        if (v->proto == PROTO_DECNET)
            return decnet_host(c, v, p);
        if (v->proto == PROTO_LINK)
            return not_link_address(c, v);
        return host4(c, v, SHAPE_NET4, number, mask, p);
    case TYPE_PORT:
    case TYPE_PORTRANGE:
        return proto_fits(c, v, v->type == TYPE_PORT ? SHAPE_PORT : SHAPE_PORTRANGE) &&
               port_fits(c, v, number, number, 0, p);
    case TYPE_PROTO:
        return proto_number(c, v, number, p);
    case TYPE_PROTOCHAIN:
        return proto_chain(c, v, number, p);
    case TYPE_GATEWAY:
        return type_refused(c, v, "a number", "write a name that is in ethers(5) and hosts(5)");
    case TYPE_HOST:
    case TYPE_NONE:
        break;
    }
    if (v->proto == PROTO_DECNET)
        return decnet_host(c, v, p);
    if (v->proto == PROTO_LINK)
        return not_link_address(c, v);
    return host4(c, v, SHAPE_HOST4, number, mask, p);
}

static bool invalid_ipv4(struct checker *c, const struct id_view *v)
{
    diag(c->sink, DIAG_INVALID_IPV4,
         (struct diag_at){.at = v->at, .hint = "each part is a decimal number up to 255"},
         SPAN_TEXT(c, v->at));
    return false;
}

static bool ipv4_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    const struct ast_id *id = &v->x->id;
    uint32_t addr, mask;

    switch (v->type) {
    case TYPE_PORT:
    case TYPE_PORTRANGE:
    case TYPE_PROTO:
    case TYPE_PROTOCHAIN:
        return port_is_address(c, v);
    case TYPE_GATEWAY:
        return type_refused(c, v, "an IPv4 address", "write a name that is in ethers(5) and hosts(5)");
    case TYPE_HOST:
    case TYPE_NET:
    case TYPE_NONE:
        break;
    }
    if (v->proto == PROTO_DECNET)
        return decnet_host(c, v, p);
    if (!read_ipv4(c->t->text + id->text, id->text_len, &addr, &mask))
        return invalid_ipv4(c, v);
    if (v->proto == PROTO_LINK)
        return not_link_address(c, v);
    return host4(c, v, v->type == TYPE_NET ? SHAPE_NET4 : SHAPE_HOST4, addr, mask, p);
}

/* True when @v->type is net, else reported. */
static bool type_is_net(struct checker *c, const struct id_view *v, const char *what)
{
    char buf[HINT_BYTES];

    switch (v->type) {
    case TYPE_NET:
        return true;
    case TYPE_PORT:
    case TYPE_PORTRANGE:
    case TYPE_PROTO:
    case TYPE_PROTOCHAIN:
        return port_is_address(c, v);
    case TYPE_GATEWAY:
        return type_refused(c, v, what, "write a name that is in ethers(5) and hosts(5)");
    case TYPE_HOST:
    case TYPE_NONE:
        break;
    }
    if (v->x->q.type == TYPE_NONE)
        hint_text(buf, sizeof buf, "write '%.*s net %.*s'", SPAN_TEXT(c, v->quals), SPAN_TEXT(c, v->at));
    else
        hint_text(buf, sizeof buf, "write 'net %.*s'", SPAN_TEXT(c, v->at));
    return type_refused(c, v, what, buf);
}

static bool host_bits4(struct checker *c, const struct id_view *v, uint32_t addr, uint32_t mask)
{
    uint32_t net = addr & mask;
    char buf[HINT_BYTES];

    hint_text(buf, sizeof buf, "the network is %u.%u.%u.%u", net >> 24, net >> 16 & 255, net >> 8 & 255,
              net & 255);
    diag(c->sink, DIAG_HOST_BITS, (struct diag_at){.at = v->at, .hint = buf}, SPAN_TEXT(c, v->at));
    return false;
}

static bool prefix4_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    const struct ast_id *id = &v->x->id;
    const char *text = c->t->text;
    uint32_t addr, mask, ignored;

    if (v->proto == PROTO_DECNET && (v->type == TYPE_HOST || v->type == TYPE_NET || v->type == TYPE_GATEWAY))
        return proto_fits(c, v, SHAPE_DECNET);
    if (!type_is_net(c, v, "an IPv4 prefix"))
        return false;
    if (!read_ipv4(text + id->text, id->text_len, &addr, &mask))
        return invalid_ipv4(c, v);
    if (id->kind == ID_IPV4_MASK) {
        if (!read_ipv4(text + id->text2, id->text2_len, &mask, &ignored))
            return invalid_ipv4(c, v);
    } else if (id->number > 32) {
        diag(c->sink, DIAG_PREFIX_LENGTH, (struct diag_at){.at = v->at}, id->number, 32u);
        return false;
    } else {
        mask = id->number ? UINT32_MAX << (32 - id->number) : 0;
    }
    if (addr & ~mask)
        return host_bits4(c, v, addr, mask);
    return host4(c, v, SHAPE_PREFIX4, addr, mask, p);
}

static void read_ipv6(const uint8_t *bytes, uint32_t length, struct addr6 *out)
{
    for (unsigned w = 0; w < 4; w++) {
        const uint8_t *b = bytes + 4 * w;
        uint32_t bits = length < 32 * w ? 0 : length - 32 * w;

        out->addr[w] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        out->mask[w] = bits == 0 ? 0 : bits >= 32 ? UINT32_MAX : UINT32_MAX << (32 - bits);
    }
}

static bool host_bits6(struct checker *c, const struct id_view *v, const struct addr6 *a, uint32_t length)
{
    char net[48] = "", buf[HINT_BYTES];
    uint32_t groups = (length + 15) / 16; /* those behind them are 0 */
    size_t n = 0;

    for (uint32_t g = 0; g < groups; g++)
        n += (size_t)snprintf(net + n, sizeof net - n, "%s%x", g ? ":" : "",
                              (a->addr[g / 2] & a->mask[g / 2]) >> (g % 2 ? 0 : 16) & 0xffff);
    hint_text(buf, sizeof buf, "the network is %s%s", net, groups < 8 ? "::" : "");
    diag(c->sink, DIAG_HOST_BITS, (struct diag_at){.at = v->at, .hint = buf}, SPAN_TEXT(c, v->at));
    return false;
}

static bool ipv6_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    const struct ast_id *id = &v->x->id;
    bool prefix = id->kind == ID_IPV6_LEN;
    uint32_t length = prefix ? id->number : 128;
    const char *what = prefix ? "an IPv6 prefix" : "an IPv6 address";
    struct addr6 a;

    if ((prefix && !(v->type == TYPE_HOST && length >= 128)) || (v->type != TYPE_HOST && v->type != TYPE_NET))
        if (!type_is_net(c, v, what))
            return false;
    if (length > 128) {
        diag(c->sink, DIAG_PREFIX_LENGTH, (struct diag_at){.at = v->at}, length, 128u);
        return false;
    }
    read_ipv6(id->bytes, length, &a);
    for (unsigned w = 0; w < 4; w++)
        if (a.addr[w] & ~a.mask[w])
            return host_bits6(c, v, &a, length);
    return host6(c, v, v->type == TYPE_NET ? SHAPE_PREFIX6 : SHAPE_HOST6, &a, p);
}

/* addr1 and the like, on a link type that has addresses of the kind asked for. */
static bool dir_fits_link(struct checker *c, const struct id_view *v)
{
    return DIRECTION_AT_WLAN(c, v) || dir_is_plain(c, v);
}

static bool has_mac48(struct checker *c, struct span at, const char *word)
{
    const struct linktype *lt = c->cur->lt;
    char label[LABEL_BYTES];

    if (lt->address == ADDRESS_MAC48 || lt->address == ADDRESS_WLAN)
        return true;
    diag(c->sink, DIAG_NOT_ON_LINKTYPE,
         (struct diag_at){.at = at,
                          .hint =
                              lt->payload != 0 && lt->payload != OFFSET_UNSET
                                  ? "its header has no such addresses: compare bytes of it with 'link[...]'"
                                  : NULL},
         word, linktype_label(lt, label));
    return false;
}

bool mac48_fits(struct checker *c, const struct id_view *v, const char *word, struct prim *p)
{
    p->kind = PRIM_MAC48;
    p->dir = plain_dir(v);
    return has_mac48(c, v->at, word) && dir_fits_link(c, v);
}

static bool mac48_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    memcpy(p->mac, v->x->id.bytes, sizeof p->mac);
    if (v->proto != PROTO_LINK || v->type != TYPE_HOST) {
        char buf[HINT_BYTES], dir[HINT_BYTES];

        hint_text(buf, sizeof buf, "write 'ether %shost %.*s'", dir_text(v, dir, sizeof dir),
                  SPAN_TEXT(c, v->at));
        diag(c->sink, DIAG_MAC_WITHOUT_LINK, (struct diag_at){.at = v->at, .also = v->quals, .hint = buf});
        return false;
    }
    return mac48_fits(c, v, "link host MAC", p);
}

static bool mac8_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    char label[LABEL_BYTES];

    p->kind = PRIM_MAC8;
    p->dir = plain_dir(v);
    p->number = v->x->id.bytes[0];
    if (v->type != TYPE_HOST) {
        diag(c->sink, DIAG_MAC8_TYPE, (struct diag_at){.at = v->at, .also = type_word(c, v)},
             ast_type_word(v->type));
        return false;
    }
    if (v->proto != PROTO_LINK) {
        diag(c->sink, DIAG_MAC8_PROTO, (struct diag_at){.at = v->at, .also = v->quals});
        return false;
    }
    if (c->cur->lt->address != ADDRESS_MAC8) {
        diag(c->sink, DIAG_NOT_ON_LINKTYPE, (struct diag_at){.at = v->at}, "link host $XX",
             linktype_label(c->cur->lt, label));
        return false;
    }
    return dir_is_plain(c, v);
}

static bool link_host_name(struct checker *c, const struct id_view *v, const char *name, struct prim *p)
{
    p->kind = PRIM_MAC48;
    p->dir = plain_dir(v);
    return has_mac48(c, v->at, "link host NAME") && lookup_ether(c, v->at, name, p->mac) &&
           dir_fits_link(c, v);
}

static bool no_family(struct checker *c, const struct id_view *v, const char *family)
{
    diag(c->sink, DIAG_UNKNOWN_HOST_FAMILY, (struct diag_at){.at = v->at, .also = proto_word(c, v)},
         SPAN_TEXT(c, v->at), family);
    return false;
}

static bool host_name(struct checker *c, const struct id_view *v, const char *name, struct prim *p)
{
    struct host_addresses h = {0};
    unsigned any = 0;

    if (v->proto == PROTO_LINK)
        return link_host_name(c, v, name, p);
    if (!lookup_host(c, v->at, name, &h) || !proto_fits(c, v, SHAPE_HOST_NAME))
        return false;
    if (v->proto == PROTO_IP6)
        h.count4 = 0;
    else if (v->proto != PROTO_NONE)
        h.count6 = 0;
    if (h.count4 + h.count6 == 0)
        return no_family(c, v, v->proto == PROTO_IP6 ? "IPv6" : "IPv4");
    p->u.v4 = h.v4;
    p->v6 = h.v6;
    p->count = h.count4;
    p->count6 = h.count6;
    if (h.count4)
        any |= FAMILIES4;
    if (h.count6)
        any |= FAMILY_IP6;
    return host_fits(c, v, any, p);
}

static bool network_name(struct checker *c, const struct id_view *v, const char *name, struct prim *p)
{
    uint32_t net = 0, mask = UINT32_MAX;

    if (!lookup_network(c, v->at, name, &net))
        return false;
    while (!(net >> 24)) {
        net <<= 8;
        mask <<= 8;
    }
    return host4(c, v, SHAPE_NET_NAME, net, mask, p);
}

static bool gateway(struct checker *c, const struct id_view *v, const char *name, struct prim *p)
{
    struct host_addresses h = {0};
    struct span word = type_word(c, v);

    p->kind = PRIM_GATEWAY;
    if (c->cur->mpls > 0) {
        diag(c->sink, DIAG_GATEWAY_OVER_MPLS,
             (struct diag_at){.at = word, .hint = "put it in front of 'mpls'"});
        return false;
    }
    if (c->cur->encap) {
        diag(c->sink, DIAG_GATEWAY_IN_TUNNEL,
             (struct diag_at){.at = word, .hint = "put it in front of the tunnel"});
        return false;
    }
    if (!proto_fits(c, v, SHAPE_GATEWAY) || !has_mac48(c, word, "gateway") ||
        !lookup_ether(c, v->at, name, p->mac) || !lookup_host(c, v->at, name, &h))
        return false;
    if (h.count4 == 0)
        return no_family(c, v, "IPv4");
    p->u.v4 = h.v4;
    p->count = h.count4;
    return has_network(c, v->at) && families_fit(c, v, FAMILIES4, p);
}

/* `port 1024-65535`: the last diagnostic, about an unknown port, gets a hint. */
static void hint_range(struct checker *c, const struct id_view *v)
{
    const char *text = c->t->text + v->at.begin;
    uint32_t len = v->at.end - v->at.begin, hyphens = 0, digits = 0;
    char buf[HINT_BYTES];

    for (uint32_t i = 0; i < len; i++) {
        hyphens += text[i] == '-' && i > 0 && i + 1 < len;
        digits += text[i] >= '0' && text[i] <= '9';
    }
    if (hyphens == 1 && hyphens + digits == len)
        hint_last(c, DIAG_UNKNOWN_PORT, v->at,
                  hint_text(buf, sizeof buf, "write 'portrange %.*s'", SPAN_TEXT(c, v->at)));
}

static bool name_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    const struct ast_id *id = &v->x->id;
    char *name = text_copy(c, id->text, id->text_len);
    struct service s;
    uint32_t number = 0;

    if (!name)
        return false;
    if (v->proto == PROTO_DECNET)
        return proto_fits(c, v, v->type == TYPE_GATEWAY ? SHAPE_GATEWAY : SHAPE_DECNET);
    switch (v->type) {
    case TYPE_NET:
        return network_name(c, v, name, p);
    case TYPE_PORT:
        if (!proto_fits(c, v, SHAPE_PORT))
            return false;
        if (!lookup_service(c, v->at, name, DIAG_UNKNOWN_PORT, &s)) {
            hint_range(c, v);
            return false;
        }
        return port_fits(c, v, s.port, s.port, s.protocol, p);
    case TYPE_PORTRANGE:
        return proto_fits(c, v, SHAPE_PORTRANGE) && port_range(c, v, p);
    case TYPE_PROTO:
        return lookup_protocol(c, v, name, &number) && proto_number(c, v, number, p);
    case TYPE_PROTOCHAIN:
        return lookup_protocol(c, v, name, &number) && proto_chain(c, v, number, p);
    case TYPE_GATEWAY:
        return gateway(c, v, name, p);
    case TYPE_HOST:
    case TYPE_NONE:
        break;
    }
    return host_name(c, v, name, p);
}

/* What most likely belongs in front of an id that has nothing. */
static const char *const missing_words[] = {
    [ID_NUMBER] = "port", [ID_IPV4] = "host",    [ID_IPV4_LEN] = "net",     [ID_IPV4_MASK] = "net",
    [ID_IPV6] = "host",   [ID_IPV6_LEN] = "net", [ID_MAC48] = "ether host", [ID_MAC8] = "link host",
    [ID_NAME] = "host",   [ID_SET] = "host",
};

/* The same behind a keyword with an argument: `opc = 1 or 2`, `subtype rts or cts`, `len > 5 or 6`. */
static bool hint_repetition(struct checker *c, const struct ast_node *n, const struct id_view *v,
                            char buf[HINT_BYTES])
{
    const struct ast_node *left = n; /* the leaf in front */
    uint8_t type, bits;
    char *name;

    do {
        if (left == c->t->node.at)
            return false;
        left--;
    } while (left->kind == AST_AND || left->kind == AST_OR || left->kind == AST_NOT);
    if (v->x->id.kind != ID_NUMBER && v->x->id.kind != ID_NAME)
        return false;
    bool number = v->x->id.kind == ID_NUMBER;
    struct span word = keyword_of(c, left), before = {left->at.begin, left->op_at.end};
    switch ((enum ast_kind)left->kind) {
    case AST_RELATION:
        hint_text(buf, HINT_BYTES, "write '%.*s %.*s'", SPAN_TEXT(c, before), SPAN_TEXT(c, v->at));
        return number;
    case AST_VLAN:
        hint_text(buf, HINT_BYTES,
                  left->u.arg[0].kind == ARG_NONE
                      ? "write 'vlan %.*s'"
                      : "compare the tag: 'vlan and (link[14:2] & 0xfff = ... or link[14:2] & 0xfff = %.*s)'",
                  SPAN_TEXT(c, v->at));
        return number;
    case AST_ATM_FIELD:
    case AST_SS7_FIELD:
        if (left->u.field->relop != REL_EQ || left->u.field->count != 1)
            return false;
        hint_text(buf, HINT_BYTES, "write '%.*s (%u or %.*s)'", SPAN_TEXT(c, word),
                  left->u.field->value[0].number, SPAN_TEXT(c, v->at));
        return number;
    case AST_WLAN_TYPE:
    case AST_WLAN_SUBTYPE:
        if (number || !(name = text_copy(c, v->x->id.text, v->x->id.text_len)))
            return false;
        hint_text(buf, HINT_BYTES,
                  name_wlan_type(name, &type) && left->kind == AST_WLAN_TYPE ? "write 'type %s'"
                  : name_wlan_subtype(name, WLAN_ANY_TYPE, &type, &bits)     ? "write 'subtype %s'"
                                                                             : "write 'type %s'",
                  name);
        return true;
    case AST_LLC:
        if (left->u.arg[0].kind == ARG_NONE)
            return false;
        hint_text(buf, HINT_BYTES, "write 'llc %.*s'", SPAN_TEXT(c, v->at));
        return true;
    case AST_WLAN_DIR:
    case AST_PF_IFNAME:
    case AST_PF_RULESET:
    case AST_PF_RULENUM:
    case AST_PF_SUBRULENUM:
    case AST_PF_REASON:
    case AST_PF_ACTION:
    case AST_IFINDEX:
    case AST_LESS:
    case AST_GREATER:
        hint_text(buf, HINT_BYTES, "write '%.*s %.*s'", SPAN_TEXT(c, word), SPAN_TEXT(c, v->at));
        return true;
    default:
        return false;
    }
}

bool check_id(struct checker *c, const struct ast_node *n, struct prim *p)
{
    struct id_view v = id_view(c, n);

    if (!v.x->q.known) {
        char buf[HINT_BYTES];

        if (!hint_repetition(c, n, &v, buf))
            hint_text(buf, sizeof buf, "write '%s %.*s'", missing_words[v.x->id.kind], SPAN_TEXT(c, v.at));
        diag(c->sink, DIAG_NO_QUALIFIERS, (struct diag_at){.at = v.at, .hint = buf}, SPAN_TEXT(c, v.at));
        return false;
    }
    switch ((enum ast_id_kind)v.x->id.kind) {
    case ID_NUMBER:
        return number_id(c, &v, p);
    case ID_IPV4:
        return ipv4_id(c, &v, p);
    case ID_IPV4_LEN:
    case ID_IPV4_MASK:
        return prefix4_id(c, &v, p);
    case ID_IPV6:
    case ID_IPV6_LEN:
        return ipv6_id(c, &v, p);
    case ID_MAC48:
        return mac48_id(c, &v, p);
    case ID_MAC8:
        return mac8_id(c, &v, p);
    case ID_NAME:
        return name_id(c, &v, p);
    case ID_SET:
        return set_id(c, &v, p);
    }
    return false;
}
