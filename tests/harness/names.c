/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/names.c - a resolver over files. Names match in any case.
 */
#include "tests/harness/names.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORD_BYTES = 256 };

struct host_row {
    char name[WORD_BYTES];
    struct weir_address address;
};
struct ether_row {
    char name[WORD_BYTES];
    uint8_t mac[6];
};
struct network_row {
    char name[WORD_BYTES];
    uint32_t number;
};

struct names {
    struct weir_resolver resolver;
    struct host_row *host;
    struct ether_row *ether;
    struct network_row *network;
    size_t hosts, ethers, networks;
};

/* The next word of *@line, or NULL. A # ends the line. */
static char *word(char **line)
{
    char *w = *line + strspn(*line, " \t\r\n");
    if (!*w || *w == '#')
        return NULL;
    size_t n = strcspn(w, " \t\r\n#");
    *line = w + n;
    if (**line == '#')
        **line = '\0';
    else if (**line)
        *(*line)++ = '\0';
    return strlen(w) < WORD_BYTES ? w : NULL;
}

/* A new zeroed row behind @n rows of @size bytes at *@rows, or NULL. */
static void *row(void *rows, size_t *n, size_t size)
{
    char **at = rows;
    char *more = realloc(*at, (*n + 1) * size);
    if (!more)
        return NULL;
    *at = more;
    return memset(more + (*n)++ * size, 0, size);
}

static bool host_line(struct names *n, char *line)
{
    char *text = word(&line), *name;
    while (text && (name = word(&line))) {
        struct host_row *r = row(&n->host, &n->hosts, sizeof *r);
        if (!r)
            return false;
        strcpy(r->name, name);
        if (inet_pton(AF_INET, text, r->address.bytes) == 1)
            r->address.family = 4;
        else if (inet_pton(AF_INET6, text, r->address.bytes) == 1)
            r->address.family = 6;
        else
            n->hosts--;
    }
    return true;
}

static bool ether_line(struct names *n, char *line)
{
    char *text = word(&line), *name = text ? word(&line) : NULL;
    unsigned b[6];
    if (!name || sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        return true;
    struct ether_row *r = row(&n->ether, &n->ethers, sizeof *r);
    if (!r)
        return false;
    strcpy(r->name, name);
    for (int i = 0; i < 6; i++)
        r->mac[i] = (uint8_t)b[i];
    return true;
}

/* networks(5): a name, its number, aliases. inet_network(3) reads "10.20" as 0x0a14, as getnetbyname(3) does.
 */
static bool network_line(struct names *n, char *line)
{
    char *name = word(&line), *text = name ? word(&line) : NULL;
    if (!text)
        return true;
    uint32_t number = inet_network(text);
    for (; name; name = word(&line)) {
        struct network_row *r = row(&n->network, &n->networks, sizeof *r);
        if (!r)
            return false;
        strcpy(r->name, name);
        r->number = number;
    }
    return true;
}

static bool each_line(struct names *n, const char *dir, const char *file,
                      bool (*take)(struct names *, char *))
{
    char path[4096], line[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *f = fopen(path, "r");
    bool ok = true;
    while (f && ok && fgets(line, sizeof line, f))
        ok = take(n, line);
    if (f)
        fclose(f);
    return ok;
}

static enum weir_lookup find_host(void *user, const char *name, struct weir_address *out, size_t max,
                                  size_t *count)
{
    const struct names *n = user;
    *count = 0;
    for (size_t i = 0; i < n->hosts; i++) {
        if (strcasecmp(n->host[i].name, name) != 0)
            continue;
        if (*count < max)
            out[*count] = n->host[i].address;
        ++*count;
    }
    return *count ? WEIR_FOUND : WEIR_NOT_FOUND;
}

static enum weir_lookup find_network(void *user, const char *name, uint32_t *out)
{
    const struct names *n = user;
    for (size_t i = 0; i < n->networks; i++)
        if (strcasecmp(n->network[i].name, name) == 0) {
            *out = n->network[i].number;
            return WEIR_FOUND;
        }
    return WEIR_NOT_FOUND;
}

static enum weir_lookup find_ether(void *user, const char *name, uint8_t out[6])
{
    const struct names *n = user;
    for (size_t i = 0; i < n->ethers; i++)
        if (strcasecmp(n->ether[i].name, name) == 0) {
            memcpy(out, n->ether[i].mac, 6);
            return WEIR_FOUND;
        }
    return WEIR_NOT_FOUND;
}

struct names *names_load(const char *dir)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    if (!each_line(n, dir, "hosts", host_line) || !each_line(n, dir, "ethers", ether_line) ||
        !each_line(n, dir, "networks", network_line)) {
        names_free(n);
        return NULL;
    }
    n->resolver = (struct weir_resolver){
        .size = sizeof n->resolver,
        .user = n,
        .host = find_host,
        .network = find_network,
        .ether = find_ether,
    };
    return n;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    free(n->host);
    free(n->ether);
    free(n->network);
    free(n);
}

const struct weir_resolver *names_resolver(const struct names *n)
{
    return &n->resolver;
}
