/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/entries.c - the sets of many entries: which are equal, and are the others apart?
 *
 * Equal ones are found by hashing, in linear time; whether the others are apart, by sorting their intervals.
 */
#include "base/sort.h"
#include "lower/factor.h"

static uint32_t set_hash(struct set s)
{
    uint32_t h = s.n;

    for (uint32_t i = 0; i < s.n; i++) {
        h = (h ^ s.at[i].lo) * 0x9e3779b1u;
        h = (h ^ h >> 15 ^ s.at[i].hi) * 0x85ebca6bu;
    }
    return h ^ h >> 13;
}

struct piece *factor_pieces(struct normal_form *x, const struct entry *e, const uint32_t *number, uint32_t n,
                            uint32_t *count)
{
    uint32_t total = 0, m = 0;

    for (uint32_t i = 0; i < n; i++)
        total += number && number[i] != i ? 0 : e[i].set.n;
    struct piece *p = arena_array(x->w, struct piece, total ? total : 1);
    struct arena_mark mark = arena_mark(x->w);
    struct piece *read = arena_array(x->w, struct piece, total ? total : 1);
    struct sort_key *key = arena_array(x->w, struct sort_key, 2 * (size_t)total + 1);
    if (!p || !read || !key) {
        x->failed = true;
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < (number && number[i] != i ? 0 : e[i].set.n); k++, m++) {
            read[m] = (struct piece){e[i].set.at[k], i};
            key[m] = (struct sort_key){e[i].set.at[k].lo, m};
        }
    const struct sort_key *sorted = sort_keys(key, key + m, m);
    for (uint32_t i = 0; i < m; i++)
        p[i] = read[sorted[i].index];
    arena_rewind(x->w, mark);
    *count = m;
    return p;
}

uint32_t *factor_number_sets(struct normal_form *x, const struct entry *e, uint32_t n)
{
    uint32_t size = 16, *number = arena_array(x->w, uint32_t, n);

    while (size < 2 * n)
        size *= 2;
    uint32_t *table = arena_array(x->w, uint32_t, size);
    if (!table || !number) {
        x->failed = true;
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t h = set_hash(e[i].set) & (size - 1);
        while (table[h] && !set_equal(e[table[h] - 1].set, e[i].set))
            h = (h + 1) & (size - 1);
        if (!table[h])
            table[h] = i + 1;
        number[i] = table[h] - 1;
    }
    return number;
}

bool factor_sets_apart(struct normal_form *x, const struct entry *e, const uint32_t *number, uint32_t n)
{
    struct arena_mark mark = arena_mark(x->w);
    uint32_t m = 0;
    const struct piece *p = factor_pieces(x, e, number, n, &m);
    bool apart = p != NULL;

    for (uint32_t i = 1; i < m && apart; i++)
        apart = p[i].in.lo > p[i - 1].in.hi;
    arena_rewind(x->w, mark);
    return apart;
}
