#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/dropin/test_live.sh - live captures by an unmodified tcpdump with libweir-pcap.so preloaded, in a network
# namespace of their own: Ethernet on a veth, also tagged, and cooked on "any". The same packets come by without it.
. tests/dropin/preload.sh
need tcpdump
need ip
. tests/cli/namespaces.sh

mac() { ip -o link show v1 | sed 's/.*link.ether \([0-9a-f:]*\) .*/\1/'; }

# v0 sends to v1 by an address that nobody has; what v1 receives is what is captured.
{
    ip link set lo up
    ip link add v0 type veth peer name v1
    sysctl -qw net.ipv6.conf.v0.disable_ipv6=1 net.ipv6.conf.v1.disable_ipv6=1
    ip link set v0 up && ip link set v1 up
    ip addr add 192.0.2.1/24 dev v0
    ip neigh add 192.0.2.2 lladdr "$(mac)" dev v0
} 2>"$work/setup" || {
    echo "1..0 # SKIP no veth in this kernel: $(tail -1 "$work/setup")"
    exit 0
}
index=$(ip -o link show v1 | cut -d: -f1)
${CC:-cc} -o "$work/send_frame" tests/dropin/send_frame.c

# A UDP packet to port 7 in VLAN 5; the kernel that receives it moves the tag from the bytes to metadata.
tagged=$(printf '%s' "$(mac | tr -d :)" 020000000001 8100 0005 0800 4500 0021 0001 0000 4011 0000 c0000201 c0000202 \
    c350 0007 000d 0000 4444444444 000000000000000000000000)

send() {
    echo AAAA >/dev/udp/192.0.2.2/7
    echo BBBB >/dev/udp/192.0.2.2/9
    printf '%0200d' 1 >/dev/udp/192.0.2.2/9
    echo CCCC >/dev/udp/127.0.0.1/7
    "$work/send_frame" v0 "$tagged"
} 2>/dev/null

# capture NAME PRELOAD ARGS...: starts tcpdump; stop NAME: ends it; the packets are in $work/NAME.
declare -A pid
capture() {
    local name=$1 with=$2
    shift 2
    rm -f "$work/$name".*
    LD_PRELOAD=$with tcpdump --immediate-mode -U -w "$work/$name.pcap" "$@" >"$work/$name.out" 2>"$work/$name.err" &
    pid[$name]=$!
    for _ in $(seq 100); do
        grep -qs 'listening on' "$work/$name.err" && return
        kill -0 "${pid[$name]}" 2>/dev/null || return
        sleep 0.05
    done
}
stop() {
    kill -INT "${pid[$1]}" 2>/dev/null
    wait "${pid[$1]}" 2>/dev/null
    tcpdump -tt -nn -e -r "$work/$1.pcap" 2>/dev/null >"$work/$1"
}

size() { stat -c %s "$work/$1.pcap" 2>/dev/null || echo 0; }

# both FILTER ARGS...: the same packets with and without, and not none
both() {
    local filter=$1
    shift
    capture with "$preload" "$@" ${filter:+"$filter"}
    capture without '' "$@" ${filter:+"$filter"}
    send
    sleep 0.3
    for _ in $(seq 30); do # a busy machine may need longer
        [ "$(size with)" = "$(size without)" ] && [ "$(size with)" -gt 24 ] && break
        sleep 0.1
    done
    stop with
    stop without
    # The time stamps of two captures of one packet are equal only where the kernel makes one for both.
    cut -d' ' -f2- "$work/with" >"$work/a"
    cut -d' ' -f2- "$work/without" >"$work/b"
    same "tcpdump $* '$filter' captures the same" "$work/b" "$work/a"
    if [ -s "$work/a" ]; then pass "and that is something"; else
        fail "tcpdump $* '$filter' captured nothing" "$(cat "$work/with.err")"
    fi
}
# counts WANT FILTER ARGS...: with the drop-in alone, where libpcap's own answer differs
counts() {
    local want=$1 filter=$2
    shift 2
    capture with "$preload" "$@" ${filter:+"$filter"}
    send
    sleep 0.3
    stop with
    is "tcpdump $* '$filter' captures $want" "$want" "$(wc -l <"$work/with")"
}

both '' -i v1
both 'udp port 7' -i v1
both 'not udp port 7 and udp' -i v1
both 'ip[8] > 1 and udp[8] = 0x41' -i v1
both 'inbound' -i v1
counts 0 'outbound' -i v1
both 'outbound and udp' -i v0
both "ifindex $index" -i v1
both 'vlan' -i v1
both 'vlan 5 and udp port 7' -i v1
both 'udp and not vlan' -i v1
counts 0 'vlan 6' -i v1
# Too long for the kernel, so libpcap runs it, with the tag from metadata.
awk 'BEGIN {printf "vlan 5 and not ("; for (i = 0; i < 3000; i++) printf "%shost 10.%d.%d.%d\n", i ? "or " : "", i % 61, i / 250, i * 37 % 251
    print ")"}' >"$work/long"
counts 1 '' -i v1 -F "$work/long"
has "which the kernel refused" 'Kernel filter failed' "$work/with.err"
for type in LINUX_SLL LINUX_SLL2; do
    both 'udp port 7' -i any -y $type
    both 'inbound and udp' -i any -y $type
    both 'outbound and udp[8] = 0x41' -i any -y $type
    both 'ip host 192.0.2.1 and not port 9' -i any -y $type
    both 'udp and greater 220' -i any -y $type
    both 'udp and less 40' -i any -y $type
done
both "udp and ifindex $index" -i any -y LINUX_SLL
both "udp and ifindex $index" -i any -y LINUX_SLL2
# What libpcap would rewrite wrongly stays out of the kernel: one byte of a field it takes for the whole.
counts 4 'link[14] = 8 and link[15] = 0 and udp port 9 and not host 127.0.0.1' -i any -y LINUX_SLL
finish
