/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_detach.c - weir detach: removing what weir attach made. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attached.h"
#include "commands.h"
#include "say.h"

/* What is to go. */
struct detach {
    bool json, all, xdp, ingress, egress;
    const char *interface, *pin;
    unsigned long program; /* 0: any */
    struct weir_bpf_attached *found;
    size_t count;
    bool no_memory;
};

static bool is_meant(const struct detach *d, const struct weir_bpf_attached *a)
{
    if (d->all)
        return true;
    if (d->pin)
        return !strcmp(d->pin, a->pin);
    if (strcmp(d->interface, a->interface) != 0 || (d->program && d->program != a->program))
        return false;
    return a->hook == WEIR_BPF_XDP ? d->xdp : a->hook == WEIR_BPF_TC_INGRESS ? d->ingress : d->egress;
}

/* Collected first: the list must not change while it is walked. */
static int collect(void *user, const struct weir_bpf_attached *a)
{
    struct detach *d = user;

    if (!is_meant(d, a))
        return 0;
    struct weir_bpf_attached *more = realloc(d->found, (d->count + 1) * sizeof *more);
    if (!more) {
        d->no_memory = true;
        return 1;
    }
    d->found = more;
    d->found[d->count++] = *a;
    return 0;
}

static int usage(void)
{
    return say_usage(
        "detach xdp IFACE, detach tc IFACE [--ingress | --egress], detach --pin NAME, or detach --all");
}

static int parse(int argc, char **argv, struct detach *d)
{
    const char *hook = NULL;
    char *end;

    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "--json"))
            d->json = true;
        else if (!strcmp(a, "--all"))
            d->all = true;
        else if (!strcmp(a, "--ingress"))
            d->ingress = true;
        else if (!strcmp(a, "--egress"))
            d->egress = true;
        else if (!strcmp(a, "--pin") && i + 1 < argc)
            d->pin = argv[++i];
        else if (!strcmp(a, "--program") && i + 1 < argc) {
            d->program = strtoul(argv[++i], &end, 10);
            if (!d->program || *end)
                return say_usage("'%s' is not the number of a program", argv[i]);
        } else if (a[0] == '-')
            return say_usage("detach: unknown option %s, or its value is missing", a);
        else if (!hook)
            hook = a;
        else if (!d->interface)
            d->interface = a;
        else
            return usage();
    }
    if (d->all || d->pin)
        return hook || (d->all && d->pin) ? usage() : EXIT_DONE;
    if (!d->interface)
        return usage();
    if (!strcmp(hook, "xdp"))
        d->xdp = true;
    else if (strcmp(hook, "tc") != 0)
        return say_usage("unknown hook '%s': xdp or tc", hook);
    if (d->xdp && (d->ingress || d->egress))
        return say_usage("--ingress and --egress are for tc");
    if (!d->xdp && !d->ingress && !d->egress)
        d->ingress = d->egress = true;
    return EXIT_DONE;
}

static int detach_found(const struct detach *d)
{
    struct weir_bpf_error e;
    int status = EXIT_DONE;

    for (size_t i = 0; i < d->count; i++)
        if (weir_bpf_detach(&d->found[i], &e) < 0)
            status = attached_say(d->json, &e);
    return status;
}

int cmd_detach(int argc, char **argv)
{
    struct detach d = {0};
    struct weir_bpf_error e;
    int status = parse(argc, argv, &d);

    if (status)
        return status;
    if (d.interface && !if_nametoindex(d.interface))
        return say_failed(d.json, "no interface is called '%s'", d.interface);
    if (weir_bpf_list(collect, &d, &e) < 0)
        status = attached_say(d.json, &e);
    else if (d.no_memory)
        status = say_failed(d.json, "out of memory");
    else if (!d.count && d.pin) /* the interface may be gone, and its program with it */
        status = weir_bpf_unpin(d.pin, &e) < 0 ? attached_say(d.json, &e) : EXIT_DONE;
    else if (!d.count && d.program)
        status = say_failed(d.json, "program %lu is none that weir attached to %s on %s", d.program,
                            d.xdp ? "xdp" : "tc", d.interface);
    else if (!d.count && !d.all)
        status = say_failed(d.json, "nothing that weir attached to %s is on %s", d.xdp ? "xdp" : "tc",
                            d.interface);
    attached_hold_signals(true);
    if (!status)
        status = detach_found(&d);
    attached_hold_signals(false);
    free(d.found);
    return status;
}
