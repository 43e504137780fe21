/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/choices.c - two choices between the same two values, as in `host A and host B`.
 *
 *   (s = a or d = a) and (s = b or d = b)        (s = a and d = b) or (s = b and d = a)
 *
 * as neither value can be both. What has neither address is known by its first value alone, and lists of such
 * items are lists of items that begin with tests of one value.
 *
 * Refines: the second way to begin is asked only where the plain program asks for d too: it does for whatever
 * s is. Where that is several words, the first test of d has to reach as far as all that is asked of s. Tests
 * between the choices are made first then, so they may reach no further than the first test of s, which was
 * made before.
 *
 * Choices that follow each other ask in turns for the value that was asked for last: s = a or d = a, then
 * d = b or s = b, so that each needs one load. That refines where the plain program has asked for d before if
 * s is b: then d = b in front of s = b reads nothing that it has not read.
 *
 * Lists of OR are lists of AND with the outcomes swapped. Cost: linear in the list, as few parts are looked
 * at.
 */
#include "lower/factor.h"

#define PARTS_MAX 16 /* behind a choice, where another one is looked for */

bool factor_exclude(struct normal_form *x, uint32_t i, uint32_t j, uint8_t kind)
{
    uint32_t a = x->nf.at[i].kind == NF_LEAF ? i : x->nf.at[i].first,
             first = x->nf.at[j].kind == NF_LEAF ? j : x->nf.at[j].first;

    for (; a != NF_NONE; a = a == i ? NF_NONE : x->nf.at[a].next)
        for (uint32_t b = first; b != NF_NONE; b = b == j ? NF_NONE : x->nf.at[b].next)
            if (nf_is_test(x, a) && nf_is_test(x, b) && nf_test_value(x, a) == nf_test_value(x, b) &&
                !nf_tests_meet(x, a, b, kind == NF_OR))
                return true;
    return false;
}

bool factor_read_choice(const struct normal_form *x, uint32_t i, uint8_t kind, struct choice *out)
{
    const struct nf *n = &x->nf.at[i];

    if (n->kind == kind || !nf_is_list(x, i) || n->first == NF_NONE)
        return false;
    uint32_t a = n->first, b = x->nf.at[a].next;
    if (b == NF_NONE || x->nf.at[b].next != NF_NONE)
        return false;
    uint32_t head[2] = {factor_head(x, a, kind), factor_head(x, b, kind)};
    if (head[0] == NF_NONE || head[1] == NF_NONE)
        return false;
    *out = (struct choice){{a, b}, {nf_test_value(x, head[0]), nf_test_value(x, head[1])}};
    return out->on[0] != out->on[1];
}

/* Is @i a choice that may exclude another one? Its tests say where they hold, or in a list of OR where they
 * do not. */
static bool may_exclude(const struct normal_form *x, uint32_t i, uint8_t kind, struct choice *out)
{
    return factor_read_choice(x, i, kind, out) &&
           x->nf.at[factor_head(x, out->side[0], kind)].negated == (kind == NF_OR);
}

/* Do all tests of @side ask for @on, or reach no further than @reach? */
static bool reads_no_more(const struct normal_form *x, uint32_t side, ir_value on, nf_reach reach)
{
    bool ok = true;

    if (x->nf.at[side].kind == NF_LEAF)
        return nf_test_value(x, side) == on || reach_within(x->nf.at[side].reach, reach);
    for (uint32_t c = x->nf.at[side].first; c != NF_NONE && ok; c = x->nf.at[c].next)
        ok = reads_no_more(x, c, on, reach);
    return ok;
}

/* May the choice @b, which is @j, be joined with the choice @a, which is @i, in front of it? */
static bool may_join(struct normal_form *x, uint32_t i, const struct choice *a, uint32_t j,
                     const struct choice *b, uint8_t kind)
{
    const uint8_t other = kind == NF_AND ? NF_OR : NF_AND;
    const nf_reach s = x->value_reach[a->on[0]], d = x->value_reach[a->on[1]],
                   reach = reach_both(reach_known(s), reach_known(d));

    if (a->on[0] != b->on[0] || a->on[1] != b->on[1] || !factor_is_small(x, i) || !factor_is_small(x, j))
        return false;
    return reads_no_more(x, b->side[0], a->on[0], reach) &&
           factor_exclude(x, a->side[0], b->side[0], other) &&
           factor_exclude(x, a->side[1], b->side[1], other);
}

/* Adds both, @first in front, to @choice as one way. */
static void add_way(struct normal_form *x, uint32_t choice, uint32_t first, uint32_t second, uint8_t kind)
{
    uint32_t way = nf_list_new(x, kind);

    if (x->failed)
        return;
    nf_list_add(x, way, first);
    nf_list_add(x, way, second);
    nf_list_append(x, choice, way);
}

/* Makes @j, which holds the choice @b, both choices. */
static void join(struct normal_form *x, uint32_t j, const struct choice *a, const struct choice *b,
                 uint8_t kind)
{
    x->changed = true;
    x->nf.at[j].first = x->nf.at[j].last = NF_NONE;
    x->nf.at[j].steady = false;
    add_way(x, j, a->side[0], b->side[1], kind);
    add_way(x, j, b->side[0], a->side[1], kind);
}

/* The part behind the choice @i that is joined with it, a choice @b; NF_NONE. */
static uint32_t find_partner(struct normal_form *x, uint32_t i, const struct choice *a, struct choice *b,
                             uint8_t kind)
{
    const nf_reach reach = reach_known(x->value_reach[a->on[0]]);
    uint32_t looked = 0;

    for (uint32_t j = x->nf.at[i].next; j != NF_NONE && looked < PARTS_MAX; j = x->nf.at[j].next, looked++) {
        if (may_exclude(x, j, kind, b) && may_join(x, i, a, j, b, kind))
            return j;
        if (!nf_is_test(x, j) || !reach_within(x->nf.at[j].reach, reach))
            return NF_NONE;
    }
    return NF_NONE;
}

bool factor_may_join_choices(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;
    struct choice a, b;
    bool may = false;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !may && !x->failed; i = x->nf.at[i].next)
        may = may_exclude(x, i, kind, &a) && find_partner(x, i, &a, &b, kind) != NF_NONE;
    return may;
}

void factor_join_choices(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;
    struct choice a, b;
    uint32_t before = NF_NONE, next;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = next) {
        uint32_t partner = may_exclude(x, i, kind, &a) ? find_partner(x, i, &a, &b, kind) : NF_NONE;
        next = x->nf.at[i].next;
        if (partner == NF_NONE) {
            before = i;
            continue;
        }
        if (before == NF_NONE)
            x->nf.at[list].first = next;
        else
            x->nf.at[before].next = next;
        join(x, partner, &a, &b, kind);
    }
}

/* ---------------------------------------------------------------- turns */

#define TURN_MAX 16 /* tests of a choice */
#define READ_MAX 4  /* values of which it is known that packets have been asked for them */

/* Tests of one value that follow each other, and those of another one behind them. */
struct turn {
    uint32_t first[2], last[2];
    ir_value on[2];
};

/* What is known of packets that get to an item of a list. */
struct turns {
    struct normal_form *x;
    uint8_t kind;
    ir_value last; /* asked for last, unless what stands behind a choice was asked for */
    ir_value read[READ_MAX];
    uint32_t reads;
    struct turn first; /* the first choice: what its first tests do not hold for has been asked for both */
};

static void now_read(struct turns *t, ir_value v)
{
    if (t->reads < READ_MAX)
        t->read[t->reads++] = v;
}

/* Does no number pass a first test of @a and one of @b? */
static bool turns_exclude(struct normal_form *x, const struct turn *a, const struct turn *b, uint8_t kind)
{
    bool apart = true;

    for (uint32_t i = a->first[0]; apart && i != x->nf.at[a->last[0]].next; i = x->nf.at[i].next)
        for (uint32_t j = b->first[0]; apart && j != x->nf.at[b->last[0]].next; j = x->nf.at[j].next)
            apart = !nf_tests_meet(x, i, j, kind == NF_OR);
    return apart;
}

/* Has the packet been asked for the second value of @c when one of its first tests holds? */
static bool second_was_read(const struct turns *t, const struct turn *c)
{
    bool read = t->first.on[0] == c->on[0] && t->first.on[1] == c->on[1] &&
                turns_exclude(t->x, &t->first, c, t->kind);

    for (uint32_t i = 0; i < t->reads && !read; i++)
        read = t->read[i] == c->on[1];
    return read;
}

/* Reads the tests from @i on. */
static bool read_tests(const struct normal_form *x, uint32_t i, struct turn *c)
{
    uint32_t looked = 0;

    for (unsigned k = 0; k < 2; k++) {
        if (i == NF_NONE || !nf_is_test(x, i))
            return false;
        c->first[k] = i;
        c->on[k] = nf_test_value(x, i);
        for (; i != NF_NONE && nf_is_test(x, i) && nf_test_value(x, i) == c->on[k] && looked < TURN_MAX;
             looked++) {
            c->last[k] = i;
            i = x->nf.at[i].next;
        }
    }
    return looked < TURN_MAX;
}

/* The tests that @item, or it and those behind it, asks first, if they are of two values. */
static bool read_turn(const struct turns *t, uint32_t item, struct turn *c)
{
    const struct nf *n = &t->x->nf.at[item];
    const uint8_t compound = t->kind == NF_OR ? NF_AND : NF_OR;

    if (n->kind != compound)
        return read_tests(t->x, item, c);
    if (n->first == NF_NONE || !nf_is_list(t->x, n->first) || t->x->nf.at[n->first].kind == compound)
        return false;
    return read_tests(t->x, t->x->nf.at[n->first].first, c) && t->x->nf.at[c->last[1]].next == NF_NONE;
}

/* Puts the second tests of @c, children of @list behind @before, in front of the first ones. */
static void swap(struct normal_form *x, uint32_t list, uint32_t before, struct turn *c)
{
    x->nf.at[c->last[0]].next = x->nf.at[c->last[1]].next;
    x->nf.at[c->last[1]].next = c->first[0];
    *(before == NF_NONE ? &x->nf.at[list].first : &x->nf.at[before].next) = c->first[1];
    if (x->nf.at[list].last == c->last[1])
        x->nf.at[list].last = c->last[0];
    *c = (struct turn){{c->first[1], c->first[0]}, {c->last[1], c->last[0]}, {c->on[1], c->on[0]}};
    x->changed = true;
}

void factor_take_turns(struct normal_form *x, uint32_t list, ir_value last)
{
    struct turns t = {.x = x, .kind = x->nf.at[list].kind, .last = last, .first.on = {IR_NONE, IR_NONE}};
    uint32_t before = NF_NONE, next;

    if (last != IR_NONE)
        now_read(&t, last);

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->nf.at[i].strict && !x->failed; i = next) {
        struct turn c;
        const bool lone = nf_is_test(x, i);
        if (!read_turn(&t, i, &c)) {
            const uint32_t head = factor_head(x, i, t.kind == NF_OR ? NF_AND : NF_OR);
            t.last = head != NF_NONE ? nf_test_value(x, head) : IR_NONE;
            if (t.last != IR_NONE)
                now_read(&t, t.last);
            before = i;
            next = x->nf.at[i].next;
            continue;
        }
        const bool swaps = t.last == c.on[1] && second_was_read(&t, &c);
        if (t.first.on[0] == IR_NONE)
            t.first = c;
        if (swaps)
            swap(x, lone ? list : x->nf.at[i].first, lone ? before : NF_NONE, &c);
        now_read(&t, c.on[0]);
        if (lone)
            now_read(&t, c.on[1]);
        t.last = c.on[1];
        before = lone ? c.last[1] : i;
        next = x->nf.at[before].next;
    }
}
