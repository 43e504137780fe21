/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/kernel.h - programs in the kernel: load, run on a packet, and why not.
 */
#ifndef WEIR_JIT_TESTS_KERNEL_H
#define WEIR_JIT_TESTS_KERNEL_H
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/version.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "backends/ebpf/ebpf.h"

#define KERNEL_PACKET_MIN 14   /* a test run wants an Ethernet header */
#define KERNEL_PACKET_MAX 3400 /* and one page for packet, headroom and the kernel's own tail */

_Static_assert(sizeof(struct weir_ebpf_insn) == sizeof(struct bpf_insn), "one instruction layout");

/* A kind of program. */
struct kernel_type {
    const char *name;
    enum bpf_prog_type type;
    uint32_t flags;  /* of BPF_PROG_LOAD */
    uint32_t prefix; /* bytes in front of the packet that a test run takes away */
    unsigned since;  /* KERNEL_VERSION() of the first Linux that takes them, if that is new */
};

static const struct kernel_type kernel_xdp = {"XDP", BPF_PROG_TYPE_XDP, 0, 0, 0};
static const struct kernel_type kernel_xdp_frags = {"XDP with fragments", BPF_PROG_TYPE_XDP,
                                                    BPF_F_XDP_HAS_FRAGS, 0, 0};
static const struct kernel_type kernel_tc = {"tc", BPF_PROG_TYPE_SCHED_CLS, 0, 0, 0};
static const struct kernel_type kernel_socket = {"socket", BPF_PROG_TYPE_SOCKET_FILTER, 0, 14, 0};
static const struct kernel_type kernel_socket_direct = {"direct socket", BPF_PROG_TYPE_SOCKET_FILTER, 0, 14,
                                                        KERNEL_VERSION(6, 17, 0)};
static const struct kernel_type kernel_cgroup = {"cgroup", BPF_PROG_TYPE_CGROUP_SKB, 0, 14, 0};

/* Types of the running kernel; NULL if it does not tell. */
static inline const struct btf *kernel_types(void)
{
    static struct btf *types;

    return types ? types : (types = btf__load_vmlinux_btf());
}

/** Where struct sk_buff of the running kernel has @field, or -1. */
static inline int kernel_skb_offset(enum ebpf_skb_field field)
{
    const struct btf *b = kernel_types();
    int id = b ? btf__find_by_name_kind(b, "sk_buff", BTF_KIND_STRUCT) : -1;
    const struct btf_type *t = id > 0 ? btf__type_by_id(b, (uint32_t)id) : NULL;

    for (uint32_t i = 0; t && i < btf_vlen(t); i++)
        if (!strcmp(btf__name_by_offset(b, btf_members(t)[i].name_off), ebpf_skb_fields[field].name))
            return (int)btf_member_bit_offset(t, i) / 8;
    return -1;
}

/**
 * Gives a program its maps, that of counters and those of its sets by number, and what it names of the
 * running kernel. Read-only data is left to others.
 */
static inline void kernel_relocate(struct weir_ebpf_insn *code, const struct ebpf_reloc *reloc, uint32_t n,
                                   int counters, const int *sets)
{
    for (uint32_t i = 0; i < n; i++) {
        struct weir_ebpf_insn *in = &code[reloc[i].insn];
        switch ((enum ebpf_reloc_kind)reloc[i].kind) {
        case EBPF_RELOC_RODATA:
            break;
        case EBPF_RELOC_COUNTERS:
        case EBPF_RELOC_SET:
            in->registers = (uint8_t)(in->registers | BPF_PSEUDO_MAP_FD << 4);
            in->imm = reloc[i].kind == EBPF_RELOC_SET ? sets[reloc[i].addend] : counters;
            break;
        case EBPF_RELOC_KFUNC:
            in->imm =
                btf__find_by_name_kind(kernel_types(), ebpf_kfuncs[reloc[i].addend].name, BTF_KIND_FUNC);
            break;
        case EBPF_RELOC_FIELD:
            in->offset = (int16_t)kernel_skb_offset(reloc[i].addend);
        }
    }
}

/** A map of counters, or a negative errno. */
static inline int kernel_counters(void)
{
    return bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "weir", 4, sizeof(struct ebpf_counters), 1, NULL);
}

/** Program descriptor, or a negative errno with the verifier's words in @log. */
static inline int kernel_load(const struct kernel_type *t, const struct weir_ebpf_insn *code, size_t n,
                              char *log, size_t log_size)
{
    struct bpf_prog_load_opts o = {.sz = sizeof o, .prog_flags = t->flags};
    const struct bpf_insn *insn = (const struct bpf_insn *)(const void *)code;

    if (t->type == BPF_PROG_TYPE_CGROUP_SKB)
        o.expected_attach_type = BPF_CGROUP_INET_INGRESS;
    int fd = bpf_prog_load(t->type, "weir", "Dual BSD/GPL", insn, n, &o);
    if (log_size)
        log[0] = '\0';
    if (fd >= 0 || !log_size)
        return fd < 0 ? -errno : fd;
    int err = errno;
    o.log_buf = log;
    o.log_size = (uint32_t)log_size;
    o.log_level = 1;
    fd = bpf_prog_load(t->type, "weir", "Dual BSD/GPL", insn, n, &o);
    if (fd >= 0)
        close(fd);
    return -err;
}

/** Whether a test run takes the packet: not an IP header cut short, when it is asked to build a tc packet. */
static inline bool kernel_takes(const struct kernel_type *t, const uint8_t *packet, uint32_t n)
{
    if (t->prefix)
        return true;
    if (n < KERNEL_PACKET_MIN)
        return false;
    if (t->type != BPF_PROG_TYPE_SCHED_CLS)
        return true;
    unsigned type = (unsigned)packet[12] << 8 | packet[13];
    return !(type == 0x0800 && n < 34) && !(type == 0x86dd && n < 54);
}

/** Runs on @n bytes, the first @linear of which the program can reach directly; @linear 0: all. */
static inline int kernel_run_split(const struct kernel_type *t, int fd, const void *packet, uint32_t n,
                                   uint32_t linear, uint32_t *verdict)
{
    static uint8_t in[70000];
    struct xdp_md xdp = {.data_end = linear};
    struct __sk_buff skb = {.data_end = linear};
    struct bpf_test_run_opts o = {
        .sz = sizeof o,
        .data_in = in,
        .data_size_in = n + t->prefix,
        .repeat = 1,
    };

    memset(in, 0, t->prefix);
    memcpy(in + t->prefix, packet, n);
    if (linear) {
        o.ctx_in = t->type == BPF_PROG_TYPE_XDP ? (void *)&xdp : (void *)&skb;
        o.ctx_size_in = t->type == BPF_PROG_TYPE_XDP ? sizeof xdp : sizeof skb;
    }
    if (bpf_prog_test_run_opts(fd, &o) < 0)
        return -errno;
    *verdict = o.retval;
    return 0;
}

static inline int kernel_run(const struct kernel_type *t, int fd, const void *packet, uint32_t n,
                             uint32_t *verdict)
{
    return kernel_run_split(t, fd, packet, n, 0, verdict);
}

/** NULL when this process may load and run such programs, else why not (static text). */
static inline const char *kernel_refuses(const struct kernel_type *t)
{
    static char why[160];
    static const struct weir_ebpf_insn one[2] = {{0xb4, 0, 0, 1}, {0x95, 0, 0, 0}};
    static const uint8_t packet[64];
    struct utsname u;
    unsigned major = 0, minor = 0;

    if (uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
        KERNEL_VERSION(major, minor, 0) < t->since) {
        snprintf(why, sizeof why, "the kernel is too old for %s programs: Linux %.40s", t->name, u.release);
        return why;
    }
    int fd = kernel_load(t, one, 2, NULL, 0), err = fd;
    uint32_t verdict = 0;

    if (fd >= 0) {
        err = kernel_run(t, fd, packet, sizeof packet, &verdict);
        close(fd);
    }
    if (err >= 0 && verdict == 1)
        return NULL;
    snprintf(why, sizeof why, "the kernel does not %s %s programs here: bpf(2): %s", fd < 0 ? "take" : "run",
             t->name, strerror(-err));
    return why;
}
#endif
