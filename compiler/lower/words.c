/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/words.c - second sides of pairs that ask for addresses of several words.
 *
 * When the first word of d is that of a pair, may its further words be asked for, or has what stands behind
 * the choice, as far as it is near, to be asked first? Rests with the same near parts go on as a search
 * either way; others, as of `ip6 host A and len > N`, only where the words come first.
 *
 * Refines: see distribute_reads_words() and distribute_find_read_words(). Cost: linear in the pairs but for
 * sorting, once for each word.
 */
#include "base/sort.h"
#include "lower/distribute.h"

#define LOOKS_GROUP 8 /* pairs that are looked at, of those that ask for the same */

bool distribute_is_within(const struct distribution *d, uint32_t i, nf_reach reach)
{
    const struct nf *n = &d->x->nf.at[i];
    bool within = n->kind != NF_LEAF || reach_within(n->reach, reach);

    for (uint32_t c = n->kind == NF_LEAF ? NF_NONE : n->first; c != NF_NONE && within;
         c = d->x->nf.at[c].next)
        within = distribute_is_within(d, c, reach);
    return within;
}

uint32_t distribute_far_part(const struct distribution *d, uint32_t k)
{
    uint32_t c = rest_of(d, k);

    while (c != NF_NONE && distribute_is_within(d, c, d->passed))
        c = d->x->nf.at[c].next;
    return c;
}

/*
 * May second sides be searched for, if they ask for several words? Of a packet that passes all pairs the
 * plain program reads the other words of d where the first one is that of a pair, unless s is what all these
 * pairs ask for. Then it has come to their rests, and if the near parts of one hold, which are tested first
 * (distribute_side()), to what is far in it: that has to be behind d.
 */
bool distribute_reads_words(struct distribution *d)
{
    bool read = true;

    d->words = false;
    for (uint32_t k = 0; k < d->n && !d->words; k++)
        d->words = d->x->nf.at[d->pair[k].side[1]].kind != NF_LEAF &&
                   !distribute_is_within(d, d->pair[k].side[1], d->passed);
    for (uint32_t k = 0; k < d->n && d->words && read; k++) {
        uint32_t far = distribute_far_part(d, k);
        read = far == NF_NONE || distribute_is_within(d, d->pair[k].side[1], distribute_first_reach(d, far));
    }
    return read;
}

/* Do second sides test the same values, one after the other? */
static bool seconds_are_alike(const struct distribution *d)
{
    const struct normal_form *x = d->x;
    bool alike = true;

    for (uint32_t k = 0; k < d->n && alike; k++) {
        const struct nf *n = &x->nf.at[d->pair[k].side[1]], *first = &x->nf.at[d->pair[0].side[1]];
        alike = n->kind == d->compound && first->kind == d->compound;
        uint32_t c = alike ? n->first : NF_NONE, like = alike ? first->first : NF_NONE;
        while (c != NF_NONE && like != NF_NONE && nf_is_test(x, c) && nf_is_test(x, like) &&
               nf_test_value(x, c) == nf_test_value(x, like)) {
            c = x->nf.at[c].next;
            like = x->nf.at[like].next;
        }
        alike &= c == like;
    }
    return alike;
}

/* Pairs by what second sides ask for first. */
struct second_groups {
    uint32_t *test;                /* by pair: the test that is looked at */
    uint32_t *group;               /* by pair: equal where the tests before it are */
    struct sort_key *pair, *spare; /* sorted by group */
};

/* Sorts pairs by their keys; those with one key keep their order. */
static void sort_pairs(struct second_groups *s, uint32_t n)
{
    struct sort_key *sorted = sort_keys(s->pair, s->spare, n);

    s->spare = sorted == s->pair ? s->spare : s->pair;
    s->pair = sorted;
}

/* From here on pairs of one group ask for the same in the test that is looked at, too; then it is the next.
 */
static void split_groups(struct distribution *d, struct second_groups *s)
{
    struct normal_form *x = d->x;
    struct entry *e = arena_array(x->w, struct entry, d->n);
    uint32_t group = 0, before = 0;

    x->failed |= !e;
    for (uint32_t k = 0; e && k < d->n; k++) {
        e[k].set = nf_test_set(x, s->test[k], d->kind == NF_OR);
        s->test[k] = x->nf.at[s->test[k]].next;
    }
    const uint32_t *number = x->failed ? NULL : factor_number_sets(x, e, d->n);
    if (!number)
        return;
    for (uint32_t k = 0; k < d->n; k++)
        s->pair[k] = (struct sort_key){number[k], k};
    sort_pairs(s, d->n);
    for (uint32_t i = 0; i < d->n; i++)
        s->pair[i].key = s->group[s->pair[i].index];
    sort_pairs(s, d->n);
    for (uint32_t i = 0; i < d->n; i++) {
        const uint32_t k = s->pair[i].index;
        if (i && (s->group[k] != before || number[k] != number[s->pair[i - 1].index]))
            group++;
        before = s->group[k];
        s->group[k] = group;
    }
}

/*
 * Finds which words of their address second sides may ask for before near parts of rests. A packet that
 * passes all pairs is asked by the plain program for the words of d up to the one in which it differs from
 * that of a pair, unless s is the pair's. So of two pairs with different s and the same d up to some word,
 * one asks for that word. A packet that a second side accepts holds as many words as the others have.
 */
void distribute_find_read_words(struct distribution *d)
{
    struct normal_form *x = d->x;

    if (!d->words || !seconds_are_alike(d))
        return;
    struct second_groups s = {.test = arena_array(x->w, uint32_t, d->n),
                              .group = arena_array(x->w, uint32_t, d->n),
                              .pair = arena_array(x->w, struct sort_key, 2 * (size_t)d->n)};

    x->failed |= !s.test || !s.group || !s.pair;
    if (x->failed)
        return;
    s.spare = s.pair + d->n;
    for (uint32_t k = 0; k < d->n; k++)
        s.test[k] = x->nf.at[d->pair[k].side[1]].first;
    for (uint32_t word = 1; x->nf.at[s.test[0]].next != NF_NONE && !x->failed; word++) {
        split_groups(d, &s);
        for (uint32_t i = 0, next; i < d->n && !x->failed; i = next) {
            const uint32_t first = s.pair[i].index;
            bool read = false;
            for (next = i; next < d->n && s.group[s.pair[next].index] == s.group[first]; next++)
                read = read || (next - i < LOOKS_GROUP &&
                                factor_exclude(x, d->pair[first].side[0], d->pair[s.pair[next].index].side[0],
                                               d->kind));
            for (uint32_t m = i; m < next && read; m++)
                d->pair[s.pair[m].index].read = word;
        }
    }
}
