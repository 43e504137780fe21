/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_states.c - blocks with what is known on entering them, and where they lead.
 */
#include <string.h>
#include "base/sort.h"
#include "opt/thread.h"

#define ROW_MAX    16u /* steps along tests of one value */
#define FEW_PIECES 8u  /* pieces that are sorted where they are */

static uint32_t set_of(struct thread *t, uint32_t first, uint32_t n, ir_value v)
{
    uint32_t value = t->tracked[v], set = 0;

    for (uint32_t i = 0; value && i < n && set == 0; i++)
        if (t->fact.at[first + i].value == value - 1)
            set = t->fact.at[first + i].set;
    return n && t->kin && t->kin[v] ? thread_narrowed(t, first, n, v, set) : set;
}

uint32_t thread_known(struct thread *t, const struct state *s, ir_value v)
{
    return v == IR_NONE ? 0 : set_of(t, s->fact, s->facts, v);
}

/* Of the state of @block and the last @n of t->fact, where that is not the block without facts. */
static uint32_t state_hash_of(const struct thread *t, uint32_t block, uint32_t via, uint32_t n)
{
    uint32_t h = mix(mix(0, block), via); /* an edge often comes from the block just before */

    for (uint32_t i = t->fact.n - n; i < t->fact.n; i++)
        h = mix(mix(h, t->fact.at[i].value), t->fact.at[i].set);
    return h;
}

/* That state, whose hash is @hash, or IR_NONE. */
static uint32_t state_find(const struct thread *t, uint32_t block, uint32_t via, uint32_t n, uint32_t hash)
{
    if (via == IR_NONE && n == 0)
        return t->target[block].plain - 1;
    for (const struct slot *i = table_first(&t->state_table, hash); i->entry;
         i = table_next(&t->state_table, i)) {
        const struct state *o = &t->state.at[i->entry - 1];
        if (i->hash == hash && o->block == block && o->via == via && o->facts == n &&
            (n == 0 ||
             memcmp(&t->fact.at[o->fact], &t->fact.at[t->fact.n - n], n * sizeof(struct fact)) == 0))
            return i->entry - 1;
    }
    return IR_NONE;
}

uint32_t thread_state(struct thread *t, uint32_t block, uint32_t via, uint32_t n)
{
    const bool plain = via == IR_NONE && n == 0;
    uint32_t hash = plain ? 0 : state_hash_of(t, block, via, n), found = state_find(t, block, via, n, hash);

    if (found != IR_NONE) {
        t->fact.n -= n;
        return found;
    }
    if (!vec_reserve(t->a, &t->state, 1)) {
        t->failed = true;
        return IR_REJECT;
    }
    const uint32_t id = t->state.n++;
    t->state.at[id] = (struct state){.block = block,
                                     .via = via,
                                     .fact = t->fact.n - n,
                                     .facts = n,
                                     .becomes = id,
                                     .next_here = t->here[block]};
    if (plain)
        t->target[block].plain = id + 1;
    else
        thread_table_add(t, &t->state_table, hash, id);
    t->here[block] = id + 1;
    t->budget -= t->budget ? 1 : 0;
    return id;
}

/* Tests of one value in a row: an OR of numbers in the order of the text. */
struct row {
    const struct thread *t;
    const struct ir_block *b; /* the one being looked at */
    uint32_t end, left;       /* where all numbers lead; how many steps may still be taken */
    bool any;
};

/* Do the numbers from @lo to @hi, which lead to case @which, lead to the end of the row? */
static bool in_row(void *user, uint32_t lo, uint32_t hi, uint32_t which)
{
    struct row *r = user;
    const struct ir_block *b = r->b;
    const uint32_t target = b->to.at[which].target;
    const struct ir_block *next = is_return(target) ? NULL : &r->t->f->block.at[target];

    if (r->left == 0)
        return false;
    r->left--;
    if (next && next->on == b->on && next->phi.n == 0 && !ir_returns(next)) {
        r->b = next;
        bool ends = thread_overlaps(next, &(struct set){&(struct ir_range){lo, hi}, 1}, in_row, r);
        r->b = b;
        return ends;
    }
    if (r->any)
        return r->end == target;
    r->any = true;
    r->end = target;
    return true;
}

/* The same of @b and the tests of its value that follow it, when none of them is decided alone. */
static bool row_decided(const struct thread *t, const struct ir_block *b, uint32_t known,
                        struct thread_target *one)
{
    struct row r = {.t = t, .b = b, .left = ROW_MAX};

    if (t->set.at[known].n > ROW_MAX || !thread_overlaps(b, &t->set.at[known], in_row, &r))
        return false;
    one->target = r.end;
    return true;
}

/* Does @known decide the test of @b? Where both are long it is asked for again and again, as one set comes by
 * many ways. */
static bool set_decides(const struct thread *t, const struct ir_block *b, uint32_t known,
                        struct thread_target *one)
{
    const struct set *set = &t->set.at[known];
    struct target *target = &t->target[b - t->f->block.at];

    if (set->n <= MANY_PIECES || b->to.n <= MANY_PIECES)
        return thread_is_decided(b, set, one);
    if (target->memo.set != known) {
        target->memo.set = known;
        target->memo.decided = thread_is_decided(b, set, one);
        target->memo.leads = one->target;
    }
    one->target = target->memo.leads;
    return target->memo.decided;
}

/* Is the test of @b decided by the @n facts from @first on, or is it none? Then to where, in @one. */
static bool test_decided(struct thread *t, const struct ir_block *b, uint32_t first, uint32_t n,
                         struct thread_target *one)
{
    if (ir_returns(b))
        return false;
    uint32_t known = b->on == IR_NONE ? 0 : set_of(t, first, n, b->on);

    *one = (struct thread_target){.b = b, .target = b->to.at[0].target};
    return known ? set_decides(t, b, known, one) || row_decided(t, b, known, one) : b->to.n == 1;
}

/*
 * Where the last @n facts lead from @block, which has PHIs, whatever is on the way: a return, or the last
 * block without PHIs that does without those passed by. @block: nowhere.
 */
static uint32_t foreseen(struct thread *t, uint32_t block, uint32_t n)
{
    struct thread_target one;
    uint64_t passed = 0;
    uint32_t at = block;

    while (!is_return(at) && t->budget && test_decided(t, &t->f->block.at[at], t->fact.n - n, n, &one)) {
        passed |= t->f->block.at[at].phi.n ? opt_phi_bit(at) : 0;
        at = one.target;
        t->budget--;
        if (is_return(at) || (t->f->block.at[at].phi.n == 0 && !(t->target[at].phis & passed)))
            block = at;
    }
    return block;
}

uint32_t thread_resolve(struct thread *t, uint32_t from, uint32_t block, uint32_t n)
{
    for (;;) {
        if (is_return(block)) {
            t->fact.n -= n;
            return block;
        }
        const struct ir_block *b = &t->f->block.at[block];
        if (t->hopeless && b->on != IR_NONE && t->hopeless[b->on]) {
            t->fact.n -= n;
            return IR_REJECT;
        }
        uint32_t kept = 0, first = t->fact.n - n;
        for (uint32_t i = 0; i < n; i++) /* only what is tested from here on */
            if (t->budget && t->target[block].relevant >> t->fact.at[first + i].value & 1)
                t->fact.at[first + kept++] = t->fact.at[first + i];
        t->fact.n = first + kept;
        n = kept;

        if (b->phi.n && from != IR_NONE) {
            const uint32_t end = foreseen(t, block, n);
            if (end != block) {
                block = end;
                continue;
            }
            thread_join_enter(t, block, n);
            return thread_state(t, block, from, 0);
        }
        struct thread_target one;
        if (!b->phi.n && test_decided(t, b, first, n, &one)) {
            from = block;
            block = one.target;
            t->budget -= t->budget ? 1 : 0;
            continue;
        }
        return thread_state(t, block, IR_NONE, n);
    }
}

/* Copies the facts of @s behind the others, with those about @v replaced by @set (0: unchanged). */
static uint32_t push_facts(struct thread *t, uint32_t state, ir_value v, uint32_t set)
{
    const struct state *s = &t->state.at[state];
    uint32_t value = v == IR_NONE ? 0 : t->tracked[v], n = 0;
    bool done = value == 0 || set == 0;

    if (done && s->facts == 0)
        return 0;
    if (!vec_reserve(t->a, &t->fact, s->facts + 1)) {
        t->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < s->facts; i++) {
        struct fact fact = t->fact.at[s->fact + i];
        if (!done && fact.value >= value - 1) {
            t->fact.at[t->fact.n++] = (struct fact){value - 1, set};
            n++;
            done = true;
            if (fact.value == value - 1)
                continue;
        }
        t->fact.at[t->fact.n++] = fact;
        n++;
    }
    if (!done) {
        t->fact.at[t->fact.n++] = (struct fact){value - 1, set};
        n++;
    }
    return n;
}

static struct target *target_of(struct thread *t, uint32_t target)
{
    return &t->target[!is_return(target) ? target : t->f->block.n + (target == IR_REJECT)];
}

/* The child that leads to @target is @child, for the state being expanded. */
static void note(struct thread *t, uint32_t target, uint32_t child)
{
    struct target *to = target_of(t, target);

    to->stamp = t->stamp;
    to->child = child;
}

static void sort_many(struct thread *t)
{
    uint32_t n = t->piece.n;
    struct arena_mark mark = arena_mark(t->a);
    struct sort_key *key = arena_array(t->a, struct sort_key, 2 * (size_t)n);
    struct piece *read = arena_array(t->a, struct piece, n);

    if (!key || !read) {
        t->failed = true;
        return;
    }
    memcpy(read, t->piece.at, n * sizeof *read);
    for (uint32_t i = 0; i < n; i++)
        key[i] = (struct sort_key){read[i].target, i};
    const struct sort_key *sorted = sort_keys(key, key + n, n);
    for (uint32_t i = 0; i < n; i++)
        t->piece.at[i] = read[sorted[i].index];
    arena_rewind(t->a, mark);
}

/* Pieces with one target together, in order. They were found in order; most switches have two or three. */
static void sort_pieces(struct thread *t)
{
    struct piece *p = t->piece.at;
    uint32_t n = t->piece.n;

    if (n > FEW_PIECES) {
        sort_many(t);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        struct piece one = p[i];
        uint32_t at = i;
        for (; at > 0 && p[at - 1].target > one.target; at--)
            p[at] = p[at - 1];
        p[at] = one;
    }
}

static bool collect(void *user, uint32_t lo, uint32_t hi, uint32_t which)
{
    struct thread *t = user;

    if (!vec_push(t->a, &t->piece, ((struct piece){t->switched->to.at[which].target, {lo, hi}})))
        t->failed = true;
    return true;
}

/* The set of the pieces from @first on that lead to one target; *@next is behind them. */
static uint32_t set_of_pieces(struct thread *t, uint32_t first, uint32_t next)
{
    t->scratch.n = 0;
    for (uint32_t i = first; i < next; i++) {
        const struct ir_range in = t->piece.at[i].in;
        if (t->scratch.n && t->scratch.at[t->scratch.n - 1].hi + 1 == in.lo)
            t->scratch.at[t->scratch.n - 1].hi = in.hi;
        else if (!vec_push(t->a, &t->scratch, in))
            t->failed = true;
    }
    return t->failed ? 0 : thread_set_intern(t, t->scratch.at, t->scratch.n);
}

/* Is anything about @v asked again behind @target? */
static bool asked_again(const struct thread *t, uint32_t target, ir_value v)
{
    return !is_return(target) && t->tracked[v] && t->target[target].relevant >> (t->tracked[v] - 1) & 1;
}

/* The same as resolve_tracked() where nothing is asked about the value again, so that it takes no sets. */
static void resolve_last(struct thread *t, uint32_t id, const struct ir_block *b, const struct set *known)
{
    const uint32_t block = t->state.at[id].block;
    uint32_t lo = 0;

    t->stamp++;
    for (uint32_t c = 0; c < b->to.n && !t->failed; lo = b->to.at[c++].last + 1) {
        uint32_t target = b->to.at[c].target;
        if (target_of(t, target)->stamp != t->stamp &&
            ir_ranges_meet(known->at, known->n, lo, b->to.at[c].last))
            note(t, target, thread_resolve(t, block, target, push_facts(t, id, IR_NONE, 0)));
    }
}

/* Should what is known about the value of @b, in many pieces, be compared case by case? What is left of it is
 * not needed then. */
static bool is_last_of_many(const struct thread *t, const struct ir_block *b, const struct set *known)
{
    bool last = known->n > MANY_PIECES && known->n > b->to.n;

    for (uint32_t c = 0; c < b->to.n && last && t->budget; c++) /* without budget no set is kept */
        last = !asked_again(t, b->to.at[c].target, b->on);
    return last;
}

/*
 * What is known of the value of @b, the set @known of many pieces, where it leads to the target of case
 * @first; 0 where nothing asks about it again. What the few cases leave out of many pieces is not worth a set
 * of its own: what was known holds there as well.
 */
static uint32_t set_of_few(struct thread *t, const struct ir_block *b, uint32_t first, uint32_t known)
{
    const struct set s = t->set.at[known];
    const uint32_t target = b->to.at[first].target;

    if (!asked_again(t, target, b->on))
        return 0;
    t->scratch.n = 0;
    for (uint32_t c = first; c < b->to.n; c++) {
        const struct ir_range in = {c ? b->to.at[c - 1].last + 1 : 0, b->to.at[c].last};
        if (b->to.at[c].target != target)
            continue;
        for (uint32_t i = ir_ranges_find(s.at, s.n, in.lo); i < s.n && s.at[i].lo <= in.hi; i++) {
            struct ir_range r = {s.at[i].lo > in.lo ? s.at[i].lo : in.lo,
                                 s.at[i].hi < in.hi ? s.at[i].hi : in.hi};
            if (t->scratch.n == MANY_PIECES)
                return known;
            if (t->scratch.n && t->scratch.at[t->scratch.n - 1].hi + 1 == r.lo)
                t->scratch.at[t->scratch.n - 1].hi = r.hi;
            else if (!vec_push(t->a, &t->scratch, r))
                t->failed = true;
        }
    }
    return t->failed ? 0 : thread_set_intern(t, t->scratch.at, t->scratch.n);
}

/* The same as resolve_tracked() for few cases and many known pieces. */
static void resolve_few(struct thread *t, uint32_t id, const struct ir_block *b, uint32_t known)
{
    const uint32_t block = t->state.at[id].block;
    uint32_t lo = 0;

    t->stamp++;
    for (uint32_t c = 0; c < b->to.n && !t->failed; lo = b->to.at[c++].last + 1) {
        uint32_t target = b->to.at[c].target;
        if (target_of(t, target)->stamp == t->stamp ||
            !ir_ranges_meet(t->set.at[known].at, t->set.at[known].n, lo, b->to.at[c].last))
            continue;
        uint32_t set = set_of_few(t, b, c, known);
        note(t, target, thread_resolve(t, block, target, push_facts(t, id, b->on, set)));
    }
}

/* Notes the child of each target that @b can lead to, given what is known of its value. */
static void resolve_tracked(struct thread *t, uint32_t id, const struct ir_block *b)
{
    const uint32_t block = t->state.at[id].block;
    uint32_t known = set_of(t, t->state.at[id].fact, t->state.at[id].facts, b->on);

    if (is_last_of_many(t, b, &t->set.at[known])) {
        resolve_last(t, id, b, &t->set.at[known]);
        return;
    }
    if (t->set.at[known].n > MANY_PIECES && b->to.n < LONG_CASES) {
        resolve_few(t, id, b, known);
        return;
    }
    t->piece.n = 0;
    t->switched = b;
    thread_overlaps(b, &t->set.at[known], collect, t);
    sort_pieces(t); /* those with one target together */
    t->stamp++;
    for (uint32_t i = 0, next; i < t->piece.n && !t->failed; i = next) {
        uint32_t target = t->piece.at[i].target;
        for (next = i; next < t->piece.n && t->piece.at[next].target == target; next++)
            ;
        uint32_t set = asked_again(t, target, b->on) ? set_of_pieces(t, i, next) : 0;
        note(t, target, thread_resolve(t, block, target, push_facts(t, id, b->on, set)));
    }
}

/* The children where nothing is ever known of the value: one for each case. */
static void expand_untracked(struct thread *t, uint32_t id, const struct ir_block *b)
{
    const uint32_t block = t->state.at[id].block;

    t->stamp++;
    for (uint32_t c = 0; c < b->to.n; c++) {
        uint32_t target = b->to.at[c].target, child = target;
        if (!is_return(target)) {
            if (t->target[target].stamp != t->stamp)
                note(t, target, thread_resolve(t, block, target, push_facts(t, id, IR_NONE, 0)));
            child = t->target[target].child;
        }
        t->child.at[t->child.n++] = child;
    }
}

void thread_expand(struct thread *t, uint32_t id)
{
    const uint32_t block = t->state.at[id].block;
    const struct ir_block *b = &t->f->block.at[block];
    const bool edge = t->state.at[id].via != IR_NONE;
    const uint32_t cases = edge ? 1 : b->to.n, first = t->child.n;

    t->state.at[id].child = first;
    t->state.at[id].children = cases;
    if (!vec_reserve(t->a, &t->child, cases)) {
        t->failed = true;
        return;
    }
    if (edge) { /* the block itself, entered with what all edges have proved */
        const struct join j = t->join[block];
        if (!vec_reserve(t->a, &t->fact, j.facts)) {
            t->failed = true;
            return;
        }
        for (uint32_t i = 0; i < j.facts; i++)
            t->fact.at[t->fact.n++] = t->fact.at[j.fact + i];
        uint32_t child = thread_state(t, block, IR_NONE, j.facts);
        t->child.at[t->child.n++] = child;
        return;
    }
    if (b->on == IR_NONE || !t->tracked[b->on] || ir_returns(b)) {
        expand_untracked(t, id, b);
        return;
    }
    resolve_tracked(t, id, b);
    const uint32_t set = thread_known(t, &t->state.at[id], b->on);
    const struct set known = t->set.at[set];
    for (uint32_t c = 0, lo = 0; c < cases; lo = b->to.at[c++].last + 1) {
        const struct target *to = target_of(t, b->to.at[c].target);
        bool possible = to->stamp == t->stamp &&
                        (cases >= LONG_CASES || ir_ranges_meet(known.at, known.n, lo, b->to.at[c].last));
        t->child.at[t->child.n++] = possible ? to->child : CHILD_IMPOSSIBLE;
    }
}
