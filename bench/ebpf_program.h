/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/ebpf_program.h - eBPF programs to be measured: where they come from, and what can be counted in them.
 */
#ifndef WEIR_BENCH_EBPF_PROGRAM_H
#define WEIR_BENCH_EBPF_PROGRAM_H
/* libpcap and Linux both have a struct of this name. */
#define bpf_insn pcap_insn
#include <pcap/pcap.h>
#undef bpf_insn
#include <bpf/libbpf.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include "backends/ebpf/ebpf.h"
#include "bench/bench.h"
#include "driver/pipeline.h"
#include "jit-tests/kernel.h"

/* A kind of program. The offsets are into its context. */
struct bench_target {
    const char *name;
    uint32_t target; /* enum weir_target */
    const struct kernel_type *kernel;
    const char *clang_flag; /* NULL: nothing is written by hand for it */
    int16_t data, data_end; /* -1: no direct access */
    bool live;
};

enum { TARGET_XDP, TARGET_TC, TARGET_SOCKET, TARGET_DIRECT, TARGETS };

static const struct bench_target bench_target[TARGETS] = {
    {"xdp", WEIR_TARGET_XDP, &kernel_xdp, "-DHAND_XDP", 0, 4, false},
    {"tc", WEIR_TARGET_TC, &kernel_tc, "-DHAND_TC", 76, 80, true},
    {"socket", WEIR_TARGET_SOCKET, &kernel_socket, NULL, -1, -1, false},
    {"direct", WEIR_TARGET_SOCKET, &kernel_socket_direct, NULL, -1, -1, false},
};

struct ebpf_program {
    const struct bench_target *target;
    struct weir_ebpf_insn *insn; /* as it is loaded */
    uint32_t n;
    uint32_t hot;             /* instructions from the first to the last that ordinary packets reach */
    uint32_t checks;          /* comparisons with the packet's end */
    uint32_t verified, jited; /* as the kernel says; 0: it refused */
    uint32_t on_match;
    int map;                   /* of read-only data, or -1 */
    uint8_t *rodata;           /* the same */
    struct bpf_object *object; /* what a program from clang belongs to, or NULL */
    char why[512];             /* empty, or why there is none */
};

/* ---------------------------------------------------------------- what can be counted */

/*
 * Comparisons with data_end. A register holds it from its load out of the context, or a copy, until it is
 * written; the scan goes through the code in its order, which is that of the paths in programs of this kind.
 */
static inline uint32_t program_bounds_checks(const struct ebpf_program *p)
{
    uint32_t count = 0;
    unsigned context = 1u << 1, end = 0; /* sets of registers */

    for (uint32_t i = 0; i < p->n; i++) {
        const struct weir_ebpf_insn *in = &p->insn[i];
        unsigned class = in->code & 7, dst = 1u << (in->registers & 15), src = 1u << (in->registers >> 4);
        bool jump = class == 5 || class == 6, store = class == 2 || class == 3;

        if (jump) {
            count += (in->code & 8) && (in->code & 0xf0) >= 0x10 && in->code != 0x8d && ((dst | src) & end);
            if (in->code == 0x85) /* a call */
                context &= ~0x3fu, end &= ~0x3fu;
        } else if (in->code == 0xbf) { /* r = r */
            context = src & context ? context | dst : context & ~dst;
            end = src & end ? end | dst : end & ~dst;
        } else if (!store) {
            bool loads_end = in->code == 0x61 && (src & context) && in->offset == p->target->data_end;
            context &= ~dst;
            end = loads_end ? end | dst : end & ~dst;
        }
        i += in->code == 0x18;
    }
    return count;
}

/* What the kernel says of the program as it is. False, with the reason in `why`, when it refuses. */
static inline bool program_inspect(struct ebpf_program *p)
{
    static char log[1 << 20];
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof info;
    int fd = kernel_load(p->target->kernel, p->insn, p->n, log, sizeof log);

    p->checks = p->target->data_end < 0 ? 0 : program_bounds_checks(p);
    if (fd < 0) {
        size_t used = strlen(log);
        snprintf(p->why, sizeof p->why, "%s: %.200s", strerror(-fd), log + (used > 200 ? used - 200 : 0));
        return false;
    }
    bool ok = bpf_obj_get_info_by_fd(fd, &info, &len) == 0;
    p->verified = info.verified_insns;
    p->jited = info.jited_prog_len;
    close(fd);
    return ok;
}

/* ---------------------------------------------------------------- ours */

/* The map that read-only data becomes: one value, which nobody can change any more. Negative: no. */
static inline int program_map(const uint8_t *data, uint32_t size)
{
    struct bpf_map_create_opts o = {.sz = sizeof o, .map_flags = BPF_F_RDONLY_PROG};
    uint32_t key = 0;
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rodata", sizeof key, size, 1, &o);

    if (fd >= 0 && (bpf_map_update_elem(fd, &key, data, 0) < 0 || bpf_map_freeze(fd) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static inline bool program_take(struct ebpf_program *p, const void *insn, size_t n)
{
    p->insn = malloc(n * sizeof *p->insn);
    p->n = p->hot = (uint32_t)n;
    if (p->insn)
        memcpy(p->insn, insn, n * sizeof *p->insn);
    return p->insn != NULL;
}

/** The filter as we compile it. False: `why` says why not. */
static inline bool program_of_weir(struct ebpf_program *p, const struct bench_target *t, const char *filter,
                                   bool tables)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct ebpf_target_options to = ebpf_target_defaults(t->target, WEIR_SNAPLEN_DEFAULT);
    struct arena arena;
    struct diag_sink sink = {.arena = &arena, .limit = 1};
    struct ir_func f;

    *p = (struct ebpf_program){.target = t, .map = -1, .on_match = to.on_match};
    arena_init(&arena, &allocator_system, (size_t)1 << 30);
    struct ebpf_code code = {.arena = &arena};
    o.live = t->live;
    to.tables = tables;
    to.direct = t->kernel == &kernel_socket_direct;
    int err = pipeline_ir(&arena, &sink, filter, strlen(filter), &o, NULL, &f);
    if (err == 0)
        err = ebpf_emit(&f, &to, &sink, &code);
    bool ok = err == 0 && program_take(p, code.insn.at, code.insn.n);
    if (!ok)
        snprintf(p->why, sizeof p->why, "%s", sink.list.n ? sink.list.at[0].message : weir_strerror(err));
    if (ok)
        kernel_relocate(p->insn, code.reloc.at, code.reloc.n, -1, NULL);
    if (ok && code.rodata.n) {
        p->map = program_map(code.rodata.at, code.rodata.n);
        p->rodata = malloc(code.rodata.n);
        if (p->rodata)
            memcpy(p->rodata, code.rodata.at, code.rodata.n);
        for (uint32_t i = 0; i < code.reloc.n; i++) {
            struct weir_ebpf_insn *in = &p->insn[code.reloc.at[i].insn];
            if (code.reloc.at[i].kind != EBPF_RELOC_RODATA)
                continue;
            in->registers = (uint8_t)((in->registers & 15) | BPF_PSEUDO_MAP_VALUE << 4);
            in->imm = p->map;
            in[1].imm = (int32_t)code.reloc.at[i].addend;
        }
    }
    arena_release(&arena);
    return ok && program_inspect(p);
}

/* ---------------------------------------------------------------- by hand */

/** Whether there is a clang that makes eBPF. */
static inline bool program_clang_there(void)
{
    return system("echo 'int x;' | clang -target bpf -x c -c -o /dev/null - >/dev/null 2>&1") == 0;
}

/**
 * bench/ebpf_hand/@source.c as clang -O2 compiles it, through @dir. @defines are more of clang's arguments.
 */
static inline bool program_of_clang(struct ebpf_program *p, const struct bench_target *t, const char *source,
                                    const char *defines, const char *dir)
{
    char object[4400], command[16384];
    struct utsname u;

    *p = (struct ebpf_program){
        .target = t, .map = -1, .on_match = t->target == WEIR_TARGET_XDP ? 2 : UINT32_MAX};
    snprintf(object, sizeof object, "%s/%s.%s.o", dir, source, t->name);
    snprintf(command, sizeof command,
             "clang -target bpf -mcpu=v3 -O2 %s %s -I/usr/include/%s-linux-gnu -c bench/ebpf_hand/%s.c -o %s",
             t->clang_flag, defines, uname(&u) == 0 ? u.machine : "x86_64", source, object);
    if (system(command) != 0) {
        snprintf(p->why, sizeof p->why, "clang refuses bench/ebpf_hand/%s.c", source);
        return false;
    }
    p->object = bpf_object__open_file(object, NULL);
    if (!p->object || bpf_object__load(p->object) < 0) {
        snprintf(p->why, sizeof p->why, "%s does not load: %s", source, strerror(errno));
        return false;
    }
    struct bpf_program *program = bpf_object__next_program(p->object, NULL);
    return program && program_take(p, bpf_program__insns(program), bpf_program__insn_cnt(program)) &&
           program_inspect(p);
}

static inline void program_release(struct ebpf_program *p)
{
    free(p->insn);
    free(p->rodata);
    bpf_object__close(p->object);
    if (p->map >= 0)
        close(p->map);
    p->map = -1;
}
#endif
