/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/blocks.c - what passes that move blocks share.
 */
#include "opt/pass.h"

uint32_t *opt_parents(const struct ir_func *f)
{
    uint32_t *parent = arena_array(f->arena, uint32_t, f->block.n);

    for (uint32_t i = 0; parent && i < f->block.n; i++)
        for (uint32_t c = 0; c < f->block.at[i].to.n; c++) {
            uint32_t to = f->block.at[i].to.at[c].target;
            if (!is_return(to))
                parent[to] = parent[to] == 0 || parent[to] == i + 1 ? i + 1 : PARENT_SEVERAL;
        }
    return parent;
}

uint64_t *opt_phis(const struct ir_func *f, struct arena *a)
{
    uint64_t *of = arena_array(a, uint64_t, f->value.n);

    for (ir_value v = 0; of && v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        of[v] = n->op == IR_PHI ? opt_phi_bit(n->imm)
                                : (n->a == IR_NONE ? 0 : of[n->a]) | (n->b == IR_NONE ? 0 : of[n->b]);
    }
    return of;
}

/* What @to, of the function before its @n blocks got new numbers, is now. */
static uint32_t number_now(const uint32_t *place, uint32_t n, uint32_t to)
{
    return is_return(to) ? to : to < n ? place[to] : to - n;
}

void opt_renumber(struct ir_func *f, const uint32_t *place, uint32_t n)
{
    const uint32_t old = f->block.n;

    for (uint32_t i = 0; i < n; i++) {
        struct ir_block *b = &f->block.at[i];
        for (uint32_t c = 0; c < b->to.n; c++)
            b->to.at[c].target = number_now(place, old, b->to.at[c].target);
        for (uint32_t p = 0; p < b->phi.n; p++) {
            f->value.at[b->phi.at[p].value].imm = i;
            for (uint32_t a = 0; a < b->phi.at[p].arg.n; a++)
                b->phi.at[p].arg.at[a].block = place[b->phi.at[p].arg.at[a].block];
        }
    }
    f->entry = number_now(place, old, f->entry);
    f->block.n = n;
}
