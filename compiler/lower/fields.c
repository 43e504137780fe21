/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/fields.c - keywords of single link types: numeric fields of SunATM and SS7, ATM signalling, MTP2
 * signal units. Source: proto/fields.def; ITU-T Q.703, Q.704, Q.2931.
 */
#include "lower/cond.h"

/*
 * A 14-bit point code in the byte order it has in the packet; comparing for order needs it in numeric order.
 * The routing label is a little-endian word: DPC bits 0 to 13, OPC bits 14 to 27, SLS bits 28 to 31.
 */
static ir_value point_code(struct lower *lw, ir_value v, enum field_encoding encoding)
{
    struct ir_func *f = lw->f;
    uint32_t shift_left[4], shift_right[4], mask[4], n;
    ir_value sum = ir_const(f, 0);

    if (encoding == ENCODING_DPC) { /* v: 16 bits, b0 b1 -> b1 << 8 | b0, 14 bits */
        const uint32_t l[] = {0, 8}, r[] = {8, 0}, m[] = {0xff, 0x3f00};
        n = 2;
        for (uint32_t i = 0; i < n; i++) {
            shift_left[i] = l[i];
            shift_right[i] = r[i];
            mask[i] = m[i];
        }
    } else { /* v: 32 bits, b0 b1 b2 b3; (b3 << 24 | b2 << 16 | b1 << 8) >> 14 & 0x3fff */
        const uint32_t l[] = {0, 0, 10}, r[] = {22, 6, 0}, m[] = {0x3, 0x3fc, 0x3c00};
        n = 3;
        for (uint32_t i = 0; i < n; i++) {
            shift_left[i] = l[i];
            shift_right[i] = r[i];
            mask[i] = m[i];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        ir_value part = ir_binary(f, IR_SHL, v, ir_const(f, shift_left[i]));
        part = ir_binary(f, IR_SHR, part, ir_const(f, shift_right[i]));
        sum = ir_binary(f, IR_OR, sum, ir_binary(f, IR_AND, part, ir_const(f, mask[i])));
    }
    return sum;
}

/* The number as it lies in the masked load. */
static uint32_t encode(enum field_encoding encoding, uint32_t n)
{
    switch (encoding) {
    case ENCODING_PLAIN:
        break;
    case ENCODING_SLS:
        return n << 4;
    case ENCODING_DPC:
        return (n & 0xff) << 8 | n >> 8;
    case ENCODING_OPC:
        return (n & 0x3) << 22 | (n & 0x3fc) << 6 | n >> 10;
    }
    return n;
}

static bool orders(uint8_t relop)
{
    return relop != REL_EQ && relop != REL_NE;
}

cond lower_field(struct lower *lw, const struct prim *p, uint32_t start)
{
    const struct field *row = field_row(p->field);
    bool numeric = orders(p->relop) && (row->encoding == ENCODING_DPC || row->encoding == ENCODING_OPC);
    uint32_t all = UINT32_MAX >> (32 - 8 * row->width);
    cond any = COND_FALSE;

    for (uint32_t i = 0; i < p->count; i++) {
        ir_value v = load_anchor(lw, p->cursor->link, start + row->offset, row->width);
        uint32_t want = encode(row->encoding, p->u.numbers[i]);
        if (numeric) {
            v = point_code(lw, v, row->encoding);
            want = p->u.numbers[i];
        } else if (row->mask != all) {
            v = ir_binary(lw->f, IR_AND, v, ir_const(lw->f, row->mask));
        }
        any = cond_or(lw, any, cond_relop(lw, p->relop, v, want));
    }
    return any;
}

/* ---------------------------------------------------------------- ATM */

static cond vpi_is(struct lower *lw, const struct cursor *c, uint32_t vpi)
{
    return cond_eq(lw, load_anchor(lw, c->link, field_row(FIELD_VPI)->offset, 1), vpi);
}

static cond vci_is(struct lower *lw, const struct cursor *c, uint32_t vci)
{
    return cond_eq(lw, load_anchor(lw, c->link, field_row(FIELD_VCI)->offset, 2), vci);
}

/* Q.2931 message types that set up and release connections; the acknowledgement only on point-to-point. */
static cond connection_message(struct lower *lw, const struct cursor *c, bool acknowledge)
{
    static const uint8_t type[] = {0x5a, 0x4d, 0x0f, 0x07, 0x05, 0x02};
    cond any = COND_FALSE;

    for (size_t i = 0; i < sizeof type; i++)
        if (acknowledge || type[i] != 0x0f)
            any = cond_or(lw, any, cond_eq(lw, load_anchor(lw, c->link, 9, 1), type[i]));
    return any;
}

cond lower_atm_keyword(struct lower *lw, const struct prim *p)
{
    const struct cursor *c = p->cursor;
    uint32_t vci = 0;

    switch ((enum atm_keyword)p->number) {
    case ATM_LANE:
        return cond_eq(lw, ir_binary(lw->f, IR_AND, load_anchor(lw, c->link, 0, 1), ir_const(lw->f, 15)), 1);
    case ATM_METAC:
    case ATM_METACONNECT:
        vci = 1;
        break;
    case ATM_BCC:
        vci = 2;
        break;
    case ATM_OAM:
    case ATM_OAMF4:
    case ATM_OAMF4SC:
        vci = 3;
        break;
    case ATM_OAMF4EC:
        vci = 4;
        break;
    case ATM_SC:
    case ATM_CONNECTMSG:
        vci = 5;
        break;
    case ATM_ILMIC:
        vci = 16;
        break;
    }
    cond vpi = vpi_is(lw, c, 0), circuit = vci_is(lw, c, vci), also = COND_TRUE;
    if (p->number == ATM_OAM || p->number == ATM_OAMF4)
        circuit = cond_or(lw, circuit, vci_is(lw, c, 4));
    if (p->number == ATM_CONNECTMSG || p->number == ATM_METACONNECT)
        also = connection_message(lw, c, p->number == ATM_CONNECTMSG);
    return cond_and(lw, cond_and(lw, vpi, circuit), also);
}

/* ---------------------------------------------------------------- SS7 */

/* Length indicator: 0 fill-in, 1 and 2 link status, more a message; high-speed links have it in nine bits. */
cond lower_ss7_keyword(struct lower *lw, const struct prim *p)
{
    const struct cursor *c = p->cursor;
    uint32_t start = c->lt->ss7_offset;
    bool high_speed = p->number >= SS7_HFISU;
    uint32_t unit = high_speed ? 0x80 : 1;
    ir_value li =
        high_speed ? load_anchor(lw, c->link, start + 4, 2) : load_anchor(lw, c->link, start + 2, 1);

    li = ir_binary(lw->f, IR_AND, li, ir_const(lw->f, high_speed ? 0xff80 : 0x3f));
    switch ((enum ss7_keyword)p->number) {
    case SS7_FISU:
    case SS7_HFISU:
        return cond_eq(lw, li, 0);
    case SS7_LSSU:
    case SS7_HLSSU:
        return cond_range(lw, li, 1, 2 * unit);
    case SS7_MSU:
    case SS7_HMSU:
        return cond_range(lw, li, 2 * unit + 1, UINT32_MAX);
    }
    return COND_FALSE;
}
