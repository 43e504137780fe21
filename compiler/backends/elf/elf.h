/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/elf/elf.h - eBPF programs as relocatable ELF objects.
 *
 * No compiler and no ELF library is needed: the objects are a dozen small sections, written by hand.
 *
 * Source: System V ABI, chapters 4 and 5 (ELF64); Documentation/bpf/btf.rst; Documentation/bpf/llvm_reloc.rst
 */
#ifndef WEIR_BACKENDS_ELF_ELF_H
#define WEIR_BACKENDS_ELF_ELF_H
#include <stdbool.h>
#include <stdint.h>
#include "backends/ebpf/ebpf.h"
#include "base/strbuf.h"

struct elf_object {
    const char *section;  /* "xdp", "tc", ... */
    const char *function; /* its name: elf_is_name() */
    const char *context;  /* "xdp_md" or "__sk_buff", what its one argument points to; NULL: (data, data_end,
                             wire_len) */
    bool linked; /* a function for libbpf's linker: in .text, of hidden visibility, without a licence */
    const char *filter; /* the filter's text, kept for people who look at the program; may be NULL */
    size_t filter_len;

    /* as the backend made it */
    const struct weir_ebpf_insn *insn;
    const struct span *at; /* may be NULL */
    uint32_t insns;
    const struct ebpf_reloc *reloc;
    uint32_t relocs;
    const uint8_t *rodata;
    uint32_t rodata_bytes;
    const struct ir_set *set; /* in the order of EBPF_RELOC_SET's numbers */
    uint32_t sets;
};

#define ELF_NAME_MAX 63

/** Appends the object to @out. Returns 0 or WEIR_E_MEMORY. */
int elf_write(const struct elf_object *o, struct strbuf *out);

/** Whether @name can be the name of a function: a C identifier, and no symbol that objects have anyway. */
bool elf_is_name(const char *name);
#endif
