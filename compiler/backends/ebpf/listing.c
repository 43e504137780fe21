/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/listing.c - listings: an eBPF program as text.
 *
 * The notation is the one Linux tools use: `r` registers have 64 bits and `w` ones 32, memory is
 * `*(u16 *)(r6 +12)`, and a jump names how many instructions it skips.
 */
#include "backends/ebpf/internal.h"

static const char *const alu_text[16] = {
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", NULL, "%=", "^=", "="};
static const char *const jump_text[16] = {
    NULL, "==", ">", ">=", "&", "!=", NULL, NULL, NULL, NULL, "<", "<="};

static const char *size_text(uint8_t code)
{
    switch (code & 0x18) {
    case SIZE_B:
        return "u8";
    case SIZE_H:
        return "u16";
    case SIZE_W:
        return "u32";
    default:
        return "u64";
    }
}

static void print_alu(const struct weir_ebpf_insn *in, struct strbuf *out)
{
    unsigned dst = in->registers & 15, src = in->registers >> 4;
    char r = (in->code & 7) == CLASS_ALU64 ? 'r' : 'w';
    const char *op = alu_text[in->code >> 4];

    if ((in->code & 0xf0) == ALU_END)
        strbuf_printf(out, "r%u = %s%d r%u", dst, in->code & FROM_X ? "be" : "le", (int)in->imm, dst);
    else if (!op)
        strbuf_printf(out, "(unknown %02x)", (unsigned)in->code);
    else if (in->code & FROM_X)
        strbuf_printf(out, "%c%u %s %c%u", r, dst, op, r, src);
    else
        strbuf_printf(out, "%c%u %s %d", r, dst, op, (int)in->imm);
}

/* @kfunc: the function's name, or NULL. */
static void print_call(const struct weir_ebpf_insn *in, const char *kfunc, struct strbuf *out)
{
    if (kfunc) {
        strbuf_printf(out, "call %s", kfunc);
        return;
    }
    switch (in->imm) {
    case HELPER_MAP_LOOKUP:
        strbuf_puts(out, "call bpf_map_lookup_elem");
        break;
    case HELPER_PROCESSOR_ID:
        strbuf_puts(out, "call bpf_get_smp_processor_id");
        break;
    case HELPER_SKB_LOAD_BYTES:
        strbuf_puts(out, "call bpf_skb_load_bytes");
        break;
    case HELPER_XDP_FRAME_LEN:
        strbuf_puts(out, "call bpf_xdp_get_buff_len");
        break;
    case HELPER_XDP_LOAD_BYTES:
        strbuf_puts(out, "call bpf_xdp_load_bytes");
        break;
    default:
        strbuf_printf(out, "call %d", (int)in->imm);
    }
}

static void print_jump(const struct weir_ebpf_insn *in, const char *kfunc, struct strbuf *out)
{
    unsigned dst = in->registers & 15, src = in->registers >> 4;
    bool wide = (in->code & 7) == CLASS_JMP;
    char r = wide ? 'r' : 'w';
    const char *op = jump_text[in->code >> 4];

    if (in->code == (CLASS_JMP | JUMP_EXIT))
        strbuf_puts(out, "exit");
    else if (in->code == (CLASS_JMP | JUMP_CALL))
        print_call(in, kfunc, out);
    else if (in->code == (CLASS_JMP | JUMP_A))
        strbuf_printf(out, "goto pc%+d", (int)in->offset);
    else if (in->code == (CLASS_JMP32 | JUMP_A))
        strbuf_printf(out, "gotol pc%+d", (int)in->imm);
    else if (!op)
        strbuf_printf(out, "(unknown %02x)", (unsigned)in->code);
    else if (in->code & FROM_X)
        strbuf_printf(out, "if %c%u %s %c%u goto pc%+d", r, dst, op, r, src, (int)in->offset);
    else
        strbuf_printf(out, "if %c%u %s 0x%x goto pc%+d", r, dst, op, (unsigned)in->imm, (int)in->offset);
}

static void print_packet_load(const struct weir_ebpf_insn *in, struct strbuf *out)
{
    if ((in->code & 0xe0) == MODE_ABS)
        strbuf_printf(out, "r0 = *(%s *)skb[%u]", size_text(in->code), (unsigned)in->imm);
    else
        strbuf_printf(out, "r0 = *(%s *)skb[r%u %+d]", size_text(in->code), (unsigned)in->registers >> 4,
                      (int)in->imm);
}

/* @name: of what the loader puts here, or NULL. */
static void print_insn(const struct weir_ebpf_insn *in, const char *name, struct strbuf *out)
{
    unsigned dst = in->registers & 15, src = in->registers >> 4;

    switch (in->code & 7) {
    case CLASS_LD:
        if (in->code == (CLASS_LD | MODE_IMM | SIZE_DW) && name)
            strbuf_printf(out, "r%u = map[%s] ll", dst, name);
        else if (in->code == (CLASS_LD | MODE_IMM | SIZE_DW))
            strbuf_printf(out, "r%u = 0x%llx ll", dst,
                          (unsigned long long)((uint64_t)(uint32_t)in[1].imm << 32 | (uint32_t)in->imm));
        else
            print_packet_load(in, out);
        break;
    case CLASS_LDX:
        if (name)
            strbuf_printf(out, "r%u = *(%s *)(r%u +sk_buff.%s)", dst, size_text(in->code), src, name);
        else
            strbuf_printf(out, "r%u = *(%s *)(r%u %+d)", dst, size_text(in->code), src, (int)in->offset);
        break;
    case CLASS_ST:
        strbuf_printf(out, "*(%s *)(r%u %+d) = %d", size_text(in->code), dst, (int)in->offset, (int)in->imm);
        break;
    case CLASS_STX:
        strbuf_printf(out, "*(%s *)(r%u %+d) = r%u", size_text(in->code), dst, (int)in->offset, src);
        break;
    case CLASS_ALU32:
    case CLASS_ALU64:
        print_alu(in, out);
        break;
    case CLASS_JMP:
    case CLASS_JMP32:
        print_jump(in, name, out);
        break;
    default:
        strbuf_printf(out, "(unknown %02x)", (unsigned)in->code);
    }
}

/* The filter's words of @at, on one line. */
static void print_words(const char *text, struct span at, struct strbuf *out)
{
    strbuf_puts(out, "; ");
    for (uint32_t i = at.begin; i < at.end; i++)
        strbuf_printf(out, "%c", (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    strbuf_puts(out, "\n");
}

/* What @r stands for; NULL when that has no name. */
static const char *name_of(const struct ebpf_names *names, const struct ebpf_reloc *r)
{
    switch ((enum ebpf_reloc_kind)r->kind) {
    case EBPF_RELOC_SET:
        return names->set[r->addend].name;
    case EBPF_RELOC_COUNTERS:
        return "weir_counts";
    case EBPF_RELOC_KFUNC:
        return ebpf_kfuncs[r->addend].name;
    case EBPF_RELOC_FIELD:
        return ebpf_skb_fields[r->addend].name;
    case EBPF_RELOC_RODATA:
        break;
    }
    return NULL;
}

void ebpf_print_listing(const struct weir_ebpf_insn *code, uint32_t n, const struct span *at,
                        const char *text, const struct ebpf_names *names, struct strbuf *out)
{
    struct span last = {0, 0};
    uint32_t next = 0; /* relocation */

    for (uint32_t i = 0; i < n; i++) {
        if (at && text && (at[i].begin != last.begin || at[i].end != last.end)) {
            last = at[i];
            if (last.end > last.begin)
                print_words(text, last, out);
        }
        const char *name = NULL;
        if (names && next < names->relocs && names->reloc[next].insn == i)
            name = name_of(names, &names->reloc[next++]);
        strbuf_printf(out, "%u: ", (unsigned)i);
        print_insn(&code[i], name, out);
        strbuf_puts(out, "\n");
        i += code[i].code == (CLASS_LD | MODE_IMM | SIZE_DW) && i + 1 < n;
    }
}

void ebpf_print_c(const struct weir_ebpf_insn *code, uint32_t n, struct strbuf *out)
{
    /* Members of struct bpf_insn: code, destination, source, offset, immediate. */
    for (uint32_t i = 0; i < n; i++)
        strbuf_printf(out, "{ 0x%02x, %u, %u, %d, 0x%08x },\n", (unsigned)code[i].code,
                      (unsigned)code[i].registers & 15, (unsigned)code[i].registers >> 4, (int)code[i].offset,
                      (unsigned)code[i].imm);
}
