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
 * an item, and only its last part is split. A choice of two ways to begin, which distribute.c asks for apart,
 * is near, or whatever holds of its item has read as far as any of it needs. Far values are bytes from a
 * base, so that a packet which holds one holds what is nearer; of several bases bases.c knows the order.
 * Nothing moves past a requirement or a definition.
 *
 * Of addresses and ports neither needs less, as a header may be so short that ports lie in front of an
 * address. What first items have read behind a variable address is near for others that make their tests
 * before: packets that pass these hold it.
 *
 * Lists of AND are lists of OR with the outcomes swapped. Cost: linear in the list; items that are copied are
 * small.
 */
#include "lower/phases.h"
#include "base/sort.h"

#define FIRST_MAX   16 /* items in front that say what packets hold */
#define FIRST_KINDS 4  /* choices that they begin with */
#define TALLIES_MAX 64
#define SEARCH_MIN  6 /* numbers that are searched for, not compared one by one */
/* 1/SLACK more may still be fewer: loads, protocols and packets that match are left out. */
#define SLACK     10
#define ITEM_COST 4 /* instructions of a choice between two values that does not hold: loads and compares */

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
        const uint32_t group = phases_group(p, item);
        struct asks a;
        if (!phases_may_move(p, item, &a))
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

/* First pairs, each of which begins with a choice between other values than those before. */
struct first_pairs {
    ir_value on[FIRST_KINDS][2];
    uint32_t side[FIRST_KINDS]; /* the first way to begin */
    uint32_t n;
};

/* What packets hold which pass @item: what it asks first, or both values of its choice, where an earlier one
 * between them cannot have ended with the first one too. */
static nf_reach passed_reach(struct phases *p, uint32_t item, struct first_pairs *f)
{
    struct normal_form *x = p->x;
    const uint32_t first = nf_first(x, item);
    struct pair pair;
    ir_value on[2];
    uint32_t k = 0;

    if (distribute_is_pair(x, item, p->kind, &pair, on) && pair.ways == 1) {
        while (k < f->n && (f->on[k][0] != on[0] || f->on[k][1] != on[1]))
            k++;
        if (k < f->n && factor_exclude(x, f->side[k], pair.side[0], p->kind) &&
            x->value_reach[on[1]] != REACH_UNKNOWN)
            return x->value_reach[on[1]];
        if (k == f->n && k < FIRST_KINDS) {
            f->on[k][0] = on[0];
            f->on[k][1] = on[1];
            f->side[k] = pair.side[0];
            f->n++;
        }
    }
    return first != NF_NONE && nf_is_test(x, first) ? reach_known(x->nf.at[first].reach) : 0;
}

/* Finds what packets hold that the first items, @most of them, do not accept; gives the last of these, or
 * NF_NONE: all packets hold it. The item behind it may be moved, as it reads that before it accepts. */
static uint32_t read_first(struct phases *p, uint32_t list, uint32_t most)
{
    struct normal_form *x = p->x;
    struct first_pairs f = {.n = 0};
    uint32_t last = NF_NONE, before = NF_NONE, n = 0;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->nf.at[i].strict && n < most;
         before = i, i = x->nf.at[i].next, n++) {
        const nf_reach reach = passed_reach(p, i, &f);
        if (!reach_within(reach, p->held)) {
            p->held = reach_both(p->held, reach);
            last = before;
        }
    }
    return last;
}

/* The tests that @item makes before its last part, which reads behind a variable address; false where it is
 * made of other things. */
static bool read_guards(struct phases *p, uint32_t item, struct behind *out)
{
    struct normal_form *x = p->x;
    const uint32_t last = x->nf.at[item].kind == p->compound ? x->nf.at[item].last : NF_NONE;
    const uint32_t first = last == NF_NONE ? NF_NONE : nf_first(x, last);

    *out = (struct behind){.base = IR_NONE};
    if (first == NF_NONE || x->nf.at[item].first == last)
        return false;
    out->end = phases_end(p, first, &out->base);
    for (uint32_t c = x->nf.at[item].first; c != last; c = x->nf.at[c].next) {
        if (!nf_is_test(x, c) || out->guards == GUARDS_MAX || x->nf.at[c].reach == REACH_UNKNOWN)
            return false;
        out->on[out->guards] = nf_test_value(x, c);
        out->set[out->guards++] = nf_test_set(x, c, p->kind == NF_OR);
    }
    return out->end != 0 && !x->failed;
}

/* Bytes behind the variable address that packets hold which pass @item and the tests in front of its last
 * part: all alternatives of that have been asked then, if the item @stays where it is. */
static uint32_t passed_end(const struct phases *p, uint32_t item, bool *stays)
{
    const struct normal_form *x = p->x;
    const uint32_t last = x->nf.at[item].last;
    ir_value base = IR_NONE;
    uint32_t end = phases_end(p, nf_first(x, last), &base);

    *stays = false;
    if (base != p->behind.base)
        return 0;
    for (uint32_t c = x->nf.at[last].kind == p->kind ? x->nf.at[last].first : NF_NONE; c != NF_NONE;
         c = x->nf.at[c].next) {
        const uint32_t one = phases_end(p, nf_first(x, c), &base);
        if (base != p->behind.base || one <= end)
            continue;
        end = one;
        *stays = true;
    }
    return end;
}

/* Do packets that pass the tests of @a pass those of @b? */
static bool guards_imply(const struct behind *a, const struct behind *b)
{
    bool implied = true;

    for (uint32_t i = 0; i < b->guards && implied; i++) {
        implied = false;
        for (uint32_t k = 0; k < a->guards && !implied; k++)
            implied = a->on[k] == b->on[i] && set_within(a->set[k], b->set[i]);
    }
    return implied;
}

/* Finds what the first items have read behind a variable address. Gives the last one that has to stay in
 * front of others for that, or @last if that is behind it. */
static uint32_t read_behind(struct phases *p, uint32_t list, uint32_t last)
{
    struct normal_form *x = p->x;
    uint32_t before = NF_NONE, n = 0;
    bool passed = last == NF_NONE, stays; /* @last was */

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->nf.at[i].strict && n < FIRST_MAX;
         before = i, i = x->nf.at[i].next, n++) {
        struct behind own;
        passed |= before == last;
        if (!read_guards(p, i, &own))
            continue;
        if (p->behind.end == 0) {
            p->behind = own;
            p->behind.end = 0;
        } else if (!guards_imply(&p->behind, &own)) {
            continue;
        }
        const uint32_t end = passed_end(p, i, &stays);
        if (end <= p->behind.end)
            continue;
        p->behind.end = end;
        if (passed)
            last = stays ? i : before;
    }
    return last;
}

/* Has each of the items from @item on a place? */
static bool all_have_places(struct phases *p, uint32_t item)
{
    struct asks a;

    phases_find_bases(p, item);
    while (item != NF_NONE && phases_may_move(p, item, &a))
        item = p->x->nf.at[item].next;
    return item == NF_NONE;
}

/* The first item that may be moved, where those up to @last stay. */
static uint32_t first_moved(const struct phases *p, uint32_t list, uint32_t last)
{
    return last == NF_NONE ? p->x->nf.at[list].first : p->x->nf.at[last].next;
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
    uint32_t before = PHASE_UNKNOWN, list = NF_NONE;

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
        uint32_t group = phases_group(&p, i);
        stretches += group != before;
        before = group;
    }
    return stretches > p.groups + 1; /* those that are in no group may be one more */
}

/* Finds what packets hold that @most first items do not accept, and whether the order of phases is worth it
 * for the others, which stand behind *last. */
static bool look_at_list(struct phases *p, uint32_t list, uint32_t most, uint32_t *last)
{
    *last = read_first(p, list, most);
    if (p->held == 0 || !phases_measure(p->x))
        return false;
    if (p->all_hold && !all_have_places(p, first_moved(p, list, *last))) {
        const uint32_t also = read_behind(p, list, *last);
        if (all_have_places(p, first_moved(p, list, also)))
            *last = also;
        else
            p->behind.end = 0;
    }
    phases_find_bases(p, first_moved(p, list, *last));
    phases_take_apart(p, list, *last);
    phases_find_bases(p, first_moved(p, list, *last)); /* there are other items now */
    return is_worth_it(p, first_moved(p, list, *last));
}

bool distribute_by_phases(struct normal_form *x, uint32_t list, nf_reach held, bool all_hold,
                          struct phase_lists *out)
{
    const uint8_t kind = x->nf.at[list].kind;
    const struct phases start = {
        .x = x, .kind = kind, .compound = kind == NF_OR ? NF_AND : NF_OR, .held = held, .all_hold = all_hold};
    struct phases p = start;
    uint32_t most = held && !all_hold ? 0 : FIRST_MAX, last, next;

    while (!look_at_list(&p, list, most, &last)) {
        if (most <= 1 || x->failed)
            return false;
        most = 1; /* what many items read is of no use if most of them have to stay for that */
        p = start;
    }
    uint32_t item = first_moved(&p, list, last);
    if (last == NF_NONE)
        x->nf.at[list].first = NF_NONE;
    else
        x->nf.at[last].next = NF_NONE;
    x->nf.at[list].last = last;
    for (; item != NF_NONE && !x->failed; item = next) {
        next = x->nf.at[item].next;
        if (!phases_place(&p, item))
            break;
    }
    put_phases(&p, out);
    out->held = p.held;
    out->rest = item;
    x->changed = true;
    return true;
}
