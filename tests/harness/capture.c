/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/capture.c - a capture file in memory.
 */
#include "tests/harness/capture.h"
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool capture_load(const char *path, struct capture *out)
{
    char why[PCAP_ERRBUF_SIZE];
    struct capture c = {0};
    size_t cap = 0;
    pcap_t *file = pcap_open_offline(path, why);
    if (!file) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    c.linktype = (uint32_t)pcap_datalink(file);
    c.snaplen = (uint32_t)pcap_snapshot(file);
    c.swapped = pcap_is_swapped(file) == 1;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    int got;
    while ((got = pcap_next_ex(file, &header, &bytes)) == 1) {
        if (c.n == cap) {
            cap = cap ? cap * 2 : 64;
            struct packet *more = realloc(c.packet, cap * sizeof *more);
            if (!more)
                break;
            c.packet = more;
        }
        /* One byte more, so that an empty packet has an address too. */
        uint8_t *copy = malloc(header->caplen + 1u);
        if (!copy)
            break;
        memcpy(copy, bytes, header->caplen);
        c.packet[c.n++] = (struct packet){
            .bytes = copy,
            .caplen = header->caplen,
            .wirelen = header->len,
            .meta = {.size = sizeof(struct weir_metadata)},
        };
    }
    if (got == 1)
        fprintf(stderr, "%s: out of memory\n", path);
    pcap_close(file);
    if (got == 1) {
        capture_free(&c);
        return false;
    }
    *out = c;
    return true;
}

void capture_free(struct capture *c)
{
    for (size_t i = 0; i < c->n; i++)
        free((void *)c->packet[i].bytes);
    free(c->packet);
    *c = (struct capture){0};
}
