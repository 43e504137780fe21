/* SPDX-License-Identifier: BSD-2-Clause */
/* sema/lint_bytes.c - lints of arithmetic and relations: values that cannot be, bytes that nothing checked.
 */
#include "sema/lint.h"

static bool constant(const struct linter *l, uint32_t i, uint32_t *value)
{
    const struct fact *f = &l->c->fact[i];

    *value = f->value;
    return f->constant;
}

/* `len % 4 + 1`. */
static void lint_reads_on(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *r = lint_node(l, n->right);
    struct span left = {n->at.begin, n->op_at.begin};
    char hint[HINT_BYTES];

    if ((n->op != OP_MOD && n->op != OP_XOR) || r->kind != AST_ARITH || r->op == OP_NEG ||
        lint_between(l, n->op_at.end, r->at.begin, '('))
        return;
    left = lint_trimmed(l, left.begin, left.end);
    hint_text(hint, sizeof hint, "it is read as '%.*s %.*s (%.*s)'", SPAN_TEXT(l->c, left),
              SPAN_TEXT(l->c, n->op_at), SPAN_TEXT(l->c, r->at));
    diag(l->c->sink, DIAG_READS_ON, (struct diag_at){.at = n->op_at, .also = r->at, .hint = hint},
         SPAN_TEXT(l->c, n->op_at));
}

/* `tcp[...]` where `tcp` alone is both versions of IP. */
void lint_index(struct linter *l, const struct ast_node *n)
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

void lint_arith(struct linter *l, uint32_t i)
{
    const struct ast_node *n = lint_node(l, i);
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

/* `tcp[13] & 2 = 1`, `ip[0] > 255`. */
static void lint_value(struct linter *l, const struct ast_node *n)
{
    const struct ast_node *left = lint_node(l, n->left), *right = lint_node(l, n->right);
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
    const struct ast_node *n = lint_node(l, i);
    const struct notes *m = &l->of[i];
    uint64_t known = m->checks | l->named | UNCHECKED;

    if (known & OVER_IPV4)
        known |= PROTO_BIT(PROTO_IP);
    if (known & PROTO_BIT(PROTO_ICMP6))
        known |= PROTO_BIT(PROTO_IP6);
    if (!(m->loads & ~known))
        return;
    for (uint32_t k = n->first; k < i; k++) {
        const struct ast_node *load = lint_node(l, k);
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
    const struct ast_node *n = lint_node(l, i);
    const struct prim *p = lint_prim(l, i);
    uint32_t at, value;

    if (!p || p->cursor->lt->method != METHOD_ETHER || p->cursor->lt->address != ADDRESS_MAC48)
        return;
    for (uint32_t k = n->first; k < i; k++) {
        const struct ast_node *load = lint_node(l, k);

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
    const struct ast_node *mask = lint_node(l, n->left);
    uint32_t k, bits, offset;

    if (mask->kind != AST_ARITH || mask->op != OP_AND || !constant(l, n->right, &k) || k != 0 ||
        (n->op != REL_NE && n->op != REL_GT) || !constant(l, mask->right, &bits))
        return false;
    const struct ast_node *load = lint_node(l, mask->left);
    return load->kind == AST_LOAD && load->op == PROTO_IP && load->size == 2 &&
           constant(l, load->left, &offset) && offset == 6 && !(bits & ~0x1fffu);
}

void lint_relation(struct linter *l, uint32_t i)
{
    const struct ast_node *n = lint_node(l, i);
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
