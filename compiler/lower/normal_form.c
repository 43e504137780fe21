/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/normal_form.c - formulas in negation normal form: nodes, lists of them, and tests.
 */
#include "lower/normal_form.h"

uint32_t nf_new(struct normal_form *x, struct nf n)
{
    n.next = NF_NONE;
    if (!vec_push(x->a, &x->nf, n)) {
        x->failed = true;
        return 0;
    }
    return x->nf.n - 1;
}

uint32_t nf_list_new(struct normal_form *x, uint8_t kind)
{
    if (!vec_reserve(x->a, &x->nf, 1)) {
        x->failed = true;
        return 0;
    }
    x->nf.at[x->nf.n] = (struct nf){.kind = kind, .first = NF_NONE, .last = NF_NONE, .next = NF_NONE};
    return x->nf.n++;
}

void nf_list_append(struct normal_form *x, uint32_t list, uint32_t item)
{
    struct nf *l = &x->nf.at[list];
    const struct nf *i = &x->nf.at[item];

    l->steady = false;
    l->strict |= i->strict;
    l->reach = reach_both(l->reach, i->reach);
    x->nf.at[item].next = NF_NONE;
    if (l->first == NF_NONE)
        l->first = item;
    else
        x->nf.at[l->last].next = item;
    l->last = item;
}

/* All children of @from, which is of the same kind, behind those of @list. */
static void list_absorb(struct normal_form *x, uint32_t list, uint32_t from)
{
    struct nf *l = &x->nf.at[list], *f = &x->nf.at[from];

    l->steady = false;
    l->strict |= f->strict;
    l->reach = reach_both(l->reach, f->reach);
    if (f->first == NF_NONE)
        return;
    if (l->first == NF_NONE)
        l->first = f->first;
    else
        x->nf.at[l->last].next = f->first;
    l->last = f->last;
    f->first = f->last = NF_NONE;
}

uint32_t nf_first(const struct normal_form *x, uint32_t i)
{
    while (i != NF_NONE && (x->nf.at[i].kind == NF_AND || x->nf.at[i].kind == NF_OR))
        i = x->nf.at[i].first;
    return i;
}

void nf_list_add(struct normal_form *x, uint32_t list, uint32_t item)
{
    if (x->nf.at[item].kind == x->nf.at[list].kind)
        list_absorb(x, list, item);
    else
        nf_list_append(x, list, item);
}

/* ---------------------------------------------------------------- tests */

uint32_t nf_test_room(const struct normal_form *x, uint32_t i)
{
    const struct set *s = &x->nf.at[i].set;

    return s->n + 1 + s->ordered; /* as it is, in its order, or what it leaves out */
}

/* In rows: which column the test @i asks for. */
static uint16_t column_of(const struct normal_form *x, uint32_t i)
{
    const struct nf *n = &x->nf.at[i];

    return x->template && n->leaf != COND_FALSE ? x->lw->node.at[n->leaf].column : 0;
}

struct set nf_test_set(struct normal_form *x, uint32_t i, bool outcome)
{
    const struct set s = x->nf.at[i].set;

    x->looked |= column_of(x, i) != 0;
    if (x->nf.at[i].negated != outcome)
        return s;
    struct ir_range *rest = intervals_new(x, s.n + 1);
    uint32_t m = 0, lo = 0;
    bool open = true; /* something lies behind the last interval */
    for (uint32_t k = 0; rest && k < s.n; k++) {
        if (s.at[k].lo > lo)
            rest[m++] = (struct ir_range){lo, s.at[k].lo - 1};
        open = s.at[k].hi != UINT32_MAX;
        lo = s.at[k].hi + 1;
    }
    if (rest && open)
        rest[m++] = (struct ir_range){lo, UINT32_MAX};
    return (struct set){rest, m, 0, NULL};
}

/* Asks of two tests, each of a column. */
static bool ask(struct normal_form *x, uint32_t i, uint32_t j, bool meet)
{
    struct nf_question q = {.column = {column_of(x, i), column_of(x, j)}, .meet = meet};

    q.answer = nf_answer(meet, x->lw->node.at[x->nf.at[i].leaf].one, x->lw->node.at[x->nf.at[j].leaf].one);
    x->failed |= !vec_push(x->a, &x->question, q);
    return q.answer;
}

bool nf_tests_equal(struct normal_form *x, uint32_t i, uint32_t j)
{
    const bool outcome = !x->nf.at[i].negated;

    if (x->nf.at[j].negated != outcome && column_of(x, i) && column_of(x, j))
        return ask(x, i, j, false);
    return set_equal(nf_test_set(x, i, outcome), nf_test_set(x, j, outcome));
}

bool nf_tests_meet(struct normal_form *x, uint32_t i, uint32_t j, bool outcome)
{
    if (column_of(x, i) && column_of(x, j))
        return x->nf.at[i].negated == outcome || x->nf.at[j].negated == outcome || ask(x, i, j, true);
    return sets_meet(nf_test_set(x, i, outcome), nf_test_set(x, j, outcome));
}

/* Makes @leaf the test that has outcome @outcome where @on lies in @set. */
void nf_become_leaf(struct normal_form *x, uint32_t leaf, ir_value on, struct set set, bool outcome,
                    struct span at)
{
    struct nf *n = &x->nf.at[leaf];
    uint32_t next = n->next;

    x->changed = true;
    *n = (struct nf){.kind = NF_LEAF,
                     .negated = !outcome,
                     .test = true,
                     .leaf = COND_FALSE,
                     .on = on,
                     .set = set,
                     .at = at,
                     .next = next,
                     .reach = x->value_reach[on]};
}
