/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-tests/test_tc.c - tc programs. */
#include "jit-tests/run_target.h"

int main(void)
{
    static const struct target t = {
        .kernel = &kernel_tc, .target = WEIR_TARGET_TC, .shortest = KERNEL_PACKET_MIN, .live = true};

    return run_target(&t);
}
