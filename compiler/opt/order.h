/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/order.h - blocks in an order that a pass changes, and what such passes ask.
 */
#ifndef WEIR_OPT_ORDER_H
#define WEIR_OPT_ORDER_H
#include "opt/pass.h"

#define ORDER_CASES_MAX 16u /* of a block that is looked at */

struct order {
    struct ir_func *f;
    uint32_t *ways; /* by block: how many blocks lead there */
    uint32_t *next; /* by block: the one behind it; the number of blocks is both ends */
    uint32_t *before;
};

/** The blocks as they stand. False: no memory. Of the function's arena. */
bool order_begin(struct order *o, struct ir_func *f);
/** Takes @block out, where nothing leads any more, or for another place. */
void order_take_out(struct order *o, uint32_t block);
/** Puts @block, which was taken out, before @other, which may be the number of blocks. */
void order_put_in(struct order *o, uint32_t block, uint32_t other);
/** Numbers the blocks in their order. False: no memory. */
bool order_install(struct order *o);

/** Where @b led to @from, it leads to @to. */
void order_redirect(struct ir_block *b, uint32_t from, uint32_t to);

/** May @block be moved? It is a test without PHIs, of few cases. */
bool order_is_plain(const struct ir_func *f, uint32_t block);
/** Does an earlier case of @b lead where @c does? */
bool order_led_before(const struct ir_block *b, uint32_t c);
bool order_leads_to(const struct ir_block *b, uint32_t target);
/** The widest of the cases of @b: most packets are taken to be in it. */
uint32_t order_widest(const struct ir_block *b);

#define ORDER_ALL 4096u /* packets, of which shares are estimated */

/** How many of ORDER_ALL packets that make the test of @b go on to @target, as far as can be told: the widest
 * of the cases has most. docs/decisions/0011-shares-of-packets.md */
uint32_t order_share(const struct ir_func *f, const struct ir_block *b, uint32_t target);

#endif
