#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/dropin/test_calls.sh - every function that libweir-pcap.so interposes, called by a program that knows libpcap
# only: the same answers with it preloaded as without.
. tests/dropin/preload.sh
${CC:-cc} -Wall -Wextra -Wno-deprecated-declarations $sanitizer -o "$work/calls" tests/dropin/calls.c -lpcap -lpthread 2>"$work/err" || {
    fail 'calls.c builds' "$(cat "$work/err")"
    finish
    exit 1
}

exported=$(nm -D --defined-only "$dropin" | awk '$2 == "T" {print $3}' | grep -v asan | LC_ALL=C sort | tr '\n' ' ')
is 'what it shows' \
    'bpf_dump bpf_filter bpf_image bpf_validate pcap_close pcap_compile pcap_compile_nopcap pcap_freecode pcap_geterr pcap_offline_filter pcap_perror ' \
    "$exported"

filters=('' ip tcp udp 'tcp port 80' 'port 80 or port 53' 'not tcp' 'ip broadcast' 'ether broadcast' 'host 192.0.2.1' 'less 60'
    'greater 61' 'ip[8] = 64' 'tcp[13] & 2 != 0' 'ip[100] = 0 or tcp' 'ip[2:2] / 4 = 10' '1 = 1'
    # an error in both
    'foo bar baz' 'port' 'ip and' 'ip6 host 192.0.2.1' 'net 192.0.2.1/24' 'mpls 99999999' 'ether host 192.0.2.1'
    # contradictions
    'ip and ip6' 'tcp and udp' '1 = 2' '1 > 2' 'arp and tcp' 'ip6 and icmp' 'tcp and port 80 and udp' 'src host 192.0.2.1 and src host 192.0.2.2'
    'src port 80 and src port 81' '(src host 192.0.2.1 or src host 192.0.2.2) and src host 192.0.2.3' 'ip[0] = 1 and ip[0] = 2'
    'tcp[13] = 2 and tcp[13] = 16' 'ether proto 0x800 and ether proto 0x806' 'ip and not ip' 'not ip and tcp and not ip6'
    'ip[8] > 5 and ip[8] < 3' 'ip[8] > 5 and not ip[8] > 5' 'len > 10 and len < 5' 'less 10 and greater 20' 'ip[0] & 1 = 2' 'tcp and ip[9] = 17'
    'vlan and ip and not ip' 'ip proto 6 and ip proto 17' 'host 192.0.2.1 and ip6')
"$work/calls" verdicts "${filters[@]}" >"$work/want" 2>&1
preloaded "$work/calls" verdicts "${filters[@]}"
cat "$work/err" >>"$work/out"
diff "$work/want" "$work/out" >"$work/diff"
empty "${#filters[@]} filters: errors, verdicts, contradictions" "$work/diff"

"$work/calls" edges >"$work/want" 2>&1
preloaded "$work/calls" edges
cat "$work/err" >>"$work/out"
diff <(sed 's/ *$//' "$work/want") "$work/out" >"$work/diff"
empty 'arguments at their edges' "$work/diff"

for seed in 1 2 3; do
    "$work/calls" random $seed >"$work/want" 2>&1
    preloaded "$work/calls" random $seed
    diff "$work/want" "$work/out" >"$work/diff"
    empty "random programs run alike (seed $seed, $(cut -d' ' -f2 "$work/out" | sort -u | wc -l) outcomes)" "$work/diff"
done

preloaded "$work/calls" threads
is '64 threads at once' done "$(cat "$work/out" "$work/err")"

preloaded "$work/calls" errors
is 'errors longer than a handle keeps' done "$(cat "$work/out")"
is 'pcap_perror() gives all of them' "$(for i in 0 1 2 3 4 5 6 7 8 9; do
    printf '%sfilter:1:%d: error[E0502]: port %d is greater than 65535\n' "${first-calls: }" $((6 + 14 * i)) $((70100 + i))
    first=
done)" "$(cat "$work/err")"

if [ -n "$sanitizer" ]; then
    skip 'nothing is lost' 'the library is sanitized'
else
    LD_PRELOAD=$preload valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
        "$work/calls" verdicts "${filters[@]}" >/dev/null 2>"$work/err"
    is 'nothing is lost' 0 $?
    empty 'and nothing read that was not written' "$work/err"
    LD_PRELOAD=$preload valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
        "$work/calls" errors >"$work/out" 2>"$work/err"
    is 'nor of long errors' 0 $?
fi
finish
