/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/cost.c - what one compile costs: retired instructions, by callgrind; and the size of the libraries.
 *
 * For each filter of filters/ordinary.tsv and filters/overlapping.tsv one warm compile of each compiler,
 * optimized, Ethernet: the same context or handle has compiled the filter just before. Instructions of this
 * process alone, C library included; time would be noise at this size.
 *
 * `cost --measure` is the part that runs under valgrind. It dumps callgrind's counters after each compile
 * under the name of the filter and the compiler.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <valgrind/callgrind.h>
#include "bench/bench.h"

enum { LINE = 4096, PATH = 4096 };

/* ---------------------------------------------------------------- under valgrind */

static void measure_weir(struct weir *cx, const struct bench_filter *f)
{
    char label[64];
    struct weir_program *p = NULL;
    for (int warm = 0; warm < 2; warm++) {
        if (warm)
            CALLGRIND_TOGGLE_COLLECT;
        int rc = weir_compile(cx, f->text, strlen(f->text), NULL, &p);
        if (warm)
            CALLGRIND_TOGGLE_COLLECT;
        if (rc >= 0)
            weir_program_free(p);
    }
    snprintf(label, sizeof label, "weir %s", f->name);
    CALLGRIND_DUMP_STATS_AT(label);
}

static void measure_pcap(pcap_t *handle, const struct bench_filter *f)
{
    char label[64];
    struct bpf_program p;
    for (int warm = 0; warm < 2; warm++) {
        if (warm)
            CALLGRIND_TOGGLE_COLLECT;
        int rc = pcap_compile(handle, &p, f->text, 1, PCAP_NETMASK_UNKNOWN);
        if (warm)
            CALLGRIND_TOGGLE_COLLECT;
        if (rc == 0)
            pcap_freecode(&p);
    }
    snprintf(label, sizeof label, "pcap %s", f->name);
    CALLGRIND_DUMP_STATS_AT(label);
}

static int measure_main(const struct bench_filters *list, size_t lists)
{
    struct weir *cx;
    pcap_t *handle = pcap_open_dead(DLT_EN10MB, WEIR_SNAPLEN_DEFAULT);
    if (!handle || weir_new(NULL, &cx) < 0)
        return 2;
    for (size_t l = 0; l < lists; l++)
        for (size_t i = 0; i < list[l].n; i++) {
            measure_weir(cx, &list[l].row[i]);
            measure_pcap(handle, &list[l].row[i]);
        }
    weir_free(cx);
    pcap_close(handle);
    return 0;
}

/* ---------------------------------------------------------------- reading callgrind's dumps */

struct counts {
    char name[32];
    uint64_t weir, pcap;
};

struct table {
    struct counts at[512];
    size_t n;
};

static struct counts *find(struct table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->at[i].name, name) == 0)
            return &t->at[i];
    if (t->n == sizeof t->at / sizeof t->at[0])
        return NULL;
    struct counts *c = &t->at[t->n++];
    *c = (struct counts){.name = ""};
    snprintf(c->name, sizeof c->name, "%s", name);
    return c;
}

/* One dump: its label is in "desc: Trigger: Client Request: LABEL", its sum in "totals: N". */
static void read_dump(const char *path, struct table *t)
{
    char line[LINE], compiler[8] = "", name[32] = "";
    uint64_t total = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *label = strstr(line, "Client Request: ");
        unsigned long long n;
        if (strncmp(line, "desc: Trigger:", 14) == 0 && label)
            sscanf(label, "Client Request: %7s %31s", compiler, name);
        else if (sscanf(line, "summary: %llu", &n) == 1 || sscanf(line, "totals: %llu", &n) == 1)
            total = n;
    }
    if (f)
        fclose(f);
    struct counts *c = *name ? find(t, name) : NULL;
    if (c)
        *(strcmp(compiler, "weir") == 0 ? &c->weir : &c->pcap) = total;
}

/* The dumps of an earlier run, or of this one once they are read, are removed. */
static void for_dumps(const char *argv0, struct table *t)
{
    char dir[PATH], path[2 * PATH];
    DIR *d = opendir(bench_path(argv0, "", dir, sizeof dir));
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, "callgrind.out.", 14) != 0)
            continue;
        snprintf(path, sizeof path, "%s%s", dir, e->d_name);
        if (t)
            read_dump(path, t);
        remove(path);
    }
    if (d)
        closedir(d);
}

/* False when valgrind is not there or fails. */
static bool run_valgrind(const char *argv0)
{
    char out[PATH], option[PATH + 32];
    int status;
    snprintf(option, sizeof option, "--callgrind-out-file=%s",
             bench_path(argv0, "callgrind.out", out, sizeof out));
    pid_t pid = fork();
    if (pid == 0) {
        execlp("valgrind", "valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no",
               "--dump-instr=no", option, argv0, "--measure", (char *)NULL);
        perror("valgrind");
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---------------------------------------------------------------- the libraries */

/* Objects of libpcap.a that the compiler of filters is made of; the rest captures. */
static const char *const pcap_members[] = {
    "gencode.o",    "grammar.o",  "scanner.o",    "optimize.o",
    "nametoaddr.o", "etherent.o", "bpf_filter.o", "bpf_image.o",
};

/* Code and data of @path by size(1), of all members or those named; 0 when it cannot be had. */
static long library_bytes(const char *path, const char *const *member, size_t members)
{
    char command[PATH + 32], line[LINE];
    long sum = 0;
    snprintf(command, sizeof command, "size '%s' 2>/dev/null", path);
    FILE *f = popen(command, "r");
    while (f && fgets(line, sizeof line, f)) {
        long text, data, bss;
        char name[256];
        bool counts = members == 0;
        if (sscanf(line, "%ld %ld %ld %*s %*s %255s", &text, &data, &bss, name) != 4)
            continue;
        for (size_t i = 0; i < members; i++)
            counts |= strcmp(name, member[i]) == 0;
        if (counts)
            sum += text + data + bss;
    }
    if (f)
        pclose(f);
    return sum;
}

static json_t *report_sizes(const char *argv0)
{
    char ours[PATH], dir[PATH] = "/usr/lib", theirs[PATH + 16];
    bench_path(argv0, "../libweir.a", ours, sizeof ours);
    FILE *f = popen("pkg-config --variable=libdir libpcap 2>/dev/null", "r");
    if (f && fgets(dir, sizeof dir, f))
        dir[strcspn(dir, "\n")] = '\0';
    if (f)
        pclose(f);
    snprintf(theirs, sizeof theirs, "%s/libpcap.a", dir);
    long weir = library_bytes(ours, NULL, 0), pcap = library_bytes(theirs, NULL, 0);
    long compiler = library_bytes(theirs, pcap_members, sizeof pcap_members / sizeof pcap_members[0]);
    printf("\nStatic library, code and data: libweir.a %ld bytes, libpcap.a %ld (its filter compiler alone "
           "%ld)\n",
           weir, pcap, compiler);
    return json_pack("{s:I,s:I,s:I}", "libweir", (json_int_t)weir, "libpcap", (json_int_t)pcap,
                     "libpcap_compiler", (json_int_t)compiler);
}

/* ---------------------------------------------------------------- results */

static double report_list(struct table *t, const struct bench_filters *list, const char *title, json_t *out)
{
    struct bench_geomean g = {0};
    unsigned dearer = 0;
    printf("\nRetired instructions of one warm compile, %s filters\n%-4s %-60s %9s %9s %7s\n", title, "", "",
           "weir", "1.10.3", "ratio");
    for (size_t i = 0; i < list->n; i++) {
        const struct bench_filter *f = &list->row[i];
        const struct counts *c = find(t, f->name);
        if (!c || !c->weir || !c->pcap)
            continue;
        double ratio = (double)c->weir / (double)c->pcap;
        printf("%-4s %-60.60s %9llu %9llu %7.3f\n", f->name, f->text, (unsigned long long)c->weir,
               (unsigned long long)c->pcap, ratio);
        bench_geomean_add(&g, ratio);
        dearer += ratio > 1;
        json_array_append_new(out,
                              json_pack("{s:s,s:s,s:s,s:I,s:I}", "name", f->name, "filter", f->text, "list",
                                        title, "weir", (json_int_t)c->weir, "libpcap", (json_int_t)c->pcap));
    }
    printf("geometric mean of %u ratios: %.4f; dearer than libpcap: %u\n", g.n, bench_geomean(&g), dearer);
    return bench_geomean(&g);
}

int main(int argc, char **argv)
{
    static struct table t;
    static const char *const title[] = {"ordinary", "overlapping"};
    struct bench_filters list[2] = {
        bench_filters_load("bench/filters/ordinary.tsv"),
        bench_filters_load("bench/filters/overlapping.tsv"),
    };
    if (argc == 2 && strcmp(argv[1], "--measure") == 0)
        return measure_main(list, 2);
    for_dumps(argv[0], NULL);
    bool counted = run_valgrind(argv[0]);
    for_dumps(argv[0], &t);
    json_t *filters = json_array(), *result = json_pack("{s:o}", "filters", filters);
    if (!counted)
        printf("cost: valgrind did not run, so no instructions were counted\n");
    for (int l = 0; l < 2 && counted; l++) {
        char key[64];
        snprintf(key, sizeof key, "geomean_%s", title[l]);
        json_object_set_new(result, key, json_real(report_list(&t, &list[l], title[l], filters)));
    }
    json_object_set_new(result, "static_bytes", report_sizes(argv[0]));
    for (int l = 0; l < 2; l++)
        bench_filters_free(&list[l]);
    return bench_save(argv[0], "cost", result) ? 0 : 2;
}
