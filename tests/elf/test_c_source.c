/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/elf/test_c_source.c - eBPF programs as C source: clang compiles it, the kernel takes it (a `func` is
 * called from here), and its verdicts are those of the IR it was made from, on generated packets of every
 * length.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "driver/pipeline.h"
#include "jit-tests/packets.h"
#include "jit-tests/sets.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"

#define PACKET_MIN 15 /* the kernel's test run wants an Ethernet header and something behind it */

static char folder[] = "/tmp/weir-source-XXXXXX";

static const char *const filters[] = {
    "",
    "ip",
    "tcp port 80",
    "port 80 or port 443",
    "ip6 and tcp",
    "host 10.0.0.1 or net 10.0.0.32/27",
    "ip6 host 2001:db8::1 or ip6 net fe80::/10",
    "ether host 01:02:03:04:05:06 or ether multicast",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
    "vlan 100",
    "portrange 50-60 or portrange 1000-2000",
    "not arp and not port 22",
    "len > 60 and len % 7 = 3",
    "ip[8] * 3 / (ip[9] + 1) > 10",
    "ether[ip[19] & 31] >= ip[15]",
    "ip[6:2] << ip[9] != 0 or ip[6:2] >> (ip[9] & 7) = 1",
    "ip protochain 6 or ip6 protochain 58",
    "icmp or udp[8:4] = 0 or sctp",
    "greater 100 or less 40",
    "host 10.0.0.1 or 10.0.0.3 or 10.0.0.5 or 10.0.0.7 or 10.0.0.9 or 10.0.0.11 or 10.0.0.13 or 10.0.0.15 or "
    "10.0.0.17 "
    "or 10.0.0.19 or 10.0.0.21 or 10.0.0.23 or 10.0.0.25 or 10.0.0.27 or 10.0.0.29 or 10.0.0.31 or "
    "net 10.0.0.40/30",
    "host @a",
    "src net @a and not (dst host @a and port @p)",
    "ether host @m or udp port @p",
    "ip[ip[8] & 3] > 1 and src @a or ip6 dst host @a",
};

/* Classic programs that return numbers; the last two ask for metadata. */
static const char *const programs[] = {
    "ldh [12]\nmod #7\nret a\n",
    "ldb [23]\njeq #6, a\njeq #17, b\nret a\na: ret #1\nb: ret #70000\n",
    "ld mark\nadd #3\nst M[0]\nldb [13]\ntax\nld M[0]\nsub x\nret a\n",
    "ldb [13]\ntax\nld cpu\nld xor_x\nret a\n",
};

/* What the sets of those have for members: the maps are libbpf's. */
static struct filled_sets sets;

static void fill(struct bpf_object *b)
{
    static const char *const name[] = {"a", "p", "m"};
    static const uint8_t kind[] = {WEIR_SET_ADDRESSES, WEIR_SET_PORTS, WEIR_SET_MACS};
    static const uint8_t v4[] = {10, 0, 0, 0}, port[] = {0, 80}, v6[16] = {0x20, 1, 0x0d, 0xb8};

    for (int i = 0; i < 3; i++) {
        sets.of[i] =
            (struct set_contents){.kind = kind[i], .map = bpf_object__find_map_fd_by_name(b, name[i])};
        strcpy(sets.of[i].name, name[i]);
    }
    set_add_address(&sets.of[0], v4, 4, 28);
    set_add_address(&sets.of[0], v6, 6, 126);
    set_add_bytes(&sets.of[1], port);
    set_add_bytes(&sets.of[2], (const uint8_t[]){1, 1, 1, 1, 1, 1});
}

/* Compiles @source with clang; the object's path, or NULL after saying why. */
static const char *clang(const char *source, size_t len, const char *name)
{
    static char object[128];
    char command[600], path[100];
    struct utsname u;

    uname(&u);
    snprintf(path, sizeof path, "%s/%s.c", folder, name);
    snprintf(object, sizeof object, "%s/%s.o", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || fwrite(source, 1, len, f) != len || fclose(f) != 0)
        return NULL;
    snprintf(
        command, sizeof command,
        "clang -O2 -g -Wall -Wextra -Werror -Wno-constant-conversion -Wno-pass-failed -target bpf -mcpu=v3 "
        "-I/usr/include/%s-linux-gnu -c %s -o %s 2>&1",
        u.machine, path, object);
    FILE *p = popen(command, "r");
    char line[256];
    int lines = 0;
    while (p && fgets(line, sizeof line, p))
        if (lines++ < 10)
            tap_pending("%s", line);
    return p && pclose(p) == 0 ? object : NULL;
}

/* What `func` makes, called from here: the same source for this machine. */
static void *library;
static int (*function)(void *data, void *data_end, uint32_t wire_len);

static bool call_natively(const char *name)
{
    char command[600], path[100];
    struct utsname u;

    uname(&u);
    snprintf(path, sizeof path, "%s/%s.so", folder, name);
    snprintf(command, sizeof command,
             "cd %s && echo 'int called(void *d, void *e, __u32 n) { return weir(d, e, n); }' >>%s.c && "
             "clang -O1 -w -shared -fPIC -I/usr/include/%s-linux-gnu %s.c -o %s",
             folder, name, u.machine, name, path);
    library = system(command) == 0 ? dlopen(path, RTLD_NOW) : NULL;
    void *address = library ? dlsym(library, "called") : NULL;
    memcpy(&function, &address, sizeof function);
    if (!address)
        tap_pending("not compiled for this machine");
    return address != NULL;
}

static char log_text[1 << 20];

static struct bpf_object *load(const char *path, int *program)
{
    struct bpf_object_open_opts o = {
        .sz = sizeof o, .kernel_log_buf = log_text, .kernel_log_size = sizeof log_text};

    log_text[0] = '\0';
    struct bpf_object *b = bpf_object__open_file(path, &o);
    if (!b)
        return NULL;
    if (bpf_object__load(b) < 0) {
        size_t len = strlen(log_text);
        tap_pending("%s", len > 600 ? log_text + len - 600 : log_text);
        bpf_object__close(b);
        return NULL;
    }
    *program = bpf_program__fd(bpf_object__next_program(b, NULL));
    return b;
}

/* How the kernel's test run treats a kind of program. */
struct kind {
    const char *name;
    uint32_t target;
    uint32_t prefix; /* bytes in front of what the program sees */
    bool split;      /* part of the packet may be out of direct reach */
};

/* Whether the test run takes the packet: tc has no use for an IP header cut short. */
static bool takes(const struct kind *k, const uint8_t *bytes, uint32_t n)
{
    unsigned type = (unsigned)bytes[12] << 8 | bytes[13];

    return k->target != WEIR_TARGET_TC || !((type == 0x0800 && n < 34) || (type == 0x86dd && n < 54));
}

static bool run_once(int program, const struct kind *k, const uint8_t *bytes, uint32_t n, uint32_t linear,
                     uint32_t *verdict)
{
    static uint8_t in[1024];
    struct xdp_md xdp = {.data_end = linear};
    struct __sk_buff skb = {.data_end = linear};
    struct bpf_test_run_opts o = {.sz = sizeof o, .data_in = in, .data_size_in = n + k->prefix, .repeat = 1};

    memset(in, 0, k->prefix);
    memcpy(in + k->prefix, bytes, n);
    if (k->target == WEIR_TARGET_FUNC) {
        *verdict = (uint32_t)function(in, in + n, n);
        return true;
    }
    if (linear) {
        o.ctx_in = k->target == WEIR_TARGET_XDP ? (void *)&xdp : (void *)&skb;
        o.ctx_size_in = k->target == WEIR_TARGET_XDP ? sizeof xdp : sizeof skb;
    }
    if (bpf_prog_test_run_opts(program, &o) < 0) {
        tap_pending("test run of %u bytes, %u direct: %s", (unsigned)n, (unsigned)linear, strerror(errno));
        return false;
    }
    *verdict = o.retval;
    return true;
}

/* Compares verdicts on a packet, whole and cut in many places. */
static bool agree(int program, const struct kind *k, bool numbers, const struct ir_func *f,
                  struct arena *scratch, const uint8_t *bytes, uint32_t size, unsigned *accepted)
{
    for (uint32_t n = PACKET_MIN; n <= size; n += n + 9 < size ? 1 + n % 3 : 1) {
        struct packet p = {
            .bytes = bytes, .caplen = n, .wirelen = n, .meta = {.cpu = (uint32_t)sched_getcpu()}};
        const struct packet_sets contents = {sets_have, &sets};
        uint32_t number = ir_eval_sets(f, &p, &contents, scratch, NULL),
                 want = numbers ? number : number != 0, got = 0;
        uint32_t linear = k->split && n % 2 ? 14 + n % 20 : 0;
        while (linear && linear < n && !takes(k, bytes, linear))
            linear += 20;
        if (!takes(k, bytes, n))
            continue;
        if (!run_once(program, k, bytes, n, linear < n ? linear : 0, &got))
            return false;
        *accepted += want != 0;
        if (got != want) {
            tap_pending("%u bytes, %u direct: the program returns %u, the IR %u", (unsigned)n,
                        (unsigned)linear, (unsigned)got, (unsigned)want);
            return false;
        }
    }
    return true;
}

/* A set that C would not let be called so. */
static void test_words(void)
{
    static const char *const words[] = {"int", "load", "while"};
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir *cx = NULL;
    char text[40];

    o.target = WEIR_TARGET_XDP;
    o.keep_source = 1;
    weir_new(NULL, &cx);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct weir_program *p = NULL;
        snprintf(text, sizeof text, "host @a or @%s", words[i]);
        tap_ok(weir_compile(cx, text, strlen(text), &o, &p) == WEIR_E_UNSUPPORTED &&
                   weir_diagnostic(cx, 0)->code == 792 && weir_diagnostic(cx, 0)->begin == 11,
               "a set called '%s' is refused", words[i]);
        weir_program_free(p);
    }
    weir_free(cx);
}

static struct packets packets;

/* A filter's plain IR, or that of a program that is read. */
static bool ir_of(const char *text, bool read, const struct weir_options *o, struct arena *arena,
                  struct ir_func *out)
{
    struct diag_sink sink = {.arena = arena, .limit = 10};
    struct cbpf_code code = {.arena = arena};

    if (!read)
        return pipeline_ir(arena, &sink, text, strlen(text), o, NULL, out) == 0;
    return pipeline_read(&sink, text, strlen(text), o, &code) == 0 &&
           pipeline_lift(arena, &sink, &code, o, out) == 0;
}

/* @read: a classic program instead of a filter. */
static void check(const char *filter, bool read, const struct kind *k)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir *cx = NULL;
    struct weir_program *p = NULL;
    struct arena arena;
    struct ir_func f;
    char *text = NULL;
    size_t len = 0;
    int program = -1;
    unsigned accepted = 0;
    struct bpf_object *b = NULL;

    o.target = k->target;
    o.keep_source = 1;
    o.has_actions = !read || k->target != WEIR_TARGET_SOCKET;
    o.on_match = 1;
    o.protochain =
        getenv("WEIR_LONG") ? 128 : 24; /* clang takes seconds for what is unrolled to 128 headers */
    o.frags = k->target == WEIR_TARGET_XDP && k->split;
    if (k->target == WEIR_TARGET_CGROUP)
        o.linktype = (uint32_t)weir_linktype_by_name("RAW");
    arena_init(&arena, &allocator_system, (size_t)1 << 30);
    bool ok = weir_new(NULL, &cx) == 0 &&
              (read ? weir_program_read : weir_compile)(cx, filter, strlen(filter), &o, &p) >= 0 &&
              weir_program_text(p, WEIR_TEXT_SOURCE, &text, &len) == 0 && ir_of(filter, read, &o, &arena, &f);
    const char *object = ok ? clang(text, len, k->name) : NULL;
    if (!ok)
        tap_pending("not compiled");
    if (object && k->target == WEIR_TARGET_FUNC)
        ok = call_natively(k->name);
    else
        ok = object && (b = load(object, &program)) != NULL;
    if (b)
        fill(b);
    uint32_t skip = k->target == WEIR_TARGET_CGROUP ? 14 : 0; /* its packets begin at IP */
    for (size_t i = 0; ok && i < packets.n; i++)
        ok = agree(program, k, !o.has_actions, &f, &arena, packets.byte[i] + skip, packets.size[i] - skip,
                   &accepted);
    tap_ok(ok, "%s: '%s', %u accepted", k->name, filter, accepted);
    if (library)
        dlclose(library);
    library = NULL;
    bpf_object__close(b);
    if (text)
        weir_text_free(p, text);
    weir_program_free(p);
    weir_free(cx);
    arena_release(&arena);
}

static const struct kind kinds[] = {
    {"xdp", WEIR_TARGET_XDP, 0, false},        {"tc", WEIR_TARGET_TC, 0, false},
    {"frags", WEIR_TARGET_XDP, 0, true},       {"socket", WEIR_TARGET_SOCKET, 14, false},
    {"cgroup", WEIR_TARGET_CGROUP, 14, false}, {"func", WEIR_TARGET_FUNC, 0, false},
};

int main(void)
{
    struct rng r = {rng_seed()};
    char command[64];
    cpu_set_t here;

    libbpf_set_print(NULL);
    if (geteuid() != 0)
        return tap_skip_all("root is needed to load programs into the kernel");
    if (system("clang --version >/dev/null 2>&1"))
        return tap_skip_all("clang is not installed");
    if (!mkdtemp(folder))
        return 1;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    tap_ok(sched_setaffinity(0, sizeof here, &here) == 0, "all on one processor");
    for (int i = 0; i < 60; i++)
        packets_generate(&packets, &r);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if ((k < 2 || i % 4 == k % 4) &&
                !(kinds[k].target == WEIR_TARGET_FUNC && strchr(filters[i], '@')))
                check(filters[i], false, &kinds[k]); /* a function that is called from here has no maps */
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if (i < 2 ||
                (kinds[k].target != WEIR_TARGET_FUNC && (i == 3 || kinds[k].target != WEIR_TARGET_XDP)))
                check(programs[i], true, &kinds[k]);
    packets_free(&packets);
    test_words();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
