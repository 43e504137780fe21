/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/hostile_search.h - looks for shapes whose compiles cost most.
 *
 * Shapes are made from a table of primitives, changed piece by piece and crossed with others; those that
 * climb are kept, by two measures in turns: cost of a byte of text, and how much more a byte costs in
 * SEARCH_TIMES the text. The same seed tries the same shapes.
 */
#ifndef WEIR_BENCH_HOSTILE_SEARCH_H
#define WEIR_BENCH_HOSTILE_SEARCH_H
#include <inttypes.h>
#include <time.h>
#include "bench/hostile_shape.h"

#define SEARCH_POOL    48
#define SEARCH_TEXT    5000u   /* bytes of the smaller text */
#define SEARCH_TIMES   4u      /* repetitions of the larger for each of the smaller's */
#define SEARCH_NOTABLE 200000u /* blocks: what costs less in the larger text is no finding */

/* One compile: the blocks it executed, or 0 when it is no filter. */
static uint64_t compile_cost(const struct shape *s, uint32_t n, size_t *bytes);

/* ---------------------------------------------------------------- shapes at random */

static struct rng rng;

static const char *const primitives[] = {
    "host {a}",
    "src host {a}",
    "dst host {a}",
    "net {n}",
    "src net {n}",
    "ip6 host {6}",
    "src net {7}",
    "ether host {m}",
    "ether src {m}",
    "port {p}",
    "tcp port {p}",
    "src port {p}",
    "portrange {p}-65535",
    "tcp dst portrange {r}",
    "ip",
    "ip6",
    "arp",
    "tcp",
    "udp",
    "icmp",
    "sctp",
    "ip proto {y}",
    "ip6 proto {y}",
    "ether proto {h}",
    "vlan {v}",
    "mpls {v}",
    "vlan",
    "mpls",
    "pppoes {v}",
    "geneve {v}",
    "vxlan {v}",
    "ip[{i}] = {y}",
    "ip[{i}:2] & {h} = {h}",
    "tcp[{k}] > {y}",
    "tcp[{k}:4] = {x}",
    "ip6[{i}:4] != {x}",
    "ether[{k}:2] > {h}",
    "len > {h}",
    "less {h}",
    "greater {i}",
    "ip[ip[{k}]] = {y}",
    "ip[{k}] + {y} > ip[{j}]",
    "tcp[(tcp[12] & 0xf0) >> 2 + {j}] = {y}",
    "ip[{j}] / ip[{k}] > {y}",
    "len - ip[{k}] = {i}",
    "ip broadcast",
    "ip multicast",
    "ip6 protochain {y}",
    "ip protochain 6",
    "ip[{k}] & {y} = 0",
    "ip[{k}] < ip[{j}]",
    "icmp[icmptype] = {y}",
    "tcp[tcpflags] & {y} != 0",
    "llc",
    "stp",
    "clnp",
    "iso proto {y}",
    "host {b}",
    "src host {b}",
    "port {q}",
    "src port {q} and dst port {p}",
    "src host {a} and dst host {a}",
    "host {a} and port {p}",
    "type mgt",
    "type {j}",
    "subtype beacon",
    "dir fromds",
    "wlan host {m}",
    "link[{j}] = {y}",
    "inbound",
    "ifindex {i}",
    "{a}",
    "(port {p} or {p} or {p})",
    "not host {a}",
    "ip[{j}] = {j}",
    "ether[{j}] = {y}",
    "ip[0] = {x}",
};
static const char *const sums[] = {
    "ip[{k}]",
    "ip[{i}]",
    "tcp[{k}]",
    "ip6[{j}:4]",
    "len",
    "{x}",
    "{y}",
    "{i}",
    "ip[ip[{k}]]",
    "ether[{i}:2]",
    "(ip[{k}] & {y})",
    "-ip[{k}]",
    "(ip[{i}] * {i})",
    "(len / 3)",
    "(ip[{k}] >> 2)",
    "(ip[{j}] ^ ip[{k}])",
};
static const char *const joins[] = {" or ", " and ", " or not ", " and not ", " or "};
static const char *const operators[] = {" + ", " - ", " * ", " & ",  " | ",
                                        " ^ ", " / ", " % ", " << ", " >> "};
static const char *const relations[] = {" = ", " != ", " > ", " < ", " >= ", " <= "};

#define PICK(table) table[rng_below(&rng, sizeof table / sizeof table[0])]

static void add(char *to, const char *what)
{
    size_t used = strlen(to);
    snprintf(to + used, PIECE - used, "%s", what);
}

static void expression(char *to, unsigned depth)
{
    if (depth == 0 || rng_below(&rng, 3) == 0) {
        add(to, PICK(primitives));
        return;
    }
    bool negated = rng_below(&rng, 5) == 0;
    add(to, negated ? "not (" : "(");
    expression(to, depth - 1);
    add(to, PICK(joins));
    expression(to, depth - 1);
    add(to, ")");
}

static void random_sums(struct shape *s)
{
    *s = (struct shape){.linktype = 1};
    add(s->core, PICK(sums));
    switch (rng_below(&rng, 3)) {
    case 0:
        add(s->term, PICK(operators));
        add(s->term, PICK(sums));
        break;
    case 1:
        add(s->open, PICK(sums));
        add(s->open, PICK(operators));
        add(s->open, "(");
        add(s->close, ")");
        break;
    default:
        add(s->open, rng_below(&rng, 2) ? "ip[" : "(");
        add(s->close, PICK(operators));
        add(s->close, PICK(sums));
        add(s->close, s->open[0] == '(' ? ")" : "]");
    }
    add(s->tail, PICK(relations));
    add(s->tail, PICK(sums));
}

static void random_nesting(struct shape *s)
{
    *s->open = *s->close = '\0';
    switch (rng_below(&rng, 6)) {
    case 0:
        add(s->open, "(");
        add(s->close, PICK(joins));
        expression(s->close, 1);
        add(s->close, ")");
        break;
    case 1:
        expression(s->open, 1);
        add(s->open, PICK(joins));
        add(s->open, "(");
        add(s->close, ")");
        break;
    case 2:
        expression(s->open, 1);
        add(s->open, PICK(joins));
        add(s->open, "(");
        add(s->close, PICK(joins));
        expression(s->close, 1);
        add(s->close, ")");
        break;
    case 3:
        add(s->open, "not ");
        break;
    default: /* flat */
        break;
    }
}

static void random_term(struct shape *s)
{
    *s->term = '\0';
    add(s->term, PICK(joins));
    expression(s->term, rng_below(&rng, 3));
    if (rng_below(&rng, 4) == 0) {
        add(s->term, PICK(joins));
        expression(s->term, rng_below(&rng, 2));
    }
}

static void random_tail(struct shape *s)
{
    *s->tail = '\0';
    if (rng_below(&rng, 3) == 0) {
        add(s->tail, PICK(joins));
        expression(s->tail, 2);
    }
}

static void random_options(struct shape *s)
{
    static const uint32_t linktypes[] = {1, 1, 1, 12, 113, 127, 0, 276};

    s->linktype = PICK(linktypes);
    s->target = rng_below(&rng, 4) ? WEIR_TARGET_CBPF : WEIR_TARGET_XDP;
    s->tune = rng_below(&rng, 2) ? WEIR_TUNE_SPEED : rng_below(&rng, 3);
    s->plain = rng_below(&rng, 8) == 0;
    s->lint = rng_below(&rng, 4) == 0;
}

static void random_shape(struct shape *s)
{
    if (rng_below(&rng, 6) == 0) {
        random_sums(s);
        return;
    }
    *s = (struct shape){.linktype = 1};
    random_options(s);
    expression(s->core, 1);
    random_nesting(s);
    random_term(s);
    random_tail(s);
}

/* Changes a piece of @s; @other is a shape that has climbed, too. */
static void mutate(struct shape *s, const struct shape *other)
{
    static const char places[] = "abpqnm6vijkxyh7r";
    char *const piece[] = {s->open, s->core, s->term, s->close, s->tail};
    const char *const piece_of_other[] = {other->open, other->core, other->term, other->close, other->tail};
    unsigned which = rng_below(&rng, 5);
    char *at;

    switch (rng_below(&rng, 9)) {
    case 0:
        *s->core = '\0';
        expression(s->core, 1);
        break;
    case 1:
        random_nesting(s);
        break;
    case 2:
        random_term(s);
        break;
    case 3:
        random_tail(s);
        break;
    case 4:
        random_options(s);
        break;
    case 5: /* another number in one place */
    case 6:
        at = strchr(piece[which], '{');
        if (at && at[1] && rng_below(&rng, 2) && strchr(at + 1, '{'))
            at = strchr(at + 1, '{');
        if (at && at[1])
            at[1] = places[rng_below(&rng, sizeof places - 1)];
        break;
    case 7: /* crossed: open and close belong together */
        if (which == 0 || which == 3) {
            strcpy(s->open, other->open);
            strcpy(s->close, other->close);
        } else {
            strcpy(piece[which], piece_of_other[which]);
        }
        break;
    case 8: /* a term more in a round */
        add(s->term, PICK(joins));
        expression(s->term, 1);
        break;
    }
}

/* ---------------------------------------------------------------- climbing */

struct climber {
    struct shape shape;
    size_t bytes[2];
    double score[2]; /* cost of a byte; its growth */
};

static void search_measure(struct climber *c)
{
    uint32_t n = shape_repetitions(&c->shape, SEARCH_TEXT);
    uint64_t cost[2];

    c->score[0] = c->score[1] = 0;
    cost[0] = n ? compile_cost(&c->shape, n, &c->bytes[0]) : 0;
    cost[1] = cost[0] ? compile_cost(&c->shape, SEARCH_TIMES * n, &c->bytes[1]) : 0;
    if (cost[1] < SEARCH_NOTABLE)
        return;
    c->score[0] = (double)cost[1] / (double)c->bytes[1];
    c->score[1] = c->score[0] / ((double)cost[0] / (double)c->bytes[0]);
}

static int search(double seconds, uint64_t seed)
{
    static struct climber pool[2][SEARCH_POOL];
    double best[2] = {0, 0};
    uint64_t tried = 0, filters = 0;
    time_t end = time(NULL) + (time_t)seconds;

    rng.state = seed;
    while (time(NULL) < end) {
        unsigned m = tried++ & 1;
        struct climber c, *old = &pool[m][rng_below(&rng, SEARCH_POOL)];

        if (old->score[m] <= 0 || rng_below(&rng, 20) == 0) {
            random_shape(&c.shape);
        } else {
            c.shape = old->shape;
            for (unsigned steps = 1 + rng_below(&rng, 3); steps; steps--)
                mutate(&c.shape, &pool[rng_below(&rng, 2)][rng_below(&rng, SEARCH_POOL)].shape);
        }
        search_measure(&c);
        filters += c.score[0] > 0;
        if (c.score[m] <= old->score[m]) /* it may be better than one elsewhere */
            old = &pool[m][rng_below(&rng, SEARCH_POOL)];
        if (c.score[m] > old->score[m])
            *old = c;
        if (c.score[m] > 1.02 * best[m]) {
            best[m] = c.score[m];
            printf("# %zu and %zu bytes: %.0f blocks a byte, growth %.2f\n", c.bytes[0], c.bytes[1],
                   c.score[0], c.score[1]);
            shape_print(&c.shape, stdout);
            fflush(stdout);
        }
    }
    printf("# %" PRIu64 " shapes tried, %" PRIu64 " measured; most: %.0f blocks a byte, growth %.2f\n", tried,
           filters, best[0], best[1]);
    return 0;
}
#endif
