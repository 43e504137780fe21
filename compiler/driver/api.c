/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/api.c - the public functions of weir/weir.h.
 */
#include <stdio.h>
#include <string.h>
#include "backends/c/c.h"
#include "backends/cbpf/cbpf.h"
#include "backends/ebpf/ebpf.h"
#include "backends/elf/elf.h"
#include "driver/inputs.h"
#include "driver/pipeline.h"
#include "proto/linktype.h"
#include "vm/vm.h"

#define MAX_DIAGNOSTICS   100
#define DIAGNOSTICS_BYTES 32768 /* enough to keep so many, beyond a ceiling that was met */

struct weir {
    struct allocator al;
    struct arena arena; /* of the last compile: its diagnostics point into it */
    struct weir_diagnostic *diagnostic;
    size_t diagnostics;
};

struct weir_program {
    struct allocator al;
    uint32_t target; /* enum weir_target */
    uint32_t count;
    uint32_t sets;
    struct ir_set *set;
    struct weir_cbpf_insn *cbpf;
    struct weir_ebpf_insn *ebpf;
    struct span *at; /* beside ebpf; may be NULL */
    struct ebpf_reloc *reloc;
    uint8_t *rodata;
    uint32_t relocs, rodata_bytes;
    bool frags;
    char *filter; /* of an eBPF program: the text `at` points into */
    size_t filter_len;
    char *ir_text, *dot_text, *source_text; /* when asked for */
    size_t ir_len, dot_len, source_len;
    struct weir_input *input; /* when asked for */
    uint32_t inputs, reach;
    bool has_inputs;
};

const char *weir_version(void)
{
#define TEXT(x)        #x
#define DOTS(a, b, c)  TEXT(a) "." TEXT(b) "." TEXT(c)
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
    struct allocator from = allocator_libc;

    if (!out)
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

/* What options of the first release held: members are only ever appended, and 0 is what an absent one means. */
#define OPTIONS_FIRST_SIZE (offsetof(struct weir_options, limits) + sizeof(struct weir_limits))

/* The caller's options, of whatever release, as this one's. */
static bool take_options(const struct weir_options *from, struct weir_options *o)
{
    static const struct weir_options defaults = WEIR_OPTIONS_INIT;

    *o = defaults;
    if (!from)
        return true;
    if (from->size < OPTIONS_FIRST_SIZE || from->size > sizeof *o)
        return false;
    memset(o, 0, sizeof *o);
    memcpy(o, from, from->size);
    o->size = sizeof *o;
    return true;
}

static int check_options(struct diag_sink *sink, const struct weir_options *o, bool known_size)
{
    const struct diag_at nowhere = {.at = {0, 0}};

    if (!known_size) {
        diag(sink, DIAG_BAD_OPTION, nowhere, "the options' size");
        return WEIR_E_ARGUMENT;
    }
    if (o->snaplen == 0) {
        diag(sink, DIAG_SNAPLEN_ZERO, nowhere);
        return WEIR_E_ARGUMENT;
    }
    if (o->target > WEIR_TARGET_FUNC || o->savefile > WEIR_SAVEFILE_SWAPPED) {
        diag(sink, DIAG_BAD_OPTION, nowhere, o->target > WEIR_TARGET_FUNC ? "the target" : "the savefile's byte order");
        return WEIR_E_ARGUMENT;
    }
    if (o->tune > WEIR_TUNE_KERNEL) {
        diag(sink, DIAG_BAD_OPTION, nowhere, "what to tune for");
        return WEIR_E_ARGUMENT;
    }
    if (o->hook > WEIR_HOOK_EGRESS) {
        diag(sink, DIAG_BAD_OPTION, nowhere, "where the program runs");
        return WEIR_E_ARGUMENT;
    }
    if (!linktype_by_number(o->linktype)) {
        diag(sink, DIAG_UNKNOWN_LINKTYPE, nowhere, o->linktype);
        return WEIR_E_ARGUMENT;
    }
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

static int take_ebpf(struct weir_program *p, const struct ebpf_code *code, const struct ir_func *f, const char *text,
                     size_t len)
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
        err = take(p, text, len, 1, (void **)&p->filter);
    p->filter_len = len;
    return err;
}

static int take_text(struct weir_program *p, const struct ir_func *f, void (*print)(const struct ir_func *, struct strbuf *),
                     char **text, size_t *len)
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
                       const char *text, size_t len, struct diag_sink *sink)
{
    const struct c_options o = {
        .target = t->target,
        .frags = t->frags,
        .on_match = t->on_match,
        .on_miss = t->on_miss,
        .filter = text,
        .filter_len = len,
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

static void drop_ir(struct weir_program *p)
{
    mem_free(&p->al, p->ir_text);
    mem_free(&p->al, p->dot_text);
    mem_free(&p->al, p->input);
    p->ir_text = p->dot_text = NULL;
    p->input = NULL;
}

static int backend_run(struct arena *arena, struct diag_sink *sink, struct ir_func *f, const char *text, size_t len,
                       const struct weir_options *o, struct weir_program *p)
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
    t.tables = o->tables;
    t.count = o->count && (o->target == WEIR_TARGET_XDP || o->target == WEIR_TARGET_TC);
    if (o->has_actions) {
        t.on_match = o->on_match;
        t.on_miss = o->on_miss;
    }
    err = o->keep_source ? take_source(p, f, &t, text, len, sink) : WEIR_OK;
    if (err == WEIR_OK)
        err = ebpf_emit(f, &t, sink, &code);
    return err < 0 ? err : take_ebpf(p, &code, f, text, len);
}

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
            return false;
    return true;
}

static int compile(struct weir *cx, struct diag_sink *sink, const char *text, size_t len, const struct weir_options *o,
                   struct weir_program *p)
{
    struct weir_options at_hook = *o;
    struct ir_func f;

    at_hook.live |= o->target == WEIR_TARGET_TC; /* on receive the VLAN tag is there and nowhere else */
    if (o->target == WEIR_TARGET_XDP)
        at_hook.hook = WEIR_HOOK_INGRESS;
    o = &at_hook;
    int err = pipeline_ir(&cx->arena, sink, text, len, o, NULL, &f);

    if (err == WEIR_OK)
        err = take_ir(p, &f, o);
    bool never = o->optimize && err == WEIR_OK && f.entry == IR_REJECT;
    if (err == WEIR_OK)
        err = backend_run(&cx->arena, sink, &f, text, len, o, p);
    if (err == WEIR_OK && o->lint && f.entry == IR_ACCEPT && !is_blank(text, len))
        diag(sink, DIAG_ALWAYS_MATCHES, (struct diag_at){.at = {0, (uint32_t)len}});
    if (err == WEIR_OK && never) {
        err = pipeline_explain_never(&cx->arena, sink, text, len, o);
        return err < 0 ? err : WEIR_NEVER;
    }
    return err;
}

/* Forgets the last compile of @cx. */
static void context_begin(struct weir *cx, size_t memory_bytes)
{
    arena_release(&cx->arena);
    cx->diagnostic = NULL;
    cx->diagnostics = 0;
    arena_init(&cx->arena, &cx->al, memory_bytes);
}

/* Makes what was found the context's diagnostics, and @p the caller's or nobody's. Returns the status for the caller. */
static int context_end(struct weir *cx, struct diag_sink *sink, int status, struct weir_program *p,
                       struct weir_program **out)
{
    cx->arena.ceiling += DIAGNOSTICS_BYTES;
    if ((status == WEIR_E_MEMORY || sink->failed) && cx->arena.over_ceiling) {
        char what[64];
        snprintf(what, sizeof what, "%zu bytes of working memory", cx->arena.ceiling - DIAGNOSTICS_BYTES);
        sink->failed = false;
        diag(sink, DIAG_TOO_BIG, (struct diag_at){.at = {0, 0}}, what);
        status = WEIR_E_LIMIT;
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
              (a.instructions < b.instructions || a.loads < b.loads || a.longest_instructions < b.longest_instructions ||
               a.longest_loads < b.longest_loads || a.accept_instructions < b.accept_instructions ||
               a.accept_loads < b.accept_loads);
    return err;
}

/*
 * The classic program that the optimizer makes of the one that was read; or that one, when it makes no better one, or one
 * that needs more cells than there are or is longer than allowed.
 */
static int take_better(struct weir *cx, struct ir_func *f, const struct cbpf_code *code, const struct weir_options *o,
                       struct weir_program *p)
{
    struct diag_sink silent = {.arena = &cx->arena, .limit = 1};
    int err = backend_run(&cx->arena, &silent, f, NULL, 0, o, p);
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
        drop_ir(p);
        err = pipeline_lift(&cx->arena, &silent, code, &plain, f);
        if (err == WEIR_OK)
            err = take_ir(p, f, o);
        if (err < 0)
            return err;
    }
    return take_code(p, code);
}

static int read_program(struct weir *cx, struct diag_sink *sink, const char *text, size_t len, const struct weir_options *o,
                        struct weir_program *p)
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
        err = backend_run(&cx->arena, sink, &f, text, len, o, p);
    else
        err = o->optimize ? take_better(cx, &f, &code, o, p) : take_code(p, &code);
    if (err < 0 || !never)
        return err;
    diag(sink, DIAG_RAW_NEVER, (struct diag_at){.at = {0, 0}});
    return WEIR_NEVER;
}

/* What weir_compile() and weir_program_read() do with a text. */
typedef int make_program(struct weir *cx, struct diag_sink *sink, const char *text, size_t len, const struct weir_options *o,
                         struct weir_program *p);

static int make(make_program *how, struct weir *cx, const char *text, size_t len, const struct weir_options *o,
                struct weir_program **out)
{
    struct weir_options options;

    if (!cx || !out || (!text && len))
        return WEIR_E_ARGUMENT;
    bool known_size = take_options(o, &options);
    context_begin(cx, pipeline_limits(&options).memory_bytes);

    struct weir_program *p = mem_alloc(&cx->al, sizeof *p);
    if (!p)
        return WEIR_E_MEMORY;
    *p = (struct weir_program){.al = cx->al, .target = options.target};

    struct diag_sink sink = {.arena = &cx->arena, .limit = MAX_DIAGNOSTICS};
    int status = check_options(&sink, &options, known_size);
    if (status == WEIR_OK)
        status = how(cx, &sink, text ? text : "", len, &options, p);
    return context_end(cx, &sink, status, p, out);
}

int weir_compile(struct weir *cx, const char *text, size_t len, const struct weir_options *o, struct weir_program **out)
{
    return make(compile, cx, text, len, o, out);
}

int weir_program_read(struct weir *cx, const char *text, size_t len, const struct weir_options *o,
                      struct weir_program **out)
{
    return make(read_program, cx, text, len, o, out);
}

void weir_program_free(struct weir_program *p)
{
    if (!p)
        return;
    struct allocator al = p->al;
    mem_free(&al, p->cbpf);
    mem_free(&al, p->set);
    mem_free(&al, p->ebpf);
    mem_free(&al, p->at);
    mem_free(&al, p->reloc);
    mem_free(&al, p->rodata);
    mem_free(&al, p->filter);
    drop_ir(p);
    mem_free(&al, p->source_text);
    mem_free(&al, p);
}

const struct weir_cbpf_insn *weir_program_cbpf(const struct weir_program *p, size_t *count)
{
    *count = p->cbpf ? p->count : 0;
    return p->cbpf;
}

const struct weir_ebpf_insn *weir_program_ebpf(const struct weir_program *p, size_t *count)
{
    *count = p->ebpf ? p->count : 0;
    return p->ebpf;
}

static bool print_code(const struct weir_program *p, enum weir_text form, struct strbuf *s)
{
    bool cbpf = p->cbpf != NULL;

    switch (form) {
    case WEIR_TEXT_LISTING:
        if (cbpf)
            cbpf_print_listing(p->cbpf, p->count, s);
        else
            ebpf_print_listing(p->ebpf, p->count, p->at, p->filter,
                               &(struct ebpf_names){p->reloc, p->relocs, p->set}, s);
        return true;
    case WEIR_TEXT_C:
        if (p->sets) /* instructions alone have no maps */
            return false;
        cbpf ? cbpf_print_c(p->cbpf, p->count, s) : ebpf_print_c(p->ebpf, p->count, s);
        return true;
    case WEIR_TEXT_DECIMAL:
        if (cbpf)
            cbpf_print_decimal(p->cbpf, p->count, s);
        return cbpf;
    case WEIR_TEXT_IR:
        if (p->ir_text)
            strbuf_put(s, p->ir_text, p->ir_len);
        return p->ir_text != NULL;
    case WEIR_TEXT_DOT:
        if (p->dot_text)
            strbuf_put(s, p->dot_text, p->dot_len);
        return p->dot_text != NULL;
    case WEIR_TEXT_SOURCE:
        if (p->source_text)
            strbuf_put(s, p->source_text, p->source_len);
        return p->source_text != NULL;
    }
    return false;
}

int weir_program_text(const struct weir_program *p, enum weir_text form, char **out, size_t *len)
{
    struct strbuf s;

    strbuf_init(&s, &p->al);
    bool known = print_code(p, form, &s);
    if (!known || s.failed || !s.text) {
        strbuf_release(&s);
        return known ? WEIR_E_MEMORY : WEIR_E_UNSUPPORTED;
    }
    *out = s.text;
    if (len)
        *len = s.len;
    return WEIR_OK;
}

int weir_program_object(const struct weir_program *p, const struct weir_object_options *o, char **out, size_t *len)
{
    static const struct weir_object_options defaults = {.size = sizeof defaults};
    struct strbuf s;

    if (!p || !out || !len || (o && o->size != sizeof *o) || (o && o->name && !elf_is_name(o->name)))
        return WEIR_E_ARGUMENT;
    if (!o)
        o = &defaults;
    if (!p->ebpf)
        return WEIR_E_UNSUPPORTED;
    for (uint32_t i = 0; i < p->sets; i++)
        if (o->name && !strcmp(o->name, p->set[i].name))
            return WEIR_E_ARGUMENT;
    const char *const section[] = {
        [WEIR_TARGET_XDP] = p->frags ? "xdp.frags" : "xdp",
        [WEIR_TARGET_TC] = "tc",
        [WEIR_TARGET_SOCKET] = "socket",
        [WEIR_TARGET_CGROUP] = o->egress ? "cgroup_skb/egress" : "cgroup_skb/ingress",
        [WEIR_TARGET_FUNC] = ".text",
    };
    const struct elf_object object = {
        .section = section[p->target],
        .function = o->name ? o->name : "weir",
        .context = p->target == WEIR_TARGET_XDP    ? "xdp_md"
                   : p->target == WEIR_TARGET_FUNC ? NULL
                                                   : "__sk_buff",
        .linked = o->linked || p->target == WEIR_TARGET_FUNC,
        .filter = p->filter ? p->filter : "",
        .filter_len = p->filter_len,
        .insn = p->ebpf,
        .at = p->at,
        .insns = p->count,
        .reloc = p->reloc,
        .relocs = p->relocs,
        .rodata = p->rodata,
        .rodata_bytes = p->rodata_bytes,
        .set = p->set,
        .sets = p->sets,
    };
    strbuf_init(&s, &p->al);
    int err = elf_write(&object, &s);
    if (err < 0) {
        strbuf_release(&s);
        return err;
    }
    *out = s.text;
    *len = s.len;
    return WEIR_OK;
}

int weir_program_set(const struct weir_program *p, size_t i, struct weir_set *out)
{
    if (!p || !out || out->size != sizeof *out || i >= p->sets)
        return WEIR_E_ARGUMENT;
    out->name = p->set[i].name;
    out->kind = p->set[i].kind;
    out->members = ir_set_members(p->set[i].kind);
    return WEIR_OK;
}

void weir_text_free(const struct weir_program *p, char *text)
{
    mem_free(&p->al, text);
}

const char *weir_program_kernel_refusal(const struct weir_program *p)
{
    return p->cbpf ? cbpf_kernel_refusal(p->cbpf, p->count) : NULL;
}

int weir_program_cost(const struct weir_program *p, struct weir_cost *out)
{
    if (!p || !out || out->size != sizeof *out)
        return WEIR_E_ARGUMENT;
    return p->cbpf ? cbpf_cost(&p->al, p->cbpf, p->count, out) : WEIR_E_UNSUPPORTED;
}

int weir_program_input(const struct weir_program *p, size_t i, struct weir_input *out)
{
    if (!p || !out || out->size != sizeof *out)
        return WEIR_E_ARGUMENT;
    if (!p->has_inputs)
        return WEIR_E_UNSUPPORTED;
    if (i >= p->inputs)
        return WEIR_E_ARGUMENT;
    *out = p->input[i];
    return WEIR_OK;
}

int weir_program_reach(const struct weir_program *p, uint32_t *out)
{
    if (!p || !out)
        return WEIR_E_ARGUMENT;
    if (!p->has_inputs)
        return WEIR_E_UNSUPPORTED;
    *out = p->reach;
    return WEIR_OK;
}

uint32_t weir_match(const struct weir_program *p, const void *packet, uint32_t caplen, uint32_t wirelen,
                    const struct weir_metadata *meta)
{
    struct packet pkt = {.bytes = packet, .caplen = caplen, .wirelen = wirelen};

    if (!p->cbpf)
        return 0;
    if (meta && meta->size == sizeof *meta)
        pkt.meta = *meta;
    return cbpf_run(p->cbpf, p->count, &pkt, NULL);
}

int weir_linktype(size_t i, struct weir_linktype *out)
{
    const struct linktype *lt = linktype_at(i);

    if (!lt)
        return WEIR_E_ARGUMENT;
    *out = (struct weir_linktype){lt->number, lt->name, lt->description, linktype_has_protocols(lt)};
    return WEIR_OK;
}

int64_t weir_linktype_by_name(const char *name)
{
    const struct linktype *lt;
    uint64_t number = 0;

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
