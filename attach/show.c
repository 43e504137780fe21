/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/show.c - the programs of ours on the interfaces of this network namespace. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "attach/internal.h"

struct walk {
    int (*each)(void *user, const struct weir_bpf_attached *a);
    void *user;
    struct weir_bpf_attached a; /* of the current interface and hook */
};

static int report(struct walk *w, uint32_t program)
{
    w->a.pin[0] = '\0';
    if (!program || !inspect_program(program, &w->a))
        return 0;
    pin_find(program, w->a.pin, sizeof w->a.pin);
    return w->each(w->user, &w->a);
}

static int report_filter(void *user, const struct tc_filter *f)
{
    struct walk *w = user;

    w->a.handle = f->handle;
    w->a.priority = f->priority;
    return report(w, f->program);
}

static int report_xdp(struct walk *w)
{
    struct bpf_xdp_query_opts o = {.sz = sizeof o};

    w->a.hook = WEIR_BPF_XDP;
    w->a.handle = w->a.priority = 0;
    if (bpf_xdp_query((int)w->a.ifindex, 0, &o) < 0)
        return 0; /* the interface has gone */
    const uint32_t program[] = {0, o.drv_prog_id, o.skb_prog_id, o.hw_prog_id};
    for (uint32_t mode = WEIR_BPF_NATIVE; mode <= WEIR_BPF_OFFLOAD; mode++) {
        w->a.mode = mode;
        int r = report(w, program[mode]);
        if (r)
            return r;
    }
    return 0;
}

static int report_interface(struct walk *w)
{
    int r = report_xdp(w);

    w->a.mode = WEIR_BPF_AUTO;
    for (uint32_t hook = WEIR_BPF_TC_INGRESS; !r && hook <= WEIR_BPF_TC_EGRESS; hook++) {
        w->a.hook = hook;
        r = tc_filters(w->a.ifindex, hook, report_filter, w);
        if (r == -ENODEV || r == -EINVAL || r == -EOPNOTSUPP)
            r = 0; /* the interface has gone, or has no such hook */
    }
    return r;
}

/* Numbers of programs can be asked for by root only; without it all programs would seem to be somebody
 * else's. */
static int check_privilege(struct weir_bpf_error *e)
{
    uint32_t id;

    if (bpf_prog_get_next_id(0, &id) == 0 || errno == ENOENT)
        return 0;
    return fail(e, errno, errno == EPERM ? "run it as root, or with the capability CAP_SYS_ADMIN" : NULL,
                "looking at eBPF programs: %s", strerror(errno));
}

int weir_bpf_list(int (*each)(void *user, const struct weir_bpf_attached *a), void *user,
                  struct weir_bpf_error *e)
{
    struct walk w = {.each = each, .user = user};
    struct if_nameindex *all;
    int r;

    if (!each)
        return missing(e, "the function");
    if (e)
        memset(e, 0, sizeof *e);
    struct quiet q = quiet_begin();
    r = check_privilege(e);
    if (r < 0)
        goto out;
    all = if_nameindex();
    if (!all) {
        r = fail(e, errno, NULL, "listing the interfaces: %s", strerror(errno));
        goto out;
    }
    for (struct if_nameindex *i = all; !r && i->if_index; i++) {
        w.a.ifindex = i->if_index;
        snprintf(w.a.interface, sizeof w.a.interface, "%s", i->if_name);
        r = report_interface(&w);
    }
    if_freenameindex(all);
    if (r < 0 && e && !e->number)
        fail(e, -r, NULL, "listing what is attached: %s", strerror(-r));
out:
    quiet_end(q);
    return r;
}
