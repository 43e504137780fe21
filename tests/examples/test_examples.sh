#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/examples/test_examples.sh - every program of examples/, built and run.
. tests/cli/tap.sh
build=${weir%/weir}
sanitize=$(sanitizer_of "$build/libweir.a")

# build NAME COMPILER SOURCE ARGS...: to $work/NAME, as a user would who has only the header and the library
build() {
    local name=$1 compiler=$2 source=$3
    shift 3
    # shellcheck disable=SC2086 # no or several words
    if $compiler -Wall -Wextra -Werror -Icompiler/include $sanitize -o "$work/$name" "$source" "$@" 2>"$work/err"; then
        pass "$source builds"
    else
        fail "$source builds" "$(cat "$work/err")"
    fi
}
frames() { # a pcap file: three Ethernet frames from 192.0.2.1 to 192.0.2.2, TCP to port 80, UDP to 53 and ARP
    local frame
    printf 'd4c3b2a1020004000000000000000000000004000100000' # header, little-endian, Ethernet; the last digit follows
    printf 0
    for frame in "$(ip4 06 c350005000000001000000005002faf000000000)" "$(ip4 11 c350003500080000)" \
        ffffffffffff0200000000010806000108000604000102000000000100000000000000000000c0000202; do
        printf '0000000000000000%02x000000%02x000000%s' $((${#frame} / 2)) $((${#frame} / 2)) "$frame"
    done
}
ip4() { printf '0200000000020200000000010800450000%02x0001000040%s0000c0000201c0000202%s' $((20 + ${#2} / 2)) "$1" "$2"; }
frames | sed 's/../\\x&/g' | xargs -0 printf '%b' >"$work/in.pcap"
expect() { # expect NAME STATUS OUTPUT PROGRAM ARGS...
    local name=$1 status=$2 output=$3
    shift 3
    got=$("$@" 2>"$work/err")
    is "$name: status" "$status" $?
    is "$name: output" "$output" "$got"
}

# ---- embed.c

build embed "${CC:-cc}" examples/embed.c "$build/libweir.a"
expect 'embed' 0 match "$work/embed"
expect 'embed, another filter' 0 'no match' "$work/embed" udp
expect 'embed, a wrong filter' 1 '' "$work/embed" 'tcp port 70000'
has 'embed tells the code' E0502 "$work/err"

# ---- embed.cpp

if command -v "${CXX:-c++}" >/dev/null; then
    build embed_cpp "${CXX:-c++}" examples/embed.cpp -std=c++17 "$build/libweir.a"
    expect 'embed.cpp' 0 match "$work/embed_cpp"
    expect 'embed.cpp, another filter' 0 'no match' "$work/embed_cpp" ip
    expect 'embed.cpp, a wrong filter' 1 '' "$work/embed_cpp" 'ip and'
    has 'embed.cpp tells why' 'syntax error' "$work/err"
else
    skip 'embed.cpp' 'no C++ compiler is installed'
fi

# ---- filter_file.c

build filter_file "${CC:-cc}" examples/filter_file.c "$build/libweir.a"
for filter in '' 'tcp port 80' 'arp or udp' 'not ip'; do
    "$work/filter_file" "$filter" <"$work/in.pcap" >"$work/a.pcap"
    is "filter_file '$filter'" 0 $?
    run -r "$work/in.pcap" -w "$work/b.pcap" "$filter"
    same "filter_file '$filter' writes what weir writes" "$work/b.pcap" "$work/a.pcap"
done
"$work/filter_file" 'port 1.2.3.4' <"$work/in.pcap" >/dev/null 2>"$work/err"
is 'filter_file refuses a wrong filter' 1 $?
head -c 90 "$work/in.pcap" | "$work/filter_file" 'tcp' >/dev/null 2>"$work/err"
is 'filter_file refuses a file that is cut off' 1 $?

# ---- ctypes_filter.py

if [ -n "$sanitize" ]; then
    skip 'ctypes_filter.py' 'the library is sanitized'
elif command -v python3 >/dev/null; then
    python=(python3 examples/ctypes_filter.py "$build/libweir.so" "$work/in.pcap")
    expect 'ctypes_filter.py' 0 1 "${python[@]}" 'tcp port 80'
    expect 'ctypes_filter.py, another filter' 0 2 "${python[@]}" 'not udp'
    expect 'ctypes_filter.py, a wrong filter' 1 '' "${python[@]}" 'tcp port'
    has 'ctypes_filter.py tells why' 'syntax error' "$work/err"
else
    skip 'ctypes_filter.py' 'python3 is not installed'
fi

# ---- ring.c

build ring "${CC:-cc}" examples/ring.c "$build/libweir.a"
"$work/ring" 2>"$work/err"
is 'ring without arguments' 1 $?
if unshare -n ip link set lo up 2>/dev/null; then
    # lo shows each packet twice: when it leaves and when it arrives
    cat >"$work/loop.sh" <<'EOF'
ip link set lo up
"$1" lo 2 'udp port 7 and udp[8] = 0x41' >"$2/out" 2>"$2/err" &
for _ in $(seq 100); do grep -q listening "$2/err" && break; sleep 0.05; done
echo BBBB >/dev/udp/127.0.0.1/7
echo AAAAA >/dev/udp/127.0.0.1/7
wait $!
EOF
    timeout 20 unshare -n bash "$work/loop.sh" "$work/ring" "$work" 2>/dev/null
    is 'ring captures the packet that matches' 0 $?
    is 'ring prints it' "48 bytes on the wire, 48 captured
48 bytes on the wire, 48 captured" "$(cat "$work/out")"
    timeout 20 unshare -n "$work/ring" lo 1 'tcp prot 80' 2>"$work/err"
    is 'ring refuses a wrong filter' 1 $?
else
    skip 'ring captures' 'no rights to make a network namespace'
fi
finish
