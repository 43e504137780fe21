/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/output.c - a file that is written completely or, if this command created it, not at all. */
#include "output.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int output_open(struct output *out, const char *path)
{
    int fd;

    *out = (struct output){.path = path};
    if (!strcmp(path, "-")) {
        fd = dup(STDOUT_FILENO);
    } else {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        out->created = fd >= 0;
        if (fd < 0 && errno == EEXIST)
            fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    if (fd < 0)
        return -1;
    out->file = fdopen(fd, "wb");
    if (!out->file) {
        int why = errno;

        close(fd);
        output_close(out, true);
        errno = why;
        return -1;
    }
    return 0;
}

int output_flush(struct output *out)
{
    int copy;

    if (ferror(out->file) || fflush(out->file) != 0)
        return -1;
    /* A network file system may report a full disk no earlier than at close: close a copy, whose answer we
     * see. */
    copy = dup(fileno(out->file));
    return copy < 0 ? -1 : close(copy);
}

void output_close(struct output *out, bool failed)
{
    if (out->file)
        fclose(out->file);
    out->file = NULL;
    if (failed && out->created)
        unlink(out->path);
}
