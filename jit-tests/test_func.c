/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-tests/test_func.c - functions over packet bytes, called by an XDP program. */
#include "jit-tests/call_func.h"
#include "jit-tests/run_target.h"

int main(void)
{
    static const struct target t = {
        .kernel = &kernel_xdp,
        .target = WEIR_TARGET_FUNC,
        .shortest = KERNEL_PACKET_MIN,
        .wrap = call_func,
    };

    return run_target(&t);
}
