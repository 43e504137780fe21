/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir_bpf.h - libweir-bpf: load filters that weir compiled to eBPF objects, attach them, count, detach.
 *
 * An object (weir_program_object() of weir/weir.h, or a file) is loaded into the running kernel, attached to
 * an interface, and stays attached when the process ends. Programs of ours are known by their map
 * `weir_counts`; other programs are never replaced or removed.
 *
 * Functions return 0 or a negative errno, and then say in a struct weir_bpf_error (NULL: nobody wants to
 * know) what happened and what to do; nothing was written to where the result goes. NULL, unless a function
 * says what it means there, is -EINVAL, from functions that return no errno 0 or an empty text; closing it
 * does nothing. Nothing is printed. libbpf has one print function for a process: it is ours while a function
 * here runs, so do not use libbpf from another thread meanwhile. What a failed function had made is undone
 * before it returns; a caller that must survive signals blocks them around weir_bpf_attach().
 */
#ifndef WEIR_BPF_H
#define WEIR_BPF_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_BPF_API __attribute__((visibility("default")))
#else
#define WEIR_BPF_API
#endif

struct weir_bpf_error {
    int number;        /* errno */
    char message[512]; /* what happened */
    char hint[512];    /* what to do; may be empty */
    char log[8192];    /* the end of the verifier's log, when it refused the program; else empty */
};

/* ---------------------------------------------------------------- loading */

struct weir_bpf; /* a loaded program */

/**
 * Loads @object, @len bytes of ELF with one program, into the kernel. Nothing stays there once @out is
 * closed, unless it was attached.
 *
 * A named set that an attached program of ours in this network namespace has becomes this program's too; the
 * others are made, and are empty. -EEXIST when a set of the name has members of another kind.
 */
WEIR_BPF_API int weir_bpf_load(const void *object, size_t len, struct weir_bpf **out,
                               struct weir_bpf_error *e);

/** Forgets a program, which may be NULL; where it is attached or pinned it stays. */
WEIR_BPF_API void weir_bpf_close(struct weir_bpf *p);

/** The kernel's number of the program. */
WEIR_BPF_API uint32_t weir_bpf_id(const struct weir_bpf *p);

/* ---------------------------------------------------------------- attaching */

enum weir_bpf_hook {
    WEIR_BPF_XDP = 1,
    WEIR_BPF_TC_INGRESS = 2,
    WEIR_BPF_TC_EGRESS = 3,
};

/* Where an XDP program runs. */
enum weir_bpf_mode {
    WEIR_BPF_AUTO = 0,    /* in the driver if that can, else generic */
    WEIR_BPF_NATIVE = 1,  /* in the driver */
    WEIR_BPF_GENERIC = 2, /* in the network stack, for every driver */
    WEIR_BPF_OFFLOAD = 3, /* in the hardware: reported only */
};

struct weir_bpf_place {
    size_t size; /* sizeof(struct weir_bpf_place) */
    uint32_t hook;
    uint32_t mode;         /* XDP only */
    const char *interface; /* its name */
    const char *pin;       /* also keep program and counters as /sys/fs/bpf/weir/PIN/; NULL: do not */
    uint32_t replace;      /* XDP: 1 to take the place of a program of ours, at once */
};

/**
 * Attaches @p. On tc it comes in front of the filters that are there, and the clsact discipline is made when
 * it is missing. *@mode is set to the mode it runs in (may be NULL). -EAGAIN when a program with a set of the
 * same name was attached since this one was loaded: load it again.
 */
WEIR_BPF_API int weir_bpf_attach(struct weir_bpf *p, const struct weir_bpf_place *place, uint32_t *mode,
                                 struct weir_bpf_error *e);

/* ---------------------------------------------------------------- named sets */

/*
 * A set, `@NAME` in a filter, is a map. It belongs to the attached programs that look into it, and goes with
 * the last of them; a name means one set to all programs of ours in a network namespace. Changes hold at
 * once, for each member by itself: packets on other processors may see some of the members of one call.
 */
enum weir_bpf_set_kind {
    WEIR_BPF_SET_ADDRESSES = 1, /* IPv4 and IPv6 addresses and prefixes */
    WEIR_BPF_SET_PORTS = 2,
    WEIR_BPF_SET_MACS = 3, /* Ethernet addresses */
};

struct weir_bpf_member {
    uint32_t bits;     /* addresses: length of the prefix; else 0 */
    uint32_t family;   /* addresses: 4 or 6; else 0 */
    uint8_t bytes[16]; /* in network order; the rest, and what lies behind a prefix, is 0 */
};

#define WEIR_BPF_MEMBER_TEXT 64

/**
 * The member of a set of @kind that @len bytes at @text spell: an address with or without a prefix length, a
 * port's number, or an Ethernet address. -EINVAL for something else.
 */
WEIR_BPF_API int weir_bpf_member_read(uint32_t kind, const char *text, size_t len,
                                      struct weir_bpf_member *out, struct weir_bpf_error *e);

/** The same way back. */
WEIR_BPF_API void weir_bpf_member_text(uint32_t kind, const struct weir_bpf_member *m,
                                       char out[WEIR_BPF_MEMBER_TEXT]);

struct weir_bpf_set; /* an open set */

/** The set called @name of a loaded program; -ENOENT when it has none. */
WEIR_BPF_API int weir_bpf_set_of(const struct weir_bpf *p, const char *name, struct weir_bpf_set **out,
                                 struct weir_bpf_error *e);

/** The set called @name of the attached programs in this network namespace; -ENOENT when there is none. */
WEIR_BPF_API int weir_bpf_set_open(const char *name, struct weir_bpf_set **out, struct weir_bpf_error *e);

/** Closes a set, which may be NULL: it and its members stay. */
WEIR_BPF_API void weir_bpf_set_close(struct weir_bpf_set *s);

/** enum weir_bpf_set_kind. */
WEIR_BPF_API uint32_t weir_bpf_set_kind(const struct weir_bpf_set *s);

/** 1 when the loaded program it was opened from found it, with members perhaps; 0 when it was made for it. */
WEIR_BPF_API int weir_bpf_set_is_shared(const struct weir_bpf_set *s);

/**
 * Adds or removes @n members: all of them, or on failure none. @lenient 1: what is a member already, or is
 * none, is no failure (-EEXIST, -ENOENT). -ENOSPC when the set is full. @changed may be NULL, else it has
 * room for @n bytes: 1 for each member that was added or removed, 0 for the others. @m may be NULL if @n is
 * 0.
 */
WEIR_BPF_API int weir_bpf_set_add(struct weir_bpf_set *s, const struct weir_bpf_member *m, size_t n,
                                  int lenient, uint8_t *changed, struct weir_bpf_error *e);
WEIR_BPF_API int weir_bpf_set_remove(struct weir_bpf_set *s, const struct weir_bpf_member *m, size_t n,
                                     int lenient, uint8_t *changed, struct weir_bpf_error *e);

/**
 * Calls @each for every member, in no order; a value other than 0 ends the walk and is returned. What changes
 * meanwhile may be met or not, or twice.
 */
WEIR_BPF_API int weir_bpf_set_each(struct weir_bpf_set *s,
                                   int (*each)(void *user, const struct weir_bpf_member *m), void *user,
                                   struct weir_bpf_error *e);

/* A set of attached programs. */
struct weir_bpf_set_info {
    char name[16];
    uint32_t kind;     /* enum weir_bpf_set_kind */
    uint32_t programs; /* that look into it, in this network namespace */
    uint32_t members;
    uint32_t most; /* members it can have */
};

/** Calls @each for every set in this network namespace, in the order of their names, as weir_bpf_list() does
 * for programs. */
WEIR_BPF_API int weir_bpf_set_list(int (*each)(void *user, const struct weir_bpf_set_info *s), void *user,
                                   struct weir_bpf_error *e);

/* ---------------------------------------------------------------- what is attached */

struct weir_bpf_counters {
    uint64_t seen_packets, seen_bytes;
    uint64_t matched_packets, matched_bytes;
};

/* A program of ours where it is attached. */
struct weir_bpf_attached {
    uint32_t hook, mode;
    uint32_t program; /* the kernel's number */
    uint32_t ifindex;
    char interface[16];
    uint32_t handle, priority;         /* tc */
    char name[16];                     /* the program's */
    char pin[64];                      /* where it is pinned, or empty */
    char filter[4096];                 /* the filter's text, or empty */
    struct weir_bpf_counters counters; /* summed over the processors */
    char sets[1024];                   /* names of the sets it looks into, with blanks between them */
};

/**
 * Calls @each for every program of ours in this network namespace, in order of interfaces; a value other than
 * 0 ends the walk and is returned.
 */
WEIR_BPF_API int weir_bpf_list(int (*each)(void *user, const struct weir_bpf_attached *a), void *user,
                               struct weir_bpf_error *e);

/**
 * Detaches what weir_bpf_list() reported, if it is still there, and removes its pin. The clsact discipline
 * goes with the last filter when it was made for ours.
 */
WEIR_BPF_API int weir_bpf_detach(const struct weir_bpf_attached *a, struct weir_bpf_error *e);

/** Removes a pin that weir_bpf_attach() made and whose program is attached nowhere any more. -ENOENT without
 * one. */
WEIR_BPF_API int weir_bpf_unpin(const char *name, struct weir_bpf_error *e);

#ifdef __cplusplus
}
#endif
#endif
