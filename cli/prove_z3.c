/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/prove_z3.c - proving by z3: two classic BPF programs as one question over bit vectors.
 *
 * The formula (z3_formula.c) says that the verdicts clash; here z3 is asked for a packet.
 *
 * Two bytes of the packet whose addresses are not both constant might be the same byte. That is forgotten at
 * first, which only adds packets that cannot be: "no packet" stands. A packet found is looked over, "same
 * address, same byte" is added where it was violated, and z3 is asked again (the lazy form of Ackermann's
 * reduction; Brummayer and Biere, "Lemmas on Demand for the Extensional Theory of Arrays", 2009).
 */
#include "prove.h"
#include <dlfcn.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "prove_z3.h"
#include "z3_formula.h"

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
#define F(name)                                                                                              \
    if (!(*(void **)&prove_z3_functions.name##_ = dlsym(library, #name)))                                    \
        return "the library libz3.so.4 lacks " #name;
    PROVE_Z3_FUNCTIONS(F)
#undef F
    prove_z3_functions.loaded = true;
    return NULL;
}

/* ---------------------------------------------------------------- asking */

/* Up to here all pairs are tied at once when one has to be: a fresh start beats many rounds. */
#define EAGER_BYTES 250

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
    Z3_ast offset = z3_term(q, z3_constant(b->offset));
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
    Z3_solver_assert(q->z, s->solver,
                     Z3_mk_bvule(q->z, q->caplen, z3_term(q, z3_constant(PROVE_CAPLEN_MAX))));
    Z3_solver_assert(q->z, s->solver, Z3_mk_bvule(q->z, q->caplen, q->wirelen));
    for (size_t i = 0; i < q->metas; i++)
        Z3_solver_assert(q->z, s->solver,
                         Z3_mk_bvule(q->z, q->meta[i].value, z3_term(q, z3_constant(q->meta[i].highest))));
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
        unsigned left = z3_time_left(s->q);
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
    for (size_t i = 0; i < q->metas; i++)
        prove_meta_set(&out->meta, q->meta[i].k, model_value(q, m, q->meta[i].value));
    return true;
}

static void ask(struct question *q, struct condition differ, struct prove_result *out)
{
    struct search s = {.q = q};
    Z3_model model = NULL, shorter = NULL;
    Z3_context z = q->z;
    s.formula = Z3_simplify(z, z3_truth_term(q, differ));
    *out = (struct prove_result){.verdict = PROVE_EQUAL};
    if (z3_is_app(q, s.formula, Z3_OP_FALSE))
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
        out->why = z3_time_left(q) ? "z3 gave up" : "out of time";
        break;
    case Z3_L_TRUE: {
        out->verdict = PROVE_DIFFER;
        /* A short packet is easier to read. */
        for (uint32_t bytes = 16; !shorter && bytes <= 256; bytes *= 2) {
            Z3_ast small = Z3_mk_fresh_const(z, "short", Z3_mk_bool_sort(z));
            Z3_ast is_short[] = {
                Z3_mk_bvule(z, q->caplen, z3_term(q, z3_constant(bytes))),
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
        if (!prove_meta_find(q->meta[i].k))
            return false;
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
    if (!prove_is_decided(p, np) || !prove_is_decided(q, nq)) {
        *out = (struct prove_result){.verdict = PROVE_UNKNOWN, .why = PROVE_UNDECIDED};
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
    about->root = z3_new_path(about, NULL, Z3_mk_true(about->z));
    about->bits8 = Z3_mk_bv_sort(about->z, 8);
    about->bits32 = Z3_mk_bv_sort(about->z, 32);
    about->caplen = Z3_mk_fresh_const(about->z, "caplen", about->bits32);
    about->wirelen = Z3_mk_fresh_const(about->z, "wirelen", about->bits32);

    struct outcome first = {0}, second = {0};
    struct condition differ = never;
    bool ok = about->root && z3_execute(about, p, np, &first) && z3_execute(about, q, nq, &second);
    if (ok)
        differ = z3_clash(about, &first, &second, o);
    for (size_t i = 0; ok && i < conditions; i++) {
        struct outcome c = {0};
        ok = z3_execute(about, o->condition[i].code, o->condition[i].n, &c);
        struct condition holds = ok ? z3_accepts(about, &c) : never;
        differ = z3_both(about, differ, o->condition[i].accepts ? holds : z3_negated(about, holds));
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
