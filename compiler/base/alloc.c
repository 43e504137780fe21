/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE   ((size_t)2 << 20)
#define MAPPED_FROM (HUGE_PAGE / 4) /* bytes of a block that is worth pages of its own */

/*
 * A block of the system: on the heap, or, from MAPPED_FROM bytes on, a mapping of its own of whole huge
 * pages. The first touch of a page can cost as much as all the work that is then done in it, so one in 512
 * matters; and a mapping grows without a copy (mremap(2)). What that gains:
 * docs/decisions/0008-huge-pages.md.
 */
struct block {
    size_t size; /* bytes, with this */
    alignas(max_align_t) unsigned char data[];
};

/* Bytes of the mapping for a block of @size bytes; 0: it is on the heap. */
static size_t mapping_of(size_t size)
{
    return size < MAPPED_FROM ? 0 : (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

/* A mapping of @mapping bytes. That the kernel has no huge pages to give is no failure. */
static struct block *map_new(size_t mapping)
{
    void *b = mmap(NULL, mapping, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (b == MAP_FAILED)
        return NULL;
    madvise(b, mapping, MADV_HUGEPAGE);
    return b;
}

static struct block *map_resize(struct block *b, size_t mapping)
{
    size_t before = mapping_of(b->size);
    void *to = before == mapping ? b : mremap(b, before, mapping, MREMAP_MAYMOVE);

    return to == MAP_FAILED ? NULL : to;
}

static void block_free(struct block *b)
{
    if (b && mapping_of(b->size))
        munmap(b, mapping_of(b->size));
    else
        free(b);
}

/* @b, on the heap or mapped, as a block of @size bytes of the other kind. */
static struct block *block_move(struct block *b, size_t size)
{
    struct block *to = mapping_of(size) ? map_new(mapping_of(size)) : malloc(size);

    if (to) {
        memcpy(to, b, b->size < size ? b->size : size);
        block_free(b);
    }
    return to;
}

static struct block *block_resize(struct block *b, size_t size)
{
    size_t mapping = mapping_of(size);

    if (!b && mapping)
        return map_new(mapping);
    if (b && !mapping_of(b->size) != !mapping)
        return block_move(b, size);
    return mapping ? map_resize(b, mapping) : realloc(b, size);
}

static void *system_reallocate(void *user, void *ptr, size_t size)
{
    struct block *b = ptr ? (struct block *)((unsigned char *)ptr - offsetof(struct block, data)) : NULL;

    (void)user;
    if (size == 0) {
        block_free(b);
        return NULL;
    }
    if (size > SIZE_MAX / 2)
        return NULL;
    b = block_resize(b, sizeof *b + size);
    if (!b)
        return NULL;
    b->size = sizeof *b + size;
    return b->data;
}

const struct allocator allocator_system = {system_reallocate, NULL};

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
