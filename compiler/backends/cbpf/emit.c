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

#define JUMPS_REACH 255u  /* instructions */
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
    if (e->enterable)
        e->entry.n = e->code.n - e->entry_from;
    if (!vec_reserve(e->arena, &e->code, 1) ||
        (e->enterable && !vec_push(e->arena, &e->entry, ((struct cb_entry){e->regs, false})))) {
        cb_fail(e, WEIR_E_MEMORY);
        return 0;
    }
    e->code.at[e->code.n] = (struct cb_insn){code, k, jt, jf};
    return e->code.n++;
}

void cb_entries_begin(struct cb_emit *e)
{
    e->entry_from = e->code.n;
    e->enterable = !e->plain;
}

uint32_t cb_put(struct cb_emit *e, uint16_t code, uint32_t k)
{
    return cb_put_jump(e, code, k, 0, 0);
}

/* ---------------------------------------------------------------- graph */

uint32_t cb_return_add(struct cb_emit *e, uint16_t code, uint32_t k)
{
    if (e->ret.n >= TO_REJECT - TO_RETURN - RETURNS ||
        !vec_push(e->arena, &e->ret, ((struct weir_cbpf_insn){code, 0, 0, k}))) {
        cb_fail(e, WEIR_E_MEMORY);
        return TO_REJECT;
    }
    return TO_REJECT - RETURNS - (e->ret.n - 1);
}

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

/* Where jumps to each block end up, past blocks that only jump or return a constant. */
static void thread_jumps(struct cb_emit *e)
{
    for (uint32_t b = e->f->block.n; b-- > 0;) {
        const struct ir_block *ib = &e->f->block.at[b];
        uint32_t to = ib->to.n == 1 ? ib->to.at[0].target : b, k;

        if (ir_returns(ib) && ir_is_const(e->f, ib->on, &k))
            to = cb_return_add(e, CB_RET_K, k);

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

uint32_t cb_edge_add(struct cb_emit *e, uint32_t from, uint32_t to)
{
    if (e->edge.n >= TO_RETURN - TO_EDGE || !vec_reserve(e->arena, &e->edge, 1)) {
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
    e->slot[to] = cb_edge_add(e, b, to);
    e->out_n[b]++;
}

static void build_edges(struct cb_emit *e, uint32_t start)
{
    cb_edge_add(e, NONE, start);
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

struct cb_regs cb_regs_meet(const struct cb_emit *e, uint32_t first)
{
    struct cb_regs r = nothing;

    if (first == NONE || e->plain)
        return r;
    r = e->edge.at[first].regs;
    for (uint32_t i = e->edge.at[first].next_in; i != NONE; i = e->edge.at[i].next_in)
        r = regs_both(r, &e->edge.at[i].regs);
    return r;
}

/* May @edge enter at @at, where @needs has to be there? */
static bool may_enter(const struct cb_edge *edge, const struct cb_entry *at, unsigned needs)
{
    const struct cb_regs *r = &at->regs;

    return !at->closed && (r->safe == IR_NONE || same_safe(r, &edge->regs)) &&
           (!(needs & CB_NEEDS_A) || (r->a != IR_NONE && r->a == edge->regs.a)) &&
           (!(needs & CB_NEEDS_X) || (r->x != IR_NONE && r->x == edge->regs.x));
}

/* What has to be there before each instruction of [begin, tests), given what has to be at the end: e->need.
 */
static bool find_needs(struct cb_emit *e, uint32_t begin, uint32_t tests, unsigned needs)
{
    e->need.n = 0;
    if (!vec_reserve(e->arena, &e->need, tests - begin)) {
        cb_fail(e, WEIR_E_MEMORY);
        return false;
    }
    for (uint32_t p = tests; p-- > begin;) {
        uint32_t reads = 0, writes = 0;
        if (e->code.at[p].code != GOTO)
            cbpf_effects(e->code.at[p].code, e->code.at[p].k, &reads, &writes);
        needs = (needs & ~(writes >> CBPF_REGISTER_A)) | reads >> CBPF_REGISTER_A;
        e->need.at[p - begin] = (uint8_t)needs;
    }
    return true;
}

void cb_entries_bind(struct cb_emit *e, uint32_t first, uint32_t begin, uint32_t tests, unsigned needs)
{
    const bool optimized = !e->plain && tests != begin && !e->status;
    const struct cb_entry end = {e->regs, false};
    uint32_t late = begin;
    bool earlier = false; /* some edge has to enter before the tests */

    while (optimized && late < tests && (e->code.at[late].code & CB_CLASS) != CB_ST &&
           (e->code.at[late].code & CB_CLASS) != CB_STX)
        late++;
    if (e->regs.x != IR_NONE)
        needs |= CB_NEEDS_X;
    for (uint32_t i = first; i != NONE; i = e->edge.at[i].next_in) {
        bool last = optimized && late == tests && may_enter(&e->edge.at[i], &end, needs);
        e->edge.at[i].entry = last ? tests : begin;
        earlier |= !last;
    }
    if (!optimized || !earlier || late == begin || (late == tests && tests == begin + 1) ||
        !find_needs(e, begin, tests, needs))
        return;
    for (uint32_t i = first; i != NONE; i = e->edge.at[i].next_in) {
        struct cb_edge *edge = &e->edge.at[i];
        uint32_t p = late == tests ? tests - 1 : late;
        if (edge->entry == tests)
            continue;
        while (p > begin && !may_enter(edge, &e->entry.at[p - e->entry_from], e->need.at[p - begin]))
            p--;
        edge->entry = p;
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
        cb_guards_put(e, b, t);
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

    if (e->edge.n >= TO_RETURN - TO_EDGE || !vec_push(e->arena, &e->edge, edge)) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    e->twins[twin] = e->edge.n - 1;
    cb_put_jump(e, GOTO, 0, TO_EDGE + e->edge.n - 1, 0);
}

static void emit_block(struct cb_emit *e, uint32_t b)
{
    uint32_t begin = e->code.n;
    struct cb_regs at_start = cb_regs_meet(e, e->in[b]);
    struct cb_test t;
    bool store_first = false;

    e->share = true;
    cb_entries_begin(e);
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
    e->enterable = false; /* what follows is compares */
    if (!e->status && !e->doomed && e->kept_want & ~e->kept_now)
        cb_fail(e, WEIR_E_BUG);
    if (e->status)
        return;
    uint32_t tests = e->code.n, twins = e->twins[b];
    if (e->doomed) {
        e->regs = nothing;
        cb_put_jump(e, GOTO, 0, TO_REJECT, 0);
        cb_entries_bind(e, e->in[b], begin, begin, 0);
        if (twins == NONE)
            return;
        tests = e->code.n; /* others come here */
    }
    map_targets(e, b);
    if (t.a == IR_NONE || t.returns)
        cb_put_jump(e, GOTO, 0, jump_target(e, t.yes), 0);
    else if (t.jump)
        put_jumps(e, &t);
    else if (e->twin[b] != NONE)
        goto_twin(e, b);
    else
        cb_switch_emit(e, &t);
    if (!e->doomed)
        cb_entries_bind(e, e->in[b], begin, tests,
                        (t.a == IR_NONE ? 0u : CB_NEEDS_A) | (t.x == IR_NONE ? 0u : CB_NEEDS_X));
    for (uint32_t i = twins; i != NONE; i = e->edge.at[i].next_in) {
        e->edge.at[i].entry = tests;
        e->regs = regs_both(e->regs, &e->edge.at[i].regs);
    }
    for (uint32_t i = 0; i < e->out_n[b] && !e->plain; i++)
        e->edge.at[e->out[b] + i].regs = e->regs;
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
    uint32_t *block_words = arena_array(e->arena, uint32_t, 7 * blocks),
             *value_words = arena_array(e->arena, uint32_t, 2 * values);
    uint64_t *kept = arena_array(e->arena, uint64_t, 3 * blocks);
    uint16_t *cells = arena_array(e->arena, uint16_t, 4 * blocks);
    uint8_t *value_bytes = arena_array(e->arena, uint8_t, 3 * values);

    e->test = arena_array(e->arena, struct cb_test, blocks);
    e->cost = arena_array(e->arena, struct cb_cost, values);
    if (!block_words || !value_words || !kept || !cells || !value_bytes || !e->test || !e->cost ||
        (e->early && !early_alloc(e))) {
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
        cb_twins_find(e);
    cb_costs(e);
    if (!e->status)
        cb_cells_assign(e);
    for (uint32_t b = 0; b < e->f->block.n && !e->status; b++) {
        if (e->in[b] == NONE)
            continue;
        cb_phis_emit(e, b);
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
             (struct diag_at){
                 .at = e->f->set.at[0].at,
                 .hint = "sets that change need an eBPF target (-t xdp, tc, ...); write out one that stays"},
             e->f->set.at[0].name);
    return WEIR_E_UNSUPPORTED;
}

/* What a program is made from, and how. */
struct cb_options {
    struct ir_func *f;
    struct arena *arena; /* NULL: the function's */
    struct diag_sink *sink;
    bool plain, small, early;
    bool near; /* what jumps lead to is near them: shorter where they do not reach, but searches take more
                  jumps */
    uint32_t limit;
};

static int emit_once(const struct cb_options *o, struct cbpf_code *out)
{
    struct cb_emit e = {.f = o->f,
                        .arena = o->arena ? o->arena : o->f->arena,
                        .sink = o->sink,
                        .limit = o->limit,
                        .plain = o->plain,
                        .small = o->small,
                        .early = o->early};
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
    if (o->near && !e.status)
        cb_order(&e, &start);
    cb_layout(&e, start, true, &code);
    if (!e.status)
        why = cbpf_validate(code.insn.at, code.insn.n);
    if (!e.status && !why && code.insn.n <= CBPF_KERNEL_MAX &&
        cbpf_kernel_refuses_cells(code.insn.at, code.insn.n)) {
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

static bool linux_takes(const struct cbpf_code *code)
{
    return !cbpf_kernel_refusal(code->insn.at, code->insn.n);
}

/* Emits @o with memory that is gone afterwards, and makes @out that if it is shorter, or if Linux takes it.
 */
static int emit_instead(struct cb_options *o, bool for_length, struct cbpf_code *out)
{
    struct arena *a = o->f->arena, scratch;
    struct cbpf_code again;

    arena_init(&scratch, a->al, a->ceiling);
    o->arena = &scratch;
    int err = emit_once(o, &again);
    if (err == WEIR_OK && (for_length ? again.insn.n < out->insn.n : linux_takes(&again))) {
        out->insn.n = 0;
        if (vec_reserve(a, &out->insn, again.insn.n)) {
            memcpy(out->insn.at, again.insn.at, again.insn.n * sizeof *again.insn.at);
            out->insn.n = again.insn.n;
        } else {
            err = WEIR_E_MEMORY;
        }
    }
    a->over_ceiling |= scratch.over_ceiling;
    arena_release(&scratch);
    return err;
}

/* A program that Linux would refuse is emitted again, shorter or with fewer loads, and the first one that
 * Linux takes is taken. */
static int emit_program(struct cb_options o, struct cbpf_code *out)
{
    static const struct {
        bool small, near, early;
    } ways[] = {{false, true, false},
                {false, false, true},
                {false, true, true},
                {true, true, false},
                {true, true, true}};
    const bool small = o.small;
    int err = emit_once(&o, out);

    if (err < 0 || o.plain || out->insn.n <= JUMPS_REACH)
        return err;
    o.sink = NULL; /* there is a program, whatever becomes of others */
    o.near = small;
    if (small)
        err = emit_instead(&o, true, out);
    const uint32_t tries =
        out->insn.n >= EARLY_MIN && out->insn.n <= EARLY_MAX ? sizeof ways / sizeof ways[0] : 0;
    for (uint32_t i = 0; i < tries && err != WEIR_E_MEMORY && !linux_takes(out); i++) {
        if (small && !ways[i].small)
            continue;
        o.small = ways[i].small;
        o.near = ways[i].near;
        o.early = ways[i].early;
        err = emit_instead(&o, false, out);
    }
    return err == WEIR_E_MEMORY ? err : WEIR_OK;
}

int cbpf_emit(struct ir_func *f, bool plain, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_program((struct cb_options){.f = f, .sink = sink, .plain = plain, .limit = limit}, out);
}

int cbpf_emit_small(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_program((struct cb_options){.f = f, .sink = sink, .small = true, .limit = limit}, out);
}

int cbpf_emit_few_loads(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_once(&(struct cb_options){.f = f, .sink = sink, .early = true, .limit = limit}, out);
}

int cbpf_emit_near(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out)
{
    return emit_once(&(struct cb_options){.f = f, .sink = sink, .near = true, .limit = limit}, out);
}
