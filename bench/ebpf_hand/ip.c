/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/ebpf_hand/ip.c - by hand: ip */
#include "hand.h"

FILTER
{
    return HAS(data, 14) && ETHERTYPE(data) == IP;
}
