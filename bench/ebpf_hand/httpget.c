/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/httpget.c - by hand: tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420 */
#include "hand.h"

FILTER
{
    if (!HAS(data, IP_END) || ETHERTYPE(data) != IP || data[IP_PROTOCOL] != TCP || IS_LATER_FRAGMENT(data))
        return false;
    const __u8 *tcp = IP_PAYLOAD(data);
    if (!HAS(tcp, 13))
        return false;
    const __u8 *payload = tcp + ((tcp[12] & 0xf0) >> 2);
    return HAS(payload, 4) && U32(payload) == NET32(0x47455420);
}
