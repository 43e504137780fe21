/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/place.c - for which phase is an item of a mixed list?
 *
 * Of every value it is known how far in the packet computing it reads: from the start, or from a base behind
 * a variable address. An item is for the phase of the furthest value that it needs to hold, if it needs no
 * further one to fail. What has alternatives is there once for each phase that one of them is for. phases.c
 * argues why that refines.
 *
 * Cost: linear in the list; items that are copied are small.
 */
#include "lower/phases.h"

/* ---------------------------------------------------------------- what values need */

static struct nf_need need_of(const struct normal_form *x, ir_value v)
{
    static const struct nf_need unknown = {0, IR_NONE, PHASE_UNKNOWN}, none = {0, IR_NONE, 0};
    const struct ir_node *n = &x->lw->f->value.at[v];
    const unsigned bytes = ir_read_bytes(n);
    struct nf_need a = n->a == IR_NONE ? none : x->need[n->a], b = n->b == IR_NONE ? none : x->need[n->b];

    if (x->value_reach[v] != REACH_UNKNOWN)
        return (struct nf_need){x->value_reach[v], IR_NONE, 0};
    if (n->op == IR_PHI || a.end == PHASE_UNKNOWN || b.end == PHASE_UNKNOWN ||
        (bytes && (n->a == IR_NONE || a.end || n->imm > UINT32_MAX / 2)) ||
        (a.end && b.end && a.base != b.base))
        return unknown;
    if (bytes)
        return (struct nf_need){a.reach, n->a, n->imm + bytes};
    return (struct nf_need){reach_both(a.reach, b.reach), a.end ? a.base : b.base,
                            a.end > b.end ? a.end : b.end};
}

bool phases_measure(struct normal_form *x)
{
    if (x->need)
        return true;
    x->need = arena_array(x->a, struct nf_need, x->values);
    for (ir_value v = 0; x->need && v < x->values; v++)
        x->need[v] = need_of(x, v);
    x->failed |= !x->need;
    return x->need != NULL;
}

uint32_t phases_end(const struct phases *p, uint32_t leaf, ir_value *base)
{
    const ir_value v = nf_is_test(p->x, leaf) ? nf_test_value(p->x, leaf) : p->x->values;

    if (v >= p->x->values || p->x->need[v].end == PHASE_UNKNOWN)
        return 0;
    *base = p->x->need[v].base;
    return p->x->need[v].end;
}

/* Does @item ask whether @on lies in @set, or in part of it, before it reads behind a variable address? */
static bool is_asked_first(const struct phases *p, uint32_t item, ir_value on, struct set set)
{
    struct normal_form *x = p->x;
    bool asked = false;

    for (uint32_t c = x->nf.at[item].first;
         c != NF_NONE && nf_is_test(x, c) && x->nf.at[c].reach != REACH_UNKNOWN && !asked;
         c = x->nf.at[c].next)
        asked = nf_test_value(x, c) == on && set_within(nf_test_set(x, c, p->kind == NF_OR), set);
    return asked;
}

bool phases_is_guarded(const struct phases *p, uint32_t item)
{
    bool guarded = p->x->nf.at[item].kind == p->compound;

    for (uint32_t g = 0; g < p->behind.guards && guarded; g++)
        guarded = is_asked_first(p, item, p->behind.on[g], p->behind.set[g]);
    return guarded;
}

void phases_enter(struct phases *p, uint32_t item)
{
    p->guarded = p->behind.end && phases_is_guarded(p, item);
}

/* ---------------------------------------------------------------- phases of items */

/* What @r, which packets need not hold, is more than they do: bytes from one origin, or it is not known. */
static struct nf_need need_beyond_held(const struct phases *p, nf_reach r)
{
    unsigned i = REACH_ORIGINS - 1;

    while (i > 0 && reach_from(r, i) <= reach_from(p->held, i))
        i--;
    const ir_value base = p->x->origin[i].base;
    const uint32_t end = reach_from(r, i);
    const bool enough = reach_within(r, reach_both(p->held, nf_reach_of(p->x, base, end)));
    return (struct nf_need){p->held, base, enough ? end : PHASE_UNKNOWN};
}

struct nf_need phases_need(const struct phases *p, uint32_t leaf)
{
    static const struct nf_need unknown = {0, IR_NONE, PHASE_UNKNOWN}, near = {0, IR_NONE, 0};
    const ir_value v = nf_is_test(p->x, leaf) ? nf_test_value(p->x, leaf) : p->x->values;

    if (v >= p->x->values)
        return unknown;
    struct nf_need n = p->x->need[v];
    if (n.end == 0 && reach_within(n.reach, p->held))
        return near;
    if (n.end == 0)
        n = need_beyond_held(p, n.reach);
    if (p->guarded && n.end <= p->behind.end && n.base == p->behind.base)
        return near;
    return reach_within(n.reach, p->held) ? n : unknown;
}

static uint32_t phase_of_leaf(const struct phases *p, uint32_t leaf)
{
    const struct nf_need n = phases_need(p, leaf);

    return n.end == 0 ? 0 : phases_number(p, &n);
}

/* What @i, which is small, asks for. */
static struct asks asks_of(struct phases *p, uint32_t i)
{
    const struct nf *n = &p->x->nf.at[i];
    struct asks all = {n->kind == p->kind ? PHASE_UNKNOWN : 0, 0};

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

uint32_t phases_group(struct phases *p, uint32_t item)
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
    if (!vec_push(p->x->w, &p->placed, ((struct placed){item, phase, phases_group(p, item)})))
        p->x->failed = true;
}

/* The phase of an alternative that asks for @a beside what asks for @beside; or PHASE_UNKNOWN. */
static uint32_t phase_beside(struct asks a, struct asks beside)
{
    uint32_t must = a.must > beside.must ? a.must : beside.must,
             may = a.may > beside.may ? a.may : beside.may;

    return must == may ? may : PHASE_UNKNOWN;
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

/* The first phase from @from on that an alternative of @choice is for; PHASE_UNKNOWN: there is none. */
static uint32_t phase_from(struct phases *p, uint32_t choice, struct asks beside, uint32_t from)
{
    uint32_t least = PHASE_UNKNOWN;

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
        if (phase_beside(asks_of(p, c), *beside) == PHASE_UNKNOWN)
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
    for (uint32_t phase = phase_from(p, choice, beside, 0); phase != PHASE_UNKNOWN && !p->x->failed;
         phase = phase_from(p, choice, beside, phase + 1))
        place(p, copy_with(p, item, choice, alternatives_of(p, choice, beside, phase)), phase);
    return true;
}

/* Are the first tests of both ways in which @item may begin near? distribute.c knows what to do about further
 * words. */
static bool sides_are_near(struct phases *p, uint32_t item)
{
    struct pair pair;
    ir_value on[2];

    return !distribute_is_pair(p->x, item, p->kind, &pair, on) ||
           (phase_of_leaf(p, nf_first(p->x, pair.side[0])) == 0 &&
            phase_of_leaf(p, nf_first(p->x, pair.side[1])) == 0);
}

bool phases_may_move(struct phases *p, uint32_t item, struct asks *a)
{
    const struct nf *n = &p->x->nf.at[item];

    *a = (struct asks){0, 0};
    phases_enter(p, item);
    if (n->strict || !factor_is_small(p->x, item))
        return !n->strict && reach_within(n->reach, p->held);
    *a = asks_of(p, item);
    return a->may != PHASE_UNKNOWN && (a->must == a->may || sides_are_near(p, item));
}

void phases_take_apart(struct phases *p, uint32_t list, uint32_t last)
{
    struct normal_form *x = p->x;
    uint32_t before = last, item = last == NF_NONE ? x->nf.at[list].first : x->nf.at[last].next;

    while (item != NF_NONE && !x->failed) {
        uint32_t apart = NF_NONE;
        struct asks a, beside;
        if (!phases_may_move(p, item, &a) || (a.must != a.may && !may_split(p, item, &beside)))
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
enum part_order { NEAR_TEST, NEAR_CHOICE, NEAR_AGAIN, FAR, PART_ORDERS };

/* Does @i, which is near, read behind a variable address? It is near behind the item's first tests only. */
static bool is_near_behind(const struct phases *p, uint32_t i)
{
    const struct nf *n = &p->x->nf.at[i];
    ir_value base;
    bool is = n->kind == NF_LEAF && phases_end(p, i, &base) != 0;

    for (uint32_t c = n->kind == NF_LEAF ? NF_NONE : n->first; c != NF_NONE && !is; c = p->x->nf.at[c].next)
        is = is_near_behind(p, c);
    return is;
}

/* Of a part that stands beside the choice between values @on. What has to stay behind others is far if one of
 * these may be. */
static enum part_order order_of(struct phases *p, uint32_t part, bool far, const ir_value on[2])
{
    if (asks_of(p, part).may || (far && is_near_behind(p, part)))
        return FAR;
    if (!far || !nf_is_test(p->x, part))
        return NEAR_CHOICE;
    const ir_value v = nf_test_value(p->x, part);
    return v == on[0] || v == on[1] ? NEAR_AGAIN : NEAR_TEST;
}

bool phases_is_comparison(struct normal_form *x, uint32_t i)
{
    const struct set s = nf_test_set(x, i, true);

    return s.n == 1 && ((s.at[0].lo == 0 && s.at[0].hi != 0) || (s.at[0].hi == UINT32_MAX && s.at[0].lo > 1));
}

/* Do both sides of @choice ask for one set and no more? */
static bool asks_for_one_set(struct normal_form *x, const struct choice *choice, uint8_t kind)
{
    return nf_is_test(x, choice->side[0]) && nf_is_test(x, choice->side[1]) &&
           set_equal(nf_test_set(x, choice->side[0], kind == NF_OR),
                     nf_test_set(x, choice->side[1], kind == NF_OR));
}

/*
 * Puts what is near in @item first, and where there is more, which asks for a protocol, single tests before
 * choices: they are what many items begin with. Not so what leaves out a number of a choice, as `net N and
 * not host A` does, nor a comparison behind an address that items can be searched by, as in `host A and len >
 * N`: no search can tell those apart. Then choices may be next to each other.
 */
static void put_near_first(struct phases *p, uint32_t item)
{
    struct normal_form *x = p->x;
    const bool far = asks_of(p, item).may > 0;
    struct choice choice = {.on = {IR_NONE, IR_NONE}};
    uint32_t part[PART_ORDERS], next;

    for (int i = 0; i < PART_ORDERS; i++)
        part[i] = nf_list_new(x, p->compound);
    for (uint32_t c = x->nf.at[item].first; c != NF_NONE && choice.on[0] == IR_NONE; c = x->nf.at[c].next)
        if (!factor_read_choice(x, c, p->compound, &choice))
            choice.on[0] = choice.on[1] = IR_NONE;
    if (x->failed)
        return;
    const bool searched = choice.on[0] == IR_NONE || asks_for_one_set(x, &choice, p->kind);
    for (uint32_t c = x->nf.at[item].first; c != NF_NONE; c = next) {
        enum part_order order = order_of(p, c, far, choice.on);
        next = x->nf.at[c].next;
        if (order == NEAR_TEST && searched && x->nf.at[part[FAR]].first != NF_NONE &&
            phases_is_comparison(x, c))
            order = FAR;
        nf_list_append(x, part[order], c);
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

/* Places the items of @list, if each is for one phase. */
static bool place_each(struct phases *p, uint32_t list)
{
    struct asks a = {0, 0};
    uint32_t next;

    for (uint32_t i = p->x->nf.at[list].first; i != NF_NONE && a.must == a.may; i = p->x->nf.at[i].next)
        a = asks_of(p, i);
    for (uint32_t i = a.must == a.may ? p->x->nf.at[list].first : NF_NONE; i != NF_NONE; i = next) {
        next = p->x->nf.at[i].next;
        place(p, i, asks_of(p, i).may);
    }
    return a.must == a.may;
}

bool phases_place(struct phases *p, uint32_t item)
{
    struct normal_form *x = p->x;
    struct asks a;

    if (!phases_may_move(p, item, &a))
        return false;
    if (p->all_hold && x->nf.at[item].kind == p->compound && factor_is_small(x, item)) {
        put_near_first(p, item);
        a = asks_of(p, item);
    }
    if (is_alternatives(x, item, p->kind) && place_each(p, x->nf.at[item].first))
        return true;
    if (a.must != a.may)
        return split(p, item);
    place(p, item, a.may);
    return true;
}
