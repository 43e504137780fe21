/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/member.c - members of named sets: text to bytes and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "attach/internal.h"

/* Digits only; -1 when it is no number or greater than @max. */
static long number_of(const char *text, long max)
{
    long n = 0;

    if (!*text || strlen(text) > 6 || (text[0] == '0' && text[1]))
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        n = 10 * n + (*text - '0');
    }
    return n > max ? -1 : n;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int read_address(char *text, struct weir_bpf_member *m, struct weir_bpf_error *e)
{
    char *slash = strchr(text, '/');
    char net[INET6_ADDRSTRLEN];
    bool outside = false;

    if (slash)
        *slash = '\0';
    m->family = strchr(text, ':') ? 6 : 4;
    if (inet_pton(m->family == 6 ? AF_INET6 : AF_INET, text, m->bytes) != 1)
        return fail(e, EINVAL, "write an address such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
                    "'%s' is not an IP address", text);
    long most = m->family == 6 ? 128 : 32, bits = slash ? number_of(slash + 1, most) : most;
    if (bits < 0)
        return fail(e, EINVAL, NULL, "'%s' is not the length of a prefix: a number up to %ld", slash + 1,
                    most);
    m->bits = (uint32_t)bits;
    for (long i = bits; i < most; i++) {
        outside |= (m->bytes[i / 8] & 0x80 >> i % 8) != 0;
        m->bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    }
    if (!outside)
        return 0;
    inet_ntop(m->family == 6 ? AF_INET6 : AF_INET, m->bytes, net, sizeof net);
    char hint[INET6_ADDRSTRLEN + 32];
    snprintf(hint, sizeof hint, "the network is %s/%ld", net, bits);
    return fail(e, EINVAL, hint, "'%s/%ld' has bits outside its mask", text, bits);
}

static int read_port(const char *text, struct weir_bpf_member *m, struct weir_bpf_error *e)
{
    long port = number_of(text, 65535);

    if (port < 0)
        return fail(e, EINVAL, NULL, "'%s' is not a port: a number up to 65535", text);
    m->bytes[0] = (uint8_t)(port >> 8);
    m->bytes[1] = (uint8_t)port;
    return 0;
}

/* Six times one or two digits, between colons or between hyphens. */
static int read_mac(const char *text, struct weir_bpf_member *m, struct weir_bpf_error *e)
{
    const char *at = text;
    char separator = strchr(text, '-') ? '-' : ':';

    for (int i = 0; i < 6; i++) {
        if (i && *at++ != separator)
            break;
        if (digit(*at) < 0)
            break;
        m->bytes[i] = (uint8_t)digit(*at++);
        if (digit(*at) >= 0)
            m->bytes[i] = (uint8_t)(m->bytes[i] << 4 | digit(*at++));
        if (i == 5 && !*at)
            return 0;
    }
    return fail(e, EINVAL, "write it as six pairs of hexadecimal digits: 02:00:00:00:00:01",
                "'%s' is not an Ethernet address", text);
}

int weir_bpf_member_read(uint32_t kind, const char *text, size_t len, struct weir_bpf_member *out,
                         struct weir_bpf_error *e)
{
    struct weir_bpf_member m = {0};
    char copy[WEIR_BPF_MEMBER_TEXT];

    if (!text || !out)
        return missing(e, text ? "the place of the member" : "the text");
    if (e)
        memset(e, 0, sizeof *e);
    if (kind < WEIR_BPF_SET_ADDRESSES || kind > WEIR_BPF_SET_MACS)
        return fail(e, EINVAL, NULL, "%u is no kind of set", (unsigned)kind);
    size_t n = len < sizeof copy - 1 ? len : sizeof copy - 1; /* what is longer is no member, and is cut */
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (strlen(copy) != n)
        return fail(e, EINVAL, NULL, "there is a NUL byte behind '%s'", copy);
    int err = kind == WEIR_BPF_SET_ADDRESSES ? read_address(copy, &m, e)
              : kind == WEIR_BPF_SET_PORTS   ? read_port(copy, &m, e)
                                             : read_mac(copy, &m, e);
    if (err == 0)
        *out = m;
    return err;
}

void weir_bpf_member_text(uint32_t kind, const struct weir_bpf_member *m, char out[WEIR_BPF_MEMBER_TEXT])
{
    char text[INET6_ADDRSTRLEN] = "?";
    const uint8_t *b = m ? m->bytes : NULL;

    if (!out)
        return;
    if (!m) {
        out[0] = '\0';
    } else if (kind == WEIR_BPF_SET_PORTS) {
        snprintf(out, WEIR_BPF_MEMBER_TEXT, "%u", (unsigned)b[0] << 8 | b[1]);
    } else if (kind == WEIR_BPF_SET_MACS) {
        snprintf(out, WEIR_BPF_MEMBER_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
                 b[5]);
    } else {
        inet_ntop(m->family == 6 ? AF_INET6 : AF_INET, b, text, sizeof text);
        if (m->bits == (m->family == 6 ? 128 : 32))
            snprintf(out, WEIR_BPF_MEMBER_TEXT, "%s", text);
        else
            snprintf(out, WEIR_BPF_MEMBER_TEXT, "%s/%u", text, m->bits);
    }
}
