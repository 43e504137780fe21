/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/names.h - a resolver over files, never the machine's own databases.
 *
 * hosts(5), ethers(5) and networks-like files of the directory given; a file that is not there answers
 * nothing. Services and protocols are left to the library's built-in tables.
 */
#ifndef WEIR_TESTS_HARNESS_NAMES_H
#define WEIR_TESTS_HARNESS_NAMES_H
#include <stdbool.h>
#include "weir/weir.h"

struct names;

/** NULL when memory is out. */
struct names *names_load(const char *dir);
void names_free(struct names *n);

/** Valid as long as @n. */
const struct weir_resolver *names_resolver(const struct names *n);
#endif
