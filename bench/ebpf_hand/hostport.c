/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/hostport.c - by hand: host 192.168.1.1 and port 80 */
#include "hand.h"

FILTER
{
    const __u32 host = NET32(0xc0a80101);
    const __u16 port = NET16(80);

    if (!HAS(data, IP_END) || ETHERTYPE(data) != IP)
        return false;
    if (U32(data + IP_SRC) != host && U32(data + IP_DST) != host)
        return false;
    if (!HAS_PORTS(data[IP_PROTOCOL]) || IS_LATER_FRAGMENT(data))
        return false;
    const __u8 *ports = IP_PAYLOAD(data);
    return HAS(ports, 4) && (U16(ports) == port || U16(ports + 2) == port);
}
