/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/pass.h - what a pass looks like.
 */
#ifndef WEIR_OPT_PASS_H
#define WEIR_OPT_PASS_H
#include "ir/ir.h"
#include "opt/opt.h"
#include "weir/weir.h"

/* Each pass rewrites @f in place; 0 or a negative enum weir_status. */
int pass_ahead(struct ir_func *f);
int pass_align(struct ir_func *f);
int pass_bits(struct ir_func *f);
int pass_chains(struct ir_func *f);
int pass_pull(struct ir_func *f);
int pass_defer(struct ir_func *f);
int pass_late(struct ir_func *f);
int pass_guards(struct ir_func *f);
int pass_past(struct ir_func *f);
int pass_phis(struct ir_func *f);
int pass_tails(struct ir_func *f);
int pass_thread(struct ir_func *f);

static inline bool is_return(uint32_t target)
{
    return target == IR_ACCEPT || target == IR_REJECT;
}

static inline bool has_phis(const struct ir_func *f, uint32_t target)
{
    return !is_return(target) && f->block.at[target].phi.n > 0;
}

#define PARENT_SEVERAL UINT32_MAX

/** By block: the only one that leads there, plus one; 0: none does; or PARENT_SEVERAL. Of the function's
 * arena; NULL: no memory. */
uint32_t *opt_parents(const struct ir_func *f);

#define PHI_BITS 64u

/** A set of blocks with PHIs that @block is in; few functions have so many that some share one. */
static inline uint64_t opt_phi_bit(uint32_t block)
{
    return UINT64_C(1) << block % PHI_BITS;
}
/** By value: the blocks whose PHIs it is computed from, as a set of opt_phi_bit(). Of @a; NULL: no memory. */
uint64_t *opt_phis(const struct ir_func *f, struct arena *a);

/** f->block.at holds @n blocks in a new order, f->block.n is how many there were: @place has the new number
 * of each of those. Targets are old numbers still, or those of new blocks behind them; they, and what else
 * names blocks, become the new ones. */
void opt_renumber(struct ir_func *f, const uint32_t *place, uint32_t n);

#endif
