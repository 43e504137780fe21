/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach/sets.c - named sets: finding those that attached programs have, sharing and changing them.
 *
 * A set is a map of programs, and nothing else: no file and no list of names has to be kept in step with
 * what is attached, and a set is gone when its last program is. It is found through the programs of ours on
 * the interfaces of this network namespace. A program is loaded with the sets there are, and when it is
 * attached there must be no others of their names; a lock on the namespace keeps two attachments apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "attach/internal.h"

/* The key of an address in a map: weir/weir.h, struct weir_set_address. */
struct address_key {
    uint32_t bits, family;
    uint8_t bytes[16];
};

struct weir_bpf_set {
    int map;
    char name[16];
    uint32_t kind, most;
    bool shared;
};

uint32_t set_kind_of(uint32_t type, uint32_t key_size, uint32_t value_size)
{
    if (value_size != sizeof(uint32_t))
        return 0;
    if (type == BPF_MAP_TYPE_LPM_TRIE && key_size == sizeof(struct address_key))
        return WEIR_BPF_SET_ADDRESSES;
    if (type != BPF_MAP_TYPE_HASH)
        return 0;
    return key_size == 2 ? WEIR_BPF_SET_PORTS : key_size == 6 ? WEIR_BPF_SET_MACS : 0;
}

static const char *kind_text(uint32_t kind)
{
    return kind == WEIR_BPF_SET_ADDRESSES ? "IP addresses"
           : kind == WEIR_BPF_SET_PORTS   ? "ports"
                                          : "Ethernet addresses";
}

/* ---------------------------------------------------------------- sets of attached programs */

/* One set, from the first program that has it on. */
struct found {
    struct weir_bpf_set_info info;
    uint32_t map; /* the kernel's number */
    uint32_t last_program;
    char interface[16];
};

struct search {
    struct found *at;
    size_t n;
    const struct weir_bpf_attached *a; /* of the current program */
    bool no_memory;
};

static int look_at_map(void *user, uint32_t id, int map, const struct bpf_map_info *info)
{
    struct search *s = user;
    uint32_t kind = set_kind_of(info->type, info->key_size, info->value_size);
    size_t i = 0;

    (void)map;
    if (!kind)
        return 0;
    while (i < s->n && s->at[i].map != id)
        i++;
    if (i == s->n) {
        struct found *more = realloc(s->at, (s->n + 1) * sizeof *more);
        if (!more) {
            s->no_memory = true;
            return 1;
        }
        s->at = more;
        s->at[s->n++] = (struct found){.info = {.kind = kind, .most = info->max_entries}, .map = id};
        snprintf(s->at[i].info.name, sizeof s->at[i].info.name, "%s", info->name);
        snprintf(s->at[i].interface, sizeof s->at[i].interface, "%s", s->a->interface);
    }
    if (s->at[i].last_program != s->a->program)
        s->at[i].info.programs++;
    s->at[i].last_program = s->a->program;
    return 0;
}

static int look_at_program(void *user, const struct weir_bpf_attached *a)
{
    struct search *s = user;

    s->a = a;
    return a->sets[0] ? inspect_maps(a->program, look_at_map, s) : 0;
}

/* All sets of this network namespace; s->at is the caller's to free. */
static int find_sets(struct search *s, struct weir_bpf_error *e)
{
    *s = (struct search){0};
    int err = weir_bpf_list(look_at_program, s, e);
    if (s->no_memory)
        err = fail(e, ENOMEM, NULL, "%s", strerror(ENOMEM));
    if (err < 0) {
        free(s->at);
        s->at = NULL;
    }
    return err;
}

/* The one called @name: 0, -ENOENT (not reported), or an error. */
static int find_set(const struct search *s, const char *name, const struct found **out,
                    struct weir_bpf_error *e)
{
    *out = NULL;
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->at[i].info.name, name) != 0)
            continue;
        if (*out)
            return fail(e, EEXIST, "detach one of the programs",
                        "the programs on %s and %s each have a set '%s'", (*out)->interface,
                        s->at[i].interface, name);
        *out = &s->at[i];
    }
    return *out ? 0 : -ENOENT;
}

/* ---------------------------------------------------------------- loading */

static uint32_t kind_of_map(const struct bpf_map *map)
{
    return set_kind_of(bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map));
}

static int share(struct weir_bpf *p, struct bpf_map *map, unsigned number, const struct search *s,
                 struct weir_bpf_error *e)
{
    const struct found *set;
    int err = find_set(s, bpf_map__name(map), &set, e);

    if (err < 0)
        return err == -ENOENT ? 0 : err;
    if (set->info.kind != kind_of_map(map))
        return fail(e, EEXIST, "choose another name, or detach that program",
                    "the program on %s has a set '%s' of %s, and this filter looks for %s in it",
                    set->interface, set->info.name, kind_text(set->info.kind), kind_text(kind_of_map(map)));
    int fd = bpf_map_get_fd_by_id(set->map);
    if (fd < 0)
        return errno == ENOENT ? 0
                               : fail(e, errno, NULL, "the set '%s': %s", set->info.name, strerror(errno));
    err = bpf_map__reuse_fd(map, fd);
    close(fd);
    if (err < 0)
        return fail(e, -err, NULL, "the set '%s': %s", set->info.name, strerror(-err));
    p->shared |= UINT64_C(1) << number;
    return 0;
}

static bool has_sets(const struct weir_bpf *p)
{
    struct bpf_map *map;
    bool any = false;

    bpf_object__for_each_map(map, p->object) any |= kind_of_map(map) != 0;
    return any;
}

int sets_share(struct weir_bpf *p, struct weir_bpf_error *e)
{
    struct bpf_map *map;
    struct search s;
    unsigned number = 0;

    if (!has_sets(p))
        return 0;
    int err = find_sets(&s, e);
    if (err < 0)
        return err;
    bpf_object__for_each_map(map, p->object)
    {
        if (err == 0 && number < 64 && kind_of_map(map))
            err = share(p, map, number, &s, e);
        number++;
    }
    free(s.at);
    return err;
}

/* Whether the set of attached programs that is called as @map is, is @map. */
static int is_only_one(const struct bpf_map *map, const struct search *s, struct weir_bpf_error *e)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    const struct found *set;
    int err = find_set(s, bpf_map__name(map), &set, e);

    if (err < 0)
        return err == -ENOENT ? 0 : err;
    if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) < 0)
        return fail(e, errno, NULL, "the set '%s': %s", set->info.name, strerror(errno));
    if (info.id == set->map)
        return 0;
    return fail(e, EAGAIN, "try again, and the set will be shared",
                "a program with another set '%s' was attached to %s meanwhile", set->info.name,
                set->interface);
}

int sets_lock(const struct weir_bpf *p, int *lock, struct weir_bpf_error *e)
{
    struct bpf_map *map;
    struct search s;

    *lock = -1;
    if (!has_sets(p))
        return 0;
    *lock = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (*lock < 0 || flock(*lock, LOCK_EX) < 0)
        return fail(e, errno, NULL, "/proc/self/ns/net: %s", strerror(errno));
    int err = find_sets(&s, e);
    if (err < 0)
        return err;
    bpf_object__for_each_map(map, p->object) if (err == 0 && kind_of_map(map)) err = is_only_one(map, &s, e);
    free(s.at);
    return err;
}

void sets_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* ---------------------------------------------------------------- opening */

static int open_map(int map, const char *name, bool shared, struct weir_bpf_set **out,
                    struct weir_bpf_error *e)
{
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    struct weir_bpf_set *s = calloc(1, sizeof *s);

    if (!s || bpf_obj_get_info_by_fd(map, &info, &len) < 0) {
        int number = s ? errno : ENOMEM;
        free(s);
        close(map);
        return fail(e, number, NULL, "the set '%s': %s", name, strerror(number));
    }
    s->map = map;
    s->kind = set_kind_of(info.type, info.key_size, info.value_size);
    s->most = info.max_entries;
    s->shared = shared;
    snprintf(s->name, sizeof s->name, "%s", info.name);
    *out = s;
    return 0;
}

int weir_bpf_set_of(const struct weir_bpf *p, const char *name, struct weir_bpf_set **out,
                    struct weir_bpf_error *e)
{
    struct bpf_map *map;
    unsigned number = 0;

    if (!p || !name || !out)
        return missing(e, !p ? "the program" : name ? "the place of the set" : "the set's name");
    if (e)
        memset(e, 0, sizeof *e);
    bpf_object__for_each_map(map, p->object)
    {
        if (kind_of_map(map) && strcmp(bpf_map__name(map), name) == 0) {
            int fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
            if (fd < 0)
                return fail(e, errno, NULL, "the set '%s': %s", name, strerror(errno));
            return open_map(fd, name, number < 64 && p->shared >> number & 1, out, e);
        }
        number++;
    }
    return fail(e, ENOENT, "write '@NAME' in the filter", "the filter has no set '%s'", name);
}

int weir_bpf_set_open(const char *name, struct weir_bpf_set **out, struct weir_bpf_error *e)
{
    const struct found *set;
    struct search s;

    if (!name || !out)
        return missing(e, name ? "the place of the set" : "the set's name");
    int err = find_sets(&s, e);
    if (err < 0)
        return err;
    struct quiet q = quiet_begin();
    err = find_set(&s, name, &set, e);
    int fd = err == 0 ? bpf_map_get_fd_by_id(set->map) : -1;
    if (err == 0 && fd < 0)
        err = errno == ENOENT ? -ENOENT : fail(e, errno, NULL, "the set '%s': %s", name, strerror(errno));
    if (err == -ENOENT)
        err = fail(e, ENOENT, "'weir set list' shows those there are", "no attached program has a set '%s'",
                   name);
    if (err == 0)
        err = open_map(fd, name, true, out, e);
    quiet_end(q);
    free(s.at);
    return err;
}

void weir_bpf_set_close(struct weir_bpf_set *s)
{
    if (!s)
        return;
    close(s->map);
    free(s);
}

uint32_t weir_bpf_set_kind(const struct weir_bpf_set *s)
{
    return s ? s->kind : 0;
}

int weir_bpf_set_is_shared(const struct weir_bpf_set *s)
{
    return s ? s->shared : 0;
}

/* ---------------------------------------------------------------- members */

union key {
    struct address_key address;
    uint8_t bytes[sizeof(struct address_key)];
};

static union key key_of(const struct weir_bpf_set *s, const struct weir_bpf_member *m)
{
    union key k = {.bytes = {0}};

    if (s->kind == WEIR_BPF_SET_ADDRESSES) {
        k.address.bits = 32 + m->bits; /* the family is compared in front of the address */
        k.address.family = m->family;
        memcpy(k.address.bytes, m->bytes, sizeof k.address.bytes);
    } else {
        memcpy(k.bytes, m->bytes, s->kind == WEIR_BPF_SET_PORTS ? 2 : 6);
    }
    return k;
}

static struct weir_bpf_member member_of(uint32_t kind, const union key *k)
{
    struct weir_bpf_member m = {0};

    if (kind == WEIR_BPF_SET_ADDRESSES) {
        m.bits = k->address.bits - 32;
        m.family = k->address.family;
        memcpy(m.bytes, k->address.bytes, sizeof m.bytes);
    } else {
        memcpy(m.bytes, k->bytes, kind == WEIR_BPF_SET_PORTS ? 2 : 6);
    }
    return m;
}

/* The value of a member. A trie finds the longest prefix, so each says which one it is. */
static uint32_t value_of(const struct weir_bpf_set *s, const union key *k)
{
    return s->kind == WEIR_BPF_SET_ADDRESSES ? k->address.bits : 1;
}

/* Adds or removes one member: 0, or a negative errno. */
static int change(const struct weir_bpf_set *s, const union key *k, bool add)
{
    uint32_t value = value_of(s, k), found;

    if (add && bpf_map_lookup_elem(s->map, k, &found) == 0 && found == value)
        return -EEXIST;
    int err = add ? bpf_map_update_elem(s->map, k, &value, BPF_ANY) : bpf_map_delete_elem(s->map, k);
    return err < 0 ? -errno : 0;
}

static int change_failed(const struct weir_bpf_set *s, const struct weir_bpf_member *m, int number,
                         struct weir_bpf_error *e)
{
    char text[WEIR_BPF_MEMBER_TEXT];

    weir_bpf_member_text(s->kind, m, text);
    switch (number) {
    case EEXIST:
        return fail(e, number, NULL, "%s is in the set '%s' already", text, s->name);
    case ENOENT:
        return fail(e, number, NULL, "%s is not in the set '%s'", text, s->name);
    case ENOSPC:
    case E2BIG:
        return fail(e, ENOSPC, NULL, "the set '%s' is full: it takes %u members", s->name, s->most);
    case EPERM:
        return fail(e, number, "run it as root, or with the capability CAP_BPF",
                    "no permission to change the set '%s'", s->name);
    default:
        return fail(e, number, NULL, "the set '%s', %s: %s", s->name, text, strerror(number));
    }
}

static int change_all(struct weir_bpf_set *s, const struct weir_bpf_member *m, size_t n, bool add,
                      bool lenient, uint8_t *out, struct weir_bpf_error *e)
{
    uint8_t *changed = out ? out : malloc(n + 1);
    int err = 0;

    if (e)
        memset(e, 0, sizeof *e);
    if (!changed)
        return fail(e, ENOMEM, NULL, "%s", strerror(ENOMEM));
    memset(changed, 0, n);
    for (size_t i = 0; i < n && err == 0; i++) {
        union key k = key_of(s, &m[i]);
        int r = change(s, &k, add);
        changed[i] = r == 0;
        if (r < 0 && !(lenient && r == (add ? -EEXIST : -ENOENT)))
            err = change_failed(s, &m[i], -r, e);
    }
    for (size_t i = 0; i < n && err < 0; i++) {
        union key k = key_of(s, &m[i]);
        if (changed[i])
            change(s, &k, !add);
        changed[i] = 0;
    }
    if (!out)
        free(changed);
    return err;
}

int weir_bpf_set_add(struct weir_bpf_set *s, const struct weir_bpf_member *m, size_t n, int lenient,
                     uint8_t *changed, struct weir_bpf_error *e)
{
    if (!s || (!m && n))
        return missing(e, s ? "the members" : "the set");
    return change_all(s, m, n, true, lenient, changed, e);
}

int weir_bpf_set_remove(struct weir_bpf_set *s, const struct weir_bpf_member *m, size_t n, int lenient,
                        uint8_t *changed, struct weir_bpf_error *e)
{
    if (!s || (!m && n))
        return missing(e, s ? "the members" : "the set");
    return change_all(s, m, n, false, lenient, changed, e);
}

int weir_bpf_set_each(struct weir_bpf_set *s, int (*each)(void *user, const struct weir_bpf_member *m),
                      void *user, struct weir_bpf_error *e)
{
    union key k, next;
    const union key *from = NULL;
    int r = 0;

    if (!s || !each)
        return missing(e, s ? "the function" : "the set");
    if (e)
        memset(e, 0, sizeof *e);
    /* where a member goes while the walk is at it, the walk begins again: hence an end in any case */
    for (uint32_t i = 0; i < s->most && r == 0; i++) {
        if (bpf_map_get_next_key(s->map, from, &next) < 0)
            return errno == ENOENT ? 0 : fail(e, errno, NULL, "the set '%s': %s", s->name, strerror(errno));
        k = next;
        from = &k;
        struct weir_bpf_member m = member_of(s->kind, &k);
        r = each(user, &m);
    }
    return r;
}

static int count(void *user, const struct weir_bpf_member *m)
{
    (void)m;
    ++*(uint32_t *)user;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return strcmp(x->info.name, y->info.name);
}

int weir_bpf_set_list(int (*each)(void *user, const struct weir_bpf_set_info *s), void *user,
                      struct weir_bpf_error *e)
{
    struct search s;

    if (!each)
        return missing(e, "the function");
    int r = find_sets(&s, e);
    if (s.n)
        qsort(s.at, s.n, sizeof *s.at, by_name);
    for (size_t i = 0; i < s.n && r == 0; i++) {
        struct weir_bpf_set set = {
            .map = bpf_map_get_fd_by_id(s.at[i].map), .kind = s.at[i].info.kind, .most = s.at[i].info.most};
        if (set.map < 0)
            continue; /* gone meanwhile */
        weir_bpf_set_each(&set, count, &s.at[i].info.members, NULL);
        close(set.map);
        r = each(user, &s.at[i].info);
    }
    free(s.at);
    return r;
}
