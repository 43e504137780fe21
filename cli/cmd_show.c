/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_show.c - weir show: what is attached by us, and what it counted. */
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "attached.h"
#include "commands.h"
#include "say.h"

struct show {
    bool json;
    const char *interface; /* NULL: all */
};

static void print(const struct weir_bpf_attached *a)
{
    const char *mode = attached_mode_name(a->mode);

    printf("%s %s%s%s  program %" PRIu32, a->interface, attached_hook_name(a->hook), *mode ? " " : "", mode,
           a->program);
    if (a->pin[0])
        printf("  pin %s", a->pin);
    fputs("\n  filter   ", stdout);
    say_text(stdout, a->filter[0] ? a->filter : "(every packet)",
             strlen(a->filter[0] ? a->filter : "(every packet)"));
    if (a->sets[0])
        printf("\n  sets     %s", a->sets);
    printf("\n  seen     %" PRIu64 " packets, %" PRIu64 " bytes\n  matched  %" PRIu64 " packets, %" PRIu64
           " bytes\n",
           a->counters.seen_packets, a->counters.seen_bytes, a->counters.matched_packets,
           a->counters.matched_bytes);
}

static int show_one(void *user, const struct weir_bpf_attached *a)
{
    const struct show *s = user;

    if (s->interface && strcmp(s->interface, a->interface) != 0)
        return 0;
    if (s->json)
        attached_print_json(a);
    else
        print(a);
    return 0;
}

int cmd_show(int argc, char **argv)
{
    struct weir_bpf_error e;
    struct show s = {0};

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            s.json = true;
        else if (argv[i][0] == '-')
            return say_usage("show: unknown option %s", argv[i]);
        else if (s.interface)
            return say_usage("show takes one interface");
        else
            s.interface = argv[i];
    }
    if (s.interface && !if_nametoindex(s.interface))
        return say_failed(s.json, "no interface is called '%s'", s.interface);
    return weir_bpf_list(show_one, &s, &e) < 0 ? attached_say(s.json, &e) : EXIT_DONE;
}
