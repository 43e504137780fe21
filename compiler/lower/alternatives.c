/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/alternatives.c - alternatives that begin by testing one value, in formulas that are about to become
 * blocks.
 *
 *   (t = ip and x) or (t = arp and y) or (t = rarp and y)    (t = ip and x) or (t in {arp, rarp} and y),
 *                                                            exclusive
 *
 * Where the tests exclude each other, what fails behind one of them fails (struct cond_node, exclusive);
 * neighbours that are alike behind their tests are one. opt/thread.c would find either, at the cost of
 * following every path. Where nothing else is asked twice, as in most filters of one primitive, there is
 * nothing to regroup (factor.c). Of formulas that were regrouped nf_rebuild() has said which lists are
 * exclusive.
 *
 * Refines: an alternative that cannot hold is not evaluated; nothing is evaluated earlier than before.
 * Cost: linear, and again for each alternative that may be taken in; no more than FEW alternatives of a list
 * are compared, and ALIKE nodes of two.
 */
#include <string.h>
#include "lower/normal_form.h"

#define FEW         4        /* alternatives that exclude each other */
#define SHORT       5        /* items of a list that factor.c does not take for a long one */
#define ALIKE       16       /* nodes of two alternatives that are compared */
#define LOOKS_FEW   64       /* times that the formula is gone through, for numbers of others ... */
#define LOOKS_NODES 1048576u /* ... or so many of its nodes */

/*
 * The test that decides the part @c of a list of @kind unless it holds: of AND it is negated, and part and
 * list hold unless it does. COND_FALSE: there is none.
 */
static cond head_of(const struct lower *lw, uint8_t kind, cond c)
{
    while (lw->node.at[c].kind == (kind == COND_OR ? COND_AND : COND_OR))
        c = lw->node.at[c].left;
    if (kind == COND_AND)
        c = lw->node.at[c].kind == COND_NOT ? lw->node.at[c].left : COND_FALSE;
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

/* Do @a and @b say the same, but for what the tests @head and its counterpart ask for? @left nodes may be
 * looked at. */
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

/* What of the formula is evaluated: others, also behind @root, folded away or were regrouped. NULL without
 * memory. */
static bool *nodes_reached(struct lower *lw, cond root)
{
    bool *reached = arena_array(lw->arena, bool, lw->node.n);

    if (reached)
        reached[root] = true;
    for (cond i = root + 1; reached && i-- > 0;) {
        if (!reached[i])
            continue;
        const struct cond_node *n = &lw->node.at[i];
        for (uint32_t c = 0; n->kind == COND_SWITCH && c < n->sw->children; c++)
            reached[n->sw->child[c]] = true;
        if (n->kind < COND_AND)
            continue;
        reached[n->left] = true;
        reached[n->kind == COND_NOT ? n->left : n->right] = true;
    }
    lw->error = reached ? lw->error : WEIR_E_MEMORY;
    return reached;
}

/* Does some test, or search, of @on make a difference between numbers of @s and of @t, which have tests of
 * their own? */
static bool is_divided(const struct lower *lw, const bool *reached, cond root, ir_value on, struct set s,
                       struct set t)
{
    uint32_t own = 0;

    for (cond i = 0; i <= root && own <= 2; i++) {
        if (!reached[i])
            continue;
        const struct cond_node *n = &lw->node.at[i];
        if (n->kind == COND_TEST && n->on == on)
            own += sets_meet(set_of_test(n), s) != sets_meet(set_of_test(n), t);
        else if (n->kind == COND_SWITCH && n->on == on)
            own = UINT32_MAX;
    }
    return own > 2;
}

/*
 * Takes the part @b of a list of @kind into @a, which differs only in what its first test asks for, if nobody
 * else asks for that.
 * @reached NULL: nobody does.
 */
static bool take_in(struct lower *lw, const bool *reached, cond root, uint8_t kind, cond a, cond b)
{
    cond head = head_of(lw, kind, a), other = head_of(lw, kind, b);
    struct set s = set_of_test(&lw->node.at[head]), t = set_of_test(&lw->node.at[other]);

    if ((uint64_t)s.at[s.n - 1].hi + 1 >= t.at[0].lo) /* not in order and apart */
        return false;
    if (reached && is_divided(lw, reached, root, lw->node.at[head].on, s, t))
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

/* Does the alternative @c, which is no list, exclude all of @others? No more than one is nothing but a test:
 * those are one set. */
static bool excludes(const struct lower *lw, cond c, cond others)
{
    const struct cond_node *head = &lw->node.at[head_of(lw, COND_OR, c)];
    uint32_t n = 1, lone = lw->node.at[c].kind == COND_TEST;
    bool apart = head->kind == COND_TEST, several = true;

    for (; apart && several; others = lw->node.at[others].left) {
        several = lw->node.at[others].kind == COND_OR;
        cond one = several ? lw->node.at[others].right : others;
        const struct cond_node *other = &lw->node.at[head_of(lw, COND_OR, one)];
        lone += lw->node.at[one].kind == COND_TEST;
        apart = other->kind == COND_TEST && other->on == head->on &&
                !sets_meet(set_of_test(other), set_of_test(head)) && ++n <= FEW && lone <= 1 &&
                (!several || lw->node.at[others].exclusive);
    }
    return apart;
}

/* Do the parts @a and @b of a list of @kind, which have several themselves, say the same behind the tests
 * they begin with? */
static bool rests_alike(const struct lower *lw, uint8_t kind, cond a, cond b)
{
    uint32_t left = ALIKE;

    return lw->node.at[a].kind == (kind == COND_OR ? COND_AND : COND_OR) &&
           is_alike(lw, a, b, head_of(lw, kind, a), &left);
}

void cond_unite_alike(struct lower *lw, const struct cond_asked *a, cond root)
{
    bool *reached = NULL;
    uint32_t looks = LOOKS_FEW + LOOKS_NODES / (root + 1); /* through the whole formula */

    for (uint32_t i = 0; i < a->exclusive.n && !lw->error && looks; i++) {
        cond list = a->exclusive.at[i];
        struct cond_node *n = &lw->node.at[list];
        if (!n->exclusive) /* nothing is left of it but one part */
            continue;
        const struct cond_node *left = &lw->node.at[n->left];
        cond right = n->right, last = left->kind == n->kind ? left->right : n->left;
        if (!rests_alike(lw, n->kind, last, right) ||
            (!a->once && !reached && !(reached = nodes_reached(lw, root))))
            continue;
        if (reached && !reached[list])
            continue;
        looks -= reached != NULL;
        if (!take_in(lw, reached, root, n->kind, last, right))
            continue;
        if (reached)
            reached[right] = false;
        *n = *left; /* nodes are used once */
    }
}

/* The tests from @first to @last may ask again. */
static void may_ask(struct cond_asked *a, cond first, cond last)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < a->agains; i++)
        if (a->again[i] < first || a->again[i] > last)
            a->again[kept++] = a->again[i];
    a->agains = kept;
}

/* The number that @c asks for, if it asks @on for one that is neither the least nor the greatest; else 0. */
static uint32_t number_of(const struct cond_node *c, ir_value on)
{
    return c->kind == COND_TEST && c->on == on && c->n == 0 && c->one.lo == c->one.hi &&
                   c->one.lo != UINT32_MAX
               ? c->one.lo
               : 0;
}

/* Do @c and @others ask for numbers of one value, none next to another? Then they stay in their order
 * (set_united()). */
static bool are_numbers(const struct lower *lw, cond c, cond others)
{
    const struct cond_node *n = &lw->node.at[c];
    uint32_t number = number_of(n, n->on);
    bool several = true, good = n->kind == COND_TEST && number;

    for (; good && several; others = lw->node.at[others].left) {
        several = lw->node.at[others].kind == COND_OR;
        uint32_t other = number_of(&lw->node.at[several ? lw->node.at[others].right : others], n->on);
        good = other && other - number + 1 > 2;
    }
    return good;
}

/* Is the OR @i exclusive? Then its parts may ask what they begin with again, and what is alike behind it. */
static void look_at_alternatives(struct lower *lw, struct cond_asked *a, cond i)
{
    struct cond_node *n = &lw->node.at[i];

    if (!excludes(lw, n->right, n->left))
        return;
    cond last = lw->node.at[n->left].kind == COND_OR ? lw->node.at[n->left].right : n->left,
         head = head_of(lw, COND_OR, n->right);
    n->exclusive = true;
    may_ask(a, head, head);
    if (a->agains && rests_alike(lw, COND_OR, last, n->right))
        may_ask(a, last + 1, n->right);
    if (!vec_push(lw->arena, &a->exclusive, i))
        lw->error = WEIR_E_MEMORY;
}

/* The list @i of AND or OR, whose operands were looked at. */
static void look_at_list(struct lower *lw, struct cond_asked *a, cond i)
{
    const struct cond_node *n = &lw->node.at[i];
    uint8_t of_left = lw->node.at[n->left].kind, of_right = lw->node.at[n->right].kind;
    uint32_t items = (of_left == n->kind || of_left == COND_NOT ? a->items[n->left] : 1u) +
                     (of_right == n->kind || of_right == COND_NOT ? a->items[n->right] : 1u);

    a->items[i] = items > SHORT ? SHORT + 1 : (uint8_t)items;
    a->odd |= items > SHORT;
    if (n->kind != COND_OR)
        return;
    if (are_numbers(lw, n->right, n->left))
        may_ask(a, n->right, n->right);
    else
        look_at_alternatives(lw, a, i);
}

static inline void look_at(struct lower *lw, struct cond_asked *a, cond i)
{
    const struct cond_node *n = &lw->node.at[i];

    a->items[i] = 1;
    if (n->kind == COND_TEST) {
        ir_value on = ir_whole_of(lw->f, n->on);
        if (a->asked[on] && a->agains < COND_AGAINS_MAX)
            a->again[a->agains++] = i;
        a->asked[on] = true;
        a->odd |= n->column != 0;
    } else if (n->kind == COND_AND || n->kind == COND_OR) {
        look_at_list(lw, a, i);
    } else if (n->kind == COND_NOT) {
        a->items[i] = a->items[n->left];
    } else {
        a->odd |= n->kind != COND_CONSTANT;
    }
}

/* The leaf that is evaluated first in @c. */
static const struct cond_node *first_leaf(const struct lower *lw, cond c)
{
    while (lw->node.at[c].kind == COND_AND || lw->node.at[c].kind == COND_OR ||
           lw->node.at[c].kind == COND_NOT)
        c = lw->node.at[c].left;
    return &lw->node.at[c];
}

/* Do both operands of @root, which is no list of alternatives that exclude each other, begin by testing one
 * value? */
static bool asks_again_at_once(const struct lower *lw, cond root)
{
    const struct cond_node *n = &lw->node.at[root];

    while (n->kind == COND_NOT)
        n = &lw->node.at[n->left];
    if (n->kind != COND_AND && n->kind != COND_OR)
        return false;
    const struct cond_node *l = first_leaf(lw, n->left), *r = first_leaf(lw, n->right);
    return l->kind == COND_TEST && r->kind == COND_TEST && l->on == r->on &&
           (n->kind == COND_AND || sets_meet(set_of_test(l), set_of_test(r)));
}

bool cond_asks_once(struct lower *lw, cond root, struct cond_asked *a)
{
    *a = (struct cond_asked){.next = 0};
    a->items = arena_array(lw->arena, uint8_t, root + 1);
    a->asked = arena_array(lw->arena, bool, lw->f->value.n);
    if (!a->items || !a->asked) {
        lw->error = WEIR_E_MEMORY;
        return false;
    }
    a->odd = asks_again_at_once(lw, root);
    for (; a->next <= root && !a->odd && a->agains < COND_AGAINS_MAX; a->next++)
        look_at(lw, a, a->next);
    return a->once = !a->odd && a->agains == 0;
}

void cond_find_exclusive(struct lower *lw, cond root, struct cond_asked *a)
{
    a->agains = 0;
    for (; a->next <= root; a->next++)
        if (lw->node.at[a->next].kind == COND_OR)
            look_at_alternatives(lw, a, a->next);
}
