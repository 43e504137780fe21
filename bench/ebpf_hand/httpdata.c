/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/httpdata.c - by hand: tcp port 80 with data in it */
#include "hand.h"

FILTER
{
    const __u16 port = NET16(80);

    if (!HAS(data, IP_END) || ETHERTYPE(data) != IP || data[IP_PROTOCOL] != TCP || IS_LATER_FRAGMENT(data))
        return false;
    const __u8 *tcp = IP_PAYLOAD(data);
    if (!HAS(tcp, 13) || (U16(tcp) != port && U16(tcp + 2) != port))
        return false;
    return HOST16(data + 16) - (data[14] & 15) * 4 != (tcp[12] & 0xf0) >> 2;
}
