#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# tests/fuzz/make-dict.sh - writes the fuzzers' dictionary: the words of the filter language and of the IR.
#
#   tests/fuzz/make-dict.sh >tests/fuzz/filter.dict        again, after a change of keywords.def, op.def or meta.def

set -eu
cd "$(dirname "$0")/../.."
echo "# Written by tests/fuzz/make-dict.sh; do not edit."
echo "# The words of grammar/keywords.def."
sed -n 's/^KEYWORD("\([^"]*\)".*/"\1 "/p' grammar/keywords.def
echo "# Signs and shapes of operands."
printf '"%s"\n' ' and ' ' or ' ' not ' '!' '&&' '||' '(' ')' '[' ']' ':1]' ':2]' ':4]' '=' '!=' '<' '>' '<=' '>=' '+' '-' \
    '*' '/' '%' '&' '|' '^' '<<' '>>' '0x800' '0xffffffff' '4294967295' '4294967296' '2147483648' '10.0.0.1' '10.0.0.0/8' \
    '1.2.3' '::1' 'fe80::/10' '2001:db8::1' '1:2:3:4:5:6' '$3' '1.2' '80-90' '\\tcp' '#' '\x00' ' mask 255.0.255.0'
echo "# The words of compiler/ir/op.def and meta.def, and of the IR's text."
sed -n 's/^OP .*"\([^"]*\)").*/"\1 "/p' compiler/ir/op.def
sed -n 's/^META (.*"\([^"]*\)",.*/"\1"/p' compiler/ir/meta.def
printf '"%s"\n' '\x0a' 'b0:\x0a' 'b1:\x0a' '%1 = ' '%2 = ' 'guard ' 'switch ' 'jump ' 'return ' ' -> ' 'else' 'accept' 'reject' 'entry' '..' \
    'set a ' 'addresses' 'ports' 'macs' ' in a' '@a'
