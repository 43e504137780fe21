/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/harness/listing.c - classic BPF listings, read and run.
 */
#include "tests/harness/listing.h"
#include <ctype.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANCILLARY 0xfffff000u
#define CELLS     16

struct mnemonic {
    const char *name;
    uint16_t code;
};

/* Names tcpdump prints for ancillary loads (linux/filter.h, SKF_AD_*). */
static const struct mnemonic ancillary[] = {
    {"proto", 0},   {"type", 4},        {"ifidx", 8},     {"nla", 12},
    {"nlan", 16},   {"mark", 20},       {"queue", 24},    {"hatype", 28},
    {"rxhash", 32}, {"cpu", 36},        {"vlan_tci", 44}, {"vlan_avail", 48},
    {"vlanp", 48},  {"pay_offset", 52}, {"random", 56},   {"vlan_tpid", 60},
};

static const struct mnemonic loads[] = {
    {"ld", BPF_LD | BPF_W},    {"ldh", BPF_LD | BPF_H}, {"ldb", BPF_LD | BPF_B}, {"ldx", BPF_LDX | BPF_W},
    {"ldxb", BPF_LDX | BPF_B}, {"st", BPF_ST},          {"stx", BPF_STX},
};

static const struct mnemonic alu[] = {
    {"add", BPF_ADD}, {"sub", BPF_SUB}, {"mul", BPF_MUL}, {"div", BPF_DIV}, {"mod", BPF_MOD},
    {"and", BPF_AND}, {"or", BPF_OR},   {"xor", BPF_XOR}, {"lsh", BPF_LSH}, {"rsh", BPF_RSH},
};

static const struct mnemonic jumps[] = {
    {"jeq", BPF_JEQ},
    {"jgt", BPF_JGT},
    {"jge", BPF_JGE},
    {"jset", BPF_JSET},
};

static const struct mnemonic bare[] = {
    {"tax", BPF_MISC | BPF_TAX},
    {"txa", BPF_MISC | BPF_TXA},
    {"neg", BPF_ALU | BPF_NEG},
};

static const struct mnemonic *find(const struct mnemonic *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
#define FIND(rows, name) find(rows, sizeof rows / sizeof rows[0], name)

/* A number, or the name of an ancillary word. */
static bool number(const char *text, uint32_t *out)
{
    char name[32], *end;
    size_t n = strcspn(text, "]");
    if (isdigit((unsigned char)*text) || *text == '-') {
        *out = (uint32_t)strtoll(text, &end, 0);
        return end != text;
    }
    if (n >= sizeof name)
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    const struct mnemonic *a = FIND(ancillary, name);
    if (a)
        *out = ANCILLARY + a->code;
    return a != NULL;
}

/* The operand of a load or store. */
static bool operand(const char *text, struct weir_cbpf_insn *i)
{
    unsigned class = BPF_CLASS(i->code);
    if (class == BPF_ST || class == BPF_STX)
        return strncmp(text, "M[", 2) == 0 && number(text + 2, &i->k);
    if (strcmp(text, "#pktlen") == 0 || strcmp(text, "#len") == 0) {
        i->code |= BPF_LEN;
        return true;
    }
    if (*text == '#')
        return number(text + 1, &i->k);
    if (strncmp(text, "M[", 2) == 0) {
        i->code |= BPF_MEM;
        return number(text + 2, &i->k);
    }
    if (strncmp(text, "4*([", 4) == 0) {
        i->code |= BPF_MSH;
        return number(text + 4, &i->k);
    }
    if (strncmp(text, "[x", 2) == 0) {
        const char *plus = strchr(text, '+');
        i->code |= BPF_IND;
        return !plus || number(plus + 1 + strspn(plus + 1, " "), &i->k);
    }
    i->code |= BPF_ABS;
    return *text == '[' && number(text + 1, &i->k);
}

static const char *parse_line(const char *line, uint32_t pc, struct weir_cbpf_insn *i)
{
    char op[8], rest[64] = "";
    unsigned at, jt = 0, jf = 0;
    int used = 0;
    if (sscanf(line, "(%u) %7s %n", &at, op, &used) < 2 || !used || at != pc)
        return "a line is not an instruction or not the next one";
    const char *jump = strstr(line, " jt ");
    if (!jump)
        jump = strstr(line, "\tjt ");
    size_t len = jump ? (size_t)(jump - (line + used)) : strlen(line + used);
    if (jump && line + used > jump)
        len = 0;
    if (len >= sizeof rest)
        return "an operand is too long";
    memcpy(rest, line + used, len);
    while (len && isspace((unsigned char)rest[len - 1]))
        len--;
    rest[len] = '\0';
    if (jump && sscanf(jump + 1, "jt %u jf %u", &jt, &jf) != 2)
        return "a jump has no targets";

    const struct mnemonic *m;
    memset(i, 0, sizeof *i);
    if ((m = FIND(loads, op))) {
        i->code = m->code;
        return operand(rest, i) ? NULL : "a load's operand";
    }
    if ((m = FIND(bare, op))) {
        i->code = m->code;
        return NULL;
    }
    if ((m = FIND(alu, op))) {
        i->code = (uint16_t)(BPF_ALU | m->code | (*rest == 'x' ? BPF_X : BPF_K));
        return *rest == 'x' || (*rest == '#' && number(rest + 1, &i->k)) ? NULL : "an operand";
    }
    if ((m = FIND(jumps, op))) {
        if (!jump || jt <= pc || jf <= pc || jt - pc - 1 > 255 || jf - pc - 1 > 255)
            return "a jump's targets";
        i->code = (uint16_t)(BPF_JMP | m->code | (*rest == 'x' ? BPF_X : BPF_K));
        i->jt = (uint8_t)(jt - pc - 1);
        i->jf = (uint8_t)(jf - pc - 1);
        return *rest == 'x' || (*rest == '#' && number(rest + 1, &i->k)) ? NULL : "an operand";
    }
    if (strcmp(op, "ja") == 0) {
        i->code = BPF_JMP | BPF_JA;
        if (!number(rest, &i->k))
            return "a jump's target";
        i->k -= pc + 1; /* backwards: modulo 2^32 */
        return NULL;
    }
    if (strcmp(op, "ret") == 0) {
        i->code = (uint16_t)(BPF_RET | (*rest == '#' ? BPF_K : BPF_A));
        return *rest != '#' || number(rest + 1, &i->k) ? NULL : "an operand";
    }
    return "an unknown instruction";
}

const char *listing_parse(const char *text, struct program *out)
{
    struct program p = {NULL, 0};
    uint32_t cap = 0;
    const char *wrong = NULL;
    while (*text && !wrong) {
        char line[160];
        size_t len = strcspn(text, "\n");
        if (*text == '(') {
            if (p.n == cap) {
                cap = cap ? cap * 2 : 64;
                struct weir_cbpf_insn *more = realloc(p.at, cap * sizeof *more);
                if (!more) {
                    wrong = "out of memory";
                    break;
                }
                p.at = more;
            }
            snprintf(line, sizeof line, "%.*s", (int)len, text);
            wrong = parse_line(line, p.n, &p.at[p.n]);
            p.n++;
        }
        text += len + (text[len] == '\n');
    }
    if (!wrong && !p.n)
        wrong = "no instructions";
    if (wrong) {
        free(p.at);
        return wrong;
    }
    *out = p;
    return NULL;
}

void program_free(struct program *p)
{
    free(p->at);
    *p = (struct program){NULL, 0};
}

uint32_t program_longest_path(const struct program *p)
{
    uint32_t *longest = calloc(p->n + 1, sizeof *longest), worst = 0;

    for (uint32_t i = p->n; longest && i-- > 0;) {
        const struct weir_cbpf_insn *in = &p->at[i];
        uint32_t next = 0;
        if (in->code == (BPF_JMP | BPF_JA)) {
            next = longest[i + 1 + in->k];
        } else if (BPF_CLASS(in->code) == BPF_JMP) {
            uint32_t t = longest[i + 1 + in->jt], f = longest[i + 1 + in->jf];
            next = t > f ? t : f;
        } else if (BPF_CLASS(in->code) != BPF_RET) {
            next = longest[i + 1];
        }
        longest[i] = worst = next + 1;
    }
    free(longest);
    return worst;
}

bool program_copy(const struct weir_cbpf_insn *at, uint32_t n, struct program *out)
{
    out->at = malloc((n ? n : 1) * sizeof *at);
    out->n = n;
    if (out->at && n)
        memcpy(out->at, at, n * sizeof *at);
    return out->at != NULL;
}

bool program_has_loop(const struct program *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->at[i].code == (BPF_JMP | BPF_JA) && p->at[i].k >= 0x80000000u)
            return true;
    return false;
}

static unsigned load_bytes(uint16_t code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* The state of one run; loads remember where A came from, for program_steer(). */
struct machine {
    uint32_t a, x, cell[CELLS];
    bool a_is_packet;
    uint32_t a_at;
    unsigned a_bytes;
};

/* False when the value cannot be had: *@end says why. */
static bool load(struct machine *m, const struct weir_cbpf_insn *i, const struct packet *packet,
                 enum run_end *end)
{
    uint32_t value = 0, at = i->k;
    unsigned bytes = load_bytes(i->code);
    bool from_packet = false;
    switch (BPF_MODE(i->code)) {
    case BPF_IMM:
        value = i->k;
        break;
    case BPF_LEN:
        value = packet->wirelen;
        break;
    case BPF_MEM:
        if (i->k >= CELLS) {
            *end = RUN_BROKEN;
            return false;
        }
        value = m->cell[i->k];
        break;
    case BPF_ABS:
        if (at == ANCILLARY + SKF_AD_PKTTYPE)
            value = packet->meta.packet_type;
        else if (at == ANCILLARY + SKF_AD_IFINDEX)
            value = packet->meta.ifindex;
        else if (at == ANCILLARY + SKF_AD_VLAN_TAG)
            value = packet->meta.vlan_tci;
        else if (at == ANCILLARY + SKF_AD_VLAN_TAG_PRESENT)
            value = packet->meta.vlan_present;
        else
            from_packet = true;
        if (!from_packet)
            value &= UINT32_MAX >> (32 - 8 * bytes);
        break;
    case BPF_IND:
        at += m->x;
        from_packet = true;
        break;
    case BPF_MSH:
        bytes = 1;
        from_packet = true;
        break;
    default:
        *end = RUN_BROKEN;
        return false;
    }
    if (from_packet) {
        if (at > packet->caplen || bytes > packet->caplen - at) {
            *end = RUN_FAULT;
            return false;
        }
        for (unsigned b = 0; b < bytes; b++)
            value = value << 8 | packet->bytes[at + b];
        if (BPF_MODE(i->code) == BPF_MSH)
            value = (value & 15) * 4;
    }
    if (BPF_CLASS(i->code) == BPF_LD) {
        m->a = value;
        m->a_is_packet = from_packet;
        m->a_at = at;
        m->a_bytes = bytes;
    } else {
        m->x = value;
    }
    return true;
}

static bool compute(struct machine *m, const struct weir_cbpf_insn *i, enum run_end *end)
{
    uint32_t s = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
    switch (BPF_OP(i->code)) {
    case BPF_ADD:
        m->a += s;
        break;
    case BPF_SUB:
        m->a -= s;
        break;
    case BPF_MUL:
        m->a *= s;
        break;
    case BPF_DIV:
    case BPF_MOD:
        if (!s) {
            *end = RUN_DIVISION;
            return false;
        }
        m->a = BPF_OP(i->code) == BPF_DIV ? m->a / s : m->a % s;
        break;
    case BPF_AND:
        m->a &= s;
        break;
    case BPF_OR:
        m->a |= s;
        break;
    case BPF_XOR:
        m->a ^= s;
        break;
    case BPF_LSH:
        m->a = s < 32 ? m->a << s : 0;
        break;
    case BPF_RSH:
        m->a = s < 32 ? m->a >> s : 0;
        break;
    case BPF_NEG:
        m->a = -m->a;
        break;
    default:
        *end = RUN_BROKEN;
        return false;
    }
    m->a_is_packet = false;
    return true;
}

static bool holds(const struct machine *m, const struct weir_cbpf_insn *i)
{
    uint32_t s = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
    switch (BPF_OP(i->code)) {
    case BPF_JEQ:
        return m->a == s;
    case BPF_JGT:
        return m->a > s;
    case BPF_JGE:
        return m->a >= s;
    default:
        return m->a & s;
    }
}

/* Changes the packet so that a comparison of a value loaded from it is likely to hold, now and then. */
static void bend(struct machine *m, const struct weir_cbpf_insn *i, struct rng *r, uint8_t *bytes)
{
    uint32_t s = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
    if (!m->a_is_packet || !rng_below(r, 2))
        return;
    switch (BPF_OP(i->code)) {
    case BPF_JSET:
        s = rng_below(r, 2) ? m->a | s : m->a & ~s;
        break;
    default:
        s += rng_below(r, 4) ? 0 : rng_below(r, 3) - 1;
        break;
    }
    if (m->a_bytes < 4 && s >> (8 * m->a_bytes))
        return;
    for (unsigned b = 0; b < m->a_bytes; b++)
        bytes[m->a_at + b] = (uint8_t)(s >> (8 * (m->a_bytes - 1 - b)));
    m->a = s;
}

static uint32_t run(const struct program *p, const struct packet *packet, uint64_t max_steps,
                    enum run_end *end, struct rng *steer, uint8_t *bytes)
{
    struct machine m = {0};
    uint32_t pc = 0;
    for (uint64_t step = 0; step < max_steps; step++) {
        if (pc >= p->n) {
            *end = RUN_BROKEN;
            return 0;
        }
        const struct weir_cbpf_insn *i = &p->at[pc++];
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
        case BPF_LDX:
            if (!load(&m, i, packet, end))
                return 0;
            break;
        case BPF_ST:
        case BPF_STX:
            if (i->k >= CELLS) {
                *end = RUN_BROKEN;
                return 0;
            }
            m.cell[i->k] = BPF_CLASS(i->code) == BPF_ST ? m.a : m.x;
            break;
        case BPF_ALU:
            if (!compute(&m, i, end))
                return 0;
            break;
        case BPF_JMP:
            if (BPF_OP(i->code) == BPF_JA) {
                pc += i->k;
                break;
            }
            if (steer)
                bend(&m, i, steer, bytes);
            pc += holds(&m, i) ? i->jt : i->jf;
            break;
        case BPF_RET:
            *end = RUN_RETURN;
            return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
        default:
            if (BPF_MISCOP(i->code) == BPF_TXA) {
                m.a = m.x;
                m.a_is_packet = false;
            } else {
                m.x = m.a;
            }
            break;
        }
    }
    *end = RUN_STEPS;
    return 0;
}

uint32_t program_run(const struct program *p, const struct packet *packet, uint64_t max_steps,
                     enum run_end *end)
{
    enum run_end ignored;
    return run(p, packet, max_steps, end ? end : &ignored, NULL, NULL);
}

void program_steer(const struct program *p, struct rng *r, uint8_t *bytes, uint32_t caplen)
{
    enum run_end ignored;
    struct packet packet = {.bytes = bytes, .caplen = caplen, .wirelen = caplen};
    run(p, &packet, 100000, &ignored, r, bytes);
}

void packet_describe(const struct packet *p, uint32_t first, uint32_t second, char *text, size_t size)
{
    size_t used =
        (size_t)snprintf(text, size, "verdicts %u %u, wire length %u, packet ", first, second, p->wirelen);

    for (uint32_t i = 0; i < p->caplen && used + 3 < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%02x", p->bytes[i]);
}
