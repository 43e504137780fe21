/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/names_system.h - names to numbers by the machine's own databases: nsswitch.conf(5), files, DNS.
 *
 * No state of its own, and callable from several threads at once; also part of libweir-pcap.so.
 */
#ifndef WEIR_CLI_NAMES_SYSTEM_H
#define WEIR_CLI_NAMES_SYSTEM_H
#include <stdbool.h>
#include <stdint.h>
#include "weir/weir.h"

/* For weir_options.resolver. A lookup may block for as long as the network makes it. */
extern const struct weir_resolver names_system;

/** A decimal number, which getaddrinfo(3) takes for a service; as there, the low 16 bits count. */
bool names_decimal_port(const char *name, uint16_t *out);
#endif
