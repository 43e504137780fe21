/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/golden/test_linktypes.c - the example programs of the link-type reference: do they mean what ours
 * mean?
 *
 * spec/linktypes.md of the shared data lists, in its appendix A, optimized programs of the reference compiler
 * for each link type. Each must refine our plain program, and so must our optimized one. A row of
 * docs/differences.tsv excuses the packets of its condition; the name of a case is "linktypes:" and the
 * filter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/golden/claim.h"
#include "tests/golden/compile.h"
#include "tests/harness/differences.h"
#include "tests/harness/shared.h"
#include "tests/harness/tap.h"
#include "tests/prove/prove.h"

enum { ROWS_MAX = 64, LISTING_BYTES = 1 << 16 };

/* "ldh [12]; jeq #0x800 2 3; ret #0" as the lines that tcpdump -d prints. */
static const char *read_program(const char *text, size_t len, struct program *out)
{
    const char *end = text + len, *wrong = NULL;
    char *listing = malloc(LISTING_BYTES);
    static const char never[] = "error: always false"; /* only the optimizer refuses it */
    size_t used = 0;
    unsigned pc = 0;
    text += strspn(text, " ");
    if (strncmp(text, never, sizeof never - 1) == 0) {
        free(listing);
        return listing_parse("(000) ret #0\n", out);
    }
    while (listing && !wrong && text < end) {
        char insn[64], op[8], operand[32];
        unsigned jt, jf;
        size_t n = 0;
        text += strspn(text, " ");
        while (text < end && *text != ';' && n + 1 < sizeof insn)
            insn[n++] = *text++;
        insn[n] = '\0';
        text += text < end;
        if (sscanf(insn, "%7s %31s %u %u", op, operand, &jt, &jf) == 4 && op[0] == 'j')
            snprintf(insn, sizeof insn, "%s %s jt %u jf %u", op, operand, jt, jf);
        if (used + sizeof insn + 16 > LISTING_BYTES)
            wrong = "too long";
        else
            used += (size_t)snprintf(listing + used, LISTING_BYTES - used, "(%03u) %s\n", pc++, insn);
    }
    if (!listing)
        wrong = "out of memory";
    if (!wrong)
        wrong = listing_parse(listing, out);
    free(listing);
    return wrong;
}

static void run_case(const char *linktype, const char *filter, const char *text, size_t len,
                     const struct differences *d)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct program reference = {0}, plain = {0}, optimized = {0}, excuse[ROWS_MAX] = {{0}};
    struct prove_condition outside[ROWS_MAX];
    size_t conditions = 0;
    char why[512] = "", name[512];
    bool excused = false, ok = true;
    int64_t number = weir_linktype_by_name(linktype);
    snprintf(name, sizeof name, "linktypes:%s", filter);
    o.linktype = (uint32_t)number;
    o.optimize = 0;
    const char *wrong = number < 0 ? "no such link type" : read_program(text, len, &reference);
    for (size_t i = 0; !wrong && i < d->n && conditions < ROWS_MAX; i++) {
        if (!difference_matches(&d->row[i], name, linktype))
            continue;
        if (!d->row[i].condition)
            excused = true;
        else if (compile_program(d->row[i].condition, &o, &excuse[conditions], why, sizeof why) < 0)
            wrong = why;
        else {
            outside[conditions] =
                (struct prove_condition){excuse[conditions].at, excuse[conditions].n, false};
            conditions++;
        }
    }
    if (!wrong && compile_program(filter, &o, &plain, why, sizeof why) < 0)
        wrong = why;
    o.optimize = 1;
    if (!wrong && compile_program(filter, &o, &optimized, why, sizeof why) < 0)
        wrong = why;
    if (wrong) {
        /* Refusing what the reference compiles is a difference too. */
        tap_pending("%s", wrong);
        ok = excused && wrong == why;
    } else {
        if (!excused)
            ok = claim_holds("the reference refines plain", prove_refines, &plain, &reference, outside,
                             conditions);
        ok = claim_holds("optimized refines plain", prove_refines, &plain, &optimized, NULL, 0) && ok;
    }
    tap_ok(ok, "%s on %s", name, linktype);
    for (size_t i = 0; i < conditions; i++)
        program_free(&excuse[i]);
    program_free(&reference);
    program_free(&plain);
    program_free(&optimized);
}

/* A heading "#### A, B(104)": the program below it holds for each; a number in brackets is the DLT_ number.
 */
static void run_for_each(const char *names, const char *filter, const char *text, size_t len,
                         const struct differences *d)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", names);
    for (char *rest = copy, *name; (name = strtok_r(rest, ", ", &rest));) {
        char *number = strchr(name, '(');
        if (number) {
            name = number + 1;
            name[strcspn(name, ")")] = '\0';
        }
        run_case(name, filter, text, len, d);
    }
}

int main(void)
{
    struct differences d = {0};
    char *path = shared_path("spec/linktypes.md"), names[1024] = "", filter[256] = "";
    if (!path)
        return tap_skip_all(SHARED_ABSENT);
    char *text = read_file(path, NULL), *at = text ? strstr(text, "\n## Appendix A") : NULL;
    free(path);
    bool readable = tap_ok(at && differences_load("docs/differences.tsv", &d),
                           "the appendix and differences can be read");
    bool code = false;
    for (char *line = at, *next; readable && line && *line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        if (strncmp(line, "## Appendix B", 13) == 0)
            break;
        if (strncmp(line, "```", 3) == 0)
            code = !code;
        else if (strncmp(line, "#### ", 5) == 0)
            snprintf(names, sizeof names, "%.*s", (int)n - 5, line + 5);
        else if (code && n && *line != ' ') {
            /* The dagger and whatever else stands behind the filter are remarks. */
            snprintf(filter, sizeof filter, "%.*s", (int)n, line);
            for (char *c = filter; *c; c++)
                if ((unsigned char)*c >= 0x80 || *c == '(')
                    *c = '\0';
            for (size_t end = strlen(filter); end && filter[end - 1] == ' ';)
                filter[--end] = '\0';
        } else if (code && n && !strchr(filter, ',')) {
            /* "TYPE: filter" where the heading is not a link type; with a comma it needs more than a link
             * type. */
            char *colon = strstr(filter, ": ");
            if (colon)
                *colon = '\0';
            run_for_each(colon ? filter : names, colon ? colon + 2 : filter, line, n, &d);
        }
    }
    differences_free(&d);
    free(text);
    return tap_done();
}
