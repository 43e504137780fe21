/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/compile.c - from the command line's filter to a program, with all that has to be said about it. */
#include "compile.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "diag_render.h"
#include "filter_text.h"
#include "resolver.h"
#include "say.h"

/* Prints every diagnostic of the last compile. */
static void show_diagnostics(const struct options *o, const struct weir *cx, const struct filter_text *t,
                             int status)
{
    struct diag_style style = {.json = o->json, .colour = say_in_colour(stderr)};
    const struct weir_diagnostic *d;

    style.as_warning = status == WEIR_NEVER && (o->allow_never || o->plain);
    for (size_t i = 0; (d = weir_diagnostic(cx, i)); i++) {
        if (o->no_warnings && (d->severity == WEIR_WARNING || style.as_warning))
            continue;
        if (status == WEIR_NEVER && o->plain)
            continue; /* asked for exactly this program */
        style.placed =
            status != WEIR_E_ARGUMENT && t->len && (d->end > d->begin || status == WEIR_E_FILTER || d->begin);
        diag_render(stderr, t, d, style);
    }
}

static int compile_text(const struct options *o, const struct weir_options *wo, const struct filter_text *t,
                        struct weir_program **out)
{
    struct weir *cx = NULL;
    int status = weir_new(NULL, &cx);

    if (status < 0)
        return say_failed(o->json, "%s", weir_strerror(status));
    if (o->from_file)
        status = weir_program_read(cx, t->original, t->len, wo, out);
    else
        status = weir_compile(cx, t->text, t->len, wo, out);
    show_diagnostics(o, cx, t, status);
    if (status < 0 && !weir_diagnostic_count(cx))
        say_failed(o->json, "%s", weir_strerror(status));
    if (status == WEIR_NEVER && !weir_diagnostic_count(cx) && !o->plain && !o->no_warnings)
        say_failed(o->json, "this filter can never match a packet");
    weir_free(cx);
    if (status < 0)
        return EXIT_FAILED;
    if (status == WEIR_NEVER && !o->allow_never && !o->plain) {
        weir_program_free(*out);
        *out = NULL;
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int read_text(const struct options *o, struct filter_text *t)
{
    const char *file = o->from_file ? o->from_file : o->filter_file;

    if (file) {
        if (filter_text_from_file(t, file) < 0)
            return say_failed(o->json, "%s: %s", file, strerror(errno));
    } else if (filter_text_from_words(t, o->words, o->word_count) < 0) {
        return say_failed(o->json, "%s", strerror(ENOMEM));
    } else if (o->called) {
        t->name = o->called;
    }
    return EXIT_DONE;
}

int compile_filter(const struct options *o, struct weir_options wo, struct weir_program **out)
{
    struct filter_text text;
    struct resolver names;
    struct stat st;
    int status, why = 0;

    if (o->names && stat(o->names, &st) < 0)
        return say_failed(o->json, "%s: %s", o->names, strerror(errno));
    if (o->names && !S_ISDIR(st.st_mode))
        return say_failed(o->json, "%s: %s", o->names, strerror(ENOTDIR));
    status = read_text(o, &text);
    if (status)
        return status;
    if (o->linktype >= 0)
        wo.linktype = (uint32_t)o->linktype;
    if (o->snaplen)
        wo.snaplen = o->snaplen;
    if (o->netmask != WEIR_NETMASK_UNKNOWN)
        wo.netmask = o->netmask;
    if (o->savefile >= 0)
        wo.savefile = (uint32_t)o->savefile;
    if (o->live)
        wo.live = 1;
    wo.optimize = !o->plain;
    wo.target = o->target;
    wo.tune = o->tune;
    wo.keep_ir = o->dump_ir;
    wo.keep_inputs = o->inputs || o->emit;
    wo.lint = !o->no_warnings && (o->lint || isatty(STDERR_FILENO));
    wo.resolver = resolver_init(&names, o->resolve, o->names);
    status = compile_text(o, &wo, &text, out);
    if (status && resolver_failure(&names, &why))
        say_failed(o->json, "%s/%s: %s", names.directory, resolver_failure(&names, &why), strerror(why));
    resolver_free(&names);
    filter_text_free(&text);
    return status;
}
