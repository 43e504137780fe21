/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/lower.h - checked filter to IR.
 */
#ifndef WEIR_LOWER_LOWER_H
#define WEIR_LOWER_LOWER_H
#include "ir/ir.h"
#include "sema/sema.h"

/**
 * Builds the plain program: what the specification says, in its order.
 *
 * @front    where @c lies, which goes as soon as it has been read: released here
 * @out      initialised here, in @arena
 * Returns   0, or WEIR_E_MEMORY, WEIR_E_LIMIT (reported in @sink)
 */
int lower_filter(struct arena *front, struct arena *arena, struct diag_sink *sink, const struct checked *c,
                 const struct weir_options *o, struct ir_func *out);
/* Terms of a filter: AST nodes, all of which must hold. */
struct terms {
    const uint32_t *node;
    uint32_t n;
};

/**
 * The same for the conjunction of @only, each term meaning what it means in the filter, or for all of it when
 * @only is NULL.
 * @c stays; @scratch is for what is not needed afterwards.
 */
int lower_terms(struct arena *scratch, struct arena *arena, struct diag_sink *sink, const struct checked *c,
                const struct weir_options *o, const struct terms *only, struct ir_func *out);
#endif
