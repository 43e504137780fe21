/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/net8.c - by hand: net 10.0.0.0/8 */
#include "hand.h"

FILTER
{
    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP)
        return HAS(data, IP_END) && (data[IP_SRC] == 10 || data[IP_DST] == 10);
    if (ETHERTYPE(data) == ARP || ETHERTYPE(data) == RARP)
        return HAS(data, ARP_END) && (data[ARP_SRC] == 10 || data[ARP_DST] == 10);
    return false;
}
