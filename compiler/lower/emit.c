/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/emit.c - a formula into blocks, variables into SSA values.
 *
 * One block a leaf, in the order of evaluation. Targets: AND(l, r) sends l's success to r, OR(l, r) its
 * failure, NOT swaps; an alternative that excludes the others is over once its first test has held. Parents
 * stand behind their children in the array, so one backward loop does it. Where the values of a variable
 * meet, it gets a PHI if it is still read behind that place (Cytron et al., "Efficiently computing static
 * single assignment form", 1991; on an acyclic graph in topological order one forward pass is enough).
 */
#include "lower/cond.h"

/* What a variable is before it is set: an address out of range, so that a load through it rejects. */
#define VAR_ABSENT 0x80000000u

#define OVER(to) ((to) + 3u) /* not 0, whether @to is a block or a return */
_Static_assert(OVER(IR_ACCEPT) != 0 && OVER(IR_REJECT) != 0, "returns are places to go on at");

typedef uint64_t word;

struct emit {
    struct lower *lw;
    uint32_t blocks, vars, words; /* words of a set of variables */
    uint32_t values;              /* of the function before substitution */
    cond *leaf;                   /* per block */
    word *value_uses;             /* per value: the variables in it */
    word *live_in;                /* per block: variables read here or behind, before being set */
    ir_value *out;                /* per block and variable: its value on leaving; IR_NONE where not live */
    uint32_t *pred_first, *pred;  /* predecessors of each block */
    ir_value *env;                /* of the block being emitted */
    ir_value *memo;               /* substitution under env */
    uint32_t *memo_stamp, stamp;
    VEC(ir_value) stack;
};

/* Nodes that get a block. */
static bool has_block(const struct cond_node *n)
{
    return n->kind != COND_CONSTANT && n->kind < COND_AND;
}

/* Is @c an alternative of several parts of the exclusive @n, or a list of such? */
static bool is_alternative(const struct cond_node *c, const struct cond_node *n)
{
    return c->kind == n->kind ? c->exclusive : c->kind == COND_AND || c->kind == COND_OR;
}

/* Where a way goes on that comes to @n: at its first block, or past it where its value, a constant, decides
 * it.
 */
static uint32_t goes_on_at(const struct lower *lw, const struct cond_node *n)
{
    const struct cond_node *test = n;
    bool as_it_says = true;
    uint32_t k;

    for (; test->kind == COND_NOT; test = &lw->node.at[test->left])
        as_it_says = !as_it_says;
    if (!lw->o->optimize || test->kind != COND_TEST || test->n || test->guards ||
        !ir_is_const(lw->f, test->on, &k))
        return n->entry;
    const bool holds = test->one.lo <= k && k <= test->one.hi;
    return holds == as_it_says ? n->yes : n->no;
}

/* Block numbers and targets. A node's blocks follow each other: its own, then those of its children in order.
 */
static bool assign_targets(struct lower *lw, cond root, bool variables, struct emit *e)
{
    uint32_t *count = arena_array(lw->arena, uint32_t, root + 1);
    bool *reached = arena_array(lw->arena, bool, root + 1); /* others folded away */
    /* by alternative of an exclusive list: where it goes on once its first test has held, OVER() it; 0: this
     * is none */
    uint32_t *begun = arena_array(lw->arena, uint32_t, root + 1);

    if (!count || !reached || !begun)
        return false;
    for (cond i = 0; i <= root; i++) {
        const struct cond_node *n = &lw->node.at[i];
        if (has_block(n))
            count[i] = 1;
        else if (n->kind != COND_CONSTANT)
            count[i] = count[n->left] + (n->kind == COND_NOT ? 0 : count[n->right]);
        for (uint32_t c = 0; n->kind == COND_SWITCH && c < n->sw->children; c++)
            count[i] += count[n->sw->child[c]];
    }
    e->blocks = count[root];
    e->leaf = arena_array(lw->arena, cond, e->blocks);
    if (!e->leaf || !vec_reserve(lw->f->arena, &lw->f->block, e->blocks))
        return false;

    lw->node.at[root].entry = 0;
    lw->node.at[root].yes = IR_ACCEPT;
    lw->node.at[root].no = IR_REJECT;
    reached[root] = true;
    for (cond i = root + 1; i-- > 0;) {
        struct cond_node *n = &lw->node.at[i];
        if (!reached[i] || n->kind == COND_CONSTANT)
            continue;
        if (has_block(n)) {
            uint32_t entry = n->entry + 1;
            e->leaf[n->entry] = i;
            for (uint32_t c = 0; n->kind == COND_SWITCH && c < n->sw->children; c++) {
                struct cond_node *child = &lw->node.at[n->sw->child[c]];
                reached[n->sw->child[c]] = true;
                child->entry = entry;
                child->yes = n->yes;
                child->no = n->no;
                entry += count[n->sw->child[c]];
            }
            continue;
        }
        struct cond_node *l = &lw->node.at[n->left], *r = &lw->node.at[n->right];
        reached[n->left] = true;
        l->entry = n->entry;
        l->yes = n->yes;
        l->no = n->no;
        if (n->kind == COND_NOT) {
            l->yes = n->no;
            l->no = n->yes;
            continue;
        }
        reached[n->right] = true;
        r->entry = n->entry + count[n->left];
        r->yes = n->yes;
        r->no = n->no;
        bool is_and = n->kind == COND_AND;
        *(is_and ? &l->yes : &l->no) = goes_on_at(lw, r);
        if (n->exclusive && !variables) { /* where variables meet, few ways are better */
            uint32_t over = begun[i] ? begun[i] : OVER(is_and ? n->yes : n->no);
            begun[n->left] = is_alternative(l, n) ? over : 0;
            begun[n->right] = is_alternative(r, n) ? over : 0;
        } else if (begun[i]) { /* the first test of an alternative, and what is behind it */
            begun[n->left] = l->kind == n->kind ? begun[i] : 0;
            *(is_and ? &r->no : &r->yes) = begun[i] - OVER(0);
        }
    }
    return true;
}

/* Where the child @c of the switch @n begins; constants are where they lead. */
static uint32_t child_entry(const struct lower *lw, const struct cond_node *n, cond c)
{
    return c == COND_TRUE ? n->yes : c == COND_FALSE ? n->no : lw->node.at[c].entry;
}

/* The @i-th place a leaf can go on at; false past the last. A failed REQUIRE leaves the function. */
static bool successor(const struct lower *lw, const struct cond_node *n, uint32_t i, uint32_t *to)
{
    if (n->kind == COND_SWITCH) {
        *to = child_entry(lw, n, i < n->sw->children ? n->sw->child[i] : n->sw->otherwise);
        return i <= n->sw->children;
    }
    *to = i == 0 ? n->yes : n->no;
    return i == 0 || (i == 1 && n->kind == COND_TEST && n->no != n->yes);
}

static void emit_set(struct lower *lw, uint32_t b, const struct cond_node *n, ir_value on)
{
    struct ir_case *to = ir_cases_new(lw->f, b, 2 * n->n + 1);
    uint32_t m = 0;

    if (!to)
        return;
    for (uint32_t i = 0; i < n->n; i++) {
        if (n->set[i].lo)
            to[m++] = (struct ir_case){n->set[i].lo - 1, n->no};
        to[m++] = (struct ir_case){n->set[i].hi, n->yes};
    }
    if (to[m - 1].last != UINT32_MAX)
        to[m++] = (struct ir_case){UINT32_MAX, n->no};
    ir_switch(lw->f, b, on, to, m);
}

static void emit_switch(struct lower *lw, uint32_t b, const struct cond_node *n, ir_value on)
{
    const struct cond_switch *sw = n->sw;
    struct ir_case *to = ir_cases_new(lw->f, b, sw->n);

    if (!to)
        return;
    for (uint32_t i = 0; i < sw->n; i++) {
        cond child = sw->to[i].target == UINT32_MAX ? sw->otherwise : sw->child[sw->to[i].target];
        to[i] = (struct ir_case){sw->to[i].last, child_entry(lw, n, child)};
    }
    ir_switch(lw->f, b, on, to, sw->n);
}

static void emit_leaf(struct lower *lw, const struct cond_node *n, ir_value on)
{
    uint32_t b = lw->f->block.n - 1;

    switch ((enum cond_kind)n->kind) {
    case COND_TEST:
        if (n->n)
            emit_set(lw, b, n, on);
        else
            ir_branch_range(lw->f, b, on, n->one.lo, n->one.hi, n->yes, n->no);
        break;
    case COND_REQUIRE:
        ir_branch_range(lw->f, b, on, n->one.lo, n->one.hi, n->yes, IR_REJECT);
        break;
    case COND_DEFINE:
        ir_jump(lw->f, b, n->yes);
        break;
    case COND_SWITCH:
        emit_switch(lw, b, n, on);
        break;
    case COND_CONSTANT:
    case COND_AND:
    case COND_OR:
    case COND_NOT:
    case COND_ROWS:
        break;
    }
}

static void emit_without_variables(struct lower *lw, struct emit *e)
{
    for (uint32_t i = 0; i < e->blocks && !lw->f->failed; i++) {
        const struct cond_node *n = &lw->node.at[e->leaf[i]];
        uint32_t b = ir_block_new(lw->f, n->at);
        for (uint32_t g = 0; g < n->guards; g++) {
            const struct ir_guard *guard = &lw->guard.at[n->guard + g];
            ir_guard_add(lw->f, b, guard->base, guard->offset, guard->size);
        }
        emit_leaf(lw, n, n->on);
    }
}

/* ---------------------------------------------------------------- variables */

static word *set_at(word *sets, uint32_t words, uint32_t i)
{
    return sets + (size_t)i * words;
}

static bool has(const word *set, uint32_t var)
{
    return set[var / 64] >> (var % 64) & 1;
}

static void add(word *set, uint32_t var)
{
    set[var / 64] |= UINT64_C(1) << (var % 64);
}

static void uses_of_values(struct emit *e)
{
    const struct ir_func *f = e->lw->f;

    for (ir_value v = 0; v < e->values; v++) {
        const struct ir_node *n = &f->value.at[v];
        word *to = set_at(e->value_uses, e->words, v);
        for (uint32_t w = 0; w < e->words; w++) {
            to[w] |= n->a != IR_NONE ? set_at(e->value_uses, e->words, n->a)[w] : 0;
            to[w] |= n->b != IR_NONE ? set_at(e->value_uses, e->words, n->b)[w] : 0;
        }
    }
}

static void uses_of_leaf(const struct emit *e, const struct cond_node *n, word *to)
{
    const struct lower *lw = e->lw;

    for (uint32_t w = 0; w < e->words; w++) {
        to[w] |= set_at(e->value_uses, e->words, n->on)[w];
        for (uint32_t g = 0; g < n->guards; g++) {
            ir_value base = lw->guard.at[n->guard + g].base;
            to[w] |= base != IR_NONE ? set_at(e->value_uses, e->words, base)[w] : 0;
        }
    }
}

static void liveness(struct emit *e)
{
    for (uint32_t i = e->blocks; i-- > 0;) {
        const struct cond_node *n = &e->lw->node.at[e->leaf[i]];
        word *in = set_at(e->live_in, e->words, i);
        uint32_t to;

        for (uint32_t s = 0; successor(e->lw, n, s, &to); s++)
            for (uint32_t w = 0; to < e->blocks && w < e->words; w++)
                in[w] |= set_at(e->live_in, e->words, to)[w];
        if (n->kind == COND_DEFINE)
            in[n->var / 64] &= ~(UINT64_C(1) << (n->var % 64));
        uses_of_leaf(e, n, in);
    }
}

static bool predecessors(struct emit *e)
{
    const struct lower *lw = e->lw;
    uint32_t *fill = arena_array(lw->arena, uint32_t, e->blocks + 1);
    uint32_t *last = arena_array(lw->arena, uint32_t,
                                 e->blocks + 1); /* the predecessor noted last, plus one; 0: no way in */
    uint32_t to;

    e->pred_first = arena_array(lw->arena, uint32_t, e->blocks + 2);
    if (!fill || !last || !e->pred_first)
        return false;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < e->blocks; i++)
            for (uint32_t s = 0; (i == 0 || last[i]) && successor(lw, &lw->node.at[e->leaf[i]], s, &to);
                 s++) {
                if (to >= e->blocks || last[to] == (uint32_t)pass * e->blocks + i + 1)
                    continue;
                last[to] = (uint32_t)pass * e->blocks + i + 1;
                if (pass == 0)
                    e->pred_first[to + 1]++;
                else
                    e->pred[e->pred_first[to] + fill[to]++] = i;
            }
        if (pass == 1)
            break;
        for (uint32_t i = 0; i < e->blocks; i++)
            e->pred_first[i + 1] += e->pred_first[i];
        e->pred = arena_array(lw->arena, uint32_t, e->pred_first[e->blocks]);
        if (!e->pred)
            return false;
    }
    return true;
}

/* The value of @v with variables replaced by e->env. */
static ir_value substitute(struct emit *e, ir_value v)
{
    struct ir_func *f = e->lw->f;

    e->stack.n = 0;
    if (!vec_push(e->lw->arena, &e->stack, v))
        goto out_of_memory;
    while (e->stack.n) {
        ir_value x = e->stack.at[e->stack.n - 1];
        const struct ir_node n = f->value.at[x];
        bool depends = false;

        for (uint32_t w = 0; w < e->words; w++)
            depends |= set_at(e->value_uses, e->words, x)[w] != 0;
        if (!depends) {
            e->memo[x] = x;
        } else if (n.op == IR_PHI) {
            for (uint32_t var = 1; var < e->vars; var++)
                if (e->lw->var.at[var].placeholder == x)
                    e->memo[x] = e->env[var];
        } else {
            ir_value need[2] = {n.a, n.b};
            uint32_t before = e->stack.n;
            for (int i = 0; i < 2; i++)
                if (need[i] != IR_NONE && e->memo_stamp[need[i]] != e->stamp &&
                    !vec_push(e->lw->arena, &e->stack, need[i]))
                    goto out_of_memory;
            if (e->stack.n != before)
                continue;
            ir_value a = n.a != IR_NONE ? e->memo[n.a] : IR_NONE;
            e->memo[x] = ir_with(f, x, a, n.b != IR_NONE ? e->memo[n.b] : IR_NONE);
        }
        e->memo_stamp[x] = e->stamp;
        e->stack.n--;
    }
    return e->memo[v];
out_of_memory:
    f->failed = true;
    return 0;
}

/* Does @from, which has been emitted, go on at @to? A test that its value's range decides does not go both
 * ways. */
static bool goes_to(const struct ir_func *f, uint32_t from, uint32_t to)
{
    const struct ir_block *b = &f->block.at[from];

    for (uint32_t c = 0; c < b->to.n; c++)
        if (b->to.at[c].target == to)
            return true;
    return false;
}

/* The variable's value on entering @block. */
static ir_value value_on_entry(struct emit *e, uint32_t block, uint32_t var)
{
    struct ir_func *f = e->lw->f;
    ir_value same = IR_NONE;
    bool differ = false;

    if (e->pred_first[block + 1] == e->pred_first[block] + 1 &&
        !e->lw->var.at[var].keep) /* one way, whether it is gone or not */
        return e->out[(size_t)e->pred[e->pred_first[block]] * e->vars + var];
    for (uint32_t i = e->pred_first[block]; i < e->pred_first[block + 1]; i++) {
        const struct cond_node *from = &e->lw->node.at[e->leaf[e->pred[i]]];
        ir_value v = e->out[(size_t)e->pred[i] * e->vars + var];
        if (!goes_to(f, e->pred[i], block))
            continue;
        differ |= same != IR_NONE && v != same;
        differ |= e->lw->var.at[var].keep && from->kind == COND_DEFINE && from->var == var;
        same = v;
    }
    if (same == IR_NONE) /* the first block, or one that is never reached */
        return ir_const(f, VAR_ABSENT);
    if (!differ)
        return same;

    ir_value phi = ir_phi(f, block);
    struct ir_range all = {UINT32_MAX, 0};
    for (uint32_t i = e->pred_first[block]; i < e->pred_first[block + 1]; i++) {
        if (!goes_to(f, e->pred[i], block))
            continue;
        ir_value v = e->out[(size_t)e->pred[i] * e->vars + var];
        struct ir_range r = ir_range(f, v);
        all.lo = r.lo < all.lo ? r.lo : all.lo;
        all.hi = r.hi > all.hi ? r.hi : all.hi;
        ir_phi_arg_add(f, block, phi, e->pred[i], v);
    }
    ir_phi_range_set(f, phi, all.lo, all.hi);
    return phi;
}

static void emit_block(struct emit *e, uint32_t i)
{
    struct lower *lw = e->lw;
    const struct cond_node *n = &lw->node.at[e->leaf[i]];
    uint32_t b = ir_block_new(lw->f, n->at);
    bool changed = i == 0;

    for (uint32_t var = 1; var < e->vars; var++) {
        ir_value v = has(set_at(e->live_in, e->words, i), var) ? value_on_entry(e, i, var) : IR_NONE;
        changed |= v != e->env[var];
        e->env[var] = v;
    }
    e->stamp += changed; /* what was substituted before holds while the environment is the same */

    for (uint32_t g = 0; g < n->guards; g++) {
        struct ir_guard guard = lw->guard.at[n->guard + g];
        if (guard.base != IR_NONE) { /* in the form a load through the same base has */
            ir_value probe = ir_load(lw->f, substitute(e, guard.base), guard.offset, 1);
            guard.base = lw->f->value.at[probe].a;
            guard.offset = lw->f->value.at[probe].imm;
        }
        ir_guard_add(lw->f, b, guard.base, guard.offset, guard.size);
    }
    ir_value on = substitute(e, n->on);
    emit_leaf(lw, n, on);

    for (uint32_t var = 1; var < e->vars; var++)
        e->out[(size_t)i * e->vars + var] = e->env[var];
    if (n->kind == COND_DEFINE)
        e->out[(size_t)i * e->vars + n->var] = on;
}

static bool emit_with_variables(struct lower *lw, struct emit *e)
{
    struct arena *a = lw->arena;

    e->vars = lw->var.n;
    e->words = (e->vars + 63) / 64;
    e->values = lw->f->value.n;
    e->value_uses = arena_array(a, word, (size_t)e->values * e->words);
    e->live_in = arena_array(a, word, (size_t)e->blocks * e->words);
    e->out = arena_array(a, ir_value, (size_t)e->blocks * e->vars);
    e->env = arena_array(a, ir_value, e->vars);
    e->memo = arena_array(a, ir_value, e->values);
    e->memo_stamp = arena_array(a, uint32_t, e->values);
    if (!e->value_uses || !e->live_in || !e->out || !e->env || !e->memo || !e->memo_stamp || !predecessors(e))
        return false;
    for (uint32_t var = 1; var < e->vars; var++)
        if (lw->var.at[var].placeholder != IR_NONE)
            add(set_at(e->value_uses, e->words, lw->var.at[var].placeholder), var);
    uses_of_values(e);
    liveness(e);
    for (uint32_t i = 0; i < e->blocks && !lw->f->failed; i++)
        emit_block(e, i);
    lw->f->seldoms =
        0; /* it is said of values with placeholders in them; and there are PHIs now, which name blocks */
    return true;
}

int cond_emit(struct lower *lw, cond root)
{
    struct emit e = {.lw = lw};
    bool variables = false;

    if (root == COND_TRUE || root == COND_FALSE) {
        lw->f->entry = root == COND_TRUE ? IR_ACCEPT : IR_REJECT;
        return 0;
    }
    for (uint32_t var = 1; var < lw->var.n; var++)
        variables |= lw->var.at[var].placeholder != IR_NONE;
    if (!assign_targets(lw, root, variables, &e))
        return WEIR_E_MEMORY;
    lw->f->entry = 0;
    if (!variables)
        emit_without_variables(lw, &e);
    else if (!emit_with_variables(lw, &e))
        return WEIR_E_MEMORY;
    return lw->f->failed ? WEIR_E_MEMORY : 0;
}
