/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/message.h - what is wrong with a filter, in the one short line that libpcap's callers expect. */
#ifndef WEIR_DROPIN_MESSAGE_H
#define WEIR_DROPIN_MESSAGE_H
#include <pcap/pcap.h>
struct weir;

/** The first error of the last compile of @text in @cx, which ended with @status, as
 *  `filter:1:14: error[E0312]: 'port' takes a port, not an address; write 'host 10.0.0.1'`. */
void message_of_compile(const struct weir *cx, const char *text, int status,
                        char to[static PCAP_ERRBUF_SIZE]);
#endif
