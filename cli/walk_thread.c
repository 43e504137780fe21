/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/walk_thread.c - what the path has decided: such tests are passed over, for fields with few distinct
 * numbers.
 */
#include <stdlib.h>
#include "walk.h"

#define CUTS_MAX    64u /* classes of a field that are followed */
#define TRACKED_MAX 64u

struct bound {
    uint32_t field, last;
};

static int bound_order(const void *a, const void *b)
{
    const struct bound *x = a, *y = b;

    return x->field != y->field ? (x->field < y->field ? -1 : 1) : x->last < y->last ? -1 : x->last > y->last;
}

/* Finds the fields with few distinct numbers, and the classes into which all tests divide them. */
void walk_find_classes(struct walk *w)
{
    LIST(struct bound) b = {0};

    w->tracked = malloc((w->field.n + 1) * sizeof *w->tracked);
    w->class_first = malloc((w->field.n + 1) * sizeof *w->class_first);
    if (!w->tracked || !w->class_first) {
        w->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < w->field.n; i++)
        w->tracked[i] = NONE;
    for (uint32_t i = 0; i < w->state.n && !stopped(w); i++) {
        const struct state *s = &w->state.at[i];
        for (uint32_t k = 0; s->field != NONE && k < s->set.n; k++) {
            const struct interval v = w->pool.at[s->set.at + k];
            pay(w, 1);
            if (v.lo)
                PUSH(w, &b, (struct bound){s->field, v.lo - 1});
            PUSH(w, &b, (struct bound){s->field, v.hi});
        }
    }
    if (!stopped(w) && b.n)
        qsort(b.at, b.n, sizeof *b.at, bound_order);
    for (uint32_t i = 0, next; i < b.n && !stopped(w); i = next) {
        uint32_t first = w->class_last.n, field = b.at[i].field;
        for (next = i; next < b.n && b.at[next].field == field; next++)
            if (w->class_last.n == first || w->class_last.at[w->class_last.n - 1] != b.at[next].last)
                PUSH(w, &w->class_last, b.at[next].last);
        if (w->class_last.n == first || w->class_last.at[w->class_last.n - 1] != UINT32_MAX)
            PUSH(w, &w->class_last, UINT32_MAX);
        if (w->class_last.n - first <= CUTS_MAX && w->tracked_n < TRACKED_MAX) {
            w->tracked[field] = w->tracked_n++;
            w->class_first[field] = first;
        } else {
            w->class_last.n = first;
        }
    }
    free(b.at);
}

static uint64_t classes_of(struct walk *w, const struct state *s)
{
    const uint32_t *last = &w->class_last.at[w->class_first[s->field]];
    uint64_t mask = 0;
    uint32_t c = 0;

    for (uint32_t k = 0; k < s->set.n; k++) {
        const struct interval v = w->pool.at[s->set.at + k];
        while (last[c] < v.lo)
            c++;
        for (;; c++) {
            mask |= UINT64_C(1) << c;
            if (last[c] >= v.hi)
                break;
        }
        pay(w, 1);
    }
    return mask;
}

static uint64_t all_classes(const struct walk *w, uint32_t field)
{
    const uint32_t *last = &w->class_last.at[w->class_first[field]];
    unsigned n = 0;

    while (last[n] != UINT32_MAX)
        n++;
    return UINT64_MAX >> (63 - n);
}

struct threading {
    uint32_t *first; /* by state: its threaded states */
};

/* The threaded state of @to with the last @n facts, which are used up. */
static ref thread_to(struct walk *w, struct threading *t, ref to, uint32_t n)
{
    uint32_t base = w->fact.n - n;

    for (;;) {
        if (to < OUTCOMES) {
            w->fact.n = base;
            return to;
        }
        const struct state *s = &w->state.at[to - OUTCOMES];
        pay(w, 1 + n);
        if (stopped(w))
            return REJECT;
        if (s->field == NONE) {
            to = s->yes;
            continue;
        }
        uint32_t kept = 0;
        for (uint32_t i = 0; i < n; i++)
            if (s->relevant >> w->fact.at[base + i].tracked & 1)
                w->fact.at[base + kept++] = w->fact.at[base + i];
        w->fact.n = base + kept;
        n = kept;
        if (w->tracked[s->field] != NONE) {
            uint64_t in = classes_of(w, s), known = 0;
            for (uint32_t i = 0; i < n; i++)
                if (w->fact.at[base + i].tracked == w->tracked[s->field])
                    known = w->fact.at[base + i].classes;
            if (known && !(known & ~in)) {
                to = s->yes;
                continue;
            }
            if (known && !(known & in)) {
                to = s->no;
                continue;
            }
        }
        break;
    }
    for (uint32_t i = t->first[to - OUTCOMES]; i != NONE; i = w->threaded.at[i].next) {
        const struct threaded *o = &w->threaded.at[i];
        pay(w, 1 + n);
        bool same = o->facts == n;
        for (uint32_t k = 0; same && k < n; k++)
            same = w->fact.at[o->fact + k].tracked == w->fact.at[base + k].tracked &&
                   w->fact.at[o->fact + k].classes == w->fact.at[base + k].classes;
        if (same) {
            w->fact.n = base;
            return i + OUTCOMES;
        }
    }
    if (!PUSH(w, &w->threaded,
              (struct threaded){.state = to - OUTCOMES,
                                .field = w->state.at[to - OUTCOMES].field,
                                .set = w->state.at[to - OUTCOMES].set,
                                .fact = base,
                                .facts = n,
                                .yes = REJECT,
                                .no = REJECT,
                                .next = t->first[to - OUTCOMES],
                                .drawn = NONE,
                                .run = {NONE, NONE}}))
        return REJECT;
    t->first[to - OUTCOMES] = w->threaded.n - 1;
    return w->threaded.n - 1 + OUTCOMES;
}

/* Copies the facts of threaded state @from, with the one about @tracked replaced; sorted by field. Returns
 * how many. */
static uint32_t push_facts(struct walk *w, uint32_t from, uint32_t tracked, uint64_t classes)
{
    const struct threaded f = w->threaded.at[from];
    uint32_t n = 0;
    bool done = tracked == NONE;

    for (uint32_t i = 0; i < f.facts; i++) {
        struct fact fact = w->fact.at[f.fact + i];
        if (!done && fact.tracked >= tracked) {
            n += PUSH(w, &w->fact, (struct fact){tracked, classes});
            done = true;
            if (fact.tracked == tracked)
                continue;
        }
        n += PUSH(w, &w->fact, fact);
    }
    if (!done)
        n += PUSH(w, &w->fact, (struct fact){tracked, classes});
    return n;
}

/*
 * Threads one program. @order lists its states, each before those it leads to. Returns the entry; threaded
 * states are made in an order of the same kind, read off @count.
 */
ref walk_thread(struct walk *w, struct program_states *p, uint32_t **order, uint32_t *count)
{
    struct threading t = {malloc((w->state.n + 1) * sizeof *t.first)};
    uint32_t states = w->state.n - p->begin, m = 0;
    uint32_t *sorted = malloc((states + 1) * sizeof *sorted);
    ref entry = REJECT;

    *order = NULL;
    *count = 0;
    if (!t.first || !sorted) {
        w->no_memory = true;
        goto out;
    }
    for (uint32_t pc = 0; pc < p->n; pc++) {
        for (uint32_t s = p->first[pc]; s != NONE; s = w->state.at[s].next)
            sorted[m++] = s;
        for (uint32_t s = p->extra[pc]; s != NONE; s = w->state.at[s].next)
            sorted[m++] = s;
    }
    for (uint32_t i = m; i-- > 0;) {
        struct state *s = &w->state.at[sorted[i]];
        t.first[sorted[i]] = NONE;
        s->relevant =
            s->field != NONE && w->tracked[s->field] != NONE ? UINT64_C(1) << w->tracked[s->field] : 0;
        if (s->yes >= OUTCOMES)
            s->relevant |= w->state.at[s->yes - OUTCOMES].relevant;
        if (s->field != NONE && s->no >= OUTCOMES)
            s->relevant |= w->state.at[s->no - OUTCOMES].relevant;
    }
    uint32_t from = w->threaded.n;
    entry = thread_to(w, &t, p->entry, 0);
    for (uint32_t i = 0; i < m && !stopped(w); i++)
        for (uint32_t k = t.first[sorted[i]]; k != NONE && !stopped(w); k = w->threaded.at[k].next) {
            const struct state s = w->state.at[sorted[i]];
            uint32_t tracked = w->tracked[s.field];
            uint64_t in = 0, known = 0;
            if (tracked != NONE) {
                in = classes_of(w, &s);
                known = all_classes(w, s.field);
                for (uint32_t f = 0; f < w->threaded.at[k].facts; f++)
                    if (w->fact.at[w->threaded.at[k].fact + f].tracked == tracked)
                        known = w->fact.at[w->threaded.at[k].fact + f].classes;
            }
            ref yes = thread_to(w, &t, s.yes, push_facts(w, k, tracked, known & in));
            ref no = thread_to(w, &t, s.no, push_facts(w, k, tracked, known & ~in));
            w->threaded.at[k].yes = yes;
            w->threaded.at[k].no = no;
            if (!stopped(w) && yes >= OUTCOMES)
                w->threaded.at[yes - OUTCOMES].before++;
            if (!stopped(w) && no >= OUTCOMES)
                w->threaded.at[no - OUTCOMES].before++;
        }
    *order = malloc((w->threaded.n - from + 1) * sizeof **order);
    if (!*order)
        w->no_memory = true;
    for (uint32_t i = 0; *order && i < m && !stopped(w); i++)
        for (uint32_t k = t.first[sorted[i]]; k != NONE; k = w->threaded.at[k].next)
            (*order)[(*count)++] = k;
out:
    free(t.first);
    free(sorted);
    return entry;
}
