/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/effects.c - which registers an instruction reads and writes.
 */
#include "backends/cbpf/cbpf.h"
#include "backends/cbpf/opcode.h"

static uint32_t bit(uint32_t reg)
{
    return UINT32_C(1) << reg;
}

void cbpf_effects(uint16_t code, uint32_t k, uint32_t *reads, uint32_t *writes)
{
    uint32_t x = code & CB_X ? bit(CBPF_REGISTER_X) : 0;

    *reads = *writes = 0;
    switch (code & CB_CLASS) {
    case CB_LD:
    case CB_LDX:
        *writes = bit((code & CB_CLASS) == CB_LD ? CBPF_REGISTER_A : CBPF_REGISTER_X);
        if ((code & CB_MODE) == CB_MEM)
            *reads = bit(k);
        if ((code & CB_MODE) == CB_IND)
            *reads = bit(CBPF_REGISTER_X);
        if ((code & CB_MODE) == CB_ABS && k == CB_XOR_X)
            *reads = bit(CBPF_REGISTER_A) | bit(CBPF_REGISTER_X);
        break;
    case CB_ST:
    case CB_STX:
        *reads = bit((code & CB_CLASS) == CB_ST ? CBPF_REGISTER_A : CBPF_REGISTER_X);
        *writes = bit(k);
        break;
    case CB_ALU:
        *reads = bit(CBPF_REGISTER_A) | ((code & CB_OPERATOR) == CB_NEG ? 0 : x);
        *writes = bit(CBPF_REGISTER_A);
        break;
    case CB_JMP:
        *reads = code == (CB_JMP | CB_JA) ? 0 : bit(CBPF_REGISTER_A) | x;
        break;
    case CB_RET:
        *reads = code == CB_RET_A ? bit(CBPF_REGISTER_A) : 0;
        break;
    case CB_MISC:
        *reads = bit(code == CB_TXA ? CBPF_REGISTER_X : CBPF_REGISTER_A);
        *writes = bit(code == CB_TXA ? CBPF_REGISTER_A : CBPF_REGISTER_X);
        break;
    }
}
