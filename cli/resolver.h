/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/resolver.h - names to numbers, from files or from the system. */
#ifndef WEIR_CLI_RESOLVER_H
#define WEIR_CLI_RESOLVER_H
#include <stdbool.h>
#include "names_file.h"
#include "options.h"
#include "weir/weir.h"

enum database { HOSTS, ETHERS, NETWORKS, SERVICES, PROTOCOLS, DATABASE_COUNT };

struct resolver {
    struct weir_resolver interface; /* for weir_options.resolver */
    const char *directory;
    struct {
        bool read;  /* tried already */
        int failed; /* errno */
        struct names_file file;
    } databases[DATABASE_COUNT];
};

/**
 * Prepares @r; nothing is asked or read before the first name. @directory NULL means /etc.
 * Returns what weir_options.resolver should be: NULL for RESOLVE_NONE.
 */
const struct weir_resolver *resolver_init(struct resolver *r, enum resolve from, const char *directory);

/** The first database that could not be read, and why; NULL when none failed. */
const char *resolver_failure(const struct resolver *r, int *why);

void resolver_free(struct resolver *r);
#endif
