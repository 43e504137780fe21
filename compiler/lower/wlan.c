/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/wlan.c - addresses of 802.11 frames: which of four fields holds the source or the destination
 * depends on the frame's type and direction.
 *
 * Source: IEEE 802.11-2020 section 9.2.4.3 and table 9-26.
 */
#include "lower/cond.h"

enum { TO_DS = 1, FROM_DS = 2 };        /* second byte of frame control */
enum { DATA_BIT = 8, CONTROL_BIT = 4 }; /* first byte; management has neither, reserved both */

/* What is asked of the address field that applies. */
struct wlan_test {
    struct address link;
    struct mac_wanted mac; /* this one; neither bytes nor a set: the group bit is set */
};

static cond field_test(struct lower *lw, const struct wlan_test *t, unsigned field)
{
    static const uint8_t offset[] = {0, 4, 10, 16, 24};

    if (t->mac.bytes || t->mac.set)
        return mac48_at(lw, t->link, offset[field], t->mac);
    return cond_any_bit(lw, load(lw, t->link, offset[field], 1), 1);
}

static cond frame_bit(struct lower *lw, const struct wlan_test *t, uint32_t bit)
{
    return cond_any_bit(lw, load(lw, t->link, 0, 1), bit);
}

static cond ds_bit(struct lower *lw, const struct wlan_test *t, uint32_t bit)
{
    return cond_any_bit(lw, load(lw, t->link, 1, 1), bit);
}

/* bit ? yes : no, the bit being asked twice so that each leaf is used once. */
static cond choose(struct lower *lw, cond bit_clear, cond no, cond bit_set, cond yes)
{
    return cond_or(lw, cond_and(lw, bit_clear, no), cond_and(lw, bit_set, yes));
}

static cond not_control(struct lower *lw, const struct wlan_test *t)
{
    return cond_not(lw, frame_bit(lw, t, CONTROL_BIT));
}

static cond destination(struct lower *lw, const struct wlan_test *t)
{
    cond known = not_control(lw, t);
    cond management = cond_not(lw, frame_bit(lw, t, DATA_BIT));
    cond in_management = field_test(lw, t, 1);
    cond data = frame_bit(lw, t, DATA_BIT);
    cond not_to_ds = cond_not(lw, ds_bit(lw, t, TO_DS));
    cond local = field_test(lw, t, 1);
    cond to_ds = ds_bit(lw, t, TO_DS);
    cond in_data = choose(lw, not_to_ds, local, to_ds, field_test(lw, t, 3));

    return cond_and(lw, known, choose(lw, management, in_management, data, in_data));
}

static cond source(struct lower *lw, const struct wlan_test *t)
{
    cond known = not_control(lw, t);
    cond management = cond_not(lw, frame_bit(lw, t, DATA_BIT));
    cond in_management = field_test(lw, t, 2);
    cond data = frame_bit(lw, t, DATA_BIT);
    cond not_from_ds = cond_not(lw, ds_bit(lw, t, FROM_DS));
    cond local = field_test(lw, t, 2);
    cond from_ds = ds_bit(lw, t, FROM_DS);
    cond not_to_ds = cond_not(lw, ds_bit(lw, t, TO_DS));
    cond distributed = field_test(lw, t, 3);
    cond to_ds = ds_bit(lw, t, TO_DS);
    cond in_from_ds = choose(lw, not_to_ds, distributed, to_ds, field_test(lw, t, 4));
    cond in_data = choose(lw, not_from_ds, local, from_ds, in_from_ds);

    return cond_and(lw, known, choose(lw, management, in_management, data, in_data));
}

static cond source_or_destination(struct lower *lw, const void *what, int dst)
{
    return dst ? destination(lw, what) : source(lw, what);
}

/* Clear to send and acknowledgement have no second address. */
static cond has_second_address(struct lower *lw, const struct wlan_test *t)
{
    const uint32_t type = 0x0c, subtype = 0xf0, control = 0x04, cts = 0xc0, ack = 0xd0;
    struct ir_func *f = lw->f;
    cond not_ctl =
        cond_not(lw, cond_eq(lw, ir_binary(f, IR_AND, load(lw, t->link, 0, 1), ir_const(f, type)), control));
    cond is_cts = cond_masked(lw, load(lw, t->link, 0, 1), 1, subtype, cts);
    cond is_ack = cond_masked(lw, load(lw, t->link, 0, 1), 1, subtype, ack);

    return cond_or(lw, not_ctl, cond_not(lw, cond_or(lw, is_cts, is_ack)));
}

cond wlan_mac(struct lower *lw, const struct cursor *c, uint8_t dir, struct mac_wanted mac)
{
    const struct wlan_test t = {address_of(lw, c->link), mac};
    cond when = COND_TRUE, also = COND_TRUE;
    unsigned field = 1;

    switch ((enum ast_dir)dir) {
    case DIR_NONE:
    case DIR_SRC:
    case DIR_DST:
    case DIR_SRC_OR_DST:
    case DIR_SRC_AND_DST:
        return by_direction(lw, dir, source_or_destination, &t);
    case DIR_ADDR1:
        break;
    case DIR_ADDR2:
        when = has_second_address(lw, &t);
        field = 2;
        break;
    case DIR_ADDR3:
        when =
            cond_not(lw, cond_eq(lw, ir_binary(lw->f, IR_AND, load(lw, t.link, 0, 1), ir_const(lw->f, 0x0c)),
                                 CONTROL_BIT));
        field = 3;
        break;
    case DIR_ADDR4:
        when = cond_eq(lw, ir_binary(lw->f, IR_AND, load(lw, t.link, 1, 1), ir_const(lw->f, 3)),
                       TO_DS | FROM_DS);
        field = 4;
        break;
    case DIR_RA:
        when = frame_bit(lw, &t, DATA_BIT);
        break;
    case DIR_TA:
        when = frame_bit(lw, &t, DATA_BIT);
        also = has_second_address(lw, &t);
        field = 2;
        break;
    }
    return cond_and(lw, when, cond_and(lw, also, field_test(lw, &t, field)));
}

cond wlan_multicast(struct lower *lw, const struct cursor *c)
{
    const struct wlan_test t = {address_of(lw, c->link), {NULL, 0}};

    return destination(lw, &t);
}
