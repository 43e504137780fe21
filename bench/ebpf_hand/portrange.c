/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/portrange.c - by hand: tcp portrange 8000-8080 */
#include "hand.h"

#define IN_RANGE(p) ((__u16)(HOST16(p) - 8000) <= 80)

FILTER
{
    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP) {
        if (!HAS(data, IP_END) || data[IP_PROTOCOL] != TCP || IS_LATER_FRAGMENT(data))
            return false;
        const __u8 *tcp = IP_PAYLOAD(data);
        return HAS(tcp, 4) && (IN_RANGE(tcp) || IN_RANGE(tcp + 2));
    }
    if (ETHERTYPE(data) != IP6 || !HAS(data, IP6_END + 4) || data[IP6_NEXT] != TCP)
        return false;
    return IN_RANGE(data + IP6_END) || IN_RANGE(data + IP6_END + 2);
}
