/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/distribute.h - what distribute.c, phases.c, rests.c, words.c and pair_table.c share; private to them.
 */
#ifndef WEIR_LOWER_DISTRIBUTE_H
#define WEIR_LOWER_DISTRIBUTE_H
#include "lower/factor.h"

struct row;

/* `host A and port P`, or one of the ways to begin `(ip6 host A or ip6 host B) and port P`. */
struct pair {
    uint32_t side[2]; /* the two ways to begin */
    uint32_t item;    /* the choice between all ways, then the rest */
    uint32_t ways;    /* pairs that are made of the item */
    uint32_t read; /* tests of its second side, behind the first, that need not wait for its rest: words.c */
};

struct distribution {
    struct normal_form *x;
    uint8_t kind, compound; /* of the list; of its items */
    VEC(struct pair) room;  /* pairs as they are read */
    struct pair *pair;
    uint32_t n, lead;
    bool narrows; /* each set of the lead lies in the one before */
    bool single;  /* each pair is an item */
    bool lone;    /* ... and its sides are single tests */
    ir_value on[2];
    nf_reach known;     /* what packets are known to hold which get to the list */
    nf_reach held;      /* ... what accepted packets hold */
    bool all_hold;      /* ... and those that pass the lead */
    nf_reach by_second; /* what packets hold which the second side of a pair accepts */
    nf_reach passed;    /* what packets hold which pass all pairs */
    bool words;         /* second sides ask for more than that, behind their first test */
    ir_value far[2];    /* values that they may lack */
    uint32_t fars;
    /* a table; soon: the value that is compared first */
    ir_value soon, late;    /* late: IR_NONE when there is none */
    struct row *row[2];     /* by pair: filled for the first one with its side */
    uint32_t columns, none; /* none: a number that neither value can be, or that is in no row */
    bool any_number;        /* ... which packets may have */
    uint32_t var[2];        /* the first of `columns` variables */
};

/* The first part of the rest of pair @k. */
static inline uint32_t rest_of(const struct distribution *d, uint32_t k)
{
    const struct nf *nf = d->x->nf.at;

    return nf[nf[d->pair[k].item].first].next;
}

/** Is @item of a list of @kind a choice of two that begin with tests of different values, *@on, and then
 * more? */
bool distribute_is_pair(const struct normal_form *x, uint32_t item, uint8_t kind, struct pair *out,
                        ir_value on[2]);

/* Lists of items that may be asked for in any order, one list after the other; then those from @rest on. */
struct phase_lists {
    uint32_t *at; /* a vector */
    uint32_t n, cap;
    nf_reach held; /* what packets hold which get to them */
    uint32_t rest; /* or NF_NONE */
};

/** Is there more than one stretch of items in @list that begin alike? phases.c */
bool distribute_is_mixed(struct normal_form *x, uint32_t list);

/**
 * Takes the items of @list apart: the first ones, which say what packets hold, stay, others go to @out.
 * @held: it is known that packets hold so much, all of them or (not @all_hold) those that an item
 * accepts; then no item stays. False: nothing is known of packets, or it is not worth it. phases.c
 */
bool distribute_by_phases(struct normal_form *x, uint32_t list, nf_reach held, bool all_hold,
                          struct phase_lists *out);

/** A copy of @i, a part of an item of the list. */
uint32_t distribute_copy(struct distribution *d, uint32_t i);

/** An item of the kind the list has: side @side of pair @k, which is not copied, and what the caller appends.
 */
uint32_t distribute_item(struct distribution *d, int side, uint32_t k);

/** Appends side @side of the pairs before @end, each with its rest. */
void distribute_side(struct distribution *d, uint32_t list, int side, uint32_t end);

/** What the test which is made first in @i has read: rests.c. */
nf_reach distribute_first_reach(const struct distribution *d, uint32_t i);

/** Does @i ask for nothing behind @reach? words.c */
bool distribute_is_within(const struct distribution *d, uint32_t i, nf_reach reach);

/** The first part of the rest of pair @k that asks for more than d->passed, or NF_NONE: words.c. */
uint32_t distribute_far_part(const struct distribution *d, uint32_t k);

/** May second sides of several words be searched for, as far as they are concerned? Finds d->words: words.c.
 */
bool distribute_reads_words(struct distribution *d);

/** Finds `read` of each pair of a list that is asked in its order: words.c. */
void distribute_find_read_words(struct distribution *d);

/** May the pairs, whose sides are equal or apart, be distributed? Finds d->held, d->words and d->late:
 * rests.c.
 */
bool distribute_may(struct distribution *d);

/** Finds the table that the pairs make, where rests ask for @d's late value; false when they make none. */
bool distribute_find_table(struct distribution *d);

/** Appends the pairs to @list as that table: pair_table.c. */
void distribute_put_table(struct distribution *d, uint32_t list);
#endif
