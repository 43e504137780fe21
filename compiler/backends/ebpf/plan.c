/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan.c - the plan: what is decided about a function before its first instruction.
 *
 *   - which blocks can run, how much of the packet each checks, and which values they need
 *   - which tests of neighbouring bytes become one
 *   - which loads stay in packet byte order
 *   - which packet pointers there are, or how much of the packet is copied
 *   - which values stay in a register or stack slot between blocks (a linear scan over block numbers, Poletto
 *     and Sarkar 1999: a home belongs to one value from its first block to its last, so two values of one
 * home never meet)
 *
 * A home is an offer: emission uses it where the value was computed on every path and computes anew
 * elsewhere. Only PHIs have to have one.
 */
#include "backends/ebpf/internal.h"
#include <string.h>

#define CLIMB_MAX 64 /* dominators are looked for this many steps up; a miss costs code, not correctness */

static const struct ir_node *node(const struct plan *p, ir_value v)
{
    return &p->f->value.at[v];
}

static bool is_const(const struct plan *p, ir_value v)
{
    return node(p, v)->op == IR_CONST;
}

static bool is_binary(const struct ir_node *n)
{
    return n->op >= IR_ADD && n->op <= IR_UGE;
}

static const struct ir_phi *phi_of(const struct plan *p, ir_value v)
{
    const struct ir_block *b = &p->block[node(p, v)->imm];

    for (uint32_t i = 0; i < b->phi.n; i++)
        if (b->phi.at[i].value == v)
            return &b->phi.at[i];
    return NULL;
}

bool plan_is_compare(const struct plan *p, const struct ir_block *b)
{
    if (b->on == IR_NONE || b->to.n != 2 || b->to.at[0].last != 0)
        return false;
    uint8_t op = node(p, b->on)->op;
    return op == IR_EQ || op == IR_UGT || op == IR_UGE;
}

/* ---------------------------------------------------------------- blocks */

static bool guard_fails(const struct ir_guard *g, uint32_t most)
{
    uint64_t reach = (uint64_t)g->size + (g->base == IR_NONE ? g->offset : 0);

    return reach > most;
}

/* Which blocks can run, and whose guards fail in any case. */
static void find_blocks(struct plan *p, uint32_t most)
{
    struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n; b++)
        p->reachable[b] = b == f->entry;
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        if (!p->reachable[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            p->never[b] |= guard_fails(&k->guard.at[i], most);
        for (uint32_t i = 0; i < k->to.n && !p->never[b]; i++)
            if (k->to.at[i].target < f->block.n)
                p->reachable[k->to.at[i].target] = true;
    }
}

/* ---------------------------------------------------------------- switches in a row */

#define MERGED_CASES 16

/* Whether what guards @t has passed once the guards of @b have. */
static bool guards_known(const struct ir_block *b, const struct ir_block *t)
{
    for (uint32_t i = 0; i < t->guard.n; i++) {
        const struct ir_guard *g = &t->guard.at[i];
        bool known = false;
        for (uint32_t j = 0; j < b->guard.n && !known; j++) {
            const struct ir_guard *h = &b->guard.at[j];
            known = h->base == g->base && h->offset == g->offset && h->size >= g->size;
        }
        if (!known)
            return false;
    }
    return true;
}

/* Whether the switch of @t can be made by @b, from which alone @t is reached. */
static bool is_continued(const struct plan *p, uint32_t b, uint32_t t, const uint32_t *edges)
{
    uint32_t from_here = 0;

    if (t >= p->f->block.n || p->never[t] || p->block[t].on != p->block[b].on || p->block[t].phi.n ||
        p->block[b].to.n + p->block[t].to.n > MERGED_CASES || !guards_known(&p->block[b], &p->block[t]))
        return false;
    for (uint32_t i = 0; i < p->block[b].to.n; i++)
        from_here += p->block[b].to.at[i].target == t;
    for (uint32_t i = 0; i < p->block[t].to.n; i++) {
        uint32_t x = p->block[t].to.at[i].target;
        if (x < p->f->block.n && p->block[x].phi.n)
            return false;
    }
    return edges[t] == from_here;
}

static void count_edges(const struct plan *p, uint32_t b, uint32_t *edges, uint32_t by)
{
    for (uint32_t i = 0; i < p->block[b].to.n; i++)
        if (p->block[b].to.at[i].target < p->f->block.n)
            edges[p->block[b].to.at[i].target] += by;
}

static void push_case(struct plan *p, struct ir_block *k, struct ir_case c)
{
    if (k->to.n && k->to.at[k->to.n - 1].target == c.target)
        k->to.at[k->to.n - 1].last = c.last;
    else if (!vec_push(p->arena, &k->to, c))
        p->no_memory = true;
}

/* In the cases of @b, those of @t in place of @t. */
static void merge_switch(struct plan *p, uint32_t b, uint32_t t)
{
    const struct ir_block old = p->block[b];
    const struct ir_block *inner = &p->block[t];
    struct ir_block *k = &p->block[b];
    uint32_t lo = 0;

    k->to.at = NULL;
    k->to.n = k->to.cap = 0;
    for (uint32_t i = 0; i < old.to.n && !p->no_memory; lo = old.to.at[i++].last + 1) {
        struct ir_case c = old.to.at[i];
        if (c.target != t) {
            push_case(p, k, c);
            continue;
        }
        for (uint32_t j = 0; j < inner->to.n; j++) {
            uint32_t first = j ? inner->to.at[j - 1].last + 1 : 0, last = inner->to.at[j].last;
            if (first <= c.last && last >= lo)
                push_case(p, k, (struct ir_case){last < c.last ? last : c.last, inner->to.at[j].target});
        }
    }
}

/*
 * A switch that leads to another one on the same value becomes one with it, if they are few: a value that is
 * in neither leaves after one jump. @edges is scratch, by block.
 */
static void merge_switches(struct plan *p, uint32_t *edges)
{
    uint32_t blocks = p->f->block.n;

    for (uint32_t b = 0; b < blocks; b++)
        edges[b] = 0;
    for (uint32_t b = 0; b < blocks; b++)
        if (p->reachable[b] && !p->never[b])
            count_edges(p, b, edges, 1);
    for (uint32_t b = blocks; b-- > 0;) {
        if (!p->reachable[b] || p->never[b] || p->block[b].on == IR_NONE)
            continue;
        for (uint32_t i = 0; i < p->block[b].to.n && !p->no_memory; i++) {
            uint32_t t = p->block[b].to.at[i].target;
            if (!is_continued(p, b, t, edges))
                continue;
            count_edges(p, b, edges, UINT32_MAX); /* minus one */
            count_edges(p, t, edges, UINT32_MAX);
            merge_switch(p, b, t);
            count_edges(p, b, edges, 1);
            i = UINT32_MAX; /* from the first case again */
        }
    }
}

/* ---------------------------------------------------------------- how far a block reaches */

/* What the guards of @b itself reach from the packet's start. */
static uint32_t own_reach(const struct plan *p, uint32_t b)
{
    const struct ir_block *k = &p->block[b];
    uint32_t own = 0;

    for (uint32_t i = 0; i < k->guard.n; i++) {
        const struct ir_guard *g = &k->guard.at[i];
        if (g->base == IR_NONE && g->offset + g->size > own)
            own = g->offset + g->size;
    }
    return own;
}

/*
 * What a block checks is what each of its accepting paths checks: a packet that fails would be rejected
 * further down. @need is scratch, by block; UINT32_MAX where nothing accepts.
 */
static void find_reach(struct plan *p, uint32_t *need)
{
    for (uint32_t b = p->f->block.n; b-- > 0;) {
        const struct ir_block *k = &p->block[b];
        uint32_t own, below = UINT32_MAX;
        need[b] = UINT32_MAX;
        if (!p->reachable[b] || p->never[b])
            continue;
        own = own_reach(p, b);
        for (uint32_t i = 0; i < k->to.n; i++) {
            uint32_t t = k->to.at[i].target;
            uint32_t x = t == IR_ACCEPT ? 0 : t == IR_REJECT ? UINT32_MAX : need[t];
            below = x < below ? x : below;
        }
        p->reach[b] = below != UINT32_MAX && below > own ? below : own;
        need[b] = below == UINT32_MAX ? below : p->reach[b];
    }
}

/* ---------------------------------------------------------------- wide tests */

/* (a load & mask) == value, for packet bytes address .. address + size. */
struct byte_test {
    uint32_t address, size, mask, value;
    uint32_t yes, no;
};

/* Case @i of @k as such a test. */
static bool case_test(const struct plan *p, const struct ir_block *k, uint32_t i, struct byte_test *t)
{
    const struct ir_node *n = node(p, k->on);
    uint32_t first = i ? k->to.at[i - 1].last + 1 : 0, last = k->to.at[i].last;

    t->mask = UINT32_MAX;
    if (n->op == IR_AND && is_const(p, n->b)) {
        t->mask = node(p, n->b)->imm;
        n = node(p, n->a);
    }
    if (!ir_is_load(n) || n->a != IR_NONE)
        return false;
    t->address = n->imm;
    t->size = ir_load_size(n);
    uint32_t all = t->size == 4 ? UINT32_MAX : (1u << 8 * t->size) - 1;
    last = last < all ? last : all;
    if (first > last || ((last - first) & (last - first + 1)) || (first & (last - first)))
        return false; /* no prefix */
    t->mask &= all & ~(last - first);
    t->value = first;
    t->yes = k->to.at[i].target;
    t->no = k->to.at[i ? i - 1 : i + 1].target;
    return (t->value & ~t->mask) == 0;
}

/* Cases of which one is `yes` and the others have one target in common. */
static bool is_test(const struct ir_block *k)
{
    return k->on != IR_NONE && (k->to.n == 2 || (k->to.n == 3 && k->to.at[0].target == k->to.at[2].target));
}

static bool has_phi(const struct plan *p, uint32_t target)
{
    return target < p->f->block.n && p->block[target].phi.n;
}

static bool join_tests(const struct plan *p, const struct byte_test *a, const struct byte_test *b,
                       struct wide_test *w)
{
    const struct byte_test *lo = a->address < b->address ? a : b, *hi = lo == a ? b : a;
    uint32_t bytes = lo->size + hi->size;

    if (b->no != a->no || lo->address + lo->size != hi->address || bytes < 6 ||
        lo->address > EBPF_REACH_MAX - 8)
        return false;
    w->mask = (uint64_t)lo->mask << 8 * hi->size | hi->mask;
    w->value = (uint64_t)lo->value << 8 * hi->size | hi->value;
    w->offset = lo->address;
    if (bytes == 6 && lo->address >= 2) {
        w->offset -= 2;
    } else if (bytes == 6) {
        w->mask <<= 16;
        w->value <<= 16;
    }
    w->yes = b->yes;
    w->no = b->no;
    if (p->access == ACCESS_COPY && ((w->offset + p->phase) % 8 || w->offset + 8 + p->phase > p->window_max))
        return false;
    return !has_phi(p, w->yes) && !has_phi(p, w->no);
}

/* The test of @b and that of the block it goes to, as one. @edges: by block, cases that lead to it. */
static bool find_wide(const struct plan *p, uint32_t b, const uint32_t *edges, struct wide_test *w)
{
    const struct ir_block *k = &p->block[b];
    struct byte_test one, two;

    if (!is_test(k))
        return false;
    for (uint32_t i = 0; i < k->to.n; i++) {
        uint32_t c = k->to.at[i].target;
        if ((k->to.n == 3 && i != 1) || c >= p->f->block.n || edges[c] != 1 || p->never[c])
            continue;
        const struct ir_block *k2 = &p->block[c];
        if (!is_test(k2) || k2->phi.n || !case_test(p, k, i, &one))
            continue;
        for (uint32_t j = 0; j < k2->guard.n; j++)
            if (k2->guard.at[j].base != IR_NONE)
                return false;
        for (uint32_t j = 0; j < k2->to.n; j++)
            if ((k2->to.n == 2 || j == 1) && case_test(p, k2, j, &two) && join_tests(p, &one, &two, w)) {
                w->block = b;
                w->absorbed = c;
                return true;
            }
    }
    return false;
}

/*
 * A wide test needs the bytes of both: where they are not known to be there, or likely, the tests stay apart.
 * @known and @edges are scratch, by block.
 */
static void find_wides(struct plan *p, uint32_t *known, uint32_t *edges)
{
    uint32_t blocks = p->f->block.n;

    for (uint32_t b = 0; b < blocks; b++) {
        known[b] = UINT32_MAX;
        edges[b] = 0;
    }
    for (uint32_t b = 0; b < blocks; b++)
        for (uint32_t i = 0; p->reachable[b] && !p->never[b] && i < p->block[b].to.n; i++)
            if (p->block[b].to.at[i].target < blocks)
                edges[p->block[b].to.at[i].target]++;
    if (p->f->entry < blocks)
        known[p->f->entry] = 0;
    for (uint32_t b = 0; b < blocks; b++) {
        struct wide_test w;
        if (!p->reachable[b] || p->never[b])
            continue;
        uint32_t here = known[b] > p->reach[b] ? known[b] : p->reach[b];
        if (p->access != ACCESS_LOADS && find_wide(p, b, edges, &w)) {
            uint32_t own = own_reach(p, w.absorbed), reach = w.offset + 8 > own ? w.offset + 8 : own;
            if (reach <= here || (p->speculate && reach <= here + SPECULATION_MAX)) {
                here = reach > here ? reach : here;
                if (!vec_push(p->arena, &p->wides, w)) {
                    p->no_memory = true;
                    return;
                }
                p->wide[b] = p->wides.n;
                p->reachable[w.absorbed] = false;
            }
        }
        for (uint32_t i = 0; i < plan_targets(p, b); i++) {
            uint32_t t = plan_target(p, b, i);
            if (t < blocks && here < known[t])
                known[t] = here;
        }
    }
}

/* ---------------------------------------------------------------- values that matter */

struct id_stack {
    VEC(uint32_t) at;
};

static void push(struct plan *p, struct id_stack *s, uint32_t id)
{
    if (!vec_push(p->arena, &s->at, id))
        p->no_memory = true;
}

static void want(struct plan *p, struct id_stack *s, ir_value v)
{
    if (v == IR_NONE || p->wanted[v])
        return;
    p->wanted[v] = true;
    push(p, s, v);
}

static bool is_present(const struct plan *p, ir_value v)
{
    return v != IR_NONE && node(p, v)->op == IR_META && node(p, v)->imm == META_VLAN_PRESENT;
}

static void want_all(struct plan *p, struct id_stack *s, const struct ebpf_target *target, struct span at)
{
    while (s->at.n && !p->no_memory) {
        ir_value v = s->at.at[--s->at.n];
        const struct ir_node *n = node(p, v);
        if (n->op == IR_META && ebpf_target_meta(target, n->imm) == NOT_THERE && p->metadata == IR_NONE) {
            p->metadata = v;
            p->metadata_at = at;
        }
        p->len_wanted |= n->op == IR_LEN;
        p->context_wanted |= n->op == IR_META || (n->op == IR_LEN && target->len != NOT_THERE);
        p->present_computed |= is_present(p, n->a) || is_present(p, n->b);
        want(p, s, n->a);
        want(p, s, n->b);
        const struct ir_phi *phi = n->op == IR_PHI ? phi_of(p, v) : NULL;
        for (uint32_t i = 0; phi && i < phi->arg.n; i++)
            if (p->reachable[phi->arg.at[i].block] && !p->never[phi->arg.at[i].block]) {
                want(p, s, phi->arg.at[i].value);
                p->present_computed |= is_present(p, phi->arg.at[i].value);
            }
    }
}

static void find_values(struct plan *p, struct id_stack *s, const struct ebpf_target *target)
{
    for (uint32_t b = 0; b < p->f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++) {
            want(p, s, k->guard.at[i].base);
            p->present_computed |= is_present(p, k->guard.at[i].base);
        }
        if (!p->wide[b])
            want(p, s, k->on);
        want_all(p, s, target, k->at);
    }
}

static void find_copies(struct plan *p)
{
    for (uint32_t b = 0; b < p->f->block.n; b++)
        p->copy[b] = IR_NONE;
    for (uint32_t b = p->f->block.n; b-- > 0;) {
        const struct ir_block *k = &p->block[b];
        for (uint32_t i = 0; i < k->phi.n; i++) {
            const struct ir_phi *phi = &k->phi.at[i];
            if (!p->wanted[phi->value])
                continue;
            for (uint32_t j = 0; j < phi->arg.n; j++) {
                uint32_t from = phi->arg.at[j].block;
                struct phi_copy c = {phi->value, phi->arg.at[j].value, p->copy[from]};
                if (!p->reachable[from] || p->never[from])
                    continue;
                if (!vec_push(p->arena, &p->copies, c)) {
                    p->no_memory = true;
                    return;
                }
                p->copy[from] = p->copies.n - 1;
                if (p->first[phi->value] > from)
                    p->first[phi->value] = from;
            }
        }
    }
}

/* ---------------------------------------------------------------- byte order */

/* A mask of a packet-order value is in packet order, if its constant is swapped. */
static bool is_mask(const struct plan *p, const struct ir_node *n)
{
    return n->op == IR_AND && is_const(p, n->b) && !is_const(p, n->a);
}

static void find_raw(struct plan *p)
{
    struct ir_func *f = p->f;

    for (ir_value v = 0; v < p->values; v++) {
        const struct ir_node *n = node(p, v);
        p->raw[v] = p->access != ACCESS_LOADS && (n->op == IR_LOAD16 || n->op == IR_LOAD32 || is_mask(p, n));
    }
    /* No: every use that looks at the number. Uses by later values come down from them. */
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        uint32_t otherwise;
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            if (k->guard.at[i].base != IR_NONE)
                p->raw[k->guard.at[i].base] = false;
        if (k->on != IR_NONE && !p->wide[b] && p->raw[k->on] &&
            !switch_is_points(k, ir_range(f, k->on), &otherwise))
            p->raw[k->on] = false;
    }
    for (uint32_t i = 0; i < p->copies.n; i++)
        p->raw[p->copies.at[i].value] = false;
    for (ir_value v = p->values; v-- > 0;) {
        const struct ir_node *n = node(p, v);
        if (!p->wanted[v] || (is_mask(p, n) && p->raw[v]))
            continue;
        if (n->a != IR_NONE)
            p->raw[n->a] = false;
        if (n->b != IR_NONE)
            p->raw[n->b] = false;
    }
    /* And upwards: a mask of something else. */
    for (ir_value v = 0; v < p->values; v++)
        if (p->raw[v] && is_mask(p, node(p, v)) && !p->raw[node(p, v)->a])
            p->raw[v] = false;
}

/* ---------------------------------------------------------------- bounds the verifier knows */

static uint32_t ones(uint32_t x)
{
    for (unsigned s = 1; s < 32; s *= 2)
        x |= x >> s;
    return x;
}

static uint32_t clamp(uint64_t x)
{
    return x > UINT32_MAX ? UINT32_MAX : (uint32_t)x;
}

/*
 * Not ir_range(): the verifier forgets the range of a byte-swapped value and of a quotient, and a range it
 * does not see is of no use here.
 */
static uint32_t known_max(const struct plan *p, ir_value v)
{
    const struct ir_node *n = node(p, v);
    uint32_t a = n->a < v ? p->known_max[n->a] : UINT32_MAX;
    uint32_t b = n->b < v ? p->known_max[n->b] : UINT32_MAX;
    const struct ir_phi *phi;
    uint32_t max = 0;

    switch (n->op) {
    case IR_CONST:
        return n->imm;
    case IR_LOAD8:
        return p->access == ACCESS_LOADS ? UINT32_MAX : 0xff; /* the verifier sees no range of LD_ABS */
    case IR_META:
        return n->imm == META_VLAN_PRESENT ? 1 : UINT32_MAX;
    case IR_ADD:
        return clamp((uint64_t)a + b);
    case IR_MUL:
        return clamp((uint64_t)a * b);
    case IR_AND:
        return a < b ? a : b;
    case IR_OR:
    case IR_XOR:
        return ones(a | b);
    case IR_SHL:
        return is_const(p, n->b) && b < 32 ? clamp((uint64_t)a << b) : UINT32_MAX;
    case IR_SHR:
        return is_const(p, n->b) && b < 32 ? a >> b : UINT32_MAX;
    case IR_EQ:
    case IR_UGT:
    case IR_UGE:
        return 1;
    case IR_PHI:
        phi = phi_of(p, v);
        for (uint32_t i = 0; phi && i < phi->arg.n; i++) {
            uint32_t x = phi->arg.at[i].value < v ? p->known_max[phi->arg.at[i].value] : UINT32_MAX;
            max = x > max ? x : max;
        }
        return phi ? max : UINT32_MAX;
    default:
        return UINT32_MAX;
    }
}

/* Low bits of @v that are 0 as far as the verifier can see, at most 3. */
static uint8_t known_zeros(const struct plan *p, ir_value v)
{
    const struct ir_node *n = node(p, v);
    unsigned a = n->a < v ? p->zeros[n->a] : 0, b = n->b < v ? p->zeros[n->b] : 0;
    uint32_t k = n->b < v && is_const(p, n->b) ? node(p, n->b)->imm : 0;
    const struct ir_phi *phi;
    unsigned zeros = 3;

    switch (n->op) {
    case IR_CONST:
        return n->imm ? (uint8_t)(__builtin_ctz(n->imm | 8)) : 3;
    case IR_ADD:
    case IR_SUB:
    case IR_OR:
    case IR_XOR:
        zeros = a < b ? a : b;
        break;
    case IR_AND:
        zeros = a > b ? a : b;
        break;
    case IR_SHL:
        zeros = is_const(p, n->b) && k < 32 ? a + k : 0;
        break;
    case IR_SHR: /* of a mask */
        n = node(p, n->a);
        zeros = 0;
        if (is_const(p, node(p, v)->b) && k < 32 && is_mask(p, n) && node(p, n->b)->imm >> k)
            zeros = (unsigned)__builtin_ctz(node(p, n->b)->imm >> k);
        break;
    case IR_PHI:
        phi = phi_of(p, v);
        for (uint32_t i = 0; phi && i < phi->arg.n; i++) {
            unsigned x = phi->arg.at[i].value < v ? p->zeros[phi->arg.at[i].value] : 0;
            zeros = x < zeros ? x : zeros;
        }
        return phi ? (uint8_t)zeros : 0;
    default:
        return 0;
    }
    return (uint8_t)(zeros < 3 ? zeros : 3);
}

/* ---------------------------------------------------------------- the window */

bool plan_is_absolute(const struct plan *p, const struct ir_node *n, uint32_t *address)
{
    if (n->a != IR_NONE && !is_const(p, n->a))
        return false;
    *address = n->imm + (n->a == IR_NONE ? 0 : node(p, n->a)->imm);
    return true;
}

/* The end of load @n if that may lie in the window, else 0. */
static uint32_t load_end(const struct plan *p, const struct ir_node *n)
{
    uint32_t address, base = 0;

    if (!plan_is_absolute(p, n, &address)) {
        address = n->imm;
        base = p->known_max[n->a];
    }
    uint64_t end = (uint64_t)address + base + ir_load_size(n);
    return end <= p->window_max ? (uint32_t)end : 0;
}

bool plan_in_window(const struct plan *p, const struct ir_node *n)
{
    uint32_t end = load_end(p, n);

    return end && end + p->phase <= p->window;
}

unsigned plan_aligned_part(const struct plan *p, const struct ir_node *n)
{
    uint32_t address;
    unsigned size = ir_load_size(n), zeros = 3;

    if (!plan_is_absolute(p, n, &address)) {
        address = n->imm;
        zeros = p->zeros[n->a];
    }
    while ((address + p->phase) % size || size > 1u << zeros)
        size /= 2;
    return size;
}

/* The phase that aligns the most bytes. */
static void find_phase(struct plan *p)
{
    uint32_t good[8] = {0};

    for (ir_value v = 0; v < p->values; v++) {
        const struct ir_node *n = node(p, v);
        uint32_t address;
        for (uint32_t i = 0; ir_is_load(n) && plan_is_absolute(p, n, &address) && i < 8; i++)
            good[i] += ((address + i) % ir_load_size(n) == 0) * ir_load_size(n);
    }
    for (uint32_t i = 1; i < 8; i++)
        if (good[i] > good[p->phase])
            p->phase = i;
}

static void find_window(struct plan *p)
{
    uint32_t end = 0;

    for (ir_value v = 0; v < p->values; v++) {
        uint32_t x = p->wanted[v] && ir_is_load(node(p, v)) ? load_end(p, node(p, v)) : 0;
        end = x > end && x + p->phase <= p->window_max ? x : end;
    }
    for (uint32_t i = 0; i < p->wides.n; i++)
        end = p->wides.at[i].offset + 8 > end ? p->wides.at[i].offset + 8 : end;
    p->window = end ? (end + p->phase + 7) / 8 * 8 : 0;
}

static void find_frame(struct plan *p)
{
    if (p->access == ACCESS_COPY)
        find_window(p);
    for (ir_value v = 0; v < p->values && p->access != ACCESS_DIRECT; v++)
        p->calls |= p->wanted[v] && ir_is_load(node(p, v)) && plan_is_dear(p, node(p, v));
    p->frame = p->window + (p->access == ACCESS_COPY && p->calls ? 8 : 0);
    p->home_regs = p->calls && p->home_regs > 2 ? 2 : p->home_regs; /* the first ones survive calls */
    int slots = STACK_SLOTS - (int)p->frame / 8 - 16;               /* of which some are for spills */
    p->home_max = p->home_regs + (slots < HOME_MAX - HOME_REGS_MAX ? slots : HOME_MAX - HOME_REGS_MAX);
}

/* ---------------------------------------------------------------- packet pointers */

static uint32_t pointer_slot(const struct plan *p, const struct ebpf_pointer *w)
{
    uint64_t h = (w->base * UINT64_C(0x9e3779b97f4a7c15)) ^ (w->add * UINT64_C(0xbf58476d1ce4e5b9)) ^ w->size;
    uint32_t at = (uint32_t)(h >> 32 ^ h) & p->pointer_hash_mask;

    for (; p->pointer_hash[at]; at = (at + 1) & p->pointer_hash_mask) {
        const struct ebpf_pointer *x = &p->pointer.at[p->pointer_hash[at] - 1];
        if (x->base == w->base && x->add == w->add && x->size == w->size && x->far == w->far)
            break;
    }
    return at;
}

static struct ebpf_pointer pointer_for(const struct plan *p, ir_value base, uint32_t offset, uint32_t size)
{
    if (p->known_max[base] <= 0x7fff && offset <= 0x7fff && size <= 0x7fff && offset + size <= 0x7fff)
        return (struct ebpf_pointer){.base = base};
    return (struct ebpf_pointer){base, offset, size, true};
}

uint32_t plan_pointer(struct plan *p, ir_value base, uint32_t offset, uint32_t size)
{
    struct ebpf_pointer w = pointer_for(p, base, offset, size);

    return p->values + p->pointer_hash[pointer_slot(p, &w)] - 1;
}

static void pointer_add(struct plan *p, ir_value base, uint32_t offset, uint32_t size)
{
    struct ebpf_pointer w = pointer_for(p, base, offset, size);
    uint32_t at = pointer_slot(p, &w);

    if (p->pointer_hash[at])
        return;
    if (!vec_push(p->arena, &p->pointer, w))
        p->no_memory = true;
    else
        p->pointer_hash[at] = p->pointer.n;
}

/* Calls pointer_add() for every address the program uses; counts them first, for the table's size. */
static void find_pointers(struct plan *p)
{
    uint32_t n = 0, size = 8;

    for (int counting = 1; counting >= 0 && !p->no_memory; counting--) {
        for (uint32_t b = 0; b < p->f->block.n; b++) {
            const struct ir_block *k = &p->block[b];
            for (uint32_t i = 0; i < k->guard.n && p->reachable[b] && !p->never[b]; i++) {
                const struct ir_guard *g = &k->guard.at[i];
                if (g->base != IR_NONE && counting)
                    n++;
                else if (g->base != IR_NONE)
                    pointer_add(p, g->base, g->offset, g->size);
            }
        }
        for (ir_value v = 0; v < p->values; v++) {
            const struct ir_node *x = node(p, v);
            if (!p->wanted[v] || !ir_is_load(x) || x->a == IR_NONE)
                continue;
            if (counting)
                n++;
            else
                pointer_add(p, x->a, x->imm, ir_load_size(x));
        }
        if (counting) {
            while (size / 2 < n && size < 1u << 31)
                size *= 2;
            p->pointer_hash_mask = size - 1;
            p->pointer_hash = arena_array(p->arena, uint32_t, size);
            p->no_memory |= !p->pointer_hash;
        }
    }
}

unsigned plan_operands(struct plan *p, uint32_t id, uint32_t out[2])
{
    unsigned n = 0;

    if (plan_is_pointer(p, id)) {
        out[0] = p->pointer.at[id - p->values].base;
        return is_const(p, out[0]) ? 0 : 1;
    }
    const struct ir_node *x = node(p, id);
    if (ir_is_load(x) && p->access != ACCESS_DIRECT) {
        if (x->a != IR_NONE && !is_const(p, x->a))
            out[n++] = x->a;
    } else if (ir_is_load(x) && x->a != IR_NONE) {
        out[n++] = plan_pointer(p, x->a, x->imm, ir_load_size(x));
    } else if (is_binary(x)) {
        if (!is_const(p, x->a))
            out[n++] = x->a;
        if (!is_const(p, x->b))
            out[n++] = x->b;
    }
    return n;
}

static void find_need(struct plan *p)
{
    for (uint32_t id = 0; id < p->values; id++) {
        uint32_t op[2];
        unsigned n = p->wanted[id] ? plan_operands(p, id, op) : 0;
        uint8_t need = 1;
        if (n && plan_is_pointer(p, op[0])) {
            need = p->need[p->pointer.at[op[0] - p->values].base];
            p->need[op[0]] = need;
        } else if (n == 1) {
            need = p->need[op[0]];
        } else if (n == 2) {
            uint8_t a = p->need[op[0]], b = p->need[op[1]];
            need = a == b ? (uint8_t)(a + (a < UINT8_MAX)) : a > b ? a : b;
        }
        p->need[id] = need;
    }
}

/* ---------------------------------------------------------------- homes */

/* idom[b], or b itself where the entry is all that is known. */
static void find_dominators(const struct plan *p, uint32_t *idom)
{
    const struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n; b++)
        idom[b] = IR_NONE;
    for (uint32_t b = 0; b < f->block.n; b++) {
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < plan_targets(p, b); i++) {
            uint32_t t = plan_target(p, b, i);
            if (t >= f->block.n)
                continue;
            uint32_t x = idom[t] == IR_NONE ? b : idom[t], y = b;
            for (int step = 0; x != y; step++) {
                if (step == CLIMB_MAX)
                    x = y = f->entry;
                else if (x > y)
                    x = x == f->entry ? y : idom[x];
                else
                    y = y == f->entry ? x : idom[y];
            }
            idom[t] = x;
        }
    }
}

static bool dominates(const uint32_t *idom, uint32_t d, uint32_t b)
{
    for (int step = 0; step < CLIMB_MAX && b != IR_NONE && b > d; step++)
        b = idom[b];
    return b == d;
}

/*
 * Which homes are worth having for @id: from *@first to before *@end; none if they are equal. A load is as
 * cheap to make again as to fetch from the stack, and one that needs no swap leaves registers to others.
 */
static void useful_homes(const struct plan *p, uint32_t id, int *first, int *end)
{
    *first = 0;
    *end = p->home_max;
    if (plan_is_pointer(p, id))
        return;
    const struct ir_node *n = node(p, id);
    if (n->op == IR_CONST || n->op == IR_LEN || n->op == IR_META)
        *end = 0;
    if (ir_is_load(n) && !plan_is_dear(p, n)) {
        *end = p->home_regs;
        *first = n->op == IR_LOAD8 || p->raw[id] ? p->home_regs / 2 : 0;
    }
}

uint32_t plan_wider_reach(struct plan *p, uint32_t pointer, uint32_t exact)
{
    uint32_t best = exact;

    for (uint32_t b = 0; p->speculate && b < p->f->block.n; b++) {
        const struct ir_block *k = &p->block[b];
        for (uint32_t i = 0; p->reachable[b] && !p->never[b] && i < k->guard.n; i++) {
            const struct ir_guard *g = &k->guard.at[i];
            uint32_t reach = g->offset + g->size, of = IR_NONE;
            if (g->base != IR_NONE)
                of = plan_pointer(p, g->base, g->offset, g->size);
            if (of == pointer && reach > best && reach <= exact + SPECULATION_MAX)
                best = reach;
        }
        uint32_t wide = p->wide[b] ? plan_wide(p, b)->offset + 8 : 0;
        if (pointer == IR_NONE && wide > best && wide <= exact + SPECULATION_MAX)
            best = wide;
    }
    return best;
}

static uint32_t guard_operand(struct plan *p, const struct ir_guard *g)
{
    return p->access == ACCESS_DIRECT ? plan_pointer(p, g->base, g->offset, g->size) : g->base;
}

/* Finds between which blocks each id is used, as emission will go about it. */
static void find_uses(struct plan *p, struct id_stack *s, const uint32_t *idom, uint32_t *def,
                      uint32_t *stamp)
{
    struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n && !p->no_memory; b++) {
        const struct ir_block *k = &p->block[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            if (k->guard.at[i].base != IR_NONE)
                push(p, s, guard_operand(p, &k->guard.at[i]));
        for (uint32_t c = p->copy[b]; c != IR_NONE; c = p->copies.at[c].next)
            push(p, s, p->copies.at[c].value);
        if (!p->wide[b] && plan_is_compare(p, k)) {
            push(p, s, node(p, k->on)->a);
            push(p, s, node(p, k->on)->b);
        } else if (!p->wide[b] && k->on != IR_NONE) {
            push(p, s, k->on);
        }
        while (s->at.n && !p->no_memory) {
            uint32_t id = s->at.at[--s->at.n];
            uint32_t op[2];
            if (stamp[id] == b + 1)
                continue;
            stamp[id] = b + 1;
            if (p->first[id] > b)
                p->first[id] = b;
            p->last[id] = b;
            bool load = !plan_is_pointer(p, id) && ir_is_load(node(p, id)) && !plan_is_dear(p, node(p, id));
            if (!load && def[id] != IR_NONE && dominates(idom, def[id], b))
                continue;
            def[id] = b;
            unsigned n = plan_operands(p, id, op);
            for (unsigned i = 0; i < n; i++)
                push(p, s, op[i]);
        }
    }
}

static void give_home(struct plan *p, uint32_t *owner, uint32_t id)
{
    bool must = !plan_is_pointer(p, id) && node(p, id)->op == IR_PHI;
    int first, end, h = HOME_NONE;

    useful_homes(p, id, &first, &end);
    for (int x = first; x < end && h == HOME_NONE; x++)
        if (owner[x] == IR_NONE)
            h = x;
    for (int x = 0; h == HOME_NONE && must && x < p->home_max; x++)
        if (plan_is_pointer(p, owner[x]) || node(p, owner[x])->op != IR_PHI) {
            p->home[owner[x]] = HOME_NONE;
            h = x;
        }
    if (h == HOME_NONE) {
        p->no_stack |= must;
        return;
    }
    owner[h] = id;
    p->home[id] = (int8_t)h;
    if (p->homes <= (uint32_t)h)
        p->homes = (uint32_t)h + 1;
    if (h < p->home_regs)
        p->home_registers |= 1u << p->home_register[h];
}

static void find_homes(struct plan *p, uint32_t *head, uint32_t *next)
{
    uint32_t owner[HOME_MAX];

    for (int h = 0; h < HOME_MAX; h++)
        owner[h] = IR_NONE;
    for (uint32_t b = 0; b < p->f->block.n; b++)
        head[b] = IR_NONE;
    /* In front of a block's list, as it is built backwards: PHIs, then pointers, then the rest. */
    for (int round = 0; round < 3; round++)
        for (uint32_t id = p->ids; id-- > 0;) {
            bool phi = !plan_is_pointer(p, id) && node(p, id)->op == IR_PHI;
            int turn = phi ? 2 : plan_is_pointer(p, id) ? 1 : 0;
            if (turn != round || p->first[id] == IR_NONE || p->first[id] == p->last[id] ||
                (phi && !p->wanted[id]))
                continue;
            next[id] = head[p->first[id]];
            head[p->first[id]] = id;
        }
    for (uint32_t b = 0; b < p->f->block.n; b++) {
        for (int h = 0; h < HOME_MAX; h++)
            if (owner[h] != IR_NONE && p->last[owner[h]] < b)
                owner[h] = IR_NONE;
        for (uint32_t id = head[b]; id != IR_NONE; id = next[id])
            give_home(p, owner, id);
    }
}

uint32_t plan_count_loads(const struct plan *p)
{
    uint32_t blocks = p->f->block.n, most = 0;
    uint32_t *loads = arena_array(p->arena, uint32_t, blocks);

    if (!loads)
        return UINT32_MAX;
    /* A load that several blocks use counts in the first of them. */
    for (ir_value v = 0; v < p->values; v++)
        if (p->wanted[v] && p->first[v] < blocks && ir_is_load(node(p, v)))
            loads[p->first[v]]++;
    uint32_t *path = arena_array(p->arena, uint32_t, blocks);
    for (uint32_t b = 0; path && b < blocks; b++) {
        uint32_t n = path[b] + loads[b] + (p->wide[b] ? 2 : 0);
        most = n > most ? n : most;
        for (uint32_t i = 0; p->reachable[b] && !p->never[b] && i < plan_targets(p, b); i++) {
            uint32_t t = plan_target(p, b, i);
            if (t < blocks && path[t] < n)
                path[t] = n;
        }
    }
    return path ? most : UINT32_MAX;
}

/* ---------------------------------------------------------------- all of it */

static bool plan_init(struct plan *p, size_t most)
{
    uint32_t blocks = p->f->block.n, n = p->values;

    p->known_max = arena_array(p->arena, uint32_t, n);
    p->zeros = arena_array(p->arena, uint8_t, n);
    p->need = arena_array(p->arena, uint8_t, most);
    p->wanted = arena_array(p->arena, bool, n);
    p->raw = arena_array(p->arena, bool, n);
    p->block = arena_array(p->arena, struct ir_block, blocks);
    p->reachable = arena_array(p->arena, bool, blocks);
    p->never = arena_array(p->arena, bool, blocks);
    p->reach = arena_array(p->arena, uint32_t, blocks);
    p->wide = arena_array(p->arena, uint32_t, blocks);
    p->copy = arena_array(p->arena, uint32_t, blocks);
    p->home = arena_array(p->arena, int8_t, most);
    p->first = arena_array(p->arena, uint32_t, most);
    p->last = arena_array(p->arena, uint32_t, most);
    if (!p->known_max || !p->zeros || !p->need || !p->wanted || !p->raw || !p->block || !p->reachable ||
        !p->never || !p->reach || !p->wide || !p->copy || !p->home || !p->first || !p->last)
        return false;
    for (uint32_t b = 0; b < blocks; b++)
        p->block[b] = p->f->block.at[b];
    memset(p->home, HOME_NONE, most);
    memset(p->first, 0xff, most * sizeof *p->first); /* IR_NONE */
    return true;
}

int plan_make(struct plan *p, struct ir_func *f, struct arena *arena, const struct plan_request *q)
{
    uint32_t blocks = f->block.n, n = f->value.n;
    struct id_stack s = {0};

    *p = (struct plan){.f = f, .arena = arena, .access = q->access, .values = n, .metadata = IR_NONE};
    p->window_max = q->window_max;
    p->home_regs = q->home_regs;
    p->speculate = q->speculate;
    memcpy(p->home_register, q->home_register, sizeof p->home_register);
    /* Every pointer comes from a load or a guard. */
    size_t most = (size_t)n * 2;
    for (uint32_t b = 0; b < blocks; b++)
        most += f->block.at[b].guard.n;
    if (most > UINT32_MAX / 2 || !plan_init(p, most))
        return WEIR_E_MEMORY;
    uint32_t *by_block =
        arena_array(arena, uint32_t, blocks); /* tables of several passes, one after the other */
    uint32_t *by_block2 = arena_array(arena, uint32_t, blocks);
    uint32_t *def = arena_array(arena, uint32_t, most);
    uint32_t *stamp = arena_array(arena, uint32_t, most);
    if (!by_block || !by_block2 || !def || !stamp)
        return WEIR_E_MEMORY;
    memset(def, 0xff, most * sizeof *def);

    find_blocks(p, q->reach_max);
    merge_switches(p, by_block);
    find_blocks(p, q->reach_max); /* again: what only impossible cases led to is gone */
    find_reach(p, by_block);
    if (q->access == ACCESS_COPY)
        find_phase(p);
    find_wides(p, by_block, by_block2);
    find_values(p, &s, q->target);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    if (p->metadata != IR_NONE)
        return WEIR_E_UNSUPPORTED;
    find_copies(p);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    find_raw(p);
    for (ir_value v = 0; v < n; v++) {
        p->known_max[v] = p->wanted[v] ? known_max(p, v) : UINT32_MAX;
        p->zeros[v] = p->wanted[v] ? known_zeros(p, v) : 0;
    }
    find_frame(p);
    if (q->access == ACCESS_DIRECT)
        find_pointers(p);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    p->ids = n + p->pointer.n;
    find_need(p);
    find_dominators(p, by_block);
    find_uses(p, &s, by_block, def, stamp);
    find_homes(p, by_block, stamp); /* they become its lists */
    return p->no_memory ? WEIR_E_MEMORY : p->no_stack ? WEIR_E_LIMIT : 0;
}
