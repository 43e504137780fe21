/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/lists.c - long lists: compile time, memory, length, what a packet costs, and whether the kernel takes
 * it.
 *
 * Kinds of lists are rows of filters/lists.tsv: how terms are joined, a term, and which fields of a packet
 * make a term true. In a term {a} and {b} are IPv4 addresses, {n} a network of /16 to /24, {s} one of /24,
 * {p} and {q} ports, {h} an IPv6 address and {m} a MAC address, all random and the same in every run. libpcap
 * runs beside where it takes less than a second (five with BENCH_FULL=1).
 *
 * `lists --memory weir|pcap FILE` compiles FILE and is how memory is measured: a process of its own, whose
 * peak is compared with that of an empty file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backends/cbpf/cbpf.h"
#include "bench/bench.h"
#include "bench/packets.h"

enum {
    COLUMNS = 4,
    PACKETS = 500,
    ROUNDS_MIN = 3,
    ROUNDS_MAX = 9,
    PORTS = 65536,
    PORTS_LISTED_MAX = 20000, /* more random ports are nearly all of them */
    PCAP_SECONDS = 1,         /* of CPU, for one list */
    PCAP_SECONDS_FULL = 5,    /* with BENCH_FULL */
    MEMORY_RUNS = 3,          /* one where a compile is slow, which is steady enough */
};

#define ROUND_SECONDS    0.4 /* of rounds of one list */
#define PATIENCE_SECONDS 2.5 /* for one compile, unless BENCH_FULL */
#define SLOW_SECONDS     0.2

static const uint32_t sizes[] = {10, 100, 200, 500, 1000, 10000, 100000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

struct kind {
    const char *name, *join, *term, *places;
};

/* One alternative's values. */
struct term {
    uint32_t a, b, net, prefix;
    uint16_t p, q;
    uint8_t h[16], m[6];
};

/* Executed instructions of packets. */
struct executed {
    uint64_t sum, loads, max, packets;
};

struct result {
    uint32_t n;
    int status; /* of weir_compile() */
    double seconds, pcap_seconds;
    long kilobytes, pcap_kilobytes; /* more than an empty filter */
    uint32_t length, loads, worst, pcap_length;
    struct executed hit, miss, other, pcap_hit, pcap_miss;
    unsigned wrong;          /* verdicts */
    int attach, pcap_attach; /* errno */
    bool has_pcap;
    char why[160]; /* when weir refuses */
};

static unsigned pcap_seconds(void)
{
    return bench_full() ? PCAP_SECONDS_FULL : PCAP_SECONDS;
}

/* ---------------------------------------------------------------- lists */

static uint16_t port_at[PORTS];

static void shuffle_ports(void)
{
    struct rng r = {7};
    for (uint32_t i = 0; i < PORTS; i++)
        port_at[i] = (uint16_t)i;
    for (uint32_t i = PORTS - 1; i > 0; i--) {
        uint32_t k = rng_below(&r, i + 1);
        uint16_t t = port_at[i];
        port_at[i] = port_at[k];
        port_at[k] = t;
    }
}

static struct term term_at(uint32_t i)
{
    struct rng r = {UINT64_C(0x5eed) << 32 | i};
    struct term t;
    t.a = 0x01000000u + rng_below(&r, 0xdeffffffu);
    t.b = 0x01000000u + rng_below(&r, 0xdeffffffu);
    t.prefix = 16 + rng_below(&r, 9);
    t.net = t.a & ~(UINT32_MAX >> t.prefix);
    t.p = port_at[i % PORTS];
    t.q = (uint16_t)(1 + rng_below(&r, 65535));
    rng_bytes(&r, t.h, sizeof t.h);
    flow_put32(t.h, 0x20010db8 + rng_below(&r, 4));
    rng_bytes(&r, t.m, sizeof t.m);
    t.m[0] &= 0xfe;
    return t;
}

static void print_address(struct strbuf *out, uint32_t a)
{
    strbuf_printf(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void print_value(struct strbuf *out, const struct term *t, char which)
{
    switch (which) {
    case 'a':
        print_address(out, t->a);
        break;
    case 'b':
        print_address(out, t->b);
        break;
    case 'n':
        print_address(out, t->net);
        strbuf_printf(out, "/%u", t->prefix);
        break;
    case 's':
        print_address(out, t->a & ~255u);
        strbuf_puts(out, "/24");
        break;
    case 'p':
        strbuf_printf(out, "%u", t->p);
        break;
    case 'q':
        strbuf_printf(out, "%u", t->q);
        break;
    case 'h':
        for (int i = 0; i < 16; i += 2)
            strbuf_printf(out, "%s%x", i ? ":" : "", (unsigned)(t->h[i] << 8 | t->h[i + 1]));
        break;
    case 'm':
        for (int i = 0; i < 6; i++)
            strbuf_printf(out, "%s%02x", i ? ":" : "", t->m[i]);
        break;
    default:
        fprintf(stderr, "lists.tsv: {%c} is not a value\n", which);
        exit(2);
    }
}

/* The whole filter; release @out. */
static void print_list(struct strbuf *out, const struct kind *k, uint32_t n)
{
    strbuf_init(out, &allocator_system);
    for (uint32_t i = 0; i < n; i++) {
        struct term t = term_at(i);
        if (i)
            strbuf_printf(out, " %s ", k->join);
        for (const char *c = k->term; *c; c++) {
            if (*c == '{' && c[1] && c[2] == '}') {
                print_value(out, &t, c[1]);
                c += 2;
            } else {
                strbuf_put(out, c, 1);
            }
        }
    }
    if (out->failed || !out->text)
        exit(2);
}

static bool is_negated(const struct kind *k)
{
    return strcmp(k->join, "and") == 0;
}

/* ---------------------------------------------------------------- packets */

static uint32_t address_of(const struct term *t, char which, struct rng *r)
{
    if (which == 'a' || which == 'b')
        return which == 'a' ? t->a : t->b;
    return which == 's' ? (t->a & ~255u) | rng_below(r, 256)
                        : t->net | (rng_below(r, UINT32_MAX) & (UINT32_MAX >> t->prefix));
}

/* One `field=value` of a place. */
static void set_field(struct flow *f, const char *text, const struct term *t, struct rng *r)
{
    const char *value = strchr(text, '=');
    char field[8] = "", which = value ? value[1] : '\0';
    snprintf(field, sizeof field, "%.*s", value ? (int)(value - text) : 0, text);
    if (strcmp(field, "src") == 0)
        f->src = address_of(t, which, r);
    else if (strcmp(field, "dst") == 0)
        f->dst = address_of(t, which, r);
    else if (strcmp(field, "sport") == 0)
        f->sport = which == 'p' ? t->p : t->q;
    else if (strcmp(field, "dport") == 0)
        f->dport = which == 'p' ? t->p : t->q;
    else if (strcmp(field, "src6") == 0)
        memcpy(f->src6, t->h, 16);
    else if (strcmp(field, "dst6") == 0)
        memcpy(f->dst6, t->h, 16);
    else if (strcmp(field, "smac") == 0)
        memcpy(f->smac, t->m, 6);
    else if (strcmp(field, "dmac") == 0)
        memcpy(f->dmac, t->m, 6);
    else
        fprintf(stderr, "lists.tsv: no field %s\n", text);
}

/* A packet that one term, somewhere in the list, is true for. */
static struct flow flow_in_list(const struct kind *k, uint32_t n, uint32_t i, struct rng *r)
{
    struct flow f = flow_random(r);
    struct term t = term_at(rng_below(r, n));
    unsigned places = 1, skip;
    const char *place = k->places;
    for (const char *c = place; *c; c++)
        places += *c == ' ';
    for (skip = i % places; skip; skip--)
        place = strchr(place, ' ') + 1;
    for (const char *c = place; *c && *c != ' '; c++)
        if (c == place || c[-1] == ',')
            set_field(&f, c, &t, r);
    if (strchr(k->term, 'h') && strstr(k->term, "{h}"))
        f.kind = FLOW_IP6;
    return f;
}

static uint32_t run(const struct program *p, const struct flow *f, struct executed *e)
{
    uint8_t bytes[FLOW_BYTES];
    struct packet packet = {.bytes = bytes, .caplen = sizeof bytes, .wirelen = sizeof bytes};
    struct vm_counts c = {0};
    flow_build(f, bytes);
    uint32_t verdict = cbpf_run(p->at, p->n, &packet, &c);
    if (e) {
        e->sum += c.instructions;
        e->loads += c.loads;
        e->packets++;
        if (c.instructions > e->max)
            e->max = c.instructions;
    }
    return verdict;
}

/* @wrong counts packets of the list that got a stranger's verdict. */
static void run_packets(const struct kind *k, uint32_t n, const struct program *p, struct executed *hit,
                        struct executed *miss, struct executed *other, unsigned *wrong)
{
    struct rng r = {11};
    bool negated = is_negated(k), v6 = strstr(k->term, "{h}") != NULL;
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct flow f = flow_in_list(k, n, i, &r);
        if ((run(p, &f, hit) != 0) == negated && wrong)
            (*wrong)++;
        /* Random packets may be in the list too, when it is long: those are passed over. */
        f = flow_random(&r);
        if (v6) {
            f.kind = FLOW_IP6;
            flow_put32(f.src6, 0x20010db8);
        }
        if ((run(p, &f, NULL) != 0) == negated)
            run(p, &f, miss);
        f.kind = i % 3 == 0 ? FLOW_ARP : i % 3 == 1 ? FLOW_IP6 : FLOW_IP;
        f.protocol = PROTO_UDP;
        if (other)
            run(p, &f, other);
    }
}

/* ---------------------------------------------------------------- the kernel */

/* 0, or the errno of SO_ATTACH_FILTER. */
static int attach(const struct program *p)
{
    struct sock_fprog program = {(unsigned short)p->n, (struct sock_filter *)(void *)p->at};
    int s = socket(AF_UNIX, SOCK_DGRAM, 0), rc = 0;
    if (p->n > UINT16_MAX)
        rc = E2BIG;
    else if (s < 0 || setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        rc = errno;
    if (s >= 0)
        close(s);
    return rc;
}

static const char *attach_text(int rc)
{
    return rc == 0        ? "yes"
           : rc == ENOMEM ? "ENOMEM"
           : rc == EINVAL ? "EINVAL"
           : rc == E2BIG  ? "len"
                          : strerror(rc);
}

/* ---------------------------------------------------------------- memory */

/*
 * A process that only compiles @path; its peak resident set in kB, or -1. The process says it itself: what
 * wait4(2) gives is also the peak of the process it was before exec, which is this one's size.
 */
static long peak_of(const char *argv0, const char *compiler, const char *path)
{
    int status, ends[2];
    char text[32] = "";
    if (pipe(ends) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {3 * pcap_seconds(), 3 * pcap_seconds() + 1};
        if (strcmp(compiler, "pcap") == 0)
            setrlimit(RLIMIT_CPU, &limit);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl(argv0, argv0, "--memory", compiler, path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || got <= 0)
        return -1;
    return strtol(text, NULL, 10);
}

static bool compile_mapped(const char *compiler, const char *text, size_t len)
{
    if (strcmp(compiler, "weir") == 0) {
        struct weir *cx;
        struct weir_program *p;
        return weir_new(NULL, &cx) >= 0 && weir_compile(cx, text, len, NULL, &p) >= 0;
    }
    struct bpf_program p;
    pcap_t *handle = pcap_open_dead(DLT_EN10MB, WEIR_SNAPLEN_DEFAULT);
    return handle && pcap_compile(handle, &p, text, 1, PCAP_NETMASK_UNKNOWN) == 0;
}

static int memory_main(const char *compiler, const char *path)
{
    char line[128];
    long peak = -1;
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return 1;
    /* Both the empty filter and the list read a mapped file, so that only the compiler's memory differs. */
    const char *text = st.st_size ? mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0) : "";
    if (text == MAP_FAILED || !compile_mapped(compiler, text, (size_t)st.st_size))
        return 1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            peak = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    printf("%ld\n", peak);
    return 0;
}

static bool write_text(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(text, 1, len, f) == len;
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok)
        perror(path);
    return ok;
}

/* Median peak, more than an empty filter's. */
static long memory_of(const char *argv0, const char *compiler, const struct strbuf *text, bool slow)
{
    char path[4096], empty[4096];
    double more[MEMORY_RUNS];
    size_t runs = slow ? 1 : MEMORY_RUNS;
    bench_path(argv0, "list.txt", path, sizeof path);
    bench_path(argv0, "empty.txt", empty, sizeof empty);
    if (!write_text(path, text->text, text->len) || !write_text(empty, "", 0))
        return -1;
    for (size_t i = 0; i < runs; i++) {
        long full = peak_of(argv0, compiler, path), none = peak_of(argv0, compiler, empty);
        if (full < 0 || none < 0)
            return -1;
        more[i] = (double)(full - none);
    }
    return (long)bench_median(more, runs);
}

/* ---------------------------------------------------------------- time */

static double time_weir(struct weir *cx, const struct strbuf *text, int *status)
{
    struct weir_program *p = NULL;
    double start = bench_cpu();
    *status = weir_compile(cx, text->text, text->len, NULL, &p);
    double spent = bench_cpu() - start;
    if (*status >= 0)
        weir_program_free(p);
    return spent;
}

static double time_pcap(pcap_t *handle, const struct strbuf *text)
{
    struct bpf_program p;
    double start = bench_cpu();
    int rc = pcap_compile(handle, &p, text->text, 1, PCAP_NETMASK_UNKNOWN);
    double spent = bench_cpu() - start;
    if (rc == 0)
        pcap_freecode(&p);
    return spent;
}

/* Does libpcap compile it within its seconds of CPU, and without dying? */
static bool pcap_can(const struct strbuf *text)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit cpu = {pcap_seconds(), pcap_seconds() + 1}, core = {0, 0};
        struct bpf_program p;
        setrlimit(RLIMIT_CPU, &cpu);
        setrlimit(RLIMIT_CORE, &core);
        pcap_t *handle = pcap_open_dead(DLT_EN10MB, WEIR_SNAPLEN_DEFAULT);
        _exit(!handle || pcap_compile(handle, &p, text->text, 1, PCAP_NETMASK_UNKNOWN) != 0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Rounds of both compilers in turn. */
static void time_both(const struct strbuf *text, struct result *out)
{
    double weir[ROUNDS_MAX], pcap[ROUNDS_MAX], spent = 0;
    struct weir *cx;
    size_t rounds = 0, pcap_rounds = 0;
    pcap_t *handle = pcap_open_dead(DLT_EN10MB, WEIR_SNAPLEN_DEFAULT);
    if (!handle || weir_new(NULL, &cx) < 0)
        exit(2);
    /* A first compile warms the caches, for long lists as for short ones: their times are compared. */
    spent = time_weir(cx, text, &out->status);
    while (rounds < ROUNDS_MAX && (rounds < ROUNDS_MIN || spent < ROUND_SECONDS)) {
        spent += weir[rounds++] = time_weir(cx, text, &out->status);
        if (out->has_pcap && (pcap_rounds == 0 || spent < ROUND_SECONDS))
            spent += pcap[pcap_rounds++] = time_pcap(handle, text);
    }
    out->seconds = bench_median(weir, rounds);
    out->pcap_seconds = pcap_rounds ? bench_median(pcap, pcap_rounds) : 0;
    weir_free(cx);
    pcap_close(handle);
}

/* ---------------------------------------------------------------- one list */

static struct result measure(const char *argv0, const struct kind *k, uint32_t n, bool try_pcap)
{
    struct result res = {.n = n};
    struct strbuf text;
    struct program p = {0};
    char why[1024];
    print_list(&text, k, n);
    res.has_pcap = try_pcap && pcap_can(&text);
    time_both(&text, &res);
    if (compile_program(text.text, NULL, &p, why, sizeof why) < 0) {
        snprintf(res.why, sizeof res.why, "%.*s", (int)sizeof res.why - 1, why);
        strbuf_release(&text);
        return res;
    }
    res.length = p.n;
    res.loads = bench_loads(&p);
    res.worst = program_longest_path(&p);
    res.attach = attach(&p);
    run_packets(k, n, &p, &res.hit, &res.miss, &res.other, &res.wrong);
    program_free(&p);
    res.kilobytes = memory_of(argv0, "weir", &text, res.seconds > SLOW_SECONDS);
    if (res.has_pcap &&
        bench_pcap_compile(text.text, DLT_EN10MB, WEIR_SNAPLEN_DEFAULT, true, &p, why, sizeof why)) {
        res.pcap_length = p.n;
        res.pcap_attach = attach(&p);
        run_packets(k, n, &p, &res.pcap_hit, &res.pcap_miss, NULL, NULL);
        res.pcap_kilobytes = memory_of(argv0, "pcap", &text, res.pcap_seconds > SLOW_SECONDS);
        program_free(&p);
    }
    strbuf_release(&text);
    return res;
}

static double mean(const struct executed *e)
{
    return e->packets ? (double)e->sum / (double)e->packets : 0;
}

static double mean_loads(const struct executed *e)
{
    return e->packets ? (double)e->loads / (double)e->packets : 0;
}

static void print_header(void)
{
    printf("\nLists. ms: CPU of one compile; MB: peak more than an empty filter; exec: instructions executed "
           "by a packet of the\n"
           "list / another packet (loads in brackets); worst: the longest path; kernel: SO_ATTACH_FILTER.\n");
    printf("%-13s %7s | %9s %8s %8s %7s %15s %15s %5s %-7s | %9s %8s %7s %7s %7s %s\n", "", "terms",
           "weir ms", "us/term", "MB", "length", "exec in list", "exec other", "worst", "kernel", "pcap ms",
           "MB", "length", "in list", "other", "kernel");
}

static void print_result(const struct kind *k, const struct result *r)
{
    if (*r->why) {
        printf("%-13s %7u | %s\n", k->name, r->n, r->why);
        return;
    }
    printf("%-13s %7u | %9.3f %8.3f %8.1f %7u %7.2f [%5.2f] %7.2f [%5.2f] %5u %-7s |", k->name, r->n,
           r->seconds * 1e3, r->seconds * 1e6 / r->n, (double)r->kilobytes / 1024, r->length, mean(&r->hit),
           mean_loads(&r->hit), mean(&r->miss), mean_loads(&r->miss), r->worst, attach_text(r->attach));
    if (r->has_pcap)
        printf(" %9.3f %8.1f %7u %7.1f %7.1f %s", r->pcap_seconds * 1e3, (double)r->pcap_kilobytes / 1024,
               r->pcap_length, mean(&r->pcap_hit), mean(&r->pcap_miss), attach_text(r->pcap_attach));
    else
        printf(" %9s", "-");
    printf(r->wrong ? "  %u WRONG VERDICTS\n" : "\n", r->wrong);
}

static json_t *executed_json(const struct executed *e)
{
    return json_pack("{s:f,s:I,s:f}", "mean", mean(e), "max", (json_int_t)e->max, "loads", mean_loads(e));
}

static json_t *result_json(const struct kind *k, const struct result *r)
{
    json_t *out = json_pack("{s:s,s:i}", "kind", k->name, "terms", (int)r->n);
    if (*r->why) {
        json_object_set_new(out, "refused", json_string(r->why));
        return out;
    }
    json_t *weir = json_pack("{s:f,s:i,s:i,s:i,s:i,s:s,s:o,s:o,s:o,s:i}", "seconds", r->seconds, "kilobytes",
                             (int)r->kilobytes, "length", (int)r->length, "loads", (int)r->loads, "worst",
                             (int)r->worst, "kernel", attach_text(r->attach), "in_list",
                             executed_json(&r->hit), "others", executed_json(&r->miss), "other_protocols",
                             executed_json(&r->other), "wrong_verdicts", (int)r->wrong);
    json_object_set_new(out, "weir", weir);
    if (r->has_pcap)
        json_object_set_new(out, "libpcap",
                            json_pack("{s:f,s:i,s:i,s:s,s:o,s:o}", "seconds", r->pcap_seconds, "kilobytes",
                                      (int)r->pcap_kilobytes, "length", (int)r->pcap_length, "kernel",
                                      attach_text(r->pcap_attach), "in_list", executed_json(&r->pcap_hit),
                                      "others", executed_json(&r->pcap_miss)));
    return out;
}

/* ---------------------------------------------------------------- all kinds */

static size_t load_kinds(const char *path, struct kind *out, size_t max, char **storage)
{
    char *text = *storage = read_file(path, NULL);
    char *line = text ? strchr(text, '\n') : NULL;
    size_t n = 0;
    while (line && line[1] && n < max) {
        const char *column[COLUMNS];
        char *c = ++line;
        line = strchr(c, '\n');
        if (line)
            *line = '\0';
        for (int i = 0; i < COLUMNS; i++) {
            column[i] = c;
            c = c ? strchr(c, '\t') : NULL;
            if (c)
                *c++ = '\0';
        }
        if (!column[COLUMNS - 1]) {
            fprintf(stderr, "%s: a row has not %d columns\n", path, COLUMNS);
            exit(2);
        }
        out[n++] = (struct kind){column[0], column[1], column[2], column[3]};
    }
    return n;
}

static void run_kind(const char *argv0, const struct kind *k, json_t *results)
{
    bool by_port = strstr(k->term, "{p}") && !strstr(k->term, "{a}"), try_pcap = true;
    double weir = 0, pcap = 0;
    uint32_t before = 0;
    for (size_t i = 0; i < SIZES; i++) {
        uint32_t n = sizes[i];
        double growth = before ? (double)n / before : 0;
        if (by_port && n > PORTS_LISTED_MAX)
            break;
        if (weir * growth > PATIENCE_SECONDS && !bench_full()) {
            printf("%-13s %7u | %.2f s for %u terms: too long for now (BENCH_FULL=1 waits)\n", k->name, n,
                   weir, before);
            break;
        }
        /* libpcap is at least quadratic here. */
        try_pcap = try_pcap && pcap * growth * growth < pcap_seconds();
        struct result r = measure(argv0, k, n, try_pcap);
        try_pcap = r.has_pcap;
        print_result(k, &r);
        fflush(stdout);
        json_array_append_new(results, result_json(k, &r));
        weir = r.seconds;
        pcap = r.pcap_seconds;
        before = n;
        if (*r.why)
            break;
    }
}

int main(int argc, char **argv)
{
    struct kind kind[32];
    char *storage;
    if (argc == 4 && strcmp(argv[1], "--memory") == 0)
        return memory_main(argv[2], argv[3]);
    size_t n = load_kinds("bench/filters/lists.tsv", kind, sizeof kind / sizeof kind[0], &storage);
    json_t *results = json_array();
    shuffle_ports();
    print_header();
    for (size_t i = 0; i < n; i++)
        if (argc < 2 || strcmp(argv[1], kind[i].name) == 0)
            run_kind(argv[0], &kind[i], results);
    free(storage);
    return argc >= 1 && bench_save(argv[0], "lists", json_pack("{s:o}", "lists", results)) ? 0 : 2;
}
