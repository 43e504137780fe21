/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/ebpf.h - IR to eBPF.
 *
 * Source: Documentation/bpf/standardization/instruction-set.rst; linux/bpf.h (struct xdp_md).
 */
#ifndef WEIR_BACKENDS_EBPF_EBPF_H
#define WEIR_BACKENDS_EBPF_EBPF_H
#include "base/diag.h"
#include "base/strbuf.h"
#include "ir/ir.h"
#include "weir/weir.h"

struct ebpf_code {
    struct arena *arena;
    VEC(struct weir_ebpf_insn) insn;
};

/**
 * A whole XDP program: XDP_PASS (2) for packets that match, XDP_DROP (1) for the others.
 * Returns 0, or WEIR_E_LIMIT, WEIR_E_UNSUPPORTED (both reported in @sink), WEIR_E_MEMORY
 */
int ebpf_emit_xdp(struct ir_func *f, uint32_t limit, struct diag_sink *sink, struct ebpf_code *out);

void ebpf_print_listing(const struct weir_ebpf_insn *code, uint32_t n, struct strbuf *out);
void ebpf_print_c(const struct weir_ebpf_insn *code, uint32_t n, struct strbuf *out);
#endif
