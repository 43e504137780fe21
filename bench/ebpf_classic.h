/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf_classic.h - what Linux makes of a classic program on a socket: how long, how fast.
 *
 * A classic program has no descriptor that a test run takes. It is attached to a datagram socket of AF_UNIX,
 * K copies one after the other with each `ret` a jump to the next copy, and the last one drops the packet;
 * what send(2) takes longer than with a filter that drops at once, divided by K, is the program's time.
 */
#ifndef WEIR_BENCH_EBPF_CLASSIC_H
#define WEIR_BENCH_EBPF_CLASSIC_H
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include "bench/ebpf_run.h"

enum { CLASSIC_COPIES_MAX = 64 };

struct classic {
    struct program program;
    uint32_t copies;
    uint32_t insns; /* eBPF instructions that Linux makes of one; 0: not known */
    int socket[2];  /* sends to, has the filter */
    bool there;
};

static inline bool classic_attach(int fd, const struct weir_cbpf_insn *code, uint32_t n)
{
    struct sock_fprog p = {(unsigned short)n, (struct sock_filter *)(uintptr_t)code};
    return n <= BPF_MAXINSNS && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p) == 0;
}

/* Bytes charged to the socket for its filter. */
static inline uint32_t classic_charge(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_OPTMEM] : 0;
}

/* What is charged for a program beside its instructions, by an eBPF program whose length is known. */
static inline uint32_t classic_charge_base(void)
{
    static const struct weir_ebpf_insn five[] = {
        {0xb4, 0, 0, 0}, {0x07, 0, 0, 1}, {0x07, 0, 0, 1}, {0x07, 0, 0, 1}, {EXIT, 0, 0, 0}};
    uint32_t base = 0;
    int s = socket(AF_UNIX, SOCK_DGRAM, 0), fd = kernel_load(&kernel_socket, five, 5, NULL, 0);

    if (s >= 0 && fd >= 0 && setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof fd) == 0) {
        uint32_t charge = classic_charge(s);
        base = charge > sizeof five ? charge - (uint32_t)sizeof five : 0;
    }
    if (fd >= 0)
        close(fd);
    if (s >= 0)
        close(s);
    return base;
}

static inline bool classic_attach_copies(int fd, const struct program *p, uint32_t copies)
{
    uint32_t at = 0, total = copies * p->n + 1;
    struct weir_cbpf_insn *all = total <= BPF_MAXINSNS ? malloc(total * sizeof *all) : NULL;

    for (uint32_t k = 0; all && k < copies; k++)
        for (uint32_t i = 0; i < p->n; i++, at++) {
            all[at] = p->at[i];
            if ((p->at[i].code & 7) == BPF_RET)
                all[at] = (struct weir_cbpf_insn){BPF_JMP | BPF_JA, 0, 0, p->n - 1 - i};
        }
    if (all)
        all[at] = (struct weir_cbpf_insn){BPF_RET | BPF_K, 0, 0, 0};
    bool ok = all && classic_attach(fd, all, total);
    free(all);
    return ok;
}

/**
 * A socket with @copies (or as many as Linux takes) of @p, which is taken over. `there` is false when it
 * takes none.
 */
static inline struct classic classic_open(struct program p, uint32_t copies)
{
    struct classic c = {.program = p, .socket = {-1, -1}};
    uint32_t base = classic_charge_base();

    if (!p.n || socketpair(AF_UNIX, SOCK_DGRAM, 0, c.socket) < 0)
        return c;
    if (classic_attach(c.socket[1], p.at, p.n)) {
        uint32_t charge = classic_charge(c.socket[1]);
        c.insns = base && charge > base ? (charge - base) / 8 : 0;
    }
    for (c.copies = copies; c.copies && !c.there; c.copies /= c.there ? 1 : 2)
        c.there = classic_attach_copies(c.socket[1], &p, c.copies);
    return c;
}

static inline void classic_close(struct classic *c)
{
    program_free(&c->program);
    if (c->socket[0] >= 0) {
        close(c->socket[0]);
        close(c->socket[1]);
    }
    c->there = false;
}

/** Nanoseconds of one of @repeat sends. */
static inline double classic_time(const struct classic *c, const uint8_t *packet, uint32_t n, uint32_t repeat)
{
    double begin = bench_now();
    for (uint32_t i = 0; i < repeat; i++)
        if (send(c->socket[0], packet, n, 0) < 0)
            return -1;
    return (bench_now() - begin) / repeat;
}
#endif
