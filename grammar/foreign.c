/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foreign.c - words from elsewhere: what the language calls them (mistakes.def), and keywords that are
 * misspelt.
 */
#include "grammar/guess.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "filter.tab.h"

const char *text_at(const struct parse_ctx *px, struct span at)
{
    return px->text + at.begin;
}

int shown(struct span at)
{
    return at.end - at.begin > 60 ? 60 : (int)(at.end - at.begin);
}

bool says(const struct parse_ctx *px, struct span at, const char *word)
{
    size_t n = strlen(word);
    return at.end - at.begin == n && memcmp(text_at(px, at), word, n) == 0;
}

struct span next_word(const struct parse_ctx *px, uint32_t from)
{
    struct span at;

    while (from < px->len && isspace((unsigned char)px->text[from]))
        from++;
    at.begin = at.end = from;
    while (at.end < px->len && !isspace((unsigned char)px->text[at.end]) &&
           !strchr("()&|,;", px->text[at.end]))
        at.end++;
    return at;
}

char next_char(const struct parse_ctx *px, uint32_t from)
{
    while (from < px->len && isspace((unsigned char)px->text[from]))
        from++;
    return from < px->len ? px->text[from] : '\0';
}

uint32_t digits(const struct parse_ctx *px, struct span at)
{
    uint32_t n = 0;

    while (at.begin + n < at.end && isdigit((unsigned char)px->text[at.begin + n]))
        n++;
    return n;
}

int comparison_at(const struct parse_ctx *px, uint32_t from, uint32_t *end)
{
    static const struct {
        const char *text;
        int token;
    } row[] = {{"=!", TK_NE},  {"==", TK_EQ},  {"!=", TK_NE},  {"<=", TK_LE},  {">=", TK_GE},
               {"=", TK_EQ},   {"<", TK_LT},   {">", TK_GT},   {"eq ", TK_EQ}, {"ne ", TK_NE},
               {"le ", TK_LE}, {"ge ", TK_GE}, {"lt ", TK_LT}, {"gt ", TK_GT}};

    while (from < px->len && isspace((unsigned char)px->text[from]))
        from++;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        size_t n = strlen(row[i].text);
        if (n <= px->len - from && memcmp(px->text + from, row[i].text, n) == 0) {
            *end = from + (uint32_t)n;
            return row[i].token;
        }
    }
    return 0;
}

const char *comparison_word(int token)
{
    return token == TK_EQ   ? "="
           : token == TK_NE ? "!="
           : token == TK_LT ? "<"
           : token == TK_GT ? ">"
           : token == TK_LE ? "<="
                            : ">=";
}

enum follow { MISTAKE_VALUE, MISTAKE_COMPARE, MISTAKE_FLAG, MISTAKE_ALONE };

/* `in {80 443}` and `in {80, 443}` as `(80 or 443)`. False when it is none of them. */
static bool guess_set(struct guess *g, const char *instead, struct span in)
{
    uint32_t at = in.end;
    char list[96];
    size_t n = 0;

    if (next_char(g->px, at) != '{')
        return false;
    at = (uint32_t)((const char *)memchr(g->px->text + at, '{', g->px->len - at) - g->px->text) + 1;
    while (at < g->px->len && g->px->text[at] != '}') {
        uint32_t begin = at;
        while (at < g->px->len && !strchr("}, \t\r\n", g->px->text[at]))
            at++;
        if (at > begin && n < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%.*s", n ? " or " : "",
                                  shown((struct span){begin, at}), g->px->text + begin);
        at += at < g->px->len && g->px->text[at] != '}';
    }
    if (n == 0 || n >= sizeof list)
        return HINT(g, "write '%s (... or ...)'", instead);
    return HINT(g, "write '%s (%s)'", instead, list);
}

/* What stands in for a row's `instead` in front of this value. */
static const char *fitting(const struct parse_ctx *px, const char *instead, struct span value)
{
    static const struct {
        const char *host, *net;
    } prefix[] = {{"host", "net"},         {"src host", "src net"},         {"dst host", "dst net"},
                  {"ip6 host", "ip6 net"}, {"ip6 src host", "ip6 src net"}, {"ip6 dst host", "ip6 dst net"}};

    if (strcmp(instead, "ifname") == 0 && digits(px, value) == value.end - value.begin)
        return "ifindex";
    if (value.begin < value.end && memchr(text_at(px, value), '/', value.end - value.begin))
        for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
            if (strcmp(instead, prefix[i].host) == 0)
                return prefix[i].net;
    return instead;
}

struct mistake {
    const char *word, *instead;
    enum follow follow;
};

static const struct mistake *mistake_find(const char *word, size_t len)
{
    static const struct mistake row[] = {
#define MISTAKE(word, instead, follow) {word, instead, MISTAKE_##follow},
#include "grammar/mistakes.def"
#undef MISTAKE
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (strlen(row[i].word) == len && memcmp(row[i].word, word, len) == 0)
            return &row[i];
    return NULL;
}

/* `protocol tcp`, `ip.proto == tcp`: behind 'proto', a keyword is a name only with a backslash. */
static bool is_protocol_name(const struct guess *g, const char *instead, struct span value)
{
    const struct keyword *k = keyword_find(text_at(g->px, value), value.end - value.begin);
    size_t len = strlen(instead);

    return k && k->token == TK_PROTO && len >= 5 && strcmp(instead + len - 5, "proto") == 0;
}

/* What stands in for row @m, which is at @at. */
static bool say_instead(struct guess *g, const struct mistake *m, struct span at)
{
    uint32_t behind = at.end;
    int op = comparison_at(g->px, at.end, &behind);
    struct span value = next_word(g->px, behind);
    const char *instead = fitting(g->px, m->instead, value);
    if (says(g->px, value, "in") && m->follow != MISTAKE_ALONE && guess_set(g, instead, value))
        return true;
    if (at.end < g->px->len && g->px->text[at.end] == '[') /* in front of bytes */
        return HINT(g, "write '%s%s'", instead, strchr(instead, '[') ? "" : "[...]");
    if (strcmp(instead, "type") == 0 && value.end - value.begin == 1 &&
        strchr("012", g->px->text[value.begin]))
        return HINT(g, "write '%stype %s'", op == TK_NE ? "not " : "",
                    (const char *[]){"mgt", "ctl", "data"}[g->px->text[value.begin] - '0']);
    if (m->follow == MISTAKE_FLAG) {
        bool clear = (op == TK_EQ && says(g->px, value, "0")) || (op == TK_NE && says(g->px, value, "1"));
        return HINT(g, "write '%s %s 0'", instead, clear ? "=" : "!=");
    }
    bool compared =
        !op && digits(g->px, value) > 0 && digits(g->px, value) == value.end - value.begin; /* `size 100` */
    if (m->follow == MISTAKE_COMPARE && (op || compared))
        return HINT(g, "write '%s %s %.*s'", instead, op ? comparison_word(op) : "=", TEXT(g, value));
    if (m->follow == MISTAKE_ALONE || m->follow == MISTAKE_COMPARE || value.begin == value.end)
        return HINT(g, "write '%s'", instead);
    if (op == 0 || op == TK_EQ || op == TK_NE)
        return HINT(g, "write '%s%s %s%.*s'", op == TK_NE ? "not " : "", instead,
                    is_protocol_name(g, instead, value) ? "\\" : "", TEXT(g, value));
    return HINT(g, "write '%s'", instead);
}

bool guess_mistake(struct guess *g, struct span at)
{
    const struct mistake *m = mistake_find(text_at(g->px, at), at.end - at.begin);

    return m && say_instead(g, m, at);
}

bool guess_field_words(struct guess *g)
{
    struct span proto = g->before.at, field = g->found.at, more = next_word(g->px, field.end);
    const struct mistake *m = NULL;
    char name[40];

    if (g->before.token != TK_PROTO || !isalpha((unsigned char)next_char(g->px, field.begin)))
        return false;
    int n = snprintf(name, sizeof name, "%.*s.%.*s", TEXT(g, proto), TEXT(g, field));
    if (n < (int)sizeof name)
        m = mistake_find(name, (size_t)n);
    if (n < (int)sizeof name && more.begin < more.end) {
        int longer = snprintf(name + n, sizeof name - (size_t)n, ".%.*s", TEXT(g, more));
        const struct mistake *third =
            n + longer < (int)sizeof name ? mistake_find(name, (size_t)(n + longer)) : NULL;
        if (third)
            return say_instead(g, third, more);
    }
    return m && say_instead(g, m, field);
}

/* One letter more, less, other, or two neighbours swapped. */
static bool near(const char *a, size_t n, const char *b, size_t m)
{
    size_t head = 0, tail = 0;

    if (n > m + 1 || m > n + 1)
        return false;
    while (head < n && head < m && a[head] == b[head])
        head++;
    while (tail < n - head && tail < m - head && a[n - 1 - tail] == b[m - 1 - tail])
        tail++;
    size_t left_a = n - head - tail, left_b = m - head - tail;
    return (left_a <= 1 && left_b <= 1) ||
           (left_a == 2 && left_b == 2 && a[head] == b[head + 1] && a[head + 1] == b[head]);
}

/* The same word but for hyphens, underscores and dots. */
static bool same_letters(const char *a, size_t n, const char *b, size_t m)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < n && strchr("-_.", a[i]))
            i++;
        while (k < m && strchr("-_.", b[k]))
            k++;
        if (i == n || k == m)
            return i == n && k == m;
        if (a[i++] != b[k++])
            return false;
    }
}

bool guess_keyword(struct guess *g, struct span at, bool anywhere)
{
    char lower[32];
    size_t n = at.end - at.begin;

    if (n == 0 || n >= sizeof lower || text_at(g->px, at)[0] == '\\')
        return false;
    for (size_t i = 0; i < n; i++)
        lower[i] = (char)tolower((unsigned char)text_at(g->px, at)[i]);
    const struct keyword *exact = keyword_find(lower, n);
    if (exact)
        return HINT(g, "keywords are written in lower case: '%s'", exact->word);
    for (size_t i = 0; n >= 3 && keyword_row(i); i++) {
        const struct keyword *k = keyword_row(i);
        if (same_letters(lower, n, k->word, k->len) && (anywhere || g->want[k->token]))
            return HINT(g, "did you mean '%s'?", k->word);
    }
    for (size_t i = 0; n >= 3 && keyword_row(i); i++) {
        const struct keyword *k = keyword_row(i);
        if (near(lower, n, k->word, k->len) && (anywhere || g->want[k->token]))
            return HINT(g, "did you mean '%s'?", k->word);
    }
    return false;
}
