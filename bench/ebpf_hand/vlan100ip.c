/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/vlan100ip.c - by hand: vlan 100 and ip; tc has a tag that came with the packet in metadata
 */
#include "hand.h"

FILTER
{
#ifdef HAND_TC
    if (ctx->vlan_present)
        return (ctx->vlan_tci & 0xfff) == 100 && HAS(data, 14) && ETHERTYPE(data) == IP;
#endif
    if (!HAS(data, 18))
        return false;
    __u16 type = ETHERTYPE(data);
    return (type == NET16(0x8100) || type == NET16(0x88a8) || type == NET16(0x9100)) &&
           (U16(data + 14) & NET16(0xfff)) == NET16(100) && U16(data + 16) == IP;
}
