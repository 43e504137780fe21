/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/elf/reloc.c - relocations: instructions whose immediate only the loader knows.
 *
 * A 64-bit immediate load takes two instructions. A relocation (R_BPF_64_64) names the symbol it stands for:
 * a map's, then the loader puts its file descriptor there; or read-only data's, then the address of the data
 * plus what stands in the first immediate. A function of Linux is an undefined symbol, which the call names
 * (R_BPF_64_32). Fields of Linux's structures are found by their types (btf.c).
 *
 * Source: Documentation/bpf/llvm_reloc.rst
 */
#include "backends/elf/internal.h"

#define R_BPF_64_64 1
#define R_BPF_64_32 10
#define PSEUDO_CALL 1 /* BPF_PSEUDO_CALL: of a function by its symbol */

bool reloc_uses(const struct elf_object *o, enum ebpf_reloc_kind kind)
{
    for (uint32_t i = 0; i < o->relocs; i++)
        if (o->reloc[i].kind == kind)
            return true;
    return false;
}

static uint32_t symbol_of(const struct ebpf_reloc *r, struct reloc_symbols symbols)
{
    switch ((enum ebpf_reloc_kind)r->kind) {
    case EBPF_RELOC_RODATA:
        return symbols.tables;
    case EBPF_RELOC_COUNTERS:
        return symbols.counts;
    case EBPF_RELOC_SET:
        return symbols.sets + r->addend;
    case EBPF_RELOC_KFUNC:
        return symbols.kfuncs + r->addend;
    case EBPF_RELOC_FIELD:
        break;
    }
    return 0;
}

static void relocate(struct weir_ebpf_insn *in, uint32_t at, const struct ebpf_reloc *r, uint32_t symbol,
                     struct strbuf *rel)
{
    bool call = r->kind == EBPF_RELOC_KFUNC;

    if (r->kind == EBPF_RELOC_FIELD)
        return;
    put64(rel, 8 * (uint64_t)at);
    put32(rel, call ? R_BPF_64_32 : R_BPF_64_64);
    put32(rel, symbol);
    in->registers &= 15; /* the loader says what kind of immediate it is */
    in->registers |= call ? PSEUDO_CALL << 4 : 0;
    in->imm = call ? -1 : r->kind == EBPF_RELOC_RODATA ? (int32_t)r->addend : 0;
}

void reloc_code(const struct elf_object *o, struct reloc_symbols symbols, struct strbuf *text,
                struct strbuf *rel)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < o->insns; i++) {
        struct weir_ebpf_insn in = o->insn[i];
        if (next < o->relocs && o->reloc[next].insn == i) {
            const struct ebpf_reloc *r = &o->reloc[next++];
            relocate(&in, i, r, symbol_of(r, symbols), rel);
        }
        put8(text, in.code);
        put8(text, in.registers);
        put16(text, (uint16_t)in.offset);
        put32(text, (uint32_t)in.imm);
    }
}
