/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * property/test_ir_text.c - properties of random IR functions.
 *
 *   text      printed, parsed and printed again: the same text, the same verifier's answer, the same verdicts
 *   verifier  its answer about loads, PHIs and divisors equals that of walking every path
 *   guards    the order of a block's guards cannot be observed
 *   loads     in a function that verifies, bytes out of range and quotients by zero may be anything
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "tests/property/random_graph.h"
#include "vm/vm.h"

#define BLOCKS     8
#define VALUES     24
#define BYTES      48
#define MAX_VALUES 512

/* ---------------------------------------------------------------- random functions */

struct pool {
    ir_value at[VALUES * 2 + BLOCKS * 2];
    uint32_t n;
};

static ir_value pick(struct rng *r, const struct pool *p)
{
    /* The newest ones more often: they are the interesting ones. */
    uint32_t from = rng_below(r, 2) && p->n > 6 ? p->n - 6 : 0;

    return p->at[from + rng_below(r, p->n - from)];
}

static void add(struct pool *p, ir_value v)
{
    p->at[p->n++] = v;
}

static void random_values(struct rng *r, struct ir_func *f, struct pool *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t kind = rng_below(r, 10), k = rng_below(r, 24);
        unsigned size = 1u << rng_below(r, 3);
        ir_value a = pick(r, p), b = pick(r, p);
        if (kind < 2) {
            add(p, ir_load(f, IR_NONE, k, size));
        } else if (kind < 4) {
            add(p, ir_load(f, a, rng_below(r, 6) ? k : -k, size));
        } else if (kind < 6) { /* a header length */
            ir_value mask = ir_const(f, 15), l = ir_load(f, IR_NONE, k, 1), m = ir_binary(f, IR_AND, l, mask);
            add(p, m);
        } else if (kind == 6) {
            add(p, ir_binary(f, rng_below(r, 2) ? IR_UDIV : IR_UMOD, a, b));
        } else if (kind == 7) {
            ir_value c = ir_const(f, k);
            add(p, ir_binary(f, IR_ADD + rng_below(r, IR_PHI - IR_ADD), a, c));
        } else {
            add(p, ir_binary(f, IR_ADD + rng_below(r, IR_PHI - IR_ADD), a, b));
        }
    }
}

static void random_end(struct rng *r, struct ir_func *f, const struct pool *p, uint32_t at, uint32_t n)
{
    struct ir_case to[4];
    uint32_t count = 1 + rng_below(r, 4), last = 0;

    if (rng_below(r, 10) == 0) {
        ir_return(f, at, pick(r, p));
        return;
    }
    if (rng_below(r, 3) == 0) { /* tell a possible divisor from zero */
        uint32_t t = graph_target(r, at, n), u = graph_target(r, at, n);
        ir_branch_range(f, at, pick(r, p), 0, 0, t, u);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        last += 1 + rng_below(r, rng_below(r, 2) ? 4 : 0x10000);
        to[i] = (struct ir_case){last, graph_target(r, at, n)};
    }
    to[count - 1].last = UINT32_MAX;
    ir_switch(f, at, pick(r, p), to, count);
}

/* Guards that often cover what the block uses: about half of the functions verify. */
static void random_guards(struct rng *r, struct ir_func *f, uint32_t at)
{
    if (rng_below(r, 3) == 0) {
        uint32_t offset = rng_below(r, 20), size = 1 + rng_below(r, 20);
        ir_guard_add(f, at, IR_NONE, offset, size);
    }
    for (ir_value v = 0, values = f->value.n; v < values; v++) {
        struct ir_node n = f->value.at[v];
        if (!ir_is_load(&n) || rng_below(r, 10) >= (n.a == IR_NONE ? 7u : 4u))
            continue;
        uint32_t before = rng_below(r, 6), more = rng_below(r, 4);
        ir_guard_add(f, at, n.a, n.imm - (before < 3 ? before : 0), ir_load_size(&n) + more);
    }
    /* Any order must do. */
    struct ir_block *b = &f->block.at[at];
    for (uint32_t i = b->guard.n; i > 1; i--) {
        uint32_t k = rng_below(r, i);
        struct ir_guard swap = b->guard.at[k];
        b->guard.at[k] = b->guard.at[i - 1];
        b->guard.at[i - 1] = swap;
    }
}

static void random_function(struct rng *r, struct ir_func *f, struct arena *a)
{
    struct pool p = {.n = 0};
    uint32_t n = 1 + rng_below(r, BLOCKS), size = rng_below(r, 3) ? 3 : VALUES / 2;

    ir_init(f, a, 1 + rng_below(r, 1000));
    f->entry = 0;
    for (uint32_t i = 0; i < n; i++)
        ir_block_new(f, (struct span){0, 0});
    add(&p, ir_len(f));
    add(&p, ir_meta(f, META_VLAN_PRESENT));
    add(&p, ir_load(f, IR_NONE, 0, 1));
    random_values(r, f, &p, size);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pred[BLOCKS], preds = graph_predecessors(f, i, pred);
        struct pool mine = p;
        for (uint32_t k = i && preds ? rng_below(r, 3) : 0; k; k--) {
            ir_value phi = ir_phi(f, i);
            uint32_t lo = UINT32_MAX, hi = 0;
            for (uint32_t j = 0; j < preds; j++) {
                ir_value v = pick(r, &p);
                ir_phi_arg_add(f, i, phi, pred[j], v);
                struct ir_range range = ir_range(f, v);
                lo = range.lo < lo ? range.lo : lo;
                hi = range.hi > hi ? range.hi : hi;
            }
            ir_phi_range_set(f, phi, lo, hi);
            add(&mine, phi);
        }
        random_values(r, f, &mine, mine.n > p.n ? 2 : rng_below(r, 2));
        if (rng_below(r, 4) == 0) /* later blocks see this one's PHIs, rightly or not */
            p = mine.n + 8 < sizeof p.at / sizeof p.at[0] ? mine : p;
        random_guards(r, f, i);
        random_end(r, f, &mine, i, n);
    }
}

/* ---------------------------------------------------------------- every path */

struct path {
    uint32_t block[BLOCKS];
    uint32_t n;
};

/* Bytes from the packet's start that a guard promises whatever its base is. */
static uint64_t promise(struct ir_func *f, const struct ir_guard *g)
{
    if (g->base == IR_NONE)
        return (uint64_t)g->offset + g->size;
    struct ir_range r = ir_range(f, g->base);
    uint64_t lo = (uint64_t)r.lo + g->offset, hi = (uint64_t)r.hi + g->offset;
    return lo >> 32 == hi >> 32 ? (uint32_t)lo + (uint64_t)g->size : 0;
}

/* By how far the packet reaches from its start, or by a guard of the load's own base. */
enum cover { BY_BYTES, BY_BASE, COVERS };

/* With @direct, what a variable guard implies about the packet's start does not count. */
static bool guard_covers(struct ir_func *f, const struct ir_guard *g, const struct ir_node *load, bool direct,
                         enum cover how)
{
    uint64_t bytes = direct && g->base != IR_NONE ? 0 : promise(f, g),
             end = (uint64_t)load->imm + ir_load_size(load);

    if (how == BY_BASE) {
        if (load->a == IR_NONE || g->base != load->a || end > (uint64_t)g->offset + g->size)
            return false;
        return g->offset <= load->imm || (uint64_t)ir_range(f, g->base).hi + g->offset <= UINT32_MAX;
    }
    if (load->a == IR_NONE)
        return end <= bytes;
    struct ir_range r = ir_range(f, load->a);
    uint64_t lo = (uint64_t)r.lo + load->imm, hi = (uint64_t)r.hi + load->imm;
    return lo >> 32 == hi >> 32 && (uint32_t)hi + (uint64_t)ir_load_size(load) <= bytes;
}

/* Loads used in a block, and whether some path leaves them uncovered, for guards' bases and the rest. */
struct loads {
    bool bare[COVERS][2][BLOCKS][MAX_VALUES];
};

/*
 * May @v be used at the end of @path, or (@in_guard) by a guard of its last block? Loads are only noted.
 * @to is where the path goes on, for divisors, or IR_NONE.
 */
static bool usable(struct ir_func *f, const struct path *path, ir_value v, bool in_guard, uint32_t to,
                   struct loads *loads)
{
    bool need[MAX_VALUES] = {false};

    if (v == IR_NONE)
        return true;
    need[v] = true;
    for (ir_value x = v + 1; x-- > 0;) {
        struct ir_node n = f->value.at[x];
        bool found = false;
        if (!need[x])
            continue;
        if (n.a != IR_NONE)
            need[n.a] = true;
        if (n.b != IR_NONE)
            need[n.b] = true;
        if (n.op == IR_PHI) {
            for (uint32_t i = 0; i < path->n; i++)
                found |= path->block[i] == n.imm;
        } else if ((n.op == IR_UDIV || n.op == IR_UMOD) && !ir_range(f, n.b).lo) {
            for (uint32_t i = 0; i < path->n; i++) {
                const struct ir_block *b = &f->block.at[path->block[i]];
                uint32_t next = i + 1 < path->n ? path->block[i + 1] : to;
                found |= next != IR_NONE && b->on == n.b && ir_case_find(b, 0) != next;
            }
        } else {
            found = true;
        }
        for (unsigned how = 0; how < COVERS && ir_is_load(&n); how++) {
            bool there = false;
            for (uint32_t i = 0; i < path->n; i++)
                for (uint32_t k = 0; k < f->block.at[path->block[i]].guard.n; k++)
                    there |= guard_covers(f, &f->block.at[path->block[i]].guard.at[k], &n,
                                          in_guard && i + 1 == path->n, how);
            loads->bare[how][in_guard][path->block[path->n - 1]][x] |= !there;
        }
        if (!found)
            return false;
    }
    return true;
}

static bool block_usable(struct ir_func *f, const struct path *path, struct loads *loads)
{
    uint32_t at = path->block[path->n - 1];
    const struct ir_block *b = &f->block.at[at];
    bool fine = usable(f, path, b->on, false, IR_NONE, loads);

    for (uint32_t i = 0; i < b->guard.n; i++)
        if (b->guard.at[i].base != IR_NONE)
            fine = fine && usable(f, path, b->guard.at[i].base, true, IR_NONE, loads);
    if (path->n < 2)
        return fine;
    struct path before = *path;
    before.n--;
    for (uint32_t i = 0; i < b->phi.n; i++)
        for (uint32_t k = 0; k < b->phi.at[i].arg.n; k++)
            if (b->phi.at[i].arg.at[k].block == path->block[path->n - 2])
                fine = fine && usable(f, &before, b->phi.at[i].arg.at[k].value, false, at, loads);
    return fine;
}

/* All paths from the entry; at most 2^7 of distinct blocks. */
static bool every_path_fine(struct ir_func *f)
{
    static struct loads loads;

    memset(&loads, 0, sizeof loads);
    for (uint32_t set = 1; set < 1u << f->block.n; set += 2) { /* bit 0: the entry */
        struct path p = {.n = 0};
        bool is_path = true;
        for (uint32_t i = 0; i < f->block.n; i++)
            if (set >> i & 1) {
                bool edge = p.n == 0;
                for (uint32_t k = 0; p.n && k < f->block.at[p.block[p.n - 1]].to.n; k++)
                    edge |= f->block.at[p.block[p.n - 1]].to.at[k].target == i;
                is_path = is_path && edge;
                p.block[p.n++] = i;
            }
        if (is_path && !block_usable(f, &p, &loads))
            return false;
    }
    /* One kind of cover has to do for all paths. */
    for (int guard = 0; guard < 2; guard++)
        for (uint32_t b = 0; b < f->block.n; b++)
            for (ir_value v = 0; v < f->value.n; v++)
                if (loads.bare[BY_BYTES][guard][b][v] && loads.bare[BY_BASE][guard][b][v])
                    return false;
    return true;
}

/* ---------------------------------------------------------------- evaluation */

/* The verdict when whatever has no value is random, so that anything observed of it shows. */
static uint32_t careless_eval(const struct ir_func *f, const struct packet *p, struct rng *r)
{
    uint32_t value[MAX_VALUES] = {0}, at = f->entry, from = IR_NONE;

    while (at < IR_ACCEPT) {
        const struct ir_block *b = &f->block.at[at];
        for (uint32_t i = 0; i < b->phi.n; i++)
            for (uint32_t k = 0; k < b->phi.at[i].arg.n; k++)
                if (b->phi.at[i].arg.at[k].block == from)
                    value[b->phi.at[i].value] = value[b->phi.at[i].arg.at[k].value];
        for (ir_value v = 0; v < f->value.n; v++) {
            const struct ir_node *n = &f->value.at[v];
            uint32_t address = (n->a == IR_NONE ? 0 : value[n->a]) + n->imm;
            if (n->op == IR_CONST)
                value[v] = n->imm;
            else if (n->op == IR_LEN)
                value[v] = p->wirelen;
            else if (n->op == IR_META)
                value[v] = p->meta.vlan_present;
            else if (ir_op_arity(n->op) == 2)
                value[v] = (n->op == IR_UDIV || n->op == IR_UMOD) && !value[n->b]
                               ? (uint32_t)rng_next(r)
                               : ir_fold(n->op, value[n->a], value[n->b]);
            if (!ir_is_load(n))
                continue;
            value[v] = rng_below(r, 2) ? (uint32_t)rng_next(r) : rng_below(r, 20);
            value[v] &= n->op == IR_LOAD8 ? 0xff : n->op == IR_LOAD16 ? 0xffff : UINT32_MAX;
            if ((uint64_t)address + ir_load_size(n) <= p->caplen) {
                value[v] = 0;
                for (unsigned i = 0; i < ir_load_size(n); i++)
                    value[v] = value[v] << 8 | p->bytes[address + i];
            }
        }
        for (uint32_t i = 0; i < b->guard.n; i++) {
            const struct ir_guard *g = &b->guard.at[i];
            uint32_t address = (g->base == IR_NONE ? 0 : value[g->base]) + g->offset;
            if ((uint64_t)address + g->size > p->caplen)
                return 0;
        }
        if (ir_returns(b))
            return value[b->on];
        from = at;
        at = ir_case_find(b, b->on == IR_NONE ? 0 : value[b->on]);
    }
    return at == IR_ACCEPT ? f->accept : 0;
}

static bool same_verdicts(struct rng *r, const struct ir_func *f, const struct ir_func *g, struct arena *a,
                          uint32_t *accepted, uint32_t *faults)
{
    for (int i = 0; i < 6; i++) {
        uint8_t bytes[BYTES];
        struct packet p = {.bytes = bytes,
                           .caplen = rng_below(r, 4) ? BYTES - rng_below(r, 20) : rng_below(r, BYTES + 1)};
        bool ff, fg;
        for (int k = 0; k < BYTES; k++)
            bytes[k] = (uint8_t)(rng_below(r, 2) ? rng_below(r, 8) : rng_next(r));
        p.wirelen = p.caplen + rng_below(r, 3);
        p.meta.vlan_present = rng_below(r, 2);
        uint32_t vf = ir_eval(f, &p, a, &ff), vg = ir_eval(g, &p, a, &fg);
        *accepted += vf != 0;
        *faults += ff;
        if (vf != vg || ff != fg || careless_eval(f, &p, r) != vf)
            return false;
    }
    return true;
}

int main(void)
{
    struct rng r = {rng_seed()};
    uint32_t rounds = getenv("WEIR_LONG") ? 400000 : 20000, fine = 0, accepted = 0, faults = 0;
    const char *failed_text = NULL, *failed_verify = NULL, *failed_eval = NULL, *failed_guards = NULL;
    char detail[4000] = "";

    for (uint32_t i = 0; i < rounds && !detail[0]; i++) {
        struct arena a;
        struct ir_func f, again;
        struct strbuf one, two;
        const char *message = "";
        uint32_t line = 0, where;

        arena_init(&a, &allocator_system, (size_t)1 << 28);
        strbuf_init(&one, &allocator_system);
        strbuf_init(&two, &allocator_system);
        random_function(&r, &f, &a);
        const char *wrong = ir_verify(&f, &a, &where);
        ir_print(&f, &one);
        bool expected = every_path_fine(&f);
        if (expected != !wrong)
            failed_verify = wrong ? wrong : "it accepts what some path refutes";
        int status = 0;
        if (!wrong)
            status = ir_parse(&a, one.text, one.len, &again, &message, &line);
        if (status)
            failed_text = message;
        if (!wrong && !status) {
            fine++;
            ir_print(&again, &two);
            if (strcmp(one.text, two.text) != 0)
                failed_text = "the second text differs";
            if (ir_verify(&again, &a, &where))
                failed_text = "the parsed function does not verify";
            if (!same_verdicts(&r, &f, &again, &a, &accepted, &faults))
                failed_eval = "a verdict differs";
            /* Other order of guards: the same function. */
            for (uint32_t b = 0; b < again.block.n; b++)
                for (uint32_t k = 0, n = again.block.at[b].guard.n; k < n / 2; k++) {
                    struct ir_guard *g = again.block.at[b].guard.at, swap = g[k];
                    g[k] = g[n - 1 - k];
                    g[n - 1 - k] = swap;
                }
            if (ir_verify(&again, &a, &where) || !same_verdicts(&r, &f, &again, &a, &accepted, &faults))
                failed_guards = "the order of guards matters";
        }
        if (failed_text || failed_verify || failed_eval || failed_guards)
            snprintf(detail, sizeof detail, "round %u, line %u\n%s\n%s", i, line, one.text,
                     two.text ? two.text : "");
        strbuf_release(&one);
        strbuf_release(&two);
        arena_release(&a);
    }
    if (!tap_ok(!failed_text, "text survives parsing"))
        tap_diag("%s\n%s", failed_text, detail);
    if (!tap_ok(!failed_verify, "the verifier agrees with every path"))
        tap_diag("%s\n%s", failed_verify, detail);
    if (!tap_ok(!failed_eval,
                "the parsed function gives the same verdicts, and nothing without a value is observed"))
        tap_diag("%s\n%s", failed_eval, detail);
    if (!tap_ok(!failed_guards, "the order of guards cannot be observed"))
        tap_diag("%s\n%s", failed_guards, detail);
    if (!tap_ok(detail[0] ||
                    (fine > rounds / 10 && fine < rounds * 9 / 10 && accepted > fine && faults > fine),
                "the functions are telling"))
        tap_diag("%u of %u verify; %u packets accepted, %u ended by a guard", fine, rounds, accepted, faults);
    tap_diag("%u of %u verify; %u packets accepted, %u ended by a guard", fine, rounds, accepted, faults);
    return tap_done();
}
