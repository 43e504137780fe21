# SPDX-License-Identifier: BSD-2-Clause
# tests/dropin/preload.sh - running other programs with libweir-pcap.so preloaded; sourced by the test scripts.
#
#   preloaded PROGRAM ARGS...   leaves its status in $rc, stdout in $work/out, stderr in $work/err
#   need PROGRAM                skips the whole script when PROGRAM is not installed
#   $preload                    what LD_PRELOAD has to be
. tests/cli/tap.sh

dropin=${B:-build}/libweir-pcap.so
[ "${dropin#/}" = "$dropin" ] && dropin=$PWD/$dropin
[ -f "$dropin" ] || {
    echo "Bail out! $dropin is not built"
    exit 1
}
preload=$dropin
# A sanitized library ($sanitizer is its flag) wants its run-time library to be the first one.
sanitizer=$(sanitizer_of "$dropin")
runtime=$(ldd "$dropin" | awk '/lib[at]san|libclang_rt.[at]san/ {print $3; exit}')
if [ -n "$runtime" ]; then
    preload="$runtime $dropin"
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
fi

preloaded() {
    timeout 60 env LD_PRELOAD="$preload" "$@" >"$work/out" 2>"$work/err" </dev/null
    rc=$?
}

need() {
    command -v "$1" >/dev/null || {
        echo "1..0 # SKIP $1 is not installed"
        exit 0
    }
}
