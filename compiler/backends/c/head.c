/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backends/c/head.c - what stands in front of a function's blocks.
 */
#include "backends/c/internal.h"

static void put_filter(const struct source *s)
{
    for (size_t i = 0; i < s->o->filter_len; i++) {
        char c = s->o->filter[i];
        if ((unsigned char)c < ' ' || c == 127)
            c = ' ';
        if (c == '/' && i && s->o->filter[i - 1] == '*')
            strbuf_puts(s->out, " "); /* the comment does not end here */
        strbuf_put(s->out, &c, 1);
    }
}

/* Reading the packet where data and data_end are all there is. */
static const char direct_load[] =
    "/* Reads @size bytes at @at. The verifier wants to see the check on the very pointer that is read "
    "through. */\n"
    "__attribute__((unused))\n"
    "static __always_inline int load(const void *data, const void *data_end, __u64 at, __u32 size, __u32 "
    "*out)\n"
    "{\n"
    "    const __u8 *p = data;\n"
    "\n"
    "    if (__builtin_constant_p(at)) {\n"
    "        if (at > 0x7fff || p + at + size > (const __u8 *)data_end)\n"
    "            return -1;\n"
    "        p += at;\n"
    "    } else {\n"
    "        asm volatile(\"\" : \"+r\"(at));\n"
    "        if (at > 0xffff - 4)\n"
    "            return -1;\n"
    "        p += at;\n"
    "        asm volatile(\"\" : \"+r\"(p));\n"
    "        if (p + size > (const __u8 *)data_end)\n"
    "            return -1;\n"
    "    }\n"
    "    *out = size == 1 ? *p : size == 2 ? bpf_ntohs(*(const __u16 *)p) : bpf_ntohl(*(const __u32 *)p);\n"
    "    return 0;\n"
    "}\n\n";

/* The same where a helper reads what is not in the packet's first buffer. */
static void put_helper_load(const struct source *s)
{
    bool xdp = s->o->target == WEIR_TARGET_XDP;

    strbuf_printf(
        s->out,
        "/* Reads @size bytes at @at, wherever in the packet's buffers they are. */\n"
        "__attribute__((unused))\n"
        "static __always_inline int load_slowly(struct %s *ctx, __u32 at, __u32 size, __u32 *out)\n"
        "{\n"
        "    __u8 b[4] = {0};\n"
        "\n"
        "    if (at > 0x7fffffff || %s(ctx, at, b, size))\n"
        "        return -1;\n"
        "    *out = size == 1   ? b[0]\n"
        "           : size == 2 ? (__u32)b[0] << 8 | b[1]\n"
        "                       : (__u32)b[0] << 24 | (__u32)b[1] << 16 | (__u32)b[2] << 8 | b[3];\n"
        "    return 0;\n"
        "}\n\n",
        xdp ? "xdp_md" : "__sk_buff", xdp ? "bpf_xdp_load_bytes" : "bpf_skb_load_bytes");
}

static void put_macros(const struct source *s)
{
    bool direct =
        s->o->target == WEIR_TARGET_XDP || s->o->target == WEIR_TARGET_TC || s->o->target == WEIR_TARGET_FUNC;

    if (direct)
        strbuf_puts(s->out, direct_load);
    if (source_has_buffer(s))
        put_helper_load(s);
    strbuf_puts(s->out, "/* What is not there; LOAD sets @v where it is 0. */\n"
                        "#define SHORT_OF(reach) ((__u64)(reach) > captured)\n");
    if (s->far)
        strbuf_puts(
            s->out,
            "/* Loads of which there are so many that the verifier gives up if each is made in two ways. */\n"
            "#define LOAD_FAR(v, size, at) load_slowly(ctx, (__u32)(at), size, &v)\n");
    strbuf_printf(s->out, "#define LOAD(v, size, at) (%s%s%s)\n\n",
                  direct ? "load(data, data_end, (__u32)(at), size, &v)" : "",
                  direct && source_has_buffer(s) ? " && " : "",
                  source_has_buffer(s) ? "load_slowly(ctx, (__u32)(at), size, &v)" : "");
}

/* ---------------------------------------------------------------- named sets */

static void put_sets(const struct source *s)
{
    static const struct {
        const char *type, *key;
    } maps[] = {
        [WEIR_SET_ADDRESSES] = {"LPM_TRIE", "struct weir_set_address"},
        [WEIR_SET_PORTS] = {"HASH", "__u8[2]"},
        [WEIR_SET_MACS] = {"HASH", "__u8[6]"},
    };
    bool addresses = false;

    for (uint32_t i = 0; i < s->f->set.n; i++)
        addresses |= s->f->set.at[i].kind == WEIR_SET_ADDRESSES;
    if (addresses)
        strbuf_puts(s->out,
                    "/* bits: 32 for the family, 4 or 6, and the prefix */\n"
                    "struct weir_set_address {\n    __u32 bits, family;\n    __u8 bytes[16];\n};\n\n");
    for (uint32_t i = 0; i < s->f->set.n; i++) {
        const struct ir_set *set = &s->f->set.at[i];
        strbuf_printf(
            s->out,
            "struct {\n    __uint(type, BPF_MAP_TYPE_%s);\n    __uint(map_flags, BPF_F_NO_PREALLOC);\n"
            "    __uint(max_entries, %u);\n    __type(key, %s);\n    __type(value, __u32);\n} %s "
            "SEC(\".maps\");\n\n"
            "__attribute__((unused))\nstatic __always_inline __u32 weir_in_%s(const void *key)\n{\n"
            "    return bpf_map_lookup_elem(&%s, key) != 0;\n}\n\n",
            maps[set->kind].type, (unsigned)ir_set_members(set->kind), maps[set->kind].key, set->name,
            set->name, set->name);
    }
}

void put_head(const struct source *s)
{
    static const char *const section[] = {
        [WEIR_TARGET_XDP] = "xdp",
        [WEIR_TARGET_TC] = "tc",
        [WEIR_TARGET_SOCKET] = "socket",
        [WEIR_TARGET_CGROUP] = "cgroup_skb/ingress",
    };
    uint32_t target = s->o->target;
    bool xdp = target == WEIR_TARGET_XDP;

    strbuf_printf(
        s->out, "/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */\n/* Made by weir from the %s: ",
        s->o->what);
    put_filter(s);
    strbuf_puts(s->out,
                " */\n#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_endian.h>\n\n");
    put_sets(s);
    put_macros(s);
    if (target == WEIR_TARGET_FUNC) {
        strbuf_puts(s->out, "__hidden int weir(void *data, void *data_end, __u32 wire_len)\n{\n"
                            "    __u64 captured = (__u64)((char *)data_end - (char *)data);\n");
        return;
    }
    strbuf_printf(s->out, "SEC(\"%s%s\")\nint weir(struct %s *ctx)\n{\n", section[target],
                  s->o->frags && xdp ? ".frags" : "", xdp ? "xdp_md" : "__sk_buff");
    if (xdp || target == WEIR_TARGET_TC)
        strbuf_puts(s->out, "    void *data = (void *)(long)ctx->data;\n"
                            "    void *data_end = (void *)(long)ctx->data_end;\n"
                            "\n"
                            "    (void)data;\n"
                            "    (void)data_end;\n");
    strbuf_printf(s->out, "    __u64 captured = %s;\n    __u32 wire_len = captured;\n",
                  !xdp          ? "ctx->len"
                  : s->o->frags ? "bpf_xdp_get_buff_len(ctx)"
                                : "(__u64)((char *)data_end - (char *)data)");
}
