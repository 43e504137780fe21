/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/diag.h - what is wrong with a filter, and where.
 *
 * The user's mistakes are diagnostics: a code from diag.def that never changes its meaning, a message, the
 * bytes of the text they speak of, and a hint. They are collected here and shown by whoever asked for the
 * compile; the library itself prints nothing. The machine's refusals (memory, limits) are negative return
 * codes (weir.h), not diagnostics.
 */
#ifndef WEIR_BASE_DIAG_H
#define WEIR_BASE_DIAG_H
#include <stdbool.h>
#include <stdint.h>
#include "base/vec.h"

/* Bytes [begin, end) of the filter text. Lines and columns exist only when shown. */
struct span {
    uint32_t begin, end;
};

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

enum diag_id {
#define DIAG(id, number, severity, format) DIAG_##id,
#include "base/diag.def"
#undef DIAG
    DIAG_COUNT
};

struct diag {
    uint16_t number; /* the stable code: E0312 is 312 */
    enum diag_severity severity;
    struct span at;      /* the culprit, underlined with ^ */
    struct span also;    /* its partner, underlined with ~; empty when there is none */
    const char *message; /* NUL-terminated, in the sink's arena */
    const char *hint;    /* what to write instead, or NULL; in the sink's arena */
};

struct diag_sink {
    struct arena *arena;
    VEC(struct diag) list;
    uint32_t errors; /* how many of the list are errors */
    uint32_t limit;  /* further errors are counted but not kept */
    bool failed;     /* memory ran out while keeping one */
};

/* Where a diagnostic points. `.hint` is copied. */
struct diag_at {
    struct span at, also;
    const char *hint;
};

/** Adds diagnostic @id; the arguments fill its format in diag.def. */
void diag(struct diag_sink *sink, enum diag_id id, struct diag_at where, ...);

/** The format of @id, for checks. */
const char *diag_format(enum diag_id id);
uint16_t diag_number(enum diag_id id);

/** The smallest span that covers both. */
struct span span_join(struct span a, struct span b);
#endif
