/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/normal_form.c - formulas in negation normal form: making them, taking them apart, and back.
 */
#include "lower/normal_form.h"
#include <stdlib.h>
#include <string.h>

#define LONG_LIST     64   /* items from which each is simplified by itself */
#define RESERVE_MAX   4096 /* nodes for which there is room at once */
#define EXCLUSIVE_MAX 8    /* alternatives of which it is found out whether they exclude each other */
#define NODES_MORE    4    /* that regrouping makes of most formulas */
#define ORDERED_MAX   6    /* tests of one value that are made in the order of the text */

uint32_t nf_new(struct normal_form *x, struct nf n)
{
    n.next = NF_NONE;
    if (!vec_push(x->a, &x->nf, n)) {
        x->failed = true;
        return 0;
    }
    return x->nf.n - 1;
}

uint32_t nf_list_new(struct normal_form *x, uint8_t kind)
{
    if (!vec_reserve(x->a, &x->nf, 1)) {
        x->failed = true;
        return 0;
    }
    x->nf.at[x->nf.n] = (struct nf){.kind = kind, .first = NF_NONE, .last = NF_NONE, .next = NF_NONE};
    return x->nf.n++;
}

/* A leaf of the formula, whose loads need @reach bytes. */
static uint32_t leaf_new(struct normal_form *x, cond leaf, const struct cond_node *n, bool negated,
                         uint32_t reach)
{
    bool search = n->kind == COND_SWITCH;

    if (!vec_reserve(x->a, &x->nf, 1)) {
        x->failed = true;
        return 0;
    }
    x->nf.at[x->nf.n] = (struct nf){.kind = NF_LEAF,
                                    .negated = negated,
                                    .next = NF_NONE,
                                    .leaf = leaf,
                                    .at = n->at,
                                    .opaque = search,
                                    .strict = !search && n->kind != COND_TEST,
                                    .reach = reach};
    return x->nf.n++;
}

void nf_list_append(struct normal_form *x, uint32_t list, uint32_t item)
{
    struct nf *l = &x->nf.at[list];
    const struct nf *i = &x->nf.at[item];

    l->steady = false;
    l->strict |= i->strict;
    l->reach = i->reach > l->reach ? i->reach : l->reach;
    x->nf.at[item].next = NF_NONE;
    if (l->first == NF_NONE)
        l->first = item;
    else
        x->nf.at[l->last].next = item;
    l->last = item;
}

/* All children of @from, which is of the same kind, behind those of @list. */
static void list_absorb(struct normal_form *x, uint32_t list, uint32_t from)
{
    struct nf *l = &x->nf.at[list], *f = &x->nf.at[from];

    l->steady = false;
    l->strict |= f->strict;
    l->reach = f->reach > l->reach ? f->reach : l->reach;
    if (f->first == NF_NONE)
        return;
    if (l->first == NF_NONE)
        l->first = f->first;
    else
        x->nf.at[l->last].next = f->first;
    l->last = f->last;
    f->first = f->last = NF_NONE;
}

uint32_t nf_first(const struct normal_form *x, uint32_t i)
{
    while (i != NF_NONE && (x->nf.at[i].kind == NF_AND || x->nf.at[i].kind == NF_OR))
        i = x->nf.at[i].first;
    return i;
}

void nf_list_add(struct normal_form *x, uint32_t list, uint32_t item)
{
    if (x->nf.at[item].kind == x->nf.at[list].kind)
        list_absorb(x, list, item);
    else
        nf_list_append(x, list, item);
}

/* The furthest byte that loads in each value need; UINT32_MAX through a variable address. */
static bool measure_reach(struct normal_form *x)
{
    const struct ir_func *f = x->lw->f;

    x->value_reach = arena_array(x->a, uint32_t, f->value.n);
    if (!x->value_reach)
        return false;
    for (ir_value v = 0; v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        uint32_t *r = &x->value_reach[v];
        unsigned bytes = ir_read_bytes(n);
        if (n->op == IR_PHI || (bytes && n->a != IR_NONE) || (bytes && n->imm > UINT32_MAX - bytes)) {
            *r = UINT32_MAX;
            continue;
        }
        if (n->a != IR_NONE && x->value_reach[n->a] > *r)
            *r = x->value_reach[n->a];
        if (n->b != IR_NONE && x->value_reach[n->b] > *r)
            *r = x->value_reach[n->b];
        if (bytes && n->imm + bytes > *r)
            *r = n->imm + bytes;
    }
    return true;
}

/* What is being built. */
struct build {
    struct normal_form *x;
    const struct cond_node *node;
    bool *negated, *reached;
    uint32_t
        *of; /* by condition: its list, as the condition at the top of it, or NF_NONE; once built: its node */
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

/* Parents tell children whether they are negated and which list they are in. */
static void look_down(struct build *b, cond root)
{
    b->reached[root] = true;
    b->of[root] = NF_NONE;
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
            b->negated[b->node[i].left] = b->negated[i];
            b->reached[b->node[i].left] = true;
            b->of[b->node[i].left] = NF_NONE;
            continue;
        }
        if (b->items && is_list(b, i) && (list == NF_NONE || is_item(b, i, list)))
            list = i;
        cond child[2] = {b->node[i].left, b->node[i].right};
        for (int c = 0; c < (b->node[i].kind == COND_NOT ? 1 : 2); c++) {
            b->negated[child[c]] = b->negated[i] ^ (b->node[i].kind == COND_NOT);
            b->reached[child[c]] = true;
            b->of[child[c]] = list;
        }
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

/* The furthest byte that a search of lists.c needs; no deeper than a number has words. */
static uint32_t search_reach(const struct normal_form *x, cond i)
{
    const struct cond_node *n = &x->lw->node.at[i];
    uint32_t reach = 0, r[2] = {0, 0};

    if (n->kind == COND_CONSTANT)
        return 0;
    if (n->kind == COND_AND || n->kind == COND_OR) {
        r[0] = search_reach(x, n->left);
        r[1] = search_reach(x, n->right);
        return r[0] > r[1] ? r[0] : r[1];
    }
    reach = x->value_reach[n->on];
    for (uint32_t k = 0; n->kind == COND_SWITCH && k < n->sw->children; k++) {
        r[0] = search_reach(x, n->sw->child[k]);
        reach = r[0] > reach ? r[0] : reach;
    }
    return reach;
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
    if (!b.negated || !b.reached || !b.of || (!b.items && any_long) || !measure_reach(x) ||
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

struct ir_range *intervals_new(struct normal_form *x, uint32_t n)
{
    struct ir_range *s = arena_array(x->t, struct ir_range, n ? n : 1);

    x->failed |= !s;
    return s;
}

uint32_t nf_test_room(const struct normal_form *x, uint32_t i)
{
    const struct nf *n = &x->nf.at[i];
    uint32_t intervals = n->leaf != COND_FALSE ? x->lw->node.at[n->leaf].n : n->set.n;

    /* as it is, in its order, or what it leaves out */
    return (intervals > 1 ? intervals : 1) + 1 + (n->leaf != COND_FALSE ? 0 : n->set.ordered);
}

/* Where the test's outcome is @outcome. */
struct set nf_test_set(struct normal_form *x, uint32_t i, bool outcome)
{
    const struct nf *n = &x->nf.at[i];
    struct set s = n->set;

    if (n->leaf != COND_FALSE) {
        const struct cond_node *t = &x->lw->node.at[n->leaf];
        x->looked |= t->column != 0;
        struct ir_range *one = t->n ? NULL : intervals_new(x, 1);
        if (x->failed)
            return s;
        if (one)
            *one = t->one;
        s = (struct set){one ? one : t->set, one ? 1 : t->n, 0, NULL};
    }
    if (n->negated != outcome)
        return s;
    struct ir_range *rest = intervals_new(x, s.n + 1);
    uint32_t m = 0, lo = 0;
    bool open = true; /* something lies behind the last interval */
    for (uint32_t k = 0; rest && k < s.n; k++) {
        if (s.at[k].lo > lo)
            rest[m++] = (struct ir_range){lo, s.at[k].lo - 1};
        open = s.at[k].hi != UINT32_MAX;
        lo = s.at[k].hi + 1;
    }
    if (rest && open)
        rest[m++] = (struct ir_range){lo, UINT32_MAX};
    return (struct set){rest, m, 0, NULL};
}

static uint16_t column_of(const struct normal_form *x, uint32_t i)
{
    const struct nf *n = &x->nf.at[i];

    return n->leaf != COND_FALSE ? x->lw->node.at[n->leaf].column : 0;
}

bool nf_tests_equal(struct normal_form *x, uint32_t i, uint32_t j, bool outcome)
{
    struct nf_question q = {.column = {column_of(x, i), column_of(x, j)}};

    if (!q.column[0] || !q.column[1] || x->nf.at[i].negated != x->nf.at[j].negated) {
        struct set a = nf_test_set(x, i, outcome), b = nf_test_set(x, j, outcome);
        return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n * sizeof *a.at) == 0);
    }
    struct ir_range a = x->lw->node.at[x->nf.at[i].leaf].one, b = x->lw->node.at[x->nf.at[j].leaf].one;
    q.equal = a.lo == b.lo && a.hi == b.hi;
    x->failed |= !vec_push(x->a, &x->question, q);
    return q.equal;
}

bool sets_meet(struct set a, struct set b)
{
    for (uint32_t i = 0, k = 0; i < a.n && k < b.n;) {
        if (a.at[i].hi < b.at[k].lo)
            i++;
        else if (b.at[k].hi < a.at[i].lo)
            k++;
        else
            return true;
    }
    return false;
}

uint32_t set_size(struct set s)
{
    return s.ordered ? s.ordered : s.n;
}

uint32_t set_put(struct set s, struct ir_range *to)
{
    uint32_t n = set_size(s);

    if (n)
        memcpy(to, s.ordered ? s.order : s.at, n * sizeof *to);
    return n;
}

/* Compares that asking for each interval takes. */
static uint32_t compares(const struct ir_range *in, uint32_t n)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += in[i].lo == in[i].hi || in[i].lo == 0 || in[i].hi == UINT32_MAX ? 1 : 2;
    return sum;
}

/* The same for what lies between sorted intervals. */
static uint32_t compares_between(const struct ir_range *in, uint32_t n)
{
    uint32_t sum = in[0].lo != 0;

    for (uint32_t i = 1; i < n; i++)
        sum += in[i].lo == in[i - 1].hi + 2 ? 1 : 2;
    return sum + (in[n - 1].hi != UINT32_MAX);
}

/*
 * Networks and ranges, the lowest of which is asked for first: a search finds that one as soon, and others
 * sooner than one after the other.
 */
static bool better_searched(const struct ir_range *order, uint32_t n)
{
    uint32_t wide = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (order[i].lo < order[0].lo)
            return false;
        wide += compares(&order[i], 1) > 1;
    }
    return wide > 1;
}

struct set set_united(struct normal_form *x, struct ir_range *in, uint32_t n)
{
    struct ir_range order[ORDERED_MAX], *kept;
    uint32_t ordered = 0;

    for (uint32_t i = 0; i < n && ordered <= ORDERED_MAX; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < ordered && !seen; k++)
            seen = order[k].lo <= in[i].lo && in[i].hi <= order[k].hi;
        if (seen)
            continue;
        if (ordered < ORDERED_MAX)
            order[ordered] = in[i];
        ordered++;
    }
    uint32_t m = intervals_unite(x->w, in, n);
    struct set s = {in, m, 0, NULL};
    bool cheap = ordered > 1 && ordered <= ORDERED_MAX && compares(order, ordered) <= compares(in, m) &&
                 compares(order, ordered) <= compares_between(in, m) && !better_searched(order, ordered);
    if (cheap && (kept = intervals_new(x, ordered))) {
        memcpy(kept, order, ordered * sizeof *kept);
        s.order = kept;
        s.ordered = ordered;
    }
    return s;
}

/* Makes @leaf the test that has outcome @outcome where @on lies in @set. */
void nf_become_leaf(struct normal_form *x, uint32_t leaf, ir_value on, struct set set, bool outcome,
                    struct span at)
{
    struct nf *n = &x->nf.at[leaf];
    uint32_t next = n->next;

    x->changed = true;
    *n = (struct nf){.kind = NF_LEAF,
                     .negated = !outcome,
                     .leaf = COND_FALSE,
                     .on = on,
                     .set = set,
                     .at = at,
                     .next = next,
                     .reach = x->value_reach[on]};
}

/* ---------------------------------------------------------------- back to conditions */

/*
 * Do all parts of a list begin with tests of one value, of which no two leave their parts open? Where one of
 * OR holds, or one of AND does not, the others are decided.
 */
static bool is_exclusive(struct normal_form *x, uint32_t list)
{
    bool is_or = x->nf.at[list].kind == NF_OR;
    struct set set[EXCLUSIVE_MAX];
    uint32_t n = 0, first = NF_NONE;

    if (x->nf.at[list].strict)
        return false;
    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next, n++) {
        uint32_t head = x->nf.at[i].kind == (is_or ? NF_AND : NF_OR) ? x->nf.at[i].first : i;
        if (n == EXCLUSIVE_MAX || head == NF_NONE || !nf_is_test(x, head) ||
            x->nf.at[head].negated == is_or ||
            (first != NF_NONE && nf_test_value(x, head) != nf_test_value(x, first)))
            return false;
        first = first == NF_NONE ? head : first;
        set[n] = nf_test_set(x, head, is_or);
        for (uint32_t k = 0; k < n; k++)
            if (x->failed || sets_meet(set[k], set[n]))
                return false;
    }
    return n > 1;
}

static cond rebuild_one(struct normal_form *x, uint32_t i)
{
    struct lower *lw = x->lw;
    const struct nf *n = &x->nf.at[i];

    lw->at = n->at;
    switch ((enum nf_kind)n->kind) {
    case NF_LEAF: {
        cond leaf = n->leaf != COND_FALSE ? n->leaf : COND_FALSE;
        for (uint32_t k = 0; n->leaf == COND_FALSE && k < n->set.ordered; k++)
            leaf = cond_or(lw, leaf, cond_range(lw, n->on, n->set.order[k].lo, n->set.order[k].hi));
        if (n->leaf == COND_FALSE && n->set.ordered == 0)
            leaf = cond_in_set(lw, n->on, n->set.at, n->set.n);
        return n->negated ? cond_not(lw, leaf) : leaf;
    }
    case NF_SWITCH: {
        cond c = cond_switch(lw, n->on, n->to, n->cases, n->negated ? COND_TRUE : COND_FALSE);
        uint32_t which = 0;
        for (uint32_t child = n->first; child != NF_NONE; child = x->nf.at[child].next)
            cond_switch_child(lw, c, which++, x->nf.at[child].built);
        return c;
    }
    case NF_OR:
    case NF_AND: {
        cond all = n->kind == NF_AND ? COND_TRUE : COND_FALSE;
        bool exclusive = is_exclusive(x, i);
        for (uint32_t child = n->first; child != NF_NONE; child = x->nf.at[child].next) {
            cond c = x->nf.at[child].built;
            if (n->strict &&
                (c == COND_TRUE || c == COND_FALSE)) /* what stands before defines something: it must stay */
                c = cond_eq(lw, ir_const(lw->f, 0), c == COND_TRUE ? 0 : 1);
            cond both = n->kind == NF_AND ? cond_and(lw, all, c) : cond_or(lw, all, c);
            all = exclusive ? cond_exclusive(lw, both, all, c) : both;
            if (exclusive && !vec_push(x->a, &x->exclusive, all))
                x->failed = true;
        }
        return all;
    }
    }
    return COND_FALSE;
}

/* Children before parents, with a stack of (node, next child). */
cond nf_rebuild(struct normal_form *x, uint32_t root)
{
    struct visit {
        uint32_t node, next; /* the child to visit next */
    };
    VEC(struct visit) stack = {0};

    if (!vec_push(x->a, &stack,
                  ((struct visit){root, x->nf.at[root].kind == NF_LEAF ? NF_NONE : x->nf.at[root].first})))
        x->failed = true;
    while (stack.n && !x->failed && !x->lw->error) {
        struct visit *top = &stack.at[stack.n - 1];
        if (top->next == NF_NONE) {
            x->nf.at[top->node].built = rebuild_one(x, top->node);
            stack.n--;
            continue;
        }
        uint32_t child = top->next;
        top->next = x->nf.at[child].next;
        if (!vec_push(
                x->a, &stack,
                ((struct visit){child, x->nf.at[child].kind == NF_LEAF ? NF_NONE : x->nf.at[child].first})))
            x->failed = true;
    }
    return x->nf.at[root].built;
}
