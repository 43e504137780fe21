/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/factor.h - what factor.c, run.c, entries.c, choices.c, common.c, items.c, spread.c, distribute.c,
 * pair_table.c and overlap.c share; private to them.
 */
#ifndef WEIR_LOWER_FACTOR_H
#define WEIR_LOWER_FACTOR_H
#include "lower/normal_form.h"

/* One item of a list: where its first test's value lies in the set, `rest` decides (NF_NONE: it is decided).
 */
struct entry {
    struct set set;
    uint32_t rest; /* nf */
    uint32_t rank; /* place among the items of its run */
    nf_reach held; /* of the item */
    struct span at;
};

/** The test @item begins with, or NF_NONE. @compound: the kind of lists that are items. */
static inline uint32_t factor_head(const struct normal_form *x, uint32_t item, uint8_t compound)
{
    const struct nf *n = &x->nf.at[item];
    const uint32_t first = n->kind == compound && n->first != NF_NONE ? n->first : item;

    return nf_is_test(x, first) ? first : NF_NONE;
}

/** Do @i and @j begin with tests of one value? */
bool factor_begin_alike(const struct normal_form *x, uint32_t i, uint32_t j);

/* An interval of an entry's set. */
struct piece {
    struct ir_range in;
    uint32_t entry;
};

/** Pieces of @n entries, or of those that are the first with their set, in the order of where they begin;
 * *@count of them: entries.c. */
struct piece *factor_pieces(struct normal_form *x, const struct entry *e, const uint32_t *number, uint32_t n,
                            uint32_t *count);

/** Gives each entry the number of the first with its set. NULL: no memory. */
uint32_t *factor_number_sets(struct normal_form *x, const struct entry *e, uint32_t n);

/** Are any two sets of @n entries, numbered by @number, equal or disjoint? */
bool factor_sets_apart(struct normal_form *x, const struct entry *e, const uint32_t *number, uint32_t n);

/* Where the same of some entries hold. */
struct cut_piece {
    struct set set;
    const uint32_t *member; /* those entries, in order */
    uint32_t members;
};

struct cut {
    struct cut_piece *piece;
    uint32_t pieces;
};

/** Cuts the sets of @n entries to disjoint pieces: overlap.c. False when they would become too many. */
bool factor_cut(struct normal_form *x, const struct entry *e, uint32_t n, struct cut *out);

#define FACTOR_LEAVES_MAX 24 /* of what may be copied */

/** Is there nothing in @i but tests, few of them and not deep, so that it may be copied? */
bool factor_is_small(const struct normal_form *x, uint32_t i);

/** What packets hold for which @i, which is small, holds; or, if @compound is NF_OR, does not: final.c. */
nf_reach factor_must_read(const struct normal_form *x, uint32_t i, uint8_t compound);
/** Packets that get to the final list @list hold what it takes to be accepted there. */
void factor_hold_read(struct normal_form *x, uint32_t list);
/** Of the final list @list, which has been regrouped, finds what in it is final. */
void factor_pass_final(struct normal_form *x, uint32_t list);

/** A copy of @i, with leaves of its own, which are made of where the outcome is @outcome. */
uint32_t factor_copy(struct normal_form *x, uint32_t i, bool outcome);

/** Tests that every item of a long list makes are made once, in front of the list: common.c. */
void factor_hoist_common(struct normal_form *x, uint32_t list);

/** Do @i and @j, small parts of items, ask for the same in the same words? */
bool factor_is_same(struct normal_form *x, uint32_t i, uint32_t j);

/** What all items of a long list end with is asked for once, or the choice that all begin with: common.c. */
void factor_hoist_alike(struct normal_form *x, uint32_t list);

/** The same of items of a short list that follow each other. Gives whether there were some. */
bool factor_hoist_neighbours(struct normal_form *x, uint32_t list);

/** In items of a long list, alternatives of one value that follow each other become one, and ways to begin
 * that regrouping made one of are several again: items.c. */
void factor_unite_tests(struct normal_form *x, uint32_t list);

/** Items of a long list begin with a value that all ask for, if some do: items.c. */
void factor_lead(struct normal_form *x, uint32_t list);

/** Tests of parts of a value that leave nothing of it open become one test of it. Gives whether there were
 * some. */
bool factor_join_parts(struct normal_form *x, uint32_t list);

/** Does no packet pass both @i and @j, parts of a list of @kind, as they ask for different numbers of one
 * value? */
bool factor_exclude(struct normal_form *x, uint32_t i, uint32_t j, uint8_t kind);

/* A choice between two parts that begin with tests of different values. */
struct choice {
    uint32_t side[2];
    ir_value on[2];
};

/** Is @i, a part of a list of @kind, a choice? */
bool factor_read_choice(const struct normal_form *x, uint32_t i, uint8_t kind, struct choice *out);

/** Are there two choices between the same two values in @list that may become one? choices.c */
bool factor_may_join_choices(struct normal_form *x, uint32_t list);

/** They become one. */
void factor_join_choices(struct normal_form *x, uint32_t list);

/** Choices that follow each other in @list begin with the value that was asked for last, first @last:
 * choices.c. */
void factor_take_turns(struct normal_form *x, uint32_t list, ir_value last);

/** Items that follow each other, begin with the same choice and then test the same value become one again:
 * spread.c. */
void factor_rejoin(struct normal_form *x, uint32_t list);

/** Rests of items that begin with alternatives go behind each of them, in a long list: spread.c. */
void factor_spread(struct normal_form *x, uint32_t list);

/**
 * The items that @item of a list of @kind was made of, as they begin alike: the first, which the others and
 * what stands behind @item follow: spread.c. NF_NONE: it is not made of several.
 */
uint32_t factor_take_apart(struct normal_form *x, uint32_t item, uint8_t kind);

/**
 * Long runs of items of @list that ask first for one of two things, and then for more, become items that ask
 * for one of them: distribute.c.
 */
void factor_distribute(struct normal_form *x, uint32_t list);
#endif
