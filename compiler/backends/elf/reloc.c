/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/elf/reloc.c - relocations: instructions whose immediate only the loader knows.
 *
 * A 64-bit immediate load takes two instructions. A relocation (R_BPF_64_64) names the symbol it stands for:
 * a map's, then the loader puts its file descriptor there; or read-only data's, then the address of the data
 * plus what stands in the first immediate.
 *
 * Source: Documentation/bpf/llvm_reloc.rst
 */
#include "backends/elf/internal.h"

#define R_BPF_64_64 1

bool reloc_uses_counts(const struct elf_object *o)
{
    for (uint32_t i = 0; i < o->relocs; i++)
        if (o->reloc[i].kind == EBPF_RELOC_COUNTERS)
            return true;
    return false;
}

void reloc_code(const struct elf_object *o, uint32_t counts, uint32_t tables, struct strbuf *text,
                struct strbuf *rel)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < o->insns; i++) {
        struct weir_ebpf_insn in = o->insn[i];
        if (next < o->relocs && o->reloc[next].insn == i) {
            const struct ebpf_reloc *r = &o->reloc[next++];
            put64(rel, 8 * (uint64_t)i);
            put32(rel, R_BPF_64_64);
            put32(rel, r->kind == EBPF_RELOC_COUNTERS ? counts : tables);
            in.registers &= 15; /* the loader says what kind of immediate it is */
            in.imm = (int32_t)r->addend;
        }
        put8(text, in.code);
        put8(text, in.registers);
        put16(text, (uint16_t)in.offset);
        put32(text, (uint32_t)in.imm);
    }
}
