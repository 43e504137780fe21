/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_compile.c - compiling a filter, and printing or writing its program. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "actions.h"
#include "commands.h"
#include "compile.h"
#include "cost.h"
#include "emit.h"
#include "inputs.h"
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

    return print_text(o, p, form);
}

/* Writes @len bytes to -o's file. */
static int write_bytes(const struct options *o, const void *bytes, size_t len)
{
    struct output out;
    int failed = 0;

    if (output_open(&out, o->program_file) < 0)
        return say_failed(o->json, "%s: %s", o->program_file, strerror(errno));
    if (fwrite(bytes, 1, len, out.file) != len || output_flush(&out) < 0)
        failed = errno ? errno : EIO;
    output_close(&out, failed != 0);
    return failed ? say_failed(o->json, "%s: %s", o->program_file, strerror(failed)) : EXIT_DONE;
}

/* Classic instructions as the kernel takes them, in this machine's byte order, or an eBPF object. */
static int write_program(const struct options *o, const struct weir_program *p)
{
    struct weir_object_options oo = {
        .size = sizeof oo, .name = o->function, .egress = o->hook == WEIR_HOOK_EGRESS, .linked = o->linked};
    size_t count = 0, len = 0;
    char *object = NULL;

    if (o->target == WEIR_TARGET_CBPF) {
        const struct weir_cbpf_insn *insns = weir_program_cbpf(p, &count);
        return write_bytes(o, insns, count * sizeof *insns);
    }
    int status = weir_program_object(p, &oo, &object, &len);
    if (status == WEIR_E_ARGUMENT)
        return say_usage("'%s' cannot be the name of a function", o->function);
    if (status < 0)
        return say_failed(o->json, "%s", weir_strerror(status));
    status = write_bytes(o, object, len);
    weir_text_free(p, object);
    return status;
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

/* Options that say nothing about this target. */
static int check_target(const struct options *o)
{
    bool hook = o->target == WEIR_TARGET_XDP || o->target == WEIR_TARGET_TC;

    if (o->frags && o->target != WEIR_TARGET_XDP)
        return say_usage("--frags is for xdp");
    if (o->direct && o->target != WEIR_TARGET_SOCKET)
        return say_usage("--direct is for socket");
    if (o->direct && o->emit)
        return say_usage("--direct and --emit exclude each other: write an object with -o");
    if (o->hook && o->target != WEIR_TARGET_CGROUP && o->target != WEIR_TARGET_TC && o->emit != EMIT_TC &&
        o->emit != EMIT_XTABLES)
        return say_usage("--ingress and --egress are for tc and cgroup, and for --emit=xtables");
    if (o->linked && !hook && o->target != WEIR_TARGET_FUNC)
        return say_usage("--linked is for xdp and tc");
    if ((o->no_maps || o->no_counters) && o->target == WEIR_TARGET_CBPF)
        return say_usage("%s is for eBPF objects (-t and -o)", o->no_maps ? "--no-maps" : "--no-counters");
    return EXIT_DONE;
}

/* What follows from the target and the form of the program. */
static int describe_target(const struct options *o, struct weir_options *wo)
{
    bool hook = o->target == WEIR_TARGET_XDP || o->target == WEIR_TARGET_TC;
    bool object = o->program_file && o->target != WEIR_TARGET_CBPF;

    wo->target = o->target;
    wo->hook = o->hook || o->target != WEIR_TARGET_CGROUP ? o->hook
                                                          : WEIR_HOOK_INGRESS; /* as the object's section */
    if (o->target == WEIR_TARGET_CGROUP || o->emit == EMIT_XTABLES)
        wo->linktype = (uint32_t)weir_linktype_by_name("RAW");
    if (o->target == WEIR_TARGET_TC || o->emit == EMIT_XTABLES || o->emit == EMIT_TC)
        wo->live = 1;
    if (o->emit == EMIT_TC)
        wo->snaplen = UINT32_MAX;
    wo->frags = o->frags;
    wo->direct = o->direct;
    wo->keep_source = o->emit == EMIT_C;
    wo->tables = object && !o->no_maps;
    wo->count = object && hook && !o->linked && !o->no_counters;
    if (o->linked && hook) {
        wo->has_actions = 1;
        wo->on_match = 1;
        return EXIT_DONE;
    }
    return actions_set(o, object, wo);
}

int cmd_compile(const struct options *o)
{
    struct weir_options wo = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    char why[PCAP_ERRBUF_SIZE];
    int status = check_target(o);

    if (status)
        return status;
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
    status = describe_target(o, &wo);
    if (!status)
        status = compile_filter(o, wo, &p);
    if (status)
        return status;
    if (o->emit) {
        status = emit_program(o, p);
        weir_program_free(p);
        return status;
    }
    if (o->inputs)
        status = inputs_check(o, p);
    if (!status && o->program_file)
        status = write_program(o, p);
    if (!status && (!o->program_file || o->listing || o->dump_ir) && !((o->cost || o->inputs) && o->json))
        status = print_program(o, p);
    if (!status && o->cost)
        status = cost_print(o, p);
    if (!status && o->inputs)
        inputs_print(o, p);
    if (!status && !o->cost)
        note_refusal(o, p);
    weir_program_free(p);
    return status;
}
