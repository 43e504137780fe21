/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_sets.c - sets of numbers, each kept once, and the tables in which such things are found.
 */
#include "opt/thread.h"
#include <string.h>

#define TABLE_FIRST 32 /* slots of a new table */

struct table thread_table_empty(struct thread *t)
{
    return (struct table){&t->no_slot, 1, 0};
}

static void table_put(struct table *table, uint32_t hash, uint32_t entry)
{
    const struct slot *s = table_first(table, hash);

    while (s->entry)
        s = table_next(table, s);
    table->at[s - table->at] = (struct slot){hash, entry};
    table->n++;
}

static bool table_grow(struct thread *t, struct table *table)
{
    struct table old = *table;
    uint32_t size = old.size == 1 ? TABLE_FIRST : 2 * old.size;
    struct slot *at = arena_array(t->a, struct slot, size);

    if (!at)
        return false;
    *table = (struct table){at, size, 0};
    for (uint32_t i = 0; i < old.size; i++)
        if (old.at[i].entry)
            table_put(table, old.at[i].hash, old.at[i].entry);
    return true;
}

void thread_table_add(struct thread *t, struct table *table, uint32_t hash, uint32_t index)
{
    if (table->n >= table->size / 2 && !table_grow(t, table))
        t->failed = true;
    else
        table_put(table, hash, index + 1);
}

/* ---------------------------------------------------------------- sets */

static uint32_t set_hash_of(const struct ir_range *at, uint32_t n)
{
    uint32_t h = n;

    for (uint32_t i = 0; i < n; i++)
        h = mix(mix(h, at[i].lo), at[i].hi);
    return h;
}

uint32_t thread_set_intern(struct thread *t, const struct ir_range *ranges, uint32_t n)
{
    uint32_t hash = set_hash_of(ranges, n);

    if (n == 1 && ranges->lo == 0 && ranges->hi == UINT32_MAX)
        return 0;
    for (const struct slot *i = table_first(&t->set_table, hash); i->entry;
         i = table_next(&t->set_table, i)) {
        const struct set *s = &t->set.at[i->entry - 1];
        if (i->hash == hash && s->n == n && memcmp(s->at, ranges, n * sizeof *ranges) == 0)
            return i->entry - 1;
    }
    struct ir_range *copy = arena_array(t->a, struct ir_range, n);
    if (!copy || !vec_push(t->a, &t->set, ((struct set){copy, n}))) {
        t->failed = true;
        return 0;
    }
    memcpy(copy, ranges, n * sizeof *ranges);
    t->budget -= n < t->budget ? n : t->budget;
    thread_table_add(t, &t->set_table, hash, t->set.n - 1);
    return t->set.n - 1;
}

bool thread_overlaps(const struct ir_block *b, const struct set *set,
                     bool (*each)(void *user, uint32_t lo, uint32_t hi, uint32_t which), void *user)
{
    uint32_t c = 0;

    for (uint32_t r = 0; r < set->n; r++) {
        uint32_t lo = set->at[r].lo;
        if (b->to.n - c > 8 && b->to.at[c].last < lo) { /* skip ahead in long switches */
            uint32_t from = c, to = b->to.n - 1;
            while (from < to) {
                uint32_t middle = from + (to - from) / 2;
                if (b->to.at[middle].last < lo)
                    from = middle + 1;
                else
                    to = middle;
            }
            c = from;
        }
        while (b->to.at[c].last < lo)
            c++;
        for (;;) {
            uint32_t hi = b->to.at[c].last < set->at[r].hi ? b->to.at[c].last : set->at[r].hi;
            if (!each(user, lo, hi, c))
                return false;
            if (hi == set->at[r].hi)
                break;
            lo = hi + 1;
            c++;
        }
    }
    return true;
}

static bool same_target(void *user, uint32_t lo, uint32_t hi, uint32_t which)
{
    struct thread_target *o = user;

    (void)lo;
    (void)hi;
    if (o->any && o->b->to.at[which].target != o->target)
        return false;
    o->target = o->b->to.at[which].target;
    o->any = true;
    return true;
}

bool thread_is_decided(const struct ir_block *b, const struct set *known, struct thread_target *one)
{
    uint32_t lo = 0;

    if (known->n <= MANY_PIECES || known->n <= b->to.n)
        return thread_overlaps(b, known, same_target, one);
    for (uint32_t c = 0; c < b->to.n; lo = b->to.at[c++].last + 1)
        if (ir_ranges_meet(known->at, known->n, lo, b->to.at[c].last) &&
            !same_target(one, lo, b->to.at[c].last, c))
            return false;
    return true;
}

uint32_t thread_set_union(struct thread *t, uint32_t a, uint32_t b)
{
    const struct set x = t->set.at[a], y = t->set.at[b];

    if (a == b)
        return a;
    t->scratch.n = 0;
    for (uint32_t i = 0, k = 0; i < x.n || k < y.n;) {
        struct ir_range in = k == y.n || (i < x.n && x.at[i].lo <= y.at[k].lo) ? x.at[i++] : y.at[k++];
        struct ir_range *last = t->scratch.n ? &t->scratch.at[t->scratch.n - 1] : NULL;
        if (last && (last->hi == UINT32_MAX || in.lo <= last->hi + 1))
            last->hi = in.hi > last->hi ? in.hi : last->hi;
        else if (!vec_push(t->a, &t->scratch, in))
            t->failed = true;
    }
    return t->failed ? 0 : thread_set_intern(t, t->scratch.at, t->scratch.n);
}
