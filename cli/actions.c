/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/actions.c - what an eBPF program does with a packet, by name. Source: linux/bpf.h, linux/pkt_cls.h. */
#include "actions.h"
#include <string.h>
#include "say.h"

struct verdict {
    uint32_t target;
    const char *name;
    int32_t value;
};

static const struct verdict actions[] = {
    {WEIR_TARGET_XDP, "pass", 2},    {WEIR_TARGET_XDP, "drop", 1}, {WEIR_TARGET_XDP, "tx", 3},
    {WEIR_TARGET_XDP, "aborted", 0}, {WEIR_TARGET_TC, "pass", -1}, /* TC_ACT_UNSPEC: later filters still see
                                                                      the packet */
    {WEIR_TARGET_TC, "ok", 0},       {WEIR_TARGET_TC, "drop", 2},
};

static int set(uint32_t target, const char *option, const char *name, uint32_t *value)
{
    if (!name)
        return EXIT_DONE;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (actions[i].target == target && !strcmp(actions[i].name, name)) {
            *value = (uint32_t)actions[i].value;
            return EXIT_DONE;
        }
    if (target == WEIR_TARGET_XDP)
        return say_usage("%s is 'pass', 'drop', 'tx' or 'aborted' for xdp, not '%s'", option, name);
    if (target == WEIR_TARGET_TC)
        return say_usage("%s is 'pass', 'ok' or 'drop' for tc, not '%s'", option, name);
    return say_usage("%s is for xdp and tc", option);
}

int actions_set(const struct options *o, bool passes, struct weir_options *wo)
{
    bool hook = wo->target == WEIR_TARGET_XDP || wo->target == WEIR_TARGET_TC;
    bool xdp = wo->target == WEIR_TARGET_XDP;

    if (o->on_match || o->on_miss || (passes && hook)) {
        wo->has_actions = 1;
        wo->on_match = xdp ? 2 : (uint32_t)-1;
        wo->on_miss = wo->on_match; /* nothing is dropped unless asked */
    }
    int status = set(wo->target, "--on-match", o->on_match, &wo->on_match);
    return status ? status : set(wo->target, "--on-miss", o->on_miss, &wo->on_miss);
}
