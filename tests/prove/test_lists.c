/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_lists.c - long lists: the optimized program refines the plain one, by walking intervals.
 *
 * Each list is proved at two lengths, and with one constant of the optimized program changed, which must be seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/strbuf.h"
#include "tests/golden/compile.h"
#include "tests/harness/rng.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

struct list {
    const char *name;
    void (*term)(struct rng *r, struct strbuf *s);
    const char *before, *between, *after;
    uint32_t few, many; /* terms: always, and where WEIR_LONG is set */
};

static void address(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "%u.%u.%u.%u", 1 + rng_below(r, 223), rng_below(r, 256), rng_below(r, 256), rng_below(r, 256));
}

static void host(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "host ");
    address(r, s);
}

static void source(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "src ");
    host(r, s);
}

static void net(struct rng *r, struct strbuf *s)
{
    uint32_t bits = 8 + 8 * rng_below(r, 3);
    uint32_t a = rng_next(r) & UINT32_MAX << (32 - bits);

    strbuf_printf(s, "%snet %u.%u.%u.%u/%u", rng_below(r, 2) ? "src " : "", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, bits);
}

static void port(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "port %u", rng_below(r, 65536));
}

static void pair(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "(src host ");
    address(r, s);
    strbuf_printf(s, " and tcp dst port %u)", rng_below(r, 65536));
}

static void host6(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "ip6 host 2001:db8:%x::%x", rng_below(r, 4), rng_below(r, 65536));
}

static void host6_unrelated(struct rng *r, struct strbuf *s)
{
    strbuf_puts(s, "ip6 host ");
    for (uint32_t i = 0; i < 8; i++)
        strbuf_printf(s, "%s%x", i ? ":" : "", rng_below(r, 65536));
}

static void mac(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "ether host 02:00:%02x:%02x:%02x:%02x", rng_below(r, 2), rng_below(r, 256), rng_below(r, 256), rng_below(r, 256));
}

static void arithmetic(struct rng *r, struct strbuf *s)
{
    strbuf_printf(s, "ip[4:2] = %u", rng_below(r, 65536));
}

static const struct list lists[] = {
    {"hosts", host, "", " or ", "", 1000, 10000},
    {"hosts, negated", host, "not (", " or ", ")", 1000, 10000},
    {"sources", source, "", " or ", "", 10000, 20000},
    {"networks", net, "", " or ", "", 500, 1000},
    {"ports", port, "", " or ", "", 200, 1000},
    {"ports beside another test", port, "tcp and (", " or ", ") and not src net 10.0.0.0/8", 200, 400},
    {"hosts and ports", pair, "", " or ", "", 500, 1500},
    {"IPv6 hosts", host6, "", " or ", "", 200, 1000},
    {"IPv6 hosts without a common prefix", host6_unrelated, "", " or ", "", 170, 240}, /* as many as need few loads */
    {"MAC addresses", mac, "", " or ", "", 200, 400},
    {"numbers", arithmetic, "", " or ", "", 1000, 10000},
};

static const char *verdict_word(int rc, const struct prove_result *r)
{
    return rc ? "error" : r->verdict == PROVE_EQUAL ? "proved" : r->verdict == PROVE_DIFFER ? "differs" : r->why;
}

/* Changes the constant of some compare; false when there is none. */
static bool break_program(struct program *p, struct rng *r)
{
    for (uint32_t attempt = 0; attempt < 1000; attempt++) {
        struct weir_cbpf_insn *i = &p->at[rng_below(r, p->n)];
        if (i->code != 0x15) /* jeq #k */
            continue;
        i->k ^= 4;
        return true;
    }
    return false;
}

static void prove_list(const struct list *l, uint32_t n, uint64_t seed)
{
    struct rng r = {seed + n};
    struct strbuf text;
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct program plain = {0}, optimized = {0}, broken = {0};
    const struct prove_options patient = {.work = UINT64_C(1) << 34};
    struct prove_result result = {0};
    char why[256];

    strbuf_init(&text, &allocator_libc);
    strbuf_puts(&text, l->before);
    for (uint32_t i = 0; i < n; i++) {
        strbuf_puts(&text, i ? l->between : "");
        l->term(&r, &text);
    }
    strbuf_puts(&text, l->after);
    o.optimize = 0;
    int rc = text.failed ? WEIR_E_MEMORY : compile_program(text.text, &o, &plain, why, sizeof why);
    o.optimize = 1;
    if (rc >= 0)
        rc = compile_program(text.text, &o, &optimized, why, sizeof why);
    if (tap_ok(rc >= 0, "%u %s compile", n, l->name)) {
        rc = walk_refines(plain.at, plain.n, optimized.at, optimized.n, &patient, &result);
        if (!tap_ok(rc == 0 && result.verdict == PROVE_EQUAL, "%u %s: %u instructions refine %u", n, l->name, optimized.n, plain.n))
            tap_diag("%s", verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
        bool changed = program_copy(optimized.at, optimized.n, &broken) && break_program(&broken, &r);
        rc = changed ? walk_refines(plain.at, plain.n, broken.at, broken.n, &patient, &result) : -1;
        if (!tap_ok(rc == 0 && result.verdict == PROVE_DIFFER, "%u %s: a changed constant is seen", n, l->name))
            tap_diag("%s", verdict_word(rc, &result));
        if (rc == 0)
            prove_release(&result);
    } else {
        tap_diag("%s", why);
    }
    program_free(&plain);
    program_free(&optimized);
    program_free(&broken);
    strbuf_release(&text);
}

int main(void)
{
    bool all = getenv("WEIR_LONG") != NULL;
    uint64_t seed = rng_seed();

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        prove_list(&lists[i], lists[i].few, seed);
        if (all)
            prove_list(&lists[i], lists[i].many, seed);
    }
    prove_list(&lists[0], 10000, seed);
    return tap_done();
}
