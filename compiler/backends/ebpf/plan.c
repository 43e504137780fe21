/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan.c - the plan: what is decided about a function before its first instruction.
 *
 *   - which blocks can run, and which values they need
 *   - which loads stay in packet byte order
 *   - which packet pointers there are
 *   - which values stay in a register or stack slot between blocks (a linear scan over block numbers, Poletto
 *     and Sarkar 1999: a home belongs to one value from its first block to its last, so two values of one
 * home never meet)
 *
 * A home is an offer: emission uses it where the value was computed on every path and computes anew
 * elsewhere. Only PHIs have to have one.
 */
#include "backends/ebpf/internal.h"
#include <string.h>

const uint8_t home_register[HOME_REGS] = {9, 8, 5, 4};

#define CLIMB_MAX 64 /* dominators are looked for this many steps up; a miss costs code, not correctness */

static const struct ir_node *node(const struct plan *p, ir_value v)
{
    return &p->f->value.at[v];
}

static bool is_const(const struct plan *p, ir_value v)
{
    return node(p, v)->op == IR_CONST;
}

static bool is_binary(const struct ir_node *n)
{
    return n->op >= IR_ADD && n->op <= IR_UGE;
}

static const struct ir_phi *phi_of(const struct plan *p, ir_value v)
{
    const struct ir_block *b = &p->f->block.at[node(p, v)->imm];

    for (uint32_t i = 0; i < b->phi.n; i++)
        if (b->phi.at[i].value == v)
            return &b->phi.at[i];
    return NULL;
}

bool plan_is_compare(const struct plan *p, const struct ir_block *b)
{
    if (b->on == IR_NONE || b->to.n != 2 || b->to.at[0].last != 0)
        return false;
    uint8_t op = node(p, b->on)->op;
    return op == IR_EQ || op == IR_UGT || op == IR_UGE;
}

/* ---------------------------------------------------------------- blocks and values that matter */

static bool guard_fails(const struct ir_guard *g)
{
    uint64_t reach = (uint64_t)g->size + (g->base == IR_NONE ? g->offset : 0);

    return reach > EBPF_REACH_MAX;
}

static void find_blocks(struct plan *p)
{
    struct ir_func *f = p->f;

    if (f->entry < f->block.n)
        p->reachable[f->entry] = true;
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &f->block.at[b];
        if (!p->reachable[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            p->never[b] |= guard_fails(&k->guard.at[i]);
        for (uint32_t i = 0; i < k->to.n && !p->never[b]; i++)
            if (k->to.at[i].target < f->block.n)
                p->reachable[k->to.at[i].target] = true;
    }
}

struct id_stack {
    VEC(uint32_t) at;
};

static void push(struct plan *p, struct id_stack *s, uint32_t id)
{
    if (!vec_push(p->arena, &s->at, id))
        p->no_memory = true;
}

static void want(struct plan *p, struct id_stack *s, ir_value v)
{
    if (v == IR_NONE || p->wanted[v])
        return;
    p->wanted[v] = true;
    push(p, s, v);
}

static void want_all(struct plan *p, struct id_stack *s, struct span at)
{
    while (s->at.n && !p->no_memory) {
        ir_value v = s->at.at[--s->at.n];
        const struct ir_node *n = node(p, v);
        if (n->op == IR_META && p->metadata == IR_NONE) {
            p->metadata = v;
            p->metadata_at = at;
        }
        want(p, s, n->a);
        want(p, s, n->b);
        const struct ir_phi *phi = n->op == IR_PHI ? phi_of(p, v) : NULL;
        for (uint32_t i = 0; phi && i < phi->arg.n; i++)
            if (p->reachable[phi->arg.at[i].block] && !p->never[phi->arg.at[i].block])
                want(p, s, phi->arg.at[i].value);
    }
}

static void find_values(struct plan *p, struct id_stack *s)
{
    for (uint32_t b = 0; b < p->f->block.n; b++) {
        const struct ir_block *k = &p->f->block.at[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            want(p, s, k->guard.at[i].base);
        want(p, s, k->on);
        want_all(p, s, k->at);
    }
}

static void find_copies(struct plan *p)
{
    for (uint32_t b = 0; b < p->f->block.n; b++)
        p->copy[b] = IR_NONE;
    for (uint32_t b = p->f->block.n; b-- > 0;) {
        const struct ir_block *k = &p->f->block.at[b];
        for (uint32_t i = 0; i < k->phi.n; i++) {
            const struct ir_phi *phi = &k->phi.at[i];
            if (!p->wanted[phi->value])
                continue;
            for (uint32_t j = 0; j < phi->arg.n; j++) {
                uint32_t from = phi->arg.at[j].block;
                struct phi_copy c = {phi->value, phi->arg.at[j].value, p->copy[from]};
                if (!p->reachable[from] || p->never[from])
                    continue;
                if (!vec_push(p->arena, &p->copies, c)) {
                    p->no_memory = true;
                    return;
                }
                p->copy[from] = p->copies.n - 1;
                if (p->first[phi->value] > from)
                    p->first[phi->value] = from;
            }
        }
    }
}

/* ---------------------------------------------------------------- byte order */

/* A mask of a packet-order value is in packet order, if its constant is swapped. */
static bool is_mask(const struct plan *p, const struct ir_node *n)
{
    return n->op == IR_AND && is_const(p, n->b) && !is_const(p, n->a);
}

static void find_raw(struct plan *p)
{
    struct ir_func *f = p->f;

    for (ir_value v = 0; v < p->values; v++) {
        const struct ir_node *n = node(p, v);
        p->raw[v] = n->op == IR_LOAD16 || n->op == IR_LOAD32 || is_mask(p, n);
    }
    /* No: every use that looks at the number. Uses by later values come down from them. */
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &f->block.at[b];
        uint32_t otherwise;
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            if (k->guard.at[i].base != IR_NONE)
                p->raw[k->guard.at[i].base] = false;
        if (k->on != IR_NONE && p->raw[k->on] && !switch_is_points(k, ir_range(f, k->on), &otherwise))
            p->raw[k->on] = false;
    }
    for (uint32_t i = 0; i < p->copies.n; i++)
        p->raw[p->copies.at[i].value] = false;
    for (ir_value v = p->values; v-- > 0;) {
        const struct ir_node *n = node(p, v);
        if (!p->wanted[v] || (is_mask(p, n) && p->raw[v]))
            continue;
        if (n->a != IR_NONE)
            p->raw[n->a] = false;
        if (n->b != IR_NONE)
            p->raw[n->b] = false;
    }
    /* And upwards: a mask of something else. */
    for (ir_value v = 0; v < p->values; v++)
        if (p->raw[v] && is_mask(p, node(p, v)) && !p->raw[node(p, v)->a])
            p->raw[v] = false;
}

/* ---------------------------------------------------------------- bounds the verifier knows */

static uint32_t ones(uint32_t x)
{
    for (unsigned s = 1; s < 32; s *= 2)
        x |= x >> s;
    return x;
}

static uint32_t clamp(uint64_t x)
{
    return x > UINT32_MAX ? UINT32_MAX : (uint32_t)x;
}

/*
 * Not ir_range(): the verifier forgets the range of a byte-swapped value and of a quotient, and a range it
 * does not see is of no use here.
 */
static uint32_t known_max(const struct plan *p, ir_value v)
{
    const struct ir_node *n = node(p, v);
    uint32_t a = n->a < v ? p->known_max[n->a] : UINT32_MAX;
    uint32_t b = n->b < v ? p->known_max[n->b] : UINT32_MAX;
    const struct ir_phi *phi;
    uint32_t max = 0;

    switch (n->op) {
    case IR_CONST:
        return n->imm;
    case IR_LOAD8:
        return 0xff;
    case IR_ADD:
        return clamp((uint64_t)a + b);
    case IR_MUL:
        return clamp((uint64_t)a * b);
    case IR_AND:
        return a < b ? a : b;
    case IR_OR:
    case IR_XOR:
        return ones(a | b);
    case IR_SHL:
        return is_const(p, n->b) && b < 32 ? clamp((uint64_t)a << b) : UINT32_MAX;
    case IR_SHR:
        return is_const(p, n->b) && b < 32 ? a >> b : UINT32_MAX;
    case IR_EQ:
    case IR_UGT:
    case IR_UGE:
        return 1;
    case IR_PHI:
        phi = phi_of(p, v);
        for (uint32_t i = 0; phi && i < phi->arg.n; i++) {
            uint32_t x = phi->arg.at[i].value < v ? p->known_max[phi->arg.at[i].value] : UINT32_MAX;
            max = x > max ? x : max;
        }
        return phi ? max : UINT32_MAX;
    default:
        return UINT32_MAX;
    }
}

/* ---------------------------------------------------------------- packet pointers */

static uint32_t pointer_slot(const struct plan *p, const struct ebpf_pointer *w)
{
    uint64_t h = (w->base * UINT64_C(0x9e3779b97f4a7c15)) ^ (w->add * UINT64_C(0xbf58476d1ce4e5b9)) ^ w->size;
    uint32_t at = (uint32_t)(h >> 32 ^ h) & p->pointer_hash_mask;

    for (; p->pointer_hash[at]; at = (at + 1) & p->pointer_hash_mask) {
        const struct ebpf_pointer *x = &p->pointer.at[p->pointer_hash[at] - 1];
        if (x->base == w->base && x->add == w->add && x->size == w->size && x->far == w->far)
            break;
    }
    return at;
}

static struct ebpf_pointer pointer_for(const struct plan *p, ir_value base, uint32_t offset, uint32_t size)
{
    if (p->known_max[base] <= 0x7fff && offset <= 0x7fff && size <= 0x7fff && offset + size <= 0x7fff)
        return (struct ebpf_pointer){.base = base};
    return (struct ebpf_pointer){base, offset, size, true};
}

uint32_t plan_pointer(struct plan *p, ir_value base, uint32_t offset, uint32_t size)
{
    struct ebpf_pointer w = pointer_for(p, base, offset, size);

    return p->values + p->pointer_hash[pointer_slot(p, &w)] - 1;
}

static void pointer_add(struct plan *p, ir_value base, uint32_t offset, uint32_t size)
{
    struct ebpf_pointer w = pointer_for(p, base, offset, size);
    uint32_t at = pointer_slot(p, &w);

    if (p->pointer_hash[at])
        return;
    if (!vec_push(p->arena, &p->pointer, w))
        p->no_memory = true;
    else
        p->pointer_hash[at] = p->pointer.n;
}

/* Calls pointer_add() for every address the program uses; counts them first, for the table's size. */
static void find_pointers(struct plan *p)
{
    uint32_t n = 0, size = 8;

    for (int counting = 1; counting >= 0 && !p->no_memory; counting--) {
        for (uint32_t b = 0; b < p->f->block.n; b++) {
            const struct ir_block *k = &p->f->block.at[b];
            for (uint32_t i = 0; i < k->guard.n && p->reachable[b] && !p->never[b]; i++) {
                const struct ir_guard *g = &k->guard.at[i];
                if (g->base != IR_NONE && counting)
                    n++;
                else if (g->base != IR_NONE)
                    pointer_add(p, g->base, g->offset, g->size);
            }
        }
        for (ir_value v = 0; v < p->values; v++) {
            const struct ir_node *x = node(p, v);
            if (!p->wanted[v] || !ir_is_load(x) || x->a == IR_NONE)
                continue;
            if (counting)
                n++;
            else
                pointer_add(p, x->a, x->imm, ir_load_size(x));
        }
        if (counting) {
            while (size / 2 < n && size < 1u << 31)
                size *= 2;
            p->pointer_hash_mask = size - 1;
            p->pointer_hash = arena_array(p->arena, uint32_t, size);
            p->no_memory |= !p->pointer_hash;
        }
    }
}

unsigned plan_operands(struct plan *p, uint32_t id, uint32_t out[2])
{
    unsigned n = 0;

    if (plan_is_pointer(p, id)) {
        out[0] = p->pointer.at[id - p->values].base;
        return is_const(p, out[0]) ? 0 : 1;
    }
    const struct ir_node *x = node(p, id);
    if (ir_is_load(x) && x->a != IR_NONE) {
        out[n++] = plan_pointer(p, x->a, x->imm, ir_load_size(x));
    } else if (is_binary(x)) {
        if (!is_const(p, x->a))
            out[n++] = x->a;
        if (!is_const(p, x->b))
            out[n++] = x->b;
    }
    return n;
}

static void find_need(struct plan *p)
{
    for (uint32_t id = 0; id < p->values; id++) {
        uint32_t op[2];
        unsigned n = p->wanted[id] ? plan_operands(p, id, op) : 0;
        uint8_t need = 1;
        if (n && plan_is_pointer(p, op[0])) {
            need = p->need[p->pointer.at[op[0] - p->values].base];
            p->need[op[0]] = need;
        } else if (n == 1) {
            need = p->need[op[0]];
        } else if (n == 2) {
            uint8_t a = p->need[op[0]], b = p->need[op[1]];
            need = a == b ? (uint8_t)(a + (a < UINT8_MAX)) : a > b ? a : b;
        }
        p->need[id] = need;
    }
}

/* ---------------------------------------------------------------- homes */

/* idom[b], or b itself where the entry is all that is known. */
static void find_dominators(const struct plan *p, uint32_t *idom)
{
    const struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n; b++)
        idom[b] = IR_NONE;
    for (uint32_t b = 0; b < f->block.n; b++) {
        const struct ir_block *k = &f->block.at[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->to.n; i++) {
            uint32_t t = k->to.at[i].target;
            if (t >= f->block.n)
                continue;
            uint32_t x = idom[t] == IR_NONE ? b : idom[t], y = b;
            for (int step = 0; x != y; step++) {
                if (step == CLIMB_MAX)
                    x = y = f->entry;
                else if (x > y)
                    x = x == f->entry ? y : idom[x];
                else
                    y = y == f->entry ? x : idom[y];
            }
            idom[t] = x;
        }
    }
}

static bool dominates(const uint32_t *idom, uint32_t d, uint32_t b)
{
    for (int step = 0; step < CLIMB_MAX && b != IR_NONE && b > d; step++)
        b = idom[b];
    return b == d;
}

/*
 * Which homes are worth having for @id: from *@first to before *@end; none if they are equal. A load is as
 * cheap to make again as to fetch from the stack, and one that needs no swap leaves registers to others.
 */
static void useful_homes(const struct plan *p, uint32_t id, int *first, int *end)
{
    *first = 0;
    *end = HOME_MAX;
    if (plan_is_pointer(p, id))
        return;
    const struct ir_node *n = node(p, id);
    if (n->op == IR_CONST || n->op == IR_LEN || n->op == IR_META)
        *end = 0;
    if (ir_is_load(n)) {
        *end = HOME_REGS;
        *first = n->op == IR_LOAD8 || p->raw[id] ? HOME_REGS / 2 : 0;
    }
}

/* Finds between which blocks each id is used, as emission will go about it. */
static void find_uses(struct plan *p, struct id_stack *s, const uint32_t *idom, uint32_t *def,
                      uint32_t *stamp)
{
    struct ir_func *f = p->f;

    for (uint32_t b = 0; b < f->block.n && !p->no_memory; b++) {
        const struct ir_block *k = &f->block.at[b];
        if (!p->reachable[b] || p->never[b])
            continue;
        for (uint32_t i = 0; i < k->guard.n; i++)
            if (k->guard.at[i].base != IR_NONE)
                push(p, s, plan_pointer(p, k->guard.at[i].base, k->guard.at[i].offset, k->guard.at[i].size));
        for (uint32_t c = p->copy[b]; c != IR_NONE; c = p->copies.at[c].next)
            push(p, s, p->copies.at[c].value);
        if (plan_is_compare(p, k)) {
            push(p, s, node(p, k->on)->a);
            push(p, s, node(p, k->on)->b);
        } else if (k->on != IR_NONE) {
            push(p, s, k->on);
        }
        while (s->at.n && !p->no_memory) {
            uint32_t id = s->at.at[--s->at.n];
            uint32_t op[2];
            if (stamp[id] == b + 1)
                continue;
            stamp[id] = b + 1;
            if (p->first[id] > b)
                p->first[id] = b;
            p->last[id] = b;
            bool load = !plan_is_pointer(p, id) && ir_is_load(node(p, id));
            if (!load && def[id] != IR_NONE && dominates(idom, def[id], b))
                continue;
            def[id] = b;
            unsigned n = plan_operands(p, id, op);
            for (unsigned i = 0; i < n; i++)
                push(p, s, op[i]);
        }
    }
}

static void give_home(struct plan *p, uint32_t *owner, uint32_t id)
{
    bool must = !plan_is_pointer(p, id) && node(p, id)->op == IR_PHI;
    int first, end, h = HOME_NONE;

    useful_homes(p, id, &first, &end);
    for (int x = first; x < end && h == HOME_NONE; x++)
        if (owner[x] == IR_NONE)
            h = x;
    for (int x = 0; h == HOME_NONE && must && x < HOME_MAX; x++)
        if (plan_is_pointer(p, owner[x]) || node(p, owner[x])->op != IR_PHI) {
            p->home[owner[x]] = HOME_NONE;
            h = x;
        }
    if (h == HOME_NONE) {
        p->no_stack |= must;
        return;
    }
    owner[h] = id;
    p->home[id] = (int8_t)h;
    if (p->homes <= (uint32_t)h)
        p->homes = (uint32_t)h + 1;
    if (h < HOME_REGS)
        p->home_registers |= 1u << home_register[h];
}

static void find_homes(struct plan *p, uint32_t *head, uint32_t *next)
{
    uint32_t owner[HOME_MAX];

    for (int h = 0; h < HOME_MAX; h++)
        owner[h] = IR_NONE;
    for (uint32_t b = 0; b < p->f->block.n; b++)
        head[b] = IR_NONE;
    /* In front of a block's list, as it is built backwards: PHIs, then pointers, then the rest. */
    for (int round = 0; round < 3; round++)
        for (uint32_t id = p->ids; id-- > 0;) {
            bool phi = !plan_is_pointer(p, id) && node(p, id)->op == IR_PHI;
            int turn = phi ? 2 : plan_is_pointer(p, id) ? 1 : 0;
            if (turn != round || p->first[id] == IR_NONE || p->first[id] == p->last[id] ||
                (phi && !p->wanted[id]))
                continue;
            next[id] = head[p->first[id]];
            head[p->first[id]] = id;
        }
    for (uint32_t b = 0; b < p->f->block.n; b++) {
        for (int h = 0; h < HOME_MAX; h++)
            if (owner[h] != IR_NONE && p->last[owner[h]] < b)
                owner[h] = IR_NONE;
        for (uint32_t id = head[b]; id != IR_NONE; id = next[id])
            give_home(p, owner, id);
    }
}

/* ---------------------------------------------------------------- all of it */

int plan_make(struct plan *p, struct ir_func *f, struct arena *arena)
{
    uint32_t blocks = f->block.n, n = f->value.n;
    struct id_stack s = {0};

    *p = (struct plan){.f = f, .arena = arena, .values = n, .metadata = IR_NONE};
    /* Every pointer comes from a load or a guard. */
    size_t most = (size_t)n * 2;
    for (uint32_t b = 0; b < blocks; b++)
        most += f->block.at[b].guard.n;
    if (most > UINT32_MAX / 2)
        return WEIR_E_MEMORY;
    p->known_max = arena_array(arena, uint32_t, n);
    p->need = arena_array(arena, uint8_t, most);
    p->wanted = arena_array(arena, bool, n);
    p->raw = arena_array(arena, bool, n);
    p->reachable = arena_array(arena, bool, blocks);
    p->never = arena_array(arena, bool, blocks);
    p->copy = arena_array(arena, uint32_t, blocks);
    p->home = arena_array(arena, int8_t, most);
    p->first = arena_array(arena, uint32_t, most);
    p->last = arena_array(arena, uint32_t, most);
    uint32_t *idom = arena_array(arena, uint32_t, blocks);
    uint32_t *def = arena_array(arena, uint32_t, most);
    uint32_t *stamp = arena_array(arena, uint32_t, most);
    if (!p->known_max || !p->need || !p->wanted || !p->raw || !p->reachable || !p->never || !p->copy ||
        !p->home || !p->first || !p->last || !idom || !def || !stamp)
        return WEIR_E_MEMORY;
    memset(p->home, HOME_NONE, most);
    memset(p->first, 0xff, most * sizeof *p->first); /* IR_NONE */
    memset(def, 0xff, most * sizeof *def);

    find_blocks(p);
    find_values(p, &s);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    if (p->metadata != IR_NONE)
        return WEIR_E_UNSUPPORTED;
    find_copies(p);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    find_raw(p);
    for (ir_value v = 0; v < n; v++)
        p->known_max[v] = p->wanted[v] ? known_max(p, v) : UINT32_MAX;
    find_pointers(p);
    if (p->no_memory)
        return WEIR_E_MEMORY;
    p->ids = n + p->pointer.n;
    find_need(p);
    find_dominators(p, idom);
    find_uses(p, &s, idom, def, stamp);
    find_homes(p, idom, stamp); /* both tables have served: they become its lists */
    return p->no_memory ? WEIR_E_MEMORY : p->no_stack ? WEIR_E_LIMIT : 0;
}
