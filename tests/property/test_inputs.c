/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/test_inputs.c - what weir_program_input() and weir_program_reach() say a program looks at.
 *
 * Rows worked out by hand from where the headers' fields lie; then filters of every kind and random classic
 * programs: what is not listed may change, and what is beyond the reach may be cut off, without changing the
 * answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backends/cbpf/cbpf.h"
#include "tests/harness/listing.h"
#include "tests/harness/random_cbpf.h"
#include "tests/harness/tap.h"
#include "tests/property/filters.h"

enum { PACKETS = 60, PACKET_BYTES = 300, RANDOM = 600, RANDOM_LONG = 10000 };

static struct weir *cx;

/* ---------------------------------------------------------------- by hand */

static const struct row {
    const char *text;
    uint32_t linktype, live;
    const char *inputs; /* as words() writes them */
    uint32_t reach;
} rows[] = {
    {"", 1, 0, "", 0},
    /* RFC 894: the type is in bytes 12 and 13. */
    {"ip", 1, 0, "12-13", 14},
    {"ether host 2:0:0:0:0:1", 1, 0, "0-11", 12},
    {"ether dst 2:0:0:0:0:1", 1, 0, "0-5", 6},
    /* RFC 791: protocol at 9, source at 12, destination at 16; RFC 826: senders and targets at 14 and 24. */
    {"ip proto 6", 1, 0, "12-13 23", 24},
    {"ip host 10.0.0.1", 1, 0, "12-13 26-33", 34},
    {"arp host 10.0.0.1", 1, 0, "12-13 28-31 38-41", 42},
    {"ip proto 6", 12, 0, "0 9", 10},
    /* RFC 8200: next header at 6, destination at 24 to 39. */
    {"ip6 proto 6", 12, 0, "0 6 40", 41},
    {"ip6 dst host 2001:db8::1", 1, 0, "12-13 38-53", 54},
    /* The header's length is in the low half of byte 0, in words: ports are up to 60 bytes behind it. */
    {"udp dst port 53", 1, 0, "12-14 20-21 23 56-57 p1(0..60)+16..17", 78},
    {"icmp[0] = 8", 1, 0, "12-14 20-21 23 p1(0..60)+14", 75},
    {"len > 100", 1, 0, "len", 0},
    {"ether[len - 4:4] = 7", 1, 0, "p1(0..4294967295)-4..-1 len", WEIR_REACH_UNBOUNDED},
    {"ether[ether[0]] = 7", 1, 0, "0 p1(0..255)+0", 256},
    {"ip[2:2] > 5 and ether[ip[2:2] + 3:4] = 1", 1, 0, "12-13 16-17 p1(0..65535)+3..6", 65542},
    {"inbound", 1, 1, "packet_type", 0},
    {"ifindex 3", 1, 1, "ifindex", 0},
    {"vlan 5", 1, 1, "12-15 vlan_tci vlan_present", 16},
};

/* Appends to the list, in which rows are separated by blanks. */
static void words_of(const struct weir_input *in, char *text, size_t size)
{
    size_t used = strlen(text);

    if (used) {
        text[used++] = ' ';
        text[used] = 0;
    }
    text += used;
    size -= used;
    if (in->kind == WEIR_INPUT_LENGTH)
        snprintf(text, size, "len");
    else if (in->kind == WEIR_INPUT_METADATA)
        snprintf(text, size, "%s", in->name);
    else if (in->kind == WEIR_INPUT_RELATIVE && in->end == in->begin + 1)
        snprintf(text, size, "p%u(%u..%u)%+lld", in->place, in->lowest, in->highest, (long long)in->begin);
    else if (in->kind == WEIR_INPUT_RELATIVE)
        snprintf(text, size, "p%u(%u..%u)%+lld..%lld", in->place, in->lowest, in->highest,
                 (long long)in->begin, (long long)in->end - 1);
    else if (in->end == in->begin + 1)
        snprintf(text, size, "%lld", (long long)in->begin);
    else
        snprintf(text, size, "%lld-%lld", (long long)in->begin, (long long)in->end - 1);
}

static void words(const struct weir_program *p, char *text, size_t size)
{
    struct weir_input in = {.size = sizeof in};

    *text = 0;
    for (size_t i = 0; weir_program_input(p, i, &in) == WEIR_OK && strlen(text) + 64 < size; i++)
        words_of(&in, text, size);
}

static void by_hand(const struct row *row, uint32_t target)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *p = NULL;
    uint32_t reach = 1;
    char text[400];

    o.linktype = row->linktype;
    o.live = row->live;
    o.target = target;
    o.keep_inputs = 1;
    int status = weir_compile(cx, row->text, strlen(row->text), &o, &p);
    if (status < 0) {
        tap_ok(false, "'%s': status %d", row->text, status);
        return;
    }
    words(p, text, sizeof text);
    weir_program_reach(p, &reach);
    if (!tap_ok(!strcmp(text, row->inputs) && reach == row->reach, "'%s', target %u", row->text, target))
        tap_diag("%s, reach %u; wanted %s, reach %u", text, reach, row->inputs, row->reach);
    weir_program_free(p);
}

static void arguments(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_program *without = NULL, *with = NULL, *raw = NULL;
    struct weir_input in = {.size = sizeof in};
    static const char text[] = "ld random\nret a";
    uint32_t reach = 77;

    weir_compile(cx, "ip", 2, &o, &without);
    o.keep_inputs = 1;
    weir_compile(cx, "ip", 2, &o, &with);
    weir_program_read(cx, text, sizeof text - 1, &o, &raw);
    tap_ok(weir_program_input(without, 0, &in) == WEIR_E_UNSUPPORTED &&
               weir_program_reach(without, &reach) == WEIR_E_UNSUPPORTED,
           "nothing is kept unless asked for");
    tap_ok(weir_program_input(raw, 0, &in) == WEIR_E_UNSUPPORTED &&
               weir_program_reach(raw, &reach) == WEIR_E_UNSUPPORTED && reach == 77 &&
               weir_diagnostic_count(cx) == 1,
           "what has no IR is not known, and a warning says why");
    tap_ok(weir_program_input(with, 0, &in) == WEIR_OK && weir_program_input(with, 1, &in) == WEIR_E_ARGUMENT,
           "past the end");
    in.size = 4;
    tap_ok(weir_program_input(with, 0, &in) == WEIR_E_ARGUMENT &&
               weir_program_input(with, 0, NULL) == WEIR_E_ARGUMENT &&
               weir_program_reach(with, NULL) == WEIR_E_ARGUMENT,
           "wrong arguments");
    weir_program_free(without);
    weir_program_free(with);
    weir_program_free(raw);
}

/* ---------------------------------------------------------------- by trying */

struct totals {
    struct rng rng;
    unsigned programs, bounded, accepted, cut, changed;
};

/* What may be looked at, by the program's own account. */
struct account {
    bool byte[PACKET_BYTES];
    bool length, packet_type, ifindex, vlan_tci, vlan_present;
    uint32_t reach;
};

static void account_of(const struct weir_program *p, struct account *a)
{
    struct weir_input in = {.size = sizeof in};

    *a = (struct account){.length = false};
    weir_program_reach(p, &a->reach);
    for (size_t i = 0; weir_program_input(p, i, &in) == WEIR_OK; i++) {
        int64_t begin = in.begin, end = in.end;
        if (in.kind == WEIR_INPUT_RELATIVE) {
            begin += in.lowest;
            end += in.highest;
        }
        a->length |= in.kind == WEIR_INPUT_LENGTH;
        for (int64_t b = begin < 0 ? 0 : begin; b < end && b < PACKET_BYTES; b++)
            a->byte[b] = true;
        if (!in.name)
            continue;
        a->packet_type |= !strcmp(in.name, "packet_type");
        a->ifindex |= !strcmp(in.name, "ifindex");
        a->vlan_tci |= !strcmp(in.name, "vlan_tci");
        a->vlan_present |= !strcmp(in.name, "vlan_present");
    }
}

static const char *try_packet(struct totals *t, const struct weir_program *p, const struct account *a,
                              const struct program *code)
{
    struct rng *r = &t->rng;
    uint8_t bytes[PACKET_BYTES];
    struct weir_metadata m = {.size = sizeof m,
                              .packet_type = rng_below(r, 6),
                              .ifindex = rng_below(r, 4),
                              .vlan_tci = rng_below(r, 4096),
                              .vlan_present = rng_below(r, 2)};
    uint32_t n = rng_below(r, 3) ? PACKET_BYTES : rng_below(r, PACKET_BYTES),
             wire = n + (rng_below(r, 2) ? 0 : rng_below(r, 900));

    rng_bytes(r, bytes, sizeof bytes);
    if (rng_below(r, 2))
        memset(bytes, 0, sizeof bytes);
    program_steer(code, r, bytes, n);
    uint32_t verdict = weir_match(p, bytes, n, wire, &m);
    t->accepted += verdict != 0;
    if (a->reach < n) {
        t->cut++;
        if (weir_match(p, bytes, a->reach, wire, &m) != verdict)
            return "an answer changes where the packet is cut off at the reach";
    }
    for (uint32_t i = 0; i < PACKET_BYTES; i++)
        if (!a->byte[i]) {
            bytes[i] ^= (uint8_t)(1 + rng_below(r, 255));
            t->changed++;
        }
    if (!a->length)
        wire = n + rng_below(r, 2000);
    if (!a->packet_type)
        m.packet_type = rng_below(r, 6);
    if (!a->ifindex)
        m.ifindex = rng_below(r, 4);
    if (!a->vlan_tci)
        m.vlan_tci = rng_below(r, 4096);
    if (!a->vlan_present)
        m.vlan_present = rng_below(r, 2);
    return weir_match(p, bytes, n, wire, &m) == verdict
               ? NULL
               : "an answer changes with something that is not listed";
}

static const char *try_program(struct totals *t, const struct weir_program *p)
{
    const char *wrong = NULL;
    struct program code = {0};
    struct account a;
    size_t n;
    const struct weir_cbpf_insn *at = weir_program_cbpf(p, &n);

    account_of(p, &a);
    t->programs++;
    t->bounded += a.reach != WEIR_REACH_UNBOUNDED;
    if (!program_copy(at, (uint32_t)n, &code))
        return "no memory";
    for (int i = 0; i < PACKETS && !wrong; i++)
        wrong = try_packet(t, p, &a, &code);
    program_free(&code);
    return wrong;
}

static void filters_of_every_kind(void)
{
    struct totals t = {.rng = {rng_seed()}};
    unsigned wrong = 0;

    for (size_t i = 0; i < PROPERTY_FILTERS; i++)
        for (unsigned level = 0; level < 4; level++) {
            struct weir_options o = WEIR_OPTIONS_INIT;
            struct weir_program *p = NULL;
            o.linktype = property_filters[i].linktype;
            o.netmask = 0xffffff00;
            o.optimize = level > 0;
            o.tune = level > 0 ? level - 1 : 0;
            o.keep_inputs = 1;
            if (weir_compile(cx, property_filters[i].text, strlen(property_filters[i].text), &o, &p) < 0)
                continue;
            const char *why = try_program(&t, p);
            if (why && ++wrong < 6)
                tap_diag("%s, level %u: %s", property_filters[i].text, level, why);
            weir_program_free(p);
        }
    tap_ok(!wrong && t.programs >= 4 * PROPERTY_FILTERS - 8 && t.accepted && t.cut && t.changed,
           "%u programs of filters, %u of them bounded: %u packets accepted, %u cut off, %u bytes changed",
           t.programs, t.bounded, t.accepted, t.cut, t.changed);
}

static void random_programs(void)
{
    static const struct random_cbpf kind = {.metadata = true, .wild_shifts = true};
    unsigned wrong = 0, runs = getenv("WEIR_LONG") ? RANDOM_LONG : RANDOM;
    struct totals t = {.rng = {rng_seed()}};
    struct weir_cbpf_insn code[RANDOM_CBPF_MAX];

    for (unsigned i = 0; i < runs; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct weir_program *p = NULL;
        struct strbuf text;

        o.optimize = i % 2;
        o.keep_inputs = 1;
        strbuf_init(&text, &allocator_system);
        cbpf_print_decimal(code, random_cbpf(&kind, &t.rng, code), &text);
        const char *why =
            weir_program_read(cx, text.text, text.len, &o, &p) < 0 ? "is not read" : try_program(&t, p);
        if (why && ++wrong < 6)
            tap_diag("%s:\n%s", why, text.text);
        strbuf_release(&text);
        weir_program_free(p);
    }
    tap_ok(
        !wrong && t.accepted && t.cut && t.changed,
        "%u random classic programs, %u of them bounded: %u packets accepted, %u cut off, %u bytes changed",
        t.programs, t.bounded, t.accepted, t.cut, t.changed);
}

int main(void)
{
    if (!tap_ok(weir_new(NULL, &cx) == 0, "a context"))
        return tap_done();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        by_hand(&rows[i], WEIR_TARGET_CBPF);
        by_hand(&rows[i], WEIR_TARGET_SOCKET);
    }
    arguments();
    filters_of_every_kind();
    random_programs();
    weir_free(cx);
    return tap_done();
}
