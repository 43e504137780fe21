/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/linktype.c - link types: the table of linktype.def and how it is searched. */
#include "proto/linktype.h"

#define UNSET OFFSET_UNSET

/* clang-format off */

/*                        width offset  mask_in in      mask_out out    inbound is not outbound */
#define NO_DIRECTION      {0,   0,      0,      0,      0,      0,      0}
#define DIRECTION_BYTE0   {1,   0,      0xff,   0,      0xff,   1,      0}
#define DIRECTION_IPNET   {2,   2,      0xffff, 2,      0xffff, 1,      0}
#define DIRECTION_SLL     {2,   0,      0xffff, 4,      0xffff, 4,      1}
#define DIRECTION_SLL2    {1,   10,     0xff,   4,      0xff,   4,      1}
#define DIRECTION_PFLOG   {1,   60,     0xff,   1,      0xff,   2,      0}
#define DIRECTION_JUNIPER {1,   3,      0x01,   1,      0x01,   0,      0}
#define DIRECTION_BRCM    {1,   12,     0xe0,   0x00,   0xe0,   0x20,   0}
#define DIRECTION_DSA     {1,   12,     0x40,   0x00,   0xc0,   0x40,   0}

/* number, LINKTYPE, name, description, method, prefix, link, type, payload, nl, ns, address, dst, src,
 * broadcast, MTP2, capabilities, direction: the members of struct linktype in their order. */
#define RAW_ONLY(number, name, description)                                                                  \
    {number, number, name, description, METHOD_RAW_ONLY, PREFIX_NONE, 0, UNSET, UNSET, UNSET, UNSET,         \
     ADDRESS_NONE, 0, 0, 0, 0, 0, NO_DIRECTION},
#define PLAIN(number, file, name, method, type, payload, nl, ns, capabilities, direction, description)       \
    {number, file, name, description, METHOD_##method, PREFIX_NONE, 0, type, payload, nl, ns,                \
     ADDRESS_NONE, 0, 0, 0, 0, capabilities, direction},
#define MAC48(number, name, method, link, type, payload, nl, ns, dst, src, capabilities, direction, description) \
    {number, number, name, description, METHOD_##method, PREFIX_NONE, link, type, payload, nl, ns,           \
     ADDRESS_MAC48, dst, src, 0, 0, LINK_BROADCAST | LINK_MULTICAST | (capabilities), direction},
#define MAC8(number, name, method, type, payload, nl, ns, dst, src, broadcast, capabilities, description)    \
    {number, number, name, description, METHOD_##method, PREFIX_NONE, 0, type, payload, nl, ns,              \
     ADDRESS_MAC8, dst, src, broadcast, 0, capabilities, NO_DIRECTION},
#define WLAN(number, name, prefix, capabilities, description)                                                \
    {number, number, name, description, METHOD_WLAN, PREFIX_##prefix, 0, 24, 24, 8, 3, ADDRESS_WLAN, 0, 0, 0, 0, \
     LINK_BROADCAST | LINK_MULTICAST | LINK_LLC | LINK_WLAN | (capabilities), NO_DIRECTION},
#define JUNIPER(number, name, type, payload, nl, ns, description)                                            \
    {number, number, name, description, METHOD_JUNIPER, PREFIX_NONE, 0, type, payload, nl, ns,               \
     ADDRESS_NONE, 0, 0, 0, 0, 0, DIRECTION_JUNIPER},
#define SS7(number, name, mtp2, description)                                                                 \
    {number, number, name, description, METHOD_NONE, PREFIX_NONE, 0, UNSET, UNSET, UNSET, UNSET,             \
     ADDRESS_NONE, 0, 0, 0, mtp2, LINK_SS7, NO_DIRECTION},
#define PFLOG(number, name, description)                                                                     \
    {number, number, name, description, METHOD_AF8, PREFIX_PFLOG, 0, UNSET, 0, 0, 0,                         \
     ADDRESS_NONE, 0, 0, 0, 0, LINK_PFLOG | LINK_SAVEFILE_AF, DIRECTION_PFLOG},

/* clang-format on */

static const struct linktype linktypes[] = {
#include "proto/linktype.def"
};

#define LINKTYPE_COUNT (sizeof linktypes / sizeof linktypes[0])

const struct linktype *linktype_by_number(uint32_t number)
{
    size_t low = 0,
           high = number < LINKTYPE_COUNT ? number + 1 : LINKTYPE_COUNT; /* row i has no number below i */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (linktypes[middle].number == number)
            return &linktypes[middle];
        if (linktypes[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Not strcasecmp(3), which asks the locale. */
static unsigned char lower_ascii(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static int equal_any_case(const char *a, const char *b)
{
    while (*a && lower_ascii(*a) == lower_ascii(*b))
        a++, b++;
    return *a == *b;
}

const struct linktype *linktype_by_name(const char *name)
{
    for (size_t i = 0; i < LINKTYPE_COUNT; i++)
        if (linktypes[i].name && equal_any_case(linktypes[i].name, name))
            return &linktypes[i];
    return NULL;
}

const struct linktype *linktype_at(size_t i)
{
    return i < LINKTYPE_COUNT ? &linktypes[i] : NULL;
}

int linktype_has_protocols(const struct linktype *lt)
{
    return lt->method != METHOD_RAW_ONLY && lt->method != METHOD_NONE;
}
