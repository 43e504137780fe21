/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ast/words.c - the words of the tree's enums.
 */
#include "ast/ast.h"
#include "ast/words.h"
#include <string.h>

const char *ast_proto_word(enum ast_proto p)
{
    static const char *const word[PROTO_COUNT] = {
        [PROTO_NONE] = "",       [PROTO_LINK] = "link",       [PROTO_IP] = "ip",
        [PROTO_IP6] = "ip6",     [PROTO_ARP] = "arp",         [PROTO_RARP] = "rarp",
        [PROTO_TCP] = "tcp",     [PROTO_UDP] = "udp",         [PROTO_SCTP] = "sctp",
        [PROTO_ICMP] = "icmp",   [PROTO_ICMP6] = "icmp6",     [PROTO_IGMP] = "igmp",
        [PROTO_IGRP] = "igrp",   [PROTO_PIM] = "pim",         [PROTO_VRRP] = "vrrp",
        [PROTO_CARP] = "carp",   [PROTO_AH] = "ah",           [PROTO_ESP] = "esp",
        [PROTO_ATALK] = "atalk", [PROTO_AARP] = "aarp",       [PROTO_DECNET] = "decnet",
        [PROTO_LAT] = "lat",     [PROTO_SCA] = "sca",         [PROTO_MOPRC] = "moprc",
        [PROTO_MOPDL] = "mopdl", [PROTO_ISO] = "iso",         [PROTO_CLNP] = "clnp",
        [PROTO_ESIS] = "esis",   [PROTO_ISIS] = "isis",       [PROTO_STP] = "stp",
        [PROTO_IPX] = "ipx",     [PROTO_NETBEUI] = "netbeui", [PROTO_RADIO] = "radio",
        [PROTO_L1] = "l1",       [PROTO_L2] = "l2",           [PROTO_IIH] = "iih",
        [PROTO_LSP] = "lsp",     [PROTO_SNP] = "snp",         [PROTO_CSNP] = "csnp",
        [PROTO_PSNP] = "psnp",
    };
    return word[p];
}

const char *ast_dir_word(enum ast_dir d)
{
    static const char *const word[] = {
        [DIR_NONE] = "",
        [DIR_SRC] = "src",
        [DIR_DST] = "dst",
        [DIR_SRC_OR_DST] = "src or dst",
        [DIR_SRC_AND_DST] = "src and dst",
        [DIR_ADDR1] = "addr1",
        [DIR_ADDR2] = "addr2",
        [DIR_ADDR3] = "addr3",
        [DIR_ADDR4] = "addr4",
        [DIR_RA] = "ra",
        [DIR_TA] = "ta",
    };
    return word[d];
}

const char *ast_type_word(enum ast_type t)
{
    static const char *const word[] = {
        [TYPE_NONE] = "",
        [TYPE_HOST] = "host",
        [TYPE_NET] = "net",
        [TYPE_PORT] = "port",
        [TYPE_PORTRANGE] = "portrange",
        [TYPE_PROTO] = "proto",
        [TYPE_PROTOCHAIN] = "protochain",
        [TYPE_GATEWAY] = "gateway",
    };
    return word[t];
}

const char *ast_relop_word(enum ast_relop r)
{
    static const char *const word[] = {
        [REL_EQ] = "=", [REL_NE] = "!=", [REL_GT] = ">", [REL_LE] = "<=", [REL_LT] = "<", [REL_GE] = ">=",
    };
    return word[r];
}

const char *ast_op_word(enum ast_op op)
{
    static const char *const word[] = {
        [OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*",  [OP_DIV] = "/",  [OP_MOD] = "%", [OP_AND] = "&",
        [OP_OR] = "|",  [OP_XOR] = "^", [OP_SHL] = "<<", [OP_SHR] = ">>", [OP_NEG] = "-",
    };
    return word[op];
}

const char *ast_kind_word(enum ast_kind kind)
{
    static const char *const word[] = {
        [AST_BROADCAST] = "broadcast",
        [AST_MULTICAST] = "multicast",
        [AST_LESS] = "less",
        [AST_GREATER] = "greater",
        [AST_BYTE] = "byte",
        [AST_INBOUND] = "inbound",
        [AST_OUTBOUND] = "outbound",
        [AST_IFINDEX] = "ifindex",
        [AST_VLAN] = "vlan",
        [AST_MPLS] = "mpls",
        [AST_PPPOED] = "pppoed",
        [AST_PPPOES] = "pppoes",
        [AST_GENEVE] = "geneve",
        [AST_VXLAN] = "vxlan",
        [AST_LLC] = "llc",
        [AST_WLAN_TYPE] = "type",
        [AST_WLAN_SUBTYPE] = "subtype",
        [AST_WLAN_DIR] = "dir",
        [AST_PF_IFNAME] = "ifname",
        [AST_PF_RULESET] = "rset",
        [AST_PF_RULENUM] = "rnr",
        [AST_PF_SUBRULENUM] = "srnr",
        [AST_PF_REASON] = "reason",
        [AST_PF_ACTION] = "action",
    };
    return word[kind];
}

const char *ast_atm_word(enum atm_keyword k)
{
    static const char *const word[] = {
        [ATM_LANE] = "lane",
        [ATM_METAC] = "metac",
        [ATM_BCC] = "bcc",
        [ATM_OAM] = "oam",
        [ATM_OAMF4] = "oamf4",
        [ATM_OAMF4EC] = "oamf4ec",
        [ATM_OAMF4SC] = "oamf4sc",
        [ATM_SC] = "sc",
        [ATM_ILMIC] = "ilmic",
        [ATM_CONNECTMSG] = "connectmsg",
        [ATM_METACONNECT] = "metaconnect",
    };
    return word[k];
}

const char *ast_ss7_word(enum ss7_keyword k)
{
    static const char *const word[] = {
        [SS7_FISU] = "fisu",   [SS7_LSSU] = "lssu",   [SS7_MSU] = "msu",
        [SS7_HFISU] = "hfisu", [SS7_HLSSU] = "hlssu", [SS7_HMSU] = "hmsu",
    };
    return word[k];
}

/* Every keyword and named constant, in order (keywords.def). */
static const char *const reserved[] = {
#define KEYWORD(word, token, value) word,
#include "grammar/keywords.def"
#undef KEYWORD
};

static bool is_reserved(const char *name, size_t len)
{
    size_t low = 0, high = sizeof reserved / sizeof *reserved;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(name, reserved[middle], len);
        if (order == 0 && reserved[middle][len] == '\0')
            return true;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

bool ast_name_is_plain(const char *name, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t hyphens = 0, dots = 0;
    bool word = false; /* has a character no number or address has */

    for (size_t i = 0; i < len; i++) {
        bool letter = is_one_of(name[i], letters), digit = is_one_of(name[i], "0123456789");
        if (!letter && !digit && (i == 0 || !is_one_of(name[i], "-_.") || (i + 1 == len && name[i] != '.')))
            return false;
        hyphens += name[i] == '-';
        dots += name[i] == '.';
        word |= (letter && !is_one_of(name[i], "abcdefABCDEFxX")) || name[i] == '_';
    }
    if (len == 0 || is_reserved(name, len))
        return false;
    return word || (hyphens > 0 && hyphens != 5) ||
           (hyphens == 0 && dots == 0 && len != 12 && is_one_of(name[0], letters));
}
