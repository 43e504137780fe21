/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/prefix.c - headers of variable length in front of the link layer: radiotap, PPI, AVS, Prism, the
 * 802.11 header itself, pflog.
 *
 * They are measured before the first test, if any test needs them, and a packet too short to be measured is
 * rejected there.
 */
#include "lower/cond.h"

#define PRISM_HEADER_BYTES 144
#define AVS_MAGIC          0x80211000u /* and a version in the low twelve bits */
#define PPI_DLT_80211      0x69000000u /* little-endian 105 */
#define WLAN_DATA          0x08u       /* kind of frame: IEEE 802.11, frame control, type */

/* A leaf that only reads: true, or the packet is too short. */
static cond read_only(struct lower *lw)
{
    return cond_range(lw, ir_const(lw->f, 0), 0, 0);
}

static cond radio_measure(struct lower *lw, uint32_t var, enum link_prefix prefix)
{
    const struct address packet = {IR_NONE, 0};

    switch (prefix) {
    case PREFIX_RADIOTAP:
    case PREFIX_PPI:
        pend_guard(lw, packet, 3, 1);
        pend_guard(lw, packet, 2, 1);
        return read_only(lw);
    case PREFIX_AVS:
        pend_guard(lw, packet, 4, 4);
        return read_only(lw);
    case PREFIX_PRISM: {
        cond avs = cond_masked(lw, load(lw, packet, 0, 4), 4, 0xfffff000, AVS_MAGIC);
        cond from_avs = cond_define(lw, var, load(lw, packet, 4, 4));
        cond fixed = cond_define(lw, var, ir_const(lw->f, PRISM_HEADER_BYTES));
        return cond_or(lw, cond_and(lw, avs, from_avs), fixed);
    }
    case PREFIX_NONE:
    case PREFIX_PFLOG:
        break;
    }
    return COND_TRUE;
}

/*
 * Flags of the radiotap header say that the 802.11 header is padded to four bytes: presence bit 1 set, bit 31
 * (more presence words) clear; flags are at 8, or behind the timestamp at 16. Source: radiotap.org.
 */
static cond radiotap_padding(struct lower *lw)
{
    const struct address packet = {IR_NONE, 0};
    const uint32_t tsft = 0x01000000; /* bit 0 of little-endian presence bits, read big-endian */
    ir_value presence = load(lw, packet, 4, 4);
    ir_value flags_alone = ir_binary(lw->f, IR_AND, presence, ir_const(lw->f, 0x02000080));

    cond has_flags = cond_eq(lw, flags_alone, 0x02000000);
    cond has_tsft = cond_any_bit(lw, load(lw, packet, 4, 4), tsft);
    cond padded_behind = cond_any_bit(lw, load(lw, packet, 16, 1), 0x20);
    cond no_tsft = cond_not(lw, cond_any_bit(lw, load(lw, packet, 4, 4), tsft));
    cond padded = cond_any_bit(lw, load(lw, packet, 8, 1), 0x20);

    return cond_and(lw, has_flags,
                    cond_or(lw, cond_and(lw, has_tsft, padded_behind), cond_and(lw, no_tsft, padded)));
}

/* ---------------------------------------------------------------- the 802.11 header in one go */

/* What the outcome of a condition tells: some test that read through the variable was made, or the frame has
 * no data, for which nothing is read to measure its header but its kind. */
struct read_by {
    bool yes, no;
    bool some; /* there is such a test */
};

static struct read_by read_swap(struct read_by r)
{
    return (struct read_by){r.no, r.yes, r.some};
}

static struct read_by read_and(struct read_by l, struct read_by r)
{
    return (struct read_by){l.yes || r.yes, l.no && (l.yes || r.no), l.some || r.some};
}

/* Per value: is the variable in it? */
static bool *values_through(struct lower *lw, uint32_t var)
{
    const struct ir_func *f = lw->f;
    bool *through = arena_array(lw->arena, bool, f->value.n);

    for (ir_value v = 0; through && v < f->value.n; v++) {
        const struct ir_node *n = &f->value.at[v];
        through[v] = v == lw->var.at[var].placeholder || (n->a != IR_NONE && through[n->a]) ||
                     (n->b != IR_NONE && through[n->b]);
    }
    return through;
}

/* The bits of the first byte of frame control that say what kind of frame it is. */
static ir_value wlan_kind(struct lower *lw, const struct cursor_var *v)
{
    ir_value control = load(lw, address_of(lw, (struct anchor){v->base, 0}), 0, 1);

    return ir_binary(lw->f, IR_AND, control, ir_const(lw->f, 0x0c));
}

/* The same of the test @n of what kind of frame it is. */
static struct read_by read_by_kind(const struct cond_node *n)
{
    const bool data = n->n ? ir_ranges_meet(n->set, n->n, WLAN_DATA, WLAN_DATA)
                           : n->one.lo <= WLAN_DATA && WLAN_DATA <= n->one.hi;

    return (struct read_by){.yes = !data, .no = data};
}

/* Per condition up to @filter; NULL without memory. */
static struct read_by *conditions_through(struct lower *lw, cond filter, uint32_t var, ir_value kind)
{
    const bool *through = values_through(lw, var);
    struct read_by *r = arena_array(lw->arena, struct read_by, filter + 1);

    if (!through || !r) {
        lw->error = WEIR_E_MEMORY;
        return NULL;
    }
    for (cond i = 0; i <= filter; i++) {
        const struct cond_node *n = &lw->node.at[i];
        if (n->kind == COND_CONSTANT)
            r[i] = (struct read_by){.yes = i == COND_FALSE, .no = i == COND_TRUE}; /* which does not happen */
        else if (n->kind == COND_TEST && n->on == kind)
            r[i] = read_by_kind(n);
        else if (n->kind == COND_TEST || n->kind == COND_REQUIRE || n->kind == COND_SWITCH)
            r[i] = (struct read_by){through[n->on], through[n->on], through[n->on]};
        else if (n->kind == COND_DEFINE)
            r[i].some = through[n->on];
        else if (n->kind == COND_NOT)
            r[i] = read_swap(r[n->left]);
        else if (n->kind == COND_AND)
            r[i] = read_and(r[n->left], r[n->right]);
        else
            r[i] = read_swap(read_and(read_swap(r[n->left]), read_swap(r[n->right])));
    }
    return r;
}

/* @filter with @first evaluated in front of the first part that reads, of those of which all have to hold. */
static cond put_in_chain(struct lower *lw, cond filter, const struct read_by *r, cond first)
{
    VEC(cond) part = {0}; /* backwards */
    cond all = filter;

    for (; lw->node.at[all].kind == COND_AND && r[lw->node.at[all].left].some; all = lw->node.at[all].left)
        if (!vec_push(lw->arena, &part, lw->node.at[all].right))
            lw->error = WEIR_E_MEMORY;
    if (lw->node.at[all].kind == COND_AND)
        all = cond_and(lw, lw->node.at[all].left, cond_and(lw, first, lw->node.at[all].right));
    else
        all = cond_and(lw, first, all);
    while (part.n && !lw->error)
        all = cond_and(lw, all, part.at[--part.n]);
    return all;
}

/* @filter with @first, which is always true, evaluated in front of the first part of it that reads: whatever
 * else does is behind that. */
static cond put_before(struct lower *lw, cond filter, const struct read_by *r, cond first)
{
    const struct cond_node *n = &lw->node.at[filter];
    VEC(cond) above = {0}; /* what it is in */

    while (n->kind == COND_NOT || ((n->kind == COND_AND || n->kind == COND_OR) && !r[n->left].some)) {
        if (!vec_push(lw->arena, &above, filter)) {
            lw->error = WEIR_E_MEMORY;
            return filter;
        }
        filter = n->kind == COND_NOT ? n->left : n->right;
        n = &lw->node.at[filter];
    }
    filter = put_in_chain(lw, filter, r, first);
    while (above.n) {
        const struct cond_node up = lw->node.at[above.at[--above.n]];
        filter = up.kind == COND_NOT   ? cond_not(lw, filter)
                 : up.kind == COND_AND ? cond_and(lw, up.left, filter)
                                       : cond_or(lw, up.left, filter);
    }
    return filter;
}

/* Does @then where @test holds, else @otherwise; both are always true, and so is this. */
static cond either(struct lower *lw, cond test, cond then, cond otherwise)
{
    return cond_or(lw, cond_and(lw, test, then), otherwise);
}

/* var = the end of a header of @bytes, without padding. */
static cond wlan_ends_at(struct lower *lw, uint32_t var, const struct cursor_var *v, uint32_t bytes)
{
    ir_value link = address_of(lw, (struct anchor){v->base, 0}).base,
             k = ir_const(lw->f, bytes - wlan_least(lw, v));

    return cond_define(lw, var, link == IR_NONE ? k : ir_binary(lw->f, IR_ADD, link, k));
}

/* var = the end of a header of @bytes, and of its padding. */
static cond wlan_ends(struct lower *lw, uint32_t var, const struct cursor_var *v, uint32_t bytes)
{
    uint32_t whole = (bytes + 3) & ~UINT32_C(3);

    if (v->lt->prefix != PREFIX_RADIOTAP || whole == bytes)
        return wlan_ends_at(lw, var, v, bytes);
    cond padded = radiotap_padding(lw);
    cond with = wlan_ends_at(lw, var, v, whole);
    return either(lw, padded, with, wlan_ends_at(lw, var, v, bytes));
}

/* The same of one of @bytes without a fourth address, which frames have that go to and come from a
 * distribution system. */
static cond wlan_addresses(struct lower *lw, uint32_t var, const struct cursor_var *v, uint32_t bytes)
{
    ir_value control = load(lw, address_of(lw, (struct anchor){v->base, 0}), 0, 2);
    cond four = cond_eq(lw, ir_binary(lw->f, IR_AND, control, ir_const(lw->f, 0x0c03)), 0x0803);
    cond fourth = wlan_ends(lw, var, v, bytes + 6);

    return either(lw, four, fourth, wlan_ends(lw, var, v, bytes));
}

/* var = where the payload starts; frames without data have a short header, whatever their other bits say.
 * Always true. */
static cond wlan_measure_whole(struct lower *lw, uint32_t var, const struct cursor_var *v)
{
    ir_value control = load(lw, address_of(lw, (struct anchor){v->base, 0}), 0, 1);
    cond not_data = cond_not(lw, cond_eq(lw, wlan_kind(lw, v), WLAN_DATA));
    cond none = wlan_ends_at(lw, var, v, 24);
    cond qos = cond_any_bit(lw, control, 0x80);
    cond with_qos = wlan_addresses(lw, var, v, 26);
    cond data = either(lw, qos, with_qos, wlan_addresses(lw, var, v, 24));

    return either(lw, not_data, none, data);
}

/* ---------------------------------------------------------------- the 802.11 header part by part */

/* var = 24, or 26 with QoS control, less wlan_least(); lw->wlan_round = 3 where radiotap says so. Always
 * true. */
static cond wlan_measure(struct lower *lw, uint32_t var, const struct cursor_var *v)
{
    struct address link = address_of(lw, (struct anchor){v->base, 0});
    bool radiotap = v->lt->prefix == PREFIX_RADIOTAP;

    lw->pending.n = 0; /* the radio header's own guards are its own leaf's */
    ir_value control = load(lw, link, 0, 1);
    cond plain = cond_define(lw, var, ir_const(lw->f, 24 - wlan_least(lw, v)));
    if (radiotap)
        plain = cond_and(lw, plain, cond_define(lw, lw->wlan_round, ir_const(lw->f, 0)));

    cond not_data = cond_not(lw, cond_eq(lw, wlan_kind(lw, v), WLAN_DATA));
    cond not_qos = cond_not(lw, cond_any_bit(lw, control, 0x80));
    cond more = cond_or(lw, not_qos, cond_define(lw, var, ir_const(lw->f, 26 - wlan_least(lw, v))));
    if (radiotap) {
        cond not_padded = cond_not(lw, radiotap_padding(lw));
        more =
            cond_and(lw, more, cond_or(lw, not_padded, cond_define(lw, lw->wlan_round, ir_const(lw->f, 3))));
    }
    return cond_and(lw, plain, cond_or(lw, not_data, more));
}

/* The payload's start, every part of the header being read no earlier than it has to be. Always true. */
static cond wlan_measure_late(struct lower *lw, uint32_t var, const struct cursor_var *v)
{
    uint32_t length = var_new(lw);
    ir_value payload = lw->error ? 0 : wlan_payload(lw, v, length);
    cond measured = lw->error ? COND_TRUE : wlan_measure(lw, length, v);

    return cond_and(lw, measured, cond_define(lw, var, payload));
}

/*
 * @filter with the 802.11 header measured, optimized: where its payload is first read, and at once if every
 * frame of data that is accepted has been read through it.
 */
static cond wlan_header(struct lower *lw, uint32_t var, const struct cursor_var *v, cond filter)
{
    const struct read_by *r = conditions_through(lw, filter, var, wlan_kind(lw, v));

    if (!r)
        return filter;
    return put_before(lw, filter, r,
                      r[filter].yes ? wlan_measure_whole(lw, var, v) : wlan_measure_late(lw, var, v));
}

cond lower_prefix(struct lower *lw, cond filter)
{
    const struct address packet = {IR_NONE, 0};
    cond all = COND_TRUE;

    if (lw->in->start->lt->prefix == PREFIX_PPI)
        all = cond_eq(lw, load(lw, packet, 4, 4), PPI_DLT_80211);
    /* 802.11 measures from behind the radio header, whose variable has the smaller number */
    for (uint32_t var = lw->in->var.n; var-- > 1;)
        if (lw->var.at[var].used && lw->in->var.at[var].kind == VAR_WLAN_PAYLOAD && lw->in->var.at[var].base)
            lw->var.at[lw->in->var.at[var].base].used = true;
    for (uint32_t var = 1; var < lw->in->var.n; var++) {
        const struct cursor_var *v = &lw->in->var.at[var];
        if (!lw->var.at[var].used)
            continue;
        if (v->kind == VAR_RADIO_END) {
            all = cond_and(lw, all, radio_measure(lw, var, v->lt->prefix));
        } else if (v->kind == VAR_WLAN_PAYLOAD && lw->o->optimize) {
            filter = wlan_header(lw, var, v, filter);
        } else if (v->kind == VAR_WLAN_PAYLOAD) {
            all = cond_and(lw, all, wlan_measure(lw, var, v));
        } else if (v->kind == VAR_PFLOG_END) {
            pend_guard(lw, packet, 0, 1);
            all = cond_and(lw, all, read_only(lw));
        }
    }
    return cond_and(lw, all, filter);
}
