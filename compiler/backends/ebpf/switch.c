/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/switch.c - switches: ranges of a value to jumps.
 *
 * A segment of neighbouring ranges is halved by one comparison until few single values are left in it; those
 * are compared one by one. So n ranges cost about log2(n) comparisons, whatever n is.
 *
 * A load that is only compared for equality is not swapped to host order: its constants are, and the search
 * then runs in the order of the swapped constants.
 */
#include "backends/ebpf/internal.h"

#define POINTS_IN_A_ROW 3 /* single values compared one after the other */

/* A list of ranges and what the compared value can be at all, which cuts the outermost ones. */
struct ranges {
    const struct ir_case *to;
    uint32_t n;
    struct ir_range value;
};

static uint32_t first_of(const struct ranges *r, uint32_t i)
{
    uint32_t first = i ? r->to[i - 1].last + 1 : 0;

    return first > r->value.lo ? first : r->value.lo;
}

static uint32_t last_of(const struct ranges *r, uint32_t i)
{
    return r->to[i].last < r->value.hi ? r->to[i].last : r->value.hi;
}

static bool is_point(const struct ranges *r, uint32_t i)
{
    return last_of(r, i) == first_of(r, i);
}

/* The target of the widest of the ranges i..j. */
static uint32_t common_target(const struct ranges *r, uint32_t i, uint32_t j)
{
    uint32_t widest = i, width = 0;

    for (uint32_t k = i; k <= j; k++) {
        uint32_t first = first_of(r, k), last = last_of(r, k);
        if (last > first && last - first > width) {
            widest = k;
            width = last - first;
        }
    }
    return r->to[widest].target;
}

bool switch_is_points(const struct ir_block *b, struct ir_range value, uint32_t *otherwise)
{
    struct ranges r = {b->to.at, b->to.n, value};

    *otherwise = common_target(&r, 0, r.n - 1);
    for (uint32_t i = 0; i < r.n; i++)
        if (r.to[i].target != *otherwise && !is_point(&r, i))
            return false;
    return true;
}

struct segment {
    uint32_t i, j; /* ranges i..j */
    uint32_t label;
};

struct switch_state {
    struct asm_code *c;
    struct ranges r;
    uint32_t next;
    struct labels labels;
    struct segment pending[40]; /* halving: at most one for each bit of a range's index */
    uint32_t pendings;
};

static uint32_t target_label(const struct switch_state *s, uint32_t i)
{
    return label_of(s->r.to[i].target, s->labels);
}

/* What runs if the code of the current segment just ends: the next block, once nothing is pending. */
static bool falls_to(const struct switch_state *s, uint32_t target)
{
    return s->pendings == 0 && target == s->next;
}

static void finish(struct switch_state *s, uint32_t target)
{
    if (!falls_to(s, target))
        asm_jump(s->c, label_of(target, s->labels));
}

/* A segment of single values among the ranges of one target, few enough: compared one by one. */
static bool emit_points(struct switch_state *s, int reg, uint32_t i, uint32_t j)
{
    uint32_t points = 0, final = IR_NONE;

    if (j - i > 2 * POINTS_IN_A_ROW)
        return false;
    uint32_t otherwise = common_target(&s->r, i, j);
    for (uint32_t k = i; k <= j; k++)
        if (s->r.to[k].target != otherwise) {
            if (!is_point(&s->r, k) || ++points > POINTS_IN_A_ROW)
                return false;
            if (falls_to(s, s->r.to[k].target))
                final = k;
        }
    for (uint32_t k = i; k <= j; k++)
        if (s->r.to[k].target != otherwise && k != final)
            asm_branch_imm(s->c, CLASS_JMP32, JUMP_EQ, reg, last_of(&s->r, k), target_label(s, k));
    if (final == IR_NONE)
        finish(s, otherwise);
    else /* and on to what follows */
        asm_branch_imm(s->c, CLASS_JMP32, JUMP_NE, reg, last_of(&s->r, final),
                       label_of(otherwise, s->labels));
    return true;
}

static void emit_segment(struct switch_state *s, int reg, uint32_t i, uint32_t j)
{
    const struct ir_case *to = s->r.to;

    while (i < j && !emit_points(s, reg, i, j)) {
        uint32_t m = i + (j - i) / 2;

        if (m == i) { /* two ranges are left */
            if (falls_to(s, to[i].target)) {
                asm_branch_imm(s->c, CLASS_JMP32, JUMP_GT, reg, to[i].last, target_label(s, j));
            } else {
                asm_branch_imm(s->c, CLASS_JMP32, JUMP_LE, reg, to[i].last, target_label(s, i));
                finish(s, to[j].target);
            }
            return;
        }
        if (m + 1 == j) {
            asm_branch_imm(s->c, CLASS_JMP32, JUMP_GT, reg, to[m].last, target_label(s, j));
        } else {
            uint32_t label = asm_label(s->c);
            asm_branch_imm(s->c, CLASS_JMP32, JUMP_GT, reg, to[m].last, label);
            s->pending[s->pendings++] = (struct segment){m + 1, j, label};
        }
        j = m;
    }
    if (i == j)
        finish(s, to[i].target);
}

/* In-place heap sort by `last`: no recursion, no allocation. */
static void sort_cases(struct ir_case *a, uint32_t n)
{
    for (uint32_t built = n / 2, end = n; end > 1;) {
        if (built) {
            built--;
        } else {
            struct ir_case t = a[--end];
            a[end] = a[0];
            a[0] = t;
        }
        uint32_t root = built;
        for (;;) {
            uint32_t child = 2 * root + 1;
            if (child >= end)
                break;
            if (child + 1 < end && a[child].last < a[child + 1].last)
                child++;
            if (a[root].last >= a[child].last)
                break;
            struct ir_case t = a[root];
            a[root] = a[child];
            a[child] = t;
            root = child;
        }
    }
}

static uint32_t swapped(uint32_t x, unsigned bits)
{
    return bits == 16 ? __builtin_bswap16((uint16_t)x) : __builtin_bswap32(x);
}

/* The points of @b, swapped, as a list of ranges again. Returns its length; 0 when memory is out. */
static uint32_t swap_points(struct asm_code *c, const struct ranges *r, uint32_t otherwise, unsigned bits,
                            struct ir_case **out)
{
    uint32_t n = 0, m = 0;
    struct ir_case *point = arena_array(c->arena, struct ir_case, r->n);
    struct ir_case *range = arena_array(c->arena, struct ir_case, 2 * (size_t)r->n + 1);

    if (!point || !range) {
        c->no_memory = true;
        return 0;
    }
    for (uint32_t i = 0; i < r->n; i++)
        if (r->to[i].target != otherwise && (bits == 32 || last_of(r, i) <= 0xffff))
            point[n++] = (struct ir_case){swapped(last_of(r, i), bits), r->to[i].target};
    sort_cases(point, n);
    for (uint32_t i = 0; i < n; i++) {
        if (point[i].last != (m ? range[m - 1].last + 1 : 0))
            range[m++] = (struct ir_case){point[i].last - 1, otherwise};
        if (m && range[m - 1].target == point[i].target)
            range[m - 1].last = point[i].last;
        else
            range[m++] = point[i];
    }
    if (!m || range[m - 1].last != UINT32_MAX)
        range[m++] = (struct ir_case){UINT32_MAX, otherwise};
    *out = range;
    return m;
}

void switch_emit(struct asm_code *c, const struct ir_block *b, struct ir_range value, int reg,
                 unsigned raw_bits, uint32_t next, struct labels labels)
{
    struct switch_state s = {.c = c, .r = {b->to.at, b->to.n, value}, .next = next, .labels = labels};

    if (raw_bits) {
        struct ir_case *list = NULL;
        uint32_t otherwise;
        switch_is_points(b, value, &otherwise);
        s.r.n = swap_points(c, &s.r, otherwise, raw_bits, &list);
        if (!s.r.n)
            return;
        s.r.to = list;
        s.r.value = (struct ir_range){0, raw_bits == 16 ? 0xffff : UINT32_MAX};
    }
    s.pending[s.pendings++] = (struct segment){0, s.r.n - 1, IR_NONE};
    while (s.pendings) {
        struct segment g = s.pending[--s.pendings];
        if (g.label != IR_NONE)
            asm_bind(c, g.label);
        emit_segment(&s, reg, g.i, g.j);
    }
}
