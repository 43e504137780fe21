/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/fuzz/backends.h - what a fuzz target asks of the backends: a valid program, or a refusal that says
 * why. */
#ifndef WEIR_TESTS_FUZZ_BACKENDS_H
#define WEIR_TESTS_FUZZ_BACKENDS_H
#include "backends/cbpf/cbpf.h"
#include "backends/ebpf/ebpf.h"

#define LIMIT 200000u /* instructions */

/* The target's own: says what is broken in which stage, and aborts. */
static void broken(const char *stage, const char *what);

/* NULL when the program is too long or the target cannot; aborts on any other refusal. */
static inline const struct cbpf_code *emit(struct ir_func *f, bool plain, struct cbpf_code *code,
                                           struct arena *arena)
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

/* XDP, which asks whether a packet matches, and socket, which gets numbers. */
static inline void emit_ebpf(struct ir_func *f, struct arena *arena)
{
    static const uint32_t target[] = {WEIR_TARGET_XDP, WEIR_TARGET_SOCKET};

    for (size_t i = 0; i < sizeof target / sizeof target[0]; i++) {
        struct diag_sink sink = {.arena = arena, .limit = 100};
        struct ebpf_code code = {.arena = arena};
        struct ebpf_target_options o = ebpf_target_defaults(target[i], f->accept);
        o.limit = LIMIT;
        int status = ebpf_emit(f, &o, &sink, &code);

        if (status < 0 && status != WEIR_E_LIMIT && status != WEIR_E_UNSUPPORTED)
            broken("ebpf", weir_strerror(status));
        if (status < 0 && !sink.errors)
            broken("ebpf", "refused without a diagnostic");
    }
}
#endif
