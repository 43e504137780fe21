/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/harness/walk_tests.c - a part of prove_walk.c, for every test program. */
#include "cli/walk_tests.c"
