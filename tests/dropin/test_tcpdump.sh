#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/dropin/test_tcpdump.sh - an unmodified tcpdump with libweir-pcap.so preloaded: listings, errors, savefiles.
. tests/dropin/preload.sh
need tcpdump

# ---- listings

for filter in '' 'tcp port 80' 'host 192.0.2.1 and not udp' 'ip6 and icmp6' 'vlan 5 and arp' 'ether[0] & 1 != 0'; do
    preloaded tcpdump -y EN10MB -s 96 -d "$filter"
    "$weir" -y EN10MB -s 96 -d "$filter" >"$work/want"
    same "tcpdump -d '$filter' prints weir's program" "$work/want" "$work/out"
done
preloaded tcpdump -y EN10MB -s 96 -O -dd tcp
"$weir" -y EN10MB -s 96 -O -dd tcp >"$work/want"
same "tcpdump -O -dd" "$work/want" "$work/out"
preloaded tcpdump -y LINUX_SLL2 -ddd tcp
"$weir" -y LINUX_SLL2 -ddd tcp >"$work/want"
same "tcpdump -y LINUX_SLL2 -ddd" "$work/want" "$work/out"

# ---- a long list, which libpcap itself takes over a minute for

awk 'BEGIN {srand(1); for (i = 0; i < 1000; i++) printf "%shost 10.%d.%d.%d\n", i ? "or " : "", rand() * 256, rand() * 256, 1 + i % 254}' \
    >"$work/hosts"
begin=$(date +%s%N)
preloaded tcpdump -ddd -y EN10MB -F "$work/hosts"
end=$(date +%s%N)
is "1,000 hosts compile" 0 "$rc"
count=$(head -1 "$work/out")
is "to one line an instruction and one for their number" "$((count + 1))" "$(wc -l <"$work/out")"
if [ $((end - begin)) -lt 500000000 ]; then
    pass "in less than half a second"
elif [ -n "$sanitizer" ]; then
    skip "in less than half a second" "the library is sanitized"
else
    fail "in less than half a second" "took $(((end - begin) / 1000000)) ms"
fi

# ---- errors

errors() { # errors TEXT FILTER: tcpdump fails with TEXT
    preloaded tcpdump -y EN10MB -d "$2"
    is "'$2' is refused" 1 "$rc"
    has "'$2' says why" "tcpdump: $1" "$work/err"
}
errors "filter:1:14: error[E0312]: 'port' takes a port, not an address; write 'host 10.0.0.1'" 'udp and port 10.0.0.1'
errors 'filter:1:7: error[E0201]: syntax error' 'ip and'
errors 'expression rejects all packets' 'ip and ip6'
errors 'expression rejects all packets' '1 = 2'
errors 'expression rejects all packets' 'tcp and udp'
errors 'expression rejects all packets' '(src host 192.0.2.1 or src host 192.0.2.2) and src host 192.0.2.3'
preloaded tcpdump -y EN10MB -d 'port 70000 or port 70001 or port 70002 or port 70003 or port 70004 or port 70005'
has "all errors are told, the first one" 'tcpdump: filter:1:6: error[E0502]: port 70000 is greater than 65535' "$work/err"
has "and the last one, far behind what a handle holds" 'filter:1:76: error[E0502]: port 70005 is greater than 65535' "$work/err"
sed 1d "$work/hosts" | { printf 'tcp\nand prot 80\n'; } >"$work/lines"
preloaded tcpdump -y EN10MB -d -F "$work/lines"
has "a filter of several lines has places by line" 'filter:2:' "$work/err"
# libpcap does not see these, so programs that run today go on running
for filter in 'tcp[0] > 5 and tcp[0] < 3' 'less 10 and greater 20'; do
    preloaded tcpdump -y EN10MB -d "$filter"
    is "'$filter' is a program that rejects" '(000) ret      #0' "$(tail -1 "$work/out" | sed 's/^(...)/(000)/')"
done

# ---- savefiles: the same packets with and without

filters=('' tcp udp arp ip6 icmp 'port 53' 'tcp port 80 or udp port 53' 'not ip' 'host 192.0.2.1' 'net 10.0.0.0/8' 'vlan' 'mpls'
    'pppoes' 'ether broadcast' 'ip6 proto 17' 'ip[8] > 60' 'tcp[tcpflags] & tcp-syn != 0' 'greater 100' 'less 60'
    'portrange 1-1024' 'llc' 'stp' 'src net 192.168.0.0/16 and not dst port 53')
[ -n "${WEIR_LONG:-}" ] && each=${#filters[@]} || each=1 # filters a savefile is read with, taking turns
compared=0 different= turn=0
shopt -s nullglob
for capture in "$shared"/captures/*/*.pcap*; do
    for _ in $(seq "$each"); do
        filter=${filters[$((turn++ % ${#filters[@]}))]}
        timeout 20 tcpdump -r "$capture" -w "$work/a" "$filter" >/dev/null 2>"$work/err.a"
        a=$?
        rm -f "$work/b"
        timeout 20 env LD_PRELOAD="$preload" tcpdump -r "$capture" -w "$work/b" "$filter" >/dev/null 2>"$work/err.b"
        b=$?
        if [ "$a" != 0 ] || [ "$b" != 0 ]; then
            # What both refuse is equal; what only one refuses is listed in dropin/README.md.
            [ "$a" = "$b" ] || grep -qhE 'DSA_TAG_|BACNET_MS_TP|JUNIPER_ES' "$work/err.a" "$work/err.b" || different="$different
${capture##*/} '$filter': status $a and $b: $(tail -1 "$work/err.a") / $(tail -1 "$work/err.b")"
            continue
        fi
        compared=$((compared + 1))
        cmp -s "$work/a" "$work/b" || different="$different
${capture##*/} '$filter'"
    done
done
if [ "$compared" = 0 ]; then
    skip "savefiles give the same packets" "shared data is absent"
elif [ -n "$different" ]; then
    fail "$compared savefiles and filters give the same packets" "$different"
else
    pass "$compared savefiles and filters give the same packets"
fi
finish
