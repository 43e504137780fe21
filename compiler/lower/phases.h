/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/phases.h - what phases.c and place.c share; private to them.
 */
#ifndef WEIR_LOWER_PHASES_H
#define WEIR_LOWER_PHASES_H
#include "lower/distribute.h"

#define GUARDS_MAX 4 /* tests in front of what is read behind a variable address */
#define BASES_MAX  4
#define GROUPS_MAX 32 /* ways in which items begin; all others are one more */

/* Of a part of an item: the phase of the packets for which it can be decided at all, and in any case. */
struct asks {
    uint32_t must, may; /* 0: near; else as phases_number() has them; PHASE_UNKNOWN */
};
#define PHASE_UNKNOWN UINT32_MAX

/* What first items have read behind a variable address, of packets that pass tests which they make before. */
struct behind {
    ir_value base;
    uint32_t end; /* bytes from there; 0: nothing is known */
    uint32_t guards;
    ir_value on[GUARDS_MAX];
    struct set set[GUARDS_MAX];
};

/* What bytes that packets need not hold are counted from. */
struct phase_base {
    ir_value base;        /* IR_NONE: the packet's start */
    uint32_t least, most; /* bytes from there that items need */
    uint32_t first;       /* the first item that needs some */
    unsigned rank;        /* among the bases, by what phases are sorted */
    bool used;            /* it has phases */
};

struct placed {
    uint32_t item, phase, group;
};

struct phases {
    struct normal_form *x;
    uint8_t kind, compound;
    nf_reach held;
    bool all_hold; /* ... by all packets that get here, not only by those that an item accepts */
    struct phase_base base[BASES_MAX]; /* of what packets need not hold */
    unsigned bases;
    struct behind behind;
    bool guarded; /* the item at hand makes its tests */
    uint32_t groups;
    ir_value begins[GROUPS_MAX][2];
    VEC(struct placed) placed;
};

/** Finds what computing each value there is needs, unless another list has asked. */
bool phases_measure(struct normal_form *x);

/** Bytes from a variable address, *@base, that the test @leaf needs; 0: it needs none, or it is not known. */
uint32_t phases_end(const struct phases *p, uint32_t leaf, ir_value *base);

/** Does @item first make the tests behind which first items have read, or narrower ones? */
bool phases_is_guarded(const struct phases *p, uint32_t item);

/** From here on needs are those of @item. */
void phases_enter(struct phases *p, uint32_t item);

/** What the test @leaf needs: `end` is 0 if packets hold that, PHASE_UNKNOWN if it is not known. */
struct nf_need phases_need(const struct phases *p, uint32_t leaf);

/** Does the test @i ask for numbers up to some one, or from some one on? Not for 0, or all but 0. */
bool phases_is_comparison(struct normal_form *x, uint32_t i);

/** Finds the bases of items from @item on: bases.c. */
void phases_find_bases(struct phases *p, uint32_t item);

/** The phase of what needs @n: bases.c. */
uint32_t phases_number(const struct phases *p, const struct nf_need *n);

/** The group of what begins like @item. */
uint32_t phases_group(struct phases *p, uint32_t item);

/** May @item be moved? Then *@a is what it asks for; what is not small is near or stays. */
bool phases_may_move(struct phases *p, uint32_t item, struct asks *a);

/** Items of @list behind @last that have no place, as they were made of several which begin alike, are these
 * again. */
void phases_take_apart(struct phases *p, uint32_t list, uint32_t last);

/** Places @item. False: it has to stay where it is. */
bool phases_place(struct phases *p, uint32_t item);
#endif
