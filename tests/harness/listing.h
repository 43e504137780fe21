/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/listing.h - classic BPF listings, read and run.
 *
 * Programs here are other compilers', so unlike the library's own they may jump backwards (protochain).
 */
#ifndef WEIR_TESTS_HARNESS_LISTING_H
#define WEIR_TESTS_HARNESS_LISTING_H
#include <stdbool.h>
#include <stdint.h>
#include "tests/harness/rng.h"
#include "vm/vm.h"

struct program {
    struct weir_cbpf_insn *at;
    uint32_t n;
};

/** Reads what tcpdump -d prints. NULL on success, else what is wrong, static text. Lines that do not start
 * with "(" are passed over. */
const char *listing_parse(const char *text, struct program *out);
void program_free(struct program *p);

/** A copy. False when memory is out. */
bool program_copy(const struct weir_cbpf_insn *at, uint32_t n, struct program *out);

/** Instructions of the longest path, if no jump goes backwards: no packet executes more. 0 without memory. */
uint32_t program_longest_path(const struct program *p);

/** True when the program jumps backwards, so that only program_run() may run it. */
bool program_has_loop(const struct program *p);

enum run_end { RUN_RETURN, RUN_FAULT, RUN_DIVISION, RUN_STEPS, RUN_BROKEN };

/**
 * Runs any program, at most @max_steps instructions long: the rules of cbpf_run() in code of their own.
 *
 * @end     may be NULL; RUN_FAULT is an out-of-range load, RUN_DIVISION a division by zero, RUN_STEPS too
 *          many steps, RUN_BROKEN an instruction that does not exist; all but RUN_RETURN reject
 */
uint32_t program_run(const struct program *p, const struct packet *packet, uint64_t max_steps,
                     enum run_end *end);

/** @p and the verdicts of two programs on it, in words. */
void packet_describe(const struct packet *p, uint32_t first, uint32_t second, char *text, size_t size);

/**
 * Bends @bytes so that one run of @p goes somewhere: at each comparison of a value that was just loaded, the
 * packet is changed at random so that the comparison holds. Random bytes alone hardly get past the first one.
 */
void program_steer(const struct program *p, struct rng *r, uint8_t *bytes, uint32_t caplen);
#endif
