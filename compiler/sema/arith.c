/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/arith.c - arithmetic: what can be indexed, and operands that can never be right.
 */
#include "sema/checker.h"

static bool load_size(struct checker *c, const struct ast_node *n)
{
    if (n->size == 1 || n->size == 2 || n->size == 4)
        return true;
    struct span at = n->op_at.begin < n->op_at.end ? n->op_at : n->at;
    diag(c->sink, DIAG_LOAD_SIZE, (struct diag_at){.at = at}, SPAN_TEXT(c, at));
    return false;
}

/* The word in front of the bracket. */
static struct span index_word(const struct checker *c, const struct ast_node *n)
{
    struct span s = n->at;

    for (uint32_t i = s.begin; i < s.end; i++)
        if (c->t->text[i] == '[' || c->t->text[i] == ' ') {
            s.end = i;
            break;
        }
    return s;
}

static bool load_proto(struct checker *c, const struct ast_node *n)
{
    struct span word = index_word(c, n);

    switch ((enum ast_proto)n->op) {
    case PROTO_LINK:
        return true;
    case PROTO_RADIO:
        if (c->cur->lt->capabilities & LINK_RADIO)
            return true;
        {
            char label[LABEL_BYTES];

            diag(c->sink, DIAG_NO_RADIO, (struct diag_at){.at = word}, linktype_label(c->cur->lt, label));
        }
        return false;
    case PROTO_IP:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_IP);
    case PROTO_ARP:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_ARP);
    case PROTO_RARP:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_RARP);
    case PROTO_IP6:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_IPV6);
    case PROTO_ATALK:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_ATALK);
    case PROTO_DECNET:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_DECNET);
    case PROTO_LAT:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_LAT);
    case PROTO_SCA:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_SCA);
    case PROTO_MOPRC:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_MOPRC);
    case PROTO_MOPDL:
        return has_network(c, word) && link_proto_fits(c, word, ETHERTYPE_MOPDL);
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_SCTP:
    case PROTO_ICMP:
    case PROTO_IGMP:
    case PROTO_IGRP:
    case PROTO_PIM:
    case PROTO_VRRP:
    case PROTO_CARP:
    case PROTO_ICMP6:
        return has_network(c, word);
    case PROTO_NONE:
    case PROTO_AH:
    case PROTO_ESP:
    case PROTO_AARP:
    case PROTO_ISO:
    case PROTO_CLNP:
    case PROTO_ESIS:
    case PROTO_ISIS:
    case PROTO_STP:
    case PROTO_IPX:
    case PROTO_NETBEUI:
    case PROTO_L1:
    case PROTO_L2:
    case PROTO_IIH:
    case PROTO_LSP:
    case PROTO_SNP:
    case PROTO_CSNP:
    case PROTO_PSNP:
    case PROTO_COUNT:
        break;
    }
    diag(c->sink, DIAG_NO_INDEX,
         (struct diag_at){.at = word, .hint = "index 'link', 'ip' or 'ip6' at the header's place instead"},
         SPAN_TEXT(c, word));
    return false;
}

/* What a constant operation gives. The caller has dealt with division by zero. */
static uint32_t fold(enum ast_op op, uint32_t a, uint32_t b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return b ? a / b : 0;
    case OP_MOD:
        return b ? a % b : 0;
    case OP_AND:
        return a & b;
    case OP_OR:
        return a | b;
    case OP_XOR:
        return a ^ b;
    case OP_SHL:
        return b < 32 ? a << b : 0;
    case OP_SHR:
        return b < 32 ? a >> b : 0;
    case OP_NEG:
        return 0 - a;
    }
    return 0;
}

/* A right operand that can never be right. By the language it is judged twice: by the first number it begins
 * with, even when that is only an index or the start of a sum, and, when optimizing, by what it folds to. */
static bool operand_fits(struct checker *c, const struct ast_node *n)
{
    const struct fact *l = &c->fact[n->left], *r = &c->fact[n->right];
    bool divides = n->op == OP_DIV || n->op == OP_MOD, shifts = n->op == OP_SHL || n->op == OP_SHR;
    bool folds = r->constant && c->o->optimize;
    bool literal = c->t->node.at[n->right].kind == AST_NUMBER;
    const char *hint = NULL;

    if (divides && ((r->led && r->lead == 0) || (folds && r->value == 0))) {
        if (!literal && r->led && r->lead == 0)
            hint =
                "the first number of a right operand must not be 0, even as an index: '1 - 1' will do there";
        diag(c->sink, n->op == OP_DIV ? DIAG_DIVIDE_BY_ZERO : DIAG_MODULUS_BY_ZERO,
             (struct diag_at){.at = c->t->node.at[n->right].at, .also = n->op_at, .hint = hint});
        return false;
    }
    if (shifts && ((r->led && r->lead > 31) || (folds && r->value > 31 && !l->constant))) {
        if (!literal && r->led && r->lead > 31)
            hint = "the first number of a shift count must not exceed 31, even as an index";
        diag(c->sink, DIAG_SHIFT_COUNT,
             (struct diag_at){.at = c->t->node.at[n->right].at, .also = n->op_at, .hint = hint});
        return false;
    }
    return true;
}

static void operation(struct checker *c, const struct ast_node *n, struct fact *f)
{
    const struct fact *l = &c->fact[n->left];

    if (n->op == OP_NEG) {
        *f = *l;
        f->value = 0 - l->value;
        return;
    }
    if (!operand_fits(c, n)) {
        c->bad_arith++;
        return;
    }

    const struct fact *r = &c->fact[n->right];
    bool zero_left = l->constant && l->value == 0, zero_right = r->constant && r->value == 0;

    f->led = l->led;
    f->lead = l->lead;
    if (l->constant && r->constant) {
        f->constant = true;
        f->value = fold((enum ast_op)n->op, l->value, r->value);
    } else if ((n->op == OP_MUL || n->op == OP_AND) && (zero_left || zero_right)) {
        f->constant = true;
    } else if ((n->op == OP_DIV || n->op == OP_MOD || n->op == OP_SHL || n->op == OP_SHR) && zero_left) {
        f->constant = true;
    }
}

void check_arith(struct checker *c, uint32_t i)
{
    const struct ast_node *n = &c->t->node.at[i];

    if (!c->fact && !(c->fact = arena_array(c->arena, struct fact, c->t->node.n))) {
        c->failed = true;
        return;
    }
    struct fact *f = &c->fact[i];
    switch (n->kind) {
    case AST_NUMBER:
        *f = (struct fact){.value = n->u.number, .lead = n->u.number, .constant = true, .led = true};
        break;
    case AST_LOAD:
        f->led = c->fact[n->left].led;
        f->lead = c->fact[n->left].lead;
        if (!load_size(c, n) || !load_proto(c, n))
            c->bad_arith++;
        break;
    case AST_ARITH:
        operation(c, n, f);
        break;
    default: /* AST_LEN: nothing is known */
        break;
    }
}
