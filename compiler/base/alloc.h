/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/alloc.h - where memory comes from.
 *
 * Everything the library allocates goes through one of these, so a caller can account for it and a test
 * can make the Nth request fail.
 */
#ifndef WEIR_BASE_ALLOC_H
#define WEIR_BASE_ALLOC_H
#include <stddef.h>

struct allocator {
    /**
     * realloc(3) with a context: @ptr NULL allocates, @size 0 releases and returns NULL.
     * Memory is aligned for any type; NULL for a non-zero @size means there is none.
     */
    void *(*reallocate)(void *user, void *ptr, size_t size);
    void *user;
};

/** The C library's heap, and huge pages (madvise(2), MADV_HUGEPAGE) for blocks of half a MiB and more. */
extern const struct allocator allocator_system;

void *mem_alloc(const struct allocator *al, size_t size);
void *mem_resize(const struct allocator *al, void *ptr, size_t size);
void mem_free(const struct allocator *al, void *ptr);
#endif
