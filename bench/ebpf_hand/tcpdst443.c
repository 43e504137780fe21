/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/tcpdst443.c - by hand: tcp dst port 443 */
#include "hand.h"

FILTER
{
    const __u16 port = NET16(443);

    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP) {
        if (!HAS(data, IP_END) || data[IP_PROTOCOL] != TCP || IS_LATER_FRAGMENT(data))
            return false;
        const __u8 *tcp = IP_PAYLOAD(data);
        return HAS(tcp, 4) && U16(tcp + 2) == port;
    }
    if (ETHERTYPE(data) != IP6 || !HAS(data, IP6_END + 4))
        return false;
    return data[IP6_NEXT] == TCP && U16(data + IP6_END + 2) == port;
}
