/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cmd_linktypes.c - listing the link types. */
#include <inttypes.h>
#include <stdio.h>
#include "commands.h"
#include "options.h"
#include "say.h"
#include "weir/weir.h"

int cmd_linktypes(const struct options *o)
{
    struct weir_linktype lt;

    if (o->json)
        puts("[");
    for (size_t i = 0; weir_linktype(i, &lt) == WEIR_OK; i++) {
        if (!o->json) {
            printf("%3" PRIu32 "  %-26s %-9s %s\n", lt.number, lt.name ? lt.name : "-",
                   lt.has_protocols ? "protocols" : "raw", lt.description);
            continue;
        }
        printf("%s  {\"number\": %" PRIu32 ", \"name\": ", i ? ",\n" : "", lt.number);
        say_json_string(stdout, lt.name);
        fputs(", \"description\": ", stdout);
        say_json_string(stdout, lt.description);
        printf(", \"protocols\": %s}", lt.has_protocols ? "true" : "false");
    }
    if (o->json)
        puts("\n]");
    return EXIT_DONE;
}
