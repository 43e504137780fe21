#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/fuzz/test_corpus.sh - every fuzz target holds on every input of the corpus: seeds of each kind, and what was found.
. tests/cli/tap.sh

for target in tests/fuzz/fuzz_*.c; do
    name=${target#tests/fuzz/fuzz_}
    name=${name%.c}
    if "${B:-build}/tests/fuzz/replay_$name" tests/fuzz/corpus/* >/dev/null 2>"$work/err"; then
        pass "$name: $(grep -c ^tests/fuzz/corpus/ "$work/err") inputs"
    else
        fail "$name" "$(tail -5 "$work/err")"
    fi
done

# The dictionary is what the words of the language make it.
tests/fuzz/make-dict.sh | cmp - tests/fuzz/filter.dict >"$work/out" 2>&1
empty 'filter.dict is up to date' "$work/out"
finish
