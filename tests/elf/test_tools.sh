#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/elf/test_tools.sh - do the tools people load objects with take ours? bpftool, ip, tc, libbpf's linker.
. tests/cli/namespaces.sh
. tests/cli/tap.sh
mount -t bpf bpf /sys/fs/bpf
dir=$work

takes() { # NAME COMMAND...: status 0
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then pass "$name"; else fail "$name" "$* failed:" "$(tail -30 "$work/log")"; fi
}

hosts=$(for i in $(seq 300); do printf ' or host 10.%d.%d.7' $((i % 7)) $((i % 251)); done)
makes() { # FILE ARGS...
    local file=$1
    shift
    run -o "$dir/$file" "$@"
    is "$file: written" 0 "$rc"
}

makes xdp.o -t xdp tcp port 80
makes plain.o -t xdp -O tcp port 80
makes frags.o -t xdp --frags udp
makes drop.o -t xdp --on-match drop --name drop_dns udp port 53
makes bare.o -t xdp --no-counters ip6
makes sets.o -t xdp "host 10.9.9.9$hosts"
makes nomaps.o -t xdp --no-maps "host 10.9.9.9$hosts"
makes tc.o -t tc vlan 100 and tcp port 80
makes tcdrop.o -t tc --on-match drop icmp
makes socket.o -t socket udp
makes direct.o -t socket --direct tcp port 80
makes ingress.o -t cgroup tcp
makes egress.o -t cgroup --egress tcp
makes named.o -t xdp --on-match drop 'src host @bad and port @web or ether src @cards'
makes named_tc.o -t tc 'host @bad'
makes named_socket.o -t socket 'host @bad and not port @web'
makes named_cgroup.o -t cgroup 'dst host @bad'
makes named_direct.o -t socket --direct 'host @bad and not port @web'

direct='direct named_direct' # Linux 6.17
printf '6.17\n%s\n' "$(uname -r)" | sort -VC || { skip "direct.o" "the kernel is too old for direct socket programs"; direct=; }
for f in $direct xdp plain frags drop bare sets nomaps tc tcdrop socket ingress egress named named_tc named_socket named_cgroup; do
    takes "bpftool prog load $f.o" bpftool prog load "$dir/$f.o" "/sys/fs/bpf/$f"
    takes "bpftool gen skeleton $f.o" bpftool gen skeleton "$dir/$f.o"
    takes "bpftool btf dump $f.o" bpftool btf dump file "$dir/$f.o"
done
bpftool prog show pinned /sys/fs/bpf/xdp >"$dir/show"
has "the filter is in the metadata" 'filter = "tcp port 80"' "$dir/show"
bpftool prog dump xlated pinned /sys/fs/bpf/xdp linum >"$dir/xlated"
has "the filter's words are beside the instructions" "; tcp port 80" "$dir/xlated"
bpftool prog show pinned /sys/fs/bpf/drop >"$dir/show"
has "the function has its name" "name drop_dns" "$dir/show"
bpftool prog show pinned /sys/fs/bpf/egress >"$dir/show"
has "a cgroup program" "cgroup_skb" "$dir/show"
find /sys/fs/bpf -mindepth 1 -not -name "*.debug" -delete

ip link add v0 type veth peer name v1
for f in xdp drop bare sets named; do
    takes "ip link set xdp obj $f.o sec xdp" ip link set dev v0 xdp obj "$dir/$f.o" sec xdp
    has "$f.o is attached" prog/xdp <(ip link show v0)
    ip link set dev v0 xdp off
done
takes "ip link set xdp obj frags.o sec xdp.frags" ip link set dev v0 xdp obj "$dir/frags.o" sec xdp.frags
ip link set dev v0 xdp off
takes "tc qdisc add clsact" tc qdisc add dev v0 clsact
for f in tc tcdrop; do
    takes "tc filter add ingress obj $f.o sec tc" tc filter add dev v0 ingress bpf da obj "$dir/$f.o" sec tc
    takes "tc filter add egress obj $f.o sec tc" tc filter add dev v0 egress bpf da obj "$dir/$f.o" sec tc
done
is "tc shows them" 4 "$({ tc filter show dev v0 ingress; tc filter show dev v0 egress; } | grep -c direct-action)"

# A skeleton compiles, and its program loads.
bpftool gen skeleton "$dir/xdp.o" name filter >"$dir/filter.skel.h" 2>"$work/log"
cat >"$dir/skeleton.c" <<'C'
#include "filter.skel.h"
int main(void)
{
    struct filter *f = filter__open_and_load();
    int bad = !f || bpf_map__value_size(f->maps.weir_counts) != 32;
    filter__destroy(f);
    return bad;
}
C
takes "a skeleton compiles" cc -o "$dir/skeleton" "$dir/skeleton.c" -lbpf
takes "a skeleton loads" "$dir/skeleton"
bpftool gen skeleton "$dir/named.o" name named >"$dir/named.skel.h" 2>"$work/log"
cat >"$dir/named.c" <<'C'
#include "named.skel.h"
#include "weir/weir.h"
int main(void)
{
    struct named *f = named__open_and_load();
    struct weir_set_address key = {32 + 24, 4, {10, 0, 0}};
    unsigned one = 1;
    unsigned char port[2] = {0, 80}, mac[6] = {2, 0, 0, 0, 0, 1};
    int bad = !f || bpf_map__update_elem(f->maps.bad, &key, sizeof key, &one, sizeof one, 0) ||
              bpf_map__update_elem(f->maps.web, port, sizeof port, &one, sizeof one, 0) ||
              bpf_map__update_elem(f->maps.cards, mac, sizeof mac, &one, sizeof one, 0);
    named__destroy(f);
    return bad;
}
C
takes "a skeleton with sets compiles" cc -Icompiler/include -o "$dir/named" "$dir/named.c" -lbpf
takes "a skeleton with sets loads and takes members" "$dir/named"

# Linked into a program that clang built.
if command -v clang >/dev/null; then
    cat >"$dir/main.c" <<'C'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
int is_web(struct xdp_md *ctx);
int is_dns(void *data, void *data_end, __u32 wire_len);
SEC("xdp") int prog(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
    if (is_web(ctx))
        return XDP_DROP;
    return is_dns(data, end, end - data) ? XDP_TX : XDP_PASS;
}
char _license[] SEC("license") = "GPL";
C
    takes "clang" clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$dir/main.c" -o "$dir/main.o"
    makes is_web.o -t xdp --linked --name is_web tcp port 80
    makes is_dns.o -t func --name is_dns udp port 53
    takes "bpftool gen object" bpftool gen object "$dir/linked.o" "$dir/main.o" "$dir/is_web.o" "$dir/is_dns.o"
    takes "the linked program loads" bpftool prog load "$dir/linked.o" /sys/fs/bpf/linked
    printf '\2\0\0\0\0\0\2\0\0\0\0\1\x8\0\x45\0\0\x28\0\0\0\0\x40\x11\0\0\n\0\0\1\n\0\0\2\x30\0\0\x35\0\x14\0\0\0\0\0\0\0\0\0\0' >"$dir/dns"
    printf '\2\0\0\0\0\0\2\0\0\0\0\1\x8\0\x45\0\0\x28\0\0\0\0\x40\x06\0\0\n\0\0\1\n\0\0\2\x30\0\0\x50\0\0\0\0\0\0\0\0\0\0\0\0' >"$dir/web"
    for f in "dns 3" "web 1"; do
        set -- $f
        bpftool prog run pinned /sys/fs/bpf/linked data_in "$dir/$1" data_out - >"$dir/ran" 2>&1
        has "the linked program decides on $1" "Return value: $2" "$dir/ran"
    done
    # With sets; one set of two functions is one map.
    sed 's/is_web/is_bad/; s/is_dns/was_bad/; s/is_web(ctx)/is_bad(ctx)/; s/is_dns(data/was_bad(data/' "$dir/main.c" >"$dir/main2.c"
    takes "clang, with sets" clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$dir/main2.c" -o "$dir/main2.o"
    makes is_bad.o -t xdp --linked --name is_bad src host @bad
    makes was_bad.o -t func --name was_bad dst host @bad or dst port @web
    takes "bpftool gen object, with sets" bpftool gen object "$dir/linked2.o" "$dir/main2.o" "$dir/is_bad.o" "$dir/was_bad.o"
    takes "the linked program with sets loads" bpftool prog load "$dir/linked2.o" /sys/fs/bpf/linked2
else
    skip "linked by clang" "clang is not installed"
fi
finish
