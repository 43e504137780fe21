/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/compare.c - one filter compiled in every way there is, and what they say about a packet.
 */
#include "tests/differential/compare.h"
#include <fnmatch.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver/pipeline.h"
#include "tests/differential/table.h"
#include "tests/golden/compile.h"
#include "tests/harness/shared.h"

enum { REFERENCE_COLUMNS = 5, STEPS_MAX = 200000 };

/* ---------------------------------------------------------------- known differences */

static unsigned excuse_named(const char *word)
{
    static const struct {
        const char *name;
        unsigned excuse;
    } names[] = {
        {"accepts", EXCUSE_ACCEPTS},
        {"refuses", EXCUSE_REFUSES},
        {"differs", EXCUSE_DIFFERS},
        {"short", EXCUSE_SHORT},
        {"other", EXCUSE_ACCEPTS | EXCUSE_REFUSES | EXCUSE_DIFFERS},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, word) == 0)
            return names[i].excuse;
    return 0;
}

bool reference_load(const char *path, const char *differences, struct reference *out)
{
    struct reference r = {.text = read_file(path, NULL)};
    char *rest = r.text, *column[REFERENCE_COLUMNS];
    bool ok = r.text != NULL;
    int header = 1;
    unsigned n;
    while (ok && (n = table_next(&rest, &header, column, REFERENCE_COLUMNS))) {
        struct reference_row *more = realloc(r.row, (r.n + 1) * sizeof *more), *row;
        if (more)
            r.row = more;
        row = more ? &r.row[r.n] : NULL;
        ok = n == REFERENCE_COLUMNS && row && excuse_named(column[0]);
        if (ok)
            ok = regcomp(&row->text, column[2], REG_EXTENDED | REG_NOSUB) == 0;
        if (!ok) {
            fprintf(stderr, "%s: \"%s\" is not a row\n", path, column[0]);
            break;
        }
        row->excuse = excuse_named(column[0]);
        row->linktype = column[1];
        row->condition = strcmp(column[3], "always") == 0 ? NULL : column[3];
        row->reason = column[4];
        row->used = 0;
        r.n++;
    }
    if (!ok || !differences_load(differences, &r.differences)) {
        reference_free(&r);
        return false;
    }
    *out = r;
    return true;
}

void reference_free(struct reference *r)
{
    for (size_t i = 0; i < r->n; i++)
        regfree(&r->row[i].text);
    free(r->row);
    free(r->text);
    if (r->differences.text)
        differences_free(&r->differences);
    *r = (struct reference){0};
}

/* What patterns are matched with: the options that are set, and the filter. */
static void reference_subject(const struct compiled *c, char *out, size_t size)
{
    snprintf(out, size, "%s%s: %s", c->o.live ? "live " : "", c->o.savefile ? "savefile " : "", c->text);
}

static void add_condition(struct compiled *c, const char *text)
{
    struct weir_options o = c->o;
    char why[300];
    o.optimize = 0;
    if (c->conditions < CONDITIONS_MAX &&
        compile_program(text, &o, &c->condition[c->conditions], why, sizeof why) >= 0)
        c->conditions++;
    else
        c->excuse |= EXCUSE_DIFFERS; /* the condition says nothing here: the whole filter is excused */
}

static void find_excuses(struct compiled *c, struct reference *known)
{
    char subject[4096], name[4096];
    reference_subject(c, subject, sizeof subject);
    snprintf(name, sizeof name, "differential:%s", c->text);
    for (size_t i = 0; i < known->n; i++) {
        struct reference_row *row = &known->row[i];
        if (fnmatch(row->linktype, c->name, 0) != 0 || regexec(&row->text, subject, 0, NULL, 0) != 0)
            continue;
        row->used++;
        if (row->condition)
            add_condition(c, row->condition);
        else
            c->excuse |= row->excuse;
    }
    for (size_t i = 0; i < known->differences.n; i++) {
        const struct difference *row = &known->differences.row[i];
        if (!difference_matches(row, name, c->name))
            continue;
        if (row->condition)
            add_condition(c, row->condition);
        else
            c->excuse |= EXCUSE_ACCEPTS | EXCUSE_REFUSES | EXCUSE_DIFFERS;
    }
}

/* ---------------------------------------------------------------- compiling */

/* False when libpcap has no such link type at all. */
static bool compile_reference(struct compiled *c)
{
    struct bpf_program p;
    pcap_t *dead = pcap_open_dead((int)c->lt->number, (int)c->o.snaplen);
    if (!dead)
        return false;
    if (pcap_compile(dead, &p, c->text, 0, c->o.netmask) < 0) {
        snprintf(c->reference_why, sizeof c->reference_why, "%s", pcap_geterr(dead));
        pcap_close(dead);
        return !strstr(c->reference_why, "unknown data link type");
    }
    struct weir_cbpf_insn *at = malloc(p.bf_len * sizeof *at);
    for (unsigned i = 0; at && i < p.bf_len; i++)
        at[i] =
            (struct weir_cbpf_insn){p.bf_insns[i].code, p.bf_insns[i].jt, p.bf_insns[i].jf, p.bf_insns[i].k};
    bool ok = at && program_copy(at, p.bf_len, &c->reference);
    free(at);
    pcap_freecode(&p);
    pcap_close(dead);
    return ok;
}

static const char *make_ir(struct compiled *c, bool optimize, struct ir_func *out)
{
    struct diag_sink sink = {.arena = &c->arena, .limit = 10};
    struct weir_options o = c->o;
    uint32_t where;
    o.optimize = optimize;
    if (pipeline_ir(&c->arena, &sink, c->text, strlen(c->text), &o, NULL, out) < 0)
        return "the pipeline refuses what weir_compile() takes";
    const char *why = ir_verify(out, &c->arena, &where);
    if (!why)
        return NULL;
    snprintf(c->why, sizeof c->why, "block %u: %s", where, why);
    return optimize ? "the optimized IR is not well-formed" : "the plain IR is not well-formed";
}

const char *compiled_make(struct compiled *c, const char *text, const struct linktype *lt,
                          const struct weir_options *o, struct reference *known)
{
    *c = (struct compiled){.text = text, .lt = lt, .o = *o};
    char why[300];
    arena_init(&c->arena, &allocator_system, (size_t)256 << 20);
    if (lt->name)
        snprintf(c->name, sizeof c->name, "%s", lt->name);
    else
        snprintf(c->name, sizeof c->name, "%u", lt->number);
    c->o.linktype = lt->number;
    c->o.optimize = 0;
    c->status = compile_program(text, &c->o, &c->plain, c->why, sizeof c->why);
    find_excuses(c, known);
    bool reference = compile_reference(c);
    c->with_reference = reference && !*c->reference_why && !(c->excuse & EXCUSE_DIFFERS);
    if (c->status < 0) {
        if (c->status != WEIR_E_FILTER)
            return c->status == WEIR_E_UNSUPPORTED ? "the filter needs too many cells"
                                                   : "the compiler gave up";
        if (reference && !*c->reference_why && !(c->excuse & EXCUSE_ACCEPTS))
            return "we refuse what libpcap takes";
        return NULL;
    }
    if (reference && *c->reference_why && !(c->excuse & EXCUSE_REFUSES))
        return "we take what libpcap refuses";
    c->o.optimize = 1;
    int status = compile_program(text, &c->o, &c->optimized, why, sizeof why);
    if (status < 0) {
        memcpy(c->why, why, sizeof why);
        c->status = status;
        /* A division by zero or a shift too far that only shows once constants are folded is refused. */
        return status == WEIR_E_FILTER && (strstr(why, "by zero") || strstr(why, "shift"))
                   ? NULL
                   : "only -O takes the filter";
    }
    const char *wrong = make_ir(c, false, &c->plain_ir);
    return wrong ? wrong : make_ir(c, true, &c->optimized_ir);
}

void compiled_release(struct compiled *c)
{
    program_free(&c->plain);
    program_free(&c->optimized);
    program_free(&c->reference);
    for (uint32_t i = 0; i < c->conditions; i++)
        program_free(&c->condition[i]);
    arena_release(&c->arena);
}

/* ---------------------------------------------------------------- running */

static bool excused(struct compiled *c, const struct packet *p)
{
    for (uint32_t i = 0; i < c->conditions; i++)
        if (cbpf_run(c->condition[i].at, c->condition[i].n, p, NULL))
            return true;
    return false;
}

/* Does a verdict refine the plain one? */
static bool refines(const struct verdicts *v, uint32_t other)
{
    return other == v->plain || (!v->plain && v->plain_fault);
}

const char *compiled_run(struct compiled *c, const struct packet *p, struct verdicts *v)
{
    struct vm_counts counts = {0};
    enum run_end end = RUN_RETURN;
    bool fault;
    *v = (struct verdicts){0};
    v->plain = cbpf_run(c->plain.at, c->plain.n, p, &counts);
    v->plain_fault = counts.faults;
    v->plain_ir = ir_eval(&c->plain_ir, p, &c->arena, &fault);
    v->optimized = cbpf_run(c->optimized.at, c->optimized.n, p, NULL);
    v->optimized_ir = ir_eval(&c->optimized_ir, p, &c->arena, NULL);
    if (c->with_reference)
        v->reference = program_run(&c->reference, p, STEPS_MAX, &end);
    v->reference_fault = end != RUN_RETURN;
    if (v->plain != v->plain_ir)
        return "the plain program and its IR disagree";
    /* A load that is out of range whatever the packet is not in the program, which rejects without it. */
    if (v->plain_fault && !fault)
        return "only the plain program has a load out of range, its IR has none";
    v->plain_fault = fault;
    if (!refines(v, v->optimized))
        return "the optimized program does not refine the plain one";
    if (!refines(v, v->optimized_ir))
        return "the optimized IR does not refine the plain program";
    if (end == RUN_BROKEN)
        return "libpcap's program is broken";
    v->compared = c->with_reference && end != RUN_STEPS && !excused(c, p) &&
                  !((c->excuse & EXCUSE_SHORT) && (v->plain_fault || v->reference_fault));
    if (v->compared && v->reference != v->plain)
        return "the plain program and libpcap's disagree";
    return NULL;
}
