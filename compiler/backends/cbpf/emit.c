/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/emit.c - emission: blocks in order, and what A and X hold on the edges between them.
 *
 * A block's code brings the tested value into A (and X), then compares. Optimized, an edge along which the
 * registers already hold what the first instructions would load enters behind them, so a block may have
 * several entries: a field compared in three blocks is loaded once. Plain, every block starts from
 * nothing and makes each of its guards real: with a load it needs anyway, or with one of its own.
 *
 *      block 1: ldh [12]                   edge 0 -> 1 enters here
 *               jeq #0x800 jt 2 jf 3
 *      block 3: ldh [12]                   an edge without A = [12] would enter here
 *               jeq #0x86dd ...            edge 1 -> 3 enters here
 *
 * Classic BPF cannot see the captured length: optimized, a guard whose loads are gone is forgotten.
 */
#include "backends/cbpf/emit.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define EARLY_MIN 800u                  /* shorter programs are taken, whatever they load */
#define EARLY_MAX (2 * CBPF_KERNEL_MAX) /* longer ones do not become short enough with fewer loads */

#define BLOCKS_MANY 1024u /* for which there is room at once */

static const struct cb_regs nothing = {IR_NONE, IR_NONE, IR_NONE, 0};

void cb_fail(struct cb_emit *e, int status)
{
    if (!e->status)
        e->status = status;
}

uint32_t cb_put_jump(struct cb_emit *e, uint16_t code, uint32_t k, uint32_t jt, uint32_t jf)
{
    if (e->status)
        return 0;
    if (e->code.n >= TO_EDGE / 2 || e->code.n / 2 > e->limit) {
        cb_fail(e, WEIR_E_LIMIT);
        return 0;
    }
    if (!vec_reserve(e->arena, &e->code, 1)) {
        cb_fail(e, WEIR_E_MEMORY);
        return 0;
    }
    e->code.at[e->code.n] = (struct cb_insn){.code = code, .k = k, .jt = jt, .jf = jf, .before = e->regs};
    return e->code.n++;
}

uint32_t cb_put(struct cb_emit *e, uint16_t code, uint32_t k)
{
    return cb_put_jump(e, code, k, 0, 0);
}

/* ---------------------------------------------------------------- graph */

/* A guard that no packet passes. */
static bool block_fails(const struct ir_block *b)
{
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        if ((g->base == IR_NONE ? g->offset : 0) + (uint64_t)g->size > IR_ADDRESS_MAX)
            return true;
    }
    return false;
}

/* Where jumps to each block end up, past blocks that only jump. */
static void thread_jumps(struct cb_emit *e)
{
    for (uint32_t b = e->f->block.n; b-- > 0;) {
        const struct ir_block *ib = &e->f->block.at[b];
        uint32_t to = ib->to.n == 1 ? ib->to.at[0].target : b;

        e->thread[b] = b;
        if (block_fails(ib))
            e->thread[b] = TO_REJECT;
        else if (to == b || (e->plain && ib->guard.n) || ib->phi.n)
            continue;
        else if (to >= e->f->block.n)
            e->thread[b] = to;
        else if (e->thread[to] == TO_REJECT || !e->f->block.at[to].phi.n)
            e->thread[b] = e->thread[to];
    }
}

static uint32_t edge_add(struct cb_emit *e, uint32_t from, uint32_t to)
{
    if (e->edge.n >= TO_ACCEPT - TO_EDGE || !vec_reserve(e->arena, &e->edge, 1)) {
        cb_fail(e, WEIR_E_MEMORY);
        return 0;
    }
    e->edge.at[e->edge.n] = (struct cb_edge){from, to, e->in[to], NONE, nothing};
    e->in[to] = e->edge.n;
    return e->edge.n++;
}

/* The edge of @b to @to, made when there is none. */
static void edge_to(struct cb_emit *e, uint32_t b, uint32_t to)
{
    if (to >= e->f->block.n)
        return;
    uint32_t i = e->slot[to];
    if (i < e->edge.n && e->edge.at[i].from == b && e->edge.at[i].to == to)
        return;
    e->slot[to] = edge_add(e, b, to);
    e->out_n[b]++;
}

static void build_edges(struct cb_emit *e, uint32_t start)
{
    edge_add(e, NONE, start);
    for (uint32_t b = 0; b < e->f->block.n && !e->status; b++) {
        const struct cb_test *t = &e->test[b];

        if (e->in[b] == NONE)
            continue;
        cb_test_decide(e, b);
        e->out[b] = e->edge.n;
        if (t->a == IR_NONE || t->jump) {
            edge_to(e, b, t->yes);
            edge_to(e, b, t->no);
        }
        for (uint32_t i = 0; i < t->n; i++)
            edge_to(e, b, cb_cases(e, t)[i].target);
    }
}

/* Makes e->slot map the targets of @b to its edges. */
static void map_targets(struct cb_emit *e, uint32_t b)
{
    for (uint32_t i = 0; i < e->out_n[b]; i++)
        e->slot[e->edge.at[e->out[b] + i].to] = e->out[b] + i;
}

static uint32_t jump_target(const struct cb_emit *e, uint32_t to)
{
    return to < e->f->block.n ? TO_EDGE + e->slot[to] : to;
}

/* ---------------------------------------------------------------- equal tests */

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

/* Finds blocks that ask the same long question about different values, as `src or dst` over a list does. */
static void find_twins(struct cb_emit *e)
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

/* ---------------------------------------------------------------- entries */

static bool same_safe(const struct cb_regs *r, const struct cb_regs *s)
{
    return r->safe == s->safe && r->safe_from == s->safe_from;
}

static struct cb_regs regs_both(struct cb_regs r, const struct cb_regs *s)
{
    if (r.a != s->a)
        r.a = IR_NONE;
    if (r.x != s->x)
        r.x = IR_NONE;
    if (!same_safe(&r, s))
        r.safe = IR_NONE;
    return r;
}

/* What is known on all edges of a list. */
static struct cb_regs regs_meet(const struct cb_emit *e, uint32_t first)
{
    struct cb_regs r = nothing;

    if (first == NONE || e->plain)
        return r;
    r = e->edge.at[first].regs;
    for (uint32_t i = e->edge.at[first].next_in; i != NONE; i = e->edge.at[i].next_in)
        r = regs_both(r, &e->edge.at[i].regs);
    return r;
}

enum { NEEDS_A = 1, NEEDS_X = 2 }; /* 1 << register, counted from A */

/*
 * Lets every edge of the list enter the code [begin, tests) as late as what it holds allows. At `tests`,
 * @needs has to be there; e->regs says what is promised to be in the registers from then on. Stores are never
 * jumped over.
 */
static void bind_entries(struct cb_emit *e, uint32_t first, uint32_t begin, uint32_t tests, unsigned needs)
{
    uint32_t late = begin;

    for (uint32_t i = first; i != NONE; i = e->edge.at[i].next_in)
        e->edge.at[i].entry = begin;
    if (e->plain || tests == begin || e->status)
        return;
    while (late < tests && (e->code.at[late].code & CB_CLASS) != CB_ST &&
           (e->code.at[late].code & CB_CLASS) != CB_STX)
        late++;
    e->need.n = 0;
    if (!vec_reserve(e->arena, &e->need, tests - begin + 1)) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    uint8_t *need = e->need.at;
    if (e->regs.x != IR_NONE)
        needs |= NEEDS_X;
    need[tests - begin] = (uint8_t)needs;
    for (uint32_t p = tests; p-- > begin;) {
        uint32_t reads = 0, writes = 0;
        if (e->code.at[p].code != GOTO)
            cbpf_effects(e->code.at[p].code, e->code.at[p].k, &reads, &writes);
        needs = (needs & ~(writes >> CBPF_REGISTER_A)) | reads >> CBPF_REGISTER_A;
        need[p - begin] = (uint8_t)needs;
    }
    for (uint32_t i = first; i != NONE; i = e->edge.at[i].next_in) {
        struct cb_edge *edge = &e->edge.at[i];
        for (uint32_t p = late; p > begin; p--) {
            const struct cb_regs *at = p == tests && p == e->code.n ? &e->regs : &e->code.at[p].before;
            if ((p < e->code.n && e->code.at[p].closed) ||
                (at->safe != IR_NONE && !same_safe(at, &edge->regs)) ||
                (need[p - begin] & NEEDS_A && (at->a == IR_NONE || at->a != edge->regs.a)) ||
                (need[p - begin] & NEEDS_X && (at->x == IR_NONE || at->x != edge->regs.x)))
                continue;
            edge->entry = p;
            break;
        }
    }
}

/* ---------------------------------------------------------------- plain guards */

/* A load that the block makes anyway. */
struct reach {
    ir_value base;
    uint32_t offset, size;
};

static bool reach_before(const struct reach *x, const struct reach *y)
{
    return x->base != y->base       ? x->base < y->base
           : x->offset != y->offset ? x->offset < y->offset
                                    : x->size < y->size;
}

/* Shell's sort: in place, no recursion. */
static void reach_sort(struct reach *r, uint32_t n)
{
    for (uint32_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (uint32_t i = gap; i < n; i++) {
            struct reach x = r[i];
            uint32_t at = i;
            for (; at >= gap && reach_before(&x, &r[at - gap]); at -= gap)
                r[at] = r[at - gap];
            r[at] = x;
        }
}

struct reaches {
    VEC(struct reach) load;
    uint64_t absolute; /* where the furthest absolute load ends */
};

static void reaches_find(struct cb_emit *e, struct reaches *r, ir_value root)
{
    e->visit.n = 0;
    if (root != IR_NONE && !vec_push(e->arena, &e->visit, root))
        cb_fail(e, WEIR_E_MEMORY);
    while (e->visit.n && !e->status) {
        ir_value v = e->visit.at[--e->visit.n];
        const struct ir_node *n = &e->f->value.at[v];

        if (e->seen[v] == e->epoch || n->op == IR_PHI)
            continue;
        e->seen[v] = e->epoch;
        if (ir_is_load(n)) {
            struct reach l = {n->a, n->imm, ir_load_size(n)};
            if (l.base == IR_NONE)
                r->absolute =
                    r->absolute > (uint64_t)l.offset + l.size ? r->absolute : (uint64_t)l.offset + l.size;
            else if (!vec_push(e->arena, &r->load, l))
                cb_fail(e, WEIR_E_MEMORY);
        }
        if ((n->a != IR_NONE && !vec_push(e->arena, &e->visit, n->a)) ||
            (n->b != IR_NONE && !vec_push(e->arena, &e->visit, n->b)))
            cb_fail(e, WEIR_E_MEMORY);
    }
}

/* Do all addresses from here stay below 2^32? */
static bool address_plain(struct cb_emit *e, ir_value base, uint32_t offset, uint32_t size)
{
    return (uint64_t)ir_range(e->f, base).hi + offset + size <= UINT64_C(1) << 32;
}

/* Is guard @g made by one of the sorted loads? */
static bool reaches_cover(struct cb_emit *e, const struct reaches *r, const struct ir_guard *g)
{
    struct reach key = {g->base, g->offset, g->size};
    uint32_t lo = 0, hi = r->load.n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (reach_before(&r->load.at[mid], &key))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < r->load.n && r->load.at[lo].base == g->base && r->load.at[lo].offset == g->offset)
        return true;
    if (!address_plain(e, g->base, g->offset, g->size))
        return false;
    /* where addresses do not wrap, a load further on will do; the last ones of the base are the furthest */
    for (hi = lo; hi < r->load.n && r->load.at[hi].base == g->base && hi < lo + 4; hi++) {
        const struct reach *l = &r->load.at[hi];
        if ((uint64_t)l->offset + l->size >= (uint64_t)g->offset + g->size &&
            address_plain(e, l->base, l->offset, l->size))
            return true;
    }
    return false;
}

static void put_guards(struct cb_emit *e, uint32_t b, const struct cb_test *t)
{
    const struct ir_block *ib = &e->f->block.at[b];
    struct reaches r = {.absolute = 0};
    uint64_t need = 0;

    if (!ib->guard.n)
        return;
    e->epoch++;
    reaches_find(e, &r, t->a);
    reaches_find(e, &r, t->x);
    reach_sort(r.load.at, r.load.n);
    for (uint32_t i = 0; i < ib->guard.n && !e->status; i++) {
        const struct ir_guard *g = &ib->guard.at[i];
        uint64_t end = (uint64_t)g->offset + g->size;
        if (!g->size && g->base == IR_NONE && !g->offset)
            continue;
        if (g->base == IR_NONE) {
            need = need > end ? need : end;
        } else if (!reaches_cover(e, &r, g)) {
            cb_eval_begin(e, g->base, IR_NONE);
            cb_eval_guard(e, g->base, g->offset, g->size ? g->size : 1);
        }
    }
    if (need > r.absolute) {
        cb_put(e, CB_LD | CB_ABS | CB_B, (uint32_t)(need - 1));
        e->regs.a = IR_NONE;
    }
}

/* ---------------------------------------------------------------- blocks */

static void emit_test(struct cb_emit *e, struct cb_test *t)
{
    bool swapped = false;

    if (t->x == IR_NONE && cb_eval_simple(e, t->a))
        return;
    cb_eval_begin(e, t->a, t->x);
    if (t->x == IR_NONE) {
        cb_eval(e, t->a);
        return;
    }
    uint16_t what = t->jump & CB_OPERATOR;
    swapped = cb_eval_pair(e, t->a, t->x, true);
    if (swapped && (what == CB_JGT || what == CB_JGE)) { /* a > x is not x >= a */
        uint32_t yes = t->yes;
        t->jump = CB_JMP | CB_X | (what == CB_JGT ? CB_JGE : CB_JGT);
        t->yes = t->no;
        t->no = yes;
    }
}

/* Brings what the test needs into the registers. False: out of cells, or values still to be stored. */
static bool block_try(struct cb_emit *e, uint32_t b, struct cb_test *t, bool store_first)
{
    cb_eval_end(e);
    e->task.n = 0;
    e->doomed = false;
    e->cells = e->cells_in[b] | e->cells_out[b];
    e->kept_now = e->kept_in[b];
    e->kept_want = e->kept_store[b];
    if (e->plain)
        put_guards(e, b, t);
    for (ir_value v = 0; store_first && v < e->f->value.n && !e->doomed; v++)
        if (e->kept_index[v] != NO_CELL && (e->kept_want & ~e->kept_now) >> e->kept_index[v] & 1) {
            cb_eval_begin(e, v, IR_NONE);
            cb_eval(e, v);
        }
    if (e->early && e->early_x[b] != IR_NONE && !e->doomed && !e->status)
        cb_eval_x(e, e->early_x[b]);
    if (t->a != IR_NONE && !e->doomed && !e->status)
        emit_test(e, t);
    return !e->status && (e->doomed || !(e->kept_want & ~e->kept_now));
}

static void put_jumps(struct cb_emit *e, const struct cb_test *t)
{
    uint32_t yes = jump_target(e, t->yes), no = jump_target(e, t->no);

    cb_put_jump(e, t->jump, t->k, t->k_then ? e->code.n + 1 : yes, no);
    if (t->k_then)
        cb_put_jump(e, t->jump, t->k_then, t->then_set ? yes : no, t->then_set ? no : yes);
}

/* Continues at the compares of the block's twin. */
static void goto_twin(struct cb_emit *e, uint32_t b)
{
    uint32_t twin = e->twin[b];
    struct cb_edge edge = {b, twin, e->twins[twin], NONE, e->plain ? nothing : e->regs};

    if (e->edge.n >= TO_ACCEPT - TO_EDGE || !vec_push(e->arena, &e->edge, edge)) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    e->twins[twin] = e->edge.n - 1;
    cb_put_jump(e, GOTO, 0, TO_EDGE + e->edge.n - 1, 0);
}

static void emit_block(struct cb_emit *e, uint32_t b)
{
    uint32_t begin = e->code.n;
    struct cb_regs at_start = regs_meet(e, e->in[b]);
    struct cb_test t;
    bool store_first = false;

    e->share = true;
    for (int attempt = 0; attempt < 3; attempt++) {
        t = e->test[b];
        e->regs = at_start;
        e->code.n = begin;
        if (e->status || block_try(e, b, &t, store_first))
            break;
        if (e->status == WEIR_E_UNSUPPORTED && e->share && attempt < 2) {
            e->share = false;
            e->status = 0;
        } else if (!e->status) {
            store_first = true;
        } else {
            break;
        }
    }
    cb_eval_end(e);
    if (!e->status && !e->doomed && e->kept_want & ~e->kept_now)
        cb_fail(e, WEIR_E_BUG);
    if (e->status)
        return;
    uint32_t tests = e->code.n, twins = e->twins[b];
    if (e->doomed) {
        e->regs = nothing;
        cb_put_jump(e, GOTO, 0, TO_REJECT, 0);
        bind_entries(e, e->in[b], begin, begin, 0);
        if (twins == NONE)
            return;
        tests = e->code.n; /* others come here */
    }
    map_targets(e, b);
    if (t.a == IR_NONE)
        cb_put_jump(e, GOTO, 0, jump_target(e, t.yes), 0);
    else if (t.jump)
        put_jumps(e, &t);
    else if (e->twin[b] != NONE)
        goto_twin(e, b);
    else
        cb_switch_emit(e, &t);
    if (!e->doomed)
        bind_entries(e, e->in[b], begin, tests,
                     (t.a == IR_NONE ? 0u : NEEDS_A) | (t.x == IR_NONE ? 0u : NEEDS_X));
    for (uint32_t i = twins; i != NONE; i = e->edge.at[i].next_in) {
        e->edge.at[i].entry = tests;
        e->regs = regs_both(e->regs, &e->edge.at[i].regs);
    }
    for (uint32_t i = 0; i < e->out_n[b] && !e->plain; i++)
        e->edge.at[e->out[b] + i].regs = e->regs;
}

/* ---------------------------------------------------------------- PHIs */

/* Edges into one block that bring the same values to its PHIs. */
struct copies {
    const ir_value *value; /* one for each PHI that is used */
    uint32_t edges;        /* list */
};

/* The PHI of @b that is the address of what is tested first, or IR_NONE: it had better be in X there. */
static ir_value phi_for_x(const struct cb_emit *e, uint32_t b)
{
    const struct cb_test *t = &e->test[b];
    const struct ir_node *n = NULL;

    if (t->a == IR_NONE && t->yes < e->f->block.n)
        t = &e->test[t->yes];
    for (ir_value v = t->a; v != IR_NONE && (!n || !ir_is_load(n)); v = n->a)
        n = &e->f->value.at[v];
    if (!n || !ir_is_load(n) || n->a == IR_NONE)
        return IR_NONE;
    return e->f->value.at[n->a].op == IR_PHI && e->f->value.at[n->a].imm == b ? n->a : IR_NONE;
}

/* Fills the cell of the PHI @phi from @v through X, which then holds the PHI. */
static void copy_through_x(struct cb_emit *e, ir_value phi, ir_value v, bool at_home)
{
    uint32_t k;

    if (ir_is_const(e->f, v, &k)) {
        cb_put(e, CB_LDX_IMM, k);
    } else if (at_home) {
        cb_put(e, CB_LDX_MEM, e->home[v]);
    } else {
        cb_eval_begin(e, v, IR_NONE);
        cb_eval(e, v);
        cb_put(e, CB_TAX, 0);
    }
    e->regs.x = phi;
    cb_put(e, CB_STX, e->home[phi]);
}

/* Fills the cells of the PHIs @phi from @value; e->regs holds what is known before. One that is wanted in X is filled last. */
static bool copies_try(struct cb_emit *e, uint32_t b, const ir_value *phi, uint32_t n, const struct copies *c)
{
    const ir_value wanted = e->plain ? IR_NONE : phi_for_x(e, b);
    uint32_t last = n - 1;
    bool a_is_needed = e->regs.a != IR_NONE && e->regs.a == e->f->block.at[b].on;

    cb_eval_end(e);
    e->task.n = 0;
    e->doomed = false;
    e->cells = e->cells_in[b] | e->cells_phi[b] | e->cells_copy[b];
    e->kept_want = 0;
    e->kept_now = UINT64_MAX;
    for (uint32_t i = c->edges; i != NONE; i = e->edge.at[i].next_in)
        e->kept_now &= e->edge.at[i].from == NONE ? 0 : e->kept_out[e->edge.at[i].from];
    for (uint32_t i = 0; i < n; i++)
        last = phi[i] == wanted ? i : last;
    for (uint32_t step = 0; step < n && !e->status && !e->doomed; step++) {
        uint32_t i = step == n - 1 ? last : step < last ? step : step + 1;
        ir_value v = c->value[i];
        uint8_t cell = e->home[phi[i]], bit = e->kept_index[v];
        bool at_home = e->f->value.at[v].op == IR_PHI || (bit != NO_CELL && e->kept_now >> bit & 1);
        uint32_t k;

        if (at_home && e->home[v] == cell)
            continue;
        if (e->regs.x == v) {
            cb_put(e, CB_STX, cell);
            e->regs.x = phi[i] == wanted ? wanted : v;
        } else if (phi[i] == wanted) {
            copy_through_x(e, phi[i], v, at_home);
        } else if (a_is_needed && e->regs.a != v && (at_home || ir_is_const(e->f, v, &k))) {
            if (at_home)
                cb_put(e, CB_LDX_MEM, e->home[v]);
            else
                cb_put(e, CB_LDX_IMM, k);
            e->regs.x = v;
            cb_put(e, CB_STX, cell);
        } else {
            cb_eval_begin(e, v, IR_NONE);
            cb_eval(e, v);
            cb_put(e, CB_ST, cell);
        }
    }
    return !e->status;
}

/* Emits the copies and gives the edge from behind them to @b. */
static void emit_copies(struct cb_emit *e, uint32_t b, const ir_value *phi, uint32_t n,
                        const struct copies *c)
{
    uint32_t begin = e->code.n;

    e->share = true;
    e->regs = regs_meet(e, c->edges);
    if (!copies_try(e, b, phi, n, c) && e->status == WEIR_E_UNSUPPORTED) {
        e->status = 0;
        e->share = false;
        e->code.n = begin;
        e->regs = regs_meet(e, c->edges);
        copies_try(e, b, phi, n, c);
    }
    cb_eval_end(e);
    if (e->status)
        return;
    uint32_t edge = edge_add(e, NONE, b);
    if (e->status)
        return;
    if (e->doomed)
        cb_put_jump(e, GOTO, 0, TO_REJECT, 0);
    else
        cb_put_jump(e, GOTO, 0, TO_EDGE + edge, 0);
    if (!e->plain)
        e->edge.at[edge].regs = e->regs;
    bind_entries(e, c->edges, begin, e->code.n - 1, 0);
}

static uint32_t values_hash(const ir_value *v, uint32_t n)
{
    uint32_t h = 2166136261u;

    for (uint32_t i = 0; i < n; i++)
        h = (h ^ v[i]) * 16777619u;
    return h ^ h >> 15;
}

static bool values_equal(const ir_value *v, const ir_value *w, uint32_t n)
{
    uint32_t i = 0;

    while (i < n && v[i] == w[i])
        i++;
    return i == n;
}

/* Puts code that fills the PHIs of @b on the edges into it, which are then replaced by the edges behind. */
static void emit_phis(struct cb_emit *e, uint32_t b)
{
    struct ir_block *ib = &e->f->block.at[b];
    uint32_t n = 0, edges = 0, groups = 0, at = 0;
    ir_value *phi = arena_array(e->arena, ir_value, ib->phi.n + 1);

    for (uint32_t i = 0; phi && i < ib->phi.n; i++)
        if (e->home[ib->phi.at[i].value] != NO_CELL)
            phi[n++] = ib->phi.at[i].value;
    if (phi && !n)
        return;
    for (uint32_t i = e->in[b]; i != NONE; i = e->edge.at[i].next_in)
        edges++;
    uint32_t size = 4;
    while (size / 2 < edges)
        size *= 2;
    ir_value *value = arena_array(e->arena, ir_value, (size_t)edges * n + 1);
    struct copies *group = arena_array(e->arena, struct copies, edges + 1);
    uint32_t *table = arena_array(e->arena, uint32_t, size);
    if (!phi || !value || !group || !table) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    for (uint32_t i = 0, j = 0; i < ib->phi.n; i++) {
        const struct ir_phi *p = &ib->phi.at[i];
        if (e->home[p->value] == NO_CELL)
            continue;
        for (uint32_t k = 0; k < p->arg.n; k++)
            e->slot[p->arg.at[k].block] = p->arg.at[k].value;
        at = 0;
        for (uint32_t k = e->in[b]; k != NONE; k = e->edge.at[k].next_in)
            value[n * at++ + j] = e->edge.at[k].from == NONE ? 0 : e->slot[e->edge.at[k].from];
        j++;
    }
    at = 0;
    for (uint32_t k = e->in[b], next; k != NONE; k = next, at++) {
        const ir_value *v = &value[n * at];
        uint32_t h = values_hash(v, n) & (size - 1);
        next = e->edge.at[k].next_in;
        while (table[h] && !values_equal(group[table[h] - 1].value, v, n))
            h = (h + 1) & (size - 1);
        if (!table[h]) {
            group[groups] = (struct copies){v, NONE};
            table[h] = ++groups;
        }
        e->edge.at[k].next_in = group[table[h] - 1].edges;
        group[table[h] - 1].edges = k;
    }
    e->in[b] = NONE;
    for (uint32_t g = 0; g < groups && !e->status; g++)
        emit_copies(e, b, phi, n, &group[g]);
}

/* ---------------------------------------------------------------- the whole */

static bool early_alloc(struct cb_emit *e)
{
    uint32_t blocks = e->f->block.n, values = e->f->value.n;

    e->early_at = arena_array(e->arena, uint32_t, values);
    e->early_x = arena_array(e->arena, ir_value, blocks);
    if (!e->early_at || !e->early_x)
        return false;
    memset(e->early_at, 0xff, values * sizeof *e->early_at); /* NONE */
    memset(e->early_x, 0xff, blocks * sizeof *e->early_x);   /* IR_NONE */
    return true;
}

/* What is kept by block and by value: a few large arrays for many small ones. */
static void emit_alloc(struct cb_emit *e)
{
    size_t blocks = e->f->block.n, values = e->f->value.n;
    uint32_t *block_words = arena_array(e->arena, uint32_t, 7 * blocks), *value_words = arena_array(e->arena, uint32_t, 2 * values);
    uint64_t *kept = arena_array(e->arena, uint64_t, 3 * blocks);
    uint16_t *cells = arena_array(e->arena, uint16_t, 4 * blocks);
    uint8_t *value_bytes = arena_array(e->arena, uint8_t, 3 * values);

    e->test = arena_array(e->arena, struct cb_test, blocks);
    e->cost = arena_array(e->arena, struct cb_cost, values);
    if (!block_words || !value_words || !kept || !cells || !value_bytes || !e->test || !e->cost || (e->early && !early_alloc(e))) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    e->in = block_words;
    e->twin = e->in + blocks;
    e->twins = e->twin + blocks;
    e->slot = e->twins + blocks;
    memset(e->in, 0xff, 4 * blocks * sizeof *e->in); /* NONE, in these four */
    e->thread = e->slot + blocks;
    e->out = e->thread + blocks;
    e->out_n = e->out + blocks;
    e->kept_in = kept;
    e->kept_out = kept + blocks;
    e->kept_store = kept + 2 * blocks;
    e->cells_in = cells;
    e->cells_out = cells + blocks;
    e->cells_phi = cells + 2 * blocks;
    e->cells_copy = cells + 3 * blocks;
    e->home = value_bytes;
    e->kept_index = value_bytes + values;
    e->temp = value_bytes + 2 * values;
    memset(e->home, NO_CELL, 3 * values); /* in all three */
    e->uses = value_words;
    e->seen = value_words + values;
}

/* Room for what most programs have by block. */
static bool emit_reserve(struct cb_emit *e)
{
    uint32_t blocks = e->f->block.n < BLOCKS_MANY ? e->f->block.n : BLOCKS_MANY;

    if (vec_reserve(e->arena, &e->edge, 2 * blocks + 1) && vec_reserve(e->arena, &e->decided, 3 * blocks) &&
        vec_reserve(e->arena, &e->code, 3 * blocks))
        return true;
    cb_fail(e, WEIR_E_MEMORY);
    return false;
}

/* Emits all blocks; gives where the program starts. */
static uint32_t emit_all(struct cb_emit *e)
{
    uint32_t start = e->f->entry, at = 0;

    emit_alloc(e);
    if (e->status || !emit_reserve(e))
        return start;
    thread_jumps(e);
    if (start < e->f->block.n)
        start = e->thread[start];
    if (start >= e->f->block.n)
        return start;
    build_edges(e, start);
    if (!e->status)
        find_twins(e);
    cb_costs(e);
    if (!e->status)
        cb_cells_assign(e);
    for (uint32_t b = 0; b < e->f->block.n && !e->status; b++) {
        if (e->in[b] == NONE)
            continue;
        emit_phis(e, b);
        at = b;
        if (!e->status)
            emit_block(e, b);
    }
    if (e->status == WEIR_E_UNSUPPORTED && e->sink)
        diag(e->sink, DIAG_TOO_MANY_REGISTERS, (struct diag_at){.at = e->f->block.at[at].at},
             (unsigned)CBPF_SCRATCH_CELLS);
    return TO_EDGE; /* edge 0 */
}

static void report_limit(const struct cb_emit *e)
{
    char text[40];

    snprintf(text, sizeof text, "%u instructions", (unsigned)e->limit);
    if (e->sink)
        diag(e->sink, DIAG_TOO_BIG, (struct diag_at){.hint = NULL}, text);
}

static int refuse_sets(const struct cb_emit *e)
{
    if (e->sink)
        diag(e->sink, DIAG_NO_SETS,
             (struct diag_at){.at = e->f->set.at[0].at,
                              .hint = "sets that change need an eBPF target (-t xdp, tc, ...); write out one that stays"},
             e->f->set.at[0].name);
    return WEIR_E_UNSUPPORTED;
}

static int emit_once(struct cb_emit e, struct cbpf_code *out)
{
    struct cbpf_code code = {.arena = e.arena};
    const char *why = NULL;

    if (e.f->failed)
        return WEIR_E_MEMORY;
    if (e.f->set.n)
        return refuse_sets(&e);
    uint32_t start = emit_all(&e);
    bool registers = e.status == WEIR_E_UNSUPPORTED;
    if (start == TO_EDGE && !e.status)
        start = e.edge.at[0].entry;
    if (e.has_cells && !e.plain && !e.status)
        cb_dead_remove(&e);
    cb_layout(&e, start, true, &code);
    if (!e.status)
        why = cbpf_validate(code.insn.at, code.insn.n);
    if (!e.status && !why && code.insn.n <= CBPF_KERNEL_MAX && cbpf_kernel_refuses_cells(code.insn.at, code.insn.n)) {
        cb_layout(&e, start, false, &code); /* the kernel's check of cells runs through returns */
        why = e.status ? NULL : cbpf_validate(code.insn.at, code.insn.n);
    }
    if (e.status == WEIR_E_LIMIT)
        report_limit(&e);
    if (e.status)
        return registers ? WEIR_E_LIMIT : e.status;
    assert(!why);
    if (why)
        return WEIR_E_BUG;
    *out = code;
    return WEIR_OK;
}

/* A program that Linux would refuse is emitted again with fewer loads, and that one is taken if Linux takes it. */
static int emit_program(struct cb_emit e, struct cbpf_code *out)
{
    struct cbpf_code again;
    int err = emit_once(e, out);

    if (err < 0 || e.plain || out->insn.n < EARLY_MIN || out->insn.n > EARLY_MAX ||
        !cbpf_kernel_refusal(out->insn.at, out->insn.n))
        return err;
    e.early = true;
    err = emit_once(e, &again);
    if (err == WEIR_OK && !cbpf_kernel_refusal(again.insn.at, again.insn.n))
        *out = again;
    return err;
}

int cbpf_emit(struct ir_func *f, bool plain, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_program((struct cb_emit){.f = f, .arena = f->arena, .sink = sink, .plain = plain, .limit = limit}, out);
}

int cbpf_emit_small(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_program((struct cb_emit){.f = f, .arena = f->arena, .sink = sink, .small = true, .limit = limit}, out);
}

int cbpf_emit_few_loads(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_once((struct cb_emit){.f = f, .arena = f->arena, .sink = sink, .early = true, .limit = limit}, out);
}
