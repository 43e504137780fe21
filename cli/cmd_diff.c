/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/cmd_diff.c - weir diff: do two filters mean the same, and if not, on which packet?
 *
 * What is compared is what the filters mean, that is, their plain programs; a classic program that is read is
 * what it is. Packets that hold all bytes at constant places that either filter may look at are asked about
 * first, because such a packet is easier to understand.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "compile.h"
#include "output.h"
#include "prove.h"
#include "say.h"

enum { EXIT_UNDECIDED = 3, Z3_SECONDS = 20, SECONDS_MAX = 1000000 };

struct diff {
    struct options options[2];
    struct weir_program *program[2];
    const struct weir_cbpf_insn *code[2];
    uint32_t n[2];
    unsigned seconds;
    bool whole_packets, any_length;
    const char *output;
    const char *from[2]; /* operands that are files of classic programs: the very words */
};

/* The value of a short option @letter at argv[*i], in the word or behind it; NULL when argv[*i] is another
 * word. */
static const char *letter_value(char letter, int argc, char **argv, int *i)
{
    const char *word = argv[*i];

    if (word[0] != '-' || word[1] != letter)
        return NULL;
    return word[2] ? word + 2 : *i + 1 < argc ? argv[++*i] : "";
}

static int parse_seconds(const char *text, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || !n || n > SECONDS_MAX)
        return say_usage("'%s' is not a number of seconds (1 to %d)", text, SECONDS_MAX);
    *out = (unsigned)n;
    return EXIT_DONE;
}

/* Takes what is ours out of @argv; returns a status, and in *@rest how many words are left. */
static int take_options(int argc, char **argv, struct diff *d, int *rest)
{
    const char timeout[] = "--timeout=", from[] = "--from=";

    *rest = 1;
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (!strcmp(argv[i], "--")) {
            for (; i < argc; i++)
                argv[(*rest)++] = argv[i];
            break;
        }
        if (!strcmp(argv[i], "--any-length")) {
            d->any_length = true;
        } else if (!strcmp(argv[i], "--whole-packets")) {
            d->whole_packets = true;
        } else if (!strncmp(argv[i], timeout, sizeof timeout - 1) ||
                   (!strcmp(argv[i], "--timeout") && i + 1 < argc)) {
            value = argv[i][sizeof timeout - 2] == '=' ? argv[i] + sizeof timeout - 1 : argv[++i];
            if (parse_seconds(value, &d->seconds))
                return EXIT_USAGE;
        } else if (!strncmp(argv[i], from, sizeof from - 1) || (!strcmp(argv[i], "--from") && i + 1 < argc)) {
            char *file = argv[i][sizeof from - 2] == '=' ? argv[i] + sizeof from - 1 : argv[++i];
            d->from[d->from[0] != NULL] = file;
            argv[(*rest)++] = file;
        } else if ((value = letter_value('w', argc, argv, &i))) {
            if (!*value)
                return say_usage("-w needs a value");
            d->output = value;
        } else {
            argv[(*rest)++] = argv[i];
        }
    }
    argv[*rest] = NULL;
    if (d->any_length && d->whole_packets)
        return say_usage("--any-length and --whole-packets exclude each other");
    return EXIT_DONE;
}

static int parse(int argc, char **argv, struct diff *d)
{
    struct options o;
    int rest, status = take_options(argc, argv, d, &rest);

    if (!status)
        status = options_parse(rest, argv, &o);
    if (status)
        return status;
    if (o.action == ACTION_HELP) {
        options_help();
        return EXIT_DONE;
    }
    if (o.action != ACTION_COMPILE || o.input || o.interface || o.filter_file || o.program_file ||
        o.listing || o.emit || o.dump_ir || o.target != WEIR_TARGET_CBPF)
        return say_usage(
            "diff takes two filters, -w, --any-length, --whole-packets, --timeout, and what says what the "
            "packets and names are");
    if (o.word_count != 2)
        return say_usage("diff takes two filters, each one word (or @FILE, or --from FILE); %d given",
                         o.word_count);
    o.plain = true;
    for (int i = 0; i < 2; i++) {
        d->options[i] = o;
        d->options[i].words = o.words + i;
        d->options[i].word_count = 1;
        d->options[i].called = i == 0 ? "first filter" : "second filter";
        if (o.words[i] == d->from[0] || o.words[i] == d->from[1]) {
            d->options[i].from_file = o.words[i];
            d->options[i].word_count = 0;
        } else if (o.words[i][0] == '@') {
            d->options[i].filter_file = o.words[i] + 1;
            d->options[i].word_count = 0;
        }
    }
    return EXIT_DONE;
}

static uint32_t run(void *user, const struct weir_cbpf_insn *code, uint32_t n,
                    const struct prove_result *packet, bool *faulted)
{
    const struct diff *d = user;

    *faulted = prove_falls_short(code, n, packet);
    return weir_match(d->program[code == d->code[1]], packet->bytes, packet->caplen, packet->wirelen,
                      &packet->meta);
}

/* Asks the engines in turn. Returns the library's status. */
static int ask(struct diff *d, bool finish, struct prove_result *out)
{
    const struct prove_question question = {
        .timeout_ms = d->seconds * 1000, .finish = finish, .run = run, .user = d};
    int status = prove_walk(d->code[0], d->n[0], d->code[1], d->n[1], &question, out);

    if (status < 0 || out->verdict != PROVE_UNKNOWN)
        return status;
    return prove_z3(d->code[0], d->n[0], d->code[1], d->n[1], &question, out);
}

/* ---------------------------------------------------------------- the answer */

static void print_hex(const struct prove_result *r)
{
    for (uint32_t i = 0; i < r->caplen; i++)
        printf("%s%02x", i % 16 ? " " : i ? "\n  " : "  ", r->bytes[i]);
    putchar('\n');
}

static void print_verdict(const char *name, uint32_t verdict)
{
    if (verdict)
        printf("%s accepts it (%u)\n", name, verdict);
    else
        printf("%s rejects it\n", name);
}

static void print_packet(const struct diff *d, const struct prove_result *r, bool only_cut)
{
    const struct prove_meta *m;

    if (d->options[0].json) {
        printf("{\"result\": \"differ\", \"caplen\": %u, \"wirelen\": %u, \"packet\": \"", r->caplen,
               r->wirelen);
        for (uint32_t i = 0; i < r->caplen; i++)
            printf("%02x", r->bytes[i]);
        printf("\", \"metadata\": {");
        for (size_t i = 0; (m = prove_meta_at(i)); i++)
            printf("%s\"%s\": %u", i ? ", " : "", m->name, prove_meta_of(&r->meta, m));
        printf("}, \"verdicts\": [%u, %u], \"only_cut_short\": %s}\n", r->p, r->q,
               only_cut ? "true" : "false");
        return;
    }
    printf(only_cut ? "differ, but only on packets that are cut short\n" : "differ\n");
    printf("packet: %u bytes captured of %u\n", r->caplen, r->wirelen);
    if (r->caplen)
        print_hex(r);
    const char *before = "metadata: ";
    for (size_t i = 0; (m = prove_meta_at(i)); i++)
        if (prove_meta_of(&r->meta, m)) {
            printf("%s%s %u", before, m->name, prove_meta_of(&r->meta, m));
            before = ", ";
        }
    if (*before == ',')
        putchar('\n');
    print_verdict("the first filter", r->p);
    print_verdict("the second filter", r->q);
}

static int write_packet(const struct diff *d, const struct prove_result *r)
{
    const struct options *o = &d->options[0];
    const struct pcap_pkthdr header = {.caplen = r->caplen, .len = r->wirelen};
    const int linktype = o->linktype >= 0 ? (int)o->linktype : DLT_EN10MB;
    struct output out;
    int failed = 0;

    if (output_open(&out, d->output) < 0)
        return say_failed(o->json, "%s: %s", d->output, strerror(errno));
    pcap_t *p = pcap_open_dead(linktype, PROVE_CAPLEN_MAX);
    pcap_dumper_t *dumper = p ? pcap_dump_fopen(p, out.file) : NULL;
    if (!dumper) {
        int status = say_failed(o->json, "%s: %s", d->output, p ? pcap_geterr(p) : strerror(ENOMEM));
        output_close(&out, true);
        if (p)
            pcap_close(p);
        return status;
    }
    pcap_dump((u_char *)dumper, &header, r->bytes);
    if (output_flush(&out) < 0)
        failed = errno ? errno : EIO;
    pcap_dump_close(dumper);
    out.file = NULL;
    output_close(&out, failed != 0);
    pcap_close(p);
    return failed ? say_failed(o->json, "%s: %s", d->output, strerror(failed)) : EXIT_DONE;
}

static int print_word(const struct diff *d, const char *word, const char *why, int status)
{
    if (d->options[0].json) {
        printf("{\"result\": \"%s\", \"reason\": ", word);
        say_json_string(stdout, why);
        fputs("}\n", stdout);
    } else {
        printf("%s%s%s\n", word, why ? ": " : "", why ? why : "");
    }
    return status;
}

static int compare(struct diff *d)
{
    struct prove_result r = {.verdict = PROVE_UNKNOWN};
    bool only_cut = false;
    int status = ask(d, true, &r);

    if (status == 0 && !d->whole_packets && r.verdict != PROVE_DIFFER) {
        only_cut = r.verdict == PROVE_EQUAL;
        prove_release(&r);
        status = ask(d, false, &r);
    }
    if (status == WEIR_E_UNSUPPORTED)
        return say_failed(d->options[0].json, "these filters cannot be compared without z3: %s",
                          prove_z3_missing());
    if (status < 0)
        return say_failed(d->options[0].json, "%s", weir_strerror(status));
    if (r.verdict == PROVE_EQUAL) {
        status = print_word(d, "equal", NULL, EXIT_DONE);
    } else if (r.verdict == PROVE_UNKNOWN) {
        status = print_word(d, "undecided", r.why, EXIT_UNDECIDED);
    } else {
        print_packet(d, &r, only_cut);
        /* A packet that could not be written is not the answer "differ" alone. */
        status = d->output && write_packet(d, &r) ? EXIT_USAGE : EXIT_FAILED;
    }
    prove_release(&r);
    return status;
}

int cmd_diff(int argc, char **argv)
{
    struct diff d = {.seconds = Z3_SECONDS};
    const struct weir_options wo = WEIR_OPTIONS_INIT;
    int status = parse(argc, argv, &d);

    if (status || d.options[0].action == ACTION_HELP ||
        (!d.options[0].word_count && !d.options[0].filter_file && !d.options[0].from_file))
        return status;
    for (int i = 0; i < 2 && !status; i++) {
        size_t n = 0;
        status = compile_filter(&d.options[i], wo, &d.program[i]);
        if (!status)
            d.code[i] = weir_program_cbpf(d.program[i], &n);
        d.n[i] = (uint32_t)n;
    }
    if (!status)
        status = compare(&d);
    weir_program_free(d.program[0]);
    weir_program_free(d.program[1]);
    return status;
}
