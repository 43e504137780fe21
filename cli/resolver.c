/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/resolver.c - names to numbers, from files or from the system. */
#include "resolver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "names_system.h"

/* How each database is written: hosts(5), ethers(5), networks(5), services(5), protocols(5). */
static const struct {
    const char *name;
    bool value_first, any_case;
} formats[DATABASE_COUNT] = {
    [HOSTS] = {"hosts", true, true},           [ETHERS] = {"ethers", true, false},
    [NETWORKS] = {"networks", false, true},    [SERVICES] = {"services", false, false},
    [PROTOCOLS] = {"protocols", false, false},
};

/* ------------------------------------------------------------------ files */

static void database_path(const struct resolver *r, enum database which, char path[static PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", r->directory, formats[which].name);
}

/* NULL when it could not be read; a file that does not exist is empty. */
static const struct names_file *open_database(struct resolver *r, enum database which)
{
    if (!r->databases[which].read) {
        char path[PATH_MAX];

        database_path(r, which, path);
        r->databases[which].read = true;
        if (names_file_read(&r->databases[which].file, path, formats[which].value_first,
                            formats[which].any_case) < 0)
            r->databases[which].failed = errno == ENOENT ? 0 : errno;
    }
    return r->databases[which].failed ? NULL : &r->databases[which].file;
}

static bool parse_address(const char *text, struct weir_address *out)
{
    struct in_addr four;

    *out = (struct weir_address){0};
    if (inet_pton(AF_INET6, text, out->bytes) == 1) {
        out->family = 6;
        return true;
    }
    if (!inet_aton(text, &four))
        return false;
    memcpy(out->bytes, &four, 4);
    out->family = 4;
    return true;
}

static enum weir_lookup files_host(void *user, const char *name, struct weir_address *out, size_t max,
                                   size_t *count)
{
    const struct names_file *nf;
    struct weir_address address;

    *count = 0;
    if (parse_address(name, &address)) { /* an escaped number, such as \127.1 */
        if (max)
            out[0] = address;
        *count = 1;
        return WEIR_FOUND;
    }
    nf = open_database(user, HOSTS);
    if (!nf)
        return WEIR_LOOKUP_FAILED;
    for (const struct name_entry *e = names_file_find(nf, name); e && names_file_more(nf, e, name); e++) {
        if (!parse_address(e->value, &address))
            continue;
        if (*count < max)
            out[*count] = address;
        ++*count;
    }
    return *count ? WEIR_FOUND : WEIR_NOT_FOUND;
}

/* A network number: missing octets are zero, as getnetbyname(3) of the C library fills them. */
static bool parse_network(const char *text, uint32_t *out)
{
    uint32_t value = 0;

    for (int octet = 0; octet < 4; octet++) {
        char *end;
        unsigned long part = 0;

        if (*text) {
            if (*text < '0' || *text > '9')
                return false;
            part = strtoul(text, &end, 0);
            if (part > 255 || (*end && *end != '.'))
                return false;
            text = *end ? end + 1 : end;
        }
        value = value << 8 | (uint32_t)part;
    }
    *out = value;
    return !*text;
}

static enum weir_lookup files_network(void *user, const char *name, uint32_t *out)
{
    const struct names_file *nf = open_database(user, NETWORKS);

    if (!nf)
        return WEIR_LOOKUP_FAILED;
    for (const struct name_entry *e = names_file_find(nf, name); e && names_file_more(nf, e, name); e++)
        if (parse_network(e->value, out))
            return WEIR_FOUND;
    return WEIR_NOT_FOUND;
}

static enum weir_lookup files_ether(void *user, const char *name, uint8_t out[6])
{
    const struct names_file *nf = open_database(user, ETHERS);

    if (!nf)
        return WEIR_LOOKUP_FAILED;
    for (const struct name_entry *e = names_file_find(nf, name); e && names_file_more(nf, e, name); e++) {
        struct ether_addr address;

        if (ether_aton_r(e->value, &address)) {
            memcpy(out, &address, 6);
            return WEIR_FOUND;
        }
    }
    return WEIR_NOT_FOUND;
}

static enum weir_lookup files_service(void *user, const char *name, const char *protocol, uint16_t *out)
{
    const struct names_file *nf;

    if (names_decimal_port(name, out))
        return WEIR_FOUND;
    nf = open_database(user, SERVICES);
    if (!nf)
        return WEIR_LOOKUP_FAILED;
    for (const struct name_entry *e = names_file_find(nf, name); e && names_file_more(nf, e, name); e++) {
        char *end;
        unsigned long port = strtoul(e->value, &end, 10);

        if (end != e->value && port <= 65535 && *end == '/' && !strcmp(end + 1, protocol)) {
            *out = (uint16_t)port;
            return WEIR_FOUND;
        }
    }
    return WEIR_NOT_FOUND;
}

static enum weir_lookup files_protocol(void *user, const char *name, uint8_t *out)
{
    const struct names_file *nf = open_database(user, PROTOCOLS);

    if (!nf)
        return WEIR_LOOKUP_FAILED;
    for (const struct name_entry *e = names_file_find(nf, name); e && names_file_more(nf, e, name); e++) {
        char *end;
        unsigned long number = strtoul(e->value, &end, 10);

        if (end != e->value && !*end && number <= 255) {
            *out = (uint8_t)number;
            return WEIR_FOUND;
        }
    }
    return WEIR_NOT_FOUND;
}

/* ------------------------------------------------------------------------- */

static bool exists(const struct resolver *r, enum database which)
{
    char path[PATH_MAX];

    database_path(r, which, path);
    return access(path, F_OK) == 0;
}

const struct weir_resolver *resolver_init(struct resolver *r, enum resolve from, const char *directory)
{
    *r = (struct resolver){.directory = directory ? directory : "/etc"};
    r->interface = (struct weir_resolver){.size = sizeof r->interface, .user = r};
    switch (from) {
    case RESOLVE_NONE:
        return NULL;
    case RESOLVE_FILES:
        r->interface.host = files_host;
        r->interface.network = files_network;
        r->interface.ether = files_ether;
        /* Without such a file the library's own table answers. */
        r->interface.service = exists(r, SERVICES) ? files_service : NULL;
        r->interface.protocol = exists(r, PROTOCOLS) ? files_protocol : NULL;
        break;
    case RESOLVE_SYSTEM:
        r->interface = names_system;
        break;
    }
    return &r->interface;
}

const char *resolver_failure(const struct resolver *r, int *why)
{
    for (int i = 0; i < DATABASE_COUNT; i++)
        if (r->databases[i].failed) {
            *why = r->databases[i].failed;
            return formats[i].name;
        }
    return NULL;
}

void resolver_free(struct resolver *r)
{
    for (int i = 0; i < DATABASE_COUNT; i++)
        names_file_free(&r->databases[i].file);
}
