/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/flags.c - by hand: tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 */
#include "hand.h"

FILTER
{
    if (!HAS(data, IP_END) || ETHERTYPE(data) != IP || data[IP_PROTOCOL] != TCP || IS_LATER_FRAGMENT(data))
        return false;
    const __u8 *tcp = IP_PAYLOAD(data);
    return HAS(tcp, 14) && tcp[13] & 3;
}
