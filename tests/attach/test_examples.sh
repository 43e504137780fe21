#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/attach/test_examples.sh - the examples that need a kernel do what they say.
. tests/cli/namespaces.sh
. tests/cli/tap.sh
examples=$(dirname "$weir")/examples
ip link set lo up

waits() { # FILE PATTERN: until FILE has it, two seconds at most
    for _ in $(seq 100); do
        grep -q "$2" "$1" && return
        sleep 0.02
    done
}
sends() { # PORT...
    for port in "$@"; do echo x >/dev/udp/127.0.0.1/$port; done
}

"$examples/xdp_drop" lo 'udp dst port 53' >"$work/out" 2>"$work/err" &
waits "$work/out" 'of 0 packets'
sends 53 54 53
waits "$work/out" '^2 of'
kill -INT $!
wait $!
is "xdp_drop: status" 0 $?
has "xdp_drop: what it dropped" "packets dropped, 88 bytes" "$work/out"
is "xdp_drop: nothing is left" "" "$("$weir" show)"

if command -v clang >/dev/null && WEIR=$weir examples/linked/build.sh "$work/linked" >"$work/log" 2>&1; then
    pass "linked: built"
    ip link add v0 type veth
    ip link set dev v0 xdp obj "$work/linked/firewall.o" sec xdp 2>"$work/err"
    has "linked: attached" prog/xdp <(ip link show v0)
elif command -v clang >/dev/null; then
    fail "linked: built" "$(tail -20 "$work/log")"
else
    skip "linked: built" "clang is not installed"
fi
finish
