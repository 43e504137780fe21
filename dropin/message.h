/* SPDX-License-Identifier: BSD-2-Clause */
/* dropin/message.h - what is wrong with a filter, in the words that libpcap's callers get. */
#ifndef WEIR_DROPIN_MESSAGE_H
#define WEIR_DROPIN_MESSAGE_H
#include "dropin/error.h"
struct weir;

/**
 * The errors of the last compile of @text in @cx, which ended with @status, a line for each and the first one
 * first, as `filter:1:14: error[E0312]: 'port' takes a port, not an address; write 'host 10.0.0.1'`. What
 * does not fit is left out.
 */
void message_of_compile(const struct weir *cx, const char *text, int status, char to[static ERROR_BYTES]);
#endif
