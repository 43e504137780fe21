/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/factor.c - alternatives regrouped by the value they test, so that a list becomes a search.
 *
 *   (t = ip and (s = a or d = a)) or (t = ip and (s = b or d = b))
 *                                        t = ip and (s in {a, b} or d in {a, b})
 *   (s = a and p = 1) or (s = b and p = 2)
 *                                        switch s: a -> p = 1, b -> p = 2, else no
 *
 * The formula is put into negation normal form with n-ary lists; every list is then read once. An item is a test
 * of a value against a set, alone ("decides there") or followed by a rest ("the rest decides there").
 * Items on one value form a run: sets of lone tests are united, rests behind equal sets become one list that is
 * regrouped in turn, and many disjoint sets become a switch. A list of AND is a list of OR with the outcomes
 * swapped.
 *
 * Refines, because evaluation may only move where no load is made that the plain program would not have made on a
 * packet it accepts: a lone test joins a run whose value was loaded anyway; a test with a rest joins one only if
 * the rest reaches no further into the packet than the test of every run it overtakes (to be accepted there, the
 * packet must hold those bytes). Nothing moves past a requirement or a definition.
 *
 * Cost: every item is handled once for each test in front of it; sets are sorted: O(n log n).
 */
#include <stdlib.h>
#include <string.h>
#include "lower/cond.h"

#define SWITCH_MIN   6  /* disjoint sets of one value from which a run becomes a switch */
#define OVERTAKE_MAX 8  /* runs that an item may move past */
#define NONE         UINT32_MAX

enum nf_kind { NF_LEAF, NF_OR, NF_AND, NF_SWITCH };

/* A set of numbers: sorted, disjoint intervals. */
struct set {
    const struct interval *at;
    uint32_t n;
};

/* A node of the normal form. Lists are linked through `next`. */
struct nf {
    uint8_t kind;
    bool negated;        /* NF_LEAF: the outcome is swapped */
    bool strict;         /* holds a requirement or a definition: nothing may move past it */
    uint32_t first, last; /* children of a list; NF_SWITCH: one for each group */
    uint32_t next;
    cond leaf;           /* NF_LEAF of the formula; COND_FALSE for a leaf made here */
    ir_value on;         /* NF_LEAF made here, NF_SWITCH */
    struct set set;      /* NF_LEAF made here */
    const struct ir_case *to; /* NF_SWITCH: targets are children, or NONE */
    uint32_t cases;      /* of `to` */
    struct span at;
    uint32_t reach;      /* bytes of the packet that absolute loads in it need; UINT32_MAX: unknown */
    cond built;
};

/* One item of a list: where `on` lies in the set, `rest` decides (NONE: it is decided). */
struct entry {
    struct set set;
    uint32_t rest; /* nf */
    struct span at;
};

/* An interval of an entry's set. */
struct piece {
    struct interval in;
    uint32_t entry;
};

struct run {
    ir_value on;
    uint32_t reach;
    VEC(struct entry) entry;
    uint32_t barrier;  /* nf that is not a test: the run is this alone; NONE otherwise */
};

struct factor {
    struct lower *lw;
    struct arena *a;
    VEC(struct nf) nf;
    VEC(struct run) run;
    uint32_t *run_of;     /* per value: index of its open run in the list being read, plus one */
    uint32_t *run_stamp, stamp;
    uint32_t *value_reach;
    uint32_t values;
    VEC(uint32_t) work;
    bool failed;
};

static uint32_t nf_new(struct factor *x, struct nf n)
{
    n.next = NONE;
    if (!vec_push(x->a, &x->nf, n)) {
        x->failed = true;
        return 0;
    }
    return x->nf.n - 1;
}

static uint32_t list_new(struct factor *x, uint8_t kind)
{
    return nf_new(x, (struct nf){.kind = kind, .first = NONE, .last = NONE});
}

static void list_append(struct factor *x, uint32_t list, uint32_t item)
{
    struct nf *l = &x->nf.at[list];
    const struct nf *i = &x->nf.at[item];

    l->strict |= i->strict;
    l->reach = i->reach > l->reach ? i->reach : l->reach;
    x->nf.at[item].next = NONE;
    if (l->first == NONE)
        l->first = item;
    else
        x->nf.at[l->last].next = item;
    l->last = item;
}

/* All children of @from, which is of the same kind, behind those of @list. */
static void list_absorb(struct factor *x, uint32_t list, uint32_t from)
{
    struct nf *l = &x->nf.at[list], *f = &x->nf.at[from];

    l->strict |= f->strict;
    l->reach = f->reach > l->reach ? f->reach : l->reach;
    if (f->first == NONE)
        return;
    if (l->first == NONE)
        l->first = f->first;
    else
        x->nf.at[l->last].next = f->first;
    l->last = f->last;
    f->first = f->last = NONE;
}

static void list_add(struct factor *x, uint32_t list, uint32_t item)
{
    if (x->nf.at[item].kind == x->nf.at[list].kind)
        list_absorb(x, list, item);
    else
        list_append(x, list, item);
}

/* The furthest byte that loads in each value need; UINT32_MAX through a variable address. */
static bool measure_reach(struct factor *x)
{
    const struct ir_func *f = x->lw->f;

    x->values = f->value.n;
    x->value_reach = arena_array(x->a, uint32_t, x->values);
    x->run_of = arena_array(x->a, uint32_t, x->values);
    x->run_stamp = arena_array(x->a, uint32_t, x->values);
    if (!x->value_reach || !x->run_of || !x->run_stamp)
        return false;
    for (ir_value v = 0; v < x->values; v++) {
        const struct ir_node *n = &f->value.at[v];
        uint32_t *r = &x->value_reach[v];
        if (n->op == IR_PHI || (ir_is_load(n) && n->a != IR_NONE) || (ir_is_load(n) && n->imm > UINT32_MAX - 4)) {
            *r = UINT32_MAX;
            continue;
        }
        if (n->a != IR_NONE && x->value_reach[n->a] > *r)
            *r = x->value_reach[n->a];
        if (n->b != IR_NONE && x->value_reach[n->b] > *r)
            *r = x->value_reach[n->b];
        if (ir_is_load(n) && n->imm + ir_load_size(n) > *r)
            *r = n->imm + ir_load_size(n);
    }
    return true;
}

/* The formula in negation normal form, lists of one kind merged. */
static uint32_t normalise(struct factor *x, cond root)
{
    const struct cond_node *node = x->lw->node.at;
    bool *negated = arena_array(x->a, bool, root + 1), *reached = arena_array(x->a, bool, root + 1);
    uint32_t *of = arena_array(x->a, uint32_t, root + 1);

    if (!negated || !reached || !of) {
        x->failed = true;
        return 0;
    }
    reached[root] = true;
    for (cond i = root + 1; i-- > 0;) {
        if (!reached[i] || node[i].kind < COND_AND)
            continue;
        negated[node[i].left] = negated[i] ^ (node[i].kind == COND_NOT);
        reached[node[i].left] = true;
        if (node[i].kind != COND_NOT) {
            negated[node[i].right] = negated[i];
            reached[node[i].right] = true;
        }
    }
    for (cond i = 0; i <= root && !x->failed; i++) {
        if (!reached[i])
            continue;
        if (node[i].kind == COND_NOT) {
            of[i] = of[node[i].left];
        } else if (node[i].kind == COND_AND || node[i].kind == COND_OR) {
            of[i] = list_new(x, (node[i].kind == COND_AND) != negated[i] ? NF_AND : NF_OR);
            list_add(x, of[i], of[node[i].left]);
            list_add(x, of[i], of[node[i].right]);
        } else {
            of[i] = nf_new(x, (struct nf){.kind = NF_LEAF, .negated = negated[i], .leaf = i, .at = node[i].at,
                                          .strict = node[i].kind != COND_TEST, .reach = x->value_reach[node[i].on]});
        }
    }
    return of[root];
}

/* ---------------------------------------------------------------- runs */

/* A leaf that asks whether a value lies in a set; not a requirement or a definition. */
static bool is_test(const struct factor *x, uint32_t i)
{
    return x->nf.at[i].kind == NF_LEAF && !x->nf.at[i].strict;
}

static ir_value test_value(const struct factor *x, uint32_t i)
{
    const struct nf *n = &x->nf.at[i];

    return n->leaf != COND_FALSE ? x->lw->node.at[n->leaf].on : n->on;
}

static struct interval *intervals_new(struct factor *x, uint32_t n)
{
    struct interval *s = arena_array(x->a, struct interval, n ? n : 1);

    x->failed |= !s;
    return s;
}

/* Where the test's outcome is @outcome. */
static struct set test_set(struct factor *x, uint32_t i, bool outcome)
{
    const struct nf *n = &x->nf.at[i];
    struct set s = n->set;

    if (n->leaf != COND_FALSE) {
        const struct cond_node *t = &x->lw->node.at[n->leaf];
        struct interval *one = intervals_new(x, 1);
        if (!one)
            return s;
        *one = (struct interval){t->lo, t->hi};
        s = (struct set){one, 1};
    }
    if (n->negated != outcome)
        return s;
    struct interval *rest = intervals_new(x, s.n + 1);
    uint32_t m = 0, lo = 0;
    bool open = true; /* something lies behind the last interval */
    for (uint32_t k = 0; rest && k < s.n; k++) {
        if (s.at[k].lo > lo)
            rest[m++] = (struct interval){lo, s.at[k].lo - 1};
        open = s.at[k].hi != UINT32_MAX;
        lo = s.at[k].hi + 1;
    }
    if (rest && open)
        rest[m++] = (struct interval){lo, UINT32_MAX};
    return (struct set){rest, m};
}

static int interval_order(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1) : x->hi != y->hi ? (x->hi < y->hi ? -1 : 1) : 0;
}

/* Sorts and merges @n intervals in place. */
static struct set united(struct interval *in, uint32_t n)
{
    uint32_t m = 0;

    qsort(in, n, sizeof *in, interval_order);
    for (uint32_t i = 0; i < n; i++) {
        if (m && (in[i].lo <= in[m - 1].hi || in[i].lo == in[m - 1].hi + 1)) {
            if (in[i].hi > in[m - 1].hi)
                in[m - 1].hi = in[i].hi;
        } else {
            in[m++] = in[i];
        }
    }
    return (struct set){in, m};
}

/* Makes @leaf the test that has outcome @outcome where @on lies in @set. */
static void become_leaf(struct factor *x, uint32_t leaf, ir_value on, struct set set, bool outcome, struct span at)
{
    struct nf *n = &x->nf.at[leaf];
    uint32_t next = n->next;

    *n = (struct nf){.kind = NF_LEAF, .negated = !outcome, .leaf = COND_FALSE, .on = on, .set = set, .at = at, .next = next,
                     .reach = x->value_reach[on]};
}

/* A list of nothing but tests of one value is one test. Children stand before parents. */
static void collapse_lists(struct factor *x)
{
    for (uint32_t i = 0; i < x->nf.n && !x->failed; i++) {
        const struct nf list = x->nf.at[i];
        bool is_or = list.kind == NF_OR;
        uint32_t total = 0, n = 0;
        if ((list.kind != NF_OR && list.kind != NF_AND) || list.first == NONE || !is_test(x, list.first))
            continue;
        ir_value on = test_value(x, list.first);
        bool same = true;
        for (uint32_t c = list.first; c != NONE && same; c = x->nf.at[c].next) {
            same = is_test(x, c) && test_value(x, c) == on;
            total += same && x->nf.at[c].leaf == COND_FALSE ? x->nf.at[c].set.n + 1 : 2;
        }
        struct interval *all = same ? intervals_new(x, total) : NULL;
        if (!all)
            continue;
        for (uint32_t c = list.first; c != NONE && !x->failed; c = x->nf.at[c].next) {
            struct set s = test_set(x, c, is_or);
            memcpy(all + n, s.at, s.n * sizeof *all);
            n += s.n;
        }
        become_leaf(x, i, on, united(all, n), is_or, x->nf.at[list.first].at);
    }
}

/* What is left of the compound @item once its first child is taken; NONE when nothing is. */
static uint32_t without_head(struct factor *x, uint32_t item)
{
    uint32_t second = x->nf.at[x->nf.at[item].first].next;

    if (second == NONE)
        return NONE;
    if (x->nf.at[second].next == NONE)
        return second;
    x->nf.at[item].first = second; /* the reach of the whole is kept: it can only be too large */
    return item;
}

static struct run *run_open(struct factor *x, ir_value on, uint32_t barrier, uint32_t reach)
{
    if (!vec_push(x->a, &x->run, ((struct run){.on = on, .barrier = barrier, .reach = reach}))) {
        x->failed = true;
        return NULL;
    }
    if (barrier == NONE) {
        x->run_of[on] = x->run.n;
        x->run_stamp[on] = x->stamp;
    }
    return &x->run.at[x->run.n - 1];
}

/* The open run of @on that an item with this rest may join, or a new one. */
static struct run *run_for(struct factor *x, uint32_t base, ir_value on, uint32_t rest)
{
    uint32_t at = x->run_stamp[on] == x->stamp ? x->run_of[on] : 0;

    if (at > base && rest != NONE) {
        bool safe = x->run.n - at <= OVERTAKE_MAX;
        for (uint32_t r = at; safe && r < x->run.n; r++)
            safe = x->nf.at[rest].reach != UINT32_MAX && x->run.at[r].reach != UINT32_MAX &&
                   x->run.at[r].barrier == NONE && x->nf.at[rest].reach <= x->run.at[r].reach;
        if (!safe)
            at = 0;
    }
    return at > base ? &x->run.at[at - 1] : run_open(x, on, NONE, x->value_reach[on]);
}

/* Reads the items of @list into x->run from index @base on. */
static void read_items(struct factor *x, uint32_t list, uint32_t base)
{
    bool is_or = x->nf.at[list].kind == NF_OR;
    uint8_t compound = is_or ? NF_AND : NF_OR;
    uint32_t next;

    x->stamp++;
    for (uint32_t i = x->nf.at[list].first; i != NONE && !x->failed; i = next) {
        next = x->nf.at[i].next;
        uint32_t head = is_test(x, i) ? i : x->nf.at[i].kind == compound && is_test(x, x->nf.at[i].first) ? x->nf.at[i].first : NONE;
        if (head == NONE || x->nf.at[i].strict) {
            struct run *b = run_open(x, 0, i, x->nf.at[i].reach);
            if (b && x->nf.at[i].strict)
                x->stamp++; /* closes every run before it */
            continue;
        }
        ir_value on = test_value(x, head);
        struct entry e = {test_set(x, head, is_or), NONE, x->nf.at[head].at};
        e.rest = head == i ? NONE : without_head(x, i);
        struct run *r = run_for(x, base, on, e.rest);
        if (!r || !vec_push(x->a, &r->entry, e))
            x->failed = true;
    }
}

/* A leaf: decided where the value lies in the union of the lone entries. */
static uint32_t united_leaf(struct factor *x, const struct run *r, const struct entry *lone, uint32_t n, bool is_or)
{
    uint32_t total = 0, m = 0, leaf = nf_new(x, (struct nf){.kind = NF_LEAF});

    for (uint32_t i = 0; i < n; i++)
        total += lone[i].set.n;
    struct interval *all = intervals_new(x, total);
    for (uint32_t i = 0; i < n && !x->failed; i++) {
        memcpy(all + m, lone[i].set.at, lone[i].set.n * sizeof *all);
        m += lone[i].set.n;
    }
    if (!x->failed)
        become_leaf(x, leaf, r->on, united(all, m), is_or, lone[0].at);
    return leaf;
}

static uint32_t set_hash(struct set s)
{
    uint32_t h = s.n;

    for (uint32_t i = 0; i < s.n; i++) {
        h = (h ^ s.at[i].lo) * 0x9e3779b1u;
        h = (h ^ h >> 15 ^ s.at[i].hi) * 0x85ebca6bu;
    }
    return h ^ h >> 13;
}

static bool set_equal(struct set a, struct set b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n * sizeof *a.at) == 0);
}

/* Entries with one set become one, whose rest is the list of all of theirs. In the order of first appearance. */
static uint32_t unite_equal(struct factor *x, struct entry *e, uint32_t n, uint8_t kind)
{
    uint32_t size = 16, m = 0, *table;

    while (size < 2 * n)
        size *= 2;
    table = arena_array(x->a, uint32_t, size);
    if (!table) {
        x->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < n && !x->failed; i++) {
        uint32_t h = set_hash(e[i].set) & (size - 1);
        while (table[h] && !set_equal(e[table[h] - 1].set, e[i].set))
            h = (h + 1) & (size - 1);
        if (!table[h]) {
            e[m] = e[i];
            table[h] = ++m;
            continue;
        }
        struct entry *o = &e[table[h] - 1];
        if (x->nf.at[o->rest].kind != kind) {
            uint32_t list = list_new(x, kind);
            list_append(x, list, o->rest);
            o->rest = list;
        }
        list_add(x, o->rest, e[i].rest);
    }
    return m;
}

static int piece_order(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    return interval_order(&x->in, &y->in);
}

/* The intervals of all entries in order; NULL when two overlap. */
static struct piece *disjoint_pieces(struct factor *x, const struct entry *e, uint32_t n, uint32_t *count)
{
    uint32_t total = 0, m = 0;

    for (uint32_t i = 0; i < n; i++)
        total += e[i].set.n;
    struct piece *p = arena_array(x->a, struct piece, total ? total : 1);
    x->failed |= !p;
    for (uint32_t i = 0; p && i < n; i++)
        for (uint32_t k = 0; k < e[i].set.n; k++)
            p[m++] = (struct piece){e[i].set.at[k], i};
    if (p)
        qsort(p, m, sizeof *p, piece_order);
    for (uint32_t i = 1; p && i < m; i++)
        if (p[i].in.lo <= p[i - 1].in.hi)
            return NULL;
    *count = m;
    return p;
}

static uint32_t make_switch(struct factor *x, const struct run *r, const struct entry *e, uint32_t entries, const struct piece *p,
                            uint32_t n, bool is_or)
{
    struct ir_case *to = arena_array(x->a, struct ir_case, 2 * (size_t)n + 1);
    uint32_t m = 0, s = nf_new(x, (struct nf){.kind = NF_SWITCH, .negated = !is_or, .first = NONE, .last = NONE, .on = r->on,
                                              .at = e[0].at, .reach = r->reach});

    if (!to || x->failed) {
        x->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (p[i].in.lo && (i == 0 || p[i - 1].in.hi != p[i].in.lo - 1))
            to[m++] = (struct ir_case){p[i].in.lo - 1, NONE};
        to[m++] = (struct ir_case){p[i].in.hi, p[i].entry};
    }
    if (p[n - 1].in.hi != UINT32_MAX)
        to[m++] = (struct ir_case){UINT32_MAX, NONE};
    for (uint32_t i = 0; i < entries; i++)
        list_append(x, s, e[i].rest);
    x->nf.at[s].to = to;
    x->nf.at[s].cases = m;
    return s;
}

/* The items that a run becomes, appended to @list; lists in them are put on the work list. */
static void write_run(struct factor *x, uint32_t list, struct run *r)
{
    uint8_t kind = x->nf.at[list].kind;
    bool is_or = kind == NF_OR;
    const struct entry *e = r->entry.at;
    uint32_t lone = 0, m = 0, n = r->entry.n, pieces = 0;
    struct entry *lones = arena_array(x->a, struct entry, n), *rests = arena_array(x->a, struct entry, n);

    if (!lones || !rests) {
        x->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        *(e[i].rest == NONE ? &lones[lone++] : &rests[m++]) = e[i];
    if (lone)
        list_append(x, list, united_leaf(x, r, lones, lone, is_or));
    if (m)
        m = unite_equal(x, rests, m, kind);
    const struct piece *p = m >= SWITCH_MIN ? disjoint_pieces(x, rests, m, &pieces) : NULL;
    if (x->failed)
        return;
    if (p && pieces) {
        list_append(x, list, make_switch(x, r, rests, m, p, pieces, is_or));
    } else {
        for (uint32_t i = 0; i < m && !x->failed; i++) {
            uint32_t both = list_new(x, is_or ? NF_AND : NF_OR), head = nf_new(x, (struct nf){.kind = NF_LEAF});
            become_leaf(x, head, r->on, rests[i].set, is_or, rests[i].at);
            list_append(x, both, head);
            list_append(x, both, rests[i].rest);
            list_append(x, list, both);
        }
    }
    for (uint32_t i = 0; i < m && !x->failed; i++)
        if (x->nf.at[rests[i].rest].kind != NF_LEAF && !vec_push(x->a, &x->work, rests[i].rest))
            x->failed = true;
}

/* Regroups one list; lists inside it follow through the work list. */
static void regroup(struct factor *x, uint32_t list)
{
    uint32_t base = x->run.n;

    read_items(x, list, base);
    x->nf.at[list].first = x->nf.at[list].last = NONE;
    for (uint32_t i = base; i < x->run.n && !x->failed; i++) {
        struct run r = x->run.at[i];
        if (r.barrier == NONE) {
            write_run(x, list, &r);
            continue;
        }
        list_append(x, list, r.barrier);
        if (x->nf.at[r.barrier].kind != NF_LEAF && !vec_push(x->a, &x->work, r.barrier))
            x->failed = true;
    }
    x->run.n = base;
}

/* ---------------------------------------------------------------- back to conditions */

static cond rebuild_one(struct factor *x, uint32_t i)
{
    struct lower *lw = x->lw;
    const struct nf *n = &x->nf.at[i];

    lw->at = n->at;
    switch ((enum nf_kind)n->kind) {
    case NF_LEAF: {
        cond leaf = n->leaf != COND_FALSE ? n->leaf : cond_in_set(lw, n->on, n->set.at, n->set.n);
        return n->negated ? cond_not(lw, leaf) : leaf;
    }
    case NF_SWITCH: {
        cond c = cond_switch(lw, n->on, n->to, n->cases, n->negated ? COND_TRUE : COND_FALSE);
        uint32_t which = 0;
        for (uint32_t child = n->first; child != NONE; child = x->nf.at[child].next)
            cond_switch_child(lw, c, which++, x->nf.at[child].built);
        return c;
    }
    case NF_OR:
    case NF_AND: {
        cond all = n->kind == NF_AND ? COND_TRUE : COND_FALSE;
        for (uint32_t child = n->first; child != NONE; child = x->nf.at[child].next)
            all = n->kind == NF_AND ? cond_and(lw, all, x->nf.at[child].built) : cond_or(lw, all, x->nf.at[child].built);
        return all;
    }
    }
    return COND_FALSE;
}

/* Children before parents, with a stack of (node, next child). */
static cond rebuild(struct factor *x, uint32_t root)
{
    struct visit {
        uint32_t node, next; /* the child to visit next */
    };
    VEC(struct visit) stack = {0};

    if (!vec_push(x->a, &stack, ((struct visit){root, x->nf.at[root].kind == NF_LEAF ? NONE : x->nf.at[root].first})))
        x->failed = true;
    while (stack.n && !x->failed && !x->lw->error) {
        struct visit *top = &stack.at[stack.n - 1];
        if (top->next == NONE) {
            x->nf.at[top->node].built = rebuild_one(x, top->node);
            stack.n--;
            continue;
        }
        uint32_t child = top->next;
        top->next = x->nf.at[child].next;
        if (!vec_push(x->a, &stack, ((struct visit){child, x->nf.at[child].kind == NF_LEAF ? NONE : x->nf.at[child].first})))
            x->failed = true;
    }
    return x->nf.at[root].built;
}

cond cond_factor(struct lower *lw, cond root)
{
    struct factor x = {.lw = lw, .a = lw->arena};

    if (root == COND_TRUE || root == COND_FALSE)
        return root;
    if (!measure_reach(&x)) {
        lw->error = WEIR_E_MEMORY;
        return root;
    }
    uint32_t top = normalise(&x, root);
    collapse_lists(&x);
    if (!x.failed && x.nf.at[top].kind != NF_LEAF && !vec_push(x.a, &x.work, top))
        x.failed = true;
    while (x.work.n && !x.failed) {
        uint32_t list = x.work.at[--x.work.n];
        if (x.nf.at[list].kind == NF_OR || x.nf.at[list].kind == NF_AND)
            regroup(&x, list);
    }
    cond result = x.failed ? root : rebuild(&x, top);
    if (x.failed)
        lw->error = WEIR_E_MEMORY;
    return result;
}
