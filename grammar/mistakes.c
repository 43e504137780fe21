/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mistakes.c - what a wrong filter probably meant.
 *
 * A syntax error says what would have fitted, and what to write instead: one `guess_` function for each kind
 * of slip. Words from elsewhere are rows of mistakes.def. Nothing here changes what is accepted.
 */
#include "grammar/mistakes.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "filter.tab.h"
#include "grammar/guess.h"

#define LIST_OF_IDS                                                                                          \
    "the parenthesis began a list of ids: write the qualifiers of its first id too, as in '(host a and "     \
    "port 80)'"

static bool is_comparison(int token)
{
    return token == TK_EQ || token == TK_NE || token == TK_LT || token == TK_GT || token == TK_LE ||
           token == TK_GE;
}

/* A primitive may begin behind this token. */
static bool begins_test(int token)
{
    return token == TK_YYEOF || token == TK_AND || token == TK_OR || token == TK_NOT || token == TK_OPEN;
}

static bool is_id(int token)
{
    return token == TK_ID || token == TK_NUM || token == TK_DOTTED || token == TK_IPV6 || token == TK_MAC48 ||
           token == TK_MAC8 || token == TK_SET;
}

/* NUMBER-NUMBER, which is one identifier: the two numbers. */
static bool number_range(const struct parse_ctx *px, struct span at, struct span *low, struct span *high)
{
    uint32_t n = digits(px, at);

    *low = (struct span){at.begin, at.begin + n};
    *high = (struct span){at.begin + n + 1, at.end};
    return n > 0 && high->begin < high->end && px->text[low->end] == '-' &&
           digits(px, *high) == high->end - high->begin;
}

/* `len-4`: a hyphen glues. */
static bool guess_hyphen(struct guess *g)
{
    struct span at = g->found.at, left = at, right = at;
    const char *hyphen = memchr(text_at(g->px, at), '-', at.end - at.begin);

    if (g->found.token != TK_ID || !hyphen || !g->want[TK_LEN] || g->want[TK_ATYPE])
        return false;
    left.end = (uint32_t)(hyphen - g->px->text);
    right.begin = left.end + 1;
    const struct keyword *k = keyword_find(text_at(g->px, left), left.end - left.begin);
    bool number = digits(g->px, left) == left.end - left.begin;
    if (right.begin == right.end || !(number || (k && (k->token == TK_LEN || k->token == TK_NUM))))
        return false;
    return HINT(g, "put blanks around the '-': '%.*s - %.*s'", TEXT(g, left), TEXT(g, right));
}

static bool guess_word(struct guess *g)
{
    if (guess_hyphen(g))
        return true;
    if (says(g->px, g->found.at, "contains") || says(g->px, g->found.at, "matches"))
        return HINT(g, TEXT_IS_BYTES);
    if (guess_field_words(g))
        return true;
    if (g->found.token == TK_ID && (guess_mistake(g, g->found.at) || guess_keyword(g, g->found.at, false)))
        return true;
    return g->before.token == TK_ID && begins_test(g->earlier.token) &&
           (guess_mistake(g, g->before.at) || guess_keyword(g, g->before.at, true));
}

static bool is_transport(const struct parse_ctx *px, struct span at)
{
    return says(px, at, "tcp") || says(px, at, "udp") || says(px, at, "sctp");
}

/* `port == 80`, `vlan = 5`, `tcp port > 1023`. */
static bool guess_comparison(struct guess *g)
{
    static const int takes[] = {TK_ATYPE,   TK_PTYPE,   TK_SRC,     TK_DST, TK_STACK, TK_LENGTH_TEST,
                                TK_IFINDEX, TK_TYPE,    TK_SUBTYPE, TK_DIR, TK_RNR,   TK_SRNR,
                                TK_REASON,  TK_PF_NAME, TK_LLC,     TK_ADDR};
    uint32_t behind = g->found.at.end;
    int op = is_comparison(g->found.token) ? comparison_at(g->px, g->found.at.begin, &behind) : 0;
    struct span value = next_word(g->px, behind);
    struct span words = g->before.at;

    if (!op)
        return false;
    if (op == TK_GT && g->before.token == TK_LT)
        return HINT(g, "unequal is written '!='");
    if ((op == TK_GT || op == TK_LT) && g->before.token == TK_EQ)
        return HINT(g, "write '%s='", comparison_word(op));
    if (is_transport(g->px, words) && value.begin < value.end &&
        digits(g->px, value) == value.end - value.begin && (op == TK_EQ || op == TK_NE))
        return HINT(g, "write '%s%.*s port %.*s'", op == TK_NE ? "not " : "", TEXT(g, words), TEXT(g, value));
    if (g->before.token == TK_PROTO &&
        (digits(g->px, value) == value.end - value.begin || (op != TK_EQ && op != TK_NE)))
        return HINT(g, "compare bytes of it, as in 'ip[8] < 5'");
    if (g->before.token == TK_PROTO)
        return HINT(g, "write '%s%.*s host %.*s' for an address, or compare bytes: '%.*s[0] = ...'",
                    op == TK_NE ? "not " : "", TEXT(g, words), TEXT(g, value), TEXT(g, words));
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++)
        if (takes[i] == g->before.token && value.begin < value.end) {
            if (g->earlier.token == TK_PROTO || g->earlier.token == TK_SRC || g->earlier.token == TK_DST)
                words.begin = g->earlier.at.begin;
            if (op == TK_EQ || op == TK_NE)
                return HINT(g, "write '%s%s%.*s %.*s'", op == TK_NE ? "not " : "",
                            g->before.token == TK_ADDR && words.begin == g->before.at.begin ? "wlan " : "",
                            TEXT(g, words), TEXT(g, value));
            if (says(g->px, g->before.at, "port"))
                return HINT(g, "ports between two numbers are 'portrange LOW-HIGH'");
            return false;
        }
    if (g->before.token == TK_NUM && g->want[TK_CLOSE] && !g->want[TK_TIMES] &&
        (g->earlier.token == TK_AND || g->earlier.token == TK_OR))
        return HINT(g, LIST_OF_IDS);
    if (g->want[TK_AND] && g->want[TK_TIMES])
        return HINT(g, "a relation has one comparison; join two with 'and'");
    return false;
}

/* `10.0.0.1`, `tcp 80`, `ip localhost`. */
static bool guess_bare_id(struct guess *g)
{
    const struct seen *f = &g->found, *p = &g->before;
    bool behind_proto = p->token == TK_PROTO;
    struct span words = {p->at.begin, p->at.begin};

    if (!is_id(f->token) || !g->want[TK_ATYPE] || g->want[TK_DOTTED])
        return false;
    if (behind_proto)
        words = (struct span){p->at.begin, f->at.begin}; /* with the blank */
    struct span whole = f->at;
    if (whole.end < g->px->len && g->px->text[whole.end] == '/')
        whole.end = next_word(g->px, whole.end).end;
    bool ports = behind_proto && is_transport(g->px, p->at);
    struct span port = next_word(g->px, f->at.end + 1);
    if (f->token == TK_ID && f->at.end < g->px->len && g->px->text[f->at.end] == '[')
        return HINT(g, "bytes are read with 'link[...]', 'ip[...]', 'ip6[...]', 'tcp[...]' and a few more");
    uint32_t behind;
    if (f->token == TK_ID && !behind_proto && !memchr(text_at(g->px, f->at), '-', f->at.end - f->at.begin) &&
        comparison_at(g->px, f->at.end, &behind))
        return HINT(g, "fields of display filters are not known here: compare bytes, as in 'ip[8] < 5'");
    switch (f->token) {
    case TK_MAC48:
    case TK_MAC8:
        return HINT(g, "write 'ether host %.*s'", TEXT(g, f->at));
    case TK_DOTTED:
    case TK_IPV6:
        if (f->token == TK_DOTTED && next_char(g->px, f->at.end) == ':' && digits(g->px, port))
            return HINT(g, "write 'host %.*s and %.*sport %.*s'", TEXT(g, f->at), TEXT(g, words),
                        TEXT(g, port));
        if (ports)
            words.end = words.begin;
        return HINT(g, "write '%.*s%s %.*s'%s", TEXT(g, words), whole.end > f->at.end ? "net" : "host",
                    TEXT(g, whole), ports ? ", joined with 'and'" : "");
    case TK_NUM:
        if (says(g->px, p->at, "icmp") || says(g->px, p->at, "icmp6"))
            return HINT(g, "write '%.*s[%.*stype] = %.*s'", TEXT(g, p->at), TEXT(g, p->at), TEXT(g, f->at));
        return HINT(g, "write '%.*s%s %.*s'", TEXT(g, words), ports || !behind_proto ? "port" : "proto",
                    TEXT(g, f->at));
    default:
        return HINT(g, "write '%.*s%s %.*s'", TEXT(g, words), ports ? "port" : "host", TEXT(g, f->at));
    }
}

/* `portrange 80 - 90`, `net 10/8`, `net 10 mask 255.0.0.0`. */
static bool guess_number_pair(struct guess *g)
{
    struct span next = next_word(g->px, g->found.at.end);

    if (g->before.token != TK_NUM || g->earlier.token != TK_ATYPE)
        return false;
    if (g->found.token == TK_NUM && says(g->px, g->earlier.at, "portrange"))
        return HINT(g, "write 'portrange %.*s-%.*s'", TEXT(g, g->before.at), TEXT(g, g->found.at));
    if ((g->found.token == TK_MINUS || g->found.token == TK_COLON) && next.begin < next.end)
        return HINT(g, "write 'portrange %.*s-%.*s', without blanks", TEXT(g, g->before.at), TEXT(g, next));
    if (g->found.token == TK_SLASH && next.begin < next.end)
        return HINT(g, "write 'net %.*s.0.0.0/%.*s'", TEXT(g, g->before.at), TEXT(g, next));
    if (g->found.token == TK_MASK && next.begin < next.end)
        return HINT(g, "write 'net %.*s.0.0.0 mask %.*s'", TEXT(g, g->before.at), TEXT(g, next));
    return false;
}

/* `net 10.0.0.0 255.0.0.0`, `net 10.0.0.0/255.0.0.0`, `port range 80-90`. */
static bool guess_pair(struct guess *g)
{
    const struct seen *f = &g->found, *p = &g->before, *e = &g->earlier;

    if (f->token == TK_DOTTED && p->token == TK_SLASH && e->token == TK_DOTTED)
        return HINT(g, "write 'net %.*s mask %.*s'", TEXT(g, e->at), TEXT(g, f->at));
    if (f->token == TK_DOTTED && p->token == TK_DOTTED && e->token == TK_ATYPE && says(g->px, e->at, "net") &&
        strncmp(text_at(g->px, f->at), "255.", 4) == 0)
        return HINT(g, "write 'net %.*s mask %.*s'", TEXT(g, p->at), TEXT(g, f->at));
    if (e->token == TK_ATYPE && says(g->px, e->at, "port") && says(g->px, p->at, "range") && is_id(f->token))
        return HINT(g, "write 'portrange %.*s'", TEXT(g, f->at));
    return false;
}

/* `port tcp 80`, `host src 1.2.3.4`, `udp port dst 53`: words in another order. */
static bool guess_order(struct guess *g)
{
    const struct seen *f = &g->found, *p = &g->before;
    struct span value = next_word(g->px, f->at.end), front = {p->at.begin, p->at.begin};
    bool proto = f->token == TK_PROTO, dir = f->token == TK_SRC || f->token == TK_DST;

    if (proto && (p->token == TK_SRC || p->token == TK_DST) && value.begin < value.end) {
        bool port = is_transport(g->px, f->at) && digits(g->px, value) == value.end - value.begin;
        if (keyword_find(text_at(g->px, value), value.end - value.begin))
            value.end = next_word(g->px, value.end).end;
        return HINT(g, "write '%.*s %.*s %s%.*s'", TEXT(g, f->at), TEXT(g, p->at), port ? "port " : "",
                    TEXT(g, value));
    }
    if (p->token != TK_ATYPE || !(proto || dir) || value.begin == value.end ||
        keyword_find(text_at(g->px, value), value.end - value.begin))
        return false;
    if (dir && g->earlier.token == TK_PROTO)
        front = (struct span){g->earlier.at.begin, p->at.begin};
    else if (g->earlier.token == TK_PROTO)
        return false;
    return HINT(g, "write '%.*s%.*s %.*s %.*s'", TEXT(g, front), TEXT(g, f->at), TEXT(g, p->at),
                TEXT(g, value));
}

/* `host 1.2.3.4:80`, `port http/tcp`, `tcp/80`, `fe80::1%eth0`. */
static bool guess_glued(struct guess *g)
{
    const struct seen *f = &g->found, *p = &g->before;
    struct span next = next_word(g->px, f->at.end);
    struct span words = {g->earlier.at.begin, p->at.begin}; /* with the blank */
    bool transport = is_transport(g->px, next);

    if (next.begin == next.end)
        return false;
    if (f->token == TK_COLON && (p->token == TK_DOTTED || p->token == TK_ID) &&
        digits(g->px, next) == next.end - next.begin && g->want[TK_AND])
        return HINT(g, "write '%.*s%.*s and port %.*s'", TEXT(g, words), TEXT(g, p->at), TEXT(g, next));
    if (f->token == TK_SLASH && g->earlier.token == TK_ATYPE && says(g->px, g->earlier.at, "port") &&
        transport)
        return HINT(g, "write '%.*s port %.*s'", TEXT(g, next), TEXT(g, p->at));
    if (f->token == TK_SLASH && p->token == TK_PROTO)
        return HINT(g, "write '%.*s port %.*s'", TEXT(g, p->at), TEXT(g, next));
    if (f->token == TK_PERCENT && p->token == TK_IPV6)
        return HINT(g, "write the address without its zone: '%.*s'", TEXT(g, p->at));
    return false;
}

/* a.b.c with 3, 8 and 3 bits (ITU-T Q.704): a signalling point code. */
static bool point_code(const struct parse_ctx *px, struct span at, unsigned *code)
{
    unsigned a, b, c;
    char text[16];
    int end = 0;

    if (at.end - at.begin >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)(at.end - at.begin), text_at(px, at));
    if (sscanf(text, "%3u.%3u.%3u%n", &a, &b, &c, &end) != 3 || text[end] || a > 7 || b > 255 || c > 7)
        return false;
    *code = a << 11 | b << 3 | c;
    return true;
}

/* The fields of ATM and SS7, and the keywords that take one word or number. */
static bool guess_field(struct guess *g)
{
    const struct seen *f = &g->found, *p = &g->before;
    bool field = p->token == TK_ATM_FIELD || p->token == TK_SS7_FIELD;
    struct span low, high, next = next_word(g->px, f->at.end);
    unsigned code;

    if (field && f->token == TK_ID && number_range(g->px, f->at, &low, &high))
        return HINT(g, "write '%.*s >= %.*s and %.*s <= %.*s'", TEXT(g, p->at), TEXT(g, low), TEXT(g, p->at),
                    TEXT(g, high));
    if (p->token == TK_SS7_FIELD && f->token == TK_DOTTED && point_code(g->px, f->at, &code))
        return HINT(g, "point codes are one number: write '%.*s %u'", TEXT(g, p->at), code);
    if (field && f->token == TK_SLASH)
        return HINT(g, "write 'vpi NUMBER and vci NUMBER'");
    if (f->token == TK_AND && p->token == TK_NUM && g->want[TK_OR] && !g->want[TK_AND])
        return HINT(g, "a list of values is joined with 'or'");
    if (p->token == TK_STACK && f->token == TK_ID && says(g->px, p->at, "vlan") &&
        number_range(g->px, f->at, &low, &high))
        return HINT(g, "write 'vlan and link[14:2] & 0xfff >= %.*s and link[14:2] & 0xfff <= %.*s'",
                    TEXT(g, low), TEXT(g, high));
    if (p->token == TK_STACK && f->token == TK_ID && digits(g->px, next) &&
        digits(g->px, next) == next.end - next.begin)
        return HINT(g, "write '%.*s %.*s'", TEXT(g, p->at), TEXT(g, next));
    if (p->token == TK_STACK && f->token == TK_ID)
        return HINT(g, "'%.*s' takes a number, or nothing: '%.*s and ...'", TEXT(g, p->at), TEXT(g, p->at));
    if (g->earlier.token == TK_STACK && p->token == TK_NUM && f->token == TK_NUM)
        return HINT(g, "write '%.*s %.*s and %.*s %.*s' for one in the other", TEXT(g, g->earlier.at),
                    TEXT(g, p->at), TEXT(g, g->earlier.at), TEXT(g, f->at));
    if (p->token == TK_MASK && f->token == TK_NUM && g->earlier.token == TK_DOTTED)
        return HINT(g, "write 'net %.*s/%.*s'", TEXT(g, g->earlier.at), TEXT(g, f->at));
    if (p->token == TK_IFINDEX && f->token == TK_ID)
        return HINT(g, "interfaces are numbers here, as 'ip link' shows them: 'ifindex 2'");
    if (p->token == TK_LENGTH_TEST && f->token == TK_ID && digits(g->px, next))
        return HINT(g, "write '%.*s %.*s'", TEXT(g, p->at), TEXT(g, next));
    if (p->token == TK_LEN && f->token == TK_NUM)
        return HINT(g, "write 'len = %.*s', 'less %.*s' or 'greater %.*s'", TEXT(g, f->at), TEXT(g, f->at),
                    TEXT(g, f->at));
    if (p->token == TK_PF_NAME && f->token == TK_NUM && says(g->px, p->at, "action"))
        return HINT(g, "actions are names: 'action pass', 'action block'");
    if (p->token == TK_SUBTYPE && f->token == TK_NUM)
        return HINT(g, "write 'subtype NAME', or 'type TYPE subtype %.*s'", TEXT(g, f->at));
    if (p->token == TK_BYTE && f->token == TK_BRACKET)
        return HINT(g, "write 'byte OFFSET = VALUE', or 'link[OFFSET] = VALUE'");
    if (f->token == TK_NE && g->want[TK_EQ] && g->want[TK_BAR] && g->earlier.token == TK_BYTE &&
        next.begin < next.end)
        return HINT(g, "write 'not byte %.*s = %.*s'", TEXT(g, p->at), TEXT(g, next));
    return false;
}

/* `[2001:db8::1]:80`, as URLs have it. */
static bool guess_bracketed(struct guess *g)
{
    const char *text = g->px->text;
    struct span in = {g->found.at.end, g->found.at.end}, port;
    struct span words = g->before.at; /* in front, `host`, `src host`, `dst` */
    uint32_t colons = 0;
    bool bare = begins_test(g->before.token);

    if (g->before.token == TK_ATYPE && !begins_test(g->earlier.token))
        words.begin = g->earlier.at.begin;
    while (in.end < g->px->len &&
           (isxdigit((unsigned char)text[in.end]) || text[in.end] == ':' || text[in.end] == '.'))
        colons += text[in.end++] == ':';
    if (colons < 2 || in.end >= g->px->len || text[in.end] != ']' || !(bare || g->want[TK_IPV6]))
        return false;
    port = next_word(g->px, in.end + 2);
    if (in.end + 1 < g->px->len && text[in.end + 1] == ':' && digits(g->px, port))
        return HINT(g, "write '%.*s %.*s and port %.*s'", bare ? 4 : shown(words),
                    bare ? "host" : text_at(g->px, words), TEXT(g, in), TEXT(g, port));
    return HINT(g, "write '%.*s %.*s', without brackets", bare ? 4 : shown(words),
                bare ? "host" : text_at(g->px, words), TEXT(g, in));
}

/* `ip[16:4] = 10.0.0.1`. */
static bool guess_address_number(struct guess *g)
{
    unsigned a, b, c, d;
    char text[16];
    int end = 0;

    snprintf(text, sizeof text, "%.*s", TEXT(g, g->found.at));
    if (sscanf(text, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &end) != 4 || text[end] || a > 255 || b > 255 ||
        c > 255 || d > 255)
        return false;
    return HINT(g, "write four bytes as a number, 'ip[12:4] = 0x%02x%02x%02x%02x', or 'host %s'", a, b, c, d,
                text);
}

/* Brackets that are missing, misplaced or hold a word. */
static bool guess_bytes(struct guess *g)
{
    const struct seen *f = &g->found, *p = &g->before;

    if (p->token == TK_PROTO && f->token == TK_OPEN && digits(g->px, next_word(g->px, f->at.end)))
        return HINT(g, "bytes are read with brackets: '%.*s[%.*s]'", TEXT(g, p->at),
                    TEXT(g, next_word(g->px, f->at.end)));
    if (f->token == TK_BRACKET && guess_bracketed(g))
        return true;
    if (f->token == TK_DOTTED && (is_comparison(p->token) || p->token == TK_AMPERSAND) &&
        guess_address_number(g))
        return true;
    if (f->token == TK_BRACKET && begins_test(p->token))
        return HINT(g, "write 'link[...]', 'ip[...]' or another protocol in front of the bracket");
    if (p->token == TK_BRACKET && f->token == TK_TYPE && says(g->px, g->earlier.at, "icmp"))
        return HINT(g, "write 'icmp[icmptype]'");
    if (p->token == TK_BRACKET && f->token == TK_TYPE && says(g->px, g->earlier.at, "icmp6"))
        return HINT(g, "write 'icmp6[icmp6type]'");
    if (p->token == TK_PROTO && is_comparison(g->earlier.token) && g->want[TK_BRACKET] && !g->want[TK_AND])
        return HINT(g, "a protocol is no number: write 'ip proto \\%.*s', or '%.*s' alone", TEXT(g, p->at),
                    TEXT(g, p->at));
    return false;
}

/* `tcp-syn`, `icmp-echo` alone. */
static bool guess_constant(struct guess *g)
{
    struct span at = g->before.at, proto = at;

    while (proto.end > proto.begin && memchr(text_at(g->px, at), '-', proto.end - proto.begin))
        proto.end--;
    if (proto.end == at.end)
        return false;
    if (says(g->px, proto, "tcp"))
        return HINT(g, "write 'tcp[tcpflags] & %.*s != 0'", TEXT(g, at));
    return HINT(g, "write '%.*s[%.*stype] = %.*s'", TEXT(g, proto), TEXT(g, proto), TEXT(g, at));
}

/* `tcp port 80 -w FILE`, `-i eth0 tcp`: what belongs to the command. */
static bool guess_command_option(struct guess *g)
{
    const struct seen *minus = g->found.token == TK_MINUS ? &g->found : &g->before;
    uint32_t at = minus->at.begin;

    if (minus->token != TK_MINUS || minus->at.end >= g->px->len ||
        !isalpha((unsigned char)g->px->text[minus->at.end]) ||
        (at > 0 && !isspace((unsigned char)g->px->text[at - 1])))
        return false;
    return HINT(g, "options such as '-%c' stand in front of the filter", g->px->text[minus->at.end]);
}

/* Operators between the wrong things. */
static bool guess_operator(struct guess *g)
{
    int f = g->found.token, p = g->before.token;
    bool end = f == TK_YYEOF || f == TK_CLOSE;
    const bool *want = g->want;

    if ((f == TK_AMPERSAND || f == TK_BAR) && want[TK_AND])
        return f == TK_BAR ? HINT(g, "join tests with 'or' or '||'; '|' works on numbers")
                           : HINT(g, "join tests with 'and' or '&&'; '&' works on numbers");
    if ((f == TK_AND || f == TK_OR || end) && want[TK_TIMES]) {
        if (!end && (says(g->px, g->found.at, "&&") || says(g->px, g->found.at, "||")))
            return HINT(g, "'%.*s' joins tests; numbers are combined with '%c'", TEXT(g, g->found.at),
                        g->px->text[g->found.at.begin]);
        if (!end && p == TK_NUM && !isdigit((unsigned char)g->px->text[g->before.at.begin]))
            return HINT(g, "numbers are combined with '%c', as in 'tcp-syn|tcp-ack'",
                        f == TK_AND ? '&' : '|');
        if (p == TK_NUM && begins_test(g->earlier.token))
            return guess_constant(g) || HINT(g, "write 'port %.*s'", TEXT(g, g->before.at));
        return want[TK_NE] ? HINT(g, "compare it with a number, as in 'tcp[13] & 2 != 0'") : false;
    }
    if ((f == TK_AND || f == TK_OR) && (p == TK_AND || p == TK_OR))
        return HINT(g, "one 'and' or 'or' is enough");
    if ((f == TK_AND || f == TK_OR) && p == TK_NOT)
        return HINT(g, "write '%s not'", f == TK_AND ? "and" : "or");
    if (f == TK_CLOSE && p == TK_OPEN)
        return HINT(g, "put a test between the parentheses");
    if (f == TK_TIMES && p == TK_ID && want[TK_AND] && digits(g->px, g->before.at) &&
        g->px->text[g->before.at.end - 1] == '.')
        return HINT(g, "write 'net %.*s'", shown(g->before.at) - 1, text_at(g->px, g->before.at));
    if (f == TK_TIMES && want[TK_ATYPE])
        return HINT(g, "write 'len >= 0' for every packet");
    if (f == TK_NOT && want[TK_AND])
        return HINT(g, "write 'and not'");
    if (f == TK_PTYPE && (p == TK_SRC || p == TK_DST || p == TK_ADDR))
        return HINT(g, "'%.*s' takes no direction", TEXT(g, g->found.at));
    return false;
}

/* May an id behind this token be followed by `or` and another one? */
static bool takes_more_ids(int token)
{
    return token == TK_ATYPE || token == TK_PTYPE || token == TK_SRC || token == TK_DST || token == TK_ADDR ||
           token == TK_SLASH || token == TK_MASK || token == TK_AND || token == TK_OR || token == TK_NOT ||
           token == TK_OPEN;
}

static bool guess_rest(struct guess *g)
{
    struct span at = g->found.at;
    int f = g->found.token;
    bool keyword = keyword_find(text_at(g->px, at), at.end - at.begin) && f != TK_AND && f != TK_OR;

    if (g->before.token == TK_OPEN && g->earlier.token == TK_OPEN && is_id(f) && !g->want[TK_ID])
        return HINT(g, "a list of ids begins with one parenthesis");
    if (keyword && g->want[TK_DOTTED] && !g->want[TK_PROTO] &&
        (g->before.token == TK_AND || g->before.token == TK_OR))
        return HINT(g, LIST_OF_IDS);
    if (f == TK_PROTO && g->before.token == TK_PTYPE && g->want[TK_ID])
        return HINT(g, "write '\\%.*s' to use the keyword as a name, or '%.*s' alone", TEXT(g, at),
                    TEXT(g, at));
    if (keyword && g->want[TK_ID] && !g->want[TK_AND] && !g->want[TK_PROTO])
        return HINT(g, "write '\\%.*s' to use the keyword as a name", TEXT(g, at));
    if (f == TK_MAC48 && g->before.token == TK_ID &&
        (g->earlier.token == TK_SRC || g->earlier.token == TK_DST))
        return HINT(g, "write 'ether %.*s %.*s'", TEXT(g, g->earlier.at), TEXT(g, at));
    if (f == TK_IPV6 && g->before.at.end == at.begin)
        return HINT(g, "the parts of an IPv6 address have up to four hex digits");
    if (g->want[TK_AND] && is_id(f) && is_id(g->before.token) && takes_more_ids(g->earlier.token))
        return HINT(g, "write 'or %.*s', or 'and %.*s' if both must be true", TEXT(g, at), TEXT(g, at));
    if (g->want[TK_AND] && (keyword || is_id(f) || f == TK_OPEN))
        return HINT(g, "write 'and' or 'or' before it");
    return false;
}

const char *mistake_hint(struct guess *g)
{
    return guess_command_option(g) || guess_field(g) || guess_word(g) || guess_number_pair(g) ||
                   guess_pair(g) || guess_glued(g) || guess_order(g) || guess_bytes(g) ||
                   guess_comparison(g) || guess_bare_id(g) || guess_operator(g) || guess_rest(g)
               ? g->hint
               : NULL;
}
