/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/sort.h - sorting many things by a number.
 *
 * What is sorted are (number, index) pairs, so that those with one number keep their order and every array is
 * sorted by the same code. Linear in the pairs: a radix sort by bytes, which skips those that all numbers
 * share.
 */
#ifndef WEIR_BASE_SORT_H
#define WEIR_BASE_SORT_H
#include <stdint.h>

struct sort_key {
    uint32_t key, index;
};

/** Sorts @n keys, in place or in @spare, which has as much room. Returns where they are. */
struct sort_key *sort_keys(struct sort_key *at, struct sort_key *spare, uint32_t n);
#endif
