/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/address.c - addresses: anchors to IR values, and the loads made through them.
 */
#include "lower/cond.h"

#define PENDING_SEEN 8 /* guards that are compared before one is added: repetition is near by */

uint32_t var_new(struct lower *lw)
{
    if (!vec_push(lw->arena, &lw->var,
                  ((struct lower_var){.placeholder = IR_NONE, .value = IR_NONE, .behind = IR_NONE}))) {
        lw->error = WEIR_E_MEMORY;
        return CURSOR_VAR_NONE;
    }
    return lw->var.n - 1;
}

static ir_value var_placeholder(struct lower *lw, uint32_t var)
{
    struct lower_var *v = &lw->var.at[var];

    if (v->placeholder == IR_NONE)
        v->placeholder =
            ir_value_make(lw->f, (struct ir_node){.op = IR_PHI, .a = IR_NONE, .b = IR_NONE, .imm = IR_NONE});
    return v->placeholder;
}

/* Little-endian 16 bits. */
static ir_value load_le16(struct lower *lw, struct address a, uint32_t k)
{
    ir_value high = load(lw, a, k + 1, 1), low = load(lw, a, k, 1);

    return ir_binary(lw->f, IR_OR, ir_binary(lw->f, IR_SHL, high, ir_const(lw->f, 8)), low);
}

/*
 * 802.11 frames with four addresses (ToDS and FromDS) have a header six bytes longer. The reference reads
 * them six bytes early; this is the correction (docs/differences.md). It is 0 or 6 without a branch:
 * x is below 2^16, so (x - 1) >> 31 is 1 exactly when x is 0.
 */
static ir_value wlan_fourth_address(struct lower *lw, struct address link)
{
    struct ir_func *f = lw->f;
    ir_value control = load(lw, link, 0, 2);
    ir_value data_both_ds = ir_binary(f, IR_AND, control, ir_const(f, 0x0c03));
    ir_value x = ir_binary(f, IR_XOR, data_both_ds, ir_const(f, 0x0803));
    ir_value is_zero = ir_binary(f, IR_SHR, ir_binary(f, IR_SUB, x, ir_const(f, 1)), ir_const(f, 31));

    return ir_binary(f, IR_MUL, is_zero, ir_const(f, 6));
}

ir_value wlan_payload(struct lower *lw, const struct cursor_var *v, uint32_t length)
{
    struct ir_func *f = lw->f;
    struct address link = address_of(lw, (struct anchor){v->base, 0});
    ir_value header = ir_binary(f, IR_ADD, var_placeholder(lw, length), wlan_fourth_address(lw, link));

    if (v->lt->prefix == PREFIX_RADIOTAP) {
        if (lw->wlan_round == CURSOR_VAR_NONE)
            lw->wlan_round = var_new(lw);
        ir_value round = var_placeholder(lw, lw->wlan_round);
        header = ir_binary(f, IR_ADD, header, round);
        header = ir_binary(f, IR_AND, header, ir_binary(f, IR_XOR, round, ir_const(f, UINT32_MAX)));
    }
    return link.base == IR_NONE ? header : ir_binary(f, IR_ADD, link.base, header);
}

static ir_value cursor_value(struct lower *lw, uint32_t var, const struct cursor_var *v)
{
    struct ir_func *f = lw->f;
    const struct address packet = {IR_NONE, 0};

    switch (v->kind) {
    case VAR_RADIO_END:
        if (v->lt->prefix == PREFIX_PRISM)
            return var_placeholder(lw, var);
        return v->lt->prefix == PREFIX_AVS ? load(lw, packet, 4, 4) : load_le16(lw, packet, 2);
    case VAR_PFLOG_END: {
        ir_value length = ir_binary(f, IR_ADD, load(lw, packet, 0, 1), ir_const(f, 3));
        return ir_binary(f, IR_AND, length, ir_const(f, ~UINT32_C(3)));
    }
    case VAR_WLAN_PAYLOAD:
        return lw->o->optimize ? var_placeholder(lw, var) : wlan_payload(lw, v, var);
    case VAR_VLAN_SHIFT: {
        /* 0 when the kernel took the tag out of the packet, else 4 */
        ir_value in_packet = ir_binary(f, IR_XOR, ir_meta(f, META_VLAN_PRESENT), ir_const(f, 1));
        return ir_binary(f, IR_SHL, in_packet, ir_const(f, 2));
    }
    case VAR_TUNNEL_LINK:
    case VAR_TUNNEL_TYPE:
    case VAR_TUNNEL_PAYLOAD:
        return var_placeholder(lw, var);
    }
    return IR_NONE;
}

ir_value var_value(struct lower *lw, uint32_t var)
{
    if (var >= lw->in->var.n)
        return var_placeholder(lw, var);

    const struct cursor_var *v = &lw->in->var.at[var];
    const bool measured = lw->o->optimize && v->kind == VAR_WLAN_PAYLOAD;
    if (measured && lw->var.at[var].value == IR_NONE) {
        const ir_value behind =
            v->base == CURSOR_VAR_NONE ? IR_NONE : cursor_value(lw, v->base, &lw->in->var.at[v->base]);
        lw->var.at[var].behind = behind;
        lw->var.at[var].distance = WLAN_BYTES - wlan_least(lw, v);
    }
    const ir_value value = cursor_value(lw, var, v);
    lw->var.at[var].used = true;
    lw->var.at[var].value = value;
    return value;
}

uint32_t wlan_least(const struct lower *lw, const struct cursor_var *v)
{
    return lw->o->optimize && (v->lt->prefix == PREFIX_RADIOTAP || v->lt->prefix == PREFIX_PPI) ? WLAN_BYTES
                                                                                                : 0;
}

struct address address_of(struct lower *lw, struct anchor a)
{
    if (a.var == CURSOR_VAR_NONE)
        return (struct address){IR_NONE, a.offset};
    if (a.var < lw->in->var.n && lw->in->var.at[a.var].kind == VAR_WLAN_PAYLOAD)
        a.offset += wlan_least(lw, &lw->in->var.at[a.var]);
    return (struct address){var_value(lw, a.var), a.offset};
}

struct address address_add(struct lower *lw, struct address a, ir_value v)
{
    a.base = a.base == IR_NONE ? v : ir_binary(lw->f, IR_ADD, a.base, v);
    return a;
}

void pend_guard(struct lower *lw, struct address a, uint32_t k, unsigned size)
{
    struct ir_guard g = {a.base, a.offset + k, size};
    uint32_t constant;
    const struct ir_node *n;

    if (lw->o->optimize) /* the passes put guards where the loads that remain need them */
        return;
    /* the form ir_load() gives its address, so that guard and load speak of the same base */
    if (g.base != IR_NONE && ir_is_const(lw->f, g.base, &constant)) {
        g.base = IR_NONE;
        g.offset += constant;
    } else if (g.base != IR_NONE && (n = &lw->f->value.at[g.base])->op == IR_ADD &&
               ir_is_const(lw->f, n->b, &constant)) {
        g.base = n->a;
        g.offset += constant;
    }
    uint32_t from = lw->pending.n > PENDING_SEEN ? lw->pending.n - PENDING_SEEN : 0;
    for (uint32_t i = from; i < lw->pending.n; i++)
        if (lw->pending.at[i].base == g.base && lw->pending.at[i].offset == g.offset &&
            lw->pending.at[i].size == g.size)
            return;
    if (!vec_push(lw->arena, &lw->pending, g))
        lw->error = WEIR_E_MEMORY;
}

ir_value load(struct lower *lw, struct address a, uint32_t k, unsigned size)
{
    pend_guard(lw, a, k, size);
    return ir_load(lw->f, a.base, a.offset + k, size);
}

ir_value lookup(struct lower *lw, struct address a, uint32_t k, enum ir_op op, uint32_t set)
{
    pend_guard(lw, a, k, ir_read_bytes(&(struct ir_node){.op = (uint8_t)op}));
    return ir_lookup(lw->f, op, a.base, a.offset + k, set - 1);
}

ir_value load_anchor(struct lower *lw, struct anchor a, uint32_t k, unsigned size)
{
    return load(lw, address_of(lw, a), k, size);
}

ir_value ipv4_header_length(struct lower *lw, struct anchor net)
{
    const ir_value first = load_anchor(lw, net, 0, 1);

    if (lw->ipv4_first == first)
        return lw->ipv4_length;
    ir_value words = ir_binary(lw->f, IR_AND, first, ir_const(lw->f, 15));
    lw->ipv4_first = first;
    return lw->ipv4_length = ir_binary(lw->f, IR_SHL, words, ir_const(lw->f, 2));
}

struct address address_tran4(struct lower *lw, const struct cursor *c)
{
    if (lw->common_ipv4)
        return address_of(lw, anchor_add(cursor_net(c), 20));
    return address_add(lw, address_of(lw, cursor_net(c)), ipv4_header_length(lw, cursor_net(c)));
}

cond by_ipv4_header(struct lower *lw, const struct cursor *c,
                    cond (*make)(struct lower *lw, const void *what), const void *what)
{
    const uint32_t version_4_length_5 = 0x45; /* what tells the length would do; this takes one compare */

    if (!lw->o->optimize || lw->o->tune != WEIR_TUNE_KERNEL || address_of(lw, cursor_net(c)).base != IR_NONE)
        return make(lw, what);
    cond is = cond_eq(lw, load_anchor(lw, cursor_net(c), 0, 1), version_4_length_5);
    lw->common_ipv4 = true;
    cond common = make(lw, what);
    lw->common_ipv4 = false;
    cond is_not = cond_not(lw, cond_eq(lw, load_anchor(lw, cursor_net(c), 0, 1), version_4_length_5));
    cond other = make(lw, what);
    return cond_or(lw, cond_and(lw, is, common), cond_and(lw, is_not, other));
}
