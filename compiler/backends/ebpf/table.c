/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/table.c - tables: large sets of values, or of prefixes of one length, in read-only data, as
 * perfect hashes.
 *
 *   y      = value * multiplier + addend                  modulo 2^32
 *   d      = displacement[top bucket_bits of y]
 *   found  = key[top slot_bits of y * d] == value
 *
 * Low bits that are always zero, or that no case of the switch depends on, are not counted: in a list of /24
 * networks 10.0.0.0 and 10.0.1.0 are neighbours. Keys have zeros there.
 *
 *   read-only data: displacement, 2^bucket_bits odd numbers of 16 bits; key, 2^slot_bits of 32 bits
 *
 * Buckets are placed by size, the largest first; each gets the first displacement that leads its keys to free
 * slots. A slot that stays free holds one of the keys, so what is found there is right, too. Two keys whose y
 * are almost the same may be parted by no displacement; then the next multiplier is tried.
 *
 * Ranges that are wider, and values with other targets, are searched for first, if they are few.
 *
 * Source: Belazzougui, Botelho, Dietzfelbinger: Hash, Displace, and Compress (ESA 2009)
 */
#include "backends/ebpf/internal.h"
#include <string.h>

/*
 * A search tree of fewer ranges is as quick, if its branches are well predicted (measured: tc, x86-64). Other
 * ranges are searched for in front if the set has this many for each of them: else the tree is not much
 * smaller without the set.
 */
#define KEYS_MIN   32
#define KEYS_MAX   (1u << 20)
#define NARROW     16 /* values: a range of up to so many is a set of them */
#define SEEDS      16 /* tried before the set stays a tree */
#define BUCKET_MAX 32 /* keys; a seed that gives more is a bad one */
/* Displacements tried for @n keys; a good seed takes a few a key. */
#define TRIES(n) (64 * (uint64_t)(n) + 0x10000)

/* The narrow ranges of one target, in the order of the values before any swap. */
struct set {
    const struct ir_block *b;
    struct ir_range value;
    unsigned zero_bits; /* low bits that are 0 in all values */
    unsigned free_bits; /* low bits that decide nothing, those included; what differs only there counts as one
                           value */
    uint32_t otherwise; /* where most values go */
    uint32_t in;        /* where those of the set go */
    uint32_t n;         /* values in the set */
    uint32_t others;    /* ranges that are neither */
};

/* The smallest value with zeros where all values have them that is @k or more. */
static uint64_t rounded_up(const struct set *s, uint64_t k)
{
    uint64_t zeros = (UINT64_C(1) << s->zero_bits) - 1;

    return (k + zeros) & ~zeros;
}

/* The values of range @i as far as the compared value can have them; false when there are none. */
static bool cut(const struct set *s, uint32_t i, struct ir_range *r)
{
    uint64_t lo = i ? s->b->to.at[i - 1].last + UINT64_C(1) : 0, end = s->b->to.at[i].last + UINT64_C(1);

    lo = rounded_up(s, lo > s->value.lo ? lo : s->value.lo);
    end = end <= s->value.hi ? end : s->value.hi + UINT64_C(1);
    *r = (struct ir_range){(uint32_t)lo, (uint32_t)(end - 1)};
    return lo < end;
}

/* How many values, less one. */
static uint32_t width_of(const struct set *s, struct ir_range r)
{
    return (r.hi >> s->free_bits) - (r.lo >> s->free_bits);
}

static bool is_member(const struct set *s, uint32_t i, struct ir_range *r)
{
    return s->b->to.at[i].target == s->in && cut(s, i, r) && width_of(s, *r) < NARROW;
}

/* How many low bits the first value of every case has as zeros. */
static unsigned free_bits_of(const struct set *s)
{
    uint64_t firsts = UINT64_C(1) << 31;

    for (uint32_t i = 0; i + 1 < s->b->to.n; i++)
        firsts |= rounded_up(s, s->b->to.at[i].last + UINT64_C(1));
    return (unsigned)__builtin_ctzll(firsts);
}

static struct set set_of(struct ir_func *f, const struct ir_block *b)
{
    struct set s = {.b = b, .value = ir_range(f, b->on)};
    uint32_t bits = ir_possible_bits(f, b->on);

    s.zero_bits = bits ? (unsigned)__builtin_ctz(bits) : 0;
    s.free_bits = free_bits_of(&s);
    return s;
}

/* Whether the switch asks for membership in a set of many values, few of them neighbours, and little else. */
static bool is_set(struct set *s)
{
    uint32_t width = 0, ranges = 0;
    uint64_t values = 0;
    struct ir_range r;

    s->otherwise = s->in = IR_NONE;
    s->others = 0;
    for (uint32_t i = 0; i < s->b->to.n; i++)
        if (cut(s, i, &r) && (s->otherwise == IR_NONE || width_of(s, r) > width)) {
            width = width_of(s, r);
            s->otherwise = s->b->to.at[i].target;
        }
    for (uint32_t i = 0; i < s->b->to.n; i++) {
        if (s->b->to.at[i].target == s->otherwise || !cut(s, i, &r))
            continue;
        if (s->in == IR_NONE && width_of(s, r) < NARROW)
            s->in = s->b->to.at[i].target;
        if (is_member(s, i, &r)) {
            values += (uint64_t)width_of(s, r) + 1;
            ranges++;
        } else {
            s->others++;
        }
    }
    s->n = (uint32_t)values;
    return ranges >= KEYS_MIN && values <= KEYS_MAX && values <= 4 * (uint64_t)ranges &&
           s->others <= ranges / KEYS_MIN;
}

bool table_suits(struct ir_func *f, const struct ir_block *b)
{
    if (b->to.n <= KEYS_MIN)
        return false;
    struct set s = set_of(f, b);
    return is_set(&s);
}

static uint32_t swapped(uint32_t x, unsigned bits)
{
    return bits == 16 ? __builtin_bswap16((uint16_t)x) : bits == 32 ? __builtin_bswap32(x) : x;
}

static uint32_t *keys_of(const struct set *s, struct arena *arena, unsigned raw_bits)
{
    uint32_t *key = arena_array(arena, uint32_t, s->n), n = 0;
    struct ir_range r;

    for (uint32_t i = 0; key && i < s->b->to.n; i++)
        if (is_member(s, i, &r))
            for (uint32_t k = 0; k <= width_of(s, r); k++)
                key[n++] = swapped(((r.lo >> s->free_bits) + k) << s->free_bits, raw_bits);
    return key;
}

/* ---------------------------------------------------------------- making one */

struct maker {
    struct asm_table *t;
    uint32_t *y;      /* of the keys, by bucket */
    uint32_t *by;     /* beside it: which key */
    uint32_t *first;  /* by bucket: its first key in `y`; one more */
    uint32_t largest; /* bucket */
    bool *taken;      /* by slot */
    uint16_t *displacement;
    uint32_t *slot;
    uint64_t tries; /* left */
};

static uint32_t hash_of(const struct asm_table *t, uint32_t key)
{
    return key * t->multiplier + t->addend;
}

static uint32_t bucket_of(const struct asm_table *t, uint32_t y)
{
    return y >> (32 - t->bucket_bits);
}

/* Sorts the keys by bucket. */
static void fill_buckets(struct maker *m)
{
    const struct asm_table *t = m->t;
    uint32_t buckets = 1u << t->bucket_bits, at = 0;

    memset(m->first, 0, (buckets + 1) * sizeof *m->first);
    m->largest = 0;
    for (uint32_t i = 0; i < t->n; i++)
        m->first[bucket_of(t, hash_of(t, t->key[i]))]++;
    for (uint32_t b = 0; b < buckets; b++) { /* first: the end of each bucket */
        if (m->first[b] > m->largest)
            m->largest = m->first[b];
        at += m->first[b];
        m->first[b] = at;
    }
    m->first[buckets] = at;
    for (uint32_t i = t->n; i-- > 0;) {
        uint32_t y = hash_of(t, t->key[i]), *first = &m->first[bucket_of(t, y)];
        m->y[--*first] = y;
        m->by[*first] = i;
    }
}

static bool place_bucket(struct maker *m, uint32_t b)
{
    const struct asm_table *t = m->t;
    uint32_t from = m->first[b], n = m->first[b + 1] - from, shift = 32 - t->slot_bits;

    for (uint32_t k = 0; k < 0x8000 && m->tries; k++, m->tries--) {
        uint32_t d = ((2 * k + 1) * 0x9e37u) & 0xffff, placed = 0; /* all odd numbers, in a mixed order */
        while (placed < n && !m->taken[m->y[from + placed] * d >> shift])
            m->taken[m->y[from + placed++] * d >> shift] = true;
        if (placed < n) {
            while (placed)
                m->taken[m->y[from + --placed] * d >> shift] = false;
            continue;
        }
        m->displacement[b] = (uint16_t)d;
        for (uint32_t i = 0; i < n; i++)
            m->slot[m->y[from + i] * d >> shift] = t->key[m->by[from + i]];
        return true;
    }
    return false;
}

static bool place_all(struct maker *m)
{
    uint32_t buckets = 1u << m->t->bucket_bits, slots = 1u << m->t->slot_bits;

    fill_buckets(m);
    m->tries = TRIES(m->t->n);
    if (m->largest > BUCKET_MAX)
        return false;
    memset(m->taken, 0, slots * sizeof *m->taken);
    memset(m->displacement, 0, buckets * sizeof *m->displacement);
    for (uint32_t i = 0; i < slots; i++)
        m->slot[i] = m->t->key[0];
    for (uint32_t size = m->largest; size > 0; size--)
        for (uint32_t b = 0; b < buckets; b++)
            if (m->first[b + 1] - m->first[b] == size && !place_bucket(m, b))
                return false;
    return true;
}

static uint32_t displacement_bytes(const struct asm_table *t)
{
    return 2u << t->bucket_bits;
}

/* Makes the table of t->key in the read-only data. Returns whether there is one. */
static bool make(struct asm_code *c, struct asm_table *t)
{
    for (t->slot_bits = 5; 1u << t->slot_bits < t->n + t->n / 4;)
        t->slot_bits++;
    t->bucket_bits = t->slot_bits - 2;
    uint32_t slots = 1u << t->slot_bits, bytes = displacement_bytes(t) + 4 * slots;
    if (!vec_reserve(c->arena, &c->rodata, bytes)) {
        c->no_memory = true;
        return false;
    }
    t->at = c->rodata.n;
    memset(c->rodata.at + t->at, 0, bytes);
    struct arena_mark mark = arena_mark(c->arena);
    struct maker m = {.t = t, .displacement = (void *)(c->rodata.at + t->at)};
    m.slot = (void *)(c->rodata.at + t->at + displacement_bytes(t));
    m.y = arena_array(c->arena, uint32_t, t->n);
    m.by = arena_array(c->arena, uint32_t, t->n);
    m.first = arena_array(c->arena, uint32_t, ((size_t)1 << t->bucket_bits) + 1);
    m.taken = arena_array(c->arena, bool, slots);
    c->no_memory |= !m.y || !m.by || !m.first || !m.taken;
    bool made = false;
    uint32_t random = 0x9e3779b9; /* a linear congruential sequence */
    for (unsigned i = 0; !c->no_memory && !made && i < SEEDS; i++) {
        t->multiplier = random | 1;
        t->addend = random = random * 1664525 + 1013904223;
        random = random * 1664525 + 1013904223;
        made = place_all(&m);
    }
    arena_rewind(c->arena, mark);
    if (made)
        c->rodata.n += bytes;
    return made;
}

/* Index + 1 of the table of these keys; 0: there is none. */
static uint32_t table_of(struct asm_code *c, uint32_t *key, uint32_t n)
{
    struct asm_table t = {.key = key, .n = n};

    for (uint32_t i = 0; i < c->table.n; i++)
        if (c->table.at[i].n == n && !memcmp(c->table.at[i].key, key, n * sizeof *key))
            return i + 1;
    if (!make(c, &t))
        return 0;
    if (!vec_push(c->arena, &c->table, t))
        c->no_memory = true;
    return c->no_memory ? 0 : c->table.n;
}

/* ---------------------------------------------------------------- looking up */

/*
 * Of the bits @mask of @reg, key[...] is to @found. The verifier sees the other masks, so it knows how far
 * each address can reach.
 */
static void emit_lookup(struct asm_code *c, const struct asm_table *t, int reg, uint32_t mask, int found,
                        int index, int base)
{
    uint32_t keys = displacement_bytes(t);

    asm_alu(c, CLASS_ALU32, ALU_MOV, found, reg);
    if (mask != UINT32_MAX)
        asm_alu_imm(c, CLASS_ALU32, ALU_AND, found, mask);
    asm_alu_imm(c, CLASS_ALU32, ALU_MUL, found, t->multiplier);
    asm_alu_imm(c, CLASS_ALU32, ALU_ADD, found, t->addend);
    asm_alu(c, CLASS_ALU32, ALU_MOV, index, found);
    asm_alu_imm(c, CLASS_ALU32, ALU_RSH, index, 31 - t->bucket_bits);
    asm_alu_imm(c, CLASS_ALU32, ALU_AND, index, ((1u << t->bucket_bits) - 1) << 1);
    asm_load_reloc(c, base, EBPF_RELOC_RODATA, t->at);
    asm_alu(c, CLASS_ALU64, ALU_ADD, index, base);
    asm_load(c, 2, index, index, 0);
    asm_alu(c, CLASS_ALU32, ALU_MUL, found, index);
    asm_alu_imm(c, CLASS_ALU32, ALU_RSH, found, 30 - t->slot_bits);
    asm_alu_imm(c, CLASS_ALU32, ALU_AND, found, ((1u << t->slot_bits) - 1) << 2);
    if (keys > INT16_MAX) {
        asm_alu_imm(c, CLASS_ALU64, ALU_ADD, base, keys);
        keys = 0;
    }
    asm_alu(c, CLASS_ALU64, ALU_ADD, found, base);
    asm_load(c, 4, found, found, (int)keys);
}

/* The switch without the set, which leads what it does not decide to NOWHERE. */
static bool emit_others(struct asm_code *c, const struct set *s, int reg, unsigned raw_bits,
                        struct labels labels)
{
    struct ir_block rest = {.on = s->b->on};
    struct ir_range r;

    for (uint32_t i = 0; i < s->b->to.n; i++) {
        struct ir_case k = s->b->to.at[i];
        if (k.target == s->otherwise || is_member(s, i, &r))
            k.target = NOWHERE;
        if (rest.to.n && rest.to.at[rest.to.n - 1].target == k.target)
            rest.to.at[rest.to.n - 1].last = k.last;
        else if (!vec_push(c->arena, &rest.to, k))
            c->no_memory = true;
    }
    if (c->no_memory)
        return false;
    switch_emit(c, &rest, s->value, reg, raw_bits, NOWHERE, labels);
    return true;
}

bool table_emit(struct asm_code *c, struct ir_func *f, const struct ir_block *b, int reg, const int work[3],
                unsigned raw_bits, uint32_t next, struct labels labels)
{
    struct set s = set_of(f, b);

    if (!is_set(&s))
        return false;
    bool masked = s.free_bits > s.zero_bits;
    uint32_t mask = masked ? swapped(UINT32_MAX << s.free_bits, raw_bits) : UINT32_MAX;
    uint32_t *key = keys_of(&s, c->arena, raw_bits);
    if (!key) {
        c->no_memory = true;
        return false;
    }
    uint32_t t = table_of(c, key, s.n);
    if (!t)
        return false;
    labels.nowhere = asm_label(c);
    if (s.others && !emit_others(c, &s, reg, raw_bits, labels))
        return false;
    asm_bind(c, labels.nowhere);
    emit_lookup(c, &c->table.at[t - 1], reg, mask, work[0], work[1], work[2]);
    bool in_next = s.in == next;
    uint32_t label = label_of(in_next ? s.otherwise : s.in, labels);
    if (!masked) {
        asm_branch(c, CLASS_JMP32, in_next ? JUMP_NE : JUMP_EQ, work[0], reg, label);
    } else { /* equal but for bits that are free? */
        asm_alu(c, CLASS_ALU32, ALU_XOR, work[0], reg);
        asm_alu_imm(c, CLASS_ALU32, ALU_AND, work[0], mask);
        asm_branch_imm(c, CLASS_JMP32, in_next ? JUMP_NE : JUMP_EQ, work[0], 0, label);
    }
    if (!in_next && s.otherwise != next)
        asm_jump(c, label_of(s.otherwise, labels));
    return true;
}
