/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/program.h - a program that was made: what it owns, whoever made it.
 *
 * api.c fills one, copying out of the compile's arena; program.c answers questions about it. It never changes
 * afterwards.
 */
#ifndef WEIR_DRIVER_PROGRAM_H
#define WEIR_DRIVER_PROGRAM_H
#include <stdbool.h>
#include "backends/ebpf/ebpf.h"
#include "base/alloc.h"
#include "ir/ir.h"
#include "weir/weir.h"

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
    bool frags, direct;
    char *filter; /* of an eBPF program: the text `at` points into */
    size_t filter_len;
    char *ir_text, *dot_text, *source_text; /* when asked for */
    size_t ir_len, dot_len, source_len;
    struct weir_input *input; /* when asked for */
    uint32_t inputs, reach;
    bool has_inputs;
};

/** Forgets what options asked to keep of the IR. */
void program_drop_ir(struct weir_program *p);
#endif
