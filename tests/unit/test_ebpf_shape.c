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

/* Of one bit. */
static bool is_mask_1(const struct weir_ebpf_insn *in)
{
    return in->code == (CLASS_ALU32 | FROM_K | ALU_AND) && in->imm == 1;
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
    {"icmp[0] = 8", is_packet_load, WEIR_TARGET_SOCKET, 0, "five loads on a path"},
    {"vlan 100 and ip", is_present, WEIR_TARGET_TC, 1, "metadata asked for twice is kept"},
    {"vlan 100 and tcp port 80", is_mask_1, WEIR_TARGET_TC, 1,
     "and its range is shown once, where addresses begin to be made of it"},
};

/* The program of @filter in @arena, which is made here. */
static bool compile(const char *filter, struct ebpf_target_options to, struct arena *arena,
                    struct ebpf_code *code)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct diag_sink sink = {.arena = arena, .limit = 1};
    struct ir_func f;

    arena_init(arena, &allocator_system, (size_t)1 << 30);
    *code = (struct ebpf_code){.arena = arena};
    o.live = to.target == WEIR_TARGET_TC;
    return pipeline_ir(arena, &sink, filter, strlen(filter), &o, NULL, &f) == 0 &&
           ebpf_emit(&f, &to, &sink, code) == 0;
}

/* How many instructions of row @r there are in front of the cold piece; -1 when there is no program. */
static int count(const struct row *r)
{
    struct arena arena;
    struct ebpf_code code;
    int n = -1;

    if (compile(r->filter, ebpf_target_defaults(r->target, WEIR_SNAPLEN_DEFAULT), &arena, &code)) {
        n = 0;
        for (uint32_t i = 0; i < (code.cold ? code.cold : code.insn.n); i++)
            n += r->kind(&code.insn.at[i]);
    }
    arena_release(&arena);
    return n;
}

/* What a direct socket program wants of Linux. */
static void test_direct(void)
{
    static const struct ebpf_reloc want[] = {
        {1, EBPF_RELOC_KFUNC, KFUNC_CAST_TO_KERN_CTX}, {2, EBPF_RELOC_FIELD, SKB_LEN},
        {3, EBPF_RELOC_FIELD, SKB_DATA_LEN},           {5, EBPF_RELOC_FIELD, SKB_DATA},
        {7, EBPF_RELOC_KFUNC, KFUNC_RDONLY_CAST},
    };
    enum { WANTED = sizeof want / sizeof want[0] };
    struct ebpf_target_options to = ebpf_target_defaults(WEIR_TARGET_SOCKET, WEIR_SNAPLEN_DEFAULT);
    struct arena arena;
    struct ebpf_code code;
    struct strbuf text;
    int calls = 0;

    to.direct = true;
    bool good = compile("tcp port 80", to, &arena, &code) && code.reloc.n == WANTED;
    for (uint32_t i = 0; good && i < WANTED; i++)
        good = code.reloc.at[i].insn == want[i].insn && code.reloc.at[i].kind == want[i].kind &&
               code.reloc.at[i].addend == want[i].addend;
    for (uint32_t i = 0; good && i < code.cold; i++)
        calls += is_call(&code.insn.at[i]);
    tap_ok(good && calls == 2, "direct: two functions and three fields of Linux, and no other call");
    const struct ebpf_names names = {code.reloc.at, code.reloc.n, NULL};
    strbuf_init(&text, &allocator_system);
    ebpf_print_listing(code.insn.at, code.insn.n, NULL, NULL, &names, &text);
    tap_ok(text.text && strstr(text.text, "1: call bpf_cast_to_kern_ctx\n") &&
               strstr(text.text, "5: r1 = *(u64 *)(r0 +sk_buff.data)\n"),
           "direct: the listing names them");
    strbuf_release(&text);
    arena_release(&arena);
}

int main(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int n = count(&rows[i]);
        if (!tap_ok(n == (int)rows[i].count, "%s: %s", rows[i].filter, rows[i].why))
            tap_diag("%d instead of %u", n, rows[i].count);
    }
    test_direct();
    return tap_done();
}
