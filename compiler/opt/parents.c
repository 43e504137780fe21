/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/parents.c - which blocks are entered from one place alone.
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
