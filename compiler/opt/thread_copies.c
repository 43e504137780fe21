/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_copies.c - how many copies of blocks are worth it.
 *
 * A block that several ways know different things at may be there once for each, which decides more of what
 * is behind it and makes the program longer. What copies save is estimated, from what packets are likely to
 * be (order_share()), and the function without any is taken where that is shorter and as good.
 *
 * Which PHIs a way still needs is known once decided tests are gone: where there are any, there is a second
 * turn.
 *
 * Cost: where copies were made the function is found twice, if it is not long.
 */
#include "opt/order.h"
#include "opt/thread.h"

#define COPIES_FREE 8u    /* states beyond one for each block that any function may have */
#define LONG        2048u /* instructions of a function of which the one with copies is taken */
#define WORTH_IT    8u    /* a packet in so many is to save a test */

static uint32_t copies_for_speed(const struct ir_func *f)
{
    return COPIES_FREE + f->block.n / 16;
}

/* About how many instructions were found: compares, and a load. */
static uint64_t length_of(const struct thread *t)
{
    uint64_t length = 0;

    for (uint32_t i = 0; i < t->built.n; i++)
        length += t->built.at[i].to.n + 1;
    return length;
}

/* How many tests ORDER_ALL packets are likely to make in what was found. */
static uint64_t tests_of(struct thread *t)
{
    uint64_t *come = arena_array(t->a, uint64_t, t->built.n), tests = 0;

    t->failed |= !come;
    if (t->failed || is_return(t->root))
        return 0;
    come[t->root] = ORDER_ALL;
    for (uint32_t i = t->root + 1; i-- > 0;) {
        const struct ir_block *b = &t->built.at[i];
        tests += b->to.n > 1 ? come[i] : 0;
        for (uint32_t c = 0; c < b->to.n; c++)
            if (!is_return(b->to.at[c].target) && !order_led_before(b, c))
                come[b->to.at[c].target] += come[i] * order_share(t->f, b, b->to.at[c].target) / ORDER_ALL;
    }
    return tests;
}

/* Is the function without copies better? */
static bool is_better(struct thread *without, struct thread *with)
{
    return length_of(without) < length_of(with) &&
           (with->f->small || tests_of(without) <= tests_of(with) + ORDER_ALL / WORTH_IT);
}

/* Makes @f what was found with copies, or what it is without if that is better. */
static int install_better(struct ir_func *f, struct thread *with)
{
    struct thread without = {.f = f};
    int err = thread_find(&without, f, 0);

    if (err == WEIR_OK) {
        struct thread *best = is_better(&without, with) ? &without : with;
        if (with->failed || without.failed || !thread_install(best))
            err = WEIR_E_MEMORY;
    }
    thread_release(&without);
    return err;
}

/* Threads @f once. *@phis: there were PHIs. */
static int thread(struct ir_func *f, bool *phis)
{
    struct thread t = {.f = f};
    const uint32_t copies = copies_for_speed(f);
    int err = thread_find(&t, f, copies);

    if (err == WEIR_OK && t.extra < copies && (f->small || length_of(&t) < LONG))
        err = install_better(f, &t);
    else if (err == WEIR_OK && !thread_install(&t))
        err = WEIR_E_MEMORY;
    *phis = t.join && t.found;
    thread_release(&t);
    return err;
}

int pass_thread(struct ir_func *f)
{
    bool phis = false;
    int err = is_return(f->entry) ? WEIR_OK : thread(f, &phis);

    return err == WEIR_OK && phis ? thread(f, &phis) : err;
}

int opt_accepts(struct ir_func *f, bool *out)
{
    struct thread t = {.one_is_enough = true};
    int err = thread_find(&t, f, copies_for_speed(f));

    *out = t.accepts;
    thread_release(&t);
    return err;
}
