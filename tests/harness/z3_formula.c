/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/harness/z3_formula.c - a part of prove_z3.c, for every test program. */
#include "cli/z3_formula.c"
