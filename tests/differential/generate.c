/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/generate.c - random filters for a link type, drawn from grammar.tsv.
 *
 * The state that filters carry from one primitive to the next, the link type inside of a tunnel and the
 * labels of MPLS, is followed so that most of what is drawn is valid. Now and then it is not looked at, so
 * that what is refused is compared too.
 */
#include "tests/differential/generate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/differential/table.h"
#include "tests/harness/shared.h"

enum { GRAMMAR_COLUMNS = 5, TEXT_BYTES = 512, DEPTH_MAX = 12, TUNNELS_MAX = 2 };

bool grammar_load(const char *path, struct grammar *out)
{
    struct grammar g = {.text = read_file(path, NULL)};
    if (!g.text)
        return false;
    char *rest = g.text, *column[GRAMMAR_COLUMNS];
    int header = 1;
    unsigned n;
    while ((n = table_next(&rest, &header, column, GRAMMAR_COLUMNS))) {
        struct production *more = realloc(g.row, (g.n + 1) * sizeof *more);
        if (more)
            g.row = more;
        if (n != GRAMMAR_COLUMNS || !more) {
            fprintf(stderr, "%s: \"%s\" has not %d columns\n", path, column[0], GRAMMAR_COLUMNS);
            grammar_free(&g);
            return false;
        }
        g.row[g.n++] = (struct production){column[0], (uint32_t)strtoul(column[1], NULL, 10), column[2],
                                           column[3], column[4]};
    }
    *out = g;
    return true;
}

void grammar_free(struct grammar *g)
{
    free(g->row);
    free(g->text);
    *g = (struct grammar){0};
}

/* ---------------------------------------------------------------- what suits a link type */

struct place {
    const struct grammar *g;
    struct rng *rng;
    const struct weir_options *o;
    const struct linktype *lt; /* at this point of the text */
    unsigned tunnels;
    bool in_udp, mpls, anything; /* behind geneve or vxlan; behind mpls; needs are not looked at */
    char *out;                   /* TEXT_BYTES */
    size_t len;
};

static bool has(const struct place *p, const char *need, size_t len)
{
    static const struct {
        const char *name;
        uint16_t capability;
    } capabilities[] = {
        {"broadcast", LINK_BROADCAST}, {"multicast", LINK_MULTICAST}, {"llc", LINK_LLC}, {"wlan", LINK_WLAN},
        {"radio", LINK_RADIO},         {"pflog", LINK_PFLOG},         {"atm", LINK_ATM}, {"ss7", LINK_SS7},
    };
    const struct linktype *lt = p->lt;
#define IS(word) (strlen(word) == len && memcmp(need, word, len) == 0)
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++)
        if (IS(capabilities[i].name))
            return lt->capabilities & capabilities[i].capability;
    if (IS("protocols"))
        return linktype_has_protocols(lt);
    if (IS("ether-types"))
        return linktype_has_protocols(lt) && !p->mpls;
    if (IS("mac48"))
        return lt->address == ADDRESS_MAC48 || lt->address == ADDRESS_WLAN;
    if (IS("mac8"))
        return lt->address == ADDRESS_MAC8;
    if (IS("vlan"))
        return (lt->capabilities & LINK_VLAN) && !p->mpls;
    if (IS("mpls"))
        return (lt->capabilities & LINK_MPLS) || p->mpls;
    if (IS("tunnel"))
        return p->tunnels < TUNNELS_MAX;
    if (IS("chain"))
        return lt->prefix == PREFIX_NONE && lt->method != METHOD_WLAN && !p->in_udp;
    if (IS("direction"))
        return lt->direction.width || (p->o->live && !p->tunnels);
    if (IS("ifindex"))
        return (lt->capabilities & LINK_IFINDEX) || (p->o->live && !p->tunnels);
    if (IS("netmask"))
        return p->o->netmask != WEIR_NETMASK_UNKNOWN;
#undef IS
    return len == 1 && *need == '-';
}

static bool suits(const struct place *p, const char *needs)
{
    while (*needs && !p->anything) {
        size_t len = strcspn(needs, " ");
        if (!has(p, needs, len))
            return false;
        needs += len + (needs[len] == ' ');
    }
    return true;
}

/* ---------------------------------------------------------------- text */

static void put(struct place *p, const char *text, size_t len)
{
    if (len >= TEXT_BYTES - p->len)
        len = TEXT_BYTES - 1 - p->len;
    memcpy(p->out + p->len, text, len);
    p->len += len;
    p->out[p->len] = '\0';
}

/* A number of lo .. hi, its ends more often than the others. */
static void put_number(struct place *p, const char *range)
{
    char text[24], *end;
    uint64_t lo = strtoull(range, &end, 10), hi = strtoull(end + 2, NULL, 10), k;
    switch (rng_below(p->rng, 8)) {
    case 0:
        k = lo;
        break;
    case 1:
        k = hi;
        break;
    default:
        k = lo + rng_next(p->rng) % (hi - lo + 1);
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)k);
    put(p, text, strlen(text));
}

/* Behind the bracket that closes the one at @at. */
static const char *closing(const char *at)
{
    unsigned depth = 0;
    for (; *at; at++) {
        depth += *at == '{';
        if (*at == '}' && --depth == 0)
            return at + 1;
    }
    return at;
}

static void expand(struct place *p, const char *text, const char *end, unsigned depth);

/* One of the alternatives of "{a;b;c}". */
static void put_alternative(struct place *p, const char *text, const char *end, unsigned depth)
{
    const char *start[64];
    uint32_t n = 0;
    unsigned nested = 0;
    start[n++] = text + 1;
    for (const char *c = text + 1; c < end - 1; c++) {
        nested += *c == '{';
        nested -= *c == '}';
        if (*c == ';' && !nested && n < 63)
            start[n++] = c + 1;
    }
    start[n] = end;
    uint32_t k = rng_below(p->rng, n);
    expand(p, start[k], start[k + 1] - 1, depth);
}

static uint32_t draw(struct place *p, const char *name, size_t len, bool simplest)
{
    uint64_t total = 0;
    uint32_t chosen = UINT32_MAX;
    for (uint32_t i = 0; i < p->g->n; i++) {
        const struct production *row = &p->g->row[i];
        if (strlen(row->name) != len || memcmp(row->name, name, len) != 0 || !suits(p, row->needs))
            continue;
        total += row->weight;
        if (rng_next(p->rng) % total < row->weight)
            chosen = i;
        if (simplest)
            break;
    }
    return chosen;
}

static void expand(struct place *p, const char *text, const char *end, unsigned depth)
{
    while (text < end) {
        size_t plain = strcspn(text, "<{");
        if (plain > (size_t)(end - text))
            plain = (size_t)(end - text);
        put(p, text, plain);
        text += plain;
        if (text >= end)
            break;
        if (*text == '{') {
            const char *behind = closing(text);
            put_alternative(p, text, behind, depth);
            text = behind;
        } else if (text[1] >= '0' && text[1] <= '9') {
            put_number(p, text + 1);
            text = strchr(text, '>') + 1;
        } else if (text[1] >= 'a' && text[1] <= 'z') {
            size_t len = strcspn(text + 1, ">");
            uint32_t row = draw(p, text + 1, len, depth >= DEPTH_MAX);
            if (row != UINT32_MAX) {
                const char *inner = p->g->row[row].text;
                expand(p, inner, inner + strlen(inner), depth + 1);
            }
            text += len + 2;
        } else {
            put(p, text++, 1); /* the operator < */
        }
    }
}

static struct tree *primitive(struct place *p, uint32_t row, struct arena *arena)
{
    char text[TEXT_BYTES];
    const struct production *from = &p->g->row[row];
    struct tree *t = arena_new(arena, struct tree);
    p->out = text;
    p->len = 0;
    text[0] = '\0';
    /* Deep productions start near the limit sometimes, so that simple ones are frequent. */
    expand(p, from->text, from->text + strlen(from->text),
           rng_below(p->rng, 3) ? DEPTH_MAX - 3 : DEPTH_MAX - 5);
    if (t)
        t->text = arena_copy(arena, text, strlen(text));
    if (strncmp(text, "mpls", 4) == 0)
        p->mpls = true;
    if (strcmp(from->inside, "-") != 0) {
        p->lt = linktype_by_name(from->inside);
        p->tunnels++;
        p->in_udp = strncmp(text, "geneve", 6) == 0 || strncmp(text, "vxlan", 5) == 0;
        p->mpls = false;
    }
    return t && t->text ? t : NULL;
}

struct tree *generate_primitive(const struct grammar *g, uint32_t row, struct rng *r, struct arena *arena,
                                const struct linktype *lt, const struct weir_options *o)
{
    struct place p = {.g = g, .rng = r, .o = o, .lt = lt};
    if (strcmp(g->row[row].name, "primitive") != 0 || !suits(&p, g->row[row].needs))
        return NULL;
    return primitive(&p, row, arena);
}

static struct tree *generate(struct place *p, struct arena *arena, uint32_t primitives)
{
    struct tree *t = NULL;
    while (primitives) {
        uint32_t take = rng_below(p->rng, 4) ? 1 : 1 + rng_below(p->rng, primitives);
        struct tree *next;
        if (take > 1 && t) {
            next = generate(p, arena, take);
        } else {
            take = 1;
            p->anything = !rng_below(p->rng, 40);
            uint32_t row = draw(p, "primitive", strlen("primitive"), false);
            next = row == UINT32_MAX ? NULL : primitive(p, row, arena);
            p->anything = false;
        }
        if (!next)
            return NULL;
        primitives -= take;
        if (!rng_below(p->rng, 5)) {
            struct tree *negated = arena_new(arena, struct tree);
            if (!negated)
                return NULL;
            *negated = (struct tree){.kind = TREE_NOT, .left = next};
            next = negated;
        }
        next->parens = !rng_below(p->rng, 8);
        if (!t) {
            t = next;
            continue;
        }
        struct tree *both = arena_new(arena, struct tree);
        if (!both)
            return NULL;
        *both = (struct tree){.kind = rng_below(p->rng, 2) ? TREE_AND : TREE_OR, .left = t, .right = next};
        t = both;
    }
    return t;
}

struct tree *generate_filter(const struct grammar *g, struct rng *r, struct arena *arena,
                             const struct linktype *lt, const struct weir_options *o, uint32_t primitives)
{
    struct place p = {.g = g, .rng = r, .o = o, .lt = lt};
    return generate(&p, arena, primitives);
}

static void print(const struct tree *t, struct strbuf *out, bool operand)
{
    bool binary = t->kind == TREE_AND || t->kind == TREE_OR, parens = t->parens || (operand && binary);
    if (parens)
        strbuf_puts(out, "(");
    switch (t->kind) {
    case TREE_PRIMITIVE:
        strbuf_puts(out, t->text);
        break;
    case TREE_NOT:
        strbuf_puts(out, "not ");
        print(t->left, out, true);
        break;
    case TREE_AND:
    case TREE_OR:
        print(t->left, out, false); /* and, or: one level, to the left */
        strbuf_puts(out, t->kind == TREE_AND ? " and " : " or ");
        print(t->right, out, true);
    }
    if (parens)
        strbuf_puts(out, ")");
}

const char *tree_text(const struct tree *t, struct arena *arena)
{
    struct strbuf out;
    strbuf_init(&out, &allocator_system);
    print(t, &out, false);
    char *text = out.failed ? NULL : arena_copy(arena, out.text, out.len);
    strbuf_release(&out);
    return text;
}
