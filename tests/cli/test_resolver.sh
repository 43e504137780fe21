#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_resolver.sh - names: from files of a directory, from the system, from nowhere.
. tests/cli/tap.sh

names=$work/names
mkdir "$names"
cat >"$names/hosts" <<'END'
# address    names
10.1.2.3     alpha alpha.example   # a comment
10.1.2.4     beta
10.1.2.5     BETA
2001:db8::1  alpha six
fe80::1%eth0 scoped
not-an-address broken
END
printf '0:1:2:3:4:5 alpha\n00:aa:bb:cc:dd:ee beta' >"$names/ethers"
printf 'lab 192.168.7.0 laboratory\nten 10\nloopnet 127.0.0.0\n' >"$names/networks"
printf 'game 27960/udp quake\nweb 8000/tcp\nboth 700/tcp\nboth 700/udp\nover 99999/tcp\n' >"$names/services"
printf 'carrier 177 CARRIER\nbig 300\n' >"$names/protocols"

# equal NAME FILTER FILTER: both compile to the same program, the first with our names
equal() {
    run -d --names "$names" "$2"
    cp "$work/out" "$work/named"
    if [ "$rc" != 0 ]; then
        fail "$1" "$(cat "$work/err")"
        return
    fi
    run -d --resolve none "$3"
    if [ "$rc" = 0 ] && cmp -s "$work/named" "$work/out"; then pass "$1"; else
        fail "$1" "$(cat "$work/err")" "$(diff "$work/named" "$work/out")"; fi
}

# unknown NAME FILTER [ARGS...]
unknown() {
    local name=$1 filter=$2
    shift 2
    run -d --names "$names" "$@" "$filter"
    is "$name" 1 "$rc"
}

equal "host, one address" 'host six' 'host 2001:db8::1'
equal "host, two families" 'ip host alpha.example' 'ip host 10.1.2.3'
equal "host, any case, two lines" 'ip src host Beta' 'ip src host 10.1.2.4 or ip src host 10.1.2.5'
equal "escaped number" 'host \127.1' 'host 127.0.0.1'
unknown "unknown host" 'host gamma'
unknown "an address that is none" 'host broken'
equal "ether host" 'ether host beta' 'ether host 00:aa:bb:cc:dd:ee'
unknown "unknown ether host" 'ether host gamma'
equal "port" 'port both' 'port 700'
equal "udp port by alias" 'udp port quake' 'udp port 27960'
equal "escaped port number" 'port \80' 'port 80'
unknown "port of the other protocol" 'tcp port quake'
unknown "names have a case" 'port Web'
unknown "a port beyond 65535" 'port over'
unknown "service names of the system do not count" 'port http'
equal "portrange" 'portrange web-both' 'portrange 8000-700'
equal "proto" 'ip proto CARRIER' 'ip proto 177'
equal "protocol names are built in" 'ip proto ospf' 'ip proto 89'
unknown "a protocol beyond 255" 'ip proto big'
equal "net" 'net laboratory' 'host 192.168.7.0 and not ip6'
unknown "unknown net" 'net nowhere'

rm "$names/services" "$names/hosts"
equal "without a services file the table is built in" 'tcp port http' 'tcp port 80'
unknown "without a hosts file no host is known" 'host alpha'
mkdir "$names/hosts"
run -d --names "$names" host alpha
is "a hosts file that cannot be read: status" 1 "$rc"
has "a hosts file that cannot be read: why" "hosts: " "$work/err"
run -d --names "$work/no-such-directory" host alpha
is "no such directory: status" 1 "$rc"
has "no such directory: names it" "no-such-directory: " "$work/err"

run -d --resolve none host localhost
is "no resolver: status" 1 "$rc"
run -d --resolve none tcp port http
is "no resolver: service names are built in" 0 "$rc"
run -d --resolve files tcp port 80
is "files of /etc" 0 "$rc"
if getent ahostsv4 localhost >/dev/null 2>&1; then
    run -d 'ip host localhost'
    is "the system's resolver is the default" 0 "$rc"
else
    skip "the system's resolver" "this machine does not know localhost"
fi
run -d host no-such-host.invalid
is "unknown to the system: status" 1 "$rc"
empty "unknown to the system: stdout" "$work/out"
finish
