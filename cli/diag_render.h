/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/diag_render.h - diagnostics as people see them: place, source line and what is underlined. */
#ifndef WEIR_CLI_DIAG_RENDER_H
#define WEIR_CLI_DIAG_RENDER_H
#include <stdbool.h>
#include <stdio.h>

struct filter_text;
struct weir_diagnostic;

struct diag_style {
    bool json; /* one object a line instead */
    bool colour;
    bool placed;     /* false: the diagnostic is not about a place in the text */
    bool as_warning; /* an error that was allowed */
};

/*
 *  filter:1:14: error[E0312]: 'port' takes a port, not an address
 *    udp and port 10.0.0.1
 *            ~~~~ ^^^^^^^^
 *    hint: write 'host 10.0.0.1'
 *
 * Lines and columns count from 1, columns in bytes. Tabs stay tabs, so that the marks line up; a long line is
 * shown around the culprit only.
 */
void diag_render(FILE *f, const struct filter_text *t, const struct weir_diagnostic *d,
                 struct diag_style style);
#endif
