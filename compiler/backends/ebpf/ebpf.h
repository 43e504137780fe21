/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/ebpf.h - IR to eBPF.
 *
 * Source: Documentation/bpf/standardization/instruction-set.rst; linux/bpf.h (struct xdp_md, struct
 * __sk_buff).
 */
#ifndef WEIR_BACKENDS_EBPF_EBPF_H
#define WEIR_BACKENDS_EBPF_EBPF_H
#include "base/diag.h"
#include "base/strbuf.h"
#include "ir/ir.h"
#include "weir/weir.h"

/* What the program is to be. Start from ebpf_target_defaults(). */
struct ebpf_target_options {
    uint32_t target;            /* enum weir_target, not CBPF */
    uint32_t limit;             /* instructions */
    uint32_t on_match, on_miss; /* what the program returns */
    bool numbers; /* ... and other numbers that blocks return as they are; else all but 0 are matches */
    bool frags;   /* XDP: frames of several buffers (section xdp.frags, Linux 5.18) */
    bool direct;  /* sockets: bytes are read without calls (Linux 6.17) */
    bool tables;  /* the program may have read-only data, so sets may become tables */
    bool count;   /* XDP and tc: count in the map of EBPF_RELOC_COUNTERS */
};

/*
 * What the map of counters holds: BPF_MAP_TYPE_PERCPU_ARRAY, one entry, key size 4. Bytes are those of whole
 * frames, as `len` is.
 */
struct ebpf_counters {
    uint64_t seen_packets, seen_bytes;
    uint64_t matched_packets, matched_bytes;
};

enum ebpf_reloc_kind {
    EBPF_RELOC_RODATA,   /* address of read-only data + `addend` */
    EBPF_RELOC_COUNTERS, /* the map of counters (the map itself, not its value) */
    EBPF_RELOC_SET,      /* the map of the function's set `addend` */
    EBPF_RELOC_KFUNC,    /* the call of a function of Linux, enum ebpf_kfunc */
    EBPF_RELOC_FIELD,    /* the load of a field of Linux's struct sk_buff, enum ebpf_skb_field */
};

/* What Linux has by name: its numbers and offsets are those of the kernel that loads the program. */
enum ebpf_kfunc { KFUNC_CAST_TO_KERN_CTX, KFUNC_RDONLY_CAST, KFUNC_COUNT };
enum ebpf_skb_field { SKB_LEN, SKB_DATA_LEN, SKB_DATA, SKB_COUNT };

/* `void *name(void *)`, or `void *name(void *, __u32)`. */
struct ebpf_kfunc_row {
    const char *name;
    unsigned arguments;
};

/* A field where instructions have it until they are loaded: as if struct sk_buff had no others. */
struct ebpf_skb_field_row {
    const char *name;
    unsigned at, bytes; /* 4: __u32; 8: a pointer */
};

extern const struct ebpf_kfunc_row ebpf_kfuncs[KFUNC_COUNT];
extern const struct ebpf_skb_field_row ebpf_skb_fields[SKB_COUNT];

/* The map that a set is: keys as weir/weir.h has them, values of four bytes. */
struct ebpf_set_map {
    uint32_t type, flags; /* enum bpf_map_type, BPF_F_ */
    uint32_t key_bytes;
};

/** The map of a set of @kind, enum weir_set_kind. */
const struct ebpf_set_map *ebpf_set_map(unsigned kind);

/*
 * What whoever loads the program fills: a 64-bit load of an immediate, both of its halves 0; the number of a
 * call; the offset of a load.
 */
struct ebpf_reloc {
    uint32_t insn; /* index of its first slot */
    uint32_t kind; /* enum ebpf_reloc_kind */
    uint32_t addend;
};

/* A program. Everything lies in the arena, which the caller sets first. */
struct ebpf_code {
    struct arena *arena;
    VEC(struct weir_ebpf_insn) insn;
    VEC(struct span) at; /* beside insn: the text it came from; empty when it is of no special place */
    VEC(struct ebpf_reloc) reloc; /* ascending; empty without tables, counters, sets and `direct` */
    VEC(uint8_t) rodata;          /* begins at a multiple of 8 */
    uint32_t cold; /* where the code begins that reads what direct access cannot reach; 0 if there is none */
};

/**
 * Defaults of @target: the whole limit, no tables, frags or counters, no numbers but for sockets, and
 *
 *   XDP     match XDP_PASS (2), else XDP_DROP (1)           r1 struct xdp_md
 *   tc      match TC_ACT_UNSPEC (-1), else TC_ACT_SHOT (2)  r1 struct __sk_buff
 *   socket  match @accept, else 0                           r1 struct __sk_buff
 *   cgroup  match 1, else 0                                 r1 struct __sk_buff, from the network header on
 *   func    match 1, else 0                                 r1 data, r2 data_end, r3 wire length
 *
 * A function over a context is the XDP or tc program with other numbers.
 */
struct ebpf_target_options ebpf_target_defaults(uint32_t target, uint32_t accept);

/**
 * A whole program, one function without subprograms: from r1 (func: r1 to r3) to r0.
 * Returns 0, or WEIR_E_LIMIT, WEIR_E_UNSUPPORTED (both reported in @sink), WEIR_E_MEMORY, WEIR_E_BUG
 */
int ebpf_emit(struct ir_func *f, const struct ebpf_target_options *o, struct diag_sink *sink,
              struct ebpf_code *out);

/* What a program's relocations stand for. */
struct ebpf_names {
    const struct ebpf_reloc *reloc;
    uint32_t relocs;
    const struct ir_set *set;
};

/** The listing; @at (may be NULL, else beside @code) and @text put the filter's words as comments in front,
 * @names (may be NULL) those of maps, functions and fields in place of numbers.
 */
void ebpf_print_listing(const struct weir_ebpf_insn *code, uint32_t n, const struct span *at,
                        const char *text, const struct ebpf_names *names, struct strbuf *out);
void ebpf_print_c(const struct weir_ebpf_insn *code, uint32_t n, struct strbuf *out);
#endif
