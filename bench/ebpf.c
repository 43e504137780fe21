/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf.c - eBPF programs in the kernel, against classic programs as Linux converts them and C by clang.
 *
 * For each filter of filters/ebpf.tsv: length, bounds checks, what the verifier goes through, machine code,
 * executed instructions and time per packet (ebpf_run.h), for XDP, tc and sockets. Runs of everything that is
 * compared alternate, and the least time counts: the rest is the machine's other work. Where code happens to
 * lie matters as much as what it does, so this is done with several layouts, and their median counts. Where
 * our program is slower than the one by hand, B/bench/ebpf-losses.txt shows both. Needs bpf(2) as root; clang
 * for what is written by hand.
 */
#include <sys/resource.h>
#include "bench/ebpf_classic.h"

enum {
    PASSES = 7,  /* each with another number of copies, so with code that lies otherwise */
    ROUNDS = 20, /* of each pass */
    SAMPLE_NS = 40000,
    TEXT = 32 << 10,
};

/* What takes turns. Each group is compared among itself; its first is what costs nothing. */
enum slot {
    XDP_NULL,
    XDP_WEIR,
    XDP_HAND,
    TC_NULL,
    TC_WEIR,
    TC_HAND,
    SOCKET_NULL,
    SOCKET_WEIR,
    DIRECT_NULL,
    DIRECT_WEIR,
    CLASSIC_NULL,
    CLASSIC_PCAP,
    CLASSIC_WEIR,
    CLASSIC_TUNED, /* ours, with --tune kernel */
    SLOTS,
};

static const struct group {
    const char *name;
    enum slot null, end;
} group[] = {
    {"xdp", XDP_NULL, TC_NULL},           {"tc", TC_NULL, SOCKET_NULL},
    {"socket", SOCKET_NULL, DIRECT_NULL}, {"direct", DIRECT_NULL, CLASSIC_NULL},
    {"classic", CLASSIC_NULL, SLOTS},
};
enum { GROUPS = sizeof group / sizeof group[0], CLASSIC = GROUPS - 1 };

struct row {
    const char *name, *text; /* text: as in the file */
    char *filter;
    uint32_t hosts, mask; /* of a list: its terms, and what of an address each compares */
    struct shots shots;
    struct program plain[TARGETS]; /* what says which packets match */
    struct ebpf_program weir[TARGETS], hand[TARGETS];
    struct classic classic[SLOTS - CLASSIC_PCAP];
    uint32_t copies[PASSES][GROUPS], repeat[GROUPS][SHOTS_MAX];
    int fd[SLOTS];     /* of the programs that take turns; -1: not there */
    bool there[SLOTS]; /* it was */
    double sample[SLOTS][SHOTS_MAX][PASSES][ROUNDS];
    double ns[SLOTS][SHOTS_MAX], least[SLOTS][SHOTS_MAX]; /* median and least of the passes */
};

static struct classic classic_null;
static int null_fd[TARGETS][COPIES_MAX + 1]; /* + 1, so 0 is none */
static struct run_space space;
static bool absent[TARGETS]; /* this kernel is too old for them */
static unsigned wrong;       /* verdicts */

/* ---------------------------------------------------------------- making the programs */

/* `{N hosts}` and `{N nets}`, of 24 bits, are lists; everything else a filter. */
static bool expand(struct row *r)
{
    r->filter = malloc(TEXT);
    if (!r->filter)
        return false;
    char what[6] = "";
    bool list = sscanf(r->text, "{%u %5[a-z]}", &r->hosts, what) == 2 && r->hosts <= HOSTS_MAX;
    if (!list) {
        r->hosts = 0;
        snprintf(r->filter, TEXT, "%s", r->text);
        return true;
    }
    bool nets = !strcmp(what, "nets");
    r->mask = nets ? 0xffffff00 : UINT32_MAX;
    size_t at = 0;
    for (uint32_t i = 0; i < r->hosts; i++) {
        uint32_t a = shots_host(i) & r->mask;
        at += (size_t)snprintf(r->filter + at, TEXT - at, "%s%s %u.%u.%u.%u%s", i ? " or " : "",
                               nets ? "net" : "host", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255,
                               nets ? "/24" : "");
    }
    return true;
}

/* Two hosts may lie in one network, and a switch takes a case once. */
static bool listed_before(const struct row *r, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (((shots_host(j) ^ shots_host(i)) & r->mask) == 0)
            return true;
    return false;
}

static bool by_hand(struct row *r, const struct bench_target *t, struct ebpf_program *p, const char *dir)
{
    char defines[4200] = "", path[4400];
    if (!r->hosts)
        return program_of_clang(p, t, r->name, defines, dir);
    snprintf(path, sizeof path, "%s/%s.h", dir, r->name);
    FILE *f = fopen(path, "w");
    for (uint32_t i = 0; f && i < r->hosts; i++)
        if (!listed_before(r, i))
            fprintf(f, "HOST(0x%08xu)\n", shots_host(i) & r->mask);
    if (!f || fclose(f))
        return false;
    char *here = realpath(path, NULL); /* clang looks beside the source */
    snprintf(defines, sizeof defines, "-DMASK=0x%08xu -DHOSTS='\"%.4100s\"'", r->mask, here ? here : "");
    free(here);
    return program_of_clang(p, t, "hosts", defines, dir);
}

static struct classic *classic_at(struct row *r, unsigned slot)
{
    return slot == CLASSIC_NULL ? &classic_null : &r->classic[slot - CLASSIC_PCAP];
}

static struct classic classic_of(const struct row *r, unsigned slot)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct program p = {.n = 0};
    char why[256];
    bool ok;
    o.tune = slot == CLASSIC_TUNED ? WEIR_TUNE_KERNEL : WEIR_TUNE_SPEED;
    if (slot != CLASSIC_PCAP)
        ok = compile_program(r->filter, &o, &p, why, sizeof why) >= 0;
    else /* its time grows with the square of the hosts; Linux would refuse 1,000 of them anyway */
        ok = r->hosts < 1000 &&
             bench_pcap_compile(r->filter, 1, WEIR_SNAPLEN_DEFAULT, true, &p, why, sizeof why);
    uint32_t copies = ok && p.n ? BPF_MAXINSNS / p.n : 0;
    if (!ok)
        p.n = 0;
    return classic_open(p, copies > CLASSIC_COPIES_MAX ? CLASSIC_COPIES_MAX : copies);
}

static void close_copies(struct row *r, unsigned t)
{
    for (unsigned s = group[t].null + 1; s < group[t].end; s++) {
        if (r->fd[s] >= 0)
            close(r->fd[s]);
        r->fd[s] = -1;
    }
}

static bool load_copies_of(struct row *r, unsigned t, uint32_t copies)
{
    struct ebpf_program *p[] = {&r->weir[t], &r->hand[t]};
    bool ok = true;
    if (!null_fd[t][copies])
        null_fd[t][copies] = run_load_null(&bench_target[t], copies) + 1;
    r->fd[group[t].null] = null_fd[t][copies] - 1;
    for (unsigned i = 0; i < 2; i++)
        if (p[i]->verified) {
            int fd = run_load(&bench_target[t], p[i]->insn, p[i]->n, p[i]->hot, copies);
            ok = ok && fd >= 0;
            r->fd[group[t].null + 1 + i] = fd < 0 ? -1 : fd;
        }
    return ok;
}

/* What takes turns in pass @pass: as many copies of each program of target @t as fit, and all of them load
 * with. */
static void load_copies(struct row *r, unsigned t, unsigned pass)
{
    struct ebpf_program *p[] = {&r->weir[t], &r->hand[t]};
    uint32_t jited = 1;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t bytes = p[i]->n ? (uint32_t)((uint64_t)p[i]->jited * p[i]->hot / p[i]->n) : 0;
        jited = bytes > jited ? bytes : jited;
    }
    uint32_t k = run_copies_for(jited), step = k / 16 ? k / 16 : 1;
    k = k > pass * step ? k - pass * step : 1;
    for (; k; k /= 2) {
        if (load_copies_of(r, t, k))
            break;
        close_copies(r, t);
    }
    r->copies[pass][t] = k;
}

/* False when we ourselves fail; the rest may be missing. */
static bool make(struct row *r, bool clang, const char *dir)
{
    char why[256];
    bool ok = expand(r);
    for (unsigned s = 0; s < SLOTS; s++)
        r->fd[s] = -1;
    r->shots = shots_make(r->hosts);
    for (unsigned t = 0; ok && t < TARGETS; t++) {
        const struct bench_target *target = &bench_target[t];
        struct weir_options o = WEIR_OPTIONS_INIT;
        o.optimize = 0;
        o.live = target->live;
        r->weir[t] = (struct ebpf_program){.target = target, .map = -1};
        ok = compile_program(r->filter, &o, &r->plain[t], why, sizeof why) >= 0;
        ok = ok && (absent[t] || program_of_weir(&r->weir[t], target, r->filter, true));
        r->hand[t].target = target;
        r->hand[t].map = -1;
        if (ok && clang && target->clang_flag && !by_hand(r, target, &r->hand[t], dir))
            fprintf(stderr, "%s: %s\n", r->name, r->hand[t].why);
        if (!ok)
            fprintf(stderr, "%s, %s: %s\n", r->name, target->name, r->weir[t].why);
        else
            for (unsigned i = 0; i < 2; i++) {
                struct ebpf_program *p = i ? &r->hand[t] : &r->weir[t];
                p->hot = p->n ? run_hot(p, &space, &r->shots) : 0;
            }
    }
    if (ok) {
        r->fd[CLASSIC_NULL] = 0;
        for (unsigned s = CLASSIC_PCAP; s < SLOTS; s++) {
            *classic_at(r, s) = classic_of(r, s);
            r->there[s] = classic_at(r, s)->there;
            r->fd[s] = r->there[s] ? 0 : -1;
        }
    }
    return ok;
}

static void release(struct row *r)
{
    for (unsigned t = 0; t < TARGETS; t++) {
        program_free(&r->plain[t]);
        program_release(&r->weir[t]);
        program_release(&r->hand[t]);
    }
    for (unsigned s = CLASSIC_PCAP; s < SLOTS; s++)
        classic_close(classic_at(r, s));
    free(r->filter);
}

/* ---------------------------------------------------------------- time */

static double time_once(struct row *r, unsigned g, unsigned slot, const struct shot *s, uint32_t repeat,
                        uint32_t *verdict)
{
    if (g != CLASSIC)
        return run_time(&bench_target[g], r->fd[slot], s->bytes, s->n, repeat, verdict);
    return classic_time(classic_at(r, slot), s->bytes, s->n, repeat);
}

/* Repetitions for each group and packet; and whether the programs say what the plain classic one says. */
static void prepare(struct row *r)
{
    for (unsigned g = 0; g < GROUPS; g++)
        for (size_t i = 0; i < r->shots.n; i++) {
            const struct shot *s = &r->shots.at[i];
            double slowest = 1;
            for (unsigned slot = group[g].null; slot < group[g].end; slot++) {
                uint32_t verdict = 0;
                if (r->fd[slot] < 0)
                    continue;
                double ns = time_once(r, g, slot, s, 100, &verdict);
                slowest = ns > slowest ? ns : slowest;
                if (g == CLASSIC || slot == group[g].null)
                    continue;
                struct packet p = {.bytes = s->bytes, .caplen = s->n, .wirelen = s->n};
                struct vm_counts counts = {0};
                bool want = cbpf_run(r->plain[g].at, r->plain[g].n, &p, &counts) != 0;
                if ((verdict == r->weir[g].on_match) == want && ns >= 0)
                    continue;
                wrong++;
                fprintf(stderr, "%s, %s, %s: '%s' gives %d\n", r->name, group[g].name,
                        slot == group[g].null + 1 ? "weir" : "by hand", s->name, (int)verdict);
            }
            double repeat = SAMPLE_NS / slowest;
            r->repeat[g][i] = repeat < 10 ? 10 : repeat > 1000 ? 1000 : (uint32_t)repeat;
        }
}

static void take_samples(struct row *r, unsigned pass)
{
    for (unsigned t = 0; t < TARGETS; t++)
        load_copies(r, t, pass);
    run_dispatch(&r->fd[XDP_NULL]);
    if (pass == 0)
        prepare(r);
    for (unsigned g = 0; g < GROUPS; g++)
        for (size_t i = 0; i < r->shots.n; i++)
            for (unsigned round = 0; round < ROUNDS; round++)
                for (unsigned slot = group[g].null; slot < group[g].end; slot++) {
                    uint32_t verdict;
                    if (r->fd[slot] >= 0)
                        r->sample[slot][i][pass][round] =
                            time_once(r, g, slot, &r->shots.at[i], r->repeat[g][i], &verdict);
                }
    for (unsigned t = 0; t < TARGETS; t++)
        for (unsigned slot = group[t].null + 1; slot < group[t].end; slot++)
            r->there[slot] = r->fd[slot] >= 0;
    for (unsigned t = 0; t < TARGETS; t++)
        close_copies(r, t);
}

static double least_of(const double *v)
{
    double least = v[0];
    for (unsigned i = 1; i < ROUNDS; i++)
        least = v[i] < least ? v[i] : least;
    return least;
}

static void evaluate(struct row *r)
{
    for (unsigned g = 0; g < GROUPS; g++)
        for (size_t i = 0; i < r->shots.n; i++)
            for (unsigned slot = group[g].null + 1; slot < group[g].end; slot++) {
                double net[PASSES];
                for (unsigned pass = 0; pass < PASSES && r->there[slot]; pass++) {
                    double copies = g == CLASSIC ? classic_at(r, slot)->copies : r->copies[pass][g];
                    net[pass] =
                        (least_of(r->sample[slot][i][pass]) - least_of(r->sample[group[g].null][i][pass])) /
                        copies;
                }
                if (!r->there[slot])
                    continue;
                r->ns[slot][i] = bench_median(net, PASSES);
                r->least[slot][i] = net[0];
            }
}

/* Over the packets of the row; negative: not there. */
static double mean(struct row *r, unsigned slot, double (*of)[SHOTS_MAX])
{
    double sum = 0;
    for (size_t i = 0; i < r->shots.n; i++)
        sum += of[slot][i];
    return r->there[slot] ? sum / (double)r->shots.n : -1;
}

/* ---------------------------------------------------------------- results */

struct side {
    const struct ebpf_program *program;
    double executed, taken; /* means of instructions and taken jumps; negative: not known */
    double ns, least;
};

static struct side side_of(struct row *r, unsigned t, bool hand)
{
    struct side s = {.program = hand ? &r->hand[t] : &r->weir[t]};
    unsigned slot = group[t].null + 1 + hand;
    if (hand && !bench_target[t].clang_flag)
        return (struct side){s.program, -1, -1, -1, -1};
    s.ns = mean(r, slot, r->ns);
    s.least = mean(r, slot, r->least);
    struct run_counts c = {.executed = 0};
    bool known = s.program->n != 0;
    for (size_t i = 0; i < r->shots.n && known; i++)
        known = run_count(s.program, &space, r->shots.at[i].bytes, r->shots.at[i].n, &c);
    s.executed = known ? (double)c.executed / (double)r->shots.n : -1;
    s.taken = known ? (double)c.taken / (double)r->shots.n : -1;
    return s;
}

static void print_number(double v, int width, int digits)
{
    if (v < 0)
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, digits, v);
}

static void print_side(const struct side *s)
{
    const struct ebpf_program *p = s->program;
    if (!p->n) {
        printf(" | %43s", "-");
        return;
    }
    printf(" | %5u %3u %6u %6u", p->n, p->checks, p->verified, p->jited);
    print_number(s->executed, 6, 1);
    print_number(s->taken, 4, 1);
    print_number(s->ns, 6, 2);
}

static json_t *json_of_side(struct row *r, unsigned slot, const struct side *s)
{
    const struct ebpf_program *p = s->program;
    json_t *packets = json_array();
    if (!p->n || !r->there[slot]) {
        json_decref(packets);
        return json_null();
    }
    for (size_t i = 0; i < r->shots.n; i++)
        json_array_append_new(packets, json_real(r->ns[slot][i]));
    json_t *o = json_pack("{s:i, s:i, s:i, s:i, s:f, s:f, s:o}", "instructions", (int)p->n, "bounds_checks",
                          (int)p->checks, "verified", (int)p->verified, "jited_bytes", (int)p->jited, "ns",
                          s->ns, "ns_least", s->least, "ns_by_packet", packets);
    if (p->hot < p->n)
        json_object_set_new(o, "instructions_reached", json_integer(p->hot));
    if (s->executed >= 0) {
        json_object_set_new(o, "executed", json_real(s->executed));
        json_object_set_new(o, "jumps_taken", json_real(s->taken));
    }
    return o;
}

static json_t *json_of_classic(struct row *r, unsigned slot)
{
    const struct classic *c = classic_at(r, slot);
    if (!c->there)
        return json_null();
    return json_pack("{s:i, s:i, s:f, s:f}", "instructions", (int)c->program.n, "ebpf_instructions",
                     (int)c->insns, "ns", mean(r, slot, r->ns), "ns_least", mean(r, slot, r->least));
}

static char *listing_of(const struct ebpf_program *p)
{
    struct strbuf s;
    strbuf_init(&s, &allocator_system);
    ebpf_print_listing(p->insn, p->n, NULL, NULL, NULL, &s);
    return s.text;
}

/* Both programs, line by line. */
static void write_loss(FILE *out, struct row *r, unsigned t, const struct side *w, const struct side *h)
{
    char *left = listing_of(w->program), *right = listing_of(h->program);
    const char *a = left ? left : "", *b = right ? right : "";
    fprintf(out,
            "## %s, %s: %s\n\n%.2f ns against %.2f (%.2f); executed %.1f against %.1f, jumps taken\n%.1f "
            "against %.1f; by packet:\n",
            bench_target[t].name, r->name, r->text, w->ns, h->ns, w->ns / h->ns, w->executed, h->executed,
            w->taken, h->taken);
    for (size_t i = 0; i < r->shots.n; i++)
        fprintf(out, "  %-24s %6.2f %6.2f\n", r->shots.at[i].name, r->ns[group[t].null + 1][i],
                r->ns[group[t].null + 2][i]);
    fprintf(out, "\n");
    for (unsigned line = 0; (*a || *b) && line < 120; line++) {
        int na = (int)strcspn(a, "\n"), nb = (int)strcspn(b, "\n");
        fprintf(out, "%-44.*s | %.*s\n", na, a, nb, b);
        a += na + (a[na] == '\n');
        b += nb + (b[nb] == '\n');
    }
    fprintf(out, "%s\n", *a || *b ? "...\n" : "");
    mem_free(&allocator_system, left);
    mem_free(&allocator_system, right);
}

struct totals {
    struct bench_geomean hand[TARGETS], classic[TARGETS];
    struct bench_geomean tuned; /* our classic programs with --tune kernel, to libpcap's */
    unsigned losses, compared;
};

static json_t *report_target(struct row *r, unsigned t, struct totals *sum, FILE *losses)
{
    struct side w = side_of(r, t, false), h = side_of(r, t, true);
    double pcap = mean(r, CLASSIC_PCAP, r->ns), ours = mean(r, CLASSIC_WEIR, r->ns);
    double classic = pcap >= 0 ? pcap : ours;
    json_t *o =
        json_pack("{s:i, s:o, s:o}", "copies", (int)r->copies[0][t], "weir",
                  json_of_side(r, group[t].null + 1, &w), "clang", json_of_side(r, group[t].null + 2, &h));
    printf("%-10s %-6s", r->name, bench_target[t].name);
    print_side(&w);
    print_side(&h);
    printf(" |");
    print_number(h.ns > 0 ? w.ns / h.ns : -1, 5, 2);
    print_number(classic > 0 && w.ns > 0 ? classic / w.ns : -1, 6, 1);
    printf("\n");
    if (classic > 0 && w.ns > 0) {
        bench_geomean_add(&sum->classic[t], w.ns / classic);
        json_object_set_new(o, "to_classic", json_real(w.ns / classic));
    }
    if (h.ns > 0) {
        sum->compared++;
        bench_geomean_add(&sum->hand[t], w.ns / h.ns);
        json_object_set_new(o, "to_clang", json_real(w.ns / h.ns));
        if (w.ns > 1.05 * h.ns) {
            sum->losses++;
            write_loss(losses, r, t, &w, &h);
        }
    }
    return o;
}

static json_t *report(struct row *row, size_t n, const char *argv0, bool clang)
{
    char path[4096];
    struct totals sum = {.losses = 0};
    json_t *rows = json_array(), *means = json_object();
    FILE *losses = fopen(bench_path(argv0, "ebpf-losses.txt", path, sizeof path), "w");
    if (!losses) {
        perror(path);
        exit(2);
    }
    printf("eBPF: length, bounds checks, verified, bytes of machine code, executed, jumps taken, ns per "
           "packet; ours, then C by "
           "hand and clang -O2%s;\n"
           "our time / clang's; classic (libpcap's; 1,000 hosts: ours) on a socket / our time\n\n",
           clang ? "" : " (no clang here)");
    for (size_t i = 0; i < n; i++) {
        struct row *r = &row[i];
        json_t *targets = json_object();
        for (unsigned t = 0; t < TARGETS; t++)
            json_object_set_new(targets, bench_target[t].name, report_target(r, t, &sum, losses));
        printf("%-10s classic on a socket (instructions, in eBPF, ns):", r->name);
        json_t *classic = json_object(), *packets = json_array();
        for (size_t k = 0; k < r->shots.n; k++)
            json_array_append_new(packets, json_string(r->shots.at[k].name));
        for (unsigned s = CLASSIC_PCAP; s < SLOTS; s++) {
            static const char *const name[] = {"libpcap", "weir", "weir --tune kernel"};
            printf("%s %s %u, %u,", s > CLASSIC_PCAP ? ";" : "", name[s - CLASSIC_PCAP],
                   classic_at(r, s)->program.n, classic_at(r, s)->insns);
            print_number(mean(r, s, r->ns), 0, 2);
            json_object_set_new(classic, name[s - CLASSIC_PCAP], json_of_classic(r, s));
        }
        printf("\n");
        double pcap = mean(r, CLASSIC_PCAP, r->ns);
        if (pcap > 0)
            bench_geomean_add(&sum.tuned, mean(r, CLASSIC_TUNED, r->ns) / pcap);
        json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", r->name, "filter", r->text,
                                              "targets", targets, "classic", classic, "packets", packets));
    }
    fclose(losses);
    printf("\nGeometric means of our time:");
    for (unsigned t = 0; t < TARGETS; t++) {
        double hand = bench_geomean(&sum.hand[t]), classic = bench_geomean(&sum.classic[t]);
        printf("%s %s %.2f of classic", t ? ";" : "", bench_target[t].name, classic);
        json_t *both = json_pack("{s:f}", "to_classic", classic);
        if (hand > 0) {
            printf(", %.2f of clang's", hand);
            json_object_set_new(both, "to_clang", json_real(hand));
        }
        json_object_set_new(means, bench_target[t].name, both);
    }
    printf("; classic --tune kernel %.2f of libpcap's", bench_geomean(&sum.tuned));
    json_object_set_new(means, "classic_tuned", json_pack("{s:f}", "to_classic", bench_geomean(&sum.tuned)));
    printf(".\nSlower than clang's by more than 5 %%: %u of %u (%s). Wrong verdicts: %u.\n", sum.losses,
           sum.compared, path, wrong);
    return json_pack("{s:o, s:o, s:i, s:i, s:i}", "geomean", means, "filters", rows, "compared",
                     (int)sum.compared, "losses", (int)sum.losses, "wrong", (int)wrong);
}

int main(int argc, char **argv)
{
    char dir[4096];
    static const struct weir_cbpf_insn drop = {BPF_RET | BPF_K, 0, 0, 0};
    const char *refused = kernel_refuses(&kernel_xdp);
    if (argc < 1)
        return 2;
    if (refused) {
        printf("ebpf: not measured: %s\n", refused);
        return bench_save(argv[0], "../bench-ebpf", json_pack("{s:s}", "refused", refused)) ? 0 : 2;
    }
    libbpf_set_print(NULL);
    absent[TARGET_DIRECT] = kernel_refuses(&kernel_socket_direct) != NULL;
    bench_path(argv[0], "ebpf-objects", dir, sizeof dir);
    mkdir(dir, 0777);
    bool clang = program_clang_there();
    struct bench_filters f = bench_filters_load("bench/filters/ebpf.tsv");
    struct row *row = calloc(f.n, sizeof *row);
    struct program p = {.n = 0};
    size_t n = 0;
    if (!row || !program_copy(&drop, 1, &p) || !run_space_init(&space))
        return 2;
    classic_null = classic_open(p, 1);
    for (size_t i = 0; i < f.n; i++) {
        if (argc > 1 && strcmp(argv[1], f.row[i].name) != 0)
            continue;
        row[n] = (struct row){.name = f.row[i].name, .text = f.row[i].text};
        if (!make(&row[n], clang, dir))
            wrong++;
        else
            n++;
    }
    setpriority(PRIO_PROCESS, 0, -10); /* fewer samples that something else interrupts */
    run_dispatch_init();
    for (unsigned pass = 0; pass < PASSES; pass++)
        for (size_t i = 0; i < n; i++)
            take_samples(&row[i], pass);
    for (size_t i = 0; i < n; i++)
        evaluate(&row[i]);
    bool ok = bench_save(argv[0], "../bench-ebpf", report(row, n, argv[0], clang));
    for (size_t i = 0; i < n; i++)
        release(&row[i]);
    classic_close(&classic_null);
    free(row);
    bench_filters_free(&f);
    return ok && !wrong ? 0 : 2;
}
