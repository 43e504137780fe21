/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/quality.c - program quality: length, packet loads, and what a packet costs, beside libpcap's
 * programs.
 *
 * Filters: filters/ordinary.tsv and filters/overlapping.tsv on Ethernet against the installed libpcap, and
 * the shared accept cases on their own link types against the reference's optimized program (1.11) too.
 * Packets: the shared captures of the link type; and, to be seen beside them, made-up ones: 10,000 of a mix
 * like everyday Ethernet traffic, and 600 led into the branches of each filter. Executed instructions and
 * packet loads are means over a capture's packets, counted by vm/cbpf_run.
 *
 * Not compared: protochain (the references loop), cases and packets of docs/differences.tsv, captures where a
 * reference's optimized program gives another verdict than we do and the plain programs say that it may not,
 * and libpcap 1.10.3 where tests/differential/reference.tsv says that it means something else. A filter loses
 * when it exceeds the better reference: the one with the smaller mean over all packets. B/bench/losses.txt
 * shows every filter that loses, with the programs side by side.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <regex.h>
#include "backends/cbpf/cbpf.h"
#include "bench/bench.h"
#include "bench/packets.h"
#include "tests/harness/capture.h"
#include "tests/harness/differences.h"
#include "tests/harness/names.h"
#include "tests/harness/rng.h"

enum {
    CONDITIONS_MAX = 64,
    STEERED = 600,
    STEERED_BYTES = 128,
    MIX = 10000,
    MADE_UP = 2, /* behind the captures: packets led into branches, and the mix */
    EXCUSE_COLUMNS = 5,
    SHOWN_CAPTURES = 6,
    EPSILON_PARTS = 1000000, /* means that differ by less than 1e-6 are equal */
};

enum who { OURS, INSTALLED, REFERENCE, COMPILERS };
static const char *const who_name[COMPILERS] = {"weir", "1.10.3", "1.11"};

struct named_capture {
    char *name;
    struct capture c;
};

struct corpus {
    struct named_capture *at;
    size_t n;
};

/* Where the installed libpcap means something else: link type and filter text. */
struct excuse {
    const char *linktype;
    regex_t text;
};

/* Sums over packets. */
struct cost {
    struct vm_counts sum[COMPILERS];
    uint64_t packets;
    bool wrong[COMPILERS]; /* gave a verdict that its plain program does not excuse */
};

struct subject {
    const char *name, *text, *linktype;
    uint32_t linktype_number;
    struct program program[COMPILERS], plain[COMPILERS];
    bool is_ordinary, is_overlapping;
    bool not_compared;
    const char *because;
    struct program condition[CONDITIONS_MAX]; /* packets that are not compared */
    size_t conditions;
    bool differs[COMPILERS]; /* this reference means something else */
    struct cost all, *each;  /* each: one for every capture of the corpus, then the made-up packets */
};

struct bench {
    struct corpus corpus;
    struct differences differences;
    struct names *names;
    struct excuse excuse[128];
    size_t excuses;
    struct subject *subject;
    size_t n, cap;
};

/* ---------------------------------------------------------------- captures */

static int compare_captures(const void *a, const void *b)
{
    return strcmp(((const struct named_capture *)a)->name, ((const struct named_capture *)b)->name);
}

static void corpus_load_dir(struct corpus *c, const char *dir, const char *prefix)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[4096], why[PCAP_ERRBUF_SIZE];
        struct named_capture one = {0}, *more;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        /* Files that libpcap cannot open are test cases of its own: no packets, and nothing to say. */
        pcap_t *file = pcap_open_offline(path, why);
        if (!file)
            continue;
        pcap_close(file);
        more = realloc(c->at, (c->n + 1) * sizeof *more);
        if (more)
            c->at = more;
        if (!more || !capture_load(path, &one.c) || asprintf(&one.name, "%s/%s", prefix, e->d_name) < 0)
            continue;
        if (one.c.n)
            c->at[c->n++] = one;
    }
    if (d)
        closedir(d);
}

static void corpus_load(struct corpus *c)
{
    char path[4096];
    const char *dir = shared_dir();
    snprintf(path, sizeof path, "%s/captures/libpcap", dir);
    corpus_load_dir(c, path, "libpcap");
    snprintf(path, sizeof path, "%s/captures/tcpdump", dir);
    corpus_load_dir(c, path, "tcpdump");
    if (c->n)
        qsort(c->at, c->n, sizeof *c->at, compare_captures);
}

/* Rows `differs` and `other` of tests/differential/reference.tsv; its comments and its header are no such
 * rows. */
static void load_excuses(struct bench *b, const char *path)
{
    char *text = read_file(path, NULL);
    for (char *line = text, *next; line && *line; line = next) {
        char *column[EXCUSE_COLUMNS] = {line};
        int n = 1;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        for (char *c = line; n < EXCUSE_COLUMNS && (c = strchr(c, '\t')); n++) {
            *c++ = '\0';
            column[n] = c;
        }
        if (n != EXCUSE_COLUMNS || (strcmp(column[0], "differs") != 0 && strcmp(column[0], "other") != 0))
            continue;
        struct excuse *e = &b->excuse[b->excuses];
        if (b->excuses < sizeof b->excuse / sizeof *e &&
            regcomp(&e->text, column[2], REG_EXTENDED | REG_NOSUB) == 0) {
            e->linktype = column[1];
            b->excuses++;
        }
    }
}

/* ---------------------------------------------------------------- subjects */

static struct subject *subject_add(struct bench *b, const char *name, const char *text, const char *linktype)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        struct subject *more = realloc(b->subject, cap * sizeof *more);
        if (!more)
            exit(2);
        b->subject = more;
        b->cap = cap;
    }
    struct subject *s = &b->subject[b->n++];
    *s = (struct subject){.name = name, .text = text, .linktype = linktype};
    s->linktype_number = (uint32_t)weir_linktype_by_name(linktype);
    s->each = calloc(b->corpus.n + MADE_UP, sizeof *s->each);
    if (!s->each)
        exit(2);
    return s;
}

static void leave_out(struct subject *s, const char *why)
{
    s->not_compared = true;
    if (!s->because)
        s->because = why;
}

static void compile_ours(struct subject *s, struct weir_options *o)
{
    char why[1024];
    for (o->optimize = 0; o->optimize < 2; o->optimize++) {
        struct program *p = o->optimize ? &s->program[OURS] : &s->plain[OURS];
        if (compile_program(s->text, o, p, why, sizeof why) < 0) {
            fprintf(stderr, "%s: %s\n", s->name, why);
            leave_out(s, "weir refuses it");
        }
    }
}

static void compile_installed(const struct bench *b, struct subject *s, uint32_t snaplen)
{
    char why[PCAP_ERRBUF_SIZE];
    for (size_t i = 0; i < b->excuses; i++)
        s->differs[INSTALLED] |= fnmatch(b->excuse[i].linktype, s->linktype, 0) == 0 &&
                                 regexec(&b->excuse[i].text, s->text, 0, NULL, 0) == 0;
    for (int optimize = 0; optimize < 2; optimize++) {
        struct program *p = optimize ? &s->program[INSTALLED] : &s->plain[INSTALLED];
        bench_pcap_compile(s->text, s->linktype_number, snaplen, optimize, p, why, sizeof why);
        if (p->n && program_has_loop(p))
            leave_out(s, "protochain");
    }
}

/* The packets, or all of them, that docs/differences.tsv speaks of. */
static void apply_differences(struct bench *b, struct subject *s, const struct weir_options *options)
{
    struct weir_options o = *options;
    o.optimize = 0;
    for (size_t i = 0; i < b->differences.n; i++) {
        const struct difference *row = &b->differences.row[i];
        char why[512];
        if (!difference_matches(row, s->name, s->linktype))
            continue;
        if (!row->condition)
            leave_out(s, "docs/differences.tsv");
        else if (s->conditions < CONDITIONS_MAX &&
                 compile_program(row->condition, &o, &s->condition[s->conditions], why, sizeof why) >= 0)
            s->conditions++;
    }
}

static void add_list(struct bench *b, const struct bench_filters *list, bool overlapping)
{
    for (size_t i = 0; i < list->n; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct subject *s = subject_add(b, list->row[i].name, list->row[i].text, "EN10MB");
        s->is_ordinary = !overlapping;
        s->is_overlapping = overlapping;
        compile_ours(s, &o);
        compile_installed(b, s, o.snaplen);
    }
}

static void add_cases(struct bench *b, const struct json_lines *cases)
{
    for (size_t i = 0; i < cases->n; i++) {
        const json_t *c = cases->at[i];
        struct weir_options o = WEIR_OPTIONS_INIT;
        const char *savefile = json_text(c, "savefile"), *optimized = json_text(c, "optimized");
        const char *plain = json_text(c, "unoptimized");
        struct subject *s = subject_add(b, json_text(c, "name"),
                                        json_string_value(json_array_get(json_object_get(c, "spellings"), 0)),
                                        json_text(c, "linktype"));
        o.linktype = s->linktype_number;
        o.snaplen = (uint32_t)json_number(c, "snaplen", WEIR_SNAPLEN_DEFAULT);
        o.live = json_is_true(json_object_get(c, "live"));
        if (savefile)
            o.savefile = strcmp(savefile, "swapped") == 0 ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
        o.resolver = names_resolver(b->names);
        if (plain)
            listing_parse(plain, &s->plain[REFERENCE]);
        if (!optimized)
            leave_out(s, "never matches");
        else if (listing_parse(optimized, &s->program[REFERENCE]))
            leave_out(s, "the reference's listing cannot be read");
        else if (program_has_loop(&s->program[REFERENCE]))
            leave_out(s, "protochain");
        compile_ours(s, &o);
        if (!o.live && !o.savefile)
            compile_installed(b, s, o.snaplen);
        apply_differences(b, s, &o);
    }
}

/* ---------------------------------------------------------------- running */

static bool left_out(const struct subject *s, const struct packet *p)
{
    for (size_t i = 0; i < s->conditions; i++)
        if (cbpf_run(s->condition[i].at, s->condition[i].n, p, NULL))
            return true;
    return false;
}

static void run_packet(struct subject *s, const struct packet *p, struct cost *cost)
{
    uint32_t verdict[COMPILERS] = {0};
    struct vm_counts plain = {0};
    if (left_out(s, p))
        return;
    cost->packets++;
    for (int w = 0; w < COMPILERS; w++)
        if (s->program[w].n)
            verdict[w] = cbpf_run(s->program[w].at, s->program[w].n, p, &cost->sum[w]);
    if (s->plain[OURS].n)
        cbpf_run(s->plain[OURS].at, s->plain[OURS].n, p, &plain);
    for (int w = INSTALLED; w < COMPILERS; w++)
        if (s->program[w].n && !plain.faults && (verdict[w] != 0) != (verdict[OURS] != 0))
            cost->wrong[w] = true;
}

static void add_up(struct cost *all, const struct cost *one)
{
    all->packets += one->packets;
    for (int w = 0; w < COMPILERS; w++) {
        all->sum[w].instructions += one->sum[w].instructions;
        all->sum[w].loads += one->sum[w].loads;
        all->wrong[w] |= one->wrong[w];
    }
}

/* Packets led into the programs: for link types the captures do not know. */
static void run_steered(struct subject *s, struct cost *cost)
{
    struct rng r = {1};
    const struct program *leader[] = {s->plain[REFERENCE].n ? &s->plain[REFERENCE] : &s->plain[OURS],
                                      &s->plain[OURS]};
    for (int i = 0; i < STEERED; i++) {
        uint8_t bytes[STEERED_BYTES];
        rng_bytes(&r, bytes, sizeof bytes);
        if (i & 1)
            memset(bytes, 0, sizeof bytes);
        struct packet p = {.bytes = bytes, .caplen = sizeof bytes, .wirelen = sizeof bytes};
        p.meta.size = sizeof p.meta;
        program_steer(leader[i / 2 % 2], &r, bytes, p.caplen);
        run_packet(s, &p, cost);
    }
}

static void run_mix(struct subject *s, struct cost *cost)
{
    struct rng r = {20240601};
    for (int i = 0; i < MIX; i++) {
        uint8_t bytes[FLOW_BYTES];
        struct flow f = flow_mix(&r);
        struct packet p = {.bytes = bytes, .caplen = sizeof bytes};
        p.wirelen = rng_below(&r, 2) ? 1514 : FLOW_BYTES + rng_below(&r, 400);
        p.meta.size = sizeof p.meta;
        flow_build(&f, bytes);
        run_packet(s, &p, cost);
    }
}

static void run_subject(struct bench *b, struct subject *s)
{
    if (!s->program[OURS].n || (s->because && strcmp(s->because, "protochain") == 0))
        return;
    for (size_t i = 0; i < b->corpus.n; i++) {
        const struct capture *c = &b->corpus.at[i].c;
        if (c->linktype != s->linktype_number)
            continue;
        for (size_t k = 0; k < c->n; k++)
            run_packet(s, &c->packet[k], &s->each[i]);
        add_up(&s->all, &s->each[i]);
    }
    run_steered(s, &s->each[b->corpus.n]);
    if (s->linktype_number == DLT_EN10MB)
        run_mix(s, &s->each[b->corpus.n + 1]);
}

/* ---------------------------------------------------------------- comparing */

static double mean(uint64_t sum, const struct cost *c)
{
    return c->packets ? (double)sum / (double)c->packets : 0;
}

static double mean_instructions(const struct cost *c, enum who w)
{
    return mean(c->sum[w].instructions, c);
}

static double mean_loads(const struct cost *c, enum who w)
{
    return mean(c->sum[w].loads, c);
}

typedef double metric(const struct cost *, enum who);

/* What stands for all packets of a link type: the captures', else those made up for it. */
static const struct cost *overall(const struct bench *b, const struct subject *s)
{
    return s->all.packets ? &s->all : &s->each[b->corpus.n];
}

/* May the means of @c be compared with @w's? */
static bool comparable(const struct subject *s, const struct cost *c, enum who w)
{
    return s->program[w].n && !s->differs[w] && !c->wrong[w] && c->packets && !s->not_compared;
}

/* The reference with the smaller mean over all packets; OURS when there is none. */
static enum who better(const struct bench *b, const struct subject *s, metric *of)
{
    const struct cost *c = overall(b, s);
    bool first = comparable(s, c, INSTALLED), second = comparable(s, c, REFERENCE);
    if (first && second)
        return of(c, INSTALLED) < of(c, REFERENCE) ? INSTALLED : REFERENCE;
    return first ? INSTALLED : second ? REFERENCE : OURS;
}

/* How much more than @w we spend in a mean; 0 when it is not more. */
static double excess(const struct subject *s, const struct cost *c, metric *of, enum who w)
{
    double more = w != OURS && comparable(s, c, w) ? of(c, OURS) - of(c, w) : 0;
    return more * EPSILON_PARTS < 1 ? 0 : more;
}

/* Which means are exceeded: the better reference's on a capture, only the other's, only on made-up packets.
 */
enum loss { NO_LOSS, LOSS_MADE_UP, LOSS_OTHER, LOSS_BETTER };

static enum loss loss_on(const struct bench *b, const struct subject *s, size_t i, metric *of)
{
    enum who best = better(b, s, of);
    if (excess(s, &s->each[i], of, best) > 0)
        return i < b->corpus.n ? LOSS_BETTER : LOSS_MADE_UP;
    for (int w = INSTALLED; w < COMPILERS; w++)
        if (i < b->corpus.n && excess(s, &s->each[i], of, (enum who)w) > 0)
            return LOSS_OTHER;
    return NO_LOSS;
}

static enum loss loss_of(const struct bench *b, const struct subject *s, metric *of)
{
    enum loss worst = NO_LOSS;
    for (size_t i = 0; i < b->corpus.n + MADE_UP; i++) {
        enum loss one = loss_on(b, s, i, of);
        if (one > worst)
            worst = one;
    }
    return worst;
}

static bool is_longer(const struct bench *b, const struct subject *s)
{
    for (int w = INSTALLED; w < COMPILERS; w++)
        if (comparable(s, overall(b, s), (enum who)w) && s->program[OURS].n > s->program[w].n)
            return true;
    return false;
}

/* Longer than a reference without executing fewer instructions than that one? */
static bool longer_for_nothing(const struct bench *b, const struct subject *s)
{
    const struct cost *c = overall(b, s);
    for (int w = INSTALLED; w < COMPILERS; w++)
        if (comparable(s, c, (enum who)w) && s->program[OURS].n > s->program[w].n &&
            mean_instructions(c, OURS) >= mean_instructions(c, (enum who)w))
            return true;
    return false;
}

/* ---------------------------------------------------------------- printing */

static void print_figures(FILE *out, const struct subject *s, const struct cost *c)
{
    for (int w = 0; w < COMPILERS; w++) {
        if (!s->program[w].n)
            continue;
        fprintf(out, "  %s %.4f/%.4f%s", who_name[w], mean_instructions(c, (enum who)w),
                mean_loads(c, (enum who)w),
                c->wrong[w]     ? " (other verdicts)"
                : s->differs[w] ? " (other meaning)"
                                : "");
    }
    fputc('\n', out);
}

static char *next_line(char **text)
{
    char *line = *text, *end = line ? strchr(line, '\n') : NULL;
    if (end)
        *end++ = '\0';
    *text = end && *end ? end : NULL;
    for (char *tab = line; tab && (tab = strchr(tab, '\t'));)
        *tab = ' ';
    return line;
}

static void print_side_by_side(FILE *out, const struct program *ours, const struct program *theirs,
                               const char *whose)
{
    struct strbuf left, right;
    strbuf_init(&left, &allocator_system);
    strbuf_init(&right, &allocator_system);
    cbpf_print_listing(ours->at, ours->n, &left);
    cbpf_print_listing(theirs->at, theirs->n, &right);
    char *l = left.text, *r = right.text;
    fprintf(out, "    %-50s| %s\n", "weir", whose);
    while (l || r) {
        char *a = l ? next_line(&l) : NULL, *b = r ? next_line(&r) : NULL;
        fprintf(out, "    %-50s| %s\n", a ? a : "", b ? b : "");
    }
    strbuf_release(&left);
    strbuf_release(&right);
}

static const char *capture_name(const struct bench *b, size_t i)
{
    return i < b->corpus.n ? b->corpus.at[i].name : i == b->corpus.n ? "(led into branches)" : "(mix)";
}

static void print_lengths(FILE *out, const struct subject *s)
{
    fprintf(out, "  length:");
    for (int w = 0; w < COMPILERS; w++)
        if (s->program[w].n)
            fprintf(out, "  %s %u", who_name[w], s->program[w].n);
}

/* One filter that loses: figures of the captures where it does, and both programs. */
static void print_loss(FILE *out, const struct bench *b, const struct subject *s)
{
    static const char mark[] = {' ', '~', 'o', '!'};
    unsigned lost = 0;
    fprintf(out, "== %s on %s: %s\n", s->name, s->linktype, s->text);
    print_lengths(out, s);
    fprintf(out, "\n  all %llu packets:", (unsigned long long)s->all.packets);
    print_figures(out, s, &s->all);
    for (size_t i = 0; i < b->corpus.n + MADE_UP; i++) {
        enum loss instructions = loss_on(b, s, i, mean_instructions), loads = loss_on(b, s, i, mean_loads);
        if (!instructions && !loads)
            continue;
        if (i < b->corpus.n && lost++ >= SHOWN_CAPTURES)
            continue;
        fprintf(out, "  I%c L%c %s, %llu packets:", mark[instructions], mark[loads], capture_name(b, i),
                (unsigned long long)s->each[i].packets);
        print_figures(out, s, &s->each[i]);
    }
    if (lost > SHOWN_CAPTURES)
        fprintf(out, "  and %u captures more\n", lost - SHOWN_CAPTURES);
    enum who w = better(b, s, mean_instructions);
    if (w == OURS)
        w = s->program[REFERENCE].n ? REFERENCE : INSTALLED;
    print_side_by_side(out, &s->program[OURS], &s->program[w], who_name[w]);
    fputc('\n', out);
}

struct totals {
    unsigned instructions, loads, longer_for_nothing, longer, against_other, made_up, compared, left_out,
        wrong;
};

static struct totals count_losses(const struct bench *b)
{
    struct totals t = {0};
    for (size_t i = 0; i < b->n; i++) {
        const struct subject *s = &b->subject[i];
        enum loss instructions = loss_of(b, s, mean_instructions), loads = loss_of(b, s, mean_loads);
        enum loss worst = instructions > loads ? instructions : loads;
        bool longer = longer_for_nothing(b, s);
        t.compared += !s->not_compared;
        t.left_out += s->not_compared;
        t.instructions += instructions == LOSS_BETTER;
        t.loads += loads == LOSS_BETTER;
        t.longer_for_nothing += longer;
        t.longer += is_longer(b, s);
        t.against_other += !longer && worst == LOSS_OTHER;
        t.made_up += !longer && worst == LOSS_MADE_UP;
        t.wrong += !s->not_compared && (s->all.wrong[INSTALLED] || s->all.wrong[REFERENCE]);
    }
    return t;
}

/* Filters whose worst loss is @which, side by side; a longer program for nothing counts as a loss to the
 * better. */
static void print_losses_of(const struct bench *b, FILE *out, enum loss which, const char *title)
{
    fprintf(out, "######## %s\n\n", title);
    for (size_t i = 0; i < b->n; i++) {
        const struct subject *s = &b->subject[i];
        enum loss instructions = loss_of(b, s, mean_instructions), loads = loss_of(b, s, mean_loads);
        enum loss worst = longer_for_nothing(b, s) ? LOSS_BETTER
                          : instructions > loads   ? instructions
                                                   : loads;
        if (worst == which)
            print_loss(out, b, s);
    }
}

static void print_losses(const struct bench *b, FILE *out)
{
    fprintf(
        out,
        "Figures: instructions/packet loads executed in the mean. I, L: which of them loses on a capture;\n"
        "! to the better reference, o to the other one only, ~ on made-up packets.\n\n");
    print_losses_of(b, out, LOSS_BETTER,
                    "More than the better reference on a capture, or longer without executing fewer");
    print_losses_of(b, out, LOSS_OTHER, "More than the other reference on a capture");
    print_losses_of(b, out, LOSS_MADE_UP, "More on made-up packets only");
    fprintf(out, "######## Longer programs, those above included\n\n");
    for (size_t i = 0; i < b->n; i++)
        if (is_longer(b, &b->subject[i])) {
            const struct subject *s = &b->subject[i];
            fprintf(out, "%s on %s: %s\n", s->name, s->linktype, s->text);
            print_lengths(out, s);
            fprintf(out, "; executed%s:", s->all.packets ? "" : " (led into branches)");
            print_figures(out, s, overall(b, s));
        }
    fprintf(out,
            "\n######## Other verdicts than a reference's on packets that hold what the filter reads\n\n");
    for (size_t i = 0; i < b->n; i++) {
        const struct subject *s = &b->subject[i];
        unsigned captures[COMPILERS] = {0};
        for (size_t k = 0; k < b->corpus.n + MADE_UP && !s->not_compared; k++)
            for (int w = INSTALLED; w < COMPILERS; w++)
                captures[w] += s->each[k].wrong[w] && !s->differs[w];
        for (int w = INSTALLED; w < COMPILERS; w++)
            if (captures[w])
                fprintf(out, "%s on %s, %u captures, %s: %s\n", s->name, s->linktype, captures[w],
                        who_name[w], s->text);
    }
    fprintf(out, "\n######## Not compared\n\n");
    for (size_t i = 0; i < b->n; i++)
        if (b->subject[i].not_compared)
            fprintf(out, "%s on %s: %s\n", b->subject[i].name, b->subject[i].linktype, b->subject[i].because);
}

/* ---------------------------------------------------------------- results */

static json_t *cost_json(const struct subject *s, const struct cost *c)
{
    json_t *out = json_pack("{s:I}", "packets", (json_int_t)c->packets);
    for (int w = 0; w < COMPILERS; w++)
        if (s->program[w].n)
            json_object_set_new(out, who_name[w],
                                json_pack("{s:f,s:f,s:b}", "instructions", mean_instructions(c, (enum who)w),
                                          "loads", mean_loads(c, (enum who)w), "other_verdicts",
                                          (int)c->wrong[w]));
    return out;
}

/* One capture, short: there are many. */
static json_t *capture_json(const struct subject *s, const struct cost *c)
{
    json_t *out = json_pack("{s:I}", "packets", (json_int_t)c->packets);
    for (int w = 0; w < COMPILERS; w++)
        if (s->program[w].n)
            json_object_set_new(
                out, who_name[w],
                json_pack("[f,f]", mean_instructions(c, (enum who)w), mean_loads(c, (enum who)w)));
    return out;
}

static json_t *subject_json(const struct bench *b, const struct subject *s)
{
    json_t *out = json_pack("{s:s,s:s,s:s,s:s,s:b}", "name", s->name, "filter", s->text, "linktype",
                            s->linktype, "list",
                            s->is_ordinary      ? "ordinary"
                            : s->is_overlapping ? "overlapping"
                                                : "accept",
                            "compared", (int)!s->not_compared);
    json_t *programs = json_object(), *captures = json_object();
    for (int w = 0; w < COMPILERS; w++)
        if (s->program[w].n)
            json_object_set_new(programs, who_name[w],
                                json_pack("{s:i,s:i}", "length", (int)s->program[w].n, "loads",
                                          (int)bench_loads(&s->program[w])));
    for (size_t i = 0; i < b->corpus.n; i++)
        if (s->each[i].packets)
            json_object_set_new(captures, b->corpus.at[i].name, capture_json(s, &s->each[i]));
    json_object_set_new(out, "programs", programs);
    json_object_set_new(out, "executed", cost_json(s, &s->all));
    json_object_set_new(out, "captures", captures);
    if (s->each[b->corpus.n + 1].packets)
        json_object_set_new(out, "mix", cost_json(s, &s->each[b->corpus.n + 1]));
    json_object_set_new(out, "led_into_branches", cost_json(s, &s->each[b->corpus.n]));
    if (s->because)
        json_object_set_new(out, "not_compared_because", json_string(s->because));
    return out;
}

static void print_row(const struct bench *b, const struct subject *s)
{
    const struct cost *mix = &s->each[b->corpus.n + 1];
    double theirs = mean_instructions(&s->all, INSTALLED), theirs_mix = mean_instructions(mix, INSTALLED);
    printf("%-4s %-48.48s", s->name, s->text);
    for (int w = OURS; w <= INSTALLED; w++)
        printf(" %5u %3u %7.3f %6.3f %7.3f", s->program[w].n, bench_loads(&s->program[w]),
               mean_instructions(&s->all, (enum who)w), mean_loads(&s->all, (enum who)w),
               mean_instructions(mix, (enum who)w));
    if (s->not_compared)
        printf("  %s\n", s->because);
    else
        printf(" %6.3f %6.3f%s\n", theirs > 0 ? mean_instructions(&s->all, OURS) / theirs : 0,
               theirs_mix > 0 ? mean_instructions(mix, OURS) / theirs_mix : 0,
               s->all.wrong[INSTALLED] ? "  other verdicts" : "");
}

/* Geometric means of executed instructions, ours over the installed libpcap's. */
struct ratios {
    double captures, mix;
};

static struct ratios print_table(const struct bench *b, bool overlapping)
{
    struct bench_geomean captures = {0}, mix = {0};
    printf("\n%s filters, Ethernet. len: instructions, ld: packet loads of the program; per packet executed: "
           "insns and\n"
           "loads over the shared captures, mix: insns over a made-up mix of traffic\n",
           overlapping ? "Overlapping" : "Ordinary");
    printf("%-53s %-5s %3s %7s %6s %7s %5s %3s %7s %6s %7s %6s %6s\n", "", "weir:", "ld", "insns", "loads",
           "mix", "pcap:", "ld", "insns", "loads", "mix", "ratio", "mix");
    for (size_t i = 0; i < b->n; i++) {
        const struct subject *s = &b->subject[i];
        const struct cost *m = &s->each[b->corpus.n + 1];
        if (!(overlapping ? s->is_overlapping : s->is_ordinary))
            continue;
        print_row(b, s);
        if (s->not_compared || !s->program[INSTALLED].n)
            continue;
        bench_geomean_add(&captures,
                          mean_instructions(&s->all, OURS) / mean_instructions(&s->all, INSTALLED));
        bench_geomean_add(&mix, mean_instructions(m, OURS) / mean_instructions(m, INSTALLED));
    }
    printf("geometric mean of %u ratios of executed instructions: captures %.4f, mix %.4f\n", captures.n,
           bench_geomean(&captures), bench_geomean(&mix));
    return (struct ratios){bench_geomean(&captures), bench_geomean(&mix)};
}

static bool report(const struct bench *b, const char *argv0)
{
    char path[4096];
    struct ratios ordinary = print_table(b, false), overlapping = print_table(b, true);
    struct totals t = count_losses(b);
    FILE *out = fopen(bench_path(argv0, "losses.txt", path, sizeof path), "w");
    if (!out) {
        perror(path);
        return false;
    }
    print_losses(b, out);
    fclose(out);
    printf("\nOf %u filters compared (%u left out) these exceed the better reference in a mean over some "
           "capture:\n"
           "  executed instructions %u, executed loads %u; longer without executing fewer %u (longer in all "
           "%u);\n"
           "  besides these, the other reference %u, on made-up packets only %u; other verdicts than a "
           "reference %u.\n"
           "  Shown in %s\n",
           t.compared, t.left_out, t.instructions, t.loads, t.longer_for_nothing, t.longer, t.against_other,
           t.made_up, t.wrong, path);
    json_t *filters = json_array();
    for (size_t i = 0; i < b->n; i++)
        json_array_append_new(filters, subject_json(b, &b->subject[i]));
    json_t *losses = json_pack(
        "{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "compared", (int)t.compared, "left_out", (int)t.left_out,
        "executed_instructions", (int)t.instructions, "executed_loads", (int)t.loads, "longer_for_nothing",
        (int)t.longer_for_nothing, "longer", (int)t.longer, "against_other", (int)t.against_other,
        "made_up_only", (int)t.made_up, "other_verdicts", (int)t.wrong);
    return bench_save(argv0, "quality",
                      json_pack("{s:f,s:f,s:f,s:f,s:i,s:o,s:o}", "geomean_ordinary", ordinary.captures,
                                "geomean_overlapping", overlapping.captures, "geomean_ordinary_mix",
                                ordinary.mix, "geomean_overlapping_mix", overlapping.mix, "captures",
                                (int)b->corpus.n, "losses", losses, "filters", filters));
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    struct json_lines cases;
    if (argc < 1 || !shared_dir()) {
        printf("quality: %s\n", SHARED_ABSENT);
        return 0;
    }
    char *case_file = shared_path("cases/accept.jsonl"), *name_dir = shared_path("cases");
    b.names = name_dir ? names_load(name_dir) : NULL;
    corpus_load(&b.corpus);
    if (!b.names || !case_file || !json_lines_load(case_file, &cases) ||
        !differences_load("docs/differences.tsv", &b.differences))
        return 2;
    load_excuses(&b, "tests/differential/reference.tsv");
    struct bench_filters ordinary = bench_filters_load("bench/filters/ordinary.tsv");
    struct bench_filters overlapping = bench_filters_load("bench/filters/overlapping.tsv");
    add_list(&b, &ordinary, false);
    add_list(&b, &overlapping, true);
    add_cases(&b, &cases);
    for (size_t i = 0; i < b.n; i++)
        run_subject(&b, &b.subject[i]);
    return report(&b, argv[0]) ? 0 : 2;
}
