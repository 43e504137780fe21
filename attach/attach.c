/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/attach.c - a loaded program to an interface: XDP, or tc behind the clsact discipline. */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>
#include "attach/internal.h"

/* ---------------------------------------------------------------- XDP */

struct xdp_state {
    uint32_t program; /* 0: none */
    uint32_t mode;
};

static struct xdp_state xdp_now(unsigned ifindex)
{
    struct bpf_xdp_query_opts o = {.sz = sizeof o};
    struct xdp_state none = {0, WEIR_BPF_AUTO};

    if (bpf_xdp_query((int)ifindex, 0, &o) < 0)
        return none;
    if (o.drv_prog_id)
        return (struct xdp_state){o.drv_prog_id, WEIR_BPF_NATIVE};
    if (o.skb_prog_id)
        return (struct xdp_state){o.skb_prog_id, WEIR_BPF_GENERIC};
    if (o.hw_prog_id)
        return (struct xdp_state){o.hw_prog_id, WEIR_BPF_OFFLOAD};
    return none;
}

static uint32_t xdp_flags(uint32_t mode)
{
    return mode == WEIR_BPF_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

static int xdp_occupied(const char *interface, struct xdp_state now, struct weir_bpf_error *e)
{
    struct weir_bpf_attached a;
    char name[16];

    inspect_name(now.program, name);
    if (inspect_program(now.program, &a))
        return fail(e, EBUSY, "replace it with --replace, or detach it first: weir detach xdp INTERFACE",
                    "%s already has an XDP program of weir: %u (%s)", interface, now.program, name);
    return fail(e, EBUSY,
                "weir does not replace other programs; if it may go: ip link set dev INTERFACE xdp off (or "
                "xdpgeneric "
                "off), or ask its owner",
                "%s already has an XDP program: %u (%s)", interface, now.program, name);
}

static int xdp_failed(const char *interface, unsigned ifindex, uint32_t mode, int number,
                      struct weir_bpf_error *e)
{
    struct xdp_state now = xdp_now(ifindex);
    const char *kernel = quiet_kernel_message();

    if (number == EPERM || number == EACCES)
        return fail(e, number, NEEDS_NET_ADMIN, "no permission to attach to %s", interface);
    if (now.program && (number == EBUSY || number == EEXIST))
        return xdp_occupied(interface, now, e);
    if (mode == WEIR_BPF_NATIVE)
        return fail(e, number, "use --mode generic, which every driver has",
                    "%s cannot run XDP in its driver: %s%s%s", interface, strerror(number),
                    *kernel ? ": " : "", kernel);
    return fail(e, number, NULL, "attaching XDP to %s: %s%s%s", interface, strerror(number),
                *kernel ? ": " : "", kernel);
}

/* Whether a failure of native mode leaves generic mode to try. */
static bool is_worth_generic(int number)
{
    return number != EPERM && number != EACCES && number != EBUSY && number != EEXIST && number != ENODEV;
}

static int xdp_replace(struct weir_bpf *p, const struct weir_bpf_place *place, unsigned ifindex,
                       struct xdp_state now, uint32_t *mode, struct weir_bpf_error *e)
{
    struct bpf_xdp_attach_opts o = {.sz = sizeof o};
    struct weir_bpf_attached a;

    if (!inspect_program(now.program, &a))
        return xdp_occupied(place->interface, now, e);
    if (place->mode != WEIR_BPF_AUTO && place->mode != now.mode)
        return fail(e, EBUSY, "detach it first", "the program on %s runs in another mode", place->interface);
    o.old_prog_fd = bpf_prog_get_fd_by_id(now.program);
    if (o.old_prog_fd < 0)
        return fail(e, errno, NULL, "program %u: %s", now.program, strerror(errno));
    int err = bpf_xdp_attach((int)ifindex, p->program, xdp_flags(now.mode) | XDP_FLAGS_REPLACE, &o);
    close(o.old_prog_fd);
    if (err < 0)
        return xdp_failed(place->interface, ifindex, now.mode, -err, e);
    if (pin_find(now.program, a.pin, sizeof a.pin))
        pin_remove(a.pin);
    *mode = now.mode;
    return 0;
}

static int attach_xdp(struct weir_bpf *p, const struct weir_bpf_place *place, unsigned ifindex,
                      uint32_t *mode, struct weir_bpf_error *e)
{
    struct xdp_state now = xdp_now(ifindex);
    uint32_t first = place->mode == WEIR_BPF_GENERIC ? WEIR_BPF_GENERIC : WEIR_BPF_NATIVE;

    if (now.program)
        return place->replace ? xdp_replace(p, place, ifindex, now, mode, e)
                              : xdp_occupied(place->interface, now, e);
    int err = bpf_xdp_attach((int)ifindex, p->program, xdp_flags(first) | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
    if (err < 0 && place->mode == WEIR_BPF_AUTO && is_worth_generic(-err)) {
        first = WEIR_BPF_GENERIC;
        err = bpf_xdp_attach((int)ifindex, p->program, xdp_flags(first) | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
    }
    if (err < 0)
        return xdp_failed(place->interface, ifindex, first, -err, e);
    *mode = first;
    return 0;
}

/* ---------------------------------------------------------------- tc */

static int is_made_for_us(void *user, const struct tc_filter *f)
{
    bool *made = user;

    if (f->handle == (TC_HANDLE | TC_HANDLE_MADE))
        *made = true;
    return 0;
}

static int tc_failed(const char *interface, int number, struct weir_bpf_error *e)
{
    const char *kernel = quiet_kernel_message();

    if (number == EPERM || number == EACCES)
        return fail(e, number, NEEDS_NET_ADMIN, "no permission to attach to %s", interface);
    return fail(e, number,
                number == ENOENT || number == EOPNOTSUPP ? "the kernel may lack sch_clsact or cls_bpf" : NULL,
                "attaching to tc of %s: %s%s%s", interface, strerror(number), *kernel ? ": " : "", kernel);
}

static int attach_tc(struct weir_bpf *p, const struct weir_bpf_place *place, unsigned ifindex,
                     struct weir_bpf_error *e)
{
    struct bpf_tc_hook hook = {
        .sz = sizeof hook,
        .ifindex = (int)ifindex,
        .attach_point = place->hook == WEIR_BPF_TC_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS,
    };
    struct bpf_tc_opts o = {.sz = sizeof o, .prog_fd = p->program, .handle = TC_HANDLE};
    int err = bpf_tc_hook_create(&hook);
    bool created = err == 0, made = created;

    if (err < 0 && err != -EEXIST)
        return tc_failed(place->interface, -err, e);
    if (!made) {
        tc_filters(ifindex, WEIR_BPF_TC_INGRESS, is_made_for_us, &made);
        tc_filters(ifindex, WEIR_BPF_TC_EGRESS, is_made_for_us, &made);
    }
    o.handle |= made ? TC_HANDLE_MADE : 0;
    err = bpf_tc_attach(&hook, &o);
    if (err == 0)
        return 0;
    err = tc_failed(place->interface, -err, e);
    if (created) {
        hook.attach_point = (enum bpf_tc_attach_point)(BPF_TC_INGRESS | BPF_TC_EGRESS);
        bpf_tc_hook_destroy(&hook);
    }
    return err;
}

/* ---------------------------------------------------------------- both */

static int attach(struct weir_bpf *p, const struct weir_bpf_place *place, uint32_t *mode,
                  struct weir_bpf_error *e)
{
    unsigned ifindex = if_nametoindex(place->interface);

    if (!ifindex)
        return fail(e, errno, "'ip link' lists them", "no interface is called '%s'", place->interface);
    if (place->pin) {
        int err = pin_make(p, place->pin, e);
        if (err < 0)
            return err;
    }
    int err = place->hook == WEIR_BPF_XDP ? attach_xdp(p, place, ifindex, mode, e)
                                          : attach_tc(p, place, ifindex, e);
    if (err < 0 && place->pin)
        pin_remove(place->pin);
    return err;
}

int weir_bpf_attach(struct weir_bpf *p, const struct weir_bpf_place *place, uint32_t *mode,
                    struct weir_bpf_error *e)
{
    uint32_t found = WEIR_BPF_AUTO;

    if (!p || !place)
        return missing(e, p ? "the place to attach to" : "the program");
    if (e)
        memset(e, 0, sizeof *e);
    if (place->size != sizeof *place || !place->interface || place->hook < WEIR_BPF_XDP ||
        place->hook > WEIR_BPF_TC_EGRESS || place->mode > WEIR_BPF_GENERIC)
        return fail(e, EINVAL, NULL, "this is no place to attach to");
    struct quiet q = quiet_begin();
    int lock, err = sets_lock(p, &lock, e);
    if (err == 0)
        err = attach(p, place, &found, e);
    sets_unlock(lock);
    quiet_end(q);
    if (err == 0 && mode)
        *mode = found;
    return err;
}
