/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/factor.c - alternatives regrouped by the value they test, so that a list becomes a search.
 *
 *   (t = ip and (s = a or d = a)) or (t = ip and (s = b or d = b))
 *                                        t = ip and (s in {a, b} or d in {a, b})
 *   (s = a and p = 1) or (s = b and p = 2)
 *                                        switch s: a -> p = 1, b -> p = 2, else no
 *
 * The formula is put into negation normal form with n-ary lists; every list is then read once. Tests that all
 * items of a long list make are made once. Items that begin by testing one value form a run, and what runs
 * become is the list (run.c). Lists that come out of that are regrouped in turn, unless nothing is to be done
 * in them (settled.c). A list of AND is a list of OR with the outcomes swapped.
 *
 * Refines, as every step does: what may move is argued in run.c, common.c and distribute.c.
 *
 * Cost: every item is handled once for each test in front of it; sets are sorted: O(n log n). Lists deep in
 * others, which are looked through from each, stay as they are once that has cost LOOKS_NODE a condition.
 */
#include "lower/run.h"

#define ASKED_MAX       32    /* numbers whose order is recalled */
#define LOOKS_FREE      65536 /* children that are looked at again while lists are regrouped ... */
#define LOOKS_NODE      32    /* ... and for each condition: lists in lists may be as deep as there are */
#define CONDITIONS_PRIM 4     /* of an item of rows: what a primitive comes to, two directions of two words */
/* Primitives of a formula whose choices are joined at once. In more there may be mixed lists, for which it
 * matters that both values of a choice are read. */
#define JOIN_PRIMS 16
#define NODES_MANY 4096 /* conditions whose normal form gets an arena of its own */

/* Has @list no items of several parts? */
static bool is_of_leaves(const struct normal_form *x, uint32_t list)
{
    uint32_t i = x->nf.at[list].first;

    while (i != NF_NONE && x->nf.at[i].kind == NF_LEAF)
        i = x->nf.at[i].next;
    return i == NF_NONE;
}

bool factor_decides(const struct normal_form *x, uint32_t i, bool is_or)
{
    const struct nf *n = &x->nf.at[i];

    if (n->kind != NF_LEAF)
        return n->kind == (is_or ? NF_AND : NF_OR) && n->first == NF_NONE;
    return n->test && n->negated != is_or && n->set.n == 1 && n->set.at->lo == 0 &&
           n->set.at->hi == UINT32_MAX;
}

/* Where some part decides @list, that is an empty list of the other kind, which has the same outcome. */
static void use_what_decides(struct normal_form *x, uint32_t list)
{
    struct nf *n = &x->nf.at[list];
    const bool is_or = n->kind == NF_OR;
    uint32_t i = n->strict ? NF_NONE : n->first;

    while (i != NF_NONE && !factor_decides(x, i, is_or))
        i = x->nf.at[i].next;
    if (i == NF_NONE)
        return;
    n->kind = is_or ? NF_AND : NF_OR;
    n->first = n->last = NF_NONE;
}

/* Puts @i among the lists still to be regrouped. */
static void push_list(struct factor *x, uint32_t i)
{
    if (nf_is_list(&x->form, i) && !vec_push(x->form.a, &x->work, i))
        x->form.failed = true;
}

/* In a filter of few primitives, what neighbours in @list begin or end with is asked for once; did some?
 * They, and then @list, are to be regrouped. */
static bool hoist_of_few(struct factor *x, uint32_t list)
{
    if (x->switches || x->join_late || !factor_hoist_neighbours(&x->form, list))
        return false;
    push_list(x, list);
    for (uint32_t i = x->form.nf.at[list].first; i != NF_NONE; i = x->form.nf.at[i].next) {
        push_list(x, i);
        for (uint32_t c = nf_is_list(&x->form, i) ? x->form.nf.at[i].first : NF_NONE; c != NF_NONE;
             c = x->form.nf.at[c].next)
            push_list(x, c);
    }
    return true;
}

/* Regroups one list. */
static void regroup(struct factor *x, uint32_t list)
{
    uint32_t base = x->run.n;

    if (!nf_spend(&x->form, list))
        return;
    nf_flatten(&x->form, list);
    nf_collapse(&x->form, list);
    if (x->form.nf.at[list].kind == NF_LEAF)
        return;
    use_what_decides(&x->form, list);
    if (x->form.nf.at[list].first == NF_NONE)
        return;
    if (hoist_of_few(x, list))
        return;
    if (!factor_joins_late(x))
        factor_join_choices(&x->form, list);
    bool settled = factor_is_settled(x, list, x->form.nf.at[list].first);
    if (!x->switches && x->parts)
        settled &= !factor_join_parts(&x->form, list);
    if (settled && (!x->switches || is_of_leaves(&x->form, list))) {
        x->form.nf.at[list].steady |= !x->switches;
        return;
    }
    const bool final = x->switches && x->form.nf.at[list].final;
    if (x->switches) {
        if (final)
            factor_hold_read(&x->form, list);
        factor_unite_tests(&x->form, list);
        factor_hoist_common(&x->form, list);
        factor_hoist_alike(&x->form, list);
        factor_spread(&x->form, list);
        factor_lead(&x->form, list);
        factor_hoist_common(&x->form, list);
        factor_distribute(&x->form, list);
        factor_rejoin(&x->form, list);
    }
    bool steady = !x->switches;
    factor_read_runs(x, list, base);
    x->form.nf.at[list].first = x->form.nf.at[list].last = NF_NONE;
    const bool several = x->run.n - base > 1;
    nf_reach held = x->switches ? nf_held(&x->form, list) : 0;
    for (uint32_t i = base; i < x->run.n && !x->form.failed; i++) {
        struct run r = x->run.at[i];
        r.held = held;
        if (x->switches && !r.barrier)
            held = reach_both(held, reach_known(r.reach));
        x->form.changed |= several && r.n > 1; /* items may have moved past others */
        steady &= factor_write_run(x, list, &r);
    }
    x->form.nf.at[list].steady = steady;
    x->run.n = base;
    use_what_decides(&x->form, list);
    if (final)
        factor_pass_final(&x->form, list);
}

/* Regroups @list and the lists that come out of it. */
static void regroup_all(struct normal_form *form, uint32_t list)
{
    struct factor *x = (struct factor *)form;

    if (x->form.nf.at[list].kind == NF_LEAF || x->form.nf.at[list].first == NF_NONE)
        return;
    if (!vec_push(x->form.a, &x->work, list))
        x->form.failed = true;
    while (x->work.n && !x->form.failed) {
        list = x->work.at[--x->work.n];
        if (x->form.nf.at[list].kind == NF_OR || x->form.nf.at[list].kind == NF_AND)
            regroup(x, list);
    }
}

/* Puts choices in @top and in all that is in it in the order in which they need the fewest loads. */
static void take_turns(struct factor *x, uint32_t top)
{
    struct normal_form *f = &x->form;
    uint32_t i = top;

    x->work.n = 0;
    if (nf_is_list(f, top))
        factor_take_turns(f, top, IR_NONE);
    do {
        ir_value last = IR_NONE;
        for (uint32_t c = f->nf.at[i].kind == NF_LEAF ? NF_NONE : f->nf.at[i].first; c != NF_NONE;
             c = f->nf.at[c].next) {
            if (nf_is_list(f, c))
                factor_take_turns(f, c, last);
            if (f->nf.at[c].kind != NF_LEAF && !vec_push(f->a, &x->work, c))
                f->failed = true;
            last = nf_is_list(f, i) && nf_is_test(f, c) ? nf_test_value(f, c) : IR_NONE;
        }
        i = x->work.n ? x->work.at[--x->work.n] : NF_NONE;
    } while (i != NF_NONE && !f->failed);
}

/* Simplifies the nodes from @first on, without making switches. */
static void simplify(struct normal_form *form, uint32_t first)
{
    struct factor *x = (struct factor *)form;
    uint32_t nodes = form->nf.n; /* inner lists first: they stand before the lists that hold them */

    for (uint32_t i = first; i < nodes && !form->failed; i++) {
        if (form->nf.at[i].done || form->nf.at[i].kind == NF_LEAF || form->nf.at[i].search)
            continue;
        if (nf_is_list(&x->form, i) && factor_is_apart(x, i)) {
            form->nf.at[i].steady = true;
            continue;
        }
        nf_dispatch(form, i);
        regroup_all(form, i);
    }
}

/* Recalls in which order the formula asks for numbers, which regrouping does not keep (opt/chains.c). */
static void recall_order(struct lower *lw, cond root)
{
    struct ir_func *f = lw->f;

    f->asked.n = 0;
    if (!vec_reserve(f->arena, &f->asked, ASKED_MAX))
        lw->error = WEIR_E_MEMORY;
    for (cond i = 0; i <= root && f->asked.n < f->asked.cap; i++) {
        const struct cond_node *n = &lw->node.at[i];
        if (n->kind != COND_TEST || n->column)
            continue;
        const struct ir_range *in = n->n ? n->set : &n->one, *end = in + (n->n ? n->n : 1);
        for (; in < end && f->asked.n < f->asked.cap; in++)
            if (in->lo == in->hi)
                f->asked.at[f->asked.n++] = (struct ir_asked){n->on, in->lo};
    }
}

/* @root regrouped, or as it is; and its exclusive lists. */
static cond regrouped(struct factor *x, cond root, struct cond_asked *asked)
{
    struct lower *lw = x->form.lw;

    x->run_of = arena_array(x->form.a, uint32_t, lw->f->value.n);
    x->run_stamp = arena_array(x->form.a, uint32_t, lw->f->value.n);
    if (!x->run_of || !x->run_stamp) {
        lw->error = WEIR_E_MEMORY;
        return root;
    }
    x->join_late = lw->in->prim.n > JOIN_PRIMS;
    x->any_long = lw->rows.n > 0 || x->join_late;
    x->form.left = LOOKS_FREE + (uint64_t)LOOKS_NODE * lw->node.n;
    for (uint32_t i = 0; i < lw->rows.n; i++)
        x->form.left += (uint64_t)LOOKS_NODE * CONDITIONS_PRIM * lw->rows.at[i].prims * lw->rows.at[i].n;
    uint32_t top = nf_build(&x->form, root, simplify);
    simplify(&x->form, 0);
    x->switches = true;
    if (!x->form.failed)
        x->form.nf.at[top].final =
            (x->join_late || lw->rows.n) && lw->f->set.n == 0; /* sets may come last: order.c */
    if (x->any_long && !x->form.failed)
        regroup_all(&x->form, top);
    if (!x->form.failed)
        take_turns(x, top);
    if (lw->f->set.n && !x->form.failed)
        nf_order(&x->form, top);
    if (!x->form.failed && (x->form.changed || x->any_long)) {
        recall_order(lw, root);
        root = nf_rebuild(&x->form, top);
        asked->exclusive.at = x->form.exclusive.at;
        asked->exclusive.n = x->form.exclusive.n;
    } else if (!x->form.failed) {
        cond_find_exclusive(lw, root, asked);
    }
    if (x->form.failed)
        lw->error = WEIR_E_MEMORY;
    return root;
}

cond cond_factor(struct lower *lw, cond root)
{
    struct arena own, *a = lw->node.n < NODES_MANY && lw->rows.n == 0 ? lw->arena : &own;
    struct factor x = {.form = {.lw = lw, .a = a, .t = lw->arena, .w = a, .regroup = regroup_all}};
    struct cond_asked asked;

    if (root == COND_TRUE || root == COND_FALSE)
        return root;
    arena_init(&own, lw->arena->al, lw->arena->ceiling);
    if (!cond_asks_once(lw, root, &asked) || lw->f->set.n) /* sets have an order of their own */
        root = regrouped(&x, root, &asked);
    if (!lw->error)
        cond_unite_alike(lw, &asked, root);
    lw->arena->over_ceiling |= own.over_ceiling;
    arena_release(&own);
    return root;
}
