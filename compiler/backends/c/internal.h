/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/c/internal.h - what the files of this room share: the source that is being written.
 */
#ifndef WEIR_BACKENDS_C_INTERNAL_H
#define WEIR_BACKENDS_C_INTERNAL_H
#include "backends/c/c.h"

struct source {
    const struct ir_func *f;
    const struct c_options *o;
    struct strbuf *out;
    struct arena *scratch;
    uint32_t *computed; /* by value: block + 1 in whose braces it was last computed */
    uint32_t *braces;   /* by block: the one whose braces it is in */
    VEC(uint32_t) stack;
    VEC(ir_value) order; /* values of the current braces, operands first */
    bool far;            /* loads at variable addresses are calls */
    bool no_memory;
    const struct ir_meta_row *not_there; /* metadata that the target has not, or NULL */
    struct span not_there_at;
};

/* Whether a helper reads what is not in the packet's first buffer. */
static inline bool source_has_buffer(const struct source *s)
{
    return s->o->target != WEIR_TARGET_FUNC && !(s->o->target == WEIR_TARGET_XDP && !s->o->frags);
}

/** What stands in front of the function's blocks: includes, maps, how the packet is read, the first lines. */
void put_head(const struct source *s);
#endif
