/* SPDX-License-Identifier: BSD-2-Clause */
/* attach/inspect.c - what the kernel knows of a program: is it ours, its filter, its counters. */
#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach/internal.h"

#define MAPS_MAX 64

static void sum_counters(int map, struct weir_bpf_counters *out)
{
    int processors = libbpf_num_possible_cpus();
    uint32_t key = 0;

    struct weir_bpf_counters *each = processors > 0 ? calloc((size_t)processors, sizeof *each) : NULL;
    if (!each || bpf_map_lookup_elem(map, &key, each) < 0) {
        free(each);
        return;
    }
    for (int i = 0; i < processors; i++) {
        out->seen_packets += each[i].seen_packets;
        out->seen_bytes += each[i].seen_bytes;
        out->matched_packets += each[i].matched_packets;
        out->matched_bytes += each[i].matched_bytes;
    }
    free(each);
}

/* Where FILTER_NAME lies in the data section @section of @btf; its size, or 0. */
static uint32_t find_filter(const struct btf *btf, uint32_t section, uint32_t *at)
{
    const struct btf_type *t = btf__type_by_id(btf, section);

    if (!t || !btf_is_datasec(t))
        return 0;
    const struct btf_var_secinfo *v = btf_var_secinfos(t);
    for (uint32_t i = 0; i < btf_vlen(t); i++, v++) {
        const struct btf_type *variable = btf__type_by_id(btf, v->type);
        const char *name = variable ? btf__name_by_offset(btf, variable->name_off) : NULL;
        if (!name || strcmp(name, FILTER_NAME) != 0)
            continue;
        *at = v->offset;
        return v->size;
    }
    return 0;
}

static void read_filter(int map, const struct bpf_map_info *info, char *out, size_t size)
{
    struct btf *btf =
        info->btf_id && info->btf_value_type_id ? btf__load_from_kernel_by_id(info->btf_id) : NULL;
    uint32_t at = 0, bytes = btf ? find_filter(btf, info->btf_value_type_id, &at) : 0, key = 0;
    char *value = bytes && (uint64_t)at + bytes <= info->value_size ? malloc(info->value_size) : NULL;

    if (value && bpf_map_lookup_elem(map, &key, value) == 0)
        snprintf(out, size, "%.*s", (int)bytes, value + at);
    free(value);
    btf__free(btf);
}

static int id_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

int inspect_maps(uint32_t id, int (*each)(void *user, uint32_t id, int map, const struct bpf_map_info *info),
                 void *user)
{
    uint32_t maps[MAPS_MAX];
    struct bpf_prog_info program = {.nr_map_ids = MAPS_MAX, .map_ids = (uint64_t)(uintptr_t)maps};
    uint32_t len = sizeof program;
    int fd = bpf_prog_get_fd_by_id(id), r = 0;

    if (fd < 0)
        return 0;
    int err = bpf_obj_get_info_by_fd(fd, &program, &len);
    close(fd);
    uint32_t n = err == 0 ? program.nr_map_ids < MAPS_MAX ? program.nr_map_ids : MAPS_MAX : 0;
    /* Linux has them in the order of the instructions; they were made in that of the filter's text. */
    qsort(maps, n, sizeof *maps, id_order);
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        struct bpf_map_info info = {0};
        int map = bpf_map_get_fd_by_id(maps[i]);
        len = sizeof info;
        if (map >= 0 && bpf_obj_get_info_by_fd(map, &info, &len) == 0)
            r = each(user, maps[i], map, &info);
        if (map >= 0)
            close(map);
    }
    return r;
}

struct look {
    struct weir_bpf_attached *a;
    bool ours; /* it has the map that makes a program ours */
};

static int look_at_map(void *user, uint32_t id, int map, const struct bpf_map_info *info)
{
    struct look *l = user;
    const char *dot = strchr(info->name, '.');
    size_t used = strlen(l->a->sets);

    (void)id;
    if (info->type == BPF_MAP_TYPE_PERCPU_ARRAY && strcmp(info->name, COUNTS_NAME) == 0 &&
        info->value_size == sizeof(struct weir_bpf_counters)) {
        l->ours = true;
        sum_counters(map, &l->a->counters);
    } else if (info->type == BPF_MAP_TYPE_ARRAY && dot && strncmp(dot, ".rodata", 7) == 0) {
        read_filter(map, info, l->a->filter, sizeof l->a->filter);
    } else if (set_kind_of(info->type, info->key_size, info->value_size)) {
        snprintf(l->a->sets + used, sizeof l->a->sets - used, "%s%s", used ? " " : "", info->name);
    }
    return 0;
}

bool inspect_program(uint32_t id, struct weir_bpf_attached *a)
{
    struct look l = {.a = a};

    a->program = id;
    a->filter[0] = a->sets[0] = '\0';
    a->counters = (struct weir_bpf_counters){0};
    inspect_name(id, a->name);
    inspect_maps(id, look_at_map, &l);
    return l.ours;
}

void inspect_name(uint32_t id, char out[static 16])
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    int program = bpf_prog_get_fd_by_id(id);

    snprintf(out, 16, "?");
    if (program < 0)
        return;
    if (bpf_obj_get_info_by_fd(program, &info, &len) == 0)
        snprintf(out, 16, "%s", info.name);
    close(program);
}
