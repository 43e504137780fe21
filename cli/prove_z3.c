/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/prove_z3.c - proving by z3: two classic BPF programs as one question over bit vectors.
 *
 * Both programs are executed once over the same symbolic packet. They have no loops, so walking the
 * instructions in order meets every path; where paths join, values become if-then-else terms. What is left is
 * one formula that says "the verdicts clash", and z3 is asked for a packet.
 *
 * The packet is not an array: each byte that is read is a variable of its own, named by its address term,
 * which keeps the formula inside plain bit vectors (bit-blasting and SAT). Two bytes whose addresses are not
 * both constant might be the same byte. That is forgotten at first, which only adds packets that cannot be:
 * "no packet" stands. A packet found is looked over, "same address, same byte" is added where it was
 * violated, and z3 is asked again (the lazy form of Ackermann's reduction; Brummayer and Biere, "Lemmas on
 * Demand for the Extensional Theory of Arrays", 2009).
 */
#include "prove.h"
#include <dlfcn.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "prove_z3.h"

#ifdef PROVE_HAS_Z3


struct prove_z3_functions prove_z3_functions;

const char *prove_z3_missing(void)
{
    static const char *const names[] = {"libz3.so.4", "libz3.so"};
    void *library = NULL;

    if (prove_z3_functions.loaded)
        return NULL;
    for (size_t i = 0; !library && i < sizeof names / sizeof names[0]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return "the library libz3.so.4 is not installed";
#define F(name)                                                            \
    if (!(*(void **)&prove_z3_functions.name##_ = dlsym(library, #name))) \
        return "the library libz3.so.4 lacks " #name;
    PROVE_Z3_FUNCTIONS(F)
#undef F
    prove_z3_functions.loaded = true;
    return NULL;
}

/* A 32-bit value: a constant, or a term. */
struct value {
    Z3_ast term; /* NULL: the constant */
    uint32_t constant;
};

/* A truth value. */
enum truth { TRUTH_TERM, TRUTH_NEVER, TRUTH_ALWAYS };
struct condition {
    enum truth truth;
    Z3_ast term;
};

/*
 * The condition of a path: `literal` and all literals above it; NULL is a path that cannot be taken. Kept as
 * a list so that where two paths meet again only what parted them is looked at: a value computed twice, in
 * different places, is then the same term twice.
 */
struct path {
    const struct path *up;
    Z3_ast literal;
    Z3_ast term; /* all of it */
    uint32_t depth;
};

enum { PATH_BLOCK = 512 };
struct path_block {
    struct path_block *older;
    size_t n;
    struct path path[PATH_BLOCK];
};

/* One byte of the packet: at `base` + `offset` modulo 2^32, or at `offset` when base is NULL. */
struct byte {
    Z3_ast base;
    uint32_t offset;
    Z3_ast value;
};

/* Metadata at ancillary address `k`. */
struct meta {
    uint32_t k;
    uint32_t mask; /* of the narrowest load */
    Z3_ast value;
};

/* What all programs of one question share. */
struct question {
    Z3_context z;
    Z3_sort bits8, bits32;
    Z3_ast caplen, wirelen;
    struct byte *byte;
    size_t bytes, byte_cap;
    struct meta meta[16];
    size_t metas;
    struct path_block *paths;
    const struct path *root;
    bool out_of_memory;
    struct timespec begin;
    unsigned timeout_ms; /* 0: no limit */
    bool late;
};

struct state {
    const struct path *when;
    uint32_t reach; /* bytes that are captured for sure */
    struct value a, x, cell[PROVE_CELLS];
};

struct ending {
    struct condition when;
    struct value verdict;
};

/* What a program does with the packet. */
struct outcome {
    struct ending *ending; /* its returns; at most one holds */
    size_t endings;
    struct condition fault; /* an out-of-range load ended it */
};

static const struct condition never = {TRUTH_NEVER, NULL};
static const struct condition always = {TRUTH_ALWAYS, NULL};

/* What is left of the time; 0 when nothing is. */
static unsigned time_left(const struct question *q)
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

static struct value constant(uint32_t k)
{
    return (struct value){NULL, k};
}

static Z3_ast term(const struct question *q, struct value v)
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

static Z3_ast truth_term(const struct question *q, struct condition c)
{
    if (c.truth == TRUTH_TERM)
        return c.term;
    return c.truth == TRUTH_ALWAYS ? Z3_mk_true(q->z) : Z3_mk_false(q->z);
}

static struct condition both(const struct question *q, struct condition c, struct condition d)
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

static bool is_app(const struct question *q, Z3_ast t, Z3_decl_kind kind)
{
    return Z3_get_ast_kind(q->z, t) == Z3_APP_AST &&
           Z3_get_decl_kind(q->z, Z3_get_app_decl(q->z, Z3_to_app(q->z, t))) == kind;
}

static Z3_ast opposite(const struct question *q, Z3_ast t)
{
    return is_app(q, t, Z3_OP_NOT) ? Z3_get_app_arg(q->z, Z3_to_app(q->z, t), 0) : Z3_mk_not(q->z, t);
}

static struct condition negated(const struct question *q, struct condition c)
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
    return of_term(Z3_mk_eq(q->z, term(q, v), term(q, w)));
}

static struct value choose(const struct question *q, struct condition c, struct value yes, struct value no)
{
    if (same_value(yes, no) || c.truth == TRUTH_ALWAYS)
        return yes;
    if (c.truth == TRUTH_NEVER)
        return no;
    return (struct value){Z3_mk_ite(q->z, c.term, term(q, yes), term(q, no)), 0};
}

/* ---------------------------------------------------------------- paths */

enum { LOOK_BACK = 100, PARTED_MAX = 32 };

static const struct path *new_path(struct question *q, const struct path *up, Z3_ast literal)
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
    return new_path(q, p, c.term);
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
        c = both(q, of_term(p->literal), c);
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
    if (!is_app(q, t, Z3_OP_BADD))
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
        return of_term(Z3_mk_bvuge(q->z, q->caplen, term(q, constant(offset + n))));
    }
    Z3_ast begin = Z3_mk_bvadd(q->z, base, term(q, constant(offset)));
    Z3_ast fits = Z3_mk_bvuge(q->z, q->caplen, Z3_mk_bvadd(q->z, begin, term(q, constant(n))));
    Z3_ast near = Z3_mk_bvule(q->z, begin, term(q, constant(PROVE_CAPLEN_MAX)));
    return of_term(Z3_mk_and(q->z, 2, (Z3_ast[]){near, fits}));
}

static uint32_t width_mask(unsigned bytes)
{
    return bytes == 4 ? UINT32_MAX : (1u << (8 * bytes)) - 1;
}

static struct value metadata(struct question *q, uint32_t k, unsigned bytes)
{
    struct meta *m = q->meta;
    for (; m < q->meta + q->metas; m++)
        if (m->k == k)
            break;
    if (m == q->meta + sizeof q->meta / sizeof q->meta[0]) {
        q->out_of_memory = true;
        return constant(0);
    }
    if (m == q->meta + q->metas) {
        *m = (struct meta){k, UINT32_MAX, Z3_mk_fresh_const(q->z, "metadata", q->bits32)};
        q->metas++;
    }
    m->mask &= k == PROVE_ANCILLARY + SKF_AD_VLAN_TAG_PRESENT ? 1 : width_mask(bytes);
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
        return constant(v.constant + w.constant);
    if (!v.term && !v.constant)
        return w;
    if (!w.term && !w.constant)
        return v;
    return (struct value){Z3_mk_bvadd(q->z, term(q, v), term(q, w)), 0};
}

static void step_load(struct question *q, const struct weir_cbpf_insn *i, struct state *s,
                      struct outcome *out)
{
    struct value v;
    bool header_length = BPF_MODE(i->code) == BPF_MSH;
    switch (BPF_MODE(i->code)) {
    case BPF_IMM:
        v = constant(i->k);
        break;
    case BPF_LEN:
        v = (struct value){q->wirelen, 0};
        break;
    case BPF_MEM:
        v = s->cell[i->k];
        break;
    default:
        if (BPF_MODE(i->code) == BPF_ABS && i->k >= PROVE_ANCILLARY) {
            v = metadata(q, i->k, prove_load_bytes(i->code));
            break;
        }
        Z3_ast base;
        uint32_t offset;
        unsigned n = header_length ? 1 : prove_load_bytes(i->code);
        split_address(q, BPF_MODE(i->code) == BPF_IND ? add(q, s->x, constant(i->k)) : constant(i->k), &base,
                      &offset);
        if (base || offset > PROVE_CAPLEN_MAX - n || offset + n > s->reach) {
            struct condition ok = captured(q, base, offset, n);
            out->fault = either(q, out->fault, path_condition(narrow(q, s->when, negated(q, ok))));
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

static void step_alu(struct question *q, const struct weir_cbpf_insn *i, struct state *s)
{
    unsigned op = BPF_OP(i->code);
    struct value operand = op == BPF_NEG ? constant(0) : BPF_SRC(i->code) == BPF_X ? s->x : constant(i->k);
    if (op == BPF_DIV || op == BPF_MOD)
        s->when = narrow(q, s->when, negated(q, equal_values(q, operand, constant(0))));
    if (op == BPF_ADD)
        s->a = add(q, s->a, operand);
    else if (!s->a.term && !operand.term)
        s->a = constant(prove_compute(op, s->a.constant, operand.constant));
    else
        s->a = (struct value){compute_term(q->z, op, term(q, s->a), term(q, operand)), 0};
}

static struct condition jump_holds(const struct question *q, const struct weir_cbpf_insn *i,
                                   const struct state *s)
{
    struct value operand = BPF_SRC(i->code) == BPF_X ? s->x : constant(i->k);
    bool known = !s->a.term && !operand.term;
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return equal_values(q, s->a, operand);
    case BPF_JGT:
        return known ? of_bool(s->a.constant > operand.constant)
                     : of_term(Z3_mk_bvugt(q->z, term(q, s->a), term(q, operand)));
    case BPF_JGE:
        return known ? of_bool(s->a.constant >= operand.constant)
                     : of_term(Z3_mk_bvuge(q->z, term(q, s->a), term(q, operand)));
    default:
        if (known)
            return of_bool(s->a.constant & operand.constant);
        return negated(q, of_term(Z3_mk_eq(q->z, Z3_mk_bvand(q->z, term(q, s->a), term(q, operand)),
                                           term(q, constant(0)))));
    }
}

/* Executes @p over the packet of @q. False when memory is out. */
static bool execute(struct question *q, const struct weir_cbpf_insn *p, uint32_t n, struct outcome *out)
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
        if (pc % 64 == 0 && !time_left(q)) {
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
                (struct ending){path_condition(s.when), BPF_RVAL(i->code) == BPF_A ? s.a : constant(i->k)};
            continue;
        case BPF_JMP: {
            if (BPF_OP(i->code) == BPF_JA) {
                join(q, &state[pc + 1 + i->k], live[pc + 1 + i->k], &s);
                continue;
            }
            struct condition holds = jump_holds(q, i, &s);
            struct state yes = s, no = s;
            yes.when = narrow(q, s.when, holds);
            no.when = narrow(q, s.when, negated(q, holds));
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

static struct condition accepts(const struct question *q, const struct outcome *o)
{
    struct condition c = never;
    for (size_t i = 0; i < o->endings; i++)
        c = either(
            q, c, both(q, o->ending[i].when, negated(q, equal_values(q, o->ending[i].verdict, constant(0)))));
    return c;
}

static struct value verdict(const struct question *q, const struct outcome *o)
{
    struct value v = constant(0);
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
static struct condition clash(const struct question *q, const struct outcome *p, const struct outcome *r,
                              const struct prove_question *o)
{
    uint32_t one = 0;
    struct condition differ, p_accepts = accepts(q, p), lost;
    if (one_verdict(p, &one) && one_verdict(r, &one)) {
        struct condition r_accepts = accepts(q, r);
        lost = both(q, p_accepts, negated(q, r_accepts));
        differ = either(q, lost, both(q, negated(q, p_accepts), r_accepts));
    } else {
        differ = negated(q, equal_values(q, verdict(q, p), verdict(q, r)));
        lost = both(q, p_accepts, differ);
    }
    if (o->finish)
        return both(q, differ, both(q, negated(q, p->fault), negated(q, r->fault)));
    if (!o->refines)
        return differ;
    return either(q, lost, both(q, negated(q, p->fault), differ));
}

/* ---------------------------------------------------------------- asking */

#define EAGER_BYTES                                                                                          \
    250 /* up to here all pairs are tied at once when one has to be: a fresh start beats many rounds */

struct search {
    struct question *q;
    Z3_ast formula;    /* what is asked */
    Z3_ast preference; /* what the assumption of the moment means; NULL */
    Z3_solver solver;
    bool *tied; /* bytes * bytes: the pair's addresses and values are already tied together */
};

static uint32_t model_value(const struct question *q, Z3_model m, Z3_ast t)
{
    Z3_ast v;
    unsigned u = 0;
    if (Z3_model_eval(q->z, m, t, true, &v))
        Z3_get_numeral_uint(q->z, v, &u);
    return u;
}

static Z3_ast address_term(const struct question *q, const struct byte *b)
{
    Z3_ast offset = term(q, constant(b->offset));
    return b->base ? Z3_mk_bvadd(q->z, b->base, offset) : offset;
}

static uint32_t address_value(const struct question *q, Z3_model m, const struct byte *b)
{
    return (b->base ? model_value(q, m, b->base) : 0) + b->offset;
}

static void tie(struct search *s, size_t i, size_t j)
{
    const struct question *q = s->q;
    if (s->tied[i * q->bytes + j])
        return;
    s->tied[i * q->bytes + j] = true;
    Z3_solver_assert(q->z, s->solver,
                     Z3_mk_implies(q->z,
                                   Z3_mk_eq(q->z, address_term(q, &q->byte[i]), address_term(q, &q->byte[j])),
                                   Z3_mk_eq(q->z, q->byte[i].value, q->byte[j].value)));
}

static void start_solver(struct search *s)
{
    const struct question *q = s->q;
    if (s->solver)
        Z3_solver_dec_ref(q->z, s->solver);
    s->solver = Z3_mk_solver_for_logic(q->z, Z3_mk_string_symbol(q->z, "QF_BV"));
    Z3_solver_inc_ref(q->z, s->solver);
    Z3_solver_assert(q->z, s->solver, Z3_mk_bvule(q->z, q->caplen, term(q, constant(PROVE_CAPLEN_MAX))));
    Z3_solver_assert(q->z, s->solver, Z3_mk_bvule(q->z, q->caplen, q->wirelen));
    for (size_t i = 0; i < q->metas; i++)
        Z3_solver_assert(q->z, s->solver,
                         Z3_mk_bvule(q->z, q->meta[i].value, term(q, constant(q->meta[i].mask))));
    Z3_solver_assert(q->z, s->solver, s->formula);
    if (s->preference)
        Z3_solver_assert(q->z, s->solver, s->preference);
}

/* Ties pairs of bytes if @m takes some for different though they are one. False when there are none. */
static bool tie_violations(struct search *s, Z3_model m, uint32_t *address)
{
    const struct question *q = s->q;
    bool violated = false;
    for (size_t i = 0; i < q->bytes; i++)
        address[i] = address_value(q, m, &q->byte[i]);
    for (size_t i = 0; i < q->bytes; i++)
        for (size_t j = 0; j < i; j++) {
            /* Bytes of one base are apart by their offsets. */
            Z3_ast b = q->byte[i].base, c = q->byte[j].base;
            if (address[i] != address[j] || b == c || s->tied[i * q->bytes + j] ||
                model_value(q, m, q->byte[i].value) == model_value(q, m, q->byte[j].value))
                continue;
            bool all = q->bytes <= EAGER_BYTES;
            if (all)
                start_solver(s);
            violated = true;
            /* The same two bases would meet at other offsets next. */
            for (size_t k = 0; k < q->bytes; k++)
                for (size_t l = 0; l < k; l++) {
                    Z3_ast d = q->byte[k].base, e = q->byte[l].base;
                    if (d != e && (all || (d == b && e == c) || (d == c && e == b)))
                        tie(s, k, l);
                }
            if (all)
                return true;
        }
    return violated;
}

/* Asks, under @assumption (may be NULL), until the model is that of a packet. *@out gets the model,
 * referenced. */
static Z3_lbool check(struct search *s, Z3_ast assumption, Z3_model *out)
{
    struct question *q = s->q;
    uint32_t *address = calloc(q->bytes ? q->bytes : 1, sizeof *address);
    Z3_lbool answer = Z3_L_UNDEF;
    while (address) {
        unsigned left = time_left(s->q);
        answer = Z3_L_UNDEF;
        if (!left)
            break;
        Z3_params params = Z3_mk_params(q->z);
        Z3_params_inc_ref(q->z, params);
        Z3_params_set_uint(q->z, params, Z3_mk_string_symbol(q->z, "timeout"), left);
        Z3_solver_set_params(q->z, s->solver, params);
        Z3_params_dec_ref(q->z, params);
        answer = assumption ? Z3_solver_check_assumptions(q->z, s->solver, 1, &assumption)
                            : Z3_solver_check(q->z, s->solver);
        if (answer != Z3_L_TRUE)
            break;
        Z3_model m = Z3_solver_get_model(q->z, s->solver);
        if (!m) {
            answer = Z3_L_UNDEF;
            break;
        }
        Z3_model_inc_ref(q->z, m);
        if (!tie_violations(s, m, address)) {
            *out = m;
            break;
        }
        Z3_model_dec_ref(q->z, m);
    }
    if (!address)
        q->out_of_memory = true;
    free(address);
    return answer;
}

/* The packet that @m describes. False when memory is out or the packet cannot be written down. */
static bool read_witness(const struct question *q, Z3_model m, struct prove_result *out)
{
    out->caplen = model_value(q, m, q->caplen);
    out->wirelen = model_value(q, m, q->wirelen);
    out->meta = (struct weir_metadata){.size = sizeof out->meta};
    out->bytes = calloc(out->caplen + 1u, 1);
    if (!out->bytes)
        return false;
    for (size_t i = 0; i < q->bytes; i++) {
        const struct byte *b = &q->byte[i];
        uint32_t at = address_value(q, m, b);
        if (at < out->caplen)
            out->bytes[at] = (uint8_t)model_value(q, m, b->value);
    }
    for (size_t i = 0; i < q->metas; i++) {
        uint32_t v = model_value(q, m, q->meta[i].value);
        switch (q->meta[i].k - PROVE_ANCILLARY) {
        case SKF_AD_PKTTYPE:
            out->meta.packet_type = v;
            break;
        case SKF_AD_IFINDEX:
            out->meta.ifindex = v;
            break;
        case SKF_AD_VLAN_TAG:
            out->meta.vlan_tci = v;
            break;
        case SKF_AD_VLAN_TAG_PRESENT:
            out->meta.vlan_present = v;
            break;
        default:
            break;
        }
    }
    return true;
}

static void ask(struct question *q, struct condition differ, struct prove_result *out)
{
    struct search s = {.q = q};
    Z3_model model = NULL, shorter = NULL;
    Z3_context z = q->z;
    s.formula = Z3_simplify(z, truth_term(q, differ));
    *out = (struct prove_result){.verdict = PROVE_EQUAL};
    if (is_app(q, s.formula, Z3_OP_FALSE))
        return;
    s.tied = calloc(q->bytes * q->bytes + 1, sizeof *s.tied);
    if (!s.tied) {
        q->out_of_memory = true;
        return;
    }
    start_solver(&s);
    switch (check(&s, NULL, &model)) {
    case Z3_L_FALSE:
        break;
    case Z3_L_UNDEF:
        out->verdict = PROVE_UNKNOWN;
        out->why = time_left(q) ? "z3 gave up" : "out of time";
        break;
    case Z3_L_TRUE: {
        out->verdict = PROVE_DIFFER;
        /* A short packet is easier to read. */
        for (uint32_t bytes = 16; !shorter && bytes <= 256; bytes *= 2) {
            Z3_ast small = Z3_mk_fresh_const(z, "short", Z3_mk_bool_sort(z));
            Z3_ast is_short[] = {
                Z3_mk_bvule(z, q->caplen, term(q, constant(bytes))),
                Z3_mk_eq(z, q->caplen, q->wirelen),
            };
            s.preference = Z3_mk_implies(z, small, Z3_mk_and(z, 2, is_short));
            Z3_solver_assert(z, s.solver, s.preference);
            if (check(&s, small, &shorter) == Z3_L_UNDEF)
                break;
        }
        if (!read_witness(q, shorter ? shorter : model, out))
            q->out_of_memory = true;
        break;
    }
    }
    if (model)
        Z3_model_dec_ref(z, model);
    if (shorter)
        Z3_model_dec_ref(z, shorter);
    Z3_solver_dec_ref(z, s.solver);
    free(s.tied);
}

/* z3's own handler would end the process. Errors show as "unknown" answers. */
static void ignore_error(Z3_context z, Z3_error_code e)
{
    (void)z;
    (void)e;
}

static bool knows_metadata(const struct question *q)
{
    for (size_t i = 0; i < q->metas; i++)
        switch (q->meta[i].k - PROVE_ANCILLARY) {
        case SKF_AD_PKTTYPE:
        case SKF_AD_IFINDEX:
        case SKF_AD_VLAN_TAG:
        case SKF_AD_VLAN_TAG_PRESENT:
            break;
        default:
            return false;
        }
    return true;
}

int prove_z3(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
             const struct prove_question *o, struct prove_result *out)
{
    struct prove_result result = {.verdict = PROVE_EQUAL};
    size_t conditions = o->conditions;
    bool straight = prove_is_straight(p, np) && prove_is_straight(q, nq);
    for (size_t i = 0; i < conditions; i++)
        straight = straight && prove_is_straight(o->condition[i].code, o->condition[i].n);
    if (!straight)
        return WEIR_E_ARGUMENT;
    if (prove_z3_missing())
        return WEIR_E_UNSUPPORTED;
    if (np == nq && memcmp(p, q, np * sizeof *p) == 0) {
        *out = result;
        return 0;
    }

    Z3_config config = Z3_mk_config();
    struct question ask_about = {.z = Z3_mk_context(config)};
    Z3_del_config(config);
    struct question *about = &ask_about;
    if (!about->z)
        return WEIR_E_MEMORY;
    Z3_set_error_handler(about->z, ignore_error);
    about->timeout_ms = o->timeout_ms;
    clock_gettime(CLOCK_MONOTONIC, &about->begin);
    about->root = new_path(about, NULL, Z3_mk_true(about->z));
    about->bits8 = Z3_mk_bv_sort(about->z, 8);
    about->bits32 = Z3_mk_bv_sort(about->z, 32);
    about->caplen = Z3_mk_fresh_const(about->z, "caplen", about->bits32);
    about->wirelen = Z3_mk_fresh_const(about->z, "wirelen", about->bits32);

    struct outcome first = {0}, second = {0};
    struct condition differ = never;
    bool ok = about->root && execute(about, p, np, &first) && execute(about, q, nq, &second);
    if (ok)
        differ = clash(about, &first, &second, o);
    for (size_t i = 0; ok && i < conditions; i++) {
        struct outcome c = {0};
        ok = execute(about, o->condition[i].code, o->condition[i].n, &c);
        struct condition holds = ok ? accepts(about, &c) : never;
        differ = both(about, differ, o->condition[i].accepts ? holds : negated(about, holds));
        free(c.ending);
    }
    if (ok)
        ask(about, differ, &result);
    int status = about->out_of_memory || (!ok && !about->late) ? WEIR_E_MEMORY : 0;
    if (!status && about->late)
        result = (struct prove_result){.verdict = PROVE_UNKNOWN, .why = "out of time"};
    if (!status && result.verdict == PROVE_DIFFER) {
        if (!knows_metadata(about)) {
            result.verdict = PROVE_UNKNOWN;
            result.why = "the programs read metadata that a witness cannot have";
        } else if (!prove_confirm(p, np, q, nq, o, &result)) {
            status = WEIR_E_BUG;
        }
    }
    free(first.ending);
    free(second.ending);
    free(about->byte);
    for (struct path_block *b = about->paths, *older; b; b = older) {
        older = b->older;
        free(b);
    }
    Z3_del_context(about->z);
    if (status) {
        prove_release(&result);
        return status;
    }
    *out = result;
    return 0;
}


#else

const char *prove_z3_missing(void)
{
    return "this weir was built without z3";
}

int prove_z3(const struct weir_cbpf_insn *p, uint32_t np, const struct weir_cbpf_insn *q, uint32_t nq,
             const struct prove_question *o, struct prove_result *out)
{
    (void)p, (void)np, (void)q, (void)nq, (void)o, (void)out;
    return WEIR_E_UNSUPPORTED;
}
#endif
