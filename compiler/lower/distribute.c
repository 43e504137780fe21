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
 * the lead are the first items whose intervals have a number in common then.) And it holds what whatever
 * accepts has read. Rests that need no more than that, or no more than each other, are tested where their
 * address was found (rests.c).
 *
 * A rest `p = P or q = P` is not like that: the plain program may accept a packet for its source port p that
 * is cut off in front of the destination port q. Lists of such pairs become tables (pair_table.c). Those of
 * other pairs, and lists in which pairs stand between items of other kinds, are put in the order of what
 * items need (phases.c), which then may be asked for in any order within each phase.
 *
 * Lists of AND are lists of OR with the outcomes swapped. Cost: linear in the list but for sorting; rests are
 * small.
 */
#include "lower/distribute.h"

#define ITEMS_MIN 8 /* items that make it worth it ... */
#define FREE_MIN  3 /* ... and where they are asked for in any order */

/* ---------------------------------------------------------------- without a table */

uint32_t distribute_copy(struct distribution *d, uint32_t i)
{
    return factor_copy(d->x, i, d->kind == NF_OR);
}

uint32_t distribute_item(struct distribution *d, int side, uint32_t k)
{
    uint32_t begin = d->pair[k].side[side];

    if (d->x->nf.at[begin].kind == d->compound)
        return begin;
    uint32_t item = nf_list_new(d->x, d->compound);
    if (!d->x->failed)
        nf_list_append(d->x, item, begin);
    return item;
}

/* Appends copies of the parts from @first to before @behind to @item. */
static void append_copies(struct distribution *d, uint32_t item, uint32_t first, uint32_t behind)
{
    for (uint32_t c = first; c != behind && !d->x->failed; c = d->x->nf.at[c].next) {
        uint32_t part = distribute_copy(d, c);
        if (!d->x->failed)
            nf_list_add(d->x, item, part);
    }
}

/* Side @side of pair @k and its rest; near parts of that are tested before words of an address that may not
 * be there. */
static uint32_t side_and_rest(struct distribution *d, int side, uint32_t k)
{
    const uint32_t begin = d->pair[k].side[side], rest = rest_of(d, k);
    uint32_t item;

    if (side == 0 || !d->words || d->x->nf.at[begin].kind == NF_LEAF) {
        item = distribute_item(d, side, k);
        append_copies(d, item, rest, NF_NONE);
        return item;
    }
    const uint32_t first = d->x->nf.at[begin].first, far = distribute_far_part(d, k);
    uint32_t unread = d->x->nf.at[first].next;
    for (uint32_t w = 0; w < d->pair[k].read; w++)
        unread = d->x->nf.at[unread].next;
    item = nf_list_new(d->x, d->compound);
    append_copies(d, item, first, unread);
    append_copies(d, item, rest, far);
    append_copies(d, item, unread, NF_NONE);
    append_copies(d, item, far, NF_NONE);
    return item;
}

void distribute_side(struct distribution *d, uint32_t list, int side, uint32_t end)
{
    for (uint32_t k = 0; k < end && !d->x->failed; k++) {
        uint32_t item = side_and_rest(d, side, k);
        if (d->x->failed)
            return;
        nf_set_held(d->x, item, nf_held(d->x, d->pair[k].item));
        nf_list_append(d->x, list, item);
    }
}

/* ---------------------------------------------------------------- which pairs */

/* How many of the parts from @i on begin with a test of @on? *@behind: the first that does not. */
static uint32_t count_on(const struct normal_form *x, uint32_t i, uint8_t compound, ir_value on,
                         uint32_t *behind)
{
    uint32_t n = 0, head;

    for (; i != NF_NONE; i = x->nf.at[i].next, n++) {
        head = factor_head(x, i, compound);
        if (head == NF_NONE || nf_test_value(x, head) != on)
            break;
    }
    *behind = i;
    return n;
}

/* Are the ways to begin @item small, and all that is behind the choice between them? */
static bool are_small(const struct normal_form *x, uint32_t item)
{
    const uint32_t choice = x->nf.at[item].first;
    bool small = true;

    for (uint32_t way = x->nf.at[choice].first; way != NF_NONE && small; way = x->nf.at[way].next)
        small = factor_is_small(x, way);
    for (uint32_t c = x->nf.at[choice].next; c != NF_NONE && small; c = x->nf.at[c].next)
        small = factor_is_small(x, c);
    return small;
}

bool distribute_is_pair(const struct normal_form *x, uint32_t item, uint8_t kind, struct pair *out,
                        ir_value on[2])
{
    const struct nf *n = &x->nf.at[item];
    const uint8_t compound = kind == NF_OR ? NF_AND : NF_OR;
    uint32_t head, side = 0, second = NF_NONE, end = NF_NONE;

    if (n->kind != compound || n->first == NF_NONE || n->first == n->last ||
        x->nf.at[n->first].kind != kind || (side = x->nf.at[n->first].first) == NF_NONE ||
        (head = factor_head(x, side, compound)) == NF_NONE)
        return false;
    on[0] = nf_test_value(x, head);
    const uint32_t ways = count_on(x, side, compound, on[0], &second);
    if (second == NF_NONE || (head = factor_head(x, second, compound)) == NF_NONE)
        return false;
    on[1] = nf_test_value(x, head);
    if (count_on(x, second, compound, on[1], &end) != ways || end != NF_NONE || !are_small(x, item))
        return false;
    *out = (struct pair){.side = {side, second}, .item = item, .ways = ways};
    return true;
}

/* Reads the pairs that follow each other from @item on; gives the item behind them. */
static uint32_t read_pairs(struct distribution *d, uint32_t item)
{
    struct normal_form *x = d->x;
    ir_value on[2];
    struct pair one;

    d->room.n = 0;
    d->held = 0;
    d->single = true;
    for (; item != NF_NONE && distribute_is_pair(x, item, d->kind, &one, on); item = x->nf.at[item].next) {
        if (d->room.n == 0) {
            d->on[0] = on[0];
            d->on[1] = on[1];
        } else if (on[0] != d->on[0] || on[1] != d->on[1]) {
            break;
        }
        d->single &= one.ways == 1;
        for (uint32_t way = 0; way < one.ways && !x->failed; way++) {
            x->failed |= !vec_push(x->w, &d->room, one);
            for (int side = 0; side < 2; side++)
                one.side[side] = x->nf.at[one.side[side]].next;
        }
        if (x->failed)
            break;
    }
    d->pair = d->room.at;
    d->n = d->room.n;
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
        e[k] = (struct entry){nf_test_set(x, head, d->kind == NF_OR), NF_NONE, k, 0, x->nf.at[head].at};
    }
    return e;
}

/* Sets that the pairs begin with are equal or apart, on each side. Counts the lead. */
static bool sides_apart(struct distribution *d)
{
    struct normal_form *x = d->x;
    bool apart = true;

    d->narrows = true;
    for (int side = 1; side >= 0 && apart && !x->failed; side--) {
        const struct entry *e = heads(d, side);
        const uint32_t *number = x->failed ? NULL : factor_number_sets(x, e, d->n);
        apart = number && factor_sets_apart(x, e, number, d->n);
        for (d->lead = 0; apart && d->lead < d->n && number[d->lead] == 0; d->lead++)
            ;
    }
    return apart;
}

/* The set that both sides of pair @k ask for and no more; false when they do not. */
static bool lone_set(const struct distribution *d, uint32_t k, struct set *out)
{
    struct normal_form *x = d->x;
    struct set s[2];

    for (int side = 0; side < 2; side++) {
        if (!nf_is_test(x, d->pair[k].side[side]))
            return false;
        s[side] = nf_test_set(x, d->pair[k].side[side], d->kind == NF_OR);
    }
    *out = s[0];
    return !x->failed && set_equal(s[0], s[1]);
}

/* Are the sets that overlap the same on both sides? Counts the lead: first pairs that one number is in the
 * sets of. */
static bool sides_overlap(struct distribution *d)
{
    struct set all = {NULL, 0, 0, NULL}, one;

    d->lead = 0;
    d->narrows = true;
    for (uint32_t k = 0; k < d->n; k++) {
        if (!lone_set(d, k, &one))
            return false;
        if (d->lead < k)
            continue;
        const struct set common = k ? set_common(d->x, all, one) : one;
        if (d->x->failed)
            return false;
        if (common.n == 0)
            continue;
        d->narrows &= set_equal(common, one);
        d->lead++;
        all = common;
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

/* Appends the items from @first to before @behind to @list. */
static void append_items(struct distribution *d, uint32_t list, uint32_t first, uint32_t behind)
{
    uint32_t next;

    for (uint32_t i = first; i != behind; i = next) {
        next = d->x->nf.at[i].next;
        nf_list_append(d->x, list, i);
    }
}

/* What is known of the order in which items may be asked for. */
enum order {
    ORDER_OPEN, /* nothing yet */
    ORDER_FREE, /* any */
    ORDER_KEPT, /* no more than the pairs themselves say */
};

static void distribute_items(struct distribution *d, uint32_t list, uint32_t item, enum order order);

/* Appends what the items of @from become to @list, by phases. False: they have none. Packets are known to
 * hold @held, all or those that one of the items accepts; 0: nobody has asked. */
static bool distribute_phases(struct distribution *d, uint32_t list, uint32_t from, nf_reach held,
                              bool all_hold)
{
    struct phase_lists phases = {0};

    if (d->x->failed || !distribute_by_phases(d->x, from, held, all_hold, &phases))
        return false;
    append_items(d, list, d->x->nf.at[from].first, NF_NONE);
    if (all_hold)
        d->passed = phases.held;
    for (uint32_t i = 0; i < phases.n && !d->x->failed; i++) {
        factor_spread(d->x, phases.at[i]);
        distribute_items(d, list, d->x->nf.at[phases.at[i]].first, ORDER_FREE);
    }
    distribute_items(d, list, phases.rest, ORDER_KEPT);
    return true;
}

/* Appends what the pairs from @first to before @behind become by phases, or they. */
static void distribute_others(struct distribution *d, uint32_t list, uint32_t first, uint32_t behind,
                              uint32_t lead)
{
    struct normal_form *x = d->x;
    const nf_reach held = d->held;
    const bool all_hold = d->all_hold;
    uint32_t some = nf_list_new(x, d->kind);

    if (x->failed)
        return;
    append_items(d, some, first, behind);
    if (!(held && all_hold) && (distribute_phases(d, list, some, d->known, true) || x->failed))
        return;
    for (; held && lead > 0; lead--) {
        first = x->nf.at[some].first;
        x->nf.at[some].first = x->nf.at[first].next;
        nf_list_append(x, list, first);
    }
    if (!held || !distribute_phases(d, list, some, held, all_hold))
        append_items(d, list, x->nf.at[some].first, NF_NONE);
}

/* May the pairs be distributed? */
static bool may_distribute(struct distribution *d, enum order order)
{
    if (order != ORDER_FREE)
        return distribute_may(d);
    d->late = IR_NONE;
    return distribute_reads_words(d);
}

/* Appends what the items from @item on become to @list. */
static void distribute_items(struct distribution *d, uint32_t list, uint32_t item, enum order order)
{
    struct normal_form *x = d->x;
    const uint32_t min = order == ORDER_FREE ? FREE_MIN : ITEMS_MIN;

    while (item != NF_NONE && !x->failed) {
        uint32_t behind = read_pairs(d, item);
        bool apart = d->n >= min && sides_apart(d);
        bool overlap = !apart && d->n >= min && !x->failed && sides_overlap(d),
             may = (apart || overlap) && may_distribute(d, order);
        const uint32_t lead = d->held ? d->lead : 0;
        if (may && overlap) /* from here on they are apart */
            may = cut_pairs(d);
        if (may && d->late == IR_NONE) {
            distribute_side(d, list, 0, d->n);
            distribute_side(d, list, 1, d->n);
        } else if (may && d->narrows && distribute_find_table(d)) {
            distribute_put_table(d, list);
        } else if (d->n >= min && order == ORDER_OPEN && !x->failed) {
            distribute_others(d, list, item, behind, lead);
        } else {
            behind = d->n ? behind : x->nf.at[item].next;
            append_items(d, list, item, behind);
        }
        item = behind;
    }
}

/* Choices of items are joined, unless others stay pairs, which these are then searched for with. */
static void join_choices(struct distribution *d, uint32_t list)
{
    struct normal_form *x = d->x;
    struct pair pair;
    ir_value on[2];

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next)
        if (distribute_is_pair(x, i, d->kind, &pair, on) && !factor_may_join_choices(x, i))
            return;
    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next)
        if (x->nf.at[i].kind == d->compound)
            factor_join_choices(x, i);
    nf_flatten(x, list);
}

void factor_distribute(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;
    struct distribution d = {
        .x = x, .kind = kind, .compound = kind == NF_OR ? NF_AND : NF_OR, .known = nf_held(x, list)};
    uint32_t items = 0, all;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next)
        items++;
    if (items < ITEMS_MIN || x->nf.at[list].strict)
        return;
    all = nf_list_new(x, kind);
    if (x->failed)
        return;
    x->nf.at[all].first = x->nf.at[list].first;
    x->nf.at[all].last = x->nf.at[list].last;
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    if (distribute_is_mixed(x, all) && distribute_phases(&d, list, all, d.known, true))
        return;
    join_choices(&d, all);
    distribute_items(&d, list, x->nf.at[all].first, ORDER_OPEN);
}
