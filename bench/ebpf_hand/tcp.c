/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/tcp.c - by hand: tcp */
#include "hand.h"

FILTER
{
    if (!HAS(data, 14))
        return false;
    if (ETHERTYPE(data) == IP)
        return HAS(data, IP_END) && data[IP_PROTOCOL] == TCP;
    if (ETHERTYPE(data) != IP6 || !HAS(data, IP6_END))
        return false;
    /* behind a fragment header as well, as `tcp` does */
    return data[IP6_NEXT] == TCP || (data[IP6_NEXT] == 44 && HAS(data, IP6_END + 1) && data[IP6_END] == TCP);
}
