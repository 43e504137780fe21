/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/dead.c - instructions whose results nobody reads.
 *
 *      ldx #24                         ldx #24
 *      stx M[0]                        ldh [x + 6]
 *      ldh [x + 6]                     ...
 *      ...                             (M[0] is not read)
 *
 * Which values get cells is decided before there is code, and then a register often holds what the cell was
 * for. Code only jumps forward, so one pass from its end knows at each instruction what is read behind it:
 * O(n). A load goes with its result, as a guard does that guards nothing; a division by X stays, because it
 * may reject.
 */
#include "backends/cbpf/emit.h"

/* What is read from jump target @to on. */
static uint32_t live_from(const struct cb_emit *e, const uint32_t *live, uint32_t to)
{
    to = cb_target(e, to);
    if (to < e->code.n)
        return live[to];
    return to == e->return_a ? UINT32_C(1) << CBPF_REGISTER_A : 0;
}

static bool may_reject(uint16_t code)
{
    uint16_t what = code & CB_OPERATOR;

    return (code & CB_CLASS) == CB_ALU && code & CB_X && (what == CB_DIV || what == CB_MOD);
}

void cb_dead_remove(struct cb_emit *e)
{
    uint32_t *live =
        arena_array(e->arena, uint32_t, e->code.n + 1); /* by instruction: registers read from it on */

    if (!live) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    for (uint32_t i = e->code.n; i-- > 0;) {
        struct cb_insn *in = &e->code.at[i];
        uint32_t reads = 0, writes = 0;

        if (in->code == GOTO) {
            live[i] = live_from(e, live, in->jt);
            continue;
        }
        cbpf_effects(in->code, in->k, &reads, &writes);
        if ((in->code & CB_CLASS) == CB_JMP) {
            live[i] = reads | live_from(e, live, in->jt) | live_from(e, live, in->jf);
        } else if (writes & live[i + 1] || may_reject(in->code)) {
            live[i] = (live[i + 1] & ~writes) | reads;
        } else {
            *in = (struct cb_insn){.code = GOTO, .jt = i + 1};
            live[i] = live[i + 1];
        }
    }
}
