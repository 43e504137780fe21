/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/savefile.c - capture files: opened for reading with the precision they were written with. */
#include "savefile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What can be looked at before libpcap reads it: the headers of a pcapng file with long comments. */
#define HEAD_BYTES 65536

/*
 * libpcap wants to be told the precision when it opens a file, and only the file knows it. So its first bytes
 * are read here and given to libpcap again, which works for a pipe as well.
 */
struct source {
    int fd;
    size_t len, at; /* of head: filled, given on */
    unsigned char head[HEAD_BYTES];
};

/* Fills the head up to @n bytes; false when the file is shorter. */
static bool look(struct source *s, size_t n)
{
    if (n > HEAD_BYTES)
        return false;
    while (s->len < n) {
        ssize_t got = read(s->fd, s->head + s->len, n - s->len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        s->len += (size_t)got;
    }
    return true;
}

static ssize_t source_read(void *cookie, char *buf, size_t size)
{
    struct source *s = cookie;
    ssize_t got;

    if (s->at < s->len) {
        size_t n = s->len - s->at < size ? s->len - s->at : size;

        memcpy(buf, s->head + s->at, n);
        s->at += n;
        return (ssize_t)n;
    }
    do
        got = read(s->fd, buf, size);
    while (got < 0 && errno == EINTR);
    return got;
}

static int source_close(void *cookie)
{
    struct source *s = cookie;

    if (s->fd != STDIN_FILENO)
        close(s->fd);
    free(s);
    return 0;
}

static uint32_t word(const struct source *s, size_t at, bool big, size_t bytes)
{
    uint32_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)s->head[at + i] << 8 * (big ? bytes - 1 - i : i);
    return value;
}

/* if_tsresol (option 9) of the first interface: 10^-n, or 2^-n with the top bit set. Absent, it is
 * microseconds. */
static bool pcapng_is_finer(struct source *s)
{
    bool big;
    size_t at, end;

    if (!look(s, 12))
        return false;
    big = s->head[8] == 0x1a; /* byte-order magic 0x1a2b3c4d */
    at = word(s, 4, big, 4);  /* length of the section header block */
    if (at < 28 || at >= HEAD_BYTES || !look(s, at + 8) || word(s, at, big, 4) != 1)
        return false;
    end = at + word(s, at + 4, big, 4);
    if (end <= at || end > HEAD_BYTES || !look(s, end))
        return false;
    for (at += 16; at + 5 <= end;) {
        uint32_t code = word(s, at, big, 2), len = word(s, at + 2, big, 2);

        if (code == 0)
            return false;
        if (code == 9 && len == 1)
            return s->head[at + 4] & 0x80 ? (s->head[at + 4] & 0x7f) >= 20 : s->head[at + 4] > 6;
        at += 4 + ((len + 3) & ~UINT32_C(3));
    }
    return false;
}

static bool is_finer_than_microseconds(struct source *s)
{
    static const unsigned char nano_big[4] = {0xa1, 0xb2, 0x3c, 0x4d},
                               nano_little[4] = {0x4d, 0x3c, 0xb2, 0xa1},
                               pcapng[4] = {0x0a, 0x0d, 0x0d, 0x0a};

    if (!look(s, 4))
        return false;
    if (!memcmp(s->head, pcapng, 4))
        return pcapng_is_finer(s);
    return !memcmp(s->head, nano_big, 4) || !memcmp(s->head, nano_little, 4);
}

static int fail(char *why, const char *reason)
{
    snprintf(why, PCAP_ERRBUF_SIZE, "%s", reason);
    return -1;
}

int savefile_open(struct savefile *s, const char *path, char why[static PCAP_ERRBUF_SIZE])
{
    static const cookie_io_functions_t io = {.read = source_read, .close = source_close};
    struct source *source = calloc(1, sizeof *source);
    unsigned precision;
    FILE *f;

    *s = (struct savefile){0};
    if (!source)
        return fail(why, strerror(ENOMEM));
    source->fd = !strcmp(path, "-") ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 || fstat(source->fd, &s->st) < 0) {
        int error = errno;

        if (source->fd >= 0)
            source_close(source);
        else
            free(source);
        return fail(why, strerror(error));
    }
    if (S_ISDIR(s->st.st_mode)) {
        source_close(source);
        return fail(why, strerror(EISDIR));
    }
    f = fopencookie(source, "rb", io);
    if (!f) {
        source_close(source);
        return fail(why, strerror(ENOMEM));
    }
    setvbuf(f, NULL, _IOFBF, HEAD_BYTES);
    precision = is_finer_than_microseconds(source) ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO;
    s->pcap = pcap_fopen_offline_with_tstamp_precision(f, precision, why);
    if (!s->pcap) {
        fclose(f);
        return -1;
    }
    return 0;
}

void savefile_describe(const struct savefile *s, struct weir_options *wo)
{
    int snaplen = pcap_snapshot(s->pcap);

    wo->linktype = (uint32_t)pcap_datalink(s->pcap);
    wo->snaplen = snaplen > 0 ? (uint32_t)snaplen : WEIR_SNAPLEN_DEFAULT;
    wo->savefile = pcap_is_swapped(s->pcap) ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
}

bool savefile_is(const struct savefile *s, const char *path)
{
    struct stat st;

    return (strcmp(path, "-") ? stat(path, &st) : fstat(STDOUT_FILENO, &st)) == 0 && S_ISREG(st.st_mode) &&
           st.st_dev == s->st.st_dev && st.st_ino == s->st.st_ino;
}

void savefile_close(struct savefile *s)
{
    if (s->pcap)
        pcap_close(s->pcap); /* closes the file, too */
    s->pcap = NULL;
}
