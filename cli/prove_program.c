/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/prove_program.c - classic BPF programs as the proving engines see them: form, liveness, arithmetic. */
#include <linux/filter.h>
#include <stdlib.h>
#include "prove.h"

unsigned prove_load_bytes(uint16_t code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static bool insn_is_known(const struct weir_cbpf_insn *i)
{
    switch (i->code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_B | BPF_MSH:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
        return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
        return i->k < PROVE_CELLS;
    default:
        break;
    }
    if (i->code & ~0xffu)
        return false;
    if (BPF_CLASS(i->code) == BPF_ALU)
        return BPF_OP(i->code) <= BPF_XOR && BPF_OP(i->code) != BPF_NEG;
    return BPF_CLASS(i->code) == BPF_JMP && BPF_OP(i->code) != BPF_JA && BPF_OP(i->code) <= BPF_JSET;
}

bool prove_is_straight(const struct weir_cbpf_insn *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t room = n - i - 1;
        if (!insn_is_known(&p[i]))
            return false;
        if (BPF_CLASS(p[i].code) == BPF_RET)
            continue;
        if (BPF_CLASS(p[i].code) != BPF_JMP ? !room
            : BPF_OP(p[i].code) == BPF_JA   ? p[i].k >= room
                                            : p[i].jt >= room || p[i].jf >= room)
            return false;
    }
    return n > 0;
}

uint32_t *prove_live(const struct weir_cbpf_insn *p, uint32_t n)
{
    uint32_t *live = calloc(n, sizeof *live);
    for (uint32_t pc = n; live && pc-- > 0;) {
        const struct weir_cbpf_insn *i = &p[pc];
        uint32_t after = BPF_CLASS(i->code) != BPF_RET && BPF_CLASS(i->code) != BPF_JMP ? live[pc + 1] : 0;
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
            after &= ~PROVE_LIVE_A;
            if (BPF_MODE(i->code) == BPF_IND)
                after |= PROVE_LIVE_X;
            if (BPF_MODE(i->code) == BPF_MEM)
                after |= 1u << i->k;
            break;
        case BPF_LDX:
            after &= ~PROVE_LIVE_X;
            if (BPF_MODE(i->code) == BPF_MEM)
                after |= 1u << i->k;
            break;
        case BPF_ST:
            after = (after & ~(1u << i->k)) | PROVE_LIVE_A;
            break;
        case BPF_STX:
            after = (after & ~(1u << i->k)) | PROVE_LIVE_X;
            break;
        case BPF_ALU:
            after |= PROVE_LIVE_A | (BPF_SRC(i->code) == BPF_X && i->code != (BPF_ALU | BPF_NEG) ? PROVE_LIVE_X : 0);
            break;
        case BPF_JMP:
            if (BPF_OP(i->code) == BPF_JA)
                after = live[pc + 1 + i->k];
            else
                after = live[pc + 1 + i->jt] | live[pc + 1 + i->jf] | PROVE_LIVE_A |
                        (BPF_SRC(i->code) == BPF_X ? PROVE_LIVE_X : 0);
            break;
        case BPF_RET:
            after = BPF_RVAL(i->code) == BPF_A ? PROVE_LIVE_A : 0;
            break;
        default:
            after = BPF_MISCOP(i->code) == BPF_TAX ? (after & ~PROVE_LIVE_X) | PROVE_LIVE_A : (after & ~PROVE_LIVE_A) | PROVE_LIVE_X;
            break;
        }
        live[pc] = after;
    }
    return live;
}

uint32_t prove_compute(unsigned op, uint32_t a, uint32_t s)
{
    switch (op) {
    case BPF_ADD:
        return a + s;
    case BPF_SUB:
        return a - s;
    case BPF_MUL:
        return a * s;
    case BPF_DIV:
        return s ? a / s : 0;
    case BPF_MOD:
        return s ? a % s : 0;
    case BPF_AND:
        return a & s;
    case BPF_OR:
        return a | s;
    case BPF_XOR:
        return a ^ s;
    case BPF_LSH:
        return s < 32 ? a << s : 0;
    case BPF_RSH:
        return s < 32 ? a >> s : 0;
    default:
        return -a;
    }
}

bool prove_confirm(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                   const struct prove_question *o, struct prove_result *out)
{
    bool faulted = false, ignored;

    out->p = o->run(o->user, p, np, out, &faulted);
    out->q = o->run(o->user, q, nq, out, &ignored);
    for (size_t i = 0; i < o->conditions; i++) {
        const struct prove_condition *c = &o->condition[i];
        if (c->accepts != (o->run(o->user, c->code, c->n, out, &ignored) != 0))
            return false;
    }
    return out->caplen >= o->caplen_min && out->p != out->q && (!o->refines || out->p || !faulted);
}

void prove_release(struct prove_result *r)
{
    free(r->bytes);
    *r = (struct prove_result){.verdict = PROVE_UNKNOWN};
}
