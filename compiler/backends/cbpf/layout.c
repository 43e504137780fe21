/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/layout.c - positions: where instructions end up and how jumps reach them.
 *
 * Conditional jumps reach 255 instructions forward. Instructions are placed from the end backwards, so
 * every target is known when a jump is placed, and a jump that cannot reach its target gets a trampoline
 * directly behind it: `ja`, or a copy of the return. Nothing falls through a conditional jump, so a
 * trampoline there is in nobody's way; later jumps share it while they reach it. One pass, no restarts.
 *
 * A run is what lies between two jumps, the second included. A run that equals one that is already placed,
 * jumps to the same places and is near is not placed again: jumps to it go there. As targets come first,
 * equal trees of tests melt from their leaves up. Of two ways to one place that end alike, one ends in the
 * other.
 */
#include "backends/cbpf/emit.h"
#include <assert.h>
#include <string.h>

#define REACH       255u
#define RUN_MAX     8u /* longer runs are not compared */
#define BUCKET      4u
#define BUCKETS_MAX 4096u /* enough for the runs that are near */
#define NEAR        160u  /* ... nor are those further away: their users would need trampolines */

struct layout {
    struct cb_emit *e;
    VEC(struct weir_cbpf_insn) reversed; /* index: distance from the end */
    uint32_t *at;   /* by instruction, then by return: its place, once placed; for GOTO, that of its target */
    uint32_t *near; /* ... place of the latest trampoline to it, or NONE */
    bool near_returns;
    uint32_t *run; /* hash table: places of first instructions of runs, plus one, or 0; the latest first */
    uint32_t run_mask; /* of buckets */
};

/* Returns as indices behind those of the instructions. */
static uint32_t index_of(const struct cb_emit *e, uint32_t to)
{
    return to >= TO_RETURN ? e->code.n + (TO_REJECT - to) : to;
}

/* The index of the instruction or return a jump target stands for. */
static uint32_t resolve(const struct cb_emit *e, uint32_t to)
{
    return index_of(e, cb_target(e, to));
}

static uint32_t place_put(struct layout *l, struct weir_cbpf_insn in)
{
    if (l->reversed.n >= l->e->limit) {
        cb_fail(l->e, WEIR_E_LIMIT);
        return 0;
    }
    if (!vec_reserve(l->e->arena, &l->reversed, 1)) {
        cb_fail(l->e, WEIR_E_MEMORY);
        return 0;
    }
    l->reversed.at[l->reversed.n] = in;
    return l->reversed.n++;
}

/* Return @number, as a jump target has it. */
static struct weir_cbpf_insn return_insn(const struct layout *l, uint32_t number)
{
    if (number >= RETURNS)
        return l->e->ret.at[number - RETURNS];
    return (struct weir_cbpf_insn){CB_RET_K, 0, 0, number == TO_REJECT - TO_ACCEPT ? l->e->f->accept : 0};
}

/* Whether a jump placed next reaches place @p. */
static bool reaches(const struct layout *l, uint32_t p)
{
    return p != NONE && l->reversed.n - p - 1 <= REACH;
}

/* The place a conditional jump placed next can go to for @to, or NONE. */
static uint32_t reachable(struct layout *l, uint32_t to)
{
    if (reaches(l, l->at[to]))
        return l->at[to];
    return reaches(l, l->near[to]) ? l->near[to] : NONE;
}

static void put_trampoline(struct layout *l, uint32_t to)
{
    uint32_t returns = l->e->code.n;
    struct weir_cbpf_insn in = {CB_JMP | CB_JA, 0, 0, l->reversed.n - l->at[to] - 1};

    if (to >= returns && l->near_returns)
        in = return_insn(l, to - returns);
    l->near[to] = place_put(l, in);
}

/* Places the branch @i to @yes and @no. */
static void place_branch(struct layout *l, uint32_t i, uint32_t yes, uint32_t no)
{
    const struct cb_insn *in = &l->e->code.at[i];
    uint32_t at_yes, at_no;

    if (yes == no) { /* cases that ended up together */
        l->at[i] = l->at[yes];
        if (l->at[i] != l->reversed.n - 1) {
            put_trampoline(l, yes);
            l->at[i] = l->reversed.n - 1;
        }
        return;
    }
    for (;;) {
        at_yes = reachable(l, yes);
        at_no = reachable(l, no);
        if ((at_yes != NONE && at_no != NONE) || l->e->status)
            break;
        put_trampoline(l, at_yes == NONE ? yes : no);
    }
    if (l->e->status)
        return;
    uint32_t here = l->reversed.n;
    l->at[i] = place_put(l, (struct weir_cbpf_insn){in->code, (uint8_t)(here - at_yes - 1),
                                                    (uint8_t)(here - at_no - 1), in->k});
}

/* Does control run from the instruction before @i into @i? */
static bool falls_into(const struct cb_emit *e, uint32_t i)
{
    return i > 0 && !cb_is_branch(&e->code.at[i - 1]) && e->code.at[i - 1].code != GOTO;
}

/* Is instruction @i, which is no jump, what was placed at @p, and is that near? */
static bool is_placed(const struct layout *l, uint32_t i, uint32_t p)
{
    const struct weir_cbpf_insn *placed = l->reversed.at;

    return p < l->reversed.n && l->reversed.n - p <= NEAR && placed[p].code == l->e->code.at[i].code &&
           placed[p].k == l->e->code.at[i].k;
}

/*
 * Places the jump @i: nothing, when what it goes to is what follows or nothing falls into it, as jumps to it
 * go there themselves. What stands in front of it, and of that place as well, is not placed again. Gives the
 * first instruction that has a place then.
 */
static uint32_t place_goto(struct layout *l, uint32_t i)
{
    uint32_t to = resolve(l->e, l->e->code.at[i].jt), p = l->at[to];

    l->at[i] = p;
    while (falls_into(l->e, i) && is_placed(l, i - 1, p + 1)) {
        to = --i;
        l->at[i] = ++p;
    }
    if (falls_into(l->e, i) && p != l->reversed.n - 1)
        put_trampoline(l, to);
    return i;
}

static uint32_t hash_word(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* Where the run that ends at branch @i starts; @i + 1 when it is too long to bother. */
static uint32_t run_start(const struct cb_emit *e, uint32_t i)
{
    uint32_t s = i;

    while (falls_into(e, s)) {
        if (i - s >= RUN_MAX)
            return i + 1;
        s--;
    }
    return s;
}

/*
 * For each instruction of the run @start .. @i, a branch to @yes and @no, a hash of what is left of the run
 * from there, the whole run's last.
 */
static void run_hash(const struct layout *l, uint32_t start, uint32_t i, uint32_t yes, uint32_t no,
                     uint32_t hash[RUN_MAX + 1])
{
    uint32_t h = hash_word(hash_word(0, yes), no);

    for (uint32_t j = i + 1; j-- > start;) {
        const struct cb_insn *in = &l->e->code.at[j];
        hash[i - j] = h = hash_word(hash_word(h, in->code), in->k);
    }
}

/* Where runs with this hash are remembered. */
static uint32_t *run_bucket(const struct layout *l, uint32_t hash)
{
    return &l->run[(hash & l->run_mask) * BUCKET];
}

/* Is what was placed from @p on the same as instructions @from .. @i, with the same targets? */
static bool run_equal(const struct layout *l, uint32_t p, uint32_t from, uint32_t i, uint32_t yes,
                      uint32_t no)
{
    const struct weir_cbpf_insn *placed = l->reversed.at;

    if (l->reversed.n - p > NEAR || p < i - from)
        return false;
    for (uint32_t j = from; j <= i; j++)
        if (placed[p - (j - from)].code != l->e->code.at[j].code ||
            placed[p - (j - from)].k != l->e->code.at[j].k)
            return false;
    uint32_t end = p - (i - from);
    uint32_t at_yes = end - 1 - placed[end].jt, at_no = end - 1 - placed[end].jf;
    return at_yes == yes && at_no == no;
}

/* Uses a placed run instead of the one that ends at branch @i. */
static bool run_reuse(struct layout *l, uint32_t i, uint32_t start, uint32_t yes, uint32_t no, uint32_t hash)
{
    const uint32_t *bucket = run_bucket(l, hash);

    for (uint32_t n = 0; n < BUCKET && bucket[n] && start > 0; n++) {
        if (!run_equal(l, bucket[n] - 1, start, i, yes, no))
            continue;
        for (uint32_t j = start; j <= i; j++)
            l->at[j] = bucket[n] - 1 - (j - start);
        return true;
    }
    return false;
}

static void run_remember(struct layout *l, uint32_t start, uint32_t hash)
{
    uint32_t *bucket = run_bucket(l, hash);

    for (uint32_t n = BUCKET - 1; n > 0; n--)
        bucket[n] = bucket[n - 1];
    bucket[0] = l->at[start] + 1;
}

/* Places the run that ends at branch @i, or finds it; gives its first instruction. */
static uint32_t place_run(struct layout *l, uint32_t i)
{
    struct cb_emit *e = l->e;
    uint32_t start = run_start(e, i);
    uint32_t to_yes = resolve(e, e->code.at[i].jt), to_no = resolve(e, e->code.at[i].jf);
    uint32_t yes = l->at[to_yes], no = l->at[to_no];

    uint32_t hash[RUN_MAX + 1];
    bool compared = start <= i && yes != no;

    if (compared) {
        run_hash(l, start, i, yes, no, hash);
        if (run_reuse(l, i, start, yes, no, hash[i - start]))
            return start;
    }
    place_branch(l, i, to_yes, to_no);
    if (!compared || e->status)
        return i;
    for (uint32_t j = i; j > start; j--)
        l->at[j - 1] =
            place_put(l, (struct weir_cbpf_insn){e->code.at[j - 1].code, 0, 0, e->code.at[j - 1].k});
    for (uint32_t j = start; j <= i && !e->status; j++) /* runs may be entered anywhere */
        run_remember(l, j, hash[i - j]);
    return start;
}

static void place_all(struct layout *l)
{
    struct cb_emit *e = l->e;

    for (uint32_t i = e->code.n; i-- > 0 && !e->status;) {
        const struct cb_insn *in = &e->code.at[i];
        if (in->code == GOTO)
            i = place_goto(l, i);
        else if (cb_is_branch(in))
            i = place_run(l, i);
        else
            l->at[i] = place_put(l, (struct weir_cbpf_insn){in->code, 0, 0, in->k});
    }
}

/* The program starts at instruction or return @start. */
static void place_start(struct layout *l, uint32_t start)
{
    uint32_t to = index_of(l->e, start);

    if (l->at[to] != l->reversed.n - 1)
        put_trampoline(l, to);
}

/* Notes that something goes to return @to; gives how many of those are left to be found. */
static uint32_t return_used(struct layout *l, uint32_t to, uint32_t left)
{
    uint32_t *at = &l->at[index_of(l->e, to)];
    bool found = *at != NONE;

    *at = 0; /* its place is not yet known */
    return left - !found;
}

/* Places the returns that are gone to at all. */
static void place_returns(struct layout *l, uint32_t start)
{
    struct cb_emit *e = l->e;
    uint32_t returns = RETURNS + e->ret.n, left = returns;

    if (start >= TO_RETURN)
        left = return_used(l, start, left);
    for (uint32_t i = 0; i < e->code.n && left; i++) {
        const struct cb_insn *in = &e->code.at[i]; /* what does not jump goes to 0 */
        if (in->jt >= TO_RETURN)
            left = return_used(l, in->jt, left);
        if (in->jf >= TO_RETURN)
            left = return_used(l, in->jf, left);
    }
    for (uint32_t i = 0; i < returns; i++)
        if (l->at[e->code.n + i] != NONE)
            l->at[e->code.n + i] = place_put(l, return_insn(l, i));
}

void cb_layout(struct cb_emit *e, uint32_t start, bool near_returns, struct cbpf_code *out)
{
    struct layout l = {.e = e, .near_returns = near_returns};
    const uint32_t n = e->code.n + RETURNS + e->ret.n;

    if (e->status)
        return;
    l.at = arena_array(e->arena, uint32_t, 2 * (size_t)n);
    for (l.run_mask = 15; l.run_mask < e->code.n && l.run_mask < BUCKETS_MAX - 1;
         l.run_mask = 2 * l.run_mask + 1)
        ;
    l.run = arena_array(e->arena, uint32_t, (l.run_mask + (size_t)1) * BUCKET);
    if (!l.at || !l.run || !vec_reserve(e->arena, &l.reversed, n)) {
        cb_fail(e, WEIR_E_MEMORY);
        return;
    }
    l.near = l.at + n;
    memset(l.at, 0xff, 2 * n * sizeof *l.at); /* NONE, in both */
    place_returns(&l, start);
    place_all(&l);
    if (!e->status)
        place_start(&l, start);
    if (e->status)
        return;
    for (uint32_t i = 0, k = l.reversed.n; i < --k; i++) {
        struct weir_cbpf_insn in = l.reversed.at[i];
        l.reversed.at[i] = l.reversed.at[k];
        l.reversed.at[k] = in;
    }
    out->insn.at = l.reversed.at;
    out->insn.n = l.reversed.n;
    out->insn.cap = l.reversed.cap;
}
