/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/twins.c - blocks that ask the same long question about different values share its compares.
 */
#include "backends/cbpf/emit.h"

/* Cases that make it worth a jump to use another block's compares; smaller ones melt in layout.c. */
#define TWIN_CASES 128u

static uint64_t cases_hash(const struct ir_case *c, uint32_t n, struct ir_range r)
{
    uint64_t h = ((uint64_t)r.lo << 32 | r.hi) + n;

    for (uint32_t i = 0; i < n; i++) {
        h = (h ^ ((uint64_t)c[i].last << 32 | c[i].target)) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

static bool targets_have_phis(const struct cb_emit *e, const struct ir_case *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (c[i].target < e->f->block.n && e->f->block.at[c[i].target].phi.n)
            return true;
    return false;
}

/* Are these tests by cases the same but for the value? */
static bool tests_equal(const struct cb_emit *e, const struct cb_test *t, const struct cb_test *u)
{
    const struct ir_case *c = cb_cases(e, t), *d = cb_cases(e, u);
    struct ir_range r = ir_range(e->f, t->a), s = ir_range(e->f, u->a);

    if (t->n != u->n || r.lo != s.lo || r.hi != s.hi)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (c[i].last != d[i].last || c[i].target != d[i].target)
            return false;
    return true;
}

void cb_twins_find(struct cb_emit *e)
{
    uint32_t size = 16, long_ones = 0;

    for (uint32_t b = 0; b < e->f->block.n; b++)
        long_ones += e->in[b] != NONE && e->test[b].n >= TWIN_CASES;
    if (long_ones < 2)
        return;
    while (size / 2 < long_ones)
        size *= 2;
    uint32_t *table = arena_array(e->arena, uint32_t, size); /* block + 1 */
    uint64_t *hash = arena_array(e->arena, uint64_t, size);
    if (!table || !hash) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    for (uint32_t b = e->f->block.n; b-- > 0 && !e->status;) {
        const struct cb_test *t = &e->test[b];
        if (e->in[b] == NONE || t->n < TWIN_CASES || targets_have_phis(e, cb_cases(e, t), t->n))
            continue;
        uint64_t h = cases_hash(cb_cases(e, t), t->n, ir_range(e->f, t->a));
        uint32_t at = (uint32_t)h & (size - 1);
        while (table[at] && hash[at] != h)
            at = (at + 1) & (size - 1);
        if (!table[at]) {
            table[at] = b + 1;
            hash[at] = h;
        } else if (tests_equal(e, t, &e->test[table[at] - 1])) {
            e->twin[b] = table[at] - 1;
        }
    }
}
