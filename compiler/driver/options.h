/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/options.h - the caller's options, whichever release they are of, and whether they mean something.
 */
#ifndef WEIR_DRIVER_OPTIONS_H
#define WEIR_DRIVER_OPTIONS_H
#include <stdbool.h>
#include "base/diag.h"
#include "weir/weir.h"

/* Options as this release has them, and the resolver they point to. */
struct options {
    struct weir_options o;
    struct weir_resolver resolver;
    const char *unknown; /* what has a size that no release up to this one has, or NULL */
};

/**
 * Copies the structure at @from, which begins with its size, to the one of @now bytes at @to; 0 is what an
 * absent member is. False: no release has that size, from @first bytes on.
 */
bool options_take_sized(const void *from, size_t first, size_t now, void *to);

/** Reads no more of @from (NULL: the defaults) and its resolver than their sizes say. @out points into
 * itself: it stays where it is. */
void options_take(const struct weir_options *from, struct options *out);

/** WEIR_OK, or WEIR_E_ARGUMENT and in @sink what has no meaning. */
int options_check(struct diag_sink *sink, const struct options *all);
#endif
