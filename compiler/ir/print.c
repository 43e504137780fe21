/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ir/print.c - the text form: docs/ir.md is its grammar.
 *
 * Names are given in the order of printing, and that order follows blocks and operands, never value
 * indices. So a function that was parsed from this text, with other indices, prints the same.
 */
#include "ir/ir.h"

struct printer {
    const struct ir_func *f;
    struct strbuf *out;
    bool *used;      /* by value: some block needs it */
    uint32_t *name;  /* by value: N of %N; 0 before it has one */
    uint32_t *waits; /* by value: 1 + the last block in front of which it could not be defined */
    ir_value *stack;
    uint32_t names;
};

static void put_number(struct strbuf *out, uint32_t k)
{
    strbuf_printf(out, k < 10 ? "%u" : "0x%x", k);
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

static uint32_t name_of(struct printer *p, ir_value v)
{
    if (!p->name[v])
        p->name[v] = ++p->names;
    return p->name[v];
}

static void put_value(struct printer *p, ir_value v)
{
    if (p->f->value.at[v].op == IR_CONST)
        put_number(p->out, p->f->value.at[v].imm);
    else
        strbuf_printf(p->out, "%%%u", name_of(p, v));
}

/* base + offset; a constant base, which only unfolded text has, is kept apart from the offset. */
static void put_address(struct printer *p, ir_value base, uint32_t offset)
{
    if (base == IR_NONE) {
        strbuf_printf(p->out, "%u", offset);
        return;
    }
    if (p->f->value.at[base].op == IR_CONST)
        strbuf_puts(p->out, "const ");
    put_value(p, base);
    if (offset > INT32_MAX)
        strbuf_printf(p->out, " - %u", -offset);
    else if (offset)
        strbuf_printf(p->out, " + %u", offset);
}

static void put_meta(struct strbuf *out, uint32_t m)
{
    const struct ir_meta_row *row = ir_meta_find(m);

    if (row)
        strbuf_puts(out, row->word);
    else
        strbuf_printf(out, "%u", m);
}

static void put_definition(struct printer *p, ir_value v, bool inside)
{
    const struct ir_node *n = &p->f->value.at[v];

    strbuf_printf(p->out, "%s%%%u = %s", inside ? "  " : "", name_of(p, v), ir_op_name(n->op));
    if (n->op == IR_META) {
        strbuf_puts(p->out, " ");
        put_meta(p->out, n->imm);
    } else if (ir_is_load(n)) {
        strbuf_puts(p->out, " ");
        put_address(p, n->a, n->imm);
    } else if (ir_is_lookup(n)) {
        uint32_t set = ir_lookup_set(p->f, n);
        strbuf_puts(p->out, " ");
        put_address(p, n->a, n->imm);
        strbuf_printf(p->out, " in %s", set < p->f->set.n ? p->f->set.at[set].name : "?");
    } else if (ir_op_arity(n->op) == 2) {
        strbuf_puts(p->out, " ");
        put_value(p, n->a);
        strbuf_puts(p->out, ", ");
        put_value(p, n->b);
    }
    strbuf_puts(p->out, "\n");
}

/* Needs no definition any more: a constant, printed as a number, or a value that has its name. */
static bool defined(const struct printer *p, ir_value v)
{
    return v == IR_NONE || p->f->value.at[v].op == IR_CONST || p->name[v];
}

/*
 * Prints the definitions @v still needs, operands first. Outside the block those that need a PHI without a
 * name wait; inside, after the PHIs, nothing waits.
 */
static void define(struct printer *p, ir_value v, uint32_t block, bool inside)
{
    uint32_t top = 0;

    if (v == IR_NONE)
        return;
    p->stack[top++] = v;
    while (top) {
        v = p->stack[top - 1];
        const struct ir_node *n = &p->f->value.at[v];
        bool stuck = !inside && p->waits[v] == block + 1;
        if (defined(p, v) || stuck || n->op == IR_PHI) {
            if (n->op == IR_PHI && !p->name[v])
                p->waits[v] = block + 1;
            top--;
            continue;
        }
        ir_value operand[2] = {n->a, n->b};
        bool descend = false, wait = false;
        for (int i = 0; i < 2 && !descend; i++) {
            ir_value o = operand[i];
            if (defined(p, o) || (inside && p->f->value.at[o].op == IR_PHI))
                continue;
            if (!inside && p->waits[o] == block + 1) {
                wait = true;
                continue;
            }
            if (top == 2 * p->f->value.n)
                return; /* a cycle: ir_verify() has more to say */
            p->stack[top++] = o;
            descend = true;
        }
        if (descend)
            continue;
        if (wait)
            p->waits[v] = block + 1;
        else
            put_definition(p, v, inside);
        top--;
    }
}

static void define_needs(struct printer *p, uint32_t block, bool inside)
{
    const struct ir_block *b = &p->f->block.at[block];

    for (uint32_t i = 0; i < b->guard.n; i++)
        define(p, b->guard.at[i].base, block, inside);
    define(p, b->on, block, inside);
}

static void put_phis(struct printer *p, const struct ir_block *b)
{
    for (uint32_t i = 0; i < b->phi.n; i++) {
        const struct ir_phi *phi = &b->phi.at[i];
        if (!p->used[phi->value])
            continue;
        strbuf_printf(p->out, "  %%%u = phi", name_of(p, phi->value));
        for (uint32_t k = 0; k < phi->arg.n; k++) {
            strbuf_printf(p->out, "%s b%u: ", k ? "," : "", phi->arg.at[k].block);
            put_value(p, phi->arg.at[k].value);
        }
        strbuf_puts(p->out, "\n");
    }
}

static void put_guards(struct printer *p, const struct ir_block *b)
{
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        strbuf_puts(p->out, "  guard ");
        if (g->base == IR_NONE && g->offset == 0) {
            strbuf_printf(p->out, "%u\n", g->size);
            continue;
        }
        bool paren = g->base != IR_NONE && g->offset;
        strbuf_puts(p->out, paren ? "(" : "");
        put_address(p, g->base, g->offset);
        strbuf_printf(p->out, "%s + %u\n", paren ? ")" : "", g->size);
    }
}

static void put_end(struct printer *p, const struct ir_block *b)
{
    if (!b->to.n && b->on == IR_NONE) {
        strbuf_puts(p->out, "  open\n"); /* not ended yet: seen in a debugger, rejected by the verifier */
        return;
    }
    if (ir_returns(b)) {
        strbuf_puts(p->out, "  return ");
        put_value(p, b->on);
        strbuf_puts(p->out, "\n");
        return;
    }
    uint32_t otherwise = b->to.at[b->to.n - 1].target;
    if (b->on == IR_NONE) {
        strbuf_puts(p->out, "  jump ");
        put_target(p->out, otherwise);
        strbuf_puts(p->out, "\n");
        return;
    }
    strbuf_puts(p->out, "  switch ");
    put_value(p, b->on);
    strbuf_puts(p->out, ":");
    for (uint32_t i = 0, lo = 0; i + 1 < b->to.n; lo = b->to.at[i++].last + 1) {
        if (b->to.at[i].target == otherwise)
            continue;
        strbuf_puts(p->out, " ");
        put_number(p->out, lo);
        if (b->to.at[i].last != lo) {
            strbuf_puts(p->out, "..");
            put_number(p->out, b->to.at[i].last);
        }
        strbuf_puts(p->out, " -> ");
        put_target(p->out, b->to.at[i].target);
        strbuf_puts(p->out, ",");
    }
    strbuf_puts(p->out, " else -> ");
    put_target(p->out, otherwise);
    strbuf_puts(p->out, "\n");
}

static void use(struct printer *p, uint32_t *top, ir_value v)
{
    if (v == IR_NONE || p->used[v])
        return;
    p->used[v] = true;
    p->stack[(*top)++] = v;
}

/* Marks what guards, switches and returns need, through operands and PHIs; every value is stacked at most
 * once. */
static void mark_used(struct printer *p)
{
    const struct ir_func *f = p->f;
    uint32_t top = 0;

    for (uint32_t i = 0; i < f->block.n; i++) {
        const struct ir_block *b = &f->block.at[i];
        for (uint32_t k = 0; k < b->guard.n; k++)
            use(p, &top, b->guard.at[k].base);
        use(p, &top, b->on);
    }
    while (top) {
        ir_value v = p->stack[--top];
        const struct ir_node *n = &f->value.at[v];
        use(p, &top, n->a);
        use(p, &top, n->b);
        const struct ir_phi *phi = n->op == IR_PHI ? ir_phi_of(f, v) : NULL;
        for (uint32_t k = 0; phi && k < phi->arg.n; k++)
            use(p, &top, phi->arg.at[k].value);
    }
}

static void put_function(struct printer *p)
{
    const struct ir_func *f = p->f;

    strbuf_printf(p->out, "accept %u\n", f->accept);
    if (f->entry != 0) {
        strbuf_puts(p->out, "entry ");
        put_target(p->out, f->entry);
        strbuf_puts(p->out, "\n");
    }
    for (uint32_t i = 0; i < f->set.n; i++)
        strbuf_printf(p->out, "set %s %s\n", f->set.at[i].name, ir_set_kind_name(f->set.at[i].kind));
    for (uint32_t i = 0; i < f->block.n; i++) {
        const struct ir_block *b = &f->block.at[i];
        for (uint32_t k = 0; k < b->phi.n; k++)
            if (p->used[b->phi.at[k].value])
                for (uint32_t j = 0; j < b->phi.at[k].arg.n; j++)
                    define(p, b->phi.at[k].arg.at[j].value, i, false);
        define_needs(p, i, false);
        strbuf_printf(p->out, "b%u:\n", i);
        put_phis(p, b);
        define_needs(p, i, true);
        put_guards(p, b);
        put_end(p, b);
    }
}

void ir_print(const struct ir_func *f, struct strbuf *out)
{
    size_t n = f->value.n;
    struct printer p = {.f = f, .out = out};
    uint32_t *room = mem_alloc(out->al, n * (4 * sizeof *room + sizeof *p.used));

    if (!room) {
        out->failed = true;
        return;
    }
    p.stack = room;
    p.name = room + 2 * n;
    p.waits = room + 3 * n;
    p.used = (bool *)(room + 4 * n);
    for (size_t i = 0; i < n; i++) {
        p.name[i] = p.waits[i] = 0;
        p.used[i] = false;
    }
    mark_used(&p);
    put_function(&p);
    mem_free(out->al, room);
}
