/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dropin/cooked.c - programs for Linux "cooked" captures, which libpcap rewrites when it installs them.
 *
 * Source: what libpcap 1.10.3 passes to SO_ATTACH_FILTER, observed; LINKTYPE_LINUX_SLL and _SLL2.
 */
#include "dropin/cooked.h"
#include <pcap/pcap.h>

#define METADATA 0xfffff000u /* SKF_AD_OFF */

/* What libpcap replaces by metadata: two bytes of type at 0 and so on. */
struct field {
    uint32_t at;
    uint16_t size; /* BPF_W, BPF_H or BPF_B */
};

struct cooked {
    uint32_t linktype, header_bytes;
    struct field fields[3];
};

static const struct cooked kinds[] = {
    {DLT_LINUX_SLL, 16, {{0, BPF_H}, {14, BPF_H}, {14, BPF_H}}}, /* packet type, protocol */
    {DLT_LINUX_SLL2, 20, {{0, BPF_H}, {4, BPF_W}, {10, BPF_B}}}, /* protocol, interface, packet type */
};

static bool is_field(const struct cooked *kind, const struct weir_cbpf_insn *in)
{
    for (size_t i = 0; i < sizeof kind->fields / sizeof kind->fields[0]; i++)
        if (in->k == kind->fields[i].at && BPF_SIZE(in->code) == kind->fields[i].size)
            return BPF_MODE(in->code) == BPF_ABS;
    return false;
}

static bool asks_for_metadata(const struct weir_cbpf_insn *in)
{
    return BPF_CLASS(in->code) == BPF_LD && BPF_MODE(in->code) == BPF_ABS && in->k >= METADATA;
}

static bool instruction_breaks(const struct cooked *kind, const struct weir_cbpf_insn *in)
{
    if (BPF_CLASS(in->code) != BPF_LD && BPF_CLASS(in->code) != BPF_LDX)
        return false;
    switch (BPF_MODE(in->code)) {
    case BPF_ABS:
    case BPF_IND:
    case BPF_MSH:
        return in->k < kind->header_bytes && !is_field(kind, in);
    default:
        return false;
    }
}

bool cooked_breaks(uint32_t linktype, const struct weir_cbpf_insn *code, size_t count)
{
    const struct cooked *kind = NULL;
    bool breaks = false;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].linktype == linktype)
            kind = &kinds[i];
    for (size_t i = 0; kind && i < count; i++) {
        if (asks_for_metadata(&code[i]))
            return false;
        breaks = breaks || instruction_breaks(kind, &code[i]);
    }
    return breaks;
}

size_t cooked_keep_out_of_kernel(struct weir_cbpf_insn *end)
{
    end[0] = (struct weir_cbpf_insn){BPF_LD | BPF_B | BPF_ABS, 0, 0, 1};
    end[1] = (struct weir_cbpf_insn){BPF_RET | BPF_K, 0, 0, 0};
    return COOKED_EXTRA;
}
