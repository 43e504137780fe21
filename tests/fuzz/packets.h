/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/packets.h - packets that take an IR function where it has not been, and what must hold on them.
 *
 * A walk goes through the function with a packet in hand: at each block it picks a case of the switch and
 * writes the packet so that the switched value falls into it, as far as the value can be inverted (a load,
 * masked, shifted, plus a constant). So constants compared with are found in the function, not guessed.
 *
 * Only for fuzz_*.c and tests/property: everything is static.
 */
#ifndef WEIR_TESTS_FUZZ_PACKETS_H
#define WEIR_TESTS_FUZZ_PACKETS_H
#include <stdio.h>
#include <string.h>
#include "backends/cbpf/cbpf.h"
#include "vm/vm.h"

#define WALK_BYTES 2048

struct walk {
    uint64_t state; /* random numbers, SplitMix64 */
    uint8_t bytes[WALK_BYTES];
    struct packet p;
    uint32_t *value; /* by value: what it is for the packet as it stands */
};

static inline uint32_t walk_random(struct walk *w, uint32_t below)
{
    uint64_t z = (w->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint32_t)(((z >> 32) * below) >> 32);
}

/* What the packet starts as: the caller's bytes, random ones, zeros, or a frame of a common kind. */
static inline void walk_begin(struct walk *w, const uint8_t *seed, size_t len)
{
    static const uint8_t frames[][64] = {
        {2, 0, 0,  0, 0, 1, 2,  0, 0, 0, 0,    2,    8, 0,  0x45, 0, 0, 100, 0, 1, 0, 0, 64,   6,
         0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80, 0,    0, 0, 1,   0, 0, 0, 0, 0x50, 2},
        {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, 17, 64, 0x20, 1, 0xd, 0xb8},
        {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 5, 8, 0, 0x46, 0, 0, 100, 0, 1, 0x20, 9, 64, 17},
        {0x45, 0, 0, 100, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 53},
    };
    uint32_t kind = walk_random(w, 8);

    memset(w->bytes, 0, sizeof w->bytes);
    if (kind < 4) {
        memcpy(w->bytes, frames[kind], sizeof frames[kind]);
    } else if (kind < 6) {
        for (uint32_t i = 0; i < 256; i++)
            w->bytes[i] = (uint8_t)walk_random(w, 256);
    }
    if (kind >= 6 || walk_random(w, 2)) {
        if (len)
            memcpy(w->bytes, seed, len < sizeof w->bytes ? len : sizeof w->bytes);
    }
    w->p = (struct packet){.bytes = w->bytes, .caplen = 64 + walk_random(w, 128)};
    w->p.meta = (struct weir_metadata){.size = sizeof w->p.meta,
                                       .packet_type = walk_random(w, 6),
                                       .ifindex = 1 + walk_random(w, 3),
                                       .vlan_tci = walk_random(w, 65536),
                                       .vlan_present = walk_random(w, 2),
                                       .protocol = walk_random(w, 2) ? 0x800 : walk_random(w, 65536),
                                       .mark = walk_random(w, 4),
                                       .queue = walk_random(w, 8),
                                       .rxhash = walk_random(w, UINT32_MAX),
                                       .cpu = walk_random(w, 16)};
    w->p.wirelen = w->p.caplen;
}

static inline bool walk_address(const struct walk *w, const struct ir_node *n, uint32_t *at)
{
    uint64_t size = ir_load_size(n);
    *at = (n->a == IR_NONE ? 0 : w->value[n->a]) + n->imm;
    return *at + size <= WALK_BYTES;
}

/* All values but PHIs, in index order; loads that reach past the buffer give 0. */
static inline void walk_values(struct walk *w, const struct ir_func *f)
{
    for (uint32_t i = 0; i < f->value.n; i++) {
        const struct ir_node *n = &f->value.at[i];
        uint32_t at;
        if (n->op == IR_PHI)
            continue;
        if (n->op == IR_CONST)
            w->value[i] = n->imm;
        else if (n->op == IR_LEN)
            w->value[i] = w->p.wirelen;
        else if (n->op == IR_META)
            (void)packet_meta(&w->p, n->imm, &w->value[i]);
        else if (ir_is_lookup(n))
            w->value[i] = 0; /* all sets are empty */
        else if (ir_is_load(n)) {
            w->value[i] = 0;
            if (walk_address(w, n, &at))
                for (unsigned k = 0; k < ir_load_size(n); k++)
                    w->value[i] = w->value[i] << 8 | w->bytes[at + k];
        } else if ((n->op == IR_UDIV || n->op == IR_UMOD) && w->value[n->b] == 0)
            w->value[i] = 0;
        else
            w->value[i] = ir_fold((enum ir_op)n->op, w->value[n->a], w->value[n->b]);
    }
}

/* Writes the packet so that value @v becomes @want in the bits of @mask, if that is easy. */
static inline void walk_write(struct walk *w, const struct ir_func *f, ir_value v, uint32_t want,
                              uint32_t mask)
{
    for (int steps = 0; steps < 16; steps++) {
        const struct ir_node *n = &f->value.at[v];
        uint32_t k = 0, at;
        if (ir_is_lookup(n))
            return;
        bool right = ir_op_arity((enum ir_op)n->op) == 2 && !ir_is_load(n) && ir_is_const(f, n->b, &k);
        if (ir_is_load(n)) {
            if (!walk_address(w, n, &at))
                return;
            for (unsigned i = ir_load_size(n); i-- > 0; want >>= 8, mask >>= 8)
                w->bytes[at + i] = (uint8_t)((w->bytes[at + i] & ~mask) | (want & mask));
            return;
        }
        if (n->op == IR_LEN) {
            w->p.wirelen = want;
            return;
        }
        if (n->op == IR_META) {
            const struct ir_meta_row *row = ir_meta_find(n->imm);
            want &= row->highest;
            memcpy((char *)&w->p.meta + row->at, &want, sizeof want);
            return;
        }
        if (n->op == IR_CONST || n->op == IR_PHI)
            return;
        if (!right) {
            /* Two variable operands: the left one is changed, as if the right one were constant. */
            k = w->value[n->b];
        }
        switch ((enum ir_op)n->op) {
        case IR_AND:
            mask &= k;
            break;
        case IR_OR:
            mask &= ~k;
            break;
        case IR_XOR:
            want ^= k;
            break;
        case IR_ADD:
            want -= k;
            break;
        case IR_SUB:
            want += k;
            break;
        case IR_SHL:
            want = k < 32 ? want >> k : 0;
            mask = k < 32 ? mask >> k : 0;
            break;
        case IR_SHR:
            want = k < 32 ? want << k : 0;
            mask = k < 32 ? mask << k : 0;
            break;
        case IR_MUL:
            want = k ? want / k : 0;
            break;
        case IR_UDIV:
            want *= k;
            break;
        case IR_EQ:
            want = want ? k : k + 1;
            mask = UINT32_MAX;
            break;
        case IR_UGT:
            want = want ? k + 1 : k;
            mask = UINT32_MAX;
            break;
        case IR_UGE:
            want = want ? k : k - 1;
            mask = UINT32_MAX;
            break;
        default:
            break;
        }
        v = n->a;
    }
}

/* A number of case @i of @b: one of its ends, or any. */
static inline uint32_t walk_pick(struct walk *w, const struct ir_block *b, uint32_t i)
{
    uint32_t lo = i ? b->to.at[i - 1].last + 1 : 0, hi = b->to.at[i].last;

    switch (walk_random(w, 3)) {
    case 0:
        return lo;
    case 1:
        return hi;
    }
    return hi - lo == UINT32_MAX ? walk_random(w, UINT32_MAX) : lo + walk_random(w, hi - lo + 1);
}

/* One walk through @f. The packet that comes of it is w->p; @w->value has room for f's values. */
static inline void walk_run(struct walk *w, const struct ir_func *f)
{
    uint32_t at = f->entry, from = IR_NONE;

    for (uint32_t steps = 0; at < IR_ACCEPT && steps < 200; steps++) {
        const struct ir_block *b = &f->block.at[at];
        walk_values(w, f);
        for (uint32_t i = 0; i < b->phi.n; i++)
            for (uint32_t k = 0; k < b->phi.at[i].arg.n; k++)
                if (b->phi.at[i].arg.at[k].block == from)
                    w->value[b->phi.at[i].value] = w->value[b->phi.at[i].arg.at[k].value];
        walk_values(w, f);
        for (uint32_t i = 0; i < b->guard.n; i++) {
            const struct ir_guard *g = &b->guard.at[i];
            uint64_t end = ((g->base == IR_NONE ? 0 : w->value[g->base]) + g->offset) + (uint64_t)g->size;
            if (end > w->p.caplen && end <= WALK_BYTES && walk_random(w, 16))
                w->p.caplen = (uint32_t)end;
        }
        if (ir_returns(b))
            break;
        uint32_t now = b->on == IR_NONE ? 0 : w->value[b->on];
        if (b->on != IR_NONE && walk_random(w, 8)) {
            /* Rarely a way out: walks that end at once find little. */
            uint32_t i = walk_random(w, b->to.n);
            if (b->to.at[i].target >= IR_ACCEPT)
                i = walk_random(w, b->to.n);
            walk_write(w, f, b->on, walk_pick(w, b, i), UINT32_MAX);
            walk_values(w, f);
            now = w->value[b->on];
        }
        from = at;
        at = ir_case_find(b, now);
    }
    if (walk_random(w, 4) == 0)
        w->p.caplen = walk_random(w, w->p.caplen + 1);
    if (w->p.wirelen < w->p.caplen && walk_random(w, 2))
        w->p.wirelen = w->p.caplen;
    if (walk_random(w, 8) == 0)
        w->bytes[walk_random(w, w->p.caplen + 1) % WALK_BYTES] ^= (uint8_t)(1u << walk_random(w, 8));
}

/* ---------------------------------------------------------------- what must hold */

struct programs {
    const struct ir_func *plain, *optimized;             /* optimized: NULL when there is none */
    const struct cbpf_code *plain_code, *optimized_code; /* NULL when there is none */
};

/* NULL, or what is wrong with the verdicts on @p; static text. */
static inline const char *programs_check(const struct programs *g, const struct packet *p,
                                         struct arena *scratch)
{
    bool fault;
    uint32_t verdict = ir_eval(g->plain, p, scratch, &fault);

    if (g->plain_code && cbpf_run(g->plain_code->insn.at, g->plain_code->insn.n, p, NULL) != verdict)
        return "the plain program differs from its IR";
    if (fault) /* nothing was accepted, and the optimized program may know better */
        return NULL;
    if (g->optimized && ir_eval(g->optimized, p, scratch, NULL) != verdict)
        return "the optimized IR does not refine the plain one";
    if (g->optimized_code &&
        cbpf_run(g->optimized_code->insn.at, g->optimized_code->insn.n, p, NULL) != verdict)
        return "the optimized program does not refine the plain IR";
    return NULL;
}

/* Walks through both functions; NULL, or what is wrong, with the packet printed on stderr. */
static inline const char *programs_walk(const struct programs *g, struct arena *scratch, const uint8_t *seed,
                                        size_t len, uint64_t random, int walks)
{
    struct walk w = {.state = random};
    uint32_t most =
        g->optimized && g->optimized->value.n > g->plain->value.n ? g->optimized->value.n : g->plain->value.n;

    w.value = arena_array(scratch, uint32_t, most);
    if (!w.value)
        return NULL;
    for (int i = 0; i < walks; i++) {
        walk_begin(&w, seed, len);
        if (i > 0) /* the first packet is taken as it is */
            walk_run(&w, g->optimized && i % 3 == 2 ? g->optimized : g->plain);
        const char *wrong = programs_check(g, &w.p, scratch);
        if (!wrong)
            continue;
        fprintf(stderr, "%s\n  caplen %u wirelen %u type %u ifindex %u tci %u present %u\n ", wrong,
                w.p.caplen, w.p.wirelen, w.p.meta.packet_type, w.p.meta.ifindex, w.p.meta.vlan_tci,
                w.p.meta.vlan_present);
        for (uint32_t k = 0; k < w.p.caplen; k++)
            fprintf(stderr, " %02x", w.bytes[k]);
        fprintf(stderr, "\n");
        return wrong;
    }
    return NULL;
}
#endif
