/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm/vm.h - evaluators: slow, obvious, trusted. What everything else is compared with.
 */
#ifndef WEIR_VM_VM_H
#define WEIR_VM_VM_H
#include <stdint.h>
#include "base/arena.h"
#include "ir/ir.h"
#include "weir/weir.h"

struct packet {
    const uint8_t *bytes;
    uint32_t caplen;  /* bytes at `bytes`; below 2^31 */
    uint32_t wirelen; /* original length */
    struct weir_metadata meta;
};

/* What a run cost, for measurements; every member is added to. */
struct vm_counts {
    uint64_t instructions; /* executed, returns included */
    uint64_t loads;        /* packet loads executed, `ldx 4*([k]&0xf)` included */
    uint64_t faults;       /* runs ended by an out-of-range load (or a failed guard) */
};

/* What named sets hold during a run. */
struct packet_sets {
    /* Whether @key, as many bytes as @op looks up, is in the set. */
    bool (*has)(const void *user, const struct ir_set *set, enum ir_op op, const uint8_t *key);
    const void *user;
};

/** Metadata @which of @p, enum ir_meta. False: there is no such. */
bool packet_meta(const struct packet *p, uint32_t which, uint32_t *out);

/** Verdict of the IR on @p. @scratch is rewound. @faulted (may be NULL): a guard failed. Named sets are
 * empty. */
uint32_t ir_eval(const struct ir_func *f, const struct packet *p, struct arena *scratch, bool *faulted);

/** The same with @sets. */
uint32_t ir_eval_sets(const struct ir_func *f, const struct packet *p, const struct packet_sets *sets,
                      struct arena *scratch, bool *faulted);

/**
 * Verdict of a classic program as the design has it (addresses modulo 2^32, 2^31 and above out of range,
 * absolute loads from 0xfffff000 are metadata). The program has passed cbpf_validate().
 */
uint32_t cbpf_run(const struct weir_cbpf_insn *code, uint32_t n, const struct packet *p,
                  struct vm_counts *counts);
#endif
