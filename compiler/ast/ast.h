/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ast/ast.h - a filter as it was written.
 *
 * Nodes lie in one array in post-order: children come before their parent and a subtree is a contiguous
 * range, so a pass is a loop (forwards for bottom-up and for text order, backwards for top-down) and no
 * pass recurses on the length or nesting of a filter. Nodes are addressed by index. The last node is the
 * root. The kinds and their fields are rows of ast.def; nothing here has been looked up or checked yet,
 * except that an id knows the qualifiers that hold for it.
 */
#ifndef WEIR_AST_AST_H
#define WEIR_AST_AST_H
#include <stdbool.h>
#include <stdint.h>
#include "base/diag.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define AST_NONE UINT32_MAX

enum ast_kind {
#define AST(kind, args, fields) AST_##kind,
#include "ast/ast.def"
#undef AST
};

/* Protocol words (grammar/keywords.def maps every synonym to one of these). */
enum ast_proto {
    PROTO_NONE,
    PROTO_LINK,
    PROTO_IP,
    PROTO_IP6,
    PROTO_ARP,
    PROTO_RARP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_SCTP,
    PROTO_ICMP,
    PROTO_ICMP6,
    PROTO_IGMP,
    PROTO_IGRP,
    PROTO_PIM,
    PROTO_VRRP,
    PROTO_CARP,
    PROTO_AH,
    PROTO_ESP,
    PROTO_ATALK,
    PROTO_AARP,
    PROTO_DECNET,
    PROTO_LAT,
    PROTO_SCA,
    PROTO_MOPRC,
    PROTO_MOPDL,
    PROTO_ISO,
    PROTO_CLNP,
    PROTO_ESIS,
    PROTO_ISIS,
    PROTO_STP,
    PROTO_IPX,
    PROTO_NETBEUI,
    PROTO_RADIO,
    PROTO_L1,
    PROTO_L2,
    PROTO_IIH,
    PROTO_LSP,
    PROTO_SNP,
    PROTO_CSNP,
    PROTO_PSNP,
    PROTO_COUNT
};

enum ast_dir {
    DIR_NONE,
    DIR_SRC,
    DIR_DST,
    DIR_SRC_OR_DST,
    DIR_SRC_AND_DST,
    DIR_ADDR1,
    DIR_ADDR2,
    DIR_ADDR3,
    DIR_ADDR4,
    DIR_RA,
    DIR_TA,
};

enum ast_type {
    TYPE_NONE,
    TYPE_HOST,
    TYPE_NET,
    TYPE_PORT,
    TYPE_PORTRANGE,
    TYPE_PROTO,
    TYPE_PROTOCHAIN,
    TYPE_GATEWAY,
};

/* What stands in front of an id. `known` is false for an id that inherits from something without one. */
struct ast_quals {
    uint8_t proto; /* enum ast_proto */
    uint8_t dir;   /* enum ast_dir */
    uint8_t type;  /* enum ast_type */
    bool known;
    struct span at; /* the words, wherever they were written */
};

/* The token shapes an id can have (pcap-filter language, section "What an id means"). */
enum ast_id_kind {
    ID_NUMBER,    /* number */
    ID_IPV4,      /* two to four dotted numbers; text is kept, sema reads it */
    ID_IPV4_LEN,  /* dotted/number */
    ID_IPV4_MASK, /* dotted mask dotted; text2 is the mask */
    ID_IPV6,      /* an address that inet_pton(3) took */
    ID_IPV6_LEN,
    ID_MAC48,
    ID_MAC8,
    ID_NAME, /* identifier, or what follows a backslash */
    ID_SET,  /* a named set; the text is its name, without the @ */
};

#define AST_SET_NAME_MAX 15 /* characters */

struct ast_id {
    uint8_t kind;    /* enum ast_id_kind */
    uint32_t number; /* ID_NUMBER; prefix length of ID_*_LEN */
    uint32_t text; /* byte offset in ast.text of the token, without a name's backslash (not ID_NUMBER) ... */
    uint32_t text_len; /* ... and its length */
    union {
        struct {
            uint32_t text2, text2_len; /* ID_IPV4_MASK */
        };
        const uint8_t *bytes; /* ID_IPV6: 16, ID_MAC48: 6, ID_MAC8: 1; network order, in the arena */
    };
};

enum ast_op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_AND, OP_OR, OP_XOR, OP_SHL, OP_SHR, OP_NEG };
enum ast_relop { REL_EQ, REL_NE, REL_GT, REL_LE, REL_LT, REL_GE };

/* A number, a name, or nothing, with its place: the argument of a keyword. */
struct ast_arg {
    uint8_t kind; /* enum ast_arg_kind */
    uint32_t number;
    uint32_t text, text_len;
    struct span at;
};
enum ast_arg_kind { ARG_NONE, ARG_NUMBER, ARG_NAME };

/* An id with the qualifiers that hold for it. */
struct ast_id_node {
    struct ast_id id;
    struct ast_quals q;
    bool inherited; /* the qualifiers were written for an earlier id */
};

/* vpi, vci, sio, opc, dpc, sls and their high-speed forms: FIELD n, FIELD op n, FIELD (n or m ...). */
struct ast_field {
    uint8_t relop; /* enum ast_relop */
    uint32_t count;
    const struct ast_arg *value; /* count numbers */
};

struct ast_node {
    uint8_t kind; /* enum ast_kind */
    uint8_t op;   /* enum ast_op, ast_relop, ast_proto, or a keyword's own enum: see ast.def */
    uint8_t size; /* AST_LOAD: bytes as written, 1 when omitted; AST_BYTE: the operator's character */
    uint8_t reserved;
    struct span at;
    struct span op_at;    /* the operator or keyword inside `at` */
    uint32_t first;       /* the subtree is nodes [first, this] */
    uint32_t left, right; /* children, or AST_NONE */
    union {
        const struct ast_id_node *id;  /* AST_ID */
        const struct ast_arg *arg;     /* keyword arguments; ast_args() tells how many */
        uint32_t number;               /* AST_NUMBER */
        const struct ast_field *field; /* AST_ATM_FIELD, AST_SS7_FIELD */
    } u;
};

struct ast {
    struct arena *arena;
    const char *text; /* the filter; spans index it; borrowed, or a copy in the arena */
    uint32_t text_len;
    VEC(struct ast_node) node;
};

/** Index of the root; AST_NONE for an empty filter. */
uint32_t ast_root(const struct ast *t);

/** How many elements `u.arg` of such a node has; 0 where it has no arguments. */
unsigned ast_args(enum ast_kind kind);

/** The filter as canonical text that parses back to the same tree. */
void ast_print(const struct ast *t, struct strbuf *out);

/** The tree, one node a line, indented: for tests. */
void ast_dump(const struct ast *t, struct strbuf *out);

/** The word of a protocol, qualifier or operator, as the language spells it first. */
const char *ast_proto_word(enum ast_proto p);
const char *ast_dir_word(enum ast_dir d);
const char *ast_type_word(enum ast_type t);
const char *ast_relop_word(enum ast_relop r);
#endif
