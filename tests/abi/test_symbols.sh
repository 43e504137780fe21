#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/abi/test_symbols.sh - what the shared library exports and what it needs.
#
# The symbols of $B/libweir.so are those of tests/abi/symbols.list, which are those weir.h declares; besides libc it
# needs no library. WEIR_UPDATE=1 rewrites the list from weir.h.

set -u
cd "$(dirname "$0")/../.." || exit 2
export LC_ALL=C
library=${B:-build}/libweir.so
list=tests/abi/symbols.list
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
count=0
failed=0

same() { # same NAME EXPECTED GOT
    count=$((count + 1))
    if diff "$2" "$3" >"$work/diff"; then
        echo "ok $count - $1"
    else
        failed=1
        echo "not ok $count - $1"
        sed 's/^/# /' "$work/diff"
    fi
}

# A declaration is WEIR_API, a type and the name in front of the bracket.
sed -n 's/^WEIR_API.*[ *]\(weir_[a-z0-9_]*\)(.*/\1/p' compiler/include/weir/weir.h | sort -u >"$work/declared"
[ "${WEIR_UPDATE:-}" = 1 ] && cp "$work/declared" "$list"
grep -v '^#' "$list" | sort -u >"$work/list"
same "$list names what weir.h declares" "$work/declared" "$work/list"

if [ ! -e "$library" ]; then
    echo "not ok $((count + 1)) - $library was built"
    echo "1..$((count + 1))"
    exit 1
fi
nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort -u >"$work/exported"
same "$library exports $list and nothing else" "$work/list" "$work/exported"

if nm -D "$library" | grep -qE ' U __(asan|ubsan|tsan|sanitizer)_'; then
    count=$((count + 1))
    echo "ok $count - $library needs libc alone # SKIP the library is sanitized"
else
    echo libc.so.6 >"$work/libc"
    readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | grep -v '^ld-linux' | sort -u >"$work/needed"
    same "$library needs libc alone" "$work/libc" "$work/needed"
fi

echo "1..$count"
exit "$failed"
