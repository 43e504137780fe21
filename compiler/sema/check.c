/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/check.c - the walk: every leaf in text order, the cursor threaded through.
 */
#include "sema/sema.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "sema/checker.h"

#define SHOWN_BYTES 80 /* of the text in a message */

int span_shown(struct span s)
{
    uint32_t len = s.end - s.begin;

    return len < SHOWN_BYTES ? (int)len : SHOWN_BYTES;
}

void hint_last(struct checker *c, enum diag_id id, struct span at, const char *hint)
{
    struct diag *last = c->sink->list.n ? &c->sink->list.at[c->sink->list.n - 1] : NULL;

    if (!last || last->number != diag_number(id) || last->at.begin != at.begin)
        return;
    last->hint = arena_copy(c->sink->arena, hint, strlen(hint));
    c->failed |= !last->hint;
}

const char *hint_text(char *buf, size_t size, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(buf, size, format, ap);
    va_end(ap);
    return buf;
}

char *text_copy(struct checker *c, uint32_t offset, uint32_t len)
{
    char *copy = arena_copy(c->arena, c->t->text + offset, len);

    if (!copy)
        c->failed = true;
    return copy;
}

struct span keyword_of(const struct checker *c, const struct ast_node *n)
{
    struct span s = n->op_at;

    if (s.begin < s.end)
        return s;
    s = n->at;
    for (uint32_t i = s.begin; i < s.end; i++)
        if (strchr(" \t\r\n([", c->t->text[i])) {
            s.end = i;
            break;
        }
    return s;
}

static bool check_relation(struct checker *c, const struct ast_node *n, struct prim *p)
{
    if (c->bad_arith)
        return false;
    p->kind = PRIM_RELATION;
    p->relop = n->op;
    p->u.rel.left = n->left;
    p->u.rel.right = n->right;
    return true;
}

static bool check_leaf(struct checker *c, const struct ast_node *n, struct prim *p)
{
    switch (n->kind) {
    case AST_ID:
        return check_id(c, n, p);
    case AST_PROTO:
        return check_proto_word(c, n, p);
    case AST_RELATION:
        return check_relation(c, n, p);
    default:
        return check_keyword(c, n, p);
    }
}

static void walk(struct checker *c)
{
    const struct ast *t = c->t;

    for (uint32_t i = 0; i < t->node.n && !c->failed; i++) {
        const struct ast_node *n = &t->node.at[i];
        struct prim p = {.at = n->at, .cursor = c->cur};

        c->out->prim_of[i] = AST_NONE;
        if (n->kind == AST_AND || n->kind == AST_OR || n->kind == AST_NOT)
            continue;
        if (n->kind >= AST_NUMBER) {
            check_arith(c, i);
            continue;
        }
        bool good = check_leaf(c, n, &p);
        c->bad_arith = 0;
        cursor_move(c, n, good ? &p : NULL);
        if (!good)
            continue;
        c->out->prim_of[i] = c->out->prim.n;
        if (!vec_push(c->arena, &c->out->prim, p))
            c->failed = true;
    }
}

int sema_check(struct arena *arena, struct diag_sink *sink, const struct ast *t, const struct weir_options *o,
               struct checked *out)
{
    struct checker c = {.arena = arena, .sink = sink, .t = t, .o = o, .out = out};
    uint32_t errors = sink->errors;

    memset(out, 0, sizeof *out);
    out->ast = t;
    out->prim_of = arena_array(arena, uint32_t, t->node.n ? t->node.n : 1);
    if (!out->prim_of || !cursor_start(&c))
        return WEIR_E_MEMORY;
    out->start = c.cur;
    walk(&c);
    out->end = c.cur;
    if (!c.failed && sink->errors == errors && o->lint)
        lint_filter(&c);
    if (c.failed || sink->failed)
        return WEIR_E_MEMORY;
    return sink->errors == errors ? WEIR_OK : WEIR_E_FILTER;
}
