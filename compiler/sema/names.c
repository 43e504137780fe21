/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/names.c - names: what the caller's resolver and the built-in tables say of them.
 */
#include <stdlib.h>
#include <string.h>
#include "sema/checker.h"

#define ADDRESSES_MAX 100 /* of one family */

/* A resolver is the caller's: an answer that is none of enum weir_lookup says that it could not be asked. */
static enum weir_lookup answer(enum weir_lookup a)
{
    return a == WEIR_FOUND || a == WEIR_NOT_FOUND ? a : WEIR_LOOKUP_FAILED;
}

/* What every lookup ends with. @told: the cause, when it is that there is no resolver. */
static bool no_resolver(struct checker *c, struct span at, const char *what, const char *hint,
                        enum told cause)
{
    if (!(c->told & cause))
        diag(c->sink, DIAG_NO_RESOLVER, (struct diag_at){.at = at, .hint = hint}, SPAN_TEXT(c, at), what);
    c->told |= cause;
    return false;
}

static bool lookup_failed(struct checker *c, struct span at)
{
    diag(c->sink, DIAG_LOOKUP_FAILED, (struct diag_at){.at = at, .hint = "its database could not be asked"},
         SPAN_TEXT(c, at));
    return false;
}

static int compare4(const void *a, const void *b)
{
    const struct addr4 *x = a, *y = b;

    return (x->addr > y->addr) - (x->addr < y->addr);
}

static int compare6(const void *a, const void *b)
{
    const struct addr6 *x = a, *y = b;

    for (unsigned i = 0; i < 4; i++)
        if (x->addr[i] != y->addr[i])
            return x->addr[i] > y->addr[i] ? 1 : -1;
    return 0;
}

static uint32_t word_of(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool too_many(struct checker *c, struct span at, const char *family)
{
    diag(c->sink, DIAG_TOO_MANY_ADDRESSES, (struct diag_at){.at = at}, SPAN_TEXT(c, at), ADDRESSES_MAX,
         family);
    return false;
}

/* Splits @n answers into families, sorted. */
static bool sort_addresses(struct checker *c, struct span at, const struct weir_address *from, size_t n,
                           struct host_addresses *out)
{
    struct addr4 *v4 = arena_array(c->arena, struct addr4, n + 1);
    struct addr6 *v6 = arena_array(c->arena, struct addr6, n + 1);

    if (!v4 || !v6) {
        c->failed = true;
        return false;
    }
    *out = (struct host_addresses){.v4 = v4, .v6 = v6};
    for (size_t i = 0; i < n; i++) {
        if (from[i].family == 4)
            v4[out->count4++] = (struct addr4){word_of(from[i].bytes), UINT32_MAX};
        if (from[i].family == 6) {
            struct addr6 *a = &v6[out->count6++];

            for (unsigned w = 0; w < 4; w++) {
                a->addr[w] = word_of(from[i].bytes + 4 * w);
                a->mask[w] = UINT32_MAX;
            }
        }
    }
    if (out->count4 > ADDRESSES_MAX)
        return too_many(c, at, "IPv4");
    if (out->count6 > ADDRESSES_MAX)
        return too_many(c, at, "IPv6");
    qsort(v4, out->count4, sizeof *v4, compare4);
    qsort(v6, out->count6, sizeof *v6, compare6);
    return true;
}

/* A name that looks like an address, or several: what was meant; else NULL. */
static const char *no_host_hint(const char *name)
{
    size_t numeric = strspn(name, "0123456789.");

    if (name[0] < '0' || name[0] > '9')
        return NULL;
    if (!name[numeric])
        return "an IPv4 address has four parts of up to 255";
    return name[numeric] == '-' && !name[numeric + 1 + strspn(name + numeric + 1, "0123456789.")]
               ? "addresses from one to another are networks: 'net 10.0.0.0/29 or net 10.0.0.8/31'"
               : NULL;
}

bool lookup_host(struct checker *c, struct span at, const char *name, struct host_addresses *out)
{
    const struct weir_resolver *r = c->o->resolver;
    struct weir_address found[2 * ADDRESSES_MAX + 1] = {0}; /* no family: what was counted and not given */
    const size_t room = sizeof found / sizeof found[0];
    const char *hint = no_host_hint(name);
    size_t count = 0;

    if (!r || !r->host)
        return no_resolver(c, at, "hosts", hint ? hint : "write the address", TOLD_HOSTS);
    switch (answer(r->host(r->user, name, found, room, &count))) {
    case WEIR_FOUND:
        break;
    case WEIR_NOT_FOUND:
        diag(c->sink, DIAG_UNKNOWN_HOST, (struct diag_at){.at = at, .hint = hint}, SPAN_TEXT(c, at));
        return false;
    case WEIR_LOOKUP_FAILED:
        return lookup_failed(c, at);
    }
    if (count == 0) {
        diag(c->sink, DIAG_UNKNOWN_HOST, (struct diag_at){.at = at}, SPAN_TEXT(c, at));
        return false;
    }
    if (count > room) { /* then one family has too many, whatever was not given */
        size_t six = 0;

        for (size_t i = 0; i < room; i++)
            six += found[i].family == 6;
        return too_many(c, at, six > ADDRESSES_MAX ? "IPv6" : "IPv4");
    }
    return sort_addresses(c, at, found, count, out);
}

bool lookup_network(struct checker *c, struct span at, const char *name, uint32_t *out)
{
    const struct weir_resolver *r = c->o->resolver;

    if (!r || !r->network)
        return no_resolver(c, at, "networks", "write the network as ADDRESS/LENGTH", TOLD_NETWORKS);
    switch (answer(r->network(r->user, name, out))) {
    case WEIR_FOUND:
        if (*out != 0)
            return true;
        break;
    case WEIR_NOT_FOUND:
        break;
    case WEIR_LOOKUP_FAILED:
        return lookup_failed(c, at);
    }
    diag(c->sink, DIAG_UNKNOWN_NETWORK, (struct diag_at){.at = at}, SPAN_TEXT(c, at));
    return false;
}

bool lookup_ether(struct checker *c, struct span at, const char *name, uint8_t out[6])
{
    const struct weir_resolver *r = c->o->resolver;

    if (!r || !r->ether)
        return no_resolver(c, at, "MAC addresses", "write the MAC address", TOLD_ETHERS);
    switch (answer(r->ether(r->user, name, out))) {
    case WEIR_FOUND:
        return true;
    case WEIR_NOT_FOUND:
        break;
    case WEIR_LOOKUP_FAILED:
        return lookup_failed(c, at);
    }
    diag(c->sink, DIAG_UNKNOWN_ETHER, (struct diag_at){.at = at}, SPAN_TEXT(c, at));
    return false;
}

static enum weir_lookup ask_service(struct checker *c, const char *name, const char *protocol, uint16_t *port)
{
    const struct weir_resolver *r = c->o->resolver;

    if (r && r->service)
        return answer(r->service(r->user, name, protocol, port));
    return name_service(name, protocol, port) ? WEIR_FOUND : WEIR_NOT_FOUND;
}

bool lookup_service(struct checker *c, struct span at, const char *name, enum diag_id missing,
                    struct service *out)
{
    uint16_t tcp = 0, udp = 0;
    enum weir_lookup is_tcp = ask_service(c, name, "tcp", &tcp);
    enum weir_lookup is_udp = ask_service(c, name, "udp", &udp);

    if (is_tcp == WEIR_LOOKUP_FAILED || is_udp == WEIR_LOOKUP_FAILED)
        return lookup_failed(c, at);
    if (is_tcp == WEIR_FOUND)
        *out = (struct service){tcp, is_udp == WEIR_FOUND && udp == tcp ? 0 : IPPROTO_NUM_TCP};
    else if (is_udp == WEIR_FOUND)
        *out = (struct service){udp, IPPROTO_NUM_UDP};
    else {
        diag(c->sink, missing, (struct diag_at){.at = at}, SPAN_TEXT(c, at));
        return false;
    }
    return true;
}

bool lookup_protocol(struct checker *c, const struct id_view *v, const char *name, uint32_t *out)
{
    const struct weir_resolver *r = c->o->resolver;
    enum weir_lookup asked = WEIR_NOT_FOUND;
    uint8_t number = 0;
    bool found = false;

    switch (v->proto) {
    case PROTO_LINK:
        found = name_ethertype(name, out);
        break;
    case PROTO_ISO:
        found = name_isoproto(name, out);
        break;
    case PROTO_ISIS: /* its PDU types have no names */
        break;
    default:
        if (r && r->protocol)
            asked = answer(r->protocol(r->user, name, &number));
        found = asked == WEIR_FOUND || name_ipproto(name, &number);
        if (!found && asked == WEIR_LOOKUP_FAILED)
            return lookup_failed(c, v->at);
        *out = number;
        break;
    }
    if (found)
        return true;

    const char *word = v->proto == PROTO_NONE ? "" : ast_proto_word(v->proto);
    struct diag_at where = {.at = v->at, .also = v->quals};
    char buf[HINT_BYTES];
    uint32_t ignored;

    if (v->proto == PROTO_LINK && name_ipproto(name, &number))
        where.hint = hint_text(buf, sizeof buf, "it is an IP protocol: write 'proto \\%s'", name);
    else if (v->proto != PROTO_LINK && name_ethertype(name, &ignored))
        where.hint =
            hint_text(buf, sizeof buf, "it is a link-layer protocol: write 'ether proto \\%s'", name);
    diag(c->sink, DIAG_UNKNOWN_PROTOCOL, where, SPAN_TEXT(c, v->at), word, *word ? " " : "",
         ast_type_word(v->type));
    return false;
}
