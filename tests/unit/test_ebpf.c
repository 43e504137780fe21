/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/unit/test_ebpf.c - the eBPF backend: its programs, run by a small interpreter, against the IR. */
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include "backends/ebpf/internal.h"
#include "jit-tests/random_ir.h"
#include "tests/harness/ebpf_machine.h"
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "vm/vm.h"

/* ---------------------------------------------------------------- helpers */

struct compiled {
    struct arena arena;
    struct ir_func f;
    struct diag_sink sink;
    struct ebpf_code code;
    struct ebpf_target_options o;
    int status;
};

static void compiled_init(struct compiled *c)
{
    *c = (struct compiled){.status = 0};
    arena_init(&c->arena, &allocator_system, (size_t)1 << 30);
    c->sink.arena = c->code.arena = &c->arena;
    c->sink.limit = 10;
    ir_init(&c->f, &c->arena, 262144);
    c->o = ebpf_target_defaults(WEIR_TARGET_XDP, 262144);
}

static void compiled_emit(struct compiled *c)
{
    c->status = ebpf_emit(&c->f, &c->o, &c->sink, &c->code);
    machine_relocate(&c->code);
}

static void compiled_release(struct compiled *c)
{
    arena_release(&c->arena);
}

static char *listing_of(const struct compiled *c, struct strbuf *text)
{
    strbuf_init(text, &allocator_system);
    ebpf_print_listing(c->code.insn.at, c->code.insn.n, NULL, NULL, NULL, text);
    return text->text;
}

/* Whether the program and the IR agree on @bytes, of which the first @linear can be reached directly. */
static bool agree_split(struct compiled *c, const uint8_t *bytes, uint32_t n, uint32_t linear)
{
    struct packet p = {.bytes = bytes,
                       .caplen = n,
                       .wirelen = n,
                       .meta = {.ifindex = 7,
                                .packet_type = 3,
                                .vlan_tci = 100,
                                .vlan_present = n & 1,
                                .mark = 2,
                                .queue = 3,
                                .protocol = 0x0600,
                                .vlan_tpid = 0x0700,
                                .rxhash = 4 + (n & 4),
                                .cpu = 5}};
    uint32_t number = ir_eval(&c->f, &p, &c->arena, NULL);
    uint32_t want = !number ? c->o.on_miss : c->o.numbers ? number : c->o.on_match;
    uint32_t got = machine_run(c->code.insn.at, c->code.insn.n, c->o.target, &p, linear);

    if (got == want)
        return true;
    tap_diag("%u bytes, %u linear: IR says %d, eBPF %d", (unsigned)n, (unsigned)linear, (int)want, (int)got);
    return false;
}

static bool agree(struct compiled *c, const uint8_t *bytes, uint32_t n)
{
    return agree_split(c, bytes, n, n);
}

static const struct span nowhere = {0, 0};

/* ---------------------------------------------------------------- tests */

static const char tcp_port_80[] = "0: r2 = *(u32 *)(r1 +0)\n"
                                  "1: r3 = *(u32 *)(r1 +4)\n"
                                  "2: w0 = 1\n" /* until a test says otherwise */
                                  "3: r1 = r2\n"
                                  "4: r1 += 24\n"
                                  "5: if r1 > r3 goto pc+17\n"
                                  "6: r1 = *(u16 *)(r2 +12)\n"
                                  "7: if w1 != 0x8 goto pc+15\n";

/* ip and (src or dst port 80), as an optimizer would leave it. */
static void build_port(struct ir_func *f)
{
    for (int i = 0; i < 4; i++)
        ir_block_new(f, nowhere);
    ir_guard_add(f, 0, IR_NONE, 12, 12);
    ir_branch_range(f, 0, ir_load(f, IR_NONE, 12, 2), 0x800, 0x800, 1, IR_REJECT);
    ir_value ihl = ir_binary(f, IR_AND, ir_load(f, IR_NONE, 14, 1), ir_const(f, 15));
    ir_value x = ir_binary(f, IR_SHL, ihl, ir_const(f, 2));
    ir_branch_range(f, 1, ir_load(f, IR_NONE, 23, 1), 6, 6, 2, IR_REJECT);
    ir_guard_add(f, 2, x, 14, 4);
    ir_branch_range(f, 2, ir_load(f, x, 14, 2), 80, 80, IR_ACCEPT, 3);
    ir_branch_range(f, 3, ir_load(f, x, 16, 2), 80, 80, IR_ACCEPT, IR_REJECT);
    f->entry = 0;
}

static void test_port(void)
{
    struct compiled c;
    struct strbuf text;
    uint8_t packet[60] = {[12] = 8, [14] = 0x45, [23] = 6, [36] = 0, [37] = 80};
    bool same = true;

    compiled_init(&c);
    build_port(&c.f);
    compiled_emit(&c);
    char *listing = listing_of(&c, &text);
    if (!tap_ok(c.status == 0 && listing && !strncmp(listing, tcp_port_80, sizeof tcp_port_80 - 1),
                "a port test has one check for the headers and swapped constants"))
        tap_diag("%s", listing ? listing : "no program");
    for (uint32_t n = 0; n <= sizeof packet; n++)
        same &= agree(&c, packet, n);
    packet[14] = 0x46;
    for (uint32_t n = 0; n <= sizeof packet; n++)
        same &= agree(&c, packet, n);
    tap_ok(same, "its verdicts equal the IR's on every truncation");
    strbuf_release(&text);
    strbuf_init(&text, &allocator_system);
    ebpf_print_c(c.code.insn.at, 2, &text);
    tap_ok(text.text &&
               !strcmp(text.text, "{ 0x61, 2, 1, 0, 0x00000000 },\n{ 0x61, 3, 1, 4, 0x00000000 },\n"),
           "the C form initialises struct bpf_insn");
    strbuf_release(&text);
    compiled_release(&c);
}

static void test_exits(void)
{
    uint8_t packet[1] = {0};
    bool same = true;

    for (int i = 0; i < 2; i++) {
        struct compiled c;
        compiled_init(&c);
        c.f.entry = i ? IR_ACCEPT : IR_REJECT;
        compiled_emit(&c);
        same &= c.status == 0 && c.code.insn.n == 2 && agree(&c, packet, 0);
        compiled_release(&c);
    }
    tap_ok(same, "constant programs are two instructions");
}

/* Fields are where Linux says. */
static void test_fields(void)
{
    static const struct {
        enum ir_meta meta;
        size_t skb, xdp; /* 0: there is none */
    } rows[] = {
        {META_PROTOCOL, offsetof(struct __sk_buff, protocol), 0},
        {META_PKTTYPE, offsetof(struct __sk_buff, pkt_type), 0},
        {META_IFINDEX, offsetof(struct __sk_buff, ifindex), offsetof(struct xdp_md, ingress_ifindex)},
        {META_MARK, offsetof(struct __sk_buff, mark), 0},
        {META_QUEUE, offsetof(struct __sk_buff, queue_mapping), 0},
        {META_RXHASH, offsetof(struct __sk_buff, hash), 0},
        {META_VLAN_TCI, offsetof(struct __sk_buff, vlan_tci), 0},
        {META_VLAN_PRESENT, offsetof(struct __sk_buff, vlan_present), 0},
        {META_VLAN_TPID, offsetof(struct __sk_buff, vlan_proto), 0},
    };
    bool good = true;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (uint32_t target = WEIR_TARGET_XDP; target <= WEIR_TARGET_FUNC; target++) {
            size_t want = target == WEIR_TARGET_XDP    ? rows[i].xdp
                          : target == WEIR_TARGET_FUNC ? 0
                                                       : rows[i].skb;
            const struct ebpf_target_options o = {.target = target};
            const struct ebpf_meta *m = ebpf_target_meta(ebpf_target_of(&o), rows[i].meta);
            good &= want ? m && m->field == (int)want : !m;
        }
    tap_ok(good, "metadata are fields of the kernel's contexts");
}

static void test_metadata(void)
{
    static const struct {
        uint32_t target;
        enum ir_meta meta;
        bool there;
    } rows[] = {
        {WEIR_TARGET_XDP, META_IFINDEX, true},
        {WEIR_TARGET_XDP, META_VLAN_TCI, false},
        {WEIR_TARGET_XDP, META_PKTTYPE, false},
        {WEIR_TARGET_TC, META_IFINDEX, true},
        {WEIR_TARGET_TC, META_VLAN_PRESENT, true},
        {WEIR_TARGET_TC, META_VLAN_TCI, true},
        {WEIR_TARGET_SOCKET, META_PKTTYPE, true},
        {WEIR_TARGET_SOCKET, META_VLAN_TCI, true},
        {WEIR_TARGET_CGROUP, META_IFINDEX, true},
        {WEIR_TARGET_FUNC, META_IFINDEX, false},
        {WEIR_TARGET_FUNC, META_VLAN_PRESENT, false},
        {WEIR_TARGET_SOCKET, META_PROTOCOL, true},
        {WEIR_TARGET_TC, META_MARK, true},
        {WEIR_TARGET_CGROUP, META_QUEUE, true},
        {WEIR_TARGET_SOCKET, META_RXHASH, true},
        {WEIR_TARGET_TC, META_VLAN_TPID, true},
        {WEIR_TARGET_XDP, META_MARK, false},
        {WEIR_TARGET_SOCKET, META_HATYPE, false},
        {WEIR_TARGET_XDP, META_CPU, true},
        {WEIR_TARGET_FUNC, META_CPU, true},
        {WEIR_TARGET_TC, META_CPU, true},
        {WEIR_TARGET_SOCKET, META_CPU, true},
    };
    bool good = true;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const uint8_t packet[20] = {0};
        struct compiled c;
        compiled_init(&c);
        c.o = ebpf_target_defaults(rows[i].target, 262144);
        ir_block_new(&c.f, (struct span){3, 7});
        ir_branch_range(&c.f, 0, ir_meta(&c.f, rows[i].meta), 1, 7, IR_ACCEPT, IR_REJECT);
        c.f.entry = 0;
        compiled_emit(&c);
        if (rows[i].there)
            good &= c.status == 0 && agree(&c, packet, 19) && agree(&c, packet, 20);
        else
            good &= c.status == WEIR_E_UNSUPPORTED && c.sink.list.n == 1 && c.sink.list.at[0].at.begin == 3;
        compiled_release(&c);
    }
    tap_ok(good, "packet metadata is read, or refused with its place");
}

/* Every packet: those whose program goes on in the cold piece, and what a packet cut short says. */
static void test_targets(void)
{
    static const struct {
        uint32_t target;
        bool frags, direct;
    } rows[] = {{WEIR_TARGET_XDP, false, false},   {WEIR_TARGET_XDP, true, false},
                {WEIR_TARGET_TC, false, false},    {WEIR_TARGET_SOCKET, false, false},
                {WEIR_TARGET_SOCKET, false, true}, {WEIR_TARGET_CGROUP, false, false},
                {WEIR_TARGET_FUNC, false, false}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t packet[70] = {[12] = 8, [14] = 0x46, [23] = 6, [40] = 0, [41] = 80};
        bool split = rows[i].frags || rows[i].direct || rows[i].target == WEIR_TARGET_TC ||
                     rows[i].target == WEIR_TARGET_CGROUP;
        bool same = true;
        struct compiled c;
        compiled_init(&c);
        build_port(&c.f);
        c.o = ebpf_target_defaults(rows[i].target, 262144);
        c.o.frags = rows[i].frags;
        c.o.direct = rows[i].direct;
        compiled_emit(&c);
        for (uint32_t n = 0; n <= sizeof packet && c.status == 0; n++)
            for (uint32_t linear = split ? 0 : n; linear <= n; linear++)
                same &= agree_split(&c, packet, n, linear);
        tap_ok(c.status == 0 && same && (c.code.cold != 0) == split, "target %u%s: every length, %s",
               (unsigned)rows[i].target,
               rows[i].frags    ? " with fragments"
               : rows[i].direct ? ", direct"
                                : "",
               split ? "split everywhere" : "in one piece");
        compiled_release(&c);
    }
}

/* Bytes that direct access does not reach, of a packet that has all of them in one piece. */
static void test_long_packets(void)
{
    static uint8_t packet[70000];

    for (int direct = 0; direct < 2; direct++) {
        struct compiled c;
        bool same = true;
        compiled_init(&c);
        ir_block_new(&c.f, nowhere);
        ir_guard_add(&c.f, 0, IR_NONE, 66000, 1);
        ir_branch_range(&c.f, 0, ir_load(&c.f, IR_NONE, 66000, 1), 7, 7, IR_ACCEPT, IR_REJECT);
        c.f.entry = 0;
        c.o = ebpf_target_defaults(direct ? WEIR_TARGET_SOCKET : WEIR_TARGET_TC, 262144);
        c.o.direct = direct;
        compiled_emit(&c);
        for (unsigned byte = 6; byte < 8; byte++) {
            packet[66000] = (uint8_t)byte;
            same &= c.status == 0 && agree(&c, packet, sizeof packet) && agree(&c, packet, 66001) &&
                    agree(&c, packet, 66000) && agree_split(&c, packet, sizeof packet, 66000);
        }
        tap_ok(same, "byte 66,000, %s", direct ? "direct socket" : "tc");
        compiled_release(&c);
    }
}

/* 30,000 hosts: more than 16-bit jumps reach. */
static void test_far_jumps(void)
{
    enum { HOSTS = 30000 };
    struct compiled c;
    bool same = true;

    compiled_init(&c);
    struct ir_case *to = arena_array(&c.arena, struct ir_case, 2 * HOSTS + 1);
    ir_block_new(&c.f, nowhere);
    ir_block_new(&c.f, nowhere);
    for (int b = 0; b < 2; b++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < HOSTS; i++) {
            to[n++] = (struct ir_case){0x0a000000 + 97 * i - 1, b ? IR_REJECT : 1};
            to[n++] = (struct ir_case){0x0a000000 + 97 * i, IR_ACCEPT};
        }
        to[n++] = (struct ir_case){UINT32_MAX, b ? IR_REJECT : 1};
        ir_guard_add(&c.f, (uint32_t)b, IR_NONE, 26 + 4 * (uint32_t)b, 4);
        ir_switch(&c.f, (uint32_t)b, ir_load(&c.f, IR_NONE, 26 + 4 * (uint32_t)b, 4), to, n);
    }
    c.f.entry = 0;
    compiled_emit(&c);
    for (uint32_t i = 0; i < 200 && c.status == 0; i++) {
        uint32_t host = __builtin_bswap32(0x0a000000 + 97 * 151 * i + i % 3);
        uint8_t packet[34] = {0};
        memcpy(packet + (i & 1 ? 26 : 30), &host, 4);
        same &= agree(&c, packet, sizeof packet);
    }
    tap_ok(c.status == 0 && same && c.code.insn.n > 2 * HOSTS, "%u instructions with far jumps run",
           (unsigned)c.code.insn.n);
    struct ebpf_code short_code = {.arena = &c.arena};
    c.o.limit = 1000;
    int r = ebpf_emit(&c.f, &c.o, &c.sink, &short_code);
    tap_ok(r == WEIR_E_LIMIT && c.sink.list.n == 1, "a program over the limit is refused");
    compiled_release(&c);
}

/* Addresses count modulo 2^32, and everything from 2^31 on is out of range. */
static void test_wrapping(void)
{
    uint8_t packet[80];
    bool same = true;
    struct rng r = {7};

    for (uint32_t k = 0; k < 64; k++) {
        struct compiled c;
        static const uint32_t add[] = {0xffffffff, 0xfffffff0, 0x80000000, 0x7fffffff,
                                       0xfffe,     0x10000,    0,          20};
        compiled_init(&c);
        ir_block_new(&c.f, nowhere);
        ir_guard_add(&c.f, 0, IR_NONE, 0, 4);
        ir_value v = ir_load(&c.f, IR_NONE, 0, k & 8 ? 4 : 1);
        ir_guard_add(&c.f, 0, v, add[k & 7], 2);
        ir_branch_range(&c.f, 0, ir_load(&c.f, v, add[k & 7], 2), 0, 0x7fff, IR_ACCEPT, IR_REJECT);
        c.f.entry = 0;
        compiled_emit(&c);
        for (int i = 0; i < 50; i++) {
            uint32_t first = __builtin_bswap32(rng_below(&r, 80) - (i & 1 ? add[k & 7] : 0));
            random_packet(&r, packet, sizeof packet);
            memcpy(packet, &first, 4);
            same &= c.status == 0 && agree(&c, packet, rng_below(&r, sizeof packet));
        }
        compiled_release(&c);
    }
    tap_ok(same, "addresses wrap and end as the IR's do");
}

/* @phis values that differ by path, all alive at once, and @sums partial sums that are needed again. */
static void build_pressure(struct ir_func *f, uint32_t phis, uint32_t sums)
{
    ir_value sum[100], total = ir_const(f, 0);

    for (int i = 0; i < 4; i++)
        ir_block_new(f, nowhere);
    ir_guard_add(f, 0, IR_NONE, 0, 64);
    ir_branch_range(f, 0, ir_load(f, IR_NONE, 0, 1), 0, 9, 1, 2);
    ir_jump(f, 1, 3);
    ir_jump(f, 2, 3);
    for (uint32_t i = 0; i < phis; i++) {
        ir_value phi = ir_phi(f, 3);
        ir_phi_arg_add(f, 3, phi, 1, ir_load(f, IR_NONE, i % 60, 1));
        ir_phi_arg_add(f, 3, phi, 2, i % 3 ? ir_load(f, IR_NONE, i % 57, 4) : ir_const(f, 0xfffffff0 + i));
        total = ir_binary(f, IR_ADD, ir_binary(f, IR_MUL, total, ir_const(f, 3)), phi);
    }
    for (uint32_t i = 0; i < sums; i++) {
        ir_value at = ir_binary(f, IR_AND, ir_load(f, IR_NONE, i % 60, 1), ir_const(f, 15));
        ir_guard_add(f, 3, at, i % 9, 1);
        sum[i] = ir_load(f, at, i % 9, 1);
        total = ir_binary(f, IR_ADD, total, sum[i]);
    }
    for (uint32_t i = 0; i < sums; i++)
        total = ir_binary(f, IR_XOR, ir_binary(f, IR_MUL, total, ir_const(f, 5)), sum[i]);
    ir_branch_range(f, 3, ir_binary(f, IR_AND, total, ir_const(f, 7)), 0, 3, IR_ACCEPT, IR_REJECT);
    f->entry = 0;
}

static void test_pressure(void)
{
    static const struct {
        uint32_t phis, sums;
        bool fits;
    } load[] = {{3, 2, true},  {9, 0, true},   {20, 20, true}, {40, 20, true},
                {0, 60, true}, {60, 0, false}, {40, 60, false}};
    struct rng r = {11};

    for (size_t i = 0; i < sizeof load / sizeof load[0]; i++) {
        struct compiled c;
        uint32_t where;
        compiled_init(&c);
        build_pressure(&c.f, load[i].phis, load[i].sums);
        bool good = !ir_verify(&c.f, &c.arena, &where);
        compiled_emit(&c);
        good &= c.status == (load[i].fits ? 0 : WEIR_E_LIMIT) && c.sink.list.n == !load[i].fits;
        for (int k = 0; k < 100 && good && load[i].fits; k++) {
            uint8_t packet[90];
            random_packet(&r, packet, sizeof packet);
            good = agree(&c, packet, k < 50 ? sizeof packet : rng_below(&r, sizeof packet));
        }
        if (!tap_ok(good, "%u phis and %u sums %s", (unsigned)load[i].phis, (unsigned)load[i].sums,
                    load[i].fits ? "fit" : "need too much stack"))
            tap_diag("status %d", c.status);
        compiled_release(&c);
    }
}

static void test_random(void)
{
    struct rng r = {rng_seed()};
    uint32_t refused = 0, accepted = 0, verdicts = 0;

    for (int i = 0; i < 3000; i++) {
        struct compiled c;
        uint64_t seed = r.state;
        uint32_t where;
        compiled_init(&c);
        c.o =
            ebpf_target_defaults(i % 6 == 5 ? WEIR_TARGET_SOCKET : WEIR_TARGET_XDP + (uint32_t)i % 6, 262144);
        c.o.frags = i % 12 == 0;
        c.o.direct = i % 6 == 5;
        bool split =
            c.o.frags || c.o.direct || c.o.target == WEIR_TARGET_TC || c.o.target == WEIR_TARGET_CGROUP;
        random_function(&c.f, &r);
        const char *wrong = ir_verify(&c.f, &c.arena, &where);
        if (wrong) {
            tap_ok(false, "random function %d is correct IR", i);
            tap_diag("seed %llu block %u: %s", (unsigned long long)seed, (unsigned)where, wrong);
            compiled_release(&c);
            return;
        }
        compiled_emit(&c);
        bool same = c.status == 0;
        refused += c.status == WEIR_E_LIMIT;
        for (int k = 0; k < 30 && same; k++) {
            uint8_t packet[100];
            uint32_t n = rng_below(&r, sizeof packet);
            random_packet(&r, packet, n);
            same = agree_split(&c, packet, n, split && n ? rng_below(&r, n) : n);
            struct packet p = {.bytes = packet, .caplen = n, .wirelen = n};
            accepted += ir_eval(&c.f, &p, &c.arena, NULL) != 0;
            verdicts++;
        }
        if (!same && c.status != WEIR_E_LIMIT) {
            struct strbuf text;
            tap_ok(false, "random function %d", i);
            tap_diag("status %d, seed %llu", c.status, (unsigned long long)seed);
            strbuf_init(&text, &allocator_system);
            ir_print(&c.f, &text);
            tap_diag("%s", text.text);
            strbuf_release(&text);
            tap_diag("%s", listing_of(&c, &text));
            strbuf_release(&text);
            compiled_release(&c);
            return;
        }
        compiled_release(&c);
    }
    tap_ok(refused < 30, "3000 random functions agree with the IR");
    tap_diag("%u of %u verdicts accept; %u functions need too much stack", (unsigned)accepted,
             (unsigned)verdicts, (unsigned)refused);
}

struct failing {
    size_t left;
};

static void *failing_reallocate(void *user, void *ptr, size_t size)
{
    struct failing *f = user;

    if (size && !f->left)
        return NULL;
    if (size)
        f->left--;
    return allocator_system.reallocate(allocator_system.user, ptr, size);
}

static void test_no_memory(void)
{
    struct compiled c;
    bool clean = true, finished = false;

    compiled_init(&c);
    build_port(&c.f);
    for (size_t n = 0; n < 200 && !finished; n++) {
        struct failing state = {n};
        struct allocator al = {failing_reallocate, &state};
        struct arena a;
        arena_init(&a, &al, (size_t)1 << 20);
        struct ebpf_code code = {.arena = &a};
        int r = ebpf_emit(&c.f, &c.o, &c.sink, &code);
        finished = r == 0;
        clean &= r == 0 || r == WEIR_E_MEMORY;
        arena_release(&a);
    }
    tap_ok(clean && finished, "the Nth allocation may fail, for every N");
    compiled_release(&c);
}

int main(void)
{
    test_exits();
    test_port();
    test_fields();
    test_metadata();
    test_targets();
    test_long_packets();
    test_wrapping();
    test_far_jumps();
    test_no_memory();
    test_pressure();
    test_random();
    return tap_done();
}
