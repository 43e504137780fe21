/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/arith.c - relations between arithmetic expressions, and `byte`.
 *
 * An accessor implies tests that its protocol is there. Only those of the leftmost operand count: the checks
 * of the right operand of a binary operator are not made (pcap-filter language, "How checks combine").
 */
#include "lower/cond.h"
#include "proto/names.h"

/* What tells that the header an accessor names is there, and where it starts. */
enum accessor_base { BASE_LINK, BASE_PACKET, BASE_NET, BASE_TRAN4, BASE_TRAN6 };

static const struct {
    uint8_t base;   /* enum accessor_base */
    uint16_t proto; /* BASE_NET: EtherType; BASE_TRAN4, BASE_TRAN6: IP protocol */
} accessors[PROTO_COUNT] = {
    [PROTO_LINK] = {BASE_LINK, 0},
    [PROTO_RADIO] = {BASE_PACKET, 0},
    [PROTO_IP] = {BASE_NET, ETHERTYPE_IP},
    [PROTO_IP6] = {BASE_NET, ETHERTYPE_IPV6},
    [PROTO_ARP] = {BASE_NET, ETHERTYPE_ARP},
    [PROTO_RARP] = {BASE_NET, ETHERTYPE_RARP},
    [PROTO_ATALK] = {BASE_NET, ETHERTYPE_ATALK},
    [PROTO_DECNET] = {BASE_NET, ETHERTYPE_DECNET},
    [PROTO_LAT] = {BASE_NET, ETHERTYPE_LAT},
    [PROTO_SCA] = {BASE_NET, ETHERTYPE_SCA},
    [PROTO_MOPRC] = {BASE_NET, ETHERTYPE_MOPRC},
    [PROTO_MOPDL] = {BASE_NET, ETHERTYPE_MOPDL},
    [PROTO_TCP] = {BASE_TRAN4, IPPROTO_NUM_TCP},
    [PROTO_UDP] = {BASE_TRAN4, IPPROTO_NUM_UDP},
    [PROTO_SCTP] = {BASE_TRAN4, IPPROTO_NUM_SCTP},
    [PROTO_ICMP] = {BASE_TRAN4, IPPROTO_NUM_ICMP},
    [PROTO_IGMP] = {BASE_TRAN4, IPPROTO_NUM_IGMP},
    [PROTO_IGRP] = {BASE_TRAN4, IPPROTO_NUM_IGRP},
    [PROTO_PIM] = {BASE_TRAN4, IPPROTO_NUM_PIM},
    [PROTO_VRRP] = {BASE_TRAN4, IPPROTO_NUM_VRRP},
    [PROTO_CARP] = {BASE_TRAN4, IPPROTO_NUM_VRRP},
    [PROTO_ICMP6] = {BASE_TRAN6, IPPROTO_NUM_ICMP6},
};

static cond accessor_check(struct lower *lw, const struct cursor *c, uint8_t proto)
{
    struct anchor net = cursor_net(c);

    switch ((enum accessor_base)accessors[proto].base) {
    case BASE_LINK:
    case BASE_PACKET:
        return COND_TRUE;
    case BASE_NET:
        return link_proto(lw, c, accessors[proto].proto);
    case BASE_TRAN4: {
        cond ip = link_proto(lw, c, ETHERTYPE_IP);
        cond is = cond_eq(lw, load_anchor(lw, net, 9, 1), accessors[proto].proto);
        cond first = not_later_fragment(lw, net, is);
        return cond_and(lw, ip, cond_and(lw, is, first));
    }
    case BASE_TRAN6: {
        cond ip6 = link_proto(lw, c, ETHERTYPE_IPV6);
        return cond_and(lw, ip6, cond_eq(lw, load_anchor(lw, net, 6, 1), accessors[proto].proto));
    }
    }
    return COND_TRUE;
}

static struct address accessor_address(struct lower *lw, const struct cursor *c, uint8_t proto)
{
    switch ((enum accessor_base)accessors[proto].base) {
    case BASE_LINK:
        return address_of(lw, c->link);
    case BASE_PACKET:
        return (struct address){IR_NONE, 0};
    case BASE_NET:
        return address_of(lw, cursor_net(c));
    case BASE_TRAN4:
        return address_tran4(lw, c);
    case BASE_TRAN6:
        return address_of(lw, anchor_add(cursor_net(c), 40));
    }
    return (struct address){IR_NONE, 0};
}

/* checks(e): down the leftmost operands; the innermost accessor's come first. */
static cond checks(struct lower *lw, const struct prim *p, uint32_t e)
{
    const struct ast_node *node = lw->in->ast->node.at;
    cond all = COND_TRUE;
    VEC(uint8_t) outer = {0};

    for (; e != AST_NONE; e = node[e].left)
        if (node[e].kind == AST_LOAD && !vec_push(lw->arena, &outer, node[e].op))
            lw->error = WEIR_E_MEMORY;
    while (outer.n)
        all = cond_and(lw, all, accessor_check(lw, p->cursor, outer.at[--outer.n]));
    return all;
}

/*
 * A shift by 32 or more gives 0 in the language, while Linux shifts by the count modulo 32. Unless the count
 * is known to be small the result is masked: (count >> 5) - 1 has its top bit set exactly when the count is
 * below 32.
 */
static ir_value shift(struct ir_func *f, enum ir_op op, ir_value a, ir_value count)
{
    if (ir_range(f, count).hi < 32)
        return ir_binary(f, op, a, count);
    ir_value shifted = ir_binary(f, op, a, ir_binary(f, IR_AND, count, ir_const(f, 31)));
    ir_value over = ir_binary(f, IR_SUB, ir_binary(f, IR_SHR, count, ir_const(f, 5)), ir_const(f, 1));
    ir_value small = ir_binary(f, IR_SHR, over, ir_const(f, 31));
    return ir_binary(f, IR_AND, shifted, ir_binary(f, IR_SUB, ir_const(f, 0), small));
}

static ir_value operator_value(struct lower *lw, enum ast_op op, ir_value a, ir_value b, cond *required)
{
    static const uint8_t same[] = {
        [OP_ADD] = IR_ADD, [OP_SUB] = IR_SUB, [OP_MUL] = IR_MUL, [OP_DIV] = IR_UDIV, [OP_MOD] = IR_UMOD,
        [OP_AND] = IR_AND, [OP_OR] = IR_OR,   [OP_XOR] = IR_XOR, [OP_SHL] = IR_SHL,  [OP_SHR] = IR_SHR,
    };
    struct ir_func *f = lw->f;
    uint32_t k;

    if (op == OP_NEG)
        return ir_binary(f, IR_SUB, ir_const(f, 0), a);
    if (op == OP_SHL || op == OP_SHR)
        return shift(f, same[op], a, b);
    if ((op == OP_DIV || op == OP_MOD) && (!ir_is_const(f, b, &k) || k == 0))
        *required = cond_and(lw, *required, cond_require_nonzero(lw, b));
    return ir_binary(f, same[op], a, b);
}

/*
 * Values of the expression @e, a contiguous range of nodes. Divisors found on the way become requirements in
 * *required, which must hold before the value is used.
 */
static ir_value expression(struct lower *lw, const struct prim *p, uint32_t e, cond *required)
{
    const struct ast_node *node = lw->in->ast->node.at;
    uint32_t first = node[e].first;
    ir_value *value = arena_array(lw->arena, ir_value, e - first + 1);

    if (!value) {
        lw->error = WEIR_E_MEMORY;
        return 0;
    }
    for (uint32_t i = first; i <= e; i++) {
        const struct ast_node *n = &node[i];
        ir_value *v = &value[i - first];
        switch (n->kind) {
        case AST_NUMBER:
            *v = ir_const(lw->f, n->u.number);
            break;
        case AST_LEN:
            *v = ir_len(lw->f);
            break;
        case AST_LOAD: {
            struct address a =
                address_add(lw, accessor_address(lw, p->cursor, n->op), value[n->left - first]);
            *v = load(lw, a, 0, n->size);
            break;
        }
        case AST_ARITH:
            *v = operator_value(lw, n->op, value[n->left - first],
                                n->right == AST_NONE ? 0 : value[n->right - first], required);
            break;
        default:
            break;
        }
    }
    return value[e - first];
}

static cond compare(struct lower *lw, uint8_t relop, ir_value a, ir_value b)
{
    static const uint8_t mirrored[] = {
        [REL_EQ] = REL_EQ, [REL_NE] = REL_NE, [REL_GT] = REL_LT,
        [REL_LT] = REL_GT, [REL_GE] = REL_LE, [REL_LE] = REL_GE,
    };
    struct ir_func *f = lw->f;
    uint32_t k;

    if (ir_is_const(f, b, &k))
        return cond_relop(lw, relop, a, k);
    if (ir_is_const(f, a, &k))
        return cond_relop(lw, mirrored[relop], b, k);
    switch ((enum ast_relop)relop) {
    case REL_EQ:
        return cond_eq(lw, ir_binary(f, IR_EQ, a, b), 1);
    case REL_NE:
        return cond_eq(lw, ir_binary(f, IR_EQ, a, b), 0);
    case REL_GT:
        return cond_eq(lw, ir_binary(f, IR_UGT, a, b), 1);
    case REL_LE:
        return cond_eq(lw, ir_binary(f, IR_UGT, a, b), 0);
    case REL_GE:
        return cond_eq(lw, ir_binary(f, IR_UGE, a, b), 1);
    case REL_LT:
        return cond_eq(lw, ir_binary(f, IR_UGE, a, b), 0);
    }
    return COND_FALSE;
}

static cond relation(struct lower *lw, const void *what)
{
    const struct prim *p = what;
    cond required = COND_TRUE;
    ir_value a = expression(lw, p, p->u.rel.left, &required);
    ir_value b = expression(lw, p, p->u.rel.right, &required);
    cond holds = compare(lw, p->relop, a, b);

    return cond_and(lw, required, holds);
}

/* Does @e load from a transport header behind IPv4? */
static bool reads_tran4(const struct lower *lw, uint32_t e)
{
    const struct ast_node *node = lw->in->ast->node.at;

    for (uint32_t i = node[e].first; i <= e; i++)
        if (node[i].kind == AST_LOAD && accessors[node[i].op].base == BASE_TRAN4)
            return true;
    return false;
}

cond lower_relation(struct lower *lw, const struct prim *p)
{
    cond right_checks = checks(lw, p, p->u.rel.right);
    cond left_checks = checks(lw, p, p->u.rel.left);
    bool tran4 = reads_tran4(lw, p->u.rel.left) || reads_tran4(lw, p->u.rel.right);
    cond holds = tran4 ? by_ipv4_header(lw, p->cursor, relation, p) : relation(lw, p);

    return cond_and(lw, right_checks, cond_and(lw, left_checks, holds));
}

cond lower_byte(struct lower *lw, const struct prim *p)
{
    ir_value v = load_anchor(lw, p->cursor->link, p->lo, 1);

    switch (p->byte_op) {
    case '<':
        return cond_relop(lw, REL_LT, v, p->number);
    case '>':
        return cond_relop(lw, REL_GT, v, p->number);
    case '&':
        return cond_any_bit(lw, v, p->number);
    case '|':
        return cond_range(lw, ir_binary(lw->f, IR_OR, v, ir_const(lw->f, p->number)), 1, UINT32_MAX);
    default:
        return cond_eq(lw, v, p->number);
    }
}
