/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/attached.c - what the commands attach, show and detach share. */
#include "attached.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "say.h"

const char *attached_hook_name(uint32_t hook)
{
    return hook == WEIR_BPF_XDP ? "xdp" : hook == WEIR_BPF_TC_INGRESS ? "tc ingress" : "tc egress";
}

const char *attached_mode_name(uint32_t mode)
{
    static const char *const names[] = {"", "native", "generic", "offload"};

    return mode <= WEIR_BPF_OFFLOAD ? names[mode] : "?";
}

int attached_say(bool json, const struct weir_bpf_error *e)
{
    if (json) {
        fputs("{\"severity\": \"error\", \"message\": ", stderr);
        say_json_string(stderr, e->message);
        if (e->hint[0]) {
            fputs(", \"hint\": ", stderr);
            say_json_string(stderr, e->hint);
        }
        if (e->log[0]) {
            fputs(", \"log\": ", stderr);
            say_json_string(stderr, e->log);
        }
        fputs("}\n", stderr);
        return EXIT_FAILED;
    }
    if (e->log[0]) {
        for (const char *line = e->log; *line;) {
            size_t len = strcspn(line, "\n");
            fputs("  ", stderr);
            say_text(stderr, line, len);
            fputc('\n', stderr);
            line += len + (line[len] == '\n');
        }
    }
    say_failed(false, "%s", e->message);
    if (e->hint[0])
        fprintf(stderr, "  hint: %s\n", e->hint);
    return EXIT_FAILED;
}

void attached_print_json(const struct weir_bpf_attached *a)
{
    fputs("{\"interface\": ", stdout);
    say_json_string(stdout, a->interface);
    printf(", \"hook\": \"%s\", \"program\": %" PRIu32 ", \"name\": ",
           a->hook == WEIR_BPF_XDP          ? "xdp"
           : a->hook == WEIR_BPF_TC_INGRESS ? "tc-ingress"
                                            : "tc-egress",
           a->program);
    say_json_string(stdout, a->name);
    if (a->hook == WEIR_BPF_XDP)
        printf(", \"mode\": \"%s\"", attached_mode_name(a->mode));
    else
        printf(", \"priority\": %" PRIu32 ", \"handle\": %" PRIu32, a->priority, a->handle);
    fputs(", \"pin\": ", stdout);
    say_json_string(stdout, a->pin[0] ? a->pin : NULL);
    fputs(", \"filter\": ", stdout);
    say_json_string(stdout, a->filter);
    fputs(", \"sets\": [", stdout);
    for (const char *set = a->sets; *set; set += strcspn(set, " ")) {
        set += *set == ' ';
        printf("%s\"%.*s\"", set == a->sets ? "" : ", ", (int)strcspn(set, " "), set);
    }
    printf("], \"seen\": {\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
           "}, \"matched\": {\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 "}}\n",
           a->counters.seen_packets, a->counters.seen_bytes, a->counters.matched_packets,
           a->counters.matched_bytes);
}

static void signals(sigset_t *s)
{
    sigemptyset(s);
    sigaddset(s, SIGINT);
    sigaddset(s, SIGTERM);
    sigaddset(s, SIGHUP);
    sigaddset(s, SIGQUIT);
    sigaddset(s, SIGPIPE);
}

void attached_hold_signals(bool hold)
{
    sigset_t s;

    signals(&s);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &s, NULL);
}

bool attached_signal_waits(void)
{
    sigset_t waiting;

    sigpending(&waiting);
    return sigismember(&waiting, SIGINT) || sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGHUP) ||
           sigismember(&waiting, SIGQUIT);
}
