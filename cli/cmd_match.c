/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/cmd_match.c - filtering a savefile.
 *
 * What is written is what libpcap writes for the packets that match, so it equals tcpdump's, byte for byte.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "compile.h"
#include "output.h"
#include "savefile.h"
#include "say.h"

struct counts {
    uint64_t read, matched;
};

/* Writing through libpcap. `file` is shared: the dumper owns it once it exists. */
struct writer {
    struct output out;
    pcap_dumper_t *dumper;
};

static int writer_open(const struct options *o, const struct savefile *in, struct writer *w)
{
    if (savefile_is(in, o->output))
        return say_failed(o->json, "%s: is the file that is being read", o->output);
    if (output_open(&w->out, o->output) < 0)
        return say_failed(o->json, "%s: %s", o->output, strerror(errno));
    w->dumper = pcap_dump_fopen(in->pcap, w->out.file);
    if (!w->dumper) {
        say_failed(o->json, "%s: %s", o->output, pcap_geterr(in->pcap));
        output_close(&w->out, true);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int writer_close(const struct options *o, struct writer *w, int failed)
{
    if (!failed && output_flush(&w->out) < 0)
        failed = errno ? errno : EIO;
    pcap_dump_close(w->dumper);
    w->out.file = NULL;
    output_close(&w->out, failed != 0);
    return failed ? say_failed(o->json, "%s: %s", o->output, strerror(failed)) : EXIT_DONE;
}

/* Up to the end of the file, the asked-for number of matches, a fault in the file or a failed write. */
static int filter_packets(const struct options *o, pcap_t *in, const struct weir_program *p, struct writer *w,
                          struct counts *n, int *write_error)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int status = 1;

    while ((!o->packets || n->matched < o->packets) && (status = pcap_next_ex(in, &header, &data)) == 1) {
        n->read++;
        if (!weir_match(p, data, header->caplen, header->len, NULL))
            continue;
        n->matched++;
        if (!w)
            continue;
        pcap_dump((u_char *)w->dumper, header, data);
        if (ferror(w->out.file)) {
            *write_error = errno ? errno : EIO;
            return EXIT_FAILED;
        }
    }
    if (status == PCAP_ERROR)
        return say_failed(o->json, "%s: packet %" PRIu64 ": %s", o->input, n->read + 1, pcap_geterr(in));
    return EXIT_DONE;
}

static void print_counts(const struct options *o, const struct counts *n)
{
    FILE *f = o->output && !strcmp(o->output, "-") ? stderr : stdout;

    if (o->json)
        fprintf(f, "{\"read\": %" PRIu64 ", \"matched\": %" PRIu64 "}\n", n->read, n->matched);
    else
        fprintf(f, "%" PRIu64 " packet%s\n", n->matched, n->matched == 1 ? "" : "s");
}

static int filter_savefile(const struct options *o, const struct savefile *in, const struct weir_program *p)
{
    struct writer w = {0};
    struct counts n = {0};
    int status, write_error = 0, closed = EXIT_DONE;

    if (o->output && writer_open(o, in, &w))
        return EXIT_FAILED;
    status = filter_packets(o, in->pcap, p, o->output ? &w : NULL, &n, &write_error);
    if (o->output)
        closed = writer_close(o, &w, write_error);
    if (!closed && (o->count || !o->output))
        print_counts(o, &n);
    return status ? status : closed;
}

int cmd_match(const struct options *o)
{
    struct weir_options wo = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    struct savefile in;
    char why[PCAP_ERRBUF_SIZE];
    int status;

    if (savefile_open(&in, o->input, why) < 0)
        return say_failed(o->json, "%s: %s", o->input, why);
    savefile_describe(&in, &wo);
    status = compile_filter(o, wo, &p);
    if (!status) {
        status = filter_savefile(o, &in, p);
        weir_program_free(p);
    }
    savefile_close(&in);
    return status;
}
