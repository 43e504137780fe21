/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ast/dump.c - the tree, one node a line, parents first.
 */
#include "ast/ast.h"
#include "ast/words.h"

uint32_t ast_root(const struct ast *t)
{
    return t->node.n ? t->node.n - 1 : AST_NONE;
}

static const char *const kind_name[] = {
#define AST(kind, args, fields) [AST_##kind] = #kind,
#include "ast/ast.def"
#undef AST
};

/* Bytes of the filter between quotes; those a terminal would act on as \xNN. */
static void dump_text(const struct ast *t, uint32_t at, uint32_t len, struct strbuf *out)
{
    strbuf_puts(out, " '");
    for (uint32_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)t->text[at + i];
        strbuf_printf(out, c < ' ' || c >= 0x7f ? "\\x%02x" : "%c", c);
    }
    strbuf_puts(out, "'");
}

static void dump_bytes(const uint8_t *b, int n, struct strbuf *out)
{
    strbuf_puts(out, " ");
    for (int i = 0; i < n; i++)
        strbuf_printf(out, "%02x", b[i]);
}

static void dump_id(const struct ast *t, const struct ast_id_node *n, struct strbuf *out)
{
    const struct ast_id *id = &n->id;

    if (n->q.known) {
        const char *word[] = {ast_proto_word(n->q.proto), ast_dir_word(n->q.dir), ast_type_word(n->q.type)};
        for (int i = 0; i < 3; i++)
            strbuf_printf(out, "%s%s", i ? "," : " ", *word[i] ? word[i] : "-");
    } else {
        strbuf_puts(out, " unqualified");
    }
    if (n->inherited)
        strbuf_puts(out, " inherited");
    switch ((enum ast_id_kind)id->kind) {
    case ID_NUMBER:
        strbuf_printf(out, " number %u", id->number);
        break;
    case ID_IPV4:
        strbuf_puts(out, " ipv4");
        dump_text(t, id->text, id->text_len, out);
        break;
    case ID_IPV4_LEN:
        strbuf_puts(out, " ipv4");
        dump_text(t, id->text, id->text_len, out);
        strbuf_printf(out, " / %u", id->number);
        break;
    case ID_IPV4_MASK:
        strbuf_puts(out, " ipv4");
        dump_text(t, id->text, id->text_len, out);
        strbuf_puts(out, " mask");
        dump_text(t, id->text2, id->text2_len, out);
        break;
    case ID_IPV6:
    case ID_IPV6_LEN:
        strbuf_puts(out, " ipv6");
        dump_bytes(id->bytes, 16, out);
        if (id->kind == ID_IPV6_LEN)
            strbuf_printf(out, " / %u", id->number);
        break;
    case ID_MAC48:
        strbuf_puts(out, " mac48");
        dump_bytes(id->bytes, 6, out);
        break;
    case ID_MAC8:
        strbuf_puts(out, " mac8");
        dump_bytes(id->bytes, 1, out);
        break;
    case ID_NAME:
        strbuf_puts(out, " name");
        dump_text(t, id->text, id->text_len, out);
        break;
    case ID_SET:
        strbuf_puts(out, " set");
        dump_text(t, id->text, id->text_len, out);
        break;
    }
}

static void dump_arg(const struct ast *t, const struct ast_arg *a, struct strbuf *out)
{
    if (a->kind == ARG_NUMBER)
        strbuf_printf(out, " %u", a->number);
    else if (a->kind == ARG_NAME)
        dump_text(t, a->text, a->text_len, out);
    else
        strbuf_puts(out, " -");
}

static void dump_node(const struct ast *t, const struct ast_node *n, struct strbuf *out)
{
    strbuf_puts(out, kind_name[n->kind]);
    switch (n->kind) {
    case AST_ID:
        dump_id(t, n->u.id, out);
        break;
    case AST_PROTO:
        strbuf_printf(out, " %s", ast_proto_word(n->op));
        break;
    case AST_BROADCAST:
    case AST_MULTICAST:
        strbuf_printf(out, " %s", n->op == PROTO_NONE ? "-" : ast_proto_word(n->op));
        break;
    case AST_RELATION:
        strbuf_printf(out, " %s", ast_relop_word(n->op));
        break;
    case AST_BYTE:
        strbuf_printf(out, " %u %c %u", n->u.arg[0].number, n->size, n->u.arg[1].number);
        break;
    case AST_ATM_KEYWORD:
        strbuf_printf(out, " %s", ast_atm_word(n->op));
        break;
    case AST_SS7_KEYWORD:
        strbuf_printf(out, " %s", ast_ss7_word(n->op));
        break;
    case AST_ATM_FIELD:
    case AST_SS7_FIELD:
        strbuf_printf(out, " %s %s", field_row(n->op)->word, ast_relop_word(n->u.field->relop));
        for (uint32_t i = 0; i < n->u.field->count; i++)
            strbuf_printf(out, " %u", n->u.field->value[i].number);
        break;
    case AST_NUMBER:
        strbuf_printf(out, " %u", n->u.number);
        break;
    case AST_LOAD:
        strbuf_printf(out, " %s :%u", ast_proto_word(n->op), n->size);
        break;
    case AST_ARITH:
        strbuf_printf(out, " %s", n->op == OP_NEG ? "neg" : ast_op_word(n->op));
        break;
    default:
        for (unsigned i = 0; i < ast_args(n->kind); i++)
            dump_arg(t, &n->u.arg[i], out);
        break;
    }
    strbuf_printf(out, " [%u,%u)\n", n->at.begin, n->at.end);
}

void ast_dump(const struct ast *t, struct strbuf *out)
{
    struct level {
        uint32_t node, depth;
    };
    VEC(struct level) todo = {0};
    struct arena_mark mark = arena_mark(t->arena);
    struct level l = {ast_root(t), 0};

    if (l.node != AST_NONE && !vec_push(t->arena, &todo, l))
        out->failed = true;
    while (todo.n && !out->failed) {
        l = todo.at[--todo.n];
        const struct ast_node *n = &t->node.at[l.node];
        /* Deep trees are cut short on the left, or a dump would be quadratic. */
        strbuf_printf(out, "%*s", l.depth > 40 ? 80 : (int)l.depth * 2, "");
        if (l.depth > 40)
            strbuf_printf(out, "(%u) ", l.depth);
        dump_node(t, n, out);
        uint32_t child[] = {n->right, n->left};
        for (int i = 0; i < 2; i++) {
            struct level c = {child[i], l.depth + 1};
            if (child[i] != AST_NONE && !vec_push(t->arena, &todo, c))
                out->failed = true;
        }
    }
    arena_rewind(t->arena, mark);
}
