/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/icmparp.c - by hand: icmp or arp */
#include "hand.h"

FILTER
{
    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP)
        return HAS(data, IP_END) && data[IP_PROTOCOL] == ICMP;
    return ETHERTYPE(data) == ARP;
}
