/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/phases.c - a mixed list in the order of how much of the packet its items need.
 *
 *   (s = a or d = a) and (p = A or q = A), q = B, s = b, (s = c or d = c) and (p = C or q = C), ...
 *                                        s = b, ...,
 *                                        (s = a or d = a) and p = A, (s = c or d = c) and p = C, ...,
 *                                        (s = a or d = a) and q = A, (s = c or d = c) and q = C, q = B, ...
 *
 * so that items that begin alike follow each other and become a search. A phase is what can be asked of
 * packets of one length: first what needs no more than they all have, then what needs each value behind a
 * variable address, nearest first. An item with alternatives for several phases is there in each.
 *
 * Refines: the first items stay in front, and a packet that passes them holds `held` bytes. If the plain
 * program accepts it at an item, it holds what that item needs, so also what any item of the same phase or of
 * an earlier one needs; and no other is asked before. If it is accepted behind the list, no item holds, and
 * what each reads before it fails the plain program has read: only what all packets hold is asked earlier in
 * an item, and only its last part is split. Far values have one address but for a constant, so that a packet
 * which holds one holds what is nearer. Nothing moves past a requirement or a definition.
 *
 * Lists of AND are lists of OR with the outcomes swapped. Cost: linear in the list; items that are copied are
 * small.
 */
#include "base/sort.h"
#include "lower/distribute.h"

#define FIRST_MAX   16 /* items in front that say what packets hold */
#define GROUPS_MAX  32 /* ways in which items begin; all others are one more */
#define TALLIES_MAX 64
#define SEARCH_MIN  6 /* numbers that are searched for, not compared one by one */
#define SLACK       10 /* 1/SLACK more may still be fewer: loads, protocols and packets that match are left out */
#define ITEM_COST   4 /* instructions of a choice between two values that does not hold: loads and compares */

/* Of a part of an item: the phase of the packets for which it can be decided at all, and in any case. */
struct asks {
    uint32_t must, may; /* 0: near; else bytes from the base; UNKNOWN */
};
#define UNKNOWN UINT32_MAX

struct placed {
    uint32_t item, phase, group;
};

struct phases {
    struct normal_form *x;
    uint8_t kind, compound;
    uint32_t held;
    bool all_hold; /* ... by all packets that get here, not only by those that an item accepts */
    bool based; /* there is a far value: they are read from `base` on, or, if that is IR_NONE, from the start
                 */
    ir_value base;
    uint32_t groups;
    ir_value begins[GROUPS_MAX][2];
    VEC(struct placed) placed;
};

/* ---------------------------------------------------------------- what values need */

static struct nf_need need_of(const struct ir_func *f, const struct nf_need *need, ir_value v)
{
    static const struct nf_need unknown = {0, IR_NONE, UNKNOWN}, none = {0, IR_NONE, 0};
    const struct ir_node *n = &f->value.at[v];
    const unsigned bytes = ir_read_bytes(n);
    struct nf_need a = n->a == IR_NONE ? none : need[n->a], b = n->b == IR_NONE ? none : need[n->b];

    if (n->op == IR_PHI || a.end == UNKNOWN || b.end == UNKNOWN || (bytes && n->imm > UINT32_MAX / 2))
        return unknown;
    if (bytes && n->a != IR_NONE)
        return a.end ? unknown : (struct nf_need){a.reach, n->a, n->imm + bytes};
    if (a.end && b.end && a.base != b.base)
        return unknown;
    uint32_t reach = a.reach > b.reach ? a.reach : b.reach;
    if (bytes && n->imm + bytes > reach)
        reach = n->imm + bytes;
    return (struct nf_need){reach, a.end ? a.base : b.base, a.end > b.end ? a.end : b.end};
}

/* Finds them for all values that there are, unless another list has asked. */
static bool measure_needs(struct normal_form *x)
{
    const struct ir_func *f = x->lw->f;

    if (x->need)
        return true;
    x->need = arena_array(x->a, struct nf_need, f->value.n);
    x->needs = f->value.n;
    for (ir_value v = 0; x->need && v < x->needs; v++)
        x->need[v] = need_of(f, x->need, v);
    x->failed |= !x->need;
    return x->need != NULL;
}

/* ---------------------------------------------------------------- phases of items */

static uint32_t phase_of_leaf(struct phases *p, uint32_t leaf)
{
    if (!nf_is_test(p->x, leaf))
        return UNKNOWN;
    ir_value v = nf_test_value(p->x, leaf);
    struct nf_need n = v < p->x->needs ? p->x->need[v] : (struct nf_need){0, IR_NONE, UNKNOWN};
    if (n.end == UNKNOWN || (n.end == 0 && n.reach <= p->held))
        return n.end;
    if (n.end && n.reach > p->held)
        return UNKNOWN;
    if (!p->based) {
        p->based = true;
        p->base = n.end ? n.base : IR_NONE;
    }
    if (p->base != (n.end ? n.base : IR_NONE))
        return UNKNOWN;
    return n.end ? n.end : n.reach;
}

/* What @i, which is small, asks for. */
static struct asks asks_of(struct phases *p, uint32_t i)
{
    const struct nf *n = &p->x->nf.at[i];
    struct asks all = {n->kind == p->kind ? UNKNOWN : 0, 0};

    if (n->kind == NF_LEAF) {
        uint32_t phase = phase_of_leaf(p, i);
        return (struct asks){phase, phase};
    }
    for (uint32_t c = n->first; c != NF_NONE; c = p->x->nf.at[c].next) {
        struct asks one = asks_of(p, c);
        all.may = one.may > all.may ? one.may : all.may;
        if (n->kind == p->kind ? one.must < all.must : one.must > all.must)
            all.must = one.must;
    }
    return all;
}

/* The group of what begins like @item. */
static uint32_t group_of(struct phases *p, uint32_t item)
{
    uint32_t head = factor_head(p->x, item, p->compound), g = 0;
    ir_value on[2] = {head == NF_NONE ? IR_NONE : nf_test_value(p->x, head), IR_NONE};
    struct pair pair;

    if (head == NF_NONE && !distribute_is_pair(p->x, item, p->kind, &pair, on))
        return GROUPS_MAX;
    while (g < p->groups && (p->begins[g][0] != on[0] || p->begins[g][1] != on[1]))
        g++;
    if (g < GROUPS_MAX && g == p->groups) {
        p->begins[g][0] = on[0];
        p->begins[g][1] = on[1];
        p->groups++;
    }
    return g;
}

static void place(struct phases *p, uint32_t item, uint32_t phase)
{
    if (p->x->failed)
        return;
    p->x->nf.at[item].next = NF_NONE;
    if (p->all_hold)
        nf_set_held(p->x, item, p->held);
    if (!vec_push(p->x->w, &p->placed, ((struct placed){item, phase, group_of(p, item)})))
        p->x->failed = true;
}

/* The phase of an alternative that asks for @a beside what asks for @beside; UNKNOWN: it has several. */
static uint32_t phase_beside(struct asks a, struct asks beside)
{
    uint32_t must = a.must > beside.must ? a.must : beside.must,
             may = a.may > beside.may ? a.may : beside.may;

    return must == may ? may : UNKNOWN;
}

/* What all parts of @item but the last one ask for. */
static struct asks asks_beside_last(struct phases *p, uint32_t item)
{
    struct asks all = {0, 0};

    for (uint32_t c = p->x->nf.at[item].first; c != p->x->nf.at[item].last; c = p->x->nf.at[c].next) {
        struct asks one = asks_of(p, c);
        all.must = one.must > all.must ? one.must : all.must;
        all.may = one.may > all.may ? one.may : all.may;
    }
    return all;
}

/* A copy of @item in which @choice, one of its parts, is @instead. */
static uint32_t copy_with(struct phases *p, uint32_t item, uint32_t choice, uint32_t instead)
{
    struct normal_form *x = p->x;
    uint32_t copy = nf_list_new(x, p->compound);

    for (uint32_t c = x->nf.at[item].first; c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        uint32_t part = c == choice ? instead : factor_copy(x, c, p->kind == NF_OR);
        if (!x->failed)
            nf_list_add(x, copy, part);
    }
    return copy;
}

/* The first phase from @from on that an alternative of @choice is for; UNKNOWN: there is none. */
static uint32_t phase_from(struct phases *p, uint32_t choice, struct asks beside, uint32_t from)
{
    uint32_t least = UNKNOWN;

    for (uint32_t c = p->x->nf.at[choice].first; c != NF_NONE; c = p->x->nf.at[c].next) {
        uint32_t own = phase_beside(asks_of(p, c), beside);
        if (own >= from && own < least)
            least = own;
    }
    return least;
}

/* Copies of the alternatives of @choice that are for @phase: a list, or the only one. */
static uint32_t alternatives_of(struct phases *p, uint32_t choice, struct asks beside, uint32_t phase)
{
    struct normal_form *x = p->x;
    uint32_t some = nf_list_new(x, p->kind);

    for (uint32_t c = x->nf.at[choice].first; c != NF_NONE && !x->failed; c = x->nf.at[c].next) {
        uint32_t copy = NF_NONE;
        if (phase_beside(asks_of(p, c), beside) == phase)
            copy = factor_copy(x, c, p->kind == NF_OR);
        if (copy != NF_NONE && !x->failed)
            nf_list_add(x, some, copy);
    }
    return !x->failed && x->nf.at[some].first == x->nf.at[some].last ? x->nf.at[some].first : some;
}

/* Has the last part of @item alternatives, each of which is for one phase? */
static bool may_split(struct phases *p, uint32_t item, struct asks *beside)
{
    struct normal_form *x = p->x;
    const uint32_t choice = x->nf.at[item].last;

    if (x->nf.at[item].kind != p->compound || choice == NF_NONE || x->nf.at[choice].kind != p->kind)
        return false;
    *beside = asks_beside_last(p, item);
    for (uint32_t c = x->nf.at[choice].first; c != NF_NONE; c = x->nf.at[c].next)
        if (phase_beside(asks_of(p, c), *beside) == UNKNOWN)
            return false;
    return true;
}

/* Places @item once for each phase that the alternatives of its last part are for. False, having placed
 * nothing: it cannot be split so. */
static bool split(struct phases *p, uint32_t item)
{
    const uint32_t choice = p->x->nf.at[item].last;
    struct asks beside;

    if (!may_split(p, item, &beside))
        return false;
    for (uint32_t phase = phase_from(p, choice, beside, 0); phase != UNKNOWN && !p->x->failed;
         phase = phase_from(p, choice, beside, phase + 1))
        place(p, copy_with(p, item, choice, alternatives_of(p, choice, beside, phase)), phase);
    return true;
}

/* Are the first tests of both ways in which @item may begin near? distribute.c asks for one of all items,
 * then for the other one; it knows what to do about further words. */
static bool sides_are_near(struct phases *p, uint32_t item)
{
    struct pair pair;
    ir_value on[2];

    return !distribute_is_pair(p->x, item, p->kind, &pair, on) ||
           (phase_of_leaf(p, nf_first(p->x, pair.side[0])) == 0 &&
            phase_of_leaf(p, nf_first(p->x, pair.side[1])) == 0);
}

/* May @item be moved? Then *@a is what it asks for; what is not small is near or stays. */
static bool may_move(struct phases *p, uint32_t item, struct asks *a)
{
    const struct nf *n = &p->x->nf.at[item];

    *a = (struct asks){0, 0};
    if (n->strict || !factor_is_small(p->x, item))
        return !n->strict && n->reach <= p->held;
    *a = asks_of(p, item);
    return a->may != UNKNOWN && sides_are_near(p, item);
}

/* Items of @list behind @last that have no place, as they were made of several which begin alike, are these
 * again. */
static void take_apart(struct phases *p, uint32_t list, uint32_t last)
{
    struct normal_form *x = p->x;
    uint32_t before = last, item = last == NF_NONE ? x->nf.at[list].first : x->nf.at[last].next;

    while (item != NF_NONE && !x->failed) {
        uint32_t apart = NF_NONE;
        struct asks a, beside;
        if (!may_move(p, item, &a) || (a.must != a.may && !may_split(p, item, &beside)))
            apart = factor_take_apart(x, item, p->kind);
        if (apart == NF_NONE) {
            before = item;
            item = x->nf.at[item].next;
            continue;
        }
        item = apart;
        if (before == NF_NONE)
            x->nf.at[list].first = item;
        else
            x->nf.at[before].next = item;
    }
    x->nf.at[list].last = before;
}

/* What of an item is asked first, as all packets hold that. */
enum part_order { NEAR_TEST, NEAR_CHOICE, FAR, PART_ORDERS };

static enum part_order order_of(struct phases *p, uint32_t part, bool far)
{
    if (asks_of(p, part).may)
        return FAR;
    return far && nf_is_test(p->x, part) ? NEAR_TEST : NEAR_CHOICE;
}

/* Puts what is near in @item first, and where there is more, which asks for a protocol, single tests before
 * choices: they are what many items begin with. Then choices may be next to each other. */
static void put_near_first(struct phases *p, uint32_t item)
{
    struct normal_form *x = p->x;
    const bool far = asks_of(p, item).may > 0;
    uint32_t part[PART_ORDERS], next;

    for (int i = 0; i < PART_ORDERS; i++)
        part[i] = nf_list_new(x, p->compound);
    if (x->failed)
        return;
    for (uint32_t c = x->nf.at[item].first; c != NF_NONE; c = next) {
        next = x->nf.at[c].next;
        nf_list_append(x, part[order_of(p, c, far)], c);
    }
    x->nf.at[item].first = x->nf.at[item].last = NF_NONE;
    x->nf.at[item].steady = false;
    for (int i = 0; i < PART_ORDERS; i++)
        for (uint32_t c = x->nf.at[part[i]].first; c != NF_NONE; c = next) {
            next = x->nf.at[c].next;
            nf_list_append(x, item, c);
        }
    factor_join_choices(x, item);
}

/* Is @item nothing but alternatives, as two choices that were joined? */
static bool is_alternatives(const struct normal_form *x, uint32_t item, uint8_t kind)
{
    const struct nf *n = &x->nf.at[item];

    return nf_is_list(x, item) && n->kind != kind && n->first != NF_NONE && n->first == n->last &&
           x->nf.at[n->first].kind == kind;
}

/* Places the items of @list, all of which are near. */
static void place_near(struct phases *p, uint32_t list)
{
    uint32_t next;

    for (uint32_t i = p->x->nf.at[list].first; i != NF_NONE; i = next) {
        next = p->x->nf.at[i].next;
        place(p, i, 0);
    }
}

/* Places @item. False: it has to stay where it is. */
static bool place_item(struct phases *p, uint32_t item)
{
    struct normal_form *x = p->x;
    struct asks a;

    if (!may_move(p, item, &a))
        return false;
    if (p->all_hold && x->nf.at[item].kind == p->compound && factor_is_small(x, item)) {
        put_near_first(p, item);
        a = asks_of(p, item);
    }
    if (a.must != a.may)
        return split(p, item);
    if (a.may == 0 && is_alternatives(x, item, p->kind))
        place_near(p, x->nf.at[item].first);
    else
        place(p, item, a.may);
    return true;
}

/* ---------------------------------------------------------------- is it worth it? */

/* Items of one group in one phase. */
struct tally {
    uint32_t phase, group, n;
};

struct tallies {
    struct tally at[TALLIES_MAX];
    uint32_t n;
};

/* False: there are too many to tell. */
static bool count(struct tallies *t, uint32_t phase, uint32_t group)
{
    uint32_t i = 0;

    while (i < t->n && (t->at[i].phase != phase || t->at[i].group != group))
        i++;
    if (i == TALLIES_MAX)
        return false;
    if (i == t->n)
        t->at[t->n++] = (struct tally){phase, group, 0};
    t->at[i].n++;
    return true;
}

/* Instructions that a packet which @n items of a group do not match is asked, about, if they follow each
 * other. */
static uint32_t cost_together(const struct phases *p, uint32_t group, uint32_t n)
{
    uint32_t compares = n, few = SEARCH_MIN;

    if (group == GROUPS_MAX)
        return ITEM_COST * n;
    if (n >= SEARCH_MIN)
        for (compares = few; few < n; few *= 2)
            compares++;
    return (1 + compares) * (p->begins[group][1] == IR_NONE ? 1 : 2);
}

/* Would the items from @item on be asked for less in the order of phases than in theirs? */
static bool is_worth_it(struct phases *p, uint32_t item)
{
    struct tallies t = {.n = 0};
    uint32_t now = 0, then = 0, before = UINT32_MAX;

    for (; item != NF_NONE; item = p->x->nf.at[item].next) {
        const uint32_t group = group_of(p, item);
        struct asks a;
        if (!may_move(p, item, &a))
            break;
        now += group == GROUPS_MAX || p->begins[group][1] != IR_NONE ? ITEM_COST : group == before ? 1 : 2;
        before = group;
        if (!count(&t, a.must, group) || (a.must != a.may && !count(&t, a.may, group)))
            return true;
    }
    for (uint32_t i = 0; i < t.n; i++)
        then += cost_together(p, t.at[i].group, t.at[i].n);
    return then < now + now / SLACK;
}

/* ---------------------------------------------------------------- the list */

/* Finds what packets hold that the first items do not accept; gives the last of these, or NF_NONE: all
 * packets hold it. The item behind it may be moved, as it reads that before it accepts. */
static uint32_t read_first(struct phases *p, uint32_t list)
{
    struct normal_form *x = p->x;
    uint32_t last = NF_NONE, before = NF_NONE, side = NF_NONE, n = 0;
    ir_value on[2] = {IR_NONE, IR_NONE}, now[2];
    struct pair pair;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->nf.at[i].strict && n < FIRST_MAX;
         before = i, i = x->nf.at[i].next, n++) {
        uint32_t first = nf_first(x, i),
                 reach = first != NF_NONE && nf_is_test(x, first) ? x->nf.at[first].reach : 0;
        if (distribute_is_pair(x, i, p->kind, &pair, now) && pair.ways == 1) {
            if (side == NF_NONE) {
                side = pair.side[0];
                on[0] = now[0];
                on[1] = now[1];
            } else if (on[0] == now[0] && on[1] == now[1] && factor_exclude(x, side, pair.side[0], p->kind) &&
                       x->value_reach[on[1]] != UINT32_MAX) {
                reach = x->value_reach[on[1]];
            }
        }
        if (reach != UINT32_MAX && reach > p->held) {
            p->held = reach;
            last = before;
        }
    }
    return last;
}

/* Items that begin with a test, by the first one that has the same set; else 0. */
static const uint32_t *number_heads(struct phases *p)
{
    struct normal_form *x = p->x;
    struct entry *e = arena_array(x->w, struct entry, p->placed.n);

    x->failed |= !e;
    for (uint32_t i = 0; e && i < p->placed.n; i++) {
        uint32_t head = factor_head(x, p->placed.at[i].item, p->compound);
        if (head != NF_NONE)
            e[i].set = nf_test_set(x, head, p->kind == NF_OR);
    }
    return x->failed ? NULL : factor_number_sets(x, e, p->placed.n);
}

/* Adds a list of what was placed for each phase to @out, sorted by how it begins, then by what is asked of
 * that first. */
static void put_phases(struct phases *p, struct phase_lists *out)
{
    struct normal_form *x = p->x;
    const uint32_t n = p->placed.n, *number = number_heads(p);
    struct sort_key *key = arena_array(x->w, struct sort_key, 2 * (size_t)n + 1), *spare;
    uint32_t before = UNKNOWN, list = NF_NONE;

    x->failed |= !key;
    if (x->failed)
        return;
    spare = key + n;
    for (uint32_t i = 0; i < n; i++)
        key[i] = (struct sort_key){number[i], i};
    for (int by = 0; by < 2; by++) { /* sorting keeps the order of those that are alike */
        struct sort_key *sorted = sort_keys(key, spare, n);
        spare = sorted == key ? spare : key;
        key = sorted;
        for (uint32_t i = 0; i < n; i++)
            key[i].key = by ? p->placed.at[key[i].index].phase : p->placed.at[key[i].index].group;
    }
    key = sort_keys(key, spare, n);
    for (uint32_t i = 0; i < n && !x->failed; i++) {
        if (key[i].key != before) {
            list = nf_list_new(x, p->kind);
            x->failed |= !vec_push(x->w, out, list);
        }
        before = key[i].key;
        if (!x->failed)
            nf_list_append(x, list, p->placed.at[key[i].index].item);
    }
}

bool distribute_is_mixed(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;
    struct phases p = {.x = x, .kind = kind, .compound = kind == NF_OR ? NF_AND : NF_OR};
    uint32_t stretches = 0, before = UINT32_MAX;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next) {
        uint32_t group = group_of(&p, i);
        stretches += group != before;
        before = group;
    }
    return stretches > p.groups + 1; /* those that are in no group may be one more */
}

bool distribute_by_phases(struct normal_form *x, uint32_t list, uint32_t held, bool all_hold,
                          struct phase_lists *out)
{
    const uint8_t kind = x->nf.at[list].kind;
    struct phases p = {
        .x = x, .kind = kind, .compound = kind == NF_OR ? NF_AND : NF_OR, .held = held, .all_hold = all_hold};
    const uint32_t last = held ? NF_NONE : read_first(&p, list);
    uint32_t next;

    if (p.held == 0 || !measure_needs(x))
        return false;
    take_apart(&p, list, last);
    uint32_t item = last == NF_NONE ? x->nf.at[list].first : x->nf.at[last].next;
    if (!is_worth_it(&p, item))
        return false;
    if (last == NF_NONE)
        x->nf.at[list].first = NF_NONE;
    else
        x->nf.at[last].next = NF_NONE;
    x->nf.at[list].last = last;
    for (; item != NF_NONE && !x->failed; item = next) {
        next = x->nf.at[item].next;
        if (!place_item(&p, item))
            break;
    }
    put_phases(&p, out);
    out->held = p.held;
    out->rest = item;
    x->changed = true;
    return true;
}
