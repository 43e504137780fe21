/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/members.h - members of a named set as they are written: words, or lines of a file. */
#ifndef WEIR_CLI_MEMBERS_H
#define WEIR_CLI_MEMBERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "attach/weir_bpf.h"

struct members {
    struct weir_bpf_member *at;
    size_t n, cap;
};

/** Appends the member of a set of @kind that @word spells. Returns an exit status; what is wrong was said. */
int members_add_word(struct members *m, bool json, uint32_t kind, const char *word);

/** Appends those of the file @path (- is stdin): words between blanks and line ends, `#` begins a comment. */
int members_add_file(struct members *m, bool json, uint32_t kind, const char *path);

void members_free(struct members *m);
#endif
