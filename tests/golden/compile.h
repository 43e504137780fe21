/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/golden/compile.h - a filter compiled for a test: the classic program, or the diagnostics as one line.
 */
#ifndef WEIR_TESTS_GOLDEN_COMPILE_H
#define WEIR_TESTS_GOLDEN_COMPILE_H
#include <stdio.h>
#include <string.h>
#include "tests/harness/listing.h"
#include "weir/weir.h"

/* What weir_diagnostic() says, at most @size bytes. */
static inline void compile_why(const struct weir *cx, int status, char *why, size_t size)
{
    size_t used = (size_t)snprintf(why, size, "%s", weir_strerror(status));
    for (size_t i = 0; i < weir_diagnostic_count(cx) && used < size; i++) {
        const struct weir_diagnostic *d = weir_diagnostic(cx, i);
        used += (size_t)snprintf(why + used, size - used, "; E%04u at %u-%u: %s", d->code, d->begin, d->end,
                                 d->message);
    }
}

/* The status of weir_compile(); @out is set, and to be freed with program_free(), when it is not negative. */
static inline int compile_program(const char *text, const struct weir_options *o, struct program *out,
                                  char *why, size_t size)
{
    struct weir *cx;
    struct weir_program *p;
    int rc = weir_new(NULL, &cx);
    if (rc < 0)
        return rc;
    *why = '\0';
    rc = weir_compile(cx, text, strlen(text), o, &p);
    if (rc < 0) {
        compile_why(cx, rc, why, size);
    } else {
        size_t n;
        const struct weir_cbpf_insn *code = weir_program_cbpf(p, &n);
        if (!program_copy(code, (uint32_t)n, out))
            rc = WEIR_E_MEMORY;
        weir_program_free(p);
    }
    weir_free(cx);
    return rc;
}
#endif
