/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/savefile.h - capture files: opened for reading with the precision they were written with. */
#ifndef WEIR_CLI_SAVEFILE_H
#define WEIR_CLI_SAVEFILE_H
#include <pcap/pcap.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "weir/weir.h"

struct savefile {
    pcap_t *pcap;
    struct stat st; /* of the file, to recognise it */
};

/**
 * Opens @path ("-" is stdin), pcap or pcapng. Time stamps finer than microseconds are kept as nanoseconds.
 * Returns 0, or -1 with the reason in @why.
 */
int savefile_open(struct savefile *s, const char *path, char why[static PCAP_ERRBUF_SIZE]);

/** Link type, snapshot length and byte order of the file. */
void savefile_describe(const struct savefile *s, struct weir_options *wo);

/** True when @path is the file that is being read (and a regular one). */
bool savefile_is(const struct savefile *s, const char *path);

void savefile_close(struct savefile *s);
#endif
