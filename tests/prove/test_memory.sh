#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/prove/test_memory.sh - is all memory that compiling random lists writes to its own?
#
# Arenas hide it when a block is written past its end. Here every block is an allocation, and AddressSanitizer
# looks on.

. tests/cli/tap.sh

build=${B:-build}/exact
make --no-print-directory B="$build" CFLAGS="-O0 -g -fsanitize=address \$(EXACT_FLAGS)" \
    "$build/tests/prove/test_shapes" >"$work/log" 2>&1
is 'a library whose blocks are allocations is built' 0 $?
"$build/tests/prove/test_shapes" >"$work/out" 2>&1
is 'random lists are compiled by it' 0 $?
grep -E '^not ok|ERROR|^ +#[0-9] ' "$work/out" >"$work/wrong"
empty 'and no mistake with memory is seen' "$work/wrong"
finish
