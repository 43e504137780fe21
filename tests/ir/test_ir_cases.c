/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/test_ir_cases.c - IR functions in text files: what the verifier says, what packets make of them.
 *
 * Every *.ir file in tests/ir holds cases, each begun by a line `; case NAME`. Lines of a case that begin
 * with one of these words behind `; ` are directions, all other comments are for people:
 *
 *   verify MESSAGE            the verifier's answer; without this line it must find nothing
 *   parse LINE MESSAGE        the parser's error, in lines of the case, which begins behind `; case`
 *   free                      the text is not as ir_print() writes it (else it must be, comments apart)
 *   run HEX [len=N] [MEMBER=N ...] [in=SET/HEX ...] -> VERDICT
 *                             HEX may be - for no bytes; MEMBER: of struct weir_metadata; in: a member of a
 * set, all of its bytes; VERDICT is accept, reject, fault (a guard), or another number that is returned
 */
#include "tests/ir/cases.h"
#include "vm/vm.h"

static uint32_t setting(const char *text, const char *name, uint32_t otherwise)
{
    const char *at = strstr(text, name);

    return at ? (uint32_t)strtoul(at + strlen(name), NULL, 0) : otherwise;
}

/* Whether the direction @user says in=SET/HEX of these. */
static bool says_in(const void *user, const struct ir_set *set, enum ir_op op, const uint8_t *key)
{
    const struct ir_node lookup = {.op = (uint8_t)op};
    char want[80];
    int at = snprintf(want, sizeof want, " in=%s/", set->name);

    for (unsigned i = 0; i < ir_read_bytes(&lookup); i++)
        at += snprintf(want + at, sizeof want - (size_t)at, "%02x", key[i]);
    snprintf(want + at, sizeof want - (size_t)at, " ");
    return strstr(user, want) != NULL;
}

/* One `run` direction; NULL or what went wrong. */
static const char *run(const struct ir_func *f, const char *text, struct arena *a)
{
    uint8_t bytes[256];
    struct packet p = {.bytes = bytes};
    const char *at = text, *arrow = strstr(text, "-> ");
    unsigned byte;
    bool fault;

    while (p.caplen < sizeof bytes && sscanf(at, "%2x", &byte) == 1) {
        bytes[p.caplen++] = (uint8_t)byte;
        at += 2;
    }
    if (!arrow)
        return "a run has no verdict";
    p.wirelen = setting(text, "len=", p.caplen);
    for (const struct ir_meta_row *row = ir_meta_next(NULL); row; row = ir_meta_next(row)) {
        char name[20];
        snprintf(name, sizeof name, " %s=", row->member);
        uint32_t value = setting(text, name, 0);
        memcpy((char *)&p.meta + row->at, &value, sizeof value);
    }
    const struct packet_sets sets = {says_in, text};
    uint32_t v = ir_eval_sets(f, &p, &sets, a, &fault);
    const char *got = v == f->accept ? "accept" : v ? "another number" : fault ? "fault" : "reject";
    if (v && v != f->accept && strtoul(arrow + 3, NULL, 0) == v)
        return NULL;
    return strcmp(arrow + 3, got) == 0 ? NULL : got;
}

static void one_case(const char *file, const char *name, char *text)
{
    struct arena a;
    struct ir_func f;
    struct strbuf one, two;
    const char *message = NULL, *want_verify = NULL, *want_parse = NULL;
    uint32_t line = 0, where = 0;
    bool free_form = false, fine = true;
    char *lines = strdup(text), *plain = malloc(strlen(text) + 2), problem[1000] = "";

    arena_init(&a, &allocator_system, (size_t)1 << 28);
    strbuf_init(&one, &allocator_system);
    strbuf_init(&two, &allocator_system);
    int status = ir_parse(&a, text, strlen(text), &f, &message, &line);
    const char *wrong = status ? NULL : ir_verify(&f, &a, &where);
    for (char *l = strtok(lines, "\n"); l; l = strtok(NULL, "\n")) {
        const char *rest;
        if ((rest = case_after(l, "verify")))
            want_verify = rest;
        else if ((rest = case_after(l, "parse")))
            want_parse = rest;
        else if (case_after(l, "free"))
            free_form = true;
        else if ((rest = case_after(l, "run")) && !status && !wrong) {
            const char *got = run(&f, rest, &a);
            if (got) {
                snprintf(problem, sizeof problem, "%s: %s", rest, got);
                fine = false;
            }
        }
    }
    if (want_parse) {
        char got[200];
        snprintf(got, sizeof got, "%u %s", line, message ? message : "");
        if (status != WEIR_E_FILTER || strcmp(got, want_parse) != 0) {
            snprintf(problem, sizeof problem, "parsing: %s", got);
            fine = false;
        }
    } else if (status) {
        snprintf(problem, sizeof problem, "line %u: %s", line, message ? message : "memory");
        fine = false;
    } else if ((want_verify ? !wrong || strcmp(wrong, want_verify) != 0 : wrong != NULL)) {
        snprintf(problem, sizeof problem, "the verifier says, of b%u: %s", where, wrong ? wrong : "nothing");
        fine = false;
    }
    if (!status && fine) {
        struct ir_func again;
        ir_print(&f, &one);
        case_canonical(text, plain);
        if (!free_form && strcmp(one.text, plain) != 0) {
            snprintf(problem, sizeof problem, "it prints as\n%s", one.text);
            fine = false;
        }
        if (ir_parse(&a, one.text, one.len, &again, &message, &line)) {
            snprintf(problem, sizeof problem, "its print does not parse: line %u: %s", line, message);
            fine = false;
        } else {
            ir_print(&again, &two);
            fine = fine && strcmp(one.text, two.text) == 0;
        }
    }
    if (!tap_ok(fine, "%s: %s", file, name))
        tap_diag("%s", problem);
    strbuf_release(&one);
    strbuf_release(&two);
    arena_release(&a);
    free(lines);
    free(plain);
}

int main(void)
{
    case_each("tests/ir", one_case);
    return tap_done();
}
