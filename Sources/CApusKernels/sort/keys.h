/// Elements as integers that compare in the same order.
#ifndef APUS_SORT_KEYS_H
#define APUS_SORT_KEYS_H
#include "../pointwise/loops.h"
#include "../support/plan.h"

/// Rows of narrow keys up to this length are sorted by comparing each with each.
enum { APUS_SHORT_ROW = 64 };

/// A row's element: its key, and where it stood.
typedef struct { uint64_t key; int64_t index; } apus_keyed;
typedef struct { uint32_t key; int32_t index; } apus_keyed32;

/// Order-preserving keys: NaN (of either sign) above all, -0 equal to 0. `wide` rows need 64 bits.
bool apus_key_is_wide(int32_t dtype);
/// Fills `keys` (uint32_t, or uint64_t for wide dtypes) from n strided elements. Complex dtypes have no order.
void apus_keys_make(void *keys, const char *data, int64_t stride, int64_t n, int32_t dtype);
/// Stable sort of a permutation by key: `order` is filled with positions. `scratch` holds 2 * n pairs of the key's width. Descending keeps equals in order.
void apus_sort_order(const void *keys, bool wide, bool descending, int64_t n, int64_t *order, void *scratch);
/// The `k` first positions of the stable order of a row of narrow keys that is not long, by looking for the smallest `k` times. `scratch` holds n + 15
/// numbers.
void apus_order_few(const uint32_t *keys, bool descending, int64_t n, int64_t k, int64_t *order, int64_t *scratch);
/// Where the key of rank `k` (from 0) stands in the stable order, without sorting. `scratch` holds n keys.
int64_t apus_select_position(const void *keys, bool wide, int64_t n, int64_t k, void *scratch);
/// Positions of the `k` first in the stable order (at least 1), ascending. `scratch` holds n keys.
void apus_select_smallest(const void *keys, bool wide, int64_t n, int64_t k, int64_t *positions, void *scratch);
/// How many keys of a floating dtype stand for NaN.
int64_t apus_keys_missing(const void *keys, bool wide, int64_t n);
#endif
