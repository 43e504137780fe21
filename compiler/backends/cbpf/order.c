/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/order.c - what a compare leads to stands behind it, in long programs.
 *
 *        jeq #1, a, b1                            jeq #1, a, b1
 *    b1: jeq #2, b, end                        a: ld [30]
 *     a: ld [30]                                  jeq #5, accept, end
 *        jeq #5, accept, end                  b1: jeq #2, b, end
 *     b: ld [30]                               b: ld [30]
 *        jeq #6, accept, end                      jeq #6, accept, end
 *
 * The compares of a search are emitted in one piece, and what they lead to behind it. In a long list that is
 * further than a conditional jump reaches, so that each compare needs one jump more. Here the pieces between
 * jumps are put in the reverse postorder in which a jump's no is visited before its yes, so that its yes
 * follows it. All jumps still lead forward. Where a number is found that is a jump less; but the halves of a
 * search are further apart, which is a jump more for whatever is searched.
 *
 * Cost: linear. What nothing leads to is left out.
 */
#include "backends/cbpf/emit.h"

/* A piece on the way from the start, and how many of the places it leads to were seen. */
struct visit {
    uint32_t piece, seen;
};

struct order {
    struct cb_emit *e;
    uint32_t *piece_of; /* by instruction */
    uint32_t *first;    /* by piece: its first instruction; one more behind the last */
    uint32_t pieces;
    uint32_t *place;    /* by instruction: its new index */
    VEC(uint32_t) done; /* pieces, each behind all that it leads to */
};

static bool jumps(const struct cb_insn *in)
{
    return in->code == GOTO || cb_is_branch(in);
}

static bool find_pieces(struct order *o)
{
    const struct cb_emit *e = o->e;
    const uint32_t n = e->code.n;

    o->piece_of = arena_array(e->arena, uint32_t, n);
    o->place = arena_array(e->arena, uint32_t, n);
    o->first = arena_array(e->arena, uint32_t, n + 1);
    if (!o->piece_of || !o->place || !o->first)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || jumps(&e->code.at[i - 1]))
            o->first[o->pieces++] = i;
        o->piece_of[i] = o->pieces - 1;
    }
    o->first[o->pieces] = n;
    return true;
}

/* The piece that is the @k-th place @piece leads to; NONE: a return, or there are not so many. */
static uint32_t leads_to(const struct order *o, uint32_t piece, uint32_t k)
{
    const struct cb_insn *in = &o->e->code.at[o->first[piece + 1] - 1];
    const bool two = in->code != GOTO;
    const uint32_t to = cb_target(o->e, two && k == 0 ? in->jf : in->jt);

    return to < o->e->code.n ? o->piece_of[to] : NONE;
}

/* Fills o->done with what can be reached from @start. */
static bool visit(struct order *o, uint32_t start)
{
    struct arena *a = o->e->arena;
    bool *seen = arena_array(a, bool, o->pieces);
    VEC(struct visit) way = {NULL, 0, 0};

    if (!seen || !vec_push(a, &way, ((struct visit){o->piece_of[start], 0})))
        return false;
    seen[o->piece_of[start]] = true;
    while (way.n) {
        struct visit *v = &way.at[way.n - 1];
        const struct cb_insn *in = &o->e->code.at[o->first[v->piece + 1] - 1];
        if (v->seen == (in->code == GOTO ? 1 : 2)) {
            if (!vec_push(a, &o->done, v->piece))
                return false;
            way.n--;
            continue;
        }
        const uint32_t to = leads_to(o, v->piece, v->seen++);
        if (to == NONE || seen[to])
            continue;
        seen[to] = true;
        if (!vec_push(a, &way, ((struct visit){to, 0})))
            return false;
    }
    return true;
}

static uint32_t new_place(const struct order *o, uint32_t to)
{
    return to < TO_EDGE && to < o->e->code.n ? o->place[to] : to;
}

/* Moves the code. */
static bool install(struct order *o)
{
    struct cb_emit *e = o->e;
    VEC(struct cb_insn) code = {NULL, 0, 0};

    if (!vec_reserve(e->arena, &code, e->code.n))
        return false;
    for (uint32_t k = o->done.n; k-- > 0;)
        for (uint32_t i = o->first[o->done.at[k]]; i < o->first[o->done.at[k] + 1]; i++) {
            o->place[i] = code.n;
            code.at[code.n++] = e->code.at[i];
        }
    for (uint32_t i = 0; i < code.n; i++) {
        if (!jumps(&code.at[i]))
            continue;
        code.at[i].jt = new_place(o, code.at[i].jt);
        code.at[i].jf = new_place(o, code.at[i].jf);
    }
    for (uint32_t i = 0; i < e->edge.n; i++)
        e->edge.at[i].entry = new_place(o, e->edge.at[i].entry);
    e->code.at = code.at;
    e->code.n = code.n;
    e->code.cap = code.cap;
    return true;
}

void cb_order(struct cb_emit *e, uint32_t *start)
{
    struct order o = {.e = e};

    if (*start >= e->code.n)
        return;
    if (!find_pieces(&o) || !visit(&o, *start) || !install(&o))
        cb_fail(e, WEIR_E_MEMORY);
    else
        *start = o.place[*start];
}
