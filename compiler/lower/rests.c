/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/rests.c - may what stands behind the choice of a pair be evaluated where one side is found?
 *
 * distribute.c says what that asks for. Of a packet that the plain program accepts at the first side of a
 * pair, only first sides are asked for, and rests behind them, as there. One that it accepts at a second side
 * meets the rests of later pairs before, which may read nothing that it lacks. It holds what that side and
 * the rest behind it have read. That is known of rests that are alike, and of those that ask for one value
 * beyond what is held, or for two, which all read one; the other one has to wait then (pair_table.c).
 *
 * Cost: linear in the pairs.
 */
#include "lower/distribute.h"

#define LOOKS_MAX 65536 /* first sides that are compared with those of the first item */

/* ---------------------------------------------------------------- what accepted packets hold */

nf_reach distribute_first_reach(const struct distribution *d, uint32_t i)
{
    const uint32_t first = nf_first(d->x, i);

    return first == NF_NONE ? 0 : reach_known(d->x->nf.at[first].reach);
}

/* Has whatever holds in @i read @v? */
static bool must_read(const struct distribution *d, uint32_t i, ir_value v)
{
    const struct nf *n = &d->x->nf.at[i];
    const uint32_t first = nf_first(d->x, i);
    bool read = first != NF_NONE && nf_test_value(d->x, first) == v;

    for (uint32_t c = n->kind == d->compound ? n->first : NF_NONE; c != NF_NONE && !read;
         c = d->x->nf.at[c].next)
        read = must_read(d, c, v);
    return read;
}

/* Does no packet pass a first side both of the first item and of that of pair @k, its first? */
static bool excludes_first(struct distribution *d, uint32_t k, uint32_t *looks)
{
    bool exclude = true;

    for (uint32_t a = 0; a < d->pair[0].ways && exclude; a++)
        for (uint32_t b = 0; b < d->pair[k].ways && exclude; b++)
            exclude = ++*looks < LOOKS_MAX &&
                      factor_exclude(d->x, d->pair[a].side[0], d->pair[k + b].side[0], d->kind);
    return exclude;
}

/* Does every packet that passes all items hold d? Its s is not in the sets of two that exclude each other. */
static bool second_is_read(struct distribution *d)
{
    bool read = d->single && d->lead < d->n;
    uint32_t looks = 0;

    for (uint32_t k = d->pair[0].ways; k < d->n && !read; k += d->pair[k].ways)
        read = excludes_first(d, k, &looks);
    return read;
}

/* What whatever holds in pair @k's rest has read. */
static nf_reach rest_must_reach(const struct distribution *d, uint32_t k)
{
    nf_reach all = 0;

    for (uint32_t c = rest_of(d, k); c != NF_NONE; c = d->x->nf.at[c].next)
        all = reach_both(all, factor_must_read(d->x, c, d->compound));
    return all;
}

/* Finds what accepted packets hold. */
static bool find_held(struct distribution *d)
{
    struct normal_form *x = d->x;
    nf_reach must = REACH_UNKNOWN, by_second = REACH_UNKNOWN;
    const nf_reach second = x->value_reach[d->on[1]];

    d->lone = d->single;
    for (uint32_t k = 0; k < d->n; k++) {
        const nf_reach rest = rest_must_reach(d, k);
        must = reach_either(must, rest);
        by_second = reach_either(by_second,
                                 reach_both(rest, factor_must_read(d->x, d->pair[k].side[1], d->compound)));
        d->lone &=
            x->nf.at[d->pair[k].side[0]].kind == NF_LEAF && x->nf.at[d->pair[k].side[1]].kind == NF_LEAF;
    }
    if (!second_is_read(d))
        return false;
    d->held = reach_both(d->known, reach_known(second));
    d->passed = reach_both(d->held, reach_known(x->value_reach[d->on[0]]));
    d->all_hold = true;
    if (second != REACH_UNKNOWN && reach_within(second, must)) {
        d->held = reach_both(d->known, must);
        d->all_hold = false;
        d->lead = 0;
    }
    d->by_second = reach_both(by_second, d->held);
    return true;
}

/* ---------------------------------------------------------------- rests that are alike */

#define SHAPES_MAX   8
#define ASKED_MAX    4  /* parts of a rest of which it is known what they ask for */
#define ASKED_PIECES 16 /* intervals of that; more are taken for any number */

/* Rests that ask the same of the same loads, but for numbers. */
struct shape {
    uint32_t first;              /* the first part of the first of them */
    uint32_t varies;             /* a bit for each leaf, in order: others ask for something else there */
    bool far;                    /* they ask for what packets may lack */
    struct set asked[ASKED_MAX]; /* what any of them asks for in that part, which is a test */
};

/* Part of a shape. */
struct part {
    bool varies, far;
    bool safe; /* where one accepts, it has read what any other would read */
};

static bool is_far(const struct distribution *d, uint32_t leaf)
{
    return !reach_within(d->x->nf.at[leaf].reach, d->by_second);
}

/* Does leaf @i need no load that @like, where it was evaluated, has not made? */
static bool reads_alike(const struct distribution *d, uint32_t like, uint32_t i)
{
    const struct ir_func *f = d->x->lw->f;

    return (!is_far(d, like) && !is_far(d, i)) ||
           ir_whole_of(f, nf_test_value(d->x, like)) == ir_whole_of(f, nf_test_value(d->x, i));
}

/* Are the parts from @like and from @i on of one shape? *leaf counts leaves, and those that differ go to
 * *varies. */
static bool is_alike(struct distribution *d, uint32_t like, uint32_t i, uint32_t *leaf, uint32_t *varies)
{
    struct normal_form *x = d->x;
    bool alike = true;

    for (; alike && like != NF_NONE && i != NF_NONE; like = x->nf.at[like].next, i = x->nf.at[i].next) {
        alike = x->nf.at[like].kind == x->nf.at[i].kind;
        if (alike && x->nf.at[like].kind != NF_LEAF) {
            alike = is_alike(d, x->nf.at[like].first, x->nf.at[i].first, leaf, varies);
        } else if (alike) {
            bool same = nf_test_value(x, like) == nf_test_value(x, i) &&
                        set_equal(nf_test_set(x, like, true), nf_test_set(x, i, true));
            alike = same || reads_alike(d, like, i);
            *varies |= (uint32_t)!same << (*leaf)++;
        }
    }
    return alike && like == i;
}

/*
 * Looks at the parts from @i on, all of which have to hold, or one of which has to (@any). Of those, an
 * earlier one that varies may hold in one rest and not in another: then what stands behind it needs no more
 * than packets have; nor may anything stand behind it if it needs more itself.
 */
static struct part look_at_parts(const struct distribution *d, const struct shape *s, uint32_t i, bool any,
                                 uint32_t *leaf)
{
    struct part all = {.safe = true};
    bool last = false;

    for (; i != NF_NONE; i = d->x->nf.at[i].next) {
        const struct nf *n = &d->x->nf.at[i];
        struct part p = n->kind == NF_LEAF ? (struct part){s->varies >> (*leaf)++ & 1, is_far(d, i), true}
                                           : look_at_parts(d, s, n->first, n->kind == d->kind, leaf);
        all.safe &= p.safe && !(any && (last || (all.varies && p.far)));
        last |= p.varies && p.far;
        all.varies |= p.varies;
        all.far |= p.far;
    }
    return all;
}

/* Adds what the first parts of pair @k's rest, as far as they are tests, ask for to what others of shape @s
 * ask for: any number where that is another value. */
static void add_asked(struct distribution *d, struct shape *s, uint32_t k)
{
    static const struct ir_range any = {0, UINT32_MAX};
    struct normal_form *x = d->x;
    uint32_t like = s->first;

    for (uint32_t c = rest_of(d, k), i = 0; c != NF_NONE && i < ASKED_MAX && !x->failed;
         c = x->nf.at[c].next, like = x->nf.at[like].next, i++) {
        if (x->nf.at[c].kind != NF_LEAF || s->asked[i].at == &any)
            continue;
        struct set own = nf_test_set(x, c, d->kind == NF_OR), *asked = &s->asked[i];
        if (!set_equal(own, *asked)) {
            struct ir_range *both = intervals_new(x, set_size(own) + set_size(*asked));
            if (!both)
                return;
            uint32_t n = set_put(own, both);
            n += set_put(*asked, both + n);
            *asked = set_united(x, both, n);
        }
        if (asked->n > ASKED_PIECES || nf_test_value(x, c) != nf_test_value(x, like))
            *asked = (struct set){&any, 1, 0, NULL};
    }
}

/* Finds the shape of the rest of pair @k: one of the @n there are, or another; false when those are too many.
 */
static bool find_shape(struct distribution *d, struct shape *shape, uint32_t *n, uint32_t k)
{
    uint32_t s = 0, leaf = 0, varies = 0;

    while (s < *n && !is_alike(d, shape[s].first, rest_of(d, k), &leaf, &varies)) {
        leaf = varies = 0;
        s++;
    }
    if (s == SHAPES_MAX)
        return false;
    if (s == *n)
        shape[(*n)++] = (struct shape){.first = rest_of(d, k)};
    shape[s].varies |= varies;
    add_asked(d, &shape[s], k);
    return true;
}

/* No packet passes a rest of both shapes: all of one ask for other numbers than all of the other. */
static bool shapes_exclude(const struct distribution *d, const struct shape *s, const struct shape *t)
{
    const struct normal_form *x = d->x;

    for (uint32_t a = s->first, i = 0; a != NF_NONE && i < ASKED_MAX; a = x->nf.at[a].next, i++)
        for (uint32_t b = t->first, k = 0; b != NF_NONE && k < ASKED_MAX; b = x->nf.at[b].next, k++)
            if (nf_is_test(x, a) && nf_is_test(x, b) && nf_test_value(x, a) == nf_test_value(x, b) &&
                !sets_meet(s->asked[i], t->asked[k]))
                return true;
    return false;
}

/* Does the first way to begin of pair @k need no more than packets have? */
static bool side_is_held(const struct distribution *d, uint32_t k)
{
    const uint32_t side = d->pair[k].side[0];

    return d->x->nf.at[side].kind == NF_LEAF || distribute_is_within(d, side, d->by_second);
}

/*
 * Does a rest that accepts read all that any other rest would have read of the packet? Of one shape each part
 * says so, and of two no packet passes both.
 */
static bool rests_are_alike(struct distribution *d)
{
    struct shape shape[SHAPES_MAX];
    uint32_t n = 0;
    bool alike = true;

    for (uint32_t k = 0; k < d->n && alike && !d->x->failed; k++)
        alike = side_is_held(d, k) && find_shape(d, shape, &n, k);
    for (uint32_t s = 0; s < n && alike; s++) {
        uint32_t leaf = 0;
        struct part p = look_at_parts(d, &shape[s], shape[s].first, false, &leaf);
        shape[s].far = p.far;
        alike = p.safe;
        for (uint32_t t = 0; t < s && alike; t++)
            alike = (!shape[s].far && !shape[t].far) || shapes_exclude(d, &shape[s], &shape[t]);
    }
    return alike && !d->x->failed;
}

/* ---------------------------------------------------------------- rests that are not */

/* Collects the values in @i that accepted packets may lack; false when there are too many. */
static bool find_far(struct distribution *d, uint32_t i)
{
    const struct nf *n = &d->x->nf.at[i];
    bool ok = true;

    if (n->kind == NF_LEAF) {
        ir_value v = nf_test_value(d->x, i);
        bool known = v == d->on[0] || v == d->on[1] || reach_within(n->reach, d->held);
        for (uint32_t k = 0; k < d->fars; k++)
            known |= d->far[k] == v;
        if (known)
            return true;
        if (d->fars == 2)
            return false;
        d->far[d->fars++] = v;
        return true;
    }
    for (uint32_t c = n->first; c != NF_NONE && ok; c = d->x->nf.at[c].next)
        ok = find_far(d, c);
    return ok;
}

/* May other rests be tested where they are? Otherwise d->late is the value that has to wait, or all is left
 * as it is. */
static bool find_late(struct distribution *d)
{
    bool read = true;

    d->fars = 0;
    d->late = IR_NONE;
    for (uint32_t k = 0; k < d->n; k++)
        if (!find_far(d, d->pair[k].item))
            return false;
    for (uint32_t k = 0; k < d->n && d->fars && read; k++) {
        read = false;
        for (uint32_t c = rest_of(d, k); c != NF_NONE && !read; c = d->x->nf.at[c].next)
            read = must_read(d, c, d->far[0]);
    }
    if (d->fars == 2 || (d->fars == 1 && !read))
        d->late = d->far[d->fars - 1];
    return d->fars < 2 || read;
}

bool distribute_may(struct distribution *d)
{
    d->late = IR_NONE;
    if (!find_held(d) || !distribute_reads_words(d)) {
        d->held = 0;
        return false;
    }
    distribute_find_read_words(d);
    if (rests_are_alike(d))
        return true;
    return find_late(d) && (d->late == IR_NONE || (d->lead < d->n && (d->lone || d->lead == 0)));
}
