/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/prove_program.c - classic BPF programs as the proving engines see them: form, liveness, arithmetic. */
#include <linux/filter.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
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

static const struct prove_meta metas[] = {
    {SKF_AD_PKTTYPE, 2, offsetof(struct weir_metadata, packet_type), "packet_type"},
    {SKF_AD_IFINDEX, 4, offsetof(struct weir_metadata, ifindex), "ifindex"},
    {SKF_AD_VLAN_TAG, 2, offsetof(struct weir_metadata, vlan_tci), "vlan_tci"},
    {SKF_AD_VLAN_TAG_PRESENT, 0, offsetof(struct weir_metadata, vlan_present), "vlan_present"},
    {SKF_AD_VLAN_TPID, 2, offsetof(struct weir_metadata, vlan_tpid), "vlan_tpid"},
    {SKF_AD_PROTOCOL, 2, offsetof(struct weir_metadata, protocol), "protocol"},
    {SKF_AD_MARK, 4, offsetof(struct weir_metadata, mark), "mark"},
    {SKF_AD_QUEUE, 2, offsetof(struct weir_metadata, queue), "queue"},
    {SKF_AD_RXHASH, 4, offsetof(struct weir_metadata, rxhash), "rxhash"},
    {SKF_AD_CPU, 4, offsetof(struct weir_metadata, cpu), "cpu"},
    {SKF_AD_HATYPE, 2, offsetof(struct weir_metadata, hatype), "hatype"},
};

const struct prove_meta *prove_meta_at(size_t i)
{
    return i < sizeof metas / sizeof metas[0] ? &metas[i] : NULL;
}

const struct prove_meta *prove_meta_find(uint32_t k)
{
    size_t i = 0;

    while (i < sizeof metas / sizeof metas[0] && metas[i].number != k - PROVE_ANCILLARY)
        i++;
    return prove_meta_at(i);
}

uint32_t prove_meta_of(const struct weir_metadata *m, const struct prove_meta *which)
{
    uint32_t value;

    memcpy(&value, (const char *)m + which->member, sizeof value);
    return value;
}

void prove_meta_set(struct weir_metadata *m, uint32_t k, uint32_t value)
{
    const struct prove_meta *which = prove_meta_find(k);

    if (which)
        memcpy((char *)m + which->member, &value, sizeof value);
}

bool prove_is_decided(const struct weir_cbpf_insn *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t which = p[i].k - PROVE_ANCILLARY;
        if (BPF_CLASS(p[i].code) == BPF_LD && BPF_MODE(p[i].code) == BPF_ABS &&
            (which == SKF_AD_RANDOM || which == SKF_AD_NLATTR || which == SKF_AD_NLATTR_NEST))
            return false;
    }
    return true;
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
            if (BPF_MODE(i->code) == BPF_ABS && i->k == PROVE_XOR_X)
                after |= PROVE_LIVE_A | PROVE_LIVE_X;
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
            after |= PROVE_LIVE_A |
                     (BPF_SRC(i->code) == BPF_X && i->code != (BPF_ALU | BPF_NEG) ? PROVE_LIVE_X : 0);
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
            after = BPF_MISCOP(i->code) == BPF_TAX ? (after & ~PROVE_LIVE_X) | PROVE_LIVE_A
                                                   : (after & ~PROVE_LIVE_A) | PROVE_LIVE_X;
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

/* A machine that does packet loads and nothing else that matters here. */
struct machine {
    const struct prove_result *packet;
    uint32_t a, x, cell[PROVE_CELLS];
};

/* The packet bytes at @at to *@out. False when they are not there. */
static bool fetch(const struct machine *m, uint64_t at, unsigned bytes, uint32_t *out)
{
    *out = 0;
    if (at + bytes > m->packet->caplen)
        return false;
    for (unsigned i = 0; i < bytes; i++)
        *out = *out << 8 | m->packet->bytes[at + i];
    return true;
}

static uint32_t metadata(const struct machine *m, uint32_t k)
{
    const struct prove_meta *which = prove_meta_find(k);

    return k == PROVE_XOR_X ? m->a ^ m->x : which ? prove_meta_of(&m->packet->meta, which) : 0;
}

/* False when the load is out of range. */
static bool step_load(struct machine *m, const struct weir_cbpf_insn *i)
{
    uint32_t *to = BPF_CLASS(i->code) == BPF_LD ? &m->a : &m->x;

    switch (BPF_MODE(i->code)) {
    case BPF_IMM:
        *to = i->k;
        return true;
    case BPF_LEN:
        *to = m->packet->wirelen;
        return true;
    case BPF_MEM:
        *to = m->cell[i->k];
        return true;
    case BPF_MSH:
        if (!fetch(m, i->k, 1, to))
            return false;
        *to = (*to & 15) * 4;
        return true;
    case BPF_ABS:
        if (i->k < PROVE_ANCILLARY)
            return fetch(m, i->k, prove_load_bytes(i->code), to);
        *to = metadata(m, i->k);
        return true;
    default:
        return fetch(m, (uint32_t)(m->x + i->k), prove_load_bytes(i->code), to);
    }
}

static bool takes(const struct machine *m, const struct weir_cbpf_insn *i)
{
    uint32_t s = BPF_SRC(i->code) == BPF_X ? m->x : i->k;

    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return m->a == s;
    case BPF_JGT:
        return m->a > s;
    case BPF_JGE:
        return m->a >= s;
    default:
        return (m->a & s) != 0;
    }
}

bool prove_falls_short(const struct weir_cbpf_insn *code, uint32_t n, const struct prove_result *packet)
{
    struct machine m = {.packet = packet};

    for (uint32_t pc = 0; pc < n; pc++) {
        const struct weir_cbpf_insn *i = &code[pc];
        uint32_t s = BPF_SRC(i->code) == BPF_X ? m.x : i->k;
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX:
            if (!step_load(&m, i))
                return true;
            break;
        case BPF_ST:
        case BPF_STX:
            m.cell[i->k] = BPF_CLASS(i->code) == BPF_ST ? m.a : m.x;
            break;
        case BPF_ALU:
            if ((BPF_OP(i->code) == BPF_DIV || BPF_OP(i->code) == BPF_MOD) && s == 0)
                return false;
            m.a = prove_compute(BPF_OP(i->code), m.a, s);
            break;
        case BPF_JMP:
            pc += BPF_OP(i->code) == BPF_JA ? i->k : takes(&m, i) ? i->jt : i->jf;
            break;
        case BPF_MISC:
            *(BPF_MISCOP(i->code) == BPF_TAX ? &m.x : &m.a) = BPF_MISCOP(i->code) == BPF_TAX ? m.a : m.x;
            break;
        default: /* BPF_RET */
            return false;
        }
    }
    return false;
}

bool prove_confirm(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
                   const struct prove_question *o, struct prove_result *out)
{
    bool p_faulted = false, q_faulted = false, ignored;

    out->p = o->run(o->user, p, np, out, &p_faulted);
    out->q = o->run(o->user, q, nq, out, &q_faulted);
    if (o->finish && (p_faulted || q_faulted))
        return false;
    for (size_t i = 0; i < o->conditions; i++) {
        const struct prove_condition *c = &o->condition[i];
        if (c->accepts != (o->run(o->user, c->code, c->n, out, &ignored) != 0))
            return false;
    }
    return out->p != out->q && (!o->refines || out->p || !p_faulted);
}

void prove_release(struct prove_result *r)
{
    free(r->bytes);
    *r = (struct prove_result){.verdict = PROVE_UNKNOWN};
}
