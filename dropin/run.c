/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dropin/run.c - libpcap's functions that judge and run a program.
 *
 * bpf_filter() is called for every packet and without the program's length, so it is an interpreter of its
 * own: one switch over whole opcodes. It answers as libpcap's does: a load past the captured bytes rejects,
 * so does one whose address passes 2^32, metadata or a division by zero; shifts by more than 31 give 0.
 *
 * Source: McCanne and Jacobson, "The BSD Packet Filter", USENIX 1993; bpf(4).
 */
#include <pcap/pcap.h>
#include <stdbool.h>
#include "backends/cbpf/cbpf.h"
#include "weir/weir.h"

/* Do @size bytes at @at + @x lie within @caplen? */
static inline bool within(u_int at, u_int x, u_int size, u_int caplen)
{
    return (uint64_t)at + x + size <= caplen;
}

static inline u_int half(const u_char *p)
{
    return (u_int)p[0] << 8 | p[1];
}

static inline u_int word(const u_char *p)
{
    return half(p) << 16 | half(p + 2);
}

WEIR_API u_int bpf_filter(const struct bpf_insn *program, const u_char *packet, u_int wirelen, u_int caplen)
{
    u_int a = 0, x = 0, cell[BPF_MEMWORDS] = {0};

    if (!program)
        return (u_int)-1; /* no filter: everything */
    for (const struct bpf_insn *in = program;; in++) {
        const u_int k = in->k;

        switch (in->code) {
        case BPF_RET | BPF_K:
            return k;
        case BPF_RET | BPF_A:
            return a;

        case BPF_LD | BPF_W | BPF_ABS:
            if (!within(k, 0, 4, caplen))
                return 0;
            a = word(packet + k);
            break;
        case BPF_LD | BPF_H | BPF_ABS:
            if (!within(k, 0, 2, caplen))
                return 0;
            a = half(packet + k);
            break;
        case BPF_LD | BPF_B | BPF_ABS:
            if (!within(k, 0, 1, caplen))
                return 0;
            a = packet[k];
            break;
        case BPF_LD | BPF_W | BPF_IND:
            if (!within(k, x, 4, caplen))
                return 0;
            a = word(packet + x + k);
            break;
        case BPF_LD | BPF_H | BPF_IND:
            if (!within(k, x, 2, caplen))
                return 0;
            a = half(packet + x + k);
            break;
        case BPF_LD | BPF_B | BPF_IND:
            if (!within(k, x, 1, caplen))
                return 0;
            a = packet[x + k];
            break;
        case BPF_LDX | BPF_B | BPF_MSH:
            if (!within(k, 0, 1, caplen))
                return 0;
            x = (packet[k] & 15u) << 2;
            break;
        case BPF_LD | BPF_LEN:
            a = wirelen;
            break;
        case BPF_LDX | BPF_LEN:
            x = wirelen;
            break;
        case BPF_LD | BPF_IMM:
            a = k;
            break;
        case BPF_LDX | BPF_IMM:
            x = k;
            break;
        case BPF_LD | BPF_MEM:
            a = cell[k % BPF_MEMWORDS];
            break;
        case BPF_LDX | BPF_MEM:
            x = cell[k % BPF_MEMWORDS];
            break;
        case BPF_ST:
            cell[k % BPF_MEMWORDS] = a;
            break;
        case BPF_STX:
            cell[k % BPF_MEMWORDS] = x;
            break;

        case BPF_JMP | BPF_JA:
            in += (bpf_int32)k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            in += a == k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            in += a > k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            in += a >= k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            in += a & k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JEQ | BPF_X:
            in += a == x ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_X:
            in += a > x ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_X:
            in += a >= x ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_X:
            in += a & x ? in->jt : in->jf;
            break;

        case BPF_ALU | BPF_ADD | BPF_X:
            a += x;
            break;
        case BPF_ALU | BPF_SUB | BPF_X:
            a -= x;
            break;
        case BPF_ALU | BPF_MUL | BPF_X:
            a *= x;
            break;
        case BPF_ALU | BPF_DIV | BPF_X:
            if (x == 0)
                return 0;
            a /= x;
            break;
        case BPF_ALU | BPF_MOD | BPF_X:
            if (x == 0)
                return 0;
            a %= x;
            break;
        case BPF_ALU | BPF_AND | BPF_X:
            a &= x;
            break;
        case BPF_ALU | BPF_OR | BPF_X:
            a |= x;
            break;
        case BPF_ALU | BPF_XOR | BPF_X:
            a ^= x;
            break;
        case BPF_ALU | BPF_LSH | BPF_X:
            a = x < 32 ? a << x : 0;
            break;
        case BPF_ALU | BPF_RSH | BPF_X:
            a = x < 32 ? a >> x : 0;
            break;
        case BPF_ALU | BPF_ADD | BPF_K:
            a += k;
            break;
        case BPF_ALU | BPF_SUB | BPF_K:
            a -= k;
            break;
        case BPF_ALU | BPF_MUL | BPF_K:
            a *= k;
            break;
        case BPF_ALU | BPF_DIV | BPF_K:
            if (k == 0)
                return 0;
            a /= k;
            break;
        case BPF_ALU | BPF_MOD | BPF_K:
            if (k == 0)
                return 0;
            a %= k;
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= k;
            break;
        case BPF_ALU | BPF_OR | BPF_K:
            a |= k;
            break;
        case BPF_ALU | BPF_XOR | BPF_K:
            a ^= k;
            break;
        case BPF_ALU | BPF_LSH | BPF_K:
            a = k < 32 ? a << k : 0;
            break;
        case BPF_ALU | BPF_RSH | BPF_K:
            a = k < 32 ? a >> k : 0;
            break;
        case BPF_ALU | BPF_NEG:
            a = 0 - a;
            break;
        case BPF_MISC | BPF_TAX:
            x = a;
            break;
        case BPF_MISC | BPF_TXA:
            a = x;
            break;
        default:
            return 0; /* not an instruction: libpcap would abort the process */
        }
    }
}

WEIR_API int pcap_offline_filter(const struct bpf_program *program, const struct pcap_pkthdr *header,
                                 const u_char *packet)
{
    if (!program->bf_insns)
        return 0;
    return (int)bpf_filter(program->bf_insns, packet, header->len, header->caplen);
}

WEIR_API int bpf_validate(const struct bpf_insn *insns, int count)
{
    /* the same layout: compile.c asserts it */
    return count > 0 && !cbpf_validate((const struct weir_cbpf_insn *)insns, (uint32_t)count);
}
