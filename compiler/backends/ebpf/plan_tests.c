/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan_tests.c - tests that become one: switches in a row on one value, and tests of
 * neighbouring bytes.
 */
#include "backends/ebpf/plan.h"

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

    if (t >= p->f->block.n || p->never[t] || p->block[t].on != p->block[b].on || ir_returns(&p->block[t]) ||
        p->block[t].phi.n || p->block[b].to.n + p->block[t].to.n > MERGED_CASES ||
        !guards_known(&p->block[b], &p->block[t]))
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
void plan_merge_switches(struct plan *p, uint32_t *edges)
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

/* ---------------------------------------------------------------- wide tests */

/* (a load & mask) == value, for packet bytes address .. address + size. */
struct byte_test {
    uint32_t address, size, mask, value;
    uint32_t yes, no;
    unsigned cost; /* instructions of a packet that passes */
};

/* Case @i of @k as such a test. */
static bool case_test(const struct plan *p, const struct ir_block *k, uint32_t i, struct byte_test *t)
{
    const struct ir_node *n = plan_node(p, k->on);
    uint32_t first = i ? k->to.at[i - 1].last + 1 : 0, last = k->to.at[i].last;

    t->mask = UINT32_MAX;
    t->cost = 2;
    if (n->op == IR_AND && plan_is_const(p, n->b)) {
        t->mask = plan_node(p, n->b)->imm;
        t->cost++;
        n = plan_node(p, n->a);
    }
    if (!ir_is_load(n) || n->a != IR_NONE)
        return false;
    t->address = n->imm;
    t->size = ir_load_size(n);
    uint32_t all = t->size == 4 ? UINT32_MAX : (1u << 8 * t->size) - 1;
    last = last < all ? last : all;
    t->cost += first == last ? 0 : 2; /* a range: a swap and two comparisons */
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

/* The mask as a shift, if there is one that leaves the same bits; the value moves with them. */
static void find_shift(struct wide_test *w)
{
    int zeros = __builtin_ctzll(w->mask), bits = __builtin_popcountll(w->mask);

    if (bits == 64)
        return;
    if (zeros == 0 && w->mask == UINT64_MAX >> (64 - bits)) {
        w->shift = 64 - bits;
        w->value <<= w->shift;
    } else if (w->mask == UINT64_MAX << zeros) {
        w->shift = -zeros;
        w->value >>= zeros;
    }
}

/* Instructions of a packet that passes. */
static unsigned wide_cost(const struct wide_test *w)
{
    unsigned mask = w->shift ? 1 : w->mask != UINT64_MAX ? 2 : 0; /* an immediate of 64 bits and `and` */

    return 2 + mask + !wide_immediate(w->value);
}

/* False as well where the one test is not shorter than the two, of which most packets fail the first. */
static bool join_tests(const struct plan *p, const struct byte_test *a, const struct byte_test *b,
                       struct wide_test *w)
{
    const struct byte_test *lo = a->address < b->address ? a : b, *hi = lo == a ? b : a;
    uint32_t bytes = lo->size + hi->size;

    if (b->no != a->no || lo->address + lo->size != hi->address || bytes < 6 ||
        lo->address > EBPF_REACH_MAX - 8)
        return false;
    uint64_t mask = (uint64_t)lo->mask << 8 * hi->size | hi->mask;
    uint64_t value = (uint64_t)lo->value << 8 * hi->size | hi->value;
    *w = (struct wide_test){.offset = lo->address};
    if (bytes == 6 && lo->address >= 2) {
        w->offset -= 2;
    } else if (bytes == 6) {
        mask <<= 16;
        value <<= 16;
    }
    w->mask = __builtin_bswap64(mask);
    w->value = __builtin_bswap64(value);
    find_shift(w);
    if (wide_cost(w) >= a->cost + b->cost)
        return false;
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
void plan_find_wides(struct plan *p, uint32_t *known, uint32_t *edges)
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
            uint32_t own = plan_own_reach(p, w.absorbed), reach = w.offset + 8 > own ? w.offset + 8 : own;
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
