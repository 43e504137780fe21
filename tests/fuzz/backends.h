/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/fuzz/backends.h - what a fuzz target asks of the backends: a valid program, or a refusal that says why. */
#ifndef WEIR_TESTS_FUZZ_BACKENDS_H
#define WEIR_TESTS_FUZZ_BACKENDS_H
#include "backends/cbpf/cbpf.h"
#include "backends/ebpf/ebpf.h"

#define LIMIT 200000u /* instructions */

/* The target's own: says what is broken in which stage, and aborts. */
static void broken(const char *stage, const char *what);

/* NULL when the program is too long or the target cannot; aborts on any other refusal. */
static inline const struct cbpf_code *emit(struct ir_func *f, bool plain, struct cbpf_code *code, struct arena *arena)
{
    struct diag_sink sink = {.arena = arena, .limit = 100};

    *code = (struct cbpf_code){.arena = arena};
    int status = cbpf_emit(f, plain, LIMIT, &sink, code);
    if (status == WEIR_E_LIMIT || status == WEIR_E_UNSUPPORTED) {
        if (!sink.errors)
            broken("cbpf", "refused without a diagnostic");
        return NULL;
    }
    if (status < 0)
        broken("cbpf", weir_strerror(status));
    const char *wrong = cbpf_validate(code->insn.at, code->insn.n);
    if (wrong)
        broken(plain ? "plain cbpf" : "optimized cbpf", wrong);
    return code;
}

static inline void emit_xdp(struct ir_func *f, struct arena *arena)
{
    struct diag_sink sink = {.arena = arena, .limit = 100};
    struct ebpf_code code = {.arena = arena};
    struct ebpf_target_options o = ebpf_target_defaults(WEIR_TARGET_XDP, f->accept);
    o.limit = LIMIT;
    int status = ebpf_emit(f, &o, &sink, &code);

    if (status < 0 && status != WEIR_E_LIMIT && status != WEIR_E_UNSUPPORTED)
        broken("ebpf", weir_strerror(status));
    if (status < 0 && !sink.errors)
        broken("ebpf", "refused without a diagnostic");
}
#endif
