#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_raw.sh - --from: classic programs in every form they are written in, read back, optimized, converted.
. tests/cli/tap.sh

# from NAME TEXT WANT: TEXT is the program whose -O -ddd, on one line, is WANT
from() {
    printf '%s' "$2" >"$work/program"
    run --from "$work/program" -O -ddd
    is "$1" "$3" "$(paste -sd, "$work/out")"
}
# refuses NAME TEXT CODE PLACE
refuses() {
    printf '%s' "$2" >"$work/program"
    run --from "$work/program" -d
    is "$1: status" 1 "$rc"
    has "$1" "$work/program:$4: error[$3]" "$work/err"
}

# ---- what weir and tcpdump print reads back as the same program

filters=('' tcp 'tcp port 80' 'host 192.0.2.1 or ip6 host 2001:db8::1' 'ip[0] & 0xf > 5 and tcp[13] = 2' 'len % 3 = 1 or len << 2 > 9'
    'ip6 protochain 6' 'vlan 5 and udp' 'ip[ip[0]:2] = 7' '-ip[0] = 3' 'portrange 100-200' 'ether[len - 4:4] = 0xffffffff')
for filter in "${filters[@]}"; do
    for live in '' --live; do
        for plain in '' -O; do
            "$weir" ${live:+$live} ${plain:+$plain} -ddd "$filter" 2>/dev/null >"$work/want"
            for form in -d -dd -ddd; do
                "$weir" ${live:+$live} ${plain:+$plain} $form "$filter" 2>/dev/null >"$work/program"
                run --from "$work/program" -O -ddd
                cmp -s "$work/want" "$work/out" || fail "$form $live $plain '$filter' reads back" "$(cat "$work/err")"
            done
        done
    done
    pass "'$filter' reads back"
done
if command -v tcpdump >/dev/null; then
    for form in -d -dd -ddd; do
        tcpdump -y EN10MB $form 'tcp port 80 or ip6 proto 17' >"$work/program" 2>/dev/null
        tcpdump -y EN10MB -ddd 'tcp port 80 or ip6 proto 17' >"$work/want" 2>/dev/null
        run --from "$work/program" -O -ddd
        same "tcpdump $form reads back" "$work/want" "$work/out"
    done
fi
for form in xtables tc; do
    run --emit=$form -y RAW 'tcp port 80'
    cp "$work/out" "$work/program"
    run --emit=$form -O --from "$work/program"
    same "--emit=$form reads back" "$work/program" "$work/out"
done

# ---- forms

from 'commas' '2,48 0 0 9,6 0 0 7' '2,48 0 0 9,6 0 0 7'
from 'commas, one at the end' '2,48 0 0 9,6 0 0 7,' '2,48 0 0 9,6 0 0 7'
from 'C on one line' '{ 0x30, 0, 0, 0x00000009 }, {0x6,0,0,7}' '2,48 0 0 9,6 0 0 7'
from 'assembly with labels' '; TCP
	ldh [12]
	jne #0x800, drop
	ldb [23]
	jeq #6, keep, drop
keep:	ret #-1
drop:	ret #0
' '6,40 0 0 12,21 0 3 2048,48 0 0 23,21 0 1 6,6 0 0 4294967295,6 0 0 0'
from 'assembly, jumps the other way round' 'ld len
jlt #60, small
jle #100, middle
ja big
small: ret #1
middle: ret #2
big: ret #3' '7,128 0 0 0,53 0 2 60,37 0 2 100,5 0 0 2,6 0 0 1,6 0 0 2,6 0 0 3'
from 'assembly, all kinds of operands' 'ldx 4*([14]&0xf)
ldh [x + 14]
st M[3]
ldx M[3]
ld [vlan_tci]
ld #proto
ld #0x10
tax
add x
lsh #2
neg
txa
ret a' '13,177 0 0 14,72 0 0 14,2 0 0 3,97 0 0 3,32 0 0 4294963244,32 0 0 4294963200,0 0 0 16,7 0 0 0,12 0 0 0,100 0 0 2,132 0 0 0,135 0 0 0,22 0 0 0'

# ---- errors

run --from /dev/null -d
is 'nothing: status' 1 "$rc"
has 'nothing' 'error[E0858]: the program cannot run: empty program' "$work/err"
refuses 'not a number' '1
6 0 x 0' E0851 2:5
refuses 'a number that does not fit' '{ 0x6, 256, 0, 0 },' E0851 1:8
refuses 'too few' '3,6 0 0 0' E0852 1:1
refuses 'cut off' '1
6 0 0' E0853 2:6
refuses 'not an instruction' 'ldq [3]
ret #0' E0854 1:1
refuses 'not an operand' 'ldh M[3]
ret #0' E0855 1:5
refuses 'no such label' 'jeq #1, there
ret #0' E0856 1:9
refuses 'backwards' 'here: ld #1
jeq #1, here
ret #0' E0857 2:9
refuses 'a listing that counts wrongly' '(000) ld #1
(002) ret #0' E0851 2:1
refuses 'no return' '1,0 0 0 0' E0858 1:1
refuses 'a cell that is read before it is written' '(000) ld M[1]
(001) ret #0' E0858 1:1
refuses 'a jump past the end' '2,21 9 9 0,6 0 0 0' E0858 1:1

# ---- optimized

# becomes NAME TEXT WANT [OPTION...]: the optimizer makes WANT of TEXT, both in words, jumps as bpf_asm writes them
becomes() {
    local name=$1
    printf '%s\n' "$2" >"$work/program"
    printf '%s\n' "$3" >"$work/wanted"
    run --from "$work/wanted" -O -d
    cp "$work/out" "$work/want"
    shift 3
    run --from "$work/program" -d "$@"
    same "$name" "$work/want" "$work/out"
}
# The same load twice, and a load whose value nobody wants.
becomes 'needless loads go' 'ldb [40]
ldh [12]
jeq #0x800, next, no
next: ldh [12]
jeq #0x800, yes, no
yes: ret #-1
no: ret #0' 'ldh [12]
jeq #0x800, yes, no
yes: ret #-1
no: ret #0'
becomes 'what cells hold is known' 'ld #14
st M[3]
ldx M[3]
ldb [x + 9]
jeq #6, yes, no
yes: ret #96
no: ret #0' 'ldb [23]
jeq #6, yes, no
yes: ret #96
no: ret #0'
becomes 'a division that is never by zero' 'ldb [0]
div #1
jeq #7, yes, no
yes: ret #1
no: ret #0' 'ldb [0]
jeq #7, yes, no
yes: ret #1
no: ret #0'
kept='ldb [0]
tax
ld #100
div x
jeq #7, yes, no
yes: ret #1
no: ret #0'
becomes 'A ^ X, and metadata' 'ld mark
tax
ld rxhash
ld xor_x
st M[0]
ld M[0]
ret a' 'ld rxhash
tax
ld mark
xor x
ret a'
becomes 'what cannot be better stays as it is' "$kept" "$kept"
kept='ld random
jeq #7, yes, no
yes: ret #1
no: ret #0'
becomes 'a random number: it stays as it is' "$kept" "$kept"
run --from "$work/program" -d --lint
has 'a random number: a warning' "$work/program:1:1: warning[E0920]: this program is left as it is: it reads a random number" "$work/err"
becomes 'several numbers, and one that is computed' 'ldb [0]
st M[0]
ldb [1]
tax
ld M[0]
jeq #4, four
jeq #6, six, no
four: ret #4
six: ld M[0]
add #0
ret a
no: txa
and #0xff
ret a' 'ldb [0]
jeq #4, four
jeq #6, six
ldb [1]
six: ret a
four: ret #4'
printf 'ldb [0]\njeq #1, a, b\na: ret #0\nb: ret #0\n' >"$work/program"
run --from "$work/program" -d
is 'never: status' 1 "$rc"
has 'never' 'error[E0860]: this program can never match a packet' "$work/err"
run --from "$work/program" -d --allow-never
is 'never, allowed' '(000) ret      #0' "$(cat "$work/out")"
run --from "$work/program" -O -ddd
is 'never, as it is' 4 "$(head -1 "$work/out")"
run --from "$work/program" -O --dump-ir
has 'its IR' 'guard 1' "$work/out"

# A filter's plain program, as tcpdump -O prints it, becomes the program of the filter or one that means the same.
for filter in 'tcp port 80' 'ip6 host 2001:db8::1 or arp' 'icmp[0] = 8 and ip[8] < 5'; do
    "$weir" -O -d "$filter" >"$work/program"
    run --from "$work/program" -d
    n=$(wc -l <"$work/out")
    if [ "$n" -le "$("$weir" -d "$filter" | wc -l)" ]; then pass "'$filter' is as short"; else fail "'$filter' is as short" "$(cat "$work/out")"; fi
done
"$weir" -O -d 'host 192.0.2.1 and port 80' >"$work/program"
run --from "$work/program" -d --tune size
is '--tune size' 0 "$rc"

# ---- converted

printf 'ldh [12]\njeq #0x806, yes, no\nyes: ret #96\nno: ret #0\n' >"$work/program"
for target in xdp tc socket cgroup func; do
    run --from "$work/program" -t $target -d
    has "$target: listing" '; jeq #0x806, yes, no' "$work/out"
    run --from "$work/program" -t $target -dd
    is "$target: numbers" 0 "$rc"
    run --from "$work/program" -t $target -o "$work/object"
    is "$target: object" "0 7f454c46" "$rc $(head -c 4 "$work/object" | od -An -tx1 | tr -d ' ')"
    run --from "$work/program" -t $target --emit=c
    has "$target: C" '__u32' "$work/out"
    has "$target: C says what it was made from" 'Made by weir from the program: ldh [12]' "$work/out"
done
run --from "$work/program" -t socket -d
has 'socket: the number it returns' 'w0 = 96' "$work/out"
run --from "$work/program" -t xdp --on-match drop -d
has 'xdp: an action' 'w0 = 1' "$work/out"

# converts NAME TEXT TARGET PLACE TEXT: the conversion is refused
converts() {
    printf '%s' "$2" >"$work/program"
    run --from "$work/program" -t "$3" -d
    is "$1: status" 1 "$rc"
    has "$1" "$work/program:$4: error[E0859]: this program has no equivalent in eBPF: $5" "$work/err"
    empty "$1: stdout" "$work/out"
}
converts 'a random number' 'ldb [0]
ld #random
ret a' xdp 2:1 'it reads a random number'
converts 'netlink attributes' 'ldx #0
ld #3
ld nlan
ret a' socket 3:1 'it searches netlink attributes'
converts 'the payload' 'ld poff
ret a' tc 1:1 'it asks where the payload begins'
converts 'an address from a header' 'ldb [0]
ldb [0xfff00000]
ret #1' tc 2:1 'it reads at an address that Linux counts from the network header'
converts 'an address from the link header' 'ldh [0xffe0000c]
ret a' socket 1:1 'it reads at an address that Linux counts from the link header'
# numbers NAME TEXT LISTING C: the numbers that the program returns: as they are from a socket, a match elsewhere
numbers() {
    printf '%s' "$2" >"$work/program"
    run --from "$work/program" -t socket -d
    has "$1: socket" "$3" "$work/out"
    run --from "$work/program" -t socket --emit=c
    has "$1: socket, C" "$4" "$work/out"
    run --from "$work/program" -t cgroup -d
    has "$1: cgroup" 'w0 = 1' "$work/out"
    run --from "$work/program" -t xdp --emit=c
    lacks "$1: xdp, C" "$4" "$work/out"
}
numbers 'a computed number' 'ldb [0]
mod #61
ret a' 'w0 %= 61' 'return (int)v'
numbers 'two numbers' '5
48 0 0 0
21 0 1 1
6 0 0 1
6 0 0 777
6 0 0 0' 'w0 = 777' 'return (int)0x309u'
printf 'ld vlan_tci\njeq #1, a, b\na: ret #1\nb: ret #0\n' >"$work/program"
run --from "$work/program" -t xdp -d
has 'known metadata that xdp lacks' "$work/program:2:1: error[E0790]: an XDP program cannot read the packet metadata 'vlan_tci'" "$work/err"
for word in proto type ifidx mark queue rxhash cpu vlan_tci vlanp vlan_tpid; do
    printf 'ld %s\nret a\n' $word >"$work/program"
    for target in tc socket cgroup; do
        run --from "$work/program" -t $target -d
        is "$target: $word" 0 "$rc"
        run --from "$work/program" -t $target --emit=c
        is "$target: $word, C" 0 "$rc"
    done
done
printf 'ld hatype\nret a\n' >"$work/program"
for form in -d --emit=c; do
    run --from "$work/program" -t cgroup $form
    has "what no target has, $form" "error[E0790]: a cgroup program cannot read the packet metadata 'hatype'" "$work/err"
done
printf 'ld cpu\nret a\n' >"$work/program"
for target in xdp func; do
    run --from "$work/program" -t $target -d
    has "$target: cpu" 'call bpf_get_smp_processor_id' "$work/out"
done

# ---- what it reads

printf 'ldh [12]\njeq #0x800, a, no\na: ldx 4*([14]&0xf)\nldb [x + 20]\njeq #7, b, no\nb: ld len\njgt #60, yes, no\nyes: ret #1\nno: ret #0\n' >"$work/program"
run --from "$work/program" --inputs --json
is '--inputs --json' '{"inputs": [{"kind": "bytes", "begin": 12, "end": 15}, {"kind": "relative", "place": 1, "lowest": 0, "highest": 60, "begin": 20, "end": 21}, {"kind": "length"}], "reach": 81}' "$(cat "$work/out")"
run --from "$work/program" -d --inputs -t xdp
has '--inputs: bytes' '# reads bytes 12-14' "$work/out"
has '--inputs: behind a place' '# reads bytes p1+20; p1 is from 0 to 60' "$work/out"
has '--inputs: the length' "# reads the packet's length" "$work/out"
has '--inputs: reach' '# reach: the first 81 bytes of a packet are enough' "$work/out"
run --inputs
has '--inputs: nothing' '# reads nothing' "$work/out"
run --inputs 'ether[len - 1] = 0 and len > 14'
has '--inputs: no reach' '# reach: it may read any byte of a packet' "$work/out"
run --inputs --live inbound and vlan 3
has '--inputs: metadata' '# reads metadata: packet_type, vlan_tci, vlan_present' "$work/out"
printf 'ldb [0]\nret a\n' >"$work/program"
run --from "$work/program" --inputs
has '--inputs: what is returned' '# reads bytes 0' "$work/out"
printf 'ldb [0]\nld random\nret a\n' >"$work/program"
run --from "$work/program" --inputs
is '--inputs, not known: status' 1 "$rc"
has '--inputs, not known' 'what this program reads is not known' "$work/err"
has '--inputs, not known: why' "$work/program:2:1: warning[E0920]" "$work/err"
empty '--inputs, not known: stdout' "$work/out"
for args in '-dd' '-ddd' '--dump-ir' '--emit=c' '-o -'; do
    # shellcheck disable=SC2086 # words
    run --inputs $args ip
    is "--inputs and $args" 2 "$rc"
done

# ---- running, and what does not go together

printf '%b' '\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0' >"$work/in.pcap"
for byte in 1 2 3; do printf '%b' "\0\0\0\0\0\0\0\0\x04\0\0\0\x04\0\0\0\x0$byte\0\0\0"; done >>"$work/in.pcap"
printf 'ldb [0]\njge #2, a, b\na: ret #-1\nb: ret #0\n' >"$work/program"
run -r "$work/in.pcap" --from "$work/program"
is 'a program filters a savefile' '2 packets' "$(cat "$work/out")"
printf 'ldh [0]\nldb [40]\nldb [0]\njge #2, a, b\na: ret #-1\nb: ret #0\n' >"$work/longer"
run -r "$work/in.pcap" --from "$work/longer" -O
is 'as it is, a load that is out of range rejects' '0 packets' "$(cat "$work/out")"
run -r "$work/in.pcap" --from "$work/longer"
is 'optimized, it is not made' '2 packets' "$(cat "$work/out")"
for args in '-F x' 'tcp'; do
    # shellcheck disable=SC2086 # words
    run --from "$work/program" $args
    is "--from and $args" 2 "$rc"
done
run --from "$work/absent" -d
is 'a file that is not there' 1 "$rc"
finish
