/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/cursor.c - the cursor: where it starts and which leaves move it.
 *
 * The move happens whatever the leaf's test says and whatever stands around it: `not vlan and ip` looks for
 * IP behind a tag.
 */
#include "sema/cursor.h"
#include "sema/checker.h"

#define TUNNELS_MAX 32
#define DLT_EN10MB  1
#define DLT_PPP     9

/* A variable's number; 0 and failed without memory. */
static uint32_t new_var(struct checker *c, enum cursor_var_kind kind, const struct linktype *lt,
                        uint32_t base)
{
    struct cursor_var v = {kind, lt, base};

    if (!vec_push(c->arena, &c->out->var, v)) {
        c->failed = true;
        return CURSOR_VAR_NONE;
    }
    return c->out->var.n - 1;
}

bool cursor_start(struct checker *c)
{
    const struct linktype *lt = linktype_by_number(c->o->linktype);
    struct cursor *cur = arena_new(c->arena, struct cursor);

    if (!cur || !lt)
        return false;
    new_var(c, VAR_RADIO_END, NULL, CURSOR_VAR_NONE); /* element 0 */
    *cur =
        (struct cursor){.lt = lt, .link = {0, lt->link}, .type = {0, lt->type}, .payload = {0, lt->payload}};
    cur->nl = lt->nl;
    cur->ns = lt->ns;
    switch (lt->prefix) {
    case PREFIX_NONE:
        break;
    case PREFIX_RADIOTAP:
    case PREFIX_PPI:
    case PREFIX_AVS:
    case PREFIX_PRISM:
        cur->link.var = new_var(c, VAR_RADIO_END, lt, CURSOR_VAR_NONE);
        cur->type.var = cur->link.var;
        break;
    case PREFIX_PFLOG:
        cur->payload = (struct anchor){new_var(c, VAR_PFLOG_END, lt, CURSOR_VAR_NONE), 0};
        break;
    }
    if (lt->method == METHOD_WLAN)
        cur->payload = (struct anchor){new_var(c, VAR_WLAN_PAYLOAD, lt, cur->link.var), 0};
    cur->outer_lt = lt;
    cur->outer_link = cur->link;
    c->cur = cur;
    return !c->failed;
}

bool moves_cursor(const struct ast_node *n)
{
    return n->kind == AST_VLAN || n->kind == AST_MPLS || n->kind == AST_PPPOES || n->kind == AST_GENEVE ||
           n->kind == AST_VXLAN || (n->kind == AST_ATM_KEYWORD && n->op == ATM_LANE);
}

/* What comes behind is found inside what the cursor pointed at. */
static void push(struct cursor *to, const struct cursor *from, uint32_t dlt)
{
    to->outer_lt = from->lt;
    to->outer_link = from->link;
    to->lt = linktype_by_number(dlt);
    to->encap = false;
}

static void move_vlan(struct checker *c, struct cursor *to, struct prim *p)
{
    const struct cursor *from = c->cur;
    bool outermost = from->link.var == CURSOR_VAR_NONE && from->outer_lt == from->lt;

    /* A live capture may have moved the first tag of an Ethernet frame into metadata. */
    if (p && c->o->live && from->lt->number == DLT_EN10MB && from->vlans == 0 && outermost) {
        p->var = new_var(c, VAR_VLAN_SHIFT, from->lt, CURSOR_VAR_NONE);
        to->type.var = to->payload.var = p->var;
    } else {
        to->type.offset += 4;
        to->payload.offset += 4;
    }
    to->vlans++;
}

static void move_tunnel(struct checker *c, struct cursor *to, const struct ast_node *n, struct prim *p)
{
    uint32_t v = CURSOR_VAR_NONE;

    if (++c->tunnels == TUNNELS_MAX + 1) {
        char what[24];

        diag(c->sink, DIAG_TOO_BIG, (struct diag_at){.at = n->at},
             hint_text(what, sizeof what, "%u tunnels", TUNNELS_MAX));
    }
    if (p && c->tunnels <= TUNNELS_MAX) {
        v = new_var(c, VAR_TUNNEL_LINK, c->cur->lt, CURSOR_VAR_NONE);
        new_var(c, VAR_TUNNEL_TYPE, c->cur->lt, v);
        new_var(c, VAR_TUNNEL_PAYLOAD, c->cur->lt, v);
        p->var = v;
    }
    push(to, c->cur, DLT_EN10MB);
    to->link = (struct anchor){v, 0};
    to->type = (struct anchor){v + 1, 0};
    to->payload = (struct anchor){v + 2, 0};
    to->nl = 0;
    /* The counters belong to the frame outside: behind `mpls and vxlan`, an inner `ip` has no label in front.
     */
    to->mpls = 0;
    to->vlans = 0;
    to->encap = true;
}

void cursor_move(struct checker *c, const struct ast_node *n, struct prim *p)
{
    if (!moves_cursor(n))
        return;

    struct cursor *to = arena_new(c->arena, struct cursor);
    if (!to) {
        c->failed = true;
        return;
    }
    *to = *c->cur;
    switch (n->kind) {
    case AST_VLAN:
        move_vlan(c, to, p);
        break;
    case AST_MPLS:
        to->nl += 4;
        to->ns += 4;
        to->mpls++;
        break;
    case AST_PPPOES:
        push(to, c->cur, DLT_PPP);
        to->link = to->type = anchor_add(cursor_net(c->cur), 6);
        to->payload = anchor_add(to->link, 2);
        to->nl = to->ns = 0;
        break;
    case AST_ATM_KEYWORD:
        push(to, c->cur, DLT_EN10MB);
        to->link = anchor_add(c->cur->link, 6);
        to->type = anchor_add(to->link, 12);
        to->payload = anchor_add(to->link, 14);
        to->nl = 0;
        to->ns = 3;
        break;
    default:
        move_tunnel(c, to, n, p);
        break;
    }
    c->cur = to;
}
