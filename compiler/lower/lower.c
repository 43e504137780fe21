/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/lower.c - checked filter to IR: the boolean structure, and which file lowers which primitive.
 */
#include "lower/lower.h"
#include "lower/cond.h"
#include "proto/names.h"
#include "proto/names.h"

static cond ip_broadcast(struct lower *lw, const struct prim *p)
{
    cond is = link_proto(lw, p->cursor, ETHERTYPE_IP);
    struct anchor net = cursor_net(p->cursor);
    ir_value host = ir_binary(lw->f, IR_AND, load_anchor(lw, net, 16, 4), ir_const(lw->f, p->number));
    cond zeros = cond_eq(lw, host, 0);
    pend_guard(lw, address_of(lw, net), 16, 4);
    cond ones = cond_eq(lw, host, p->number);

    return cond_and(lw, is, cond_or(lw, zeros, ones));
}

static cond ip_multicast(struct lower *lw, const struct prim *p)
{
    cond is = link_proto(lw, p->cursor, ETHERTYPE_IP);

    return cond_and(lw, is, cond_masked(lw, load_anchor(lw, cursor_net(p->cursor), 16, 1), 1, 0xf0, 0xe0));
}

static cond ip6_multicast(struct lower *lw, const struct prim *p)
{
    cond is = link_proto(lw, p->cursor, ETHERTYPE_IPV6);

    return cond_and(lw, is, cond_eq(lw, load_anchor(lw, cursor_net(p->cursor), 24, 1), 0xff));
}

/* A number the link layer carries at a fixed place, or Linux packet metadata. */
static cond ifindex(struct lower *lw, const struct prim *p)
{
    if (p->cursor->lt->capabilities & LINK_IFINDEX)
        return cond_eq(lw, load_anchor(lw, p->cursor->link, 4, 4), p->number);
    return cond_eq(lw, ir_meta(lw->f, META_IFINDEX), p->number);
}

static cond wlan_type(struct lower *lw, const struct prim *p)
{
    ir_value control = load_anchor(lw, p->cursor->link, 0, 1);

    return cond_eq(lw, ir_binary(lw->f, IR_AND, control, ir_const(lw->f, p->lo)), p->number);
}

static cond wlan_dir(struct lower *lw, const struct prim *p)
{
    ir_value control = load_anchor(lw, p->cursor->link, 1, 1);

    return cond_eq(lw, ir_binary(lw->f, IR_AND, control, ir_const(lw->f, 3)), p->number);
}

static cond pf_string(struct lower *lw, const struct prim *p)
{
    return bytes_equal(lw, address_of(lw, p->cursor->link), p->lo, (const uint8_t *)p->u.str.text,
                       p->u.str.len);
}

static cond lower_prim(struct lower *lw, const struct prim *p)
{
    switch ((enum prim_kind)p->kind) {
    case PRIM_LINK_PROTO:
        return link_proto(lw, p->cursor, p->number);
    case PRIM_IP_PROTO:
        return lower_ip_proto(lw, p);
    case PRIM_ISO_PROTO:
        return iso_proto(lw, p->cursor, p->number);
    case PRIM_ISIS_PROTO:
        return isis_proto(lw, p->cursor, p->u.numbers, p->count);
    case PRIM_PROTOCHAIN:
        return lower_protochain(lw, p);
    case PRIM_HOST:
        return lower_host(lw, p);
    case PRIM_PORT:
        return lower_port(lw, p);
    case PRIM_MAC48:
        return mac48(lw, p->cursor, p->dir, (struct mac_wanted){p->mac, p->set});
    case PRIM_MAC8:
        return lower_mac8(lw, p);
    case PRIM_GATEWAY:
        return lower_gateway(lw, p);
    case PRIM_DECNET_HOST:
        return lower_decnet_host(lw, p);
    case PRIM_BROADCAST:
        return lower_broadcast(lw, p);
    case PRIM_MULTICAST:
        return lower_multicast(lw, p);
    case PRIM_IP_BROADCAST:
        return ip_broadcast(lw, p);
    case PRIM_IP_MULTICAST:
        return ip_multicast(lw, p);
    case PRIM_IP6_MULTICAST:
        return ip6_multicast(lw, p);
    case PRIM_RELATION:
        return lower_relation(lw, p);
    case PRIM_LENGTH:
        return cond_relop(lw, p->relop, ir_len(lw->f), p->number);
    case PRIM_BYTE:
        return lower_byte(lw, p);
    case PRIM_INBOUND:
    case PRIM_OUTBOUND:
        return lower_direction(lw, p);
    case PRIM_IFINDEX:
        return ifindex(lw, p);
    case PRIM_VLAN:
        return lower_vlan(lw, p);
    case PRIM_MPLS:
        return lower_mpls(lw, p);
    case PRIM_PPPOED:
        return link_proto(lw, p->cursor, ETHERTYPE_PPPOED);
    case PRIM_PPPOES:
        return lower_pppoes(lw, p);
    case PRIM_GENEVE:
    case PRIM_VXLAN:
        return lower_tunnel(lw, p);
    case PRIM_LLC:
        return lower_llc(lw, p);
    case PRIM_WLAN_TYPE:
        return wlan_type(lw, p);
    case PRIM_WLAN_DIR:
        return wlan_dir(lw, p);
    case PRIM_PF_STRING:
        return pf_string(lw, p);
    case PRIM_PF_NUMBER:
        return cond_eq(lw, load_anchor(lw, p->cursor->link, p->lo, p->hi), p->number);
    case PRIM_ATM_KEYWORD:
        return lower_atm_keyword(lw, p);
    case PRIM_ATM_FIELD:
        return lower_field(lw, p, 0);
    case PRIM_SS7_KEYWORD:
        return lower_ss7_keyword(lw, p);
    case PRIM_SS7_FIELD:
        return lower_field(lw, p, p->cursor->lt->ss7_offset);
    case PRIM_KIND_COUNT:
        break;
    }
    lw->error = WEIR_E_BUG;
    return COND_FALSE;
}

/* The primitive at @node, or the list it stands for; nothing for one that another stands for. */
static cond lower_leaf(struct lower *lw, const struct lists *lists, uint32_t node)
{
    uint32_t role = lists->role ? lists->role[node] : 0;

    if (role == LIST_MEMBER)
        return COND_FALSE;
    lw->list = role ? lists->list.at[role - 1] : (struct list){.words = 0};
    return lower_prim(lw, &lw->in->prim.at[lw->in->prim_of[node]]);
}

#define PAIRS_MIN 16 /* addresses and ports from which a filter is taken to be a list of pairs of them */

static bool many_pairs(const struct checked *c)
{
    uint32_t hosts = 0, ports = 0;

    for (uint32_t i = 0; i < c->prim.n; i++) {
        hosts += c->prim.at[i].kind == PRIM_HOST;
        ports += c->prim.at[i].kind == PRIM_PORT;
    }
    return hosts >= PAIRS_MIN && ports >= PAIRS_MIN;
}

/* Does nothing in the filter tell ARP from RARP? Their addresses lie in the same places. */
static bool is_one_arp(const struct checked *c)
{
    bool one = true;

    for (uint32_t i = 0; i < c->prim.n && one; i++) {
        const struct prim *p = &c->prim.at[i];
        if (p->kind == PRIM_LINK_PROTO)
            one = p->number != ETHERTYPE_ARP && p->number != ETHERTYPE_RARP;
        else
            one = !(p->families & FAMILY_ARP) == !(p->families & FAMILY_RARP);
    }
    return one;
}

/* Marks the terms and what is in them: nodes stand behind their operands. NULL without memory. */
static bool *nodes_of_terms(struct lower *lw, const struct terms *only)
{
    const struct ast *t = lw->in->ast;
    bool *wanted = arena_array(lw->arena, bool, t->node.n);

    for (uint32_t i = 0; wanted && i < only->n; i++)
        wanted[only->node[i]] = true;
    for (uint32_t i = t->node.n; wanted && i-- > 0;) {
        const struct ast_node *n = &t->node.at[i];
        if (!wanted[i] || (n->kind != AST_AND && n->kind != AST_OR && n->kind != AST_NOT))
            continue;
        wanted[n->left] = true;
        wanted[n->kind == AST_NOT ? n->left : n->right] = true;
    }
    return wanted;
}

/* The conditions of all nodes, or of those in the terms, then that of the root or of the terms; nodes are in
 * post-order. */
static cond lower_tree(struct lower *lw, const struct terms *only)
{
    const struct ast *t = lw->in->ast;
    cond *of = arena_array(lw->front, cond, t->node.n ? t->node.n : 1), root = COND_TRUE;

    bool *wanted = only ? nodes_of_terms(lw, only) : NULL;
    struct lists lists = {.role = NULL};

    if (!of || (only && !wanted)) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    if (lw->o->optimize && !only)
        lists_find(lw, &lists);
    for (uint32_t i = 0; i < t->node.n && !lw->error && !lw->f->failed; i++) {
        const struct ast_node *n = &t->node.at[i];
        if (wanted && !wanted[i])
            continue;
        lw->at = n->at;
        lw->pending.n = 0;
        if (n->kind == AST_AND)
            of[i] = cond_and(lw, of[n->left], of[n->right]);
        else if (n->kind == AST_OR)
            of[i] = cond_or(lw, of[n->left], of[n->right]);
        else if (n->kind == AST_NOT)
            of[i] = cond_not(lw, of[n->left]);
        else if (lw->in->prim_of[i] != AST_NONE)
            of[i] = lower_leaf(lw, &lists, i);
        if (lists.role && lists.role[i] && lw->in->prim_of[i] == AST_NONE)
            of[i] = rows_item(lw, lists.role[i], of[i]);
    }
    for (uint32_t i = 0; only && i < only->n; i++)
        root = cond_and(lw, root, of[only->node[i]]);
    return only || t->node.n == 0 ? root : of[t->node.n - 1];
}

_Static_assert(NAMED_SETS_MAX <= IR_SETS_MAX, "a function has room for a filter's sets");

/* The sets of the filter by the same numbers. */
static void name_sets(const struct checked *c, struct ir_func *f)
{
    for (uint32_t i = 0; i < c->set.n; i++) {
        struct span name = c->set.at[i].name;
        struct ir_set s = {.kind = c->set.at[i].kind, .at = c->set.at[i].at};
        for (uint32_t k = 0; k < name.end - name.begin && k < sizeof s.name - 1; k++)
            s.name[k] = c->ast->text[name.begin + k];
        if (!vec_push(f->arena, &f->set, s))
            f->failed = true;
    }
}

/* The formula into blocks. @front goes as soon as the formula is there, if it is none of the formula's arena.
 */
static int lower(struct lower *lw, const struct terms *only)
{
    const struct checked *c = lw->in;
    struct ir_func *f = lw->f;

    name_sets(c, f);
    if (cond_init(lw) < 0)
        return lw->error;
    for (uint32_t i = 0; i < c->var.n || i == 0; i++)
        var_new(lw);
    if (lw->error)
        return lw->error;

    cond root = lower_tree(lw, only);
    if (c->ast->node.n)
        root = lower_prefix(lw, root);
    if (lw->error || f->failed)
        return lw->error ? lw->error : WEIR_E_MEMORY;
    if (lw->front != lw->arena)
        arena_release(lw->front);
    if (lw->o->optimize)
        root = cond_factor(lw, root);
    return lw->error ? lw->error : cond_emit(lw, root);
}

static struct lower lower_begin(struct arena *formula, struct arena *front, struct arena *arena,
                                struct diag_sink *sink, const struct checked *c, const struct weir_options *o,
                                struct ir_func *out)
{
    ir_init(out, arena, o->snaplen);
    out->small = o->tune == WEIR_TUNE_SIZE;
    return (struct lower){.arena = formula,
                          .front = front,
                          .sink = sink,
                          .in = c,
                          .o = o,
                          .f = out,
                          .one_arp = o->optimize && is_one_arp(c),
                          .pairs = o->tune == WEIR_TUNE_KERNEL && many_pairs(c)};
}

int lower_terms(struct arena *scratch, struct arena *arena, struct diag_sink *sink, const struct checked *c,
                const struct weir_options *o, const struct terms *only, struct ir_func *out)
{
    struct lower lw = lower_begin(scratch, scratch, arena, sink, c, o, out);

    return lower(&lw, only);
}

int lower_filter(struct arena *front, struct arena *arena, struct diag_sink *sink, const struct checked *c,
                 const struct weir_options *o, struct ir_func *out)
{
    struct arena own;
    struct lower lw = lower_begin(front->total < ARENA_LARGE ? front : &own, front, arena, sink, c, o, out);

    arena_init(&own, front->al, front->ceiling);
    int err = lower(&lw, NULL);
    front->over_ceiling |= own.over_ceiling;
    arena_release(&own);
    arena_release(front);
    return err;
}
