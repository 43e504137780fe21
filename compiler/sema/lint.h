/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/lint.h - what is noted of a node while filters are linted; private to lint*.c.
 *
 *   lint.c        the pass over the tree
 *   lint_leaf.c   one primitive: numbers for addresses, what the link type never has
 *   lint_bytes.c  arithmetic and relations: values that cannot be, bytes that nothing checked
 *   lint_join.c   and, or, not: what stands beside each other and does not fit
 */
#ifndef WEIR_SEMA_LINT_H
#define WEIR_SEMA_LINT_H
#include "sema/checker.h"

/* What must hold for a test to be true; who[] is the leaf that needs it. */
enum need { NEED_IP, NEED_IP6, NEED_FIRST_FRAGMENT, NEED_LATER_FRAGMENT, NEED_TRANSPORT, NEED_COUNT };

struct notes {
    uint32_t mover;           /* boolean: a node that moves the cursor, or AST_NONE */
    bool certain;             /* the mover's headers are there whenever this is true */
    bool looks;               /* something in it reads headers that can be moved */
    uint32_t who[NEED_COUNT]; /* boolean: a leaf each, or AST_NONE */
    uint32_t bits;            /* arithmetic: bits its value can have */
    uint64_t loads, checks;   /* arithmetic: PROTO_BITs that it reads, and that are checked before */
};

struct linter {
    struct checker *c;
    struct notes *of;
    uint64_t named;                 /* PROTO_BITs of words so far */
    bool indexed, shallow, clashed; /* said once a filter */
};

#define OVER_IPV4                                                                                            \
    (PROTO_BIT(PROTO_TCP) | PROTO_BIT(PROTO_UDP) | PROTO_BIT(PROTO_SCTP) | PROTO_BIT(PROTO_ICMP) |           \
     PROTO_BIT(PROTO_IGMP) | PROTO_BIT(PROTO_IGRP) | PROTO_BIT(PROTO_PIM) | PROTO_BIT(PROTO_VRRP) |          \
     PROTO_BIT(PROTO_CARP))
#define UNCHECKED (PROTO_BIT(PROTO_LINK) | PROTO_BIT(PROTO_RADIO))

static inline const struct ast_node *lint_node(const struct linter *l, uint32_t i)
{
    return &l->c->t->node.at[i];
}

/** The primitive of leaf @i. Without errors every leaf has one. */
static inline const struct prim *lint_prim(const struct linter *l, uint32_t i)
{
    uint32_t p = l->c->out->prim_of[i];

    return p == AST_NONE ? NULL : &l->c->out->prim.at[p];
}

/** True when the text between two places contains @what: spans leave parentheses out. */
bool lint_between(const struct linter *l, uint32_t from, uint32_t to, char what);
/** What is left of a part of the text without the blanks around it. */
struct span lint_trimmed(const struct linter *l, uint32_t begin, uint32_t end);
/** A test as it is written, with the words in front of an id. */
struct span lint_written(const struct linter *l, uint32_t i);

/* Each notes what there is to note of node @i, whose children have their notes, and lints it. */
void lint_leaf(struct linter *l, uint32_t i);
void lint_arith(struct linter *l, uint32_t i);
void lint_relation(struct linter *l, uint32_t i);
void lint_join(struct linter *l, uint32_t i);
void lint_not(struct linter *l, uint32_t i);
/** `tcp[...]` in a filter where nothing else says that IPv6 is not meant. */
void lint_index(struct linter *l, const struct ast_node *n);
#endif
