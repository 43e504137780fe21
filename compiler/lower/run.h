/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/run.h - what factor.c, run.c and settled.c share; private to them.
 */
#ifndef WEIR_LOWER_RUN_H
#define WEIR_LOWER_RUN_H
#include "lower/factor.h"

#define SWITCH_MIN 6          /* disjoint sets of one value from which a run becomes a switch */
#define RUN_FEW    4          /* items of a run that are compared one by one */
#define LONG_LIST  SWITCH_MIN /* items from which a list is worth a second look */

/* Items that begin by testing one value, linked through `next`; or one item that does not. */
struct run {
    ir_value on;
    nf_reach reach; /* of the test */
    nf_reach held;  /* what packets hold which get there, as far as known */
    uint32_t first, last;
    uint32_t n;
    bool barrier; /* the one item does not begin with a test */
};

struct factor {
    struct normal_form form; /* first: simplify() finds its way back */
    bool switches;           /* many disjoint sets become a switch */
    bool join_late;          /* choices are joined when they do */
    VEC(struct run) run;
    uint32_t *run_of; /* per value: index of its open run in the list being read, plus one */
    uint32_t *run_stamp, stamp;
    bool parts;         /* of the list looked at by factor_is_settled(): two items test parts of one value */
    bool any_long;      /* a list with enough items for a switch was read */
    VEC(uint32_t) work; /* lists still to be regrouped */
};

/** Are choices of the list at hand left as they are, to be joined when switches are made? */
static inline bool factor_joins_late(const struct factor *x)
{
    return x->join_late && !x->switches && !x->form.template;
}

/** Reads the items of @list into x->run from index @base on: run.c. */
void factor_read_runs(struct factor *x, uint32_t list, uint32_t base);

/** What a run becomes, appended to @list; lists that are made are put on the work list. Is it what it was? */
bool factor_write_run(struct factor *x, uint32_t list, const struct run *r);

/** Does @i decide a list: of OR what is always true, of AND what is always false? */
bool factor_decides(const struct normal_form *x, uint32_t i, bool is_or);

/**
 * Flattens the items of @list from @first on. Does none begin with a test of the value that another begins
 * with? Then each is a run of its own, and stays where it is: settled.c.
 */
bool factor_is_settled(struct factor *x, uint32_t list, uint32_t first);

/**
 * Do the few items of run @r stay as they are? There are no two lone ones, nor one because of which one with
 * a rest need not hold for some number, no two ask for one set, or for sets that overlap and then for one
 * value, and there is nothing to do behind the tests.
 */
bool factor_run_stays(struct factor *x, const struct run *r, bool is_or);

/**
 * Is @list flat, and does no item begin with a test of the value, or of a part of it, that another begins
 * with, however deep? Then there is nothing to decide, to dispatch or to regroup.
 */
bool factor_is_apart(struct factor *x, uint32_t list);
#endif
