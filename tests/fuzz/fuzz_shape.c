/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/fuzz/fuzz_shape.c - fuzzer: valid filters, nested and long, through the whole compiler.
 *
 * Bytes that happen to be a filter hardly ever are a long one. Here the input is read as choices: of words
 * with numbers from a small range, so that they meet again, of lists and how they are joined, and of lists of
 * many alike terms. It fails as fuzz_pipeline does.
 */
#include "tests/fuzz/pipeline.h"

enum {
    TEXT_MAX = 65536,
    DEPTH_MAX = 6,
    LIST_MAX = 6,   /* children of a list */
    ALIKE_MAX = 80, /* terms of a list of alike ones */
    LEAF_MAX = 100, /* characters */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *stage, const char *what)
{
    fprintf(stderr, "fuzz_shape: %s: %s\n", stage, what);
    abort();
}

/* Words; %u are numbers below 8. */
static const char *const words[] = {
    "ip",
    "ip6",
    "arp",
    "rarp",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "port 6%u",
    "src port 6%u",
    "dst port 6%u",
    "tcp port 6%u",
    "udp src port 6%u",
    "portrange 6%u-7%u",
    "tcp dst portrange 6%u-6000%u",
    "host 10.0.%u.%u",
    "src host 10.0.%u.%u",
    "dst host 10.0.%u.%u",
    "arp src host 10.0.%u.%u",
    "net 10.%u.0.0/16",
    "src net 10.0.%u.0/24",
    "dst net 1%u.0.0.0/8",
    "ip6 host 2001:db8::%u:%u",
    "src host 2001:db8:%u::%u",
    "ip6 net 2001:db8:%u::/48",
    "ether host 2:0:0:0:%u:%u",
    "ether src 2:0:0:0:0:%u",
    "ether dst 2:0:0:0:0:%u",
    "ether multicast",
    "ip multicast",
    "ip proto %u",
    "ip6 proto 1%u",
    "ether proto 0x80%u",
    "vlan %u",
    "vlan",
    "mpls %u",
    "pppoes %u",
    "geneve %u",
    "vxlan %u",
    "llc",
    "isis",
    "ip[%u] = %u",
    "ip[6:2] & 0x1fff = %u",
    "ip[%u:2] & 0x%ufff > 5%u",
    "ip6[6] = %u",
    "tcp[13] & %u != 0",
    "tcp[%u:2] = 6%u",
    "udp[4:2] > %u",
    "ether[1%u:2] = 0x80%u",
    "ip[12:4] & 0xffffff0%u = 0x0a00000%u",
    "len > 6%u",
    "len - ip[2:2] = %u",
    "ip protochain %u",
    "ip host 10.0.0.%u and tcp",
    "host 10.0.0.%u and port 6%u",
    "src host 10.0.0.%u and dst host 10.0.0.%u",
    "src 10.0.0.%u and dst 10.0.0.%u and tcp dst port 6%u",
};

/* What is repeated with growing numbers. */
static const char *const alike[] = {
    "host 10.1.0.%u",
    "src host 10.%u.0.1",
    "net 10.%u.0.0/16",
    "port %u",
    "tcp dst port 1%u",
    "portrange %u00-%u50",
    "ip6 host 2001:db8::%u",
    "ether host 2:0:0:0:0:%u",
    "host 10.1.0.%u and port %u",
    "src host 10.1.0.%u and dst port 80",
    "host 10.1.0.%u and host 10.2.0.%u",
    "ip proto %u",
    "tcp and host 10.1.0.%u",
    "ip[8] = %u",
};

/* What each of them may ask for besides, none most of the time. */
static const char *const besides[] = {
    "",
    "",
    "",
    "",
    " and len > 6%u",
    " and tcp[13] & %u != 0",
    " and not port %u",
    " and tcp and not port %u",
    " and icmp",
    " and (tcp or udp)",
    " and (len > 6%u or tcp[13] & %u != 0)",
    " and (tcp[13] & %u != 0 or udp[20] = %u)",
    " and ((ip[9] = %u and ip[60] = 1) or ip[8] = %u)",
    " and not host 10.1.0.%u",
    " and (ip or arp)",
    " and ip[%u] = 1",
};

struct shape {
    const uint8_t *at, *end;
    char text[TEXT_MAX];
    size_t len;
};

static unsigned choose(struct shape *s, unsigned n)
{
    return s->at < s->end ? *s->at++ % n : 0;
}

static void put(struct shape *s, const char *text)
{
    size_t n = strlen(text);

    if (s->len + n < sizeof s->text) {
        memcpy(s->text + s->len, text, n);
        s->len += n;
    }
}

static bool full(const struct shape *s)
{
    return s->at == s->end || s->len > sizeof s->text - 3 * ALIKE_MAX * LEAF_MAX;
}

static void put_format(struct shape *s, const char *format, unsigned a, unsigned b, unsigned c)
{
    char text[LEAF_MAX];

    snprintf(text, sizeof text, format, a, b, c);
    put(s, text);
}

static void put_word(struct shape *s)
{
    const char *word = words[choose(s, sizeof words / sizeof words[0])];
    unsigned numbers = choose(s, 0x100);

    put(s, "(");
    put_format(s, word, numbers & 7, numbers >> 3 & 7, numbers >> 6);
    put(s, ")");
}

static void put_alike(struct shape *s, const char *joint)
{
    const char *word = alike[choose(s, sizeof alike / sizeof alike[0])];
    unsigned n = 2 + choose(s, ALIKE_MAX - 1), step = 1 + choose(s, 3), number = 1 + choose(s, 16);
    const char *first = besides[choose(s, sizeof besides / sizeof besides[0])],
               *second = besides[choose(s, sizeof besides / sizeof besides[0])];

    put(s, "(");
    for (unsigned i = 0; i < n; i++, number += step) {
        if (i)
            put(s, joint);
        put(s, "(");
        put_format(s, word, number, choose(s, 4) ? number : 255 - number, 0);
        put_format(s, first, number & 63, number & 7, 0);
        put_format(s, second, number & 7, number & 63, 0);
        put(s, ")");
    }
    put(s, ")");
}

static void put_node(struct shape *s, unsigned depth)
{
    unsigned what = choose(s, 16);
    const char *joint = what & 1 ? " and " : " or ";

    if (what == 15)
        put(s, "not ");
    if (depth == DEPTH_MAX || full(s) || what < 6) {
        put_word(s);
        return;
    }
    if (what < 8) {
        put_alike(s, what & 1 && choose(s, 4) ? " or " : joint);
        return;
    }
    unsigned n = 2 + choose(s, LIST_MAX - 1);
    put(s, "(");
    for (unsigned i = 0; i < n; i++) {
        if (i)
            put(s, joint);
        put_node(s, depth + 1);
    }
    put(s, ")");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t linktypes[] = {1, 1, 1, 12, 113, 105, 9, 0};
    static struct shape s;
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct arena arena;

    s.at = data;
    s.end = data + size;
    s.len = 0;
    o.protochain = 3;
    o.linktype = linktypes[choose(&s, sizeof linktypes / sizeof linktypes[0])];
    o.tune = choose(&s, 3);
    o.live = choose(&s, 2);
    put_node(&s, 0);
    if (getenv("WEIR_SHOW"))
        fprintf(stderr, "%.*s\n", (int)s.len, s.text);
    arena_init(&arena, &allocator_system, (size_t)512 << 20);
    compile(&arena, s.text, s.len, &o, NULL, 0);
    arena_release(&arena);
    return 0;
}
