#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/attach/test_library.sh - what libweir-bpf shows to the world and what it needs.
. tests/cli/tap.sh
export LC_ALL=C
library=${B:-build}/libweir-bpf.so

sed -n 's/^WEIR_BPF_API.*[ *]\(weir_bpf_[a-z0-9_]*\)(.*/\1/p' attach/weir_bpf.h | sort -u >"$work/declared"
nm -D --defined-only "$library" | awk '{print $3}' | sort -u >"$work/exported"
same "it exports what weir_bpf.h declares, and nothing else" "$work/declared" "$work/exported"
if nm -D "$library" | grep -qE ' U __(asan|ubsan|tsan|sanitizer)_'; then
    skip "it needs libbpf and libc" "the library is sanitized"
else
    is "it needs libbpf and libc" "libbpf.so.1 libc.so.6" \
        "$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | grep -v '^ld-linux' | sort | paste -sd' ')"
fi
header='#include "attach/weir_bpf.h"'
for how in "cc -std=c11 -x c" "c++ -std=c++17 -x c++"; do
    # shellcheck disable=SC2086
    if echo "$header" | $how -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only - 2>"$work/err"; then
        pass "the header compiles: $how"
    else
        fail "the header compiles: $how" "$(cat "$work/err")"
    fi
done
finish
