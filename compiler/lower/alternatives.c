/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/alternatives.c - alternatives that begin by testing one value, in formulas that are about to become blocks.
 *
 *   (t = ip and x) or (t = arp and y) or (t = rarp and y)        (t = ip and x) or (t in {arp, rarp} and y), exclusive
 *
 * Where the tests exclude each other, what fails behind one of them fails (struct cond_node, exclusive); neighbours that are
 * alike behind their tests are one. opt/thread.c would find either, at the cost of following every path. Of formulas that were
 * regrouped nf_rebuild() has said which lists are exclusive.
 *
 * Refines: an alternative that cannot hold is not evaluated; nothing is evaluated earlier than before.
 * Cost: linear, and again for each alternative that may be taken in; no more than FEW nodes of two alternatives are compared,
 * and FEW alternatives of a list.
 */
#include <string.h>
#include "lower/normal_form.h"

#define FEW 8

/* The test that decides @c unless it holds, or COND_FALSE. */
static cond head_of(const struct lower *lw, cond c)
{
    while (lw->node.at[c].kind == COND_AND)
        c = lw->node.at[c].left;
    return lw->node.at[c].kind == COND_TEST ? c : COND_FALSE;
}

static struct set set_of_test(const struct cond_node *test)
{
    return (struct set){test->n ? test->set : &test->one, test->n ? test->n : 1, 0, NULL};
}

static bool same_set(struct set a, struct set b)
{
    return a.n == b.n && memcmp(a.at, b.at, a.n * sizeof *a.at) == 0;
}

/* Do @a and @b say the same, but for what the tests @head and its counterpart ask for? @left nodes may be looked at. */
static bool is_alike(const struct lower *lw, cond a, cond b, cond head, uint32_t *left)
{
    const struct cond_node *x = &lw->node.at[a], *y = &lw->node.at[b];

    if (*left == 0 || x->kind != y->kind)
        return false;
    --*left;
    if (x->kind == COND_AND || x->kind == COND_OR)
        return is_alike(lw, x->right, y->right, head, left) && is_alike(lw, x->left, y->left, head, left);
    if (x->kind == COND_NOT)
        return is_alike(lw, x->left, y->left, head, left);
    return x->kind == COND_TEST && x->on == y->on && !x->column && !y->column &&
           (a == head || same_set(set_of_test(x), set_of_test(y)));
}

/* What of the formula is evaluated: others folded away, or were regrouped. NULL without memory. */
static bool *nodes_reached(struct lower *lw, cond root)
{
    bool *reached = arena_array(lw->arena, bool, root + 1);

    if (reached)
        reached[root] = true;
    for (cond i = root + 1; reached && i-- > 0;) {
        const struct cond_node *n = &lw->node.at[i];
        for (uint32_t c = 0; reached[i] && n->kind == COND_SWITCH && c < n->sw->children; c++)
            reached[n->sw->child[c]] = true;
        if (!reached[i] || n->kind < COND_AND)
            continue;
        reached[n->left] = true;
        reached[n->kind == COND_NOT ? n->left : n->right] = true;
    }
    lw->error = reached ? lw->error : WEIR_E_MEMORY;
    return reached;
}

/* Does some test, or search, of @on make a difference between numbers of @s and of @t, which have tests of their own? */
static bool is_divided(const struct lower *lw, const bool *reached, cond root, ir_value on, struct set s, struct set t)
{
    uint32_t own = 0;

    for (cond i = 0; i <= root; i++) {
        const struct cond_node *n = &lw->node.at[i];
        if (!reached[i] || (n->kind != COND_TEST && n->kind != COND_SWITCH) || n->on != on)
            continue;
        own += n->kind == COND_SWITCH ? 3 : sets_meet(set_of_test(n), s) != sets_meet(set_of_test(n), t);
    }
    return own > 2;
}

/* Takes the alternative @b into @a, if they differ only in what their first tests ask for, and nobody else asks for that. */
static bool take_in(struct lower *lw, const bool *reached, cond root, cond a, cond b)
{
    cond head = head_of(lw, a), other = head_of(lw, b);
    struct set s = set_of_test(&lw->node.at[head]), t = set_of_test(&lw->node.at[other]);

    if (s.at[s.n - 1].hi >= t.at[0].lo - 1 /* in order and apart */ || is_divided(lw, reached, root, lw->node.at[head].on, s, t))
        return false;
    struct ir_range *both = arena_array(lw->arena, struct ir_range, s.n + t.n);
    if (!both) {
        lw->error = WEIR_E_MEMORY;
        return false;
    }
    memcpy(both, s.at, s.n * sizeof *both);
    memcpy(both + s.n, t.at, t.n * sizeof *both);
    lw->node.at[head].set = both;
    lw->node.at[head].n = s.n + t.n;
    return true;
}

/* Does the alternative @c, which is no list, exclude all of @others? */
static bool excludes(const struct lower *lw, cond c, cond others)
{
    const struct cond_node *head = &lw->node.at[head_of(lw, c)];
    bool apart = head->kind == COND_TEST;

    for (uint32_t n = 0; apart; others = lw->node.at[others].left) {
        bool several = lw->node.at[others].kind == COND_OR;
        const struct cond_node *other = &lw->node.at[head_of(lw, several ? lw->node.at[others].right : others)];
        apart = other->kind == COND_TEST && other->on == head->on && !sets_meet(set_of_test(other), set_of_test(head)) &&
                ++n < FEW && (!several || lw->node.at[others].exclusive);
        if (!several)
            break;
    }
    return apart;
}

/* Do the alternatives @a and @b of several parts say the same behind the tests that they begin with? */
static bool rests_alike(const struct lower *lw, cond a, cond b)
{
    uint32_t left = FEW;

    return lw->node.at[a].kind == COND_AND && is_alike(lw, a, b, head_of(lw, a), &left);
}

/* Makes the last two alternatives of the exclusive list @i one, if they are alike. */
static void unite_last(struct lower *lw, bool **reached, cond i, cond root)
{
    struct cond_node *n = &lw->node.at[i];
    const struct cond_node *left = &lw->node.at[n->left];
    cond right = n->right, last = left->kind == COND_OR ? left->right : n->left;

    if (!rests_alike(lw, last, right) || (!*reached && !(*reached = nodes_reached(lw, root))))
        return;
    if ((*reached)[i] && take_in(lw, *reached, root, last, right)) {
        (*reached)[right] = false;
        *n = *left; /* nodes are used once */
    }
}

void cond_unite_alike(struct lower *lw, const cond *list, uint32_t n, cond root)
{
    bool *reached = NULL;

    for (uint32_t i = 0; i < n && !lw->error; i++)
        if (lw->node.at[list[i]].kind == COND_OR)
            unite_last(lw, &reached, list[i], root);
}

void cond_alternatives(struct lower *lw, cond root)
{
    struct cond_node *first = lw->node.at, *last = first + root;
    bool *reached = NULL;

    for (struct cond_node *n = first; n <= last; n++) {
        if (n->kind != COND_OR || !excludes(lw, n->right, n->left))
            continue;
        n->exclusive = true;
        unite_last(lw, &reached, (cond)(n - first), root);
    }
}
