/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/lint.c - lints: valid filters that seldom mean what they seem to.
 *
 * One pass over the tree, children first. Each node gets notes: what must hold for it to be true, which
 * headers it moves, which bits its value can have. A lint compares the notes of neighbours and points at one
 * of them. It never changes the program.
 */
#include "sema/lint.h"
#include <string.h>

bool lint_between(const struct linter *l, uint32_t from, uint32_t to, char what)
{
    return from < to && memchr(l->c->t->text + from, what, to - from);
}

struct span lint_trimmed(const struct linter *l, uint32_t begin, uint32_t end)
{
    const char *text = l->c->t->text;

    while (begin < end && strchr(" \t\r\n", text[begin]))
        begin++;
    while (begin < end && strchr(" \t\r\n", text[end - 1]))
        end--;
    return (struct span){begin, end};
}

struct span lint_written(const struct linter *l, uint32_t i)
{
    const struct ast_node *n = lint_node(l, i);
    struct span s = n->at;

    if (n->kind == AST_ID && !n->u.id->inherited && !lint_between(l, n->u.id->q.at.end, s.begin, '('))
        s.begin = n->u.id->q.at.begin;
    return s;
}

void lint_filter(struct checker *c)
{
    uint32_t nodes = c->t->node.n;
    struct linter l = {.c = c, .of = arena_array(c->arena, struct notes, nodes ? nodes : 1)};

    if (!l.of) {
        c->failed = true;
        return;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        const struct ast_node *n = lint_node(&l, i);

        l.of[i].mover = AST_NONE;
        for (unsigned k = 0; k < NEED_COUNT; k++)
            l.of[i].who[k] = AST_NONE;
        if (n->kind >= AST_NUMBER)
            lint_arith(&l, i);
        else if (n->kind == AST_AND || n->kind == AST_OR)
            lint_join(&l, i);
        else if (n->kind == AST_NOT)
            lint_not(&l, i);
        else
            lint_leaf(&l, i);
    }
    for (uint32_t i = 0; i < nodes && !l.clashed; i++) /* a clash says it better */
        if (lint_node(&l, i)->kind == AST_LOAD)
            lint_index(&l, lint_node(&l, i));
}
