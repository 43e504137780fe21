/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/cost.c - what a classic program costs: its length, its paths, the kernel's memory.
 *
 * Jumps go forward, so one pass from the last instruction to the first meets every successor before its
 * predecessors: O(n).
 */
#include "backends/cbpf/cbpf.h"
#include "backends/cbpf/opcode.h"

#define NEVER         UINT32_MAX
#define KERNEL_HEADER 72 /* struct bpf_prog without its instructions */
#define KERNEL_INSN   8

/* Of the paths from one instruction on. */
struct paths {
    uint32_t longest, longest_loads; /* each the largest there is */
    uint32_t accept, accept_loads;   /* the shortest path that accepts, or NEVER; and its loads */
};

static bool is_packet_load(const struct weir_cbpf_insn *in)
{
    uint16_t cls = in->code & CB_CLASS, mode = in->code & CB_MODE;

    if (cls == CB_LDX)
        return mode == CB_MSH;
    return cls == CB_LD && (mode == CB_IND || (mode == CB_ABS && in->k < CB_META_BASE));
}

static struct paths paths_join(struct paths a, struct paths b)
{
    struct paths p = a;

    if (b.longest > p.longest)
        p.longest = b.longest;
    if (b.longest_loads > p.longest_loads)
        p.longest_loads = b.longest_loads;
    if (b.accept < p.accept || (b.accept == p.accept && b.accept_loads < p.accept_loads)) {
        p.accept = b.accept;
        p.accept_loads = b.accept_loads;
    }
    return p;
}

int cbpf_cost(const struct allocator *al, const struct weir_cbpf_insn *code, uint32_t n,
              struct weir_cost *out)
{
    struct paths *at = mem_alloc(al, n * sizeof *at);
    uint32_t loads = 0;

    if (!at)
        return WEIR_E_MEMORY;
    for (uint32_t i = n; i-- > 0;) {
        const struct weir_cbpf_insn *in = &code[i];
        uint32_t load = is_packet_load(in);
        struct paths p = {0, 0, NEVER, 0};

        switch (in->code & CB_CLASS) {
        case CB_RET:
            if (in->code != CB_RET_K || in->k)
                p.accept = 0;
            break;
        case CB_JMP:
            if (in->code == (CB_JMP | CB_JA))
                p = at[i + 1 + in->k];
            else
                p = paths_join(at[i + 1 + in->jt], at[i + 1 + in->jf]);
            break;
        default:
            p = at[i + 1];
        }
        p.longest++;
        p.longest_loads += load;
        if (p.accept != NEVER) {
            p.accept++;
            p.accept_loads += load;
        }
        at[i] = p;
        loads += load;
    }
    out->instructions = n;
    out->loads = loads;
    out->longest_instructions = at[0].longest;
    out->longest_loads = at[0].longest_loads;
    out->accept_instructions = at[0].accept == NEVER ? 0 : at[0].accept;
    out->accept_loads = at[0].accept_loads;
    out->kernel_bytes = KERNEL_HEADER + KERNEL_INSN * cbpf_kernel_length(code, n);
    mem_free(al, at);
    return WEIR_OK;
}
