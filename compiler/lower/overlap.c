/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/overlap.c - sets that overlap are cut to pieces that do not.
 *
 *   v in 10.0.0.0/8 and r1, v in 10.1.0.0/16 and r2      v in 10.1.0.0/16 and (r1 or r2),
 *                                                        v in the rest of 10.0.0.0/8 and r1
 *
 * A piece is where just the same sets hold, so that lists of overlapping networks or ranges become searches
 * like others. Nothing is evaluated that was not: where a value lies in the piece, the tests of the sets that
 * make it up hold, and no others.
 *
 * A rest stands in as many pieces as its set is cut to, which is why that is bounded: beyond, the list stays
 * as it is. Cost: sorting the intervals, then linear in what comes out.
 */
#include "base/sort.h"
#include "lower/factor.h"

#define MEMBERS_EACH 4 /* sets of intervals, for each interval that there was */
#define DEPTH_MAX    6 /* of a rest that is copied */

/* An interval of an entry's set that has begun. */
struct active {
    uint32_t entry, hi;
};

/* An interval in which the same entries hold. */
struct interval {
    struct ir_range in;
    uint32_t first, n; /* slice of `member` */
    uint32_t piece;
};

struct cutting {
    struct normal_form *x;
    const struct entry *e;
    VEC(struct active) active; /* in the order of entries */
    VEC(uint32_t) member;
    VEC(struct interval) interval;
    uint32_t pieces, most; /* most: of `member` */
};

/* ---------------------------------------------------------------- intervals */

static void begin(struct cutting *c, uint32_t entry, uint32_t hi)
{
    uint32_t at = c->active.n;

    if (!vec_push(c->x->w, &c->active, ((struct active){entry, hi}))) {
        c->x->failed = true;
        return;
    }
    for (; at > 0 && c->active.at[at - 1].entry > entry; at--)
        c->active.at[at] = c->active.at[at - 1];
    c->active.at[at] = (struct active){entry, hi};
}

/* The entries that hold from @lo to @hi are those that have begun; those that end there are forgotten. */
static void interval_add(struct cutting *c, uint32_t lo, uint32_t hi)
{
    struct interval in = {.in = {lo, hi}, .first = c->member.n, .n = c->active.n};
    uint32_t kept = 0;

    for (uint32_t i = 0; i < c->active.n && !c->x->failed; i++) {
        if (!vec_push(c->x->w, &c->member, c->active.at[i].entry))
            c->x->failed = true;
        if (c->active.at[i].hi != hi)
            c->active.at[kept++] = c->active.at[i];
    }
    c->active.n = kept;
    if (!vec_push(c->x->w, &c->interval, in))
        c->x->failed = true;
}

/* Where the interval that begins at @lo ends: in front of the next that begins, or with the first that ends.
 */
static uint32_t end_of(const struct cutting *c, uint32_t next, bool any_next)
{
    uint32_t hi = any_next ? next - 1 : UINT32_MAX;

    for (uint32_t i = 0; i < c->active.n; i++)
        hi = c->active.at[i].hi < hi ? c->active.at[i].hi : hi;
    return hi;
}

/* Goes through the @n intervals of all sets in the order of where they begin. False when there would be too
 * many. */
static bool find_intervals(struct cutting *c, const struct sort_key *sorted, const struct active *all,
                           uint32_t n)
{
    uint32_t lo = 0;

    for (uint32_t i = 0; (i < n || c->active.n) && !c->x->failed && c->member.n <= c->most;) {
        if (c->active.n == 0)
            lo = sorted[i].key;
        for (; i < n && sorted[i].key == lo; i++)
            begin(c, all[sorted[i].index].entry, all[sorted[i].index].hi);
        uint32_t hi = end_of(c, i < n ? sorted[i].key : 0, i < n);
        interval_add(c, lo, hi);
        lo = hi + 1; /* 0 behind the last number, where none is active any more */
    }
    return !c->x->failed && c->member.n <= c->most;
}

static bool read_intervals(struct cutting *c, uint32_t n)
{
    struct normal_form *x = c->x;
    uint32_t total = 0, m = 0;

    for (uint32_t i = 0; i < n; i++)
        total += c->e[i].set.n;
    c->most = total < UINT32_MAX / 2 / MEMBERS_EACH ? MEMBERS_EACH * total : total;
    struct active *all = arena_array(x->w, struct active, total);
    struct sort_key *key = arena_array(x->w, struct sort_key, 2 * (size_t)total);
    if (!all || !key) {
        x->failed = true;
        return false;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < c->e[i].set.n; k++, m++) {
            key[m] = (struct sort_key){c->e[i].set.at[k].lo, m};
            all[m] = (struct active){i, c->e[i].set.at[k].hi};
        }
    return find_intervals(c, sort_keys(key, key + m, m), all, m);
}

/* ---------------------------------------------------------------- pieces */

static uint32_t members_hash(const struct cutting *c, const struct interval *in)
{
    uint32_t h = in->n;

    for (uint32_t i = 0; i < in->n; i++)
        h = (h ^ c->member.at[in->first + i]) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* Intervals with the same members are one piece; pieces in the order of their first intervals. */
static bool number_pieces(struct cutting *c)
{
    uint32_t size = 16;

    while (size < 2 * c->interval.n)
        size *= 2;
    uint32_t *table = arena_array(c->x->w, uint32_t, size); /* interval + 1 */
    for (uint32_t i = 0; table && i < c->interval.n; i++) {
        struct interval *in = &c->interval.at[i];
        const uint32_t *own = c->member.at + in->first;
        uint32_t h = members_hash(c, in) & (size - 1);
        for (; table[h]; h = (h + 1) & (size - 1)) {
            const struct interval *o = &c->interval.at[table[h] - 1];
            if (o->n == in->n && memcmp(c->member.at + o->first, own, in->n * sizeof *own) == 0)
                break;
        }
        in->piece = table[h] ? c->interval.at[table[h] - 1].piece : c->pieces++;
        if (!table[h])
            table[h] = i + 1;
    }
    return table != NULL;
}

/* The sets of all pieces, and their members. */
static bool pieces_make(struct cutting *c, struct cut *out)
{
    struct normal_form *x = c->x;
    uint32_t *room = arena_array(x->w, uint32_t, c->pieces + 1);
    struct ir_range *at = intervals_new(x, c->interval.n);

    out->piece = arena_array(x->w, struct cut_piece, c->pieces);
    if (!room || !at || !out->piece)
        return false;
    for (uint32_t i = 0; i < c->interval.n; i++)
        room[c->interval.at[i].piece + 1]++;
    for (uint32_t p = 0; p < c->pieces; p++) {
        room[p + 1] += room[p];
        out->piece[p].set.at = at + room[p];
    }
    for (uint32_t i = 0; i < c->interval.n; i++) {
        const struct interval *in = &c->interval.at[i];
        struct cut_piece *p = &out->piece[in->piece];
        struct ir_range *to = at + room[in->piece];
        if (p->set.n && to[p->set.n - 1].hi + 1 == in->in.lo)
            to[p->set.n - 1].hi = in->in.hi;
        else
            to[p->set.n++] = in->in;
        p->member = c->member.at + in->first;
        p->members = in->n;
    }
    out->pieces = c->pieces;
    return true;
}

bool factor_cut(struct normal_form *x, const struct entry *e, uint32_t n, struct cut *out)
{
    struct cutting c = {.x = x, .e = e};

    if (!read_intervals(&c, n))
        return false;
    bool made = number_pieces(&c) && pieces_make(&c, out);
    x->failed |= !made;
    return made;
}

/* ---------------------------------------------------------------- copies */

static bool is_small(const struct normal_form *x, uint32_t i, unsigned depth, unsigned *leaves)
{
    const struct nf *n = &x->nf.at[i];
    bool ok = depth > 0 && !n->strict && (n->test || nf_is_list(x, i));

    if (ok && n->test)
        return ++*leaves <= FACTOR_LEAVES_MAX;
    for (uint32_t c = n->first; ok && c != NF_NONE; c = x->nf.at[c].next)
        ok = is_small(x, c, depth - 1, leaves);
    return ok && n->first != NF_NONE;
}

bool factor_is_small(const struct normal_form *x, uint32_t i)
{
    unsigned leaves = 0;

    return is_small(x, i, DEPTH_MAX, &leaves);
}

uint32_t factor_copy(struct normal_form *x, uint32_t i, bool outcome)
{
    const struct nf n = x->nf.at[i];

    if (n.kind == NF_LEAF) {
        uint32_t leaf = nf_new(x, (struct nf){.kind = NF_LEAF});
        if (!x->failed)
            nf_become_leaf(x, leaf, nf_test_value(x, i), nf_test_set(x, i, outcome), outcome, n.at);
        return leaf;
    }
    uint32_t list = nf_list_new(x, n.kind);
    for (uint32_t c = n.first; c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        uint32_t child = factor_copy(x, c, outcome);
        if (!x->failed)
            nf_list_append(x, list, child);
    }
    return list;
}
