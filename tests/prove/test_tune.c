/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_tune.c - whatever a program is tuned for, it refines the plain one.
 *
 * Over the shared accepted filters, and over filters that read behind IPv4 headers, where tuning for the
 * kernel makes a difference.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/golden/compile.h"
#include "tests/harness/names.h"
#include "tests/harness/shared.h"
#include "tests/prove/refine.h"

enum { TIMEOUT_MS = 20000, INSNS_MAX = 1000 };

static const char *const own[] = {
    "tcp port 80",
    "tcp port 80 or udp port 53 or port 443",
    "not port 22 and not port 53",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not src and dst net 10.0.0.0/8",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "icmp[icmptype] = icmp-echo or icmp[icmptype] = icmp-echoreply",
    "udp[8:4] / tcp[13] > 3 or udp[4:2] % udp[8] = 1",
    "(tcp port 80 and host 10.0.0.1) or (tcp port 443 and host 10.0.0.1)",
    "geneve 5 and ether host 1:2:3:4:5:6 and tcp port 80",
    "vxlan 7 and tcp port 80 or vxlan and udp port 53",
    "vlan 5 and tcp port 80 and vlan 6 and udp[0:2] = 7",
    "mpls 5 and tcp port 80",
    "tcp portrange 1000-2000 or tcp portrange 1500-3000",
    "ip[0] & 0xf != 5 and tcp port 80",
    "ip[0] = 0x45 and tcp[0:2] = tcp[2:2]",
    "(host 10.0.0.1 and not port 22) or (host 10.0.0.2 and not port 53) or (host 10.0.0.3 and not port 80)",
    "(udp src port 22 or ip6 host 2001:db8::1) and not tcp port 123",
    "portrange 1000-1023 and (dst net 172.16.0.0/12 or not ip proto 6)",
    "(host 10.0.0.1 and len > 100) or (host 10.0.0.2 and len > 200) or (net 10.1.0.0/16 and port 80)",
    "(host 10.0.0.1 or tcp[tcpflags] & tcp-ack != 0) and host 10.0.0.2",
    ("port 1 or port 3 or port 5 or port 9 or port 17 or port 33 or port 65 or port 129 or port 257 or port "
     "513"),
};

static const char *const tunes[] = {"speed", "size", "kernel"};

struct totals {
    struct refine_counts counts;
    unsigned filters, wrong, indirect[3], length[3], longer;
};

/* Loads at variable addresses. */
static unsigned indirect(const struct program *p)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < p->n; i++)
        n += (p->at[i].code & 0xe7) == 0x40;
    return n;
}

static void check(const char *text, struct weir_options o, struct totals *t)
{
    struct program plain = {0};
    char why[512];

    o.optimize = 0;
    int rc = compile_program(text, &o, &plain, why, sizeof why);
    if (rc < 0) {
        t->wrong++;
        tap_diag("%s: %s", text, why);
        return;
    }
    o.optimize = 1;
    uint32_t fast = 0;
    for (o.tune = WEIR_TUNE_SPEED; o.tune <= WEIR_TUNE_KERNEL; o.tune++) {
        struct program tuned = {0};
        rc = compile_program(text, &o, &tuned, why, sizeof why);
        fast = o.tune == WEIR_TUNE_SPEED ? tuned.n : fast;
        if (o.tune == WEIR_TUNE_SIZE && tuned.n > fast) {
            t->longer++;
            tap_diag("%s: %u instructions tuned for size, %u for speed", text, tuned.n, fast);
        }
        if (rc >= 0 && plain.n <= INSNS_MAX) {
            t->filters++;
            t->length[o.tune] += tuned.n;
            t->indirect[o.tune] += indirect(&tuned);
            struct prove_result r = {0};
            rc = refine_check(&plain, &tuned, TIMEOUT_MS, &t->counts, &r);
            if (rc < 0 || r.verdict == PROVE_DIFFER) {
                t->wrong++;
                refine_describe(rc, &r, why, sizeof why);
                tap_diag("%s, tuned for %s: %s", text, tunes[o.tune], why);
            }
            if (rc == 0)
                prove_release(&r);
        } else if (rc < 0) {
            t->wrong++;
            tap_diag("%s, tuned for %s: %s", text, tunes[o.tune], why);
        }
        program_free(&tuned);
    }
    program_free(&plain);
}

/* @some: some programs are to be shorter. */
static void report(const struct totals *t, const char *which, bool some)
{
    tap_ok(t->filters && !t->wrong, "tuned programs refine plain ones: %s (%u)", which, t->filters);
    tap_ok(t->counts.unknown <= t->filters / 100, "hardly any is left undecided: %s", which);
    tap_ok(!t->longer && t->length[WEIR_TUNE_SIZE] + some <= t->length[WEIR_TUNE_SPEED],
           "tuned for size no program is longer%s: %s (%u and %u instructions)",
           some ? ", and some are shorter" : "", which, t->length[WEIR_TUNE_SIZE],
           t->length[WEIR_TUNE_SPEED]);
    tap_diag("%u by walking, %u by z3, %u unknown", t->counts.walked, t->counts.asked, t->counts.unknown);
}

static void shared_filters(void)
{
    struct totals t = {0};
    struct json_lines cases;
    char *path = shared_path("cases/accept.jsonl"), *dir = shared_path("cases");
    struct names *names = dir ? names_load(dir) : NULL;

    if (!path) {
        tap_skip(SHARED_ABSENT, "tuned programs refine plain ones: the shared filters");
        return;
    }
    if (tap_ok(names && json_lines_load(path, &cases), "cases can be read")) {
        for (size_t i = 0; i < cases.n; i++) {
            struct weir_options o = WEIR_OPTIONS_INIT;
            const json_t *spelling = json_array_get(json_object_get(cases.at[i], "spellings"), 0);
            const char *savefile = json_text(cases.at[i], "savefile");
            o.linktype = (uint32_t)weir_linktype_by_name(json_text(cases.at[i], "linktype"));
            o.snaplen = (uint32_t)json_number(cases.at[i], "snaplen", WEIR_SNAPLEN_DEFAULT);
            o.live = json_is_true(json_object_get(cases.at[i], "live"));
            if (savefile)
                o.savefile =
                    strcmp(savefile, "swapped") == 0 ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
            o.resolver = names_resolver(names);
            check(json_string_value(spelling), o, &t);
        }
        report(&t, "the shared filters", false);
        json_lines_free(&cases);
    }
    names_free(names);
    free(path);
    free(dir);
}

int main(void)
{
    struct totals t = {0};
    const struct weir_options o = WEIR_OPTIONS_INIT;

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        check(own[i], o, &t);
    report(&t, "our filters", true);
    shared_filters();
    return tap_done();
}
