/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/prove/test_mutation.c - would the prover notice a broken optimizer?
 *
 * Each row of mutations.tsv is a deliberate mistake in one source file. The file is compiled with the mistake
 * into a folder of its own and linked, in front of the library, with this program, which then (--check)
 * compiles filters, and reads classic programs that return numbers, and proves that what was optimized
 * refines what was not. A mutant is caught when it does not, when the verifier objects, or when it crashes.
 * WEIR_CASE=TEXT tries only the mutants whose names hold TEXT.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "driver/pipeline.h"
#include "tests/differential/table.h"
#include "tests/golden/compile.h"
#include "tests/harness/shared.h"
#include "tests/property/filters.h"
#include "tests/prove/refine.h"

enum { Z3_MS = 2000, CHECK_SECONDS = 100, COLUMNS = 6, INSNS_MAX = 20000 };

#define TABLE "tests/prove/mutations.tsv"

/* Items of one shape, enough of them to be rows. */
#define TEN(item, a)                                                                                         \
    item(a, 0) item(a, 1) item(a, 2) item(a, 3) item(a, 4) item(a, 5) item(a, 6) item(a, 7) item(a, 8)       \
        item(a, 9)
#define SEVENTY(item)                                                                                        \
    TEN(item, 1) TEN(item, 2) TEN(item, 3) TEN(item, 4) TEN(item, 5) TEN(item, 6) TEN(item, 7)
#define TO_PORT(a, b)    "or (src host 1.1." #b "." #a " and udp dst port " #a #b ") "
#define PAIR6(a, b)      "or (src host 2001::" #a " and dst host 2001:" #b "::" #a #b ") "
#define NOT_PAIR(a, b)   "and not (src host 1.1.1." #a " and dst net 2." #a "." #b ".0/24) "
#define PEERS(a, b)      "or (ip src 1.1.1." #a " and (ip dst 2.1.1." #b " or 2.1.1." #a ")) "
#define OF_ICMP(a, b)    "or (icmp and src host 1.1." #a "." #b ") "
#define LENGTH(a, b)     "or (host 1.1.1." #b " and len > 6" #b ") "
#define ENDS(a, b)       "or (host 1.1.1." #b " and ((ip[9] = " #b " and ip[60] = 1) or ip[8] = 7)) "
#define NEAR_FAR(a, b)   "or (host 1.1.1." #b " and ip[8] = " #b ") or (host 1.1.2." #b " and ip[60] = " #b ") "
#define OTHER_LOAD(a, b) "or (host 1.1.1." #b " and ip[6" #b "] = 1) "
#define OF_KINDS(a, b)                                                                                       \
    "or (host 1.1.1." #b " and tcp port " #b ") or udp dst port " #b " or (host 1.1.2." #b " and len > 6" #b \
    ") "
#define THEN_TTL(a, b)  "or (host 1.1.1." #b " and port " #b " and ip[8] = 3) or (host 1.1.2." #b " and icmp) "
#define ONE_HOST6(a, b) "or (ip6 host 2001::1 and ether[40] = " #b " and ether[60] = " #b ") "
#define PORT6_LEN(a, b) "or (ip6 host 2001::" #b " and port " #b " and len > 6" #b ") "
#define SERVICE6(a, b)                                                                                       \
    "or (ip6 host 200" #b "::1 and tcp port " #b ") or (ip6 host 200" #b "::1 and udp port 7) "
#define EITHER6(a, b)  "or (ip6 host 200" #b "::1 and port " #b ") "
#define WORD6(a, b)    "or (ip6 host 200" #b "::1 and ip6[30] = " #b " and udp port " #b ") "
#define NET_PORT(a, b) "or (net 1." #b ".0.0/16 and port " #b ") "
#define TWO_BASES(a, b)                                                                                      \
    "or (host 1.1.1." #b " and tcp port " #b ") or (host 1.1.2." #b " and ip[60] = " #b ") "
#define WITHIN(a, b)     "or (net 1.1." #a ".0/24 and net 1." #b ".0.0/16) "
#define FROM_A(a, b)     "or 1." #a "." #b ".1 "
#define FROM_B(a, b)     "or 2." #a "." #b ".1 "
#define FROM_A_LEN(a, b) "or (src 1." #a "." #b ".1 and len>" #a #b ") "
#define BEHIND6(a, b)    "or (ip6 host 200" #b "::1 and ether[54] = " #b ") "
#define NOT_PORT6(a, b)  "or (ip6 host 200" #a ":" #b "::1 and not port " #a #b ") "
#define HOST_PORT(a, b)  "or (host 1.2.2." #b " and port " #b ") "
#define ICMP6(a, b)      "or (ip6 host 200" #b "::1 and icmp6) "
#define GROUP_PORT(a, b) "or ((host 1.1." #b ".1 or host 1.1." #b ".2) and port " #b ") "
#define MAC_PORT(a, b)                                                                                       \
    "or host 1.1." #a "." #b " or (ether src 2:0:0:0:" #a ":" #b " and tcp dst port " #b ") "
#define PAIR(a, b)      "or (src host 1.1." #a "." #b " and dst host 1.2." #a "." #b ") "
#define PAIR_TCP(a, b)  PAIR(a, b) "or tcp dst port " #b " "
#define PAIR_UDP(a, b)  "or udp src port 1" #b " " PAIR(a, b)
#define PAIR_TEXT(a, b) "or dst port " #b " " PAIR(a, b) "or (udp port 7" #b " and udp[8:4] = " #b ") "
#define MEETING(a, b)                                                                                        \
    "or (((ether[1" #b "] <= 5 and ether[1] != 2" #b ") or (ether[1" #b                                      \
    "] >= 3 and ether[70] = 2)) and ether[3] = " #b ") "

/* Each is longer than need be, so that the optimized one is taken. */
static const char *const programs[] = {
    "ldb [0]\njeq #1, a\njeq #2, b\nldb [0]\njeq #3, c\nret #0\na: ret #7\nb: ret #8\nc: ret #9\n",
    "ldb [0]\njeq #1, a\njeq #2, b\nldb [0]\njeq #3, c, d\na: ldb [1]\nret a\nb: ldb [2]\nret a\nc: ldb "
    "[1]\nret a\nd: ldb [0]\nret a\n",
    "ldb [0]\nadd #3\nmul #5\nst M[0]\nldb [1]\nmul #7\nxor #9\nst M[1]\nldb [2]\njeq #1, a\nld "
    "M[0]\nldx "
    "M[1]\nsub x\nret a\n"
    "a: ldb [3]\nand #255\nst M[2]\njeq #4, b\nld M[1]\nret a\nb: ld M[0]\nret a\n",
    "ldb [4]\njeq #6, a\nldb [5]\nst M[0]\nja b\na: ldb [6]\nmul #3\nadd #1\nst M[0]\nb: ldb [7]\njset "
    "#1, "
    "c\nldb [8]\n"
    "jeq #5, c\nja d\nc: ld M[0]\nldx M[0]\nadd x\nret a\nd: ld M[0]\nret a\n",
};

static const char *const filters[] = {
    "arp " SEVENTY(TO_PORT) "or ip[8] = 7",
    "icmp6 " SEVENTY(PAIR6),
    "not tcp " SEVENTY(NOT_PAIR),
    "arp " SEVENTY(PEERS) "or (ip src 3.1.1.1 and (ip dst 3.1.1.2 and 3.1.1.3)) ",
    "(net 1.1.1.0/24 and port 71) or (net 1.1.0.0/16 and port 72) " TEN(NET_PORT, 1),
    "udp dst port 5 or (dst host 10.0.0.2 and tcp[13] & 1 != 0) or "
    "(net 192.168.0.0/16 and port 5) or udp dst port 53 or (host 10.0.0.2 and udp port 8080) or "
    "(net 10.0.0.0/24 and port 22) or (host 10.0.0.1 and udp port 5) or "
    "(dst host 10.0.1.1 and tcp[13] & 32 != 0) or (dst host 10.0.1.1 and tcp[13] & 2 != 0) or "
    "(net 10.0.1.0/24 and port 22) or (net 10.0.0.0/8 and port 53) or "
    "(host 10.0.0.77 and udp port 7) or (host 10.0.1.1 and tcp portrange 7-22)",
    "(tcp and src host 10.0.0.1 and src port 22 and dst host 10.0.1.1 and dst port 53) or "
    "(net 10.0.1.0/24 and udp dst port 22) or port 5 or (net 10.0.0.0/24 and port 7) or "
    "(net 10.0.0.0/24 and udp dst port 5) or udp dst port 5 or (net 10.0.1.0/24 and port 53) or "
    "(net 10.0.0.0/24 and udp dst port 7) or (net 10.0.0.0/24 and udp dst port 5) or port 5",
    "(host 10.0.0.2 and tcp portrange 7-22) or udp dst port 5 or (host 10.0.1.1 and tcp portrange 7-22) or "
    "(net 10.0.1.0/24 and udp dst port 5) or (host 10.0.1.1 and tcp portrange 7-22) or udp dst port 53 or "
    "src host 10.0.1.1 or src host 10.0.0.77 or udp dst port 7 or (host 1.1.1.1 and tcp portrange 7-22)",
    "igmp or not host 10.0.0.1 or ip",
    "ether[0] & 1 != 0 or ether[1] & 2 != 0",
    "(ether[1] = 7 or ether[0] & 1 = 0) and ether[0] & 2 = 0",
    "(ether[0] = 5 and ip[1] = 1) or (ether[0] = 0 and ip[1] = 1)",
    "ether[20:2] = 4 or not ether[22] = 7 or ether[5] = 1",
    "ip and ((host 1.1.1.1 and icmp) or (host 1.1.1.2 and len > 1337) or (host 1.1.1.3 and len > 488) or "
    "(host 1.1.1.1 and len > 569) or (host 1.1.1.2 and udp port 53) or (host 1.1.1.4 and icmp) or "
    "(host 1.1.1.5 and icmp) or (host 1.1.1.6 and icmp))",
    "dst host fe80::2 or (host 2001:db8::3 and host 2001:db8:0:1::1) or host 2001:db8::2 or "
    "(host ff02::1 and host 2001:db8::1) or dst host ff02::1 or dst host 2001:db9::1 or "
    "(host fe80::2 and host ff02::1)",
    "(ip[8] < 20 and len > 100) or ip[8] > 10",
    "not (net 2001:db8::/126 and port 22) and not (net fe80::/16 and port 25) and not (net ff02::/40 and "
    "port "
    "443) and not (host ff02::1 and udp port 7) and not (net 2001:db8::/64 and port 8080) and not (net "
    "fe80::/16 and port 8080) and not (net fe80::/16 and port 443) and not (net 2001:db8::/126 and port 80)",
    "arp " TEN(SERVICE6, 1) "or ip6[7] = 9",
    "arp " TEN(EITHER6, 1) "or ip6[7] = 9",
    "arp " TEN(WORD6, 1) "or ip6[7] = 9",
    "arp " TEN(NOT_PORT6, 1) TEN(NOT_PORT6, 2) "or ip6[7] = 9",
    "(ip6 net 3001::/32 and ip6[7] = 1) " TEN(BEHIND6, 1),
    "arp " TEN(GROUP_PORT, 1) "or ip[8] = 9",
    "(host 1.2.2.0 and port 70) or (host 1.2.2.0 and port 71) " TEN(HOST_PORT, 1),
    "(ip6 host 2000::2 and icmp6) " TEN(ICMP6, 1),
    "not ((ip6 host ff02::1 and ip6[6] = 17) or (ip6 host 2001:db8::2 and ip6[6] = 58) or "
    "(ip6 host ff02::1 and ip6[6] = 17) or (ip6 host fe80::2 and ip6[6] = 17) or "
    "(ip6 host 2001:db8::2 and ip6[6] = 6) or (ip6 host fe80::2 and ip6[6] = 58) or "
    "(ip6 host fe80::1 and ip6[6] = 17) or (ip6 host 2001:db8:1::1 and ip6[6] = 58))",
    "(src host 1.1.1.1 and dst host 1.1.1.2) " TEN(PAIR_TCP, 1) TEN(PAIR_UDP, 2),
    "dst port 99 " TEN(PAIR_TEXT, 1),
    "(src host 10.0.0.1 and dst host 10.0.1.1 and tcp) or (src port 2 and dst port 1) or "
    "(src port 6 and dst port 5) or sctp port 4 or (src host 10.0.0.2 and dst host 10.0.0.3 and tcp) or "
    "(src port 2 and dst port 4) or sctp port 1 or (src host 10.0.1.1 and dst host 10.0.1.1 and tcp) or "
    "(src port 5 and dst port 3) or sctp port 1",
    "tcp and ((src host 10.0.0.2 and dst host 10.0.1.1) or (src host 10.0.0.1 and dst host 1.2.3.4) or "
    "(src host 10.0.1.1 and dst host 10.0.0.1) or src port 1 or tcp port 3 or "
    "(src host 10.0.0.2 and dst host 1.2.3.4) or src port 3 or tcp port 5 or "
    "(src host 10.0.0.2 and dst host 1.2.3.4) or src port 1)",
    "((host 1.1.1.1 or host 1.1.1.2) and port 71) or ((host 1.1.1.2 or host 1.1.1.3) and port 72) " TEN(
        HOST_PORT, 1),
    "arp " TEN(MAC_PORT, 1) TEN(MAC_PORT, 2) "or ip[8] = 9",
    "(ether host 2:0:0:0:0:4 and src net 10.0.0.0/8) or tcp[13] & 8 != 0 or ether host 2:0:0:0:0:4 or "
    "tcp[13] & 2 != 0 or ether host 2:0:0:0:1:4 or tcp[13] & 4 != 0 or "
    "(ether host 2:0:0:0:1:2 and src net 10.0.0.8/30) or tcp[13] & 16 != 0",
    "ip proto 4 or (src host 10.0.0.1 and dst host 10.0.0.3) or (ip[1] < 47 and tcp[20] = 1) or "
    "ip proto 7 or (src host 10.0.0.1 and dst host 10.0.0.1) or (tcp[20] = 2 and ip[1] < 25) or "
    "ip proto 8 or (src host 10.0.0.1 and dst host 10.0.0.1) or (tcp[20] = 1 and ip[1] < 31)",
    "ether[0] = 9 " TEN(LENGTH, 1),
    "ether[0] = 9 " TEN(ENDS, 1),
    "ether[0] = 9 " TEN(NEAR_FAR, 1),
    "ether[0] = 9 " TEN(OTHER_LOAD, 1),
    "ether[0] = 9 " TEN(OF_KINDS, 1) "or ether[1] = 7",
    "(host 1.1.1.1 and host 1.1.1.2) or ether[1] = 7",
    "(net 1.1.1.0/24 and host 1.1.1.1) or (net 1.1.0.0/16 and net 1.2.0.0/16) or ether[1] = 7",
    "(dst host 10.0.0.3 and (tcp src port 2 and dst port 1)) or dst net 10.0.0.4/31 or (dst net 10.0.0.0/8 "
    "and udp[4:2] > 30)",
    "(host 2001:db8::4 and tcp dst port 4) or (host 2001:db8::4 and src port 2) or (host 2001:db8::4 and "
    "portrange 1-4) or "
    "(host 2001:db8::4 and (tcp src port 1 and dst port 4)) or (host 2001:db8::1 and tcp dst port 1) or "
    "(host 2001:db8::1 and udp port 4) or (host 2001:db8::2 and (tcp src port 4 and dst port 3)) or "
    "(host 2001:db8::3 and tcp dst port 1) or ether[0] = 7",
    "(ether[0] >= 3 or ether[5] = 1) and (ether[0] >= 5 or ether[5] = 2)",
    "((ether[0] = 1 and ether[60] = 1) or ether[5] = 1) and ((ether[0] = 2 and ether[60] = 3) or ether[5] = "
    "2) or "
    "ether[1] = 7",
    "((ether[20] = 1 or ether[30] = 1) and ether[60] = 1 and (ether[20] = 2 or ether[30] = 2)) or ether[1] = "
    "7",
    "arp " SEVENTY(WITHIN) "or ether[1] = 7",
    "(tcp and src (1.3.0.1 " SEVENTY(FROM_A) ")) or (udp and src (1.3.0.1 " SEVENTY(FROM_B) ")) " SEVENTY(
        FROM_A_LEN),
    "(host 1.1.1.1 and tcp port 1) or udp dst port 77 or (host 1.1.1.1 and udp port 2) or udp dst port "
    "88 " TEN(OF_KINDS, 1),
    "ether[0] = 9 " TEN(THEN_TTL, 1) "or ether[1] = 7",
    "ether[0] = 9 " TEN(ONE_HOST6, 1) "or ether[1] = 7",
    "ether[0] = 9 " TEN(TWO_BASES, 1) "or ether[1] = 7",
    "ether[0] = 9 " TEN(PORT6_LEN, 1) "or ether[1] = 7",
    "ether[9] = 9 " TEN(MEETING, 1),
    "arp " SEVENTY(OF_ICMP) "or (igmp and src host 3.1.1.1) ",
    "(net 10.0.0.0/8 and (ip[8] = 1 or ip[70] = 1)) or (net 10.1.0.0/16 and (ip[8] = 2 or ip[70] = 2)) or "
    "(net 10.1.2.0/24 and (ip[8] = 3 or ip[70] = 3)) or (net 10.2.0.0/16 and (ip[8] = 4 or ip[70] = 4)) or "
    "(net 10.2.1.0/24 and (ip[8] = 5 or ip[70] = 5)) or (net 11.0.0.0/8 and (ip[8] = 6 or ip[70] = 6)) or "
    "(net 11.1.0.0/16 and (ip[8] = 7 or ip[70] = 7)) or (net 12.0.0.0/8 and (ip[8] = 8 or ip[70] = 8))",
    "(src net 10.0.0.0/8 and dst port 1) or (src net 10.1.0.0/16 and dst port 2) or (src net 10.1.2.0/24 and "
    "dst port 3) or "
    "(src net 10.2.0.0/16 and dst port 4) or (src net 10.2.1.0/24 and dst port 5) or (src net 11.0.0.0/8 and "
    "dst port 6)",
    "(ether host 2:0:0:0:0:1 and ip host 1.0.0.1) or (ether host 2:0:0:0:0:2 and ip host 1.0.0.2) or (ether "
    "host "
    "2:0:0:0:0:3 and ip host 1.0.0.3) or (ether host 2:0:0:0:0:4 and ip host 1.0.0.4) or (ether host "
    "2:0:0:0:0:5 and ip "
    "host 1.0.0.5) or (ether host 2:0:0:0:0:6 and ip host 1.0.0.6) or (ether host 2:0:0:0:0:7 and ip host "
    "1.0.0.7) or "
    "(ether host 2:0:0:0:0:8 and ip host 1.0.0.8)",
    "(ether host 2:0:0:0:0:1 and ip[8] = 1 and ip host 1.0.0.1) or (ether host 2:0:0:0:0:2 and ip[8] = 2 and "
    "ip host 1.0.0.2) "
    "or (ether host 2:0:0:0:0:3 and ip[8] = 3 and ip host 1.0.0.3) or (ether host 2:0:0:0:0:4 and ip[8] = 4 "
    "and ip host 1.0.0.4) "
    "or (ether host 2:0:0:0:0:5 and ip[8] = 5 and ip host 1.0.0.5) or (ether host 2:0:0:0:0:6 and ip[8] = 6 "
    "and ip host 1.0.0.6) "
    "or (ether host 2:0:0:0:0:7 and ip[8] = 7 and ip host 1.0.0.7) or (ether host 2:0:0:0:0:8 and ip[8] = 8 "
    "and ip host 1.0.0.8) "
    "or ether[13] = 77",
    "(src host 2001:db8::2 and dst host 2001:db8:0:1::1) or (src host 2001:db8::2 and dst host 2001:db8::1)",
    "port 80 or port 443 or port 8080",
    "port 1 or port 3 or port 5 or port 9 or portrange 20-30",
    "not port 22 and not port 53 and not port 80 and not port 123 and not port 443",
    "host 10.0.0.1 or host 10.0.0.2 or host 10.0.0.4 or host 10.0.0.9 or host 10.0.0.17",
    "src net 10.0.1.0/24 or src net 10.0.2.0/24 or src net 10.0.4.0/23",
    "not src net 10.0.0.0/8 and not dst host 10.0.0.1 and not arp",
    "(tcp port 80 and host 10.0.0.1) or (tcp port 443 and host 10.0.0.1)",
    "(src host 1.1.1.1 and dst port 1) or (src host 1.1.1.2 and dst port 2) or (src host 1.1.1.3 and dst "
    "port 3) or "
    "(src host 1.1.1.5 and dst port 5) or (src host 1.1.1.6 and dst port 6) or (src host 1.1.1.8 and dst "
    "port 8) or "
    "(src host 1.1.1.9 and dst port 9)",
    "(src host 1.1.1.1 and dst port 1) or (src host 1.1.1.1 and dst port 2) or (src host 1.1.1.2 and dst "
    "port 3)",
    "(ether[0] <= 5 and ether[1] = 1) or (ether[0] >= 5 and ether[0] <= 9 and ether[1] = 2) or (ether[0] >= "
    "20 and ether[0] "
    "<= 30 and ether[1] = 3) or (ether[0] = 40 and ether[1] = 4) or (ether[0] = 41 and ether[1] = 5) or "
    "(ether[0] = 43 and "
    "ether[1] = 6)",
    "(ether[0] = 1 and ether[1] = 1) or (ether[0] in 5 and ether[1] = 2)",
    "(ether[0] = 1 and ether[9] = 2) or ether[3] = 3 or (ether[0] = 4 and ether[9] = 5)",
    "(ether[0] = 1 and ether[2] = 2) or ether[50] = 3 or (ether[0] = 4 and ether[60] = 5)",
    "(ether[0] <= 5 and ether[9] = 1) or (ether[0] >= 3 and ether[2] = 2) or (ether[0] <= 5 and ether[60] = "
    "3)",
    "(ether[0] <= 5 and ether[1] = 1) or (ether[0] >= 3 and ether[2] = 2)",
    "(ether[0] = 1 and ether[1] = 1) or (ether[0] = 3 and ether[1] = 2)",
    "ether[0] = 1 or len / ether[1] > 2 or ether[0] = 3",
    "ether[0] = 1 and ether[2] = 3 or len / ether[1] > 2 or ether[0] = 3 and ether[2] = 4",
    "ip or arp or ip6 and not tcp",
    "ip and tcp and (port 80 or port 81) or arp and not host 1.2.3.4",
    "(ip and tcp or ip6 and udp) and (ip and port 80 or ip6 and port 53)",
    "(broadcast or ip or not udp src port 110) and dst host 172.16.5.4",
    "(ip or ip6) and (ip or arp) and greater 60",
    "tcp and not udp and (icmp or port 5)",
    "ether[0] & 0xf0 = 0x40 and ether[0] & 0x0e = 4",
    "(ether[0] & 12 = 8 and ether[1] = 1) or (ether[0] & 8 != 0 and ether[1] & 8 != 0 and ether[0] & 4 = 0)",
    "(ether[0] & 3 != 0 and ether[1] = 1 and (ether[0] & 1 = 0 or ether[0] & 6 = 2)) or ether[0] = 9",
    "(ether[0] >= 9 and ether[0] <= 11 and ether[1] = 1 and ether[0] & 13 = 8) or ether[0] & 5 = 5",
    "(((ether[0] & 3) * 6) & 2 != 0 and ether[1] = 1 and (ether[0] & 3) * 6 = 6) or ether[2] = 9",
    "dst port 8080 or not tcp port 443",
    "len > 60 and not ((net 10.0.0.0/30 and host 192.168.1.1) or (net 10.0.0.2/31 and host 192.168.1.1) or "
    "(src host 10.0.0.2 and port 5) or (net 10.0.0.0/24 and host 10.0.0.1) or (net 10.0.0.0/8 and host "
    "10.0.1.1) or "
    "(src host 10.0.1.1 and port 2) or (src host 10.0.0.2 and port 1) or (src host 10.0.0.1 and port 22))",
    "(dst net 192.168.0.0/16 and port 2 and portrange 5-5) or dst host 10.0.0.2 or (dst net 10.0.0.0/30 and "
    "port 2 and "
    "portrange 1-53) or (dst net 10.0.0.0/8 and port 1 and portrange 1-53) or icmp6",
    "tcp and ((net 10.0.0.0/8 and port 53) or (net 10.0.0.2/31 and port 1) or (net 10.0.0.0/24 and port 1))",
    "less 877 and not (ip[6:2] & 0x1fff = 0 and len > 474)",
    "len > 9 and ((ether[0] = 1 and ether[1] = 2) or len > 40)",
    "ether[0] = 1 or (ether[1] = 2 and ether[2] = 3 and ether[0] = 4) or (ether[1] = 3 and ether[0] = 5)",
    "len > 20 or (len > 10 and ether[3] = 1) or (ether[3] = 2 and ether[1] = 4 and len > 15)",
    "(ether[0] & 0xf0 = 0x40 and len / ether[1] > 2 and ether[0] & 0x0f = 5) or ether[2] = 7",
    "(ip proto 6 and ip[6:2] & 0x1fff = 0 and ether[40] = 1) or (ip proto 17 and ether[40] = 1) or (tcp[0] = "
    "1 and arp)",
    "(ether proto 1 or 2 or 3 or 5 or 7 or 11 or 13 or 17 or 19) and (ether proto 2 or 3 or 13 or 19 or 23)",
    "(ether[12:2] > 5 and ether[12:2] < 9) and (ether[12:2] > 7 or ether[12:2] = 6)",
    "((ether[30:2] = 2 or ether[30:2] = 3 or ether[30:2] = 5 or ether[30:2] = 7 or ether[30:2] = 11 or "
    "ether[30:2] = 31 or ether[30:2] = 37 or ether[30:2] = 41) and ether[0] = 1) or ((ether[30:2] = 2 or "
    "ether[30:2] = 13 or ether[30:2] = 19 or ether[30:2] = 23 or ether[30:2] = 29 or ether[30:2] = 43 or "
    "ether[30:2] = 47 or ether[30:2] = 53) and ether[1] = 1)",
    "sctp portrange 443 and ip[9] = 2 or dst and src port 22 or (sctp port 22 and ip[100] = 1)",
    "(sctp src port 443 and ip[8] = 2) or (dst and src port 22) or (sctp port 22 and ip[100] = 1)",
    "(ether[30:2] <= 9 and ip[1] = 1 or ether[30:2] = 20 and ip[1] = 2) and (ether[30:2] = 5 and ip[2] = 3 "
    "or ether[30:2] = 7)",
    "(host 1.1.1.1 and port 1) or (host 1.1.1.2 and port 4) or (host 1.1.1.3 and port 7) or (host "
    "1.1.1.4 and port 3) or (host 1.1.1.5 and port 6) or (host 1.1.1.6 and port 2) or (host 1.1.1.7 and "
    "port 5) or (host 1.1.1.8 and port 1) or (host 1.1.1.1 and port 4) or (host 1.1.1.2 and port 7) or "
    "ether[0] = 9",
    "(host 1.1.1.1 and host 1.1.2.1 and tcp port 1) or (host 1.1.1.2 and host 1.1.2.2 and tcp port 2) or "
    "(host 1.1.1.3 and host 1.1.2.3 and tcp port 3) or (host 1.1.1.4 and host 1.1.2.1 and tcp port 4) or "
    "(host 1.1.1.1 and host 1.1.2.2 and tcp port 5) or (host 1.1.1.2 and host 1.1.2.3 and tcp port 6) or "
    "(host 1.1.1.3 and host 1.1.2.1 and tcp port 7) or (host 1.1.1.4 and host 1.1.2.2 and tcp port 8) or "
    "(host 1.1.1.1 and host 1.1.2.3 and tcp port 9)",
    "(host 1.1.1.1 and tcp port 1 and host 1.1.1.1) or (host 1.1.1.2 and tcp port 2 and host 1.1.1.3) or "
    "(host 1.1.1.3 and tcp port 3 and host 1.1.1.5) or (host 1.1.1.4 and tcp port 4 and host 1.1.1.2) or "
    "(host 1.1.1.1 and tcp port 5 and host 1.1.1.4) or (host 1.1.1.2 and tcp port 6 and host 1.1.1.1) or "
    "(host 1.1.1.3 and tcp port 7 and host 1.1.1.3) or (host 1.1.1.4 and tcp port 8 and host 1.1.1.5) or "
    "(host 1.1.1.1 and tcp port 9 and host 1.1.1.2)",
    "(ip6 host 2001:db8::1 and udp port 1) or (ip6 host 2001:db8::2 and udp port 2) or (ip6 host "
    "2001:db8::3 and udp port 3) or (ip6 host 2001:db8::4 and udp port 1) or (ip6 host 2001:db8::5 and "
    "udp port 2) or (ip6 host 2001:db8::6 and udp port 3) or (ip6 host 2001:db8::7 and udp port 1) or "
    "(ip6 host 2001:db8::8 and udp port 2) or (ip6 host 2001:db8::9 and udp port 3)",
    "(ether[0] = 1 or ether[0] = 5) and ether[9] = 3 and ((ether[0] = 5 and ether[3] = 1) or ((ether[0] = 1 "
    "or "
    "ether[0] = 5 or ether[0] = 6) and ether[4] = 2))",
    "greater 200 and less 100",
    "greater 100 and less 200 and not less 150",
    "ip[ip[0]] = 5 or ip[ip[ip[1]]] = 6",
    "tcp[tcp[0]:2] > ip[2:2] and udp[0] = 1",
    "vlan and (ip or arp) or ip6",
    "host 10.0.0.1 and not (host 10.0.0.2 or host 10.0.0.1)",
    "src net 2001:db8:1::/48 or src net 2001:db8:2::/48 or src net 2001:db8:4::/48 or src net "
    "2001:db8:5::/48 or src net "
    "2001:db8:7::/48 or src net 2001:db8:8::/48 or src net 2001:db8:9::/48 or src net 2001:db8:b::/48 or src "
    "net "
    "2001:db9:1::/48 or src net 2001:db9:2::/48 or src net 2001:db9:4::/48 or src net 2001:db9:5::/48 or src "
    "net "
    "2001:dba:1::/48 or src net 2001:dbb::/48 or src net 2001:dbc::/48 or src net 2001:dbd::/48 or src net "
    "2001:dbe::/48",
    "tcp src port 1 or 3 or 5 or 7 or 9 or 11 or 13 or 15 or 17 or 20 or 21 or 24 or 30 or 31 or 35 or 40 or "
    "50 or tcp dst "
    "port 2 or 4 or 6",
    "tcp src port 1 or 3 or 5 or 7 or 9 or 11 or 13 or 15 or 17 or 20 or 21 or 24 or 30 or 31 or 35 or 40 or "
    "(not tcp src "
    "port 41 and tcp dst port 61)",
    "not src net 10.0.1 and not src net 10.0.2 and not src net 10.0.4 and not src net 10.0.8 and not src net "
    "10.0.9 and "
    "not src net 10.0.11 and not src net 10.0.20 and not src net 10.0.21 and not src net 10.0.23 and not src "
    "net 10.0.25 "
    "and not src net 10.0.27 and not src net 10.0.29 and not src net 10.0.31 and not src net 10.0.33 and not "
    "src net "
    "10.1 and not src net 10.3 and not (src net 10.5.1 or src net 10.5.7)",
    "(ether host 2:0:0:0:0:55 and ip host 10.0.0.2) or (ether host 2:0:0:0:0:55 and udp[8] = 1) or "
    "(ether host 2:0:0:0:0:51 and ip[20] = 2) or (ether host 2:0:0:0:0:52 and ip host 10.0.0.1) or "
    "(ether host 2:0:0:0:0:55 and udp[8] = 1) or (ether host 2:0:0:0:0:53 and ip[30] = 0) or (ether "
    "host 2:0:0:0:0:50 and udp[8] = 1) or (ether host 2:0:0:0:0:53 and udp[4] = 0)",
    "(ether host 2:0:0:0:0:50 and icmp[0] = 1) or (ether host 2:0:0:0:0:56 and arp host 10.0.0.2) or "
    "(ether host 2:0:0:0:0:54 and arp host 10.0.0.3) or (ether host 2:0:0:0:0:53 and ip dst host "
    "10.0.0.2) or (ether host 2:0:0:0:0:50 and icmp[0] = 1) or (ether host 2:0:0:0:0:57 and arp host "
    "10.0.0.3) or (ether host 2:0:0:0:0:53 and arp host 10.0.0.1) or (ether host 2:0:0:0:0:53 and ip "
    "dst host 10.0.0.1)",
    "(ether host 2:0:0:0:0:52 and ip6 host 2001:db8::2) or (ether host 00:99:22:33:44:50 and ip6 host "
    "2001:db8::2) or (ether host 2:0:0:0:0:50 and ip6 host 2001:db8::4) or (ether host 2:0:0:0:0:53 and "
    "ip6 host 2001:db8::4) or (ether host 2:0:0:0:0:53 and ip6 host 2001:db8::2) or (ether host "
    "2:0:0:0:0:52 and ip6 host 2001:db8::3) or (ether host 2:0:0:0:0:52 and ip6 host 2001:db8::3) or "
    "(ether host 2:0:0:0:0:51 and ip6 host 2001:db8::4)",
    "(ether[1] = 1 and ((ether host 2:0:0:0:0:17 and ip6[48] = 5) or (ether host 2:0:0:0:0:12 and "
    "ip[24] = 29) or (ether host 2:0:0:0:0:13 and ip6[48] = 21) or (ether host 2:0:0:0:0:11 and ip[20] "
    "= 12) or (ether host 2:0:0:0:0:13 and ip6[48] = 28) or (ether host 2:0:0:0:0:1b and ip[24] = 8) or "
    "(ether host 2:0:0:0:0:0f and ip[24] = 11) or (ether host 2:0:0:0:0:0e and ip6[44] = 9) or (ether "
    "host 2:0:0:0:0:0e and ip[24] = 20))) or ether[0] & 1 = 1",
    "(ether[1] < 100 and ((ether host 2:0:0:0:0:12 and ip and tcp port 901) or (ether host 2:0:0:0:0:1d "
    "and icmp[0] = 17) or (ether host 2:0:0:0:0:11 and icmp[0] = 36) or (ether host 2:0:0:0:0:0e and "
    "icmp[0] = 10) or (ether host 2:0:0:0:0:17 and ip and tcp port 5701) or (ether host 2:0:0:0:0:1d "
    "and icmp[0] = 39) or (ether host 2:0:0:0:0:03 and ip and tcp port 7201) or (ether host "
    "2:0:0:0:0:10 and icmp[0] = 26) or (ether host 2:0:0:0:0:0b and ip and tcp port 8701) or (ether "
    "host 2:0:0:0:0:11 and icmp[0] = 1))) or (ether[1] > 60 and ether[11] = 2)",
    "len > 30 and ((ether[0] & 1 = 0 and ((ether host 2:0:0:0:0:19 and ip6 and tcp port 4501) or (ether "
    "host 2:0:0:0:0:0e and udp[8] = 11) or (ether host 2:0:0:0:0:1d and ip6 and tcp port 1201) or "
    "(ether host 2:0:0:0:0:11 and udp[8] = 12) or (ether host 2:0:0:0:0:04 and ip6 and tcp port 2101) "
    "or (ether host 2:0:0:0:0:1a and udp[4] = 10) or (ether host 2:0:0:0:0:07 and ip6 and tcp port "
    "6901) or (ether host 2:0:0:0:0:0e and udp[8] = 17) or (ether host 2:0:0:0:0:0c and ip6 and tcp "
    "port 3001))) or ether[3] = 1)",
    "(ip[0] = 0x45 and ((ether host 2:0:0:0:0:50 and ether[6] & 1 = 1 and tcp[20] = 2) or (ether host "
    "2:0:0:0:0:51 and ip[24] = 0 and ether[6] & 1 = 0) or (ether host 2:0:0:0:0:52 and ether[6] & 1 = 1 "
    "and udp[4] = 0) or (ether host 2:0:0:0:0:51 and ip[24] = 2 and ether[6] & 1 = 0) or (ether host "
    "2:0:0:0:0:52 and udp[8] = 0 and ether[6] & 1 = 1) or (ether host 2:0:0:0:0:50 and ip[24] = 1 and "
    "ether[6] & 1 = 0) or (ether host 2:0:0:0:0:50 and tcp[0] = 2 and ether[6] & 1 = 1) or (ether host "
    "2:0:0:0:0:52 and ip[30] = 2 and ether[6] & 1 = 0))) or ether[11] = 2",
};

/* Where headers begin at a variable address, and others. */
static const struct {
    uint32_t linktype;
    const char *text;
} elsewhere[] = {
    {117, "(ip[8] = 4) or (ifname em0 and rulenum 4) or (ip[8] = 2) or (ifname em2) or (ip[8] = 1) or "
          "(rulenum 2) or (rset r1) or (ip[8] = 3)"},
    {113, "(ip6 host 2001:db8::2 and len > 171) or icmp6 or (ip6 host 2001:db8::1 and len > 198) or icmp6 or "
          "(ip6 host 2001:db8::2 and len > 147) or icmp6"},
    {105, "wlan host 2:0:0:0:0:1 or wlan host 2:0:0:0:0:2"},
};

/* ---------------------------------------------------------------- --check: is this library right? */

/* The optimizer with the verifier behind each pass. */
static int verified(const char *text, struct weir_options o)
{
    const struct opt_options all = {.verify = true, .pass_limit = UINT32_MAX};
    struct arena arena;
    struct ir_func f;

    arena_init(&arena, &allocator_system, (size_t)1 << 28);
    struct diag_sink sink = {.arena = &arena, .limit = 1};
    int rc = pipeline_ir(&arena, &sink, text, strlen(text), &o, &all, &f);
    arena_release(&arena);
    return rc;
}

/* False when something is wrong, which is said. */
static bool check_filter(const char *text, struct weir_options o)
{
    struct program plain = {0}, optimized = {0};
    struct refine_counts counts = {0};
    struct prove_result r = {0};
    char why[512];

    o.optimize = 0;
    if (compile_program(text, &o, &plain, why, sizeof why) < 0)
        return true; /* the same for every mutant: not a filter of this link type */
    o.optimize = 1;
    int rc = verified(text, o);
    if (rc == 0)
        rc = compile_program(text, &o, &optimized, why, sizeof why);
    bool right = rc >= 0;
    if (!right)
        printf("tune %u: %s: status %d\n", o.tune, text, rc);
    if (right && plain.n <= INSNS_MAX) {
        rc = refine_check(&plain, &optimized, Z3_MS, &counts, &r);
        right = rc == 0 && r.verdict != PROVE_DIFFER;
        if (!right) {
            refine_describe(rc, &r, why, sizeof why);
            printf("tune %u: %s: %s\n", o.tune, text, why);
        }
        if (rc == 0)
            prove_release(&r);
    }
    program_free(&plain);
    program_free(&optimized);
    return right;
}

/* The same for a classic program that is read. */
static bool check_program(const char *text)
{
    struct program side[2] = {{0}, {0}};
    struct refine_counts counts = {0};
    struct prove_result r = {0};
    struct weir *cx = NULL;
    bool right = weir_new(NULL, &cx) == 0;

    for (uint32_t optimize = 0; right && optimize < 2; optimize++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct weir_program *p = NULL;
        size_t n = 0;
        o.optimize = optimize;
        right = weir_program_read(cx, text, strlen(text), &o, &p) >= 0;
        const struct weir_cbpf_insn *code = right ? weir_program_cbpf(p, &n) : NULL;
        right = right && program_copy(code, (uint32_t)n, &side[optimize]);
        weir_program_free(p);
    }
    right = right && refine_check(&side[0], &side[1], Z3_MS, &counts, &r) == 0 && r.verdict != PROVE_DIFFER;
    if (!right)
        printf("not refined: %s\n", text);
    prove_release(&r);
    program_free(&side[0]);
    program_free(&side[1]);
    weir_free(cx);
    return right;
}

static int check_library(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;

    alarm(CHECK_SECONDS);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (!check_program(programs[i]))
            return 1;
    for (o.tune = WEIR_TUNE_SPEED; o.tune <= WEIR_TUNE_KERNEL; o.tune += WEIR_TUNE_KERNEL - WEIR_TUNE_SPEED) {
        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
            o.linktype = 1;
            if (!check_filter(filters[i], o))
                return 1;
        }
        for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
            o.linktype = elsewhere[i].linktype;
            if (!check_filter(elsewhere[i].text, o))
                return 1;
        }
        for (size_t i = 0; i < PROPERTY_FILTERS; i++) {
            o.linktype = property_filters[i].linktype;
            if (!check_filter(property_filters[i].text, o))
                return 1;
        }
    }
    o.linktype = 1;
    o.tune = WEIR_TUNE_SIZE;
    return check_filter(filters[0], o) ? 0 : 1; /* a long one, whose code is moved */
}

/* ---------------------------------------------------------------- mutants */

struct mutation {
    const char *name, *file, *old, *new, *why;
};

static const char *build_dir(void)
{
    const char *b = getenv("B");

    return b ? b : "build";
}

/* Writes the file with the mistake. False when its text is not there. */
static bool write_mutant(const struct mutation *m, const char *path)
{
    char *text = read_file(m->file, NULL);
    char *at = text ? strstr(text, m->old) : NULL;
    FILE *f = at ? fopen(path, "w") : NULL;

    if (f) {
        fwrite(text, 1, (size_t)(at - text), f);
        fprintf(f, "%s%s", m->new, at + strlen(m->old));
        fclose(f);
    }
    free(text);
    return f != NULL;
}

/* Runs @format as a shell command, output to @log. Returns its wait status. */
__attribute__((format(printf, 2, 3))) static int shell(const char *log, const char *format, ...)
{
    char command[8192];
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n + strlen(log) + 20 > sizeof command)
        return -1;
    sprintf(command + n, " >%s 2>&1", log);
    return system(command);
}

static void show_log(const char *log)
{
    char *text = read_file(log, NULL);
    if (text)
        tap_diag("%.600s", text);
    free(text);
}

static void try_mutant(const struct mutation *m, const char *work)
{
    char source[256], object[256], program[256], log[256];
    const char *b = build_dir();
    const char *cc = getenv("CC");

    snprintf(source, sizeof source, "%s/mutant.c", work);
    snprintf(object, sizeof object, "%s/mutant.o", work);
    snprintf(program, sizeof program, "%s/mutant", work);
    snprintf(log, sizeof log, "%s/log", work);
    cc = cc ? cc : "cc";
    if (!write_mutant(m, source)) {
        tap_ok(false, "%s: %s", m->file, m->name);
        tap_diag("the text to be changed is not there: %s", m->old);
        return;
    }
    /* errors only: a mutant may well leave something unused */
    int status =
        shell(log, "%s -std=c17 -D_GNU_SOURCE -w -O1 -Icompiler -Icompiler/include -I. -I%s/gen -c %s -o %s",
              cc, b, source, object);
    if (status == 0)
        status = shell(log,
                       "%s -o %s %s %s/tests/prove/test_mutation.o %s/tests/harness/*.o %s/libweir.a "
                       "-lcmocka -ljansson -lpcap "
                       "-lbpf -lelf",
                       cc, program, object, b, b, b);
    if (status != 0) {
        tap_ok(false, "%s: %s", m->file, m->name);
        tap_diag("the mutant cannot be built");
        show_log(log);
        return;
    }
    status = shell(log, "%s --check", program);
    if (!tap_ok(status != 0, "%s: %s", m->file, m->name))
        tap_diag("nothing was noticed");
    else
        show_log(log);
}

static void try_mutants(const char *work)
{
    const char *only = getenv("WEIR_CASE");
    char *text = read_file(TABLE, NULL), *rest = text, *column[COLUMNS];
    int header = 1;

    tap_ok(text != NULL, "%s can be read", TABLE);
    for (unsigned n; (n = table_next(&rest, &header, column, COLUMNS));) {
        const struct mutation m = {column[1], column[2], column[3], column[4], n == COLUMNS ? column[5] : ""};
        if (n < COLUMNS - 1) {
            tap_ok(false, "%s: \"%s\" lacks columns", TABLE, column[0]);
        } else if (only && !strstr(m.name, only)) {
            continue;
        } else if (!strcmp(column[0], "caught")) {
            try_mutant(&m, work);
        } else {
            tap_ok(*m.why != '\0', "%s: %s: no mistake: %s", m.file, m.name, m.why);
        }
    }
    free(text);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

int main(int argc, char **argv)
{
    char work[] = "/tmp/weir-mutants.XXXXXX", log[64];

    if (argc > 1 && !strcmp(argv[1], "--check"))
        return check_library();
#ifdef SANITIZED
    return tap_skip_all("the library is sanitized");
#endif
    tap_ok(check_library() == 0, "the library itself has none of these mistakes");
    alarm(0); /* each mutant sets its own */
    if (!mkdtemp(work)) {
        tap_ok(false, "%s: %s", work, strerror(errno));
        return tap_done();
    }
    try_mutants(work);
    snprintf(log, sizeof log, "rm -rf %s", work);
    if (system(log) != 0)
        tap_diag("%s remains", work);
    return tap_done();
}
