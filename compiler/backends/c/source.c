/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/c/source.c - the IR as C.
 *
 *   b3: {
 *           if (SHORT_OF(15)) goto miss;           the bytes reach this far
 *           __u32 v2, v3;
 *           if (LOAD(v2, 1, 14)) goto miss;        a value, each behind its operands
 *           v3 = v2 & 0xf;
 *           if (v3 == 5) goto b4;                  the switch: few cases one by one, many as a search tree
 *           goto miss;
 *       }
 *
 * A block that only the one in front of it leads to goes on in its braces and finds its values. Others
 * compute what they need anew: values are pure, and what else they have in common is clang's to find. PHIs
 * are variables of the function, set where control leaves for their block. A named set is a map and a
 * function that looks into it, so that names inside the filter's function cannot hide it.
 */
#include "backends/c/internal.h"
#include <string.h>

#define LINEAR_CASES 8  /* of a switch; more make a search tree */
#define GUARD_LOOKS  64 /* values among which a load is looked for that makes a guard needless */
/* Loads at variable addresses from which the verifier cannot follow two ways of making each. */
#define FAR_LOADS 64

static const struct ir_node *node(const struct source *s, ir_value v)
{
    return &s->f->value.at[v];
}

/* How struct __sk_buff gives metadata. What has no row it does not have. */
static const struct {
    enum ir_meta meta;
    const char *c;
} skb_meta[] = {
    {META_PROTOCOL, "bpf_ntohs((__u16)ctx->protocol)"},
    {META_PKTTYPE, "ctx->pkt_type"},
    {META_IFINDEX, "ctx->ifindex"},
    {META_MARK, "ctx->mark"},
    {META_QUEUE, "ctx->queue_mapping"},
    {META_RXHASH, "ctx->hash"},
    {META_VLAN_TCI, "(ctx->vlan_tci & 0xffff)"},
    {META_VLAN_PRESENT, "(ctx->vlan_present != 0)"},
    {META_VLAN_TPID, "bpf_ntohs((__u16)ctx->vlan_proto)"},
};

/* How the target gives metadata, or NULL. */
static const char *meta_of(const struct source *s, uint32_t which)
{
    if (which == META_CPU)
        return "bpf_get_smp_processor_id()";
    if (s->o->target == WEIR_TARGET_XDP || s->o->target == WEIR_TARGET_FUNC)
        return s->o->target == WEIR_TARGET_XDP && which == META_IFINDEX ? "ctx->ingress_ifindex" : NULL;
    for (size_t i = 0; i < sizeof skb_meta / sizeof skb_meta[0]; i++)
        if (skb_meta[i].meta == which)
            return skb_meta[i].c;
    return NULL;
}

/* The first set whose name means something else to C; NULL when there is none. */
static const struct ir_set *find_c_word(const struct ir_func *f)
{
    static const char words[] =
        " auto break case char const continue default do double else enum extern float for goto if inline "
        "int "
        "long register restrict return short signed sizeof static struct switch typedef union unsigned void "
        "volatile while asm typeof load load_slowly ";
    char word[sizeof f->set.at->name + 2];

    for (uint32_t i = 0; i < f->set.n; i++) {
        word[0] = ' ';
        strcpy(word + 1, f->set.at[i].name);
        strcat(word, " ");
        if (strstr(words, word))
            return &f->set.at[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------- values */

static bool is_named(const struct source *s, ir_value v)
{
    return node(s, v)->op != IR_CONST && node(s, v)->op != IR_PHI;
}

/* Adds what @v needs, and itself, to the values of block @block. */
static void want(struct source *s, ir_value v, uint32_t block)
{
    uint32_t in = s->braces[block] + 1;

    if (!vec_push(s->scratch, &s->stack, v))
        s->no_memory = true;
    while (s->stack.n && !s->no_memory) {
        ir_value top = s->stack.at[s->stack.n - 1];
        const struct ir_node *n = node(s, top);
        ir_value next = IR_NONE;
        if (s->computed[top] == in) {
            s->stack.n--;
            continue;
        }
        if (n->a != IR_NONE && s->computed[n->a] != in)
            next = n->a;
        else if (n->b != IR_NONE && s->computed[n->b] != in)
            next = n->b;
        if (next != IR_NONE) { /* operands have smaller numbers: the stack descends */
            if (!vec_push(s->scratch, &s->stack, next))
                s->no_memory = true;
            continue;
        }
        s->stack.n--;
        s->computed[top] = in;
        if (is_named(s, top) && !vec_push(s->scratch, &s->order, top))
            s->no_memory = true;
        if (n->op == IR_META && !meta_of(s, n->imm) && !s->not_there) {
            s->not_there = ir_meta_find(n->imm);
            s->not_there_at = s->f->block.at[block].at;
        }
    }
}

static void put_operand(const struct source *s, ir_value v)
{
    const struct ir_node *n = node(s, v);

    if (n->op == IR_CONST)
        strbuf_printf(s->out, n->imm > 9 ? "0x%xu" : "%uu", (unsigned)n->imm);
    else
        strbuf_printf(s->out, n->op == IR_PHI ? "phi%u" : "v%u", (unsigned)v);
}

static const char *operator_of(unsigned op)
{
    switch ((enum ir_op)op) {
    case IR_ADD:
        return "+";
    case IR_SUB:
        return "-";
    case IR_MUL:
        return "*";
    case IR_UDIV:
        return "/";
    case IR_UMOD:
        return "%";
    case IR_AND:
        return "&";
    case IR_OR:
        return "|";
    case IR_XOR:
        return "^";
    case IR_SHL:
        return "<<";
    case IR_SHR:
        return ">>";
    case IR_EQ:
        return "==";
    case IR_UGT:
        return ">";
    case IR_UGE:
        return ">=";
    default:
        return NULL;
    }
}

static void put_address(const struct source *s, ir_value base, uint32_t offset)
{
    if (base == IR_NONE) {
        strbuf_printf(s->out, "%uu", (unsigned)offset);
        return;
    }
    put_operand(s, base);
    strbuf_printf(s->out, " + %uu", (unsigned)offset);
}

static bool is_const_in(const struct source *s, ir_value v, uint32_t lo, uint32_t hi)
{
    const struct ir_node *n = node(s, v);

    return n->op == IR_CONST && n->imm >= lo && n->imm <= hi;
}

/* The key is put together from loads, which give numbers. */
static void put_lookup(const struct source *s, ir_value v)
{
    const struct ir_node *n = node(s, v);
    unsigned bytes = ir_read_bytes(n);
    bool address = n->op == IR_LOOKUP32 || n->op == IR_LOOKUP128;

    strbuf_puts(s->out, "        {\n            __u32 word;\n");
    if (address)
        strbuf_printf(s->out, "            struct weir_set_address key = {%u, %u, {0}};\n", 32 + 8 * bytes,
                      bytes == 4 ? 4u : 6u);
    else
        strbuf_printf(s->out, "            __u8 key[%u];\n", bytes);
    for (unsigned i = 0; i < bytes;) {
        unsigned size = bytes - i < 4 ? bytes - i : 4;
        strbuf_printf(s->out, "            if (LOAD(word, %u, ", size);
        put_address(s, n->a, n->imm + i);
        strbuf_printf(
            s->out,
            ")) goto miss;\n            word = %s;\n            __builtin_memcpy(key%s + %u, &word, %u);\n",
            size == 4 ? "bpf_htonl(word)" : "bpf_htons((__u16)word)", address ? ".bytes" : "", i, size);
        i += size;
    }
    strbuf_printf(s->out, "            v%u = weir_in_%s(%skey);\n        }\n", (unsigned)v,
                  s->f->set.at[ir_lookup_set(s->f, n)].name, address ? "&" : "");
}

static void put_value(const struct source *s, ir_value v)
{
    const struct ir_node *n = node(s, v);
    const char *op = operator_of(n->op);
    bool divides = (n->op == IR_UDIV || n->op == IR_UMOD) && !is_const_in(s, n->b, 1, UINT32_MAX);
    bool shifts = (n->op == IR_SHL || n->op == IR_SHR) && !is_const_in(s, n->b, 0, 31);

    if (ir_is_load(n)) {
        strbuf_printf(s->out, "        if (LOAD%s(v%u, %u, ", s->far && n->a != IR_NONE ? "_FAR" : "",
                      (unsigned)v, ir_load_size(n));
        put_address(s, n->a, n->imm);
        strbuf_puts(s->out, ")) goto miss;\n");
        return;
    }
    if (ir_is_lookup(n)) {
        put_lookup(s, v);
        return;
    }
    strbuf_printf(s->out, "        v%u = ", (unsigned)v);
    if (n->op == IR_LEN) {
        strbuf_puts(s->out, "wire_len");
    } else if (n->op == IR_META) {
        strbuf_puts(s->out, meta_of(s, n->imm) ? meta_of(s, n->imm) : "0");
    } else {
        if (divides || shifts) { /* what C leaves undefined */
            put_operand(s, n->b);
            strbuf_puts(s->out, divides ? " ? " : " < 32 ? ");
        }
        put_operand(s, n->a);
        strbuf_printf(s->out, " %s ", op);
        put_operand(s, n->b);
        if (divides || shifts)
            strbuf_puts(s->out, " : 0");
    }
    strbuf_puts(s->out, ";\n");
}

/* ---------------------------------------------------------------- blocks */

static void put_target(const struct source *s, uint32_t target)
{
    if (target == IR_ACCEPT)
        strbuf_puts(s->out, "goto match;\n");
    else if (target == IR_REJECT)
        strbuf_puts(s->out, "goto miss;\n");
    else
        strbuf_printf(s->out, "goto b%u;\n", (unsigned)target);
}

/* Cases @first .. @last of @b, one by one; where the last one goes, everything else goes. */
static void put_cases(const struct source *s, const struct ir_block *b, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i < last; i++) {
        uint32_t lo = i ? b->to.at[i - 1].last + 1 : 0, hi = b->to.at[i].last;
        if (b->to.at[i].target == b->to.at[last].target)
            continue;
        strbuf_puts(s->out, "        if (");
        put_operand(s, b->on);
        if (lo == hi) {
            strbuf_printf(s->out, " == 0x%xu", (unsigned)hi);
        } else if (lo == 0) {
            strbuf_printf(s->out, " <= 0x%xu", (unsigned)hi);
        } else {
            strbuf_printf(s->out, " >= 0x%xu && ", (unsigned)lo);
            put_operand(s, b->on);
            strbuf_printf(s->out, " <= 0x%xu", (unsigned)hi);
        }
        strbuf_puts(s->out, ")\n            ");
        put_target(s, b->to.at[i].target);
    }
    strbuf_puts(s->out, "        ");
    put_target(s, b->to.at[last].target);
}

/*
 * The way from the root of @block's search tree to the leaf that begins with case @first: the comparisons in
 * front of that leaf which no leaf before it has made. Gives the leaf's last case. Each step halves the
 * cases.
 */
static uint32_t put_way_to_leaf(struct source *s, uint32_t block, uint32_t first)
{
    const struct ir_block *b = &s->f->block.at[block];
    uint32_t from = 0, last = b->to.n - 1;

    while (last - from + 1 > LINEAR_CASES) {
        uint32_t middle = from + (last - from + 1) / 2;
        if (first >= middle) {
            from = middle;
        } else {
            if (from == first) { /* else the leaf in front has asked */
                strbuf_puts(s->out, "        if (");
                put_operand(s, b->on);
                strbuf_printf(s->out, " > 0x%xu) goto b%u_%u;\n", (unsigned)b->to.at[middle - 1].last,
                              (unsigned)block, (unsigned)middle);
            }
            last = middle - 1;
        }
    }
    return last;
}

/* A search tree: the upper half of a range of cases is behind a label, and the lower half follows. */
static void put_switch(struct source *s, uint32_t block)
{
    const struct ir_block *b = &s->f->block.at[block];

    for (uint32_t first = 0, last; first < b->to.n; first = last + 1) { /* a leaf of the tree each */
        if (first)
            strbuf_printf(s->out, "    b%u_%u:\n", (unsigned)block, (unsigned)first);
        last = put_way_to_leaf(s, block, first);
        put_cases(s, b, first, last);
    }
}

static void put_return(const struct source *s, ir_value v)
{
    strbuf_puts(s->out, s->o->numbers ? "        return (int)" : "        if (");
    put_operand(s, v);
    strbuf_puts(s->out, s->o->numbers ? ";\n" : ") goto match;\n        goto miss;\n");
}

static void put_phis(struct source *s, uint32_t block)
{
    const struct ir_block *b = &s->f->block.at[block];

    for (uint32_t i = 0; i < b->to.n; i++) {
        uint32_t t = b->to.at[i].target;
        bool seen = t >= s->f->block.n;
        for (uint32_t j = 0; j < i && !seen; j++)
            seen = b->to.n <= LINEAR_CASES && b->to.at[j].target == t; /* setting one twice does no harm */
        for (uint32_t p = 0; !seen && p < s->f->block.at[t].phi.n; p++) {
            const struct ir_phi *phi = &s->f->block.at[t].phi.at[p];
            for (uint32_t a = 0; a < phi->arg.n; a++) {
                if (phi->arg.at[a].block != block)
                    continue;
                strbuf_printf(s->out, "        phi%u = ", (unsigned)phi->value);
                put_operand(s, phi->arg.at[a].value);
                strbuf_puts(s->out, ";\n");
            }
        }
    }
}

/* Values that PHIs of the blocks behind @block take from it. */
static void want_phis(struct source *s, uint32_t block)
{
    const struct ir_block *b = &s->f->block.at[block];

    for (uint32_t i = 0; i < b->to.n; i++) {
        uint32_t t = b->to.at[i].target;
        for (uint32_t p = 0; t < s->f->block.n && p < s->f->block.at[t].phi.n; p++) {
            const struct ir_phi *phi = &s->f->block.at[t].phi.at[p];
            for (uint32_t a = 0; a < phi->arg.n; a++)
                if (phi->arg.at[a].block == block)
                    want(s, phi->arg.at[a].value, block);
        }
    }
}

/* Values @from to @end of the order, which are declared already. */
static void put_values(struct source *s, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++)
        put_value(s, s->order.at[i]);
}

/* Is what @g asks for read in these braces? Then the load says whether it is there. Only the latest values
 * are looked at. */
static bool is_loaded(const struct source *s, const struct ir_guard *g)
{
    for (uint32_t i = s->order.n; i-- > 0 && s->order.n - i <= GUARD_LOOKS;) {
        const struct ir_node *n = node(s, s->order.at[i]);
        if (ir_is_load(n) && n->a == g->base && n->imm == g->offset && ir_load_size(n) >= g->size)
            return true;
    }
    return false;
}

/* Makes sure that the packet reaches as far as the guards of @b at fixed places ask for. */
static void put_fixed_guards(struct source *s, const struct ir_block *b)
{
    uint64_t reach = 0;

    for (uint32_t i = 0; i < b->guard.n; i++)
        if (b->guard.at[i].base == IR_NONE && (uint64_t)b->guard.at[i].offset + b->guard.at[i].size > reach)
            reach = (uint64_t)b->guard.at[i].offset + b->guard.at[i].size;
    if (reach)
        strbuf_printf(s->out, "        if (SHORT_OF(%uu)) goto miss;\n",
                      reach > UINT32_MAX ? UINT32_MAX : (unsigned)reach);
}

static void put_block(struct source *s, uint32_t block)
{
    const struct ir_block *b = &s->f->block.at[block];

    if (s->braces[block] == block)
        s->order.n = 0;
    uint32_t from = s->order.n;
    for (uint32_t i = 0; i < b->guard.n; i++)
        if (b->guard.at[i].base != IR_NONE)
            want(s, b->guard.at[i].base, block);
    uint32_t behind = s->order.n;
    if (b->on != IR_NONE)
        want(s, b->on, block);
    want_phis(s, block);
    strbuf_printf(s->out, "b%u: __attribute__((unused));\n%s", (unsigned)block,
                  s->braces[block] == block ? "    {\n" : "");
    for (uint32_t i = from; i < s->order.n; i++)
        strbuf_printf(s->out, "%sv%u%s", (i - from) % 12 ? ", " : "        __u32 ", (unsigned)s->order.at[i],
                      (i - from) % 12 == 11 || i + 1 == s->order.n ? ";\n" : "");
    put_fixed_guards(s, b);
    put_values(s, from, behind);
    for (uint32_t i = 0; i < b->guard.n; i++) {
        const struct ir_guard *g = &b->guard.at[i];
        if (g->base == IR_NONE || is_loaded(s, g))
            continue;
        strbuf_puts(s->out, "        if (SHORT_OF((__u64)(__u32)(");
        put_address(s, g->base, g->offset);
        strbuf_printf(s->out, ") + %uu)) goto miss;\n", (unsigned)g->size);
    }
    put_values(s, behind, s->order.n);
    put_phis(s, block);
    if (ir_returns(b))
        put_return(s, b->on);
    else
        put_switch(s, block);
    if (block + 1 == s->f->block.n || s->braces[block + 1] == block + 1)
        strbuf_puts(s->out, "    }\n");
}

/* Whose braces each block is in: those of the block in front of it, if no other one leads to it. */
static void find_braces(struct source *s)
{
    const struct ir_func *f = s->f;

    for (uint32_t b = 0; b < f->block.n; b++)
        s->braces[b] = IR_NONE;
    if (f->entry < f->block.n)
        s->braces[f->entry] = f->entry;
    for (uint32_t b = 0; b < f->block.n; b++) {
        if (s->braces[b] == IR_NONE)
            s->braces[b] = b;
        for (uint32_t i = 0; i < f->block.at[b].to.n; i++) {
            uint32_t t = f->block.at[b].to.at[i].target;
            if (t < f->block.n)
                s->braces[t] = t == b + 1 && (s->braces[t] == IR_NONE || s->braces[t] == s->braces[b])
                                   ? s->braces[b]
                                   : t;
        }
    }
}

/* Protochain, as it is unrolled, makes more than a hundred loads one behind the other. */
static bool has_many_far_loads(const struct source *s)
{
    uint32_t n = 0;

    for (ir_value v = 0; v < s->f->value.n; v++)
        n += ir_is_load(node(s, v)) && node(s, v)->a != IR_NONE;
    return source_has_buffer(s) && n >= FAR_LOADS;
}

static void put_function(struct source *s)
{
    const struct ir_func *f = s->f;

    s->far = has_many_far_loads(s);
    put_head(s);
    for (uint32_t b = 0; b < f->block.n; b++)
        for (uint32_t i = 0; i < f->block.at[b].phi.n; i++)
            strbuf_printf(s->out, "    __u32 phi%u = 0;\n", (unsigned)f->block.at[b].phi.at[i].value);
    strbuf_puts(s->out, "\n    (void)captured;\n    (void)wire_len;\n    ");
    put_target(s, f->entry);
    for (uint32_t b = 0; b < f->block.n && !s->no_memory && !s->out->failed; b++)
        put_block(s, b);
    strbuf_printf(s->out,
                  "match: __attribute__((unused));\n    return %d;\nmiss: __attribute__((unused));\n    "
                  "return %d;\n}\n",
                  (int)s->o->on_match, (int)s->o->on_miss);
    if (s->o->target != WEIR_TARGET_FUNC)
        strbuf_puts(s->out, "\nchar _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n");
}

int c_source(const struct ir_func *f, const struct c_options *o, struct diag_sink *sink, struct strbuf *out)
{
    struct arena_mark m = arena_mark(f->arena);
    struct source s = {.f = f, .o = o, .out = out, .scratch = f->arena};
    const struct ir_set *word = find_c_word(f);

    if (word) {
        diag(sink, DIAG_SET_IS_C_WORD, (struct diag_at){.at = word->at, .hint = "choose another name"},
             word->name);
        return WEIR_E_UNSUPPORTED;
    }

    s.computed = arena_array(f->arena, uint32_t, f->value.n);
    s.braces = arena_array(f->arena, uint32_t, f->block.n);
    if (s.computed && s.braces) {
        find_braces(&s);
        put_function(&s);
    }
    bool failed = !s.computed || !s.braces || s.no_memory || out->failed;
    arena_rewind(f->arena, m);
    if (failed)
        return WEIR_E_MEMORY;
    if (s.not_there) {
        static const char *const program[] = {[WEIR_TARGET_XDP] = "an XDP program",
                                              [WEIR_TARGET_TC] = "a tc program",
                                              [WEIR_TARGET_SOCKET] = "a socket program",
                                              [WEIR_TARGET_CGROUP] = "a cgroup program",
                                              [WEIR_TARGET_FUNC] = "a function over packet bytes"};
        diag(sink, DIAG_NO_METADATA, (struct diag_at){.at = s.not_there_at}, program[o->target],
             s.not_there->word);
        return WEIR_E_UNSUPPORTED;
    }
    return WEIR_OK;
}
