/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/protochain.c - `protochain`: is a protocol anywhere in the chain of headers?
 *
 * The language describes a loop. It is unrolled to a bound, so that every program is loop-free and a kernel
 * takes it; a packet with more headers is rejected, as if it were too short. Two variables carry the loop's
 * state: the type of the current header, and where it starts behind the network header. The position is kept
 * in a PHI of its own each time, for otherwise it would be a sum that grows with every header. All chains of
 * a filter have the same two variables, since each sets them before it reads them: more would cost every
 * block.
 *
 * Source: RFC 8200 section 4, RFC 4302 section 2.2 (AH counts 32-bit words minus two).
 */
#include "lower/cond.h"
#include "proto/names.h"

#define PROTOCHAIN_HEADERS 128

struct chain {
    struct anchor net;
    uint32_t wanted;
    bool v6;
};

static cond type_is(struct lower *lw, uint32_t type)
{
    return cond_eq(lw, var_value(lw, lw->chain_type), type);
}

/* To the header behind this one, which is (length byte + @plus) units of @unit bytes long. Always true. */
static cond advance(struct lower *lw, const struct chain *ch, uint32_t plus, uint32_t unit)
{
    struct ir_func *f = lw->f;
    ir_value at = var_value(lw, lw->chain_at);
    struct address header = address_add(lw, address_of(lw, ch->net), at);
    cond type = cond_define(lw, lw->chain_type, load(lw, header, 0, 1));
    ir_value units = ir_binary(f, IR_ADD, load(lw, header, 1, 1), ir_const(f, plus));
    ir_value bytes = ir_binary(f, IR_MUL, units, ir_const(f, unit));

    return cond_and(lw, type, cond_define(lw, lw->chain_at, ir_binary(f, IR_ADD, at, bytes)));
}

/* The current header is an IPv6 extension header whose length is in units of eight bytes. */
static cond is_extension(struct lower *lw, const struct chain *ch)
{
    static const uint8_t extension[] = {IPPROTO_NUM_HOPOPTS, IPPROTO_NUM_DSTOPTS, IPPROTO_NUM_ROUTING,
                                        IPPROTO_NUM_FRAGMENT};
    cond any = COND_FALSE;

    for (size_t i = 0; ch->v6 && i < sizeof extension; i++)
        any = cond_or(lw, any, type_is(lw, extension[i]));
    return any;
}

/* The current header is one that can be walked past, and now the next one is current. */
static cond next_header(struct lower *lw, const struct chain *ch)
{
    cond extension = is_extension(lw, ch);
    cond walked = ch->v6 ? cond_and(lw, extension, advance(lw, ch, 1, 8)) : COND_FALSE;
    cond ah = type_is(lw, IPPROTO_NUM_AH);

    return cond_or(lw, walked, cond_and(lw, ah, advance(lw, ch, 2, 4)));
}

/* The bound is met: rejects the packet if the chain goes on, else false. */
static cond chain_too_long(struct lower *lw, const struct chain *ch)
{
    cond extension = is_extension(lw, ch);
    cond goes_on = cond_or(lw, extension, type_is(lw, IPPROTO_NUM_AH));

    return cond_and(lw, goes_on, cond_require_nonzero(lw, ir_const(lw->f, 0)));
}

static cond walk(struct lower *lw, const struct prim *p, bool v6)
{
    struct chain ch = {cursor_net(p->cursor), p->number, v6};
    uint32_t headers = lw->o->protochain ? lw->o->protochain : PROTOCHAIN_HEADERS;
    cond *found = arena_array(lw->arena, cond, headers), *more = arena_array(lw->arena, cond, headers);

    if (lw->chain_at == CURSOR_VAR_NONE) {
        lw->chain_type = var_new(lw);
        lw->chain_at = var_new(lw);
        lw->var.at[lw->chain_at].keep = true;
    }
    if (!found || !more || lw->error) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    cond is = link_proto(lw, p->cursor, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
    cond type = cond_define(lw, lw->chain_type, load_anchor(lw, ch.net, v6 ? 6 : 9, 1));
    ir_value start = v6 ? ir_const(lw->f, 40) : ipv4_header_length(lw, ch.net);
    cond at = cond_define(lw, lw->chain_at, start);

    for (uint32_t i = 0; i < headers; i++) {
        found[i] = type_is(lw, ch.wanted);
        more[i] = next_header(lw, &ch);
    }
    cond last = type_is(lw, ch.wanted);
    cond chain = cond_or(lw, last, chain_too_long(lw, &ch));
    for (uint32_t i = headers; i-- > 0;)
        chain = cond_or(lw, found[i], cond_and(lw, more[i], chain));
    return cond_and(lw, is, cond_and(lw, type, cond_and(lw, at, chain)));
}

cond lower_protochain(struct lower *lw, const struct prim *p)
{
    cond v4 = p->families & FAMILY_IP ? walk(lw, p, false) : COND_FALSE;
    cond v6 = p->families & FAMILY_IP6 ? walk(lw, p, true) : COND_FALSE;

    return cond_or(lw, v4, v6);
}
