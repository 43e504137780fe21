#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/cli/test_badinput.sh - bad input for the command: bytes, files, captures, numbers, full disks.
#
# Whatever it is given, the command ends in time, by itself, with a status of 0, 1 or 2; an error has words on stderr.

cd "$(dirname "$0")/../.." || exit 2
. tests/cli/tap.sh
export LC_ALL=C

# attempt ARGS...: run with a time limit; false when it crashed, hung, or failed without a word.
attempt() {
    timeout 20 "$weir" "$@" >"$work/out" 2>"$work/err" </dev/null
    rc=$?
    case $rc in
    0) ;;
    1 | 2) [ -s "$work/err" ] || return 1 ;;
    *) return 1 ;;
    esac
    ! grep -aqE 'Sanitizer|runtime error:|internal error' "$work/err"
}

# each NAME PROBLEMS...: ok when there are none.
each() {
    local name=$1
    shift
    if [ $# = 0 ]; then pass "$name"; else fail "$name" "${@:1:10}"; fi
}

# fails NAME STATUS ARGS...: ends with that status, nothing on stdout, words on stderr.
fails() {
    local name=$1 want=$2
    shift 2
    if attempt "$@" && [ "$rc" = "$want" ] && [ ! -s "$work/out" ]; then
        pass "$name"
    else
        fail "$name" "status $rc, wanted $want" "stdout: $(head -c 300 "$work/out")" "stderr: $(head -c 300 "$work/err")"
    fi
}

# bytes HEX...: the bytes.
bytes() {
    local b
    for b in "$@"; do printf "\\x$b"; done
}

# ---------------------------------------------------------------- bytes and texts

bad=()
for ((i = 0; i < 256; i++)); do
    bytes "$(printf %02x "$i")" >"$work/byte"
    attempt -d -F "$work/byte" || bad+=("file of byte $i: status $rc")
    [ "$i" = 0 ] && continue
    attempt -d "$(cat "$work/byte")" || bad+=("argument of byte $i: status $rc")
done
each "one byte, in a file and as an argument" "${bad[@]}"

head -c 10000000 /dev/zero | tr '\0' '(' >"$work/open"
fails "10 MB of (" 1 -d -F "$work/open"
has "it has a short message" "error[" "$work/err"
[ "$(wc -c <"$work/err")" -lt 5000 ]
is "and not the whole line" 0 $?
head -c 100000 /dev/zero >"$work/zeros"
fails "100 KB of NUL bytes" 1 -d -F "$work/zeros"
bytes 69 70 00 20 6f 72 20 74 63 70 >"$work/nul"
fails "a NUL byte inside" 1 -d -F "$work/nul"
head -c 200000 /dev/zero | tr '\0' '\n' >"$work/lines"
attempt -d -F "$work/lines"
is "100,000 empty lines are an empty filter" 0 "$rc"
bad=()
for t in '\xff\xfe' '\xc3' '\xc0\x80' '\xed\xa0\x80' 'host \xc3\xa9' 'ip \xe2\x82' '\x1b[31m' 'host \x9b31m' '\xef\xbb\xbfip'; do
    printf "$t" >"$work/text"
    attempt -d -F "$work/text" || bad+=("$t: status $rc")
    [ "$rc" = 1 ] || bad+=("$t: accepted")
    LC_ALL=C grep -aq $'\x1b' "$work/err" && bad+=("$t: an escape reached the terminal")
    attempt -d "$(printf "$t")" || bad+=("argument $t: status $rc")
done
each "invalid UTF-8 and control characters" "${bad[@]}"
bad=()
head -c 65536 /dev/urandom >"$work/random"
for ((i = 0; i < 100; i++)); do
    tail -c +$((i * 600 + 1)) "$work/random" | head -c $((i * 3)) >"$work/text"
    attempt -d -F "$work/text" || bad+=("random bytes: status $rc: $(od -An -tx1 "$work/text" | head -5)")
done
each "random bytes" "${bad[@]}"

# ---------------------------------------------------------------- words and numbers

for f in nosuchword 'host no.such.host.invalid' 'port nosuchport' 'ip proto nosuchproto' 'ether host nosuchmac' \
    'net nosuchnet' 'gateway nosuchgw' 'port 65536' 'vlan 4096' 'host 1.2.3.256' 'net 1.2.3.4/33' 'ip[0' 'ip[0]' '(ip' 'ip)' \
    'ip and' 'not' 'len = 4294967296' 'ip6 host 1::2::3' 'len / 0 = 1' 'ether host 1:2:3' 'ip[0:3] = 1' 'type mgt'; do
    fails "refused: $f" 1 --resolve none -d "$f"
done
fails "no such link type" 2 -y NOSUCH -d ip
fails "a snapshot length that is no number" 2 -s 12x -d ip
fails "a negative snapshot length" 2 -s -1 -d ip
fails "a snapshot length past every limit" 2 -s 99999999999999999999 -d ip
fails "no such option" 2 --nosuch ip
fails "an option without its argument" 2 -d -y
fails "no such target" 2 -t nosuch -d ip

# ---------------------------------------------------------------- files

fails "no such filter file" 1 -d -F "$work/nosuch"
fails "a folder as the filter file" 1 -d -F "$work"
fails "no such capture" 1 -r "$work/nosuch" ip
fails "a folder as the capture" 1 -r "$work" ip
: >"$work/empty"
fails "an empty capture" 1 -r "$work/empty" ip
fails "a capture that is text" 1 -r tests/cli/tap.sh ip
fails "/dev/null as the capture" 1 -r /dev/null ip
attempt -d -F "$work/empty"
is "an empty filter file accepts everything" "0 (000) ret      #262144" "$rc $(cat "$work/out")"

# A capture of three packets: 24 bytes of file header, then 16 + 20, 16 + 60 and 16 + 14 bytes.
record() { # LENGTH: its header and bytes
    bytes 01 00 00 00 02 00 00 00
    bytes "$(printf %02x "$1")" 00 00 00 "$(printf %02x "$1")" 00 00 00
    bytes 02 00 00 00 00 01 02 00 00 00 00 02 08 00
    head -c $(($1 - 14)) /dev/zero
}
{
    bytes d4 c3 b2 a1 02 00 04 00 00 00 00 00 00 00 00 00 00 00 04 00 01 00 00 00
    record 20
    record 60
    record 14
} >"$work/good.pcap"
attempt -r "$work/good.pcap" --count ether proto 0x800
is "the good capture" "0 3" "$rc $(grep -o '[0-9]*' "$work/out" | head -1)"

size=$(wc -c <"$work/good.pcap")
bad=()
for ((n = 0; n < size; n++)); do
    head -c "$n" "$work/good.pcap" >"$work/cut.pcap"
    attempt -r "$work/cut.pcap" --count ip || bad+=("cut to $n bytes: status $rc $(head -c 200 "$work/err")")
    case $n in
    24 | 60 | 136) [ "$rc" = 0 ] || bad+=("cut to $n bytes, between packets: status $rc") ;;
    *) [ "$rc" = 1 ] || bad+=("cut to $n bytes: status $rc, wanted 1") ;;
    esac
done
each "a capture cut at every byte" "${bad[@]}"

# flip FILE AT HEX OUT: a copy with one byte changed.
flip() {
    cp "$1" "$4"
    bytes "$3" | dd of="$4" bs=1 seek="$2" conv=notrunc status=none
}
bad=()
for ((n = 0; n < 56; n++)); do
    for b in 00 80 ff; do
        flip "$work/good.pcap" "$n" "$b" "$work/flip.pcap"
        attempt -r "$work/flip.pcap" -w "$work/flipped.pcap" 'ip or tcp[0] = 1 or vlan' || bad+=("byte $n is $b: status $rc")
    done
done
each "a capture with one byte changed" "${bad[@]}"

if [ -d "$shared/captures" ]; then
    bad=()
    seed=1
    n=0
    while read -r file; do
        n=$((n + 1))
        [ $((n % 8)) = 0 ] || continue
        size=$(wc -c <"$file")
        [ "$size" -lt 200000 ] || continue
        for cut in $((size / 3)) $((size - 1)); do
            head -c "$cut" "$file" >"$work/cut"
            attempt -r "$work/cut" --count ip || bad+=("$(basename "$file") cut to $cut: status $rc $(head -c 200 "$work/err")")
        done
        for k in 1 2 3; do
            seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
            at=$((k == 1 ? seed % 64 % size : seed % size))
            flip "$file" "$at" "$(printf %02x $((seed >> 8 & 255)))" "$work/flip"
            attempt -r "$work/flip" -w "$work/flipped" 'ip or ip6' ||
                bad+=("$(basename "$file") byte $at: status $rc $(head -c 200 "$work/err")")
        done
    done < <(find "$shared/captures" -type f | sort)
    each "shared captures, cut and with bytes changed" "${bad[@]}"
else
    skip "shared captures, cut and with bytes changed" "shared data is absent (WEIR_SHARED names its directory)"
fi

# ---------------------------------------------------------------- places that take no more

if [ -w /dev/full ]; then
    fails "-w on a full disk" 1 -r "$work/good.pcap" -w /dev/full ip
    has "it says so" "No space left" "$work/err"
    for args in "-d ip" "-dd ip" "-ddd ip" "--help" "--version"; do
        timeout 20 "$weir" $args >/dev/full 2>"$work/err" </dev/null
        rc=$?
        is "$args to a full disk" "1 No space left" "$rc $(grep -o 'No space left' "$work/err" | head -1)"
    done
    timeout 20 "$weir" -r "$work/good.pcap" -w - ip >/dev/full 2>"$work/err" </dev/null
    is "-w - to a full disk" 1 $?
    timeout 20 "$weir" -r "$work/good.pcap" --count ip >/dev/full 2>"$work/err" </dev/null
    is "--count to a full disk" 1 $?
else
    skip "a full disk" "/dev/full is absent"
fi
timeout 20 "$weir" -d ip >&- 2>"$work/err" </dev/null
is "stdout is closed" 1 $?
timeout 20 "$weir" -r "$work/good.pcap" -w - ip >&- 2>"$work/err" </dev/null
is "stdout is closed, -w -" 1 $?
lacks "stdout is closed, -w -: it is not taken for the input" 'being read' "$work/err"
head -c -1 "$work/good.pcap" >"$work/cut.pcap"
timeout 20 "$weir" -r "$work/cut.pcap" -w "$work/with" 2>"$work/err" </dev/null
has "there is something to say" truncated "$work/err"
timeout 20 "$weir" -r "$work/cut.pcap" -w "$work/without" 2>&- <&-
same "stderr is closed: what is said does not go into the output" "$work/with" "$work/without"
fails "-w into a folder that is not there" 1 -r "$work/good.pcap" -w "$work/no/such" ip
fails "-w onto a folder" 1 -r "$work/good.pcap" -w "$work" ip

# A reader that leaves: the command ends, quietly or not, and does not hang.
timeout 20 "$weir" -d "$(for ((i = 0; i < 3000; i++)); do printf 'host 10.0.%d.%d or ' $((i / 200)) $((i % 200)); done; echo ip)" \
    2>/dev/null </dev/null | head -1 >"$work/out"
is "a reader that leaves" 124 "$(test "${PIPESTATUS[0]}" != 124 && echo 124)"

finish
