/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/xdp_drop.c - drop the packets that match a filter before the network stack sees them, and count.
 *
 *   xdp_drop INTERFACE FILTER        until interrupted; needs root
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "weir/weir.h"
#include "weir/weir_bpf.h"

#define XDP_DROP 1
#define XDP_PASS 2

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static int complain(const struct weir_bpf_error *e)
{
    fprintf(stderr, "%s%s\n%s\n", e->log, e->message, e->hint);
    return 1;
}

/* Compiles @text to an XDP object and attaches it; the program's number goes to @id. */
static int attach(const char *interface, const char *text, uint32_t *id)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_bpf_place place = {.size = sizeof place, .hook = WEIR_BPF_XDP, .interface = interface};
    struct weir_bpf_error e;
    struct weir *weir = NULL;
    struct weir_program *program = NULL;
    struct weir_bpf *loaded = NULL;
    const struct weir_diagnostic *d;
    char *object = NULL;
    size_t len = 0;
    int failed = 1;

    o.target = WEIR_TARGET_XDP;
    o.has_actions = 1;
    o.on_match = XDP_DROP;
    o.on_miss = XDP_PASS;
    o.count = 1;
    o.tables = 1;
    int status = weir_new(NULL, &weir);
    if (status >= 0)
        status = weir_compile(weir, text, strlen(text), &o, &program);
    if (status >= 0)
        status = weir_program_object(program, NULL, &object, &len);
    for (size_t i = 0; weir && (d = weir_diagnostic(weir, i)) != NULL; i++)
        fprintf(stderr, "E%04u at byte %u: %s\n", (unsigned)d->code, (unsigned)d->begin, d->message);
    if (status < 0)
        fprintf(stderr, "%s\n", weir_strerror(status));
    else if (weir_bpf_load(object, len, &loaded, &e) < 0 || weir_bpf_attach(loaded, &place, NULL, &e) < 0)
        complain(&e);
    else
        failed = 0;
    if (!failed)
        *id = weir_bpf_id(loaded);
    weir_bpf_close(loaded); /* what is attached stays */
    if (object)
        weir_text_free(program, object);
    weir_program_free(program);
    weir_free(weir);
    return failed;
}

struct search {
    uint32_t id;
    struct weir_bpf_attached found;
};

static int is_ours(void *user, const struct weir_bpf_attached *a)
{
    struct search *s = user;

    if (a->program != s->id)
        return 0;
    s->found = *a;
    return 1;
}

int main(int argc, char **argv)
{
    struct sigaction on_signal = {.sa_handler = stop};
    struct weir_bpf_error e;
    static struct search s;

    if (argc != 3) {
        fprintf(stderr, "usage: xdp_drop INTERFACE FILTER\n");
        return 2;
    }
    sigaction(SIGINT, &on_signal, NULL);
    sigaction(SIGTERM, &on_signal, NULL);
    if (attach(argv[1], argv[2], &s.id))
        return 1;
    while (!stopped && weir_bpf_list(is_ours, &s, &e) == 1) {
        printf("%llu of %llu packets dropped, %llu bytes\n",
               (unsigned long long)s.found.counters.matched_packets,
               (unsigned long long)s.found.counters.seen_packets,
               (unsigned long long)s.found.counters.matched_bytes);
        fflush(stdout);
        sleep(1);
    }
    if (weir_bpf_list(is_ours, &s, &e) != 1) {
        fprintf(stderr, "somebody else has detached it\n");
        return 1;
    }
    return weir_bpf_detach(&s.found, &e) < 0 ? complain(&e) : 0;
}
