/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/load.c - an object into the kernel, and why the kernel would not have it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "attach/internal.h"

/* All of the verifier's log must fit, else it refuses for that reason alone (before Linux 6.4). */
#define LOG_BYTES ((16u << 20) - 1) /* the most older kernels take */

#define NEEDS_PRIVILEGE                                                                                      \
    "run it as root, or with the capabilities CAP_BPF and CAP_NET_ADMIN (before Linux 5.8: CAP_SYS_ADMIN)"

/* The end of @log, from the beginning of a line. */
static void keep_log(struct weir_bpf_error *e, const char *log)
{
    size_t len = strlen(log);

    if (!e)
        return;
    if (len >= sizeof e->log) {
        log += len - sizeof e->log + 1;
        const char *line = strchr(log, '\n');
        log = line ? line + 1 : log;
    }
    snprintf(e->log, sizeof e->log, "%s", log);
}

static int refused(struct weir_bpf_error *e, int number, const char *log)
{
    struct utsname u;

    if (uname(&u) < 0)
        strcpy(u.release, "?");
    if (number == EPERM && !*log)
        return fail(e, number, NEEDS_PRIVILEGE, "no permission to load an eBPF program");
    if (*log) {
        keep_log(e, log);
        return fail(
            e, number,
            "the end of its log says why; a smaller filter, or one without -O, may pass. If the filter is "
            "an ordinary one, please report it",
            "the verifier of Linux %s refused the program: %s", u.release, strerror(number));
    }
    if (number == E2BIG)
        return fail(e, number, "use a shorter filter", "the program is longer than Linux %s takes",
                    u.release);
    return fail(e, number, "weir's programs need Linux 5.3 or later with CONFIG_BPF_SYSCALL and BTF support",
                "Linux %s cannot load the program: %s", u.release, strerror(number));
}

static int load(struct weir_bpf *p, const void *object, size_t len, char *log, struct weir_bpf_error *e)
{
    struct bpf_object_open_opts opts = {
        .sz = sizeof opts,
        .object_name = "weir",
        .kernel_log_buf = log,
        .kernel_log_size = LOG_BYTES,
    };
    struct bpf_prog_info info = {0};
    uint32_t info_len = sizeof info;

    p->object = bpf_object__open_mem(object, len, &opts);
    if (!p->object)
        return fail(e, errno, NULL, "this is not an eBPF object: %s", strerror(errno));
    int err = sets_share(p, e);
    if (err < 0)
        return err;
    err = bpf_object__load(p->object);
    if (err < 0)
        return refused(e, -err, log);
    struct bpf_program *program = bpf_object__next_program(p->object, NULL);
    struct bpf_map *counters = bpf_object__find_map_by_name(p->object, COUNTS_NAME);
    if (!program || !counters)
        return fail(e, EINVAL, "compile it with counters", "the object has no %s",
                    program ? "map '" COUNTS_NAME "'" : "program");
    p->program = bpf_program__fd(program);
    p->counters = bpf_map__fd(counters);
    if (bpf_obj_get_info_by_fd(p->program, &info, &info_len) < 0)
        return fail(e, errno, NULL, "the program's number: %s", strerror(errno));
    p->id = info.id;
    return 0;
}

int weir_bpf_load(const void *object, size_t len, struct weir_bpf **out, struct weir_bpf_error *e)
{
    if (!object || !out)
        return missing(e, object ? "the place of the program" : "the object");
    struct weir_bpf *p = calloc(1, sizeof *p);
    char *log = calloc(1, LOG_BYTES);
    int err;

    if (e)
        memset(e, 0, sizeof *e);
    if (p && log) {
        struct quiet q = quiet_begin();
        err = load(p, object, len, log, e);
        quiet_end(q);
    } else {
        err = fail(e, ENOMEM, NULL, "%s", strerror(ENOMEM));
    }
    free(log);
    if (err < 0) {
        weir_bpf_close(p);
        return err;
    }
    *out = p;
    return 0;
}

void weir_bpf_close(struct weir_bpf *p)
{
    if (!p)
        return;
    bpf_object__close(p->object);
    free(p);
}

uint32_t weir_bpf_id(const struct weir_bpf *p)
{
    return p ? p->id : 0;
}
