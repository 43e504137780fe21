/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_dropin.c - fuzzer: the calls of libweir-pcap.so as a program for libpcap makes them, with
 * libpcap behind.
 *
 * The input is a filter's text; behind a NUL come options, instructions of a classic program nobody has
 * checked, and a packet:
 *
 *     0  link type, 16 bits, low byte first     3  snapshot length, 16 bits     6  added to the wire length
 *     2  flags, enum below                      5  number of instructions       7  number for bpf_image()
 *     8  eight bytes for each instruction: code, jt, jf, k, low bytes first; then the packet
 *
 * What must hold: a compile that fails has words and leaves the program alone, one that succeeds leaves the
 * words alone; all ways to compile and to run a program agree, libpcap's own included; a program that is
 * called valid is valid to libpcap, too, and runs alike there; any program is printed as libpcap prints it; a
 * handle's filter passes what bpf_filter() says.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dropin/libpcap.h"
#include "vm/vm.h"

#define PROGRAM_MAX 64u
#define PACKET_MAX  256u
#define OPTIONS     8u

enum {
    OPTIMIZE = 1,
    SWAPPED = 2, /* the savefile */
    NO_NETMASK = 4,
    TAME = 8, /* jumps go into the program, cells exist, the last instruction returns: most such programs are
                 valid */
};

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* pcap_compile_nopcap() is under test */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *what)
{
    fprintf(stderr, "fuzz_dropin: %s\n", what);
    abort();
}

static void check(bool holds, const char *what)
{
    if (!holds)
        broken(what);
}

/* ---------------------------------------------------------------- names: no files, no network */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    (void)name, (void)service, (void)hints, (void)out;
    return EAI_NONAME;
}

int ether_hostton(const char *name, struct ether_addr *out)
{
    (void)out;
    return name[0] == 'e' ? 0 : -1;
}

int getnetbyname_r(const char *name, struct netent *entry, char *buf, size_t size, struct netent **out,
                   int *why)
{
    (void)buf, (void)size, (void)why;
    *entry = (struct netent){.n_addrtype = 2, .n_net = 0x0a0000};
    *out = name[0] == 'n' ? entry : NULL;
    return 0;
}

int getservbyname_r(const char *name, const char *protocol, struct servent *entry, char *buf, size_t size,
                    struct servent **out)
{
    (void)name, (void)protocol, (void)entry, (void)buf, (void)size;
    *out = NULL;
    return 0;
}

int getprotobyname_r(const char *name, struct protoent *entry, char *buf, size_t size, struct protoent **out)
{
    (void)name, (void)entry, (void)buf, (void)size;
    *out = NULL;
    return 0;
}

/* ---------------------------------------------------------------- input */

struct input {
    char *text;
    int linktype, snaplen, image;
    unsigned flags, wire_more;
    struct bpf_insn *insns; /* exactly so many, so that a sanitizer sees a read past them */
    unsigned count;
    uint8_t *packet; /* the same */
    unsigned caplen;
};

static void *copy(const void *from, size_t n)
{
    void *to = malloc(n ? n : 1);

    if (n)
        memcpy(to, from, n);
    return to;
}

static void tame(struct bpf_insn *insns, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct bpf_insn *in = &insns[i];
        unsigned left = n - i - 1;

        if (!left)
            in->code = BPF_RET | BPF_A;
        in->code &= 0xff;
        in->jt = left ? (u_char)(in->jt % left) : 0;
        in->jf = left ? (u_char)(in->jf % left) : 0;
        if (in->code == (BPF_JMP | BPF_JA))
            in->k %= left;
        else if (BPF_CLASS(in->code) == BPF_ST || BPF_CLASS(in->code) == BPF_STX ||
                 BPF_MODE(in->code) == BPF_MEM)
            in->k %= BPF_MEMWORDS;
    }
}

static struct input read_input(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t len = end ? (size_t)(end - data) : size, rest = end ? size - len - 1 : 0;
    struct input in = {.linktype = DLT_EN10MB, .snaplen = 262144, .flags = OPTIMIZE};

    in.text = malloc(len + 1);
    if (len)
        memcpy(in.text, data, len);
    in.text[len] = '\0';
    if (rest >= OPTIONS) {
        const uint8_t *b = end + 1;

        in.linktype = (b[0] | b[1] << 8) % 512;
        in.flags = b[2];
        in.snaplen = b[3] | b[4] << 8;
        in.wire_more = b[6];
        in.image = b[7] * 37 - 100;
        rest -= OPTIONS;
        b += OPTIONS;
        in.count = b[-3] % (PROGRAM_MAX + 1);
        in.count = in.count < rest / 8 ? in.count : (unsigned)(rest / 8);
        in.insns = malloc(in.count ? in.count * sizeof *in.insns : 1);
        for (unsigned i = 0; i < in.count; i++, b += 8, rest -= 8)
            in.insns[i] = (struct bpf_insn){(u_short)b[0] | (b[1] & 0x80 ? 0x100 : 0), b[2], b[3],
                                            b[4] | (u_int)b[5] << 8 | (u_int)b[6] << 16 | (u_int)b[7] << 24};
        if (in.flags & TAME)
            tame(in.insns, in.count);
        in.caplen = rest < PACKET_MAX ? (unsigned)rest : PACKET_MAX;
        in.packet = copy(b, in.caplen);
    } else {
        in.insns = malloc(1);
        in.packet = malloc(1);
    }
    return in;
}

/* ---------------------------------------------------------------- handles */

static void put32(uint8_t *to, uint32_t value, bool swapped)
{
    for (int i = 0; i < 4; i++)
        to[swapped ? 3 - i : i] = (uint8_t)(value >> 8 * i);
}

/* A savefile with the packet in it; NULL when libpcap does not take it. @bytes is its memory. */
static pcap_t *open_savefile(const struct input *in, uint8_t bytes[40 + PACKET_MAX])
{
    const uint32_t words[] = {0xa1b2c3d4, 0x00040002,
                              0,          0,
                              65535,      (uint32_t)in->linktype,
                              0,          0,
                              in->caplen, in->caplen + in->wire_more};
    bool swapped = in->flags & SWAPPED;
    char error[PCAP_ERRBUF_SIZE];

    for (size_t i = 0; i < 10; i++)
        put32(bytes + 4 * i, words[i], swapped);
    if (swapped) /* two halves */
        memcpy(bytes + 4, "\0\2\0\4", 4);
    memcpy(bytes + 40, in->packet, in->caplen);
    FILE *file = fmemopen(bytes, 40 + in->caplen, "rb");
    pcap_t *p = file ? pcap_fopen_offline(file, error) : NULL;
    if (!p && file)
        fclose(file);
    return p;
}

/* What @program, installed at a savefile's handle, makes of its packet, must be what it makes of it here. */
static void install(const struct input *in, const struct bpf_program *program, bool valid, u_int verdict)
{
    uint8_t bytes[40 + PACKET_MAX];
    struct pcap_pkthdr *header;
    const u_char *packet;
    pcap_t *p = open_savefile(in, bytes);

    if (!p)
        return;
    struct bpf_program copied = *program;
    int status = pcap_setfilter(p, &copied);
    check((status < 0) == (pcap_geterr(p)[0] != '\0'),
          "pcap_setfilter: an error without words, or words without an error");
    check(status == 0 || !valid, "a valid program was not installed");
    int read = status == 0 && valid ? pcap_next_ex(p, &header, &packet) : -2;
    if (read != -1) /* a packet libpcap refuses to read */
        check((read == 1) == (status == 0 && valid && verdict != 0),
              "a handle's filter passes something else");
    pcap_close(p);
}

/* ---------------------------------------------------------------- running */

/* Verdict of a valid program, by everybody who runs it. */
static u_int run(const struct bpf_insn *insns, unsigned count, const uint8_t *packet, u_int wirelen,
                 u_int caplen)
{
    const struct bpf_program program = {count, (struct bpf_insn *)insns};
    const struct pcap_pkthdr header = {.caplen = caplen, .len = wirelen};
    const struct packet whole = {
        .bytes = packet, .caplen = caplen, .wirelen = wirelen, .meta = {.size = sizeof whole.meta}};
    u_int verdict = bpf_filter(insns, packet, wirelen, caplen);
    bool special = false;

    for (unsigned i = 0; i < count; i++) /* where addresses wrap, or are metadata, libpcap rejects */
        special = special || BPF_MODE(insns[i].code) == BPF_IND ||
                  (BPF_CLASS(insns[i].code) == BPF_LD && BPF_MODE(insns[i].code) == BPF_ABS &&
                   insns[i].k >= 0x80000000u);
    check(verdict == (u_int)pcap_offline_filter(&program, &header, packet),
          "pcap_offline_filter and bpf_filter differ");
    check(verdict == LIBPCAP(bpf_filter)(insns, packet, wirelen, caplen),
          "libpcap's interpreter says something else");
    check(special || verdict == cbpf_run((const struct weir_cbpf_insn *)insns, count, &whole, NULL),
          "the library's interpreter says something else");
    return verdict;
}

static u_int run_all(const struct input *in, const struct bpf_insn *insns, unsigned count)
{
    for (unsigned caplen = 0; caplen < in->caplen; caplen += 1 + caplen / 8) {
        uint8_t *cut = copy(in->packet, caplen);
        run(insns, count, cut, in->caplen + in->wire_more, caplen);
        free(cut);
    }
    return run(insns, count, in->packet, in->caplen + in->wire_more, in->caplen);
}

/* ---------------------------------------------------------------- printing */

/* @text without the blanks that libpcap has at the end of some lines. */
static void trim(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from == '\n')
            while (to > text && to[-1] == ' ')
                to--;
        *to++ = *from;
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

/* What @dump writes to standard output; the caller's. */
static char *dumped(void (*dump)(const struct bpf_program *, int), const struct bpf_program *program,
                    int option)
{
    FILE *before = stdout;
    char *text = NULL;
    size_t len;

    stdout = open_memstream(&text, &len);
    dump(program, option);
    fclose(stdout);
    stdout = before;
    trim(text);
    return text;
}

static void print(const struct bpf_insn *insns, unsigned count, int number)
{
    const struct bpf_program program = {count, (struct bpf_insn *)insns};

    for (unsigned i = 0; i < count; i++) {
        char line[256];

        snprintf(line, sizeof line, "%s", LIBPCAP(bpf_image)(&insns[i], number));
        trim(line);
        if (strcmp(line, bpf_image(&insns[i], number)) != 0) {
            fprintf(stderr, "libpcap: %s\nweir:    %s\n", line, bpf_image(&insns[i], number));
            broken("bpf_image says something else than libpcap's");
        }
    }
    for (int option = 0; option < 5; option++) {
        char *theirs = dumped(LIBPCAP(bpf_dump), &program, option),
             *ours = dumped(bpf_dump, &program, option);

        if (strcmp(theirs, ours) != 0) {
            fprintf(stderr, "libpcap:\n%sweir:\n%s", theirs, ours);
            broken("bpf_dump writes something else than libpcap's");
        }
        free(theirs);
        free(ours);
    }
}

/* ---------------------------------------------------------------- a program nobody has checked */

/* Does it end, whatever it does: only jumps forward and inside of it, and a return at its end? */
static bool ends(const struct bpf_insn *insns, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned left = count - i - 1;

        if (BPF_CLASS(insns[i].code) == BPF_JMP &&
            (insns[i].code == (BPF_JMP | BPF_JA) ? insns[i].k >= left
                                                 : insns[i].jt >= left || insns[i].jf >= left))
            return false;
    }
    return count &&
           (insns[count - 1].code == (BPF_RET | BPF_K) || insns[count - 1].code == (BPF_RET | BPF_A));
}

static void hostile(const struct input *in)
{
    const struct bpf_program program = {in->count, in->insns};
    bool valid = bpf_validate(in->insns, (int)in->count);
    u_int verdict = 0;

    check(!bpf_validate(in->insns, 0) && !bpf_validate(in->insns, -1), "an empty program is valid");
    check(!valid || ends(in->insns, in->count), "a program that does not end is valid");
    check(!valid || LIBPCAP(bpf_validate)(in->insns, (int)in->count), "it is valid, and not to libpcap");
    if (valid)
        verdict = run_all(in, in->insns, in->count);
    else if (ends(in->insns, in->count))
        bpf_filter(in->insns, in->packet, in->caplen, in->caplen);
    if (valid || ends(in->insns, in->count)) /* libpcap takes programs that do not end, and would run them */
        install(in, &program, valid, verdict);
    print(in->insns, in->count, in->image);
}

/* ---------------------------------------------------------------- a filter */

static void filter(const struct input *in)
{
    static struct bpf_insn untouched;
    bpf_u_int32 netmask = in->flags & NO_NETMASK ? PCAP_NETMASK_UNKNOWN : 0xffffff00;
    struct bpf_program f = {77, &untouched}, again = {77, &untouched};
    uint8_t bytes[40 + PACKET_MAX];
    pcap_t *dead = pcap_open_dead(in->linktype, in->snaplen), *file = open_savefile(in, bytes);

    check(pcap_geterr(dead)[0] == '\0', "a new handle has an error");
    int status = pcap_compile(dead, &f, in->text, in->flags & OPTIMIZE, netmask);
    check(status == 0 || status == PCAP_ERROR, "a status that libpcap does not have");
    check((status < 0) == (pcap_geterr(dead)[0] != '\0'),
          "pcap_compile: an error without words, or words without an error");
    for (const char *c = pcap_geterr(dead); *c; c++)
        check(*c == '\n' || (unsigned char)*c >= 0x20, "a control character in an error");
    check(pcap_compile_nopcap(in->snaplen, in->linktype, &again, in->text, in->flags & OPTIMIZE, netmask) ==
              status,
          "pcap_compile_nopcap says something else");
    if (status < 0) {
        check(f.bf_len == 77 && f.bf_insns == &untouched && again.bf_insns == &untouched,
              "a failure touched the program");
    } else {
        check(f.bf_len && f.bf_len == again.bf_len &&
                  !memcmp(f.bf_insns, again.bf_insns, f.bf_len * sizeof *f.bf_insns),
              "two compiles give two programs");
        check(bpf_validate(f.bf_insns, (int)f.bf_len) && LIBPCAP(bpf_validate)(f.bf_insns, (int)f.bf_len),
              "a compiled program is not valid");
        run_all(in, f.bf_insns, f.bf_len);
        if (f.bf_len <= PROGRAM_MAX)
            print(f.bf_insns, f.bf_len, in->image);
        pcap_freecode(&f);
        check(!f.bf_insns && !f.bf_len, "pcap_freecode left something");
        pcap_freecode(&again);
        check(pcap_compile(dead, &f, "port 70000", 1, 0) < 0, "an error is none");
        char *words = strdup(pcap_geterr(dead));
        check(pcap_compile(dead, &f, in->text, in->flags & OPTIMIZE, netmask) == 0 &&
                  !strcmp(words, pcap_geterr(dead)),
              "a success changed the words");
        free(words);
        pcap_freecode(&f);
    }
    if (file && pcap_compile(file, &f, in->text, in->flags & OPTIMIZE, netmask) == 0) {
        install(in, &f, true, run_all(in, f.bf_insns, f.bf_len));
        pcap_freecode(&f);
    } else if (file) {
        check(pcap_geterr(file)[0], "an error without words");
    }
    if (file)
        pcap_close(file);
    pcap_close(dead);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = read_input(data, size);

    filter(&in);
    hostile(&in);
    free(in.text);
    free(in.insns);
    free(in.packet);
    return 0;
}
