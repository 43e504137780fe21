/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/interface.c - what a live capture on an interface would look like. */
#include "interface.h"
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* DLT_ number of Linux cooked v2, which tcpdump prefers on the device `any`. */
#define LINUX_SLL2 276

int interface_describe(const char *name, struct weir_options *wo, char why[static PCAP_ERRBUF_SIZE])
{
    char ignored[PCAP_ERRBUF_SIZE];
    bpf_u_int32 net, mask;
    pcap_t *p = pcap_create(name, why);
    int status;

    if (!p)
        return -1;
    pcap_set_snaplen(p, (int)(wo->snaplen <= WEIR_SNAPLEN_DEFAULT ? wo->snaplen : WEIR_SNAPLEN_DEFAULT));
    status = pcap_activate(p);
    if (status < 0) {
        const char *gist = pcap_statustostr(status), *detail = pcap_geterr(p);
        bool more = *detail && strcmp(gist, detail) != 0;

        snprintf(why, PCAP_ERRBUF_SIZE, "%.120s%s%.120s", gist, more ? ": " : "", more ? detail : "");
        pcap_close(p);
        return -1;
    }
    if (!strcmp(name, "any"))
        (void)pcap_set_datalink(p, LINUX_SLL2);
    wo->linktype = (uint32_t)pcap_datalink(p);
    wo->live = 1;
    if (pcap_lookupnet(name, &net, &mask, ignored) == 0 && mask)
        wo->netmask = ntohl(mask);
    pcap_close(p);
    return 0;
}
