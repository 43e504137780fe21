/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/thread.c - jump threading by what each path has proved.
 *
 *   b0: switch %t: 0x800 -> b1, else -> b2          b0: switch %t: 0x800 -> b1, else -> b2
 *   b1: switch %p: 6 -> accept, else -> b2          b1: switch %p: 6 -> accept, else -> reject
 *   b2: switch %t: 0x86dd -> accept, else reject    b2: switch %t: 0x86dd -> accept, else reject
 *
 * The function is rebuilt by walking it with facts: for each value, the set of intervals it can still lie in.
 * A test that the facts decide is not made; one that they do not is made with the impossible cases merged
 * into their neighbours. A block walked with the same facts about what is tested behind it is built once, and
 * blocks that turn out to do the same are one block; a test whose outcomes all lead to one place is none. A
 * block that tests bytes which no packet has rejects. A block with PHIs stays one block, entered with what
 * all ways into it have proved; a way that has proved where it goes on behind it, and needs no PHI there,
 * does not enter. So does a block of which there would be too many copies (thread_joins.c).
 *
 * Refines: on every path the tests that remain are tests of the plain program on that path, in its order,
 * with its outcomes. Loads are only lost, with the tests that needed them.
 *
 * Cost: proportional to the states found, which the budget below holds to a multiple of the blocks and of the
 * cases of long switches; past it facts are no longer kept for new states, so that each block is found at
 * most once more. One run; nothing iterates.
 */
#include "opt/thread.h"
#include <string.h>

#define BUDGET_FREE  65536
#define BUDGET_BLOCK 16
#define BUDGET_CASE  4
#define BLOCKS_FEW   32 /* not worth an arena */

/* ---------------------------------------------------------------- building */

static uint32_t built_hash_of(const struct ir_block *b)
{
    uint32_t h = b->on;

    for (uint32_t i = 0; i < b->to.n; i++)
        h = mix(mix(h, b->to.at[i].last), b->to.at[i].target);
    return h;
}

/*
 * @b, or a block already built that does the same. Targets of built blocks are built blocks (or returns).
 * @lasting: its cases stay where they are and as they are; otherwise they are copied.
 */
static uint32_t build(struct thread *t, const struct ir_block *b, bool shared, bool lasting, uint32_t state)
{
    uint32_t hash = shared ? built_hash_of(b) : 0;

    for (const struct slot *i = table_first(&t->built_table, hash); shared && i->entry;
         i = table_next(&t->built_table, i)) {
        const struct ir_block *o = &t->built.at[i->entry - 1];
        if (i->hash == hash && o->on == b->on && o->to.n == b->to.n && o->phi.n == 0 &&
            t->state.at[t->built_of.at[i->entry - 1]].via == IR_NONE &&
            (ir_returns(b) || memcmp(o->to.at, b->to.at, b->to.n * sizeof *b->to.at) == 0))
            return i->entry - 1;
    }
    struct ir_case *to = lasting ? b->to.at : arena_array(t->f->arena, struct ir_case, b->to.n);
    if ((!to && b->to.n) || !vec_push(t->a, &t->built, *b) || !vec_push(t->a, &t->built_of, state)) {
        t->failed = true;
        return 0;
    }
    uint32_t id = t->built.n - 1;
    if (!lasting)
        memcpy(to, b->to.at, b->to.n * sizeof *to);
    t->built.at[id].to.at = to;
    t->built.at[id].to.cap = b->to.n;
    if (shared)
        thread_table_add(t, &t->built_table, hash, id);
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
    if (n > 1 && t->tests[from->on] > 1 && !t->join) {
        n = thread_absorb(t, from->on, n);
        to = t->to.at;
    }
    /* every way leads to one place, where none brings a value */
    if (n == 1 && (is_return(to[0].target) || (s->via == IR_NONE && from->phi.n == 0))) {
        s->result = to[0].target;
        return;
    }
    if (n == 1)
        b.on = IR_NONE;
    if (s->via == IR_NONE)
        b.phi = from->phi; /* arguments are set when edges have their numbers */
    b.to.at = to;
    b.to.n = n;
    s->result = build(t, &b, has_equals(t, s, from), n == 0, id);
}

static void finish_last(struct thread *t, uint32_t id)
{
    const struct ir_block *from = &t->f->block.at[t->state.at[id].block];
    struct ir_block b = {.on = from->on, .to = from->to, .at = from->at};

    t->state.at[id].result = build(t, &b, has_equals(t, &t->state.at[id], from), true, id);
    t->state.at[id].done = true;
    t->accepts = true; /* both returns are there */
}

/* Does the state @id, which was finished, accept for some outcome of its test? */
static bool accepts(const struct thread *t, uint32_t id)
{
    const struct state *s = &t->state.at[id];
    uint32_t c = 0;

    while (c < s->children && t->child.at[s->child + c] != IR_ACCEPT)
        c++;
    return c < s->children;
}

/* From @root on. */
static bool walk(struct thread *t, uint32_t root)
{
    if (!thread_expand_all(t) || !vec_push(t->a, &t->stack, root))
        return false;
    if (thread_is_last(t, &t->state.at[root])) {
        finish_last(t, root);
        return !t->failed;
    }
    while (t->stack.n && !t->failed) {
        uint32_t id = t->stack.at[t->stack.n - 1];
        struct state *s = &t->state.at[id];
        uint32_t next = CHILD_IMPOSSIBLE;
        while (s->next_child < s->children && next == CHILD_IMPOSSIBLE) {
            uint32_t child = t->child.at[s->child + s->next_child++];
            if (child == CHILD_IMPOSSIBLE || is_return(child) || t->state.at[child].done)
                continue;
            if (thread_is_last(t, &t->state.at[child]))
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
        if (t->one_is_enough && (t->accepts |= accepts(t, id)))
            break;
    }
    return !t->failed;
}

static bool has_kin(const struct thread *t, ir_value v)
{
    return t->kin && t->kin[v];
}

/* Can any path decide a test, or do two blocks the same? Otherwise there is nothing to do. */
static bool worth_it(const struct thread *t)
{
    const struct ir_func *f = t->f;

    for (uint32_t i = 0; i < f->block.n; i++) {
        const struct ir_block *b = &f->block.at[i];
        if (b->on == IR_NONE || t->tests[b->on] > 1 || has_kin(t, b->on) || t->hopeless || b->to.n < 2)
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

/* Counts the tests of each value; a return is as good as two, as it may be the same as another one. */
static bool count_tests(struct thread *t)
{
    const struct ir_func *f = t->f;
    uint8_t *tests = arena_array(t->a, uint8_t, f->value.n);

    for (uint32_t i = 0; tests && i < f->block.n; i++) {
        ir_value on = f->block.at[i].on;
        if (on != IR_NONE && tests[on] < 2)
            tests[on] += ir_returns(&f->block.at[i]) ? 2 : 1;
    }
    t->tests = tests;
    return tests != NULL;
}

/* The tracked values that say something of @v, as a set. */
static uint64_t facts_about(const struct thread *t, ir_value v)
{
    uint64_t all = t->tracked[v] ? UINT64_C(1) << (t->tracked[v] - 1) : 0;

    for (uint32_t i = 0; i < TRACKED_MAX && has_kin(t, v); i++)
        if (t->kin[t->value_of[i]] == t->kin[v])
            all |= UINT64_C(1) << i;
    return all;
}

/* For each block, whose PHIs are used from it on. */
static bool find_phis(struct thread *t)
{
    const struct ir_func *f = t->f;
    const uint64_t *of = opt_phis(f, t->a);

    for (uint32_t i = f->block.n; of && i-- > 0;) {
        const struct ir_block *b = &f->block.at[i];
        t->target[i].phis |= b->on == IR_NONE ? 0 : of[b->on];
        for (uint32_t c = 0; c < b->to.n; c++)
            if (!is_return(b->to.at[c].target))
                t->target[i].phis |= t->target[b->to.at[c].target].phis;
        for (uint32_t p = 0; p < b->phi.n; p++)
            for (uint32_t a = 0; a < b->phi.at[p].arg.n; a++)
                t->target[b->phi.at[p].arg.at[a].block].phis |= of[b->phi.at[p].arg.at[a].value];
    }
    return of != NULL;
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
        if (on == IR_NONE || t->tracked[on] || (t->tests[on] < 2 && !has_kin(t, on)))
            continue;
        t->value_of[tracked] = on;
        t->tracked[on] = ++tracked;
    }
    uint64_t again = 0; /* values that are tested behind a test of theirs */
    for (uint32_t i = f->block.n; i-- > 0;) {
        const struct ir_block *b = &f->block.at[i];
        uint64_t own = b->on != IR_NONE && !ir_returns(b) ? facts_about(t, b->on) : 0, behind = 0;
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
    t->here = arena_array(t->a, uint32_t, f->block.n);
    t->join = phis ? arena_array(t->a, struct join, f->block.n) : NULL;
    return t->here && (!phis || (t->join && find_phis(t)));
}

/* PHIs of @built: one argument for each edge block that was built for it, whose number is final now. */
static bool rebuild_phis(struct thread *t, uint32_t n)
{
    struct ir_func *f = t->f;
    uint32_t *first = arena_array(t->a, uint32_t, n + 1), *next = arena_array(t->a, uint32_t, n + 1);
    ir_value *from =
        arena_array(t->a, ir_value, f->block.n + 1); /* by old block: what it brings to the PHI at hand */

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
bool thread_install(struct thread *t)
{
    struct ir_func *f = t->f;
    uint32_t first = t->root;

    if (!t->found)
        return true;
    if (t->absorbed && !is_return(first) && !thread_drop_absorbed(t, &first))
        return false;
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
    f->entry = is_return(first) ? first : n - 1 - first;
    return true;
}

/* States and set elements that may carry facts. Where a long switch leads is a set with as many elements as
 * it has cases. */
static uint64_t budget_of(const struct ir_func *f)
{
    uint64_t budget = BUDGET_FREE;

    for (uint32_t i = 0; i < f->block.n; i++)
        budget += BUDGET_BLOCK +
                  (f->block.at[i].to.n < LONG_CASES ? 0 : BUDGET_CASE * (uint64_t)f->block.at[i].to.n);
    return budget;
}

static int find(struct thread *t)
{
    static const struct ir_range everything = {0, UINT32_MAX};
    struct ir_func *f = t->f;

    t->budget = budget_of(f);
    t->set_table = t->state_table = t->built_table = thread_table_empty(t);
    if (!count_tests(t) || !find_hopeless(t) || !thread_find_kin(t))
        return WEIR_E_MEMORY;
    t->accepts = true; /* so does what stays as it is, whose last block has two outcomes */
    if (!worth_it(t))
        return WEIR_OK;
    if (!find_relevant(t))
        return WEIR_E_MEMORY;
    if (thread_is_idle(t))
        return WEIR_OK;
    t->accepts = false;
    if (t->failed || !vec_push(t->a, &t->set, ((struct set){&everything, 1})) ||
        !vec_reserve(t->a, &t->state, f->block.n) || !vec_reserve(t->a, &t->built, f->block.n) ||
        !vec_reserve(t->a, &t->built_of, f->block.n) || !vec_reserve(t->a, &t->child, 2 * f->block.n))
        return WEIR_E_MEMORY;
    uint32_t root = thread_resolve(t, IR_NONE, f->entry, 0);
    if (t->failed || (!is_return(root) && !walk(t, root)))
        return WEIR_E_MEMORY;
    t->accepts |= root == IR_ACCEPT;
    t->root = is_return(root) ? root : t->state.at[root].result;
    t->found = true;
    return WEIR_OK;
}

int thread_find(struct thread *t, struct ir_func *f, uint32_t copies)
{
    t->f = f;
    t->accepts = f->entry == IR_ACCEPT;
    t->extra = copies;
    t->a = f->block.n < BLOCKS_FEW ? f->arena : &t->own;
    arena_init(&t->own, f->arena->al, f->arena->ceiling);
    return is_return(f->entry) ? WEIR_OK : find(t);
}

void thread_release(struct thread *t)
{
    t->f->arena->over_ceiling |= t->own.over_ceiling;
    arena_release(&t->own);
}
