/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/inputs.c - what a program looks at, in words or as JSON. */
#include "inputs.h"
#include <inttypes.h>
#include <stdio.h>
#include "say.h"

static const char *const kinds[] = {
    [WEIR_INPUT_BYTES] = "bytes",
    [WEIR_INPUT_RELATIVE] = "relative",
    [WEIR_INPUT_LENGTH] = "length",
    [WEIR_INPUT_METADATA] = "metadata",
};

static void json_row(const struct weir_input *in)
{
    printf("{\"kind\": \"%s\"", kinds[in->kind]);
    if (in->kind == WEIR_INPUT_RELATIVE)
        printf(", \"place\": %u, \"lowest\": %u, \"highest\": %u", in->place, in->lowest, in->highest);
    if (in->kind == WEIR_INPUT_BYTES || in->kind == WEIR_INPUT_RELATIVE)
        printf(", \"begin\": %" PRId64 ", \"end\": %" PRId64, in->begin, in->end);
    if (in->kind == WEIR_INPUT_METADATA)
        printf(", \"name\": \"%s\"", in->name);
    putchar('}');
}

static void print_json(const struct weir_program *p, uint32_t reach)
{
    struct weir_input in = {.size = sizeof in};

    fputs("{\"inputs\": [", stdout);
    for (size_t i = 0; weir_program_input(p, i, &in) == WEIR_OK; i++) {
        fputs(i ? ", " : "", stdout);
        json_row(&in);
    }
    if (reach == WEIR_REACH_UNBOUNDED)
        puts("], \"reach\": null}");
    else
        printf("], \"reach\": %u}\n", reach);
}

/* "12-13" or "20"; behind a place "p1+14 to p1+17" or "p1-4". */
static void print_bytes(const struct weir_input *in)
{
    if (in->kind == WEIR_INPUT_RELATIVE) {
        printf("p%u%+" PRId64, in->place, in->begin);
        if (in->end > in->begin + 1)
            printf(" to p%u%+" PRId64, in->place, in->end - 1);
    } else {
        printf("%" PRId64, in->begin);
        if (in->end > in->begin + 1)
            printf("-%" PRId64, in->end - 1);
    }
}

/* One line for the rows that say the same kind of thing of the same place. */
static void print_words(const struct weir_program *p, uint32_t reach)
{
    struct weir_input in = {.size = sizeof in}, last = in;
    size_t i;

    for (i = 0; weir_program_input(p, i, &in) == WEIR_OK; i++) {
        bool again = i && in.kind == last.kind && in.place == last.place;
        if (i && !again && last.kind == WEIR_INPUT_RELATIVE)
            printf("; p%u is from %u to %u", last.place, last.lowest, last.highest);
        if (again)
            fputs(", ", stdout);
        else
            printf("%s# reads %s", i ? "\n" : "",
                   in.kind == WEIR_INPUT_LENGTH     ? "the packet's length"
                   : in.kind == WEIR_INPUT_METADATA ? "metadata: "
                                                    : "bytes ");
        if (in.kind == WEIR_INPUT_METADATA)
            fputs(in.name, stdout);
        else if (in.kind != WEIR_INPUT_LENGTH)
            print_bytes(&in);
        last = in;
    }
    if (i && last.kind == WEIR_INPUT_RELATIVE)
        printf("; p%u is from %u to %u", last.place, last.lowest, last.highest);
    puts(i ? "" : "# reads nothing");
    if (reach == WEIR_REACH_UNBOUNDED)
        puts("# reach: it may read any byte of a packet");
    else if (reach)
        printf("# reach: the first %u bytes of a packet are enough\n", reach);
    else
        puts("# reach: no byte of a packet is needed");
}

int inputs_check(const struct options *o, const struct weir_program *p)
{
    uint32_t reach;
    int status = weir_program_reach(p, &reach);

    if (status == WEIR_E_UNSUPPORTED)
        return say_failed(o->json, "what this program reads is not known");
    return status < 0 ? say_failed(o->json, "%s", weir_strerror(status)) : EXIT_DONE;
}

void inputs_print(const struct options *o, const struct weir_program *p)
{
    uint32_t reach = 0;

    weir_program_reach(p, &reach);
    (o->json ? print_json : print_words)(p, reach);
}
