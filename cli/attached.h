/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/attached.h - what the commands attach, show and detach share: hooks by name, errors with their hints.
 */
#ifndef WEIR_CLI_ATTACHED_H
#define WEIR_CLI_ATTACHED_H
#include <stdbool.h>
#include <stdint.h>
#include "attach/weir_bpf.h"

/** "xdp", "tc ingress" or "tc egress". */
const char *attached_hook_name(uint32_t hook);

/** "native", "generic", ... or "" for tc. */
const char *attached_mode_name(uint32_t mode);

/** Says @e, its hint and the verifier's log. Returns EXIT_FAILED. */
int attached_say(bool json, const struct weir_bpf_error *e);

/** Prints @a as one line of JSON. */
void attached_print_json(const struct weir_bpf_attached *a);

/** Blocks or unblocks the signals that end a command, so that it is not ended in between. */
void attached_hold_signals(bool hold);
bool attached_signal_waits(void);
#endif
