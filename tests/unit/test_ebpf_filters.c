/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/unit/test_ebpf_filters.c - eBPF programs of filters, run by a small interpreter, against the IR.
 *
 * Linux's verifier does not bound what a direct socket program reads. So it is done here: no program reads a
 * byte that its packet does not have in one piece, however packets are cut short and split.
 */
#include "driver/pipeline.h"
#include "jit-tests/filters.h"
#include "jit-tests/packets.h"
#include "tests/harness/ebpf_machine.h"
#include "tests/harness/tap.h"

/* The packet, in one piece up to a random place or as a whole, with what it says; false: another verdict. */
static bool packet_agrees(struct ir_func *f, const struct ebpf_code *code,
                          const struct ebpf_target_options *o, const uint8_t *bytes, uint32_t n,
                          struct rng *r, struct arena *arena, unsigned *accepted)
{
    struct packet p = {.bytes = bytes,
                       .caplen = n,
                       .wirelen = n,
                       .meta = {.ifindex = 7, .vlan_present = n & 1, .vlan_tci = 100}};
    uint32_t linear = rng_below(r, 3) ? rng_below(r, n + 1) : n;
    uint32_t want = ir_eval(f, &p, arena, NULL) ? o->on_match : o->on_miss;
    uint32_t got = machine_run(code->insn.at, code->insn.n, o->target, &p, linear);

    *accepted += want == o->on_match;
    if (got == want)
        return true;
    tap_diag("%u bytes, %u linear: IR says %d, eBPF %s%d", n, linear, (int)want,
             got == MACHINE_FAULT ? "does what it must not " : "", (int)got);
    return false;
}

static void test_filter(const char *filter, uint32_t target, uint32_t optimize, const struct packets *all)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct ebpf_target_options to = ebpf_target_defaults(target, WEIR_SNAPLEN_DEFAULT);
    struct rng r = {rng_seed() + optimize};
    struct arena arena, scratch;
    struct diag_sink sink = {.arena = &arena, .limit = 1};
    struct ebpf_code code = {.arena = &arena};
    struct ir_func f;
    unsigned accepted = 0;

    arena_init(&arena, &allocator_system, (size_t)1 << 30);
    o.optimize = optimize;
    o.live = to.direct = true;
    bool good = pipeline_ir(&arena, &sink, filter, strlen(filter), &o, NULL, &f) == 0 &&
                ebpf_emit(&f, &to, &sink, &code) == 0;
    machine_relocate(&code);
    for (size_t i = 0; good && i < all->n; i++) {
        arena_init(&scratch, &allocator_system, (size_t)1 << 20);
        good = packet_agrees(&f, &code, &to, all->byte[i], all->size[i], &r, &scratch, &accepted);
        arena_release(&scratch);
    }
    tap_ok(good, "%s, %s, %s: %u of %zu packets accepted", filter,
           target == WEIR_TARGET_TC ? "tc" : "direct socket", optimize ? "optimized" : "plain", accepted,
           all->n);
    arena_release(&arena);
}

int main(void)
{
    static struct packets all;
    struct rng r = {rng_seed()};

    for (int i = 0; i < 100; i++)
        packets_generate(&all, &r);
    for (size_t i = 0, generated = all.n; i < generated; i++)
        packets_add(&all, all.byte[i], rng_below(&r, all.size[i]));
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        for (uint32_t optimize = 0; optimize < 2; optimize++) {
            test_filter(filters[i], WEIR_TARGET_SOCKET, optimize, &all);
            test_filter(filters[i], WEIR_TARGET_TC, optimize, &all);
        }
    packets_free(&all);
    return tap_done();
}
