/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/z3_formula.c - two classic BPF programs as one formula over bit vectors.
 *
 * Both are executed once over the same symbolic packet. They have no loops, so walking the instructions in
 * order meets every path; where paths join, values become if-then-else terms. What is left is one formula
 * that says "the verdicts clash". The packet is not an array: each byte that is read is a variable of its
 * own, named by its address term, which keeps the formula inside plain bit vectors (bit-blasting and SAT).
 */
#include "z3_formula.h"
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

#ifdef PROVE_HAS_Z3

/* What is left of the time; 0 when nothing is. */
unsigned z3_time_left(const struct question *q)
{
    struct timespec now;
    if (!q->timeout_ms)
        return UINT32_MAX;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t gone =
        (int64_t)(now.tv_sec - q->begin.tv_sec) * 1000 + (now.tv_nsec - q->begin.tv_nsec) / 1000000;
    return gone >= q->timeout_ms ? 0 : q->timeout_ms - (unsigned)gone;
}

/* ---------------------------------------------------------------- terms */

struct value z3_constant(uint32_t k)
{
    return (struct value){NULL, k};
}

Z3_ast z3_term(const struct question *q, struct value v)
{
    return v.term ? v.term : Z3_mk_unsigned_int(q->z, v.constant, q->bits32);
}

static bool same_value(struct value v, struct value w)
{
    return v.term == w.term && (v.term || v.constant == w.constant);
}

static struct condition of_term(Z3_ast t)
{
    return (struct condition){TRUTH_TERM, t};
}

static struct condition of_bool(bool b)
{
    return b ? always : never;
}

Z3_ast z3_truth_term(const struct question *q, struct condition c)
{
    if (c.truth == TRUTH_TERM)
        return c.term;
    return c.truth == TRUTH_ALWAYS ? Z3_mk_true(q->z) : Z3_mk_false(q->z);
}

struct condition z3_both(const struct question *q, struct condition c, struct condition d)
{
    if (c.truth == TRUTH_NEVER || d.truth == TRUTH_NEVER)
        return never;
    if (c.truth == TRUTH_ALWAYS)
        return d;
    if (d.truth == TRUTH_ALWAYS || c.term == d.term)
        return c;
    return of_term(Z3_mk_and(q->z, 2, (Z3_ast[]){c.term, d.term}));
}

static struct condition either(const struct question *q, struct condition c, struct condition d)
{
    if (c.truth == TRUTH_ALWAYS || d.truth == TRUTH_ALWAYS)
        return always;
    if (c.truth == TRUTH_NEVER)
        return d;
    if (d.truth == TRUTH_NEVER || c.term == d.term)
        return c;
    return of_term(Z3_mk_or(q->z, 2, (Z3_ast[]){c.term, d.term}));
}

bool z3_is_app(const struct question *q, Z3_ast t, Z3_decl_kind kind)
{
    return Z3_get_ast_kind(q->z, t) == Z3_APP_AST &&
           Z3_get_decl_kind(q->z, Z3_get_app_decl(q->z, Z3_to_app(q->z, t))) == kind;
}

static Z3_ast opposite(const struct question *q, Z3_ast t)
{
    return z3_is_app(q, t, Z3_OP_NOT) ? Z3_get_app_arg(q->z, Z3_to_app(q->z, t), 0) : Z3_mk_not(q->z, t);
}

struct condition z3_negated(const struct question *q, struct condition c)
{
    if (c.truth == TRUTH_TERM)
        return of_term(opposite(q, c.term));
    return c.truth == TRUTH_ALWAYS ? never : always;
}

static struct condition equal_values(const struct question *q, struct value v, struct value w)
{
    if (same_value(v, w))
        return always;
    if (!v.term && !w.term)
        return never;
    return of_term(Z3_mk_eq(q->z, z3_term(q, v), z3_term(q, w)));
}

static struct value choose(const struct question *q, struct condition c, struct value yes, struct value no)
{
    if (same_value(yes, no) || c.truth == TRUTH_ALWAYS)
        return yes;
    if (c.truth == TRUTH_NEVER)
        return no;
    return (struct value){Z3_mk_ite(q->z, c.term, z3_term(q, yes), z3_term(q, no)), 0};
}

/* ---------------------------------------------------------------- paths */

enum { LOOK_BACK = 100, PARTED_MAX = 32 };

const struct path *z3_new_path(struct question *q, const struct path *up, Z3_ast literal)
{
    if (!q->paths || q->paths->n == PATH_BLOCK) {
        struct path_block *more = malloc(sizeof *more);
        if (!more) {
            q->out_of_memory = true;
            return NULL;
        }
        more->older = q->paths;
        more->n = 0;
        q->paths = more;
    }
    struct path *p = &q->paths->path[q->paths->n++];
    *p = (struct path){up, literal, literal, 0};
    if (up) {
        p->depth = up->depth + 1;
        p->term = up->up ? Z3_mk_and(q->z, 2, (Z3_ast[]){up->term, literal}) : literal;
    }
    return p;
}

/* The path @p where @c holds as well. */
static const struct path *narrow(struct question *q, const struct path *p, struct condition c)
{
    if (!p || c.truth == TRUTH_NEVER)
        return NULL;
    if (c.truth == TRUTH_ALWAYS)
        return p;
    Z3_ast not_c = opposite(q, c.term);
    const struct path *above = p;
    for (int i = 0; above && i < LOOK_BACK; above = above->up, i++) {
        if (above->literal == c.term)
            return p;
        if (above->literal == not_c)
            return NULL;
    }
    return z3_new_path(q, p, c.term);
}

static struct condition path_condition(const struct path *p)
{
    return !p ? never : p->up ? of_term(p->term) : always;
}

/* What @p says beyond @above, which is above it. */
static struct condition beyond(const struct question *q, const struct path *p, const struct path *above)
{
    struct condition c = always;
    if (!above->up)
        return path_condition(p);
    for (; p != above; p = p->up)
        c = z3_both(q, of_term(p->literal), c);
    return c;
}

/* The last path above both; the root when that is far. */
static const struct path *parting(const struct question *q, const struct path *p, const struct path *r)
{
    uint32_t deepest = p->depth > r->depth ? p->depth : r->depth;
    while (p != r) {
        if (p->depth >= r->depth)
            p = p->up;
        else
            r = r->up;
    }
    return deepest - p->depth > PARTED_MAX ? q->root : p;
}

/* ---------------------------------------------------------------- the packet */

/* Splits an address into a term and a constant, so that x + 2 and x + 4 are seen to be two bytes apart. */
static void split_address(const struct question *q, struct value address, Z3_ast *base, uint32_t *offset)
{
    *base = NULL;
    *offset = address.constant;
    if (!address.term)
        return;
    Z3_ast t = Z3_simplify(q->z, address.term);
    unsigned k;
    *offset = 0;
    if (Z3_is_numeral_ast(q->z, t) && Z3_get_numeral_uint(q->z, t, &k)) {
        *offset = k;
        return;
    }
    *base = t;
    if (!z3_is_app(q, t, Z3_OP_BADD))
        return;
    /* z3 puts the constant of a sum first. */
    Z3_app sum = Z3_to_app(q->z, t);
    unsigned n = Z3_get_app_num_args(q->z, sum);
    Z3_ast first = Z3_get_app_arg(q->z, sum, 0);
    if (n < 2 || !Z3_is_numeral_ast(q->z, first) || !Z3_get_numeral_uint(q->z, first, &k))
        return;
    *offset = k;
    *base = Z3_get_app_arg(q->z, sum, 1);
    for (unsigned i = 2; i < n; i++)
        *base = Z3_mk_bvadd(q->z, *base, Z3_get_app_arg(q->z, sum, i));
}

static Z3_ast packet_byte(struct question *q, Z3_ast base, uint32_t offset)
{
    for (size_t i = q->bytes; i-- > 0;)
        if (q->byte[i].base == base && q->byte[i].offset == offset)
            return q->byte[i].value;
    if (q->bytes == q->byte_cap) {
        size_t cap = q->byte_cap ? q->byte_cap * 2 : 64;
        struct byte *more = realloc(q->byte, cap * sizeof *more);
        if (!more) {
            q->out_of_memory = true;
            return Z3_mk_unsigned_int(q->z, 0, q->bits8);
        }
        q->byte = more;
        q->byte_cap = cap;
    }
    Z3_ast value = Z3_mk_fresh_const(q->z, "byte", q->bits8);
    q->byte[q->bytes++] = (struct byte){base, offset, value};
    return value;
}

/* The big-endian value of @n bytes at base + offset. */
static Z3_ast packet_word(struct question *q, Z3_ast base, uint32_t offset, unsigned n)
{
    Z3_ast value = packet_byte(q, base, offset);
    for (unsigned i = 1; i < n; i++)
        value = Z3_mk_concat(q->z, value, packet_byte(q, base, offset + i));
    return n < 4 ? Z3_mk_zero_ext(q->z, 32 - 8 * n, value) : value;
}

/* Whether @n bytes at base + offset are captured; the sum wraps, and what wraps is far out. */
static struct condition captured(const struct question *q, Z3_ast base, uint32_t offset, unsigned n)
{
    if (!base) {
        if (offset > PROVE_CAPLEN_MAX - n)
            return never;
        return of_term(Z3_mk_bvuge(q->z, q->caplen, z3_term(q, z3_constant(offset + n))));
    }
    Z3_ast begin = Z3_mk_bvadd(q->z, base, z3_term(q, z3_constant(offset)));
    Z3_ast fits = Z3_mk_bvuge(q->z, q->caplen, Z3_mk_bvadd(q->z, begin, z3_term(q, z3_constant(n))));
    Z3_ast near = Z3_mk_bvule(q->z, begin, z3_term(q, z3_constant(PROVE_CAPLEN_MAX)));
    return of_term(Z3_mk_and(q->z, 2, (Z3_ast[]){near, fits}));
}

static uint32_t highest(const struct prove_meta *which)
{
    return !which || which->bytes == 4 ? UINT32_MAX : which->bytes ? (1u << (8 * which->bytes)) - 1 : 1;
}

static struct value metadata(struct question *q, uint32_t k)
{
    struct meta *m = q->meta;
    for (; m < q->meta + q->metas; m++)
        if (m->k == k)
            break;
    if (m == q->meta + sizeof q->meta / sizeof q->meta[0]) {
        q->out_of_memory = true;
        return z3_constant(0);
    }
    if (m == q->meta + q->metas) {
        *m = (struct meta){k, highest(prove_meta_find(k)), Z3_mk_fresh_const(q->z, "metadata", q->bits32)};
        q->metas++;
    }
    return (struct value){m->value, 0};
}

/* ---------------------------------------------------------------- programs */

/* Paths meet: @from joins what already arrives at @at. */
static void join(struct question *q, struct state *at, uint32_t live, const struct state *from)
{
    if (!from->when)
        return;
    if (!at->when) {
        *at = *from;
        return;
    }
    const struct path *above = parting(q, at->when, from->when);
    struct condition here = beyond(q, at->when, above), there = beyond(q, from->when, above);
    /* Either condition tells the two apart; the shorter one makes the simpler values. */
    struct condition which = at->when->depth < from->when->depth ? here : there;
    const struct state *yes = at->when->depth < from->when->depth ? at : from;
    const struct state *no = yes == at ? from : at;
    struct state joined = *at;
    if (live & PROVE_LIVE_A)
        joined.a = choose(q, which, yes->a, no->a);
    if (live & PROVE_LIVE_X)
        joined.x = choose(q, which, yes->x, no->x);
    for (unsigned i = 0; i < PROVE_CELLS; i++)
        if (live & 1u << i)
            joined.cell[i] = choose(q, which, yes->cell[i], no->cell[i]);
    joined.reach = at->reach < from->reach ? at->reach : from->reach;
    bool whole =
        here.truth == TRUTH_TERM && there.truth == TRUTH_TERM && opposite(q, here.term) == there.term;
    joined.when = whole ? above : narrow(q, above, either(q, here, there));
    *at = joined;
}

static struct value add(const struct question *q, struct value v, struct value w)
{
    if (!v.term && !w.term)
        return z3_constant(v.constant + w.constant);
    if (!v.term && !v.constant)
        return w;
    if (!w.term && !w.constant)
        return v;
    return (struct value){Z3_mk_bvadd(q->z, z3_term(q, v), z3_term(q, w)), 0};
}

static Z3_ast compute_term(Z3_context z, unsigned op, Z3_ast a, Z3_ast s)
{
    switch (op) {
    case BPF_SUB:
        return Z3_mk_bvsub(z, a, s);
    case BPF_MUL:
        return Z3_mk_bvmul(z, a, s);
    case BPF_DIV:
        return Z3_mk_bvudiv(z, a, s);
    case BPF_MOD:
        return Z3_mk_bvurem(z, a, s);
    case BPF_AND:
        return Z3_mk_bvand(z, a, s);
    case BPF_OR:
        return Z3_mk_bvor(z, a, s);
    case BPF_XOR:
        return Z3_mk_bvxor(z, a, s);
    case BPF_LSH:
        return Z3_mk_bvshl(z, a, s);
    case BPF_RSH:
        return Z3_mk_bvlshr(z, a, s);
    default:
        return Z3_mk_bvneg(z, a);
    }
}

static struct value compute(const struct question *q, unsigned op, struct value a, struct value b)
{
    if (!a.term && !b.term)
        return z3_constant(prove_compute(op, a.constant, b.constant));
    return (struct value){compute_term(q->z, op, z3_term(q, a), z3_term(q, b)), 0};
}

static void step_load(struct question *q, const struct weir_cbpf_insn *i, struct state *s,
                      struct outcome *out)
{
    struct value v;
    bool header_length = BPF_MODE(i->code) == BPF_MSH;
    switch (BPF_MODE(i->code)) {
    case BPF_IMM:
        v = z3_constant(i->k);
        break;
    case BPF_LEN:
        v = (struct value){q->wirelen, 0};
        break;
    case BPF_MEM:
        v = s->cell[i->k];
        break;
    default:
        if (BPF_MODE(i->code) == BPF_ABS && i->k == PROVE_XOR_X) {
            v = compute(q, BPF_XOR, s->a, s->x);
            break;
        }
        if (BPF_MODE(i->code) == BPF_ABS && i->k >= PROVE_ANCILLARY) {
            v = metadata(q, i->k);
            break;
        }
        Z3_ast base;
        uint32_t offset;
        unsigned n = header_length ? 1 : prove_load_bytes(i->code);
        split_address(q, BPF_MODE(i->code) == BPF_IND ? add(q, s->x, z3_constant(i->k)) : z3_constant(i->k),
                      &base, &offset);
        if (base || offset > PROVE_CAPLEN_MAX - n || offset + n > s->reach) {
            struct condition ok = captured(q, base, offset, n);
            out->fault = either(q, out->fault, path_condition(narrow(q, s->when, z3_negated(q, ok))));
            s->when = narrow(q, s->when, ok);
            if (!s->when)
                return;
            if (!base)
                s->reach = offset + n;
        }
        v = (struct value){packet_word(q, base, offset, n), 0};
        if (header_length) {
            Z3_ast low = Z3_mk_extract(q->z, 3, 0, packet_byte(q, base, offset));
            v.term =
                Z3_mk_zero_ext(q->z, 26, Z3_mk_concat(q->z, low, Z3_mk_int(q->z, 0, Z3_mk_bv_sort(q->z, 2))));
        }
        break;
    }
    if (BPF_CLASS(i->code) == BPF_LD)
        s->a = v;
    else
        s->x = v;
}

static void step_alu(struct question *q, const struct weir_cbpf_insn *i, struct state *s)
{
    unsigned op = BPF_OP(i->code);
    struct value operand = op == BPF_NEG               ? z3_constant(0)
                           : BPF_SRC(i->code) == BPF_X ? s->x
                                                       : z3_constant(i->k);
    if (op == BPF_DIV || op == BPF_MOD)
        s->when = narrow(q, s->when, z3_negated(q, equal_values(q, operand, z3_constant(0))));
    if (op == BPF_ADD)
        s->a = add(q, s->a, operand);
    else
        s->a = compute(q, op, s->a, operand);
}

static struct condition jump_holds(const struct question *q, const struct weir_cbpf_insn *i,
                                   const struct state *s)
{
    struct value operand = BPF_SRC(i->code) == BPF_X ? s->x : z3_constant(i->k);
    bool known = !s->a.term && !operand.term;
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return equal_values(q, s->a, operand);
    case BPF_JGT:
        return known ? of_bool(s->a.constant > operand.constant)
                     : of_term(Z3_mk_bvugt(q->z, z3_term(q, s->a), z3_term(q, operand)));
    case BPF_JGE:
        return known ? of_bool(s->a.constant >= operand.constant)
                     : of_term(Z3_mk_bvuge(q->z, z3_term(q, s->a), z3_term(q, operand)));
    default:
        if (known)
            return of_bool(s->a.constant & operand.constant);
        return z3_negated(q, of_term(Z3_mk_eq(q->z, Z3_mk_bvand(q->z, z3_term(q, s->a), z3_term(q, operand)),
                                              z3_term(q, z3_constant(0)))));
    }
}

/* Executes @p over the packet of @q. False when memory is out. */
bool z3_execute(struct question *q, const struct weir_cbpf_insn *p, uint32_t n, struct outcome *out)
{
    /* Zeroed: constants 0, and no path leads there yet. */
    struct state *state = calloc(n, sizeof *state);
    uint32_t *live = prove_live(p, n);
    out->ending = calloc(n, sizeof *out->ending);
    out->endings = 0;
    out->fault = never;
    bool ok = state && live && out->ending;
    if (ok)
        state[0].when = q->root;
    for (uint32_t pc = 0; ok && pc < n; pc++) {
        const struct weir_cbpf_insn *i = &p[pc];
        struct state s = state[pc];
        if (!s.when)
            continue;
        if (pc % 64 == 0 && !z3_time_left(q)) {
            q->late = true;
            ok = false;
        }
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX:
            step_load(q, i, &s, out);
            break;
        case BPF_ST:
            s.cell[i->k] = s.a;
            break;
        case BPF_STX:
            s.cell[i->k] = s.x;
            break;
        case BPF_ALU:
            step_alu(q, i, &s);
            break;
        case BPF_RET:
            out->ending[out->endings++] =
                (struct ending){path_condition(s.when), BPF_RVAL(i->code) == BPF_A ? s.a : z3_constant(i->k)};
            continue;
        case BPF_JMP: {
            if (BPF_OP(i->code) == BPF_JA) {
                join(q, &state[pc + 1 + i->k], live[pc + 1 + i->k], &s);
                continue;
            }
            struct condition holds = jump_holds(q, i, &s);
            struct state yes = s, no = s;
            yes.when = narrow(q, s.when, holds);
            no.when = narrow(q, s.when, z3_negated(q, holds));
            if (i->jt == i->jf) {
                join(q, &state[pc + 1 + i->jt], live[pc + 1 + i->jt], &s);
                continue;
            }
            join(q, &state[pc + 1 + i->jt], live[pc + 1 + i->jt], &yes);
            join(q, &state[pc + 1 + i->jf], live[pc + 1 + i->jf], &no);
            continue;
        }
        default:
            if (BPF_MISCOP(i->code) == BPF_TAX)
                s.x = s.a;
            else
                s.a = s.x;
            break;
        }
        join(q, &state[pc + 1], live[pc + 1], &s);
    }
    free(state);
    free(live);
    return ok && !q->out_of_memory;
}

struct condition z3_accepts(const struct question *q, const struct outcome *o)
{
    struct condition c = never;
    for (size_t i = 0; i < o->endings; i++)
        c = either(q, c,
                   z3_both(q, o->ending[i].when,
                           z3_negated(q, equal_values(q, o->ending[i].verdict, z3_constant(0)))));
    return c;
}

static struct value verdict(const struct question *q, const struct outcome *o)
{
    struct value v = z3_constant(0);
    for (size_t i = 0; i < o->endings; i++)
        v = choose(q, o->ending[i].when, o->ending[i].verdict, v);
    return v;
}

/* True when all verdicts are constants and at most one of them, over both programs, is not 0. */
static bool one_verdict(const struct outcome *o, uint32_t *one)
{
    for (size_t i = 0; i < o->endings; i++) {
        struct value v = o->ending[i].verdict;
        if (v.term || (v.constant && *one && v.constant != *one))
            return false;
        if (v.constant)
            *one = v.constant;
    }
    return true;
}

/* The clash: what a packet would have to do to show that the answer is no. */
struct condition z3_clash(const struct question *q, const struct outcome *p, const struct outcome *r,
                          const struct prove_question *o)
{
    uint32_t one = 0;
    struct condition differ, p_accepts = z3_accepts(q, p), lost;
    if (one_verdict(p, &one) && one_verdict(r, &one)) {
        struct condition r_accepts = z3_accepts(q, r);
        lost = z3_both(q, p_accepts, z3_negated(q, r_accepts));
        differ = either(q, lost, z3_both(q, z3_negated(q, p_accepts), r_accepts));
    } else {
        differ = z3_negated(q, equal_values(q, verdict(q, p), verdict(q, r)));
        lost = z3_both(q, p_accepts, differ);
    }
    if (o->finish)
        return z3_both(q, differ, z3_both(q, z3_negated(q, p->fault), z3_negated(q, r->fault)));
    if (!o->refines)
        return differ;
    return either(q, lost, z3_both(q, z3_negated(q, p->fault), differ));
}
#endif
