/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/libpcap.h - libpcap's own functions, where this library stands in front of them. */
#ifndef WEIR_DROPIN_LIBPCAP_H
#define WEIR_DROPIN_LIBPCAP_H

/** The next function called @name behind this library's own; it is there: libpcap is linked. */
void (*libpcap_own(const char *name))(void);

#define LIBPCAP(name) ((__typeof__(&(name)))libpcap_own(#name))
#endif
