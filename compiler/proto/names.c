/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/names.c - name tables: the rows of ethertype, isoproto, ipproto, service, llc, wlan and pf.def. */
#include "proto/names.h"
#include <stddef.h>
#include <string.h>

struct name_value {
    const char *name;
    uint32_t value;
};

static const struct name_value ethertypes[] = {
#define ETHERTYPE(name, value) {name, value},
#include "proto/ethertype.def"
#undef ETHERTYPE
};

static const struct name_value isoprotos[] = {
#define ISOPROTO(name, value) {name, value},
#include "proto/isoproto.def"
#undef ISOPROTO
};

static const struct name_value ipprotos[] = {
#define IPPROTO(name, value) {name, value},
#include "proto/ipproto.def"
#undef IPPROTO
};

static const struct {
    const char *name;
    int32_t tcp, udp; /* -1: none */
} services[] = {
#define SERVICE(name, tcp, udp) {name, tcp, udp},
#include "proto/service.def"
#undef SERVICE
};

static const struct {
    const char *name;
    uint8_t mask, value;
} llcs[] = {
#define LLC(name, mask, value) {name, mask, value},
#include "proto/llc.def"
#undef LLC
};

#define WLAN_TYPE(name, bits)
#define WLAN_SUBTYPE(type, name, bits)
#define WLAN_DIR(name, value)

static const struct name_value wlan_types[] = {
#undef WLAN_TYPE
#define WLAN_TYPE(name, bits) {name, bits},
#include "proto/wlan.def"
#undef WLAN_TYPE
#define WLAN_TYPE(name, bits)
};

static const struct {
    const char *name;
    uint8_t type, bits;
} wlan_subtypes[] = {
#undef WLAN_SUBTYPE
#define WLAN_SUBTYPE(type, name, bits) {name, type, bits},
#include "proto/wlan.def"
#undef WLAN_SUBTYPE
#define WLAN_SUBTYPE(type, name, bits)
};

static const struct name_value wlan_dirs[] = {
#undef WLAN_DIR
#define WLAN_DIR(name, value) {name, value},
#include "proto/wlan.def"
};

#define PF_ACTION(name, value)
static const struct name_value pf_reasons[] = {
#define PF_REASON(name, value) {name, value},
#include "proto/pf.def"
#undef PF_REASON
};
#undef PF_ACTION
#define PF_REASON(name, value)
static const struct name_value pf_actions[] = {
#define PF_ACTION(name, value) {name, value},
#include "proto/pf.def"
#undef PF_ACTION
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Not strcasecmp(3), which asks the locale. */
static bool equal_any_case(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a, y = *b;

        if (x >= 'A' && x <= 'Z')
            x = (char)(x - 'A' + 'a');
        if (y >= 'A' && y <= 'Z')
            y = (char)(y - 'A' + 'a');
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

static bool find_exact(const struct name_value *table, size_t n, const char *name, uint32_t *value)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name)) {
            *value = table[i].value;
            return true;
        }
    return false;
}

static bool find_byte(const struct name_value *table, size_t n, const char *name, uint8_t *value)
{
    for (size_t i = 0; i < n; i++)
        if (equal_any_case(table[i].name, name)) {
            *value = (uint8_t)table[i].value;
            return true;
        }
    return false;
}

bool name_ethertype(const char *name, uint32_t *value)
{
    return find_exact(ethertypes, COUNT(ethertypes), name, value);
}

bool name_isoproto(const char *name, uint32_t *value)
{
    return find_exact(isoprotos, COUNT(isoprotos), name, value);
}

bool name_ipproto(const char *name, uint8_t *value)
{
    uint32_t number;

    if (!find_exact(ipprotos, COUNT(ipprotos), name, &number))
        return false;
    *value = (uint8_t)number;
    return true;
}

/* A filter may name thousands of ports, so this table alone is searched by halving. */
bool name_service(const char *name, const char *protocol, uint16_t *port)
{
    size_t low = 0, high = COUNT(services);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(services[middle].name, name);

        if (order == 0) {
            int32_t found = !strcmp(protocol, "tcp")   ? services[middle].tcp
                            : !strcmp(protocol, "udp") ? services[middle].udp
                                                       : -1;

            if (found < 0)
                return false;
            *port = (uint16_t)found;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool name_llc(const char *name, uint8_t *mask, uint8_t *value)
{
    for (size_t i = 0; i < COUNT(llcs); i++)
        if (equal_any_case(llcs[i].name, name)) {
            *mask = llcs[i].mask;
            *value = llcs[i].value;
            return true;
        }
    return false;
}

bool name_wlan_type(const char *name, uint8_t *bits)
{
    return find_byte(wlan_types, COUNT(wlan_types), name, bits);
}

bool name_wlan_subtype(const char *name, uint8_t type, uint8_t *type_bits, uint8_t *bits)
{
    for (size_t i = 0; i < COUNT(wlan_subtypes); i++) {
        if ((type != WLAN_ANY_TYPE && type != wlan_subtypes[i].type) ||
            !equal_any_case(wlan_subtypes[i].name, name))
            continue;
        if (type == WLAN_ANY_TYPE)
            *type_bits = wlan_subtypes[i].type;
        *bits = wlan_subtypes[i].bits;
        return true;
    }
    return false;
}

bool name_wlan_dir(const char *name, uint8_t *value)
{
    return find_byte(wlan_dirs, COUNT(wlan_dirs), name, value);
}

bool name_pf_reason(const char *name, uint8_t *value)
{
    return find_byte(pf_reasons, COUNT(pf_reasons), name, value);
}

bool name_pf_action(const char *name, uint8_t *value)
{
    return find_byte(pf_actions, COUNT(pf_actions), name, value);
}
