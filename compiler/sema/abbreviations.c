/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/abbreviations.c - protocol words that stand alone: `tcp`, `arp`, `lsp`.
 */
#include "sema/checker.h"

/* PDU types of the IS-IS groups, in the order they are tried. */
static const uint32_t l1[] = {26, 24, 18, 15, 17};
static const uint32_t l2[] = {27, 25, 20, 16, 17};
static const uint32_t iih[] = {17, 15, 16};
static const uint32_t lsp[] = {18, 20};
static const uint32_t snp[] = {27, 26, 24, 25};
static const uint32_t csnp[] = {24, 25};
static const uint32_t psnp[] = {26, 27};

#define IP4  FAMILY_IP
#define IP6  FAMILY_IP6
#define BOTH (FAMILY_IP | FAMILY_IP6)

#define LINK(word, number)           [PROTO_##word] = {PRIM_LINK_PROTO, 0, number, NULL, 0}
#define OVER(word, families, number) [PROTO_##word] = {PRIM_IP_PROTO, families, IPPROTO_NUM_##number, NULL, 0}
#define ISO(word, number)            [PROTO_##word] = {PRIM_ISO_PROTO, 0, number, NULL, 0}
#define ISIS(word, types)            [PROTO_##word] = {PRIM_ISIS_PROTO, 0, 0, types, sizeof types / sizeof types[0]}
#define NO(word)                     [PROTO_##word] = {PRIM_KIND_COUNT, 0, 0, NULL, 0}

static const struct {
    uint8_t kind, families;
    uint32_t number;
    const uint32_t *numbers;
    uint32_t count;
} abbreviations[PROTO_COUNT] = {
    NO(NONE),
    NO(LINK),
    NO(RADIO),
    LINK(IP, ETHERTYPE_IP),
    LINK(IP6, ETHERTYPE_IPV6),
    LINK(ARP, ETHERTYPE_ARP),
    LINK(RARP, ETHERTYPE_RARP),
    LINK(ATALK, ETHERTYPE_ATALK),
    LINK(AARP, ETHERTYPE_AARP),
    LINK(DECNET, ETHERTYPE_DECNET),
    LINK(LAT, ETHERTYPE_LAT),
    LINK(SCA, ETHERTYPE_SCA),
    LINK(MOPRC, ETHERTYPE_MOPRC),
    LINK(MOPDL, ETHERTYPE_MOPDL),
    LINK(ISO, SAP_ISO),
    LINK(STP, SAP_STP),
    LINK(IPX, SAP_IPX),
    LINK(NETBEUI, SAP_NETBEUI),
    OVER(TCP, BOTH, TCP),
    OVER(UDP, BOTH, UDP),
    OVER(SCTP, BOTH, SCTP),
    OVER(AH, BOTH, AH),
    OVER(ESP, BOTH, ESP),
    OVER(PIM, BOTH, PIM),
    OVER(ICMP, IP4, ICMP),
    OVER(IGMP, IP4, IGMP),
    OVER(IGRP, IP4, IGRP),
    OVER(VRRP, IP4, VRRP),
    OVER(CARP, IP4, VRRP), /* CARP has VRRP's number */
    OVER(ICMP6, IP6, ICMP6),
    ISO(CLNP, 0x81),
    ISO(ESIS, 0x82),
    ISO(ISIS, 0x83),
    ISIS(L1, l1),
    ISIS(L2, l2),
    ISIS(IIH, iih),
    ISIS(LSP, lsp),
    ISIS(SNP, snp),
    ISIS(CSNP, csnp),
    ISIS(PSNP, psnp),
};

bool check_proto_word(struct checker *c, const struct ast_node *n, struct prim *p)
{
    p->kind = abbreviations[n->op].kind;
    p->families = abbreviations[n->op].families;
    p->number = abbreviations[n->op].number;
    p->u.numbers = abbreviations[n->op].numbers;
    p->count = abbreviations[n->op].count;
    switch (p->kind) {
    case PRIM_LINK_PROTO:
        return link_proto_fits(c, n->at, p->number);
    case PRIM_IP_PROTO:
        return has_network(c, n->at);
    case PRIM_ISO_PROTO:
    case PRIM_ISIS_PROTO:
        return has_iso(c, n->at);
    default:
        diag(c->sink, DIAG_NO_ABBREVIATION,
             (struct diag_at){.at = n->at,
                              .hint = n->op == PROTO_LINK
                                          ? "write 'ether host', 'ether proto' or 'ether[...]'"
                                          : "write 'radio[...]'"},
             SPAN_TEXT(c, n->at));
        return false;
    }
}
