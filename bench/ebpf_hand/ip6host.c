/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/ip6host.c - by hand: ip6 host 2001:db8::1 */
#include "hand.h"

FILTER
{
    const __u64 high = __builtin_bswap64(0x20010db800000000), low = __builtin_bswap64(1);

    if (!HAS(data, 14) || ETHERTYPE(data) != IP6 || !HAS(data, IP6_END))
        return false;
    return (U64(data + IP6_SRC) == high && U64(data + IP6_SRC + 8) == low) ||
           (U64(data + IP6_DST) == high && U64(data + IP6_DST + 8) == low);
}
