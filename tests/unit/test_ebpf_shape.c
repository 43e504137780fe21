/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/unit/test_ebpf_shape.c - what eBPF programs of some filters are made of: how often an instruction of
 * some kind is there. Whether they say the right thing is for test_ebpf and jit-tests to find out.
 */
#include <string.h>
#include "backends/ebpf/internal.h"
#include "driver/pipeline.h"
#include "tests/harness/tap.h"

/* Kinds of instructions. */
static bool is_exit(const struct weir_ebpf_insn *in)
{
    return in->code == (CLASS_JMP | JUMP_EXIT);
}

static bool is_load_64(const struct weir_ebpf_insn *in)
{
    return in->code == (CLASS_LDX | SIZE_DW | MODE_MEM);
}

/* Of vlan_present, in the context of tc. */
static bool is_present(const struct weir_ebpf_insn *in)
{
    return in->code == (CLASS_LDX | SIZE_W | MODE_MEM) && in->registers >> 4 == 1 && in->offset == 20;
}

static bool is_packet_load(const struct weir_ebpf_insn *in)
{
    unsigned mode = in->code & 0xe0;

    return (in->code & 7) == CLASS_LD && (mode == MODE_ABS || mode == MODE_IND);
}

static bool is_call(const struct weir_ebpf_insn *in)
{
    return in->code == (CLASS_JMP | JUMP_CALL);
}

static const struct row {
    const char *filter;
    bool (*kind)(const struct weir_ebpf_insn *in);
    unsigned target, count;
    const char *why;
} rows[] = {
    {"ip", is_exit, WEIR_TARGET_XDP, 1, "a miss goes to the one exit"},
    {"tcp or udp", is_exit, WEIR_TARGET_XDP, 2,
     "the same in each of two pieces, the second without speculation"},
    {"ip and host @x", is_exit, WEIR_TARGET_XDP, 4,
     "a lookup's result is in r0, so each verdict has its exit"},
    {"ether src 00:11:22:33:44:55", is_load_64, WEIR_TARGET_XDP, 0,
     "six bytes in one are a shift and a long constant more: no shorter, and most packets fail four bytes"},
    {"ether dst ff:ff:ff:ff:ff:ff", is_load_64, WEIR_TARGET_XDP, 1, "but here the constant is an immediate"},
    {"ip6 src host 2001:db8::1", is_load_64, WEIR_TARGET_XDP, 2, "sixteen bytes are two words of eight"},
    {"ip6 src net 2001:db8:1::/48", is_load_64, WEIR_TARGET_XDP, 1,
     "one shift instead of a second test and its mask"},
    {"tcp", is_packet_load, WEIR_TARGET_SOCKET, 4, "three loads at most on a path, as one copy costs"},
    {"tcp", is_call, WEIR_TARGET_SOCKET, 0, "and no copy"},
    {"ether host 00:11:22:33:44:55", is_packet_load, WEIR_TARGET_SOCKET, 0, "four loads on a path"},
    {"ether host 00:11:22:33:44:55", is_call, WEIR_TARGET_SOCKET, 2,
     "cost more than one copy, of all or of what there is"},
    {"icmp[0] = 8", is_packet_load, WEIR_TARGET_SOCKET, 0,
     "five loads on a path"},
    {"vlan 100 and ip", is_present, WEIR_TARGET_TC, 1, "metadata asked for twice is kept"},
};

/* How many instructions of row @r there are in front of the cold piece; -1 when there is no program. */
static int count(const struct row *r)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct ebpf_target_options to = ebpf_target_defaults(r->target, WEIR_SNAPLEN_DEFAULT);
    struct arena arena;
    struct diag_sink sink = {.arena = &arena, .limit = 1};
    struct ebpf_code code = {.arena = &arena};
    struct ir_func f;
    int n = -1;

    arena_init(&arena, &allocator_libc, (size_t)1 << 30);
    o.live = r->target == WEIR_TARGET_TC;
    if (pipeline_ir(&arena, &sink, r->filter, strlen(r->filter), &o, NULL, &f) == 0 &&
        ebpf_emit(&f, &to, &sink, &code) == 0) {
        n = 0;
        for (uint32_t i = 0; i < (code.cold ? code.cold : code.insn.n); i++)
            n += r->kind(&code.insn.at[i]);
    }
    arena_release(&arena);
    return n;
}

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int n = count(&rows[i]);
        if (!tap_ok(n == (int)rows[i].count, "%s: %s", rows[i].filter, rows[i].why))
            tap_diag("%d instead of %u", n, rows[i].count);
    }
    return tap_done();
}
