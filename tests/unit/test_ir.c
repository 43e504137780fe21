/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit/test_ir.c - the IR room alone: folding, canonical blocks, text, verifier, evaluator.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/harness/rng.h"
#include "vm/vm.h"

#define CEILING ((size_t)1 << 30)

struct fixture {
    struct arena arena;
    struct ir_func f;
};

static int setup(void **state)
{
    struct fixture *x = malloc(sizeof *x);

    arena_init(&x->arena, &allocator_system, CEILING);
    ir_init(&x->f, &x->arena, 96);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;

    arena_release(&x->arena);
    free(x);
    return 0;
}

static ir_value bin_k(struct ir_func *f, enum ir_op op, ir_value a, uint32_t k)
{
    ir_value c = ir_const(f, k);

    return ir_binary(f, op, a, c);
}

static ir_value k_bin(struct ir_func *f, enum ir_op op, uint32_t k, ir_value b)
{
    ir_value c = ir_const(f, k);

    return ir_binary(f, op, c, b);
}

static void assert_const(struct ir_func *f, ir_value v, uint32_t want)
{
    uint32_t k;

    assert_true(ir_is_const(f, v, &k));
    assert_int_equal(k, want);
}

/* ---------------------------------------------------------------- values */

static void test_values_are_numbered(void **state)
{
    struct ir_func *f = &((struct fixture *)*state)->f;
    ir_value first[500];

    assert_const(f, 0, 0);
    for (uint32_t i = 0; i < 500; i++)
        first[i] = ir_load(f, IR_NONE, i, 1 << i % 3);
    uint32_t n = f->value.n;
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(ir_load(f, IR_NONE, i, 1 << i % 3), first[i]);
    assert_int_equal(f->value.n, n);
    uint32_t b = ir_block_new(f, (struct span){0, 0});
    ir_value p = ir_phi(f, b), q = ir_phi(f, b);
    assert_int_not_equal(p, q);
    for (uint32_t i = 0; i < 500; i++)
        assert_int_equal(ir_load(f, IR_NONE, i, 1 << i % 3), first[i]);
    assert_false(f->failed);
}

static void test_identities(void **state)
{
    struct ir_func *f = &((struct fixture *)*state)->f;
    ir_value x = ir_load(f, IR_NONE, 0, 4), y = ir_load(f, IR_NONE, 4, 4), b = ir_load(f, IR_NONE, 0, 1);
    ir_value c;

    assert_int_equal(bin_k(f, IR_ADD, x, 0), x);
    assert_int_equal(k_bin(f, IR_ADD, 0, x), x);
    assert_int_equal(bin_k(f, IR_SUB, x, 0), x);
    assert_int_equal(bin_k(f, IR_MUL, x, 1), x);
    assert_const(f, bin_k(f, IR_MUL, x, 0), 0);
    assert_int_equal(bin_k(f, IR_UDIV, x, 1), x);
    assert_const(f, bin_k(f, IR_UMOD, x, 1), 0);
    assert_const(f, bin_k(f, IR_AND, x, 0), 0);
    assert_int_equal(bin_k(f, IR_AND, x, UINT32_MAX), x);
    assert_int_equal(bin_k(f, IR_OR, x, 0), x);
    assert_const(f, bin_k(f, IR_OR, x, UINT32_MAX), UINT32_MAX);
    assert_int_equal(bin_k(f, IR_XOR, x, 0), x);
    assert_int_equal(bin_k(f, IR_SHL, x, 0), x);
    assert_int_equal(bin_k(f, IR_SHR, x, 0), x);
    assert_const(f, bin_k(f, IR_SHL, x, 32), 0);
    assert_const(f, bin_k(f, IR_SHR, x, 4000000000u), 0);
    assert_const(f, ir_binary(f, IR_SUB, x, x), 0);
    assert_const(f, ir_binary(f, IR_XOR, x, x), 0);
    assert_int_equal(ir_binary(f, IR_AND, x, x), x);
    assert_int_equal(ir_binary(f, IR_OR, x, x), x);
    assert_const(f, ir_binary(f, IR_EQ, x, x), 1);
    assert_const(f, ir_binary(f, IR_UGE, x, x), 1);
    assert_const(f, ir_binary(f, IR_UGT, x, x), 0);
    /* commutative operators meet in one value */
    assert_int_equal(ir_binary(f, IR_ADD, x, y), ir_binary(f, IR_ADD, y, x));
    assert_int_equal(ir_binary(f, IR_EQ, x, y), ir_binary(f, IR_EQ, y, x));
    assert_int_equal(k_bin(f, IR_MUL, 3, x), bin_k(f, IR_MUL, x, 3));
    /* constants meet */
    assert_int_equal(bin_k(f, IR_ADD, bin_k(f, IR_ADD, x, 3), 4), bin_k(f, IR_ADD, x, 7));
    assert_int_equal(bin_k(f, IR_SUB, x, 4), bin_k(f, IR_ADD, x, -4u));
    assert_int_equal(bin_k(f, IR_SUB, bin_k(f, IR_ADD, x, 4), 4), x);
    assert_int_equal(bin_k(f, IR_MUL, bin_k(f, IR_MUL, x, 3), 4), bin_k(f, IR_MUL, x, 12));
    assert_int_equal(bin_k(f, IR_MUL, bin_k(f, IR_SHL, x, 2), 3), bin_k(f, IR_MUL, x, 12));
    assert_int_equal(bin_k(f, IR_AND, bin_k(f, IR_AND, x, 0xff), 0xf0), bin_k(f, IR_AND, x, 0xf0));
    assert_int_equal(bin_k(f, IR_OR, bin_k(f, IR_OR, x, 1), 2), bin_k(f, IR_OR, x, 3));
    assert_int_equal(bin_k(f, IR_XOR, bin_k(f, IR_XOR, x, 1), 1), x);
    assert_int_equal(bin_k(f, IR_SHL, bin_k(f, IR_SHL, x, 3), 4), bin_k(f, IR_SHL, x, 7));
    assert_const(f, bin_k(f, IR_SHR, bin_k(f, IR_SHR, x, 30), 4), 0);
    assert_int_equal(bin_k(f, IR_SHL, bin_k(f, IR_SHR, x, 4), 4), bin_k(f, IR_AND, x, 0xfffffff0));
    assert_int_equal(bin_k(f, IR_SHR, bin_k(f, IR_SHL, b, 4), 4), b);
    assert_int_equal(bin_k(f, IR_SHR, bin_k(f, IR_AND, b, 0xf0), 4), bin_k(f, IR_SHR, b, 4));
    assert_int_equal(bin_k(f, IR_EQ, bin_k(f, IR_ADD, x, 4), 10), bin_k(f, IR_EQ, x, 6));
    assert_int_equal(bin_k(f, IR_EQ, bin_k(f, IR_XOR, x, 4), 5), bin_k(f, IR_EQ, x, 1));
    assert_int_equal(bin_k(f, IR_EQ, ir_binary(f, IR_SUB, x, y), 0), ir_binary(f, IR_EQ, x, y));
    assert_int_equal(bin_k(f, IR_EQ, k_bin(f, IR_SUB, 9, x), 2), bin_k(f, IR_EQ, x, 7));
    /* ranges decide */
    assert_int_equal(bin_k(f, IR_AND, b, 0xff), b);
    assert_int_equal(bin_k(f, IR_AND, b, 0x1f0), bin_k(f, IR_AND, b, 0xf0));
    assert_const(f, bin_k(f, IR_AND, b, 0xff00), 0);
    assert_const(f, bin_k(f, IR_EQ, b, 256), 0);
    assert_const(f, bin_k(f, IR_UGT, b, 255), 0);
    assert_const(f, k_bin(f, IR_UGT, 256, b), 1);
    assert_const(f, bin_k(f, IR_UGE, b, 0), 1);
    assert_int_equal(bin_k(f, IR_UMOD, b, 256), b);
    c = bin_k(f, IR_UGT, x, 7);
    assert_int_equal(bin_k(f, IR_EQ, c, 1), c);
    assert_int_equal(bin_k(f, IR_UGT, c, 0), c);
    assert_int_equal(bin_k(f, IR_UGE, c, 1), c);
    /* division by a constant 0 stays */
    assert_int_equal(f->value.at[bin_k(f, IR_UDIV, x, 0)].op, IR_UDIV);
    assert_int_equal(f->value.at[bin_k(f, IR_UMOD, ir_const(f, 5), 0)].op, IR_UMOD);
    assert_int_equal(f->value.at[bin_k(f, IR_UDIV, 0, 0)].op, IR_UDIV);
}

static void test_addresses(void **state)
{
    struct ir_func *f = &((struct fixture *)*state)->f;
    ir_value x = bin_k(f, IR_SHL, bin_k(f, IR_AND, ir_load(f, IR_NONE, 14, 1), 15), 2);
    ir_value y = ir_load(f, IR_NONE, 0, 2);
    ir_value header = bin_k(f, IR_ADD, x, 14);

    assert_int_equal(ir_load(f, header, 2, 2), ir_load(f, x, 16, 2));
    assert_int_equal(ir_load(f, ir_const(f, 14), 2, 2), ir_load(f, IR_NONE, 16, 2));
    assert_int_equal(ir_load(f, ir_binary(f, IR_ADD, header, y), 2, 1),
                     ir_load(f, ir_binary(f, IR_ADD, x, y), 16, 1));
    assert_int_equal(ir_load(f, bin_k(f, IR_SUB, x, 20), 8, 1), ir_load(f, x, -12u, 1));
    assert_int_equal(ir_range(f, header).lo, 14);
    assert_int_equal(ir_range(f, header).hi, 74);
    uint32_t b = ir_block_new(f, (struct span){0, 0});
    ir_guard_add(f, b, header, 2, 2);
    ir_guard_add(f, b, header, 2, 2);
    assert_int_equal(f->block.at[b].guard.n, 1);
    assert_int_equal(f->block.at[b].guard.at[0].base, x);
    assert_int_equal(f->block.at[b].guard.at[0].offset, 16);
}

static const uint32_t telling[] = {0,    1,    2,    3,     4,          7,          8,
                                   14,   15,   16,   28,    31,         32,         33,
                                   0x3c, 0xf0, 0xff, 0x100, 0xff00,     0xffff,     0x10000,
                                   -1u,  -2u,  -14u, -16u,  0x7fffffff, 0x80000000, 0x80000001};

#define TELLING (sizeof telling / sizeof telling[0])
#define PACKETS 8
#define EXPRS   400

/* What the builder makes of random expressions equals what their operators give, packet by packet. */
static void test_folding_keeps_values(void **state)
{
    struct rng r = {rng_seed()};

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct arena a;
        struct ir_func f;
        uint8_t bytes[PACKETS][16];
        static uint32_t got[PACKETS][EXPRS * 8]; /* by value */
        uint32_t want[PACKETS][EXPRS];           /* by expression */
        bool void_[PACKETS][EXPRS];              /* divides by zero somewhere */
        ir_value expr[EXPRS];
        uint32_t evaluated = 0;

        arena_init(&a, &allocator_system, CEILING);
        ir_init(&f, &a, 1);
        for (int p = 0; p < PACKETS; p++)
            for (int i = 0; i < 16; i++)
                bytes[p][i] = (uint8_t)(rng_below(&r, 3) ? rng_next(&r) : telling[rng_below(&r, TELLING)]);
        for (uint32_t i = 0; i < EXPRS; i++) {
            enum ir_op op = IR_ADD + rng_below(&r, IR_PHI - IR_ADD);
            uint32_t x = rng_below(&r, i), y = rng_below(&r, i), k = telling[rng_below(&r, TELLING)];
            unsigned kind = i < 6 ? 3 + i % 3 : rng_below(&r, 7);
            if (rng_below(&r, 2) && i > 8)
                x = i - 1 - rng_below(&r, 8);
            if (kind <= 2) {
                expr[i] = kind == 0   ? k_bin(&f, op, k, expr[x])
                          : kind == 1 ? bin_k(&f, op, expr[x], k)
                                      : ir_binary(&f, op, expr[x], expr[y]);
            } else if (kind <= 5) {
                unsigned size = 1u << (kind - 3);
                x = rng_below(&r, 16 - size);
                expr[i] = ir_load(&f, IR_NONE, x, size);
            } else {
                expr[i] = ir_const(&f, k);
            }
            assert_true(f.value.n <= EXPRS * 8);
            for (int p = 0; p < PACKETS; p++) {
                uint32_t u = kind == 0 ? k : want[p][x], w = kind == 0   ? want[p][x]
                                                             : kind == 1 ? k
                                                                         : want[p][y];
                void_[p][i] = false;
                if (kind <= 2) {
                    want[p][i] = ir_fold(op, u, w);
                    void_[p][i] =
                        void_[p][x] || (kind == 2 && void_[p][y]) || ((op == IR_UDIV || op == IR_UMOD) && !w);
                } else if (kind <= 5) {
                    want[p][i] = 0;
                    for (unsigned q = 0; q < 1u << (kind - 3); q++)
                        want[p][i] = want[p][i] << 8 | bytes[p][x + q];
                } else {
                    want[p][i] = k;
                }
                for (uint32_t v = evaluated; v < f.value.n; v++) {
                    const struct ir_node *n = &f.value.at[v];
                    got[p][v] = n->op == IR_CONST ? n->imm : 0;
                    if (ir_is_load(n))
                        for (unsigned q = 0; q < ir_load_size(n); q++)
                            got[p][v] = got[p][v] << 8 | bytes[p][n->imm + q];
                    else if (n->op != IR_CONST)
                        got[p][v] = ir_fold(n->op, got[p][n->a], got[p][n->b]);
                }
                if (void_[p][i])
                    continue;
                struct ir_range range = ir_range(&f, expr[i]);
                if (got[p][expr[i]] != want[p][i] || want[p][i] < range.lo || want[p][i] > range.hi)
                    fail_msg("round %d: %s (kind %u) of 0x%x, 0x%x: 0x%x, not 0x%x in 0x%x..0x%x", round,
                             ir_op_name(op), kind, u, w, got[p][expr[i]], want[p][i], range.lo, range.hi);
            }
            evaluated = f.value.n;
        }
        assert_false(f.failed);
        arena_release(&a);
    }
}

/* ---------------------------------------------------------------- blocks */

static void test_switches_are_canonical(void **state)
{
    struct ir_func *f = &((struct fixture *)*state)->f;
    struct span none = {0, 0};
    ir_value x = ir_load(f, IR_NONE, 0, 4), b = ir_load(f, IR_NONE, 0, 1), sum = bin_k(f, IR_ADD, b, 10);
    uint32_t at = ir_block_new(f, none);
    struct ir_block *block = &f->block.at[at];

    ir_branch_range(f, at, x, 5, 9, IR_ACCEPT, IR_REJECT);
    assert_int_equal(block->to.n, 3);
    assert_int_equal(block->on, x);
    static const struct {
        uint32_t k, target;
    } probe[] = {{0, IR_REJECT}, {4, IR_REJECT},  {5, IR_ACCEPT},
                 {9, IR_ACCEPT}, {10, IR_REJECT}, {-1u, IR_REJECT}};
    for (size_t i = 0; i < sizeof probe / sizeof probe[0]; i++)
        assert_int_equal(ir_case_find(block, probe[i].k), probe[i].target);

    ir_branch_range(f, at, b, 256, UINT32_MAX, IR_ACCEPT, IR_REJECT); /* never */
    assert_int_equal(block->to.n, 1);
    assert_int_equal(block->on, IR_NONE);
    assert_int_equal(block->to.at[0].target, IR_REJECT);
    ir_branch_range(f, at, b, 0, 255, IR_ACCEPT, IR_REJECT); /* always */
    assert_int_equal(block->to.n, 1);
    assert_int_equal(block->to.at[0].target, IR_ACCEPT);
    ir_branch_range(f, at, sum, 0, 9, IR_ACCEPT, IR_REJECT); /* below the range */
    assert_int_equal(block->on, IR_NONE);
    assert_int_equal(block->to.at[0].target, IR_REJECT);
    ir_branch_range(f, at, sum, 0, 10, IR_ACCEPT, IR_REJECT);
    assert_int_equal(block->to.n, 2);
    ir_branch_range(f, at, x, 7, 6, IR_ACCEPT, IR_REJECT); /* empty */
    assert_int_equal(block->to.at[0].target, IR_REJECT);
    ir_branch_range(f, at, ir_const(f, 7), 7, 7, IR_ACCEPT, IR_REJECT);
    assert_int_equal(block->on, IR_NONE);
    assert_int_equal(block->to.at[0].target, IR_ACCEPT);

    struct ir_case many[] = {
        {3, IR_REJECT}, {4, IR_ACCEPT}, {5, IR_ACCEPT}, {6, IR_REJECT}, {UINT32_MAX, IR_REJECT}};
    ir_switch(f, at, x, many, 5);
    assert_int_equal(block->to.n, 3);
    ir_switch(f, at, b, block->to.at, block->to.n); /* its own list */
    assert_int_equal(block->to.n, 3);
    assert_int_equal(block->to.at[2].last, UINT32_MAX);
    assert_int_equal(block->to.at[1].last, 5);
}

/* ---------------------------------------------------------------- text */

/* To be freed with mem_free(). */
static char *printed(const struct ir_func *f)
{
    struct strbuf s;

    strbuf_init(&s, &allocator_system);
    ir_print(f, &s);
    assert_false(s.failed);
    return s.text;
}

static void test_text(void **state)
{
    struct fixture *x = *state;
    static const char text[] = "accept 262144\n"
                               "%1 = load16 12\n"
                               "b0:\n"
                               "  guard 14\n"
                               "  switch %1: 0x800 -> b1, 0x86dd..0x86de -> b2, else -> reject\n"
                               "%2 = load8 14\n"
                               "%3 = and %2, 0xf\n"
                               "%4 = shl %3, 2\n"
                               "b1:\n"
                               "  guard 14 + 1\n"
                               "  guard (%4 + 14) + 4\n"
                               "  jump b3\n"
                               "b2:\n"
                               "  jump b3\n"
                               "b3:\n"
                               "  %5 = phi b1: %4, b2: 0x28\n"
                               "  %6 = load16 %5 + 16\n"
                               "  guard (%5 + 16) + 2\n"
                               "  switch %6: 0x50 -> accept, else -> reject\n";
    const char *message;
    uint32_t line, where;
    struct ir_func f;

    int status = ir_parse(&x->arena, text, strlen(text), &f, &message, &line);
    if (status)
        fail_msg("line %u: %s", line, message);
    char *again = printed(&f);
    assert_string_equal(again, text);
    mem_free(&allocator_system, again);
    assert_null(ir_verify(&f, &x->arena, &where));
    struct strbuf s;
    strbuf_init(&s, &allocator_system);
    ir_dot(&f, &s);
    assert_false(s.failed);
    assert_non_null(strstr(s.text, "b0 -> b1 [label=\"0x800\"]"));
    assert_non_null(strstr(s.text, "(pkt[14:1] & 15) << 2 + 14:4"));
    strbuf_release(&s);
}

static void test_text_errors(void **state)
{
    struct fixture *x = *state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *message;
    } wrong[] = {
        {"", 1, "does not begin with 'accept'"},
        {"accept 0\n", 1, "cannot return 0"},
        {"accept 1 2\n", 1, "something behind"},
        {"accept 1\n", 2, "no block to enter"},
        {"accept 4294967296\n", 1, "does not fit"},
        {"accept 1\nb1:\njump accept\n", 2, "not numbered in order"},
        {"accept 1\nb0:\n", 3, "does not end"},
        {"accept 1\nb0:\nb1:\n", 3, "does not end"},
        {"accept 1\nb0:\njump b7\n\n", 3, "no block of this number"},
        {"accept 1\nb0:\njump 7\n", 3, "a block is missing"},
        {"accept 1\nb0:\nhop b1\n", 3, "not a statement"},
        {"accept 1\nguard 1\n", 2, "outside of a block"},
        {"accept 1\njump accept\n", 2, "outside of a block"},
        {"accept 1\n%1 = phi\n", 2, "outside of a block"},
        {"accept 1\n%1 = lad8 0\n", 2, "operator is missing"},
        {"accept 1\n%1 = add %2, 1\n", 2, "before its definition"},
        {"accept 1\n%1 = add 2 1\n", 2, "',' is missing"},
        {"accept 1\n%1 = len\n%1 = len\n", 3, "defined twice"},
        {"accept 1\n%99999 = len\n", 2, "too large"},
        {"accept 1\nb0:\nguard (3 + 4\njump accept\n", 3, "')' is missing"},
        {"accept 1\n%1 = len\nb0:\nguard %1\njump accept\n", 4, "size is missing"},
        {"accept 1\n%1 = len\nb0:\nswitch %1: 3 -> accept\n", 4, "'else' are missing"},
        {"accept 1\n%1 = len\nb0:\nswitch %1: 3 -> accept, 3 -> reject, else -> reject\n", 4,
         "do not ascend"},
        {"accept 1\n%1 = len\nb0:\nswitch %1: 5..4 -> accept, else -> reject\n", 4, "do not ascend"},
        {"accept 1\n%1 = meta colour\n", 2, "a number is missing"},
        {"accept 1\n%1 = const 12a\n", 2, "followed by letters"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ir_func f;
        const char *message = "";
        uint32_t line = 0;
        int status = ir_parse(&x->arena, wrong[i].text, strlen(wrong[i].text), &f, &message, &line);
        if (status != WEIR_E_FILTER || line != wrong[i].line || !strstr(message, wrong[i].message))
            fail_msg("case %zu: status %d, line %u: %s", i, status, line, message);
    }
}

/* Every prefix of a text, and the text with one byte changed: a result or an error, never a crash. */
static void test_damaged_text(void **state)
{
    static const char text[] =
        "accept 9\nentry b0\n%1 = load16 12\nb0:\n  guard (const 3 - 2) + 5\n  guard 14\n"
        "  switch %1: 1..2 -> b1, else -> reject\nb1:\n  %2 = phi b0: %1\n"
        "  %3 = add %2, 1\n  switch %3: 3 -> accept, else -> reject ; x\n";
    struct rng r = {rng_seed()};

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        struct arena a;
        struct ir_func f;
        const char *message;
        uint32_t line, where;
        char copy[sizeof text];
        size_t len = i < sizeof text ? i : sizeof text - 1;
        memcpy(copy, text, sizeof text);
        if (i >= sizeof text)
            for (uint32_t n = 1 + rng_below(&r, 2); n; n--)
                copy[rng_below(&r, sizeof text - 1)] = text[rng_below(&r, sizeof text - 1)];
        arena_init(&a, &allocator_system, CEILING);
        if (ir_parse(&a, copy, len, &f, &message, &line) == 0) {
            ir_verify(&f, &a, &where);
            char *first = printed(&f);
            struct ir_func again;
            if (ir_parse(&a, first, strlen(first), &again, &message, &line) == 0) {
                char *second = printed(&again);
                assert_string_equal(first, second);
                mem_free(&allocator_system, second);
            }
            mem_free(&allocator_system, first);
        }
        arena_release(&a);
    }
}

/* ---------------------------------------------------------------- verifier */

static const char *verdict(struct fixture *x, const struct ir_func *f)
{
    uint32_t where;
    const char *wrong = ir_verify(f, &x->arena, &where);

    return wrong ? wrong : "fine";
}

static const char *verdict_of(struct fixture *x, const char *text)
{
    struct ir_func f;
    const char *message;
    uint32_t line;

    if (ir_parse(&x->arena, text, strlen(text), &f, &message, &line))
        return message;
    return verdict(x, &f);
}

/* Rules that text cannot break; tests/ir/verify.ir has the others. */
static void test_verifier_shape(void **state)
{
    struct fixture *x = *state;
    struct ir_func *f = &x->f;
    struct span none = {0, 0};
    ir_value len = ir_len(f), half = bin_k(f, IR_SHR, len, 1);
    uint32_t a = ir_block_new(f, none), b = ir_block_new(f, none);
    struct ir_block *at = &f->block.at[a];

    f->entry = a;
    ir_branch_range(f, a, half, 3, 5, b, IR_REJECT);
    ir_jump(f, b, IR_ACCEPT);
    assert_string_equal(verdict(x, f), "fine");

#define BROKEN(change, message, undo)                                                                        \
    do {                                                                                                     \
        change;                                                                                              \
        assert_string_equal(verdict(x, f), message);                                                         \
        undo;                                                                                                \
        assert_string_equal(verdict(x, f), "fine");                                                          \
    } while (0)
    struct ir_node *n = &f->value.at[half];
    struct ir_node good = *n;
    BROKEN(n->op = IR_OP_COUNT, "a value has no operator", *n = good);
    BROKEN(n->op = IR_LOAD8, "a value has an operand too many", *n = good);
    BROKEN(n->a = half, "an operand does not come before its user", *n = good);
    BROKEN(n->a = IR_NONE, "an operand does not come before its user", *n = good);
    BROKEN((*n = (struct ir_node){IR_META, IR_NONE, IR_NONE, 5}), "there is no such metadata", *n = good);
    BROKEN((*n = (struct ir_node){IR_PHI, IR_NONE, IR_NONE, 5}),
           "a phi is used where its block need not have been", *n = good);
    BROKEN(f->accept = 0, "an accepted packet would return 0", f->accept = 1);
    BROKEN(f->entry = 9, "the entry is not a block", f->entry = a);
    BROKEN(f->value.at[0].imm = 1, "value 0 is not the constant 0", f->value.at[0].imm = 0);
    BROKEN(f->failed = true, "memory ran out while the function was built", f->failed = false);
    BROKEN(at->to.at[1].last = 2, "the cases of a switch do not ascend", at->to.at[1].last = 5);
    BROKEN(at->to.at[2].last = 7, "a switch does not cover every number", at->to.at[2].last = UINT32_MAX);
    BROKEN(at->to.at[1].target = IR_REJECT, "two neighbouring cases have one target",
           at->to.at[1].target = b);
    BROKEN(at->to.at[1].target = a, "a target is not a later block", at->to.at[1].target = b);
    BROKEN(at->to.at[1].target = 2, "a target is not a later block", at->to.at[1].target = b);
    BROKEN(at->on = IR_NONE, "a jump has a value, or a switch or return none", at->on = half);
    BROKEN((at->to.n = 0, at->on = IR_NONE), "a block does not end in a jump, switch or return",
           (at->to.n = 3, at->on = half));
    BROKEN((at->to.n = 0, at->on = f->value.n), "a jump has a value, or a switch or return none",
           (at->to.n = 3, at->on = half));
    BROKEN(f->block.at[b].on = len, "a jump has a value, or a switch or return none",
           f->block.at[b].on = IR_NONE);
    BROKEN(ir_guard_add(f, b, IR_NONE, 3, 0), "a guard has size 0", f->block.at[b].guard.n = 0);
    BROKEN((ir_guard_add(f, b, IR_NONE, 3, 1), f->block.at[b].guard.at[0].base = 99),
           "a guard's base is not a value", f->block.at[b].guard.n = 0);
    ir_value p = ir_phi(f, b);
    at = &f->block.at[a];
    n = NULL;
    assert_string_equal(verdict(x, f), "a phi has no argument for a predecessor");
    ir_phi_arg_add(f, b, p, a, half);
    assert_string_equal(verdict(x, f), "fine");
    struct ir_phi *phi = &f->block.at[b].phi.at[0];
    BROKEN(phi->value = len, "a phi is not its block's", phi->value = p);
    BROKEN(phi->arg.at[0].value = 99, "a phi's argument is not a value", phi->arg.at[0].value = half);
    BROKEN(phi->arg.at[0].block = b, "a phi has an argument for no predecessor, or two for one",
           phi->arg.at[0].block = a);
    BROKEN(ir_phi_range_set(f, p, 0, 9), "a phi's argument can be outside the range it promises",
           ir_phi_range_set(f, p, 0, UINT32_MAX));
    f->entry = b;
    assert_string_equal(verdict(x, f), "the entry block has a phi");
}

/* 100,000 blocks in every shape that could cost the square: a chain, and a common target of all. */
static void test_verifier_is_fast(void **state)
{
    struct fixture *x = *state;
    struct ir_func *f = &x->f;
    struct span none = {0, 0};
    enum { BLOCKS = 100000 };
    ir_value hl = bin_k(f, IR_SHL, bin_k(f, IR_AND, ir_load(f, IR_NONE, 14, 1), 15), 2);
    clock_t begin = clock();

    for (uint32_t i = 0; i < BLOCKS; i++)
        ir_block_new(f, none);
    f->entry = 0;
    for (uint32_t i = 0; i < BLOCKS - 1; i++) {
        ir_value base = i % 3 ? ir_load(f, IR_NONE, i, 4) : hl;
        ir_guard_add(f, i, IR_NONE, 0, i + 20);
        ir_guard_add(f, i, base, i, 4);
        ir_branch_range(f, i, ir_load(f, base, i, 4), i, i, i + 1, i % 2 ? BLOCKS - 1 : IR_REJECT);
    }
    ir_branch_range(f, BLOCKS - 1, ir_load(f, IR_NONE, 14, 1), 3, 3, IR_ACCEPT, IR_REJECT);
    assert_string_equal(verdict(x, f), "fine");
    char *text = printed(f);
    struct ir_func again;
    const char *message;
    uint32_t line;
    assert_int_equal(ir_parse(&x->arena, text, strlen(text), &again, &message, &line), 0);
    char *text2 = printed(&again);
    assert_string_equal(text, text2);
    assert_string_equal(verdict(x, &again), "fine");
    mem_free(&allocator_system, text);
    mem_free(&allocator_system, text2);
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 20);
}

/* ---------------------------------------------------------------- evaluator */

static uint32_t eval(struct fixture *x, const struct ir_func *f, const char *bytes, uint32_t caplen,
                     uint32_t wirelen, bool *fault)
{
    struct packet p = {.bytes = (const uint8_t *)bytes, .caplen = caplen, .wirelen = wirelen};
    size_t before = x->arena.total;

    p.meta.packet_type = 4;
    p.meta.vlan_tci = 0x1234;
    p.meta.vlan_present = 1;
    p.meta.ifindex = 0x12345678;
    uint32_t verdict = ir_eval(f, &p, &x->arena, fault);
    assert_int_equal(x->arena.total, before);
    return verdict;
}

static void test_guards_are_exact(void **state)
{
    struct fixture *x = *state;
    struct ir_func *f = &x->f;
    bool fault;

    f->entry = ir_block_new(f, (struct span){0, 0});
    ir_jump(f, f->entry, IR_ACCEPT);
    ir_guard_add(f, f->entry, IR_NONE, 12, 2);
    struct ir_guard *g = &f->block.at[0].guard.at[0];
    assert_int_equal(eval(x, f, "01234567890123", 14, 14, &fault), 96);
    assert_false(fault);
    assert_int_equal(eval(x, f, "01234567890123", 13, 14, &fault), 0);
    assert_true(fault);
    g->offset = 0xfffffffe; /* the end does not wrap */
    g->size = 4;
    assert_int_equal(eval(x, f, "01234567890123", 14, 14, &fault), 0);
    g->base = ir_const(f, 4); /* the address does */
    assert_int_equal(eval(x, f, "01234567890123", 14, 14, &fault), 96);
    assert_int_equal(eval(x, f, "01234567890123", 6, 14, &fault), 96);
    assert_int_equal(eval(x, f, "01234567890123", 5, 14, &fault), 0);
}

static void test_metadata_and_length(void **state)
{
    struct fixture *x = *state;
    static const struct {
        const char *value;
        uint32_t is;
    } values[] = {{"len", 60},
                  {"meta pkttype", 4},
                  {"meta ifindex", 0x12345678},
                  {"meta vlan_tci", 0x1234},
                  {"meta vlan_present", 1}};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct ir_func f;
        const char *message;
        uint32_t line;
        char text[200];
        snprintf(text, sizeof text, "accept 7\n%%1 = %s\nb0:\nswitch %%1: %u -> accept, else -> reject\n",
                 values[i].value, values[i].is);
        assert_int_equal(ir_parse(&x->arena, text, strlen(text), &f, &message, &line), 0);
        assert_int_equal(eval(x, &f, "", 0, 60, NULL), 7);
    }
}

/* ---------------------------------------------------------------- memory */

struct failing {
    uint32_t left; /* requests still granted */
};

static void *failing_reallocate(void *user, void *ptr, size_t size)
{
    struct failing *x = user;

    if (!size) {
        free(ptr);
        return NULL;
    }
    if (!x->left)
        return NULL;
    x->left--;
    return realloc(ptr, size);
}

/* Building, printing, parsing, verifying and evaluating with the Nth allocation refused, for all N. */
static void test_no_memory(void **state)
{
    bool all = false;

    (void)state;
    for (uint32_t n = 0; !all; n++) {
        struct failing left = {n};
        struct allocator al = {failing_reallocate, &left};
        struct arena a;
        struct ir_func f, again;
        struct strbuf s;
        const char *message;
        uint32_t line, where;

        assert_true(n < 10000);
        arena_init(&a, &al, CEILING);
        strbuf_init(&s, &al);
        ir_init(&f, &a, 5);
        ir_value x = 0;
        for (uint32_t i = 0; i < 200; i++) {
            ir_value l = ir_load(&f, IR_NONE, i, 2);
            x = ir_binary(&f, IR_ADD, x, l);
        }
        uint32_t b = ir_block_new(&f, (struct span){0, 0});
        uint32_t c = ir_block_new(&f, (struct span){0, 0});
        f.entry = b;
        ir_guard_add(&f, b, IR_NONE, 0, 300);
        ir_branch_range(&f, b, x, 7, 8, c, IR_REJECT);
        ir_value p = ir_phi(&f, c);
        ir_phi_arg_add(&f, c, p, b, x);
        ir_guard_add(&f, c, p, 4, 4);
        ir_jump(&f, c, IR_ACCEPT);
        struct packet packet = {.bytes = (const uint8_t *)"", .caplen = 0};
        if (!f.failed) {
            ir_print(&f, &s);
            if (!s.failed) {
                int status = ir_parse(&a, s.text, s.len, &again, &message, &line);
                assert_true(status == 0 || status == WEIR_E_MEMORY);
                if (status == 0) {
                    const char *wrong = ir_verify(&again, &a, &where);
                    if (!wrong) {
                        ir_eval(&again, &packet, &a, NULL);
                        s.len = 0;
                        ir_dot(&again, &s);
                        all = !s.failed && left.left > 0;
                    } else {
                        assert_string_equal(wrong, "the verifier ran out of memory");
                    }
                }
            }
        }
        strbuf_release(&s);
        arena_release(&a);
    }
}

static void test_text_verdicts(void **state)
{
    assert_string_equal(verdict_of(*state, "accept 1\nentry accept\n"), "fine");
    assert_string_equal(verdict_of(*state, "accept 1\nentry reject\n"), "fine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_are_numbered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
        cmocka_unit_test(test_folding_keeps_values),
        cmocka_unit_test_setup_teardown(test_switches_are_canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_errors, setup, teardown),
        cmocka_unit_test(test_damaged_text),
        cmocka_unit_test_setup_teardown(test_text_verdicts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verifier_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(test_verifier_is_fast, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guards_are_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metadata_and_length, setup, teardown),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
