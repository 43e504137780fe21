/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/plan.h - what the files of the plan share: helpers, and the passes plan_make() runs.
 */
#ifndef WEIR_BACKENDS_EBPF_PLAN_H
#define WEIR_BACKENDS_EBPF_PLAN_H
#include "backends/ebpf/internal.h"

/** Ids a pass has still to look at. */
struct id_stack {
    VEC(uint32_t) at;
};

/** Puts @id on @s; sets `no_memory` if it cannot. */
static inline void plan_push(struct plan *p, struct id_stack *s, uint32_t id)
{
    if (!vec_push(p->arena, &s->at, id))
        p->no_memory = true;
}

/** What computes value @v. */
static inline const struct ir_node *plan_node(const struct plan *p, ir_value v)
{
    return &p->f->value.at[v];
}

/** Whether value @v is a constant. */
static inline bool plan_is_const(const struct plan *p, ir_value v)
{
    return plan_node(p, v)->op == IR_CONST;
}

/* ---- plan.c */

/** The PHI that makes value @v, or NULL. */
const struct ir_phi *plan_phi_of(const struct plan *p, ir_value v);

/** What the guards of @b itself reach from the packet's start. */
uint32_t plan_own_reach(const struct plan *p, uint32_t b);

/** A mask of a packet-order value is in packet order, if its constant is swapped. */
bool plan_is_mask(const struct plan *p, const struct ir_node *n);

/* ---- plan_tests.c */

/** Makes switches in a row on one value one switch. @edges is scratch, by block. */
void plan_merge_switches(struct plan *p, uint32_t *edges);

/** Makes two tests of neighbouring bytes one. @known and @edges are scratch, by block. */
void plan_find_wides(struct plan *p, uint32_t *known, uint32_t *edges);

/* ---- plan_packet.c */

/** What the verifier knows of every value: known_max, shown, zeros. */
void plan_find_bounds(struct plan *p);

/** The phase that aligns the most bytes (COPY). */
void plan_find_phase(struct plan *p);

/** The window, what calls need of the stack, and how many homes are left. */
void plan_find_frame(struct plan *p);

/** Every pointer the program uses (DIRECT). */
void plan_find_pointers(struct plan *p);

/* ---- plan_homes.c */

/** How many registers the evaluation of each id takes. */
void plan_find_need(struct plan *p);

/** idom[b], or b itself where the entry is all that is known. */
void plan_find_dominators(const struct plan *p, uint32_t *idom);

/** Between which blocks each id is used. @def is IR_NONE and @stamp 0 for every id. */
void plan_find_uses(struct plan *p, struct id_stack *s, const uint32_t *idom, uint32_t *def, uint32_t *stamp);

/** Gives homes out. @head, by block, and @next, by id, are scratch. */
void plan_find_homes(struct plan *p, uint32_t *head, uint32_t *next);
#endif
