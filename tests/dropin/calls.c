/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/dropin/calls.c - a program that knows libpcap only: calls what libweir-pcap.so interposes and prints
 * what came.
 *
 *   calls verdicts FILTER...   for each filter: does it compile, what do the test packets get
 *   calls edges                arguments at their edges
 *   calls random SEED          random programs on random packets
 *   calls threads              64 threads compile, match and fail at once
 *   calls errors               errors longer than libpcap keeps, for several handles; says what is wrong with
 *                              them
 */
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ethernet, IPv4 192.0.2.1 to 192.0.2.255; TCP to port 80, UDP to port 53. */
static const u_char tcp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,    0,  0,  0,           1, 8,   0,
                               0x45, 0,    0,    40,   0,    1,    0,    0,    64, 6,  0,           0, 192, 0,
                               2,    1,    192,  0,    2,    255,  0xc3, 0x50, 0,  80, [47] = 0x50, 2};
static const u_char udp[60] = {2, 0, 0, 0,  0,  2, 2, 0,   0, 0, 0, 1,   8, 0, 0x45, 0,    0,    28, 0,
                               1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 255,  0xc3, 0x50, 0,  53};

static void verdicts(const char *filter)
{
    pcap_t *p = pcap_open_dead(DLT_EN10MB, 128);
    struct pcap_pkthdr header = {.caplen = sizeof tcp, .len = sizeof tcp};
    struct bpf_program f;

    if (pcap_compile(p, &f, filter, 1, 0xffffff00) < 0) {
        printf("%s: %s\n", filter,
               strstr(pcap_geterr(p), "rejects all packets") ? "rejects all packets" : "an error");
    } else {
        printf("%s: %d %d", filter, pcap_offline_filter(&f, &header, tcp),
               pcap_offline_filter(&f, &header, udp));
        printf(" %u %u, cut off %u, valid %d\n", bpf_filter(f.bf_insns, tcp, 60, 60),
               bpf_filter(f.bf_insns, udp, 60, 60), bpf_filter(f.bf_insns, tcp, 60, 20),
               bpf_validate(f.bf_insns, (int)f.bf_len));
        pcap_freecode(&f);
        printf("%u %d\n", f.bf_len, f.bf_insns == NULL);
        if (pcap_compile_nopcap(128, DLT_EN10MB, &f, filter, 0, 0xffffff00) < 0)
            puts("not by pcap_compile_nopcap");
        else
            printf("%u %u\n", bpf_filter(f.bf_insns, tcp, 60, 60), bpf_filter(f.bf_insns, udp, 60, 60));
        pcap_freecode(&f);
    }
    pcap_close(p);
}

static void edges(void)
{
    char error[PCAP_ERRBUF_SIZE];
    struct bpf_insn one[] = {
        {BPF_RET | BPF_K, 0, 0, 7}, {BPF_LD | BPF_B | BPF_ABS, 0, 0, 1}, {0x77, 0, 0, 3}};
    struct bpf_program f = {77, NULL};
    pcap_t *p = pcap_create("lo", error);

    printf("%d ", p ? pcap_compile(p, &f, "ip", 1, 0) : -1);
    puts(p ? pcap_geterr(p) : "not-yet-activated pcap_t passed to pcap_compile");
    if (p)
        pcap_close(p);
    p = pcap_open_dead(DLT_EN10MB, 0);
    printf("%d %s\n", pcap_compile(p, &f, "ip", 1, 0), pcap_geterr(p));
    pcap_close(p);
    printf("a failure leaves the program alone: %u\n", f.bf_len);
    p = pcap_open_dead(9999, 100);
    printf("unknown link type: %d\n", pcap_compile(p, &f, "ip", 1, 0));
    pcap_close(p);
    p = pcap_open_dead(DLT_EN10MB, 100);
    printf("no text: %d", pcap_compile(p, &f, NULL, 1, 0));
    printf(" %u instruction, 0x%x %u\n", f.bf_len, f.bf_insns->code, f.bf_insns->k);
    pcap_freecode(&f);
    printf("no netmask: %d\n", pcap_compile(p, &f, "ip broadcast", 1, PCAP_NETMASK_UNKNOWN));
    printf("nopcap: %d %d %d\n", pcap_compile_nopcap(0, DLT_EN10MB, &f, "ip", 1, 0),
           pcap_compile_nopcap(96, 9999, &f, "ip", 1, 0),
           pcap_compile_nopcap(96, DLT_EN10MB, &f, "foo bar baz", 1, 0));
    pcap_compile(p, &f, "and", 1, 0);
    printf("the last error wins: ");
    pcap_setnonblock(p, 1, error);
    printf("%d\n", strstr(pcap_geterr(p), "syntax") == NULL);
    pcap_close(p);
    printf("no program: %u\n", bpf_filter(NULL, tcp, 60, 60));
    printf("validate: %d %d %d %d %d\n", bpf_validate(one, 0), bpf_validate(one, 1), bpf_validate(one + 1, 1),
           bpf_validate(one + 2, 1), bpf_validate(one, -1));
    puts(bpf_image(one, 3));
    puts(bpf_image(one + 1, 1234));
    puts(bpf_image(one + 2, 0));
    f = (struct bpf_program){1, one};
    bpf_dump(&f, 1);
    bpf_dump(&f, 2);
    bpf_dump(&f, 3);
}

static u_int next(u_int *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Valid programs only, with addresses and constants that are mostly small. */
static void random_programs(u_int seed)
{
    static const u_short codes[] = {0x00, 0x01, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x61, 0x80,
                                    0x81, 0xb1, 0x02, 0x03, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34,
                                    0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x94,
                                    0x9c, 0xa4, 0xac, 0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45,
                                    0x4d, 0x06, 0x16, 0x07, 0x87, 0x30, 0x28, 0x20, 0x07, 0x16};
    struct bpf_insn code[40];
    u_char packet[64];

    for (int round = 0; round < 20000; round++) {
        u_int n = BPF_MEMWORDS + 6 + next(&seed) % 18, sum = 0;

        for (u_int i = 0; i < BPF_MEMWORDS; i++) /* libpcap leaves cells as they are */
            code[i] = (struct bpf_insn){BPF_ST, 0, 0, i};
        for (u_int i = BPF_MEMWORDS; i < n; i++) {
            u_int left = n - i - 1;

            code[i] = (struct bpf_insn){codes[next(&seed) % (sizeof codes / sizeof codes[0])], 0, 0,
                                        next(&seed) % 70};
            if (next(&seed) % 8 == 0 && BPF_MODE(code[i].code) != BPF_ABS)
                code[i].k = next(&seed) << 8;
            if (i == n - 1)
                code[i].code = BPF_RET | BPF_A;
            if (BPF_CLASS(code[i].code) == BPF_JMP) {
                code[i].k = code[i].code == 0x05 ? next(&seed) % (left ? left : 1) : code[i].k;
                code[i].jt = (u_char)(next(&seed) % (left ? left : 1));
                code[i].jf = (u_char)(next(&seed) % (left ? left : 1));
            }
            if (code[i].code == 0x60 || code[i].code == 0x61 || code[i].code == 0x02 || code[i].code == 0x03)
                code[i].k %= 16;
            if (code[i].code == 0x64 || code[i].code == 0x74)
                code[i].k %= 32;
            if ((code[i].code == 0x34 || code[i].code == 0x94) && code[i].k == 0)
                code[i].k = 3;
        }
        for (size_t i = 0; i < sizeof packet; i++)
            packet[i] = (u_char)(next(&seed) % 3 ? next(&seed) % 20 : next(&seed));
        for (u_int caplen = 0; caplen <= sizeof packet; caplen += 4)
            sum = sum * 31 + bpf_filter(code, packet, 100, caplen);
        printf("%d %08x\n", round, sum);
    }
}

/* A filter with ten errors, whose ports begin with @first, fails on @p; nothing is said when all of them are
 * told. */
static const char *fails_at_length(pcap_t *p, u_int first)
{
    char filter[256] = "", want[32];
    struct bpf_program f;

    for (u_int i = 0; i < 10; i++)
        snprintf(filter + strlen(filter), sizeof filter - strlen(filter), "%sport %u", i ? " or " : "",
                 first + i);
    if (pcap_compile(p, &f, filter, 1, 0) == 0)
        return "a filter with errors compiled";
    for (u_int i = 0; i < 10; i++) {
        snprintf(want, sizeof want, "port %u is greater", first + i);
        if (!strstr(pcap_geterr(p), want))
            return "an error is missing";
    }
    return strlen(pcap_geterr(p)) < PCAP_ERRBUF_SIZE ? "that is not long" : NULL;
}

static void check(const char *what, int good)
{
    if (!good)
        printf("wrong: %s\n", what);
}

static void errors(void)
{
    enum { HANDLES = 5 };
    pcap_t *p[HANDLES];
    struct pcap_pkthdr *header;
    const u_char *packet;
    const char *kept[HANDLES], *why;
    struct bpf_program f;

    for (u_int i = 0; i < HANDLES; i++)
        p[i] = pcap_open_dead(DLT_EN10MB, 128);
    for (u_int i = 0; i < HANDLES; i++) {
        if ((why = fails_at_length(p[i], 70000 + 100 * i)) != NULL)
            puts(why);
        kept[i] = pcap_geterr(p[i]);
    }
    for (u_int i = 0; i < HANDLES; i++) {
        char want[32];
        snprintf(want, sizeof want, "port %u is", 70009 + 100 * i);
        check("each handle has its own",
              strstr(pcap_geterr(p[i]), want) != NULL && kept[i] == pcap_geterr(p[i]));
    }
    pcap_perror(p[1], "calls");

    check("a success leaves the error",
          pcap_compile(p[1], &f, "ip", 1, 0) == 0 && strstr(pcap_geterr(p[1]), "70109"));
    pcap_freecode(&f);
    check("also one that libpcap would refuse",
          pcap_compile(p[1], &f, "tcp[0] > 5 and tcp[0] < 3", 1, 0) == 0 &&
              strstr(pcap_geterr(p[1]), "70109"));
    pcap_freecode(&f);
    check("libpcap's later error wins",
          pcap_next_ex(p[0], &header, &packet) < 0 && !strstr(pcap_geterr(p[0]), "port"));
    check("the same error again wins over it", !fails_at_length(p[0], 70000));
    check("a later long one wins", !fails_at_length(p[0], 71000) && !strstr(pcap_geterr(p[0]), "70009"));
    check("what was given is still readable, and the latest",
          kept[0] == pcap_geterr(p[0]) && strstr(kept[0], "71009"));
    check("a later short one wins",
          pcap_compile(p[0], &f, "port 70000", 1, 0) < 0 && strlen(pcap_geterr(p[0])) < 80);

    for (u_int i = 0; i < HANDLES; i += 2)
        pcap_close(p[i]);
    for (u_int i = 1; i < HANDLES; i += 2)
        check("the others keep theirs", strstr(pcap_geterr(p[i]), "is greater") != NULL);
    for (u_int i = 0; i < HANDLES; i += 2) {
        p[i] = pcap_open_dead(DLT_EN10MB, 128); /* most likely at the address of a closed one */
        check("a new handle has no error", pcap_geterr(p[i])[0] == '\0');
    }
    for (u_int i = 0; i < HANDLES; i++)
        pcap_close(p[i]);
    puts("done");
}

static void *work(void *arg)
{
    size_t seed = (size_t)arg;
    char filter[64];

    for (int i = 0; i < 50; i++) {
        pcap_t *p = pcap_open_dead(DLT_EN10MB, 128);
        struct bpf_program f;

        snprintf(filter, sizeof filter, "tcp port %zu or udp port 53", 80 + (seed + (size_t)i) % 3);
        if (pcap_compile(p, &f, filter, 1, 0) < 0)
            return "a filter did not compile";
        if ((bpf_filter(f.bf_insns, tcp, 60, 60) == 128) != ((seed + (size_t)i) % 3 == 0))
            return "a wrong verdict";
        if (strncmp(bpf_image(f.bf_insns, (int)seed), "(", 1) != 0 ||
            (size_t)atoi(bpf_image(f.bf_insns, (int)seed) + 1) != seed)
            return "another thread's image";
        pcap_freecode(&f);
        snprintf(filter, sizeof filter, "port nosuchname%zu", seed);
        if (pcap_compile(p, &f, filter, 1, 0) == 0 || !strstr(pcap_geterr(p), strchr(filter, 'n')))
            return "another thread's error";
        const char *why = getenv("LD_PRELOAD") ? fails_at_length(p, 66000 + 10 * (u_int)seed) : NULL;
        if (why)
            return (void *)why;
        pcap_close(p);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t thread[64];

    for (size_t i = 0; i < 64; i++)
        pthread_create(&thread[i], NULL, work, (void *)i);
    for (size_t i = 0; i < 64; i++) {
        void *why = NULL;

        pthread_join(thread[i], &why);
        if (why)
            puts(why);
    }
    puts("done");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "edges"))
        edges();
    else if (argc > 2 && !strcmp(argv[1], "random"))
        random_programs((u_int)strtoul(argv[2], NULL, 10));
    else if (argc > 1 && !strcmp(argv[1], "threads"))
        threads();
    else if (argc > 1 && !strcmp(argv[1], "errors"))
        errors();
    else
        for (int i = 2; i < argc; i++)
            verdicts(argv[i]);
    return 0;
}
