/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/lint.c - lints: valid filters that seldom mean what they seem to.
 *
 * One pass over the tree, children first. Each node gets notes: what must hold for it to be true, which
 * headers it moves, which bits its value can have. A lint compares the notes of neighbours and points at one
 * of them. It never changes the program.
 */
#include "sema/checker.h"
#include <string.h>

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

/* ---- notes */

/* What must hold for a test to be true; who[] is the leaf that needs it. */
enum need { NEED_IP, NEED_IP6, NEED_FIRST_FRAGMENT, NEED_LATER_FRAGMENT, NEED_TRANSPORT, NEED_COUNT };

struct notes {
    uint32_t mover;           /* boolean: a node that moves the cursor, or AST_NONE */
    bool certain;             /* the mover's headers are there whenever this is true */
    bool looks;               /* something in it reads headers that can be moved */
    uint32_t who[NEED_COUNT]; /* boolean: a leaf each, or AST_NONE */
    uint32_t bits;            /* arithmetic: bits its value can have */
    uint64_t loads, checks;   /* arithmetic: PROTO_BITs that it reads, and that are checked before */
};

struct linter {
    struct checker *c;
    struct notes *of;
    uint64_t named;                 /* PROTO_BITs of words so far */
    bool indexed, shallow, clashed; /* said once a filter */
};

static const struct ast_node *node(const struct linter *l, uint32_t i)
{
    return &l->c->t->node.at[i];
}

/* The primitive of leaf @i. Without errors every leaf has one. */
static const struct prim *prim(const struct linter *l, uint32_t i)
{
    uint32_t p = l->c->out->prim_of[i];

    return p == AST_NONE ? NULL : &l->c->out->prim.at[p];
}

/* True when the text between two places contains @what: spans leave parentheses out. */
static bool between(const struct linter *l, uint32_t from, uint32_t to, char what)
{
    return from < to && memchr(l->c->t->text + from, what, to - from);
}

static struct span trimmed(const struct linter *l, uint32_t begin, uint32_t end)
{
    const char *text = l->c->t->text;

    while (begin < end && strchr(" \t\r\n", text[begin]))
        begin++;
    while (begin < end && strchr(" \t\r\n", text[end - 1]))
        end--;
    return (struct span){begin, end};
}

/* A test as it is written, with the words in front of an id. */
static struct span written(const struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    struct span s = n->at;

    if (n->kind == AST_ID && !n->u.id->inherited && !between(l, n->u.id->q.at.end, s.begin, '('))
        s.begin = n->u.id->q.at.begin;
    return s;
}

#define OVER_IPV4                                                                                            \
    (PROTO_BIT(PROTO_TCP) | PROTO_BIT(PROTO_UDP) | PROTO_BIT(PROTO_SCTP) | PROTO_BIT(PROTO_ICMP) |           \
     PROTO_BIT(PROTO_IGMP) | PROTO_BIT(PROTO_IGRP) | PROTO_BIT(PROTO_PIM) | PROTO_BIT(PROTO_VRRP) |          \
     PROTO_BIT(PROTO_CARP))
#define UNCHECKED (PROTO_BIT(PROTO_LINK) | PROTO_BIT(PROTO_RADIO))

/* ---- arithmetic */

static bool constant(const struct linter *l, uint32_t i, uint32_t *value)
{
    const struct fact *f = &l->c->fact[i];

    *value = f->value;
    return f->constant;
}

/* `len % 4 + 1`. */
static void lint_reads_on(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *r = node(l, n->right);
    struct span left = {n->at.begin, n->op_at.begin};
    char hint[HINT_BYTES];

    if ((n->op != OP_MOD && n->op != OP_XOR) || r->kind != AST_ARITH || r->op == OP_NEG ||
        between(l, n->op_at.end, r->at.begin, '('))
        return;
    left = trimmed(l, left.begin, left.end);
    hint_text(hint, sizeof hint, "it is read as '%.*s %.*s (%.*s)'", SPAN_TEXT(l->c, left),
              SPAN_TEXT(l->c, n->op_at), SPAN_TEXT(l->c, r->at));
    diag(l->c->sink, DIAG_READS_ON, (struct diag_at){.at = n->op_at, .also = r->at, .hint = hint},
         SPAN_TEXT(l->c, n->op_at));
}

/* `tcp[...]` where `tcp` alone is both versions of IP. */
static void lint_index(struct linter *l, const struct ast_node *n)
{
    if (l->indexed || (n->op != PROTO_TCP && n->op != PROTO_UDP && n->op != PROTO_SCTP && n->op != PROTO_PIM))
        return;
    const char *word = ast_proto_word((enum ast_proto)n->op);
    char hint[HINT_BYTES];

    hint_text(hint, sizeof hint, "for IPv6 add 'or ip6 proto \\%s and ip6[40 + ...]'", word);
    diag(l->c->sink, DIAG_INDEX_IPV4_ONLY, (struct diag_at){.at = n->at, .hint = hint}, word);
    l->indexed = true;
}

static uint32_t possible_bits(const struct linter *l, const struct ast_node *n)
{
    uint32_t left = l->of[n->left].bits, right = l->of[n->right].bits, k;

    switch ((enum ast_op)n->op) {
    case OP_AND:
        return left & right;
    case OP_OR:
    case OP_XOR:
        return left | right;
    case OP_SHL:
        return constant(l, n->right, &k) && k < 32 ? left << k : UINT32_MAX;
    case OP_SHR:
        return constant(l, n->right, &k) && k < 32 ? left >> k : UINT32_MAX;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_NEG:
        break;
    }
    return UINT32_MAX;
}

static void note_arith(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    struct notes *m = &l->of[i];
    uint32_t value;

    m->bits = UINT32_MAX;
    switch (n->kind) {
    case AST_LOAD:
        m->loads = PROTO_BIT(n->op) | l->of[n->left].loads;
        m->checks = PROTO_BIT(n->op) | l->of[n->left].checks;
        m->bits = n->size == 1 ? 0xff : n->size == 2 ? 0xffff : UINT32_MAX;
        break;
    case AST_ARITH:
        m->loads = l->of[n->left].loads;
        m->checks = l->of[n->left].checks;
        if (n->op == OP_NEG)
            break;
        m->loads |= l->of[n->right].loads;
        m->bits = possible_bits(l, n);
        lint_reads_on(l, n);
        break;
    default:
        break;
    }
    if (constant(l, i, &value))
        m->bits = value;
}

/* ---- relations */

/* `tcp[13] & 2 = 1`, `ip[0] > 255`. */
static void lint_value(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *left = node(l, n->left), *right = node(l, n->right);
    uint32_t bits = l->of[n->left].bits, k, ignored;
    struct diag_at where = {.at = right->at, .also = left->at};
    char hint[HINT_BYTES];

    if (constant(l, n->left, &ignored) || !constant(l, n->right, &k))
        return;
    if (n->op == REL_EQ || n->op == REL_NE) {
        if (!(k & ~bits))
            return;
        if (k > bits) /* too large for any of them */
            where.hint = hint_text(hint, sizeof hint, "its largest value is %u", bits);
        else
            where.hint = hint_text(hint, sizeof hint,
                                   "its values have no bits but 0x%x: write '!= 0' or '= %u'", bits, bits);
        if (k == 1 && bits && !(bits & (bits - 1)))
            where.hint = hint_text(hint, sizeof hint, "for 'is set' write '!= 0' or '= %u'", bits);
        diag(l->c->sink, DIAG_VALUE_NEVER, where, SPAN_TEXT(l->c, left->at), k);
    } else if ((n->op == REL_GT || n->op == REL_LE) ? k >= bits && bits < UINT32_MAX : k > bits) {
        bool never = n->op == REL_GT || n->op == REL_GE;

        where.hint = never ? "so this is never true" : "so this is always true where there are such bytes";
        diag(l->c->sink, DIAG_VALUE_AT_MOST, where, SPAN_TEXT(l->c, left->at), bits);
    }
}

/* `len - udp[4:2] = 8`: the checks of all but the leftmost operand are lost. */
static void lint_unchecked(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    const struct notes *m = &l->of[i];
    uint64_t known = m->checks | l->named | UNCHECKED;

    if (known & OVER_IPV4)
        known |= PROTO_BIT(PROTO_IP);
    if (known & PROTO_BIT(PROTO_ICMP6))
        known |= PROTO_BIT(PROTO_IP6);
    if (!(m->loads & ~known))
        return;
    for (uint32_t k = n->first; k < i; k++) {
        const struct ast_node *load = node(l, k);
        char hint[HINT_BYTES];

        if (load->kind != AST_LOAD || known & PROTO_BIT(load->op))
            continue;
        const char *word = ast_proto_word((enum ast_proto)load->op);
        hint_text(hint, sizeof hint, "write '%s and' in front, or '%.*s' leftmost", word,
                  SPAN_TEXT(l->c, load->at));
        diag(l->c->sink, DIAG_OPERAND_UNCHECKED, (struct diag_at){.at = load->at, .hint = hint}, word);
        return;
    }
}

static bool is_tpid(uint32_t value)
{
    return value == 0x8100 || value == 0x88a8 || value == 0x9100;
}

/* `vlan and ether[12:2] = 0x800`; `ether[12:2] = 0x8100` of a live packet. */
static void lint_link_bytes(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    const struct prim *p = prim(l, i);
    uint32_t at, value;

    if (!p || p->cursor->lt->method != METHOD_ETHER || p->cursor->lt->address != ADDRESS_MAC48)
        return;
    for (uint32_t k = n->first; k < i; k++) {
        const struct ast_node *load = node(l, k);

        if (load->kind != AST_LOAD || load->op != PROTO_LINK || load->size != 2 ||
            !constant(l, load->left, &at) || at != p->cursor->lt->type)
            continue;
        bool tag = constant(l, n->right, &value) && is_tpid(value);
        if (p->cursor->vlans > 0)
            diag(l->c->sink, DIAG_LINK_BYTES_STAY,
                 (struct diag_at){.at = load->at,
                                  .hint = "for the type behind the tag write 'ether proto ...'"},
                 SPAN_TEXT(l->c, load->at));
        else if (l->c->o->live && tag)
            diag(l->c->sink, DIAG_TAG_BESIDE, (struct diag_at){.at = load->at, .hint = "write 'vlan'"},
                 SPAN_TEXT(l->c, load->at));
        return;
    }
}

/* `ip[6:2] & 0x1fff != 0` */
static bool asks_for_later_fragments(const struct linter *l, const struct ast_node *n)
{
    const struct ast_node *mask = node(l, n->left);
    uint32_t k, bits, offset;

    if (mask->kind != AST_ARITH || mask->op != OP_AND || !constant(l, n->right, &k) || k != 0 ||
        (n->op != REL_NE && n->op != REL_GT) || !constant(l, mask->right, &bits))
        return false;
    const struct ast_node *load = node(l, mask->left);
    return load->kind == AST_LOAD && load->op == PROTO_IP && load->size == 2 &&
           constant(l, load->left, &offset) && offset == 6 && !(bits & ~0x1fffu);
}

static void note_relation(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    struct notes *m = &l->of[i];

    m->loads = l->of[n->left].loads | l->of[n->right].loads;
    m->checks = l->of[n->left].checks | l->of[n->right].checks;
    m->looks = m->loads != 0;
    if (m->checks & (OVER_IPV4 | PROTO_BIT(PROTO_IP)))
        m->who[NEED_IP] = i;
    if (m->checks & OVER_IPV4)
        m->who[NEED_FIRST_FRAGMENT] = i;
    if (m->checks & (PROTO_BIT(PROTO_ICMP6) | PROTO_BIT(PROTO_IP6)))
        m->who[NEED_IP6] = i;
    if (asks_for_later_fragments(l, n))
        m->who[NEED_LATER_FRAGMENT] = i;
    lint_value(l, n);
    lint_unchecked(l, i);
    lint_link_bytes(l, i);
}

/* ---- leaves */

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
    const struct prim *p = prim(l, i);
    char label[LABEL_BYTES];

    if (possible_here(p, &l->of[i]))
        return;
    const struct linktype *lt = p->cursor->lt;
    bool ip = family_possible(lt, ETHERTYPE_IP), ip6 = family_possible(lt, ETHERTYPE_IPV6);
    struct span at = written(l, i);
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

static void note_leaf(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    const struct prim *p = prim(l, i);
    struct notes *m = &l->of[i];
    unsigned families = 0;

    m->mover = moves_cursor(n) ? i : AST_NONE;
    m->certain = true;
    m->looks = reads_headers(n);
    if (n->kind == AST_RELATION)
        note_relation(l, i);
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

/* ---- joins */

/* `not tcp[13] & 2 != 0` is true for UDP too. */
static void lint_not(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *r = node(l, n->left);
    char hint[HINT_BYTES];

    if (r->kind != AST_RELATION)
        return;
    uint64_t checked = l->of[n->left].checks & ~UNCHECKED;
    if (!checked || checked & l->named)
        return;
    uint32_t k = r->first;
    while (node(l, k)->kind != AST_LOAD || !(checked & PROTO_BIT(node(l, k)->op)))
        k++;
    const char *word = ast_proto_word((enum ast_proto)node(l, k)->op);
    struct span left = {r->at.begin, r->op_at.begin}, right = {r->op_at.end, r->at.end};
    left = trimmed(l, left.begin, left.end);
    right = trimmed(l, right.begin, right.end);
    hint_text(hint, sizeof hint, "for %s only, write '%.*s %s %.*s'", word, SPAN_TEXT(l->c, left),
              ast_relop_word((enum ast_relop)(r->op ^ 1)), SPAN_TEXT(l->c, right));
    diag(l->c->sink, DIAG_NOT_OF_BYTES, (struct diag_at){.at = n->op_at, .also = r->at, .hint = hint}, word);
}

_Static_assert((REL_EQ ^ 1) == REL_NE && (REL_GT ^ 1) == REL_LE && (REL_LT ^ 1) == REL_GE,
               "inverse comparisons");

/* `vlan 10 or vlan 20`: the second is the second tag. */
static bool vlan_or_vlan(const struct linter *l, const struct ast_node *n, char *hint)
{
    const struct ast_node *a = node(l, n->left), *b = node(l, n->right);
    const struct prim *p = prim(l, n->left), *q = prim(l, n->right);

    if (n->kind != AST_OR || a->kind != AST_VLAN || b->kind != AST_VLAN || !p->has_number || !q->has_number ||
        l->c->o->live || p->cursor->lt->method != METHOD_ETHER || p->cursor->type.var != CURSOR_VAR_NONE ||
        p->cursor->link.var != CURSOR_VAR_NONE)
        return false;
    uint32_t at = p->cursor->type.offset + 2 - p->cursor->link.offset;
    hint_text(hint, HINT_BYTES, "write 'vlan and (link[%u:2] & 0xfff = %u or link[%u:2] & 0xfff = %u)'", at,
              p->number, at, q->number);
    return true;
}

/* `vlan or ip`, `not vlan and ip`: what stands right is looked for behind headers that need not be there. */
static void lint_moves(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    const struct notes *a = &l->of[n->left], *b = &l->of[n->right];
    struct notes *m = &l->of[i];
    char hint[HINT_BYTES];

    m->mover = a->mover != AST_NONE ? a->mover : b->mover;
    m->certain = n->kind == AST_AND && (a->mover != AST_NONE ? a->certain : b->certain);
    m->looks = a->looks || b->looks;
    if (a->mover == AST_NONE || !b->looks || (n->kind == AST_AND && a->certain))
        return;
    struct span word = keyword_of(l->c, node(l, a->mover));
    enum ast_kind kind = (enum ast_kind)node(l, a->mover)->kind;

    if (!vlan_or_vlan(l, n, hint))
        hint_text(hint, sizeof hint,
                  kind == AST_GENEVE || kind == AST_VXLAN
                      ? "packets without it are rejected when this reads them: write this in front of '%.*s'"
                      : "for packets without it, write this in front of '%.*s'",
                  SPAN_TEXT(l->c, word));
    diag(l->c->sink, DIAG_HEADERS_MOVED,
         (struct diag_at){.at = written(l, n->right), .also = word, .hint = hint}, SPAN_TEXT(l->c, word));
    m->mover = b->mover; /* said once */
    m->certain = n->kind == AST_AND && b->certain;
}

/* `not host a and b` */
static void lint_not_first_only(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *a = node(l, n->left), *b = node(l, n->right);
    char hint[HINT_BYTES];

    if (a->kind != AST_NOT || b->kind != AST_ID || !b->u.id->inherited || node(l, a->left)->kind != AST_ID)
        return;
    struct span first = written(l, a->left);
    hint_text(hint, sizeof hint, "to exclude both write 'not (%.*s or %.*s)'", SPAN_TEXT(l->c, first),
              SPAN_TEXT(l->c, b->at));
    diag(l->c->sink, DIAG_NOT_FIRST_ONLY, (struct diag_at){.at = b->at, .also = a->op_at, .hint = hint},
         SPAN_TEXT(l->c, first), SPAN_TEXT(l->c, b->at));
}

/* `a or b and c` is `(a or b) and c`. In `port 80 or 443 and tcp` nobody expects anything else. */
static void lint_or_then_and(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *a = node(l, n->left);
    char hint[HINT_BYTES];

    if (n->kind != AST_AND || a->kind != AST_OR || between(l, a->at.end, n->op_at.begin, ')'))
        return;
    const struct ast_node *middle = node(l, a->right), *last = node(l, n->right);
    if (middle->kind == AST_ID && middle->u.id->inherited && !(last->kind == AST_ID && last->u.id->inherited))
        return;
    struct span x = trimmed(l, n->at.begin, a->op_at.begin), y = trimmed(l, a->op_at.end, n->op_at.begin),
                z = trimmed(l, n->op_at.end, n->at.end);
    if (span_shown(x) + span_shown(y) + span_shown(z) > 110)
        hint_text(hint, sizeof hint, "show with parentheses which one is meant");
    else
        hint_text(hint, sizeof hint, "write '(%.*s or %.*s) and %.*s', or '%.*s or (%.*s and %.*s)'",
                  SPAN_TEXT(l->c, x), SPAN_TEXT(l->c, y), SPAN_TEXT(l->c, z), SPAN_TEXT(l->c, x),
                  SPAN_TEXT(l->c, y), SPAN_TEXT(l->c, z));
    diag(l->c->sink, DIAG_OR_THEN_AND, (struct diag_at){.at = n->op_at, .also = a->op_at, .hint = hint});
}

/* `port 80 and port 443` */
static void lint_both_ports(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *a = node(l, n->left), *b = node(l, n->right);
    char hint[HINT_BYTES];

    if (a->kind == AST_AND)
        a = node(l, a->right);
    if (n->kind != AST_AND || a->kind != AST_ID || b->kind != AST_ID)
        return;
    uint32_t first = (uint32_t)(a - l->c->t->node.at);
    const struct prim *p = prim(l, first), *q = prim(l, n->right);
    if (!p || !q || p->kind != PRIM_PORT || q->kind != PRIM_PORT || p->dir != q->dir ||
        p->dir == DIR_SRC_AND_DST || (p->lo <= q->hi && q->lo <= p->hi))
        return;
    struct span one = written(l, first), other = written(l, n->right);
    hint_text(hint, sizeof hint, "for packets of either write '%.*s or %.*s'", SPAN_TEXT(l->c, one),
              SPAN_TEXT(l->c, other));
    diag(l->c->sink, DIAG_BOTH_PORTS, (struct diag_at){.at = other, .also = one, .hint = hint});
}

/* The leaves that need @x in one operand and @y in the other, looking at the same headers. */
static bool clash(const struct linter *l, const struct ast_node *n, enum need x, enum need y, uint32_t *who_x,
                  uint32_t *who_y)
{
    const struct notes *a = &l->of[n->left], *b = &l->of[n->right];

    if (a->who[x] != AST_NONE && b->who[y] != AST_NONE) {
        *who_x = a->who[x];
        *who_y = b->who[y];
    } else if (a->who[y] != AST_NONE && b->who[x] != AST_NONE) {
        *who_x = b->who[x];
        *who_y = a->who[y];
    } else {
        return false;
    }
    return prim(l, *who_x)->cursor == prim(l, *who_y)->cursor;
}

static void lint_clash(struct linter *l, const struct ast_node *n)
{
    uint32_t x, y;
    char hint[HINT_BYTES];

    if (clash(l, n, NEED_IP, NEED_IP6, &x, &y)) {
        const struct ast_node *four = node(l, x);
        bool bytes = four->kind == AST_RELATION && l->of[x].checks & OVER_IPV4;

        hint_text(hint, sizeof hint,
                  bytes ? "behind an IPv6 header it is 'ip6[40 + ...]'"
                  : four->kind == AST_PROTO && four->op == PROTO_ICMP
                      ? "of IPv6 it is 'icmp6'"
                      : "for packets of either join them with 'or'");
        struct span at = written(l, x), also = written(l, y);
        diag(l->c->sink, DIAG_FAMILY_CLASH, (struct diag_at){.at = at, .also = also, .hint = hint},
             SPAN_TEXT(l->c, at), SPAN_TEXT(l->c, also));
        l->clashed = true;
    }
    if (clash(l, n, NEED_FIRST_FRAGMENT, NEED_LATER_FRAGMENT, &x, &y)) {
        struct span at = written(l, x);
        diag(l->c->sink, DIAG_FRAGMENT_CLASH,
             (struct diag_at){
                 .at = at,
                 .also = node(l, y)->at,
                 .hint = "later fragments have no ports: test addresses, 'ip proto' and 'ip[4:2]' instead"},
             SPAN_TEXT(l->c, at));
    }
    if (!l->shallow && clash(l, n, NEED_TRANSPORT, NEED_IP6, &x, &y)) {
        const struct prim *p = prim(l, x);
        struct span at = written(l, x), also = written(l, y);
        uint32_t number = p->kind == PRIM_PORT ? p->u.numbers[0] : p->number;

        hint_text(hint, sizeof hint, "'ip6 protochain %u' steps over extension headers", number);
        diag(l->c->sink, DIAG_IP6_SHALLOW, (struct diag_at){.at = at, .also = also, .hint = hint},
             SPAN_TEXT(l->c, at));
        l->shallow = true;
    }
}

static void note_join(struct linter *l, uint32_t i)
{
    const struct ast_node *n = node(l, i);
    const struct notes *a = &l->of[n->left], *b = &l->of[n->right];

    for (unsigned k = 0; k < NEED_COUNT; k++) {
        bool both = a->who[k] != AST_NONE && b->who[k] != AST_NONE;
        if (n->kind == AST_AND || both)
            l->of[i].who[k] = a->who[k] != AST_NONE ? a->who[k] : b->who[k];
    }
    lint_moves(l, i);
    lint_not_first_only(l, n);
    lint_or_then_and(l, n);
    lint_both_ports(l, n);
    if (n->kind == AST_AND)
        lint_clash(l, n);
}

void lint_filter(struct checker *c)
{
    uint32_t nodes = c->t->node.n;
    struct linter l = {.c = c, .of = arena_array(c->arena, struct notes, nodes ? nodes : 1)};

    if (!l.of) {
        c->failed = true;
        return;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        const struct ast_node *n = node(&l, i);

        l.of[i].mover = AST_NONE;
        for (unsigned k = 0; k < NEED_COUNT; k++)
            l.of[i].who[k] = AST_NONE;
        if (n->kind >= AST_NUMBER) {
            note_arith(&l, i);
        } else if (n->kind == AST_AND || n->kind == AST_OR) {
            note_join(&l, i);
        } else if (n->kind == AST_NOT) {
            l.of[i].mover = l.of[n->left].mover;
            l.of[i].looks = l.of[n->left].looks;
            lint_not(&l, n);
        } else {
            note_leaf(&l, i);
        }
    }
    for (uint32_t i = 0; i < nodes && !l.clashed; i++) /* a clash says it better */
        if (node(&l, i)->kind == AST_LOAD)
            lint_index(&l, node(&l, i));
}
