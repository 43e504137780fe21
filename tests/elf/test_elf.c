/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/elf/test_elf.c - the structure of eBPF objects, as libelf and libbpf read it, without loading them.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "backends/elf/elf.h"
#include "base/alloc.h"
#include "tests/harness/tap.h"
#include "weir/weir.h"

/* ---------------------------------------------------------------- objects */

struct heap {
    size_t asked, fail_at, live;
};

static void *heap_reallocate(void *user, void *ptr, size_t size)
{
    struct heap *h = user;

    if (size == 0) {
        h->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (++h->asked == h->fail_at)
        return NULL;
    h->live += ptr == NULL;
    return realloc(ptr, size);
}

struct made {
    struct heap heap;
    struct weir *cx;
    struct weir_program *p;
    char *bytes;
    size_t len;
};

static bool make(struct made *m, const char *text, struct weir_options o,
                 const struct weir_object_options *oo)
{
    const struct weir_allocator al = {heap_reallocate, &m->heap};

    *m = (struct made){.heap = {0}};
    return weir_new(&al, &m->cx) == 0 && weir_compile(m->cx, text, strlen(text), &o, &m->p) >= 0 &&
           weir_program_object(m->p, oo, &m->bytes, &m->len) == 0;
}

static void unmake(struct made *m)
{
    if (m->bytes)
        weir_text_free(m->p, m->bytes);
    weir_program_free(m->p);
    weir_free(m->cx);
}

/* ---------------------------------------------------------------- as libelf reads them */

struct elf {
    Elf *elf;
    size_t names;
};

static bool elf_begin_bytes(struct elf *e, const struct made *m)
{
    elf_version(EV_CURRENT);
    e->elf = elf_memory(m->bytes, m->len);
    return e->elf && elf_getshdrstrndx(e->elf, &e->names) == 0;
}

static Elf_Scn *section_of(const struct elf *e, const char *name, GElf_Shdr *h)
{
    Elf_Scn *s = NULL;

    while ((s = elf_nextscn(e->elf, s)))
        if (gelf_getshdr(s, h) && !strcmp(elf_strptr(e->elf, e->names, h->sh_name), name))
            return s;
    return NULL;
}

static bool symbol_of(const struct elf *e, const char *name, GElf_Sym *out)
{
    GElf_Shdr h;
    Elf_Scn *s = section_of(e, ".symtab", &h);
    Elf_Data *d = s ? elf_getdata(s, NULL) : NULL;

    for (int i = 0; d && gelf_getsym(d, i, out); i++)
        if (!strcmp(elf_strptr(e->elf, h.sh_link, out->st_name), name))
            return true;
    return false;
}

/* Everything within the file, nothing over something else, alignments kept. */
static bool is_sound(const struct elf *e, size_t len)
{
    uint64_t end = 64;
    Elf_Scn *s = NULL;
    GElf_Shdr h;

    while ((s = elf_nextscn(e->elf, s))) {
        if (!gelf_getshdr(s, &h) || h.sh_offset < end || h.sh_offset + h.sh_size > len)
            return false;
        if (h.sh_addralign > 1 && h.sh_offset % h.sh_addralign)
            return false;
        end = h.sh_offset + h.sh_size;
    }
    return true;
}

/* ---------------------------------------------------------------- tests */

static void test_targets(void)
{
    static const struct {
        uint32_t target, frags, egress;
        const char *section, *context;
    } rows[] = {
        {WEIR_TARGET_XDP, 0, 0, "xdp", "xdp_md"},
        {WEIR_TARGET_XDP, 1, 0, "xdp.frags", "xdp_md"},
        {WEIR_TARGET_TC, 0, 0, "tc", "__sk_buff"},
        {WEIR_TARGET_SOCKET, 0, 0, "socket", "__sk_buff"},
        {WEIR_TARGET_CGROUP, 0, 0, "cgroup_skb/ingress", "__sk_buff"},
        {WEIR_TARGET_CGROUP, 0, 1, "cgroup_skb/egress", "__sk_buff"},
        {WEIR_TARGET_FUNC, 0, 0, ".text", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct weir_options o = WEIR_OPTIONS_INIT;
        struct weir_object_options oo = {.size = sizeof oo, .name = "my_filter", .egress = rows[i].egress};
        struct made m;
        struct elf e;
        GElf_Shdr h;
        GElf_Sym y;
        o.target = rows[i].target;
        o.frags = rows[i].frags;
        o.linktype = rows[i].target == WEIR_TARGET_CGROUP ? (uint32_t)weir_linktype_by_name("RAW") : 1;
        if (!tap_ok(make(&m, "tcp port 80", o, &oo) && elf_begin_bytes(&e, &m), "%s: made",
                    rows[i].section)) {
            unmake(&m);
            continue;
        }
        bool func = rows[i].target == WEIR_TARGET_FUNC;
        size_t insns;
        weir_program_ebpf(m.p, &insns);
        Elf_Scn *code = section_of(&e, rows[i].section, &h);
        tap_ok(code && h.sh_size == 8 * insns && h.sh_flags == (SHF_ALLOC | SHF_EXECINSTR), "%s: its section",
               rows[i].section);
        tap_ok(is_sound(&e, m.len), "%s: sections lie side by side", rows[i].section);
        bool found = symbol_of(&e, "my_filter", &y);
        tap_ok(found && GELF_ST_TYPE(y.st_info) == STT_FUNC && GELF_ST_BIND(y.st_info) == STB_GLOBAL &&
                   y.st_size == 8 * insns &&
                   GELF_ST_VISIBILITY(y.st_other) == (func ? STV_HIDDEN : STV_DEFAULT),
               "%s: its function", rows[i].section);
        tap_ok((section_of(&e, "license", &h) == NULL) == func, "%s: its licence", rows[i].section);
        Elf_Scn *types = section_of(&e, ".BTF", &h);
        Elf_Data *d = types ? elf_getdata(types, NULL) : NULL;
        struct btf *b = d ? btf__new(d->d_buf, (uint32_t)d->d_size) : NULL;
        int id = b && !libbpf_get_error(b) ? btf__find_by_name_kind(b, "my_filter", BTF_KIND_FUNC) : -1;
        const struct btf_type *proto =
            id > 0 ? btf__type_by_id(b, btf__type_by_id(b, (uint32_t)id)->type) : NULL;
        tap_ok(proto && btf_vlen(proto) == (func ? 3 : 1), "%s: the function's type", rows[i].section);
        tap_ok(!rows[i].context || (b && btf__find_by_name_kind(b, rows[i].context, BTF_KIND_STRUCT) > 0),
               "%s: its argument's type", rows[i].section);
        btf__free(b);
        elf_end(e.elf);
        unmake(&m);
    }
}

static void test_counters(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct bpf_object_open_opts opts = {.sz = sizeof opts, .object_name = "weir"};
    struct made m;

    o.target = WEIR_TARGET_XDP;
    o.count = 1;
    if (!tap_ok(make(&m, "tcp port 80", o, NULL), "with counters: made"))
        return;
    struct bpf_object *b = bpf_object__open_mem(m.bytes, m.len, &opts);
    struct bpf_map *map = b ? bpf_object__find_map_by_name(b, "weir_counts") : NULL;
    tap_ok(map && bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY && bpf_map__key_size(map) == 4 &&
               bpf_map__value_size(map) == 32 && bpf_map__max_entries(map) == 1,
           "libbpf finds the map");
    struct bpf_program *p = b ? bpf_object__next_program(b, NULL) : NULL;
    tap_ok(p && !strcmp(bpf_program__name(p), "weir") && bpf_program__type(p) == BPF_PROG_TYPE_XDP,
           "libbpf finds the program");
    bpf_object__close(b);
    unmake(&m);
}

static void test_filter_text(void)
{
    static char text[20000];
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct made m;
    struct elf e;
    GElf_Shdr h;

    o.target = WEIR_TARGET_XDP;
    for (int i = 0; i < 300; i++)
        sprintf(text + strlen(text), "%s\n\thost 10.0.%d.%d", i ? " or" : "", i / 200, i % 200);
    if (!tap_ok(make(&m, text, o, NULL) && elf_begin_bytes(&e, &m), "a long filter: made"))
        return;
    Elf_Scn *s = section_of(&e, ".rodata", &h);
    const char *kept = s ? elf_getdata(s, NULL)->d_buf : NULL;
    size_t len = kept ? strlen(kept) : 0;
    tap_ok(kept && len < 4096 && h.sh_size == len + 1 && !strcmp(kept + len - 3, "..."), "it is cut");
    tap_ok(kept && !strchr(kept, '\n') && !strchr(kept, '\t'), "it has no control characters");
    elf_end(e.elf);
    unmake(&m);
    tap_ok(make(&m, "", o, NULL) && elf_begin_bytes(&e, &m), "an empty filter: made");
    elf_end(e.elf);
    unmake(&m);
}

static void test_arguments(void)
{
    static const char *const wrong[] = {"",
                                        "1a",
                                        "a-b",
                                        "a b",
                                        "a.b",
                                        "\xc3\xa9",
                                        "a23456789012345678901234567890123456789012345678901234567890abcd",
                                        "weir_counts",
                                        "_license",
                                        "bpf_metadata_filter"}; /* symbols of their own */
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir_object_options oo = {.size = sizeof oo};
    struct made m;
    char *bytes = NULL;
    size_t len = 0;

    o.target = WEIR_TARGET_XDP;
    make(&m, "ip", o, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        oo.name = wrong[i];
        tap_ok(weir_program_object(m.p, &oo, &bytes, &len) == WEIR_E_ARGUMENT && !bytes, "wrong name %zu", i);
    }
    oo = (struct weir_object_options){.size = 1};
    tap_ok(weir_program_object(m.p, &oo, &bytes, &len) == WEIR_E_ARGUMENT, "wrong size of the options");
    unmake(&m);
    o.target = WEIR_TARGET_CBPF;
    tap_ok(!make(&m, "ip", o, NULL) && m.p &&
               weir_program_object(m.p, NULL, &bytes, &len) == WEIR_E_UNSUPPORTED,
           "a classic program is no object");
    unmake(&m);
}

static void test_same_bytes(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct made a, b;

    o.target = WEIR_TARGET_XDP;
    o.count = 1;
    bool first = make(&a, "tcp port 80 or udp", o, NULL), second = make(&b, "tcp port 80 or udp", o, NULL);
    tap_ok(first && second && a.len == b.len && !memcmp(a.bytes, b.bytes, a.len), "the same bytes twice");
    unmake(&a);
    unmake(&b);
}

static void test_memory(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct made m;
    char *bytes = NULL;
    size_t len = 0, n = 0;
    int status = WEIR_E_MEMORY;

    o.target = WEIR_TARGET_XDP;
    o.count = 1;
    make(&m, "tcp port 80", o, NULL);
    size_t live = m.heap.live;
    bool clean = true;
    while (status == WEIR_E_MEMORY && n < 10000) {
        m.heap.fail_at = m.heap.asked + ++n;
        status = weir_program_object(m.p, NULL, &bytes, &len);
        clean &= status == WEIR_OK || (m.heap.live == live && !bytes);
    }
    tap_ok(clean && status == WEIR_OK && n > 10, "each of %zu requests for memory may fail", n);
    tap_ok(len == m.len && !memcmp(bytes, m.bytes, len), "and then the object is the same");
    weir_text_free(m.p, bytes);
    unmake(&m);
    tap_ok(m.heap.live == 0, "all memory is given back");
}

/* Read-only data by the side of the code: `return table[3]`. */
static void test_tables(void)
{
    static const struct weir_ebpf_insn code[] = {
        {0x18, 1, 0, 0}, /* r1 = table + 3 */
        {0, 0, 0, 0},
        {0x71, 0 | 1 << 4, 0, 0}, /* r0 = *(u8 *)r1 */
        {0x95, 0, 0, 0},
    };
    static const uint8_t table[11] = {0, 0, 0, 77};
    static const struct ebpf_reloc reloc = {0, EBPF_RELOC_RODATA, 3};
    const struct elf_object object = {
        .section = "xdp",
        .function = "weir",
        .context = "xdp_md",
        .filter = "ip",
        .filter_len = 2,
        .insn = code,
        .insns = 4,
        .reloc = &reloc,
        .relocs = 1,
        .rodata = table,
        .rodata_bytes = sizeof table,
    };
    struct bpf_object_open_opts opts = {.sz = sizeof opts, .object_name = "weir"};
    struct strbuf bytes;
    static uint8_t packet[64];
    struct bpf_test_run_opts run = {
        .sz = sizeof run, .data_in = packet, .data_size_in = sizeof packet, .repeat = 1};

    strbuf_init(&bytes, &allocator_system);
    tap_ok(elf_write(&object, &bytes) == 0, "with tables: made");
    struct bpf_object *b = bpf_object__open_mem(bytes.text, bytes.len, &opts);
    if (!tap_ok(b != NULL, "with tables: libbpf opens it"))
        return;
    if (bpf_object__load(b) < 0)
        tap_skip("root is needed to load programs into the kernel", "with tables: it runs");
    else
        tap_ok(bpf_prog_test_run_opts(bpf_program__fd(bpf_object__next_program(b, NULL)), &run) == 0 &&
                   run.retval == 77,
               "with tables: it runs");
    bpf_object__close(b);
    strbuf_release(&bytes);
}

/* ---------------------------------------------------------------- what Linux has by name */

static Elf_Data *data_of(const struct elf *e, const char *name, size_t *n)
{
    GElf_Shdr h;
    Elf_Scn *s = section_of(e, name, &h);

    *n = s && h.sh_entsize ? h.sh_size / h.sh_entsize : 0;
    return s ? elf_getdata(s, NULL) : NULL;
}

/* Each relocation of the code is that of a call by an undefined symbol, of one of the two functions. */
static void test_calls(const struct elf *e, const struct bpf_insn *insn)
{
    size_t n, symbols;
    Elf_Data *rel = data_of(e, ".relsocket", &n), *symbol = data_of(e, ".symtab", &symbols);
    bool good = rel && n == 2;
    GElf_Shdr names;
    GElf_Rel r;
    GElf_Sym y;

    section_of(e, ".symtab", &names);
    for (int i = 0; good && i < 2; i++) {
        static const char *const want[] = {"bpf_cast_to_kern_ctx", "bpf_rdonly_cast"};
        good = gelf_getrel(rel, i, &r) && GELF_R_TYPE(r.r_info) == 10 /* R_BPF_64_32 */ &&
               gelf_getsym(symbol, (int)GELF_R_SYM(r.r_info), &y) && y.st_shndx == SHN_UNDEF &&
               y.st_info == GELF_ST_INFO(STB_GLOBAL, STT_NOTYPE) &&
               !strcmp(elf_strptr(e->elf, names.sh_link, y.st_name), want[i]);
        const struct bpf_insn *call = &insn[r.r_offset / 8];
        good =
            good && call->code == (BPF_JMP | BPF_CALL) && call->src_reg == BPF_PSEUDO_CALL && call->imm == -1;
    }
    tap_ok(good, "direct: calls of two functions that are elsewhere");
}

static void test_ksyms(const struct btf *b)
{
    int id = btf__find_by_name_kind(b, ".ksyms", BTF_KIND_DATASEC);
    const struct btf_type *t = id > 0 ? btf__type_by_id(b, (uint32_t)id) : NULL;
    bool good = t && btf_vlen(t) == 2;

    for (int i = 0; good && i < 2; i++) {
        const struct btf_type *f = btf__type_by_id(b, btf_var_secinfos(t)[i].type);
        good = btf_is_func(f) && btf_vlen(f) == BTF_FUNC_EXTERN &&
               btf_vlen(btf__type_by_id(b, f->type)) == i + 1;
    }
    tap_ok(good, "direct: their types are in .ksyms");
}

/* Every CO-RE record: the offset in its instruction is that of the member it names. */
static void test_fields(const struct elf *e, const struct btf *b, const struct bpf_insn *insn)
{
    struct {
        uint16_t magic;
        uint8_t version, flags;
        uint32_t bytes, place[4], core_at, core_bytes;
    } h = {0};
    size_t n;
    Elf_Data *d = data_of(e, ".BTF.ext", &n);
    unsigned seen = 0;
    bool good = d && d->d_size >= sizeof h;

    if (good)
        memcpy(&h, d->d_buf, sizeof h);
    good = good && h.bytes == sizeof h && h.core_bytes == 12 + 3 * sizeof(struct bpf_core_relo) &&
           h.bytes + h.core_at + h.core_bytes == d->d_size;
    for (int i = 0; good && i < 3; i++) {
        struct bpf_core_relo r;
        unsigned member = 9;
        memcpy(&r, (char *)d->d_buf + h.bytes + h.core_at + 12 + i * (int)sizeof r, sizeof r);
        const struct btf_type *t = btf__type_by_id(b, r.type_id);
        const struct bpf_insn *load = &insn[r.insn_off / 8];
        good =
            !strcmp(btf__name_by_offset(b, t->name_off), "sk_buff") && r.kind == BPF_CORE_FIELD_BYTE_OFFSET &&
            sscanf(btf__name_by_offset(b, r.access_str_off), "0:%u", &member) == 1 && member < btf_vlen(t) &&
            BPF_CLASS(load->code) == BPF_LDX && load->off == (int)btf_member_bit_offset(t, member) / 8;
        const char *field = good ? btf__name_by_offset(b, btf_members(t)[member].name_off) : "";
        seen |= (unsigned)!strcmp(field, "len") | (unsigned)!strcmp(field, "data_len") << 1 |
                (unsigned)!strcmp(field, "data") << 2;
    }
    tap_ok(good && seen == 7, "direct: loads of three fields of struct sk_buff");
}

static void test_direct(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct bpf_object_open_opts opts = {.sz = sizeof opts, .object_name = "weir"};
    struct made m;
    struct elf e;
    char *text = NULL;
    size_t n;

    o.target = WEIR_TARGET_SOCKET;
    o.direct = 1;
    if (!tap_ok(make(&m, "tcp port 80", o, NULL) && elf_begin_bytes(&e, &m) && is_sound(&e, m.len),
                "direct: made"))
        return;
    Elf_Data *code = data_of(&e, "socket", &n), *types = data_of(&e, ".BTF", &n);
    struct btf *b = types ? btf__new(types->d_buf, (uint32_t)types->d_size) : NULL;
    if (tap_ok(code && b, "direct: code and types")) {
        test_calls(&e, code->d_buf);
        test_ksyms(b);
        test_fields(&e, b, code->d_buf);
    }
    struct bpf_object *object = bpf_object__open_mem(m.bytes, m.len, &opts);
    tap_ok(object != NULL, "direct: libbpf opens it");
    tap_ok(weir_program_text(m.p, WEIR_TEXT_C, &text, NULL) == WEIR_E_UNSUPPORTED,
           "direct: bare instructions cannot carry it");
    bpf_object__close(object);
    btf__free(b);
    elf_end(e.elf);
    unmake(&m);
    o.target = WEIR_TARGET_TC;
    tap_ok(make(&m, "tcp port 80", o, NULL) && elf_begin_bytes(&e, &m) && !data_of(&e, ".reltc", &n),
           "direct: means nothing to tc");
    elf_end(e.elf);
    unmake(&m);
}

/* ---------------------------------------------------------------- named sets */

static void test_sets(void)
{
    static const struct {
        const char *name;
        uint32_t type, key, most;
    } want[] = {
        {"bad", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct weir_set_address), 1u << 20},
        {"web", BPF_MAP_TYPE_HASH, 2, 1u << 16},
        {"cards", BPF_MAP_TYPE_HASH, 6, 1u << 16},
    };
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct bpf_object_open_opts opts = {.sz = sizeof opts, .object_name = "weir"};
    struct weir_set s = {.size = sizeof s};
    struct elf e;
    struct made m;
    GElf_Shdr h;
    GElf_Sym symbol;
    size_t n = 0;

    o.target = WEIR_TARGET_XDP;
    o.count = 1;
    if (!tap_ok(make(&m, "host @bad and port @web or ether src @cards and not src @bad", o, NULL),
                "sets: made"))
        return;
    for (; weir_program_set(m.p, n, &s) == WEIR_OK; n++)
        tap_ok(n < 3 && !strcmp(s.name, want[n].name) && s.kind == n + 1 && s.members == want[n].most,
               "sets: number %zu is '%s'", n, s.name);
    tap_ok(n == 3, "sets: three of them");
    s.size--;
    tap_ok(weir_program_set(m.p, 0, &s) == WEIR_E_ARGUMENT, "sets: a size that is not ours");
    tap_ok(elf_begin_bytes(&e, &m) && is_sound(&e, m.len), "sets: sound");
    tap_ok(section_of(&e, ".maps", &h) && h.sh_size == 32 + 3 * 40, "sets: definitions behind the counters'");
    for (n = 0; n < 3; n++)
        tap_ok(symbol_of(&e, want[n].name, &symbol) && symbol.st_value == 32 + n * 40 && symbol.st_size == 40,
               "sets: a symbol '%s'", want[n].name);
    elf_end(e.elf);
    struct bpf_object *b = bpf_object__open_mem(m.bytes, m.len, &opts);
    tap_ok(b != NULL, "sets: libbpf opens it");
    for (n = 0; b && n < 3; n++) {
        struct bpf_map *map = bpf_object__find_map_by_name(b, want[n].name);
        tap_ok(map && bpf_map__type(map) == (enum bpf_map_type)want[n].type &&
                   bpf_map__key_size(map) == want[n].key && bpf_map__value_size(map) == 4 &&
                   bpf_map__max_entries(map) == want[n].most && bpf_map__map_flags(map) == BPF_F_NO_PREALLOC,
               "sets: libbpf's map '%s'", want[n].name);
    }
    bpf_object__close(b);
    char *text = NULL;
    tap_ok(weir_program_text(m.p, WEIR_TEXT_C, &text, NULL) == WEIR_E_UNSUPPORTED,
           "sets: bare instructions cannot carry them");
    const struct weir_object_options clash = {.size = sizeof clash, .name = "bad"};
    size_t len;
    tap_ok(weir_program_object(m.p, &clash, &text, &len) == WEIR_E_ARGUMENT,
           "sets: the function is not called as one of them");
    unmake(&m);
}

/* As many as there can be, and one more. */
static void test_many_sets(void)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct bpf_object_open_opts opts = {.sz = sizeof opts, .object_name = "weir"};
    char text[2000] = "host @s0";
    struct made m;

    o.target = WEIR_TARGET_XDP;
    o.count = o.tables = 1;
    for (int i = 1; i < 60; i++)
        sprintf(text + strlen(text), " or @s%d", i);
    bool good = make(&m, text, o, NULL);
    struct bpf_object *b = good ? bpf_object__open_mem(m.bytes, m.len, &opts) : NULL;
    tap_ok(good && b, "60 sets: made and opened");
    if (b && bpf_object__load(b) < 0 && geteuid() != 0)
        tap_skip("root is needed to load programs into the kernel", "60 sets: loaded");
    else
        tap_ok(b && bpf_program__fd(bpf_object__next_program(b, NULL)) >= 0, "60 sets: loaded");
    bpf_object__close(b);
    unmake(&m);
    strcat(text, " or @s60");
    tap_ok(!make(&m, text, o, NULL) && weir_diagnostic(m.cx, 0) && weir_diagnostic(m.cx, 0)->code == 802,
           "61 sets are too many");
    unmake(&m);
}

int main(void)
{
    libbpf_set_print(NULL);
    test_targets();
    test_counters();
    test_filter_text();
    test_arguments();
    test_same_bytes();
    test_memory();
    test_tables();
    test_direct();
    test_sets();
    test_many_sets();
    return tap_done();
}
