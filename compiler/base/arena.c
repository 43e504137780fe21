/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef ARENA_CHUNK_MAX
#define ARENA_CHUNK_MAX (256 * ARENA_CHUNK_BYTES)
#endif
/* Bytes that are zeroed at once, ahead of their use; memset() has a dearer way for more. */
#define ARENA_ZERO 1984

struct arena_chunk {
    struct arena_chunk *older;
    struct arena_chunk **link; /* large chunks: what points here */
    size_t size;               /* bytes in data */
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, const struct allocator *al, size_t ceiling)
{
    *a = (struct arena){.al = al, .ceiling = ceiling};
}

/* Frees the chunks of a list up to @last, which stays. */
static void free_chunks(struct arena *a, struct arena_chunk **list, struct arena_chunk *last)
{
    while (*list != last) {
        struct arena_chunk *older = (*list)->older;
        a->total -= (*list)->size;
        mem_free(a->al, *list);
        *list = older;
    }
    if (last && last->link)
        last->link = list;
}

void arena_release(struct arena *a)
{
    free_chunks(a, &a->chunk, NULL);
    free_chunks(a, &a->large, NULL);
    a->next = a->end = NULL;
}

void arena_reuse(struct arena *a, size_t ceiling)
{
    struct arena_chunk *first = a->chunk;

    while (first && first->older)
        first = first->older;
    if (first && first->size > (ceiling < ARENA_CHUNK_BYTES ? ceiling : ARENA_CHUNK_BYTES))
        first = NULL;
    free_chunks(a, &a->chunk, first);
    free_chunks(a, &a->large, NULL);
    a->next = a->end = first ? first->data : NULL;
    a->ceiling = ceiling;
    a->over_ceiling = false;
}

/* A chunk at @old (NULL: a new one) of @size bytes, on no list. */
static struct arena_chunk *chunk_resize(struct arena *a, struct arena_chunk *old, size_t size)
{
    size_t before = old ? old->size : 0;

    if (size > a->ceiling - (a->total - before)) {
        a->over_ceiling = true;
        return NULL;
    }
    struct arena_chunk *c = mem_resize(a->al, old, sizeof *c + size);
    if (!c) {
        a->over_ceiling = false;
        return NULL;
    }
    a->total = a->total - before + size;
    c->size = size;
    return c;
}

static bool arena_grow(struct arena *a, size_t need)
{
    size_t size = a->chunk ? a->chunk->size * 2 : ARENA_CHUNK_BYTES;

    if (size > ARENA_CHUNK_MAX)
        size = ARENA_CHUNK_MAX;
    if (size > a->ceiling - a->total) /* the last one is smaller */
        size = a->ceiling - a->total;
    if (size < need)
        size = need;
    struct arena_chunk *c = chunk_resize(a, NULL, size);
    if (!c)
        return false;
    c->older = a->chunk;
    c->link = NULL;
    a->chunk = c;
    a->next = a->end = c->data;
    return true;
}

/* What is left of the newest chunk. */
static size_t arena_left(const struct arena *a)
{
    return a->chunk ? a->chunk->size - (size_t)(a->next - a->chunk->data) : 0;
}

/* Sees that what is left is zero from @from on as far as @to, or a little further, as more will be asked for.
 */
static void arena_zero(struct arena *a, unsigned char *from, unsigned char *to)
{
    unsigned char *limit = a->chunk->data + a->chunk->size;

    if (to <= a->end)
        return;
    if ((size_t)(to - a->end) < ARENA_ZERO)
        to = (size_t)(limit - a->end) < ARENA_ZERO ? limit : a->end + ARENA_ZERO;
    from = from > a->end ? from : a->end;
    memset(from, 0, (size_t)(to - from));
    a->end = to;
}

/* A small block; zeroed but for the first @keep bytes, which the caller writes. */
static void *arena_take(struct arena *a, size_t bytes, size_t align, size_t keep)
{
    size_t skip = -(uintptr_t)a->next & (align - 1);

    if (!a->chunk || skip + bytes > arena_left(a)) {
        if (!arena_grow(a, bytes))
            return NULL;
        skip = 0;
    }
    unsigned char *block = a->next + skip;
    a->next = block + bytes;
    arena_zero(a, block + keep, a->next);
    return block;
}

/* Puts a large chunk, new or moved, where it belongs in its list. */
static void *large_link(struct arena_chunk *c)
{
    *c->link = c;
    if (c->older)
        c->older->link = &c->older;
    return c->data;
}

/* Not zeroed: the system gives pages as they are touched. */
static void *large_alloc(struct arena *a, size_t bytes)
{
    struct arena_chunk *c = chunk_resize(a, NULL, bytes);

    if (!c)
        return NULL;
    c->older = a->large;
    c->link = &a->large;
    return large_link(c);
}

void *arena_alloc_slow(struct arena *a, size_t n, size_t size, size_t align)
{
    if (size && n > (SIZE_MAX / 2) / size) {
        a->over_ceiling = true;
        return NULL;
    }
    size_t bytes = n * size;

    if (bytes < ARENA_LARGE)
        return arena_take(a, bytes, align, 0);
    void *block = large_alloc(a, bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

void *arena_resize(struct arena *a, void *block, size_t old, size_t bytes, size_t align)
{
    if (old >= ARENA_LARGE) {
        struct arena_chunk *c =
            (struct arena_chunk *)((unsigned char *)block - offsetof(struct arena_chunk, data));
        c = chunk_resize(a, c, bytes);
        return c ? large_link(c) : NULL;
    }
    if (old && (unsigned char *)block + old == a->next && bytes < ARENA_LARGE &&
        bytes - old <= arena_left(a)) {
        a->next += bytes - old;
        arena_zero(a, a->next, a->next);
        return block;
    }
    void *to = bytes >= ARENA_LARGE ? large_alloc(a, bytes) : arena_take(a, bytes, align, bytes);
    if (to && old)
        memcpy(to, block, old);
    return to;
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
    return (struct arena_mark){a->chunk, a->large, a->next};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    free_chunks(a, &a->chunk, m.chunk);
    free_chunks(a, &a->large, m.large);
    a->next = a->end = m.next;
}
