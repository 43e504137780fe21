/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/main.c - the weir command: which part of it was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "commands.h"
#include "options.h"
#include "say.h"
#include "weir/weir.h"

static int act(const struct options *o)
{
    switch (o->action) {
    case ACTION_COMPILE:
        return cmd_compile(o);
    case ACTION_MATCH:
        return cmd_match(o);
    case ACTION_LINKTYPES:
        return cmd_linktypes(o);
    case ACTION_HELP:
        options_help();
        return EXIT_DONE;
    case ACTION_VERSION:
        printf("weir %s\n%s\n", weir_version(), pcap_lib_version());
        return EXIT_DONE;
    }
    return EXIT_USAGE;
}

/* Commands that are words. Everything else is options and a filter. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"attach", cmd_attach}, {"show", cmd_show}, {"detach", cmd_detach}, {"set", cmd_set}, {"diff", cmd_diff}};

static int run(int argc, char **argv, struct options *o)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (argc > 1 && !strcmp(argv[1], commands[i].name)) {
            if (argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
                options_help();
                return EXIT_DONE;
            }
            return commands[i].run(argc - 1, argv + 1);
        }
    int status = options_parse(argc, argv, o);
    return status ? status : act(o);
}

/* A file that is opened must not become a stream that was closed: our words would go into it. */
static void occupy_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* still fails when it is used */
}

int main(int argc, char **argv)
{
    struct options o = {0};

    occupy_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too big is a failed write, which we report */
    int status = run(argc, argv, &o);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status != EXIT_USAGE)
        status = say_failed(o.json, "stdout: %s", strerror(errno));
    return status;
}
