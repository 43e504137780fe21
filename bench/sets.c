/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/sets.c - what looking into a named set costs: ns per packet, by kind, members and outcome.
 *
 * Each program is a tc classifier with one lookup on the packet's path. Its time is that of a test run of
 * many repetitions, less that of the same program without the lookup; least of several runs in turns. Members
 * are at random, as in a blocklist; the packets' own are among them or not.
 */
#include "bench/ebpf_program.h"
#include "tests/harness/rng.h"

#define REPEAT 200000
#define ROUNDS 9

static const struct row {
    const char *name, *filter, *without;
    uint32_t kind, family;
    uint32_t at; /* in the packet, where the key's bytes are */
    bool v6;
    uint32_t members[3];
} rows[] = {
    {"IPv4 hosts", "ip src host @s", "ip", WEIR_SET_ADDRESSES, 4, 26, false, {10, 1000, 100000}},
    {"IPv6 hosts", "ip6 src host @s", "ip6", WEIR_SET_ADDRESSES, 6, 22, true, {10, 1000, 100000}},
    {"ports", "tcp dst port @s", "tcp dst port 1", WEIR_SET_PORTS, 0, 36, false, {10, 1000, 30000}},
    {"MAC addresses", "ether src @s", "ether src 2:3:4:5:6:7", WEIR_SET_MACS, 0, 6, false, {10, 1000, 60000}},
};

struct packet_bytes {
    uint8_t byte[80];
};

static struct packet_bytes packet_of(bool v6)
{
    struct packet_bytes p = {{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}};

    memcpy(p.byte + 12, v6 ? "\x86\xdd\x60\0\0\0\0\x1a\x06\x40" : "\x08\0\x45\0\0\x3c\0\0\0\0\x40\x06",
           v6 ? 10 : 12);
    for (int i = v6 ? 22 : 26; i < 80; i++)
        p.byte[i] = (uint8_t)(i * 37);
    return p;
}

static int load(const char *filter, int map)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct arena arena;
    struct ir_func f;
    int fd = -1, maps[IR_SETS_MAX] = {map};

    o.target = WEIR_TARGET_TC;
    o.live = 1;
    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    struct diag_sink sink = {.arena = &arena, .limit = 1};
    struct ebpf_code code = {.arena = &arena};
    struct ebpf_target_options t = ebpf_target_defaults(WEIR_TARGET_TC, 262144);
    if (pipeline_ir(&arena, &sink, filter, strlen(filter), &o, NULL, &f) == 0 &&
        ebpf_emit(&f, &t, &sink, &code) == 0) {
        kernel_relocate(code.insn.at, code.reloc.at, code.reloc.n, -1, maps);
        fd = kernel_load(&kernel_tc, code.insn.at, code.insn.n, NULL, 0);
    }
    arena_release(&arena);
    return fd;
}

/* Nanoseconds a run; and the verdict, which is 0xffffffff for a match. */
static double time_of(int fd, struct packet_bytes *p, uint32_t *verdict)
{
    struct bpf_test_run_opts o = {.sz = sizeof o, .data_in = p, .data_size_in = sizeof *p, .repeat = REPEAT};

    if (bpf_prog_test_run_opts(fd, &o) < 0)
        return -1;
    *verdict = o.retval;
    return o.duration;
}

static bool add(const struct row *r, int map, const uint8_t *bytes)
{
    struct weir_set_address a = {32 + (r->family == 4 ? 32 : 128), r->family, {0}};
    const void *key = r->family ? (const void *)&a : bytes;
    uint32_t one = 1;

    memcpy(a.bytes, bytes, r->family == 4 ? 4 : 16);
    return bpf_map_update_elem(map, key, &one, BPF_ANY) == 0;
}

/* One cell: ns for a lookup in @members members, or -1. */
static double measure(const struct row *r, uint32_t members, bool hit)
{
    const struct ebpf_set_map *m = ebpf_set_map(r->kind);
    struct bpf_map_create_opts o = {.sz = sizeof o, .map_flags = m->flags};
    int map = bpf_map_create((enum bpf_map_type)m->type, "s", m->key_bytes, 4, ir_set_members(r->kind), &o);
    struct packet_bytes p = packet_of(r->v6);
    struct rng random = {members};
    double with = -1, without = -1;
    uint32_t verdict = 0, ignored = 0;
    bool good = map >= 0;

    for (uint32_t i = 0; good && i + hit < members; i++) {
        uint8_t bytes[16];
        for (int k = 0; k < 16; k += 8) {
            uint64_t x = rng_next(&random);
            memcpy(bytes + k, &x, 8);
        }
        if (memcmp(bytes, p.byte + r->at, 2) != 0)
            good = add(r, map, bytes);
    }
    good = good && (!hit || add(r, map, p.byte + r->at));
    int looks = good ? load(r->filter, map) : -1, plain = good ? load(r->without, -1) : -1;
    for (int round = 0; round < ROUNDS && looks >= 0 && plain >= 0; round++) {
        double a = time_of(looks, &p, &verdict), b = time_of(plain, &p, &ignored);
        with = with < 0 || a < with ? a : with;
        without = without < 0 || b < without ? b : without;
    }
    if (looks < 0 || plain < 0 || with < 0 || (verdict == UINT32_MAX) != hit) {
        fprintf(stderr, "sets: %s, %u members: not measured\n", r->name, (unsigned)members);
        with = without = -1;
    }
    close(looks);
    close(plain);
    close(map);
    return with < 0 ? -1 : with - without;
}

int main(int argc, char **argv)
{
    const char *refused = kernel_refuses(&kernel_tc);
    json_t *kinds = json_array();
    bool wrong = false;

    if (argc < 1)
        return 2;
    if (refused) {
        printf("sets: not measured: %s\n", refused);
        return bench_save(argv[0], "sets", json_pack("{s:s}", "refused", refused)) ? 0 : 2;
    }
    printf("Named sets: ns for a lookup that finds / does not find, in so many members\n\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        json_t *cells = json_array();
        printf("%-14s", r->name);
        for (int k = 0; k < 3; k++) {
            double hit = measure(r, r->members[k], true), miss = measure(r, r->members[k], false);
            printf("  %6u: %3.0f / %3.0f", (unsigned)r->members[k], hit, miss);
            wrong |= hit < 0 || miss < 0;
            json_array_append_new(cells, json_pack("{s:i, s:f, s:f}", "members", (int)r->members[k], "found",
                                                   hit, "not_found", miss));
        }
        printf("\n");
        json_array_append_new(kinds, json_pack("{s:s, s:o}", "name", r->name, "sizes", cells));
    }
    return bench_save(argv[0], "sets", json_pack("{s:o}", "kinds", kinds)) && !wrong ? 0 : 2;
}
