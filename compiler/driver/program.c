/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/program.c - what a program that was made gives: instructions, texts, an object, verdicts.
 *
 * A missing program, or a missing place for the answer, is an argument without meaning: the rule of weir.h.
 */
#include "driver/program.h"
#include <stddef.h>
#include <string.h>
#include "backends/cbpf/cbpf.h"
#include "backends/elf/elf.h"
#include "driver/options.h"
#include "vm/vm.h"

/* Of the first release. */
#define METADATA_FIRST_SIZE (offsetof(struct weir_metadata, vlan_present) + sizeof(uint32_t))

void program_drop_ir(struct weir_program *p)
{
    mem_free(&p->al, p->ir_text);
    mem_free(&p->al, p->dot_text);
    mem_free(&p->al, p->input);
    p->ir_text = p->dot_text = NULL;
    p->input = NULL;
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
    program_drop_ir(p);
    mem_free(&al, p->source_text);
    mem_free(&al, p);
}

const struct weir_cbpf_insn *weir_program_cbpf(const struct weir_program *p, size_t *count)
{
    if (count)
        *count = p && p->cbpf ? p->count : 0;
    return p ? p->cbpf : NULL;
}

const struct weir_ebpf_insn *weir_program_ebpf(const struct weir_program *p, size_t *count)
{
    if (count)
        *count = p && p->ebpf ? p->count : 0;
    return p ? p->ebpf : NULL;
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
        if (p->sets || p->direct) /* instructions alone have no maps, and no names of Linux's functions */
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

    if (!p || !out)
        return WEIR_E_ARGUMENT;
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

int weir_program_object(const struct weir_program *p, const struct weir_object_options *o, char **out,
                        size_t *len)
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
    if (p)
        mem_free(&p->al, text);
}

const char *weir_program_kernel_refusal(const struct weir_program *p)
{
    return p && p->cbpf ? cbpf_kernel_refusal(p->cbpf, p->count) : NULL;
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

    if (!p || !p->cbpf || (!packet && caplen) ||
        (meta && !options_take_sized(meta, METADATA_FIRST_SIZE, sizeof pkt.meta, &pkt.meta)))
        return 0;
    return cbpf_run(p->cbpf, p->count, &pkt, NULL);
}
