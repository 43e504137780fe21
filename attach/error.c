/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/error.c - what went wrong: filling struct weir_bpf_error, and keeping libbpf quiet. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "attach/internal.h"

/* libbpf hands messages to a function without a context, so this is where they wait. */
static _Thread_local char kernel_message[256];

int fail(struct weir_bpf_error *e, int number, const char *hint, const char *format, ...)
{
    va_list ap;

    if (!e)
        return -number;
    e->number = number;
    va_start(ap, format);
    vsnprintf(e->message, sizeof e->message, format, ap);
    va_end(ap);
    snprintf(e->hint, sizeof e->hint, "%s", hint ? hint : "");
    return -number;
}

int missing(struct weir_bpf_error *e, const char *what)
{
    if (e)
        memset(e, 0, sizeof *e);
    return fail(e, EINVAL, NULL, "%s is missing", what);
}

__attribute__((format(printf, 2, 0))) static int keep(enum libbpf_print_level level, const char *format,
                                                      va_list ap)
{
    static const char mark[] = "Kernel error message: ";
    char line[sizeof kernel_message];

    if (level != LIBBPF_WARN)
        return 0;
    vsnprintf(line, sizeof line, format, ap);
    const char *said = strstr(line, mark);
    if (said) {
        snprintf(kernel_message, sizeof kernel_message, "%s", said + sizeof mark - 1);
        kernel_message[strcspn(kernel_message, "\n")] = '\0';
    }
    return 0;
}

struct quiet quiet_begin(void)
{
    kernel_message[0] = '\0';
    return (struct quiet){libbpf_set_print(keep)};
}

void quiet_end(struct quiet q)
{
    libbpf_set_print(q.before);
}

const char *quiet_kernel_message(void)
{
    return kernel_message;
}
