/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/api.c - contexts, and compiling in them: the first half of weir/weir.h. The second is program.c.
 */
#include <string.h>
#include "backends/c/c.h"
#include "backends/cbpf/cbpf.h"
#include "backends/ebpf/ebpf.h"
#include "driver/front.h"
#include "driver/inputs.h"
#include "driver/options.h"
#include "driver/pipeline.h"
#include "driver/program.h"
#include "proto/linktype.h"

#define MAX_DIAGNOSTICS   100
#define DIAGNOSTICS_BYTES 32768 /* enough to keep so many, beyond a ceiling that was met */

struct weir {
    struct allocator al;
    struct arena arena; /* of the last compile: its diagnostics point into it */
    struct weir_diagnostic *diagnostic;
    size_t diagnostics;
};

const char *weir_version(void)
{
#define TEXT(x)       #x
#define DOTS(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)
    return DOTS(WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR, WEIR_VERSION_PATCH);
#undef DOTS
#undef TEXT
}

const char *weir_strerror(int status)
{
    switch ((enum weir_status)status) {
    case WEIR_OK:
        return "success";
    case WEIR_NEVER:
        return "the filter can never match a packet";
    case WEIR_E_FILTER:
        return "the filter is wrong";
    case WEIR_E_MEMORY:
        return "out of memory";
    case WEIR_E_LIMIT:
        return "the filter exceeds a limit";
    case WEIR_E_ARGUMENT:
        return "invalid argument";
    case WEIR_E_UNSUPPORTED:
        return "the target cannot express the filter";
    case WEIR_E_BUG:
        return "internal error: please report the filter";
    }
    return "unknown status";
}

int weir_new(const struct weir_allocator *al, struct weir **out)
{
    struct allocator from = allocator_system;

    if (!out || (al && !al->reallocate))
        return WEIR_E_ARGUMENT;
    if (al)
        from = (struct allocator){al->reallocate, al->user};
    struct weir *cx = mem_alloc(&from, sizeof *cx);
    if (!cx)
        return WEIR_E_MEMORY;
    *cx = (struct weir){.al = from};
    arena_init(&cx->arena, &cx->al, 0);
    *out = cx;
    return WEIR_OK;
}

void weir_free(struct weir *cx)
{
    if (!cx)
        return;
    arena_release(&cx->arena);
    mem_free(&cx->al, cx);
}

size_t weir_diagnostic_count(const struct weir *cx)
{
    return cx ? cx->diagnostics : 0;
}

const struct weir_diagnostic *weir_diagnostic(const struct weir *cx, size_t i)
{
    return cx && i < cx->diagnostics ? &cx->diagnostic[i] : NULL;
}

/* Makes the diagnostics of @sink the context's. */
static int keep_diagnostics(struct weir *cx, const struct diag_sink *sink)
{
    if (sink->failed)
        return WEIR_E_MEMORY;
    if (sink->list.n == 0)
        return WEIR_OK;
    cx->diagnostic = arena_array(&cx->arena, struct weir_diagnostic, sink->list.n);
    if (!cx->diagnostic)
        return WEIR_E_MEMORY;
    for (uint32_t i = 0; i < sink->list.n; i++) {
        const struct diag *d = &sink->list.at[i];
        cx->diagnostic[i] = (struct weir_diagnostic){
            .code = d->number,
            .severity = d->severity == DIAG_ERROR ? WEIR_ERROR : WEIR_WARNING,
            .begin = d->at.begin,
            .end = d->at.end,
            .also_begin = d->also.begin,
            .also_end = d->also.end,
            .message = d->message,
            .hint = d->hint,
        };
    }
    cx->diagnostics = sink->list.n;
    return WEIR_OK;
}

/* Copies an array the backend made into @p. */
static int take(struct weir_program *p, const void *from, size_t count, size_t size, void **to)
{
    if (!count)
        return WEIR_OK;
    *to = mem_alloc(&p->al, count * size);
    if (!*to)
        return WEIR_E_MEMORY;
    memcpy(*to, from, count * size);
    return WEIR_OK;
}

/* What a program is made from. */
struct origin {
    const char *what; /* "filter" or "program" */
    const char *text;
    size_t len;
};

static int take_ebpf(struct weir_program *p, const struct ebpf_code *code, const struct ir_func *f,
                     const struct origin *from)
{
    int err = take(p, code->insn.at, code->insn.n, sizeof *p->ebpf, (void **)&p->ebpf);

    p->count = code->insn.n;
    if (err == WEIR_OK && code->at.n == code->insn.n)
        err = take(p, code->at.at, code->at.n, sizeof *p->at, (void **)&p->at);
    if (err == WEIR_OK)
        err = take(p, code->reloc.at, code->reloc.n, sizeof *p->reloc, (void **)&p->reloc);
    p->relocs = code->reloc.n;
    if (err == WEIR_OK)
        err = take(p, code->rodata.at, code->rodata.n, 1, (void **)&p->rodata);
    p->rodata_bytes = code->rodata.n;
    if (err == WEIR_OK)
        err = take(p, f->set.at, f->set.n, sizeof *p->set, (void **)&p->set);
    p->sets = err == WEIR_OK ? f->set.n : 0;
    if (err == WEIR_OK)
        err = take(p, from->text, from->len, 1, (void **)&p->filter);
    p->filter_len = from->len;
    return err;
}

static int take_text(struct weir_program *p, const struct ir_func *f,
                     void (*print)(const struct ir_func *, struct strbuf *), char **text, size_t *len)
{
    struct strbuf s;

    strbuf_init(&s, &p->al);
    print(f, &s);
    if (s.failed) {
        strbuf_release(&s);
        return WEIR_E_MEMORY;
    }
    *text = s.text;
    *len = s.len;
    return WEIR_OK;
}

static int take_source(struct weir_program *p, const struct ir_func *f, const struct ebpf_target_options *t,
                       const struct origin *from, struct diag_sink *sink)
{
    const struct c_options o = {
        .target = t->target,
        .frags = t->frags,
        .on_match = t->on_match,
        .on_miss = t->on_miss,
        .numbers = t->numbers,
        .what = from->what,
        .filter = from->text,
        .filter_len = from->len,
    };
    struct strbuf s;

    strbuf_init(&s, &p->al);
    int err = c_source(f, &o, sink, &s);
    if (err < 0) {
        strbuf_release(&s);
        return err;
    }
    p->source_text = s.text;
    p->source_len = s.len;
    return WEIR_OK;
}

static int take_inputs(struct weir_program *p, const struct ir_func *f)
{
    struct inputs all;
    int err = inputs_find(f, &all);

    if (err == WEIR_OK)
        err = take(p, all.input.at, all.input.n, sizeof *p->input, (void **)&p->input);
    p->inputs = all.input.n;
    p->reach = all.reach;
    p->has_inputs = true;
    return err;
}

/* What the options ask to keep of the IR. */
static int take_ir(struct weir_program *p, const struct ir_func *f, const struct weir_options *o)
{
    int err = WEIR_OK;

    if (o->keep_ir) {
        err = take_text(p, f, ir_print, &p->ir_text, &p->ir_len);
        if (err == WEIR_OK)
            err = take_text(p, f, ir_dot, &p->dot_text, &p->dot_len);
    }
    return err == WEIR_OK && o->keep_inputs ? take_inputs(p, f) : err;
}

static int backend_run(struct arena *arena, struct diag_sink *sink, struct ir_func *f,
                       const struct origin *from, const struct weir_options *o, struct weir_program *p)
{
    uint32_t limit = pipeline_limits(o).instructions;
    int err;

    if (o->target == WEIR_TARGET_CBPF) {
        struct cbpf_code code = {.arena = arena};
        bool small = o->optimize && o->tune == WEIR_TUNE_SIZE;
        err = small ? cbpf_emit_small(f, limit, sink, &code) : cbpf_emit(f, !o->optimize, limit, sink, &code);
        p->count = code.insn.n;
        return err < 0 ? err : take(p, code.insn.at, code.insn.n, sizeof *p->cbpf, (void **)&p->cbpf);
    }
    struct ebpf_code code = {.arena = arena};
    struct ebpf_target_options t = ebpf_target_defaults(o->target, f->accept);
    t.limit = limit;
    t.frags = p->frags = o->frags && o->target == WEIR_TARGET_XDP;
    t.direct = p->direct = o->direct && o->target == WEIR_TARGET_SOCKET;
    t.tables = o->tables;
    t.count = o->count && (o->target == WEIR_TARGET_XDP || o->target == WEIR_TARGET_TC);
    if (o->has_actions) {
        t.on_match = o->on_match;
        t.on_miss = o->on_miss;
        t.numbers = false;
    }
    err = o->keep_source ? take_source(p, f, &t, from, sink) : WEIR_OK;
    if (err == WEIR_OK)
        err = ebpf_emit(f, &t, sink, &code);
    return err < 0 ? err : take_ebpf(p, &code, f, from);
}

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
            return false;
    return true;
}

static int compile(struct weir *cx, struct diag_sink *sink, const char *text, size_t len,
                   const struct weir_options *o, struct weir_program *p)
{
    struct weir_options at_hook = *o;
    struct front front;
    struct ir_func f;

    at_hook.live |= o->target == WEIR_TARGET_TC; /* on receive the VLAN tag is there and nowhere else */
    if (o->target == WEIR_TARGET_XDP)
        at_hook.hook = WEIR_HOOK_INGRESS;
    o = &at_hook;
    int err = front_ir(&front, &cx->arena, sink, text, len, o, NULL, &f);

    if (err == WEIR_OK)
        err = take_ir(p, &f, o);
    bool never = o->optimize && err == WEIR_OK && f.entry == IR_REJECT;
    if (err == WEIR_OK)
        err = backend_run(&cx->arena, sink, &f, &(struct origin){"filter", text, len}, o, p);
    if (err == WEIR_OK && o->lint && f.entry == IR_ACCEPT && !is_blank(text, len))
        diag(sink, DIAG_ALWAYS_MATCHES, (struct diag_at){.at = {0, (uint32_t)len}});
    if (err == WEIR_OK && never) {
        err = front_explain_never(&front, &cx->arena, sink, o);
        err = err < 0 ? err : WEIR_NEVER;
    }
    front_release(&front);
    return err;
}

/* Forgets the last compile of @cx. */
static void context_begin(struct weir *cx, size_t memory_bytes)
{
    arena_reuse(&cx->arena, memory_bytes);
    cx->diagnostic = NULL;
    cx->diagnostics = 0;
}

/* Makes what was found the context's diagnostics, and @p the caller's or nobody's. Returns the status for the
 * caller. */
static int context_end(struct weir *cx, struct diag_sink *sink, int status, struct weir_program *p,
                       struct weir_program **out)
{
    cx->arena.ceiling += DIAGNOSTICS_BYTES;
    if ((status == WEIR_E_MEMORY || sink->failed) && cx->arena.over_ceiling) {
        sink->failed = false;
        status = pipeline_too_big(sink, cx->arena.ceiling - DIAGNOSTICS_BYTES, "bytes of working memory");
    }
    int kept = keep_diagnostics(cx, sink);
    if (kept < 0)
        status = kept;
    if (status < 0) {
        weir_program_free(p);
        return status;
    }
    *out = p;
    return status;
}

static int take_code(struct weir_program *p, const struct cbpf_code *code)
{
    p->count = code->insn.n;
    return take(p, code->insn.at, code->insn.n, sizeof *p->cbpf, (void **)&p->cbpf);
}

/* Is there anything in which the program in @p is better than @code? */
static int is_better(const struct weir_program *p, const struct cbpf_code *code, bool *better)
{
    struct weir_cost a, b;
    int err = cbpf_cost(&p->al, p->cbpf, p->count, &a);

    if (err == WEIR_OK)
        err = cbpf_cost(&p->al, code->insn.at, code->insn.n, &b);
    *better = err == WEIR_OK &&
              (a.instructions < b.instructions || a.loads < b.loads ||
               a.longest_instructions < b.longest_instructions || a.longest_loads < b.longest_loads ||
               a.accept_instructions < b.accept_instructions || a.accept_loads < b.accept_loads);
    return err;
}

/*
 * The classic program that the optimizer makes of the one that was read; or that one, when it makes no better
 * one, or one that needs more cells than there are or is longer than allowed.
 */
static int take_better(struct weir *cx, struct ir_func *f, const struct cbpf_code *code,
                       const struct weir_options *o, struct weir_program *p)
{
    struct diag_sink silent = {.arena = &cx->arena, .limit = 1};
    int err =
        backend_run(&cx->arena, &silent, f, NULL, o, p); /* classic: says nothing of where it comes from */
    bool better = false;

    if (err == WEIR_OK)
        err = is_better(p, code, &better);
    if (better || (err < 0 && err != WEIR_E_UNSUPPORTED && err != WEIR_E_LIMIT))
        return err;
    mem_free(&p->al, p->cbpf);
    p->cbpf = NULL;
    if (o->keep_ir || o->keep_inputs) { /* of this program, not of the one that was not taken */
        struct weir_options plain = *o;
        plain.optimize = 0;
        program_drop_ir(p);
        err = pipeline_lift(&cx->arena, &silent, code, &plain, f);
        if (err == WEIR_OK)
            err = take_ir(p, f, o);
        if (err < 0)
            return err;
    }
    return take_code(p, code);
}

static int read_program(struct weir *cx, struct diag_sink *sink, const char *text, size_t len,
                        const struct weir_options *o, struct weir_program *p)
{
    const bool classic = o->target == WEIR_TARGET_CBPF;
    struct cbpf_code code = {.arena = &cx->arena};
    struct ir_func f;
    int err = pipeline_read(sink, text, len, o, &code);

    if (err < 0)
        return err;
    if (classic && !o->optimize && !o->keep_ir && !o->keep_inputs)
        return take_code(p, &code);
    err = pipeline_lift(&cx->arena, sink, &code, o, &f);
    if (err == WEIR_E_UNSUPPORTED && classic)
        return take_code(p, &code);
    if (err == WEIR_OK)
        err = take_ir(p, &f, o);
    if (err < 0)
        return err;
    bool never = o->optimize && f.entry == IR_REJECT;
    if (!classic)
        err = backend_run(&cx->arena, sink, &f, &(struct origin){"program", text, len}, o, p);
    else
        err = o->optimize ? take_better(cx, &f, &code, o, p) : take_code(p, &code);
    if (err < 0 || !never)
        return err;
    diag(sink, DIAG_RAW_NEVER, (struct diag_at){.at = {0, 0}});
    return WEIR_NEVER;
}

/* What weir_compile() and weir_program_read() do with a text. */
typedef int make_program(struct weir *cx, struct diag_sink *sink, const char *text, size_t len,
                         const struct weir_options *o, struct weir_program *p);

static int make(make_program *how, struct weir *cx, const char *text, size_t len,
                const struct weir_options *o, struct weir_program **out)
{
    struct options options;

    if (!cx)
        return WEIR_E_ARGUMENT;
    options_take(o, &options);
    context_begin(cx, pipeline_limits(&options.o).memory_bytes);
    if (!out || (!text && len))
        return WEIR_E_ARGUMENT;

    struct weir_program *p = mem_alloc(&cx->al, sizeof *p);
    if (!p)
        return WEIR_E_MEMORY;
    *p = (struct weir_program){.al = cx->al, .target = options.o.target};

    struct diag_sink sink = {.arena = &cx->arena, .limit = MAX_DIAGNOSTICS};
    int status = options_check(&sink, &options);
    if (status == WEIR_OK)
        status = how(cx, &sink, text ? text : "", len, &options.o, p);
    return context_end(cx, &sink, status, p, out);
}

int weir_compile(struct weir *cx, const char *text, size_t len, const struct weir_options *o,
                 struct weir_program **out)
{
    return make(compile, cx, text, len, o, out);
}

int weir_program_read(struct weir *cx, const char *text, size_t len, const struct weir_options *o,
                      struct weir_program **out)
{
    return make(read_program, cx, text, len, o, out);
}

int weir_linktype(size_t i, struct weir_linktype *out)
{
    const struct linktype *lt = linktype_at(i);

    if (!lt || !out)
        return WEIR_E_ARGUMENT;
    *out = (struct weir_linktype){lt->number, lt->name, lt->description, linktype_has_protocols(lt)};
    return WEIR_OK;
}

int64_t weir_linktype_by_name(const char *name)
{
    const struct linktype *lt;
    uint64_t number = 0;

    if (!name)
        return -1;
    if (name[0] >= '0' && name[0] <= '9') {
        for (const char *c = name; *c; c++) {
            if (*c < '0' || *c > '9' || number > UINT32_MAX)
                return -1;
            number = number * 10 + (uint64_t)(*c - '0');
        }
        return number <= UINT32_MAX && linktype_by_number((uint32_t)number) ? (int64_t)number : -1;
    }
    if ((name[0] | 0x20) == 'd' && (name[1] | 0x20) == 'l' && (name[2] | 0x20) == 't' && name[3] == '_')
        name += 4;
    lt = linktype_by_name(name);
    return lt ? lt->number : -1;
}
