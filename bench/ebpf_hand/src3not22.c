/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/src3not22.c - by hand: (src host 10.0.0.1 or 10.0.0.2 or 10.0.0.3) and not port 22 */
#include "hand.h"

#define IS_ONE(p) (U32(p) == NET32(0x0a000001) || U32(p) == NET32(0x0a000002) || U32(p) == NET32(0x0a000003))

FILTER
{
    const __u16 port = NET16(22);

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == ARP || ETHERTYPE(data) == RARP)
        return HAS(data, ARP_SRC + 4) && IS_ONE(data + ARP_SRC);
    if (ETHERTYPE(data) != IP || !HAS(data, IP_END) || !IS_ONE(data + IP_SRC))
        return false;
    if (!HAS_PORTS(data[IP_PROTOCOL]) || IS_LATER_FRAGMENT(data))
        return true;
    const __u8 *ports = IP_PAYLOAD(data);
    return HAS(ports, 4) && U16(ports) != port && U16(ports + 2) != port;
}
