/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir/weir.h - compile tcpdump-style filter expressions.
 *
 * A context (struct weir) holds the caller's allocator and the diagnostics of its last compile; a program
 * (struct weir_program) is the immutable result. There is no global state: contexts are independent, one
 * context is used by one thread at a time, and a program may be used by any number of threads at once.
 * Nothing here reads files, asks the network, prints or exits.
 *
 * Functions return 0 or a positive status on success and a negative WEIR_E_* value on failure; then nothing
 * was written to where the result goes.
 *
 * NULL, unless a function says what it means there: where a handle or the place of a result is missing, a
 * function that returns a status returns WEIR_E_ARGUMENT, another one 0, NULL or -1, as it does when there is
 * nothing to tell; what releases does nothing.
 *
 * A structure with a member `size` has it set by the caller, to its sizeof. Later releases append members,
 * where 0 is what was before, and take the sizes of earlier ones. A size that no release up to the library's
 * had is an argument without meaning. Structures without it do not change.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif

struct weir;
struct weir_program;

enum weir_status {
    WEIR_OK = 0,
    WEIR_NEVER = 1,          /* compiled, and the program rejects every packet */
    WEIR_E_FILTER = -1,      /* the filter is wrong; see weir_diagnostic() */
    WEIR_E_MEMORY = -2,      /* the allocator refused */
    WEIR_E_LIMIT = -3,       /* a limit of weir_limits was met; a diagnostic names it */
    WEIR_E_ARGUMENT = -4,    /* an argument or option has no meaning; a diagnostic says which */
    WEIR_E_UNSUPPORTED = -5, /* this target cannot express the filter; a diagnostic says why */
    WEIR_E_BUG = -6,         /* an internal check failed: please report the filter */
};

/** What @status means, in English. Static text; never NULL, also for a number that is none. */
WEIR_API const char *weir_strerror(int status);

/** "0.1.0". Static text. */
WEIR_API const char *weir_version(void);

/* ---------------------------------------------------------------- contexts */

/*
 * Where memory comes from. It is called for a context by the thread that uses it, and by those that use its
 * programs for more than weir_match() and instructions: if several do at once, it has to allow that.
 */
struct weir_allocator {
    /*
     * realloc(3) with a context: @ptr NULL allocates, @size 0 releases and returns NULL. Memory is aligned
     * for any type. NULL for another @size: there is none, and what is at @ptr stays.
     */
    void *(*reallocate)(void *user, void *ptr, size_t size);
    void *user;
};

/**
 * A context, to be freed with weir_free().
 *
 * @al      copied; NULL: the system's, with huge pages for large blocks. What it calls must outlive the
 *          context and its programs
 * Returns  WEIR_OK, WEIR_E_MEMORY, or WEIR_E_ARGUMENT for an allocator without a function
 */
WEIR_API int weir_new(const struct weir_allocator *al, struct weir **out);

/** Ends @cx, which may be NULL, and its diagnostics. Its programs stay. */
WEIR_API void weir_free(struct weir *cx);

/* ---------------------------------------------------------------- options */

/* Address families a name may be looked up in. Addresses are in network byte order. */
struct weir_address {
    uint32_t family; /* 4 or 6 */
    uint8_t bytes[16];
};

/* Answers of a resolver. Another number counts as WEIR_LOOKUP_FAILED. */
enum weir_lookup {
    WEIR_FOUND = 0,
    WEIR_NOT_FOUND = 1,
    WEIR_LOOKUP_FAILED = 2, /* the database itself could not be asked */
};

/*
 * Names to numbers. Every function may be NULL: such names are then an error that says so (service and
 * protocol names fall back on built-in tables). They are called by the thread that compiles, with @user and a
 * NUL-terminated name that lasts as long as the call, and write answers only when they return WEIR_FOUND;
 * they do not use the context that compiles.
 */
struct weir_resolver {
    size_t size; /* sizeof(struct weir_resolver) */
    void *user;
    /*
     * All addresses of a host: up to @max go to @out, their full number to *@count. More than 100 of one
     * family are an error; those of no family are passed over.
     */
    enum weir_lookup (*host)(void *user, const char *name, struct weir_address *out, size_t max,
                             size_t *count);
    /* A network of networks(5), in host byte order, as getnetbyname(3) gives it; 0 counts as not found. */
    enum weir_lookup (*network)(void *user, const char *name, uint32_t *out);
    /* A MAC-48 address of ethers(5). */
    enum weir_lookup (*ether)(void *user, const char *name, uint8_t out[6]);
    /* A port of services(5), in host byte order; @protocol is "tcp" or "udp". */
    enum weir_lookup (*service)(void *user, const char *name, const char *protocol, uint16_t *out);
    /* A protocol of protocols(5). */
    enum weir_lookup (*protocol)(void *user, const char *name, uint8_t *out);
};

enum weir_target {
    /* Classic BPF: struct sock_filter[]. */
    WEIR_TARGET_CBPF = 0,
    /* eBPF, BPF_PROG_TYPE_XDP: match XDP_PASS, else XDP_DROP. */
    WEIR_TARGET_XDP = 1,
    /* eBPF, BPF_PROG_TYPE_SCHED_CLS, with metadata: match TC_ACT_UNSPEC, else TC_ACT_SHOT. */
    WEIR_TARGET_TC = 2,
    /* eBPF, BPF_PROG_TYPE_SOCKET_FILTER: the snapshot length or 0. */
    WEIR_TARGET_SOCKET = 3,
    /* eBPF, BPF_PROG_TYPE_CGROUP_SKB, from the network header: 1 or 0. */
    WEIR_TARGET_CGROUP = 4,
    /* eBPF, int f(void *data, void *data_end, __u32 wire_len) for libbpf's linker: 1 or 0. */
    WEIR_TARGET_FUNC = 5,
};

/* Where a program meets packets: what arrives, or what leaves. */
enum weir_hook {
    WEIR_HOOK_UNKNOWN = 0,
    WEIR_HOOK_INGRESS = 1,
    WEIR_HOOK_EGRESS = 2,
};

/* Byte order of the machine that wrote a savefile, where a link type has host-order fields. */
enum weir_savefile {
    WEIR_NOT_A_SAVEFILE = 0,
    WEIR_SAVEFILE_UNSWAPPED = 1, /* written by a machine of this one's byte order */
    WEIR_SAVEFILE_SWAPPED = 2,
};

/* Stated limits; 0 in a member means its default, which is given behind it. */
struct weir_limits {
    size_t text_bytes;     /* length of a filter: 64 MiB; at most 2^31 - 1, whatever is asked for */
    size_t memory_bytes;   /* working memory of each stage of a compile: 1 GiB. Programs are not counted */
    uint32_t nesting;      /* depth of parentheses, `not` and operands that is surely taken: 100,000; at most
                              thrice that and 64 */
    uint32_t instructions; /* length of a program: 16,777,215 */
};

#define WEIR_NETMASK_UNKNOWN 0xffffffffu
#define WEIR_SNAPLEN_DEFAULT 262144u

/* Flags: 0 is no, anything else is 1. */
struct weir_options {
    size_t size;         /* sizeof(struct weir_options) */
    uint32_t linktype;   /* DLT_ number of the packets: 1, Ethernet */
    uint32_t snaplen;    /* what a match returns; 0 is an error: 262144 */
    uint32_t optimize;   /* 0: the plain program, -O; 1: optimized */
    uint32_t target;     /* enum weir_target */
    uint32_t netmask;    /* for `ip broadcast`, host byte order; WEIR_NETMASK_UNKNOWN */
    uint32_t live;       /* 1: a live Linux capture, with packet metadata */
    uint32_t savefile;   /* enum weir_savefile */
    uint32_t lint;       /* 1: also add warnings about valid filters */
    uint32_t protochain; /* headers `protochain` walks; 0 is its default, 128 */
    uint32_t keep_ir;    /* 1: keep the intermediate representation for WEIR_TEXT_IR and WEIR_TEXT_DOT */
    const struct weir_resolver *resolver; /* borrowed; NULL: no names but the built-in ones */
    struct weir_limits limits;

    /* eBPF */
    uint32_t has_actions; /* 1: the program returns on_match and on_miss instead of what its target does */
    uint32_t on_match, on_miss;
    uint32_t count;       /* 1: XDP and tc: count packets and bytes, seen and matched (for objects) */
    uint32_t frags;       /* 1: XDP: frames of several buffers, Linux 5.18 */
    uint32_t tables;      /* 1: sets may become read-only data (for objects) */
    uint32_t keep_source; /* 1: keep what WEIR_TEXT_SOURCE gives */
    uint32_t tune;        /* enum weir_tune */
    uint32_t hook;        /* enum weir_hook: what `inbound` and `outbound` are; XDP: ingress */
    uint32_t keep_inputs; /* 1: keep what weir_program_input() and weir_program_reach() give */
    uint32_t direct;      /* 1: socket: packet bytes are read without calls, Linux 6.17 (for objects) */
};

/* What the optimizer is to save. Every choice refines the plain program. */
enum weir_tune {
    WEIR_TUNE_SPEED = 0,  /* executed instructions and packet loads */
    WEIR_TUNE_SIZE = 1,   /* instructions in the program */
    WEIR_TUNE_KERNEL = 2, /* time in Linux: loads at a variable address are made only for unusual packets */
};

#define WEIR_OPTIONS_INIT                                                                                    \
    {                                                                                                        \
        sizeof(struct weir_options), 1, WEIR_SNAPLEN_DEFAULT, 1, 0, WEIR_NETMASK_UNKNOWN, 0, 0, 0, 0, 0,     \
            NULL, {0, 0, 0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                              \
    }

/* ---------------------------------------------------------------- compiling */

/**
 * Compiles @len bytes of @text. Diagnostics of an earlier compile in @cx are dropped first.
 *
 * @text    needs no NUL behind it, and one in it is an error; borrowed. NULL only if @len is 0: the empty
 *          filter matches every packet
 * @o       NULL means WEIR_OPTIONS_INIT; borrowed
 * @out     written only on success; freed with weir_program_free(), also after the context is gone
 * Returns  WEIR_OK; WEIR_NEVER with a valid program that rejects every packet; or any of the errors. What the
 *          caller can mend leaves a diagnostic, but for a missing argument
 */
WEIR_API int weir_compile(struct weir *cx, const char *text, size_t len, const struct weir_options *o,
                          struct weir_program **out);

/** Ends @p, which may be NULL, its instructions and its names. No other thread may be using it. */
WEIR_API void weir_program_free(struct weir_program *p);

/**
 * The same for a classic program instead of a filter: text in any form such a program is written in,
 * tcpdump's -d, -dd and -ddd, the commas of xt_bpf and tc, the assembly of bpf_asm. It is validated; what
 * does not fit leaves diagnostics with places in @text.
 *
 * With optimize 0 and the classic target the program is the one that was read, instruction by instruction.
 * Optimized, it refines that one; what the optimizer has no words for (random numbers, netlink attributes,
 * addresses counted from a header) is left as it was read, and with lint a warning says so. Other targets
 * convert the program, whose byte 0 is the first that the target shows. The numbers that it returns, which
 * may be several or computed, are those of WEIR_TARGET_SOCKET without actions; for other targets all but 0
 * are matches.
 *
 * @o       as for weir_compile(); what describes packets and names, the snapshot length and WEIR_TUNE_KERNEL
 *          do not count
 * Returns  as weir_compile()
 */
WEIR_API int weir_program_read(struct weir *cx, const char *text, size_t len, const struct weir_options *o,
                               struct weir_program **out);

enum weir_severity { WEIR_ERROR = 0, WEIR_WARNING = 1 };

/*
 * One thing that is wrong with a filter. Spans are byte offsets [begin, end) into the text, all 0 where it is
 * not about a place. It may grow at its end: it is only ever looked at where the library has it.
 */
struct weir_diagnostic {
    uint16_t code; /* 312 is shown as E0312; never changes its meaning */
    uint16_t severity;
    uint32_t begin, end;           /* the culprit */
    uint32_t also_begin, also_end; /* what it clashes with; equal when there is nothing */
    const char *message;           /* English, printable ASCII, one line */
    const char *hint;              /* what to write or do instead; NULL when there is none */
};

/** How many diagnostics the last compile of @cx left: at most 100. */
WEIR_API size_t weir_diagnostic_count(const struct weir *cx);

/** The @i-th, valid until the next compile in @cx or weir_free(); NULL past the end. */
WEIR_API const struct weir_diagnostic *weir_diagnostic(const struct weir *cx, size_t i);

/* ---------------------------------------------------------------- results */

/* One classic BPF instruction: the layout of struct sock_filter (linux/filter.h) and struct bpf_insn. */
struct weir_cbpf_insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

/* One eBPF instruction: the layout of struct bpf_insn (linux/bpf.h). */
struct weir_ebpf_insn {
    uint8_t code;
    uint8_t registers; /* destination in the low, source in the high four bits (little-endian machines) */
    int16_t offset;
    int32_t imm;
};

/** The classic program, owned by @p; NULL and *@count 0 for another target. @count may be NULL. */
WEIR_API const struct weir_cbpf_insn *weir_program_cbpf(const struct weir_program *p, size_t *count);

/**
 * The eBPF program, owned by @p; NULL and *@count 0 for another target. @count may be NULL. Where it looks
 * into a set, counts, reads a table or is direct, the object has more to say.
 */
WEIR_API const struct weir_ebpf_insn *weir_program_ebpf(const struct weir_program *p, size_t *count);

/* What an object is to be called, and where it goes. */
struct weir_object_options {
    size_t size;      /* sizeof(struct weir_object_options) */
    const char *name; /* of the function: a C identifier of at most 63 characters; NULL: "weir" */
    uint32_t egress;  /* 1: a cgroup program for packets that leave */
    uint32_t linked; /* 1: XDP and tc: a function int name(struct xdp_md * or struct __sk_buff *) for libbpf's
                        linker */
};

/**
 * The eBPF program as a relocatable ELF object, with licence, maps and BTF: *@len bytes at *@out, from the
 * context's allocator, to be freed with weir_text_free().
 *
 * @o       NULL: all 0
 * Returns  WEIR_OK, WEIR_E_MEMORY, WEIR_E_UNSUPPORTED for another target, WEIR_E_ARGUMENT for a bad name, or
 *          that of a set or of what else is in objects: weir_counts, weir_tables, bpf_metadata_filter,
 *          _license
 */
WEIR_API int weir_program_object(const struct weir_program *p, const struct weir_object_options *o,
                                 char **out, size_t *len);

/* What a named set holds. */
enum weir_set_kind {
    WEIR_SET_ADDRESSES = 1, /* IPv4 and IPv6 addresses and prefixes */
    WEIR_SET_PORTS = 2,
    WEIR_SET_MACS = 3, /* Ethernet addresses */
};

/* A set that an eBPF program looks into, `@NAME` in the filter. */
struct weir_set {
    size_t size;      /* sizeof(struct weir_set), set by the caller */
    const char *name; /* without the @; that of the map, too; owned by the program */
    uint32_t kind;    /* enum weir_set_kind */
    uint32_t members; /* the most it can have */
};

/** Set @i of @p, in the order of the filter's text, to @out. WEIR_E_ARGUMENT past the end. */
WEIR_API int weir_program_set(const struct weir_program *p, size_t i, struct weir_set *out);

/*
 * Keys of the maps in an object, all in network order but the numbers of struct weir_set_address. Values are
 * 32 bits: `bits` for an address, else 1; programs do not look at them.
 *
 *   WEIR_SET_ADDRESSES   BPF_MAP_TYPE_LPM_TRIE, struct weir_set_address
 *   WEIR_SET_PORTS       BPF_MAP_TYPE_HASH, two bytes
 *   WEIR_SET_MACS        BPF_MAP_TYPE_HASH, six bytes
 */
struct weir_set_address {
    uint32_t bits;     /* 32 (for `family`) + the length of the prefix */
    uint32_t family;   /* 4 or 6 */
    uint8_t bytes[16]; /* IPv4: the first four, the rest 0 */
};

enum weir_text {
    WEIR_TEXT_LISTING = 0, /* tcpdump -d */
    WEIR_TEXT_C = 1,       /* tcpdump -dd; not of a program that looks into sets or is direct */
    WEIR_TEXT_DECIMAL = 2, /* tcpdump -ddd */
    WEIR_TEXT_IR = 3,      /* the intermediate representation, docs/ir.md; needs weir_options.keep_ir */
    WEIR_TEXT_DOT = 4,     /* the same as a Graphviz graph */
    WEIR_TEXT_SOURCE = 5,  /* an eBPF program as C for clang; needs weir_options.keep_source */
};

/**
 * The program as text. *@out is NUL-terminated, *@len bytes long without the NUL (@len may be NULL), from
 * the context's allocator; free it with weir_text_free().
 *
 * Returns  WEIR_OK, WEIR_E_MEMORY, or WEIR_E_UNSUPPORTED for a form that this program has not
 */
WEIR_API int weir_program_text(const struct weir_program *p, enum weir_text form, char **out, size_t *len);

/** Frees what weir_program_text() or weir_program_object() gave of @p, while @p exists. @text may be NULL. */
WEIR_API void weir_text_free(const struct weir_program *p, char *text);

/** NULL when Linux would take the classic program for a socket, else why not. Static text. NULL for another
 * target. */
WEIR_API const char *weir_program_kernel_refusal(const struct weir_program *p);

/* What a classic program costs. */
struct weir_cost {
    size_t size;                                  /* sizeof(struct weir_cost), set by the caller */
    uint32_t instructions, loads;                 /* in the program; loads are of packet bytes */
    uint32_t longest_instructions, longest_loads; /* the most that any path executes, each by itself */
    uint32_t accept_instructions, accept_loads; /* of the shortest path that accepts; 0 when there is none */
    uint64_t kernel_bytes; /* memory that Linux charges to a socket's options for it, about */
};

/** WEIR_E_UNSUPPORTED for another target; WEIR_E_ARGUMENT, WEIR_E_MEMORY. */
WEIR_API int weir_program_cost(const struct weir_program *p, struct weir_cost *out);

enum weir_input_kind {
    WEIR_INPUT_BYTES = 0,    /* packet bytes, at one place in all packets */
    WEIR_INPUT_RELATIVE = 1, /* packet bytes, from a place that depends on the packet */
    WEIR_INPUT_LENGTH = 2,   /* the packet's original length */
    WEIR_INPUT_METADATA = 3, /* a member of struct weir_metadata */
};

/* Something that a program looks at, on some path. Named sets are told by weir_program_set(). */
struct weir_input {
    size_t size;              /* sizeof(struct weir_input), set by the caller */
    uint32_t kind;            /* enum weir_input_kind */
    uint32_t place;           /* relative: which place; they count from 1, and each may have several rows */
    int64_t begin, end;       /* bytes [begin, end) from the packet's first, or the place (< 0: before it) */
    uint32_t lowest, highest; /* relative: the place lies in between, counted from the packet's first byte */
    const char *name;         /* metadata: the member's name, static text */
};

/**
 * Row @i of what the program looks at, to @out: bytes in ascending order, relative ones by place, then the
 * rest. Needs weir_options.keep_inputs. WEIR_E_ARGUMENT past the end; WEIR_E_UNSUPPORTED when nothing was
 * kept.
 */
WEIR_API int weir_program_input(const struct weir_program *p, size_t i, struct weir_input *out);

#define WEIR_REACH_UNBOUNDED 0xffffffffu

/**
 * So many captured bytes suffice: cut to @*out bytes, every packet gets the answer it gets whole (@wirelen
 * being its original length). WEIR_REACH_UNBOUNDED: no number does. Needs weir_options.keep_inputs; errors as
 * above.
 */
WEIR_API int weir_program_reach(const struct weir_program *p, uint32_t *out);

/* What the kernel knows of a packet beside its bytes (linux/filter.h, SKF_AD_*). Members are only ever
 * appended. */
struct weir_metadata {
    size_t size; /* sizeof(struct weir_metadata) */
    uint32_t packet_type;
    uint32_t ifindex;
    uint32_t vlan_tci;
    uint32_t vlan_present; /* 0 or 1 */
    uint32_t vlan_tpid;    /* EtherType of the tag, host order */
    uint32_t protocol;     /* EtherType, host order */
    uint32_t mark;
    uint32_t queue;
    uint32_t rxhash;
    uint32_t cpu;    /* that runs the program */
    uint32_t hatype; /* ARPHRD_ number of the interface */
};

/**
 * Runs the classic program on one packet: 0, or the snapshot length. Allocates nothing.
 *
 * @packet  not aligned in any way; NULL only if @caplen is 0
 * @caplen  bytes at @packet; @wirelen the packet's original length
 * @meta    NULL: all zero
 * Returns  0 also for a program of another target, and for @packet and @meta without meaning
 */
WEIR_API uint32_t weir_match(const struct weir_program *p, const void *packet, uint32_t caplen,
                             uint32_t wirelen, const struct weir_metadata *meta);

/* ---------------------------------------------------------------- link types */

/* Texts are static. */
struct weir_linktype {
    uint32_t number;  /* DLT_ number */
    const char *name; /* without DLT_; NULL when it has none */
    const char *description;
    uint32_t has_protocols; /* 1: protocols are recognised; 0: only raw bytes and its own keywords */
};

/** Row @i of the link types, in ascending number, to @out. WEIR_E_ARGUMENT past the end. */
WEIR_API int weir_linktype(size_t i, struct weir_linktype *out);

/** DLT_ number of @name (any case, with or without DLT_), or of a decimal number; -1 when unknown or NULL. */
WEIR_API int64_t weir_linktype_by_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
