/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/ports.c - ports: numbers, services, ranges of either.
 */
#include <string.h>
#include "sema/checker.h"

static const uint32_t every_port_protocol[] = {IPPROTO_NUM_TCP, IPPROTO_NUM_UDP, IPPROTO_NUM_SCTP};
static const uint32_t port_protocol[] = {
    [PROTO_TCP] = IPPROTO_NUM_TCP, [PROTO_UDP] = IPPROTO_NUM_UDP, [PROTO_SCTP] = IPPROTO_NUM_SCTP};

bool port_fits(struct checker *c, const struct id_view *v, uint32_t lo, uint32_t hi, uint32_t only,
               struct prim *p)
{
    p->kind = PRIM_PORT;
    p->dir = plain_dir(v);
    p->lo = lo < hi ? lo : hi;
    p->hi = lo < hi ? hi : lo;
    if (p->hi > 65535) {
        diag(c->sink, DIAG_PORT_OUT_OF_RANGE, (struct diag_at){.at = v->at}, SPAN_TEXT(c, v->at));
        return false;
    }
    if (v->proto != PROTO_NONE) {
        const uint32_t *number = &port_protocol[v->proto];

        if (only && only != *number) {
            const char *name = only == IPPROTO_NUM_TCP ? "tcp" : "udp";
            char buf[HINT_BYTES];

            diag(c->sink, DIAG_PORT_PROTOCOL,
                 (struct diag_at){.at = v->at,
                                  .also = proto_word(c, v),
                                  .hint =
                                      hint_text(buf, sizeof buf, "write '%s' in front, or the number", name)},
                 SPAN_TEXT(c, v->at), name);
            return false;
        }
        p->u.numbers = number;
        p->count = 1;
    } else if (only) {
        p->u.numbers = &port_protocol[only == IPPROTO_NUM_TCP ? PROTO_TCP : PROTO_UDP];
        p->count = 1;
    } else {
        p->u.numbers = every_port_protocol;
        p->count = 3;
    }
    if (v->dir >= DIR_ADDR1) {
        struct span word = dir_word(c, v);

        blame(c, v, DIAG_DIRECTION_PORT, ((struct diag_at){.at = word, .also = type_word(c, v)}),
              SPAN_TEXT(c, word), ast_type_word(v->type));
        return false;
    }
    return has_network(c, v->at);
}

/* One end of a range: a number, else a service. */
static bool range_end(struct checker *c, struct span at, struct service *out)
{
    out->protocol = 0;
    switch (read_number(c->t->text + at.begin, at.end - at.begin, &out->port)) {
    case 1:
        if (out->port <= 65535)
            return true;
        break;
    case 0: {
        char *name = text_copy(c, at.begin, at.end - at.begin);

        return name && lookup_service(c, at, name, DIAG_UNKNOWN_PORTRANGE_END, out);
    }
    default:
        break;
    }
    diag(c->sink, DIAG_PORT_OUT_OF_RANGE, (struct diag_at){.at = at}, SPAN_TEXT(c, at));
    return false;
}

bool port_range(struct checker *c, const struct id_view *v, struct prim *p)
{
    const struct ast_id *id = &v->x->id;
    const char *text = c->t->text + id->text;
    const char *hyphen = memchr(text, '-', id->text_len);
    const char *wrong = NULL;
    struct service a, b;

    if (!hyphen)
        wrong = "it has no hyphen";
    else if (memchr(hyphen + 1, '-', id->text_len - (uint32_t)(hyphen - text) - 1))
        wrong = "it has more than one hyphen";
    else if (hyphen == text)
        wrong = "it has no first port";
    else if (hyphen + 1 == text + id->text_len)
        wrong = "it has no last port";
    if (wrong) {
        diag(c->sink, DIAG_PORTRANGE_SHAPE,
             (struct diag_at){.at = v->at, .hint = "write FIRST-LAST, without spaces"}, SPAN_TEXT(c, v->at),
             wrong);
        return false;
    }

    uint32_t middle = id->text + (uint32_t)(hyphen - text);
    if (!range_end(c, (struct span){id->text, middle}, &a) ||
        !range_end(c, (struct span){middle + 1, id->text + id->text_len}, &b))
        return false;
    return port_fits(c, v, a.port, b.port, a.protocol == b.protocol ? a.protocol : 0, p);
}
