/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include <stdlib.h>

static void *libc_reallocate(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, size);
}

const struct allocator allocator_libc = {libc_reallocate, NULL};

void *mem_alloc(const struct allocator *al, size_t size)
{
    return al->reallocate(al->user, NULL, size ? size : 1);
}

void *mem_resize(const struct allocator *al, void *ptr, size_t size)
{
    return al->reallocate(al->user, ptr, size ? size : 1);
}

void mem_free(const struct allocator *al, void *ptr)
{
    if (ptr)
        al->reallocate(al->user, ptr, 0);
}
