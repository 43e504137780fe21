/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread.c - jump threading by what each path has proved.
 *
 *   b0: switch %t: 0x800 -> b1, else -> b2          b0: switch %t: 0x800 -> b1, else -> b2
 *   b1: switch %p: 6 -> accept, else -> b2          b1: switch %p: 6 -> accept, else -> reject
 *   b2: switch %t: 0x86dd -> accept, else reject    b2: switch %t: 0x86dd -> accept, else reject
 *
 * The function is rebuilt by walking it with facts: for each value, the set of intervals it can still lie in. A
 * test that the facts decide is not made; one that they do not is made with the impossible cases merged into their
 * neighbours. A block walked with the same facts about what is tested behind it is built once, and blocks that
 * turn out to do the same are one block; a test whose outcomes all lead to one place is none. A block that tests bytes
 * which no packet has rejects. A block with PHIs stays one block, entered with what all ways into it have proved; a way
 * that has proved what becomes of the packet behind it does not enter.
 *
 * Refines: on every path the tests that remain are tests of the plain program on that path, in its order, with its
 * outcomes. Loads are only lost, with the tests that needed them.
 *
 * Cost: proportional to the states built, which the budget below holds to a multiple of the blocks; past it
 * facts are no longer kept for new states, so that each block is built at most once more. One run; nothing iterates.
 */
#include <string.h>
#include "base/sort.h"
#include "opt/pass.h"

#define LONG_CASES  16u /* cases of a block that make a copy of it as dear as one more */
#define FEW_PIECES  8u  /* pieces that are sorted where they are */
#define MANY_PIECES 64u /* intervals of a set that are not gone through to find what a test makes of it */
#define COPIES_FREE 64  /* states beyond one for each block that any function may have */
#define TABLE_FIRST 32  /* slots of a new table */
#define TRACKED_MAX 64u /* values with facts; others are never tested twice, or rarely */

/* Sorted, disjoint, not adjacent; interned. Set 0 is everything. */
struct range {
    uint32_t lo, hi;
};
struct set {
    const struct range *at;
    uint32_t n;
};

struct fact {
    uint32_t value; /* index among the tracked */
    uint32_t set;
};

/* A block with what is known on entering it, or the edge of a block into one with PHIs. */
struct state {
    uint32_t block;
    uint32_t via;            /* an edge: the block it comes from; IR_NONE otherwise */
    uint32_t fact, facts;    /* slice of thread.fact */
    uint32_t child, children; /* slice of thread.child: one for each case */
    uint32_t next_child;
    uint32_t result;         /* once done: index of the built block, or a return */
    bool expanded, done;
    uint32_t next_here;      /* next state of the same block plus one, or 0; of functions with PHIs */
};

/* What all ways into a block with PHIs that were found so far have proved. */
struct join {
    uint32_t fact, facts; /* slice of thread.fact */
    bool entered;
};

/* Values of a switch that lead to one target. */
struct piece {
    uint32_t target;
    struct range in;
};

/* What is kept for each block of the function, then for accept and reject. */
struct target {
    uint64_t relevant;     /* tracked values tested from here on */
    uint32_t plain;        /* the state of the block without facts, plus one; 0: there is none */
    uint32_t stamp, child; /* the child that leads here, while the stamp is that of the state being expanded */
    bool copies;           /* there is a state of it */
};

/* Open addressing; entries are indices plus one, 0 ends a search. */
struct slot {
    uint32_t hash, entry;
};
struct table {
    struct slot *at;
    uint32_t size, n; /* the size is a power of two */
};

struct thread {
    struct ir_func *f;
    struct arena *a;        /* for the pass alone */
    const uint8_t *tests;   /* per value: how many blocks test it, up to two */
    uint32_t *tracked;      /* per value: index + 1 among the tracked, or 0 */
    struct target *target;
    bool *hopeless;         /* per value: it takes a load from where no packet has bytes; NULL: none does */
    struct join *join;      /* per block; NULL: no block has PHIs */
    uint32_t *here;         /* per block: its first state plus one, or 0; beside `join` */
    uint32_t extra;         /* further states of blocks that may be made with facts of their own */
    VEC(struct set) set;
    struct table set_table;
    VEC(struct fact) fact;
    VEC(struct state) state;
    struct table state_table;
    VEC(uint32_t) child;    /* states, returns or CHILD_IMPOSSIBLE */
    VEC(struct ir_block) built;
    VEC(uint32_t) built_of; /* per built block: its state */
    struct table built_table;
    struct slot no_slot;    /* of empty tables; stays zero */
    VEC(uint32_t) stack;
    VEC(struct range) scratch;
    VEC(struct piece) piece;
    VEC(struct ir_case) to; /* of the block being built */
    const struct ir_block *switched; /* whose pieces they are */
    uint32_t stamp;
    uint64_t budget;        /* states and set elements still allowed to carry facts */
    bool failed;
};

#define CHILD_IMPOSSIBLE 0xfffffffdu /* no value that the facts allow leads here */

/* A child that is a return is IR_ACCEPT or IR_REJECT, otherwise a state. A result likewise, or a built block. */
static bool is_return(uint32_t target)
{
    return target == IR_ACCEPT || target == IR_REJECT;
}

static uint32_t mix(uint32_t h, uint32_t x)
{
    h = (h ^ x) * 0x9e3779b1u;
    return h ^ h >> 15;
}

/* What every table is at first: a search ends at once, and what is put makes a real one. */
static struct table table_empty(struct thread *t)
{
    return (struct table){&t->no_slot, 1, 0};
}

/* The slot in which a search for @hash begins; the next one is table_next(). */
static const struct slot *table_first(const struct table *table, uint32_t hash)
{
    return &table->at[hash & (table->size - 1)];
}

static const struct slot *table_next(const struct table *table, const struct slot *s)
{
    return s + 1 == table->at + table->size ? table->at : s + 1;
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

static void table_add(struct thread *t, struct table *table, uint32_t hash, uint32_t index)
{
    if (table->n >= table->size / 2 && !table_grow(t, table))
        t->failed = true;
    else
        table_put(table, hash, index + 1);
}

/* ---------------------------------------------------------------- sets */

static uint32_t set_hash_of(const struct range *at, uint32_t n)
{
    uint32_t h = n;

    for (uint32_t i = 0; i < n; i++)
        h = mix(mix(h, at[i].lo), at[i].hi);
    return h;
}

static uint32_t set_intern(struct thread *t, const struct range *ranges, uint32_t n)
{
    uint32_t hash = set_hash_of(ranges, n);

    if (n == 1 && ranges->lo == 0 && ranges->hi == UINT32_MAX)
        return 0;
    for (const struct slot *i = table_first(&t->set_table, hash); i->entry; i = table_next(&t->set_table, i)) {
        const struct set *s = &t->set.at[i->entry - 1];
        if (i->hash == hash && s->n == n && memcmp(s->at, ranges, n * sizeof *ranges) == 0)
            return i->entry - 1;
    }
    struct range *copy = arena_array(t->a, struct range, n);
    if (!copy || !vec_push(t->a, &t->set, ((struct set){copy, n}))) {
        t->failed = true;
        return 0;
    }
    memcpy(copy, ranges, n * sizeof *ranges);
    t->budget -= n < t->budget ? n : t->budget;
    table_add(t, &t->set_table, hash, t->set.n - 1);
    return t->set.n - 1;
}

/*
 * Walks the cases of @b and the ranges of @set together: calls for each overlap. Returns false when `each` does.
 */
static bool overlaps(const struct ir_block *b, const struct set *set,
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

struct one_target {
    const struct ir_block *b;
    uint32_t target;
    bool any;
};

static bool same_target(void *user, uint32_t lo, uint32_t hi, uint32_t which)
{
    struct one_target *o = user;

    (void)lo;
    (void)hi;
    if (o->any && o->b->to.at[which].target != o->target)
        return false;
    o->target = o->b->to.at[which].target;
    o->any = true;
    return true;
}

/* Is some number from @lo to @hi in @set? */
static bool meets(const struct set *set, uint32_t lo, uint32_t hi)
{
    uint32_t from = 0, to = set->n;

    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (set->at[middle].hi < lo)
            from = middle + 1;
        else
            to = middle;
    }
    return from < set->n && set->at[from].lo <= hi;
}

/* Do all numbers of @known lead to one target of @b, which is left in @one? */
static bool is_decided(const struct ir_block *b, const struct set *known, struct one_target *one)
{
    uint32_t lo = 0;

    if (known->n <= MANY_PIECES || known->n <= b->to.n)
        return overlaps(b, known, same_target, one);
    for (uint32_t c = 0; c < b->to.n; lo = b->to.at[c++].last + 1)
        if (meets(known, lo, b->to.at[c].last) && !same_target(one, lo, b->to.at[c].last, c))
            return false;
    return true;
}

/* ---------------------------------------------------------------- states */

static uint32_t set_of(const struct thread *t, uint32_t first, uint32_t n, ir_value v)
{
    uint32_t value = t->tracked[v];

    for (uint32_t i = 0; value && i < n; i++)
        if (t->fact.at[first + i].value == value - 1)
            return t->fact.at[first + i].set;
    return 0;
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
    for (const struct slot *i = table_first(&t->state_table, hash); i->entry; i = table_next(&t->state_table, i)) {
        const struct state *o = &t->state.at[i->entry - 1];
        if (i->hash == hash && o->block == block && o->via == via && o->facts == n &&
            (n == 0 || memcmp(&t->fact.at[o->fact], &t->fact.at[t->fact.n - n], n * sizeof(struct fact)) == 0))
            return i->entry - 1;
    }
    return IR_NONE;
}

/* The state of these, made if need be. Its facts are the last @n of t->fact. */
static uint32_t state_intern(struct thread *t, uint32_t block, uint32_t via, uint32_t n)
{
    const bool plain = via == IR_NONE && n == 0;
    struct target *target = &t->target[block];
    uint32_t hash = plain ? 0 : state_hash_of(t, block, via, n), found = state_find(t, block, via, n, hash);

    if (found != IR_NONE) {
        t->fact.n -= n;
        return found;
    }
    if (!vec_reserve(t->a, &t->state, 1)) {
        t->failed = true;
        return IR_REJECT;
    }
    t->state.at[t->state.n++] = (struct state){.block = block, .via = via, .fact = t->fact.n - n, .facts = n};
    if (plain)
        target->plain = t->state.n;
    else
        table_add(t, &t->state_table, hash, t->state.n - 1);
    if (t->join) {
        t->state.at[t->state.n - 1].next_here = t->here[block];
        t->here[block] = t->state.n;
    }
    t->budget -= t->budget ? 1 : 0;
    if (target->copies) { /* one more of a block that there is already; a long one counts for several */
        uint32_t costs = 1 + t->f->block.at[block].to.n / LONG_CASES;
        t->extra -= costs < t->extra ? costs : t->extra;
    }
    target->copies = true;
    return t->state.n - 1;
}

/* Is the test of @b decided by the @n facts from @first on, or is it none? Then to where, in @one. */
static bool test_decided(const struct thread *t, const struct ir_block *b, uint32_t first, uint32_t n, struct one_target *one)
{
    uint32_t known = b->on == IR_NONE ? 0 : set_of(t, first, n, b->on);

    *one = (struct one_target){.b = b, .target = b->to.at[0].target};
    return known ? is_decided(b, &t->set.at[known], one) : b->to.n == 1;
}

/* The return that the last @n facts lead to from @block on, whatever PHIs are on the way, or the block that asks for more. */
static uint32_t foreseen(struct thread *t, uint32_t block, uint32_t n)
{
    struct one_target one;

    while (!is_return(block) && t->budget && test_decided(t, &t->f->block.at[block], t->fact.n - n, n, &one)) {
        block = one.target;
        t->budget--;
    }
    return block;
}

/* The numbers in @a or @b. */
static uint32_t set_union(struct thread *t, uint32_t a, uint32_t b)
{
    const struct set x = t->set.at[a], y = t->set.at[b];

    if (a == b)
        return a;
    t->scratch.n = 0;
    for (uint32_t i = 0, k = 0; i < x.n || k < y.n;) {
        struct range in = k == y.n || (i < x.n && x.at[i].lo <= y.at[k].lo) ? x.at[i++] : y.at[k++];
        struct range *last = t->scratch.n ? &t->scratch.at[t->scratch.n - 1] : NULL;
        if (last && (last->hi == UINT32_MAX || in.lo <= last->hi + 1))
            last->hi = in.hi > last->hi ? in.hi : last->hi;
        else if (!vec_push(t->a, &t->scratch, in))
            t->failed = true;
    }
    return t->failed ? 0 : set_intern(t, t->scratch.at, t->scratch.n);
}

/* One more way into @block, which has PHIs, has proved the last @n facts; they are used up. */
static void join_enter(struct thread *t, uint32_t block, uint32_t n)
{
    struct join *j = &t->join[block];
    uint32_t first = t->fact.n - n, kept = 0;

    if (!j->entered) { /* the facts stay where they are */
        *j = (struct join){first, n, true};
        return;
    }
    for (uint32_t i = 0; i < j->facts; i++) {
        struct fact old = t->fact.at[j->fact + i];
        for (uint32_t k = first; k < first + n; k++)
            if (t->fact.at[k].value == old.value && (old.set = set_union(t, old.set, t->fact.at[k].set)))
                t->fact.at[j->fact + kept++] = old;
    }
    j->facts = kept;
    t->fact.n = first;
}

/*
 * Where the path that leaves block @from for @block really goes: past blocks whose test is decided, to a state or a
 * return. The facts on the way are the last @n of t->fact; they are used up.
 */
static uint32_t resolve(struct thread *t, uint32_t from, uint32_t block, uint32_t n)
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
            uint32_t end = foreseen(t, block, n);
            if (is_return(end)) {
                t->fact.n -= n;
                return end;
            }
            join_enter(t, block, n);
            return state_intern(t, block, from, 0);
        }
        struct one_target one;
        if (!b->phi.n && test_decided(t, b, first, n, &one)) {
            from = block;
            block = one.target;
            t->budget -= t->budget ? 1 : 0;
            continue;
        }
        if (t->extra == 0 && n && t->target[block].copies &&
            state_find(t, block, IR_NONE, n, state_hash_of(t, block, IR_NONE, n)) == IR_NONE) {
            t->fact.n -= n;
            n = 0;
        }
        return state_intern(t, block, IR_NONE, n);
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
        const struct range in = t->piece.at[i].in;
        if (t->scratch.n && t->scratch.at[t->scratch.n - 1].hi + 1 == in.lo)
            t->scratch.at[t->scratch.n - 1].hi = in.hi;
        else if (!vec_push(t->a, &t->scratch, in))
            t->failed = true;
    }
    return t->failed ? 0 : set_intern(t, t->scratch.at, t->scratch.n);
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
        if (target_of(t, target)->stamp != t->stamp && meets(known, lo, b->to.at[c].last))
            note(t, target, resolve(t, block, target, push_facts(t, id, IR_NONE, 0)));
    }
}

/* Should what is known about the value of @b, in many pieces, be compared case by case? What is left of it is not needed then. */
static bool is_last_of_many(const struct thread *t, const struct ir_block *b, const struct set *known)
{
    bool last = known->n > MANY_PIECES && known->n > b->to.n;

    for (uint32_t c = 0; c < b->to.n && last && t->budget; c++) /* without budget no set is kept */
        last = !asked_again(t, b->to.at[c].target, b->on);
    return last;
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
    t->piece.n = 0;
    t->switched = b;
    overlaps(b, &t->set.at[known], collect, t);
    sort_pieces(t); /* those with one target together */
    t->stamp++;
    for (uint32_t i = 0, next; i < t->piece.n && !t->failed; i = next) {
        uint32_t target = t->piece.at[i].target;
        for (next = i; next < t->piece.n && t->piece.at[next].target == target; next++)
            ;
        uint32_t set = asked_again(t, target, b->on) ? set_of_pieces(t, i, next) : 0;
        note(t, target, resolve(t, block, target, push_facts(t, id, b->on, set)));
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
                note(t, target, resolve(t, block, target, push_facts(t, id, IR_NONE, 0)));
            child = t->target[target].child;
        }
        t->child.at[t->child.n++] = child;
    }
}

/* Finds the children of a state: one for each case of its block, equal targets sharing one. */
static void expand(struct thread *t, uint32_t id)
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
        uint32_t child = state_intern(t, block, IR_NONE, j.facts);
        t->child.at[t->child.n++] = child;
        return;
    }
    if (b->on == IR_NONE || !t->tracked[b->on]) {
        expand_untracked(t, id, b);
        return;
    }
    resolve_tracked(t, id, b);
    for (uint32_t c = 0; c < cases; c++) {
        const struct target *to = target_of(t, b->to.at[c].target);
        t->child.at[t->child.n++] = to->stamp == t->stamp ? to->child : CHILD_IMPOSSIBLE;
    }
}

/* ---------------------------------------------------------------- building */

static uint32_t built_hash_of(const struct ir_block *b)
{
    uint32_t h = b->on;

    for (uint32_t i = 0; i < b->to.n; i++)
        h = mix(mix(h, b->to.at[i].last), b->to.at[i].target);
    return h;
}

/*
 * @b, or a block already built that does the same. Targets of built blocks are built blocks (or returns). @lasting: its cases
 * stay where they are and as they are; otherwise they are copied.
 */
static uint32_t build(struct thread *t, const struct ir_block *b, bool shared, bool lasting, uint32_t state)
{
    uint32_t hash = shared ? built_hash_of(b) : 0;

    for (const struct slot *i = table_first(&t->built_table, hash); shared && i->entry; i = table_next(&t->built_table, i)) {
        const struct ir_block *o = &t->built.at[i->entry - 1];
        if (i->hash == hash && o->on == b->on && o->to.n == b->to.n && o->phi.n == 0 &&
            t->state.at[t->built_of.at[i->entry - 1]].via == IR_NONE &&
            memcmp(o->to.at, b->to.at, b->to.n * sizeof *b->to.at) == 0)
            return i->entry - 1;
    }
    struct ir_case *to = lasting ? b->to.at : arena_array(t->f->arena, struct ir_case, b->to.n);
    if (!to || !vec_push(t->a, &t->built, *b) || !vec_push(t->a, &t->built_of, state)) {
        t->failed = true;
        return 0;
    }
    uint32_t id = t->built.n - 1;
    if (!lasting)
        memcpy(to, b->to.at, b->to.n * sizeof *to);
    t->built.at[id].to.at = to;
    t->built.at[id].to.cap = b->to.n;
    if (shared)
        table_add(t, &t->built_table, hash, id);
    return id;
}

/* Can the block of a state be built in the same way as another state's, or as another block? */
static bool has_equals(const struct thread *t, const struct state *s, const struct ir_block *from)
{
    return s->via == IR_NONE && from->phi.n == 0 &&
           (t->target[s->block].relevant || from->on == IR_NONE || t->tests[from->on] > 1);
}

/* All children of @id are built: build it. */
static void finish(struct thread *t, uint32_t id)
{
    struct state *s = &t->state.at[id];
    const struct ir_block *from = &t->f->block.at[s->block];
    struct ir_block b = {.on = s->via == IR_NONE ? from->on : IR_NONE, .at = from->at};
    uint32_t n = 0;

    t->to.n = 0;
    if (!vec_reserve(t->a, &t->to, s->children)) {
        t->failed = true;
        return;
    }
    struct ir_case *to = t->to.at;
    for (uint32_t c = 0; c < s->children; c++) {
        uint32_t child = t->child.at[s->child + c];
        uint32_t last = s->via == IR_NONE ? from->to.at[c].last : UINT32_MAX;
        if (child == CHILD_IMPOSSIBLE) { /* impossible: belongs to whichever neighbour */
            if (n)
                to[n - 1].last = last;
            continue;
        }
        uint32_t target = is_return(child) ? child : t->state.at[child].result;
        if (n && to[n - 1].target == target)
            to[n - 1].last = last;
        else
            to[n++] = (struct ir_case){last, target};
    }
    if (n)
        to[n - 1].last = UINT32_MAX;
    if (n == 1 && s->via == IR_NONE && from->phi.n == 0) { /* every way leads to one place */
        s->result = to[0].target;
        return;
    }
    if (n == 1)
        b.on = IR_NONE;
    if (s->via == IR_NONE)
        b.phi = from->phi; /* arguments are set when edges have their numbers */
    b.to.at = to;
    b.to.n = n;
    s->result = build(t, &b, has_equals(t, s, from), false, id);
}

/* Is @s a block about which nothing is known, and which is the end of every way? Then it is built as it is. */
static bool is_last(const struct thread *t, const struct state *s)
{
    const struct ir_block *b = &t->f->block.at[s->block];
    bool last = s->facts == 0 && s->via == IR_NONE && b->phi.n == 0 && b->to.n > 1 && b->to.n < LONG_CASES;

    for (uint32_t c = 0; c < b->to.n && last; c++)
        last = is_return(b->to.at[c].target);
    return last;
}

static void finish_last(struct thread *t, uint32_t id)
{
    const struct ir_block *from = &t->f->block.at[t->state.at[id].block];
    struct ir_block b = {.on = from->on, .to = from->to, .at = from->at};

    t->state.at[id].result = build(t, &b, has_equals(t, &t->state.at[id], from), true, id);
    t->state.at[id].done = true;
}

/* Expands all states in the order of their blocks: when a block with PHIs is reached, all ways into it are known. */
static bool expand_in_order(struct thread *t)
{
    for (uint32_t b = 0; b < t->f->block.n; b++)
        for (uint32_t done = 0, first; t->here[b] != done && !t->failed; done = first) {
            first = t->here[b]; /* the block's own state comes when the edges into it are expanded */
            for (uint32_t i = first; i != done && !t->failed; i = t->state.at[i - 1].next_here) {
                t->state.at[i - 1].expanded = true;
                expand(t, i - 1);
            }
        }
    return !t->failed;
}

static bool walk(struct thread *t, uint32_t root)
{
    if (t->join && !expand_in_order(t))
        return false;
    if (!vec_push(t->a, &t->stack, root))
        return false;
    while (t->stack.n && !t->failed) {
        uint32_t id = t->stack.at[t->stack.n - 1];
        if (!t->state.at[id].expanded) {
            t->state.at[id].expanded = true;
            expand(t, id);
            if (t->failed)
                return false;
        }
        struct state *s = &t->state.at[id];
        uint32_t next = CHILD_IMPOSSIBLE;
        while (s->next_child < s->children && next == CHILD_IMPOSSIBLE) {
            uint32_t child = t->child.at[s->child + s->next_child++];
            if (child == CHILD_IMPOSSIBLE || is_return(child) || t->state.at[child].done)
                continue;
            if (is_last(t, &t->state.at[child]))
                finish_last(t, child);
            else
                next = child;
        }
        if (next != CHILD_IMPOSSIBLE) {
            if (!vec_push(t->a, &t->stack, next))
                return false;
            continue;
        }
        finish(t, id);
        t->state.at[id].done = true;
        t->stack.n--;
    }
    return !t->failed;
}

/* Can any path decide a test, or do two blocks the same? Otherwise there is nothing to do. */
static bool worth_it(const struct thread *t)
{
    const struct ir_func *f = t->f;

    for (uint32_t i = 0; i < f->block.n; i++) {
        const struct ir_block *b = &f->block.at[i];
        if (b->on == IR_NONE || t->tests[b->on] > 1 || t->hopeless || b->to.n < 2)
            return true;
    }
    return false;
}

/* A load from where no packet has bytes. */
static bool reads_nothing(const struct ir_node *n)
{
    unsigned bytes = ir_read_bytes(n);

    return bytes && n->a == IR_NONE && n->imm > IR_ADDRESS_MAX - bytes;
}

/* Finds values that no packet has. */
static bool find_hopeless(struct thread *t)
{
    const struct ir_func *f = t->f;
    ir_value v = 0;

    while (v < f->value.n && (f->value.at[v].imm < IR_ADDRESS_MAX - 4 || !reads_nothing(&f->value.at[v])))
        v++;
    if (v == f->value.n) /* as in most filters */
        return true;
    t->hopeless = arena_array(t->a, bool, f->value.n);
    for (; t->hopeless && v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        t->hopeless[v] = n->op != IR_PHI && (reads_nothing(n) || (n->a != IR_NONE && t->hopeless[n->a]) ||
                                             (n->b != IR_NONE && t->hopeless[n->b]));
    }
    return t->hopeless != NULL;
}

/* Counts the tests of each value. */
static bool count_tests(struct thread *t)
{
    const struct ir_func *f = t->f;
    uint8_t *tests = arena_array(t->a, uint8_t, f->value.n);

    for (uint32_t i = 0; tests && i < f->block.n; i++) {
        ir_value on = f->block.at[i].on;
        if (on != IR_NONE && tests[on] < 2)
            tests[on]++;
    }
    t->tests = tests;
    return tests != NULL;
}

/* Values worth keeping facts about, and for each block which of them are tested from it on. */
static bool find_relevant(struct thread *t)
{
    const struct ir_func *f = t->f;
    uint32_t tracked = 0, phis = 0;

    t->tracked = arena_array(t->a, uint32_t, f->value.n);
    t->target = arena_array(t->a, struct target, f->block.n + 2);
    if (!t->tracked || !t->target)
        return false;
    for (uint32_t i = 0; i < f->block.n && tracked < TRACKED_MAX; i++) {
        ir_value on = f->block.at[i].on;
        if (on != IR_NONE && t->tests[on] > 1 && !t->tracked[on])
            t->tracked[on] = ++tracked;
    }
    uint64_t again = 0; /* values that are tested behind a test of theirs */
    for (uint32_t i = f->block.n; i-- > 0;) {
        const struct ir_block *b = &f->block.at[i];
        uint64_t own = b->on != IR_NONE && t->tracked[b->on] ? UINT64_C(1) << (t->tracked[b->on] - 1) : 0, behind = 0;
        for (uint32_t c = 0; c < b->to.n; c++)
            if (!is_return(b->to.at[c].target))
                behind |= t->target[b->to.at[c].target].relevant;
        again |= behind & own;
        t->target[i].relevant = behind | own;
        phis |= b->phi.n;
    }
    for (ir_value v = 0; v < f->value.n; v++)
        if (t->tracked[v] && !(again >> (t->tracked[v] - 1) & 1))
            t->tracked[v] = 0;
    if (!phis)
        return true;
    t->join = arena_array(t->a, struct join, f->block.n);
    t->here = arena_array(t->a, uint32_t, f->block.n);
    return t->join && t->here;
}

/* PHIs of @built: one argument for each edge block that was built for it, whose number is final now. */
static bool rebuild_phis(struct thread *t, uint32_t n)
{
    struct ir_func *f = t->f;
    uint32_t *first = arena_array(t->a, uint32_t, n + 1), *next = arena_array(t->a, uint32_t, n + 1);
    ir_value *from = arena_array(t->a, ir_value, f->block.n + 1); /* by old block: what it brings to the PHI at hand */

    /* lists of edge blocks by target, so that this stays linear; index + 1, 0 ends */
    if (!first || !next || !from)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (t->state.at[t->built_of.at[i]].via == IR_NONE)
            continue;
        uint32_t target = t->built.at[i].to.at[0].target;
        next[i] = first[target];
        first[target] = i + 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct ir_block *b = &t->built.at[i];
        if (b->phi.n == 0)
            continue;
        struct ir_phi *phis = arena_array(f->arena, struct ir_phi, b->phi.n);
        if (!phis)
            return false;
        for (uint32_t p = 0; p < b->phi.n; p++) {
            const struct ir_phi *old = &b->phi.at[p];
            phis[p] = (struct ir_phi){.value = old->value};
            f->value.at[old->value].imm = n - 1 - i;
            for (uint32_t a = 0; a < old->arg.n; a++)
                from[old->arg.at[a].block] = old->arg.at[a].value;
            for (uint32_t e = first[i]; e; e = next[e - 1]) {
                ir_value v = from[t->state.at[t->built_of.at[e - 1]].via];
                if (!vec_push(f->arena, &phis[p].arg, ((struct ir_phi_arg){n - e, v})))
                    return false;
            }
        }
        b->phi.at = phis;
        b->phi.cap = b->phi.n;
    }
    return true;
}

/* Blocks were built children first: reversed, they are in topological order. */
static bool install(struct thread *t, uint32_t root)
{
    struct ir_func *f = t->f;
    uint32_t n = t->built.n;

    if (!rebuild_phis(t, n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < t->built.at[i].to.n; c++) {
            uint32_t *target = &t->built.at[i].to.at[c].target;
            if (!is_return(*target))
                *target = n - 1 - *target;
        }
    f->block.n = 0;
    if (!vec_reserve(f->arena, &f->block, n))
        return false;
    for (uint32_t i = n; i-- > 0;)
        f->block.at[f->block.n++] = t->built.at[i];
    f->entry = is_return(root) ? root : is_return(t->state.at[root].result) ? t->state.at[root].result
                                                                          : n - 1 - t->state.at[root].result;
    return true;
}

static int rebuild(struct thread *t)
{
    static const struct range everything = {0, UINT32_MAX};
    struct ir_func *f = t->f;

    t->budget = 16 * (uint64_t)f->block.n + 65536;
    t->extra = COPIES_FREE + f->block.n / 16;
    t->set_table = t->state_table = t->built_table = table_empty(t);
    if (!count_tests(t) || !find_hopeless(t))
        return WEIR_E_MEMORY;
    if (!worth_it(t))
        return WEIR_OK;
    if (!find_relevant(t) || !vec_push(t->a, &t->set, ((struct set){&everything, 1})) ||
        !vec_reserve(t->a, &t->state, f->block.n) || !vec_reserve(t->a, &t->built, f->block.n) ||
        !vec_reserve(t->a, &t->built_of, f->block.n) || !vec_reserve(t->a, &t->child, 2 * f->block.n))
        return WEIR_E_MEMORY;
    uint32_t root = resolve(t, IR_NONE, f->entry, 0);
    if (t->failed || (!is_return(root) && !walk(t, root)))
        return WEIR_E_MEMORY;
    return install(t, root) ? WEIR_OK : WEIR_E_MEMORY;
}

int pass_thread(struct ir_func *f)
{
    struct arena scratch;
    struct thread t = {.f = f, .a = &scratch};

    if (is_return(f->entry))
        return WEIR_OK;
    arena_init(&scratch, f->arena->al, f->arena->ceiling);
    int err = rebuild(&t);
    f->arena->over_ceiling |= scratch.over_ceiling;
    arena_release(&scratch);
    return err;
}
