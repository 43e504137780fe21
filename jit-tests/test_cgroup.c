/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-tests/test_cgroup.c - cgroup programs. */
#include "jit-tests/run_target.h"

int main(void)
{
    static const struct target t = {.kernel = &kernel_cgroup, .target = WEIR_TARGET_CGROUP, .live = true};

    return run_target(&t);
}
