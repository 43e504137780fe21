/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/prove.c - the prover, for every test program.
 *
 * Its source lies apart because it is no part of the harness: it needs vm/vm.h and z3 only.
 */
#include "tests/prove/prove.c"
