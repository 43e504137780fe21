/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/udp53.c - by hand: udp port 53 */
#include "hand.h"

FILTER
{
    const __u16 port = NET16(53);

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP) {
        if (!HAS(data, IP_END) || data[IP_PROTOCOL] != UDP || IS_LATER_FRAGMENT(data))
            return false;
        const __u8 *udp = IP_PAYLOAD(data);
        return HAS(udp, 4) && (U16(udp) == port || U16(udp + 2) == port);
    }
    if (ETHERTYPE(data) != IP6 || !HAS(data, IP6_END + 4) || data[IP6_NEXT] != UDP)
        return false;
    return U16(data + IP6_END) == port || U16(data + IP6_END + 2) == port;
}
