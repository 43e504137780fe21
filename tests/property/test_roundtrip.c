/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/property/test_roundtrip.c - parse(print(x)) == x, for filters drawn from the whole grammar.
 *
 * Equal means the same nodes in the same order with the same contents; places, and whether an id's
 * qualifiers were written for it or for an earlier one, do not count.
 */
#include "grammar/parse.h"
#include "tests/harness/rng.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- filters at random */

struct generator {
    struct rng rng;
    char text[4096];
    size_t len;
    int budget; /* stops recursion; filters here are small */
};

static uint32_t pick(struct generator *g, uint32_t n)
{
    return rng_below(&g->rng, n);
}

static void put(struct generator *g, const char *word)
{
    int n = snprintf(g->text + g->len, sizeof g->text - g->len, "%s", word);

    g->len += (size_t)n < sizeof g->text - g->len ? (size_t)n : 0;
}

/* One of the words of @list, which are separated by backquotes. */
static void put_one(struct generator *g, const char *list)
{
    uint32_t n = 1;
    char word[64];

    for (const char *p = list; *p; p++)
        n += *p == '`';
    uint32_t k = pick(g, n);
    while (k--)
        list = strchr(list, '`') + 1;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(list, "`"), list);
    put(g, word);
}

static void number(struct generator *g)
{
    char text[32];

    switch (pick(g, 6)) {
    case 0:
        put_one(g, "tcp-syn`icmptype`icmp6-echo`tcpflags`0`00`0xff`0XFFFFFFFF`017");
        return;
    case 1:
        snprintf(text, sizeof text, "0x%x", (unsigned)rng_next(&g->rng));
        break;
    case 2:
        snprintf(text, sizeof text, "0%o", pick(g, 01000000));
        break;
    default:
        snprintf(text, sizeof text, "%u", pick(g, 3) ? pick(g, 300) : (unsigned)rng_next(&g->rng));
    }
    put(g, text);
}

static void pnum(struct generator *g)
{
    if (pick(g, 5))
        number(g);
    else
        put(g, "("), pnum(g), put(g, ")");
}

static void name(struct generator *g)
{
    put_one(g,
            "localhost`www.example.com`a`beef`x-y`80-90`1-2`a-b-c-d-e`1.2.3.4.5`x.`0x`7up`a_b`deadbeefcafes`"
            "\\tcp`\\80`\\1.2.3.4`\\::1`\\a-b-c-d-e-f`\\deadbeefcafe`\\dead.beef.cafe`\\x[0]`\\a&&b`\\$1`\\_"
            "x`\\x-`"
            "\\es-is`\\\\`\\\xc3\xa9`\\0x1`\\tcp-syn`\\x,y`\\a.b.c.d.e.f");
}

static void address(struct generator *g)
{
    switch (pick(g, 4)) {
    case 0:
        put_one(
            g,
            "1.2.3.4`10.0`172.16.1`0x1.2`01.02.03.04`1.2.3.4/8`10.0/0x10`10.0.0.0 mask 255.0`1.2 mask 3.4.5");
        break;
    case 1:
        put_one(g, "::`::1`1::`1:2:3:4:5:6:7:8`1:0:0:4::8`fe80::1/"
                   "64`::1.2.3.4`1:2:3:4:5:6:7::`::2:3:4:5:6:7:8`0:0:1:0:0:0:1:0");
        break;
    case 2:
        put_one(g, "1:2:3:4:5:6`a-b-c-d-e-f`AA.bb.0.1.2.3`dead.beef.cafe`0123456789ab");
        break;
    default:
        put_one(g, "$1`$ff`$a`@a`@Bad_2`@abcdefghijklmno");
    }
}

static void nid(struct generator *g);
static void list(struct generator *g);

static void id(struct generator *g)
{
    uint32_t k = pick(g, 8);

    if (k == 0 && g->budget-- > 0)
        put(g, "("), list(g), put(g, ")");
    else if (k < 4)
        pnum(g);
    else
        nid(g);
}

static void nid(struct generator *g)
{
    switch (pick(g, 6)) {
    case 0:
        put_one(g, "not `! `!");
        id(g);
        break;
    case 1:
    case 2:
        name(g);
        break;
    default:
        address(g);
    }
}

static void join(struct generator *g)
{
    put_one(g, " and ` or ` && ` || ");
}

/* An id list, without its parentheses: the first id is not a parenthesised list. */
static void list(struct generator *g)
{
    if (pick(g, 2))
        nid(g);
    else
        pnum(g), join(g), id(g);
    while (pick(g, 2) && g->budget-- > 0)
        join(g), id(g);
}

static void protocol(struct generator *g)
{
    put_one(
        g,
        "link`ether`ppp`slip`fddi`tr`wlan`ip`ip6`arp`rarp`tcp`udp`sctp`icmp`icmp6`igmp`igrp`pim`vrrp`carp`ah`"
        "esp`atalk`aarp`decnet`lat`sca`moprc`mopdl`iso`clnp`esis`es-is`isis`is-is`stp`ipx`netbeui`radio`l1`"
        "l2`"
        "iih`lsp`snp`csnp`psnp");
}

static void arith(struct generator *g)
{
    if (g->budget-- <= 0) {
        number(g);
        return;
    }
    switch (pick(g, 9)) {
    case 0:
        put_one(g, "len`length");
        break;
    case 1:
        protocol(g), put(g, "["), arith(g);
        if (pick(g, 2))
            put_one(g, ":1`:2`:4`:3`:0`:7`:300`:tcp-syn");
        put(g, "]");
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        arith(g);
        put_one(g, " + ` - ` * ` / ` % ` & ` | ` ^ ` << ` >> `%`^`+");
        arith(g);
        break;
    case 6:
        put_one(g, "-`- ");
        arith(g);
        break;
    case 7:
        put(g, "("), arith(g), put(g, ")");
        break;
    default:
        pnum(g);
    }
}

static void value(struct generator *g)
{
    if (pick(g, 2))
        number(g);
    else
        name(g);
}

static void head(struct generator *g)
{
    if (pick(g, 2))
        protocol(g), put(g, " ");
    switch (pick(g, 3)) {
    case 0:
        put_one(g, "src `dst `src or dst `dst or src `src and dst `dst && src `addr1 `address2 `addr3 `addr4 "
                   "`ra `ta ");
        if (pick(g, 2))
            put_one(g, "host `net `port `portrange ");
        break;
    case 1:
        put_one(g, "host `net `port `portrange ");
        break;
    default:
        put_one(g, "proto `protochain `gateway ");
    }
}

static void field(struct generator *g)
{
    put_one(g, "vpi `vci `sio `opc `dpc `sls `hsio `hopc `hdpc `hsls ");
    switch (pick(g, 3)) {
    case 0:
        break;
    case 1:
        put_one(g, "= `== `!= `< `> `<= `>= ");
        break;
    default:
        put(g, "("), number(g);
        while (pick(g, 2))
            put_one(g, " or ` || "), number(g);
        put(g, ")");
        return;
    }
    number(g);
}

static void filter(struct generator *g, bool known);

/* A primitive; true when an id behind it inherits something. */
static bool primitive(struct generator *g, bool known)
{
    switch (pick(g, 12)) {
    case 0:
        if (g->budget-- > 0) {
            put(g, "("), filter(g, known), put(g, ")");
            return known;
        }
        protocol(g);
        return false;
    case 1:
        protocol(g);
        return false;
    case 2:
    case 3:
        arith(g);
        put_one(g, " = ` == ` != ` < ` > ` <= ` >= ");
        arith(g);
        return false;
    case 4:
        if (pick(g, 2))
            protocol(g), put(g, " ");
        put_one(g, "broadcast`multicast");
        return false;
    case 5:
        put_one(g, "less `greater `ifindex `rnr `srnr `rulenum `subrulenum ");
        number(g);
        return false;
    case 6:
        if (pick(g, 2)) {
            put(g, "byte "), number(g);
            put_one(g, " = ` == ` < ` > ` & ` | ");
            number(g);
        } else {
            put_one(g, "vlan`mpls`pppoes`geneve`vxlan");
            if (pick(g, 2))
                put(g, " "), pnum(g);
        }
        return false;
    case 7:
        put_one(g, "inbound`outbound`pppoed`llc`llc rnr`llc rulenum`llc ui`llc "
                   "\\rnr`lane`metac`bcc`oam`oamf4`oamf4ec`"
                   "oamf4sc`sc`ilmic`connectmsg`metaconnect`fisu`lssu`lsu`msu`hfisu`hlssu`hmsu");
        return false;
    case 8:
        if (pick(g, 2))
            protocol(g), put(g, " ");
        if (pick(g, 2)) {
            put(g, "type "), value(g);
            if (pick(g, 2))
                put(g, " subtype "), value(g);
        } else if (pick(g, 2)) {
            put(g, "subtype "), name(g);
        } else {
            put_one(g, "dir `direction "), value(g);
        }
        return false;
    case 9:
        if (pick(g, 2)) {
            put_one(g, "ifname `on `rset `ruleset `action ");
            name(g);
        } else {
            put(g, "reason "), value(g);
        }
        return false;
    case 10:
        field(g);
        return false;
    default:
        head(g), id(g);
        return true;
    }
}

/* A filter; ids inherit only where there is something to inherit, for a filter without that is refused later.
 */
static void filter(struct generator *g, bool known)
{
    bool first = true;

    do {
        if (!first)
            join(g);
        if (!first && known && pick(g, 3) == 0) {
            id(g);
        } else {
            while (pick(g, 6) == 0)
                put_one(g, "not `!");
            known = primitive(g, known);
        }
        first = false;
    } while (pick(g, 3) && g->budget-- > 0);
}

/* ---------------------------------------------------------------- equality */

struct tree {
    struct arena arena;
    struct diag_sink sink;
    struct ast ast;
    int status;
};

static void parse(struct tree *x, const char *text, size_t len)
{
    memset(x, 0, sizeof *x);
    arena_init(&x->arena, &allocator_system, 1u << 28);
    x->sink.arena = &x->arena;
    x->sink.limit = 4;
    x->status = parse_filter(&x->arena, &x->sink, text, (uint32_t)len, 10000, &x->ast);
}

static bool same_text(const struct ast *x, uint32_t a, uint32_t a_len, const struct ast *y, uint32_t b,
                      uint32_t b_len)
{
    return a_len == b_len && memcmp(x->text + a, y->text + b, a_len) == 0;
}

static bool same_arg(const struct ast *x, const struct ast_arg *a, const struct ast *y,
                     const struct ast_arg *b)
{
    return a->kind == b->kind && a->number == b->number &&
           same_text(x, a->text, a->text_len, y, b->text, b->text_len);
}

static bool same_id(const struct ast *x, const struct ast_id_node *a, const struct ast *y,
                    const struct ast_id_node *b)
{
    static const size_t bytes[] = {
        [ID_IPV6] = 16, [ID_IPV6_LEN] = 16, [ID_MAC48] = 6, [ID_MAC8] = 1, [ID_NAME] = 0, [ID_SET] = 0};
    const struct ast_id *i = &a->id, *j = &b->id;

    if (a->q.known != b->q.known || a->q.proto != b->q.proto || a->q.dir != b->q.dir ||
        a->q.type != b->q.type || i->kind != j->kind || i->number != j->number)
        return false;
    if (bytes[i->kind])
        return memcmp(i->bytes, j->bytes, bytes[i->kind]) == 0;
    return same_text(x, i->text, i->text_len, y, j->text, j->text_len) &&
           same_text(x, i->text2, i->text2_len, y, j->text2, j->text2_len);
}

static bool same_node(const struct ast *x, const struct ast_node *a, const struct ast *y,
                      const struct ast_node *b)
{
    if (a->kind != b->kind || a->op != b->op || a->size != b->size || a->first != b->first ||
        a->left != b->left || a->right != b->right)
        return false;
    switch (a->kind) {
    case AST_ID:
        return same_id(x, a->u.id, y, b->u.id);
    case AST_NUMBER:
        return a->u.number == b->u.number;
    case AST_ATM_FIELD:
    case AST_SS7_FIELD:
        if (a->u.field->relop != b->u.field->relop || a->u.field->count != b->u.field->count)
            return false;
        for (uint32_t i = 0; i < a->u.field->count; i++)
            if (!same_arg(x, &a->u.field->value[i], y, &b->u.field->value[i]))
                return false;
        return true;
    default:
        for (unsigned i = 0; i < ast_args(a->kind); i++)
            if (!same_arg(x, &a->u.arg[i], y, &b->u.arg[i]))
                return false;
        return true;
    }
}

static bool same(const struct ast *x, const struct ast *y)
{
    if (x->node.n != y->node.n)
        return false;
    for (uint32_t i = 0; i < x->node.n; i++)
        if (!same_node(x, &x->node.at[i], y, &y->node.at[i]))
            return false;
    return true;
}

/* Post-order: children before parents, every subtree contiguous, every place inside the filter. */
static bool well_formed(const struct ast *t)
{
    for (uint32_t i = 0; i < t->node.n; i++) {
        const struct ast_node *n = &t->node.at[i];
        uint32_t last = n->right != AST_NONE ? n->right : n->left;
        if (n->at.begin > n->at.end || n->at.end > t->text_len || n->op_at.end > t->text_len)
            return false;
        if (last == AST_NONE ? n->first != i : last + 1 != i || n->first != t->node.at[n->left].first)
            return false;
        if (n->right != AST_NONE && t->node.at[n->right].first != n->left + 1)
            return false;
    }
    return t->node.n == 0 || t->node.at[t->node.n - 1].first == 0;
}

/* NULL, or what is wrong. @printed gets the canonical text. */
static const char *check(const char *text, size_t len, bool *parsed, struct strbuf *printed)
{
    struct tree x, y;
    const char *wrong = NULL;

    parse(&x, text, len);
    *parsed = x.status == 0;
    if (*parsed) {
        struct strbuf again;
        strbuf_init(&again, &allocator_system);
        ast_print(&x.ast, printed);
        parse(&y, printed->text ? printed->text : "", printed->len);
        if (!well_formed(&x.ast))
            wrong = "not in post-order";
        else if (y.status != 0)
            wrong = "what was printed does not parse";
        else if (!same(&x.ast, &y.ast))
            wrong = "what was printed is another tree";
        else {
            ast_print(&y.ast, &again);
            if (again.len != printed->len || (again.len && memcmp(again.text, printed->text, again.len) != 0))
                wrong = "printing twice differs";
        }
        strbuf_release(&again);
        arena_release(&y.arena);
    }
    arena_release(&x.arena);
    return wrong;
}

static bool check_text(const char *text, size_t len, bool must_parse)
{
    struct strbuf printed;
    bool parsed;

    strbuf_init(&printed, &allocator_system);
    const char *wrong = check(text, len, &parsed, &printed);
    if (!parsed && must_parse)
        wrong = "does not parse";
    if (wrong)
        tap_diag("%s\ntext    %s\nprinted %s", wrong, text, printed.text ? printed.text : "");
    strbuf_release(&printed);
    return !wrong;
}

int main(void)
{
    struct generator g = {.rng = {rng_seed()}};
    unsigned rounds = getenv("WEIR_LONG") ? 2000000 : 50000;
    unsigned bad = 0;

    for (unsigned i = 0; i < rounds && bad < 5; i++) {
        g.len = 0;
        g.text[0] = '\0';
        g.budget = (int)pick(&g, 14);
        filter(&g, false);
        bad += !check_text(g.text, g.len, true);
    }
    tap_ok(bad == 0, "filters of the whole grammar parse, print and parse to the same tree");

    /* Damaged filters need not parse, but what parses has to come back. Ids without qualifiers do not count.
     */
    bad = 0;
    for (unsigned i = 0; i < rounds && bad < 5; i++) {
        g.len = 0;
        g.budget = (int)pick(&g, 10);
        filter(&g, true);
        for (uint32_t k = pick(&g, 3) + 1; k && g.len; k--) {
            static const char other[] = "()[]:=!<>&|-+*/%^ 0aA1.\\$,";
            char c = pick(&g, 8) ? other[pick(&g, sizeof other - 1)] : (char)pick(&g, 256);
            g.text[pick(&g, (uint32_t)g.len)] = c;
        }
        struct tree x;
        parse(&x, g.text, g.len);
        bool unknown = false;
        for (uint32_t k = 0; k < x.ast.node.n; k++)
            unknown |= x.ast.node.at[k].kind == AST_ID && !x.ast.node.at[k].u.id->q.known;
        bool fine = x.status == 0 ? x.sink.errors == 0 : x.sink.errors > 0;
        for (uint32_t k = 0; k < x.sink.list.n; k++)
            fine &=
                x.sink.list.at[k].at.begin <= x.sink.list.at[k].at.end && x.sink.list.at[k].at.end <= g.len;
        arena_release(&x.arena);
        if (!fine)
            tap_diag("status and diagnostics disagree\ntext    %s", g.text);
        bad += !fine || (!unknown && !check_text(g.text, g.len, false));
    }
    tap_ok(bad == 0, "damaged filters are refused with a place, or come back");

    char *path = shared_path("cases/accept.jsonl");
    struct json_lines lines;
    bool all = path && json_lines_load(path, &lines);
    if (!path) {
        tap_skip(SHARED_ABSENT, "the shared filters come back");
    } else {
        for (size_t i = 0; all && i < lines.n; i++) {
            json_t *spellings = json_object_get(lines.at[i], "spellings"), *s;
            size_t k;
            json_array_foreach(spellings, k, s)
            {
                const char *text = json_string_value(s);
                all &= check_text(text, strlen(text), true);
            }
        }
        json_lines_free(&lines);
        tap_ok(all, "the shared filters come back");
    }
    free(path);
    return tap_done();
}
