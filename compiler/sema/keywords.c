/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/keywords.c - keywords: the leaves that are neither an id, a protocol word nor a relation.
 */
#include <ctype.h>
#include <string.h>
#include "sema/checker.h"

/* ---- arguments */

static struct span arg_at(const struct ast_node *n, const struct ast_arg *a)
{
    return a->at.begin < a->at.end ? a->at : n->at;
}

/* An optional number into @p. */
static bool number_arg(struct checker *c, const struct ast_node *n, const char *what, uint32_t max,
                       struct prim *p)
{
    const struct ast_arg *a = &n->u.arg[0];

    if (a->kind == ARG_NONE)
        return true;
    p->has_number = true;
    p->number = a->number;
    return in_range(c, arg_at(n, a), what, a->number, max);
}

/* ---- any link type */

static bool check_cast(struct checker *c, const struct ast_node *n, struct prim *p)
{
    bool broadcast = n->kind == AST_BROADCAST;
    struct span word = keyword_of(c, n);
    struct ast_id_node none = {.q = {.proto = n->op, .at = n->at}};
    struct id_view v = {.x = &none, .at = word, .quals = n->at, .proto = n->op};

    if (!proto_fits(c, &v, broadcast ? SHAPE_BROADCAST : SHAPE_MULTICAST))
        return false;
    switch (v.proto) {
    case PROTO_IP:
        p->kind = broadcast ? PRIM_IP_BROADCAST : PRIM_IP_MULTICAST;
        if (broadcast && c->o->netmask == WEIR_NETMASK_UNKNOWN) {
            diag(c->sink, DIAG_NETMASK_UNKNOWN, (struct diag_at){.at = n->at});
            return false;
        }
        p->number = broadcast ? ~c->o->netmask : 0;
        return has_network(c, n->at);
    case PROTO_IP6:
        p->kind = PRIM_IP6_MULTICAST;
        return has_network(c, n->at);
    default:
        p->kind = broadcast ? PRIM_BROADCAST : PRIM_MULTICAST;
        return has_capability(c, word, broadcast ? LINK_BROADCAST : LINK_MULTICAST,
                              broadcast ? "broadcast" : "multicast");
    }
}

static bool check_length(const struct ast_node *n, struct prim *p)
{
    p->kind = PRIM_LENGTH;
    p->relop = n->kind == AST_LESS ? REL_LE : REL_GE;
    p->number = n->u.arg[0].number;
    return true;
}

static bool check_byte(struct checker *c, const struct ast_node *n, struct prim *p)
{
    p->kind = PRIM_BYTE;
    p->byte_op = (char)n->size;
    p->lo = n->u.arg[0].number;
    p->number = n->u.arg[1].number;
    return in_range(c, arg_at(n, &n->u.arg[1]), "byte argument", p->number, 255);
}

/* inbound, outbound, ifindex: from the link header, or from what the kernel knows of a packet. */
static bool from_packet_or_kernel(struct checker *c, struct span at, bool known, const char *word)
{
    char label[LABEL_BYTES];

    if (known || c->o->live)
        return true;
    diag(c->sink, DIAG_NOT_LIVE, (struct diag_at){.at = at}, word, linktype_label(c->cur->lt, label));
    return false;
}

/* From the link header, from where the program runs, or from the packet's type, which only sockets are told
 * rightly. */
static bool check_direction(struct checker *c, struct span at, const char *word)
{
    bool known = c->cur->lt->direction.width != 0 || c->o->hook != WEIR_HOOK_UNKNOWN;

    if (!known && (c->o->target == WEIR_TARGET_TC || c->o->target == WEIR_TARGET_CGROUP)) {
        diag(c->sink, DIAG_NO_HOOK, (struct diag_at){.at = at}, word);
        return false;
    }
    return from_packet_or_kernel(c, at, known, word);
}

/* ---- headers behind headers */

static bool check_vlan(struct checker *c, const struct ast_node *n, struct prim *p)
{
    struct span word = keyword_of(c, n);

    p->kind = PRIM_VLAN;
    if (c->cur->mpls > 0) {
        diag(c->sink, DIAG_VLAN_AFTER_MPLS,
             (struct diag_at){.at = word, .hint = "put 'vlan' in front of 'mpls'"});
        return false;
    }
    return has_capability(c, word, LINK_VLAN, "vlan") && number_arg(c, n, "VLAN tag", 4095, p);
}

static bool check_mpls(struct checker *c, const struct ast_node *n, struct prim *p)
{
    p->kind = PRIM_MPLS;
    if (c->cur->mpls == 0 && !has_capability(c, keyword_of(c, n), LINK_MPLS, "mpls"))
        return false;
    return number_arg(c, n, "MPLS label", 0xfffff, p);
}

static bool check_tunnel(struct checker *c, const struct ast_node *n, struct prim *p)
{
    bool geneve = n->kind == AST_GENEVE;

    p->kind = geneve ? PRIM_GENEVE : PRIM_VXLAN;
    return has_network(c, keyword_of(c, n)) &&
           number_arg(c, n, geneve ? "Geneve VNI" : "VXLAN VNI", 0xffffff, p);
}

/* ---- link types' own */

/* A keyword of one link type, or of a few. */
static bool belongs_to(struct checker *c, struct span at, enum link_capability capability, const char *where)
{
    char label[LABEL_BYTES];

    if (c->cur->lt->capabilities & capability)
        return true;
    diag(c->sink, DIAG_OTHER_LINKTYPE, (struct diag_at){.at = at}, SPAN_TEXT(c, at), where,
         linktype_label(c->cur->lt, label));
    return false;
}

static bool check_llc(struct checker *c, const struct ast_node *n, struct prim *p)
{
    const struct ast_arg *a = &n->u.arg[0];
    uint8_t mask, value;
    char *name;

    p->kind = PRIM_LLC;
    if (!has_capability(c, keyword_of(c, n), LINK_LLC, "llc"))
        return false;
    if (a->kind == ARG_NONE)
        return true;
    if (!(name = text_copy(c, a->text, a->text_len)))
        return false;
    if (!name_llc(name, &mask, &value)) {
        diag(c->sink, DIAG_UNKNOWN_LLC,
             (struct diag_at){.at = arg_at(n, a),
                              .hint = "i, s, u, rr, rnr, rej, ui, ua, disc, dm, sabme, test, xid, frmr"},
             SPAN_TEXT(c, arg_at(n, a)));
        return false;
    }
    p->has_number = true;
    p->lo = mask;
    p->number = value;
    return true;
}

static bool unknown_arg(struct checker *c, const struct ast_node *n, const struct ast_arg *a, enum diag_id id,
                        const char *hint)
{
    diag(c->sink, id, (struct diag_at){.at = arg_at(n, a), .hint = hint}, SPAN_TEXT(c, arg_at(n, a)));
    return false;
}

static bool bad_bits(struct checker *c, const struct ast_node *n, const struct ast_arg *a, enum diag_id id,
                     const char *hint)
{
    diag(c->sink, id, (struct diag_at){.at = arg_at(n, a), .hint = hint}, a->number);
    return false;
}

/* An 802.11 type: the bits 0x0c of the first byte. */
static bool wlan_type(struct checker *c, const struct ast_node *n, const struct ast_arg *a, uint8_t *bits)
{
    char *name;

    if (a->kind == ARG_NUMBER) {
        if (a->number & ~0x0cu)
            return bad_bits(c, n, a, DIAG_WLAN_TYPE_VALUE, "types are 0 (mgt), 4 (ctl), 8 (data) and 12");
        *bits = (uint8_t)a->number;
        return true;
    }
    if (!(name = text_copy(c, a->text, a->text_len)))
        return false;
    return name_wlan_type(name, bits) || unknown_arg(c, n, a, DIAG_UNKNOWN_WLAN_TYPE, "mgt, ctl, data");
}

static bool wlan_subtype(struct checker *c, const struct ast_node *n, const struct ast_arg *a, uint8_t type,
                         uint8_t *type_bits, uint8_t *bits)
{
    char *name;

    if (a->kind == ARG_NUMBER) {
        if (a->number & ~0xf0u)
            return bad_bits(c, n, a, DIAG_WLAN_SUBTYPE_VALUE,
                            "subtypes are multiples of 16 up to 0xf0: bits 4 to 7 of the byte");
        *bits = (uint8_t)a->number;
        return true;
    }
    if (!(name = text_copy(c, a->text, a->text_len)))
        return false;
    if (type != 0x0c && name_wlan_subtype(name, type, type_bits, bits))
        return true;
    uint8_t elsewhere;
    bool other = name_wlan_subtype(name, WLAN_ANY_TYPE, &elsewhere, bits);
    return unknown_arg(c, n, a, DIAG_UNKNOWN_WLAN_SUBTYPE, other ? "it is a subtype of another type" : NULL);
}

/* `icmp type 8`, `ether type 0x800`: a protocol's word is accepted in front of those of 802.11, and means
 * nothing there. */
static void hint_type(struct checker *c, const struct ast_node *n)
{
    const char *text = c->t->text;
    struct span word = keyword_of(c, n), value = n->u.arg[0].at, proto = {word.begin, word.begin};
    char buf[HINT_BYTES];

    while (proto.end > 0 && strchr(" \t\r\n", text[proto.end - 1]))
        proto.end--;
    proto.begin = proto.end;
    while (proto.begin > 0 && isalnum((unsigned char)text[proto.begin - 1]))
        proto.begin--;
    size_t len = proto.end - proto.begin;
    if (len == 5 && memcmp(text + proto.begin, "ether", len) == 0) {
        hint_last(c, DIAG_NOT_ON_LINKTYPE, word,
                  hint_text(buf, sizeof buf, "write 'ether proto %.*s'", SPAN_TEXT(c, value)));
        return;
    }
    if (len < 4 || len > 5 || memcmp(text + proto.begin, "icmp6", len) != 0)
        return;
    hint_last(c, DIAG_NOT_ON_LINKTYPE, word,
              n->u.arg[0].kind == ARG_NUMBER
                  ? hint_text(buf, sizeof buf, "write '%.*s[%.*stype] = %.*s'", SPAN_TEXT(c, proto),
                              SPAN_TEXT(c, proto), SPAN_TEXT(c, value))
                  : hint_text(buf, sizeof buf, "write '%.*s[%.*stype] = ...'", SPAN_TEXT(c, proto),
                              SPAN_TEXT(c, proto)));
}

static bool check_wlan_type(struct checker *c, const struct ast_node *n, struct prim *p)
{
    const struct ast_arg *a = n->u.arg;
    uint8_t type = 0, bits = 0;

    p->kind = PRIM_WLAN_TYPE;
    p->lo = 0xfc;
    if (!has_capability(c, keyword_of(c, n), LINK_WLAN, "type/subtype")) {
        hint_type(c, n);
        return false;
    }
    if (n->kind == AST_WLAN_SUBTYPE) {
        if (!wlan_subtype(c, n, a, WLAN_ANY_TYPE, &type, &bits))
            return false;
    } else {
        uint8_t same = 0;

        if (!wlan_type(c, n, a, &type))
            return false;
        if (a[1].kind == ARG_NONE)
            p->lo = 0x0c;
        else if (!wlan_subtype(c, n, &a[1], type, &same, &bits))
            return false;
    }
    p->number = type | bits;
    return true;
}

static bool check_wlan_dir(struct checker *c, const struct ast_node *n, struct prim *p)
{
    const struct ast_arg *a = &n->u.arg[0];
    uint8_t bits = 0;
    char *name;

    p->kind = PRIM_WLAN_DIR;
    if (!has_capability(c, keyword_of(c, n), LINK_WLAN, "dir"))
        return false;
    p->number = a->number;
    if (a->kind == ARG_NUMBER)
        return a->number <= 3 || bad_bits(c, n, a, DIAG_WLAN_DIR_VALUE, "0 nods, 1 tods, 2 fromds, 3 dstods");
    if (!(name = text_copy(c, a->text, a->text_len)))
        return false;
    if (!name_wlan_dir(name, &bits))
        return unknown_arg(c, n, a, DIAG_UNKNOWN_WLAN_DIR, "nods, tods, fromds, dstods");
    p->number = bits;
    return true;
}

/* Bytes of the pflog header. */
enum {
    PF_ACTION = 2,
    PF_REASON = 3,
    PF_IFNAME = 4,
    PF_RULESET = 20,
    PF_RULENUM = 36,
    PF_SUBRULENUM = 40,
    PF_NAME_MAX = 15
};

static bool pf_string(struct checker *c, const struct ast_node *n, uint32_t offset, struct prim *p)
{
    const struct ast_arg *a = &n->u.arg[0];
    struct span at = arg_at(n, a);

    p->kind = PRIM_PF_STRING;
    p->lo = offset;
    if (a->text_len > PF_NAME_MAX) {
        diag(c->sink, DIAG_PF_NAME_LENGTH, (struct diag_at){.at = at}, SPAN_TEXT(c, at),
             (unsigned)PF_NAME_MAX);
        return false;
    }
    p->u.str.text = c->t->text + a->text;
    p->u.str.len = a->text_len;
    return true;
}

static bool pf_number(struct checker *c, const struct ast_node *n, uint32_t offset, uint32_t width,
                      struct prim *p)
{
    const struct ast_arg *a = &n->u.arg[0];
    uint8_t value = 0;
    char *name;

    p->kind = PRIM_PF_NUMBER;
    p->lo = offset;
    p->hi = width;
    p->number = a->number;
    if (a->kind == ARG_NUMBER)
        return true;
    if (!(name = text_copy(c, a->text, a->text_len)))
        return false;
    if (offset == PF_REASON && !name_pf_reason(name, &value))
        return unknown_arg(c, n, a, DIAG_UNKNOWN_PF_REASON, NULL);
    if (offset == PF_ACTION && !name_pf_action(name, &value))
        return unknown_arg(c, n, a, DIAG_UNKNOWN_PF_ACTION, NULL);
    p->number = value;
    return true;
}

static bool check_pf(struct checker *c, const struct ast_node *n, struct prim *p)
{
    if (!belongs_to(c, keyword_of(c, n), LINK_PFLOG, "PFLOG"))
        return false;
    switch (n->kind) {
    case AST_PF_IFNAME:
        return pf_string(c, n, PF_IFNAME, p);
    case AST_PF_RULESET:
        return pf_string(c, n, PF_RULESET, p);
    case AST_PF_RULENUM:
        return pf_number(c, n, PF_RULENUM, 4, p);
    case AST_PF_SUBRULENUM:
        return pf_number(c, n, PF_SUBRULENUM, 4, p);
    case AST_PF_REASON:
        return pf_number(c, n, PF_REASON, 1, p);
    default:
        return pf_number(c, n, PF_ACTION, 1, p);
    }
}

static bool check_field(struct checker *c, const struct ast_node *n, struct prim *p)
{
    const struct ast_field *f = n->u.field;
    const struct field *row = field_row((enum field_id)n->op);
    uint32_t *numbers = arena_array(c->arena, uint32_t, f->count ? f->count : 1);
    bool good = true;

    if (!numbers) {
        c->failed = true;
        return false;
    }
    p->field = n->op;
    p->relop = f->relop;
    p->count = f->count;
    p->u.numbers = numbers;
    for (uint32_t i = 0; i < f->count; i++) {
        numbers[i] = f->value[i].number;
        good = in_range(c, arg_at(n, &f->value[i]), row->what, numbers[i], row->max) && good;
    }
    return good;
}

/* ---- all of them */

bool check_keyword(struct checker *c, const struct ast_node *n, struct prim *p)
{
    const struct linktype *lt = c->cur->lt;
    struct span word = keyword_of(c, n);

    switch ((enum ast_kind)n->kind) {
    case AST_BROADCAST:
    case AST_MULTICAST:
        return check_cast(c, n, p);
    case AST_LESS:
    case AST_GREATER:
        return check_length(n, p);
    case AST_BYTE:
        return check_byte(c, n, p);
    case AST_INBOUND:
        p->kind = PRIM_INBOUND;
        return check_direction(c, word, "inbound");
    case AST_OUTBOUND:
        p->kind = PRIM_OUTBOUND;
        return check_direction(c, word, "outbound");
    case AST_IFINDEX:
        p->kind = PRIM_IFINDEX;
        p->number = n->u.arg[0].number;
        return from_packet_or_kernel(
            c, word, lt->capabilities & LINK_IFINDEX || c->o->target == WEIR_TARGET_XDP, "ifindex");
    case AST_VLAN:
        return check_vlan(c, n, p);
    case AST_MPLS:
        return check_mpls(c, n, p);
    case AST_PPPOED:
        p->kind = PRIM_PPPOED;
        return link_proto_fits(c, word, ETHERTYPE_PPPOED);
    case AST_PPPOES:
        p->kind = PRIM_PPPOES;
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_PPPOES) &&
               number_arg(c, n, "PPPoE session number", 65535, p);
    case AST_GENEVE:
    case AST_VXLAN:
        return check_tunnel(c, n, p);
    case AST_LLC:
        return check_llc(c, n, p);
    case AST_WLAN_TYPE:
    case AST_WLAN_SUBTYPE:
        return check_wlan_type(c, n, p);
    case AST_WLAN_DIR:
        return check_wlan_dir(c, n, p);
    case AST_PF_IFNAME:
    case AST_PF_RULESET:
    case AST_PF_RULENUM:
    case AST_PF_SUBRULENUM:
    case AST_PF_REASON:
    case AST_PF_ACTION:
        return check_pf(c, n, p);
    case AST_ATM_KEYWORD:
        p->kind = PRIM_ATM_KEYWORD;
        p->number = n->op;
        return belongs_to(c, word, LINK_ATM, "SUNATM");
    case AST_ATM_FIELD:
        p->kind = PRIM_ATM_FIELD;
        return belongs_to(c, word, LINK_ATM, "SUNATM") && check_field(c, n, p);
    case AST_SS7_KEYWORD:
        p->kind = PRIM_SS7_KEYWORD;
        p->number = n->op;
        return belongs_to(c, word, LINK_SS7, "SS7 link types");
    case AST_SS7_FIELD:
        p->kind = PRIM_SS7_FIELD;
        return belongs_to(c, word, LINK_SS7, "SS7 link types") && check_field(c, n, p);
    case AST_AND:
    case AST_OR:
    case AST_NOT:
    case AST_ID:
    case AST_PROTO:
    case AST_RELATION:
    case AST_NUMBER:
    case AST_LEN:
    case AST_LOAD:
    case AST_ARITH:
        break;
    }
    return false; /* never: the walk sends other kinds elsewhere */
}
