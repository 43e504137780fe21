/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/linked/firewall.bpf.c - an XDP program of your own that asks two filters weir compiled.
 *
 * is_local() gets the context, is_dns() the bounds of the packet. build.sh makes both and links them in:
 * calls to them are as cheap as calls to functions of this file.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int is_local(struct xdp_md *ctx);                              /* weir -t xdp --linked --name is_local */
int is_dns(void *data, void *data_end, unsigned int wire_len); /* weir -t func --name is_dns */

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    void *data_end = (void *)(long)ctx->data_end;

    if (is_local(ctx))
        return XDP_PASS;
    return is_dns(data, data_end, data_end - data) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual BSD/GPL";
