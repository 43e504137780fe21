/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/never.c - why a filter can never match.
 *
 * The culprit is the conjunct with which those up to it reject everything, while those before it do not:
 * found by halving. Then each earlier one is tried alone with it. Each trial lowers a few terms and asks the
 * optimizer whether they accept anything, so filters of many terms are not explained but only reported.
 */
#include <stdio.h>
#include "driver/front.h"
#include "lower/lower.h"

#define TERMS_MAX 32
#define TEXT_MAX  48 /* bytes of a term in a message */

struct never {
    const struct weir_options *o;
    const struct checked *checked;
    struct arena *arena;
    bool failed; /* memory ran out in a trial */
    uint32_t term[TERMS_MAX];
    uint32_t terms;
};

/* The operands of the ANDs at the top, left to right. False when there are too many. */
static bool find_terms(struct never *v)
{
    const struct ast_node *node = v->checked->ast->node.at;
    uint32_t i = v->checked->ast->node.n - 1;

    for (; node[i].kind == AST_AND && v->terms < TERMS_MAX; i = node[i].left)
        v->term[v->terms++] = node[i].right;
    if (v->terms == TERMS_MAX)
        return false;
    v->term[v->terms++] = i;
    for (uint32_t k = 0; k < v->terms / 2; k++) {
        uint32_t swap = v->term[k];
        v->term[k] = v->term[v->terms - 1 - k];
        v->term[v->terms - 1 - k] = swap;
    }
    return true;
}

/* Can these terms together never hold? */
static bool contradict(struct never *v, const uint32_t *node, uint32_t n)
{
    const struct terms only = {node, n};
    struct arena_mark mark = arena_mark(v->arena);
    struct diag_sink silent = {.arena = v->arena};
    struct ir_func f;
    bool accepts = true;

    int err = lower_terms(v->arena, v->arena, &silent, v->checked, v->o, &only, &f);
    if (err == WEIR_OK)
        err = opt_accepts(&f, &accepts);
    v->failed |= err < 0;
    arena_rewind(v->arena, mark);
    return err == WEIR_OK && !accepts;
}

static struct span term_span(const struct never *v, uint32_t i)
{
    const struct ast_node *n = &v->checked->ast->node.at[v->term[i]];

    return n->kind == AST_ID && !n->u.id->inherited ? span_join(n->u.id->q.at, n->at) : n->at;
}

/* "'words'" of a span, cut short. */
static void quote(char *to, size_t size, const char *text, struct span s)
{
    uint32_t n = s.end - s.begin;

    snprintf(to, size, "'%.*s%s'", (int)(n < TEXT_MAX ? n : TEXT_MAX), text + s.begin,
             n < TEXT_MAX ? "" : "...");
}

static void report(struct diag_sink *sink, const char *text, struct span at, struct span also)
{
    char culprit[TEXT_MAX + 8], other[TEXT_MAX + 8], why[2 * TEXT_MAX + 64];

    quote(culprit, sizeof culprit, text, at);
    quote(other, sizeof other, text, also);
    if (also.begin == also.end)
        snprintf(why, sizeof why, ", because %s cannot", culprit);
    else
        snprintf(why, sizeof why, ": %s and %s exclude each other", other, culprit);
    diag(sink, DIAG_NEVER_MATCHES, (struct diag_at){.at = at, .also = also}, why);
}

static void explain(struct never *v, struct diag_sink *sink, const char *text)
{
    struct span also = {0, 0};
    uint32_t low = 0, culprit = v->terms - 1;

    while (low < culprit) { /* the terms before `low` accept something, those up to the culprit nothing */
        uint32_t middle = culprit - (culprit - low + 1) / 2;
        if (contradict(v, v->term, middle + 1))
            culprit = middle;
        else
            low = middle + 1;
    }
    if (culprit > 0 && !contradict(v, &v->term[culprit], 1)) {
        also = span_join(term_span(v, 0), term_span(v, culprit - 1));
        for (uint32_t i = 0; i < culprit && culprit > 1; i++) { /* two that are all there are do */
            const uint32_t pair[] = {v->term[i], v->term[culprit]};
            if (contradict(v, pair, 2)) {
                also = term_span(v, i);
                break;
            }
        }
    }
    report(sink, text, term_span(v, culprit), also);
}

int front_explain_never(const struct front *front, struct arena *arena, struct diag_sink *sink,
                        const struct weir_options *o)
{
    struct never v = {.o = o, .checked = &front->checked, .arena = arena};
    uint32_t nodes = front->tree.node.n;

    if (nodes == 0 || nodes > FRONT_NODES_KEPT || !find_terms(&v) || v.terms == 1)
        diag(sink, DIAG_NEVER_MATCHES, (struct diag_at){.at = {0, front->tree.text_len}}, "");
    else
        explain(&v, sink, front->tree.text);
    return v.failed ? WEIR_E_MEMORY : WEIR_OK;
}
