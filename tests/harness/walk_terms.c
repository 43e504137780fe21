/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/harness/walk_terms.c - a part of prove_walk.c, for every test program. */
#include "cli/walk_terms.c"
