/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/cost.c - what a classic program costs, and whether this machine's kernel takes it. */
#include "cost.h"
#include <inttypes.h>
#include <stdio.h>
#include "say.h"

#define OPTMEM_FILE    "/proc/sys/net/core/optmem_max"
#define OPTMEM_DEFAULT 131072 /* Linux 6.7; the library judges by it, too */

/* Memory that the kernel gives to the options of a socket; 0 when it does not say. */
static uint64_t optmem_max(void)
{
    uint64_t bytes = 0;
    FILE *f = fopen(OPTMEM_FILE, "r");

    if (!f)
        return 0;
    if (fscanf(f, "%" SCNu64, &bytes) != 1)
        bytes = 0;
    fclose(f);
    return bytes;
}

/* Why the kernel would refuse the program, and what to do; both NULL when it takes it. */
static void judge(const struct weir_program *p, const struct weir_cost *c, uint64_t optmem, char *why,
                  size_t size, const char **advice)
{
    const char *refusal = weir_program_kernel_refusal(p);

    *why = '\0';
    *advice = NULL;
    /* With more memory than by default the library's judgement of memory does not count. */
    if (refusal && (c->instructions > 4096 || c->kernel_bytes < OPTMEM_DEFAULT)) {
        snprintf(why, size, "%s", refusal);
        *advice = "attach it as eBPF (-t), or capture without a filter and match with -r";
    } else if (optmem ? c->kernel_bytes >= optmem : refusal != NULL) {
        snprintf(why, size,
                 "it needs about %" PRIu64
                 " bytes of socket option memory, and net.core.optmem_max is %" PRIu64,
                 c->kernel_bytes, optmem ? optmem : OPTMEM_DEFAULT);
        *advice = "raise it (sysctl -w net.core.optmem_max=BYTES), or attach the filter as eBPF (-t)";
    }
}

static void print_json(const struct weir_cost *c, uint64_t optmem, const char *why, const char *advice)
{
    printf("{\"instructions\": %u, \"loads\": %u, \"longest\": {\"instructions\": %u, \"loads\": %u}, "
           "\"typical\": {\"instructions\": %u, \"loads\": %u}, "
           "\"kernel\": {\"bytes\": %" PRIu64 ", \"optmem_max\": %" PRIu64 ", \"takes\": %s",
           c->instructions, c->loads, c->longest_instructions, c->longest_loads, c->accept_instructions,
           c->accept_loads, c->kernel_bytes, optmem, advice ? "false" : "true");
    if (advice) {
        fputs(", \"reason\": ", stdout);
        say_json_string(stdout, why);
        fputs(", \"advice\": ", stdout);
        say_json_string(stdout, advice);
    }
    puts("}}");
}

int cost_print(const struct options *o, const struct weir_program *p)
{
    struct weir_cost c = {.size = sizeof c};
    char why[200];
    const char *advice;
    int status = weir_program_cost(p, &c);

    if (status < 0)
        return say_failed(o->json, "%s", weir_strerror(status));
    uint64_t optmem = optmem_max();
    judge(p, &c, optmem, why, sizeof why, &advice);
    if (o->json) {
        print_json(&c, optmem, why, advice);
        return EXIT_DONE;
    }
    printf("# program: %u instructions, %u packet loads\n", c.instructions, c.loads);
    printf("# longest path: %u instructions, %u packet loads\n", c.longest_instructions, c.longest_loads);
    if (c.accept_instructions)
        printf("# typical path (the shortest that accepts): %u instructions, %u packet loads\n",
               c.accept_instructions, c.accept_loads);
    if (advice)
        printf("# Linux would refuse it: %s\n# %s\n", why, advice);
    else
        printf("# Linux takes it: about %" PRIu64 " of %" PRIu64 " bytes of socket option memory\n",
               c.kernel_bytes, optmem ? optmem : (uint64_t)OPTMEM_DEFAULT);
    return EXIT_DONE;
}
