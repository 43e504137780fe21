/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/distribute.c - long lists of items that begin with a choice, as `host A and port P` does.
 *
 *   (s = a1 or d = a1) and r1, (s = a2 or d = a2) and r2, ...
 *                                        s = a1 and r1, s = a2 and r2, ..., d = a1 and r1, d = a2 and r2, ...
 *
 * which factor.c makes two searches of. Each rest is there twice: it goes on at the second search or at the
 * end.
 *
 * Refines only if no packet that the plain program accepts needs a load that the plain program does not make.
 * Which are made? To be accepted in or behind the list a packet passes the first item, so it holds s. It
 * holds d as well, unless its s is in the first item's set and in those of the `lead` items behind it, which
 * have the same: sets are equal or apart. (Intervals that overlap are cut to pieces that are, by overlap.c;
 * the lead are the first items whose intervals have a number in common then.) And it holds what every way to
 * accept in a rest reads (must_reach, must_read). Rests that need no more than that are tested where their
 * address was found.
 *
 * A rest `p = P or q = P` is not like that: the plain program may accept a packet for its source port p that
 * is cut off in front of the destination port q. Then p has to be asked about for both addresses before q is,
 * so what was found is kept in variables:
 *
 *   x = none; s = a1 and x = P1, s = a2 and x = P2, ...;
 *   (d = a1 and y = P1, d = a2 and y = P2, ...) and (p = x or p = y or q = x or q = y);
 *   x != none and (p = x or q = x)
 *
 * The lead items, whose packets may lack d, are asked first as they are. The list has become a table: nothing
 * of it is there twice but the searches. Where p and q may be any number, none is one that no row has, and x
 * and y are compared with it before p and q are compared with them. Tests that all rests make before that, as
 * `ether host M and ip host A` asks for IPv4, are made where an address was found.
 *
 * Conversations, (s = a or d = a) and (s = b or d = b) and ..., become s = a and d = b and ..., d = a and s =
 * b and ..., where a is the lower of the two. What is behind is asked only of packets between those two
 * addresses, which only items with the same two can accept; those stay in order. All such packets hold s and
 * d.
 *
 * Lists of AND are lists of OR with the outcomes swapped. Cost: linear in the list but for sorting; rests are
 * small.
 */
#include <string.h>
#include "lower/factor.h"

#define ITEMS_MIN   8  /* items that make it worth it */
#define LEAVES_MAX  24 /* of a side */
#define COLUMNS_MAX 8  /* numbers that a table gives for one address */

struct pair {
    uint32_t side[2];    /* the two ways to begin */
    uint32_t item;       /* the choice between them, then the rest */
    uint32_t partner;    /* of a conversation: the other choice */
    uint32_t address[2]; /* ... and what the two ask for, the lower number first */
};

/* What a table gives where one side is found. */
struct row {
    uint32_t n;
    uint32_t value[COLUMNS_MAX];
};

struct distribution {
    struct normal_form *x;
    uint8_t kind, compound; /* of the list; of its items */
    struct pair *pair;
    uint32_t n, lead;
    ir_value on[2];
    uint32_t held;   /* bytes from the start that accepted packets have */
    ir_value far[2]; /* values that they may lack */
    uint32_t fars;
    /* a table; soon: the value that is compared first */
    ir_value soon, late;    /* late: IR_NONE when there is none */
    struct row *row[2];     /* by pair: filled for the first one with its side */
    uint32_t columns, none; /* none: a number that neither value can be, or that is in no row */
    bool any_number;        /* ... which packets may have */
    uint32_t var[2];        /* the first of `columns` variables */
};

/* ---------------------------------------------------------------- looking at rests */

/* The first part of the rest of pair @k. */
static uint32_t rest_of(const struct distribution *d, uint32_t k)
{
    const struct nf *nf = d->x->nf.at;

    return nf[nf[d->pair[k].item].first].next;
}

/* Bytes that whatever holds in @i has read; absolute loads only. */
static uint32_t must_reach(const struct distribution *d, uint32_t i)
{
    const struct nf *n = &d->x->nf.at[i];
    uint32_t most = 0;

    if (n->kind == NF_LEAF)
        return n->reach == UINT32_MAX ? 0 : n->reach;
    for (uint32_t c = n->first; c != NF_NONE; c = n->kind == d->compound ? d->x->nf.at[c].next : NF_NONE) {
        uint32_t reach = must_reach(d, c);
        most = reach > most ? reach : most;
    }
    return most;
}

/* Has whatever holds in @i read @v? */
static bool must_read(const struct distribution *d, uint32_t i, ir_value v)
{
    const struct nf *n = &d->x->nf.at[i];
    bool read = n->kind == NF_LEAF && nf_test_value(d->x, i) == v;

    for (uint32_t c = n->kind == NF_LEAF ? NF_NONE : n->first; c != NF_NONE && !read;
         c = n->kind == d->compound ? d->x->nf.at[c].next : NF_NONE)
        read = must_read(d, c, v);
    return read;
}

/* Collects the values in @i that accepted packets may lack; false when there are too many. */
static bool find_far(struct distribution *d, uint32_t i)
{
    const struct nf *n = &d->x->nf.at[i];
    bool ok = true;

    if (n->kind == NF_LEAF) {
        ir_value v = nf_test_value(d->x, i);
        bool known = v == d->on[0] || v == d->on[1] || n->reach <= d->held;
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

/* ---------------------------------------------------------------- without a table */

static uint32_t copy(struct distribution *d, uint32_t i)
{
    return factor_copy(d->x, i, d->kind == NF_OR);
}

/* An item of @kind: side @side of pair @k, and what the caller appends. */
static uint32_t item_new(struct distribution *d, int side, uint32_t k)
{
    uint32_t item = nf_list_new(d->x, d->compound), begin = copy(d, d->pair[k].side[side]);

    if (!d->x->failed)
        nf_list_add(d->x, item, begin);
    return item;
}

/* Appends side @side of the pairs before @end, each with its rest. */
static void put_side(struct distribution *d, uint32_t list, int side, uint32_t end)
{
    struct normal_form *x = d->x;

    for (uint32_t k = 0; k < end && !x->failed; k++) {
        uint32_t item = item_new(d, side, k);
        for (uint32_t c = rest_of(d, k); c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
            uint32_t part = copy(d, c);
            if (!x->failed)
                nf_list_add(x, item, part);
        }
        if (!x->failed)
            nf_list_append(x, list, item);
    }
}

/* ---------------------------------------------------------------- conversations */

/* The number that both leaves of the choice ask for, @on in order. */
static bool choice_number(const struct distribution *d, uint32_t choice, uint32_t *number)
{
    struct normal_form *x = d->x;
    uint32_t leaf = x->nf.at[choice].first;
    bool ok = x->nf.at[choice].kind == d->kind && leaf != NF_NONE;

    for (int side = 0; side < 2 && ok; side++, leaf = x->nf.at[leaf].next) {
        ok = leaf != NF_NONE && nf_is_test(x, leaf) && nf_test_value(x, leaf) == d->on[side];
        struct set s = ok ? nf_test_set(x, leaf, d->kind == NF_OR) : (struct set){NULL, 0, 0, NULL};
        ok = s.n == 1 && s.at[0].lo == s.at[0].hi && (side == 0 || s.at[0].lo == *number);
        *number = ok ? s.at[0].lo : 0;
    }
    return ok && leaf == NF_NONE;
}

/* Do all pairs ask for two different addresses, and does a packet that passes them hold both? */
static bool find_conversations(struct distribution *d)
{
    const struct normal_form *x = d->x;
    bool ok = true, adjacent = true;

    for (uint32_t k = 0; k < d->n && ok; k++) {
        struct pair *p = &d->pair[k];
        uint32_t a, b = 0, c = rest_of(d, k);
        ok = choice_number(d, x->nf.at[p->item].first, &a);
        while (ok && c != NF_NONE && !choice_number(d, c, &b))
            c = x->nf.at[c].next;
        adjacent &= c == rest_of(d, k);
        ok = ok && c != NF_NONE && a != b;
        p->partner = c;
        p->address[0] = a < b ? a : b;
        p->address[1] = a < b ? b : a;
    }
    return ok && (adjacent || d->lead < d->n);
}

static void append_point(struct distribution *d, uint32_t list, ir_value on, uint32_t number, struct span at)
{
    struct ir_range *one = intervals_new(d->x, 1);
    uint32_t leaf = nf_new(d->x, (struct nf){.kind = NF_LEAF});

    if (d->x->failed)
        return;
    *one = (struct ir_range){number, number};
    nf_become_leaf(d->x, leaf, on, (struct set){one, 1, 0, NULL}, d->kind == NF_OR, at);
    nf_list_append(d->x, list, leaf);
}

/* Appends the conversations in one direction: the lower address is that of side @side. */
static void put_direction(struct distribution *d, uint32_t list, int side)
{
    struct normal_form *x = d->x;

    for (uint32_t k = 0; k < d->n && !x->failed; k++) {
        const struct pair *p = &d->pair[k];
        uint32_t item = nf_list_new(x, d->compound);
        if (x->failed)
            return;
        append_point(d, item, d->on[side], p->address[0], x->nf.at[p->item].at);
        append_point(d, item, d->on[!side], p->address[1], x->nf.at[p->item].at);
        for (uint32_t c = rest_of(d, k); c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
            uint32_t part = c == p->partner ? NF_NONE : copy(d, c);
            if (part != NF_NONE && !x->failed)
                nf_list_add(x, item, part);
        }
        nf_list_append(x, list, item);
    }
}

/* ---------------------------------------------------------------- as a table */

/* A leaf of the condition @c, which is no test that may be moved or merged. */
static uint32_t leaf_of(struct distribution *d, cond c, bool strict)
{
    return nf_new(d->x, (struct nf){.kind = NF_LEAF,
                                    .negated = d->kind == NF_AND,
                                    .opaque = true,
                                    .strict = strict,
                                    .leaf = c,
                                    .at = d->x->lw->at});
}

static void append_leaf(struct distribution *d, uint32_t list, cond c, bool strict)
{
    uint32_t leaf = leaf_of(d, c, strict);

    if (!d->x->failed)
        nf_list_append(d->x, list, leaf);
}

static cond defined(struct distribution *d, uint32_t var, uint32_t k)
{
    return cond_define(d->x->lw, var, ir_const(d->x->lw->f, k));
}

/* Appends a leaf that never holds. */
static void append_never(struct distribution *d, uint32_t list, bool strict)
{
    append_leaf(d, list, cond_eq(d->x->lw, ir_const(d->x->lw->f, 0), 1), strict);
}

/* Appends the rows of side @side with more than one number, or those with one, to @list: where it is found,
 * variables are set. */
static void put_rows(struct distribution *d, uint32_t list, int side, bool several)
{
    struct normal_form *x = d->x;

    for (uint32_t k = 0; k < d->n && !x->failed; k++) {
        const struct row *r = &d->row[side][k];
        if (r->n == 0 || (r->n > 1) != several)
            continue;
        x->lw->at = x->nf.at[d->pair[k].item].at;
        uint32_t item = item_new(d, side, k);
        for (uint32_t c = 0; c < (several ? d->columns : 1) && !x->failed; c++)
            append_leaf(d, item, defined(d, d->var[side] + c, r->value[c < r->n ? c : 0]), false);
        if (!x->failed)
            nf_list_append(x, list, item);
    }
}

/*
 * The search for side @side, which holds where one is found and has set its variables then. Most addresses
 * have one number: what the other variables are for those is said once.
 */
static uint32_t search(struct distribution *d, int side)
{
    struct normal_form *x = d->x;
    uint32_t all = nf_list_new(x, d->kind);

    if (d->columns == 1) {
        put_rows(d, all, side, false);
        return all;
    }
    uint32_t ones = nf_list_new(x, d->kind), item = nf_list_new(x, d->compound);
    put_rows(d, ones, side, false);
    if (!x->failed && x->nf.at[ones].first != NF_NONE) {
        nf_list_append(x, item, ones);
        for (uint32_t c = 1; c < d->columns; c++)
            append_leaf(d, item, defined(d, d->var[side] + c, d->none), false);
        nf_list_append(x, all, item);
    }
    put_rows(d, all, side, true);
    return all;
}

/* Appends a test whether the variable @var has a number of a row. */
static void append_some(struct distribution *d, uint32_t list, uint32_t var)
{
    struct lower *lw = d->x->lw;

    append_leaf(d, list, cond_not(lw, cond_eq(lw, var_value(lw, var), d->none)), true);
}

/* Appends tests of @v against the variables of side @side. */
static void append_compares(struct distribution *d, uint32_t list, ir_value v, int side)
{
    struct normal_form *x = d->x;

    for (uint32_t c = 0; c < d->columns && !x->failed; c++) {
        uint32_t var = d->var[side] + c, item = d->any_number ? nf_list_new(x, d->compound) : list;
        if (d->any_number)
            append_some(d, item, var);
        ir_value same = ir_binary(x->lw->f, IR_EQ, v, var_value(x->lw, var));
        append_leaf(d, item, cond_eq(x->lw, same, 1), true);
        if (d->any_number && !x->failed)
            nf_list_append(x, list, item);
    }
}

/* Appends what all rests ask before they compare numbers. */
static void append_common(struct distribution *d, uint32_t list)
{
    struct normal_form *x = d->x;

    for (uint32_t c = rest_of(d, 0); x->nf.at[c].next != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        uint32_t part = copy(d, c);
        if (!x->failed)
            nf_list_append(x, list, part);
    }
}

static void put_table(struct distribution *d, uint32_t list)
{
    struct normal_form *x = d->x;
    struct lower *lw = x->lw;

    for (int side = 0; side < 2; side++) {
        d->var[side] = lw->var.n;
        for (uint32_t c = 0; c < d->columns; c++)
            var_new(lw);
    }
    put_side(d, list, 0, d->lead);

    uint32_t none = nf_list_new(x, d->compound), first = nf_list_new(x, d->compound),
             second = nf_list_new(x, d->compound), third = nf_list_new(x, d->compound),
             sources = search(d, 0), destinations = search(d, 1), both = nf_list_new(x, d->kind),
             source = nf_list_new(x, d->kind);
    if (x->failed)
        return;
    for (uint32_t c = 0; c < d->columns; c++)
        append_leaf(d, none, defined(d, d->var[0] + c, d->none), true);
    append_never(d, none, true);

    nf_list_append(x, first, sources);
    append_never(d, first, false);

    append_compares(d, both, d->soon, 0);
    append_compares(d, both, d->soon, 1);
    append_compares(d, both, d->late, 0);
    append_compares(d, both, d->late, 1);
    nf_list_append(x, second, destinations);
    append_common(d, second);
    nf_list_append(x, second, both);

    append_some(d, third, d->var[0]);
    append_common(d, third);
    append_compares(d, source, d->soon, 0);
    append_compares(d, source, d->late, 0);
    nf_list_append(x, third, source);
    if (x->failed)
        return;
    nf_list_append(x, list, none);
    nf_list_append(x, list, first);
    nf_list_append(x, list, second);
    nf_list_append(x, list, third);
}

/* ---------------------------------------------------------------- which pairs */

/* Is @item a choice of two that begin with tests of different values, and then more? */
static bool is_pair(const struct distribution *d, uint32_t item, struct pair *out, ir_value on[2])
{
    const struct normal_form *x = d->x;
    const struct nf *n = &x->nf.at[item];

    if (n->kind != d->compound || n->first == NF_NONE || n->first == n->last ||
        x->nf.at[n->first].kind != d->kind || !factor_is_small(x, item))
        return false;
    uint32_t a = x->nf.at[n->first].first, b = x->nf.at[a].next;
    if (b == NF_NONE || x->nf.at[b].next != NF_NONE)
        return false;
    uint32_t head[2] = {factor_head(x, a, d->compound), factor_head(x, b, d->compound)};
    if (head[0] == NF_NONE || head[1] == NF_NONE)
        return false;
    *out = (struct pair){.side = {a, b}, .item = item};
    on[0] = nf_test_value(x, head[0]);
    on[1] = nf_test_value(x, head[1]);
    return on[0] != on[1];
}

/* Reads the pairs that follow each other from @item on; gives the item behind them. */
static uint32_t read_pairs(struct distribution *d, uint32_t item)
{
    struct normal_form *x = d->x;
    ir_value on[2];
    struct pair one;

    for (d->n = 0; item != NF_NONE && is_pair(d, item, &one, on); item = x->nf.at[item].next) {
        if (d->n == 0) {
            d->on[0] = on[0];
            d->on[1] = on[1];
        } else if (on[0] != d->on[0] || on[1] != d->on[1]) {
            break;
        }
        d->pair[d->n++] = one;
    }
    return item;
}

/* First tests of side @side of all pairs. */
static struct entry *heads(struct distribution *d, int side)
{
    struct normal_form *x = d->x;
    struct entry *e = arena_array(x->w, struct entry, d->n);

    x->failed |= !e;
    for (uint32_t k = 0; e && k < d->n; k++) {
        uint32_t head = factor_head(x, d->pair[k].side[side], d->compound);
        e[k] = (struct entry){nf_test_set(x, head, d->kind == NF_OR), NF_NONE, k, x->nf.at[head].at};
    }
    return e;
}

/* Sets that the pairs begin with are equal or apart, on each side. Counts the lead. */
static bool sides_apart(struct distribution *d)
{
    struct normal_form *x = d->x;
    bool apart = true;

    for (int side = 1; side >= 0 && apart && !x->failed; side--) {
        const struct entry *e = heads(d, side);
        const uint32_t *number = x->failed ? NULL : factor_number_sets(x, e, d->n);
        apart = number && factor_sets_apart(x, e, number, d->n);
        for (d->lead = 0; apart && d->lead < d->n && number[d->lead] == 0; d->lead++)
            ;
    }
    return apart;
}

/* The interval that both sides of pair @k ask for and no more; false when they do not. */
static bool lone_interval(const struct distribution *d, uint32_t k, struct ir_range *out)
{
    struct normal_form *x = d->x;
    struct set s[2];

    for (int side = 0; side < 2; side++) {
        if (!nf_is_test(x, d->pair[k].side[side]))
            return false;
        s[side] = nf_test_set(x, d->pair[k].side[side], d->kind == NF_OR);
        if (x->failed || s[side].n != 1)
            return false;
    }
    *out = s[0].at[0];
    return set_equal(s[0], s[1]);
}

/* Are the sets that overlap intervals, each the same on both sides? Counts the lead: first pairs that one
 * number is in the sets of. */
static bool sides_overlap(struct distribution *d)
{
    struct ir_range all = {0, UINT32_MAX}, one;

    d->lead = 0;
    for (uint32_t k = 0; k < d->n; k++) {
        if (!lone_interval(d, k, &one))
            return false;
        all.lo = one.lo > all.lo ? one.lo : all.lo;
        all.hi = one.hi < all.hi ? one.hi : all.hi;
        d->lead += d->lead == k && all.lo <= all.hi;
    }
    return true;
}

static uint32_t piece_leaf(struct distribution *d, int side, struct set set, struct span at)
{
    uint32_t leaf = nf_new(d->x, (struct nf){.kind = NF_LEAF});

    if (!d->x->failed)
        nf_become_leaf(d->x, leaf, d->on[side], set, d->kind == NF_OR, at);
    return leaf;
}

/* Each pair becomes one for each piece that its interval is cut to, in the order of the pairs: then sets are
 * equal or apart. */
static bool cut_pairs(struct distribution *d)
{
    struct normal_form *x = d->x;
    struct entry *e = heads(d, 0);
    struct cut cut;
    uint32_t total = 0, lead = 0;

    if (x->failed || !factor_cut(x, e, d->n, &cut))
        return false;
    uint32_t *room = arena_array(x->w, uint32_t, d->n + 1);
    for (uint32_t p = 0; p < cut.pieces; p++)
        total += cut.piece[p].members;
    struct pair *now = arena_array(x->w, struct pair, total);
    if (!room || !now) {
        x->failed = true;
        return false;
    }
    for (uint32_t p = 0; p < cut.pieces; p++)
        for (uint32_t m = 0; m < cut.piece[p].members; m++)
            room[cut.piece[p].member[m] + 1]++;
    for (uint32_t k = 0; k < d->n; k++)
        room[k + 1] += room[k];
    lead = room[d->lead];
    for (uint32_t p = 0; p < cut.pieces; p++)
        for (uint32_t m = 0; m < cut.piece[p].members && !x->failed; m++) {
            uint32_t k = cut.piece[p].member[m];
            struct pair *to = &now[room[k]++];
            *to = d->pair[k];
            for (int side = 0; side < 2; side++)
                to->side[side] = piece_leaf(d, side, cut.piece[p].set, e[k].at);
        }
    d->pair = now;
    d->n = total;
    d->lead = lead;
    return !x->failed;
}

/* No packet passes both @i and @j, as they ask for different numbers of one value. */
static bool exclude_each_other(struct normal_form *x, uint32_t i, uint32_t j, uint8_t kind)
{
    uint32_t a = x->nf.at[i].kind == NF_LEAF ? i : x->nf.at[i].first,
             first = x->nf.at[j].kind == NF_LEAF ? j : x->nf.at[j].first;

    for (; a != NF_NONE; a = a == i ? NF_NONE : x->nf.at[a].next)
        for (uint32_t b = first; b != NF_NONE; b = b == j ? NF_NONE : x->nf.at[b].next)
            if (nf_is_test(x, a) && nf_is_test(x, b) && nf_test_value(x, a) == nf_test_value(x, b) &&
                !sets_meet(nf_test_set(x, a, kind == NF_OR), nf_test_set(x, b, kind == NF_OR)))
                return true;
    return false;
}

/* Does every packet that passes all items hold d? Its s is not in the sets of two that exclude each other. */
static bool second_is_read(struct distribution *d)
{
    bool read = d->lead < d->n;

    for (uint32_t k = 1; k < d->n && !read; k++)
        read = exclude_each_other(d->x, d->pair[0].side[0], d->pair[k].side[0], d->kind);
    return read;
}

/* Finds what accepted packets hold. */
static bool find_held(struct distribution *d)
{
    struct normal_form *x = d->x;
    uint32_t must = UINT32_MAX, second = x->value_reach[d->on[1]];
    bool lone = true;

    for (uint32_t k = 0; k < d->n; k++) {
        uint32_t reach = 0;
        for (uint32_t c = rest_of(d, k); c != NF_NONE; c = x->nf.at[c].next) {
            uint32_t r = must_reach(d, c);
            reach = r > reach ? r : reach;
        }
        must = reach < must ? reach : must;
        lone &= x->nf.at[d->pair[k].side[0]].kind == NF_LEAF && x->nf.at[d->pair[k].side[1]].kind == NF_LEAF;
    }
    if (!second_is_read(d))
        return false;
    d->held = second == UINT32_MAX ? 0 : second;
    if (second != UINT32_MAX && must >= second) {
        d->held = must;
        d->lead = 0;
    }
    return d->lead < d->n && (lone || d->lead == 0);
}

/* May rests be tested where they are? Otherwise d->late is the value that has to wait, or all is left as it
 * is. */
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

/* ---------------------------------------------------------------- rows of a table */

static bool is_points(struct set s)
{
    bool points = true;

    for (uint32_t i = 0; i < s.n && points; i++)
        points = s.at[i].lo == s.at[i].hi;
    return points;
}

/* The last part of the rest of pair @k, if the parts before it ask what those of the first pair ask; NF_NONE.
 */
static uint32_t numbers_of(struct distribution *d, uint32_t k)
{
    struct normal_form *x = d->x;
    const bool outcome = d->kind == NF_OR;
    uint32_t c = rest_of(d, k), like = rest_of(d, 0);

    for (; x->nf.at[c].next != NF_NONE; c = x->nf.at[c].next, like = x->nf.at[like].next)
        if (x->nf.at[like].next == NF_NONE || !nf_is_test(x, c) || !nf_is_test(x, like) ||
            nf_test_value(x, c) != nf_test_value(x, like) ||
            !set_equal(nf_test_set(x, c, outcome), nf_test_set(x, like, outcome)))
            return NF_NONE;
    return x->nf.at[like].next == NF_NONE ? c : NF_NONE;
}

/* What pair @k's rest compares both values with, when it is a rest of a table's kind. */
static bool rest_numbers(struct distribution *d, uint32_t k, struct set *out)
{
    struct normal_form *x = d->x;
    uint32_t rest = numbers_of(d, k), a, b;

    if (rest == NF_NONE || x->nf.at[rest].kind != d->kind)
        return false;
    a = x->nf.at[rest].first;
    b = x->nf.at[a].next;
    if (b == NF_NONE || x->nf.at[b].next != NF_NONE || x->nf.at[a].kind != NF_LEAF ||
        x->nf.at[b].kind != NF_LEAF)
        return false;
    struct set soon = nf_test_set(x, a, d->kind == NF_OR), late = nf_test_set(x, b, d->kind == NF_OR);
    if (k == 0)
        d->soon = nf_test_value(x, a);
    *out = soon;
    return !x->failed && nf_test_value(x, a) == d->soon && nf_test_value(x, b) == d->late &&
           d->soon != d->late && is_points(soon) && soon.n == late.n &&
           memcmp(soon.at, late.at, soon.n * sizeof *soon.at) == 0;
}

/* What side @side of pair @k asks of each of its values, in order: two of them are equal or exclude each
 * other. */
static bool side_key(struct distribution *d, int side, uint32_t k, struct entry *out)
{
    struct normal_form *x = d->x;
    uint32_t i = d->pair[k].side[side], like = d->pair[0].side[side], n = 0;

    if (x->nf.at[i].kind == NF_LEAF) {
        out->set = nf_test_set(x, i, d->kind == NF_OR);
        return x->nf.at[like].kind == NF_LEAF;
    }
    struct ir_range *key = intervals_new(x, LEAVES_MAX);
    if (!key || x->nf.at[like].kind == NF_LEAF)
        return false;
    uint32_t l = x->nf.at[like].first, c = x->nf.at[i].first;
    for (; c != NF_NONE && l != NF_NONE; c = x->nf.at[c].next, l = x->nf.at[l].next) {
        if (!nf_is_test(x, c) || nf_test_value(x, c) != nf_test_value(x, l))
            return false;
        struct set s = nf_test_set(x, c, d->kind == NF_OR);
        if (s.n != 1 || !is_points(s))
            return false;
        key[n++] = s.at[0];
    }
    out->set = (struct set){key, n, 0, NULL};
    return c == NF_NONE && l == NF_NONE;
}

static bool row_add(struct row *r, struct set numbers)
{
    for (uint32_t i = 0; i < numbers.n; i++) {
        uint32_t c = 0;
        while (c < r->n && r->value[c] != numbers.at[i].lo)
            c++;
        if (c == COLUMNS_MAX)
            return false;
        r->value[c] = numbers.at[i].lo;
        r->n = c == r->n ? c + 1 : r->n;
    }
    return true;
}

/* Fills the rows of side @side from pair @from on. */
static bool fill_rows(struct distribution *d, int side, uint32_t from)
{
    struct normal_form *x = d->x;
    struct entry *e = arena_array(x->w, struct entry, d->n);
    bool ok = true;

    d->row[side] = arena_array(x->w, struct row, d->n);
    x->failed |= !e || !d->row[side];
    for (uint32_t k = from; k < d->n && ok && !x->failed; k++)
        ok = side_key(d, side, k, &e[k]);
    const uint32_t *number = ok && !x->failed ? factor_number_sets(x, e + from, d->n - from) : NULL;
    for (uint32_t k = from; number && k < d->n && ok; k++) {
        struct row *r = &d->row[side][from + number[k - from]];
        struct set numbers;
        ok = rest_numbers(d, k, &numbers) && row_add(r, numbers);
        d->columns = ok && r->n > d->columns ? r->n : d->columns;
    }
    return ok && number;
}

/* A number that is in no row, the least; false when there is no memory to find it. */
static bool find_unused(struct distribution *d)
{
    uint32_t numbers = 0, k = 0;

    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < d->n; i++)
            numbers += d->row[side][i].n;
    bool *used = arena_array(d->x->w, bool, (size_t)numbers + 1);
    for (int side = 0; side < 2 && used; side++)
        for (uint32_t i = 0; i < d->n; i++)
            for (uint32_t c = 0; c < d->row[side][i].n; c++)
                if (d->row[side][i].value[c] <= numbers)
                    used[d->row[side][i].value[c]] = true;
    while (used && used[k])
        k++;
    d->none = k;
    d->x->failed |= !used;
    return used != NULL;
}

static bool find_table(struct distribution *d)
{
    struct set first;

    d->columns = 0;
    if (!rest_numbers(d, 0, &first) || !fill_rows(d, 0, d->lead) || !fill_rows(d, 1, 0))
        return false;
    struct ir_range soon = ir_range(d->x->lw->f, d->soon), late = ir_range(d->x->lw->f, d->late);
    uint32_t highest = soon.hi > late.hi ? soon.hi : late.hi;
    d->none = highest + 1;
    d->any_number = highest == UINT32_MAX;
    return !d->any_number || find_unused(d);
}

void factor_distribute(struct normal_form *x, uint32_t list)
{
    uint8_t kind = x->nf.at[list].kind;
    struct distribution d = {.x = x, .kind = kind, .compound = kind == NF_OR ? NF_AND : NF_OR};
    uint32_t items = 0, item = x->nf.at[list].first, next;

    for (uint32_t i = item; i != NF_NONE; i = x->nf.at[i].next)
        items++;
    if (items < ITEMS_MIN || x->nf.at[list].strict)
        return;
    struct pair *room = arena_array(x->w, struct pair, items);
    x->failed |= !room;
    if (x->failed)
        return;
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    while (item != NF_NONE && !x->failed) {
        d.pair = room;
        uint32_t behind = read_pairs(&d, item);
        bool apart = d.n >= ITEMS_MIN && sides_apart(&d);
        if (apart && find_conversations(&d)) {
            put_direction(&d, list, 0);
            put_direction(&d, list, 1);
            item = behind;
            continue;
        }
        bool overlap = !apart && d.n >= ITEMS_MIN && !x->failed && sides_overlap(&d),
             may = (apart || overlap) && find_held(&d) && find_late(&d);
        if (may && overlap) /* from here on they are apart */
            may = cut_pairs(&d);
        if (may && d.late == IR_NONE) {
            put_side(&d, list, 0, d.n);
            put_side(&d, list, 1, d.n);
            item = behind;
        } else if (may && find_table(&d)) {
            put_table(&d, list);
            item = behind;
        } else {
            do {
                next = x->nf.at[item].next;
                nf_list_append(x, list, item);
                item = next;
            } while (item != behind && item != NF_NONE);
        }
    }
}
