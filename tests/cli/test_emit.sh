#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_emit.sh - --emit: the forms that C, iptables and tc take, and the tools themselves taking them.
#
# The part that needs root runs in a network namespace of its own.
. tests/cli/tap.sh

usage() { # NAME ARGS...
    local name=$1
    shift
    run "$@"
    if [ "$rc" = 2 ] && [ ! -s "$work/out" ]; then pass "wrong use: $name"; else fail "wrong use: $name" "status $rc" "$(cat "$work/err")"; fi
}

usage "unknown form" --emit=python ip
usage "--emit and -d" --emit=c -d ip
usage "--emit and -o" --emit=c -o "$work/x" ip
usage "--emit=tc and -t xdp" --emit=tc -t xdp ip
usage "--emit=xtables and -t tc" --emit=xtables -t xdp ip
usage "--name without an object" --name x ip
usage "--frags without xdp" -t tc --frags ip
usage "--direct without socket" -t tc --direct ip
usage "--direct and --emit" -t socket --direct --emit=c ip
usage "--egress without a hook" -t xdp --egress ip
usage "both directions" -t tc --ingress --egress ip
usage "--linked without a hook" --linked ip
usage "--no-maps and a classic program" --no-maps ip
usage "--no-counters and a classic program" --no-counters ip
usage "an action without a hook" --on-match drop ip
usage "a wrong action" -t xdp --on-match ok ip
usage "a wrong name" -t xdp -o "$work/x" --name 1x ip
is "nothing was created" "" "$(ls "$work" | grep -v -e '^out$' -e '^err$')"

# The direction is where a program runs.
run -d -t tc inbound
is "tc is not told the direction" 1 "$rc"
has "and says what would help" "E0714" "$work/err"
has "tc: a hint" "--ingress or --egress" "$work/err"
for words in '-t tc --ingress inbound' '-t tc --egress outbound' '-t xdp inbound' '-t cgroup inbound' '-t cgroup --egress outbound'; do
    run -d $words
    is "$words: every packet" 2 "$(wc -l <"$work/out")"
done
for words in '-t tc --ingress outbound' '-t tc --egress inbound' '-t xdp outbound' '-t cgroup outbound'; do
    run -d $words
    has "$words: no packet" "never match" "$work/err"
done
for form in tc xtables; do
    for word in inbound outbound 'ip and not inbound'; do
        run --emit=$form $word
        is "--emit=$form $word: is not told the direction" 1 "$rc"
        has "--emit=$form $word: says what would help" "--ingress or --egress" "$work/err"
        empty "--emit=$form $word: no program" "$work/out"
    done
    run --emit=$form --from <(echo '2,40 0 0 4294963204,22 0 0 0') # ldh type; ret a
    is "--emit=$form: what another tool wrote is left to it" 0 "$rc"
done
run --emit=xtables --egress outbound
is "xtables is told" '1,6 0 0 262144' "$(cat "$work/out")"
run --emit=tc --egress outbound
is "tc's bytecode on egress" '1,6 0 0 4294967295' "$(cat "$work/out")"
run -d -t tc -y LINUX_SLL outbound
is "packets that say it themselves" 0 "$rc"
run -t xdp --emit=c ifindex 3
has "XDP's own interface" "ctx->ingress_ifindex" "$work/out"

run --emit=tc ip
is "tc" '4,40 0 0 12,21 0 1 2048,6 0 0 4294967295,6 0 0 0' "$(cat "$work/out")"
run --emit=tc -s 96 ip
is "tc with a snapshot length" '4,40 0 0 12,21 0 1 2048,6 0 0 96,6 0 0 0' "$(cat "$work/out")"
run --emit=tc vlan 100
has "tc looks at metadata" "48 0 0 4294963248" "$work/out" # SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT
run --emit=xtables 'icmp and icmp[0] = 8'
has "xtables starts at IP" ",48 0 0 0," "$work/out"
long=$(for i in $(seq 90); do printf ' or len = %d' $((i * 3)); done)
run --emit=xtables "len = 1500$long"
is "xtables: too long: status" 1 "$rc"
has "xtables: too long: why" "instructions, and iptables takes at most 64" "$work/err"
empty "xtables: too long: stdout" "$work/out"

run --emit=c tcp port 80
cp "$work/out" "$work/filter.h"
cat >"$work/use.c" <<'C'
#include "filter.h"
#include <sys/socket.h>
int main(void)
{
    struct sock_fprog p = {sizeof weir_filter / sizeof weir_filter[0], (struct sock_filter *)weir_filter};
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    return s < 0 || setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p);
}
C
if cc -Wall -Wextra -Werror -o "$work/use" "$work/use.c" 2>"$work/err" && "$work/use"; then
    pass "c: compiles and attaches"
else
    fail "c: compiles and attaches" "$(cat "$work/err")"
fi

inside() { # FILTER of one UDP packet to port 53 and one to port 54, in a namespace; prints what matched
    unshare -n bash -c '
        ip link set lo up
        '"$1"' -A INPUT -m bpf --bytecode "$("$2" --emit=xtables "$3")" || exit 1
        echo x >/dev/udp/127.0.0.1/53
        echo x >/dev/udp/127.0.0.1/54
        '"$1"' -L INPUT -v -x -n | awk "NR == 3 {print \$1}"' - - "$weir" "$2"
}
if [ "$(id -u)" != 0 ] || ! unshare -n true 2>/dev/null; then
    skip "iptables and tc take the bytecode" "root is needed for network namespaces"
    finish
    exit
fi
for tool in iptables-legacy iptables-nft; do
    if ! unshare -n $tool -L >/dev/null 2>&1; then
        skip "$tool takes the bytecode" "the kernel or the machine has no $tool"
        continue
    fi
    is "$tool: one matches" 1 "$(inside $tool 'udp dst port 53' 2>"$work/err")"
    is "$tool: both match" 2 "$(inside $tool 'ip and udp' 2>"$work/err")"
    is "$tool: none matches" 0 "$(inside $tool 'tcp or ip6' 2>"$work/err")"
done

if unshare -n bash -c 'tc qdisc add dev lo clsact' 2>/dev/null; then
    unshare -n bash -c 'tc qdisc add dev lo clsact
        tc filter add dev lo ingress bpf bytecode "$("$0" --emit=tc "tcp port 80 or vlan 7")" flowid 1:1
        tc filter show dev lo ingress' "$weir" >"$work/out" 2>&1
    has "tc takes the bytecode" "bytecode '" "$work/out"
else
    skip "tc takes the bytecode" "the kernel has no clsact discipline"
fi
if unshare -n bash -c 'ip link set lo up && tc qdisc add dev lo root handle 1: prio' 2>/dev/null; then
    sent=$(unshare -n bash -c 'ip link set lo up
        tc qdisc add dev lo root handle 1: prio
        tc filter add dev lo parent 1: bpf bytecode "$("$0" --emit=tc udp dst port 53)" flowid 1:3
        for i in 1 2 3; do echo x >/dev/udp/127.0.0.1/53; done; echo x >/dev/udp/127.0.0.1/54
        tc -s class show dev lo | awk "/class prio 1:3/ {on = 1} on && /Sent/ {print \$4; exit}"' "$weir" 2>"$work/err")
    is "tc: what matches goes to its class" 3 "$sent"
else
    skip "tc: what matches goes to its class" "the kernel has no classful discipline"
fi
# Named sets: for eBPF targets, in objects.
run 'host @bad'
is "a set in a classic program: status" 1 "$rc"
has "a set in a classic program: place" "filter:1:6: error[E0791]" "$work/err"
has "a set in a classic program: hint" "-t xdp" "$work/err"
empty "a set in a classic program: stdout" "$work/out"
run -t xdp -d 'host @bad'
is "a set in a listing: status" 0 "$rc"
has "a set in a listing: the map" "r1 = map[bad] ll" "$work/out"
has "a set in a listing: the call" "call bpf_map_lookup_elem" "$work/out"
run -t xdp -dd 'host @bad'
is "a set in bare instructions: status" 1 "$rc"
has "a set in bare instructions: why" "bare instructions cannot carry the set 'bad'" "$work/err"
empty "a set in bare instructions: stdout" "$work/out"
run -t socket --direct -d ip
is "a direct program in a listing: status" 0 "$rc"
has "a direct program in a listing: a field" "sk_buff.data_len" "$work/out"
run -t socket --direct -dd ip
is "a direct program in bare instructions: status" 1 "$rc"
has "a direct program in bare instructions: why" "bare instructions cannot name the functions of Linux" "$work/err"
empty "a direct program in bare instructions: stdout" "$work/out"
run -t tc --emit=c 'port @web'
is "a set in C: status" 0 "$rc"
has "a set in C: the map" '} web SEC(".maps");' "$work/out"
run -t tc --emit=c 'port @while'
is "a set with a word of C: status" 1 "$rc"
has "a set with a word of C: place" "filter:1:6: error[E0792]" "$work/err"
run -t xdp --dump-ir 'ether src @cards'
has "a set in the IR" "lookup48 6 in cards" "$work/out"
run -t xdp --name bad -o "$work/o" 'host @bad'
is "a function called as a set: status" 2 "$rc"
printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0' >"$work/empty.pcap"
run -r "$work/empty.pcap" 'host @bad'
is "a set and a savefile: status" 1 "$rc"
has "a set and a savefile: why" "error[E0791]" "$work/err"
run diff 'host @bad' 'host @bad'
is "a set in a comparison: status" 1 "$rc"
has "a set in a comparison: why" "error[E0791]" "$work/err"
finish
