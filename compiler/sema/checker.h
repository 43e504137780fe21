/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/checker.h - the state of one check, shared by the files of this room.
 *
 * Every check_* function looks at one leaf, fills its primitive and returns true, or reports exactly one
 * diagnostic and returns false. None of them moves the cursor: cursor_move() does, for good and bad leaves
 * alike, so that one mistake is not reported again by everything behind it.
 */
#ifndef WEIR_SEMA_CHECKER_H
#define WEIR_SEMA_CHECKER_H
#include "proto/names.h"
#include "sema/sema.h"

/* What is known of an arithmetic node while compiling. */
struct fact {
    uint32_t value; /* when constant */
    uint32_t lead;  /* when led: the first number its evaluation meets */
    bool constant, led;
};

struct checker {
    struct arena *arena;
    struct diag_sink *sink;
    const struct ast *t;
    const struct weir_options *o;
    struct checked *out;
    const struct cursor *cur; /* what the next leaf sees */
    struct fact *fact;        /* per AST node; NULL until there is arithmetic */
    uint32_t bad_arith;       /* arithmetic nodes that were reported since the last leaf */
    uint32_t tunnels;
    bool failed;            /* memory is out; looked at once, at the end */
    uint32_t told;          /* enum told bits: causes that were reported once and need no repetition */
    struct span blamed;     /* qualifiers that were reported, for the ids that inherit them ... */
    enum diag_id blamed_id; /* ... and with what */
};

/* Causes outside the filter's text: the first place is enough. */
enum told {
    TOLD_PROTOCOLS = 1 << 0,
    TOLD_HOSTS = 1 << 1,
    TOLD_NETWORKS = 1 << 2,
    TOLD_ETHERS = 1 << 3,
    TOLD_NETWORK = 1 << 4
};

/* ---- check.c */

/** Arguments for a "%.*s" that shows the text of @s, shortened when it is long. */
#define SPAN_TEXT(c, s) span_shown(s), (c)->t->text + (s).begin
int span_shown(struct span s);

/** Gives the last diagnostic a hint if it is @id and about @at. */
void hint_last(struct checker *c, enum diag_id id, struct span at, const char *hint);

/** @format and its arguments in @buf, for diag_at.hint. Text that does not fit is cut. */
const char *hint_text(char *buf, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define HINT_BYTES 192

/** Text of @len bytes at @offset of the filter as a NUL-terminated string; NULL (failed is set) without
 * memory. */
char *text_copy(struct checker *c, uint32_t offset, uint32_t len);

/** The keyword a leaf begins with. */
struct span keyword_of(const struct checker *c, const struct ast_node *n);

/* ---- qualifiers.c */

#define PROTO_BIT(p) (UINT64_C(1) << (p))

/* What an id or keyword is, as far as the protocol word in front of it is concerned. */
enum shape {
    SHAPE_HOST4,
    SHAPE_HOST6,
    SHAPE_HOST_NAME,
    SHAPE_NET4,
    SHAPE_PREFIX4,
    SHAPE_PREFIX6,
    SHAPE_NET_NAME,
    SHAPE_PORT,
    SHAPE_PORTRANGE,
    SHAPE_PROTO,
    SHAPE_PROTOCHAIN,
    SHAPE_GATEWAY,
    SHAPE_BROADCAST,
    SHAPE_MULTICAST,
    SHAPE_DECNET,
    SHAPE_SET,
};

/* An id, the words in front of it, and where both lie. */
struct id_view {
    const struct ast_id_node *x;
    struct span at;    /* the id alone */
    struct span quals; /* the words */
    enum ast_proto proto;
    enum ast_dir dir;
    enum ast_type type; /* TYPE_HOST when omitted */
};

struct id_view id_view(const struct checker *c, const struct ast_node *n);

/* What struct prim calls an omitted direction. */
static inline uint8_t plain_dir(const struct id_view *v)
{
    return v->dir == DIR_NONE ? DIR_SRC_OR_DST : (uint8_t)v->dir;
}

/** The protocol, direction and type words inside @v->quals. */
struct span proto_word(const struct checker *c, const struct id_view *v);
struct span dir_word(const struct checker *c, const struct id_view *v);
struct span type_word(const struct checker *c, const struct id_view *v);

/** True when @v->proto goes with @shape, else reports that it does not. */
bool proto_fits(struct checker *c, const struct id_view *v, enum shape shape);

/** Reports that @v->type does not take @what. Returns false. */
bool type_refused(struct checker *c, const struct id_view *v, const char *what, const char *hint);

/** True when @v->dir is one of src and dst, else reports that it is for 802.11. */
bool dir_is_plain(struct checker *c, const struct id_view *v);

/** Reports a mistake in the qualifiers at @where: once for all ids that share them. */
#define blame(c, v, id, ...) (blame_once((c), (v), (id)) ? diag((c)->sink, (id), __VA_ARGS__) : (void)0)
bool blame_once(struct checker *c, const struct id_view *v, enum diag_id id);

/* ---- ids.c */
bool check_id(struct checker *c, const struct ast_node *n, struct prim *p);

/** Direction and link type of an address in one of the families @any: HOST. */
bool host_fits(struct checker *c, const struct id_view *v, unsigned any, struct prim *p);
#define FAMILIES4 (FAMILY_IP | FAMILY_ARP | FAMILY_RARP)

/** The same of a MAC-48 address, which is called @word in an error. */
bool mac48_fits(struct checker *c, const struct id_view *v, const char *word, struct prim *p);

/* ---- sets.c */

/** `@NAME`: a set in place of an id. */
bool set_id(struct checker *c, const struct id_view *v, struct prim *p);

/* ---- abbreviations.c */
bool check_proto_word(struct checker *c, const struct ast_node *n, struct prim *p);

/* ---- ports.c */

/** A port or range @lo to @hi for the IP protocol @only, or 0, behind @v: number, direction, link type. */
bool port_fits(struct checker *c, const struct id_view *v, uint32_t lo, uint32_t hi, uint32_t only,
               struct prim *p);
/** A name that is "FIRST-LAST". */
bool port_range(struct checker *c, const struct id_view *v, struct prim *p);

/* ---- address.c: text to numbers */

/** Dotted decimal of one to four parts, left-justified. False when a part is no number up to 255. */
bool read_ipv4(const char *text, uint32_t len, uint32_t *addr, uint32_t *mask);
/** AREA.NODE. */
bool read_decnet(const char *text, uint32_t len, uint32_t *address);
/** A whole number as the language spells it. 1 when it is one, 0 when it is not, -1 when it exceeds 32 bits.
 */
int read_number(const char *text, uint32_t len, uint32_t *value);

/* ---- names.c: lookups. False: reported. */
struct host_addresses {
    const struct addr4 *v4;
    const struct addr6 *v6;
    uint32_t count4, count6;
};
bool lookup_host(struct checker *c, struct span at, const char *name, struct host_addresses *out);
bool lookup_network(struct checker *c, struct span at, const char *name, uint32_t *out);
bool lookup_ether(struct checker *c, struct span at, const char *name, uint8_t out[6]);

/* A service: its port, and the only IP protocol it is for, or 0. */
struct service {
    uint32_t port;
    uint32_t protocol;
};
/** @missing: what to report when it is unknown. */
bool lookup_service(struct checker *c, struct span at, const char *name, enum diag_id missing,
                    struct service *out);
/** The number of @name behind `@proto proto` or `@proto protochain`. */
bool lookup_protocol(struct checker *c, const struct id_view *v, const char *name, uint32_t *out);

/* ---- context.c: the link type at the cursor */

/** Its name, or "link type N" in @buf. */
#define LABEL_BYTES 24
const char *linktype_label(const struct linktype *lt, char buf[LABEL_BYTES]);
/** True when protocols can be recognised here, else reported. */
bool has_protocols(struct checker *c, struct span at);
/** The same, and the place of the network header is known. */
bool has_network(struct checker *c, struct span at);
/** True when @number can be tested as a link-layer protocol here, else reported. */
bool link_proto_fits(struct checker *c, struct span at, uint32_t number);
/** True when ISO protocols can be told apart here, else reported. */
bool has_iso(struct checker *c, struct span at);
/** True when the current link type has @capability, else reported as @word. */
bool has_capability(struct checker *c, struct span at, enum link_capability capability, const char *word);
/** True when @value <= @max, else reported. */
bool in_range(struct checker *c, struct span at, const char *what, uint32_t value, uint32_t max);

/* ---- keywords.c */
/** The leaves that are keywords of their own. */
bool check_keyword(struct checker *c, const struct ast_node *n, struct prim *p);

/* ---- arith.c */
void check_arith(struct checker *c, uint32_t i);

/* ---- cursor.c */
bool cursor_start(struct checker *c);
/** What @n leaves for the primitives behind it; @p (NULL when @n was refused) gets the variables it defines.
 */
void cursor_move(struct checker *c, const struct ast_node *n, struct prim *p);
/** True for the kinds of leaves that move the cursor. */
bool moves_cursor(const struct ast_node *n);

/* ---- lint.c */
void lint_filter(struct checker *c);
#endif
