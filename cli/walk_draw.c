/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/walk_draw.c - diagrams: nodes, the operations on them, and drawing a program's states from last to
 * first.
 */
#include <stdlib.h>
#include <string.h>
#include "walk.h"

uint32_t walk_field_at(const struct walk *w, ref d)
{
    return d < OUTCOMES ? NONE : w->node.at[d - OUTCOMES].field;
}

static uint32_t node_hash_of(const struct walk *w, const struct node *n)
{
    uint32_t h = n->field;

    for (uint32_t i = 0; i < n->n; i++)
        h = mix(mix(h, w->edge.at[n->at + i].last), w->edge.at[n->at + i].to);
    return h;
}

/* The node whose edges are those from @at on; they are dropped when there is one already, or need of none. */
static ref node_make(struct walk *w, uint32_t field, uint32_t at)
{
    struct node n = {field, at, w->edge.n - at};

    pay(w, n.n);
    if (stopped(w))
        return REJECT;
    if (n.n == 1) {
        ref to = w->edge.at[at].to;
        w->edge.n = at;
        return to;
    }
    if (2 * w->node.n >= w->node_hash_size) {
        uint32_t size = w->node_hash_size ? 2 * w->node_hash_size : 1024;
        uint32_t *table = calloc(size, sizeof *table);
        if (!table) {
            w->no_memory = true;
            return REJECT;
        }
        for (uint32_t i = 0; i < w->node.n; i++) {
            uint32_t h = node_hash_of(w, &w->node.at[i]);
            pay(w, w->node.at[i].n);
            while (table[h & (size - 1)])
                h++;
            table[h & (size - 1)] = i + 1;
        }
        free(w->node_hash);
        w->node_hash = table;
        w->node_hash_size = size;
    }
    uint32_t h = node_hash_of(w, &n);
    for (; w->node_hash[h & (w->node_hash_size - 1)]; h++) {
        uint32_t i = w->node_hash[h & (w->node_hash_size - 1)] - 1;
        const struct node *o = &w->node.at[i];
        if (o->field == field && o->n == n.n &&
            memcmp(&w->edge.at[o->at], &w->edge.at[at], n.n * sizeof(struct edge)) == 0) {
            w->edge.n = at;
            return i + OUTCOMES;
        }
    }
    if (!PUSH(w, &w->node, n))
        return REJECT;
    w->node_hash[h & (w->node_hash_size - 1)] = w->node.n;
    return w->node.n - 1 + OUTCOMES;
}

/* Appends an edge to the node in the making, which began at @at of @e. */
static void edge_put(struct walk *w, struct edges *e, uint32_t at, uint32_t last, ref to)
{
    if (e->n > at && e->at[e->n - 1].to == to)
        e->at[e->n - 1].last = last;
    else
        PUSH(w, e, (struct edge){last, to});
}

/* ---- results of the operation at hand, by its two operands */

ref *walk_memo_find(struct walk *w, ref p, ref q)
{
    if (2 * w->memo_n >= w->memo_size) {
        uint32_t size = w->memo_size ? 2 * w->memo_size : 4096;
        struct memo *table = calloc(size, sizeof *table);
        if (!table) {
            w->no_memory = true;
            return NULL;
        }
        for (uint32_t i = 0; i < w->memo_size; i++)
            if (w->memo[i].epoch == w->epoch) {
                uint32_t h = mix(mix(7, w->memo[i].p), w->memo[i].q);
                while (table[h & (size - 1)].epoch)
                    h++;
                table[h & (size - 1)] = w->memo[i];
            }
        free(w->memo);
        w->memo = table;
        w->memo_size = size;
    }
    uint32_t h = mix(mix(7, p), q);
    for (;; h++) {
        struct memo *m = &w->memo[h & (w->memo_size - 1)];
        if (m->epoch != w->epoch) {
            *m = (struct memo){p, q, NONE, w->epoch};
            w->memo_n++;
            return &m->result;
        }
        if (m->p == p && m->q == q)
            return &m->result;
    }
}

/* The node of edges that were collected apart, as others were made meanwhile: the result for @p and @q. Frees
 * @e. */
static ref edges_end(struct walk *w, struct edges *e, uint32_t field, ref p, ref q)
{
    uint32_t at = w->edge.n;

    for (uint32_t i = 0; i < e->n; i++)
        PUSH(w, &w->edge, e->at[i]);
    free(e->at);
    if (stopped(w))
        return REJECT;
    ref result = node_make(w, field, at);
    ref *known = walk_memo_find(w, p, q);
    if (known)
        *known = result;
    return result;
}

void walk_memo_clear(struct walk *w)
{
    w->epoch++;
    w->memo_n = 0;
}

/* Where the edges of @d for field @field are; a node of another field is one edge to itself. */
const struct edge *walk_edges_of(const struct walk *w, ref d, uint32_t field, struct edge *self)
{
    if (walk_field_at(w, d) == field)
        return &w->edge.at[w->node.at[d - OUTCOMES].at];
    *self = (struct edge){UINT32_MAX, d};
    return self;
}

/*
 * If the field @field lies in @set then @yes, else @no. Recurses once for each field before @field:
 * FIELDS_MAX deep at most.
 */
static ref choose(struct walk *w, uint32_t field, struct set set, ref yes, ref no)
{
    uint32_t fy = walk_field_at(w, yes), fn = walk_field_at(w, no), top = fy < fn ? fy : fn;

    if (yes == no || stopped(w))
        return yes;
    if (top >= field) { /* here */
        uint32_t at = w->edge.n, s = 0, begin = 0, i = 0, k = 0;
        for (;;) {
            struct edge self_y, self_n;
            const struct edge *y = walk_edges_of(w, yes, field, &self_y) + i,
                              *n = walk_edges_of(w, no, field, &self_n) + k;
            const struct interval *v = s < set.n ? &w->pool.at[set.at + s] : NULL;
            bool in = v && v->lo <= begin;
            uint32_t last = in ? v->hi : v ? v->lo - 1 : UINT32_MAX;
            last = in ? (y->last < last ? y->last : last) : (n->last < last ? n->last : last);
            edge_put(w, &w->edge, at, last, in ? y->to : n->to);
            pay(w, 1);
            if (last == UINT32_MAX || stopped(w))
                break;
            begin = last + 1;
            while (s < set.n && w->pool.at[set.at + s].hi < begin)
                s++;
            if (walk_field_at(w, yes) == field)
                while (w->edge.at[w->node.at[yes - OUTCOMES].at + i].last < begin) {
                    i++;
                    pay(w, 1);
                }
            if (walk_field_at(w, no) == field)
                while (w->edge.at[w->node.at[no - OUTCOMES].at + k].last < begin) {
                    k++;
                    pay(w, 1);
                }
        }
        return node_make(w, field, at);
    }
    ref *known = walk_memo_find(w, yes, no);
    if (!known || *known != NONE)
        return known ? *known : REJECT;

    /* an earlier field first */
    struct edges e = {0};
    uint32_t i = 0, k = 0;
    for (;;) {
        struct edge self_y, self_n;
        struct edge y = walk_edges_of(w, yes, top, &self_y)[i], n = walk_edges_of(w, no, top, &self_n)[k];
        uint32_t last = y.last < n.last ? y.last : n.last;
        ref to = choose(w, field, set, y.to, n.to);
        pay(w, 1);
        if (stopped(w))
            break;
        edge_put(w, &e, 0, last, to);
        if (last == UINT32_MAX)
            break;
        i += y.last == last;
        k += n.last == last;
    }
    return edges_end(w, &e, top, yes, no);
}

static ref drawn(const struct walk *w, ref r)
{
    return r < OUTCOMES ? r : w->threaded.at[r - OUTCOMES].drawn;
}

struct member {
    uint32_t field;
    struct set set;
    bool opposite;
};

static int member_order(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return x->field != y->field ? (x->field > y->field ? -1 : 1) : 0;
}

/* @d where @field lies in @set; elsewhere it may be anything. Recurses over fields. */
static ref simplify(struct walk *w, ref d, uint32_t field, struct set set)
{
    uint32_t top = walk_field_at(w, d), at;

    if (top == NONE || top > field || stopped(w))
        return d;
    const struct node n = w->node.at[d - OUTCOMES];
    if (top == field) {
        uint32_t lo = 0, hi = n.n - 1, first = w->pool.at[set.at].lo;
        while (lo < hi) {
            uint32_t middle = lo + (hi - lo) / 2;
            if (w->edge.at[n.at + middle].last < first)
                lo = middle + 1;
            else
                hi = middle;
        }
        at = w->edge.n;
        for (uint32_t s = 0; s < set.n && !stopped(w);) {
            const struct interval v = w->pool.at[set.at + s];
            const struct edge e = w->edge.at[n.at + lo];
            pay(w, 1);
            if (e.last >= v.lo)
                edge_put(w, &w->edge, at, e.last < v.hi ? e.last : v.hi, e.to);
            if (e.last >= v.hi)
                s++;
            else
                lo++;
        }
        if (stopped(w))
            return REJECT;
        w->edge.at[w->edge.n - 1].last = UINT32_MAX;
        return node_make(w, field, at);
    }
    ref *known = walk_memo_find(w, d, d);
    if (!known || *known != NONE)
        return known ? *known : REJECT;
    struct edges e = {0};
    for (uint32_t i = 0; i < n.n && !stopped(w); i++) {
        struct edge old = w->edge.at[n.at + i];
        ref to = simplify(w, old.to, field, set);
        pay(w, 1);
        edge_put(w, &e, 0, old.last, to);
    }
    return edges_end(w, &e, top, d, d);
}

/* @d for packets of which the first @n things are given. */
static ref simplify_all(struct walk *w, ref d, uint32_t n)
{
    for (uint32_t i = 0; i < n && d >= OUTCOMES && !stopped(w); i++) {
        struct given *g = &w->given[i];
        if (g->from != d) {
            walk_memo_clear(w);
            g->to = simplify(w, d, g->field, g->set);
            g->from = d;
        }
        d = g->to;
    }
    return d;
}

static ref draw_run(struct walk *w, ref r, uint32_t n);

/*
 * Draws deferred state @r. What its test decides is given while the way behind it is drawn, so that a diagram
 * which both ways share shrinks to the part that matters. Recurses GIVEN_MAX deep.
 */
static ref draw_deferred(struct walk *w, ref r, uint32_t n)
{
    const struct threaded t = w->threaded.at[r - OUTCOMES];

    w->given[n] = (struct given){t.field, t.set, NONE, NONE};
    ref yes = draw_run(w, t.yes, n + 1), no = draw_run(w, t.no, n);
    if (stopped(w))
        return REJECT;
    walk_memo_clear(w);
    return choose(w, t.field, t.set, yes, no);
}

/*
 * Draws threaded state @r for packets of which the first @n things are given: its run united field by field,
 * the last field of the order first.
 */
static ref draw_run(struct walk *w, ref r, uint32_t n)
{
    LIST(struct member) m = {0};
    ref target = NONE, at = r, result = drawn(w, r);

    if (result != NONE)
        return simplify_all(w, result, n);
    if (w->threaded.at[r - OUTCOMES].depth) {
        result = draw_deferred(w, r, n);
        if (n == 0 && !stopped(w))
            w->threaded.at[r - OUTCOMES].drawn = result;
        return result;
    }
    while (drawn(w, at) == NONE && !w->threaded.at[at - OUTCOMES].depth && !stopped(w)) {
        const struct threaded *t = &w->threaded.at[at - OUTCOMES];
        unsigned which = t->run[0] != NONE && (target == NONE || t->run[0] == target) ? 0 : 1;
        if (target == NONE)
            target = t->run[which];
        PUSH(w, &m, (struct member){t->field, t->set, which == 1});
        pay(w, 1);
        at = which ? t->yes : t->no;
    }
    result = stopped(w) ? REJECT : draw_run(w, at, n);
    if (!stopped(w))
        target = simplify_all(w, target, n);
    if (m.n > 1)
        qsort(m.at, m.n, sizeof *m.at, member_order);
    for (uint32_t i = 0, next; i < m.n && !stopped(w); i = next) {
        w->scratch.n = 0;
        for (next = i; next < m.n && m.at[next].field == m.at[i].field; next++) {
            const struct set s = m.at[next].set;
            uint32_t begin = 0;
            bool rest = true;
            pay(w, s.n);
            for (uint32_t k = 0; k < s.n; k++) {
                const struct interval v = w->pool.at[s.at + k];
                if (!m.at[next].opposite) {
                    walk_put(w, v.lo, v.hi);
                    continue;
                }
                if (v.lo)
                    walk_put(w, begin, v.lo - 1);
                rest = v.hi != UINT32_MAX;
                begin = v.hi + 1;
            }
            if (m.at[next].opposite && rest)
                walk_put(w, begin, UINT32_MAX);
        }
        walk_tidy(w);
        struct set all = {w->pool.n, w->scratch.n};
        for (uint32_t k = 0; k < w->scratch.n; k++)
            PUSH(w, &w->pool, w->scratch.at[k]);
        if (stopped(w))
            break;
        walk_memo_clear(w);
        result = choose(w, m.at[i].field, all, target, result);
        w->pool.n = all.at;
    }
    free(m.at);
    if (n == 0 && !stopped(w))
        w->threaded.at[r - OUTCOMES].drawn = result;
    return result;
}

static bool has_run(const struct walk *w, ref r, ref target)
{
    if (r < OUTCOMES || target == NONE)
        return false;
    const struct threaded *t = &w->threaded.at[r - OUTCOMES];
    return t->run[0] == target || t->run[1] == target;
}

static uint32_t depth_of(const struct walk *w, ref r)
{
    return r < OUTCOMES || drawn(w, r) != NONE ? 0 : w->threaded.at[r - OUTCOMES].depth;
}

/* Appends to the pool where @a and @b both hold, or with @minus where a holds and b does not. */
static struct set set_of_both(struct walk *w, struct set a, struct set b, bool minus)
{
    struct set both = {w->pool.n, 0};

    for (uint32_t i = 0; i < a.n && !stopped(w); i++) {
        const struct interval v = w->pool.at[a.at + i];
        uint32_t begin = 0;
        bool rest = true; /* something of b's complement is left behind its last interval */
        for (uint32_t k = 0; k <= b.n && rest; k++) {
            const struct interval u =
                k < b.n ? w->pool.at[b.at + k] : (struct interval){UINT32_MAX, UINT32_MAX};
            uint32_t lo = minus ? begin : u.lo, hi = minus ? (k < b.n ? u.lo - 1 : UINT32_MAX) : u.hi;
            bool none = minus ? k < b.n && u.lo == 0 : k == b.n;
            lo = lo > v.lo ? lo : v.lo;
            hi = hi < v.hi ? hi : v.hi;
            if (!none && lo <= hi)
                PUSH(w, &w->pool, (struct interval){lo, hi});
            pay(w, 1);
            rest = u.hi != UINT32_MAX;
            begin = u.hi + 1;
        }
    }
    both.n = w->pool.n - both.at;
    return both;
}

/* A second test of one field whose failure leads to the same place is part of the first: a range is two
 * compares. */
static void merge_tests(struct walk *w, struct threaded *t)
{
    while (t->yes >= OUTCOMES && !stopped(w)) {
        struct threaded *y = &w->threaded.at[t->yes - OUTCOMES];
        if (y->field != t->field || (y->yes != t->no && y->no != t->no) || y->yes == y->no)
            return;
        struct set both = set_of_both(w, t->set, y->set, y->yes == t->no);
        if (both.n == 0)
            return;
        t->set = both;
        y->before--;
        t->yes = y->yes == t->no ? y->no : y->yes;
    }
}

/*
 * Last to first: a test joins the run behind it where it can, and one that a single way leads to is left to
 * be drawn with the test before it.
 */
ref walk_draw(struct walk *w, ref entry, const uint32_t *order, uint32_t n)
{
    while (n-- > 0 && !stopped(w)) {
        struct threaded *t = &w->threaded.at[order[n]];
        merge_tests(w, t);
        ref yes = t->yes, no = t->no;
        uint32_t depth = 1 + (depth_of(w, yes) > depth_of(w, no) ? depth_of(w, yes) : depth_of(w, no));
        pay(w, 1);
        if (drawn(w, no) == NONE && has_run(w, no, drawn(w, yes))) {
            t->run[0] = drawn(w, yes);
        } else if (drawn(w, yes) == NONE && has_run(w, yes, drawn(w, no))) {
            t->run[1] = drawn(w, no);
        } else if (t->before == 1 && depth < GIVEN_MAX - 1 &&
                   (drawn(w, yes) == NONE || drawn(w, no) == NONE)) {
            t->depth = depth;
        } else {
            const struct given yes_side = {t->field, t->set, NONE, NONE};
            ref m = draw_run(w, no, 0);
            w->given[0] = yes_side;
            ref y = draw_run(w, yes, 1);
            t = &w->threaded.at[order[n]];
            t->run[0] = y;
            t->run[1] = drawn(w, yes) != NONE ? m : NONE;
        }
    }
    return stopped(w) ? REJECT : draw_run(w, entry, 0);
}
