/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/operands.c - how the two operands of an operator get into A and X, and what that costs.
 *
 * Every way is tried; the shortest wins that waits in few scratch cells. What a value costs follows from its
 * operands', in the order of values: Sethi and Ullman's numbers, for one register and an index.
 */
#include "backends/cbpf/operands.h"

#define STEPS_MAX (1u << 20)

static const struct ir_node *node(const struct cb_emit *e, ir_value v)
{
    return &e->f->value.at[v];
}

bool cb_is_compare(enum ir_op op)
{
    return op == IR_EQ || op == IR_UGT || op == IR_UGE;
}

bool cb_can_swap(enum ir_op op)
{
    return op == IR_ADD || op == IR_MUL || op == IR_AND || op == IR_OR || op == IR_XOR || cb_is_compare(op);
}

/* The value that @v is four times of, or IR_NONE. */
static ir_value quarter_of(const struct cb_emit *e, ir_value v)
{
    const struct ir_node *n = node(e, v);
    uint32_t k;

    if ((n->op != IR_SHL && n->op != IR_MUL) || !ir_is_const(e->f, n->b, &k))
        return IR_NONE;
    return k == (n->op == IR_SHL ? 2 : 4) ? n->a : IR_NONE;
}

/* The value that @v is the bits @mask of, or IR_NONE. */
static ir_value masked_of(const struct cb_emit *e, ir_value v, uint32_t mask)
{
    const struct ir_node *n = node(e, v);
    uint32_t k;

    return n->op == IR_AND && ir_is_const(e->f, n->b, &k) && k == mask ? n->a : IR_NONE;
}

bool cb_is_nibble(const struct cb_emit *e, ir_value v, uint32_t *k)
{
    ir_value w = masked_of(e, v, 0x3c); /* masked before or behind the multiplication */

    w = w != IR_NONE ? quarter_of(e, w) : quarter_of(e, v);
    if (w != IR_NONE && node(e, v)->op != IR_AND)
        w = masked_of(e, w, 15);
    if (w == IR_NONE)
        return false;
    const struct ir_node *n = node(e, w);
    if (n->op != IR_LOAD8 || n->a != IR_NONE || n->imm >= IR_ADDRESS_MAX)
        return false;
    *k = n->imm;
    return true;
}

bool cb_address_unsafe(struct cb_emit *e, ir_value base, uint32_t offset, uint32_t size)
{
    struct ir_range r = ir_range(e->f, base);
    uint64_t lo = (uint64_t)r.lo + offset, hi = (uint64_t)r.hi + offset + size - 1;
    uint64_t turn = UINT64_C(1) << 32;

    /* the first and the second time round */
    return (lo < turn && hi >= CB_MAGIC_BASE) || hi >= turn + CB_MAGIC_BASE;
}

static uint32_t steps_add(uint32_t a, uint32_t b)
{
    return a + b < STEPS_MAX ? a + b : STEPS_MAX;
}

static void plan_try(struct cb_plan *best, struct cb_plan p)
{
    const unsigned enough = 4; /* cells a shorter way may cost */
    bool fits = p.cells <= enough, best_fits = best->cells <= enough;

    if (fits != best_fits ? fits : fits ? p.steps < best->steps : p.cells < best->cells)
        *best = p;
}

static uint8_t larger(unsigned a, unsigned b)
{
    unsigned c = a > b ? a : b;

    return (uint8_t)(c < 200 ? c : 200);
}

/* An operand that is evaluated first may find itself in A. */
static struct cb_view first(const struct cb_view *v)
{
    struct cb_view w = *v;

    if (w.in_a) {
        w.steps = w.cells = 0;
        w.uses_x = false;
    }
    return w;
}

static void plan_one_way(struct cb_plan *best, const struct cb_view *left, const struct cb_view *right,
                         bool swap)
{
    struct cb_view l1 = first(left), r1 = first(right);
    uint32_t l_first = steps_add(l1.steps, right->steps), r_first = steps_add(left->steps, r1.steps);

    if (right->in_x && !l1.uses_x)
        plan_try(best, (struct cb_plan){HELD, swap, l1.steps, l1.cells});
    if (right->direct)
        plan_try(best, (struct cb_plan){DIRECT, swap, steps_add(l1.steps, 1), l1.cells});
    if (!left->uses_x)
        plan_try(best, (struct cb_plan){VIA_A, swap, steps_add(r_first, 1), larger(left->cells, r1.cells)});
    plan_try(best, (struct cb_plan){WAIT_X, swap, steps_add(r_first, 2), larger(r1.cells, left->cells + 1u)});
    plan_try(best,
             (struct cb_plan){WAIT_A, swap, steps_add(l_first, 3), larger(l1.cells, right->cells + 1u)});
}

struct cb_plan cb_plan_make(const struct cb_view *a, const struct cb_view *b, bool may_swap)
{
    struct cb_plan best = {WAIT_X, false, UINT32_MAX, 255};

    plan_one_way(&best, a, b, false);
    if (may_swap)
        plan_one_way(&best, b, a, true);
    return best;
}

/* As the value costs when nothing is at hand. */
struct cb_view cb_view_static(const struct cb_emit *e, ir_value v)
{
    const struct cb_cost *c = &e->cost[v];

    return (struct cb_view){c->steps, c->cells, c->uses_x, c->direct, false, false};
}

static struct cb_cost cost_load(struct cb_emit *e, const struct ir_node *n)
{
    if (n->a == IR_NONE)
        return (struct cb_cost){1, 0, false, false};
    struct cb_view b = cb_view_static(e, n->a);
    if (cb_address_unsafe(e, n->a, n->imm, ir_load_size(n)))
        return (struct cb_cost){steps_add(b.steps, 4), b.cells, true, false};
    return (struct cb_cost){b.direct ? 2 : steps_add(b.steps, 2), b.cells, true, false};
}

static struct cb_cost cost_binary(const struct cb_emit *e, const struct ir_node *n)
{
    struct cb_view a = cb_view_static(e, n->a), b = cb_view_static(e, n->b);
    uint32_t own = cb_is_compare(n->op) ? 3 : 1, k;

    if (ir_is_const(e->f, n->b, &k))
        return (struct cb_cost){steps_add(a.steps, own), a.cells, a.uses_x, false};
    if (n->op == IR_SUB && ir_is_const(e->f, n->a, &k) && k == 0)
        return (struct cb_cost){steps_add(b.steps, own), b.cells, b.uses_x, false};
    struct cb_plan p = cb_plan_make(&a, &b, cb_can_swap(n->op));
    return (struct cb_cost){steps_add(p.steps, own), p.cells, true, false};
}

void cb_costs(struct cb_emit *e)
{
    uint32_t k;

    for (ir_value v = 0; v < e->f->value.n; v++) {
        const struct ir_node *n = node(e, v);
        if (ir_is_load(n))
            e->cost[v] = cost_load(e, n);
        else if (n->op == IR_CONST || n->op == IR_LEN || n->op == IR_META || n->op == IR_PHI)
            e->cost[v] = (struct cb_cost){1, 0, false, n->op == IR_CONST || n->op == IR_PHI};
        else if (cb_is_nibble(e, v, &k))
            e->cost[v] = (struct cb_cost){2, 0, false, true};
        else
            e->cost[v] = cost_binary(e, n);
    }
}
