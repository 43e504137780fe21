/* SPDX-License-Identifier: BSD-2-Clause */
/* jit-tests/test_socket_ebpf.c - eBPF socket programs. */
#include "jit-tests/run_target.h"

int main(void)
{
    static const struct target t = {.kernel = &kernel_socket, .target = WEIR_TARGET_SOCKET, .live = true};

    return run_target(&t);
}
