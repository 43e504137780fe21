/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/harness/cuts.h"
#include <string.h>

enum {
    STEPS = 100000,
    HEADER = 14, /* where IPv4 headers begin, as often as not: their length is one of the things that vary */
    LEADS = 3,   /* times that a packet is led through a program, at most */
    SHORT_MIN = 20, /* bytes that it has then, or all */
    DENSE = 80,     /* bytes up to which packets are cut at every length, ... */
    STRIDE = 8,     /* ... and behind at some */
    WIRE_MIN = 30,
};

/* Bytes that lead through @p or @q as far as chance will have it. */
static void draw(const struct program *p, const struct program *q, struct rng *r, uint8_t *bytes)
{
    memset(bytes, 0, CUTS_BYTES);
    if (rng_below(r, 4) == 0)
        rng_bytes(r, bytes, CUTS_BYTES);
    for (unsigned leads = 1 + rng_below(r, LEADS); leads > 0; leads--) {
        const bool all = rng_below(r, 4) != 0;
        program_steer(rng_below(r, 3) ? p : q, r, bytes,
                      all ? CUTS_BYTES : SHORT_MIN + rng_below(r, CUTS_BYTES - SHORT_MIN));
    }
    if (rng_below(r, 3) == 0)
        bytes[HEADER] = (uint8_t)((bytes[HEADER] & 0xf0) | rng_below(r, 16));
}

bool cuts_differ(const struct program *plain, const struct program *other, struct rng *r, unsigned packets,
                 struct cuts_witness *out)
{
    for (; packets > 0; packets--) {
        draw(plain, other, r, out->bytes);
        const uint32_t wirelen = rng_below(r, 3) ? 0 : WIRE_MIN + rng_below(r, CUTS_BYTES - WIRE_MIN);
        for (uint32_t n = 0; n <= CUTS_BYTES; n += n < DENSE ? 1 : STRIDE) {
            enum run_end end;
            out->packet =
                (struct packet){.bytes = out->bytes, .caplen = n, .wirelen = wirelen > n ? wirelen : n};
            out->plain = program_run(plain, &out->packet, STEPS, &end);
            if (end != RUN_RETURN)
                continue;
            out->other = program_run(other, &out->packet, STEPS, NULL);
            if (out->plain != out->other)
                return true;
        }
    }
    return false;
}
