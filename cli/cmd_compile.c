/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_compile.c - compiling a filter, and printing or writing its program. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "compile.h"
#include "interface.h"
#include "output.h"
#include "savefile.h"
#include "say.h"

static int print_program(const struct options *o, const struct weir_program *p)
{
    enum weir_text form = o->dump_ir        ? WEIR_TEXT_IR
                          : o->listing > 2  ? WEIR_TEXT_DECIMAL
                          : o->listing == 2 ? WEIR_TEXT_C
                                            : WEIR_TEXT_LISTING;
    char *text = NULL;
    size_t len = 0;
    int status = weir_program_text(p, form, &text, &len);

    if (status < 0)
        return say_failed(o->json, "%s", weir_strerror(status));
    fwrite(text, 1, len, stdout);
    weir_text_free(p, text);
    return EXIT_DONE;
}

/* The instructions as the kernel takes them, in this machine's byte order. */
static int write_program(const struct options *o, const struct weir_program *p)
{
    struct output out;
    size_t count = 0, size;
    const void *insns;
    int failed = 0;

    if (o->target == WEIR_TARGET_CBPF) {
        insns = weir_program_cbpf(p, &count);
        size = sizeof(struct weir_cbpf_insn);
    } else {
        insns = weir_program_ebpf(p, &count);
        size = sizeof(struct weir_ebpf_insn);
    }
    if (!insns)
        return say_failed(o->json, "%s", weir_strerror(WEIR_E_BUG));
    if (output_open(&out, o->program_file) < 0)
        return say_failed(o->json, "%s: %s", o->program_file, strerror(errno));
    if (fwrite(insns, size, count, out.file) != count || output_flush(&out) < 0)
        failed = errno ? errno : EIO;
    output_close(&out, failed != 0);
    return failed ? say_failed(o->json, "%s: %s", o->program_file, strerror(failed)) : EXIT_DONE;
}

static void note_refusal(const struct options *o, const struct weir_program *p)
{
    const char *refusal = o->target == WEIR_TARGET_CBPF ? weir_program_kernel_refusal(p) : NULL;

    if (!refusal || o->no_warnings || o->dump_ir)
        return;
    if (o->json) {
        fputs("{\"severity\": \"note\", \"message\": ", stderr);
        say_json_string(stderr, "Linux would refuse this program");
        fputs(", \"reason\": ", stderr);
        say_json_string(stderr, refusal);
        fputs("}\n", stderr);
    } else {
        fprintf(stderr, "Linux would refuse this program: %s\n", refusal);
    }
}

int cmd_compile(const struct options *o)
{
    struct weir_options wo = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    char why[PCAP_ERRBUF_SIZE];
    int status;

    if (o->input) {
        struct savefile in;

        if (savefile_open(&in, o->input, why) < 0)
            return say_failed(o->json, "%s: %s", o->input, why);
        savefile_describe(&in, &wo);
        savefile_close(&in);
    }
    if (o->interface) {
        if (o->snaplen)
            wo.snaplen = o->snaplen;
        if (interface_describe(o->interface, &wo, why) < 0)
            return say_failed(o->json, "%s: %s", o->interface, why);
    }
    status = compile_filter(o, wo, &p);
    if (status)
        return status;
    if (o->program_file)
        status = write_program(o, p);
    if (!status && (!o->program_file || o->listing || o->dump_ir))
        status = print_program(o, p);
    if (!status)
        note_refusal(o, p);
    weir_program_free(p);
    return status;
}
