/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ast/print.c - the tree as canonical text.
 *
 * Every id gets its qualifiers written out, so parentheses are needed only where the tree asks for them:
 * around an `and` or `or` on the right side or under `not`, and in arithmetic by the rules of precedence. `%`
 * and `^` take one operand on the left and all that follows on the right, so an operation in front of one and
 * one of them inside anything else stand in parentheses.
 */
#include "ast/ast.h"
#include "ast/words.h"
#include <stdio.h>
#include <string.h>

/* Work left to do: a node, or a piece of text. */
struct job {
    uint32_t node; /* AST_NONE: text */
    const char *text;
};

struct printer {
    const struct ast *t;
    struct strbuf *out;
    VEC(struct job) todo; /* a stack */
};

static void push(struct printer *p, uint32_t node, const char *text)
{
    struct job j = {node, text};

    if (!vec_push(p->t->arena, &p->todo, j))
        p->out->failed = true;
}

/* Pushes a child, in parentheses or not. What is pushed last is printed first. */
static void push_child(struct printer *p, uint32_t node, bool parentheses)
{
    if (parentheses)
        push(p, AST_NONE, ")");
    push(p, node, NULL);
    if (parentheses)
        push(p, AST_NONE, "(");
}

static void print_name(const struct ast *t, uint32_t text, uint32_t len, struct strbuf *out)
{
    if (!ast_name_is_plain(t->text + text, len))
        strbuf_puts(out, "\\");
    strbuf_put(out, t->text + text, len);
}

/* RFC 5952, without its dotted forms. */
static void print_ipv6(const uint8_t *b, struct strbuf *out)
{
    int gap = -1, gap_len = 1;

    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && b[2 * (i + n)] == 0 && b[2 * (i + n) + 1] == 0)
            n++;
        if (n > gap_len)
            gap = i, gap_len = n;
    }
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            strbuf_puts(out, "::");
            i += gap_len - 1;
            continue;
        }
        strbuf_printf(out, "%s%x", i == 0 || i == gap + gap_len ? "" : ":",
                      (unsigned)(b[2 * i] << 8 | b[2 * i + 1]));
    }
}

static void print_id(const struct ast *t, const struct ast_id *id, struct strbuf *out)
{
    switch ((enum ast_id_kind)id->kind) {
    case ID_NUMBER:
        strbuf_printf(out, "%u", id->number);
        break;
    case ID_IPV4:
        strbuf_put(out, t->text + id->text, id->text_len);
        break;
    case ID_IPV4_LEN:
        strbuf_put(out, t->text + id->text, id->text_len);
        strbuf_printf(out, "/%u", id->number);
        break;
    case ID_IPV4_MASK:
        strbuf_put(out, t->text + id->text, id->text_len);
        strbuf_puts(out, " mask ");
        strbuf_put(out, t->text + id->text2, id->text2_len);
        break;
    case ID_IPV6:
        print_ipv6(id->bytes, out);
        break;
    case ID_IPV6_LEN:
        print_ipv6(id->bytes, out);
        strbuf_printf(out, "/%u", id->number);
        break;
    case ID_MAC48:
        for (int i = 0; i < 6; i++)
            strbuf_printf(out, "%s%02x", i ? ":" : "", id->bytes[i]);
        break;
    case ID_MAC8:
        strbuf_printf(out, "$%02x", id->bytes[0]);
        break;
    case ID_NAME:
        print_name(t, id->text, id->text_len, out);
        break;
    case ID_SET:
        strbuf_puts(out, "@");
        strbuf_put(out, t->text + id->text, id->text_len);
        break;
    }
}

static void print_quals(const struct ast_quals *q, struct strbuf *out)
{
    const char *word[] = {ast_proto_word(q->proto), ast_dir_word(q->dir), ast_type_word(q->type)};

    for (int i = 0; q->known && i < 3; i++)
        if (*word[i])
            strbuf_printf(out, "%s ", word[i]);
}

static void print_arg(const struct ast *t, const char *before, const struct ast_arg *a, struct strbuf *out)
{
    if (a->kind == ARG_NONE)
        return;
    strbuf_puts(out, before);
    if (a->kind == ARG_NUMBER)
        strbuf_printf(out, "%u", a->number);
    else
        print_name(t, a->text, a->text_len, out);
}

static void print_field(const struct ast_field *f, enum field_id id, struct strbuf *out)
{
    strbuf_puts(out, field_row(id)->word);
    if (f->relop != REL_EQ)
        strbuf_printf(out, " %s", ast_relop_word(f->relop));
    strbuf_puts(out, f->count > 1 ? " (" : " ");
    for (uint32_t i = 0; i < f->count; i++)
        strbuf_printf(out, "%s%u", i ? " or " : "", f->value[i].number);
    if (f->count > 1)
        strbuf_puts(out, ")");
}

/* `:N`, which has to wait behind the offset. */
static const char *size_text(struct printer *p, unsigned size)
{
    char text[8];
    int n = snprintf(text, sizeof text, ":%u", size);
    const char *copy = arena_copy(p->t->arena, text, (size_t)n);

    p->out->failed |= !copy;
    return copy;
}

/* Precedence of an arithmetic node, loosest first; operands and unary minus are tightest. */
static int level(const struct ast_node *n)
{
    if (n->kind != AST_ARITH)
        return 7;
    switch ((enum ast_op)n->op) {
    case OP_MOD:
    case OP_XOR:
        return 0;
    case OP_OR:
        return 1;
    case OP_AND:
        return 2;
    case OP_SHL:
    case OP_SHR:
        return 3;
    case OP_ADD:
    case OP_SUB:
        return 4;
    case OP_MUL:
    case OP_DIV:
        return 5;
    case OP_NEG:
        return 6;
    }
    return 7;
}

static void push_arith(struct printer *p, const struct ast_node *n)
{
    const struct ast_node *left = &p->t->node.at[n->left];
    int own = level(n);

    if (n->op == OP_NEG) {
        push_child(p, n->left, level(left) < own);
        strbuf_puts(p->out, "-");
        return;
    }
    const struct ast_node *right = &p->t->node.at[n->right];
    if (own == 0) {
        push(p, n->right, NULL);
        push(p, AST_NONE, n->op == OP_MOD ? " % " : " ^ ");
        push_child(p, n->left, level(left) < 7);
        return;
    }
    push_child(p, n->right, level(right) <= own);
    push(p, AST_NONE, " ");
    push(p, AST_NONE, ast_op_word(n->op));
    push(p, AST_NONE, " ");
    push_child(p, n->left, level(left) < own);
}

static bool is_join(const struct ast_node *n)
{
    return n->kind == AST_AND || n->kind == AST_OR;
}

/* Prints a node without children, or pushes the parts of one that has some. */
static void print_node(struct printer *p, uint32_t index)
{
    const struct ast *t = p->t;
    const struct ast_node *n = &t->node.at[index];
    struct strbuf *out = p->out;

    switch (n->kind) {
    case AST_AND:
    case AST_OR:
        push_child(p, n->right, is_join(&t->node.at[n->right]));
        push(p, AST_NONE, n->kind == AST_AND ? " and " : " or ");
        push(p, n->left, NULL);
        break;
    case AST_NOT:
        push_child(p, n->left, is_join(&t->node.at[n->left]));
        strbuf_puts(out, "not ");
        break;
    case AST_ID:
        print_quals(&n->u.id->q, out);
        print_id(t, &n->u.id->id, out);
        break;
    case AST_PROTO:
        strbuf_puts(out, ast_proto_word(n->op));
        break;
    case AST_RELATION:
        push(p, n->right, NULL);
        push(p, AST_NONE, " ");
        push(p, AST_NONE, ast_relop_word(n->op));
        push(p, AST_NONE, " ");
        push(p, n->left, NULL);
        break;
    case AST_BROADCAST:
    case AST_MULTICAST:
        strbuf_printf(out, "%s%s%s", ast_proto_word(n->op), n->op == PROTO_NONE ? "" : " ",
                      ast_kind_word(n->kind));
        break;
    case AST_BYTE:
        strbuf_printf(out, "byte %u %c %u", n->u.arg[0].number, n->size, n->u.arg[1].number);
        break;
    case AST_WLAN_TYPE:
        print_arg(t, "type ", &n->u.arg[0], out);
        print_arg(t, " subtype ", &n->u.arg[1], out);
        break;
    case AST_LLC:
        strbuf_puts(out, "llc");
        if (n->u.arg->kind == ARG_NAME && n->u.arg->text_len == 3 &&
            memcmp(t->text + n->u.arg->text, "rnr", 3) == 0)
            strbuf_puts(out, " rnr"); /* the one name that is a keyword */
        else
            print_arg(t, " ", n->u.arg, out);
        break;
    case AST_ATM_KEYWORD:
        strbuf_puts(out, ast_atm_word(n->op));
        break;
    case AST_SS7_KEYWORD:
        strbuf_puts(out, ast_ss7_word(n->op));
        break;
    case AST_ATM_FIELD:
    case AST_SS7_FIELD:
        print_field(n->u.field, n->op, out);
        break;
    case AST_NUMBER:
        strbuf_printf(out, "%u", n->u.number);
        break;
    case AST_LEN:
        strbuf_puts(out, "len");
        break;
    case AST_LOAD:
        strbuf_printf(out, "%s[", ast_proto_word(n->op));
        push(p, AST_NONE, "]");
        if (n->size != 1)
            push(p, AST_NONE, size_text(p, n->size));
        push(p, n->left, NULL);
        break;
    case AST_ARITH:
        push_arith(p, n);
        break;
    default: /* a keyword, with an argument or without */
        strbuf_puts(out, ast_kind_word(n->kind));
        if (ast_args(n->kind))
            print_arg(t, " ", n->u.arg, out);
        break;
    }
}

void ast_print(const struct ast *t, struct strbuf *out)
{
    struct printer p = {.t = t, .out = out};
    struct arena_mark mark = arena_mark(t->arena);

    if (ast_root(t) != AST_NONE)
        push(&p, ast_root(t), NULL);
    while (p.todo.n && !out->failed) {
        struct job j = p.todo.at[--p.todo.n];
        if (j.node == AST_NONE)
            strbuf_puts(out, j.text);
        else
            print_node(&p, j.node);
    }
    arena_rewind(t->arena, mark);
}
