/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/run.c - runs: items of a list that begin by testing one value, and what they become together.
 *
 * An item is a test of a value against a set, alone ("decides there") or followed by a rest ("the rest
 * decides there"). Items on one value form a run: sets of lone tests are united, rests behind equal sets
 * become one list that is regrouped in turn, and many disjoint sets become a switch.
 *
 * Refines, because evaluation may only move where no load is made that the plain program would not have made
 * on a packet it accepts: a lone test joins a run whose value was loaded anyway; a test with a rest joins one
 * only if the rest reaches no further into the packet than the test of every run it overtakes (to be accepted
 * there, the packet must hold those bytes), or than that of the run it joins (which it has held then).
 * Nothing moves past a requirement or a definition.
 *
 * Cost: every item is handled once for each test in front of it; sets are sorted: O(n log n).
 */
#include "lower/run.h"

#define OVERTAKE_MAX 8 /* runs that an item may move past */

/* ---------------------------------------------------------------- from items */

/* What is left of the compound @item once its first child is taken; NF_NONE when nothing is. */
static uint32_t without_head(struct factor *x, uint32_t item)
{
    uint32_t second = x->form.nf.at[x->form.nf.at[item].first].next;

    if (second == NF_NONE)
        return NF_NONE;
    if (x->form.nf.at[second].next == NF_NONE)
        return second;
    x->form.nf.at[item].steady = false;
    x->form.nf.at[item].first = second; /* the reach of the whole is kept: it can only be too large */
    return item;
}

static void run_add(struct factor *x, struct run *r, uint32_t item)
{
    x->form.nf.at[item].next = NF_NONE;
    if (r->n++ == 0)
        r->first = item;
    else
        x->form.nf.at[r->last].next = item;
    r->last = item;
}

static void run_open(struct factor *x, struct run r, uint32_t item)
{
    run_add(x, &r, item);
    if (!vec_push(x->form.a, &x->run, r)) {
        x->form.failed = true;
        return;
    }
    if (!r.barrier) {
        x->run_of[r.on] = x->run.n;
        x->run_stamp[r.on] = x->stamp;
    }
}

/*
 * May a test with a rest that reaches this far move from the end to run @at - 1? That packets hold what that
 * run tests is made use of for the first run, @base: where others stand in front, lists are better off in
 * phases (phases.c).
 */
static bool may_overtake(const struct factor *x, uint32_t base, uint32_t at, nf_reach reach)
{
    const nf_reach held = at - 1 == base ? reach_known(x->run.at[base].reach) : 0;
    bool safe = x->run.n - at <= OVERTAKE_MAX;

    for (uint32_t r = at; safe && r < x->run.n; r++)
        safe = !x->run.at[r].barrier && x->run.at[r].reach != REACH_UNKNOWN &&
               (reach_within(reach, held) || reach_within(reach, x->run.at[r].reach));
    return safe;
}

void factor_read_runs(struct factor *x, uint32_t list, uint32_t base)
{
    bool is_or = x->form.nf.at[list].kind == NF_OR;
    uint8_t compound = is_or ? NF_AND : NF_OR;
    uint32_t next, items = 0;

    x->stamp++;
    for (uint32_t i = x->form.nf.at[list].first; i != NF_NONE && !x->form.failed; i = next) {
        x->any_long |= ++items == LONG_LIST;
        next = x->form.nf.at[i].next;
        uint32_t head = factor_head(&x->form, i, compound);
        if (head == NF_NONE || x->form.nf.at[i].strict) {
            run_open(x, (struct run){.barrier = true, .reach = x->form.nf.at[i].reach}, i);
            x->stamp += x->form.nf.at[i].strict; /* closes every run before it */
            continue;
        }
        ir_value on = nf_test_value(&x->form, head);
        uint32_t at = x->run_stamp[on] == x->stamp ? x->run_of[on] : 0;
        if (at > base && (head == i || x->run.n == at || may_overtake(x, base, at, x->form.nf.at[i].reach)))
            run_add(x, &x->run.at[at - 1], i);
        else
            run_open(x, (struct run){.on = on, .reach = x->form.value_reach[on]}, i);
    }
}

/* ---------------------------------------------------------------- to items */

/*
 * Leaves for the lone entries, instead of them: one that asks for the union, or, where the union keeps its
 * order, one for each. Returns how many.
 */
static uint32_t unite_lone(struct factor *x, const struct run *r, struct entry *lone, uint32_t n, bool is_or)
{
    uint32_t total = 0, m = 0;

    for (uint32_t i = 0; i < n; i++)
        total += set_size(lone[i].set);
    struct ir_range *all = intervals_new(&x->form, total);
    for (uint32_t i = 0; i < n && !x->form.failed; i++)
        m += set_put(lone[i].set, all + m);
    if (x->form.failed || n == 0)
        return 0;
    struct set s = set_united(&x->form, all, m);
    if (s.ordered != n) {
        lone[0].set = s;
        n = 1;
    }
    for (uint32_t i = 0; i < n && !x->form.failed; i++) {
        lone[i].rest = nf_new(&x->form, (struct nf){.kind = NF_LEAF});
        if (!x->form.failed)
            nf_become_leaf(&x->form, lone[i].rest, r->on, lone[i].set, is_or, lone[i].at);
    }
    return n;
}

/*
 * Entries with one set become one, whose rest is the list of all of theirs. In the order of first appearance:
 * an entry is not moved past one that may hold where it does, as its rest might read further into the packet.
 */
static uint32_t unite_equal(struct factor *x, struct entry *e, uint32_t n, uint8_t kind)
{
    uint32_t m = 0, *number = factor_number_sets(&x->form, e, n), *now = arena_array(x->form.w, uint32_t, n);
    bool equal = false; /* some are */

    if (!number || !now) {
        x->form.failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < n && !equal; i++)
        equal = number[i] != i;
    if (!equal)
        return n;
    bool apart = factor_sets_apart(&x->form, e, number, n);
    for (uint32_t i = 0; i < n && !x->form.failed; i++) {
        uint32_t set = number[i], at = set == i ? m : now[set];
        bool moves = set != i && (apart || m - at <= OVERTAKE_MAX);
        for (uint32_t k = at + 1; moves && !apart && k < m; k++)
            moves = !sets_meet(e[k].set, e[i].set);
        if (!moves) {
            e[m] = e[i];
            now[set] = m++;
            continue;
        }
        struct entry *o = &e[at];
        o->held = reach_either(o->held, e[i].held);
        if (x->form.nf.at[o->rest].kind != kind) {
            uint32_t list = nf_list_new(&x->form, kind);
            nf_list_append(&x->form, list, o->rest);
            o->rest = list;
        }
        nf_list_add(&x->form, o->rest, e[i].rest);
    }
    return m;
}

/* The intervals of all entries in order; NULL when two overlap. */
static struct piece *disjoint_pieces(struct factor *x, const struct entry *e, uint32_t n, uint32_t *count)
{
    uint32_t m = 0;
    struct piece *p = factor_pieces(&x->form, e, NULL, n, &m);

    for (uint32_t i = 1; p && i < m; i++)
        if (p[i].in.lo <= p[i - 1].in.hi)
            return NULL;
    *count = m;
    return p;
}

/*
 * Appends the rests of the entries to the switch @s in the order of their first pieces, so that what follows,
 * which goes through the cases in order, goes through memory in order. Returns, by entry, which child it is.
 */
static const uint32_t *append_rests(struct factor *x, uint32_t s, const struct entry *e, uint32_t entries,
                                    const struct piece *p, uint32_t n)
{
    uint32_t *child = arena_array(x->form.w, uint32_t, entries), children = 0;

    x->form.failed |= !child;
    for (uint32_t i = 0; child && i < entries; i++)
        child[i] = NF_NONE;
    for (uint32_t i = 0; child && i < n; i++)
        if (child[p[i].entry] == NF_NONE) {
            nf_list_append(&x->form, s, e[p[i].entry].rest);
            child[p[i].entry] = children++;
        }
    return child;
}

static uint32_t make_switch(struct factor *x, const struct run *r, const struct entry *e, uint32_t entries,
                            const struct piece *p, uint32_t n, bool is_or)
{
    struct ir_case *to = arena_array(x->form.t, struct ir_case, 2 * (size_t)n + 1);
    uint32_t m = 0, s = nf_new(&x->form, (struct nf){.kind = NF_SWITCH,
                                                     .negated = !is_or,
                                                     .first = NF_NONE,
                                                     .last = NF_NONE,
                                                     .on = r->on,
                                                     .at = e[0].at,
                                                     .reach = r->reach});

    const uint32_t *child = x->form.failed ? NULL : append_rests(x, s, e, entries, p, n);
    if (!to || !child) {
        x->form.failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (p[i].in.lo && (i == 0 || p[i - 1].in.hi != p[i].in.lo - 1))
            to[m++] = (struct ir_case){p[i].in.lo - 1, NF_NONE};
        to[m++] = (struct ir_case){p[i].in.hi, child[p[i].entry]};
    }
    if (p[n - 1].in.hi != UINT32_MAX)
        to[m++] = (struct ir_case){UINT32_MAX, NF_NONE};
    x->form.nf.at[s].to = to;
    x->form.nf.at[s].cases = m;
    return s;
}

/* The items of @r as entries: lone ones from the front, those with a rest from the back. */
static struct entry *run_entries(struct factor *x, const struct run *r, bool is_or, uint32_t *lones,
                                 uint32_t *rests)
{
    struct entry *e = arena_array(x->form.w, struct entry, r->n);
    uint32_t next, lone = 0, n = 0;

    x->form.failed |= !e;
    for (uint32_t i = r->first; e && i != NF_NONE; i = next) {
        next = x->form.nf.at[i].next;
        uint32_t head = factor_head(&x->form, i, is_or ? NF_AND : NF_OR);
        struct entry one = {nf_test_set(&x->form, head, is_or), NF_NONE, lone + n, nf_held(&x->form, i),
                            x->form.nf.at[head].at};
        if (head != i)
            one.rest = without_head(x, i);
        if (one.rest == NF_NONE)
            e[lone++] = one;
        else
            e[r->n - ++n] = one;
    }
    for (uint32_t i = 0; e && i < n / 2; i++) { /* back into their order */
        struct entry one = e[r->n - n + i];
        e[r->n - n + i] = e[r->n - 1 - i];
        e[r->n - 1 - i] = one;
    }
    *lones = lone;
    *rests = n;
    return e;
}

static void push_work(struct factor *x, uint32_t item)
{
    const struct nf *n = &x->form.nf.at[item];

    if (n->kind != NF_LEAF && (x->switches || !n->search) && !vec_push(x->form.a, &x->work, item))
        x->form.failed = true;
}

/* The rests of @p's entries in one list of @kind, or the only one; those that are in several pieces are
 * copied. */
static uint32_t piece_rest(struct factor *x, const struct entry *e, const struct cut_piece *p, uint8_t kind,
                           bool *used)
{
    uint32_t list = p->members > 1 ? nf_list_new(&x->form, kind) : 0;

    for (uint32_t i = 0; i < p->members && !x->form.failed; i++) {
        uint32_t k = p->member[i],
                 rest = used[k] ? factor_copy(&x->form, e[k].rest, kind == NF_OR) : e[k].rest;
        used[k] = true;
        if (p->members == 1)
            return rest;
        if (!x->form.failed)
            nf_list_append(&x->form, list, rest);
    }
    if (!x->form.failed)
        nf_collapse(&x->form, list);
    return list;
}

/* Are rests that stand in several pieces small? */
static bool rests_may_be_copied(struct factor *x, const struct entry *e, uint32_t n, const struct cut *cut)
{
    bool *used = arena_array(x->form.w, bool, n), ok = used != NULL;

    x->form.failed |= !used;
    for (uint32_t i = 0; i < cut->pieces && ok; i++)
        for (uint32_t m = 0; m < cut->piece[i].members && ok; m++) {
            uint32_t k = cut->piece[i].member[m];
            ok = !used[k] || factor_is_small(&x->form, e[k].rest);
            used[k] = true;
        }
    return ok;
}

/* Entries with rests whose sets overlap become entries whose sets do not, if that does not take too many. */
static bool cut_entries(struct factor *x, struct entry **entries, uint32_t *n, uint8_t kind)
{
    const struct entry *e = *entries;
    struct cut cut;

    if (!factor_cut(&x->form, e, *n, &cut) || !rests_may_be_copied(x, e, *n, &cut))
        return false;
    struct entry *now = arena_array(x->form.w, struct entry, cut.pieces);
    bool *used = arena_array(x->form.w, bool, *n);
    x->form.failed |= !now || !used;
    for (uint32_t i = 0; i < cut.pieces && !x->form.failed; i++) {
        const struct cut_piece *p = &cut.piece[i];
        now[i] = (struct entry){p->set, piece_rest(x, e, p, kind, used), e->rank, 0, e[p->member[0]].at};
    }
    *entries = now;
    *n = cut.pieces;
    return !x->form.failed;
}

/* Do two of the entries have one set? They could not be united, as one between them may hold as well. */
static bool some_repeat(struct factor *x, const struct entry *e, uint32_t n)
{
    const uint32_t *number = n > 2 ? factor_number_sets(&x->form, e, n) : NULL;
    uint32_t i = 0;

    while (number && i < n && number[i] == i)
        i++;
    return number && i < n;
}

bool factor_begin_alike(const struct normal_form *x, uint32_t i, uint32_t j)
{
    uint32_t a = nf_first(x, i), b = nf_first(x, j);

    return a != NF_NONE && b != NF_NONE && nf_is_test(x, a) && nf_is_test(x, b) &&
           nf_test_value(x, a) == nf_test_value(x, b);
}

/* May two of a few entries hold for the same number, and do their rests begin with tests of one value? */
static bool few_meet(const struct normal_form *x, const struct entry *e, uint32_t n)
{
    bool meet = false;

    for (uint32_t i = 1; i < n && n <= RUN_FEW && !meet; i++)
        for (uint32_t k = 0; k < i && !meet; k++)
            meet = factor_begin_alike(x, e[i].rest, e[k].rest) && sets_meet(e[i].set, e[k].set) &&
                   !set_equal(e[i].set, e[k].set);
    return meet;
}

/* Are entries whose sets overlap to be cut to others? */
static bool should_cut(struct factor *x, const struct entry *e, uint32_t n)
{
    return (x->switches && (n >= SWITCH_MIN || some_repeat(x, e, n))) ||
           (!factor_joins_late(x) && few_meet(&x->form, e, n));
}

/* Test and rest as one item; a rest that always holds is none. */
static uint32_t compound_item(struct factor *x, const struct run *r, const struct entry *e, bool is_or)
{
    uint32_t head = nf_new(&x->form, (struct nf){.kind = NF_LEAF});

    if (!x->form.failed)
        nf_become_leaf(&x->form, head, r->on, e->set, is_or, e->at);
    if (x->form.failed || factor_decides(&x->form, e->rest, is_or))
        return head;
    uint32_t both = nf_list_new(&x->form, is_or ? NF_AND : NF_OR);
    if (x->form.failed)
        return head;
    nf_list_append(&x->form, both, head);
    nf_list_append(&x->form, both, e->rest);
    return both;
}

/* None of few lone entries holds where an entry with a rest does. */
static bool lone_is_apart(const struct entry *lone, uint32_t lones, const struct entry *rest, uint32_t rests)
{
    bool apart = (uint64_t)lones * rests <= OVERTAKE_MAX * OVERTAKE_MAX;

    for (uint32_t i = 0; i < lones && apart; i++)
        for (uint32_t k = 0; k < rests && apart; k++)
            apart = !sets_meet(lone[i].set, rest[k].set);
    return apart;
}

/*
 * The few entries with rests need not hold where lone ones do. Those for which nothing is left go; returns
 * how many stay.
 */
static uint32_t narrow_rests(struct factor *x, const struct entry *lone, uint32_t lones, struct entry *rest,
                             uint32_t rests)
{
    uint32_t n = 0;

    if ((uint64_t)lones * rests > OVERTAKE_MAX * OVERTAKE_MAX)
        return rests;
    for (uint32_t k = 0; k < rests; k++) {
        struct entry one = rest[k];
        for (uint32_t i = 0; i < lones; i++)
            set_narrow(&x->form, &one.set, lone[i].set);
        if (one.set.n)
            rest[n++] = one;
    }
    return n;
}

/* The reach of a compound of two parts, which may have had more. */
static void reach_again(struct factor *x, uint32_t item)
{
    const struct nf *first = &x->form.nf.at[x->form.nf.at[item].first];

    if (!nf_is_list(&x->form, item) || first->next == NF_NONE || x->form.nf.at[first->next].next != NF_NONE)
        return;
    x->form.nf.at[item].reach = reach_both(first->reach, x->form.nf.at[first->next].reach);
}

/* Packets that get to @i hold @held. */
static void raise_held(struct factor *x, uint32_t i, nf_reach held)
{
    nf_set_held(&x->form, i, reach_both(held, nf_held(&x->form, i)));
}

bool factor_write_run(struct factor *x, uint32_t list, const struct run *r)
{
    uint8_t kind = x->form.nf.at[list].kind;
    bool is_or = kind == NF_OR;
    uint32_t lone, n, pieces = 0, next;

    if (r->n == 1) {
        raise_held(x, r->first, r->held);
        nf_list_append(&x->form, list, r->first);
        if (x->switches) /* otherwise it was regrouped before this list */
            push_work(x, r->first);
        return true;
    }
    if (!x->switches && factor_run_stays(x, r, is_or)) {
        for (uint32_t i = r->first; i != NF_NONE; i = next) {
            next = x->form.nf.at[i].next;
            reach_again(x, i);
            nf_list_append(&x->form, list, i);
        }
        return true;
    }
    x->form.changed = true;
    struct entry *e = run_entries(x, r, is_or, &lone, &n);
    if (x->form.failed)
        return false;
    struct entry *rests = e + r->n - n;
    lone = unite_lone(x, r, e, lone, is_or);
    n = narrow_rests(x, e, lone, rests, n);
    const bool lone_apart = lone_is_apart(e, lone, rests, n);
    uint32_t before = n;
    n = n ? unite_equal(x, rests, n, kind) : 0;
    const struct piece *p = x->switches && n >= SWITCH_MIN ? disjoint_pieces(x, rests, n, &pieces) : NULL;
    bool cut = !p && !x->form.failed && should_cut(x, rests, n) && cut_entries(x, &rests, &n, kind);
    if (cut && x->switches && n >= SWITCH_MIN)
        p = disjoint_pieces(x, rests, n, &pieces);
    for (uint32_t i = 0; i < n && !x->form.failed; i++) {
        nf_set_held(&x->form, rests[i].rest, rests[i].held);
        raise_held(x, rests[i].rest, r->held);
        raise_held(x, rests[i].rest, x->switches ? reach_known(r->reach) : 0);
        push_work(x, rests[i].rest);
    }
    if (p && pieces && !x->form.failed) {
        rests[0].rest = make_switch(x, r, rests, n, p, pieces, is_or);
        n = 1;
    } else {
        for (uint32_t i = 0; i < n && !x->form.failed; i++)
            rests[i].rest = compound_item(x, r, &rests[i], is_or);
    }
    bool moved = (n < before || pieces || cut) && !lone_apart;
    for (uint32_t i = 0; i < lone && moved; i++)
        e[i].rank =
            0; /* rests moved past it that hold where it does: what is decided without one comes first */
    for (uint32_t i = 0, k = 0; i + k < lone + n && !x->form.failed;) { /* in the order of the text */
        bool first = k == n || (i < lone && e[i].rank <= rests[k].rank);
        nf_list_append(&x->form, list, first ? e[i++].rest : rests[k++].rest);
    }
    return false;
}
