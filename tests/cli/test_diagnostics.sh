#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_diagnostics.sh - how errors look: place, source line, marks; in files, long lines, odd bytes, JSON.
. tests/cli/tap.sh

# place NAME PLACE LINE MARKS ARGS...: the first three lines of the error
place() {
    local name=$1 where=$2 line=$3 marks=$4
    shift 4
    run "$@"
    is "$name: status" 1 "$rc"
    empty "$name: stdout" "$work/out"
    case $(sed -n 1p "$work/err") in
    "$where: error[E0"[0-9][0-9][0-9]"]: "?*) pass "$name: head" ;;
    *) fail "$name: head" "wanted $where: error[E0...]: ..." "$(cat "$work/err")" ;;
    esac
    is "$name: source line" "  $line" "$(sed -n 2p "$work/err")"
    is "$name: marks" "  $marks" "$(sed -n 3p "$work/err")"
}

place "address as a port" filter:1:14 \
    'udp and port 10.0.0.1' \
    '        ~~~~ ^^^^^^^^' -d udp and port 10.0.0.1
is "address as a port: the whole of it" "filter:1:14: error[E0312]: 'port' takes a port, not an address
  udp and port 10.0.0.1
          ~~~~ ^^^^^^^^
  hint: write 'host 10.0.0.1'" "$(cat "$work/err")"
place "tab" filter:1:8 "$(printf 'ip\tand\t%%')" "$(printf '  \t   \t^')" -d "$(printf 'ip\tand\t%%')"
place "end of the filter" filter:1:7 'ip and' '      ^' -d 'ip and'
place "blanks at the end" filter:1:7 'ip and  ' '      ^' -d 'ip and  '
place "escape sequence" filter:1:4 'ip ?[31m' '   ^' -d "$(printf 'ip \033[31m')"
place "two bytes, one column" filter:1:4 "ip é" "   ^" -d "ip é"

printf '# not (counted\nip and # tcp\n\t( udp or\nport 10.0.0.1 )\n' >"$work/f"
place "file" "$work/f:4:6" 'port 10.0.0.1 )' '~~~~ ^^^^^^^^' -F "$work/f"
printf 'ip # and %%\nor %%' >"$work/f"
place "comments are not read" "$work/f:2:4" 'or %' '   ^' -F "$work/f"
printf 'ip and # tcp\n\n# the end\n' >"$work/f"
place "end of a file" "$work/f:1:7" 'ip and # tcp' '      ^' -F "$work/f"
printf 'ip and\r\nport 10.0.0.1\r\n' >"$work/f"
place "CRLF" "$work/f:2:6" 'port 10.0.0.1' '~~~~ ^^^^^^^^' -F "$work/f"
printf 'ip\n\0 and tcp' >"$work/f"
place "NUL" "$work/f:2:1" '? and tcp' '^' -F "$work/f"
printf 'port 10.0.0.1' | "$weir" -d -F - >"$work/out" 2>"$work/err"
is "stdin: place" "-:1:6" "$(sed -n '1s/: error.*//p' "$work/err")"
printf '# all\nip and # v4\ntcp' | "$weir" -d -F - >"$work/out" 2>"$work/err"
is "a good file: status" 0 "$?"
: >"$work/f"
run -d -F "$work/f"
is "an empty file matches everything" "(000) ret      #262144" "$(cat "$work/out")"
run -d -F "$work/nothing-here"
is "no such file: status" 1 "$rc"
has "no such file: names it" "nothing-here: No such file" "$work/err"
run -d -F "$work"
is "a directory: status" 1 "$rc"

# A line of ten thousand hosts is not printed for one mistake in it.
{
    for i in $(seq 1 5000); do printf 'host 10.0.%d.%d or ' $((i / 250)) $((i % 250)); done
    printf 'port 10.0.0.1'
    for i in $(seq 1 5000); do printf ' or host 10.1.%d.%d' $((i / 250)) $((i % 250)); done
} >"$work/f"
run -F "$work/f"
is "long line: status" 1 "$rc"
longest=$(awk 'NR > 1 && length > n {n = length} END {print n}' "$work/err")
if [ "$longest" -le 120 ]; then pass "long line is cut"; else fail "long line is cut" "$longest bytes"; fi
is "long line: what is marked" "10.0.0.1" "$(awk 'NR == 2 {line = $0} NR == 3 {print substr(line, index($0, "^"), gsub(/\^/, "^"))}' "$work/err")"
is "long line: both ends" "  ... ..." "$(sed -n '2s/^\(  \.\.\.\).*\(\.\.\.\)$/\1 \2/p' "$work/err")"

# A long line that begins with half a character.
{ printf '\225 and '; printf 'x%.0s' $(seq 200); } >"$work/f"
run -F "$work/f"
is "half a character: where" "? a ^" "$(awk 'NR == 2 {printf "%s ", substr($0, 3, 3)} NR == 3 {print substr($0, 3)}' "$work/err")"

run -d --json 'port 10.0.0.1'
is "JSON: status" 1 "$rc"
has "JSON: code" '"code": "E0312"' "$work/err"
has "JSON: place" '"line": 1, "column": 6, "begin": 5, "end": 13' "$work/err"
has "JSON: hint" '"hint": "write ' "$work/err"
run -d --json -F "$work/\"quoted\""
has "JSON: escapes" '\"quoted\"' "$work/err"

# Nothing but the reason, and no colour, when stderr is not a terminal.
run -d 'ip and'
lacks "no colour" "$(printf '\033')" "$work/err"
finish
