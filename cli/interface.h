/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/interface.h - what a live capture on an interface would look like. */
#ifndef WEIR_CLI_INTERFACE_H
#define WEIR_CLI_INTERFACE_H
#include <pcap/pcap.h>
#include "weir/weir.h"

/**
 * Link type, netmask and metadata of a capture on interface @name, into @wo.
 * Returns 0, or -1 with the reason in @why. Opens the interface, which may need privileges; captures nothing.
 */
int interface_describe(const char *name, struct weir_options *wo, char why[static PCAP_ERRBUF_SIZE]);
#endif
