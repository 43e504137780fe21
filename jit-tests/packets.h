/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/packets.h - Ethernet packets for whole programs: generated ones, real ones, and their
 * truncations.
 */
#ifndef WEIR_JIT_TESTS_PACKETS_H
#define WEIR_JIT_TESTS_PACKETS_H
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "tests/harness/capture.h"
#include "tests/harness/rng.h"
#include "tests/harness/shared.h"

struct packets {
    uint8_t *byte[6000];
    uint32_t size[6000];
    size_t n;
};

/** Keeps a copy, exactly as long as the packet, so that a sanitizer sees reads behind it. */
static inline void packets_add(struct packets *p, const uint8_t *bytes, uint32_t n)
{
    if (p->n == sizeof p->byte / sizeof p->byte[0])
        return;
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        return;
    memcpy(copy, bytes, n);
    p->byte[p->n] = copy;
    p->size[p->n++] = n;
}

static inline void packets_free(struct packets *p)
{
    while (p->n)
        free(p->byte[--p->n]);
}

static inline uint32_t packets_put(uint8_t *out, uint32_t at, uint32_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8)
        out[at + i] = (uint8_t)value;
    return at + bytes;
}

/* A network header at @at and what follows; returns the length. */
static inline uint32_t packets_ip(struct rng *r, uint8_t *out, uint32_t at)
{
    static const uint8_t protocols[] = {6, 6, 17, 17, 1, 2, 132, 47, 50, 51};
    static const uint16_t ports[] = {80, 80, 53, 443, 22, 4789, 6081, 1024, 65535, 0};
    uint32_t ihl = rng_below(r, 3) ? 5 : rng_below(r, 16);
    uint8_t protocol = protocols[rng_below(r, sizeof protocols)];
    uint32_t ip = at;

    out[ip] = (uint8_t)(0x40 | ihl);
    packets_put(out, ip + 2, 40 + rng_below(r, 40), 2);
    packets_put(out, ip + 6, rng_below(r, 4) ? (rng_below(r, 2) ? 0x4000 : 0) : rng_below(r, 0x4000), 2);
    out[ip + 8] = 64;
    out[ip + 9] = protocol;
    packets_put(out, ip + 12, 0x0a000000 + rng_below(r, 60), 4);
    packets_put(out, ip + 16, 0x0a000000 + rng_below(r, 60), 4);
    at = ip + 4 * ihl;
    if (at < ip + 20)
        at = ip + 20;
    packets_put(out, at, ports[rng_below(r, 10)], 2);
    packets_put(out, at + 2, ports[rng_below(r, 10)], 2);
    out[at + 12] = (uint8_t)(0x50 + 16 * rng_below(r, 3));
    out[at + 13] = (uint8_t)rng_below(r, 32);
    if (rng_below(r, 2))
        memcpy(out + at + 20, "GET / HTTP/1.1", 14);
    return at + 34 + rng_below(r, 30);
}

static inline uint32_t packets_ip6(struct rng *r, uint8_t *out, uint32_t at)
{
    static const uint8_t next[] = {6, 17, 58, 0, 44, 60};

    out[at] = 0x60;
    out[at + 6] = next[rng_below(r, sizeof next)];
    packets_put(out, at + 8, 0x20010db8, 4);
    out[at + 23] = (uint8_t)rng_below(r, 6);
    packets_put(out, at + 24, rng_below(r, 2) ? 0x20010db8 : 0xfe800000, 4);
    out[at + 39] = (uint8_t)rng_below(r, 6);
    packets_put(out, at + 40, rng_below(r, 2) ? 80 : 53, 2);
    packets_put(out, at + 42, rng_below(r, 2) ? 80 : 443, 2);
    return at + 60 + rng_below(r, 30);
}

/** An Ethernet packet as a network may carry it, or nearly so. */
static inline void packets_generate(struct packets *p, struct rng *r)
{
    uint8_t out[400];
    uint32_t at = 12;

    rng_bytes(r, out, sizeof out);
    memset(out + 14, 0, 80);
    if (!rng_below(r, 4))
        memset(out, rng_below(r, 2) ? 0xff : 0x01, 6);
    for (uint32_t tags = rng_below(r, 4) ? 0 : 1 + rng_below(r, 2); tags > 0; tags--) {
        at = packets_put(out, at, rng_below(r, 3) ? 0x8100 : 0x88a8, 2);
        at = packets_put(out, at, rng_below(r, 3) ? 100 : rng_below(r, 0xffff), 2);
    }
    switch (rng_below(r, 8)) {
    case 0:
        at = packets_put(out, at, 0x0806, 2);
        packets_put(out, at, 0x00010800, 4);
        packets_put(out, at + 14, 0x0a000000 + rng_below(r, 60), 4);
        packets_put(out, at + 24, 0x0a000000 + rng_below(r, 60), 4);
        at += 28;
        break;
    case 1:
    case 2:
        at = packets_ip6(r, out, packets_put(out, at, 0x86dd, 2));
        break;
    case 3:
        at = packets_put(out, at, rng_below(r, 3) ? rng_below(r, 0x10000) : 0x8847, 2) + 40;
        break;
    default:
        at = packets_ip(r, out, packets_put(out, at, 0x0800, 2));
    }
    packets_add(p, out, at);
}

/** Up to @each packets of every Ethernet capture of the shared data; returns how many files gave some. */
static inline unsigned packets_of_captures(struct packets *p, const char *folder, size_t each,
                                           uint32_t max_size)
{
    char *dir = shared_path(folder);
    DIR *d = dir ? opendir(dir) : NULL;
    unsigned files = 0;

    for (struct dirent *e; d && (e = readdir(d));) {
        char *path = NULL;
        struct capture c;
        if (e->d_name[0] == '.' || asprintf(&path, "%s/%s", dir, e->d_name) < 0)
            continue;
        if (capture_load(path, &c)) {
            files += c.linktype == 1 && c.n;
            for (size_t i = 0; c.linktype == 1 && i < c.n && i < each; i++)
                if (c.packet[i].caplen <= max_size)
                    packets_add(p, c.packet[i].bytes, c.packet[i].caplen);
            capture_free(&c);
        }
        free(path);
    }
    if (d)
        closedir(d);
    free(dir);
    return files;
}
#endif
