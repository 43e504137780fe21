/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/host.c - by hand: host 192.168.1.1 */
#include "hand.h"

FILTER
{
    const __u32 host = NET32(0xc0a80101);

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP)
        return HAS(data, IP_END) && (U32(data + IP_SRC) == host || U32(data + IP_DST) == host);
    if (ETHERTYPE(data) == ARP || ETHERTYPE(data) == RARP)
        return HAS(data, ARP_END) && (U32(data + ARP_SRC) == host || U32(data + ARP_DST) == host);
    return false;
}
