/// Elements as integers that compare in the same order.
#ifndef APUS_SORT_KEYS_H
#define APUS_SORT_KEYS_H
#include "../pointwise/loops.h"
#include "../support/plan.h"

/// A row's element: its key, and where it stood.
typedef struct { uint64_t key; int64_t index; } apus_keyed;
typedef struct { uint32_t key; int32_t index; } apus_keyed32;

/// Order-preserving keys: NaN (of either sign) above all, -0 equal to 0. `wide` rows need 64 bits.
bool apus_key_is_wide(int32_t dtype);
/// Fills `keys` (uint32_t, or uint64_t for wide dtypes) from n strided elements. Complex dtypes have no order.
void apus_keys_make(void *keys, const char *data, int64_t stride, int64_t n, int32_t dtype);
/// Stable sort of a permutation by key: `order` is filled with positions. `scratch` holds 2 * n pairs of the key's width. Descending keeps equals in order.
void apus_sort_order(const void *keys, bool wide, bool descending, int64_t n, int64_t *order, void *scratch);
#endif
