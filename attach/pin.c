/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach/pin.c - pins: a program and its counters as files of the bpf file system.
 *
 *   /sys/fs/bpf/weir/NAME/program
 *   /sys/fs/bpf/weir/NAME/counters
 */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "attach/internal.h"

#define BPFFS "/sys/fs/bpf"
#define ROOT  BPFFS "/weir"

#define PIN_NAME_MAX 63

bool pin_is_name(const char *name)
{
    size_t len = strlen(name);

    return len && len <= PIN_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

static void path_of(char *out, size_t size, const char *name, const char *part)
{
    snprintf(out, size, "%s/%s/%s", ROOT, name, part);
}

int pin_make(const struct weir_bpf *p, const char *name, struct weir_bpf_error *e)
{
    char program[256], counters[256], directory[256];
    struct statfs fs;

    if (!pin_is_name(name))
        return fail(e, EINVAL, "letters, digits, '_' and '-' make a name", "'%s' cannot be the name of a pin",
                    name);
    if (statfs(BPFFS, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
        return fail(e, ENOENT, "mount -t bpf bpf " BPFFS, "no bpf file system is mounted on " BPFFS);
    snprintf(directory, sizeof directory, "%s/%s", ROOT, name);
    path_of(program, sizeof program, name, "program");
    path_of(counters, sizeof counters, name, "counters");
    if (mkdir(ROOT, 0700) < 0 && errno != EEXIST)
        return fail(e, errno, NULL, "%s: %s", ROOT, strerror(errno));
    if (mkdir(directory, 0700) < 0) {
        int number = errno;
        rmdir(ROOT); /* only if it is empty */
        return fail(e, number, number == EEXIST ? "choose another name, or detach what is there" : NULL,
                    "%s: %s", directory, strerror(number));
    }
    if (bpf_obj_pin(p->program, program) < 0 || bpf_obj_pin(p->counters, counters) < 0) {
        int number = errno;
        pin_remove(name);
        return fail(e, number, NULL, "pinning in %s: %s", directory, strerror(number));
    }
    return 0;
}

void pin_remove(const char *name)
{
    char path[256];

    if (!pin_is_name(name))
        return;
    path_of(path, sizeof path, name, "program");
    unlink(path);
    path_of(path, sizeof path, name, "counters");
    unlink(path);
    snprintf(path, sizeof path, "%s/%s", ROOT, name);
    rmdir(path);
    rmdir(ROOT); /* only if it is empty */
}

static bool is_pin_of(const char *name, uint32_t id)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    char path[256];

    path_of(path, sizeof path, name, "program");
    int program = bpf_obj_get(path);
    if (program < 0)
        return false;
    int err = bpf_obj_get_info_by_fd(program, &info, &len);
    close(program);
    return err == 0 && info.id == id;
}

bool pin_find(uint32_t id, char *out, size_t size)
{
    DIR *d = opendir(ROOT);
    struct dirent *entry;
    bool found = false;

    if (!d)
        return false;
    while (!found && (entry = readdir(d)))
        if (pin_is_name(entry->d_name) && is_pin_of(entry->d_name, id)) {
            snprintf(out, size, "%s", entry->d_name);
            found = true;
        }
    closedir(d);
    return found;
}

int weir_bpf_unpin(const char *name, struct weir_bpf_error *e)
{
    char path[256];

    if (!name)
        return missing(e, "the pin's name");
    path_of(path, sizeof path, name, "program");
    if (!pin_is_name(name) || access(path, F_OK) < 0)
        return fail(e, ENOENT, NULL, "nothing that weir attached is pinned as '%s'", name);
    pin_remove(name);
    return access(path, F_OK) < 0 ? 0 : fail(e, EPERM, NULL, "%s cannot be removed", path);
}
