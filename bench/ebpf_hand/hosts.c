/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf_hand/hosts.c - by hand: a list of hosts or networks, as the switch from which clang makes its
 * search tree.
 *
 * HOSTS names a file with a line `HOST(0x0a000001)` for each, MASK is their netmask.
 */
#include "hand.h"

#define HOST(k) case NET32(k):

ALWAYS_INLINE bool listed(__u32 address)
{
    switch (address & NET32(MASK)) {
#include HOSTS
        return true;
    }
    return false;
}

FILTER
{
    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP)
        return HAS(data, IP_END) && (listed(U32(data + IP_SRC)) || listed(U32(data + IP_DST)));
    if (ETHERTYPE(data) == ARP || ETHERTYPE(data) == RARP)
        return HAS(data, ARP_END) && (listed(U32(data + ARP_SRC)) || listed(U32(data + ARP_DST)));
    return false;
}
