/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/abi/test_misuse.c - the library in the hands of a caller who errs.
 *
 * Missing handles, structures of other sizes, options without meaning, limits at both ends, text that is no
 * string, resolvers that answer nonsense, and an allocator that fails where a program is asked. Each has an
 * answer that weir.h states; nothing crashes, and what is not to be read lies behind the end of a block, for
 * a sanitizer to see.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/tap.h"
#include "weir/weir.h"

#define CANARY ((struct weir_program *)(uintptr_t)0x10)

static struct weir *cx;

/* Compiles @text; the status, and in @code that of the first diagnostic. The program is freed. */
static int compile(const char *text, size_t len, const struct weir_options *o, unsigned *code)
{
    struct weir_program *p = CANARY;
    int status = weir_compile(cx, text, len, o, &p);
    const struct weir_diagnostic *d = weir_diagnostic(cx, 0);

    *code = d ? d->code : 0;
    if (status >= 0)
        weir_program_free(p);
    else if (p != CANARY)
        *code = 99999; /* a failure wrote its result */
    return status;
}

static void expect(int status, unsigned code, const char *text, const struct weir_options *o,
                   const char *what)
{
    unsigned got_code;
    int got = compile(text, strlen(text), o, &got_code);

    if (!tap_ok(got == status && got_code == code, "%s", what))
        tap_diag("status %d and E%04u, not %d and E%04u", got, got_code, status, code);
}

static struct weir_program *program(uint32_t target)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;

    o.target = target;
    o.keep_inputs = 1;
    weir_compile(cx, "ip", 2, &o, &p);
    return p;
}

/* ---------------------------------------------------------------- nothing in place of something */

static void test_null_context(void)
{
    const struct weir_allocator none = {NULL, NULL};
    struct weir_program *p = CANARY;
    struct weir *context = NULL;

    tap_ok(weir_new(NULL, NULL) == WEIR_E_ARGUMENT, "weir_new without a place");
    tap_ok(weir_new(&none, &context) == WEIR_E_ARGUMENT && !context, "an allocator without a function");
    tap_ok(weir_compile(NULL, "ip", 2, NULL, &p) == WEIR_E_ARGUMENT && p == CANARY,
           "weir_compile without a context");
    tap_ok(weir_program_read(NULL, "ret #0", 6, NULL, &p) == WEIR_E_ARGUMENT && p == CANARY,
           "weir_program_read without a context");
    tap_ok(weir_diagnostic_count(NULL) == 0 && !weir_diagnostic(NULL, 0), "diagnostics of no context");
    weir_free(NULL);
    weir_program_free(NULL);
    weir_text_free(NULL, NULL);
    tap_ok(true, "releasing nothing");
}

static void test_null_text(void)
{
    struct weir_program *p = CANARY;
    unsigned code;

    compile("port", 4, NULL, &code);
    tap_ok(code == 201 && weir_compile(cx, NULL, 1, NULL, &p) == WEIR_E_ARGUMENT && p == CANARY,
           "no text of one byte");
    tap_ok(weir_diagnostic_count(cx) == 0, "an argument without meaning drops earlier diagnostics");
    tap_ok(weir_program_read(cx, NULL, 1, NULL, &p) == WEIR_E_ARGUMENT && p == CANARY,
           "no program of one byte");
    tap_ok(weir_compile(cx, "ip", 2, NULL, NULL) == WEIR_E_ARGUMENT, "no place for the program");
    tap_ok(compile(NULL, 0, NULL, &code) == WEIR_OK, "no text of no bytes is the empty filter");
}

static void test_null_program(void)
{
    struct weir_cost cost = {.size = sizeof cost};
    struct weir_input input = {.size = sizeof input};
    struct weir_set set = {.size = sizeof set};
    size_t count = 7, len = 7;
    uint32_t reach = 7;
    char *text = NULL;

    tap_ok(!weir_program_cbpf(NULL, &count) && count == 0, "weir_program_cbpf of nothing");
    count = 7;
    tap_ok(!weir_program_ebpf(NULL, &count) && count == 0, "weir_program_ebpf of nothing");
    tap_ok(!weir_program_cbpf(NULL, NULL) && !weir_program_ebpf(NULL, NULL),
           "the same without a place for the count");
    tap_ok(weir_program_object(NULL, NULL, &text, &len) == WEIR_E_ARGUMENT && !text && len == 7,
           "weir_program_object of nothing");
    tap_ok(weir_program_text(NULL, WEIR_TEXT_LISTING, &text, &len) == WEIR_E_ARGUMENT && !text && len == 7,
           "weir_program_text of nothing");
    tap_ok(!weir_program_kernel_refusal(NULL), "weir_program_kernel_refusal of nothing");
    tap_ok(weir_program_set(NULL, 0, &set) == WEIR_E_ARGUMENT, "weir_program_set of nothing");
    tap_ok(weir_program_cost(NULL, &cost) == WEIR_E_ARGUMENT, "weir_program_cost of nothing");
    tap_ok(weir_program_input(NULL, 0, &input) == WEIR_E_ARGUMENT, "weir_program_input of nothing");
    tap_ok(weir_program_reach(NULL, &reach) == WEIR_E_ARGUMENT && reach == 7,
           "weir_program_reach of nothing");
    tap_ok(weir_match(NULL, "", 0, 0, NULL) == 0, "nothing matches");
    tap_ok(weir_linktype(0, NULL) == WEIR_E_ARGUMENT, "weir_linktype without a place");
    tap_ok(weir_linktype_by_name(NULL) == -1, "weir_linktype_by_name of nothing");
}

static void test_null_places(void)
{
    struct weir_program *classic = program(WEIR_TARGET_CBPF), *xdp = program(WEIR_TARGET_XDP);
    size_t count = 7, len;
    char *text;

    tap_ok(weir_program_cbpf(classic, NULL) && weir_program_ebpf(xdp, NULL),
           "instructions without their count");
    tap_ok(!weir_program_cbpf(xdp, &count) && count == 0, "an eBPF program has no classic instructions");
    count = 7;
    tap_ok(!weir_program_ebpf(classic, &count) && count == 0, "a classic program has no eBPF instructions");
    tap_ok(weir_program_object(xdp, NULL, NULL, &len) == WEIR_E_ARGUMENT,
           "weir_program_object without a place");
    tap_ok(weir_program_object(xdp, NULL, &text, NULL) == WEIR_E_ARGUMENT,
           "weir_program_object without a place for the length");
    tap_ok(weir_program_object(classic, NULL, &text, &len) == WEIR_E_UNSUPPORTED,
           "a classic program is no object");
    tap_ok(weir_program_text(classic, WEIR_TEXT_LISTING, NULL, &len) == WEIR_E_ARGUMENT,
           "weir_program_text without a place");
    tap_ok(weir_program_text(classic, (enum weir_text)77, &text, NULL) == WEIR_E_UNSUPPORTED,
           "a form of text that there is not");
    tap_ok(weir_program_text(classic, WEIR_TEXT_IR, &text, NULL) == WEIR_E_UNSUPPORTED,
           "a text that was not kept");
    tap_ok(weir_program_set(classic, 0, NULL) == WEIR_E_ARGUMENT, "weir_program_set without a place");
    tap_ok(weir_program_cost(classic, NULL) == WEIR_E_ARGUMENT, "weir_program_cost without a place");
    tap_ok(weir_program_input(classic, 0, NULL) == WEIR_E_ARGUMENT, "weir_program_input without a place");
    tap_ok(weir_program_reach(classic, NULL) == WEIR_E_ARGUMENT, "weir_program_reach without a place");
    tap_ok(!weir_program_kernel_refusal(xdp), "weir_program_kernel_refusal of an eBPF program");
    weir_text_free(classic, NULL);
    weir_program_free(classic);
    weir_program_free(xdp);
}

/* ---------------------------------------------------------------- sizes of structures */

/* The options of @size bytes in a block of just that length (but it holds `size`, at least). */
static struct weir_options *options_of(size_t size)
{
    static const struct weir_options all = WEIR_OPTIONS_INIT;
    size_t room = size < sizeof size ? sizeof size : size > sizeof all ? sizeof all : size;
    struct weir_options *o = malloc(room);

    memcpy(o, &all, room);
    memcpy(o, &size, sizeof size);
    return o;
}

static void test_option_sizes(void)
{
    const size_t first = offsetof(struct weir_options, has_actions), now = sizeof(struct weir_options);
    const struct {
        size_t size;
        bool known;
    } row[] = {
        {0, false},        {1, false},  {sizeof(size_t), false}, {first - 1, false}, {first, true},
        {first + 4, true}, {now, true}, {now + 1, false},        {now * 2, false},   {SIZE_MAX, false}};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct weir_options *o = options_of(row[i].size);
        char what[64];
        snprintf(what, sizeof what, "options of %zu bytes", row[i].size);
        expect(row[i].known ? WEIR_OK : WEIR_E_ARGUMENT, row[i].known ? 0 : 805, "ip", o, what);
        free(o);
    }
}

static void test_resolver_sizes(void)
{
    static const size_t size[] = {0, 1, sizeof(size_t), sizeof(struct weir_resolver) + 1, SIZE_MAX};
    struct weir_options o = WEIR_OPTIONS_INIT;

    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        size_t *names = malloc(sizeof *names);
        char what[64];
        *names = size[i];
        o.resolver = (const struct weir_resolver *)names;
        snprintf(what, sizeof what, "a resolver of %zu bytes", size[i]);
        expect(WEIR_E_ARGUMENT, 805, "host name", &o, what);
        free(names);
    }
}

static void test_result_sizes(void)
{
    static const size_t size[] = {0, 1, sizeof(size_t), 4096, SIZE_MAX};
    struct weir_program *classic = program(WEIR_TARGET_CBPF), *xdp = program(WEIR_TARGET_XDP);
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *looks = NULL;
    struct weir_set set = {.size = sizeof set};

    o.target = WEIR_TARGET_XDP;
    weir_compile(cx, "host @bad", 9, &o, &looks);
    tap_ok(weir_program_set(looks, 0, &set) == WEIR_OK && !strcmp(set.name, "bad") &&
               set.kind == WEIR_SET_ADDRESSES,
           "a set");
    tap_ok(weir_program_set(looks, 1, &set) == WEIR_E_ARGUMENT &&
               weir_program_set(looks, SIZE_MAX, &set) == WEIR_E_ARGUMENT,
           "sets past the last");
    static const unsigned char ip[14] = {[12] = 8};
    struct weir_metadata older = {.size = offsetof(struct weir_metadata, vlan_tpid)};
    tap_ok(weir_match(classic, ip, sizeof ip, sizeof ip, &older) != 0,
           "struct weir_metadata of the first release");
    older.size++;
    tap_ok(weir_match(classic, ip, sizeof ip, sizeof ip, &older) != 0,
           "struct weir_metadata of a release in between");
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        struct weir_cost cost = {.size = size[i]};
        struct weir_input input = {.size = size[i]};
        struct weir_object_options object = {.size = size[i]};
        struct weir_metadata meta = {.size = size[i]};
        static const unsigned char packet[14] = {[12] = 8};
        char *text = NULL;
        size_t len;
        set.size = size[i];
        tap_ok(weir_program_set(looks, 0, &set) == WEIR_E_ARGUMENT, "struct weir_set of %zu bytes", size[i]);
        tap_ok(weir_program_cost(classic, &cost) == WEIR_E_ARGUMENT && !cost.instructions,
               "struct weir_cost of %zu bytes", size[i]);
        tap_ok(weir_program_input(classic, 0, &input) == WEIR_E_ARGUMENT && !input.end,
               "struct weir_input of %zu bytes", size[i]);
        tap_ok(weir_program_object(xdp, &object, &text, &len) == WEIR_E_ARGUMENT && !text,
               "struct weir_object_options of %zu bytes", size[i]);
        tap_ok(weir_match(classic, packet, sizeof packet, sizeof packet, &meta) == 0,
               "struct weir_metadata of %zu bytes", size[i]);
    }
    weir_program_free(classic);
    weir_program_free(xdp);
    weir_program_free(looks);
}

/* ---------------------------------------------------------------- options and limits */

static void test_options(void)
{
    static const struct weir_options init = WEIR_OPTIONS_INIT;
    struct weir_options o = init;

    o.target = 6;
    o.savefile = 3;
    o.tune = UINT32_MAX;
    o.hook = 3;
    o.linktype = UINT32_MAX;
    o.snaplen = 0;
    expect(WEIR_E_ARGUMENT, 805, "ip", &o, "options without meaning");
    tap_ok(weir_diagnostic_count(cx) == 6, "each is told");
    o = init;
    o.snaplen = 0;
    expect(WEIR_E_ARGUMENT, 806, "ip", &o, "a snapshot length of 0");
    o = init;
    o.linktype = 99999;
    expect(WEIR_E_ARGUMENT, 807, "ip", &o, "link type 99999");
    o = init;
    o.optimize = o.lint = o.live = o.keep_ir = o.keep_inputs = 77;
    expect(WEIR_OK, 0, "ip", &o, "what is not 0 is 1");
    o = init;
    o.snaplen = UINT32_MAX;
    expect(WEIR_OK, 0, "ip", &o, "a snapshot length of 2^32 - 1");
}

static void test_limits(void)
{
    static const struct weir_options init = WEIR_OPTIONS_INIT;
    struct weir_options o = init;

    o.limits = (struct weir_limits){SIZE_MAX, SIZE_MAX, UINT32_MAX, UINT32_MAX};
    expect(WEIR_OK, 0, "not (ip and not tcp port 80)", &o, "limits without end");
    expect(WEIR_E_FILTER, 201, "ip and", &o, "the same for a wrong filter");
    unsigned code;
    static const char small[1];
    tap_ok(compile(small, SIZE_MAX, &o, &code) == WEIR_E_LIMIT && code == 802, "a text of SIZE_MAX bytes");
    tap_ok(compile(small, (size_t)UINT32_MAX / 2 + 1, &o, &code) == WEIR_E_LIMIT && code == 802,
           "a text of 2^31 bytes");
    tap_ok(strstr(weir_diagnostic(cx, 0)->message, "2147483647 bytes") != NULL,
           "the limit that is met is told");
    o = init;
    o.limits.text_bytes = 1;
    expect(WEIR_E_LIMIT, 802, "ip", &o, "one byte of text");
    o = init;
    o.limits.memory_bytes = 1;
    expect(WEIR_E_LIMIT, 802, "ip", &o, "one byte of memory");
    o = init;
    o.limits.nesting = 1;
    char deep[2 * 200 + 3];
    memset(deep, '(', 200);
    memcpy(deep + 200, "ip", 2);
    memset(deep + 202, ')', 200);
    deep[402] = '\0';
    expect(WEIR_OK, 0, "(ip)", &o, "one level");
    expect(WEIR_E_LIMIT, 204, deep, &o, "200 levels where one is surely taken");
    o = init;
    o.limits.instructions = 1;
    expect(WEIR_E_LIMIT, 802, "ip", &o, "one instruction");
    o.target = WEIR_TARGET_XDP;
    expect(WEIR_E_LIMIT, 802, "ip", &o, "one eBPF instruction");
}

/* ---------------------------------------------------------------- text */

static void test_text(void)
{
    unsigned code;
    char *block = malloc(2);

    memcpy(block, "ip", 2);
    tap_ok(compile(block, 2, NULL, &code) == WEIR_OK, "text without a NUL behind it");
    free(block);
    tap_ok(compile("ip\0", 3, NULL, &code) == WEIR_E_FILTER && code == 102 &&
               weir_diagnostic(cx, 0)->begin == 2,
           "a NUL at its end");
    tap_ok(compile("ip\0or arp", 9, NULL, &code) == WEIR_E_FILTER && code == 102, "a NUL in it");
    tap_ok(compile("host a\0b", 8, NULL, &code) == WEIR_E_FILTER && code == 102, "a NUL in a name");
    tap_ok(compile("\xff\xfe", 2, NULL, &code) == WEIR_E_FILTER && code == 102, "bytes that are no text");
    size_t wrong = 0;
    for (unsigned c = 0; c < 256; c++) {
        char text[4] = {'i', 'p', (char)c, ' '};
        int status = compile(text, 4, NULL, &code);
        wrong += status != WEIR_OK && (status != WEIR_E_FILTER || code == 0);
        for (const char *m = status < 0 ? weir_diagnostic(cx, 0)->message : ""; *m; m++)
            wrong += *m < ' ' || *m > '~';
    }
    tap_ok(wrong == 0, "every byte behind a word: an answer, in printable letters");
    wrong = 0;
    for (unsigned c = 0; c < 256; c++) {
        char text[8] = {'l', 'd', (char)c, (char)c, ' ', '[', (char)c, ']'};
        struct weir_program *p = NULL;
        if (weir_program_read(cx, text, sizeof text, NULL, &p) >= 0)
            weir_program_free(p);
        wrong += p == NULL && !weir_diagnostic(cx, 0);
        for (const char *m = p ? "" : weir_diagnostic(cx, 0)->message; *m; m++)
            wrong += *m < ' ' || *m > '~';
    }
    tap_ok(wrong == 0, "every byte in a program: the same");
}

/* An embedder's user has no command line: nothing that is said names an option of the command. */
static void test_no_command(void)
{
    static const struct {
        const char *text;
        uint32_t target;
    } row[] = {{"ip broadcast", WEIR_TARGET_CBPF}, {"inbound", WEIR_TARGET_CBPF},
               {"inbound", WEIR_TARGET_TC},        {"host name", WEIR_TARGET_CBPF},
               {"net name", WEIR_TARGET_CBPF},     {"ether host name", WEIR_TARGET_CBPF}};
    size_t told = 0, wrong = 0;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        unsigned code;
        o.target = row[i].target;
        o.snaplen = 96;
        told += compile(row[i].text, strlen(row[i].text), &o, &code) == WEIR_E_FILTER;
        const struct weir_diagnostic *d = weir_diagnostic(cx, 0);
        wrong += d && (strstr(d->message, "--") || (d->hint && strstr(d->hint, "--")));
    }
    tap_ok(told == sizeof row / sizeof *row && wrong == 0, "diagnostics know no command line");
}

/* ---------------------------------------------------------------- resolvers that answer nonsense */

enum nonsense { UNWRITTEN, NONE, MANY, MORE_THAN_GIVEN, FAMILY, ANSWER, ENDLESS };

static enum weir_lookup host(void *user, const char *name, struct weir_address *out, size_t max,
                             size_t *count)
{
    const enum nonsense *how = user;

    (void)name;
    if (*how == UNWRITTEN)
        return WEIR_FOUND;
    *count = *how == NONE ? 0 : *how == MANY ? max : *how == ENDLESS ? SIZE_MAX : 3;
    for (size_t i = 0; i < (*how == MORE_THAN_GIVEN ? 1 : *how == MANY ? max : 3); i++)
        out[i] = (struct weir_address){.family = *how == FAMILY ? 7 : 4, .bytes = {10, 0, 0, (uint8_t)i}};
    return *how == ANSWER ? (enum weir_lookup)77 : WEIR_FOUND;
}

static enum weir_lookup network(void *user, const char *name, uint32_t *out)
{
    (void)name, (void)out;
    return *(const enum nonsense *)user == ANSWER ? (enum weir_lookup)77 : WEIR_FOUND;
}

static enum weir_lookup ether(void *user, const char *name, uint8_t out[6])
{
    (void)name, (void)out;
    return *(const enum nonsense *)user == ANSWER ? (enum weir_lookup)77 : WEIR_FOUND;
}

static enum weir_lookup service(void *user, const char *name, const char *protocol, uint16_t *out)
{
    (void)name, (void)protocol, (void)out;
    return *(const enum nonsense *)user == ANSWER ? (enum weir_lookup)77 : WEIR_FOUND;
}

static enum weir_lookup protocol(void *user, const char *name, uint8_t *out)
{
    (void)name, (void)out;
    return *(const enum nonsense *)user == ANSWER ? (enum weir_lookup)77 : WEIR_FOUND;
}

static void test_resolver(void)
{
    static const struct {
        enum nonsense how;
        const char *text;
        int status;
        unsigned code;
    } row[] = {
        {UNWRITTEN, "host name", WEIR_E_FILTER, 403},
        {NONE, "host name", WEIR_E_FILTER, 403},
        {MANY, "host name", WEIR_E_FILTER, 405},
        {ENDLESS, "host name", WEIR_E_FILTER, 405},
        {MORE_THAN_GIVEN, "host name", WEIR_OK, 0}, /* the one that was given */
        {FAMILY, "host name", WEIR_E_FILTER, 404},
        {ANSWER, "host name", WEIR_E_FILTER, 402},
        {ANSWER, "net name", WEIR_E_FILTER, 402},
        {ANSWER, "ether host name", WEIR_E_FILTER, 402},
        {ANSWER, "port name", WEIR_E_FILTER, 402},
        {ANSWER, "ip proto name", WEIR_E_FILTER, 402},
        {UNWRITTEN, "net name", WEIR_E_FILTER, 406},
        {UNWRITTEN, "ether host name", WEIR_OK, 0}, /* 0:0:0:0:0:0 */
        {UNWRITTEN, "port name", WEIR_OK, 0},       /* port 0 */
        {UNWRITTEN, "ip proto name", WEIR_OK, 0},   /* protocol 0 */
    };
    enum nonsense how;
    const struct weir_resolver names = {sizeof names, &how, host, network, ether, service, protocol};
    struct weir_options o = WEIR_OPTIONS_INIT;

    o.resolver = &names;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char what[64];
        how = row[i].how;
        snprintf(what, sizeof what, "nonsense %d for %s", how, row[i].text);
        expect(row[i].status, row[i].code, row[i].text, &o, what);
    }
    struct weir_program *one = NULL, *given = NULL;
    how = MORE_THAN_GIVEN;
    weir_compile(cx, "host name", 9, &o, &one);
    weir_compile(cx, "host 10.0.0.0", 13, NULL, &given);
    size_t n = 0, m = 0;
    const struct weir_cbpf_insn *a = weir_program_cbpf(one, &n), *b = weir_program_cbpf(given, &m);
    tap_ok(a && b && n == m && !memcmp(a, b, n * sizeof *a),
           "addresses that were counted and not given are none");
    weir_program_free(one);
    weir_program_free(given);
}

/* ---------------------------------------------------------------- no memory where a program is asked */

struct heap {
    size_t asked, fail_at, live;
};

static void *heap_reallocate(void *user, void *ptr, size_t size)
{
    struct heap *h = user;

    if (size && h->fail_at && ++h->asked >= h->fail_at)
        return NULL;
    if (!ptr && size)
        h->live++;
    if (ptr && !size)
        h->live--;
    if (size)
        return realloc(ptr, size);
    free(ptr);
    return NULL;
}

/* Asks @p for something, with and without memory: what came of it. */
typedef int ask(const struct weir_program *p);

static int ask_object(const struct weir_program *p)
{
    char *text = (char *)CANARY;
    size_t len;
    int status = weir_program_object(p, NULL, &text, &len);

    if (status == WEIR_OK)
        weir_text_free(p, text);
    return status < 0 && text != (char *)CANARY ? 1 : status;
}

static int ask_text(const struct weir_program *p, enum weir_text form)
{
    char *text = (char *)CANARY;
    int status = weir_program_text(p, form, &text, NULL);

    if (status == WEIR_OK)
        weir_text_free(p, text);
    return status < 0 && text != (char *)CANARY ? 1 : status;
}

static int ask_c(const struct weir_program *p)
{
    return ask_text(p, WEIR_TEXT_C);
}

static int ask_source(const struct weir_program *p)
{
    return ask_text(p, WEIR_TEXT_SOURCE);
}

static int ask_cost(const struct weir_program *p)
{
    struct weir_cost cost = {.size = sizeof cost};
    return weir_program_cost(p, &cost);
}

static void test_no_memory(void)
{
    static const struct {
        uint32_t target;
        ask *ask;
        const char *what;
    } row[] = {
        {WEIR_TARGET_XDP, ask_object, "an object"},  {WEIR_TARGET_XDP, ask_source, "C for clang"},
        {WEIR_TARGET_XDP, ask_c, "numbers of eBPF"}, {WEIR_TARGET_CBPF, ask_c, "numbers"},
        {WEIR_TARGET_CBPF, ask_cost, "the cost"},
    };
    struct heap h = {0};
    const struct weir_allocator al = {heap_reallocate, &h};
    struct weir *context = NULL;

    weir_new(&al, &context);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct weir_program *p = NULL;
        int status = WEIR_E_MEMORY;
        size_t n, live;
        o.target = row[i].target;
        o.count = o.tables = 1;
        o.keep_source = row[i].target == WEIR_TARGET_XDP;
        weir_compile(context, "port 80 or port 99 or net 10.0.0.0/8", 36, &o, &p);
        live = h.live;
        for (n = 1; status == WEIR_E_MEMORY && h.live == live; n++) {
            h.asked = 0;
            h.fail_at = n;
            status = row[i].ask(p);
        }
        h.fail_at = 0;
        tap_ok(status == WEIR_OK && n > 2 && h.live == live, "%s without memory, %zu times", row[i].what,
               n - 2);
        weir_program_free(p);
    }
    weir_free(context);
    tap_ok(h.live == 0, "all memory was given back");
}

/* ---------------------------------------------------------------- matching */

static void test_match(void)
{
    static const unsigned char packet[14] = {[12] = 8};
    struct weir_program *classic = program(WEIR_TARGET_CBPF), *xdp = program(WEIR_TARGET_XDP);

    tap_ok(weir_match(classic, packet, 14, 14, NULL) == WEIR_SNAPLEN_DEFAULT, "a packet that matches");
    tap_ok(weir_match(classic, packet, 13, 14, NULL) == 0, "a packet that ends too early");
    tap_ok(weir_match(classic, NULL, 0, 14, NULL) == 0, "no packet of no bytes");
    tap_ok(weir_match(classic, NULL, 14, 14, NULL) == 0, "no packet of 14 bytes");
    tap_ok(weir_match(xdp, packet, 14, 14, NULL) == 0, "a program of another target");
    weir_program_free(classic);
    weir_program_free(xdp);
}

static void test_linktypes(void)
{
    static const char *const none[] = {"",        "DLT_", "dlt", " 1",         "1 ",
                                       "-1",      "0x1",  "1e1", "4294967296", "99999999999999999999",
                                       "EN10MB ", "99999"};
    struct weir_linktype lt, last = {0};
    size_t i = 0, wrong = 0;

    for (; weir_linktype(i, &lt) == WEIR_OK; i++) {
        wrong += i > 0 && lt.number <= last.number;
        wrong += lt.name && weir_linktype_by_name(lt.name) != lt.number;
        last = lt;
    }
    tap_ok(i > 50 && wrong == 0, "%zu link types, in ascending number, each found by its name", i);
    tap_ok(weir_linktype(SIZE_MAX, &lt) == WEIR_E_ARGUMENT, "link types past the last");
    for (i = 0; i < sizeof none / sizeof *none; i++)
        tap_ok(weir_linktype_by_name(none[i]) == -1, "'%s' is no link type", none[i]);
    tap_ok(weir_linktype_by_name("1") == 1 && weir_linktype_by_name("dlt_en10mb") == 1, "1, and its name");
    tap_ok(strcmp(weir_strerror(-77), weir_strerror(WEIR_OK)) != 0 && *weir_strerror(-77),
           "a status that there is not");
}

int main(void)
{
    if (weir_new(NULL, &cx) < 0)
        return 1;
    test_null_context();
    test_null_text();
    test_null_program();
    test_null_places();
    test_option_sizes();
    test_resolver_sizes();
    test_result_sizes();
    test_options();
    test_limits();
    test_text();
    test_no_command();
    test_resolver();
    test_no_memory();
    test_match();
    test_linktypes();
    weir_free(cx);
    return tap_done();
}
