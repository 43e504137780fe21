/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/common.c - what the items of a list have in common, and tests that are parts of one.
 */
#include "lower/distribute.h"

#define COMMON_MIN 6  /* items from which tests they all make are made once */
#define COMMON_MAX 16 /* parts of an item that are looked at for that */
#define FEW_MAX    64 /* items of a short list */

/* The child of @item that asks what the test @wanted asks, or NF_NONE. */
static uint32_t find_test(struct normal_form *x, uint32_t item, ir_value on, struct set wanted, bool outcome)
{
    uint32_t looked = 0;

    for (uint32_t c = x->nf.at[item].first; c != NF_NONE && looked < COMMON_MAX;
         c = x->nf.at[c].next, looked++)
        if (nf_is_test(x, c) && nf_test_value(x, c) == on && set_equal(nf_test_set(x, c, outcome), wanted))
            return c;
    return NF_NONE;
}

static void remove_child(struct normal_form *x, uint32_t item, uint32_t child)
{
    struct nf *n = &x->nf.at[item];
    uint32_t before = NF_NONE;

    for (uint32_t c = n->first; c != child; c = x->nf.at[c].next)
        before = c;
    if (before == NF_NONE)
        n->first = x->nf.at[child].next;
    else
        x->nf.at[before].next = x->nf.at[child].next;
    if (n->last == child)
        n->last = before;
}

/* Is the item @i of a list of @kind a compound of several parts, past which things may move? */
static bool is_compound(const struct normal_form *x, uint32_t i, uint8_t kind)
{
    const struct nf *n = &x->nf.at[i];

    return n->kind == (kind == NF_OR ? NF_AND : NF_OR) && !n->strict && n->first != n->last;
}

/* The items of @list, if all are compounds; else 0. */
static uint32_t count_compounds(const struct normal_form *x, uint32_t list)
{
    uint32_t n = 0;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next, n++)
        if (!is_compound(x, i, x->nf.at[list].kind))
            return 0;
    return n;
}

/*
 * Tests that every item of a long list makes are made once, in front of the list:
 *   (x1 and p and y1) or (x2 and p and y2) or ...        p and ((x1 and y1) or (x2 and y2) or ...)
 * A packet accepted in the list or behind it has passed through the first test of the first item, so a test
 * that reaches no further may move in front of that. It is a load for all packets then, so what few packets
 * fail, fragments, stays where it is in lists of few items of one kind.
 */
void factor_hoist_common(struct normal_form *x, uint32_t list)
{
    const bool is_or = x->nf.at[list].kind == NF_OR;
    const uint32_t items = count_compounds(x, list);
    uint32_t outer = NF_NONE, inner = NF_NONE, next, looked = 0;

    if (items < COMMON_MIN)
        return;
    const bool few = items <= FEW_MAX && x->lw->o->tune != WEIR_TUNE_SIZE && !distribute_is_mixed(x, list);
    uint32_t first = x->nf.at[list].first, head = nf_first(x, first);
    if (head == NF_NONE || !nf_is_test(x, head))
        return;
    nf_reach reach = reach_known(x->value_reach[nf_test_value(x, head)]);
    for (uint32_t c = x->nf.at[x->nf.at[first].first].next; c != NF_NONE && looked < COMMON_MAX && !x->failed;
         c = next, looked++) {
        next = x->nf.at[c].next;
        if (!nf_is_test(x, c) || !reach_within(x->nf.at[c].reach, reach))
            continue;
        ir_value on = nf_test_value(x, c);
        struct set s = nf_test_set(x, c, is_or);
        bool common = !(few && s.n == 1 && s.at[0].hi == 0);
        for (uint32_t i = x->nf.at[first].next; i != NF_NONE && common; i = x->nf.at[i].next)
            common = find_test(x, i, on, s, is_or) != NF_NONE;
        if (!common)
            continue;
        remove_child(x, first, c); /* it may ask the same twice */
        for (uint32_t i = x->nf.at[first].next; i != NF_NONE; i = x->nf.at[i].next)
            remove_child(x, i, find_test(x, i, on, s, is_or));
        if (outer == NF_NONE)
            outer = nf_list_new(x, is_or ? NF_AND : NF_OR);
        if (!x->failed)
            nf_list_append(x, outer, c);
    }
    if (outer == NF_NONE || x->failed)
        return;
    inner = nf_list_new(x, is_or ? NF_OR : NF_AND);
    for (uint32_t i = first; i != NF_NONE && !x->failed; i = next) {
        next = x->nf.at[i].next;
        nf_list_append(x, inner, i);
    }
    nf_list_append(x, outer, inner);
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    nf_list_append(x, list, outer);
}

/* ---------------------------------------------------------------- parts that all items have */

bool factor_is_same(struct normal_form *x, uint32_t i, uint32_t j)
{
    const struct nf *a = &x->nf.at[i], *b = &x->nf.at[j];

    if (a->kind == NF_LEAF || b->kind == NF_LEAF)
        return nf_is_test(x, i) && nf_is_test(x, j) && nf_test_value(x, i) == nf_test_value(x, j) &&
               nf_tests_equal(x, i, j);
    if (a->kind != b->kind || !nf_is_list(x, i))
        return false;
    uint32_t c = a->first, d = b->first;
    while (c != NF_NONE && d != NF_NONE && factor_is_same(x, c, d)) {
        c = x->nf.at[c].next;
        d = x->nf.at[d].next;
    }
    return c == d;
}

/* The parts of @item, at most COMMON_MAX; 0: there are more. */
static uint32_t read_parts(const struct normal_form *x, uint32_t item, uint32_t part[COMMON_MAX])
{
    uint32_t n = 0;

    for (uint32_t c = x->nf.at[item].first; c != NF_NONE; c = x->nf.at[c].next) {
        if (n == COMMON_MAX)
            return 0;
        part[n++] = c;
    }
    return n;
}

/* How many parts have the items from @first to @last, compounds of a list of @kind, in common at their end,
 * or (@front) is the choice that they begin with? Not all of any. */
static uint32_t count_alike(struct normal_form *x, uint32_t first, uint32_t last, uint8_t kind, bool front)
{
    const struct nf *one = &x->nf.at[first], *other = &x->nf.at[one->next];
    uint32_t like[COMMON_MAX], part[COMMON_MAX], most = 0;

    if ((front && x->nf.at[one->first].kind != kind) ||
        !factor_begin_alike(x, front ? one->first : one->last, front ? other->first : other->last))
        return 0;
    const uint32_t n = read_parts(x, first, like);
    while (most + 1 < n && most < (front ? 1 : n) && factor_is_small(x, like[front ? 0 : n - 1 - most]))
        most++;
    for (uint32_t i = first; i != last && most && !x->failed;) {
        i = x->nf.at[i].next;
        const uint32_t m = read_parts(x, i, part);
        uint32_t same = 0;
        while (same < most && same + 1 < m &&
               factor_is_same(x, like[front ? 0 : n - 1 - same], part[front ? 0 : m - 1 - same]))
            same++;
        most = same;
    }
    return most;
}

/* What items have in common. */
struct alike {
    uint32_t parts;
    bool front; /* that is what they begin with */
};

static bool find_alike(struct normal_form *x, uint32_t first, uint32_t last, uint8_t kind, struct alike *out)
{
    out->front = true;
    out->parts = count_alike(x, first, last, kind, true);
    if (out->parts == 0) {
        out->front = false;
        out->parts = count_alike(x, first, last, kind, false);
    }
    return out->parts && !x->failed;
}

/* Takes the parts that @item has in common with others from it; gives the first of them. */
static uint32_t take_parts(struct normal_form *x, uint32_t item, struct alike a)
{
    uint32_t part[COMMON_MAX], all = read_parts(x, item, part);

    x->nf.at[item].steady = false;
    x->nf.at[part[a.front ? 0 : all - 1 - a.parts]].next = NF_NONE;
    if (a.front)
        x->nf.at[item].first = part[1];
    else
        x->nf.at[item].last = part[all - 1 - a.parts];
    return part[a.front ? 0 : all - a.parts];
}

/* The items from @first to @last, which are alike, as one. */
static uint32_t hoist(struct normal_form *x, uint32_t first, uint32_t last, uint8_t kind, struct alike a)
{
    const uint32_t outer = nf_list_new(x, kind == NF_OR ? NF_AND : NF_OR), inner = nf_list_new(x, kind),
                   end = x->nf.at[last].next;
    uint32_t kept = NF_NONE, next;

    for (uint32_t i = first; i != end && !x->failed; i = next) {
        const uint32_t parts = take_parts(x, i, a);
        next = x->nf.at[i].next;
        kept = kept == NF_NONE ? parts : kept;
        nf_list_append(x, inner, i);
    }
    if (x->failed)
        return first;
    nf_flatten(x, inner);
    if (!a.front)
        nf_list_append(x, outer, inner);
    for (uint32_t c = kept; c != NF_NONE; c = next) {
        next = x->nf.at[c].next;
        nf_list_append(x, outer, c);
    }
    if (a.front)
        nf_list_append(x, outer, inner);
    x->changed = true;
    return outer;
}

/*
 * Parts that all items of a long list end with, or the choice that all begin with, are asked for once:
 *   (x1 and r) or (x2 and r) or ...        (x1 or x2 or ...) and r
 * What is asked was asked, and r no more than once.
 */
void factor_hoist_alike(struct normal_form *x, uint32_t list)
{
    struct nf *n = &x->nf.at[list];
    struct alike a;

    if (count_compounds(x, list) < COMMON_MIN || !find_alike(x, n->first, n->last, n->kind, &a))
        return;
    const uint32_t all = hoist(x, n->first, n->last, n->kind, a);
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    nf_list_append(x, list, all);
}

/* What the item @i of a list of @kind begins with. */
static uint32_t first_part(const struct normal_form *x, uint32_t i, uint8_t kind)
{
    return nf_is_list(x, i) && x->nf.at[i].kind != kind ? x->nf.at[i].first : i;
}

/* Do items begin with @a and @b, and are better off together? They test one value, or are the same choice. */
static bool belong_together(struct normal_form *x, uint32_t a, uint32_t b)
{
    if (a == NF_NONE || b == NF_NONE)
        return false;
    return nf_is_test(x, a) ? nf_is_test(x, b) && nf_test_value(x, a) == nf_test_value(x, b)
                            : factor_is_same(x, a, b);
}

/* Of the @n items @item of a list of @kind, does none but those from @from to @to begin with what one of them
 * does? */
static bool stand_apart(struct normal_form *x, const uint32_t *item, uint32_t n, uint32_t from, uint32_t to,
                        uint8_t kind)
{
    bool apart = true;

    for (uint32_t i = 0; i < n && apart; i++)
        for (uint32_t k = from; k <= to && apart && (i < from || i > to); k++)
            apart = !belong_together(x, first_part(x, item[i], kind), first_part(x, item[k], kind));
    return apart;
}

/* Reads the items of @list if they are few and two compounds follow each other; gives how many there are. */
static uint32_t read_few(const struct normal_form *x, uint32_t list, uint32_t item[FEW_MAX])
{
    const uint8_t kind = x->nf.at[list].kind;
    bool before = false, some = false;
    uint32_t n = 0;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE; i = x->nf.at[i].next) {
        if (n == FEW_MAX)
            return 0;
        const bool compound = is_compound(x, i, kind);
        some |= before && compound;
        before = compound;
        item[n++] = i;
    }
    return some ? n : 0;
}

/* Items that are to be one. */
struct neighbours {
    uint32_t from, to; /* among the items */
    struct alike have;
};

/* Finds them among the @n items @item of a list of @kind; gives how many there are. */
static uint32_t find_neighbours(struct normal_form *x, const uint32_t *item, uint32_t n, uint8_t kind,
                                struct neighbours *out)
{
    uint32_t found = 0, to;

    for (uint32_t from = 0; from < n; from = to + 1) {
        struct alike have = {0}, more;
        for (to = from;
             to + 1 < n && is_compound(x, item[from], kind) && is_compound(x, item[to + 1], kind) &&
             find_alike(x, item[from], item[to + 1], kind, &more);
             to++)
            have = more;
        if (to > from && stand_apart(x, item, n, from, to, kind))
            out[found++] = (struct neighbours){from, to, have};
    }
    return found;
}

bool factor_hoist_neighbours(struct normal_form *x, uint32_t list)
{
    const uint8_t kind = x->nf.at[list].kind;
    uint32_t item[FEW_MAX], n = read_few(x, list, item);
    struct neighbours are[FEW_MAX / 2];
    const uint32_t found = find_neighbours(x, item, n, kind, are);

    if (found == 0 || x->failed)
        return false;
    x->nf.at[list].first = x->nf.at[list].last = NF_NONE;
    for (uint32_t i = 0, k = 0; i < n && !x->failed; i++) {
        if (k == found || i < are[k].from) {
            nf_list_append(x, list, item[i]);
            continue;
        }
        nf_list_append(x, list, hoist(x, item[i], item[are[k].to], kind, are[k].have));
        i = are[k++].to;
    }
    return true;
}

/* ---------------------------------------------------------------- parts of one value */

/* A test of some bits of a value, the others of which do not matter. */
struct bits {
    ir_value of;
    uint32_t mask, are;
};

/* Is the item @i of a list such a test, in which every item has to have outcome @outcome? */
static bool test_of_bits(struct normal_form *x, uint32_t i, bool outcome, struct bits *out)
{
    const struct ir_func *f = x->lw->f;

    if (!nf_is_test(x, i))
        return false;
    const struct ir_node *n = &f->value.at[nf_test_value(x, i)];
    if (n->op != IR_AND || !ir_is_const(f, n->b, &out->mask))
        return false;
    struct set s = nf_test_set(x, i, outcome);
    out->of = n->a;
    out->are = s.n ? s.at[0].lo : 0;
    return s.n == 1 && s.at[0].lo == s.at[0].hi && !(out->are & ~out->mask);
}

/*
 * Tests of parts of a value that leave nothing of it open are one test of it, made where the first of them
 * was: (v & 0xf0) = 0x40 and (v & 0x0f) = 5        v = 0x45 Gives whether there were some.
 */
bool factor_join_parts(struct normal_form *x, uint32_t list)
{
    bool outcome = x->nf.at[list].kind == NF_AND, joined = false;
    struct bits first, other;

    for (uint32_t i = x->nf.at[list].first; i != NF_NONE && !x->failed; i = x->nf.at[i].next) {
        if (!test_of_bits(x, i, outcome, &first))
            continue;
        uint32_t all = ir_range(x->lw->f, first.of).hi, looked = 0;
        for (uint32_t k = x->nf.at[i].next; k != NF_NONE && !x->nf.at[k].strict && looked < COMMON_MAX;
             k = x->nf.at[k].next, looked++) {
            if (!test_of_bits(x, k, outcome, &other) || other.of != first.of ||
                (first.mask | other.mask) != all || (first.are ^ other.are) & first.mask & other.mask)
                continue;
            struct ir_range *are = intervals_new(x, 1);
            if (x->failed)
                return false;
            *are = (struct ir_range){first.are | other.are, first.are | other.are};
            nf_become_leaf(x, i, first.of, (struct set){.at = are, .n = 1}, outcome, x->nf.at[i].at);
            remove_child(x, list, k);
            joined = true;
            break;
        }
    }
    return joined;
}
