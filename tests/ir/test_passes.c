/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/ir/test_passes.c - what each pass makes of a function, one pass at a time.
 *
 * tests/ir/passes/PASS.ir holds cases: the function before, a line `; after`, and the function that is
 * expected, written by hand. `; the same` instead: the pass leaves it as it is. Lines in front of the
 * function give the advice that the text form does not have:
 *
 *   asked bN NUMBER              the filter asks whether what block N tests is the number; in that order
 *   seldom bN given bM NUMBER    what block N tests is hardly ever but 0 where what block M tests is the
 * number
 *
 * Whatever is expected, the new function has to refine the old one, guards added, on drawn packets of all
 * lengths.
 */
#include "opt/pass.h"
#include "tests/harness/rng.h"
#include "tests/ir/cases.h"
#include "vm/vm.h"

#define AFTER "; after\n"

enum { PACKETS = 4000, BYTES = 40, SMALL = 10 };

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

/* NULL, or what is wrong with @after on some packet. */
static const char *refines(struct ir_func *before, struct ir_func *after, struct arena *a)
{
    struct rng r = {1};
    struct wanted w = {.n = 0};
    uint32_t accepted = 0, where;

    for (uint32_t i = 0; i < before->block.n; i++)
        for (uint32_t c = 0; c < before->block.at[i].to.n; c++)
            want(&w, before->block.at[i].to.at[c].last);
    if ((ir_verify(before, a, &where) && pass_guards(before)) ||
        (ir_verify(after, a, &where) && pass_guards(after)))
        return "guards cannot be added";
    for (int i = 0; i < PACKETS; i++) {
        uint8_t bytes[BYTES];
        bool faulted[2];
        draw(&r, &w, bytes);
        const struct packet p = {
            .bytes = bytes, .caplen = rng_below(&r, BYTES + 1), .wirelen = rng_below(&r, 300)};
        uint32_t old = ir_eval(before, &p, a, &faulted[0]), new = ir_eval(after, &p, a, &faulted[1]);
        accepted += old != 0;
        if (old != new && !faulted[0])
            return "another verdict";
    }
    return accepted || before->entry == IR_REJECT ? NULL : "no packet is accepted, so nothing is seen";
}

/* The advice in the lines of @text. */
static void advise(struct ir_func *f, char *text)
{
    for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n")) {
        const char *asked = case_after(l, "asked"), *seldom = case_after(l, "seldom");
        unsigned block, given;
        int number;
        if (asked && sscanf(asked, "b%u %i", &block, &number) == 2 && block < f->block.n)
            (void)vec_push(f->arena, &f->asked, ((struct ir_asked){f->block.at[block].on, (uint32_t)number}));
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
    uint32_t line = 0;

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
        wrong = strcmp(out.text, want) != 0 ? "another function" : refines(&before, &f, &a);
    }
    if (!tap_ok(!wrong, "%s: %s", file, name))
        tap_diag("%s (line %u); it is\n%s", wrong, line, out.len ? out.text : "nothing");
    strbuf_release(&out);
    arena_release(&a);
    free(want);
    free(lines);
}

int main(void)
{
    case_each("tests/ir/passes", one_case);
    for (size_t i = 0; i < PASSES; i++)
        tap_ok(covered[i], "%s has cases", passes[i].name);
    return tap_done();
}
