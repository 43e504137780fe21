#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tests/cli/test_completions.sh - the shells' completions: the words of the language, and what is offered where.
. tests/cli/tap.sh
sed -n 's/^KEYWORD("\([^"]*\)".*/\1/p' grammar/keywords.def | LC_ALL=C sort -u >"$work/words"
for file in completions/weir.bash completions/_weir; do
    sed -n '/^_weir_words=/,/^["(]*[")]$/p' "$file" | sed '1d;$d' | tr -s ' \n' '\n' | sed '/^$/d' | LC_ALL=C sort -u >"$work/here"
    same "$file has the words of keywords.def" "$work/words" "$work/here"
done

# offers WORDS...: what bash completes the last of WORDS to
offers() {
    PATH=${weir%/*}:$PATH bash -c '. completions/weir.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$@" | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'
}
is 'a word of the language' 'icmp icmp-echo icmp-echoreply' "$(offers weir tcp or icm | tr ' ' '\n' | grep -E '^icmp(-echo(reply)?)?$' | tr '\n' ' ' | sed 's/ $//')"
is 'a command' 'attach' "$(offers weir atta)"
is 'not behind the first word' '' "$(offers weir tcp atta)"
is 'a link type, in any case' 'EN10MB' "$(offers weir -y en10)"
is 'an option' '--resolve' "$(offers weir --reso)"
is 'what an option takes' 'files' "$(offers weir --resolve f)"
is 'a file' 'README.md' "$(offers weir -r READ)"
is 'a program that is read' 'README.md' "$(offers weir --from READ)"
# Every option that the command takes is offered.
"$weir" --help | grep -oE -- '--[a-z][a-z-]+' | LC_ALL=C sort -u >"$work/want"
printf '%s\n' "$(offers weir -- | tr ' ' '\n')" >"$work/got"
same 'every long option' "$work/want" "$work/got"
# What the manual pages list is what --help tells.
sed -n 's/^\.It \(Fl -.*\)/\1/p; s/^\.Op \(Fl -.*\)/\1/p' docs/man/weir.1 docs/man/weir-attach.8 | grep -oE -- '-[a-z][a-z-]+' | grep -vx -- '-d*' |
    sed 's/^/-/' | LC_ALL=C sort -u >"$work/manual"
is 'nothing is missing in --help' '' "$(LC_ALL=C comm -23 "$work/manual" "$work/want" | tr '\n' ' ')"

if command -v zsh >/dev/null; then
    # compadd outside a completion widget is an error: a stand-in tells what would have been offered.
    zshes() {
        PATH=${weir%/*}:$PATH zsh -f -c 'compadd() { local a; for a; do [[ $a == -a ]] && { print -l -- ${(P)@[-1]}; return; }; done; print -l -- ${@:#-*}; }
            _files() { print -r -- FILES; }
            words=("$@"); CURRENT=$#; . completions/_weir' zsh "$@" 2>&1
    }
    zshes weir tcp x | LC_ALL=C sort -u >"$work/got"
    same 'zsh: the words of the language' "$work/words" "$work/got"
    is 'zsh: what an option takes' 'swapped unswapped' "$(zshes weir --savefile '' | tr '\n' ' ' | sed 's/ $//')"
    is 'zsh: a file' FILES "$(zshes weir -r '')"
    is 'zsh: a link type' EN10MB "$(zshes weir -y en | grep -x EN10MB)"
else
    skip 'zsh' 'zsh is not installed'
fi
finish
