#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Renders docs/differences.tsv as docs/differences.md: `docs/differences.sh > docs/differences.md`.
cd "$(dirname "$0")" || exit 1
cat <<'EOF'
# Differences

Where weir's plain program (`-O`) gives another verdict than the plain program of libpcap 1.11. Everywhere else they
are equal on every packet, whole or cut short, and tests prove it for the shared cases. This page is rendered from
`differences.tsv`, which the tests read: a row excuses the packets of its condition and no others.

*Case* is a pattern over the names of the test cases, *condition* a filter that says for which packets.

| case | link type | condition | why | issue |
|---|---|---|---|---|
EOF
awk -F '\t' 'NR > 1 && NF {gsub(/\|/, "\\|"); printf "| `%s` | %s | %s | %s | %s |\n", $1, $2, ($3 == "always" ? $3 : "`" $3 "`"), $4, $5}' differences.tsv
cat <<'EOF'

## Programs that never end, or that a kernel refuses

`protochain` is a loop in libpcap. Here it is unrolled to 128 headers and a longer chain rejects the packet, as if it
were cut short, also under `not`.

## libpcap 1.10.3

weir follows 1.11. What 1.10.3, the version of Debian 12, does differently from 1.11 applies to weir as well: `vxlan`
is a keyword, `ip multicast` ends at 239.255.255.255, `byte i & v` and `!=` on ATM and SS7 fields work, IS-IS PDU types
are compared in five bits, ARCnet knows RFC 1201 codes only, DSA and Broadcom switch tags are understood, BACnet MS/TP
takes station addresses, `gateway` exists and negates only the host part, values out of range are errors, and
`inbound`, `outbound` and `ifindex` need a live capture or a link type that carries them. Differential tests against
the installed 1.10.3 list these as data in `tests/differential/`.
EOF
