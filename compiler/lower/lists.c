/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lower/lists.c - a long list of one primitive is lowered as one primitive.
 *
 *   host a or host b or ... or host z      ip and (src in {a ... z} or dst in {a ... z}) or arp and ...
 *   not port 1 and not port 2 and ...      not (... sport in {1, 2 ...} or dport in {1, 2 ...})
 *   ip6 host a or ip6 host b or ...        ip6 and (switch first word of src: those of a, b, ... -> the next
 *                                          word ...
 *
 * Primitives that differ in nothing but the number they look for, one after the other in one list, become the
 * first of them, which asks for the set. factor.c would find the same from the tests of each; here they are
 * never made, so a list of hosts costs its text and a sort. Numbers of several words, IPv6 and MAC addresses,
 * are searched word by word.
 *
 * Refines: the tests of one primitive stay in their order, and each one's value was tested by every primitive
 * in front of the one that accepts; a word is read where those before it are right, as by the primitive that
 * has them. Nothing is moved past another primitive.
 */
#include <stdlib.h>
#include <string.h>
#include "base/sort.h"
#include "lower/cond.h"

#define SWITCH_MIN 6 /* first words from which numbers are searched by them, */
/* Or numbers, however few first words they have: what is behind one does not go on at the next then. */
#define ROWS_MANY 128
#define FEW       8  /* intervals that are inserted one by one */
#define SORT_MIN  64 /* intervals that are worth memory to be sorted faster */
#define LIST_MIN  16 /* primitives from which they are one; shorter lists keep the order of the text */
#define WLAN_FEW  8  /* primitives of a filter of which two 802.11 addresses are a list */

int interval_order(const void *a, const void *b)
{
    const struct ir_range *x = a, *y = b;

    return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1) : x->hi != y->hi ? (x->hi < y->hi ? -1 : 1) : 0;
}

/* Many that are not in order yet; false when there is no memory to do it fast. */
static bool intervals_sort(struct arena *a, struct ir_range *in, uint32_t n)
{
    struct arena_mark mark = arena_mark(a);
    struct sort_key *key = arena_array(a, struct sort_key, 2 * (size_t)n);

    if (!key)
        return false;
    for (uint32_t i = 0; i < n; i++)
        key[i] = (struct sort_key){in[i].lo, in[i].hi};
    const struct sort_key *sorted = sort_keys(key, key + n, n);
    for (uint32_t i = 0; i < n; i++)
        in[i] = (struct ir_range){sorted[i].key, sorted[i].index};
    arena_rewind(a, mark);
    return true;
}

static void intervals_insert(struct ir_range *in, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct ir_range one = in[i];
        uint32_t to = i;
        for (; to && interval_order(&in[to - 1], &one) > 0; to--)
            in[to] = in[to - 1];
        in[to] = one;
    }
}

uint32_t intervals_unite(struct arena *a, struct ir_range *in, uint32_t n)
{
    uint32_t m = 0;

    if (n <= FEW)
        intervals_insert(in, n);
    else if (n < SORT_MIN || !intervals_sort(a, in, n))
        qsort(in, n, sizeof *in, interval_order);
    for (uint32_t i = 0; i < n; i++) {
        if (m && (in[i].lo <= in[m - 1].hi || in[i].lo == in[m - 1].hi + 1)) {
            if (in[i].hi > in[m - 1].hi)
                in[m - 1].hi = in[i].hi;
        } else {
            in[m++] = in[i];
        }
    }
    return m;
}

/* A list being read. */
struct reading {
    struct lower *lw;
    struct lists *out;
    uint32_t chain;     /* the AND or OR whose items these are */
    uint32_t words;     /* of their numbers */
    uint32_t macs;      /* primitives of the filter that look for a MAC address */
    VEC(uint32_t) node; /* the primitives, in order */
};

/* Words of a prefix; 0 when the mask is none. */
static uint32_t prefix_words(const uint32_t *mask, uint32_t n)
{
    uint32_t words = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t rest = ~mask[i];
        if ((rest & (rest + 1)) || (mask[i] && i && mask[i - 1] != UINT32_MAX))
            return 0;
        words += mask[i] != 0;
    }
    return words;
}

static bool is_wlan(const struct cursor *c)
{
    return c->lt->address == ADDRESS_WLAN;
}

uint32_t prim_number_words(const struct prim *p)
{
    uint32_t words = 1;

    if (p->dir == DIR_SRC_AND_DST || p->set)
        return 0;
    switch ((enum prim_kind)p->kind) {
    case PRIM_PORT:
        return 1;
    case PRIM_MAC48: /* of 802.11 frames a side alone is better regrouped (factor.c) */
        return is_wlan(p->cursor) && p->dir != DIR_NONE && p->dir != DIR_SRC_OR_DST ? 0 : 2;
    case PRIM_HOST:
        if (p->count && p->count6)
            return 0;
        for (uint32_t i = 0; i < p->count && words; i++)
            words = prefix_words(&p->u.v4[i].mask, 1);
        for (uint32_t i = 0; i < p->count6 && words; i++) {
            uint32_t n = prefix_words(p->v6[i].mask, 4);
            words = i == 0 || n == words ? n : 0;
        }
        return words;
    default:
        return 0;
    }
}

bool prim_asks_the_same(const struct prim *p, const struct prim *q)
{
    if (p->kind != q->kind || p->dir != q->dir || p->cursor != q->cursor || p->families != q->families)
        return false;
    if (p->kind == PRIM_HOST && !p->count != !q->count)
        return false;
    return p->kind != PRIM_PORT ||
           (p->count == q->count && memcmp(p->u.numbers, q->u.numbers, p->count * sizeof *p->u.numbers) == 0);
}

static const struct prim *prim_at(const struct lower *lw, uint32_t node)
{
    return &lw->in->prim.at[lw->in->prim_of[node]];
}

uint32_t prim_number_count(const struct prim *p)
{
    return p->kind != PRIM_HOST ? 1 : p->count ? p->count : p->count6;
}

struct list_row prim_number_at(const struct prim *p, uint32_t i, uint32_t words)
{
    struct list_row row = {.last = 0};

    if (p->kind == PRIM_PORT)
        return (struct list_row){{p->lo}, p->hi};
    if (p->kind == PRIM_HOST && p->count)
        return (struct list_row){{p->u.v4[i].addr}, p->u.v4[i].addr | ~p->u.v4[i].mask};
    if (p->kind == PRIM_MAC48) {
        row.word[0] =
            (uint32_t)p->mac[2] << 24 | (uint32_t)p->mac[3] << 16 | (uint32_t)p->mac[4] << 8 | p->mac[5];
        row.word[1] = (uint32_t)p->mac[0] << 8 | p->mac[1];
        row.last = row.word[1];
        return row;
    }
    memcpy(row.word, p->v6[i].addr, words * sizeof row.word[0]);
    row.last = p->v6[i].addr[words - 1] | ~p->v6[i].mask[words - 1];
    return row;
}

/* The @n rows of @words words in order; NULL: no memory. */
static const struct list_row *rows_sorted(struct arena *a, const struct list_row *rows, uint32_t n,
                                          uint32_t words)
{
    struct list_row *sorted = arena_array(a, struct list_row, n);
    struct arena_mark mark = arena_mark(a);
    struct sort_key *key = arena_array(a, struct sort_key, 2 * (size_t)n), *from = key;

    if (!sorted || !key)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        key[i] = (struct sort_key){rows[i].last, i};
    for (uint32_t w = words;; w--) {
        from = sort_keys(from, from == key ? key + n : key, n);
        if (w == 0)
            break;
        for (uint32_t i = 0; i < n; i++)
            from[i].key = rows[from[i].index].word[w - 1];
    }
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = rows[from[i].index];
    arena_rewind(a, mark);
    return sorted;
}

/* The list of all numbers of the primitives @node, of @words words each. Its words are 0 when memory is out.
 */
static struct list list_make(struct lower *lw, const uint32_t *node, uint32_t nodes, uint32_t words)
{
    uint32_t total = 0, n = 0;

    for (uint32_t i = 0; i < nodes; i++)
        total += prim_number_count(prim_at(lw, node[i]));
    struct ir_range *at = words == 1 ? arena_array(lw->arena, struct ir_range, total) : NULL;
    struct list_row *rows = words == 1 ? NULL : arena_array(lw->front, struct list_row, total);
    if (!at && !rows)
        return (struct list){.words = 0};
    for (uint32_t i = 0; i < nodes; i++) {
        const struct prim *p = prim_at(lw, node[i]);
        for (uint32_t k = 0; k < prim_number_count(p); k++, n++) {
            struct list_row row = prim_number_at(p, k, words);
            if (at)
                at[n] = (struct ir_range){row.word[0], row.last};
            else
                rows[n] = row;
        }
    }
    if (at)
        return (struct list){.words = words, .at = at, .n = intervals_unite(lw->arena, at, n)};
    /* few are asked for one after the other, in the order of the text */
    const struct list_row *sorted = n < SWITCH_MIN ? rows : rows_sorted(lw->front, rows, n, words);
    return (struct list){.words = sorted ? words : 0, .row = sorted, .n = n};
}

/*
 * Primitives that the list must have to become one. Which fields of an 802.11 frame hold addresses is asked
 * for every primitive, so two of them are worth it where few are, and all of them where there are more: what
 * stands between them is then better regrouped with them (factor.c).
 */
static uint32_t list_least(const struct reading *r)
{
    const struct prim *p = prim_at(r->lw, r->node.at[0]);

    if (p->kind != PRIM_MAC48 || !is_wlan(p->cursor))
        return LIST_MIN;
    return r->lw->in->prim.n <= WLAN_FEW || r->macs < 2 ? 2 : r->macs;
}

/* The list that was read ends: it becomes one primitive if it has enough of them. */
static void list_end(struct reading *r)
{
    struct lower *lw = r->lw;

    if (r->node.n && r->node.n >= list_least(r)) {
        struct list list = list_make(lw, r->node.at, r->node.n, r->words);
        if (!list.words || !vec_push(lw->arena, &r->out->list, list))
            lw->error = WEIR_E_MEMORY;
        for (uint32_t i = 0; i < r->node.n; i++)
            r->out->role[r->node.at[i]] = LIST_MEMBER;
        r->out->role[r->node.at[0]] = r->out->list.n;
    }
    r->node.n = 0;
}

/* The next item of @chain: the primitive @node, or something else (AST_NONE). */
static void item_read(struct reading *r, uint32_t chain, uint32_t node)
{
    uint32_t words = node == AST_NONE ? 0 : prim_number_words(prim_at(r->lw, node));

    if (r->node.n && (words != r->words || chain != r->chain ||
                      !prim_asks_the_same(prim_at(r->lw, r->node.at[0]), prim_at(r->lw, node))))
        list_end(r);
    r->chain = chain;
    r->words = words;
    if (words && !vec_push(r->lw->front, &r->node, node))
        r->lw->error = WEIR_E_MEMORY;
}

/* The primitive that an item of an OR is, or that an item of an AND negates; AST_NONE for another item. */
static uint32_t item_prim(const struct lower *lw, uint8_t kind, uint32_t item)
{
    const struct ast_node *n = &lw->in->ast->node.at[item];

    if (kind == AST_AND) {
        if (n->kind != AST_NOT)
            return AST_NONE;
        item = n->left;
    }
    return lw->in->prim_of[item] == AST_NONE ? AST_NONE : item;
}

void lists_find(struct lower *lw, struct lists *out)
{
    const struct ast *t = lw->in->ast;
    struct reading r = {.lw = lw, .out = out, .chain = AST_NONE};

    *out = (struct lists){.role = NULL};
    if (t->node.n < LIST_MIN && !is_wlan(lw->in->start))
        return;
    /* by node: the topmost of the ANDs or ORs that it continues, or whose item it is; plus one */
    uint32_t *chain = arena_array(lw->front, uint32_t, t->node.n);
    out->role = arena_array(lw->front, uint32_t, t->node.n);
    if (!chain || !out->role) {
        lw->error = WEIR_E_MEMORY;
        return;
    }
    for (uint32_t i = t->node.n; i-- > 0;) { /* parents before children */
        const struct ast_node *n = &t->node.at[i];
        if (n->kind != AST_AND && n->kind != AST_OR)
            continue;
        bool continues = chain[i] && t->node.at[chain[i] - 1].kind == n->kind;
        uint32_t top = continues ? chain[i] : i + 1;
        chain[n->left] = chain[n->right] = top;
    }
    for (uint32_t i = 0; i < lw->in->prim.n; i++)
        r.macs += lw->in->prim.at[i].kind == PRIM_MAC48;
    for (uint32_t i = 0; i < t->node.n && !lw->error; i++) { /* items in the order of the text */
        if (!chain[i])
            continue;
        uint8_t kind = t->node.at[chain[i] - 1].kind;
        if (t->node.at[i].kind != kind)
            item_read(&r, chain[i] - 1, item_prim(lw, kind, i));
    }
    list_end(&r);
    if (!lw->error)
        rows_find(lw, chain, out);
}

/* ---------------------------------------------------------------- numbers of several words */

/* Is the number whose words are @v one of the @n rows, from word @k on? They are alike up to there. */
static cond in_rows(struct lower *lw, const ir_value *v, const struct list_row *row, uint32_t n, uint32_t k)
{
    uint32_t groups = 1, m = 0;

    if (k + 1 == lw->list.words) {
        struct ir_range *in = arena_array(lw->arena, struct ir_range, n);
        for (uint32_t i = 0; in && i < n; i++)
            in[i] = (struct ir_range){row[i].word[k], row[i].last};
        return in ? cond_in_set(lw, v[k], in, intervals_unite(lw->arena, in, n)) : COND_FALSE;
    }
    for (uint32_t i = 1; i < n; i++)
        groups += row[i].word[k] != row[i - 1].word[k];
    cond *child = arena_array(lw->arena, cond, groups);
    struct ir_case *to = arena_array(lw->arena, struct ir_case, 2 * (size_t)groups + 1);
    if (!child || !to) {
        lw->error = WEIR_E_MEMORY;
        return COND_FALSE;
    }
    groups = 0;
    for (uint32_t i = 0, next; i < n; i = next) {
        uint32_t w = row[i].word[k];
        for (next = i + 1; next < n && row[next].word[k] == w; next++)
            ;
        if (w && (m == 0 || to[m - 1].last != w - 1))
            to[m++] = (struct ir_case){w - 1, UINT32_MAX};
        to[m++] = (struct ir_case){w, groups};
        child[groups++] = in_rows(lw, v, row + i, next - i, k + 1);
    }
    if (groups < SWITCH_MIN &&
        (n < ROWS_MANY || lw->o->tune == WEIR_TUNE_SIZE)) { /* few are asked one after the other */
        cond any = COND_FALSE;
        for (uint32_t i = 0; i < m; i++)
            if (to[i].target != UINT32_MAX)
                any = cond_or(lw, any, cond_and(lw, cond_eq(lw, v[k], to[i].last), child[to[i].target]));
        return any;
    }
    if (to[m - 1].last != UINT32_MAX)
        to[m++] = (struct ir_case){UINT32_MAX, UINT32_MAX};
    cond c = cond_switch(lw, v[k], to, m, COND_FALSE);
    for (uint32_t i = 0; i < groups; i++)
        cond_switch_child(lw, c, i, child[i]);
    return c;
}

cond cond_in_list(struct lower *lw, const ir_value *v)
{
    if (lw->list.column)
        return cond_in_column(lw, v);
    if (lw->list.words == 1)
        return cond_in_set(lw, v[0], lw->list.at, lw->list.n);
    return in_rows(lw, v, lw->list.row, lw->list.n, 0);
}
