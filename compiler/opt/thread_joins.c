/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread_joins.c - where ways meet: blocks with PHIs, and blocks of which there are more states than are
 * worth it.
 *
 * States are expanded in the order of their blocks, so when a block is reached all ways into it are known. A
 * copy of a block for each that knows something else decides more of what is behind it, and makes the program
 * longer. Where it would be too long, there is one state for all, with what all of them know.
 *
 * Cost: linear in the states and what they know; a set of more pieces than MANY_PIECES is not worth uniting.
 */
#include "opt/thread.h"

#define LOOK_MAX 24u /* blocks that are looked at for the one end of all ways */

/* The numbers in either set; 0 when they are in too many pieces. */
static uint32_t unite(struct thread *t, uint32_t a, uint32_t b)
{
    if (a != b && (t->set.at[a].n > MANY_PIECES || t->set.at[b].n > MANY_PIECES))
        return 0;
    return thread_set_union(t, a, b);
}

/* @j knows what it knew and the @n facts from @first on know as well. */
static void meet(struct thread *t, struct join *j, uint32_t first, uint32_t n)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < j->facts; i++) {
        struct fact old = t->fact.at[j->fact + i];
        for (uint32_t k = first; k < first + n; k++)
            if (t->fact.at[k].value == old.value && (old.set = unite(t, old.set, t->fact.at[k].set)))
                t->fact.at[j->fact + kept++] = old;
    }
    j->facts = kept;
}

void thread_join_enter(struct thread *t, uint32_t block, uint32_t n)
{
    struct join *j = &t->join[block];
    uint32_t first = t->fact.n - n;

    if (!j->entered) { /* the facts stay where they are */
        *j = (struct join){first, n, true};
        return;
    }
    meet(t, j, first, n);
    t->fact.n = first;
}

/* What one more state of @block takes of those that may be made. */
static uint32_t copy_costs(const struct thread *t, uint32_t block)
{
    uint32_t cases = t->f->block.at[block].to.n;

    return cases < LONG_CASES ? 1 : cases;
}

/* A look at what is behind a state. */
struct outlook {
    uint32_t block[LOOK_MAX]; /* those that may be reached */
    uint32_t n;
    uint32_t end; /* the one return that was reached, or CHILD_IMPOSSIBLE */
    bool open;    /* there are two, or too many blocks */
};

/* A block that is left. */
struct look {
    struct thread *t;
    struct outlook *o;
    const struct ir_block *b;
};

static void reach(struct thread *t, struct outlook *o, uint32_t target)
{
    if (is_return(target)) {
        o->open |= o->end != CHILD_IMPOSSIBLE && o->end != target;
        o->end = target;
        return;
    }
    if (t->target[target].stamp == t->stamp)
        return;
    t->target[target].stamp = t->stamp;
    if (o->n == LOOK_MAX)
        o->open = true;
    else
        o->block[o->n++] = target;
}

static bool reach_case(void *user, uint32_t lo, uint32_t hi, uint32_t which)
{
    struct look *l = user;

    (void)lo;
    (void)hi;
    reach(l->t, l->o, l->b->to.at[which].target);
    return !l->o->open;
}

/* Does every way from the state @s on end at one return? That is what it becomes. */
static bool has_one_end(struct thread *t, struct state *s)
{
    struct outlook o = {.block = {s->block}, .n = 1, .end = CHILD_IMPOSSIBLE};

    t->stamp++;
    t->target[s->block].stamp = t->stamp;
    for (uint32_t i = 0; i < o.n && !o.open; i++) {
        const struct ir_block *b = &t->f->block.at[o.block[i]];
        if (ir_returns(b) || b->phi.n || b->to.n >= LONG_CASES) {
            o.open = true;
            break;
        }
        const uint32_t known = thread_known(t, s, b->on); /* which may move t->set */
        for (uint32_t c = 0; c < b->to.n && known == 0 && !o.open; c++)
            reach(t, &o, b->to.at[c].target);
        if (known)
            thread_overlaps(b, &t->set.at[known], reach_case, &(struct look){t, &o, b});
    }
    t->budget -= o.n < t->budget ? o.n : t->budget;
    if (!o.open)
        s->becomes = o.end;
    return !o.open;
}

/* Of the states of @block, those that end at one return whatever comes become that. Gives how many are left.
 */
static uint32_t end_states(struct thread *t, uint32_t block)
{
    uint32_t left = 0;

    for (uint32_t i = t->here[block]; i; i = t->state.at[i - 1].next_here) {
        struct state *s = &t->state.at[i - 1];
        if (s->expanded)
            continue;
        s->expanded = s->facts && t->budget && has_one_end(t, s);
        left += !s->expanded;
    }
    return left;
}

/* @j, whose facts are the last of t->fact, knows no more than @s does. */
static void join_add(struct thread *t, struct join *j, const struct state s)
{
    if (j->entered) {
        meet(t, j, s.fact, s.facts);
        t->fact.n = j->fact + j->facts;
        return;
    }
    *j = (struct join){t->fact.n, s.facts, true};
    if (!vec_reserve(t->a, &t->fact, s.facts))
        t->failed = true;
    for (uint32_t k = 0; k < s.facts && !t->failed; k++)
        t->fact.at[t->fact.n++] = t->fact.at[s.fact + k];
}

/* The state @i is taken no more, but the state @instead. */
static void replace(struct thread *t, uint32_t i, uint32_t instead)
{
    t->state.at[i].becomes = instead;
    t->state.at[i].expanded = true;
}

/* The states of @block, which has no PHIs, become one, unless so many may stay. */
static void merge(struct thread *t, uint32_t block)
{
    const uint64_t cost = copy_costs(t, block);
    uint64_t more = 0;

    for (uint32_t i = t->here[block]; i; i = t->state.at[i - 1].next_here)
        more += !t->state.at[i - 1].expanded;
    if (more > 1 && (more - 1) * cost > t->extra)
        more = end_states(t, block);
    if (more < 2)
        return;
    if ((more - 1) * cost <= t->extra) {
        t->extra -= (uint32_t)((more - 1) * cost);
        return;
    }
    struct join j = {.facts = 0};
    for (uint32_t i = t->here[block]; i && !t->failed; i = t->state.at[i - 1].next_here)
        if (!t->state.at[i - 1].expanded)
            join_add(t, &j, t->state.at[i - 1]);
    uint32_t one = t->failed ? 0 : thread_state(t, block, IR_NONE, j.facts);
    for (uint32_t i = t->here[block]; i && !t->failed; i = t->state.at[i - 1].next_here)
        if (i - 1 != one && !t->state.at[i - 1].expanded)
            replace(t, i - 1, one);
}

/*
 * Do all children of the state @id stand for one block? Then what its test says is worth less than the test:
 * they become one, and the test is not made. States from @before on are new.
 */
static void unite_children(struct thread *t, uint32_t id, uint32_t before)
{
    const uint32_t first = t->state.at[id].child, end = first + t->state.at[id].children;
    uint32_t some = CHILD_IMPOSSIBLE;
    bool several = false;

    for (uint32_t c = first; c < end; c++) {
        uint32_t child = t->child.at[c];
        if (child == CHILD_IMPOSSIBLE)
            continue;
        some = some == CHILD_IMPOSSIBLE ? child : some;
        if (is_return(child) || t->state.at[child].via != IR_NONE ||
            t->state.at[child].block != t->state.at[some].block)
            return;
        several |= child != some;
    }
    struct join j = {.facts = 0};
    for (uint32_t c = first; several && c < end && !t->failed; c++)
        if (t->child.at[c] != CHILD_IMPOSSIBLE)
            join_add(t, &j, t->state.at[t->child.at[c]]);
    if (!several || t->failed)
        return;
    uint32_t one = thread_state(t, t->state.at[some].block, IR_NONE, j.facts);
    for (uint32_t c = first; c < end; c++) {
        uint32_t *child = &t->child.at[c];
        if (*child == CHILD_IMPOSSIBLE)
            continue;
        if (*child >= before && *child != one)
            replace(t, *child, one);
        *child = one;
    }
}

bool thread_expand_all(struct thread *t)
{
    for (uint32_t b = 0; b < t->f->block.n && !t->failed; b++) {
        if (!t->f->block.at[b].phi.n)
            merge(t, b);
        for (uint32_t done = 0, first; t->here[b] != done && !t->failed; done = first) {
            first = t->here[b]; /* the block's own state comes when the edges into it are expanded */
            for (uint32_t i = first; i != done && !t->failed; i = t->state.at[i - 1].next_here) {
                if (t->state.at[i - 1].expanded || thread_is_last(t, &t->state.at[i - 1]))
                    continue;
                t->state.at[i - 1].expanded = true;
                uint32_t before = t->state.n;
                thread_expand(t, i - 1);
                if (!t->failed)
                    unite_children(t, i - 1, before);
            }
        }
    }
    for (uint32_t i = 0; i < t->child.n; i++) {
        uint32_t *child = &t->child.at[i];
        while (!is_return(*child) && *child != CHILD_IMPOSSIBLE && t->state.at[*child].becomes != *child)
            *child = t->state.at[*child].becomes;
    }
    return !t->failed;
}
