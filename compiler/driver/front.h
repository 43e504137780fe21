/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/front.h - the tree of a filter beside its IR, while it may be asked why the filter never matches.
 */
#ifndef WEIR_DRIVER_FRONT_H
#define WEIR_DRIVER_FRONT_H
#include "driver/pipeline.h"
#include "sema/sema.h"

#define FRONT_NODES_KEPT 2000u /* trees of more nodes are not kept: such filters are not explained */

struct front {
    struct arena arena; /* tree and formula */
    struct ast tree;
    struct checked checked; /* borrows the tree, which must stay where it is */
};

/** pipeline_ir(), and what it is made of in @front, which is to be released whatever is returned. */
int front_ir(struct front *front, struct arena *arena, struct diag_sink *sink, const char *text, size_t len,
             const struct weir_options *o, const struct opt_options *opt, struct ir_func *out);
void front_release(struct front *front);

/**
 * Says in @sink why the filter @front, which compiles to a program that rejects everything, can never match:
 * which of its terms contradict each other. @arena for the time being. Returns 0 or WEIR_E_MEMORY.
 */
int front_explain_never(const struct front *front, struct arena *arena, struct diag_sink *sink,
                        const struct weir_options *o);
#endif
