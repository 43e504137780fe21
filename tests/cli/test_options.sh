#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_options.sh - the command line: what is wrong use, what is printed, which link type is taken.
. tests/cli/tap.sh

usage() { # NAME ARGS...: wrong use says so on stderr only
    local name=$1
    shift
    run "$@"
    if [ "$rc" = 2 ] && [ ! -s "$work/out" ] && grep -q "Try 'weir --help'" "$work/err"; then
        pass "wrong use: $name"
    else
        fail "wrong use: $name" "status $rc" "$(cat "$work/out" "$work/err")"
    fi
}

usage "unknown option" --bogus
usage "unknown letter" -k
usage "an option of tcpdump" -nn -d ip
has "it is told that tcpdump has it" 'with tcpdump it is about printing packets' "$work/err"
usage "another" -Q in -d ip
has "it is told what it is about" 'with tcpdump it is about capturing' "$work/err"
usage "missing value" -y
usage "missing long value" --netmask
usage "value where none belongs" --live=3
usage "unknown link type" -y NO_SUCH_TYPE ip
usage "unknown target" -t z80 ip
usage "target of a later version" -t native ip
usage "-F and an expression" -F /dev/null ip
usage "-w without -r" -w "$work/x" ip
usage "-c without -r" -c 3 ip
usage "--count without -r" --count ip
usage "-r and -i" -r "$work/x" -i lo ip
usage "-d and -w" -d -r "$work/x" -w "$work/y" ip
usage "-ddd and -t xdp" -t xdp -ddd ip
usage "two readers of stdin" -r - -F -
usage "-c 0" -r "$work/x" -c 0
usage "-c word" -r "$work/x" -c many
usage "-s word" -s long ip
usage "-s too long" -s 4294967296 ip
usage "--netmask word" --netmask x ip
usage "--netmask /33" --netmask /33 ip
usage "--savefile word" --savefile upside-down ip
usage "--resolve word" --resolve dns ip
usage "--names without files" --names "$work" --resolve none ip
usage "-o - and -d" -o - -d ip
usage "-L and an expression" -L ip
is "nothing was created" "" "$(ls "$work" | grep -v -e '^out$' -e '^err$')"

run --help
is "--help: status" 0 "$rc"
has "--help: stdout" "usage: weir" "$work/out"
empty "--help: stderr" "$work/err"
run --version
is "--version: status" 0 "$rc"
is "--version: first line" "weir $(awk '/define WEIR_VERSION_(MAJOR|MINOR|PATCH)/ {v = v s $3; s = "."} END {print v}' \
    compiler/include/weir/weir.h)" "$(head -1 "$work/out")"

ip_listing='(000) ldh      [12]
(001) jeq      #0x800           jt 2	jf 3
(002) ret      #262144
(003) ret      #0'
run ip
is "no option is -d" "$ip_listing" "$(cat "$work/out")"
run -d ip
is "-d" "$ip_listing" "$(cat "$work/out")"
empty "-d: stderr" "$work/err"
run ip -d
is "options behind the expression" "$ip_listing" "$(cat "$work/out")"
run -dd ip
is "-dd" '{ 0x28, 0, 0, 0x0000000c },
{ 0x15, 0, 1, 0x00000800 },
{ 0x6, 0, 0, 0x00040000 },
{ 0x6, 0, 0, 0x00000000 },' "$(cat "$work/out")"
run -d -d ip
is "-d -d" '{ 0x28, 0, 0, 0x0000000c },' "$(head -1 "$work/out")"
run -ddd ip
is "-ddd" '4
40 0 0 12
21 0 1 2048
6 0 0 262144
6 0 0 0' "$(cat "$work/out")"
run -d udp port 53 and host 10.0.0.1
is "words are joined: status" 0 "$rc"
cp "$work/out" "$work/joined"
run -d 'udp port 53 and host 10.0.0.1'
same "words are joined" "$work/joined" "$work/out"
run -d
is "no expression" '(000) ret      #262144' "$(cat "$work/out")"
run -d -- -1 = 5
is "behind --, words may start with a dash" 1 "$rc"
has "behind --: it is the filter that is wrong" "filter:1:" "$work/err"

run -d -s 96 ip
has "-s" "ret      #96" "$work/out"
run -d -s 0 ip
has "-s 0 is the default" "ret      #262144" "$work/out"
run -d -y raw ip
has "-y in any case" "ldb      [0]" "$work/out"
cp "$work/out" "$work/raw"
run -d -y 12 ip
same "-y with a number" "$work/raw" "$work/out"
run -d -y 305 ip
is "-y with a number that is none: status" 2 "$rc"
has "-y with a number that is none: reason" "unknown link type '305'" "$work/err"
run -d -y EN10MB --netmask 255.255.255.0 ip broadcast
is "--netmask: status" 0 "$rc"
cp "$work/out" "$work/mask"
run -d --netmask 0xffffff00 ip broadcast
same "--netmask in hex" "$work/mask" "$work/out"
run -d --netmask /24 ip broadcast
same "--netmask as a prefix" "$work/mask" "$work/out"
run -d ip broadcast
is "no netmask: status" 1 "$rc"
empty "no netmask: stdout" "$work/out"
run -d inbound
is "inbound without --live" 1 "$rc"
run -d --live inbound
is "inbound with --live" 0 "$rc"
run -d -y NULL ip
has "NULL: this machine's order" "#0x2" "$work/out"
lines=$(wc -l <"$work/out")
run -d -y NULL --savefile swapped ip
is "--savefile: status" 0 "$rc"
if [ "$(wc -l <"$work/out")" -gt "$lines" ]; then pass "--savefile: both orders are tried"; else
    fail "--savefile: both orders are tried" "$(cat "$work/out")"; fi

run -O 'ip and tcp port 80'
is "-O: status" 0 "$rc"
cp "$work/out" "$work/plain"
run 'ip and tcp port 80'
if cmp -s "$work/plain" "$work/out"; then fail "-O makes a difference"; else pass "-O makes a difference"; fi

run --dump-ir ip
is "--dump-ir: status" 0 "$rc"
if [ -s "$work/out" ]; then pass "--dump-ir prints"; else fail "--dump-ir prints"; fi

run -o "$work/raw-program" ip
is "-o: status" 0 "$rc"
empty "-o: stdout" "$work/out"
is "-o: size" 32 "$(wc -c <"$work/raw-program")"
is "-o: first instruction" "28000000 0c000000" "$(od -An -v -tx1 -N8 "$work/raw-program" | tr -d ' ' | sed 's/^.\{8\}/& /')"
run -o - ip
same "-o -" "$work/raw-program" "$work/out"
run -o "$work/raw-program" -d ip
is "-o with -d prints as well" "$ip_listing" "$(cat "$work/out")"
run -o "$work/no/such/dir" ip
is "-o where it cannot be: status" 1 "$rc"
run -o /dev/full ip
is "-o /dev/full: status" 1 "$rc"
has "-o /dev/full: reason" "No space left" "$work/err"
"$weir" ip >/dev/full 2>"$work/err"
is "stdout is full: status" 1 "$?"
has "stdout is full: reason" "No space left" "$work/err"

run -d 'ip and arp'
is "never: status" 1 "$rc"
empty "never: stdout" "$work/out"
has "never: message" "can never match" "$work/err"
run -d --allow-never 'ip and arp'
is "--allow-never: status" 0 "$rc"
has "--allow-never: a warning" "warning[E0801]" "$work/err"
has "--allow-never: a program" "ret      #0" "$work/out"
run -d --allow-never --no-warnings 'ip and arp'
empty "--no-warnings" "$work/err"
run -d -O 'ip and arp'
is "never with -O: status" 0 "$rc"
empty "never with -O: stderr" "$work/err"

run -L
is "-L: status" 0 "$rc"
is "-L: count" 221 "$(wc -l <"$work/out")"
has "-L: a row" "EN10MB" "$work/out"
run -L --json
is "-L --json: count" 221 "$(grep -c '"number"' "$work/out")"

run -d -i no-such-interface ip
is "-i of nothing: status" 1 "$rc"
has "-i of nothing: names it" "no-such-interface" "$work/err"
empty "-i of nothing: stdout" "$work/out"
run -d -i lo inbound
if [ "$rc" = 0 ]; then
    pass "-i implies --live"
    run -d -i lo ip broadcast
    is "-i brings the netmask" 0 "$rc"
elif grep -qi 'permi' "$work/err"; then
    skip "-i" "opening the interface lo needs CAP_NET_RAW"
else
    fail "-i" "$(cat "$work/err")"
fi

# A classic program that is too long for Linux is a note, not an error.
i=0
while [ $i -lt 3000 ]; do
    echo "${or:-}ether[$((i % 200 + 20)):4] = $((i * 7919)) and ether[$((i % 150 + 30)):2] = $i"
    or='or '
    i=$((i + 1))
done >"$work/long"
run -d -F "$work/long"
is "long program: status" 0 "$rc"
if [ "$(wc -l <"$work/out")" -gt 4096 ]; then
    has "long program: note" "Linux would refuse this program: " "$work/err"
    run -d --no-warnings -F "$work/long"
    empty "long program: --no-warnings" "$work/err"
fi
finish
