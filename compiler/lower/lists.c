/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/lists.c - a long list of one primitive is lowered as one primitive.
 *
 *   host a or host b or ... or host z             ip and (src in {a ... z} or dst in {a ... z}) or arp and ...
 *   not port 1 and not port 2 and ...             not (... sport in {1, 2 ...} or dport in {1, 2 ...})
 *
 * Primitives that differ in nothing but the number they look for, one after the other in one list, become the first of
 * them, which asks for the set. factor.c would find the same from the tests of each; here they are never made, so a
 * list of hosts costs its text and a sort.
 *
 * Refines: the tests of one primitive stay in their order, and each one's value was tested by every primitive in
 * front of the one that accepts. Nothing is moved past another primitive.
 */
#include <stdlib.h>
#include <string.h>
#include "lower/cond.h"

#define LIST_MIN 16 /* primitives from which they are one; shorter lists keep the order of the text */

int interval_order(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1) : x->hi != y->hi ? (x->hi < y->hi ? -1 : 1) : 0;
}

uint32_t intervals_unite(struct interval *in, uint32_t n)
{
    uint32_t m = 0;

    qsort(in, n, sizeof *in, interval_order);
    for (uint32_t i = 0; i < n; i++) {
        if (m && (in[i].lo <= in[m - 1].hi || in[i].lo == in[m - 1].hi + 1)) {
            if (in[i].hi > in[m - 1].hi)
                in[m - 1].hi = in[i].hi;
        } else {
            in[m++] = in[i];
        }
    }
    return m;
}

/* A list being read. */
struct reading {
    struct lower *lw;
    struct lists *out;
    uint32_t chain;      /* the AND or OR whose items these are */
    VEC(uint32_t) node;  /* the primitives, in order */
};

/* Does @p look for a set of numbers in one value, or in one value for each direction? */
static bool is_listable(const struct prim *p)
{
    if (p->dir == DIR_SRC_AND_DST)
        return false;
    if (p->kind == PRIM_PORT)
        return true;
    bool prefixes = p->kind == PRIM_HOST && p->count && !p->count6;
    for (uint32_t i = 0; prefixes && i < p->count; i++)
        prefixes = p->u.v4[i].mask && (~p->u.v4[i].mask & (~p->u.v4[i].mask + 1)) == 0;
    return prefixes;
}

/* Do these differ in nothing but the numbers? */
static bool is_same_question(const struct prim *p, const struct prim *q)
{
    if (p->kind != q->kind || p->dir != q->dir || p->cursor != q->cursor || p->families != q->families)
        return false;
    return p->kind != PRIM_PORT || (p->count == q->count && memcmp(p->u.numbers, q->u.numbers, p->count * sizeof *p->u.numbers) == 0);
}

static const struct prim *prim_at(const struct lower *lw, uint32_t node)
{
    return &lw->in->prim.at[lw->in->prim_of[node]];
}

/* The numbers of @p to @to, if given. Returns how many. */
static uint32_t numbers_of(const struct prim *p, struct interval *to)
{
    if (p->kind == PRIM_PORT) {
        if (to)
            *to = (struct interval){p->lo, p->hi};
        return 1;
    }
    for (uint32_t i = 0; to && i < p->count; i++)
        to[i] = (struct interval){p->u.v4[i].addr, p->u.v4[i].addr | ~p->u.v4[i].mask};
    return p->count;
}

/* The list that was read ends: it becomes one primitive if it is long. */
static void list_end(struct reading *r)
{
    struct lower *lw = r->lw;
    uint32_t total = 0, n = 0;

    if (r->node.n >= LIST_MIN) {
        for (uint32_t i = 0; i < r->node.n; i++)
            total += numbers_of(prim_at(lw, r->node.at[i]), NULL);
        struct interval *in = arena_array(lw->arena, struct interval, total);
        for (uint32_t i = 0; in && i < r->node.n; i++) {
            n += numbers_of(prim_at(lw, r->node.at[i]), in + n);
            r->out->role[r->node.at[i]] = LIST_MEMBER;
        }
        struct list list = {in, in ? intervals_unite(in, n) : 0};
        if (!in || !vec_push(lw->arena, &r->out->list, list))
            lw->error = WEIR_E_MEMORY;
        r->out->role[r->node.at[0]] = r->out->list.n;
    }
    r->node.n = 0;
}

/* The next item of @chain: the primitive @node, or something else (AST_NONE). */
static void item_read(struct reading *r, uint32_t chain, uint32_t node)
{
    bool listable = node != AST_NONE && is_listable(prim_at(r->lw, node));

    if (r->node.n && (!listable || chain != r->chain || !is_same_question(prim_at(r->lw, r->node.at[0]), prim_at(r->lw, node))))
        list_end(r);
    r->chain = chain;
    if (listable && !vec_push(r->lw->arena, &r->node, node))
        r->lw->error = WEIR_E_MEMORY;
}

/* The primitive that an item of an OR is, or that an item of an AND negates; AST_NONE for another item. */
static uint32_t item_prim(const struct lower *lw, uint8_t kind, uint32_t item)
{
    const struct ast_node *n = &lw->in->ast->node.at[item];

    if (kind == AST_AND) {
        if (n->kind != AST_NOT)
            return AST_NONE;
        item = n->left;
    }
    return lw->in->prim_of[item] == AST_NONE ? AST_NONE : item;
}

void lists_find(struct lower *lw, struct lists *out)
{
    const struct ast *t = lw->in->ast;
    struct reading r = {.lw = lw, .out = out, .chain = AST_NONE};

    *out = (struct lists){.role = NULL};
    if (t->node.n < LIST_MIN)
        return;
    /* by node: the topmost of the ANDs or ORs that it continues, or whose item it is; plus one */
    uint32_t *chain = arena_array(lw->arena, uint32_t, t->node.n);
    out->role = arena_array(lw->arena, uint32_t, t->node.n);
    if (!chain || !out->role) {
        lw->error = WEIR_E_MEMORY;
        return;
    }
    for (uint32_t i = t->node.n; i-- > 0;) { /* parents before children */
        const struct ast_node *n = &t->node.at[i];
        if (n->kind != AST_AND && n->kind != AST_OR)
            continue;
        bool continues = chain[i] && t->node.at[chain[i] - 1].kind == n->kind;
        uint32_t top = continues ? chain[i] : i + 1;
        chain[n->left] = chain[n->right] = top;
    }
    for (uint32_t i = 0; i < t->node.n && !lw->error; i++) { /* items in the order of the text */
        if (!chain[i])
            continue;
        uint8_t kind = t->node.at[chain[i] - 1].kind;
        if (t->node.at[i].kind != kind)
            item_read(&r, chain[i] - 1, item_prim(lw, kind, i));
    }
    list_end(&r);
}
