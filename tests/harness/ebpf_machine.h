/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/ebpf_machine.h - a small interpreter of eBPF programs, as they are before they are loaded.
 *
 * It checks every memory access, so a program that reads outside of the packet or its stack, or a register
 * that was not written, fails here too; whether Linux's verifier can prove it is for jit-tests.
 */
#ifndef WEIR_TESTS_HARNESS_EBPF_MACHINE_H
#define WEIR_TESTS_HARNESS_EBPF_MACHINE_H
#include <string.h>
#include "backends/ebpf/ebpf.h"
#include "tests/harness/ebpf_alu.h"
#include "vm/vm.h"

#define MACHINE_FAULT   0xfa017u
#define MACHINE_CONTEXT UINT64_C(0xc0de00000000c0de) /* address of struct xdp_md or struct __sk_buff */
#define MACHINE_SKB     UINT64_C(0xc0de0000005eb0ff) /* of struct sk_buff, which that stands for */
#define MACHINE_KFUNC   1000                         /* number of Linux's first function */

struct machine {
    uint64_t r[11];
    bool set[11];
    uint8_t stack[512];
    bool stack_set[512];
    const struct packet *p;
    uint32_t target;
    uint32_t linear; /* bytes of the packet that are reached directly */
};

static inline uint64_t machine_stack(const struct machine *m)
{
    return (uint64_t)(uintptr_t)m->stack;
}

static inline uint64_t machine_packet(const struct machine *m)
{
    return (uint64_t)(uintptr_t)m->p->bytes;
}

/* A field of the context, by its offset in linux/bpf.h. */
static inline bool machine_context(struct machine *m, int offset, uint64_t *out)
{
    bool xdp = m->target == WEIR_TARGET_XDP;

    if (m->target == WEIR_TARGET_SOCKET && offset >= 76)
        return false;
    if (offset == (xdp ? 0 : 76))
        *out = machine_packet(m);
    else if (offset == (xdp ? 4 : 80))
        *out = machine_packet(m) + m->linear;
    else if (offset == (xdp ? 12 : 40))
        *out = m->p->meta.ifindex;
    else if (!xdp && offset == 8)
        *out = m->p->meta.mark;
    else if (!xdp && offset == 12)
        *out = m->p->meta.queue;
    else if (!xdp && offset == 16) /* in packet order */
        *out = __builtin_bswap16((uint16_t)m->p->meta.protocol);
    else if (!xdp && offset == 28)
        *out = __builtin_bswap16((uint16_t)m->p->meta.vlan_tpid);
    else if (!xdp && offset == 68)
        *out = m->p->meta.rxhash;
    else if (!xdp && offset == 0)
        *out = m->p->wirelen;
    else if (!xdp && offset == 4)
        *out = m->p->meta.packet_type;
    else if (!xdp && offset == 20)
        *out = m->p->meta.vlan_present;
    else if (!xdp && offset == 24)
        *out = m->p->meta.vlan_tci;
    else
        return false;
    return true;
}

/* A field of struct sk_buff, where it is before the program is loaded. */
static inline bool machine_field(const struct machine *m, int offset, unsigned size, uint64_t *out)
{
    const uint64_t value[SKB_COUNT] = {
        [SKB_LEN] = m->p->caplen, [SKB_DATA_LEN] = m->p->caplen - m->linear, [SKB_DATA] = machine_packet(m)};

    for (int f = 0; f < SKB_COUNT; f++)
        if (ebpf_skb_fields[f].at == (unsigned)offset && ebpf_skb_fields[f].bytes == size) {
            *out = value[f];
            return true;
        }
    return false;
}

static inline bool machine_load(struct machine *m, const struct weir_ebpf_insn *in)
{
    unsigned dst = in->registers & 15, src = in->registers >> 4;
    static const unsigned sizes[4] = {4, 2, 1, 8};
    unsigned size = sizes[in->code >> 3 & 3];
    uint64_t address = m->r[src] + (uint64_t)(int64_t)in->offset, x = 0;

    m->set[dst] = true;
    if (m->r[src] == MACHINE_CONTEXT)
        return size == 4 && machine_context(m, in->offset, &m->r[dst]);
    if (m->r[src] == MACHINE_SKB)
        return machine_field(m, in->offset, size, &m->r[dst]);
    if (address >= machine_stack(m) && address + size <= machine_stack(m) + sizeof m->stack) {
        for (unsigned i = 0; i < size; i++)
            if (!m->stack_set[address - machine_stack(m) + i])
                return false;
        if ((address - machine_stack(m)) % size)
            return false;
    } else if (address < machine_packet(m) || address + size > machine_packet(m) + m->linear) {
        return false;
    }
    memcpy(&x, (const void *)(uintptr_t)address, size);
    m->r[dst] = x;
    return true;
}

static inline bool machine_store(struct machine *m, const struct weir_ebpf_insn *in)
{
    unsigned src = in->registers >> 4;
    int at = 512 + in->offset;
    uint64_t x = (in->code & 7) == 3 ? m->r[src] : (uint64_t)(int64_t)in->imm;

    if ((in->registers & 15) != 10 || at % 8 || at < 0 || at > 504 || (in->code >> 3 & 3) != 3)
        return false;
    if ((in->code & 7) == 3 && !m->set[src])
        return false;
    memcpy(m->stack + at, &x, 8);
    memset(m->stack_set + at, 1, 8);
    return true;
}

static inline void machine_called(struct machine *m, uint64_t result)
{
    for (int r = 1; r <= 5; r++)
        m->set[r] = false;
    m->r[0] = result;
    m->set[0] = true;
}

static inline bool machine_kfunc(struct machine *m, int number)
{
    bool cast = number == MACHINE_KFUNC + KFUNC_CAST_TO_KERN_CTX;

    if (!m->set[1] || (cast ? m->r[1] != MACHINE_CONTEXT
                            : number != MACHINE_KFUNC + KFUNC_RDONLY_CAST || !m->set[2] || m->r[2]))
        return false;
    machine_called(m, cast ? MACHINE_SKB : m->r[1]);
    return true;
}

static inline bool machine_call(struct machine *m, int helper)
{
    uint32_t from = (uint32_t)m->r[2], n = (uint32_t)m->r[4];
    uint64_t to = m->r[3] - machine_stack(m);

    if (helper == 8) { /* without arguments */
        machine_called(m, m->p->meta.cpu);
        return true;
    }
    if (!m->set[1] || m->r[1] != MACHINE_CONTEXT)
        return false;
    if (helper == 188 && m->target == WEIR_TARGET_XDP) {
        machine_called(m, m->p->wirelen);
        return true;
    }
    if (helper != (m->target == WEIR_TARGET_XDP ? 189 : 26) || !m->set[2] || !m->set[3] || !m->set[4])
        return false;
    if (n == 0 || to > 512 || to + n > 512)
        return false;
    bool there = (uint64_t)from + n <= m->p->caplen;
    for (uint32_t i = 0; i < n; i++)
        m->stack[to + i] = there ? m->p->bytes[from + i] : 0;
    memset(m->stack_set + to, 1, n);
    machine_called(m, there ? 0 : UINT64_MAX);
    return true;
}

/* LD_ABS and LD_IND; what is not there ends the program. */
static inline bool machine_packet_load(struct machine *m, const struct weir_ebpf_insn *in, bool *ends)
{
    static const unsigned sizes[4] = {4, 2, 1, 8};
    unsigned size = sizes[in->code >> 3 & 3], src = in->registers >> 4;
    bool index = (in->code & 0xe0) == 0x40;
    int32_t at = (int32_t)(uint32_t)((index ? m->r[src] : 0) + (uint64_t)(int64_t)in->imm);
    uint32_t x = 0;

    if (m->target != WEIR_TARGET_SOCKET || size == 8 || m->r[6] != MACHINE_CONTEXT || (index && !m->set[src]))
        return false;
    *ends = at < 0 || (uint64_t)at + size > m->p->caplen;
    for (unsigned i = 0; i < size && !*ends; i++)
        x = x << 8 | m->p->bytes[(unsigned)at + i];
    machine_called(m, x);
    return true;
}

/* Verdict of the program, or MACHINE_FAULT where it did something it must not. */
static inline uint32_t machine_run(const struct weir_ebpf_insn *code, uint32_t n, uint32_t target,
                                   const struct packet *p, uint32_t linear)
{
    static struct machine m;
    bool function = target == WEIR_TARGET_FUNC, ends = false;

    m = (struct machine){.p = p, .target = target, .linear = linear};
    m.set[1] = m.set[10] = true;
    m.set[2] = m.set[3] = function;
    m.r[1] = function ? machine_packet(&m) : MACHINE_CONTEXT;
    m.r[2] = machine_packet(&m) + linear;
    m.r[3] = p->wirelen;
    m.r[10] = machine_stack(&m) + sizeof m.stack;
    for (uint32_t pc = 0; pc < n; pc++) {
        const struct weir_ebpf_insn *in = &code[pc];
        unsigned dst = in->registers & 15, src = in->registers >> 4, cls = in->code & 7;
        bool wide = cls == 7 || cls == 5, from_x = in->code & 8;
        int op = in->code & 0xf0;
        if (cls == 1 ? !m.set[src] : (cls >= 4 && from_x && op != 0xd0 && !m.set[src]))
            return MACHINE_FAULT;
        if ((cls == 4 || cls == 7) && op != 0xb0 && !m.set[dst])
            return MACHINE_FAULT;
        uint64_t a = m.r[dst], b = from_x ? m.r[src] : (uint64_t)(int64_t)in->imm;
        if (!wide) {
            a = (uint32_t)a;
            b = (uint32_t)b;
        }
        if (in->code == 0x95)
            return m.set[0] ? (uint32_t)m.r[0] : MACHINE_FAULT;
        if (cls == 1 && !machine_load(&m, in))
            return MACHINE_FAULT;
        if ((cls == 2 || cls == 3) && !machine_store(&m, in))
            return MACHINE_FAULT;
        if (in->code == 0x18) {
            m.r[dst] = (uint64_t)(uint32_t)in[1].imm << 32 | (uint32_t)in->imm;
            m.set[dst] = true;
            pc++;
        } else if (cls == 0) {
            if (!machine_packet_load(&m, in, &ends))
                return MACHINE_FAULT;
            if (ends)
                return 0;
        } else if (in->code == 0x85) {
            if (src ? !machine_kfunc(&m, in->imm) : !machine_call(&m, in->imm))
                return MACHINE_FAULT;
        } else if (in->code == 0xdc) {
            m.r[dst] = ebpf_swap(a, in->imm);
        } else if (cls == 4 || cls == 7) {
            m.set[dst] = true;
            m.r[dst] = ebpf_alu((unsigned)op, a, b, wide);
            if (!wide)
                m.r[dst] = (uint32_t)m.r[dst];
        } else if (in->code == 0x05) {
            pc += (uint32_t)(int32_t)in->offset;
        } else if (in->code == 0x06) {
            pc += (uint32_t)in->imm;
        } else if (cls == 5 || cls == 6) {
            if (!m.set[dst])
                return MACHINE_FAULT;
            if (ebpf_takes((unsigned)op, a, b, wide))
                pc += (uint32_t)(int32_t)in->offset;
        }
    }
    return MACHINE_FAULT;
}

/** Gives calls of Linux's functions the numbers they have here. */
static inline void machine_relocate(struct ebpf_code *code)
{
    for (uint32_t i = 0; i < code->reloc.n; i++)
        if (code->reloc.at[i].kind == EBPF_RELOC_KFUNC)
            code->insn.at[code->reloc.at[i].insn].imm = MACHINE_KFUNC + (int32_t)code->reloc.at[i].addend;
}
#endif
