#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/arch/test_includes.sh - do the includes go only where docs/dependencies.tsv lets them?
#
# A room is a folder of compiler/ (backends/ has one room for each target), grammar, dropin, cli or examples. Includes are
# rooted at compiler/, so the path names the room; cli and examples may name their own files without a folder.

set -u
cd "$(dirname "$0")/../.." || exit 2
table=docs/dependencies.tsv
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
count=0
failed=0

check() { # check NAME FILE: passes when FILE is empty, else shows it
    count=$((count + 1))
    if [ -s "$2" ]; then
        failed=1
        echo "not ok $count - $1"
        sed 's/^/# /' "$2"
    else
        echo "ok $count - $1"
    fi
}

# Every quoted include as "ROOM <tab> ROOM INCLUDED <tab> PLACE".
find compiler grammar dropin cli examples -type f \( -name '*.[chyl]' -o -name '*.def' \) | sort |
    xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null |
    awk -F: '{
        room = $1
        sub(/^compiler\//, "", room)
        sub(/\/[^\/]*$/, "", room)
        if (room ~ /^include\//)
            room = "weir"
        target = $0
        sub(/^[^"]*"/, "", target)
        sub(/".*/, "", target)
        if (target ~ /\//)
            sub(/\/[^\/]*$/, "", target)
        else
            target = (room == "cli" || room == "examples" || target ~ /^filter\.(tab|lex)\.h$/) ? room : "."
        print room "\t" target "\t" $1 ":" $2
    }' >"$work/includes"

awk -F'\t' 'NR > 1 && NF >= 2 {print $1 "\t" $2}' "$table" | sort >"$work/allowed"
awk -F'\t' 'NR > 1 && NF != 3 {print FILENAME ":" NR ": " NF " columns, not 3"}' "$table" >"$work/columns"
uniq -d "$work/allowed" >"$work/twice"
check "$table has three columns" "$work/columns"
check "$table says nothing twice" "$work/twice"

awk -F'\t' -v allowed="$work/allowed" '
    BEGIN { while ((getline line < allowed) > 0) ok[line] = 1 }
    $1 != $2 && !(($1 "\t" $2) in ok) { print $3 ": " $1 " includes " $2 }' "$work/includes" >"$work/wrong"
check "every include follows an edge of $table" "$work/wrong"

# A room of the Makefile that the table does not speak of would go unchecked.
sed -n 's/^ROOMS *:= *//p' Makefile | tr ' ' '\n' | sort -u >"$work/rooms"
{ cut -f1 "$work/allowed"; cut -f2 "$work/allowed"; } | sort -u >"$work/named"
comm -23 "$work/rooms" "$work/named" >"$work/unnamed"
check "every room of the Makefile is in $table" "$work/unnamed"

# The library is linked by room, so arrows between rooms must not close a circle. ast and grammar share keywords.def,
# a table without code, which is the one exception.
grep -v "^ast	grammar$" "$work/allowed" | tsort 2>&1 >/dev/null | sed 's/^tsort: //' >"$work/circle"
check "the edges close no circle" "$work/circle"

# The public header stands alone.
awk -F'\t' '$1 == "weir" {print $3}' "$work/includes" >"$work/public"
check "weir.h includes nothing of ours" "$work/public"

echo "1..$count"
exit "$failed"
