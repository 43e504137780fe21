/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/context.c - what the link type at the cursor can be asked.
 */
#include "sema/checker.h"

const char *linktype_label(const struct linktype *lt, char buf[LABEL_BYTES])
{
    return lt->name ? lt->name : hint_text(buf, LABEL_BYTES, "link type %u", (unsigned)lt->number);
}

bool has_protocols(struct checker *c, struct span at)
{
    const struct linktype *lt = c->cur->lt;
    char label[LABEL_BYTES];

    if (linktype_has_protocols(lt))
        return true;
    if (!(c->told & TOLD_PROTOCOLS))
        diag(c->sink, DIAG_NO_PROTOCOLS,
             (struct diag_at){.at = at, .hint = "only link[...], len and its own keywords work there"},
             linktype_label(lt, label));
    c->told |= TOLD_PROTOCOLS;
    return false;
}

bool has_network(struct checker *c, struct span at)
{
    const struct cursor *cur = c->cur;
    char label[LABEL_BYTES];
    bool known = cur->nl != OFFSET_UNSET &&
                 (cur->payload.var != CURSOR_VAR_NONE || cur->payload.offset != OFFSET_UNSET);

    if (!has_protocols(c, at))
        return false;
    if (known)
        return true;
    if (!(c->told & TOLD_NETWORK))
        diag(c->sink, DIAG_NO_NETWORK_HEADER, (struct diag_at){.at = at}, SPAN_TEXT(c, at),
             linktype_label(cur->lt, label));
    c->told |= TOLD_NETWORK;
    return false;
}

bool has_iso(struct checker *c, struct span at)
{
    char label[LABEL_BYTES];

    if (!link_proto_fits(c, at, SAP_ISO))
        return false;
    if (c->cur->ns != OFFSET_UNSET || c->cur->lt->method != METHOD_JUNIPER)
        return true;
    diag(c->sink, DIAG_NO_NETWORK_HEADER, (struct diag_at){.at = at}, SPAN_TEXT(c, at),
         linktype_label(c->cur->lt, label));
    return false;
}

bool has_capability(struct checker *c, struct span at, enum link_capability capability, const char *word)
{
    char label[LABEL_BYTES];

    if (c->cur->lt->capabilities & capability)
        return true;
    diag(c->sink, DIAG_NOT_ON_LINKTYPE, (struct diag_at){.at = at}, word, linktype_label(c->cur->lt, label));
    return false;
}

bool in_range(struct checker *c, struct span at, const char *what, uint32_t value, uint32_t max)
{
    if (value <= max)
        return true;
    diag(c->sink, DIAG_OUT_OF_RANGE, (struct diag_at){.at = at}, what, value, max);
    return false;
}

/* The range a method's comparison leaves; the others are false for what they do not know. */
static bool link_proto_in_range(struct checker *c, struct span at, uint32_t number)
{
    switch (c->cur->lt->method) {
    case METHOD_ETHER:
    case METHOD_SLL1:
    case METHOD_LLC:
    case METHOD_WLAN:
    case METHOD_SUNATM:
        if (number <= SAP_MAX)
            return in_range(c, at, "LLC DSAP", number, 255);
        return in_range(c, at, "EtherType", number, 65535);
    case METHOD_PPP:
    case METHOD_PPP_VJ:
        return in_range(c, at, "PPP protocol", number, 65535);
    case METHOD_CHDLC:
        return in_range(c, at, "HDLC protocol", number, 65535);
    case METHOD_ETYPE:
        return in_range(c, at, "EtherType", number, 65535);
    case METHOD_RAW_ONLY:
    case METHOD_NONE:
    case METHOD_JUNIPER:
    case METHOD_AF32_HOST:
    case METHOD_AF32_BIG:
    case METHOD_AF8:
    case METHOD_IP_VERSION:
    case METHOD_IPV4:
    case METHOD_IPV6:
    case METHOD_IPNET:
    case METHOD_ARCNET:
    case METHOD_LTALK:
    case METHOD_FRELAY:
        break;
    }
    return true;
}

bool link_proto_fits(struct checker *c, struct span at, uint32_t number)
{
    if (!has_protocols(c, at))
        return false;
    if (c->cur->mpls > 0 && number != ETHERTYPE_IP && number != ETHERTYPE_IPV6) {
        diag(c->sink, DIAG_OVER_MPLS, (struct diag_at){.at = at, .hint = "put it in front of 'mpls'"});
        return false;
    }
    return link_proto_in_range(c, at, number);
}
