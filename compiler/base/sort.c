/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sort.h"

#define FEW 32 /* keys that are inserted one by one */

static void insert_all(struct sort_key *at, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct sort_key k = at[i];
        uint32_t to = i;
        for (; to && at[to - 1].key > k.key; to--)
            at[to] = at[to - 1];
        at[to] = k;
    }
}

/* From the lowest byte up: each turn keeps the order of those before (Knuth, The Art of Computer Programming
 * 3, 5.2.5). */
static struct sort_key *sort_by_bytes(struct sort_key *at, struct sort_key *spare, uint32_t n)
{
    uint32_t count[4][256] = {{0}};

    for (uint32_t i = 0; i < n; i++)
        for (unsigned byte = 0; byte < 4; byte++)
            count[byte][at[i].key >> 8 * byte & 255]++;
    for (unsigned byte = 0; byte < 4; byte++) {
        uint32_t start = 0, *to = count[byte];
        if (to[at[0].key >> 8 * byte & 255] == n)
            continue;
        for (unsigned digit = 0; digit < 256; digit++) {
            uint32_t many = to[digit];
            to[digit] = start;
            start += many;
        }
        for (uint32_t i = 0; i < n; i++)
            spare[to[at[i].key >> 8 * byte & 255]++] = at[i];
        struct sort_key *sorted = spare;
        spare = at;
        at = sorted;
    }
    return at;
}

struct sort_key *sort_keys(struct sort_key *at, struct sort_key *spare, uint32_t n)
{
    if (n > FEW)
        return sort_by_bytes(at, spare, n);
    insert_all(at, n);
    return at;
}
