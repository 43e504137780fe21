/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/vec.h"

#ifndef VEC_FIRST
#define VEC_FIRST 8
#endif

/* Bytes from which the first room is not taken from what the arena has zeroed ahead. */
#define VEC_PLAIN 1024
/* Bytes from which room to spare is dear, and moving is the system's to do cheaply. */
#define VEC_LARGE ((size_t)8 << 20)

bool vec_grow(struct arena *a, void **at, uint32_t n, uint32_t *cap, uint32_t extra, size_t size,
              size_t align)
{
    if (extra > UINT32_MAX / 2 - n)
        return false; /* size is far below 2^32, so n * size cannot wrap */
    uint32_t want = !*cap ? VEC_FIRST : *cap < VEC_LARGE / size ? *cap * 2 : *cap + *cap / 4;
    if (want < n + extra)
        want = n + extra;
    void *to = *cap || want * size >= VEC_PLAIN ? arena_resize(a, *at, *cap * size, want * size, align)
                                                : arena_alloc(a, want, size, align);
    if (!to)
        return false;
    *at = to;
    *cap = want;
    return true;
}
