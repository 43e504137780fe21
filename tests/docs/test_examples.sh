#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/docs/test_examples.sh - every example of the documentation, run. README.md beside this file says how they look.
. tests/cli/tap.sh

docs=${DOCS:-README.md docs/language.md docs/man/weir-filter.7}
names=$PWD/tests/docs/names
root=$PWD
build=${weir%/weir}
mkdir "$work/bin" "$work/here"
ln -s "$weir" "$work/bin/weir"
options=(--names "$names")

# The status of the last run and the codes it printed, as "1 E0201 E0301".
verdict() {
    # shellcheck disable=SC2046 # lines to words
    echo "$rc" $(sed -n 's/^[^ ].*error\[\(E[0-9]*\)\].*/\1/p' "$work/err")
}

# program FILTER LISTING [OPTION]: compiles; the listing goes to the file LISTING.
program() {
    run -d --no-warnings "${options[@]}" ${3:+"$3"} -- "$1"
    cp "$work/out" "$2"
}

# filter PLACE FILTER REMARK: one line of a filter block.
filter() {
    local place=$1 text=$2 remark=$3 other word want got
    case $remark in
    'error E'*)
        program "$text" "$work/one"
        # The remark may go on in words behind the codes.
        other=
        for word in ${remark#error }; do
            case $word in E[0-9]*) other="$other ${word%[,:;.]}" ;; *) break ;; esac
        done
        is "$place: $text" "1$other" "$(verdict)"
        ;;
    never*)
        program "$text" "$work/one"
        is "$place: $text" "1 E0801" "$(verdict)"
        program "$text" "$work/one" -O
        is "$place: $text, not optimized" 0 "$(verdict)"
        ;;
    'warning E'*)
        word=${remark#warning }
        run -d --lint "${options[@]}" -- "$text"
        is "$place: $text" 0 "$rc"
        has "$place: $text, warning" "warning[${word%%[ ,:]*}]" "$work/err"
        ;;
    'same as '* | 'differs from '*)
        case $remark in same*) want=same other=${remark#same as } ;; *) want=differs other=${remark#differs from } ;; esac
        program "$text" "$work/one"
        is "$place: $text" 0 "$(verdict)"
        program "$other" "$work/two"
        is "$place: $other" 0 "$(verdict)"
        program "$text" "$work/one-plain" -O
        program "$other" "$work/two-plain" -O
        if cmp -s "$work/one" "$work/two" || cmp -s "$work/one-plain" "$work/two-plain"; then got=same; else got=differs; fi
        is "$place: $text, $remark" "$want" "$got"
        ;;
    *)
        program "$text" "$work/one"
        if [ "$rc" = 0 ]; then pass "$place: $text"; else fail "$place: $text" "$(cat "$work/err")"; fi
        ;;
    esac
}

# One line of a filter block: options for those behind it, a remark, or a filter.
filter_line() {
    local place=$1 line=$2 text remark=
    case $line in
    '# weir'*:)
        line=${line#\# weir}
        read -r -a options <<<"${line%:}"
        case $line in *--resolve*) ;; *) options+=(--names "$names") ;; esac
        return ;;
    '#'* | '') return ;;
    *' # '*)
        text=${line%% # *}
        remark=${line#*# } ;;
    *) text=$line ;;
    esac
    text=${text%"${text##*[! ]}"}
    filter "$place" "$text" "$remark"
}

# Tabs and runs of blanks inside a line do not count; those in front do.
squeeze() {
    sed -e 's/[[:space:]]*$//' -e ':a' -e 's/\([^ ]\)[[:space:]]\{1,\}\([^[:space:]]\)/\1\x01\2/' -e 'ta' -e 's/\x01/ /g'
}

# command PLACE COMMAND EXPECTED: stdout and stderr together; a last line "..." stands for any more lines.
command_line() {
    local place=$1 command=$2 expected=$3 got
    case $command in
    'make '*)
        eval "set -- ${command#make }"
        got=$(cd "$root" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory "B=$B" "$@" 2>/dev/null) ;;
    *) got=$(cd "$work/here" && PATH=$work/bin:$PATH bash -c "$command" 2>&1 </dev/null) ;;
    esac
    got=$(squeeze <<<"$got")
    expected=$(squeeze <<<"$expected")
    if [ "${expected##*$'\n'}" = ... ]; then
        expected=${expected%...}
        case $got in "$expected"*) pass "$place: $command" ;; *) fail "$place: $command" "wanted:" "$expected" "got:" "$got" ;; esac
    elif [ "$got" = "$expected" ]; then
        pass "$place: $command"
    else
        fail "$place: $command" "wanted:" "$expected" "got:" "$got"
    fi
}

# Markdown: blocks fenced as filter and console; in C blocks, text of examples/embed.c.
markdown() {
    local file=$1 line n=0 block='' command='' expected='' at=0 code=''
    while IFS= read -r line || [ -n "$line" ]; do
        n=$((n + 1))
        case $block:$line in
        :'```'*)
            block=${line#'```'}
            [ -n "$block" ] || block=text
            options=(--names "$names")
            code='' command=''
            continue ;;
        ?*:'```')
            [ "$block" = console ] && [ -n "$command" ] && command_line "$file:$at" "$command" "$expected"
            if [ "$block" = c ]; then
                case $(cat examples/embed.c) in
                *"${code%$'\n'}"*) pass "$file:$n: C as in examples/embed.c" ;;
                *) fail "$file:$n: C as in examples/embed.c" "$code" ;;
                esac
            fi
            block=
            continue ;;
        esac
        case $block in
        filter) filter_line "$file:$n" "$line" ;;
        console)
            case $line in
            '$ '*)
                [ -n "$command" ] && command_line "$file:$at" "$command" "$expected"
                command=${line#'$ '} expected='' at=$n ;;
            *) expected=$expected${expected:+$'\n'}$line ;;
            esac ;;
        c) code=$code$line$'\n' ;;
        esac
    done <"$file"
    [ -z "$block" ] || fail "$file: a block is not closed"
}

# A manual page in mdoc: the literal blocks, with the escapes of roff taken back.
manual() {
    local file=$1 line n=0 inside=
    while IFS= read -r line; do
        n=$((n + 1))
        case $line in
        .'Bd -literal'*) inside=1 options=(--names "$names") ;;
        .Ed*) inside= ;;
        .* | "'"*) ;;
        *)
            [ -n "$inside" ] || continue
            line=${line//\\e/\\}
            line=${line//\\-/-}
            line=${line//\\&/}
            line=${line//\\(ti/\~}
            line=${line//\\(ha/^}
            filter_line "$file:$n" "$line" ;;
        esac
    done <"$file"
}

# capture.pcap of the examples: three Ethernet frames, from 192.0.2.1 to 192.0.2.2: a TCP SYN to port 80, a DNS query, ARP.
bytes() { printf '%b' "$(sed 's/../\\x&/g' <<<"${1// /}")"; }
packet() {
    local hex=${1// /} n
    n=$(printf '%02x000000' $((${#hex} / 2)))
    bytes "00000000 00000000 $n $n $hex"
}
{
    ether='020000000002 020000000001'
    addresses='c0000201 c0000202'
    bytes 'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000'
    packet "$ether 0800 45000028 00014000 4006b6cb $addresses c350 0050 00000001 00000000 5002 faf0 0000 0000"
    packet "$ether 0800 4500001c 00020000 4011b6cb $addresses c351 0035 0008 0000"
    packet "ffffffffffff 020000000001 0806 0001080006040001 020000000001 c0000201 000000000000 c0000202"
} >"$work/here/capture.pcap"

B=${B:-build}
for file in $docs; do
    case $file in
    *.md) markdown "$file" ;;
    *) manual "$file" ;;
    esac
done

# The tables of link types say what the command says.
if [ -z "${DOCS:-}" ]; then
    run -L
    listed=$(sed -n 's/^| `\([A-Z0-9_]*\)` *| *\([0-9][0-9]*\) .*/\2 \1/p; s/^| – *| *\([0-9][0-9]*\) .*/\1 -/p' docs/language.md | sort -n | uniq)
    is "docs/language.md: the link types of weir -L" "$(awk '{ print $1, $2 }' "$work/out")" "$listed"
    protocols=$(sed -n '/^### Link types with protocols/,/^### /s/^| [^|]*| *\([0-9][0-9]*\) .*/\1/p' docs/language.md | sort -n)
    is "docs/language.md: which recognise protocols" "$(awk '$3 == "protocols" { print $1 }' "$work/out")" "$protocols"

    # Every diagnostic is in the table of docs/language.md, and no other.
    numbers=$(sed -n 's/^DIAG([A-Z0-9_]*, \([0-9]*\),.*/E0\1/p' compiler/base/diag.def | sort)
    is "docs/language.md: all codes" "$numbers" "$(sed -n 's/^| `\(E0[0-9]*\)` .*/\1/p' docs/language.md | sort)"

    # Every word of the language is named in its two references.
    words=$(sed -n 's/^KEYWORD("\([^"]*\)".*/\1/p' grammar/keywords.def)
    for file in docs/language.md docs/man/weir-filter.7; do
        missing=
        text=$(sed 's/\\-/-/g; s/\\f[BIRP]//g' "$file" | tr -c 'a-z0-9-' '\n' | sort -u)
        missing=$(LC_ALL=C comm -23 <(LC_ALL=C sort -u <<<"$words") <(LC_ALL=C sort -u <<<"$text") | tr '\n' ' ')
        is "$file: all words" '' "$missing"
    done

    if command -v groff >/dev/null; then
        for file in docs/man/*.[1-9]; do
            is "$file: no warning of groff" '' "$(groff -mandoc -Tutf8 -ww -z "$file" 2>&1)"
        done
    else
        skip "manual pages without warnings" "no groff"
    fi

    # The example that embeds the library, built against an installed copy as pkg-config says.
    [ -x "$build/examples/embed" ] || env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory B="$B" examples >/dev/null 2>&1
    is "examples/embed" match "$("$build/examples/embed" 2>&1)"
    is "examples/embed, a mistake" "E0201" "$("$build/examples/embed" 'ip ip' 2>&1 | cut -c1-5)"
    if ! command -v pkg-config >/dev/null; then
        skip "pkg-config" "no pkg-config"
    else
        env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory B="$B" DESTDIR="$work/root" install >"$work/install" 2>&1
        pc=$(find "$work/root" -name weir.pc)
        read -r -a flags <<<"$(PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$work/root pkg-config --cflags --libs weir 2>&1)"
        if [ -n "$(sanitizer_of "$build/libweir.a")" ]; then
            skip "pkg-config" "the library is sanitized"
        elif ${CC:-cc} examples/embed.c -o "$work/embed" "${flags[@]}" -Wl,-rpath,"${pc%/pkgconfig/*}" 2>"$work/err"; then
            is "pkg-config" match "$("$work/embed" 2>&1)"
        else
            fail "pkg-config" "$(cat "$work/err" "$work/install")"
        fi
    fi
fi
finish
