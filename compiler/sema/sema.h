/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/sema.h - AST in, checked filter out.
 *
 * Names are looked up, qualifiers checked, numbers held against their ranges, keywords against the link
 * type, and the cursor is threaded through the primitives in text order. Every mistake a user can make
 * ends here, as a diagnostic with a place: lowering what comes out cannot fail for the filter's sake.
 */
#ifndef WEIR_SEMA_SEMA_H
#define WEIR_SEMA_SEMA_H
#include "ast/ast.h"
#include "proto/fields.h"
#include "sema/cursor.h"
#include "weir/weir.h"

/* Protocol families an address can be looked for in. */
enum family { FAMILY_IP = 1 << 0, FAMILY_ARP = 1 << 1, FAMILY_RARP = 1 << 2, FAMILY_IP6 = 1 << 3 };

struct addr4 {
    uint32_t addr, mask; /* host order; addr & ~mask == 0; any bits may be set in mask */
};

struct addr6 {
    uint32_t addr[4], mask[4]; /* words in packet order, values in host order */
};

/* One checked primitive: what a leaf of the boolean expression asks. `dir` is one of DIR_SRC, DIR_DST,
 * DIR_SRC_OR_DST, DIR_SRC_AND_DST (an omitted one is DIR_SRC_OR_DST), or an 802.11 one for MAC48. */
enum prim_kind {
    PRIM_LINK_PROTO,   /* number: EtherType, SAP, PPP protocol ... as `ether proto` takes it */
    PRIM_IP_PROTO,     /* families (IP, IP6), number: IPv4 first */
    PRIM_ISO_PROTO,    /* number */
    PRIM_ISIS_PROTO,   /* numbers[count]: any of these PDU types, tried in this order */
    PRIM_PROTOCHAIN,   /* families (IP, IP6), number */
    PRIM_HOST,         /* families, dir, v4[], v6[]: hosts and networks */
    PRIM_PORT,         /* numbers[count]: IP protocols in order; dir; lo..hi */
    PRIM_MAC48,        /* dir, mac */
    PRIM_MAC8,         /* dir, number */
    PRIM_GATEWAY,      /* families, mac, v4[] */
    PRIM_DECNET_HOST,  /* dir, number: area << 10 | node */
    PRIM_BROADCAST,    /* link-level */
    PRIM_MULTICAST,    /* link-level */
    PRIM_IP_BROADCAST, /* number: the host bits, ~netmask */
    PRIM_IP_MULTICAST,
    PRIM_IP6_MULTICAST,
    PRIM_RELATION, /* relop; left, right: arithmetic AST nodes */
    PRIM_LENGTH,   /* relop, number: `less` is REL_LE, `greater` REL_GE */
    PRIM_BYTE,     /* lo: offset from the link header; number: value; byte_op: = < > & | */
    PRIM_INBOUND,
    PRIM_OUTBOUND,
    PRIM_IFINDEX, /* number */
    PRIM_VLAN,    /* has_number, number */
    PRIM_MPLS,    /* has_number, number */
    PRIM_PPPOED,
    PRIM_PPPOES,      /* has_number, number */
    PRIM_GENEVE,      /* has_number, number; var: the first of its three variables */
    PRIM_VXLAN,       /* the same */
    PRIM_LLC,         /* has_number: control & lo == number */
    PRIM_WLAN_TYPE,   /* lo: mask of the first frame-control byte (0x0c or 0xfc); number */
    PRIM_WLAN_DIR,    /* number */
    PRIM_PF_STRING,   /* lo: offset; text, text_len: prefix match */
    PRIM_PF_NUMBER,   /* lo: offset, hi: width in bytes; number */
    PRIM_ATM_KEYWORD, /* number: enum atm_keyword */
    PRIM_ATM_FIELD,   /* field, relop, numbers[count]: any of */
    PRIM_SS7_KEYWORD, /* number: enum ss7_keyword */
    PRIM_SS7_FIELD,   /* field, relop, numbers[count]: any of */
    PRIM_KIND_COUNT
};

struct prim {
    uint8_t kind;     /* enum prim_kind */
    uint8_t families; /* enum family bits */
    uint8_t dir;      /* enum ast_dir */
    uint8_t relop;    /* enum ast_relop */
    char byte_op;
    bool has_number;
    uint8_t field; /* enum field_id */
    uint8_t set; /* HOST, PORT, MAC48: 1 + the set that stands in place of addresses, ports or mac; else 0 */
    struct span at;
    const struct cursor *cursor; /* as the primitive finds it */
    uint32_t var;                /* the first variable it defines, or CURSOR_VAR_NONE */
    union {
        struct {
            uint32_t number, lo, hi;
        };
        uint8_t mac[6];
    };
    uint32_t count;  /* of numbers, v4 */
    uint32_t count6; /* of v6 */
    union {
        const uint32_t *numbers;
        const struct addr4 *v4;
        struct {
            uint32_t left, right;
        } rel;
        struct {
            const char *text;
            uint32_t len;
        } str;
    } u;
    const struct addr6 *v6;
};

#define NAMED_SETS_MAX 60 /* in one filter */

/* A named set, whose members are known at run time. */
struct named_set {
    struct span name; /* without the @ */
    uint8_t kind;     /* enum weir_set_kind */
    struct span at;   /* where it is first used */
};

/* A variable of the cursor and what it hangs on. */
struct cursor_var {
    enum cursor_var_kind kind;
    const struct linktype *lt; /* VAR_RADIO_END, VAR_WLAN_PAYLOAD, VAR_PFLOG_END: whose prefix */
    uint32_t base;             /* VAR_WLAN_PAYLOAD: the radio header's variable, or CURSOR_VAR_NONE */
};

struct checked {
    const struct ast *ast;      /* AND, OR, NOT nodes keep their meaning */
    uint32_t *prim_of;          /* per AST node: index of its primitive, or AST_NONE */
    VEC(struct prim) prim;      /* in text order */
    VEC(struct named_set) set;  /* in order of first use */
    VEC(struct cursor_var) var; /* element 0 is unused, so index == variable number */
    const struct cursor *start; /* before the first primitive */
    const struct cursor *end;   /* after the last one */
};

/**
 * Checks a parsed filter for @o->linktype (already known to be accepted).
 *
 * @out      initialised here; lives in @arena and refers to @t
 * Returns   0, or WEIR_E_FILTER (reported in @sink), WEIR_E_MEMORY
 */
int sema_check(struct arena *arena, struct diag_sink *sink, const struct ast *t, const struct weir_options *o,
               struct checked *out);
#endif
