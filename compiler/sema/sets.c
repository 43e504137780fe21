/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/sets.c - `@NAME`: a set of addresses, ports or Ethernet addresses whose members are known at run time.
 *
 * What it holds follows from the words in front of it, as for an address or a port that is written out; a
 * name holds one kind of member in all of a filter.
 */
#include <string.h>
#include "sema/checker.h"

static const char *const members[] = {
    [WEIR_SET_ADDRESSES] = "IP addresses",
    [WEIR_SET_PORTS] = "ports",
    [WEIR_SET_MACS] = "Ethernet addresses",
};

/* The number of the set called @name, or how many there are. */
static uint32_t find_set(const struct checker *c, struct span name)
{
    const char *text = c->t->text;
    uint32_t i = 0;

    for (; i < c->out->set.n; i++) {
        struct span other = c->out->set.at[i].name;
        if (other.end - other.begin == name.end - name.begin &&
            memcmp(text + other.begin, text + name.begin, name.end - name.begin) == 0)
            break;
    }
    return i;
}

/* Makes @p's members those of the set. */
static bool use_set(struct checker *c, const struct id_view *v, enum weir_set_kind kind, struct prim *p)
{
    const struct ast_id *id = &v->x->id;
    struct named_set s = {{id->text, id->text + id->text_len}, (uint8_t)kind, v->at};
    uint32_t i = find_set(c, s.name);

    p->set = (uint8_t)(i + 1);
    if (i == NAMED_SETS_MAX) {
        char what[24];
        diag(c->sink, DIAG_TOO_BIG, (struct diag_at){.at = v->at},
             hint_text(what, sizeof what, "%u named sets", (unsigned)NAMED_SETS_MAX));
        return false;
    }
    if (i == c->out->set.n) {
        if (!vec_push(c->arena, &c->out->set, s))
            c->failed = true;
        return !c->failed;
    }
    const struct named_set *first = &c->out->set.at[i];
    if (first->kind == kind)
        return true;
    diag(c->sink, DIAG_SET_KIND, (struct diag_at){.at = v->at, .also = first->at}, SPAN_TEXT(c, v->at),
         members[first->kind], members[kind]);
    return false;
}

bool set_id(struct checker *c, const struct id_view *v, struct prim *p)
{
    char buf[HINT_BYTES];

    switch (v->type) {
    case TYPE_PORT:
        return proto_fits(c, v, SHAPE_PORT) && port_fits(c, v, 0, 65535, 0, p) &&
               use_set(c, v, WEIR_SET_PORTS, p);
    case TYPE_PORTRANGE:
        return type_refused(c, v, "a set",
                            hint_text(buf, sizeof buf, "write 'port %.*s'", SPAN_TEXT(c, v->at)));
    case TYPE_PROTO:
    case TYPE_PROTOCHAIN:
    case TYPE_GATEWAY:
        return type_refused(c, v, "a set", "sets are for hosts, networks and ports");
    case TYPE_HOST:
    case TYPE_NET:
    case TYPE_NONE:
        break;
    }
    if (v->proto == PROTO_LINK && v->type == TYPE_NET)
        return type_refused(c, v, "a set of Ethernet addresses",
                            hint_text(buf, sizeof buf, "write 'ether host %.*s'", SPAN_TEXT(c, v->at)));
    if (v->proto == PROTO_LINK)
        return mac48_fits(c, v, "link host SET", p) && use_set(c, v, WEIR_SET_MACS, p);
    return proto_fits(c, v, SHAPE_SET) && host_fits(c, v, FAMILIES4 | FAMILY_IP6, p) &&
           use_set(c, v, WEIR_SET_ADDRESSES, p);
}
