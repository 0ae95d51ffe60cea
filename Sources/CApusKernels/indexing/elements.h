/// Single elements of any dtype, and index values.
#ifndef APUS_ELEMENTS_H
#define APUS_ELEMENTS_H
#include "../pointwise/loops.h"
#include "../support/plan.h"

/// An index view's value at an address: int64 or int32.
APUS_INLINE int64_t apus_index_at(const char *address, int32_t dtype) {
    if (dtype == APUS_INT64) return *(const int64_t *)address;
    return *(const int32_t *)address;
}
APUS_INLINE bool apus_dtype_is_index(int32_t dtype) { return dtype == APUS_INT64 || dtype == APUS_INT32; }

/// Copies one element of a size known at run time.
APUS_INLINE void apus_copy_element(char *to, const char *from, int64_t item) {
    switch (item) {
    case 1: *to = *from; break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    default: memcpy(to, from, 16); break;
    }
}

/// target op= source for one element; APUS_SCATTER_SET copies. Null where the dtype lacks the operation.
typedef void (*apus_update)(char *target, const char *source);
apus_update apus_find_update(apus_scatter_op op, int32_t dtype);

/// Records the first bad index of several threads and returns the status.
int apus_bad_index(int64_t value, int64_t *bad_index);
#endif
