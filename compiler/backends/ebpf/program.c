/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/ebpf/program.c - programs: the pieces of one, how it begins, how it ends.
 *
 *   DIRECT   r1 context where it is needed, r2 data, r3 data_end; a function over bytes has its arguments
 *            there (r1 data, r2 data_end, r3 length). Values prefer r0 to r5, which cost no saving and short
 *            code. A program that looks into sets or asks for metadata: r6 context or length, r8 data, r9
 * data_end With READS_SKB: r6 context, r2 data, r7 linear length COPY     r6 context, r7 length, both of
 * which calls leave alone LOADS    the same; LD_ABS wants the context in r6
 *
 * A direct program whose target can have bytes behind data_end continues, where a check fails, in a COPY
 * piece that decides anew from the first block: a filter is a pure function of the packet. It costs the
 * packets that need it, not the others. The DIRECT piece of a short program speculates (SPECULATION_MAX);
 * where there is no COPY piece to settle doubts, a second DIRECT one does.
 *
 * Where r0 is not needed for anything else, it holds from the start what a miss returns: a test that fails
 * goes to the exit, and a match sets r0 in front of it. Of several exits Linux's JIT makes jumps to the
 * first.
 */
#include "backends/ebpf/select.h"
#include <stddef.h>
#include <string.h>

#define SHORT_BLOCKS 64
#define SHORT_CASES  256

/*
 * A packet load of a socket program is a call: 8.4 ns where one that copies up to 64 bytes takes 24 and one
 * of 128 bytes 31 (x86-64, the packet linear). So three loads cost a packet at most what the copy does.
 */
#define LOADS_MAX  3
#define LOADS_MEAN (2 << 16)

struct program {
    struct ir_func *f;
    const struct ebpf_target *target;
    const struct ebpf_target_options *o;
    struct diag_sink *sink;
    struct arena *arena;
    struct asm_code c;
    bool calls; /* looks into sets, or asks for metadata: the direct piece calls, too */
};

static bool has_fallback(const struct program *g)
{
    return g->target->load_bytes && (g->o->target != WEIR_TARGET_XDP || g->o->frags);
}

/* Whether an XDP program's frame may have several buffers, so that only a helper knows its length. */
static bool len_is_called(const struct program *g)
{
    return g->o->target == WEIR_TARGET_XDP && g->o->frags;
}

static struct labels new_labels(struct program *g)
{
    struct labels l = {.block = g->c.label.n};

    for (uint32_t i = 0; i < g->f->block.n; i++)
        asm_label(&g->c);
    l.accept = asm_label(&g->c);
    l.reject = asm_label(&g->c);
    return l;
}

static int report(struct program *g, const struct select *s, int status)
{
    if (status == WEIR_E_UNSUPPORTED)
        diag(g->sink, DIAG_NO_METADATA, (struct diag_at){.at = s->p.metadata_at}, g->target->article_name,
             ir_meta_find(g->f->value.at[s->p.metadata].imm)->word);
    if (status == WEIR_E_LIMIT)
        diag(g->sink, DIAG_TOO_BIG, (struct diag_at){0}, "the 512 bytes of stack an eBPF program has");
    return status;
}

/* ---------------------------------------------------------------- ends */

static bool is_target(const struct asm_code *c, uint32_t label)
{
    for (uint32_t i = 0; i < c->item.n; i++)
        if (c->item.at[i].label == label)
            return true;
    return false;
}

/* *(u64 *)(r0 + offset) += r9, or 1. */
static void emit_add_to_counter(struct asm_code *c, int offset, bool bytes)
{
    asm_load(c, 8, 1, 0, offset);
    if (bytes)
        asm_alu(c, CLASS_ALU64, ALU_ADD, 1, 9);
    else
        asm_alu_imm(c, CLASS_ALU64, ALU_ADD, 1, 1);
    asm_store(c, 0, offset, 1);
}

/* The frame's length to r9. */
static void emit_len(struct program *g, const struct piece *q)
{
    if (q->len != NO_REGISTER) {
        asm_alu(&g->c, CLASS_ALU64, ALU_MOV, 9, q->len);
    } else if (g->target->len != NOT_THERE) {
        asm_load(&g->c, 4, 9, q->context, g->target->len);
    } else if (len_is_called(g)) {
        asm_alu(&g->c, CLASS_ALU64, ALU_MOV, 1, q->context);
        asm_call(&g->c, HELPER_XDP_FRAME_LEN);
        asm_alu(&g->c, CLASS_ALU64, ALU_MOV, 9, 0);
    } else {
        if (q->end != 9)
            asm_alu(&g->c, CLASS_ALU64, ALU_MOV, 9, q->end);
        asm_alu(&g->c, CLASS_ALU64, ALU_SUB, 9, q->data);
    }
}

/* @matched: the register that holds 1 when the packet matched, else 0. */
static void emit_count(struct program *g, const struct piece *q, int matched)
{
    struct asm_code *c = &g->c;
    uint32_t counted = asm_label(c);

    emit_len(g, q);
    asm_store_imm(c, REG_FRAME, -8, 0);
    asm_load_reloc(c, 1, EBPF_RELOC_COUNTERS, 0);
    asm_alu(c, CLASS_ALU64, ALU_MOV, 2, REG_FRAME);
    asm_alu_imm(c, CLASS_ALU64, ALU_ADD, 2, (uint32_t)-8);
    asm_call(c, HELPER_MAP_LOOKUP);
    asm_branch_imm(c, CLASS_JMP, JUMP_EQ, 0, 0, counted);
    emit_add_to_counter(c, offsetof(struct ebpf_counters, seen_packets), false);
    emit_add_to_counter(c, offsetof(struct ebpf_counters, seen_bytes), true);
    asm_branch_imm(c, CLASS_JMP32, JUMP_EQ, matched, 0, counted);
    emit_add_to_counter(c, offsetof(struct ebpf_counters, matched_packets), false);
    emit_add_to_counter(c, offsetof(struct ebpf_counters, matched_bytes), true);
    asm_bind(c, counted);
}

/* Code that no jump leads to is refused, so only ends that are reached are there. */
static void emit_counting_exits(struct program *g, const struct piece *q, bool accepts, bool rejects)
{
    struct asm_code *c = &g->c;
    uint32_t count = asm_label(c), out = asm_label(c);
    int matched = q->data == 8 ? 7 : 8; /* not where the frame's length is still to be taken from */

    if (accepts) {
        asm_bind(c, q->labels.accept);
        asm_alu_imm(c, CLASS_ALU32, ALU_MOV, matched, 1);
    }
    if (accepts && rejects)
        asm_jump(c, count);
    if (rejects) {
        asm_bind(c, q->labels.reject);
        asm_alu_imm(c, CLASS_ALU32, ALU_MOV, matched, 0);
    }
    asm_bind(c, count);
    emit_count(g, q, matched);
    asm_alu_imm(c, CLASS_ALU32, ALU_MOV, 0, g->o->on_miss);
    asm_branch_imm(c, CLASS_JMP32, JUMP_EQ, matched, 0, out);
    asm_alu_imm(c, CLASS_ALU32, ALU_MOV, 0, g->o->on_match);
    asm_bind(c, out);
    asm_exit(c);
}

static void put_verdict(struct asm_code *c, uint32_t label, uint32_t verdict)
{
    asm_bind(c, label);
    asm_alu_imm(c, CLASS_ALU32, ALU_MOV, 0, verdict);
}

/* Whether the code so far can run on behind its end: it does not end in a jump or exit, or something ends
 * there. */
static bool is_open(const struct asm_code *c)
{
    uint32_t n = c->item.n;
    uint8_t last = n ? c->item.at[n - 1].insn.code : 0;

    if (last != (CLASS_JMP | JUMP_A) && last != (CLASS_JMP | JUMP_EXIT))
        return true;
    for (uint32_t l = 0; l < c->label.n; l++)
        if (c->label.at[l] == n)
            return true;
    return false;
}

/* Behind the blocks of a piece: what packets run through lies together, and no other piece's in between. */
static void emit_exits(struct program *g, const struct piece *q)
{
    struct asm_code *c = &g->c;

    c->at = (struct span){0, 0};
    if (asm_failed(c))
        return;
    bool accepts = (g->f->entry != IR_REJECT && is_open(c)) || is_target(c, q->labels.accept);
    bool rejects = g->f->entry == IR_REJECT || is_target(c, q->labels.reject);
    if (g->o->count && (accepts || rejects)) {
        emit_counting_exits(g, q, accepts, rejects);
        return;
    }
    if (accepts)
        put_verdict(c, q->labels.accept, g->o->on_match);
    if (q->miss != MISS_AT_END) {
        asm_bind(c, q->labels.reject);
    } else if (rejects) {
        if (accepts)
            asm_exit(c);
        put_verdict(c, q->labels.reject, g->o->on_miss);
    }
    if (accepts || rejects)
        asm_exit(c);
}

/* ---------------------------------------------------------------- pieces */

/*
 * Early, where nothing but the verdict needs r0: no call, no counter, no shortage. @s has planned the piece,
 * whose pool is known.
 */
static enum miss miss_of(const struct program *g, const struct select *s, const struct piece *q)
{
    uint32_t work = q->pool & ~s->p.home_registers & ~1u;
    bool blocks = g->f->entry < g->f->block.n;
    bool mine = !g->o->count && !s->p.calls && s->p.access != ACCESS_LOADS;

    return blocks && mine && __builtin_popcount(work) >= WORK_REGS_MIN ? MISS_FIRST : MISS_AT_END;
}

static int emit_piece(struct program *g, struct select *s, const struct piece *q)
{
    int status = select_emit(s, q);

    if (status < 0)
        return report(g, s, status);
    emit_exits(g, q);
    return 0;
}

static bool is_few(struct plan_loads n)
{
    return n.most <= LOADS_MAX && n.mean <= LOADS_MEAN;
}

/* Plans a piece that calls; where the stack is too small for a copy as well, it goes without. */
static int plan_copy(struct program *g, struct select *s, struct piece *q)
{
    *q = (struct piece){
        .plan = {g->target, ACCESS_COPY, INT32_MAX, WINDOW_MAX, false, 4, {8, 9, 5, 4}},
        .labels = new_labels(g),
        .data = NO_REGISTER,
        .end = NO_REGISTER,
        .context = 6,
        .len = 7,
        .pool = 0x33f,
    };
    q->fail = q->labels.reject;
    q->on_miss = g->o->on_miss;
    int status = select_init(s, g->f, g->arena, &g->c, q);
    bool loads = g->target->reads == READS_CALLS && !g->calls;
    if (status == WEIR_E_LIMIT || (status == 0 && loads && is_few(plan_count_loads(&s->p)))) {
        q->plan.window_max = 0;
        if (loads)
            q->plan.access = ACCESS_LOADS;
        status = select_init(s, g->f, g->arena, &g->c, q);
    }
    q->miss = miss_of(g, s, q);
    return status < 0 ? report(g, s, status) : 0;
}

/* The context, which is in @context, and the length to their registers. */
static void begin_copy(struct program *g, int context)
{
    if (context != 6)
        asm_alu(&g->c, CLASS_ALU64, ALU_MOV, 6, context);
    if (len_is_called(g)) {
        if (context != 1)
            asm_alu(&g->c, CLASS_ALU64, ALU_MOV, 1, context);
        asm_call(&g->c, HELPER_XDP_FRAME_LEN);
        asm_alu(&g->c, CLASS_ALU32, ALU_MOV, 7, 0);
    } else {
        asm_load(&g->c, 4, 7, 6, g->target->len);
    }
}

/*
 * Where an exact check of the direct piece failed: a packet that has no bytes elsewhere is rejected, and
 * others go on to the cold piece.
 */
static void emit_failed(struct program *g, const struct piece *direct, const struct piece *cold)
{
    struct asm_code *c = &g->c;
    int data = direct->data, end = direct->end;
    bool held = direct->miss != MISS_AT_END && !len_is_called(g), by_length = g->target->reads == READS_SKB;

    asm_bind(c, direct->fail);
    if (len_is_called(g) && g->calls) { /* the registers are chosen to outlive calls */
        asm_alu(c, CLASS_ALU64, ALU_MOV, 1, direct->context);
        asm_call(c, HELPER_XDP_FRAME_LEN);
        asm_alu(c, CLASS_ALU32, ALU_MOV, 7, 0);
    } else if (len_is_called(g)) {
        asm_alu(c, CLASS_ALU64, ALU_MOV, 6, direct->context);
        asm_alu(c, CLASS_ALU64, ALU_MOV, 8, data);
        asm_alu(c, CLASS_ALU64, ALU_MOV, 9, end);
        asm_call(c, HELPER_XDP_FRAME_LEN);
        asm_alu(c, CLASS_ALU64, ALU_MOV, direct->context, 6);
        asm_alu(c, CLASS_ALU32, ALU_MOV, 7, 0);
        data = 8;
        end = 9;
    } else {
        asm_load(c, 4, by_length ? 5 : 7, direct->context, g->target->len);
    }
    if (!held && cold->miss != MISS_AT_END)
        asm_alu_imm(c, CLASS_ALU32, ALU_MOV, 0, g->o->on_miss);
    if (!by_length)
        asm_alu(c, CLASS_ALU64, ALU_MOV, 5, 7); /* r7 is the length at the cold piece's ends, too */
    /* data + len > data_end, in the form the verifier takes */
    asm_branch_imm(c, CLASS_JMP, JUMP_GT, 5, EBPF_REACH_MAX, direct->doubt);
    if (!by_length)
        asm_alu(c, CLASS_ALU64, ALU_ADD, 5, data);
    asm_branch(c, CLASS_JMP, JUMP_LE, 5, end, cold->labels.reject);
}

static int emit_cold(struct program *g, const struct piece *direct)
{
    struct select s = {0};
    struct piece q;
    int status = plan_copy(g, &s, &q);

    if (status < 0)
        return status;
    if (is_target(&g->c, direct->fail))
        emit_failed(g, direct, &q);
    asm_bind(&g->c, direct->doubt);
    g->c.cold = g->c.item.n;
    begin_copy(g, direct->context);
    return emit_piece(g, &s, &q);
}

static int emit_socket(struct program *g)
{
    struct select s = {0};
    struct piece q;
    int status = plan_copy(g, &s, &q);

    if (status < 0)
        return status;
    if (g->f->entry < g->f->block.n)
        begin_copy(g, 1);
    return emit_piece(g, &s, &q);
}

/* The exact direct piece behind one that speculated; its registers are as at the start. */
static int emit_careful(struct program *g, const struct piece *likely)
{
    struct select s = {0};
    struct piece q = *likely;

    q.plan.speculate = false;
    q.labels = new_labels(g);
    q.fail = q.labels.reject;
    int status = select_init(&s, g->f, g->arena, &g->c, &q);
    if (status < 0)
        return report(g, &s, status);
    if (q.miss != MISS_AT_END)
        q.miss = miss_of(g, &s, &q) == MISS_AT_END ? MISS_AT_END : MISS_HELD;
    asm_bind(&g->c, likely->doubt);
    return emit_piece(g, &s, &q);
}

/*
 * The linear part of struct sk_buff, which the context stands for. Both calls are moves when Linux has loaded
 * them: the first makes a pointer to the structure, the second makes one of an address, through which may be
 * read whatever it leads to. What is not there would be read as 0, but bounds are checked as everywhere.
 */
static void begin_skb(struct program *g, const struct piece *q)
{
    struct asm_code *c = &g->c;

    asm_alu(c, CLASS_ALU64, ALU_MOV, q->context, 1);
    asm_call_kfunc(c, KFUNC_CAST_TO_KERN_CTX);
    asm_load_field(c, q->end, 0, SKB_LEN);
    asm_load_field(c, 1, 0, SKB_DATA_LEN);
    asm_alu(c, CLASS_ALU64, ALU_SUB, q->end, 1);
    asm_load_field(c, 1, 0, SKB_DATA);
    asm_alu_imm(c, CLASS_ALU32, ALU_MOV, 2, 0); /* of no type */
    asm_call_kfunc(c, KFUNC_RDONLY_CAST);
    asm_alu(c, CLASS_ALU64, ALU_MOV, q->data, 0);
}

/* The same where it calls: everything is where calls leave it alone. */
static void begin_calling(struct program *g, struct piece *q, const struct plan *p)
{
    struct asm_code *c = &g->c;

    q->data = 8;
    q->end = 9;
    q->pool = 0xbf; /* r0 to r5, r7 */
    if (g->target->reads == READS_ARGUMENTS) {
        q->len = 6;
        asm_alu(c, CLASS_ALU64, ALU_MOV, q->len, 3);
        asm_alu(c, CLASS_ALU64, ALU_MOV, q->data, 1);
        asm_alu(c, CLASS_ALU64, ALU_MOV, q->end, 2);
        return;
    }
    q->context = 6;
    if (g->target->reads == READS_SKB) {
        begin_skb(g, q);
        return;
    }
    asm_alu(c, CLASS_ALU64, ALU_MOV, q->context, 1);
    if (len_is_called(g) && p->len_wanted) {
        q->len = 7;
        q->pool = 0x3f;
        asm_call(c, HELPER_XDP_FRAME_LEN);
        asm_alu(c, CLASS_ALU32, ALU_MOV, q->len, 0);
    }
    asm_load(c, 4, q->data, q->context, g->target->data);
    asm_load(c, 4, q->end, q->context, g->target->data_end);
}

static void begin_direct(struct program *g, struct piece *q, const struct plan *p)
{
    struct asm_code *c = &g->c;

    if (g->target->reads == READS_ARGUMENTS) {
        q->data = 1;
        q->end = 2;
        q->len = 3;
        q->pool = 0x3f1;
        return;
    }
    q->data = 2;
    if (g->target->reads == READS_SKB) {
        q->context = 6;
        q->end = 7;
        q->pool = 0x33b;
        if (g->f->entry < g->f->block.n)
            begin_skb(g, q);
        return;
    }
    q->end = 3;
    q->pool = 0x3f3;
    if (len_is_called(g) && p->len_wanted) {
        q->len = 9;
        q->pool &= ~(1u << 9);
        asm_alu(c, CLASS_ALU64, ALU_MOV, 6, 1);
        asm_call(c, HELPER_XDP_FRAME_LEN);
        asm_alu(c, CLASS_ALU32, ALU_MOV, 9, 0);
        asm_alu(c, CLASS_ALU64, ALU_MOV, 1, 6);
    }
    if (has_fallback(g) || p->context_wanted || g->o->count) {
        q->context = 1;
        q->pool &= ~(1u << 1);
    }
    if (g->f->entry < g->f->block.n || g->o->count) {
        asm_load(c, 4, q->data, 1, g->target->data);
        asm_load(c, 4, q->end, 1, g->target->data_end);
    }
}

/* Whether a second copy of the code is cheap. */
static bool is_short(struct ir_func *f, bool tables)
{
    uint32_t cases = 0;

    for (uint32_t i = 0; i < f->block.n && f->block.n <= SHORT_BLOCKS; i++) {
        const struct ir_block *b = &f->block.at[i];
        if (!tables || b->on == IR_NONE || !table_suits(f, b))
            cases += b->to.n;
    }
    return f->block.n <= SHORT_BLOCKS && cases <= SHORT_CASES;
}

static int emit_direct(struct program *g)
{
    struct select s = {0};
    struct piece q = {
        .plan = {g->target,
                 ACCESS_DIRECT,
                 EBPF_REACH_MAX,
                 0,
                 is_short(g->f, g->o->tables),
                 len_is_called(g) ? 2 : 3,
                 {5, 4, 8, 6}},
        .labels = new_labels(g),
        .on_miss = g->o->on_miss,
        .data = NO_REGISTER,
        .end = NO_REGISTER,
        .context = NO_REGISTER,
        .len = NO_REGISTER,
    };

    if (g->calls) { /* one register for homes, and none where the length may need it */
        q.plan.home_regs = len_is_called(g) ? 0 : 1;
        q.plan.home_register[0] = 7;
    }
    q.doubt = asm_label(&g->c);
    q.fail = has_fallback(g) ? asm_label(&g->c) : q.labels.reject;
    int status = select_init(&s, g->f, g->arena, &g->c, &q);
    if (status < 0)
        return report(g, &s, status);
    g->calls ? begin_calling(g, &q, &s.p) : begin_direct(g, &q, &s.p);
    q.miss = miss_of(g, &s, &q);
    status = emit_piece(g, &s, &q);
    if (status == 0 && has_fallback(g) && (is_target(&g->c, q.fail) || is_target(&g->c, q.doubt)))
        return emit_cold(g, &q);
    if (status == 0 && is_target(&g->c, q.doubt))
        return emit_careful(g, &q);
    return status;
}

/* All but the layout. */
static int emit_program(struct program *g)
{
    asm_init(&g->c, g->arena, 0, g->o->limit);
    g->c.tables = g->o->tables;
    return g->target->reads == READS_CALLS ? emit_socket(g) : emit_direct(g);
}

/* Whether @n is a call however the packet is read. */
static bool calls_something(const struct ebpf_target *t, const struct ir_node *n)
{
    const struct ebpf_meta *m = n->op == IR_META ? ebpf_target_meta(t, n->imm) : NULL;

    return ir_is_lookup(n) || (m && m->helper);
}

/* @f with matches in place of the numbers that its blocks return: @f itself, where none does, or @copy. NULL:
 * no memory. */
static struct ir_func *without_numbers(struct ir_func *f, struct ir_func *copy)
{
    uint32_t b = 0;

    while (b < f->block.n && !ir_returns(&f->block.at[b]))
        b++;
    if (b == f->block.n)
        return f;
    *copy = *f;
    copy->block.at = arena_array(f->arena, struct ir_block, f->block.n);
    if (!copy->block.at)
        return NULL;
    memcpy(copy->block.at, f->block.at, f->block.n * sizeof *f->block.at);
    copy->block.cap = f->block.n;
    ir_only_match(copy);
    return copy->failed ? NULL : copy;
}

int ebpf_emit(struct ir_func *f, const struct ebpf_target_options *o, struct diag_sink *sink,
              struct ebpf_code *out)
{
    struct ir_func copy;

    if (!o->numbers)
        f = without_numbers(f, &copy);
    if (!f)
        return WEIR_E_MEMORY;
    struct program g = {.f = f, .target = ebpf_target_of(o), .o = o, .sink = sink, .arena = out->arena};

    if (!g.target)
        return WEIR_E_ARGUMENT;
    for (ir_value v = 0; v < f->value.n; v++)
        g.calls |= calls_something(g.target, &f->value.at[v]);
    int status = emit_program(&g);
    if (status < 0)
        return status;
    status = asm_finish(&g.c, out);
    if (status == WEIR_E_LIMIT)
        diag(sink, DIAG_TOO_BIG, (struct diag_at){0}, "the instructions an eBPF program may have");
    return status;
}
