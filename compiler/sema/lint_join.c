/* SPDX-License-Identifier: BSD-2-Clause */
/* sema/lint_join.c - lints of and, or and not: what stands beside each other and does not fit. */
#include "sema/lint.h"

/* `not tcp[13] & 2 != 0` is true for UDP too. */
void lint_not(struct linter *l, uint32_t i)
{
    const struct ast_node *n = lint_node(l, i), *r = lint_node(l, n->left);
    char hint[HINT_BYTES];

    l->of[i].mover = l->of[n->left].mover;
    l->of[i].looks = l->of[n->left].looks;
    if (r->kind != AST_RELATION)
        return;
    uint64_t checked = l->of[n->left].checks & ~UNCHECKED;
    if (!checked || checked & l->named)
        return;
    uint32_t k = r->first;
    while (lint_node(l, k)->kind != AST_LOAD || !(checked & PROTO_BIT(lint_node(l, k)->op)))
        k++;
    const char *word = ast_proto_word((enum ast_proto)lint_node(l, k)->op);
    struct span left = {r->at.begin, r->op_at.begin}, right = {r->op_at.end, r->at.end};
    left = lint_trimmed(l, left.begin, left.end);
    right = lint_trimmed(l, right.begin, right.end);
    hint_text(hint, sizeof hint, "for %s only, write '%.*s %s %.*s'", word, SPAN_TEXT(l->c, left),
              ast_relop_word((enum ast_relop)(r->op ^ 1)), SPAN_TEXT(l->c, right));
    diag(l->c->sink, DIAG_NOT_OF_BYTES, (struct diag_at){.at = n->op_at, .also = r->at, .hint = hint}, word);
}

_Static_assert((REL_EQ ^ 1) == REL_NE && (REL_GT ^ 1) == REL_LE && (REL_LT ^ 1) == REL_GE,
               "inverse comparisons");

/* `vlan 10 or vlan 20`: the second is the second tag. */
static bool vlan_or_vlan(const struct linter *l, const struct ast_node *n, char *hint)
{
    const struct ast_node *a = lint_node(l, n->left), *b = lint_node(l, n->right);
    const struct prim *p = lint_prim(l, n->left), *q = lint_prim(l, n->right);

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
    const struct ast_node *n = lint_node(l, i);
    const struct notes *a = &l->of[n->left], *b = &l->of[n->right];
    struct notes *m = &l->of[i];
    char hint[HINT_BYTES];

    m->mover = a->mover != AST_NONE ? a->mover : b->mover;
    m->certain = n->kind == AST_AND && (a->mover != AST_NONE ? a->certain : b->certain);
    m->looks = a->looks || b->looks;
    if (a->mover == AST_NONE || !b->looks || (n->kind == AST_AND && a->certain))
        return;
    struct span word = keyword_of(l->c, lint_node(l, a->mover));
    enum ast_kind kind = (enum ast_kind)lint_node(l, a->mover)->kind;

    if (!vlan_or_vlan(l, n, hint))
        hint_text(hint, sizeof hint,
                  kind == AST_GENEVE || kind == AST_VXLAN
                      ? "packets without it are rejected when this reads them: write this in front of '%.*s'"
                      : "for packets without it, write this in front of '%.*s'",
                  SPAN_TEXT(l->c, word));
    diag(l->c->sink, DIAG_HEADERS_MOVED,
         (struct diag_at){.at = lint_written(l, n->right), .also = word, .hint = hint},
         SPAN_TEXT(l->c, word));
    m->mover = b->mover; /* said once */
    m->certain = n->kind == AST_AND && b->certain;
}

/* `not host a and b` */
static void lint_not_first_only(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *a = lint_node(l, n->left), *b = lint_node(l, n->right);
    char hint[HINT_BYTES];

    if (a->kind != AST_NOT || b->kind != AST_ID || !b->u.id->inherited ||
        lint_node(l, a->left)->kind != AST_ID)
        return;
    struct span first = lint_written(l, a->left);
    hint_text(hint, sizeof hint, "to exclude both write 'not (%.*s or %.*s)'", SPAN_TEXT(l->c, first),
              SPAN_TEXT(l->c, b->at));
    diag(l->c->sink, DIAG_NOT_FIRST_ONLY, (struct diag_at){.at = b->at, .also = a->op_at, .hint = hint},
         SPAN_TEXT(l->c, first), SPAN_TEXT(l->c, b->at));
}

/* `a or b and c` is `(a or b) and c`. In `port 80 or 443 and tcp` nobody expects anything else. */
static void lint_or_then_and(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *a = lint_node(l, n->left);
    char hint[HINT_BYTES];

    if (n->kind != AST_AND || a->kind != AST_OR || lint_between(l, a->at.end, n->op_at.begin, ')'))
        return;
    const struct ast_node *middle = lint_node(l, a->right), *last = lint_node(l, n->right);
    if (middle->kind == AST_ID && middle->u.id->inherited && !(last->kind == AST_ID && last->u.id->inherited))
        return;
    struct span x = lint_trimmed(l, n->at.begin, a->op_at.begin),
                y = lint_trimmed(l, a->op_at.end, n->op_at.begin),
                z = lint_trimmed(l, n->op_at.end, n->at.end);
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
    const struct ast_node *a = lint_node(l, n->left), *b = lint_node(l, n->right);
    char hint[HINT_BYTES];

    if (a->kind == AST_AND)
        a = lint_node(l, a->right);
    if (n->kind != AST_AND || a->kind != AST_ID || b->kind != AST_ID)
        return;
    uint32_t first = (uint32_t)(a - l->c->t->node.at);
    const struct prim *p = lint_prim(l, first), *q = lint_prim(l, n->right);
    if (!p || !q || p->kind != PRIM_PORT || q->kind != PRIM_PORT || p->dir != q->dir ||
        p->dir == DIR_SRC_AND_DST || (p->lo <= q->hi && q->lo <= p->hi))
        return;
    struct span one = lint_written(l, first), other = lint_written(l, n->right);
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
    return lint_prim(l, *who_x)->cursor == lint_prim(l, *who_y)->cursor;
}

static void lint_clash(struct linter *l, const struct ast_node *n)
{
    uint32_t x, y;
    char hint[HINT_BYTES];

    if (clash(l, n, NEED_IP, NEED_IP6, &x, &y)) {
        const struct ast_node *four = lint_node(l, x);
        bool bytes = four->kind == AST_RELATION && l->of[x].checks & OVER_IPV4;

        hint_text(hint, sizeof hint,
                  bytes ? "behind an IPv6 header it is 'ip6[40 + ...]'"
                  : four->kind == AST_PROTO && four->op == PROTO_ICMP
                      ? "of IPv6 it is 'icmp6'"
                      : "for packets of either join them with 'or'");
        struct span at = lint_written(l, x), also = lint_written(l, y);
        diag(l->c->sink, DIAG_FAMILY_CLASH, (struct diag_at){.at = at, .also = also, .hint = hint},
             SPAN_TEXT(l->c, at), SPAN_TEXT(l->c, also));
        l->clashed = true;
    }
    if (clash(l, n, NEED_FIRST_FRAGMENT, NEED_LATER_FRAGMENT, &x, &y)) {
        struct span at = lint_written(l, x);
        diag(l->c->sink, DIAG_FRAGMENT_CLASH,
             (struct diag_at){
                 .at = at,
                 .also = lint_node(l, y)->at,
                 .hint = "later fragments have no ports: test addresses, 'ip proto' and 'ip[4:2]' instead"},
             SPAN_TEXT(l->c, at));
    }
    if (!l->shallow && clash(l, n, NEED_TRANSPORT, NEED_IP6, &x, &y)) {
        const struct prim *p = lint_prim(l, x);
        struct span at = lint_written(l, x), also = lint_written(l, y);
        uint32_t number = p->kind == PRIM_PORT ? p->u.numbers[0] : p->number;

        hint_text(hint, sizeof hint, "'ip6 protochain %u' steps over extension headers", number);
        diag(l->c->sink, DIAG_IP6_SHALLOW, (struct diag_at){.at = at, .also = also, .hint = hint},
             SPAN_TEXT(l->c, at));
        l->shallow = true;
    }
}

void lint_join(struct linter *l, uint32_t i)
{
    const struct ast_node *n = lint_node(l, i);
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
