/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/differential/compare.h - one filter compiled in every way there is, and what they say about a packet.
 */
#ifndef WEIR_TESTS_DIFFERENTIAL_COMPARE_H
#define WEIR_TESTS_DIFFERENTIAL_COMPARE_H
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include "ir/ir.h"
#include "proto/linktype.h"
#include "tests/harness/differences.h"
#include "tests/harness/listing.h"
#include "vm/vm.h"
#include "weir/weir.h"

/* What a row of reference.tsv excuses. */
enum excuse {
    EXCUSE_ACCEPTS = 1, /* the installed libpcap compiles what we refuse */
    EXCUSE_REFUSES = 2, /* and the other way round */
    EXCUSE_DIFFERS = 4, /* verdicts */
    EXCUSE_SHORT = 8,   /* verdicts on packets where a load is out of range */
};

struct reference_row {
    unsigned excuse;
    const char *linktype;  /* fnmatch(3) */
    regex_t text;          /* see reference_subject() */
    const char *condition; /* NULL: always */
    const char *reason;
    uint64_t used;
};

/* Where the installed libpcap is known to differ from us: reference.tsv, and docs/differences.tsv. */
struct reference {
    struct reference_row *row;
    size_t n;
    char *text;
    struct differences differences;
};

/** False when a file cannot be read or a row is wrong, which stderr says. */
bool reference_load(const char *path, const char *differences, struct reference *out);
void reference_free(struct reference *r);

enum { CONDITIONS_MAX = 16 };

struct compiled {
    struct arena arena;
    const char *text;
    const struct linktype *lt;
    char name[32]; /* of the link type */
    struct weir_options o;
    int status;              /* of the plain compile */
    char why[300];           /* diagnostics, when negative */
    char reference_why[300]; /* libpcap's error; empty when it compiled */
    struct program plain, optimized, reference;
    struct ir_func plain_ir, optimized_ir;
    unsigned excuse;                          /* enum excuse, rows without a condition */
    struct program condition[CONDITIONS_MAX]; /* packets that are excused */
    uint32_t conditions;
    bool with_reference; /* verdicts are compared with the reference's */
};

/**
 * Compiles @text, which is borrowed. Returns NULL, or what is wrong about the compiles themselves (static
 * text): one refuses what the other takes, the optimizer refuses what -O takes, a function is not
 * well-formed. Always to be released.
 */
const char *compiled_make(struct compiled *c, const char *text, const struct linktype *lt,
                          const struct weir_options *o, struct reference *known);
void compiled_release(struct compiled *c);

struct verdicts {
    uint32_t plain, plain_ir, optimized, optimized_ir, reference;
    bool plain_fault, reference_fault, compared; /* with the reference */
};

/** All verdicts on @p. Returns NULL, or what is wrong (static text). */
const char *compiled_run(struct compiled *c, const struct packet *p, struct verdicts *v);
#endif
