/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/dot.c - the graph as a picture: Graphviz text, one node a block, one edge a target.
 *
 * For people: expressions are cut at a depth and long sets at a length. The text form keeps everything.
 */
#include "ir/ir.h"

#define MAX_DEPTH  5 /* operators inside each other */
#define MAX_RANGES 6 /* on one edge */

static void put_number(struct strbuf *out, uint32_t k)
{
    strbuf_printf(out, k < 256 ? "%u" : "0x%x", k);
}

static const char *infix(enum ir_op op)
{
    switch (op) {
    case IR_ADD:
        return " + ";
    case IR_SUB:
        return " - ";
    case IR_MUL:
        return " * ";
    case IR_UDIV:
        return " / ";
    case IR_UMOD:
        return " % ";
    case IR_AND:
        return " & ";
    case IR_OR:
        return " | ";
    case IR_XOR:
        return " ^ ";
    case IR_SHL:
        return " << ";
    case IR_SHR:
        return " >> ";
    case IR_EQ:
        return " == ";
    case IR_UGT:
        return " > ";
    case IR_UGE:
        return " >= ";
    default:
        return "";
    }
}

static const char *meta_name(uint32_t m)
{
    const struct ir_meta_row *row = ir_meta_find(m);

    return row ? row->word : "meta";
}

/* Something still to be put: fixed text, an offset, or a value. */
struct pending {
    const char *text;
    ir_value value;
    uint32_t offset;
    int depth;
};

static void put_offset(struct strbuf *out, uint32_t offset)
{
    if (offset > INT32_MAX)
        strbuf_printf(out, " - %u", -offset);
    else if (offset)
        strbuf_printf(out, " + %u", offset);
}

static void put_expression(const struct ir_func *f, struct strbuf *out, ir_value v)
{
    struct pending stack[MAX_DEPTH * 5 + 1];
    unsigned top = 0;

    stack[top++] = (struct pending){.value = v};
    while (top) {
        struct pending p = stack[--top];
        if (p.text) {
            strbuf_puts(out, p.text);
            continue;
        }
        if (p.value == IR_NONE) {
            put_offset(out, p.offset);
            continue;
        }
        const struct ir_node *n = &f->value.at[p.value];
        int below = p.depth + 1;
        if (n->op == IR_CONST) {
            put_number(out, n->imm);
        } else if (n->op == IR_LEN) {
            strbuf_puts(out, "len");
        } else if (n->op == IR_META) {
            strbuf_puts(out, meta_name(n->imm));
        } else if (n->op == IR_PHI) {
            strbuf_printf(out, "phi%u", p.value);
        } else if (p.depth == MAX_DEPTH - 1) {
            strbuf_puts(out, "...");
        } else if (ir_read_bytes(n)) {
            static const char *const close[] = {":1]", ":2]", ":4]", ":2]", ":4]", ":6]", ":16]"};
            if (ir_is_lookup(n)) {
                uint32_t set = ir_lookup_set(f, n);
                stack[top++] = (struct pending){.text = set < f->set.n ? f->set.at[set].name : "?"};
                stack[top++] = (struct pending){.text = " in "};
            }
            strbuf_puts(out, "pkt[");
            stack[top++] = (struct pending){.text = close[n->op - IR_LOAD8]};
            if (n->a == IR_NONE) {
                strbuf_printf(out, "%u", n->imm);
                continue;
            }
            stack[top++] = (struct pending){.value = IR_NONE, .offset = n->imm};
            stack[top++] = (struct pending){.value = n->a, .depth = below};
        } else {
            bool paren = p.depth > 0;
            if (paren)
                stack[top++] = (struct pending){.text = ")"};
            stack[top++] = (struct pending){.value = n->b, .depth = below};
            stack[top++] = (struct pending){.text = infix(n->op)};
            stack[top++] = (struct pending){.value = n->a, .depth = below};
            if (paren)
                stack[top++] = (struct pending){.text = "("};
        }
    }
}

static void put_target(struct strbuf *out, uint32_t t)
{
    if (t == IR_ACCEPT)
        strbuf_puts(out, "accept");
    else if (t == IR_REJECT)
        strbuf_puts(out, "reject");
    else
        strbuf_printf(out, "b%u", t);
}

static void put_node(const struct ir_func *f, struct strbuf *out, uint32_t at)
{
    const struct ir_block *b = &f->block.at[at];

    strbuf_printf(out, "  b%u [label=\"b%u\\l", at, at);
    for (uint32_t i = 0; i < b->phi.n; i++) {
        strbuf_printf(out, "phi%u =", b->phi.at[i].value);
        for (uint32_t k = 0; k < b->phi.at[i].arg.n && k < MAX_RANGES; k++) {
            strbuf_printf(out, "%s b%u: ", k ? "," : "", b->phi.at[i].arg.at[k].block);
            put_expression(f, out, b->phi.at[i].arg.at[k].value);
        }
        strbuf_puts(out, b->phi.at[i].arg.n > MAX_RANGES ? ", ...\\l" : "\\l");
    }
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        strbuf_puts(out, "guard ");
        if (g->base == IR_NONE) {
            strbuf_printf(out, "%u:%u\\l", g->offset, g->size);
            continue;
        }
        put_expression(f, out, g->base);
        put_offset(out, g->offset);
        strbuf_printf(out, ":%u\\l", g->size);
    }
    if (b->on != IR_NONE) {
        strbuf_puts(out, ir_returns(b) ? "return " : "");
        put_expression(f, out, b->on);
        strbuf_puts(out, ir_returns(b) ? "\\l" : " ?\\l");
    }
    strbuf_puts(out, "\"];\n");
}

/* Cases of one block by target; slots are blocks, then accept and reject. */
struct edges {
    uint32_t *mark;  /* by slot: 1 + the block that used it last */
    uint32_t *first; /* by slot: its first case */
    uint32_t *last;  /* by slot */
};

static uint32_t slot(const struct ir_func *f, uint32_t target)
{
    return target < IR_ACCEPT ? target : f->block.n + (target - IR_ACCEPT);
}

static void put_case(const struct ir_block *b, struct strbuf *out, uint32_t i)
{
    uint32_t lo = i ? b->to.at[i - 1].last + 1 : 0, hi = b->to.at[i].last;

    put_number(out, lo);
    if (lo != hi) {
        strbuf_puts(out, "..");
        put_number(out, hi);
    }
}

/* One edge for each target, in the order of their first cases; the last case's target is "else". */
static void put_edges(const struct ir_func *f, struct strbuf *out, struct edges *e, uint32_t at,
                      uint32_t *next)
{
    const struct ir_block *b = &f->block.at[at];

    for (uint32_t i = 0; i < b->to.n; i++) {
        uint32_t s = slot(f, b->to.at[i].target);
        next[i] = IR_NONE;
        if (e->mark[s] == at + 1)
            next[e->last[s]] = i;
        else
            e->first[s] = i;
        e->mark[s] = at + 1;
        e->last[s] = i;
    }
    for (uint32_t i = 0; i < b->to.n; i++) {
        uint32_t t = b->to.at[i].target, s = slot(f, t), count = 0;
        if (e->first[s] != i)
            continue;
        strbuf_printf(out, "  b%u -> ", at);
        put_target(out, t);
        if (b->to.n > 1) {
            strbuf_puts(out, " [label=\"");
            if (t == b->to.at[b->to.n - 1].target)
                strbuf_puts(out, "else");
            else
                for (uint32_t k = i; k != IR_NONE; k = next[k], count++) {
                    if (count < MAX_RANGES)
                        strbuf_puts(out, count ? ", " : "");
                    if (count < MAX_RANGES)
                        put_case(b, out, k);
                }
            if (count > MAX_RANGES)
                strbuf_printf(out, " and %u more", count - MAX_RANGES);
            strbuf_puts(out, "\"]");
        }
        strbuf_puts(out, ";\n");
    }
}

void ir_dot(const struct ir_func *f, struct strbuf *out)
{
    size_t slots = (size_t)f->block.n + 2, cases = 1;

    for (uint32_t i = 0; i < f->block.n; i++)
        cases = cases < f->block.at[i].to.n ? f->block.at[i].to.n : cases;
    uint32_t *room = mem_alloc(out->al, (3 * slots + cases) * sizeof *room);
    if (!room) {
        out->failed = true;
        return;
    }
    struct edges e = {room, room + slots, room + 2 * slots};
    for (size_t i = 0; i < slots; i++)
        e.mark[i] = 0;
    strbuf_puts(out, "digraph filter {\n  node [shape=box, fontname=monospace];\n");
    strbuf_printf(out, "  accept [label=\"accept %u\", shape=oval];\n  reject [shape=oval];\n", f->accept);
    strbuf_puts(out, "  entry [shape=point];\n  entry -> ");
    put_target(out, f->entry);
    strbuf_puts(out, ";\n");
    for (uint32_t i = 0; i < f->block.n; i++)
        put_node(f, out, i);
    for (uint32_t i = 0; i < f->block.n; i++)
        put_edges(f, out, &e, i, room + 3 * slots);
    strbuf_puts(out, "}\n");
    mem_free(out->al, room);
}
