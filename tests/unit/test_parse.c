/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/unit/test_parse.c - filter text to trees and to diagnostics.
 */
#include "grammar/parse.h"
#include "grammar/scan.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "weir/weir.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One parse and all it left. */
struct run {
    struct arena arena;
    struct diag_sink sink;
    struct ast ast;
    int status;
};

static void parse_with(struct run *r, const struct allocator *al, size_t ceiling, const char *text,
                       size_t len, uint32_t nesting)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->arena, al, ceiling);
    r->sink.arena = &r->arena;
    r->sink.limit = 20;
    /* The text is not followed by a NUL, and a read behind it is a sanitizer's finding. */
    char *copy = malloc(len + !len);
    memcpy(copy, text, len);
    r->status = parse_filter(&r->arena, &r->sink, copy, (uint32_t)len, nesting, &r->ast);
    if (r->ast.text == copy) /* keep it readable for the printers */
        r->ast.text = arena_copy(&r->arena, text, len);
    free(copy);
}

static void parse(struct run *r, const char *text)
{
    parse_with(r, &allocator_system, 1u << 30, text, strlen(text), 100000);
}

static void release(struct run *r)
{
    arena_release(&r->arena);
}

/* ---------------------------------------------------------------- trees */

static const struct {
    const char *text, *dump;
} dumps[] = {
    {"", ""},
    {" \t\r\n", ""},
    {"tcp", "PROTO tcp [0,3)\n"},
    {"ether", "PROTO link [0,5)\n"},
    {"es-is", "PROTO esis [0,5)\n"},
    {"tcp port 80", "ID tcp,-,port number 80 [9,11)\n"},
    {"src host www.example.com", "ID -,src,host name 'www.example.com' [9,24)\n"},
    {"dst or src 10.1", "ID -,src or dst,- ipv4 '10.1' [11,15)\n"},
    {"ip6 src and dst net fe80::/10",
     "ID ip6,src and dst,net ipv6 fe800000000000000000000000000000 / 10 [20,29)\n"},
    {"net 10.1 mask 255.254", "ID -,-,net ipv4 '10.1' mask '255.254' [4,21)\n"},
    {"net 10.0.0.0 / 8", "ID -,-,net ipv4 '10.0.0.0' / 8 [4,16)\n"},
    {"ether host a:B:0c:d:e:F", "ID link,-,host mac48 0a0b0c0d0e0f [11,23)\n"},
    {"host deadbeefcafe", "ID -,-,host mac48 deadbeefcafe [5,17)\n"},
    {"host dead.beef.cafe", "ID -,-,host mac48 deadbeefcafe [5,19)\n"},
    {"host a.bb.c.dd.ee.f", "ID -,-,host mac48 0abb0cddee0f [5,19)\n"},
    {"host a-b-c-d-e-f", "ID -,-,host mac48 0a0b0c0d0e0f [5,16)\n"},
    {"wlan ra $f", "ID link,ra,- mac8 0f [8,10)\n"},
    {"host 1.2.3.4.5", "ID -,-,host name '1.2.3.4.5' [5,14)\n"},
    {"host 10-2", "ID -,-,host name '10-2' [5,9)\n"},
    {"host \\net", "ID -,-,host name 'net' [5,9)\n"},
    {"port \\80", "ID -,-,port name '80' [5,8)\n"},
    {"ip proto \\tcp&&ip", "ID ip,-,proto name 'tcp&&ip' [9,17)\n"},
    {"host icmp-echo", "ID -,-,host number 8 [5,14)\n"},
    {"host ::", "ID -,-,host ipv6 00000000000000000000000000000000 [5,7)\n"},
    {"host 1:2:3:4:5:6:7::", "ID -,-,host ipv6 00010002000300040005000600070000 [5,20)\n"},
    {"host ::1:2:3:4:5:6:7", "ID -,-,host ipv6 00000001000200030004000500060007 [5,20)\n"},
    {"host 1::f:1.2.3.4", "ID -,-,host ipv6 00010000000000000000000f01020304 [5,17)\n"},
    {"ip broadcast", "BROADCAST ip [0,12)\n"},
    {"multicast", "MULTICAST - [0,9)\n"},
    {"less 010", "LESS 8 [0,8)\n"},
    {"greater 0X1f", "GREATER 31 [0,12)\n"},
    {"byte 3 & 0x4", "BYTE 3 & 4 [0,12)\n"},
    {"inbound", "INBOUND [0,7)\n"},
    {"ifindex 3", "IFINDEX 3 [0,9)\n"},
    {"vlan", "VLAN - [0,4)\n"},
    {"vlan ((7))", "VLAN 7 [0,10)\n"},
    {"mpls 5", "MPLS 5 [0,6)\n"},
    {"pppoed", "PPPOED [0,6)\n"},
    {"pppoes tcp-syn", "PPPOES 2 [0,14)\n"},
    {"geneve 1", "GENEVE 1 [0,8)\n"},
    {"vxlan", "VXLAN - [0,5)\n"},
    {"llc", "LLC - [0,3)\n"},
    {"llc ui", "LLC 'ui' [0,6)\n"},
    {"llc rnr", "LLC 'rnr' [0,7)\n"},
    {"llc rulenum", "LLC 'rnr' [0,11)\n"},
    {"type mgt", "WLAN_TYPE 'mgt' - [0,8)\n"},
    {"tcp type 8 subtype 0x80", "WLAN_TYPE 8 128 [4,23)\n"},
    {"subtype beacon", "WLAN_SUBTYPE 'beacon' [0,14)\n"},
    {"direction 2", "WLAN_DIR 2 [0,11)\n"},
    {"on eth0", "PF_IFNAME 'eth0' [0,7)\n"},
    {"ruleset x", "PF_RULESET 'x' [0,9)\n"},
    {"rnr 1", "PF_RULENUM 1 [0,5)\n"},
    {"subrulenum 1", "PF_SUBRULENUM 1 [0,12)\n"},
    {"reason match", "PF_REASON 'match' [0,12)\n"},
    {"reason 300", "PF_REASON 300 [0,10)\n"},
    {"action pass", "PF_ACTION 'pass' [0,11)\n"},
    {"lane", "ATM_KEYWORD lane [0,4)\n"},
    {"oamf4sc", "ATM_KEYWORD oamf4sc [0,7)\n"},
    {"vpi 5", "ATM_FIELD vpi = 5 [0,5)\n"},
    {"vci >= 5", "ATM_FIELD vci >= 5 [0,8)\n"},
    {"vci (5 or 6 or 7)", "ATM_FIELD vci = 5 6 7 [0,17)\n"},
    {"lsu", "SS7_KEYWORD lssu [0,3)\n"},
    {"hopc != 1", "SS7_FIELD hopc != 1 [0,9)\n"},
    {"sls (1)", "SS7_FIELD sls = 1 [0,7)\n"},
    {"length = 1", "RELATION = [0,10)\n  LEN [0,6)\n  NUMBER 1 [9,10)\n"},
    {"ip[2:2] > 0", "RELATION > [0,11)\n  LOAD ip :2 [0,7)\n    NUMBER 2 [3,4)\n  NUMBER 0 [10,11)\n"},
    {"ip[-1] = 1", "RELATION = [0,10)\n  LOAD ip :1 [0,6)\n    ARITH neg [3,5)\n      NUMBER 1 [4,5)\n"
                   "  NUMBER 1 [9,10)\n"},
    {"ip[0:260] = 1", "RELATION = [0,13)\n  LOAD ip :255 [0,9)\n    NUMBER 0 [3,4)\n  NUMBER 1 [12,13)\n"},
    {"not ! ip", "NOT [0,8)\n  NOT [4,8)\n    PROTO ip [6,8)\n"},
    {"port (80 or not 443)", "OR [6,19)\n  ID -,-,port number 80 [6,8)\n  NOT [12,19)\n"
                             "    ID -,-,port number 443 [16,19)\n"},
    {"udp && (arp || ip)",
     "AND [0,18)\n  PROTO udp [0,3)\n  OR [8,17)\n    PROTO arp [8,11)\n    PROTO ip [15,17)\n"},
};

/* Parse, print with every qualifier written out. */
static const struct {
    const char *text, *print;
} prints[] = {
    /* one level of `and` and `or` */
    {"arp or ip and udp", "arp or ip and udp"},
    {"arp or (ip and udp)", "arp or (ip and udp)"},
    {"(arp or ip) and udp", "arp or ip and udp"},
    {"not host 1.1 and 2.2", "not host 1.1 and host 2.2"},
    {"not (arp or ip)", "not (arp or ip)"},
    /* inheritance */
    {"tcp port 80 or udp port 53 or 123", "tcp port 80 or udp port 53 or udp port 123"},
    {"src 1.2.3.4 and dst 5.6.7.8 or 9.9.9.9", "src 1.2.3.4 and dst 5.6.7.8 or dst 9.9.9.9"},
    {"ip proto 6 or 17", "ip proto 6 or ip proto 17"},
    {"host 1.2.3.4 and (port 80) and 5.6.7.8", "host 1.2.3.4 and port 80 and host 5.6.7.8"},
    {"port 80 and (host 1.2.3.4) and 443", "port 80 and host 1.2.3.4 and port 443"},
    {"host 1.2.3.4 or (tcp) and 5.6.7.8", "host 1.2.3.4 or tcp and host 5.6.7.8"},
    {"host 1.2 and ((port 80) and 5.6)", "host 1.2 and (port 80 and host 5.6)"},
    {"host 1.2 and not (port 80) and 5.6", "host 1.2 and not port 80 and host 5.6"},
    {"port 1 or 2 or not 3 or (4 and not (5 or 6))",
     "port 1 or port 2 or not port 3 or (port 4 and not (port 5 or port 6))"},
    {"port (80 or 443)", "port 80 or port 443"},
    {"host (not a and b)", "not host a and host b"},
    {"port ((80) or 443)", "port 80 or port 443"},
    {"host (c or (a or b))", "host c or (host a or host b)"},
    {"(host 1.2.3.4) and 5.6.7.8", "host 1.2.3.4 and 5.6.7.8"},
    {"tcp and 80", "tcp and 80"},
    {"len > 5 or 6", "len > 5 or 6"},
    {"vlan 10 or 20", "vlan 10 or 20"},
    {"host 1.2.3.4 and (tcp or 5.6.7.8)", "host 1.2.3.4 and (tcp or 5.6.7.8)"},
    /* a number decides by what follows it */
    {"port 80 and 443 = 443", "port 80 and 443 = 443"},
    {"port 80 and (443)", "port 80 and port 443"},
    {"port 80 and (443) = 443", "port 80 and 443 = 443"},
    {"port 80 and not 443", "port 80 and not port 443"},
    {"port 80 and not 443 = 1", "port 80 and not 443 = 1"},
    {"port 80 and ((443) + 1) = 1", "port 80 and 443 + 1 = 1"},
    /* arithmetic */
    {"len = 5 + 100 % 7", "len = 5 + (100 % 7)"},
    {"len = 100 % 7 + 5", "len = 100 % 7 + 5"},
    {"len = (100 % 7) + 5", "len = (100 % 7) + 5"},
    {"len = 100 % 30 * 2", "len = 100 % 30 * 2"},
    {"len = (1 + 2) ^ 3", "len = (1 + 2) ^ 3"},
    {"len = - 100 % 7", "len = -(100 % 7)"},
    {"len = 1 - (2 - 3)", "len = 1 - (2 - 3)"},
    {"len = (1 - 2) - 3", "len = 1 - 2 - 3"},
    {"len = 2 * -3 + 4", "len = 2 * -3 + 4"},
    {"len = 6 & 3 << 1 | 1", "len = 6 & 3 << 1 | 1"},
    {"ip[ip[0] & 0xf] = 1", "ip[ip[0] & 15] = 1"},
    /* names that need a backslash, and some that do not */
    {"host \\net or host \\1.2.3.4 or host \\80", "host \\net or host \\1.2.3.4 or host \\80"},
    {"portrange 80-90 or host abc", "portrange 80-90 or host abc"},
    {"host \\deadbeefcafe", "host \\deadbeefcafe"},
    {"host 1:0:0:2:0:0:0:3", "host 1:0:0:2::3"},
};

/* Values of arithmetic without packets: precedence, in numbers. */
static const struct {
    const char *text;
    uint32_t value;
} values[] = {
    {"5 + 100 % 7", 7},
    {"100 % 7 + 5", 4},
    {"100 % 30 * 2", 40},
    {"2 * 100 % 30", 20},
    {"100 % 30 % 7", 0},
    {"- 100 % 7", 0xfffffffe},
    {"1 ^ 3 + 4", 6},
    {"4 + 1 ^ 3", 6},
    {"8 & 12 ^ 4", 8},
    {"1 << 2 ^ 1", 8},
    {"1 + 2 & 3", 3},
    {"6 & 3 << 1", 6},
    {"7 - 2 - 1", 4},
    {"1 | 2 & 4", 1},
    {"2 + 3 * 4", 14},
    {"64 / 4 / 2", 8},
    {"256 >> 1 + 1", 64},
    {"- 2 * 3", 0xfffffffa},
    {"10 -2", 8},
    {"10- 2", 8},
    {"0037777777777", 0xffffffff},
    {"4294967295", 0xffffffff},
    {"0xfFfFFFff", 0xffffffff},
    {"0000000000000000000000", 0},
    {"icmp6-multicastrouterterm", 153},
    {"tcp-cwr", 0x80},
    {"tcpflags", 13},
};

static uint32_t evaluate(const struct ast *t, uint32_t root)
{
    uint32_t *v = calloc(t->node.n, sizeof *v);

    for (uint32_t i = 0; i <= root; i++) {
        const struct ast_node *n = &t->node.at[i];
        uint32_t a = n->left == AST_NONE ? 0 : v[n->left], b = n->right == AST_NONE ? 0 : v[n->right];
        if (n->kind == AST_NUMBER)
            v[i] = n->u.number;
        else if (n->kind == AST_ARITH)
            switch ((enum ast_op)n->op) {
            case OP_ADD:
                v[i] = a + b;
                break;
            case OP_SUB:
                v[i] = a - b;
                break;
            case OP_MUL:
                v[i] = a * b;
                break;
            case OP_DIV:
                v[i] = b ? a / b : 0;
                break;
            case OP_MOD:
                v[i] = b ? a % b : 0;
                break;
            case OP_AND:
                v[i] = a & b;
                break;
            case OP_OR:
                v[i] = a | b;
                break;
            case OP_XOR:
                v[i] = a ^ b;
                break;
            case OP_SHL:
                v[i] = b > 31 ? 0 : a << b;
                break;
            case OP_SHR:
                v[i] = b > 31 ? 0 : a >> b;
                break;
            case OP_NEG:
                v[i] = 0 - a;
                break;
            }
    }
    uint32_t result = v[root];
    free(v);
    return result;
}

static void test_trees(void)
{
    struct run r;

    for (size_t i = 0; i < sizeof dumps / sizeof *dumps; i++) {
        struct strbuf out;
        strbuf_init(&out, &allocator_system);
        parse(&r, dumps[i].text);
        if (r.status == 0)
            ast_dump(&r.ast, &out);
        const char *got = out.text ? out.text : "";
        if (!tap_ok(r.status == 0 && strcmp(got, dumps[i].dump) == 0, "dump: %s", dumps[i].text))
            tap_diag("status %d, tree\n%s", r.status, got);
        strbuf_release(&out);
        release(&r);
    }
    for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
        struct strbuf out;
        strbuf_init(&out, &allocator_system);
        parse(&r, prints[i].text);
        if (r.status == 0)
            ast_print(&r.ast, &out);
        const char *got = out.text ? out.text : "";
        if (!tap_ok(r.status == 0 && strcmp(got, prints[i].print) == 0, "print: %s", prints[i].text))
            tap_diag("status %d, text %s", r.status, got);
        strbuf_release(&out);
        release(&r);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[80];
        snprintf(text, sizeof text, "len = %s", values[i].text);
        parse(&r, text);
        uint32_t got = r.status == 0 ? evaluate(&r.ast, r.ast.node.at[ast_root(&r.ast)].right) : 0;
        if (!tap_ok(r.status == 0 && got == values[i].value, "value: %s", values[i].text))
            tap_diag("status %d, value %u", r.status, got);
        release(&r);
    }
}

/* ---------------------------------------------------------------- mistakes */

static const struct {
    const char *text;
    uint16_t number;
    uint32_t begin, end;
    const char *hint; /* part of it; NULL when there is none */
} mistakes[] = {
    /* scanning */
    {"port 80,443", 101, 7, 8, "'or'"},
    {"host _x", 101, 5, 6, "begins"},
    {"host ab_", 101, 7, 8, "begins"},
    {"host \\", 101, 5, 6, "backslash"},
    {"link host $", 101, 10, 11, "hex digits"},
    {"ip[0] = ~1", 101, 8, 9, "^ 0xffffffff"},
    {"host \"a\"", 101, 5, 6, "quotes"},
    {"port 80 \xe2\x80\x93 90", 102, 8, 11, "write '-'"},
    {"len = 09", 103, 7, 8, "octal"},
    {"len = 0037777777778", 103, 18, 19, "octal"},
    {"len = 003777777777778", 104, 6, 21, NULL},
    {"len = 4294967296", 104, 6, 16, NULL},
    {"len = 0x100000000", 104, 6, 17, NULL},
    {"vlan 99999999999999999999999", 104, 5, 28, NULL},
    {"host ::256.1.1.1", 105, 5, 16, NULL},
    {"host ::0x1.2.3.4", 105, 5, 16, NULL},
    {"host ::1.2.3.04", 105, 5, 15, NULL},
    {"ether host aa:bb:cc:dd:ee", 106, 11, 25, "six"},
    {"ether host ab:cd:ef:0g:00:00", 106, 11, 28, "six"},
    {"host 1::2::3", 106, 5, 12, "six"},
    {"host 1:2:3:4:5:6:7", 106, 5, 18, "six"},
    /* a bare id */
    {"10.0.0.1", 201, 0, 8, "'host 10.0.0.1'"},
    {"10.0.0.0/8", 201, 0, 8, "'net 10.0.0.0/8'"},
    {"ip 1.2.3.4", 201, 3, 10, "'ip host 1.2.3.4'"},
    {"tcp 80", 201, 4, 6, "'tcp port 80'"},
    {"ip 6", 201, 3, 4, "'ip proto 6'"},
    {"localhost", 201, 0, 9, "'host localhost'"},
    {"80", 201, 2, 2, "'port 80'"},
    {"ether 1:2:3:4:5:6", 201, 6, 17, "'ether host 1:2:3:4:5:6'"},
    {"not ::1", 201, 4, 7, "'host ::1'"},
    {"icmp 8", 201, 5, 6, "'icmp[icmptype] = 8'"},
    {"lldp", 201, 0, 4, "'ether proto lldp'"},
    /* Wireshark's words */
    {"tcp.port == 80", 201, 0, 8, "'tcp port 80'"},
    {"tcp and ip.addr eq 1.2.3.4", 201, 16, 18, "'host 1.2.3.4'"},
    {"ip.src != 1.2.3.4", 201, 0, 6, "'not src host 1.2.3.4'"},
    {"eth.addr == 1:2:3:4:5:6", 201, 0, 8, "'ether host 1:2:3:4:5:6'"},
    {"tcp.flags.syn == 0", 201, 0, 13, "'tcp[tcpflags] & tcp-syn = 0'"},
    {"ip.ttl < 5", 201, 0, 6, "'ip[8] < 5'"},
    {"frame.len > 100", 201, 0, 9, "'len > 100'"},
    {"dport 80", 201, 0, 5, "'dst port 80'"},
    {"udp and src-port 80", 201, 17, 19, "'src port 80'"},
    /* comparisons of what is no number */
    {"port == 80", 201, 5, 7, "'port 80'"},
    {"tcp dst port != 80", 201, 13, 15, "'not dst port 80'"},
    {"port > 1024", 201, 5, 6, "portrange"},
    {"vlan = 5", 201, 5, 6, "'vlan 5'"},
    {"ip = 1.2.3.4", 201, 3, 4, "'ip host 1.2.3.4'"},
    /* operators */
    {"tcp & udp", 201, 4, 5, "'and'"},
    {"tcp | udp", 201, 4, 5, "'or'"},
    {"tcp and and udp", 201, 8, 11, "enough"},
    {"tcp not udp", 201, 4, 7, "'and not'"},
    {"ip[0]&&ip[1] = 1", 201, 5, 7, "'&'"},
    {"tcp[13] & 2", 201, 11, 11, "compare"},
    {"ip[0] = ip[1] = 1", 201, 14, 15, "one comparison"},
    {"ip tcp", 201, 3, 6, "'and' or 'or'"},
    {"ip (tcp)", 201, 3, 4, "'and' or 'or'"},
    {"port 80 443", 201, 8, 11, "'or 443'"},
    /* words */
    {"TCP port 80", 201, 0, 3, "'tcp'"},
    {"ip and TCP port 80", 201, 11, 15, "'tcp'"},
    {"host 1.2.3.4 AND arp", 201, 13, 16, "'and'"},
    {"tcp[tcpflag] & tcp-syn != 0", 201, 4, 11, "'tcpflags'"},
    {"tcp[tcpflags] & tcp_syn != 0", 201, 16, 23, "'tcp-syn'"},
    {"hots 1.2.3.4", 201, 0, 4, "'host'"},
    {"arp adn ip", 201, 4, 7, "'and'"},
    {"host on", 201, 5, 7, "'\\on'"},
    {"host a or (b and port 80)", 201, 17, 21, "list of ids"},
    /* numbers where a range or network was meant */
    {"net 10/8", 201, 6, 7, "'net 10.0.0.0/8'"},
    {"net 10 mask 255.0.0.0", 201, 7, 11, "'net 10.0.0.0 mask 255.0.0.0'"},
    {"portrange 80 - 90", 201, 13, 14, "'portrange 80-90'"},
    {"portrange 80 90", 201, 13, 15, "'portrange 80-90'"},
    /* parentheses */
    {"(tcp and (udp", 202, 9, 10, NULL},
    {"ip[0) = 5", 202, 2, 3, NULL},
    {"tcp and (udp))", 203, 13, 14, NULL},
    {"()", 201, 1, 2, "between"},
    {"host ((1.2.3.4))", 201, 7, 14, "one parenthesis"},
    /* the rest of the grammar's limits */
    {"tcp port", 201, 8, 8, NULL},
    {"port 80 or", 201, 10, 10, NULL},
    {"port 80 and (443 or 1 = 1)", 201, 22, 23, "list of ids"},
    {"host ((a or b) or c)", 201, 7, 8, "one parenthesis"},
    {"src proto 1", 201, 4, 9, "no direction"},
    {"byte 1 != 2", 201, 7, 9, "not byte 1 = 2"},
    {"less (5)", 201, 5, 6, NULL},
    {"link[0:-1] != 0", 201, 7, 8, NULL},
    {"vlan (10 or 20)", 201, 9, 11, NULL},
    {"vpi ((5) or 6)", 201, 5, 6, NULL},
    {"wlan subtype 0", 201, 13, 14, "subtype NAME"},
    {"host 12345::1", 201, 10, 13, "four hex digits"},
    {"len = $123", 201, 6, 9, NULL},
    {"len = 123456789012", 201, 6, 18, NULL},
};

static void test_mistakes(void)
{
    struct run r;

    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        parse(&r, mistakes[i].text);
        const struct diag *d = r.sink.list.n ? &r.sink.list.at[0] : &(struct diag){.message = "nothing"};
        bool hint = mistakes[i].hint ? d->hint && strstr(d->hint, mistakes[i].hint) : !d->hint;
        if (!tap_ok(r.status == WEIR_E_FILTER && r.sink.list.n == 1 && d->number == mistakes[i].number &&
                        d->at.begin == mistakes[i].begin && d->at.end == mistakes[i].end && hint,
                    "mistake: %s", mistakes[i].text))
            tap_diag("status %d, %u diagnostics, E%04u [%u,%u) %s\nhint: %s", r.status, r.sink.list.n,
                     d->number, d->at.begin, d->at.end, d->message, d->hint ? d->hint : "none");
        release(&r);
    }
    /* A mistake inside a token does not end the parse, and is not reported twice. */
    parse(&r, "len = 09 and host ::1.2.3.256 and (");
    tap_ok(r.sink.list.n == 3 && r.sink.list.at[0].number == 103 && r.sink.list.at[1].number == 105 &&
               r.sink.list.at[2].number == 201,
           "several mistakes in one filter");
    release(&r);
    parse(&r, "host 09::");
    tap_ok(r.status == 0, "a group of an IPv6 address is not octal");
    release(&r);
}

/* ---------------------------------------------------------------- bytes, sizes, memory */

static void test_bytes(void)
{
    struct run r;

    parse_with(&r, &allocator_system, 1u << 20, "tcp\0or udp", 10, 1000);
    tap_ok(r.status == WEIR_E_FILTER && r.sink.list.n == 1 && r.sink.list.at[0].number == 102 &&
               r.sink.list.at[0].at.begin == 3 && r.sink.list.at[0].at.end == 4,
           "a NUL is an unknown byte");
    release(&r);
    parse_with(&r, &allocator_system, 1u << 20, "host \\a\0b", 9, 1000);
    tap_ok(r.status == WEIR_E_FILTER && r.sink.list.n == 1 && r.sink.list.at[0].at.begin == 7,
           "a NUL ends an escaped name");
    release(&r);
    parse_with(&r, &allocator_system, 1u << 20, "tcp\0", 4, 1000);
    tap_ok(r.status == WEIR_E_FILTER && r.sink.list.at[0].at.begin == 3, "a NUL at the end is not the end");
    release(&r);

    bool each = true;
    for (int c = 0; c < 256; c++) {
        char text[] = {'t', 'c', 'p', ' ', (char)c};
        parse_with(&r, &allocator_system, 1u << 20, text, 5, 1000);
        each &= r.status == ((c == ' ' || c == '\t' || c == '\r' || c == '\n') ? 0 : WEIR_E_FILTER) &&
                r.sink.errors <= 1;
        release(&r);
    }
    tap_ok(each, "every byte alone behind a test");
}

/* @count times @part between @before and @after. */
static char *repeat(const char *before, const char *part, size_t count, const char *after, size_t *len)
{
    size_t b = strlen(before), p = strlen(part), a = strlen(after);
    char *text = malloc(b + p * count + a + 1);

    memcpy(text, before, b);
    for (size_t i = 0; i < count; i++)
        memcpy(text + b + i * p, part, p);
    memcpy(text + b + p * count, after, a + 1);
    *len = b + p * count + a;
    return text;
}

static void big(const char *name, const char *before, const char *part, size_t count, const char *after,
                uint32_t nesting, int status, uint16_t number)
{
    size_t len;
    char *text = repeat(before, part, count, after, &len);
    struct run r;

    parse_with(&r, &allocator_system, (size_t)1 << 30, text, len, nesting);
    if (!tap_ok(r.status == status && (r.sink.list.n ? r.sink.list.at[0].number : 0) == number, "big: %s",
                name))
        tap_diag("status %d, E%04u", r.status, r.sink.list.n ? r.sink.list.at[0].number : 0);
    if (r.status == 0) {
        struct strbuf out;
        strbuf_init(&out, &allocator_system);
        ast_print(&r.ast, &out);
        ast_dump(&r.ast, &out);
        tap_ok(!out.failed, "big: %s, printed", name);
        strbuf_release(&out);
    }
    release(&r);
    free(text);
}

static void test_sizes(void)
{
    char *deep, *both;
    size_t n;

    big("100,000 terms", "host 1.2.3.4", " or 10.0.0.1", 100000, "", 100000, 0, 0);
    big("100,000 numbers", "len = 1", " + 1", 100000, "", 100000, 0, 0);
    big("100,000 times not", "", "not ", 100000, "ip", 100000, 0, 0);
    big("100,000 times minus", "len = ", "-", 100000, "1", 100000, 0, 0);
    big("100,000 times %", "len = 1", " % 1", 100000, "", 100000, 0, 0);
    deep = repeat("", "(", 100000, "tcp", &n);
    both = repeat(deep, ")", 100000, "", &n);
    big("100,000 parentheses", "", both, 1, "", 100000, 0, 0);
    free(deep), free(both);
    deep = repeat("port 1", " or (2", 100000, "", &n);
    both = repeat(deep, ")", 100000, "", &n);
    big("100,000 nested lists", "", both, 1, "", 100000, 0, 0);
    free(deep), free(both);
    deep = repeat("", "ip[", 100000, "0", &n);
    both = repeat(deep, "]", 100000, " = 0", &n);
    big("100,000 nested accessors", "", both, 1, "", 100000, 0, 0);
    free(deep), free(both);
    big("10 MB of parentheses", "", "(", 10u << 20, "", 100000, WEIR_E_LIMIT, 204);
    big("deeper than the limit", "", "(", 1000, "tcp", 100, WEIR_E_LIMIT, 204);
    big("a name of 1 MB", "host ", "x", 1u << 20, "", 100, 0, 0);
    big("a number of 1 MB", "len = ", "0", 1u << 20, "7", 100, 0, 0);
    big("1 MB of hyphens", "host a", "-", 1u << 20, "", 100, WEIR_E_FILTER, 201);
    big("1 MB of colons", "host 1", ":", 1u << 20, "", 100, WEIR_E_FILTER, 201);
}

struct failing {
    unsigned left;
};

static void *failing_reallocate(void *user, void *ptr, size_t size)
{
    struct failing *f = user;

    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (f->left == 0)
        return NULL;
    f->left--;
    return realloc(ptr, size);
}

static void test_memory(void)
{
    static const char *const text[] = {
        "tcp port 80 or 443 and not (host a or 1:2:3:4:5:6 or ::1 or $f) and llc rulenum and vpi (1 or 2)",
        "ip[ip[0] & 0xf:2] = 5 and type mgt subtype beacon and byte 1 = 2 and net 10.0.0.0/8 and (((tcp)))",
        "port 80 and (host a or",
        "len = 09 and tcp & udp",
    };
    struct run r;

    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        size_t len = strlen(text[i]);
        bool good = true, done = false;
        for (unsigned n = 0; !done && n < 1000; n++) {
            struct failing f = {n};
            struct allocator al = {failing_reallocate, &f};
            parse_with(&r, &al, 1u << 30, text[i], len, 100000);
            done = r.status != WEIR_E_MEMORY;
            good &= done ? r.status == (i < 2 ? 0 : WEIR_E_FILTER) : n < 999;
            release(&r);
        }
        tap_ok(good && done, "the Nth allocation fails: %s", text[i]);
        good = true, done = false;
        for (size_t ceiling = 0; !done && ceiling < 1u << 20; ceiling += 64) {
            parse_with(&r, &allocator_system, ceiling, text[i], len, 100000);
            done = r.status != WEIR_E_MEMORY;
            release(&r);
        }
        tap_ok(done, "the ceiling is met anywhere: %s", text[i]);
    }
    parse_with(&r, &allocator_system, 1u << 30, "", 0, 100000);
    tap_ok(r.status == 0 && ast_root(&r.ast) == AST_NONE, "nothing is a filter");
    release(&r);
}

/* ---------------------------------------------------------------- tables */

static void test_keywords(void)
{
    bool sorted = true, found = true;
    size_t n = 0;

    for (const struct keyword *k; (k = keyword_row(n)); n++) {
        sorted &= n == 0 || strcmp(keyword_row(n - 1)->word, k->word) < 0;
        found &= keyword_find(k->word, k->len) == k;
        char longer[64];
        snprintf(longer, sizeof longer, "%sq", k->word);
        found &= !keyword_find(longer, k->len + 1u);
    }
    tap_ok(sorted, "keywords.def is in byte order");
    tap_ok(found && n > 180, "every keyword is found, and nothing else");
    tap_ok(!keyword_find("", 0) && !keyword_find("IP", 2) && !keyword_find("\xff", 1), "other words are not");

    struct run r;
    bool reserved = true;
    for (size_t i = 0; i < n; i++) {
        char text[80];
        snprintf(text, sizeof text, "ifname %s", keyword_row(i)->word);
        parse(&r, text);
        reserved &= r.status == WEIR_E_FILTER;
        release(&r);
        snprintf(text, sizeof text, "ifname \\%s", keyword_row(i)->word);
        parse(&r, text);
        reserved &= r.status == 0;
        release(&r);
    }
    tap_ok(reserved, "every keyword needs a backslash to be a name");
}

/* ---------------------------------------------------------------- shared cases */

static void test_shared(void)
{
    char *accept = shared_path("cases/accept.jsonl"), *reject = shared_path("cases/reject.jsonl");
    struct json_lines lines;
    struct run r;

    if (!accept || !reject) {
        tap_skip(SHARED_ABSENT, "every accepted spelling parses");
        tap_skip(SHARED_ABSENT, "rejected filters fail here or later, as they should");
        free(accept), free(reject);
        return;
    }
    bool all = json_lines_load(accept, &lines);
    for (size_t i = 0; all && i < lines.n; i++) {
        json_t *spellings = json_object_get(lines.at[i], "spellings"), *s;
        size_t k;
        json_array_foreach(spellings, k, s)
        {
            parse(&r, json_string_value(s));
            if (r.status != 0) {
                tap_diag("does not parse: %s", json_string_value(s));
                all = false;
            }
            release(&r);
        }
    }
    json_lines_free(&lines);
    tap_ok(all, "every accepted spelling parses");

    static const struct {
        const char *gist;
        uint16_t low, high;
    } kinds[] = {{"syntax error", 101, 203},
                 {"overflows 32 bits", 104, 104},
                 {"non-octal digit", 103, 103},
                 {"invalid IPv6 address", 105, 105},
                 {"invalid Ethernet address", 106, 106}};
    all = json_lines_load(reject, &lines);
    for (size_t i = 0; all && i < lines.n; i++) {
        const char *gist = json_text(lines.at[i], "gist"), *filter = json_text(lines.at[i], "filter");
        uint16_t low = 0, high = 0;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strstr(gist, kinds[k].gist))
                low = kinds[k].low, high = kinds[k].high;
        parse(&r, filter);
        uint16_t got = r.sink.list.n ? r.sink.list.at[0].number : 0;
        if (got < low || got > high || (got != 0) != (r.status != 0)) {
            tap_diag("%s (%s): status %d, E%04u", filter, gist, r.status, got);
            all = false;
        }
        release(&r);
    }
    json_lines_free(&lines);
    tap_ok(all, "rejected filters fail here or later, as they should");
    free(accept), free(reject);
}

int main(void)
{
    test_trees();
    test_mistakes();
    test_bytes();
    test_sizes();
    test_memory();
    test_keywords();
    test_shared();
    return tap_done();
}
