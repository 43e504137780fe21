/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/tap.h - test results as TAP (Test Anything Protocol) on stdout.
 *
 * A program reports each test with tap_ok() or tap_skip() and returns tap_done() from main(). The plan is
 * printed first when tap_plan() is called, else at the end. Names and details are one line each: line breaks
 * in a detail become lines of their own.
 */
#ifndef WEIR_TESTS_HARNESS_TAP_H
#define WEIR_TESTS_HARNESS_TAP_H
#include <stdbool.h>
#include <stddef.h>

/** Announces how many tests follow. Optional, and first. */
void tap_plan(unsigned n);

/** One test called @format; returns @ok, so that details can follow a failure. */
bool tap_ok(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** One test that could not be made. */
void tap_skip(const char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Details of the last test: each line with a "# " in front. */
void tap_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Details of the next test, found before its result is known: shown behind it, if it fails. */
void tap_pending(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Prints the plan if it is still missing; the exit status for main(). */
int tap_done(void);

/** Instead of all tests: a plan of none with its reason; the exit status for main(). */
int tap_skip_all(const char *reason);
#endif
