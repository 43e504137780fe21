/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/kernel.h - programs in the kernel: load, run on a packet, and why not.
 */
#ifndef WEIR_JIT_TESTS_KERNEL_H
#define WEIR_JIT_TESTS_KERNEL_H
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "weir/weir.h"

#define KERNEL_PACKET_MIN 14   /* an XDP test run wants an Ethernet header */
#define KERNEL_PACKET_MAX 3400 /* and one page for packet, headroom and the kernel's own tail */

_Static_assert(sizeof(struct weir_ebpf_insn) == sizeof(struct bpf_insn), "one instruction layout");

/** Program descriptor, or a negative errno with the verifier's words in @log. */
static inline int kernel_load(const struct weir_ebpf_insn *code, size_t n, char *log, size_t log_size)
{
    struct bpf_prog_load_opts o = {.sz = sizeof o};
    const struct bpf_insn *insn = (const struct bpf_insn *)(const void *)code;
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "weir", "BSD", insn, n, &o);

    if (log_size)
        log[0] = '\0';
    if (fd >= 0 || !log_size)
        return fd < 0 ? -errno : fd;
    int err = errno;
    o.log_buf = log;
    o.log_size = (uint32_t)log_size;
    o.log_level = 1;
    fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "weir", "BSD", insn, n, &o);
    if (fd >= 0)
        close(fd);
    return -err;
}

/** What the program returns for a packet, or a negative errno. */
static inline int kernel_run(int fd, const void *packet, uint32_t n)
{
    static uint8_t out[8192];
    struct bpf_test_run_opts o = {
        .sz = sizeof o,
        .data_in = packet,
        .data_size_in = n,
        .data_out = out,
        .data_size_out = sizeof out,
        .repeat = 1,
    };

    return bpf_prog_test_run_opts(fd, &o) < 0 ? -errno : (int)o.retval;
}

/** NULL when this process may load and run XDP programs, else why not (static text). */
static inline const char *kernel_refuses_xdp(void)
{
    static char why[120];
    static const struct weir_ebpf_insn pass[2] = {{0xb4, 0, 0, 2}, {0x95, 0, 0, 0}};
    static const uint8_t packet[64];
    int fd = kernel_load(pass, 2, NULL, 0);

    if (fd < 0) {
        snprintf(why, sizeof why, "the kernel refuses XDP programs here: bpf(2): %s", strerror(-fd));
        return why;
    }
    int verdict = kernel_run(fd, packet, sizeof packet);
    close(fd);
    if (verdict == 2)
        return NULL;
    snprintf(why, sizeof why, "the kernel does not run XDP programs here: bpf(2): %s", strerror(-verdict));
    return why;
}
#endif
