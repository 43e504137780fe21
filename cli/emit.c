/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/emit.c - programs in the forms other tools read.
 *
 *   xtables, tc   COUNT,CODE JT JF K,CODE JT JF K,...     decimal, one line
 *   c             classic: a definition that needs linux/filter.h; eBPF: a program for clang
 *
 * Source: iptables-extensions(8) (bpf), tc-bpf(8)
 */
#include "emit.h"
#include <stdio.h>
#include <string.h>
#include "say.h"

#define XTABLES_INSNS 64 /* XT_BPF_MAX_NUM_INSTR */

static void print_bytecode(const struct weir_cbpf_insn *in, size_t count)
{
    printf("%zu", count);
    for (size_t i = 0; i < count; i++)
        printf(",%u %u %u %u", in[i].code, in[i].jt, in[i].jf, in[i].k);
    putchar('\n');
}

static void print_c(const char *name, const struct weir_cbpf_insn *in, size_t count)
{
    printf("#include <linux/filter.h>\n\nstatic const struct sock_filter %s[%zu] = {\n", name, count);
    for (size_t i = 0; i < count; i++)
        printf("    {0x%02x, %u, %u, 0x%08x},\n", in[i].code, in[i].jt, in[i].jf, in[i].k);
    puts("};");
}

int print_text(const struct options *o, const struct weir_program *p, enum weir_text form)
{
    struct weir_set set = {.size = sizeof set};
    char *text = NULL;
    size_t len = 0;
    int status = weir_program_text(p, form, &text, &len);

    if (status == WEIR_E_UNSUPPORTED && form == WEIR_TEXT_C && weir_program_set(p, 0, &set) == WEIR_OK)
        return say_failed(o->json, "bare instructions cannot carry the set '%s': write an object with -o",
                          set.name);
    if (status == WEIR_E_UNSUPPORTED && form == WEIR_TEXT_C && o->direct)
        return say_failed(o->json, "bare instructions cannot name the functions of Linux that --direct "
                                   "needs: write an object with -o");
    if (status < 0)
        return say_failed(o->json, "%s", weir_strerror(status));
    fwrite(text, 1, len, stdout);
    weir_text_free(p, text);
    return EXIT_DONE;
}

/* Sockets are told what a packet is; where iptables and tc run a program, it is to this host on its way out,
 * too. */
static bool asks_packet_type(const struct weir_program *p)
{
    struct weir_input in = {.size = sizeof in};

    for (size_t i = 0; weir_program_input(p, i, &in) == WEIR_OK; i++)
        if (in.kind == WEIR_INPUT_METADATA && strcmp(in.name, "packet_type") == 0)
            return true;
    return false;
}

int emit_program(const struct options *o, const struct weir_program *p)
{
    const char *refusal = weir_program_kernel_refusal(p);
    size_t count;
    const struct weir_cbpf_insn *in = weir_program_cbpf(p, &count);

    if (!in)
        return print_text(o, p, WEIR_TEXT_SOURCE);
    if (o->emit == EMIT_C) {
        print_c("weir_filter", in, count);
        return EXIT_DONE;
    }
    if (!o->from_file && asks_packet_type(p))
        return say_failed(
            o->json,
            "such a program is not told whether a packet comes or goes: say where it will run, --ingress "
            "or --egress");
    if (o->emit == EMIT_XTABLES && count > XTABLES_INSNS)
        return say_failed(o->json, "the program has %zu instructions, and iptables takes at most %d", count,
                          XTABLES_INSNS);
    if (refusal)
        return say_failed(o->json, "Linux would refuse this program: %s", refusal);
    print_bytecode(in, count);
    return EXIT_DONE;
}
