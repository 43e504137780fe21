#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/dropin/test_wireshark.sh - dumpcap and tshark, unmodified, with libweir-pcap.so preloaded, in a network namespace.
. tests/dropin/preload.sh
need dumpcap
need tshark
need ip
. tests/cli/namespaces.sh
ip link set lo up

# dumpcap -d prints the program it would install: one for the kernel.
preloaded dumpcap -i lo -d -f 'tcp port 80'
"$weir" -y EN10MB -s 262144 --live --tune kernel -d 'tcp port 80' | sed 's/  *$//' >"$work/want"
sed -n '/^(/p' "$work/out" "$work/err" | sed 's/  *$//' >"$work/got"
same "dumpcap -d shows weir's program" "$work/want" "$work/got"
preloaded dumpcap -i lo -d -f 'udp and port 10.0.0.1'
cat "$work/out" >>"$work/err"
has "dumpcap shows weir's error" "'port' takes a port, not an address" "$work/err"
preloaded dumpcap -i lo -d -f 'port 70000 or port 70001 or port 70002 or port 70003 or port 70004 or port 70005'
cat "$work/out" >>"$work/err"
has "dumpcap shows all of weir's errors" "port 70005 is greater than 65535" "$work/err"

# tshark captures through dumpcap; both inherit the library.
timeout 60 env LD_PRELOAD="$preload" tshark -Q -l -i lo -f 'udp port 7 and udp[8] = 0x41' -c 1 -T fields -e udp.dstport -e udp.payload \
    >"$work/out" 2>"$work/err" </dev/null &
pid=$!
for _ in $(seq 100); do # until it listens and has seen the packet
    kill -0 $pid 2>/dev/null || break
    echo BBBB >/dev/udp/127.0.0.1/7
    echo AAAA >/dev/udp/127.0.0.1/9
    echo AAAA >/dev/udp/127.0.0.1/7
    sleep 0.2
done 2>/dev/null
wait $pid
is "tshark captures the packet that matches" "7	414141410a" "$(cat "$work/out")"

# Reading: tshark's -Y is another language; its -f is for capturing, so savefiles go through tcpdump's test.
preloaded tshark -i lo -f 'ip and ip6' -c 1 -a duration:1
has "tshark shows libpcap's error" 'expression rejects all packets' "$work/err"
finish
