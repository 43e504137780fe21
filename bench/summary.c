/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/summary.c - the results of the other benchmarks together: B/bench.json and bench/RESULTS.md.
 *
 * Runs last (the Makefile goes through bench/ by name) and measures nothing.
 */
#include <sys/utsname.h>
#include "bench/bench.h"

/* A table of RESULTS.md; the numbers are those of the JSON. */
static void write_cost(FILE *out, const json_t *cost)
{
    const json_t *filters = json_object_get(cost, "filters"), *bytes = json_object_get(cost, "static_bytes");
    unsigned dearer = 0;
    for (size_t i = 0; i < json_array_size(filters); i++) {
        const json_t *f = json_array_get(filters, i);
        dearer += json_number(f, "weir", 0) > json_number(f, "libpcap", 0);
        if (strcmp(json_text(f, "name"), "t01") == 0)
            fprintf(out, "The empty filter retires %lld instructions (libpcap %lld).\n",
                    json_number(f, "weir", 0), json_number(f, "libpcap", 0));
    }
    fprintf(out,
            "Retired instructions of one warm compile (callgrind), ratio to libpcap, geometric mean: "
            "ordinary %.3f,\n"
            "overlapping %.3f; dearer than libpcap: %u of %zu filters. Static library, code and data: %lld "
            "bytes (libpcap.a\n"
            "%lld, of which the filter compiler is %lld).\n\n",
            json_real_value(json_object_get(cost, "geomean_ordinary")),
            json_real_value(json_object_get(cost, "geomean_overlapping")), dearer, json_array_size(filters),
            json_number(bytes, "libweir", 0), json_number(bytes, "libpcap", 0),
            json_number(bytes, "libpcap_compiler", 0));
}

/* The first cell of a row; a bar in a filter would end it. */
static void write_filter(FILE *out, const char *text)
{
    fputs(*text ? "| `" : "| (empty", out);
    for (const char *c = text; *c; c++)
        fprintf(out, "%s%c", *c == '|' ? "\\" : "", *c);
    fputs(*text ? "`" : ")", out);
}

static void write_quality(FILE *out, const json_t *quality)
{
    const json_t *l = json_object_get(quality, "losses");
    fprintf(out,
            "Executed instructions, ratio to libpcap 1.10.3, geometric mean over filters: ordinary %.4f (mix "
            "of traffic %.4f),\n"
            "overlapping %.4f (mix %.4f). Compared: %lld filters, the accept cases also with 1.11, capture "
            "by capture.\n"
            "More than the better reference in a mean over some capture: %lld filters in instructions, %lld "
            "in packet\n"
            "loads. Longer programs: %lld, without executing fewer: %lld. `losses.txt` beside the build "
            "shows them.\n\n",
            json_real_value(json_object_get(quality, "geomean_ordinary")),
            json_real_value(json_object_get(quality, "geomean_ordinary_mix")),
            json_real_value(json_object_get(quality, "geomean_overlapping")),
            json_real_value(json_object_get(quality, "geomean_overlapping_mix")),
            json_number(l, "compared", 0), json_number(l, "executed_instructions", 0),
            json_number(l, "executed_loads", 0), json_number(l, "longer", 0),
            json_number(l, "longer_for_nothing", 0));
    fprintf(
        out,
        "| filter | length | 1.10.3 | executed | 1.10.3 | loads | 1.10.3 |\n|---|--:|--:|--:|--:|--:|--:|\n");
    const json_t *filters = json_object_get(quality, "filters");
    for (size_t i = 0; i < json_array_size(filters); i++) {
        const json_t *f = json_array_get(filters, i), *weir, *pcap, *weir_run, *pcap_run;
        if (strcmp(json_text(f, "list"), "accept") == 0)
            continue;
        weir = json_object_get(json_object_get(f, "programs"), "weir");
        pcap = json_object_get(json_object_get(f, "programs"), "1.10.3");
        weir_run = json_object_get(json_object_get(f, "executed"), "weir");
        pcap_run = json_object_get(json_object_get(f, "executed"), "1.10.3");
        write_filter(out, json_text(f, "filter"));
        fprintf(out, " | %lld | %lld | %.2f | %.2f | %.2f | %.2f |\n", json_number(weir, "length", 0),
                json_number(pcap, "length", 0), json_real_value(json_object_get(weir_run, "instructions")),
                json_real_value(json_object_get(pcap_run, "instructions")),
                json_real_value(json_object_get(weir_run, "loads")),
                json_real_value(json_object_get(pcap_run, "loads")));
    }
    fprintf(out, "\n");
}

static double executed_mean(const json_t *side, const char *which)
{
    return json_real_value(json_object_get(json_object_get(side, which), "mean"));
}

static void write_lists(FILE *out, const json_t *lists)
{
    fprintf(
        out,
        "Executed: a packet of the list / another packet, means; worst: the longest path; MB: peak memory "
        "more than an\n"
        "empty filter; kernel: what SO_ATTACH_FILTER says; libpcap where it is quick enough.\n\n"
        "| list | terms | ms | MB | length | executed | worst | kernel | libpcap ms | length | executed |\n"
        "|---|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|\n");
    const json_t *rows = json_object_get(lists, "lists");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i), *weir = json_object_get(r, "weir"),
                     *pcap = json_object_get(r, "libpcap");
        fprintf(out, "| %s | %lld |", json_text(r, "kind"), json_number(r, "terms", 0));
        if (!weir) {
            fprintf(out, " %s |\n", json_text(r, "refused"));
            continue;
        }
        fprintf(out, " %.3f | %.1f | %lld | %.1f / %.1f | %lld | %s |",
                1e3 * json_real_value(json_object_get(weir, "seconds")),
                (double)json_number(weir, "kilobytes", 0) / 1024, json_number(weir, "length", 0),
                executed_mean(weir, "in_list"), executed_mean(weir, "others"), json_number(weir, "worst", 0),
                json_text(weir, "kernel"));
        if (pcap)
            fprintf(out, " %.3f | %lld | %.1f / %.1f |\n",
                    1e3 * json_real_value(json_object_get(pcap, "seconds")), json_number(pcap, "length", 0),
                    executed_mean(pcap, "in_list"), executed_mean(pcap, "others"));
        else
            fprintf(out, " | | |\n");
    }
}

static void write_ebpf_side(FILE *out, const json_t *side)
{
    if (!json_is_object(side)) {
        fprintf(out, " | | | | |");
        return;
    }
    fprintf(out, " %lld | %lld | %lld | %lld | %.2f |", json_number(side, "instructions", 0),
            json_number(side, "bounds_checks", 0), json_number(side, "verified", 0),
            json_number(side, "jited_bytes", 0), json_real_value(json_object_get(side, "ns")));
}

static void write_ratio(FILE *out, const json_t *ratio)
{
    if (ratio)
        fprintf(out, " %.2f |", json_real_value(ratio));
    else
        fprintf(out, " |");
}

static void write_ebpf(FILE *out, const json_t *ebpf)
{
    static const char *const target[] = {"xdp", "tc", "socket", "direct"};
    const json_t *filters = json_object_get(ebpf, "filters");
    if (!filters) {
        fprintf(out, "Not measured: %s.\n\n", json_text(ebpf, "refused"));
        return;
    }
    fprintf(
        out,
        "Length, bounds checks, instructions the verifier goes through, bytes of machine code, ns per packet "
        "(a lower bound, see README.md);\n"
        "beside C by hand that clang -O2 compiled, and libpcap's classic program on a socket (1,000 hosts: "
        "ours). Ratios: our time to theirs.\n"
        "`direct` is a socket's program with --direct. "
        "Slower than clang's by more than 5 %%: %lld of %lld.\n\n"
        "| filter | target | insns | checks | verified | bytes | ns | clang: insns | checks | verified | "
        "bytes "
        "| ns | ratio | to classic |\n"
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        json_number(ebpf, "losses", 0), json_number(ebpf, "compared", 0));
    for (size_t i = 0; i < json_array_size(filters); i++)
        for (size_t t = 0; t < sizeof target / sizeof target[0]; t++) {
            const json_t *f = json_array_get(filters, i);
            const json_t *of = json_object_get(json_object_get(f, "targets"), target[t]);
            write_filter(out, json_text(f, "filter"));
            fprintf(out, " | %s |", target[t]);
            write_ebpf_side(out, json_object_get(of, "weir"));
            write_ebpf_side(out, json_object_get(of, "clang"));
            write_ratio(out, json_object_get(of, "to_clang"));
            write_ratio(out, json_object_get(of, "to_classic"));
            fprintf(out, "\n");
        }
    fprintf(out, "\n");
}

/* One row for each shape: cost of a byte in each size, and its growth. */
static void write_hostile(FILE *out, const json_t *rows)
{
    fprintf(out,
            "Shapes that a search for costly filters found (`build/bench/hostile --search`), in three sizes. "
            "Blocks are basic blocks\n"
            "of the library that a compile executes, about five instructions each.\n\n"
            "| shape | bytes | blocks a byte | bytes | blocks a byte | bytes | blocks a byte | growth |\n"
            "|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *sizes = json_object_get(row, "sizes");

        fprintf(out, "| %s |", json_text(row, "name"));
        for (size_t k = 0; k < json_array_size(sizes); k++)
            fprintf(out, " %lld | %.0f |", json_number(json_array_get(sizes, k), "bytes", 0),
                    json_real_value(json_object_get(json_array_get(sizes, k), "per_byte")));
        fprintf(out, " %.2f |\n", json_real_value(json_object_get(row, "growth")));
    }
}

/* One row for each kind of set: members, found, not found, for each size. */
static void write_sets(FILE *out, const json_t *sets)
{
    const json_t *kinds = json_object_get(sets, "kinds");
    if (!kinds) {
        fprintf(out, "Not measured: %s.\n", json_text(sets, "refused"));
        return;
    }
    fprintf(out, "What a lookup adds to a run of a tc program, in ns: of a member, of something else.\n\n"
                 "| set of | members | found | not | members | found | not | members | found | not |\n"
                 "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const json_t *kind = json_array_get(kinds, i), *sizes = json_object_get(kind, "sizes");

        fprintf(out, "| %s |", json_text(kind, "name"));
        for (size_t k = 0; k < json_array_size(sizes); k++) {
            const json_t *size = json_array_get(sizes, k);
            fprintf(out, " %lld | %.0f | %.0f |", json_number(size, "members", 0),
                    json_real_value(json_object_get(size, "found")),
                    json_real_value(json_object_get(size, "not_found")));
        }
        fprintf(out, "\n");
    }
}

/* "model name" of the first processor. */
static void processor(char *out, size_t size)
{
    char line[256];
    unsigned count = 0;
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "unknown processor");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon && count++ == 0)
            snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (f)
        fclose(f);
    size_t used = strlen(out);
    snprintf(out + used, size - used, ", %u processors", count);
}

static bool write_results(const char *path, const json_t *all)
{
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        return false;
    }
    fprintf(out,
            "# Benchmark results\n\n"
            "Written by `make bench` (%s) on %s: %s, %s, beside %s.\n"
            "Executed instructions and packet loads are counted by an interpreter over the shared captures, "
            "retired\n"
            "instructions by callgrind; both are exact. Times are CPU time, the median of runs of both "
            "compilers in turn, on a machine\n"
            "that may have been busy. Memory is the peak resident set of a process that compiles one filter. "
            "`BENCH_FULL=1` adds\n"
            "what takes long.\n\n## Compile cost\n\n",
            bench_full() ? "in full" : "short form", json_text(all, "date"), json_text(all, "processor"),
            json_text(all, "system"), json_text(all, "libpcap"));
    write_cost(out, json_object_get(all, "cost"));
    fprintf(out, "## Programs\n\n");
    write_quality(out, json_object_get(all, "quality"));
    fprintf(out, "## Lists\n\n");
    write_lists(out, json_object_get(all, "lists"));
    fprintf(out, "\n## Costliest filters found\n\n");
    write_hostile(out, json_object_get(all, "hostile"));
    fprintf(out, "\n## eBPF in the kernel\n\n");
    write_ebpf(out, json_object_get(all, "ebpf"));
    fprintf(out, "## Named sets\n\n");
    write_sets(out, json_object_get(all, "sets"));
    return fclose(out) == 0;
}

int main(int argc, char **argv)
{
    static const char *const part[] = {"cost", "lists", "quality", "../bench-ebpf", "hostile", "sets"};
    char path[4096], date[32], cpu[160], system_name[256];
    struct utsname u;
    time_t now = time(NULL);
    json_t *all = json_object();
    if (argc < 1)
        return 2;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    processor(cpu, sizeof cpu);
    bool known = uname(&u) == 0; /* the version without what the builder of the kernel added */
    snprintf(system_name, sizeof system_name, "%s %.*s %s", known ? u.sysname : "",
             known ? (int)strcspn(u.release, "-") : 0, u.release, known ? u.machine : "");
    json_object_set_new(all, "date", json_string(date));
    json_object_set_new(all, "processor", json_string(cpu));
    json_object_set_new(all, "system", json_string(system_name));
    json_object_set_new(all, "libpcap", json_string(pcap_lib_version()));
    json_object_set_new(all, "weir", json_string(weir_version()));
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        char file[64];
        json_error_t error;
        snprintf(file, sizeof file, "%s.json", part[i]);
        json_t *one = json_load_file(bench_path(argv[0], file, path, sizeof path), 0, &error);
        if (!one) {
            printf("summary: no results of %s\n", part[i]);
            one = json_object();
        }
        json_object_set_new(all, i == 3 ? "ebpf" : part[i], one);
    }
    bool ok = write_results("bench/RESULTS.md", all);
    ok = bench_save(argv[0], "../bench", all) && ok;
    char *where = realpath(bench_path(argv[0], "../bench.json", path, sizeof path), NULL);
    printf("\nResults: bench/RESULTS.md and %s\n", where ? where : path);
    free(where);
    return ok ? 0 : 2;
}
