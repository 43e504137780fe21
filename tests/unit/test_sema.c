/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit/test_sema.c - sema: the primitives, cursors and lints of small filters, as text.
 *
 * A primitive is "kind fields @cursor"; a cursor is "linktype:L,T,P,nl" with +m, +v and +e for labels, tags
 * and tunnels seen; an anchor is "N", or "$V+N" with a variable.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "grammar/parse.h"
#include "sema/sema.h"
#include "tests/harness/tap.h"

struct out {
    char text[4096];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(o->text + o->len, sizeof o->text - o->len, format, ap);
    va_end(ap);
    if (n > 0 && o->len + (size_t)n < sizeof o->text)
        o->len += (size_t)n;
}

static void put_anchor(struct out *o, struct anchor a)
{
    if (a.var)
        put(o, "$%u+", a.var);
    if (a.offset == OFFSET_UNSET)
        put(o, "-");
    else
        put(o, "%u", a.offset);
}

static void put_cursor(struct out *o, const struct cursor *c)
{
    put(o, "@%u:", (unsigned)c->lt->number);
    put_anchor(o, c->link);
    put(o, ",");
    put_anchor(o, c->type);
    put(o, ",");
    put_anchor(o, c->payload);
    put(o, ",%d", c->nl == OFFSET_UNSET ? -1 : (int)c->nl);
    for (uint32_t i = 0; i < c->mpls; i++)
        put(o, "+m");
    for (uint32_t i = 0; i < c->vlans; i++)
        put(o, "+v");
    if (c->encap)
        put(o, "+e");
}

static const char *const kinds[PRIM_KIND_COUNT] = {
    [PRIM_LINK_PROTO] = "link",
    [PRIM_IP_PROTO] = "proto",
    [PRIM_ISO_PROTO] = "iso",
    [PRIM_ISIS_PROTO] = "isis",
    [PRIM_PROTOCHAIN] = "chain",
    [PRIM_HOST] = "host",
    [PRIM_PORT] = "port",
    [PRIM_MAC48] = "mac48",
    [PRIM_MAC8] = "mac8",
    [PRIM_GATEWAY] = "gateway",
    [PRIM_DECNET_HOST] = "decnet",
    [PRIM_BROADCAST] = "broadcast",
    [PRIM_MULTICAST] = "multicast",
    [PRIM_IP_BROADCAST] = "ip-broadcast",
    [PRIM_IP_MULTICAST] = "ip-multicast",
    [PRIM_IP6_MULTICAST] = "ip6-multicast",
    [PRIM_RELATION] = "relation",
    [PRIM_LENGTH] = "length",
    [PRIM_BYTE] = "byte",
    [PRIM_INBOUND] = "inbound",
    [PRIM_OUTBOUND] = "outbound",
    [PRIM_IFINDEX] = "ifindex",
    [PRIM_VLAN] = "vlan",
    [PRIM_MPLS] = "mpls",
    [PRIM_PPPOED] = "pppoed",
    [PRIM_PPPOES] = "pppoes",
    [PRIM_GENEVE] = "geneve",
    [PRIM_VXLAN] = "vxlan",
    [PRIM_LLC] = "llc",
    [PRIM_WLAN_TYPE] = "wlan-type",
    [PRIM_WLAN_DIR] = "wlan-dir",
    [PRIM_PF_STRING] = "pf-string",
    [PRIM_PF_NUMBER] = "pf-number",
    [PRIM_ATM_KEYWORD] = "atm",
    [PRIM_ATM_FIELD] = "atm-field",
    [PRIM_SS7_KEYWORD] = "ss7",
    [PRIM_SS7_FIELD] = "ss7-field",
};

static void put_hosts(struct out *o, const struct prim *p)
{
    if (p->set)
        put(o, " set %u", p->set);
    for (uint32_t i = 0; i < p->count; i++)
        put(o, " %08x/%08x", p->u.v4[i].addr, p->u.v4[i].mask);
    for (uint32_t i = 0; i < p->count6; i++) {
        put(o, " ");
        for (unsigned w = 0; w < 4; w++)
            put(o, "%08x", p->v6[i].addr[w]);
        put(o, "/");
        for (unsigned w = 0; w < 4; w++)
            put(o, "%08x", p->v6[i].mask[w]);
    }
}

static void put_prim(struct out *o, const struct prim *p)
{
    static const char *const dirs[] = {"",      "src",   "dst",   "either", "both", "addr1",
                                       "addr2", "addr3", "addr4", "ra",     "ta"};

    put(o, "%s", kinds[p->kind]);
    if (p->families)
        put(o, " %s%s%s%s", p->families & FAMILY_IP ? "i" : "", p->families & FAMILY_ARP ? "a" : "",
            p->families & FAMILY_RARP ? "r" : "", p->families & FAMILY_IP6 ? "6" : "");
    if (p->dir)
        put(o, " %s", dirs[p->dir]);
    switch ((enum prim_kind)p->kind) {
    case PRIM_HOST:
    case PRIM_GATEWAY:
        put_hosts(o, p);
        break;
    case PRIM_PORT:
    case PRIM_ISIS_PROTO:
    case PRIM_ATM_FIELD:
    case PRIM_SS7_FIELD:
        for (uint32_t i = 0; i < p->count; i++)
            put(o, "%s%u", i ? "," : " ", p->u.numbers[i]);
        if (p->kind == PRIM_PORT && p->set)
            put(o, " set %u", p->set);
        else if (p->kind == PRIM_PORT)
            put(o, " %u-%u", p->lo, p->hi);
        if (p->kind == PRIM_ATM_FIELD || p->kind == PRIM_SS7_FIELD)
            put(o, " field%u rel%u", p->field, p->relop);
        break;
    case PRIM_PF_STRING:
        put(o, " %u '%.*s'", p->lo, (int)p->u.str.len, p->u.str.text);
        break;
    case PRIM_PF_NUMBER:
        put(o, " %u:%u %u", p->lo, p->hi, p->number);
        break;
    case PRIM_MAC48:
        if (p->set) {
            put(o, " set %u", p->set);
            break;
        }
        put(o, " %02x%02x%02x%02x%02x%02x", p->mac[0], p->mac[1], p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
        break;
    case PRIM_BYTE:
        put(o, " %u%c%u", p->lo, p->byte_op, p->number);
        break;
    case PRIM_LLC:
        if (p->has_number)
            put(o, " %02x/%02x", p->number, p->lo);
        break;
    case PRIM_WLAN_TYPE:
        put(o, " %02x/%02x", p->number, p->lo);
        break;
    case PRIM_LENGTH:
        put(o, " rel%u %u", p->relop, p->number);
        break;
    case PRIM_VLAN:
    case PRIM_MPLS:
    case PRIM_PPPOES:
    case PRIM_GENEVE:
    case PRIM_VXLAN:
        if (p->has_number)
            put(o, " %u", p->number);
        if (p->var)
            put(o, " $%u", p->var);
        break;
    case PRIM_RELATION:
        put(o, " rel%u %u,%u", p->relop, p->u.rel.left, p->u.rel.right);
        break;
    case PRIM_LINK_PROTO:
    case PRIM_IP_PROTO:
    case PRIM_ISO_PROTO:
    case PRIM_PROTOCHAIN:
    case PRIM_MAC8:
    case PRIM_DECNET_HOST:
    case PRIM_IP_BROADCAST:
    case PRIM_IFINDEX:
    case PRIM_WLAN_DIR:
    case PRIM_ATM_KEYWORD:
    case PRIM_SS7_KEYWORD:
        put(o, " %u", p->number);
        break;
    case PRIM_BROADCAST:
    case PRIM_MULTICAST:
    case PRIM_IP_MULTICAST:
    case PRIM_IP6_MULTICAST:
    case PRIM_INBOUND:
    case PRIM_OUTBOUND:
    case PRIM_PPPOED:
    case PRIM_KIND_COUNT:
        break;
    }
}

/* ---- a resolver that knows what the tests ask */

static enum weir_lookup host(void *user, const char *name, struct weir_address *out, size_t max,
                             size_t *count)
{
    size_t n = 0;

    (void)user;
    *count = 0;
    if (strcmp(name, "broken") == 0)
        return WEIR_LOOKUP_FAILED;
    if (strncmp(name, "many", 4) == 0) {
        *count = 101;
        for (n = 0; n < *count && n < max; n++)
            out[n] = (struct weir_address){name[4] == '6' ? 6 : 4, {1, 2, 3, (uint8_t)n}};
        return WEIR_FOUND;
    }
    if (strcmp(name, "four") != 0 && strcmp(name, "six") != 0 && strcmp(name, "both") != 0)
        return WEIR_NOT_FOUND;
    if (strcmp(name, "four") != 0)
        out[n++] = (struct weir_address){6, {0xfd, [15] = 2}};
    if (strcmp(name, "six") != 0) {
        out[n++] = (struct weir_address){4, {10, 0, 0, 9}};
        out[n++] = (struct weir_address){4, {10, 0, 0, 1}};
    }
    *count = n;
    return WEIR_FOUND;
}

static enum weir_lookup network(void *user, const char *name, uint32_t *out)
{
    (void)user;
    *out = strcmp(name, "ten") == 0 ? 10 : strcmp(name, "whole") == 0 ? 0x0a000000 : 0;
    return strcmp(name, "none") == 0 ? WEIR_NOT_FOUND : WEIR_FOUND;
}

static enum weir_lookup ether(void *user, const char *name, uint8_t out[6])
{
    (void)user;
    memset(out, 0xaa, 6);
    return strcmp(name, "four") == 0 || strcmp(name, "six") == 0 ? WEIR_FOUND : WEIR_NOT_FOUND;
}

static enum weir_lookup service(void *user, const char *name, const char *protocol, uint16_t *out)
{
    bool tcp = strcmp(protocol, "tcp") == 0;

    (void)user;
    *out = strcmp(name, "split") == 0 && !tcp ? 8 : 7;
    if (strcmp(name, "tcponly") == 0)
        return tcp ? WEIR_FOUND : WEIR_NOT_FOUND;
    if (strcmp(name, "udponly") == 0)
        return tcp ? WEIR_NOT_FOUND : WEIR_FOUND;
    return strcmp(name, "split") == 0 || strcmp(name, "same") == 0 ? WEIR_FOUND : WEIR_NOT_FOUND;
}

static const struct weir_resolver resolver = {sizeof resolver, NULL, host, network, ether, service, NULL};

/* ---- cases */

/* `want`: the primitives, one a line, then "end " and the cursor when it starts with "; "; or "E0NNN" codes.
 */
struct test {
    uint16_t linktype;
    char flags; /* 'l': live, 'o': not optimized, 'n': lints */
    const char *filter;
    const char *want;
};

static const struct test tests[] = {
    {1, 0, "", ""},
    {1, 0, "ip or arp", "link 2048\nlink 2054\n"},
    {1, 0, "tcp", "proto i6 6\n"},
    {1, 0, "icmp or icmp6", "proto i 1\nproto 6 58\n"},
    {1, 0, "carp", "proto i 112\n"},
    {1, 0, "clnp", "iso 129\n"},
    {1, 0, "l1 or l2", "isis 26,24,18,15,17\nisis 27,25,20,16,17\n"},
    {1, 0, "isis proto 31", "isis 31\n"},
    {1, 0, "proto 17 or ip6 proto \\tcp", "proto i6 17\nproto 6 6\n"},
    {1, 0, "ether proto \\ipx or ether proto lldp", "link 224\nlink 35020\n"},
    {1, 0, "protochain 6", "chain i6 6\n"},
    /* hosts and networks */
    {1, 0, "host 1.2.3.4", "host iar either 01020304/ffffffff\n"},
    {1, 0, "src or dst host 1.2.3.4", "host iar either 01020304/ffffffff\n"},
    {1, 0, "ip src 10.1", "host i src 0a010000/ffff0000\n"},
    {1, 0, "dst host 10", "host iar dst 0000000a/ffffffff\n"},
    {1, 0, "net 10", "host iar either 0a000000/ff000000\n"},
    {1, 0, "net 256", "host iar either 01000000/ffff0000\n"},
    {1, 0, "net 0", "host iar either 00000000/ffffffff\n"},
    {1, 0, "net 0.0.0.0/0", "host iar either 00000000/00000000\n"},
    {1, 0, "net 010.1.0.0/16", "host iar either 0a010000/ffff0000\n"},
    {1, 0, "net 1.0.3 mask 255.0.255", "host iar either 01000300/ff00ff00\n"},
    {1, 0, "src and dst net fe80::/10",
     "host 6 both fe800000000000000000000000000000/ffc00000000000000000000000000000\n"},
    {1, 0, "host ::1/128",
     "host 6 either 00000000000000000000000000000001/ffffffffffffffffffffffffffffffff\n"},
    {1, 0, "net ::/0", "host 6 either 00000000000000000000000000000000/00000000000000000000000000000000\n"},
    {1, 0, "host both",
     "host iar6 either 0a000001/ffffffff 0a000009/ffffffff "
     "fd000000000000000000000000000002/ffffffffffffffffffffffffffffffff\n"},
    {1, 0, "ip6 host both",
     "host 6 either fd000000000000000000000000000002/ffffffffffffffffffffffffffffffff\n"},
    {1, 0, "arp host both", "host a either 0a000001/ffffffff 0a000009/ffffffff\n"},
    {1, 0, "ip host six", "E0404"},
    {1, 0, "host many", "E0405"},
    {1, 0, "host many6", "E0405"},
    {1, 0, "host broken", "E0402"},
    {1, 0, "host nobody", "E0403"},
    {1, 0, "tcp host nobody", "E0403"},
    {1, 0, "tcp host four", "E0302"},

    /* sets: by kind, numbered in the order of their first use */
    {1, 0, "host @a", "host iar6 either set 1\n"},
    {1, 0, "src net @a and dst @b and @a", "host iar6 src set 1\nhost iar6 dst set 2\nhost iar6 dst set 1\n"},
    {1, 0, "ip host @a or arp host @a or ip6 net @a",
     "host i either set 1\nhost a either set 1\nhost 6 either set 1\n"},
    {1, 0, "port @p", "port either 6,17,132 set 1\n"},
    {1, 0, "udp src port @p or 53", "port src 17 set 1\nport src 17 53-53\n"},
    {1, 0, "ether host @m or ether dst @m", "mac48 either set 1\nmac48 dst set 1\n"},
    {105, 0, "wlan addr2 @m", "mac48 addr2 set 1\n"},
    {1, 0, "mpls and host @a", "mpls\nhost i6 either set 1\n"},
    {1, 0, "host @a and port @a", "E0310"},
    {1, 0, "ether host @a or host @a", "E0310"},
    {1, 0, "host @A or port @a", "host iar6 either set 1\nport either 6,17,132 set 2\n"},
    {1, 0, "tcp host @a", "E0302"},
    {1, 0, "ip port @a", "E0302"},
    {1, 0, "portrange @a", "E0303"},
    {1, 0, "ip proto @a", "E0303"},
    {1, 0, "gateway @a", "E0303"},
    {1, 0, "ether net @a", "E0303"},
    {1, 0, "tcp and @a", "E0301"},
    {1, 0, "addr1 @a", "E0304"},
    {12, 0, "ether host @a", "E0702"},
    {1, 0, "net ten", "host iar either 0a000000/ff000000\n"},
    {1, 0, "net whole", "host iar either 0a000000/ffffffff\n"},
    {1, 0, "net zero or net none", "E0406 E0406"},
    {1, 0, "gateway four", "gateway iar 0a000001/ffffffff 0a000009/ffffffff\n"},
    {1, 0, "arp gateway four", "gateway a 0a000001/ffffffff 0a000009/ffffffff\n"},
    {1, 0, "gateway six", "E0404"},
    {1, 0, "gateway both", "E0407"},
    {12, 0, "gateway both", "E0702"},
    {1, 0, "ether src 1:2:3:4:5:6", "mac48 src 010203040506\n"},
    {1, 0, "ether host six", "mac48 either aaaaaaaaaaaa\n"},
    {105, 0, "wlan addr4 1:2:3:4:5:6", "mac48 addr4 010203040506\n"},
    {7, 0, "link src $1f", "mac8 src 31\n"},
    {1, 0, "decnet src 10.123", "decnet src 10363\n"},
    /* ports */
    {1, 0, "port 80", "port either 6,17,132 80-80\n"},
    {1, 0, "src udp or tcp", "E0201"},
    {1, 0, "udp src port 53", "port src 17 53-53\n"},
    {1, 0, "portrange 0x20-0100", "port either 6,17,132 32-64\n"},
    {1, 0, "tcp portrange 20-10", "port either 6 10-20\n"},
    {1, 0, "portrange 80", "port either 6,17,132 80-80\n"},
    {1, 0, "port same or port tcponly or port udponly or port split",
     "port either 6,17,132 7-7\nport either 6 7-7\nport either 17 7-7\nport either 6 7-7\n"},
    {1, 0, "sctp port same", "port either 132 7-7\n"},
    {1, 0, "sctp port tcponly or udp port tcponly or tcp port udponly or udp port split",
     "E0409 E0409 E0409 E0409"},
    {1, 0, "portrange tcponly-tcponly", "port either 6 7-7\n"},
    {1, 0, "portrange tcponly-udponly", "port either 6,17,132 7-7\n"},
    {1, 0, "udp portrange tcponly-9", "port either 17 7-9\n"},
    {1, 0, "udp portrange tcponly-tcponly", "E0409"},
    /* inheritance */
    {1, 0, "tcp port 80 or udp port 53 or 123",
     "port either 6 80-80\nport either 17 53-53\nport either 17 123-123\n"},
    {1, 0, "tcp host (1.2.3.4 or 5.6.7.8)", "E0302"},
    {1, 0, "tcp and 80 or 81", "E0301 E0301"},
    /* keywords */
    {1, 0, "less 5 or greater 6", "length rel3 5\nlength rel5 6\n"},
    {1, 0, "byte 2 & 8", "byte 2&8\n"},
    {1, 0, "llc or llc ui or llc rnr", "llc\nllc 03/ef\nllc 05/0f\n"},
    {1, 0, "broadcast or ether multicast or ip multicast or ip6 multicast",
     "broadcast\nmulticast\nip-multicast\nip6-multicast\n"},
    {1, 'm', "ip broadcast", "ip-broadcast 255\n"},
    {105, 0, "type data or type 4 subtype 0xb0 or subtype qos-data",
     "wlan-type 08/0c\nwlan-type b4/fc\nwlan-type 88/fc\n"},
    {105, 0, "type 12 subtype 16", "wlan-type 1c/fc\n"},
    {105, 0, "type 12 subtype rts", "E0415"},
    {105, 0, "dir fromds or dir 3", "wlan-dir 2\nwlan-dir 3\n"},
    {117, 0, "on em0 or rset abc or rnr 5 or srnr 6 or reason short or reason 300 or action nat",
     "pf-string 4 'em0'\npf-string 20 'abc'\npf-number 36:4 5\npf-number 40:4 6\npf-number 3:1 3\npf-number "
     "3:1 300\n"
     "pf-number 2:1 4\n"},
    {123, 0, "vpi (1 or 2) and vci > 3 and oam",
     "atm-field 1,2 field0 rel0\natm-field 3 field1 rel2\natm 3\n"},
    {140, 0, "msu and dpc != 5", "ss7 2\nss7-field 5 field4 rel1\n"},
    {8, 0, "inbound", "inbound\n"},
    {276, 0, "ifindex 5", "ifindex 5\n"},
    {113, 0, "ifindex 5", "E0704"},
    {1, 'l', "ifindex 5 or outbound", "ifindex 5\noutbound\n"},
    /* the cursor: what the filter leaves behind it */
    {1, 0, "ip", "link 2048\n; @1:0,12,14,0"},
    {1, 0, "vlan 5 or vlan", "vlan 5\nvlan\n; @1:0,20,22,0+v+v"},
    {1, 0, "not mpls 7 and mpls", "mpls 7\nmpls\n; @1:0,12,14,8+m+m"},
    {1, 0, "mpls and host 1.2.3.4", "mpls\nhost i either 01020304/ffffffff\n; @1:0,12,14,4+m"},
    {1, 0, "vlan and pppoes 9", "vlan\npppoes 9\n; @9:24,24,26,0+v"},
    {1, 0, "vxlan 5", "vxlan 5 $1\n; @1:$1+0,$2+0,$3+0,0+e"},
    {1, 0, "mpls and vlan and vxlan or geneve", "E0708"},
    {1, 0, "mpls and vxlan and vlan", "mpls\nvxlan $1\nvlan\n; @1:$1+0,$2+4,$3+4,0+v+e"},
    {1, 0, "geneve and pppoes", "geneve $1\npppoes\n; @9:$3+6,$3+6,$3+8,0"},
    {1, 'l', "vlan 5 and vlan 6", "vlan 5 $1\nvlan 6\n; @1:0,$1+16,$1+18,0+v+v"},
    {1, 'l', "vxlan and vlan", "vxlan $1\nvlan\n; @1:$1+0,$2+4,$3+4,0+v+e"},
    {1, 'l', "vlan and protochain 6", "E0707"},
    {240, 'l', "vlan", "vlan\n; @240:4,20,22,0+v"},
    {12, 0, "pppoes", "pppoes\n; @9:6,6,8,0"},
    {123, 0, "lane and vlan", "atm 0\nvlan\n; @1:6,22,24,0+v"},
    {105, 0, "ip", "link 2048\n; @105:0,24,$1+0,8"},
    {127, 0, "vlan", "vlan\n; @127:$1+0,$1+28,$2+4,8+v"},
    {117, 0, "ip", "link 2048\n; @117:0,-,$1+0,0"},
    {147, 0, "len = 5 or link[0] = 1", "relation rel0 0,1\nrelation rel0 4,5\n; @147:0,-,-,-1"},
    {132, 0, "ip or inbound", "link 2048\ninbound\n; @132:0,6,-,-1"},
    {132, 0, "port 80 or host 1.2.3.4", "E0712"},
    {135, 0, "clnp", "iso 129\n"},
    {1, 0, "vlan and vlan 5000 and ip and vlan 5001", "E0501 E0501"},
    /* arithmetic */
    {1, 0, "ip[1] / ip[0] = 1", "E0603"},
    {1, 0, "len = 1 / (0 + 5)", "E0603"},
    {1, 0, "len = 1 % (1 - 1)", "E0604"},
    {1, 'o', "len = 1 % (1 - 1)", "relation rel0 0,5\n"},
    {1, 0, "len / (5 + (len & 0) - 5) = 1", "E0603"},
    {1, 0, "1 << (20 + 20) = 0", "relation rel0 4,5\n"},
    {1, 0, "len << (20 + 20) = 0", "E0605"},
    {1, 'o', "len << (20 + 20) = 0", "relation rel0 4,5\n"},
    {1, 'o', "len << (32 - 1) = 0", "E0605"},
    {1, 0, "len >> -(31) = 0", "E0605"},
    {1, 'o', "len >> -(31) = 0", "relation rel0 3,4\n"},
    {1, 0, "ip[0:3] = tcp[0:5] and stp[0] = 1", "E0601 E0601 E0602"},
    {1, 0, "mpls and arp[0] = 1", "E0709"},
    {147, 0, "tcp[0] = 1 and udp", "E0701"},
    /* lints */
    {1, 'n', "host 80 and port 80", "W0901"},
    {1, 'n', "host 1000000 or net 10", ""},
    {1, 'n', "src 10.1", "W0902"},
    {1, 'n', "vlan or ip", "W0903"},
    {1, 'n', "not vlan and ip", "W0903"},
    {1, 'n', "(vlan and ip) or tcp or udp", "W0903"},
    {1, 'n', "vlan or len > 5 or less 9", ""},
    {1, 'n', "ip or (vlan and ip)", ""},
    {1, 'n', "tcp[13] = 2 or tcp[0] = 1", "W0904"},
    {1, 'n', "icmp[0] = 8", ""},
    {1, 0, "host 80", "host iar either 00000050/ffffffff\n"},
};

static void run(const struct test *t, struct out *got)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct arena arena;
    struct diag_sink sink = {.arena = &arena, .limit = 20};
    struct checked c;
    struct ast ast;

    o.linktype = t->linktype;
    o.live = t->flags == 'l';
    o.optimize = t->flags != 'o';
    o.lint = t->flags == 'n';
    o.netmask = t->flags == 'm' ? 0xffffff00 : WEIR_NETMASK_UNKNOWN;
    o.resolver = &resolver;
    arena_init(&arena, &allocator_system, 1 << 24);
    int status = parse_filter(&arena, &sink, t->filter, (uint32_t)strlen(t->filter), 1000, &ast);
    if (status == 0)
        status = sema_check(&arena, &sink, &ast, &o, &c);
    for (uint32_t i = 0; i < sink.list.n; i++)
        put(got, "%s%c%04u", i ? " " : "", sink.list.at[i].severity == DIAG_ERROR ? 'E' : 'W',
            sink.list.at[i].number);
    if (status == 0 && t->flags != 'n') {
        for (uint32_t i = 0; i < c.prim.n; i++) {
            put_prim(got, &c.prim.at[i]);
            put(got, "\n");
        }
        if (strchr(t->want, ';')) {
            put(got, "; ");
            put_cursor(got, c.end);
        }
    } else if (status != 0 && status != WEIR_E_FILTER) {
        put(got, "status %d", status);
    }
    arena_release(&arena);
}

/* Every allocation fails once: the answer is WEIR_E_MEMORY or, later, the right one. */
struct failing {
    size_t left;
};

static void *fail_reallocate(void *user, void *ptr, size_t size)
{
    struct failing *f = user;

    if (size && f->left-- == 0) {
        f->left = 0;
        return NULL;
    }
    return allocator_system.reallocate(allocator_system.user, ptr, size);
}

static void test_memory(void)
{
    static const char filter[] =
        "host both and gateway four and vlan 5 and vxlan and ip[2] / 5 = 1 and isis proto 3 and port split";
    struct weir_options o = WEIR_OPTIONS_INIT;
    bool ok = true;
    int status = WEIR_E_MEMORY;
    size_t n;

    o.resolver = &resolver;
    o.lint = 1;
    for (n = 0; status == WEIR_E_MEMORY && n < 1000; n++) {
        struct failing f = {n};
        const struct allocator al = {fail_reallocate, &f};
        struct arena arena;
        struct diag_sink sink = {.arena = &arena, .limit = 20};
        struct checked c;
        struct ast ast;

        arena_init(&arena, &al, 1 << 24);
        status = parse_filter(&arena, &sink, filter, sizeof filter - 1, 1000, &ast);
        if (status == 0)
            status = sema_check(&arena, &sink, &ast, &o, &c);
        ok = ok && (status == WEIR_OK || status == WEIR_E_MEMORY);
        arena_release(&arena);
    }
    tap_ok(ok && status == WEIR_OK, "every failing allocation is WEIR_E_MEMORY (%zu)", n);
}

static void test_tunnels(void)
{
    for (unsigned n = 32; n <= 33; n++) {
        struct out got = {{0}, 0};
        char filter[33 * 10] = "vxlan";

        for (unsigned i = 1; i < n; i++)
            strcat(filter, " or vxlan");
        run(&(struct test){1, 0, filter, ""}, &got);
        tap_ok((strcmp(got.text, "E0802") == 0) == (n == 33), "%u tunnels", n);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        struct out got = {{0}, 0};

        run(&tests[i], &got);
        if (!tap_ok(strcmp(got.text, tests[i].want) == 0, "%u%c '%s'", tests[i].linktype,
                    tests[i].flags ? tests[i].flags : ' ', tests[i].filter)) {
            tap_diag("got:\n%s", got.text);
            tap_diag("want:\n%s", tests[i].want);
        }
    }
    test_tunnels();
    test_memory();
    return tap_done();
}
