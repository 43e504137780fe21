/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/vec.h - growable arrays in an arena.
 *
 * A vector is any struct with the members `T *at; uint32_t n, cap;`, declared with VEC(T). Elements are
 * addressed by index (v.at[i]); pointers into it die at the next push. Growing doubles; large vectors grow
 * where they are if the allocator can do that. What lies behind the last element is not zeroed.
 */
#ifndef WEIR_BASE_VEC_H
#define WEIR_BASE_VEC_H
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"

#define VEC(T)                                                                                               \
    struct {                                                                                                 \
        T *at;                                                                                               \
        uint32_t n, cap;                                                                                     \
    }

/** Room for @extra more elements. False when memory is out; the vector is then unchanged. */
#define vec_reserve(a, v, extra)                                                                             \
    ((uint32_t)(extra) <= (v)->cap - (v)->n ||                                                               \
     vec_grow((a), (void **)&(v)->at, (v)->n, &(v)->cap, (extra), sizeof *(v)->at, alignof(max_align_t)))

/** The empty vector @v with room for just @want elements, which are not likely to become more. False when
 * memory is out. */
#define vec_sized(a, v, want)                                                                                \
    (((v)->at = arena_alloc((a), (want), sizeof *(v)->at, alignof(max_align_t))) ? ((v)->cap = (want), true) \
                                                                                 : false)

/** Appends @x. False when memory is out. */
#define vec_push(a, v, x) (vec_reserve((a), (v), 1) ? ((v)->at[(v)->n++] = (x), true) : false)

bool vec_grow(struct arena *a, void **at, uint32_t n, uint32_t *cap, uint32_t extra, size_t size,
              size_t align);
#endif
