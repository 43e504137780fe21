/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/harness/prove_walk.c - the command's engine over intervals, for every test program. */
#include "cli/prove_walk.c"
