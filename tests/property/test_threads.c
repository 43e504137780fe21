/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/test_threads.c - contexts are independent, and a program may be used by any number of
 * threads.
 *
 * 64 threads compile all filters at once, each with a context of its own and from another start, and run the
 * programs that the main thread made before. Everything must be what one thread alone gets. ThreadSanitizer
 * sees the rest.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "tests/property/filters.h"
#include "weir/weir.h"

#define THREADS 64
#define PACKETS 16
#define BYTES   128

struct expected {
    struct weir_program *program[4]; /* by 2 * target + optimize */
    uint32_t verdict[2][PACKETS];    /* of the classic ones */
};

static struct expected expected[PROPERTY_FILTERS]; /* written before the threads start */
static uint8_t packets[PACKETS][BYTES];

struct worker {
    pthread_t thread;
    unsigned number;
    size_t wrong; /* comparisons that failed */
};

static struct weir_program *compile(struct weir *cx, size_t i, unsigned which)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;

    o.linktype = property_filters[i].linktype;
    o.optimize = which & 1;
    o.target = which >> 1;
    o.keep_inputs = 1;
    return weir_compile(cx, property_filters[i].text, strlen(property_filters[i].text), &o, &p) < 0 ? NULL
                                                                                                    : p;
}

static bool same_program(const struct weir_program *p, const struct weir_program *q)
{
    size_t np, nq;

    if (!p || !q)
        return p == q;
    const struct weir_cbpf_insn *a = weir_program_cbpf(p, &np), *b = weir_program_cbpf(q, &nq);
    if (a && b)
        return np == nq && memcmp(a, b, np * sizeof *a) == 0;
    const struct weir_ebpf_insn *c = weir_program_ebpf(p, &np), *d = weir_program_ebpf(q, &nq);
    return c && d && np == nq && memcmp(c, d, np * sizeof *c) == 0;
}

/* Everything else that may be asked of a program, of @shared while other threads ask it too. */
static bool same_answers(const struct weir_program *p, const struct weir_program *shared)
{
    struct weir_cost cost[2] = {{.size = sizeof *cost}, {.size = sizeof *cost}};
    const struct weir_program *of[] = {p, shared};
    uint32_t reach[2] = {0, 0};
    char *text[2], *object[2];
    size_t len[2] = {0, 0}, bytes[2] = {0, 0}, inputs[2] = {0, 0};
    bool same;

    for (int i = 0; i < 2; i++) {
        struct weir_input input = {.size = sizeof input};
        text[i] = object[i] = NULL;
        weir_program_text(of[i], WEIR_TEXT_LISTING, &text[i], &len[i]);
        weir_program_object(of[i], NULL, &object[i], &bytes[i]);
        weir_program_cost(of[i], &cost[i]);
        weir_program_reach(of[i], &reach[i]);
        while (weir_program_input(of[i], inputs[i], &input) == WEIR_OK)
            inputs[i]++;
    }
    same = text[0] && text[1] && len[0] == len[1] && !memcmp(text[0], text[1], len[0]) &&
           bytes[0] == bytes[1] && (!bytes[0] || !memcmp(object[0], object[1], bytes[0])) &&
           inputs[0] == inputs[1] && reach[0] == reach[1] && !memcmp(&cost[0], &cost[1], sizeof *cost) &&
           weir_program_kernel_refusal(p) == weir_program_kernel_refusal(shared);
    for (int i = 0; i < 2; i++) {
        weir_text_free(of[i], text[i]);
        weir_text_free(of[i], object[i]);
    }
    return same;
}

static void use_filter(struct worker *w, struct weir *cx, size_t i)
{
    for (unsigned which = 0; which < 4; which++) {
        struct weir_program *p = compile(cx, i, which), *shared = expected[i].program[which];
        w->wrong += !same_program(p, shared);
        for (size_t k = 0; which < 2 && shared && k < PACKETS; k++)
            w->wrong += weir_match(shared, packets[k], BYTES, BYTES, NULL) != expected[i].verdict[which][k];
        w->wrong += p && shared && !same_answers(p, shared);
        weir_program_free(p);
    }
}

static void *work(void *user)
{
    struct worker *w = user;
    struct weir *cx = NULL;

    weir_new(NULL, &cx);
    for (size_t n = 0; n < PROPERTY_FILTERS; n++)
        use_filter(w, cx, (n + w->number * PROPERTY_FILTERS / THREADS) % PROPERTY_FILTERS);
    weir_free(cx);
    return NULL;
}

int main(void)
{
    struct worker workers[THREADS];
    struct rng r = {3};
    struct weir *cx = NULL;
    unsigned started = 0, programs = 0;

    rng_bytes(&r, packets[0], sizeof packets);
    for (size_t k = 0; k < PACKETS; k++) {
        packets[k][12] = 8;
        packets[k][13] = 0;
        packets[k][14] = 0x45;
    }
    weir_new(NULL, &cx);
    for (size_t i = 0; i < PROPERTY_FILTERS; i++)
        for (unsigned which = 0; which < 4; which++) {
            struct weir_program *p = expected[i].program[which] = compile(cx, i, which);
            programs += p != NULL;
            for (size_t k = 0; which < 2 && p && k < PACKETS; k++)
                expected[i].verdict[which][k] = weir_match(p, packets[k], BYTES, BYTES, NULL);
        }
    weir_free(cx);
    tap_ok(programs > 3 * PROPERTY_FILTERS, "the filters compile");

    for (; started < THREADS; started++) {
        workers[started] = (struct worker){.number = started};
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        if (!tap_ok(workers[i].wrong == 0, "thread %u gets what one thread alone gets", i))
            tap_diag("%zu comparisons failed", workers[i].wrong);
    }
    tap_ok(started == THREADS, "%d threads at once", THREADS);
    for (size_t i = 0; i < PROPERTY_FILTERS; i++)
        for (unsigned which = 0; which < 4; which++)
            weir_program_free(expected[i].program[which]);
    return tap_done();
}
