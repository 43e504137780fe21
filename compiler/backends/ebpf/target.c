/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/target.c - the targets: what programs of each type get and what they return.
 *
 * Source: linux/bpf.h (struct xdp_md, struct __sk_buff, enum xdp_action), linux/pkt_cls.h (TC_ACT_), and
 * net/core/filter.c and kernel/bpf/helpers.c of Linux for which fields, helpers and functions each type may
 * use.
 */
#include <stddef.h>
#include "backends/ebpf/internal.h"

/* The processor that runs the program is nothing of the packet: every program can ask. */
#define CPU                                                                                                  \
    {                                                                                                        \
        .number = META_CPU, .field = NOT_THERE, .helper = HELPER_PROCESSOR_ID                                \
    }

static const struct ebpf_meta xdp_meta[] = {
    {.number = META_IFINDEX, .field = 12}, /* ingress_ifindex */
    CPU,
};

/* Of struct __sk_buff; no field has the kind of device. */
static const struct ebpf_meta skb_meta[] = {
    {.number = META_PKTTYPE, .field = 4},
    {.number = META_MARK, .field = 8},
    {.number = META_QUEUE, .field = 12},
    {.number = META_PROTOCOL, .field = 16, .packet_order = true},
    {.number = META_VLAN_PRESENT, .field = 20},
    {.number = META_VLAN_TCI, .field = 24},
    {.number = META_VLAN_TPID, .field = 28, .packet_order = true},
    {.number = META_IFINDEX, .field = 40},
    {.number = META_RXHASH, .field = 68},
    CPU,
};

static const struct ebpf_meta any_meta[] = {CPU};

/* What all targets have whose context is struct __sk_buff. */
#define OF_SKB                                                                                               \
    .len = 0, .meta = skb_meta, .metas = sizeof skb_meta / sizeof skb_meta[0],                               \
    .load_bytes = HELPER_SKB_LOAD_BYTES

static const struct ebpf_target xdp = {
    .article_name = "an XDP program",
    .reads = READS_CONTEXT,
    .data = 0,
    .data_end = 4,
    .len = NOT_THERE,
    .meta = xdp_meta,
    .metas = sizeof xdp_meta / sizeof xdp_meta[0],
    .load_bytes = HELPER_XDP_LOAD_BYTES,
    .on_match = 2, /* XDP_PASS */
    .on_miss = 1,  /* XDP_DROP */
};

static const struct ebpf_target tc = {
    .article_name = "a tc program",
    .reads = READS_CONTEXT,
    .data = 76,
    .data_end = 80,
    OF_SKB,
    .on_match = UINT32_MAX, /* TC_ACT_UNSPEC: later classifiers run */
    .on_miss = 2,           /* TC_ACT_SHOT */
};

static const struct ebpf_target socket = {
    .article_name = "a socket program",
    .reads = READS_CALLS,
    OF_SKB,
    .on_match = 0, /* the snapshot length, which the filter knows */
    .on_miss = 0,
};

static const struct ebpf_target socket_direct = {
    .article_name = "a socket program",
    .reads = READS_SKB,
    OF_SKB,
    .on_match = 0,
    .on_miss = 0,
};

static const struct ebpf_target cgroup = {
    .article_name = "a cgroup program",
    .reads = READS_CONTEXT,
    .data = 76,
    .data_end = 80,
    OF_SKB,
    .on_match = 1,
    .on_miss = 0,
};

static const struct ebpf_target func = {
    .article_name = "a function over packet bytes",
    .reads = READS_ARGUMENTS,
    .len = NOT_THERE,
    .meta = any_meta,
    .metas = sizeof any_meta / sizeof any_meta[0],
    .on_match = 1,
    .on_miss = 0,
};

const struct ebpf_kfunc_row ebpf_kfuncs[KFUNC_COUNT] = {
    [KFUNC_CAST_TO_KERN_CTX] = {"bpf_cast_to_kern_ctx", 1},
    [KFUNC_RDONLY_CAST] = {"bpf_rdonly_cast", 2},
};

const struct ebpf_skb_field_row ebpf_skb_fields[SKB_COUNT] = {
    [SKB_LEN] = {"len", 0, 4},
    [SKB_DATA_LEN] = {"data_len", 4, 4},
    [SKB_DATA] = {"data", 8, 8},
};

const struct ebpf_target *ebpf_target_of(const struct ebpf_target_options *o)
{
    switch ((enum weir_target)o->target) {
    case WEIR_TARGET_XDP:
        return &xdp;
    case WEIR_TARGET_TC:
        return &tc;
    case WEIR_TARGET_SOCKET:
        return o->direct ? &socket_direct : &socket;
    case WEIR_TARGET_CGROUP:
        return &cgroup;
    case WEIR_TARGET_FUNC:
        return &func;
    case WEIR_TARGET_CBPF:
        break;
    }
    return NULL;
}

const struct ebpf_meta *ebpf_target_meta(const struct ebpf_target *t, uint32_t m)
{
    for (uint32_t i = 0; i < t->metas; i++)
        if (t->meta[i].number == m)
            return &t->meta[i];
    return NULL;
}

struct ebpf_target_options ebpf_target_defaults(uint32_t target, uint32_t accept)
{
    struct ebpf_target_options o = {.target = target, .limit = EBPF_KERNEL_MAX};
    const struct ebpf_target *t = ebpf_target_of(&o);

    if (t) {
        o.numbers = target == WEIR_TARGET_SOCKET;
        o.on_match = o.numbers ? accept : t->on_match;
        o.on_miss = t->on_miss;
    }
    return o;
}
