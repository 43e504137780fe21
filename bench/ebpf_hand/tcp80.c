/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/tcp80.c - by hand: tcp port 80 */
#include "hand.h"

FILTER
{
    const __u16 port = NET16(80);

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP) {
        if (!HAS(data, IP_END) || data[IP_PROTOCOL] != TCP || IS_LATER_FRAGMENT(data))
            return false;
        const __u8 *tcp = IP_PAYLOAD(data);
        return HAS(tcp, 4) && (U16(tcp) == port || U16(tcp + 2) == port);
    }
    if (ETHERTYPE(data) != IP6 || !HAS(data, IP6_END + 4) || data[IP6_NEXT] != TCP)
        return false;
    return U16(data + IP6_END) == port || U16(data + IP6_END + 2) == port;
}
