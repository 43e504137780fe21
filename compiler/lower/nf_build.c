/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/nf_build.c - from a formula to its negation normal form.
 *
 * Operands are made before what holds them, so two passes over the conditions do without recursion: down,
 * where parents tell children whether they are negated and which list they are in, then up, where nodes are
 * made. Items of long lists are simplified as soon as they are there, and only what is left of each is kept.
 * Cost: linear, but for simplifying.
 */
#include "lower/normal_form.h"
#include <string.h>

#define LONG_LIST   64   /* items from which each is simplified by itself */
#define RESERVE_MAX 4096 /* nodes for which there is room at once */
#define NODES_MORE  4    /* that regrouping makes of most formulas */

/* Where the test @n holds. */
static struct set asked_set(struct normal_form *x, const struct cond_node *n)
{
    if (n->n)
        return (struct set){.at = n->set, .n = n->n};
    struct ir_range *one = intervals_new(x, 1);
    if (one)
        *one = n->one;
    return (struct set){.at = one, .n = 1};
}

/* A leaf of the formula, whose loads need @reach. */
static uint32_t leaf_new(struct normal_form *x, cond leaf, const struct cond_node *n, bool negated,
                         nf_reach reach)
{
    const bool test = n->kind == COND_TEST;
    const struct set set = test ? asked_set(x, n) : (struct set){0};

    if (!vec_reserve(x->a, &x->nf, 1)) {
        x->failed = true;
        return 0;
    }
    x->nf.at[x->nf.n] = (struct nf){.kind = NF_LEAF,
                                    .negated = negated,
                                    .next = NF_NONE,
                                    .leaf = leaf,
                                    .at = n->at,
                                    .test = test,
                                    .strict = !test && n->kind != COND_SWITCH,
                                    .on = n->on,
                                    .set = set,
                                    .reach = reach};
    return x->nf.n++;
}

/* What is being built. */
struct build {
    struct normal_form *x;
    const struct cond_node *node;
    bool *negated, *reached;
    uint32_t *of; /* by condition: its list, as the condition at its top, or NF_NONE; once built: its node */
    uint32_t *items; /* by condition at the top of a list: how many there are; once built, by condition: its
                        first node; or NULL when no list can be long */
    struct nf_items each;
};

static bool is_list(const struct build *b, cond i)
{
    return b->node[i].kind == COND_AND || b->node[i].kind == COND_OR || b->node[i].kind == COND_ROWS;
}

static uint8_t list_kind(const struct build *b, cond i)
{
    return (b->node[i].kind == COND_AND) != b->negated[i] ? NF_AND : NF_OR;
}

/* Is @i, which is in @list, not a part of it of the same kind? */
static bool is_item(const struct build *b, cond i, cond list)
{
    return b->node[i].kind != COND_NOT && (!is_list(b, i) || list_kind(b, list) != list_kind(b, i));
}

/* The first node of the list @n: the operands need not have been made in the order of the text. */
static uint32_t first_of_both(const struct build *b, const struct cond_node *n)
{
    uint32_t left = b->items[n->left];

    return n->kind == COND_ROWS || left < b->items[n->right] ? left : b->items[n->right];
}

static void tell(struct build *b, cond child, bool negated, uint32_t list)
{
    b->negated[child] = negated;
    b->reached[child] = true;
    b->of[child] = list;
}

/* Parents tell children whether they are negated and which list they are in. */
static void look_down(struct build *b, cond root)
{
    tell(b, root, false, NF_NONE);
    for (cond i = root + 1; i-- > 0;) {
        if (!b->reached[i])
            continue;
        uint32_t list = b->of[i];
        if (b->items && list != NF_NONE && is_item(b, i, list))
            b->items[list]++;
        if (b->node[i].kind < COND_AND)
            continue;
        if (b->node[i].kind == COND_ROWS) {
            if (list != NF_NONE && !is_item(b, i, list))
                b->items[list] += b->x->lw->rows.at[b->node[i].right].n;
            tell(b, b->node[i].left, b->negated[i], NF_NONE);
            continue;
        }
        if (b->items && is_list(b, i) && (list == NF_NONE || is_item(b, i, list)))
            list = i;
        const bool is_not = b->node[i].kind == COND_NOT;
        tell(b, b->node[i].left, b->negated[i] ^ is_not, list);
        if (!is_not)
            tell(b, b->node[i].right, b->negated[i], list);
    }
}

static struct ir_range *intervals_copy(struct normal_form *x, const struct ir_range *at, uint32_t n)
{
    struct ir_range *to = n ? arena_array(x->lw->arena, struct ir_range, n) : NULL;

    if (n && !to)
        x->failed = true;
    else if (n)
        memcpy(to, at, n * sizeof *to);
    return to;
}

/* Moves @item and what is below it down to @first, nodes of nobody going; sets move to where they stay. */
static uint32_t keep_item(struct normal_form *x, uint32_t first, uint32_t item)
{
    VEC(struct nf) kept = {0};

    if (!vec_push(x->w, &kept, x->nf.at[item]))
        x->failed = true;
    for (uint32_t i = 0; i < kept.n && !x->failed; i++) {
        struct nf *n = &kept.at[i];
        n->done = true;
        if (n->kind == NF_LEAF) {
            if (n->leaf == COND_FALSE) {
                n->set.at = intervals_copy(x, n->set.at, n->set.n);
                n->set.order = intervals_copy(x, n->set.order, n->set.ordered);
            }
            continue;
        }
        uint32_t c = n->first;
        for (kept.at[i].first = c == NF_NONE ? NF_NONE : first + kept.n; c != NF_NONE && !x->failed;
             c = x->nf.at[c].next) {
            struct nf child = x->nf.at[c];
            kept.at[i].last = first + kept.n;
            child.next = child.next == NF_NONE ? NF_NONE : first + kept.n + 1;
            if (!vec_push(x->w, &kept, child))
                x->failed = true;
        }
    }
    if (x->failed)
        return item;
    kept.at[0].next = NF_NONE;
    memcpy(&x->nf.at[first], kept.at, kept.n * sizeof *kept.at); /* there were at least as many */
    x->nf.n = first + kept.n;
    return first;
}

/* Are the nodes from @first on those of @item and lists that were absorbed? Others may stand between its own.
 */
static bool is_alone(struct normal_form *x, struct arena *temp, uint32_t first, uint32_t item)
{
    VEC(uint32_t) stack = {0};
    bool *own = arena_array(temp, bool, x->nf.n - first), alone = own && vec_push(temp, &stack, item);

    x->failed |= !alone;
    while (stack.n && !x->failed) {
        uint32_t i = stack.at[--stack.n];
        own[i - first] = true;
        for (uint32_t c = x->nf.at[i].kind == NF_LEAF ? NF_NONE : x->nf.at[i].first; c != NF_NONE;
             c = x->nf.at[c].next)
            if (!vec_push(temp, &stack, c))
                x->failed = true;
    }
    for (uint32_t i = first; i < x->nf.n && alone && !x->failed; i++)
        alone = own[i - first] || (x->nf.at[i].kind != NF_LEAF && x->nf.at[i].first == NF_NONE);
    return alone && !x->failed;
}

/* An item of a long list is there: its nodes are all from @first on. If they are alone there, it is
 * simplified already. */
uint32_t nf_simplify_item(struct normal_form *x, struct nf_items *items, uint32_t first, uint32_t item)
{
    struct arena_mark mark = arena_mark(&items->temp);

    if (is_alone(x, &items->temp, first, item)) {
        x->t = x->w = &items->temp;
        items->simplify(x, first);
        if (!x->failed)
            item = keep_item(x, first, item);
        x->t = x->lw->arena;
        x->w = x->a;
    }
    arena_rewind(&items->temp, mark);
    return item;
}

/* What a search of lists.c needs; no deeper than a number has words. */
static nf_reach search_reach(const struct normal_form *x, cond i)
{
    const struct cond_node *n = &x->lw->node.at[i];
    nf_reach all;

    if (n->kind == COND_CONSTANT)
        return 0;
    if (n->kind == COND_AND || n->kind == COND_OR)
        return reach_both(search_reach(x, n->left), search_reach(x, n->right));
    all = x->value_reach[n->on];
    for (uint32_t k = 0; n->kind == COND_SWITCH && k < n->sw->children; k++)
        all = reach_both(all, search_reach(x, n->sw->child[k]));
    return all;
}

/* The list of the rows @i. */
static uint32_t rows_list(struct build *b, cond i)
{
    struct normal_form *x = b->x;
    const struct cond_node n = b->node[i];
    bool part = b->of[i] != NF_NONE && !is_item(b, i, b->of[i]);

    b->items[i] = b->items[n.left];
    uint32_t list = nf_rows(x, &x->lw->rows.at[n.right], part, &b->each, b->negated[i] ? NF_AND : NF_OR,
                            b->items[i], b->of[n.left]);
    b->node = x->lw->node.at; /* there may be more now */
    x->changed = true;
    return list;
}

static void look_up(struct build *b, cond root)
{
    struct normal_form *x = b->x;

    for (cond i = 0; i <= root && !x->failed; i++) {
        const struct cond_node *n = &b->node[i];
        uint32_t list = b->of[i];
        if (!b->reached[i])
            continue;
        if (n->kind == COND_NOT) {
            b->of[i] = b->of[n->left];
            if (b->items)
                b->items[i] = b->items[n->left];
            continue;
        }
        if (b->items)
            b->items[i] = is_list(b, i) ? first_of_both(b, n) : x->nf.n;
        if (!is_list(b, i)) {
            b->of[i] = leaf_new(x, i, n, b->negated[i],
                                n->kind == COND_SWITCH ? search_reach(x, i) : x->value_reach[n->on]);
            continue;
        }
        if (n->kind == COND_ROWS) {
            b->of[i] = rows_list(b, i);
        } else {
            b->of[i] = nf_list_new(x, list_kind(b, i));
            nf_list_add(x, b->of[i], b->of[n->left]);
            nf_list_add(x, b->of[i], b->of[n->right]);
        }
        if (b->items && list != NF_NONE && is_item(b, i, list) && b->items[list] >= LONG_LIST && !x->failed)
            b->of[i] = nf_simplify_item(x, &b->each, b->items[i], b->of[i]);
    }
}

/* The formula in negation normal form, lists of one kind merged. */
uint32_t nf_build(struct normal_form *x, cond root, void (*simplify)(struct normal_form *x, uint32_t first))
{
    struct build b = {.x = x, .node = x->lw->node.at, .each.simplify = simplify};
    bool any_long = root >= 2 * LONG_LIST || x->lw->rows.n;
    struct arena *work = root < RESERVE_MAX ? x->a : &b.each.temp; /* small ones are not worth an arena */
    uint32_t top = 0;

    arena_init(&b.each.temp, x->a->al, x->a->ceiling);
    b.negated = arena_array(work, bool, root + 1);
    b.reached = arena_array(work, bool, root + 1);
    b.of = arena_array(work, uint32_t, root + 1);
    b.items = any_long ? arena_array(work, uint32_t, root + 1) : NULL;
    if (!b.negated || !b.reached || !b.of || (!b.items && any_long) || !nf_measure(x, root) ||
        !vec_reserve(x->a, &x->nf, root < RESERVE_MAX ? root + NODES_MORE : RESERVE_MAX)) {
        x->failed = true;
    } else {
        look_down(&b, root);
        look_up(&b, root);
        top = b.of[root];
    }
    x->a->over_ceiling |= b.each.temp.over_ceiling;
    arena_release(&b.each.temp);
    return top;
}
