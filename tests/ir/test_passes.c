/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/ir/test_passes.c - what each pass makes of a function, one pass at a time.
 *
 * tests/ir/passes/PASS.ir holds cases: the function before, a line `; after`, and the function that is
 * expected, written by hand. `; the same` instead: the pass leaves it as it is. Lines in front of the
 * function give the advice that the text form does not have:
 *
 *   asked bN NUMBER              the filter asks whether what block N tests is the number; in that order
 *   usual bN NUMBER              for most packets that is the number
 *   seldom bN given bM NUMBER    what block N tests is hardly ever but 0 where what block M tests is the
 * number
 *
 * Whatever is expected, the new function has to refine the old one, guards added, on drawn packets of all
 * lengths.
 */
#include <time.h>
#include "opt/pass.h"
#include "tests/harness/rng.h"
#include "tests/ir/cases.h"
#include "tests/property/random_graph.h"
#include "vm/vm.h"

#define AFTER "; after\n"

enum {
    PACKETS = 4000,
    BYTES = 40,
    SMALL = 10,
    GIVEN = 5,
    VALUES = 9,
    FUNCTIONS = 3000,
    PACKETS_RANDOM = 100,
    BLOCKS = 10000,
    TRIES = 4
};

#define GROWTH_MAX 9.0  /* for four times the blocks; a square law would be 16 */
#define MEASURABLE 0.02 /* seconds */

static const struct {
    const char *name;
    int (*run)(struct ir_func *f);
} passes[] = {
#define PASS(name, leaves, what) {#name, pass_##name},
#include "opt/passes.def"
#undef PASS
};

enum { PASSES = sizeof passes / sizeof passes[0] };

static bool covered[PASSES];

/* The number of the pass whose cases are in @file, or PASSES. */
static size_t pass_of(const char *file)
{
    size_t i = 0, n = strlen(file) - strlen(".ir");

    while (i < PASSES && (strlen(passes[i].name) != n || strncmp(passes[i].name, file, n) != 0))
        i++;
    return i;
}

/* Numbers a case asks for, so that packets have them. */
struct wanted {
    uint8_t byte[64];
    uint32_t n;
};

static void want(struct wanted *w, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        if (w->n < sizeof w->byte)
            w->byte[w->n++] = (uint8_t)(number >> shift);
}

static void draw(struct rng *r, const struct wanted *w, uint8_t bytes[BYTES])
{
    for (int i = 0; i < BYTES; i++)
        bytes[i] = w->n && rng_below(r, 2) ? w->byte[rng_below(r, w->n)] : (uint8_t)rng_below(r, SMALL);
}

/* NULL, or what is wrong with @after on one of @packets packets; *@accepted counts those that are accepted.
 */
static const char *refines(struct ir_func *before, struct ir_func *after, struct arena *a, int packets,
                           uint32_t *accepted)
{
    struct rng r = {1};
    struct wanted w = {.n = 0};
    uint32_t where;

    for (uint32_t i = 0; i < before->block.n; i++)
        for (uint32_t c = 0; c < before->block.at[i].to.n; c++)
            want(&w, before->block.at[i].to.at[c].last);
    if ((ir_verify(before, a, &where) && pass_guards(before)) ||
        (ir_verify(after, a, &where) && pass_guards(after)))
        return "guards cannot be added";
    for (int i = 0; i < packets; i++) {
        uint8_t bytes[BYTES];
        bool faulted[2];
        draw(&r, &w, bytes);
        const struct packet p = {
            .bytes = bytes, .caplen = rng_below(&r, BYTES + 1), .wirelen = rng_below(&r, 300)};
        uint32_t old = ir_eval(before, &p, a, &faulted[0]), new = ir_eval(after, &p, a, &faulted[1]);
        *accepted += old != 0;
        if (old != new && !faulted[0])
            return "another verdict";
    }
    return NULL;
}

/* The advice in the lines of @text. */
static void advise(struct ir_func *f, char *text)
{
    for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n")) {
        const char *asked = case_after(l, "asked"), *seldom = case_after(l, "seldom");
        const char *usual = case_after(l, "usual");
        unsigned block, given;
        int number;
        if (asked && sscanf(asked, "b%u %i", &block, &number) == 2 && block < f->block.n)
            (void)vec_push(f->arena, &f->asked, ((struct ir_asked){f->block.at[block].on, (uint32_t)number}));
        if (usual && sscanf(usual, "b%u %i", &block, &number) == 2 && block < f->block.n)
            f->usual = (struct ir_asked){f->block.at[block].on, (uint32_t)number};
        if (seldom && sscanf(seldom, "b%u given b%u %i", &block, &given, &number) == 3 &&
            block < f->block.n && given < f->block.n && f->seldoms < IR_SELDOM_MAX)
            f->seldom[f->seldoms++] =
                (struct ir_seldom){f->block.at[block].on, f->block.at[given].on, (uint32_t)number};
    }
}

static void one_case(const char *file, const char *name, char *text)
{
    const size_t pass = pass_of(file);
    char *after = strstr(text, AFTER), *same = strstr(text, "; the same\n");
    char *want = malloc(strlen(text) + 2), *lines = strdup(text);
    const char *message = "neither `; after` nor `; the same`, or no such pass", *wrong = message;
    struct ir_func before, f;
    struct strbuf out;
    struct arena a;
    uint32_t line = 0, accepted = 0;

    arena_init(&a, &allocator_system, (size_t)1 << 28);
    strbuf_init(&out, &allocator_system);
    if (after)
        *after = '\0';
    if (pass < PASSES && !after != !same) {
        covered[pass] = true;
        case_canonical(after ? after + strlen(AFTER) : text, want);
        wrong = ir_parse(&a, text, strlen(text), &before, &message, &line) ||
                        ir_parse(&a, text, strlen(text), &f, &message, &line)
                    ? message
                    : NULL;
    }
    if (!wrong) {
        advise(&f, lines);
        wrong = passes[pass].run(&f) || f.failed ? "the pass fails" : NULL;
    }
    if (!wrong) {
        ir_print(&f, &out);
        wrong =
            strcmp(out.text, want) != 0 ? "another function" : refines(&before, &f, &a, PACKETS, &accepted);
        wrong = wrong || accepted ? wrong : "no packet is accepted, so nothing is seen";
    }
    if (!tap_ok(!wrong, "%s: %s", file, name))
        tap_diag("%s (line %u); it is\n%s", wrong, line, out.len ? out.text : "nothing");
    strbuf_release(&out);
    arena_release(&a);
    free(want);
    free(lines);
}

/* ---------------------------------------------------------------- random functions */

static void write_target(struct strbuf *s, uint32_t to, const char *end)
{
    strbuf_printf(s, is_return(to) ? to == IR_ACCEPT ? "accept" : "reject" : "b%u", to);
    strbuf_puts(s, end);
}

/* Writes a function of a few blocks that test bytes, bits of them, and the length, for few numbers. */
static void write_random(struct rng *r, struct strbuf *s)
{
    const uint32_t n = 2 + rng_below(r, 11);

    strbuf_puts(s, "accept 9\n%0 = load8 0\n%9 = load8 1\n%1 = add %9, 3\n%2 = load8 30\n%3 = len\n");
    for (uint32_t i = 4; i < VALUES; i++)
        strbuf_printf(s, "%%%u = and %%%u, %u\n", i, rng_below(r, 2), 1 + rng_below(r, 15));
    uint32_t first = 0;
    if (n > 4 && rng_below(r, 4) == 0) { /* b1 is asked what is seldom */
        strbuf_printf(s, "b0:\n  switch %%0: %u -> b1, else -> reject\n", GIVEN);
        strbuf_puts(s, "b1:\n  switch %2: 0 -> b2, else -> reject\n");
        first = 2;
    } else if (n > 6 && rng_below(r, 4) == 0) { /* an address is computed */
        strbuf_puts(s, "b0:\n  switch %1: 4 -> b1, else -> b2\nb1:\n  jump b3\nb2:\n  jump b3\n");
        strbuf_puts(s, "b3:\n  %10 = phi b1: 2, b2: %9\n  jump b4\n%11 = load8 %10 + 1\n");
        first = 4;
    }
    for (uint32_t b = first; b < n; b++) {
        const uint32_t on = first == 4 && rng_below(r, 4) == 0 ? 11
                            : rng_below(r, 3)                  ? rng_below(r, 2) * 4 + rng_below(r, 4)
                                                               : rng_below(r, VALUES);
        strbuf_printf(s, "b%u:\n  switch %%%u: ", b, on);
        const bool some = on >= 4 && on < VALUES && rng_below(r, 2); /* is some bit set? */
        if (some) {
            strbuf_puts(s, "0 -> ");
            write_target(s, graph_target(r, b, n), ", ");
        }
        for (uint32_t c = some ? 4 : rng_below(r, 3), low = 0; c < 4; c++) {
            const uint32_t lo = low + rng_below(r, 4), hi = lo + (rng_below(r, 3) ? 0 : rng_below(r, 5));
            strbuf_printf(s, "%u..%u -> ", lo, hi);
            write_target(s, graph_target(r, b, n), ", ");
            low = hi + 1;
        }
        strbuf_puts(s, "else -> ");
        write_target(s, graph_target(r, b, n), "\n");
    }
}

/* NULL, or what is wrong with what @pass makes of the function @text; passes but the first see what that
 * leaves. */
static const char *random_one(size_t pass, struct rng *r, struct strbuf *text, uint32_t *accepted,
                              bool *changed)
{
    const char *message = NULL, *wrong = "it does not parse";
    struct ir_func before, f;
    struct strbuf out;
    struct arena a;
    uint32_t line = 0;

    arena_init(&a, &allocator_system, (size_t)1 << 28);
    strbuf_init(&out, &allocator_system);
    if (pass && ir_parse(&a, text->text, text->len, &f, &message, &line) == 0 && passes[0].run(&f) == 0) {
        text->len = 0;
        ir_print(&f, text);
    }
    if (ir_parse(&a, text->text, text->len, &before, &message, &line) == 0 &&
        ir_parse(&a, text->text, text->len, &f, &message, &line) == 0) {
        const uint32_t turn = rng_below(r, 16);
        for (uint32_t i = 0; i < 16 * f.block.n; i++) /* every number, in some order */
            (void)vec_push(f.arena, &f.asked,
                           ((struct ir_asked){f.block.at[i / 16].on, (5 * i + turn) % 16}));
        if (f.block.n > 1)
            f.seldom[f.seldoms++] = (struct ir_seldom){f.block.at[1].on, f.block.at[0].on, GIVEN};
        if (f.block.n) /* the number that is asked for first */
            f.usual = (struct ir_asked){f.block.at[0].on, turn % 16};
        wrong = passes[pass].run(&f) || f.failed ? "the pass fails" : NULL;
    }
    if (!wrong) {
        ir_print(&f, &out);
        *changed = strcmp(out.text, text->text) != 0;
        wrong = refines(&before, &f, &a, PACKETS_RANDOM, accepted);
    }
    strbuf_release(&out);
    arena_release(&a);
    return wrong;
}

static void random_functions(size_t pass)
{
    struct rng r = {rng_seed()};
    uint32_t accepted = 0, changes = 0;
    unsigned bad = 0;

    for (int i = 0; i < FUNCTIONS; i++) {
        struct strbuf text;
        bool changed = false;
        strbuf_init(&text, &allocator_system);
        write_random(&r, &text);
        const char *wrong = random_one(pass, &r, &text, &accepted, &changed);
        if (wrong && bad++ < 3)
            tap_pending("%s: %s:\n%s", passes[pass].name, wrong, text.text);
        changes += changed;
        strbuf_release(&text);
    }
    tap_ok(!bad && accepted && changes, "%s refines %d random functions, of which it changes %u",
           passes[pass].name, FUNCTIONS, changes);
}

/* ---------------------------------------------------------------- growth */

/* Long functions: block i tests one of @values values for one of @numbers numbers, where it returns, and
 * leads on to block i + 1, or a few further on. */
struct shape {
    const char *name;
    uint32_t values, numbers, jump;
};

static const struct shape shapes[] = {
    {"one value for the same numbers", 1, 8, 1}, {"one value for other numbers", 1, UINT32_MAX, 1},
    {"two values in turns", 2, 16, 1},           {"bits of two values", 2, 0, 1},
    {"many values, and jumps", 50, 250, 9},
};

static void write_blocks(struct strbuf *s, const struct shape *shape, uint32_t blocks)
{
    struct rng r = {1};

    strbuf_puts(s, "accept 9\n");
    for (uint32_t i = 0; i < shape->values; i++)
        strbuf_printf(s, "%%%u = load32 %u\n", i, 4 * i);
    for (uint32_t i = 0; i < blocks; i++) {
        uint32_t on = i % shape->values, next = i + 1 + rng_below(&r, shape->jump);
        if (!shape->numbers) {
            strbuf_printf(s, "%%%u = and %%%u, %u\n", shape->values + i, on,
                          1u << rng_below(&r, 16) | 1u << rng_below(&r, 16));
            on = shape->values + i;
        }
        strbuf_printf(s, "b%u:\n  switch %%%u: %u -> %s, else -> ", i, on,
                      !shape->numbers                ? 0
                      : shape->numbers == UINT32_MAX ? i
                                                     : rng_below(&r, shape->numbers),
                      rng_below(&r, 2) ? "accept" : "reject");
        if (next < blocks)
            strbuf_printf(s, "b%u\n", next);
        else
            strbuf_puts(s, shape->numbers ? "accept\n" : "reject\n");
    }
}

/* Seconds of CPU that the pass takes, or a negative number. */
static double seconds_of(size_t pass, const struct shape *shape, uint32_t blocks)
{
    const char *message = NULL;
    struct ir_func f;
    struct strbuf s;
    struct arena a;
    uint32_t line = 0;

    arena_init(&a, &allocator_system, (size_t)1 << 32);
    strbuf_init(&s, &allocator_system);
    write_blocks(&s, shape, blocks);
    int err = ir_parse(&a, s.text, s.len, &f, &message, &line);
    for (uint32_t i = 0; err == 0 && i < f.block.n && i < 4; i++)
        (void)vec_push(f.arena, &f.asked, ((struct ir_asked){f.block.at[i].on, 7 - i}));
    clock_t begin = clock();
    if (err == 0)
        err = passes[pass].run(&f);
    clock_t end = clock();
    strbuf_release(&s);
    arena_release(&a);
    return err || message ? -1 : (double)(end - begin) / CLOCKS_PER_SEC;
}

static void growth(size_t pass, const struct shape *shape)
{
    double small = -1, large = -1;

    for (int i = 0; i < TRIES && (i == 0 || large > GROWTH_MAX * small); i++) { /* the machine may be busy */
        double a = seconds_of(pass, shape, BLOCKS), b = seconds_of(pass, shape, 4 * BLOCKS);
        small = i && small < a ? small : a;
        large = i && large < b ? large : b;
    }
    if (!tap_ok(small >= 0 && large >= 0 && (large < MEASURABLE || large <= GROWTH_MAX * small),
                "%s: %u and %u blocks, %s", passes[pass].name, BLOCKS, 4 * BLOCKS, shape->name))
        tap_diag("%.4f and %.4f s", small, large);
}

int main(void)
{
    case_each("tests/ir/passes", one_case);
    for (size_t i = 0; i < PASSES; i++)
        tap_ok(covered[i], "%s has cases", passes[i].name);
    for (size_t i = 0; i < PASSES; i++)
        if (passes[i].run != pass_align) /* which is for long switches */
            random_functions(i);
    for (size_t i = 0; i < PASSES; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
            growth(i, &shapes[k]);
    return tap_done();
}
