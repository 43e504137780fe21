/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/settled.c - is there anything to regroup in a list, or in a run? Else no entries are made of it.
 *
 * Looking moves no evaluation: lists are flattened, and it is noted whether one is long and whether it tests
 * parts of one value. Cost: linear in the items; runs of more than a few are not looked at.
 */
#include "lower/run.h"

#define DEEP 8 /* lists in lists, each the first of the one around it, that are looked into */

bool factor_is_settled(struct factor *x, uint32_t list, uint32_t first)
{
    uint8_t compound = x->form.nf.at[list].kind == NF_OR ? NF_AND : NF_OR;
    uint32_t items = 0;
    bool settled = true;

    x->parts = false;
    x->stamp++;
    for (uint32_t i = first; i != NF_NONE; i = x->form.nf.at[i].next) {
        if (nf_is_list(&x->form, i))
            nf_flatten(&x->form, i);
        uint32_t head = factor_head(&x->form, i, compound);
        x->any_long |= ++items == LONG_LIST;
        if (head == NF_NONE)
            continue;
        ir_value on = nf_test_value(&x->form, head), whole = ir_whole_of(x->form.lw->f, on);
        settled &= x->run_stamp[on] != x->stamp;
        x->run_stamp[on] = x->stamp;
        if (whole == on)
            continue;
        x->parts |= x->run_stamp[whole] == x->stamp;
        x->run_stamp[whole] = x->stamp;
    }
    return settled;
}

/* The same of what stands behind the test that @item begins with, the last child of which is not that test.
 */
static bool is_rest_settled(struct factor *x, uint32_t item, uint32_t head)
{
    uint32_t rest = x->form.nf.at[head].next;

    if (x->form.nf.at[rest].next != NF_NONE)
        return factor_is_settled(x, item, rest);
    if (!nf_is_list(&x->form, rest))
        return true;
    nf_flatten(&x->form, rest);
    return x->form.nf.at[rest].steady || factor_is_settled(x, rest, x->form.nf.at[rest].first);
}

/* Is a rest behind the test @head to be asked for fewer numbers, as the test @lone decides for the others? */
static bool is_narrowed(struct factor *x, uint32_t head, uint32_t lone, bool is_or)
{
    struct set set = nf_test_set(&x->form, head, is_or);

    return set_narrow(&x->form, &set, nf_test_set(&x->form, lone, is_or));
}

bool factor_run_stays(struct factor *x, const struct run *r, bool is_or)
{
    uint32_t seen[RUN_FEW], n = 0, lone = NF_NONE; /* seen: their tests */
    const bool late = factor_joins_late(x);
    bool stays = r->n <= RUN_FEW;

    for (uint32_t i = r->first; i != NF_NONE && stays; i = x->form.nf.at[i].next) {
        uint32_t head = factor_head(&x->form, i, is_or ? NF_AND : NF_OR);
        if (head == i || x->form.nf.at[head].next == NF_NONE) {
            stays = lone == NF_NONE;
            lone = head;
            continue;
        }
        seen[n] = head;
        for (uint32_t k = 0; k < n && stays; k++)
            stays = !nf_tests_equal(&x->form, seen[k], head) &&
                    (late ||
                     !factor_begin_alike(&x->form, x->form.nf.at[seen[k]].next, x->form.nf.at[head].next) ||
                     !nf_tests_meet(&x->form, seen[k], head, is_or));
        n++;
        stays = stays && is_rest_settled(x, i, head);
    }
    for (uint32_t k = 0; k < n && stays && lone != NF_NONE; k++)
        stays = !nf_tests_meet(&x->form, seen[k], lone, is_or) || !is_narrowed(x, seen[k], lone, is_or);
    return stays;
}

bool factor_is_apart(struct factor *x, uint32_t list)
{
    uint8_t kind = x->form.nf.at[list].kind;
    uint32_t items = 0;
    bool apart = true;

    x->stamp++;
    for (uint32_t i = x->form.nf.at[list].first; i != NF_NONE && apart; i = x->form.nf.at[i].next) {
        items++;
        uint32_t head = i;
        for (int depth = 0; head != NF_NONE && nf_is_list(&x->form, head) && depth < DEEP; depth++)
            head = x->form.nf.at[head].first;
        if (nf_is_list(&x->form, i)) {
            nf_flatten(&x->form, i);
            apart = x->form.nf.at[i].kind != kind && x->form.nf.at[i].first != x->form.nf.at[i].last;
        }
        if (head != NF_NONE && nf_is_list(&x->form, head)) /* deeper than is worth looking */
            apart = false;
        if (head == NF_NONE || !nf_is_test(&x->form, head))
            continue;
        ir_value on = ir_whole_of(x->form.lw->f, nf_test_value(&x->form, head));
        apart &= x->run_stamp[on] != x->stamp;
        x->run_stamp[on] = x->stamp;
    }
    x->any_long |= apart && items >= LONG_LIST;
    return apart && items > 1;
}
