#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_diff.sh - weir diff: equal, a packet that tells two filters apart, undecided; --cost and --tune.
. tests/cli/tap.sh

answer() { # NAME STATUS FIRST-LINE ARGS...
    local name=$1 status=$2 line=$3
    shift 3
    run diff "$@"
    is "$name: status" "$status" "$rc"
    is "$name: answer" "$line" "$(head -1 "$work/out")"
}

answer "the same filter" 0 equal ip ip
answer "operands swapped" 0 equal 'ip or arp' 'arp or ip'
answer "De Morgan" 0 equal 'not (port 1 or port 2)' 'not port 1 and not port 2'
answer "a name and a number" 0 equal 'ether proto 0x800' ip
answer "two port numbers" 1 differ 'tcp port 80' 'tcp port 81'
has "two port numbers: lengths" "bytes captured of" "$work/out"
has "two port numbers: one verdict" "the first filter accepts it (262144)" "$work/out"
has "two port numbers: the other" "the second filter rejects it" "$work/out"
answer "order of vlan" 1 differ 'vlan and tcp' 'tcp and vlan'
answer "another link type" 1 differ -y RAW ip ip6
answer "no snapshot length in the answer" 1 differ -s 96 ip arp
has "a snapshot length" "accepts it (96)" "$work/out"
answer "metadata" 1 differ --live 'inbound' 'outbound'
answer "only packets cut short" 1 "differ, but only on packets that are cut short" 'ip[0]=4 or ip[100]=1' 'ip[100]=1 or ip[0]=4'
answer "whole packets only" 0 equal --whole-packets 'ip[0]=4 or ip[100]=1' 'ip[100]=1 or ip[0]=4'
answer "ports in another order" 1 "differ, but only on packets that are cut short" 'port 80 or port 443' 'port 443 or port 80'
answer "ports in another order, whole packets" 0 equal --whole-packets 'port 80 or port 443' 'port 443 or port 80'
answer "terms in another order, whole packets" 0 equal --whole-packets 'host 10.0.0.1 and tcp port 80' 'tcp port 80 and host 10.0.0.1'
answer "a real difference, whole packets" 1 differ --whole-packets 'port 80 or port 443' 'port 443 or tcp port 80'
answer "sums that z3 understands" 0 equal 'ip[0] + ip[1] = 7' 'ip[1] = 7 - ip[0]'
answer "never matching" 0 equal 'tcp and udp and ip' 'greater 100 and less 20'

# a list of a thousand, and the list with one address less
for i in $(seq 1000); do echo "src host 10.$((i % 7)).$((i / 250)).$((i % 250)) or"; done >"$work/list"
{ cat "$work/list"; echo "src host 192.0.2.1"; } >"$work/a"
{ tac "$work/list"; echo "src host 192.0.2.1 # the last"; } >"$work/b"
{ tail -n +2 "$work/list"; echo "src host 192.0.2.1"; } >"$work/c"
answer "a list in another order" 0 equal "@$work/a" "@$work/b"
answer "a list without its first term" 1 differ "@$work/a" "@$work/c"

# classic programs as they are
"$weir" -O -ddd 'tcp port 80' >"$work/plain"
"$weir" -d 'tcp port 80' >"$work/optimized"
echo 'ret #1' >"$work/program"
answer "a program and its filter" 0 equal --from "$work/plain" 'tcp port 80'
answer "a filter and its program" 0 equal 'tcp port 80' "--from=$work/plain"
answer "two programs" 0 equal --from "$work/plain" --from "$work/optimized"
answer "another program" 1 differ -s 1 ip --from "$work/program"
has "another program: which is the second" "the second filter accepts it (1)" "$work/out"
answer "another program, the other way round" 1 differ -s 1 --from "$work/program" ip
has "the other way round: which is the first" "the first filter accepts it (1)" "$work/out"

run diff 'tcp port 80' 'tcp port 81' -w "$work/packet.pcap"
is "-w: status" 1 "$rc"
run -r "$work/packet.pcap" --count 'tcp port 80'
is "-w: the packet matches the first" "1 packet" "$(cat "$work/out")"
run -r "$work/packet.pcap" --count 'tcp port 81'
is "-w: and not the second" "0 packets" "$(cat "$work/out")"
run diff 'tcp port 80' 'tcp port 81' -w "$work/absent/packet.pcap"
is "-w: what cannot be written is another status than differ" 2 "$rc"
is "-w: and the answer is there" differ "$(head -1 "$work/out")"
has "-w: the reason" "absent/packet.pcap: No such file" "$work/err"
run diff --json 'tcp port 80' 'tcp port 81'
has "--json: differ" '{"result": "differ", "caplen": ' "$work/out"
run diff --json ip ip
is "--json: equal" '{"result": "equal", "reason": null}' "$(cat "$work/out")"
run diff ip ip -w "$work/none.pcap"
is "-w: nothing is written when equal" "" "$(ls "$work" | grep none)"

for wrong in "ip" "ip arp tcp" "-d ip arp" "-w" "--any-length --whole-packets ip arp" "--timeout 0 ip arp" "-F x ip arp" "--from x ip arp" "--from x"; do
    # shellcheck disable=SC2086
    run diff $wrong
    is "wrong use: diff $wrong" 2 "$rc"
done
run diff ip 'port 10.0.0.1'
is "a wrong filter: status" 1 "$rc"
empty "a wrong filter: stdout" "$work/out"
has "a wrong filter: stderr" "E0312" "$work/err"
run diff 'ip and' 'portt 80'
has "a wrong filter: which one" "first filter:1:7: error[E0201]" "$work/err"
run diff ip 'portt 80'
has "a wrong filter: the other one" "second filter:1:1: error[E0201]" "$work/err"
run diff ip --from "$work/absent"
is "a program that is not there" 1 "$rc"
run diff ip "@$work/absent"
is "a file that is not there: status" 1 "$rc"
has "a file that is not there: stderr" "absent" "$work/err"

# ---- --cost

run -d --cost ip
is "--cost: status" 0 "$rc"
has "--cost: program" "# program: 4 instructions, 1 packet loads" "$work/out"
has "--cost: longest path" "# longest path: 3 instructions, 1 packet loads" "$work/out"
has "--cost: typical path" "# typical path (the shortest that accepts): 3 instructions, 1 packet loads" "$work/out"
run --cost --json ip
has "--cost --json" '{"instructions": 4, "loads": 1, "longest": {"instructions": 3, "loads": 1}, "typical": {"instructions": 3, ' "$work/out"
{ for i in $(seq 3000); do echo "host 10.$((i % 7)).$((i / 250)).$((i % 250)) or"; done; echo arp; } >"$work/long"
run -d --cost -F "$work/long" -O
has "--cost: refused" "# Linux would refuse it: " "$work/out"
run -t xdp --cost ip
is "--cost is for classic programs" 2 "$rc"

# ---- --tune

run -d --tune kernel tcp port 80
has "--tune kernel: loads at constant places" "ldh      [34]" "$work/out"
has "--tune kernel: and the others" "ldh      [x + 14]" "$work/out"
run -d tcp port 80
lacks "--tune speed: not by default" "ldh      [34]" "$work/out"
run --cost --json --tune size -F "$work/long"
small=$(sed 's/[^0-9]*\([0-9]*\).*/\1/' "$work/out")
run --cost --json -F "$work/long"
large=$(sed 's/[^0-9]*\([0-9]*\).*/\1/' "$work/out")
is "--tune size: shorter" yes "$([ "$small" -lt "$large" ] && echo yes || echo "$small of $large")"
run --tune fast ip
is "--tune: unknown" 2 "$rc"
run -O --tune size ip
is "--tune and -O" 2 "$rc"

finish
