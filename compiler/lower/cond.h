/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/cond.h - a filter as a formula over atomic tests, and its way into blocks.
 *
 * Primitives are lowered to conditions: TRUE, FALSE, tests of one value against one interval, and AND, OR,
 * NOT of these. Nodes lie in an array with children before parents, every node is used once, and a constant
 * part folds away while it is built, so that it reads nothing. cond_emit() then gives each leaf a block: a
 * backward pass over the array hands targets from parents to children, a forward pass over the blocks carries
 * the values of variables along edges.
 *
 * Loads made for a leaf leave their guards pending; the next leaf takes them.
 */
#ifndef WEIR_LOWER_COND_H
#define WEIR_LOWER_COND_H
#include "ir/ir.h"
#include "sema/sema.h"

typedef uint32_t cond; /* index into lower.node */

#define COND_FALSE 0u
#define COND_TRUE  1u

enum cond_kind {
    COND_CONSTANT,
    COND_TEST,
    COND_REQUIRE,
    COND_DEFINE,
    COND_SWITCH,
    COND_AND,
    COND_OR,
    COND_NOT,
    COND_ROWS
};

/* A value whose place decides which child does. */
struct cond_switch {
    const struct ir_case *to; /* targets are indices of `child`, or UINT32_MAX for `otherwise` */
    uint32_t n;               /* of `to` */
    cond otherwise;           /* a constant */
    uint32_t children;
    cond child[];
};

struct cond_node {
    uint8_t kind;    /* enum cond_kind */
    bool exclusive;  /* AND, OR: where the first test of one part does not decide it, all others are decided
                        and do not matter */
    uint16_t column; /* TEST in an item of rows: 1 + the column of the number it asks for, whose first one is
                        `one` */
    struct span at;
    uint32_t entry;   /* block of the leftmost leaf */
    uint32_t yes, no; /* where evaluation goes on: blocks */
    union {
        struct {
            cond left, right; /* AND, OR, NOT; ROWS: the item, and its index in lower.rows */
        };
        struct {                    /* leaves */
            ir_value on;            /* what is tested; DEFINE: the new value */
            uint32_t guard, guards; /* slice of lower.guard */
            uint32_t n;             /* TEST: intervals in `set`, or 0 for the one lo..hi */
            union {
                struct ir_range one;        /* TEST, REQUIRE */
                const struct ir_range *set; /* TEST */
                struct cond_switch *sw;     /* SWITCH */
                uint32_t var;               /* DEFINE */
            };
        };
    };
};

/* A number of several words, the last of which may be any in an interval. */
struct list_row {
    uint32_t word[4];
    uint32_t last; /* the interval's end; it begins at the last word */
};

/* What a long list of one primitive asks for. */
struct list {
    uint32_t words;             /* of its numbers; 0: this is no list */
    const struct ir_range *at;  /* one word: n of them, sorted, disjoint */
    const struct list_row *row; /* several: n of them, sorted */
    uint32_t n;
    uint32_t column; /* the primitive is one of an item of rows: 1 + the column of its number's first word;
                        else 0 */
};

/* Items of a long list that differ in nothing but numbers. They are one condition, whose tests ask for
 * columns. */
struct rows {
    uint32_t n, prims;     /* the items; primitives of each */
    const struct span *at; /* of the primitives of the first item, then of those of the second, ... */
    uint32_t columns;      /* 0: they are all the same */
    bool negated;          /* the list is one of AND: all must hold */
};

/* A variable while lowering: the cursor's, and helpers of their own. */
struct lower_var {
    ir_value placeholder; /* an argument-less PHI that stands for the value until blocks exist; or IR_NONE */
    ir_value value;       /* what loads are made from, the placeholder or how it is computed; or IR_NONE */
    ir_value behind;      /* it lies `distance` or more bytes behind that; IR_NONE: the packet's start */
    uint32_t distance;
    bool used; /* some primitive asked for it */
    bool keep; /* the value gets a PHI of its own wherever it is read after being set */
};

struct lower {
    struct arena *arena; /* the formula's */
    struct arena *front; /* of what the formula is made from: goes when it is there */
    struct diag_sink *sink;
    const struct checked *in;
    const struct weir_options *o;
    struct ir_func *f;
    VEC(struct cond_node) node;
    VEC(struct ir_guard) guard; /* of all leaves */
    VEC(struct ir_guard) pending;
    VEC(struct lower_var) var; /* [1, in->var.n) are the cursor's */
    VEC(struct rows) rows;
    VEC(const struct ir_range *) column; /* of rows: for each of them what one word of one number may be */
    struct list list; /* words not 0: the primitive being lowered asks for these instead of its own numbers */
    bool pairs;       /* many addresses and many ports: few packets get as far as the ports */
    bool one_arp;     /* ARP and RARP are asked for together: nothing tells them apart */
    bool common_ipv4; /* in by_ipv4_header(): the IPv4 header has 20 bytes */
    ir_value ipv4_first, ipv4_length; /* the last header length that was computed, and of which first byte */
    uint32_t wlan_round; /* helper variable: 3 when radiotap says the 802.11 header is padded, else 0 */
    uint32_t chain_type, chain_at; /* protochain's, of all chains: the current header's type and place */
    struct span at;                /* the primitive being lowered */
    int error;                     /* sticky */
};

/* An address while lowering: base (or IR_NONE) + offset. */
struct address {
    ir_value base;
    uint32_t offset;
};

/* ---- cond.c: conditions */
int cond_init(struct lower *lw);
cond cond_and(struct lower *lw, cond a, cond b);
cond cond_or(struct lower *lw, cond a, cond b);
cond cond_not(struct lower *lw, cond a);
/** The same as cond_or(). Where both are tests of one value for one interval each, @a's being lower, @a is
 * made to ask for either. */
cond cond_either(struct lower *lw, cond a, cond b);
/** The AND or OR @c, made of @a and @b: parts of it, which begin with tests, are exclusive. */
cond cond_exclusive(struct lower *lw, cond c, cond a, cond b);
/** @item for one of the rows @rows. */
cond cond_rows(struct lower *lw, cond item, uint32_t rows);
/** lo <= v <= hi; takes the pending guards. */
cond cond_range(struct lower *lw, ir_value v, uint32_t lo, uint32_t hi);
static inline cond cond_eq(struct lower *lw, ir_value v, uint32_t k)
{
    return cond_range(lw, v, k, k);
}
/** v in one of @n sorted intervals, which are borrowed. Takes the pending guards, as all of these do. */
cond cond_in_set(struct lower *lw, ir_value v, const struct ir_range *set, uint32_t n);
/** Where v lies decides which child does; @to, @n and @otherwise as in struct cond_switch. */
cond cond_switch(struct lower *lw, ir_value v, const struct ir_case *to, uint32_t n, cond otherwise);
void cond_switch_child(struct lower *lw, cond c, uint32_t which, cond child);
/** (v & mask) == k, where v is a load of @size bytes; a prefix mask becomes an interval of v itself. */
cond cond_masked(struct lower *lw, ir_value v, unsigned size, uint32_t mask, uint32_t k);
/** (v & mask) != 0 */
cond cond_any_bit(struct lower *lw, ir_value v, uint32_t mask);
/** Rejects the packet unless v != 0; true otherwise. */
cond cond_require_nonzero(struct lower *lw, ir_value v);
/** Sets a variable; always true. Takes the pending guards. */
cond cond_define(struct lower *lw, uint32_t var, ir_value v);

/** An equivalent formula that tests each value as few times as it can (factor.c). */
cond cond_factor(struct lower *lw, cond root);

/* ---- alternatives.c: what a formula says of its alternatives */
#define COND_AGAINS_MAX 8

/** What a formula asks, and its lists of alternatives that exclude each other. */
struct cond_asked {
    VEC(cond) exclusive;
    cond next;                   /* nodes before this one were looked at */
    bool *asked;                 /* per value: a test asks for it, or for some of its bits */
    uint8_t *items;              /* per node looked at: of the list it is */
    cond again[COND_AGAINS_MAX]; /* tests of what others have asked, but for alternatives that exclude each
                                    other */
    uint32_t agains;
    bool odd;  /* there is more than short lists of tests, or it is known that something is asked again */
    bool once; /* all was looked at, and there is nothing odd and nothing that is asked again */
};
/** Is nothing in @root asked twice, but by alternatives that exclude each other? Looks no further than that
 * takes. */
bool cond_asks_once(struct lower *lw, cond root, struct cond_asked *a);
/** Finds the exclusive lists of @root that were not looked at for that. */
void cond_find_exclusive(struct lower *lw, cond root, struct cond_asked *a);
/** Makes alternatives of the exclusive lists, which are in @root, one that are alike. */
void cond_unite_alike(struct lower *lw, const struct cond_asked *a, cond root);

/** Turns the formula into the blocks of lw->f. */
int cond_emit(struct lower *lw, cond root);

/* ---- lists.c: long lists of one primitive */
#define LIST_MEMBER     UINT32_MAX       /* others stand for it: it is false, */
#define LIST_MEMBER_AND (UINT32_MAX - 1) /* or true as an item of a list of AND */

struct lists {
    /* by AST node: 0, LIST_MEMBER, or 1 + the list that a primitive stands for, 1 + the rows that another
     * item stands for; NULL: no lists */
    uint32_t *role;
    VEC(struct list) list;
};
void lists_find(struct lower *lw, struct lists *out);
/** Words of the numbers that @p looks for in one place, or in one place for each direction; 0: it is no such
 * primitive. */
uint32_t prim_number_words(const struct prim *p);
uint32_t prim_number_count(const struct prim *p);
/** The @i-th number of @p, of @words words. */
struct list_row prim_number_at(const struct prim *p, uint32_t i, uint32_t words);
/** Do these, which look for numbers, differ in nothing but those? */
bool prim_asks_the_same(const struct prim *p, const struct prim *q);
/** Is the number whose words are @v in the list of the primitive being lowered? */
cond cond_in_list(struct lower *lw, const ir_value *v);

/* ---- rows.c: long lists of alike items */
/** @chain: by AST node, 1 + the topmost of the ANDs or ORs whose item it is or that it continues; 0. Roles of
 * lists are given. */
void rows_find(struct lower *lw, const uint32_t *chain, struct lists *out);
/** The condition of the item @node, which is @c, if it has the role @role. */
cond rows_item(struct lower *lw, uint32_t role, cond c);
/** Is the number whose words are @v in the column of the primitive being lowered? */
cond cond_in_column(struct lower *lw, const ir_value *v);

/** Sorts intervals and merges those that meet, in place; @a for the time being. Returns how many are left. */
uint32_t intervals_unite(struct arena *a, struct ir_range *in, uint32_t n);
int interval_order(const void *a, const void *b);

/* ---- address.c: addresses and loads */
/** A helper variable. */
uint32_t var_new(struct lower *lw);
/** The variable's value at the place of use. */
ir_value var_value(struct lower *lw, uint32_t var);
struct address address_of(struct lower *lw, struct anchor a);
struct address address_add(struct lower *lw, struct address a, ir_value v);
/** @size bytes at @a + @k; leaves a guard pending. */
ir_value load(struct lower *lw, struct address a, uint32_t k, unsigned size);
ir_value load_anchor(struct lower *lw, struct anchor a, uint32_t k, unsigned size);
/** 1 or 0: are the bytes at @a + @k, as many as @op looks up, in the set @set - 1? Leaves a guard pending. */
ir_value lookup(struct lower *lw, struct address a, uint32_t k, enum ir_op op, uint32_t set);
/** Marks bytes as read without a load of their own. */
void pend_guard(struct lower *lw, struct address a, uint32_t k, unsigned size);
/** Where the payload of the 802.11 header of @v starts: variable @length, plus what the frame adds to that.
 */
ir_value wlan_payload(struct lower *lw, const struct cursor_var *v, uint32_t length);
#define WLAN_BYTES 24 /* of an 802.11 header without optional fields */
/** What the variable @v of an 802.11 payload is short of it. Where a radio header precedes, the length of the
 * shortest 802.11 header stands in the loads and not in a sum. Not behind AVS and Prism, whose length may be
 * such that the sum wraps. */
uint32_t wlan_least(const struct lower *lw, const struct cursor_var *v);
/** Length of the IPv4 header at @net: 4 * (first byte & 15). */
ir_value ipv4_header_length(struct lower *lw, struct anchor net);
/** Start of the transport header over IPv4: net + header length. */
struct address address_tran4(struct lower *lw, const struct cursor *c);

/**
 * What @make builds, which may use address_tran4() of @c. Tuned for the kernel, where a load at a variable
 * address is a function call, it is built twice: for headers of 20 bytes, with constant addresses, and for
 * all others.
 */
cond by_ipv4_header(struct lower *lw, const struct cursor *c,
                    cond (*make)(struct lower *lw, const void *what), const void *what);

/* ---- prefix.c: variable-length headers in front of the packet */
/** @filter, and what every packet of the link type must pass before it; made after all primitives. */
cond lower_prefix(struct lower *lw, cond filter);

/* ---- one file for each family of primitives */
cond link_proto(struct lower *lw, const struct cursor *c, uint32_t proto);
cond iso_proto(struct lower *lw, const struct cursor *c, uint32_t proto);
cond isis_proto(struct lower *lw, const struct cursor *c, const uint32_t *pdu, uint32_t count);
cond bytes_equal(struct lower *lw, struct address a, uint32_t k, const uint8_t *bytes, uint32_t n);
/* What a MAC-48 address is compared with: six bytes, or the set `set` - 1. */
struct mac_wanted {
    const uint8_t *bytes;
    uint32_t set;
};
cond mac48_at(struct lower *lw, struct address a, uint32_t k, struct mac_wanted mac);
cond mac48(struct lower *lw, const struct cursor *c, uint8_t dir, struct mac_wanted mac);
cond lower_mac8(struct lower *lw, const struct prim *p);
cond lower_broadcast(struct lower *lw, const struct prim *p);
cond lower_multicast(struct lower *lw, const struct prim *p);
cond lower_llc(struct lower *lw, const struct prim *p);
cond lower_direction(struct lower *lw, const struct prim *p);
cond wlan_mac(struct lower *lw, const struct cursor *c, uint8_t dir, struct mac_wanted mac);
cond wlan_multicast(struct lower *lw, const struct cursor *c);
cond lower_host(struct lower *lw, const struct prim *p);
cond lower_gateway(struct lower *lw, const struct prim *p);
cond lower_decnet_host(struct lower *lw, const struct prim *p);
cond lower_ip_proto(struct lower *lw, const struct prim *p);
cond lower_port(struct lower *lw, const struct prim *p);
/**
 * Is what lies at @net, an IPv4 header, the whole packet or its first fragment, so that there is a transport
 * header? @proto: the test of its protocol, made before.
 */
cond not_later_fragment(struct lower *lw, struct anchor net, cond proto);
cond lower_protochain(struct lower *lw, const struct prim *p);
cond lower_relation(struct lower *lw, const struct prim *p);
cond lower_byte(struct lower *lw, const struct prim *p);
cond lower_vlan(struct lower *lw, const struct prim *p);
cond lower_mpls(struct lower *lw, const struct prim *p);
cond lower_pppoes(struct lower *lw, const struct prim *p);
cond lower_tunnel(struct lower *lw, const struct prim *p);
cond lower_atm_keyword(struct lower *lw, const struct prim *p);
cond lower_ss7_keyword(struct lower *lw, const struct prim *p);
cond lower_field(struct lower *lw, const struct prim *p, uint32_t start);
/** v RELOP k */
cond cond_relop(struct lower *lw, uint8_t relop, ir_value v, uint32_t k);
/** src, dst, either or both of two conditions made by @side (0 source, 1 destination). */
cond by_direction(struct lower *lw, uint8_t dir, cond (*side)(struct lower *lw, const void *what, int dst),
                  const void *what);
#endif
