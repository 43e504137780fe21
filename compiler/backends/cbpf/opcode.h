/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/opcode.h - the numbers of classic BPF.
 *
 * An opcode is the sum of a class (3 bits) and what the class asks for:
 *
 *   loads, stores    mode << 5 | size << 3 | class
 *   arithmetic       operator << 4 | (1: X, 0: k) << 3 | class
 *   jumps            condition << 4 | (1: X, 0: k) << 3 | class
 *
 * Source: McCanne and Jacobson, 1993; linux/bpf_common.h and linux/filter.h for modulo, xor and metadata.
 */
#ifndef WEIR_BACKENDS_CBPF_OPCODE_H
#define WEIR_BACKENDS_CBPF_OPCODE_H

enum {
    /* classes */
    CB_LD = 0,
    CB_LDX = 1,
    CB_ST = 2,
    CB_STX = 3,
    CB_ALU = 4,
    CB_JMP = 5,
    CB_RET = 6,
    CB_MISC = 7,
    CB_CLASS = 7, /* mask */

    /* sizes and modes of loads */
    CB_W = 0x00,
    CB_H = 0x08,
    CB_B = 0x10,
    CB_SIZE = 0x18, /* mask */
    CB_IMM = 0x00,
    CB_ABS = 0x20,
    CB_IND = 0x40,
    CB_MEM = 0x60,
    CB_LEN = 0x80,
    CB_MSH = 0xa0,
    CB_MODE = 0xe0, /* mask */

    /* operators */
    CB_ADD = 0x00,
    CB_SUB = 0x10,
    CB_MUL = 0x20,
    CB_DIV = 0x30,
    CB_OR = 0x40,
    CB_AND = 0x50,
    CB_LSH = 0x60,
    CB_RSH = 0x70,
    CB_NEG = 0x80,
    CB_MOD = 0x90,
    CB_XOR = 0xa0,
    CB_OPERATOR = 0xf0, /* mask */

    /* conditions */
    CB_JA = 0x00,
    CB_JEQ = 0x10,
    CB_JGT = 0x20,
    CB_JGE = 0x30,
    CB_JSET = 0x40,

    CB_X = 0x08, /* the right operand is X instead of k */
    CB_A = 0x10, /* ret: A instead of k */

    /* whole instructions without parts */
    CB_TAX = CB_MISC | 0x00,
    CB_TXA = CB_MISC | 0x80,
    CB_LD_MEM = CB_LD | CB_MEM,
    CB_LDX_MEM = CB_LDX | CB_MEM,
    CB_LD_IMM = CB_LD | CB_IMM,
    CB_LDX_IMM = CB_LDX | CB_IMM,
    CB_LD_LEN = CB_LD | CB_LEN,
    CB_LDX_LEN = CB_LDX | CB_LEN,
    CB_LDX_MSH = CB_LDX | CB_B | CB_MSH,
    CB_RET_K = CB_RET,
    CB_RET_A = CB_RET | CB_A,
};

/* Absolute loads from here on read packet metadata (SKF_AD_OFF); from CB_XOR_X they give A ^ X. */
#define CB_META_BASE 0xfffff000u
#define CB_XOR_X     (CB_META_BASE + 40)
/* What lies behind CB_META_BASE and is no value of IR (SKF_AD_). */
enum { CB_NLATTR = 12, CB_NLATTR_NEST = 16, CB_PAY_OFFSET = 52, CB_RANDOM = 56 };
/* Absolute and indirect addresses from here on are not packet bytes for Linux, but count from the link header
 * (SKF_LL_OFF), ... */
#define CB_MAGIC_BASE 0xffe00000u
/* ... and from here on from the network header (SKF_NET_OFF). */
#define CB_NET_BASE 0xfff00000u
#endif
