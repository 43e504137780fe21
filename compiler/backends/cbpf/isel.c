/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/isel.c - evaluation: instructions that bring a value into A or X.
 *
 * Classic BPF computes A = A op X or A = A op k, and addresses with X. A tree of operators is evaluated as
 * Sethi and Ullman do ("The generation of optimal code for arithmetic expressions", 1970), with one register
 * for results, X for the right operand and scratch cells for what has to wait. Values that are used again in
 * the same evaluation get a cell too while there are enough. The walk keeps its own stack, so expressions
 * may be as deep as they like; only the number of waiting values is limited.
 */
#include "backends/cbpf/operands.h"

#define SHARE_FROM 3u /* a value this long to compute is worth a cell when it is used twice */

/* What a task does. */
enum {
    DO_EVAL,    /* bring v into A; keep_x: without touching X */
    DO_GOT,     /* A holds v now */
    DO_TAX,     /* X = A */
    DO_SPILL,   /* A, which is v, has to wait */
    DO_LD,      /* A = what waits, which is v */
    DO_LDX,     /* X = what waits, which is v */
    DO_X,       /* bring v, which X can be loaded with directly, into X; A stays */
    DO_OP_X,    /* code */
    DO_OP_K,    /* code, k */
    DO_LOAD,    /* indirect load of v */
    DO_CHECK,   /* reject when A, which is v + k, is no packet address */
    DO_COMPARE, /* A = (A code X), or (A code k) */
};

static const struct ir_node *node(const struct cb_emit *e, ir_value v)
{
    return &e->f->value.at[v];
}

static uint16_t alu_of(enum ir_op op)
{
    switch (op) {
    case IR_ADD:
        return CB_ALU | CB_ADD;
    case IR_SUB:
        return CB_ALU | CB_SUB;
    case IR_MUL:
        return CB_ALU | CB_MUL;
    case IR_UDIV:
        return CB_ALU | CB_DIV;
    case IR_UMOD:
        return CB_ALU | CB_MOD;
    case IR_AND:
        return CB_ALU | CB_AND;
    case IR_OR:
        return CB_ALU | CB_OR;
    case IR_XOR:
        return CB_ALU | CB_XOR;
    case IR_SHL:
        return CB_ALU | CB_LSH;
    default:
        return CB_ALU | CB_RSH;
    }
}

/* ---------------------------------------------------------------- cells during an evaluation */

static uint8_t cell_of(const struct cb_emit *e, ir_value v)
{
    if (e->temp[v] != NO_CELL)
        return e->temp[v];
    if (e->home[v] == NO_CELL || node(e, v)->op == IR_PHI)
        return e->home[v];
    return e->kept_now >> e->kept_index[v] & 1 ? e->home[v] : NO_CELL;
}

static unsigned cells_free(const struct cb_emit *e)
{
    return CBPF_SCRATCH_CELLS - (unsigned)__builtin_popcount(e->cells);
}

static uint8_t cell_take(struct cb_emit *e)
{
    for (uint8_t c = 0; c < CBPF_SCRATCH_CELLS; c++)
        if (!(e->cells >> c & 1)) {
            e->cells |= (uint16_t)(1u << c);
            return c;
        }
    cb_fail(e, WEIR_E_UNSUPPORTED); /* emit.c words it */
    return 0;
}

static void cell_release(struct cb_emit *e, uint8_t c)
{
    e->cells &= (uint16_t) ~(1u << c);
}

static void use_done(struct cb_emit *e, ir_value v)
{
    if (e->uses[v] && --e->uses[v] == 0 && e->temp[v] != NO_CELL) {
        cell_release(e, e->temp[v]);
        e->temp[v] = NO_CELL;
    }
}

/* As the value costs right now. */
static struct cb_view view_now(const struct cb_emit *e, ir_value v)
{
    struct cb_view w = cb_view_static(e, v);

    w.in_x = e->regs.x == v;
    w.in_a = e->regs.a == v;
    if (cell_of(e, v) != NO_CELL) {
        w.steps = 1;
        w.cells = 0;
        w.uses_x = false;
        w.direct = true;
    }
    return w;
}

/* Counts how often each value under @v is used, as far as what has a cell or is in a register. */
static void uses_count(struct cb_emit *e, ir_value v)
{
    e->visit.n = 0;
    if (v == IR_NONE)
        return;
    if (!vec_push(e->arena, &e->visit, v))
        cb_fail(e, WEIR_E_MEMORY);
    while (e->visit.n && !e->status) {
        ir_value w = e->visit.at[--e->visit.n];
        const struct ir_node *n = node(e, w);
        if (e->seen[w] != e->epoch) {
            e->seen[w] = e->epoch;
            e->uses[w] = 0;
            if (!vec_push(e->arena, &e->found, w))
                cb_fail(e, WEIR_E_MEMORY);
        }
        if (e->uses[w]++ || cell_of(e, w) != NO_CELL || e->regs.a == w || e->regs.x == w || n->op == IR_PHI)
            continue;
        if (n->a != IR_NONE && !vec_push(e->arena, &e->visit, n->a))
            cb_fail(e, WEIR_E_MEMORY);
        if (n->b != IR_NONE && !vec_push(e->arena, &e->visit, n->b))
            cb_fail(e, WEIR_E_MEMORY);
    }
}

/* What the operands of @v are used for, unless that is known: @v was in a register when it was counted. */
static void uses_count_below(struct cb_emit *e, ir_value v)
{
    const struct ir_node *n = node(e, v);

    if (n->a != IR_NONE && e->seen[n->a] != e->epoch)
        uses_count(e, n->a);
    if (n->b != IR_NONE && e->seen[n->b] != e->epoch)
        uses_count(e, n->b);
}

/* ---------------------------------------------------------------- tasks */

static void later(struct cb_emit *e, struct cb_task t)
{
    if (!e->status && !vec_push(e->arena, &e->task, t))
        cb_fail(e, WEIR_E_MEMORY);
}

static void eval_later(struct cb_emit *e, ir_value v, bool keep_x)
{
    later(e, (struct cb_task){.what = DO_EVAL, .v = v, .keep_x = keep_x});
}

/* Tasks are a stack: what is pushed last is done first. The plan's result: left operand in A, right in X. */
static void plan_later(struct cb_emit *e, struct cb_plan p, ir_value l, ir_value r)
{
    switch (p.how) {
    case HELD:
        eval_later(e, l, true);
        break;
    case DIRECT:
        later(e, (struct cb_task){.what = DO_X, .v = r});
        eval_later(e, l, false);
        break;
    case VIA_A:
        eval_later(e, l, true);
        later(e, (struct cb_task){.what = DO_TAX});
        eval_later(e, r, false);
        break;
    case WAIT_X:
        later(e, (struct cb_task){.what = DO_LDX, .v = r});
        eval_later(e, l, false);
        later(e, (struct cb_task){.what = DO_SPILL, .v = r});
        eval_later(e, r, false);
        break;
    case WAIT_A:
        later(e, (struct cb_task){.what = DO_LD, .v = l});
        later(e, (struct cb_task){.what = DO_TAX});
        eval_later(e, r, false);
        later(e, (struct cb_task){.what = DO_SPILL, .v = l});
        eval_later(e, l, false);
        break;
    }
}

/* Condition of (a op b), as a jump on A and X; *@no: when the jump is not taken. */
static uint16_t jump_of(enum ir_op op, bool swapped, bool *no)
{
    *no = swapped && op != IR_EQ;
    switch (op) {
    case IR_EQ:
        return CB_JMP | CB_JEQ;
    case IR_UGT: /* a > b, or not b >= a */
        return swapped ? CB_JMP | CB_JGE : CB_JMP | CB_JGT;
    default:
        return swapped ? CB_JMP | CB_JGT : CB_JMP | CB_JGE;
    }
}

static void eval_binary(struct cb_emit *e, ir_value v, bool keep_x)
{
    const struct ir_node *n = node(e, v);
    enum ir_op op = n->op;
    ir_value a = n->a, b = n->b;
    uint32_t k;
    bool no = false;

    if (ir_is_const(e->f, b, &k)) {
        if (cb_is_compare(op)) {
            later(e, (struct cb_task){.what = DO_COMPARE, .code = jump_of(op, false, &no), .v = v, .k = k});
        } else if ((op == IR_SHL || op == IR_SHR) && k >= 32) {
            cb_put(e, CB_LD_IMM, 0);
            e->regs.a = v;
            return;
        } else if ((op == IR_UDIV || op == IR_UMOD) && k == 0) {
            e->doomed = true;
            e->regs.a = v;
            return;
        } else if (op == IR_ADD && k > 0x80000000u) {
            later(e, (struct cb_task){.what = DO_OP_K, .code = CB_ALU | CB_SUB, .v = v, .k = 0 - k});
        } else {
            later(e, (struct cb_task){.what = DO_OP_K, .code = alu_of(op), .v = v, .k = k});
        }
        eval_later(e, a, keep_x);
        return;
    }
    if (op == IR_SUB && ir_is_const(e->f, a, &k) && k == 0) {
        later(e, (struct cb_task){.what = DO_OP_K, .code = CB_ALU | CB_NEG, .v = v});
        eval_later(e, b, keep_x);
        return;
    }
    struct cb_view va = view_now(e, a), vb = view_now(e, b);
    struct cb_plan p = cb_plan_make(&va, &vb, cb_can_swap(op));
    if (cb_is_compare(op)) {
        uint16_t jump = jump_of(op, p.swap, &no);
        later(e, (struct cb_task){.what = DO_COMPARE, .code = jump | CB_X, .v = v, .k = no});
    } else {
        later(e, (struct cb_task){.what = DO_OP_X, .code = alu_of(op) | CB_X, .v = v, .k = p.swap ? a : b});
    }
    plan_later(e, p, p.swap ? b : a, p.swap ? a : b);
}

static uint16_t load_size_code(unsigned size)
{
    return size == 4 ? CB_W : size == 2 ? CB_H : CB_B;
}

static void load_x(struct cb_emit *e, ir_value v)
{
    uint8_t c = cell_of(e, v);
    uint32_t k;

    if (e->regs.x == v) {
        use_done(e, v);
        return;
    }
    if (c != NO_CELL)
        cb_put(e, CB_LDX_MEM, c);
    else if (ir_is_const(e->f, v, &k))
        cb_put(e, CB_LDX_IMM, k);
    else if (cb_is_nibble(e, v, &k))
        cb_put(e, CB_LDX_MSH, k);
    e->regs.x = v;
    use_done(e, v);
}

#define GROWTH_MAX  (1u << 30) /* from below 2^31, to stay far below the kernel's special addresses */
#define GROWTH_DEEP 4u         /* operators that are looked through */

/* How much more than the value that was found to be below 2^31 may @v be? GROWTH_MAX: too much, or nobody
 * knows. */
static uint32_t growth(const struct cb_emit *e, ir_value v, unsigned deep)
{
    const struct ir_node *n = node(e, v);
    uint64_t most = GROWTH_MAX;

    if (v == e->regs.safe)
        return 0;
    if (deep == 0)
        return GROWTH_MAX;
    if (n->op == IR_ADD) {
        const uint64_t a = growth(e, n->a, deep - 1) + (uint64_t)ir_range(e->f, n->b).hi,
                       b = growth(e, n->b, deep - 1) + (uint64_t)ir_range(e->f, n->a).hi;
        most = a < b ? a : b;
    } else if (n->op == IR_PHI) {
        const struct ir_phi *phi = ir_phi_of(e->f, v);
        most = 0;
        for (uint32_t k = 0; k < phi->arg.n && most < GROWTH_MAX; k++) {
            const uint32_t g = growth(e, phi->arg.at[k].value, deep - 1);
            most = g > most ? g : most;
        }
    }
    return most < GROWTH_MAX ? (uint32_t)most : GROWTH_MAX;
}

/* Was the address found to be below 2^31, or does it grow little from one that was? */
static bool known_safe(const struct cb_emit *e, ir_value base, uint32_t offset)
{
    return e->regs.safe != IR_NONE && offset >= e->regs.safe_from &&
           offset - e->regs.safe_from < GROWTH_MAX &&
           growth(e, base, GROWTH_DEEP) < GROWTH_MAX - (offset - e->regs.safe_from);
}

/* X = base, having rejected when @base + @offset is no packet address. */
static void checked_address_later(struct cb_emit *e, ir_value base, uint32_t offset)
{
    if (!offset)
        later(e, (struct cb_task){.what = DO_TAX});
    later(e, (struct cb_task){.what = DO_CHECK, .v = base, .k = offset});
    if (offset) {
        later(e, (struct cb_task){.what = DO_OP_K, .code = CB_ALU | CB_ADD, .v = IR_NONE, .k = offset});
        later(e, (struct cb_task){.what = DO_TAX});
    }
    eval_later(e, base, false);
}

/* Through a variable address. */
static void eval_load(struct cb_emit *e, ir_value v)
{
    const struct ir_node *n = node(e, v);
    unsigned size = ir_load_size(n);
    ir_value base = n->a;

    if (cb_address_unsafe(e, base, n->imm, size) && !known_safe(e, base, n->imm)) {
        later(e, (struct cb_task){
                     .what = DO_LOAD, .v = v, .k = n->imm, .code = CB_LD | CB_IND | load_size_code(size)});
        checked_address_later(e, base, n->imm);
        return;
    }
    later(e, (struct cb_task){
                 .what = DO_LOAD, .v = v, .k = n->imm, .code = CB_LD | CB_IND | load_size_code(size)});
    if (e->regs.x == base || view_now(e, base).direct) {
        load_x(e, base);
        return;
    }
    later(e, (struct cb_task){.what = DO_TAX});
    eval_later(e, base, false);
}

static void store_a(struct cb_emit *e, uint8_t c)
{
    cb_put(e, CB_ST, c);
}

/* A holds @v: store it if later blocks will look for it. */
static void keep(struct cb_emit *e, ir_value v)
{
    uint8_t bit = e->kept_index[v];

    if (bit != NO_CELL && (e->kept_want & ~e->kept_now) >> bit & 1) {
        store_a(e, e->home[v]);
        e->kept_now |= UINT64_C(1) << bit;
    }
}

/* What had a cell when this was planned has lost it: X makes room after all. */
static void eval_saving_x(struct cb_emit *e, ir_value v)
{
    struct cb_temp t = {cell_take(e), IR_NONE};

    cb_put(e, CB_STX, t.cell);
    if (!vec_push(e->arena, &e->spill, t))
        cb_fail(e, WEIR_E_MEMORY);
    later(e, (struct cb_task){.what = DO_LDX, .v = e->regs.x});
    eval_later(e, v, false);
}

/* Brings @v into A if one instruction does that whatever the registers hold. */
static bool eval_alone(struct cb_emit *e, ir_value v)
{
    const struct ir_node *n = node(e, v);

    switch (n->op) {
    case IR_CONST:
        cb_put(e, CB_LD_IMM, n->imm);
        break;
    case IR_LEN:
        cb_put(e, CB_LD_LEN, 0);
        break;
    case IR_META:
        cb_put(e, CB_LD | CB_ABS | load_size_code(ir_meta_find(n->imm)->bytes), CB_META_BASE + n->imm);
        break;
    case IR_LOAD8:
    case IR_LOAD16:
    case IR_LOAD32:
        if (n->a != IR_NONE)
            return false;
        if ((uint64_t)n->imm + ir_load_size(n) > IR_ADDRESS_MAX)
            e->doomed = true;
        else
            cb_put(e, CB_LD | CB_ABS | load_size_code(ir_load_size(n)), n->imm);
        break;
    default:
        return false;
    }
    e->regs.a = v;
    return true;
}

/* The value that @v is a sum of with the number *@k. */
static ir_value addend_of(const struct cb_emit *e, ir_value v, uint32_t *k)
{
    const struct ir_node *n = node(e, v);

    *k = 0;
    return n->op == IR_ADD && ir_is_const(e->f, n->b, k) ? n->a : v;
}

/* Brings @v into A if A holds the same but for a number. */
static bool eval_from_near(struct cb_emit *e, ir_value v)
{
    uint32_t want, have;

    if (e->plain || e->regs.a == IR_NONE || addend_of(e, e->regs.a, &have) != addend_of(e, v, &want))
        return false;
    if (want > have)
        cb_put(e, CB_ALU | CB_ADD, want - have);
    else
        cb_put(e, CB_ALU | CB_SUB, have - want);
    e->regs.a = v;
    return true;
}

static void eval(struct cb_emit *e, const struct cb_task *t)
{
    ir_value v = t->v;
    const struct ir_node *n = node(e, v);
    uint8_t c = cell_of(e, v);
    uint32_t k;

    if (e->regs.a == v || c != NO_CELL || e->regs.x == v) {
        if (e->regs.a != v) /* from X if it is there: then the cell may be for nothing */
            cb_put(e, e->regs.x == v ? CB_TXA : CB_LD_MEM, e->regs.x == v ? 0 : c);
        e->regs.a = v;
        keep(e, v);
        use_done(e, v);
        return;
    }
    if (t->keep_x && e->cost[v].uses_x) {
        eval_saving_x(e, v);
        return;
    }
    later(e, (struct cb_task){.what = DO_GOT, .v = v});
    if (eval_from_near(e, v) || eval_alone(e, v))
        return;
    if (n->op != IR_PHI)
        uses_count_below(e, v);
    switch (n->op) {
    case IR_LOAD8:
    case IR_LOAD16:
    case IR_LOAD32:
        eval_load(e, v);
        return;
    case IR_PHI:
        cb_fail(e, WEIR_E_BUG); /* a PHI that is used has a cell */
        return;
    default:
        if (!t->keep_x && cb_is_nibble(e, v, &k)) {
            cb_put(e, CB_LDX_MSH, k);
            e->regs.x = v;
            cb_put(e, CB_TXA, 0);
            break;
        }
        eval_binary(e, v, t->keep_x);
        return;
    }
    e->regs.a = v;
}

/* Brings @v, a load at an address that X has or can be loaded with directly, into A. */
static bool load_through_x(struct cb_emit *e, ir_value v)
{
    const struct ir_node *n = node(e, v);

    if (!ir_is_load(n) || (e->regs.x != n->a && !view_now(e, n->a).direct) ||
        cb_address_unsafe(e, n->a, n->imm, ir_load_size(n)))
        return false;
    load_x(e, n->a);
    cb_put(e, CB_LD | CB_IND | load_size_code(ir_load_size(n)), n->imm);
    e->regs.a = v;
    return true;
}

bool cb_eval_simple(struct cb_emit *e, ir_value v)
{
    if (e->found.n)
        cb_eval_end(e);
    if (e->home[v] != NO_CELL || e->regs.x == v ||
        (e->regs.a != v && !eval_alone(e, v) && !load_through_x(e, v)))
        return false;
    if (!e->doomed)
        keep(e, v);
    return true;
}

/* A holds @v, freshly computed: keep it where it will be looked for. */
static void got(struct cb_emit *e, ir_value v)
{
    e->regs.a = v;
    keep(e, v);
    bool dear = e->cost[v].steps >= SHARE_FROM || (ir_is_load(node(e, v)) && e->uses[v] > 2);
    if (dear && e->uses[v] > 1 && e->share && cell_of(e, v) == NO_CELL && cells_free(e) > 6) {
        e->temp[v] = cell_take(e);
        store_a(e, e->temp[v]);
    }
    use_done(e, v);
}

static void spill(struct cb_emit *e, ir_value v)
{
    struct cb_temp t = {v == IR_NONE ? NO_CELL : cell_of(e, v), IR_NONE};

    if (t.cell == NO_CELL) {
        t.cell = cell_take(e);
        store_a(e, t.cell);
    } else { /* it has one: see that it stays */
        t.shared = v;
        e->uses[v]++;
    }
    if (!vec_push(e->arena, &e->spill, t))
        cb_fail(e, WEIR_E_MEMORY);
}

static uint8_t spilled(struct cb_emit *e)
{
    struct cb_temp t = e->spill.at[--e->spill.n];

    if (t.shared == IR_NONE)
        cell_release(e, t.cell);
    else
        use_done(e, t.shared);
    return t.cell;
}

/* A = condition ? 1 : 0; @no turns it round. */
static void compare(struct cb_emit *e, const struct cb_task *t)
{
    bool with_x = t->code & CB_X, no = with_x && t->k;
    uint32_t at = e->code.n;

    cb_put_jump(e, t->code, with_x ? 0 : t->k, no ? at + 3 : at + 1, no ? at + 1 : at + 3);
    cb_put(e, CB_LD_IMM, 1);
    cb_put_jump(e, GOTO, 0, at + 4, 0);
    cb_put(e, CB_LD_IMM, 0);
    for (uint32_t i = at + 1; i < e->code.n && e->enterable; i++)
        e->entry.at[i - e->entry_from].closed = true;
    e->regs.a = t->v;
}

static void task_run(struct cb_emit *e, const struct cb_task *t)
{
    switch (t->what) {
    case DO_EVAL:
        eval(e, t);
        break;
    case DO_GOT:
        got(e, t->v);
        break;
    case DO_TAX:
        if (e->regs.a == IR_NONE || e->regs.x != e->regs.a)
            cb_put(e, CB_TAX, 0);
        e->regs.x = e->regs.a;
        break;
    case DO_SPILL:
        spill(e, t->v);
        break;
    case DO_LD:
        cb_put(e, CB_LD_MEM, spilled(e));
        e->regs.a = t->v;
        break;
    case DO_LDX: {
        uint8_t c = spilled(e);
        if (t->v == IR_NONE || e->regs.x != t->v)
            cb_put(e, CB_LDX_MEM, c);
        e->regs.x = t->v;
        break;
    }
    case DO_X:
        if (e->regs.x == t->v || view_now(e, t->v).direct) {
            load_x(e, t->v);
            break;
        }
        { /* its cell went to somebody else meanwhile */
            ir_value a = e->regs.a;
            later(e, (struct cb_task){.what = DO_LD, .v = a});
            later(e, (struct cb_task){.what = DO_TAX});
            eval_later(e, t->v, false);
            spill(e, a);
        }
        break;
    case DO_OP_X:
        if (e->regs.x != t->k)
            cb_fail(e, WEIR_E_BUG);
        cb_put(e, t->code, 0);
        e->regs.a = t->v;
        break;
    case DO_OP_K:
        cb_put(e, t->code, t->k);
        e->regs.a = t->v;
        break;
    case DO_LOAD:
        cb_put(e, t->code, t->k);
        e->regs.a = t->v;
        break;
    case DO_CHECK:
        if (e->plain) { /* the load is out of range: that it rejects is no verdict of the filter's */
            cb_put_jump(e, CB_JMP | CB_JGE, IR_ADDRESS_MAX, e->code.n + 1, e->code.n + 2);
            cb_put(e, CB_LD | CB_ABS | CB_B, IR_ADDRESS_MAX - 1);
        } else {
            cb_put_jump(e, CB_JMP | CB_JGE, IR_ADDRESS_MAX, TO_REJECT, e->code.n + 1);
        }
        e->regs.safe = t->v;
        e->regs.safe_from = t->k;
        break;
    case DO_COMPARE:
        compare(e, t);
        break;
    }
}

static void run(struct cb_emit *e)
{
    while (e->task.n && !e->status && !e->doomed) {
        struct cb_task t = e->task.at[--e->task.n];
        task_run(e, &t);
    }
    e->task.n = 0;
}

/* ---------------------------------------------------------------- entry points */

void cb_eval_end(struct cb_emit *e)
{
    for (uint32_t i = 0; i < e->found.n; i++) {
        ir_value v = e->found.at[i];
        if (e->temp[v] != NO_CELL)
            cell_release(e, e->temp[v]);
        e->temp[v] = NO_CELL;
        e->uses[v] = 0;
    }
    e->found.n = 0;
    e->spill.n = 0;
}

void cb_eval_begin(struct cb_emit *e, ir_value v, ir_value w)
{
    cb_eval_end(e);
    e->epoch++;
    uses_count(e, v);
    uses_count(e, w);
}

void cb_eval(struct cb_emit *e, ir_value v)
{
    eval_later(e, v, false);
    run(e);
}

void cb_eval_x(struct cb_emit *e, ir_value v)
{
    load_x(e, v);
}

bool cb_eval_pair(struct cb_emit *e, ir_value v, ir_value w, bool may_swap)
{
    struct cb_view l = view_now(e, v), r = view_now(e, w);
    struct cb_plan p = cb_plan_make(&l, &r, may_swap);

    plan_later(e, p, p.swap ? w : v, p.swap ? v : w);
    run(e);
    return p.swap;
}

void cb_eval_guard(struct cb_emit *e, ir_value base, uint32_t offset, uint32_t size)
{
    bool unsafe = cb_address_unsafe(e, base, offset, size) && !known_safe(e, base, offset);

    later(e, (struct cb_task){
                 .what = DO_LOAD, .v = IR_NONE, .code = CB_LD | CB_IND | CB_B, .k = offset + size - 1});
    if (unsafe) {
        checked_address_later(e, base, offset);
    } else {
        later(e, (struct cb_task){.what = DO_TAX});
        eval_later(e, base, false);
    }
    run(e);
}
