/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit-tests/sets.h - contents of named sets, once as maps of the kernel and once as a list that is read from
 * end to end.
 */
#ifndef WEIR_JIT_TESTS_SETS_H
#define WEIR_JIT_TESTS_SETS_H
#include <bpf/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include "backends/ebpf/ebpf.h"
#include "vm/vm.h"

#define SETS_MEMBERS 200 /* of each */

/* A member as the map has it: struct weir_set_address, or two or six bytes. */
union set_key {
    struct weir_set_address address;
    uint8_t bytes[sizeof(struct weir_set_address)];
};

struct set_contents {
    char name[16];
    uint8_t kind;
    int map; /* a descriptor */
    uint32_t n;
    union set_key key[SETS_MEMBERS];
};

struct filled_sets {
    struct set_contents of[3]; /* "a" addresses, "p" ports, "m" Ethernet addresses */
};

/** Makes the maps. False when the kernel does not. */
static inline bool sets_make(struct filled_sets *s)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } made[] = {{"a", WEIR_SET_ADDRESSES}, {"p", WEIR_SET_PORTS}, {"m", WEIR_SET_MACS}};
    bool good = true;

    memset(s, 0, sizeof *s);
    for (int i = 0; i < 3; i++) {
        const struct ebpf_set_map *m = ebpf_set_map(made[i].kind);
        struct bpf_map_create_opts o = {.sz = sizeof o, .map_flags = m->flags};
        strcpy(s->of[i].name, made[i].name);
        s->of[i].kind = made[i].kind;
        s->of[i].map = bpf_map_create((enum bpf_map_type)m->type, made[i].name, m->key_bytes, 4, 1000, &o);
        good &= s->of[i].map >= 0;
    }
    return good;
}

static inline void sets_free(struct filled_sets *s)
{
    for (int i = 0; i < 3; i++)
        close(s->of[i].map);
}

/** Empties them. */
static inline void sets_clear(struct filled_sets *s)
{
    for (int i = 0; i < 3; i++)
        for (; s->of[i].n; s->of[i].n--)
            bpf_map_delete_elem(s->of[i].map, &s->of[i].key[s->of[i].n - 1]);
}

static inline bool set_add(struct set_contents *c, const union set_key *key)
{
    uint32_t one = 1;

    if (c->n == SETS_MEMBERS)
        return true;
    c->key[c->n++] = *key;
    return bpf_map_update_elem(c->map, key, &one, BPF_ANY) == 0;
}

/** @bits bits of the address at @bytes; those behind them are cleared. */
static inline bool set_add_address(struct set_contents *c, const uint8_t *bytes, uint32_t family,
                                   uint32_t bits)
{
    union set_key k = {.address = {32 + bits, family, {0}}};

    memcpy(k.address.bytes, bytes, family == 4 ? 4 : 16);
    for (uint32_t i = bits; i < (family == 4 ? 32u : 128u); i++)
        k.address.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    return set_add(c, &k);
}

static inline bool set_add_bytes(struct set_contents *c, const uint8_t *bytes)
{
    union set_key k = {.bytes = {0}};

    memcpy(k.bytes, bytes, c->kind == WEIR_SET_PORTS ? 2 : 6);
    return set_add(c, &k);
}

static inline bool key_matches(const struct set_contents *c, const union set_key *k, enum ir_op op,
                               const uint8_t *bytes)
{
    if (c->kind == WEIR_SET_PORTS)
        return memcmp(k->bytes, bytes, 2) == 0;
    if (c->kind == WEIR_SET_MACS)
        return memcmp(k->bytes, bytes, 6) == 0;
    if (k->address.family != (op == IR_LOOKUP32 ? 4u : 6u))
        return false;
    for (uint32_t i = 0; i < k->address.bits - 32; i++)
        if ((k->address.bytes[i / 8] ^ bytes[i / 8]) & 0x80 >> i % 8)
            return false;
    return true;
}

/** For struct packet_sets; @user is a struct filled_sets. */
static inline bool sets_have(const void *user, const struct ir_set *set, enum ir_op op, const uint8_t *bytes)
{
    const struct filled_sets *s = user;

    for (int i = 0; i < 3; i++) {
        const struct set_contents *c = &s->of[i];
        for (uint32_t k = 0; strcmp(c->name, set->name) == 0 && k < c->n; k++)
            if (key_matches(c, &c->key[k], op, bytes))
                return true;
    }
    return false;
}

/** The map of @set, which has one of their names. */
static inline int sets_map(const struct filled_sets *s, const struct ir_set *set)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(s->of[i].name, set->name) == 0)
            return s->of[i].map;
    return -1;
}
#endif
