/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/not22.c - by hand: not port 22 */
#include "hand.h"

FILTER
{
    const __u16 port = NET16(22);

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP) {
        if (!HAS(data, IP_END))
            return false;
        if (!HAS_PORTS(data[IP_PROTOCOL]) || IS_LATER_FRAGMENT(data))
            return true;
        const __u8 *ports = IP_PAYLOAD(data);
        return HAS(ports, 4) && U16(ports) != port && U16(ports + 2) != port;
    }
    if (ETHERTYPE(data) != IP6)
        return true;
    if (!HAS(data, IP6_END))
        return false;
    if (!HAS_PORTS(data[IP6_NEXT]))
        return true;
    return HAS(data, IP6_END + 4) && U16(data + IP6_END) != port && U16(data + IP6_END + 2) != port;
}
