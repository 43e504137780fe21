/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach/netlink.c - the tc filters of an interface, which libbpf cannot list.
 *
 * One dump request, answered in several messages; each has one filter. Source: rtnetlink(7),
 * linux/rtnetlink.h, linux/pkt_cls.h (TCA_BPF_*).
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "attach/internal.h"

static const struct rtattr *attribute(const struct rtattr *a, int len, unsigned type)
{
    for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
        if ((a->rta_type & NLA_TYPE_MASK) == type)
            return a;
    return NULL;
}

static int one_filter(const struct nlmsghdr *h, int (*each)(void *, const struct tc_filter *), void *user)
{
    const struct tcmsg *t = NLMSG_DATA(h);
    int len = (int)h->nlmsg_len - (int)NLMSG_LENGTH(sizeof *t);
    struct tc_filter f = {.handle = t->tcm_handle, .priority = t->tcm_info >> 16};

    if (len < 0)
        return 0;
    const struct rtattr *attributes = (const struct rtattr *)((const char *)t + NLMSG_ALIGN(sizeof *t));
    const struct rtattr *kind = attribute(attributes, len, TCA_KIND);
    const struct rtattr *options = attribute(attributes, len, TCA_OPTIONS);
    if (kind && options && RTA_PAYLOAD(kind) >= 4 && memcmp(RTA_DATA(kind), "bpf", 4) == 0) {
        const struct rtattr *id = attribute(RTA_DATA(options), (int)RTA_PAYLOAD(options), TCA_BPF_ID);
        if (id && RTA_PAYLOAD(id) >= sizeof f.program)
            memcpy(&f.program, RTA_DATA(id), sizeof f.program);
    }
    return each(user, &f);
}

static int receive(int s, int (*each)(void *, const struct tc_filter *), void *user)
{
    char buffer[65536] __attribute__((aligned(NLMSG_ALIGNTO)));

    for (;;) {
        ssize_t got = recv(s, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        int len = (int)got;
        for (const struct nlmsghdr *h = (const struct nlmsghdr *)buffer; NLMSG_OK(h, (unsigned)len);
             h = NLMSG_NEXT(h, len)) {
            if (h->nlmsg_type == NLMSG_DONE)
                return 0;
            if (h->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
            if (h->nlmsg_type != RTM_NEWTFILTER)
                continue;
            int r = one_filter(h, each, user);
            if (r)
                return r;
        }
    }
}

int tc_filters(uint32_t ifindex, uint32_t hook, int (*each)(void *user, const struct tc_filter *f),
               void *user)
{
    struct {
        struct nlmsghdr header;
        struct tcmsg tc;
    } request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)),
                   .nlmsg_type = RTM_GETTFILTER,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                   .nlmsg_seq = 1},
        .tc = {.tcm_family = AF_UNSPEC,
               .tcm_ifindex = (int)ifindex,
               .tcm_parent =
                   TC_H_MAKE(TC_H_CLSACT, hook == WEIR_BPF_TC_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS)},
    };
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (s < 0)
        return -errno;
    int r = send(s, &request, request.header.nlmsg_len, 0) < 0 ? -errno : receive(s, each, user);
    close(s);
    return r;
}
