/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/harness/walk_draw.c - a part of prove_walk.c, for every test program. */
#include "cli/walk_draw.c"
