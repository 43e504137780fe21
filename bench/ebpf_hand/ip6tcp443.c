/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/ip6tcp443.c - by hand: ip6 and tcp port 443 */
#include "hand.h"

FILTER
{
    const __u16 port = NET16(443);

    if (!HAS(data, IP6_END + 4) || ETHERTYPE(data) != IP6 || data[IP6_NEXT] != TCP)
        return false;
    return U16(data + IP6_END) == port || U16(data + IP6_END + 2) == port;
}
