/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"
#include <stdint.h>
#include <string.h>

#ifndef ARENA_CHUNK_BYTES
#define ARENA_CHUNK_BYTES 4096 /* the first one; each is twice the one before, up to ARENA_CHUNK_MAX */
#endif
#ifndef ARENA_CHUNK_MAX
#define ARENA_CHUNK_MAX (4u << 20)
#endif

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* bytes in data */
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, const struct allocator *al, size_t ceiling)
{
    *a = (struct arena){.al = al, .ceiling = ceiling};
}

void arena_release(struct arena *a)
{
    while (a->chunk) {
        struct arena_chunk *older = a->chunk->older;
        mem_free(a->al, a->chunk);
        a->chunk = older;
    }
    a->used = a->total = 0;
}

static bool arena_grow(struct arena *a, size_t need)
{
    size_t size = a->chunk ? a->chunk->size * 2 : ARENA_CHUNK_BYTES;

    if (size > ARENA_CHUNK_MAX)
        size = ARENA_CHUNK_MAX;
    if (size > a->ceiling - a->total)
        size = a->ceiling - a->total;
    if (size < need)
        size = need;
    if (size > a->ceiling - a->total) {
        a->over_ceiling = true;
        return false;
    }
    struct arena_chunk *c = mem_alloc(a->al, sizeof *c + size);
    if (!c) {
        a->over_ceiling = false;
        return false;
    }
    c->older = a->chunk;
    c->size = size;
    a->chunk = c;
    a->used = 0;
    a->total += size;
    return true;
}

void *arena_alloc(struct arena *a, size_t n, size_t size, size_t align)
{
    if (size && n > (SIZE_MAX / 2) / size) {
        a->over_ceiling = true;
        return NULL;
    }
    size_t bytes = n * size;
    size_t at = (a->used + align - 1) & ~(align - 1);

    if (!a->chunk || at > a->chunk->size || bytes > a->chunk->size - at) {
        if (!arena_grow(a, bytes))
            return NULL;
        at = 0;
    }
    a->used = at + bytes;
    return memset(a->chunk->data + at, 0, bytes);
}

char *arena_copy(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_array(a, char, len + 1);

    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->chunk, a->used};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    while (a->chunk != m.chunk) {
        struct arena_chunk *older = a->chunk->older;
        a->total -= a->chunk->size;
        mem_free(a->al, a->chunk);
        a->chunk = older;
    }
    a->used = m.used;
}
