/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/verify.c - the rules of docs/ir.md, checked.
 *
 * Shape first (operands, cases, PHI arguments), each in one walk. Then what is known at the end of each
 * block's guards, in block order, which is topological: how many bytes from the packet's start are there,
 * and a chain of facts about single values. Chains share their tails, so a block without guards costs
 * nothing; where paths meet, the common tail is found by jump pointers (the skew-binary ancestor search of
 * Myers, "An applicative random-access stack", 1983), and only what lies in front of it is intersected. The
 * same search answers dominance.
 */
#include "ir/ir.h"

/* A node of a tree that grows at its leaves: the chain of facts, or the dominator tree. Node 0 is the root.
 */
struct link {
    uint32_t parent, jump, depth;
};

/* base + [begin, end) is captured: for every offset in the interval, modulo 2^32. Or, when end is 0: base
 * is not zero. */
struct fact {
    ir_value base;
    uint32_t begin;
    uint64_t end;
    uint32_t same; /* while meeting: 1 + another fact about this base */
};

/* What holds behind the guards of a block. */
struct known {
    uint64_t bytes; /* from the packet's start */
    uint32_t facts; /* number of a fact chain */
};

struct verifier {
    const struct ir_func *f;
    struct arena *scratch;
    VEC(struct link) link; /* of facts */
    VEC(struct fact) fact;
    struct link *dom;     /* by 1 + block; node 0 stands above the entry */
    struct known *known;  /* by block */
    bool *reachable;      /* by block */
    uint32_t *first_pred; /* by block, and one more: its predecessors are pred[first] .. */
    uint32_t *pred;
    uint32_t *mark;    /* by block */
    uint32_t *checked; /* by value: 1 + a block where it was found usable */
    uint32_t *seen;    /* by value: the walk that met it last */
    uint32_t *about;   /* by value: 1 + first fact, while meeting */
    bool *divisor;     /* by value: a division needs it tested */
    bool *listed;      /* by value: a PHI that its block lists */
    ir_value *stack;
    uint32_t walk;
    uint32_t where;
    const char *wrong;
};

static bool complain(struct verifier *v, uint32_t where, const char *what)
{
    if (!v->wrong) {
        v->wrong = what;
        v->where = where;
    }
    return false;
}

static bool no_memory(struct verifier *v)
{
    return complain(v, IR_REJECT, "the verifier ran out of memory");
}

/* ---------------------------------------------------------------- trees */

static struct link link_below(const struct link *tree, uint32_t parent)
{
    const struct link *p = &tree[parent], *j = &tree[p->jump];
    bool level = p->depth - j->depth == j->depth - tree[j->jump].depth;

    return (struct link){parent, level ? j->jump : parent, p->depth + 1};
}

static uint32_t link_at_depth(const struct link *tree, uint32_t x, uint32_t depth)
{
    while (tree[x].depth > depth)
        x = tree[tree[x].jump].depth >= depth ? tree[x].jump : tree[x].parent;
    return x;
}

static uint32_t link_common(const struct link *tree, uint32_t x, uint32_t y)
{
    if (tree[x].depth > tree[y].depth)
        x = link_at_depth(tree, x, tree[y].depth);
    else
        y = link_at_depth(tree, y, tree[x].depth);
    while (x != y) {
        bool far = tree[x].jump != tree[y].jump;
        x = far ? tree[x].jump : tree[x].parent;
        y = far ? tree[y].jump : tree[y].parent;
    }
    return x;
}

static bool dominates(const struct verifier *v, uint32_t a, uint32_t b)
{
    const struct link *x = &v->dom[a + 1], *y = &v->dom[b + 1];

    return x->depth <= y->depth && link_at_depth(v->dom, b + 1, x->depth) == a + 1;
}

/* ---------------------------------------------------------------- shape */

static bool check_value(struct verifier *v, ir_value i)
{
    const struct ir_func *f = v->f;
    const struct ir_node *n = &f->value.at[i];

    if (n->op >= IR_OP_COUNT)
        return complain(v, IR_REJECT, "a value has no operator");
    unsigned arity = ir_op_arity(n->op);
    if ((arity < 1 && n->a != IR_NONE) || (arity < 2 && n->b != IR_NONE))
        return complain(v, IR_REJECT, "a value has an operand too many");
    bool no_base = n->a == IR_NONE && (arity == 1 || ir_is_lookup(n));
    if ((arity >= 1 && n->a >= i && !no_base) || (arity == 2 && n->b >= i))
        return complain(v, IR_REJECT, "an operand does not come before its user");
    if (ir_is_lookup(n) && (f->value.at[n->b].op != IR_CONST || ir_lookup_set(f, n) >= f->set.n))
        return complain(v, IR_REJECT, "a lookup is in no set");
    if (ir_is_lookup(n) && !ir_set_takes(f->set.at[ir_lookup_set(f, n)].kind, n->op))
        return complain(v, IR_REJECT, "a set holds no members of a lookup's kind");
    if (n->op == IR_META && !ir_meta_find(n->imm))
        return complain(v, IR_REJECT, "there is no such metadata");
    if ((n->op == IR_UDIV || n->op == IR_UMOD) && !f->range.at[n->b].lo)
        v->divisor[n->b] = true;
    return true;
}

static bool check_function(struct verifier *v)
{
    const struct ir_func *f = v->f;

    if (f->failed)
        return complain(v, IR_REJECT, "memory ran out while the function was built");
    if (f->set.n > IR_SETS_MAX)
        return complain(v, IR_REJECT, "there are too many sets");
    if (!f->accept)
        return complain(v, IR_REJECT, "an accepted packet would return 0");
    if (!f->value.n || f->value.at[0].op != IR_CONST || f->value.at[0].imm || f->range.n != f->value.n)
        return complain(v, IR_REJECT, "value 0 is not the constant 0");
    if (f->entry < IR_ACCEPT && f->entry >= f->block.n)
        return complain(v, IR_REJECT, "the entry is not a block");
    for (ir_value i = 0; i < f->value.n; i++)
        if (!check_value(v, i))
            return false;
    return true;
}

static bool check_block(struct verifier *v, uint32_t at)
{
    const struct ir_func *f = v->f;
    const struct ir_block *b = &f->block.at[at];

    for (uint32_t i = 0; i < b->guard.n; i++) {
        if (b->guard.at[i].base != IR_NONE && b->guard.at[i].base >= f->value.n)
            return complain(v, at, "a guard's base is not a value");
        if (!b->guard.at[i].size)
            return complain(v, at, "a guard has size 0");
    }
    if (!b->to.n && b->on == IR_NONE)
        return complain(v, at, "a block does not end in a jump, switch or return");
    if (b->to.n == 1 ? b->on != IR_NONE : b->on >= f->value.n)
        return complain(v, at, "a jump has a value, or a switch or return none");
    for (uint32_t i = 0; i < b->to.n; i++) {
        const struct ir_case *c = &b->to.at[i];
        if (c->target < IR_ACCEPT && (c->target <= at || c->target >= f->block.n))
            return complain(v, at, "a target is not a later block");
        if (i && c->last <= c[-1].last)
            return complain(v, at, "the cases of a switch do not ascend");
        if (i && c->target == c[-1].target)
            return complain(v, at, "two neighbouring cases have one target");
    }
    if (b->to.n && b->to.at[b->to.n - 1].last != UINT32_MAX)
        return complain(v, at, "a switch does not cover every number");
    for (uint32_t i = 0; i < b->phi.n; i++) {
        ir_value p = b->phi.at[i].value;
        if (p >= f->value.n || f->value.at[p].op != IR_PHI || f->value.at[p].imm != at || v->listed[p])
            return complain(v, at, "a phi is not its block's");
        v->listed[p] = true;
    }
    if (b->phi.n && at == f->entry)
        return complain(v, at, "the entry block has a phi");
    return true;
}

/* Each block's predecessors, every one once. */
static bool find_predecessors(struct verifier *v)
{
    const struct ir_func *f = v->f;
    uint32_t n = f->block.n, total = 0;

    for (int fill = 0; fill < 2; fill++) {
        for (uint32_t i = 0; i < n; i++)
            v->mark[i] = 0;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < f->block.at[i].to.n; k++) {
                uint32_t t = f->block.at[i].to.at[k].target;
                if (t >= IR_ACCEPT || v->mark[t] == i + 1)
                    continue;
                v->mark[t] = i + 1;
                if (fill)
                    v->pred[--v->first_pred[t]] = i;
                else
                    v->first_pred[t]++;
            }
        if (fill)
            break;
        for (uint32_t i = 0; i < n; i++) { /* counts become ends; filling moves them to starts */
            if (v->first_pred[i] > UINT32_MAX - total)
                return no_memory(v);
            v->first_pred[i] = total += v->first_pred[i];
        }
        v->first_pred[n] = total;
        v->pred = arena_array(v->scratch, uint32_t, (size_t)total + 1);
        if (!v->pred)
            return no_memory(v);
    }
    return true;
}

static bool check_phi_arguments(struct verifier *v, uint32_t at)
{
    const struct ir_func *f = v->f;
    const struct ir_block *b = &f->block.at[at];
    uint32_t first = v->first_pred[at], end = v->first_pred[at + 1];

    for (uint32_t i = 0; i < b->phi.n; i++) {
        const struct ir_phi *p = &b->phi.at[i];
        struct ir_range r = f->range.at[p->value];
        for (uint32_t k = first; k < end; k++)
            v->mark[v->pred[k]] = UINT32_MAX;
        for (uint32_t k = 0; k < p->arg.n; k++) {
            const struct ir_phi_arg *a = &p->arg.at[k];
            if (a->block >= at || v->mark[a->block] != UINT32_MAX)
                return complain(v, at, "a phi has an argument for no predecessor, or two for one");
            v->mark[a->block] = 0;
            if (a->value >= f->value.n)
                return complain(v, at, "a phi's argument is not a value");
            if (f->range.at[a->value].lo < r.lo || f->range.at[a->value].hi > r.hi)
                return complain(v, at, "a phi's argument can be outside the range it promises");
        }
        for (uint32_t k = first; k < end; k++)
            if (v->mark[v->pred[k]])
                return complain(v, at, "a phi has no argument for a predecessor");
    }
    return true;
}

/* ---------------------------------------------------------------- facts */

static uint32_t fact_push(struct verifier *v, uint32_t chain, struct fact fact)
{
    struct link l = link_below(v->link.at, chain);

    if (!vec_push(v->scratch, &v->link, l) || !vec_push(v->scratch, &v->fact, fact)) {
        no_memory(v);
        return chain;
    }
    return v->link.n - 1;
}

/* The addresses base + offset can be; false when some wrap and others do not. */
static bool address_range(const struct ir_func *f, ir_value base, uint32_t offset, struct ir_range *out)
{
    struct ir_range r = f->range.at[base];
    uint64_t lo = (uint64_t)r.lo + offset, hi = (uint64_t)r.hi + offset;

    if (lo >> 32 != hi >> 32)
        return false;
    *out = (struct ir_range){(uint32_t)lo, (uint32_t)hi};
    return true;
}

/* @implied takes what the guard says of the packet's start when its base is variable. */
static void learn_guard(struct verifier *v, struct known *k, const struct ir_guard *g, uint64_t *implied)
{
    uint64_t end = (uint64_t)g->offset + g->size;
    struct ir_range at;

    if (g->base == IR_NONE) {
        k->bytes = k->bytes > end ? k->bytes : end;
        return;
    }
    if (address_range(v->f, g->base, g->offset, &at) && (uint64_t)at.lo + g->size > *implied)
        *implied = (uint64_t)at.lo + g->size;
    /* A base that cannot wrap has smaller addresses at smaller offsets. */
    bool flat = (uint64_t)v->f->range.at[g->base].hi + g->offset <= UINT32_MAX;
    struct fact fact = {.base = g->base, .begin = flat ? 0 : g->offset, .end = end};
    uint32_t look = 32; /* repeated guards are worth a short look; a fact twice does no harm */
    for (uint32_t i = k->facts; i && look; i = v->link.at[i].parent, look--)
        if (v->fact.at[i].base == fact.base && v->fact.at[i].begin <= fact.begin &&
            fact.end <= v->fact.at[i].end)
            return;
    k->facts = fact_push(v, k->facts, fact);
}

static bool covered(const struct verifier *v, const struct known *k, const struct ir_node *load)
{
    unsigned size = ir_read_bytes(load);
    uint64_t end = (uint64_t)load->imm + size;
    struct ir_range at;

    if (load->a == IR_NONE) /* no packet gets past a guard for more than there can be */
        return end <= k->bytes || k->bytes > IR_ADDRESS_MAX;
    if (address_range(v->f, load->a, load->imm, &at) && (uint64_t)at.hi + size <= k->bytes)
        return true;
    for (uint32_t i = k->facts; i; i = v->link.at[i].parent) {
        const struct fact *fact = &v->fact.at[i];
        if (fact->base == load->a && fact->begin <= load->imm && end <= fact->end)
            return true;
    }
    return false;
}

static bool known_nonzero(const struct verifier *v, const struct known *k, ir_value x)
{
    if (v->f->range.at[x].lo)
        return true;
    for (uint32_t i = k->facts; i; i = v->link.at[i].parent)
        if (v->fact.at[i].base == x && !v->fact.at[i].end)
            return true;
    return false;
}

/* What is known on the way from block @from to block @to: the switch may have told a divisor from zero. */
static struct known known_on_edge(struct verifier *v, uint32_t from, uint32_t to)
{
    const struct ir_block *b = &v->f->block.at[from];
    struct known k = v->known[from];

    if (b->on != IR_NONE && v->divisor[b->on] && ir_case_find(b, 0) != to) {
        struct fact fact = {.base = b->on};
        k.facts = fact_push(v, k.facts, fact);
    }
    return k;
}

/* The facts of both chains: their common tail, and in front of it what each says of the same values. */
static uint32_t facts_meet(struct verifier *v, uint32_t x, uint32_t y)
{
    uint32_t tail = link_common(v->link.at, x, y), out = tail;

    if (tail == x || tail == y)
        return tail;
    for (uint32_t i = y; i != tail; i = v->link.at[i].parent) {
        v->fact.at[i].same = v->about[v->fact.at[i].base];
        v->about[v->fact.at[i].base] = i + 1;
    }
    for (uint32_t i = x; i != tail; i = v->link.at[i].parent) {
        struct fact best = {.base = v->fact.at[i].base};
        bool any = false;
        for (uint32_t k = v->about[best.base]; k; k = v->fact.at[k - 1].same) {
            struct fact p = v->fact.at[i], q = v->fact.at[k - 1];
            if (!p.end != !q.end)
                continue;
            p.begin = p.begin > q.begin ? p.begin : q.begin;
            p.end = p.end < q.end ? p.end : q.end;
            if (p.begin && p.begin < p.end) {
                out = fact_push(v, out, p);
            } else if (!p.begin) { /* of intervals from 0 the longest says everything */
                best.end = p.end > best.end ? p.end : best.end;
                any = true;
            }
        }
        if (any)
            out = fact_push(v, out, best);
    }
    for (uint32_t i = y; i != tail; i = v->link.at[i].parent)
        v->about[v->fact.at[i].base] = 0;
    return out;
}

/* ---------------------------------------------------------------- uses */

/*
 * May @value be computed in @block, knowing @k? Looks through operands, PHIs stopping it. @k either is what
 * the block's guards give (@remember: then dominated blocks need not ask again) or more.
 */
static bool check_use(struct verifier *v, ir_value value, uint32_t block, const struct known *k,
                      bool remember)
{
    const struct ir_func *f = v->f;
    uint32_t top = 0, walk = ++v->walk;

    if (value == IR_NONE)
        return true;
    v->stack[top++] = value;
    v->seen[value] = walk;
    while (top) {
        ir_value x = v->stack[--top];
        const struct ir_node *n = &f->value.at[x];
        if (v->checked[x] && dominates(v, v->checked[x] - 1, block))
            continue;
        if (n->op == IR_PHI && (!v->listed[x] || !v->reachable[n->imm] || !dominates(v, n->imm, block)))
            return complain(v, block, "a phi is used where its block need not have been");
        if (ir_read_bytes(n) && !covered(v, k, n))
            return complain(v, block, "a load is used where no guard covers it");
        if ((n->op == IR_UDIV || n->op == IR_UMOD) && !known_nonzero(v, k, n->b))
            return complain(v, block, "a divisor was not tested");
        if (remember)
            v->checked[x] = block + 1;
        ir_value operand[2] = {n->a, n->b};
        for (int i = 0; i < 2; i++)
            if (operand[i] != IR_NONE && v->seen[operand[i]] != walk) {
                v->seen[operand[i]] = walk;
                v->stack[top++] = operand[i];
            }
    }
    return true;
}

/* A PHI's argument is used at the end of its predecessor. */
static bool check_phi_uses(struct verifier *v, uint32_t at)
{
    const struct ir_block *b = &v->f->block.at[at];

    for (uint32_t i = 0; i < b->phi.n; i++)
        for (uint32_t k = 0; k < b->phi.at[i].arg.n; k++) {
            const struct ir_phi_arg *a = &b->phi.at[i].arg.at[k];
            if (!v->reachable[a->block])
                continue;
            struct known known = known_on_edge(v, a->block, at);
            bool same = known.facts == v->known[a->block].facts;
            if (v->wrong || !check_use(v, a->value, a->block, &known, same))
                return false;
        }
    return true;
}

/* Sorts by base, absolute guards first. A heap: long lists, no recursion. */
static void sort_guards(struct ir_guard *g, uint32_t n)
{
    for (uint32_t start = n / 2, end = n; end > 1;) {
        if (start) {
            start--;
        } else {
            struct ir_guard last = g[--end];
            g[end] = g[0];
            g[0] = last;
        }
        for (uint32_t at = start, child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && g[child].base + 1 < g[child + 1].base + 1)
                child++;
            if (g[at].base + 1 >= g[child].base + 1)
                break;
            struct ir_guard swap = g[at];
            g[at] = g[child];
            g[child] = swap;
        }
    }
}

/*
 * A guard's base may need loads that other guards of the block cover: absolute ones, or ones of the load's
 * own base. Those have smaller bases, so in the order of bases every guard is checked knowing what it needs,
 * and none can vouch for itself. What variable guards imply about the packet's start waits until all are
 * checked: by then it does not matter which of two values has the smaller number.
 */
static bool check_guards(struct verifier *v, uint32_t at, struct known *k)
{
    const struct ir_block *b = &v->f->block.at[at];
    uint64_t implied = 0;

    if (!b->guard.n)
        return true;
    struct ir_guard *g = arena_array(v->scratch, struct ir_guard, b->guard.n);
    if (!g)
        return no_memory(v);
    for (uint32_t i = 0; i < b->guard.n; i++)
        g[i] = b->guard.at[i];
    sort_guards(g, b->guard.n);
    for (uint32_t i = 0; i < b->guard.n && !v->wrong; i++)
        if (check_use(v, g[i].base, at, k, true))
            learn_guard(v, k, &g[i], &implied);
    k->bytes = k->bytes > implied ? k->bytes : implied;
    return !v->wrong;
}

/* Dominator, known facts and uses of a block whose predecessors are done. */
static bool check_flow(struct verifier *v, uint32_t at)
{
    const struct ir_block *b = &v->f->block.at[at];
    struct known k = {0, 0};
    uint32_t above = 0;
    bool first = true;

    if (at != v->f->entry)
        for (uint32_t i = v->first_pred[at]; i < v->first_pred[at + 1]; i++) {
            uint32_t p = v->pred[i];
            if (!v->reachable[p])
                continue;
            struct known edge = known_on_edge(v, p, at);
            if (first) {
                k = edge;
                above = p + 1;
            } else {
                k.bytes = k.bytes < edge.bytes ? k.bytes : edge.bytes;
                k.facts = facts_meet(v, k.facts, edge.facts);
                above = link_common(v->dom, above, p + 1);
            }
            first = false;
        }
    if (first && at != v->f->entry)
        return true;
    v->reachable[at] = true;
    v->dom[at + 1] = link_below(v->dom, above);
    if (!check_phi_uses(v, at))
        return false;
    if (v->wrong || !check_guards(v, at, &k))
        return false;
    v->known[at] = k;
    return check_use(v, b->on, at, &k, true);
}

static bool verifier_init(struct verifier *v)
{
    size_t values = (size_t)v->f->value.n + 1, blocks = (size_t)v->f->block.n + 1;
    struct link root = {0};
    struct fact nothing = {.base = IR_NONE};

    v->dom = arena_array(v->scratch, struct link, blocks + 1);
    v->known = arena_array(v->scratch, struct known, blocks);
    v->reachable = arena_array(v->scratch, bool, blocks);
    v->first_pred = arena_array(v->scratch, uint32_t, blocks);
    v->mark = arena_array(v->scratch, uint32_t, blocks);
    v->checked = arena_array(v->scratch, uint32_t, values);
    v->seen = arena_array(v->scratch, uint32_t, values);
    v->about = arena_array(v->scratch, uint32_t, values);
    v->divisor = arena_array(v->scratch, bool, values);
    v->listed = arena_array(v->scratch, bool, values);
    v->stack = arena_array(v->scratch, ir_value, values);
    return v->dom && v->known && v->reachable && v->first_pred && v->mark && v->checked && v->seen &&
           v->about && v->divisor && v->listed && v->stack && vec_push(v->scratch, &v->link, root) &&
           vec_push(v->scratch, &v->fact, nothing);
}

static void verify(struct verifier *v)
{
    uint32_t n = v->f->block.n;

    if (!verifier_init(v)) {
        no_memory(v);
        return;
    }
    if (!check_function(v))
        return;
    for (uint32_t i = 0; i < n; i++)
        if (!check_block(v, i))
            return;
    if (!find_predecessors(v))
        return;
    for (uint32_t i = 0; i < n; i++)
        v->mark[i] = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!check_phi_arguments(v, i))
            return;
    for (uint32_t i = 0; i < n; i++)
        if (!check_flow(v, i))
            return;
}

const char *ir_verify(const struct ir_func *f, struct arena *scratch, uint32_t *where)
{
    struct verifier v = {.f = f, .scratch = scratch};
    struct arena_mark m = arena_mark(scratch);

    verify(&v);
    arena_rewind(scratch, m);
    *where = v.wrong ? v.where : IR_REJECT;
    return v.wrong;
}
