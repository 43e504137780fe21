/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/test_differential.c - random filters over random and real packets, on every link type.
 *
 *   test_differential                                       the test
 *   test_differential LINKTYPE                              one link type
 *   test_differential LINKTYPE OPTIONS FILTER [BYTES META]  one case, as a failure prints it
 *
 * For each filter and packet the plain program, the plain IR, the optimized program, the optimized IR and the
 * installed libpcap's unoptimized program are run. A pair counts only if its filter takes both verdicts on
 * its packets. README.md has the rest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <dirent.h>
#include "tests/differential/compare.c"
#include "tests/differential/generate.c"
#include "tests/differential/solve.c"
#include "tests/harness/capture.h"
#include "tests/harness/names.h"
#include "tests/harness/tap.h"

#define ROOM "tests/differential/"

enum {
    PAIRS_WANTED = 100000,
    ALONE = 2,       /* filters of one primitive, for each row of the grammar */
    ALONE_RARE = 80, /* for rows with the keywords of few link types */
    FILTERS = 120,   /* longer ones, for each link type */
    FILTERS_ETHER = 1200,
    FILTERS_LONG = 10, /* times as many with WEIR_LONG=1 */
    ACCEPTED = 20,     /* packets made to be accepted */
    REJECTED = 10,     /* and to be rejected */
    REAL = 10,         /* from captures, as they are */
    CUT = 3,           /* packets of which every truncation is taken */
    CUT_BYTES = 160,   /* and shorter ones of longer packets are not */
    PACKETS_MAX = ACCEPTED + REJECTED + REAL + CUT * (CUT_BYTES + 1),
    FAILURES_SHOWN = 2, /* of a kind, for each link type */
    KINDS_MAX = 16,
};

struct word {
    const char *text, *token;
    uint64_t yes, no;
};

static struct word words[] = {
#define KEYWORD(word, token, value) {word, #token, 0, 0},
#include "grammar/keywords.def"
#undef KEYWORD
};
enum { WORDS = sizeof words / sizeof words[0] };

struct sample {
    uint32_t linktype;
    struct packet p;
};

struct test {
    struct grammar grammar;
    struct reference known;
    struct names *names;
    struct sample *sample; /* packets of the shared captures, sorted by link type */
    size_t samples;
    struct rng rng;
    struct weir_options o;
    const struct linktype *lt;
    struct packet packet[PACKETS_MAX];
    uint32_t packets;
    uint8_t (*bytes)[SOLVE_BYTES];                        /* of packet[] */
    uint64_t filters, refused, pairs, compared, accepted; /* of this link type */
    uint64_t all_pairs, all_compared;
    unsigned failures, hidden; /* of this link type; the latter are not shown */
    struct {
        const char *what;
        unsigned n;
    } kind[KINDS_MAX];
};

/* ---------------------------------------------------------------- real packets */

static void load_captures(struct test *t, const char *dir)
{
    char *path = shared_path(dir);
    DIR *d = path ? opendir(path) : NULL;
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char name[1024];
        struct capture c;
        if (e->d_name[0] == '.' ||
            snprintf(name, sizeof name, "%s/%s", path, e->d_name) >= (int)sizeof name ||
            !capture_load(name, &c))
            continue;
        struct sample *more = realloc(t->sample, (t->samples + c.n) * sizeof *more);
        for (size_t i = 0; more && i < c.n; i++)
            more[t->samples + i] = (struct sample){c.linktype, c.packet[i]};
        if (more) {
            t->sample = more;
            t->samples += c.n;
            free(c.packet); /* the bytes stay */
        } else {
            capture_free(&c);
        }
    }
    if (d)
        closedir(d);
    free(path);
}

/* Names of files come in any order; the run must not depend on it. */
static int by_linktype(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    if (x->linktype != y->linktype)
        return x->linktype < y->linktype ? -1 : 1;
    if (x->p.caplen != y->p.caplen)
        return x->p.caplen < y->p.caplen ? -1 : 1;
    return memcmp(x->p.bytes, y->p.bytes, x->p.caplen);
}

/* One of the captured packets of this link type; of another now and then, or when there are none. */
static const struct packet *real_packet(struct test *t)
{
    size_t lo = 0, hi = t->samples;
    if (!t->samples)
        return NULL;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (t->sample[middle].linktype < t->lt->number)
            lo = middle + 1;
        else
            hi = middle;
    }
    for (hi = lo; hi < t->samples && t->sample[hi].linktype == t->lt->number; hi++)
        ;
    if (hi == lo || !rng_below(&t->rng, 10))
        lo = 0, hi = t->samples;
    return &t->sample[lo + rng_below(&t->rng, (uint32_t)(hi - lo))].p;
}

/* ---------------------------------------------------------------- packets of one filter */

static struct packet *next_packet(struct test *t)
{
    struct packet *p = &t->packet[t->packets];
    *p = (struct packet){.bytes = t->bytes[t->packets]};
    p->meta = (struct weir_metadata){
        .size = sizeof p->meta,
        .packet_type = rng_below(&t->rng, 6),
        .ifindex = rng_below(&t->rng, 6),
        .vlan_tci = (uint32_t)rng_next(&t->rng) & 0xffff,
        .vlan_present = rng_below(&t->rng, 2),
    };
    t->packets++;
    return p;
}

static void fill(struct test *t, struct packet *p)
{
    uint8_t *bytes = t->bytes[p - t->packet];
    const struct packet *real = real_packet(t);
    switch (rng_below(&t->rng, real ? 5 : 3)) {
    case 0:
        p->caplen = rng_below(&t->rng, 100);
        memset(bytes, 0, p->caplen);
        break;
    case 1:
        p->caplen = rng_below(&t->rng, 100);
        rng_bytes(&t->rng, bytes, p->caplen);
        break;
    case 2:
        p->caplen = 0;
        break;
    default:
        p->caplen = real->caplen < CUT_BYTES ? real->caplen : CUT_BYTES;
        memcpy(bytes, real->bytes, p->caplen);
    }
    p->wirelen = p->caplen + (rng_below(&t->rng, 2) ? 0 : rng_below(&t->rng, 1500));
}

static void copy_packet(struct test *t, const struct packet *from, uint32_t caplen)
{
    struct packet *p = next_packet(t);
    p->caplen = caplen < SOLVE_BYTES ? caplen : SOLVE_BYTES;
    memcpy(t->bytes[p - t->packet], from->bytes, p->caplen);
    p->wirelen = from->wirelen;
    p->meta = from->meta;
}

static void make_packets(struct test *t, struct compiled *c)
{
    t->packets = 0;
    for (uint32_t i = 0; i < ACCEPTED + REJECTED; i++) {
        struct packet *p = next_packet(t);
        fill(t, p);
        solve_packet(&c->plain_ir, &t->rng, &c->arena, i < ACCEPTED, t->bytes[p - t->packet], p);
        if (p->wirelen < p->caplen && !rng_below(&t->rng, 4))
            p->wirelen = p->caplen;
    }
    for (uint32_t i = 0; i < REAL; i++) {
        const struct packet *real = real_packet(t);
        if (real)
            copy_packet(t, real, real->caplen);
    }
    uint32_t made = t->packets, cut = 0;
    for (uint32_t i = 0; i < 4 * made && cut < CUT; i++) {
        const struct packet *p = &t->packet[rng_below(&t->rng, made)];
        if (i < 2 * made && !cbpf_run(c->plain.at, c->plain.n, p, NULL))
            continue; /* accepted ones first */
        for (uint32_t len = 0; len <= p->caplen && len <= CUT_BYTES; len++)
            copy_packet(t, p, len);
        cut++;
    }
}

/* ---------------------------------------------------------------- failures */

static void hex(const struct packet *p, char *out)
{
    for (uint32_t i = 0; i < p->caplen; i++)
        sprintf(out + 2 * i, "%02x", p->bytes[i]);
    out[2 * p->caplen] = '\0';
}

/* What is wrong with @tree on @p, or with @tree alone when @p is NULL. */
static const char *try_tree(struct test *t, struct tree *tree, struct arena *arena, const struct packet *p)
{
    struct compiled c;
    struct verdicts v;
    const char *text = tree_text(tree, arena);
    const char *wrong = compiled_make(&c, text, t->lt, &t->o, &t->known);
    if (p)
        wrong = wrong || c.status < 0 ? NULL : compiled_run(&c, p, &v);
    compiled_release(&c);
    return wrong;
}

/* Drops sub-expressions as long as the failure stays. */
static void shrink_tree(struct test *t, struct tree **root, struct arena *arena, const struct packet *p,
                        const char *wrong)
{
    struct tree **slot[128];
    bool again = true;
    while (again) {
        uint32_t n = 0;
        again = false;
        slot[n++] = root;
        for (uint32_t i = 0; i < n && !again; i++) {
            struct tree *was = *slot[i], *smaller[2] = {was->left, was->right};
            bool parens = was->parens;
            for (int k = 0; k < 2 && !again; k++) {
                if (!smaller[k])
                    continue;
                *slot[i] = smaller[k];
                again = try_tree(t, *root, arena, p) == wrong;
                if (!again)
                    *slot[i] = was;
            }
            if (!again && parens) {
                was->parens = false;
                again = try_tree(t, *root, arena, p) == wrong;
                was->parens = !again;
            }
            if (!again && was->left && n + 2 < 128) {
                slot[n++] = &was->left;
                if (was->right)
                    slot[n++] = &was->right;
            }
        }
    }
}

/* Drops bytes from the end, then clears them, as long as the failure stays. */
static void shrink_packet(struct compiled *c, struct packet *p, uint8_t *bytes, const char *wrong)
{
    struct verdicts v;
    for (uint32_t step = p->caplen / 2; step; step /= 2)
        while (p->caplen >= step) {
            p->caplen -= step;
            if (compiled_run(c, p, &v) != wrong) {
                p->caplen += step;
                break;
            }
        }
    for (uint32_t i = 0; i < p->caplen; i++) {
        uint8_t was = bytes[i];
        bytes[i] = 0;
        if (compiled_run(c, p, &v) != wrong)
            bytes[i] = was;
    }
}

static void show(struct test *t, struct compiled *c, const char *wrong, const struct packet *p)
{
    char bytes[2 * SOLVE_BYTES + 1] = "", options[64];
    struct verdicts v = {0};
    snprintf(options, sizeof options, "%u,%u,0x%x,%u", t->o.live, t->o.savefile, t->o.netmask, t->o.snaplen);
    tap_pending("%s: %s: %s", wrong, c->name, c->text);
    if (*c->why)
        tap_pending("  we: %s", c->why);
    if (*c->reference_why)
        tap_pending("  libpcap: %s", c->reference_why);
    if (!p) {
        tap_pending("  rerun: build/" ROOM "test_differential %s %s '%s'", c->name, options, c->text);
        return;
    }
    (void)compiled_run(c, p, &v);
    hex(p, bytes);
    tap_pending("  plain %u%s, its IR %u, optimized %u, its IR %u, libpcap %u%s", v.plain,
                v.plain_fault ? " (out of range)" : "", v.plain_ir, v.optimized, v.optimized_ir, v.reference,
                !c->with_reference  ? " (not compared)"
                : v.reference_fault ? " (out of range)"
                                    : "");
    tap_pending("  rerun: build/" ROOM "test_differential %s %s '%s' '%s' %u,%u,%u,%u,%u", c->name, options,
                c->text, bytes, p->wirelen, p->meta.packet_type, p->meta.ifindex, p->meta.vlan_tci,
                p->meta.vlan_present);
}

static void failure(struct test *t, struct tree *tree, struct arena *arena, const char *wrong,
                    const struct packet *p)
{
    struct compiled c;
    uint8_t bytes[SOLVE_BYTES];
    struct packet copy;
    unsigned kind = 0;
    t->failures++;
    while (kind < KINDS_MAX - 1 && t->kind[kind].what && t->kind[kind].what != wrong)
        kind++;
    t->kind[kind].what = wrong;
    if (++t->kind[kind].n > FAILURES_SHOWN) {
        t->hidden++;
        return;
    }
    if (p) {
        copy = *p;
        memcpy(bytes, p->bytes, p->caplen);
        copy.bytes = bytes;
    }
    shrink_tree(t, &tree, arena, p ? &copy : NULL, wrong);
    (void)compiled_make(&c, tree_text(tree, arena), t->lt, &t->o, &t->known);
    if (p)
        shrink_packet(&c, &copy, bytes, wrong);
    show(t, &c, wrong, p ? &copy : NULL);
    compiled_release(&c);
}

/* ---------------------------------------------------------------- one filter */

/* What each primitive of the filter says alone is added to its keywords. */
static void count_words(struct test *t, const struct tree *tree)
{
    struct weir_options o = t->o;
    struct program p;
    char why[300];
    if (tree->kind != TREE_PRIMITIVE) {
        count_words(t, tree->left);
        if (tree->right)
            count_words(t, tree->right);
        return;
    }
    o.linktype = t->lt->number;
    o.optimize = 0;
    if (compile_program(tree->text, &o, &p, why, sizeof why) < 0)
        return;
    uint64_t yes = 0, no = 0;
    for (uint32_t i = 0; i < t->packets; i++)
        if (cbpf_run(p.at, p.n, &t->packet[i], NULL))
            yes++;
        else
            no++;
    program_free(&p);
    for (const char *at = tree->text; *at;) {
        size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
        for (size_t w = 0; len && w < WORDS; w++)
            if (strlen(words[w].text) == len && memcmp(words[w].text, at, len) == 0) {
                words[w].yes += yes;
                words[w].no += no;
            }
        at += len;
        at += *at == '\\' ? strcspn(at, " )") : *at != '\0';
    }
}

static void run_filter(struct test *t, struct tree *tree, struct arena *arena)
{
    struct compiled c;
    struct verdicts v;
    const char *text = tree_text(tree, arena), *wrong;
    if (!text)
        return;
    wrong = compiled_make(&c, text, t->lt, &t->o, &t->known);
    if (wrong) {
        failure(t, tree, arena, wrong, NULL);
    } else if (c.status < 0) {
        t->refused++;
    } else {
        uint64_t yes = 0, compared = 0;
        bool failed = false;
        t->filters++;
        make_packets(t, &c);
        for (uint32_t i = 0; i < t->packets; i++) {
            wrong = compiled_run(&c, &t->packet[i], &v);
            yes += v.plain != 0;
            compared += v.compared;
            if (wrong && !failed) {
                failed = true;
                failure(t, tree, arena, wrong, &t->packet[i]);
            }
        }
        if (yes && yes < t->packets) {
            t->pairs += t->packets;
            t->compared += compared;
            t->accepted += yes;
        }
        count_words(t, tree);
    }
    compiled_release(&c);
}

static void random_options(struct test *t)
{
    static const uint32_t netmasks[] = {0xffffff00, 0xffff0000, 0, 0xfffffff0};
    struct weir_options o = WEIR_OPTIONS_INIT;
    o.resolver = names_resolver(t->names);
    o.live = !rng_below(&t->rng, 4);
    o.savefile = o.live || rng_below(&t->rng, 4) ? 0 : 1 + rng_below(&t->rng, 2);
    o.netmask = rng_below(&t->rng, 2) ? WEIR_NETMASK_UNKNOWN : netmasks[rng_below(&t->rng, 4)];
    o.snaplen = rng_below(&t->rng, 3) ? WEIR_SNAPLEN_DEFAULT : 1 + rng_below(&t->rng, 65535);
    t->o = o;
}

/* Filters of one primitive made from @row. Keywords that few link types have come up too rarely otherwise. */
static uint32_t samples_alone(const struct production *row)
{
    static const char *const rare[] = {"atm", "ss7", "pflog", "wlan"};
    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++)
        if (strncmp(row->needs, rare[i], strlen(rare[i])) == 0)
            return ALONE_RARE;
    return ALONE;
}

static void run_linktype(struct test *t, const struct linktype *lt, uint64_t seed, uint32_t times)
{
    struct arena arena;
    struct rng mix = {seed + lt->number * UINT64_C(0x100000001b3)};
    uint32_t filters = (lt->number == 1              ? FILTERS_ETHER
                        : linktype_has_protocols(lt) ? FILTERS
                                                     : FILTERS / 4) *
                       times;
    t->rng.state = rng_next(&mix);
    t->lt = lt;
    t->filters = t->refused = t->pairs = t->compared = t->accepted = 0;
    t->failures = t->hidden = 0;
    memset(t->kind, 0, sizeof t->kind);
    arena_init(&arena, &allocator_system, (size_t)64 << 20);
    struct arena_mark mark = arena_mark(&arena);
    for (uint32_t row = 0; row < t->grammar.n; row++)
        for (uint32_t i = 0, n = samples_alone(&t->grammar.row[row]) * times; i < n; i++) {
            random_options(t);
            struct tree *tree = generate_primitive(&t->grammar, row, &t->rng, &arena, lt, &t->o);
            if (tree)
                run_filter(t, tree, &arena);
            arena_rewind(&arena, mark);
        }
    for (uint32_t i = 0; i < filters; i++) {
        random_options(t);
        struct tree *tree = generate_filter(&t->grammar, &t->rng, &arena, lt, &t->o,
                                            1 + rng_below(&t->rng, rng_below(&t->rng, 4) ? 4 : 9));
        if (tree)
            run_filter(t, tree, &arena);
        arena_rewind(&arena, mark);
    }
    arena_release(&arena);
    if (lt->name)
        tap_ok(!t->failures, "%s", lt->name);
    else
        tap_ok(!t->failures, "DLT %u", lt->number);
    if (t->hidden)
        tap_diag("and %u more failures of these kinds", t->hidden);
    tap_diag("%" PRIu64 " filters, %" PRIu64 " refused; %" PRIu64 " pairs, %" PRIu64
             " of them with libpcap, %" PRIu64 " accepted",
             t->filters, t->refused, t->pairs, t->compared, t->accepted);
    t->all_pairs += t->pairs;
    t->all_compared += t->compared;
}

/* ---------------------------------------------------------------- reports */

/* Words that no primitive is asked for alone, or that stand for a number. */
static bool word_counts(const struct word *w)
{
    return strcmp(w->token, "TK_NUM") != 0 && strcmp(w->token, "TK_NOT") != 0;
}

static void report_words(void)
{
    bool ok = true;
    tap_diag("keyword, packets on which its primitives were true, and false");
    for (size_t i = 0; i < WORDS; i++) {
        if (!word_counts(&words[i]))
            continue;
        tap_diag("%-12s %10" PRIu64 " %10" PRIu64, words[i].text, words[i].yes, words[i].no);
        if (!words[i].yes || !words[i].no) {
            ok = false;
            tap_pending("%s: %" PRIu64 " true, %" PRIu64 " false", words[i].text, words[i].yes, words[i].no);
        }
    }
    tap_ok(ok, "every keyword was true and false");
}

static const struct linktype *find_linktype(const char *text)
{
    int64_t number = weir_linktype_by_name(text);
    return number < 0 ? NULL : linktype_by_number((uint32_t)number);
}

/* A case as a failure prints it. */
static int run_case(struct test *t, int argc, char **argv)
{
    struct compiled c;
    const char *wrong;
    random_options(t);
    if (sscanf(argv[2], "%u,%u,%x,%u", &t->o.live, &t->o.savefile, &t->o.netmask, &t->o.snaplen) != 4) {
        fprintf(stderr, "options: live,savefile,netmask,snaplen\n");
        return 2;
    }
    wrong = compiled_make(&c, argv[3], t->lt, &t->o, &t->known);
    if (argc > 4 && c.status >= 0 && !wrong) {
        struct packet *p = next_packet(t);
        size_t len = strlen(argv[4]) / 2;
        p->caplen = (uint32_t)(len < SOLVE_BYTES ? len : SOLVE_BYTES);
        for (uint32_t i = 0; i < p->caplen; i++) {
            unsigned byte = 0;
            (void)sscanf(argv[4] + 2 * i, "%2x", &byte);
            t->bytes[0][i] = (uint8_t)byte;
        }
        p->wirelen = p->caplen;
        if (argc > 5)
            (void)sscanf(argv[5], "%u,%u,%u,%u,%u", &p->wirelen, &p->meta.packet_type, &p->meta.ifindex,
                         &p->meta.vlan_tci, &p->meta.vlan_present);
        struct verdicts v;
        wrong = compiled_run(&c, p, &v);
        show(t, &c, wrong ? wrong : "all agree", p);
    } else {
        show(t, &c, wrong ? wrong : "compiles", NULL);
    }
    tap_ok(false, "what they say"); /* so that it is shown */
    if (wrong)
        tap_diag("wrong: %s", wrong);
    compiled_release(&c);
    return wrong != NULL;
}

static int run_all(struct test *t, const char *only)
{
    const char *text = getenv("WEIR_LONG");
    bool is_long = text && strcmp(text, "1") == 0;
    if (is_long && !getenv("WEIR_SEED")) {
        char seed[32];
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)time(NULL));
        setenv("WEIR_SEED", seed, 1);
    }
    uint64_t seed = rng_seed();
    unsigned raw = 0;
    const struct linktype *lt;
    for (size_t i = 0; (lt = linktype_at(i)); i++) {
        if (only ? lt != t->lt : lt->method == METHOD_RAW_ONLY && (lt->number < 140 || raw++ >= 4))
            continue;
        run_linktype(t, lt, seed, is_long ? FILTERS_LONG : 1);
    }
    tap_diag("%" PRIu64 " pairs, %" PRIu64 " of them with libpcap", t->all_pairs, t->all_compared);
    if (!only) {
        for (size_t i = 0; i < t->known.n; i++)
            if (!t->known.row[i].used)
                tap_diag("no filter was like this row of reference.tsv: %s: %s", t->known.row[i].linktype,
                         t->known.row[i].reason);
        tap_ok(t->all_pairs >= PAIRS_WANTED, "at least %d pairs", PAIRS_WANTED);
        report_words();
    }
    return tap_done();
}

int main(int argc, char **argv)
{
    static struct test t;
    int status = 2;
    t.bytes = malloc(PACKETS_MAX * sizeof *t.bytes);
    t.names = names_load(ROOM "names");
    if (!t.bytes || !t.names || !grammar_load(ROOM "grammar.tsv", &t.grammar) ||
        !reference_load(ROOM "reference.tsv", "docs/differences.tsv", &t.known))
        return status;
    load_captures(&t, "captures/libpcap");
    load_captures(&t, "captures/tcpdump");
    qsort(t.sample, t.samples, sizeof *t.sample, by_linktype);
    if (argc > 1 && !(t.lt = find_linktype(argv[1])))
        fprintf(stderr, "%s: no such link type\n", argv[1]);
    else
        status = argc > 3 ? run_case(&t, argc, argv) : run_all(&t, argc > 1 ? argv[1] : NULL);
    for (size_t i = 0; i < t.samples; i++)
        free((void *)t.sample[i].p.bytes);
    free(t.sample);
    free(t.bytes);
    names_free(t.names);
    grammar_free(&t.grammar);
    reference_free(&t.known);
    return status;
}
