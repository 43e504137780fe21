/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/cbpf.h - classic BPF: IR to instructions, checks, listings.
 *
 * Source: McCanne and Jacobson, "The BSD Packet Filter", USENIX 1993; linux/net/core/filter.c
 * (bpf_check_classic); the listing format is that of tcpdump -d.
 */
#ifndef WEIR_BACKENDS_CBPF_CBPF_H
#define WEIR_BACKENDS_CBPF_CBPF_H
#include "base/alloc.h"
#include "base/diag.h"
#include "base/strbuf.h"
#include "ir/ir.h"
#include "weir/weir.h"

#define CBPF_SCRATCH_CELLS 16
#define CBPF_KERNEL_MAX    4096 /* BPF_MAXINSNS */

struct cbpf_code {
    struct arena *arena;
    VEC(struct weir_cbpf_insn) insn;
    VEC(struct span) at; /* beside insn when the program was read: where each is written */
};

/**
 * Instruction selection, register allocation and layout.
 *
 * @plain    true: every guard of @f becomes a load or a test, so that verdicts equal the IR's on every
 *           packet (-O); false: the loads that are needed are their own guards
 * @limit    longest program
 * Returns   0, or WEIR_E_LIMIT, WEIR_E_UNSUPPORTED (both reported in @sink), WEIR_E_MEMORY
 */
int cbpf_emit(struct ir_func *f, bool plain, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out);

/** The same, not plain, with fewer instructions rather than shorter paths. */
int cbpf_emit_small(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out);

/**
 * The same as cbpf_emit(), not plain, with fewer loads rather than shorter paths (early.c). Both of the above
 * do that by themselves where Linux would refuse the program otherwise.
 */
int cbpf_emit_few_loads(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out);

/**
 * The same as cbpf_emit(), not plain, with what jumps lead to near them rather than searches in one piece
 * (order.c). The first does that by itself where Linux would refuse the program otherwise, the small one
 * where that is shorter.
 */
int cbpf_emit_near(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct cbpf_code *out);

/* The registers of the machine: M[0] and on, A, X. */
enum { CBPF_REGISTER_A = CBPF_SCRATCH_CELLS, CBPF_REGISTER_X, CBPF_REGISTERS };

/** Registers that a valid instruction reads and writes: bits 1 << register. */
void cbpf_effects(uint16_t code, uint32_t k, uint32_t *reads, uint32_t *writes);

/** NULL when the program is well formed, else why not. Static text. Length is not judged. */
const char *cbpf_validate(const struct weir_cbpf_insn *code, uint32_t n);

/** NULL when Linux would take it as a socket filter, else why not. Static text. */
const char *cbpf_kernel_refusal(const struct weir_cbpf_insn *code, uint32_t n);

/** About how many eBPF instructions Linux makes of the program. */
uint64_t cbpf_kernel_length(const struct weir_cbpf_insn *code, uint32_t n);

/**
 * What the valid program costs; @out->size is the caller's to check. Memory comes from @al and is given back.
 * Returns 0 or WEIR_E_MEMORY
 */
int cbpf_cost(const struct allocator *al, const struct weir_cbpf_insn *code, uint32_t n,
              struct weir_cost *out);

/** One line of the listing, without its end: @in is instruction number @at. */
void cbpf_print_instruction(const struct weir_cbpf_insn *in, uint32_t at, struct strbuf *out);
void cbpf_print_listing(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out);
/**
 * A program from text, in whichever form it is written: numbers with a count in front, separated by lines
 * (-ddd) or commas (xt_bpf, tc), C (-dd), a listing (-d), or assembly with labels (bpf_asm). Nothing is
 * validated beyond what the form needs. Returns 0, WEIR_E_FILTER (reported in @sink) or WEIR_E_MEMORY.
 */
int cbpf_read(struct diag_sink *sink, const char *text, uint32_t len, struct cbpf_code *out);
void cbpf_print_c(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out);
void cbpf_print_decimal(const struct weir_cbpf_insn *code, uint32_t n, struct strbuf *out);
#endif
