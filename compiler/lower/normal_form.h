/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/normal_form.h - a formula in negation normal form, for regrouping.
 *
 * Lists of AND and OR alternate and have any number of children; NOT is in the leaves. Nodes are addressed by
 * index; a node is a child of at most one list.
 */
#ifndef WEIR_LOWER_NORMAL_FORM_H
#define WEIR_LOWER_NORMAL_FORM_H
#include <string.h>
#include "lower/cond.h"
#include "lower/reach.h"

#define NF_NONE UINT32_MAX

enum nf_kind { NF_LEAF, NF_OR, NF_AND, NF_SWITCH };

/* A set of numbers: sorted, disjoint intervals. */
struct set {
    const struct ir_range *at;
    uint32_t n, ordered;
    /* `ordered` tests that say the same, in the order of the text and no dearer, which is how they are then
     * made: traffic often meets the first; or NULL */
    const struct ir_range *order;
};

/* A node of the normal form. Lists are linked through `next`. */
struct nf {
    uint8_t kind;
    bool negated;         /* NF_LEAF, NF_SWITCH: the outcome is swapped */
    bool done : 1;        /* simplified; in items of long lists */
    bool search : 1;      /* a list in which there is nothing to regroup before it becomes a search */
    bool test : 1;        /* NF_LEAF: asks whether a value lies in a set */
    bool steady : 1;      /* a list: regrouping leaves it as it is */
    bool final : 1;       /* a list: packets for which it does not hold are rejected */
    bool strict;          /* holds a requirement or a definition: nothing may move past it */
    uint32_t first, last; /* children of a list; NF_SWITCH: one for each group; or NF_NONE */
    uint32_t next;
    cond leaf; /* NF_LEAF of the formula; COND_FALSE for a leaf made here */
    union {
        ir_value on;   /* NF_LEAF, NF_SWITCH */
        nf_reach held; /* a list: what packets hold which get to it, as far as known */
    };
    union {
        struct set set; /* NF_LEAF: of a test */
        struct {
            const struct ir_case *to; /* NF_SWITCH: targets are children, or NF_NONE */
            uint32_t cases;
        };
    };
    struct span at;
    nf_reach reach;
    cond built;
};

/* Are what two columns ask for equal, or is some number in both? Somebody has asked for one row, and that was
 * the answer. */
struct nf_question {
    uint16_t column[2];
    bool meet; /* that was the question */
    bool answer;
};

static inline bool nf_answer(bool meet, struct ir_range a, struct ir_range b)
{
    return meet ? a.lo <= b.hi && b.lo <= a.hi : a.lo == b.lo && a.hi == b.hi;
}

/* What bytes are counted from: reach.c. */
struct reach_origin {
    ir_value base;     /* IR_NONE: the packet's start, which is the first one, or nothing */
    uint32_t distance; /* it lies at least so far behind ... */
    unsigned behind;   /* ... this origin */
};

/* What computing a value reads: place.c. */
struct nf_need {
    nf_reach reach;
    ir_value base; /* ... and, if end is not 0, */
    uint32_t end;  /* bytes from there; UINT32_MAX: unknown */
};

struct normal_form {
    struct lower *lw;
    struct arena *a; /* for nodes: go when there are conditions again */
    struct arena *t; /* for sets, which conditions keep; those of an item go when the item is simplified */
    struct arena *w; /* work space: as nodes, or as sets of an item */
    bool changed;    /* it says in another way what the formula it was built from says */
    VEC(struct nf) nf;
    VEC(cond) exclusive; /* what was rebuilt of lists of alternatives that exclude each other */
    struct reach_origin origin[REACH_ORIGINS];
    nf_reach *value_reach; /* of the first `values` values, that were there when they were measured */
    struct nf_need *need;  /* of these; NULL: nobody has asked */
    uint32_t values;
    bool template; /* what is simplified stands for the items of rows */
    bool looked;   /* somebody has asked for the set of a test that asks for a column */
    VEC(struct nf_question) question;
    void (*regroup)(struct normal_form *x,
                    uint32_t list); /* what factor.c does with a list that is dispatched */
    uint32_t nested;                /* lists that are being simplified, each made of the one before */
    uint64_t left; /* children of lists that may still be looked at; then lists stay as they are */
    bool failed;   /* memory ran out; sticky */
};

/* How items of long lists are simplified. */
struct nf_items {
    void (*simplify)(struct normal_form *x, uint32_t first); /* the nodes from `first` on */
    struct arena temp;
};

/* ---- nf_build.c, nf_rebuild.c */
/**
 * The formula @root. Returns the top node. Items of long lists are simplified as soon as they are there, and
 * what is left of each is all that is kept: @simplify is given the first node of one, which are all nodes
 * from there on.
 */
uint32_t nf_build(struct normal_form *x, cond root, void (*simplify)(struct normal_form *x, uint32_t first));
/** Simplifies @item, which all nodes from @first on should be, and keeps what is left of it. Returns where.
 */
uint32_t nf_simplify_item(struct normal_form *x, struct nf_items *items, uint32_t first, uint32_t item);
/**
 * A list of @kind of what the item @top, whose nodes are those from @first on, becomes for each of @rows:
 * template.c.
 * @top goes. @part: the list will have other items.
 */
uint32_t nf_rows(struct normal_form *x, const struct rows *rows, bool part, struct nf_items *items,
                 uint8_t kind, uint32_t first, uint32_t top);
/** Back to a formula. */
cond nf_rebuild(struct normal_form *x, uint32_t root);

/* ---- normal_form.c: nodes, lists and tests */
uint32_t nf_new(struct normal_form *x, struct nf n);
uint32_t nf_list_new(struct normal_form *x, uint8_t kind);
void nf_list_append(struct normal_form *x, uint32_t list, uint32_t item);
/** The same; the children of an item of the list's own kind are moved instead. */
void nf_list_add(struct normal_form *x, uint32_t list, uint32_t item);

static inline bool nf_is_list(const struct normal_form *x, uint32_t i)
{
    return x->nf.at[i].kind == NF_AND || x->nf.at[i].kind == NF_OR;
}

/** What packets are known to hold which get to @i. */
static inline nf_reach nf_held(const struct normal_form *x, uint32_t i)
{
    return nf_is_list(x, i) ? x->nf.at[i].held : 0;
}
static inline void nf_set_held(struct normal_form *x, uint32_t i, nf_reach held)
{
    if (nf_is_list(x, i))
        x->nf.at[i].held = held;
}

/** May the children of @list be looked at once more? */
static inline bool nf_spend(struct normal_form *x, uint32_t list)
{
    for (uint32_t c = x->nf.at[list].first; c != NF_NONE && x->left; c = x->nf.at[c].next)
        x->left--;
    return x->left > 0;
}

/** The leaf or switch that is evaluated first in @i; NF_NONE where that is a list of nothing. */
uint32_t nf_first(const struct normal_form *x, uint32_t i);

/** A leaf that asks whether a value lies in a set; not a requirement or a definition. */
static inline bool nf_is_test(const struct normal_form *x, uint32_t i)
{
    return x->nf.at[i].test;
}
static inline ir_value nf_test_value(const struct normal_form *x, uint32_t i)
{
    return x->nf.at[i].on;
}
/** Intervals that a set of the test has at most. */
uint32_t nf_test_room(const struct normal_form *x, uint32_t i);
/** Where the test's outcome is @outcome. */
struct set nf_test_set(struct normal_form *x, uint32_t i, bool outcome);
/** Do the tests @i and @j say the same of every number? */
bool nf_tests_equal(struct normal_form *x, uint32_t i, uint32_t j);
/** ... or for some number both? Also where a column leaves out so little that it is not looked at. */
bool nf_tests_meet(struct normal_form *x, uint32_t i, uint32_t j, bool outcome);
/** Makes @leaf the test that has outcome @outcome where @on lies in @set. */
void nf_become_leaf(struct normal_form *x, uint32_t leaf, ir_value on, struct set set, bool outcome,
                    struct span at);

/* ---- reach.c */
/** Finds the origins of the formula @root, and how far each value reads. False without memory. */
bool nf_measure(struct normal_form *x, cond root);
/** What a load needs that ends @end bytes behind @base, IR_NONE: the packet's start. */
nf_reach nf_reach_of(const struct normal_form *x, ir_value base, uint32_t end);

/* ---- set.c */
static inline bool set_equal(struct set a, struct set b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.at, b.at, a.n * sizeof *a.at) == 0);
}
struct ir_range *intervals_new(struct normal_form *x, uint32_t n);
/** Room for the intervals of @s, in their order if it has one. */
uint32_t set_size(struct set s);
/** Puts them at @to; returns how many. */
uint32_t set_put(struct set s, struct ir_range *to);
/** Is some number in both? */
bool sets_meet(struct set a, struct set b);
/** Is all of @inner in @outer? */
bool set_within(struct set inner, struct set outer);
/** What is in both. */
struct set set_common(struct normal_form *x, struct set a, struct set b);
/** Takes what is in @b from @a, unless that has no part in it or would leave more intervals. */
bool set_narrow(struct normal_form *x, struct set *a, struct set b);
/** The set of @n intervals, which are sorted and merged in place; their order is kept if it is worth it. */
struct set set_united(struct normal_form *x, struct ir_range *in, uint32_t n);

/* ---- what is done with lists */
/** Takes in children of @list that are lists of its own kind, or lists of one. */
void nf_flatten(struct normal_form *x, uint32_t list);
/** A list of nothing but tests of one value becomes one test. */
void nf_collapse(struct normal_form *x, uint32_t list);
/** Decides what the first tests of a list say about what is behind them: assume.c. */
void nf_use_tests(struct normal_form *x, uint32_t list);
/** Simplifies one list whose children are simplified: dispatch.c. */
void nf_dispatch(struct normal_form *x, uint32_t list);
/** Puts what looks into sets behind what does not: order.c. */
void nf_order(struct normal_form *x, uint32_t top);
#endif
