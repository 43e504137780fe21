/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/unit/test_alloc.c - no memory: every request of a compile failing, one after the other.
 *
 * For each filter, mode and target, request 1 fails, then request 2, and so on until a compile gets all it
 * asks for. Each failure must come back as WEIR_E_MEMORY with the result untouched and everything given back;
 * the same context must then be able to compile. "From the Nth on" fails all later requests too. A ceiling
 * that is too low is WEIR_E_LIMIT with a diagnostic. Where the requests of a compile are many, a spread of
 * them is taken.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/harness/tap.h"
#include "weir/weir.h"

#define TRIES_MAX 400 /* for one filter, mode and target */
#define CANARY    ((struct weir_program *)(uintptr_t)0x10)

/* ---------------------------------------------------------------- an allocator that fails */

struct heap {
    size_t asked;      /* requests that need memory */
    size_t fail_at;    /* this one fails, counted from 1; 0: none */
    bool fail_onwards; /* and all behind it */
    size_t live;       /* blocks not given back */
    bool failed;
};

static void *heap_reallocate(void *user, void *ptr, size_t size)
{
    struct heap *h = user;

    if (size == 0) {
        if (ptr)
            h->live--;
        free(ptr);
        return NULL;
    }
    h->asked++;
    if (h->fail_at && (h->asked == h->fail_at || (h->fail_onwards && h->asked > h->fail_at))) {
        h->failed = true;
        return NULL;
    }
    void *p = realloc(ptr, size);
    if (p && !ptr) {
        h->live++;
        memset(p, 0xa5, size); /* nobody may rely on what is there */
    }
    return p;
}

/* ---------------------------------------------------------------- a resolver with a few names */

static enum weir_lookup find_host(void *user, const char *name, struct weir_address *out, size_t max,
                                  size_t *count)
{
    (void)user;
    if (strcmp(name, "many"))
        return WEIR_NOT_FOUND;
    *count = 9;
    for (size_t i = 0; i < *count && i < max; i++)
        out[i] = (struct weir_address){i % 2 ? 6 : 4, {10, 0, 0, (uint8_t)i}};
    return WEIR_FOUND;
}

static enum weir_lookup find_ether(void *user, const char *name, uint8_t out[6])
{
    (void)user, (void)name;
    memset(out, 2, 6);
    return WEIR_FOUND;
}

static const struct weir_resolver resolver = {
    .size = sizeof resolver, .host = find_host, .ether = find_ether};

/* ---------------------------------------------------------------- one compile */

enum { KEEP_IR = 1, LIVE = 2, CHAIN_4 = 4, PROGRAM = 8 /* the text is a classic program */, SMALL = 16 };

/* Items of one shape, enough of them to be rows. */
#define ITEM(a, b) "(host 1.2." #a "." #b " and udp port " #a #b ") or "
#define TEN(a)                                                                                               \
    ITEM(a, 0)                                                                                               \
    ITEM(a, 1) ITEM(a, 2) ITEM(a, 3) ITEM(a, 4) ITEM(a, 5) ITEM(a, 6) ITEM(a, 7) ITEM(a, 8) ITEM(a, 9)

/* Networks that lie in each other. */
#define NETS(dir, p)                                                                                         \
    "(" dir "net 10.0.0.0/8 and " p " 1) or (" dir "net 10.1.0.0/16 and " p " 2) or (" dir                   \
    "net 10.1.2.0/24 and " p " 3) or (" dir "net 10.1.3.0/24 and " p " 4) or (" dir "net 10.2.0.0/16 and " p \
    " 5) or (" dir "net 10.2.9.0/24 and " p " 6) or (" dir "net 11.0.0.0/8 and " p " 7) or (" dir            \
    "net 11.4.0.0/16 and " p " 8)"

/* Items of several kinds, of which some begin alike. */
#define MIXED(a)                                                                                             \
    "host 1.1.2." #a " or (host 1.1.1." #a " and tcp port " #a ") or (tcp and src host 1.1.3." #a            \
    " and src port " #a " and dst host 1.1.4." #a " and dst port " #a ") or (host 1.1.5." #a                 \
    " and host 1.1.6." #a ") or tcp port 8" #a " or "

/* Items with alternatives in them, of hosts that others share, and of several words. */
#define GROUPS(a)                                                                                            \
    "((host 1.1.1." #a " or host 1.1.2." #a " or host 1.1.3.3) and (tcp port " #a " or udp port 7)) or "     \
    "((ip6 host 2001::" #a " or ip6 host 2001:7::" #a ") and not port " #a ") or "
#define LENGTH6(a) "(ip6 host 2001::" #a " and len > 6" #a ") or "
#define MACS(a)    "((ether host 2:0:0:0:0:" #a " or ether host 2:0:0:0:1:" #a ") and ip) or "

static const struct {
    const char *text;
    uint32_t linktype;
    unsigned how;
} filters[] = {
    {"", 1, 0},
    {"ip", 1, 0},
    {"not host 10.0.0.1", 1, 0},
    {"host 10.0.0.1 or host 10.0.0.2 or net 10.1.0.0/16 or host 10.0.0.9", 1, KEEP_IR},
    {"tcp port 80 or 443 or udp portrange 5000-6000", 1, 0},
    {"ip6 host 2001:db8::1 or ip6 net fe80::/10", 1, 0},
    {"tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420 and len / ip[2] != 3", 1, KEEP_IR},
    {"ip protochain 6", 1, CHAIN_4},
    {"vlan 5 and (host many or gateway many)", 1, LIVE},
    {"mpls 3 and ip or pppoes and ip6", 1, 0},
    {"geneve 5 and ether host 1:2:3:4:5:6 and tcp", 1, 0},
    {"type mgt subtype beacon or wlan addr3 1:2:3:4:5:6", 127, 0},
    {"on en0 and reason match", 117, 0},
    {"ether host name and iso proto 0x83", 1, 0},
    {"ip[0] + (ip[1] + (ip[2] + (ip[3] * ip[4]))) = ((ip[5] - ip[6]) / (ip[7] | 1))", 1, 0},
    {"(src host 1.2.3.4 and dst port 5) or (src host 1.2.3.5 and dst port 6) or (dst host 1.2.3.4 and src "
     "port 7)",
     1, 0},
    {TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) "arp", 1, 0},
    {TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) "arp", 1, SMALL},
    {"ldh [12]\njeq #0x800, a, b\na: ldb [0]\ntax\nb: ld #40\ndiv x\nst M[1]\nadd #1\njset #4, c, d\nc: ldb "
     "[x + 3]\n"
     "d: ld M[1]\njgt #3, e, f\ne: ret #1\nf: ret #0",
     1, KEEP_IR | PROGRAM},
    {"ldb [0]\nret a", 1, PROGRAM},
    {"host @a and (tcp port @p or ether src @m) and not net @a", 1, KEEP_IR},
    {"host @a and port @a", 1, 0},
    {NETS("", "port"), 1, 0},
    {NETS("src ", "dst port"), 1, 0},
    {LENGTH6(1) LENGTH6(2) LENGTH6(3) LENGTH6(4) LENGTH6(5) LENGTH6(6)
         LENGTH6(7) "(ip6 host fe80::1 and len > 7)",
     1, 0},
    {MIXED(1) MIXED(2) MIXED(3) MIXED(4) MIXED(5) MIXED(6) "(ip6 host fe80::1 and udp port 7)", 1, 0},
    {GROUPS(1) GROUPS(2) GROUPS(3) GROUPS(4) GROUPS(5) GROUPS(6) GROUPS(7) GROUPS(8) "ip6", 1, 0},
    {MACS(1) MACS(2) MACS(3) MACS(4) MACS(5) MACS(6) MACS(7) "(ether host 2:0:0:0:0:8 and ip)", 1, 0},
    /* wrong in several ways: diagnostics need memory too */
    {"host 10.0.0.256 or port nosuchport or port 10.0.0.1 or nosuchname", 1, 0},
    {"tcp port", 1, 0},
    {"ip and ether[0] > 1 and len = 99999999999", 1, 0},
    {"tcp and udp", 1, 0},
    {"((((ip", 1, 0},
    {"ether[0:3] = 1 or ip[1", 1, 0},
};
#define FILTERS (sizeof filters / sizeof filters[0])

static struct weir_options options(size_t i, unsigned optimize, unsigned target)
{
    struct weir_options o = WEIR_OPTIONS_INIT;

    o.linktype = filters[i].linktype;
    o.optimize = optimize;
    o.target = target;
    o.lint = 1;
    o.keep_ir = o.keep_inputs = filters[i].how & KEEP_IR ? 1 : 0;
    o.live = filters[i].how & LIVE ? 1 : 0;
    o.protochain = filters[i].how & CHAIN_4 ? 4 : 0;
    o.tune = filters[i].how & SMALL ? WEIR_TUNE_SIZE : WEIR_TUNE_SPEED;
    o.resolver = &resolver;
    return o;
}

static int make(struct weir *cx, size_t i, const struct weir_options *o, struct weir_program **out)
{
    return (filters[i].how & PROGRAM ? weir_program_read : weir_compile)(cx, filters[i].text,
                                                                         strlen(filters[i].text), o, out);
}

static void release(struct heap *h, struct weir *cx, struct weir_program *p)
{
    h->fail_at = 0;
    weir_free(cx);
    weir_program_free(p);
}

/* What a compile and its texts ask for, when nothing fails. */
static size_t requests(size_t i, const struct weir_options *o, int *status)
{
    struct heap h = {0};
    const struct weir_allocator al = {heap_reallocate, &h};
    struct weir_program *p = NULL;
    struct weir *cx = NULL;

    weir_new(&al, &cx);
    *status = make(cx, i, o, &p);
    size_t asked = h.asked;
    release(&h, cx, p);
    return asked;
}

/* NULL, or what is wrong when request @n fails. */
static const char *fail_one(size_t i, const struct weir_options *o, size_t n, bool onwards, int expected)
{
    struct heap h = {.fail_at = n, .fail_onwards = onwards};
    const struct weir_allocator al = {heap_reallocate, &h};
    struct weir_program *p = CANARY;
    struct weir *cx = NULL;
    const char *wrong = NULL;
    int status = weir_new(&al, &cx);

    if (status == WEIR_OK)
        status = make(cx, i, o, &p);
    if (!h.failed)
        wrong = "the request was never made";
    else if (status != WEIR_E_MEMORY && !(expected < 0 && status == expected)) /* refused either way */
        wrong = weir_strerror(status);
    else if (p != CANARY)
        wrong = "the result was written";
    if (status < 0)
        p = NULL;
    if (cx && !wrong) { /* the context is as good as new */
        h.fail_at = 0;
        status = make(cx, i, o, &p);
        if (status != expected)
            wrong = "compiling again gives another status";
    }
    release(&h, cx, p);
    if (!wrong && h.live)
        wrong = "memory was not given back";
    return wrong;
}

static void test_filter(size_t i, unsigned optimize, unsigned target)
{
    struct weir_options o = options(i, optimize, target);
    const char *wrong = NULL;
    size_t n = 0, step;
    int expected;
    size_t asked = requests(i, &o, &expected);

    step = asked / TRIES_MAX + 1;
    for (n = 1; n <= asked && !wrong; n += n < TRIES_MAX / 4 ? 1 : step) {
        wrong = fail_one(i, &o, n, false, expected);
        if (!wrong)
            wrong = fail_one(i, &o, n, true, expected);
        if (wrong)
            break;
    }
    if (!tap_ok(!wrong, "%zu requests, %s, %s: %s", asked, optimize ? "optimized" : "plain",
                target ? "xdp" : "cbpf", filters[i].text))
        tap_diag("request %zu: %s", n, wrong);
}

/* ---------------------------------------------------------------- texts of a program */

static void test_texts(void)
{
    struct weir_options o = options(3, 1, WEIR_TARGET_CBPF);
    const char *wrong = NULL;
    struct heap h = {0};
    const struct weir_allocator al = {heap_reallocate, &h};
    struct weir_program *p = NULL;
    struct weir *cx = NULL;

    weir_new(&al, &cx);
    weir_compile(cx, filters[3].text, strlen(filters[3].text), &o, &p);
    weir_free(cx); /* a program outlives its context */
    size_t live = h.live;
    for (int form = WEIR_TEXT_LISTING; form <= WEIR_TEXT_DOT && !wrong; form++) {
        int status = WEIR_E_MEMORY;
        for (size_t n = 1; status == WEIR_E_MEMORY && !wrong; n++) {
            char *text = NULL;
            h.asked = 0;
            h.fail_at = n;
            status = weir_program_text(p, (enum weir_text)form, &text, NULL);
            if (status == WEIR_OK)
                weir_text_free(p, text);
            else if (status != WEIR_E_MEMORY || text)
                wrong = weir_strerror(status);
            if (h.live != live)
                wrong = "memory was not given back";
        }
    }
    release(&h, NULL, p);
    if (!tap_ok(!wrong && h.live == 0, "texts of a program"))
        tap_diag("%s", wrong ? wrong : "memory was not given back");
}

/* ---------------------------------------------------------------- a ceiling */

static void test_ceiling(size_t i, unsigned optimize)
{
    struct weir_options o = options(i, optimize, WEIR_TARGET_CBPF);
    const char *wrong = NULL;
    size_t met = 0;
    int expected;

    requests(i, &o, &expected);
    for (size_t ceiling = 1; ceiling < 1u << 22 && !wrong; ceiling += ceiling < 8192 ? 24 : ceiling / 64) {
        struct heap h = {0};
        const struct weir_allocator al = {heap_reallocate, &h};
        struct weir_program *p = NULL;
        struct weir *cx = NULL;

        o.limits.memory_bytes = met = ceiling;
        weir_new(&al, &cx);
        int status = make(cx, i, &o, &p);
        if (status == WEIR_E_LIMIT && weir_diagnostic_count(cx) == 0)
            wrong = "a limit without a diagnostic";
        else if (status != WEIR_E_LIMIT && status != expected)
            wrong = weir_strerror(status);
        release(&h, cx, p);
        if (h.live)
            wrong = "memory was not given back";
    }
    if (!tap_ok(!wrong, "every ceiling, %s: %s", optimize ? "optimized" : "plain", filters[i].text))
        tap_diag("%zu bytes: %s", met, wrong);
}

int main(void)
{
    for (size_t i = 0; i < FILTERS; i++)
        for (unsigned optimize = 0; optimize < 2; optimize++)
            for (unsigned target = WEIR_TARGET_CBPF; target <= WEIR_TARGET_XDP; target++)
                test_filter(i, optimize, target);
    test_texts();
    for (size_t i = 0; i < FILTERS; i++)
        for (unsigned optimize = 0; optimize < 2; optimize++)
            test_ceiling(i, optimize);
    return tap_done();
}
