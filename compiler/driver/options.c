/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver/options.c - the caller's options, whichever release they are of, and whether they mean something.
 */
#include "driver/options.h"
#include <stddef.h>
#include <string.h>
#include "proto/linktype.h"

/* What structures of the first release held: members are only ever appended, and 0 is what an absent one
 * means. */
#define OPTIONS_FIRST_SIZE  (offsetof(struct weir_options, limits) + sizeof(struct weir_limits))
#define RESOLVER_FIRST_SIZE sizeof(struct weir_resolver)

bool options_take_sized(const void *from, size_t first, size_t now, void *to)
{
    size_t size;

    memcpy(&size, from, sizeof size);
    if (size < first || size > now)
        return false;
    memset(to, 0, now);
    memcpy(to, from, size);
    memcpy(to, &now, sizeof now);
    return true;
}

void options_take(const struct weir_options *from, struct options *out)
{
    *out = (struct options){.o = WEIR_OPTIONS_INIT};
    if (from && !options_take_sized(from, OPTIONS_FIRST_SIZE, sizeof out->o, &out->o))
        out->unknown = "the options' size";
    if (!out->o.resolver)
        return;
    if (!options_take_sized(out->o.resolver, RESOLVER_FIRST_SIZE, sizeof out->resolver, &out->resolver))
        out->unknown = "the resolver's size";
    out->o.resolver = &out->resolver;
}

int options_check(struct diag_sink *sink, const struct options *all)
{
    const struct diag_at nowhere = {.at = {0, 0}};
    const struct weir_options *o = &all->o;
    const struct {
        uint32_t value, most;
        const char *what;
    } choice[] = {
        {all->unknown != NULL, 0, all->unknown},
        {o->target, WEIR_TARGET_FUNC, "the target"},
        {o->savefile, WEIR_SAVEFILE_SWAPPED, "the savefile's byte order"},
        {o->tune, WEIR_TUNE_KERNEL, "what to tune for"},
        {o->hook, WEIR_HOOK_EGRESS, "where the program runs"},
    };
    uint32_t errors = sink->errors;

    for (size_t i = 0; i < sizeof choice / sizeof *choice; i++)
        if (choice[i].value > choice[i].most)
            diag(sink, DIAG_BAD_OPTION, nowhere, choice[i].what);
    if (o->snaplen == 0)
        diag(sink, DIAG_SNAPLEN_ZERO, nowhere);
    if (!linktype_by_number(o->linktype))
        diag(sink, DIAG_UNKNOWN_LINKTYPE, nowhere, o->linktype);
    return sink->errors == errors && !sink->failed ? WEIR_OK : WEIR_E_ARGUMENT;
}
