#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# examples/linked/build.sh - filters as functions of a program that clang compiles.
#
#   examples/linked/build.sh [FOLDER]     makes FOLDER/firewall.o (default: build/examples)
#
# Needs clang, bpftool and libbpf's headers. Afterwards: ip link set dev IFACE xdp obj FOLDER/firewall.o sec xdp
set -eu
here=$(dirname "$0")
to=${1:-${B:-build}/examples}
weir=${WEIR:-${B:-build}/weir}
mkdir -p "$to"
"$weir" -t xdp --linked --name is_local -o "$to/is_local.o" 'arp or net 10.0.0.0/8 or net 192.168.0.0/16'
"$weir" -t func --name is_dns -o "$to/is_dns.o" 'port 53'
clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c "$here/firewall.bpf.c" -o "$to/firewall.bpf.o"
bpftool gen object "$to/firewall.o" "$to/firewall.bpf.o" "$to/is_local.o" "$to/is_dns.o"
