/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/arena.h - memory that lives as long as one compile.
 *
 * Blocks are zeroed, never freed one by one, and bounded by a ceiling in bytes, so a hostile filter meets
 * a limit instead of the machine's memory. A mark can be taken and rewound to, for scratch.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/alloc.h"

#ifndef ARENA_CHUNK_BYTES
/* The first one; each is twice the one before, up to ARENA_CHUNK_MAX, and a little less than a power of two:
 * what heads it fits in the same pages. */
#define ARENA_CHUNK_BYTES (16384 - 64)
#endif
#define ARENA_LARGE (2 * ARENA_CHUNK_BYTES) /* from here on a block has a chunk of its own */

struct arena_chunk;

struct arena {
    const struct allocator *al;
    struct arena_chunk *chunk; /* the newest; older ones hang off it */
    struct arena_chunk *large; /* blocks with a chunk of their own, newest first */
    unsigned char *next, *end; /* of the newest chunk, what can be handed out next: all zero, up to here */
    size_t total;              /* bytes in all chunks */
    size_t ceiling;            /* total never exceeds this */
    bool over_ceiling;         /* the last failure was the ceiling, not the allocator */
};

struct arena_mark {
    struct arena_chunk *chunk, *large;
    unsigned char *next;
};

void arena_init(struct arena *a, const struct allocator *al, size_t ceiling);
void arena_release(struct arena *a);
/** Forgets all blocks and sets another ceiling, but keeps a first chunk of usual size for what comes. */
void arena_reuse(struct arena *a, size_t ceiling);

/* The same when what is zeroed does not do. */
void *arena_alloc_slow(struct arena *a, size_t n, size_t size, size_t align);

/** @n objects of @size bytes, zeroed; NULL when n * size overflows, memory is out or the ceiling is met. */
static inline void *arena_alloc(struct arena *a, size_t n, size_t size, size_t align)
{
    uintptr_t at = ((uintptr_t)a->next + align - 1) & ~(uintptr_t)(align - 1);

    if (n >= ARENA_LARGE / (size ? size : 1) || at + n * size >= (uintptr_t)a->end)
        return arena_alloc_slow(a, n, size, align);
    unsigned char *block = a->next + (at - (uintptr_t)a->next);
    a->next = block + n * size;
    return block;
}

/**
 * The block at @block, of @old bytes, with @bytes bytes, which are more: what is new is not zeroed, and the
 * block may move. Large blocks are resized by the allocator, so a growing array leaves no copies behind; the
 * newest of the others grows where it is if there is room, the rest are copied.
 */
void *arena_resize(struct arena *a, void *block, size_t old, size_t bytes, size_t align);

/** A copy of @len bytes with a NUL behind them. */
char *arena_copy(struct arena *a, const char *text, size_t len);

struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

#define arena_new(a, T)      ((T *)arena_alloc((a), 1, sizeof(T), alignof(T)))
#define arena_array(a, T, n) ((T *)arena_alloc((a), (n), sizeof(T), alignof(T)))
#endif
