/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/solve.c - packets that take chosen ways through a filter.
 *
 * Values are inverted operator by operator: to make (load16 12) & 0xff equal 7, the load's low byte is
 * written and its other bits are left alone. Recursion is over the operands of one value, which filters of a
 * test keep shallow; a budget stops the rest.
 */
#include "tests/differential/solve.h"
#include <string.h>

enum { BUDGET = 4000, TRIES = 4, SMALL_BASE = 64 };

struct solver {
    const struct ir_func *f;
    struct rng *rng;
    struct packet *p;
    uint8_t *bytes;
    uint8_t fixed[SOLVE_BYTES]; /* bits that decided something already */
    bool fixed_len;
    uint32_t *value; /* by value: what it is, when known[] is the present state of the packet */
    uint32_t *known;
    uint32_t state; /* changes when the packet does */
    ir_value *phi;  /* by value: the argument that a PHI took */
    double *chance; /* by block: of a walk that chooses at random to accept */
    unsigned budget;
};

static void changed(struct solver *s)
{
    s->state++;
}

static uint32_t load(const struct solver *s, uint32_t at, unsigned size)
{
    uint32_t k = 0;
    for (unsigned i = 0; i < size; i++)
        k = k << 8 | ((uint64_t)at + i < s->p->caplen ? s->bytes[at + i] : 0);
    return k;
}

static uint32_t value_of(struct solver *s, ir_value v)
{
    const struct ir_node *n = &s->f->value.at[v];
    uint32_t k = 0;
    if (s->known[v] == s->state)
        return s->value[v];
    if (n->op == IR_CONST) {
        k = n->imm;
    } else if (n->op == IR_LEN) {
        k = s->p->wirelen;
    } else if (n->op == IR_META) {
        k = n->imm == META_PKTTYPE    ? s->p->meta.packet_type & 0xffff
            : n->imm == META_IFINDEX  ? s->p->meta.ifindex
            : n->imm == META_VLAN_TCI ? s->p->meta.vlan_tci & 0xffff
                                      : s->p->meta.vlan_present != 0;
    } else if (n->op == IR_PHI) {
        k = s->phi[v] == IR_NONE ? 0 : value_of(s, s->phi[v]);
    } else if (ir_is_load(n)) {
        k = load(s, (n->a == IR_NONE ? 0 : value_of(s, n->a)) + n->imm, ir_load_size(n));
    } else {
        uint32_t a = value_of(s, n->a), b = value_of(s, n->b);
        k = (n->op == IR_UDIV || n->op == IR_UMOD) && !b ? 0 : ir_fold(n->op, a, b);
    }
    s->value[v] = k;
    s->known[v] = s->state;
    return k;
}

/* From now on the bits @care of @v stay. */
static void fix(struct solver *s, ir_value v, uint32_t care)
{
    const struct ir_node *n = &s->f->value.at[v];
    uint32_t k;
    if (v == IR_NONE || !s->budget)
        return;
    s->budget--;
    if (n->op == IR_LEN) {
        s->fixed_len = true;
    } else if (n->op == IR_PHI) {
        fix(s, s->phi[v], UINT32_MAX);
    } else if (ir_is_load(n)) {
        uint32_t at = (n->a == IR_NONE ? 0 : value_of(s, n->a)) + n->imm;
        unsigned size = ir_load_size(n);
        for (unsigned i = 0; i < size; i++)
            if ((uint64_t)at + i < s->p->caplen)
                s->fixed[at + i] |= (uint8_t)(care >> (8 * (size - 1 - i)));
        fix(s, n->a, UINT32_MAX);
    } else if (n->op != IR_CONST && n->op != IR_META) {
        bool constant = ir_is_const(s->f, n->b, &k);
        uint32_t a = UINT32_MAX;
        if (constant && n->op == IR_AND)
            a = k & care;
        else if (constant && (n->op == IR_OR || n->op == IR_XOR))
            a = care;
        else if (constant && n->op == IR_SHR && k < 32)
            a = care << k;
        else if (constant && n->op == IR_SHL && k < 32)
            a = care >> k;
        fix(s, n->a, a);
        fix(s, n->b, UINT32_MAX);
    }
}

static bool force(struct solver *s, ir_value v, uint32_t k, uint32_t care);

static bool force_load(struct solver *s, const struct ir_node *n, uint32_t k, uint32_t care)
{
    uint32_t at = (n->a == IR_NONE ? 0 : value_of(s, n->a)) + n->imm;
    unsigned size = ir_load_size(n);
    if ((uint64_t)at + size > s->p->caplen)
        return false;
    if (size < 4 && (k & care) >> (8 * size))
        return false;
    for (unsigned i = 0; i < size; i++) {
        unsigned shift = 8 * (size - 1 - i);
        uint8_t want = (uint8_t)(k >> shift), mask = (uint8_t)(care >> shift);
        if ((s->bytes[at + i] ^ want) & mask & s->fixed[at + i])
            return false;
    }
    for (unsigned i = 0; i < size; i++) {
        unsigned shift = 8 * (size - 1 - i);
        uint8_t want = (uint8_t)(k >> shift), mask = (uint8_t)(care >> shift);
        s->bytes[at + i] = (uint8_t)((s->bytes[at + i] & ~mask) | (want & mask));
    }
    changed(s);
    return true;
}

static bool force_meta(struct solver *s, uint32_t which, uint32_t k)
{
    switch (which) {
    case META_PKTTYPE:
        s->p->meta.packet_type = k & 0xffff;
        break;
    case META_IFINDEX:
        s->p->meta.ifindex = k;
        break;
    case META_VLAN_TCI:
        s->p->meta.vlan_tci = k & 0xffff;
        break;
    default:
        s->p->meta.vlan_present = k & 1;
    }
    changed(s);
    return true;
}

/* The inverse of an odd number modulo 2^32. */
static uint32_t inverse(uint32_t odd)
{
    uint32_t x = odd;
    for (int i = 0; i < 5; i++)
        x *= 2 - odd * x;
    return x;
}

static bool force_with_constant(struct solver *s, const struct ir_node *n, uint32_t c, uint32_t k,
                                uint32_t care)
{
    uint32_t whole = UINT32_MAX;
    switch (n->op) {
    case IR_ADD:
        return force(s, n->a, k - c, whole);
    case IR_SUB:
        return force(s, n->a, k + c, whole);
    case IR_MUL:
        if (c & 1)
            return force(s, n->a, k * inverse(c), whole);
        return c && k % c == 0 && force(s, n->a, k / c, whole);
    case IR_UDIV:
        return c && k <= UINT32_MAX / c && force(s, n->a, k * c, whole);
    case IR_UMOD:
        return k < c && force(s, n->a, value_of(s, n->a) / c * c + k, whole);
    case IR_AND:
        return !(k & care & ~c) && force(s, n->a, k, care & c);
    case IR_OR:
        return (k & c & care) == (c & care) && force(s, n->a, k, care & ~c);
    case IR_XOR:
        return force(s, n->a, k ^ c, care);
    case IR_SHL:
        return c < 32 && !(k & care & ((1u << c) - 1)) && force(s, n->a, k >> c, care >> c);
    case IR_SHR:
        if (c >= 32 || (k << c) >> c != (k & (UINT32_MAX >> c)))
            return false;
        return (c == 0 || !(k & care & ~(UINT32_MAX >> c))) && force(s, n->a, k << c, care << c);
    case IR_EQ:
        return force(s, n->a, k & 1 ? c : c + 1 + rng_below(s->rng, 3), whole);
    case IR_UGT:
        return (k & 1 ? c != UINT32_MAX : true) && force(s, n->a, k & 1 ? c + 1 : c, whole);
    case IR_UGE:
        return (k & 1 ? true : c != 0) && force(s, n->a, k & 1 ? c : c - 1, whole);
    default:
        return false;
    }
}

/* x << c | y with y below 1 << c: the halves of a number put together of bytes. */
static bool force_halves(struct solver *s, ir_value high, ir_value low, uint32_t k, uint32_t care)
{
    const struct ir_node *n = &s->f->value.at[high];
    uint32_t c;
    struct ir_range r = s->f->range.at[low];
    if (n->op != IR_SHL || !ir_is_const(s->f, n->b, &c) || c >= 32 || (uint64_t)r.hi >= UINT64_C(1) << c)
        return false;
    uint32_t mask = (1u << c) - 1;
    return force(s, low, k & mask, care & mask) && force(s, n->a, k >> c, care >> c);
}

static bool force_operands(struct solver *s, const struct ir_node *n, uint32_t k, uint32_t care)
{
    uint32_t c, a, b;
    bool adds = n->op == IR_ADD || n->op == IR_OR || n->op == IR_XOR;
    if (ir_is_const(s->f, n->b, &c))
        return force_with_constant(s, n, c, k, care);
    if (adds && (force_halves(s, n->a, n->b, k, care) || force_halves(s, n->b, n->a, k, care)))
        return true;
    a = value_of(s, n->a);
    b = value_of(s, n->b);
    if (rng_below(s->rng, 2) || ir_is_const(s->f, n->a, &c))
        switch (n->op) {
        case IR_ADD:
            return force(s, n->b, k - a, UINT32_MAX);
        case IR_SUB:
            return force(s, n->b, a - k, UINT32_MAX);
        case IR_XOR:
            return force(s, n->b, k ^ a, care);
        case IR_AND:
            return !(k & care & ~a) && force(s, n->b, k, care & a);
        case IR_OR:
            return (k & a & care) == (a & care) && force(s, n->b, k, care & ~a);
        case IR_EQ:
            return force(s, n->b, k & 1 ? a : a + 1, UINT32_MAX);
        case IR_UGT:
            return (k & 1 ? a != 0 : true) && force(s, n->b, k & 1 ? a - 1 : a, UINT32_MAX);
        case IR_UGE:
            return (k & 1 ? true : a != UINT32_MAX) && force(s, n->b, k & 1 ? a : a + 1, UINT32_MAX);
        case IR_SHL:
        case IR_SHR:
        case IR_UDIV:
        case IR_UMOD:
            return force(s, n->b, rng_below(s->rng, 34), UINT32_MAX);
        default:
            break;
        }
    return force_with_constant(s, n, b, k, care);
}

/* Makes the bits @care of @v those of @k. False when it cannot be, or not that simply. */
static bool force(struct solver *s, ir_value v, uint32_t k, uint32_t care)
{
    const struct ir_node *n = &s->f->value.at[v];
    if (((value_of(s, v) ^ k) & care) == 0)
        return true;
    if (!s->budget)
        return false;
    s->budget--;
    if (n->op == IR_CONST)
        return false;
    if (n->op == IR_LEN) {
        if (s->fixed_len)
            return false;
        s->p->wirelen = k;
        changed(s);
        return true;
    }
    if (n->op == IR_META)
        return force_meta(s, n->imm, k);
    if (n->op == IR_PHI)
        return s->phi[v] != IR_NONE && force(s, s->phi[v], k, care);
    if (ir_is_load(n))
        return force_load(s, n, k, care);
    return force_operands(s, n, k, care);
}

/* Makes the packet long enough for guard @g. */
static bool reach(struct solver *s, const struct ir_guard *g)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        uint32_t at = (g->base == IR_NONE ? 0 : value_of(s, g->base)) + g->offset;
        uint64_t end = (uint64_t)at + g->size;
        if (end <= SOLVE_BYTES) {
            if (end > s->p->caplen) {
                uint32_t more = (uint32_t)end - s->p->caplen;
                if (rng_below(s->rng, 2))
                    rng_bytes(s->rng, s->bytes + s->p->caplen, more);
                else
                    memset(s->bytes + s->p->caplen, 0, more);
                s->p->caplen = (uint32_t)end;
                changed(s);
            }
            if (g->base != IR_NONE)
                fix(s, g->base, UINT32_MAX);
            return true;
        }
        if (g->base == IR_NONE)
            return false;
        (void)force(s, g->base, rng_below(s->rng, SMALL_BASE / 4) * 4 - (tries & 1 ? g->offset : 0),
                    UINT32_MAX);
    }
    return false;
}

static double chance(const struct solver *s, uint32_t block)
{
    return block == IR_ACCEPT ? 1 : block == IR_REJECT ? 0 : s->chance[block];
}

/* Targets are later blocks, so the last block comes first. */
static void weigh(struct solver *s)
{
    for (uint32_t i = s->f->block.n; i-- > 0;) {
        const struct ir_block *b = &s->f->block.at[i];
        double sum = 0;
        for (uint32_t c = 0; c < b->to.n; c++)
            sum += chance(s, b->to.at[c].target);
        s->chance[i] = b->to.n ? sum / b->to.n : 0;
    }
}

static double random_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) / 9007199254740992.0;
}

/* A number that goes where the wanted verdict is likely. */
static uint32_t choose(struct solver *s, const struct ir_block *b, bool accept)
{
    double total = 0;
    uint32_t chosen = 0;
    for (uint32_t c = 0; c < b->to.n; c++) {
        double w = chance(s, b->to.at[c].target);
        w = (accept ? w : 1 - w) + 1e-6;
        total += w;
        if (random_unit(s->rng) * total < w)
            chosen = c;
    }
    uint32_t lo = chosen ? b->to.at[chosen - 1].last + 1 : 0, hi = b->to.at[chosen].last;
    struct ir_range r = s->f->range.at[b->on];
    if (r.lo > lo && r.lo <= hi)
        lo = r.lo;
    if (r.hi < hi && r.hi >= lo)
        hi = r.hi;
    switch (rng_below(s->rng, 4)) {
    case 0:
        return lo;
    case 1:
        return hi;
    default:
        return lo + (uint32_t)(rng_next(s->rng) % ((uint64_t)hi - lo + 1));
    }
}

static void walk(struct solver *s, bool accept)
{
    uint32_t at = s->f->entry, from = IR_NONE;
    while (at < IR_ACCEPT) {
        const struct ir_block *b = &s->f->block.at[at];
        s->budget = BUDGET;
        for (uint32_t i = 0; i < b->phi.n; i++)
            for (uint32_t k = 0; k < b->phi.at[i].arg.n; k++)
                if (b->phi.at[i].arg.at[k].block == from)
                    s->phi[b->phi.at[i].value] = b->phi.at[i].arg.at[k].value;
        changed(s);
        for (uint32_t i = 0; i < b->guard.n; i++)
            if (!reach(s, &b->guard.at[i]))
                return;
        uint32_t k = 0;
        if (b->on != IR_NONE) {
            for (unsigned tries = 0; tries < TRIES; tries++)
                if (force(s, b->on, choose(s, b, accept), UINT32_MAX))
                    break;
            k = value_of(s, b->on);
            fix(s, b->on, UINT32_MAX);
        }
        from = at;
        at = ir_case_find(b, k);
    }
}

void solve_packet(const struct ir_func *f, struct rng *r, struct arena *scratch, bool accept, uint8_t *bytes,
                  struct packet *p)
{
    struct arena_mark mark = arena_mark(scratch);
    struct solver s = {.f = f, .rng = r, .p = p, .bytes = bytes, .state = 1};
    s.value = arena_array(scratch, uint32_t, f->value.n);
    s.known = arena_array(scratch, uint32_t, f->value.n);
    s.phi = arena_array(scratch, ir_value, f->value.n);
    s.chance = arena_array(scratch, double, f->block.n + 1);
    p->bytes = bytes;
    if (s.value && s.known && s.phi && s.chance) {
        memset(s.phi, 0xff, f->value.n * sizeof *s.phi);
        weigh(&s);
        walk(&s, accept);
    }
    arena_rewind(scratch, mark);
}
