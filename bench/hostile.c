/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/hostile.c - what the costliest filters cost that were found, and how that grows with their size.
 *
 *   hostile                          measures the shapes of filters/hostile.tsv in three sizes, each four
 *                                    times the last
 *   hostile --search SECONDS [SEED]  looks for worse ones (hostile_search.h); prints rows for that file
 *
 * What are found are not texts but shapes (hostile_shape.h): cost that grows faster than the text shows only
 * in two sizes of one thing. Cost is counted, not timed: this program's library is built with
 * -fsanitize-coverage=trace-pc, which calls the counter below in every basic block, about five instructions.
 * Blocks of the C library do not count.
 */
#include <setjmp.h>
#include "bench/bench.h"
#include "bench/hostile_search.h"

#define SIZES    3
#define TIMES    4u
#define TEXT     4000u        /* bytes of the smallest text, about */
#define TOO_MUCH 20000000000u /* blocks: a compile that comes so far is given up, with its memory */

static uint64_t blocks;
static jmp_buf give_up;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    if (++blocks == TOO_MUCH)
        longjmp(give_up, 1);
}

static uint64_t compile_cost(const struct shape *s, uint32_t n, size_t *bytes)
{
    struct weir_options o = shape_options(s);
    struct weir_program *p = NULL;
    struct weir *cx = NULL;
    struct strbuf text;
    volatile int status = WEIR_E_LIMIT;

    shape_text(s, n, &text);
    *bytes = text.len;
    if (text.failed || weir_new(NULL, &cx) < 0)
        exit(2);
    blocks = 0;
    if (!setjmp(give_up)) {
        status = weir_compile(cx, text.text, text.len, &o, &p);
        weir_program_free(p);
        weir_free(cx);
    }
    strbuf_release(&text);
    return status >= 0 || status == WEIR_E_LIMIT || status == WEIR_E_UNSUPPORTED ? blocks : 0;
}

/* Prints the row and gives its numbers. */
static json_t *measure(const char *name, const struct shape *s)
{
    uint32_t n = shape_repetitions(s, TEXT);
    json_t *sizes = json_array();
    double first = 0, last = 0, seconds = 0;

    printf("%-22s", name);
    for (int i = 0; i < SIZES; i++, n *= TIMES) {
        size_t bytes;
        double begin = bench_cpu();
        uint64_t cost = compile_cost(s, n, &bytes);

        seconds = bench_cpu() - begin;
        if (!cost) {
            printf("  no filter\n");
            return sizes;
        }
        last = (double)cost / (double)bytes;
        first = i ? first : last;
        printf(" %8zu %7.0f", bytes, last);
        json_array_append_new(sizes, json_pack("{s:I, s:I, s:f}", "bytes", (json_int_t)bytes, "blocks",
                                               (json_int_t)cost, "per_byte", last));
    }
    printf(" %7.2f %8.3f\n", last / first, seconds);
    fflush(stdout);
    return json_pack("{s:s, s:o, s:f, s:f}", "name", name, "sizes", sizes, "growth", last / first, "seconds",
                     seconds);
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "--search"))
        return search(strtod(argv[2], NULL), argc > 3 ? strtoull(argv[3], NULL, 10) : 1);

    struct bench_filters f = bench_filters_load("bench/filters/hostile.tsv");
    json_t *rows = json_array();

    printf("Costliest shapes found: bytes of text and basic blocks executed for each, in three sizes; how "
           "much more a byte\n"
           "costs in the last; seconds of the last (with the counter in it)\n\n%-22s %8s %7s %8s %7s %8s %7s "
           "%7s %8s\n",
           "shape", "bytes", "blocks", "bytes", "blocks", "bytes", "blocks", "growth", "seconds");
    for (size_t i = 0; i < f.n; i++) {
        struct shape s;
        if (!shape_read(f.row[i].text, &s)) {
            fprintf(stderr, "hostile.tsv: '%s' is no shape\n", f.row[i].name);
            return 2;
        }
        json_array_append_new(rows, measure(f.row[i].name, &s));
    }
    bench_filters_free(&f);
    return bench_save(argv[0], "hostile", rows) ? 0 : 2;
}
