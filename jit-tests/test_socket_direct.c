/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/test_socket_direct.c - eBPF socket programs that read the linear part without calls.
 *
 * A test run of a socket program has linear packets only. So every other program is told that its packets
 * have fewer bytes in one piece: where it needs more it takes the cold path, which finds them.
 */
#include "jit-tests/run_target.h"

/* length -= data_len becomes length &= a random number. */
static void hide_tail(struct ebpf_code *code)
{
    static const struct weir_ebpf_insn nothing = {0xb7, 1, 0, 0};
    static struct rng r = {0x7a11};

    for (uint32_t i = 0; i < code->reloc.n; i++) {
        const struct ebpf_reloc *x = &code->reloc.at[i];
        struct weir_ebpf_insn *in = &code->insn.at[x->insn];
        if (x->kind != EBPF_RELOC_FIELD || x->addend != SKB_DATA_LEN || rng_below(&r, 2))
            continue;
        in[0] = nothing;
        in[1] = (struct weir_ebpf_insn){0x57, in[1].registers & 15, 0, (int32_t)rng_below(&r, 128)};
    }
}

int main(void)
{
    static const struct target t = {
        .kernel = &kernel_socket_direct, .target = WEIR_TARGET_SOCKET, .live = true, .wrap = hide_tail};

    return run_target(&t);
}
