# SPDX-License-Identifier: BSD-2-Clause
# completions/weir.bash - bash completion of the weir command: options, link types, interfaces and the words of filters.
#
# Options come from the command itself. The words are those of grammar/keywords.def: a test compares them.

_weir_words="
    aarp action addr1 addr2 addr3 addr4 address1 address2 address3 address4 ah and arp atalk bcc broadcast byte carp
    clnp connectmsg csnp decnet dir direction dpc dst es-is esis esp ether fddi fisu gateway geneve greater hdpc hfisu
    hlssu hmsu hopc host hsio hsls icmp icmp-echo icmp-echoreply icmp-ireq icmp-ireqreply icmp-maskreply icmp-maskreq
    icmp-paramprob icmp-redirect icmp-routeradvert icmp-routersolicit icmp-sourcequench icmp-timxceed icmp-tstamp
    icmp-tstampreply icmp-unreach icmp6 icmp6-certpathadvert icmp6-certpathsolicit icmp6-destinationunreach icmp6-echo
    icmp6-echoreply icmp6-homeagentdiscoveryreply icmp6-homeagentdiscoveryrequest icmp6-ineighbordiscoveryadvert
    icmp6-ineighbordiscoverysolicit icmp6-mobileprefixadvert icmp6-mobileprefixsolicit icmp6-multicastlistenerdone
    icmp6-multicastlistenerquery icmp6-multicastlistenerreportv1 icmp6-multicastlistenerreportv2
    icmp6-multicastrouteradvert icmp6-multicastroutersolicit icmp6-multicastrouterterm icmp6-neighboradvert
    icmp6-neighborsolicit icmp6-nodeinformationquery icmp6-nodeinformationresponse icmp6-packettoobig
    icmp6-parameterproblem icmp6-redirect icmp6-routeradvert icmp6-routerrenum icmp6-routersolicit icmp6-timeexceeded
    icmp6code icmp6type icmpcode icmptype ifindex ifname igmp igrp iih ilmic inbound ip ip6 ipx is-is isis iso l1 l2
    lane lat len length less link llc lsp lssu lsu mask metac metaconnect mopdl moprc mpls msu multicast net netbeui not
    oam oamf4 oamf4ec oamf4sc on opc or outbound pim port portrange ppp pppoed pppoes proto protochain psnp ra radio
    rarp reason rnr rset rulenum ruleset sc sca sctp sio slip sls snp src srnr stp subrulenum subtype ta tcp tcp-ack
    tcp-cwr tcp-ece tcp-fin tcp-push tcp-rst tcp-syn tcp-urg tcpflags tr type udp vci vlan vpi vrrp vxlan wlan
"

_weir() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} weir=${COMP_WORDS[0]}

    case $prev in
    -y) mapfile -t COMPREPLY < <(compgen -W "$("$weir" -L 2>/dev/null | awk '$2 != "-" {print $2}')" -- "${cur^^}") ;;
    -i | xdp | tc) mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net 2>/dev/null)" -- "$cur") ;;
    -r | -w | -F | -o | --from) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    --names) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    -t) mapfile -t COMPREPLY < <(compgen -W 'cbpf xdp tc socket cgroup func' -- "$cur") ;;
    --emit) mapfile -t COMPREPLY < <(compgen -W 'c xtables tc' -- "$cur") ;;
    --on-match | --on-miss) mapfile -t COMPREPLY < <(compgen -W 'pass ok drop tx aborted' -- "$cur") ;;
    --resolve) mapfile -t COMPREPLY < <(compgen -W 'system files none' -- "$cur") ;;
    --savefile) mapfile -t COMPREPLY < <(compgen -W 'swapped unswapped' -- "$cur") ;;
    --tune) mapfile -t COMPREPLY < <(compgen -W 'speed size kernel' -- "$cur") ;;
    --mode) mapfile -t COMPREPLY < <(compgen -W 'native generic auto' -- "$cur") ;;
    set) mapfile -t COMPREPLY < <(compgen -W 'add del list' -- "$cur") ;;
    attach | detach) mapfile -t COMPREPLY < <(compgen -W 'xdp tc' -- "$cur") ;;
    -s | -c | --netmask | --name | --pin | --program) COMPREPLY=() ;;
    *)
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$("$weir" --help 2>/dev/null | grep -oE '(^|[][ ;|,=(])--?[a-zA-Z][a-z-]*' |
                grep -oE -- '--?[a-zA-Z].*' | sort -u)" -- "$cur")
        elif [[ $COMP_CWORD == 1 ]]; then
            mapfile -t COMPREPLY < <(compgen -W "attach detach show set diff $_weir_words" -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -W "$_weir_words" -- "$cur")
        fi
        ;;
    esac
}
complete -o default -F _weir weir
