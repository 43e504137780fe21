/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/read.c - classic programs as text, read back.
 *
 * Two readers: one for numbers, whatever separates them, and one for instructions in words, which takes the
 * listings of tcpdump -d and the assembly of the kernel's bpf_asm. Targets of jumps are kept as text until
 * all labels are known.
 */
#include <stdlib.h>
#include <string.h>
#include "backends/cbpf/cbpf.h"
#include "backends/cbpf/opcode.h"
#include "backends/cbpf/spelling.h"

/* A jump's targets, as written; an empty one is the instruction behind. */
struct jump {
    uint32_t at;
    struct span yes, no;
};

struct label {
    const char *name;
    uint32_t len, at;
};

struct reader {
    const char *text;
    uint32_t at, end; /* of the text, or of the line that is read */
    struct diag_sink *sink;
    struct arena *arena;
    struct cbpf_code *out;
    VEC(struct jump) jumps;
    VEC(struct label) labels;
};

/* An operand, and where it is written. */
struct operand {
    enum operand_form form;
    uint32_t k;
    struct span at;
};

/* Other words for instructions, as bpf_asm knows them. */
static const struct alias {
    const char *word, *real;
    bool negated;
} aliases[] = {
    {"jmp", "ja", false}, {"jne", "jeq", true}, {"jneq", "jeq", true},  {"jlt", "jge", true},
    {"jle", "jgt", true}, {"ldi", "ld", false}, {"ldxi", "ldx", false},
};

/* How much of it a message quotes. */
static int quoted(struct span at)
{
    return at.end - at.begin < 40 ? (int)(at.end - at.begin) : 40;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Leaves out @these characters. False at the end. */
static bool skip(struct reader *r, const char *these)
{
    while (r->at < r->end && r->text[r->at] && strchr(these, r->text[r->at]))
        r->at++;
    return r->at < r->end;
}

/* The text from here up to the next separator; at least one byte unless at the end. */
static struct span token(const struct reader *r, const char *separators)
{
    struct span s = {r->at, r->at};

    while (s.end < r->end && r->text[s.end] && !strchr(separators, r->text[s.end]))
        s.end++;
    if (s.end == s.begin && s.end < r->end)
        s.end++;
    return s;
}

static int fail(struct reader *r, enum diag_id id, struct span at)
{
    diag(r->sink, id, (struct diag_at){.at = at}, quoted(at), r->text + at.begin);
    return WEIR_E_FILTER;
}

/* A decimal or hexadecimal number, perhaps negative, at the cursor, which goes behind it. */
static bool number(struct reader *r, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    uint32_t at = r->at, digits;
    unsigned base = 10;
    bool negative = at < r->end && r->text[at] == '-';

    at += negative;
    if (r->end - at > 2 && r->text[at] == '0' && (r->text[at + 1] | 0x20) == 'x') {
        base = 16;
        at += 2;
    }
    for (digits = at; at < r->end; at++) {
        char c = r->text[at];
        unsigned digit = c >= '0' && c <= '9'                     ? (unsigned)(c - '0')
                         : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (unsigned)((c | 0x20) - 'a' + 10)
                                                                  : 99;
        if (digit >= base)
            break;
        value = value * base + digit;
        if (value > UINT32_MAX)
            return false;
    }
    if (at == digits || (at < r->end && is_word(r->text[at])) ||
        (negative ? value > (uint64_t)INT32_MAX + 1 : value > max))
        return false;
    *out = negative ? 0 - (uint32_t)value : (uint32_t)value;
    r->at = at;
    return !negative || max == UINT32_MAX;
}

static bool push(struct reader *r, struct weir_cbpf_insn in, struct span at)
{
    return vec_push(r->arena, &r->out->insn, in) && vec_push(r->arena, &r->out->at, at);
}

/* ------------------------------------------------------------------ numbers */

static int read_numbers(struct reader *r, bool counted)
{
    static const uint32_t max[4] = {UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX};
    static const char separators[] = " \t\r\n,{};";
    uint32_t field[4] = {0}, fields = 0, announced = 0;
    struct span first = {0, 0}, all = {0, 0};

    if (counted) {
        skip(r, separators);
        first = token(r, separators);
        if (!number(r, UINT32_MAX, &announced))
            return fail(r, DIAG_RAW_NUMBER, first);
    }
    while (skip(r, separators)) {
        struct span here = token(r, separators);

        if (!number(r, max[fields], &field[fields]))
            return fail(r, DIAG_RAW_NUMBER, here);
        all = fields ? span_join(all, here) : here;
        if (++fields < 4)
            continue;
        struct weir_cbpf_insn in = {(uint16_t)field[0], (uint8_t)field[1], (uint8_t)field[2], field[3]};
        if (!push(r, in, all))
            return WEIR_E_MEMORY;
        fields = 0;
    }
    if (fields) {
        diag(r->sink, DIAG_RAW_CUT_OFF, (struct diag_at){.at = {r->end, r->end}}, 4 - fields);
        return WEIR_E_FILTER;
    }
    if (counted && announced != r->out->insn.n) {
        diag(r->sink, DIAG_RAW_COUNT, (struct diag_at){.at = first}, announced, r->out->insn.n);
        return WEIR_E_FILTER;
    }
    return WEIR_OK;
}

/* -------------------------------------------------------------------- words */

static struct span word_here(const struct reader *r)
{
    struct span s = {r->at, r->at};

    while (s.end < r->end && is_word(r->text[s.end]))
        s.end++;
    return s;
}

static bool word_is(const struct reader *r, struct span s, const char *word)
{
    return s.end - s.begin == strlen(word) && !memcmp(r->text + s.begin, word, s.end - s.begin);
}

static bool take(struct reader *r, char c)
{
    skip(r, " \t");
    if (r->at == r->end || r->text[r->at] != c)
        return false;
    r->at++;
    return true;
}

static bool take_index(struct reader *r)
{
    uint32_t before = r->at;
    struct span s;

    if (r->at < r->end && r->text[r->at] == '%')
        r->at++;
    s = word_here(r);
    r->at = s.end;
    if (word_is(r, s, "x"))
        return true;
    r->at = before;
    return false;
}

/* The name of metadata, or the packet's length. */
static bool named(struct reader *r, struct operand *o)
{
    struct span s = word_here(r);

    if (word_is(r, s, "pktlen") || word_is(r, s, "len"))
        o->form = OPERAND_LENGTH;
    else if (spelling_metadata_by_name(r->text + s.begin, s.end - s.begin, &o->k))
        o->form = OPERAND_ABSOLUTE;
    else
        return false;
    r->at = s.end;
    return true;
}

/* Behind `[`. */
static bool bracketed(struct reader *r, struct operand *o)
{
    skip(r, " \t");
    if (take_index(r)) {
        o->form = OPERAND_INDIRECT;
        if (take(r, ']'))
            return true;
        if (!take(r, '+'))
            return false;
        skip(r, " \t");
        return number(r, UINT32_MAX, &o->k) && take(r, ']');
    }
    o->form = OPERAND_ABSOLUTE;
    return (named(r, o) || number(r, UINT32_MAX, &o->k)) && take(r, ']');
}

/* 4*([k]&0xf), behind the 4. */
static bool nibble(struct reader *r, struct operand *o)
{
    uint32_t mask;

    o->form = OPERAND_NIBBLE;
    if (!take(r, '*') || !take(r, '(') || !take(r, '[') || !number(r, UINT32_MAX, &o->k) || !take(r, ']') ||
        !take(r, '&'))
        return false;
    skip(r, " \t");
    return number(r, UINT32_MAX, &mask) && mask == 15 && take(r, ')');
}

/* False: there is something, and it is no operand. A jump's target stays where it is, as @o->at. */
static bool read_operand(struct reader *r, struct operand *o)
{
    *o = (struct operand){.form = OPERAND_NOTHING, .at = {r->at, r->at}};
    if (!skip(r, " \t"))
        return true;
    o->at = token(r, ",");
    if (take(r, '#')) {
        o->form = OPERAND_HEX;
        return number(r, UINT32_MAX, &o->k) || named(r, o);
    }
    if (take(r, '['))
        return bracketed(r, o);
    if (r->end - r->at > 1 && r->text[r->at] == 'M' && r->text[r->at + 1] == '[') {
        r->at += 2;
        o->form = OPERAND_CELL;
        return number(r, UINT32_MAX, &o->k) && take(r, ']');
    }
    if (r->end - r->at > 1 && r->text[r->at] == '4' && strchr("* \t", r->text[r->at + 1])) {
        r->at++;
        return nibble(r, o);
    }
    if (take_index(r)) {
        o->form = OPERAND_INDEX;
        return true;
    }
    if (named(r, o))
        return true;
    if (r->text[r->at] == '%')
        r->at++;
    o->at = word_here(r);
    r->at = o->at.end;
    o->form = word_is(r, o->at, "a") ? OPERAND_NOTHING : OPERAND_TARGET;
    return o->at.end > o->at.begin;
}

/* `jt 3 jf 5` or `, yes, no`; what is not there stays empty. */
static void read_targets(struct reader *r, struct jump *j)
{
    for (int i = 0; i < 2; i++) {
        struct span *to = i ? &j->no : &j->yes;

        if (!take(r, ',')) {
            struct span s = word_here(r);

            if (!word_is(r, s, i ? "jf" : "jt"))
                return;
            r->at = s.end;
        }
        skip(r, " \t");
        *to = word_here(r);
        r->at = to->end;
    }
}

static int read_instruction(struct reader *r, struct span word)
{
    const char *name = r->text + word.begin;
    size_t len = word.end - word.begin;
    struct jump j = {.at = r->out->insn.n};
    struct operand o;
    bool negated = false;

    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (word_is(r, word, aliases[i].word)) {
            name = aliases[i].real;
            len = strlen(name);
            negated = aliases[i].negated;
        }
    if (!read_operand(r, &o)) {
        diag(r->sink, DIAG_RAW_OPERAND, (struct diag_at){.at = o.at, .also = word}, quoted(word),
             r->text + word.begin, quoted(o.at), r->text + o.at.begin);
        return WEIR_E_FILTER;
    }
    if (o.form == OPERAND_NIBBLE && word_is(r, word, "ldx")) {
        name = "ldxb";
        len = 4;
    }
    const struct spelling *s = spelling_by_word(name, len, o.form);
    if (!s) {
        bool known = false;
        for (int form = OPERAND_NOTHING; form <= OPERAND_TARGET; form++)
            known = known || spelling_by_word(name, len, (enum operand_form)form);
        if (!known)
            return fail(r, DIAG_RAW_WORD, word);
        diag(r->sink, DIAG_RAW_OPERAND, (struct diag_at){.at = o.at, .also = word}, quoted(word),
             r->text + word.begin, quoted(o.at), r->text + o.at.begin);
        return WEIR_E_FILTER;
    }
    struct weir_cbpf_insn in = {s->code, 0, 0, o.k};
    if (s->form == OPERAND_TARGET)
        j.yes = o.at;
    else if ((s->code & CB_CLASS) == CB_JMP)
        read_targets(r, &j);
    if (negated) {
        struct span yes = j.yes;
        j.yes = j.no;
        j.no = yes;
    }
    struct span all = {word.begin, r->at};
    if (skip(r, " \t"))
        return fail(r, DIAG_RAW_WORD, token(r, " \t"));
    if ((s->code & CB_CLASS) == CB_JMP && !vec_push(r->arena, &r->jumps, j))
        return WEIR_E_MEMORY;
    return push(r, in, all) ? WEIR_OK : WEIR_E_MEMORY;
}

static int read_line(struct reader *r)
{
    while (skip(r, " \t\r")) {
        struct span word;
        uint32_t index;

        if (r->text[r->at] == '(') { /* (012), which counts the instructions of a listing */
            struct span here = token(r, ")");

            r->at++;
            if (!number(r, UINT32_MAX, &index) || index != r->out->insn.n || !take(r, ')'))
                return fail(r, DIAG_RAW_NUMBER, here);
            continue;
        }
        word = word_here(r);
        if (word.begin == word.end)
            return fail(r, DIAG_RAW_WORD, token(r, " \t"));
        r->at = word.end;
        if (!take(r, ':'))
            return read_instruction(r, word);
        struct label l = {r->text + word.begin, word.end - word.begin, r->out->insn.n};
        if (!vec_push(r->arena, &r->labels, l))
            return WEIR_E_MEMORY;
    }
    return WEIR_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    uint32_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->name, y->name, len);

    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* How far ahead of the instruction behind @j its target is. */
static int distance(struct reader *r, const struct jump *j, struct span to, uint32_t max, uint32_t *out)
{
    struct label wanted = {r->text + to.begin, to.end - to.begin, 0};
    uint32_t target = j->at + 1;

    if (to.begin != to.end) {
        struct reader digits = {.text = r->text, .at = to.begin, .end = to.end};

        if (!number(&digits, UINT32_MAX, &target)) {
            const struct label *l =
                r->labels.n ? bsearch(&wanted, r->labels.at, r->labels.n, sizeof wanted, by_name) : NULL;

            if (!l)
                return fail(r, DIAG_RAW_LABEL, to);
            target = l->at;
        }
    }
    if (target <= j->at || target - j->at - 1 > max)
        return fail(r, DIAG_RAW_JUMP, to);
    *out = target - j->at - 1;
    return WEIR_OK;
}

static int resolve(struct reader *r)
{
    if (r->labels.n)
        qsort(r->labels.at, r->labels.n, sizeof *r->labels.at, by_name);
    for (uint32_t i = 0; i < r->jumps.n; i++) {
        const struct jump *j = &r->jumps.at[i];
        struct weir_cbpf_insn *in = &r->out->insn.at[j->at];
        uint32_t yes = 0, no = 0;
        int err;

        if (in->code == (CB_JMP | CB_JA))
            err = distance(r, j, j->yes, UINT32_MAX, &in->k);
        else if ((err = distance(r, j, j->yes, UINT8_MAX, &yes)) == WEIR_OK)
            err = distance(r, j, j->no, UINT8_MAX, &no);
        if (err < 0)
            return err;
        in->jt = (uint8_t)yes;
        in->jf = (uint8_t)no;
    }
    return WEIR_OK;
}

static int read_lines(struct reader *r)
{
    uint32_t end = r->end;

    for (uint32_t begin = r->at; begin < end;) {
        const char *newline = memchr(r->text + begin, '\n', end - begin);
        uint32_t next = newline ? (uint32_t)(newline - r->text) : end;
        const char *comment = memchr(r->text + begin, ';', next - begin);

        r->at = begin;
        r->end = comment ? (uint32_t)(comment - r->text) : next;
        int err = read_line(r);
        if (err < 0)
            return err;
        begin = next + 1;
    }
    return resolve(r);
}

int cbpf_read(struct diag_sink *sink, const char *text, uint32_t len, struct cbpf_code *out)
{
    struct reader r = {.text = text, .end = len, .sink = sink, .arena = sink->arena, .out = out};

    if (!skip(&r, " \t\r\n"))
        return WEIR_OK;
    if (text[r.at] == '{')
        return read_numbers(&r, false);
    if (text[r.at] >= '0' && text[r.at] <= '9')
        return read_numbers(&r, true);
    return read_lines(&r);
}
