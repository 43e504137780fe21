/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dropin/compile.c - libpcap's compiler entry points, answered by libweir.
 *
 * What a pcap_t says about its packets becomes weir_options.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "cli/names_system.h"
#include "dropin/cooked.h"
#include "dropin/error.h"
#include "dropin/libpcap.h"
#include "dropin/message.h"
#include "weir/weir.h"

#define ASK_LIBPCAP_BYTES 1024
#define VLAN_TCI          0xfffff02cu /* SKF_AD_OFF + SKF_AD_VLAN_TAG */

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct weir_cbpf_insn),
               "one instruction is laid out as the other");

static int fail(pcap_t *p, const char *text)
{
    error_set(p, text);
    return PCAP_ERROR;
}

/* A packet socket, not another kind of capture or a handle from pcap_open_dead(), whose descriptor is 0. */
static bool is_live(pcap_t *p)
{
    int domain = 0, error = errno;
    socklen_t size = sizeof domain;
    bool live = !pcap_file(p) && pcap_fileno(p) >= 0 &&
                getsockopt(pcap_fileno(p), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_PACKET;

    errno = error;
    return live;
}

/*
 * libpcap's interpreter, which runs what the kernel refuses, knows the VLAN tag as a load of one byte only;
 * the kernel does not look at the width.
 */
static void narrow_tag_loads(struct weir_cbpf_insn *code, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code[i].code == (BPF_LD | BPF_H | BPF_ABS) && code[i].k == VLAN_TCI)
            code[i].code = BPF_LD | BPF_B | BPF_ABS;
}

/* The program as libpcap owns it: from malloc(3), because pcap_close() and others may be who frees it. */
static int hand_over(const struct weir_program *program, bool live, uint32_t linktype,
                     struct bpf_program *out)
{
    size_t count, extra = 0;
    const struct weir_cbpf_insn *from = weir_program_cbpf(program, &count);
    struct weir_cbpf_insn *to = malloc((count + COOKED_EXTRA) * sizeof *to);

    if (!to)
        return WEIR_E_MEMORY;
    memcpy(to, from, count * sizeof *to);
    if (live)
        narrow_tag_loads(to, count);
    if (live && cooked_breaks(linktype, from, count))
        extra = cooked_keep_out_of_kernel(to + count);
    out->bf_len = (u_int)(count + extra);
    out->bf_insns = (struct bpf_insn *)to;
    return WEIR_OK;
}

/*
 * libweir knows more filters that can never match than libpcap does, and who calls libpcap takes a refusal
 * for a mistake in the filter. So libpcap is asked, unless the filter is long: then it takes long, too.
 */
static bool libpcap_refuses(pcap_t *p, const char *text, const struct weir_options *o)
{
    char before[PCAP_ERRBUF_SIZE], *error = LIBPCAP(pcap_geterr)(p);
    struct bpf_program program;
    bool refuses = false;

    if (strlen(text) > ASK_LIBPCAP_BYTES)
        return false;
    memcpy(before, error, sizeof before);
    if (LIBPCAP(pcap_compile)(p, &program, text, 1, o->netmask) == 0)
        pcap_freecode(&program);
    else
        refuses = strstr(error, "rejects all packets") != NULL;
    if (!refuses) /* whatever else it said is no error of this compile */
        memcpy(error, before, sizeof before);
    return refuses;
}

static int compile(pcap_t *p, struct weir *cx, const char *text, const struct weir_options *o,
                   struct bpf_program *out)
{
    struct weir_program *program = NULL;
    int status = weir_compile(cx, text, strlen(text), o, &program);
    char why[ERROR_BYTES];

    if (status < 0) {
        message_of_compile(cx, text, status, why);
        return fail(p, why);
    }
    if (status == WEIR_NEVER && o->optimize && libpcap_refuses(p, text, o))
        status = PCAP_ERROR; /* with libpcap's own words */
    else if (hand_over(program, o->live, o->linktype, out) < 0)
        status = fail(p, weir_strerror(WEIR_E_MEMORY));
    else
        status = 0;
    weir_program_free(program);
    return status;
}

WEIR_API int pcap_compile(pcap_t *p, struct bpf_program *program, const char *text, int optimize,
                          bpf_u_int32 netmask)
{
    struct weir_options o = WEIR_OPTIONS_INIT;
    struct weir *cx = NULL;
    int linktype = pcap_datalink(p), snaplen = pcap_snapshot(p), status;

    if (linktype == PCAP_ERROR_NOT_ACTIVATED)
        return fail(p, "not-yet-activated pcap_t passed to pcap_compile");
    if (snaplen == 0)
        return fail(p, "snaplen of 0 rejects all packets");
    o.linktype = (uint32_t)linktype;
    o.snaplen = (uint32_t)snaplen;
    o.optimize = optimize != 0;
    o.netmask = netmask; /* taken for host byte order, as libpcap takes it */
    o.live = is_live(p);
    if (o.live && o.optimize) /* it will run in the kernel, where loads at variable addresses are dear */
        o.tune = WEIR_TUNE_KERNEL;
    if (pcap_file(p))
        o.savefile = pcap_is_swapped(p) ? WEIR_SAVEFILE_SWAPPED : WEIR_SAVEFILE_UNSWAPPED;
    o.resolver = &names_system;
    if (weir_new(NULL, &cx) < 0)
        return fail(p, weir_strerror(WEIR_E_MEMORY));
    status = compile(p, cx, text ? text : "", &o, program);
    weir_free(cx);
    return status;
}

WEIR_API int pcap_compile_nopcap(int snaplen, int linktype, struct bpf_program *program, const char *text,
                                 int optimize, bpf_u_int32 netmask)
{
    pcap_t *p = pcap_open_dead(linktype, snaplen);
    int status = p ? pcap_compile(p, program, text, optimize, netmask) : PCAP_ERROR;

    if (p)
        pcap_close(p);
    return status;
}

WEIR_API void pcap_freecode(struct bpf_program *program)
{
    free(program->bf_insns);
    program->bf_insns = NULL;
    program->bf_len = 0;
}
