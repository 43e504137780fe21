#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/arch/test_format.sh - is every C file laid out as .clang-format says, and no comment too wide?
#
# Versions of clang-format differ in what they print; this is Debian 12's.

. tests/cli/tap.sh

if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    skip 'C files are laid out as .clang-format says' 'needs clang-format 14'
    finish
fi
find . -path ./build -prune -o -name '*.[ch]' -print | sort | xargs clang-format -n 2>&1 |
    grep -oE '^\./[^ ]*: warning' | cut -d: -f1,2 | uniq | head -40 >"$work/out"
empty 'C files are laid out as .clang-format says (make format)' "$work/out"

# Comments are left to their writers, tables in them above all.
width=$(sed -n 's/^ColumnLimit: //p' .clang-format)
find . -path ./build -prune -o -name '*.[ch]' -exec grep -HnE "^.{$((width + 1)),}" {} + |
    grep -E ':([^"]*/\*| \* )' | cut -c1-120 >"$work/out"
empty "no comment is wider than $width columns" "$work/out"
finish
