/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/walk_terms.c - terms: what a program computes from the packet, each term once, simplified, with its
 * range.
 */
#include <linux/filter.h>
#include "walk.h"

uint32_t walk_ones(uint32_t x)
{
    for (unsigned s = 1; s < 32; s *= 2)
        x |= x >> s;
    return x;
}

static void term_range(const struct walk *w, struct term *t)
{
    const struct term *a = t->a != NONE ? &w->term.at[t->a] : NULL,
                      *b = t->b != NONE ? &w->term.at[t->b] : NULL;

    t->lo = 0;
    t->hi = UINT32_MAX;
    switch ((enum term_op)t->op) {
    case T_CONST:
        t->lo = t->hi = t->k;
        break;
    case T_CAPLEN:
    case T_ROOM:
        t->hi = PROVE_CAPLEN_MAX;
        break;
    case T_OTHER:
        t->lo = a->lo;
        t->hi = a->hi;
        break;
    case T_WIRELEN:
        break;
    case T_META:
    case T_LOAD:
        t->hi = t->size == 0 ? 1 : UINT32_MAX >> (32 - 8 * t->size);
        break;
    case T_CAPTURED:
    case T_EQ:
    case T_GT:
        t->hi = 1;
        break;
    case T_ALU:
        if (t->size == BPF_AND)
            t->hi = a->hi < b->hi ? a->hi : b->hi;
        else if (t->size == BPF_ADD && (uint64_t)a->hi + b->hi <= UINT32_MAX)
            t->lo = a->lo + b->lo, t->hi = a->hi + b->hi;
        else if (t->size == BPF_LSH && b->op == T_CONST && b->k < 32 && a->hi <= UINT32_MAX >> b->k)
            t->hi = a->hi << b->k;
        else if (t->size == BPF_RSH && b->op == T_CONST)
            t->hi = b->k < 32 ? a->hi >> b->k : 0;
        else if (t->size == BPF_OR || t->size == BPF_XOR)
            t->hi = walk_ones(a->hi | b->hi);
        else if (t->size == BPF_DIV)
            t->hi = a->hi;
        break;
    }
}

uint32_t walk_term_make(struct walk *w, struct term t)
{
    uint32_t h = mix(mix(mix(mix(mix(1, t.op), t.a), t.b), t.k), t.size);

    if (2 * w->term.n >= w->term_hash_size) {
        uint32_t size = w->term_hash_size ? 2 * w->term_hash_size : 1024;
        uint32_t *table = calloc(size, sizeof *table);
        if (!table) {
            w->no_memory = true;
            return 0;
        }
        for (uint32_t i = 0; i < w->term.n; i++) {
            const struct term *o = &w->term.at[i];
            uint32_t at = mix(mix(mix(mix(mix(1, o->op), o->a), o->b), o->k), o->size);
            while (table[at & (size - 1)])
                at++;
            table[at & (size - 1)] = i + 1;
        }
        free(w->term_hash);
        w->term_hash = table;
        w->term_hash_size = size;
    }
    for (; w->term_hash[h & (w->term_hash_size - 1)]; h++) {
        uint32_t i = w->term_hash[h & (w->term_hash_size - 1)] - 1;
        const struct term *o = &w->term.at[i];
        if (o->op == t.op && o->a == t.a && o->b == t.b && o->k == t.k && o->size == t.size)
            return i;
    }
    t.field = NONE;
    term_range(w, &t);
    if (!PUSH(w, &w->term, t))
        return 0;
    w->term_hash[h & (w->term_hash_size - 1)] = w->term.n;
    return w->term.n - 1;
}

uint32_t walk_term_const(struct walk *w, uint32_t k)
{
    return walk_term_make(w, (struct term){.op = T_CONST, .a = NONE, .b = NONE, .k = k});
}

bool walk_is_const(const struct walk *w, uint32_t t)
{
    return w->term.at[t].op == T_CONST;
}

uint32_t walk_term_alu(struct walk *w, unsigned op, uint32_t a, uint32_t b)
{
    if (op == BPF_NEG) {
        op = BPF_SUB;
        b = a;
        a = walk_term_const(w, 0);
    }
    if (stopped(w))
        return 0;
    bool ca = walk_is_const(w, a), cb = walk_is_const(w, b);
    uint32_t k = w->term.at[b].k;
    if (ca && cb)
        return walk_term_const(w, prove_compute(op, w->term.at[a].k, k));
    if (ca && (op == BPF_ADD || op == BPF_AND || op == BPF_OR || op == BPF_XOR || op == BPF_MUL))
        return walk_term_alu(w, op, b, a);
    if (cb && op == BPF_SUB)
        return walk_term_alu(w, BPF_ADD, a, walk_term_const(w, 0 - k));
    if (cb && (op == BPF_MUL || op == BPF_DIV) && k && !(k & (k - 1)))
        return walk_term_alu(w, op == BPF_MUL ? BPF_LSH : BPF_RSH, a,
                             walk_term_const(w, (uint32_t)__builtin_ctz(k)));
    if (cb && op == BPF_AND) {
        k &= walk_ones(w->term.at[a].hi);
        if (k == walk_ones(w->term.at[a].hi))
            return a;
        if (k == 0)
            return walk_term_const(w, 0);
        b = walk_term_const(w, k);
    }
    if (cb && k == 0 && op != BPF_MUL && op != BPF_DIV && op != BPF_MOD)
        return a;
    const struct term inner = w->term.at[a];
    if (cb && (op == BPF_ADD || op == BPF_AND) && inner.op == T_ALU && inner.size == op &&
        walk_is_const(w, inner.b))
        return walk_term_alu(w, op, inner.a, walk_term_const(w, prove_compute(op, w->term.at[inner.b].k, k)));
    for (int side = 0; !cb && op == BPF_ADD && side < 2; side++) { /* numbers are added last */
        const struct term sum = w->term.at[side ? b : a];
        if (sum.op == T_ALU && sum.size == BPF_ADD && walk_is_const(w, sum.b))
            return walk_term_alu(w, BPF_ADD, walk_term_alu(w, BPF_ADD, sum.a, side ? a : b), sum.b);
    }
    if (!cb && a > b && (op == BPF_ADD || op == BPF_AND || op == BPF_OR || op == BPF_XOR || op == BPF_MUL)) {
        uint32_t t = a;
        a = b;
        b = t;
    }
    return walk_term_make(w, (struct term){.op = T_ALU, .a = a, .b = b, .size = op});
}

/*
 * 4 * (byte & 15). What lies behind such a header is at a constant place in most packets, and a program may
 * use that (--tune kernel). So the two cases are parted as soon as the length is computed, in every program.
 */
bool walk_is_header_length(const struct walk *w, uint32_t t)
{
    const struct term *shift = &w->term.at[t], *mask, *load;

    if (stopped(w) || shift->op != T_ALU || shift->size != BPF_LSH || !walk_is_const(w, shift->b) ||
        w->term.at[shift->b].k != 2)
        return false;
    mask = &w->term.at[shift->a];
    if (mask->op != T_ALU || mask->size != BPF_AND || !walk_is_const(w, mask->b) ||
        w->term.at[mask->b].k != 15)
        return false;
    load = &w->term.at[mask->a];
    return load->op == T_LOAD && load->a == NONE && load->size == 1;
}

/*
 * The highest bit of a difference, 0 or 1, from which programs compute addresses where others branch. It is
 * parted as well, so that both have the same address.
 */
bool walk_is_bit(const struct walk *w, uint32_t t)
{
    const struct term *shift = &w->term.at[t];

    return !stopped(w) && shift->op == T_ALU && shift->size == BPF_RSH && walk_is_const(w, shift->b) &&
           shift->hi == 1 && w->term.at[shift->a].hi == UINT32_MAX;
}

uint32_t walk_field_of(struct walk *w, uint32_t term)
{
    if (w->term.at[term].field == NONE && !stopped(w)) {
        w->term.at[term].field = w->field.n;
        PUSH(w, &w->field, term);
        if (w->field.n > FIELDS_MAX)
            w->why = "too many fields for walking intervals";
    }
    return w->term.at[term].field;
}
