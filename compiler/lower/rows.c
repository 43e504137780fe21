/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/rows.c - a long list of alike items is lowered as one item and a table of numbers.
 *
 *   (src host a and dst port p) or (src host b and dst port q) or ...
 *
 *   (src host C1 and dst port C2) for each row of   a p
 *                                                   b q
 *                                                   ...
 *
 * Items that follow each other in one list, have one shape and differ in nothing but the numbers that their
 * primitives look for become the first of them, whose tests ask for columns. It is put into normal form and
 * simplified once; template.c then makes of it what would have become of each item.
 *
 * Refines: the rows are the items, in their order, and nothing else is done here.
 */
#include <string.h>
#include "lower/cond.h"

#define ROWS_MIN    64 /* items; those of shorter lists are not simplified one by one */
#define NODES_MAX   24 /* AST nodes of an item */
#define COLUMNS_MAX (UINT16_MAX - NODES_MAX * 4) /* of all rows of a filter */

/* Rows being read. */
struct reading {
    struct lower *lw;
    struct lists *out;
    uint32_t chain;     /* the AND or OR whose items these are */
    VEC(uint32_t) item; /* in order */
};

static const struct prim *prim_at(const struct lower *lw, uint32_t node)
{
    return &lw->in->prim.at[lw->in->prim_of[node]];
}

/* The words of @p when it looks for a single number. */
static uint32_t column_words(const struct prim *p)
{
    uint32_t words = prim_number_words(p);

    return words && prim_number_count(p) == 1 ? words : 0;
}

/* Are these, which need not look for numbers, the same primitive? For kinds whose fields are looked at here.
 */
static bool is_same_prim(const struct prim *p, const struct prim *q)
{
    if (p->kind != q->kind || p->families != q->families || p->dir != q->dir || p->relop != q->relop ||
        p->cursor != q->cursor || p->number != q->number || p->lo != q->lo || p->hi != q->hi ||
        p->count != q->count || p->count6 != q->count6 || p->set != q->set)
        return false;
    switch ((enum prim_kind)p->kind) {
    case PRIM_LINK_PROTO:
    case PRIM_IP_PROTO:
    case PRIM_BROADCAST:
    case PRIM_MULTICAST:
    case PRIM_IP_MULTICAST:
    case PRIM_IP6_MULTICAST:
    case PRIM_LENGTH:
        return true;
    case PRIM_HOST:
        return (p->count == 0 || memcmp(p->u.v4, q->u.v4, p->count * sizeof *p->u.v4) == 0) &&
               (p->count6 == 0 || memcmp(p->v6, q->v6, p->count6 * sizeof *p->v6) == 0);
    case PRIM_PORT:
        return memcmp(p->u.numbers, q->u.numbers, p->count * sizeof *p->u.numbers) == 0;
    case PRIM_MAC48:
        return memcmp(p->mac, q->mac, sizeof p->mac) == 0;
    default:
        return false;
    }
}

static bool is_same_number(const struct prim *p, const struct prim *q, uint32_t words)
{
    struct list_row x = prim_number_at(p, 0, words), y = prim_number_at(q, 0, words);

    return memcmp(x.word, y.word, sizeof x.word) == 0 && x.last == y.last;
}

/* Do the primitives at these nodes differ in their numbers at most? */
static bool is_alike(const struct reading *r, uint32_t node, uint32_t other)
{
    const struct prim *p = prim_at(r->lw, node), *q = prim_at(r->lw, other);
    uint32_t words = column_words(p);

    if (r->out->role[node] || r->out->role[other])
        return false;
    return words && words == column_words(q) ? prim_asks_the_same(p, q) : is_same_prim(p, q);
}

/* Are the items @i and @j trees of one shape whose primitives are alike? */
static bool is_same_shape(const struct reading *r, uint32_t i, uint32_t j)
{
    const struct ast_node *node = r->lw->in->ast->node.at;
    uint32_t nodes = i - node[i].first + 1;
    bool same = nodes > 1 && nodes <= NODES_MAX && nodes == j - node[j].first + 1;

    for (uint32_t k = 0; k < nodes && same; k++) {
        const struct ast_node *a = &node[i - k], *b = &node[j - k];
        bool inner = a->kind == AST_AND || a->kind == AST_OR || a->kind == AST_NOT;
        if (!inner)
            same = r->lw->in->prim_of[i - k] != AST_NONE && r->lw->in->prim_of[j - k] != AST_NONE &&
                   is_alike(r, i - k, j - k);
        else
            same = a->kind == b->kind && i - a->left == j - b->left &&
                   (a->kind == AST_NOT || i - a->right == j - b->right);
    }
    return same;
}

/* The numbers of the primitives that stand @back nodes in front of the ends of the items, as columns; their
 * list. */
static struct list columns_make(struct reading *r, uint32_t back, uint32_t words)
{
    struct lower *lw = r->lw;
    struct list list = {.words = words, .column = lw->column.n + 1};

    for (uint32_t w = 0; w < words; w++) {
        struct ir_range *in = arena_array(lw->arena, struct ir_range, r->item.n);
        if (!in || !vec_push(lw->arena, &lw->column, in)) {
            lw->error = WEIR_E_MEMORY;
            return list;
        }
        for (uint32_t k = 0; k < r->item.n; k++) {
            struct list_row row = prim_number_at(prim_at(lw, r->item.at[k] - back), 0, words);
            in[k] = (struct ir_range){row.word[w], w + 1 == words ? row.last : row.word[w]};
        }
    }
    return list;
}

/* What the primitive @back nodes in front of the end of the first item asks for: columns, if its numbers
 * differ. */
static void column_find(struct reading *r, uint32_t back)
{
    struct lower *lw = r->lw;
    const struct prim *p = prim_at(lw, r->item.at[0] - back);
    uint32_t words = column_words(p);
    bool differ = false;

    for (uint32_t k = 1; k < r->item.n && words && !differ; k++)
        differ = !is_same_number(p, prim_at(lw, r->item.at[k] - back), words);
    if (!differ)
        return;
    struct list list = columns_make(r, back, words);
    if (!lw->error && !vec_push(lw->arena, &r->out->list, list))
        lw->error = WEIR_E_MEMORY;
    r->out->role[r->item.at[0] - back] = r->out->list.n;
}

/* Where the primitives of the items stand in the text. */
static bool spans_keep(const struct reading *r, struct rows *rows)
{
    const struct lower *lw = r->lw;
    const struct ast_node *node = lw->in->ast->node.at;
    uint32_t first = r->item.at[0], m = 0;

    for (uint32_t i = node[first].first; i < first; i++)
        rows->prims += lw->in->prim_of[i] != AST_NONE;
    struct span *at = arena_array(lw->arena, struct span, (size_t)rows->n * rows->prims);
    for (uint32_t k = 0; at && k < rows->n; k++)
        for (uint32_t i = node[r->item.at[k]].first; i < r->item.at[k]; i++)
            if (lw->in->prim_of[i] != AST_NONE)
                at[m++] = node[i].at;
    rows->at = at;
    return at != NULL;
}

/* The items that were read end: they become rows if they are many. */
static void rows_end(struct reading *r)
{
    struct lower *lw = r->lw;
    const struct ast_node *node = lw->in->ast->node.at;

    if (r->item.n >= ROWS_MIN && lw->column.n < COLUMNS_MAX) {
        const uint32_t *item = r->item.at;
        struct rows rows = {.n = r->item.n, .negated = node[r->chain].kind == AST_AND};
        if (!spans_keep(r, &rows) || !vec_push(lw->arena, &lw->rows, rows)) {
            lw->error = WEIR_E_MEMORY;
            return;
        }
        for (uint32_t k = 1; k < r->item.n; k++) {
            for (uint32_t i = node[item[k]].first; i < item[k]; i++)
                r->out->role[i] = LIST_MEMBER;
            r->out->role[item[k]] = rows.negated ? LIST_MEMBER_AND : LIST_MEMBER;
        }
        uint32_t columns = lw->column.n;
        for (uint32_t i = node[item[0]].first; i < item[0] && !lw->error; i++)
            if (lw->in->prim_of[i] != AST_NONE)
                column_find(r, item[0] - i);
        lw->rows.at[lw->rows.n - 1].columns = lw->column.n - columns;
        r->out->role[item[0]] = lw->rows.n;
    }
    r->item.n = 0;
}

static void item_read(struct reading *r, uint32_t chain, uint32_t item)
{
    uint32_t like = r->item.n ? r->item.at[0] : item;

    if (r->item.n && (chain != r->chain || !is_same_shape(r, like, item)))
        rows_end(r);
    r->chain = chain;
    if (!vec_push(r->lw->front, &r->item, item))
        r->lw->error = WEIR_E_MEMORY;
}

void rows_find(struct lower *lw, const uint32_t *chain, struct lists *out)
{
    const struct ast *t = lw->in->ast;
    struct reading r = {.lw = lw, .out = out};
    uint32_t *items = arena_array(lw->front, uint32_t, t->node.n); /* by topmost AND or OR */

    if (!items) {
        lw->error = WEIR_E_MEMORY;
        return;
    }
    for (uint32_t i = 0; i < t->node.n; i++)
        if (chain[i] && t->node.at[i].kind != t->node.at[chain[i] - 1].kind)
            items[chain[i] - 1]++;
    for (uint32_t i = 0; i < t->node.n && !lw->error; i++)
        if (chain[i] && t->node.at[i].kind != t->node.at[chain[i] - 1].kind &&
            items[chain[i] - 1] >= ROWS_MIN)
            item_read(&r, chain[i] - 1, i);
    rows_end(&r);
}

cond cond_in_column(struct lower *lw, const ir_value *v)
{
    uint32_t column = lw->list.column;
    cond all = COND_TRUE;

    for (uint32_t w = 0; w < lw->list.words; w++) {
        const struct ir_range *first = lw->column.at[column - 1 + w];
        cond c = cond_range(lw, v[w], first->lo, first->hi);
        if (lw->error)
            return COND_FALSE;
        lw->node.at[c].column = (uint16_t)(column + w);
        all = cond_and(lw, all, c);
    }
    return all;
}

cond rows_item(struct lower *lw, uint32_t role, cond c)
{
    if (role == LIST_MEMBER || role == LIST_MEMBER_AND)
        return role == LIST_MEMBER ? COND_FALSE : COND_TRUE;
    const struct rows *r = &lw->rows.at[role - 1];
    if (c == COND_FALSE || c == COND_TRUE || r->columns == 0)
        return c;
    c = cond_rows(lw, r->negated ? cond_not(lw, c) : c, role - 1);
    return r->negated ? cond_not(lw, c) : c;
}
