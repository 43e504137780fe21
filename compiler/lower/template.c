/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/template.c - what the items of rows become, from one of them.
 *
 *   (t = ip and s = C1 and d = C2) or (t = arp and ...), for rows 1, 2, ...
 *                         t = ip and ((s = a1 and d = b1) or (s = a2 and d = b2) or ...) or t = arp and ...
 *
 * The item is simplified as factor.c simplifies any item of a long list. If nobody looked at the numbers of
 * its columns on the way, but to ask whether two of them differ, and that is answered alike for all rows,
 * then every other item would have become the same with its own numbers; otherwise the item as it was is
 * filled in for each row, and each is simplified by itself. Tests without a column that an item begins with
 * are said once, where they tell apart its alternatives: factor.c would unite them.
 *
 * Cost: linear in rows times nodes of the item. An item has few nodes (rows.c), so recursion on it is
 * shallow.
 */
#include "base/sort.h"
#include "lower/normal_form.h"

#define ALTERNATIVES_MAX 8

/* A tree of nodes that address each other by their place in it, each behind those below it. */
struct template
{
    struct normal_form *x;
    const struct rows *rows;
    uint8_t kind, compound; /* of the list of items; of an item with several parts */
    bool part;              /* the list has other items, with which these are regrouped */
    struct nf *node;
    uint32_t *column; /* by node: as in struct cond_node */
    uint32_t *prim;   /* by node: which of the item's primitives it comes from; or NF_NONE */
    uint32_t n;
};

/* Which of the first item's primitives stands at @at; NF_NONE: none, it is a list that does. */
static uint32_t prim_of(const struct template *t, struct span at)
{
    const struct span *prim = t->rows->at;

    for (uint32_t i = 0; i < t->rows->prims; i++)
        if (prim[i].begin == at.begin && prim[i].end == at.end)
            return i;
    return NF_NONE;
}

/* What the template needs to know of its leaf @at. */
static void leaf_add(struct template *t, uint32_t at)
{
    struct nf *n = &t->node[at];

    if (n->leaf != COND_FALSE)
        t->column[at] = t->x->lw->node.at[n->leaf].column;
    if (n->test)
        n->leaf = COND_FALSE;
}

/* Adds a copy of the node @i of the normal form, behind copies of what is below it. Returns its place. */
static uint32_t template_add(struct template *t, uint32_t i)
{
    struct normal_form *x = t->x;
    struct nf n = x->nf.at[i];
    uint32_t first = NF_NONE, last = NF_NONE;

    for (uint32_t c = n.kind == NF_LEAF ? NF_NONE : n.first; c != NF_NONE && !x->failed;
         c = x->nf.at[c].next) {
        uint32_t child = template_add(t, c);
        if (first == NF_NONE)
            first = child;
        else
            t->node[last].next = child;
        last = child;
    }
    uint32_t at = t->n++;
    t->node[at] = n;
    t->node[at].next = NF_NONE;
    t->prim[at] = prim_of(t, n.at);
    if (n.kind == NF_LEAF) {
        leaf_add(t, at);
    } else {
        t->node[at].first = first;
        t->node[at].last = last;
    }
    return at;
}

/* The template of the tree of @top, which is among the nodes from @first on. */
static struct template template_new(const struct template *like, uint32_t first, uint32_t top)
{
    struct template t = *like;
    uint32_t nodes = t.x->nf.n - first;

    t.n = 0;
    t.node = arena_array(t.x->a, struct nf, nodes);
    t.column = arena_array(t.x->a, uint32_t, nodes);
    t.prim = arena_array(t.x->a, uint32_t, nodes);
    if (t.node && t.column && t.prim)
        template_add(&t, top);
    else
        t.x->failed = true;
    return t;
}

/* The leaf @at for row @row. */
static void fill_leaf(const struct template *t, uint32_t at, uint32_t row, struct nf *to)
{
    struct lower *lw = t->x->lw;

    if (t->column[at]) {
        to->set = (struct set){lw->column.at[t->column[at] - 1] + row, 1, 0, NULL};
    } else if (to->leaf != COND_FALSE) { /* no test: a condition is used once */
        struct cond_node copy = lw->node.at[to->leaf];
        to->leaf = lw->node.n;
        if (!vec_push(lw->arena, &lw->node, copy))
            t->x->failed = true;
    }
}

/* The whole template for row @row; there is room. Returns its top. */
static uint32_t fill(const struct template *t, uint32_t row, bool done)
{
    struct normal_form *x = t->x;
    const struct span *at = t->rows->at + (size_t)row * t->rows->prims;
    uint32_t base = x->nf.n;

    x->nf.n += t->n;
    for (uint32_t i = 0; i < t->n; i++) {
        struct nf *to = &x->nf.at[base + i];
        *to = t->node[i];
        to->done = done;
        if (t->prim[i] != NF_NONE)
            to->at = at[t->prim[i]];
        to->next += to->next == NF_NONE ? 0 : base;
        if (to->kind == NF_LEAF) {
            fill_leaf(t, i, row, to);
        } else if (to->first != NF_NONE) {
            to->first += base;
            to->last += base;
        }
    }
    return x->nf.n - 1;
}

/* A list of the template for every row. */
static uint32_t fill_all(const struct template *t)
{
    struct normal_form *x = t->x;
    uint32_t base = x->nf.n;

    if ((uint64_t)t->rows->n * t->n >= UINT32_MAX / 2 || !vec_reserve(x->a, &x->nf, t->rows->n * t->n + 1)) {
        x->failed = true;
        return 0;
    }
    for (uint32_t row = 0; row < t->rows->n && !x->failed; row++)
        fill(t, row, true);
    uint32_t list = nf_list_new(x, t->kind);
    for (uint32_t row = 0; row < t->rows->n && !x->failed; row++)
        nf_list_add(x, list, base + row * t->n + t->n - 1);
    return list;
}

/* Are any two rows' numbers of the column @column equal or apart? */
static bool is_apart(const struct template *t, uint32_t column)
{
    struct normal_form *x = t->x;
    const struct ir_range *in = x->lw->column.at[column - 1];
    struct arena_mark mark = arena_mark(x->a);
    uint32_t n = t->rows->n;
    struct sort_key *key = arena_array(x->a, struct sort_key, 2 * (size_t)n);
    bool apart = key != NULL;

    x->failed |= !key;
    for (uint32_t i = 0; key && i < n; i++)
        key[i] = (struct sort_key){in[i].lo, in[i].hi};
    const struct sort_key *sorted = key ? sort_keys(key, key + n, n) : NULL;
    for (uint32_t i = 1; i < n && apart; i++)
        apart = sorted[i].key > sorted[i - 1].index ||
                (sorted[i].key == sorted[i - 1].key && sorted[i].index == sorted[i - 1].index);
    arena_rewind(x->a, mark);
    return apart;
}

/*
 * Is there nothing to regroup in the list of all rows before it becomes a search? Each begins with a number,
 * and behind that is what was simplified already.
 */
static bool is_search(const struct template *t)
{
    const struct nf *top = &t->node[t->n - 1];

    return top->kind == t->compound && t->node[top->first].kind == NF_LEAF && t->column[top->first] &&
           is_apart(t, t->column[top->first]);
}

/* Each row simplified by itself. */
static uint32_t fill_each(const struct template *t, struct nf_items *items)
{
    struct normal_form *x = t->x;
    uint32_t *item = arena_array(x->a, uint32_t, t->rows->n);

    x->failed |= !item;
    for (uint32_t row = 0; row < t->rows->n && !x->failed; row++) {
        uint32_t first = x->nf.n;
        if (vec_reserve(x->a, &x->nf, t->n))
            item[row] = nf_simplify_item(x, items, first, fill(t, row, false));
        else
            x->failed = true;
    }
    uint32_t list = x->failed ? 0 : nf_list_new(x, t->kind);
    for (uint32_t row = 0; row < t->rows->n && !x->failed; row++)
        nf_list_add(x, list, item[row]);
    return list;
}

/* ---------------------------------------------------------------- what is said once */

static bool is_same_for_all(const struct normal_form *x, uint32_t i)
{
    return nf_is_test(x, i) && (x->nf.at[i].leaf == COND_FALSE || !x->lw->node.at[x->nf.at[i].leaf].column);
}

/* An alternative of the item: tests that are the same for all rows, then the rest. */
struct part {
    VEC(struct nf) lead;
    struct template rest;
};

/* Begins the alternative @i with a test that is the same for all rows, and does it ask for more? Its set is
 * left in *@set. */
static bool has_lead(const struct template *t, uint32_t i, struct set *set)
{
    struct normal_form *x = t->x;
    const struct nf *n = &x->nf.at[i];

    if (n->kind != t->compound || n->first == n->last || !is_same_for_all(x, n->first))
        return false;
    *set = nf_test_set(x, n->first, t->kind == NF_OR);
    return !x->failed;
}

/* How many alternatives @top has if their first tests tell them apart for all rows, and nothing else is in
 * the list; else 0. */
static uint32_t alternatives(const struct template *t, uint32_t top)
{
    const struct normal_form *x = t->x;
    struct set set[ALTERNATIVES_MAX];
    uint32_t n = 0;

    if (t->part)
        return 0;
    if (x->nf.at[top].kind != t->kind)
        return has_lead(t, top, &set[0]) ? 1 : 0;
    uint32_t first = x->nf.at[top].first;
    for (uint32_t i = first; i != NF_NONE; i = x->nf.at[i].next) {
        if (n == ALTERNATIVES_MAX || !has_lead(t, i, &set[n]) ||
            nf_test_value(x, x->nf.at[i].first) != nf_test_value(x, x->nf.at[first].first))
            return 0;
        for (uint32_t k = 0; k < n; k++)
            if (sets_meet(set[k], set[n]))
                return 0;
        n++;
    }
    return n;
}

/* Takes the tests from the alternative @i that are the same for all rows. */
static struct part part_of(const struct template *t, uint32_t first, uint32_t i)
{
    struct normal_form *x = t->x;
    struct part p = {.lead = {0}};
    uint32_t c = x->nf.at[i].first;

    for (; x->nf.at[c].next != NF_NONE && is_same_for_all(x, c) && !x->failed; c = x->nf.at[c].next)
        x->failed |= !vec_push(x->a, &p.lead, x->nf.at[c]);
    x->nf.at[i].first = c;
    p.rest = template_new(t, first, x->nf.at[c].next == NF_NONE ? c : i);
    return p;
}

/* The list of all rows when the item is the simplified @top; its nodes, from @first on, go. */
static uint32_t expand(const struct template *t, uint32_t first, uint32_t top)
{
    struct normal_form *x = t->x;
    struct part part[ALTERNATIVES_MAX];
    uint32_t parts = alternatives(t, top), n = 0;

    if (parts == 0) {
        struct template whole = template_new(t, first, top);
        x->nf.n = first;
        return x->failed ? 0 : fill_all(&whole);
    }
    for (uint32_t i = x->nf.at[top].kind == t->kind ? x->nf.at[top].first : top; n < parts;
         i = x->nf.at[i].next)
        part[n++] = part_of(t, first, i);
    x->nf.n = first;
    uint32_t rows[ALTERNATIVES_MAX];
    for (uint32_t k = 0; k < parts && !x->failed; k++) {
        rows[k] = fill_all(&part[k].rest);
        if (!x->failed)
            x->nf.at[rows[k]].search = is_search(&part[k].rest);
    }
    uint32_t all = x->failed ? 0 : nf_list_new(x, t->kind);
    for (uint32_t k = 0; k < parts && !x->failed; k++) {
        uint32_t item = nf_list_new(x, t->compound);
        for (uint32_t l = 0; l < part[k].lead.n && !x->failed; l++)
            nf_list_append(x, item, nf_new(x, part[k].lead.at[l]));
        nf_list_append(x, item, rows[k]);
        nf_list_append(x, all, item);
    }
    return all;
}

/* Are the questions that were asked of the first row answered alike for all? */
static bool answers_agree(const struct template *t)
{
    const struct normal_form *x = t->x;
    bool agree = true;

    for (uint32_t i = 0; i < x->question.n && agree; i++) {
        const struct nf_question *q = &x->question.at[i];
        const struct ir_range *a = x->lw->column.at[q->column[0] - 1],
                              *b = x->lw->column.at[q->column[1] - 1];
        for (uint32_t row = 0; row < t->rows->n && agree; row++)
            agree = nf_answer(q->meet, a[row], b[row]) == q->answer;
    }
    return agree;
}

uint32_t nf_rows(struct normal_form *x, const struct rows *rows, bool part, struct nf_items *items,
                 uint8_t kind, uint32_t first, uint32_t top)
{
    struct template like = {
        .x = x, .rows = rows, .part = part, .kind = kind, .compound = kind == NF_OR ? NF_AND : NF_OR};
    struct template plain = template_new(&like, first, top);

    if (x->failed)
        return 0;
    x->looked = false;
    x->question.n = 0;
    x->template = true;
    top = nf_simplify_item(x, items, first, top);
    x->template = false;
    if (x->failed)
        return 0;
    if (x->nf.at[top].done && !x->looked && answers_agree(&like))
        return expand(&like, first, top);
    x->nf.n = first;
    return fill_each(&plain, items);
}
