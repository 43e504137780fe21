/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/names_system.c - names to numbers by the machine's own databases. */
#include "names_system.h"
#include <netdb.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* For one entry of networks(5), services(5) or protocols(5) with its aliases. */
#define ENTRY_BYTES 4096

bool names_decimal_port(const char *name, uint16_t *out)
{
    char *end;
    unsigned long value;

    if (*name < '0' || *name > '9')
        return false;
    value = strtoul(name, &end, 10);
    if (*end)
        return false;
    *out = (uint16_t)value;
    return true;
}

static enum weir_lookup system_host(void *user, const char *name, struct weir_address *out, size_t max,
                                    size_t *count)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct addrinfo *list = NULL;
    int status = getaddrinfo(name, NULL, &hints, &list);

    (void)user;
    *count = 0;
    if (status)
        return status == EAI_NONAME || status == EAI_NODATA || status == EAI_ADDRFAMILY ? WEIR_NOT_FOUND
                                                                                        : WEIR_LOOKUP_FAILED;
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        struct weir_address address = {0};

        if (a->ai_family == AF_INET) {
            address.family = 4;
            memcpy(address.bytes, &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr, 4);
        } else if (a->ai_family == AF_INET6) {
            address.family = 6;
            memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr, 16);
        } else {
            continue;
        }
        if (*count < max)
            out[*count] = address;
        ++*count;
    }
    freeaddrinfo(list);
    return *count ? WEIR_FOUND : WEIR_NOT_FOUND;
}

static enum weir_lookup system_network(void *user, const char *name, uint32_t *out)
{
    struct netent entry, *found = NULL;
    char buf[ENTRY_BYTES];
    int why;

    (void)user;
    if (getnetbyname_r(name, &entry, buf, sizeof buf, &found, &why) != 0 || !found)
        return WEIR_NOT_FOUND;
    *out = found->n_net;
    return WEIR_FOUND;
}

static enum weir_lookup system_ether(void *user, const char *name, uint8_t out[6])
{
    struct ether_addr address;

    (void)user;
    if (ether_hostton(name, &address) != 0)
        return WEIR_NOT_FOUND;
    memcpy(out, &address, 6);
    return WEIR_FOUND;
}

static enum weir_lookup system_service(void *user, const char *name, const char *protocol, uint16_t *out)
{
    struct servent entry, *found = NULL;
    char buf[ENTRY_BYTES];

    (void)user;
    if (names_decimal_port(name, out))
        return WEIR_FOUND;
    if (getservbyname_r(name, protocol, &entry, buf, sizeof buf, &found) != 0 || !found)
        return WEIR_NOT_FOUND;
    *out = ntohs((uint16_t)found->s_port);
    return WEIR_FOUND;
}

static enum weir_lookup system_protocol(void *user, const char *name, uint8_t *out)
{
    struct protoent entry, *found = NULL;
    char buf[ENTRY_BYTES];

    (void)user;
    if (getprotobyname_r(name, &entry, buf, sizeof buf, &found) != 0 || !found)
        return WEIR_NOT_FOUND;
    if (found->p_proto < 0 || found->p_proto > 255)
        return WEIR_NOT_FOUND;
    *out = (uint8_t)found->p_proto;
    return WEIR_FOUND;
}

const struct weir_resolver names_system = {
    .size = sizeof(struct weir_resolver),
    .host = system_host,
    .network = system_network,
    .ether = system_ether,
    .service = system_service,
    .protocol = system_protocol,
};
