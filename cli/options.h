/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/options.h - the command line: what was asked for, checked but not yet acted on. */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>

enum action { ACTION_COMPILE, ACTION_MATCH, ACTION_LINKTYPES, ACTION_HELP, ACTION_VERSION };

/* Forms of a program beside -d and -o. */
enum emit { EMIT_NONE, EMIT_C, EMIT_XTABLES, EMIT_TC };

/* Where names come from. */
enum resolve { RESOLVE_SYSTEM, RESOLVE_FILES, RESOLVE_NONE };

/* Strings belong to argv. */
struct options {
    enum action action;
    unsigned listing; /* how often -d was given */
    bool plain;       /* -O */
    bool allow_never, lint, no_warnings, json, dump_ir, live;
    bool count;        /* --count */
    bool cost, inputs; /* --cost, --inputs */
    uint32_t tune;     /* --tune: enum weir_tune */
    int64_t linktype;  /* -y: DLT_ number; -1 when not given */
    uint32_t snaplen;  /* -s; 0 when not given */
    uint32_t netmask;  /* --netmask; WEIR_NETMASK_UNKNOWN when not given */
    int savefile;      /* --savefile: enum weir_savefile; -1 when not given */
    uint32_t target;   /* -t: enum weir_target */
    uint64_t packets;  /* -c; 0 is all */
    enum resolve resolve;
    const char *names;              /* --names; NULL means /etc */
    const char *filter_file;        /* -F */
    const char *from_file;          /* --from: a program instead of a filter */
    const char *input, *output;     /* -r, -w */
    const char *interface;          /* -i */
    const char *program_file;       /* -o */
    const char *on_match, *on_miss; /* --on-match, --on-miss: names of actions, checked by actions.h */
    const char *function;           /* --name */
    int emit;                       /* --emit: enum emit */
    bool frags, direct, no_maps, no_counters, linked;
    uint32_t hook; /* --ingress, --egress: enum weir_hook */
    char **words;  /* the expression */
    int word_count;
    const char *called; /* the expression, in front of places; NULL: "filter" */
};

/** Fills @o. Returns EXIT_DONE, or EXIT_USAGE after saying what is wrong. */
int options_parse(int argc, char **argv, struct options *o);

/** The text of --help. */
void options_help(void);
#endif
