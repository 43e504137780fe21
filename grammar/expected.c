/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expected.c - the words of a syntax error: what was found, and what would have fitted.
 */
#include <stdio.h>
#include "filter.tab.h"
#include "grammar/mistakes.h"

void mistake_quote(const struct parse_ctx *px, struct span at, char *out, size_t size)
{
    size_t n = 0;

    for (uint32_t i = at.begin; i < at.end && n + 5 < size; i++) {
        unsigned char c = (unsigned char)px->text[i];
        n += (size_t)snprintf(out + n, size - n, c < ' ' || c >= 0x7f ? "\\x%02x" : "%c", c);
        if (i - at.begin == 40 && i + 1 < at.end) {
            snprintf(out + n, size - n, "...");
            return;
        }
    }
    out[n] = '\0';
}

struct choices {
    const char *item[16];
    int n;
};

static void choice(struct choices *c, bool wanted, const char *item)
{
    if (wanted && c->n < 16)
        c->item[c->n++] = item;
}

void mistake_wanted(const bool *want, bool open, char *out, size_t size)
{
    struct choices c = {.n = 0};
    bool test = want[TK_PROTO] && want[TK_ATYPE];
    bool number = want[TK_NUM], name = want[TK_ID], dotted = want[TK_DOTTED];

    choice(&c, want[TK_AND] && want[TK_OR], "'and'");
    choice(&c, want[TK_OR], "'or'");
    choice(&c, test, "a test such as 'tcp' or 'port 80'");
    if (!test) {
        choice(&c, want[TK_PROTO], "a number, 'len' or bytes such as 'ip[0]'");
        choice(&c, !want[TK_PROTO] && dotted && name, "a name, number or address");
        choice(&c, !want[TK_PROTO] && dotted && !name, "an address");
        choice(&c, !want[TK_PROTO] && !dotted && number && name, "a number or a name");
        choice(&c, !want[TK_PROTO] && !dotted && number && !name, "a number");
        choice(&c, !want[TK_PROTO] && !dotted && !number && name, "a name");
        choice(&c, want[TK_ATYPE], "a word such as 'host' or 'port'");
        choice(&c, want[TK_SRC] && !want[TK_ATYPE], "'src'");
        choice(&c, want[TK_DST] && !want[TK_ATYPE], "'dst'");
    }
    choice(&c, want[TK_NE], "a comparison such as '='");
    choice(&c, want[TK_EQ] && !want[TK_NE], "one of '=', '<', '>', '&', '|'");
    choice(&c, want[TK_TIMES], "an operator such as '+'");
    choice(&c, want[TK_BRACKET] && c.n == 0, "'['");
    choice(&c, want[TK_CLOSE] && open, "')'");
    choice(&c, want[TK_UNBRACKET], "']'");
    choice(&c, want[TK_YYEOF] && !want[TK_OR] && !test, "the end of the filter");

    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < c.n && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s",
                              i == 0        ? ""
                              : i + 1 < c.n ? ", "
                                            : " or ",
                              c.item[i]);
}
