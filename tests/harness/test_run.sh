#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/harness/test_run.sh - does tests/harness/run count what happened, and fail when it must?

set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# expect NAME STATUS LAST-LINE PATTERN: runs $work/p.sh and whatever else is listed in $programs.
expect() {
    local got status
    count=$((count + 1))
    # shellcheck disable=SC2086
    got=$(CI=${ci:-} WEIR_UID=${uid:-} WEIR_TIMEOUT=${limit:-60} tests/harness/run $programs 2>&1)
    status=$?
    if [ "$status" = "$2" ] && [ "$(echo "$got" | tail -n 1)" = "$3" ] && echo "$got" | grep -q -- "$4"; then
        echo "ok $count - $1"
    else
        failed=1
        echo "not ok $count - $1"
        echo "status $status" | sed 's/^/# /'
        echo "$got" | sed 's/^/# /'
    fi
}

program() { # program NAME: its text on stdin
    { echo '#!/bin/sh'; cat; } >"$work/$1.sh"
}

program good <<<'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
program late <<<'echo "ok 1 - a"; echo 1..1'
program bad <<<'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; echo "# because"; echo on stderr >&2; exit 1'
program dies <<<'echo 1..2; echo "ok 1 - a"; kill -SEGV $$'
program silent <<<'true'
program short <<<'echo 1..2; echo "ok 1 - a"'
program status <<<'echo 1..1; echo "ok 1 - a"; exit 3'
program slow <<<'echo 1..1; sleep 20'
program skips <<<'echo 1..1; echo "ok 1 - a # SKIP for no reason at all"'
program skips_for_root <<<'echo "1..0 # SKIP root is needed to load programs into the kernel"'
program skip_all <<<'echo "1..0 # SKIP shared data is absent"'
program groups <<<'echo 1..1; echo "ok 1 - a"; echo 1..1; echo "ok 1 - b"'

p=$work
programs="$p/good.sh $p/late.sh" expect "passing programs" 0 "3 passed, 0 failed, 0 skipped" "^ok .*good.sh"
programs="$p/bad.sh $p/good.sh" expect "a failed test" 1 "3 passed, 1 failed, 0 skipped" "# because"
programs="$p/bad.sh" expect "a failure shows stderr" 1 "1 passed, 1 failed, 0 skipped" "| on stderr"
programs="$p/dies.sh" expect "a program that dies" 1 "1 passed, 1 failed, 0 skipped" "signal 11"
programs="$p/silent.sh" expect "a program without a plan" 1 "0 passed, 1 failed, 0 skipped" "no plan"
programs="$p/short.sh" expect "too few tests" 1 "1 passed, 1 failed, 0 skipped" "planned 2"
programs="$p/status.sh" expect "an exit status" 1 "1 passed, 1 failed, 0 skipped" "status 3"
limit=1 programs="$p/slow.sh" expect "no answer in time" 1 "0 passed, 1 failed, 0 skipped" "within 1 seconds"
programs="$p/nowhere" expect "a program that is not there" 1 "0 passed, 1 failed, 0 skipped" "no plan"
programs="$p/skips.sh" expect "a skip" 0 "0 passed, 0 failed, 1 skipped" "for no reason"
ci=true programs="$p/skips.sh" expect "a skip that is not allowed" 1 "0 passed, 1 failed, 0 skipped" "allowed-skips"
ci=true programs="$p/skip_all.sh" expect "a skip that is allowed" 0 "0 passed, 0 failed, 1 skipped" "shared data"
ci=true uid=0 programs="$p/skips_for_root.sh" expect "root has no such excuse" 1 "0 passed, 1 failed, 0 skipped" "allowed-skips"
ci=true uid=1000 programs="$p/skips_for_root.sh" expect "others have" 0 "0 passed, 0 failed, 1 skipped" "root is needed"
programs="$p/groups.sh" expect "several plans add up" 0 "2 passed, 0 failed, 0 skipped" "2 passed"
programs= expect "no programs" 1 "0 passed, 1 failed, 0 skipped" "no test programs"

echo "1..$count"
exit "$failed"
