/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/elf/btf.c - BTF: the types of an object's function, map and variables.
 *
 * A type is twelve bytes, `name, info, size or type`, and what its kind adds; ids count from 1 in the order
 * of writing. info = kind << 24 | number of members.
 *
 * What Linux has by name is described as the program knows it: its functions, in the section `.ksyms`, and
 * struct sk_buff with the fields that are read. The loader looks for both in the types of the running kernel;
 * which instruction reads which field is in .BTF.ext (CO-RE).
 *
 * Source: Documentation/bpf/btf.rst; Documentation/bpf/llvm_reloc.rst; linux/bpf.h (struct xdp_md, struct
 * __sk_buff, struct bpf_core_relo)
 */
#include <string.h>
#include "backends/elf/internal.h"

enum {
    KIND_INT = 1,
    KIND_PTR = 2,
    KIND_ARRAY = 3,
    KIND_STRUCT = 4,
    KIND_TYPEDEF = 8,
    KIND_CONST = 10,
    KIND_FUNC = 12,
    KIND_FUNC_PROTO = 13,
    KIND_VAR = 14,
    KIND_DATASEC = 15,
};

#define BTF_MAGIC        0xeb9f
#define INT_SIGNED       1u
#define LINKAGE_STATIC   0
#define LINKAGE_GLOBAL   1
#define LINKAGE_EXTERN   2
#define MAP_PERCPU_ARRAY 6 /* BPF_MAP_TYPE_PERCPU_ARRAY */
#define HEADER_BYTES     24
#define EXT_HEADER_BYTES 32
#define FUNC_INFO_BYTES  8
#define LINE_INFO_BYTES  16
#define CORE_RELO_BYTES  16
#define CORE_BYTE_OFFSET 0 /* BPF_CORE_FIELD_BYTE_OFFSET */
#define VOID             0
#define LINE_TEXT_BYTES  80 /* of a piece of the filter beside its instructions */

struct btf {
    struct strbuf types, names;
    uint32_t count; /* of types; 0 is void */
};

/* Fields of the contexts, in order, as far as programs read them. A number behind the name is an array's
 * length. */
struct field {
    const char *name;
    uint32_t elements; /* 0: not an array */
};

static const struct field xdp_md[] = {
    {"data", 0},           {"data_end", 0},       {"data_meta", 0}, {"ingress_ifindex", 0},
    {"rx_queue_index", 0}, {"egress_ifindex", 0},
};

static const struct field sk_buff[] = {
    {"len", 0},          {"pkt_type", 0},   {"mark", 0},       {"queue_mapping", 0}, {"protocol", 0},
    {"vlan_present", 0}, {"vlan_tci", 0},   {"vlan_proto", 0}, {"priority", 0},      {"ingress_ifindex", 0},
    {"ifindex", 0},      {"tc_index", 0},   {"cb", 5},         {"hash", 0},          {"tc_classid", 0},
    {"data", 0},         {"data_end", 0},   {"napi_id", 0},    {"family", 0},        {"remote_ip4", 0},
    {"local_ip4", 0},    {"remote_ip6", 4}, {"local_ip6", 4},  {"remote_port", 0},   {"local_port", 0},
    {"data_meta", 0},
};

static const struct field counters[] = {
    {"seen_packets", 0}, {"seen_bytes", 0}, {"matched_packets", 0}, {"matched_bytes", 0}};

#define COUNT_OF(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

static uint32_t name(struct btf *b, const char *text)
{
    return text ? put_name(&b->names, text, strlen(text)) : 0;
}

static uint32_t type(struct btf *b, const char *text, uint32_t kind, uint32_t members, uint32_t size_or_type)
{
    put32(&b->types, name(b, text));
    put32(&b->types, kind << 24 | members);
    put32(&b->types, size_or_type);
    return ++b->count;
}

static uint32_t integer(struct btf *b, const char *text, uint32_t bytes, uint32_t encoding)
{
    uint32_t id = type(b, text, KIND_INT, 0, bytes);

    put32(&b->types, encoding << 24 | 8 * bytes);
    return id;
}

static uint32_t array(struct btf *b, uint32_t of, uint32_t index, uint32_t elements)
{
    uint32_t id = type(b, NULL, KIND_ARRAY, 0, 0);

    put32(&b->types, of);
    put32(&b->types, index);
    put32(&b->types, elements);
    return id;
}

static void member(struct btf *b, const char *text, uint32_t of, uint32_t offset_bits)
{
    put32(&b->types, name(b, text));
    put32(&b->types, of);
    put32(&b->types, offset_bits);
}

static uint32_t variable(struct btf *b, const char *text, uint32_t of, uint32_t linkage)
{
    uint32_t id = type(b, text, KIND_VAR, 0, of);

    put32(&b->types, linkage);
    return id;
}

static void in_section(struct btf *b, uint32_t id, uint32_t at, uint32_t bytes)
{
    put32(&b->types, id);
    put32(&b->types, at);
    put32(&b->types, bytes);
}

/* A structure of @of, @bytes each; its arrays are written first. */
static uint32_t structure(struct btf *b, const char *text, const struct field *f, uint32_t n, uint32_t of,
                          uint32_t index, uint32_t bytes)
{
    uint32_t arrays[2] = {0, 0}; /* by length: 4 and 5 */
    uint32_t at = 0, total = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (f[i].elements && !arrays[f[i].elements - 4])
            arrays[f[i].elements - 4] = array(b, of, index, f[i].elements);
        total += bytes * (f[i].elements ? f[i].elements : 1);
    }
    uint32_t id = type(b, text, KIND_STRUCT, n, total);
    for (uint32_t i = 0; i < n; i++) {
        member(b, f[i].name, f[i].elements ? arrays[f[i].elements - 4] : of, 8 * at);
        at += bytes * (f[i].elements ? f[i].elements : 1);
    }
    return id;
}

/* In a map's definition a number is a pointer to an array of that many integers. */
static uint32_t number(struct btf *b, uint32_t integer_type, uint32_t index, uint32_t value)
{
    return type(b, NULL, KIND_PTR, 0, array(b, integer_type, index, value));
}

static uint32_t define_counts(struct btf *b, uint32_t int_type, uint32_t u32, uint32_t u64, uint32_t index)
{
    uint32_t value = structure(b, "weir_counters", counters, COUNT_OF(counters), u64, index, 8);
    uint32_t kind = number(b, int_type, index, MAP_PERCPU_ARRAY);
    uint32_t entries = number(b, int_type, index, 1);
    uint32_t key_pointer = type(b, NULL, KIND_PTR, 0, u32);
    uint32_t value_pointer = type(b, NULL, KIND_PTR, 0, value);
    uint32_t map = type(b, NULL, KIND_STRUCT, 4, COUNTS_DEFINITION_BYTES);

    member(b, "type", kind, 0);
    member(b, "max_entries", entries, 64);
    member(b, "key", key_pointer, 128);
    member(b, "value", value_pointer, 192);
    return variable(b, COUNTS_NAME, map, LINKAGE_GLOBAL);
}

/* What members of a set of @kind are: struct weir_set_address, or bytes of the packet. */
static uint32_t key_of(struct btf *b, unsigned kind, uint32_t u32, uint32_t byte, uint32_t index)
{
    uint32_t bytes = ebpf_set_map(kind)->key_bytes;

    if (kind != WEIR_SET_ADDRESSES)
        return array(b, byte, index, bytes);
    uint32_t address = array(b, byte, index, 16);
    uint32_t key = type(b, "weir_set_address", KIND_STRUCT, 3, bytes);
    member(b, "bits", u32, 0);
    member(b, "family", u32, 32);
    member(b, "bytes", address, 64);
    return key;
}

static uint32_t define_set(struct btf *b, const struct ir_set *set, uint32_t int_type, uint32_t u32,
                           uint32_t byte, uint32_t index)
{
    const struct ebpf_set_map *m = ebpf_set_map(set->kind);
    uint32_t key = key_of(b, set->kind, u32, byte, index);
    uint32_t kind = number(b, int_type, index, m->type);
    uint32_t flags = number(b, int_type, index, m->flags);
    uint32_t entries = number(b, int_type, index, ir_set_members(set->kind));
    uint32_t key_pointer = type(b, NULL, KIND_PTR, 0, key);
    uint32_t value_pointer = type(b, NULL, KIND_PTR, 0, u32);
    uint32_t map = type(b, NULL, KIND_STRUCT, 5, SET_DEFINITION_BYTES);

    member(b, "type", kind, 0);
    member(b, "map_flags", flags, 64);
    member(b, "max_entries", entries, 128);
    member(b, "key", key_pointer, 192);
    member(b, "value", value_pointer, 256);
    return variable(b, set->name, map, LINKAGE_GLOBAL);
}

static void define_maps(struct btf *b, const struct maps *m, uint32_t int_type, uint32_t u32, uint32_t u64,
                        uint32_t index)
{
    uint32_t counts = m->counts ? define_counts(b, int_type, u32, u64, index) : 0;
    uint32_t byte = m->sets ? integer(b, "unsigned char", 1, 0) : 0;
    uint32_t set[IR_SETS_MAX];

    for (uint32_t i = 0; i < m->sets; i++)
        set[i] = define_set(b, &m->set[i], int_type, u32, byte, index);
    type(b, ".maps", KIND_DATASEC, m->counts + m->sets, maps_bytes(m));
    if (m->counts)
        in_section(b, counts, 0, COUNTS_DEFINITION_BYTES);
    for (uint32_t i = 0; i < m->sets; i++)
        in_section(b, set[i], maps_set_at(m, i), SET_DEFINITION_BYTES);
}

static uint32_t define_function(struct btf *b, const struct elf_object *o, uint32_t int_type, uint32_t u32,
                                uint32_t index)
{
    uint32_t proto;

    if (o->context) {
        bool xdp = strcmp(o->context, "xdp_md") == 0;
        uint32_t context = structure(b, o->context, xdp ? xdp_md : sk_buff,
                                     xdp ? COUNT_OF(xdp_md) : COUNT_OF(sk_buff), u32, index, 4);
        uint32_t pointer = type(b, NULL, KIND_PTR, 0, context);
        proto = type(b, NULL, KIND_FUNC_PROTO, 1, int_type);
        put32(&b->types, name(b, "ctx"));
        put32(&b->types, pointer);
    } else {
        uint32_t pointer = type(b, NULL, KIND_PTR, 0, VOID);
        proto = type(b, NULL, KIND_FUNC_PROTO, 3, int_type);
        put32(&b->types, name(b, "data"));
        put32(&b->types, pointer);
        put32(&b->types, name(b, "data_end"));
        put32(&b->types, pointer);
        put32(&b->types, name(b, "wire_len"));
        put32(&b->types, u32);
    }
    return type(b, o->function, KIND_FUNC, LINKAGE_GLOBAL, proto);
}

/* Constant data that is found by its name in the type information only, or by relocations: static. */
static void define_rodata(struct btf *b, struct rodata rodata, uint32_t u64, uint32_t character,
                          uint32_t index)
{
    uint32_t tables = 0, filter = 0;

    if (rodata.tables_bytes)
        tables = variable(b, TABLES_NAME,
                          type(b, NULL, KIND_CONST, 0, array(b, u64, index, rodata.tables_bytes / 8)),
                          LINKAGE_STATIC);
    if (rodata.filter_bytes)
        filter = variable(b, FILTER_NAME,
                          type(b, NULL, KIND_CONST, 0, array(b, character, index, rodata.filter_bytes)),
                          LINKAGE_STATIC);
    if (!tables && !filter)
        return;
    type(b, ".rodata", KIND_DATASEC, (tables != 0) + (filter != 0),
         filter ? rodata.filter_at + rodata.filter_bytes : rodata.tables_bytes);
    if (tables)
        in_section(b, tables, 0, rodata.tables_bytes);
    if (filter)
        in_section(b, filter, rodata.filter_at, rodata.filter_bytes);
}

/* What @o wants of Linux by name. Returns struct sk_buff, or VOID. */
static uint32_t define_kernel(struct btf *b, const struct elf_object *o, uint32_t u32)
{
    const struct ebpf_skb_field_row *last = &ebpf_skb_fields[SKB_COUNT - 1];
    uint32_t function[KFUNC_COUNT];

    if (!reloc_uses(o, EBPF_RELOC_KFUNC))
        return VOID;
    uint32_t pointer = type(b, NULL, KIND_PTR, 0, VOID);
    for (uint32_t i = 0; i < KFUNC_COUNT; i++) {
        uint32_t proto = type(b, NULL, KIND_FUNC_PROTO, ebpf_kfuncs[i].arguments, pointer);
        for (uint32_t a = 0; a < ebpf_kfuncs[i].arguments; a++) {
            put32(&b->types, 0); /* no name */
            put32(&b->types, a ? u32 : pointer);
        }
        function[i] = type(b, ebpf_kfuncs[i].name, KIND_FUNC, LINKAGE_EXTERN, proto);
    }
    type(b, ".ksyms", KIND_DATASEC, KFUNC_COUNT, 0);
    for (uint32_t i = 0; i < KFUNC_COUNT; i++)
        in_section(b, function[i], 0, 0);
    uint32_t skb = type(b, "sk_buff", KIND_STRUCT, SKB_COUNT, last->at + last->bytes);
    for (uint32_t i = 0; i < SKB_COUNT; i++)
        member(b, ebpf_skb_fields[i].name, ebpf_skb_fields[i].bytes == 4 ? u32 : pointer,
               8 * ebpf_skb_fields[i].at);
    return skb;
}

/* The piece of the filter an instruction came from, or all of it. */
static struct span piece_of(const struct elf_object *o, uint32_t insn)
{
    struct span at = o->at ? o->at[insn] : (struct span){0, 0};

    if (at.begin >= at.end || at.end > o->filter_len)
        at = (struct span){0, (uint32_t)o->filter_len};
    if (at.end - at.begin > LINE_TEXT_BYTES)
        at.end = at.begin + LINE_TEXT_BYTES;
    return at;
}

static uint32_t piece_name(struct btf *b, const struct elf_object *o, struct span at)
{
    uint32_t id = (uint32_t)b->names.len;

    for (uint32_t i = at.begin; i < at.end; i++) {
        char c = harmless(o->filter[i]);
        strbuf_put(&b->names, &c, 1);
    }
    put8(&b->names, 0);
    return id;
}

/*
 * The filter's words beside the instructions, as a compiler puts lines of C there: the verifier's log and
 * `bpftool prog dump` show them. Line 1, and the column as far as its ten bits reach.
 */
static void write_lines(struct btf *b, const struct elf_object *o, struct strbuf *out)
{
    uint32_t file = name(b, "filter"), text = 0;
    struct span last = {0, 0};

    for (uint32_t i = 0; i < o->insns; i++) {
        struct span at = piece_of(o, i);
        bool second_half = i && o->insn[i].code == 0;
        if (second_half || (i && at.begin == last.begin && at.end == last.end))
            continue;
        text = piece_name(b, o, at);
        put32(out, 8 * i);
        put32(out, file);
        put32(out, text);
        put32(out, 1u << 10 | (at.begin < 1023 ? at.begin + 1 : 1023));
        last = at;
    }
}

/* Which instructions have the offset of a field; "0:1" is member 1 of the structure. */
static void write_fields(struct btf *b, const struct elf_object *o, uint32_t skb, struct strbuf *out)
{
    for (uint32_t i = 0; i < o->relocs; i++) {
        char access[] = "0:0";
        if (o->reloc[i].kind != EBPF_RELOC_FIELD)
            continue;
        access[2] = (char)('0' + o->reloc[i].addend);
        put32(out, 8 * o->reloc[i].insn);
        put32(out, skb);
        put32(out, name(b, access));
        put32(out, CORE_BYTE_OFFSET);
    }
}

/* The tables of .BTF.ext, in its order; of each that is not empty, the length of a record, then the section's
 * name, the number of records, and they. */
enum { EXT_FUNCTIONS, EXT_LINES, EXT_CORE, EXT_TABLES };

#define TABLE_HEADER_BYTES 12

static void write_ext(struct btf *b, const struct elf_object *o, const char *in_text, uint32_t function,
                      uint32_t skb, struct strbuf *out)
{
    static const uint32_t record_bytes[EXT_TABLES] = {FUNC_INFO_BYTES, LINE_INFO_BYTES, CORE_RELO_BYTES};
    uint32_t section = name(b, in_text), at = 0;
    struct strbuf table[EXT_TABLES];

    for (int i = 0; i < EXT_TABLES; i++)
        strbuf_init(&table[i], out->al);
    put32(&table[EXT_FUNCTIONS], 0); /* instruction */
    put32(&table[EXT_FUNCTIONS], function);
    if (o->filter_len)
        write_lines(b, o, &table[EXT_LINES]);
    write_fields(b, o, skb, &table[EXT_CORE]);

    put16(out, BTF_MAGIC);
    put8(out, 1); /* version */
    put8(out, 0);
    put32(out, EXT_HEADER_BYTES);
    for (int i = 0; i < EXT_TABLES; i++) { /* where each begins behind this header */
        uint32_t bytes = table[i].len ? TABLE_HEADER_BYTES + (uint32_t)table[i].len : 0;
        put32(out, at);
        put32(out, bytes);
        at += bytes;
    }
    for (int i = 0; i < EXT_TABLES; i++) {
        if (table[i].len) {
            put32(out, record_bytes[i]);
            put32(out, section);
            put32(out, (uint32_t)table[i].len / record_bytes[i]);
            strbuf_put(out, table[i].text, table[i].len);
        }
        out->failed |= table[i].failed;
        strbuf_release(&table[i]);
    }
}

void btf_write(const struct elf_object *o, const char *section, struct maps maps, struct rodata rodata,
               struct strbuf *btf_out, struct strbuf *ext_out)
{
    struct btf b = {.count = 0};

    strbuf_init(&b.types, btf_out->al);
    strbuf_init(&b.names, btf_out->al);
    put8(&b.names, 0); /* offset 0 is no name */
    uint32_t int_type = integer(&b, "int", 4, INT_SIGNED);
    uint32_t u32 = type(&b, "__u32", KIND_TYPEDEF, 0, integer(&b, "unsigned int", 4, 0));
    uint32_t character = integer(&b, "char", 1, INT_SIGNED);
    uint32_t index = integer(&b, "__ARRAY_SIZE_TYPE__", 4, 0);
    uint32_t u64 = type(&b, "__u64", KIND_TYPEDEF, 0, integer(&b, "unsigned long long", 8, 0));
    uint32_t function = define_function(&b, o, int_type, u32, index);
    if (maps_bytes(&maps))
        define_maps(&b, &maps, int_type, u32, u64, index);
    define_rodata(&b, rodata, u64, character, index);
    if (!o->linked) {
        uint32_t license =
            variable(&b, LICENSE_NAME, array(&b, character, index, sizeof LICENSE), LINKAGE_GLOBAL);
        type(&b, "license", KIND_DATASEC, 1, sizeof LICENSE);
        in_section(&b, license, 0, sizeof LICENSE);
    }
    uint32_t skb = define_kernel(&b, o, u32);
    write_ext(&b, o, section, function, skb, ext_out);

    put16(btf_out, BTF_MAGIC);
    put8(btf_out, 1); /* version */
    put8(btf_out, 0);
    put32(btf_out, HEADER_BYTES);
    put32(btf_out, 0); /* where the types begin behind this header, then the names */
    put32(btf_out, (uint32_t)b.types.len);
    put32(btf_out, (uint32_t)b.types.len);
    put32(btf_out, (uint32_t)b.names.len);
    if (b.types.failed || b.names.failed)
        btf_out->failed = true;
    if (!btf_out->failed) {
        strbuf_put(btf_out, b.types.text, b.types.len);
        strbuf_put(btf_out, b.names.text, b.names.len);
    }
    strbuf_release(&b.types);
    strbuf_release(&b.names);
}
