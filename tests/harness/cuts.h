/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/cuts.h - does one classic program refine another? Looked for with packets, not proved.
 *
 * Where an optimizer makes a load too early, a packet shows it that is cut off in front of what is loaded. So
 * packets are led through both programs, and then cut at every length. Long lists, on which the provers give
 * up, cost no more than others.
 */
#ifndef WEIR_TESTS_HARNESS_CUTS_H
#define WEIR_TESTS_HARNESS_CUTS_H
#include "tests/harness/listing.h"

#define CUTS_BYTES 160u

/* A packet on which the programs differ. */
struct cuts_witness {
    uint8_t bytes[CUTS_BYTES];
    struct packet packet;  /* of these */
    uint32_t plain, other; /* verdicts */
};

/** Among @packets packets, is there one that @plain answers, with no load that fails, and @other answers
 * otherwise? Then it is *@out. */
bool cuts_differ(const struct program *plain, const struct program *other, struct rng *r, unsigned packets,
                 struct cuts_witness *out);
#endif
