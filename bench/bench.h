/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/bench.h - what the benchmarks share: filters from files, programs of both compilers, results as JSON.
 *
 * Every bench/NAME.c is a program of its own. It prints its tables and leaves its numbers in
 * B/bench/NAME.json, where B is the build directory it was built in; bench/summary.c puts them together.
 */
#ifndef WEIR_BENCH_BENCH_H
#define WEIR_BENCH_BENCH_H
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/golden/compile.h"
#include "tests/harness/listing.h"
#include "tests/harness/shared.h"
#include "weir/weir.h"

/* ---------------------------------------------------------------- filters */

struct bench_filter {
    const char *name, *text;
};

struct bench_filters {
    struct bench_filter *row;
    size_t n;
    char *storage;
};

/** Rows `name TAB filter` of @path behind its header line. Exits when there are none. */
static inline struct bench_filters bench_filters_load(const char *path)
{
    struct bench_filters f = {.storage = read_file(path, NULL)};
    char *next = f.storage ? strchr(f.storage, '\n') : NULL;
    while (next && next[1]) {
        char *line = next + 1, *tab = strchr(line, '\t');
        next = strchr(line, '\n');
        if (next)
            *next = '\0';
        struct bench_filter *more = realloc(f.row, (f.n + 1) * sizeof *more);
        if (!tab || !more)
            break;
        *tab = '\0';
        f.row = more;
        f.row[f.n++] = (struct bench_filter){line, tab + 1};
    }
    if (!f.n) {
        fprintf(stderr, "%s: no filters\n", path);
        exit(2);
    }
    return f;
}

static inline void bench_filters_free(struct bench_filters *f)
{
    free(f->row);
    free(f->storage);
}

/* ---------------------------------------------------------------- programs */

/** The installed libpcap's program. False when it refuses, with its reason in @why. */
static inline bool bench_pcap_compile(const char *text, uint32_t linktype, uint32_t snaplen, bool optimize,
                                      struct program *out, char *why, size_t size)
{
    struct bpf_program p;
    pcap_t *handle = pcap_open_dead((int)linktype, (int)snaplen);
    bool ok = handle && pcap_compile(handle, &p, text, optimize, PCAP_NETMASK_UNKNOWN) == 0;
    *why = '\0';
    if (ok) {
        /* struct bpf_insn and struct weir_cbpf_insn are both the kernel's layout. */
        ok = program_copy((const struct weir_cbpf_insn *)p.bf_insns, p.bf_len, out);
        pcap_freecode(&p);
    } else {
        snprintf(why, size, "%s", handle ? pcap_geterr(handle) : "no handle");
    }
    if (handle)
        pcap_close(handle);
    return ok;
}

/** Packet loads that the program's text holds. */
static inline unsigned bench_loads(const struct program *p)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        unsigned class = p->at[i].code & 7, mode = p->at[i].code & 0xe0;
        n += class <= 1 && (mode == 0x40 || mode == 0xa0 || (mode == 0x20 && p->at[i].k < 0xfffff000u));
    }
    return n;
}

/* ---------------------------------------------------------------- numbers */

/** Seconds of CPU this process has used. */
static inline double bench_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Median of @n values, which are sorted. */
static inline double bench_median(double *value, size_t n)
{
    qsort(value, n, sizeof *value, bench_compare_doubles);
    return n ? value[n / 2] : 0;
}

/* A geometric mean of at most some hundred ratios, each far from the ends of a double. */
struct bench_geomean {
    double product;
    unsigned n;
};

static inline void bench_geomean_add(struct bench_geomean *g, double ratio)
{
    if (ratio > 0) {
        g->product = (g->n ? g->product : 1) * ratio;
        g->n++;
    }
}

/** The n-th root by bisection: the test libraries do not bring libm. 0 when nothing was added. */
static inline double bench_geomean(const struct bench_geomean *g)
{
    double low = 0, high = g->n && g->product > 1 ? g->product : 1;
    for (int step = 0; g->n && step < 200; step++) {
        double middle = (low + high) / 2, power = 1;
        for (unsigned i = 0; i < g->n; i++)
            power *= middle;
        if (power < g->product)
            low = middle;
        else
            high = middle;
    }
    return g->n ? (low + high) / 2 : 0;
}

/** BENCH_FULL=1: everything, however long it takes. */
static inline bool bench_full(void)
{
    const char *full = getenv("BENCH_FULL");
    return full && *full && *full != '0';
}

/* ---------------------------------------------------------------- results */

/** Path of @name in the directory of the running program (@argv0), B/bench. Static storage of the caller's.
 */
static inline const char *bench_path(const char *argv0, const char *name, char *out, size_t size)
{
    const char *slash = strrchr(argv0, '/');
    snprintf(out, size, "%.*s%s", slash ? (int)(slash - argv0 + 1) : 0, argv0, name);
    return out;
}

/** Writes @result to B/bench/@name.json and drops it. False when that fails, which stderr says. */
static inline bool bench_save(const char *argv0, const char *name, json_t *result)
{
    char file[64], path[4096];
    snprintf(file, sizeof file, "%s.json", name);
    bool ok = json_dump_file(result, bench_path(argv0, file, path, sizeof path),
                             JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0;
    if (!ok)
        perror(path);
    json_decref(result);
    return ok;
}
#endif
