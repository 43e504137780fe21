/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/prefix.c - headers of variable length in front of the link layer: radiotap, PPI, AVS, Prism, the
 * 802.11 header itself, pflog.
 *
 * They are measured before the first test, if any test needs them, and a packet too short to be measured is
 * rejected there.
 */
#include "lower/cond.h"

#define PRISM_HEADER_BYTES 144
#define AVS_MAGIC          0x80211000u /* and a version in the low twelve bits */
#define PPI_DLT_80211      0x69000000u /* little-endian 105 */

/* A leaf that only reads: true, or the packet is too short. */
static cond read_only(struct lower *lw)
{
    return cond_range(lw, ir_const(lw->f, 0), 0, 0);
}

static cond radio_measure(struct lower *lw, uint32_t var, enum link_prefix prefix)
{
    const struct address packet = {IR_NONE, 0};

    switch (prefix) {
    case PREFIX_RADIOTAP:
    case PREFIX_PPI:
        pend_guard(lw, packet, 3, 1);
        pend_guard(lw, packet, 2, 1);
        return read_only(lw);
    case PREFIX_AVS:
        pend_guard(lw, packet, 4, 4);
        return read_only(lw);
    case PREFIX_PRISM: {
        cond avs = cond_masked(lw, load(lw, packet, 0, 4), 4, 0xfffff000, AVS_MAGIC);
        cond from_avs = cond_define(lw, var, load(lw, packet, 4, 4));
        cond fixed = cond_define(lw, var, ir_const(lw->f, PRISM_HEADER_BYTES));
        return cond_or(lw, cond_and(lw, avs, from_avs), fixed);
    }
    case PREFIX_NONE:
    case PREFIX_PFLOG:
        break;
    }
    return COND_TRUE;
}

/*
 * Flags of the radiotap header say that the 802.11 header is padded to four bytes: presence bit 1 set, bit 31
 * (more presence words) clear; flags are at 8, or behind the timestamp at 16. Source: radiotap.org.
 */
static cond radiotap_padding(struct lower *lw)
{
    const struct address packet = {IR_NONE, 0};
    const uint32_t tsft = 0x01000000; /* bit 0 of little-endian presence bits, read big-endian */
    ir_value presence = load(lw, packet, 4, 4);
    ir_value flags_alone = ir_binary(lw->f, IR_AND, presence, ir_const(lw->f, 0x02000080));

    cond has_flags = cond_eq(lw, flags_alone, 0x02000000);
    cond has_tsft = cond_any_bit(lw, load(lw, packet, 4, 4), tsft);
    cond padded_behind = cond_any_bit(lw, load(lw, packet, 16, 1), 0x20);
    cond no_tsft = cond_not(lw, cond_any_bit(lw, load(lw, packet, 4, 4), tsft));
    cond padded = cond_any_bit(lw, load(lw, packet, 8, 1), 0x20);

    return cond_and(lw, has_flags, cond_or(lw, cond_and(lw, has_tsft, padded_behind), cond_and(lw, no_tsft, padded)));
}

/* var = 24, or 26 with QoS control; lw->wlan_round = 3 where radiotap says so. Always true. */
static cond wlan_measure(struct lower *lw, uint32_t var, const struct cursor_var *v)
{
    struct address link = address_of(lw, (struct anchor){v->base, 0});
    bool radiotap = v->lt->prefix == PREFIX_RADIOTAP;

    lw->pending.n = 0; /* the radio header's own guards are its own leaf's */
    ir_value control = load(lw, link, 0, 1);
    cond plain = cond_define(lw, var, ir_const(lw->f, 24));
    if (radiotap)
        plain = cond_and(lw, plain, cond_define(lw, lw->wlan_round, ir_const(lw->f, 0)));

    cond not_data = cond_not(lw, cond_eq(lw, ir_binary(lw->f, IR_AND, control, ir_const(lw->f, 0x0c)), 0x08));
    cond not_qos = cond_not(lw, cond_any_bit(lw, control, 0x80));
    cond more = cond_or(lw, not_qos, cond_define(lw, var, ir_const(lw->f, 26)));
    if (radiotap) {
        cond not_padded = cond_not(lw, radiotap_padding(lw));
        more = cond_and(lw, more, cond_or(lw, not_padded, cond_define(lw, lw->wlan_round, ir_const(lw->f, 3))));
    }
    return cond_and(lw, plain, cond_or(lw, not_data, more));
}

cond lower_prefix(struct lower *lw)
{
    const struct address packet = {IR_NONE, 0};
    cond all = COND_TRUE;

    if (lw->in->start->lt->prefix == PREFIX_PPI)
        all = cond_eq(lw, load(lw, packet, 4, 4), PPI_DLT_80211);
    /* 802.11 measures from behind the radio header, whose variable has the smaller number */
    for (uint32_t var = lw->in->var.n; var-- > 1;)
        if (lw->var.at[var].used && lw->in->var.at[var].kind == VAR_WLAN_PAYLOAD && lw->in->var.at[var].base)
            lw->var.at[lw->in->var.at[var].base].used = true;
    for (uint32_t var = 1; var < lw->in->var.n; var++) {
        const struct cursor_var *v = &lw->in->var.at[var];
        if (!lw->var.at[var].used)
            continue;
        if (v->kind == VAR_RADIO_END) {
            all = cond_and(lw, all, radio_measure(lw, var, v->lt->prefix));
        } else if (v->kind == VAR_WLAN_PAYLOAD) {
            all = cond_and(lw, all, wlan_measure(lw, var, v));
        } else if (v->kind == VAR_PFLOG_END) {
            pend_guard(lw, packet, 0, 1);
            all = cond_and(lw, all, read_only(lw));
        }
    }
    return all;
}
