/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt/chains.c - tests of one value in the order in which the filter asks.
 *
 *   b0: switch %t: 0x806 -> accept, else -> b1          b0: switch %t: 0x800 -> b2, else -> b1
 *   b1: switch %t: 0x800 -> b2, else -> reject          b1: switch %t: 0x806 -> accept, else -> reject
 *
 * Regrouping puts numbers together that lead to one place, so one that the filter names last may come to be
 * asked for first. Whoever writes a filter begins with what packets mostly are, and primitives do (IP before
 * ARP), as struct ir_asked recalls. What most packets are (struct ir_func, usual) is told apart where the
 * filter asks for it, if it would be compared with several numbers else:
 *
 *   b0: switch %t: 0x806 -> b1, 0x8035 -> b1,           b0: switch %t: 0x800 -> reject, else -> b1
 *                  else -> reject                       b1: switch %t: 0x806 -> b2, 0x8035 -> b2, ...
 *
 * Refines: the blocks of a chain are entered through it alone and do nothing but ask for numbers of one
 * value. Each number leads where it did, and no load is made that was not.
 *
 * Cost: linear, as no more than BLOCKS_MAX blocks and NUMBERS_MAX numbers of a chain are looked at. Runs
 * once.
 */
#include "opt/pass.h"

#define NUMBERS_MAX 6u                    /* more are not asked for one by one */
#define BLOCKS_MAX  16u                   /* some of which may ask for nothing new */
#define CASES_MAX   (2 * NUMBERS_MAX + 1) /* of a block that asks for so many: they, and what lies between */

/* A number that a chain asks for, and where it leads. */
struct asked {
    uint32_t number, target, rank;
    struct span at;
};

struct chain {
    ir_value on;
    struct asked asked[NUMBERS_MAX];
    uint32_t n;
    uint32_t blocks, otherwise; /* where all other numbers lead */
    bool one_place;             /* the numbers lead to one place */
};

struct chains {
    struct ir_func *f;
    uint32_t *parent;           /* opt_parents(); NULL: nobody has asked */
    uint32_t first;             /* block that tests what is usually some number */
    bool *moved;                /* by block: another one of its chain stands for it */
    uint32_t *place;            /* by block: its new number */
    VEC(struct ir_block) block; /* the new ones; their targets are old numbers, or behind those new ones */
};

/* Where the numbers lead that @b does not ask for one by one; false: to several places, or it asks for too
 * many. */
static bool find_otherwise(const struct ir_block *b, uint32_t *to)
{
    bool found = false;
    uint32_t low = 0;

    if (b->to.n > CASES_MAX)
        return false;
    for (uint32_t c = 0; c < b->to.n; low = b->to.at[c++].last + 1) {
        if (b->to.at[c].last == low)
            continue;
        if (found && *to != b->to.at[c].target)
            return false;
        *to = b->to.at[c].target;
        found = true;
    }
    return found;
}

/* Adds the numbers that @b asks for, which leads to @otherwise else; those that were asked for before do not
 * come here. */
static bool add_numbers(const struct ir_func *f, struct chain *chain, const struct ir_block *b,
                        uint32_t otherwise)
{
    uint32_t low = 0, before = chain->n, n = before;

    for (uint32_t c = 0; c < b->to.n; low = b->to.at[c++].last + 1) {
        const uint32_t target = b->to.at[c].target;
        bool known = target == otherwise;
        for (uint32_t i = 0; i < before && !known; i++)
            known = chain->asked[i].number == low;
        if (known)
            continue;
        if (low == UINT32_MAX || n == NUMBERS_MAX || has_phis(f, target))
            return false;
        chain->asked[n++] = (struct asked){low, target, 0, b->at};
    }
    chain->n = n;
    return true;
}

/* Is @to a block that may be part of a chain of tests of @on, as it is entered from one of them alone? */
static bool is_inner(const struct chains *x, uint32_t to, ir_value on)
{
    const struct ir_block *b = is_return(to) ? NULL : &x->f->block.at[to];

    return b && b->on == on && !ir_returns(b) && b->phi.n == 0 && b->guard.n == 0 &&
           !(x->parent && x->parent[to] == PARENT_SEVERAL);
}

/* Does the block @head ask for several numbers, or lead to another one that asks for some of the value? */
static bool may_begin(const struct ir_func *f, uint32_t head)
{
    const struct ir_block *b = &f->block.at[head];

    if (b->to.n < 2 || b->on == IR_NONE)
        return false;
    uint32_t last = b->to.at[b->to.n - 1].target;
    return b->to.n > 3 || (!is_return(last) && f->block.at[last].on == b->on);
}

/* When the filter first asks for @number of @on; IR_NONE: it never does, or so late that nobody knows. */
static uint32_t rank_of(const struct ir_func *f, ir_value on, uint32_t number)
{
    uint32_t i = 0;

    while (i < f->asked.n && (f->asked.at[i].on != on || f->asked.at[i].number != number))
        i++;
    return i < f->asked.n ? i : IR_NONE;
}

/* Adds what most packets are if the filter asks for several of the numbers of @chain only behind that: then
 * it is what most packets need not be asked any more. */
static bool add_usual(const struct chains *x, uint32_t head, struct chain *chain)
{
    const struct ir_func *f = x->f;
    const uint32_t rank = f->usual.on == chain->on ? rank_of(f, chain->on, f->usual.number) : IR_NONE;
    uint32_t behind = 0;

    if (rank == IR_NONE || head != x->first || chain->n == NUMBERS_MAX || f->small)
        return false;
    for (uint32_t i = 0; i < chain->n; i++) {
        if (chain->asked[i].number == f->usual.number)
            return false;
        const uint32_t other = rank_of(f, chain->on, chain->asked[i].number);
        behind += other != IR_NONE && other > rank;
    }
    if (behind < 2)
        return false;
    chain->asked[chain->n++] = (struct asked){f->usual.number, chain->otherwise, 0, f->block.at[head].at};
    return true;
}

/* The chain that begins with the block @head. False: it is none, or one block whose numbers lead to one
 * place.
 */
static bool read_chain(const struct chains *x, uint32_t head, struct chain *chain)
{
    const struct ir_func *f = x->f;
    uint32_t i = head;

    chain->on = f->block.at[head].on;
    chain->n = chain->blocks = 0;
    if (!may_begin(f, head))
        return false;
    do {
        uint32_t otherwise = IR_REJECT;
        if (!find_otherwise(&f->block.at[i], &otherwise) ||
            !add_numbers(f, chain, &f->block.at[i], otherwise))
            break;
        chain->otherwise = i = otherwise;
        chain->blocks++;
    } while (chain->blocks < BLOCKS_MAX && is_inner(x, i, chain->on));
    chain->one_place = !add_usual(x, head, chain);
    for (i = 1; i < chain->n; i++)
        chain->one_place &= chain->asked[i].target == chain->asked[0].target;
    const bool in_blocks = chain->blocks > 1 && chain->n > 1 && chain->asked[0].target != chain->otherwise;
    return (in_blocks || !chain->one_place) && !has_phis(f, chain->otherwise);
}

/* Puts the numbers in order, without the last ones if they lead where all others do. False: they are, or the
 * order is not known. */
static bool sort_numbers(const struct ir_func *f, struct chain *chain)
{
    bool changed = false;

    for (uint32_t i = 0; i < chain->n; i++) {
        struct asked a = chain->asked[i];
        uint32_t k = i;
        a.rank = rank_of(f, chain->on, a.number);
        if (a.rank == IR_NONE)
            return false;
        for (; k > 0 && chain->asked[k - 1].rank > a.rank; k--)
            chain->asked[k] = chain->asked[k - 1];
        changed |= k != i;
        chain->asked[k] = a;
    }
    for (; chain->asked[chain->n - 1].target == chain->otherwise;
         chain->n--) /* one does not: there are two */
        changed = true;
    return changed;
}

/* The block that asks for the @n numbers from @asked on, which lead to one place. */
static struct ir_block test_of(struct chains *x, ir_value on, const struct asked *asked, uint32_t n,
                               uint32_t otherwise)
{
    uint32_t number[NUMBERS_MAX], cases = 0, low = 0;
    struct ir_case *to = arena_array(x->f->arena, struct ir_case, 2 * n + 1);

    if (!to) {
        x->f->failed = true;
        return (struct ir_block){.on = IR_NONE};
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = i;
        for (; k > 0 && number[k - 1] > asked[i].number; k--)
            number[k] = number[k - 1];
        number[k] = asked[i].number;
    }
    for (uint32_t i = 0; i < n; low = number[i++] + 1) {
        if (number[i] > low)
            to[cases++] = (struct ir_case){number[i] - 1, otherwise};
        if (i > 0 && number[i] == low)
            to[cases - 1].last = number[i];
        else
            to[cases++] = (struct ir_case){number[i], asked->target};
    }
    to[cases++] = (struct ir_case){UINT32_MAX, otherwise};
    return (struct ir_block){.on = on, .to = {.at = to, .n = cases, .cap = 2 * n + 1}, .at = asked->at};
}

/* The blocks of @chain, which begins with the block @head. */
static void write_chain(struct chains *x, uint32_t head, const struct chain *chain)
{
    const struct ir_block *first = &x->f->block.at[head];

    for (uint32_t i = 0, end; i < chain->n; i = end) {
        for (end = i + 1; end < chain->n && chain->asked[end].target == chain->asked[i].target &&
                          (!chain->one_place || chain->asked[end].number > chain->asked[end - 1].number);
             end++) /* a block asks for the lowest number first */
            ;
        uint32_t next = end == chain->n ? chain->otherwise : x->f->block.n + x->block.n + 1;
        struct ir_block b = test_of(x, chain->on, &chain->asked[i], end - i, next);
        if (i == 0) {
            b.guard = first->guard;
            b.phi = first->phi;
        }
        if (!vec_push(x->f->arena, &x->block, b))
            x->f->failed = true;
    }
    for (uint32_t i = head, n = 1; n < chain->blocks; n++) {
        (void)find_otherwise(&x->f->block.at[i], &i);
        x->moved[i] = true;
    }
}

/* Writes the blocks anew, chains in order. */
static int write_blocks(struct chains *x)
{
    struct ir_func *f = x->f;
    struct chain chain;

    x->parent = opt_parents(f);
    x->moved = arena_array(f->arena, bool, f->block.n);
    x->place = arena_array(f->arena, uint32_t, f->block.n);
    if (!x->parent || !x->moved || !x->place)
        return WEIR_E_MEMORY;
    for (uint32_t i = 0; i < f->block.n; i++) {
        x->place[i] = x->block.n;
        if (x->moved[i])
            continue;
        if (read_chain(x, i, &chain) && sort_numbers(f, &chain))
            write_chain(x, i, &chain);
        else if (!vec_push(f->arena, &x->block, f->block.at[i]))
            return WEIR_E_MEMORY;
    }
    if (f->failed)
        return WEIR_OK;
    f->block.at = x->block.at;
    f->block.cap = x->block.cap;
    opt_renumber(f, x->place, x->block.n);
    return WEIR_OK;
}

int pass_chains(struct ir_func *f)
{
    struct chains x = {.f = f};
    struct chain chain;
    uint32_t i = 0;

    if (f->asked.n == 0)
        return WEIR_OK;
    while (x.first < f->block.n && f->block.at[x.first].on != f->usual.on)
        x.first++;
    while (i < f->block.n && !(read_chain(&x, i, &chain) && sort_numbers(f, &chain)))
        i++;
    return i < f->block.n ? write_blocks(&x) : WEIR_OK;
}
