/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/internal.h - what the files of libweir-bpf share. */
#ifndef WEIR_ATTACH_INTERNAL_H
#define WEIR_ATTACH_INTERNAL_H
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include "attach/weir_bpf.h"

#define COUNTS_NAME "weir_counts"
#define FILTER_NAME "bpf_metadata_filter"

#define NEEDS_NET_ADMIN "run it as root, or with the capability CAP_NET_ADMIN"

/*
 * Handles of our tc filters. The lowest bit remembers that the clsact discipline was made for a filter of
 * ours, so that it can go when the last filter does.
 */
#define TC_HANDLE      0x77656900u
#define TC_HANDLE_MADE 1u

struct weir_bpf {
    struct bpf_object *object;
    int program, counters; /* file descriptors, owned by `object` */
    uint32_t id;
    uint64_t shared; /* by number of the map in `object`: a set that other programs have */
};

/* ---- error.c */

/** Fills @e (may be NULL) and returns -@number. */
__attribute__((format(printf, 4, 5))) int fail(struct weir_bpf_error *e, int number, const char *hint,
                                               const char *format, ...);

/** -EINVAL, and in @e that @what ("the program") was not given: the rule for NULL of weir_bpf.h. */
int missing(struct weir_bpf_error *e, const char *what);

/* libbpf is quiet in between; the last thing it or the kernel had to say is kept. */
struct quiet {
    libbpf_print_fn_t before;
};
struct quiet quiet_begin(void);
void quiet_end(struct quiet q);

/** What the kernel said about the last failure through netlink, or "". */
const char *quiet_kernel_message(void);

/* ---- inspect.c */

/** Whether program @id is one of ours; then @a's program, name, filter and counters are filled. */
bool inspect_program(uint32_t id, struct weir_bpf_attached *a);

/** Calls @each for the maps of program @id until it returns other than 0, which is returned. */
int inspect_maps(uint32_t id, int (*each)(void *user, uint32_t id, int map, const struct bpf_map_info *info),
                 void *user);

/** The name of program @id, or "?". */
void inspect_name(uint32_t id, char out[static 16]);

/* ---- sets.c */

/** enum weir_bpf_set_kind of a map of ours, or 0: it is no set. */
uint32_t set_kind_of(uint32_t type, uint32_t key_size, uint32_t value_size);

/** Gives the sets of an opened object the maps that attached programs have. */
int sets_share(struct weir_bpf *p, struct weir_bpf_error *e);

/**
 * Before @p is attached: whether its sets are still the only ones of their names. Until sets_unlock(*@lock)
 * nobody else attaches a program with sets in this network namespace.
 */
int sets_lock(const struct weir_bpf *p, int *lock, struct weir_bpf_error *e);
void sets_unlock(int lock);

/* ---- netlink.c */

struct tc_filter {
    uint32_t handle, priority;
    uint32_t program; /* 0: not a bpf filter */
};

/**
 * Calls @each for every filter at @hook of interface @ifindex. Returns 0, what @each returned if not 0, or a
 * negative errno.
 */
int tc_filters(uint32_t ifindex, uint32_t hook, int (*each)(void *user, const struct tc_filter *f),
               void *user);

/* ---- pin.c */

/** Whether @name can be the name of a pin. */
bool pin_is_name(const char *name);

/** Pins @p as @name. */
int pin_make(const struct weir_bpf *p, const char *name, struct weir_bpf_error *e);
void pin_remove(const char *name);

/** The pin that keeps program @id: true, and its name in @out. */
bool pin_find(uint32_t id, char *out, size_t size);
#endif
