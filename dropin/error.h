/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dropin/error.h - the last error of a handle, whoever made it, in its full length.
 *
 * libpcap keeps a handle's error in the handle, in PCAP_ERRBUF_SIZE bytes, and so do we: what fits there is
 * nowhere else. Of a longer text its beginning goes there and the whole is kept beside it, until
 * pcap_close(). As long as the handle has that beginning nobody has written since, and pcap_geterr() gives
 * the whole.
 */
#ifndef WEIR_DROPIN_ERROR_H
#define WEIR_DROPIN_ERROR_H
#include <pcap/pcap.h>

/* The longest text, with its NUL: some tens of errors of one filter. */
#define ERROR_BYTES 4096

/** @text becomes what pcap_geterr(@p) and pcap_perror() give. Without memory for a long one, its beginning
 * does. */
void error_set(pcap_t *p, const char *text);
#endif
