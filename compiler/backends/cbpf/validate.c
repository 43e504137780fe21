/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/cbpf/validate.c - judgement: is a classic program well formed, and would Linux take it.
 *
 * Source: linux/net/core/filter.c, bpf_check_classic(). What the kernel's translation to eBPF costs was
 * measured (one program of each instruction, repeated until the socket refused it).
 */
#include "backends/cbpf/cbpf.h"
#include "backends/cbpf/emit.h"

#define KERNEL_EXPANDED_MAX 16374 /* eBPF instructions of a program of less than 131,072 bytes */
#define KERNEL_PROLOGUE     10    /* of a program that loads */

/* Every opcode that exists, by number. */
static bool opcode_known(uint16_t code)
{
#define ALU(what) [CB_ALU | (what)] = true, [CB_ALU | CB_X | (what)] = true
#define JMP(what) [CB_JMP | (what)] = true, [CB_JMP | CB_X | (what)] = true
    static const bool known[] = {
        [CB_LD | CB_IMM] = true,
        [CB_LD | CB_LEN] = true,
        [CB_LD | CB_MEM] = true,
        [CB_LD | CB_W | CB_ABS] = true,
        [CB_LD | CB_H | CB_ABS] = true,
        [CB_LD | CB_B | CB_ABS] = true,
        [CB_LD | CB_W | CB_IND] = true,
        [CB_LD | CB_H | CB_IND] = true,
        [CB_LD | CB_B | CB_IND] = true,
        [CB_LDX | CB_IMM] = true,
        [CB_LDX | CB_LEN] = true,
        [CB_LDX | CB_MEM] = true,
        [CB_LDX_MSH] = true,
        [CB_ST] = true,
        [CB_STX] = true,
        ALU(CB_ADD),
        ALU(CB_SUB),
        ALU(CB_MUL),
        ALU(CB_DIV),
        ALU(CB_MOD),
        ALU(CB_AND),
        ALU(CB_OR),
        ALU(CB_XOR),
        ALU(CB_LSH),
        ALU(CB_RSH),
        [CB_ALU | CB_NEG] = true,
        [CB_JMP | CB_JA] = true,
        JMP(CB_JEQ),
        JMP(CB_JGT),
        JMP(CB_JGE),
        JMP(CB_JSET),
        [CB_RET_K] = true,
        [CB_RET_A] = true,
        [CB_TAX] = true,
        [CB_TXA] = true,
    };
#undef ALU
#undef JMP

    return code < sizeof known && known[code];
}

static bool metadata_known(uint32_t k)
{
    uint32_t n = k - CB_META_BASE;

    return n % 4 == 0 && n <= 60;
}

static const char *check_instruction(const struct weir_cbpf_insn *in, uint32_t behind)
{
    uint16_t cls = in->code & CB_CLASS;

    if (!opcode_known(in->code))
        return "unknown instruction";
    switch (cls) {
    case CB_LD:
        if ((in->code & CB_MODE) == CB_ABS && in->k >= CB_META_BASE && !metadata_known(in->k))
            return "load of unknown metadata";
        break;
    case CB_ALU:
        if (in->code & CB_X)
            break;
        if (((in->code & CB_OPERATOR) == CB_DIV || (in->code & CB_OPERATOR) == CB_MOD) && in->k == 0)
            return "division by the constant zero";
        if (((in->code & CB_OPERATOR) == CB_LSH || (in->code & CB_OPERATOR) == CB_RSH) && in->k >= 32)
            return "shift by more than 31";
        break;
    case CB_JMP:
        if (in->code == (CB_JMP | CB_JA) ? in->k >= behind : in->jt >= behind || in->jf >= behind)
            return "jump past the end";
        break;
    }
    if ((cls == CB_ST || cls == CB_STX || in->code == CB_LD_MEM || in->code == CB_LDX_MEM) &&
        in->k >= CBPF_SCRATCH_CELLS)
        return "scratch cell out of range";
    return NULL;
}

/*
 * Every scratch cell that is loaded was stored on all paths. Jumps go forward, so one pass meets every
 * predecessor first. `mask[i]` are the cells stored on all jumps to i seen so far. The kernel lets what was
 * stored before a `ret` flow into the instruction behind it (@through_ret), which nothing reaches that way.
 */
static const char *check_cells_in(uint16_t *mask, const struct weir_cbpf_insn *code, uint32_t n,
                                  bool through_ret)
{
    uint16_t stored = 0;

    for (uint32_t i = 0; i < n; i++)
        mask[i] = 0xffff;
    for (uint32_t i = 0; i < n; i++) {
        stored &= mask[i];
        switch (code[i].code & CB_CLASS) {
        case CB_ST:
        case CB_STX:
            stored |= (uint16_t)(1u << code[i].k);
            break;
        case CB_LD:
        case CB_LDX:
            if ((code[i].code & CB_MODE) == CB_MEM && !(stored >> code[i].k & 1))
                return "scratch cell loaded before it is stored";
            break;
        case CB_JMP:
            if (code[i].code == (CB_JMP | CB_JA)) {
                mask[i + 1 + code[i].k] &= stored;
            } else {
                mask[i + 1 + code[i].jt] &= stored;
                mask[i + 1 + code[i].jf] &= stored;
            }
            stored = 0xffff;
            break;
        case CB_RET:
            if (!through_ret)
                stored = 0xffff;
            break;
        }
    }
    return NULL;
}

static const char *check_cells(const struct weir_cbpf_insn *code, uint32_t n, bool through_ret)
{
    uint16_t few[CBPF_KERNEL_MAX]; /* only programs that are too long for Linux need the heap */
    uint32_t first = 0;

    while (first < n && code[first].code != CB_LD_MEM && code[first].code != CB_LDX_MEM)
        first++;
    if (first == n)
        return NULL;
    if (n <= CBPF_KERNEL_MAX)
        return check_cells_in(few, code, n, through_ret);

    uint16_t *many = mem_alloc(&allocator_system, (size_t)n * sizeof *many);
    if (!many)
        return "no memory to check it";
    const char *why = check_cells_in(many, code, n, through_ret);
    mem_free(&allocator_system, many);
    return why;
}

bool cbpf_kernel_refuses_cells(const struct weir_cbpf_insn *code, uint32_t n)
{
    return check_cells(code, n, true) != NULL;
}

const char *cbpf_validate(const struct weir_cbpf_insn *code, uint32_t n)
{
    if (n == 0)
        return "empty program";
    for (uint32_t i = 0; i < n; i++) {
        const char *why = check_instruction(&code[i], n - i - 1);
        if (why)
            return why;
    }
    if ((code[n - 1].code & CB_CLASS) != CB_RET)
        return "last instruction is not ret";
    return check_cells(code, n, false);
}

/* How many eBPF instructions the kernel makes of a jump that compares: two where it goes past the next
 * instruction either way, and one more where a constant that is negative as 32 bits goes through a register.
 */
static uint32_t jump_expansion(const struct weir_cbpf_insn *in)
{
    const uint32_t through_register = !(in->code & CB_X) && in->k >= 0x80000000u;
    const bool turned = in->jt == 0 && (in->code & CB_OPERATOR) != CB_JSET;

    return 1 + through_register + (in->jf != 0 && !turned);
}

/* How many eBPF instructions the kernel makes of one (bpf_convert_filter() in net/core/filter.c); of
 * divisions by X and of metadata about so many. */
static uint32_t expansion(const struct weir_cbpf_insn *in)
{
    uint16_t cls = in->code & CB_CLASS, mode = in->code & CB_MODE;

    switch (cls) {
    case CB_LD:
        if (mode == CB_ABS)
            return in->k >= CB_META_BASE ? 4 : 12 + (in->k != 0) + ((in->code & CB_SIZE) != CB_B);
        return mode == CB_IND ? 8 + (in->k != 0) : 1;
    case CB_LDX:
        return mode == CB_MSH ? 18 + (in->k != 0) : 1;
    case CB_ALU: /* a divisor in X is tested first */
        if (in->code & CB_X && ((in->code & CB_OPERATOR) == CB_DIV || (in->code & CB_OPERATOR) == CB_MOD))
            return 5;
        return 1;
    case CB_JMP:
        return in->code == (CB_JMP | CB_JA) ? 1 : jump_expansion(in);
    case CB_RET:
        return in->code == CB_RET_K ? 2 : 1;
    }
    return 1;
}

uint64_t cbpf_kernel_length(const struct weir_cbpf_insn *code, uint32_t n)
{
    uint64_t total = KERNEL_PROLOGUE;

    for (uint32_t i = 0; i < n; i++)
        total += expansion(&code[i]);
    return total;
}

const char *cbpf_kernel_refusal(const struct weir_cbpf_insn *code, uint32_t n)
{
    const char *why = cbpf_validate(code, n);

    if (why)
        return why;
    if (n > CBPF_KERNEL_MAX)
        return "Linux takes at most 4096 classic instructions";
    if (cbpf_kernel_length(code, n) > KERNEL_EXPANDED_MAX)
        return "Linux translates it to more than 16374 eBPF instructions";
    return check_cells(code, n, true);
}
