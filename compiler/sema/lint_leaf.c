/* SPDX-License-Identifier: BSD-2-Clause */
/* sema/lint_leaf.c - lints of one primitive: numbers for addresses, and what its link type never has. */
#include "sema/lint.h"

static void address_text(char buf[HINT_BYTES], const struct addr4 *a)
{
    uint32_t bits = 0;

    for (uint32_t m = a->mask; m; m <<= 1)
        bits++;
    hint_text(buf, HINT_BYTES, bits == 32 ? "%u.%u.%u.%u" : "%u.%u.%u.%u/%u", a->addr >> 24,
              a->addr >> 16 & 255, a->addr >> 8 & 255, a->addr & 255, bits);
}

/* `host 80` and `host 10.1`. A larger number can only be an address. */
static void lint_host(struct checker *c, const struct ast_node *n, const struct prim *p)
{
    const struct ast_id_node *x = n->u.id;
    struct id_view v = id_view(c, n);
    char address[HINT_BYTES], hint[HINT_BYTES];

    if (p->kind != PRIM_HOST || x->q.type == TYPE_NET)
        return;
    if (x->id.kind == ID_NUMBER && x->id.number <= 65535) {
        address_text(address, &p->u.v4[0]);
        hint_text(hint, sizeof hint, "for a port write 'port %.*s'", SPAN_TEXT(c, v.at));
        diag(c->sink, DIAG_HOST_IS_NUMBER, (struct diag_at){.at = v.at, .hint = hint}, SPAN_TEXT(c, v.at),
             address);
    } else if (x->id.kind == ID_IPV4 && p->u.v4[0].mask != UINT32_MAX) {
        address_text(address, &p->u.v4[0]);
        hint_text(hint, sizeof hint, "for that write 'net %s'", address);
        diag(c->sink, DIAG_HOST_IS_PREFIX, (struct diag_at){.at = v.at, .hint = hint}, SPAN_TEXT(c, v.at),
             address);
    }
}

/* `net 0`, `net 10.0.0.0`: all four parts are written, so it is one address. */
static void lint_net(struct checker *c, const struct ast_node *n, const struct prim *p)
{
    const struct ast_id_node *x = n->u.id;
    struct id_view v = id_view(c, n);
    char address[HINT_BYTES], hint[HINT_BYTES];

    if (p->kind != PRIM_HOST || x->q.type != TYPE_NET || (x->id.kind != ID_IPV4 && x->id.kind != ID_NUMBER))
        return;
    struct addr4 a = p->u.v4[0];
    if (a.mask != UINT32_MAX || a.addr & 255)
        return;
    address_text(address, &a);
    while (a.mask && !(a.addr & ~(a.mask << 8)))
        a.mask <<= 8;
    if (a.mask)
        address_text(hint, &a);
    else
        hint_text(hint, sizeof hint, "0.0.0.0/0");
    char whole[HINT_BYTES];
    diag(c->sink, DIAG_NET_IS_ADDRESS,
         (struct diag_at){.at = v.at, .hint = hint_text(whole, sizeof whole, "write 'net %s'", hint)},
         SPAN_TEXT(c, v.at), address);
}

static bool family_possible(const struct linktype *lt, uint32_t proto)
{
    bool ip = proto == ETHERTYPE_IP, ip6 = proto == ETHERTYPE_IPV6;

    switch (lt->method) {
    case METHOD_IPV4:
        return ip;
    case METHOD_IPV6:
        return ip6;
    case METHOD_AF32_HOST:
    case METHOD_AF32_BIG:
    case METHOD_AF8:
    case METHOD_IP_VERSION:
    case METHOD_IPNET:
        return ip || ip6;
    case METHOD_ARCNET:
        return ip || ip6 || proto == ETHERTYPE_ARP || proto == ETHERTYPE_RARP || proto == ETHERTYPE_ATALK;
    case METHOD_LTALK:
        return proto == ETHERTYPE_ATALK;
    case METHOD_FRELAY:
        return ip || ip6 || proto == SAP_ISO;
    case METHOD_RAW_ONLY:
    case METHOD_NONE:
    case METHOD_ETHER:
    case METHOD_SLL1:
    case METHOD_LLC:
    case METHOD_WLAN:
    case METHOD_SUNATM:
    case METHOD_PPP:
    case METHOD_PPP_VJ:
    case METHOD_CHDLC:
    case METHOD_ETYPE:
    case METHOD_JUNIPER:
        break;
    }
    return true;
}

/* Can @p be true on the link type it looks at? */
static bool possible_here(const struct prim *p, const struct notes *m)
{
    const struct linktype *lt = p->cursor->lt;
    bool ip = family_possible(lt, ETHERTYPE_IP), ip6 = family_possible(lt, ETHERTYPE_IPV6);

    if (p->cursor->mpls > 0)
        return true;
    switch ((enum prim_kind)p->kind) {
    case PRIM_LINK_PROTO:
        return family_possible(lt, p->number);
    case PRIM_IP_PROTO:
    case PRIM_PROTOCHAIN:
    case PRIM_HOST:
        return (p->families & FAMILY_IP && ip) || (p->families & FAMILY_IP6 && ip6) ||
               (p->families & FAMILY_ARP && family_possible(lt, ETHERTYPE_ARP)) ||
               (p->families & FAMILY_RARP && family_possible(lt, ETHERTYPE_RARP));
    case PRIM_PORT:
    case PRIM_GENEVE:
    case PRIM_VXLAN:
        return ip || ip6;
    case PRIM_IP_BROADCAST:
    case PRIM_IP_MULTICAST:
        return ip;
    case PRIM_IP6_MULTICAST:
        return ip6;
    case PRIM_ISO_PROTO:
    case PRIM_ISIS_PROTO:
        return family_possible(lt, SAP_ISO);
    case PRIM_DECNET_HOST:
        return family_possible(lt, ETHERTYPE_DECNET);
    case PRIM_PPPOED:
        return family_possible(lt, ETHERTYPE_PPPOED);
    case PRIM_PPPOES:
        return family_possible(lt, ETHERTYPE_PPPOES);
    case PRIM_RELATION:
        return (m->who[NEED_IP] == AST_NONE || ip) && (m->who[NEED_IP6] == AST_NONE || ip6) &&
               (!(m->checks & PROTO_BIT(PROTO_ARP)) || family_possible(lt, ETHERTYPE_ARP)) &&
               (!(m->checks & PROTO_BIT(PROTO_RARP)) || family_possible(lt, ETHERTYPE_RARP));
    default: /* other keywords are refused where they have no meaning */
        return true;
    }
}

static void lint_possible(struct linter *l, uint32_t i)
{
    const struct prim *p = lint_prim(l, i);
    char label[LABEL_BYTES];

    if (possible_here(p, &l->of[i]))
        return;
    const struct linktype *lt = p->cursor->lt;
    bool ip = family_possible(lt, ETHERTYPE_IP), ip6 = family_possible(lt, ETHERTYPE_IPV6);
    struct span at = lint_written(l, i);
    diag(l->c->sink, DIAG_NEVER_HERE,
         (struct diag_at){.at = at,
                          .hint = ip && ip6 ? "its packets are IPv4 or IPv6"
                                  : ip      ? "its packets are IPv4"
                                  : ip6     ? "its packets are IPv6"
                                            : NULL},
         SPAN_TEXT(l->c, at), linktype_label(lt, label));
}

static bool reads_headers(const struct ast_node *n)
{
    return n->kind != AST_LESS && n->kind != AST_GREATER && n->kind != AST_INBOUND &&
           n->kind != AST_OUTBOUND && n->kind != AST_IFINDEX;
}

void lint_leaf(struct linter *l, uint32_t i)
{
    const struct ast_node *n = lint_node(l, i);
    const struct prim *p = lint_prim(l, i);
    struct notes *m = &l->of[i];
    unsigned families = 0;

    m->mover = moves_cursor(n) ? i : AST_NONE;
    m->certain = true;
    m->looks = reads_headers(n);
    if (n->kind == AST_RELATION)
        lint_relation(l, i);
    if (!p)
        return;
    if (p->kind == PRIM_LINK_PROTO)
        families = p->number == ETHERTYPE_IP ? FAMILY_IP : p->number == ETHERTYPE_IPV6 ? FAMILY_IP6 : 0;
    else if (p->kind == PRIM_HOST || p->kind == PRIM_IP_PROTO)
        families = p->families;
    else if (p->kind == PRIM_IP_MULTICAST || p->kind == PRIM_IP_BROADCAST)
        families = FAMILY_IP;
    else if (p->kind == PRIM_IP6_MULTICAST)
        families = FAMILY_IP6;
    if (families == FAMILY_IP)
        m->who[NEED_IP] = i;
    if (families == FAMILY_IP6)
        m->who[NEED_IP6] = i;
    if (p->kind == PRIM_PORT)
        m->who[NEED_FIRST_FRAGMENT] = i;
    if (p->kind == PRIM_PORT || (p->kind == PRIM_IP_PROTO && families == (FAMILY_IP | FAMILY_IP6)))
        m->who[NEED_TRANSPORT] = i;
    lint_possible(l, i);
    if (n->kind == AST_PROTO)
        l->named |= PROTO_BIT(n->op);
    if (n->kind == AST_ID) {
        l->named |= PROTO_BIT(n->u.id->q.proto);
        lint_host(l->c, n, p);
        lint_net(l->c, n, p);
    }
}
