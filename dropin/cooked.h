/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dropin/cooked.h - programs for Linux "cooked" captures, which libpcap rewrites when it installs them.
 *
 * The kernel never shows a cooked packet's link header to a filter. When libpcap installs a program on such a
 * handle it takes the header's length off every offset behind the header and replaces three offsets in it by
 * packet metadata, whatever width they were loaded with; at any other offset within the header it gives up
 * and runs the program itself, on packets that have the header.
 */
#ifndef WEIR_DROPIN_COOKED_H
#define WEIR_DROPIN_COOKED_H
#include <stdbool.h>
#include <stddef.h>
#include "weir/weir.h"

/* Instructions that cooked_keep_out_of_kernel() adds. */
#define COOKED_EXTRA 2

/**
 * Would the rewritten program mean something else than @code? False for link types that are not cooked, and
 * for programs that ask for metadata, which only the kernel has.
 */
bool cooked_breaks(uint32_t linktype, const struct weir_cbpf_insn *code, size_t count);

/**
 * Writes behind a program's end what nothing reaches and makes libpcap give up rewriting, so that it runs the
 * program itself. Returns COOKED_EXTRA.
 */
size_t cooked_keep_out_of_kernel(struct weir_cbpf_insn *end);
#endif
