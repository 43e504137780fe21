/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unit/test_cbpf.c - classic BPF: listings, checks and the interpreter, without the compiler.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backends/cbpf/cbpf.h"
#include "backends/cbpf/opcode.h"
#include "vm/vm.h"

#define INSN_MAX 4096

/* ---- a reader of listings, the other way round */

static const struct {
    const char *word;
    uint16_t code;
} words[] = {
    {"ld", CB_LD | CB_W},
    {"ldh", CB_LD | CB_H},
    {"ldb", CB_LD | CB_B},
    {"ldx", CB_LDX | CB_W},
    {"ldxb", CB_LDX_MSH},
    {"st", CB_ST},
    {"stx", CB_STX},
    {"add", CB_ALU | CB_ADD},
    {"sub", CB_ALU | CB_SUB},
    {"mul", CB_ALU | CB_MUL},
    {"div", CB_ALU | CB_DIV},
    {"mod", CB_ALU | CB_MOD},
    {"and", CB_ALU | CB_AND},
    {"or", CB_ALU | CB_OR},
    {"xor", CB_ALU | CB_XOR},
    {"lsh", CB_ALU | CB_LSH},
    {"rsh", CB_ALU | CB_RSH},
    {"neg", CB_ALU | CB_NEG},
    {"ja", CB_JMP | CB_JA},
    {"jeq", CB_JMP | CB_JEQ},
    {"jgt", CB_JMP | CB_JGT},
    {"jge", CB_JMP | CB_JGE},
    {"jset", CB_JMP | CB_JSET},
    {"ret", CB_RET},
    {"tax", CB_TAX},
    {"txa", CB_TXA},
};

static uint32_t number(const char *text)
{
    return (uint32_t)strtoll(text, NULL, 0);
}

static uint32_t address(const char *text)
{
    static const struct {
        const char *word;
        uint32_t k;
    } names[] = {{"type", 4}, {"ifidx", 8}, {"vlan_tci", 44}, {"vlanp", 48}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strncmp(text, names[i].word, strlen(names[i].word)))
            return CB_META_BASE + names[i].k;
    return number(text);
}

static void read_operand(struct weir_cbpf_insn *in, char *rest, uint32_t at)
{
    char *jt = strstr(rest, "jt "), *jf = strstr(rest, "jf ");

    if (jt && jf) {
        in->jt = (uint8_t)(number(jt + 3) - at - 1);
        in->jf = (uint8_t)(number(jf + 3) - at - 1);
    }
    if (!strncmp(rest, "#pktlen", 7)) {
        in->code |= CB_LEN;
    } else if (rest[0] == '#') {
        in->k = number(rest + 1);
    } else if (!strncmp(rest, "M[", 2)) {
        in->k = number(rest + 2);
        if ((in->code & CB_CLASS) <= CB_LDX)
            in->code |= CB_MEM;
    } else if (!strncmp(rest, "4*([", 4)) {
        in->k = number(rest + 4);
    } else if (!strncmp(rest, "[x + ", 5)) {
        in->code |= CB_IND;
        in->k = number(rest + 5);
    } else if (rest[0] == '[') {
        in->code |= CB_ABS;
        in->k = address(rest + 1);
    } else if (rest[0] == 'x') {
        in->code |= CB_X;
    } else if (in->code == CB_RET) {
        in->code |= CB_A;
    } else if (in->code == (CB_JMP | CB_JA)) {
        in->k = number(rest) - at - 1;
    }
}

static uint32_t read_listing(const char *text, struct weir_cbpf_insn *code)
{
    uint32_t n = 0;

    while (*text && n < INSN_MAX) {
        char line[120], *word, *rest;
        size_t len = strcspn(text, "\n");

        snprintf(line, sizeof line, "%.*s", (int)len, text);
        text += len + (text[len] == '\n');
        word = strchr(line, ')');
        if (!word)
            continue;
        word += 2;
        rest = word + strcspn(word, " ");
        if (*rest)
            *rest++ = 0;
        rest += strspn(rest, " ");
        code[n] = (struct weir_cbpf_insn){0, 0, 0, 0};
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (!strcmp(words[i].word, word))
                code[n].code = words[i].code;
        read_operand(&code[n], rest, n);
        n++;
    }
    return n;
}

/* ---- listings */

static void test_round_trip(void **state)
{
    (void)state;
    const char *shared = getenv("WEIR_SHARED");
    char path[512], *line = NULL;
    size_t cap = 0;
    unsigned programs = 0, refused = 0;

    snprintf(path, sizeof path, "%s/cases/accept.jsonl", shared ? shared : "../shared");
    FILE *f = fopen(path, "r");
    if (!f) {
        print_message("# no %s\n", path);
        skip();
    }
    struct weir_cbpf_insn *code = calloc(INSN_MAX, sizeof *code);
    while (getline(&line, &cap, f) > 0) {
        json_t *c = json_loads(line, 0, NULL);
        const char *keys[] = {"unoptimized", "optimized"};

        assert_non_null(c);
        for (int i = 0; i < 2; i++) {
            const char *text = json_string_value(json_object_get(c, keys[i]));
            struct strbuf out;

            if (!text)
                continue;
            uint32_t n = read_listing(text, code);
            strbuf_init(&out, &allocator_system);
            cbpf_print_listing(code, n, &out);
            assert_string_equal(out.text, text);
            const char *why = cbpf_validate(code, n);
            /* a few reference programs loop backwards (protochain) or read cells they never wrote */
            refused += why != NULL;
            strbuf_release(&out);
            programs++;
        }
        json_decref(c);
    }
    free(line);
    free(code);
    fclose(f);
    assert_true(programs > 500);
    assert_true(refused < programs / 20);
}

static void test_every_opcode_as_libpcap(void **state)
{
    (void)state;
    const uint32_t ks[] = {0,          1,          15,         200,        0x7fffffff,
                           0x80000000, 0xfffff000, 0xfffff004, 0xfffff02c, 0xfffff030,
                           0xfffff034, 0xfffff03c, 0xfffff040, 0xfffffff0};

    for (unsigned c = 0; c < 0x140; c++) {
        for (size_t i = 0; i < sizeof ks / sizeof ks[0]; i++) {
            struct weir_cbpf_insn in[8] = {[7] = {(uint16_t)c, 3, 255, ks[i]}};
            struct bpf_insn theirs = {(unsigned short)c, 3, 255, ks[i]};
            struct strbuf out;
            char want[200];

            snprintf(want, sizeof want, "%s", bpf_image(&theirs, 7));
            size_t len = strlen(want);
            while (len && want[len - 1] == ' ') /* 1.10 pads, 1.11 does not */
                len--;
            snprintf(want + len, sizeof want - len, "\n");
            strbuf_init(&out, &allocator_system);
            cbpf_print_listing(in, 8, &out);
            assert_string_equal(strstr(out.text, "(007)"), want);
            strbuf_release(&out);
        }
    }
}

static void test_other_listings(void **state)
{
    (void)state;
    const struct weir_cbpf_insn code[] = {
        {0x28, 0, 0, 12}, {0x15, 0, 1, 0x800}, {0x6, 0, 0, 262144}, {0x6, 0, 0, 0}};
    struct strbuf out;

    strbuf_init(&out, &allocator_system);
    cbpf_print_c(code, 4, &out);
    assert_string_equal(out.text, "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000800 },\n"
                                  "{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n");
    strbuf_release(&out);
    strbuf_init(&out, &allocator_system);
    cbpf_print_decimal(code, 4, &out);
    assert_string_equal(out.text, "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n");
    strbuf_release(&out);
}

/* ---- checks */

static const char *judge(const char *listing)
{
    struct weir_cbpf_insn code[64];

    return cbpf_validate(code, read_listing(listing, code));
}

static void test_validate(void **state)
{
    (void)state;
    static const struct {
        const char *listing, *why;
    } cases[] = {
        {"", "empty program"},
        {"(0) ret #0\n", NULL},
        {"(0) ret\n", NULL},
        {"(0) ld [12]\n", "last instruction is not ret"},
        {"(0) div #0\n(1) ret #0\n", "division by the constant zero"},
        {"(0) mod #0\n(1) ret #0\n", "division by the constant zero"},
        {"(0) div x\n(1) ret #0\n", NULL},
        {"(0) lsh #32\n(1) ret #0\n", "shift by more than 31"},
        {"(0) rsh #31\n(1) ret #0\n", NULL},
        {"(0) jeq #1 jt 1 jf 2\n(1) ret #0\n", "jump past the end"},
        {"(0) ja 2\n(1) ret #0\n", "jump past the end"},
        {"(0) ld #0\n(1) ja 0\n(2) ret #0\n", "jump past the end"},
        {"(0) st M[16]\n(1) ret #0\n", "scratch cell out of range"},
        {"(0) ld M[3]\n(1) ret #0\n", "scratch cell loaded before it is stored"},
        {"(0) st M[3]\n(1) ld M[3]\n(2) ret #0\n", NULL},
        {"(0) jeq #1 jt 1 jf 2\n(1) st M[3]\n(2) ld M[3]\n(3) ret #0\n",
         "scratch cell loaded before it is stored"},
        {"(0) jeq #1 jt 1 jf 3\n(1) st M[3]\n(2) ja 4\n(3) stx M[3]\n(4) ld M[3]\n(5) ret #0\n", NULL},
        {"(0) jeq #1 jt 1 jf 2\n(1) ret #0\n(2) stx M[3]\n(3) ld M[3]\n(4) ret #0\n", NULL},
        {"(0) ld [-4094]\n(1) ret #0\n", "load of unknown metadata"},
        {"(0) ldb [vlanp]\n(1) ret #0\n", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why = judge(cases[i].listing);
        if (!cases[i].why)
            assert_null(why);
        else
            assert_string_equal(why ? why : "accepted", cases[i].why);
    }
}

static void test_kernel_refusal(void **state)
{
    (void)state;
    struct weir_cbpf_insn *code = calloc(5000, sizeof *code);

    /* what flows through a ret in the kernel's check */
    uint32_t n = read_listing(
        "(0) jeq #1 jt 1 jf 3\n(1) st M[3]\n(2) ja 4\n(3) ret #0\n(4) ld M[3]\n(5) ret #0\n", code);
    assert_null(cbpf_validate(code, n));
    assert_string_equal(cbpf_kernel_refusal(code, n), "scratch cell loaded before it is stored");

    for (n = 0; n < 5000; n++)
        code[n] = (struct weir_cbpf_insn){CB_ALU | CB_ADD, 0, 0, 1};
    code[4096].code = code[4095].code = CB_RET_K;
    assert_null(cbpf_kernel_refusal(code, 4096));
    assert_non_null(cbpf_kernel_refusal(code, 4097));

    for (n = 0; n < 1300; n++)
        code[n] = (struct weir_cbpf_insn){CB_LD | CB_H | CB_ABS, 0, 0, 12};
    code[1300].code = code[1150].code = CB_RET_K;
    assert_null(cbpf_kernel_refusal(code, 1151));
    assert_non_null(cbpf_kernel_refusal(code, 1301));
    free(code);
}

/* ---- emission: what good code looks like (language.md has the reference's) */

static const struct {
    const char *name, *ir, *listing;
} emitted[] = {
    {"ip",
     "accept 262144\n%1 = load16 12\nb0:\n  guard 12 + 2\n  switch %1: 0x800 -> accept, else -> reject\n",
     "(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 3\n(002) ret      #262144\n(003) ret     "
     " #0\n"},
    {"port 80 without IPv6",
     "accept 262144\n%1 = load16 12\n%2 = load8 23\n%3 = load16 20\n%4 = and %3, 0x1fff\n%5 = load8 14\n%6 = "
     "and %5, 0xf\n"
     "%7 = shl %6, 2\n%8 = load16 %7 + 14\n%9 = load16 %7 + 16\n"
     "b0:\n  guard 12 + 2\n  switch %1: 0x800 -> b1, else -> reject\n"
     "b1:\n  guard 23 + 1\n  switch %2: 6 -> b2, 0x11 -> b2, 0x84 -> b2, else -> reject\n"
     "b2:\n  guard 20 + 2\n  switch %4: 0 -> b3, else -> reject\n"
     "b3:\n  guard 14 + 1\n  guard (%7 + 14) + 2\n  switch %8: 0x50 -> accept, else -> b4\n"
     "b4:\n  guard (%7 + 16) + 2\n  switch %9: 0x50 -> accept, else -> reject\n",
     "(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 14\n(002) ldb      [23]\n"
     "(003) jeq      #0x6             jt 6\tjf 4\n(004) jeq      #0x11            jt 6\tjf 5\n"
     "(005) jeq      #0x84            jt 6\tjf 14\n(006) ldh      [20]\n(007) jset     #0x1fff          jt "
     "14\tjf 8\n"
     "(008) ldxb     4*([14]&0xf)\n(009) ldh      [x + 14]\n(010) jeq      #0x50            jt 13\tjf 11\n"
     "(011) ldh      [x + 16]\n(012) jeq      #0x50            jt 13\tjf 14\n(013) ret      #262144\n(014) "
     "ret      #0\n"},
    {"a field compared in several blocks is loaded once",
     "accept 1\n%1 = load16 12\n%2 = load32 26\n%3 = load32 28\n"
     "b0:\n  guard 12 + 2\n  switch %1: 0x800 -> b1, else -> b2\n"
     "b1:\n  guard 26 + 4\n  switch %2: 5 -> accept, else -> b2\n"
     "b2:\n  switch %1: 0x806 -> b3, else -> reject\n"
     "b3:\n  guard 28 + 4\n  switch %3: 5 -> accept, else -> reject\n",
     "(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 5\n(002) ld       [26]\n"
     "(003) jeq      #0x5             jt 8\tjf 4\n(004) ldh      [12]\n(005) jeq      #0x806           jt "
     "6\tjf 9\n"
     "(006) ld       [28]\n(007) jeq      #0x5             jt 8\tjf 9\n(008) ret      #1\n(009) ret      "
     "#0\n"},
    {"a prefix is kept in a cell, a mask becomes a range, an equality compares with X",
     "accept 1\n%1 = load8 3\n%2 = shl %1, 8\n%3 = load8 2\n%4 = or %2, %3\n%5 = load8 %4\n%6 = and %5, "
     "0xf0\n"
     "%7 = load8 9\n%8 = load8 10\n%9 = sub %7, %8\n%10 = load8 %4 + 1\n"
     "b0:\n  guard 3 + 1\n  guard %4 + 1\n  switch %6: 0x40 -> b1, else -> reject\n"
     "b1:\n  guard 10 + 1\n  switch %9: 0 -> accept, else -> b2\n"
     "b2:\n  guard (%4 + 1) + 1\n  switch %10: 7 -> accept, else -> reject\n",
     "(000) ldb      [2]\n(001) tax\n(002) ldb      [3]\n(003) lsh      #8\n(004) or       x\n(005) st       "
     "M[0]\n"
     "(006) tax\n(007) ldb      [x + 0]\n(008) jge      #0x40            jt 9\tjf 18\n"
     "(009) jge      #0x50            jt 18\tjf 10\n(010) ldb      [10]\n(011) tax\n(012) ldb      [9]\n"
     "(013) jeq      x                jt 17\tjf 14\n(014) ldx      M[0]\n(015) ldb      [x + 1]\n"
     "(016) jeq      #0x7             jt 17\tjf 18\n(017) ret      #1\n(018) ret      #0\n"},
    {"of two ways to one place that end alike, one ends in the other",
     "accept 1\n%1 = load8 0\n%2 = load8 1\n%3 = shl %2, 2\n%4 = add %3, 7\n%5 = load8 2\n%6 = add %5, 7\n"
     "b0:\n  guard 2 + 1\n  switch %1: 1 -> b1, else -> b2\nb1:\n  jump b3\nb2:\n  jump b3\n"
     "b3:\n  %7 = phi b1: %4, b2: %6\n  jump b4\n%8 = load8 %7\n"
     "b4:\n  guard %7 + 1\n  switch %8: 9 -> accept, else -> reject\n",
     "(000) ldb      [0]\n(001) jeq      #0x1             jt 4\tjf 2\n(002) ldb      [2]\n(003) ja       6\n"
     "(004) ldb      [1]\n(005) lsh      #2\n(006) add      #7\n(007) tax\n(008) ldb      [x + 0]\n"
     "(009) jeq      #0x9             jt 10\tjf 11\n(010) ret      #1\n(011) ret      #0\n"},
};

static void test_emitted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof emitted / sizeof emitted[0]; i++) {
        struct arena arena;
        struct ir_func f;
        struct cbpf_code c;
        struct strbuf out;
        const char *message;
        uint32_t line;

        arena_init(&arena, &allocator_system, 1 << 20);
        assert_int_equal(ir_parse(&arena, emitted[i].ir, strlen(emitted[i].ir), &f, &message, &line), 0);
        assert_int_equal(cbpf_emit(&f, false, 1000, NULL, &c), 0);
        strbuf_init(&out, &allocator_system);
        cbpf_print_listing(c.insn.at, c.insn.n, &out);
        assert_string_equal(out.text, emitted[i].listing);
        strbuf_release(&out);
        arena_release(&arena);
    }
}

/* The Nth allocation fails, for every N. */
struct failing {
    long left;
};

static void *fail_later(void *user, void *ptr, size_t size)
{
    struct failing *f = user;

    if (size && f->left-- <= 0)
        return NULL;
    return allocator_system.reallocate(NULL, ptr, size);
}

static void test_no_memory(void **state)
{
    (void)state;
    const char *ir = emitted[3].ir;
    int status = WEIR_E_MEMORY;

    for (long n = 0; status == WEIR_E_MEMORY; n++) {
        struct failing left = {1000};
        struct allocator al = {fail_later, &left};
        struct arena arena;
        struct ir_func f;
        struct cbpf_code c;
        const char *message;
        uint32_t line;

        assert_true(n < 1000);
        arena_init(&arena, &al, 1 << 20);
        assert_int_equal(ir_parse(&arena, ir, strlen(ir), &f, &message, &line), 0);
        left.left = n;
        status = cbpf_emit(&f, n % 2, 1000, NULL, &c);
        arena_release(&arena);
    }
    assert_int_equal(status, 0);
}

/* ---- the machine */

static uint32_t run(const char *listing, const uint8_t *bytes, uint32_t len, struct vm_counts *counts)
{
    struct weir_cbpf_insn code[64];
    struct packet p = {
        bytes,
        len,
        1500,
        {.size = sizeof p.meta, .packet_type = 4, .ifindex = 77, .vlan_tci = 0x1ffff, .vlan_present = 1}};
    uint32_t n = read_listing(listing, code);

    assert_null(cbpf_validate(code, n));
    return cbpf_run(code, n, &p, counts);
}

static void test_machine(void **state)
{
    (void)state;
    const uint8_t b[] = {0x45, 0x01, 0x02, 0x03, 0x80, 0xff};
    static const struct {
        const char *listing;
        uint32_t verdict;
    } cases[] = {
        {"(0) ret #7\n", 7},
        {"(0) ld [0]\n(1) ret\n", 0x45010203},
        {"(0) ldh [4]\n(1) ret\n", 0x80ff},
        {"(0) ldh [5]\n(1) ret #1\n", 0},
        {"(0) ld [-2147483648]\n(1) ret #1\n", 0},
        {"(0) ldb [5]\n(1) ret\n", 0xff},
        {"(0) ldxb 4*([0]&0xf)\n(1) txa\n(2) ret\n", 20},
        {"(0) ldx #0x2\n(1) ldb [x + 3]\n(2) ret\n", 0xff},
        {"(0) ldx #0xffffffff\n(1) ldb [x + 2]\n(2) ret\n", 1},
        {"(0) ldx #0xffffffff\n(1) ldb [x + 0]\n(2) ret #1\n", 0},
        {"(0) ld #pktlen\n(1) ret\n", 1500},
        {"(0) ldh [type]\n(1) ret\n", 4},
        {"(0) ld [ifidx]\n(1) ret\n", 77},
        {"(0) ldh [vlan_tci]\n(1) ret\n", 0xffff},
        {"(0) ldb [vlanp]\n(1) ret\n", 1},
        {"(0) ld #0x5\n(1) ldx #0x7\n(2) sub x\n(3) ret\n", 0xfffffffe},
        {"(0) ld #0x5\n(1) neg\n(2) ret\n", 0xfffffffb},
        {"(0) ld #0x5\n(1) ldx #0x0\n(2) div x\n(3) ret #1\n", 0},
        {"(0) ld #0x5\n(1) ldx #0x0\n(2) mod x\n(3) ret #1\n", 0},
        {"(0) ld #0x17\n(1) mod #5\n(2) ret\n", 3},
        {"(0) ld #0x17\n(1) div #5\n(2) ret\n", 4},
        {"(0) ld #0x5\n(1) ldx #0x20\n(2) lsh x\n(3) ret\n", 0},
        {"(0) ld #0x5\n(1) ldx #0x20\n(2) rsh x\n(3) ret\n", 0},
        {"(0) ld #0x5\n(1) mul #3\n(2) xor #0xff\n(3) or #0x100\n(4) ret\n", 0x1f0},
        {"(0) ld #0x5\n(1) st M[15]\n(2) ldx M[15]\n(3) stx M[0]\n(4) ld M[0]\n(5) ret\n", 5},
        {"(0) ldb [0]\n(1) tax\n(2) jeq x jt 3 jf 4\n(3) ret #1\n(4) ret #2\n", 1},
        {"(0) ldb [0]\n(1) jset #0x2 jt 2 jf 3\n(2) ret #1\n(3) ret #2\n", 2},
        {"(0) ldb [0]\n(1) jgt #0x45 jt 2 jf 3\n(2) ret #1\n(3) ret #2\n", 2},
        {"(0) ldb [0]\n(1) jge #0x45 jt 2 jf 3\n(2) ret #1\n(3) ret #2\n", 1},
        {"(0) ja 2\n(1) ret #1\n(2) ret #2\n", 2},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t got = run(cases[i].listing, b, sizeof b, NULL);
        if (got != cases[i].verdict)
            fail_msg("%s gives %" PRIu32 ", not %" PRIu32, cases[i].listing, got, cases[i].verdict);
    }
    struct vm_counts counts = {0, 0, 0};
    run("(0) ldxb 4*([0]&0xf)\n(1) ldb [x + 0]\n(2) ret #1\n", b, sizeof b, &counts);
    assert_int_equal(counts.instructions, 2);
    assert_int_equal(counts.loads, 2);
    assert_int_equal(counts.faults, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_every_opcode_as_libpcap),
        cmocka_unit_test(test_other_listings), cmocka_unit_test(test_validate),
        cmocka_unit_test(test_kernel_refusal), cmocka_unit_test(test_machine),
        cmocka_unit_test(test_emitted),        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
