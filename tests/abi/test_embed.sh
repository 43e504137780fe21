#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/abi/test_embed.sh - an installed libweir, used from outside the tree: by pkg-config, shared and static, with gcc,
# clang and musl; the headers alone in C11, C17 and C++17; and what uninstalling leaves behind.
. tests/cli/tap.sh
build=${weir%/weir}
if [ -n "$(sanitizer_of "$build/libweir.a")" ]; then
    echo '1..0 # SKIP the library is sanitized'
    exit 0
fi
root=$PWD
stage=$work/stage
export PKG_CONFIG_PATH=$stage/prefix/lib/pkgconfig

installs() { make --no-print-directory B="$build" PREFIX="$stage/prefix" LIBDIR="$stage/prefix/lib" "$@" >"$work/out" 2>&1; }
installs install
is 'make install' 0 $?
find "$stage" -mindepth 1 ! -type d | sed "s|$stage/prefix/||" | LC_ALL=C sort >"$work/installed"
for file in bin/weir include/weir/weir.h lib/libweir.a lib/libweir.so lib/libweir-pcap.so lib/pkgconfig/weir.pc \
    share/bash-completion/completions/weir share/zsh/site-functions/_weir share/man/man1/weir.1 share/man/man7/weir-filter.7; do
    has "$file is installed" "$file" "$work/installed"
done
"$stage/prefix/bin/weir" --version >"$work/out" 2>&1
has 'the installed command runs' "weir $(pkg-config --modversion weir)" "$work/out"

cp examples/embed.c "$work/embed.c"
cd "$work" || exit 2

# embeds NAME COMPILER FLAGS...: builds embed.c outside the tree and runs it
embeds() {
    local name=$1 compiler=$2
    shift 2
    command -v "$compiler" >/dev/null || {
        skip "$name" "$compiler is not installed"
        return
    }
    if ! "$compiler" -Wall -Wextra -Werror embed.c -o embed "$@" 2>err; then
        fail "$name" "$(cat err)"
    elif [ "$(LD_LIBRARY_PATH=$stage/prefix/lib ./embed 2>&1)" = match ]; then
        pass "$name"
    else
        fail "$name" "$(LD_LIBRARY_PATH=$stage/prefix/lib ./embed 2>&1)"
    fi
}
read -ra flags <<<"$(pkg-config --cflags --libs weir)"
read -ra static <<<"$(pkg-config --static --cflags --libs weir)"
for compiler in gcc clang; do
    embeds "$compiler, shared" $compiler "${flags[@]}"
    embeds "$compiler, libweir static" $compiler "${flags[@]/#-lweir/-l:libweir.a}"
    embeds "$compiler, all static" $compiler -static "${static[@]}"
done
ldd embed 2>&1 | grep -q 'not a dynamic' && pass 'a static program is one' || fail 'a static program is one' "$(ldd embed 2>&1)"

# What loads and attaches, with its own flags.
if pkg-config --exists weir-bpf; then
    read -ra flags <<<"$(pkg-config --cflags --libs weir-bpf weir)"
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        $compiler -Wall -Wextra -Werror "$root/examples/xdp_drop.c" -o xdp_drop "${flags[@]}" 2>err
        is "$compiler, libweir-bpf" 0 $?
        is "$compiler, libweir-bpf: it runs" 'usage:' "$(LD_LIBRARY_PATH=$stage/prefix/lib ./xdp_drop 2>&1 | grep -o '^usage:')"
    done
else
    fail 'libweir-bpf' "$(pkg-config --exists --print-errors weir-bpf 2>&1)"
fi

for standard in c11 c17; do
    echo '#include <weir/weir.h>' | gcc -std=$standard -Wall -Wextra -Wpedantic -Werror -I"$stage/prefix/include" -x c -fsyntax-only - 2>err
    is "weir.h alone, $standard" 0 $?
done
if command -v g++ >/dev/null; then
    echo '#include <weir/weir.h>' | g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$stage/prefix/include" -x c++ -fsyntax-only - 2>err
    is 'weir.h alone, c++17' 0 $?
else
    skip 'weir.h alone, c++17' 'g++ is not installed'
fi

# libweir itself with another C library: nothing of glibc's own in it
if command -v musl-gcc >/dev/null; then
    make --no-print-directory -C "$root" B="$work/musl" CC=musl-gcc CFLAGS=-O1 "$work/musl/libweir.a" >out 2>&1
    is 'libweir builds with musl' 0 $?
    grep -E 'error|warning' out | head -5 | sed 's/^/# /'
    embeds 'musl, static' musl-gcc -static -I"$stage/prefix/include" "$work/musl/libweir.a"
    embeds 'musl, dynamic' musl-gcc -I"$stage/prefix/include" "$work/musl/libweir.a"
else
    skip 'musl' 'musl-gcc is not installed'
fi

cd "$root" || exit 2
installs uninstall
is 'make uninstall' 0 $?
find "$stage" -mindepth 1 ! -type d >"$work/left"
empty 'uninstalling leaves nothing' "$work/left"
finish
