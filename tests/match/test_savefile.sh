#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/match/test_savefile.sh - filtering savefiles: the same bytes as tcpdump writes, and faults on the way.
. tests/cli/tap.sh

tcpdump=tcpdump
[ "$(id -u)" = 0 ] && tcpdump='tcpdump -Z root'

# The precision that keeps all digits of FILE's time stamps.
precision() {
    case $(od -An -tx1 -N4 "$1" | tr -d ' ') in
    a1b23c4d | 4d3cb2a1) echo nano ;;
    0a0d0d0a) # pcapng: if_tsresol, option 9 of one byte, is 9 for nanoseconds
        if od -An -v -tx1 -N4096 "$1" | tr -d ' \n' | grep -qE '^(..)*(09000100090000|00090001090000)'; then
            echo nano
        else
            echo micro
        fi ;;
    *) echo micro ;;
    esac
}

# compare FILE PRECISION FILTER: sets $verdict to yes, no, or refused when either takes no such filter on the file
compare() {
    local theirs ours
    rm -f "$work/theirs" "$work/ours"
    $tcpdump --time-stamp-precision="$2" -r "$1" -w "$work/theirs" "$3" 2>"$work/err-theirs"
    theirs=$?
    run -r "$1" -w "$work/ours" --allow-never "$3"
    ours=$rc
    if [ ! -e "$work/theirs" ] || [ ! -e "$work/ours" ]; then
        verdict=refused
    elif [ "$theirs" = "$ours" ] && cmp -s "$work/theirs" "$work/ours"; then
        verdict=yes
    else
        # On these link types the installed tcpdump reads other bytes; docs/differences.md says why.
        case $($tcpdump -r "$1" -c 1 2>&1 | sed -n 's/.*link-type \([A-Za-z0-9_]*\).*/\1/p') in
        SLIP | FRELAY | LINUX_SLL2 | NULL | LOOP | ENC | PFLOG | ARCNET*) verdict=refused ;;
        *) verdict=no ;;
        esac
    fi
}

filters=('' 'ip' 'greater 100' 'tcp or udp port 53' 'not ip and len > 60' 'ip6 or arp')
captures=$(find "$shared/captures" -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' \) 2>/dev/null | sort)
if [ -z "$captures" ]; then
    skip "the shared captures" "shared data is absent (WEIR_SHARED names its directory)"
elif ! command -v tcpdump >/dev/null; then
    skip "the shared captures" "no tcpdump"
else
    equal=(0 0 0 0 0 0)
    refused=(0 0 0 0 0 0)
    different=('' '' '' '' '' '')
    turn=0
    for f in $captures; do
        exact=$(precision "$f")
        turn=$((turn + 1))
        for k in "${!filters[@]}"; do
            # Every file with two filters in turn; with all of them when there is time.
            [ -n "${WEIR_LONG:-}" ] || [ $(((k + turn) % 3)) = 0 ] || continue
            compare "$f" "$exact" "${filters[k]}"
            case $verdict in
            yes) equal[k]=$((equal[k] + 1)) ;;
            refused) refused[k]=$((refused[k] + 1)) ;;
            no) different[k]="${different[k]} $f" ;;
            esac
        done
    done
    for k in "${!filters[@]}"; do
        if [ -z "${different[k]}" ] && [ "${equal[k]}" -gt $((refused[k] * 4)) ]; then
            pass "'${filters[k]}': ${equal[k]} captures as tcpdump writes them, ${refused[k]} not compared"
        else
            fail "'${filters[k]}': as tcpdump writes it" "equal ${equal[k]}, not compared ${refused[k]}, different:" ${different[k]}
        fi
    done
fi

# ------------------------------------------------------------------ our own file: five packets, two of them IPv4

le32() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 24 & 255)))"; }
frame() { # TYPE: an Ethernet frame of 60 bytes
    printf '\1\2\3\4\5\6\7\10\11\12\13\14'"$1"
    head -c 46 /dev/zero
}
packet() { le32 "$1"; le32 7; le32 60; le32 60; frame "$2"; }
header() { printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0'; le32 65535; le32 "$1"; }
{
    header 1
    packet 1 '\10\0'
    packet 2 '\10\6'
    packet 3 '\10\0'
    packet 4 '\206\335'
    packet 5 '\10\6'
} >"$work/five"
{
    header 1
    packet 1 '\10\0'
    packet 3 '\10\0'
} >"$work/two"

run -r "$work/five" -w "$work/got" ip
is "matches: status" 0 "$rc"
same "matches" "$work/two" "$work/got"
empty "matches: stdout" "$work/out"
run -r "$work/five" ip
is "without -w they are counted" "2 packets" "$(cat "$work/out")"
run -r "$work/five" ip6
is "one packet" "1 packet" "$(cat "$work/out")"
run -r "$work/five" -w "$work/got" --count ip
is "-w and --count" "2 packets" "$(cat "$work/out")"
run -r "$work/five" -w - --count ip
same "-w -: packets on stdout" "$work/two" "$work/out"
is "-w -: count on stderr" "2 packets" "$(cat "$work/err")"
run -r "$work/five" --json ip
is "--json" '{"read": 5, "matched": 2}' "$(cat "$work/out")"
"$weir" -r - -w - ip <"$work/five" >"$work/got"
same "stdin to stdout" "$work/two" "$work/got"
cat "$work/five" | "$weir" -r - -w - ip | cat >"$work/got"
same "through pipes" "$work/two" "$work/got"
run -r "$work/five" -c 1 --json ip
is "-c stops early" '{"read": 1, "matched": 1}' "$(cat "$work/out")"
run -r "$work/five" -w "$work/got" -F /dev/null
same "no filter: a copy" "$work/five" "$work/got"
run -d -r "$work/five" ip
has "-d -r: snapshot length of the file" "ret      #65535" "$work/out"
run -d -r "$work/five" -s 100 ip
has "-s wins" "ret      #100" "$work/out"
{ header 101; packet 1 '\10\0'; } >"$work/rawfile"
run -d -r "$work/rawfile" ip
has "-d -r: link type of the file" "ldb      [0]" "$work/out"
run -d -r "$work/rawfile" -y EN10MB ip
has "-y wins" "ldh      [12]" "$work/out"
{ header 0; packet 1 '\2\0'; } >"$work/null"
run -d -r "$work/null" ip6
cp "$work/out" "$work/unswapped"
run -d -y NULL -s 65535 --savefile unswapped ip6
same "-d -r: byte order of the file" "$work/unswapped" "$work/out"

run -r "$work/five" -w "$work/got2" 'ip and'
is "wrong filter: status" 1 "$rc"
[ -e "$work/got2" ]
is "wrong filter: nothing written" 1 $?
cp "$work/five" "$work/inout"
run -r "$work/inout" -w "$work/inout" ip
is "onto itself: status" 1 "$rc"
same "onto itself: untouched" "$work/five" "$work/inout"

# Damage
head -c 215 "$work/five" >"$work/short" # in the third packet
{
    header 1
    packet 1 '\10\0'
} >"$work/one"
run -r "$work/short" -w "$work/got" ip
is "truncated: status" 1 "$rc"
has "truncated: where" "packet 3: " "$work/err"
same "truncated: what came before is kept" "$work/one" "$work/got"
run -r "$work/short" ip
is "truncated: counted" "1 packet" "$(cat "$work/out")"
run -r "$work/short" -c 1 ip
is "truncated behind the last packet asked for" 0 "$rc"
for bad in /dev/null "$work" "$work/nothing-here" "$weir"; do
    run -r "$bad" -w "$work/got3" ip
    is "not a savefile: $bad" "1 " "$rc $(ls "$work/got3" 2>/dev/null)"
done

# pcapng with a second link type behind the second packet
block() { # TYPE BODY-FILE
    local len=$(($(wc -c <"$2") + 12))
    le32 "$1"; le32 $len; cat "$2"; le32 $len
}
{
    { printf '\115\74\53\32\1\0\0\0\377\377\377\377\377\377\377\377'; } >"$work/shb"
    printf '\1\0\0\0\0\0\4\0' >"$work/idb1"
    printf '\145\0\0\0\0\0\4\0' >"$work/idb2"
    { le32 0; le32 0; le32 1000007; le32 60; le32 60; frame '\10\0'; } >"$work/epb"
    block 168627466 "$work/shb"
    block 1 "$work/idb1"
    block 6 "$work/epb"
    block 6 "$work/epb"
    block 1 "$work/idb2"
    block 6 "$work/epb"
} >"$work/mixed"
run -r "$work/mixed" -w "$work/got" ip
is "second link type: status" 1 "$rc"
has "second link type: where" "packet 3: " "$work/err"
is "second link type: what came before is kept" $((24 + 2 * 76)) "$(wc -c <"$work/got")"

# Nanoseconds
{ printf '\115\74\262\241\2\0\4\0\0\0\0\0\0\0\0\0'; le32 65535; le32 1; le32 1; le32 123456789; le32 60; le32 60; frame '\10\0'; } >"$work/nano"
run -r "$work/nano" -w "$work/got" ip
same "nanoseconds stay" "$work/nano" "$work/got"
"$weir" -r - -w - ip <"$work/nano" >"$work/got"
same "nanoseconds from a pipe stay" "$work/nano" "$work/got"

# Writing fails
run -r "$work/five" -w /dev/full
is "full disk: status" 1 "$rc"
has "full disk: reason" "/dev/full: No space left on device" "$work/err"
is "full disk: the device is still there" "character special file" "$(stat -c %F /dev/full)"
for i in $(seq 100); do tail -c +25 "$work/five"; done >"$work/body"
{ header 1; cat "$work/body"; } >"$work/big"
(ulimit -f 4; run -r "$work/big" -w "$work/limited"; exit $rc)
is "file too large: status" 1 $?
has "file too large: reason" "File too large" "$work/err"
[ -e "$work/limited" ]
is "file too large: removed" 1 $?
echo old >"$work/before"
(ulimit -f 4; run -r "$work/big" -w "$work/before"; exit $rc)
is "file too large, not ours: status" 1 $?
[ -e "$work/before" ]
is "file too large, not ours: still there" 0 $?
run -r "$work/five" -w "$work/no/such/file"
is "no such directory: status" 1 "$rc"
finish
