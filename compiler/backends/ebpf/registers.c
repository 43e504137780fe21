/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/registers.c - where values are: registers, homes and stack slots.
 *
 * Registers are given out as code is emitted; when they run out, the oldest value goes to the stack, since in
 * the order of a block's schedule it is needed last.
 */
#include "backends/ebpf/select.h"

int home_offset(const struct select *s, int home)
{
    return -(int)s->p.frame - 8 * (home - s->p.home_regs + 1);
}

static int slot_offset(const struct select *s, int slot)
{
    return -(int)s->p.frame - 8 * (slot + 1);
}

static bool in_own_register(const struct select *s, uint32_t id)
{
    return s->len != NO_REGISTER && !select_is_pointer(s, id) && select_node(s, id)->op == IR_LEN;
}

struct place *place_of(struct select *s, uint32_t id)
{
    struct place *l = &s->place[id];

    if (l->block != s->block + 1) {
        *l = (struct place){.block = s->block + 1, .reg = NO_REGISTER, .slot = -1};
        if (select_is_home(s, id)) {
            l->scheduled = true;
            l->reach = s->now->home[s->p.home[id]].reach;
        }
        l->scheduled |= in_own_register(s, id);
    }
    return l;
}

static int new_slot(struct select *s)
{
    for (uint32_t i = s->slots_from; i < STACK_SLOTS - s->p.frame / 8; i++)
        if (!s->slot_used[i]) {
            s->slot_used[i] = true;
            return (int)i;
        }
    s->no_stack = true;
    return (int)s->slots_from;
}

static void evict(struct select *s, int reg)
{
    uint32_t id = s->in_register[reg];
    struct place *l = place_of(s, id);

    if (l->uses && l->slot < 0 && !select_is_home(s, id) && !is_remade(s, id)) {
        l->slot = (int8_t)new_slot(s);
        asm_store(s->c, REG_FRAME, slot_offset(s, l->slot), reg);
    }
    l->reg = NO_REGISTER;
    s->in_register[reg] = IR_NONE;
}

int take_register(struct select *s)
{
    int oldest = NO_REGISTER;

    for (int r = 0; r < 10; r++) {
        if (!(s->pool >> r & 1) || s->pinned >> r & 1)
            continue;
        if (s->in_register[r] == IR_NONE) {
            oldest = r;
            break;
        }
        if (oldest == NO_REGISTER || s->age[r] < s->age[oldest])
            oldest = r;
    }
    if (oldest == NO_REGISTER) {
        s->bug = true;
        return 0;
    }
    if (s->in_register[oldest] != IR_NONE)
        evict(s, oldest);
    s->in_register[oldest] = TEMPORARY;
    s->pinned |= 1u << oldest;
    return oldest;
}

void give_back(struct select *s, int reg)
{
    s->in_register[reg] = IR_NONE;
    s->pinned &= ~(1u << reg);
}

void save_registers(struct select *s)
{
    for (int r = 0; r <= 5; r++)
        if (s->in_register[r] != IR_NONE && s->in_register[r] != TEMPORARY)
            evict(s, r);
    s->pinned &= ~0x3fu;
}

void keep_value(struct select *s, int reg, uint32_t id)
{
    s->in_register[reg] = id;
    s->age[reg] = s->clock++;
    place_of(s, id)->reg = (int8_t)reg;
}

void release_temporaries(struct select *s)
{
    for (int r = 0; r < 10; r++)
        if (s->in_register[r] == TEMPORARY)
            s->in_register[r] = IR_NONE;
    s->pinned = 0;
}

void value_used(struct select *s, uint32_t id)
{
    if (select_is_const(s, id))
        return;
    struct place *l = place_of(s, id);
    if (l->uses && --l->uses)
        return;
    if (l->reg != NO_REGISTER) {
        s->in_register[l->reg] = IR_NONE;
        s->pinned &= ~(1u << l->reg);
        l->reg = NO_REGISTER;
    }
    if (l->slot >= 0) {
        s->slot_used[l->slot] = false;
        l->slot = -1;
    }
}

int value_register(struct select *s, uint32_t id)
{
    int r;

    if (select_is_const(s, id)) {
        r = take_register(s);
        asm_alu_imm(s->c, CLASS_ALU32, ALU_MOV, r, select_node(s, id)->imm);
        return r;
    }
    if (in_own_register(s, id))
        return s->len;
    struct place *l = place_of(s, id);
    if (select_is_home(s, id) && s->p.home[id] < s->p.home_regs)
        return select_home_register(s, s->p.home[id]);
    if (l->reg == NO_REGISTER) {
        r = take_register(s);
        if (select_is_home(s, id))
            asm_load(s->c, 8, r, REG_FRAME, home_offset(s, s->p.home[id]));
        else if (l->slot >= 0)
            asm_load(s->c, 8, r, REG_FRAME, slot_offset(s, l->slot));
        else if (is_remade(s, id))
            remake(s, id, r);
        else
            s->bug = true; /* a PHI without a store, or a value without a step */
        keep_value(s, r, id);
    }
    s->pinned |= 1u << l->reg;
    return l->reg;
}

/* Whether @id gets its home in this block: somebody later wants it. */
static bool goes_home(const struct select *s, uint32_t id)
{
    return s->p.home[id] >= 0 && s->block >= s->p.first[id] && s->block < s->p.last[id];
}

int result_register(struct select *s, uint32_t id, int operand)
{
    if (goes_home(s, id) && s->p.home[id] < s->p.home_regs)
        return select_home_register(s, s->p.home[id]);
    if (operand != NO_REGISTER && s->pool >> operand & 1 &&
        (s->in_register[operand] == IR_NONE || s->in_register[operand] == TEMPORARY)) {
        s->in_register[operand] = TEMPORARY;
        s->pinned |= 1u << operand;
        return operand;
    }
    return take_register(s);
}

void result_done(struct select *s, uint32_t id, int reg)
{
    int h = s->p.home[id];

    if (goes_home(s, id)) {
        s->now->home[h].id = id;
        s->now->home[h].reach = place_of(s, id)->reach;
        if (h < s->p.home_regs)
            return;
        asm_store(s->c, REG_FRAME, home_offset(s, h), reg);
    }
    if (place_of(s, id)->uses)
        keep_value(s, reg, id);
}
