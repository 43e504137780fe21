/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/golden/test_accept.c - the reference compiler's cases: same meaning as its programs, by proof.
 *
 * For every case of cases/accept.jsonl: each spelling compiles and gives the same optimized program and an
 * equal plain one; the plain program equals the reference's unoptimized one; the optimized program refines
 * the reference's and our own plain one. A row of docs/differences.tsv excuses the packets of its condition.
 * Packets are tried before z3 is asked: they are quicker to say no. Each case runs in a process of its own,
 * two at a time.
 *
 * Environment: WEIR_CASE, a pattern (fnmatch) of case names to run; WEIR_SEED.
 */
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backends/cbpf/cbpf.h"
#include "tests/golden/claim.h"
#include "tests/golden/compile.h"
#include "tests/harness/differences.h"
#include "tests/harness/names.h"
#include "tests/harness/rng.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

enum {
    AT_ONCE = 2,
    CASE_SECONDS = 900,
    PACKETS = 400,
    PACKET_BYTES = 200,
    MAX_STEPS = 100000,
    LISTING_MAX = 60,
    ROWS_MAX = 64,
};

/* All that the cases have in common. */
struct suite {
    struct json_lines cases;
    struct differences differences;
    struct names *names;
    uint64_t seed;
};

/* One case, in its own process. */
struct job {
    const struct suite *suite;
    const char *name, *linktype;
    struct weir_options options;
    struct program reference, reference_optimized, plain, optimized;
    struct program excuse[ROWS_MAX]; /* of the rows with a condition */
    struct prove_condition outside[ROWS_MAX];
    size_t excuse_row[ROWS_MAX]; /* index into the rows */
    size_t excuses;
    bool excused; /* a row says always: which ones */
    size_t always_row[ROWS_MAX], always_rows;
    FILE *out; /* details; its first byte on the pipe tells the verdict */
    bool failed;
};

static void fail(struct job *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct job *j, const char *format, ...)
{
    va_list args;
    j->failed = true;
    va_start(args, format);
    vfprintf(j->out, format, args);
    va_end(args);
    fputc('\n', j->out);
}

static void show_program(struct job *j, const char *what, const struct program *p)
{
    struct strbuf text;
    if (p->n > LISTING_MAX) {
        fprintf(j->out, "%s: %u instructions\n", what, p->n);
        return;
    }
    strbuf_init(&text, &allocator_system);
    cbpf_print_listing(p->at, p->n, &text);
    fprintf(j->out, "%s:\n%s", what, text.text ? text.text : "");
    strbuf_release(&text);
}

static void show_packet(struct job *j, const struct packet *p)
{
    fprintf(j->out, "packet: caplen %u wirelen %u type %u ifindex %u vlan %u/%u bytes ", p->caplen,
            p->wirelen, p->meta.packet_type, p->meta.ifindex, p->meta.vlan_tci, p->meta.vlan_present);
    for (uint32_t i = 0; i < p->caplen && i < PACKET_BYTES; i++)
        fprintf(j->out, "%02x", p->bytes[i]);
    fputc('\n', j->out);
}

/* ---------------------------------------------------------------- one case */

static bool case_options(struct job *j, const json_t *c)
{
    const char *savefile = json_text(c, "savefile");
    int64_t linktype = weir_linktype_by_name(j->linktype);
    j->options = (struct weir_options)WEIR_OPTIONS_INIT;
    if (linktype < 0) {
        fail(j, "no such link type");
        return false;
    }
    j->options.linktype = (uint32_t)linktype;
    j->options.snaplen = (uint32_t)json_number(c, "snaplen", WEIR_SNAPLEN_DEFAULT);
    j->options.live = json_is_true(json_object_get(c, "live"));
    if (savefile)
        j->options.savefile =
            strcmp(savefile, "swapped") == 0 ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
    j->options.resolver = names_resolver(j->suite->names);
    return true;
}

static bool same_program(const struct program *p, const struct program *q)
{
    return p->n == q->n && memcmp(p->at, q->at, p->n * sizeof *p->at) == 0;
}

/* Plain programs follow their text (`l1` and `isis proto 26 or ...`), so the meaning is what spellings share.
 */
static bool same_meaning(const struct program *p, const struct program *q)
{
    struct prove_options o = {.timeout_ms = CLAIM_TIMEOUT_MS};
    struct prove_result r;
    if (prove_equal(p->at, p->n, q->at, q->n, &o, &r) < 0)
        return false;
    bool same = r.verdict == PROVE_EQUAL;
    prove_release(&r);
    return same;
}

/* Compiles every spelling both ways; keeps the first one's programs. */
static bool compile_spellings(struct job *j, const json_t *c)
{
    const json_t *spellings = json_object_get(c, "spellings");
    bool can_match = json_text(c, "optimized") != NULL;
    for (size_t i = 0; i < json_array_size(spellings); i++) {
        const char *text = json_string_value(json_array_get(spellings, i));
        for (uint32_t optimize = 0; optimize < 2; optimize++) {
            struct program p = {0}, *first = optimize ? &j->optimized : &j->plain;
            char why[1024];
            j->options.optimize = optimize;
            int rc = compile_program(text, &j->options, &p, why, sizeof why);
            if (rc < 0) {
                fail(j, "'%s'%s: %s", text, optimize ? "" : " -O", why);
                continue;
            }
            const char *wrong = cbpf_validate(p.at, p.n);
            if (wrong)
                fail(j, "'%s'%s: %s", text, optimize ? "" : " -O", wrong);
            if (optimize && !can_match && rc != WEIR_NEVER)
                fail(j, "'%s': the reference knows that it never matches, we do not", text);
            if (!first->at && !wrong) {
                *first = p;
                continue;
            }
            if (!wrong && !same_program(first, &p) && (optimize || !same_meaning(first, &p))) {
                fail(j, "'%s'%s: not the program of the first spelling", text, optimize ? "" : " -O");
                show_program(j, "the first", first);
                show_program(j, "this one", &p);
            }
            program_free(&p);
        }
    }
    return j->plain.at && j->optimized.at;
}

/* Conditions of the rows that speak of this case. Written for the link type of the case, plain. */
static void find_excuses(struct job *j)
{
    const struct differences *d = &j->suite->differences;
    struct weir_options o = j->options;
    o.optimize = 0;
    for (size_t i = 0; i < d->n; i++) {
        char why[512];
        if (!difference_matches(&d->row[i], j->name, j->linktype))
            continue;
        fprintf(j->out, "!row %zu matched\n", i);
        if (!d->row[i].condition) {
            j->excused = true;
            j->always_row[j->always_rows++ % ROWS_MAX] = i;
            continue;
        }
        struct program *p = &j->excuse[j->excuses];
        if (j->excuses == ROWS_MAX) {
            fail(j, "too many rows of differences.tsv match");
            return;
        }
        if (compile_program(d->row[i].condition, &o, p, why, sizeof why) < 0) {
            fail(j, "condition '%s' of differences.tsv: %s", d->row[i].condition, why);
            continue;
        }
        j->excuse_row[j->excuses] = i;
        j->outside[j->excuses] = (struct prove_condition){p->at, p->n, false};
        j->excuses++;
    }
}

static bool packet_is_excused(const struct job *j, const struct packet *p)
{
    for (size_t i = 0; i < j->excuses; i++)
        if (cbpf_run(j->excuse[i].at, j->excuse[i].n, p, NULL))
            return true;
    return j->excused;
}

static uint32_t run_program(const struct program *p, const struct packet *packet, bool *faulted)
{
    enum run_end end;
    uint32_t verdict = program_run(p, packet, MAX_STEPS, &end);
    *faulted = end == RUN_FAULT;
    return verdict;
}

/* Do @p's answer and @q's agree as they must? */
static bool agrees(uint32_t p, bool p_faulted, uint32_t q, bool refines)
{
    return p == q || (refines && !p && p_faulted);
}

/* Random packets that were led into the programs, whole and cut short. False when one shows a mistake. */
static bool try_packets(struct job *j)
{
    struct rng r = {j->suite->seed};
    const struct program *leader[] = {&j->reference, &j->plain, &j->optimized};
    for (int i = 0; i < PACKETS; i++) {
        uint8_t bytes[PACKET_BYTES];
        rng_bytes(&r, bytes, sizeof bytes);
        if (rng_below(&r, 2))
            memset(bytes, 0, sizeof bytes);
        struct packet p = {.bytes = bytes, .caplen = sizeof bytes};
        program_steer(leader[i % 3], &r, bytes, p.caplen);
        if (rng_below(&r, 3) == 0)
            p.caplen = rng_below(&r, rng_below(&r, 2) ? PACKET_BYTES : 64);
        p.wirelen = p.caplen + (rng_below(&r, 3) ? 0 : rng_below(&r, 2000));
        p.meta = (struct weir_metadata){
            .size = sizeof p.meta,
            .packet_type = rng_below(&r, 6),
            .ifindex = rng_below(&r, 5),
            .vlan_tci = rng_below(&r, 0x10000),
            .vlan_present = rng_below(&r, 2),
        };
        bool reference_faulted, plain_faulted, ignored;
        uint32_t reference = run_program(&j->reference, &p, &reference_faulted);
        uint32_t plain = run_program(&j->plain, &p, &plain_faulted);
        uint32_t optimized = run_program(&j->optimized, &p, &ignored);
        bool excused = packet_is_excused(j, &p);
        const char *wrong = NULL;
        if (!excused && plain != reference)
            wrong = "plain differs from the reference";
        else if (!excused && !agrees(reference, reference_faulted, optimized, true))
            wrong = "optimized does not refine the reference";
        else if (!agrees(plain, plain_faulted, optimized, true))
            wrong = "optimized does not refine plain";
        else
            continue;
        fail(j, "%s (found by a packet): reference %u, plain %u, optimized %u", wrong, reference, plain,
             optimized);
        show_packet(j, &p);
        return false;
    }
    return true;
}

static bool prove(struct job *j, const char *what, claim *ask, const struct program *p,
                  const struct program *q, bool with_excuses)
{
    struct prove_options o = {
        .timeout_ms = CLAIM_TIMEOUT_MS, .condition = j->outside, .conditions = with_excuses ? j->excuses : 0};
    struct prove_result r;
    int rc = ask(p->at, p->n, q->at, q->n, &o, &r);
    if (rc < 0) {
        fail(j, "%s: the prover says: %s", what, weir_strerror(rc));
        return false;
    }
    bool proved = r.verdict == PROVE_EQUAL;
    if (r.verdict == PROVE_UNKNOWN) {
        fail(j, "%s: undecided, %s", what, r.why);
    } else if (!proved) {
        struct packet packet = {r.bytes, r.caplen, r.wirelen, r.meta};
        fail(j, "%s: no, the verdicts are %u and %u", what, r.p, r.q);
        show_packet(j, &packet);
    }
    prove_release(&r);
    return proved;
}

/* A row of differences.tsv that excuses nothing is a lie in waiting: do we differ inside (NULL: anywhere)? */
static bool differs(const struct job *j, const struct program *inside)
{
    struct prove_condition condition = {inside ? inside->at : NULL, inside ? inside->n : 0, true};
    struct prove_options o = {
        .timeout_ms = CLAIM_TIMEOUT_MS, .condition = &condition, .conditions = inside ? 1 : 0};
    struct prove_result r;
    const struct program *p = &j->reference;
    bool needed = false;
    for (int refines = 0; !needed && refines < 2; refines++) {
        const struct program *q = refines ? &j->optimized : &j->plain;
        if ((refines ? prove_refines : prove_equal)(p->at, p->n, q->at, q->n, &o, &r) < 0)
            return true;
        needed = r.verdict != PROVE_EQUAL;
        prove_release(&r);
    }
    return needed;
}

static void run_case(struct job *j, const json_t *c)
{
    const char *wrong = listing_parse(json_text(c, "unoptimized"), &j->reference);
    if (wrong) {
        fail(j, "the reference's listing: %s", wrong);
        return;
    }
    if (!case_options(j, c) || !compile_spellings(j, c))
        return;
    find_excuses(j);
    bool good = try_packets(j);
    /* A reference with a loop (protochain) is out of the prover's reach: packets have to do. */
    bool provable = !program_has_loop(&j->reference) && !j->excused;
    if (good && provable)
        good = prove(j, "plain equals the reference", prove_equal, &j->reference, &j->plain, true) &&
               prove(j, "optimized refines the reference", prove_refines, &j->reference, &j->optimized, true);
    if (good)
        good = prove(j, "optimized refines plain", prove_refines, &j->plain, &j->optimized, false);
    if (!good) {
        show_program(j, "reference", &j->reference);
        show_program(j, "plain", &j->plain);
        show_program(j, "optimized", &j->optimized);
    }
    if (program_has_loop(&j->reference))
        return;
    for (size_t i = 0; i < j->excuses; i++)
        if (differs(j, &j->excuse[i]))
            fprintf(j->out, "!row %zu needed\n", j->excuse_row[i]);
    bool needed = j->excused && differs(j, NULL);
    for (size_t i = 0; needed && i < j->always_rows && i < ROWS_MAX; i++)
        fprintf(j->out, "!row %zu needed\n", j->always_row[i]);
}

/* ---------------------------------------------------------------- processes */

struct child {
    pid_t pid;
    int pipe;
};

static struct child start(const struct suite *s, size_t i)
{
    int ends[2];
    struct child child = {-1, -1};
    if (pipe(ends) < 0)
        return child;
    child.pid = fork();
    if (child.pid == 0) {
        struct job j = {
            .suite = s,
            .name = json_text(s->cases.at[i], "name"),
            .linktype = json_text(s->cases.at[i], "linktype"),
            .out = fdopen(ends[1], "w"),
        };
        close(ends[0]);
        alarm(CASE_SECONDS);
        if (!j.out)
            _exit(2);
        run_case(&j, s->cases.at[i]);
        fclose(j.out);
        _exit(j.failed);
    }
    close(ends[1]);
    child.pipe = ends[0];
    return child;
}

/* Everything the child wrote, as text; free(3) it. */
static char *read_all(int fd)
{
    char *text = NULL;
    size_t n = 0, cap = 0;
    ssize_t got = 1;
    while (got > 0) {
        if (cap - n < 4096) {
            cap = cap ? cap * 2 : 8192;
            char *more = realloc(text, cap);
            if (!more)
                break;
            text = more;
        }
        got = read(fd, text + n, cap - n - 1);
        n += got > 0 ? (size_t)got : 0;
    }
    if (text)
        text[n] = '\0';
    return text;
}

/* What happened to each row of differences.tsv. */
struct row_use {
    unsigned matched, needed;
};

static void finish(const struct suite *s, size_t i, struct child child, struct row_use *use)
{
    int status = -1;
    char *text = child.pid > 0 ? read_all(child.pipe) : NULL;
    if (child.pid > 0) {
        close(child.pipe);
        waitpid(child.pid, &status, 0);
    }
    bool ok = tap_ok(status == 0, "%s on %s", json_text(s->cases.at[i], "name"),
                     json_text(s->cases.at[i], "linktype"));
    for (char *line = text, *next; line && *line; line = next) {
        size_t row;
        char word[16];
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (sscanf(line, "!row %zu %15s", &row, word) == 2) {
            *(strcmp(word, "needed") == 0 ? &use[row].needed : &use[row].matched) += 1;
            continue;
        }
        if (!ok)
            tap_diag("%s", line);
    }
    if (WIFSIGNALED(status))
        tap_diag("died of signal %d", WTERMSIG(status));
    free(text);
}

static void run_cases(const struct suite *s, struct row_use *use)
{
    const char *only = getenv("WEIR_CASE");
    struct child child[AT_ONCE];
    size_t index[AT_ONCE], running = 0;
    for (size_t i = 0; i <= s->cases.n; i++) {
        bool last = i == s->cases.n;
        if (!last && only && fnmatch(only, json_text(s->cases.at[i], "name"), 0) != 0)
            continue;
        if (!last) {
            fflush(stdout);
            index[running] = i;
            child[running++] = start(s, i);
        }
        if (running < AT_ONCE && !last)
            continue;
        for (size_t k = 0; k < running; k++)
            finish(s, index[k], child[k], use);
        running = 0;
    }
}

int main(void)
{
    struct suite s = {0};
    const char *dir = shared_dir();
    if (!dir)
        return tap_skip_all(SHARED_ABSENT);
    char *cases = shared_path("cases/accept.jsonl"), *names = shared_path("cases");
    s.seed = rng_seed();
    s.names = names ? names_load(names) : NULL;
    if (tap_ok(cases && s.names && json_lines_load(cases, &s.cases), "cases can be read") &&
        tap_ok(differences_load("docs/differences.tsv", &s.differences), "differences can be read")) {
        struct row_use *use = calloc(s.differences.n + 1, sizeof *use);
        run_cases(&s, use);
        /* A row for all filters of a link type need not be needed by the few that are here. */
        for (size_t i = 0; i < s.differences.n; i++)
            if (use[i].matched && strcmp(s.differences.row[i].name, "*") != 0)
                tap_ok(use[i].needed, "differences.tsv: %s on %s is needed", s.differences.row[i].name,
                       s.differences.row[i].linktype);
        free(use);
    }
    free(cases);
    free(names);
    json_lines_free(&s.cases);
    differences_free(&s.differences);
    names_free(s.names);
    return tap_done();
}
