/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan_packet.c - how the packet is read: what the verifier knows of an offset, how much of the
 * packet is copied, which packet pointers there are, and how many loads are on a path.
 */
#include "backends/ebpf/plan.h"
#include "base/bits.h"

/* ---------------------------------------------------------------- bounds the verifier knows */

static uint32_t clamp(uint64_t x)
{
    return x > UINT32_MAX ? UINT32_MAX : (uint32_t)x;
}

/*
 * The largest @v can be as far as the verifier can see; those of smaller values are known. Not ir_range():
 * the verifier forgets the range of a byte-swapped value and of a quotient, and a range it does not see is of
 * no use here.
 */
static uint32_t known_max(const struct plan *p, ir_value v)
{
    const struct ir_node *n = plan_node(p, v);
    uint32_t a = n->a < v ? p->known_max[n->a] : UINT32_MAX;
    uint32_t b = n->b < v ? p->known_max[n->b] : UINT32_MAX;
    const struct ir_phi *phi;
    uint32_t max = 0;

    switch (n->op) {
    case IR_CONST:
        return n->imm;
    case IR_LOAD8:
        return p->access == ACCESS_LOADS ? UINT32_MAX : 0xff; /* the verifier sees no range of LD_ABS */
    case IR_ADD:
        return clamp((uint64_t)a + b);
    case IR_MUL:
        return clamp((uint64_t)a * b);
    case IR_AND:
        return a < b ? a : b;
    case IR_OR:
    case IR_XOR:
        return bits_filled(a | b);
    case IR_SHL:
        return plan_is_const(p, n->b) && b < 32 ? clamp((uint64_t)a << b) : UINT32_MAX;
    case IR_SHR:
        return plan_is_const(p, n->b) && b < 32 ? a >> b : UINT32_MAX;
    case IR_LOOKUP16:
    case IR_LOOKUP32:
    case IR_LOOKUP48:
    case IR_LOOKUP128:
    case IR_EQ:
    case IR_UGT:
    case IR_UGE:
        return 1;
    case IR_PHI:
        phi = plan_phi_of(p, v);
        for (uint32_t i = 0; phi && i < phi->arg.n; i++) {
            uint32_t x = phi->arg.at[i].value < v ? p->known_max[phi->arg.at[i].value] : UINT32_MAX;
            max = x > max ? x : max;
        }
        return phi ? max : UINT32_MAX;
    default:
        return UINT32_MAX;
    }
}

uint32_t plan_bounding_mask(const struct plan *p, ir_value v)
{
    uint32_t mask = bits_filled(ir_range(p->f, v).hi);

    return mask < p->known_max[v] ? mask : UINT32_MAX;
}

/* The largest that @v can be by what the verifier knows, once it is shown. */
static uint32_t shown_max(const struct plan *p, ir_value v)
{
    uint32_t mask = plan_bounding_mask(p, v);

    return mask < p->known_max[v] ? mask : p->known_max[v];
}

/* Low bits of @v that are 0 as far as the verifier can see, at most 3. */
static uint8_t known_zeros(const struct plan *p, ir_value v)
{
    const struct ir_node *n = plan_node(p, v);
    unsigned a = n->a < v ? p->zeros[n->a] : 0, b = n->b < v ? p->zeros[n->b] : 0;
    uint32_t k = n->b < v && plan_is_const(p, n->b) ? plan_node(p, n->b)->imm : 0;
    const struct ir_phi *phi;
    unsigned zeros = 3;

    switch (n->op) {
    case IR_CONST:
        return n->imm ? (uint8_t)(__builtin_ctz(n->imm | 8)) : 3;
    case IR_ADD:
    case IR_SUB:
    case IR_OR:
    case IR_XOR:
        zeros = a < b ? a : b;
        break;
    case IR_AND:
        zeros = a > b ? a : b;
        break;
    case IR_SHL:
        zeros = plan_is_const(p, n->b) && k < 32 ? a + k : 0;
        break;
    case IR_SHR: /* of a mask */
        n = plan_node(p, n->a);
        zeros = 0;
        if (plan_is_const(p, plan_node(p, v)->b) && k < 32 && plan_is_mask(p, n) &&
            plan_node(p, n->b)->imm >> k)
            zeros = (unsigned)__builtin_ctz(plan_node(p, n->b)->imm >> k);
        break;
    case IR_PHI:
        phi = plan_phi_of(p, v);
        for (uint32_t i = 0; phi && i < phi->arg.n; i++) {
            unsigned x = phi->arg.at[i].value < v ? p->zeros[phi->arg.at[i].value] : 0;
            zeros = x < zeros ? x : zeros;
        }
        return phi ? (uint8_t)zeros : 0;
    default:
        return 0;
    }
    return (uint8_t)(zeros < 3 ? zeros : 3);
}

static bool is_arithmetic(const struct ir_node *n)
{
    return n->a != IR_NONE && n->b != IR_NONE && !ir_read_bytes(n) && n->op != IR_EQ && n->op != IR_UGT &&
           n->op != IR_UGE;
}

/* Marks in `shown` what addresses are made of. */
static void find_addresses(struct plan *p)
{
    for (uint32_t b = 0; b < p->f->block.n; b++)
        for (uint32_t i = 0; i < p->block[b].guard.n; i++)
            if (p->block[b].guard.at[i].base != IR_NONE)
                p->shown[p->block[b].guard.at[i].base] = true;
    for (ir_value v = p->values; v-- > 0;) {
        const struct ir_node *n = plan_node(p, v);
        const struct ir_phi *phi = n->op == IR_PHI && p->shown[v] ? plan_phi_of(p, v) : NULL;
        if (p->wanted[v] && ir_read_bytes(n) && n->a != IR_NONE)
            p->shown[n->a] = true;
        if (p->shown[v] && is_arithmetic(n))
            p->shown[n->a] = p->shown[n->b] = true;
        for (uint32_t i = 0; phi && i < phi->arg.n; i++)
            p->shown[phi->arg.at[i].value] = true;
    }
}

/*
 * Arithmetic that addresses are made of is masked where the IR knows its range and the verifier does not:
 * once, so that the verifier follows what is computed from it.
 */
void plan_find_bounds(struct plan *p)
{
    find_addresses(p);
    for (ir_value v = 0; v < p->values; v++) {
        p->known_max[v] = p->wanted[v] ? known_max(p, v) : UINT32_MAX;
        p->zeros[v] = p->wanted[v] ? known_zeros(p, v) : 0;
        uint32_t mask = plan_bounding_mask(p, v);
        p->shown[v] = p->shown[v] && p->wanted[v] && is_arithmetic(plan_node(p, v)) && mask != UINT32_MAX;
        if (p->shown[v])
            p->known_max[v] = mask;
    }
}

/* ---------------------------------------------------------------- the window */

bool plan_is_absolute(const struct plan *p, const struct ir_node *n, uint32_t *address)
{
    if (n->a != IR_NONE && !plan_is_const(p, n->a))
        return false;
    *address = n->imm + (n->a == IR_NONE ? 0 : plan_node(p, n->a)->imm);
    return true;
}

/* The end of what @n reads if that may lie in the window, else 0. */
static uint32_t load_end(const struct plan *p, const struct ir_node *n)
{
    uint32_t address, base = 0;

    if (!plan_is_absolute(p, n, &address)) {
        address = n->imm;
        base = shown_max(p, n->a);
    }
    uint64_t end = (uint64_t)address + base + ir_read_bytes(n);
    return end <= p->window_max ? (uint32_t)end : 0;
}

bool plan_in_window(const struct plan *p, const struct ir_node *n)
{
    uint32_t end = load_end(p, n);

    return end && end + p->phase <= p->window;
}

unsigned plan_aligned_part(const struct plan *p, const struct ir_node *n)
{
    uint32_t address;
    unsigned size = plan_even_part(n), zeros = 3;

    if (!plan_is_absolute(p, n, &address)) {
        address = n->imm;
        zeros = p->zeros[n->a];
    }
    while ((address + p->phase) % size || size > 1u << zeros)
        size /= 2;
    return size;
}

void plan_find_phase(struct plan *p)
{
    uint32_t good[8] = {0};

    for (ir_value v = 0; v < p->values; v++) {
        const struct ir_node *n = plan_node(p, v);
        uint32_t address;
        for (uint32_t i = 0; ir_read_bytes(n) && plan_is_absolute(p, n, &address) && i < 8; i++)
            good[i] += ((address + i) % plan_even_part(n) == 0) * plan_even_part(n);
    }
    for (uint32_t i = 1; i < 8; i++)
        if (good[i] > good[p->phase])
            p->phase = i;
}

static void find_window(struct plan *p)
{
    uint32_t end = 0;

    for (ir_value v = 0; v < p->values; v++) {
        uint32_t x = p->wanted[v] && ir_read_bytes(plan_node(p, v)) ? load_end(p, plan_node(p, v)) : 0;
        end = x > end && x + p->phase <= p->window_max ? x : end;
    }
    for (uint32_t i = 0; i < p->wides.n; i++)
        end = p->wides.at[i].offset + 8 > end ? p->wides.at[i].offset + 8 : end;
    p->window = end ? (end + p->phase + 7) / 8 * 8 : 0;
}

void plan_find_frame(struct plan *p)
{
    if (p->access == ACCESS_COPY)
        find_window(p);
    for (ir_value v = 0; v < p->values && p->access != ACCESS_DIRECT; v++)
        p->calls |= p->wanted[v] && ir_is_load(plan_node(p, v)) && plan_is_dear(p, plan_node(p, v));
    bool looks = false;
    for (ir_value v = 0; v < p->values && p->f->set.n; v++)
        looks |= p->wanted[v] && ir_is_lookup(plan_node(p, v));
    p->calls |= looks;
    p->frame = p->window + (looks ? KEY_BYTES : p->access == ACCESS_COPY && p->calls ? 8 : 0);
    p->home_regs = p->calls && p->home_regs > 2 ? 2 : p->home_regs; /* the first ones survive calls */
    int slots = STACK_SLOTS - (int)p->frame / 8 - 16;               /* of which some are for spills */
    p->home_max = p->home_regs + (slots < HOME_MAX - HOME_REGS_MAX ? slots : HOME_MAX - HOME_REGS_MAX);
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
    if (shown_max(p, base) <= 0x7fff && offset <= 0x7fff && size <= 0x7fff && offset + size <= 0x7fff)
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
void plan_find_pointers(struct plan *p)
{
    uint32_t n = 0, size = 8;

    for (int counting = 1; counting >= 0 && !p->no_memory; counting--) {
        for (uint32_t b = 0; b < p->f->block.n; b++) {
            const struct ir_block *k = &p->block[b];
            for (uint32_t i = 0; i < k->guard.n && p->reachable[b] && !p->never[b]; i++) {
                const struct ir_guard *g = &k->guard.at[i];
                if (g->base != IR_NONE && counting)
                    n++;
                else if (g->base != IR_NONE)
                    pointer_add(p, g->base, g->offset, g->size);
            }
        }
        for (ir_value v = 0; v < p->values; v++) {
            const struct ir_node *x = plan_node(p, v);
            if (!p->wanted[v] || !ir_read_bytes(x) || x->a == IR_NONE)
                continue;
            if (counting)
                n++;
            else
                pointer_add(p, x->a, x->imm, ir_read_bytes(x));
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

/* ---------------------------------------------------------------- loads on a path */

#define LOADS_MOST 64 /* of which a set of bits is kept */

/* The state of counting: sets of loads, by block. */
struct load_count {
    uint64_t *made;  /* on all paths to the block, and kept: in front of it, then behind it */
    uint32_t *most;  /* on a path to the block, then also in it */
    uint32_t *share; /* of packets that come here, in 65,536 */
    uint32_t *stamp; /* by id: the last block that asked for it, + 1 */
    uint8_t *bit;    /* by value: of a load */
    struct id_stack todo;
};

/* The loads that block @b asks for. */
static uint64_t loads_of(struct plan *p, struct load_count *c, uint32_t b)
{
    const struct ir_block *k = &p->block[b];
    uint64_t loads = 0;

    for (uint32_t i = 0; i < k->guard.n; i++)
        if (k->guard.at[i].base != IR_NONE)
            plan_push(p, &c->todo, k->guard.at[i].base);
    for (uint32_t i = p->copy[b]; i != IR_NONE; i = p->copies.at[i].next)
        plan_push(p, &c->todo, p->copies.at[i].value);
    if (k->on != IR_NONE && !p->wide[b])
        plan_push(p, &c->todo, k->on);
    while (c->todo.at.n) {
        uint32_t id = c->todo.at.at[--c->todo.at.n], op[2];
        if (c->stamp[id] == b + 1)
            continue;
        c->stamp[id] = b + 1;
        if (ir_is_load(plan_node(p, id)))
            loads |= UINT64_C(1) << c->bit[id];
        for (unsigned i = plan_operands(p, id, op); i-- > 0;)
            plan_push(p, &c->todo, op[i]);
    }
    return loads;
}

/* What block @b passes on, of packets that are as likely to go to one target as to another. */
static void pass_on(const struct plan *p, struct load_count *c, uint32_t b)
{
    uint32_t targets = 0;

    for (uint32_t i = 0; i < plan_targets(p, b); i++)
        targets += !i || plan_target(p, b, i) != plan_target(p, b, i - 1);
    for (uint32_t i = 0; i < plan_targets(p, b); i++) {
        uint32_t t = plan_target(p, b, i);
        if (t >= p->f->block.n)
            continue;
        c->made[t] &= c->made[b];
        c->most[t] = c->most[b] > c->most[t] ? c->most[b] : c->most[t];
        c->share[t] += !i || t != plan_target(p, b, i - 1) ? c->share[b] / targets : 0;
    }
}

static bool count_init(struct plan *p, struct load_count *c)
{
    uint32_t blocks = p->f->block.n, loads = 0;

    *c = (struct load_count){.made = arena_array(p->arena, uint64_t, blocks),
                             .most = arena_array(p->arena, uint32_t, blocks),
                             .share = arena_array(p->arena, uint32_t, blocks),
                             .stamp = arena_array(p->arena, uint32_t, p->ids),
                             .bit = arena_array(p->arena, uint8_t, p->values)};
    for (ir_value v = 0; v < p->values && c->bit && loads <= LOADS_MOST; v++)
        if (p->wanted[v] && ir_is_load(plan_node(p, v)))
            c->bit[v] = (uint8_t)loads++;
    return c->made && c->most && c->share && c->stamp && loads <= LOADS_MOST;
}

struct plan_loads plan_count_loads(struct plan *p)
{
    struct plan_loads n = {UINT32_MAX, UINT32_MAX};
    struct load_count c;
    uint64_t kept = 0;

    if (!count_init(p, &c))
        return n;
    n = (struct plan_loads){0};
    if (p->f->entry >= p->f->block.n)
        return n;
    for (ir_value v = 0; v < p->values; v++)
        kept |= (uint64_t)(p->wanted[v] && p->home[v] != HOME_NONE && ir_is_load(plan_node(p, v)))
                << c.bit[v];
    for (uint32_t b = 0; b < p->f->block.n; b++)
        c.made[b] = b == p->f->entry ? 0 : UINT64_MAX;
    c.share[p->f->entry] = 1 << 16;
    for (uint32_t b = p->f->entry; b < p->f->block.n && !p->no_memory; b++) {
        if (!p->reachable[b] || p->never[b])
            continue;
        uint64_t new = loads_of(p, &c, b) & ~c.made[b];
        uint32_t here = (uint32_t)__builtin_popcountll(new) + (p->wide[b] ? 2 : 0);
        c.made[b] |= new &kept;
        c.most[b] += here;
        n.most = c.most[b] > n.most ? c.most[b] : n.most;
        n.mean += c.share[b] * here;
        pass_on(p, &c, b);
    }
    return n;
}
