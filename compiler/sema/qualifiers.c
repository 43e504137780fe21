/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/qualifiers.c - the words in front of an id: which go together, and where they stand.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "sema/checker.h"

#define NONE  PROTO_BIT(PROTO_NONE)
#define LINK  PROTO_BIT(PROTO_LINK)
#define IP    PROTO_BIT(PROTO_IP)
#define IP6   PROTO_BIT(PROTO_IP6)
#define ARPS  (PROTO_BIT(PROTO_ARP) | PROTO_BIT(PROTO_RARP))
#define PORTS (PROTO_BIT(PROTO_TCP) | PROTO_BIT(PROTO_UDP) | PROTO_BIT(PROTO_SCTP))
#define OSI   (PROTO_BIT(PROTO_ISO) | PROTO_BIT(PROTO_ISIS))
#define OVER_IP                                                                                              \
    (PORTS | PROTO_BIT(PROTO_ICMP) | PROTO_BIT(PROTO_ICMP6) | PROTO_BIT(PROTO_IGMP) |                        \
     PROTO_BIT(PROTO_IGRP) | PROTO_BIT(PROTO_PIM) | PROTO_BIT(PROTO_VRRP) | PROTO_BIT(PROTO_CARP) |          \
     PROTO_BIT(PROTO_AH) | PROTO_BIT(PROTO_ESP))

static const struct {
    const char *what;   /* completes "does not go with" */
    uint64_t protocols; /* the words that do; NONE where it may be left out */
} shapes[] = {
    [SHAPE_HOST4] = {"an IPv4 host address", NONE | IP | ARPS},
    [SHAPE_HOST6] = {"an IPv6 host address", NONE | IP6},
    [SHAPE_HOST_NAME] = {"a host name", NONE | IP | IP6 | ARPS},
    [SHAPE_NET4] = {"an IPv4 network", NONE | IP | ARPS},
    [SHAPE_PREFIX4] = {"an IPv4 prefix", NONE | IP | ARPS},
    [SHAPE_PREFIX6] = {"an IPv6 prefix", NONE | IP6},
    [SHAPE_NET_NAME] = {"a network name", NONE | IP | ARPS},
    [SHAPE_PORT] = {"'port'", NONE | PORTS},
    [SHAPE_PORTRANGE] = {"'portrange'", NONE | PORTS},
    [SHAPE_PROTO] = {"'proto'", NONE | IP | IP6 | LINK | OSI},
    [SHAPE_PROTOCHAIN] = {"'protochain'", NONE | IP | IP6},
    [SHAPE_GATEWAY] = {"'gateway'", NONE | IP | ARPS},
    [SHAPE_BROADCAST] = {"'broadcast'", NONE | LINK | IP},
    [SHAPE_MULTICAST] = {"'multicast'", NONE | LINK | IP | IP6},
    [SHAPE_DECNET] = {"this", 0},
    [SHAPE_SET] = {"a set of addresses", NONE | IP | IP6 | ARPS},
};

/* The first word of @s. */
static struct span first_word(const char *text, struct span s)
{
    uint32_t end = s.begin;

    while (end < s.end && !strchr(" \t\r\n()", text[end]))
        end++;
    return (struct span){s.begin, end};
}

/* What is left of @s behind @word. */
static struct span behind(const char *text, struct span s, struct span word)
{
    uint32_t begin = word.end;

    while (begin < s.end && strchr(" \t\r\n(", text[begin]))
        begin++;
    return (struct span){begin, s.end};
}

struct id_view id_view(const struct checker *c, const struct ast_node *n)
{
    const struct ast_id_node *x = n->u.id;
    struct id_view v = {.x = x, .at = n->at, .quals = x->q.at};

    v.proto = x->q.proto;
    v.dir = x->q.dir;
    v.type = x->q.type == TYPE_NONE ? TYPE_HOST : x->q.type;
    if (v.quals.begin >= v.at.begin && v.quals.end < v.at.end) /* written in front of this very id */
        v.at = behind(c->t->text, v.at, v.quals);
    return v;
}

struct span proto_word(const struct checker *c, const struct id_view *v)
{
    if (v->proto == PROTO_NONE)
        return (struct span){v->quals.begin, v->quals.begin};
    return first_word(c->t->text, v->quals);
}

struct span dir_word(const struct checker *c, const struct id_view *v)
{
    struct span rest = v->quals;

    if (v->proto != PROTO_NONE)
        rest = behind(c->t->text, rest, first_word(c->t->text, rest));
    return first_word(c->t->text, rest);
}

struct span type_word(const struct checker *c, const struct id_view *v)
{
    uint32_t begin = v->quals.end;

    if (v->x->q.type == TYPE_NONE)
        return v->quals;
    while (begin > v->quals.begin && !strchr(" \t\r\n()", c->t->text[begin - 1]))
        begin--;
    return (struct span){begin, v->quals.end};
}

bool blame_once(struct checker *c, const struct id_view *v, enum diag_id id)
{
    bool again = c->blamed_id == id && c->blamed.begin == v->quals.begin && c->blamed.end == v->quals.end &&
                 v->quals.begin < v->quals.end;

    c->blamed = v->quals;
    c->blamed_id = id;
    return !again;
}

/* "ip, arp, rarp" */
static void list_protocols(uint64_t set, char *buf, size_t size)
{
    size_t len = 0;

    buf[0] = '\0';
    for (unsigned p = PROTO_NONE + 1; p < PROTO_COUNT && len < size; p++)
        if (set & PROTO_BIT(p))
            len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
                                    ast_proto_word((enum ast_proto)p));
}

/* `tcp src 80` is about a port, `tcp dst 10.0.0.1` about two things. */
static const char *hint_over_ip(struct checker *c, const struct id_view *v, const char *what,
                                const char *words, char buf[static HINT_BYTES])
{
    const char *dir = v->dir == DIR_NONE ? "" : ast_dir_word(v->dir), *blank = *dir ? " " : "";
    struct span proto = proto_word(c, v);
    uint32_t digits = 0;

    while (v->at.begin + digits < v->at.end && isdigit((unsigned char)c->t->text[v->at.begin + digits]))
        digits++;
    if ((PORTS & PROTO_BIT(v->proto)) && digits == v->at.end - v->at.begin)
        return hint_text(buf, HINT_BYTES, "write '%.*s %s%sport %.*s'", SPAN_TEXT(c, proto), dir, blank,
                         SPAN_TEXT(c, v->at));
    return hint_text(buf, HINT_BYTES, "%s goes with %s; for both write '%.*s and %s%s%s %.*s'", what, words,
                     SPAN_TEXT(c, proto), dir, blank, ast_type_word(v->type), SPAN_TEXT(c, v->at));
}

bool proto_fits(struct checker *c, const struct id_view *v, enum shape shape)
{
    if (shapes[shape].protocols & PROTO_BIT(v->proto))
        return true;

    struct span word = proto_word(c, v);
    struct diag_at where = {.at = word, .also = v->at};
    char words[64], buf[HINT_BYTES], quoted[24];
    const char *what = shapes[shape].what;

    list_protocols(shapes[shape].protocols, words, sizeof words);
    if (shape == SHAPE_DECNET) {
        what = v->type == TYPE_HOST ? "a host that is not AREA.NODE"
                                    : hint_text(quoted, sizeof quoted, "'%s'", ast_type_word(v->type));
        where.hint = "write 'decnet host AREA.NODE'";
    } else if ((v->type == TYPE_HOST || v->type == TYPE_NET) && (OVER_IP & PROTO_BIT(v->proto))) {
        where.hint = hint_over_ip(c, v, what, words, buf);
    } else {
        where.hint = hint_text(buf, sizeof buf, "%s goes with %s", what, words);
    }
    blame(c, v, DIAG_QUALIFIER_PROTO, where, SPAN_TEXT(c, word), what);
    return false;
}

bool type_refused(struct checker *c, const struct id_view *v, const char *what, const char *hint)
{
    char name[24];

    if (v->x->q.type == TYPE_NONE)
        hint_text(name, sizeof name, "a host");
    else
        hint_text(name, sizeof name, "'%s'", ast_type_word(v->type));
    diag(c->sink, DIAG_QUALIFIER_TYPE, (struct diag_at){.at = v->at, .also = type_word(c, v), .hint = hint},
         name, what);
    return false;
}

bool dir_is_plain(struct checker *c, const struct id_view *v)
{
    if (v->dir < DIR_ADDR1)
        return true;

    struct span word = dir_word(c, v);
    blame(c, v, DIAG_DIRECTION_WLAN, ((struct diag_at){.at = word, .also = v->at}), SPAN_TEXT(c, word));
    return false;
}
