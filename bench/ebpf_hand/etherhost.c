/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/etherhost.c - by hand: ether host 00:11:22:33:44:55 */
#include "hand.h"

FILTER
{
    const __u32 first = NET32(0x00112233);
    const __u16 last = NET16(0x4455);

    if (!HAS(data, 14))
        return false;
    return (U32(data + 6) == first && U16(data + 10) == last) ||
           (U32(data) == first && U16(data + 4) == last);
}
