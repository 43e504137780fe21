/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/walk_explore.c - a program over terms: its states (instruction, what A, X and M hold) and the tests
 * between them.
 */
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include "walk.h"

static const uint32_t *cells_at(const struct walk *w, uint32_t cells)
{
    return &w->cells.at[cells];
}

/* The state of these, made if need be. What is dead is forgotten. */
static ref state_at(struct walk *w, struct program_states *p, uint32_t pc, uint32_t a, uint32_t x,
                    const uint32_t cell[PROVE_CELLS], bool uses_cells)
{
    uint32_t live = p->live[pc], kept[PROVE_CELLS];

    a = live & PROVE_LIVE_A ? a : 0;
    x = live & PROVE_LIVE_X ? x : 0;
    for (uint32_t i = 0; uses_cells && i < PROVE_CELLS; i++)
        kept[i] = live & 1u << i ? cell[i] : 0;
    pay(w, 1);
    for (uint32_t s = p->first[pc]; s != NONE; s = w->state.at[s].next) {
        const struct state *o = &w->state.at[s];
        pay(w, 1);
        if (o->a == a && o->x == x && (!uses_cells || memcmp(cells_at(w, o->cells), kept, sizeof kept) == 0))
            return s + OUTCOMES;
    }
    struct state s = {.pc = pc, .a = a, .x = x, .cells = NONE, .field = NONE, .yes = REJECT, .no = REJECT};
    if (uses_cells) {
        s.cells = w->cells.n;
        for (uint32_t i = 0; i < PROVE_CELLS; i++)
            PUSH(w, &w->cells, kept[i]);
    }
    s.next = p->first[pc];
    if (stopped(w) || !PUSH(w, &w->state, s))
        return REJECT;
    p->first[pc] = w->state.n - 1;
    return w->state.n - 1 + OUTCOMES;
}

static ref outcome_of(struct walk *w, uint32_t verdict)
{
    if (verdict == 0)
        return REJECT;
    for (uint32_t i = REJECT + 1; i < w->outcome.n; i++)
        if (w->outcome.at[i] == verdict)
            return i;
    if (w->outcome.n == OUTCOMES) {
        w->why = "too many verdicts";
        return REJECT;
    }
    PUSH(w, &w->outcome, verdict);
    return w->outcome.n - 1;
}

/* Whether the load of @size bytes at @base + @k can be made. */
static struct test test_captured(struct walk *w, uint32_t base, uint32_t k, uint32_t size)
{
    if (base == NONE) {
        struct test never = {NEVER, NONE, {0, 0}};
        if (k > PROVE_CAPLEN_MAX - size)
            return never;
        uint32_t caplen = walk_term_make(w, (struct term){.op = T_CAPLEN, .a = NONE, .b = NONE});
        return walk_test_range(w, caplen, k + size, UINT32_MAX);
    }
    if (k <= INT32_MAX && (uint64_t)w->term.at[base].hi + k + size <= UINT32_MAX) {
        uint32_t room = walk_term_make(w, (struct term){.op = T_ROOM, .a = base, .b = NONE});
        return walk_test_range(w, room, k + size, UINT32_MAX);
    }
    uint32_t captured =
        walk_term_make(w, (struct term){.op = T_CAPTURED, .a = base, .b = NONE, .k = k, .size = size});
    return walk_test_range(w, captured, 1, 1);
}

static struct test test_jump(struct walk *w, const struct weir_cbpf_insn *i, uint32_t a, uint32_t x)
{
    uint32_t op = BPF_OP(i->code), b = BPF_SRC(i->code) == BPF_X ? x : walk_term_const(w, i->k);
    struct test never = {NEVER, NONE, {0, 0}};

    if (stopped(w))
        return never;
    if (op == BPF_JSET)
        return walk_test_range(w, walk_term_alu(w, BPF_AND, a, b), 1, UINT32_MAX);
    bool ca = walk_is_const(w, a), cb = walk_is_const(w, b);
    uint32_t k = w->term.at[b].k, ka = w->term.at[a].k;
    if (cb) {
        if (op == BPF_JEQ)
            return walk_test_range(w, a, k, k);
        if (op == BPF_JGE)
            return walk_test_range(w, a, k, UINT32_MAX);
        return k == UINT32_MAX ? never : walk_test_range(w, a, k + 1, UINT32_MAX);
    }
    if (ca) {
        if (op == BPF_JEQ)
            return walk_test_range(w, b, ka, ka);
        if (op == BPF_JGE)
            return walk_test_range(w, b, 0, ka);
        return ka == 0 ? never : walk_test_range(w, b, 0, ka - 1);
    }
    if (a == b)
        return op == BPF_JGT ? never : walk_test_not(never);
    uint32_t low = a < b ? a : b, high = a < b ? b : a;
    if (op == BPF_JEQ)
        return walk_test_range(w, walk_term_make(w, (struct term){.op = T_EQ, .a = low, .b = high}), 1, 1);
    if (op == BPF_JGT)
        return walk_test_range(w, walk_term_make(w, (struct term){.op = T_GT, .a = a, .b = b}), 1, 1);
    return walk_test_range(w, walk_term_make(w, (struct term){.op = T_GT, .a = b, .b = a}), 0, 0);
}

static uint32_t metadata_bytes(const struct weir_cbpf_insn *i)
{
    const struct prove_meta *which = prove_meta_find(i->k);

    return which ? which->bytes : 4;
}

/*
 * Ends state @s behind instruction @pc, which put @v into A or X: a header's length, or a number that is 0
 * or 1. Parts the packets where it is COMMON_LENGTH, or 1, from the others, after test @t, which may be
 * ALWAYS.
 */
static void part_value(struct walk *w, struct program_states *p, uint32_t s, uint32_t pc, struct test t,
                       uint32_t v, bool in_x, const uint32_t reg[2], const uint32_t *cell, bool uses_cells)
{
    bool bit = walk_is_bit(w, v);
    uint32_t k = bit ? 1 : COMMON_LENGTH, common = walk_term_const(w, k),
             other = bit ? walk_term_const(w, 0)
                         : walk_term_make(w, (struct term){.op = T_OTHER, .a = v, .b = NONE});
    struct test is = walk_test_range(w, v, k, k);
    struct state *at;

    if (stopped(w))
        return;
    ref yes = state_at(w, p, pc + 1, in_x ? reg[0] : common, in_x ? common : reg[1], cell, uses_cells);
    ref no = state_at(w, p, pc + 1, in_x ? reg[0] : other, in_x ? other : reg[1], cell, uses_cells);
    if (t.truth == DEPENDS) {
        if (!PUSH(w, &w->state,
                  (struct state){.pc = pc,
                                 .cells = NONE,
                                 .field = is.field,
                                 .set = is.set,
                                 .yes = yes,
                                 .no = no,
                                 .next = p->extra[pc]}))
            return;
        p->extra[pc] = w->state.n - 1;
        yes = w->state.n - 1 + OUTCOMES;
        no = FAULT;
        is = t;
    }
    at = &w->state.at[s];
    at->field = is.field;
    at->set = is.set;
    at->yes = yes;
    at->no = no;
}

/* Executes from state @s to the next test; straight code is passed over. */
static void execute_state(struct walk *w, struct program_states *p, uint32_t s, bool uses_cells)
{
    uint32_t pc = w->state.at[s].pc, a = w->state.at[s].a, x = w->state.at[s].x, cell[PROVE_CELLS] = {0};

    if (uses_cells)
        memcpy(cell, cells_at(w, w->state.at[s].cells), sizeof cell);
    for (; !stopped(w); pc++) {
        const struct weir_cbpf_insn *i = &p->code[pc];
        struct test t = {ALWAYS, NONE, {0, 0}};
        ref otherwise = REJECT;
        pay(w, 1);
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX: {
            uint32_t v = 0, base = NONE, k = i->k, size = 1;
            switch (BPF_MODE(i->code)) {
            case BPF_IMM:
                v = walk_term_const(w, k);
                break;
            case BPF_LEN:
                v = walk_term_make(w, (struct term){.op = T_WIRELEN, .a = NONE, .b = NONE});
                break;
            case BPF_MEM:
                v = cell[k];
                break;
            default:
                if (BPF_MODE(i->code) == BPF_ABS && k == PROVE_XOR_X) {
                    v = walk_term_alu(w, BPF_XOR, a, x);
                    break;
                }
                if (BPF_MODE(i->code) == BPF_ABS && k >= PROVE_ANCILLARY) {
                    v = walk_term_make(
                        w,
                        (struct term){.op = T_META, .a = NONE, .b = NONE, .k = k, .size = metadata_bytes(i)});
                    break;
                }
                if (BPF_MODE(i->code) != BPF_MSH)
                    size = prove_load_bytes(i->code);
                if (BPF_MODE(i->code) == BPF_IND) {
                    const struct term *tx = &w->term.at[x];
                    if (tx->op == T_CONST) {
                        k += tx->k;
                    } else if (tx->op == T_ALU && tx->size == BPF_ADD && walk_is_const(w, tx->b)) {
                        base = tx->a;
                        k += w->term.at[tx->b].k;
                    } else {
                        base = x;
                    }
                }
                t = test_captured(w, base, k, size);
                otherwise = FAULT;
                v = walk_term_make(w,
                                   (struct term){.op = T_LOAD, .a = base, .b = NONE, .k = k, .size = size});
                if (BPF_MODE(i->code) == BPF_MSH)
                    v = walk_term_alu(w, BPF_LSH, walk_term_alu(w, BPF_AND, v, walk_term_const(w, 15)),
                                      walk_term_const(w, 2));
                break;
            }
            if (BPF_CLASS(i->code) == BPF_LD)
                a = v;
            else
                x = v;
            break;
        }
        case BPF_ST:
            cell[i->k] = a;
            continue;
        case BPF_STX:
            cell[i->k] = x;
            continue;
        case BPF_ALU: {
            uint32_t op = BPF_OP(i->code), b = BPF_SRC(i->code) == BPF_X ? x : walk_term_const(w, i->k);
            if (stopped(w))
                return;
            if (op == BPF_DIV || op == BPF_MOD)
                t = walk_test_range(w, b, 1, UINT32_MAX);
            a = walk_term_alu(w, op, a, b);
            break;
        }
        case BPF_JMP: {
            if (BPF_OP(i->code) == BPF_JA) {
                ref to = state_at(w, p, pc + 1 + i->k, a, x, cell, uses_cells);
                w->state.at[s].yes = to;
                return;
            }
            t = i->jt == i->jf ? t : test_jump(w, i, a, x);
            if (stopped(w))
                return;
            ref yes = t.truth == NEVER ? REJECT : state_at(w, p, pc + 1 + i->jt, a, x, cell, uses_cells);
            ref no = t.truth == ALWAYS ? REJECT : state_at(w, p, pc + 1 + i->jf, a, x, cell, uses_cells);
            struct state *at = &w->state.at[s];
            at->field = t.truth == DEPENDS ? t.field : NONE;
            at->set = t.set;
            at->yes = t.truth == NEVER ? no : yes;
            at->no = no;
            return;
        }
        case BPF_RET:
            if (BPF_RVAL(i->code) == BPF_A && !walk_is_const(w, a)) {
                w->why = "a verdict is computed from the packet";
                return;
            }
            {
                ref to = outcome_of(w, BPF_RVAL(i->code) == BPF_A ? w->term.at[a].k : i->k);
                w->state.at[s].yes = to;
                return;
            }
        default:
            if (BPF_MISCOP(i->code) == BPF_TAX)
                x = a;
            else
                a = x;
            continue;
        }
        if (stopped(w))
            return;
        bool in_x = BPF_CLASS(i->code) == BPF_LDX;
        uint32_t result = in_x ? x : a;
        bool parts = BPF_CLASS(i->code) == BPF_ALU
                         ? walk_is_bit(w, result)
                         : BPF_MODE(i->code) != BPF_MEM && walk_is_header_length(w, result);
        if (t.truth != NEVER && parts) {
            part_value(w, p, s, pc, t, result, in_x, (const uint32_t[2]){a, x}, cell, uses_cells);
            return;
        }
        if (t.truth == ALWAYS)
            continue;
        ref yes = t.truth == NEVER ? otherwise : state_at(w, p, pc + 1, a, x, cell, uses_cells);
        struct state *at = &w->state.at[s];
        at->field = t.truth == DEPENDS ? t.field : NONE;
        at->set = t.set;
        at->yes = yes;
        at->no = otherwise;
        return;
    }
}

/* All states of a program. They are made in the order of their instructions' first need, so they are sorted
 * after. */
void walk_explore(struct walk *w, struct program_states *p)
{
    bool uses_cells = false;

    p->begin = w->state.n;
    p->first = malloc(p->n * sizeof *p->first);
    p->extra = malloc(p->n * sizeof *p->extra);
    p->live = prove_live(p->code, p->n);
    if (!p->first || !p->extra || !p->live) {
        w->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < p->n; i++) {
        p->first[i] = p->extra[i] = NONE;
        uses_cells |= BPF_CLASS(p->code[i].code) == BPF_ST || BPF_CLASS(p->code[i].code) == BPF_STX;
    }
    uint32_t zero = walk_term_const(w, 0), cell[PROVE_CELLS];
    for (uint32_t i = 0; i < PROVE_CELLS; i++)
        cell[i] = zero;
    p->entry = state_at(w, p, 0, zero, zero, cell, uses_cells);
    for (uint32_t pc = 0; pc < p->n && !stopped(w); pc++)
        for (uint32_t s = p->first[pc]; s != NONE && !stopped(w); s = w->state.at[s].next)
            execute_state(w, p, s, uses_cells);
}
