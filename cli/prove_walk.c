/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/prove_walk.c - proving by decision diagrams over intervals.
 *
 * A filter compares fields of the packet with constants. Each program is executed over terms; a test becomes
 * "does this field lie in this set", a field being a term that is not taken apart further: a load, the
 * captured length, what is captured behind a variable address. The fields get an order, and each program
 * becomes a diagram that looks at them in that order, each node splitting one field's numbers into intervals,
 * equal nodes being one node (Bryant, "Graph-based algorithms for Boolean function manipulation", 1986; with
 * intervals instead of bits). The diagrams are then walked together. Fields are taken to be independent:
 * where they are, the answer is exact; where they are not, "equal" is still a proof, and a difference counts
 * only when a packet shows it.
 *
 *   walk_terms.c    what a program computes, each term once
 *   walk_tests.c    each test a field and a set of numbers
 *   walk_explore.c  states (instruction, what A, X and M hold) and the tests between them
 *   walk_thread.c   tests that the path has decided are passed over; for fields with few distinct numbers
 *   walk_draw.c     states from last to first into diagrams; a run of tests with one outcome is united field
 *                   by field before it is drawn, which keeps a list of n terms at n log n
 *   compare()       both diagrams together, to a packet
 *
 * What they share is in walk.h. Every loop pays from one purse of work; when it is empty the answer is
 * "unknown".
 */
#include <linux/filter.h>
#include <stdlib.h>
#include "walk.h"

#define WORK         400000000u /* a few seconds */
#define ATTEMPTS_MAX 200u       /* packets tried */
#define SHORT_MAX    256u

struct comparison {
    struct walk *w;
    const struct weir_cbpf_insn *p, *q;
    uint32_t np, nq;
    uint32_t *choice; /* by field: a number, valid while `chosen` */
    bool *chosen;
    uint32_t attempts;
    bool suspicious; /* some difference was found that no packet showed */
    struct prove_result *out;
};

static bool outcomes_clash(const struct comparison *c, ref p, ref q)
{
    if ((c->w->o->refines && p == FAULT) || (c->w->o->finish && (p == FAULT || q == FAULT)))
        return false;
    return c->w->outcome.at[p] != c->w->outcome.at[q];
}

static uint32_t read_packet(const struct prove_result *r, uint32_t at, uint32_t size)
{
    uint32_t v = 0;

    for (uint32_t i = 0; i < size; i++)
        v = v << 8 | (at + i < r->caplen ? r->bytes[at + i] : 0);
    return v;
}

/* What @t is on the packet so far; terms are shallow or the recursion ends with 0. */
static uint32_t evaluate(const struct walk *w, const struct prove_result *r, uint32_t t, unsigned depth)
{
    const struct term *x = &w->term.at[t];

    if (depth == 0)
        return 0;
    switch ((enum term_op)x->op) {
    case T_CONST:
        return x->k;
    case T_WIRELEN:
        return r->wirelen;
    case T_LOAD:
        return read_packet(r, (x->a == NONE ? 0 : evaluate(w, r, x->a, depth - 1)) + x->k, x->size);
    case T_OTHER:
        return evaluate(w, r, x->a, depth - 1);
    case T_ALU:
        return prove_compute(x->size, evaluate(w, r, x->a, depth - 1), evaluate(w, r, x->b, depth - 1));
    default:
        return 0;
    }
}

static void write_bytes(struct prove_result *r, uint32_t at, uint32_t size, uint32_t mask, uint32_t value)
{
    for (uint32_t i = size; i-- > 0; value >>= 8, mask >>= 8)
        if (at + i < r->caplen)
            r->bytes[at + i] = (uint8_t)((r->bytes[at + i] & ~mask) | (value & mask));
}

/* Puts the chosen number of @t where it lies. */
static void realize(const struct walk *w, struct prove_result *r, uint32_t t, uint32_t value, bool indirect)
{
    const struct term *x = &w->term.at[t];
    uint32_t mask = UINT32_MAX;

    if (x->op == T_META)
        prove_meta_set(&r->meta, x->k, value);
    if (x->op == T_ALU && x->size == BPF_AND && walk_is_const(w, x->b)) {
        mask = w->term.at[x->b].k;
        x = &w->term.at[x->a];
    }
    if (x->op == T_LOAD && (x->a != NONE) == indirect)
        write_bytes(r, (x->a == NONE ? 0 : evaluate(w, r, x->a, 20)) + x->k, x->size, mask, value);
}

/* A short packet is easier to read: the shortest beginning that shows the difference as well. */
static void shorten(const struct comparison *c, struct prove_result *r)
{
    struct prove_result shorter = *r;
    uint32_t most = r->caplen < SHORT_MAX ? r->caplen : SHORT_MAX;

    for (uint32_t n = 0; n < most; n++) {
        shorter.caplen = shorter.wirelen = n;
        if (prove_confirm(c->p, c->np, c->q, c->nq, c->w->o, &shorter)) {
            *r = shorter;
            break;
        }
    }
    prove_confirm(c->p, c->np, c->q, c->nq, c->w->o, r);
    uint8_t *fits = realloc(r->bytes, r->caplen + 1u);
    r->bytes = fits ? fits : r->bytes;
}

/* A packet with the chosen numbers. True when it shows a difference. */
static bool attempt(struct comparison *c)
{
    const struct walk *w = c->w;
    struct prove_result r = {.verdict = PROVE_DIFFER, .meta = {.size = sizeof r.meta}};
    uint32_t wirelen = 0;
    const uint32_t guess = 2048;

    if (c->attempts++ >= ATTEMPTS_MAX)
        return false;
    r.bytes = calloc(PROVE_CAPLEN_MAX + 1u, 1);
    if (!r.bytes) {
        c->w->no_memory = true;
        return false;
    }
    r.caplen = guess;
    bool exact = false;
    for (uint32_t f = 0; f < w->field.n; f++) {
        const struct term *t = &w->term.at[w->field.at[f]];
        if (!c->chosen[f])
            continue;
        if (t->op == T_CAPLEN) {
            r.caplen = c->choice[f];
            exact = true;
        } else if (t->op == T_WIRELEN) {
            wirelen = c->choice[f];
        }
    }
    for (int indirect = 0; indirect < 2; indirect++)
        for (uint32_t f = w->field.n; f-- > 0;)
            if (c->chosen[f])
                realize(w, &r, w->field.at[f], c->choice[f], indirect);
    for (uint32_t f = 0; f < w->field.n; f++) {
        const struct term *t = &w->term.at[w->field.at[f]];
        if (!c->chosen[f] || t->op != T_ROOM)
            continue;
        uint64_t end = (uint64_t)evaluate(w, &r, t->a, 20) + c->choice[f];
        if (end <= PROVE_CAPLEN_MAX && (end > r.caplen || !exact)) {
            r.caplen = (uint32_t)end;
            exact = true;
            realize(w, &r, w->field.at[f], 0, true);
        }
    }
    for (uint32_t f = w->field.n; f-- > 0;)
        if (c->chosen[f])
            realize(w, &r, w->field.at[f], c->choice[f], true);
    r.wirelen = wirelen > r.caplen ? wirelen : r.caplen;
    pay(c->w, c->np / 4 + c->nq / 4);
    if (!prove_confirm(c->p, c->np, c->q, c->nq, w->o, &r)) {
        free(r.bytes);
        return false;
    }
    shorten(c, &r);
    *c->out = r;
    return true;
}

/* True when a packet was found. Recurses once for each field. */
static bool compare(struct comparison *c, ref p, ref q)
{
    struct walk *w = c->w;
    uint32_t fp = walk_field_at(w, p), fq = walk_field_at(w, q), top = fp < fq ? fp : fq;

    if (p == q || stopped(w))
        return false;
    if (top == NONE) {
        if (!outcomes_clash(c, p, q))
            return false;
        if (attempt(c))
            return true;
        c->suspicious = true;
        return false;
    }
    ref *seen = walk_memo_find(w, p, q);
    if (!seen || *seen != NONE)
        return false;
    *seen = 0;
    uint32_t begin = 0, i = 0, k = 0;
    const uint32_t lo = w->term.at[w->field.at[top]].lo;
    c->chosen[top] = true;
    for (;;) {
        struct edge self_p, self_q;
        struct edge x = walk_edges_of(w, p, top, &self_p)[i], y = walk_edges_of(w, q, top, &self_q)[k];
        uint32_t last = x.last < y.last ? x.last : y.last;
        pay(w, 1);
        c->choice[top] = begin > lo ? begin : lo;
        if (compare(c, x.to, y.to))
            return true;
        if (last == UINT32_MAX || stopped(w))
            break;
        begin = last + 1;
        i += x.last == last;
        k += y.last == last;
    }
    c->chosen[top] = false;
    return false;
}

static void walk_release(struct walk *w)
{
    free(w->term.at);
    free(w->field.at);
    free(w->pool.at);
    free(w->term_hash);
    free(w->outcome.at);
    free(w->state.at);
    free(w->cells.at);
    free(w->scratch.at);
    free(w->other.at);
    free(w->tracked);
    free(w->class_first);
    free(w->class_last.at);
    free(w->fact.at);
    free(w->threaded.at);
    free(w->node.at);
    free(w->edge.at);
    free(w->node_hash);
    free(w->memo);
}

int prove_walk(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
               const struct prove_question *o, struct prove_result *out)
{
    struct walk w = {.o = o, .work = o->work ? o->work : WORK, .epoch = 1};
    struct program_states side[2] = {{.code = p, .n = np}, {.code = q, .n = nq}};
    struct prove_result result = {.verdict = PROVE_EQUAL};
    struct comparison c = {.w = &w, .p = p, .q = q, .np = np, .nq = nq, .out = &result};
    uint32_t *order[2] = {NULL, NULL}, count[2] = {0, 0};
    ref entry[2] = {REJECT, REJECT}, diagram[2] = {REJECT, REJECT};

    if (!prove_is_straight(p, np) || !prove_is_straight(q, nq))
        return WEIR_E_ARGUMENT;
    if (!prove_is_decided(p, np) || !prove_is_decided(q, nq))
        w.why = PROVE_UNDECIDED;
    if (o->conditions)
        w.why = "conditions are not walked";
    PUSH(&w, &w.outcome, 0); /* FAULT */
    PUSH(&w, &w.outcome, 0); /* REJECT */
    if (!stopped(&w))        /* the captured length comes first in the order */
        walk_field_of(&w, walk_term_make(&w, (struct term){.op = T_CAPLEN, .a = NONE, .b = NONE}));
    for (int i = 0; i < 2 && !stopped(&w); i++)
        walk_explore(&w, &side[i]);
    if (!stopped(&w))
        walk_find_classes(&w);
    for (int i = 0; i < 2 && !stopped(&w); i++)
        entry[i] = walk_thread(&w, &side[i], &order[i], &count[i]);
    for (int i = 0; i < 2 && !stopped(&w); i++)
        diagram[i] = walk_draw(&w, entry[i], order[i], count[i]);
    c.choice = calloc(w.field.n + 1, sizeof *c.choice);
    c.chosen = calloc(w.field.n + 1, sizeof *c.chosen);
    if (!c.choice || !c.chosen)
        w.no_memory = true;
    walk_memo_clear(&w);
    bool differ = !stopped(&w) && compare(&c, diagram[0], diagram[1]);
    if (!differ && !w.why && c.suspicious)
        w.why = "fields depend on each other";
    if (!differ && w.why) {
        result.verdict = PROVE_UNKNOWN;
        result.why = w.why;
    }
    for (int i = 0; i < 2; i++) {
        free(side[i].first);
        free(side[i].extra);
        free(side[i].live);
        free(order[i]);
    }
    free(c.choice);
    free(c.chosen);
    walk_release(&w);
    if (w.no_memory) {
        prove_release(&result);
        return WEIR_E_MEMORY;
    }
    *out = result;
    return 0;
}
