/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/random_cbpf.h - random classic programs that pass cbpf_validate(), of all instructions.
 *
 * Jumps are short, so that paths join with different things in A, X and the cells; loads are near the
 * packet's start, some behind X, few out of reach.
 */
#ifndef WEIR_TESTS_HARNESS_RANDOM_CBPF_H
#define WEIR_TESTS_HARNESS_RANDOM_CBPF_H
#include <stdbool.h>
#include "tests/harness/rng.h"
#include "weir/weir.h"

enum {
    RANDOM_CBPF_MAX = 48,
    RANDOM_CBPF_CELLS = 3,
    RANDOM_CBPF_METADATA = 12, /* kinds: all that IR knows, ... */
    RANDOM_CBPF_SKB =
        RANDOM_CBPF_METADATA - 1, /* ... those that eBPF programs of sockets and tc can have as well */
};

/* What a program may hold beside the ordinary. */
struct random_cbpf {
    unsigned metadata; /* so many kinds of it */
    bool return_a;     /* returns of A and of several numbers */
    bool wild_shifts;  /* by X, which may be more than 31: there Linux does something else */
};

static inline struct weir_cbpf_insn random_cbpf_load(const struct random_cbpf *o, struct rng *r, bool x)
{
    /* in the field's own width, as compilers write them: packet type, interface, tag, is there one; A ^ X;
     * protocol, mark, queue, hash, processor, type of tag; kind of device */
    static const struct weir_cbpf_insn metadata[RANDOM_CBPF_METADATA] = {
        {0x28, 0, 0, 0xfffff004}, {0x20, 0, 0, 0xfffff008}, {0x28, 0, 0, 0xfffff02c},
        {0x30, 0, 0, 0xfffff030}, {0x20, 0, 0, 0xfffff028}, {0x28, 0, 0, 0xfffff000},
        {0x20, 0, 0, 0xfffff014}, {0x28, 0, 0, 0xfffff018}, {0x20, 0, 0, 0xfffff020},
        {0x20, 0, 0, 0xfffff024}, {0x28, 0, 0, 0xfffff03c}, {0x28, 0, 0, 0xfffff01c}};
    static const uint8_t sizes[] = {0x00, 0x08, 0x10};
    uint16_t size = sizes[rng_below(r, 3)];

    if (x) /* ldx: a nibble, a constant, the length, a cell */
        switch (rng_below(r, 6)) {
        case 0:
            return (struct weir_cbpf_insn){0x01, 0, 0, rng_below(r, 40)};
        case 1:
            return (struct weir_cbpf_insn){0x81, 0, 0, 0};
        case 2:
        case 3:
            return (struct weir_cbpf_insn){0x61, 0, 0, rng_below(r, RANDOM_CBPF_CELLS)};
        default:
            return (struct weir_cbpf_insn){0xb1, 0, 0, rng_below(r, 30)};
        }
    switch (rng_below(r, 10)) {
    case 0:
        return (struct weir_cbpf_insn){0x00, 0, 0,
                                       rng_below(r, 3) ? rng_below(r, 20) : (uint32_t)rng_next(r)};
    case 1:
        return (struct weir_cbpf_insn){0x80, 0, 0, 0};
    case 2:
        return (struct weir_cbpf_insn){0x60, 0, 0, rng_below(r, RANDOM_CBPF_CELLS)};
    case 3:
    case 4:
        return (struct weir_cbpf_insn){(uint16_t)(0x40 | size), 0, 0,
                                       rng_below(r, 12) ? rng_below(r, 30) : 0 - rng_below(r, 9)};
    case 5:
        if (o->metadata)
            return metadata[rng_below(r, o->metadata)];
        break;
    }
    return (struct weir_cbpf_insn){(uint16_t)(0x20 | size), 0, 0,
                                   rng_below(r, 40) ? rng_below(r, 48) : 0x80000000u + rng_below(r, 9)};
}

static inline struct weir_cbpf_insn random_cbpf_compute(const struct random_cbpf *o, struct rng *r)
{
    static const uint8_t ops[] = {0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0};
    uint8_t op = ops[rng_below(r, sizeof ops)];
    bool shift = op == 0x60 || op == 0x70;
    uint32_t k = shift             ? rng_below(r, 32)
                 : rng_below(r, 4) ? 1 + rng_below(r, 255)
                                   : (uint32_t)rng_next(r) | 1;

    if (op == 0x80)
        return (struct weir_cbpf_insn){0x84, 0, 0, 0};
    if (rng_below(r, 3) == 0 && (!shift || o->wild_shifts))
        return (struct weir_cbpf_insn){(uint16_t)(0x0c | op), 0, 0, 0};
    return (struct weir_cbpf_insn){(uint16_t)(0x04 | op), 0, 0, k};
}

static inline struct weir_cbpf_insn random_cbpf_jump(struct rng *r, uint32_t behind)
{
    uint16_t condition = (uint16_t)((1 + rng_below(r, 4)) << 4);
    uint32_t far = behind < 12 ? behind : 12;

    if (rng_below(r, 12) == 0)
        return (struct weir_cbpf_insn){0x05, 0, 0, rng_below(r, far)};
    return (struct weir_cbpf_insn){(uint16_t)(0x05 | condition | (rng_below(r, 4) ? 0 : 8)),
                                   (uint8_t)rng_below(r, far),
                                   (uint8_t)(rng_below(r, 2) ? 0 : rng_below(r, far)),
                                   rng_below(r, 3) ? rng_below(r, 8) : rng_below(r, 0x1000)};
}

/** Metadata of a packet, much of it small. */
static inline struct weir_metadata random_cbpf_metadata(struct rng *r)
{
    return (struct weir_metadata){.size = sizeof(struct weir_metadata),
                                  .packet_type = rng_below(r, 6),
                                  .ifindex = rng_below(r, 4),
                                  .vlan_tci = rng_below(r, 4096),
                                  .vlan_present = rng_below(r, 2),
                                  .vlan_tpid = rng_below(r, 2) ? 0x8100 : 0x88a8,
                                  .protocol = rng_below(r, 2) ? 0x800 : rng_below(r, 0x10000),
                                  .mark = rng_below(r, 5) ? rng_below(r, 8) : (uint32_t)rng_next(r),
                                  .queue = rng_below(r, 9),
                                  .rxhash = (uint32_t)rng_next(r),
                                  .cpu = rng_below(r, 9),
                                  .hatype = rng_below(r, 3)};
}

/** Fills @out, which has room for RANDOM_CBPF_MAX; returns the length. Cells are stored to before anything
 * else. */
static inline uint32_t random_cbpf(const struct random_cbpf *o, struct rng *r, struct weir_cbpf_insn *out)
{
    uint32_t n = 8 + rng_below(r, RANDOM_CBPF_MAX - 8), at = 0;

    for (uint32_t cell = 0; cell < RANDOM_CBPF_CELLS; cell++)
        out[at++] = (struct weir_cbpf_insn){(uint16_t)(2 + rng_below(r, 2)), 0, 0, cell};
    for (; at < n - 2; at++) {
        uint32_t behind = n - at - 1;
        switch (rng_below(r, 12)) {
        case 0:
        case 1:
            out[at] = random_cbpf_load(o, r, true);
            break;
        case 2:
            out[at] = (struct weir_cbpf_insn){(uint16_t)(2 + rng_below(r, 2)), 0, 0,
                                              rng_below(r, RANDOM_CBPF_CELLS)};
            break;
        case 3:
            out[at] = (struct weir_cbpf_insn){(uint16_t)(rng_below(r, 2) ? 0x07 : 0x87), 0, 0, 0};
            break;
        case 4:
        case 5:
            out[at] = random_cbpf_compute(o, r);
            break;
        case 6:
        case 7:
        case 8:
            out[at] = random_cbpf_jump(r, behind);
            break;
        default:
            out[at] = rng_below(r, 12) ? random_cbpf_load(o, r, false)
                                       : (struct weir_cbpf_insn){0x06, 0, 0, rng_below(r, 2) * 5};
            break;
        }
    }
    out[at++] = (struct weir_cbpf_insn){0x06, 0, 0, 5};
    out[at++] = (struct weir_cbpf_insn){0x06, 0, 0, 0};
    for (uint32_t i = 0; o->return_a && i < n; i++)
        if (out[i].code == 0x06 && rng_below(r, 2))
            out[i] = (struct weir_cbpf_insn){(uint16_t)(rng_below(r, 3) ? 0x16 : 0x06), 0, 0, 6};
    return n;
}
#endif
