#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_install.sh - what `make install` puts where and `make uninstall` takes away; programs outside the tree
# built against the copy, shared and static; and the examples of docs/man/libweir.3, compiled and run.
. tests/cli/tap.sh
build=${weir%/weir}
root=$PWD
umask 077 # what is installed is for everybody nevertheless
export LC_ALL=C

# installs ARGS...: make, with a PREFIX and LIBDIR such as a distribution has
installs() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$root" --no-print-directory B="$build" \
        PREFIX=/opt/weir LIBDIR=/opt/weir/lib/arch DESTDIR="$work/stage" "$@" >"$work/out" 2>&1
}
to=$work/stage/opt/weir
files() { (cd "$to" && find . ! -type d | sed 's|^\./||' | sort); }

version=$(sed -n 's/^#define WEIR_VERSION_[A-Z]* //p' compiler/include/weir/weir.h | paste -sd.)
major=${version%%.*}
mkdir -p "$to/include/weir" "$to/lib/arch"
touch "$to/include/weir/other.h" "$to/lib/arch/libweir.so.99"
installs install
is 'make install' 0 $?
lacks 'it says nothing of its own' 'install:' "$work/out"

cat >"$work/expected" <<LIST
bin/weir
include/weir/other.h
include/weir/weir.h
include/weir/weir_bpf.h
lib/arch/libweir-bpf.a
lib/arch/libweir-bpf.so
lib/arch/libweir-bpf.so.$major
lib/arch/libweir-bpf.so.$version
lib/arch/libweir-pcap.so
lib/arch/libweir.a
lib/arch/libweir.so
lib/arch/libweir.so.$major
lib/arch/libweir.so.$version
lib/arch/libweir.so.99
lib/arch/pkgconfig/weir-bpf.pc
lib/arch/pkgconfig/weir.pc
share/bash-completion/completions/weir
share/man/man1/weir.1
share/man/man3/libweir.3
share/man/man7/weir-filter.7
share/man/man8/weir-attach.8
share/zsh/site-functions/_weir
LIST
is 'it installs these files' "$(sort "$work/expected")" "$(files)"
is 'everybody may read them' '' "$(find "$to" -type f ! -name other.h ! -name '*.99' ! -perm -444
    find "$to/share" "$to/bin" "$to/lib/arch/pkgconfig" -type d ! -perm -555)"
is 'the command and shared libraries may be run' '' "$(find "$to/bin" "$to"/lib/arch/lib*.so* -type f ! -name '*.99' ! -perm -555)"
for library in libweir libweir-bpf; do
    is "$library.so: its name for the linker" "$library.so.$major" \
        "$(readelf -d "$to/lib/arch/$library.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')"
    is "$library.so: links" "$library.so.$major $library.so.$version" \
        "$(readlink "$to/lib/arch/$library.so") $(readlink "$to/lib/arch/$library.so.$major")"
done
has 'weir.pc: the place' 'prefix=/opt/weir' "$to/lib/arch/pkgconfig/weir.pc"
is 'the installed command' "weir $version" "$("$to/bin/weir" --version 2>&1 | grep -o "^weir [0-9.]*")"

# Every function, structure, enumerator and option of the header has its place in the manual page.
page=docs/man/libweir.3
# shellcheck disable=SC2046
sed '/^#ifndef WEIR_WEIR_H/,/^#define WEIR_API$/d; s|/\*.*\*/||; s|//.*||; /^[[:space:]]*\/\?\*/d' compiler/include/weir/weir.h |
    grep -oE '\b(weir_[a-z_]+|WEIR_[A-Z0-9_]+)\b' | grep -vx 'WEIR_API' | sort -u >"$work/names"
sed -n '/^struct weir_options {/,/^};/s|^ *[a-z_0-9]\{1,\}.* \*\{0,1\}\([a-z_]*\);.*|\1|p' compiler/include/weir/weir.h |
    grep -vx size >>"$work/names"
tr -c 'A-Za-z0-9_' '\n' <$page | sort -u >"$work/page"
is "$page names all of weir.h" '' "$(grep -vxFf "$work/page" "$work/names" | tr '\n' ' ')"

# Programs outside the tree.
if ! command -v pkg-config >/dev/null; then
    skip 'programs against the installed copy' 'pkg-config is not installed'
elif [ -n "$(sanitizer_of "$build/libweir.a")" ]; then
    skip 'programs against the installed copy' 'the library is sanitized'
else
    # The packages of the system stay where they are: only ours is in the stage.
    export PKG_CONFIG_PATH=$work/pc
    mkdir "$work/pc" "$work/examples"
    for pc in weir weir-bpf; do
        sed "s|^prefix=|&$work/stage|" "$to/lib/arch/pkgconfig/$pc.pc" >"$work/pc/$pc.pc"
    done
    is 'pkg-config --modversion' "$version $version" "$(pkg-config --modversion weir weir-bpf | paste -sd' ')"

    awk -v dir="$work/examples" '
        /^\.Sh / { on = $2 == "EXAMPLES" }
        on && /^\.Bd -literal/ { file = dir "/" ++n ".c"; inside = 1; next }
        /^\.Ed/ { inside = 0 }
        on && inside { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\-/, "-"); print >file }
        on && /^\.Dl / { print substr($0, 5) >(dir "/" n ".expected") }' $page
    examples=$(find "$work/examples" -name '*.c' | wc -l)
    is "$page has examples" yes "$([ "$examples" -ge 3 ] && echo yes)"
    cat >"$work/examples/bpf.c" <<'C'
#include <stdio.h>
#include <weir/weir.h>
#include <weir/weir_bpf.h>

int main(void)
{
    static struct weir_bpf_error e;
    struct weir_bpf *p;

    if (weir_bpf_load("no object", 9, &p, &e) == 0)
        return 1;
    puts(e.message[0] ? weir_version() : "no message");
}
C
    echo "$version" >"$work/examples/bpf.expected"

    # builds NAME COMPILER FLAGS...: compiles an example outside the tree and compares what it prints
    builds() {
        local name=$1 compiler=$2 what
        shift 2
        what="$name, $compiler $HOW"
        if ! command -v "$compiler" >/dev/null; then
            skip "$what" "$compiler is not installed"
        elif ! (cd "$work/examples" && "$compiler" -std=gnu17 -Wall -Wextra -Werror "$name.c" -o "$name" "$@") 2>"$work/err"; then
            fail "$what" "$(head -20 "$work/err")"
        else
            is "$what" "$(cat "$work/examples/$name.expected")" "$(cd / && LD_LIBRARY_PATH=$LIBRARIES "$work/examples/$name" 2>&1)"
        fi
    }
    for compiler in gcc clang; do
        for name in $(seq "$examples"); do
            read -ra flags <<<"$(pkg-config --cflags --libs weir)"
            HOW=shared LIBRARIES=$to/lib/arch builds "$name" $compiler "${flags[@]}"
            read -ra flags <<<"$(pkg-config --static --cflags --libs weir)"
            HOW='all static' LIBRARIES= builds "$name" $compiler -static "${flags[@]}"
        done
        if pkg-config libbpf; then
            read -ra flags <<<"$(pkg-config --cflags --libs weir-bpf weir)"
            HOW=shared LIBRARIES=$to/lib/arch builds bpf $compiler "${flags[@]}"
            read -ra flags <<<"$(pkg-config --static --cflags --libs weir-bpf weir)"
            HOW='ours static' LIBRARIES= builds bpf $compiler -Wl,-Bstatic "${flags[@]}" -Wl,-Bdynamic
        else
            skip "weir-bpf, $compiler" 'libbpf has no pkg-config file here'
        fi
    done
fi

installs uninstall
is 'make uninstall' 0 $?
is 'it leaves what is of others' "include/weir/other.h lib/arch/libweir.so.99" "$(files | paste -sd' ')"
rm "$to/include/weir/other.h"
installs uninstall
is 'uninstalling twice' 0 $?
is 'the folder of the headers is gone' '' "$(find "$to/include" -name weir)"
finish
