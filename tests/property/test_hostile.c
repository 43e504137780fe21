/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/test_hostile.c - filters, and programs that are read, made to hurt: huge, deep, or nonsense.
 *
 * Each is compiled, or refused with a diagnostic that names the limit. Cost is held against growth, not
 * against a clock: a filter of four times the size may take at most MEMORY_MAX times the memory and TIME_MAX
 * times the time (the processor's time of this process, the best of some tries, and only where it is long
 * enough to be measured).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/strbuf.h"
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "weir/weir.h"

#define SIZES       4 /* the larger filter is so many times the smaller one */
#define MEMORY_MAX  6.0
#define MEMORY_FREE ((size_t)4 << 20) /* bytes that do not count where chunks are tiny and grow in steps */
#define TIME_MAX    9.0               /* a square law would be 16 */
#define MEASURABLE  0.02              /* seconds */
#define TERMS       1000u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 1 /* times say nothing, and large filters take too long */
#else
#define SLOW 0
#endif

/* ---------------------------------------------------------------- one compile */

/* What a compile asked for: all of it, and most of it at once. */
struct heap {
    size_t now, peak;
};

struct block {
    size_t size;
    _Alignas(16) unsigned char data[];
};

static void *heap_reallocate(void *user, void *ptr, size_t size)
{
    struct heap *h = user;
    struct block *b = ptr ? (struct block *)((char *)ptr - offsetof(struct block, data)) : NULL;

    if (b)
        h->now -= b->size;
    if (size == 0) {
        mem_free(&allocator_system, b);
        return NULL;
    }
    b = mem_resize(&allocator_system, b, sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    h->now += size;
    h->peak = h->now > h->peak ? h->now : h->peak;
    return b->data;
}

struct outcome {
    int status;
    uint16_t code; /* of the first diagnostic */
    size_t length; /* of the program */
    size_t peak;   /* bytes */
    double seconds;
};

/* A text that begins with a brace is a classic program in C. */
static struct outcome compile(const char *text, size_t len, const struct weir_options *o)
{
    struct heap h = {0, 0};
    const struct weir_allocator al = {heap_reallocate, &h};
    struct weir_program *p = NULL;
    struct outcome r = {0};
    struct weir *cx;

    weir_new(&al, &cx);
    clock_t begin = clock();
    r.status = (len && text[0] == '{' ? weir_program_read : weir_compile)(cx, text, len, o, &p);
    r.seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    r.peak = h.peak;
    if (weir_diagnostic_count(cx))
        r.code = weir_diagnostic(cx, 0)->code;
    if (p && o->target == WEIR_TARGET_CBPF)
        weir_program_cbpf(p, &r.length);
    else if (p)
        weir_program_ebpf(p, &r.length);
    weir_program_free(p);
    weir_free(cx);
    return r;
}

/* ---------------------------------------------------------------- filters */

static struct rng rng;

static void address4(struct strbuf *s)
{
    uint32_t a = (uint32_t)rng_next(&rng);
    strbuf_printf(s, "%u.%u.%u.%u", 1 + a % 220, a >> 8 & 255, a >> 16 & 255, a >> 24);
}

static void address6(struct strbuf *s)
{
    for (int i = 0; i < 8; i++)
        strbuf_printf(s, "%s%x", i ? ":" : "", rng_below(&rng, 65536));
}

static void host(struct strbuf *s)
{
    strbuf_puts(s, "host ");
    address4(s);
}

static void not_host(struct strbuf *s)
{
    strbuf_puts(s, "not host ");
    address4(s);
}

static void host6(struct strbuf *s)
{
    strbuf_puts(s, "ip6 host ");
    address6(s);
}

static void port(struct strbuf *s)
{
    strbuf_printf(s, "port %u", rng_below(&rng, 65536));
}

static void net(struct strbuf *s)
{
    strbuf_printf(s, "net %u.%u.%u.0/24", 1 + rng_below(&rng, 220), rng_below(&rng, 256),
                  rng_below(&rng, 256));
}

static void mac(struct strbuf *s)
{
    strbuf_puts(s, "ether host ");
    for (int i = 0; i < 6; i++)
        strbuf_printf(s, "%s%x", i ? ":" : "", rng_below(&rng, 256));
}

static void host_port(struct strbuf *s)
{
    strbuf_puts(s, "(src host ");
    address4(s);
    strbuf_printf(s, " and port %u)", rng_below(&rng, 65536));
}

static void tuple(struct strbuf *s)
{
    strbuf_puts(s, "(tcp and src host ");
    address4(s);
    strbuf_printf(s, " and src port %u and dst host ", rng_below(&rng, 65536));
    address4(s);
    strbuf_printf(s, " and dst port %u)", rng_below(&rng, 65536));
}

static void host_length(struct strbuf *s)
{
    strbuf_puts(s, "(host ");
    address4(s);
    strbuf_printf(s, " and len > %u)", rng_below(&rng, 1500));
}

static void host_without_port(struct strbuf *s)
{
    strbuf_puts(s, "(host ");
    address4(s);
    strbuf_printf(s, " and tcp and not port %u)", rng_below(&rng, 65536));
}

static void byte_test(struct strbuf *s)
{
    uint32_t at = rng_below(&rng, 1000);
    strbuf_printf(s, "ip[%u:2] & %u = %u", at, rng_below(&rng, 65536), rng_below(&rng, 65536));
}

static void mixed(struct strbuf *s)
{
    static void (*const kinds[])(struct strbuf * s) = {host, port, net, host6, byte_test, host_port};
    kinds[rng_below(&rng, 6)](s);
}

static void vlan(struct strbuf *s)
{
    strbuf_printf(s, "vlan %u", rng_below(&rng, 4096));
}

/* Ands and ors nest to the left, each in the one behind it. */
static void in_turns(struct strbuf *s)
{
    strbuf_printf(s, "ether[%u] = 1 and ether[%u] = 2", rng_below(&rng, 60000), rng_below(&rng, 60000));
}

static void protochain(struct strbuf *s)
{
    strbuf_printf(s, "%s protochain %u", rng_below(&rng, 2) ? "ip" : "ip6", rng_below(&rng, 256));
}

static void divisor(struct strbuf *s)
{
    strbuf_printf(s, "ether[%u:2]", rng_below(&rng, 60000));
}

/* Of programs: A is looked up at A, or a long sum, unless it is 7; or A and X are joined. Jumps end within a
 * term or behind it. */
static void looked_up(struct strbuf *s)
{
    strbuf_puts(s, "{80, 0, 0, 0}, {7, 0, 0, 0}, {21, 0, 1, 7}, {6, 0, 0, 0}");
}

static void summed(struct strbuf *s)
{
    strbuf_puts(s, "{48, 0, 0, 1}, {12, 0, 0, 0}, {7, 0, 0, 0}, {21, 0, 1, 7}, {6, 0, 0, 0}");
}

static void joined(struct strbuf *s)
{
    strbuf_puts(s, "{48, 0, 0, 5}, {21, 0, 1, 7}, {12, 0, 0, 0}, {7, 0, 0, 0}");
}

static void repeat(struct strbuf *s, const char *text, uint32_t n)
{
    size_t len = strlen(text);
    while (n--)
        strbuf_put(s, text, len);
}

/* @n terms with @join between them. Those that @join puts in parentheses are a number, which is compared. */
static void terms(struct strbuf *s, void (*term)(struct strbuf *s), uint32_t n, const char *join)
{
    rng.state = 1;
    for (uint32_t i = 0; i < n; i++) {
        strbuf_puts(s, i ? join : "");
        term(s);
    }
    if (strchr(join, '(')) {
        repeat(s, ")", n - 1);
        strbuf_puts(s, " > len");
    }
}

/* ---------------------------------------------------------------- growth */

static bool too_slow(const struct outcome r[2])
{
    return r[0].seconds >= MEASURABLE && r[1].seconds > TIME_MAX * r[0].seconds;
}

/* @n and SIZES * @n terms compile, and cost grows as it may. */
static void test_growth(const char *name, void (*term)(struct strbuf *s), const char *join, uint32_t n,
                        unsigned optimize, unsigned target)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct strbuf s[2];
    struct outcome r[2];
    bool fine = true;

    o.optimize = optimize;
    o.target = target;
    for (int i = 0; i < 2; i++) {
        strbuf_init(&s[i], &allocator_system);
        terms(&s[i], term, i ? SIZES * n : n, join);
        if (s[i].text[0] == '{')
            strbuf_puts(&s[i], ", {21, 2, 0, 3}, {6, 0, 0, 0}, {6, 0, 0, 1}, {6, 0, 0, 1}");
        r[i] = compile(s[i].text, s[i].len, &o);
        fine &= r[i].status >= 0;
    }
    fine &= (SLOW && r[1].peak < MEMORY_FREE) || (double)r[1].peak <= MEMORY_MAX * (double)r[0].peak;
    for (int tries = 0; !SLOW && fine && tries < 3 && too_slow(r);
         tries++) /* the machine may have been busy */
        for (int i = 0; i < 2; i++) {
            double seconds = compile(s[i].text, s[i].len, &o).seconds;
            r[i].seconds = seconds < r[i].seconds ? seconds : r[i].seconds;
        }
    fine &= SLOW || !too_slow(r);
    for (int i = 0; i < 2; i++)
        strbuf_release(&s[i]);
    if (!tap_ok(fine, "%u and %u %s, %s, %s", n, SIZES * n, name, optimize ? "optimized" : "plain",
                target ? "xdp" : "cbpf"))
        for (int i = 0; i < 2; i++)
            tap_diag("%u: status %d (%u), %.3f s, %zu KiB, %zu instructions", i ? SIZES * n : n, r[i].status,
                     r[i].code, r[i].seconds, r[i].peak / 1024, r[i].length);
}

static void test_growths(void)
{
    static const struct {
        const char *name;
        void (*term)(struct strbuf *s);
        const char *join;
        uint32_t n;
    } lists[] = {
        {"hosts", host, " or ", 5 * TERMS / 2},
        {"negated hosts", not_host, " and ", 5 * TERMS / 2},
        {"IPv6 hosts", host6, " or ", TERMS},
        {"ports", port, " or ", 5 * TERMS / 2},
        {"networks", net, " or ", 5 * TERMS / 2},
        {"MAC addresses", mac, " or ", TERMS},
        {"hosts with ports", host_port, " or ", TERMS},
        {"5-tuples", tuple, " or ", TERMS / 2},
        {"hosts with a length", host_length, " or ", TERMS / 2},
        {"hosts without a port", host_without_port, " or ", TERMS / 2},
        {"bytes", byte_test, " or ", TERMS},
        {"terms of many kinds", mixed, " or ", TERMS},
        {"vlan tags", vlan, " or ", TERMS / 2},
        {"protochains", protochain, " or ", TERMS / 25},
        {"ands and ors in turns", in_turns, " or ", 5 * TERMS},
    };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (unsigned optimize = 0; optimize < 2; optimize++)
            test_growth(lists[i].name, lists[i].term, lists[i].join, SLOW ? lists[i].n / 5 : lists[i].n,
                        optimize, WEIR_TARGET_CBPF);
    for (uint32_t target = WEIR_TARGET_CBPF; target <= WEIR_TARGET_XDP; target++) {
        test_growth("lookups of a program", looked_up, ", ", SLOW ? 500 : 5 * TERMS, 1, target);
        test_growth("sums of a program", summed, ", ", SLOW ? 500 : 5 * TERMS, 1, target);
        test_growth("joins of a program", joined, ", ", SLOW ? 500 : 5 * TERMS, 1, target);
    }
    test_growth("divisors in divisors", divisor, " / (", SLOW ? 500 : 4 * TERMS, 1, WEIR_TARGET_CBPF);
    test_growth("divisors in divisors", divisor, " / (", SLOW ? 500 : 4 * TERMS, 1, WEIR_TARGET_XDP);
    test_growth("hosts", host, " or ", SLOW ? 250 : TERMS, 1, WEIR_TARGET_XDP);
    test_growth("ports", port, " or ", SLOW ? 250 : TERMS, 1, WEIR_TARGET_XDP);
}

/* ---------------------------------------------------------------- depth and length */

/* @s compiles in both modes or meets a limit; released. */
static void test_size(struct strbuf *s, bool must_compile, const char *name)
{
    struct outcome r[2];
    bool fine = !s->failed;

    for (unsigned optimize = 0; optimize < 2 && fine; optimize++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        o.optimize = optimize;
        r[optimize] = compile(s->text ? s->text : "", s->len, &o);
        fine = r[optimize].status >= 0 ||
               (!must_compile && r[optimize].status == WEIR_E_LIMIT && r[optimize].code);
        if (!fine)
            tap_pending("%s: status %d (%u), %.3f s, %zu KiB", optimize ? "optimized" : "plain",
                        r[optimize].status, r[optimize].code, r[optimize].seconds, r[optimize].peak / 1024);
    }
    tap_ok(fine, "%s", name);
    strbuf_release(s);
}

static void nested(struct strbuf *s, const char *open, const char *inner, const char *close, uint32_t n,
                   const char *end)
{
    strbuf_init(s, &allocator_system);
    repeat(s, open, n);
    strbuf_puts(s, inner);
    repeat(s, close, n);
    strbuf_puts(s, end);
}

/* Choices in choices, each by a value of its own, from the inside out. */
static void choices(struct strbuf *s, uint32_t n, uint32_t last)
{
    for (uint32_t i = 0; i < n; i++)
        strbuf_printf(s, "((ether[%u] = 1 and ", i);
    strbuf_printf(s, "ether[%u] = %u", n, last);
    for (uint32_t i = n; i-- > 0;)
        strbuf_printf(s, ") or (ether[%u] = 2 and len > %u))", i, i + last);
}

static void test_sizes(void)
{
    uint32_t less = SLOW ? 10 : 1;
    struct strbuf s;

    nested(&s, "(", "ip", ")", 10000, "");
    test_size(&s, true, "10,000 parentheses");
    nested(&s, "(", "ip", ")", 10000000 / less, "");
    test_size(&s, false, "10,000,000 parentheses");
    nested(&s, "(", "", "", 10000000 / less, "");
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct outcome r = compile(s.text, s.len, &o);
    tap_ok(r.status == WEIR_E_LIMIT || r.status == WEIR_E_FILTER, "10 MB of opening parentheses are refused");
    strbuf_release(&s);
    nested(&s, "not ", "ip", "", 10000, "");
    test_size(&s, true, "not, 10,000 times");
    nested(&s, "!", "ip", "", 1000000 / less, "");
    test_size(&s, false, "!, 1,000,000 times");
    nested(&s, "not (", "ip", " or tcp)", 10000, "");
    test_size(&s, true, "not ( ... or tcp), 10,000 deep");
    nested(&s, "ip or ", "ip", "", 399999 / less, "");
    test_size(&s, true, "ip or ip, 400,000 terms");
    nested(&s, "ip and not arp or ", "tcp", "", 20000 / less, "");
    test_size(&s, true, "and, not and or in turns, 60,000 terms");
    nested(&s, "ip[0] + (", "ip[1]", ")", 999, " = 1000");
    test_size(&s, true, "a right-nested sum of 1,000 bytes");
    nested(&s, "ip[1] + ", "ip[1]", "", 99999, " = 1000");
    test_size(&s, true, "a sum of 100,000 bytes");
    nested(&s, "ip[", "0", "]", 1000, " = 1");
    test_size(&s, true, "ip[ip[ ... ]], 1,000 deep");
    nested(&s, "-", "5", "", 50000, " = len");
    test_size(&s, true, "minus, 50,000 times");
    nested(&s, "len - (", "1", ")", 50000, " > 5");
    test_size(&s, true, "a right-nested difference, 50,000 deep");
    strbuf_init(&s, &allocator_system);
    choices(&s, 30000 / less, 60);
    strbuf_puts(&s, " and ");
    choices(&s, 30000 / less, 70);
    test_size(&s, true, "two choices that the same values decide, 30,000 deep");
    nested(&s, "geneve and ", "ip", "", 30, "");
    test_size(&s, true, "30 tunnels");
    nested(&s, "ip6 protochain 6 or ", "ip", "", 10, "");
    test_size(&s, true, "10 protochains");
    nested(&s, "port 1 or ", "2", " or 3", 20000 / less, "");
    test_size(&s, true, "port 1 or ... or 2 or 3 ...");
    nested(&s, " ", "ip", "\n\t", 5000000 / less, "");
    test_size(&s, true, "15 MB of blanks");
    nested(&s, "host ", "10.0.0.1", "", 1, " or host 10.0.0.1");
    test_size(&s, true, "the same host twice");
}

static void test_long_words(void)
{
    static const char *const shapes[][2] = {
        {"host ", "a"},
        {"", "a"},
        {"ip[0] = ", "1"},
        {"ip[0] = 0x", "f"},
        {"host 1.2.3.", "4"},
        {"ip6 host ", "1:"},
        {"ether host ", "1:"},
        {"port ", "9"},
        {"port 0", "7"},
        {"on ", "x"},
        {"host \\", "b"},
        {"ip6 host ::", ":"},
        {"net 1.2", "/3"},
        {"portrange 1", "-2"},
        {"", "&"},
        {"", "="},
        {"ip[", "0:"},
    };

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct strbuf s;
        o.linktype = strncmp(shapes[i][0], "on", 2) ? 1 : 117;
        strbuf_init(&s, &allocator_system);
        strbuf_puts(&s, shapes[i][0]);
        repeat(&s, shapes[i][1], SLOW ? 30000 : 1000000);
        struct outcome r = compile(s.text, s.len, &o);
        if (!tap_ok((r.status == WEIR_E_FILTER || r.status == WEIR_E_LIMIT) && r.code,
                    "'%s' and a million times '%s'", shapes[i][0], shapes[i][1]))
            tap_diag("status %d, diagnostic %u", r.status, r.code);
        strbuf_release(&s);
    }
}

/* ---------------------------------------------------------------- limits */

static void test_limits(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct strbuf s;

    o.limits.text_bytes = 10;
    tap_ok(compile("host 1.2.3.4", 12, &o).status == WEIR_E_LIMIT &&
               compile("ip or  tcp", 10, &o).status == WEIR_OK,
           "a limit of text");
    o.limits = (struct weir_limits){.nesting = 100};
    nested(&s, "(", "ip", ")", 90, "");
    bool below = compile(s.text, s.len, &o).status == WEIR_OK;
    strbuf_release(&s);
    nested(&s, "(", "ip", ")", 1000, "");
    bool above = compile(s.text, s.len, &o).status == WEIR_E_LIMIT;
    strbuf_release(&s);
    tap_ok(below && above, "a limit of nesting");
    o.limits = (struct weir_limits){.instructions = 5};
    tap_ok(compile("host 1.2.3.4", 12, &o).status == WEIR_E_LIMIT && compile("ip", 2, &o).status == WEIR_OK,
           "a limit of instructions");
    o.target = WEIR_TARGET_XDP;
    tap_ok(compile("host 1.2.3.4", 12, &o).status == WEIR_E_LIMIT, "a limit of eBPF instructions");
    o.target = WEIR_TARGET_CBPF;
    o.limits = (struct weir_limits){.memory_bytes = 1 << 20};
    strbuf_init(&s, &allocator_system);
    terms(&s, host, 10000, " or ");
    struct outcome r = compile(s.text, s.len, &o);
    strbuf_release(&s);
    tap_ok(r.status == WEIR_E_LIMIT && r.code && r.peak < 2 << 20, "a limit of memory");
}

/* ---------------------------------------------------------------- bytes */

/* Status and diagnostics of @text are sound: an error has a diagnostic inside of the text. */
static bool sound(const char *text, size_t len)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    struct weir *cx;
    char *copy = malloc(len ? len : 1); /* exactly so long: a sanitizer sees a read past the end */

    if (len)
        memcpy(copy, text, len);
    o.lint = 1;
    weir_new(NULL, &cx);
    int status = weir_compile(cx, copy, len, &o, &p);
    bool fine = status >= 0 || (status == WEIR_E_FILTER && weir_diagnostic_count(cx) > 0);
    for (size_t i = 0; i < weir_diagnostic_count(cx); i++) {
        const struct weir_diagnostic *d = weir_diagnostic(cx, i);
        fine = fine && d->begin <= d->end && d->end <= len && d->also_begin <= d->also_end &&
               d->also_end <= len && d->message[0];
    }
    fine = fine && !weir_diagnostic(cx, weir_diagnostic_count(cx));
    weir_program_free(p);
    weir_free(cx);
    free(copy);
    return fine;
}

static void test_bytes(void)
{
    static const char *const around[][2] = {
        {"", ""},
        {"ip", ""},
        {"", "ip"},
        {"host ", ""},
        {"ip[0", "]=1"},
        {"port 1", "2"},
        {"tcp and ", " or ip"},
        {"\\", ""},
        {"host 1.2.3.4", "5"},
        {"ip6 host 1:", ":2"},
        {"\"", "\""},
        {"'", "'"},
    };
    bool fine = true;
    char text[64];

    for (int byte = 0; byte < 256; byte++)
        for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
            size_t a = strlen(around[i][0]), b = strlen(around[i][1]);
            memcpy(text, around[i][0], a);
            text[a] = (char)byte;
            memcpy(text + a + 1, around[i][1], b);
            if (!sound(text, a + 1 + b)) {
                tap_pending("byte 0x%02x between '%s' and '%s'", (unsigned)byte, around[i][0], around[i][1]);
                fine = false;
            }
        }
    tap_ok(fine, "every byte in twelve places");

    fine = true;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            const char two[2] = {(char)a, (char)b};
            fine &= sound(two, 2);
        }
    tap_ok(fine, "every pair of bytes");

    static const char *const utf8[] = {"\xc3\xa9",         "\xff\xfe", "\xc0\x80", "\xed\xa0\x80",
                                       "\xf4\x90\x80\x80", "\xe2\x82", "\x80"};
    fine = true;
    for (size_t i = 0; i < sizeof utf8 / sizeof utf8[0]; i++) {
        snprintf(text, sizeof text, "host %s or ip", utf8[i]);
        fine &= sound(text, strlen(text)) && sound(utf8[i], strlen(utf8[i]));
    }
    tap_ok(fine, "UTF-8, valid and not");
    tap_ok(sound("ip\0 or tcp", 10) && sound("\0", 1) && sound("host a\0b", 8), "NUL bytes");

    /* Every prefix of a filter that has a bit of everything. */
    static const char all[] =
        "not (src host 10.0.0.1 or ip6 net fe80::/10) and tcp[tcpflags] & (tcp-syn|0x10) != 0 and "
        "udp portrange 1-2 || ether host 1:2:3:4:5:6 && ip proto \\tcp or len >= 0x40 - 3";
    fine = true;
    for (size_t n = 0; n < sizeof all; n++)
        fine &= sound(all, n);
    tap_ok(fine, "every prefix of a filter");
}

/* ---------------------------------------------------------------- numbers */

static void test_numbers(void)
{
    static const char *const shapes[] = {
        "ip[0] = %s",
        "ip[%s] = 0",
        "ip[%s:2] = 0",
        "ip[%s:4] = 0",
        "len > %s",
        "port %s",
        "vlan %s",
        "mpls %s",
        "pppoes %s",
        "geneve %s",
        "vxlan %s",
        "less %s",
        "greater %s",
        "ip proto %s",
        "ether proto %s",
        "net %s",
        "host %s",
        "net 1.0.0.0/%s",
        "ip6 net ::/%s",
        "portrange %s-%s",
        "ip[0] / %s = 1",
        "ip[0] %% %s = 1",
        "ip[0] << %s = 1",
        "len >> %s = 1",
        "byte %s = 0",
        "byte 0 = %s",
        "ip protochain %s",
        "ip[len - %s] = 0",
        "ip[ip[0] + %s] = 0",
        "ether[%s + len] = 0",
        "-%s = len",
        "%s",
        "iso proto %s",
        "ip[0:%s] = 1",
        "link[%s:4] > 0",
        "tcp[%s] = 1",
        "tcp[%s:2] = 1",
        "ip6[%s] & 1 = 0",
        "ifindex %s",
        "decnet host 1.%s",
        "not %s = %s",
    };
    static const char *const numbers[] = {
        "0",
        "1",
        "2",
        "31",
        "32",
        "33",
        "63",
        "64",
        "127",
        "128",
        "129",
        "255",
        "256",
        "1023",
        "1024",
        "4095",
        "4096",
        "65535",
        "65536",
        "1048575",
        "1048576",
        "16777215",
        "16777216",
        "2147483643",
        "2147483644",
        "2147483645",
        "2147483646",
        "2147483647",
        "2147483648",
        "2147483649",
        "4026531840",
        "4293918720",
        "4294963200",
        "4294967292",
        "4294967293",
        "4294967294",
        "4294967295",
        "4294967296",
        "4294967297",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "0x7fffffff",
        "0x80000000",
        "0xffffffff",
        "0x100000000",
        "0x",
        "0xg",
        "037777777777",
        "040000000000",
        "08",
        "09",
        "00",
        "1.2.3",
        "256.1.1.1",
        "1.2.3.4.5",
        "1.2.3.4",
        "0.0.0.0",
        "255.255.255.255",
    };
    char text[200];

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        bool fine = true;
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(text, sizeof text, shapes[i], numbers[n], numbers[n]);
#pragma GCC diagnostic pop
            struct weir_options o = WEIR_OPTIONS_INIT;
            bool good = sound(text, strlen(text));
            o.optimize = 0;
            struct outcome plain = compile(text, strlen(text), &o);
            o.optimize = 1;
            struct outcome optimized = compile(text, strlen(text), &o);
            good = good && (plain.status < 0 ? plain.status == optimized.status : optimized.status >= 0);
            if (!good)
                tap_pending("%s: %d, %d", text, plain.status, optimized.status);
            fine &= good;
        }
        tap_ok(fine, "numbers in '%s'", shapes[i]);
    }
}

/* ---------------------------------------------------------------- the smallest */

static void test_empty(void)
{
    static const char *const nothing[] = {"", " ", "\n", " \t\r\n "};
    static const uint8_t packet[100];
    bool fine = true;

    for (size_t i = 0; i < 4; i++)
        for (unsigned optimize = 0; optimize < 2; optimize++) {
            struct weir_options o = WEIR_OPTIONS_INIT;
            struct weir_program *p = NULL;
            struct weir *cx;
            o.optimize = optimize;
            weir_new(NULL, &cx);
            fine &= weir_compile(cx, i ? nothing[i] : NULL, strlen(nothing[i]), &o, &p) == WEIR_OK;
            weir_free(cx);
            fine &= p && weir_match(p, packet, 100, 100, NULL) == WEIR_SNAPLEN_DEFAULT &&
                    weir_match(p, packet, 0, 0, NULL) != 0;
            weir_program_free(p);
        }
    tap_ok(fine, "an empty filter accepts everything");
}

static void test_arguments(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    struct weir *cx;

    weir_new(NULL, &cx);
    bool fine = weir_new(NULL, NULL) == WEIR_E_ARGUMENT &&
                weir_compile(NULL, "ip", 2, NULL, &p) == WEIR_E_ARGUMENT &&
                weir_compile(cx, NULL, 2, NULL, &p) == WEIR_E_ARGUMENT &&
                weir_compile(cx, "ip", 2, NULL, NULL) == WEIR_E_ARGUMENT;
    for (int i = 0; i < 6; i++) {
        o = (struct weir_options)WEIR_OPTIONS_INIT;
        uint32_t *const member[] = {&o.linktype, &o.snaplen, &o.target, &o.savefile};
        const uint32_t value[] = {4000000000u, 0, 77, 9};
        if (i < 4)
            *member[i] = value[i];
        else
            o.size = i == 4 ? 0 : sizeof o + 1;
        fine &= weir_compile(cx, "ip", 2, &o, &p) == WEIR_E_ARGUMENT && weir_diagnostic_count(cx) == 1 && !p;
    }
    weir_free(cx);
    weir_free(NULL);
    weir_program_free(NULL);
    tap_ok(fine, "arguments and options without meaning");
}

int main(void)
{
    test_empty();
    test_arguments();
    test_bytes();
    test_numbers();
    test_limits();
    test_long_words();
    test_sizes();
    test_growths();
    return tap_done();
}
