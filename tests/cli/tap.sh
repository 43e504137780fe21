# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/tap.sh - running the command and saying what came of it; sourced by the test scripts.
#
#   run ARGS...            runs weir; leaves its status in $rc, stdout in $work/out, stderr in $work/err
#   is NAME WANT GOT       ok when the two strings are equal
#   has NAME PART FILE     ok when FILE contains the string PART
#   lacks NAME PART FILE   the reverse
#   empty NAME FILE        ok when FILE is empty
#   same NAME FILE FILE    ok when the two files are equal
#   skip NAME REASON
#   sanitizer_of FILE      the flag for a library built with a sanitizer, as programs that link it need it; else nothing
#   finish                 prints the plan; the last line of a script

weir=${B:-build}/weir
[ "${weir#/}" = "$weir" ] && weir=$PWD/$weir
shared=${WEIR_SHARED:-../shared}
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-cli.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
tests=0
failures=0

run() {
    "$weir" "$@" >"$work/out" 2>"$work/err" </dev/null
    rc=$?
}

pass() {
    tests=$((tests + 1))
    echo "ok $tests - $1"
}

fail() {
    tests=$((tests + 1))
    failures=$((failures + 1))
    echo "not ok $tests - $1"
    shift
    printf '%s\n' "$@" | sed 's/^/# /'
}

is() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted: $2" "got: $3"; fi
}

has() {
    if grep -qF -- "$2" "$3"; then pass "$1"; else fail "$1" "not found: $2" "in:" "$(head -20 "$3")"; fi
}

lacks() {
    if grep -qF -- "$2" "$3"; then fail "$1" "found: $2" "in:" "$(head -20 "$3")"; else pass "$1"; fi
}

empty() {
    if [ -s "$2" ]; then fail "$1" "wanted nothing, got:" "$(head -20 "$2")"; else pass "$1"; fi
}

same() {
    if cmp -s "$2" "$3"; then pass "$1"; else fail "$1" "$(cmp "$2" "$3" 2>&1)"; fi
}

sanitizer_of() {
    case $({ nm "$1" || nm -D "$1"; } 2>/dev/null | grep -o '__[atm]san_init' | head -1) in
    __asan_init) echo -fsanitize=address,undefined ;;
    __tsan_init) echo -fsanitize=thread ;;
    __msan_init) echo -fsanitize=memory ;;
    esac
}

skip() {
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

finish() {
    echo "1..$tests"
    [ "$failures" = 0 ]
}
