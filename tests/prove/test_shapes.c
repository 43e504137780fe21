/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_shapes.c - random lists of items of one to four shapes, drawn for each list: the optimized
 * program refines the plain one.
 *
 * Addresses and numbers are few, so that items meet, contradict and repeat each other; some addresses share
 * no word with others. 1,000 lists are proved, 20,000 where WEIR_LONG is set; of six times as many no packet
 * shows otherwise. The same seed gives the same lists: WEIR_SEED=N.
 *
 * Built with AddressSanitizer it looks for mistakes with memory instead: test_memory.sh.
 */
#include <stdlib.h>
#include "base/strbuf.h"
#include "tests/golden/compile.h"
#include "tests/harness/cuts.h"
#include "tests/prove/refine.h"

/* Of OTHERS lists for each that is proved no packet shows anything else. */
#ifdef __SANITIZE_ADDRESS__
enum { PROVED = false, OTHERS = 2, PACKETS = 1 };
#else
enum { PROVED = true, OTHERS = 5, PACKETS = 200 };
#endif

enum {
    LISTS = 1000,
    LISTS_LONG = 20000,
    SHAPES = 4,
    ADDRESSES = 16, /* atoms before this one ask for addresses, */
    PORTS = 26,     /* before this one for ports, */
    BYTES = 40,     /* and from this one on for bytes */
    PARTS = 3,
    ALTERNATIVES = 3,
    TIMEOUT_MS = 5000,
    SHOWN = 5,
    LINKTYPES_PROVED = 5, /* the first ones; of others walking takes long */
};

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

/* What an item asks for: first, addresses, then ports. {x} is one of words_of('x'). */
static const char *const atoms[] = {
    "host {a}",
    "src host {a}",
    "dst host {a}",
    "host {h}",
    "src host {h}",
    "dst host {h}",
    "net {n}",
    "src net {n}",
    "dst net {n}",
    "net {N}",
    "src net {N}",
    "(host {a} or host {a})",
    "(src host {a} or src host {a})",
    "(host {h} or host {h})",
    "(net {n} or host {a})",
    "(ip6 host {h} or host {a})",
    "port {p}",
    "tcp port {p}",
    "udp port {p}",
    "udp dst port {p}",
    "src port {p}",
    "sctp port {p}",
    "tcp portrange {r}",
    "portrange {r}",
    "(tcp port {p} or udp port {p})",
    "(tcp port {p} or (udp port {p} and not host {a}))",
    "ether host {m}",
    "ether src {m}",
    "(ether host {m} or ether host {m})",
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "(icmp or icmp6)",
    "arp",
    "ip",
    "ip6",
    "ip proto {p}",
    "len > {l}",
    "less {l}",
    "tcp[13] & {p} != 0",
    "tcp[20] = {p}",
    "ip[8] < {p}",
    "ip[20:2] = {p}",
    "ip[60] = {p}",
    "ip[6:2] & 0x1fff = 0",
    "udp[4:2] > {p}",
    "udp[8:4] = {p}",
    "icmp[0] = {p}",
    "ip6[7] < {p}",
    "ip6[30] = {p}",
    "ip6[60] = {p}",
    "ether[70] = {p}",
};

static const char *const hosts4[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "192.168.1.1"};
static const char *const hosts6[] = {"2001:db8::1", "2001:db8::2", "fe80::1", "fe80::2", "ff02::1"};
static const char *const nets4[] = {"10.0.0.0/24", "10.0.0.0/30", "10.0.0.2/31", "10.0.0.0/8",
                                    "192.168.0.0/16"};
static const char *const nets6[] = {"2001:db8::/32", "2001:db8::/64", "fe80::/64", "fe80::/10", "ff02::/40"};
static const char *const macs[] = {"02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:01:01"};
static const char *const ports[] = {"1", "2", "5", "22", "53"};
static const char *const ranges[] = {"1-2", "2-22", "5-5", "1-53"};
static const char *const lengths[] = {"40", "50", "60", "70", "90"};

static const char *const *words_of(char name, uint32_t *count)
{
    switch (name) {
    case 'a':
        *count = COUNT(hosts4);
        return hosts4;
    case 'h':
        *count = COUNT(hosts6);
        return hosts6;
    case 'n':
        *count = COUNT(nets4);
        return nets4;
    case 'N':
        *count = COUNT(nets6);
        return nets6;
    case 'm':
        *count = COUNT(macs);
        return macs;
    case 'r':
        *count = COUNT(ranges);
        return ranges;
    case 'l':
        *count = COUNT(lengths);
        return lengths;
    default:
        *count = COUNT(ports);
        return ports;
    }
}

/* What stands around the items. */
static const struct around {
    const char *before, *between, *after;
} arounds[] = {
    {"", " or ", ""},
    {"", " or ", ""},
    {"not (", " or ", ")"},
    {"not ", " and not ", ""},
    {"tcp and (", " or ", ")"},
    {"len > 60 and not (", " or ", ")"},
    {"not port 53 and (", " or ", ")"},
    {"(", " or ", ") or icmp6"},
    {"(", " or ", ") or ip[60] = 1"},
    {"(", " or ", ") and ether[60] = 1"},
    {"arp or not (", " or ", ") or host 10.0.0.9"},
    {"(len > 60 and (", " or ", ")) or ether[3] = 1"},
    {"vxlan and (", " or ", ")"},
    {"geneve and (", " or ", ")"},
};

struct shape {
    uint32_t parts;
    const char *part[PARTS];
    uint32_t alternatives[PARTS];
    bool negated[PARTS];
    bool any; /* the last part or the one before it is enough */
};

static struct shape draw_shape(struct rng *r)
{
    struct shape s = {.parts = 1 + rng_below(r, PARTS), .any = rng_below(r, 6) == 0};

    for (uint32_t i = 0; i < s.parts; i++) {
        const uint32_t draw = rng_below(r, 4);
        const bool usual = draw < 2, bytes = draw == 2; /* an address, then a port */
        const uint32_t from = bytes        ? BYTES
                              : usual && i ? ADDRESSES
                                           : 0,
                       behind = !usual ? COUNT(atoms)
                                : i    ? PORTS
                                       : ADDRESSES;
        s.part[i] = atoms[from + rng_below(r, behind - from)];
        s.alternatives[i] = rng_below(r, 4) ? 1 : 2 + rng_below(r, ALTERNATIVES - 1);
        s.negated[i] = rng_below(r, 8) == 0;
    }
    return s;
}

static void put_atom(struct rng *r, struct strbuf *text, const char *atom)
{
    for (const char *c = atom; *c; c++) {
        uint32_t n;
        if (*c != '{') {
            strbuf_printf(text, "%c", *c);
            continue;
        }
        const char *const *words = words_of(c[1], &n);
        strbuf_puts(text, words[rng_below(r, n)]);
        c += 2; /* the name; the loop passes the brace */
    }
}

static void put_part(struct rng *r, struct strbuf *text, const char *atom, uint32_t alternatives)
{
    if (alternatives > 1)
        strbuf_puts(text, "(");
    for (uint32_t i = 0; i < alternatives; i++) {
        strbuf_puts(text, i ? " or " : "");
        put_atom(r, text, atom);
    }
    if (alternatives > 1)
        strbuf_puts(text, ")");
}

static void put_item(struct rng *r, struct strbuf *text, const struct shape *s)
{
    strbuf_puts(text, "(");
    for (uint32_t i = 0; i < s->parts; i++) {
        bool last = s->any && i + 1 == s->parts;
        strbuf_puts(text, i == 0 ? "" : last ? " or " : " and ");
        strbuf_puts(text, s->any && i + 2 == s->parts ? "(" : "");
        strbuf_puts(text, s->negated[i] ? "not " : "");
        put_part(r, text, s->part[i], s->alternatives[i]);
        strbuf_puts(text, last && i > 0 ? ")" : "");
    }
    strbuf_puts(text, ")");
}

static void put_list(struct rng *r, struct strbuf *text)
{
    static const uint32_t lengths_of_lists[] = {3, 6, 8, 9, 10, 12, 16, 24, 24, 70};
    const struct around *around = &arounds[rng_below(r, COUNT(arounds))];
    uint32_t shapes = 1 + rng_below(r, SHAPES),
             items = lengths_of_lists[rng_below(r, COUNT(lengths_of_lists))];
    const bool turns = rng_below(r, 2);
    struct shape shape[SHAPES];

    for (uint32_t i = 0; i < shapes; i++)
        shape[i] = draw_shape(r);
    strbuf_puts(text, around->before);
    for (uint32_t i = 0; i < items; i++) {
        strbuf_puts(text, i ? around->between : "");
        put_item(r, text, &shape[turns ? i % shapes : rng_below(r, shapes)]);
    }
    strbuf_puts(text, around->after);
}

struct totals {
    struct refine_counts counts;
    unsigned lists, wrong, refused;
};

/* Does the optimized program refine the plain one? False: @why not. Proved for one list of some. */
static bool refines(const struct program *plain, const struct program *optimized, struct rng *r,
                    struct totals *t, char *why, size_t size)
{
    struct prove_result proof = {0};
    struct cuts_witness witness;

    if (cuts_differ(plain, optimized, r, PACKETS, &witness)) {
        packet_describe(&witness.packet, witness.plain, witness.other, why, size);
        return false;
    }
    if (!PROVED || t->lists % (1 + OTHERS))
        return true;
    int rc = refine_check(plain, optimized, TIMEOUT_MS, &t->counts, &proof);
    bool refuted = rc < 0 || proof.verdict == PROVE_DIFFER;
    if (refuted)
        refine_describe(rc, &proof, why, size);
    if (rc == 0)
        prove_release(&proof);
    return !refuted;
}

static void check(const char *text, struct weir_options o, struct rng *r, struct totals *t)
{
    struct program plain = {0}, optimized = {0};
    char why[1200];

    o.optimize = 0;
    int rc = compile_program(text, &o, &plain, why, sizeof why);
    o.optimize = 1;
    if (rc >= 0)
        rc = compile_program(text, &o, &optimized, why, sizeof why);
    if (rc < 0) {
        t->refused++; /* MAC addresses where there are none */
        program_free(&plain);
        return;
    }
    if (!refines(&plain, &optimized, r, t, why, sizeof why) && t->wrong++ < SHOWN)
        tap_diag("link type %u, tune %u: %s: %s", o.linktype, o.tune, text, why);
    t->lists++;
    program_free(&plain);
    program_free(&optimized);
}

int main(void)
{
    /* Ethernet, Linux cooked, raw IP; and not proved: 802.11 with radiotap and without, pflog */
    static const uint32_t linktypes[] = {1, 1, 1, 113, 12, 127, 127, 105, 117};
    const unsigned proved = getenv("WEIR_LONG") ? LISTS_LONG : LISTS, wanted = proved * (1 + OTHERS);
    struct rng r = {rng_seed()};
    struct totals t = {0};

    while (t.lists < wanted && t.refused < wanted) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct strbuf text;
        o.linktype = linktypes[rng_below(&r, t.lists % (1 + OTHERS) ? COUNT(linktypes) : LINKTYPES_PROVED)];
        o.tune = rng_below(&r, 4) ? 0 : rng_below(&r, 3);
        strbuf_init(&text, &allocator_system);
        put_list(&r, &text);
        if (text.failed)
            break;
        check(text.text, o, &r, &t);
        strbuf_release(&text);
    }
    tap_ok(t.lists == wanted && !t.wrong, "the optimized programs of %u random lists refine the plain ones",
           t.lists);
    tap_ok(t.counts.unknown <= proved / 100, "at most one in a hundred of %u is undecided", proved);
    tap_diag("%u by walking, %u by z3, %u unknown; %u refused", t.counts.walked, t.counts.asked,
             t.counts.unknown, t.refused);
    return tap_done();
}
