/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-tests/test_xdp.c - XDP programs. */
#include "jit-tests/run_target.h"

int main(void)
{
    static const struct target t = {
        .kernel = &kernel_xdp, .target = WEIR_TARGET_XDP, .shortest = KERNEL_PACKET_MIN};

    return run_target(&t);
}
