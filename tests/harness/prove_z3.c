/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/harness/prove_z3.c - the command's engine over z3, for every test program. */
#include "cli/prove_z3.c"
