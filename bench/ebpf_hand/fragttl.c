/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/fragttl.c - by hand: ip[6:2] & 0x1fff != 0 or ip[8] < 5 */
#include "hand.h"

FILTER
{
    if (!HAS(data, IP_END) || ETHERTYPE(data) != IP)
        return false;
    return IS_LATER_FRAGMENT(data) || data[22] < 5;
}
