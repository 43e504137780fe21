/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/elf/internal.h - what the files of this room share: bytes in little-endian order, the type
 * information, the places that need relocation.
 */
#ifndef WEIR_BACKENDS_ELF_INTERNAL_H
#define WEIR_BACKENDS_ELF_INTERNAL_H
#include <stdbool.h>
#include <stdint.h>
#include "backends/elf/elf.h"

static inline void put8(struct strbuf *s, uint8_t v)
{
    strbuf_put(s, (const char *)&v, 1);
}
static inline void put16(struct strbuf *s, uint16_t v)
{
    put8(s, (uint8_t)v);
    put8(s, (uint8_t)(v >> 8));
}
static inline void put32(struct strbuf *s, uint32_t v)
{
    put16(s, (uint16_t)v);
    put16(s, (uint16_t)(v >> 16));
}
static inline void put64(struct strbuf *s, uint64_t v)
{
    put32(s, (uint32_t)v);
    put32(s, (uint32_t)(v >> 32));
}

/** Appends @text and its NUL; where it begins. */
static inline uint32_t put_name(struct strbuf *s, const char *text, size_t len)
{
    uint32_t at = (uint32_t)s->len;

    strbuf_put(s, text, len);
    put8(s, 0);
    return at;
}

#define LICENSE      "Dual BSD/GPL"
#define COUNTS_NAME  "weir_counts"
#define LICENSE_NAME "_license"
#define TABLES_NAME  "weir_tables"
#define FILTER_NAME  "bpf_metadata_filter" /* bpftool prints variables with this prefix */
#define FILTER_BYTES 4096                  /* longer filters are cut, with "..." at the end */

/* One definition of a BTF-defined map is a structure of pointers. */
#define COUNTS_DEFINITION_BYTES 32
#define SET_DEFINITION_BYTES    40

/* Contents of .maps: the counters, then the sets. */
struct maps {
    bool counts;
    const struct ir_set *set;
    uint32_t sets;
};

static inline uint32_t maps_set_at(const struct maps *m, uint32_t i)
{
    return (m->counts ? COUNTS_DEFINITION_BYTES : 0) + i * SET_DEFINITION_BYTES;
}
static inline uint32_t maps_bytes(const struct maps *m)
{
    return maps_set_at(m, m->sets);
}

/* What .rodata holds, in this order; a part is absent when it has no bytes. */
struct rodata {
    uint32_t tables_bytes;
    uint32_t filter_at, filter_bytes;
};

/** One character of the filter's text as it may be shown: no control characters. */
static inline char harmless(char c)
{
    return (unsigned char)c < ' ' || c == 127 ? ' ' : c;
}

/* ---- btf.c */

/** Contents of the sections .BTF and .BTF.ext for @o. @section is the code's. */
void btf_write(const struct elf_object *o, const char *section, struct maps maps, struct rodata rodata,
               struct strbuf *btf_out, struct strbuf *ext_out);

/* ---- reloc.c */

/* Symbols by number; sets follow each other, and so do functions of Linux. */
struct reloc_symbols {
    uint32_t counts, tables, sets, kfuncs;
};

/** Appends @o's instructions to @text, and to @rel its relocations. */
void reloc_code(const struct elf_object *o, struct reloc_symbols symbols, struct strbuf *text,
                struct strbuf *rel);

/** Whether @o has a relocation of @kind. */
bool reloc_uses(const struct elf_object *o, enum ebpf_reloc_kind kind);
#endif
