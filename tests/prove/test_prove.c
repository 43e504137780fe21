/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_prove.c - the prover itself: does it tell equal programs from different ones?
 *
 * Pairs written by hand, the reference compiler's own pairs, and deliberately broken programs: where packets
 * show that a mutant behaves otherwise, the prover must see it too, and where the prover calls it equal, no
 * packet may show a difference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/listing.h"
#include "tests/harness/rng.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

enum { TIMEOUT_MS = 20000, PACKETS = 300, PACKET_BYTES = 160 };

struct pair {
    const char *name;
    const char *p, *q;
    enum prove_verdict equal, refines; /* PROVE_EQUAL or PROVE_DIFFER */
};

#define IP "(000) ldh [12]\n(001) jeq #0x800 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n"

static const struct pair pairs[] = {
    {"the same program", IP, IP, PROVE_EQUAL, PROVE_EQUAL},
    {"branches the other way round", IP,
     "(000) ldh [12]\n(001) jeq #0x800 jt 3 jf 2\n(002) ret #0\n(003) ret #1\n", PROVE_EQUAL, PROVE_EQUAL},
    {"another constant", IP, "(000) ldh [12]\n(001) jeq #0x801 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
     PROVE_DIFFER, PROVE_DIFFER},
    {"another verdict", IP, "(000) ldh [12]\n(001) jeq #0x800 jt 2 jf 3\n(002) ret #2\n(003) ret #0\n",
     PROVE_DIFFER, PROVE_DIFFER},
    {"a half word as two bytes", IP,
     "(000) ldb [12]\n(001) lsh #8\n(002) tax\n(003) ldb [13]\n(004) or x\n(005) jeq #0x800 jt 6 jf 7\n"
     "(006) ret #1\n(007) ret #0\n",
     PROVE_EQUAL, PROVE_EQUAL},
    {"a dead load dropped", "(000) ldh [12]\n(001) ret #1\n", "(000) ret #1\n", PROVE_DIFFER, PROVE_EQUAL},
    {"a load added", "(000) ret #1\n", "(000) ldh [12]\n(001) ret #1\n", PROVE_DIFFER, PROVE_DIFFER},
    {"a load added before a reject", "(000) ldb [0]\n(001) jeq #1 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
     "(000) ldb [1]\n(001) ldb [0]\n(002) jeq #1 jt 3 jf 4\n(003) ret #1\n(004) ret #0\n", PROVE_DIFFER,
     PROVE_DIFFER},
    {"a longer load where accepting needs it",
     "(000) ldb [0]\n(001) jeq #1 jt 2 jf 5\n(002) ldb [1]\n(003) jeq #2 jt 4 jf 5\n(004) ret #1\n(005) ret "
     "#0\n",
     "(000) ldh [0]\n(001) jeq #0x102 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n", PROVE_EQUAL, PROVE_EQUAL},
    {"an index known at compile time",
     "(000) ldx #0x4\n(001) ldb [x + 8]\n(002) jeq #1 jt 3 jf 4\n(003) ret #1\n"
     "(004) ret #0\n",
     "(000) ldb [12]\n(001) jeq #1 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n", PROVE_EQUAL, PROVE_EQUAL},
    {"a header length computed by hand",
     "(000) ldxb 4*([14]&0xf)\n(001) ldh [x + 14]\n(002) jeq #80 jt 3 jf 4\n"
     "(003) ret #1\n(004) ret #0\n",
     "(000) ldb [14]\n(001) and #0xf\n(002) lsh #2\n(003) add #14\n(004) tax\n(005) ldh [x + 0]\n"
     "(006) jeq #80 jt 7 jf 8\n(007) ret #1\n(008) ret #0\n",
     PROVE_EQUAL, PROVE_EQUAL},
    {"an index that meets a constant address",
     "(000) ldb [0]\n(001) tax\n(002) ldb [x + 0]\n(003) jeq #7 jt 4 jf 5\n(004) ret #1\n(005) ret #0\n",
     "(000) ldb [0]\n(001) jeq #0x5 jt 2 jf 4\n(002) ldb [5]\n(003) jeq #7 jt 8 jf 9\n(004) ldb [0]\n(005) "
     "tax\n"
     "(006) ldb [x + 0]\n(007) jeq #7 jt 8 jf 9\n(008) ret #1\n(009) ret #0\n",
     PROVE_EQUAL, PROVE_EQUAL},
    {"an index that meets the wrong address",
     "(000) ldb [0]\n(001) tax\n(002) ldb [x + 0]\n(003) jeq #7 jt 4 jf 5\n(004) ret #1\n(005) ret #0\n",
     "(000) ldb [0]\n(001) jeq #0x5 jt 2 jf 4\n(002) ldb [6]\n(003) jeq #7 jt 8 jf 9\n(004) ldb [0]\n(005) "
     "tax\n"
     "(006) ldb [x + 0]\n(007) jeq #7 jt 8 jf 9\n(008) ret #1\n(009) ret #0\n",
     PROVE_DIFFER, PROVE_DIFFER},
    {"an address computed from a bit",
     "(000) ldh [0]\n(001) and #0xc03\n(002) xor #0x803\n(003) sub #1\n(004) rsh #31\n(005) mul #6\n(006) "
     "tax\n"
     "(007) ldb [x + 10]\n(008) jeq #7 jt 9 jf 10\n(009) ret #1\n(010) ret #0\n",
     "(000) ldh [0]\n(001) and #0xc03\n(002) jeq #0x803 jt 3 jf 5\n(003) ldb [16]\n(004) jeq #7 jt 7 jf 8\n"
     "(005) ldb [10]\n(006) jeq #7 jt 7 jf 8\n(007) ret #1\n(008) ret #0\n",
     PROVE_EQUAL, PROVE_EQUAL},
    {"an address computed from the opposite bit",
     "(000) ldh [0]\n(001) and #0xc03\n(002) xor #0x803\n(003) sub #1\n(004) rsh #31\n(005) mul #6\n(006) "
     "tax\n"
     "(007) ldb [x + 10]\n(008) jeq #7 jt 9 jf 10\n(009) ret #1\n(010) ret #0\n",
     "(000) ldh [0]\n(001) and #0xc03\n(002) jeq #0x803 jt 5 jf 3\n(003) ldb [16]\n(004) jeq #7 jt 7 jf 8\n"
     "(005) ldb [10]\n(006) jeq #7 jt 7 jf 8\n(007) ret #1\n(008) ret #0\n",
     PROVE_DIFFER, PROVE_DIFFER},
    {"a sum of three for an address, grouped otherwise",
     "(000) ldb [0]\n(001) add #24\n(002) tax\n(003) ldb [1]\n(004) add x\n(005) tax\n(006) ldb [x + 8]\n"
     "(007) jeq #7 jt 8 jf 9\n(008) ret #1\n(009) ret #0\n",
     "(000) ldb [0]\n(001) tax\n(002) ldb [1]\n(003) add x\n(004) tax\n(005) ldb [x + 32]\n"
     "(006) jeq #7 jt 7 jf 8\n(007) ret #1\n(008) ret #0\n",
     PROVE_EQUAL, PROVE_EQUAL},
    {"a sum of three for an address, one off",
     "(000) ldb [0]\n(001) add #24\n(002) tax\n(003) ldb [1]\n(004) add x\n(005) tax\n(006) ldb [x + 8]\n"
     "(007) jeq #7 jt 8 jf 9\n(008) ret #1\n(009) ret #0\n",
     "(000) ldb [0]\n(001) tax\n(002) ldb [1]\n(003) add x\n(004) tax\n(005) ldb [x + 31]\n"
     "(006) jeq #7 jt 7 jf 8\n(007) ret #1\n(008) ret #0\n",
     PROVE_DIFFER, PROVE_DIFFER},
    {"addresses wrap",
     "(000) ldx #0x10\n(001) ldb [x + 0xfffffff4]\n(002) jeq #1 jt 3 jf 4\n(003) ret #1\n"
     "(004) ret #0\n",
     "(000) ldb [4]\n(001) jeq #1 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n", PROVE_EQUAL, PROVE_EQUAL},
    {"half way round is out of range", "(000) ldx #0x0\n(001) ldb [x + 0xfffff004]\n(002) ret #1\n",
     "(000) ret #0\n", PROVE_EQUAL, PROVE_EQUAL},
    {"division by zero rejects", "(000) ldb [0]\n(001) tax\n(002) ld #8\n(003) div x\n(004) ret #1\n",
     "(000) ldb [0]\n(001) jeq #0 jt 2 jf 3\n(002) ret #0\n(003) ret #1\n", PROVE_EQUAL, PROVE_EQUAL},
    {"division by zero is no licence", "(000) ldb [0]\n(001) tax\n(002) ld #8\n(003) mod x\n(004) ret #1\n",
     "(000) ldb [0]\n(001) ret #1\n", PROVE_DIFFER, PROVE_DIFFER},
    {"a shift by 32 gives 0",
     "(000) ldb [0]\n(001) lsh #32\n(002) jeq #0 jt 3 jf 4\n(003) ret #1\n(004) ret #0\n",
     "(000) ldb [0]\n(001) ret #1\n", PROVE_EQUAL, PROVE_EQUAL},
    {"multiplication as a shift", "(000) ldb [0]\n(001) mul #8\n(002) ret\n",
     "(000) ldb [0]\n(001) lsh #3\n(002) ret\n", PROVE_EQUAL, PROVE_EQUAL},
    {"scratch cells carry values over a join",
     "(000) ld [0]\n(001) st M[3]\n(002) jset #1 jt 3 jf 5\n(003) ld #9\n(004) st M[3]\n(005) ld M[3]\n(006) "
     "ret\n",
     "(000) ld [0]\n(001) jset #1 jt 2 jf 3\n(002) ret #9\n(003) ret\n", PROVE_EQUAL, PROVE_EQUAL},
    {"the wire length is not the captured length",
     "(000) ld #pktlen\n(001) jge #64 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
     "(000) ldb [63]\n(001) ret #1\n", PROVE_DIFFER, PROVE_DIFFER},
    {"captured bytes imply the wire length", "(000) ldb [63]\n(001) ret #1\n",
     "(000) ldb [63]\n(001) ld #pktlen\n(002) jge #64 jt 3 jf 4\n(003) ret #1\n(004) ret #0\n", PROVE_EQUAL,
     PROVE_EQUAL},
    {"vlan-present is 0 or 1", "(000) ldb [vlanp]\n(001) jeq #1 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
     "(000) ldb [vlanp]\n(001) jeq #0 jt 2 jf 3\n(002) ret #0\n(003) ret #1\n", PROVE_EQUAL, PROVE_EQUAL},
    {"the packet type is not", "(000) ldh [type]\n(001) jeq #1 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
     "(000) ldh [type]\n(001) jeq #0 jt 2 jf 3\n(002) ret #0\n(003) ret #1\n", PROVE_DIFFER, PROVE_DIFFER},
    {"a jump over", "(000) ja 2\n(001) ret #1\n(002) ret #0\n", "(000) ret #0\n", PROVE_EQUAL, PROVE_EQUAL},
};

static const char *word(int rc, enum prove_verdict v)
{
    return rc ? "error" : v == PROVE_EQUAL ? "equal" : v == PROVE_DIFFER ? "differ" : "unknown";
}

static void show_witness(const struct prove_result *r)
{
    char hex[2 * PACKET_BYTES + 1] = "";
    for (uint32_t i = 0; i < r->caplen && i < PACKET_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", r->bytes[i]);
    tap_diag("caplen %u wirelen %u verdicts %u %u bytes %s", r->caplen, r->wirelen, r->p, r->q, hex);
}

static void hand_written(const struct pair *t)
{
    struct program p = {0}, q = {0};
    struct prove_options o = {.timeout_ms = TIMEOUT_MS};
    const char *wrong = listing_parse(t->p, &p);
    if (!wrong)
        wrong = listing_parse(t->q, &q);
    if (wrong) {
        tap_ok(false, "%s", t->name);
        tap_diag("listing: %s", wrong);
        return;
    }
    for (int refines = 0; refines < 2; refines++) {
        struct prove_result r = {0};
        enum prove_verdict expected = refines ? t->refines : t->equal;
        int rc = (refines ? prove_refines : prove_equal)(p.at, p.n, q.at, q.n, &o, &r);
        if (!tap_ok(rc == 0 && r.verdict == expected, "%s: %s", t->name, refines ? "refines" : "equal"))
            tap_diag("expected %s, got %s", word(0, expected), word(rc, r.verdict));
        if (rc == 0 && r.verdict == PROVE_DIFFER && expected != PROVE_DIFFER)
            show_witness(&r);
        if (rc == 0)
            prove_release(&r);
        rc = (refines ? walk_refines : walk_equal)(p.at, p.n, q.at, q.n, NULL, &r);
        if (!tap_ok(rc == 0 && (r.verdict == expected || r.verdict == PROVE_UNKNOWN), "%s: %s, by walking",
                    t->name, refines ? "refines" : "equal"))
            tap_diag("expected %s, got %s", word(0, expected), word(rc, r.verdict));
        if (rc == 0)
            prove_release(&r);
    }
    program_free(&p);
    program_free(&q);
}

/* What tells programs apart only where a load fails does not count. */
static void finishing(void)
{
    static const struct pair both_finish[] = {
        {"a dead load dropped", "(000) ldh [12]\n(001) ret #1\n", "(000) ret #1\n", PROVE_EQUAL, PROVE_EQUAL},
        {"a load added", "(000) ret #1\n", "(000) ldh [12]\n(001) ret #1\n", PROVE_EQUAL, PROVE_EQUAL},
        {"two bytes in another order",
         "(000) ldb [0]\n(001) jeq #1 jt 4 jf 2\n(002) ldb [9]\n(003) jeq #2 jt 4 jf 5\n(004) ret #1\n(005) "
         "ret #0\n",
         "(000) ldb [9]\n(001) jeq #2 jt 4 jf 2\n(002) ldb [0]\n(003) jeq #1 jt 4 jf 5\n(004) ret #1\n(005) "
         "ret #0\n",
         PROVE_EQUAL, PROVE_EQUAL},
        {"an index that leads past the end",
         "(000) ldxb 4*([0]&0xf)\n(001) ldb [x + 0]\n(002) jeq #1 jt 3 jf 4\n(003) ret #1\n(004) ret #0\n",
         "(000) ldxb 4*([0]&0xf)\n(001) ldb [x + 0]\n(002) jeq #1 jt 3 jf 5\n(003) ldb [x + 9]\n(004) ret "
         "#1\n(005) ret #0\n",
         PROVE_EQUAL, PROVE_EQUAL},
        {"another constant", IP, "(000) ldh [12]\n(001) jeq #0x801 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
         PROVE_DIFFER, PROVE_DIFFER},
        {"a length", "(000) ld #pktlen\n(001) jge #20 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n",
         "(000) ld #pktlen\n(001) jge #10 jt 2 jf 4\n(002) ldb [0]\n(003) ret #1\n(004) ret #0\n",
         PROVE_DIFFER, PROVE_DIFFER},
    };
    const struct prove_options o = {.timeout_ms = TIMEOUT_MS, .finish = true};

    for (size_t i = 0; i < sizeof both_finish / sizeof both_finish[0]; i++) {
        const struct pair *t = &both_finish[i];
        struct program p = {0}, q = {0};
        bool read = !listing_parse(t->p, &p) && !listing_parse(t->q, &q);
        for (int walk = 0; walk < 2; walk++) {
            struct prove_result r = {0};
            int rc = read ? (walk ? walk_equal : prove_equal)(p.at, p.n, q.at, q.n, &o, &r) : -1;
            bool as_expected = rc == 0 && (r.verdict == t->equal || (walk && r.verdict == PROVE_UNKNOWN));
            if (!tap_ok(as_expected, "%s, where both finish%s", t->name, walk ? ", by walking" : ""))
                tap_diag("expected %s, got %s", word(0, t->equal), word(rc, r.verdict));
            if (rc == 0)
                prove_release(&r);
        }
        program_free(&p);
        program_free(&q);
    }
}

static void conditions(void)
{
    static const char *ip_or_arp = "(000) ldh [12]\n(001) jeq #0x800 jt 4 jf 2\n(002) ldb [13]\n"
                                   "(003) jeq #6 jt 4 jf 5\n(004) ret #1\n(005) ret #0\n";
    static const char *arp = "(000) ldb [13]\n(001) jeq #6 jt 2 jf 3\n(002) ret #1\n(003) ret #0\n";
    struct program p = {0}, q = {0}, c = {0};
    if (listing_parse(IP, &p) || listing_parse(ip_or_arp, &q) || listing_parse(arp, &c)) {
        tap_ok(false, "condition listings");
        return;
    }
    for (int accepts = 0; accepts < 2; accepts++) {
        struct prove_condition condition = {c.at, c.n, accepts};
        struct prove_options o = {.timeout_ms = TIMEOUT_MS, .condition = &condition, .conditions = 1};
        struct prove_result r = {0};
        int rc = prove_equal(p.at, p.n, q.at, q.n, &o, &r);
        tap_ok(rc == 0 && r.verdict == (accepts ? PROVE_DIFFER : PROVE_EQUAL), "%s a condition",
               accepts ? "inside" : "outside");
        if (rc == 0)
            prove_release(&r);
    }
    program_free(&p);
    program_free(&q);
    program_free(&c);
}

static void malformed(void)
{
    static const struct weir_cbpf_insn good = {0x06, 0, 0, 0};
    static const struct weir_cbpf_insn bad[][2] = {
        {{0x05, 0, 0, 0xffffffff}, {0x06, 0, 0, 0}}, /* ja to itself */
        {{0x00, 0, 0, 0}, {0x00, 0, 0, 0}},          /* runs off the end */
        {{0x15, 1, 0, 0}, {0x06, 0, 0, 0}},          /* jumps past it */
        {{0x60, 0, 0, 16}, {0x06, 0, 0, 0}},         /* M[16] */
        {{0xff, 0, 0, 0}, {0x06, 0, 0, 0}},
    };
    struct prove_result r = {0};
    bool refused = prove_equal(&good, 0, &good, 1, NULL, &r) == WEIR_E_ARGUMENT;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused = refused && prove_equal(bad[i], 2, &good, 1, NULL, &r) == WEIR_E_ARGUMENT &&
                  prove_equal(&good, 1, bad[i], 2, NULL, &r) == WEIR_E_ARGUMENT;
    tap_ok(refused, "programs that are not well formed or loop are refused");
}

/* A packet that leads somewhere in both programs. */
static struct packet some_packet(struct rng *r, const struct program *p, const struct program *q,
                                 uint8_t *bytes)
{
    struct packet packet = {.bytes = bytes, .caplen = PACKET_BYTES};
    if (rng_below(r, 3) == 0)
        packet.caplen = rng_below(r, PACKET_BYTES);
    rng_bytes(r, bytes, PACKET_BYTES);
    if (rng_below(r, 2))
        memset(bytes, 0, PACKET_BYTES);
    program_steer(rng_below(r, 2) ? p : q, r, bytes, packet.caplen);
    if (rng_below(r, 2))
        program_steer(p, r, bytes, packet.caplen);
    packet.wirelen = packet.caplen + (rng_below(r, 4) ? 0 : rng_below(r, 2000));
    packet.meta = (struct weir_metadata){
        .size = sizeof packet.meta,
        .packet_type = rng_below(r, 6),
        .ifindex = rng_below(r, 5),
        .vlan_tci = rng_below(r, 0x10000),
        .vlan_present = rng_below(r, 2),
    };
    return packet;
}

static bool packets_tell_apart(const struct program *p, const struct program *q, struct rng *r)
{
    uint8_t bytes[PACKET_BYTES];
    for (int i = 0; i < PACKETS; i++) {
        struct packet packet = some_packet(r, p, q, bytes);
        if (program_run(p, &packet, p->n, NULL) != program_run(q, &packet, q->n, NULL))
            return true;
    }
    return false;
}

/* One change that keeps the program well formed. False when none was found. */
static bool mutate(struct program *p, struct rng *r)
{
    for (int attempt = 0; attempt < 50; attempt++) {
        struct weir_cbpf_insn *i = &p->at[rng_below(r, p->n)], old = *i;
        unsigned class = i->code & 7;
        if (class == 5 && (i->code & 0xf0) && i->jt != i->jf && rng_below(r, 2)) {
            i->jt = old.jf;
            i->jf = old.jt;
        } else if (class == 5 && (i->code & 0xf0) && !(i->code & 8)) {
            if (rng_below(r, 2))
                i->k ^= 1u << rng_below(r, 8);
            else
                i->code = (uint16_t)((i->code & 0x0f) | (1 + rng_below(r, 4)) << 4);
        } else if (class == 0 && (i->code & 0xe0) == 0x20 && i->k < 0xfffff000u) {
            i->k += rng_below(r, 2) ? 1 : 2;
        } else if (class == 4 && !(i->code & 8)) {
            i->k ^= 1u << rng_below(r, 8);
        } else if (class == 6 && !(i->code & 0x18)) {
            i->k = i->k ? 0 : 7;
        }
        if (memcmp(i, &old, sizeof old) != 0)
            return true;
    }
    return false;
}

static void reference_pairs(void)
{
    struct json_lines cases;
    struct rng r = {rng_seed()};
    int mutants_each = getenv("WEIR_LONG") ? 8 : 1;
    unsigned proved = 0, mutants = 0, different = 0, missed = 0, wrong = 0, equal = 0, contradictions = 0,
             undecided = 0;
    char *path = shared_path("cases/accept.jsonl");
    if (!path) {
        tap_skip(SHARED_ABSENT, "the reference's optimized programs refine its plain ones");
        tap_skip(SHARED_ABSENT, "mutants of the reference's programs are told apart");
        tap_skip(SHARED_ABSENT, "walking intervals agrees with z3");
        return;
    }
    bool loaded = json_lines_load(path, &cases);
    free(path);
    if (!tap_ok(loaded, "cases can be read"))
        return;
    for (size_t i = 0; i < cases.n; i++) {
        struct program p = {0}, q = {0};
        struct prove_options o = {.timeout_ms = TIMEOUT_MS};
        const char *name = json_text(cases.at[i], "name"), *optimized = json_text(cases.at[i], "optimized");
        const char *why = listing_parse(json_text(cases.at[i], "unoptimized"), &p);
        if (!why && optimized)
            why = listing_parse(optimized, &q);
        if (why) {
            wrong++;
            tap_diag("%s: listing: %s", name, why);
            continue;
        }
        if (program_has_loop(&p) || program_has_loop(&q) || !optimized) {
            program_free(&p);
            program_free(&q);
            continue;
        }
        struct prove_result result = {0};
        int rc = prove_refines(p.at, p.n, q.at, q.n, &o, &result);
        if (rc || result.verdict != PROVE_EQUAL) {
            wrong++;
            tap_diag("%s: rc %d, %s", name, rc, word(rc, result.verdict));
        }
        proved++;
        if (!rc)
            prove_release(&result);
        for (int k = 0; k < mutants_each; k++) {
            struct program m = {0};
            if (!program_copy(q.at, q.n, &m) || !mutate(&m, &r)) {
                program_free(&m);
                continue;
            }
            bool apart = packets_tell_apart(&q, &m, &r);
            rc = prove_equal(q.at, q.n, m.at, m.n, &o, &result);
            mutants++;
            different += apart;
            if (rc || result.verdict == PROVE_UNKNOWN || (apart && result.verdict != PROVE_DIFFER)) {
                missed++;
                tap_diag("%s: a mutant: rc %d, %s, packets say %s", name, rc, word(rc, result.verdict),
                         apart ? "differ" : "nothing");
            }
            equal += !rc && result.verdict == PROVE_EQUAL;
            struct prove_result other = {0};
            int walked = walk_equal(q.at, q.n, m.at, m.n, NULL, &other);
            if (walked || (!rc && other.verdict != PROVE_UNKNOWN && other.verdict != result.verdict)) {
                contradictions++;
                tap_diag("%s: a mutant: z3 says %s, walking says %s", name, word(rc, result.verdict),
                         word(walked, other.verdict));
            }
            undecided += !walked && other.verdict == PROVE_UNKNOWN;
            if (!walked)
                prove_release(&other);
            if (!rc)
                prove_release(&result);
            program_free(&m);
        }
        program_free(&p);
        program_free(&q);
    }
    tap_ok(wrong == 0 && proved > 300, "the reference's optimized programs refine its plain ones (%u)",
           proved);
    tap_ok(missed == 0 && different > mutants / 2, "mutants of the reference's programs are told apart (%u)",
           mutants);
    tap_ok(contradictions == 0 && undecided < mutants / 4, "walking intervals agrees with z3");
    tap_diag("walking leaves %u mutants undecided", undecided);
    tap_diag("%u mutants, %u told apart by packets, %u proved equal", mutants, different, equal);
    json_lines_free(&cases);
}

int main(void)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        hand_written(&pairs[i]);
    finishing();
    conditions();
    malformed();
    reference_pairs();
    return tap_done();
}
