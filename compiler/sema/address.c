/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sema/address.c - the numbers inside a token: dotted addresses, DECnet addresses, whole numbers.
 */
#include <limits.h>
#include "sema/checker.h"

/* Reads decimal digits up to the next dot. False when there is none or something else stands there. */
static bool decimal_part(const char **at, const char *end, uint32_t *value)
{
    const char *p = *at;
    uint32_t v = 0;

    if (p == end || *p == '.')
        return false;
    for (; p < end && *p != '.'; p++) {
        if (*p < '0' || *p > '9')
            return false;
        v = v * 10 + (uint32_t)(*p - '0');
        if (v > 65535)
            v = 65535; /* too large for any part */
    }
    *at = p;
    *value = v;
    return true;
}

bool read_ipv4(const char *text, uint32_t len, uint32_t *addr, uint32_t *mask)
{
    const char *p = text, *end = text + len;
    uint32_t a = 0;
    unsigned parts = 0;

    for (;;) {
        uint32_t part;

        if (parts == 4 || !decimal_part(&p, end, &part) || part > 255)
            return false;
        a = a << 8 | part;
        parts++;
        if (p == end)
            break;
        p++;
    }
    *addr = a << (32 - 8 * parts);
    *mask = UINT32_MAX << (32 - 8 * parts);
    return true;
}

bool read_decnet(const char *text, uint32_t len, uint32_t *address)
{
    const char *p = text, *end = text + len;
    uint32_t area, node;

    if (!decimal_part(&p, end, &area) || p == end)
        return false;
    p++;
    if (!decimal_part(&p, end, &node) || p != end || area > 63 || node > 1023)
        return false;
    *address = area << 10 | node;
    return true;
}

int read_number(const char *text, uint32_t len, uint32_t *value)
{
    uint32_t base = 10, i = 0;
    uint64_t v = 0;

    if (len > 1 && text[0] == '0') {
        base = 8;
        i = 1;
        if (text[1] == 'x' || text[1] == 'X') {
            base = 16;
            i = 2;
        }
    }
    if (i == len)
        return 0;
    for (; i < len; i++) {
        char ch = text[i];
        uint32_t digit = ch >= '0' && ch <= '9'   ? (uint32_t)(ch - '0')
                         : ch >= 'a' && ch <= 'f' ? (uint32_t)(ch - 'a' + 10)
                         : ch >= 'A' && ch <= 'F' ? (uint32_t)(ch - 'A' + 10)
                                                  : UINT32_MAX;
        if (digit >= base)
            return 0;
        if (v <= UINT32_MAX)
            v = v * base + digit;
    }
    if (v > UINT32_MAX)
        return -1;
    *value = (uint32_t)v;
    return 1;
}
