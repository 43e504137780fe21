/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/test_tables.c - sets in read-only data: programs with tables against the IR, in the kernel.
 *
 * Lists of hosts and of ports, random and regular ones, whose packets are members, values one bit or one away
 * from a member, and others.
 */
#include "jit-tests/call_func.h"
#include "jit-tests/run_target.h"
#include "tests/harness/tap.h"

#define SET_MAX 20000

enum kind { RANDOM, DENSE, NEXT, HIGH_BYTE, PORTS, TWO_TARGETS, WITH_NETS, MASKED, NETS, NETS_ODD };

static const char *const kind_name[] = {
    [RANDOM] = "random hosts",
    [DENSE] = "hosts of one network",
    [NEXT] = "hosts in a row, every other",
    [HIGH_BYTE] = "hosts N.0.0.0",
    [PORTS] = "ports",
    [TWO_TARGETS] = "sources and other destinations",
    [MASKED] = "masked words",
    [WITH_NETS] = "hosts and some networks",
    [NETS] = "networks of 24 bits",
    [NETS_ODD] = "networks of 19 bits and some of 9",
};

struct sets {
    uint32_t member[SET_MAX], n;
    char text[SET_MAX * 32];
};

static uint32_t member_of(enum kind kind, struct rng *r, uint32_t i)
{
    switch (kind) {
    case RANDOM:
    case TWO_TARGETS:
    case WITH_NETS:
        return (uint32_t)rng_next(r) | 1; /* not 0.0.0.0 */
    case MASKED:
        return (uint32_t)rng_next(r) & 0xffffff00;
    case NETS:
        return 0x0b000000 + (rng_below(r, 0x4000) << 8); /* many are neighbours */
    case NETS_ODD:
        return (uint32_t)rng_next(r) & (i % 50 ? 0xffffe000 : 0xff800000);
    case DENSE:
        return 0x0a140000 + rng_below(r, 0x10000);
    case NEXT:
        return 0xc0a80000 + 2 * i;
    case HIGH_BYTE:
        return (i + 1) << 24;
    case PORTS:
        return 1 + rng_below(r, 0xffff);
    }
    return 0;
}

static void make_set(struct sets *s, enum kind kind, uint32_t n, struct rng *r)
{
    size_t at = 0;

    s->n = n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t m = s->member[i] = member_of(kind, r, i);
        const char * or = i ? " or " : "";
        const char *word = kind == TWO_TARGETS ? (i % 2 ? "ip src" : "ip dst") : "ip host";
        if (kind == WITH_NETS && i % 50 == 1)
            at += (size_t)snprintf(s->text + at, sizeof s->text - at, " or ip net %u.%u.0.0/16", m >> 24,
                                   m >> 16 & 255);
        else if (kind == MASKED)
            at += (size_t)snprintf(s->text + at, sizeof s->text - at, "%sip[12:4] & 0xffffff00 = %u", or, m);
        else if (kind == NETS || kind == NETS_ODD)
            at += (size_t)snprintf(s->text + at, sizeof s->text - at, "%sip net %u.%u.%u.0/%d", or, m >> 24,
                                   m >> 16 & 255, m >> 8 & 255,
                                   kind == NETS ? 24
                                   : i % 50     ? 19
                                                : 9);
        else if (kind == PORTS)
            at += (size_t)snprintf(s->text + at, sizeof s->text - at, "%sudp dst port %u", or, m);
        else
            at += (size_t)snprintf(s->text + at, sizeof s->text - at, "%s%s %u.%u.%u.%u", or, word, m >> 24,
                                   m >> 16 & 255, m >> 8 & 255, m & 255);
    }
}

/* A member, a near miss, or anything. */
static uint32_t probe(const struct sets *s, enum kind kind, struct rng *r)
{
    uint32_t m = s->member[rng_below(r, s->n)], bits = kind == PORTS ? 16 : 32;

    switch (rng_below(r, 6)) {
    case 0:
        return kind == MASKED || kind == NETS || kind == NETS_ODD ? m | rng_below(r, 256) : m;
    case 1:
        return m ^ 1u << rng_below(r, bits);
    case 2:
        return rng_below(r, 2) ? m + 1 : (m & 0xffff0000) | rng_below(r, 0x10000);
    case 3:
        return __builtin_bswap32(m);
    case 4:
        return rng_below(r, 2) ? 0 : UINT32_MAX;
    default:
        return (uint32_t)rng_next(r);
    }
}

static void make_packet(const struct sets *s, enum kind kind, struct rng *r, uint8_t out[static 60])
{
    memset(out, 0, 60);
    out[0] = 2;
    packets_put(out, 12, 0x0800, 2);
    out[14] = 0x45;
    packets_put(out, 16, 46, 2);
    out[23] = 17;
    packets_put(out, 26, kind == PORTS ? 0x0a000001 : probe(s, kind, r), 4);
    packets_put(out, 30, kind == PORTS ? 0x0a000002 : probe(s, kind, r), 4);
    packets_put(out, 36, kind == PORTS ? probe(s, kind, r) & 0xffff : 53, 2);
}

/* The read-only data as a map that nobody can change, put where the program asks for it. */
static int give_tables(struct ebpf_code *code)
{
    struct bpf_map_create_opts o = {.sz = sizeof o, .map_flags = BPF_F_RDONLY_PROG};
    uint32_t key = 0;
    int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rodata", sizeof key, code->rodata.n, 1, &o);

    if (map < 0 || bpf_map_update_elem(map, &key, code->rodata.at, 0) < 0 || bpf_map_freeze(map) < 0)
        return -1;
    for (uint32_t i = 0; i < code->reloc.n; i++) {
        struct weir_ebpf_insn *in = &code->insn.at[code->reloc.at[i].insn];
        in->registers = (uint8_t)((in->registers & 15) | BPF_PSEUDO_MAP_VALUE << 4);
        in->imm = map;
        in[1].imm = (int32_t)code->reloc.at[i].addend;
    }
    return map;
}

static bool agrees(const struct target *t, struct built *b, int fd, const struct sets *s, enum kind kind,
                   struct rng *r, unsigned *accepted)
{
    for (int i = 0; i < 600; i++) {
        uint8_t bytes[60];
        uint32_t got = 0, linear = t->split && i % 3 == 0 ? 14 + rng_below(r, 46) : 0;
        uint32_t size = i % 10 ? 60 : 34 + rng_below(r, 26);
        make_packet(s, kind, r, bytes);
        if (linear >= size)
            linear = 0;
        struct packet p = {
            .bytes = bytes, .caplen = size, .wirelen = size, .meta = metadata_of(t, bytes, size)};
        uint32_t want = ir_eval(&b->f, &p, &b->arena, NULL);
        int err = kernel_run_split(t->kernel, fd, bytes, size, linear, &got);
        *accepted += want != 0;
        if (err == 0 && returns(b, want, got))
            continue;
        tap_diag("packet %d, %u bytes, %u linear, addresses %02x%02x%02x%02x %02x%02x%02x%02x: IR says %u, "
                 "the kernel %d, %s",
                 i, size, linear, bytes[26], bytes[27], bytes[28], bytes[29], bytes[30], bytes[31], bytes[32],
                 bytes[33], (unsigned)want, (int)got, strerror(-err));
        return false;
    }
    return true;
}

static bool same_again(const struct target *t, const char *text, const struct built *b)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct built c;

    built_init(&c, t);
    c.o.tables = true;
    o.live = t->live;
    bool same = pipeline_ir(&c.arena, &c.sink, text, strlen(text), &o, NULL, &c.f) == 0 &&
                ebpf_emit(&c.f, &c.o, &c.sink, &c.code) == 0 && c.code.insn.n == b->code.insn.n &&
                c.code.rodata.n == b->code.rodata.n &&
                !memcmp(c.code.rodata.at, b->code.rodata.at, b->code.rodata.n) &&
                !memcmp(c.code.insn.at, b->code.insn.at, b->code.insn.n * sizeof *b->code.insn.at);
    arena_release(&c.arena);
    return same;
}

static void test_set(const struct target *t, struct sets *s, enum kind kind, uint32_t n)
{
    struct rng r = {rng_seed() + n + (uint32_t)kind};
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct built b;
    unsigned accepted = 0;

    make_set(s, kind, n, &r);
    built_init(&b, t);
    b.o.tables = true;
    o.live = t->live;
    b.status = pipeline_ir(&b.arena, &b.sink, s->text, strlen(s->text), &o, NULL, &b.f);
    if (b.status == 0)
        b.status = ebpf_emit(&b.f, &b.o, &b.sink, &b.code);
    bool good = b.status == 0 && b.code.rodata.n && same_again(t, s->text, &b);
    int map = good ? give_tables(&b.code) : -1, fd = -1;
    if (map >= 0 && t->wrap)
        t->wrap(&b.code);
    if (map >= 0)
        fd = kernel_load(t->kernel, b.code.insn.at, b.code.insn.n, verifier_log, sizeof verifier_log);
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    if (fd >= 0)
        bpf_obj_get_info_by_fd(fd, &info, &len);
    bool right = fd >= 0 && agrees(t, &b, fd, s, kind, &r, &accepted) && accepted > 20;
    if (!tap_ok(right, "%s%s: %u %s: %u instructions, %u verified, %u bytes of tables, %u accepted",
                t->kernel->name, t->wrap ? ", called" : "", n, kind_name[kind], (unsigned)b.code.insn.n,
                info.verified_insns, (unsigned)b.code.rodata.n, accepted)) {
        tap_diag("status %d, tables %u, made the same again %d, map %d", b.status, (unsigned)b.code.rodata.n,
                 good, map);
        if (map >= 0 && fd < 0)
            tap_diag("%s", verifier_log);
        if (b.code.insn.n < 400)
            built_show(&b, false);
    }
    if (fd >= 0)
        close(fd);
    if (map >= 0)
        close(map);
    arena_release(&b.arena);
}

/* Every ceiling of memory up to what is needed ends in an error, and then in the same program. */
static void test_memory(const struct target *t, struct sets *s)
{
    struct rng r = {rng_seed()};
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct built b;
    size_t ceiling = 0;
    int status = WEIR_E_MEMORY;
    bool same = false;

    make_set(s, WITH_NETS, 300, &r);
    built_init(&b, t);
    b.o.tables = true;
    if (pipeline_ir(&b.arena, &b.sink, s->text, strlen(s->text), &o, NULL, &b.f) == 0)
        b.status = ebpf_emit(&b.f, &b.o, &b.sink, &b.code);
    while (status == WEIR_E_MEMORY && ceiling < 8 << 20) {
        struct arena arena;
        struct ebpf_code code = {.arena = &arena};
        arena_init(&arena, &allocator_system, ceiling);
        status = ebpf_emit(&b.f, &b.o, &b.sink, &code);
        same = status == 0 && code.rodata.n && code.rodata.n == b.code.rodata.n &&
               !memcmp(code.rodata.at, b.code.rodata.at, code.rodata.n);
        arena_release(&arena);
        ceiling += 512;
    }
    tap_ok(same, "memory may run out at any of %zu places", ceiling / 512);
    arena_release(&b.arena);
}

int main(void)
{
    static const struct target targets[] = {
        {.kernel = &kernel_tc, .target = WEIR_TARGET_TC, .shortest = 14, .live = true},
        {.kernel = &kernel_xdp, .target = WEIR_TARGET_XDP, .shortest = 14},
        {.kernel = &kernel_xdp_frags,
         .target = WEIR_TARGET_XDP,
         .shortest = 14,
         .frags = true,
         .split = true},
        {.kernel = &kernel_socket, .target = WEIR_TARGET_SOCKET, .shortest = 14},
        {.kernel = &kernel_xdp, .target = WEIR_TARGET_FUNC, .shortest = 14, .wrap = call_func},
    };
    static const struct {
        enum kind kind;
        uint32_t n;
    } sets[] = {{RANDOM, 100},      {RANDOM, 1000},   {RANDOM, 10000},  {DENSE, 10000},
                {NEXT, 1000},       {NEXT, 10000},    {HIGH_BYTE, 200}, {PORTS, 300},
                {TWO_TARGETS, 500}, {WITH_NETS, 100}, {MASKED, 300},    {WITH_NETS, 2000},
                {RANDOM, 20000},    {NETS, 500},      {NETS, 5000},     {NETS_ODD, 400}};
    static struct sets s;

    for (size_t k = 0; k < sizeof targets / sizeof targets[0]; k++) {
        const char *why = kernel_refuses(targets[k].kernel);
        if (why) {
            tap_skip(why, "tables");
            continue;
        }
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
            test_set(&targets[k], &s, sets[i].kind, sets[i].n);
    }
    test_memory(&targets[0], &s);
    return tap_done();
}
