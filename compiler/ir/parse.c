/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/parse.c - the text form back to a function: docs/ir.md is its grammar.
 *
 * One statement a line, read once. Nothing is folded or normalised beyond case lists, so a test can write a
 * function that the builder would never make. What the text cannot say wrongly is checked here; what it
 * can, by ir_verify().
 */
#include "ir/ir.h"
#include "weir/weir.h"
#include <string.h>

struct parser {
    struct ir_func *f;
    const char *at, *end;
    uint32_t line;
    const char *message; /* the first error */
    ir_value *value_of;  /* by N of %N: 1 + value */
    uint32_t names;      /* size of value_of */
    uint32_t block;      /* the open block, or IR_NONE between blocks */
    uint32_t last_block; /* largest block number mentioned so far */
    uint32_t last_line;  /* and where */
};

/* The first error wins; what follows it is harmless. */
static void fail(struct parser *p, const char *message)
{
    if (!p->message)
        p->message = message;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
    if (p->at < p->end && *p->at == ';')
        while (p->at < p->end && *p->at != '\n')
            p->at++;
}

static bool at_line_end(struct parser *p)
{
    skip_blanks(p);
    return p->at == p->end || *p->at == '\n';
}

static bool accept_text(struct parser *p, const char *text)
{
    size_t n = strlen(text);

    skip_blanks(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The letters, digits and underscores that come next; none of them is consumed. */
static size_t peek_word(struct parser *p)
{
    size_t n = 0;

    skip_blanks(p);
    while (n < (size_t)(p->end - p->at) && word_char(p->at[n]))
        n++;
    return n;
}

static bool accept_word(struct parser *p, const char *word)
{
    size_t n = peek_word(p);

    if (n != strlen(word) || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

static void expect(struct parser *p, const char *text, const char *message)
{
    if (!p->message && !accept_text(p, text))
        fail(p, message);
}

static int digit(char c, uint32_t base)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (base == 16 && c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool at_number(struct parser *p)
{
    skip_blanks(p);
    return p->at < p->end && digit(*p->at, 10) >= 0;
}

/* Digits without a blank in front; 0x for hexadecimal. */
static uint32_t digits(struct parser *p)
{
    uint32_t base = 10;
    uint64_t k = 0;

    if (p->end - p->at > 2 && p->at[0] == '0' && p->at[1] == 'x' && digit(p->at[2], 16) >= 0) {
        base = 16;
        p->at += 2;
    }
    if (p->at == p->end || digit(*p->at, base) < 0)
        fail(p, "a number is missing");
    while (p->at < p->end && digit(*p->at, base) >= 0) {
        k = k * base + (uint32_t)digit(*p->at++, base);
        if (k > UINT32_MAX) {
            fail(p, "a number does not fit 32 bits");
            return 0;
        }
    }
    if (p->at < p->end && word_char(*p->at))
        fail(p, "a number is followed by letters");
    return (uint32_t)k;
}

static uint32_t number(struct parser *p)
{
    skip_blanks(p);
    return digits(p);
}

static uint32_t block_number(struct parser *p)
{
    skip_blanks(p);
    if (p->at == p->end || *p->at != 'b') {
        fail(p, "a block is missing");
        return 0;
    }
    p->at++;
    uint32_t b = digits(p);
    if (b >= IR_ACCEPT)
        fail(p, "a block number is too large");
    if (b >= p->last_block) {
        p->last_block = b;
        p->last_line = p->line;
    }
    return b;
}

static uint32_t target(struct parser *p)
{
    if (accept_word(p, "accept"))
        return IR_ACCEPT;
    if (accept_word(p, "reject"))
        return IR_REJECT;
    return block_number(p);
}

/* The N of %N. */
static uint32_t name(struct parser *p)
{
    uint32_t n = digits(p);

    if (n < p->names)
        return n;
    fail(p, "a value's number is too large");
    return 0;
}

/* A value with a name, or a number. */
static ir_value operand(struct parser *p)
{
    if (at_number(p))
        return ir_const(p->f, digits(p));
    if (!accept_text(p, "%")) {
        fail(p, "a value is missing");
        return 0;
    }
    uint32_t n = name(p);
    if (p->message)
        return 0;
    if (!p->value_of[n]) {
        fail(p, "a value is used before its definition");
        return 0;
    }
    return p->value_of[n] - 1;
}

/* NUMBER, or VALUE [+ NUMBER | - NUMBER], VALUE being %N or const NUMBER. In front of a guard's size
 * only parentheses leave room for an offset. */
static void address(struct parser *p, bool offset_too, ir_value *base, uint32_t *offset)
{
    *base = IR_NONE;
    *offset = 0;
    if (at_number(p)) {
        *offset = digits(p);
        return;
    }
    if (accept_word(p, "const"))
        *base = ir_const(p->f, number(p));
    else
        *base = operand(p);
    if (!offset_too)
        return;
    if (accept_text(p, "+"))
        *offset = number(p);
    else if (accept_text(p, "-"))
        *offset = -number(p);
}

/* ---------------------------------------------------------------- statements */

static ir_value phi(struct parser *p)
{
    struct ir_range r = {UINT32_MAX, 0};

    if (p->block == IR_NONE) {
        fail(p, "a phi stands outside of a block");
        return 0;
    }
    ir_value v = ir_phi(p->f, p->block);
    for (bool first = true; !p->message && !p->f->failed && !at_line_end(p); first = false) {
        if (!first)
            expect(p, ",", "',' is missing between the arguments of a phi");
        uint32_t from = block_number(p);
        expect(p, ":", "':' is missing behind the block of a phi's argument");
        ir_value arg = operand(p);
        if (p->message)
            return 0;
        ir_phi_arg_add(p->f, p->block, v, from, arg);
        struct ir_range a = ir_range(p->f, arg);
        r.lo = a.lo < r.lo ? a.lo : r.lo;
        r.hi = a.hi > r.hi ? a.hi : r.hi;
    }
    ir_phi_range_set(p->f, v, r.lo, r.hi);
    return v;
}

static uint32_t meta(struct parser *p)
{
    size_t n = peek_word(p);
    const struct ir_meta_row *row = ir_meta_by_word(p->at, n);

    if (!row)
        return number(p);
    p->at += n;
    return row->number;
}

/* A name, to @out; its length, or 0 (reported). */
static size_t set_name(struct parser *p, char out[16])
{
    size_t n = 0;

    skip_blanks(p);
    while (n < (size_t)(p->end - p->at) && (word_char(p->at[n]) || (p->at[n] >= 'A' && p->at[n] <= 'Z')))
        n++;
    if (!n || n > 15 || digit(p->at[0], 10) >= 0) {
        fail(p, "the name of a set is missing or cannot be one");
        return 0;
    }
    memcpy(out, p->at, n);
    out[n] = '\0';
    p->at += n;
    return n;
}

static uint32_t find_set(const struct parser *p, const char *name)
{
    uint32_t i = 0;

    while (i < p->f->set.n && strcmp(p->f->set.at[i].name, name) != 0)
        i++;
    return i;
}

/* `in NAME`: the set's number, a constant. */
static ir_value set_number(struct parser *p)
{
    char text[16];

    if (!accept_word(p, "in"))
        fail(p, "'in' and a set are missing in a lookup");
    if (p->message || !set_name(p, text))
        return 0;
    uint32_t i = find_set(p, text);
    if (i == p->f->set.n)
        fail(p, "there is no set of this name");
    return ir_const(p->f, i);
}

/* set NAME KIND */
static void set_statement(struct parser *p)
{
    struct ir_set s = {.kind = 0};

    if (!set_name(p, s.name))
        return;
    if (find_set(p, s.name) < p->f->set.n)
        fail(p, "a set is there twice");
    for (uint8_t kind = WEIR_SET_ADDRESSES; kind <= WEIR_SET_MACS && !s.kind; kind++)
        if (accept_word(p, ir_set_kind_name(kind)))
            s.kind = kind;
    if (!s.kind)
        fail(p, "a set holds addresses, ports or macs");
    if (p->f->set.n == IR_SETS_MAX)
        fail(p, "there are too many sets");
    if (!p->message && !vec_push(p->f->arena, &p->f->set, s))
        p->f->failed = true;
}

static ir_value expression(struct parser *p)
{
    size_t n = peek_word(p);
    struct ir_node node = {.op = IR_OP_COUNT, .a = IR_NONE, .b = IR_NONE};

    for (unsigned op = 0; op < IR_OP_COUNT; op++)
        if (strlen(ir_op_name(op)) == n && memcmp(ir_op_name(op), p->at, n) == 0)
            node.op = (uint8_t)op;
    p->at += n;
    switch (node.op) {
    case IR_OP_COUNT:
        fail(p, "an operator is missing");
        return 0;
    case IR_CONST:
        return ir_const(p->f, number(p));
    case IR_LEN:
        break;
    case IR_META:
        node.imm = meta(p);
        break;
    case IR_PHI:
        return phi(p);
    case IR_LOAD8:
    case IR_LOAD16:
    case IR_LOAD32:
        address(p, true, &node.a, &node.imm);
        break;
    case IR_LOOKUP16:
    case IR_LOOKUP32:
    case IR_LOOKUP48:
    case IR_LOOKUP128:
        address(p, true, &node.a, &node.imm);
        node.b = set_number(p);
        break;
    default:
        node.a = operand(p);
        expect(p, ",", "',' is missing between two operands");
        node.b = operand(p);
    }
    return p->message ? 0 : ir_value_make(p->f, node);
}

static void definition(struct parser *p)
{
    uint32_t n = name(p);

    if (!p->message && p->value_of[n])
        fail(p, "a value is defined twice");
    expect(p, "=", "'=' is missing in a definition");
    ir_value v = expression(p);
    if (!p->message)
        p->value_of[n] = v + 1;
}

static void label(struct parser *p)
{
    uint32_t b = block_number(p);

    expect(p, ":", "':' is missing behind a block's number");
    if (p->message)
        return;
    if (p->block != IR_NONE)
        fail(p, "the block before does not end in a jump, switch or return");
    else if (b != p->f->block.n)
        fail(p, "blocks are not numbered in order from b0");
    else
        p->block = ir_block_new(p->f, (struct span){0, 0});
}

static void guard(struct parser *p)
{
    struct ir_guard g = {.base = IR_NONE};

    if (accept_text(p, "(")) {
        address(p, true, &g.base, &g.offset);
        expect(p, ")", "')' is missing in a guard");
        expect(p, "+", "a guard's size is missing");
        g.size = number(p);
    } else {
        address(p, false, &g.base, &g.offset);
        if (accept_text(p, "+")) {
            g.size = number(p);
        } else if (g.base == IR_NONE) {
            g.size = g.offset;
            g.offset = 0;
        } else {
            fail(p, "a guard's size is missing");
        }
    }
    if (!p->message && !vec_push(p->f->arena, &p->f->block.at[p->block].guard, g))
        p->f->failed = true;
}

/* Appends a case, or widens the one before when it has the same target. */
static void add_case(struct parser *p, uint32_t last, uint32_t to)
{
    struct ir_block *b = &p->f->block.at[p->block];
    struct ir_case c = {last, to};

    if (b->to.n && b->to.at[b->to.n - 1].target == to)
        b->to.at[b->to.n - 1].last = last;
    else if (!vec_push(p->f->arena, &b->to, c))
        p->f->failed = true;
}

/* One listed interval; [lo, hi] goes to `target`. */
struct interval {
    uint32_t lo, hi, target;
};

static void cases(struct parser *p, ir_value on)
{
    struct arena *a = p->f->arena;
    VEC(struct interval) list = {0};

    while (!p->message && !accept_word(p, "else")) {
        struct interval i;
        i.lo = i.hi = number(p);
        if (accept_text(p, ".."))
            i.hi = number(p);
        expect(p, "->", "'->' is missing in a switch");
        i.target = target(p);
        expect(p, ",", "',' and 'else' are missing in a switch");
        if (i.lo > i.hi || (list.n && i.lo <= list.at[list.n - 1].hi))
            fail(p, "the cases of a switch do not ascend");
        if (!p->message && !vec_push(a, &list, i)) {
            p->f->failed = true;
            return;
        }
    }
    expect(p, "->", "'->' is missing in a switch");
    uint32_t otherwise = target(p);
    if (p->message)
        return;
    uint64_t next = 0; /* the first number that has no case yet */
    for (uint32_t i = 0; i < list.n; i++) {
        if (list.at[i].lo > next)
            add_case(p, list.at[i].lo - 1, otherwise);
        add_case(p, list.at[i].hi, list.at[i].target);
        next = (uint64_t)list.at[i].hi + 1;
    }
    if (next <= UINT32_MAX)
        add_case(p, UINT32_MAX, otherwise);
    struct ir_block *b = &p->f->block.at[p->block];
    b->on = b->to.n > 1 ? on : IR_NONE;
}

static void statement(struct parser *p)
{
    if (accept_text(p, "%")) {
        definition(p);
    } else if (accept_word(p, "set")) {
        set_statement(p);
    } else if (accept_word(p, "guard")) {
        if (p->block == IR_NONE)
            fail(p, "a guard stands outside of a block");
        else
            guard(p);
    } else if (accept_word(p, "return")) {
        if (p->block == IR_NONE) {
            fail(p, "a return stands outside of a block");
            return;
        }
        p->f->block.at[p->block].on = operand(p);
        p->block = IR_NONE;
    } else if (accept_word(p, "jump") || accept_word(p, "switch")) {
        bool jump = p->at[-1] == 'p';
        if (p->block == IR_NONE) {
            fail(p, "a jump or switch stands outside of a block");
            return;
        }
        if (jump) {
            add_case(p, UINT32_MAX, target(p));
        } else {
            ir_value on = operand(p);
            expect(p, ":", "':' is missing behind the value of a switch");
            cases(p, on);
        }
        p->block = IR_NONE;
    } else {
        skip_blanks(p);
        if (*p->at == 'b')
            label(p);
        else
            fail(p, "this is not a statement");
    }
}

/* The next line that has something on it; false at the end of the text. */
static bool next_line(struct parser *p)
{
    while (at_line_end(p)) {
        if (p->at == p->end)
            return false;
        p->at++;
        p->line++;
    }
    return true;
}

static void function(struct parser *p)
{
    if (!next_line(p) || !accept_word(p, "accept")) {
        fail(p, "the text does not begin with 'accept' and the snapshot length");
        return;
    }
    p->f->accept = number(p);
    p->f->entry = 0;
    if (!p->message && !p->f->accept)
        fail(p, "an accepted packet cannot return 0");
    if (!p->message && !at_line_end(p))
        fail(p, "there is something behind the statement");
    for (bool first = true; !p->message && !p->f->failed && next_line(p); first = false) {
        if (first && accept_word(p, "entry"))
            p->f->entry = target(p);
        else
            statement(p);
        if (!p->message && !at_line_end(p))
            fail(p, "there is something behind the statement");
    }
    if (p->message || p->f->failed)
        return;
    if (p->block != IR_NONE) {
        fail(p, "the last block does not end in a jump, switch or return");
    } else if (p->last_line && p->last_block >= p->f->block.n) {
        p->line = p->last_line;
        fail(p, "there is no block of this number");
    } else if (p->f->entry < IR_ACCEPT && p->f->entry >= p->f->block.n) {
        fail(p, "there is no block to enter");
    }
}

int ir_parse(struct arena *arena, const char *text, size_t len, struct ir_func *out, const char **message,
             uint32_t *line)
{
    struct parser p = {.f = out, .at = text, .end = text + len, .line = 1, .block = IR_NONE};

    ir_init(out, arena, 1);
    if (len > UINT32_MAX / 8)
        return WEIR_E_MEMORY;
    /* A text of this length has fewer definitions than bytes; short ones may number freely. */
    p.names = (uint32_t)len + 4096;
    p.value_of = arena_array(arena, ir_value, p.names);
    if (!p.value_of)
        return WEIR_E_MEMORY;
    function(&p);
    if (out->failed)
        return WEIR_E_MEMORY;
    if (!p.message)
        return 0;
    *message = p.message;
    *line = p.line;
    return WEIR_E_FILTER;
}
