/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/lint.c - lints: valid filters that seldom mean what they seem to.
 */
#include "sema/checker.h"

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

/* What a subtree says about moved headers. */
struct moves {
    uint32_t mover; /* a node that moves the cursor, or AST_NONE */
    bool looks;     /* something in it reads headers that can be moved */
};

static bool reads_headers(const struct ast_node *n)
{
    return n->kind != AST_LESS && n->kind != AST_GREATER && n->kind != AST_INBOUND &&
           n->kind != AST_OUTBOUND && n->kind != AST_IFINDEX;
}

/* `vlan or ip`, `not vlan and ip`: what stands right is looked for behind headers that need not be there. */
static void lint_moves(struct checker *c, struct moves *m, uint32_t i)
{
    const struct ast_node *n = &c->t->node.at[i];

    m[i] = (struct moves){AST_NONE, false};
    switch (n->kind) {
    case AST_NOT:
        m[i] = m[n->left];
        return;
    case AST_AND:
    case AST_OR:
        break;
    case AST_RELATION:
        for (uint32_t k = n->first; k < i; k++)
            m[i].looks = m[i].looks || c->t->node.at[k].kind == AST_LOAD;
        return;
    default:
        m[i].mover = moves_cursor(n) ? i : AST_NONE;
        m[i].looks = reads_headers(n);
        return;
    }

    const struct moves *l = &m[n->left], *r = &m[n->right];
    bool may_be_missing = n->kind == AST_OR || c->t->node.at[n->left].kind == AST_NOT;

    m[i] = (struct moves){l->mover != AST_NONE ? l->mover : r->mover, l->looks || r->looks};
    if (l->mover == AST_NONE || !r->looks || !may_be_missing)
        return;
    struct span word = keyword_of(c, &c->t->node.at[l->mover]);
    char hint[HINT_BYTES];

    hint_text(hint, sizeof hint, "for packets without it, write this in front of '%.*s'", SPAN_TEXT(c, word));
    diag(c->sink, DIAG_HEADERS_MOVED,
         (struct diag_at){.at = c->t->node.at[n->right].at, .also = word, .hint = hint}, SPAN_TEXT(c, word));
    m[i].mover = r->mover; /* said once */
}

/* `tcp[...]` where `tcp` alone is both versions of IP. */
static bool lint_index(struct checker *c, const struct ast_node *n)
{
    if (n->op != PROTO_TCP && n->op != PROTO_UDP && n->op != PROTO_SCTP && n->op != PROTO_PIM)
        return false;
    const char *word = ast_proto_word((enum ast_proto)n->op);
    char hint[HINT_BYTES];

    hint_text(hint, sizeof hint, "for IPv6 add 'or ip6 proto \\%s and ip6[40 + ...]'", word);
    diag(c->sink, DIAG_INDEX_IPV4_ONLY, (struct diag_at){.at = n->at, .hint = hint}, word);
    return true;
}

void lint_filter(struct checker *c)
{
    const struct ast *t = c->t;
    struct moves *m = arena_array(c->arena, struct moves, t->node.n ? t->node.n : 1);
    bool indexed = false;

    if (!m) {
        c->failed = true;
        return;
    }
    for (uint32_t i = 0; i < t->node.n; i++) {
        const struct ast_node *n = &t->node.at[i];

        if (n->kind < AST_NUMBER)
            lint_moves(c, m, i);
        if (n->kind == AST_LOAD && !indexed)
            indexed = lint_index(c, n);
        if (n->kind == AST_ID && c->out->prim_of[i] != AST_NONE)
            lint_host(c, n, &c->out->prim.at[c->out->prim_of[i]]);
    }
}
