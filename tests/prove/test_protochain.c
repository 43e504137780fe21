/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_protochain.c - `protochain` with a bound of four headers is proved equal to the installed
 * libpcap's loop, unrolled to four rounds alike: a chain that goes on then rejects. Packets with an AH in the
 * chain are left out: behind one the reference walks on at a wrong place (docs/differences.md).
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/golden/compile.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

enum { ROUNDS = 4, TIMEOUT_MS = 240000 };

static const struct {
    const char *filter, *condition; /* the condition excuses */
    int linktype;
} cases[] = {
    {"ip protochain 6", "ip protochain 51", DLT_RAW},
    {"ip protochain 51", "ip[0] & 0 = 1", DLT_RAW}, /* AH itself is found where it is: nothing to excuse */
    {"ip6 protochain 6", "ip6 protochain 51", DLT_RAW},
    {"not ip6 protochain 17", "ip6 protochain 51", DLT_RAW},
    {"ip6 protochain 60", "ip6 protochain 51", DLT_RAW},
    {"ip6 protochain 6 or ip", "ip6 protochain 51", DLT_EN10MB},
    {"ip6 protochain 59", "ip6 protochain 51", DLT_EN10MB},
};

/* The loop's target, and the instruction behind its backward jump; false when there is no loop. */
static bool find_loop(const struct weir_cbpf_insn *p, uint32_t n, uint32_t *start, uint32_t *jump,
                      uint32_t from)
{
    for (uint32_t i = from; i < n; i++)
        if (p[i].code == 0x05 && p[i].k >> 31) { /* ja, backwards */
            *jump = i;
            *start = i + 1 + p[i].k;
            return true;
        }
    return false;
}

/*
 * One round after another: round r is a copy of everything from the loop's start to the end of the program,
 * and jumps back to where round r + 1 begins; the last round's jump rejects. There may be several backward
 * jumps to one start.
 */
static bool unroll(const struct weir_cbpf_insn *p, uint32_t n, struct program *out)
{
    uint32_t start, jump;

    if (!find_loop(p, n, &start, &jump, 0))
        return false;
    uint32_t body = n - start, total = n + ROUNDS * body + 1;
    out->at = calloc(total, sizeof *out->at);
    out->n = total;
    if (!out->at)
        return false;
    memcpy(out->at, p, n * sizeof *p);
    for (uint32_t r = 0; r < ROUNDS; r++)
        memcpy(out->at + n + r * body, p + start, body * sizeof *p);
    out->at[total - 1] = (struct weir_cbpf_insn){0x06, 0, 0, 0}; /* ret #0 */
    for (uint32_t i = 0; i + 1 < total; i++) {
        if (out->at[i].code != 0x05 || !(out->at[i].k >> 31))
            continue;
        uint32_t round = i < n ? 0 : 1 + (i - n) / body; /* the copy this jump is in */
        uint32_t to = round == ROUNDS ? total - 1 : n + round * body;
        out->at[i].k = to - i - 1;
    }
    return true;
}

static bool reference(const char *filter, int linktype, struct program *out)
{
    pcap_t *handle = pcap_open_dead(linktype, WEIR_SNAPLEN_DEFAULT);
    struct bpf_program code;
    bool done = false;

    if (handle && pcap_compile(handle, &code, filter, 0, PCAP_NETMASK_UNKNOWN) == 0) {
        done = unroll((const struct weir_cbpf_insn *)code.bf_insns, code.bf_len, out);
        pcap_freecode(&code);
    }
    if (handle)
        pcap_close(handle);
    return done;
}

static void prove_case(size_t i)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct program theirs = {0}, plain = {0}, optimized = {0}, excuse = {0};
    char why[512] = "";

    o.linktype = (uint32_t)cases[i].linktype;
    o.protochain = ROUNDS;
    o.optimize = 0;
    bool ready = reference(cases[i].filter, cases[i].linktype, &theirs) &&
                 compile_program(cases[i].filter, &o, &plain, why, sizeof why) >= 0 &&
                 compile_program(cases[i].condition, &o, &excuse, why, sizeof why) >= 0;
    o.optimize = 1;
    ready = ready && compile_program(cases[i].filter, &o, &optimized, why, sizeof why) >= 0;

    const struct prove_condition outside = {excuse.at, excuse.n, false};
    const struct prove_options po = {.timeout_ms = TIMEOUT_MS, .condition = &outside, .conditions = 1};
    struct prove_result r = {0}, refined = {0};
    bool equal = ready && prove_equal(theirs.at, theirs.n, plain.at, plain.n, &po, &r) == 0 &&
                 r.verdict == PROVE_EQUAL;
    bool refines = ready &&
                   prove_refines(plain.at, plain.n, optimized.at, optimized.n, NULL, &refined) == 0 &&
                   refined.verdict == PROVE_EQUAL;
    if (!tap_ok(equal, "%s: equals the loop unrolled", cases[i].filter))
        tap_diag("%s; verdicts %u and %u; caplen %u", ready ? "differs or undecided" : why, r.p, r.q,
                 r.caplen);
    tap_ok(refines, "%s: optimized refines plain", cases[i].filter);
    prove_release(&r);
    prove_release(&refined);
    program_free(&theirs);
    program_free(&plain);
    program_free(&optimized);
    program_free(&excuse);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        prove_case(i);
    return tap_done();
}
