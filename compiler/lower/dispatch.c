/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/dispatch.c - one list simplified: nested lists of its own kind, tests of one value, and alternatives
 * that all begin with a test of one value.
 *
 *   (t = ip and x or t = ip6 and y) and (t = ip and z or t = arp and w)        t = ip and x and z
 *
 * Most primitives begin by asking for the protocol of the link layer, so their conjunction asks again and
 * again. Here the value's range is cut into classes that no test divides, and the list becomes one
 * alternative for each class in which no child is decided. Within a class the children stay in order, so
 * nothing is evaluated earlier than before. A list of OR is a list of AND with the outcomes swapped.
 *
 * Nothing is duplicated: where a part would be needed in two classes the list is left as it is. Cost: linear
 * in the list and its children's heads; lists with more than MAX_ENTRIES of them are left alone.
 */
#include <stdlib.h>
#include "lower/normal_form.h"

#define MAX_ENTRIES  64
#define CHILDREN_MAX 64 /* dispatched together: a bit for each */
#define NESTED_MAX   8  /* lists being simplified that were made of others */
#define FEW          32 /* numbers and classes that are sorted without qsort() */

/* One alternative of a child: where the value lies in the set, `rest` decides (NF_NONE: the child is neutral
 * there). */
struct alternative {
    struct set set;
    uint32_t child; /* 0, 1, ... among the children dispatched together */
    uint32_t rest;
};

struct dispatch {
    struct normal_form *x;
    bool is_and;         /* the list's kind */
    ir_value on, chosen; /* chosen: that of a choice in the list */
    struct alternative alt[MAX_ENTRIES];
    uint32_t alts, children;
};

static uint8_t other_kind(uint8_t kind)
{
    return kind == NF_AND ? NF_OR : NF_AND;
}

/* The node @i becomes what @from is; @from is given up. */
static void become(struct normal_form *x, uint32_t i, uint32_t from)
{
    uint32_t next = x->nf.at[i].next;

    x->changed = true;
    x->nf.at[i] = x->nf.at[from];
    x->nf.at[i].next = next;
}

void nf_flatten(struct normal_form *x, uint32_t list)
{
    uint32_t child = x->nf.at[list].first, next;
    uint8_t kind = x->nf.at[list].kind;
    bool flat = true;

    for (uint32_t c = child; c != NF_NONE && flat; c = x->nf.at[c].next)
        flat = !nf_is_list(x, c) || (x->nf.at[c].kind != kind && x->nf.at[c].first != x->nf.at[c].last);
    if (flat)
        return;
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    for (; child != NF_NONE; child = next) {
        next = x->nf.at[child].next;
        while (x->nf.at[child].kind == other_kind(kind) && x->nf.at[child].first != NF_NONE &&
               x->nf.at[x->nf.at[child].first].next == NF_NONE)
            child = x->nf.at[child].first;
        nf_list_add(x, list, child);
    }
}

void nf_collapse(struct normal_form *x, uint32_t i)
{
    const struct nf list = x->nf.at[i];
    bool is_or = list.kind == NF_OR, same = true;
    const bool changed = x->changed;
    uint32_t total = 0, n = 0, tests = 0;

    if (list.first == NF_NONE || !nf_is_test(x, list.first))
        return;
    ir_value on = nf_test_value(x, list.first);
    for (uint32_t c = list.first; c != NF_NONE && same; c = x->nf.at[c].next) {
        same = nf_is_test(x, c) && nf_test_value(x, c) == on;
        total += same ? nf_test_room(x, c) : 0;
        tests++;
    }
    struct ir_range *all = same ? intervals_new(x, total) : NULL;
    if (!all)
        return;
    for (uint32_t c = list.first; c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        n += set_put(nf_test_set(x, c, is_or), all + n);
    }
    if (x->failed)
        return;
    struct set s = set_united(x, all, n);
    nf_become_leaf(x, i, on, s, is_or, x->nf.at[list.first].at);
    x->changed = changed || s.ordered != tests; /* otherwise the same tests are made in the same order */
}

/* ---------------------------------------------------------------- classes */

/* The value that an alternative of a child asks for first, or IR_NONE. */
static ir_value head_value(const struct normal_form *x, uint32_t i, uint8_t compound)
{
    if (x->nf.at[i].strict)
        return IR_NONE;
    if (x->nf.at[i].kind == compound && x->nf.at[i].first != NF_NONE)
        i = x->nf.at[i].first;
    return nf_is_test(x, i) ? nf_test_value(x, i) : IR_NONE;
}

/* The value that the child @c of a list of kind @kind, or each of its alternatives, asks for first; or
 * IR_NONE. */
static ir_value dispatch_value(const struct normal_form *x, uint32_t c, uint8_t kind)
{
    const struct nf *n = &x->nf.at[c];
    ir_value on = IR_NONE;
    uint32_t count = 0;

    if (nf_is_test(x, c))
        return nf_test_value(x, c);
    if (n->kind != other_kind(kind) || n->strict)
        return IR_NONE;
    for (uint32_t a = n->first; a != NF_NONE; a = x->nf.at[a].next) {
        ir_value v = head_value(x, a, kind);
        if (v == IR_NONE || (on != IR_NONE && v != on) || ++count > MAX_ENTRIES)
            return IR_NONE;
        on = v;
    }
    return on;
}

/*
 * The value of the first choice between alternatives in @list, or IR_NONE. Where there is one, what asks
 * whether that value lies somewhere and else for something else is an alternative like those: of AND, t != ip
 * or x is t != ip or t = ip and x.
 */
static ir_value chosen_value(const struct normal_form *x, uint32_t list)
{
    ir_value on = IR_NONE;
    uint32_t looked = 0;

    for (uint32_t c = x->nf.at[list].first; c != NF_NONE && on == IR_NONE && looked < CHILDREN_MAX;
         c = x->nf.at[c].next, looked++)
        if (!nf_is_test(x, c))
            on = dispatch_value(x, c, x->nf.at[list].kind);
    return on;
}

/* Does the child @c of a list of kind @kind ask where @chosen lies, and else for something else? */
static bool is_implication(const struct normal_form *x, uint32_t c, uint8_t kind, ir_value chosen)
{
    const struct nf *n = &x->nf.at[c];

    return chosen != IR_NONE && n->kind == other_kind(kind) && !n->strict && n->first != n->last &&
           nf_is_test(x, n->first) && nf_test_value(x, n->first) == chosen &&
           head_value(x, x->nf.at[n->first].next, kind) != chosen;
}

/* The value by which the child @c can be dispatched, or IR_NONE. */
static ir_value child_value(const struct normal_form *x, uint32_t c, uint8_t kind, ir_value chosen)
{
    return is_implication(x, c, kind, chosen) ? chosen : dispatch_value(x, c, kind);
}

static bool add_alternative(struct dispatch *d, struct set set, uint32_t rest)
{
    if (d->alts == MAX_ENTRIES)
        return false;
    d->alt[d->alts++] = (struct alternative){set, d->children, rest};
    return true;
}

/* The head is taken off of the rest when the classes turn out to be usable. */
static bool add_child(struct dispatch *d, uint32_t c)
{
    struct normal_form *x = d->x;
    const bool outcome = d->is_and;
    uint32_t first = nf_is_test(x, c) ? c : x->nf.at[c].first;
    bool ok = true;

    if (first == c) {
        ok = add_alternative(d, nf_test_set(x, c, outcome), NF_NONE);
    } else if (is_implication(x, c, outcome ? NF_AND : NF_OR, d->chosen)) {
        ok = add_alternative(d, nf_test_set(x, first, outcome), NF_NONE) &&
             add_alternative(d, nf_test_set(x, first, !outcome), c);
    } else {
        for (uint32_t a = first; a != NF_NONE && ok; a = x->nf.at[a].next)
            ok = nf_is_test(x, a) ? add_alternative(d, nf_test_set(x, a, outcome), NF_NONE)
                                  : add_alternative(d, nf_test_set(x, x->nf.at[a].first, outcome), a);
    }
    d->children += ok;
    return ok;
}

/* Where some alternatives hold and no others. */
struct class
{
    uint64_t holds; /* bits of alternatives */
    struct ir_range in;
};

/* In the order of the text: of the alternatives that hold in one class alone, the first decides. */
static int class_order(const void *a, const void *b)
{
    const struct class *x = a, *y = b;
    uint64_t differ = x->holds ^ y->holds;

    return differ ? (x->holds & differ & -differ ? -1 : 1) : interval_order(&x->in, &y->in);
}

static int number_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Most lists have few: they are sorted where they are. */
static void sort_numbers(uint32_t *at, uint32_t n)
{
    if (n > FEW) {
        qsort(at, n, sizeof *at, number_order);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        uint32_t one = at[i], k = i;
        for (; k > 0 && at[k - 1] > one; k--)
            at[k] = at[k - 1];
        at[k] = one;
    }
}

static void sort_classes(struct class *at, uint32_t n)
{
    if (n > FEW) {
        qsort(at, n, sizeof *at, class_order);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        struct class one = at[i];
        uint32_t k = i;
        for (; k > 0 && class_order(&at[k - 1], &one) > 0; k--)
            at[k] = at[k - 1];
        at[k] = one;
    }
}

/* Is every child open where the value is @k: does one of its alternatives hold? *@holds: which do. */
static bool all_open(const struct dispatch *d, uint32_t k, uint64_t *holds)
{
    uint64_t open = 0;

    *holds = 0;
    for (uint32_t i = 0; i < d->alts; i++) {
        const struct set *s = &d->alt[i].set;
        const uint64_t has = ir_ranges_meet(s->at, s->n, k, k);
        *holds |= has << i;
        open |= has << d->alt[i].child;
    }
    return open == UINT64_MAX >> (CHILDREN_MAX - d->children);
}

/* The classes in which no child is decided, intervals of one class together. False when there are too many.
 */
static bool find_classes(struct dispatch *d, struct class **out, uint32_t *count)
{
    struct normal_form *x = d->x;
    uint32_t total = 1, n = 0, m = 0;

    for (uint32_t i = 0; i < d->alts; i++)
        total += 2 * d->alt[i].set.n;
    if (total > 4 * MAX_ENTRIES)
        return false;
    uint32_t *start = arena_array(x->w, uint32_t, total);
    struct class *c = arena_array(x->w, struct class, total);
    if (!start || !c) {
        x->failed = true;
        return false;
    }
    start[n++] = 0;
    for (uint32_t i = 0; i < d->alts; i++)
        for (uint32_t k = 0; k < d->alt[i].set.n; k++) {
            start[n++] = d->alt[i].set.at[k].lo;
            if (d->alt[i].set.at[k].hi != UINT32_MAX)
                start[n++] = d->alt[i].set.at[k].hi + 1;
        }
    sort_numbers(start, n);
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 < n && start[i + 1] == start[i])
            continue;
        uint64_t holds;
        if (all_open(d, start[i], &holds))
            c[m++] = (struct class){holds, {start[i], i + 1 < n ? start[i + 1] - 1 : UINT32_MAX}};
    }
    sort_classes(c, m);
    *out = c;
    *count = m;
    return true;
}

/* No part is needed in two classes. */
static bool parts_are_single(const struct dispatch *d, const struct class *c, uint32_t n)
{
    uint64_t seen = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (i && c[i].holds == c[i - 1].holds)
            continue;
        for (uint32_t a = 0; a < d->alts; a++)
            if ((c[i].holds >> a & 1) && d->alt[a].rest != NF_NONE) {
                if (seen >> a & 1)
                    return false;
                seen |= UINT64_C(1) << a;
            }
    }
    return true;
}

/* A compound without its first child. */
static uint32_t without_first(struct normal_form *x, uint32_t i)
{
    struct nf *n = &x->nf.at[i];

    n->first = x->nf.at[n->first].next;
    n->steady = false;
    if (n->first == NF_NONE)
        n->last = NF_NONE;
    return i;
}

/* A list that was made here, whose parts are simple. What is in it may be dispatched in turn, and so on. */
static void simplify_list(struct normal_form *x, uint32_t list)
{
    if (x->failed)
        return;
    if (x->nested == NESTED_MAX) {
        nf_flatten(x, list);
        return;
    }
    x->nested++;
    nf_dispatch(x, list);
    x->regroup(x, list);
    x->nested--;
}

/* The alternative for one class: test, then what is left of each child. */
static uint32_t class_item(struct dispatch *d, uint64_t holds, struct set set, uint8_t kind, struct span at)
{
    struct normal_form *x = d->x;
    uint32_t item = nf_list_new(x, kind), test = nf_new(x, (struct nf){.kind = NF_LEAF});

    if (x->failed)
        return 0;
    nf_become_leaf(x, test, d->on, set, d->is_and, at);
    nf_list_append(x, item, test);
    for (uint32_t child = 0; child < d->children && !x->failed; child++) {
        uint32_t parts = 0, part = NF_NONE;
        bool neutral = false;
        for (uint32_t a = 0; a < d->alts; a++) {
            if (d->alt[a].child != child || !(holds >> a & 1))
                continue;
            if (d->alt[a].rest == NF_NONE) {
                neutral = true;
                continue;
            }
            uint32_t rest = without_first(x, d->alt[a].rest);
            if (x->nf.at[rest].first == NF_NONE) {
                neutral = true;
                continue;
            }
            if (parts++ == 0) {
                part = rest;
                continue;
            }
            if (parts == 2) {
                uint32_t list = nf_list_new(x, other_kind(kind));
                nf_list_append(x, list, part);
                part = list;
            }
            nf_list_append(x, part, rest);
        }
        if (neutral || part == NF_NONE)
            continue;
        if (parts > 1)
            simplify_list(x, part);
        nf_list_append(x, item, part);
    }
    simplify_list(x, item);
    return item;
}

/* The alternatives that replace the children, as one child of the list. */
static uint32_t dispatched(struct dispatch *d, const struct class *c, uint32_t n, uint8_t kind,
                           struct span at)
{
    struct normal_form *x = d->x;
    uint32_t all = nf_list_new(x, other_kind(kind));

    for (uint32_t i = 0, end; i < n && !x->failed; i = end) {
        for (end = i; end < n && c[end].holds == c[i].holds; end++)
            ;
        struct ir_range *in = intervals_new(x, end - i);
        if (!in)
            break;
        for (uint32_t k = i; k < end; k++)
            in[k - i] = c[k].in;
        nf_list_append(x, all, class_item(d, c[i].holds, set_united(x, in, end - i), kind, at));
    }
    if (!x->failed) {
        nf_flatten(x, all);
        nf_collapse(x, all);
    }
    return all;
}

/*
 * Dispatches the children from @first on that can be dispatched together by @on, the value of the first two;
 * *@next is the child behind them. *@many: they have too many alternatives.
 */
static uint32_t dispatch_run(struct normal_form *x, uint32_t first, ir_value on, ir_value chosen,
                             uint8_t kind, uint32_t *next, bool *many)
{
    struct dispatch d; /* the alternatives are not worth clearing */
    struct class *classes;
    uint32_t n, c = first;

    d.on = on;
    d.chosen = chosen;
    d.x = x;
    d.is_and = kind == NF_AND;
    d.alts = d.children = 0;
    for (; c != NF_NONE && d.children < CHILDREN_MAX && child_value(x, c, kind, chosen) == on;
         c = x->nf.at[c].next)
        if (!add_child(&d, c)) {
            *many = true;
            return NF_NONE;
        }
    if (!find_classes(&d, &classes, &n) || !parts_are_single(&d, classes, n))
        return NF_NONE;
    *next = c;
    x->changed = true;
    return dispatched(&d, classes, n, kind, x->nf.at[first].at);
}

/* The value by which the child @c may be dispatched with its neighbours: lone alternatives keep the order of
 * the text. */
static ir_value leading_value(const struct normal_form *x, uint32_t c, uint8_t kind, ir_value chosen)
{
    return kind == NF_OR && nf_is_test(x, c) ? IR_NONE : child_value(x, c, kind, chosen);
}

/* The children that would be dispatched together, once some have had too many alternatives: those that follow
 * often have. */
struct window {
    uint32_t end; /* the child behind them */
    uint32_t children, entries;
};

static uint32_t alternatives_of(const struct normal_form *x, uint32_t c)
{
    uint32_t n = 0;

    if (nf_is_test(x, c))
        return 1;
    for (uint32_t a = x->nf.at[c].first; a != NF_NONE; a = x->nf.at[a].next)
        n++;
    return n;
}

/* Have the children from the window's first on, which are dispatched by @on, too many alternatives? */
static bool too_many(const struct normal_form *x, struct window *w, ir_value on, ir_value chosen,
                     uint8_t kind)
{
    for (; w->end != NF_NONE && w->children < CHILDREN_MAX && child_value(x, w->end, kind, chosen) == on;
         w->end = x->nf.at[w->end].next) {
        w->entries += alternatives_of(x, w->end);
        w->children++;
    }
    return w->entries > MAX_ENTRIES;
}

/* The window's first child is @c, whose turn is over. */
static void window_move(const struct normal_form *x, struct window *w, uint32_t c)
{
    if (w->children == 0) {
        w->end = x->nf.at[c].next;
        return;
    }
    w->children--;
    w->entries -= alternatives_of(x, c);
}

void nf_dispatch(struct normal_form *x, uint32_t list)
{
    uint8_t kind = x->nf.at[list].kind;
    uint32_t next;
    bool many = false;
    struct window w = {.end = NF_NONE};

    if ((kind != NF_AND && kind != NF_OR) || x->left == 0)
        return;
    nf_flatten(x, list);
    nf_collapse(x, list);
    if (x->nf.at[list].kind != kind ||
        x->nf.at[list].first == NF_NONE) /* flat, there may be nothing left of it */
        return;
    bool used = nf_is_test(x, x->nf.at[list].first); /* what the first tests say, of the list as it is */
    if (used)
        nf_use_tests(x, list);
    uint32_t child = x->nf.at[list].first;
    const ir_value chosen = chosen_value(x, list);
    ir_value on = leading_value(x, child, kind, chosen);
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    for (; child != NF_NONE && !x->failed; child = next) {
        uint32_t one = child;
        next = x->nf.at[child].next;
        ir_value next_on = next == NF_NONE ? IR_NONE : leading_value(x, next, kind, chosen);
        if (on != IR_NONE && on == next_on && !(many && too_many(x, &w, on, chosen, kind))) {
            bool before = many;
            uint32_t together = dispatch_run(x, child, on, chosen, kind, &next, &many);
            one = together == NF_NONE ? child : together;
            used &= together == NF_NONE;
            next_on = together == NF_NONE ? next_on
                      : next == NF_NONE   ? IR_NONE
                                          : leading_value(x, next, kind, chosen);
            if (many != before || together != NF_NONE)
                w = (struct window){.end = next};
            else if (many)
                window_move(x, &w, child);
        } else if (many) {
            window_move(x, &w, child);
        }
        nf_list_add(x, list, one);
        on = next_on;
    }
    nf_flatten(x, list); /* what was dispatched may be one list of the same kind */
    if (!used)
        nf_use_tests(x, list);
    if (x->nf.at[list].first != NF_NONE && x->nf.at[list].first == x->nf.at[list].last && !x->failed)
        become(x, list, x->nf.at[list].first);
}
