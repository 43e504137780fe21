#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/attach/test_commands.sh - attach, show and detach: wrong use, refusals, and that nothing stays behind.
. tests/cli/namespaces.sh
. tests/cli/tap.sh

mount -t bpf bpf /sys/fs/bpf
if ! ip link add v0 type veth peer name v1; then
    echo "1..0 # SKIP the kernel has no veth interfaces"
    exit 0
fi

nothing() { # NAME: nothing is attached, pinned or made
    local left
    left=$("$weir" show; ip link show | grep prog/xdp; tc qdisc show | grep clsact; ls -d /sys/fs/bpf/weir 2>/dev/null)
    is "nothing is left: $1" "" "$left"
}

usage() { # NAME ARGS...
    local name=$1
    shift
    run "$@"
    if [ "$rc" = 2 ] && [ ! -s "$work/out" ]; then pass "wrong use: $name"; else fail "wrong use: $name" "status $rc" "$(cat "$work/err")"; fi
}

refused() { # NAME TEXT HINT ARGS...: status 1, stderr has both, stdout is empty
    local name=$1 text=$2 hint=$3
    shift 3
    run "$@"
    is "$name: status" 1 "$rc"
    has "$name: why" "$text" "$work/err"
    [ -z "$hint" ] || has "$name: hint" "$hint" "$work/err"
    empty "$name: stdout" "$work/out"
}

usage "attach alone" attach
usage "attach without interface" attach xdp
usage "attach to an unknown hook" attach nft v0 ip
usage "xdp with a direction" attach xdp v0 --egress ip
usage "tc with a mode" attach tc v0 --mode native ip
usage "both directions" attach tc v0 --ingress --egress ip
usage "an unknown mode" attach xdp v0 --mode fast ip
usage "a mode without value" attach xdp v0 ip --mode
usage "an unknown action" attach xdp v0 --on-match ok ip
usage "--frags for tc" attach tc v0 --frags ip
usage "--direct for xdp" attach xdp v0 --direct ip
usage "a target" attach xdp v0 -t tc ip
usage "a cost" attach xdp v0 --cost ip
usage "an action of xdp for tc" attach tc v0 --on-miss tx ip
usage "an unknown option" attach xdp v0 --bogus ip
usage "a listing" attach xdp v0 -d ip
usage "a savefile" attach xdp v0 -r x ip
has "a savefile: why" "-r does not go with attach" "$work/err"
usage "detach alone" detach
usage "detach from an unknown hook" detach nft v0
usage "detach with half a place" detach xdp
usage "detach with a direction for xdp" detach xdp v0 --egress
usage "detach --program of a word" detach xdp v0 --program x
usage "show with an unknown option" show --bogus
nothing "wrong use"

refused "no such interface" "no interface is called 'v9'" "" attach xdp v9 ip
refused "detach: no such interface" "no interface is called 'v9'" "" detach xdp v9
refused "show: no such interface" "no interface is called 'v9'" "" show v9
refused "detach: nothing there" "nothing that weir attached to xdp is on v0" "" detach xdp v0
refused "detach: no such program" "program 7 is none that weir attached to tc on v0" "" detach tc v0 --program 7
refused "detach: no such pin" "'one'" "" detach --pin one
refused "a wrong filter" "error[E" "" attach xdp v0 ip and
refused "a filter that never matches" "can never match" "" attach xdp v0 ip and arp
refused "a bad pin" "cannot be the name of a pin" "letters" attach xdp v0 --pin a/b ip
refused "native mode without a driver" "cannot run XDP in its driver" "--mode generic" attach xdp lo --mode native ip
nothing "refusals"

# Without privileges.
"$weir" -t xdp --no-counters -o "$work/foreign.o" --name foreign ip
unprivileged() {
    setpriv --bounding-set=-all --inh-caps=-all "$weir" "$@" >"$work/out" 2>"$work/err" </dev/null
    rc=$?
}
if setpriv --bounding-set=-all --inh-caps=-all true 2>/dev/null; then
    unprivileged attach xdp v0 ip
    is "attach without privileges: status" 1 "$rc"
    has "attach without privileges: why" "no permission to load an eBPF program" "$work/err"
    has "attach without privileges: hint" "CAP_BPF" "$work/err"
    unprivileged show
    is "show without privileges: status" 1 "$rc"
    has "show without privileges: hint" "run it as root" "$work/err"
    "$weir" attach xdp v0 ip >/dev/null
    unprivileged detach xdp v0
    is "detach without privileges: status" 1 "$rc"
    run detach xdp v0
    is "detach with privileges: status" 0 "$rc"
else
    skip "without privileges" "CAP_SETPCAP is missing"
fi

# Somebody else's program.
ip link set dev v0 xdp obj "$work/foreign.o" sec xdp
refused "a foreign XDP program" "already has an XDP program" "weir does not replace other programs" attach xdp v0 ip
has "it is named" "(foreign)" "$work/err"
refused "a foreign XDP program is not replaced" "already has an XDP program" "" attach xdp v0 --replace ip
refused "a foreign XDP program in another mode" "already has an XDP program" "" attach xdp v0 --mode generic ip
refused "a foreign XDP program is not detached" "nothing that weir attached" "" detach xdp v0
run show
empty "show leaves it out" "$work/out"
has "it is still there" "name foreign" <(ip link show v0 | sed 's/prog/name foreign prog/;t;d')
ip link set dev v0 xdp off

# One of ours.
run attach xdp v0 ip
is "attach: status" 0 "$rc"
has "attach: says where" "v0 xdp native: program " "$work/out"
empty "attach: stderr" "$work/err"
refused "one of ours is there" "already has an XDP program of weir" "--replace" attach xdp v0 ip6
run show
has "show: place" "v0 xdp native  program " "$work/out"
has "show: filter" "filter   ip" "$work/out"
has "show: counters" "seen     0 packets, 0 bytes" "$work/out"
run show --json v1
empty "show v1" "$work/out"
run detach xdp v0
is "detach: status" 0 "$rc"
empty "detach: stdout" "$work/out"

# A clsact discipline and filters of somebody else stay.
tc qdisc add dev v0 clsact
tc filter add dev v0 egress bpf bytecode '1,6 0 0 4294967295,' flowid 1:7
run attach tc v0 ip
run detach tc v0
is "detach tc: status" 0 "$rc"
has "a foreign clsact stays" clsact <(tc qdisc show dev v0)
has "a foreign filter stays" "flowid 1:7" <(tc filter show dev v0 egress)
tc qdisc del dev v0 clsact
run attach tc v0 ip
tc filter add dev v0 egress bpf bytecode '1,6 0 0 4294967295,' flowid 1:7
run detach tc v0
has "clsact stays for a filter that came later" clsact <(tc qdisc show dev v0)
tc qdisc del dev v0 clsact
nothing "attach and detach"

# Where bpffs is not mounted there are no pins.
while umount /sys/fs/bpf 2>/dev/null; do :; done
refused "no bpf file system" "no bpf file system" "mount -t bpf" attach tc v0 --pin one ip
is "nothing is left: no bpf file system" "" "$("$weir" show)$(tc qdisc show | grep clsact)"
mount -t bpf bpf /sys/fs/bpf

# Interrupted at any moment: either it is done, and status 0 says so, or there is nothing.
wrong=
for i in $(seq 30); do
    "$weir" attach tc v0 --pin one ip >/dev/null 2>&1 &
    pid=$!
    sleep "0.$(printf %03d $((i)))"
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    rc=$?
    left=$("$weir" show; tc qdisc show | grep clsact; ls -d /sys/fs/bpf/weir 2>/dev/null)
    if [ "$rc" = 0 ]; then
        [ -n "$left" ] || wrong="$wrong $i: done but not there;"
        "$weir" detach --all
    else
        [ -z "$left" ] || wrong="$wrong $i: status $rc but there is $left;"
        "$weir" detach --all
    fi
done
is "interrupted: all or nothing" "" "$wrong"
nothing "the end"
finish
