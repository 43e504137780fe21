/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/detach.c - removing programs of ours, and nobody else's. */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>
#include "attach/internal.h"

static int detach_failed(const struct weir_bpf_attached *a, int number, struct weir_bpf_error *e)
{
    const char *kernel = quiet_kernel_message();

    return fail(e, number, number == EPERM || number == EACCES ? NEEDS_NET_ADMIN : NULL,
                "detaching program %u from %s: %s%s%s", a->program, a->interface, strerror(number),
                *kernel ? ": " : "", kernel);
}

static int detach_xdp(const struct weir_bpf_attached *a, struct weir_bpf_error *e)
{
    struct bpf_xdp_attach_opts o = {.sz = sizeof o, .old_prog_fd = bpf_prog_get_fd_by_id(a->program)};
    uint32_t mode = a->mode == WEIR_BPF_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;

    if (o.old_prog_fd < 0)
        return detach_failed(a, errno, e);
    int err = bpf_xdp_detach((int)a->ifindex, mode | XDP_FLAGS_REPLACE, &o); /* if it is still this program */
    close(o.old_prog_fd);
    return err < 0 ? detach_failed(a, -err, e) : 0;
}

static int any(void *user, const struct tc_filter *f)
{
    (void)user;
    (void)f;
    return 1;
}

static int detach_tc(const struct weir_bpf_attached *a, struct weir_bpf_error *e)
{
    struct bpf_tc_hook hook = {
        .sz = sizeof hook,
        .ifindex = (int)a->ifindex,
        .attach_point = a->hook == WEIR_BPF_TC_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS,
    };
    struct bpf_tc_opts o = {.sz = sizeof o, .handle = a->handle, .priority = a->priority};
    int err = bpf_tc_query(&hook, &o);

    if (err == 0 && o.prog_id != a->program)
        err = -ENOENT;
    if (err < 0)
        return detach_failed(a, -err, e);
    o = (struct bpf_tc_opts){.sz = sizeof o, .handle = a->handle, .priority = a->priority};
    err = bpf_tc_detach(&hook, &o);
    if (err < 0)
        return detach_failed(a, -err, e);
    if (a->handle == (TC_HANDLE | TC_HANDLE_MADE) &&
        tc_filters(a->ifindex, WEIR_BPF_TC_INGRESS, any, NULL) == 0 &&
        tc_filters(a->ifindex, WEIR_BPF_TC_EGRESS, any, NULL) == 0) {
        hook.attach_point = (enum bpf_tc_attach_point)(BPF_TC_INGRESS | BPF_TC_EGRESS);
        bpf_tc_hook_destroy(&hook);
    }
    return 0;
}

int weir_bpf_detach(const struct weir_bpf_attached *a, struct weir_bpf_error *e)
{
    if (!a)
        return missing(e, "what is to be detached");
    if (e)
        memset(e, 0, sizeof *e);
    struct quiet q = quiet_begin();
    int err = a->hook == WEIR_BPF_XDP ? detach_xdp(a, e) : detach_tc(a, e);
    quiet_end(q);
    if (err == 0 && a->pin[0])
        pin_remove(a->pin);
    return err;
}
