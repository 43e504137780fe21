/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/p80or443.c - by hand: port 80 or port 443 */
#include "hand.h"

FILTER
{
    const __u8 *ports;

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP) {
        if (!HAS(data, IP_END) || !HAS_PORTS(data[IP_PROTOCOL]) || IS_LATER_FRAGMENT(data))
            return false;
        ports = IP_PAYLOAD(data);
    } else {
        if (ETHERTYPE(data) != IP6 || !HAS(data, IP6_END) || !HAS_PORTS(data[IP6_NEXT]))
            return false;
        ports = data + IP6_END;
    }
    if (!HAS(ports, 4))
        return false;
    return U16(ports) == NET16(80) || U16(ports) == NET16(443) || U16(ports + 2) == NET16(80) ||
           U16(ports + 2) == NET16(443);
}
