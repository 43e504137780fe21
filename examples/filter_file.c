/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/filter_file.c - filters a pcap file by the library alone, without libpcap.
 *
 *   filter_file EXPRESSION <IN >OUT
 *
 * Takes files of this machine's byte order, with micro- or nanoseconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snaplen, linktype;
};

struct packet_header {
    uint32_t seconds, fraction, caplen, len;
};

static uint8_t packet[WEIR_SNAPLEN_DEFAULT];

static struct weir_program *compile(const char *text, const struct file_header *file)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_diagnostic *d;
    struct weir_program *program = NULL;
    struct weir *weir;

    if (weir_new(NULL, &weir) < 0)
        return NULL;
    options.linktype =
        file->linktype & 0xffff; /* numbers of files and of captures differ for a few types only */
    options.savefile = WEIR_SAVEFILE_UNSWAPPED;
    if (weir_compile(weir, text, strlen(text), &options, &program) < 0)
        program = NULL;
    for (size_t i = 0; (d = weir_diagnostic(weir, i)) != NULL; i++)
        fprintf(stderr, "%s at byte %u: %s\n", d->severity == WEIR_ERROR ? "error" : "warning",
                (unsigned)d->begin, d->message);
    weir_free(weir); /* the program does not need it */
    return program;
}

static int fail(const char *what)
{
    fprintf(stderr, "filter_file: %s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    struct file_header file;
    struct packet_header header;
    struct weir_program *program;

    if (argc != 2)
        return fail("usage: filter_file EXPRESSION <IN >OUT");
    if (fread(&file, sizeof file, 1, stdin) != 1 || (file.magic != 0xa1b2c3d4 && file.magic != 0xa1b23c4d))
        return fail("not a pcap file of this byte order");
    program = compile(argv[1], &file);
    if (!program)
        return 1;
    fwrite(&file, sizeof file, 1, stdout);
    while (fread(&header, sizeof header, 1, stdin) == 1) {
        if (header.caplen > sizeof packet || fread(packet, 1, header.caplen, stdin) != header.caplen) {
            weir_program_free(program);
            return fail("the file is cut off or damaged");
        }
        if (!weir_match(program, packet, header.caplen, header.len, NULL))
            continue;
        fwrite(&header, sizeof header, 1, stdout);
        fwrite(packet, 1, header.caplen, stdout);
    }
    weir_program_free(program);
    return fflush(stdout) ? fail("cannot write") : 0;
}
