/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm/cbpf_vm.c - the classic BPF machine: one instruction after the other, every load checked.
 *
 * Source: McCanne and Jacobson, 1993. The numbers are written out here, not taken from the backend, so that
 * a slip there shows.
 */
#include "vm/vm.h"
#include <stdbool.h>

enum { LD, LDX, ST, STX, ALU, JMP, RET, MISC };
enum { IMM = 0x00, ABS = 0x20, IND = 0x40, MEM = 0x60, LEN = 0x80, MSH = 0xa0 };

#define META_BASE 0xfffff000u
#define XOR_X     40u /* behind it: no metadata, but A ^ X */

static unsigned load_bytes(uint16_t code)
{
    return (code & 0x18) == 0x00 ? 4 : (code & 0x18) == 0x08 ? 2 : 1;
}

/* @size big-endian bytes at @at. False: out of range. */
static bool load(const struct packet *p, uint32_t at, unsigned size, uint32_t *out)
{
    if ((uint64_t)at + size > p->caplen)
        return false;
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v = v << 8 | p->bytes[at + i];
    *out = v;
    return true;
}

/* A op s. False: division by zero. */
static bool compute(unsigned op, uint32_t *a, uint32_t s)
{
    switch (op) {
    case 0x00:
        *a += s;
        return true;
    case 0x10:
        *a -= s;
        return true;
    case 0x20:
        *a *= s;
        return true;
    case 0x30:
        if (s == 0)
            return false;
        *a /= s;
        return true;
    case 0x40:
        *a |= s;
        return true;
    case 0x50:
        *a &= s;
        return true;
    case 0x60:
        *a = s < 32 ? *a << s : 0;
        return true;
    case 0x70:
        *a = s < 32 ? *a >> s : 0;
        return true;
    case 0x80:
        *a = 0 - *a;
        return true;
    case 0x90:
        if (s == 0)
            return false;
        *a %= s;
        return true;
    case 0xa0:
        *a ^= s;
        return true;
    }
    return false;
}

static bool jump_taken(unsigned condition, uint32_t a, uint32_t s)
{
    switch (condition) {
    case 0x10:
        return a == s;
    case 0x20:
        return a > s;
    case 0x30:
        return a >= s;
    default: /* 0x40 */
        return (a & s) != 0;
    }
}

uint32_t cbpf_run(const struct weir_cbpf_insn *code, uint32_t n, const struct packet *p,
                  struct vm_counts *counts)
{
    uint32_t a = 0, x = 0, cell[16] = {0};
    struct vm_counts none = {0, 0, 0};
    struct vm_counts *c = counts ? counts : &none;

    for (uint32_t pc = 0; pc < n; pc++) {
        const struct weir_cbpf_insn *in = &code[pc];
        uint32_t v = 0, s = in->code & 0x08 ? x : in->k;
        bool ok = true;

        c->instructions++;
        switch (in->code & 7) {
        case LD:
        case LDX:
            switch (in->code & 0xe0) {
            case IMM:
                v = in->k;
                break;
            case LEN:
                v = p->wirelen;
                break;
            case MEM:
                v = cell[in->k & 15];
                break;
            case MSH:
                c->loads++;
                ok = load(p, in->k, 1, &v);
                v = (v & 15) << 2;
                break;
            case ABS:
                if (in->k == META_BASE + XOR_X) {
                    v = a ^ x;
                    break;
                }
                if (in->k >= META_BASE) { /* all of it, whatever the load's width, as Linux has it */
                    ok = packet_meta(p, in->k - META_BASE, &v);
                    break;
                }
                c->loads++;
                ok = load(p, in->k, load_bytes(in->code), &v);
                break;
            case IND:
                c->loads++;
                ok = load(p, in->k + x, load_bytes(in->code), &v);
                break;
            }
            if (!ok) {
                c->faults++;
                return 0;
            }
            if ((in->code & 7) == LD)
                a = v;
            else
                x = v;
            break;
        case ST:
            cell[in->k & 15] = a;
            break;
        case STX:
            cell[in->k & 15] = x;
            break;
        case ALU:
            if (!compute(in->code & 0xf0, &a, s))
                return 0;
            break;
        case JMP:
            if ((in->code & 0xf0) == 0)
                pc += in->k;
            else
                pc += jump_taken(in->code & 0xf0, a, s) ? in->jt : in->jf;
            break;
        case RET:
            return in->code & 0x10 ? a : in->k;
        case MISC:
            if (in->code & 0x80)
                a = x;
            else
                x = a;
            break;
        }
    }
    return 0;
}
