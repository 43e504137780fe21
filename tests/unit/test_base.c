/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/unit/test_base.c - the base room alone: arena, vector, sorting, text, diagnostics.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"
#include "base/diag.h"
#include "base/sort.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "tests/harness/rng.h"

/* ---------------------------------------------------------------- an allocator that counts and fails */

struct heap {
    size_t live;
    size_t asked;
    size_t fail_at; /* this request and all later ones fail; 0: none */
};

static void *heap_reallocate(void *user, void *ptr, size_t size)
{
    struct heap *h = user;

    if (size == 0) {
        h->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    h->asked++;
    if (h->fail_at && h->asked >= h->fail_at)
        return NULL;
    void *p = realloc(ptr, size);
    if (p && !ptr) {
        h->live++;
        memset(p, 0xa5, size);
    }
    return p;
}

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* ---------------------------------------------------------------- alloc */

static void test_alloc(void **state)
{
    struct heap h = {0};
    const struct allocator al = {heap_reallocate, &h};

    (void)state;
    void *p = mem_alloc(&al, 0); /* no bytes are still a block */
    assert_non_null(p);
    p = mem_resize(&al, p, 100);
    assert_non_null(p);
    mem_free(&al, p);
    mem_free(&al, NULL);
    assert_int_equal(h.live, 0);
    p = mem_alloc(&allocator_system, 10);
    assert_non_null(p);
    mem_free(&allocator_system, p);
}

/* Blocks keep what is in them, and are aligned, on the heap and in mappings, and from one to the other. */
static void test_system_blocks(void **state)
{
    static const size_t sizes[] = {1,        4000,     1u << 19, 1u << 21, 5u << 20, 3u << 20,
                                   1u << 20, 7u << 20, 6000,     1u << 23, 16};
    size_t before = 0;
    unsigned char *p = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t kept = before < sizes[i] ? before : sizes[i];
        p = mem_resize(&allocator_system, p, sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t k = 0; k < kept; k++)
            assert_int_equal(p[k], (k * 7) & 0xff);
        for (size_t k = kept; k < sizes[i]; k++)
            p[k] = (k * 7) & 0xff;
        before = sizes[i];
    }
    assert_null(mem_resize(&allocator_system, p, SIZE_MAX)); /* there is none, and what is there stays */
    assert_null(mem_resize(&allocator_system, p, SIZE_MAX / 4));
    assert_int_equal(p[15], 105);
    mem_free(&allocator_system, p);
    assert_null(mem_alloc(&allocator_system, SIZE_MAX / 4));
}

/* ---------------------------------------------------------------- arena */

/* Blocks of all sizes and alignments are zeroed, aligned, disjoint and keep what was written. */
static void test_arena_blocks(void **state)
{
    enum { N = 2000 };
    static unsigned char *block[N];
    static size_t len[N];
    struct rng r = {7};
    struct heap h = {0};
    const struct allocator al = {heap_reallocate, &h};
    struct arena a;

    (void)state;
    arena_init(&a, &al, SIZE_MAX / 2);
    for (int i = 0; i < N; i++) {
        size_t align = (size_t)1 << rng_below(&r, 5);
        len[i] = rng_below(&r, 100) ? rng_below(&r, 200) : rng_below(&r, 200000);
        block[i] = arena_alloc(&a, len[i], 1, align);
        assert_non_null(block[i]);
        assert_int_equal((uintptr_t)block[i] % align, 0);
        assert_true(all_zero(block[i], len[i]));
        memset(block[i], i & 0xff, len[i]);
    }
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < len[i]; k++)
            assert_int_equal(block[i][k], i & 0xff);
    arena_release(&a);
    assert_int_equal(h.live, 0);
    assert_int_equal(a.total, 0);
}

static void test_arena_overflow(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, &allocator_system, SIZE_MAX / 2);
    assert_null(arena_alloc(&a, SIZE_MAX, 2, 1));
    assert_true(a.over_ceiling);
    assert_null(arena_alloc(&a, SIZE_MAX / 4, 8, 8));
    assert_null(arena_alloc(&a, 2, SIZE_MAX / 2, 1));
    assert_non_null(arena_alloc(&a, 0, 8, 8));
    assert_non_null(arena_alloc(&a, 8, 0, 8));
    arena_release(&a);
}

static void test_arena_ceiling(void **state)
{
    struct arena a;

    (void)state;
    for (size_t ceiling = 0; ceiling < 100000; ceiling = ceiling * 3 / 2 + 1)
        for (size_t size = 1; size < 20000; size = size * 4 + 3) {
            size_t got = 0;
            arena_init(&a, &allocator_system, ceiling);
            while (arena_alloc(&a, 1, size, 1))
                got += size;
            assert_true(a.over_ceiling);
            assert_true(got <= ceiling);
            assert_true(a.total <= ceiling);
            /* what is left over is less than two blocks for each chunk, not half of the ceiling */
            if (size < 100 && ceiling > 20000)
                assert_true(got > ceiling / 2);
            arena_release(&a);
        }
}

static void test_arena_no_memory(void **state)
{
    struct heap h = {.fail_at = 3};
    const struct allocator al = {heap_reallocate, &h};
    struct arena a;
    int n = 0;

    (void)state;
    arena_init(&a, &al, SIZE_MAX / 2);
    while (arena_alloc(&a, 1, 1000, 8))
        n++;
    assert_true(n > 0);
    assert_false(a.over_ceiling);
    h.fail_at = 0;
    assert_non_null(arena_alloc(&a, 1, 1000, 8)); /* it goes on when there is memory again */
    arena_release(&a);
    assert_int_equal(h.live, 0);
}

static void test_arena_rewind(void **state)
{
    struct rng r = {11};
    struct heap h = {0};
    const struct allocator al = {heap_reallocate, &h};
    struct arena a;

    (void)state;
    arena_init(&a, &al, SIZE_MAX / 2);
    struct arena_mark empty = arena_mark(&a);
    for (int round = 0; round < 50; round++) {
        unsigned char *keep = arena_alloc(&a, 1, 32, 8);
        memset(keep, 0x5a, 32);
        struct arena_mark m = arena_mark(&a);
        size_t total = a.total;
        for (int i = 0; i < 40; i++) {
            size_t len = rng_below(&r, 8) ? rng_below(&r, 3000) : rng_below(&r, 100000);
            unsigned char *p = arena_alloc(&a, len, 1, 1);
            assert_non_null(p);
            assert_true(all_zero(p, len)); /* zeroed again where scratch has been */
            memset(p, 0xff, len);
        }
        arena_rewind(&a, m);
        assert_int_equal(a.total, total);
        for (int i = 0; i < 32; i++)
            assert_int_equal(keep[i], 0x5a);
    }
    arena_rewind(&a, empty);
    assert_int_equal(h.live, 0);
    arena_release(&a);
}

/* A block of no bytes where a chunk ends that is full, and not aligned there. */
static void test_arena_reuse(void **state)
{
    struct heap h = {0};
    const struct allocator al = {heap_reallocate, &h};
    struct arena a;
    (void)state;

    arena_init(&a, &al, 64 * ARENA_CHUNK_BYTES);
    arena_reuse(&a, 64 * ARENA_CHUNK_BYTES); /* nothing to keep */
    for (int i = 0; i < 40; i++)
        memset(arena_alloc(&a, 1, ARENA_CHUNK_BYTES / 2, 8), 0xff, ARENA_CHUNK_BYTES / 2);
    assert_non_null(arena_alloc(&a, 1, ARENA_LARGE, 8));
    arena_reuse(&a, 2 * ARENA_CHUNK_BYTES);
    assert_int_equal(h.live, 1);
    assert_int_equal(a.total, ARENA_CHUNK_BYTES);
    size_t asked = h.asked;
    unsigned char *block = arena_alloc(&a, 1, ARENA_CHUNK_BYTES / 2, 8);
    assert_non_null(block);
    assert_true(all_zero(block, ARENA_CHUNK_BYTES / 2));
    assert_int_equal(h.asked, asked); /* it was kept */
    assert_null(arena_alloc(&a, 1, 2 * ARENA_CHUNK_BYTES, 8));
    assert_true(a.over_ceiling);
    arena_reuse(&a, ARENA_CHUNK_BYTES / 2); /* more than may be kept */
    assert_int_equal(h.live, 0);
    assert_false(a.over_ceiling);
    assert_non_null(arena_alloc(&a, 1, ARENA_CHUNK_BYTES / 4, 8));
    arena_release(&a);
    assert_int_equal(h.live, 0);
}

static void test_arena_nothing(void **state)
{
    struct arena a;
    (void)state;

    arena_init(&a, &allocator_system, 1u << 20);
    assert_non_null(arena_alloc(&a, ARENA_CHUNK_BYTES + 1, 1, 1));
    assert_non_null(arena_array(&a, uint64_t, 0));
    uint64_t *one = arena_array(&a, uint64_t, 1);
    assert_non_null(one);
    assert_int_equal(*one, 0);
    *one = 1;
    arena_release(&a);
}

static void test_arena_copy(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, &allocator_system, 1 << 20);
    assert_string_equal(arena_copy(&a, "abcdef", 3), "abc");
    assert_string_equal(arena_copy(&a, NULL, 0), "");
    char *nul = arena_copy(&a, "a\0b", 3);
    assert_memory_equal(nul, "a\0b", 4);
    arena_release(&a);
}

/* ---------------------------------------------------------------- vector */

static void test_vec(void **state)
{
    struct heap h = {0};
    const struct allocator al = {heap_reallocate, &h};
    struct arena a;
    VEC(uint64_t) v = {0};
    VEC(uint8_t) other = {0};

    (void)state;
    arena_init(&a, &al, (size_t)64 << 20);
    for (uint32_t i = 0; i < 100000; i++) { /* two that grow in turns */
        assert_true(vec_push(&a, &v, i * UINT64_C(0x100000001)));
        if (i % 3 == 0)
            assert_true(vec_push(&a, &other, (uint8_t)i));
    }
    for (uint32_t i = 0; i < v.n; i++)
        assert_true(v.at[i] == i * UINT64_C(0x100000001));
    for (uint32_t i = 0; i < other.n; i++)
        assert_int_equal(other.at[i], (uint8_t)(3 * i));
    assert_true(v.cap < 3 * v.n);
    assert_true(a.total < 8u * v.n * sizeof *v.at);
    arena_release(&a);
    assert_int_equal(h.live, 0);
}

static void test_vec_limits(void **state)
{
    struct arena a;
    VEC(uint32_t) v = {0};

    (void)state;
    arena_init(&a, &allocator_system, 4096);
    assert_true(vec_push(&a, &v, 42));
    assert_false(vec_reserve(&a, &v, UINT32_MAX));
    assert_false(vec_reserve(&a, &v, UINT32_MAX / 2));
    assert_false(vec_reserve(&a, &v, 1u << 20));
    assert_int_equal(v.n, 1); /* unchanged */
    assert_int_equal(v.at[0], 42);
    for (uint32_t i = 1; vec_push(&a, &v, i); i++)
        ;
    assert_true(v.n > 100 && v.n <= 1024);
    assert_int_equal(v.at[0], 42);
    assert_int_equal(v.at[v.n - 1], v.n - 1);
    arena_release(&a);
}

/* ---------------------------------------------------------------- sorting */

/* Keys of every width and number: in order afterwards, equal ones as they stood, and each still there. */
static void test_sort(void **state)
{
    static struct sort_key key[2 * 3000];
    static uint32_t was[3000];
    static const uint32_t masks[] = {UINT32_MAX, 0xff, 0xff00, 0xff0000ff, 0x80000001, 0};
    struct rng r = {1};

    (void)state;
    for (uint32_t n = 0; n <= 3000; n = n < 40 ? n + 1 : n * 2 - 7)
        for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
            for (uint32_t i = 0; i < n; i++)
                key[i] = (struct sort_key){was[i] = (uint32_t)rng_next(&r) & masks[m], i};
            const struct sort_key *sorted = sort_keys(key, key + n, n);
            for (uint32_t i = 0; i < n; i++)
                assert_int_equal(sorted[i].key, was[sorted[i].index]);
            for (uint32_t i = 1; i < n; i++) /* no two are the same, so all are there */
                assert_true(sorted[i - 1].key < sorted[i].key ||
                            (sorted[i - 1].key == sorted[i].key && sorted[i - 1].index < sorted[i].index));
        }
}

/* ---------------------------------------------------------------- text */

static void test_strbuf(void **state)
{
    struct heap h = {0};
    const struct allocator al = {heap_reallocate, &h};
    struct strbuf s;
    char long_text[3000];

    (void)state;
    strbuf_init(&s, &al);
    strbuf_puts(&s, "");
    assert_string_equal(s.text, "");
    strbuf_put(&s, NULL, 0);
    strbuf_printf(&s, "%s-%d", "a", 5);
    strbuf_put(&s, "\0x", 2);
    assert_int_equal(s.len, 5);
    assert_memory_equal(s.text, "a-5\0x", 6);
    memset(long_text, 'y', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    for (size_t want = s.len; want < 100000; want += sizeof long_text) {
        assert_int_equal(s.len, want);
        strbuf_printf(&s, "%s.", long_text);
        assert_int_equal(s.text[s.len], '\0');
    }
    for (int i = 0; i < 1000; i++) /* every length passes the end of the buffer once */
        strbuf_put(&s, "z", 1);
    assert_int_equal(s.text[s.len], '\0');
    assert_false(s.failed);
    strbuf_release(&s);
    assert_int_equal(h.live, 0);
}

static void test_strbuf_no_memory(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at < 6; fail_at++) {
        struct heap h = {.fail_at = fail_at};
        const struct allocator al = {heap_reallocate, &h};
        struct strbuf s;

        strbuf_init(&s, &al);
        for (int i = 0; i < 1000; i++)
            strbuf_printf(&s, "line %d\n", i);
        assert_true(s.failed);
        size_t len = s.len;
        h.fail_at = 0;
        strbuf_puts(&s, "more"); /* sticky */
        assert_int_equal(s.len, len);
        strbuf_release(&s);
        assert_int_equal(h.live, 0);
    }
}

/* ---------------------------------------------------------------- diagnostics */

static void test_diag(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, &allocator_system, 1 << 20);
    struct diag_sink sink = {.arena = &a, .limit = 2};
    char hint[] = "write it otherwise";
    for (int i = 0; i < 5; i++)
        diag(&sink, DIAG_TOO_BIG, (struct diag_at){.at = {1, 3}, .also = {5, 6}, .hint = hint}, "a lot");
    assert_int_equal(sink.errors, 5); /* counted beyond the limit */
    assert_int_equal(sink.list.n, 2);
    hint[0] = 'X'; /* it was copied */
    const struct diag *d = &sink.list.at[1];
    assert_string_equal(d->hint, "write it otherwise");
    assert_non_null(strstr(d->message, "a lot"));
    assert_int_equal(d->number, diag_number(DIAG_TOO_BIG));
    assert_int_equal(d->at.begin, 1);
    assert_int_equal(d->also.end, 6);
    arena_release(&a);
}

static void test_diag_long(void **state)
{
    struct arena a;
    char name[5000];

    (void)state;
    arena_init(&a, &allocator_system, 1 << 20);
    struct diag_sink sink = {.arena = &a, .limit = 10};
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    diag(&sink, DIAG_TOO_BIG, (struct diag_at){.at = {0, 0}}, name);
    assert_int_equal(sink.list.n, 1);
    assert_true(strlen(sink.list.at[0].message) < 1000);
    assert_false(sink.failed);
    arena_release(&a);
}

static void test_diag_no_memory(void **state)
{
    struct arena a;

    (void)state;
    for (size_t ceiling = 0; ceiling < 2000; ceiling += 7) {
        arena_init(&a, &allocator_system, ceiling);
        struct diag_sink sink = {.arena = &a, .limit = 100};
        for (int i = 0; i < 100; i++)
            diag(&sink, DIAG_TOO_BIG, (struct diag_at){.at = {0, 0}, .hint = "h"}, "x");
        assert_int_equal(sink.errors, 100);
        assert_true(sink.failed);
        for (uint32_t i = 0; i < sink.list.n; i++) /* what was kept is whole */
            assert_true(sink.list.at[i].message && sink.list.at[i].hint);
        arena_release(&a);
    }
}

/* Codes are unique and never 0; formats are not empty. */
static void test_diag_table(void **state)
{
    (void)state;
    for (int i = 0; i < DIAG_COUNT; i++) {
        assert_true(diag_number((enum diag_id)i) > 0);
        assert_true(diag_format((enum diag_id)i)[0] != '\0');
        for (int k = 0; k < i; k++)
            assert_int_not_equal(diag_number((enum diag_id)i), diag_number((enum diag_id)k));
    }
}

static void test_span_join(void **state)
{
    (void)state;
    struct span j = span_join((struct span){5, 7}, (struct span){1, 6});
    assert_int_equal(j.begin, 1);
    assert_int_equal(j.end, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_system_blocks),
        cmocka_unit_test(test_arena_blocks),
        cmocka_unit_test(test_arena_overflow),
        cmocka_unit_test(test_arena_ceiling),
        cmocka_unit_test(test_arena_no_memory),
        cmocka_unit_test(test_arena_rewind),
        cmocka_unit_test(test_arena_reuse),
        cmocka_unit_test(test_arena_nothing),
        cmocka_unit_test(test_arena_copy),
        cmocka_unit_test(test_vec),
        cmocka_unit_test(test_vec_limits),
        cmocka_unit_test(test_strbuf),
        cmocka_unit_test(test_strbuf_no_memory),
        cmocka_unit_test(test_diag),
        cmocka_unit_test(test_diag_long),
        cmocka_unit_test(test_diag_no_memory),
        cmocka_unit_test(test_diag_table),
        cmocka_unit_test(test_span_join),
        cmocka_unit_test(test_sort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
