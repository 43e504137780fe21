/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf_run.h - time of eBPF programs in the kernel.
 *
 * One iteration of a test run costs tens of nanoseconds itself, many times what a filter takes. So K copies
 * of the program are laid out one after the other, each `exit` a jump to the next copy, and the same is done
 * with a program that returns a constant: (time of the one - time of the other) / K is the program's, without
 * its call and return. Everything is hot and predicted: a lower bound.
 */
#ifndef WEIR_BENCH_EBPF_RUN_H
#define WEIR_BENCH_EBPF_RUN_H
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include "bench/ebpf_packets.h"
#include "bench/ebpf_program.h"
#include "tests/harness/ebpf_alu.h"

/*
 * More copies than this, and the processor no longer keeps what it predicts of all their jumps: programs that
 * take many then seem to cost up to twice as much.
 */
enum {
    COPIES_MAX = 16,
    COPIES_MIN = 8,
    COPIES_BYTES = 24 << 10, /* of machine code: they should fit into the processor's first cache */
    CONTEXT_SLOT = -512,     /* of the stack, where the copies find their context */
    EXIT = 0x95,
};

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* Where instruction @i of copy @k goes: the copies one after the other, what packets hardly ever reach behind
 * all. */
static inline uint32_t run_place(uint32_t i, uint32_t k, uint32_t n, uint32_t hot, uint32_t copies)
{
    return i < hot ? 1 + k * (hot + 1) + 1 + i : 2 + copies * (hot + 1) + k * (n - hot) + (i - hot);
}

/* The instruction with its jump to @to. False when it does not reach so far. */
static inline bool run_jump(struct weir_ebpf_insn *in, uint32_t from, uint32_t to)
{
    int64_t distance = (int64_t)to - from - 1;
    bool near = distance >= INT16_MIN && distance <= INT16_MAX;

    if (in->code == EXIT || in->code == 0x05 || in->code == 0x06)
        *in = near ? (struct weir_ebpf_insn){0x05, 0, (int16_t)distance, 0}
                   : (struct weir_ebpf_insn){0x06, 0, 0, (int32_t)distance};
    else
        in->offset = (int16_t)distance;
    return near || in->code == 0x06;
}

/** @copies of the program in one; NULL without memory, or when a jump would be too long. */
static inline struct weir_ebpf_insn *run_copies(const struct weir_ebpf_insn *insn, uint32_t n, uint32_t hot,
                                                uint32_t copies, uint32_t *total)
{
    static const struct weir_ebpf_insn save = {0x7b, 0x1a, CONTEXT_SLOT, 0},
                                       restore = {0x79, 0xa1, CONTEXT_SLOT, 0};
    struct weir_ebpf_insn *out = malloc(((size_t)copies * (n + 1) + 2) * sizeof *out);
    bool ok = out != NULL;

    if (!ok)
        return NULL;
    out[0] = save;
    out[1 + copies * (hot + 1)] = (struct weir_ebpf_insn){EXIT, 0, 0, 0};
    for (uint32_t k = 0; k < copies; k++) {
        out[1 + k * (hot + 1)] = restore;
        for (uint32_t i = 0; ok && i < n; i++) {
            uint32_t at = run_place(i, k, n, hot, copies), code = insn[i].code;
            out[at] = insn[i];
            if (code == EXIT)
                ok = run_jump(&out[at], at, 1 + (k + 1) * (hot + 1));
            else if (code == 0x06)
                ok = run_jump(&out[at], at, run_place(i + 1 + (uint32_t)insn[i].imm, k, n, hot, copies));
            else if (((code & 7) == 5 || (code & 7) == 6) && code != 0x85)
                ok = run_jump(&out[at], at,
                              run_place(i + 1 + (uint32_t)(int32_t)insn[i].offset, k, n, hot, copies));
            if (code == 0x18) { /* its second half */
                i++;
                out[at + 1] = insn[i];
            }
        }
    }
    *total = copies * (n + 1) + 2;
    if (ok)
        return out;
    free(out);
    return NULL;
}

/** Descriptor of @copies of the program in one, or a negative errno. */
static inline int run_load(const struct bench_target *t, const struct weir_ebpf_insn *insn, uint32_t n,
                           uint32_t hot, uint32_t copies)
{
    uint32_t total;
    struct weir_ebpf_insn *all = run_copies(insn, n, hot, copies, &total);
    if (!all)
        all = run_copies(insn, n, n, copies, &total);
    int fd = all ? kernel_load(t->kernel, all, total, NULL, 0) : -ENOMEM;

    free(all);
    return fd;
}

/** The program that returns a constant. */
static inline int run_load_null(const struct bench_target *t, uint32_t copies)
{
    static const struct weir_ebpf_insn constant[] = {{0xb4, 0, 0, 2}, {EXIT, 0, 0, 0}};
    return run_load(t, constant, 2, 2, copies);
}

static inline uint32_t run_copies_for(uint32_t jited)
{
    uint32_t k = jited ? COPIES_BYTES / jited : COPIES_MIN;
    return k > COPIES_MAX ? COPIES_MAX : k < COPIES_MIN ? COPIES_MIN : k;
}

/*
 * A test run of an XDP program that no device has rewrites the code through which Linux calls such programs,
 * twice, and waits for all processors: milliseconds. So those that take turns are attached, to devices that
 * nothing else sees.
 */
enum { DISPATCHED = 3 };

static int run_device[DISPATCHED]; /* 0: could not be made */

static inline void run_dispatch_init(void)
{
    if (unshare(CLONE_NEWNET) < 0)
        return;
    for (int i = 0; i < DISPATCHED; i++) {
        char command[80], name[16];
        snprintf(name, sizeof name, "weir%d", i);
        snprintf(command, sizeof command, "ip link add %s type veth 2>/dev/null", name);
        run_device[i] = system(command) == 0 ? (int)if_nametoindex(name) : 0;
    }
}

/** Until the next call, runs of these XDP programs (-1: none) are quick. */
static inline void run_dispatch(const int fd[DISPATCHED])
{
    for (int i = 0; i < DISPATCHED; i++)
        if (run_device[i] && fd[i] >= 0 && bpf_xdp_attach(run_device[i], fd[i], XDP_FLAGS_SKB_MODE, NULL) < 0)
            run_device[i] = 0;
}

/** Nanoseconds of one of @repeat iterations on the @n bytes at @packet; negative: the kernel refuses. */
static inline double run_time(const struct bench_target *t, int fd, const uint8_t *packet, uint32_t n,
                              uint32_t repeat, uint32_t *verdict)
{
    uint8_t in[2048];
    struct bpf_test_run_opts o = {
        .sz = sizeof o, .data_in = in, .data_size_in = n + t->kernel->prefix, .repeat = (int)repeat};

    memset(in, 0, t->kernel->prefix);
    memcpy(in + t->kernel->prefix, packet, n);
    double begin = bench_now();
    if (bpf_prog_test_run_opts(fd, &o) < 0)
        return -1;
    double end = bench_now();
    *verdict = o.retval;
    bool slow =
        t->target == WEIR_TARGET_XDP && !run_device[0]; /* then only Linux's own, whole number is any good */
    return slow ? o.duration : (end - begin) / repeat;
}

/* ---------------------------------------------------------------- executed instructions */

/*
 * The context and the packet lie where 32 bits reach, as they do for programs in the kernel, so a program
 * with direct access can be run here as it is. Programs that call helpers cannot. Linux's struct sk_buff is
 * what a direct socket program makes of its context.
 */
struct run_space {
    uint8_t *context, *skb, *packet, *stack;
};

static inline bool run_space_init(struct run_space *s)
{
    uint8_t *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED)
        return false;
    *s = (struct run_space){low, low + 512, low + 1024, low + 8192};
    return true;
}

/* Where the packet of @n bytes is, for a program of @t. False: it can only be told by calls. */
static inline bool run_space_fill(const struct run_space *s, const struct bench_target *t, uint32_t n)
{
    uint32_t first = (uint32_t)(uintptr_t)s->packet, end = first + n;

    memset(s->context, 0, 1024);
    if (t->kernel == &kernel_socket_direct) {
        memcpy(s->skb + kernel_skb_offset(SKB_DATA), &first, 4);
        memcpy(s->skb + kernel_skb_offset(SKB_LEN), &n, 4);
        return true;
    }
    if (t->data < 0)
        return false;
    memcpy(s->context + t->data, &first, 4);
    memcpy(s->context + t->data_end, &end, 4);
    return true;
}

static inline uint64_t run_read(uint64_t address, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, (const void *)(uintptr_t)address, size);
    return v;
}

/* Added to by every run. */
struct run_counts {
    uint64_t executed, taken; /* instructions; jumps taken, exits in front of what is reached included */
    uint32_t last;            /* the last instruction reached, in the program's order */
};

/** Counts what is executed on the packet. False: the program does what only the kernel can. */
static inline bool run_count(const struct ebpf_program *p, struct run_space *s, const uint8_t *packet,
                             uint32_t n, struct run_counts *c)
{
    uint64_t r[16] = {0};

    if (!run_space_fill(s, p->target, n))
        return false;
    memcpy(s->packet, packet, n);
    r[1] = (uintptr_t)s->context;
    r[10] = (uintptr_t)s->stack;
    for (uint32_t pc = 0; pc < p->n; pc++) {
        static const uint8_t bytes[] = {4, 2, 1, 8};
        const struct weir_ebpf_insn *in = &p->insn[pc];
        unsigned class = in->code & 7, dst = in->registers & 15, src = in->registers >> 4;
        bool wide = class == 7 || class == 5;
        uint64_t b = in->code & 8 ? r[src] : (uint64_t)(int64_t)in->imm;

        c->executed++;
        c->last = pc > c->last ? pc : c->last;
        switch (class) {
        case 0:
            if (in->code != 0x18 || (src && !p->rodata))
                return false;
            r[dst] = src ? (uintptr_t)p->rodata + (uint32_t)in[1].imm
                         : (uint64_t)(uint32_t)in[1].imm << 32 | (uint32_t)in->imm;
            pc++;
            break;
        case 1:
            r[dst] = run_read(r[src] + (uint64_t)(int64_t)in->offset, bytes[in->code >> 3 & 3]);
            break;
        case 2:
        case 3:
            if ((in->code & 0xe0) != 0x60)
                return false;
            b = class == 3 ? r[src] : (uint64_t)(int64_t)in->imm;
            memcpy((void *)(uintptr_t)(r[dst] + (uint64_t)(int64_t)in->offset), &b, bytes[in->code >> 3 & 3]);
            break;
        case 4:
        case 7:
            if ((in->code & 0xf0) == 0xd0)
                r[dst] = in->code == 0xdc || class == 7 ? ebpf_swap(r[dst], in->imm) : r[dst];
            else
                r[dst] =
                    ebpf_alu(in->code & 0xf0, wide ? r[dst] : (uint32_t)r[dst], wide ? b : (uint32_t)b, wide);
            if (!wide && (in->code & 0xf0) != 0xd0)
                r[dst] = (uint32_t)r[dst];
            break;
        default:
            if (in->code == EXIT) {
                c->taken += pc + 1 < p->hot; /* as the copies are laid out */
                return true;
            }
            if (in->code == 0x85 && src == BPF_PSEUDO_KFUNC_CALL) { /* a move, once Linux has loaded it */
                r[0] = r[1] == (uintptr_t)s->context ? (uintptr_t)s->skb : r[1];
                break;
            }
            if ((in->code & 0xf0) == 0x80)
                return false;
            if (in->code != 0x06 &&
                !ebpf_takes(in->code & 0xf0, wide ? r[dst] : (uint32_t)r[dst], wide ? b : (uint32_t)b, wide))
                break;
            pc += in->code == 0x06 ? (uint32_t)in->imm : (uint32_t)(int32_t)in->offset;
            c->taken++;
        }
    }
    return false;
}

/** Where the part of the program ends that the @n packets reach: behind an exit or a jump. */
static inline uint32_t run_hot(const struct ebpf_program *p, struct run_space *s, const struct shots *shots)
{
    struct run_counts counts = {.executed = 0};
    for (size_t i = 0; i < shots->n; i++)
        if (!run_count(p, s, shots->at[i].bytes, shots->at[i].n, &counts))
            return p->n;
    uint32_t last = counts.last;
    while (last + 1 < p->n && p->insn[last].code != EXIT && p->insn[last].code != 0x05 &&
           p->insn[last].code != 0x06)
        last++;
    return last + 1;
}
#endif
