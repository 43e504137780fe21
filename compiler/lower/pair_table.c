/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/pair_table.c - a list of pairs whose rests compare numbers, as a table from addresses to numbers.
 *
 * Of (s = a1 or d = a1) and (p = P1 or q = P1), ..., the plain program may accept a packet for its source
 * port p that is cut off in front of the destination port q. So p has to be asked about for both addresses
 * before q is, and what was found is kept in variables:
 *
 *   x = none; s = a1 and x = P1, s = a2 and x = P2, ...;
 *   (d = a1 and y = P1, d = a2 and y = P2, ...) and (p = x or p = y or q = x or q = y);
 *   x != none and (p = x or q = x)
 *
 * The lead items, whose packets may lack d, are asked first for s alone: where s is in the set of one, it is
 * in those of all before it, so that the plain program comes to its rest as well. The list has become a
 * table: nothing of it is there twice but the searches. Where p and q may be any number, none is one that no
 * row has, and x and y are compared with it before p and q are compared with them. Tests that all rests make
 * before that, as `ether host M and ip host A` asks for IPv4, are made where an address was found; before d
 * is searched for, if it has several words, as words.c asks for.
 *
 * Lists of AND are lists of OR with the outcomes swapped. Cost: linear in the pairs and their numbers.
 */
#include <string.h>
#include "lower/distribute.h"

#define COLUMNS_MAX 8 /* numbers that a table gives for one address */

/* What a table gives where one side is found. */
struct row {
    uint32_t n;
    uint32_t value[COLUMNS_MAX];
};

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
    struct ir_range *key = intervals_new(x, FACTOR_LEAVES_MAX);
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

bool distribute_find_table(struct distribution *d)
{
    struct set first;

    d->columns = 0;
    if (!rest_numbers(d, 0, &first) || !fill_rows(d, 0, d->lead) || !fill_rows(d, 1, 0))
        return false;
    if (d->words && d->x->nf.at[distribute_far_part(d, 0)].next != NF_NONE)
        return false;
    struct ir_range soon = ir_range(d->x->lw->f, d->soon), late = ir_range(d->x->lw->f, d->late);
    uint32_t highest = soon.hi > late.hi ? soon.hi : late.hi;
    d->none = highest + 1;
    d->any_number = highest == UINT32_MAX;
    return !d->any_number || find_unused(d);
}

/* ---------------------------------------------------------------- the table */

/* A leaf of the condition @c, which is no test that may be moved or merged. */
static uint32_t leaf_of(struct distribution *d, cond c, bool strict)
{
    return nf_new(
        d->x,
        (struct nf){
            .kind = NF_LEAF, .negated = d->kind == NF_AND, .strict = strict, .leaf = c, .at = d->x->lw->at});
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
        uint32_t item = distribute_item(d, side, k);
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
        uint32_t part = distribute_copy(d, c);
        if (!x->failed)
            nf_list_append(x, list, part);
    }
}

void distribute_put_table(struct distribution *d, uint32_t list)
{
    struct normal_form *x = d->x;
    struct lower *lw = x->lw;

    for (int side = 0; side < 2; side++) {
        d->var[side] = lw->var.n;
        for (uint32_t c = 0; c < d->columns; c++)
            var_new(lw);
    }
    x->failed |= lw->error != WEIR_OK;
    distribute_side(d, list, 0, d->lead);

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
    const bool common_first = d->words;
    if (common_first)
        append_common(d, second);
    nf_list_append(x, second, destinations);
    if (!common_first)
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
