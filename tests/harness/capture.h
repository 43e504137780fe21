/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/capture.h - a capture file in memory.
 */
#ifndef WEIR_TESTS_HARNESS_CAPTURE_H
#define WEIR_TESTS_HARNESS_CAPTURE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vm/vm.h"

struct capture {
    uint32_t linktype; /* DLT_ number */
    uint32_t snaplen;  /* what the file says */
    bool swapped;      /* written by a machine of the other byte order */
    struct packet *packet;
    size_t n;
};

/** Reads pcap or pcapng. False when it cannot, which stderr says. Packets that libpcap takes before an error
 * in the middle of the file are kept. */
bool capture_load(const char *path, struct capture *out);
void capture_free(struct capture *c);
#endif
