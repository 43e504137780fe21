#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/attach/test_sets.sh - named sets: traffic before and after they change, sharing, wrong use, and that nothing
# stays behind.
. tests/cli/namespaces.sh
. tests/cli/tap.sh

mount -t bpf bpf /sys/fs/bpf
unshare -n sleep 600 &
peer=$!
trap 'kill $peer 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break
    sleep 0.02
done
if ! ip link add v0 type veth peer name v1 netns "$peer"; then
    echo "1..0 # SKIP the kernel has no veth interfaces"
    exit 0
fi

# Neighbours are known, so that nothing but the test's own packets is sent.
there() { nsenter -t "$peer" -n "$@"; }
sysctl -qw net.ipv6.conf.v0.accept_dad=0 net.ipv6.conf.v0.router_solicitations=0
there sysctl -qw net.ipv6.conf.v1.accept_dad=0 net.ipv6.conf.v1.router_solicitations=0
there sysctl -qw net.ipv6.conf.v1.mldv2_unsolicited_report_interval=100000000 # ms; reports are IPv6, too
ip link set v0 address 02:00:00:00:00:01 multicast off addrgenmode none
there ip link set v1 address 02:00:00:00:00:02 multicast off addrgenmode none
ip addr add 10.9.0.1/24 dev v0
ip addr add fd09::1/64 dev v0 nodad
ip link set lo up
ip link set v0 up
for a in 10.9.0.2/24 10.9.0.3/24 10.9.0.77/24; do there ip addr add "$a" dev v1; done
for a in fd09::2/64 fd09::3/64; do there ip addr add "$a" dev v1 nodad; done
there ip link set v1 up
there ip neigh add 10.9.0.1 lladdr 02:00:00:00:00:01 dev v1
there ip neigh add fd09::1 lladdr 02:00:00:00:00:01 dev v1
for a in 10.9.0.2 10.9.0.3 10.9.0.77 fd09::2 fd09::3; do # for the errors that we answer with
    ip neigh add "$a" lladdr 02:00:00:00:00:02 dev v0
done

send() { # SOURCE PORT: one datagram to us
    there python3 -c '
import socket, sys
v6 = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
s.sendto(b"x", ("fd09::1" if v6 else "10.9.0.1", int(sys.argv[2])))' "$1" "$2"
    sleep 0.05
}
arrived() { # datagrams that got through to a port nobody listens on
    awk '$1 == "Udp:" && $3 ~ /^[0-9]/ {n += $3} $1 == "Udp6NoPorts" {n += $2} END {print n}' /proc/net/snmp /proc/net/snmp6
}
matched() { "$weir" show --json | sed 's/.*"matched": {"packets": \([0-9]*\).*/\1/'; }
step() { # NAME MATCHES ARRIVES SOURCE PORT: what one datagram does
    local m a
    m=$(matched) a=$(arrived)
    send "$4" "$5"
    is "$1" "matched $2, arrived $3" "matched $(($(matched) - m)), arrived $(($(arrived) - a))"
}
refused() { # NAME TEXT ARGS...: status 1, stderr has the text, stdout is empty
    local name=$1 text=$2
    shift 2
    run "$@"
    is "$name: status" 1 "$rc"
    has "$name: why" "$text" "$work/err"
    empty "$name: stdout" "$work/out"
}
done_quietly() { # NAME ARGS...
    local name=$1
    shift
    run "$@"
    is "$name" "0" "$rc$(cat "$work/out" "$work/err")"
}
nothing() {
    local left
    for _ in $(seq 50); do # Linux frees what tc had a little later
        left=$("$weir" show; "$weir" set list; ls -d /sys/fs/bpf/weir 2>/dev/null; bpftool map show name "$2")
        [ -z "$left" ] && break
        sleep 0.1
    done
    is "nothing is left: $1" "" "$left"
}

# Names of their own, so that the kernel can be asked for these maps.
bad=bad_$((RANDOM % 10000)) web=web_$((RANDOM % 10000)) mac=mac_$((RANDOM % 10000))

for hook in xdp tc; do
    run attach $hook v0 --on-match drop "src host @$bad"
    is "$hook: an empty set attaches" 0 "$rc"
    step "$hook: nobody is in it" 0 1 10.9.0.2 5000
    done_quietly "$hook: add" set add "$bad" 10.9.0.2 fd09::2
    step "$hook: IPv4, in it" 1 0 10.9.0.2 5000
    step "$hook: IPv4, not in it" 0 1 10.9.0.3 5000
    step "$hook: IPv6, in it" 1 0 fd09::2 5000
    step "$hook: IPv6, not in it" 0 1 fd09::3 5000
    done_quietly "$hook: delete" set del "$bad" 10.9.0.2 fd09::2
    step "$hook: IPv4, not in it any more" 0 1 10.9.0.2 5000
    step "$hook: IPv6, not in it any more" 0 1 fd09::2 5000
    done_quietly "$hook: a network" set add "$bad" 10.9.0.64/26
    step "$hook: in the network" 1 0 10.9.0.77 5000
    step "$hook: beside the network" 0 1 10.9.0.3 5000
    done_quietly "$hook: all of IPv6" set add "$bad" ::/0
    step "$hook: ::/0 is no IPv4 address" 0 1 10.9.0.3 5000
    step "$hook: ::/0 is every IPv6 address" 1 0 fd09::3 5000
    done_quietly "$hook: detach" detach $hook v0
    nothing "$hook" "$bad"
done

# Contents from a file; ports and Ethernet addresses.
printf '# first of all\n10.9.0.2 10.9.0.3 # two\n\nfd09::/16\n10.9.0.2\n' >"$work/bad"
echo 5000 >"$work/web"
run attach xdp v0 --on-match drop --set "$bad=$work/bad" --set "@$web=$work/web" "src host @$bad and udp dst port @$web"
is "with files: status" 0 "$rc"
is "with files: members" "10.9.0.2 10.9.0.3 fd09::/16" "$("$weir" set list "$bad" | tr '\n' ' ' | sed 's/ $//')"
step "address and port" 1 0 10.9.0.2 5000
step "address and another port" 0 1 10.9.0.2 5001
printf '5001\n' | "$weir" set add "$web" -F -
step "the other port, after it was added from stdin" 1 0 fd09::2 5001
is "ports as JSON" "{\"set\": \"$web\", \"kind\": \"ports\", \"members\": [5000, 5001]}" "$("$weir" set list "$web" --json)"
is "the list of sets" "$bad  addresses, 3 of at most 1048576, in 1 program
$web  ports, 2 of at most 65536, in 1 program" "$("$weir" set list)"
# In the order in which the program looks into them, which is the optimizer's.
is "show names the sets" "$(printf '%s\n' "$bad" "$web")" "$("$weir" show | sed -n 's/^ *sets *//p' | tr ' ' '\n' | sort)"
is "show names the sets in JSON" "[\"$bad\", \"$web\"]" \
    "$("$weir" show --json | python3 -c 'import json, sys; print(json.dumps(sorted(json.load(sys.stdin)["sets"])))')"

# One name, one set.
run attach tc v0 --egress --set "$bad=$work/web2" "dst host @$bad"
is "a missing file: status" 1 "$rc"
echo 10.9.0.200 >"$work/more"
run attach tc v0 --egress --set "$bad=$work/more" "dst host @$bad"
is "a second program: status" 0 "$rc"
has "it shares the set" "$bad  addresses, 4 of at most 1048576, in 2 programs" <("$weir" set list)
refused "members of another kind" "has a set '$bad' of IP addresses" attach tc v0 "port @$bad"
run attach xdp v0 --replace "host @$bad"
is "replacing keeps the set: status" 0 "$rc"
is "replacing keeps the set" 4 "$("$weir" set list "$bad" | wc -l)"
is "and the other one is gone" 1 "$("$weir" set list | wc -l)"
done_quietly "detach one of two" detach tc v0
is "the set stays with the other" 4 "$("$weir" set list "$bad" | wc -l)"

# All or nothing.
refused "a member that is there" "10.9.0.2 is in the set '$bad' already" set add "$bad" 10.1.1.1 10.9.0.2
is "and nothing was added" 4 "$("$weir" set list "$bad" | wc -l)"
done_quietly "a member that is there, leniently" set add "$bad" --exist 10.1.1.1 10.9.0.2
is "and the other was added" 5 "$("$weir" set list "$bad" | wc -l)"
refused "none of its members" "10.7.7.7 is not in the set '$bad'" set del "$bad" 10.1.1.1 10.7.7.7
is "and nothing was deleted" 5 "$("$weir" set list "$bad" | wc -l)"
refused "a network that is no member, though its hosts are" "10.9.0.2/31 is not in" set del "$bad" 10.9.0.2/31
done_quietly "none of its members, leniently" set del --exist "$bad" 10.1.1.1 10.7.7.7

refused "no such set" "no attached program has a set 'nobody'" set add nobody 10.0.0.1
refused "no such set to list" "no attached program has a set 'nobody'" set list nobody
refused "a port among addresses" "'80' is not an IP address" set add "$bad" 80
refused "a prefix too long" "'33' is not the length of a prefix" set add "$bad" 10.0.0.0/33
refused "bits outside the mask" "'10.0.0.1/8' has bits outside its mask" set add "$bad" 10.0.0.1/8
has "the network is named" "10.0.0.0/8" "$work/err"
printf '10.0.0.1\n  10.0.0.2/24\n' >"$work/wrong"
refused "a wrong line" "$work/wrong:2:3: '10.0.0.2/24' has bits" set add "$bad" -F "$work/wrong"
refused "a wrong line while attaching" "$work/wrong:2:3: " attach tc v0 --set "$bad=$work/wrong" "host @$bad"
refused "a NUL in a file" "NUL" set add "$bad" -F <(printf '10.0.0.9\0')
echo 10.3.3.3 >"$work/three"
refused "a member of a shared set goes when attaching fails" "already has an XDP program" attach xdp v0 --set "$bad=$work/three" "host @$bad"
is "it has gone" 4 "$("$weir" set list "$bad" | wc -l)"
refused "a file of a set the filter has not" "the filter has no set '@other'" attach tc v0 --set "other=$work/bad" ip
refused "no such file" "No such file" set add "$bad" -F "$work/nowhere"
usage() {
    local name=$1
    shift
    run "$@"
    is "wrong use: $name" 2 "$rc"
    empty "wrong use: $name: stdout" "$work/out"
}
usage "set alone" set
usage "set with an unknown action" set fill "$bad" 10.0.0.1
usage "add without members" set add "$bad"
usage "list with members" set list "$bad" 10.0.0.1
usage "an unknown option" set add "$bad" --bogus
usage "--set without a file" attach tc v0 --set "$bad" "host @$bad"
usage "--set without a value" attach tc v0 "host @$bad" --set
if setpriv --bounding-set=-all --inh-caps=-all true 2>/dev/null; then
    setpriv --bounding-set=-all --inh-caps=-all "$weir" set add "$bad" 10.0.0.1 2>"$work/err"
    is "without privileges: status" 1 $?
    has "without privileges: hint" "run it as root" "$work/err"
else
    skip "without privileges" "CAP_SETPCAP is missing"
fi
is "after all that" 4 "$("$weir" set list "$bad" | wc -l)"
done_quietly "detach all" detach --all
nothing "shared sets" "$bad"

run attach tc v0 "ether src @$mac"
step "an Ethernet address that is not in it" 0 1 10.9.0.2 5000
done_quietly "add an Ethernet address" set add "$mac" 2:0:0:0:0:2
step "an Ethernet address that is in it" 1 1 10.9.0.2 5000
is "it is written in full" 02:00:00:00:00:02 "$("$weir" set list "$mac")"
run detach --all

# Interrupted at any moment: either it is done, and status 0 says so, or there is nothing.
seq 20000 | awk '{print "10." int($1 / 65536) "." int($1 / 256) % 256 "." $1 % 256}' >"$work/many"
wrong=
for i in $(seq 20); do
    "$weir" attach tc v0 --set "$bad=$work/many" "host @$bad" >/dev/null 2>&1 &
    pid=$!
    sleep "0.$(printf %03d $((i * 4)))"
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    rc=$?
    left=$("$weir" set list)
    if [ "$rc" = 0 ]; then
        [ "${left#*20000 of}" != "$left" ] || wrong="$wrong $i: done but there is '$left';"
    else
        [ -z "$left" ] || wrong="$wrong $i: status $rc but there is '$left';"
    fi
    "$weir" detach --all
done
is "interrupted: all or nothing" "" "$wrong"
nothing "the end" "$bad"
finish
