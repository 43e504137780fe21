/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/order.c - tests that look into sets are made behind those that need no lookup.
 *
 *   t = ip and (s in @a or d in @a) and p = 6        t = ip and p = 6 and (s in @a or d in @a)
 *
 * A lookup takes as long as dozens of other tests, so within one list what costs less of them goes first; the
 * rest keeps the order of the text.
 *
 * Refines. What moves ahead of part p of a list either reaches no further into the packet than the test that
 * p begins with, which was made anyway; or the list is an AND that rejects the packet when it fails: a packet
 * that is accepted passes through all of its parts, in whichever order, and makes the same loads in them.
 * Nothing moves past a requirement or a definition.
 *
 * Cost: linear, as a part moves past OVERTAKE_MAX others at most. Not run on filters without sets.
 */
#include "lower/normal_form.h"

#define OVERTAKE_MAX     8
#define ALTERNATIVES_MAX 16 /* of a list of OR that are looked at for whether they exclude each other */

/* A list to be looked at. Fatal: the packet is rejected when it fails. */
struct visit {
    uint32_t node;
    bool fatal;
};

struct order {
    struct normal_form *x;
    uint32_t *value_cost; /* by value: nanoseconds of its lookups */
    uint32_t *cost;       /* by node */
    VEC(struct visit) todo;
};

/* Nanoseconds that a lookup in a set of 1,000 members takes, about (bench/sets). */
static uint32_t lookup_cost(const struct ir_node *n)
{
    return n->op == IR_LOOKUP16    ? 25
           : n->op == IR_LOOKUP48  ? 35
           : n->op == IR_LOOKUP32  ? 65
           : n->op == IR_LOOKUP128 ? 80
                                   : 0;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a + b < a ? UINT32_MAX : a + b;
}

static void push(struct order *o, uint32_t node, bool fatal)
{
    if (!vec_push(o->x->a, &o->todo, ((struct visit){node, fatal})))
        o->x->failed = true;
}

static void cost_values(struct order *o)
{
    const struct ir_func *f = o->x->lw->f;

    for (ir_value v = 0; v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        uint32_t of = lookup_cost(n);
        if (n->op != IR_PHI && n->a != IR_NONE)
            of = sum(of, o->value_cost[n->a]);
        if (n->op != IR_PHI && n->b != IR_NONE)
            of = sum(of, o->value_cost[n->b]);
        o->value_cost[v] = of;
    }
}

/* Of each node below @top, all lookups in it: nodes in front of their children, then backwards. */
static void cost_nodes(struct order *o, uint32_t top)
{
    struct normal_form *x = o->x;

    push(o, top, false);
    for (uint32_t i = 0; i < o->todo.n && !x->failed; i++) {
        const struct nf *n = &x->nf.at[o->todo.at[i].node];
        for (uint32_t c = n->kind == NF_LEAF ? NF_NONE : n->first; c != NF_NONE; c = x->nf.at[c].next)
            push(o, c, false);
    }
    for (uint32_t i = o->todo.n; i-- > 0 && !x->failed;) {
        uint32_t at = o->todo.at[i].node;
        const struct nf *n = &x->nf.at[at];
        if (n->kind == NF_LEAF || n->kind == NF_SWITCH)
            o->cost[at] = o->value_cost[n->on];
        for (uint32_t c = n->kind == NF_LEAF ? NF_NONE : n->first; c != NF_NONE; c = x->nf.at[c].next)
            o->cost[at] = sum(o->cost[at], o->cost[c]);
    }
    o->todo.n = 0;
}

/* How far into the packet the test reaches that is made first in @i. */
static nf_reach first_reach(const struct normal_form *x, uint32_t i)
{
    i = nf_first(x, i);
    return i == NF_NONE || (x->nf.at[i].kind == NF_LEAF && !nf_is_test(x, i))
               ? UINT32_MAX
               : x->value_reach[x->nf.at[i].on];
}

/* May @part of an AND or OR go in front of the one before it? @fatal: the list rejects the packet if either
 * fails. */
static bool may_move(const struct normal_form *x, uint32_t part, uint32_t before, bool fatal)
{
    nf_reach reach = reach_known(first_reach(x, before));

    if (x->nf.at[part].strict || x->nf.at[before].strict)
        return false;
    return fatal || reach_within(x->nf.at[part].reach, reach);
}

/* Cheaper parts of @list to the front. @fatal: it is an AND whose failing rejects the packet. */
static void sort_parts(struct order *o, uint32_t list, bool fatal)
{
    struct normal_form *x = o->x;
    uint32_t n = 0;

    for (uint32_t c = x->nf.at[list].first; c != NF_NONE; c = x->nf.at[c].next)
        n++;
    uint32_t *part = arena_array(x->w, uint32_t, n ? n : 1);
    if (!part) {
        x->failed = true;
        return;
    }
    n = 0;
    for (uint32_t c = x->nf.at[list].first; c != NF_NONE; c = x->nf.at[c].next) {
        uint32_t at = n++;
        for (uint32_t moves = 0; at > 0 && moves < OVERTAKE_MAX && o->cost[part[at - 1]] > o->cost[c];
             moves++, at--) {
            if (!may_move(x, c, part[at - 1], fatal))
                break;
            part[at] = part[at - 1];
        }
        part[at] = c;
    }
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    for (uint32_t i = 0; i < n; i++)
        nf_list_append(x, list, part[i]);
}

/* The test that part @i of a list of OR begins with, or NF_NONE. */
static uint32_t head_of(const struct normal_form *x, uint32_t i)
{
    if (x->nf.at[i].kind == NF_AND && x->nf.at[i].first != NF_NONE)
        i = x->nf.at[i].first;
    return nf_is_test(x, i) ? i : NF_NONE;
}

/*
 * Does no alternative behind @i hold where the test holds that @i begins with? Then, as nothing moves in
 * front of that test, which makes no lookup, the whole list fails with what stands behind it.
 */
static bool excludes_later(struct order *o, uint32_t i)
{
    struct normal_form *x = o->x;
    uint32_t head = head_of(x, i), looked = 0;

    if (head == NF_NONE || x->nf.at[i].kind != NF_AND || o->cost[head])
        return false;
    struct set s = nf_test_set(x, head, true);
    for (uint32_t c = x->nf.at[i].next; c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        uint32_t other = head_of(x, c);
        if (other == NF_NONE || ++looked == ALTERNATIVES_MAX ||
            nf_test_value(x, other) != nf_test_value(x, head) || sets_meet(s, nf_test_set(x, other, true)))
            return false;
    }
    return !x->failed;
}

/* Orders the parts of the list @v, then asks for the same in each of them that has lookups. */
static void order_list(struct order *o, struct visit v)
{
    struct normal_form *x = o->x;
    const uint8_t kind = x->nf.at[v.node].kind;

    if (kind != NF_SWITCH)
        sort_parts(o, v.node, kind == NF_AND && v.fatal);
    for (uint32_t c = x->nf.at[v.node].first; c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        bool last = kind != NF_OR || x->nf.at[c].next == NF_NONE;
        if (x->nf.at[c].kind != NF_LEAF && o->cost[c])
            push(o, c, v.fatal && (last || excludes_later(o, c)));
    }
}

void nf_order(struct normal_form *x, uint32_t top)
{
    struct order o = {.x = x,
                      .value_cost = arena_array(x->a, uint32_t, x->lw->f->value.n),
                      .cost = arena_array(x->a, uint32_t, x->nf.n)};

    if (!o.value_cost || !o.cost) {
        x->failed = true;
        return;
    }
    cost_values(&o);
    cost_nodes(&o, top);
    if (x->nf.at[top].kind != NF_LEAF)
        push(&o, top, true);
    while (o.todo.n && !x->failed)
        order_list(&o, o.todo.at[--o.todo.n]);
    x->changed = true;
}
