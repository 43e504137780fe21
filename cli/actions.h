/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/actions.h - what an eBPF program does with a packet, by name. */
#ifndef WEIR_CLI_ACTIONS_H
#define WEIR_CLI_ACTIONS_H
#include "options.h"
#include "weir/weir.h"

/**
 * Sets the actions of @wo from --on-match and --on-miss of @o, for target @wo->target. Where one of them is
 * given, or with @passes, packets of XDP and tc pass unless asked otherwise; else the target's own verdicts
 * stay. Returns EXIT_DONE, or EXIT_USAGE after saying what is wrong.
 */
int actions_set(const struct options *o, bool passes, struct weir_options *wo);
#endif
