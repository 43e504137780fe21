/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-tests/test_xdp_frags.c - XDP programs for frames of several buffers, most of them split somewhere. */
#include "jit-tests/run_target.h"

int main(void)
{
    static const struct target t = {
        .kernel = &kernel_xdp_frags,
        .target = WEIR_TARGET_XDP,
        .shortest = KERNEL_PACKET_MIN,
        .frags = true,
        .split = true,
    };

    return run_target(&t);
}
