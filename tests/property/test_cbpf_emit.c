/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * property/test_cbpf_emit.c - classic code of random and of hostile IR functions.
 *
 *   plain      the program's verdict equals the IR's on every packet
 *   optimized  it refines it: equal where no guard fails, equal where the IR accepts
 *   large      jumps over thousands of blocks, sums of a thousand bytes, sets of thousands of values
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backends/cbpf/cbpf.h"
#include "tests/harness/random_cbpf.h"
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "tests/property/random_graph.h"
#include "vm/vm.h"

#define BLOCKS_MAX 14
#define POOL_MAX   200
#define BYTES      40
#define LIMIT      100000u
#define NO_SPAN    ((struct span){0, 0})

static struct arena arena;

/* ---------------------------------------------------------------- random functions */

struct pool {
    ir_value at[POOL_MAX];
    uint32_t n;
};

static void add(struct pool *p, ir_value v)
{
    if (p->n < POOL_MAX)
        p->at[p->n++] = v;
}

static ir_value pick(struct rng *r, const struct pool *p)
{
    uint32_t from = rng_below(r, 2) && p->n > 6 ? p->n - 6 : 0;

    return p->at[from + rng_below(r, p->n - from)];
}

static uint32_t constant(struct rng *r)
{
    static const uint32_t some[] = {0,    1,    2,      4,      15,         16,         31,        0x40,
                                    0xf0, 0xff, 0x1fff, 0xff00, 0x80000000, 0xfffffffe, 0xffffffff};

    return rng_below(r, 2) ? some[rng_below(r, sizeof some / sizeof some[0])] : rng_below(r, 40);
}

static void random_value(struct rng *r, struct ir_func *f, struct pool *p)
{
    ir_value a = pick(r, p), b = pick(r, p), c = ir_const(f, constant(r));
    unsigned size = 1u << rng_below(r, 3);
    uint32_t kind = rng_below(r, 12);

    if (kind < 3) {
        add(p, ir_load(f, IR_NONE, rng_below(r, 24), size));
    } else if (kind < 5) {
        add(p, ir_load(f, a, rng_below(r, 6) ? rng_below(r, 16) : constant(r), size));
    } else if (kind == 5) { /* a header length and what lies behind it */
        ir_value l = ir_load(f, IR_NONE, rng_below(r, 4), 1), m = ir_const(f, 15), two = ir_const(f, 2);
        l = ir_binary(f, IR_AND, l, m);
        l = ir_binary(f, IR_SHL, l, two);
        add(p, l);
        add(p, ir_load(f, l, rng_below(r, 8), size));
    } else if (kind == 6) {
        ir_value one = ir_const(f, 1), d = ir_binary(f, IR_OR, b, one);
        add(p, ir_binary(f, rng_below(r, 2) ? IR_UDIV : IR_UMOD, a, d));
    } else {
        static const enum ir_op ops[] = {IR_ADD, IR_SUB, IR_MUL, IR_AND, IR_OR,  IR_XOR, IR_SHL,
                                         IR_SHR, IR_EQ,  IR_UGT, IR_UGE, IR_SUB, IR_ADD};
        enum ir_op op = ops[rng_below(r, sizeof ops / sizeof ops[0])];
        add(p, ir_binary(f, op, a, rng_below(r, 2) ? c : b));
    }
}

/* Guards for every load under @v. */
static void guard_value(struct ir_func *f, uint32_t block, ir_value v)
{
    struct ir_node n = f->value.at[v];

    if (ir_is_load(&n))
        ir_guard_add(f, block, n.a, n.imm, ir_load_size(&n));
    if (n.a != IR_NONE)
        guard_value(f, block, n.a);
    if (n.b != IR_NONE)
        guard_value(f, block, n.b);
}

static void random_end(struct rng *r, struct ir_func *f, ir_value on, uint32_t at, uint32_t n)
{
    struct ir_case to[40];
    uint32_t count = rng_below(r, 8) ? 1 + rng_below(r, 6) : 1 + rng_below(r, 40), i = 0;
    uint64_t last = 0;
    uint32_t yes = graph_target(r, at, n), no = graph_target(r, at, n);
    bool two = rng_below(r, 2), points = rng_below(r, 2);
    struct ir_range range = ir_range(f, on);

    if (rng_below(r, 8) == 0) {
        ir_return(f, at, rng_below(r, 4) ? on : ir_const(f, rng_below(r, 4)));
        return;
    }
    if (rng_below(r, 4) == 0) {
        uint32_t k = rng_below(r, 2) ? constant(r) : range.lo + rng_below(r, range.hi - range.lo);
        ir_branch_range(f, at, on, k, rng_below(r, 2) ? k : k | 15, yes, no);
        return;
    }
    for (i = 0; i < count && last < UINT32_MAX; i++) {
        uint32_t t = two ? (i % 2 ? yes : no) : graph_target(r, at, n);
        to[i] = (struct ir_case){(uint32_t)last, t};
        last += points && i % 2 == 0 ? 1 : 1 + rng_below(r, range.hi < 256 ? 9 : 1u << rng_below(r, 28));
    }
    to[i - 1].last = UINT32_MAX;
    ir_switch(f, at, on, to, i);
}

static void random_function(struct rng *r, struct ir_func *f, struct arena *a)
{
    struct pool p = {.n = 0};
    uint32_t n = 1 + rng_below(r, BLOCKS_MAX), values = 2 + rng_below(r, rng_below(r, 3) ? 6 : 40);

    ir_init(f, a, 1 + rng_below(r, 1000));
    f->entry = 0;
    for (uint32_t i = 0; i < n; i++)
        ir_block_new(f, NO_SPAN);
    add(&p, ir_load(f, IR_NONE, 12, 2));
    add(&p, ir_load(f, IR_NONE, 0, 1));
    add(&p, ir_len(f));
    const struct ir_meta_row *row = NULL;
    for (uint32_t i = 1 + rng_below(r, 11); i; i--)
        row = ir_meta_next(row);
    add(&p, ir_meta(f, (enum ir_meta)row->number));
    while (values--)
        random_value(r, f, &p);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pred[BLOCKS_MAX], preds = graph_predecessors(f, i, pred);
        struct pool mine = p;

        if (i && !preds) {
            ir_jump(f, i, IR_REJECT);
            continue;
        }
        for (uint32_t k = i ? rng_below(r, 4) : 0; k && rng_below(r, 2); k--) {
            ir_value phi = ir_phi(f, i);
            for (uint32_t j = 0; j < preds; j++) {
                ir_value v = rng_below(r, 3) ? pick(r, &p) : ir_const(f, constant(r));
                ir_phi_arg_add(f, i, phi, pred[j], v);
                if (f->value.at[v].op != IR_PHI)
                    guard_value(f, pred[j], v);
            }
            add(&mine, phi);
        }
        for (uint32_t k = mine.n > p.n ? 1 + rng_below(r, 3) : 0; k; k--)
            random_value(r, f, &mine);
        if (rng_below(r, 6) == 0)
            ir_guard_add(f, i, rng_below(r, 3) ? IR_NONE : pick(r, &mine), rng_below(r, 30),
                         1 + rng_below(r, 8));
        ir_value on = pick(r, &mine);
        if (rng_below(r, 12) == 0) {
            ir_jump(f, i, graph_target(r, i, n));
        } else {
            guard_value(f, i, on);
            random_end(r, f, on, i, n);
        }
        for (uint32_t g = 0; g < f->block.at[i].guard.n; g++)
            if (f->block.at[i].guard.at[g].base != IR_NONE)
                guard_value(f, i, f->block.at[i].guard.at[g].base);
        if (rng_below(r, 4) == 0 && mine.n > p.n) /* dominated blocks may go on with it, if it verifies */
            add(&p, pick(r, &mine));
    }
}

/* ---------------------------------------------------------------- comparison */

static void random_packet(struct rng *r, uint8_t *bytes)
{
    rng_bytes(r, bytes, BYTES);
    for (uint32_t i = 0; i < BYTES; i++)
        if (rng_below(r, 2))
            bytes[i] = (uint8_t)rng_below(r, 8);
        else if (rng_below(r, 4) == 0)
            bytes[i] = 0;
}

static void show(const struct ir_func *f, const struct cbpf_code *c)
{
    struct strbuf s;

    strbuf_init(&s, &allocator_system);
    ir_print(f, &s);
    if (s.len > 20000) /* a large one says nothing */
        s.text[s.len = 200] = 0;
    if (c && c->insn.n < 400)
        cbpf_print_listing(c->insn.at, c->insn.n, &s);
    tap_pending("%s", s.text);
    strbuf_release(&s);
}

struct tally {
    unsigned functions, accepts, rejects, faults, numbers;
};

static bool agree(struct rng *r, const struct ir_func *f, const struct cbpf_code *c, bool plain,
                  unsigned packets, struct tally *t)
{
    uint8_t bytes[BYTES];

    for (unsigned i = 0; i < packets; i++) {
        random_packet(r, bytes);
        for (uint32_t len = 0; len <= BYTES; len++) {
            struct packet p = {bytes, len, rng_below(r, 2) ? len : 1514, random_cbpf_metadata(r)};
            bool fault;
            uint32_t want = ir_eval(f, &p, &arena, &fault);
            uint32_t got = cbpf_run(c->insn.at, c->insn.n, &p, NULL);
            t->accepts += want != 0;
            t->rejects += want == 0 && !fault;
            t->faults += fault;
            if (got != want && (plain || !fault || want)) {
                show(f, c);
                tap_pending("%s, length %u: IR gives %u%s, the program %u", plain ? "plain" : "optimized",
                            (unsigned)len, (unsigned)want, fault ? " (fault)" : "", (unsigned)got);
                return false;
            }
            t->numbers += want && want != f->accept;
        }
    }
    return true;
}

static bool check(struct rng *r, struct ir_func *f, unsigned packets, struct tally *t)
{
    for (int way = 0; way < 4; way++) { /* optimized, plain, with few loads, and with near jumps */
        bool plain = way == 1;
        struct cbpf_code c;
        int status = way == 2   ? cbpf_emit_few_loads(f, LIMIT, NULL, &c)
                     : way == 3 ? cbpf_emit_near(f, LIMIT, NULL, &c)
                                : cbpf_emit(f, plain, LIMIT, NULL, &c);
        if (status) {
            show(f, NULL);
            tap_pending("cbpf_emit: %d", status);
            return false;
        }
        const char *why = cbpf_validate(c.insn.at, c.insn.n);
        if (!why)
            why = cbpf_kernel_refusal(c.insn.at, c.insn.n);
        if (why && strstr(why, "Linux")) /* too long for it */
            why = NULL;
        if (why) {
            show(f, &c);
            tap_pending("%s", why);
            return false;
        }
        if (!agree(r, f, &c, plain, packets, t))
            return false;
    }
    t->functions++;
    return true;
}

static void test_random(uint64_t seed, unsigned wanted)
{
    struct tally t = {0};
    unsigned tried = 0;
    bool ok = true;

    for (; ok && t.functions < wanted && tried < 20 * wanted; tried++) {
        struct rng r = {seed + tried};
        struct arena_mark m = arena_mark(&arena);
        struct ir_func f;
        uint32_t where;

        random_function(&r, &f, &arena);
        if (!f.failed && !ir_verify(&f, &arena, &where))
            ok = check(&r, &f, 4, &t);
        if (!ok)
            tap_pending("seed %llu", (unsigned long long)(seed + tried));
        arena_rewind(&arena, m);
    }
    tap_ok(ok && t.functions == wanted && t.numbers, "random functions");
    tap_diag("%u of %u functions; %u accepted, %u of them with a number, %u rejected, %u failed", t.functions,
             tried, t.accepts, t.numbers, t.rejects, t.faults);
}

/* ---------------------------------------------------------------- large ones */

/* A chain of @n tests, each of its own byte and value; all lead to the two returns. */
static void test_chain(struct rng *r, uint32_t n)
{
    struct ir_func f;
    struct tally t = {0};

    ir_init(&f, &arena, 7);
    for (uint32_t i = 0; i < n; i++)
        ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i % BYTES, next = i + 1 < n ? i + 1 : IR_REJECT;
        uint32_t far = i % 3 == 0 && i + 300 < n ? i + 300 : i % 3 == 1 ? IR_ACCEPT : IR_REJECT;
        ir_value v = ir_load(&f, IR_NONE, at, i % 5 == 0 ? 2 : 1);
        ir_guard_add(&f, i, IR_NONE, at, i % 5 == 0 ? 2 : 1);
        ir_branch_range(&f, i, v, i / BYTES & 0xff, i / BYTES & 0xff, far, next);
    }
    bool ok = check(r, &f, 2, &t);
    tap_ok(ok, "%u blocks in a chain", (unsigned)n);
}

/*
 * @n times: two ways that join in a PHI, which is compared. Returns end up in the middle of the program,
 * where the kernel's check of scratch cells is stricter than it need be.
 */
static void test_ladder(struct rng *r, uint32_t n)
{
    struct ir_func f;
    struct tally t = {0};

    ir_init(&f, &arena, 7);
    for (uint32_t i = 0; i < 4 * n; i++)
        ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = 4 * i, next = i + 1 < n ? at + 4 : IR_REJECT;
        ir_value v = ir_load(&f, IR_NONE, i % BYTES, 1), w = ir_load(&f, IR_NONE, (i + 1) % BYTES, 1);
        ir_value k = ir_const(&f, i % 3), phi = ir_phi(&f, at + 3);
        ir_guard_add(&f, at, IR_NONE, i % BYTES, 1);
        ir_branch_range(&f, at, v, 0, 3, at + 1, at + 2);
        ir_guard_add(&f, at + 1, IR_NONE, (i + 1) % BYTES, 1);
        ir_branch_range(&f, at + 1, w, 5, 6, IR_ACCEPT, at + 3);
        ir_jump(&f, at + 2, at + 3);
        ir_phi_arg_add(&f, at + 3, phi, at + 1, w);
        ir_phi_arg_add(&f, at + 3, phi, at + 2, k);
        ir_branch_range(&f, at + 3, phi, i % 5, i % 5, i % 2 ? IR_ACCEPT : IR_REJECT, next);
    }
    tap_ok(check(r, &f, 4, &t), "a ladder of %u", (unsigned)n);
}

/* One switch over @n points and intervals. */
static void test_set(struct rng *r, uint32_t n)
{
    struct ir_func f;
    struct ir_case *to = arena_array(&arena, struct ir_case, 2 * n + 1);
    struct cbpf_code c;
    struct vm_counts counts = {0, 0, 0};
    uint32_t last = 0;
    bool ok = true;

    ir_init(&f, &arena, 7);
    ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    ir_value v = ir_load(&f, IR_NONE, 0, 4);
    ir_guard_add(&f, 0, IR_NONE, 0, 4);
    for (uint32_t i = 0; i < 2 * n; i++) {
        last += i % 2 && rng_below(r, 2) ? 1 : 1 + rng_below(r, (0x7fffffff / n));
        to[i] = (struct ir_case){last, i % 2 ? IR_ACCEPT : IR_REJECT};
    }
    to[2 * n] = (struct ir_case){UINT32_MAX, IR_REJECT};
    ir_switch(&f, 0, v, to, 2 * n + 1);
    ok = cbpf_emit(&f, false, LIMIT * 10, NULL, &c) == 0;
    for (uint32_t i = 0; ok && i < 2 * n; i++)
        for (uint32_t d = 0; ok && d < 2; d++) {
            uint32_t k = to[i].last + d;
            uint8_t bytes[4] = {(uint8_t)(k >> 24), (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k};
            struct packet p = {.bytes = bytes, .caplen = 4, .wirelen = 4};
            bool fault;
            counts.instructions = 0;
            ok = cbpf_run(c.insn.at, c.insn.n, &p, &counts) == ir_eval(&f, &p, &arena, &fault) &&
                 counts.instructions < 60;
        }
    tap_ok(ok, "a set of %u", (unsigned)n);
    tap_diag("%u instructions, %u the last time", ok ? (unsigned)c.insn.n : 0, (unsigned)counts.instructions);
}

/*
 * A switch over @n bytes whose leaves load the same few words, at constant places and behind a header of
 * variable length, in any order; some decide before they have read them all, so that not every word may be
 * read in front.
 */
static void test_leaves(uint64_t seed, unsigned wanted)
{
    struct tally t = {0};
    unsigned fewer = 0;
    bool ok = true;

    for (unsigned k = 0; ok && k < wanted; k++) {
        struct rng r = {seed + k};
        struct arena_mark m = arena_mark(&arena);
        struct ir_func f;
        struct cbpf_code with, without;
        struct ir_case to[33];
        uint32_t n = 8 + rng_below(&r, 24), depth = 1 + rng_below(&r, 3), early = rng_below(&r, 3);
        uint32_t offset[3], base[3], last = rng_below(&r, 2) ? 0 : IR_ACCEPT;

        ir_init(&f, &arena, 7);
        ir_value length = ir_binary(&f, IR_AND, ir_load(&f, IR_NONE, 0, 1), ir_const(&f, 15));
        length = ir_binary(&f, IR_MUL, length, ir_const(&f, 4));
        for (uint32_t i = 0; i < 3; i++) {
            offset[i] = 1 + rng_below(&r, 12);
            base[i] = rng_below(&r, 3) == 0;
        }
        for (uint32_t b = 0; b < 1 + n * depth; b++)
            ir_block_new(&f, NO_SPAN);
        f.entry = 0;
        for (uint32_t i = 0; i < n; i++)
            to[i] = (struct ir_case){8 * i + 7, 1 + i * depth};
        to[n] = (struct ir_case){UINT32_MAX, IR_REJECT};
        ir_guard_add(&f, 0, IR_NONE, 0, 2);
        ir_switch(&f, 0, ir_load(&f, IR_NONE, 1, 1), to, n + 1);
        for (uint32_t i = 0; i < n * depth; i++) {
            uint32_t b = 1 + i, word = (i + (early ? i / depth : 0)) % depth % 3;
            bool at_end = i % depth == depth - 1;
            uint32_t next = at_end ? IR_ACCEPT : b + 1,
                     other = last == IR_ACCEPT && rng_below(&r, 9) == 0 ? IR_ACCEPT : IR_REJECT;
            ir_value from = base[word] ? length : IR_NONE;
            if (last == IR_ACCEPT && rng_below(&r, 12) == 0) { /* needs none of the words */
                ir_return(&f, b, ir_load(&f, IR_NONE, 1, 1));
                continue;
            }
            ir_guard_add(&f, b, from, offset[word], 1);
            ir_branch_range(&f, b, ir_load(&f, from, offset[word], 1), 3, 3 + rng_below(&r, 250), next,
                            other);
        }
        ok = check(&r, &f, 4, &t) && cbpf_emit(&f, false, LIMIT, NULL, &without) == 0 &&
             cbpf_emit_few_loads(&f, LIMIT, NULL, &with) == 0;
        if (ok)
            fewer += cbpf_kernel_length(with.insn.at, with.insn.n) <
                     cbpf_kernel_length(without.insn.at, without.insn.n);
        else
            tap_pending("seed %llu", (unsigned long long)(seed + k));
        arena_rewind(&arena, m);
    }
    tap_ok(ok && fewer > wanted / 2, "leaves that load the same words: %u of %u programs have fewer loads",
           fewer, wanted);
}

/* Blocks that ask the same long question of different fields, which they share the compares of. */
static void test_twins(struct rng *r, uint32_t n)
{
    static const uint32_t offsets[] = {4, 8, 12, 16};
    struct ir_func f;
    struct tally t = {0};
    struct ir_case *to = arena_array(&arena, struct ir_case, 2 * n + 1);
    struct cbpf_code c;

    ir_init(&f, &arena, 7);
    for (uint32_t i = 0; i < 7; i++)
        ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    ir_value first = ir_load(&f, IR_NONE, 0, 1), length = ir_const(&f, 15), four = ir_const(&f, 4);
    length = ir_binary(&f, IR_AND, first, length);
    length = ir_binary(&f, IR_MUL, length, four);
    ir_guard_add(&f, 0, IR_NONE, 0, 1);
    ir_branch_range(&f, 0, first, 3, 9, 1, 3);
    for (uint32_t b = 1; b < 5; b++) {
        ir_value v = ir_load(&f, b == 2 ? length : IR_NONE, offsets[b - 1], 1);
        if (b == 2)
            ir_guard_add(&f, b, IR_NONE, 0, 1);
        ir_guard_add(&f, b, b == 2 ? length : IR_NONE, offsets[b - 1], 1);
        for (uint32_t i = 0; i < 2 * n + 1; i++)
            to[i] = (struct ir_case){i == 2 * n ? UINT32_MAX : i + i / 3, i % 2   ? IR_ACCEPT
                                                                          : b % 2 ? b + 1
                                                                                  : 5};
        ir_switch(&f, b, v, to, 2 * n + 1);
    }
    ir_value again = ir_load(&f, IR_NONE, offsets[3], 1), behind = ir_load(&f, length, 1, 1);
    ir_guard_add(&f, 5, IR_NONE, offsets[3], 1);
    ir_branch_range(&f, 5, again, 0, 3, IR_ACCEPT, 6);
    ir_guard_add(&f, 6, IR_NONE, 0, 1);
    ir_guard_add(&f, 6, length, 1, 1);
    ir_branch_range(&f, 6, behind, 0, 3, IR_ACCEPT, IR_REJECT);
    bool ok = check(r, &f, 40, &t) && cbpf_emit(&f, false, LIMIT, NULL, &c) == 0;
    tap_ok(ok, "twins of %u", (unsigned)n);
    tap_diag("%u instructions", ok ? (unsigned)c.insn.n : 0);
}

/* A sum of bytes, of which each address depends on the sum before when @nested. */
static void test_sum(struct rng *r, uint32_t n, bool left, bool nested, enum ir_op op)
{
    struct ir_func f;
    struct tally t = {0};

    ir_init(&f, &arena, 7);
    ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    ir_value v = ir_load(&f, IR_NONE, 0, 1);
    ir_guard_add(&f, 0, IR_NONE, 0, 1);
    for (uint32_t i = 1; i < n; i++) {
        ir_value base = nested ? ir_load(&f, IR_NONE, i % 7, 1) : IR_NONE,
                 l = ir_load(&f, base, i % BYTES, 1);
        struct ir_node node = {.op = (uint8_t)op, .a = left ? v : l, .b = left ? l : v};
        ir_guard_add(&f, 0, IR_NONE, i % 7, 1);
        ir_guard_add(&f, 0, base, i % BYTES, 1);
        v = ir_value_make(&f, node);
    }
    ir_branch_range(&f, 0, v, 0, 0x7fffffff, IR_ACCEPT, IR_REJECT);
    tap_ok(check(r, &f, 2, &t), "%u bytes, %s, %s, %s", (unsigned)n, left ? "left" : "right",
           nested ? "indirect" : "direct", ir_op_name(op));
}

/* A full binary tree of @depth whose leaves need X: it needs about @depth cells. */
static void test_tree(struct rng *r, unsigned depth, bool fits)
{
    struct ir_func f;
    struct tally t = {0};
    struct cbpf_code c;
    struct diag_sink sink = {.arena = &arena, .limit = 10};
    ir_value *level = arena_array(&arena, ir_value, (size_t)1 << depth);

    ir_init(&f, &arena, 7);
    ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    for (uint32_t i = 0; i < 1u << depth; i++) {
        ir_value b = ir_load(&f, IR_NONE, i % 5, 1);
        level[i] = ir_load(&f, b, i, 1);
        ir_guard_add(&f, 0, IR_NONE, i % 5, 1);
        ir_guard_add(&f, 0, b, i, 1);
    }
    for (uint32_t n = 1u << depth; n > 1; n /= 2)
        for (uint32_t i = 0; i < n / 2; i++)
            level[i] =
                ir_value_make(&f, (struct ir_node){.op = IR_SUB, .a = level[2 * i], .b = level[2 * i + 1]});
    ir_branch_range(&f, 0, level[0], 5, 9, IR_ACCEPT, IR_REJECT);
    if (fits) {
        tap_ok(check(r, &f, 2, &t), "a tree of depth %u", depth);
        return;
    }
    tap_ok(cbpf_emit(&f, false, LIMIT * 10, &sink, &c) == WEIR_E_LIMIT && sink.list.n == 1 &&
               sink.list.at[0].number == 803,
           "a tree of depth %u needs too many cells", depth);
}

/* Each value twice the one before, by another operator: a tree would double, the graph grows by one. */
static void test_sharing(struct rng *r, uint32_t n)
{
    struct ir_func f;
    struct tally t = {0};

    ir_init(&f, &arena, 7);
    ir_block_new(&f, NO_SPAN);
    f.entry = 0;
    ir_value v = ir_load(&f, IR_NONE, 0, 1), three = ir_const(&f, 3);
    ir_guard_add(&f, 0, IR_NONE, 0, 1);
    for (uint32_t i = 0; i < n; i++) {
        ir_value w = ir_value_make(&f, (struct ir_node){.op = IR_MUL, .a = v, .b = three});
        v = ir_value_make(&f, (struct ir_node){.op = IR_XOR, .a = v, .b = w});
    }
    ir_branch_range(&f, 0, v, 0, 0x7fffffff, IR_ACCEPT, IR_REJECT);
    tap_ok(check(r, &f, 2, &t), "%u values used twice", (unsigned)n);
}

static void test_limit(void)
{
    struct ir_func f;
    struct cbpf_code c;
    struct diag_sink sink = {.arena = &arena, .limit = 10};

    ir_init(&f, &arena, 7);
    f.entry = IR_REJECT;
    tap_ok(cbpf_emit(&f, true, 1, NULL, &c) == 0 && c.insn.n == 1 && c.insn.at[0].k == 0, "nothing matches");
    f.entry = IR_ACCEPT;
    tap_ok(cbpf_emit(&f, true, 1, NULL, &c) == 0 && c.insn.n == 1 && c.insn.at[0].k == 7,
           "everything matches");
    f.entry = ir_block_new(&f, NO_SPAN);
    ir_guard_add(&f, 0, IR_NONE, 12, 2);
    ir_branch_range(&f, 0, ir_load(&f, IR_NONE, 12, 2), 0x800, 0x800, IR_ACCEPT, IR_REJECT);
    tap_ok(cbpf_emit(&f, true, 4, NULL, &c) == 0 && c.insn.n == 4, "as long as the limit");
    tap_ok(cbpf_emit(&f, true, 3, &sink, &c) == WEIR_E_LIMIT && sink.list.n == 1 &&
               sink.list.at[0].number == 802,
           "longer than the limit");
}

int main(void)
{
    struct rng r = {rng_seed()};
    bool slow = getenv("WEIR_LONG") != NULL;

    arena_init(&arena, &allocator_system, (size_t)1 << 30);
    test_random(rng_next(&r), slow ? 50000 : 1500);
    test_leaves(rng_next(&r), slow ? 20000 : 500);
    test_chain(&r, 10);
    test_chain(&r, 700);
    test_chain(&r, 10000);
    test_ladder(&r, 10);
    test_ladder(&r, 90);
    test_ladder(&r, 400);
    test_set(&r, 5);
    test_set(&r, 100);
    test_set(&r, 20000);
    test_twins(&r, 20);
    test_twins(&r, 70);
    for (int left = 0; left < 2; left++)
        for (int nested = 0; nested < 2; nested++) {
            test_sum(&r, 1000, left, nested, IR_ADD);
            test_sum(&r, 1000, left, nested, IR_SUB);
        }
    test_tree(&r, 6, true);
    test_tree(&r, 12, true);
    test_tree(&r, 18, false);
    test_sharing(&r, 200);
    test_limit();
    arena_release(&arena);
    return tap_done();
}
