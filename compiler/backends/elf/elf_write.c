/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/elf/elf_write.c - ELF64 objects for the machine BPF, little-endian.
 *
 *   ELF header | contents of the sections | section headers
 *
 * Loaders (libbpf, and with it bpftool, ip and tc) want: the program in a section whose name says its type,
 * `license`, `.maps` with one symbol for each map, `.BTF` that describes the maps and the variables, and
 * `.BTF.ext` that says which function and which words of the filter an instruction belongs to.
 *
 * Source: System V ABI, chapter 4 (ELF header, sections, symbol table, relocation)
 */
#include <string.h>
#include "backends/elf/internal.h"

enum {
    TYPE_PROGBITS = 1,
    TYPE_SYMTAB = 2,
    TYPE_STRTAB = 3,
    TYPE_REL = 9,

    FLAG_WRITE = 1,
    FLAG_ALLOC = 2,
    FLAG_EXEC = 4,
    FLAG_INFO_LINK = 0x40,

    KIND_OBJECT = 1,
    KIND_FUNC = 2,
    KIND_SECTION = 3,
    BIND_LOCAL = 0,
    BIND_GLOBAL = 1,
    BIND_WEAK = 2,
    VISIBLE_HIDDEN = 2,
};

#define HEADER_BYTES         64
#define SECTION_HEADER_BYTES 64
#define SYMBOL_BYTES         24
#define REL_BYTES            16
#define EM_BPF               247
#define ET_REL               1

/* Sections by number; absent ones are skipped when numbers are given out. */
enum section_id {
    SECTION_NONE,
    SECTION_STRTAB,
    SECTION_CODE,
    SECTION_REL,
    SECTION_MAPS,
    SECTION_RODATA,
    SECTION_LICENSE,
    SECTION_BTF,
    SECTION_BTF_EXT,
    SECTION_SYMTAB,
    SECTION_COUNT
};

struct section {
    bool present;
    uint32_t name, type, info;
    enum section_id link;
    uint64_t flags, align, entry_bytes;
    uint64_t at; /* in the file */
    uint16_t number;
    struct strbuf data;
};

struct writer {
    const struct elf_object *o;
    const char *code_name; /* of the code's section */
    struct rodata rodata;
    struct maps maps;
    struct section section[SECTION_COUNT];
};

static struct strbuf *data(struct writer *w, enum section_id id)
{
    return &w->section[id].data;
}

static void begin(struct writer *w, enum section_id id, uint32_t type, uint64_t flags, uint64_t align)
{
    w->section[id].present = true;
    w->section[id].type = type;
    w->section[id].flags = flags;
    w->section[id].align = align;
}

static uint32_t name(struct writer *w, const char *prefix, const char *text)
{
    uint32_t at = (uint32_t)data(w, SECTION_STRTAB)->len;

    strbuf_puts(data(w, SECTION_STRTAB), prefix);
    put_name(data(w, SECTION_STRTAB), text, strlen(text));
    return at;
}

/* Names and numbers for the sections that are there. */
static void number_sections(struct writer *w)
{
    const char *const names[SECTION_COUNT] = {
        [SECTION_STRTAB] = ".strtab", [SECTION_CODE] = w->code_name,  [SECTION_REL] = w->code_name,
        [SECTION_MAPS] = ".maps",     [SECTION_RODATA] = ".rodata",   [SECTION_LICENSE] = "license",
        [SECTION_BTF] = ".BTF",       [SECTION_BTF_EXT] = ".BTF.ext", [SECTION_SYMTAB] = ".symtab",
    };
    uint16_t number = 1;

    for (int i = SECTION_STRTAB; i < SECTION_COUNT; i++) {
        if (!w->section[i].present)
            continue;
        w->section[i].name = name(w, i == SECTION_REL ? ".rel" : "", names[i]);
        w->section[i].number = number++;
    }
}

static void symbol(struct writer *w, const char *text, unsigned bind, unsigned kind, unsigned visibility,
                   enum section_id section, uint64_t at, uint64_t bytes)
{
    struct strbuf *s = data(w, SECTION_SYMTAB);

    put32(s, text ? name(w, "", text) : 0);
    put8(s, (uint8_t)(bind << 4 | kind));
    put8(s, (uint8_t)visibility);
    put16(s, w->section[section].number);
    put64(s, at);
    put64(s, bytes);
}

/* Symbols by number, which relocations use: the local ones come first. 0 is none. */
struct symbols {
    uint32_t tables, filter, function, counts, sets, kfuncs;
};

static struct symbols number_symbols(const struct rodata *r, const struct maps *m)
{
    struct symbols n = {0};
    uint32_t next = 2; /* behind none and the code's section */

    if (r->tables_bytes)
        n.tables = next++;
    if (r->filter_bytes)
        n.filter = next++;
    n.function = next++;
    n.counts = next;
    n.sets = n.counts + m->counts;
    n.kfuncs = n.sets + m->sets;
    return n;
}

static void write_symbols(struct writer *w, struct symbols n)
{
    const struct elf_object *o = w->o;

    symbol(w, NULL, BIND_LOCAL, 0, 0, SECTION_NONE, 0, 0);
    symbol(w, NULL, BIND_LOCAL, KIND_SECTION, 0, SECTION_CODE, 0, 0);
    if (n.tables)
        symbol(w, TABLES_NAME, BIND_LOCAL, KIND_OBJECT, 0, SECTION_RODATA, 0, w->rodata.tables_bytes);
    if (n.filter)
        symbol(w, FILTER_NAME, BIND_LOCAL, KIND_OBJECT, 0, SECTION_RODATA, w->rodata.filter_at,
               w->rodata.filter_bytes);
    w->section[SECTION_SYMTAB].info = n.function; /* the first that is not local */
    symbol(w, o->function, BIND_GLOBAL, KIND_FUNC, o->linked ? VISIBLE_HIDDEN : 0, SECTION_CODE, 0,
           8 * (uint64_t)o->insns);
    if (w->maps.counts)
        symbol(w, COUNTS_NAME, BIND_GLOBAL, KIND_OBJECT, 0, SECTION_MAPS, 0, COUNTS_DEFINITION_BYTES);
    for (uint32_t i = 0; i < w->maps.sets; i++) /* weak: functions that are linked share sets by name */
        symbol(w, o->set[i].name, o->linked ? BIND_WEAK : BIND_GLOBAL, KIND_OBJECT, 0, SECTION_MAPS,
               maps_set_at(&w->maps, i), SET_DEFINITION_BYTES);
    for (uint32_t i = 0; reloc_uses(o, EBPF_RELOC_KFUNC) && i < KFUNC_COUNT; i++)
        symbol(w, ebpf_kfuncs[i].name, BIND_GLOBAL, 0, 0, SECTION_NONE, 0, 0);
    if (!o->linked)
        symbol(w, LICENSE_NAME, BIND_GLOBAL, KIND_OBJECT, 0, SECTION_LICENSE, 0, sizeof LICENSE);
}

static void write_rodata(struct writer *w)
{
    const struct elf_object *o = w->o;
    size_t len = o->filter_len > FILTER_BYTES - 4 ? FILTER_BYTES - 4 : o->filter_len;
    struct strbuf *s = data(w, SECTION_RODATA);

    if (o->rodata_bytes) {
        strbuf_put(s, (const char *)o->rodata, o->rodata_bytes);
        while (s->len % 8 && !s->failed)
            put8(s, 0);
        w->rodata.tables_bytes = (uint32_t)s->len;
    }
    w->rodata.filter_at = (uint32_t)s->len;
    if (o->filter) {
        for (size_t i = 0; i < len; i++) {
            char c = harmless(o->filter[i]);
            strbuf_put(s, &c, 1);
        }
        if (len < o->filter_len)
            strbuf_puts(s, "...");
        put8(s, 0);
        w->rodata.filter_bytes = (uint32_t)s->len - w->rodata.filter_at;
    }
    if (s->len)
        begin(w, SECTION_RODATA, TYPE_PROGBITS, FLAG_ALLOC, 8);
}

static void write_sections(struct writer *w)
{
    const struct elf_object *o = w->o;
    w->maps = (struct maps){reloc_uses(o, EBPF_RELOC_COUNTERS), o->set, o->sets};
    write_rodata(w);
    struct symbols symbols = number_symbols(&w->rodata, &w->maps);
    begin(w, SECTION_STRTAB, TYPE_STRTAB, 0, 1);
    put8(data(w, SECTION_STRTAB), 0);
    begin(w, SECTION_CODE, TYPE_PROGBITS, FLAG_ALLOC | FLAG_EXEC, 8);
    reloc_code(o, (struct reloc_symbols){symbols.counts, symbols.tables, symbols.sets, symbols.kfuncs},
               data(w, SECTION_CODE), data(w, SECTION_REL));
    if (o->relocs)
        begin(w, SECTION_REL, TYPE_REL, FLAG_INFO_LINK, 8);
    if (maps_bytes(&w->maps)) {
        begin(w, SECTION_MAPS, TYPE_PROGBITS, FLAG_ALLOC | FLAG_WRITE, 8);
        for (uint32_t i = 0; i < maps_bytes(&w->maps); i++)
            put8(data(w, SECTION_MAPS), 0);
    }
    if (!o->linked) {
        begin(w, SECTION_LICENSE, TYPE_PROGBITS, FLAG_ALLOC | FLAG_WRITE, 1);
        strbuf_put(data(w, SECTION_LICENSE), LICENSE, sizeof LICENSE);
    }
    begin(w, SECTION_BTF, TYPE_PROGBITS, 0, 4);
    begin(w, SECTION_BTF_EXT, TYPE_PROGBITS, 0, 4);
    btf_write(o, w->code_name, w->maps, w->rodata, data(w, SECTION_BTF), data(w, SECTION_BTF_EXT));
    begin(w, SECTION_SYMTAB, TYPE_SYMTAB, 0, 8);
    number_sections(w);
    write_symbols(w, symbols);
    w->section[SECTION_SYMTAB].link = SECTION_STRTAB;
    w->section[SECTION_SYMTAB].entry_bytes = SYMBOL_BYTES;
    w->section[SECTION_REL].link = SECTION_SYMTAB;
    w->section[SECTION_REL].info = w->section[SECTION_CODE].number;
    w->section[SECTION_REL].entry_bytes = REL_BYTES;
}

static uint64_t aligned(uint64_t at, uint64_t align)
{
    return (at + align - 1) / align * align;
}

static void write_header(const struct writer *w, uint64_t headers_at, uint16_t sections, struct strbuf *out)
{
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little-endian */,
                                      1 /* version */};

    strbuf_put(out, (const char *)ident, sizeof ident);
    put16(out, ET_REL);
    put16(out, EM_BPF);
    put32(out, 1); /* version */
    put64(out, 0); /* entry */
    put64(out, 0); /* program headers */
    put64(out, headers_at);
    put32(out, 0); /* flags */
    put16(out, HEADER_BYTES);
    put16(out, 0); /* program headers: their size */
    put16(out, 0); /* and number */
    put16(out, SECTION_HEADER_BYTES);
    put16(out, sections);
    put16(out, w->section[SECTION_STRTAB].number);
}

static void write_section_header(const struct writer *w, const struct section *s, struct strbuf *out)
{
    put32(out, s->name);
    put32(out, s->type);
    put64(out, s->flags);
    put64(out, 0); /* address */
    put64(out, s->at);
    put64(out, s->data.len);
    put32(out, w->section[s->link].number);
    put32(out, s->info);
    put64(out, s->align);
    put64(out, s->entry_bytes);
}

static void write_file(struct writer *w, struct strbuf *out)
{
    size_t from = out->len;
    uint64_t at = HEADER_BYTES;
    uint16_t sections = 1;

    for (int i = SECTION_STRTAB; i < SECTION_COUNT; i++) {
        struct section *s = &w->section[i];
        if (!s->present)
            continue;
        s->at = aligned(at, s->align);
        at = s->at + s->data.len;
        sections++;
    }
    at = aligned(at, 8);
    write_header(w, at, sections, out);
    for (int i = SECTION_STRTAB; i < SECTION_COUNT && !out->failed; i++) {
        const struct section *s = &w->section[i];
        if (!s->present)
            continue;
        while (out->len - from < s->at && !out->failed)
            put8(out, 0);
        if (s->data.len)
            strbuf_put(out, s->data.text, s->data.len);
    }
    while (out->len - from < at && !out->failed)
        put8(out, 0);
    for (int i = 0; i < SECTION_HEADER_BYTES; i++) /* section 0 is none */
        put8(out, 0);
    for (int i = SECTION_STRTAB; i < SECTION_COUNT; i++)
        if (w->section[i].present)
            write_section_header(w, &w->section[i], out);
}

int elf_write(const struct elf_object *o, struct strbuf *out)
{
    struct writer w = {.o = o, .code_name = o->linked ? ".text" : o->section};
    bool failed = false;

    for (int i = 0; i < SECTION_COUNT; i++)
        strbuf_init(&w.section[i].data, out->al);
    write_sections(&w);
    for (int i = 0; i < SECTION_COUNT; i++)
        failed |= w.section[i].data.failed;
    if (!failed)
        write_file(&w, out);
    for (int i = 0; i < SECTION_COUNT; i++)
        strbuf_release(&w.section[i].data);
    return failed || out->failed ? WEIR_E_MEMORY : WEIR_OK;
}

bool elf_is_name(const char *text)
{
    static const char *const own[] = {COUNTS_NAME, TABLES_NAME, FILTER_NAME, LICENSE_NAME};
    size_t len = strlen(text);

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(text, own[i]) == 0)
            return false;
    if (len == 0 || len > ELF_NAME_MAX || (text[0] >= '0' && text[0] <= '9'))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}
